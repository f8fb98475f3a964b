//! Kafka: against the broker that the client's authors test with, and a real one where the
//! environment names it (`BILLHOOK_TEST_KAFKA=HOST:PORT`, read back with kcat).

use std::collections::BTreeMap;
use std::process::Command;

use billhook_stream::event::Event;
use billhook_stream::settings::{KafkaTarget, Mode, Sasl};
use billhook_stream::sink::{Sink, Verdict};
use billhook_stream::sinks::kafka::Kafka;
use krafka::error::ErrorCode;
use krafka::testing::{ApiKey, Control, FakeBroker};
use serde_json::Value;

use crate::{event, events, in_order, program, refused, secrets, send};

const TOPIC: &str = "costs";

fn target(brokers: &str, topic: &str, mode: Mode) -> KafkaTarget {
    KafkaTarget {
        brokers: vec![brokers.to_owned()],
        topic: topic.to_owned(),
        tls: false,
        sasl: None,
        user: None,
        mode,
    }
}

async fn sink(broker: &FakeBroker, mode: Mode) -> Kafka {
    let target = target(&broker.bootstrap_servers(), TOPIC, mode);
    Kafka::open(&target, &BTreeMap::new()).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subject_stays_in_its_partition_and_in_order() {
    let broker = FakeBroker::start().await.unwrap();
    broker.create_topic(TOPIC, 3);
    let sink = sink(&broker, Mode::Structured).await;
    let all = events(500);
    send(&sink, &all).await;

    let records = broker.all_records(TOPIC).unwrap();
    assert_eq!(records.len(), all.len());
    let read = records.iter().map(|record| {
        let value: Value = serde_json::from_str(record.value_str().unwrap()).unwrap();
        let event = Event::read(&value).unwrap();
        assert_eq!(record.key_str(), Some(event.key()));
        assert_eq!(record.header_str("content-type"), Some("application/cloudevents+json"));
        (event.key().to_owned(), event.data["number"].as_u64().unwrap())
    });
    assert!(in_order(&read.collect::<Vec<_>>()));
    let mut partitions = BTreeMap::new();
    for record in &records {
        let before = partitions.insert(record.key_str().unwrap().to_owned(), record.partition);
        assert!(before.is_none_or(|before| before == record.partition));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn in_binary_mode_attributes_are_headers() {
    let broker = FakeBroker::start().await.unwrap();
    broker.create_topic(TOPIC, 1);
    let sink = sink(&broker, Mode::Binary).await;
    let said = sink.test().await.unwrap();
    assert!(said.contains(TOPIC), "{said}");
    send(&sink, &[event(1, "Größe 1")]).await;

    let records = broker.all_records(TOPIC).unwrap();
    let record = records.last().unwrap();
    assert_eq!(record.header_str("ce_subject"), Some("Größe 1"));
    assert_eq!(record.header_str("ce_specversion"), Some("1.0"));
    assert_eq!(record.header_str("content-type"), Some("application/json"));
    let data: Value = serde_json::from_str(record.value_str().unwrap()).unwrap();
    assert_eq!(data, event(1, "").data);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_acknowledgement_makes_no_second_record() {
    let broker = FakeBroker::start().await.unwrap();
    broker.create_topic(TOPIC, 1);
    let sink = sink(&broker, Mode::Structured).await;
    broker.on_once(ApiKey::Produce, |_| Control::ApplyThen(Box::new(Control::Disconnect)));
    send(&sink, &[event(1, "a"), event(2, "a")]).await;
    assert_eq!(broker.all_records(TOPIC).unwrap().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_taken_is_told_apart() {
    let broker = FakeBroker::start().await.unwrap();
    broker.create_topic(TOPIC, 1);
    let sink = sink(&broker, Mode::Structured).await;
    for (code, expected) in [
        (ErrorCode::TopicAuthorizationFailed, Verdict::Broken),
        (ErrorCode::MessageTooLarge, Verdict::Poison { events: vec![0] }),
        (ErrorCode::InvalidRecord, Verdict::Poison { events: vec![0] }),
    ] {
        broker.on_once(ApiKey::Produce, move |_| Control::Error(code));
        let (verdict, reason) = refused(&sink, &[event(1, "a")]).await;
        assert_eq!(verdict, expected, "{reason}");
        broker.clear_hooks();
    }
    send(&sink, &[event(1, "a")]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_sign_in_is_told() {
    let broker = FakeBroker::start().await.unwrap();
    broker.create_topic(TOPIC, 1);
    broker.require_sasl_plain("bill", "hook");
    let mut target = target(&broker.bootstrap_servers(), TOPIC, Mode::Structured);
    target.sasl = Some(Sasl::Plain);
    target.user = Some("bill".to_owned());

    let sink = Kafka::open(&target, &secrets(&[("password", "wrong")])).await.unwrap();
    let (verdict, reason) = refused(&sink, &[event(1, "a")]).await;
    assert_eq!(verdict, Verdict::Broken, "{reason}");
    assert!(!reason.contains("wrong"), "{reason}");
    let sink = Kafka::open(&target, &secrets(&[("password", "hook")])).await.unwrap();
    send(&sink, &[event(1, "a")]).await;
    assert!(Kafka::open(&target, &BTreeMap::new()).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn another_client_reads_what_a_real_broker_keeps() {
    let Ok(brokers) = std::env::var("BILLHOOK_TEST_KAFKA") else {
        eprintln!("SKIPPED: Kafka against a real broker: BILLHOOK_TEST_KAFKA names none");
        return;
    };
    let Some(kcat) = program("kcat") else { return };
    let topic = std::env::var("BILLHOOK_TEST_KAFKA_TOPIC").unwrap_or_else(|_| TOPIC.to_owned());
    let sink = Kafka::open(&target(&brokers, &topic, Mode::Structured), &BTreeMap::new()).await;
    let all = events(100);
    send(&sink.unwrap(), &all).await;
    let read = Command::new(kcat)
        .args(["-C", "-q", "-e", "-o", "beginning", "-b", &brokers, "-t", &topic])
        .args(["-f", "%k\t%s\n"])
        .output()
        .unwrap();
    assert!(read.status.success(), "{}", String::from_utf8_lossy(&read.stderr));
    let text = String::from_utf8(read.stdout).unwrap();
    for event in &all {
        let line = format!("{}\t{}", event.key(), event.structured());
        assert!(text.lines().any(|read| read == line), "{line}");
    }
}
