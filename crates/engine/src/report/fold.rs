//! Sums put into groups, sorted, and folded beyond the largest; every sum is checked.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::iter;
use std::sync::Arc;

use billhook_lake::summary::Cell;
use billhook_money::{Overflow, Sum};

use crate::EngineError;
use crate::report::grid::Grid;
use crate::report::query::Name;
use crate::report::{Figures, Row, Section};

/// Which of the two periods.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Now,
    Before,
}

/// How sums become rows.
#[derive(Debug)]
pub(super) struct Shape<'a> {
    pub(super) now: &'a Grid,
    pub(super) before: Option<&'a Grid>,
    /// Show one bucket, whatever the grid.
    pub(super) is_whole: bool,
    pub(super) top: Option<usize>,
    /// Never fold the group without any value, and show it after the others.
    pub(super) is_none_apart: bool,
}

/// Amounts and rows by bucket, in the order in which they came. Buckets without rows are absent.
type Entries = Vec<Entry>;

#[derive(Debug, Clone, Copy)]
struct Entry {
    bucket: u32,
    units: i128,
    rows: u64,
}

/// A group's sums.
#[derive(Debug, Default)]
struct Group {
    now: Entries,
    before: Entries,
}

/// All sums by group.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    places: HashMap<Arc<Name>, usize>,
    groups: Vec<(Arc<Name>, Group)>,
    /// Where the last line went.
    last: usize,
}

impl Ledger {
    /// Takes a sum in.
    pub(super) fn add(&mut self, name: &Arc<Name>, cell: &Cell, grid: &Grid, side: Side) {
        let bucket = grid.index(i64::from(cell.bucket)).and_then(|at| u32::try_from(at).ok());
        let Some(bucket) = bucket else {
            debug_assert!(false, "bucket {} lies outside of the period", cell.bucket);
            return;
        };
        let group = self.group(name);
        let entries = match side {
            Side::Now => &mut group.now,
            Side::Before => &mut group.before,
        };
        entries.push(Entry { bucket, units: cell.units, rows: cell.lines });
    }

    fn group(&mut self, name: &Arc<Name>) -> &mut Group {
        // Lines of a group mostly follow each other.
        let is_last = self.groups.get(self.last).is_some_and(|(last, _)| Arc::ptr_eq(last, name));
        if !is_last {
            let next = self.groups.len();
            self.last = *self.places.entry(Arc::clone(name)).or_insert(next);
            if self.last == next {
                self.groups.push((Arc::clone(name), Group::default()));
            }
        }
        &mut self.groups[self.last].1
    }

    pub(super) fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }

    /// The values that a key has, `None` included.
    pub(super) fn values(&self, key: usize) -> BTreeSet<Option<&str>> {
        let names = self.groups.iter().map(|(name, _)| name);
        names.map(|name| name.keys.get(key).and_then(Option::as_deref)).collect()
    }

    /// Rows by currency, sorted and folded.
    pub(super) fn sections(self, shape: &Shape<'_>) -> Result<Vec<Section>, EngineError> {
        let mut currencies: BTreeMap<String, Vec<(Arc<Name>, Group)>> = BTreeMap::new();
        for (name, group) in self.groups {
            currencies.entry(name.currency.clone()).or_default().push((name, group));
        }
        let sections =
            currencies.into_iter().map(|(currency, groups)| section(currency, groups, shape));
        sections
            .collect::<Result<_, Overflow>>()
            .map_err(|overflow| EngineError::Lake(overflow.into()))
    }
}

/// The row of some groups together.
fn row<'a>(
    groups: impl Iterator<Item = &'a Group> + Clone,
    shape: &Shape<'_>,
) -> Result<Row, Overflow> {
    let fine = figures(groups.clone().flat_map(|group| &group.now), shape.now.len())?;
    let before = match shape.before {
        Some(grid) => Some(figures(groups.flat_map(|group| &group.before), grid.len())?),
        None => None,
    };
    if !shape.is_whole {
        return Ok(Row { now: fine, before, ..Row::default() });
    }
    let trend = if shape.now.len() > 1 { fine.values.clone() } else { Vec::new() };
    Ok(Row { now: whole(&fine), before: before.as_ref().map(whole), trend, ..Row::default() })
}

fn section(
    currency: String,
    groups: Vec<(Arc<Name>, Group)>,
    shape: &Shape<'_>,
) -> Result<Section, Overflow> {
    let mut sized = Vec::with_capacity(groups.len());
    for (name, group) in groups {
        let size = |entries: &Entries| total(entries).map(i128::unsigned_abs);
        sized.push(((size(&group.now)?, size(&group.before)?), name, group));
    }
    // Of equal ones the first by name.
    sized.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.keys.cmp(&b.1.keys)));
    let total = row(sized.iter().map(|(.., group)| group), shape)?;
    let none = if shape.is_none_apart {
        let is_none =
            |keys: &[Option<String>]| !keys.is_empty() && keys.iter().all(Option::is_none);
        sized.iter().position(|(_, name, _)| is_none(&name.keys)).map(|at| sized.remove(at))
    } else {
        None
    };
    let top = shape.top.unwrap_or(usize::MAX).min(sized.len());
    let rest = sized.split_off(top);
    let mut rows = Vec::with_capacity(sized.len() + 2);
    for (_, name, group) in sized.iter().chain(&none) {
        rows.push(Row { keys: name.keys.clone(), ..row(iter::once(group), shape)? });
    }
    if !rest.is_empty() {
        let folded = row(rest.iter().map(|(.., group)| group), shape)?;
        rows.push(Row { folded: Some(rest.len()), ..folded });
    }
    Ok(Section { currency, rows, total })
}

fn total(entries: &Entries) -> Result<i128, Overflow> {
    let mut sum = Sum::default();
    for entry in entries {
        sum.add(entry.units);
    }
    sum.total()
}

fn figures<'a>(
    entries: impl Iterator<Item = &'a Entry>,
    buckets: usize,
) -> Result<Figures, Overflow> {
    let mut sums = vec![Sum::default(); buckets];
    let mut counts = vec![0; buckets];
    let (mut total, mut rows) = (Sum::default(), 0);
    for entry in entries {
        let bucket = entry.bucket as usize;
        sums[bucket].add(entry.units);
        counts[bucket] += entry.rows;
        total.add(entry.units);
        rows += entry.rows;
    }
    let values = sums.into_iter().map(Sum::total).collect::<Result<_, _>>()?;
    Ok(Figures { values, counts, total: total.total()?, rows })
}

fn whole(fine: &Figures) -> Figures {
    Figures {
        values: vec![fine.total],
        counts: vec![fine.rows],
        total: fine.total,
        rows: fine.rows,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::period::DayRange;
    use crate::report::Granularity;
    use chrono::NaiveDate;

    fn grid() -> Grid {
        let day = |day| NaiveDate::from_ymd_opt(1970, 1, day).unwrap();
        Grid::new(DayRange { from: day(1), to: day(4) }, Granularity::Daily).unwrap()
    }

    fn ledger(lines: &[(&str, &str, i32, i128)]) -> Ledger {
        let mut ledger = Ledger::default();
        for (currency, key, bucket, units) in lines {
            let keys = vec![(!key.is_empty()).then(|| (*key).to_owned())];
            let name = Name { keys, currency: (*currency).to_owned() };
            let cell = Cell { group: 0, bucket: *bucket, units: *units, lines: 1 };
            ledger.add(&Arc::new(name), &cell, &grid(), Side::Now);
        }
        ledger
    }

    #[test]
    fn rows_are_sorted_and_the_rest_is_folded_exactly() {
        let ledger = ledger(&[
            ("USD", "a", 0, 3),
            ("USD", "b", 1, -20),
            ("USD", "c", 2, 5),
            ("USD", "", 0, 4),
            ("EUR", "a", 0, 1),
        ]);
        let grid = grid();
        let shape =
            Shape { now: &grid, before: None, is_whole: false, top: Some(2), is_none_apart: false };
        let sections = ledger.sections(&shape).unwrap();
        let euros = &sections[0];
        assert_eq!(
            (euros.currency.as_str(), euros.total.now.total, euros.rows.len()),
            ("EUR", 1, 1)
        );
        let dollars = &sections[1];
        let labels: Vec<String> = dollars.rows.iter().map(Row::label).collect();
        assert_eq!(labels, ["b", "c", "other (2)"]);
        assert_eq!(dollars.rows[2].now.values, [7, 0, 0]);
        assert_eq!((dollars.total.now.total, dollars.total.now.rows), (-8, 4));
        assert_eq!(dollars.rows.iter().map(|row| row.now.total).sum::<i128>(), -8);
    }

    #[test]
    fn what_has_no_value_stands_apart_when_asked_for() {
        let ledger = ledger(&[("USD", "a", 0, 3), ("USD", "", 1, 1), ("USD", "c", 2, 5)]);
        let grid = grid();
        let top = Some(1);
        let shape = Shape { now: &grid, before: None, is_whole: true, top, is_none_apart: true };
        let sections = ledger.sections(&shape).unwrap();
        let labels: Vec<String> = sections[0].rows.iter().map(Row::label).collect();
        assert_eq!(labels, ["c", "(none)", "other (1)"]);
        assert_eq!(sections[0].total.now.total, 9);
    }

    #[test]
    fn without_cuts_there_is_one_value_and_a_trend() {
        let grid = grid();
        let shape = Shape {
            now: &grid,
            before: Some(&grid),
            is_whole: true,
            top: None,
            is_none_apart: false,
        };
        let sections = ledger(&[("USD", "", 0, 4), ("USD", "", 2, 5)]).sections(&shape).unwrap();
        let row = &sections[0].rows[0];
        assert_eq!(
            (row.label().as_str(), &row.now.values, row.trend()),
            ("(none)", &vec![9], &[4, 0, 5][..])
        );
        assert_eq!(row.difference(), Some(9));
    }

    #[test]
    fn sums_that_do_not_fit_are_refused() {
        let grid = grid();
        let shape =
            Shape { now: &grid, before: None, is_whole: true, top: None, is_none_apart: false };
        let max = billhook_money::MAX;
        assert!(ledger(&[("USD", "a", 0, max), ("USD", "b", 0, 1)]).sections(&shape).is_err());
    }
}
