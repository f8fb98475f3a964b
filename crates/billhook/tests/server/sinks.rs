//! Sinks that are changed while the server runs: by whom, by what rules, what becomes of events.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::bill;
use crate::client::Client;
use crate::home::Home;
use crate::house::House;

/// So long is waited for what the server does by itself.
const PATIENCE: Duration = Duration::from_mins(2);

const SINK: &str = "/api/v1/sinks/file";

fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < PATIENCE, "{what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// A sink to a file of the home's folder, with everything that the lake knows.
fn open() -> House {
    let home = Home::new();
    bill::small(&home);
    let mut house = House::open(home);
    let sink = json!({
        "name": "file",
        "settings": { "target": { "kind": "file", "path": "one.ndjson" }, "from": "history" },
        "unverified": true,
    });
    let added = house.admin.call("POST", "/api/v1/sinks", &sink);
    assert_eq!(added.status, 201, "{}", added.text());
    until("everything is sent", || house.admin.api(SINK)["behind"] == 0 && !one(&house).is_empty());
    house
}

fn one(house: &House) -> Vec<String> {
    ids(&house.home.path("home/events/one.ndjson"))
}

fn ids(path: &Path) -> Vec<String> {
    let text = fs::read_to_string(path).unwrap_or_default();
    let id = |line: &str| serde_json::from_str::<Value>(line).unwrap()["id"].clone();
    text.lines().map(|line| id(line).as_str().unwrap().to_owned()).collect()
}

fn refused(client: &mut Client, body: &Value) -> (u16, String) {
    let answer = client.call("PATCH", SINK, body);
    (answer.status, answer.text())
}

#[test]
fn a_sink_is_changed_by_the_rules_of_a_new_one() {
    let mut house = open();
    let seen = house.admin.api(SINK)["seen"].clone();
    let before = house.admin.api("/api/v1/audit");
    for (body, status, word) in [
        (json!({ "retries": 3 }), 400, "retries"),
        (json!({ "settings": { "retries": 3 } }), 422, "retries"),
        (json!({ "settings": { "types": ["cost.guessed"] } }), 422, "cost.guessed"),
        (json!({ "settings": { "target": { "path": "../two" } } }), 422, "path"),
        (json!({ "settings": { "target": { "path": "/etc/two" } } }), 422, "path"),
        (json!({ "settings": { "target": { "kind": "stdout" } } }), 422, "stays file"),
        (json!({ "settings": { "from": "now" } }), 400, "from"),
        (json!({ "settings": {}, "seen": 1 }), 409, "meanwhile"),
    ] {
        let (answered, text) = refused(&mut house.admin, &body);
        assert_eq!(answered, status, "{body}: {text}");
        assert!(text.contains(word), "{body}: {text}");
    }
    let wanted = json!({ "settings": { "types": ["cost.restated"] }, "seen": seen });
    assert_eq!(refused(&mut house.viewer, &wanted).0, 403);
    // What is so already is no change.
    let same = json!({ "settings": { "granularity": "daily" }, "seen": seen });
    assert_eq!(house.admin.call("PATCH", SINK, &same).status, 200);
    assert_eq!(house.admin.api("/api/v1/audit"), before);

    let changed = house.admin.call("PATCH", SINK, &wanted);
    assert_eq!(changed.status, 200, "{}", changed.text());
    assert_eq!(changed.json()["settings"]["types"], json!(["cost.restated"]));
    assert_ne!(changed.json()["seen"], seen);
    // Who saw it before that does not undo it.
    let (status, text) = refused(&mut house.admin, &wanted);
    assert_eq!(status, 409, "{text}");
    let audit = house.admin.api("/api/v1/audit");
    let line = &audit["items"][0];
    assert_eq!((&line["action"], &line["subject"]), (&json!("sink.changed"), &json!("file")));
    assert_eq!(line["before"]["settings"]["types"], json!([]));
    assert_eq!(line["after"]["settings"]["types"], json!(["cost.restated"]));
}

#[test]
fn inv_sec_a_secret_goes_to_no_other_receiver_and_an_address_is_looked_at() {
    const TOKEN: &str = "Bearer xo21-of-the-first-receiver";
    let mut house = open();
    let sink = json!({
        "name": "web",
        "settings": { "target": { "kind": "http", "url": "http://127.0.0.1:9/a" } },
        "secrets": { "header:Authorization": TOKEN },
        "unverified": true,
    });
    assert_eq!(house.admin.call("POST", "/api/v1/sinks", &sink).status, 201);
    let mut change = |target: Value, secrets: Value| {
        let body = json!({
            "settings": { "target": target }, "secrets": secrets, "unverified": true,
        });
        let answer = house.admin.call("PATCH", "/api/v1/sinks/web", &body);
        assert!(!answer.whole().contains("xo21"), "{}", answer.whole());
        (answer.status, answer.text())
    };
    let here = json!({ "url": "http://127.0.0.1:9/b" });
    assert_eq!(change(here, json!({})).0, 200);
    let elsewhere = json!({ "url": "http://127.0.0.1:10/b" });
    let (status, text) = change(elsewhere.clone(), json!({}));
    assert!(status == 422 && text.contains("header:Authorization"), "{status} {text}");
    let metadata = json!({ "url": "http://169.254.169.254/" });
    assert_eq!(change(metadata, json!({ "header:Authorization": null })).0, 422);
    assert_eq!(change(json!({ "allow_private": true }), json!({})).0, 422);
    assert_eq!(change(elsewhere, json!({ "header:Authorization": "Bearer second" })).0, 200);
    // Nothing is saved when a test event is not taken.
    let untaken = json!({ "settings": { "target": { "url": "http://127.0.0.1:10/c" } } });
    assert_eq!(house.admin.call("PATCH", "/api/v1/sinks/web", &untaken).status, 422);
    let now = house.admin.api("/api/v1/sinks/web");
    assert_eq!(now["settings"]["target"]["url"], "http://127.0.0.1:10/b");
    assert!(!house.admin.api("/api/v1/audit").to_string().contains("xo21"));
}

#[test]
fn inv_idem_what_is_changed_holds_from_the_next_event_on() {
    let mut house = open();
    let first = one(&house);
    let two: PathBuf = house.home.path("home/events/two.ndjson");
    // By the form, as somebody sends it who only typed another name.
    let page = house.admin.page("/streams/file/change");
    assert!(page.contains("one.ndjson") && page.contains("stays where it is"), "{page}");
    let seen = house.admin.api(SINK)["seen"].to_string();
    let form = [
        ("seen", seen.as_str()),
        ("path", "two.ndjson"),
        ("format", "cloudevents"),
        ("granularity", "daily"),
        ("unverified", "1"),
    ];
    let saved = house.admin.post("/streams/file/change", &form);
    assert_eq!(saved.status, 303, "{}", saved.text());
    let again = house.admin.post("/streams/file/change", &form);
    assert_eq!(again.status, 409, "{}", again.text());
    // What is new goes to the other file, without a restart; and nothing comes twice.
    let bill = house.home.path("bucket/bill.csv");
    let text = fs::read_to_string(&bill).unwrap().replace(",10.5,", ",11.25,");
    fs::write(&bill, text).unwrap();
    house.home.works(&["sync", "acme"]);
    until("what is new is sent", || !ids(&two).is_empty() && house.admin.api(SINK)["behind"] == 0);
    assert_eq!(one(&house), first);
    assert!(ids(&two).iter().all(|id| !first.contains(id)), "{:?}", ids(&two));
    let told = house.home.works(&["events", "tail"]);
    let told: Vec<Value> = told.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let all: Vec<&str> = told.iter().map(|event| event["id"].as_str().unwrap()).collect();
    assert_eq!([first, ids(&two)].concat(), all);
    // What was sent is seen by others, and after the server has ended.
    let attempts = house.admin.api("/api/v1/sinks/file/deliveries");
    let count = attempts["items"].as_array().unwrap().len();
    assert!(count >= 2 && attempts["items"][0]["came"] == "delivered", "{attempts}");
    let House { serving, home, .. } = house;
    drop(serving);
    let kept: Value =
        serde_json::from_str(&home.works(&["sinks", "attempts", "file", "--json"])).unwrap();
    assert!(kept.as_array().unwrap().len() >= 2, "{kept}");
    assert!(!home.works(&["sinks", "attempts", "file"]).is_empty());
    let listed: Value = serde_json::from_str(&home.works(&["sinks", "--json"])).unwrap();
    assert_eq!(listed[0]["last_attempt"]["came"], "taken", "{listed}");
}
