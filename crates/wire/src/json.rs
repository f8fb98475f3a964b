//! Maps, structs and mixed lists as JSON text.

use datafusion::arrow::array::{Array, AsArray};
use datafusion::arrow::datatypes::DataType;
use datafusion::arrow::error::ArrowError;
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use serde_json::Value;

/// One value of an array.
///
/// # Errors
/// When Arrow cannot write the value.
pub(crate) fn text(array: &dyn Array, row: usize) -> Result<String, ArrowError> {
    let mut out = String::new();
    write(&mut out, array, row)?;
    Ok(out)
}

fn write(out: &mut String, array: &dyn Array, row: usize) -> Result<(), ArrowError> {
    if array.is_null(row) || *array.data_type() == DataType::Null {
        out.push_str("null");
        return Ok(());
    }
    match array.data_type() {
        DataType::Map(..) => {
            let entries = array.as_map().value(row);
            let (keys, values) = (entries.column(0), entries.column(1));
            out.push('{');
            for index in 0..entries.len() {
                separate(out, index);
                name(out, &plain(keys, index)?);
                write(out, values, index)?;
            }
            out.push('}');
            Ok(())
        }
        DataType::Struct(fields) => {
            out.push('{');
            for (index, (field, column)) in
                fields.iter().zip(array.as_struct().columns()).enumerate()
            {
                separate(out, index);
                name(out, field.name());
                write(out, column, row)?;
            }
            out.push('}');
            Ok(())
        }
        DataType::List(_) => list(out, &array.as_list::<i32>().value(row)),
        DataType::LargeList(_) => list(out, &array.as_list::<i64>().value(row)),
        DataType::FixedSizeList(..) => list(out, &array.as_fixed_size_list().value(row)),
        kind => {
            let text = plain(array, row)?;
            let is_number = kind.is_numeric() && text.ends_with(|c: char| c.is_ascii_digit());
            if is_number || *kind == DataType::Boolean {
                out.push_str(&text);
            } else {
                out.push_str(&Value::from(text).to_string());
            }
            Ok(())
        }
    }
}

fn list(out: &mut String, elements: &dyn Array) -> Result<(), ArrowError> {
    out.push('[');
    for index in 0..elements.len() {
        separate(out, index);
        write(out, elements, index)?;
    }
    out.push(']');
    Ok(())
}

fn separate(out: &mut String, index: usize) {
    if index > 0 {
        out.push(',');
    }
}

fn name(out: &mut String, name: &str) {
    out.push_str(&Value::from(name).to_string());
    out.push(':');
}

fn plain(array: &dyn Array, row: usize) -> Result<String, ArrowError> {
    ArrayFormatter::try_new(array, &FormatOptions::default())?.value(row).try_to_string()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use datafusion::arrow::array::{Decimal128Array, ListArray, MapBuilder, StringBuilder};
    use datafusion::arrow::buffer::OffsetBuffer;
    use datafusion::arrow::datatypes::Field;

    use super::*;

    #[test]
    fn a_map_is_an_object() {
        let mut builder = MapBuilder::new(None, StringBuilder::new(), StringBuilder::new());
        builder.keys().append_value("a \"b\"");
        builder.values().append_value("1");
        builder.keys().append_value("c");
        builder.values().append_null();
        builder.append(true).unwrap();
        assert_eq!(text(&builder.finish(), 0).unwrap(), r#"{"a \"b\"":"1","c":null}"#);
    }

    #[test]
    fn a_list_of_decimals_keeps_their_digits() {
        let values = Decimal128Array::from(vec![Some(1), None]);
        let values = values.with_precision_and_scale(38, 18).unwrap();
        let field = Arc::new(Field::new_list_field(values.data_type().clone(), true));
        let offsets = OffsetBuffer::from_lengths([2]);
        let list = ListArray::new(field, offsets, Arc::new(values), None);
        assert_eq!(text(&list, 0).unwrap(), "[0.000000000000000001,null]");
    }
}
