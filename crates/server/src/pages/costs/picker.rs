//! The period of a page with money: links, months that exist, first and last day, and the periods
//! of equal length beside it.

use std::collections::BTreeMap;

use billhook_engine::period::{Compare, DayRange};
use billhook_engine::report::Month;
use chrono::{Datelike, Days, Months, NaiveDate};

use crate::fail::Fail;
use crate::format;
use crate::view::{Period, View};

/// Periods by their names.
const NAMED: [(&str, &str); 7] = [
    ("mtd", "Month to date"),
    ("last-month", "Last month"),
    ("last-7d", "Last 7 full days"),
    ("last-30d", "Last 30 full days"),
    ("last-90d", "Last 90 full days"),
    ("last-3m", "Last 3 full months"),
    ("ytd", "Year to date"),
];

/// Months that are offered.
const MONTHS: usize = 36;

/// The period of a page, and how to go to another one.
#[derive(Debug, Clone)]
pub(crate) struct Picker {
    /// `1–18 Nov 2026 (18 days, UTC)`.
    pub(crate) label: String,
    /// The page itself, which the form of two days is sent to.
    pub(crate) action: String,
    pub(crate) links: Vec<PeriodLink>,
    pub(crate) months: Vec<MonthLink>,
    pub(crate) earlier: String,
    pub(crate) later: String,
    pub(crate) first: String,
    pub(crate) last: String,
    /// What the form carries on.
    pub(crate) hidden: Vec<(String, String)>,
}

/// A period.
#[derive(Debug, Clone)]
pub(crate) struct PeriodLink {
    pub(crate) name: &'static str,
    pub(crate) href: String,
    pub(crate) is_here: bool,
}

/// A month that exists.
#[derive(Debug, Clone)]
pub(crate) struct MonthLink {
    pub(crate) name: String,
    pub(crate) href: String,
    /// Its icon.
    pub(crate) icon: &'static str,
    /// `open`, `estimated`, `final` or `reopened`.
    pub(crate) state: String,
    pub(crate) is_here: bool,
}

impl Picker {
    /// The picker of a view on a page.
    ///
    /// # Errors
    /// When the period is none.
    pub(crate) fn new(
        view: &View,
        path: &str,
        today: NaiveDate,
        months: &[Month],
    ) -> Result<Self, Fail> {
        let range = view.period.range(today)?;
        let at = |period: Period| View { period, ..view.first_page() }.url(path);
        let is_named = |wanted: &str| matches!(&view.period, Period::Named(name) if name == wanted);
        let quarter = format!("{}-Q{}", today.year(), today.month0() / 3 + 1);
        let named = NAMED.into_iter().chain([(quarter.as_str(), "This quarter")]);
        let links = named.map(|(period, name)| PeriodLink {
            name,
            href: at(Period::Named(period.to_owned())),
            is_here: is_named(period),
        });
        let mut states: BTreeMap<&str, &str> = BTreeMap::new();
        for month in months.iter().filter(|month| month.counts) {
            let state = states.entry(&month.period).or_insert(&month.state);
            if rank(&month.state) < rank(state) {
                *state = &month.state;
            }
        }
        let months = states.into_iter().rev().take(MONTHS).map(|(period, state)| MonthLink {
            name: format::month(period),
            href: at(Period::Named(period.to_owned())),
            icon: icon(state),
            state: state.to_owned(),
            is_here: is_named(period),
        });
        let dates = ["period", "from", "to"];
        let pairs = View { after: None, ..view.clone() }.pairs();
        let hidden = pairs.into_iter().filter(|(name, _)| !dates.contains(&name.as_str()));
        Ok(Self {
            label: days(range),
            action: path.to_owned(),
            links: links.collect(),
            months: months.collect(),
            earlier: at(Period::Days(Compare::Previous.with(range)?)),
            later: at(Period::Days(after(range))),
            first: range.from.to_string(),
            last: range.last().to_string(),
            hidden: hidden.collect(),
        })
    }
}

/// The icon of a month's state.
pub(crate) fn icon(state: &str) -> &'static str {
    match state {
        "final" => "healthy",
        "reopened" => "degraded",
        _ => "waiting",
    }
}

/// The less final of two states is told.
fn rank(state: &str) -> u8 {
    match state {
        "open" => 0,
        "reopened" => 1,
        "estimated" => 2,
        _ => 3,
    }
}

/// As many days (or whole months) after a period.
fn after(range: DayRange) -> DayRange {
    let to = match range.whole_months() {
        Some(months) => range.to.checked_add_months(Months::new(months)),
        None => u64::try_from(range.days())
            .ok()
            .and_then(|days| range.to.checked_add_days(Days::new(days))),
    };
    to.map_or(range, |to| DayRange { from: range.to, to })
}

/// `1–18 Nov 2026 (18 days, UTC)`.
pub(crate) fn days(range: DayRange) -> String {
    let (from, last) = (range.from, range.last());
    if from == last {
        return format!("{} (UTC)", format::day(from));
    }
    let first = if from.year() != last.year() {
        format::day(from)
    } else if from.month() != last.month() {
        format::short_day(from)
    } else {
        from.day().to_string()
    };
    format!("{first}\u{2013}{} ({} days, UTC)", format::day(last), range.days())
}

#[cfg(test)]
mod tests {
    use billhook_engine::period;
    use billhook_engine::report::Month;
    use chrono::NaiveDate;

    use super::{Picker, after, days};
    use crate::view::View;

    fn today() -> NaiveDate {
        NaiveDate::from_ymd_opt(2026, 11, 19).unwrap()
    }

    #[test]
    fn days_are_told_with_their_number() {
        for (period, expected) in [
            ("2026-11-01..2026-11-19", "1\u{2013}18 Nov 2026 (18 days, UTC)"),
            ("2026-10-20..2026-11-19", "20 Oct\u{2013}18 Nov 2026 (30 days, UTC)"),
            ("2025-12-31..2026-01-02", "31 Dec 2025\u{2013}1 Jan 2026 (2 days, UTC)"),
            ("2026-11-14", "14 Nov 2026 (UTC)"),
        ] {
            assert_eq!(days(period::parse(period, today()).unwrap()), expected);
        }
        let next = after(period::parse("2026-Q3", today()).unwrap());
        assert_eq!(next.label(), "2026-Q4");
    }

    #[test]
    fn links_keep_the_rest_of_the_view() {
        let month = |state: &str| Month {
            connection: "a".to_owned(),
            period: "2026-10".to_owned(),
            state: state.to_owned(),
            recorded_at: 0,
            counts: true,
        };
        let view = View::new().with(crate::view::How::Is, "RegionId", "x");
        let months = [month("final"), month("reopened")];
        let picker = Picker::new(&view, "/costs", today(), &months).unwrap();
        assert_eq!(picker.months[0].href, "/costs?period=2026-10&is.RegionId=x");
        assert_eq!(picker.months[0].state, "reopened");
        assert_eq!(picker.hidden, [("is.RegionId".to_owned(), "x".to_owned())]);
        assert!(picker.links[0].is_here);
    }
}
