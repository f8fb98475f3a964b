//! Costs by anything: the figures of a view, with all that they leave out.
//!
//! Start at [`answer`]. `rows` makes rows of a report, `slots` says which value has which colour,
//! `missing` what a view leaves out, `file` has the downloads.

mod file;
mod missing;
mod rows;
mod slots;

use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use billhook_engine::EngineError;
use billhook_engine::period::DayRange;
use billhook_engine::report::{self, Granularity, Report, Scope, Section, report_in};
use billhook_engine::sync::standings_in;
use billhook_lake::session::LakeSession;
use chrono::{Days, NaiveDate, NaiveTime};
use serde::Serialize;
use utoipa::{OpenApi, ToSchema};

use crate::api::Amount;
use crate::app::App;
use crate::ask::Ask;
use crate::fail::Fail;
use crate::heavy::Asked;
use crate::jobs::JobView;
use crate::kept::Question;
use crate::routes::{Need, Route, get};
use crate::view::{MOST, View};
use crate::warm::Wish;

pub(crate) use file::{csv, parquet, sent};
pub(crate) use rows::NOT_SPECIFIED;
pub(crate) use slots::Slots;

/// Days whose amounts still change.
const SETTLING: u64 = 7;

/// All ways in.
pub(crate) fn routes() -> Vec<Route> {
    vec![get("/api/v1/costs", Need::Viewer, get_costs)]
}

/// The figures of a view.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct Costs {
    /// Column that is summed.
    pub(crate) metric: String,
    /// What is grouped by.
    pub(crate) by: Vec<String>,
    /// ISO 4217 code of all amounts here.
    pub(crate) currency: String,
    /// All currencies of the view, those with most rows first.
    pub(crate) currencies: Vec<CurrencyTotal>,
    /// First day, UTC.
    pub(crate) from: String,
    /// The day after the last one.
    pub(crate) to: String,
    /// Number of days.
    pub(crate) days: i64,
    /// `hourly`, `daily`, `monthly` or `total`.
    pub(crate) grain: String,
    /// `open`, `estimated`, `final` or `reopened`: the least final of the months.
    pub(crate) state: String,
    /// The exact sum of all rows.
    pub(crate) total: Amount,
    /// The same of the days compared with.
    pub(crate) before: Option<Amount>,
    /// First of the days compared with.
    pub(crate) before_from: Option<String>,
    /// The day after the last of them.
    pub(crate) before_to: Option<String>,
    /// Lines behind the total.
    pub(crate) lines: u64,
    /// The last day with usage in every connection.
    pub(crate) through: Option<String>,
    /// Pieces of time, the oldest first.
    pub(crate) buckets: Vec<CostBucket>,
    /// The groups; after them the one without a value, and what is folded.
    pub(crate) rows: Vec<CostRow>,
    /// What to send as `after` for the next groups, with `top=all`.
    pub(crate) next: Option<String>,
    /// What to send as `after` for the groups before; empty for the first page.
    pub(crate) previous: Option<String>,
    /// What the figures leave out.
    pub(crate) left_out: Vec<NotInView>,
    /// Without rows: what there is without one of the conditions.
    pub(crate) without: Vec<Without>,
    /// Things worth telling, in sentences.
    pub(crate) hints: Vec<String>,
}

/// What a view comes to in one currency.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct CurrencyTotal {
    /// ISO 4217 code.
    pub(crate) currency: String,
    /// The exact sum.
    pub(crate) total: Amount,
    /// Lines behind it.
    pub(crate) rows: u64,
}

/// A piece of time.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct CostBucket {
    /// `2026-11`, `2026-11-14` or `2026-11-14T05:00`.
    pub(crate) label: String,
    /// Nothing was delivered for it yet.
    pub(crate) is_missing: bool,
    /// Its amounts still change.
    pub(crate) is_settling: bool,
    /// The exact sum.
    pub(crate) total: Amount,
    /// The same of the days compared with, piece by piece.
    pub(crate) before: Option<Amount>,
}

/// A group.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct CostRow {
    /// Values of what is grouped by; nothing where a line has none. Empty for folded groups.
    pub(crate) keys: Vec<Option<String>>,
    /// Its name.
    pub(crate) label: String,
    /// How many groups are folded into this row.
    pub(crate) folded: Option<usize>,
    /// Which of the ten colours it has.
    pub(crate) slot: Option<u8>,
    /// The exact sum.
    pub(crate) amount: Amount,
    /// The same of the days compared with.
    pub(crate) before: Option<Amount>,
    /// The sum of each piece of time.
    pub(crate) values: Vec<Amount>,
    /// Amounts over time where time is not cut; may be empty.
    pub(crate) trend: Vec<Amount>,
    /// Lines behind the sum.
    pub(crate) lines: u64,
}

impl CostRow {
    /// Is it the group without any value?
    pub(crate) fn is_none(&self) -> bool {
        self.folded.is_none() && !self.keys.is_empty() && self.keys.iter().all(Option::is_none)
    }
}

/// Something that the figures leave out.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct NotInView {
    /// What it is, and why it is left out.
    pub(crate) what: String,
    /// How many lines.
    pub(crate) count: u64,
    /// Their exact sum; nothing for what cannot be read.
    pub(crate) amount: Option<Amount>,
    /// ISO 4217 code of the sum.
    pub(crate) currency: String,
    /// Page that shows it.
    pub(crate) href: String,
}

/// What there is without one of the conditions.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct Without {
    /// The condition.
    pub(crate) condition: String,
    /// How many lines.
    pub(crate) lines: u64,
    /// Their exact sum.
    pub(crate) amount: Amount,
    /// ISO 4217 code.
    pub(crate) currency: String,
    /// The view without the condition.
    pub(crate) href: String,
}

/// The figures of a view, for who waits until the end.
///
/// # Errors
/// When a column does not exist, or the lake cannot be read.
pub(crate) async fn answer(app: &Arc<App>, view: &View) -> Result<Costs, Fail> {
    begin(app, view).await?.wait().await
}

/// The same, for who may not wait until the end.
///
/// # Errors
/// When the lake cannot be opened.
pub(crate) async fn ask(app: &Arc<App>, view: &View) -> Result<Asked<Costs>, Fail> {
    app.wishes.note(Wish::Costs(view.clone()));
    begin(app, view).await
}

/// The same, for what is not asked by anybody.
///
/// # Errors
/// When the lake cannot be opened.
pub(crate) async fn begin(app: &Arc<App>, view: &View) -> Result<Asked<Costs>, Fail> {
    let session = app.session(view.as_of).await?;
    let subject = match view.by.as_slice() {
        [] => "Costs".to_owned(),
        by => format!("Costs by {}", by.join(" and ")),
    };
    let question = Question {
        text: format!("{} {}", app.today(), view.query()),
        subject,
        asked_at: app.now(),
    };
    let (own, view, of) = (Arc::clone(app), view.clone(), Arc::clone(&session));
    Ok(app.kept_costs.ask(&session, question, move |reads| async move {
        let reader = of.watched(&reads);
        Box::pin(fresh(&own, &view, &reader)).await
    }))
}

/// The figures of a view, looked up by `reader`, which may count what it reads.
async fn fresh(app: &App, view: &View, reader: &LakeSession) -> Result<Costs, Fail> {
    let today = app.today();
    let range = view.period.range(today)?;
    let mut costs = bare(view, range);
    costs.state = state(reader, range).await?;
    let through = through(app, view, reader).await?;
    costs.through = through.map(|day| day.to_string());
    let request = view.request(range, today);
    let report = match Box::pin(report_in(reader, &request)).await {
        Ok(report) => report,
        Err(EngineError::Nothing(why)) => {
            costs.hints.push(why);
            costs.without = missing::without(reader, view, range, today).await?;
            return Ok(costs);
        }
        Err(error) => return Err(error.into()),
    };
    if let Some((before, _)) = &report.compare {
        costs.before_from = Some(before.from.to_string());
        costs.before_to = Some(before.to.to_string());
    }
    costs.by.clone_from(&report.by);
    costs.hints.extend(report.hints.iter().cloned());
    costs.currencies = currencies(&report);
    if let Some(section) = chosen(&report, view) {
        costs.currency.clone_from(&section.currency);
        let slots = app.slots.of(reader, view, &section.currency, today).await?;
        rows::fill(&mut costs, view, section, &slots);
        costs.buckets = buckets(&report, section, through.filter(|_| view.as_of.is_none()), today);
        costs.hints.extend(lacking(&report, section));
    }
    costs.left_out = missing::left_out(reader, view, &report, &costs).await?;
    Ok(costs)
}

/// The report behind a view, with every group, for downloads.
///
/// # Errors
/// When a column does not exist, nothing matches, or the lake cannot be read.
pub(crate) async fn whole(app: &App, view: &View) -> Result<Report, Fail> {
    let today = app.today();
    let range = view.period.range(today)?;
    let session = app.session(view.as_of).await?;
    let mut request = view.request(range, today);
    request.top = None;
    Ok(Box::pin(report_in(&session, &request)).await?)
}

/// The figures of the currency that a view shows: the one it names, else the one with most rows.
pub(crate) fn chosen<'a>(report: &'a Report, view: &View) -> Option<&'a Section> {
    let mut sections = report.sections.iter();
    match &view.currency {
        Some(currency) => sections.find(|section| section.currency == *currency),
        // Of equals the first by code.
        None => sections.rev().max_by_key(|section| section.total.now.rows),
    }
}

/// An answer without figures.
fn bare(view: &View, range: DayRange) -> Costs {
    let mut hints = Vec::new();
    if view.scope == Scope::All {
        hints.push(
            "Every row of every connection counts: bills that two connections cover are counted \
             twice."
                .to_owned(),
        );
    }
    Costs {
        metric: view.metric.column.to_owned(),
        by: view.by.clone(),
        currency: view.currency.clone().unwrap_or_else(|| "USD".to_owned()),
        currencies: Vec::new(),
        from: range.from.to_string(),
        to: range.to.to_string(),
        days: range.days(),
        grain: view.grain.of(range).name().to_owned(),
        state: String::new(),
        total: Amount(0),
        before: None,
        before_from: None,
        before_to: None,
        lines: 0,
        through: None,
        buckets: Vec::new(),
        rows: Vec::new(),
        next: None,
        previous: None,
        left_out: Vec::new(),
        without: Vec::new(),
        hints,
    }
}

/// What the deliveries of the period do not have, though it was asked for.
fn lacking(report: &Report, section: &Section) -> Vec<String> {
    let mut hints = Vec::new();
    let at = report.by.iter().position(|by| by == "ResourceId");
    let has_ids = |at: usize| {
        section
            .rows
            .iter()
            .any(|row| row.folded.is_some() || row.keys.get(at).is_some_and(Option::is_some))
    };
    if at.is_some_and(|at| !has_ids(at)) {
        hints.push(
            "No line of this period has a resource id: reports bring them when AWS is told to \
             include resource ids."
                .to_owned(),
        );
    }
    let counts = report.buckets.iter().zip(&section.total.now.counts);
    let mut held = counts.filter(|(_, rows)| **rows > 0).map(|(bucket, _)| bucket.from.time());
    let is_hourly = report.granularity == Granularity::Hourly && report.buckets.len() > 1;
    if is_hourly && held.all(|time| time == NaiveTime::MIN) {
        hints.push(
            "No line of this period is of an hour: the deliveries tell days only, which stand at \
             00:00."
                .to_owned(),
        );
    }
    hints
}

fn currencies(report: &Report) -> Vec<CurrencyTotal> {
    let total = |section: &Section| CurrencyTotal {
        currency: section.currency.clone(),
        total: Amount(section.total.now.total),
        rows: section.total.now.rows,
    };
    let mut totals: Vec<CurrencyTotal> = report.sections.iter().map(total).collect();
    totals.sort_by_key(|total| std::cmp::Reverse(total.rows));
    totals
}

fn buckets(
    report: &Report,
    section: &Section,
    through: Option<NaiveDate>,
    today: NaiveDate,
) -> Vec<CostBucket> {
    let now = &section.total.now;
    let settled = today.checked_sub_days(Days::new(SETTLING)).unwrap_or(today);
    let bucket = |(at, bucket): (usize, &report::Bucket)| {
        let value = |values: &[i128]| Amount(values.get(at).copied().unwrap_or_default());
        let is_empty = now.counts.get(at).is_none_or(|rows| *rows == 0);
        let (from, last) = (bucket.from.date(), bucket.to.date());
        CostBucket {
            label: bucket.label.clone(),
            is_missing: is_empty && through.is_some_and(|through| from > through),
            is_settling: through.is_some() && last > settled && from <= today,
            total: value(&now.values),
            before: section.total.before.as_ref().map(|before| value(&before.values)),
        }
    };
    report.buckets.iter().enumerate().map(bucket).collect()
}

/// The least final state of the months that count; empty when none was delivered.
///
/// # Errors
/// When the lake cannot be read.
pub(crate) async fn state(session: &LakeSession, range: DayRange) -> Result<String, Fail> {
    let (first, last) = months(range);
    let months = report::months_in(session).await?;
    let counting = months.iter().filter(|month| {
        month.counts && first.as_str() <= month.period.as_str() && month.period <= last
    });
    let rank = |state: &str| match state {
        "open" => 0,
        "reopened" => 1,
        "estimated" => 2,
        _ => 3,
    };
    let states = counting.map(|month| month.state.as_str());
    Ok(states.min_by_key(|state| rank(state)).unwrap_or_default().to_owned())
}

/// The first and the last month of a period, YYYY-MM.
fn months(range: DayRange) -> (String, String) {
    (range.from.format("%Y-%m").to_string(), range.last().format("%Y-%m").to_string())
}

/// The last day with usage.
async fn through(app: &App, view: &View, session: &LakeSession) -> Result<Option<NaiveDate>, Fail> {
    if view.as_of.is_none() {
        return Ok(app.pulse().await?.through);
    }
    let standings = standings_in(session).await?;
    Ok(standings.values().filter_map(|standing| standing.through).min())
}

/// Costs by anything
///
/// Sums of one metric and one currency over a period, by none, one or two columns. What the figures
/// leave out is listed with them.
#[utoipa::path(
    get,
    path = "/api/v1/costs",
    tag = "costs",
    params(
        ("period" = Option<String>, Query, description = "mtd, last-30d, 2026-10, 2026-Q3, 2026, ytd; or send from and to"),
        ("from" = Option<String>, Query, description = "First day, YYYY-MM-DD"),
        ("to" = Option<String>, Query, description = "The day after the last one"),
        ("metric" = Option<String>, Query, description = "BilledCost, EffectiveCost, ListCost, ContractedCost or an x_ cost"),
        ("currency" = Option<String>, Query, description = "One currency; the one with most rows"),
        ("by" = Option<Vec<String>>, Query, description = "Up to two columns, tag:KEY or category:NAME; empty for the total"),
        ("grain" = Option<String>, Query, description = "auto, hourly, daily, monthly or total"),
        ("is.COLUMN" = Option<Vec<String>>, Query, description = "Only lines with one of these values; empty for none. Also not.COLUMN and like.COLUMN"),
        ("cmp" = Option<String>, Query, description = "none, previous, month, year or D..D"),
        ("top" = Option<String>, Query, description = "Groups, 1 to 10, or all, page by page"),
        ("scope" = Option<String>, Query, description = "consolidated or all"),
        ("asof" = Option<String>, Query, description = "The lake as it was at an instant"),
        ("sort" = Option<String>, Query, description = "cost, name or change, with - before it for the other way round"),
        ("after" = Option<String>, Query, description = "What `next` of the answer before said"),
    ),
    responses(
        (status = 200, description = "The figures", body = Costs),
        (status = 202, description = "With Prefer: respond-async: the job that goes on with it", body = JobView)
    )
)]
pub(crate) async fn get_costs(
    State(app): State<Arc<App>>,
    asker: Ask,
    headers: HeaderMap,
) -> Result<Response, Fail> {
    let view = View::parse(&asker.query())?;
    ask(&app, &view).await?.json(&app, &asker, &headers).await
}

/// Are all groups shown, page by page?
pub(crate) fn is_paged(view: &View) -> bool {
    view.top > MOST
}

#[derive(OpenApi)]
#[openapi(paths(get_costs))]
pub(crate) struct Doc;
