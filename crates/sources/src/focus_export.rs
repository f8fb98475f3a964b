//! AWS's own FOCUS exports, versions 1.0 and 1.2 (Data Exports, since 2024).
//!
//! FOCUS columns and up to five of AWS's, as csv.gz or Parquet. What is peculiar:
//! - Columns that FOCUS wants filled may be empty: prices, units, SKUs, issuer, publisher, meter.
//!   What can be derived is; the lines concerned are counted by column in a note.
//! - Units are AWS's (`Hrs`) and services are filed by AWS's own list. Ours decides, so that a bill
//!   reads the same from whichever product; what AWS wrote is kept beside it.
//! - Money is double in Parquet; maps are JSON text in CSV.
//!
//! Format: AWS Data Exports User Guide, "FOCUS 1.0 with AWS columns" and "FOCUS 1.2 with AWS
//! columns", and their pages on conformance. Start at [`columns`] and `to_focus.sql`.

pub mod columns;
pub mod table;

use datafusion::common::ScalarValue;

use crate::focus;
use crate::format::Binding;
use crate::table::Mapping;

/// The mapping, as SQL.
pub const TO_FOCUS: &str = include_str!("focus_export/to_focus.sql");

/// How an export becomes the cost table.
pub static MAPPING: Mapping = Mapping {
    kind: "focus_export",
    format: &columns::FORMAT,
    is_one,
    period: "BillingPeriodStart",
    many_periods: true,
    known_types: &[],
    cancels: false,
    is_statement: false,
    select: TO_FOCUS,
    parameters,
    carried: focus::columns::CARRIED,
    notes: |_| Vec::new(),
};

/// Others have the columns of FOCUS, too; these are only AWS's.
fn is_one(binding: &Binding) -> bool {
    binding.has("x_ServiceCode") || binding.has("x_Operation")
}

fn parameters(_: &Binding, _: &'static str) -> Vec<(&'static str, ScalarValue)> {
    Vec::new()
}

#[cfg(test)]
mod tests;
