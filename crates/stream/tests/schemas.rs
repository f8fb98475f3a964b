//! `docs/events`: a JSON Schema for each type of event, with the example that is built here.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;

use billhook_stream::deliver::Place;
use billhook_stream::event::{Event, TYPES};
use billhook_stream::facts::{
    Amounts, ChargeTime, CostChange, DeliveryFacts, DriftFacts, HealthFacts, Origin, StateFacts,
    cost, delivery_loaded, health_changed, schema_drifted, state_changed,
};
use chrono::NaiveDate;
use serde_json::{Value, json};

/// 2026-02-03T06:07:08.000009Z.
const RECORDED_AT: i64 = 1_770_098_828_000_009;

fn folder() -> PathBuf {
    billhook_testkit::own_crate().join("../../docs/events")
}

fn schema(kind: &str) -> Value {
    let path = folder().join(format!("{kind}.json"));
    let text = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

fn validator(schema: &Value) -> jsonschema::Validator {
    jsonschema::options().should_validate_formats(true).build(schema).unwrap()
}

fn origin() -> Origin {
    Origin {
        connection: "main".to_owned(),
        period: "2026-01".to_owned(),
        revision: "20260203T060000Z".to_owned(),
        previous: Some("20260202T060000Z".to_owned()),
        recorded_at: RECORDED_AT,
        state: "estimated".to_owned(),
        payer: Some("111122223333".to_owned()),
    }
}

fn amounts(old: Option<&str>, new: &str, difference: &str) -> Amounts {
    let old = old.map(str::to_owned);
    Amounts { old, new: new.to_owned(), difference: difference.to_owned() }
}

fn change(amounts: [Amounts; 3]) -> CostChange {
    let [billed, effective, unblended] = amounts;
    let text = |text: &str| Some(text.to_owned());
    CostChange {
        time: ChargeTime::Day(NaiveDate::from_ymd_opt(2026, 1, 31).unwrap()),
        billing_account: text("111122223333"),
        currency: text("USD"),
        sub_account: text("444455556666"),
        service: text("Amazon Simple Storage Service"),
        category: text("Usage"),
        billed,
        effective,
        unblended,
        is_estimated: true,
    }
}

fn delivery() -> DeliveryFacts {
    let by_currency = |amount: &str| BTreeMap::from([("USD".to_owned(), amount.to_owned())]);
    DeliveryFacts {
        kind: "cur".to_owned(),
        granularity: "hourly".to_owned(),
        billing_accounts: vec!["111122223333".to_owned()],
        line_items: 120_000,
        stored_rows: 120_012,
        excluded_rows: 12,
        quarantined_rows: 0,
        files: 3,
        billed_costs: by_currency("10234.5678901234"),
        sums: BTreeMap::from([(
            "lineItem/UnblendedCost".to_owned(),
            by_currency("10234.5678901234"),
        )]),
    }
}

/// The examples, by type.
fn examples() -> BTreeMap<&'static str, Event> {
    let origin = origin();
    let recorded = [(); 3].map(|()| amounts(None, "0.0230000001", "0.0230000001"));
    let restated = [
        amounts(Some("0.0230000001"), "0.0231", "0.0000999999"),
        amounts(Some("0.0230000001"), "0.0231", "0.0000999999"),
        amounts(Some("0.0230000001"), "-0.0231", "-0.0461000001"),
    ];
    let drift = DriftFacts {
        unknown: vec!["lineItem/NewColumn".to_owned()],
        added: vec!["lineItem/NewColumn".to_owned()],
        removed: Vec::new(),
    };
    let health = HealthFacts {
        key: "0d8a0c1e-5c1f-4d53-9d1c-6d2a6a3f9b11".to_owned(),
        connection: "main".to_owned(),
        old: Some("healthy".to_owned()),
        new: "broken".to_owned(),
        since: RECORDED_AT,
        findings: json!([{ "code": "get-denied", "severity": "error", "seen": "403" }]),
    };
    let place = |index| Place { position: 42, index };
    let events = [
        delivery_loaded(&origin, &delivery()).at(place(0)),
        schema_drifted(&origin, &drift).at(place(1)),
        state_changed(&origin, &StateFacts { old: Some("open".to_owned()) }).at(place(2)),
        cost(&origin, &change(recorded)).at(place(3)),
        cost(&origin, &change(restated)).at(place(4)),
        health_changed(&health).at(Place { position: 43, index: 0 }),
    ];
    events.into_iter().map(|event| (event.kind, event)).collect()
}

#[test]
fn every_type_has_a_schema_that_its_events_fit() {
    let examples = examples();
    assert_eq!(examples.keys().copied().collect::<BTreeSet<_>>(), BTreeSet::from(TYPES));
    for (kind, event) in examples {
        let schema = schema(kind);
        let structured = event.structured();
        let errors: Vec<String> =
            validator(&schema).iter_errors(&structured).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{kind}: {errors:?}");
        // What a reader of the page sees is what is sent, ids included.
        assert_eq!(schema["examples"], json!([structured]), "{kind}");
    }
}

#[test]
fn hours_fit_the_schemas_of_days() {
    let hour = NaiveDate::from_ymd_opt(2026, 1, 31).unwrap().and_hms_opt(5, 0, 0).unwrap();
    for old in [None, Some("1")] {
        let new = amounts(old, "2", "1");
        let figures = change([new.clone(), new.clone(), new]);
        let figures = CostChange { time: ChargeTime::Hour(hour.and_utc()), ..figures };
        let event = cost(&origin(), &figures);
        let schema = validator(&schema(event.kind));
        let structured = event.structured();
        let errors: Vec<String> =
            schema.iter_errors(&structured).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{}: {errors:?}", event.kind);
        assert_eq!(structured["data"]["chargePeriodEnd"], "2026-01-31T06:00:00Z");
    }
}

#[test]
fn schemas_name_all_that_is_sent_and_nothing_else() {
    let names = |value: &Value| -> BTreeSet<String> {
        value.as_object().unwrap().keys().cloned().collect()
    };
    for (kind, event) in examples() {
        let schema = schema(kind);
        let structured = event.structured();
        assert_eq!(names(&schema["properties"]), names(&structured), "{kind}");
        let data = &schema["properties"]["data"];
        assert_eq!(names(&data["properties"]), names(&structured["data"]), "{kind}");
        let required: BTreeSet<String> = serde_json::from_value(data["required"].clone()).unwrap();
        assert_eq!(required, names(&structured["data"]), "{kind}");
    }
}

#[test]
fn schemas_refuse_what_is_not_so() {
    for (kind, event) in examples() {
        let validator = validator(&schema(kind));
        let structured = event.structured();
        let with = |pointer: &str, value: Value| {
            let mut changed = structured.clone();
            *changed.pointer_mut(pointer).unwrap() = value;
            changed
        };
        assert!(!validator.is_valid(&with("/type", json!("com.example"))), "{kind}");
        assert!(!validator.is_valid(&with("/time", json!("yesterday"))), "{kind}");
        assert!(!validator.is_valid(&with("/specversion", json!("0.3"))), "{kind}");
        assert!(!validator.is_valid(&with("/id", json!("random"))), "{kind}");
        for name in structured["data"].as_object().unwrap().keys() {
            let mut without = structured.clone();
            without["data"].as_object_mut().unwrap().remove(name);
            assert!(!validator.is_valid(&without), "{kind} without {name}");
        }
        if structured["data"].get("billedCost").is_some() {
            // Money is text: a number would have been through a float somewhere.
            assert!(!validator.is_valid(&with("/data/billedCost/new", json!(1))), "{kind}");
            assert!(!validator.is_valid(&with("/data/billedCost/new", json!("1e3"))), "{kind}");
        }
    }
}

#[test]
fn every_schema_is_of_a_type_and_named_on_the_page() {
    let page = fs::read_to_string(folder().join("README.md")).unwrap();
    let mut found = BTreeSet::new();
    for entry in fs::read_dir(folder()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if let Some(kind) = name.strip_suffix(".json") {
            assert!(page.contains(&format!("]({name})")), "{name} is not on the page");
            found.insert(kind.to_owned());
        }
    }
    let types: BTreeSet<String> = TYPES.into_iter().map(str::to_owned).collect();
    assert_eq!(found, types);
}
