//! Bucket policies: what lets AWS deliver is added to what a policy says already.
//!
//! Statements are told by their `Sid`. One of ours that is there is widened when it means the same
//! for another report; whatever else stands under our name is somebody's intention and refused.

use serde_json::{Map, Value, json};

/// Services of AWS that deliver billing data. A statement for others is not ours.
const SERVICES: [&str; 2] = ["billingreports.amazonaws.com", "bcm-data-exports.amazonaws.com"];

/// Versions of the policy language.
const VERSIONS: [&str; 2] = ["2008-10-17", "2012-10-17"];

/// A statement that is added or widened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// As it was; `None` when it is new.
    pub before: Option<Value>,
    /// As it will be.
    pub after: Value,
}

impl Change {
    /// As lines that begin with - and +.
    pub(super) fn lines(&self) -> Vec<String> {
        let signed = |sign: char, statement: &Value| {
            let text = format!("{statement:#}");
            text.lines().map(|line| format!("{sign} {line}")).collect::<Vec<_>>()
        };
        let before = self.before.iter().flat_map(|before| signed('-', before));
        before.chain(signed('+', &self.after)).collect()
    }
}

/// What becomes of a policy.
#[derive(Debug)]
pub(super) struct Merged {
    /// The whole policy.
    pub(super) text: String,
    /// What is different in it.
    pub(super) changes: Vec<Change>,
}

/// Adds the statements of `wanted` to a policy.
///
/// # Errors
/// Why not, in words, when the policy is not understood or contradicts.
pub(super) fn merge(existing: Option<&str>, wanted: &Value) -> Result<Merged, String> {
    let (mut document, mut own) = match existing {
        Some(text) => read(text)?,
        None => (Map::from_iter([("Version".to_owned(), json!(VERSIONS[1]))]), Vec::new()),
    };
    let mut changes = Vec::new();
    for statement in wanted["Statement"].as_array().into_iter().flatten() {
        let named = own.iter_mut().find(|own| own["Sid"] == statement["Sid"]);
        if let Some(named) = named {
            let widened = widened(named, statement)
                .ok_or_else(|| format!("its statement {} says something else", statement["Sid"]))?;
            if widened != *named {
                let before = std::mem::replace(named, widened.clone());
                changes.push(Change { before: Some(before), after: widened });
            }
        } else if !own.iter().any(|own| widened(own, statement).as_ref() == Some(own)) {
            own.push(statement.clone());
            changes.push(Change { before: None, after: statement.clone() });
        }
    }
    document.insert("Statement".to_owned(), Value::Array(own));
    Ok(Merged { text: Value::Object(document).to_string(), changes })
}

/// A policy and its statements, as far as it can be understood.
fn read(text: &str) -> Result<(Map<String, Value>, Vec<Value>), String> {
    let value: Value = serde_json::from_str(text).map_err(|error| format!("no JSON: {error}"))?;
    let Value::Object(mut document) = value else { return Err("it is no object".to_owned()) };
    let known = ["Version", "Id", "Statement"];
    if let Some(other) = document.keys().find(|key| !known.contains(&key.as_str())) {
        return Err(format!("it has {other}, which is not known"));
    }
    let version = document.get("Version").and_then(Value::as_str).unwrap_or(VERSIONS[0]);
    if !VERSIONS.contains(&version) {
        return Err(format!("its version {version} is not known"));
    }
    let statements = match document.remove("Statement") {
        Some(Value::Array(many)) => many,
        Some(one @ Value::Object(_)) => vec![one],
        _ => return Err("it has no statements".to_owned()),
    };
    let is_known = |statement: &Value| {
        matches!(statement["Effect"].as_str(), Some("Allow" | "Deny"))
            && (statement["Sid"].is_null() || statement["Sid"].is_string())
    };
    if !statements.iter().all(is_known) {
        return Err("it has a statement that neither allows nor denies".to_owned());
    }
    Ok((document, statements))
}

/// `own` with what `wanted` allows besides; `None` when they are not of one kind.
fn widened(own: &Value, wanted: &Value) -> Option<Value> {
    let known = ["Sid", "Effect", "Principal", "Action", "Resource", "Condition"];
    let is_like = own.as_object()?.keys().all(|key| known.contains(&key.as_str()))
        && own["Effect"] == wanted["Effect"]
        && joined(&own["Resource"], &wanted["Resource"])? == own["Resource"]
        && joined(&wanted["Resource"], &own["Resource"])? == wanted["Resource"];
    if !is_like {
        return None;
    }
    let principal = own["Principal"].as_object()?;
    let is_ours = |(key, names): (&String, &Value)| {
        wanted["Principal"].get(key).is_some()
            && (key != "Service" || texts(names).is_some_and(|n| n.iter().all(|n| is_service(n))))
    };
    if !principal.iter().all(is_ours) {
        return None;
    }
    let mut result = own.clone();
    result["Action"] = joined(&own["Action"], &wanted["Action"])?;
    result["Principal"] = each_joined(&own["Principal"], &wanted["Principal"])?;
    match (own.get("Condition"), wanted.get("Condition")) {
        (Some(own), Some(wanted)) => result["Condition"] = conditions(own, wanted)?,
        (None, None) => {}
        // Without conditions it allows more already; adding to that would be no good.
        (None, Some(_)) if result == *own => {}
        _ => return None,
    }
    Some(result)
}

fn is_service(name: &str) -> bool {
    SERVICES.contains(&name)
}

/// Conditions that differ in nothing but values, with the values of both.
fn conditions(own: &Value, wanted: &Value) -> Option<Value> {
    let names = |value: &Value| Some(value.as_object()?.keys().cloned().collect::<Vec<_>>());
    if names(own)? != names(wanted)? {
        return None;
    }
    let mut result = own.clone();
    for (operator, keys) in own.as_object()? {
        let other = &wanted[operator.as_str()];
        if names(keys)? != names(other)? {
            return None;
        }
        result[operator.as_str()] = each_joined(keys, other)?;
    }
    Some(result)
}

/// Two objects of texts, with the texts of both under each key.
fn each_joined(own: &Value, wanted: &Value) -> Option<Value> {
    let mut result = own.as_object()?.clone();
    for (key, value) in wanted.as_object()? {
        let joined = match own.get(key) {
            Some(own) => joined(own, value)?,
            None => value.clone(),
        };
        result.insert(key.clone(), joined);
    }
    Some(Value::Object(result))
}

/// One text or many and what others there are; the same value when there are none.
fn joined(own: &Value, wanted: &Value) -> Option<Value> {
    let mut all = texts(own)?;
    let more: Vec<&str> = texts(wanted)?.into_iter().filter(|text| !all.contains(text)).collect();
    if more.is_empty() {
        return Some(own.clone());
    }
    all.extend(more);
    Some(json!(all))
}

fn texts(value: &Value) -> Option<Vec<&str>> {
    match value {
        Value::String(one) => Some(vec![one.as_str()]),
        Value::Array(many) => many.iter().map(Value::as_str).collect(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::{Form, Partition, Reader, Setup, kind, render};

    fn delivering(kind_name: &str, account: &str) -> Value {
        let setup = Setup {
            kind: kind(kind_name).unwrap(),
            partition: Partition::Aws,
            bucket: Some("acme-billing".to_owned()),
            prefix: String::new(),
            key: None,
            account: Some(account.to_owned()),
            reader: Reader::User { name: "billhook".to_owned() },
            with: Vec::new(),
        };
        serde_json::from_str(&render(&setup, Form::BucketPolicy).unwrap()).unwrap()
    }

    fn merged(existing: &Value, wanted: &Value) -> Result<Merged, String> {
        merge(Some(&existing.to_string()), wanted)
    }

    fn document(merged: &Merged) -> Value {
        serde_json::from_str(&merged.text).unwrap()
    }

    const PAYER: &str = "111122223333";

    #[test]
    fn a_bucket_without_policy_gets_ours() {
        let wanted = delivering("cur", PAYER);
        let first = merge(None, &wanted).unwrap();
        assert_eq!(document(&first), wanted);
        assert_eq!(first.changes.len(), 2);
        let lines = first.changes[0].lines();
        assert!(lines.iter().all(|line| line.starts_with("+ ")), "{lines:?}");
        assert!(merged(&wanted, &wanted).unwrap().changes.is_empty());
    }

    #[test]
    fn what_others_said_stays() {
        let other = json!({
            "Sid": "TlsOnly",
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:*",
            "Resource": "arn:aws:s3:::acme-billing/*",
            "Condition": { "Bool": { "aws:SecureTransport": "false" } },
        });
        let existing = json!({ "Version": "2012-10-17", "Id": "ours", "Statement": other });
        let both = document(&merged(&existing, &delivering("cur", PAYER)).unwrap());
        assert_eq!(both["Statement"][0], other);
        assert_eq!((&both["Id"], both["Statement"].as_array().unwrap().len()), (&json!("ours"), 3));
    }

    #[test]
    fn statements_of_another_report_are_widened() {
        let (cur, export) = (delivering("cur", PAYER), delivering("data_export", PAYER));
        for (first, second) in [(&cur, &export), (&export, &cur)] {
            let both = merged(first, second).unwrap();
            let document = document(&both);
            assert_eq!(document["Statement"].as_array().unwrap().len(), 2);
            // Both are now allowed, so neither changes anything.
            for wanted in [&cur, &export] {
                assert!(merged(&document, wanted).unwrap().changes.is_empty());
            }
        }
        let second = merged(&cur, &delivering("cur", "444455556666")).unwrap();
        let condition = &document(&second)["Statement"][0]["Condition"];
        let accounts = json!(["111122223333", "444455556666"]);
        assert_eq!(condition["StringEquals"]["aws:SourceAccount"], accounts);
        let lines = second.changes[0].lines();
        assert!(lines.iter().any(|line| line.starts_with("- ")), "{lines:?}");
    }

    #[test]
    fn the_same_under_another_name_is_enough() {
        let wanted = delivering("cur", PAYER);
        let mut existing = wanted.clone();
        for (number, statement) in
            existing["Statement"].as_array_mut().unwrap().iter_mut().enumerate()
        {
            statement["Sid"] = json!(format!("Old{number}"));
        }
        assert!(merged(&existing, &wanted).unwrap().changes.is_empty());
    }

    #[test]
    fn what_contradicts_or_is_not_understood_is_refused() {
        let wanted = delivering("cur", PAYER);
        let with = |change: &dyn Fn(&mut Value)| {
            let mut existing = wanted.clone();
            change(&mut existing["Statement"][1]);
            merged(&existing, &wanted).map(|merged| merged.changes.len())
        };
        let refused = |change: &dyn Fn(&mut Value)| with(change).unwrap_err();
        assert!(refused(&|own| own["Effect"] = json!("Deny")).contains("AwsBillingDelivers"));
        refused(&|own| own["Resource"] = json!("arn:aws:s3:::acme-billing/other/*"));
        refused(&|own| own["Principal"] = json!("*"));
        refused(&|own| own["Principal"] = json!({ "AWS": "444455556666" }));
        refused(&|own| own["Principal"]["Service"] = json!("cloudtrail.amazonaws.com"));
        refused(&|own| own["Condition"] = json!({ "Bool": { "aws:SecureTransport": "true" } }));
        refused(&|own| own["NotAction"] = json!("s3:GetObject"));
        refused(&|own| own["Effect"] = json!("Perhaps"));
        for text in ["", "[]", "{}", "{\"Statement\":[],\"More\":1}", "{\"Statement\":\"x\"}"] {
            assert!(merge(Some(text), &wanted).is_err(), "{text}");
        }
    }
}
