//! Data files: batches in, Parquet objects out, with their Delta `Add` actions.
//!
//! Files are written under names nobody has seen before; until a commit names them they are not
//! part of the table.

use std::collections::HashMap;
use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};

use arrow::array::RecordBatch;
use bytes::Bytes;
use datafusion::execution::SendableRecordBatchStream;
use deltalake_core::kernel::Add;
use futures::StreamExt;
use object_store::{MultipartUpload, ObjectStoreExt, PutPayload};
use parquet::errors::ParquetError;
use serde_json::{Value, json};
use tokio::runtime::Handle;

use crate::encode::{FileEncoder, Range};
use crate::spec::TableSpec;
use crate::{Lake, LakeError};

/// Size at which a file is ended and the next one begun, bytes.
const FILE_BYTES: u64 = 256 << 20;

/// Size of an uploaded part, bytes. S3 wants at least 5 MiB and at most 10,000 parts.
const PART_BYTES: usize = 8 << 20;

/// Size of a piece of a part in memory, bytes.
const SEGMENT_BYTES: usize = 1 << 20;

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
    encoder: FileEncoder<Buffer>,
    sink: Sink,
    rows: usize,
}

/// Where the encoded bytes go.
struct Sink {
    name: String,
    buffer: Buffer,
    upload: Box<dyn MultipartUpload>,
    handle: Handle,
    size: u64,
}

impl Sink {
    /// Uploads what is encoded, when it is at least `least` bytes.
    fn drain(&mut self, least: usize) -> Result<(), object_store::Error> {
        let Some((payload, size)) = self.buffer.take(least) else { return Ok(()) };
        self.size += size as u64;
        self.handle.block_on(self.upload.put_part(payload))
    }

    /// Uploads what makes a part, as the encoder wants to hear of it.
    fn drain_parts(&mut self) -> Result<(), ParquetError> {
        self.drain(PART_BYTES).map_err(|error| ParquetError::External(Box::new(error)))
    }
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

    /// Writes a batch of the table's file columns. Text may be
    /// `Dictionary(Int32, Utf8View)`, maps `Dictionary(Int32, Map)`.
    ///
    /// # Errors
    /// When it cannot be encoded or stored.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<(), LakeError> {
        let mut open = match self.open.take() {
            Some(open) => open,
            None => self.begin()?,
        };
        open.rows += batch.num_rows();
        let OpenFile { encoder, sink, .. } = &mut open;
        let encoded = encoder.write(batch, &mut || sink.drain_parts());
        let is_large = open.sink.size > FILE_BYTES;
        let written = encoded.map_err(|source| self.failed(&open, source));
        self.open = Some(open);
        written?;
        if is_large { self.end() } else { Ok(()) }
    }

    /// Ends the last file. An empty table partition gets a file without rows when `even_if_empty`.
    ///
    /// # Errors
    /// When it cannot be stored.
    pub fn finish(mut self, even_if_empty: bool) -> Result<Vec<Add>, LakeError> {
        if even_if_empty && self.open.is_none() && self.done.is_empty() {
            self.open = Some(self.begin()?);
        }
        self.end()?;
        Ok(std::mem::take(&mut self.done))
    }

    fn begin(&self) -> Result<OpenFile, LakeError> {
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
        let encoder = FileEncoder::new(buffer.clone(), &self.spec.file_schema(), self.spec.stats)
            .map_err(|source| LakeError::Encode { table: self.spec.name, source })?;
        let handle = self.handle.clone();
        let sink = Sink { name, buffer, upload, handle, size: 0 };
        Ok(OpenFile { encoder, sink, rows: 0 })
    }

    fn end(&mut self) -> Result<(), LakeError> {
        let Some(mut open) = self.open.take() else { return Ok(()) };
        let OpenFile { encoder, sink, .. } = &mut open;
        let ranges = encoder.finish(&mut || sink.drain_parts());
        let ended = ranges.map_err(|source| self.failed(&open, source)).and_then(|ranges| {
            let stored = open.sink.drain(1);
            stored
                .and_then(|()| self.handle.block_on(open.sink.upload.complete()))
                .map_err(|e| failed(&open.sink.name, e))?;
            Ok(self.add(&open, &ranges))
        });
        match ended {
            Ok(add) => self.done.push(add),
            Err(error) => {
                self.handle.block_on(open.sink.upload.abort()).ok();
                return Err(error);
            }
        }
        Ok(())
    }

    /// What went wrong: storing, or else encoding.
    fn failed(&self, open: &OpenFile, source: ParquetError) -> LakeError {
        match source {
            ParquetError::External(error) => match error.downcast::<object_store::Error>() {
                Ok(error) => failed(&open.sink.name, *error),
                Err(error) => {
                    let source = ParquetError::External(error);
                    LakeError::Encode { table: self.spec.name, source }
                }
            },
            source => LakeError::Encode { table: self.spec.name, source },
        }
    }

    fn add(&self, open: &OpenFile, ranges: &[(String, Range)]) -> Add {
        let partition_values: HashMap<String, Option<String>> =
            self.partition.iter().map(|(c, v)| (c.clone(), Some(v.clone()))).collect();
        Add {
            path: open.sink.name.clone(),
            partition_values,
            size: i64::try_from(open.sink.size).unwrap_or(i64::MAX),
            modification_time: chrono::Utc::now().timestamp_millis(),
            data_change: true,
            stats: Some(stats(self.spec.stats, open.rows, ranges).to_string()),
            tags: None,
            deletion_vector: None,
            base_row_id: None,
            default_row_commit_version: None,
            clustering_provider: None,
        }
    }
}

/// Writes what a query gives, each batch as `shape` makes it, on a thread where that may block.
///
/// # Errors
/// When the query fails, or what it gives cannot be encoded or stored.
pub(crate) async fn write_stream(
    mut writer: FileWriter,
    mut batches: SendableRecordBatchStream,
    shape: impl Fn(RecordBatch) -> Result<RecordBatch, LakeError>,
    even_if_empty: bool,
) -> Result<Vec<Add>, LakeError> {
    let (sender, mut receiver) = tokio::sync::mpsc::channel::<RecordBatch>(2);
    let writing = tokio::task::spawn_blocking(move || {
        while let Some(batch) = receiver.blocking_recv() {
            writer.write(&batch)?;
        }
        writer.finish(even_if_empty)
    });
    while let Some(batch) = batches.next().await {
        if sender.send(shape(batch?)?).await.is_err() {
            break;
        }
    }
    drop(sender);
    match writing.await {
        Ok(adds) => adds,
        Err(panic) => std::panic::resume_unwind(panic.into_panic()),
    }
}

fn failed(name: &str, source: object_store::Error) -> LakeError {
    LakeError::Store { action: "write", path: name.to_owned(), source }
}

impl Drop for FileWriter {
    fn drop(&mut self) {
        // A writer that was not finished leaves nothing behind when it can help it.
        if let Some(mut open) = self.open.take() {
            self.handle.block_on(open.sink.upload.abort()).ok();
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

/// Encoded bytes that are not uploaded yet, in segments, so that a growing buffer is not copied.
#[derive(Clone, Default)]
struct Buffer(Arc<Mutex<Vec<Vec<u8>>>>);

impl Buffer {
    /// What is encoded and its size, when it is at least `least` bytes.
    fn take(&self, least: usize) -> Option<(PutPayload, usize)> {
        let mut segments = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let size = segments.iter().map(Vec::len).sum();
        if size < least {
            return None;
        }
        Some((segments.drain(..).map(Bytes::from).collect(), size))
    }
}

impl Write for Buffer {
    fn write(&mut self, data: &[u8]) -> std::io::Result<usize> {
        let mut segments = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match segments.last_mut() {
            Some(last) if last.len() + data.len() <= SEGMENT_BYTES => last.extend_from_slice(data),
            _ => {
                let mut segment = Vec::with_capacity(data.len().max(SEGMENT_BYTES));
                segment.extend_from_slice(data);
                segments.push(segment);
            }
        }
        Ok(data.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// The statistics of an `Add`: minimum, maximum and null count of the columns that files are
/// chosen by.
fn stats(columns: &[&str], rows: usize, ranges: &[(String, Range)]) -> Value {
    let mut minimum = serde_json::Map::new();
    let mut maximum = serde_json::Map::new();
    let mut nulls = serde_json::Map::new();
    for (name, range) in ranges.iter().filter(|(name, _)| columns.contains(&name.as_str())) {
        nulls.insert(name.clone(), json!(range.nulls));
        if let Some((min, max)) = &range.bounds {
            minimum.insert(name.clone(), json!(min));
            maximum.insert(name.clone(), json!(max));
        }
    }
    json!({
        "numRecords": rows,
        "minValues": minimum,
        "maxValues": maximum,
        "nullCount": nulls,
    })
}
