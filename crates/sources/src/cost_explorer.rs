//! Answers of Cost Explorer's `GetCostAndUsage`, written down as text.
//!
//! Whoever asks AWS writes a row per time bucket, record type, service and linked account, in the
//! columns of [`columns::HEADER`]; from there on they are read like any report. What is peculiar:
//! - Amounts are sums over many lines: there are no resources, prices, regions or tags.
//! - Record types are the Cost and Usage Report's line item types, some in other words.
//! - Nothing names a Savings Plan or reservation. What a fee bought and what of it was left unused
//!   is told by AWS's own amortized cost.
//!
//! No file is ever taken for such answers: the mapping is not in [`kinds::ALL`](crate::kinds::ALL).
//!
//! Format: AWS Cost Explorer API, 2017-10-25. Start at [`columns`] and `to_focus.sql`.

pub(crate) mod access;
pub mod columns;

use datafusion::common::ScalarValue;

use crate::format::Binding;
use crate::table::Mapping;

/// The mapping, as SQL.
pub const TO_FOCUS: &str = include_str!("cost_explorer/to_focus.sql");

/// How answers become the cost table.
pub static MAPPING: Mapping = Mapping {
    kind: "cost_explorer",
    format: &columns::FORMAT,
    is_one: |_| true,
    period: "BillingPeriodStart",
    known_types: KNOWN_TYPES,
    cancels: true,
    select: TO_FOCUS,
    parameters,
    carried: columns::CARRIED,
    notes: |_| Vec::new(),
    many_periods: false,
    is_statement: false,
};

/// Record types that the mapping knows, in the words of the Cost and Usage Report where it has
/// some; others become adjustments and are reported.
pub const KNOWN_TYPES: &[&str] = &[
    "Usage",
    "DiscountedUsage",
    "SavingsPlanCoveredUsage",
    "SavingsPlanNegation",
    "SavingsPlanRecurringFee",
    "SavingsPlanUpfrontFee",
    "Fee",
    "RIFee",
    "Upfront",
    "Support",
    "Tax",
    "Credit",
    "Refund",
    "Discount",
    "BundledDiscount",
    "DistributorDiscount",
    "EdpDiscount",
    "PrivateRateDiscount",
    "SppDiscount",
    "RiVolumeDiscount",
    "FlatRateSubscription",
];

fn parameters(_binding: &Binding, part: &'static str) -> Vec<(&'static str, ScalarValue)> {
    vec![("part", ScalarValue::from(part))]
}

#[cfg(test)]
mod tests;
