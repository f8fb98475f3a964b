//! Events as the body and headers of one request, in the three modes of CloudEvents' HTTP binding.

use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::event::{DATA_CONTENT_TYPE, Event};

/// One request's worth of events.
pub(super) struct Message {
    /// What a receiver can know the same request by when it comes again.
    pub(super) id: String,
    pub(super) content_type: &'static str,
    /// Attributes of the event, in binary mode.
    pub(super) attributes: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

impl Message {
    /// One event with all that it is in the body.
    pub(super) fn structured(event: &Event) -> Self {
        Self {
            id: event.id.clone(),
            content_type: "application/cloudevents+json",
            attributes: Vec::new(),
            body: json(event),
        }
    }

    /// One event with its data in the body and the rest in headers.
    pub(super) fn binary(event: &Event) -> Self {
        Self {
            id: event.id.clone(),
            content_type: DATA_CONTENT_TYPE,
            attributes: event.headers("ce-"),
            body: json(&event.data),
        }
    }

    /// Many events, as a list of what `structured` sends.
    pub(super) fn batched(events: &[Event]) -> Self {
        Self {
            id: batch_id(events),
            content_type: "application/cloudevents-batch+json",
            attributes: Vec::new(),
            body: json(events),
        }
    }
}

fn json<T: Serialize + ?Sized>(what: &T) -> Vec<u8> {
    // Nothing in an event fails to be JSON.
    serde_json::to_vec(what).unwrap_or_default()
}

/// The first event's id, and a few digits of a hash over all of them: another batch that begins
/// with the same event is another message.
fn batch_id(events: &[Event]) -> String {
    let mut hash = Sha256::new();
    for event in events {
        hash.update(event.id.as_bytes());
        hash.update(b"\n");
    }
    let hash = hex::encode(hash.finalize());
    let first = events.first().map_or("", |event| event.id.as_str());
    format!("{first}-{}-{}", events.len(), hash.get(..12).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::{Value, json};

    use super::*;
    use crate::event::{COST_RESTATED, ESTIMATED, Extension};

    fn event(id: &str) -> Event {
        Event {
            id: id.to_owned(),
            source: "/billhook/connections/main".to_owned(),
            kind: COST_RESTATED,
            subject: Some("2026-01-31/Größe".to_owned()),
            time: "2026-01-31T00:00:00Z".to_owned(),
            extensions: BTreeMap::from([(ESTIMATED, Extension::Bool(true))]),
            data: json!({ "currency": "USD" }),
        }
    }

    fn read(message: &Message) -> Value {
        serde_json::from_slice(&message.body).unwrap()
    }

    #[test]
    fn a_message_has_the_event_in_the_body_or_around_it() {
        let structured = Message::structured(&event("a"));
        assert_eq!(read(&structured), event("a").structured());
        assert!(structured.attributes.is_empty());

        let binary = Message::binary(&event("a"));
        assert_eq!(read(&binary), json!({ "currency": "USD" }));
        assert_eq!(binary.content_type, "application/json");
        let subject = ("ce-subject".to_owned(), "2026-01-31/Gr%C3%B6%C3%9Fe".to_owned());
        assert!(binary.attributes.contains(&subject), "{:?}", binary.attributes);

        let batched = Message::batched(&[event("a"), event("b")]);
        assert_eq!(read(&batched), json!([event("a").structured(), event("b").structured()]));
    }

    #[test]
    fn the_same_batch_has_the_same_id_and_another_another() {
        let id = |ids: &[&str]| {
            let events: Vec<Event> = ids.iter().map(|id| event(id)).collect();
            Message::batched(&events).id
        };
        assert_eq!(id(&["a", "b"]), id(&["a", "b"]));
        assert!(id(&["a", "b"]).starts_with("a-2-"));
        let others = [id(&["a", "b"]), id(&["a", "c"]), id(&["a"]), id(&["a", "b", "c"])];
        for (index, one) in others.iter().enumerate() {
            assert!(!others.iter().skip(index + 1).any(|other| other == one), "{one}");
            assert!(!one.contains('.'));
        }
    }
}
