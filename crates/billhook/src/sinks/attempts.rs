//! `billhook sinks attempts`: what was sent to a sink last, whoever sent it.

use std::io::Write as _;

use billhook_engine::EngineError;
use billhook_registry::{AttemptRecord, Registry};
use clap::Args;
use serde_json::json;

use super::named;
use crate::connections::words::moment;
use crate::context::{Context, say};
use crate::report::wrapped;

/// What was sent to one last, and what came of it; the newest first
#[derive(Debug, Args)]
pub(super) struct AttemptsArgs {
    /// The sink
    name: String,
    /// So many; up to 200 are kept
    #[arg(long, default_value_t = 20, value_name = "N")]
    top: u32,
}

pub(super) fn run(args: &AttemptsArgs, is_json: bool, registry: &Registry) -> anyhow::Result<u8> {
    let sink = named(registry, &args.name)?;
    let attempts = registry.attempts(&sink.id, args.top).map_err(EngineError::from)?;
    let mut out = std::io::stdout().lock();
    if is_json {
        writeln!(out, "{}", serde_json::to_string_pretty(&json!(attempts))?)?;
        return Ok(0);
    }
    if attempts.is_empty() {
        say(&format!("nothing was sent to {} yet", sink.name));
    }
    for attempt in &attempts {
        writeln!(out, "{}", wrapped(&line(attempt), Context::width(), "  ").join("\n"))?;
    }
    Ok(0)
}

/// `12  2026-11-21 15:30  taken  64 events  204 in 12 ms: COST-ID cost.recorded`.
fn line(attempt: &AttemptRecord) -> String {
    let events = match attempt.events.len() {
        1 => "1 event".to_owned(),
        count => format!("{count} events"),
    };
    let status = attempt.status.map(|status| format!("{status} ")).unwrap_or_default();
    let millis = attempt.took / 1_000;
    let mut line = format!(
        "{}  {}  {}  {events}  {status}in {millis} ms",
        attempt.number,
        moment(attempt.at),
        attempt.came.as_str(),
    );
    if let Some(reason) = &attempt.reason {
        line = format!("{line}: {reason}");
    }
    if let Some(first) = attempt.events.first() {
        line = format!("{line}; from {} {}", first.kind, first.id);
    }
    line
}

#[cfg(test)]
mod tests {
    use billhook_registry::{Came, EventRecord};

    use super::*;

    #[test]
    fn an_attempt_is_a_line() {
        let event = |id: &str| EventRecord {
            id: id.to_owned(),
            kind: "com.billhook.cost.recorded.v1".to_owned(),
            subject: None,
        };
        let attempt = AttemptRecord {
            number: 7,
            at: 0,
            took: 12_345,
            came: Came::Again,
            reason: Some("hooks.example answered 503".to_owned()),
            status: Some(503),
            events: vec![event("a"), event("b")],
        };
        let line = line(&attempt);
        for part in ["7  ", "again  2 events  503 in 12 ms: hooks.example answered 503", "v1 a"] {
            assert!(line.contains(part), "{part}: {line}");
        }
    }
}
