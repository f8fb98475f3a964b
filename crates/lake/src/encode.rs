//! Parquet files from batches: what `parquet`'s own Arrow writer does, for a table whose text is
//! already numbered.
//!
//! The batches of an import carry text as dictionary keys that stay the same for many batches. The
//! Arrow writer looks every value up again, row by row, and holds an encoder and a compressor for
//! each of some hundred columns. Here a key is looked up once per row group, a batch becomes one
//! compressed page per column at once, and one compressor serves all. Page headers, footer and
//! offsets are written by `parquet`.
//!
//! A column chunk is a dictionary page and data pages of codes. Once its values turn out to hardly
//! repeat, further pages hold the values themselves (`PLAIN`). All pages are version 1, which every
//! reader knows.

mod codes;
mod hybrid;
mod leaf;
mod map;
mod page;

use std::collections::HashMap;
use std::io::Write;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch};
use arrow::datatypes::{DataType, Schema};
use billhook_focus::columns::map_type;
use parquet::arrow::ArrowSchemaConverter;
use parquet::errors::ParquetError;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::SerializedFileWriter;

use leaf::Flat;
use map::Map;
use page::{Finished, Pages};

/// Rows of a row group.
const GROUP_ROWS: usize = 65_536;

/// Rows of a data page, at most.
const PAGE_ROWS: usize = 16_384;

/// A row group ends before its time when its dictionaries take so much, bytes.
const DICTIONARIES_BYTES: usize = 32 << 20;

/// Smallest and largest value of a column in a file as text, and how many are null.
#[derive(Debug, Clone, Default)]
pub(crate) struct Range {
    /// Text whose order is the values' order; `None` when all are null.
    pub(crate) bounds: Option<(String, String)>,
    /// Rows without a value.
    pub(crate) nulls: usize,
}

/// Hears that more bytes are in the sink, and may take them out.
pub(crate) type Appended<'a> = &'a mut dyn FnMut() -> Result<(), ParquetError>;

/// A top-level column.
enum Column {
    Flat(Box<Flat>),
    Map(Box<Map>),
}

/// Writes one Parquet file.
pub(crate) struct FileEncoder<W: Write + Send> {
    schema: Arc<Schema>,
    columns: Vec<Column>,
    pages: Pages,
    /// Per column an earlier one that had the very same arrays in all pages of the row group.
    twins: Vec<Option<usize>>,
    /// Rows of the row group under way.
    rows: usize,
    writer: SerializedFileWriter<W>,
    ranges: Vec<Range>,
}

impl<W: Write + Send> FileEncoder<W> {
    /// A file of the columns of `schema` in `sink`. Columns in `with_range` get chunk statistics
    /// and a [`Range`].
    ///
    /// # Errors
    /// When a column has a type that no table has.
    pub(crate) fn new(
        sink: W,
        schema: &Arc<Schema>,
        with_range: &[&str],
    ) -> Result<Self, ParquetError> {
        let descriptor = ArrowSchemaConverter::new().convert(schema)?;
        let properties = WriterProperties::builder()
            .set_statistics_enabled(EnabledStatistics::None)
            .set_offset_index_disabled(true)
            .build();
        let writer =
            SerializedFileWriter::new(sink, descriptor.root_schema_ptr(), Arc::new(properties))?;
        let mut next = 0;
        let mut columns = Vec::new();
        for field in schema.fields() {
            let leaf = descriptor.column(next);
            if let DataType::Map(..) = field.data_type() {
                columns.push(Column::Map(Box::new(Map::new(leaf, descriptor.column(next + 1)))));
                next += 2;
            } else {
                let has_range = with_range.contains(&field.name().as_str());
                columns.push(Column::Flat(Box::new(Flat::new(field, leaf, has_range)?)));
                next += 1;
            }
        }
        let ranges = vec![Range::default(); columns.len()];
        let schema = Arc::clone(schema);
        let twins = vec![None; columns.len()];
        Ok(Self { schema, columns, pages: Pages::new()?, twins, rows: 0, writer, ranges })
    }

    /// Writes rows. Columns are found by name; text and maps may be dictionaries
    /// (`Dictionary(Int32, Utf8View)`, `Dictionary(Int32, Map)`).
    ///
    /// # Errors
    /// When the batch lacks a column, or the sink fails.
    pub(crate) fn write(
        &mut self,
        batch: &RecordBatch,
        appended: Appended<'_>,
    ) -> Result<(), ParquetError> {
        let mut start = 0;
        while start < batch.num_rows() {
            let rows = (batch.num_rows() - start).min(PAGE_ROWS).min(GROUP_ROWS - self.rows);
            if rows == batch.num_rows() {
                self.write_page(batch)?;
            } else {
                self.write_page(&batch.slice(start, rows))?;
            }
            start += rows;
            if self.rows == GROUP_ROWS || self.dictionary_bytes() > DICTIONARIES_BYTES {
                self.end_group(appended)?;
            }
        }
        Ok(())
    }

    fn write_page(&mut self, batch: &RecordBatch) -> Result<(), ParquetError> {
        let fields = self.schema.fields().iter();
        let arrays = fields.map(|field| {
            let array = batch.column_by_name(field.name()).ok_or_else(|| {
                ParquetError::General(format!("the batch has no column {}", field.name()))
            })?;
            expected(array, field.data_type())
        });
        let arrays: Vec<ArrayRef> = arrays.collect::<Result<_, _>>()?;
        self.find_twins(&arrays);
        for ((column, array), twin) in self.columns.iter_mut().zip(&arrays).zip(&self.twins) {
            match column {
                Column::Flat(flat) if twin.is_none() => flat.page(array, &mut self.pages)?,
                Column::Flat(_) => {}
                Column::Map(map) => map.page(array, &mut self.pages)?,
            }
        }
        self.rows += batch.num_rows();
        Ok(())
    }

    /// Sees which columns have the same arrays. One whose array is no longer its twin's goes on
    /// by itself.
    fn find_twins(&mut self, arrays: &[ArrayRef]) {
        for index in 0..arrays.len() {
            let (before, rest) = self.columns.split_at_mut(index);
            let Some(Column::Flat(flat)) = rest.first_mut() else { continue };
            let is_twin = |other: usize| Arc::ptr_eq(&arrays[index], &arrays[other]);
            if self.rows == 0 {
                let is_match = |(other, column): (usize, &Column)| match column {
                    Column::Flat(column) => is_twin(other) && column.is_like(flat),
                    Column::Map(_) => false,
                };
                self.twins[index] = before.iter().enumerate().position(is_match);
            } else if let Some(twin) = self.twins[index]
                && !is_twin(twin)
            {
                if let Column::Flat(other) = &before[twin] {
                    flat.continue_from(other);
                }
                self.twins[index] = None;
            }
        }
    }

    fn dictionary_bytes(&self) -> usize {
        let of = |column: &Column| match column {
            Column::Map(map) => map.dictionary_bytes(),
            Column::Flat(flat) => flat.dictionary_bytes(),
        };
        self.columns.iter().map(of).sum()
    }

    fn end_group(&mut self, appended: Appended<'_>) -> Result<(), ParquetError> {
        if self.rows == 0 {
            return Ok(());
        }
        let rows = self.rows as u64;
        let mut group = self.writer.next_row_group()?;
        let mut shared: HashMap<usize, (Finished, Range)> = HashMap::new();
        for (index, column) in self.columns.iter_mut().enumerate() {
            match column {
                Column::Flat(flat) => {
                    let twin = self.twins[index].and_then(|twin| shared.get(&twin));
                    let (chunk, range) = match twin {
                        Some((chunk, range)) => (chunk.of_column(&flat.descriptor)?, range.clone()),
                        None => flat.end_chunk(rows, &mut self.pages)?,
                    };
                    if self.twins.contains(&Some(index)) {
                        let copy = chunk.of_column(&flat.descriptor)?;
                        shared.insert(index, (copy, range.clone()));
                    }
                    group.append_column(&chunk.bytes, chunk.close)?;
                    appended()?;
                    self.ranges[index].merge(range);
                }
                Column::Map(map) => {
                    for chunk in map.end_chunks(rows, &mut self.pages)? {
                        group.append_column(&chunk.bytes, chunk.close)?;
                        appended()?;
                    }
                }
            }
        }
        group.close()?;
        self.rows = 0;
        Ok(())
    }

    /// Ends the file: the columns with their ranges.
    ///
    /// # Errors
    /// When the sink fails.
    pub(crate) fn finish(
        &mut self,
        appended: Appended<'_>,
    ) -> Result<Vec<(String, Range)>, ParquetError> {
        self.end_group(appended)?;
        self.writer.finish()?;
        let names = self.schema.fields().iter().map(|field| field.name().clone());
        Ok(names.zip(std::mem::take(&mut self.ranges)).collect())
    }
}

/// The array in the column's own type, or as a dictionary of maps or text views.
fn expected(array: &ArrayRef, wanted: &DataType) -> Result<ArrayRef, ParquetError> {
    let is_fit = match array.data_type() {
        DataType::Dictionary(key, value) => {
            let is_text = **value == DataType::Utf8View && *wanted == DataType::Utf8;
            **key == DataType::Int32 && (is_text || **value == *wanted && *wanted == map_type())
        }
        other => other == wanted,
    };
    if is_fit {
        return Ok(Arc::clone(array));
    }
    arrow::compute::cast(array, wanted).map_err(|error| ParquetError::ArrowError(error.to_string()))
}

impl Range {
    fn merge(&mut self, other: Self) {
        self.nulls += other.nulls;
        self.bounds = match (self.bounds.take(), other.bounds) {
            (Some((min, max)), Some((low, high))) => Some((min.min(low), max.max(high))),
            (one, other) => one.or(other),
        };
    }
}

#[cfg(test)]
mod tests;
