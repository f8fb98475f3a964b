//! Parameters of prepared statements: which types they have, and their values.

use std::collections::{BTreeMap, HashMap};
use std::ops::ControlFlow;
use std::sync::Arc;

use bytes::Bytes;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::ScalarValue;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{Expr, LogicalPlan};
use datafusion::sql::sqlparser::ast::{self, CastKind, Statement, Value, visit_expressions_mut};
use pgwire::api::Type;
use postgres_types::FromSql;

use crate::fault::{Fault, fault, of_query};
use crate::numeric::Numeric;
use crate::rows;

/// Microseconds, and days, from 1970 to 2000, from which the protocol counts.
const EPOCH_MICROS: i64 = 946_684_800_000_000;
const EPOCH_DAYS: i32 = 10_957;

/// The parameters that a statement wants, in order.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wanted {
    /// As the client sends them.
    pub(crate) wire: Vec<Type>,
    data: Vec<DataType>,
}

/// The parameters of a plan; the client may have declared the types of some.
///
/// # Errors
/// When they contradict each other.
pub(crate) fn wanted(
    plan: &LogicalPlan,
    declared: &[Option<Type>],
    text: &str,
) -> Result<Wanted, Fault> {
    let failed = |error: DataFusionError| of_query(&error, text);
    let known = plan.get_parameter_fields().map_err(failed)?;
    let casts = casts(plan).map_err(failed)?;
    let mut fields: BTreeMap<usize, Option<FieldRef>> = BTreeMap::new();
    for (name, field) in known {
        let number = name.strip_prefix('$').and_then(|digits| digits.parse().ok());
        let number = number.filter(|number| (1..=1000).contains(number));
        let number = number.ok_or_else(|| {
            fault("42P02", format!("there is no parameter {name}: they are $1, $2 and so on"))
        })?;
        let field = field.or_else(|| casts.get(&name).cloned());
        fields.insert(number, field);
    }
    let last = fields.keys().next_back().copied().unwrap_or(0).max(declared.len());
    let mut wanted = Wanted::default();
    for number in 1..=last {
        let field = fields.remove(&number).flatten();
        let declared = declared.get(number - 1).cloned().flatten();
        let declared = declared.filter(|kind| *kind != Type::UNKNOWN);
        let (wire, data) = match (declared, field) {
            (Some(wire), Some(field)) => (wire, field.data_type().clone()),
            (None, Some(field)) => (rows::kind(&field)?, field.data_type().clone()),
            (Some(wire), None) => {
                let data = data_of(&wire);
                (wire, data)
            }
            (None, None) => (Type::TEXT, DataType::Utf8),
        };
        let is_typed = data != DataType::Null;
        wanted.wire.push(if is_typed { wire } else { Type::TEXT });
        wanted.data.push(if is_typed { data } else { DataType::Utf8 });
    }
    Ok(wanted)
}

/// Parameters whose type only a cast around them tells.
fn casts(plan: &LogicalPlan) -> Result<HashMap<String, FieldRef>, DataFusionError> {
    let mut found = HashMap::new();
    plan.apply_with_subqueries(|node| {
        node.apply_expressions(|expression| {
            expression.apply(|part| {
                if let Expr::Cast(cast) = part
                    && let Expr::Placeholder(placeholder) = &*cast.expr
                {
                    let field = Field::new("", cast.field.data_type().clone(), true);
                    found.insert(placeholder.id.clone(), Arc::new(field));
                }
                Ok(TreeNodeRecursion::Continue)
            })
        })
    })?;
    Ok(found)
}

fn data_of(wire: &Type) -> DataType {
    match *wire {
        Type::BOOL => DataType::Boolean,
        Type::INT2 => DataType::Int16,
        Type::INT4 | Type::OID => DataType::Int32,
        Type::INT8 => DataType::Int64,
        Type::FLOAT4 => DataType::Float32,
        Type::FLOAT8 => DataType::Float64,
        Type::NUMERIC => DataType::Decimal128(38, 18),
        Type::DATE => DataType::Date32,
        _ => DataType::Utf8,
    }
}

impl Wanted {
    /// The values that a client sent. `is_binary` tells how each is written.
    ///
    /// # Errors
    /// When there are too many or too few, or one is no value of its type.
    pub(crate) fn values(
        &self,
        sent: &[Option<Bytes>],
        is_binary: impl Fn(usize) -> bool,
    ) -> Result<Vec<ScalarValue>, Fault> {
        if sent.len() != self.wire.len() {
            return Err(fault(
                "08P01",
                format!("{} parameters were sent, {} are wanted", sent.len(), self.wire.len()),
            ));
        }
        let kinds = self.wire.iter().zip(&self.data);
        let values = sent.iter().zip(kinds).enumerate().map(|(index, (raw, (wire, data)))| {
            let number = index + 1;
            let Some(raw) = raw else {
                return ScalarValue::try_from(data).map_err(|error| of_query(&error, ""));
            };
            let unfit = |why: &str| {
                fault("22P02", format!("parameter ${number} is no {}: {why}", wire.name()))
            };
            let read = if is_binary(index) { binary(raw, wire) } else { text(raw) };
            let value = read.ok_or_else(|| unfit("its bytes cannot be read"))?;
            value.cast_to(data).map_err(|error| unfit(&error.find_root().message()))
        });
        values.collect()
    }
}

fn text(raw: &[u8]) -> Option<ScalarValue> {
    Some(ScalarValue::Utf8(Some(std::str::from_utf8(raw).ok()?.to_owned())))
}

fn binary(raw: &[u8], wire: &Type) -> Option<ScalarValue> {
    Some(match *wire {
        Type::BOOL => ScalarValue::Boolean(Some(*raw.first()? != 0)),
        Type::INT2 => ScalarValue::Int16(Some(i16::from_be_bytes(raw.try_into().ok()?))),
        Type::INT4 => ScalarValue::Int32(Some(i32::from_be_bytes(raw.try_into().ok()?))),
        Type::INT8 => ScalarValue::Int64(Some(i64::from_be_bytes(raw.try_into().ok()?))),
        Type::OID | Type::REGCLASS | Type::REGTYPE | Type::REGPROC | Type::REGNAMESPACE => {
            ScalarValue::UInt32(Some(u32::from_be_bytes(raw.try_into().ok()?)))
        }
        Type::FLOAT4 => ScalarValue::Float32(Some(FromSql::from_sql(wire, raw).ok()?)),
        Type::FLOAT8 => ScalarValue::Float64(Some(FromSql::from_sql(wire, raw).ok()?)),
        Type::NUMERIC => ScalarValue::Utf8(Some(Numeric::text_of_binary(raw)?)),
        Type::DATE => {
            let days = i32::from_be_bytes(raw.try_into().ok()?);
            ScalarValue::Date32(Some(days.checked_add(EPOCH_DAYS)?))
        }
        Type::TIMESTAMP | Type::TIMESTAMPTZ => {
            let micros = i64::from_be_bytes(raw.try_into().ok()?).checked_add(EPOCH_MICROS)?;
            let zone = (*wire == Type::TIMESTAMPTZ).then(|| Arc::from("+00:00"));
            ScalarValue::TimestampMicrosecond(Some(micros), zone)
        }
        Type::BYTEA => ScalarValue::Binary(Some(raw.to_vec())),
        Type::TEXT
        | Type::VARCHAR
        | Type::BPCHAR
        | Type::NAME
        | Type::UNKNOWN
        | Type::CHAR
        | Type::JSON => return text(raw),
        _ => return None,
    })
}

/// A prepared statement with expressions in the place of its parameters, as EXECUTE wants it.
///
/// # Errors
/// When one has no expression.
pub(crate) fn filled(
    statement: &Statement,
    kinds: &[ast::DataType],
    arguments: &[ast::Expr],
) -> Result<Statement, Fault> {
    let mut statement = statement.clone();
    let done = visit_expressions_mut(&mut statement, |expression| {
        let ast::Expr::Value(value) = expression else { return ControlFlow::Continue(()) };
        let Value::Placeholder(name) = &value.value else { return ControlFlow::Continue(()) };
        let number = name.strip_prefix('$').and_then(|digits| digits.parse::<usize>().ok());
        let index = number.and_then(|number| number.checked_sub(1));
        let Some(index) = index else { return ControlFlow::Break(name.clone()) };
        let Some(argument) = arguments.get(index) else {
            return ControlFlow::Break(name.clone());
        };
        let expr = Box::new(argument.clone());
        *expression = match kinds.get(index) {
            Some(kind) => {
                let data_type = kind.clone();
                ast::Expr::Cast {
                    kind: CastKind::Cast,
                    expr,
                    data_type,
                    array: false,
                    format: None,
                }
            }
            None => ast::Expr::Nested(expr),
        };
        ControlFlow::Continue(())
    });
    match done {
        ControlFlow::Continue(()) => Ok(statement),
        ControlFlow::Break(name) => {
            Err(fault("42P02", format!("EXECUTE gives no parameter {name}")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(kinds: &[(Type, DataType)]) -> Wanted {
        let (wire, data) = kinds.iter().cloned().unzip();
        Wanted { wire, data }
    }

    #[test]
    fn values_are_read_from_both_formats() {
        let wanted = wanted(&[
            (Type::NUMERIC, DataType::Decimal128(38, 18)),
            (Type::INT4, DataType::Int64),
            (Type::TEXT, DataType::Date32),
        ]);
        let texts = [Some("0.1"), Some("7"), Some("2026-08-01")];
        let texts = texts.map(|text| text.map(|text| Bytes::from_static(text.as_bytes())));
        let read = wanted.values(&texts, |_| false).unwrap();
        assert_eq!(read[0], ScalarValue::Decimal128(Some(100_000_000_000_000_000), 38, 18));
        let sent = [
            None,
            Some(Bytes::from_static(&[0, 0, 0, 7])),
            Some(Bytes::from_static(b"2026-08-01")),
        ];
        let binary = wanted.values(&sent, |_| true).unwrap();
        assert!(binary[0].is_null());
        assert_eq!(binary[1..], read[1..]);
        assert_eq!(wanted.values(&[], |_| true).unwrap_err().code, "08P01");
        let wrong = [Some(Bytes::from_static(b"x")), None, None];
        assert_eq!(wanted.values(&wrong, |_| false).unwrap_err().code, "22P02");
    }
}
