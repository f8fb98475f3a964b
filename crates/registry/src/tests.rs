//! The control database as a whole (INV-SEC among others): through its file, over several
//! connections to it, and with keys that are wrong, missing or exposed.

use std::fs;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;

mod addresses;
mod drafts;
mod openid;
mod people;
mod sinks;
mod sql_passwords;
mod tokens;

const SECRET: &str = "wJalrXUtnFEMI-SECRET-bPxRfiCYEXAMPLEKEY";
const TOKEN: &str = "FwoGZXIvYXdzE-TOKEN-EXAMPLE";
const NOW: i64 = 1_790_000_000_000_000;
const HOUR: Duration = Duration::from_hours(1);
const HOUR_MICROS: i64 = 3_600_000_000;

fn key(digit: char) -> KeySource {
    KeySource::Text(SecretString::from(digit.to_string().repeat(64)))
}

fn key_file(home: &Path) -> KeySource {
    KeySource::File(home.join(KEY_FILE))
}

fn open(home: &Path) -> Registry {
    Registry::open_with(home, key_file(home)).unwrap()
}

fn name(text: &str) -> ConnectionName {
    text.parse().unwrap()
}

fn access_key() -> AccessKey {
    AccessKey {
        key_id: "AKIAIOSFODNN7EXAMPLE".to_owned(),
        secret: SecretString::from(SECRET),
        session_token: Some(SecretString::from(TOKEN)),
    }
}

fn new(text: &str, credentials: Credentials) -> NewConnection {
    NewConnection {
        name: name(text),
        kind: "cur".to_owned(),
        location: Some("s3://bucket/prefix".to_owned()),
        settings: json!({ "report": "hourly" }),
        access: Access { region: Some("eu-central-1".to_owned()), ..Access::from(credentials) },
        schedule: Schedule::default(),
        payer: None,
    }
}

fn ambient(registry: &Registry, text: &str) -> ConnectionId {
    registry.add(new(text, Credentials::Ambient), NOW).unwrap().id
}

fn keyed(registry: &Registry, text: &str) -> ConnectionId {
    registry.add(new(text, Credentials::AccessKey(access_key())), NOW).unwrap().id
}

fn secrets_of(access: &Access) -> (&str, Option<&str>) {
    let key = match &access.credentials {
        Credentials::AccessKey(key)
        | Credentials::Role(AssumedRole { base: Base::AccessKey(key), .. }) => key,
        other => panic!("no access key in {other:?}"),
    };
    let token = key.session_token.as_ref().map(ExposeSecret::expose_secret);
    (key.secret.expose_secret(), token)
}

/// An error as it would reach a log, with its causes, its `Debug` form and its mend.
fn everything_said(error: &RegistryError) -> String {
    let mut text = format!("{error} {error:?} {:?}", error.fix());
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        text = format!("{text} {inner} {inner:?}");
        cause = inner.source();
    }
    text
}

fn direct(home: &Path) -> Database {
    Database::open(path(home)).unwrap()
}

#[test]
fn an_empty_home_gets_the_newest_schema() {
    let home = TempDir::new().unwrap();
    let deep = home.path().join("not/there/yet");
    let registry = open(&deep);
    assert!(registry.connections().unwrap().is_empty());
    drop(registry);
    // Opened again, nothing is migrated twice and what is there stays.
    let registry = open(&deep);
    ambient(&registry, "first");
    drop(registry);
    assert_eq!(open(&deep).connections().unwrap().len(), 1);
}

#[test]
fn looking_makes_nothing() {
    let home = TempDir::new().unwrap();
    let deep = home.path().join("not/there/yet");
    for place in [home.path(), &deep] {
        assert!(Registry::open_existing_with(place, key('1')).unwrap().is_none());
    }
    assert_eq!(fs::read_dir(home.path()).unwrap().count(), 0);
    drop(open(home.path()));
    assert!(Registry::open_existing_with(home.path(), key('1')).unwrap().is_some());
}

#[test]
fn the_database_of_a_newer_version_is_refused_and_left_as_it_is() {
    let home = TempDir::new().unwrap();
    drop(open(home.path()));
    direct(home.path()).pragma_update(None, "user_version", 999).unwrap();
    let before = fs::read(path(home.path())).unwrap();
    let error = Registry::open_with(home.path(), key('1')).unwrap_err();
    assert!(matches!(error, RegistryError::Version { found: 999, .. }), "{error:?}");
    assert!(error.fix().unwrap().contains("newer"));
    assert_eq!(fs::read(path(home.path())).unwrap(), before);
}

#[test]
fn a_file_that_is_no_database_is_named() {
    let home = TempDir::new().unwrap();
    fs::write(path(home.path()), "no database at all ".repeat(100)).unwrap();
    let error = Registry::open_with(home.path(), key('1')).unwrap_err();
    assert!(matches!(error, RegistryError::Open { .. }), "{error:?}");
    assert!(error.to_string().contains(DATABASE_FILE));
}

#[test]
fn names_are_checked() {
    let longest = "a".repeat(63);
    for good in ["a", "7", "prod-payer", "2026", longest.as_str()] {
        assert_eq!(name(good).as_str(), good);
    }
    let too_long = "a".repeat(64);
    for bad in ["", "-a", "A", "a_b", "a.b", "a/b", "ä", "a b", too_long.as_str()] {
        let error = bad.parse::<ConnectionName>().unwrap_err();
        assert!(matches!(error, RegistryError::Name { .. }), "{bad:?}");
    }
}

#[test]
fn schedules_are_what_their_text_says() {
    for text in ["every 1h", "every 168h", "daily 06:00 Europe/Berlin", "manual"] {
        assert_eq!(text.parse::<Schedule>().unwrap().to_string(), text);
    }
    assert_eq!("daily 6:00".parse::<Schedule>().unwrap().to_string(), "daily 06:00 UTC");
    assert_eq!(Schedule::default().to_string(), "every 4h");
    for bad in [
        "",
        "every",
        "every 0h",
        "every 169h",
        "every 4",
        "daily",
        "daily 24:00",
        "daily 06:30",
        "daily 06:00 a;b",
        "daily 06:00 UTC more",
        "manual 1",
        "weekly",
    ] {
        assert!(bad.parse::<Schedule>().is_err(), "{bad:?}");
    }
    let home = TempDir::new().unwrap();
    let registry = open(home.path());
    let never = Schedule::Hourly { every_hours: 0 };
    let mut wrong = new("a", Credentials::Ambient);
    wrong.schedule = never.clone();
    assert!(matches!(registry.add(wrong, NOW), Err(RegistryError::Schedule { .. })));
    let id = ambient(&registry, "a");
    assert!(matches!(registry.set_schedule(&id, never), Err(RegistryError::Schedule { .. })));
}

#[test]
fn a_connection_is_added_changed_and_removed() {
    let home = TempDir::new().unwrap();
    let registry = open(home.path());
    let added = registry.add(new("b", Credentials::Anonymous), NOW).unwrap();
    let other = ambient(&registry, "a");
    assert_eq!(registry.connection(&name("b")).unwrap().as_ref(), Some(&added));
    assert_eq!(registry.connection(&name("c")).unwrap(), None);
    let names = |registry: &Registry| -> Vec<String> {
        registry.connections().unwrap().into_iter().map(|c| c.name.to_string()).collect()
    };
    assert_eq!(names(&registry), ["a", "b"]);

    let taken = registry.add(new("b", Credentials::Ambient), NOW).unwrap_err();
    assert!(matches!(taken, RegistryError::NameTaken { .. }), "{taken:?}");
    let taken = registry.rename(&added.id, &name("a")).unwrap_err();
    assert!(matches!(taken, RegistryError::NameTaken { .. }), "{taken:?}");

    let id = &added.id;
    registry.rename(id, &name("c")).unwrap();
    registry.pause(id, NOW + 1).unwrap();
    registry.pause(id, NOW + 2).unwrap();
    registry.set_location(id, Some("/srv/reports")).unwrap();
    registry.set_settings(id, &json!({ "report": "daily" })).unwrap();
    let schedule = Schedule::Daily { hour: 6, time_zone: "Europe/Berlin".to_owned() };
    registry.set_schedule(id, schedule.clone()).unwrap();
    registry.set_payer(id, Some("111122223333")).unwrap();
    let changed = registry.connection(&name("c")).unwrap().unwrap();
    let expected = Connection {
        name: name("c"),
        paused_since: Some(NOW + 1),
        location: Some("/srv/reports".to_owned()),
        settings: json!({ "report": "daily" }),
        schedule,
        payer: Some("111122223333".to_owned()),
        ..added.clone()
    };
    assert_eq!(changed, expected);
    registry.resume(id).unwrap();
    assert_eq!(registry.connection(&name("c")).unwrap().unwrap().paused_since, None);

    let run = registry.start_run(id, "user", NOW).unwrap();
    registry.set_health(id, Health::Healthy, &json!([]), NOW).unwrap();
    registry.remove(id).unwrap();
    assert_eq!(names(&registry), ["a"]);
    assert!(registry.runs(id, 10).unwrap().is_empty());
    assert_eq!(registry.health(id).unwrap(), None);
    assert!(!registry.finish_run(run, NOW, Outcome::Ok, &Value::Null, &Value::Null).unwrap());
    assert!(registry.last_run(&other).unwrap().is_none());
}

#[test]
fn what_is_done_to_a_connection_that_is_gone_is_an_error() {
    let home = TempDir::new().unwrap();
    let registry = open(home.path());
    let id = &ambient(&registry, "a");
    registry.remove(id).unwrap();
    let answers = [
        registry.rename(id, &name("b")),
        registry.pause(id, NOW),
        registry.resume(id),
        registry.remove(id),
        registry.set_location(id, None),
        registry.set_settings(id, &json!({})),
        registry.set_schedule(id, Schedule::Manual),
        registry.set_payer(id, None),
        registry.set_access(id, Credentials::AccessKey(access_key()).into()),
        registry.access(id).map(drop),
        registry.start_run(id, "user", NOW).map(drop),
        registry.set_health(id, Health::Broken, &json!([]), NOW).map(drop),
    ];
    for (number, answer) in answers.into_iter().enumerate() {
        let error = answer.unwrap_err();
        assert!(matches!(error, RegistryError::NoConnection { .. }), "{number}: {error:?}");
    }
    // Nothing was sealed, so no key was made.
    assert!(!home.path().join(KEY_FILE).exists());
}

#[test]
fn credentials_of_every_sort_come_back() {
    let home = TempDir::new().unwrap();
    let registry = open(home.path());
    let role = |base| {
        Credentials::Role(AssumedRole {
            arn: "arn:aws:iam::111122223333:role/billing".to_owned(),
            external_id: new_external_id().unwrap(),
            session_name: Some("billhook".to_owned()),
            base,
        })
    };
    let profile = Credentials::Profile { name: "billing".to_owned() };
    for (text, credentials) in [
        ("ambient", Credentials::Ambient),
        ("anonymous", Credentials::Anonymous),
        ("profile", profile),
        ("role", role(Base::Ambient)),
        ("role-profile", role(Base::Profile { name: "base".to_owned() })),
    ] {
        let added = registry.add(new(text, credentials), NOW).unwrap();
        let (shown, secrets) = registry.access(&added.id).unwrap().apart();
        assert_eq!(shown, added.access);
        assert!(secrets.is_empty());
    }
    let key = Credentials::AccessKey(access_key());
    for (text, credentials) in [("key", key), ("role-key", role(Base::AccessKey(access_key())))] {
        let added = registry.add(new(text, credentials), NOW).unwrap();
        let stored = registry.connection(&name(text)).unwrap().unwrap();
        assert_eq!(stored, added);
        let opened = registry.access(&added.id).unwrap();
        assert_eq!(secrets_of(&opened), (SECRET, Some(TOKEN)));
        assert_eq!(opened.apart().0, added.access);
    }
}

#[test]
fn other_credentials_leave_nothing_of_the_earlier_ones() {
    let home = TempDir::new().unwrap();
    let registry = open(home.path());
    let id = keyed(&registry, "a");
    let count = || -> i64 {
        let sql = "SELECT count(*) FROM secrets";
        direct(home.path()).query_row(sql, [], |row| row.get(0)).unwrap()
    };
    assert_eq!(count(), 2);
    let key = AccessKey { session_token: None, ..access_key() };
    registry.set_access(&id, Credentials::AccessKey(key).into()).unwrap();
    assert_eq!(count(), 1);
    assert_eq!(secrets_of(&registry.access(&id).unwrap()), (SECRET, None));
    registry.set_access(&id, Credentials::Ambient.into()).unwrap();
    assert_eq!(count(), 0);
    assert!(matches!(registry.access(&id).unwrap().credentials, Credentials::Ambient));
}

#[test]
fn external_ids_are_long_random_and_valid() {
    let id = new_external_id().unwrap();
    assert_ne!(id, new_external_id().unwrap());
    assert_eq!(id.len(), "billhook-".len() + 40);
    assert!(id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-'));
}

#[test]
fn inv_sec_no_secret_is_in_the_files_or_in_what_is_shown() {
    let home = TempDir::new().unwrap();
    let registry = open(home.path());
    let id = keyed(&registry, "a");
    let copy = home.path().join("copy.db");
    registry.backup(&copy).unwrap();
    let clear = || -> Vec<PathBuf> {
        let files = fs::read_dir(home.path()).unwrap().map(|entry| entry.unwrap().path());
        let holds = |path: &PathBuf| {
            let bytes = fs::read(path).unwrap();
            [SECRET, TOKEN]
                .iter()
                .any(|secret| bytes.windows(secret.len()).any(|window| window == secret.as_bytes()))
        };
        files.filter(holds).collect()
    };
    // With the write-ahead log, and after it was folded into the database.
    assert!(home.path().join("billhook.db-wal").exists());
    assert_eq!(clear(), Vec::<PathBuf>::new());
    let connection = registry.connection(&name("a")).unwrap().unwrap();
    let opened = registry.access(&id).unwrap();
    let shown = format!("{registry:?} {connection:?} {opened:?} {:?}", access_key());
    let shown = shown + &serde_json::to_string(&connection).unwrap();
    assert!(shown.contains("AKIAIOSFODNN7EXAMPLE"));
    assert!(!shown.contains(SECRET) && !shown.contains(TOKEN), "{shown}");
    drop(registry);
    assert_eq!(clear(), Vec::<PathBuf>::new());
}

#[test]
fn inv_sec_a_wrong_key_opens_nothing_and_seals_nothing() {
    let home = TempDir::new().unwrap();
    let registry = Registry::open_with(home.path(), key('1')).unwrap();
    let id = keyed(&registry, "a");
    let other = ambient(&registry, "b");
    drop(registry);

    let wrong = Registry::open_with(home.path(), key('2')).unwrap();
    let errors = [
        wrong.access(&id).unwrap_err(),
        wrong.add(new("c", Credentials::AccessKey(access_key())), NOW).unwrap_err(),
        wrong.set_access(&other, Credentials::AccessKey(access_key()).into()).unwrap_err(),
    ];
    for error in errors {
        assert!(matches!(error, RegistryError::WrongKey { .. }), "{error:?}");
        let said = everything_said(&error);
        assert!(said.contains(KEY_VARIABLE) && said.contains("connection a"), "{said}");
        let hidden = [SECRET, TOKEN, "1111", "2222"];
        assert!(hidden.iter().all(|text| !said.contains(text)), "{said}");
    }
    // All that needs no secret works, and a failed change leaves nothing behind.
    assert_eq!(wrong.connections().unwrap().len(), 2);
    assert!(matches!(wrong.access(&other).unwrap().credentials, Credentials::Ambient));
    // The credentials of the only connection with sealed ones can be given again.
    wrong.set_access(&id, Credentials::AccessKey(access_key()).into()).unwrap();
    assert_eq!(secrets_of(&wrong.access(&id).unwrap()), (SECRET, Some(TOKEN)));
}

#[test]
fn inv_sec_a_sealed_value_opens_only_where_it_was_put() {
    let home = TempDir::new().unwrap();
    let registry = open(home.path());
    let (first, second) = (keyed(&registry, "a"), keyed(&registry, "b"));
    let swap = |set: &str, matching: &str| {
        let sql = format!(
            "UPDATE secrets SET sealed = (SELECT sealed FROM secrets AS other WHERE {matching}) \
             WHERE {set}"
        );
        assert_eq!(direct(home.path()).execute(&sql, []).unwrap(), 1);
    };
    let field = "field = 'secret access key'";
    swap(
        &format!("connection = '{first}' AND {field}"),
        &format!("other.connection = '{second}' AND other.{field}"),
    );
    assert!(matches!(registry.access(&first), Err(RegistryError::WrongKey { .. })));
    assert_eq!(secrets_of(&registry.access(&second).unwrap()), (SECRET, Some(TOKEN)));
    swap(
        &format!("connection = '{second}' AND field = 'session token'"),
        &format!("other.connection = '{second}' AND other.{field}"),
    );
    let error = registry.access(&second).unwrap_err();
    assert!(!everything_said(&error).contains(SECRET));
    assert!(matches!(error, RegistryError::WrongKey { .. }));
}

#[test]
fn every_altered_byte_is_noticed() {
    let key = key('7').key().unwrap();
    let place = seal::Place { owner: owner::Owner::connection("id"), field: "field" };
    let sealed = key.seal(place, &SecretString::from(SECRET)).unwrap().unwrap();
    assert_eq!(key.open(place, &sealed).unwrap().expose_secret(), SECRET);
    for at in 0..sealed.len() {
        let mut altered = sealed.clone();
        altered[at] ^= 1;
        assert!(key.open(place, &altered).is_none(), "byte {at}");
        assert!(key.open(place, &sealed[..at]).is_none(), "cut at {at}");
    }
    let again = key.seal(place, &SecretString::from(SECRET)).unwrap().unwrap();
    assert_ne!(sealed, again, "the nonce is random");
}

#[test]
fn a_key_may_be_written_in_several_ways() {
    let bytes = "+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/s";
    let hexadecimal = "fbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfbfb";
    let place = seal::Place { owner: owner::Owner::connection("id"), field: "field" };
    let source = |text: &str| KeySource::Text(SecretString::from(text));
    let sealed = source(hexadecimal).key().unwrap().seal(place, &SecretString::from(SECRET));
    let sealed = sealed.unwrap().unwrap();
    let url_safe = bytes.replace('+', "-").replace('/', "_");
    for text in [
        bytes.to_owned(),
        format!("{bytes}="),
        url_safe,
        hexadecimal.to_uppercase(),
        format!(" {hexadecimal}\n"),
    ] {
        assert!(source(&text).key().unwrap().open(place, &sealed).is_some(), "{text:?}");
    }
    for text in ["short", &hexadecimal[1..], &format!("{}g", &hexadecimal[1..])] {
        let Err(error) = source(text).key() else { panic!("{text:?} is taken for a key") };
        assert!(matches!(error, RegistryError::Key { .. }), "{error:?}");
        assert!(!everything_said(&error).contains(text));
    }
}

#[test]
fn the_key_file_is_made_once_and_only_for_its_owner() {
    let home = TempDir::new().unwrap();
    let registry = open(home.path());
    let file = home.path().join(KEY_FILE);
    ambient(&registry, "plain");
    assert!(!file.exists(), "nothing was sealed yet");
    let id = keyed(&registry, "a");
    let text = fs::read_to_string(&file).unwrap();
    assert_eq!(text.trim().len(), 64);
    keyed(&registry, "b");
    assert_eq!(fs::read_to_string(&file).unwrap(), text);
    // The same key by way of the environment variable.
    let other = Registry::open_with(home.path(), KeySource::Text(text.as_str().into())).unwrap();
    assert_eq!(secrets_of(&other.access(&id).unwrap()).0, SECRET);
    let names: Vec<_> =
        fs::read_dir(home.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert!(!names.iter().any(|name| name == "billhook.key.new"), "{names:?}");
}

#[test]
fn a_lost_key_is_told_and_can_be_given_up() {
    let home = TempDir::new().unwrap();
    let registry = open(home.path());
    let (first, second) = (keyed(&registry, "a"), keyed(&registry, "b"));
    fs::remove_file(home.path().join(KEY_FILE)).unwrap();
    let again = || registry.set_access(&first, Credentials::AccessKey(access_key()).into());
    for error in [registry.access(&first).unwrap_err(), again().unwrap_err()] {
        assert!(matches!(error, RegistryError::KeyMissing { .. }), "{error:?}");
        assert!(error.to_string().contains(KEY_FILE));
    }
    assert!(!home.path().join(KEY_FILE).exists(), "no second key for the same database");

    assert_eq!(registry.forget_secrets().unwrap(), 4);
    again().unwrap();
    assert_eq!(secrets_of(&registry.access(&first).unwrap()).0, SECRET);
    let error = registry.access(&second).unwrap_err();
    assert!(matches!(error, RegistryError::SecretMissing { .. }), "{error:?}");
    assert!(error.fix().unwrap().contains("connection b"));
}

#[cfg(unix)]
#[test]
fn files_are_for_their_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let home = TempDir::new().unwrap();
    let registry = open(home.path());
    let id = keyed(&registry, "a");
    registry.backup(&home.path().join("copy.db")).unwrap();
    for entry in fs::read_dir(home.path()).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{}", entry.path().display());
    }
    let file = home.path().join(KEY_FILE);
    for mode in [0o640, 0o604, 0o610] {
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        let error = registry.access(&id).unwrap_err();
        assert!(matches!(error, RegistryError::KeyExposed { .. }), "{error:?}");
        assert_eq!(error.fix().unwrap(), format!("run: chmod 600 '{}'", file.display()));
    }
    fs::set_permissions(&file, fs::Permissions::from_mode(0o400)).unwrap();
    registry.access(&id).unwrap();
}

#[test]
fn runs_are_remembered_newest_first() {
    let home = TempDir::new().unwrap();
    let registry = open(home.path());
    let id = ambient(&registry, "a");
    assert!(registry.last_run(&id).unwrap().is_none());
    let first = registry.start_run(&id, "schedule", NOW).unwrap();
    let open_run = registry.last_run(&id).unwrap().unwrap();
    assert_eq!((open_run.outcome, open_run.finished_at), (None, None));
    assert_eq!(open_run.summary, Value::Null);
    let (summary, findings) = (json!({ "rows": 7 }), json!([{ "code": "LATE" }]));
    assert!(registry.finish_run(first, NOW + 5, Outcome::Waiting, &summary, &findings).unwrap());
    assert!(!registry.finish_run(first, NOW + 9, Outcome::Ok, &json!(1), &json!([])).unwrap());
    let second = registry.start_run(&id, "user", NOW + 10).unwrap();
    let runs = registry.runs(&id, 10).unwrap();
    assert_eq!(runs.iter().map(|run| run.id).collect::<Vec<_>>(), [second, first]);
    let expected = Run {
        id: first,
        connection: id.clone(),
        trigger: "schedule".to_owned(),
        started_at: NOW,
        finished_at: Some(NOW + 5),
        outcome: Some(Outcome::Waiting),
        summary,
        findings,
    };
    assert_eq!(runs[1], expected);
    assert_eq!(registry.runs(&id, 1).unwrap().len(), 1);
}

#[test]
fn who_takes_a_connection_over_closes_the_runs_of_the_dead() {
    let home = TempDir::new().unwrap();
    let registry = open(home.path());
    let (id, other) = (ambient(&registry, "a"), ambient(&registry, "b"));
    let LeaseOutcome::Taken(lost) = registry.lease_connection(&id, "one", NOW, HOUR).unwrap()
    else {
        panic!("the lease is free")
    };
    let run = registry.start_run(&id, "schedule", NOW).unwrap();
    registry.start_run(&other, "schedule", NOW).unwrap();
    // While the lease is held, the run is left alone.
    let held = registry.lease_connection(&id, "two", NOW + 1, HOUR).unwrap();
    assert_eq!(held, LeaseOutcome::Held { holder: "one".to_owned(), until: NOW + HOUR_MICROS });
    assert_eq!(registry.last_run(&id).unwrap().unwrap().outcome, None);

    let later = NOW + HOUR_MICROS;
    let taken = registry.lease_connection(&id, "two", later, HOUR).unwrap();
    assert!(matches!(taken, LeaseOutcome::Taken(_)), "{taken:?}");
    let closed = registry.last_run(&id).unwrap().unwrap();
    assert_eq!((closed.outcome, closed.finished_at), (Some(Outcome::Stopped), Some(later)));
    assert_eq!(registry.last_run(&other).unwrap().unwrap().outcome, None);
    // Whoever was thought dead learns it.
    assert!(!registry.finish_run(run, later, Outcome::Ok, &json!({}), &json!([])).unwrap());
    assert_eq!(registry.renew(&lost, later, HOUR).unwrap(), None);
    assert!(!registry.release(&lost).unwrap());
}

#[test]
fn exactly_one_of_eight_takes_a_lease() {
    let home = TempDir::new().unwrap();
    drop(open(home.path()));
    for round in 0..10_i64 {
        // Every round finds the lease of the round before, just ended.
        let now = NOW + round * HOUR_MICROS;
        let barrier = std::sync::Barrier::new(8);
        let outcomes: Vec<LeaseOutcome> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8)
                .map(|_| {
                    scope.spawn(|| {
                        let registry = open(home.path());
                        let holder = new_holder("host").unwrap();
                        barrier.wait();
                        registry.try_lease("scheduler", &holder, now, HOUR).unwrap()
                    })
                })
                .collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let taken: Vec<&Lease> = outcomes.iter().filter_map(taken).collect();
        assert_eq!(taken.len(), 1, "{outcomes:?}");
        for outcome in &outcomes {
            if let LeaseOutcome::Held { holder, until } = outcome {
                assert_eq!((holder, *until), (&taken[0].holder, taken[0].until));
            }
        }
    }
}

fn taken(outcome: &LeaseOutcome) -> Option<&Lease> {
    match outcome {
        LeaseOutcome::Taken(lease) => Some(lease),
        LeaseOutcome::Held { .. } => None,
    }
}

#[test]
fn a_lease_is_renewed_released_and_not_taken_twice() {
    let home = TempDir::new().unwrap();
    let registry = open(home.path());
    let first = registry.try_lease("scheduler", "me", NOW, HOUR).unwrap();
    let first = taken(&first).unwrap();
    // Not even by the same holder, who may be another thread of the same process.
    let again = registry.try_lease("scheduler", "me", NOW, HOUR).unwrap();
    assert!(taken(&again).is_none(), "{again:?}");
    let renewed = registry.renew(first, NOW + 5, HOUR).unwrap().unwrap();
    assert_eq!(renewed.until, NOW + 5 + HOUR_MICROS);
    let early = registry.try_lease("scheduler", "you", NOW + HOUR_MICROS, HOUR).unwrap();
    assert!(taken(&early).is_none(), "{early:?}");
    assert!(registry.release(&renewed).unwrap());
    assert!(!registry.release(&renewed).unwrap());
    let free = registry.try_lease("scheduler", "you", NOW, Duration::MAX).unwrap();
    assert_eq!(taken(&free).unwrap().until, i64::MAX);
    let unrelated = registry.try_lease("maintenance", "me", NOW, HOUR).unwrap();
    assert!(taken(&unrelated).is_some());
}

#[test]
fn the_lease_of_a_dead_process_is_ended_for_that_process_alone() {
    let home = TempDir::new().unwrap();
    let registry = open(home.path());
    let id = ambient(&registry, "a");
    let dead = registry.lease_connection(&id, "host/1/dead", NOW, HOUR).unwrap();
    let run = registry.start_run(&id, "schedule", NOW).unwrap();
    assert!(!registry.break_lease(&id, "host/1/other").unwrap());
    assert!(registry.break_lease(&id, "host/1/dead").unwrap());
    assert!(!registry.break_lease(&id, "host/1/dead").unwrap());
    let next = registry.lease_connection(&id, "host/2/next", NOW + 1, HOUR).unwrap();
    assert!(taken(&next).is_some(), "{next:?}");
    // Whoever comes too late to end it leaves the new one alone, and the dead has lost it.
    assert!(!registry.break_lease(&id, "host/1/dead").unwrap());
    assert_eq!(registry.renew(taken(&dead).unwrap(), NOW + 2, HOUR).unwrap(), None);
    assert!(registry.renew(taken(&next).unwrap(), NOW + 2, HOUR).unwrap().is_some());
    let closed = registry.last_run(&id).unwrap().unwrap();
    assert_eq!((closed.id, closed.outcome), (run, Some(Outcome::Stopped)));
}

#[test]
fn a_removed_connection_is_lost_to_who_holds_it() {
    let home = TempDir::new().unwrap();
    let registry = open(home.path());
    let id = ambient(&registry, "a");
    let lease = registry.lease_connection(&id, "me", NOW, HOUR).unwrap();
    registry.remove(&id).unwrap();
    assert_eq!(registry.renew(taken(&lease).unwrap(), NOW, HOUR).unwrap(), None);
}

#[test]
fn health_has_a_record_for_every_change() {
    let home = TempDir::new().unwrap();
    let registry = open(home.path());
    let id = ambient(&registry, "a");
    assert_eq!(registry.health(&id).unwrap(), None);
    let finding = |code: &str, seen: &str| json!({ "code": code, "seen": seen });
    let set = |health, findings: Value, now| {
        registry.set_health(&id, health, &findings, NOW + now).unwrap()
    };
    assert!(set(Health::Healthy, json!([]), 0));
    assert!(!set(Health::Healthy, json!([]), 1));
    assert!(set(Health::Broken, json!([finding("S3-DENIED", "403"), finding("LATE", "2d")]), 2));
    // Other words, another order, a code twice: the same set of codes.
    let reworded =
        json!([finding("LATE", "3d"), finding("S3-DENIED", "403"), finding("LATE", "4d")]);
    assert!(!set(Health::Broken, reworded.clone(), 3));
    let current = registry.health(&id).unwrap().unwrap();
    let expected = HealthRecord {
        health: Health::Broken,
        findings: reworded,
        since: NOW + 2,
        checked_at: NOW + 3,
    };
    assert_eq!(current, expected);
    // Other codes are a new record; it is broken since it was broken.
    assert!(set(Health::Broken, json!([finding("LATE", "5d")]), 4));
    assert_eq!(registry.health(&id).unwrap().unwrap().since, NOW + 2);
    assert!(set(Health::Paused, json!([]), 5));
    assert!(set(Health::Healthy, json!([]), 6));
    assert_eq!(registry.health(&id).unwrap().unwrap().since, NOW + 6);
    let history = registry.health_history(&id, 10).unwrap();
    let told: Vec<_> = history.iter().map(|record| (record.health, record.since - NOW)).collect();
    let expected = [
        (Health::Healthy, 6),
        (Health::Paused, 5),
        (Health::Broken, 4),
        (Health::Broken, 2),
        (Health::Healthy, 0),
    ];
    assert_eq!(told, expected);
    assert_eq!(registry.health_history(&id, 2).unwrap().len(), 2);
    for wrong in [json!({}), json!([1]), json!([{ "seen": "x" }])] {
        let answer = registry.set_health(&id, Health::Broken, &wrong, NOW);
        assert!(matches!(answer, Err(RegistryError::Findings)), "{wrong}");
    }
}

#[test]
fn a_backup_is_a_database_without_the_key() {
    let home = TempDir::new().unwrap();
    let registry = open(home.path());
    let id = keyed(&registry, "a");
    let restored = TempDir::new().unwrap();
    let copy = path(restored.path());
    registry.backup(&copy).unwrap();
    let again = registry.backup(&copy).unwrap_err();
    assert!(matches!(again, RegistryError::BackupExists { .. }), "{again:?}");
    let nowhere = registry.backup(&home.path().join("no/such/folder.db")).unwrap_err();
    assert!(matches!(nowhere, RegistryError::Disk { .. }), "{nowhere:?}");

    let other = Registry::open_existing_with(restored.path(), key_file(restored.path()));
    let other = other.unwrap().unwrap();
    assert_eq!(other.connections().unwrap(), registry.connections().unwrap());
    assert!(matches!(other.access(&id), Err(RegistryError::KeyMissing { .. })));
    fs::copy(home.path().join(KEY_FILE), restored.path().join(KEY_FILE)).unwrap();
    assert_eq!(secrets_of(&other.access(&id).unwrap()), (SECRET, Some(TOKEN)));
}

#[test]
fn a_registry_may_be_shared_by_threads() {
    fn shared<T: Send + Sync>(_: &T) {}
    let home = TempDir::new().unwrap();
    shared(&open(home.path()));
}
