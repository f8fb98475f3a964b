//! Adds figures up by group and time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use billhook_money::Overflow;
use chrono::{Datelike, NaiveDate};
use foldhash::fast::FixedState;
use hashbrown::HashMap;

use super::ask::{Cell, Cut, Question, day};

/// Sums that are held by their places, beside which empty ones do not matter; 24 MB.
const MOST_PLACES: usize = 1_000_000;

/// A row of figures.
pub(super) struct Figure {
    pub(super) day: i32,
    pub(super) group: u32,
    pub(super) lines: i64,
    pub(super) amount: i128,
    /// The largest absolute amount of a line; 0 where it was not asked for.
    pub(super) largest: i128,
}

/// How sums lie: by group, then by time.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape {
    from: i32,
    to: i32,
    cut: Cut,
    groups: usize,
    largest: usize,
}

/// Sums so far.
pub(super) struct Totals {
    shape: Shape,
    sums: Sums,
    has_overflown: bool,
    /// The largest amounts, the smallest of them first.
    top: BinaryHeap<Reverse<i128>>,
}

/// Sums and numbers of lines.
enum Sums {
    /// By place.
    Dense(Vec<i128>, Vec<u64>),
    /// Too many places, most of which are empty.
    Sparse(HashMap<usize, (i128, u64), FixedState>),
}

impl Shape {
    pub(super) fn of(question: &Question<'_>, groups: usize) -> Self {
        let (from, to) = (day(question.from), day(question.to));
        Self { from, to, cut: question.cut, groups, largest: question.largest }
    }

    /// How many times a group has.
    fn width(&self) -> usize {
        let days = usize::try_from(self.to.saturating_sub(self.from)).unwrap_or_default();
        if self.cut == Cut::Whole { 1 } else { days.max(1) }
    }

    /// Where a group's sum of a day lies.
    fn place(&self, group: u32, day: i32) -> usize {
        let time = match self.cut {
            Cut::Whole => 0,
            Cut::Daily => day - self.from,
            Cut::Monthly => first_of_month(day).max(self.from) - self.from,
        };
        group as usize * self.width() + usize::try_from(time).unwrap_or_default()
    }

    fn cell(&self, place: usize, units: i128, lines: u64) -> Result<Cell, Overflow> {
        if units.unsigned_abs() > billhook_money::MAX.unsigned_abs() {
            return Err(Overflow);
        }
        let (group, time) = (place / self.width(), place % self.width());
        let day = self.from.saturating_add(i32::try_from(time).unwrap_or(i32::MAX));
        let bucket = match self.cut {
            Cut::Whole => 0,
            Cut::Daily => day,
            Cut::Monthly => first_of_month(day),
        };
        Ok(Cell { group: u32::try_from(group).unwrap_or(u32::MAX), bucket, units, lines })
    }
}

impl Totals {
    pub(super) fn new(shape: Shape) -> Self {
        let sums = match shape.groups.saturating_mul(shape.width()) {
            places @ ..=MOST_PLACES => Sums::Dense(vec![0; places], vec![0; places]),
            _ => Sums::Sparse(HashMap::default()),
        };
        Self { shape, sums, has_overflown: false, top: BinaryHeap::new() }
    }

    pub(super) fn add(&mut self, figure: &Figure) {
        let shape = self.shape;
        if (shape.from..shape.to).contains(&figure.day) {
            let place = shape.place(figure.group, figure.day);
            self.put(place, figure.amount, figure.lines.unsigned_abs());
            // Every figure is of at least one line with its largest amount.
            self.reach(figure.largest);
        }
    }

    fn put(&mut self, place: usize, amount: i128, more: u64) {
        let (sum, lines) = match &mut self.sums {
            Sums::Dense(sums, lines) => match (sums.get_mut(place), lines.get_mut(place)) {
                (Some(sum), Some(lines)) => (sum, lines),
                _ => return,
            },
            Sums::Sparse(sums) => {
                let (sum, lines) = sums.entry(place).or_default();
                (sum, lines)
            }
        };
        let has_overflown;
        (*sum, has_overflown) = sum.overflowing_add(amount);
        self.has_overflown |= has_overflown;
        *lines += more;
    }

    fn reach(&mut self, amount: i128) {
        if self.top.len() < self.shape.largest {
            self.top.push(Reverse(amount));
        } else if self.top.peek().is_some_and(|least| amount > least.0) {
            self.top.pop();
            self.top.push(Reverse(amount));
        }
    }

    /// Adds what another thread added up.
    pub(super) fn merge(&mut self, other: Self) {
        self.has_overflown |= other.has_overflown;
        other.top.into_iter().for_each(|Reverse(amount)| self.reach(amount));
        match other.sums {
            Sums::Dense(sums, lines) => {
                for (place, (sum, lines)) in sums.into_iter().zip(lines).enumerate() {
                    if lines > 0 {
                        self.put(place, sum, lines);
                    }
                }
            }
            Sums::Sparse(sums) => {
                for (place, (sum, lines)) in sums {
                    self.put(place, sum, lines);
                }
            }
        }
    }

    /// The smallest of the largest amounts, when there are as many as were asked for.
    pub(super) fn reached(&self) -> Option<i128> {
        self.top.peek().filter(|_| self.top.len() == self.shape.largest).map(|least| least.0)
    }

    /// The sums, by group and time.
    ///
    /// # Errors
    /// [`Overflow`] when one does not fit.
    pub(super) fn cells(self) -> Result<Vec<Cell>, Overflow> {
        if self.has_overflown {
            return Err(Overflow);
        }
        let shape = self.shape;
        match self.sums {
            Sums::Dense(sums, lines) => {
                let all = sums.into_iter().zip(lines).enumerate();
                let some = all.filter(|(_, (_, lines))| *lines > 0);
                some.map(|(place, (units, lines))| shape.cell(place, units, lines)).collect()
            }
            Sums::Sparse(sums) => {
                let mut all: Vec<_> = sums.into_iter().collect();
                all.sort_unstable_by_key(|(place, _)| *place);
                let cell = |(place, (units, lines))| shape.cell(place, units, lines);
                all.into_iter().map(cell).collect()
            }
        }
    }
}

fn first_of_month(day: i32) -> i32 {
    let date = NaiveDate::from_epoch_days(day);
    date.map_or(day, |date| day - i32::try_from(date.day0()).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(cut: Cut, groups: usize, largest: usize) -> Shape {
        // From the 11th of January until the 10th of March 1970.
        Shape { from: 10, to: 69, cut, groups, largest }
    }

    fn figure(group: u32, day: i32, amount: i128) -> Figure {
        Figure { day, group, lines: 2, amount, largest: amount.abs() }
    }

    fn told(shape: Shape, figures: &[Figure]) -> Vec<(u32, i32, i128, u64)> {
        let (mut one, mut two) = (Totals::new(shape), Totals::new(shape));
        for (at, figure) in figures.iter().enumerate() {
            if at % 2 == 0 { one.add(figure) } else { two.add(figure) }
        }
        one.merge(two);
        let cells = one.cells().unwrap().into_iter();
        cells.map(|cell| (cell.group, cell.bucket, cell.units, cell.lines)).collect()
    }

    #[test]
    fn time_is_cut_as_asked_for() {
        let figures = [
            figure(1, 10, 5),
            figure(0, 68, 1),
            figure(1, 9, 7),
            figure(1, 69, 7),
            figure(1, 31, 3),
        ];
        // As many groups as do not fit by place, too.
        for groups in [2, 1_000_000] {
            let whole = told(shape(Cut::Whole, groups, 0), &figures);
            assert_eq!(whole, [(0, 0, 1, 2), (1, 0, 8, 4)]);
            let daily = told(shape(Cut::Daily, groups, 0), &figures);
            assert_eq!(daily, [(0, 68, 1, 2), (1, 10, 5, 2), (1, 31, 3, 2)]);
            let monthly = told(shape(Cut::Monthly, groups, 0), &figures);
            assert_eq!(monthly, [(0, 59, 1, 2), (1, 0, 5, 2), (1, 31, 3, 2)]);
        }
    }

    #[test]
    fn the_largest_are_reached_by_as_many() {
        let mut totals = Totals::new(shape(Cut::Whole, 1, 2));
        totals.add(&figure(0, 10, 5));
        assert_eq!(totals.reached(), None);
        for amount in [-7, 2, 6] {
            totals.add(&figure(0, 10, amount));
        }
        assert_eq!(totals.reached(), Some(6));
    }

    #[test]
    fn sums_that_do_not_fit_are_errors() {
        for amounts in [&[i128::MAX, 1][..], &[billhook_money::MAX, 1]] {
            let mut totals = Totals::new(shape(Cut::Whole, 1, 0));
            for amount in amounts {
                totals.add(&figure(0, 10, *amount));
            }
            assert!(totals.cells().is_err());
        }
    }
}
