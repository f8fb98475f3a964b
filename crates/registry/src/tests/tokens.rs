//! Tokens of the API and of SQL.

use super::people::{admin, secret};
use super::sinks::nowhere;
use super::*;

const BOTH: Scopes = Scopes { api: true, wire: true };
const API: Scopes = Scopes { api: true, wire: false };
const WIRE: Scopes = Scopes { api: false, wire: true };
const MINUTE_MICROS: i64 = 60_000_000;

#[test]
fn inv_sec_a_token_is_known_by_its_text_alone() {
    let home = TempDir::new().unwrap();
    let registry = open(home.path());
    let ann = admin(&registry, "ann");
    let (made, text) = registry.new_token(&ann.id, "ci", API, None, NOW).unwrap();
    let plain = text.expose_secret();
    assert!(plain.starts_with("bht_") && plain.len() == 47, "{}", plain.len());
    let shown = format!("{made:?} {}", serde_json::to_string(&made).unwrap());
    assert!(!shown.contains(plain));
    nowhere(home.path(), &[plain]);
    assert_eq!(registry.tokens(None).unwrap(), std::slice::from_ref(&made));
    assert_eq!((made.owner_name.as_str(), made.role), ("ann", Role::Admin));

    let (user, token) = registry.token(&text, Some("10.0.0.7"), NOW + 1).unwrap().unwrap();
    assert_eq!(user, ann);
    let noted =
        Token { used_at: Some(NOW + 1), used_from: Some("10.0.0.7".to_owned()), ..made.clone() };
    assert_eq!(token, noted);
    assert_eq!(registry.tokens(Some(&ann.id)).unwrap(), std::slice::from_ref(&noted));
    // Noted again after a minute.
    registry.token(&text, Some("10.0.0.8"), NOW + 2).unwrap();
    assert_eq!(registry.tokens(None).unwrap(), [noted]);
    let (_, token) = registry.token(&text, None, NOW + 1 + MINUTE_MICROS).unwrap().unwrap();
    assert_eq!((token.used_at, token.used_from), (Some(NOW + 1 + MINUTE_MICROS), None));

    assert!(registry.token(&secret("bht_made-up"), None, NOW).unwrap().is_none());
    assert!(registry.token(&secret(""), None, NOW).unwrap().is_none());
    assert!(registry.revoke_token(&made.id).unwrap());
    assert!(!registry.revoke_token(&made.id).unwrap());
    assert!(registry.token(&text, None, NOW).unwrap().is_none());
}

#[test]
fn inv_sec_a_token_is_good_for_its_scopes_and_its_time() {
    let home = TempDir::new().unwrap();
    let registry = open(home.path());
    let ann = admin(&registry, "ann");
    let until = NOW + HOUR_MICROS;
    for (name, scopes) in [("both", BOTH), ("api", API), ("wire", WIRE)] {
        let (made, text) = registry.new_token(&ann.id, name, scopes, Some(until), NOW).unwrap();
        let by_api = |now: i64| registry.token(&text, None, now).unwrap().is_some();
        let by_wire = |now: i64| registry.scram(name, now).unwrap().is_some();
        assert_eq!((by_api(until - 1), by_wire(until - 1)), (scopes.api, scopes.wire), "{name}");
        assert!(!by_api(until) && !by_wire(until), "{name}");
        assert!(registry.revoke_token(&made.id).unwrap());
        assert!(!by_api(NOW) && !by_wire(NOW), "{name}");
    }
}

#[test]
fn a_token_does_what_its_owner_may_and_goes_with_them() {
    let home = TempDir::new().unwrap();
    let registry = open(home.path());
    let (ann, bob) = (admin(&registry, "ann"), admin(&registry, "bob"));
    let (_, text) = registry.new_token(&bob.id, "grafana", BOTH, None, NOW).unwrap();
    registry.new_token(&ann.id, "excel", WIRE, None, NOW).unwrap();
    registry.set_role(&bob.id, Role::Viewer, NOW).unwrap();
    let (user, token) = registry.token(&text, None, NOW).unwrap().unwrap();
    assert_eq!((user.role, token.role), (Role::Viewer, Role::Viewer));
    let by_wire = registry.scram("grafana", NOW).unwrap().unwrap();
    assert_eq!((by_wire.user, by_wire.token), (user, Some(token.clone())));
    registry.note_wire_use(&token.id, Some("10.0.0.9"), NOW + 5).unwrap();
    let noted = registry.tokens(Some(&bob.id)).unwrap();
    assert_eq!(
        (noted[0].used_at, noted[0].used_from.as_deref()),
        (Some(NOW + 5), Some("10.0.0.9"))
    );

    registry.remove_user(&bob.id).unwrap();
    assert!(registry.token(&text, None, NOW).unwrap().is_none());
    assert!(registry.scram("grafana", NOW).unwrap().is_none());
    let names: Vec<String> =
        registry.tokens(None).unwrap().into_iter().map(|token| token.name).collect();
    assert_eq!(names, ["excel"]);
    let sql = "SELECT count(*) FROM token_secrets";
    let left: i64 = direct(home.path()).query_row(sql, [], |row| row.get(0)).unwrap();
    assert_eq!(left, 1);
    let gone = registry.new_token(&bob.id, "again", API, None, NOW).unwrap_err();
    assert!(matches!(gone, RegistryError::NoUser { .. }), "{gone:?}");
}
