use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::json;

use super::*;

/// Sends a request on a connection of its own, and reads until the receiver ends it or the text
/// that it promised is there.
fn send(receiver: &Receiver, headers: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(receiver.address()).unwrap();
    write!(
        stream,
        "POST /events HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{headers}content-length: {}\r\n\
         \r\n{body}",
        body.len()
    )
    .unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn event(id: &str) -> Value {
    json!({"specversion": "1.0", "id": id, "source": "/x", "type": "t", "data": {"n": 1}})
}

const ONE: &str = "content-type: application/cloudevents+json\r\n";
const MANY: &str = "content-type: application/cloudevents-batch+json; charset=utf-8\r\n";

#[test]
fn events_are_taken_in_every_mode_and_once() {
    let receiver = Receiver::start();
    assert!(send(&receiver, ONE, &event("a").to_string()).starts_with("HTTP/1.1 204 "));
    send(&receiver, MANY, &json!([event("a"), event("b")]).to_string());
    let headers = "content-type: application/json\r\nce-specversion: 1.0\r\nce-id: c\r\n\
        ce-source: /x\r\nce-type: t\r\nce-subject: Gr%C3%B6%C3%9Fe\r\n";
    send(&receiver, headers, r#"{"n": 2}"#);
    let ids = |events: Vec<Value>| -> Vec<String> {
        events.iter().map(|event| event["id"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(ids(receiver.events()), ["a", "b", "c"]);
    assert_eq!(ids(receiver.arrivals()), ["a", "a", "b", "c"]);
    let last = receiver.events().pop().unwrap();
    assert_eq!(last["subject"], "Größe");
    assert_eq!(last["data"], json!({"n": 2}));
    assert_eq!(receiver.requests().len(), 3);
}

#[test]
fn what_is_no_event_is_refused() {
    let receiver = Receiver::start();
    let without = json!({"specversion": "1.0", "source": "/x", "type": "t"});
    for body in ["", "{", "[]", without.to_string().as_str()] {
        assert!(send(&receiver, ONE, body).starts_with("HTTP/1.1 400 "), "{body}");
    }
    assert!(send(&receiver, MANY, &event("a").to_string()).starts_with("HTTP/1.1 400 "));
    assert!(send(&receiver, "content-type: application/json\r\n", "{}").contains("without"));
    assert!(receiver.events().is_empty());
}

#[test]
fn it_answers_as_it_is_told_to() {
    let receiver = Receiver::start();
    let header = ("retry-after".to_owned(), "7".to_owned());
    receiver.answer_with(vec![
        Answer::Status(429, vec![header]),
        Answer::Close,
        Answer::HalfResponse,
        Answer::Redirect("http://x/".to_owned()),
        Answer::Echo(400),
        Answer::Hang,
    ]);
    let body = event("a").to_string();
    assert!(send(&receiver, ONE, &body).contains("\r\nretry-after: 7\r\n"));
    assert_eq!(send(&receiver, ONE, &body), "");
    assert!(send(&receiver, ONE, &body).ends_with("only this"));
    assert!(send(&receiver, ONE, &body).contains("\r\nlocation: http://x/\r\n"));
    assert!(send(&receiver, ONE, &body).contains("connection: close"));
    assert_eq!(send(&receiver, ONE, &body), "");
    let requests = receiver.requests();
    let statuses: Vec<Option<u16>> = requests.iter().map(|request| request.status).collect();
    assert_eq!(statuses, [Some(429), None, Some(200), Some(308), Some(400), None]);
    assert_eq!(receiver.arrivals().len(), 1);
}

/// The example that Standard Webhooks' own libraries are tested with.
#[test]
fn signatures_are_checked() {
    let receiver = Receiver::start();
    receiver.check_signatures("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
    let headers = |signature: &str| {
        format!(
            "webhook-id: msg_p5jXN8AQM9LWM0D4loKWxJek\r\nwebhook-timestamp: 1614265330\r\n\
             webhook-signature: {signature}\r\n"
        )
    };
    let body = r#"{"test": 2432232314}"#;
    let good = headers("v1,xyz v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    // It is signed, and no event.
    assert!(send(&receiver, &good, body).starts_with("HTTP/1.1 400 "));
    assert!(send(&receiver, &headers("v1,xyz"), body).starts_with("HTTP/1.1 401 "));
    assert!(send(&receiver, &good, "{}").starts_with("HTTP/1.1 401 "));
    assert!(send(&receiver, "", body).starts_with("HTTP/1.1 401 "));
}

#[test]
fn a_receiver_comes_back_where_it_was() {
    let receiver = Receiver::start();
    let address = receiver.address();
    drop(receiver);
    let receiver = Receiver::at(address).unwrap();
    send(&receiver, ONE, &event("a").to_string());
    assert_eq!(receiver.events().len(), 1);
}
