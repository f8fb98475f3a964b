//! What changed goes to sinks: everything once by its id, in order, adding up to the table's last
//! digit, also through kills and receivers that behave badly (INV-IDEM).

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use billhook_testkit::receiver::{Answer, Receiver};
use serde_json::Value;

use crate::soak_events::Soak;
use crate::support::{Home, Ran, row, tiny};

/// Lines of the bill: account, product.
pub(crate) const LINES: [(&str, &str); 4] = [
    ("444455556666", "AmazonEC2"),
    ("444455556666", "AmazonS3"),
    ("555566667777", "AmazonEC2"),
    ("555566667777", "AmazonRDS"),
];

/// What they cost, one delivery after the other.
pub(crate) const COSTS: [[&str; 4]; 4] = [
    ["1.5", "0.000000000000000001", "0", "7"],
    ["1.5", "0.25", "3.333333333333333333", "7"],
    ["1.25", "0.25", "0", "7.000000000000000001"],
    ["0.75", "0.5", "12.3", "0"],
];

pub(crate) fn write_bill(home: &Home, costs: &[&str; 4]) {
    let rows: Vec<String> = LINES
        .iter()
        .zip(costs)
        .enumerate()
        .map(|(hour, ((account, product), cost))| {
            let line = row("Usage", "USD", cost, "a,");
            let line = line.replace("444455556666", account).replace("AmazonEC2", product);
            // Each has its own hour of the day.
            let [start, end] = [hour, hour + 1].map(|hour| format!("2026-09-01T{hour:02}:00:00Z"));
            line.replace("2026-09-01T00:00:00Z/2026-09-01T01:00:00Z", &format!("{start}/{end}"))
                .replace(
                    "Usage,2026-09-01T00:00:00Z,2026-09-01T01:00:00Z",
                    &format!("Usage,{start},{end}"),
                )
        })
        .collect();
    let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
    fs::create_dir_all(home.path("bucket")).unwrap();
    fs::write(home.path("bucket/bill.csv"), tiny(&rows)).unwrap();
}

/// A home with a connection that has nothing loaded yet.
pub(crate) fn connected() -> Home {
    let home = Home::new();
    write_bill(&home, &COSTS[0]);
    let place = home.path("bucket").to_str().unwrap().to_owned();
    let connect = ["connect", "acme", "--kind", "cur", "--location", &place];
    works(&home, &[&connect[..], &["--schedule", "manual"]].concat());
    home
}

pub(crate) fn works(home: &Home, args: &[&str]) -> Ran {
    let ran = home.run(args);
    assert_eq!(ran.code, 0, "{args:?}: {}{}", ran.out, ran.err);
    ran
}

fn add(home: &Home, name: &str, rest: &[&str]) {
    works(home, &[&["sinks", "add", name], rest].concat());
}

pub(crate) fn add_file(home: &Home, name: &str, rest: &[&str]) -> PathBuf {
    let path = home.path(&format!("{name}.ndjson"));
    let own = ["--kind", "file", "--path", path.to_str().unwrap(), "--from", "history"];
    add(home, name, &[&own[..], rest].concat());
    path
}

pub(crate) fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn texts<'a>(events: &'a [Value], field: &str) -> Vec<&'a str> {
    events.iter().map(|event| event[field].as_str().unwrap()).collect()
}

pub(crate) fn units(text: &str) -> i128 {
    billhook_money::parse(text.as_bytes()).unwrap().units
}

/// Σ of the differences of a cost.
pub(crate) fn total(events: &[Value], cost: &str) -> i128 {
    let differences = events.iter().filter_map(|event| event["data"][cost]["difference"].as_str());
    differences.map(units).sum()
}

pub(crate) fn count(events: &[Value], kind: &str) -> usize {
    let kind = format!("com.billhook.{kind}.v1");
    events.iter().filter(|event| event["type"] == kind.as_str()).count()
}

/// Waits for something that another process does.
fn until(is_so: impl Fn() -> bool) {
    while !is_so() {
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The list of sinks for machines.
fn sink(home: &Home, name: &str) -> Value {
    let listed: Value = serde_json::from_str(&works(home, &["sinks", "--json"]).out).unwrap();
    let found = listed.as_array().unwrap().iter().find(|sink| sink["name"] == name);
    found.unwrap().clone()
}

#[test]
fn restatements_come_to_every_sink_and_add_up_to_the_last_digit() {
    let home = connected();
    let receiver = Receiver::start();
    let http = ["--kind", "http", "--url", &receiver.url(), "--mode", "batched"];
    add(&home, "web", &[&http[..], &["--from", "history"]].concat());
    let file = add_file(&home, "file", &[]);
    for costs in &COSTS {
        write_bill(&home, costs);
        works(&home, &["sync"]);
    }
    let filed = lines(&fs::read_to_string(file).unwrap());
    let events = receiver.events();
    let tail = lines(&works(&home, &["events", "tail"]).out);
    for events in [&filed, &events, &tail] {
        let ids: BTreeSet<&str> = texts(events, "id").into_iter().collect();
        assert_eq!(ids.len(), events.len());
        let columns = [
            ("billedCost", "BilledCost"),
            ("effectiveCost", "EffectiveCost"),
            ("unblendedCost", "x_UnblendedCost"),
        ];
        for (field, column) in columns {
            let table = home.ask(&format!("SELECT SUM({column}) FROM cost_daily"));
            assert_eq!(total(events, field), units(&table), "{column}");
        }
        let sequences = texts(events, "sequence");
        assert!(sequences.is_sorted(), "{sequences:#?}");
    }
    assert_eq!(events, tail);
    assert_eq!(filed, tail);
    assert_eq!(count(&tail, "delivery.loaded"), 4);
    assert_eq!(count(&tail, "period.state_changed"), 1);
    assert_eq!(count(&tail, "connection.health_changed"), 1);
    assert_eq!(count(&tail, "cost.recorded"), 4);
    let changed = home.ask("SELECT COUNT(*) FROM changes");
    assert_eq!(count(&tail, "cost.restated") + 4, changed.parse::<usize>().unwrap());
    // What cost nothing at first has had its first figure.
    let zero = "/111122223333/555566667777/";
    let kinds: Vec<&str> = tail
        .iter()
        .filter(|event| event["subject"].as_str().unwrap().contains(zero))
        .map(|event| event["data"]["billedCost"]["old"].as_str().unwrap_or("none"))
        .collect();
    assert_eq!(
        kinds,
        ["none", "none", "0", "3.333333333333333333", "7", "0", "7.000000000000000001"]
    );
    // Sent again, everything has the id that it had.
    works(&home, &["events", "replay", "web", "--from", "1970-01-01"]);
    assert_eq!(receiver.events(), events);
    assert_eq!(receiver.arrivals().len(), 2 * events.len());
    let version = texts(&tail, "sequence")[tail.len() - 1].split('-').next().unwrap().to_owned();
    works(&home, &["events", "replay", "web", "--from", &version]);
    let last = tail.iter().filter(|e| e["sequence"].as_str().unwrap().starts_with(&version));
    assert_eq!(receiver.arrivals().len(), 2 * events.len() + last.count());
    // Somebody who begins now is told nothing of what was.
    let late = ["--kind", "http", "--url", &receiver.url(), "--mode", "structured"];
    add(&home, "late", &late);
    works(&home, &["events", "send", "late"]);
    assert_eq!(sink(&home, "late")["lag"], 0);
    assert_eq!(receiver.events(), events);
}

#[test]
fn sinks_take_what_they_want() {
    let home = connected();
    let types = add_file(&home, "types", &["--type", "cost.restated,delivery.loaded"]);
    let other = add_file(&home, "other", &["--connection", "another"]);
    let account = "subAccountId=555566667777";
    let field = add_file(&home, "field", &["--filter", account, "--type", "cost.recorded"]);
    for costs in &COSTS[..2] {
        write_bill(&home, costs);
        works(&home, &["sync"]);
    }
    let types = lines(&fs::read_to_string(types).unwrap());
    assert_eq!(count(&types, "delivery.loaded"), 2);
    assert_eq!(count(&types, "cost.restated"), types.len() - 2);
    assert_eq!(fs::read_to_string(other).unwrap(), "");
    let field = lines(&fs::read_to_string(field).unwrap());
    assert_eq!(field.len(), 2, "{field:#?}");
    for name in ["types", "other", "field"] {
        assert_eq!(sink(&home, name)["lag"], 0, "{name}");
    }
    let tail = works(&home, &["events", "tail", "--type", "cost.recorded", "--filter", account]);
    assert_eq!(lines(&tail.out), field);
}

#[test]
fn inv_idem_a_sink_that_is_changed_goes_on_where_it_is() {
    let home = connected();
    let first = add_file(&home, "file", &[]);
    works(&home, &["sync"]);
    let before = fs::read_to_string(&first).unwrap();
    let other = home.path("other.ndjson");
    let to = ["sinks", "set", "file", "--path", other.to_str().unwrap()];
    works(&home, &to);
    // It is so already; and what is for another kind changes nothing.
    assert_eq!(home.run(&to).code, 2);
    assert_eq!(home.run(&["sinks", "set", "file", "--topic", "costs"]).code, 2);
    assert_eq!(home.run(&["sinks", "set", "file", "--type", "cost.guessed"]).code, 2);
    assert_eq!(home.run(&["sinks", "set", "nobody", "--path", "x"]).code, 2);
    write_bill(&home, &COSTS[1]);
    works(&home, &["sync"]);
    // What was there stays there, and what is new is in the other file: each event once.
    assert_eq!(fs::read_to_string(&first).unwrap(), before);
    let (old, new) = (lines(&before), lines(&fs::read_to_string(&other).unwrap()));
    assert!(!new.is_empty());
    let tail = || lines(&works(&home, &["events", "tail"]).out);
    assert_eq!([old, new.clone()].concat(), tail());
    // Fewer types from the next event on, and all again.
    let fewer = ["--type", "cost.restated", "--filter", "subAccountId=555566667777"];
    works(&home, &[&["sinks", "set", "file"], &fewer[..]].concat());
    write_bill(&home, &COSTS[2]);
    works(&home, &["sync"]);
    let some = lines(&fs::read_to_string(&other).unwrap());
    assert!(some.len() > new.len());
    assert_eq!(count(&some[new.len()..], "cost.restated"), some.len() - new.len());
    works(&home, &["sinks", "set", "file", "--without", "types,filters"]);
    assert_eq!(sink(&home, "file")["settings"]["types"], Value::Array(Vec::new()));
    write_bill(&home, &COSTS[3]);
    works(&home, &["sync"]);
    let all = lines(&fs::read_to_string(&other).unwrap());
    assert!(count(&all[some.len()..], "delivery.loaded") == 1);
    assert_eq!(sink(&home, "file")["lag"], 0);
    // Each attempt is known to who asks later, and gone with the sink.
    let last = sink(&home, "file")["last_attempt"].clone();
    assert_eq!((&last["came"], &last["number"]), (&Value::from("taken"), &Value::from(4)));
    let kept = works(&home, &["sinks", "attempts", "file", "--json"]).out;
    let kept: Value = serde_json::from_str(&kept).unwrap();
    assert_eq!(kept.as_array().unwrap().len(), 4);
    let carried = kept[0]["events"].as_array().unwrap();
    assert_eq!(carried.len(), all.len() - some.len());
    assert_eq!(carried[0]["id"], all[some.len()]["id"]);
}

#[test]
fn a_sink_that_comes_to_want_hours_gets_those_of_what_waits() {
    let home = connected();
    let file = add_file(&home, "file", &[]);
    works(&home, &["sinks", "pause", "file"]);
    works(&home, &["sync"]);
    works(&home, &["sinks", "set", "file", "--granularity", "hourly"]);
    works(&home, &["sinks", "resume", "file"]);
    for costs in &COSTS[1..] {
        write_bill(&home, costs);
        works(&home, &["sync"]);
    }
    let events = lines(&fs::read_to_string(file).unwrap());
    let table = home.ask("SELECT SUM(BilledCost) FROM cost_daily");
    assert_eq!(total(&events, "billedCost"), units(&table));
    assert_eq!(count(&events, "cost.recorded"), LINES.len());
    let mut costs = events.iter().filter(|event| event["data"]["billedCost"].is_object());
    assert!(costs.all(|event| event["data"]["granularity"] == "hourly"));
}

#[test]
fn inv_sec_another_secret_is_sealed_and_noted_without_its_value() {
    const FIRST: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const SECOND: &str = "whsec_C2FVsBQIhrscChlQIMVb5sSYspob7oDx";
    let home = connected();
    let receiver = Receiver::start();
    let url = receiver.url();
    let with = |secret: &str, args: &[&str]| {
        let mut command = home.command();
        let ran = Ran::of(command.args(args).env("BILLHOOK_SINK_SECRET", secret).output().unwrap());
        assert_eq!(ran.code, 0, "{}", ran.err);
        assert!(!ran.out.contains(secret) && !ran.err.contains(secret));
    };
    let http = ["sinks", "add", "web", "--kind", "http", "--url", &url, "--from", "history"];
    with(FIRST, &[&http[..], &["--sign"]].concat());
    with(SECOND, &["sinks", "set", "web", "--sign"]);
    receiver.check_signatures(SECOND).unwrap();
    works(&home, &["sync"]);
    assert_eq!(receiver.events().len(), 7);
    // Without the option the secret stays, and without the secret nothing is signed.
    works(&home, &["sinks", "set", "web", "--timeout", "20", "--header", "X-Team: finops"]);
    works(&home, &["sinks", "test", "web"]);
    works(&home, &["sinks", "set", "web", "--without", "sign"]);
    let shown: Value = serde_json::from_str(&works(&home, &["sinks", "show", "web"]).out).unwrap();
    assert_eq!(
        (&shown["secrets"], &shown["settings"]["target"]["signs"]),
        (&Value::Array(Vec::new()), &Value::from(false))
    );
    for name in ["billhook.db", "billhook.db-wal"] {
        let bytes = fs::read(home.path("home").join(name)).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        assert!(!text.contains("MfKQ9r8") && !text.contains("C2FVsBQ"), "{name}");
    }
}

#[test]
fn receivers_of_vanus_get_the_totals_that_the_table_holds() {
    let home = connected();
    let path = add_file(&home, "vanus", &["--format", "vanus"]);
    for costs in &COSTS {
        write_bill(&home, costs);
        works(&home, &["sync"]);
    }
    let mut last: BTreeMap<(String, String), i128> = BTreeMap::new();
    for event in lines(&fs::read_to_string(path).unwrap()) {
        assert_eq!(event["type"], "amazon.billing.daily");
        assert_eq!(event["source"], "cloud.amazon.billing");
        let text = |field: &str| event["data"][field].as_str().unwrap().to_owned();
        let amount = event["data"]["unblendedCost"]["amount"].as_str().unwrap();
        last.insert((text("date"), text("service")), units(amount));
    }
    let table = home.run(&[
        "sql",
        "SELECT ChargeDate, ServiceName, SUM(x_UnblendedCost) FROM cost_daily GROUP BY 1, 2",
        "--format",
        "csv",
    ]);
    let table: BTreeMap<(String, String), i128> = table
        .out
        .lines()
        .skip(1)
        .map(|line| {
            let (rest, sum) = line.rsplit_once(',').unwrap();
            let (date, service) = rest.split_once(',').unwrap();
            ((date.to_owned(), service.trim_matches('"').to_owned()), units(sum))
        })
        .collect();
    assert_eq!(last, table);
}

#[test]
fn inv_idem_a_rename_tells_no_health_again() {
    let home = connected();
    works(&home, &["sync"]);
    let tail = ["events", "tail", "--type", "connection.health_changed"];
    let before = lines(&works(&home, &tail).out);
    works(&home, &["connections", "rename", "acme", "other"]);
    let after = lines(&works(&home, &tail).out);
    assert_eq!(before.len(), 1);
    assert_eq!(texts(&before, "id"), texts(&after, "id"));
    assert_eq!(after[0]["connection"], "other");
}

#[test]
fn sinks_say_how_they_are() {
    let home = connected();
    let receiver = Receiver::start();
    let url = receiver.url();
    add(&home, "web", &["--kind", "http", "--url", &url, "--from", "history"]);
    works(&home, &["sinks", "pause", "web"]);
    works(&home, &["sync"]);
    let paused = sink(&home, "web");
    assert_eq!(paused["state"], "paused");
    // The delivery, its state, four costs, and the connection's health.
    assert_eq!(paused["lag"], 7, "{paused}");
    assert_eq!(home.run(&["events", "send", "web"]).code, 2);
    works(&home, &["sinks", "resume", "web"]);
    // Whoever may not, is not asked again and again.
    receiver.answer_with(vec![Answer::Status(401, Vec::new())]);
    let ran = home.run(&["events", "send", "web"]);
    assert_eq!(ran.code, 3, "{}", ran.err);
    let ran = works(&home, &["sinks"]);
    assert!(ran.out.contains("broken") && ran.out.contains("401"), "{}", ran.out);
    assert!(ran.out.lines().all(|line| line.chars().count() <= 80), "{}", ran.out);
    // What may pass is waited for; what is never taken is put aside, and the others go on.
    let [busy, wrong] = [503, 400].map(|status| Answer::Status(status, Vec::new()));
    receiver.answer_with(vec![busy, wrong]);
    let ran = home.run(&["events", "send"]);
    assert_eq!(ran.code, 1, "{}", ran.err);
    assert_eq!(receiver.events().len(), 6);
    let well = sink(&home, "web");
    assert_eq!(
        (&well["state"], &well["lag"], &well["dead_letters"]),
        (&Value::from("ok"), &Value::from(0), &Value::from(1))
    );
    let dead: Value =
        serde_json::from_str(&works(&home, &["sinks", "dead", "web", "--json"]).out).unwrap();
    assert!(dead[0]["reason"].as_str().unwrap().contains("400"), "{dead}");
    let number = dead[0]["number"].to_string();
    works(&home, &["sinks", "dead", "web", "--show", &number]);
    receiver.answer_with(vec![Answer::Status(400, Vec::new())]);
    assert_eq!(home.run(&["sinks", "dead", "web", "--retry", &number]).code, 1);
    works(&home, &["sinks", "dead", "web", "--retry", "all"]);
    assert_eq!(receiver.events().len(), 7);
    assert_eq!(sink(&home, "web")["dead_letters"], 0);
    let ran = works(&home, &["sinks", "test", "web"]);
    assert!(ran.out.contains("web: "), "{}", ran.out);
    works(&home, &["sinks", "remove", "web"]);
    assert_eq!(works(&home, &["sinks", "--json"]).out.trim(), "[]");
}

#[test]
fn a_dead_sink_holds_up_neither_the_ingest_nor_the_others() {
    let home = connected();
    let receiver = Receiver::start();
    let url = receiver.url();
    drop(receiver);
    add(&home, "dead", &["--kind", "http", "--url", &url, "--from", "history"]);
    let file = add_file(&home, "file", &[]);
    let mut command = home.command();
    let mut watch = command.args(["sync", "--watch"]).stderr(Stdio::piped()).spawn().unwrap();
    let mut said = BufReader::new(watch.stderr.take().unwrap()).lines();
    assert!(said.any(|line| line.unwrap().contains("watching 1 connection")));
    works(&home, &["sync", "acme"]);
    assert!(said.any(|line| line.unwrap().contains("dead: ")));
    let filed = || fs::read_to_string(&file).unwrap_or_default().matches('\n').count();
    until(|| filed() == 7);
    let dead = sink(&home, "dead");
    assert_eq!(dead["state"], "retrying", "{dead}");
    assert_eq!(dead["lag"], 7, "{dead}");
    // Back again, it gets everything.
    let address = url.trim_start_matches("http://").split('/').next().unwrap();
    let receiver = Receiver::at(address.parse().unwrap()).unwrap();
    until(|| receiver.events().len() == 7);
    let process = watch.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &process]).status().unwrap().success());
    assert_eq!(watch.wait().unwrap().code(), Some(0));
}

#[test]
fn a_tail_follows_what_is_new() {
    let home = connected();
    works(&home, &["sync"]);
    let mut command = home.command();
    let tail = ["events", "tail", "--follow", "--from", "1970-01-01", "--type", "delivery.loaded"];
    let mut tail = command.args(tail).stdout(Stdio::piped()).spawn().unwrap();
    let mut out = BufReader::new(tail.stdout.take().unwrap()).lines();
    let mut next = || serde_json::from_str::<Value>(&out.next().unwrap().unwrap()).unwrap();
    let first = next();
    write_bill(&home, &COSTS[1]);
    works(&home, &["sync"]);
    let second = next();
    assert_ne!(first["id"], second["id"]);
    assert_eq!(second["data"]["previousRevision"], first["data"]["revision"]);
    let process = tail.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &process]).status().unwrap().success());
    assert_eq!(tail.wait().unwrap().code(), Some(0));
}

#[test]
fn what_cannot_be_a_sink_is_refused_with_words() {
    let home = connected();
    let http = ["--kind", "http", "--url", "http://127.0.0.1:9/"];
    let add = |name: &str, rest: &[&str]| {
        let mut command = home.command();
        command.args(["sinks", "add", name]).args(rest).stdin(Stdio::null());
        let ran = Ran::of(command.output().unwrap());
        assert_eq!(ran.code, 2, "{rest:?}: {}", ran.err);
        ran.err
    };
    assert!(
        add("one", &[&http[..], &["--type", "cost.guessed"]].concat()).contains("cost.guessed")
    );
    assert!(add("one", &["--kind", "http"]).contains("--url"));
    assert!(add("One", &http).contains("One"));
    assert!(add("one", &[&http[..], &["--sign"]].concat()).contains("BILLHOOK_SINK_SECRET"));
    assert_eq!(works(&home, &["sinks", "--json"]).out.trim(), "[]");
    assert_eq!(home.run(&["sinks", "test", "one"]).code, 2);
    assert_eq!(home.run(&["events", "tail", "--from", "yesterday"]).code, 1);
    works(&home, &["sync"]);
    assert_eq!(home.run(&["events", "tail", "--from", "yesterday"]).code, 2);
}

#[test]
fn inv_sec_secrets_of_sinks_are_sealed_and_not_shown() {
    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    let home = connected();
    let receiver = Receiver::start();
    receiver.check_signatures(SECRET).unwrap();
    let url = receiver.url();
    let mut command = home.command();
    command.args(["sinks", "add", "web", "--kind", "http", "--url", &url, "--sign"]);
    let ran = Ran::of(command.env("BILLHOOK_SINK_SECRET", SECRET).output().unwrap());
    assert_eq!(ran.code, 0, "{}", ran.err);
    works(&home, &["sync"]);
    works(&home, &["events", "replay", "web", "--from", "0"]);
    assert_eq!(receiver.events().len(), 7);
    for args in [&["sinks", "show", "web"][..], &["sinks", "--json"], &["sinks", "test", "web"]] {
        let ran = works(&home, args);
        assert!(!ran.out.contains("MfKQ9r8") && !ran.err.contains("MfKQ9r8"), "{}", ran.out);
    }
    for name in ["billhook.db", "billhook.db-wal"] {
        let bytes = fs::read(home.path("home").join(name)).unwrap_or_default();
        assert!(!String::from_utf8_lossy(&bytes).contains("MfKQ9r8"), "{name}");
    }
}

#[test]
fn inv_idem_killed_at_any_moment_every_event_comes_and_comes_once() {
    let home = Home::new();
    let soak = Soak {
        billhook: PathBuf::from(env!("CARGO_BIN_EXE_billhook")),
        folder: home.path("soak"),
        times: 5,
        seed: u64::from(std::process::id()),
    };
    eprintln!("seed {}", soak.seed);
    eprintln!("{}", soak.run().unwrap());
}
