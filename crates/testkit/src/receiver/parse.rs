//! The events in a request: `CloudEvents`' HTTP binding 1.0.2.

use serde_json::{Map, Value};

use crate::cloud::http::{decode, header};

/// What every event must say.
const REQUIRED: [&str; 4] = ["specversion", "id", "source", "type"];

/// The events that a request brings, or why there are none.
pub(super) fn events(headers: &[(String, String)], body: &[u8]) -> Result<Vec<Value>, String> {
    let content_type = header(headers, "content-type").unwrap_or_default();
    let kind = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let events = match kind.as_str() {
        "application/cloudevents-batch+json" => match json(body)? {
            Value::Array(events) => events,
            _ => return Err("a batch is an array".to_owned()),
        },
        "application/cloudevents+json" => vec![json(body)?],
        _ => vec![binary(headers, &kind, body)?],
    };
    events.iter().try_for_each(check)?;
    Ok(events)
}

fn json(body: &[u8]) -> Result<Value, String> {
    serde_json::from_slice(body).map_err(|error| format!("the body is no JSON: {error}"))
}

/// Attributes from headers, `data` from the body.
fn binary(headers: &[(String, String)], kind: &str, body: &[u8]) -> Result<Value, String> {
    let mut event = Map::new();
    for (name, value) in headers {
        let Some(name) = name.strip_prefix("ce-") else { continue };
        if name == "datacontenttype" {
            return Err("the content type is said twice".to_owned());
        }
        if !value.bytes().all(|byte| (0x21..=0x7e).contains(&byte) && byte != b'"') {
            return Err(format!("the header ce-{name} is not percent-encoded"));
        }
        let value = String::from_utf8(decode(value, false));
        let value = value.map_err(|_| format!("the header ce-{name} is no UTF-8"))?;
        event.insert(name.to_owned(), Value::String(value));
    }
    event.insert("datacontenttype".to_owned(), Value::String(kind.to_owned()));
    event.insert("data".to_owned(), json(body)?);
    Ok(Value::Object(event))
}

/// Is it an event of version 1.0?
fn check(event: &Value) -> Result<(), String> {
    for name in REQUIRED {
        let text = event.get(name).and_then(Value::as_str).unwrap_or_default();
        if text.is_empty() {
            return Err(format!("an event without {name}"));
        }
    }
    let Some(attributes) = event.as_object() else { return Err("no event".to_owned()) };
    let is_name =
        |name: &str| name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit());
    if let Some(name) = attributes.keys().find(|name| !is_name(name.as_str())) {
        return Err(format!("{name} is no name of an attribute"));
    }
    match event.get("specversion").and_then(Value::as_str) {
        Some("1.0") => Ok(()),
        _ => Err("an event of another version than 1.0".to_owned()),
    }
}
