//! `billhook connections`: every connection, how it is, how far its costs go, when it is due.

use std::collections::BTreeMap;
use std::io::Write as _;

use billhook_engine::EngineError;
use billhook_engine::sync::{Facts, Listed, Standing, standings};
use billhook_registry::{Connection, Health, Registry};
use comfy_table::{Cell, Color, ContentArrangement, Table, presets};

use super::now;
use super::words::{ago, first_line, until};
use crate::context::{Context, causes, say};
use crate::report::wrapped;

pub(super) async fn run(
    registry: &Registry,
    is_json: bool,
    context: &Context,
) -> anyhow::Result<u8> {
    let standings = known_standings(context).await;
    let rows = rows(registry, &standings)?;
    if is_json {
        let rows: Vec<Facts> = rows.iter().map(Listed::facts).collect();
        writeln!(std::io::stdout(), "{}", serde_json::to_string_pretty(&rows)?)?;
        return Ok(0);
    }
    if rows.is_empty() {
        say("no connections yet: add one with `billhook connect NAME --kind KIND`");
        return Ok(0);
    }
    let width = Context::width();
    let is_colored = Context::is_terminal() && std::env::var_os("NO_COLOR").is_none();
    writeln!(std::io::stdout(), "{}", table(&rows, width, is_colored).trim_fmt())?;
    for row in rows.iter().filter(|row| row.connection.paused_since.is_none()) {
        for reason in reasons(row) {
            writeln!(std::io::stdout(), "{}", wrapped(&reason, width, "  ").join("\n"))?;
        }
    }
    Ok(0)
}

/// How far costs go; of a lake that is not there yet, or cannot be read, nothing.
async fn known_standings(context: &Context) -> BTreeMap<String, Standing> {
    let Ok(home) = context.existing_home().await else { return BTreeMap::new() };
    match standings(&home.lake).await {
        Ok(standings) => standings,
        Err(error) => {
            say(&format!("note: how far costs go is not known: {}", causes(&error)));
            BTreeMap::new()
        }
    }
}

fn rows(
    registry: &Registry,
    standings: &BTreeMap<String, Standing>,
) -> Result<Vec<Listed>, EngineError> {
    let connections = registry.connections()?.into_iter();
    let row = |connection: Connection| {
        let standing = standings.get(connection.name.as_str()).copied().unwrap_or_default();
        Listed::read(registry, connection, standing, now())
    };
    connections.map(row).collect()
}

fn table(rows: &[Listed], width: usize, is_colored: bool) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    table.set_content_arrangement(ContentArrangement::Dynamic);
    table.set_width(u16::try_from(width).unwrap_or(80));
    table.set_header(["name", "kind", "payer", "health", "loaded", "through", "next run"]);
    for row in rows {
        let mut health = Cell::new(row.word());
        let color = row.health.as_ref().filter(|_| is_colored).and_then(|r| color(r.health));
        if let Some(color) = color.filter(|_| row.connection.paused_since.is_none()) {
            health = health.fg(color);
        }
        let connection = &row.connection;
        let through = row.standing.through.map(|day| day.to_string());
        table.add_row([
            Cell::new(&connection.name),
            Cell::new(&connection.kind),
            Cell::new(connection.payer.as_deref().unwrap_or_default()),
            health,
            Cell::new(row.standing.loaded_at.map(|at| ago(at, now())).unwrap_or_default()),
            Cell::new(through.unwrap_or_default()),
            Cell::new(row.next.map(|next| until(next, now())).unwrap_or_default()),
        ]);
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 1));
    }
    table
}

fn color(health: Health) -> Option<Color> {
    match health {
        Health::Healthy => Some(Color::Green),
        Health::Waiting | Health::Degraded => Some(Color::Yellow),
        Health::Broken => Some(Color::Red),
        Health::Paused => None,
    }
}

/// Why the health is what it is, and what to do about it.
fn reasons(row: &Listed) -> Vec<String> {
    let name = &row.connection.name;
    let findings = row.health.iter().filter_map(|record| record.findings.as_array()).flatten();
    let reasons = findings.flat_map(|finding| {
        let text = |key: &str| finding[key].as_str().unwrap_or_default();
        let (seen, code, fix) = (text("seen"), text("code"), text("fix"));
        let reason = format!("{name}: {seen} ({code})");
        let mend = (!fix.is_empty()).then(|| {
            let rest = if fix.trim_end().contains('\n') {
                format!(" (`billhook verify {name}` prints it)")
            } else {
                String::new()
            };
            format!("  mend: {}{rest}", first_line(fix))
        });
        [Some(reason), mend].into_iter().flatten()
    });
    reasons.collect()
}

#[cfg(test)]
mod tests {
    use billhook_registry::{Credentials, HealthRecord, NewConnection, Schedule};
    use chrono::NaiveDate;
    use serde_json::{Value, json};

    use super::*;

    fn row(name: &str, health: Health, findings: Value) -> Listed {
        let home = tempfile::tempdir().unwrap();
        let registry = Registry::open(home.path()).unwrap();
        let new = NewConnection {
            name: name.parse().unwrap(),
            kind: "cost_explorer".to_owned(),
            location: None,
            settings: json!({}),
            access: Credentials::Ambient.into(),
            schedule: Schedule::Manual,
            payer: Some("111122223333".to_owned()),
        };
        let connection = registry.add(new, 0).unwrap();
        let health = Some(HealthRecord { health, findings, since: 0, checked_at: 0 });
        let through = NaiveDate::from_ymd_opt(2026, 11, 20);
        let standing = Standing { loaded_at: Some(now() - 3 * 3_600_000_000), through };
        let next = Some(now() + 100 * 60_000_000 + 1);
        Listed { connection, health, last_run: None, next, standing }
    }

    #[test]
    fn a_list_fits_eighty_columns_and_says_why() {
        let findings = json!([{
            "code": "list-denied",
            "seen": "AccessDenied: s3:ListBucket",
            "fix": "the permissions that are needed; s3:ListBucket is missing:\n{}\n",
        }]);
        let row = row("acme-production", Health::Broken, findings);
        let text = table(std::slice::from_ref(&row), 80, false).trim_fmt();
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        for part in ["acme-production", "cost_explorer", "111122223333", "broken", "3h ago"] {
            assert!(text.contains(part), "{part}: {text}");
        }
        assert!(text.contains("2026-11-20") && text.contains("in 1h"), "{text}");
        let expected = [
            "acme-production: AccessDenied: s3:ListBucket (list-denied)",
            "  mend: the permissions that are needed; s3:ListBucket is missing (`billhook verify \
             acme-production` prints it)",
        ];
        assert_eq!(reasons(&row), expected);
        let facts = serde_json::to_value(row.facts()).unwrap();
        assert_eq!(facts["health"], "broken");
        assert_eq!(facts["since"], "1970-01-01T00:00:00Z");
    }
}
