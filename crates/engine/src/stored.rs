//! What is handed to the writer, tallied for the gate (INV-SUM).

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Decimal128Type, Int32Type};
use billhook_focus::gate::Tally;
use billhook_money::Sum;

/// Adds a batch's carried columns to the tally, per currency.
pub(crate) fn add(
    tally: &mut Tally,
    batch: &RecordBatch,
    carried: &[(&'static str, &'static str)],
    is_source_row: bool,
) {
    if is_source_row {
        tally.rows += batch.num_rows() as u64;
    }
    let Some(currency) = batch.column_by_name("BillingCurrency") else { return };
    let (codes, names) = coded(currency);
    for (source, column) in carried {
        let Some(array) = batch.column_by_name(column) else { continue };
        if array.null_count() == array.len() {
            continue;
        }
        let array = array.as_primitive::<Decimal128Type>();
        let mut sums = vec![(false, Sum::default()); names.len()];
        for (row, &code) in codes.iter().enumerate() {
            if array.is_valid(row) {
                let (used, sum) = &mut sums[code];
                *used = true;
                sum.add(array.value(row));
            }
        }
        for (name, (used, sum)) in names.iter().zip(sums) {
            if used {
                tally.add(name, source, sum);
            }
        }
    }
}

/// Each row's text by number, and the texts.
fn coded(array: &ArrayRef) -> (Vec<usize>, Vec<String>) {
    let owned = |text: Option<&str>| text.unwrap_or_default().to_owned();
    if let DataType::Dictionary(..) = array.data_type() {
        let dictionary = array.as_dictionary::<Int32Type>();
        let names: Vec<String> = dictionary.values().as_string_view().iter().map(owned).collect();
        let none = names.len();
        let keys = dictionary.keys().iter();
        let codes = keys.map(|key| key.and_then(|k| usize::try_from(k).ok()).unwrap_or(none));
        return (codes.collect(), names.into_iter().chain([String::new()]).collect());
    }
    let mut names: Vec<String> = Vec::new();
    let codes = array.as_string::<i32>().iter().map(|text| {
        let text = owned(text);
        names.iter().position(|name| *name == text).unwrap_or_else(|| {
            names.push(text);
            names.len() - 1
        })
    });
    (codes.collect(), names)
}
