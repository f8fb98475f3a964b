//! Sinks, their secrets, cursors and dead letters, and the order of happenings.

use std::collections::BTreeMap;

use super::*;

const PASSWORD: &str = "whsec_SINK-SECRET-bPxRfiCYEXAMPLE";
const HEADER: &str = "Bearer SINK-TOKEN-EXAMPLE";

fn new_sink(text: &str) -> NewSink {
    NewSink {
        name: text.to_owned(),
        settings: json!({ "target": { "kind": "http", "url": "https://example.com/events" } }),
        secrets: Vec::new(),
    }
}

fn plain(registry: &Registry, text: &str) -> SinkId {
    registry.add_sink(new_sink(text), NOW).unwrap().id
}

fn with_secrets(text: &str) -> NewSink {
    let secrets = [("webhook", PASSWORD), ("header:Authorization", HEADER)];
    let secrets = secrets.map(|(field, value)| (field.to_owned(), SecretString::from(value)));
    NewSink { secrets: secrets.into(), ..new_sink(text) }
}

fn opened(secrets: &BTreeMap<String, SecretString>) -> Vec<(&str, &str)> {
    secrets.iter().map(|(field, secret)| (field.as_str(), secret.expose_secret())).collect()
}

fn happening(recorded_at: i64, connection: &str, revision: &str) -> Happening {
    Happening {
        kind: HappeningKind::Delivery,
        connection: connection.to_owned(),
        period: "2026-06".to_owned(),
        revision: revision.to_owned(),
        recorded_at,
    }
}

fn health(recorded_at: i64, connection: &str) -> Happening {
    let (period, revision) = (String::new(), String::new());
    let kind = HappeningKind::Health;
    Happening { kind, connection: connection.to_owned(), period, revision, recorded_at }
}

fn attempt(number: i64, events: usize) -> AttemptRecord {
    let event = |index: usize| EventRecord {
        id: format!("{number}-{index}"),
        kind: "com.billhook.cost.recorded.v1".to_owned(),
        subject: (index > 0).then(|| "2026-09-01/Größe".to_owned()),
    };
    AttemptRecord {
        number,
        at: NOW + number,
        took: 1_500,
        came: Came::Taken,
        reason: None,
        status: Some(204),
        events: (0..events).map(event).collect(),
    }
}

/// Another place, and these secrets.
fn change(secrets: Vec<(&str, Option<&str>)>) -> SinkChange {
    let secrets = secrets.into_iter();
    SinkChange {
        settings: json!({ "target": { "kind": "http", "url": "https://example.com/other" } }),
        secrets: secrets
            .map(|(field, value)| (field.to_owned(), value.map(SecretString::from)))
            .collect(),
        begins_anew: false,
    }
}

#[test]
fn a_database_from_before_there_were_sinks_gets_them() {
    let home = TempDir::new().unwrap();
    let registry = open(home.path());
    let id = keyed(&registry, "a");
    drop(registry);
    let tables = ["attempts", "dead_letters", "sink_secrets", "sinks", "happenings"];
    let tables = tables.iter().chain(&super::people::TABLES);
    let drops: Vec<String> = tables.map(|table| format!("DROP TABLE {table};")).collect();
    let drops = drops.concat();
    direct(home.path()).execute_batch(&format!("{drops} PRAGMA user_version = 1;")).unwrap();

    let registry = open(home.path());
    assert_eq!(secrets_of(&registry.access(&id).unwrap()), (SECRET, Some(TOKEN)));
    plain(&registry, "here");
    assert_eq!(registry.sinks().unwrap().len(), 1);
    assert_eq!(registry.last_position().unwrap(), 0);
}

#[test]
fn a_sink_is_added_paused_and_removed() {
    let home = TempDir::new().unwrap();
    let registry = open(home.path());
    let added = registry.add_sink(with_secrets("b"), NOW).unwrap();
    let late = registry.add_sink_at(new_sink("a"), (7, i64::MAX), NOW).unwrap();
    assert_eq!((added.cursor, late.cursor), ((0, 0), (7, i64::MAX)));
    assert_eq!(added.secrets, ["webhook", "header:Authorization"]);
    assert_eq!(registry.sinks().unwrap(), [late.clone(), added.clone()]);
    assert_eq!(registry.sink("b").unwrap().as_ref(), Some(&added));
    assert_eq!(registry.sink("c").unwrap(), None);

    let taken = registry.add_sink(new_sink("b"), NOW).unwrap_err();
    assert!(matches!(taken, RegistryError::SinkNameTaken { .. }), "{taken:?}");
    for bad in ["", "-a", "A", "a/b", "a b"] {
        let error = registry.add_sink(new_sink(bad), NOW).unwrap_err();
        assert!(matches!(error, RegistryError::SinkName { .. }), "{bad:?}");
    }

    let id = &added.id;
    registry.pause_sink(id, NOW + 1).unwrap();
    registry.pause_sink(id, NOW + 2).unwrap();
    let state = json!({ "state": "retrying", "reason": "503" });
    registry.set_sink_state(id, &state, &[], NOW + 3).unwrap();
    registry.set_cursor(id, (3, 1), NOW + 4).unwrap();
    registry.bury(id, (3, 0), &json!({ "id": "1" }), "400", NOW + 4).unwrap();
    registry.keep_attempts(id, &[attempt(1, 1)]).unwrap();
    let expected = SinkRecord {
        paused_since: Some(NOW + 1),
        state,
        state_at: Some(NOW + 3),
        cursor: (3, 1),
        moved_at: Some(NOW + 4),
        dead_letters: 1,
        ..added.clone()
    };
    assert_eq!(registry.sink("b").unwrap(), Some(expected));
    registry.resume_sink(id).unwrap();
    assert_eq!(registry.sink("b").unwrap().unwrap().paused_since, None);

    let lease = registry.try_lease("sink/b", "me", NOW, HOUR).unwrap();
    let other = registry.try_lease("sink/a", "me", NOW, HOUR).unwrap();
    registry.remove_sink(id).unwrap();
    assert_eq!(registry.sinks().unwrap(), [late]);
    assert_eq!(registry.renew(taken_lease(&lease), NOW, HOUR).unwrap(), None);
    assert!(registry.renew(taken_lease(&other), NOW, HOUR).unwrap().is_some());
    assert!(registry.dead_letters(id, 10).unwrap().is_empty());
    registry.keep_attempts(id, &[attempt(2, 1)]).unwrap();
    let sql = "SELECT (SELECT count(*) FROM sink_secrets) + (SELECT count(*) FROM dead_letters) \
         + (SELECT count(*) FROM attempts)";
    let left: i64 = direct(home.path()).query_row(sql, [], |row| row.get(0)).unwrap();
    assert_eq!(left, 0);
}

fn taken_lease(outcome: &LeaseOutcome) -> &Lease {
    taken(outcome).unwrap()
}

#[test]
fn what_is_done_to_a_sink_that_is_gone_is_an_error() {
    let home = TempDir::new().unwrap();
    let registry = open(home.path());
    let id = &plain(&registry, "a");
    registry.remove_sink(id).unwrap();
    let answers = [
        registry.pause_sink(id, NOW),
        registry.resume_sink(id),
        registry.remove_sink(id),
        registry.sink_secrets(id).map(drop),
        registry.cursor(id).map(drop),
        registry.set_cursor(id, (1, 0), NOW),
        registry.advance_cursor(id, (0, 0), (1, 0), &[], NOW).map(drop),
        registry.rewind_cursor(id, (0, 0), NOW).map(drop),
        registry.set_sink_state(id, &json!({}), &[attempt(1, 1)], NOW),
        registry.set_sink(id, change(Vec::new()), NOW, NOW).map(drop),
        registry.bury(id, (1, 0), &json!({}), "400", NOW),
    ];
    for (number, answer) in answers.into_iter().enumerate() {
        let error = answer.unwrap_err();
        assert!(matches!(error, RegistryError::NoSink { .. }), "{number}: {error:?}");
    }
    // Nothing was sealed, so no key was made.
    assert!(!home.path().join(KEY_FILE).exists());
}

#[test]
fn inv_sec_no_secret_of_a_sink_is_in_the_files_or_in_what_is_shown() {
    let home = TempDir::new().unwrap();
    let registry = open(home.path());
    let added = registry.add_sink(with_secrets("a"), NOW).unwrap();
    let other = plain(&registry, "b");
    registry.backup(&home.path().join("copy.db")).unwrap();
    let secrets = registry.sink_secrets(&added.id).unwrap();
    assert_eq!(opened(&secrets), [("header:Authorization", HEADER), ("webhook", PASSWORD)]);
    assert!(registry.sink_secrets(&other).unwrap().is_empty());
    let shown = format!("{added:?} {secrets:?} {:?}", with_secrets("a"));
    let shown = shown + &serde_json::to_string(&added).unwrap();
    assert!(shown.contains("webhook"));
    assert!(!shown.contains(PASSWORD) && !shown.contains(HEADER), "{shown}");
    // With the write-ahead log, and after it was folded into the database.
    nowhere(home.path(), &[PASSWORD, HEADER]);
    drop(registry);
    nowhere(home.path(), &[PASSWORD, HEADER]);
}

/// Checks that no file of a home holds one of these texts.
pub(super) fn nowhere(home: &Path, texts: &[&str]) {
    for entry in fs::read_dir(home).unwrap() {
        let path = entry.unwrap().path();
        let bytes = fs::read(&path).unwrap();
        for text in texts {
            let is_there = bytes.windows(text.len()).any(|window| window == text.as_bytes());
            assert!(!is_there, "{}", path.display());
        }
    }
}

#[test]
fn inv_sec_a_secret_of_a_sink_opens_only_where_it_was_put() {
    let home = TempDir::new().unwrap();
    let registry = open(home.path());
    let first = registry.add_sink(with_secrets("a"), NOW).unwrap().id;
    let second = registry.add_sink(with_secrets("b"), NOW).unwrap().id;
    let connection = keyed(&registry, "c");
    let put = |sql: &str| direct(home.path()).execute_batch(sql).unwrap();
    let refused = |id: &SinkId, text: &str| {
        let error = registry.sink_secrets(id).unwrap_err();
        assert!(matches!(error, RegistryError::WrongKey { .. }), "{error:?}");
        let said = everything_said(&error);
        assert!(said.contains(text), "{said}");
        assert!([PASSWORD, HEADER, SECRET].iter().all(|secret| !said.contains(secret)), "{said}");
    };
    // From another field of the same sink, and from another sink.
    put(&format!(
        "UPDATE sink_secrets SET sealed = (SELECT sealed FROM sink_secrets \
         WHERE sink = '{first}' AND field = 'header:Authorization') \
         WHERE sink = '{first}' AND field = 'webhook'"
    ));
    refused(&first, "sink a");
    put(&format!(
        "UPDATE sink_secrets SET sealed = (SELECT sealed FROM sink_secrets AS other \
         WHERE other.sink = '{second}' AND other.field = sink_secrets.field) \
         WHERE sink = '{first}'"
    ));
    refused(&first, "sink a");
    assert_eq!(opened(&registry.sink_secrets(&second).unwrap()).len(), 2);
    // A sink with the id of a connection and the field of its secret.
    put(&format!(
        "PRAGMA foreign_keys = OFF; \
         DELETE FROM sink_secrets WHERE sink = '{second}' AND field = 'webhook'; \
         UPDATE sinks SET id = '{connection}', secret_fields = '[\"secret access key\"]' \
         WHERE id = '{second}'; \
         UPDATE sink_secrets SET sink = '{connection}', field = 'secret access key', \
         sealed = (SELECT sealed FROM secrets WHERE field = 'secret access key') \
         WHERE sink = '{second}'"
    ));
    refused(&registry.sink("b").unwrap().unwrap().id, "sink b");
    assert_eq!(secrets_of(&registry.access(&connection).unwrap()), (SECRET, Some(TOKEN)));
}

#[test]
fn inv_sec_connections_and_sinks_have_one_key() {
    let home = TempDir::new().unwrap();
    let registry = Registry::open_with(home.path(), key('1')).unwrap();
    let sink = registry.add_sink(with_secrets("a"), NOW).unwrap().id;
    drop(registry);
    let wrong = Registry::open_with(home.path(), key('2')).unwrap();
    let errors = [
        wrong.sink_secrets(&sink).unwrap_err(),
        wrong.add_sink(with_secrets("b"), NOW).unwrap_err(),
        wrong.add(new("c", Credentials::AccessKey(access_key())), NOW).unwrap_err(),
    ];
    for error in errors {
        assert!(matches!(error, RegistryError::WrongKey { .. }), "{error:?}");
        let said = everything_said(&error);
        assert!(said.contains(KEY_VARIABLE) && said.contains("sink a"), "{said}");
        let hidden = [PASSWORD, HEADER, SECRET, "1111", "2222"];
        assert!(hidden.iter().all(|text| !said.contains(text)), "{said}");
    }
    // A sink without secrets needs no key, and what failed left nothing.
    plain(&wrong, "d");
    let names: Vec<String> = wrong.sinks().unwrap().into_iter().map(|sink| sink.name).collect();
    assert_eq!(names, ["a", "d"]);
    assert!(wrong.connections().unwrap().is_empty());

    assert_eq!(wrong.forget_secrets().unwrap(), 2);
    let error = wrong.sink_secrets(&sink).unwrap_err();
    assert!(matches!(error, RegistryError::SinkSecretMissing { .. }), "{error:?}");
    assert!(error.fix().unwrap().contains("the sink a"));
    // Nothing is sealed any more, so another key may be used.
    keyed(&wrong, "c");
}

#[test]
fn a_cursor_goes_back_only_when_it_is_rewound() {
    let home = TempDir::new().unwrap();
    let registry = open(home.path());
    let (id, other) = (plain(&registry, "a"), plain(&registry, "b"));
    assert_eq!(registry.cursor(&id).unwrap(), (0, 0));
    for (to, expected) in [
        ((2, 5), (2, 5)),
        ((2, 4), (2, 5)),
        ((1, 9), (2, 5)),
        ((2, 5), (2, 5)),
        ((2, 6), (2, 6)),
        ((3, 0), (3, 0)),
    ] {
        registry.set_cursor(&id, to, NOW).unwrap();
        assert_eq!(registry.cursor(&id).unwrap(), expected, "{to:?}");
    }
    assert!(!registry.rewind_cursor(&id, (3, 0), NOW).unwrap());
    assert!(!registry.rewind_cursor(&id, (3, 1), NOW).unwrap());
    assert_eq!(registry.cursor(&id).unwrap(), (3, 0));
    assert!(registry.rewind_cursor(&id, (1, i64::MAX), NOW + 1).unwrap());
    assert_eq!(registry.cursor(&id).unwrap(), (1, i64::MAX));
    assert_eq!(registry.sink("a").unwrap().unwrap().moved_at, Some(NOW + 1));
    // Each sink has its own.
    assert_eq!(registry.cursor(&other).unwrap(), (0, 0));
    assert_eq!(registry.sink("b").unwrap().unwrap().moved_at, None);
}

#[test]
fn who_is_under_way_does_not_undo_a_rewind() {
    let home = TempDir::new().unwrap();
    let registry = open(home.path());
    let id = plain(&registry, "a");
    assert!(registry.advance_cursor(&id, (0, 0), (4, 2), &[], NOW).unwrap());
    assert!(registry.advance_cursor(&id, (4, 2), (4, 2), &[], NOW).unwrap());
    assert!(!registry.advance_cursor(&id, (4, 2), (4, 1), &[], NOW).unwrap());
    assert_eq!(registry.cursor(&id).unwrap(), (4, 2));
    assert!(registry.rewind_cursor(&id, (1, 0), NOW).unwrap());
    assert!(!registry.advance_cursor(&id, (4, 2), (5, 0), &[], NOW).unwrap());
    assert_eq!(registry.cursor(&id).unwrap(), (1, 0));
}

#[test]
fn dead_letters_are_kept_looked_at_and_thrown_away() {
    let home = TempDir::new().unwrap();
    let registry = open(home.path());
    let (id, other) = (plain(&registry, "a"), plain(&registry, "b"));
    let event = |number: i64| json!({ "id": number, "data": { "billedCost": "0.1" } });
    registry.bury(&id, (2, 0), &event(1), "400: no such field", NOW).unwrap();
    registry.bury(&id, (1, 7), &event(2), "413", NOW + 1).unwrap();
    registry.bury(&other, (2, 0), &event(1), "422", NOW + 2).unwrap();
    // Tried again in vain, or buried again after a kill.
    registry.bury(&id, (2, 0), &event(1), "400: still no such field", NOW + 3).unwrap();
    let letters = registry.dead_letters(&id, 10).unwrap();
    let expected = DeadLetter {
        number: letters[0].number,
        place: (2, 0),
        event: event(1),
        reason: "400: still no such field".to_owned(),
        attempts: 2,
        buried_at: NOW,
        tried_at: NOW + 3,
    };
    assert_eq!(letters[0], expected);
    let told: Vec<_> = letters.iter().map(|letter| (letter.place, letter.attempts)).collect();
    assert_eq!(told, [((2, 0), 2), ((1, 7), 1)]);
    assert_eq!(registry.dead_letters(&id, 1).unwrap(), std::slice::from_ref(&expected));
    assert_eq!(registry.sink("a").unwrap().unwrap().dead_letters, 2);

    let number = expected.number;
    assert_eq!(registry.dead_letter(&id, number).unwrap(), Some(expected));
    // A sink has only its own.
    assert_eq!(registry.dead_letter(&other, number).unwrap(), None);
    assert!(!registry.drop_dead_letter(&other, number).unwrap());
    assert!(registry.drop_dead_letter(&id, number).unwrap());
    assert!(!registry.drop_dead_letter(&id, number).unwrap());
    assert_eq!(registry.dead_letter(&id, number).unwrap(), None);
    assert_eq!(registry.sink("a").unwrap().unwrap().dead_letters, 1);
    assert_eq!(registry.sink("b").unwrap().unwrap().dead_letters, 1);
}

#[test]
fn what_happened_is_noted_once_and_in_order() {
    let home = TempDir::new().unwrap();
    let registry = open(home.path());
    let first = [happening(NOW, "a", "r1"), happening(NOW, "b", "r1"), health(NOW + 5, "a")];
    let mixed = [first[2].clone(), first[1].clone(), first[0].clone(), first[1].clone()];
    assert_eq!(registry.note_happenings(&mixed).unwrap(), 3);
    let noted = registry.happenings(0, 10).unwrap();
    assert!(noted.iter().map(|(_, happening)| happening).eq(&first));
    assert!(noted.iter().all(|(position, _)| *position >= 1));
    assert!(noted.is_sorted_by(|one, next| one.0 < next.0));

    // What is noted keeps its place, and what is new comes after it, however old it is.
    let old = happening(NOW - 9, "a", "r0");
    let same_time = happening(NOW, "a", "r2");
    let again = [same_time.clone(), first[0].clone(), old.clone(), first[2].clone()];
    assert_eq!(registry.note_happenings(&again).unwrap(), 2);
    assert_eq!(registry.note_happenings(&again).unwrap(), 0);
    assert_eq!(registry.note_happenings(&[]).unwrap(), 0);
    let all = registry.happenings(0, 10).unwrap();
    assert_eq!(all[..3], noted);
    assert_eq!([&all[3].1, &all[4].1], [&old, &same_time]);
    assert_eq!(registry.last_position().unwrap(), all[4].0);

    // In pieces it is the same.
    let mut pieces: Vec<(i64, Happening)> = Vec::new();
    loop {
        let after = pieces.last().map_or(0, |(position, _)| *position);
        let piece = registry.happenings(after, 2).unwrap();
        assert!(piece.len() <= 2);
        if piece.is_empty() {
            break;
        }
        pieces.extend(piece);
    }
    assert_eq!(pieces, all);
}

#[test]
fn nothing_recorded_since_a_time_stands_before_its_position() {
    let home = TempDir::new().unwrap();
    let registry = open(home.path());
    assert_eq!(registry.position_at(NOW).unwrap(), 0);
    let first = [happening(NOW, "a", "r1"), happening(NOW + 5, "a", "r2")];
    registry.note_happenings(&first).unwrap();
    // Noted late.
    registry.note_happenings(&[health(NOW + 2, "b")]).unwrap();
    let after = |time: i64| -> Vec<i64> {
        let position = registry.position_at(time).unwrap();
        let happenings = registry.happenings(position, 10).unwrap();
        happenings.into_iter().map(|(_, happening)| happening.recorded_at - NOW).collect()
    };
    assert_eq!(after(NOW - 1), [0, 5, 2]);
    assert_eq!(after(NOW), [0, 5, 2]);
    assert_eq!(after(NOW + 1), [5, 2]);
    assert_eq!(after(NOW + 5), [5, 2]);
    assert_eq!(after(NOW + 6), Vec::<i64>::new());
    assert_eq!(registry.position_at(i64::MAX).unwrap(), registry.last_position().unwrap());
}

#[test]
fn the_lease_over_a_sink_of_a_dead_process_is_ended() {
    let home = TempDir::new().unwrap();
    let registry = open(home.path());
    registry.try_lease("sink/a", "host/1/dead", NOW, HOUR).unwrap();
    assert!(!registry.break_lease_named("sink/a", "host/1/other").unwrap());
    assert!(!registry.break_lease_named("sink/b", "host/1/dead").unwrap());
    assert!(registry.break_lease_named("sink/a", "host/1/dead").unwrap());
    let next = registry.try_lease("sink/a", "host/2/next", NOW, HOUR).unwrap();
    assert!(taken(&next).is_some(), "{next:?}");
}

#[test]
fn a_sink_is_changed_and_keeps_what_is_not() {
    let home = TempDir::new().unwrap();
    let registry = open(home.path());
    let added = registry.add_sink(with_secrets("a"), NOW).unwrap();
    let id = &added.id;
    registry.set_cursor(id, (3, 7), NOW).unwrap();
    let keeps = change(vec![("webhook", None), ("header:X-Key", Some("another-EXAMPLE"))]);
    let changed = registry.set_sink(id, keeps.clone(), added.changed_at, NOW).unwrap();
    // Another time, also when the clock stands still.
    assert_eq!(changed.changed_at, NOW + 1);
    assert_eq!(registry.sink_changed_at(id).unwrap(), Some(NOW + 1));
    assert_eq!((&changed.settings, changed.cursor), (&keeps.settings, (3, 7)));
    assert_eq!(changed.secrets, ["webhook", "header:X-Key"]);
    assert_eq!(registry.sink("a").unwrap().as_ref(), Some(&changed));
    let secrets = registry.sink_secrets(id).unwrap();
    assert_eq!(opened(&secrets), [("header:X-Key", "another-EXAMPLE"), ("webhook", PASSWORD)]);
    let few = registry.sink_secrets_but(id, &["webhook"]).unwrap();
    assert_eq!(opened(&few), [("header:X-Key", "another-EXAMPLE")]);
    nowhere(home.path(), &[PASSWORD, HEADER, "another-EXAMPLE"]);

    // Who saw it before that does not undo it.
    let stale = registry.set_sink(id, change(Vec::new()), NOW, NOW + 9).unwrap_err();
    assert!(matches!(stale, RegistryError::ChangedMeanwhile { .. }), "{stale:?}");
    // What it never had cannot stay.
    let seen = changed.changed_at;
    let odd = registry.set_sink(id, change(vec![("password", None)]), seen, NOW).unwrap_err();
    assert!(matches!(odd, RegistryError::SinkSecretMissing { .. }), "{odd:?}");
    assert_eq!(registry.sink("a").unwrap(), Some(changed));

    // Told otherwise, a happening begins anew, unless all of it was told.
    let anew = || SinkChange { begins_anew: true, ..change(vec![("webhook", None)]) };
    let changed = registry.set_sink(id, anew(), seen, NOW + 9).unwrap();
    assert_eq!((changed.cursor, changed.changed_at), ((3, 0), NOW + 9));
    registry.set_cursor(id, (3, i64::MAX), NOW).unwrap();
    let changed = registry.set_sink(id, anew(), NOW + 9, NOW + 10).unwrap();
    assert_eq!(changed.cursor, (3, i64::MAX));
    // A secret that was forgotten is given again.
    registry.forget_secrets().unwrap();
    let again = change(vec![("webhook", Some(PASSWORD))]);
    registry.set_sink(id, again, NOW + 10, NOW + 11).unwrap();
    assert_eq!(opened(&registry.sink_secrets(id).unwrap()), [("webhook", PASSWORD)]);
}

#[test]
fn the_last_attempts_are_kept_and_no_more() {
    let home = TempDir::new().unwrap();
    let registry = open(home.path());
    let (id, other) = (plain(&registry, "a"), plain(&registry, "b"));
    assert_eq!(registry.last_attempt(&id).unwrap(), 0);
    let numbers = |id: &SinkId| -> Vec<i64> {
        registry.attempts(id, u32::MAX).unwrap().iter().map(|attempt| attempt.number).collect()
    };
    registry.keep_attempts(&other, &[attempt(1, 1)]).unwrap();
    // With the cursor, with the state, and by themselves; also when the cursor was moved back.
    assert!(registry.advance_cursor(&id, (0, 0), (1, 1), &[attempt(1, 2)], NOW).unwrap());
    assert!(!registry.advance_cursor(&id, (0, 0), (1, 2), &[attempt(2, 1)], NOW).unwrap());
    let refused = AttemptRecord {
        came: Came::Again,
        reason: Some("503".to_owned()),
        status: None,
        ..attempt(3, 2)
    };
    let state = json!({ "state": "retrying" });
    registry.set_sink_state(&id, &state, std::slice::from_ref(&refused), NOW).unwrap();
    registry.keep_attempts(&id, &[attempt(4, 1)]).unwrap();
    assert_eq!(numbers(&id), [4, 3, 2, 1]);
    assert_eq!(registry.attempts(&id, 2).unwrap(), [attempt(4, 1), refused]);
    assert_eq!(registry.last_attempt(&id).unwrap(), 4);

    let many: Vec<AttemptRecord> = (5..=304).map(|number| attempt(number, 1)).collect();
    registry.keep_attempts(&id, &many).unwrap();
    assert_eq!(numbers(&id).len(), KEPT_ATTEMPTS);
    assert_eq!(numbers(&id)[KEPT_ATTEMPTS - 1], 105);
    // The newest stays, however many events it names.
    registry.keep_attempts(&id, &[attempt(305, KEPT_EVENTS + 1)]).unwrap();
    assert_eq!(numbers(&id), [305]);
    registry.keep_attempts(&id, &[attempt(306, 1)]).unwrap();
    assert_eq!(numbers(&id), [306]);
    assert_eq!(numbers(&other), [1]);
    registry.remove_sink(&id).unwrap();
    assert!(numbers(&id).is_empty());
}

#[test]
fn a_database_from_before_sinks_were_changed_keeps_its_sinks() {
    let home = TempDir::new().unwrap();
    let registry = open(home.path());
    let added = registry.add_sink(with_secrets("a"), NOW).unwrap();
    drop(registry);
    let sql = "DROP TABLE identities; DROP TABLE addresses; DROP TABLE attempts; \
         ALTER TABLE sinks DROP COLUMN changed_at; PRAGMA user_version = 3;";
    direct(home.path()).execute_batch(sql).unwrap();
    let registry = open(home.path());
    assert_eq!(registry.sink("a").unwrap(), Some(added.clone()));
    registry.keep_attempts(&added.id, &[attempt(1, 1)]).unwrap();
    let seen = added.changed_at;
    assert!(registry.set_sink(&added.id, change(Vec::new()), seen, NOW).is_ok());
}
