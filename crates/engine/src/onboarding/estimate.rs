//! What Cost Explorer charges for a connection, before it is asked.

use billhook_aws::cost_explorer::Granularity;

use crate::cost_explorer::{MONTHS, RESTATED_MONTHS};

/// Record types of an ordinary bill: usage, taxes, credits, refunds, commitments and support.
const RECORD_TYPES: u64 = 6;

/// Requests for a span of months: the totals by record type, then the costs of each type. Bills
/// with many accounts and services take some more, since answers come in pages.
const OF_A_SPAN: u64 = 1 + RECORD_TYPES;

/// What a request costs, in cents of USD.
const CENTS: u64 = 1;

/// Requests that a connection will make, about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Estimate {
    /// Of the first fetch.
    pub first: u64,
    /// Of each day after it.
    pub daily: u64,
}

impl Estimate {
    /// For days, with the months before the current one; or for hours, which begin 14 days ago.
    #[must_use]
    pub fn of(granularity: Granularity) -> Self {
        match granularity {
            // The days of the month that lie before the hours are read by the day.
            Granularity::Hourly => Self { first: 2 * OF_A_SPAN, daily: 2 * OF_A_SPAN },
            Granularity::Daily | Granularity::Monthly => {
                let older = u64::from(MONTHS.saturating_sub(RESTATED_MONTHS));
                Self { first: (1 + older) * OF_A_SPAN, daily: OF_A_SPAN }
            }
        }
    }

    /// In a sentence.
    #[must_use]
    pub fn words(self) -> String {
        format!(
            "The first fetch takes about {} requests = {} USD, then {} a day = {} USD a month.",
            self.first,
            dollars(self.first * CENTS),
            self.daily,
            dollars(self.daily * 30 * CENTS)
        )
    }
}

fn dollars(cents: u64) -> String {
    format!("{}.{:02}", cents / 100, cents % 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_price_is_told_before_it_is_paid() {
        let days = Estimate::of(Granularity::Daily);
        assert_eq!(
            days.words(),
            "The first fetch takes about 84 requests = 0.84 USD, then 7 a day = 2.10 USD a month."
        );
        assert!(Estimate::of(Granularity::Hourly).first < days.first);
    }
}
