//! What is changed of a sink that is there. It stays where it is: what it took is not sent again.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use billhook_engine::publish::{self, Change};
use billhook_engine::{EngineError, Home};
use billhook_registry::{Registry, RegistryError, SecretString, SinkRecord};
use billhook_stream::settings::{SinkSettings, Target};
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::{OpenApi, ToSchema};

use super::make::{make_folder, reachable, unreadable, verify, writer};
use super::{SinkView, find, on_thread, one};
use crate::api::told;
use crate::app::App;
use crate::ask::Ask;
use crate::fail::Fail;
use crate::routes::{Need, Route, patch};

/// All ways in.
pub(super) fn routes() -> Vec<Route> {
    vec![patch("/api/v1/sinks/{name}", Need::Admin, change_sink_call)]
}

/// What is changed of a sink; what is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SinkToChange {
    /// Settings as a JSON merge patch (RFC 7396): what is named is replaced, null takes away. Kind
    /// and start cannot be changed.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub(crate) settings: Value,
    /// Secrets by name: another value, or null to forget one. For another receiver all of them are
    /// given again.
    #[serde(default)]
    pub(crate) secrets: BTreeMap<String, Option<String>>,
    /// `seen` of what was read, so that nobody's change is lost.
    #[serde(default)]
    pub(crate) seen: Option<i64>,
    /// Save it without sending a test event first.
    #[serde(default)]
    pub(crate) unverified: bool,
}

/// Changes a sink. Where it sends to another place or with other secrets, one test event is sent
/// first unless that is not wanted, and nothing is changed when it is not taken.
///
/// # Errors
/// When there is no such sink, somebody changed it meanwhile, what it would be cannot be used, or
/// the receiver does not take the event.
pub(crate) async fn change(
    app: &App,
    ask: &Ask,
    name: &str,
    wanted: SinkToChange,
) -> Result<SinkRecord, Fail> {
    let SinkToChange { settings, secrets, seen, unverified } = wanted;
    let sink = find(app, name).await?;
    if seen.is_some_and(|seen| seen != sink.changed_at) {
        return Err(RegistryError::ChangedMeanwhile { what: format!("the sink {name}") }.into());
    }
    let before = publish::settings_of(&sink)?;
    let mut settings = merged(&before, settings)?;
    if !is_same_place(&before.target, &settings.target) {
        reachable(&mut settings.target, &app.home)?;
    }
    settings.check().map_err(EngineError::from)?;
    if settings == before && secrets.is_empty() {
        return Ok(sink);
    }
    gives_secrets_again(&sink, &before.target, &settings.target, &secrets)?;
    let sends_otherwise = settings.target != before.target || !secrets.is_empty();
    let secrets = secrets.into_iter().map(|(name, value)| (name, value.map(SecretString::from)));
    let change = Change { settings, secrets: secrets.collect() };
    let (was, is) = change.noted(&sink)?;
    if sends_otherwise && !unverified {
        let all = change.all_secrets(&app.registry, &sink).await?;
        verify(name, &change.settings, &all).await?;
    }
    let (home, registry, now) = (app.home.clone(), Arc::clone(&app.registry), app.now());
    let changed = on_thread(move || set(home, registry, sink, change, now)).await?;
    app.note(ask, "sink.changed", name, Some(was), Some(is)).await?;
    app.forget_pulse().await;
    Ok(changed)
}

async fn set(
    home: Home,
    registry: Arc<Registry>,
    sink: SinkRecord,
    change: Change,
    now: i64,
) -> Result<SinkRecord, EngineError> {
    make_folder(&change.settings)?;
    let (settings, writer) = (&change.settings, writer(&home));
    let held = publish::Held::for_change(&home.lake, &registry, &sink, settings, writer);
    let _held = Box::pin(held).await?;
    Box::pin(publish::set(&registry, &sink, change, now)).await
}

/// Settings with what somebody wants of them.
///
/// # Errors
/// When that is no object, or holds what no setting is called or can be.
pub(crate) fn merged(before: &SinkSettings, wanted: Value) -> Result<SinkSettings, Fail> {
    let wanted = match wanted {
        Value::Null => Value::Object(Map::new()),
        Value::Object(_) => wanted,
        _ => return Err(Fail::unusable("settings: give an object with what is to be changed")),
    };
    let mut whole = written(before)?;
    merge(&mut whole, wanted);
    let settings: SinkSettings =
        serde_json::from_value(whole.clone()).map_err(|error| unreadable(&error))?;
    let (was, is) = (before.target.kind(), settings.target.kind());
    if was != is {
        return Err(Fail::unusable(format!("kind: a sink stays {was}: add another one for {is}")));
    }
    match unknown(&whole, &written(&settings)?) {
        Some(name) => Err(Fail::unusable(format!("settings: there is no setting {name}"))),
        None => Ok(settings),
    }
}

fn written(settings: &SinkSettings) -> Result<Value, Fail> {
    serde_json::to_value(settings)
        .map_err(|error| Fail::internal(format!("settings cannot be written: {error}")))
}

/// A JSON merge patch.
fn merge(into: &mut Value, patch: Value) {
    let Value::Object(patch) = patch else {
        *into = patch;
        return;
    };
    if !into.is_object() {
        *into = Value::Object(Map::new());
    }
    let Value::Object(into) = into else { return };
    for (name, value) in patch {
        if value.is_null() {
            into.remove(&name);
        } else {
            merge(into.entry(name).or_insert(Value::Null), value);
        }
    }
}

/// A name that nobody understood.
fn unknown(given: &Value, understood: &Value) -> Option<String> {
    let (Value::Object(given), Value::Object(understood)) = (given, understood) else {
        return None;
    };
    given.iter().find_map(|(name, value)| match understood.get(name) {
        None => Some(name.clone()),
        Some(known) => unknown(value, known).map(|below| format!("{name}.{below}")),
    })
}

/// Is the place the same as before, so that whoever named it was allowed to?
fn is_same_place(was: &Target, is: &Target) -> bool {
    match (was, is) {
        (Target::Http(was), Target::Http(is)) => {
            was.url == is.url && was.allow_private == is.allow_private
        }
        _ => was == is,
    }
}

/// A secret was given for one receiver. Another one is not told it, because whoever names that one
/// would learn it.
fn gives_secrets_again(
    sink: &SinkRecord,
    was: &Target,
    is: &Target,
    given: &BTreeMap<String, Option<String>>,
) -> Result<(), Fail> {
    let known = receivers(was);
    if receivers(is).iter().all(|receiver| known.contains(receiver)) {
        return Ok(());
    }
    let kept: Vec<&str> =
        sink.secrets.iter().filter(|name| !given.contains_key(*name)).map(String::as_str).collect();
    if kept.is_empty() {
        return Ok(());
    }
    Err(Fail::unusable(format!(
        "secrets: {} of {} go to the receiver that they were given for: give them again for \
         another one, or have them forgotten",
        kept.join(", "),
        sink.name
    )))
}

/// Who is told the secrets of a target. Nobody is told those of AWS, which only sign.
fn receivers(target: &Target) -> Vec<String> {
    match target {
        Target::Http(http) => {
            let url = url::Url::parse(http.url.trim());
            vec![url.map_or_else(|_| http.url.clone(), |url| url.origin().ascii_serialization())]
        }
        Target::Nats(nats) => nats.servers.clone(),
        Target::Kafka(kafka) => kafka.brokers.clone(),
        Target::Eventbridge(_)
        | Target::Sqs(_)
        | Target::Sns(_)
        | Target::File { .. }
        | Target::Stdout => Vec::new(),
    }
}

/// Changes what a sink is told. It stays where it is: what was acknowledged is not sent again.
#[utoipa::path(
    patch,
    path = "/api/v1/sinks/{name}",
    tag = "sinks",
    params(("name" = String, Path, description = "The sink")),
    request_body = SinkToChange,
    responses(
        (status = 200, description = "As it is now", body = SinkView),
        (status = 404, description = "There is no such sink"),
        (status = 409, description = "Somebody changed it meanwhile"),
        (status = 422, description = "It cannot be used, or does not take events")
    )
)]
async fn change_sink_call(
    State(app): State<Arc<App>>,
    ask: Ask,
    Path(name): Path<String>,
    body: Bytes,
) -> Result<Json<SinkView>, Fail> {
    let wanted: SinkToChange = told::read(&body)?;
    Box::pin(change(&app, &ask, &name, wanted)).await?;
    one(&app, &ask, &name).await.map(Json)
}

/// This part of the description of the API.
#[derive(OpenApi)]
#[openapi(paths(change_sink_call))]
pub(crate) struct Doc;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn settings(more: &Value) -> SinkSettings {
        let mut settings = json!({
            "target": {
                "kind": "http", "url": "https://hooks.example/a",
                "headers": { "X-Team": "finops", "X-Other": "1" },
            },
            "types": ["cost.restated"],
        });
        merge(&mut settings, more.clone());
        serde_json::from_value(settings).unwrap()
    }

    #[test]
    fn what_is_named_is_replaced_and_null_takes_away() {
        let before = settings(&json!({}));
        let wanted = json!({
            "target": { "headers": { "X-Other": null, "X-New": "2" } },
            "types": [],
            "filters": { "serviceName": "Amazon S3" },
        });
        let after = merged(&before, wanted.clone()).unwrap();
        assert_eq!(after, settings(&wanted));
        let Target::Http(http) = &after.target else { panic!("{after:?}") };
        let names: Vec<&String> = http.headers.keys().collect();
        assert_eq!(names, ["X-New", "X-Team"]);
        assert_eq!(http.url, "https://hooks.example/a");
        assert_eq!(merged(&before, Value::Null).unwrap(), before);
    }

    #[test]
    fn what_nobody_understands_is_refused_by_its_name() {
        let before = settings(&json!({}));
        for (wanted, name) in [
            (json!({ "retries": 3 }), "there is no setting retries"),
            (json!({ "target": { "uri": "x" } }), "there is no setting target.uri"),
            (json!({ "granularity": "weekly" }), "weekly"),
            (json!({ "target": { "kind": "nats", "servers": ["a"] } }), "a sink stays http"),
            (json!([1]), "settings: "),
        ] {
            let fail = merged(&before, wanted).unwrap_err();
            assert_eq!(fail.status.as_u16(), 422);
            assert!(fail.why.contains(name), "{}", fail.why);
        }
    }

    #[test]
    fn inv_sec_another_receiver_is_told_no_secret_that_was_given_for_the_first() {
        let target = |url: &str| settings(&json!({ "target": { "url": url } })).target;
        let here = target("https://hooks.example/a");
        let below = target("https://hooks.example/b?c=d");
        assert_eq!(receivers(&here), receivers(&below));
        for url in ["https://evil.example/a", "http://hooks.example/a", "https://hooks.example:1/"]
        {
            assert_ne!(receivers(&here), receivers(&target(url)), "{url}");
        }
        assert!(!is_same_place(&here, &below));
        let other = settings(&json!({ "target": { "timeout_s": 5 } })).target;
        assert!(is_same_place(&here, &other));
        let private = settings(&json!({ "target": { "allow_private": true } })).target;
        assert!(!is_same_place(&here, &private));
    }
}
