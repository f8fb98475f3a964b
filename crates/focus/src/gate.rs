//! The gate before every commit (INV-SUM): what was read is what is stored, to the last digit.
//!
//! A reader fills a [`Tally`] from the bytes as it parses them; the writer fills another one from
//! the arrays it hands to Parquet. [`check`] compares them. The two never share a number.

use std::collections::BTreeMap;
use std::fmt;

use billhook_money::{Sum, format};

/// Row count and sums per (currency, source cost column).
#[derive(Debug, Clone, Default)]
pub struct Tally {
    /// Number of source rows.
    pub rows: u64,
    sums: BTreeMap<(String, String), Sum>,
}

impl Tally {
    /// Adds `sum` to the total of `column` in `currency`.
    pub fn add(&mut self, currency: &str, column: &str, sum: Sum) {
        let key = (currency.to_owned(), column.to_owned());
        *self.sums.entry(key).or_default() += sum;
    }

    /// Adds another tally.
    pub fn merge(&mut self, other: &Self) {
        self.rows += other.rows;
        for ((currency, column), sum) in &other.sums {
            self.add(currency, column, *sum);
        }
    }

    /// Totals by (currency, column), in order.
    pub fn sums(&self) -> impl Iterator<Item = (&str, &str, Sum)> {
        self.sums.iter().map(|((currency, column), sum)| (currency.as_str(), column.as_str(), *sum))
    }

    /// Total of one column in one currency; zero when nothing was added.
    #[must_use]
    pub fn sum(&self, currency: &str, column: &str) -> Sum {
        self.sums.get(&(currency.to_owned(), column.to_owned())).copied().unwrap_or_default()
    }
}

/// What the gate found wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Mismatch {
    /// Rows got lost or multiplied.
    #[error("{read} rows were read, but {stored} stored and {quarantined} quarantined")]
    Rows {
        /// Rows read from the source.
        read: u64,
        /// Rows stored.
        stored: u64,
        /// Rows quarantined.
        quarantined: u64,
    },
    /// Money got lost or multiplied.
    #[error("{column} in {currency}: read {read}, stored and quarantined {kept}")]
    Money {
        /// ISO 4217 code, or empty when the source names none.
        currency: String,
        /// Source column.
        column: String,
        /// Sum as read.
        read: Shown,
        /// Sum as stored plus quarantined.
        kept: Shown,
    },
}

/// A sum for people, or a word that it overflowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown(String);

impl From<Sum> for Shown {
    fn from(sum: Sum) -> Self {
        Self(sum.total().map_or_else(|overflow| overflow.to_string(), format))
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Compares what was read with what is stored plus quarantined.
///
/// # Errors
/// The first [`Mismatch`]. A sum that overflowed never passes.
pub fn check(read: &Tally, stored: &Tally, quarantined: &Tally) -> Result<(), Mismatch> {
    if read.rows != stored.rows + quarantined.rows {
        return Err(Mismatch::Rows {
            read: read.rows,
            stored: stored.rows,
            quarantined: quarantined.rows,
        });
    }
    let mut kept = stored.clone();
    kept.merge(quarantined);
    let keys: std::collections::BTreeSet<_> = read.sums.keys().chain(kept.sums.keys()).collect();
    for (currency, column) in keys {
        let (from, to) = (read.sum(currency, column), kept.sum(currency, column));
        let equal = matches!((from.total(), to.total()), (Ok(a), Ok(b)) if a == b);
        if !equal {
            return Err(Mismatch::Money {
                currency: currency.clone(),
                column: column.clone(),
                read: from.into(),
                kept: to.into(),
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(rows: u64, amount: i128) -> Tally {
        let mut tally = Tally { rows, ..Tally::default() };
        let mut sum = Sum::default();
        sum.add(amount);
        tally.add("USD", "cost", sum);
        tally
    }

    #[test]
    fn inv_sum_the_gate_sees_one_unit_and_one_row() {
        assert_eq!(check(&tally(3, 10), &tally(2, 7), &tally(1, 3)), Ok(()));
        let money = check(&tally(3, 10), &tally(2, 7), &tally(1, 4)).unwrap_err();
        assert_eq!(
            money.to_string(),
            "cost in USD: read 0.00000000000000001, stored and quarantined 0.000000000000000011"
        );
        let rows = check(&tally(3, 10), &tally(2, 7), &tally(2, 3)).unwrap_err();
        assert_eq!(rows.to_string(), "3 rows were read, but 2 stored and 2 quarantined");
        assert!(check(&tally(1, 10), &tally(1, 0), &Tally::default()).is_err());
    }

    #[test]
    fn inv_cur_currencies_are_compared_apart() {
        let mut euro = Tally { rows: 3, ..Tally::default() };
        let mut sum = Sum::default();
        sum.add(10);
        euro.add("EUR", "cost", sum);
        assert!(check(&tally(3, 10), &euro, &Tally::default()).is_err());
    }
}
