//! Batches as rows of the protocol.
//!
//! `arrow-pg` encodes what it can. Decimals and nested values are ours: it takes decimals of 28
//! digits at most and no maps.

use std::sync::Arc;

use arrow_pg::datatypes::field_into_pg_type;
use arrow_pg::encoder::encode_value;
use datafusion::arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use datafusion::arrow::datatypes::{
    DataType, Decimal32Type, Decimal64Type, Decimal128Type, Decimal256Type, Field, Schema,
};
use pgwire::api::Type;
use pgwire::api::portal::Format;
use pgwire::api::results::{DataRowEncoder, FieldFormat, FieldInfo};
use pgwire::error::{ErrorInfo, PgWireError};
use pgwire::messages::data::DataRow;
use pgwire::types::ToSqlText;
use postgres_types::ToSql;

use crate::fault::{Fault, fault};
use crate::json;
use crate::numeric::Numeric;

/// How values of a type are written.
enum Way {
    Decimal,
    Json,
    Plain,
}

fn way(kind: &DataType) -> Way {
    match kind {
        DataType::Decimal32(..)
        | DataType::Decimal64(..)
        | DataType::Decimal128(..)
        | DataType::Decimal256(..) => Way::Decimal,
        DataType::List(field) | DataType::LargeList(field) | DataType::FixedSizeList(field, _)
            if is_simple(field.data_type()) =>
        {
            Way::Plain
        }
        kind if kind.is_nested() => Way::Json,
        _ => Way::Plain,
    }
}

/// May values of this type stand in an array of the protocol?
fn is_simple(kind: &DataType) -> bool {
    kind.is_integer()
        || kind.is_floating()
        || matches!(
            kind,
            DataType::Null
                | DataType::Boolean
                | DataType::Utf8
                | DataType::LargeUtf8
                | DataType::Utf8View
                | DataType::Date32
                | DataType::Timestamp(..)
        )
}

/// The columns of an answer.
///
/// # Errors
/// When a type has no counterpart.
pub(crate) fn fields(schema: &Schema, format: &Format) -> Result<Arc<Vec<FieldInfo>>, Fault> {
    let told = schema
        .fields()
        .iter()
        .enumerate()
        .map(|(index, field)| Ok(column(field.name(), kind(field)?, format_of(format, index))));
    told.collect::<Result<Vec<_>, Fault>>().map(Arc::new)
}

/// The type that a client is told.
///
/// # Errors
/// When there is none.
pub(crate) fn kind(field: &Arc<Field>) -> Result<Type, Fault> {
    match way(field.data_type()) {
        Way::Decimal => Ok(Type::NUMERIC),
        Way::Json => Ok(Type::TEXT),
        Way::Plain => field_into_pg_type(field).map_err(of_protocol),
    }
}

/// A column of an answer.
pub(crate) fn column(name: &str, kind: Type, format: FieldFormat) -> FieldInfo {
    let size = match kind {
        Type::BOOL | Type::CHAR => 1,
        Type::INT2 => 2,
        Type::INT4 | Type::FLOAT4 | Type::DATE | Type::OID => 4,
        Type::INT8 | Type::FLOAT8 | Type::TIME | Type::TIMESTAMP | Type::TIMESTAMPTZ => 8,
        _ => -1,
    };
    FieldInfo::new(name.to_owned(), None, None, kind, format).with_type_size(size)
}

/// How the client wants a column.
pub(crate) fn format_of(format: &Format, index: usize) -> FieldFormat {
    match format {
        Format::UnifiedText => FieldFormat::Text,
        Format::UnifiedBinary => FieldFormat::Binary,
        Format::Individual(codes) => {
            codes.get(index).map_or(FieldFormat::Text, |code| FieldFormat::from(*code))
        }
    }
}

/// One row.
///
/// # Errors
/// When a value cannot be written.
pub(crate) fn row(
    encoder: &mut DataRowEncoder,
    batch: &RecordBatch,
    row: usize,
    fields: &[FieldInfo],
) -> Result<DataRow, Fault> {
    let schema = batch.schema_ref();
    for ((array, field), told) in batch.columns().iter().zip(schema.fields()).zip(fields) {
        if array.is_null(row) {
            put(encoder, &None::<String>, told)?;
            continue;
        }
        match way(array.data_type()) {
            Way::Decimal => put(encoder, &Numeric::new(&decimal(array, row)), told)?,
            Way::Json => {
                let text = json::text(array, row).map_err(|e| fault("XX000", e.to_string()))?;
                put(encoder, &text, told)?;
            }
            Way::Plain => encode_value(encoder, array, row, field, told).map_err(of_protocol)?,
        }
    }
    Ok(encoder.take_row())
}

fn put<T: ToSql + ToSqlText>(
    encoder: &mut DataRowEncoder,
    value: &T,
    field: &FieldInfo,
) -> Result<(), Fault> {
    let (kind, options) = (field.datatype(), field.format_options());
    let done = encoder.encode_field_with_type_and_format(value, kind, field.format(), options);
    done.map_err(of_protocol)
}

fn decimal(array: &ArrayRef, row: usize) -> String {
    match array.data_type() {
        DataType::Decimal32(..) => array.as_primitive::<Decimal32Type>().value_as_string(row),
        DataType::Decimal64(..) => array.as_primitive::<Decimal64Type>().value_as_string(row),
        DataType::Decimal256(..) => array.as_primitive::<Decimal256Type>().value_as_string(row),
        _ => array.as_primitive::<Decimal128Type>().value_as_string(row),
    }
}

/// What `pgwire` says went wrong.
pub(crate) fn of_protocol(error: PgWireError) -> Fault {
    Box::new(ErrorInfo::from(error))
}

/// A row of texts.
///
/// # Errors
/// When it cannot be written.
pub(crate) fn texts(fields: &Arc<Vec<FieldInfo>>, values: &[&str]) -> Result<DataRow, Fault> {
    let mut encoder = DataRowEncoder::new(Arc::clone(fields));
    for (field, value) in fields.iter().zip(values) {
        put(&mut encoder, value, field)?;
    }
    Ok(encoder.take_row())
}
