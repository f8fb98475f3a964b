//! Reads Parquet files column by column.
//!
//! Their values become tuples and amounts without a text in between ([`Decoder::push_batch`]); all
//! that follows is the same as for text.
//!
//! [`Decoder::push_batch`]: crate::decode::Decoder::push_batch

use std::collections::HashSet;
use std::io;

use arrow::array::{Array, ArrayRef, BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;
use arrow::error::ArrowError;

use super::part::Pick;
use super::row_groups::RowGroups;
use super::{CHUNK_ROWS, FileReader, ReadError, Sink};
use crate::decode::batch::Batch;
use crate::decode::cells::Cells;
use crate::format::Place;
use crate::text::inflate::Input;
use crate::text::push_field;

impl FileReader<'_> {
    /// Reads a Parquet file to its end.
    pub(super) fn read_columns(
        &mut self,
        input: Input,
        advanced: &dyn Fn(u64),
        sink: Sink<'_>,
    ) -> Result<(), ReadError> {
        let groups = RowGroups::open(input).map_err(|source| self.damaged(source))?;
        self.columns_header(groups.header(), advanced)?;
        let rows = groups.rows();
        for batch in groups.batches(self.unnumbered()) {
            let batch = batch.map_err(|source| self.damaged(source))?;
            self.take_batch(batch, advanced, sink)?;
        }
        // A reader that dies says nothing.
        if self.row - 1 != rows {
            let reason = format!("{} rows, where its footer says {rows}", self.row - 1);
            return Err(self.damaged(io::Error::new(io::ErrorKind::UnexpectedEof, reason)));
        }
        if let Some(bound) = &mut self.reader.bound {
            bound.decoder.forget_keys();
        }
        Ok(())
    }

    fn damaged(&self, source: io::Error) -> ReadError {
        ReadError::Damaged { file: self.file.to_owned(), source }
    }

    fn columns_header(
        &mut self,
        mut header: Vec<String>,
        advanced: &dyn Fn(u64),
    ) -> Result<(), ReadError> {
        if header.iter().any(|name| name.contains('\0')) {
            return Err(self.shape("not a billing file: its first line is not text"));
        }
        let mut text = Vec::new();
        for name in &header {
            push_field(&mut text, name.as_bytes());
            text.push(b',');
        }
        if let Some(first) = header.first_mut() {
            *first = first.trim_start_matches('\u{feff}').to_owned();
        }
        self.row = 1;
        self.has_header = true;
        self.count(text.len(), advanced);
        self.reader.bind(header, self.file)
    }

    /// Counts what would be so many bytes of text.
    fn count(&mut self, text_bytes: usize, advanced: &dyn Fn(u64)) {
        self.reader.summary.text_bytes += text_bytes as u64;
        advanced(text_bytes as u64);
    }

    /// Columns that are held row by row: their text does not repeat.
    fn unnumbered(&self) -> HashSet<usize> {
        let Some(bound) = &self.reader.bound else { return HashSet::new() };
        let binding = bound.decoder.binding();
        let known = binding.known.iter().zip(binding.format.known);
        let rows = known.filter(|(_, known)| known.place == Place::Row);
        rows.filter_map(|(position, _)| *position).collect()
    }

    fn take_batch(
        &mut self,
        batch: RecordBatch,
        advanced: &dyn Fn(u64),
        sink: Sink<'_>,
    ) -> Result<(), ReadError> {
        // The header is record 1 of a text; rows are counted without it.
        let next = self.row + batch.num_rows() as u64;
        let rows = (self.row..next).collect();
        self.row = next;
        let file = self.file;
        let failed = |error: ArrowError| ReadError::Damaged {
            file: file.to_owned(),
            source: io::Error::other(error),
        };
        let (batch, rows) = picked(self.reader.pick.as_mut(), batch, rows).map_err(failed)?;
        let columns = Batch::new(&batch, &rows).map_err(failed)?;
        let Some(bound) = &mut self.reader.bound else { return Ok(()) };
        let text_bytes = bound.decoder.push_batch(&columns);
        let is_full = bound.decoder.pending() >= CHUNK_ROWS;
        self.count(text_bytes, advanced);
        if is_full { self.end_chunk(sink) } else { Ok(()) }
    }
}

/// The rows that `pick` takes, with their numbers.
fn picked(
    pick: Option<&mut Pick>,
    batch: RecordBatch,
    rows: Vec<u64>,
) -> Result<(RecordBatch, Vec<u64>), ArrowError> {
    let Some(pick) = pick else { return Ok((batch, rows)) };
    let takes = takes(pick, batch.column(pick.position()))?;
    if takes.iter().all(|takes| *takes) {
        return Ok((batch, rows));
    }
    let rows = rows.into_iter().zip(&takes).filter(|(_, takes)| **takes).map(|(row, _)| row);
    let rows = rows.collect();
    Ok((filter_record_batch(&batch, &BooleanArray::from(takes))?, rows))
}

/// For each value of the column that says the period, whether its row is taken.
fn takes(pick: &mut Pick, array: &ArrayRef) -> Result<Vec<bool>, ArrowError> {
    let column = Cells::new(array)?;
    let (mut raw, mut scratch) = (Vec::new(), Vec::new());
    let takes = (0..array.len()).map(|row| {
        raw.clear();
        column.push(&mut raw, row, &mut scratch);
        pick.takes_field(&raw)
    });
    Ok(takes.collect())
}

#[cfg(test)]
mod tests;
