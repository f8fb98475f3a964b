//! What a tuple must hold beyond being readable: [`Rule`]s of its format.

use std::borrow::Cow;

use super::group::Bad;
use super::{is_absent, time};
use crate::format::{Binding, Format, Kind, Place, Rule};

/// Why a missing value is at fault.
pub(super) const EMPTY: &str = "empty, though every line must have it";

/// The rules on columns of a group.
pub(super) fn of_group(format: &Format, group: usize) -> Vec<Rule> {
    let is_here = |header: &str| {
        format.known.iter().any(|k| k.header == header && k.place == Place::Group(group))
    };
    let rules = format.rules.iter().copied();
    rules
        .filter(|rule| match rule {
            Rule::Filled(header) | Rule::OneOf(header, _) => is_here(header),
            Rule::Ordered { end, .. } => is_here(end),
        })
        .collect()
}

/// What is wrong with a tuple by `rule`; `read` gives a column's value, if the file has it.
pub(super) fn broken<'a>(
    rule: Rule,
    binding: &Binding,
    read: impl Fn(&str) -> Option<Cow<'a, [u8]>>,
) -> Option<Bad> {
    let bad = |column: &str, value: &[u8], reason: String| {
        let value = String::from_utf8_lossy(value).chars().take(200).collect();
        Some(Bad { column: column.to_owned(), value, reason })
    };
    match rule {
        Rule::Filled(header) => {
            let value = read(header)?;
            if is_absent(&value) { bad(header, &value, EMPTY.to_owned()) } else { None }
        }
        Rule::OneOf(header, allowed) => {
            let value = read(header)?;
            let is_known = is_absent(&value) || allowed.iter().any(|a| a.as_bytes() == &*value);
            if is_known {
                return None;
            }
            bad(header, &value, format!("none of {}", allowed.join(", ")))
        }
        Rule::Ordered { start, end, strict } => {
            let kind = binding.format.known.iter().find(|k| k.header == end);
            let kind = kind.map_or(Kind::Time, |known| known.kind);
            let (from, to) = (read(start)?, read(end)?);
            let (first, last) = (time::parse(kind, &from)?, time::parse(kind, &to)?);
            let is_strict = read(strict.0).is_none_or(|v| &*v == strict.1.as_bytes());
            if last > first || (last == first && !is_strict) {
                return None;
            }
            let from = String::from_utf8_lossy(&from);
            bad(end, &to, format!("not after the {start} {from}"))
        }
    }
}
