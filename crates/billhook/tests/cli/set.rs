//! What is changed of a connection that is saved, and what when the key of its secrets is lost
//! (INV-SEC).

use serde_json::Value;

use crate::connections::{KEY, SECRET};
use crate::events::{connected, lines, works};
use crate::support::{Home, Ran};

fn shown(home: &Home) -> Value {
    serde_json::from_str(&works(home, &["connections", "show", "acme"]).out).unwrap()
}

#[test]
fn how_long_figures_move_is_set_by_connection() {
    let home = connected();
    assert_eq!(shown(&home)["settling_days"], 3);
    works(&home, &["connections", "set", "acme", "--settling-days", "36500"]);
    assert_eq!(shown(&home)["settling_days"], 36_500);
    assert_eq!(shown(&home)["keeps_hours"], false);
    works(&home, &["sync"]);
    let first = lines(&works(&home, &["events", "tail", "--type", "cost.recorded"]).out);
    assert!(!first.is_empty() && first.iter().all(|event| event["estimated"] == true));
    assert_eq!(home.run(&["connections", "set", "acme"]).code, 2);
}

#[test]
fn another_place_is_looked_at_before_it_is_taken() {
    let home = connected();
    let nowhere = home.path("nowhere").to_str().unwrap().to_owned();
    assert_eq!(home.run(&["connections", "set", "acme", "--location", &nowhere]).code, 1);
    assert_ne!(shown(&home)["location"], nowhere.as_str());
    works(&home, &["connections", "set", "acme", "--location", &nowhere, "--force"]);
    assert_eq!(shown(&home)["location"], nowhere.as_str());
}

#[test]
fn inv_sec_another_identity_is_sealed_and_a_lost_key_is_no_end() {
    let home = connected();
    let mut command = home.command();
    command.args(["connections", "set", "acme", "--access-key-id", KEY]);
    let ran = Ran::of(command.env("BILLHOOK_SECRET_ACCESS_KEY", SECRET).output().unwrap());
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    let credentials = shown(&home)["access"]["credentials"].clone();
    assert_eq!(credentials["key_id"], KEY);
    assert_eq!(credentials["secret"], "sealed");
    works(&home, &["sync"]);
    assert_eq!(home.run(&["connections", "forget-secrets"]).code, 2);
    let ran = works(&home, &["connections", "forget-secrets", "--all"]);
    assert!(ran.err.contains(": 1"), "{}", ran.err);
    let ran = home.run(&["sync"]);
    assert_ne!(ran.code, 0);
    assert!(ran.err.contains("connections set acme"), "{}", ran.err);
    works(&home, &["connections", "set", "acme", "--ambient"]);
    assert_eq!(shown(&home)["access"]["credentials"]["type"], "ambient");
    works(&home, &["sync"]);
}
