//! Rows of a Parquet file, column by column.

use arrow::array::{ArrayRef, RecordBatch};
use arrow::error::ArrowError;

use super::cells::Cells;

/// Rows with their numbers in the file. The columns are those of the header, in its order.
pub(crate) struct Batch<'a> {
    arrays: &'a [ArrayRef],
    columns: Vec<Cells<'a>>,
    rows: &'a [u64],
}

impl<'a> Batch<'a> {
    /// The rows of `batch`, which have the numbers `rows`.
    ///
    /// # Errors
    /// When a column's values cannot be written as text.
    pub(crate) fn new(batch: &'a RecordBatch, rows: &'a [u64]) -> Result<Self, ArrowError> {
        let columns = batch.columns().iter().map(Cells::new).collect::<Result<_, _>>()?;
        Ok(Self { arrays: batch.columns(), columns, rows })
    }

    /// The rows' numbers in the file.
    pub(super) fn rows(&self) -> &'a [u64] {
        self.rows
    }

    pub(super) fn array(&self, position: usize) -> &'a ArrayRef {
        &self.arrays[position]
    }

    pub(super) fn column(&self, position: usize) -> &Cells<'a> {
        &self.columns[position]
    }

    /// A row as a record of CSV, without a line end.
    pub(super) fn record(&self, row: usize) -> Vec<u8> {
        let (mut record, mut scratch) = (Vec::new(), Vec::new());
        for (position, column) in self.columns.iter().enumerate() {
            if position > 0 {
                record.push(b',');
            }
            column.push(&mut record, row, &mut scratch);
        }
        record
    }
}
