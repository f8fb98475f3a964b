//! `report`: exact sums of one metric by any column, tag or cost category, over a period.
//!
//! Amounts are whole units of 10⁻¹⁸ and never pass through anything inexact. Each currency is a
//! section of its own (INV-CUR). Start at [`report`]; `keys` knows what can be grouped and filtered
//! by, `query` asks the lake, `grid` cuts time into buckets, `fold` sorts and folds, `remainder`
//! says what the figures leave out, `lines` has the lines behind them, `origin` what those are made
//! of, `months` how final they are, `file` writes a report for other programs.

mod file;
mod fold;
mod grid;
mod keys;
mod lines;
mod months;
mod origin;
mod query;
mod remainder;

use billhook_focus::metric::{self, Metric};
use billhook_lake::Lake;
use billhook_lake::session::LakeSession;
use chrono::NaiveDate;

use crate::EngineError;
use crate::period::{self, Compare, DayRange};

pub use file::{csv, parquet};
pub use grid::Bucket;
pub use keys::{ALIASES, Filter, How, NONE, column, nearest};
pub use lines::{
    LineCell, LineId, LineItem, Lines, LinesRequest, LinesSum, Provenance, WholeLine, line_in,
    lines_in,
};
pub use months::{Month, Quarantined, SetAside, months_in, quarantined_in, set_aside_in};
pub use origin::{CellRule, LineMapping, SourceCell};
pub use query::sql;
pub use remainder::{Excluded, LeftOut};

/// How finely time is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Granularity {
    /// Not at all.
    #[default]
    Total,
    /// By hour of `ChargePeriodStart`.
    Hourly,
    /// By day of `ChargePeriodStart`.
    Daily,
    /// By calendar month of `ChargePeriodStart`.
    Monthly,
}

impl Granularity {
    /// Name in machine-readable output.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Total => "total",
            Self::Hourly => "hourly",
            Self::Daily => "daily",
            Self::Monthly => "monthly",
        }
    }
}

/// Whose rows count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Scope {
    /// FOCUS rows of one connection per billing account and month: no dollar twice.
    #[default]
    Consolidated,
    /// Every row of every connection, those that FOCUS leaves out, too.
    All,
}

impl Scope {
    /// Name in machine-readable output.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Consolidated => "consolidated",
            Self::All => "all",
        }
    }
}

/// What is asked for.
#[derive(Debug, Clone)]
pub struct ReportRequest {
    /// What to group by: column names, [`ALIASES`], `tag:KEY`, `category:NAME`, `account-tag:KEY`,
    /// `resource-tag:KEY`.
    pub by: Vec<String>,
    /// Days, by `ChargePeriodStart`. Without, the last 30 days; when the lake holds nothing of
    /// those, the last month of which it does.
    pub range: Option<DayRange>,
    /// Today, UTC.
    pub today: NaiveDate,
    /// How finely time is cut.
    pub granularity: Granularity,
    /// What is summed.
    pub metric: &'static Metric,
    /// Only this currency.
    pub currency: Option<String>,
    /// Only rows for which all of these hold.
    pub filters: Vec<Filter>,
    /// Other days to compare with.
    pub compare: Option<Compare>,
    /// Whose rows count.
    pub scope: Scope,
    /// The lake as it was then, milliseconds since 1970 UTC.
    pub as_of: Option<i64>,
    /// Groups shown; the rest becomes one row with its exact sum.
    pub top: Option<usize>,
    /// Show the group without any value after the others, and never as part of the rest.
    pub is_none_apart: bool,
}

impl ReportRequest {
    /// Everything of the default period, in one sum per currency.
    #[must_use]
    pub fn new(today: NaiveDate) -> Self {
        Self {
            by: Vec::new(),
            range: None,
            today,
            granularity: Granularity::default(),
            metric: &metric::ALL[0],
            currency: None,
            filters: Vec::new(),
            compare: None,
            scope: Scope::default(),
            as_of: None,
            top: None,
            is_none_apart: false,
        }
    }
}

/// The answer.
#[derive(Debug, Clone)]
pub struct Report {
    /// What is grouped by, as columns are written: `ServiceName`, `tag:team`.
    pub by: Vec<String>,
    /// What is summed.
    pub metric: &'static Metric,
    /// The days.
    pub range: DayRange,
    /// Is the period another one than the usual default, because that holds nothing?
    pub is_fallback: bool,
    /// How finely time is cut.
    pub granularity: Granularity,
    /// Whose rows count.
    pub scope: Scope,
    /// Table or view that was asked.
    pub table: &'static str,
    /// The buckets of time, oldest first; one when time is not cut.
    pub buckets: Vec<Bucket>,
    /// The days compared with and their buckets.
    pub compare: Option<(DayRange, Vec<Bucket>)>,
    /// One per currency, by code. Sections are never added up.
    pub sections: Vec<Section>,
    /// Rows of connections that do not count because another one covers the same bill.
    pub left_out: Vec<LeftOut>,
    /// Rows that the FOCUS view leaves out.
    pub excluded: Vec<Excluded>,
    /// Things worth telling, in sentences.
    pub hints: Vec<String>,
}

/// The figures of one currency.
#[derive(Debug, Clone)]
pub struct Section {
    /// ISO 4217 code.
    pub currency: String,
    /// The groups, the largest |total| first, and last what was folded.
    pub rows: Vec<Row>,
    /// The exact sum of all rows.
    pub total: Row,
}

/// A group of rows.
#[derive(Debug, Clone, Default)]
pub struct Row {
    /// Values of what is grouped by; `None` where a row has none. Empty for folded rows and
    /// the total.
    pub keys: Vec<Option<String>>,
    /// How many groups were folded into this row.
    pub folded: Option<usize>,
    /// The period's figures.
    pub now: Figures,
    /// The figures of the days compared with.
    pub before: Option<Figures>,
    /// Amounts by day, or by month over long periods, when time is not cut and they were cheap.
    pub trend: Vec<i128>,
}

/// Amounts in units of 10⁻¹⁸, by bucket and in sum.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Figures {
    /// One per bucket.
    pub values: Vec<i128>,
    /// Rows behind each of them: source lines where the daily roll-up answers, else stored rows.
    pub counts: Vec<u64>,
    /// Sum of the values.
    pub total: i128,
    /// Sum of the counts.
    pub rows: u64,
}

impl Row {
    /// The group's name on one line.
    #[must_use]
    pub fn label(&self) -> String {
        match self.folded {
            Some(count) => format!("other ({count})"),
            None if self.keys.is_empty() => "total".to_owned(),
            None => {
                let names = self.keys.iter().map(|key| key.as_deref().unwrap_or(NONE));
                names.collect::<Vec<_>>().join(" · ")
            }
        }
    }

    /// Amounts over time, for a small picture; may be empty.
    #[must_use]
    pub fn trend(&self) -> &[i128] {
        if self.now.values.len() > 1 { &self.now.values } else { &self.trend }
    }

    /// What was added since the days compared with.
    #[must_use]
    pub fn difference(&self) -> Option<i128> {
        self.before.as_ref().map(|before| self.now.total - before.total)
    }
}

/// Makes a report.
///
/// # Errors
/// [`EngineError::Usage`] when something asked for does not exist, [`EngineError::Nothing`] when
/// no rows match, and when the lake cannot be read.
pub async fn report(lake: &Lake, request: &ReportRequest) -> Result<Report, EngineError> {
    let session = LakeSession::open(lake, request.as_of).await?;
    report_in(&session, request).await
}

/// Makes a report from a session that is open already; the request's `as_of` is the session's.
///
/// # Errors
/// As [`report`].
pub async fn report_in(
    session: &LakeSession,
    request: &ReportRequest,
) -> Result<Report, EngineError> {
    let keys = request.by.iter().map(|by| keys::Key::resolve(by)).collect::<Result<Vec<_>, _>>()?;
    let plan = query::Plan::new(request, keys)?;
    let (range, is_fallback) = match request.range {
        Some(range) => (range, false),
        None => remainder::default_range(session, plan.daily_table(), request.today).await?,
    };
    let grid = plan.grid(range)?;
    let compare = match request.compare {
        Some(compare) => {
            let range = compare.with(range)?;
            Some((range, plan.grid(range)?))
        }
        None => None,
    };
    let mut ledger = fold::Ledger::default();
    for (name, cell) in plan.ask(session, range, grid.granularity()).await?.sums() {
        ledger.add(name, cell, &grid, fold::Side::Now);
    }
    if let Some((range, grid)) = &compare {
        for (name, cell) in plan.ask(session, *range, grid.granularity()).await?.sums() {
            ledger.add(name, cell, grid, fold::Side::Before);
        }
    }
    let hints = remainder::hints(session, &plan, range, &ledger).await?;
    if ledger.is_empty() {
        return Err(remainder::nothing(session, &plan, range, &hints).await?);
    }
    let is_whole = request.granularity == Granularity::Total;
    let shape = fold::Shape {
        now: &grid,
        before: compare.as_ref().map(|(_, grid)| grid),
        is_whole,
        top: request.top,
        is_none_apart: request.is_none_apart,
    };
    let sections = ledger.sections(&shape)?;
    let buckets = |grid: &grid::Grid, range| {
        if is_whole { vec![Bucket::whole(range)] } else { grid.buckets().to_vec() }
    };
    // What is left out is not grouped: mostly the roll-up tells.
    let ungrouped = query::Plan::new(request, Vec::new())?;
    let (left_out, excluded) = remainder::remainder(session, &ungrouped, range).await?;
    Ok(Report {
        by: plan.keys().iter().map(keys::Key::label).collect(),
        metric: request.metric,
        range,
        is_fallback,
        granularity: request.granularity,
        scope: request.scope,
        table: plan.table(),
        buckets: buckets(&grid, range),
        compare: compare.map(|(range, grid)| (range, buckets(&grid, range))),
        sections,
        left_out,
        excluded,
        hints,
    })
}

/// The last month that the lake has costs of; `None` when it has none.
///
/// # Errors
/// When the lake cannot be read.
pub async fn last_month(lake: &Lake, today: NaiveDate) -> Result<Option<DayRange>, EngineError> {
    let session = LakeSession::open(lake, None).await?;
    remainder::last_month(&session, "costs_daily", today).await
}

/// The default period before looking at what the lake holds.
fn usual_range(today: NaiveDate) -> Result<DayRange, EngineError> {
    period::parse("last-30d", today)
}

#[cfg(test)]
mod tests;
