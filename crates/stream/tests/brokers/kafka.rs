//! Kafka: against a broker and a reader that others wrote (Tansu and librdkafka); against the
//! broker that the client's authors test with, for answers that no other gives when it is told to;
//! and against a real one where the environment names it (`BILLHOOK_TEST_KAFKA=HOST:PORT`, read
//! back with kcat).

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use billhook_stream::event::Event;
use billhook_stream::settings::{KafkaTarget, Mode, Sasl};
use billhook_stream::sink::{Sink, Verdict};
use billhook_stream::sinks::kafka::Kafka;
use billhook_testkit::kafka::{Broker, Line};
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

/// A Python that has the broker and the reader of others.
fn python() -> Option<PathBuf> {
    let python = std::env::var_os("BILLHOOK_TEST_PYTHON").map(PathBuf::from);
    let python = python.filter(|path| path.exists());
    if python.is_none() {
        eprintln!("SKIPPED: BILLHOOK_TEST_PYTHON is not set; run the tests by `cargo xtask test`");
    }
    python
}

async fn sink_of(broker: &Broker) -> Kafka {
    broker.create_topic(TOPIC, 3).unwrap();
    let target = target(&broker.address(), TOPIC, Mode::Structured);
    Kafka::open(&target, &BTreeMap::new()).await.unwrap()
}

/// Subject and number of each event that a broker keeps, each event once.
fn kept(broker: &Broker) -> Vec<(String, u64)> {
    let events = broker.events(TOPIC).unwrap();
    let events = events.iter().map(|event| Event::read(event).unwrap());
    events.map(|one| (one.key().to_owned(), one.data["number"].as_u64().unwrap())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn another_broker_keeps_subjects_together_and_in_order() {
    let Some(python) = python() else { return };
    let broker = Broker::start(&python, Line::Direct).unwrap();
    let sink = sink_of(&broker).await;
    let all = events(300);
    send(&sink, &all).await;

    let records = broker.records(TOPIC).unwrap();
    assert_eq!(records.len(), all.len());
    let mut partitions = BTreeMap::new();
    for record in &records {
        assert_eq!(record["headers"]["content-type"], "application/cloudevents+json");
        let value: Value = serde_json::from_str(record["value"].as_str().unwrap()).unwrap();
        assert_eq!(record["key"], value["subject"]);
        let partition = record["partition"].as_u64().unwrap();
        let before = partitions.insert(record["key"].to_string(), partition);
        assert!(before.is_none_or(|before| before == partition));
    }
    let used: BTreeSet<u64> = partitions.into_values().collect();
    assert!(used.len() > 1, "{used:?}");
    let kept = kept(&broker);
    assert_eq!(kept.len(), all.len());
    assert!(in_order(&kept));
}

#[tokio::test(flavor = "multi_thread")]
async fn another_broker_takes_a_record_once_when_its_answer_is_lost() {
    let Some(python) = python() else { return };
    let broker = Broker::start(&python, Line::Loses).unwrap();
    let sink = sink_of(&broker).await;
    send(&sink, &[event(1, "a"), event(2, "a"), event(3, "b")]).await;
    assert_eq!(broker.records(TOPIC).unwrap().len(), 3);
    assert!(in_order(&kept(&broker)));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_broker_is_spoken_to_in_its_way() {
    let Some(python) = python() else { return };
    let broker = Broker::start(&python, Line::Old).unwrap();
    let sink = sink_of(&broker).await;
    send(&sink, &events(20)).await;
    let kept = kept(&broker);
    assert_eq!(kept.len(), 20);
    assert!(in_order(&kept));
}

#[tokio::test(flavor = "multi_thread")]
async fn with_scram_only_who_knows_the_password_gets_in() {
    let Some(python) = python() else { return };
    for (sasl, mechanism) in
        [(Sasl::ScramSha256, "SCRAM-SHA-256"), (Sasl::ScramSha512, "SCRAM-SHA-512")]
    {
        let line = Line::Scram { mechanism, user: "bill", password: "hook, Größe=" };
        let broker = Broker::start(&python, line).unwrap();
        broker.create_topic(TOPIC, 3).unwrap();
        let mut target = target(&broker.address(), TOPIC, Mode::Structured);
        target.sasl = Some(sasl);
        target.user = Some("bill".to_owned());

        let sink = Kafka::open(&target, &secrets(&[("password", "wrong")])).await.unwrap();
        let (verdict, reason) = refused(&sink, &events(1)).await;
        assert_eq!(verdict, Verdict::Broken, "{reason}");
        assert!(!reason.contains("wrong"), "{reason}");
        let sink = Kafka::open(&target, &secrets(&[("password", "hook, Größe=")])).await.unwrap();
        send(&sink, &events(20)).await;
        assert_eq!(kept(&broker).len(), 20);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_was_killed_gets_the_rest_when_it_is_back() {
    let Some(python) = python() else { return };
    let mut broker = Broker::start_durable(&python, Line::Direct).unwrap();
    let sink = sink_of(&broker).await;
    let all = events(60);
    send(&sink, &all[..20]).await;
    broker.kill();
    let sending = async {
        // Whoever is refused sends it again, as the loop that delivers does.
        while let Err(refused) = sink.send(&all[20..40]).await {
            assert_eq!(refused.verdict, Verdict::Later { after: None }, "{}", refused.reason);
        }
    };
    let coming_back = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        broker.start_again().unwrap();
    };
    tokio::join!(sending, coming_back);
    send(&sink, &all[40..]).await;
    let kept = kept(&broker);
    assert_eq!(kept.len(), all.len());
    assert!(in_order(&kept));
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
