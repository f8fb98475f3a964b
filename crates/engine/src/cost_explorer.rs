//! `import cost-explorer:`: asks AWS what was spent, and brings a slice per month up to date.
//!
//! AWS restates any recent month, so the current month and the two before are read again every
//! time, in one go: a request costs the same for one month and for three. Older months are read
//! once, one by one, newest first, so that the request budget can end the back-fill after any
//! month. The answers of a month are written down as text (`sources/cost_explorer.rs`) and take
//! the way of every report.
//!
//! Hours exist for the last 14 days only. The days of those months that lie before are read by the
//! day, so that a slice always holds its whole month.

mod answers;
mod ask;
mod budget;
mod month;
pub(crate) mod monthly;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use billhook_aws::Location;
use billhook_aws::cost_explorer::{CallError, CostExplorer, Granularity, Trouble};
use billhook_lake::slice::{self, SliceId};
use billhook_lake::spec::COST_AND_USAGE;
use billhook_sources::cost_explorer::MAPPING;
use billhook_sources::delivery::{Delivery, Readiness, SourceFile, connection_name};
use billhook_sources::table::Mapping;
use chrono::{Datelike, Days, Months, NaiveDate};
use object_store::memory::InMemory;
use object_store::{ObjectStore, ObjectStoreExt};
use url::Url;

use crate::access::is_account;
use crate::import::{self, Fate, Imported};
use crate::ingest::Options;
use crate::{EngineError, Home};

use answers::Answers;
pub(crate) use answers::hex;
use ask::Asker;
use budget::Budget;
use month::Costs;

static MAPPINGS: &[&Mapping] = &[&MAPPING];

/// Months of history before the current one that AWS serves.
pub const MONTHS: u32 = 13;

/// Requests of a day unless told otherwise.
pub const REQUEST_BUDGET: u64 = 200;

/// Days for which AWS keeps hours, today among them.
const HOURLY_DAYS: u64 = 14;

/// Months before the current one that are read again every time.
pub(crate) const RESTATED_MONTHS: u32 = 2;

/// Setting of a connection: `daily` or `hourly`.
pub const GRANULARITY: &str = "granularity";

/// Setting of a connection: requests that may be made in a day (UTC).
pub const BUDGET: &str = "request_budget";

/// How finely a connection asks, and how many requests it may make in a day, by its settings.
#[must_use]
pub fn wishes(settings: &serde_json::Value) -> (Granularity, u64) {
    let is_hourly = settings[GRANULARITY].as_str() == Some("hourly");
    let granularity = if is_hourly { Granularity::Hourly } else { Granularity::Daily };
    (granularity, settings[BUDGET].as_u64().unwrap_or(REQUEST_BUDGET))
}

/// How to import.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Name of the connection.
    pub connection: String,
    /// As the user wrote the place.
    pub written: String,
    /// How finely.
    pub granularity: Granularity,
    /// Months before the current one; [`MONTHS`] unless told otherwise.
    pub months: Option<u32>,
    /// Read months again that are in the lake already, however old?
    pub refetch_all: bool,
    /// The account that is billed; whose credentials they are unless told otherwise.
    pub account: Option<String>,
    /// Requests that may be made in a day (UTC).
    pub request_budget: u64,
    /// Today (UTC), asked for anew with every request.
    pub today: fn() -> NaiveDate,
}

/// What was done.
#[derive(Debug, Default)]
pub struct Outcome {
    /// The months, in the order in which they were read.
    pub imported: Vec<Imported>,
    /// Requests made.
    pub requests: u64,
    /// Requests made today (UTC), by all imports of this home.
    pub requests_today: u64,
    /// Pages that an earlier import had asked for.
    pub from_cache: u64,
    /// The month that AWS has no data of any more, and what it says.
    pub unavailable: Option<(String, String)>,
}

/// Months that are read with one chain of requests.
#[derive(Debug, Clone, Copy)]
struct Span {
    /// First day.
    first: NaiveDate,
    /// First day after it.
    end: NaiveDate,
    /// Is it so old that AWS is not expected to change it?
    is_closed: bool,
}

/// Requests that all connections of a home have made today (UTC).
///
/// # Errors
/// When what counts them cannot be read.
pub fn requests_today(home: &Home, today: fn() -> NaiveDate) -> Result<u64, EngineError> {
    Budget::look(&home.dir, today).spent()
}

/// Says what makes no sense together.
///
/// # Errors
/// [`EngineError::Usage`].
pub fn check(settings: &Settings) -> Result<(), EngineError> {
    let wrong = |text: String| Err(EngineError::Usage(text));
    if connection_name(&settings.connection) != settings.connection {
        return wrong(format!(
            "{:?} is no connection name: use lowercase letters, digits and dashes",
            settings.connection
        ));
    }
    if let Some(account) = settings.account.as_ref().filter(|id| !is_account(id)) {
        return wrong(format!("{account:?} is no account: write its 12 digits"));
    }
    if let Some(months) = settings.months.filter(|months| *months > MONTHS) {
        return wrong(format!(
            "--months {months}: Cost Explorer serves days of the current month and {MONTHS} before"
        ));
    }
    let is_hourly = settings.granularity == Granularity::Hourly;
    if is_hourly && (settings.months.is_some() || settings.refetch_all) {
        return wrong(format!(
            "AWS keeps hours for the last {HOURLY_DAYS} days only (and only once they are turned \
             on in the preferences of Cost Explorer): leave out --months and --refetch-all, or \
             import by the day with --granularity daily"
        ));
    }
    Ok(())
}

/// Imports from Cost Explorer. `heard` is told of each month as soon as its fate is known.
///
/// # Errors
/// When the settings make no sense, or the lake or the home cannot be used; what happens to a month
/// is told in its fate. A month that fails is the last one.
pub async fn import(
    home: &Home,
    client: &CostExplorer,
    settings: &Settings,
    options: &Options,
    heard: impl FnMut(&Imported),
) -> Result<Outcome, EngineError> {
    check(settings)?;
    // Whoever may not ask who they are can still say it.
    let payer = match &settings.account {
        Some(account) => Some(account.clone()),
        None => client.account().await.ok(),
    };
    let budget = Budget::open(&home.dir, settings.request_budget, settings.today)?;
    let folder = payer.clone().unwrap_or_else(|| settings.connection.clone());
    let answers = Answers::new(&home.dir, &folder);
    let asker =
        Asker::new(client, budget, answers, Arc::clone(&options.stop), !settings.refetch_all);
    let mut run = Run { home, settings, options, payer, asker, heard, outcome: Outcome::default() };
    if let Err(error) = run.months().await {
        // What was paid for is told, whatever happens.
        run.fail(&label((settings.today)()), error);
    }
    run.outcome.requests = run.asker.requests;
    run.outcome.from_cache = run.asker.from_cache;
    run.outcome.requests_today = run.asker.requests_today()?;
    run.asker.prune();
    Ok(run.outcome)
}

/// The first day of the month that is so many months before `day`'s.
fn month_before(day: NaiveDate, months: u32) -> NaiveDate {
    let first = day.with_day(1).unwrap_or(day);
    first.checked_sub_months(Months::new(months)).unwrap_or(first)
}

fn month_after(day: NaiveDate) -> NaiveDate {
    day.checked_add_months(Months::new(1)).unwrap_or(day)
}

fn label(month: NaiveDate) -> String {
    month.format("%Y-%m").to_string()
}

/// How reading on goes after a span.
#[derive(PartialEq, Eq)]
enum Next {
    On,
    Stop,
}

/// One import under way.
struct Run<'a, Heard> {
    home: &'a Home,
    settings: &'a Settings,
    options: &'a Options,
    payer: Option<String>,
    asker: Asker<'a>,
    heard: Heard,
    outcome: Outcome,
}

impl<Heard: FnMut(&Imported)> Run<'_, Heard> {
    async fn months(&mut self) -> Result<(), EngineError> {
        if let Some(period) = &self.options.period {
            return self.only(period).await;
        }
        let today = (self.settings.today)();
        let tomorrow = today.succ_opt().unwrap_or(today);
        let is_hourly = self.settings.granularity == Granularity::Hourly;
        let months = self.settings.months.unwrap_or(MONTHS);
        let mut first = if is_hourly {
            month_before(hours_since(today), 0)
        } else {
            month_before(today, months.min(RESTATED_MONTHS))
        };
        // AWS may know less than what is always read again: its history has just begun.
        while self.span(Span { first, end: tomorrow, is_closed: false }).await? == Next::Stop {
            if self.outcome.unavailable.is_none() || first >= month_before(today, 0) {
                self.nothing_at_all(today);
                return Ok(());
            }
            first = month_after(first);
        }
        if is_hourly || self.outcome.unavailable.is_some() {
            return Ok(());
        }
        for back in RESTATED_MONTHS + 1..=months {
            let first = month_before(today, back);
            if !self.settings.refetch_all && self.is_in_the_lake(first).await? {
                continue;
            }
            let span = Span { first, end: month_after(first), is_closed: true };
            if self.span(span).await? == Next::Stop {
                break;
            }
        }
        Ok(())
    }

    /// Reads one month, whether it is in the lake already or not.
    async fn only(&mut self, period: &str) -> Result<(), EngineError> {
        let today = (self.settings.today)();
        let first = NaiveDate::parse_from_str(&format!("{period}-01"), "%Y-%m-%d");
        let first = first.ok().filter(|first| *first <= today).ok_or_else(|| {
            EngineError::Usage(format!("{period}: Cost Explorer has costs of past months only"))
        })?;
        let is_closed = first < month_before(today, RESTATED_MONTHS);
        let end = month_after(first).min(today.succ_opt().unwrap_or(today));
        if self.span(Span { first, end, is_closed }).await? == Next::Stop {
            self.nothing_at_all(first);
        }
        Ok(())
    }

    /// When not even the current month is to be had, that is no quiet end.
    fn nothing_at_all(&mut self, today: NaiveDate) {
        let Some((_, message)) = self.outcome.unavailable.take() else { return };
        let source = CallError { trouble: Trouble::Unavailable, code: String::new(), message };
        let error = EngineError::CostExplorer {
            action: format!("costs of {}", label(today)),
            is_hourly: self.settings.granularity == Granularity::Hourly,
            source,
        };
        self.fail(&label(today), error);
    }

    async fn is_in_the_lake(&self, month: NaiveDate) -> Result<bool, EngineError> {
        let lines = self.home.lake.table(&COST_AND_USAGE).await?;
        let slice = SliceId { connection: self.settings.connection.clone(), period: label(month) };
        Ok(slice::current_revision(&lines, &slice)?.is_some())
    }

    fn fail(&mut self, period: &str, error: EngineError) {
        let one = Imported {
            connection: self.settings.connection.clone(),
            period: period.to_owned(),
            revision: String::new(),
            warnings: Vec::new(),
            title: Some(MAPPING.format.title),
            fate: Fate::Failed(error),
        };
        (self.heard)(&one);
        self.outcome.imported.push(one);
    }

    /// Reads a span and loads its months. Nothing of it is loaded unless all of it was read.
    async fn span(&mut self, span: Span) -> Result<Next, EngineError> {
        let last = span.end.pred_opt().unwrap_or(span.end);
        let period = match (label(span.first), label(last)) {
            (first, last) if first == last => first,
            (first, last) => format!("{first} to {last}"),
        };
        let costs = match self.read(span).await {
            Ok(costs) => costs,
            Err(EngineError::CostExplorer { source, is_hourly: false, .. })
                if source.trouble == Trouble::Unavailable =>
            {
                self.outcome.unavailable = Some((label(span.first), source.to_string()));
                return Ok(Next::Stop);
            }
            Err(error) => {
                self.outcome.unavailable = None;
                self.fail(&period, error);
                return Ok(Next::Stop);
            }
        };
        let payer = match self.payer(&costs) {
            Ok(payer) => payer,
            Err(error) => {
                self.outcome.unavailable = None;
                self.fail(&period, error);
                return Ok(Next::Stop);
            }
        };
        let mut month = span.first;
        while month < span.end {
            let one = self.load(month, &payer, &costs).await?;
            let is_over = matches!(one.fate, Fate::Failed(_));
            (self.heard)(&one);
            self.outcome.imported.push(one);
            if is_over {
                self.outcome.unavailable = None;
                return Ok(Next::Stop);
            }
            month = month_after(month);
        }
        Ok(Next::On)
    }

    async fn read(&mut self, span: Span) -> Result<Costs, EngineError> {
        let mut costs = Costs::default();
        let Span { first, end, is_closed } = span;
        let hours = match self.settings.granularity {
            Granularity::Hourly => hours_since((self.settings.today)()).clamp(first, end),
            Granularity::Daily | Granularity::Monthly => end,
        };
        for (granularity, start, end) in
            [(Granularity::Daily, first, hours), (Granularity::Hourly, hours, end)]
        {
            if start < end {
                let part = month::read(&mut self.asker, granularity, start, end, is_closed).await?;
                costs.add(part);
            }
        }
        Ok(costs)
    }

    /// The billed account: as said, else whose credentials they are, else the only one there is.
    fn payer(&self, costs: &Costs) -> Result<String, EngineError> {
        if let Some(payer) = &self.payer {
            return Ok(payer.clone());
        }
        let accounts: BTreeSet<&str> = costs.accounts();
        let mut ids = accounts.iter();
        match (ids.next(), ids.next()) {
            (Some(only), None) => Ok((*only).to_owned()),
            (None, _) => Ok(String::new()),
            _ => Err(EngineError::Usage(format!(
                "AWS does not say whose credentials these are, and the costs are those of {} \
                 accounts: name the one that gets the bill with --account",
                accounts.len()
            ))),
        }
    }

    async fn load(
        &self,
        month: NaiveDate,
        payer: &str,
        costs: &Costs,
    ) -> Result<Imported, EngineError> {
        let period = label(month);
        let text = costs.text(&period, payer);
        let name = format!("cost-explorer-{period}.csv");
        let path = object_store::path::Path::from(format!("cost-explorer/{name}"));
        let memory: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
        let fail = |source| EngineError::Store { location: path.to_string(), source };
        let revision = month::revision(&text);
        memory.put(&path, text.into()).await.map_err(fail)?;
        let meta = memory.head(&path).await.map_err(fail)?;
        let delivery = Delivery {
            report: self.settings.connection.clone(),
            identity: self.settings.connection.clone(),
            account: payer.to_owned(),
            period,
            revision,
            mappings: MAPPINGS,
            mapping: Some(&MAPPING),
            files: vec![SourceFile { meta, name }],
            checks: Vec::new(),
            currency: None,
            part: None,
            readiness: Readiness::Ready,
            manifest: None,
            warnings: Vec::new(),
        };
        let place = Location {
            store: memory,
            url: Url::parse("memory:///cost-explorer")
                .map_err(|error| EngineError::Usage(format!("cost-explorer: {error}")))?,
            prefix: "cost-explorer".to_owned(),
            written: self.settings.written.clone(),
        };
        let known: BTreeMap<_, _> = import::known(self.home).await?;
        let connection = self.settings.connection.clone();
        let options = self.options;
        Ok(import::import_one(self.home, &place, connection, delivery, options, &known).await)
    }
}

/// The first day of which AWS keeps hours.
fn hours_since(today: NaiveDate) -> NaiveDate {
    today.checked_sub_days(Days::new(HOURLY_DAYS - 1)).unwrap_or(today)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(granularity: Granularity, months: Option<u32>) -> Settings {
        Settings {
            connection: "cost-explorer".to_owned(),
            written: "cost-explorer:".to_owned(),
            granularity,
            months,
            refetch_all: false,
            account: None,
            request_budget: REQUEST_BUDGET,
            today: || NaiveDate::MIN,
        }
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        assert!(check(&settings(Granularity::Daily, Some(13))).is_ok());
        assert!(check(&settings(Granularity::Daily, Some(14))).is_err());
        assert!(check(&settings(Granularity::Hourly, None)).is_ok());
        let hours = check(&settings(Granularity::Hourly, Some(1))).unwrap_err().to_string();
        assert!(hours.contains("14 days") && hours.contains("preferences"), "{hours}");
        let mut other = settings(Granularity::Daily, None);
        other.account = Some("1234".to_owned());
        assert!(check(&other).is_err());
    }

    #[test]
    fn months_and_hours_are_counted_back() {
        let day = |text: &str| text.parse::<NaiveDate>().unwrap();
        assert_eq!(month_before(day("2026-03-31"), 1), day("2026-02-01"));
        assert_eq!(month_before(day("2026-01-15"), 13), day("2024-12-01"));
        assert_eq!(hours_since(day("2026-03-05")), day("2026-02-20"));
    }
}
