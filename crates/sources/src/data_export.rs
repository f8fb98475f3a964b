//! AWS Data Exports: tables of AWS's billing data, exported to S3 by a query.
//!
//! An export is delivered as the whole month to date: a manifest and chunks of csv.gz or Parquet,
//! in a folder per execution (create new) or in place (overwrite). What is peculiar:
//! - The query decides which columns there are, and under which names.
//! - One kind of manifest serves all tables; its `columns` tell which one it is.
//! - A manifest does not say its month; the folder `BILLING_PERIOD=YYYY-MM` does.
//! - In overwrite mode chunks that are needed no more are emptied and stay.
//! - Some tables hold no costs: recommendations, carbon emissions. They are left alone.
//!
//! Format: AWS Data Exports User Guide, and the `bcm-data-exports` service model 2023-11-26.
//! Start at `manifest`, which all tables share, and at [`cur2`].

pub(crate) mod access;
pub mod cur2;
pub(crate) mod manifest;
pub(crate) mod maps;

use crate::focus_export;
use crate::table::Mapping;

/// A table whose rows are costs.
pub(crate) struct Table {
    /// Is a column of this name surely this table's?
    pub(crate) owns: fn(&str) -> bool,
    /// What reads it; the header decides when there are several.
    pub(crate) mappings: &'static [&'static Mapping],
}

/// The tables that are read.
pub(crate) static TABLES: &[Table] = &[
    Table { owns: cur2::owns, mappings: &[&cur2::MAPPING] },
    Table { owns: |column| column == "BilledCost", mappings: &[&focus_export::MAPPING] },
];

/// All of their mappings: for manifests that do not tell columns.
pub(crate) static MAPPINGS: &[&Mapping] = &[&cur2::MAPPING, &focus_export::MAPPING];

/// Tables that hold no costs: the beginning of a column's name, and what the table is.
const OTHERS: &[(&str, &str)] = &[
    (
        "recommendation_id",
        "an export of Cost Optimization recommendations: these are suggestions, no costs",
    ),
    (
        "estimated_monthly_savings_",
        "an export of Cost Optimization recommendations: these are suggestions, no costs",
    ),
    ("total_lbm_emissions_", "an export of carbon emissions: these are no costs"),
    ("total_mbm_emissions_", "an export of carbon emissions: these are no costs"),
    ("total_scope_", "an export of carbon emissions: these are no costs"),
];

/// What a table with these columns is, when it is one of AWS's that holds no costs.
#[must_use]
pub fn no_costs<'a>(mut columns: impl Iterator<Item = &'a str>) -> Option<&'static str> {
    columns.find_map(|column| {
        OTHERS.iter().find(|(start, _)| column.starts_with(start)).map(|(_, what)| *what)
    })
}
