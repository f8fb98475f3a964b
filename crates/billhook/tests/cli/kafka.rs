//! Events at a Kafka broker that others wrote (Tansu), read by a client that others wrote
//! (librdkafka): all of them, adding up to the table's last digit, through kills and lost
//! connections, and over TLS (INV-IDEM).

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Stdio;
use std::thread::sleep;
use std::time::Duration;

use billhook_testkit::kafka::{Broker, Line, certificates};
use billhook_testkit::random::{Stream, below};
use serde_json::Value;

use crate::events::{COSTS, connected, lines, total, units, works, write_bill};
use crate::support::{Home, Ran, python};

const TOPIC: &str = "costs";

/// How often Billhook is killed, or its connections to the broker end.
const TIMES: u64 = 6;

/// It happens within so many milliseconds.
const WITHIN_MS: u64 = 500;

fn add(home: &Home, broker: &Broker, more: &[&str]) {
    broker.create_topic(TOPIC, 3).unwrap();
    let address = broker.address();
    let sink = ["sinks", "add", "kafka", "--kind", "kafka", "--server", &address];
    let rest = ["--topic", TOPIC, "--from", "history"];
    works(home, &[&sink[..], &rest, more].concat());
}

/// What the topic holds, each event once, is what happened, in each subject's order.
fn holds_all(home: &Home, broker: &Broker) -> Vec<Value> {
    let mut events = broker.events(TOPIC).unwrap();
    let mut last: BTreeMap<&str, &str> = BTreeMap::new();
    for event in &events {
        let [subject, sequence] = ["subject", "sequence"].map(|name| event[name].as_str().unwrap());
        let before = last.insert(subject, sequence);
        assert!(before.is_none_or(|before| before < sequence), "{subject}");
    }
    events.sort_by_key(|event| event["sequence"].as_str().unwrap().to_owned());
    assert_eq!(events, lines(&works(home, &["events", "tail"]).out));
    for (field, column) in [
        ("billedCost", "BilledCost"),
        ("effectiveCost", "EffectiveCost"),
        ("unblendedCost", "x_UnblendedCost"),
    ] {
        let table = home.ask(&format!("SELECT SUM({column}) FROM cost_daily"));
        assert_eq!(total(&events, field), units(&table), "{column}");
    }
    events
}

#[test]
fn restatements_come_to_kafka_and_add_up_to_the_last_digit() {
    let Some(python) = python("BILLHOOK_TEST_PYTHON") else { return };
    let home = connected();
    let broker = Broker::start(&python, Line::Direct).unwrap();
    add(&home, &broker, &[]);
    for costs in &COSTS {
        write_bill(&home, costs);
        works(&home, &["sync"]);
    }
    let events = holds_all(&home, &broker);
    assert_eq!(broker.records(TOPIC).unwrap().len(), events.len());
    // Sent again, everything has the id that it had.
    works(&home, &["events", "replay", "kafka", "--from", "1970-01-01"]);
    assert_eq!(holds_all(&home, &broker), events);
    assert_eq!(broker.records(TOPIC).unwrap().len(), 2 * events.len());
}

#[test]
fn inv_idem_killed_or_cut_off_at_any_moment_kafka_gets_every_event() {
    let Some(python) = python("BILLHOOK_TEST_PYTHON") else { return };
    let home = connected();
    let mut broker = Broker::start(&python, Line::Plain).unwrap();
    add(&home, &broker, &[]);
    let seed = u64::from(std::process::id());
    eprintln!("seed {seed}");
    let mut chance = Stream::new(seed);
    for (time, costs) in (0..TIMES).zip(COSTS.iter().cycle()) {
        write_bill(&home, costs);
        let replay = ["events", "replay", "kafka", "--from", "0"];
        let verb: &[&str] = if time.is_multiple_of(2) { &["sync"] } else { &replay };
        let mut command = home.command();
        let command = command.args(verb).stdout(Stdio::null()).stderr(Stdio::null());
        let mut billhook = command.spawn().unwrap();
        sleep(Duration::from_millis(below(chance.next(), WITHIN_MS)));
        if below(chance.next(), 3) == 0 {
            billhook.kill().unwrap();
        } else {
            broker.cut();
            sleep(Duration::from_millis(below(chance.next(), WITHIN_MS)));
            broker.mend().unwrap();
        }
        billhook.wait().unwrap();
    }
    works(&home, &["sync"]);
    works(&home, &["events", "send"]);
    holds_all(&home, &broker);
}

#[test]
fn kafka_over_tls_trusts_only_whom_it_was_told_to() {
    let Some(python) = python("BILLHOOK_TEST_PYTHON") else { return };
    let home = connected();
    let folder = home.path("tls");
    std::fs::create_dir_all(&folder).unwrap();
    certificates(&python, &folder).unwrap();
    let broker = Broker::start(&python, Line::Tls(&folder)).unwrap();
    add(&home, &broker, &["--tls"]);
    let test = |authority: Option<&Path>| {
        let mut command = home.command();
        command.args(["sinks", "test", "kafka"]);
        if let Some(authority) = authority {
            command.env("SSL_CERT_FILE", authority);
        }
        Ran::of(command.output().unwrap())
    };
    let ran = test(None);
    assert_ne!(ran.code, 0, "{}", ran.out);
    assert!(ran.err.contains("kafka"), "{}", ran.err);
    assert_eq!(broker.records(TOPIC).unwrap().len(), 0);
    let ran = test(Some(&folder.join("authority.pem")));
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert_eq!(broker.records(TOPIC).unwrap().len(), 1);
}
