//! Rows as a Parquet file: money as double, times as milliseconds in UTC, text as it is.

use std::io::{self, Write};
use std::sync::Arc;

use ::parquet::arrow::ArrowWriter;
use ::parquet::arrow::arrow_writer::ArrowWriterOptions;
use ::parquet::basic::Compression;
use ::parquet::file::properties::WriterProperties;
use arrow::array::{
    ArrayRef, MapArray, RecordBatch, StringArray, StructArray, TimestampMillisecondArray,
};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{DataType, Field, Fields, Schema, SchemaRef, TimeUnit};
use arrow::error::ArrowError;

use super::{Cell, Entries, Heading, Kind, Style, json};

/// Rows that are held in memory at once.
const BATCH_ROWS: usize = 4_096;
/// An hour in milliseconds.
const HOUR_MILLIS: i64 = 3_600_000;

/// Writes all rows and the footer.
pub(super) fn write<'a>(
    out: impl Write + Send,
    style: Style,
    headings: &[Heading],
    mut rows: impl Iterator<Item = Vec<Cell<'a>>>,
) -> io::Result<()> {
    let schema = schema(style, headings);
    let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
    // AWS's files do not carry Arrow's own schema either.
    let options =
        ArrowWriterOptions::new().with_properties(properties).with_skip_arrow_metadata(true);
    let mut writer = ArrowWriter::try_new_with_options(out, Arc::clone(&schema), options)?;
    loop {
        let batch: Vec<Vec<Cell<'_>>> = rows.by_ref().take(BATCH_ROWS).collect();
        if batch.is_empty() {
            return writer.into_inner()?.flush();
        }
        let columns = headings.iter().enumerate().map(|(at, heading)| {
            let cells: Vec<&Cell<'_>> = batch.iter().filter_map(|row| row.get(at)).collect();
            column(style, heading.kind, &cells)
        });
        let columns = columns.collect::<Result<Vec<_>, _>>().map_err(io::Error::other)?;
        let batch = RecordBatch::try_new(Arc::clone(&schema), columns).map_err(io::Error::other)?;
        writer.write(&batch)?;
    }
}

fn schema(style: Style, headings: &[Heading]) -> SchemaRef {
    let field = |heading: &Heading| Field::new(heading.name, data_type(style, heading.kind), true);
    Arc::new(Schema::new(headings.iter().map(field).collect::<Vec<_>>()))
}

fn data_type(style: Style, kind: Kind) -> DataType {
    match (kind, style) {
        (Kind::Number, _) => DataType::Float64,
        (Kind::Time, _) => DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into())),
        (Kind::Text, _) | (Kind::TextMap | Kind::NumberMap, Style::Plain) => DataType::Utf8,
        (Kind::TextMap | Kind::NumberMap, Style::Aws) => {
            let entries = DataType::Struct(entry_fields(kind));
            DataType::Map(Arc::new(Field::new("key_value", entries, false)), false)
        }
    }
}

/// Key and value of a map.
fn entry_fields(kind: Kind) -> Fields {
    let value = if kind == Kind::NumberMap { DataType::Float64 } else { DataType::Utf8 };
    vec![Field::new("key", DataType::Utf8, false), Field::new("value", value, true)].into()
}

fn column(style: Style, kind: Kind, cells: &[&Cell<'_>]) -> Result<ArrayRef, ArrowError> {
    let text = |cell: &&Cell<'_>| match cell {
        Cell::Text(text) => Some(text.to_string()),
        Cell::Map(entries) if !entries.is_empty() => Some(json(kind, entries)),
        _ => None,
    };
    match (kind, style) {
        (Kind::TextMap | Kind::NumberMap, Style::Aws) => map(kind, cells),
        (Kind::Number, _) => doubles(&cells.iter().map(text).collect()),
        (Kind::Time, _) => {
            let millis = cells.iter().map(|cell| match cell {
                Cell::Time(hour) => Some(hour.0 * HOUR_MILLIS),
                _ => None,
            });
            Ok(Arc::new(millis.collect::<TimestampMillisecondArray>().with_timezone("UTC")))
        }
        (Kind::Text | Kind::TextMap | Kind::NumberMap, _) => {
            Ok(Arc::new(cells.iter().map(text).collect::<StringArray>()))
        }
    }
}

/// The doubles nearest to decimal texts.
fn doubles(texts: &StringArray) -> Result<ArrayRef, ArrowError> {
    let strict = CastOptions { safe: false, ..CastOptions::default() };
    cast_with_options(texts, &DataType::Float64, &strict)
}

fn map(kind: Kind, cells: &[&Cell<'_>]) -> Result<ArrayRef, ArrowError> {
    let nothing = Entries::new();
    let maps: Vec<&Entries<'_>> = cells
        .iter()
        .map(|cell| if let Cell::Map(entries) = cell { entries } else { &nothing })
        .collect();
    let all = || maps.iter().flat_map(|entries| entries.iter());
    let keys: StringArray = all().map(|(key, _)| Some(key)).collect();
    let values: StringArray = all().map(|(_, value)| Some(value)).collect();
    let values = if kind == Kind::NumberMap { doubles(&values)? } else { Arc::new(values) };
    let fields = entry_fields(kind);
    let entries = StructArray::try_new(fields.clone(), vec![Arc::new(keys), values], None)?;
    let field = Arc::new(Field::new("key_value", DataType::Struct(fields), false));
    let offsets = OffsetBuffer::from_lengths(maps.iter().map(|entries| entries.len()));
    let there: NullBuffer =
        cells.iter().map(|cell| **cell != Cell::Null).collect::<Vec<_>>().into();
    Ok(Arc::new(MapArray::try_new(field, offsets, entries, Some(there), false)?))
}
