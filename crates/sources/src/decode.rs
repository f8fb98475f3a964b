//! Records to chunks: interned groups of text and exact decimals, with the source's own sums.
//!
//! Nearly all text of a billing line repeats as whole tuples (a SKU's hundred attributes, a tag
//! set, an hour). So a row is held as one id per group and a few decimals; the text behind an id
//! is looked at once, however many rows carry it. The sums for the gate (INV-SUM) are taken here,
//! from the bytes as parsed, before anything is mapped.
//!
//! Rows come as records of text or, from Parquet files, as batches of columns. Both end in the same
//! tuples and amounts.

mod amounts;
pub(crate) mod batch;
pub(crate) mod cells;
mod chunk;
mod group;
mod keys;
mod object;
mod rules;
pub(crate) mod time;

use std::sync::Arc;

use billhook_focus::gate::Tally;
use billhook_money::Sum;

use amounts::Amounts;
use batch::Batch;
pub use chunk::Chunk;
pub use group::{Group, Item};

use crate::format::{Binding, Kind, Place, Rule};
use crate::text::split::{Fields, Record};
use crate::text::unquote;

/// A record that cannot be read, with everything needed to find it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Record number in the file; the header is record 1.
    pub row: u64,
    /// Header of the column, empty when the record as a whole is wrong.
    pub column: String,
    /// The value seen, at most 200 characters.
    pub value: String,
    /// What is wrong with it.
    pub reason: String,
    /// The record's bytes as text.
    pub record: String,
}

/// A column held row by row.
#[derive(Debug)]
struct RowMoney {
    position: usize,
    header: &'static str,
    /// Must every row have a value?
    is_needed: bool,
    values: Vec<i128>,
    valid: Vec<bool>,
}

impl RowMoney {
    /// Takes a raw field in. Gives whether the amount was rounded, or what is wrong with it; then
    /// the row has none.
    #[inline]
    fn push(&mut self, raw: &[u8]) -> Result<bool, String> {
        if raw.is_empty() && !self.is_needed {
            self.put(None);
            return Ok(false);
        }
        let read = match parse_money(raw) {
            Ok((None, _)) if self.is_needed => Err(rules::EMPTY.to_owned()),
            read => read,
        };
        self.put(read.as_ref().ok().and_then(|(units, _)| *units));
        read.map(|(_, is_rounded)| is_rounded)
    }

    #[inline]
    fn put(&mut self, units: Option<i128>) {
        self.values.push(units.unwrap_or(0));
        self.valid.push(units.is_some());
    }
}

#[derive(Debug)]
struct RowText {
    position: usize,
    known: usize,
    text: String,
    ends: Vec<i32>,
}

impl RowText {
    fn push(&mut self, raw: &[u8]) {
        let value = unquote(raw);
        match std::str::from_utf8(&value) {
            Ok(text) => self.text.push_str(text),
            Err(_) => self.text.push_str(&String::from_utf8_lossy(&value)),
        }
        self.ends.push(i32::try_from(self.text.len()).unwrap_or(i32::MAX));
    }
}

/// Reads records of files with one header.
#[derive(Debug)]
pub struct Decoder {
    binding: Arc<Binding>,
    groups: Vec<Group>,
    ids: Vec<Vec<u32>>,
    money: Vec<RowMoney>,
    texts: Vec<RowText>,
    rows: Vec<u64>,
    faults: Vec<(Option<usize>, Fault)>,
    currency: Option<(usize, usize)>,
    key: Vec<u8>,
    /// Numbers with more than 18 fractional digits, rounded half-even.
    pub rounded: u64,
    /// Records with fewer fields than the header.
    pub short: u64,
    /// What was read (INV-SUM).
    pub read: Tally,
    /// What was set aside.
    pub quarantined: Tally,
}

impl Decoder {
    /// A decoder for files with this header.
    #[must_use]
    pub fn new(binding: Arc<Binding>) -> Self {
        let format = binding.format;
        let at = |kind: fn(Kind) -> bool| {
            let bound = binding.known.iter().zip(format.known).enumerate();
            bound
                .filter(move |(_, (_, known))| known.place == Place::Row && kind(known.kind))
                .filter_map(|(index, (position, known))| Some((index, (*position)?, known)))
                .collect::<Vec<_>>()
        };
        let money = at(|kind| kind == Kind::Money)
            .into_iter()
            .map(|(_, position, known)| RowMoney {
                position,
                header: known.header,
                is_needed: format.rules.contains(&Rule::Filled(known.header)),
                values: Vec::new(),
                valid: Vec::new(),
            })
            .collect();
        let texts = at(|kind| kind == Kind::Text)
            .into_iter()
            .map(|(known, position, _)| RowText {
                position,
                known,
                text: String::new(),
                ends: vec![0],
            })
            .collect();
        let groups: Vec<Group> = (0..format.groups).map(|g| Group::new(&binding, g)).collect();
        let currency = format.known.iter().position(|k| k.name == format.currency);
        let currency = currency.filter(|&index| binding.known[index].is_some());
        let currency = currency.and_then(|index| match format.known[index].place {
            Place::Group(group) => Some((group, index)),
            Place::Row => None,
        });
        Self {
            ids: vec![Vec::new(); groups.len()],
            binding,
            groups,
            money,
            texts,
            rows: Vec::new(),
            faults: Vec::new(),
            currency,
            key: Vec::new(),
            rounded: 0,
            short: 0,
            read: Tally::default(),
            quarantined: Tally::default(),
        }
    }

    /// The header's binding.
    #[must_use]
    pub fn binding(&self) -> &Arc<Binding> {
        &self.binding
    }

    /// The groups, for decoding ids.
    #[must_use]
    pub fn groups(&self) -> &[Group] {
        &self.groups
    }

    /// Rows waiting for [`Self::finish`].
    #[must_use]
    pub fn pending(&self) -> usize {
        self.rows.len()
    }

    /// Memory taken by the distinct tuples, about.
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        self.groups.iter().map(Group::size_bytes).sum()
    }

    /// The group with the most distinct tuples, by its number.
    #[must_use]
    pub fn largest_group(&self) -> Option<usize> {
        (0..self.groups.len()).max_by_key(|&group| self.groups[group].len())
    }

    /// Forgets the tuples of a group: its ids start anew, so whatever was derived from old ones is
    /// void. Between chunks only.
    pub fn forget(&mut self, group: usize) {
        self.groups[group].clear();
    }

    /// Takes one record in. `row` is its number in the file. A record with fewer fields than the
    /// header counts as one with empty fields at its end, when it `may_be_short`.
    pub fn push(&mut self, record: &Record<'_>, row: u64, may_be_short: bool) {
        let (found, expected) = (record.len(), self.binding.header.len());
        if found == expected {
            self.push_whole(record, row);
        } else if found > 1 && found < expected && may_be_short {
            self.short += 1;
            let mut text = record.bytes().to_vec();
            text.resize(text.len() + expected - found, b',');
            text.push(b'\n');
            let mut fields = Fields::default();
            fields.index(&text);
            self.push_whole(&fields.record(&text, 0), row);
        } else {
            self.push_misshapen(record, row);
        }
    }

    fn push_whole(&mut self, record: &Record<'_>, row: u64) {
        for (group, ids) in self.groups.iter_mut().zip(&mut self.ids) {
            ids.push(group.intern(record, &mut self.key));
        }
        let index = self.rows.len();
        self.rows.push(row);
        for column in &mut self.money {
            let raw = record.field(column.position);
            match column.push(raw) {
                Ok(is_rounded) => self.rounded += u64::from(is_rounded),
                Err(reason) => {
                    let fault = fault(record.bytes(), row, column.header, raw, reason);
                    self.faults.push((Some(index), fault));
                }
            }
        }
        for column in &mut self.texts {
            column.push(record.field(column.position));
        }
    }

    /// Takes the rows of a batch in, as [`Self::push`] takes the records that they would be as
    /// text. Gives the length of that text.
    pub(crate) fn push_batch(&mut self, batch: &Batch<'_>) -> usize {
        let first = self.rows.len();
        self.rows.extend_from_slice(batch.rows());
        let mut size = 0;
        let mut parts = self.money.len() + self.texts.len();
        for (group, ids) in self.groups.iter_mut().zip(&mut self.ids) {
            size += group.intern_batch(batch, ids);
            parts += usize::from(group.has_fields());
        }
        let (mut raw, mut scratch) = (Vec::new(), Vec::new());
        for column in &mut self.money {
            let amounts = Amounts::of(batch.array(column.position));
            for (index, &row) in batch.rows().iter().enumerate() {
                if let Some((units, bytes)) = amounts.get(index) {
                    column.put(Some(units));
                    size += bytes;
                    continue;
                }
                raw.clear();
                batch.column(column.position).push(&mut raw, index, &mut scratch);
                size += raw.len();
                match column.push(&raw) {
                    Ok(is_rounded) => self.rounded += u64::from(is_rounded),
                    Err(reason) => {
                        let record = batch.record(index);
                        let fault = fault(&record, row, column.header, &raw, reason);
                        self.faults.push((Some(first + index), fault));
                    }
                }
            }
        }
        for column in &mut self.texts {
            for index in 0..batch.rows().len() {
                raw.clear();
                batch.column(column.position).push(&mut raw, index, &mut scratch);
                size += raw.len();
                column.push(&raw);
            }
        }
        // A comma or a line end after each part.
        size + parts * batch.rows().len()
    }

    /// Forgets what makes reading batches short, and the dictionaries of the last one.
    pub(crate) fn forget_keys(&mut self) {
        for group in &mut self.groups {
            group.forget_keys();
        }
    }

    fn push_misshapen(&mut self, record: &Record<'_>, row: u64) {
        if record.is_empty() && self.binding.header.len() > 1 {
            return;
        }
        let reason = format!(
            "the record has {} fields, the header has {}",
            record.len(),
            self.binding.header.len()
        );
        self.faults.push((None, fault(record.bytes(), row, "", b"", reason)));
    }

    /// Ends a chunk: the rows taken in since the last one, and the records that cannot be read.
    pub fn finish(&mut self) -> (Chunk, Vec<Fault>) {
        let mut faults = std::mem::take(&mut self.faults);
        let misshapen = faults.iter().filter(|(index, _)| index.is_none()).count();
        self.check_new_tuples(&mut faults);
        let currencies = self.row_currencies();
        self.sum(&currencies, None);
        self.read.rows += (self.rows.len() + misshapen) as u64;
        self.quarantined.rows += misshapen as u64;
        let mut keep = vec![true; self.rows.len()];
        for (index, _) in &faults {
            if let Some(index) = index {
                keep[*index] = false;
            }
        }
        let bad = keep.iter().filter(|&&kept| !kept).count();
        if bad > 0 {
            self.sum(&currencies, Some(&keep));
            self.quarantined.rows += bad as u64;
        }
        let mut seen = std::collections::HashSet::new();
        faults.sort_by_key(|(_, fault)| fault.row);
        let faults = faults
            .into_iter()
            .filter(|(index, _)| index.is_none_or(|index| seen.insert(index)))
            .map(|(_, fault)| fault)
            .collect();
        (self.take_chunk(if bad > 0 { Some(&keep) } else { None }), faults)
    }

    /// Finds rows whose group holds a number or a date that cannot be read.
    fn check_new_tuples(&mut self, faults: &mut Vec<(Option<usize>, Fault)>) {
        for (group, ids) in self.groups.iter_mut().zip(&self.ids) {
            self.rounded += group.check_new(&self.binding);
            if !group.has_bad() {
                continue;
            }
            for (index, id) in ids.iter().enumerate() {
                if let Some(bad) = group.bad(*id) {
                    let fault = Fault {
                        row: self.rows[index],
                        column: bad.column.clone(),
                        value: bad.value.clone(),
                        reason: bad.reason.clone(),
                        record: group.text(*id),
                    };
                    faults.push((Some(index), fault));
                }
            }
        }
    }

    /// The currency of each pending row, as an index into the group's list of currencies.
    fn row_currencies(&mut self) -> Vec<u8> {
        let Some((group, known)) = self.currency else { return vec![0; self.rows.len()] };
        let codes = self.groups[group].codes(&self.binding, known);
        self.ids[group].iter().map(|&id| codes[id as usize]).collect()
    }

    /// Adds the pending rows' money to the tally: all of it as read, or what is not kept as
    /// quarantined.
    fn sum(&mut self, currencies: &[u8], keep: Option<&[bool]>) {
        let names = self.currency.map(|(group, _)| self.groups[group].code_names().to_vec());
        let default = self.binding.default_currency().to_owned();
        let names = names.unwrap_or_else(|| vec![String::new()]);
        for column in &self.money {
            let mut sums = vec![(false, Sum::default()); names.len().max(1)];
            for (row, (&value, &valid)) in column.values.iter().zip(&column.valid).enumerate() {
                if valid && keep.is_none_or(|keep| !keep[row]) {
                    let (used, sum) = &mut sums[currencies[row] as usize];
                    *used = true;
                    sum.add(value);
                }
            }
            let tally = if keep.is_some() { &mut self.quarantined } else { &mut self.read };
            for (name, (used, sum)) in names.iter().zip(sums) {
                if used {
                    let name = if name.is_empty() { default.as_str() } else { name.as_str() };
                    tally.add(name, column.header, sum);
                }
            }
        }
    }

    fn take_chunk(&mut self, keep: Option<&[bool]>) -> Chunk {
        let rows = self.rows.len();
        let ids = self.ids.iter_mut().map(|ids| std::mem::replace(ids, Vec::with_capacity(rows)));
        let ids = ids.collect();
        let mut chunk = Chunk {
            ids,
            rows: self.rows.drain(..).map(u64::cast_signed).collect(),
            money: Vec::with_capacity(self.money.len()),
            texts: Vec::with_capacity(self.texts.len()),
        };
        for column in &mut self.money {
            let values = std::mem::replace(&mut column.values, Vec::with_capacity(rows));
            let valid = std::mem::replace(&mut column.valid, Vec::with_capacity(rows));
            chunk.push_money(column.header, values, valid);
        }
        for column in &mut self.texts {
            let text = String::with_capacity(column.text.len());
            let text = std::mem::replace(&mut column.text, text);
            let mut ends = Vec::with_capacity(rows + 1);
            ends.push(0);
            let ends = std::mem::replace(&mut column.ends, ends);
            chunk.push_text(column.known, text, ends);
        }
        if let Some(keep) = keep {
            chunk.filter(keep);
        }
        chunk
    }
}

/// Does the text say that there is no value? Generators write the words of their language for it.
pub(crate) fn is_absent(text: &[u8]) -> bool {
    matches!(text, b"" | b"None" | b"null" | b"NULL")
}

/// Units (`None` when empty) and whether they were rounded.
fn parse_money(raw: &[u8]) -> Result<(Option<i128>, bool), String> {
    let text = unquote(raw);
    if is_absent(&text) {
        return Ok((None, false));
    }
    match billhook_money::parse(&text) {
        Ok(parsed) => Ok((Some(parsed.units), parsed.rounded)),
        Err(error) => Err(error.to_string()),
    }
}

fn fault(record: &[u8], row: u64, column: &str, raw: &[u8], reason: String) -> Fault {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Fault {
        row,
        column: column.to_owned(),
        value: text(&unquote(raw)).chars().take(200).collect(),
        reason,
        record: text(record),
    }
}
