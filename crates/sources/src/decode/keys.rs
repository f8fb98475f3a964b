//! Tuples by the numbers of their values: a batch's rows become tuples without their text.
//!
//! Every value of a column has a number: text that a file numbers already keeps the file's own,
//! all else is numbered here. The numbers of a row are its key. Only of a key that was not seen
//! before the text is written, once, to find its tuple; so equal text is one tuple, wherever it
//! comes from. The keys are void as soon as a dictionary is another one.

use std::iter::{Skip, StepBy};
use std::slice::IterMut;

use arrow::array::{Array, ArrayRef, AsArray, MapArray};
use arrow::datatypes::{DataType, Decimal128Type, Int32Type};

use super::batch::Batch;
use super::cells::{self, Cells};
use crate::intern::Interner;
use crate::text::unquote;

/// A number, as it stands in a key.
type Word = [u8; 4];

/// No value. Numbers of dictionaries are never negative, and our own never get that far.
const NONE: Word = [0xff; 4];

/// A value of a column of which only that is of interest.
const SOME: Word = [1, 0, 0, 0];

/// The keys of a group's tuples.
#[derive(Debug, Default)]
pub(super) struct Keys {
    interner: Interner,
    /// For each key its tuple, and the length of its text.
    tuples: Vec<(u32, usize)>,
    columns: Vec<Numbers>,
    bases: Vec<Basis>,
    /// The keys of the batch at hand, one after another.
    words: Vec<Word>,
    width: usize,
}

impl Keys {
    /// Numbers the values of a batch: those at `positions`, and of those at `flags` only whether
    /// there is one.
    pub(super) fn take(&mut self, batch: &Batch<'_>, positions: &[usize], flags: &[usize]) {
        let mut bases = Vec::with_capacity(positions.len());
        for &position in positions {
            Basis::collect(batch.array(position), &mut bases);
        }
        let is_same = self.bases.len() == bases.len()
            && self.bases.iter().zip(&bases).all(|(old, new)| old.is(new));
        if !is_same {
            self.clear();
            self.bases = bases;
        }
        self.width = positions.len() + flags.len();
        self.columns.resize_with(positions.len(), Numbers::default);
        self.words.clear();
        self.words.resize(batch.rows().len() * self.width, NONE);
        for (first, (numbers, &position)) in self.columns.iter_mut().zip(positions).enumerate() {
            let places = Places { words: &mut self.words, first, step: self.width };
            numbers.number(batch.array(position), batch.column(position), places);
        }
        for (flag, &position) in flags.iter().enumerate() {
            let first = positions.len() + flag;
            let places = Places { words: &mut self.words, first, step: self.width };
            mark(batch.column(position), places);
        }
    }

    /// The tuple of a row of the batch and the length of its text. `None` when nobody knows it
    /// yet; then [`Self::add`] must be called next.
    #[inline]
    pub(super) fn tuple(&mut self, row: usize) -> Option<(u32, usize)> {
        let words = &self.words[row * self.width..][..self.width];
        let key = self.interner.intern(words.as_flattened());
        self.tuples.get(key as usize).copied()
    }

    /// Says what the last key's tuple is.
    pub(super) fn add(&mut self, tuple: u32, text_bytes: usize) {
        self.tuples.push((tuple, text_bytes));
    }

    /// Memory taken, about.
    pub(super) fn size_bytes(&self) -> usize {
        let tuples = self.tuples.capacity() * size_of::<(u32, usize)>();
        let columns: usize = self.columns.iter().map(Numbers::size_bytes).sum();
        self.interner.size_bytes() + tuples + columns
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        self.interner.clear();
        self.tuples = Vec::new();
        self.columns.clear();
        self.bases.clear();
    }
}

/// What the numbers of a column mean: its type and, where it has one, its dictionary.
#[derive(Debug)]
struct Basis {
    data_type: DataType,
    dictionary: Option<ArrayRef>,
}

impl Basis {
    fn collect(array: &ArrayRef, bases: &mut Vec<Self>) {
        let dictionary = array.as_dictionary_opt::<Int32Type>();
        let dictionary = dictionary.map(|array| ArrayRef::clone(array.values()));
        bases.push(Self { data_type: array.data_type().clone(), dictionary });
        if let Some(map) = array.as_map_opt() {
            Self::collect(map.keys(), bases);
            Self::collect(map.values(), bases);
        }
    }

    /// Do the same numbers mean the same values? As the old dictionary is held, no other one can
    /// lie where it does.
    fn is(&self, other: &Self) -> bool {
        let is_same_dictionary = match (&self.dictionary, &other.dictionary) {
            (Some(old), Some(new)) => old.to_data().ptr_eq(&new.to_data()),
            (None, None) => true,
            _ => false,
        };
        is_same_dictionary && self.data_type == other.data_type
    }
}

/// Where the words of a column go: every `step`th one, from `first` on.
struct Places<'a> {
    words: &'a mut [Word],
    first: usize,
    step: usize,
}

impl<'a> Places<'a> {
    fn each(self) -> StepBy<Skip<IterMut<'a, Word>>> {
        self.words.iter_mut().skip(self.first).step_by(self.step)
    }
}

/// Numbers of a column's values that the file does not number.
#[derive(Debug, Default)]
struct Numbers {
    values: Interner,
    /// Of a map: its keys' and its values'.
    parts: Vec<Numbers>,
}

impl Numbers {
    /// Writes the numbers of values into their places, which are to hold [`NONE`].
    fn number(&mut self, array: &ArrayRef, column: &Cells<'_>, places: Places<'_>) {
        if array.null_count() == array.len() {
            return;
        }
        match column {
            Cells::Numbered(keys, _) => match keys.nulls() {
                None => {
                    for (word, key) in places.each().zip(keys.values().iter()) {
                        *word = key.to_le_bytes();
                    }
                }
                Some(nulls) => {
                    let keys = keys.values().iter().zip(nulls);
                    for (word, (key, is_valid)) in places.each().zip(keys) {
                        *word = if is_valid { key.to_le_bytes() } else { NONE };
                    }
                }
            },
            Cells::Text(texts) => {
                self.values(column, places, |row, values| {
                    values.intern(texts.value(row).as_bytes())
                });
            }
            Cells::Double(array) => self.bits(column, places, &cells::bits(array)),
            Cells::Time(times) => self.bits(column, places, &times.raw),
            Cells::Map(map, parts) => self.maps(map, parts, places),
            Cells::Single(_) | Cells::Other(..) => self.others(array, column, places),
        }
    }

    /// Numbers whatever values are there.
    fn values(
        &mut self,
        column: &Cells<'_>,
        places: Places<'_>,
        mut number: impl FnMut(usize, &mut Interner) -> u32,
    ) {
        for (row, word) in places.each().enumerate() {
            if column.is_valid(row) {
                *word = number(row, &mut self.values).to_le_bytes();
            }
        }
    }

    fn bits(&mut self, column: &Cells<'_>, places: Places<'_>, bits: &[i64]) {
        self.values(column, places, |row, values| values.intern(&bits[row].to_le_bytes()));
    }

    /// Numbers maps by the numbers of their keys and values, in their order.
    fn maps(&mut self, map: &MapArray, parts: &[Cells<'_>; 2], places: Places<'_>) {
        let mut pairs = vec![NONE; 2 * map.keys().len()];
        self.parts.resize_with(2, Self::default);
        let arrays = [map.keys(), map.values()];
        for (first, numbers) in self.parts.iter_mut().enumerate() {
            let places = Places { words: &mut pairs, first, step: 2 };
            numbers.number(arrays[first], &parts[first], places);
        }
        let offsets = map.value_offsets();
        for (row, word) in places.each().enumerate() {
            if map.is_valid(row) {
                let (start, end) = (cells::place(offsets[row]), cells::place(offsets[row + 1]));
                let pairs = pairs[2 * start..2 * end].as_flattened();
                *word = self.values.intern(pairs).to_le_bytes();
            }
        }
    }

    fn others(&mut self, array: &ArrayRef, column: &Cells<'_>, places: Places<'_>) {
        if let DataType::Decimal128(..) = array.data_type() {
            let decimals = array.as_primitive::<Decimal128Type>();
            self.values(column, places, |row, values| {
                values.intern(&decimals.value(row).to_le_bytes())
            });
            return;
        }
        let (mut text, mut scratch) = (Vec::new(), Vec::new());
        self.values(column, places, |row, values| {
            text.clear();
            column.push(&mut text, row, &mut scratch);
            values.intern(&text)
        });
    }

    fn size_bytes(&self) -> usize {
        self.values.size_bytes() + self.parts.iter().map(Self::size_bytes).sum::<usize>()
    }
}

/// Marks the rows of a column that have a value.
fn mark(column: &Cells<'_>, places: Places<'_>) {
    let (mut text, mut scratch) = (Vec::new(), Vec::new());
    for (row, word) in places.each().enumerate() {
        if !column.is_valid(row) {
            continue;
        }
        // Only text can say that there is nothing.
        let is_there = match column {
            Cells::Double(_) | Cells::Single(_) | Cells::Time(_) | Cells::Map(..) => true,
            Cells::Text(_) | Cells::Numbered(..) | Cells::Other(..) => {
                text.clear();
                column.push(&mut text, row, &mut scratch);
                !super::is_absent(&unquote(&text))
            }
        };
        if is_there {
            *word = SOME;
        }
    }
}
