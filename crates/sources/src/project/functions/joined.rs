//! Functions on maps of texts: entries put together from several columns.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, MapBuilder, StringBuilder};
use arrow::datatypes::DataType;
use billhook_focus::columns::{map_builder, map_type};
use datafusion::common::{Result, exec_err};
use datafusion::logical_expr::{ColumnarValue, Volatility, create_udf};
use datafusion::prelude::SessionContext;

use super::maps::entries;

/// Makes the functions known to a session.
///
/// `map_with(map, key, value)` adds an entry unless the value is NULL. `map_join(map, other,
/// prefix)` adds all entries of `other`, their keys behind the prefix.
pub(super) fn register(context: &SessionContext) {
    let texts = vec![map_type(), DataType::Utf8, DataType::Utf8];
    let maps = vec![map_type(), map_type(), DataType::Utf8];
    for (name, arguments, function) in
        [("map_with", texts, with as fn(&[ColumnarValue]) -> _), ("map_join", maps, join)]
    {
        let volatility = Volatility::Immutable;
        let udf = create_udf(name, arguments, map_type(), volatility, Arc::new(function));
        context.register_udf(udf);
    }
}

type Builder = MapBuilder<StringBuilder, StringBuilder>;

fn with(arguments: &[ColumnarValue]) -> Result<ColumnarValue> {
    let arrays = ColumnarValue::values_to_arrays(arguments)?;
    let [map, keys, values] = &arrays[..] else { return exec_err!("map_with takes 3 arguments") };
    let (keys, values) = (keys.as_string::<i32>(), values.as_string::<i32>());
    let mut builder = map_builder();
    for row in 0..map.len() {
        copy(&mut builder, map, row, "");
        if keys.is_valid(row) && values.is_valid(row) {
            builder.keys().append_value(keys.value(row));
            builder.values().append_value(values.value(row));
        }
        builder.append(true)?;
    }
    Ok(ColumnarValue::Array(Arc::new(builder.finish())))
}

fn join(arguments: &[ColumnarValue]) -> Result<ColumnarValue> {
    let arrays = ColumnarValue::values_to_arrays(arguments)?;
    let [map, other, prefixes] = &arrays[..] else {
        return exec_err!("map_join takes 3 arguments");
    };
    let prefixes = prefixes.as_string::<i32>();
    let mut builder = map_builder();
    for row in 0..map.len() {
        copy(&mut builder, map, row, "");
        copy(&mut builder, other, row, prefixes.value(row));
        builder.append(true)?;
    }
    Ok(ColumnarValue::Array(Arc::new(builder.finish())))
}

/// Adds the entries of a row, their keys behind `prefix`.
fn copy(builder: &mut Builder, map: &ArrayRef, row: usize, prefix: &str) {
    for (key, value) in entries(map.as_map(), row) {
        builder.keys().append_value(format!("{prefix}{key}"));
        builder.values().append_value(value);
    }
}
