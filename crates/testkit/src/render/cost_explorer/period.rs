//! `TimePeriod` and `Granularity`: which hours are asked for, and how they are cut.

use serde_json::{Value, json};

use super::api_error::ApiError;
use crate::calendar::{Date, Hour, Interval};

/// Days of hourly data.
const HOURLY_DAYS: i64 = 14;

/// Months of history before the current one.
const HISTORY_MONTHS: i32 = 13;

/// How periods are cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Granularity {
    Hourly,
    Daily,
    Monthly,
}

impl Granularity {
    /// The granularity called `name`.
    pub(super) fn parse(name: &str) -> Result<Self, ApiError> {
        match name {
            "HOURLY" => Ok(Self::Hourly),
            "DAILY" => Ok(Self::Daily),
            "MONTHLY" => Ok(Self::Monthly),
            other => Err(ApiError::validation(format!("{other} is not a valid granularity"))),
        }
    }

    /// The periods of `hours`; the first and last are cut off where the request is.
    pub(super) fn periods(self, hours: Interval) -> Vec<Interval> {
        let mut periods = Vec::new();
        let mut start = hours.start;
        while start < hours.end {
            let end = match self {
                Self::Hourly => start.plus(1),
                Self::Daily => start.plus(24),
                Self::Monthly => start.date().month().interval().end,
            };
            periods.push(Interval { start, end: end.min(hours.end) });
            start = end;
        }
        periods
    }

    /// `{"Start": …, "End": …}`, with the time of day only in hourly answers.
    pub(super) fn bounds(self, period: Interval) -> Value {
        let text = |hour: Hour| match self {
            Self::Hourly => hour.to_string(),
            Self::Daily | Self::Monthly => hour.to_string()[..10].to_owned(),
        };
        json!({"Start": text(period.start), "End": text(period.end)})
    }

    /// The hours from `start` to, but without, `end`.
    pub(super) fn hours(self, start: &str, end: &str, today: Date) -> Result<Interval, ApiError> {
        let hours = Interval { start: self.hour(start)?, end: self.hour(end)? };
        if hours.hours() == 0 {
            let text = "Start date (and hour) should be before end date (and hour)";
            return Err(ApiError::validation(text));
        }
        let midnight = today.start();
        if hours.start >= midnight.plus(24) {
            return Err(ApiError::validation("Start date cannot be after the current date"));
        }
        if hours.start < today.month().plus(-HISTORY_MONTHS).interval().start {
            let text = "You haven't enabled historical data beyond 14 months";
            return Err(ApiError::validation(text));
        }
        if self == Self::Hourly && hours.start < midnight.plus(-24 * HOURLY_DAYS) {
            let text = "Hourly data is available for the last 14 days only";
            return Err(ApiError::validation(text));
        }
        Ok(hours)
    }

    /// `2026-06-01`, or for hours also `2026-06-01T13:00:00Z`.
    fn hour(self, text: &str) -> Result<Hour, ApiError> {
        let wrong = || {
            let name = if self == Self::Hourly { "yyyy-MM-ddTHH:mm:ssZ" } else { "yyyy-MM-dd" };
            ApiError::validation(format!("{text} does not match the format {name}"))
        };
        let (day, time) = match text.split_once('T') {
            Some((day, time)) if self == Self::Hourly => (day, time),
            Some(_) => return Err(wrong()),
            None => (text, "00:00:00Z"),
        };
        let hour = time.strip_suffix(":00:00Z").and_then(digits::<2>).filter(|hour| *hour < 24);
        let mut parts = day.split('-');
        let year = parts.next().and_then(digits::<4>);
        let month = parts.next().and_then(digits::<2>);
        let own = parts.next().and_then(digits::<2>);
        let (Some(hour), Some(year), Some(month), Some(own), None) =
            (hour, year, month, own, parts.next())
        else {
            return Err(wrong());
        };
        let date = Date::new(i32::try_from(year).unwrap_or(0), month, own);
        // A day that is not in the calendar counts on into another one.
        if !(1..=12).contains(&month) || date.start().date() != date {
            return Err(wrong());
        }
        Ok(date.start().plus(i64::from(hour)))
    }
}

/// The number that exactly `N` digits say.
fn digits<const N: usize>(text: &str) -> Option<u32> {
    let fits = text.len() == N && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| fits)
}
