//! Users, their passwords, one-time links, sessions, and the audit log.

use super::sinks::nowhere;
use super::*;

/// What a database from before there were users has not. Rows that refer to others come first.
pub(super) const TABLES: [&str; 12] = [
    "identities",
    "addresses",
    "draft_secrets",
    "drafts",
    "saved",
    "audit",
    "token_secrets",
    "tokens",
    "sessions",
    "links",
    "user_secrets",
    "users",
];

pub(super) const PASSWORD: &str = "correct horse battery";
pub(super) const OTHER_PASSWORD: &str = "another horse battery";
const MINUTE_MICROS: i64 = 60_000_000;

pub(super) fn secret(text: &str) -> SecretString {
    SecretString::from(text)
}

pub(super) fn admin(registry: &Registry, name: &str) -> User {
    registry.add_user(name, Role::Admin, &secret(PASSWORD), NOW).unwrap()
}

fn viewer(registry: &Registry, name: &str) -> User {
    registry.add_user(name, Role::Viewer, &secret(PASSWORD), NOW).unwrap()
}

#[test]
fn a_database_from_before_there_were_users_gets_them() {
    let home = TempDir::new().unwrap();
    let registry = open(home.path());
    let id = keyed(&registry, "a");
    drop(registry);
    let drops: Vec<String> = TABLES.map(|table| format!("DROP TABLE {table};")).into();
    // What came after the users goes, too.
    let later = "DROP TABLE attempts; ALTER TABLE sinks DROP COLUMN changed_at;";
    let sql = format!("{} {later} PRAGMA user_version = 2;", drops.concat());
    direct(home.path()).execute_batch(&sql).unwrap();

    let registry = open(home.path());
    assert_eq!(secrets_of(&registry.access(&id).unwrap()), (SECRET, Some(TOKEN)));
    assert!(registry.users().unwrap().is_empty());
    admin(&registry, "ann");
}

#[test]
fn roles_are_what_their_text_says() {
    for role in [Role::Viewer, Role::Admin] {
        assert_eq!(role.to_string().parse::<Role>().unwrap(), role);
        assert_eq!(serde_json::to_value(role).unwrap(), json!(role.as_str()));
    }
    assert!(Role::Viewer < Role::Admin);
    let error = "Admin".parse::<Role>().unwrap_err();
    assert!(matches!(error, RegistryError::Role { .. }), "{error:?}");
}

#[test]
fn a_user_is_added_changed_and_removed() {
    let home = TempDir::new().unwrap();
    let registry = open(home.path());
    let ann = admin(&registry, "Ann");
    let bob = viewer(&registry, "bob@example.com");
    assert_eq!(registry.users().unwrap(), [ann.clone(), bob.clone()]);
    assert_eq!(registry.user("aNN").unwrap().as_ref(), Some(&ann));
    assert_eq!(registry.user("carl").unwrap(), None);
    let expected = User { role: Role::Admin, changed_at: NOW + 1, ..bob.clone() };
    assert_eq!(registry.set_role(&bob.id, Role::Admin, NOW + 1).unwrap(), expected);
    // What is so already is no change.
    assert_eq!(registry.set_role(&bob.id, Role::Admin, NOW + 2).unwrap(), expected);
    assert_eq!(registry.user(&bob.name).unwrap(), Some(expected));

    registry.remove_user(&ann.id).unwrap();
    let errors = [
        registry.remove_user(&ann.id).unwrap_err(),
        registry.set_role(&ann.id, Role::Viewer, NOW).unwrap_err(),
        registry.set_password(&ann.id, &secret(PASSWORD), NOW).unwrap_err(),
        registry.new_session(&ann.id, NOW, HOUR_MICROS).unwrap_err(),
    ];
    for error in errors {
        assert!(matches!(error, RegistryError::NoUser { .. }), "{error:?}");
    }
}

#[test]
fn the_last_admin_stays() {
    let home = TempDir::new().unwrap();
    let registry = open(home.path());
    let ann = admin(&registry, "ann");
    let bob = viewer(&registry, "bob");
    let errors = [
        registry.remove_user(&ann.id).unwrap_err(),
        registry.set_role(&ann.id, Role::Viewer, NOW).unwrap_err(),
    ];
    for error in errors {
        assert!(matches!(error, RegistryError::LastAdmin { .. }), "{error:?}");
        assert!(error.fix().unwrap().contains("another user"));
    }
    assert_eq!(registry.users().unwrap(), [ann.clone(), bob.clone()]);
    registry.set_role(&bob.id, Role::Admin, NOW).unwrap();
    registry.set_role(&ann.id, Role::Viewer, NOW).unwrap();
    registry.remove_user(&ann.id).unwrap();
    assert!(registry.remove_user(&bob.id).is_err());
}

#[test]
fn names_of_users_are_checked_and_unique() {
    let home = TempDir::new().unwrap();
    let registry = open(home.path());
    let longest = "a".repeat(64);
    for good in ["a", "A.b_c@d+e-9", longest.as_str()] {
        registry.invite(good, Role::Viewer, NOW).unwrap();
    }
    let too_long = "a".repeat(65);
    for bad in ["", "a b", "a/b", "ä", "a\n", "a:b", too_long.as_str()] {
        let error = registry.invite(bad, Role::Viewer, NOW).unwrap_err();
        assert!(matches!(error, RegistryError::UserName { .. }), "{bad:?}");
    }
    let ann = admin(&registry, "ann");
    let scopes = Scopes { api: true, wire: false };
    registry.new_token(&ann.id, "grafana", scopes, None, NOW).unwrap();
    registry.invite("bob", Role::Viewer, NOW).unwrap();
    for (name, what) in [("ANN", "a user"), ("Grafana", "a token"), ("BOB", "an invitation for")] {
        let errors = [
            registry.add_user(name, Role::Viewer, &secret(PASSWORD), NOW).unwrap_err(),
            registry.invite(name, Role::Viewer, NOW).unwrap_err(),
            registry.new_token(&ann.id, name, scopes, None, NOW).unwrap_err(),
        ];
        for error in errors {
            assert!(matches!(error, RegistryError::NameTaken { .. }), "{error:?}");
            assert_eq!(error.to_string(), format!("there is {what} {name} already"));
        }
    }
    // An invitation that has expired keeps no name.
    registry.invite("BOB", Role::Viewer, NOW + 24 * HOUR_MICROS).unwrap();
}

#[test]
fn inv_sec_passwords_are_checked_and_stored_as_hashes() {
    let home = TempDir::new().unwrap();
    let registry = open(home.path());
    for (password, fits) in [
        ("elevenchars".to_owned(), false),
        ("ä".repeat(12), true),
        ("x".repeat(1024), true),
        ("x".repeat(1025), false),
    ] {
        let name = format!("u{}", password.len());
        let added = registry.add_user(&name, Role::Admin, &secret(&password), NOW);
        assert_eq!(added.is_ok(), fits, "{}", password.len());
        if let Err(error) = added {
            assert!(!everything_said(&error).contains(&password));
        }
    }
    let ann = admin(&registry, "ann");
    let check = |name: &str, password: &str| {
        registry.check_password(name, &secret(password), NOW + 5).unwrap()
    };
    assert_eq!(check("ann", OTHER_PASSWORD), None);
    assert_eq!(check("nobody", PASSWORD), None);
    assert_eq!(registry.user("ann").unwrap().unwrap().seen_at, None);
    assert_eq!(check("ANN", PASSWORD), Some(User { seen_at: Some(NOW + 5), ..ann.clone() }));

    let session = registry.new_session(&ann.id, NOW, HOUR_MICROS).unwrap();
    registry.set_password(&ann.id, &secret(OTHER_PASSWORD), NOW + 6).unwrap();
    assert_eq!(registry.session(&session, NOW).unwrap(), None);
    assert_eq!(check("ann", PASSWORD), None);
    assert_eq!(check("ann", OTHER_PASSWORD).unwrap().changed_at, NOW + 6);
    nowhere(home.path(), &[PASSWORD, OTHER_PASSWORD]);
    let sql = "SELECT password FROM users WHERE name = 'ann'";
    let stored: String = direct(home.path()).query_row(sql, [], |row| row.get(0)).unwrap();
    assert!(stored.starts_with("$argon2id$v=19$"), "{stored}");
}

#[test]
fn a_proxy_names_users() {
    let home = TempDir::new().unwrap();
    let registry = open(home.path());
    let ann = registry.proxy_user("ann@example.com", Role::Admin, NOW).unwrap();
    assert_eq!((ann.role, ann.sign_in, ann.seen_at), (Role::Admin, SignIn::Proxy, Some(NOW)));
    // Known now, and noted again after a minute.
    let again = registry.proxy_user("Ann@example.com", Role::Viewer, NOW + 5).unwrap();
    assert_eq!(again, ann);
    let later = registry.proxy_user(&ann.name, Role::Viewer, NOW + MINUTE_MICROS).unwrap();
    assert_eq!(later, User { seen_at: Some(NOW + MINUTE_MICROS), ..ann.clone() });
    assert!(registry.proxy_user("a b", Role::Viewer, NOW).is_err());
    // They have no password.
    assert_eq!(registry.check_password(&ann.name, &secret(""), NOW).unwrap(), None);
    assert!(registry.scram(&ann.name, NOW).unwrap().is_none());
    let error = registry.set_password(&ann.id, &secret(PASSWORD), NOW).unwrap_err();
    assert!(matches!(error, RegistryError::SignsInElsewhere { .. }), "{error:?}");
}

#[test]
fn inv_sec_the_setup_link_works_once() {
    let home = TempDir::new().unwrap();
    let registry = open(home.path());
    let replaced = registry.new_setup_link(NOW).unwrap().unwrap();
    let link = registry.new_setup_link(NOW).unwrap().unwrap();
    assert_eq!(link.expose_secret().len(), 43);
    nowhere(home.path(), &[replaced.expose_secret(), link.expose_secret()]);
    let set_up =
        |link: &SecretString, now: i64| registry.set_up(link, "ann", &secret(PASSWORD), now);
    let late = NOW + 30 * MINUTE_MICROS;
    let errors = [
        set_up(&replaced, NOW).unwrap_err(),
        set_up(&secret("made up"), NOW).unwrap_err(),
        set_up(&link, late).unwrap_err(),
    ];
    for error in errors {
        assert!(matches!(error, RegistryError::LinkSpent), "{error:?}");
    }
    // A password that does not fit spends nothing.
    let short = registry.set_up(&link, "ann", &secret("short"), NOW).unwrap_err();
    assert!(matches!(short, RegistryError::PasswordShort), "{short:?}");
    assert_eq!(registry.invitation(&link, NOW).unwrap(), None);
    let ann = set_up(&link, late - 1).unwrap();
    assert_eq!((ann.name.as_str(), ann.role), ("ann", Role::Admin));
    assert!(matches!(set_up(&link, NOW), Err(RegistryError::LinkSpent)));
    assert!(registry.new_setup_link(NOW).unwrap().is_none());
}

#[test]
fn inv_sec_an_invitation_works_once() {
    let home = TempDir::new().unwrap();
    let registry = open(home.path());
    let (bob, link) = registry.invite("bob", Role::Viewer, NOW).unwrap();
    let (carl, withdrawn) = registry.invite("carl", Role::Admin, NOW + 1).unwrap();
    let until = NOW + 24 * HOUR_MICROS;
    assert_eq!((bob.expires_at, bob.made_at), (until, NOW));
    assert_eq!(registry.invitations(NOW).unwrap(), [bob.clone(), carl.clone()]);
    assert_eq!(registry.invitations(until).unwrap(), [carl]);
    nowhere(home.path(), &[link.expose_secret(), withdrawn.expose_secret()]);
    assert!(registry.withdraw_invitation("Carl").unwrap());
    assert!(!registry.withdraw_invitation("carl").unwrap());

    assert_eq!(registry.invitation(&link, NOW).unwrap(), Some(bob));
    assert_eq!(registry.invitation(&link, until).unwrap(), None);
    let accept = |link: &SecretString, now: i64| registry.accept(link, &secret(PASSWORD), now);
    assert!(matches!(accept(&withdrawn, NOW), Err(RegistryError::LinkSpent)));
    assert!(matches!(accept(&link, until), Err(RegistryError::LinkSpent)));
    let user = accept(&link, NOW + 1).unwrap();
    assert_eq!((user.name.as_str(), user.role), ("bob", Role::Viewer));
    assert!(registry.check_password("bob", &secret(PASSWORD), NOW).unwrap().is_some());
    assert!(matches!(accept(&link, NOW + 2), Err(RegistryError::LinkSpent)));
    assert!(registry.invitations(NOW).unwrap().is_empty());
}

#[test]
fn inv_sec_a_session_lasts_until_it_ends() {
    let home = TempDir::new().unwrap();
    let registry = open(home.path());
    let ann = admin(&registry, "ann");
    let bob = viewer(&registry, "bob");
    let begin = |user: &User| registry.new_session(&user.id, NOW, HOUR_MICROS).unwrap();
    let session = |text: &SecretString, now: i64| registry.session(text, now).unwrap();
    let (first, second, other) = (begin(&ann), begin(&ann), begin(&bob));
    nowhere(home.path(), &[first.expose_secret(), other.expose_secret()]);
    let found = session(&first, NOW + 1).unwrap();
    let until = NOW + HOUR_MICROS;
    assert_eq!((found.started_at, found.expires_at, found.seen_at), (NOW, until, NOW));
    assert_eq!(found.user, ann);
    // Being seen is noted after a minute, of the user too.
    let seen_at = NOW + MINUTE_MICROS;
    assert_eq!(session(&first, seen_at).unwrap().seen_at, seen_at);
    let found = session(&first, seen_at + 1).unwrap();
    assert_eq!((found.seen_at, found.user.seen_at), (seen_at, Some(seen_at)));
    assert_eq!(session(&first, until), None);
    assert_eq!(session(&secret("made up"), NOW), None);
    // Who has another role has it in every session.
    registry.set_role(&bob.id, Role::Admin, NOW).unwrap();
    assert_eq!(session(&other, NOW).unwrap().user.role, Role::Admin);

    registry.end_session(&first).unwrap();
    assert_eq!(session(&first, NOW), None);
    registry.end_sessions_of(&ann.id).unwrap();
    assert_eq!(session(&second, NOW), None);
    assert!(session(&other, NOW).is_some());
    registry.remove_user(&bob.id).unwrap();
    assert_eq!(session(&other, NOW), None);
}

#[test]
fn what_has_expired_is_thrown_away() {
    let home = TempDir::new().unwrap();
    let registry = open(home.path());
    registry.new_setup_link(NOW).unwrap();
    let ann = admin(&registry, "ann");
    registry.invite("bob", Role::Viewer, NOW).unwrap();
    registry.new_session(&ann.id, NOW, HOUR_MICROS).unwrap();
    let left = || -> i64 {
        let sql = "SELECT (SELECT count(*) FROM links) + (SELECT count(*) FROM sessions)";
        direct(home.path()).query_row(sql, [], |row| row.get(0)).unwrap()
    };
    registry.tidy(NOW).unwrap();
    assert_eq!(left(), 3);
    registry.tidy(NOW + HOUR_MICROS).unwrap();
    assert_eq!(left(), 1);
    registry.tidy(NOW + 24 * HOUR_MICROS).unwrap();
    assert_eq!(left(), 0);
    assert_eq!(registry.users().unwrap(), [ann]);
}

#[test]
fn the_audit_log_is_only_added_to() {
    let home = TempDir::new().unwrap();
    let registry = open(home.path());
    let (active, paused) = (json!({ "paused": false }), json!({ "paused": true }));
    let note = |at: i64, who: &str, subject: &str, before: Option<&Value>| {
        let entry = NewAudit {
            at,
            who,
            from: Some("10.0.0.7"),
            action: "connection.paused",
            subject,
            before,
            after: Some(&paused),
        };
        registry.note_audit(&entry).unwrap();
    };
    note(NOW, "ann", "a", Some(&active));
    note(NOW + 1, "bob", "a", None);
    note(NOW + 2, "ann", "b", None);
    let read = |filter: &AuditFilter, before: Option<i64>, limit: u32| -> Vec<i64> {
        let entries = registry.audit(filter, before, limit).unwrap();
        entries.into_iter().map(|entry| entry.at - NOW).collect()
    };
    let all = AuditFilter::default();
    assert_eq!(read(&all, None, 10), [2, 1, 0]);
    let newest = registry.audit(&all, None, 2).unwrap();
    assert_eq!(newest.len(), 2);
    assert_eq!(read(&all, Some(newest[1].number), 10), [0]);
    let ann = || Some("ann".to_owned());
    assert_eq!(read(&AuditFilter { who: ann(), ..all.clone() }, None, 10), [2, 0]);
    let subject = Some("a".to_owned());
    assert_eq!(read(&AuditFilter { subject, ..all.clone() }, None, 10), [1, 0]);
    let (from, to) = (Some(NOW + 1), Some(NOW + 2));
    assert_eq!(read(&AuditFilter { from, to, ..all.clone() }, None, 10), [1]);
    let oldest = registry.audit(&AuditFilter { who: ann(), to, ..all }, None, 1).unwrap();
    let expected = AuditEntry {
        number: oldest[0].number,
        at: NOW,
        who: "ann".to_owned(),
        from: Some("10.0.0.7".to_owned()),
        action: "connection.paused".to_owned(),
        subject: "a".to_owned(),
        before: Some(active.clone()),
        after: Some(paused.clone()),
    };
    assert_eq!(oldest, [expected]);
    for sql in ["DELETE FROM audit", "UPDATE audit SET who = 'carl'"] {
        let error = direct(home.path()).execute_batch(sql).unwrap_err();
        assert!(error.to_string().contains("only added to"), "{error}");
    }
}
