//! `export`: the cost table as Parquet or CSV that others can read.
//!
//! Maps become JSON text (the FOCUS key-value format), partition columns ordinary ones, and
//! times in CSV the FOCUS form `YYYY-MM-DDTHH:mm:ssZ`.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringBuilder};
use arrow::datatypes::{DataType, Decimal128Type, Field, Schema, TimestampMicrosecondType};
use billhook_focus::columns::{self, FOCUS_1_2};
use billhook_lake::Lake;
use billhook_lake::session::LakeSession;
use datafusion::physical_plan::SendableRecordBatchStream;
use futures::StreamExt;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;
use serde_json::{Map, Value};

use crate::EngineError;
use crate::sql_names::quoted;

/// File format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Parquet, zstd.
    Parquet,
    /// CSV with a header; texts that a spreadsheet would run are made harmless.
    Csv,
}

/// What to export.
#[derive(Debug, Clone)]
pub struct ExportRequest {
    /// A file; or a folder, which gets one file per month.
    pub to: PathBuf,
    /// Format.
    pub format: Format,
    /// Only FOCUS 1.2 columns, without `x_` ones.
    pub focus_only: bool,
    /// Of one month only, YYYY-MM.
    pub period: Option<String>,
}

/// A file that was written.
#[derive(Debug, Clone)]
pub struct Exported {
    /// The file.
    pub path: PathBuf,
    /// Its rows.
    pub rows: u64,
}

/// Writes the FOCUS rows (`costs`).
///
/// # Errors
/// When nothing is there to write, the lake cannot be read, or the files cannot be written.
pub async fn export(lake: &Lake, request: &ExportRequest) -> Result<Vec<Exported>, EngineError> {
    let session = LakeSession::open(lake, None).await?;
    let mut periods = periods(&session).await?;
    if let Some(period) = &request.period {
        periods.retain(|p| p == period);
        if periods.is_empty() {
            return Err(EngineError::Nothing(format!("there are no costs of {period}")));
        }
    }
    if periods.is_empty() {
        return Err(EngineError::Nothing("there are no costs to export".to_owned()));
    }
    let names: Vec<String> = columns::all()
        .filter(|column| !request.focus_only || FOCUS_1_2.iter().any(|f| f.name == column.name))
        .map(|column| format!("\"{}\"", column.name))
        .collect();
    let is_folder = request.to.is_dir() || request.to.to_string_lossy().ends_with('/');
    let groups: Vec<(PathBuf, Vec<String>)> = if is_folder {
        std::fs::create_dir_all(&request.to).map_err(|source| disk(&request.to, source))?;
        let end = if request.format == Format::Csv { "csv" } else { "parquet" };
        let file = |period: &String| request.to.join(format!("focus-{period}.{end}"));
        periods.iter().map(|period| (file(period), vec![period.clone()])).collect()
    } else {
        vec![(request.to.clone(), periods)]
    };
    let mut exported = Vec::new();
    for (path, periods) in groups {
        let list: Vec<String> = periods.iter().map(|period| quoted(period)).collect();
        let sql = format!(
            "SELECT {} FROM costs WHERE x_BillingPeriod IN ({})",
            names.join(", "),
            list.join(", ")
        );
        let stream = session.rows(&sql).await?;
        let rows = write(&path, request.format, stream).await?;
        exported.push(Exported { path, rows });
    }
    Ok(exported)
}

fn disk(path: &Path, source: std::io::Error) -> EngineError {
    EngineError::Disk { action: format!("cannot write {}", path.display()), source }
}

async fn periods(session: &LakeSession) -> Result<Vec<String>, EngineError> {
    let sql = "SELECT DISTINCT x_BillingPeriod FROM costs_daily ORDER BY x_BillingPeriod";
    let mut periods = Vec::new();
    for batch in session.query(sql).await? {
        periods.extend(batch.column(0).as_string::<i32>().iter().flatten().map(str::to_owned));
    }
    Ok(periods)
}

/// Writes to a temporary file beside `path` and moves it there when whole.
async fn write(
    path: &Path,
    format: Format,
    mut stream: SendableRecordBatchStream,
) -> Result<u64, EngineError> {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let temporary = tempfile::NamedTempFile::new_in(folder).map_err(|source| disk(path, source))?;
    let file = temporary.reopen().map_err(|source| disk(path, source))?;
    let empty = flat(&RecordBatch::new_empty(stream.schema()))?;
    let mut writer = Writer::new(path, file, format, &empty)?;
    let mut rows = 0;
    while let Some(batch) = stream.next().await {
        let batch = flat(&batch.map_err(billhook_lake::LakeError::from)?)?;
        rows += batch.num_rows() as u64;
        writer.write(path, &batch)?;
    }
    writer.finish(path)?;
    temporary.persist(path).map_err(|error| disk(path, error.error))?;
    Ok(rows)
}

enum Writer {
    Parquet(Box<ArrowWriter<File>>),
    Csv(BufWriter<File>),
}

impl Writer {
    fn new(
        path: &Path,
        file: File,
        format: Format,
        empty: &RecordBatch,
    ) -> Result<Self, EngineError> {
        if format == Format::Csv {
            let mut out = BufWriter::new(file);
            let schema = empty.schema();
            let names: Vec<&str> = schema.fields().iter().map(|f| f.name().as_str()).collect();
            writeln!(out, "{}", names.join(",")).map_err(|source| disk(path, source))?;
            return Ok(Self::Csv(out));
        }
        let level = ZstdLevel::try_new(3).unwrap_or_default();
        let properties =
            WriterProperties::builder().set_compression(Compression::ZSTD(level)).build();
        let writer = ArrowWriter::try_new(file, empty.schema(), Some(properties))
            .map_err(|error| disk(path, std::io::Error::other(error)))?;
        Ok(Self::Parquet(Box::new(writer)))
    }

    fn write(&mut self, path: &Path, batch: &RecordBatch) -> Result<(), EngineError> {
        match self {
            Self::Parquet(writer) => {
                writer.write(batch).map_err(|error| disk(path, std::io::Error::other(error)))
            }
            Self::Csv(out) => csv(out, batch).map_err(|source| disk(path, source)),
        }
    }

    fn finish(self, path: &Path) -> Result<(), EngineError> {
        match self {
            Self::Parquet(writer) => {
                let done = writer.close().map_err(std::io::Error::other);
                done.map(|_| ()).map_err(|source| disk(path, source))
            }
            Self::Csv(mut out) => out.flush().map_err(|source| disk(path, source)),
        }
    }
}

/// A batch whose maps are JSON text.
pub(crate) fn flat(batch: &RecordBatch) -> Result<RecordBatch, EngineError> {
    let mut fields = Vec::new();
    let mut arrays = Vec::new();
    for (field, array) in batch.schema().fields().iter().zip(batch.columns()) {
        let array = match array.data_type() {
            DataType::Map(..) if is_of_texts(array) => json_text(array),
            _ => Arc::clone(array),
        };
        fields.push(Field::new(field.name(), array.data_type().clone(), true));
        arrays.push(array);
    }
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).map_err(|source| {
        billhook_lake::LakeError::from(datafusion::error::DataFusionError::from(source)).into()
    })
}

/// Is it a map from text to text?
fn is_of_texts(array: &ArrayRef) -> bool {
    array.as_map_opt().is_some_and(|maps| {
        *maps.keys().data_type() == DataType::Utf8 && *maps.values().data_type() == DataType::Utf8
    })
}

fn json_text(array: &ArrayRef) -> ArrayRef {
    let maps = array.as_map();
    let mut builder = StringBuilder::new();
    for row in 0..maps.len() {
        if maps.is_null(row) {
            builder.append_null();
            continue;
        }
        let entries = maps.value(row);
        let (keys, values) = (entries.column(0).as_string::<i32>(), entries.column(1));
        let values = values.as_string::<i32>();
        let object: Map<String, Value> = (0..keys.len())
            .map(|i| (keys.value(i).to_owned(), Value::String(values.value(i).to_owned())))
            .collect();
        builder.append_value(Value::Object(object).to_string());
    }
    Arc::new(builder.finish())
}

fn csv(out: &mut impl Write, batch: &RecordBatch) -> std::io::Result<()> {
    for row in 0..batch.num_rows() {
        for (index, array) in batch.columns().iter().enumerate() {
            if index > 0 {
                out.write_all(b",")?;
            }
            if array.is_null(row) {
                continue;
            }
            let text = match array.data_type() {
                DataType::Decimal128(..) => {
                    billhook_money::format(array.as_primitive::<Decimal128Type>().value(row))
                }
                DataType::Timestamp(..) => {
                    let micros = array.as_primitive::<TimestampMicrosecondType>().value(row);
                    let time = chrono::DateTime::from_timestamp_micros(micros).unwrap_or_default();
                    time.format("%Y-%m-%dT%H:%M:%SZ").to_string()
                }
                DataType::Int64 => {
                    array.as_primitive::<arrow::datatypes::Int64Type>().value(row).to_string()
                }
                _ => csv_cell(array.as_string::<i32>().value(row)),
            };
            out.write_all(text.as_bytes())?;
        }
        out.write_all(b"\n")?;
    }
    Ok(())
}

/// Text as a CSV cell: quoted when it has to be, and never a formula for a spreadsheet.
#[must_use]
pub fn csv_cell(text: &str) -> String {
    let is_formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    if is_formula { plain_cell(&format!("'{text}")) } else { plain_cell(text) }
}

/// Text as a CSV cell, as it is: quoted when it has to be.
pub(crate) fn plain_cell(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::csv_cell;

    #[test]
    fn cells_are_quoted_and_never_formulas() {
        assert_eq!(csv_cell("a"), "a");
        assert_eq!(csv_cell("a,\"b\""), "\"a,\"\"b\"\"\"");
        assert_eq!(csv_cell("=1+1"), "'=1+1");
        assert_eq!(csv_cell("@SUM(A1,2)"), "\"'@SUM(A1,2)\"");
    }
}
