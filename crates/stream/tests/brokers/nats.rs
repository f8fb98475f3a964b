//! NATS, against a real `nats-server`.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use billhook_stream::event::Event;
use billhook_stream::settings::{Mode, NatsTarget};
use billhook_stream::sink::{Sink, Verdict};
use billhook_stream::sinks::nats::Nats;
use serde_json::Value;

use crate::{event, events, huge, in_order, program, refused, secrets, send};

const STREAM: &str = "BILLHOOK";

/// A server on a free port.
struct Server {
    child: Child,
    url: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

impl Server {
    fn start(program: &Path, folder: &Path, more: &[&str]) -> Self {
        let mut child = Command::new(program)
            .args(["-js", "-a", "127.0.0.1", "-p", "-1", "-sd"])
            .arg(folder)
            .args(more)
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap());
        let mut url = String::new();
        loop {
            let mut line = String::new();
            assert_ne!(log.read_line(&mut line).unwrap(), 0, "the server ended");
            if let Some((_, address)) = line.split_once("Listening for client connections on ") {
                url = format!("nats://{}", address.trim());
            }
            if line.contains("Server is ready") {
                break;
            }
        }
        // Whoever logs must be read.
        std::thread::spawn(move || log.read_to_end(&mut Vec::new()).ok());
        Self { child, url }
    }

    fn target(&self, stream: Option<&str>, mode: Mode) -> NatsTarget {
        NatsTarget {
            servers: vec![self.url.clone()],
            stream: stream.map(str::to_owned),
            subject: "billhook".to_owned(),
            mode,
        }
    }
}

/// A message in the stream.
struct Arrived {
    subject: String,
    headers: BTreeMap<String, String>,
    body: Value,
}

async fn arrived(url: &str) -> Vec<Arrived> {
    let client = async_nats::connect(url).await.unwrap();
    let context = async_nats::jetstream::new(client);
    let mut stream = context.get_stream(STREAM).await.unwrap();
    let state = &stream.info().await.unwrap().state;
    let (first, last) = (state.first_sequence, state.last_sequence);
    let mut all = Vec::new();
    for sequence in first..=last {
        let message = stream.get_raw_message(sequence).await.unwrap();
        let headers = message.headers.iter().map(|(name, values)| {
            (name.to_string().to_lowercase(), values.first().unwrap().to_string())
        });
        all.push(Arrived {
            subject: message.subject.to_string(),
            headers: headers.collect(),
            body: serde_json::from_slice(&message.payload).unwrap(),
        });
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn events_arrive_once_and_in_order() {
    let Some(program) = program("nats-server") else { return };
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(&program, folder.path(), &[]);
    let none = BTreeMap::new();
    let sink = Nats::open(&server.target(Some(STREAM), Mode::Structured), &none).await.unwrap();
    let all = events(1200);
    send(&sink, &all).await;
    // As after a crash, from an earlier place on.
    let again = Nats::open(&server.target(Some(STREAM), Mode::Structured), &none).await.unwrap();
    send(&again, &all[600..]).await;

    let arrived = arrived(&server.url).await;
    assert_eq!(arrived.len(), all.len());
    let read = arrived.iter().map(|one| Event::read(&one.body).unwrap());
    assert_eq!(read.clone().map(|event| event.id).max(), all.last().map(|event| event.id.clone()));
    let numbers: Vec<(String, u64)> = read
        .map(|event| (event.key().to_owned(), event.data["number"].as_u64().unwrap()))
        .collect();
    assert!(in_order(&numbers));
    let first = arrived.first().unwrap();
    assert_eq!(first.subject, "billhook.cost.restated.v1.main");
    assert_eq!(first.headers["nats-msg-id"], all[0].id);
    assert_eq!(first.headers["content-type"], "application/cloudevents+json");
    assert_eq!(first.body, all[0].structured());
}

#[tokio::test(flavor = "multi_thread")]
async fn in_binary_mode_attributes_are_headers() {
    let Some(program) = program("nats-server") else { return };
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(&program, folder.path(), &[]);
    let target = server.target(Some(STREAM), Mode::Binary);
    let sink = Nats::open(&target, &BTreeMap::new()).await.unwrap();
    let said = sink.test().await.unwrap();
    assert!(said.contains("billhook.test.v1.none"), "{said}");
    send(&sink, &[event(1, "Größe 1")]).await;

    let arrived = arrived(&server.url).await;
    let last = arrived.last().unwrap();
    assert_eq!(last.headers["ce-id"], event(1, "").id);
    assert_eq!(last.headers["ce-subject"], "Gr%C3%B6%C3%9Fe%201");
    assert_eq!(last.headers["content-type"], "application/json");
    assert_eq!(last.body, event(1, "").data);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_taken_is_told_apart() {
    let Some(program) = program("nats-server") else { return };
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(&program, folder.path(), &["--user", "bill", "--pass", "hook"]);
    let own = secrets(&[("user", "bill"), ("password", "hook")]);
    let other = secrets(&[("user", "bill"), ("password", "wrong")]);

    let target = server.target(Some(STREAM), Mode::Structured);
    let sink = Nats::open(&target, &other).await.unwrap();
    let (verdict, reason) = refused(&sink, &events(1)).await;
    assert_eq!(verdict, Verdict::Broken, "{reason}");
    assert!(!reason.contains("wrong"), "{reason}");

    let target = server.target(None, Mode::Structured);
    let sink = Nats::open(&target, &own).await.unwrap();
    let (verdict, reason) = refused(&sink, &events(1)).await;
    assert_eq!(verdict, Verdict::Broken, "{reason}");

    let target = server.target(Some(STREAM), Mode::Structured);
    let sink = Nats::open(&target, &own).await.unwrap();
    let batch = [event(1, "a"), huge(2), event(3, "b")];
    let (verdict, reason) = refused(&sink, &batch).await;
    assert_eq!(verdict, Verdict::Poison { events: vec![1] }, "{reason}");
    send(&sink, &batch[2..]).await;

    drop(server);
    let (verdict, reason) = refused(&sink, &events(1)).await;
    assert_eq!(verdict, Verdict::Later { after: None }, "{reason}");
}
