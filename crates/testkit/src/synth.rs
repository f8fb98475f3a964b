//! The synthetic organisation: what it used and what AWS charged for it, before any report format.
//!
//! [`Organisation`] is the entry. A ledger is one payer's month in one version: a list of
//! [`Line`]s whose sums close exactly (covered usage and its negation, used and unused
//! commitments, gross and net cost). Report formats are the business of [`render`](crate::render).
//!
//! The same seed, months, day and scale give the same lines, whatever was asked for before.

mod account;
mod catalogue;
mod commitment;
mod contracts;
mod fees;
mod ledger;
mod line;
mod month_end;
mod series;
mod sku;
mod template;

pub use account::{Account, Payer, Resource, Role};
pub use commitment::{Amount, Commitment, PaymentOption, Plan, Reservation, ReservationMonth};
pub use line::{BillType, Kind, Line};
pub use sku::{Product, Sku};

use crate::calendar::{Date, Hour, Interval, Month};

/// Months of the default organisation.
const DEFAULT_MONTHS: u32 = 4;

/// How much of everything there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// Some thousand lines: a line per day, one resource of a kind.
    Small,
    /// Some hundred thousand lines by the hour; for the demonstration.
    Demo,
    /// So many times the resources of `Demo`.
    Times(u32),
}

impl Scale {
    /// Hours that a usage line stands for.
    #[must_use]
    pub const fn step_hours(self) -> i64 {
        match self {
            Self::Small => 24,
            Self::Demo | Self::Times(_) => 1,
        }
    }

    /// How many resources for `count` of the catalogue.
    fn fleet(self, count: u32) -> u32 {
        match self {
            Self::Small => count.min(1),
            Self::Demo => count,
            Self::Times(factor) => count * factor,
        }
    }
}

/// A planted cost anomaly: for some days one service of one account costs `factor` times as much.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Anomaly {
    /// Whose bill it is on.
    pub payer_id: &'static str,
    /// Where it happened.
    pub account_id: &'static str,
    /// `lineItem/ProductCode` of the service.
    pub product_code: &'static str,
    /// When.
    pub interval: Interval,
    /// How many times the usual amount.
    pub factor: i64,
}

/// Two companies, thirteen accounts and some months of bills.
#[derive(Clone, Debug)]
pub struct Organisation {
    seed: u64,
    first: Month,
    months: u32,
    today: Date,
    scale: Scale,
    payers: Vec<Payer>,
    series: Vec<Vec<series::Series>>,
    contracts: Vec<contracts::Contracts>,
}

impl Organisation {
    /// The organisation with bills for `months` months from `first` on. Usage ends with
    /// [`cutoff`](Self::cutoff); months that begin later are empty.
    #[must_use]
    pub fn new(seed: u64, first: Month, months: u32, today: Date, scale: Scale) -> Self {
        let payers = account::payers();
        let series = payers.iter().map(|payer| series::all(seed, payer, scale)).collect();
        let contract = |payer| contracts::contracts(seed, payer, first.interval());
        let contracts = payers.iter().map(contract).collect();
        Self { seed, first, months, today, scale, payers, series, contracts }
    }

    /// The organisation with four months of bills, the last being the month of `today`.
    #[must_use]
    pub fn ending(seed: u64, today: Date, scale: Scale) -> Self {
        let first = today.month().plus(1 - DEFAULT_MONTHS.cast_signed());
        Self::new(seed, first, DEFAULT_MONTHS, today, scale)
    }

    /// The management accounts, Acme before Globex.
    #[must_use]
    pub fn payers(&self) -> &[Payer] {
        &self.payers
    }

    /// The billed months, oldest first; the last is open, the others are invoiced.
    #[must_use]
    pub fn months(&self) -> Vec<Month> {
        (0..self.months.cast_signed()).map(|by| self.first.plus(by)).collect()
    }

    /// The day for which this is told.
    #[must_use]
    pub const fn today(&self) -> Date {
        self.today
    }

    /// How much of everything there is.
    #[must_use]
    pub const fn scale(&self) -> Scale {
        self.scale
    }

    /// The hour at which known usage ends: six in the morning of today.
    #[must_use]
    pub const fn cutoff(&self) -> Hour {
        self.today.start().plus(6)
    }

    /// Is `month` still without invoices?
    #[must_use]
    pub fn is_open(&self, month: Month) -> bool {
        self.index_of(month) + 1 >= self.months
    }

    /// The bill that AWS delivers a second time, changed: Acme's second month. None in an
    /// organisation of one month.
    #[must_use]
    pub fn restated(&self) -> Option<(&Payer, Month)> {
        let payer = self.payers.first().filter(|_| self.months >= 2)?;
        Some((payer, self.first.plus(1)))
    }

    /// How many versions of the bill there are: 1, or 2 for the restated one.
    #[must_use]
    pub fn versions(&self, payer: &Payer, month: Month) -> u32 {
        let restated =
            self.restated().is_some_and(|(who, when)| who.id == payer.id && when == month);
        1 + u32::from(restated)
    }

    /// The planted anomaly: log ingestion of Acme's data platform, on the 12th to the 14th of the
    /// third month.
    #[must_use]
    pub fn anomaly(&self) -> Anomaly {
        let month = self.first.plus(2);
        Anomaly {
            payer_id: "111122223333",
            account_id: "012345678901",
            product_code: "AmazonCloudWatch",
            interval: Interval { start: month.day(12).start(), end: month.day(15).start() },
            factor: 6,
        }
    }

    /// The lines of `payer`'s bill for `month` in `version` (1 is the first; only the restated
    /// bill has a 2, elsewhere it is the same again).
    #[must_use]
    pub fn ledger(&self, payer: &Payer, month: Month, version: u32) -> Vec<Line> {
        ledger::lines(self, payer, month, version)
    }

    /// How many months `month` lies after the first, 0 for earlier ones.
    fn index_of(&self, month: Month) -> u32 {
        let index = |month: Month| month.year * 12 + month.month.cast_signed();
        u32::try_from(index(month) - index(self.first)).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests;
