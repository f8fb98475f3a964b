//! Everything about one connection: its health and what was looked at, its months, its deliveries
//! and its runs.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use billhook_engine::cost_explorer::{self, REQUEST_BUDGET};
use billhook_engine::deliveries::{Delivered, changed_in, delivered_in, months};
use billhook_lake::session::LakeSession;
use billhook_registry::{AuditFilter, Connection, HealthRecord};
use chrono::{Months, NaiveDate};
use serde_json::Value;

use super::shapes::{
    AbilityAnswer, AccessAnswer, CheckAnswer, ColumnSum, ConnectionAnswer, CurrencyAmount,
    DeliveryAnswer, HealthAnswer, MonthAnswer, RunAnswer,
};
use super::{ENTRIES, find, row};
use crate::api::{Amount, Instant, Page};
use crate::app::App;
use crate::ask::Ask;
use crate::fail::Fail;
use crate::routes::{Need, Route, get};

/// Deliveries or runs of a page.
const PAGE: usize = 50;

/// Changes of health that are told.
const HISTORY: u32 = 20;

/// Runs that are looked through for the last check.
const RUNS: u32 = 200;

/// The ways in.
pub(super) fn routes() -> Vec<Route> {
    vec![
        get("/api/v1/connections/{name}", Need::Viewer, connection),
        get("/api/v1/connections/{name}/deliveries", Need::Viewer, deliveries),
        get("/api/v1/connections/{name}/runs", Need::Viewer, runs),
    ]
}

/// Everything about a connection.
///
/// # Errors
/// When there is none of that name; when the lake or the control database cannot be read.
pub(crate) async fn answer(app: &App, name: &str) -> Result<ConnectionAnswer, Fail> {
    let row = row(app, name).await?;
    let session = app.session(None).await?;
    let delivered = delivered_in(&session, &row.name).await?;
    let connection = row.listed.connection.clone();
    let (id, subject) = (connection.id.clone(), row.name.clone());
    let (history, runs, entries) = app
        .ask_registry(move |registry| {
            let filter = AuditFilter { subject: Some(subject), ..AuditFilter::default() };
            let entries = registry.audit(&filter, None, ENTRIES)?;
            Ok((registry.health_history(&id, HISTORY)?, registry.runs(&id, RUNS)?, entries))
        })
        .await?;
    let mut access = AccessAnswer::of(&connection.access);
    let is_set =
        |action: &str| ["connection.credentials_replaced", "connection.added"].contains(&action);
    if let Some(entry) = entries.into_iter().find(|entry| is_set(&entry.action)) {
        (access.set_at, access.set_by) = (Some(Instant(entry.at)), Some(entry.who));
    }
    let asks = connection.kind == "cost_explorer";
    let requests = asks.then(|| cost_explorer::requests_today(&app.home, app.runner.today));
    Ok(ConnectionAnswer {
        created_at: Instant(connection.created_at),
        paused_since: connection.paused_since.map(Instant),
        access,
        last_check: runs.iter().find_map(CheckAnswer::of),
        health_history: history_of(&history),
        months: months_of(&session, &row.name, &delivered),
        deliveries: delivered.len(),
        abilities: abilities(&delivered),
        requests_today: requests.transpose()?,
        requests_limit: asks.then_some(REQUEST_BUDGET),
        work: app.jobs.at_work(&row.name),
        connection: row,
    })
}

fn history_of(records: &[HealthRecord]) -> Vec<HealthAnswer> {
    let mut until = None;
    let answer = |record: &HealthRecord| {
        let findings = record.findings.as_array().into_iter().flatten();
        let codes = findings.filter_map(|finding| finding.get("code").and_then(Value::as_str));
        let since = Instant(record.since);
        HealthAnswer {
            health: record.health.as_str(),
            since,
            until: until.replace(since),
            codes: codes.map(str::to_owned).collect(),
        }
    };
    records.iter().map(answer).collect()
}

fn months_of(session: &LakeSession, name: &str, delivered: &[Delivered]) -> Vec<MonthAnswer> {
    let month = |last: &Delivered| {
        let (from, to) = days(&last.period);
        MonthAnswer {
            from,
            to,
            state: last.state.clone(),
            deliveries: delivered.iter().filter(|one| one.period == last.period).count(),
            recorded_at: Instant(last.recorded_at),
            billed: CurrencyAmount::all(&last.billed),
            counts: !session.left_out.contains(&(name.to_owned(), last.period.clone())),
            period: last.period.clone(),
        }
    };
    months(delivered).into_iter().map(month).collect()
}

/// First day of a month, and the first after it; empty when it is none.
fn days(period: &str) -> (String, String) {
    let first = NaiveDate::parse_from_str(&format!("{period}-01"), "%Y-%m-%d").ok();
    let next = first.and_then(|first| first.checked_add_months(Months::new(1)));
    let text = |day: Option<NaiveDate>| day.map(|day| day.to_string()).unwrap_or_default();
    (text(first), text(next))
}

/// What the newest delivery with lines in it can tell.
fn abilities(delivered: &[Delivered]) -> Vec<AbilityAnswer> {
    let Some(newest) = delivered.iter().find(|one| one.line_items > 0) else {
        return Vec::new();
    };
    let is_hourly = newest.granularity == "hourly";
    let has_resources = newest.resource_rows > 0;
    let report = format!("the delivery of {}", newest.period);
    vec![
        AbilityAnswer {
            name: "By the hour",
            has: is_hourly,
            why: format!("{report} is cut {}", cut(&newest.granularity)),
        },
        AbilityAnswer {
            name: "By the day",
            has: is_hourly || newest.granularity == "daily",
            why: format!("{report} is cut {}", cut(&newest.granularity)),
        },
        AbilityAnswer {
            name: "By resource",
            has: has_resources,
            why: if has_resources {
                format!("{} rows of {report} name a resource", newest.resource_rows)
            } else {
                format!("no row of {report} names a resource")
            },
        },
    ]
}

fn cut(granularity: &str) -> &str {
    match granularity {
        "hourly" => "by the hour",
        "daily" => "by the day",
        "monthly" => "by the month",
        _ => "in a way that cannot be told",
    }
}

/// Deliveries of a connection, the newest first; `after` is what the page before gave as `next`.
///
/// # Errors
/// When there is no such connection; when the lake cannot be read.
pub(crate) async fn delivered(
    app: &App,
    connection: &Connection,
    after: Option<&str>,
) -> Result<Page<DeliveryAnswer>, Fail> {
    let session = app.session(None).await?;
    let name = connection.name.as_str();
    let all = delivered_in(&session, name).await?;
    let begin = match after {
        None => 0,
        Some(after) => {
            let place = all.iter().position(|one| cursor(one) == after);
            let why = || format!("after={after} is no delivery of {name}");
            place.ok_or_else(|| Fail::bad(why()))? + 1
        }
    };
    let shown: Vec<&Delivered> = all.iter().skip(begin).take(PAGE).collect();
    let since = shown.iter().map(|one| one.recorded_at).min().unwrap_or(i64::MAX);
    let changed = changed_in(&session, name, since).await?;
    let has_more = all.len() > begin + shown.len();
    let next = shown.last().filter(|_| has_more).map(|one| cursor(one));
    let answer = |one: &&Delivered| {
        let changed = changed.get(&one.place()).map(CurrencyAmount::all);
        delivery_of(one, changed.unwrap_or_default())
    };
    Ok(Page { items: shown.iter().map(answer).collect(), next })
}

/// What names a delivery in a page's `next`.
fn cursor(one: &Delivered) -> String {
    format!("{}_{}_{}", one.recorded_at, one.period, one.revision)
}

fn delivery_of(one: &Delivered, changed: Vec<CurrencyAmount>) -> DeliveryAnswer {
    let (from, to) = days(&one.period);
    let mut sums = Vec::new();
    for (column, amounts) in &one.sums {
        for (currency, units) in amounts {
            let (column, currency) = (column.clone(), currency.clone());
            sums.push(ColumnSum { column, currency, amount: Amount(*units) });
        }
    }
    DeliveryAnswer {
        recorded_at: Instant(one.recorded_at),
        period: one.period.clone(),
        from,
        to,
        revision: one.revision.clone(),
        previous: one.previous.clone(),
        state: one.state.clone(),
        granularity: one.granularity.clone(),
        location: one.location.clone(),
        files: one.files,
        text_bytes: one.text_bytes,
        line_items: one.line_items,
        stored_rows: one.stored_rows,
        excluded_rows: one.excluded_rows,
        quarantined_rows: one.quarantined_rows,
        billed: CurrencyAmount::all(&one.billed),
        changed,
        sums,
        unknown_columns: one.unknown_columns.clone(),
    }
}

/// Runs of a connection, the newest first; `after` is what the page before gave as `next`.
///
/// # Errors
/// When the control database fails.
pub(crate) async fn run(
    app: &App,
    connection: &Connection,
    after: Option<&str>,
) -> Result<Page<RunAnswer>, Fail> {
    let before = match after {
        None => i64::MAX,
        Some(after) => {
            let wrong = |_| Fail::bad(format!("after={after} is no number of a run"));
            after.parse().map_err(wrong)?
        }
    };
    let id = connection.id.clone();
    let limit = u32::try_from(PAGE).unwrap_or(u32::MAX);
    let asked = limit.saturating_add(1);
    let runs = app.ask_registry(move |registry| registry.runs_before(&id, before, asked)).await?;
    let items: Vec<RunAnswer> = runs.iter().take(PAGE).map(RunAnswer::of).collect();
    let next = items.last().filter(|_| runs.len() > PAGE).map(|run| run.id.to_string());
    Ok(Page { items, next })
}

/// A check by its number among the runs.
///
/// # Errors
/// When there is none of that number; when the control database fails.
pub(crate) async fn checked(
    app: &App,
    connection: &Connection,
    number: i64,
) -> Result<CheckAnswer, Fail> {
    let id = connection.id.clone();
    let before = number.saturating_add(1);
    let runs = app.ask_registry(move |registry| registry.runs_before(&id, before, 1)).await?;
    let run = runs.first().filter(|run| run.id.number() == number);
    run.and_then(CheckAnswer::of).ok_or_else(|| {
        let name = &connection.name;
        Fail::missing(format!("Run {number} of {name} is no check."), "Look through its runs.")
            .linked("Runs", format!("/connections/{name}/runs"))
    })
}

/// Everything about a connection. No secret is in it.
#[utoipa::path(
    get,
    path = "/api/v1/connections/{name}",
    tag = "connections",
    params(("name" = String, Path, description = "Its name")),
    responses(
        (status = 200, description = "The connection", body = ConnectionAnswer),
        (status = 404, description = "There is none of that name")
    )
)]
pub(super) async fn connection(
    State(app): State<Arc<App>>,
    Path(name): Path<String>,
) -> Result<Json<ConnectionAnswer>, Fail> {
    answer(&app, &name).await.map(Json)
}

/// What a connection has delivered, the newest first.
#[utoipa::path(
    get,
    path = "/api/v1/connections/{name}/deliveries",
    tag = "connections",
    params(
        ("name" = String, Path, description = "Its name"),
        ("after" = Option<String>, Query, description = "What the page before gave as next")
    ),
    responses(
        (status = 200, description = "Some deliveries", body = Page<DeliveryAnswer>),
        (status = 404, description = "There is no such connection")
    )
)]
pub(super) async fn deliveries(
    State(app): State<Arc<App>>,
    ask: Ask,
    Path(name): Path<String>,
) -> Result<Json<Page<DeliveryAnswer>>, Fail> {
    let connection = find(&app, &name).await?;
    delivered(&app, &connection, ask.parameter("after").as_deref()).await.map(Json)
}

/// What was done for a connection, the newest first.
#[utoipa::path(
    get,
    path = "/api/v1/connections/{name}/runs",
    tag = "connections",
    params(
        ("name" = String, Path, description = "Its name"),
        ("after" = Option<String>, Query, description = "What the page before gave as next")
    ),
    responses(
        (status = 200, description = "Some runs", body = Page<RunAnswer>),
        (status = 404, description = "There is no such connection")
    )
)]
pub(super) async fn runs(
    State(app): State<Arc<App>>,
    ask: Ask,
    Path(name): Path<String>,
) -> Result<Json<Page<RunAnswer>>, Fail> {
    let connection = find(&app, &name).await?;
    run(&app, &connection, ask.parameter("after").as_deref()).await.map(Json)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_have_their_days() {
        let december = ("2026-12-01".to_owned(), "2027-01-01".to_owned());
        assert_eq!(days("2026-12"), december);
        assert_eq!(days("nonsense"), (String::new(), String::new()));
    }
}
