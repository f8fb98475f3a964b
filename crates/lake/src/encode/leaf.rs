//! A column of text, numbers or points in time.

use std::borrow::Cow;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, ArrowPrimitiveType, AsArray, DictionaryArray};
use arrow::buffer::{Buffer, NullBuffer};
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Field, Int32Type, Int64Type, TimeUnit,
    TimestampMicrosecondType,
};
use parquet::data_type::ByteArray;
use parquet::errors::ParquetError;
use parquet::file::statistics::Statistics;
use parquet::schema::types::ColumnDescPtr;

use super::codes::{Fixed, FixedCodes, TextCodes, append_text};
use super::page::{Chunk, Finished, Pages, append_levels};
use super::{Range, hybrid};

/// A larger dictionary page is only worth reading when its values repeat much, bytes.
const DICTIONARY_BYTES: usize = 4 << 20;

/// Rows after which it is known whether values repeat.
const JUDGED_ROWS: usize = 8_192;

/// A column without levels of its own but "null or not".
pub(super) struct Flat {
    pub(super) descriptor: ColumnDescPtr,
    data_type: DataType,
    has_range: bool,
    values: Values,
    chunk: Chunk,
    nulls: usize,
    /// Values that were given codes in this chunk.
    coded: usize,
    /// The values hardly repeat: pages hold them as they are. Stays so for the file.
    is_unique: bool,
    /// The dictionary is large enough. Until the end of the chunk.
    is_full: bool,
}

#[derive(Clone)]
enum Values {
    Text(Box<(TextCodes, Remap)>),
    Decimal(FixedCodes<i128>),
    Long(FixedCodes<i64>),
    Int(FixedCodes<i32>),
}

/// Code in the chunk of each key of the batches' dictionary.
#[derive(Clone, Default)]
struct Remap {
    values: Option<ArrayRef>,
    codes: Vec<u32>,
}

/// A key not met yet.
const UNMET: u32 = u32::MAX;

impl Flat {
    pub(super) fn new(
        field: &Field,
        descriptor: ColumnDescPtr,
        has_range: bool,
    ) -> Result<Self, ParquetError> {
        let values = match field.data_type() {
            DataType::Utf8 => Values::Text(Box::default()),
            DataType::Decimal128(..) => Values::Decimal(FixedCodes::default()),
            DataType::Int64 | DataType::Timestamp(TimeUnit::Microsecond, _) => {
                Values::Long(FixedCodes::default())
            }
            DataType::Date32 => Values::Int(FixedCodes::default()),
            other => {
                let reason = format!("column {} is of type {other}", field.name());
                return Err(ParquetError::NYI(reason));
            }
        };
        Ok(Self {
            descriptor,
            data_type: field.data_type().clone(),
            has_range,
            values,
            chunk: Chunk::default(),
            nulls: 0,
            coded: 0,
            is_unique: false,
            is_full: false,
        })
    }

    /// Would equal arrays make equal pages in both columns?
    pub(super) fn is_like(&self, other: &Self) -> bool {
        self.data_type == other.data_type && self.has_range == other.has_range
    }

    /// Goes on as if its pages so far had been those of the other column.
    pub(super) fn continue_from(&mut self, other: &Self) {
        self.values = other.values.clone();
        self.chunk = other.chunk.clone();
        (self.nulls, self.coded) = (other.nulls, other.coded);
        (self.is_unique, self.is_full) = (other.is_unique, other.is_full);
    }

    /// Makes a page of the array's rows.
    pub(super) fn page(&mut self, array: &ArrayRef, pages: &mut Pages) -> Result<(), ParquetError> {
        let (rows, nulls) = (array.len(), array.logical_null_count());
        self.nulls += nulls;
        pages.body.clear();
        pages.codes.clear();
        if let (Some(valid), true) = (array.logical_nulls(), nulls > 0 && nulls < rows) {
            append_levels(&mut pages.body, |body| hybrid::append_bits(valid.inner(), body));
        } else {
            let level = u32::from(nulls == 0);
            append_levels(&mut pages.body, |body| hybrid::append_run(level, rows, 1, body));
        }
        if nulls == rows {
            return pages.end_data(&mut self.chunk, rows, true);
        }
        let is_plain = !self.has_range && (self.is_unique || self.is_full);
        if is_plain {
            self.append_plain(array, &mut pages.body);
        } else {
            self.append_codes(array, &mut pages.codes);
            self.coded += rows - nulls;
            let width = hybrid::width_for(u32::try_from(self.distinct() - 1).unwrap_or(u32::MAX));
            pages.body.push(width);
            hybrid::append(&pages.codes, width, &mut pages.body);
        }
        pages.end_data(&mut self.chunk, rows, is_plain)?;
        self.judge();
        Ok(())
    }

    fn judge(&mut self) {
        self.is_unique |= self.coded >= JUDGED_ROWS && self.distinct() * 2 > self.coded;
        let hardly_repeats = self.distinct() * 4 > self.coded;
        self.is_full |= hardly_repeats && self.dictionary_bytes() > DICTIONARY_BYTES;
    }

    fn distinct(&self) -> usize {
        match &self.values {
            Values::Text(text) => text.0.len(),
            Values::Decimal(codes) => codes.len(),
            Values::Long(codes) => codes.len(),
            Values::Int(codes) => codes.len(),
        }
    }

    /// Bytes of the dictionary in the making.
    pub(super) fn dictionary_bytes(&self) -> usize {
        match &self.values {
            Values::Text(text) => text.0.plain().len(),
            Values::Decimal(codes) => codes.len() * size_of::<i128>(),
            Values::Long(codes) => codes.len() * size_of::<i64>(),
            Values::Int(codes) => codes.len() * size_of::<i32>(),
        }
    }

    fn append_codes(&mut self, array: &ArrayRef, out: &mut Vec<u32>) {
        let is_timestamp = matches!(array.data_type(), DataType::Timestamp(..));
        match &mut self.values {
            Values::Text(text) => {
                let (codes, remap) = &mut **text;
                if let Some(keyed) = array.as_dictionary_opt::<Int32Type>() {
                    remap.append(keyed, codes, out);
                } else {
                    let texts = array.as_string::<i32>().iter().flatten();
                    out.extend(texts.map(|text| codes.code(text.as_bytes())));
                }
            }
            Values::Decimal(codes) => numbers::<Decimal128Type>(array, |v| out.push(codes.code(v))),
            Values::Long(codes) if is_timestamp => {
                numbers::<TimestampMicrosecondType>(array, |v| out.push(codes.code(v)));
            }
            Values::Long(codes) => numbers::<Int64Type>(array, |v| out.push(codes.code(v))),
            Values::Int(codes) => numbers::<Date32Type>(array, |v| out.push(codes.code(v))),
        }
    }

    fn append_plain(&self, array: &ArrayRef, out: &mut Vec<u8>) {
        let is_timestamp = matches!(array.data_type(), DataType::Timestamp(..));
        match &self.values {
            Values::Text(_) => {
                if let Some(keyed) = array.as_dictionary_opt::<Int32Type>() {
                    let values = keyed.values().as_string_view();
                    for key in keyed.keys().iter().flatten() {
                        append_text(values.value(index(key)).as_bytes(), out);
                    }
                } else {
                    let texts = array.as_string::<i32>().iter().flatten();
                    texts.for_each(|text| append_text(text.as_bytes(), out));
                }
            }
            Values::Decimal(_) => numbers::<Decimal128Type>(array, |v| v.append(out)),
            Values::Long(_) if is_timestamp => {
                numbers::<TimestampMicrosecondType>(array, |v| v.append(out));
            }
            Values::Long(_) => numbers::<Int64Type>(array, |v| v.append(out)),
            Values::Int(_) => numbers::<Date32Type>(array, |v| v.append(out)),
        }
    }

    /// Ends the column chunk.
    pub(super) fn end_chunk(
        &mut self,
        rows: u64,
        pages: &mut Pages,
    ) -> Result<(Finished, Range), ParquetError> {
        let nulls = std::mem::take(&mut self.nulls);
        let (range, statistics) = if self.has_range { self.range(nulls) } else { <_>::default() };
        let entries = self.distinct();
        let dictionary = match &self.values {
            Values::Text(text) => Cow::Borrowed(text.0.plain()),
            Values::Decimal(codes) => Cow::Owned(codes.plain()),
            Values::Long(codes) => Cow::Owned(codes.plain()),
            Values::Int(codes) => Cow::Owned(codes.plain()),
        };
        let dictionary = (&*dictionary, entries);
        let done =
            pages.end_chunk(&mut self.chunk, &self.descriptor, rows, dictionary, statistics)?;
        match &mut self.values {
            Values::Text(text) => {
                text.0.clear();
                text.1 = Remap::default();
            }
            Values::Decimal(codes) => codes.clear(),
            Values::Long(codes) => codes.clear(),
            Values::Int(codes) => codes.clear(),
        }
        self.coded = 0;
        self.is_full = false;
        Ok((done, range))
    }

    /// All values of the chunk are in its dictionary, so that tells the range.
    fn range(&self, nulls: usize) -> (Range, Option<Statistics>) {
        let count = Some(nulls as u64);
        let (bounds, statistics) = match &self.values {
            Values::Text(text) => {
                let bounds = text.0.bounds();
                let array = |text: &[u8]| ByteArray::from(text.to_vec());
                let (min, max) = (bounds.map(|b| array(b.0)), bounds.map(|b| array(b.1)));
                let text = |text: &[u8]| String::from_utf8_lossy(text).into_owned();
                let words = bounds.map(|(min, max)| (text(min), text(max)));
                (words, Statistics::byte_array(min, max, None, count, false))
            }
            Values::Long(codes) => {
                let bounds = codes.bounds();
                let text = |value| long_text(&self.data_type, value);
                let words = bounds.and_then(|(min, max)| Some((text(min)?, text(max)?)));
                let (min, max) = (bounds.map(|b| b.0), bounds.map(|b| b.1));
                (words, Statistics::int64(min, max, None, count, false))
            }
            Values::Int(codes) => {
                let bounds = codes.bounds();
                let text = |days| Date32Type::to_naive_date_opt(days).map(|day| day.to_string());
                let words = bounds.and_then(|(min, max)| Some((text(min)?, text(max)?)));
                let (min, max) = (bounds.map(|b| b.0), bounds.map(|b| b.1));
                (words, Statistics::int32(min, max, None, count, false))
            }
            // No table chooses files by an amount.
            Values::Decimal(_) => return (Range { bounds: None, nulls }, None),
        };
        (Range { bounds, nulls }, Some(statistics))
    }
}

/// Text whose order is the order of the points in time; other numbers have none.
fn long_text(data_type: &DataType, value: i64) -> Option<String> {
    if !matches!(data_type, DataType::Timestamp(..)) {
        return None;
    }
    let time = chrono::DateTime::from_timestamp_micros(value)?;
    Some(time.format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string())
}

impl Remap {
    fn append(
        &mut self,
        keyed: &DictionaryArray<Int32Type>,
        codes: &mut TextCodes,
        out: &mut Vec<u32>,
    ) {
        self.follow(keyed.values());
        let values = keyed.values().as_string_view();
        let mut code_of = |key: i32| {
            let code = &mut self.codes[index(key)];
            if *code == UNMET {
                *code = codes.code(values.value(index(key)).as_bytes());
            }
            *code
        };
        if keyed.keys().null_count() == 0 {
            out.extend(keyed.keys().values().iter().map(|&key| code_of(key)));
        } else {
            let keys = keyed.keys();
            let valid = keys.nulls().into_iter().flat_map(NullBuffer::valid_indices);
            out.extend(valid.map(|row| code_of(keys.values()[row])));
        }
    }

    /// Makes ready for the keys of `values`: what is known stays known when it only grew.
    fn follow(&mut self, values: &ArrayRef) {
        if !self.values.as_ref().is_some_and(|old| extends(old, values)) {
            self.codes.clear();
        }
        self.codes.resize(values.len(), UNMET);
        self.values = Some(ArrayRef::clone(values));
    }
}

/// Does `new` begin with all of `old`?
fn extends(old: &ArrayRef, new: &ArrayRef) -> bool {
    if Arc::ptr_eq(old, new) {
        return true;
    }
    let (old, new) = (old.as_string_view(), new.as_string_view());
    // Equal views into equal bytes are equal texts.
    let is_grown = |(old, new): (&Buffer, &Buffer)| old.ptr_eq(new) || new.starts_with(old);
    old.null_count() + new.null_count() == 0
        && new.views().starts_with(old.views())
        && old.data_buffers().len() <= new.data_buffers().len()
        && old.data_buffers().iter().zip(new.data_buffers()).all(is_grown)
}

/// A key as an index; keys are never negative.
fn index(key: i32) -> usize {
    usize::try_from(key).unwrap_or(usize::MAX)
}

/// Calls `each` with the values that are not null.
#[inline]
fn numbers<T: ArrowPrimitiveType>(array: &ArrayRef, mut each: impl FnMut(T::Native)) {
    let array = array.as_primitive::<T>();
    if array.null_count() == 0 {
        array.values().iter().for_each(|&value| each(value));
    } else {
        let valid = array.nulls().into_iter().flat_map(NullBuffer::valid_indices);
        valid.for_each(|row| each(array.values()[row]));
    }
}
