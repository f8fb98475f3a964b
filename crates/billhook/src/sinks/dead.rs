//! `billhook sinks dead`: events that a sink would not take.

use std::io::Write as _;
use std::sync::Arc;

use billhook_engine::EngineError;
use billhook_engine::publish::{self, Again};
use billhook_registry::{DeadLetter, Registry, SinkRecord};
use clap::Args;
use serde_json::json;

use super::named;
use crate::connections::now;
use crate::connections::words::moment;
use crate::context::{Context, say};
use crate::report::wrapped;

/// Dead letters that are looked at at a time.
const LETTERS: u32 = 1_000;

/// Events that a sink would not take: look at them, send them again, or drop them
#[derive(Debug, Args)]
pub(super) struct DeadArgs {
    /// The sink
    name: String,
    /// Show one whole, by its number
    #[arg(long, value_name = "N", group = "deed")]
    show: Option<i64>,
    /// Send one again, or `all`
    #[arg(long, value_name = "N|all", value_parser = which, group = "deed")]
    retry: Option<Which>,
    /// Drop one, or `all`
    #[arg(long, value_name = "N|all", value_parser = which, group = "deed")]
    drop: Option<Which>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Which {
    All,
    One(i64),
}

pub(super) async fn run(
    args: &DeadArgs,
    is_json: bool,
    registry: &Arc<Registry>,
) -> anyhow::Result<u8> {
    let sink = named(registry, &args.name)?;
    if let Some(which) = args.retry {
        return again(registry, &sink, which).await;
    }
    if let Some(which) = args.drop {
        let letters = letters(registry, &sink, which)?;
        for letter in &letters {
            registry.drop_dead_letter(&sink.id, letter.number).map_err(EngineError::from)?;
        }
        say(&format!("{} dropped", events(letters.len())));
        return Ok(0);
    }
    let mut out = std::io::stdout().lock();
    if let Some(number) = args.show {
        let letter = letters(registry, &sink, Which::One(number))?;
        writeln!(out, "{}", serde_json::to_string_pretty(&letter.first())?)?;
        return Ok(0);
    }
    let letters = letters(registry, &sink, Which::All)?;
    if is_json {
        writeln!(out, "{}", serde_json::to_string_pretty(&json!(letters))?)?;
        return Ok(0);
    }
    if letters.is_empty() {
        say(&format!("{} has no dead letters", sink.name));
    }
    for letter in &letters {
        let text = |name: &str| letter.event[name].as_str().unwrap_or_default().to_owned();
        let line = format!(
            "{}  {}  {} {}: {} (tried {}x)",
            letter.number,
            moment(letter.tried_at),
            text("type"),
            text("subject"),
            letter.reason,
            letter.attempts
        );
        writeln!(out, "{}", wrapped(&line, Context::width(), "  ").join("\n"))?;
    }
    Ok(0)
}

async fn again(registry: &Arc<Registry>, sink: &SinkRecord, which: Which) -> anyhow::Result<u8> {
    let letters = letters(registry, sink, which)?;
    let came = Box::pin(publish::send_again(registry, sink, letters, now())).await?;
    let mut refused = 0;
    for Again { number, reason } in &came {
        if let Some(reason) = reason {
            refused += 1;
            say(&format!("{number}: {reason}"));
        }
    }
    say(&format!("{} taken, {refused} not", events(came.len() - refused)));
    Ok(u8::from(refused > 0))
}

/// The dead letters that are meant.
fn letters(
    registry: &Registry,
    sink: &SinkRecord,
    which: Which,
) -> Result<Vec<DeadLetter>, EngineError> {
    match which {
        Which::All => Ok(registry.dead_letters(&sink.id, LETTERS)?),
        Which::One(number) => {
            let letter = registry.dead_letter(&sink.id, number)?;
            let name = &sink.name;
            let none = || EngineError::Usage(format!("{name} has no dead letter {number}"));
            Ok(vec![letter.ok_or_else(none)?])
        }
    }
}

fn events(count: usize) -> String {
    if count == 1 { "1 event".to_owned() } else { format!("{count} events") }
}

/// Reads a number, or `all`.
fn which(text: &str) -> Result<Which, String> {
    if text == "all" {
        return Ok(Which::All);
    }
    text.parse().map(Which::One).map_err(|_| "give the number of a dead letter, or all".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_or_all_are_meant() {
        assert_eq!(which("all"), Ok(Which::All));
        assert_eq!(which("12"), Ok(Which::One(12)));
        assert!(which("some").is_err());
    }
}
