//! Parquet files as text blocks, so that one decoder serves all packings.
//!
//! Doubles become the decimals that were meant ([`crate::double`]); timestamps ISO text; maps and
//! structs JSON. It costs about as much as reading the same report as CSV.

use std::io;

use arrow::array::{Array, ArrayRef, AsArray, MapArray, RecordBatch};
use arrow::datatypes::{DataType, FieldRef, Float32Type, Float64Type};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};

use crate::double;
use crate::format::canonical;
use crate::text::inflate::{Blocks, Input};
use crate::text::{push_field, unquote};

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
        let mut is_first = true;
        for batch in reader {
            let text = batch.map_err(io::Error::other).and_then(|batch| text(&batch, is_first));
            is_first = false;
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

fn text(batch: &RecordBatch, with_header: bool) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
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
            column.push(&mut text, row);
        }
        text.push(b'\n');
    }
    Ok(text)
}

enum Column<'a> {
    Text(&'a arrow::array::StringArray),
    Double(&'a ArrayRef),
    Single(&'a ArrayRef),
    /// Keys as text, values, and which of them belong to a row.
    Map(&'a MapArray, Box<Column<'a>>, Box<Column<'a>>),
    Other(ArrayFormatter<'a>, &'a ArrayRef),
}

impl<'a> Column<'a> {
    fn new(array: &'a ArrayRef) -> Result<Self, arrow::error::ArrowError> {
        Ok(match array.data_type() {
            DataType::Utf8 => Self::Text(array.as_string()),
            DataType::Float64 => Self::Double(array),
            DataType::Float32 => Self::Single(array),
            DataType::Map(..) => {
                let map = array.as_map();
                let (keys, values) = (Self::new(map.keys())?, Self::new(map.values())?);
                Self::Map(map, Box::new(keys), Box::new(values))
            }
            _ => {
                const OPTIONS: FormatOptions<'static> = FormatOptions::new()
                    .with_null("")
                    .with_timestamp_format(Some("%Y-%m-%dT%H:%M:%S%.fZ"))
                    .with_timestamp_tz_format(Some("%Y-%m-%dT%H:%M:%S%.fZ"))
                    .with_date_format(Some("%Y-%m-%d"));
                Self::Other(ArrayFormatter::try_new(array, &OPTIONS)?, array)
            }
        })
    }

    fn push(&self, text: &mut Vec<u8>, row: usize) {
        match self {
            Self::Text(array) if array.is_valid(row) => {
                push_field(text, array.value(row).as_bytes());
            }
            Self::Double(array) if array.is_valid(row) => {
                let value = array.as_primitive::<Float64Type>().value(row);
                text.extend_from_slice(double::shortest_text(value).as_bytes());
            }
            Self::Single(array) if array.is_valid(row) => {
                let value = array.as_primitive::<Float32Type>().value(row);
                text.extend_from_slice(double::shortest_text_single(value).as_bytes());
            }
            Self::Map(map, keys, values) if map.is_valid(row) => {
                push_field(text, json(map, keys, values, row).as_bytes());
            }
            Self::Other(formatter, array) if array.is_valid(row) => {
                push_field(text, formatter.value(row).to_string().as_bytes());
            }
            _ => {}
        }
    }
}

/// The entries of a row as a JSON object. Numbers become JSON strings: what a double means is said
/// once, and nobody may round it again.
fn json(map: &MapArray, keys: &Column<'_>, values: &Column<'_>, row: usize) -> String {
    let offsets = map.value_offsets();
    let at = |index: usize| usize::try_from(offsets[index]).unwrap_or(0);
    let plain = |column: &Column<'_>, entry: usize| {
        let mut field = Vec::new();
        column.push(&mut field, entry);
        String::from_utf8_lossy(&unquote(&field)).into_owned()
    };
    let entries = (at(row)..at(row + 1)).map(|entry| (plain(keys, entry), plain(values, entry)));
    let object = entries.map(|(key, value)| (key, serde_json::Value::String(value)));
    serde_json::Value::Object(object.collect()).to_string()
}
