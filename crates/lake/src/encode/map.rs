//! A column of maps of text: a column of keys and one of values, with levels.
//!
//! Rows share maps (a tag set, a SKU's attributes), so the codes of a map's entries are looked up
//! once per row group and copied for each row.

use arrow::array::{Array, ArrayRef, AsArray, MapArray, StringArray};
use arrow::datatypes::{DataType, Int32Type};
use parquet::errors::ParquetError;
use parquet::schema::types::ColumnDescPtr;

use super::codes::TextCodes;
use super::hybrid;
use super::page::{Chunk, Finished, Pages, append_levels};

/// A column of maps.
pub(super) struct Map {
    key: Part,
    value: Part,
    met: Met,
    levels: Levels,
}

/// One of the two columns.
struct Part {
    descriptor: ColumnDescPtr,
    codes: TextCodes,
    chunk: Chunk,
}

/// Entries of the maps met in the chunk.
#[derive(Default)]
struct Met {
    /// The array that positions are in.
    maps: Option<ArrayRef>,
    /// Per map the entries' place in `codes`.
    spans: Vec<Option<(usize, usize)>>,
    /// Codes of key and value; a null value has none.
    codes: Vec<(u32, Option<u32>)>,
}

/// A page's levels and codes.
#[derive(Default)]
struct Levels {
    repetition: Vec<u32>,
    key_definition: Vec<u32>,
    value_definition: Vec<u32>,
    keys: Vec<u32>,
    values: Vec<u32>,
}

impl Map {
    pub(super) fn new(key: ColumnDescPtr, value: ColumnDescPtr) -> Self {
        let part =
            |descriptor| Part { descriptor, codes: TextCodes::default(), chunk: Chunk::default() };
        Self { key: part(key), value: part(value), met: Met::default(), levels: Levels::default() }
    }

    /// Makes a page of the array's rows.
    pub(super) fn page(&mut self, array: &ArrayRef, pages: &mut Pages) -> Result<(), ParquetError> {
        self.levels.clear();
        if let DataType::Dictionary(..) = array.data_type() {
            let keyed = array.as_dictionary::<Int32Type>();
            self.met.follow(keyed.values());
            let maps = keyed.values().as_map();
            for key in keyed.keys() {
                self.push(maps, key.and_then(|key| usize::try_from(key).ok()));
            }
        } else {
            self.met.follow(array);
            let maps = array.as_map();
            (0..maps.len()).for_each(|row| self.push(maps, Some(row)));
            self.met.maps = None;
        }
        let Levels { repetition, key_definition, value_definition, keys, values } = &self.levels;
        self.key.page(repetition, key_definition, keys, pages)?;
        self.value.page(repetition, value_definition, values, pages)
    }

    /// One row: the map at `index`, or none.
    fn push(&mut self, maps: &MapArray, index: Option<usize>) {
        let levels = &mut self.levels;
        let Some(index) = index.filter(|&index| maps.is_valid(index)) else {
            return levels.push_nothing(0);
        };
        let (start, end) =
            self.met.entries(maps, index, &mut self.key.codes, &mut self.value.codes);
        if start == end {
            return levels.push_nothing(1);
        }
        let key_level = max_level(&self.key);
        let value_level = max_level(&self.value);
        let count = end - start;
        levels.repetition.push(0);
        levels.repetition.resize(levels.repetition.len() + count - 1, 1);
        levels.key_definition.resize(levels.key_definition.len() + count, key_level);
        for &(key, value) in &self.met.codes[start..end] {
            levels.keys.push(key);
            levels.value_definition.push(value_level - u32::from(value.is_none()));
            levels.values.extend(value);
        }
    }

    /// Ends both column chunks.
    pub(super) fn end_chunks(
        &mut self,
        rows: u64,
        pages: &mut Pages,
    ) -> Result<[Finished; 2], ParquetError> {
        self.met = Met::default();
        Ok([self.key.end_chunk(rows, pages)?, self.value.end_chunk(rows, pages)?])
    }

    /// Bytes of the dictionaries in the making.
    pub(super) fn dictionary_bytes(&self) -> usize {
        let met = self.met.codes.len() * size_of::<(u32, Option<u32>)>();
        self.key.codes.plain().len() + self.value.codes.plain().len() + met
    }
}

/// The definition level of an entry that is there.
fn max_level(part: &Part) -> u32 {
    u32::from(part.descriptor.max_def_level().cast_unsigned())
}

impl Part {
    fn page(
        &mut self,
        repetition: &[u32],
        definition: &[u32],
        codes: &[u32],
        pages: &mut Pages,
    ) -> Result<(), ParquetError> {
        let width = hybrid::width_for(max_level(self));
        pages.body.clear();
        append_levels(&mut pages.body, |body| hybrid::append(repetition, 1, body));
        append_levels(&mut pages.body, |body| hybrid::append(definition, width, body));
        if !codes.is_empty() {
            let distinct = u32::try_from(self.codes.len()).unwrap_or(u32::MAX);
            let width = hybrid::width_for(distinct - 1);
            pages.body.push(width);
            hybrid::append(codes, width, &mut pages.body);
        }
        pages.end_data(&mut self.chunk, definition.len(), codes.is_empty())
    }

    fn end_chunk(&mut self, rows: u64, pages: &mut Pages) -> Result<Finished, ParquetError> {
        let dictionary = (self.codes.plain(), self.codes.len());
        let done = pages.end_chunk(&mut self.chunk, &self.descriptor, rows, dictionary, None);
        self.codes.clear();
        done
    }
}

impl Met {
    /// Makes ready for maps at positions in `maps`.
    fn follow(&mut self, maps: &ArrayRef) {
        if !self.maps.as_ref().is_some_and(|old| std::sync::Arc::ptr_eq(old, maps)) {
            self.spans.clear();
            self.codes.clear();
            self.spans.resize(maps.len(), None);
            self.maps = Some(ArrayRef::clone(maps));
        }
    }

    /// Where the entries of the map at `index` are in `codes`.
    fn entries(
        &mut self,
        maps: &MapArray,
        index: usize,
        key_codes: &mut TextCodes,
        value_codes: &mut TextCodes,
    ) -> (usize, usize) {
        if let Some(span) = self.spans[index] {
            return span;
        }
        let keys: &StringArray = maps.keys().as_string();
        let values: &StringArray = maps.values().as_string();
        let place = |at: usize| usize::try_from(maps.value_offsets()[at]).unwrap_or(0);
        let start = self.codes.len();
        for entry in place(index)..place(index + 1) {
            let key = key_codes.code(keys.value(entry).as_bytes());
            let value = values.is_valid(entry).then(|| values.value(entry));
            self.codes.push((key, value.map(|value| value_codes.code(value.as_bytes()))));
        }
        let span = (start, self.codes.len());
        self.spans[index] = Some(span);
        span
    }
}

impl Levels {
    fn clear(&mut self) {
        self.repetition.clear();
        self.key_definition.clear();
        self.value_definition.clear();
        self.keys.clear();
        self.values.clear();
    }

    /// A row without entries.
    fn push_nothing(&mut self, definition: u32) {
        self.repetition.push(0);
        self.key_definition.push(definition);
        self.value_definition.push(definition);
    }
}
