//! A group of columns whose values repeat together.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, Decimal128Builder, StringBuilder, TimestampMicrosecondBuilder};
use billhook_focus::columns::{map_builder, map_type};
use billhook_money::{PRECISION, SCALE};

use super::batch::Batch;
use super::keys::Keys;
use super::object::object;
use super::{rules, time};
use crate::format::{Binding, Kind, Member, Place, Rule};
use crate::intern::Interner;
use crate::text::split::{Fields, Record};
use crate::text::unquote;

/// A column of a group as the mapping asks for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Item {
    /// A known column, by its index in the format.
    Known(usize),
    /// A family, by its index in the format.
    Family(usize),
    /// The extras.
    Extras,
}

/// Why a tuple cannot be read.
#[derive(Debug, Clone)]
pub(super) struct Bad {
    pub(super) column: String,
    pub(super) value: String,
    pub(super) reason: String,
}

/// Interned tuples of one group of columns.
#[derive(Debug)]
pub struct Group {
    /// Runs of neighbouring file columns, first and last position.
    runs: Vec<(usize, usize)>,
    /// File columns of which the tuple only says whether they have a value.
    flags: Vec<usize>,
    /// Position in the tuple of each file column of the group.
    slots: HashMap<usize, usize>,
    interner: Interner,
    /// A shorter way to the tuples of batches.
    keys: Keys,
    /// What its tuples must hold.
    rules: Vec<Rule>,
    checked: usize,
    bad: HashMap<u32, Bad>,
    codes: Vec<u8>,
    code_names: Vec<String>,
}

impl Group {
    pub(super) fn new(binding: &Binding, group: usize) -> Self {
        let mut positions = positions(binding, group);
        positions.sort_unstable();
        positions.dedup();
        let mut flags = flags(binding, group);
        flags.retain(|position| !positions.contains(position));
        let slots =
            positions.iter().chain(&flags).enumerate().map(|(slot, &p)| (p, slot)).collect();
        let mut runs: Vec<(usize, usize)> = Vec::new();
        for &position in &positions {
            match runs.last_mut() {
                Some((_, last)) if *last + 1 == position => *last = position,
                _ => runs.push((position, position)),
            }
        }
        Self {
            runs,
            flags,
            slots,
            interner: Interner::default(),
            keys: Keys::default(),
            rules: rules::of_group(binding.format, group),
            checked: 0,
            bad: HashMap::new(),
            codes: Vec::new(),
            code_names: Vec::new(),
        }
    }

    /// The id of the record's tuple. `key` is scratch space.
    #[inline]
    pub(super) fn intern(&mut self, record: &Record<'_>, key: &mut Vec<u8>) -> u32 {
        if let ([(first, last)], []) = (&self.runs[..], &self.flags[..]) {
            let (first, last) = (*first, *last);
            return self.interner.intern(record.span(first, last));
        }
        if let Some(id) = self.same_as_last(record) {
            return id;
        }
        key.clear();
        for (index, &(first, last)) in self.runs.iter().enumerate() {
            if index > 0 {
                key.push(b',');
            }
            key.extend_from_slice(record.span(first, last));
        }
        for (index, &position) in self.flags.iter().enumerate() {
            if index > 0 || !self.runs.is_empty() {
                key.push(b',');
            }
            if !super::is_absent(&unquote(record.field(position))) {
                key.push(b'1');
            }
        }
        self.interner.intern(key)
    }

    /// The id of the record before, when this one has the same tuple. Seen without putting the
    /// tuple together.
    #[inline]
    fn same_as_last(&self, record: &Record<'_>) -> Option<u32> {
        if !self.flags.is_empty() {
            return None;
        }
        let (id, mut rest) = self.interner.last()?;
        for (index, &(first, last)) in self.runs.iter().enumerate() {
            if index > 0 {
                rest = rest.strip_prefix(b",")?;
            }
            rest = rest.strip_prefix(record.span(first, last))?;
        }
        rest.is_empty().then_some(id)
    }

    /// Appends the ids of the tuples of a batch's rows to `ids`. Gives the length of the text of
    /// their fields, with the commas between them.
    pub(super) fn intern_batch(&mut self, batch: &Batch<'_>, ids: &mut Vec<u32>) -> usize {
        let positions: Vec<usize> =
            self.runs.iter().flat_map(|&(first, last)| first..=last).collect();
        self.keys.take(batch, &positions, &self.flags);
        let (mut text, mut scratch, mut size) = (Vec::new(), Vec::new(), 0);
        for row in 0..batch.rows().len() {
            let known = self.keys.tuple(row);
            let (id, bytes) = known.unwrap_or_else(|| {
                text.clear();
                for (slot, &position) in positions.iter().enumerate() {
                    if slot > 0 {
                        text.push(b',');
                    }
                    batch.column(position).push(&mut text, row, &mut scratch);
                }
                let bytes = text.len();
                push_flags(&self.flags, batch, row, &mut text, !positions.is_empty());
                let id = self.interner.intern(&text);
                self.keys.add(id, bytes);
                (id, bytes)
            });
            ids.push(id);
            size += bytes;
        }
        size
    }

    /// Has it columns of its own, beside those of which it only keeps whether they have a value?
    pub(super) fn has_fields(&self) -> bool {
        !self.runs.is_empty()
    }

    /// Forgets the shorter way to the tuples of batches; the tuples stay.
    pub(super) fn forget_keys(&mut self) {
        self.keys.clear();
    }

    /// Number of distinct tuples.
    #[must_use]
    pub fn len(&self) -> usize {
        self.interner.len()
    }

    /// True when no tuple was seen.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.interner.is_empty()
    }

    /// Memory taken by the distinct tuples, about.
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        self.interner.size_bytes() + self.keys.size_bytes()
    }

    pub(super) fn clear(&mut self) {
        self.interner.clear();
        self.keys.clear();
        self.checked = 0;
        self.bad.clear();
        self.codes.clear();
    }

    pub(super) fn has_bad(&self) -> bool {
        !self.bad.is_empty()
    }

    pub(super) fn bad(&self, id: u32) -> Option<&Bad> {
        self.bad.get(&id)
    }

    pub(super) fn text(&self, id: u32) -> String {
        String::from_utf8_lossy(self.interner.get(id)).into_owned()
    }

    /// Reads the numbers and dates of the tuples that are new since the last call; those that
    /// cannot be read are marked bad. Returns how many numbers were rounded.
    pub(super) fn check_new(&mut self, binding: &Binding) -> u64 {
        let first = self.checked;
        self.checked = self.interner.len();
        let typed: Vec<usize> = (0..binding.known.len())
            .filter(|&k| {
                let kind = binding.format.known[k].kind;
                !matches!(kind, Kind::Text | Kind::TextOrNull | Kind::Presence)
            })
            .filter(|&k| binding.known[k].is_some_and(|p| self.slots.contains_key(&p)))
            .filter(|&k| matches!(binding.format.known[k].place, Place::Group(_)))
            .collect();
        let mut rounded = 0;
        if (typed.is_empty() && self.rules.is_empty()) || first == self.checked {
            return rounded;
        }
        let ids: Vec<u32> = ids_from(first, self.checked);
        let (text, fields) = self.records(&ids);
        for (row, &id) in ids.iter().enumerate() {
            let record = fields.record(&text, row);
            for &known in &typed {
                let column = &binding.format.known[known];
                let raw = self.slot(binding, known).map_or(&b""[..], |slot| record.field(slot));
                let value = unquote(raw);
                if super::is_absent(&value) {
                    continue;
                }
                let reason = match column.kind {
                    Kind::Money => match billhook_money::parse(&value) {
                        Ok(parsed) => {
                            rounded += u64::from(parsed.rounded);
                            continue;
                        }
                        Err(error) => error.to_string(),
                    },
                    Kind::Map if object(&value).is_none() => "no JSON object".to_owned(),
                    Kind::Map => continue,
                    kind if time::parse(kind, &value).is_none() => "not a point in time".to_owned(),
                    _ => continue,
                };
                let value = String::from_utf8_lossy(&value).chars().take(200).collect();
                let column = column.header.to_owned();
                self.bad.entry(id).or_insert(Bad { column, value, reason });
            }
            let read = |header: &str| {
                let known = binding.format.known.iter().position(|k| k.header == header)?;
                Some(unquote(record.field(self.slot(binding, known)?)))
            };
            let broken = self.rules.iter().find_map(|rule| rules::broken(*rule, binding, read));
            if let Some(bad) = broken {
                self.bad.entry(id).or_insert(bad);
            }
        }
        rounded
    }

    /// For each tuple, the number of its currency; see [`Self::code_names`].
    pub(super) fn codes(&mut self, binding: &Binding, known: usize) -> &[u8] {
        let ids = ids_from(self.codes.len(), self.interner.len());
        if let Some(slot) = self.slot(binding, known) {
            let (text, fields) = self.records(&ids);
            for row in 0..ids.len() {
                let raw = fields.record(&text, row).field(slot);
                let name = String::from_utf8_lossy(&unquote(raw)).into_owned();
                let code = self.code_names.iter().position(|n| *n == name).unwrap_or_else(|| {
                    self.code_names.push(name);
                    self.code_names.len() - 1
                });
                // More than 256 currencies do not exist; the last number would take the rest.
                self.codes.push(u8::try_from(code).unwrap_or(u8::MAX));
            }
        }
        &self.codes
    }

    pub(super) fn code_names(&self) -> &[String] {
        &self.code_names
    }

    fn slot(&self, binding: &Binding, known: usize) -> Option<usize> {
        self.slots.get(&binding.known[known]?).copied()
    }

    /// The tuples' bytes as one indexed text.
    fn records(&self, ids: &[u32]) -> (Vec<u8>, Fields) {
        let mut text = Vec::new();
        for &id in ids {
            text.extend_from_slice(self.interner.get(id));
            text.push(b'\n');
        }
        let mut fields = Fields::default();
        fields.index(&text);
        (text, fields)
    }

    /// The items of the tuples `ids` as arrays, a row per id.
    #[must_use]
    pub fn decode(&self, binding: &Binding, ids: &[u32], items: &[Item]) -> Vec<ArrayRef> {
        let (text, fields) = self.records(ids);
        let rows = if self.slots.is_empty() { 0 } else { ids.len() };
        let read = |slot: usize, row: usize| unquote(fields.record(&text, row).field(slot));
        items
            .iter()
            .map(|item| match item {
                Item::Known(known) => {
                    let slot = self.slot(binding, *known).filter(|_| rows > 0);
                    let values = (0..ids.len()).map(|row| slot.map(|slot| read(slot, row)));
                    array(binding.format.known[*known].kind, values)
                }
                Item::Family(family) => {
                    let members = self.members(&binding.families[*family]);
                    map(ids.len(), &members, read)
                }
                Item::Extras => map(ids.len(), &self.members(&binding.extras), read),
            })
            .collect()
    }

    fn members<'a>(&self, members: &'a [Member]) -> Vec<(&'a str, usize)> {
        let slot =
            |member: &'a Member| Some((member.key.as_str(), *self.slots.get(&member.position)?));
        members.iter().filter_map(slot).collect()
    }
}

/// Appends the fields that only say whether a column of the batch has a value.
fn push_flags(flags: &[usize], batch: &Batch<'_>, row: usize, text: &mut Vec<u8>, comma: bool) {
    let (mut field, mut scratch) = (Vec::new(), Vec::new());
    for (index, &position) in flags.iter().enumerate() {
        if index > 0 || comma {
            text.push(b',');
        }
        field.clear();
        batch.column(position).push(&mut field, row, &mut scratch);
        if !super::is_absent(&unquote(&field)) {
            text.push(b'1');
        }
    }
}

fn ids_from(first: usize, end: usize) -> Vec<u32> {
    (first..end).map(|id| u32::try_from(id).unwrap_or(u32::MAX)).collect()
}

/// File positions of a group's columns: known ones, families, and extras in the last group.
fn positions(binding: &Binding, group: usize) -> Vec<usize> {
    let format = binding.format;
    let known = binding.known.iter().zip(format.known);
    let known = known
        .filter(|(_, known)| known.place == Place::Group(group) && known.kind != Kind::Presence)
        .filter_map(|(p, _)| *p);
    let families = binding.families.iter().zip(format.families);
    let families = families
        .filter(|(_, family)| family.group == group)
        .flat_map(|(members, _)| members.iter().map(|member| member.position));
    let extras = binding.extras.iter().map(|member| member.position);
    let extras = extras.filter(|_| group + 1 == format.groups);
    known.chain(families).chain(extras).collect()
}

/// File positions of the columns of which a group only keeps whether they have a value.
fn flags(binding: &Binding, group: usize) -> Vec<usize> {
    let known = binding.known.iter().zip(binding.format.known);
    known
        .filter(|(_, known)| known.place == Place::Group(group) && known.kind == Kind::Presence)
        .filter_map(|(position, _)| *position)
        .collect()
}

type Value<'a> = Option<std::borrow::Cow<'a, [u8]>>;

fn array<'a>(kind: Kind, values: impl Iterator<Item = Value<'a>>) -> ArrayRef {
    let values = values.map(|value| value.filter(|value| !value.is_empty()));
    match kind {
        Kind::Text | Kind::TextOrNull | Kind::Presence => {
            let is_null = |v: &std::borrow::Cow<'_, [u8]>| {
                kind == Kind::TextOrNull && matches!(&**v, b"null" | b"NULL")
            };
            let values = values.map(|value| value.filter(|v| !is_null(v)));
            let mut builder = StringBuilder::new();
            for value in values {
                match value {
                    Some(value) => builder.append_value(String::from_utf8_lossy(&value)),
                    None => builder.append_null(),
                }
            }
            Arc::new(builder.finish())
        }
        Kind::Money => {
            let mut builder = Decimal128Builder::new();
            for value in values {
                let parsed = value.and_then(|v| billhook_money::parse(&v).ok());
                builder.append_option(parsed.map(|parsed| parsed.units));
            }
            let array = builder.finish();
            let data_type = arrow::datatypes::DataType::Decimal128(PRECISION, SCALE.cast_signed());
            Arc::new(array.with_data_type(data_type))
        }
        Kind::Time | Kind::ZonedTime | Kind::IntervalStart | Kind::IntervalEnd => {
            let mut builder = TimestampMicrosecondBuilder::new().with_timezone("UTC");
            for value in values {
                builder.append_option(value.and_then(|v| time::parse(kind, &v)));
            }
            Arc::new(builder.finish())
        }
        Kind::Map => {
            let mut builder = map_builder();
            for value in values {
                for (key, text) in value.and_then(|v| object(&v)).unwrap_or_default() {
                    builder.keys().append_value(key);
                    builder.values().append_value(text);
                }
                // Cannot fail: a value was appended with every key.
                builder.append(true).ok();
            }
            Arc::new(builder.finish())
        }
    }
}

fn map<'a>(
    rows: usize,
    members: &[(&str, usize)],
    read: impl Fn(usize, usize) -> std::borrow::Cow<'a, [u8]>,
) -> ArrayRef {
    let mut builder = map_builder();
    for row in 0..rows {
        for (key, slot) in members {
            let value = read(*slot, row);
            if !value.is_empty() {
                builder.keys().append_value(key);
                builder.values().append_value(String::from_utf8_lossy(&value));
            }
        }
        // Cannot fail: a value was appended with every key.
        builder.append(true).ok();
    }
    let array = builder.finish();
    debug_assert_eq!(arrow::array::Array::data_type(&array), &map_type());
    Arc::new(array)
}
