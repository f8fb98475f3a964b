//! Amounts of a Parquet file that become exact without a text in between.

use arrow::array::{Array, ArrayRef, AsArray, Decimal128Array};
use arrow::buffer::{NullBuffer, ScalarBuffer};
use arrow::datatypes::{DataType, Decimal128Type};
use billhook_money::{MAX, SCALE};

use super::cells;
use crate::double;

/// A column of amounts.
pub(super) enum Amounts<'a> {
    /// Doubles, bit by bit.
    Doubles(ScalarBuffer<i64>, Option<&'a NullBuffer>),
    /// Decimals with their scale, and what makes units of them.
    Decimals(&'a Decimal128Array, usize, i128),
    /// Anything else.
    Others,
}

impl<'a> Amounts<'a> {
    pub(super) fn of(array: &'a ArrayRef) -> Self {
        match array.data_type() {
            DataType::Float64 => Self::Doubles(cells::bits(array), array.nulls()),
            DataType::Decimal128(_, scale) => {
                let scale = u8::try_from(*scale).ok();
                let Some(scale) = scale.filter(|scale| *scale <= SCALE) else {
                    return Self::Others;
                };
                let factor = 10_i128.pow(u32::from(SCALE - scale));
                let decimals = array.as_primitive::<Decimal128Type>();
                Self::Decimals(decimals, usize::from(scale), factor)
            }
            _ => Self::Others,
        }
    }

    /// The units of a row's amount, and how many bytes its text would have. `None` where there is
    /// no amount, or only its text tells what is to be said of it.
    #[inline]
    pub(super) fn get(&self, row: usize) -> Option<(i128, usize)> {
        match self {
            Self::Doubles(bits, nulls) => {
                if nulls.is_some_and(|nulls| nulls.is_null(row)) {
                    return None;
                }
                double::exact(bits[row].cast_unsigned())
            }
            Self::Decimals(array, scale, factor) => {
                if array.is_null(row) {
                    return None;
                }
                let value = array.value(row);
                let units = value.checked_mul(*factor)?;
                if !(-MAX..=MAX).contains(&units) {
                    return None;
                }
                let digits = value.unsigned_abs().checked_ilog10().map_or(1, |log| log + 1);
                // A zero stands before the point when there is no other digit.
                let digits = usize::try_from(digits).ok()?.max(scale + 1);
                let point = usize::from(*scale > 0);
                Some((units, digits + point + usize::from(value < 0)))
            }
            Self::Others => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::decode::cells::Cells;

    fn same_as_text(array: &ArrayRef) -> usize {
        let (amounts, column) = (Amounts::of(array), Cells::new(array).unwrap());
        let mut direct = 0;
        for row in 0..array.len() {
            let Some((units, bytes)) = amounts.get(row) else { continue };
            let mut text = Vec::new();
            column.push(&mut text, row, &mut Vec::new());
            let parsed = billhook_money::parse(&text).unwrap();
            let shown = String::from_utf8(text.clone()).unwrap();
            assert_eq!(
                (units, false, bytes),
                (parsed.units, parsed.rounded, text.len()),
                "{shown}"
            );
            direct += 1;
        }
        direct
    }

    #[test]
    fn decimals_are_what_their_text_says() {
        let values = [Some(0), Some(5), Some(-5), Some(12_345), None, Some(-1_000_000), Some(MAX)];
        for (scale, direct) in [(0, 5), (2, 5), (5, 5), (18, 6), (19, 0), (-2, 0)] {
            let array = Decimal128Array::from(values.to_vec());
            let array = array.with_precision_and_scale(38, scale).unwrap();
            let array: ArrayRef = Arc::new(array);
            assert_eq!(same_as_text(&array), direct, "{scale}");
        }
    }
}
