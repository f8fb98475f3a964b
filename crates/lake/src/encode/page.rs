//! Pages and column chunks.

use bytes::Bytes;
use parquet::basic::{Compression, Encoding};
use parquet::column::page::{CompressedPage, Page, PageWriter};
use parquet::column::writer::ColumnCloseResult;
use parquet::errors::ParquetError;
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::statistics::Statistics;
use parquet::file::writer::{SerializedPageWriter, TrackedWrite};
use parquet::schema::types::ColumnDescPtr;
use zstd::bulk::Compressor;

/// Level of zstd: higher ones cost more time than they save bytes.
const ZSTD_LEVEL: i32 = 1;

/// Makes pages; one for all columns of a file.
pub(super) struct Pages {
    compressor: Compressor<'static>,
    /// Scratch space: a page's bytes before compression.
    pub(super) body: Vec<u8>,
    /// Scratch space: codes or levels of a page.
    pub(super) codes: Vec<u32>,
}

/// The pages of a column chunk in the making.
#[derive(Clone, Default)]
pub(super) struct Chunk {
    bytes: Vec<u8>,
    /// Bytes of the pages before compression, headers included.
    plain_bytes: usize,
    values: usize,
    has_plain: bool,
}

/// A column chunk ready to be appended to a row group.
pub(super) struct Finished {
    pub(super) bytes: Bytes,
    pub(super) close: ColumnCloseResult,
}

impl Finished {
    fn new(bytes: Bytes, rows: u64, metadata: ColumnChunkMetaData) -> Self {
        let close = ColumnCloseResult {
            bytes_written: bytes.len() as u64,
            rows_written: rows,
            metadata,
            bloom_filter: None,
            column_index: None,
            offset_index: None,
        };
        Self { bytes, close }
    }

    /// The same pages as the chunk of another column.
    pub(super) fn of_column(&self, descriptor: &ColumnDescPtr) -> Result<Self, ParquetError> {
        let own = &self.close.metadata;
        let mut metadata = ColumnChunkMetaData::builder(descriptor.clone())
            .set_compression_codec(own.compression_codec())
            .set_encodings_mask(*own.encodings_mask())
            .set_num_values(own.num_values())
            .set_total_compressed_size(own.compressed_size())
            .set_total_uncompressed_size(own.uncompressed_size())
            .set_data_page_offset(own.data_page_offset())
            .set_dictionary_page_offset(own.dictionary_page_offset());
        if let Some(statistics) = own.statistics() {
            metadata = metadata.set_statistics(statistics.clone());
        }
        Ok(Self::new(self.bytes.clone(), self.close.rows_written, metadata.build()?))
    }
}

impl Pages {
    pub(super) fn new() -> Result<Self, ParquetError> {
        let compressor = Compressor::new(ZSTD_LEVEL).map_err(external)?;
        Ok(Self { compressor, body: Vec::new(), codes: Vec::new() })
    }

    /// Ends the data page in `body`: `values` rows or, in maps, entries.
    pub(super) fn end_data(
        &mut self,
        chunk: &mut Chunk,
        values: usize,
        is_plain: bool,
    ) -> Result<(), ParquetError> {
        let encoding = if is_plain { Encoding::PLAIN } else { Encoding::RLE_DICTIONARY };
        let page = Page::DataPage {
            buf: self.compressed()?,
            num_values: count(values)?,
            encoding,
            def_level_encoding: Encoding::RLE,
            rep_level_encoding: Encoding::RLE,
            statistics: None,
        };
        let size = append(CompressedPage::new(page, self.body.len()), &mut chunk.bytes)?;
        chunk.plain_bytes += size;
        chunk.values += values;
        chunk.has_plain |= is_plain;
        Ok(())
    }

    /// Ends a column chunk. `dictionary` is the dictionary page's body, and `entries` how many
    /// values it holds.
    pub(super) fn end_chunk(
        &mut self,
        chunk: &mut Chunk,
        descriptor: &ColumnDescPtr,
        rows: u64,
        (dictionary, entries): (&[u8], usize),
        statistics: Option<Statistics>,
    ) -> Result<Finished, ParquetError> {
        let chunk = std::mem::take(chunk);
        let mut bytes = Vec::new();
        let mut plain_bytes = chunk.plain_bytes;
        if entries > 0 {
            let buf = self.compressor.compress(dictionary).map_err(external)?.into();
            let num_values = count(entries)?;
            let encoding = Encoding::PLAIN;
            let page = Page::DictionaryPage { buf, num_values, encoding, is_sorted: false };
            plain_bytes += append(CompressedPage::new(page, dictionary.len()), &mut bytes)?;
        }
        let data_offset = bytes.len();
        bytes.reserve_exact(chunk.bytes.len());
        bytes.extend_from_slice(&chunk.bytes);
        drop(chunk.bytes);
        let mut encodings = vec![Encoding::RLE];
        if entries > 0 {
            encodings.push(Encoding::RLE_DICTIONARY);
        }
        if entries > 0 || chunk.has_plain {
            encodings.push(Encoding::PLAIN);
        }
        let mut metadata = ColumnChunkMetaData::builder(descriptor.clone())
            .set_compression(Compression::ZSTD(parquet::basic::ZstdLevel::default()))
            .set_encodings(encodings)
            .set_num_values(length(chunk.values))
            .set_total_compressed_size(length(bytes.len()))
            .set_total_uncompressed_size(length(plain_bytes))
            .set_data_page_offset(length(data_offset))
            .set_dictionary_page_offset((entries > 0).then_some(0));
        if let Some(statistics) = statistics {
            metadata = metadata.set_statistics(statistics);
        }
        Ok(Finished::new(bytes.into(), rows, metadata.build()?))
    }

    fn compressed(&mut self) -> Result<Bytes, ParquetError> {
        Ok(self.compressor.compress(&self.body).map_err(external)?.into())
    }
}

/// Appends a page with its header; returns its size before compression, with the header.
fn append(page: CompressedPage, bytes: &mut Vec<u8>) -> Result<usize, ParquetError> {
    let mut sink = TrackedWrite::new(&mut *bytes);
    let spec = SerializedPageWriter::new(&mut sink).write_page(page)?;
    sink.into_inner()?;
    Ok(spec.uncompressed_size)
}

/// Appends levels with their length before them, as pages of version 1 hold them.
pub(super) fn append_levels(body: &mut Vec<u8>, append: impl FnOnce(&mut Vec<u8>)) {
    let start = body.len();
    body.extend_from_slice(&[0; 4]);
    append(body);
    let size = u32::try_from(body.len() - start - 4).unwrap_or(u32::MAX);
    body[start..start + 4].copy_from_slice(&size.to_le_bytes());
}

fn external(error: std::io::Error) -> ParquetError {
    ParquetError::External(Box::new(error))
}

fn count(values: usize) -> Result<u32, ParquetError> {
    u32::try_from(values).map_err(|error| ParquetError::External(Box::new(error)))
}

fn length(bytes: usize) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}
