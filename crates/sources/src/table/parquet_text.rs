//! Parquet files as text blocks, so that one decoder serves all packings.
//!
//! Doubles become the decimals that were meant ([`crate::double`]); timestamps ISO text; maps and
//! structs JSON. It costs about as much as reading the same report as CSV.

use std::cell::RefCell;
use std::io;

use arrow::array::{Array, ArrayRef, AsArray, MapArray, RecordBatch};
use arrow::buffer::ScalarBuffer;
use arrow::datatypes::{DataType, FieldRef, Float32Type, Float64Type};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use foldhash::fast::FixedState;
use hashbrown::HashMap;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};

use crate::double;
use crate::format::canonical;
use crate::text::inflate::{Blocks, Input};
use crate::text::push_field;

const BATCH_ROWS: usize = 4096;

/// Opens a Parquet file as CSV text with a header.
pub(super) fn open(input: Input) -> io::Result<Blocks> {
    open_some(input, None)
}

/// As [`open`], with the column of this name alone.
pub(super) fn open_column(input: Input, name: &str) -> io::Result<Blocks> {
    open_some(input, Some(name))
}

fn open_some(input: Input, only: Option<&str>) -> io::Result<Blocks> {
    let reader = match input {
        Input::Memory(bytes) => build(ParquetRecordBatchReaderBuilder::try_new(bytes), only)?,
        Input::File(file) => build(ParquetRecordBatchReaderBuilder::try_new(file), only)?,
    };
    let (sender, receiver) = std::sync::mpsc::sync_channel(2);
    std::thread::spawn(move || {
        let (mut is_first, mut size) = (true, 0);
        for batch in reader {
            let batch = batch.map_err(io::Error::other);
            let text = batch.and_then(|batch| text(&batch, is_first, size));
            is_first = false;
            // The next batch is about as large.
            size = text.as_ref().map_or(0, |text| text.len() + text.len() / 16);
            let failed = text.is_err();
            if sender.send(text).is_err() || failed {
                return;
            }
        }
    });
    Ok(Blocks::Stream(receiver))
}

fn build<T: parquet::file::reader::ChunkReader + 'static>(
    builder: parquet::errors::Result<ParquetRecordBatchReaderBuilder<T>>,
    only: Option<&str>,
) -> io::Result<
    std::iter::Chain<
        std::option::IntoIter<Result<RecordBatch, arrow::error::ArrowError>>,
        ParquetRecordBatchReader,
    >,
> {
    let builder = builder.map_err(io::Error::other)?;
    // An empty first batch carries the header of a file without rows.
    let schema = builder.schema().clone();
    let at = only.map(|only| {
        let is_it = |field: &FieldRef| canonical(field.name()) == canonical(only);
        schema.fields().iter().position(is_it).into_iter().collect::<Vec<_>>()
    });
    let (header, builder) = match at {
        None => (RecordBatch::new_empty(schema), builder),
        Some(at) => {
            let header = RecordBatch::new_empty(schema).project(&at).map_err(io::Error::other)?;
            let mask = ProjectionMask::roots(builder.parquet_schema(), at);
            (header, builder.with_projection(mask))
        }
    };
    let reader = builder.with_batch_size(BATCH_ROWS).build().map_err(io::Error::other)?;
    Ok(Some(Ok(header)).into_iter().chain(reader))
}

/// A batch as CSV text of about `size` bytes.
fn text(batch: &RecordBatch, with_header: bool, size: usize) -> io::Result<Vec<u8>> {
    let mut text = Vec::with_capacity(size);
    let mut scratch = Vec::new();
    if with_header {
        for (index, field) in batch.schema().fields().iter().enumerate() {
            if index > 0 {
                text.push(b',');
            }
            push_field(&mut text, field.name().as_bytes());
        }
        text.push(b'\n');
    }
    let columns: Vec<Column<'_>> = batch
        .columns()
        .iter()
        .map(Column::new)
        .collect::<Result<_, _>>()
        .map_err(io::Error::other)?;
    for row in 0..batch.num_rows() {
        for (index, column) in columns.iter().enumerate() {
            if index > 0 {
                text.push(b',');
            }
            column.push(&mut text, row, &mut scratch);
        }
        text.push(b'\n');
    }
    Ok(text)
}

enum Column<'a> {
    Text(&'a arrow::array::StringArray),
    Double(&'a ArrayRef),
    Single(&'a ArrayRef),
    /// A map, its keys and its values.
    Map(&'a MapArray, Box<[Column<'a>; 2]>),
    Time(Box<Times<'a>>),
    Other(ArrayFormatter<'a>, &'a ArrayRef),
}

/// Points in time, of which a report has few.
struct Times<'a> {
    array: &'a ArrayRef,
    raw: ScalarBuffer<i64>,
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

impl<'a> Column<'a> {
    fn new(array: &'a ArrayRef) -> Result<Self, arrow::error::ArrowError> {
        Ok(match array.data_type() {
            DataType::Utf8 => Self::Text(array.as_string()),
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
                    let data = array.to_data();
                    let raw = data.buffers()[0].clone();
                    let raw = ScalarBuffer::new(raw, data.offset(), data.len());
                    let known = RefCell::default();
                    Self::Time(Box::new(Times { array, raw, formatter, known }))
                } else {
                    Self::Other(formatter, array)
                }
            }
        })
    }

    fn is_valid(&self, row: usize) -> bool {
        match self {
            Self::Text(array) => array.is_valid(row),
            Self::Double(array) | Self::Single(array) | Self::Other(_, array) => {
                array.is_valid(row)
            }
            Self::Map(array, _) => array.is_valid(row),
            Self::Time(times) => times.array.is_valid(row),
        }
    }

    /// Appends a value as a CSV field, empty when there is none. `scratch` is scratch space.
    fn push(&self, text: &mut Vec<u8>, row: usize, scratch: &mut Vec<u8>) {
        if !self.is_valid(row) {
            return;
        }
        match self {
            Self::Text(array) => push_field(text, array.value(row).as_bytes()),
            Self::Map(array, entries) => {
                scratch.clear();
                Self::push_object(array, entries, scratch, row);
                push_field(text, scratch);
            }
            Self::Other(formatter, _) => {
                push_field(text, formatter.value(row).to_string().as_bytes());
            }
            _ => self.push_plain(text, row),
        }
    }

    /// Appends the text of a value that is there, as it is.
    fn push_plain(&self, text: &mut Vec<u8>, row: usize) {
        match self {
            Self::Text(array) => text.extend_from_slice(array.value(row).as_bytes()),
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
        let place = |row: usize| usize::try_from(offsets[row]).unwrap_or_default();
        json.push(b'{');
        let start = json.len();
        for entry in place(row)..place(row + 1) {
            if !keys.is_valid(entry) || !values.is_valid(entry) {
                continue;
            }
            if json.len() > start {
                json.push(b',');
            }
            for (part, end) in [(keys, &b":"[..]), (values, b"")] {
                match part {
                    Self::Text(texts) => push_string(json, texts.value(entry)),
                    other => other.push_json(json, entry),
                }
                json.extend_from_slice(end);
            }
        }
        json.push(b'}');
    }
}

/// Appends a text as JSON.
fn push_string(json: &mut Vec<u8>, text: &str) {
    // Writing a text to a vector cannot fail.
    serde_json::to_writer(json, text).ok();
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Float64Builder, MapBuilder, StringBuilder};

    use super::*;

    #[test]
    fn maps_become_json() {
        let mut texts = MapBuilder::new(None, StringBuilder::new(), StringBuilder::new());
        texts.keys().append_value("user:Name");
        texts.values().append_value("web, \"blue\"");
        texts.keys().append_value("gone");
        texts.values().append_null();
        texts.append(true).unwrap();
        texts.append(true).unwrap();
        texts.append(false).unwrap();
        let mut numbers = MapBuilder::new(None, StringBuilder::new(), Float64Builder::new());
        numbers.keys().append_value("edp");
        numbers.values().append_value(-0.1);
        numbers.append(true).unwrap();
        numbers.keys().append_value("odd");
        numbers.values().append_value("NaN".parse().unwrap());
        numbers.append(true).unwrap();
        numbers.append(true).unwrap();
        let columns: [(&str, ArrayRef, bool); 2] = [
            ("tags", Arc::new(texts.finish()), true),
            ("discount", Arc::new(numbers.finish()), true),
        ];
        let batch = RecordBatch::try_from_iter_with_nullable(columns).unwrap();
        let expected = "tags,discount\n\
                        \"{\"\"user:Name\"\":\"\"web, \\\"\"blue\\\"\"\"\"}\",\"{\"\"edp\"\":-0.1}\"\n\
                        {},\"{\"\"odd\"\":\"\"NaN\"\"}\"\n\
                        ,{}\n";
        assert_eq!(String::from_utf8(text(&batch, true, 0).unwrap()).unwrap(), expected);
    }
}
