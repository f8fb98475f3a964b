//! Who is slow, sends too much, or comes in crowds: others are still answered, and memory and
//! connections have an end.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use serde_json::json;

use crate::bill;
use crate::client::{Answer, FORM, raw};
use crate::home::Home;
use crate::house::House;

fn open() -> House {
    let home = Home::new();
    bill::small(&home);
    House::open(home)
}

#[test]
fn who_says_nothing_is_not_waited_for() {
    let mut house = open();
    let begun = |text: &str| {
        let mut stream = TcpStream::connect(&house.serving.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_mins(3))).unwrap();
        stream.write_all(text.as_bytes()).unwrap();
        stream
    };
    let starts = ["G", "GET / HTTP/1.1\r\n", "GET / HTTP/1.1\r\nHost: localhost\r\nX-A: b"];
    let slow: Vec<TcpStream> = (0..60).map(|number| begun(starts[number % starts.len()])).collect();
    // Others are answered meanwhile.
    assert_eq!(house.viewer.get("/connections").status, 200);
    // The server gives them up: it says that it waited in vain, or nothing.
    for mut stream in slow {
        let mut said = Vec::new();
        stream.read_to_end(&mut said).ok();
        let status = Answer::read(&said).map(|answer| answer.status);
        assert!(status.is_none_or(|status| status == 408), "{status:?}");
    }
    assert_eq!(house.viewer.get("/connections").status, 200);
}

#[test]
fn a_body_that_does_not_come_is_not_waited_for() {
    let home = Home::new();
    let limits = [("BILLHOOK_LIMITS_REQUEST_SECONDS", "2")];
    let mut house = House::open_with(home, &[], &[], &limits);
    let request = "POST /sign-in HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
                   Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 1000\r\n\r\nuser=";
    let answer = Answer::read(&raw(&house.serving.address, request.as_bytes()));
    let status = answer.map(|answer| answer.status);
    assert!(status.is_none_or(|status| matches!(status, 408 | 413 | 504)), "{status:?}");
    assert_eq!(house.viewer.get("/connections").status, 200);
}

#[test]
fn what_is_too_large_is_refused() {
    let mut house = open();
    let address = house.serving.address.clone();
    let status = |bytes: &[u8]| Answer::read(&raw(&address, bytes)).map(|answer| answer.status);
    let large = "x".repeat(1_048_577);
    let csrf = house.viewer.csrf();
    for (path, body) in
        [("/sql", format!("csrf={csrf}&q={large}")), ("/sign-in", format!("password={large}"))]
    {
        let answer = house.viewer.send("POST", path, &[FORM], &body);
        assert_eq!(answer.status, 413, "{path}");
        assert!(answer.text().contains("1048576"), "{}", answer.text());
    }
    let query = json!({ "query": format!("SELECT '{large}'") });
    assert_eq!(house.viewer.call("POST", "/api/v1/sql", &query).status, 413);
    // Chunks have no length that is told before.
    let chunk = format!("{:x}\r\n{large}\r\n0\r\n\r\n", large.len());
    let head = "POST /sign-in HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
                Content-Type: application/x-www-form-urlencoded\r\nTransfer-Encoding: chunked\r\n\r\n";
    let chunked = status(format!("{head}{chunk}").as_bytes());
    assert!(chunked.is_none_or(|status| status == 413), "{chunked:?}");
    // Heads and addresses.
    let wide = "a".repeat(200_000);
    let header = format!("GET / HTTP/1.1\r\nHost: localhost\r\nX-Wide: {wide}\r\n\r\n");
    let target = format!("GET /{wide} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    for request in [header, target] {
        let status = status(request.as_bytes());
        assert!(status.is_none_or(|status| matches!(status, 400 | 414 | 431)), "{status:?}");
    }
    let many = "X-Many: 1\r\n".repeat(5_000);
    let status = status(format!("GET / HTTP/1.1\r\nHost: localhost\r\n{many}\r\n").as_bytes());
    assert!(status.is_none_or(|status| matches!(status, 400 | 431)), "{status:?}");
    assert_eq!(house.viewer.get("/connections").status, 200);
}

#[test]
fn broken_requests_break_nothing() {
    let mut house = open();
    for request in [
        "\r\n\r\n",
        "GET\r\n\r\n",
        "GET / HTTP/9.9\r\nHost: localhost\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        "POST /sign-in HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\
         Transfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /connections HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: localhost\r\nX-A: b\r\n\tfolded\r\n\r\n",
        "GET /../../../../etc/passwd HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
        "GET /assets/../../Cargo.toml HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
        "GET http://evil.example/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
        "CONNECT evil.example:443 HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "\u{16}\u{3}\u{1}\u{2}",
    ] {
        // What keeps a connection open is ended from here.
        let mut stream = TcpStream::connect(&house.serving.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        stream.shutdown(std::net::Shutdown::Write).ok();
        let mut said = Vec::new();
        stream.read_to_end(&mut said).ok();
        let said = String::from_utf8_lossy(&said).into_owned();
        assert!(!said.contains("root:") && !said.contains("[workspace]"), "{request:?}: {said}");
        assert!(!said.starts_with("HTTP/1.1 5"), "{request:?}: {said}");
        assert!(!said.contains("acme"), "{request:?}: {said}");
    }
    assert_eq!(house.viewer.get("/connections").status, 200);
}

#[test]
fn two_hundred_at_once_are_all_answered() {
    let mut house = open();
    let expected = house.viewer.api("/api/v1/costs?period=2026-09")["total"].clone();
    let clients = (0..200).map(|number| {
        let mut client = house.viewer.clone();
        let path = match number % 4 {
            0 => "/connections",
            1 => "/api/v1/costs?period=2026-09",
            2 => "/healthz",
            _ => "/api/v1/connections",
        };
        thread::spawn(move || (path, client.get(path)))
    });
    let clients: Vec<_> = clients.collect();
    for client in clients {
        let (path, answer) = client.join().unwrap();
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        if path.starts_with("/api/v1/costs") {
            assert_eq!(answer.json()["total"], expected);
        }
    }
}
