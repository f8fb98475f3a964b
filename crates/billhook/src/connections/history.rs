//! `billhook connections history`: how a connection has been, and its last runs.

use std::io::Write as _;

use billhook_engine::EngineError;
use billhook_registry::{Connection, HealthRecord, Registry, Run};
use comfy_table::{ContentArrangement, Table, presets};
use serde_json::{Value, json};

use super::words::{length, moment};
use crate::context::Context;

pub(super) fn run(
    registry: &Registry,
    connection: &Connection,
    top: u32,
    is_json: bool,
) -> anyhow::Result<()> {
    let id = &connection.id;
    let health = registry.health_history(id, top).map_err(EngineError::from)?;
    let runs = registry.runs(id, top).map_err(EngineError::from)?;
    let mut out = std::io::stdout().lock();
    if is_json {
        let both = json!({ "health": health, "runs": runs });
        writeln!(out, "{}", serde_json::to_string_pretty(&both)?)?;
        return Ok(());
    }
    let mut table = table(["since (UTC)", "health", "why"]);
    for record in &health {
        let HealthRecord { since, health, findings, .. } = record;
        table.add_row([moment(*since), health.as_str().to_owned(), why(findings)]);
    }
    writeln!(out, "{}\n", table.trim_fmt())?;
    let mut table = runs_table(&runs);
    if runs.is_empty() {
        table.add_row(["none yet"]);
    }
    writeln!(out, "{}", table.trim_fmt())?;
    Ok(())
}

fn runs_table(runs: &[Run]) -> Table {
    let mut table = table(["run (UTC)", "took", "by", "outcome", "loaded", "why"]);
    for run in runs {
        let took = run.finished_at.map(|end| length(end.saturating_sub(run.started_at)));
        table.add_row([
            moment(run.started_at),
            took.unwrap_or_default(),
            run.trigger.clone(),
            run.outcome.map_or("running", |outcome| outcome.as_str()).to_owned(),
            run.summary["loaded"].as_u64().map(|loaded| loaded.to_string()).unwrap_or_default(),
            why(&run.findings),
        ]);
    }
    table
}

fn table<const N: usize>(header: [&str; N]) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    table.set_content_arrangement(ContentArrangement::Dynamic);
    table.set_width(u16::try_from(Context::width()).unwrap_or(80));
    table.set_header(header);
    table
}

/// What findings say: a line for each.
fn why(findings: &Value) -> String {
    let findings = findings.as_array().map(Vec::as_slice).unwrap_or_default();
    let lines: Vec<String> = findings
        .iter()
        .map(|finding| {
            let text = |key: &str| finding[key].as_str().unwrap_or_default();
            format!("{}: {}", text("code"), text("seen"))
        })
        .collect();
    lines.join("\n")
}
