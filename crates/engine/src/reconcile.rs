//! `reconcile`: a month in the lake against Cost Explorer, by account and service.
//!
//! Cost Explorer is asked once; where something differs that shows no reason, once more by record
//! type. A request costs 0.01 USD, and the day's budget of the home is kept. Nothing is written.
//!
//! Both sides have the same names: those of Cost Explorer are mapped as its own answers are when
//! they are imported (`sheet.rs`). Every row of the lake counts, those that FOCUS leaves out too.

mod codes;
mod explain;
mod lake;
mod metric;
mod sheet;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use billhook_aws::cost_explorer::CostExplorer;
use chrono::{DateTime, Months, NaiveDate};
use serde::{Serialize, Serializer};

use crate::cost_explorer::monthly::Monthly;
use crate::verify::Severity;
use crate::{EngineError, Home};

pub use codes::CODES;
pub use explain::Explanation;
pub use lake::{Subject, subjects};
pub use metric::Metric;
pub use sheet::Match;

use explain::{Scene, Work};
use lake::Books;
use sheet::{By, Sheet, sheets};

/// How to compare.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Billing period, YYYY-MM.
    pub period: String,
    /// What is compared.
    pub metric: Metric,
    /// Requests that may be made in a day (UTC).
    pub request_budget: u64,
    /// Today (UTC), asked for anew with every request.
    pub today: fn() -> NaiveDate,
    /// Becomes true when the user wants it to end.
    pub stop: Arc<AtomicBool>,
}

/// What was asked for, and what came of it.
#[derive(Debug)]
pub struct Outcome {
    /// Requests made.
    pub requests: u64,
    /// Requests made today (UTC), by all who ask for this home.
    pub requests_today: u64,
    /// The comparison.
    pub answer: Result<Reconciled, EngineError>,
}

/// All in all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Both sides are the same, but for rounding.
    Equal,
    /// They differ, and every difference has a reason that is no fault of the lake.
    Explained,
    /// Something is missing in the lake, or nothing explains it.
    Gap,
}

/// A month compared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reconciled {
    /// Whose rows were compared.
    pub connection: String,
    /// Only those of this billing account.
    pub billing_account: Option<String>,
    /// Billing period, YYYY-MM.
    pub period: String,
    /// What was compared.
    pub metric: Metric,
    /// State of the delivery in the lake: open, estimated, final, reopened.
    pub state: String,
    /// When it was loaded (UTC).
    pub loaded_at: String,
    /// Does Cost Explorer say that the month may still change?
    pub is_estimated: bool,
    /// All in all.
    pub verdict: Verdict,
    /// By currency.
    pub sections: Vec<Section>,
}

/// One currency. The amounts of all explanations add up to the difference.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Section {
    /// The currency.
    pub currency: String,
    /// Sum of the lake.
    #[serde(serialize_with = "exact")]
    pub lake: i128,
    /// Sum of Cost Explorer.
    #[serde(serialize_with = "exact")]
    pub cost_explorer: i128,
    /// What the lake has more.
    #[serde(serialize_with = "exact")]
    pub difference: i128,
    /// Why; what nothing explains is `unexplained`.
    pub explanations: Vec<Explanation>,
    /// By account and service.
    pub cells: Vec<Cell>,
}

/// What an account spent on a service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Cell {
    /// Account that used it.
    pub account: String,
    /// `ServiceName`; `Tax` for all taxes.
    pub service: String,
    /// In the lake.
    #[serde(serialize_with = "exact")]
    pub lake: i128,
    /// As Cost Explorer has it.
    #[serde(serialize_with = "exact")]
    pub cost_explorer: i128,
    /// What the lake has more.
    #[serde(serialize_with = "exact")]
    pub difference: i128,
    /// How both compare.
    pub verdict: Match,
    /// Code of the reason.
    pub explained_by: Option<&'static str>,
}

/// An amount as exact decimal text.
fn exact<S: Serializer>(units: &i128, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&billhook_money::format(*units))
}

/// The first day of a billing period (YYYY-MM).
///
/// # Errors
/// [`EngineError::Usage`] when it is none, or has not begun.
pub fn first_day(period: &str, today: NaiveDate) -> Result<NaiveDate, EngineError> {
    let day = format!("{period}-01").parse::<NaiveDate>().ok();
    let Some(day) = day.filter(|day| day.format("%Y-%m").to_string() == period) else {
        return Err(EngineError::Usage(format!("{period:?} is no month: write it as 2026-09")));
    };
    if day > today {
        return Err(EngineError::Usage(format!("{period} has not begun (today is {today}, UTC)")));
    }
    Ok(day)
}

/// Compares a month. The home's writer lock must be held: it guards the count of requests.
///
/// # Errors
/// When the settings make no sense or the home cannot be read; what Cost Explorer says is in the
/// outcome.
pub async fn reconcile(
    home: &Home,
    client: &CostExplorer,
    subject: &Subject,
    settings: &Settings,
) -> Result<Outcome, EngineError> {
    let Settings { request_budget, today, stop, .. } = settings;
    let start = first_day(&settings.period, today())?;
    let books = lake::read(home, subject, &settings.period).await?;
    let mut monthly = Monthly::new(home, client, start, *request_budget, *today, Arc::clone(stop))?;
    let answer = compare(client, &mut monthly, subject, settings, &books).await;
    Ok(Outcome { requests: monthly.requests(), requests_today: monthly.requests_today()?, answer })
}

async fn compare(
    client: &CostExplorer,
    monthly: &mut Monthly<'_>,
    subject: &Subject,
    settings: &Settings,
    books: &Books,
) -> Result<Reconciled, EngineError> {
    let costs = monthly.costs("SERVICE").await?;
    let by_service = sheets(&books.rows, &costs, By::Service)?;
    let is_running = is_running(&settings.period, (settings.today)())?;
    let mut works: Vec<Work> = Vec::new();
    let mut scene = scene(subject, settings, books, costs.is_estimated || is_running);
    for (currency, sheet) in by_service {
        works.push(Work::new(currency, sheet, &scene));
    }
    if works.iter().any(Work::has_unknown_account) {
        // Whoever may not ask who they are may still ask for costs.
        scene.caller = client.account().await.ok();
    }
    for work in &mut works {
        work.by_cells(&scene);
    }
    let by_type: BTreeMap<String, Sheet> = if works.iter().any(Work::is_open) {
        sheets(&books.rows, &monthly.costs("RECORD_TYPE").await?, By::RecordType)?
    } else {
        BTreeMap::new()
    };
    let finish = |work: Work| {
        let types = by_type.get(work.currency());
        work.finish(types, &scene)
    };
    let sections: Vec<Section> = works.into_iter().map(finish).collect();
    Ok(Reconciled {
        connection: subject.connection.clone(),
        billing_account: subject.account.clone(),
        period: settings.period.clone(),
        metric: settings.metric,
        state: scene.state.clone(),
        loaded_at: scene.loaded_at.clone(),
        is_estimated: costs.is_estimated,
        verdict: verdict(&sections),
        sections,
    })
}

/// Is the month not over?
fn is_running(period: &str, today: NaiveDate) -> Result<bool, EngineError> {
    let end = first_day(period, today)?.checked_add_months(Months::new(1));
    Ok(end.is_none_or(|end| end > today))
}

fn scene(subject: &Subject, settings: &Settings, books: &Books, is_open: bool) -> Scene {
    let loaded = &books.loaded;
    let loaded_at = DateTime::from_timestamp_micros(loaded.at);
    let mut quarantined = BTreeMap::new();
    // What was read is known of the whole delivery only.
    if loaded.quarantined_rows > 0 && subject.account.is_none() {
        quarantined = loaded.read.clone();
        for row in &books.rows {
            if let Some(sum) = quarantined.get_mut(&row.currency) {
                *sum -= row.amounts.of(Metric::Unblended);
            }
        }
    }
    Scene {
        connection: subject.connection.clone(),
        period: settings.period.clone(),
        metric: settings.metric,
        caller: None,
        is_open,
        state: loaded.state.clone(),
        loaded_at: loaded_at.map_or_else(String::new, |at| at.format("%Y-%m-%d %H:%M").to_string()),
        quarantined_rows: loaded.quarantined_rows,
        quarantined,
    }
}

fn verdict(sections: &[Section]) -> Verdict {
    let findings = || sections.iter().flat_map(|section| &section.explanations);
    if findings().any(|one| one.finding.severity == Severity::Error) {
        Verdict::Gap
    } else if findings().any(|one| one.finding.code != "rounding") {
        Verdict::Explained
    } else {
        Verdict::Equal
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_are_written_in_one_way_and_have_begun() {
        let today: NaiveDate = "2026-09-15".parse().unwrap();
        assert_eq!(first_day("2026-09", today).unwrap().to_string(), "2026-09-01");
        for wrong in ["2026-9", "2026", "2026-13", "last-month", "2026-09-01", "2026-10"] {
            let error = first_day(wrong, today).unwrap_err();
            assert_eq!(error.exit_code(), 2, "{wrong}: {error}");
        }
        assert!(is_running("2026-09", today).unwrap());
        assert!(!is_running("2026-08", today).unwrap());
    }
}
