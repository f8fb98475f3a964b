//! Parquet files as text blocks: for looks at a file, and for what is read as text alone.
//!
//! What becomes of a value is said in [`crate::decode::cells`]. Whole reports take the shorter way
//! ([`super::columnar`]).

use std::io;

use arrow::array::RecordBatch;
use arrow::datatypes::FieldRef;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};

use crate::decode::cells::Cells;
use crate::format::canonical;
use crate::text::inflate::{Blocks, Input};
use crate::text::push_field;

const BATCH_ROWS: usize = 4096;

/// Opens a Parquet file as CSV text with a header.
pub(super) fn open(input: Input) -> io::Result<Blocks> {
    open_some(input, None, None)
}

/// As [`open`], with the first row alone.
pub(super) fn open_first(input: Input) -> io::Result<Blocks> {
    open_some(input, None, Some(1))
}

/// As [`open`], with the column of this name alone.
pub(super) fn open_column(input: Input, name: &str) -> io::Result<Blocks> {
    open_some(input, Some(name), None)
}

fn open_some(input: Input, only: Option<&str>, rows: Option<usize>) -> io::Result<Blocks> {
    let reader = match input {
        Input::Memory(bytes) => build(ParquetRecordBatchReaderBuilder::try_new(bytes), only, rows)?,
        Input::File(file) => build(ParquetRecordBatchReaderBuilder::try_new(file), only, rows)?,
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
    rows: Option<usize>,
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
    let builder = match rows {
        Some(rows) => builder.with_batch_size(rows.min(BATCH_ROWS)).with_limit(rows),
        None => builder.with_batch_size(BATCH_ROWS),
    };
    let reader = builder.build().map_err(io::Error::other)?;
    Ok(Some(Ok(header)).into_iter().chain(reader))
}

/// A batch as CSV text of about `size` bytes.
pub(super) fn text(batch: &RecordBatch, with_header: bool, size: usize) -> io::Result<Vec<u8>> {
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
    let columns: Vec<Cells<'_>> = batch
        .columns()
        .iter()
        .map(Cells::new)
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Float64Builder, MapBuilder, StringBuilder};

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
