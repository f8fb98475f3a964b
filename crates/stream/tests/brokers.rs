//! The sinks for brokers, each against one that others wrote, where there is one.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(clippy::print_stderr, reason = "what is skipped is told")]

#[path = "brokers/aws.rs"]
mod aws;
#[path = "brokers/kafka.rs"]
mod kafka;
#[path = "brokers/nats.rs"]
mod nats;

use std::collections::BTreeMap;
use std::path::PathBuf;

use billhook_stream::event::{CONNECTION, COST_RESTATED, Event, Extension};
use billhook_stream::sink::{Sink, Verdict};
use secrecy::SecretString;
use serde_json::json;

/// The event `number` about `subject`.
pub(crate) fn event(number: usize, subject: &str) -> Event {
    Event {
        id: format!("{number:032x}"),
        source: "/billhook/connections/main/accounts/111122223333".to_owned(),
        kind: COST_RESTATED,
        subject: Some(subject.to_owned()),
        time: "2026-01-31T00:00:00Z".to_owned(),
        extensions: BTreeMap::from([(CONNECTION, Extension::Text("main".to_owned()))]),
        data: json!({"number": number, "billedCost": {"old": "1.10", "new": "1.20"}}),
    }
}

/// Events about few subjects, so that each comes again soon.
pub(crate) fn events(count: usize) -> Vec<Event> {
    (0..count).map(|number| event(number, &format!("2026-01-31/Größe {}", number % 7))).collect()
}

/// An event too large for any broker.
pub(crate) fn huge(number: usize) -> Event {
    Event { data: json!({"text": "x".repeat(3 << 20)}), ..event(number, "huge") }
}

pub(crate) fn secrets(all: &[(&str, &str)]) -> BTreeMap<String, SecretString> {
    let secret = |(name, text): &(&str, &str)| ((*name).to_owned(), SecretString::from(*text));
    all.iter().map(secret).collect()
}

/// Sends everything in batches of the sink's size.
pub(crate) async fn send(sink: &dyn Sink, events: &[Event]) {
    for batch in events.chunks(sink.limits().events) {
        sink.send(batch).await.unwrap();
    }
}

/// What the sink makes of events that are not taken, and why.
pub(crate) async fn refused(sink: &dyn Sink, events: &[Event]) -> (Verdict, String) {
    let refused = sink.send(events).await.unwrap_err();
    (refused.verdict, refused.reason)
}

/// The numbers that arrived, by subject, and whether they are in order there.
pub(crate) fn in_order(arrived: &[(String, u64)]) -> bool {
    let mut last = BTreeMap::new();
    arrived.iter().all(|(subject, number)| {
        let before = last.insert(subject.clone(), *number);
        before.is_none_or(|before| before < *number)
    })
}

/// A program, told as skipped when this machine does not have it.
pub(crate) fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain([PathBuf::from("/usr/sbin")]);
    let found = folders.map(|folder| folder.join(name)).find(|path| path.is_file());
    if found.is_none() {
        eprintln!("SKIPPED: there is no {name} on this machine");
    }
    found
}
