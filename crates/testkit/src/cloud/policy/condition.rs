//! The element `Condition`.

use std::collections::BTreeMap;

use serde_json::Value;

use super::PolicyError;
use super::parse::texts;
use super::pattern::{arn_fits, fits};

/// Condition keys and their values in a request. Names of keys are compared without case.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Context(BTreeMap<String, Vec<String>>);

impl Context {
    /// No keys.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The same with one more value of `key`.
    #[must_use]
    pub fn with(mut self, key: &str, value: &str) -> Self {
        self.0.entry(key.to_ascii_lowercase()).or_default().push(value.to_owned());
        self
    }

    fn values(&self, key: &str) -> Option<&[String]> {
        self.0.get(key).map(Vec::as_slice)
    }
}

/// How values are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Test {
    Text,
    TextWithoutCase,
    Pattern,
    Arn,
    Truth,
    /// Is the key absent?
    Absence,
}

impl Test {
    /// The test of an operator without `IfExists`, and whether it is negated.
    fn of(operator: &str) -> Option<(Self, bool)> {
        Some(match operator {
            "StringEquals" => (Self::Text, false),
            "StringNotEquals" => (Self::Text, true),
            "StringEqualsIgnoreCase" => (Self::TextWithoutCase, false),
            "StringNotEqualsIgnoreCase" => (Self::TextWithoutCase, true),
            "StringLike" => (Self::Pattern, false),
            "StringNotLike" => (Self::Pattern, true),
            "ArnEquals" | "ArnLike" => (Self::Arn, false),
            "ArnNotEquals" | "ArnNotLike" => (Self::Arn, true),
            "Bool" => (Self::Truth, false),
            "Null" => (Self::Absence, false),
            _ => return None,
        })
    }

    fn fits(self, wanted: &str, found: &str) -> bool {
        match self {
            Self::Text => wanted == found,
            Self::TextWithoutCase | Self::Truth => wanted.eq_ignore_ascii_case(found),
            Self::Pattern => fits(wanted, found),
            Self::Arn => arn_fits(wanted, found),
            Self::Absence => false,
        }
    }
}

/// One key under one operator.
#[derive(Clone, Debug)]
pub(super) struct Condition {
    test: Test,
    negated: bool,
    if_exists: bool,
    key: String,
    wanted: Vec<String>,
}

impl Condition {
    /// Reads the element: operators, each with keys, each with values.
    pub(super) fn parse_all(value: &Value) -> Result<Vec<Self>, PolicyError> {
        let operators = value.as_object();
        let operators =
            operators.ok_or_else(|| PolicyError("Condition is no object".to_owned()))?;
        let mut conditions = Vec::new();
        for (operator, keys) in operators {
            let (name, if_exists) = match operator.strip_suffix("IfExists") {
                Some(name) => (name, true),
                None => (operator.as_str(), false),
            };
            let test = Test::of(name).filter(|(test, _)| !(if_exists && *test == Test::Absence));
            let unknown = || PolicyError(format!("Invalid Condition type : {operator}"));
            let (test, negated) = test.ok_or_else(unknown)?;
            let keys = keys.as_object().filter(|keys| !keys.is_empty()).ok_or_else(unknown)?;
            for (key, wanted) in keys {
                if !key.contains(':') {
                    return Err(PolicyError(format!("Condition key {key} has no vendor")));
                }
                let wanted = texts(operator, wanted)?;
                let key = key.to_ascii_lowercase();
                conditions.push(Self { test, negated, if_exists, key, wanted });
            }
        }
        Ok(conditions)
    }

    /// One wanted value must fit; negated, none may. A key that is absent fits negated operators
    /// and those with `IfExists`.
    pub(super) fn holds(&self, context: &Context) -> bool {
        let found = context.values(&self.key);
        if self.test == Test::Absence {
            let truth = if found.is_none() { "true" } else { "false" };
            return self.wanted.iter().any(|wanted| wanted.eq_ignore_ascii_case(truth));
        }
        let Some(found) = found else { return self.if_exists || self.negated };
        let fits = |found: &String| self.wanted.iter().any(|wanted| self.test.fits(wanted, found));
        found.iter().any(fits) != self.negated
    }
}
