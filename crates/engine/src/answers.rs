//! Answers to queries as text, lines and files, batch by batch: nothing holds a whole answer.
//!
//! Amounts keep all their digits, times are UTC, maps are JSON.

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Decimal128Type, DecimalType, SchemaRef};
use arrow::error::ArrowError;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use billhook_lake::LakeError;
use datafusion::error::DataFusionError;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use serde_json::{Map, Value, json};

use crate::EngineError;
use crate::export::{csv_cell, flat, plain_cell};

/// Rows of a row group.
const GROUP_ROWS: usize = 65_536;

/// Bytes after which a row group ends early.
const GROUP_BYTES: usize = 32 * 1024 * 1024;

/// The cells of a batch as text; `None` where there is no value.
///
/// # Errors
/// When a value cannot be told.
pub fn cells(batch: &RecordBatch) -> Result<Vec<Vec<Option<String>>>, EngineError> {
    let options = options();
    let formatters = formatters(batch, &options)?;
    let row = |row: usize| -> Vec<Option<String>> {
        let columns = batch.columns().iter().zip(&formatters);
        columns.map(|(array, formatter)| text(array, formatter, row)).collect()
    };
    Ok((0..batch.num_rows()).map(row).collect())
}

/// The first line of a CSV file: the names of the columns.
#[must_use]
pub fn csv_header(schema: &SchemaRef) -> String {
    let names: Vec<String> = schema.fields().iter().map(|field| plain_cell(field.name())).collect();
    format!("{}\r\n", names.join(","))
}

/// The rows of a batch as CSV (RFC 4180); with `is_safe` no text is a formula for a spreadsheet.
///
/// # Errors
/// When a value cannot be told.
pub fn csv(batch: &RecordBatch, is_safe: bool) -> Result<String, EngineError> {
    let numeric: Vec<bool> =
        batch.columns().iter().map(|array| array.data_type().is_numeric()).collect();
    let mut lines = String::new();
    for row in cells(batch)? {
        for (index, cell) in row.into_iter().enumerate() {
            if index > 0 {
                lines.push(',');
            }
            let Some(cell) = cell else { continue };
            if numeric.get(index).is_some_and(|is_numeric| *is_numeric) {
                lines.push_str(&cell);
            } else if is_safe {
                lines.push_str(&csv_cell(&cell));
            } else {
                lines.push_str(&plain_cell(&cell));
            }
        }
        lines.push_str("\r\n");
    }
    Ok(lines)
}

/// The rows of a batch as JSON objects, one a line. Decimals are text, so that no reader rounds
/// them.
///
/// # Errors
/// When a value cannot be told.
pub fn json_lines(batch: &RecordBatch) -> Result<String, EngineError> {
    let options = options();
    let formatters = formatters(batch, &options)?;
    let schema = batch.schema();
    let mut lines = String::new();
    for row in 0..batch.num_rows() {
        let mut object = Map::new();
        let columns = schema.fields().iter().zip(batch.columns()).zip(&formatters);
        for ((field, array), formatter) in columns {
            object.insert(field.name().clone(), json_value(array, formatter, row));
        }
        lines.push_str(&Value::Object(object).to_string());
        lines.push('\n');
    }
    Ok(lines)
}

/// A Parquet file that is made batch by batch.
pub struct ParquetPieces {
    writer: ArrowWriter<Vec<u8>>,
}

impl ParquetPieces {
    /// Begins a file.
    ///
    /// # Errors
    /// When a column has a type that Parquet does not know.
    pub fn begin(schema: &SchemaRef) -> Result<Self, EngineError> {
        let schema = flat(&RecordBatch::new_empty(std::sync::Arc::clone(schema)))?.schema();
        let level = ZstdLevel::try_new(3).unwrap_or_default();
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(level))
            .set_max_row_group_row_count(Some(GROUP_ROWS))
            .build();
        let writer = ArrowWriter::try_new(Vec::new(), schema, Some(properties)).map_err(unfit)?;
        Ok(Self { writer })
    }

    /// Adds a batch. Gives what of the file is ready, which may be nothing.
    ///
    /// # Errors
    /// When it cannot be encoded.
    pub fn add(&mut self, batch: &RecordBatch) -> Result<Vec<u8>, EngineError> {
        self.writer.write(&flat(batch)?).map_err(unfit)?;
        if self.writer.in_progress_size() > GROUP_BYTES {
            self.writer.flush().map_err(unfit)?;
        }
        Ok(std::mem::take(self.writer.inner_mut()))
    }

    /// Ends the file: what is left of it.
    ///
    /// # Errors
    /// When it cannot be encoded.
    pub fn end(self) -> Result<Vec<u8>, EngineError> {
        self.writer.into_inner().map_err(unfit)
    }
}

fn unfit(error: parquet::errors::ParquetError) -> EngineError {
    LakeError::from(DataFusionError::ParquetError(Box::new(error))).into()
}

fn unreadable(error: ArrowError) -> EngineError {
    LakeError::from(DataFusionError::from(error)).into()
}

fn options() -> FormatOptions<'static> {
    FormatOptions::new()
        .with_timestamp_tz_format(Some("%Y-%m-%dT%H:%M:%S%.fZ"))
        .with_display_error(true)
}

fn formatters<'a>(
    batch: &'a RecordBatch,
    options: &FormatOptions<'a>,
) -> Result<Vec<ArrayFormatter<'a>>, EngineError> {
    let arrays = batch.columns().iter();
    let made = arrays.map(|array| ArrayFormatter::try_new(array.as_ref(), options));
    made.collect::<Result<_, _>>().map_err(unreadable)
}

/// The text of a value; decimals without trailing zeros.
fn text(array: &ArrayRef, formatter: &ArrayFormatter<'_>, row: usize) -> Option<String> {
    if array.is_null(row) {
        return None;
    }
    Some(match array.data_type() {
        DataType::Decimal128(precision, scale) => {
            let units = array.as_primitive::<Decimal128Type>().value(row);
            decimal(units, *precision, *scale)
        }
        DataType::Map(..) => match pairs(array, row) {
            Some(pairs) => Value::Object(pairs).to_string(),
            None => formatter.value(row).to_string(),
        },
        _ => formatter.value(row).to_string(),
    })
}

fn decimal(units: i128, precision: u8, scale: i8) -> String {
    let text = Decimal128Type::format_decimal(units, precision, scale);
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

fn json_value(array: &ArrayRef, formatter: &ArrayFormatter<'_>, row: usize) -> Value {
    let Some(text) = text(array, formatter, row) else { return Value::Null };
    match array.data_type() {
        DataType::Boolean => json!(text == "true"),
        kind if kind.is_integer() => {
            text.parse::<i64>().map_or_else(|_| json!(text), |number| json!(number))
        }
        DataType::Map(..) => pairs(array, row).map_or_else(|| json!(text), Value::Object),
        _ => json!(text),
    }
}

/// The entries of a map from text to text.
fn pairs(array: &ArrayRef, row: usize) -> Option<Map<String, Value>> {
    let entries = array.as_map_opt()?.value(row);
    let keys = entries.columns().first()?.as_string_opt::<i32>()?.clone();
    let values = entries.columns().get(1)?.as_string_opt::<i32>()?.clone();
    let value = |index: usize| {
        if values.is_null(index) { Value::Null } else { json!(values.value(index)) }
    };
    Some((0..keys.len()).map(|index| (keys.value(index).to_owned(), value(index))).collect())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{Decimal128Array, Int64Array, StringArray};
    use arrow::datatypes::{Field, Schema};

    use super::*;

    fn batch() -> RecordBatch {
        let decimals = Decimal128Array::from(vec![Some(-1_500_000_000_000_000_000), None]);
        let decimals = decimals.with_precision_and_scale(38, 18).unwrap();
        let fields = vec![
            Field::new("ServiceName", DataType::Utf8, true),
            Field::new("BilledCost", decimals.data_type().clone(), true),
            Field::new("lines", DataType::Int64, true),
        ];
        let names = StringArray::from(vec!["=a,\"b\"", "c"]);
        let counts = Int64Array::from(vec![3, 4]);
        let arrays: Vec<ArrayRef> = vec![Arc::new(names), Arc::new(decimals), Arc::new(counts)];
        RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).unwrap()
    }

    #[test]
    fn every_digit_is_told_in_csv_and_json() {
        let batch = batch();
        assert_eq!(csv_header(&batch.schema()), "ServiceName,BilledCost,lines\r\n");
        assert_eq!(csv(&batch, false).unwrap(), "\"=a,\"\"b\"\"\",-1.5,3\r\nc,,4\r\n");
        assert!(csv(&batch, true).unwrap().starts_with("\"'=a,"));
        let lines = json_lines(&batch).unwrap();
        let first: Value = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
        assert_eq!(first, json!({ "ServiceName": "=a,\"b\"", "BilledCost": "-1.5", "lines": 3 }));
    }

    #[test]
    fn pieces_make_one_parquet_file() {
        let batch = batch();
        let mut pieces = ParquetPieces::begin(&batch.schema()).unwrap();
        let mut file = pieces.add(&batch).unwrap();
        file.extend(pieces.add(&batch).unwrap());
        file.extend(pieces.end().unwrap());
        assert!(file.starts_with(b"PAR1") && file.ends_with(b"PAR1"));
        let file = bytes::Bytes::from(file);
        let reader = parquet::arrow::arrow_reader::ParquetRecordBatchReader::try_new(file, 10);
        let rows: usize = reader.unwrap().map(|batch| batch.unwrap().num_rows()).sum();
        assert_eq!(rows, 4);
    }
}
