use super::*;

fn origin() -> Origin {
    Origin {
        connection: "main".to_owned(),
        period: "2026-01".to_owned(),
        revision: "r2".to_owned(),
        previous: Some("r1".to_owned()),
        recorded_at: 1_770_000_000_000_000,
        state: "open".to_owned(),
        payer: Some("111122223333".to_owned()),
    }
}

fn amounts(old: Option<&str>, new: &str, difference: &str) -> Amounts {
    let old = old.map(str::to_owned);
    Amounts { old, new: new.to_owned(), difference: difference.to_owned() }
}

fn change() -> CostChange {
    let text = |text: &str| Some(text.to_owned());
    CostChange {
        time: ChargeTime::Day(NaiveDate::from_ymd_opt(2026, 1, 31).unwrap()),
        billing_account: text("111122223333"),
        currency: text("USD"),
        sub_account: text("444455556666"),
        service: text("AWS Lambda / 100 %"),
        category: text("Usage"),
        billed: amounts(Some("1.5"), "2", "0.5"),
        effective: amounts(Some("0"), "0", "0"),
        unblended: amounts(None, "2", "2"),
        is_estimated: true,
    }
}

/// An hour of the day of [`change`].
fn hour(number: u32) -> ChargeTime {
    ChargeTime::Hour(change().time.date().and_hms_opt(number, 0, 0).unwrap().and_utc())
}

#[test]
fn inv_idem_an_id_depends_on_what_happened_alone() {
    let first = cost(&origin(), &change());
    assert_eq!(first.id.len(), ID_DIGITS);
    assert_eq!(cost(&origin(), &change()), first);
    // Neither on figures nor on what is known about the period or the past of the slice.
    let other = Origin { state: "final".to_owned(), previous: None, payer: None, ..origin() };
    let change = CostChange { is_estimated: false, ..change() };
    assert_eq!(cost(&other, &change).id, first.id);
    // It is pinned: receivers have stored it.
    assert_eq!(first.id, "ad615bd4bc478dce81bc27b1d1172357");
}

#[test]
fn inv_idem_whatever_tells_events_apart_is_in_the_id() {
    let null = || CostChange { sub_account: None, ..change() };
    let empty = || CostChange { sub_account: Some(String::new()), ..change() };
    let text = |text: &str| Some(text.to_owned());
    let next_day = ChargeTime::Day(after(change().time.date()));
    let ids = [
        cost(&origin(), &change()),
        cost(&Origin { connection: "other".to_owned(), ..origin() }, &change()),
        cost(&Origin { period: "2026-02".to_owned(), ..origin() }, &change()),
        cost(&Origin { revision: "r3".to_owned(), ..origin() }, &change()),
        cost(&Origin { recorded_at: 1_770_000_000_000_001, ..origin() }, &change()),
        cost(&origin(), &CostChange { currency: text("EUR"), ..change() }),
        cost(&origin(), &CostChange { service: text("AWS Lambda"), ..change() }),
        cost(&origin(), &CostChange { category: text("Tax"), ..change() }),
        cost(&origin(), &CostChange { time: next_day, ..change() }),
        cost(&origin(), &CostChange { time: hour(0), ..change() }),
        cost(&origin(), &CostChange { time: hour(1), ..change() }),
        cost(&origin(), &CostChange { billing_account: None, ..change() }),
        cost(&origin(), &null()),
        cost(&origin(), &empty()),
        state_changed(&origin(), &StateFacts { old: None }),
    ];
    let distinct: std::collections::BTreeSet<_> = ids.iter().map(|event| &event.id).collect();
    assert_eq!(distinct.len(), ids.len());
}

#[test]
fn a_change_from_nothing_is_recorded_and_any_other_is_restated() {
    let restated = cost(&origin(), &change());
    assert_eq!(restated.kind, event::COST_RESTATED);
    let billed = json!({ "old": "1.5", "new": "2", "difference": "0.5" });
    assert_eq!(restated.data["billedCost"], billed);
    let unblended = json!({ "old": "0", "new": "2", "difference": "2" });
    assert_eq!(restated.data["unblendedCost"], unblended);
    let none = || amounts(None, "2", "2");
    let first = CostChange { billed: none(), effective: none(), unblended: none(), ..change() };
    let recorded = cost(&origin(), &first);
    assert_eq!(recorded.kind, event::COST_RECORDED);
    assert_eq!(recorded.data["billedCost"], json!({ "old": null, "new": "2", "difference": "2" }));
    // A figure of zero is a figure.
    let zero = || amounts(Some("0"), "2", "2");
    let again = CostChange { billed: zero(), effective: zero(), unblended: zero(), ..change() };
    assert_eq!(cost(&origin(), &again).kind, event::COST_RESTATED);
}

#[test]
fn inv_idem_a_renamed_connection_was_as_healthy_as_before() {
    let health = HealthFacts {
        key: "0d8a0c1e-5c1f-4d53-9d1c-6d2a6a3f9b11".to_owned(),
        connection: "main".to_owned(),
        old: None,
        new: "healthy".to_owned(),
        since: 1_770_000_000_000_000,
        findings: json!([]),
    };
    let renamed = HealthFacts { connection: "other".to_owned(), ..health.clone() };
    assert_eq!(health_changed(&health).id, health_changed(&renamed).id);
    let another = HealthFacts { key: "main".to_owned(), ..health.clone() };
    assert_ne!(health_changed(&health).id, health_changed(&another).id);
}

#[test]
fn an_hour_is_told_as_a_day_is() {
    let event = cost(&origin(), &CostChange { time: hour(23), ..change() });
    assert_eq!(event.time, "2026-01-31T23:00:00Z");
    assert_eq!(event.data["chargePeriodStart"], "2026-01-31T23:00:00Z");
    assert_eq!(event.data["chargePeriodEnd"], "2026-02-01T00:00:00Z");
    assert_eq!(event.data["granularity"], "hourly");
    assert!(event.subject.as_deref().unwrap().starts_with("2026-01-31T23/111122223333/"));
    assert_eq!(hour(23).date(), change().time.date());
    let day = cost(&origin(), &change());
    assert_eq!(day.data["granularity"], "daily");
    assert_eq!(day.data["chargePeriodEnd"], "2026-02-01T00:00:00Z");
}

#[test]
fn names_are_encoded_in_subjects() {
    let event = cost(&origin(), &change());
    let subject = "2026-01-31/111122223333/444455556666/AWS%20Lambda%20%2F%20100%20%25/Usage/USD";
    assert_eq!(event.subject.as_deref(), Some(subject));
    assert_eq!(event.source, "/billhook/connections/main/accounts/111122223333");
    let key = Extension::Text(subject.to_owned());
    assert_eq!(event.extensions.get(event::PARTITION_KEY), Some(&key));
    let nobody = CostChange { billing_account: None, sub_account: None, ..change() };
    let event = cost(&origin(), &nobody);
    let subject = "2026-01-31///AWS%20Lambda%20%2F%20100%20%25/Usage/USD";
    assert_eq!(event.subject.as_deref(), Some(subject));
    assert_eq!(event.source, "/billhook/connections/main");
}

#[test]
fn names_of_extensions_are_allowed_by_the_specification() {
    let events = [
        cost(&origin(), &change()).at(crate::deliver::Place { position: 1, index: 2 }),
        state_changed(&origin(), &StateFacts { old: None }),
    ];
    for name in events.iter().flat_map(|event| event.extensions.keys()) {
        let is_allowed = name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
        assert!(is_allowed && name.len() <= 20, "{name}");
    }
}

#[test]
fn a_figure_is_estimated_until_it_has_settled() {
    let day = NaiveDate::from_ymd_opt(2026, 1, 31).unwrap();
    let end_of_window = midnight_micros(2026, 2, 4);
    assert!(is_estimated(end_of_window - 1, day, 3, false));
    assert!(!is_estimated(end_of_window, day, 3, false));
    assert!(is_estimated(end_of_window, day, 3, true));
    assert!(!is_estimated(midnight_micros(2026, 2, 1), day, 0, false));
}

fn midnight_micros(year: i32, month: u32, day: u32) -> i64 {
    let date = NaiveDate::from_ymd_opt(year, month, day).unwrap();
    date.and_time(NaiveTime::MIN).and_utc().timestamp_micros()
}

#[test]
fn instants_are_utc_with_microseconds() {
    assert_eq!(instant(0), "1970-01-01T00:00:00.000000Z");
    assert_eq!(instant(1_770_000_000_000_007), "2026-02-02T02:40:00.000007Z");
    assert_eq!(instant(i64::MAX), i64::MAX.to_string());
}
