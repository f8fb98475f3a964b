//! Time cut into buckets.

use chrono::{DateTime, Datelike, Days, Months, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta};

use crate::EngineError;
use crate::period::DayRange;
use crate::report::Granularity;

/// More buckets than that are nothing to look at.
const MOST_BUCKETS: usize = 24 * 366;

/// One bucket of time, UTC, the end exclusive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bucket {
    /// Start. A month that begins before the period starts with the period.
    pub from: NaiveDateTime,
    /// End.
    pub to: NaiveDateTime,
    /// `2026-09`, `2026-09-15`, `2026-09-15T05:00`, or the period.
    pub label: String,
}

impl Bucket {
    /// A period in one bucket.
    pub(super) fn whole(range: DayRange) -> Self {
        Self { from: midnight(range.from), to: midnight(range.to), label: range.label() }
    }
}

/// The buckets of a period, found by the numbers that queries return: hours since 1970, or the
/// first day of the day or month as days since 1970.
#[derive(Debug, Clone)]
pub(super) struct Grid {
    granularity: Granularity,
    numbers: Vec<i64>,
    buckets: Vec<Bucket>,
}

impl Grid {
    pub(super) fn new(range: DayRange, granularity: Granularity) -> Result<Self, EngineError> {
        let mut grid = Self { granularity, numbers: Vec::new(), buckets: Vec::new() };
        if granularity == Granularity::Total {
            grid.numbers.push(0);
            grid.buckets.push(Bucket::whole(range));
            return Ok(grid);
        }
        let (start, end) = (midnight(range.from), midnight(range.to));
        let mut at = start;
        while at < end {
            if grid.buckets.len() == MOST_BUCKETS {
                return Err(EngineError::Usage(format!(
                    "{} is too long a period for {} figures: ask for a shorter one",
                    range.label(),
                    granularity.name()
                )));
            }
            let seconds = at.and_utc().timestamp();
            let (next, number, label) = match granularity {
                Granularity::Hourly => {
                    let next = at.checked_add_signed(TimeDelta::hours(1));
                    (next, seconds.div_euclid(3600), at.format("%Y-%m-%dT%H:%M").to_string())
                }
                Granularity::Monthly => {
                    let first = at.date().with_day(1).unwrap_or(at.date());
                    let next = first.checked_add_months(Months::new(1)).map(midnight);
                    (next, day_number(first), at.format("%Y-%m").to_string())
                }
                Granularity::Daily | Granularity::Total => {
                    let next = at.checked_add_days(Days::new(1));
                    (next, seconds.div_euclid(86_400), at.format("%Y-%m-%d").to_string())
                }
            };
            let next = next.unwrap_or(end).min(end);
            grid.numbers.push(number);
            grid.buckets.push(Bucket { from: at, to: next, label });
            at = next;
        }
        Ok(grid)
    }

    pub(super) fn granularity(&self) -> Granularity {
        self.granularity
    }

    pub(super) fn buckets(&self) -> &[Bucket] {
        &self.buckets
    }

    pub(super) fn len(&self) -> usize {
        self.buckets.len()
    }

    pub(super) fn index(&self, number: i64) -> Option<usize> {
        self.numbers.binary_search(&number).ok()
    }
}

fn midnight(day: NaiveDate) -> NaiveDateTime {
    day.and_time(NaiveTime::MIN)
}

fn day_number(day: NaiveDate) -> i64 {
    (day - DateTime::UNIX_EPOCH.date_naive()).num_days()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::period;

    fn grid(period: &str, granularity: Granularity) -> Result<Grid, EngineError> {
        let today = NaiveDate::from_ymd_opt(2026, 9, 15).unwrap();
        Grid::new(period::parse(period, today).unwrap(), granularity)
    }

    #[test]
    fn buckets_tile_the_period() {
        for (period, granularity, count, last) in [
            ("2026-09", Granularity::Daily, 30, "2026-09-30"),
            ("2026-09", Granularity::Hourly, 720, "2026-09-30T23:00"),
            ("2026-Q3", Granularity::Monthly, 3, "2026-09"),
            ("2026-08-20..2026-10-02", Granularity::Monthly, 3, "2026-10"),
            ("2026-09", Granularity::Total, 1, "2026-09"),
        ] {
            let grid = grid(period, granularity).unwrap();
            let buckets = grid.buckets();
            assert_eq!((grid.len(), buckets[count - 1].label.as_str()), (count, last));
            assert!(buckets.windows(2).all(|pair| pair[0].to == pair[1].from));
            assert!(grid.numbers.windows(2).all(|pair| pair[0] < pair[1]));
        }
        let clipped = grid("2026-08-20..2026-10-02", Granularity::Monthly).unwrap();
        assert_eq!(clipped.buckets()[0].from.to_string(), "2026-08-20 00:00:00");
        assert_eq!(
            clipped.index(day_number(NaiveDate::from_ymd_opt(2026, 8, 1).unwrap())),
            Some(0)
        );
        assert!(grid("2020-01-01..2026-01-01", Granularity::Hourly).is_err());
    }
}
