//! Legacy AWS Cost and Usage Reports (CUR 1.0), as delivered to S3 since 2015.
//!
//! A report is delivered several times a day as the whole month to date: a manifest and chunks of
//! csv.gz, csv.zip or Parquet, in a folder per delivery (create-new-version) or in place
//! (overwrite). Column sets differ from month to month. What is peculiar:
//! - Savings Plan covered usage stands at its on-demand price and is cancelled by negation rows;
//!   what they do not cancel comes back as adjustments ([`residual`]).
//! - Discounts are rows of their own, or inside net columns, or both.
//! - The line item id is neither stable nor unique.
//!
//! Format: AWS Cost and Usage Reports User Guide, and the `cur` service model 2017-01-06.
//! Start at [`columns`] and `to_focus.sql`.

pub(crate) mod access;
pub mod columns;
pub(crate) mod manifest;
pub mod residual;

use datafusion::common::ScalarValue;

use crate::format::Binding;
use crate::table::Mapping;

/// The mapping, as SQL: the layer that aligns the columns, and what CUR 2.0 has in common with it.
pub const TO_FOCUS: &str =
    concat!(include_str!("cur/source.sql"), include_str!("cur/to_focus.sql"));

/// How a legacy report becomes the cost table.
pub static MAPPING: Mapping = Mapping {
    kind: "cur",
    format: &columns::FORMAT,
    is_one: |_| true,
    period: "bill/BillingPeriodStartDate",
    many_periods: false,
    known_types: KNOWN_TYPES,
    cancels: true,
    is_statement: false,
    select: TO_FOCUS,
    parameters,
    carried: columns::CARRIED,
    notes: |_| Vec::new(),
};

/// Line item types that the mapping knows; others become adjustments and are reported.
pub const KNOWN_TYPES: &[&str] = &[
    "Usage",
    "DiscountedUsage",
    "SavingsPlanCoveredUsage",
    "SavingsPlanNegation",
    "SavingsPlanRecurringFee",
    "SavingsPlanUpfrontFee",
    "Fee",
    "RIFee",
    "Tax",
    "Credit",
    "Refund",
    "Discount",
    "BundledDiscount",
    "EdpDiscount",
    "PrivateRateDiscount",
    "SppDiscount",
    "RiVolumeDiscount",
    "FlatRateSubscription",
];

fn parameters(binding: &Binding, part: &'static str) -> Vec<(&'static str, ScalarValue)> {
    let has_net = binding.has("line_item_net_unblended_cost");
    vec![("part", ScalarValue::from(part)), ("report_has_net", ScalarValue::from(has_net))]
}

#[cfg(test)]
mod tests;
