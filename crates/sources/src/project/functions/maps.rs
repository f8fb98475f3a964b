//! Functions from two maps to one. A map that is not there is empty.

use std::sync::Arc;

use arrow::array::{Array, AsArray, MapArray};
use billhook_focus::columns::{map_builder, map_type};
use datafusion::logical_expr::{ColumnarValue, Volatility, create_udf};
use datafusion::prelude::SessionContext;

use crate::data_export::maps::{self, Entries};

pub(super) fn register(context: &SessionContext) {
    function(context, "merged_map", maps::merged);
    function(context, "tags", maps::tags);
    function(context, "cost_categories", maps::cost_categories);
}

/// Makes the entries of a map from those of two.
type Function = for<'a> fn(&Entries<'a>, &Entries<'a>) -> Vec<(String, String)>;

fn function(context: &SessionContext, name: &str, function: Function) {
    let implementation = move |arguments: &[ColumnarValue]| {
        let arrays = ColumnarValue::values_to_arrays(arguments)?;
        let [first, second] = &arrays[..] else {
            return datafusion::common::exec_err!("a function of two maps takes two arguments");
        };
        let (first, second) = (first.as_map(), second.as_map());
        let mut builder = map_builder();
        for row in 0..first.len() {
            for (key, value) in function(&entries(first, row), &entries(second, row)) {
                builder.keys().append_value(key);
                builder.values().append_value(value);
            }
            builder.append(true)?;
        }
        Ok(ColumnarValue::Array(Arc::new(builder.finish())))
    };
    context.register_udf(create_udf(
        name,
        vec![map_type(), map_type()],
        map_type(),
        Volatility::Immutable,
        Arc::new(implementation),
    ));
}

/// The entries of a row's map; one that is not there is empty.
pub(super) fn entries(array: &MapArray, row: usize) -> Entries<'_> {
    if array.is_null(row) {
        return Entries::new();
    }
    let offsets = array.value_offsets();
    let place = |row: usize| usize::try_from(offsets[row]).unwrap_or_default();
    let (keys, values) = (array.keys().as_string::<i32>(), array.values().as_string::<i32>());
    let pair =
        |entry: usize| values.is_valid(entry).then(|| (keys.value(entry), values.value(entry)));
    (place(row)..place(row + 1)).filter_map(pair).collect()
}
