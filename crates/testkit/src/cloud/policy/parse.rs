//! From JSON to statements; AWS's words where it has some for what is wrong.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::condition::Condition;
use super::principal::Trusted;
use super::{Kind, Names, Policy, PolicyError, Statement};

/// Versions of the policy language.
const VERSIONS: [&str; 2] = ["2008-10-17", "2012-10-17"];

/// Elements of a statement that are understood.
const ELEMENTS: [&str; 8] =
    ["Sid", "Effect", "Principal", "Action", "NotAction", "Resource", "NotResource", "Condition"];

/// Reads `text` as a policy that is attached as `kind` says.
pub(super) fn policy(kind: Kind, text: &str) -> Result<Policy, PolicyError> {
    let value: Value = serde_json::from_str(text)
        .map_err(|cause| PolicyError(format!("This policy contains invalid Json: {cause}")))?;
    let fields = object("policy", &value)?;
    known(fields, &["Version", "Id", "Statement"])?;
    let version = fields.get("Version").map(|version| version.as_str().unwrap_or_default());
    if version.is_some_and(|version| !VERSIONS.contains(&version)) {
        return Err(error("The policy must contain a valid version string"));
    }
    let statements = match fields.get("Statement") {
        Some(Value::Array(many)) if !many.is_empty() => many.as_slice(),
        Some(one @ Value::Object(_)) => std::slice::from_ref(one),
        _ => return Err(error("Missing required field Statement")),
    };
    let mut sids = BTreeSet::new();
    for sid in statements.iter().filter_map(|one| one.get("Sid")) {
        let unique = sid.as_str().is_some_and(|sid| sids.insert(sid));
        if !unique {
            return Err(PolicyError(format!("Statement IDs (SID) must be unique texts: {sid}")));
        }
        let plain = |sid: &str| sid.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if kind == Kind::Identity && !sid.as_str().is_some_and(plain) {
            return Err(PolicyError(format!(
                "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the \
                 regular expression [0-9A-Za-z]*: {sid}"
            )));
        }
    }
    let statements = statements.iter().map(|one| statement(kind, one)).collect::<Result<_, _>>()?;
    Ok(Policy { text: text.to_owned(), statements })
}

fn statement(kind: Kind, value: &Value) -> Result<Statement, PolicyError> {
    let fields = object("Statement", value)?;
    known(fields, &ELEMENTS)?;
    let denies = match fields.get("Effect").and_then(Value::as_str) {
        Some("Allow") => false,
        Some("Deny") => true,
        _ => return Err(error("Invalid effect: Allow or Deny is expected")),
    };
    let trusted = match (kind, fields.get("Principal")) {
        (Kind::Identity, None) => None,
        (Kind::Identity, Some(_)) => {
            return Err(error("Policy document should not specify a principal."));
        }
        (_, None) => return Err(error("Missing required field Principal")),
        (_, Some(value)) => Some(Trusted::parse(value)?),
    };
    let actions = names(fields, "Action", "NotAction")?;
    let mut actions = actions.ok_or_else(|| error("Missing required field Action"))?;
    for action in &mut actions.patterns {
        action.make_ascii_lowercase();
        check_action(kind, action)?;
    }
    let resources = names(fields, "Resource", "NotResource")?;
    match (kind, &resources) {
        (Kind::Trust, Some(_)) => return Err(error("Has prohibited field Resource")),
        (Kind::Identity | Kind::Resource, None) => {
            return Err(error("Policy statement must contain resources."));
        }
        _ => {}
    }
    for resource in resources.iter().flat_map(|names| &names.patterns) {
        if resource != "*" && !(resource.starts_with("arn:") && resource.matches(':').count() >= 5)
        {
            return Err(PolicyError(format!(
                "Resource {resource} must be in ARN format or \"*\"."
            )));
        }
    }
    let conditions = fields.get("Condition").map_or(Ok(Vec::new()), Condition::parse_all)?;
    Ok(Statement { denies, trusted, actions, resources, conditions })
}

fn check_action(kind: Kind, action: &str) -> Result<(), PolicyError> {
    let vendor = action.split_once(':').filter(|(vendor, name)| {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        !vendor.is_empty() && vendor.bytes().all(plain) && !name.is_empty()
    });
    if kind == Kind::Trust {
        let of_sts = vendor.is_some_and(|(vendor, _)| vendor == "sts");
        let refused = error("AssumeRole policy may only specify STS AssumeRole actions.");
        return if of_sts { Ok(()) } else { Err(refused) };
    }
    if vendor.is_some() || action == "*" {
        return Ok(());
    }
    Err(PolicyError(format!(
        "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.: {action}"
    )))
}

/// The one of two elements that is there; both are one too many.
fn names(
    fields: &Map<String, Value>,
    plain: &str,
    inverted: &str,
) -> Result<Option<Names>, PolicyError> {
    Ok(match (fields.get(plain), fields.get(inverted)) {
        (Some(_), Some(_)) => {
            return Err(PolicyError(format!("{plain} and {inverted} exclude each other")));
        }
        (Some(value), None) => Some(Names { patterns: texts(plain, value)?, inverted: false }),
        (None, Some(value)) => Some(Names { patterns: texts(inverted, value)?, inverted: true }),
        (None, None) => None,
    })
}

/// One text or many; truth values and numbers count as texts, as they do in conditions.
pub(super) fn texts(element: &str, value: &Value) -> Result<Vec<String>, PolicyError> {
    let many = match value {
        Value::Array(many) => many.as_slice(),
        one => std::slice::from_ref(one),
    };
    if many.is_empty() {
        return Err(PolicyError(format!("{element} is empty")));
    }
    let text = |value: &Value| match value {
        Value::String(text) => Ok(text.clone()),
        Value::Bool(_) | Value::Number(_) => Ok(value.to_string()),
        _ => Err(PolicyError(format!("{element}: {value} is no text"))),
    };
    many.iter().map(text).collect()
}

fn object<'a>(element: &str, value: &'a Value) -> Result<&'a Map<String, Value>, PolicyError> {
    value.as_object().ok_or_else(|| PolicyError(format!("{element}: {value} is no object")))
}

fn known(fields: &Map<String, Value>, names: &[&str]) -> Result<(), PolicyError> {
    let unknown = fields.keys().find(|name| !names.contains(&name.as_str()));
    match unknown {
        None => Ok(()),
        Some(name) => Err(PolicyError(format!("Syntax errors in policy: {name}"))),
    }
}

fn error(text: &str) -> PolicyError {
    PolicyError(text.to_owned())
}
