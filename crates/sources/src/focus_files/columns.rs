//! The columns of FOCUS files.

use crate::focus::columns::{GROUPS, KEPT, RULES, known};
use crate::format::{Format, Kind, Known};

const KNOWN: [Known; known(Kind::ZonedTime, true).len()] = known(Kind::ZonedTime, true);

/// A FOCUS dataset.
pub static FORMAT: Format = Format {
    title: "FOCUS dataset",
    known: &KNOWN,
    families: &[],
    groups: GROUPS,
    currency: "BillingCurrency",
    default_currency: "USD",
    kept_prefixes: KEPT,
    extras: "extra",
    rules: RULES,
};
