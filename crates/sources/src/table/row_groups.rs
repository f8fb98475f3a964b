//! Parquet files as batches of columns.
//!
//! Text comes by its number in the file's own dictionary, where every page of a column is encoded
//! so. That is decided per row group, as a dictionary belongs to one.

use std::collections::HashSet;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, Fields, Schema};
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader,
    ParquetRecordBatchReaderBuilder,
};
use parquet::basic::{ConvertedType, Encoding};
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::reader::ChunkReader;

use crate::text::inflate::Input;

const BATCH_ROWS: usize = 4096;

/// A file of which the footer is read.
pub(super) struct RowGroups {
    input: Input,
    metadata: ArrowReaderMetadata,
}

impl RowGroups {
    pub(super) fn open(input: Input) -> io::Result<Self> {
        let options = ArrowReaderOptions::new();
        let metadata = match &input {
            Input::Memory(bytes) => ArrowReaderMetadata::load(bytes, options),
            Input::File(file) => ArrowReaderMetadata::load(file, options),
        };
        Ok(Self { metadata: metadata.map_err(io::Error::other)?, input })
    }

    /// Names of the columns.
    pub(super) fn header(&self) -> Vec<String> {
        self.metadata.schema().fields().iter().map(|field| field.name().clone()).collect()
    }

    /// Number of rows by the footer.
    pub(super) fn rows(&self) -> u64 {
        let groups = self.metadata.metadata().row_groups().iter();
        groups.map(|group| u64::try_from(group.num_rows()).unwrap_or(0)).sum()
    }

    /// The rows, from a thread that reads them. Text of the columns at `plain` comes without
    /// numbers: it does not repeat.
    pub(super) fn batches(self, plain: HashSet<usize>) -> Receiver<io::Result<RecordBatch>> {
        let (sender, receiver) = sync_channel(2);
        std::thread::spawn(move || {
            for group in 0..self.metadata.metadata().num_row_groups() {
                let reader = match self.reader(group, &plain) {
                    Ok(reader) => reader,
                    Err(error) => {
                        sender.send(Err(error)).ok();
                        return;
                    }
                };
                for batch in reader {
                    let batch = batch.map_err(io::Error::other);
                    let failed = batch.is_err();
                    // A closed channel means that nobody wants the rest.
                    if sender.send(batch).is_err() || failed {
                        return;
                    }
                }
            }
        });
        receiver
    }

    fn reader(&self, group: usize, plain: &HashSet<usize>) -> io::Result<ParquetRecordBatchReader> {
        let metadata = self.numbered(group, plain);
        match &self.input {
            Input::Memory(bytes) => build(bytes.clone(), metadata, group),
            Input::File(file) => build(file.try_clone()?, metadata, group),
        }
    }

    /// The file's metadata with the types that a row group is to be read as; the file's own types
    /// where it does not fit them.
    fn numbered(&self, group: usize, plain: &HashSet<usize>) -> ArrowReaderMetadata {
        let (file, parquet) = (self.metadata.metadata(), self.metadata.parquet_schema());
        let fields = self.metadata.schema().fields();
        let mut leaves = vec![Vec::new(); fields.len()];
        let chunks = file.row_group(group).columns().iter().take(parquet.num_columns());
        for (leaf, chunk) in chunks.enumerate() {
            let field = parquet.get_column_root_idx(leaf);
            if let Some(leaves) = leaves.get_mut(field) {
                leaves.push(is_numbered(chunk) && !plain.contains(&field));
            }
        }
        let fields: Fields =
            fields.iter().zip(&leaves).map(|(field, leaves)| retyped(field, leaves)).collect();
        let options = ArrowReaderOptions::new().with_schema(Arc::new(Schema::new(fields)));
        ArrowReaderMetadata::try_new(Arc::clone(file), options)
            .unwrap_or_else(|_| self.metadata.clone())
    }
}

fn build<T: ChunkReader + 'static>(
    input: T,
    metadata: ArrowReaderMetadata,
    group: usize,
) -> io::Result<ParquetRecordBatchReader> {
    ParquetRecordBatchReaderBuilder::new_with_metadata(input, metadata)
        .with_row_groups(vec![group])
        .with_batch_size(BATCH_ROWS)
        .build()
        .map_err(io::Error::other)
}

/// Is a column chunk text, all of it encoded by numbers? Some writers do not say how pages are
/// encoded; then it is taken for that when there is a dictionary at all.
fn is_numbered(chunk: &ColumnChunkMetaData) -> bool {
    chunk.column_descr().converted_type() == ConvertedType::UTF8
        && chunk.dictionary_page_offset().is_some()
        && chunk.page_encoding_stats_mask().is_none_or(|mask| {
            mask.is_only(Encoding::PLAIN_DICTIONARY) || mask.is_only(Encoding::RLE_DICTIONARY)
        })
}

/// The field with numbered text where its `leaves` are numbered.
fn retyped(field: &Field, leaves: &[bool]) -> Field {
    let data_type = match (field.data_type(), leaves) {
        (DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View, [true]) => {
            DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8))
        }
        (DataType::Map(entries, is_sorted), [_, _]) => match entries.data_type() {
            DataType::Struct(parts) if parts.len() == 2 => {
                let parts = parts.iter().zip(leaves);
                let parts = parts.map(|(part, leaf)| retyped(part, std::slice::from_ref(leaf)));
                let parts = DataType::Struct(parts.collect());
                let entries = entries.as_ref().clone().with_data_type(parts);
                DataType::Map(Arc::new(entries), *is_sorted)
            }
            _ => field.data_type().clone(),
        },
        (other, _) => other.clone(),
    };
    field.clone().with_data_type(data_type)
}
