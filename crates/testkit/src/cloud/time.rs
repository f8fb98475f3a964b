//! Moments, to the second, as AWS writes them.

use std::fmt;

use crate::calendar::{Date, Hour};

/// Seconds since 1970, UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Time(i64);

impl Time {
    /// Reads `20260131T235959Z`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        if text.len() != 16 || text.get(8..9) != Some("T") || !text.ends_with('Z') {
            return None;
        }
        let number = |from: usize, to: usize| text.get(from..to)?.parse::<u32>().ok();
        let year = i32::try_from(number(0, 4)?).ok()?;
        let date = Date::new(year, number(4, 6)?, number(6, 8)?);
        let [hours, minutes, seconds] = [number(9, 11)?, number(11, 13)?, number(13, 15)?];
        let of_day = i64::from(hours * 3_600 + minutes * 60 + seconds);
        Some(Self(date.start().0 * 3_600 + of_day))
    }

    /// So many seconds later.
    pub(super) const fn plus(self, seconds: i64) -> Self {
        Self(self.0 + seconds)
    }

    /// `20260131T235959Z`
    pub(super) fn compact(self) -> String {
        self.to_string().replace(['-', ':'], "")
    }
}

impl fmt::Display for Time {
    /// `2026-01-31T23:59:59Z`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hour = Hour(self.0.div_euclid(3_600));
        let (of_hour, Date { year, month, day }) = (self.0.rem_euclid(3_600), hour.date());
        let (minute, second) = (of_hour / 60, of_hour % 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{:02}:{minute:02}:{second:02}Z", hour.of_day())
    }
}

#[cfg(test)]
mod tests {
    use super::Time;

    #[test]
    fn moments_go_round() {
        for text in ["20260131T235959Z", "20240229T000000Z", "19700101T000001Z"] {
            assert_eq!(Time::parse(text).expect("a time").compact(), text);
        }
        let time = Time::parse("20261231T235959Z").expect("a time");
        assert_eq!(time.plus(1).to_string(), "2027-01-01T00:00:00Z");
        assert_eq!(Time::parse("2026-12-31T23:59:59Z"), None);
    }
}
