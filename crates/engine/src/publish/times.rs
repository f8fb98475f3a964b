//! How fine costs are told: the ledger that tells them, and how times are written in it.

use arrow::array::{Array, AsArray};
use arrow::datatypes::{DataType, Date32Type, Int64Type, TimestampMicrosecondType};
use billhook_lake::spec::{CHANGES, CHANGES_HOURLY};
use billhook_stream::facts::ChargeTime;
use billhook_stream::settings::Granularity;
use chrono::{DateTime, NaiveDate};

pub(super) const MICROS_PER_HOUR: i64 = 3_600_000_000;

/// The ledger, and its column of time.
pub(super) fn ledger(granularity: Granularity) -> (&'static str, &'static str) {
    match granularity {
        Granularity::Daily => (CHANGES.name, "ChargeDate"),
        Granularity::Hourly => (CHANGES_HOURLY.name, "ChargeHour"),
    }
}

/// A time as a number: days since 1970 of a date, else microseconds.
pub(super) fn number(times: &dyn Array, row: usize) -> i64 {
    match times.data_type() {
        DataType::Date32 => i64::from(times.as_primitive::<Date32Type>().value(row)),
        DataType::Int64 => times.as_primitive::<Int64Type>().value(row),
        _ => times.as_primitive::<TimestampMicrosecondType>().value(row),
    }
}

/// SQL: the time of a [`number`].
pub(super) fn literal(granularity: Granularity, number: i64) -> String {
    match granularity {
        Granularity::Daily => format!("CAST('{}' AS DATE)", day(number)),
        Granularity::Hourly => {
            format!("arrow_cast({number}, 'Timestamp(Microsecond, Some(\"UTC\"))')")
        }
    }
}

/// The time of a [`number`], as events tell it.
pub(super) fn charge_time(granularity: Granularity, number: i64) -> ChargeTime {
    match granularity {
        Granularity::Daily => ChargeTime::Day(day(number)),
        Granularity::Hourly => {
            ChargeTime::Hour(DateTime::from_timestamp_micros(number).unwrap_or_default())
        }
    }
}

/// The day that is so many days after 1970-01-01.
fn day(days: i64) -> NaiveDate {
    let days = i32::try_from(days).unwrap_or_default();
    Date32Type::to_naive_date_opt(days).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_numbers_and_back() {
        let day = charge_time(Granularity::Daily, 20_484);
        assert_eq!(day.date().to_string(), "2026-01-31");
        assert_eq!(literal(Granularity::Daily, 20_484), "CAST('2026-01-31' AS DATE)");
        let hour = charge_time(Granularity::Hourly, 20_484 * 24 * MICROS_PER_HOUR);
        assert_eq!(hour.date(), day.date());
        assert_ne!(hour, day);
    }
}
