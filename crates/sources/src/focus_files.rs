//! FOCUS 1.0 to 1.4 files of any provider: Azure, Google Cloud, Oracle, software as a service.
//!
//! CSV, csv.gz or Parquet, one file or many, whatever their names. What is peculiar:
//! - There is no manifest. A file may hold several billing periods; each becomes a slice of its own
//!   ([`dataset`] tells which files belong together).
//! - FOCUS 1.4 has no `ProviderName` and no `PublisherName`; its `ServiceProviderName` stands in.
//!   Columns that the cost table does not have are kept in `x_Extra`.
//! - Names and categories of services stay as the provider wrote them, except for AWS's services.
//!
//! Format: FOCUS specification, versions 1.0 to 1.4. Start at [`columns`] and `to_focus.sql`.

pub(crate) mod access;
pub mod columns;
pub mod dataset;

use datafusion::common::ScalarValue;

use crate::focus;
use crate::format::Binding;
use crate::table::Mapping;

/// The mapping, as SQL.
pub const TO_FOCUS: &str = include_str!("focus_files/to_focus.sql");

/// How a FOCUS file becomes the cost table.
pub static MAPPING: Mapping = Mapping {
    kind: "focus_files",
    format: &columns::FORMAT,
    is_one: |_| true,
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

fn parameters(_: &Binding, _: &'static str) -> Vec<(&'static str, ScalarValue)> {
    Vec::new()
}

#[cfg(test)]
mod tests;
