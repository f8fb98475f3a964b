//! The columns of AWS's FOCUS exports: those of FOCUS, and AWS's own.

use crate::focus::columns::{GROUPS, KEPT, PRICES, RULES, SKU, TAGS, column, join, known, text};
use crate::format::{Format, Kind, Known, Place};

/// AWS's own columns. The times of an export are UTC, with or without saying so.
const OWN: [Known; 5] = [
    column("x_CostCategories", Kind::Map, Place::Group(TAGS)),
    column("x_Discounts", Kind::Map, Place::Group(PRICES)),
    text("x_Operation", SKU),
    text("x_ServiceCode", SKU),
    text("x_UsageType", SKU),
];

/// Whoever defines an export may select a part of the columns.
const FOCUS: [Known; known(Kind::Time, false).len()] = known(Kind::Time, false);

const KNOWN: [Known; FOCUS.len() + OWN.len()] = join(FOCUS, OWN);

/// AWS's FOCUS export.
pub static FORMAT: Format = Format {
    title: "FOCUS export of AWS",
    known: &KNOWN,
    families: &[],
    groups: GROUPS,
    currency: "BillingCurrency",
    default_currency: "USD",
    kept_prefixes: KEPT,
    extras: "extra",
    rules: RULES,
};
