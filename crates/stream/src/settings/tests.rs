use serde_json::json;

use super::*;
use crate::event;

fn settings(target: &Value) -> SinkSettings {
    serde_json::from_value(json!({ "target": target })).unwrap()
}

fn event(data: Value) -> Event {
    let name = Extension::Text("main".to_owned());
    Event {
        id: "1".to_owned(),
        source: "/billhook/connections/main".to_owned(),
        kind: event::COST_RESTATED,
        subject: None,
        time: "2026-01-31T00:00:00Z".to_owned(),
        extensions: BTreeMap::from([(CONNECTION, name)]),
        data,
    }
}

#[test]
fn what_is_left_out_has_a_default() {
    let http = settings(&json!({ "kind": "http", "url": "https://example.com/events" }));
    assert_eq!((http.format, http.from), (Format::Cloudevents, From::Now));
    assert_eq!(http.granularity, Granularity::Daily);
    let Target::Http(target) = &http.target else { panic!("{http:?}") };
    assert_eq!((target.mode, target.timeout_s), (Mode::Structured, 30));
    assert!(!target.signs && !target.allow_private && target.headers.is_empty());
    let nats = settings(&json!({ "kind": "nats", "servers": ["nats://localhost:4222"] }));
    assert!(matches!(&nats.target, Target::Nats(nats) if nats.subject == "billhook"));
    for settings in [http, nats] {
        settings.check().unwrap();
        let stored = serde_json::to_value(&settings).unwrap();
        assert_eq!(serde_json::from_value::<SinkSettings>(stored).unwrap(), settings);
    }
}

#[test]
fn every_kind_is_called_as_in_the_settings() {
    for (kind, more) in [
        ("http", json!({ "url": "http://localhost" })),
        ("nats", json!({ "servers": ["localhost"] })),
        (
            "kafka",
            json!({ "brokers": ["localhost:9092"], "topic": "costs", "user": "me",
            "sasl": "scram_sha_512" }),
        ),
        ("eventbridge", json!({ "bus": "default" })),
        ("sqs", json!({ "queue_url": "https://sqs.eu-central-1.amazonaws.com/1/q" })),
        ("sns", json!({ "topic_arn": "arn:aws:sns:eu-central-1:111122223333:t" })),
        ("file", json!({ "path": "events.ndjson" })),
        ("stdout", json!({})),
    ] {
        let mut target = more;
        target["kind"] = json!(kind);
        let settings = settings(&target);
        assert_eq!(settings.target.kind(), kind);
        assert!(!settings.target.title().is_empty());
        settings.check().unwrap();
    }
}

#[test]
fn settings_that_exclude_each_other_are_named() {
    let named = |settings: &SinkSettings| match settings.check() {
        Err(SettingsError::Setting { setting, .. }) => setting,
        other => panic!("{other:?}"),
    };
    for (target, setting) in [
        (json!({ "kind": "http", "url": " " }), "url"),
        (json!({ "kind": "http", "url": "http://localhost", "timeout_s": 0 }), "timeout_s"),
        (json!({ "kind": "nats", "servers": [] }), "servers"),
        (json!({ "kind": "kafka", "brokers": ["b"], "topic": "t", "mode": "batched" }), "mode"),
        (json!({ "kind": "kafka", "brokers": ["b"], "topic": "t", "sasl": "plain" }), "user"),
        (
            json!({ "kind": "eventbridge", "bus": "b", "identity": { "external_id": "x" } }),
            "external_id",
        ),
        (
            json!({ "kind": "sqs", "queue_url": "q",
                "identity": { "profile": "p", "access_key_id": "AKIA" } }),
            "profile",
        ),
    ] {
        assert_eq!(named(&settings(&target)), setting);
    }
    let mut stdout = settings(&json!({ "kind": "stdout" }));
    stdout.types = vec!["cost.restated".to_owned()];
    stdout.check().unwrap();
    stdout.format = Format::Vanus;
    assert_eq!(named(&stdout), "format");
    stdout.types = vec!["cost.changed".to_owned()];
    assert_eq!(named(&stdout), "types");
}

#[test]
fn a_sink_gets_what_it_asks_for() {
    let with = |change: &dyn Fn(&mut SinkSettings)| {
        let mut settings = settings(&json!({ "kind": "stdout" }));
        change(&mut settings);
        settings.wants(&event(json!({ "currency": "USD", "estimated": true, "amount": null })))
    };
    let filter = |settings: &mut SinkSettings, field: &str, value: &str| {
        settings.filters.insert(field.to_owned(), value.to_owned());
    };
    assert!(with(&|_| {}));
    assert!(with(&|s| s.types = vec!["cost.restated".to_owned()]));
    assert!(with(&|s| s.types = vec![event::COST_RESTATED.to_owned()]));
    assert!(!with(&|s| s.types = vec!["cost.recorded".to_owned()]));
    assert!(with(&|s| s.connections = vec!["other".to_owned(), "main".to_owned()]));
    assert!(!with(&|s| s.connections = vec!["other".to_owned()]));
    assert!(with(&|s| filter(s, "currency", "USD")));
    assert!(with(&|s| filter(s, "estimated", "true")));
    assert!(!with(&|s| filter(s, "currency", "EUR")));
    assert!(!with(&|s| filter(s, "amount", "null")));
    assert!(!with(&|s| filter(s, "nothing", "")));
}
