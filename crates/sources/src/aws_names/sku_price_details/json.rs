//! Writes one flat JSON object.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::decimal::Decimal;

/// A scalar of the object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value<'a> {
    /// A JSON string.
    Text(&'a str),
    /// A JSON number in plain notation.
    Number(Decimal),
}

/// The object's text, its keys in the order of the map, without blanks.
pub(super) fn object(keys: &BTreeMap<&str, Value<'_>>) -> String {
    let mut json = String::from("{");
    for (key, value) in keys {
        if json.len() > 1 {
            json.push(',');
        }
        string(&mut json, key);
        json.push(':');
        match value {
            Value::Text(text) => string(&mut json, text),
            Value::Number(number) => json.push_str(&number.to_string()),
        }
    }
    json.push('}');
    json
}

fn string(json: &mut String, text: &str) {
    json.push('"');
    if !text.bytes().any(|byte| byte < b' ' || matches!(byte, b'"' | b'\\')) {
        json.push_str(text);
        json.push('"');
        return;
    }
    for c in text.chars() {
        match c {
            '"' => json.push_str("\\\""),
            '\\' => json.push_str("\\\\"),
            '\n' => json.push_str("\\n"),
            '\r' => json.push_str("\\r"),
            '\t' => json.push_str("\\t"),
            '\0'..='\x1f' => {
                // Writing to a `String` cannot fail.
                write!(json, "\\u{:04x}", u32::from(c)).unwrap_or_default();
            }
            _ => json.push(c),
        }
    }
    json.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_escaped_and_numbers_are_not_quoted() {
        let keys = BTreeMap::from([
            ("B", Value::Text("a\"b\\c\n\r\t\u{1}é\u{7f}")),
            ("A\"", Value::Number(Decimal::from(3))),
        ]);
        assert_eq!(object(&keys), "{\"A\\\"\":3,\"B\":\"a\\\"b\\\\c\\n\\r\\t\\u0001é\u{7f}\"}");
        assert_eq!(object(&BTreeMap::new()), "{}");
    }
}
