//! Changing a sink: the form of a new one, filled in with what it is told.

use std::collections::BTreeMap;
use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use billhook_engine::publish;
use billhook_registry::SinkRecord;
use billhook_stream::settings::SinkSettings;
use serde_json::{Map, Value};

use super::fields::{self, Choice, Field, KINDS};
use crate::api::sinks::{self, SinkToChange};
use crate::app::App;
use crate::ask::{Ask, Posted};
use crate::fail::Fail;
use crate::routes::{Need, Route, get, post};
use crate::shell::{Place, Shell, draw};

/// The page and its form.
pub(super) fn routes() -> Vec<Route> {
    vec![
        get("/streams/{sink}/change", Need::Admin, page),
        post("/streams/{sink}/change", Need::Admin, save),
    ]
}

#[derive(Template)]
#[template(path = "streams/change.html")]
struct ChangePage {
    shell: Shell,
    name: String,
    title: &'static str,
    /// The lake's version up to which it was told everything.
    position: i64,
    /// When it was last changed, so that nobody's change is lost.
    seen: i64,
    fields: Vec<Field>,
    types: Vec<Choice>,
    connections: Vec<Choice>,
    filters: String,
    formats: Vec<Choice>,
    granularities: Vec<Choice>,
    /// The secrets that it has.
    drops: Vec<Choice>,
    is_unverified: bool,
    problem: String,
    /// What to do about it.
    fix: String,
}

async fn page(
    State(app): State<Arc<App>>,
    ask: Ask,
    Path(name): Path<String>,
) -> Result<Response, Fail> {
    let sink = sinks::find(&app, &name).await?;
    let settings = publish::settings_of(&sink)?;
    let form = filled(&settings)?;
    draw(&drawn(&app, &ask, &sink, &settings, &form, None).await?)
}

async fn save(
    State(app): State<Arc<App>>,
    ask: Ask,
    Path(name): Path<String>,
    form: Posted,
) -> Result<Response, Fail> {
    let sink = sinks::find(&app, &name).await?;
    let settings = publish::settings_of(&sink)?;
    let changed = match read(&form, &sink, &settings) {
        Ok(wanted) => Box::pin(sinks::change(&app, &ask, &name, wanted)).await,
        Err(fail) => Err(fail),
    };
    let Err(fail) = changed else {
        return Ok(Redirect::to(&format!("/streams/{name}/settings")).into_response());
    };
    if !matches!(fail.status, StatusCode::UNPROCESSABLE_ENTITY | StatusCode::BAD_REQUEST) {
        return Err(fail.linked("The sink as it is now", format!("/streams/{name}/change")));
    }
    let page = drawn(&app, &ask, &sink, &settings, &form, Some(&fail)).await?;
    Ok((StatusCode::UNPROCESSABLE_ENTITY, draw(&page)?).into_response())
}

async fn drawn(
    app: &App,
    ask: &Ask,
    sink: &SinkRecord,
    settings: &SinkSettings,
    form: &Posted,
    fail: Option<&Fail>,
) -> Result<ChangePage, Fail> {
    let name = sink.name.as_str();
    let title = if fail.is_some() { "Error: Change" } else { "Change" };
    let shell = Shell::new(app, ask, Place::Streams, &[title, name, "Streams"]).await?;
    let why = fail.map_or("", |fail| fail.why.as_str());
    let setting = fail.map_or("", sinks::setting);
    let told = why.strip_prefix(setting).map_or(why, |rest| rest.trim_start_matches(": "));
    let kind = settings.target.kind();
    let mut fields = fields::fields(kind, Some(form), (setting, told));
    for field in &mut fields {
        field.is_set = has(sink, field.name);
    }
    let known = app.pulse().await?;
    let known = known.connections.iter().map(|felt| felt.connection.name.as_str());
    // Those that are gone stay chosen until somebody chooses otherwise.
    let gone = settings.connections.iter().map(String::as_str);
    let mut names: Vec<&str> = known.chain(gone).collect();
    names.sort_unstable();
    names.dedup();
    let connections =
        names.into_iter().map(|name| fields::ticked(name, "connections", Some(form))).collect();
    let [formats, granularities] = fields::shapes(Some(form));
    let here = format!("/streams/{name}");
    let drop = |secret: &String| fields::ticked(secret, "drop", Some(form));
    let seen = form.get("seen").and_then(|seen| seen.parse().ok());
    Ok(ChangePage {
        shell: shell.under(&[("Streams", "/streams"), (name, here.as_str())]),
        name: name.to_owned(),
        title: KINDS.iter().find(|known| known.name == kind).map_or("Sink", |known| known.title),
        position: sink.cursor.0,
        seen: seen.unwrap_or(sink.changed_at),
        fields,
        types: fields::types(Some(form)),
        connections,
        filters: form.raw("filters").unwrap_or_default().to_owned(),
        formats,
        granularities,
        drops: sink.secrets.iter().map(drop).collect(),
        is_unverified: form.has("unverified"),
        problem: why.to_owned(),
        fix: fail.map_or_else(String::new, |fail| fail.fix.clone()),
    })
}

/// Has the sink the secret of a field?
fn has(sink: &SinkRecord, field: &str) -> bool {
    sink.secrets.iter().any(|name| {
        name == field || (field == "secret_header_value" && name.starts_with("header:"))
    })
}

/// What the form says, beside what is told already: settings that it has no fields for stay.
fn read(form: &Posted, sink: &SinkRecord, before: &SinkSettings) -> Result<SinkToChange, Fail> {
    let kind = before.target.kind();
    let mut settings = fields::said(form, kind)?;
    if let Value::Object(settings) = &mut settings {
        settings.remove("from");
    }
    let known = written(before)?;
    for place in ["/target/headers", "/filters"] {
        if let Some(Value::Object(said)) = settings.pointer_mut(place)
            && let Some(Value::Object(known)) = known.pointer(place)
        {
            take_away(said, known);
        }
    }
    let typed = fields::secrets(form, kind).into_iter();
    let mut secrets: BTreeMap<String, Option<String>> =
        typed.map(|(name, value)| (name, Some(value))).collect();
    let is_unsigned = kind == "http" && !form.has("signs");
    let unused = sink.secrets.iter().filter(|name| is_unsigned && *name == "webhook");
    let unwanted = form.all("drop").filter(|name| sink.secrets.iter().any(|own| own == name));
    for name in unwanted.chain(unused.map(String::as_str)) {
        secrets.entry(name.to_owned()).or_insert(None);
    }
    let seen = form.get("seen").and_then(|seen| seen.parse().ok());
    Ok(SinkToChange { settings, secrets, seen, unverified: form.has("unverified") })
}

/// Names that stood there and are not said any more.
fn take_away(said: &mut Map<String, Value>, known: &Map<String, Value>) {
    for name in known.keys() {
        if !said.contains_key(name) {
            said.insert(name.clone(), Value::Null);
        }
    }
}

fn written(settings: &SinkSettings) -> Result<Value, Fail> {
    serde_json::to_value(settings)
        .map_err(|error| Fail::internal(format!("settings cannot be written: {error}")))
}

/// The form as somebody would fill it in who wants what there is. No secrets.
fn filled(settings: &SinkSettings) -> Result<Posted, Fail> {
    let whole = written(settings)?;
    let mut pairs = Vec::new();
    for (name, value) in whole.as_object().into_iter().flatten() {
        match (name.as_str(), value) {
            ("target", target) => fill(target, &mut pairs),
            ("filters", Value::Object(filters)) => pairs.push((name.clone(), lines(filters, "="))),
            (_, Value::Array(names)) => {
                // The form knows types by their short names.
                let names = names.iter().filter_map(Value::as_str).map(fields::short);
                pairs.extend(names.map(|one| (name.clone(), one.to_owned())));
            }
            (_, Value::String(text)) => pairs.push((name.clone(), text.clone())),
            _ => {}
        }
    }
    Ok(Posted(pairs))
}

/// The fields of a target.
fn fill(target: &Value, pairs: &mut Vec<(String, String)>) {
    for (name, value) in target.as_object().into_iter().flatten() {
        match value {
            Value::String(text) => pairs.push((name.clone(), text.clone())),
            Value::Number(number) => pairs.push((name.clone(), number.to_string())),
            Value::Bool(true) => pairs.push((name.clone(), "1".to_owned())),
            Value::Array(list) => {
                let list: Vec<&str> = list.iter().filter_map(Value::as_str).collect();
                pairs.push((name.clone(), list.join(", ")));
            }
            Value::Object(headers) if name == "headers" => {
                pairs.push((name.clone(), lines(headers, ": ")));
            }
            // Who sends, of AWS.
            Value::Object(_) => fill(value, pairs),
            Value::Null | Value::Bool(false) => {}
        }
    }
}

/// A line for each name and its value.
fn lines(map: &Map<String, Value>, sign: &str) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let lines: Vec<String> =
        map.iter().map(|(name, value)| format!("{name}{sign}{}", text(value))).collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use billhook_registry::{NewSink, Registry, SecretString};
    use serde_json::json;

    use super::*;

    fn sink(settings: &Value, secrets: &[&str]) -> (SinkRecord, SinkSettings) {
        let home = tempfile::tempdir().unwrap();
        let registry = Registry::open(home.path()).unwrap();
        let secrets =
            secrets.iter().map(|name| ((*name).to_owned(), SecretString::from("abcdefgh")));
        let settings: SinkSettings = serde_json::from_value(settings.clone()).unwrap();
        let new =
            NewSink { name: "a".to_owned(), settings: json!(settings), secrets: secrets.collect() };
        (registry.add_sink(new, 0).unwrap(), settings)
    }

    fn every_kind() -> [Value; 8] {
        [
            json!({
                "kind": "http", "url": "https://hooks.example/a", "mode": "batched",
                "headers": { "X-Team": "finops", "X-Url": "http://a:1" }, "signs": true,
                "timeout_s": 7,
            }),
            json!({
                "kind": "kafka", "brokers": ["a:9092", "b:9092"], "topic": "t", "tls": true,
                "sasl": "scram_sha_512", "user": "me", "mode": "binary",
            }),
            json!({ "kind": "nats", "servers": ["nats://a:4222"], "stream": "costs" }),
            json!({
                "kind": "eventbridge", "bus": "b", "region": "eu-central-1",
                "identity": { "role_arn": "arn:aws:iam::1:role/r", "external_id": "x" },
            }),
            json!({ "kind": "sqs", "queue_url": "https://sqs.example/1/q",
                "endpoint": "http://localhost:1" }),
            json!({ "kind": "sns", "topic_arn": "arn:aws:sns:eu-central-1:1:t",
                "identity": { "profile": "p" } }),
            json!({ "kind": "file", "path": "/var/log/events.ndjson" }),
            json!({ "kind": "stdout" }),
        ]
    }

    #[test]
    fn a_form_that_is_sent_back_as_it_is_changes_nothing() {
        for target in every_kind() {
            let whole = json!({
                "target": target, "granularity": "hourly", "from": "history",
                "types": ["cost.restated", "cost.recorded"], "connections": ["acme", "gone"],
                "filters": { "serviceName": "Amazon S3", "currency": "USD" },
            });
            let (sink, before) = sink(&whole, &[]);
            let form = filled(&before).unwrap();
            let wanted = read(&form, &sink, &before).unwrap();
            assert!(wanted.secrets.is_empty(), "{target}");
            let after = sinks::merged(&before, wanted.settings).unwrap();
            assert_eq!(after, before, "{target}");
        }
    }

    #[test]
    fn what_is_taken_out_of_the_form_is_taken_away_and_secrets_stay() {
        let [target, ..] = every_kind();
        let whole = json!({ "target": target, "filters": { "currency": "USD" } });
        let (sink, before) = sink(&whole, &["webhook", "header:X-Key"]);
        let mut form = filled(&before).unwrap();
        form.0.retain(|(name, _)| name != "headers" && name != "filters");
        form.0.push(("headers".to_owned(), "X-Team: finance".to_owned()));
        form.0.push(("seen".to_owned(), "7".to_owned()));
        let wanted = read(&form, &sink, &before).unwrap();
        assert_eq!((wanted.secrets.len(), wanted.seen), (0, Some(7)));
        let after = serde_json::to_value(sinks::merged(&before, wanted.settings).unwrap());
        let after = after.unwrap();
        assert_eq!(after["target"]["headers"], json!({ "X-Team": "finance" }));
        assert_eq!(after["filters"], json!({}));
        // One is typed anew, one is not needed any more, one is to be forgotten.
        form.0.retain(|(name, _)| name != "signs");
        form.0.push(("drop".to_owned(), "header:X-Key".to_owned()));
        form.0.push(("drop".to_owned(), "no such".to_owned()));
        form.0.push(("secret_header".to_owned(), "Authorization".to_owned()));
        form.0.push(("secret_header_value".to_owned(), "Bearer new".to_owned()));
        let wanted = read(&form, &sink, &before).unwrap();
        let secrets: Vec<(&str, bool)> =
            wanted.secrets.iter().map(|(name, new)| (name.as_str(), new.is_some())).collect();
        let expected =
            [("header:Authorization", true), ("header:X-Key", false), ("webhook", false)];
        assert_eq!(secrets, expected);
        assert!(has(&sink, "secret_header_value") && has(&sink, "webhook"));
        assert!(!has(&sink, "password"));
    }
}
