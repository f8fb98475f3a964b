//! The suite that every sink must pass, over HTTP in its three modes, over a file, and over Kafka
//! in its two.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(clippy::print_stderr, reason = "what is skipped is told")]

#[path = "contract/suite.rs"]
mod suite;

use std::collections::BTreeMap;
use std::path::PathBuf;

use async_trait::async_trait;
use billhook_stream::settings::{self, SinkSettings};
use billhook_stream::sink::Sink;
use billhook_testkit::kafka::{Broker, Line};
use billhook_testkit::receiver::Receiver;
use secrecy::SecretString;
use serde_json::{Value, json};

use suite::Arrived;

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

const TOPIC: &str = "costs";

struct Http(Receiver);

#[async_trait]
impl Arrived for Http {
    async fn all(&self) -> Vec<Value> {
        self.0.events()
    }
}

struct Lines(PathBuf);

#[async_trait]
impl Arrived for Lines {
    /// A file keeps what is sent again; who reads it knows ids.
    async fn all(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(&self.0).unwrap_or_default();
        let mut events: Vec<Value> = Vec::new();
        for line in text.lines() {
            let event: Value = serde_json::from_str(line).unwrap();
            if !events.iter().any(|other| other.get("id") == event.get("id")) {
                events.push(event);
            }
        }
        events
    }
}

struct Topic(Broker);

#[async_trait]
impl Arrived for Topic {
    /// What is sent again is in the topic again; who reads it knows ids.
    async fn all(&self) -> Vec<Value> {
        self.0.events(TOPIC).unwrap()
    }
}

async fn open(target: Value) -> Box<dyn Sink> {
    let settings: SinkSettings = serde_json::from_value(json!({ "target": target })).unwrap();
    let secret = ("webhook".to_owned(), SecretString::from(SECRET));
    settings::open(&settings, &BTreeMap::from([secret])).await.unwrap()
}

async fn over_http(mode: &str, signs: bool) {
    let receiver = Receiver::start();
    if signs {
        receiver.check_signatures(SECRET).unwrap();
    }
    let url = receiver.url();
    let target = json!({ "kind": "http", "url": url, "mode": mode, "signs": signs });
    let sink = open(target).await;
    suite::holds(sink.as_ref(), &Http(receiver)).await;
}

#[tokio::test]
async fn structured_http_holds() {
    over_http("structured", false).await;
}

#[tokio::test]
async fn binary_http_holds() {
    over_http("binary", true).await;
}

#[tokio::test]
async fn batched_http_holds() {
    over_http("batched", true).await;
}

#[tokio::test]
async fn a_file_holds() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.ndjson");
    let sink = open(json!({ "kind": "file", "path": path })).await;
    suite::holds(sink.as_ref(), &Lines(path)).await;
}

async fn over_kafka(mode: &str) {
    let python = std::env::var_os("BILLHOOK_TEST_PYTHON").map(PathBuf::from);
    let Some(python) = python.filter(|path| path.exists()) else {
        eprintln!("SKIPPED: BILLHOOK_TEST_PYTHON is not set; run the tests by `cargo xtask test`");
        return;
    };
    let broker = Broker::start(&python, Line::Direct).unwrap();
    broker.create_topic(TOPIC, 3).unwrap();
    let brokers = [broker.address()];
    let target = json!({ "kind": "kafka", "brokers": brokers, "topic": TOPIC, "mode": mode });
    let sink = open(target).await;
    suite::holds(sink.as_ref(), &Topic(broker)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn structured_kafka_holds() {
    over_kafka("structured").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn binary_kafka_holds() {
    over_kafka("binary").await;
}
