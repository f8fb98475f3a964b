//! `billhook sinks`: every sink, how it is, and how far behind.

use std::io::Write as _;
use std::sync::Arc;

use billhook_engine::EngineError;
use billhook_engine::publish::{Reader, settings_of};
use billhook_registry::{AttemptRecord, Registry, SinkRecord};
use billhook_stream::deliver::Place;
use comfy_table::{ContentArrangement, Table, presets};
use serde_json::{Value, json};

use crate::connections::now;
use crate::connections::words::{ago, until};
use crate::context::{Context, causes, say};
use crate::report::wrapped;

/// More events than this are not counted.
const MOST: usize = 10_000;

/// A longer target is cut in the table.
const TARGET: usize = 30;

/// A sink, and how far behind it is.
struct Row {
    sink: SinkRecord,
    kind: &'static str,
    target: String,
    /// Events that are still to be sent, [`MOST`] at most; `None` when they cannot be counted.
    lag: Option<usize>,
    /// What was sent last.
    last: Option<AttemptRecord>,
}

pub(super) async fn run(is_json: bool, context: &Context) -> anyhow::Result<u8> {
    let Some(registry) = Registry::open_existing(context.home_dir()).map_err(EngineError::from)?
    else {
        if is_json {
            writeln!(std::io::stdout(), "[]")?;
        }
        say("no sinks yet: add one with `billhook sinks add NAME --kind KIND`");
        return Ok(0);
    };
    let registry = Arc::new(registry);
    let mut rows = Vec::new();
    for sink in registry.sinks().map_err(EngineError::from)? {
        rows.push(Box::pin(row(&registry, sink, context)).await?);
    }
    let mut out = std::io::stdout().lock();
    if is_json {
        let rows: Vec<Value> = rows.iter().map(shown).collect();
        writeln!(out, "{}", serde_json::to_string_pretty(&rows)?)?;
        return Ok(0);
    }
    if rows.is_empty() {
        say("no sinks yet: add one with `billhook sinks add NAME --kind KIND`");
        return Ok(0);
    }
    let width = Context::width();
    writeln!(out, "{}", table(&rows, width).trim_fmt())?;
    for row in &rows {
        if let Some(reason) = reason(&row.sink) {
            let text = format!("{}: {reason}", row.sink.name);
            writeln!(out, "{}", wrapped(&text, width, "  ").join("\n"))?;
        }
        if row.sink.dead_letters > 0 {
            let name = &row.sink.name;
            let text = format!("{name}: `billhook sinks dead {name}` shows what it would not take");
            writeln!(out, "{}", wrapped(&text, width, "  ").join("\n"))?;
        }
    }
    Ok(0)
}

async fn row(
    registry: &Arc<Registry>,
    sink: SinkRecord,
    context: &Context,
) -> Result<Row, EngineError> {
    let (kind, target, lag) = match settings_of(&sink) {
        Ok(settings) => {
            let (kind, target) = (settings.target.kind(), settings.target.title());
            let lake = context.home()?.lake;
            let mut reader = Reader::new(lake, Arc::clone(registry), settings);
            let (position, index) = sink.cursor;
            let place = Place { position, index };
            let lag = match reader.count(place, MOST).await {
                Ok(lag) => Some(lag),
                Err(error) => {
                    let name = &sink.name;
                    say(&format!("note: how far {name} is cannot be told: {}", causes(&error)));
                    None
                }
            };
            (kind, target, lag)
        }
        Err(error) => {
            say(&format!("note: {}", causes(&error)));
            ("", String::new(), None)
        }
    };
    let last = registry.attempts(&sink.id, 1)?.into_iter().next();
    Ok(Row { sink, kind, target, lag, last })
}

/// How it is, in a word.
fn word(sink: &SinkRecord) -> &str {
    match (sink.paused_since, sink.state["state"].as_str()) {
        (Some(_), _) => "paused",
        (None, Some(state)) => state,
        (None, None) => "new",
    }
}

/// Why it is not well, and since when; nothing when it is.
fn reason(sink: &SinkRecord) -> Option<String> {
    let reason = sink.state["reason"].as_str()?;
    let said = sink.state_at.map(|at| format!(" ({})", ago(at, now())));
    let next = next_try(sink).filter(|next| *next > now());
    let next = next.map(|next| format!("; tried again {}", until(next, now())));
    Some(format!("{reason}{}{}", said.unwrap_or_default(), next.unwrap_or_default()))
}

/// When it is tried again, if somebody is at it.
fn next_try(sink: &SinkRecord) -> Option<i64> {
    let wait = sink.state["wait_ms"].as_i64().filter(|wait| *wait > 0)?;
    Some(sink.state_at?.saturating_add(wait.saturating_mul(1000)))
}

fn table(rows: &[Row], width: usize) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    table.set_content_arrangement(ContentArrangement::Dynamic);
    table.set_width(u16::try_from(width).unwrap_or(80));
    table.set_header(["name", "kind", "target", "state", "lag", "dead"]);
    for row in rows {
        let lag = match row.lag {
            Some(lag) if lag >= MOST => format!("{MOST}+"),
            Some(lag) => lag.to_string(),
            None => "?".to_owned(),
        };
        table.add_row([
            row.sink.name.clone(),
            row.kind.to_owned(),
            cut(&row.target),
            word(&row.sink).to_owned(),
            lag,
            row.sink.dead_letters.to_string(),
        ]);
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 1));
    }
    table
}

/// The beginning of a target that is long.
fn cut(target: &str) -> String {
    if target.chars().count() <= TARGET {
        return target.to_owned();
    }
    target.chars().take(TARGET - 1).chain(['…']).collect()
}

/// A row for machines. Times are RFC 3339, UTC.
fn shown(row: &Row) -> Value {
    let time = |micros: Option<i64>| {
        let time = micros.and_then(chrono::DateTime::from_timestamp_micros);
        time.map(|time| time.to_rfc3339_opts(chrono::SecondsFormat::Secs, true))
    };
    let sink = &row.sink;
    json!({
        "name": sink.name,
        "kind": row.kind,
        "target": row.target,
        "state": word(sink),
        "reason": sink.state["reason"],
        "attempts": sink.state["attempts"],
        "since": time(sink.state_at),
        "next_try": time(next_try(sink)),
        "lag": row.lag,
        "lag_is_more": row.lag.is_some_and(|lag| lag >= MOST),
        "dead_letters": sink.dead_letters,
        "cursor": sink.cursor,
        "moved_at": time(sink.moved_at),
        "last_attempt": row.last.as_ref().map(|last| json!({
            "number": last.number,
            "at": time(Some(last.at)),
            "came": last.came,
            "status": last.status,
            "reason": last.reason,
            "events": last.events.len(),
        })),
        "settings": sink.settings,
    })
}

#[cfg(test)]
mod tests {
    use billhook_registry::NewSink;

    use super::*;

    #[test]
    fn a_list_fits_eighty_columns_and_says_why() {
        let home = tempfile::tempdir().unwrap();
        let registry = Registry::open(home.path()).unwrap();
        let new = NewSink {
            name: "finance-warehouse".to_owned(),
            settings: json!({}),
            secrets: Vec::new(),
        };
        let id = registry.add_sink(new, 0).unwrap().id;
        let state = json!({
            "state": "retrying",
            "reason": "answers 503 Service Unavailable",
            "attempts": 3,
            "wait_ms": 600_000,
        });
        registry.set_sink_state(&id, &state, &[], now()).unwrap();
        let sink = registry.sink("finance-warehouse").unwrap().unwrap();
        let target = "https://receiver.example.com/billing/events/of/acme".to_owned();
        let row = Row { sink, kind: "http", target, lag: Some(MOST), last: None };
        let text = table(std::slice::from_ref(&row), 80).trim_fmt();
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        for part in ["finance-warehouse", "http", "retrying", "10000+", "…"] {
            assert!(text.contains(part), "{part}: {text}");
        }
        let reason = reason(&row.sink).unwrap();
        assert!(reason.contains("503") && reason.contains("tried again in 9m"), "{reason}");
        assert_eq!(shown(&row)["lag_is_more"], true);
    }
}
