//! FOCUS rows from ledger lines, shared by AWS's export and the plain file.
//!
//! [`charges`] turns lines into rows: negations are gone, discounts are inside what they lower, and
//! a commitment's fee has a second row for what was not used of it. [`columns`] tells what stands
//! in each column. Fees that buy no future coverage are Usage, as in Billhook's own mapping.

mod charge;
mod columns;
mod names;

use crate::render::table::{Entries, Style};
use crate::synth::Line;

pub(super) use charge::{Charge, charges};
pub(super) use columns::{Column, columns};

/// A version of FOCUS; each has the columns of the ones before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    /// 43 columns.
    V1_0,
    /// 50 columns: capacity reservations, SKU details, quantities of commitments.
    V1_1,
    /// 57 columns: account types, invoice, pricing currency.
    V1_2,
    /// 65 columns: allocation, contracts, names of providers.
    V1_3,
}

/// The key of the enterprise discount in maps of discounts.
pub(super) const DISCOUNT_KEY: &str = "edp_discount";

/// What the rows of a file have in common.
#[derive(Clone, Copy, Debug)]
pub(super) struct Terms<'a> {
    /// AWS's own spelling, or FOCUS to the letter.
    pub(super) style: Style,
    /// Are costs after enterprise discounts, so that rows of discounts are left out?
    pub(super) with_net: bool,
    /// Name of the management account; its id stands in when none is known.
    pub(super) payer_name: Option<&'a str>,
    /// Activated tag keys, such as `user:team`.
    pub(super) tag_keys: &'a [String],
    /// Cost category names.
    pub(super) category_names: &'a [String],
}

/// The name of the management account, if it has lines of its own.
pub(super) fn payer_name(lines: &[Line]) -> Option<&str> {
    let own = lines.iter().find(|line| line.account.id == line.payer_account_id);
    own.map(|line| line.account.name)
}

/// The value of the tag called `key` in the report (`user:team`).
pub(super) fn tag<'a>(line: &'a Line, key: &str) -> Option<&'a str> {
    let mut tags = line.resource.as_ref()?.tags.iter();
    tags.find(|(name, _)| *name == key).map(|(_, value)| value.as_str())
}

/// The values of the named cost categories.
pub(super) fn categories<'a>(names: &[String], line: &'a Line) -> Entries<'a> {
    let all = line.account.categories.iter();
    let kept = all.filter(|(name, _)| names.iter().any(|own| own == name));
    kept.map(|&(name, value)| (name.into(), value.into())).collect()
}
