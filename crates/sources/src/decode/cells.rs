//! What a value of a Parquet file is as a field of CSV.
//!
//! Doubles become the decimals that were meant ([`crate::double`]); timestamps ISO text; maps and
//! structs JSON.

use std::cell::RefCell;

use arrow::array::{Array, ArrayRef, AsArray, Int32Array, MapArray, StringArray};
use arrow::buffer::ScalarBuffer;
use arrow::datatypes::{DataType, Float32Type, Float64Type, Int32Type};
use arrow::error::ArrowError;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use foldhash::fast::FixedState;
use hashbrown::HashMap;

use crate::double;
use crate::text::push_field;

/// The values of one column.
pub(crate) enum Cells<'a> {
    /// Text.
    Text(&'a StringArray),
    /// Text by its number in a dictionary.
    Numbered(&'a Int32Array, &'a StringArray),
    /// Doubles.
    Double(&'a ArrayRef),
    /// Floats of single precision.
    Single(&'a ArrayRef),
    /// A map, its keys and its values.
    Map(&'a MapArray, Box<[Cells<'a>; 2]>),
    /// Points in time.
    Time(Box<Times<'a>>),
    /// Anything else.
    Other(ArrayFormatter<'a>, &'a ArrayRef),
}

/// Points in time, of which a report has few.
pub(crate) struct Times<'a> {
    array: &'a ArrayRef,
    pub(super) raw: ScalarBuffer<i64>,
    formatter: ArrayFormatter<'a>,
    known: RefCell<HashMap<i64, Box<[u8]>, FixedState>>,
}

impl Times<'_> {
    fn push(&self, text: &mut Vec<u8>, row: usize) {
        let mut known = self.known.borrow_mut();
        let format = || self.formatter.value(row).to_string().into_bytes().into();
        text.extend_from_slice(known.entry(self.raw[row]).or_insert_with(format));
    }
}

/// The values of a column of eight bytes each, as they lie in memory.
pub(super) fn bits(array: &ArrayRef) -> ScalarBuffer<i64> {
    let data = array.to_data();
    ScalarBuffer::new(data.buffers()[0].clone(), data.offset(), data.len())
}

/// An offset or a number of a dictionary, neither of which is negative.
pub(super) fn place(number: i32) -> usize {
    usize::try_from(number).unwrap_or_default()
}

impl<'a> Cells<'a> {
    /// The values of `array`.
    ///
    /// # Errors
    /// When nobody knows how to write such values.
    pub(crate) fn new(array: &'a ArrayRef) -> Result<Self, ArrowError> {
        Ok(match array.data_type() {
            DataType::Utf8 => Self::Text(array.as_string()),
            DataType::Dictionary(keys, texts)
                if **keys == DataType::Int32 && **texts == DataType::Utf8 =>
            {
                let array = array.as_dictionary::<Int32Type>();
                Self::Numbered(array.keys(), array.values().as_string())
            }
            DataType::Float64 => Self::Double(array),
            DataType::Float32 => Self::Single(array),
            DataType::Map(..) => {
                let map = array.as_map();
                Self::Map(map, Box::new([Self::new(map.keys())?, Self::new(map.values())?]))
            }
            data_type => {
                const OPTIONS: FormatOptions<'static> = FormatOptions::new()
                    .with_null("")
                    .with_timestamp_format(Some("%Y-%m-%dT%H:%M:%S%.fZ"))
                    .with_timestamp_tz_format(Some("%Y-%m-%dT%H:%M:%S%.fZ"))
                    .with_date_format(Some("%Y-%m-%d"));
                let formatter = ArrayFormatter::try_new(array, &OPTIONS)?;
                if let DataType::Timestamp(..) = data_type {
                    let (raw, known) = (bits(array), RefCell::default());
                    Self::Time(Box::new(Times { array, raw, formatter, known }))
                } else {
                    Self::Other(formatter, array)
                }
            }
        })
    }

    /// Is there a value?
    pub(crate) fn is_valid(&self, row: usize) -> bool {
        match self {
            Self::Text(array) => array.is_valid(row),
            Self::Numbered(keys, _) => keys.is_valid(row),
            Self::Double(array) | Self::Single(array) | Self::Other(_, array) => {
                array.is_valid(row)
            }
            Self::Map(array, _) => array.is_valid(row),
            Self::Time(times) => times.array.is_valid(row),
        }
    }

    /// The value that is there, if it is text.
    fn text(&self, row: usize) -> Option<&'a str> {
        match self {
            Self::Text(array) => Some(array.value(row)),
            Self::Numbered(keys, texts) => Some(texts.value(place(keys.value(row)))),
            _ => None,
        }
    }

    /// Appends a value as a CSV field, empty when there is none. `scratch` is scratch space.
    pub(crate) fn push(&self, field: &mut Vec<u8>, row: usize, scratch: &mut Vec<u8>) {
        if !self.is_valid(row) {
            return;
        }
        if let Some(text) = self.text(row) {
            push_field(field, text.as_bytes());
            return;
        }
        match self {
            Self::Map(array, entries) => {
                scratch.clear();
                Self::push_object(array, entries, scratch, row);
                push_field(field, scratch);
            }
            Self::Other(formatter, _) => {
                push_field(field, formatter.value(row).to_string().as_bytes());
            }
            _ => self.push_plain(field, row),
        }
    }

    /// Appends the text of a value that is there, as it is.
    fn push_plain(&self, text: &mut Vec<u8>, row: usize) {
        match self {
            Self::Text(_) | Self::Numbered(..) => {
                text.extend_from_slice(self.text(row).unwrap_or_default().as_bytes());
            }
            Self::Double(array) => {
                double::push_shortest(array.as_primitive::<Float64Type>().value(row), text);
            }
            Self::Single(array) => {
                double::push_shortest_single(array.as_primitive::<Float32Type>().value(row), text);
            }
            Self::Map(array, entries) => Self::push_object(array, entries, text, row),
            Self::Time(times) => times.push(text, row),
            Self::Other(formatter, _) => {
                text.extend_from_slice(formatter.value(row).to_string().as_bytes());
            }
        }
    }

    /// Appends a value that is there as JSON: numbers as numbers, all else as text.
    fn push_json(&self, json: &mut Vec<u8>, row: usize) {
        if let Some(text) = self.text(row) {
            push_string(json, text);
            return;
        }
        let start = json.len();
        self.push_plain(json, row);
        let is_number = matches!(self, Self::Double(_) | Self::Single(_))
            && json.last().is_some_and(u8::is_ascii_digit);
        if !is_number {
            let plain = json.split_off(start);
            push_string(json, &String::from_utf8_lossy(&plain));
        }
    }

    /// Appends a map as JSON.
    fn push_object(array: &MapArray, [keys, values]: &[Self; 2], json: &mut Vec<u8>, row: usize) {
        let offsets = array.value_offsets();
        json.push(b'{');
        let start = json.len();
        for entry in place(offsets[row])..place(offsets[row + 1]) {
            if !keys.is_valid(entry) || !values.is_valid(entry) {
                continue;
            }
            if json.len() > start {
                json.push(b',');
            }
            keys.push_json(json, entry);
            json.push(b':');
            values.push_json(json, entry);
        }
        json.push(b'}');
    }
}

/// Appends a text as JSON.
fn push_string(json: &mut Vec<u8>, text: &str) {
    // Writing a text to a vector cannot fail.
    serde_json::to_writer(json, text).ok();
}
