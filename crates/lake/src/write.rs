//! Data files: batches in, Parquet objects out, with their Delta `Add` actions.
//!
//! Files are written under names nobody has seen before; until a commit names them they are not
//! part of the table.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{
    DataType, Date32Type, Int32Type, SchemaRef, TimeUnit, TimestampMicrosecondType,
};
use bytes::Bytes;
use deltalake_core::kernel::Add;
use object_store::{MultipartUpload, ObjectStoreExt, PutPayload};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;
use serde_json::{Value, json};
use tokio::runtime::Handle;

use crate::spec::TableSpec;
use crate::{Lake, LakeError};

/// Rows of a row group.
const GROUP_ROWS: usize = 65_536;

/// Rows of a data page: the encoder holds eight bytes per value until a page is full.
const PAGE_ROWS: usize = 8_192;

/// Size at which a file is ended and the next one begun, bytes.
const FILE_BYTES: u64 = 256 << 20;

/// Size of an uploaded part, bytes. S3 wants at least 5 MiB and at most 10,000 parts.
const PART_BYTES: usize = 8 << 20;

/// Writes the files of one table and one set of partition values.
///
/// Its methods block: call them from a thread that may (`spawn_blocking`).
pub struct FileWriter {
    lake: Lake,
    spec: &'static TableSpec,
    partition: Vec<(String, String)>,
    handle: Handle,
    open: Option<OpenFile>,
    done: Vec<Add>,
}

struct OpenFile {
    name: String,
    writer: ArrowWriter<Buffer>,
    buffer: Buffer,
    upload: Box<dyn MultipartUpload>,
    size: u64,
    stats: Stats,
}

impl FileWriter {
    /// A writer for the partition with these values (column, value), in the table's order.
    #[must_use]
    pub fn new(
        lake: Lake,
        spec: &'static TableSpec,
        partition: Vec<(String, String)>,
        handle: Handle,
    ) -> Self {
        Self { lake, spec, partition, handle, open: None, done: Vec::new() }
    }

    /// Writes a batch of the table's file columns. Text may be `Dictionary(Int32, Utf8)`.
    ///
    /// # Errors
    /// When it cannot be encoded or stored.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<(), LakeError> {
        if self.open.is_none() {
            self.open = Some(self.begin(batch.schema())?);
        }
        let table = self.spec.name;
        if let Some(open) = &mut self.open {
            open.stats.add(batch);
            open.writer.write(batch).map_err(|source| LakeError::Encode { table, source })?;
            self.drain(PART_BYTES)?;
        }
        if self.open.as_ref().is_some_and(|open| open.size > FILE_BYTES) {
            self.end()?;
        }
        Ok(())
    }

    /// Ends the last file. An empty table partition gets a file without rows when `even_if_empty`.
    ///
    /// # Errors
    /// When it cannot be stored.
    pub fn finish(mut self, even_if_empty: bool) -> Result<Vec<Add>, LakeError> {
        if even_if_empty && self.open.is_none() && self.done.is_empty() {
            self.open = Some(self.begin(self.spec.file_schema())?);
        }
        self.end()?;
        Ok(std::mem::take(&mut self.done))
    }

    fn begin(&self, schema: SchemaRef) -> Result<OpenFile, LakeError> {
        let parts = self
            .partition
            .iter()
            .map(|(column, value)| [column, "=", &encode(value), "/"].concat());
        let folder: String = parts.collect();
        let name = format!("{folder}part-{}.zstd.parquet", uuid::Uuid::new_v4());
        let path = self.lake.path(&format!("{}/{name}", self.spec.name))?;
        let upload = self
            .handle
            .block_on(self.lake.store.put_multipart(&path))
            .map_err(|e| LakeError::store("write", &path, e))?;
        let buffer = Buffer::default();
        let writer = ArrowWriter::try_new(buffer.clone(), schema, Some(properties(self.spec)))
            .map_err(|source| LakeError::Encode { table: self.spec.name, source })?;
        let stats = Stats::new(self.spec.stats);
        Ok(OpenFile { name, writer, buffer, upload, size: 0, stats })
    }

    /// Uploads what is encoded, when it is at least `least` bytes.
    fn drain(&mut self, least: usize) -> Result<(), LakeError> {
        let Some(open) = &mut self.open else { return Ok(()) };
        let Some(bytes) = open.buffer.take(least) else { return Ok(()) };
        open.size += bytes.len() as u64;
        self.handle
            .block_on(open.upload.put_part(PutPayload::from_bytes(bytes)))
            .map_err(|e| LakeError::Store { action: "write", path: open.name.clone(), source: e })
    }

    fn end(&mut self) -> Result<(), LakeError> {
        let table = self.spec.name;
        if let Some(open) = &mut self.open {
            open.writer.finish().map_err(|source| LakeError::Encode { table, source })?;
        }
        self.drain(1)?;
        if let Some(mut open) = self.open.take() {
            self.handle.block_on(open.upload.complete()).map_err(|e| LakeError::Store {
                action: "write",
                path: open.name.clone(),
                source: e,
            })?;
            self.done.push(self.add(&open));
        }
        Ok(())
    }

    fn add(&self, open: &OpenFile) -> Add {
        let partition_values: HashMap<String, Option<String>> =
            self.partition.iter().map(|(c, v)| (c.clone(), Some(v.clone()))).collect();
        Add {
            path: open.name.clone(),
            partition_values,
            size: i64::try_from(open.size).unwrap_or(i64::MAX),
            modification_time: chrono::Utc::now().timestamp_millis(),
            data_change: true,
            stats: Some(open.stats.json().to_string()),
            tags: None,
            deletion_vector: None,
            base_row_id: None,
            default_row_commit_version: None,
            clustering_provider: None,
        }
    }
}

impl Drop for FileWriter {
    fn drop(&mut self) {
        // A writer that was not finished leaves nothing behind when it can help it.
        if let Some(mut open) = self.open.take() {
            self.handle.block_on(open.upload.abort()).ok();
        }
    }
}

/// Percent-encodes a partition value for a path.
fn encode(value: &str) -> String {
    value
        .bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => {
                char::from(byte).to_string()
            }
            // Delta paths are URIs, so a percent sign in the object's name would be escaped
            // again; an underscore says as much, for the folder's name decides nothing.
            _ => "_".to_owned(),
        })
        .collect()
}

fn properties(spec: &TableSpec) -> WriterProperties {
    let level = ZstdLevel::try_new(1).unwrap_or_default();
    let mut builder = WriterProperties::builder()
        .set_compression(Compression::ZSTD(level))
        .set_max_row_group_row_count(Some(GROUP_ROWS))
        .set_data_page_row_count_limit(PAGE_ROWS)
        .set_write_batch_size(8192)
        .set_statistics_enabled(EnabledStatistics::None)
        // Line item ids hardly repeat.
        .set_column_dictionary_enabled(ColumnPath::from("x_LineItemId"), false);
    // Amounts differ from row to row: their dictionaries would hold most of the memory and be
    // thrown away. Prices repeat.
    for field in spec.file_schema().fields() {
        let name = field.name();
        if matches!(field.data_type(), DataType::Decimal128(..)) && !name.ends_with("UnitPrice") {
            builder = builder.set_column_dictionary_enabled(ColumnPath::from(name.as_str()), false);
        }
    }
    for column in spec.stats {
        builder = builder
            .set_column_statistics_enabled(ColumnPath::from(*column), EnabledStatistics::Chunk);
    }
    builder.build()
}

/// Encoded bytes that are not uploaded yet.
#[derive(Clone, Default)]
struct Buffer(Arc<Mutex<Vec<u8>>>);

impl Buffer {
    fn take(&self, least: usize) -> Option<Bytes> {
        let mut bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if bytes.len() < least {
            return None;
        }
        Some(Bytes::from(std::mem::take(&mut *bytes)))
    }
}

impl Write for Buffer {
    fn write(&mut self, data: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(data);
        Ok(data.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Minimum, maximum and null count of the columns that files are chosen by.
struct Stats {
    columns: &'static [&'static str],
    rows: usize,
    ranges: BTreeMap<&'static str, (String, String)>,
    nulls: BTreeMap<&'static str, usize>,
}

impl Stats {
    fn new(columns: &'static [&'static str]) -> Self {
        Self { columns, rows: 0, ranges: BTreeMap::new(), nulls: BTreeMap::new() }
    }

    fn add(&mut self, batch: &RecordBatch) {
        self.rows += batch.num_rows();
        for &name in self.columns {
            let Some(array) = batch.column_by_name(name) else { continue };
            *self.nulls.entry(name).or_default() += array.logical_null_count();
            let Some((min, max)) = range(array) else { continue };
            let entry = self.ranges.entry(name).or_insert_with(|| (min.clone(), max.clone()));
            if min < entry.0 {
                entry.0 = min;
            }
            if max > entry.1 {
                entry.1 = max;
            }
        }
    }

    fn json(&self) -> Value {
        let pick = |f: fn(&(String, String)) -> &String| -> Value {
            self.ranges.iter().map(|(name, range)| ((*name).to_owned(), json!(f(range)))).collect()
        };
        let nulls: Value =
            self.nulls.iter().map(|(name, count)| ((*name).to_owned(), json!(count))).collect();
        json!({
            "numRecords": self.rows,
            "minValues": pick(|range| &range.0),
            "maxValues": pick(|range| &range.1),
            "nullCount": nulls,
        })
    }
}

/// Smallest and largest value as text whose order is the values' order.
fn range(array: &ArrayRef) -> Option<(String, String)> {
    match array.data_type() {
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            let times = array.as_primitive::<TimestampMicrosecondType>();
            let text = |micros: i64| {
                let time = chrono::DateTime::from_timestamp_micros(micros)?;
                Some(time.format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string())
            };
            Some((text(arrow::compute::min(times)?)?, text(arrow::compute::max(times)?)?))
        }
        DataType::Date32 => {
            let dates = array.as_primitive::<Date32Type>();
            let text = |days: i32| Date32Type::to_naive_date_opt(days).map(|d| d.to_string());
            Some((text(arrow::compute::min(dates)?)?, text(arrow::compute::max(dates)?)?))
        }
        DataType::Utf8 => {
            let texts = array.as_string::<i32>();
            let min = arrow::compute::min_string(texts)?;
            Some((min.to_owned(), arrow::compute::max_string(texts)?.to_owned()))
        }
        DataType::Dictionary(..) => {
            let dictionary = array.as_dictionary::<Int32Type>();
            let used: BTreeSet<i32> = dictionary.keys().iter().flatten().collect();
            let values = dictionary.values().as_string::<i32>();
            let texts =
                used.iter().filter_map(|key| Some(values.value(usize::try_from(*key).ok()?)));
            let texts: BTreeSet<&str> = texts.collect();
            Some(((*texts.first()?).to_owned(), (*texts.last()?).to_owned()))
        }
        _ => None,
    }
}
