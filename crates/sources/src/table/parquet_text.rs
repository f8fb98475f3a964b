//! Parquet files as text blocks, so that one decoder serves all packings.
//!
//! Doubles become the decimals that were meant ([`crate::double`]); timestamps ISO text; maps and
//! structs JSON. It costs about as much as reading the same report as CSV.

use std::borrow::Cow;
use std::io;

use arrow::array::{Array, ArrayRef, AsArray, MapArray, RecordBatch};
use arrow::datatypes::{DataType, FieldRef, Float32Type, Float64Type};
use arrow::util::display::{ArrayFormatter, FormatOptions};
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
    /// A map, its keys and its values.
    Map(&'a MapArray, Box<[Column<'a>; 2]>),
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
                Self::Map(map, Box::new([Self::new(map.keys())?, Self::new(map.values())?]))
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
        if let Some(value) = self.value(row) {
            push_field(text, value.as_bytes());
        }
    }

    /// The text of a value that is there.
    fn value(&self, row: usize) -> Option<Cow<'a, str>> {
        match self {
            Self::Text(array) => array.is_valid(row).then(|| array.value(row).into()),
            Self::Double(array) => array.is_valid(row).then(|| {
                double::shortest_text(array.as_primitive::<Float64Type>().value(row)).into()
            }),
            Self::Single(array) => array.is_valid(row).then(|| {
                double::shortest_text_single(array.as_primitive::<Float32Type>().value(row)).into()
            }),
            Self::Map(array, entries) => {
                array.is_valid(row).then(|| Self::object(array, entries, row).into())
            }
            Self::Other(formatter, array) => {
                array.is_valid(row).then(|| formatter.value(row).to_string().into())
            }
        }
    }

    /// A map's JSON. Numbers stand as numbers, all else as text.
    fn object(array: &MapArray, [keys, values]: &[Self; 2], row: usize) -> String {
        let offsets = array.value_offsets();
        let place = |row: usize| usize::try_from(offsets[row]).unwrap_or_default();
        let quoted = |text: &str| serde_json::Value::from(text).to_string();
        let mut json = String::from("{");
        for entry in place(row)..place(row + 1) {
            let (Some(key), Some(value)) = (keys.value(entry), values.value(entry)) else {
                continue;
            };
            if json.len() > 1 {
                json.push(',');
            }
            json.push_str(&quoted(&key));
            json.push(':');
            let is_number = matches!(values, Self::Double(_) | Self::Single(_))
                && value.ends_with(|c: char| c.is_ascii_digit());
            json.push_str(&if is_number { value } else { quoted(&value).into() });
        }
        json.push('}');
        json
    }
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
        assert_eq!(String::from_utf8(text(&batch, true).unwrap()).unwrap(), expected);
    }
}
