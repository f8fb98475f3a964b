//! Parquet files as text blocks, so that one decoder serves all packings.
//!
//! Doubles become the decimals that were meant ([`crate::double`]); timestamps ISO text; maps and
//! structs JSON. It costs about as much as reading the same report as CSV.

use std::io;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Float32Type, Float64Type};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};

use crate::double;
use crate::text::inflate::{Blocks, Input};
use crate::text::push_field;

const BATCH_ROWS: usize = 4096;

/// Opens a Parquet file as CSV text with a header.
pub(super) fn open(input: Input) -> io::Result<Blocks> {
    let reader = match input {
        Input::Memory(bytes) => build(ParquetRecordBatchReaderBuilder::try_new(bytes))?,
        Input::File(file) => build(ParquetRecordBatchReaderBuilder::try_new(file))?,
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
) -> io::Result<
    std::iter::Chain<
        std::option::IntoIter<Result<RecordBatch, arrow::error::ArrowError>>,
        ParquetRecordBatchReader,
    >,
> {
    let builder = builder.map_err(io::Error::other)?;
    // An empty first batch carries the header of a file without rows.
    let header = RecordBatch::new_empty(builder.schema().clone());
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
    Other(ArrayFormatter<'a>, &'a ArrayRef),
}

impl<'a> Column<'a> {
    fn new(array: &'a ArrayRef) -> Result<Self, arrow::error::ArrowError> {
        Ok(match array.data_type() {
            DataType::Utf8 => Self::Text(array.as_string()),
            DataType::Float64 => Self::Double(array),
            DataType::Float32 => Self::Single(array),
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
            Self::Other(formatter, array) if array.is_valid(row) => {
                push_field(text, formatter.value(row).to_string().as_bytes());
            }
            _ => {}
        }
    }
}
