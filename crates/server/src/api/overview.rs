//! The overview: what was spent, whether that is more than before, what drives it, how fresh it is,
//! and what needs somebody.
//!
//! Start at [`answer`]. `figures` has the amounts, `attention` what needs somebody.

mod attention;
mod figures;

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use billhook_engine::history::{Slice, slices_in};
use billhook_engine::period;
use billhook_engine::sync::due;
use billhook_registry::Health;
use chrono::NaiveDate;
use serde::Serialize;
use utoipa::{OpenApi, ToSchema};

use crate::api::costs::Costs;
use crate::api::{Amount, Instant};
use crate::app::App;
use crate::ask::Ask;
use crate::fail::Fail;
use crate::pulse::{Felt, Freshness, Pulse};
use crate::routes::{Need, Route, get};
use crate::view::View;

pub(crate) use attention::Attention;

/// Runs of a connection that are looked back at for when the next one is.
const RUNS: u32 = 200;

/// AWS makes the first delivery of a report within so long, microseconds.
const FIRST_WITHIN: i64 = 86_400_000_000;

/// The ways in.
pub(crate) fn routes() -> Vec<Route> {
    vec![get("/api/v1/overview", Need::Viewer, get_overview)]
}

/// How far a Billhook is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum OverviewStage {
    /// There is neither a connection nor a bill.
    Empty,
    /// There are connections, and nothing was delivered yet.
    Waiting,
    /// There are bills.
    Ready,
}

/// The overview.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct OverviewAnswer {
    /// How far this Billhook is.
    pub(crate) stage: OverviewStage,
    /// What needs somebody, the worst first.
    pub(crate) attention: Vec<Attention>,
    /// Since when every connection was looked at.
    pub(crate) checked_at: Option<Instant>,
    /// How fresh the data are.
    pub(crate) freshness: OverviewFreshness,
    /// The period by service, against as many days before it.
    pub(crate) costs: Option<Costs>,
    /// Nothing of the period has arrived: the figures are those of the month before it.
    pub(crate) is_earlier: bool,
    /// The last day that the figures go to, within the period.
    pub(crate) last_day: Option<String>,
    /// Credits in the total.
    pub(crate) credits: Amount,
    /// The accounts with the largest costs, then those without one, then the others as one.
    pub(crate) accounts: Vec<OverviewAccount>,
    /// What differs most from the days compared with, by service and account.
    pub(crate) moved: Vec<OverviewMove>,
    /// The month before this one, whole.
    pub(crate) last_month: Option<OverviewMonth>,
    /// The connections and how far each is.
    pub(crate) connections: Vec<OverviewConnection>,
    /// What the figures are of.
    #[serde(skip)]
    pub(crate) view: View,
    /// All months that were delivered.
    #[serde(skip)]
    pub(crate) slices: Vec<Slice>,
}

/// How fresh the data are.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct OverviewFreshness {
    /// How well they come.
    pub(crate) state: Freshness,
    /// The last day with usage in every connection.
    pub(crate) through: Option<String>,
    /// The first day whose amounts still change.
    pub(crate) estimated_since: Option<String>,
    /// When a connection is looked at next.
    pub(crate) next_look: Option<Instant>,
}

/// An account.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct OverviewAccount {
    /// Its id; nothing for lines without one, and for the others.
    pub(crate) account: Option<String>,
    /// What Organizations calls it.
    pub(crate) name: Option<String>,
    /// How many accounts are folded into this row.
    pub(crate) folded: Option<usize>,
    /// The exact sum.
    pub(crate) amount: Amount,
    /// The same of the days compared with.
    pub(crate) before: Amount,
}

/// A service in an account.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct OverviewMove {
    /// Service.
    pub(crate) service: Option<String>,
    /// Account.
    pub(crate) account: Option<String>,
    /// What Organizations calls the account.
    pub(crate) account_name: Option<String>,
    /// The exact sum.
    pub(crate) amount: Amount,
    /// The same of the days compared with.
    pub(crate) before: Amount,
}

/// A whole month.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct OverviewMonth {
    /// YYYY-MM.
    pub(crate) period: String,
    /// The exact sum, in the currency of the other figures.
    pub(crate) total: Amount,
    /// `open`, `estimated`, `final` or `reopened`: the least final of the connections that count.
    pub(crate) state: String,
    /// How often it was delivered.
    pub(crate) deliveries: usize,
    /// When a delivery last changed it.
    pub(crate) changed_at: Option<Instant>,
    /// The sum of each day.
    pub(crate) days: Vec<Amount>,
}

/// A connection and how far it is.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct OverviewConnection {
    /// Its name.
    pub(crate) name: String,
    /// `healthy`, `waiting`, `degraded`, `broken`, `paused` or `new`.
    pub(crate) health: &'static str,
    /// Why, in the words of the finding.
    pub(crate) reason: Option<String>,
    /// When it was added.
    pub(crate) added_at: Instant,
    /// Since when it is as it is.
    pub(crate) since: Option<Instant>,
    /// When it was last looked at.
    pub(crate) checked_at: Option<Instant>,
    /// When its first delivery should be there, while it waits for it.
    pub(crate) expected_by: Option<Instant>,
    /// When it is looked at next.
    pub(crate) next_look: Option<Instant>,
}

/// The overview of a period, metric and currency.
///
/// # Errors
/// When the lake or the control database cannot be read.
pub(crate) async fn answer(app: &Arc<App>, asked: &View) -> Result<OverviewAnswer, Fail> {
    let session = app.session(asked.as_of).await?;
    let pulse = app.pulse().await?;
    let slices = slices_in(&session).await?;
    let connections = connections(app, &pulse).await?;
    let stage = match (slices.is_empty(), connections.is_empty()) {
        (true, true) => OverviewStage::Empty,
        (true, false) => OverviewStage::Waiting,
        (false, _) => OverviewStage::Ready,
    };
    let freshness = OverviewFreshness {
        state: pulse.freshness,
        through: pulse.through.map(|day| day.to_string()),
        estimated_since: None,
        next_look: connections.iter().filter_map(|one| one.next_look).min(),
    };
    let checked = connections.iter().filter(|one| one.health != "paused");
    let mut overview = OverviewAnswer {
        stage,
        attention: attention::of(&pulse, &slices, app.now()),
        checked_at: checked.filter_map(|one| one.checked_at).min(),
        freshness,
        costs: None,
        is_earlier: false,
        last_day: None,
        credits: Amount(0),
        accounts: Vec::new(),
        moved: Vec::new(),
        last_month: None,
        connections,
        view: figures::standard(asked),
        slices,
    };
    if stage == OverviewStage::Ready {
        Box::pin(figures::fill(app, &session, &mut overview)).await?;
    }
    Ok(overview)
}

/// All connections, with when each is looked at next.
async fn connections(app: &App, pulse: &Pulse) -> Result<Vec<OverviewConnection>, Fail> {
    let now = app.now();
    let all: Vec<_> = pulse.connections.iter().map(|felt| felt.connection.clone()).collect();
    let next = app
        .ask_registry(move |registry| {
            let mut next = Vec::with_capacity(all.len());
            for connection in &all {
                next.push(due::next(connection, &registry.runs(&connection.id, RUNS)?, now));
            }
            Ok(next)
        })
        .await?;
    let one = |(felt, next): (&Felt, Option<i64>)| {
        let health = felt.word().map_or("new", Health::as_str);
        let record = felt.health.as_ref();
        let waits = health == "waiting" && felt.standing.loaded_at.is_none();
        let expected = record.filter(|_| waits).map(|record| record.since + FIRST_WITHIN);
        let reason = felt.reason().map(|(_, seen, _)| seen).filter(|seen| !seen.is_empty());
        OverviewConnection {
            name: felt.connection.name.to_string(),
            health,
            reason: reason.filter(|_| health != "healthy"),
            added_at: Instant(felt.connection.created_at),
            since: record.map(|record| Instant(record.since)),
            checked_at: record.map(|record| Instant(record.checked_at)),
            expected_by: expected.map(Instant),
            next_look: next.map(Instant),
        }
    };
    Ok(pulse.connections.iter().zip(next).map(one).collect())
}

/// The month before the one of a day, and its name.
fn last_month(today: NaiveDate) -> Result<(period::DayRange, String), Fail> {
    let range = period::parse("last-month", today)?;
    Ok((range, range.from.format("%Y-%m").to_string()))
}

/// The overview
///
/// What was spent in a period, against as many days before it, by service and account; the month
/// before; how fresh the data are; and what needs somebody.
#[utoipa::path(
    get,
    path = "/api/v1/overview",
    tag = "overview",
    params(
        ("period" = Option<String>, Query, description = "mtd, 2026-10 and the like"),
        ("from" = Option<String>, Query, description = "First day, YYYY-MM-DD"),
        ("to" = Option<String>, Query, description = "The day after the last one"),
        ("metric" = Option<String>, Query, description = "BilledCost or another metric"),
        ("currency" = Option<String>, Query, description = "One currency; the one with most rows"),
        ("scope" = Option<String>, Query, description = "consolidated or all"),
        ("asof" = Option<String>, Query, description = "The lake as it was at an instant"),
    ),
    responses((status = 200, description = "The overview", body = OverviewAnswer))
)]
async fn get_overview(State(app): State<Arc<App>>, ask: Ask) -> Result<Json<OverviewAnswer>, Fail> {
    let view = View::parse(&ask.query())?;
    Ok(Json(Box::pin(answer(&app, &view)).await?))
}

/// This part of the description of the API.
#[derive(OpenApi)]
#[openapi(paths(get_overview))]
pub(crate) struct Doc;
