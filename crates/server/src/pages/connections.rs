//! `/connections`: every one with how it is, what is wrong first.

mod one;
mod settings;

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use billhook_registry::Draft;
use serde_json::Value;

use crate::api::connections::{ConnectionRow, admins, answer};
use crate::app::App;
use crate::ask::Ask;
use crate::fail::Fail;
use crate::format;
use crate::routes::{Need, Route, get};
use crate::shell::{Place, Shell, draw};

/// The steps of adding a connection, as drafts name them.
const STEPS: [&str; 6] = ["product", "place", "access", "report", "check", "save"];

/// Columns that rows can be sorted by, with the parameter of each.
const COLUMNS: [(&str, &str); 7] = [
    ("Name", "name"),
    ("Kind", "kind"),
    ("Payer", "payer"),
    ("Health", "health"),
    ("Last delivery", "delivered"),
    ("Through", "through"),
    ("Next look", "next"),
];

/// The ways in.
pub(crate) fn routes() -> Vec<Route> {
    let mut routes = vec![get("/connections", Need::Viewer, page)];
    routes.extend(one::routes());
    routes.extend(settings::routes());
    routes
}

/// An instant as pages show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Moment {
    /// `2026-11-19T10:20:00Z`.
    pub(crate) iso: String,
    /// `19 Nov 2026 10:20 UTC`.
    pub(crate) text: String,
    /// `3 h ago`.
    pub(crate) ago: String,
}

impl Moment {
    pub(crate) fn of(micros: i64, now: i64) -> Self {
        Self {
            iso: format::iso(micros),
            text: format::instant(micros),
            ago: format::ago(micros, now),
        }
    }
}

/// How a connection is: its state of pages; those that nobody has looked at wait.
pub(crate) fn mark_of(health: &str) -> &'static str {
    match health {
        "healthy" => "healthy",
        "degraded" => "degraded",
        "broken" => "broken",
        "paused" => "paused",
        _ => "waiting",
    }
}

/// A row of the table.
struct Row {
    row: ConnectionRow,
    mark: &'static str,
    payer_name: String,
    payer: String,
    since: Option<Moment>,
    reason: String,
    fix: String,
    is_bad: bool,
    delivered: Option<Moment>,
    through: String,
    next: Option<Moment>,
    is_manual: bool,
    counted_by: String,
}

impl Row {
    fn of(row: ConnectionRow, now: i64) -> Self {
        let listed = &row.listed;
        let since = listed.connection.paused_since;
        let since = since.or_else(|| listed.health.as_ref().map(|record| record.since));
        let reasons = row.reasons();
        let fix = reasons.first().map(|finding| finding.mend().trim_end_matches(':').to_owned());
        Self {
            mark: mark_of(row.health),
            payer_name: row.payer_name.as_deref().map(format::visible).unwrap_or_default(),
            payer: row.payer.clone().unwrap_or_default(),
            since: since.map(|since| Moment::of(since, now)),
            reason: row.reason.as_deref().map(format::visible).unwrap_or_default(),
            fix: if row.needs_attention() { fix.unwrap_or_default() } else { String::new() },
            is_bad: row.needs_attention(),
            delivered: listed.standing.loaded_at.map(|at| Moment::of(at, now)),
            through: listed.standing.through.map(format::day).unwrap_or_default(),
            next: listed.next.map(|next| Moment::of(next, now)),
            is_manual: row.schedule == "manual",
            counted_by: row.counted_by.join(", "),
            row,
        }
    }

    /// What a column sorts by. Texts of times are in their order.
    fn key(&self, column: &str) -> String {
        let row = &self.row;
        match column {
            "kind" => row.kind_title.clone(),
            "payer" => self.payer.clone(),
            "delivered" => row.loaded_at.clone().unwrap_or_default(),
            "through" => row.costs_through.clone().unwrap_or_default(),
            "next" => row.next_run.clone().unwrap_or_default(),
            "name" => row.name.clone(),
            _ => format!("{} {}", row.rank(), row.name),
        }
    }
}

/// The head of a column.
struct Head {
    name: &'static str,
    href: String,
    /// `ascending`, `descending`, or nothing.
    sorted: &'static str,
}

/// A connection that somebody is adding.
struct Unfinished {
    id: String,
    name: String,
    step: String,
    /// `step 3 of 6`.
    at: String,
    owner: String,
    until: String,
}

impl Unfinished {
    fn of(draft: Draft) -> Self {
        let name =
            draft.answers.get("name").and_then(Value::as_str).filter(|name| !name.is_empty());
        let place = STEPS.iter().position(|step| *step == draft.step);
        Self {
            name: name.map_or_else(|| "without a name yet".to_owned(), format::visible),
            at: place.map_or_else(
                || draft.step.clone(),
                |place| format!("step {} of {}", place + 1, STEPS.len()),
            ),
            owner: format::visible(&draft.owner),
            until: format::instant(draft.expires_at),
            id: draft.id,
            step: draft.step,
        }
    }
}

#[derive(Template)]
#[template(path = "connections/list.html")]
struct List {
    shell: Shell,
    rows: Vec<Row>,
    heads: Vec<Head>,
    all: usize,
    attention: usize,
    only_attention: bool,
    drafts: Vec<Unfinished>,
    admins: String,
    kinds: Vec<&'static str>,
}

async fn page(State(app): State<Arc<App>>, ask: Ask) -> Result<Response, Fail> {
    let now = app.now();
    let shell = Shell::new(&app, &ask, Place::Connections, &["Connections"]).await?;
    let answered = answer(&app).await?;
    let mut rows: Vec<Row> = answered.into_iter().map(|row| Row::of(row, now)).collect();
    let all = rows.len();
    let attention = rows.iter().filter(|row| row.is_bad).count();
    let only_attention = match ask.parameter("show").as_deref() {
        None | Some("") => false,
        Some("attention") => true,
        Some(other) => {
            let why =
                format!("show={} is not possible; only show=attention is", format::visible(other));
            return Err(Fail::bad(why).linked("All connections", "/connections"));
        }
    };
    if only_attention {
        rows.retain(|row| row.is_bad);
    }
    let sort = ask.parameter("sort").unwrap_or_default();
    sort_by(&mut rows, &sort)?;
    let drafts = app.ask_registry(move |registry| registry.drafts(now)).await?;
    let admins = if ask.is_admin() { Vec::new() } else { admins(&app).await? };
    let kinds = billhook_sources::access::KINDS.iter().map(|kind| kind.title);
    draw(&List {
        heads: heads(&sort, only_attention),
        rows,
        all,
        attention,
        only_attention,
        drafts: drafts.into_iter().map(Unfinished::of).collect(),
        admins: admins.join(", "),
        kinds: kinds.collect(),
        shell,
    })
}

/// Puts rows into the order of a column; `-` before its name turns it round.
fn sort_by(rows: &mut [Row], sort: &str) -> Result<(), Fail> {
    let column = sort.trim_start_matches('-');
    if column.is_empty() {
        return Ok(());
    }
    if !COLUMNS.iter().any(|(_, name)| *name == column) {
        let names: Vec<&str> = COLUMNS.iter().map(|(_, name)| *name).collect();
        let why = format!("there is no column {}: {}", format::visible(column), names.join(", "));
        return Err(Fail::bad(why).linked("All connections", "/connections"));
    }
    rows.sort_by_cached_key(|row| row.key(column));
    if sort.starts_with('-') {
        rows.reverse();
    }
    Ok(())
}

fn heads(sort: &str, only_attention: bool) -> Vec<Head> {
    let head = |&(name, column): &(&'static str, &'static str)| {
        let is_here = sort.trim_start_matches('-') == column;
        let is_down = is_here && sort.starts_with('-');
        let turn = if is_here && !is_down { "-" } else { "" };
        let show = if only_attention { "&show=attention" } else { "" };
        Head {
            name,
            href: format!("/connections?sort={turn}{column}{show}"),
            sorted: match (is_here, is_down) {
                (false, _) => "",
                (true, false) => "ascending",
                (true, true) => "descending",
            },
        }
    };
    COLUMNS.iter().map(head).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_turn_the_order_round() {
        let href = |sort: &str| heads(sort, false).swap_remove(0).href;
        assert_eq!(href(""), "/connections?sort=name");
        assert_eq!(href("name"), "/connections?sort=-name");
        assert_eq!(href("-name"), "/connections?sort=name");
        assert!(sort_by(&mut [], "size").is_err());
        assert!(sort_by(&mut [], "-next").is_ok());
    }
}
