//! A CloudEvent 1.0, and its forms: JSON, and headers.

use std::collections::BTreeMap;
use std::io;

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use serde::ser::SerializeMap as _;
use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use crate::deliver::Place;
use crate::facts;

/// The first figure for a day or hour, account, service and charge category.
pub const COST_RECORDED: &str = "com.billhook.cost.recorded.v1";

/// Another figure than the one before.
pub const COST_RESTATED: &str = "com.billhook.cost.restated.v1";

/// A month became estimated, final or reopened.
pub const PERIOD_STATE_CHANGED: &str = "com.billhook.period.state_changed.v1";

/// A delivery was loaded.
pub const DELIVERY_LOADED: &str = "com.billhook.delivery.loaded.v1";

/// A delivery has other unknown columns than the one before.
pub const SCHEMA_DRIFTED: &str = "com.billhook.schema.drifted.v1";

/// A connection fell ill, or is well again.
pub const HEALTH_CHANGED: &str = "com.billhook.connection.health_changed.v1";

/// What a test of a sink sends.
pub const TEST: &str = "com.billhook.test.v1";

/// What receivers of Vanus's source for Amazon Billing know; see [`crate::vanus`].
pub const VANUS_DAILY: &str = "amazon.billing.daily";

/// The same by the hour.
pub const VANUS_HOURLY: &str = "amazon.billing.hourly";

/// The types that a sink can choose from.
pub const TYPES: [&str; 6] = [
    COST_RECORDED,
    COST_RESTATED,
    PERIOD_STATE_CHANGED,
    DELIVERY_LOADED,
    SCHEMA_DRIFTED,
    HEALTH_CHANGED,
];

/// Extension: the billing period, `YYYY-MM`.
pub const BILLING_PERIOD: &str = "billingperiod";

/// Extension: the state of that period after the delivery.
pub const PERIOD_STATE: &str = "periodstate";

/// Extension: is the figure expected to move?
pub const ESTIMATED: &str = "estimated";

/// Extension: the revision of the delivery.
pub const REVISION: &str = "revision";

/// Extension: the connection.
pub const CONNECTION: &str = "connection";

/// Extension: what order is kept within.
pub const PARTITION_KEY: &str = "partitionkey";

/// Extension: the place of the event, in text order.
pub const SEQUENCE: &str = "sequence";

const EXTENSIONS: [&str; 7] =
    [BILLING_PERIOD, PERIOD_STATE, ESTIMATED, REVISION, CONNECTION, PARTITION_KEY, SEQUENCE];

/// The version of `CloudEvents` in every event.
const SPEC_VERSION: &str = "1.0";

/// What `data` is.
pub const DATA_CONTENT_TYPE: &str = "application/json";

/// What a header's value cannot hold as it is, beside everything beyond ASCII (HTTP Protocol
/// Binding for `CloudEvents`, 3.1.3.2).
const NOT_IN_HEADERS: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'%');

/// Prefix of Kafka's headers, whose values are UTF-8 as they are (Kafka Protocol Binding, 3.2.3).
const KAFKA_PREFIX: &str = "ce_";

/// An event. Serialised it is the JSON format of one event.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// The same for the same change. With `source` it names the event.
    pub id: String,
    /// `/billhook/connections/NAME`, and `/accounts/PAYER` where that is known.
    pub source: String,
    /// The `type`.
    pub kind: &'static str,
    /// What it is about.
    pub subject: Option<String>,
    /// RFC 3339, UTC.
    pub time: String,
    /// Extension attributes by name.
    pub extensions: BTreeMap<&'static str, Extension>,
    /// What happened.
    pub data: Value,
}

/// Value of an extension attribute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Extension {
    /// Text.
    Text(String),
    /// Yes or no.
    Bool(bool),
    /// A whole number.
    Integer(i64),
}

impl Serialize for Event {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("specversion", SPEC_VERSION)?;
        map.serialize_entry("id", &self.id)?;
        map.serialize_entry("source", &self.source)?;
        map.serialize_entry("type", self.kind)?;
        if let Some(subject) = &self.subject {
            map.serialize_entry("subject", subject)?;
        }
        map.serialize_entry("time", &self.time)?;
        map.serialize_entry("datacontenttype", DATA_CONTENT_TYPE)?;
        for (name, value) in &self.extensions {
            map.serialize_entry(name, value)?;
        }
        map.serialize_entry("data", &self.data)?;
        map.end()
    }
}

impl Event {
    /// The JSON format of one event. A batch is an array of these.
    #[must_use]
    pub fn structured(&self) -> Value {
        // Nothing in an event fails to be JSON.
        serde_json::to_value(self).unwrap_or_default()
    }

    /// An event that was written down with [`Event::structured`]; `None` when that is none of ours.
    #[must_use]
    pub fn read(structured: &Value) -> Option<Self> {
        let text = |name: &str| structured.get(name)?.as_str().map(str::to_owned);
        let kind = structured.get("type")?.as_str()?;
        let mut extensions = BTreeMap::new();
        for name in EXTENSIONS {
            let value = match structured.get(name) {
                Some(Value::String(text)) => Extension::Text(text.clone()),
                Some(Value::Bool(value)) => Extension::Bool(*value),
                Some(Value::Number(number)) => Extension::Integer(number.as_i64()?),
                _ => continue,
            };
            extensions.insert(name, value);
        }
        let mut known = TYPES.into_iter().chain([TEST, VANUS_DAILY, VANUS_HOURLY]);
        Some(Self {
            id: text("id")?,
            source: text("source")?,
            kind: known.find(|known| *known == kind)?,
            subject: text("subject"),
            time: text("time")?,
            extensions,
            data: structured.get("data")?.clone(),
        })
    }

    /// The attributes as headers of binary mode, each name behind `prefix`: `ce-` (values
    /// percent-encoded, as the HTTP binding says) or `ce_` (as they are, as the Kafka binding
    /// says). The header `content-type`, [`DATA_CONTENT_TYPE`], is left to whoever sends.
    #[must_use]
    pub fn headers(&self, prefix: &str) -> Vec<(String, String)> {
        let value = |text: &str| match prefix {
            KAFKA_PREFIX => text.to_owned(),
            _ => utf8_percent_encode(text, NOT_IN_HEADERS).to_string(),
        };
        let own = [
            ("specversion", Some(SPEC_VERSION)),
            ("id", Some(self.id.as_str())),
            ("source", Some(self.source.as_str())),
            ("type", Some(self.kind)),
            ("subject", self.subject.as_deref()),
            ("time", Some(self.time.as_str())),
        ];
        let own = own.into_iter().filter_map(|(name, text)| Some((name, value(text?))));
        let more = self.extensions.iter().map(|(name, extension)| {
            let text = match extension {
                Extension::Text(text) => value(text),
                Extension::Bool(value) => value.to_string(),
                Extension::Integer(number) => number.to_string(),
            };
            (*name, text)
        });
        own.chain(more).map(|(name, text)| (format!("{prefix}{name}"), text)).collect()
    }

    /// What order is kept within: the subject, or else the source.
    #[must_use]
    pub fn key(&self) -> &str {
        self.subject.as_deref().unwrap_or(&self.source)
    }

    /// Bytes of the event as JSON.
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        let mut counted = Counter(0);
        match serde_json::to_writer(&mut counted, self) {
            Ok(()) => counted.0,
            Err(_) => 0,
        }
    }

    /// The same event with its place as `sequence`. Only events with extensions take one: those
    /// without have the shape of another product.
    #[must_use]
    pub fn at(mut self, place: Place) -> Self {
        if !self.extensions.is_empty() {
            let sequence = format!("{:012}-{:09}", place.position, place.index);
            self.extensions.insert(SEQUENCE, Extension::Text(sequence));
        }
        self
    }

    /// What a test of a sink sends: of no connection, and of now.
    #[must_use]
    pub fn test() -> Self {
        let now = chrono::Utc::now().timestamp_micros();
        Self {
            id: format!("test-{now}"),
            source: "/billhook".to_owned(),
            kind: TEST,
            subject: Some("test".to_owned()),
            time: facts::instant(now),
            extensions: BTreeMap::new(),
            data: json!({ "message": "a test of this sink; nothing happened" }),
        }
    }
}

/// Counts what is written.
struct Counter(usize);

impl io::Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = self.0.saturating_add(bytes.len());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event() -> Event {
        Event {
            id: "0a".to_owned(),
            source: "/billhook/connections/main".to_owned(),
            kind: COST_RESTATED,
            subject: Some("2026-01-31/Größe \"100 %\"".to_owned()),
            time: "2026-01-31T00:00:00Z".to_owned(),
            extensions: BTreeMap::from([
                (ESTIMATED, Extension::Bool(true)),
                (REVISION, Extension::Text("r 1".to_owned())),
            ]),
            data: json!({ "currency": "USD" }),
        }
    }

    #[test]
    fn the_json_format_has_every_attribute_once() {
        let expected = json!({
            "specversion": "1.0",
            "id": "0a",
            "source": "/billhook/connections/main",
            "type": "com.billhook.cost.restated.v1",
            "subject": "2026-01-31/Größe \"100 %\"",
            "time": "2026-01-31T00:00:00Z",
            "datacontenttype": "application/json",
            "estimated": true,
            "revision": "r 1",
            "data": { "currency": "USD" },
        });
        assert_eq!(event().structured(), expected);
        assert_eq!(event().size_bytes(), serde_json::to_string(&event()).unwrap().len());
        assert_eq!(Event::read(&expected), Some(event()));
        assert_eq!(Event::read(&json!({ "type": "com.example" })), None);
    }

    #[test]
    fn headers_are_encoded_for_http_and_plain_for_kafka() {
        let value = |prefix: &str, name: &str| {
            let headers = event().headers(prefix);
            let name = format!("{prefix}{name}");
            headers.into_iter().find(|(own, _)| *own == name).map(|(_, value)| value)
        };
        let encoded = "2026-01-31/Gr%C3%B6%C3%9Fe%20%22100%20%25%22";
        assert_eq!(value("ce-", "subject").as_deref(), Some(encoded));
        assert_eq!(value("ce_", "subject"), event().subject);
        assert_eq!(value("ce-", "specversion").as_deref(), Some("1.0"));
        assert_eq!(value("ce-", "type").as_deref(), Some(COST_RESTATED));
        assert_eq!(value("ce-", "estimated").as_deref(), Some("true"));
        assert_eq!(value("ce-", "revision").as_deref(), Some("r%201"));
        assert_eq!(event().headers("ce-").len(), 8);
    }

    #[test]
    fn sequences_are_in_the_order_of_places() {
        let sequence = |position, index| {
            let event = event().at(Place { position, index });
            match event.extensions.get(SEQUENCE) {
                Some(Extension::Text(text)) => text.clone(),
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(sequence(7, 12), "000000000007-000000012");
        assert!(sequence(7, 12) < sequence(7, 100));
        assert!(sequence(7, 100) < sequence(10, 0));
        let bare = Event { extensions: BTreeMap::new(), ..event() };
        assert_eq!(bare.clone().at(Place { position: 1, index: 1 }), bare);
    }

    #[test]
    fn the_key_is_the_subject_or_else_the_source() {
        assert_eq!(Some(event().key()), event().subject.as_deref());
        let without = Event { subject: None, ..event() };
        assert_eq!(without.key(), "/billhook/connections/main");
    }
}
