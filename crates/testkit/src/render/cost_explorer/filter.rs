//! The `Filter` expression of a request.

use serde_json::{Map, Value};

use super::api_error::ApiError;
use super::dimension::{Dimension, category, tag};
use crate::synth::Line;

/// Which lines count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Filter {
    And(Vec<Filter>),
    Or(Vec<Filter>),
    Not(Box<Filter>),
    /// The value is one of these.
    Dimension(Dimension, Vec<String>),
    /// The value, empty where there is none, is one of these.
    Tag(String, Vec<String>),
    TagAbsent(String),
    Category(String, Vec<String>),
    CategoryAbsent(String),
}

impl Filter {
    /// Reads an expression, which has exactly one root.
    pub(super) fn parse(expression: &Value) -> Result<Self, ApiError> {
        let wrong = || ApiError::validation("Expected exactly one root for expression");
        let roots = expression.as_object().ok_or_else(wrong)?;
        let mut roots = roots.iter().filter(|(_, value)| !value.is_null());
        let ((root, value), None) = (roots.next().ok_or_else(wrong)?, roots.next()) else {
            return Err(wrong());
        };
        match root.as_str() {
            "And" => Ok(Self::And(operands(root, value)?)),
            "Or" => Ok(Self::Or(operands(root, value)?)),
            "Not" => Ok(Self::Not(Box::new(Self::parse(value)?))),
            "Dimensions" => {
                let (key, values) = values_of(value, false)?;
                let values = values.ok_or_else(|| no_values(&key))?;
                Ok(Self::Dimension(Dimension::parse(&key)?, values))
            }
            "Tags" => Ok(match values_of(value, true)? {
                (key, Some(values)) => Self::Tag(key, values),
                (key, None) => Self::TagAbsent(key),
            }),
            "CostCategories" => Ok(match values_of(value, true)? {
                (name, Some(values)) => Self::Category(name, values),
                (name, None) => Self::CategoryAbsent(name),
            }),
            other => Err(ApiError::validation(format!("unknown expression {other}"))),
        }
    }

    /// Does `line` count?
    pub(super) fn matches(&self, line: &Line) -> bool {
        let one_of = |values: &[String], own: &str| values.iter().any(|value| value == own);
        match self {
            Self::And(all) => all.iter().all(|own| own.matches(line)),
            Self::Or(any) => any.iter().any(|own| own.matches(line)),
            Self::Not(other) => !other.matches(line),
            Self::Dimension(dimension, values) => one_of(values, dimension.value(line)),
            Self::Tag(key, values) => one_of(values, tag(line, key).unwrap_or_default()),
            Self::TagAbsent(key) => tag(line, key).is_none(),
            Self::Category(name, values) => {
                one_of(values, category(line, name).unwrap_or_default())
            }
            Self::CategoryAbsent(name) => category(line, name).is_none(),
        }
    }
}

fn no_values(key: &str) -> ApiError {
    ApiError::validation(format!("Dimension {key} has no values"))
}

/// `And` and `Or` join at least two expressions.
fn operands(root: &str, value: &Value) -> Result<Vec<Filter>, ApiError> {
    let all = value.as_array().map(Vec::as_slice).unwrap_or_default();
    if all.len() < 2 {
        let text = format!("{root} expression must have at least 2 operands");
        return Err(ApiError::validation(text));
    }
    all.iter().map(Filter::parse).collect()
}

/// The key, and the values unless the option `ABSENT` is (and may be) given.
fn values_of(
    value: &Value,
    may_be_absent: bool,
) -> Result<(String, Option<Vec<String>>), ApiError> {
    let fields = value.as_object().ok_or_else(|| ApiError::validation("expected an object"))?;
    let key = fields.get("Key").and_then(Value::as_str);
    let key = key.ok_or_else(|| ApiError::validation("an expression has no Key"))?;
    let mut absent = false;
    for option in texts(fields, "MatchOptions")? {
        match option.as_str() {
            "EQUALS" | "CASE_SENSITIVE" => {}
            "ABSENT" if may_be_absent => absent = true,
            other => {
                let text = format!("MatchOption {other} is not supported for {key}");
                return Err(ApiError::validation(text));
            }
        }
    }
    let values = texts(fields, "Values")?;
    match (absent, values.is_empty()) {
        (true, true) => Ok((key.to_owned(), None)),
        (true, false) => Err(ApiError::validation("ABSENT takes no values")),
        (false, true) => Err(no_values(key)),
        (false, false) => Ok((key.to_owned(), Some(values))),
    }
}

/// The list of texts in field `name`; empty without the field.
pub(super) fn texts(fields: &Map<String, Value>, name: &str) -> Result<Vec<String>, ApiError> {
    let Some(value) = fields.get(name).filter(|value| !value.is_null()) else {
        return Ok(Vec::new());
    };
    let wrong = || ApiError::validation(format!("{name} is not a list of texts"));
    let text = |value: &Value| value.as_str().map(str::to_owned).ok_or_else(wrong);
    value.as_array().ok_or_else(wrong)?.iter().map(text).collect()
}
