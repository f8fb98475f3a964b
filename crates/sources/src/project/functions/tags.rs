//! `user_tags`: tags of users without AWS's prefix.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray};
use billhook_focus::columns::{map_builder, map_type};
use datafusion::common::Result;
use datafusion::logical_expr::{ColumnarValue, Volatility, create_udf};
use datafusion::prelude::SessionContext;

use super::maps::entries;

/// What AWS puts before the keys of users.
const PREFIX: &str = "user:";

/// Makes the function known to a session. FOCUS wants the keys of users without a prefix and the
/// provider's own with one.
pub(super) fn register(context: &SessionContext) {
    let implementation = |arguments: &[ColumnarValue]| -> Result<ColumnarValue> {
        let arrays = ColumnarValue::values_to_arrays(arguments)?;
        Ok(ColumnarValue::Array(without_prefix(&arrays[0])))
    };
    context.register_udf(create_udf(
        "user_tags",
        vec![map_type()],
        map_type(),
        Volatility::Immutable,
        Arc::new(implementation),
    ));
}

fn without_prefix(array: &ArrayRef) -> ArrayRef {
    let maps = array.as_map();
    let mut builder = map_builder();
    for row in 0..maps.len() {
        let entries = entries(maps, row);
        let all: HashSet<&str> = entries.iter().map(|(key, _)| *key).collect();
        for (key, value) in &entries {
            let plain = key.strip_prefix(PREFIX).unwrap_or(key);
            // Where both are there, neither may hide the other.
            builder.keys().append_value(if all.contains(plain) { key } else { plain });
            builder.values().append_value(value);
        }
        // Cannot fail: a value was appended with every key.
        builder.append(maps.is_valid(row)).ok();
    }
    Arc::new(builder.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_of_users_lose_their_prefix_and_nothing_else() {
        let mut builder = map_builder();
        for (key, value) in [("user:a", "1"), ("user:b", "2"), ("b", "3"), ("aws:c", "4")] {
            builder.keys().append_value(key);
            builder.values().append_value(value);
        }
        builder.append(true).unwrap();
        let array: ArrayRef = Arc::new(builder.finish());
        let result = without_prefix(&array);
        assert_eq!(result.data_type(), &map_type());
        let entries = result.as_map().value(0);
        let keys: Vec<_> = entries.column(0).as_string::<i32>().iter().flatten().collect();
        assert_eq!(keys, ["a", "user:b", "b", "aws:c"]);
    }
}
