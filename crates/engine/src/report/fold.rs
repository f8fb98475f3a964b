//! Sums put into groups, sorted, and folded beyond the largest; every sum is checked.

use std::collections::{BTreeMap, BTreeSet};

use billhook_money::{Overflow, Sum};

use crate::EngineError;
use crate::report::grid::Grid;
use crate::report::query::Line;
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

/// Amounts and rows by bucket; buckets without rows are absent.
type Cells = BTreeMap<usize, (Sum, u64)>;

/// A group's sums.
#[derive(Debug, Clone, Default)]
struct Group {
    now: Cells,
    before: Cells,
}

/// All sums: currency, group, bucket.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    currencies: BTreeMap<String, BTreeMap<Vec<Option<String>>, Group>>,
}

impl Ledger {
    /// Takes a sum in.
    pub(super) fn add(&mut self, line: Line, grid: &Grid, side: Side) {
        let Some(bucket) = grid.index(line.bucket) else {
            debug_assert!(false, "bucket {} lies outside of the period", line.bucket);
            return;
        };
        let groups = self.currencies.entry(line.currency).or_default();
        let group = groups.entry(line.keys).or_default();
        let cells = match side {
            Side::Now => &mut group.now,
            Side::Before => &mut group.before,
        };
        let cell = cells.entry(bucket).or_default();
        cell.0.add(line.units);
        cell.1 += line.rows;
    }

    pub(super) fn is_empty(&self) -> bool {
        self.currencies.is_empty()
    }

    /// The values that a key has, `None` included.
    pub(super) fn values(&self, key: usize) -> BTreeSet<Option<&str>> {
        let groups = self.currencies.values().flat_map(BTreeMap::keys);
        groups.map(|keys| keys.get(key).and_then(Option::as_deref)).collect()
    }

    /// Rows by currency, sorted and folded.
    pub(super) fn sections(self, shape: &Shape<'_>) -> Result<Vec<Section>, EngineError> {
        let sections =
            self.currencies.into_iter().map(|(currency, groups)| section(currency, groups, shape));
        sections
            .collect::<Result<_, Overflow>>()
            .map_err(|overflow| EngineError::Lake(overflow.into()))
    }
}

impl Group {
    fn merge(&mut self, other: &Self) {
        for (mine, theirs) in [(&mut self.now, &other.now), (&mut self.before, &other.before)] {
            for (bucket, (sum, rows)) in theirs {
                let cell = mine.entry(*bucket).or_default();
                cell.0 += *sum;
                cell.1 += rows;
            }
        }
    }

    fn row(&self, shape: &Shape<'_>) -> Result<Row, Overflow> {
        let fine = figures(&self.now, shape.now.len())?;
        let before = match shape.before {
            Some(grid) => Some(figures(&self.before, grid.len())?),
            None => None,
        };
        if !shape.is_whole {
            return Ok(Row { now: fine, before, ..Row::default() });
        }
        let trend = if shape.now.len() > 1 { fine.values.clone() } else { Vec::new() };
        Ok(Row { now: whole(&fine), before: before.as_ref().map(whole), trend, ..Row::default() })
    }
}

fn section(
    currency: String,
    groups: BTreeMap<Vec<Option<String>>, Group>,
    shape: &Shape<'_>,
) -> Result<Section, Overflow> {
    let mut all = Group::default();
    let mut sized = Vec::with_capacity(groups.len());
    for (keys, group) in groups {
        all.merge(&group);
        let size = |cells: &Cells| total(cells).map(i128::unsigned_abs);
        sized.push(((size(&group.now)?, size(&group.before)?), keys, group));
    }
    // Groups come by name, and sorting keeps the order of equals.
    sized.sort_by_key(|(size, ..)| std::cmp::Reverse(*size));
    let none = if shape.is_none_apart {
        let is_none =
            |keys: &[Option<String>]| !keys.is_empty() && keys.iter().all(Option::is_none);
        sized.iter().position(|(_, keys, _)| is_none(keys)).map(|at| sized.remove(at))
    } else {
        None
    };
    let top = shape.top.unwrap_or(usize::MAX).min(sized.len());
    let rest = sized.split_off(top);
    let mut rows = Vec::with_capacity(sized.len() + 2);
    for (_, keys, group) in sized.into_iter().chain(none) {
        rows.push(Row { keys, ..group.row(shape)? });
    }
    if !rest.is_empty() {
        let mut folded = Group::default();
        for (_, _, group) in &rest {
            folded.merge(group);
        }
        rows.push(Row { folded: Some(rest.len()), ..folded.row(shape)? });
    }
    Ok(Section { currency, rows, total: all.row(shape)? })
}

fn total(cells: &Cells) -> Result<i128, Overflow> {
    let mut sum = Sum::default();
    for (cell, _) in cells.values() {
        sum += *cell;
    }
    sum.total()
}

fn figures(cells: &Cells, buckets: usize) -> Result<Figures, Overflow> {
    let mut figures = Figures {
        values: vec![0; buckets],
        counts: vec![0; buckets],
        total: total(cells)?,
        rows: 0,
    };
    for (bucket, (sum, rows)) in cells {
        figures.values[*bucket] = sum.total()?;
        figures.counts[*bucket] = *rows;
        figures.rows += rows;
    }
    Ok(figures)
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

    fn ledger(lines: &[(&str, &str, i64, i128)]) -> Ledger {
        let mut ledger = Ledger::default();
        for (currency, key, bucket, units) in lines {
            let keys = vec![(!key.is_empty()).then(|| (*key).to_owned())];
            let line = Line {
                keys,
                currency: (*currency).to_owned(),
                bucket: *bucket,
                units: *units,
                rows: 1,
            };
            ledger.add(line, &grid(), Side::Now);
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
