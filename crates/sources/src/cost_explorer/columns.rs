//! The columns in which answers of Cost Explorer are written down.
//!
//! The names of metrics are AWS's; the others are this project's own.

use crate::format::{Format, Known, known};

/// What kind of cost it is. A few dozen.
const LINE: usize = 0;
/// When. Repeats per bucket.
const TIME: usize = 1;
/// Whose it is.
const ACCOUNT: usize = 2;
/// What was bought.
const SERVICE: usize = 3;
/// Columns that the mapping does not read.
const EXTRAS: usize = 4;

/// The header, in the order of the columns.
pub const HEADER: [&str; 19] = [
    "BillingPeriodStart",
    "Start",
    "End",
    "RecordType",
    "Service",
    "LinkedAccount",
    "LinkedAccountName",
    "PayerAccount",
    "PayerAccountName",
    "Currency",
    "UnblendedCost",
    "BlendedCost",
    "AmortizedCost",
    "NetUnblendedCost",
    "NetAmortizedCost",
    "UsageQuantity",
    "UsageUnit",
    "Estimated",
    "Granularity",
];

const fn text(header: &'static str, name: &'static str, group: usize) -> Known {
    known::required(known::text(header, name, group))
}

const fn time(header: &'static str, name: &'static str) -> Known {
    known::required(known::time(header, name, TIME))
}

const fn money(header: &'static str, name: &'static str) -> Known {
    known::required(known::money(header, name))
}

const KNOWN: &[Known] = &[
    time("BillingPeriodStart", "billing_period_start"),
    time("Start", "bucket_start"),
    time("End", "bucket_end"),
    text("RecordType", "record_type", LINE),
    text("Service", "service", SERVICE),
    text("LinkedAccount", "linked_account", ACCOUNT),
    text("LinkedAccountName", "linked_account_name", ACCOUNT),
    text("PayerAccount", "payer_account", ACCOUNT),
    text("PayerAccountName", "payer_account_name", ACCOUNT),
    text("Currency", "currency", LINE),
    money("UnblendedCost", "unblended_cost"),
    money("BlendedCost", "blended_cost"),
    money("AmortizedCost", "amortized_cost"),
    money("NetUnblendedCost", "net_unblended_cost"),
    money("NetAmortizedCost", "net_amortized_cost"),
    money("UsageQuantity", "usage_quantity"),
    text("UsageUnit", "usage_unit", LINE),
    text("Estimated", "estimated", LINE),
    text("Granularity", "granularity", LINE),
];

/// The written-down answers.
pub static FORMAT: Format = Format {
    title: "table of Cost Explorer answers",
    known: KNOWN,
    families: &[],
    groups: EXTRAS + 1,
    currency: "currency",
    default_currency: "USD",
    kept_prefixes: &[],
    extras: "extra",
    rules: &[],
};

/// Metrics and the columns of the cost table that carry them unchanged: what the gate compares
/// (INV-SUM).
pub const CARRIED: &[(&str, &str)] = &[
    ("UnblendedCost", "x_UnblendedCost"),
    ("BlendedCost", "x_BlendedCost"),
    ("AmortizedCost", "x_AmortizedCost"),
    ("NetUnblendedCost", "x_NetUnblendedCost"),
    ("NetAmortizedCost", "x_NetAmortizedCost"),
    ("UsageQuantity", "x_UsageAmount"),
];
