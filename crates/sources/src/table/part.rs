//! Files that hold several billing periods: which ones, and the lines of one of them.
//!
//! Every line belongs to exactly one period: the month of its billing period's start. Lines of
//! which that cannot be read belong to whoever is told to take them, so that none is lost
//! (INV-ONE).

use std::collections::BTreeSet;

use super::{ReadError, WINDOW_BYTES, month_of, parquet_text};
use crate::decode::{is_absent, time};
use crate::format::{Binding, Kind, canonical};
use crate::table::Mapping;
use crate::text::inflate::{Input, Limits, Packing};
use crate::text::split::{Fields, Record};
use crate::text::unquote;

/// The lines of files with several periods that make one delivery, beside those of its period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// Are lines whose period cannot be read part of it?
    pub undated: bool,
}

/// The periods of a file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Months {
    /// YYYY-MM, in order.
    pub months: BTreeSet<String>,
    /// The first line whose period cannot be read, in words.
    pub undated: Option<String>,
}

/// The column that says the period.
#[derive(Debug)]
struct Column {
    position: usize,
    kind: Kind,
    /// Number of fields of the header.
    fields: usize,
    /// The last value met and its month: most lines have the same.
    last: (Vec<u8>, Option<String>),
}

impl Column {
    fn month(&mut self, record: &Record<'_>) -> Option<&str> {
        // A line with too many fields has them in the wrong places.
        if record.len() > self.fields || record.len() <= self.position {
            return None;
        }
        self.month_of(record.field(self.position))
    }

    /// The month of a raw field.
    fn month_of(&mut self, raw: &[u8]) -> Option<&str> {
        if raw != self.last.0 || self.last.1.is_none() {
            let text = unquote(raw);
            let moment = if is_absent(&text) { None } else { time::parse(self.kind, &text) };
            self.last = (raw.to_vec(), moment.map(month_of));
        }
        self.last.1.as_deref()
    }
}

/// Chooses the lines of a part.
#[derive(Debug)]
pub(super) struct Pick {
    column: Column,
    month: String,
    undated: bool,
}

impl Pick {
    /// For files with this header; `period` is the header of the column that says the period.
    pub(super) fn new(binding: &Binding, period: &str, month: &str, part: Part) -> Option<Self> {
        let known = binding.format.known.iter().position(|known| known.header == period)?;
        let column = Column {
            position: binding.known[known]?,
            kind: binding.format.known[known].kind,
            fields: binding.header.len(),
            last: (Vec::new(), None),
        };
        Some(Self { column, month: month.to_owned(), undated: part.undated })
    }

    /// Is the line part of it?
    pub(super) fn takes(&mut self, record: &Record<'_>) -> bool {
        match self.column.month(record) {
            Some(month) => month == self.month,
            None => self.undated,
        }
    }

    /// Is the line part of it whose field at [`Self::position`] is this?
    pub(super) fn takes_field(&mut self, raw: &[u8]) -> bool {
        match self.column.month_of(raw) {
            Some(month) => month == self.month,
            None => self.undated,
        }
    }

    /// Where the column stands that says the period.
    pub(super) fn position(&self) -> usize {
        self.column.position
    }
}

impl Months {
    /// Finds the periods of a file of `mapping`, reading it to its end.
    ///
    /// # Errors
    /// [`ReadError`] when the file cannot be read or has no column of the period.
    pub fn of(
        mapping: &Mapping,
        limits: Limits,
        input: Input,
        file: &str,
    ) -> Result<Self, ReadError> {
        Self::look(mapping, limits, input, file, false)
    }

    /// The same of no more of the file's beginning than tells a period.
    ///
    /// # Errors
    /// As [`Months::of`].
    pub fn at_first(
        mapping: &Mapping,
        limits: Limits,
        input: Input,
        file: &str,
    ) -> Result<Self, ReadError> {
        Self::look(mapping, limits, input, file, true)
    }

    fn look(
        mapping: &Mapping,
        limits: Limits,
        mut input: Input,
        file: &str,
        is_one_enough: bool,
    ) -> Result<Self, ReadError> {
        let damaged = |source| ReadError::Damaged { file: file.to_owned(), source };
        let head = input.head(4).map_err(damaged)?;
        let is_parquet = Packing::of(&head) == Packing::Parquet;
        let mut blocks = if is_parquet {
            parquet_text::open_column(input, mapping.period).map_err(damaged)?
        } else {
            input.open(limits).map_err(damaged)?
        };
        let mut scan =
            Scan { mapping, file, is_parquet, row: 0, column: None, found: Self::default() };
        let mut fields = Fields::default();
        let mut carry: Vec<u8> = Vec::new();
        while let Some(block) = blocks.next_block().map_err(damaged)? {
            carry.extend_from_slice(&block);
            let used = scan.read_windows(&carry, &mut fields)?;
            carry.drain(..used);
            if is_one_enough && !scan.found.months.is_empty() {
                return Ok(scan.found);
            }
        }
        if !carry.is_empty() {
            carry.push(b'\n');
            let used = scan.read_windows(&carry, &mut fields)?;
            if !carry[used..].iter().all(u8::is_ascii_whitespace) {
                let row = scan.row + 1;
                return Err(ReadError::Shape {
                    file: file.to_owned(),
                    reason: format!("record {row} never ends: a quotation mark is not closed"),
                });
            }
        }
        Ok(scan.found)
    }
}

/// A file being looked through.
struct Scan<'a> {
    mapping: &'a Mapping,
    file: &'a str,
    is_parquet: bool,
    row: u64,
    column: Option<Column>,
    found: Months,
}

impl Scan<'_> {
    /// Reads the complete records of `text` piece by piece; returns how many bytes they take.
    fn read_windows(&mut self, text: &[u8], fields: &mut Fields) -> Result<usize, ReadError> {
        let (mut start, mut window) = (0, WINDOW_BYTES);
        while start < text.len() {
            let end = text.len().min(start + window);
            let used = self.read(&text[start..end], fields)?;
            if used > 0 {
                start += used;
                window = WINDOW_BYTES;
            } else if end == text.len() {
                break;
            } else {
                window *= 2;
            }
        }
        Ok(start)
    }

    fn read(&mut self, text: &[u8], fields: &mut Fields) -> Result<usize, ReadError> {
        let used = fields.index(text);
        for index in 0..fields.len() {
            let record = fields.record(text, index);
            self.row += 1;
            match &mut self.column {
                None => self.column = Some(self.header(&record)?),
                // Blank lines are none.
                Some(column) if record.is_empty() && column.fields > 1 => {}
                Some(column) => match column.month(&record) {
                    Some(month) if self.found.months.contains(month) => {}
                    Some(month) => {
                        self.found.months.insert(month.to_owned());
                    }
                    None if self.found.undated.is_some() => {}
                    None => self.found.undated = Some(self.undated(&record)),
                },
            }
        }
        Ok(used)
    }

    fn header(&self, record: &Record<'_>) -> Result<Column, ReadError> {
        let wanted = canonical(self.mapping.period);
        let position = (0..record.len()).find(|&field| {
            let name = unquote(record.field(field));
            canonical(String::from_utf8_lossy(&name).trim_start_matches('\u{feff}')) == wanted
        });
        let kind = self.mapping.format.known.iter().find(|k| k.header == self.mapping.period);
        let column = position.map(|position| Column {
            position,
            kind: kind.map_or(Kind::Time, |known| known.kind),
            fields: record.len(),
            last: (Vec::new(), None),
        });
        column.ok_or_else(|| ReadError::Shape {
            file: self.file.to_owned(),
            reason: format!("the header has no column {}", self.mapping.period),
        })
    }

    fn undated(&self, record: &Record<'_>) -> String {
        let column = self.mapping.period;
        let row = if self.is_parquet { self.row - 1 } else { self.row };
        let position = self.column.as_ref().map_or(0, |column| column.position);
        let value = if position < record.len() { record.field(position) } else { b"" };
        let value = unquote(value);
        let value: String = String::from_utf8_lossy(&value).chars().take(200).collect();
        format!("{} record {row}, column {column}: {value:?} is no point in time", self.file)
    }
}
