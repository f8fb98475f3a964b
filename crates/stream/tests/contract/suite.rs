//! What every sink must do, whatever is behind it. A sink's test opens it against a receiver of its
//! own, says how to read what arrived, and calls [`holds`].

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use billhook_stream::event::{COST_RECORDED, COST_RESTATED, Event, Extension, TEST};
use billhook_stream::sink::Sink;
use serde_json::{Value, json};

/// Reads what a receiver has got.
#[async_trait]
pub(crate) trait Arrived: Send + Sync {
    /// Every event once, as its id says, in order of arrival, as the JSON format has it.
    async fn all(&self) -> Vec<Value>;
}

/// Subjects with all that makes trouble in headers, lines and keys.
const SUBJECTS: [&str; 4] = [
    "2026-01-31/111122223333/222233334444/AmazonEC2/Usage/USD",
    "2026-01-31/111122223333/222233334444/Größe %20 \"x\"/Usage/EUR",
    "2026-02-01/111122223333/222233334444/a,b;c=d/Tax/JPY",
    "2026-02-01T05/111122223333//日本/Credit/USD",
];

/// Most events that a suite sends at once.
const MOST: usize = 500;

/// The contract of every sink: what was acknowledged has arrived, whole, under its own id, in the
/// order of its subject, however it was batched and however often it was sent.
pub(crate) async fn holds(sink: &dyn Sink, arrived: &dyn Arrived) {
    let limits = sink.limits();
    assert!(limits.events > 0 && limits.bytes >= 64 * 1024, "{limits:?}");

    sink.send(&[]).await.unwrap();
    assert_eq!(arrived.all().await, Vec::<Value>::new(), "nothing was sent");

    let events: Vec<Event> = (0..200).map(|number| event("e", number, 0)).collect();
    for batch in events.chunks(limits.events.min(37)) {
        sink.send(batch).await.unwrap();
    }
    same(&events, &arrived.all().await);

    // Sent again, as after a crash, it is the same.
    for batch in events.chunks(limits.events.min(53)) {
        sink.send(batch).await.unwrap();
    }
    same(&events, &arrived.all().await);

    // As many as a batch holds.
    let count = limits.events.min(MOST);
    let padding = (limits.bytes / count).saturating_sub(1024).min(4096);
    let full: Vec<Event> = (0..count).map(|number| event("f", number, padding)).collect();
    assert!(full.iter().map(Event::size_bytes).sum::<usize>() <= limits.bytes, "{limits:?}");
    sink.send(&full).await.unwrap();
    let all: Vec<Event> = events.into_iter().chain(full).collect();
    same(&all, &arrived.all().await);

    let told = sink.test().await.unwrap();
    assert!(!told.is_empty());
    let tests = arrived.all().await;
    let tests = tests.iter().filter(|event| event.get("type") == Some(&json!(TEST)));
    assert_eq!(tests.count(), 1, "{told}");
}

/// Event `number` of a series. Four subjects take turns.
fn event(series: &str, number: usize, padding: usize) -> Event {
    let subject = SUBJECTS.iter().copied().cycle().nth(number).unwrap();
    let sequence = format!("000000000001-{number:09}");
    Event {
        id: format!("{series}{number:031}"),
        source: "/billhook/connections/main/accounts/111122223333".to_owned(),
        kind: if number < SUBJECTS.len() { COST_RECORDED } else { COST_RESTATED },
        subject: Some(subject.to_owned()),
        time: "2026-01-31T00:00:00Z".to_owned(),
        extensions: BTreeMap::from([
            ("billingperiod", Extension::Text("2026-01".to_owned())),
            ("estimated", Extension::Bool(number.is_multiple_of(2))),
            ("partitionkey", Extension::Text(subject.to_owned())),
            ("sequence", Extension::Text(sequence)),
        ]),
        data: json!({
            "serviceName": "Größe\n\"x\"\u{2028}",
            "billedCost": {"old": null, "new": format!("{number}.000000000000000001")},
            "padding": "x".repeat(padding),
        }),
    }
}

/// Has all that was sent arrived, once, whole, and in the order of each subject?
fn same(sent: &[Event], arrived: &[Value]) {
    let ids: BTreeSet<&str> = arrived.iter().map(id).collect();
    assert_eq!(ids.len(), arrived.len(), "an id arrived twice");
    let whole: BTreeMap<&str, Value> =
        arrived.iter().map(|event| (id(event), plain(event.clone()))).collect();
    assert_eq!(whole.len(), sent.len(), "some are missing, or nobody sent them");
    for event in sent {
        let expected = plain(event.structured());
        assert_eq!(whole.get(event.id.as_str()), Some(&expected), "{}", event.id);
    }
    for subject in SUBJECTS {
        let sent: Vec<&str> = sent
            .iter()
            .filter(|event| event.subject.as_deref() == Some(subject))
            .map(|event| event.id.as_str())
            .collect();
        let is_of = |event: &&Value| event.get("subject").and_then(Value::as_str) == Some(subject);
        let got: Vec<&str> = arrived.iter().filter(is_of).map(id).collect();
        assert_eq!(got, sent, "the order of {subject}");
    }
}

fn id(event: &Value) -> &str {
    event.get("id").and_then(Value::as_str).unwrap_or_default()
}

/// An event with attributes as text: in headers they have no other type.
fn plain(mut event: Value) -> Value {
    for (name, value) in event.as_object_mut().unwrap() {
        if name != "data" && !value.is_string() {
            *value = Value::String(value.to_string());
        }
    }
    event
}
