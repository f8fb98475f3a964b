//! Periods as people write them, and as half-open ranges of UTC days.
//!
//! Nothing here reads a clock: `today` is handed in. Start at [`parse`].

use chrono::{Datelike, Days, Months, NaiveDate};

use crate::EngineError;

/// What [`parse`] understands, for error messages and help.
pub const ALLOWED: &str = "last-30d and the like (full days before today), last-3m (full months \
     before this one), mtd, this-month, last-month, ytd, 2026, 2026-Q3, 2026-09, 2026-09-15, or \
     2026-09-01..2026-09-15 (the end is not part of it)";

/// Days from `from` to before `to`, UTC; never empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DayRange {
    /// First day.
    pub from: NaiveDate,
    /// The day after the last one.
    pub to: NaiveDate,
}

/// With which days a period is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compare {
    /// Those right before it: as many whole months when it is whole months, else as many days.
    Previous,
    /// The same days a month earlier.
    Month,
    /// The same days a year earlier.
    Year,
    /// Given days.
    Range(DayRange),
}

/// Understands a period; see [`ALLOWED`].
///
/// # Errors
/// [`EngineError::Usage`] with what is allowed.
pub fn parse(text: &str, today: NaiveDate) -> Result<DayRange, EngineError> {
    let wanted = text.trim();
    if let Some((from, to)) = wanted.split_once("..") {
        return range(from, to);
    }
    let found = named(&wanted.to_ascii_lowercase(), today).or_else(|| calendar(wanted));
    found
        .filter(|range| range.from < range.to)
        .ok_or_else(|| EngineError::Usage(format!("{text:?} is no period: use {ALLOWED}")))
}

/// Understands `--from` and `--to`; without an end, today is the last day.
///
/// # Errors
/// [`EngineError::Usage`] when a day is none, or the range is empty.
pub fn between(from: &str, to: Option<&str>, today: NaiveDate) -> Result<DayRange, EngineError> {
    match to {
        Some(to) => range(from, to),
        None => range(from, &day_after(today).to_string()),
    }
}

/// Understands `previous`, `month`, `year`, or a period as [`parse`] does.
///
/// # Errors
/// [`EngineError::Usage`] with what is allowed.
pub fn compare(text: &str, today: NaiveDate) -> Result<Compare, EngineError> {
    match text.trim().to_ascii_lowercase().as_str() {
        "previous" => Ok(Compare::Previous),
        "month" => Ok(Compare::Month),
        "year" => Ok(Compare::Year),
        _ => parse(text, today).map(Compare::Range).map_err(|_| {
            EngineError::Usage(format!(
                "{text:?} cannot be compared with: use previous, month, year, or a period: {ALLOWED}"
            ))
        }),
    }
}

impl DayRange {
    /// Number of days.
    #[must_use]
    pub fn days(self) -> i64 {
        (self.to - self.from).num_days()
    }

    /// Last day.
    #[must_use]
    pub fn last(self) -> NaiveDate {
        self.to.pred_opt().unwrap_or(self.to)
    }

    /// Number of months when it is whole ones.
    #[must_use]
    pub fn whole_months(self) -> Option<u32> {
        let number = |day: NaiveDate| i64::from(day.year()) * 12 + i64::from(day.month0());
        let is_whole = self.from.day() == 1 && self.to.day() == 1;
        is_whole.then(|| u32::try_from(number(self.to) - number(self.from)).ok()).flatten()
    }

    /// The range for people: `2026-09`, `2026-Q3`, `2026`, a day, or first and last day.
    #[must_use]
    pub fn label(self) -> String {
        let (from, last) = (self.from, self.last());
        match self.whole_months() {
            Some(1) => return from.format("%Y-%m").to_string(),
            Some(3) if from.month0().is_multiple_of(3) => {
                return format!("{}-Q{}", from.year(), from.month0() / 3 + 1);
            }
            Some(12) if from.month() == 1 => return from.year().to_string(),
            Some(_) => return format!("{} to {}", from.format("%Y-%m"), last.format("%Y-%m")),
            None => {}
        }
        if from == last {
            return from.to_string();
        }
        format!("{from} to {last} ({} days)", self.days())
    }
}

impl Compare {
    /// The days to compare `range` with.
    ///
    /// # Errors
    /// [`EngineError::Usage`] when they lie before the calendar.
    pub fn with(self, range: DayRange) -> Result<DayRange, EngineError> {
        let other = match self {
            Self::Range(other) => Some(other),
            Self::Month => earlier(range, 1),
            Self::Year => earlier(range, 12),
            Self::Previous => match range.whole_months() {
                Some(months) => earlier(range, months),
                None => u64::try_from(range.days())
                    .ok()
                    .and_then(|days| range.from.checked_sub_days(Days::new(days)))
                    .map(|from| DayRange { from, to: range.from }),
            },
        };
        other.ok_or_else(|| {
            EngineError::Usage(format!("there is nothing before {} to compare with", range.from))
        })
    }
}

/// The same days some months earlier. Ends of months stay ends of months, and a day that the
/// earlier month does not have becomes its last.
fn earlier(range: DayRange, months: u32) -> Option<DayRange> {
    let months = Months::new(months);
    let from = range.from.checked_sub_months(months)?;
    let to = if range.to.day() == 1 {
        range.to.checked_sub_months(months)?
    } else {
        range.last().checked_sub_months(months)?.succ_opt()?
    };
    Some(DayRange { from, to })
}

fn range(from: &str, to: &str) -> Result<DayRange, EngineError> {
    let understood = |text: &str| {
        day(text.trim())
            .ok_or_else(|| EngineError::Usage(format!("{text:?} is no day: use YYYY-MM-DD")))
    };
    let range = DayRange { from: understood(from)?, to: understood(to)? };
    if range.from >= range.to {
        return Err(EngineError::Usage(format!(
            "from {} to {} is no day at all: the end is not part of a period",
            range.from, range.to
        )));
    }
    Ok(range)
}

fn day_after(day: NaiveDate) -> NaiveDate {
    day.succ_opt().unwrap_or(day)
}

/// Periods counted from today.
fn named(text: &str, today: NaiveDate) -> Option<DayRange> {
    let this_month = today.with_day(1)?;
    let month = |first: NaiveDate| {
        Some(DayRange { from: first, to: first.checked_add_months(Months::new(1))? })
    };
    match text {
        "mtd" => return Some(DayRange { from: this_month, to: day_after(today) }),
        "this-month" => return month(this_month),
        "last-month" => return month(this_month.checked_sub_months(Months::new(1))?),
        "ytd" => {
            let from = NaiveDate::from_ymd_opt(today.year(), 1, 1)?;
            return Some(DayRange { from, to: day_after(today) });
        }
        _ => {}
    }
    let count = text.strip_prefix("last-")?;
    let (number, unit) = count.split_at_checked(count.len().checked_sub(1)?)?;
    let number: u32 = number.parse().ok().filter(|n| (1..=9999).contains(n))?;
    match unit {
        "d" => {
            let from = today.checked_sub_days(Days::new(u64::from(number)))?;
            Some(DayRange { from, to: today })
        }
        "m" => {
            let from = this_month.checked_sub_months(Months::new(number))?;
            Some(DayRange { from, to: this_month })
        }
        _ => None,
    }
}

/// Years, quarters, months and days by their names.
fn calendar(text: &str) -> Option<DayRange> {
    let months = |year: i32, month: u32, count: u32| {
        let from = NaiveDate::from_ymd_opt(year, month, 1)?;
        Some(DayRange { from, to: from.checked_add_months(Months::new(count))? })
    };
    if let Some(day) = day(text) {
        return Some(DayRange { from: day, to: day_after(day) });
    }
    let (year, rest) = text.split_once('-').unwrap_or((text, ""));
    let year: i32 = digits(year, 4)?.try_into().ok()?;
    if rest.is_empty() {
        return (!text.contains('-')).then(|| months(year, 1, 12)).flatten();
    }
    if let Some(quarter) = rest.strip_prefix(['Q', 'q']) {
        let quarter = digits(quarter, 1).filter(|q| (1..=4).contains(q))?;
        return months(year, quarter * 3 - 2, 3);
    }
    months(year, digits(rest, 2)?, 1)
}

/// `YYYY-MM-DD`, exactly.
pub(crate) fn day(text: &str) -> Option<NaiveDate> {
    let mut parts = text.split('-');
    let year = digits(parts.next()?, 4)?;
    let (month, day) = (digits(parts.next()?, 2)?, digits(parts.next()?, 2)?);
    if parts.next().is_some() {
        return None;
    }
    NaiveDate::from_ymd_opt(year.try_into().ok()?, month, day)
}

/// A number of exactly `length` digits.
fn digits(text: &str, length: usize) -> Option<u32> {
    let is_number = text.len() == length && text.bytes().all(|b| b.is_ascii_digit());
    is_number.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(text: &str) -> NaiveDate {
        day(text).unwrap()
    }

    fn span(text: &str) -> String {
        match parse(text, date("2026-09-15")) {
            Ok(range) => format!("{} {}", range.from, range.to),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn every_form_is_understood() {
        for (text, expected) in [
            ("last-30d", "2026-08-16 2026-09-15"),
            ("last-7d", "2026-09-08 2026-09-15"),
            ("last-1d", "2026-09-14 2026-09-15"),
            ("last-3m", "2026-06-01 2026-09-01"),
            ("MTD", "2026-09-01 2026-09-16"),
            ("this-month", "2026-09-01 2026-10-01"),
            ("last-month", "2026-08-01 2026-09-01"),
            ("ytd", "2026-01-01 2026-09-16"),
            ("2026", "2026-01-01 2027-01-01"),
            ("2026-12", "2026-12-01 2027-01-01"),
            ("2026-09-15", "2026-09-15 2026-09-16"),
            ("2026-Q3", "2026-07-01 2026-10-01"),
            ("2026-q4", "2026-10-01 2027-01-01"),
            ("2026-09-01..2026-09-15", "2026-09-01 2026-09-15"),
        ] {
            assert_eq!(span(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_none_is_refused_with_what_is_allowed() {
        for text in [
            "",
            "last-",
            "last-0d",
            "last-d",
            "last-30",
            "last-ä",
            "2026-13",
            "2026-Q5",
            "2026-",
            "26",
            "2026-9",
            "2026-02-30",
            "yesterdays",
            "last-99999d",
            "+026",
            "2026-09-15-01",
        ] {
            assert!(span(text).contains("2026-Q3"), "{text}: {}", span(text));
        }
        assert!(span("2026-09-15..2026-09-15").contains("no day at all"));
        assert!(span("2026-09..2026-10").contains("YYYY-MM-DD"));
        let error = parse("soon", date("2026-09-15")).unwrap_err();
        assert_eq!(error.exit_code(), 2);
    }

    #[test]
    fn from_and_to() {
        let today = date("2026-09-15");
        let range = between("2026-09-01", None, today).unwrap();
        assert_eq!((range.to, range.days()), (date("2026-09-16"), 15));
        assert!(between("2026-09-16", None, today).is_err());
        assert!(between("2026-09-02", Some("2026-09-01"), today).is_err());
    }

    #[test]
    fn labels_are_short() {
        for (text, label) in [
            ("2026-09", "2026-09"),
            ("2026-Q3", "2026-Q3"),
            ("2026", "2026"),
            ("2026-09-15", "2026-09-15"),
            ("2026-02-01..2026-05-01", "2026-02 to 2026-04"),
            ("2026-09-01..2026-09-15", "2026-09-01 to 2026-09-14 (14 days)"),
        ] {
            assert_eq!(parse(text, date("2026-09-15")).unwrap().label(), label);
        }
    }

    #[test]
    fn comparisons_keep_the_ends_of_months() {
        for (text, with, expected) in [
            ("2026-09", "previous", "2026-08-01 2026-09-01"),
            ("2026-Q1", "previous", "2025-10-01 2026-01-01"),
            ("last-7d", "previous", "2026-09-01 2026-09-08"),
            ("mtd", "month", "2026-08-01 2026-08-16"),
            ("2026-03", "month", "2026-02-01 2026-03-01"),
            ("2026-03-29..2026-03-31", "month", "2026-02-28 2026-03-01"),
            ("2026-09", "year", "2025-09-01 2025-10-01"),
            ("2024-02-29", "year", "2023-02-28 2023-03-01"),
            ("2026-09", "2026-01-01..2026-01-05", "2026-01-01 2026-01-05"),
            ("2026-09", "2026-05", "2026-05-01 2026-06-01"),
        ] {
            let today = date("2026-09-15");
            let range = parse(text, today).unwrap();
            let other = compare(with, today).unwrap().with(range).unwrap();
            assert_eq!(format!("{} {}", other.from, other.to), expected, "{text} {with}");
        }
        assert!(compare("last-week", date("2026-09-15")).unwrap_err().to_string().contains("year"));
    }
}
