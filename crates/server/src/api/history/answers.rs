//! What the answers about history say.

use serde::Serialize;
use utoipa::ToSchema;

use crate::api::{Amount, Instant};

/// All months of all connections.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct HistoryAnswer {
    /// Every connection that has delivered or is to deliver, by name.
    pub(crate) connections: Vec<String>,
    /// The months, the newest first.
    pub(crate) months: Vec<HistoryMonth>,
}

/// A month.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct HistoryMonth {
    /// Billing period, YYYY-MM.
    pub(crate) period: String,
    /// One per connection, in their order.
    pub(crate) cells: Vec<HistoryCell>,
}

/// A month of a connection.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct HistoryCell {
    /// Connection.
    pub(crate) connection: String,
    /// `open`, `estimated`, `final` or `reopened`; nothing when nothing was delivered.
    pub(crate) state: Option<String>,
    /// How many deliveries were loaded.
    pub(crate) deliveries: usize,
    /// When the last one was.
    pub(crate) loaded_at: Option<Instant>,
    /// What the month comes to, by currency.
    pub(crate) billed: Vec<HistoryAmount>,
    /// Does it count? Not where another connection covers the same bill.
    pub(crate) counts: bool,
    /// Why nothing was delivered of a month of which something should be.
    pub(crate) waits: Option<String>,
}

/// Σ `BilledCost` of one currency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct HistoryAmount {
    /// ISO 4217 code.
    pub(crate) currency: String,
    /// The exact sum.
    pub(crate) amount: Amount,
}

/// The deliveries of a month of a connection.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct SliceAnswer {
    /// Connection.
    pub(crate) connection: String,
    /// Billing period, YYYY-MM.
    pub(crate) period: String,
    /// `open`, `estimated`, `final` or `reopened`; nothing when nothing was delivered.
    pub(crate) state: Option<String>,
    /// Does it count? Not where another connection covers the same bill.
    pub(crate) counts: bool,
    /// Why nothing was delivered.
    pub(crate) waits: Option<String>,
    /// What was delivered, the newest first.
    pub(crate) deliveries: Vec<SliceDelivery>,
}

/// A delivery of a month.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct SliceDelivery {
    /// Its number: 1 is the first of the month.
    pub(crate) number: usize,
    /// Revision.
    pub(crate) revision: String,
    /// When it was loaded.
    pub(crate) loaded_at: Instant,
    /// State of the month then.
    pub(crate) state: String,
    /// Rows as read.
    pub(crate) rows: u64,
    /// The month before and after, by currency.
    pub(crate) totals: Vec<ChangedTotal>,
    /// Its page.
    pub(crate) href: String,
}

impl SliceDelivery {
    /// Did it change what the month comes to?
    pub(crate) fn is_same(&self) -> bool {
        self.number > 1 && self.totals.iter().all(|total| total.change.0 == 0)
    }
}

/// Σ `BilledCost` of a month in one currency, before and after.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct ChangedTotal {
    /// ISO 4217 code.
    pub(crate) currency: String,
    /// The exact sum before.
    pub(crate) old: Amount,
    /// The exact sum after.
    pub(crate) new: Amount,
    /// After less before.
    pub(crate) change: Amount,
}

/// What a delivery changed, or how any two deliveries of a month differ.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct DifferenceAnswer {
    /// The delivery, with the month before and after.
    pub(crate) delivery: SliceDelivery,
    /// How many deliveries the month has.
    pub(crate) of: usize,
    /// Number of the delivery that it is compared with; 0 for before the first.
    pub(crate) against: usize,
    /// What changed, in sentences.
    pub(crate) story: Vec<String>,
    /// The first day that differs.
    pub(crate) first_day: Option<String>,
    /// The last day that differs.
    pub(crate) last_day: Option<String>,
    /// Rows as read before; nothing when there was no delivery.
    pub(crate) rows_before: Option<u64>,
    /// Rows set aside because they cannot be read.
    pub(crate) quarantined: u64,
    /// What the groups are: `group` (service, account and category), `day`, `service`, `account` or
    /// `category`.
    pub(crate) by: &'static str,
    /// The groups with the largest differences, 500 at most.
    pub(crate) groups: Vec<ChangedGroup>,
    /// What is not listed, by currency.
    pub(crate) rest: Vec<ChangedRest>,
    /// What is different about the delivery itself, in sentences.
    pub(crate) shape: Vec<String>,
    /// The cost explorer as of before the change.
    pub(crate) costs_before: Option<String>,
    /// All differences as CSV.
    pub(crate) csv: String,
    /// All groups by service, account and category, the largest first.
    #[serde(skip)]
    pub(crate) steps: Vec<ChangedGroup>,
}

/// A group that changed.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct ChangedGroup {
    /// ISO 4217 code.
    pub(crate) currency: String,
    /// Day.
    pub(crate) day: Option<String>,
    /// Service.
    pub(crate) service: Option<String>,
    /// Account.
    pub(crate) account: Option<String>,
    /// What Organizations calls the account.
    pub(crate) account_name: Option<String>,
    /// Charge category.
    pub(crate) category: Option<String>,
    /// The exact sum before.
    pub(crate) old: Amount,
    /// The exact sum after.
    pub(crate) new: Amount,
    /// After less before.
    pub(crate) change: Amount,
}

/// Groups that are not listed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct ChangedRest {
    /// ISO 4217 code.
    pub(crate) currency: String,
    /// How many groups.
    pub(crate) groups: usize,
    /// What they changed together.
    pub(crate) change: Amount,
}
