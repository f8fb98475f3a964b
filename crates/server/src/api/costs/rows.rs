//! Rows of a report as rows of an answer: named, coloured, sorted, and cut into pages.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use billhook_engine::report::{Row, Section};

use crate::api::Amount;
use crate::api::costs::slots::Owned;
use crate::api::costs::{CostRow, Costs, is_paged};
use crate::view::{MOST, SortBy, View};

/// Groups of a page, when all are shown.
const PAGE: usize = 100;

/// What a group without a value is called.
pub(crate) const NOT_SPECIFIED: &str = "(not specified)";

/// Puts the figures of a section into an answer.
pub(super) fn fill(costs: &mut Costs, view: &View, section: &Section, owned: &Owned) {
    costs.total = Amount(section.total.now.total);
    costs.before = section.total.before.as_ref().map(|before| Amount(before.total));
    costs.lines = section.total.now.rows;
    let mut rows: Vec<CostRow> = section.rows.iter().map(row).collect();
    paint(&mut rows, owned);
    rows.sort_by(|a, b| order(view, a, b));
    if is_paged(view) {
        cut(costs, view, &mut rows);
    }
    costs.rows = rows;
}

fn row(row: &Row) -> CostRow {
    let amounts = |values: &[i128]| values.iter().map(|units| Amount(*units)).collect::<Vec<_>>();
    CostRow {
        keys: row.keys.clone(),
        label: label(row),
        folded: row.folded,
        slot: None,
        amount: Amount(row.now.total),
        before: row.before.as_ref().map(|before| Amount(before.total)),
        values: amounts(&row.now.values),
        trend: amounts(&row.trend),
        lines: row.now.rows,
    }
}

fn label(row: &Row) -> String {
    if let Some(count) = row.folded {
        return other(count);
    }
    if row.keys.is_empty() {
        return "All costs".to_owned();
    }
    if row.keys.iter().all(Option::is_none) {
        return NOT_SPECIFIED.to_owned();
    }
    let names = row.keys.iter().map(|key| key.as_deref().unwrap_or(NOT_SPECIFIED));
    names.collect::<Vec<_>>().join(" \u{b7} ")
}

fn other(count: usize) -> String {
    format!("other ({count})")
}

/// Gives values their colours: those that own one keep it, whatever the view; the others take what
/// is free, the largest first.
fn paint(rows: &mut [CostRow], owned: &Owned) {
    let is_named = |row: &&mut CostRow| row.folded.is_none() && !row.is_none();
    let mut used: BTreeSet<u8> = BTreeSet::new();
    for row in rows.iter_mut().filter(|row| is_named(row)).take(MOST) {
        row.slot = owned.get(&row.keys).copied();
        used.extend(row.slot);
    }
    let all = 0..u8::try_from(MOST).unwrap_or(u8::MAX);
    let others = rows.iter_mut().filter(|row| is_named(row)).take(MOST);
    for row in others.filter(|row| row.slot.is_none()) {
        let is_free = |slot: &u8| !used.contains(slot);
        let nobodys = |slot: &u8| is_free(slot) && owned.values().all(|taken| taken != slot);
        row.slot = all.clone().find(nobodys).or_else(|| all.clone().find(is_free));
        used.extend(row.slot);
    }
}

/// The order of a table: groups as asked for, then the one without a value, then what is folded.
fn order(view: &View, a: &CostRow, b: &CostRow) -> Ordering {
    let rank = |row: &CostRow| match (row.folded, row.is_none()) {
        (Some(_), _) => 2,
        (None, true) => 1,
        (None, false) => 0,
    };
    let by = match view.sort.by {
        SortBy::Cost => b.amount.0.unsigned_abs().cmp(&a.amount.0.unsigned_abs()),
        SortBy::Name => a.label.to_lowercase().cmp(&b.label.to_lowercase()),
        SortBy::Change => change(b).cmp(&change(a)),
    };
    let by = if view.sort.is_reversed { by.reverse() } else { by };
    rank(a).cmp(&rank(b)).then(by).then_with(|| a.label.cmp(&b.label))
}

fn change(row: &CostRow) -> u128 {
    row.before.map_or(0, |before| row.amount.0.abs_diff(before.0))
}

/// Leaves the rows of one page, and what the other pages hold as one.
fn cut(costs: &mut Costs, view: &View, rows: &mut Vec<CostRow>) {
    let start = view.after.as_deref().and_then(|after| after.parse().ok()).unwrap_or(0_usize);
    let start = start.min(rows.len());
    let end = start.saturating_add(PAGE).min(rows.len());
    if end < rows.len() {
        costs.next = Some(end.to_string());
    }
    if start > 0 {
        let before = start.saturating_sub(PAGE);
        costs.previous = Some(if before == 0 { String::new() } else { before.to_string() });
    }
    let mut rest = rows.split_off(end);
    let page = rows.split_off(start);
    rest.append(rows);
    *rows = page;
    if rest.is_empty() {
        return;
    }
    let mut folded = CostRow {
        keys: Vec::new(),
        label: format!("on other pages ({})", rest.len()),
        folded: Some(rest.len()),
        slot: None,
        amount: Amount(0),
        before: costs.before.map(|_| Amount(0)),
        values: Vec::new(),
        trend: Vec::new(),
        lines: 0,
    };
    for row in &rest {
        add(&mut folded.amount, row.amount);
        if let (Some(sum), Some(before)) = (folded.before.as_mut(), row.before) {
            add(sum, before);
        }
        for (at, value) in row.values.iter().enumerate() {
            match folded.values.get_mut(at) {
                Some(sum) => add(sum, *value),
                None => folded.values.push(*value),
            }
        }
        folded.lines += row.lines;
    }
    rows.push(folded);
}

/// No sum of rows leaves the range: that of all of them was checked (`billhook_money::MAX` is far
/// below what fits).
fn add(sum: &mut Amount, value: Amount) {
    sum.0 = sum.0.saturating_add(value.0);
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{CostRow, order, paint};
    use crate::api::Amount;
    use crate::ask::pairs;
    use crate::view::View;

    fn row(key: Option<&str>, units: i128) -> CostRow {
        CostRow {
            keys: vec![key.map(str::to_owned)],
            label: key.unwrap_or("(not specified)").to_owned(),
            folded: None,
            slot: None,
            amount: Amount(units),
            before: Some(Amount(10)),
            values: vec![Amount(units)],
            trend: Vec::new(),
            lines: 1,
        }
    }

    #[test]
    fn colours_follow_values() {
        let owned =
            BTreeMap::from([(vec![Some("a".to_owned())], 0), (vec![Some("b".to_owned())], 1)]);
        let mut rows = [row(Some("new"), 9), row(Some("b"), 5), row(None, 3)];
        paint(&mut rows, &owned);
        let slots: Vec<Option<u8>> = rows.iter().map(|row| row.slot).collect();
        assert_eq!(slots, [Some(2), Some(1), None]);
    }

    #[test]
    fn rows_are_sorted_as_asked_and_what_has_no_value_stays_last() {
        let view = |query: &str| View::parse(&pairs(query.as_bytes())).unwrap();
        for (query, expected) in [
            ("", "c b a (not specified)"),
            ("sort=-cost", "a b c (not specified)"),
            ("sort=name", "a b c (not specified)"),
            ("sort=change", "c a b (not specified)"),
        ] {
            let view = view(query);
            let mut rows =
                [row(Some("a"), 1), row(Some("b"), 8), row(Some("c"), -20), row(None, 99)];
            rows.sort_by(|a, b| order(&view, a, b));
            let labels: Vec<&str> = rows.iter().map(|row| row.label.as_str()).collect();
            assert_eq!(labels.join(" "), expected, "{query}");
        }
    }
}
