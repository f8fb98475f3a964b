//! The HTTP sink against a receiver that takes everything, and against bad ones: what each of them
//! means for the events, and what is told about it.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use billhook_stream::event::{COST_RESTATED, Event, Extension};
use billhook_stream::settings::{HttpTarget, Mode};
use billhook_stream::sink::{Refused, Sink as _, Verdict};
use billhook_stream::sinks::http::Http;
use billhook_testkit::receiver::{Answer, Received, Receiver, Validation};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection};
use secrecy::SecretString;
use serde_json::{Value, json};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

fn target(url: &str, mode: Mode) -> HttpTarget {
    HttpTarget {
        url: url.to_owned(),
        mode,
        headers: BTreeMap::new(),
        signs: false,
        allow_private: false,
        timeout_s: 20,
    }
}

async fn open(target: &HttpTarget, secrets: &[(&str, &str)]) -> Http {
    let secrets = secrets.iter();
    let secrets = secrets.map(|(name, value)| ((*name).to_owned(), SecretString::from(*value)));
    Http::open(target, &secrets.collect()).await.unwrap()
}

/// A sink without more, to a receiver.
async fn to(receiver: &Receiver, mode: Mode) -> Http {
    open(&target(&receiver.url(), mode), &[]).await
}

fn events(count: usize) -> Vec<Event> {
    let event = |number: usize| Event {
        id: format!("{number:032x}"),
        source: "/billhook/connections/main".to_owned(),
        kind: COST_RESTATED,
        subject: Some("2026-01-31/1/2/Größe/Usage/USD".to_owned()),
        time: "2026-01-31T00:00:00Z".to_owned(),
        extensions: BTreeMap::from([("estimated", Extension::Bool(false))]),
        data: json!({ "billedCost": { "new": "0.1" }, "currency": "USD" }),
    };
    (0..count).map(event).collect()
}

fn ids(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event.get("id").and_then(Value::as_str).unwrap()).collect()
}

fn posts(receiver: &Receiver) -> Vec<Received> {
    let mut requests = receiver.requests();
    requests.retain(|request| request.method == "POST");
    requests
}

fn status(status: u16) -> Answer {
    Answer::Status(status, Vec::new())
}

const LATER: Verdict = Verdict::Later { after: None };

#[tokio::test]
async fn every_mode_is_what_the_binding_says() {
    for (mode, content_type, requests) in [
        (Mode::Structured, "application/cloudevents+json", 3),
        (Mode::Binary, "application/json", 3),
        (Mode::Batched, "application/cloudevents-batch+json", 1),
    ] {
        let receiver = Receiver::start();
        let mut target = target(&receiver.url(), mode);
        target.headers.insert("X-Team".to_owned(), "finance".to_owned());
        let sink = open(&target, &[("header:Authorization", "Bearer hunter2")]).await;
        sink.send(&events(3)).await.unwrap();

        let arrived = receiver.events();
        assert_eq!(ids(&arrived), events(3).iter().map(|event| &event.id).collect::<Vec<_>>());
        let posts = posts(&receiver);
        assert_eq!(posts.len(), requests, "{mode:?}");
        let first = posts.first().unwrap();
        assert_eq!(first.target, "/events");
        assert_eq!(first.header("content-type"), Some(content_type));
        assert_eq!(first.header("x-team"), Some("finance"));
        assert_eq!(first.header("authorization"), Some("Bearer hunter2"));
        assert_eq!(first.header("webhook-request-origin"), Some("billhook"));
        assert_eq!(first.header("webhook-signature"), None);
        let subject = (mode == Mode::Binary).then_some("2026-01-31/1/2/Gr%C3%B6%C3%9Fe/Usage/USD");
        assert_eq!(first.header("ce-subject"), subject);
    }
}

#[tokio::test]
async fn what_is_signed_is_signed_as_standard_webhooks_say() {
    for mode in [Mode::Structured, Mode::Binary, Mode::Batched] {
        let receiver = Receiver::start();
        receiver.check_signatures(SECRET).unwrap();
        let target = HttpTarget { signs: true, ..target(&receiver.url(), mode) };
        let sink = open(&target, &[("webhook", SECRET)]).await;
        sink.send(&events(2)).await.unwrap();
        sink.send(&events(2)).await.unwrap();
        assert_eq!(receiver.events().len(), 2, "{mode:?}");
        // The same again has the same id.
        let posts = posts(&receiver);
        let (first, second) = posts.split_at(posts.len() / 2);
        let names = |posts: &[Received]| -> Vec<String> {
            posts.iter().map(|post| post.header("webhook-id").unwrap().to_owned()).collect()
        };
        assert_eq!(names(first), names(second));

        let other = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
        let stranger = open(&target, &[("webhook", other)]).await;
        let refused = stranger.send(&events(1)).await.unwrap_err();
        assert_eq!(refused.verdict, Verdict::Broken);
        assert!(refused.reason.contains("401"), "{refused}");
    }
}

#[tokio::test]
async fn inv_sec_people_see_what_was_sent_without_secrets() {
    let receiver = Receiver::start();
    receiver.answer_with(vec![status(503)]);
    let url = format!("{}?key=abcdefgh", receiver.url());
    let target = HttpTarget { signs: true, ..target(&url, Mode::Structured) };
    let secrets = [("header:Authorization", "Bearer hunter2hunter2"), ("webhook", SECRET)];
    let sink = open(&target, &secrets).await;
    sink.send(&events(2)).await.unwrap_err();
    sink.send(&events(2)).await.unwrap();
    let seen = sink.exchanges();
    let told: Vec<_> = seen.iter().map(|one| (one.event, one.status.unwrap())).collect();
    assert_eq!(told.len(), 3);
    assert_eq!(told.first(), Some(&(Some(0), 503)));
    assert!(seen.iter().skip(1).all(|one| one.refused.is_none()));
    for one in &seen {
        assert!(one.request.contains("authorization: ***\n"), "{}", one.request);
        assert!(one.request.contains("webhook-signature: v1,"), "{}", one.request);
        for secret in ["hunter2", "abcdefgh", SECRET] {
            assert!(!one.request.contains(secret) && !one.answer.contains(secret));
        }
    }
    assert!(sink.exchanges().is_empty());
}

/// What becomes of two events when the first request with them is answered so.
async fn bad(mode: Mode, answer: Answer) -> (Refused, Receiver) {
    let receiver = Receiver::start();
    receiver.answer_with(vec![answer]);
    let sink = open(&HttpTarget { timeout_s: 1, ..target(&receiver.url(), mode) }, &[]).await;
    let refused = sink.send(&events(2)).await.unwrap_err();
    (refused, receiver)
}

#[tokio::test]
async fn bad_answers_have_a_verdict_and_a_reason() {
    let (seven, place) = ("7".to_owned(), "https://new.example/in?key=1".to_owned());
    let seven = Answer::Status(429, vec![("Retry-After".to_owned(), seven)]);
    let wait = Verdict::Later { after: Some(Duration::from_secs(7)) };
    let poison = || Verdict::Poison { events: vec![0] };
    let table = [
        (status(400), poison(), Verdict::TooLarge, "answered 400 Bad Request"),
        (status(413), poison(), Verdict::TooLarge, "answered 413 Payload Too Large"),
        (status(422), poison(), Verdict::TooLarge, "answered 422 "),
        (seven, wait.clone(), wait, "answered 429 Too Many Requests"),
        (status(500), LATER, LATER, "answered 500 Internal Server Error"),
        (status(503), LATER, LATER, "answered 503 Service Unavailable"),
        (Answer::HalfResponse, LATER, LATER, "broke off its answer"),
        (Answer::Close, LATER, LATER, "broke off the connection"),
        (Answer::Hang, LATER, LATER, "did not answer within 1 s"),
        (status(401), Verdict::Broken, Verdict::Broken, "answered 401 Unauthorized"),
        (status(410), Verdict::Broken, Verdict::Broken, "answered 410 Gone"),
        (
            Answer::Redirect(place),
            Verdict::Broken,
            Verdict::Broken,
            "answered 308 Permanent Redirect to https://new.example/in; redirects are not followed",
        ),
    ];
    for (answer, alone, together, reason) in table {
        for (mode, verdict) in [(Mode::Structured, &alone), (Mode::Batched, &together)] {
            let (refused, receiver) = bad(mode, answer.clone()).await;
            assert_eq!(&refused.verdict, verdict, "{answer:?} {mode:?}: {refused}");
            let expected = format!("{} {reason}", receiver.address());
            assert!(refused.reason.starts_with(&expected), "{answer:?} {mode:?}: {refused}");
            assert_eq!(posts(&receiver).len(), 1, "{answer:?} {mode:?}");
        }
    }
}

#[tokio::test]
async fn a_receiver_that_is_not_there_is_waited_for() {
    let receiver = Receiver::start();
    let (url, address) = (receiver.url(), receiver.address());
    drop(receiver);
    let sink = open(&target(&url, Mode::Batched), &[]).await;
    let refused = sink.send(&events(1)).await.unwrap_err();
    assert_eq!(refused.verdict, LATER);
    let expected = format!("{address} cannot be reached: ");
    assert!(refused.reason.starts_with(&expected), "{refused}");

    // It comes, and goes and comes again: the same sink goes on.
    for _ in 0..2 {
        let receiver = Receiver::at(address).unwrap();
        let mut tries = 0;
        while let Err(refused) = sink.send(&events(2)).await {
            // The connection of before may be found closed once.
            tries += 1;
            assert!(refused.verdict == LATER && tries < 3, "{refused}");
        }
        assert_eq!(receiver.events().len(), 2);
    }

    let nowhere = target("http://nowhere.invalid/", Mode::Batched);
    let nowhere = open(&HttpTarget { timeout_s: 6, ..nowhere }, &[]).await;
    let refused = nowhere.send(&events(1)).await.unwrap_err();
    assert_eq!(refused.verdict, LATER);
    assert!(refused.reason.starts_with("nowhere.invalid cannot be reached: "), "{refused}");
}

/// A TLS server that nobody has vouched for, and its address.
fn self_signed() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("localhost:{}", listener.local_addr().unwrap().port());
    let certificate = include_bytes!("tls/self-signed.pem");
    let key = include_bytes!("tls/self-signed.key.pem");
    let certificate = CertificateDer::from_pem_slice(certificate).unwrap();
    let key = PrivateKeyDer::from_pem_slice(key).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let config = Arc::new(config);
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream: TcpStream = stream.unwrap();
            let mut connection = ServerConnection::new(Arc::clone(&config)).unwrap();
            // The client ends it as soon as it has seen the certificate.
            while connection.is_handshaking() && connection.complete_io(&mut stream).is_ok() {}
        }
    });
    address
}

/// A server that answers everything as most web servers answer TLS where they expect none.
fn plain() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut hello = [0; 8192];
            if stream.read(&mut hello).unwrap_or_default() > 0 {
                stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").unwrap_or_default();
            }
        }
    });
    address
}

#[tokio::test]
async fn wrong_tls_is_told_and_nothing_is_sent() {
    let address = self_signed();
    let sink = open(&target(&format!("https://{address}/"), Mode::Batched), &[]).await;
    let refused = sink.send(&events(1)).await.unwrap_err();
    assert_eq!(refused.verdict, Verdict::Broken, "{refused}");
    assert!(refused.reason.starts_with(&format!("{address} cannot be trusted")), "{refused}");
    assert!(refused.reason.contains("certificate"), "{refused}");

    // One that does not speak TLS at all.
    let address = plain();
    let sink = open(&target(&format!("https://{address}/"), Mode::Batched), &[]).await;
    let refused = sink.send(&events(1)).await.unwrap_err();
    assert_eq!(refused.verdict, Verdict::Broken, "{refused}");
    assert!(refused.reason.contains("does not speak TLS"), "{refused}");
}

#[tokio::test]
async fn addresses_of_clouds_are_refused_before_anything_is_sent() {
    for url in [
        "http://169.254.169.254/latest/meta-data/",
        "http://[fd00:ec2::254]/",
        "http://[fe80::1]/",
        "http://0.0.0.0:9/",
    ] {
        let refused = Http::open(&target(url, Mode::Batched), &BTreeMap::new()).await;
        let reason = refused.err().unwrap().to_string();
        assert!(reason.contains("events are not sent to "), "{reason}");
        assert!(reason.contains("allow private addresses"), "{reason}");
        let allowed = HttpTarget { allow_private: true, ..target(url, Mode::Batched) };
        assert!(Http::open(&allowed, &BTreeMap::new()).await.is_ok());
    }
}

/// A receiver that takes one event at a time and then wants to be left alone is still sent all of
/// them, in order, and each once.
#[tokio::test]
async fn what_was_taken_is_not_sent_again_while_the_rest_waits() {
    let receiver = Receiver::start();
    let answers = [204, 429, 204, 503, 204].map(status);
    receiver.answer_with(answers.to_vec());
    let sink = to(&receiver, Mode::Structured).await;
    let mut waits = 0;
    while let Err(refused) = sink.send(&events(4)).await {
        assert_eq!(refused.verdict, LATER);
        waits += 1;
    }
    assert_eq!((waits, posts(&receiver).len()), (2, 6));
    assert_eq!(receiver.arrivals(), receiver.events());
    assert_eq!(receiver.events().len(), 4);

    // Sent on purpose, all of them are sent.
    sink.send(&events(4)).await.unwrap();
    assert_eq!(receiver.arrivals().len(), 8);
}

#[tokio::test]
async fn a_poisonous_event_is_named_and_those_before_it_are_taken() {
    let receiver = Receiver::start();
    receiver.answer_with([204, 400].map(status).to_vec());
    let sink = to(&receiver, Mode::Binary).await;
    let refused = sink.send(&events(3)).await.unwrap_err();
    assert_eq!(refused.verdict, Verdict::Poison { events: vec![1] });
    assert_eq!(receiver.events().len(), 1);
}

#[tokio::test]
async fn a_receiver_is_asked_once_and_believed() {
    let receiver = Receiver::start();
    receiver.validate_with(Validation::Given { origin: "billhook".to_owned(), per_minute: None });
    let sink = to(&receiver, Mode::Batched).await;
    sink.send(&events(1)).await.unwrap();
    sink.send(&events(2)).await.unwrap();
    let methods: Vec<String> =
        receiver.requests().iter().map(|request| request.method.clone()).collect();
    assert_eq!(methods, ["OPTIONS", "POST", "POST"]);
    let told = sink.test().await.unwrap();
    assert!(told.contains("answered 204 No Content; it agreed"), "{told}");

    receiver.validate_with(Validation::Given {
        origin: "somebody.example".to_owned(),
        per_minute: None,
    });
    let refused = to(&receiver, Mode::Batched).await.send(&events(1)).await.unwrap_err();
    assert_eq!(refused.verdict, Verdict::Broken);
    assert!(refused.reason.contains("somebody.example"), "{refused}");

    receiver.validate_with(Validation::Unknown);
    let told = to(&receiver, Mode::Structured).await.test().await.unwrap();
    assert!(told.contains("does not do the validation"), "{told}");
}

#[tokio::test]
async fn a_receiver_that_wants_few_requests_gets_few() {
    let receiver = Receiver::start();
    receiver.validate_with(Validation::Given { origin: "*".to_owned(), per_minute: Some(2) });
    let sink = to(&receiver, Mode::Batched).await;
    sink.send(&events(1)).await.unwrap();
    let refused = sink.send(&events(2)).await.unwrap_err();
    let after = match refused.verdict {
        Verdict::Later { after } => after,
        _ => None,
    };
    assert!(after.is_some_and(|after| after <= Duration::from_secs(30)), "{refused}");
    assert!(refused.reason.contains("at most 2 requests a minute"), "{refused}");
    assert_eq!(posts(&receiver).len(), 1);
}

#[tokio::test]
async fn inv_sec_what_a_receiver_sends_back_is_told_without_secrets() {
    let receiver = Receiver::start();
    receiver.answer_with(vec![Answer::Echo(400)]);
    let url = format!("{}?token=abcdefgh", receiver.url());
    let secrets = [("header:Authorization", "Bearer correct-horse-battery")];
    let sink = open(&target(&url, Mode::Structured), &secrets).await;
    let refused = sink.send(&events(1)).await.unwrap_err();
    assert!(refused.reason.contains("authorization: Bearer ***"), "{refused}");
    assert!(!refused.reason.contains("abcdefgh"), "{refused}");
}
