//! Days, months and hours of the proleptic Gregorian calendar, all UTC.

use std::fmt;

/// A calendar day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date {
    /// Year, such as 2026.
    pub year: i32,
    /// Month, 1 to 12.
    pub month: u32,
    /// Day of the month, from 1.
    pub day: u32,
}

impl Date {
    /// The day, taken as it is: an impossible one (30 February) counts on into the next month.
    #[must_use]
    pub const fn new(year: i32, month: u32, day: u32) -> Self {
        Self { year, month, day }
    }

    /// The day's first hour.
    #[must_use]
    pub const fn start(self) -> Hour {
        // Days from a civil date, after Howard Hinnant's `days_from_civil`: years begin in March.
        let year = self.year as i64 - (self.month <= 2) as i64;
        let era = year.div_euclid(400);
        let year_of_era = year.rem_euclid(400);
        let month_from_march = (self.month as i64 + 9) % 12;
        let day_of_year = (153 * month_from_march + 2) / 5 + self.day as i64 - 1;
        let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        Hour((era * 146_097 + day_of_era - 719_468) * 24)
    }

    /// The month that the day is in.
    #[must_use]
    pub const fn month(self) -> Month {
        Month { year: self.year, month: self.month }
    }
}

/// A calendar month; also a billing period.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Month {
    /// Year, such as 2026.
    pub year: i32,
    /// Month, 1 to 12.
    pub month: u32,
}

impl Month {
    /// The month, `month` from 1 to 12.
    #[must_use]
    pub const fn new(year: i32, month: u32) -> Self {
        Self { year, month }
    }

    /// The month `by` months later (earlier when negative).
    #[must_use]
    pub fn plus(self, by: i32) -> Self {
        let index = self.year * 12 + self.month.cast_signed() - 1 + by;
        let month = index.rem_euclid(12).unsigned_abs() + 1;
        Self { year: index.div_euclid(12), month }
    }

    /// The `day`th of the month.
    #[must_use]
    pub const fn day(self, day: u32) -> Date {
        Date { year: self.year, month: self.month, day }
    }

    /// The month's hours: from the 1st to the 1st of the next month.
    #[must_use]
    pub fn interval(self) -> Interval {
        Interval { start: self.day(1).start(), end: self.plus(1).day(1).start() }
    }

    /// The folder of the month in a report: `20260101-20260201`.
    #[must_use]
    pub fn folder(self) -> String {
        let next = self.plus(1);
        format!("{:04}{:02}01-{:04}{:02}01", self.year, self.month, next.year, next.month)
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.year, self.month)
    }
}

/// The beginning of an hour, counted in hours from 1970-01-01T00:00Z.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hour(pub i64);

impl Hour {
    /// The hour `by` hours later.
    #[must_use]
    pub const fn plus(self, by: i64) -> Self {
        Self(self.0 + by)
    }

    /// Hour of the day, 0 to 23.
    #[must_use]
    pub const fn of_day(self) -> i64 {
        self.0.rem_euclid(24)
    }

    /// Days from 1970-01-01.
    #[must_use]
    pub const fn day_number(self) -> i64 {
        self.0.div_euclid(24)
    }

    /// Is the day a Saturday or a Sunday?
    #[must_use]
    pub const fn is_weekend(self) -> bool {
        // 1970-01-01 was a Thursday: two days later the weekend began.
        matches!(self.day_number().rem_euclid(7), 2 | 3)
    }

    /// The day that the hour is in.
    #[must_use]
    pub fn date(self) -> Date {
        // The inverse of `Date::start`, after Hinnant's `civil_from_days`.
        let days = self.day_number() + 719_468;
        let day_of_era = days.rem_euclid(146_097);
        let leap_days = day_of_era / 1_460 - day_of_era / 36_524 + day_of_era / 146_096;
        let year_of_era = (day_of_era - leap_days) / 365;
        let first_day = 365 * year_of_era + year_of_era / 4 - year_of_era / 100;
        let day_of_year = day_of_era - first_day;
        let month_from_march = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
        let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
        let year = year_of_era + days.div_euclid(146_097) * 400 + i64::from(month <= 2);
        let small = |value: i64| u32::try_from(value).unwrap_or(1);
        Date { year: i32::try_from(year).unwrap_or(1970), month: small(month), day: small(day) }
    }
}

impl fmt::Display for Hour {
    /// `2026-01-31T23:00:00Z`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Date { year, month, day } = self.date();
        write!(f, "{year:04}-{month:02}-{day:02}T{:02}:00:00Z", self.of_day())
    }
}

/// A stretch of whole hours, `end` exclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Interval {
    /// First hour.
    pub start: Hour,
    /// The hour after the last.
    pub end: Hour,
}

impl Interval {
    /// `hours` hours from `start`.
    #[must_use]
    pub const fn of(start: Hour, hours: i64) -> Self {
        Self { start, end: start.plus(hours) }
    }

    /// How many hours it holds, never negative.
    #[must_use]
    pub const fn hours(self) -> i64 {
        if self.end.0 > self.start.0 { self.end.0 - self.start.0 } else { 0 }
    }

    /// The part that lies in `other` too (empty: no hours).
    #[must_use]
    pub fn within(self, other: Self) -> Self {
        let start = self.start.max(other.start);
        Self { start, end: self.end.min(other.end).max(start) }
    }

    /// Pieces of `step` hours from the start, the last one shorter when it does not fit.
    pub fn steps(self, step: i64) -> impl Iterator<Item = Self> {
        let count = self.hours().div_euclid(step) + i64::from(self.hours() % step > 0);
        (0..count).map(move |at| Self::of(self.start.plus(at * step), step).within(self))
    }
}

#[cfg(test)]
mod tests {
    use super::{Date, Hour, Interval, Month};

    #[test]
    fn days_and_hours_go_round() {
        assert_eq!(Date::new(1970, 1, 1).start(), Hour(0));
        assert_eq!(Date::new(2024, 2, 29).start().to_string(), "2024-02-29T00:00:00Z");
        for day in 0..200_000 {
            let hour = Hour(day * 24);
            assert_eq!(hour.date().start(), hour);
        }
        assert!(Date::new(2026, 8, 1).start().is_weekend());
        assert!(!Date::new(2026, 8, 3).start().is_weekend());
    }

    #[test]
    fn months_have_their_hours() {
        assert_eq!(Month::new(2026, 1).interval().hours(), 744);
        assert_eq!(Month::new(2024, 2).interval().hours(), 696);
        assert_eq!(Month::new(2025, 12).plus(1), Month::new(2026, 1));
        assert_eq!(Month::new(2026, 1).plus(-1), Month::new(2025, 12));
        assert_eq!(Month::new(2025, 12).folder(), "20251201-20260101");
        let steps: Vec<i64> = Interval::of(Hour(0), 54).steps(24).map(Interval::hours).collect();
        assert_eq!(steps, [24, 24, 6]);
    }
}
