//! A chunk: some tens of thousands of rows, ready to be mapped.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, BooleanArray, Decimal128Array, Int64Array, StringArray};
use arrow::buffer::{NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::compute::filter;
use billhook_money::{PRECISION, SCALE};

/// Rows in the source's own terms.
#[derive(Debug, Default)]
pub struct Chunk {
    /// Per group, the tuple id of each row.
    pub ids: Vec<Vec<u32>>,
    /// Record number in the file of each row.
    pub rows: Vec<i64>,
    /// Row-wise decimals by header.
    pub money: Vec<(&'static str, ArrayRef)>,
    /// Row-wise texts by index of the known column.
    pub texts: Vec<(usize, ArrayRef)>,
}

impl Chunk {
    /// Number of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// True without rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The record numbers as an array.
    #[must_use]
    pub fn row_numbers(&self) -> ArrayRef {
        Arc::new(Int64Array::from(self.rows.clone()))
    }

    pub(super) fn push_money(&mut self, header: &'static str, values: Vec<i128>, valid: Vec<bool>) {
        let nulls = if valid.iter().all(|&v| v) { None } else { Some(NullBuffer::from(valid)) };
        let array = Decimal128Array::new(ScalarBuffer::from(values), nulls);
        let array = array
            .with_data_type(arrow::datatypes::DataType::Decimal128(PRECISION, SCALE.cast_signed()));
        self.money.push((header, Arc::new(array)));
    }

    pub(super) fn push_text(&mut self, known: usize, text: String, ends: Vec<i32>) {
        // An empty field means that there is no value.
        let valid: Vec<bool> = ends.windows(2).map(|pair| pair[0] != pair[1]).collect();
        let offsets = OffsetBuffer::new(ScalarBuffer::from(ends));
        let array = StringArray::new(offsets, text.into_bytes().into(), Some(valid.into()));
        self.texts.push((known, Arc::new(array)));
    }

    /// Keeps the rows marked true.
    pub(super) fn filter(&mut self, keep: &[bool]) {
        let mask = BooleanArray::from(keep.to_vec());
        let kept = |array: &dyn Array| filter(array, &mask).unwrap_or_else(|_| array.slice(0, 0));
        for (_, array) in &mut self.money {
            *array = kept(array);
        }
        for (_, array) in &mut self.texts {
            *array = kept(array);
        }
        let mut index = 0;
        self.rows.retain(|_| {
            index += 1;
            keep[index - 1]
        });
        for ids in &mut self.ids {
            let mut index = 0;
            ids.retain(|_| {
                index += 1;
                keep[index - 1]
            });
        }
    }

    /// The rows at `indices`, in that order.
    #[must_use]
    pub fn take(&self, indices: &[u32]) -> Self {
        let at = arrow::array::UInt32Array::from(indices.to_vec());
        let pick = |array: &ArrayRef| {
            arrow::compute::take(array, &at, None).unwrap_or_else(|_| array.slice(0, 0))
        };
        Self {
            ids: self
                .ids
                .iter()
                .map(|ids| indices.iter().map(|&i| ids[i as usize]).collect())
                .collect(),
            rows: indices.iter().map(|&i| self.rows[i as usize]).collect(),
            money: self.money.iter().map(|(header, array)| (*header, pick(array))).collect(),
            texts: self.texts.iter().map(|(known, array)| (*known, pick(array))).collect(),
        }
    }
}
