//! The tab of the audit log, and the log as CSV.

use std::sync::Arc;

use askama::Template;
use axum::body::Body;
use axum::extract::State;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use futures::stream;
use serde_json::Value;

use super::users::Moment;
use super::{Tab, shell, tabs};
use crate::api::Instant;
use crate::api::audit::{self, AuditLine, Wanted};
use crate::app::App;
use crate::ask::Ask;
use crate::fail::Fail;
use crate::format;
use crate::routes::{Need, Route, get};
use crate::shell::{Shell, draw};

/// Entries of a page of the log, and of a part of the download.
const PAGE: u32 = 50;
const PART: u32 = 1_000;

const HEADER: &str = "number,time,who,from,action,subject,before,after\r\n";

/// The page and the download.
pub(crate) fn routes() -> Vec<Route> {
    vec![
        get("/settings/audit", Need::Admin, page),
        get("/settings/audit.csv", Need::Admin, download),
    ]
}

/// An entry, as the table has it.
struct Line {
    at: Moment,
    who: String,
    who_href: String,
    from: String,
    action: String,
    subject: String,
    subject_href: String,
    changes: Vec<Difference>,
}

/// What is another now.
#[derive(Debug, PartialEq, Eq)]
struct Difference {
    name: String,
    before: String,
    after: String,
}

#[derive(Template)]
#[template(path = "settings/audit.html")]
struct Log {
    shell: Shell,
    tabs: Vec<Tab>,
    who: String,
    subject: String,
    day: String,
    is_filtered: bool,
    lines: Vec<Line>,
    older: Option<String>,
    csv: String,
}

async fn page(State(app): State<Arc<App>>, ask: Ask) -> Result<Response, Fail> {
    let mut wanted = Wanted::parse(&ask.query())?;
    wanted.limit = Some(wanted.limit.unwrap_or(PAGE));
    let answer = audit::answer(&app, &wanted).await?;
    let now = app.now();
    let of = |name: &str| ask.parameter(name).unwrap_or_default().trim().to_owned();
    let older = answer.next.map(|next| with(&ask, "/settings/audit", "after", &next));
    draw(&Log {
        shell: shell(&app, &ask, &["Audit"]).await?,
        tabs: tabs(&ask, "Audit"),
        who: of("who"),
        subject: of("subject"),
        day: of("day"),
        is_filtered: wanted.filter != billhook_registry::AuditFilter::default(),
        lines: answer.items.into_iter().map(|line| drawn(&ask, line, now)).collect(),
        older,
        csv: with(&ask, "/settings/audit.csv", "after", ""),
    })
}

fn drawn(ask: &Ask, line: AuditLine, now: i64) -> Line {
    Line {
        at: Moment::of(line.at, now),
        who_href: with(ask, "/settings/audit", "who", &line.who),
        subject_href: with(ask, "/settings/audit", "subject", &line.subject),
        changes: differences(line.before.as_ref(), line.after.as_ref()),
        who: format::visible(&line.who),
        from: line.from.unwrap_or_default(),
        action: line.action,
        subject: format::visible(&line.subject),
    }
}

/// An address with the query of this page and another value of one parameter; without it when the
/// value is empty. Another filter begins at the newest entry.
fn with(ask: &Ask, path: &str, name: &str, value: &str) -> String {
    let kept = ask.query().into_iter().filter(|(key, text)| {
        !text.is_empty() && key != name && key != "after" && key != "fragment"
    });
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(kept);
    if !value.is_empty() {
        query.append_pair(name, value);
    }
    let query = query.finish();
    if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
}

/// What is another now: fields of objects one by one, everything else as a whole.
fn differences(before: Option<&Value>, after: Option<&Value>) -> Vec<Difference> {
    let whole = |before: Option<&Value>, after: Option<&Value>, name: &str| Difference {
        name: name.to_owned(),
        before: before.map(shown).unwrap_or_default(),
        after: after.map(shown).unwrap_or_default(),
    };
    let fields = |value: Option<&Value>| match value {
        None => Some(serde_json::Map::new()),
        Some(value) => value.as_object().cloned(),
    };
    let (Some(old), Some(new)) = (fields(before), fields(after)) else {
        return vec![whole(before, after, "")];
    };
    let mut names: Vec<&String> = old.keys().chain(new.keys()).collect();
    names.sort_unstable();
    names.dedup();
    let changed = names.into_iter().filter(|name| old.get(*name) != new.get(*name));
    changed.map(|name| whole(old.get(name), new.get(name), name)).collect()
}

/// A value in words.
fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => format::visible(text),
        Value::Null => "nothing".to_owned(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        value => format::visible(&value.to_string()),
    }
}

/// The log as CSV, the newest first: everything that the filter lets through.
async fn download(State(app): State<Arc<App>>, ask: Ask) -> Result<Response, Fail> {
    let wanted = Wanted { limit: Some(PART), ..Wanted::parse(&ask.query())? };
    // The first part is asked for before anything is sent, so that a failure can still be told.
    let first = audit::answer(&app, &wanted).await?;
    let rest =
        stream::try_unfold((app, wanted, Some(first)), |(app, mut wanted, part)| async move {
            let part = match part {
                Some(part) => part,
                None if wanted.after.is_none() => return Ok(None),
                None => audit::answer(&app, &wanted)
                    .await
                    .map_err(|fail| std::io::Error::other(fail.why))?,
            };
            let text: String = part.items.iter().map(row).collect();
            wanted.after = part.next.and_then(|next| next.parse().ok());
            Ok::<_, std::io::Error>(Some((text, (app, wanted, None))))
        });
    let header = stream::iter([Ok::<String, std::io::Error>(HEADER.to_owned())]);
    let body = Body::from_stream(futures::StreamExt::chain(header, rest));
    let headers = [
        (CONTENT_TYPE, "text/csv; charset=utf-8"),
        (CONTENT_DISPOSITION, "attachment; filename=\"billhook-audit.csv\""),
    ];
    Ok((headers, body).into_response())
}

fn row(line: &AuditLine) -> String {
    let Instant(at) = line.at;
    let text = |value: Option<&Value>| value.map(ToString::to_string).unwrap_or_default();
    let cells = [
        line.number.to_string(),
        format::iso(at),
        cell(&line.who),
        cell(line.from.as_deref().unwrap_or_default()),
        cell(&line.action),
        cell(&line.subject),
        cell(&text(line.before.as_ref())),
        cell(&text(line.after.as_ref())),
    ];
    format!("{}\r\n", cells.join(","))
}

/// A cell. What a spreadsheet would take for a formula gets an apostrophe in front.
fn cell(text: &str) -> String {
    let guard = if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { "'" } else { "" };
    if guard.is_empty() && !text.contains(['"', ',', '\n', '\r']) {
        return text.to_owned();
    }
    format!("\"{guard}{}\"", text.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Difference, cell, differences};

    fn difference(name: &str, before: &str, after: &str) -> Difference {
        let [name, before, after] = [name, before, after].map(str::to_owned);
        Difference { name, before, after }
    }

    #[test]
    fn only_what_is_another_is_told() {
        let (before, after) = (json!({"role": "viewer", "a": 1}), json!({"role": "admin", "a": 1}));
        let wanted = [difference("role", "viewer", "admin")];
        assert_eq!(differences(Some(&before), Some(&after)), wanted);
        assert_eq!(differences(None, Some(&json!({"b": true}))), [difference("b", "", "yes")]);
        let (before, after) = (json!([1]), json!([]));
        assert_eq!(differences(Some(&before), Some(&after)), [difference("", "[1]", "[]")]);
        assert!(differences(None, None).is_empty());
    }

    #[test]
    fn cells_are_no_formulas() {
        assert_eq!(cell("tom"), "tom");
        assert_eq!(cell("=1+1"), "\"'=1+1\"");
        assert_eq!(cell("a \"b\", c"), "\"a \"\"b\"\", c\"");
    }
}
