//! CUR 2.0: the Data Exports table `COST_AND_USAGE_REPORT`.
//!
//! Its rows and amounts are those of the legacy report, so the mapping is the same
//! (`cur/to_focus.sql`); `source.sql` brings its columns into that form. What is peculiar:
//! - Columns are fixed and not there only when the query left them out ([`columns`]).
//! - Product attributes, tags, cost categories and discounts are maps.
//! - Net columns are there without a discount agreement, too, and empty then. So the value of a
//!   row decides, not the header.
//! - Split cost allocation rows carry no cost of their own: their share of the parent's cost is in
//!   the columns `split_line_item_*`, kept in `x_Extra` and never added to any cost.

pub mod columns;
pub mod table;

use datafusion::common::ScalarValue;

use crate::cur;
use crate::format::Binding;
use crate::table::Mapping;

/// The mapping, as SQL: the layers that align the columns, and what the legacy report has in
/// common with it.
pub const TO_FOCUS: &str =
    concat!(include_str!("cur2/source.sql"), include_str!("../cur/to_focus.sql"));

/// How CUR 2.0 becomes the cost table.
pub static MAPPING: Mapping = Mapping {
    kind: "data_export",
    format: &columns::FORMAT,
    is_one,
    period: "bill_billing_period_start_date",
    many_periods: false,
    known_types: cur::KNOWN_TYPES,
    cancels: true,
    is_statement: false,
    select: TO_FOCUS,
    parameters: |_, part| vec![("part", ScalarValue::from(part))],
    carried: columns::CARRIED,
    notes,
};

/// Is a column of this name one of CUR 2.0, and of no other table of Data Exports?
pub(crate) fn owns(column: &str) -> bool {
    ["bill_", "identity_", "line_item_", "reservation_", "savings_plan_", "split_line_item_"]
        .iter()
        .any(|start| column.starts_with(start))
        || ["product", "resource_tags", "cost_category"].contains(&column)
}

/// Columns that the legacy report has not.
const NEW: &[&str] = &[
    "product",
    "resource_tags",
    "tags",
    "cost_category",
    "discount",
    "bill_payer_account_name",
    "line_item_usage_account_name",
];

/// A legacy report in Parquet has the same names but for maps and account names. Where neither
/// are there, a flat column that CUR 2.0 does not have tells.
fn is_one(binding: &Binding) -> bool {
    let has = |name: &str| binding.header.iter().any(|header| header == name);
    let is_flat = |header: &String| {
        let is_product = header.starts_with("product_");
        (is_product && !columns::PRODUCT.contains(&header.as_str()))
            || header.starts_with("resource_tags_")
            || header.starts_with("cost_category_")
    };
    has("line_item_unblended_cost")
        && (NEW.iter().any(|name| has(name)) || !binding.header.iter().any(is_flat))
}

/// Columns without which some amounts cannot be what they should be, and what they are then.
const NEEDED: &[(&[&str], &str)] = &[
    (&["line_item_currency_code"], "all amounts are taken for USD"),
    (
        &["savings_plan_savings_plan_effective_cost"],
        "usage covered by Savings Plans has no effective cost",
    ),
    (&["reservation_effective_cost"], "usage covered by reservations has no effective cost"),
    (
        &[
            "reservation_reservation_a_r_n",
            "savings_plan_savings_plan_a_r_n",
            "savings_plan_total_commitment_to_date",
            "savings_plan_used_commitment",
            "reservation_unused_amortized_upfront_fee_for_billing_period",
            "reservation_unused_recurring_fee",
        ],
        "commitments and their unused parts are told incompletely",
    ),
    (&["pricing_public_on_demand_cost"], "list costs are the costs before discounts"),
    (&["line_item_usage_amount"], "every line has the quantity 1"),
];

fn notes(binding: &Binding) -> Vec<String> {
    let lacks = |columns: &[&'static str]| {
        columns.iter().copied().filter(|name| !binding.has(name)).collect::<Vec<_>>()
    };
    NEEDED
        .iter()
        .map(|(columns, then)| (lacks(columns), then))
        .filter(|(columns, _)| !columns.is_empty())
        .map(|(columns, then)| {
            format!("the export's query does not select {}: {then}", columns.join(", "))
        })
        .collect()
}

#[cfg(test)]
mod tests;
