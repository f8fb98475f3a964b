//! Drafts with their secrets, and what was saved.

use std::collections::BTreeMap;

use super::sinks::nowhere;
use super::*;

const DAY_MICROS: i64 = 24 * HOUR_MICROS;

fn typed(fields: &[(&str, &str)]) -> BTreeMap<String, SecretString> {
    fields.iter().map(|(field, text)| ((*field).to_owned(), SecretString::from(*text))).collect()
}

fn opened(secrets: &BTreeMap<String, SecretString>) -> Vec<(&str, &str)> {
    secrets.iter().map(|(field, secret)| (field.as_str(), secret.expose_secret())).collect()
}

#[test]
fn a_draft_is_begun_changed_and_thrown_away() {
    let home = TempDir::new().unwrap();
    let registry = open(home.path());
    let first = registry.new_draft("ann", &json!({ "kind": "cur" }), "name", NOW).unwrap();
    let second = registry.new_draft("bob", &json!({}), "kind", NOW + 1).unwrap();
    let expected = Draft {
        id: first.id.clone(),
        owner: "ann".to_owned(),
        step: "name".to_owned(),
        answers: json!({ "kind": "cur" }),
        secret_fields: Vec::new(),
        made_at: NOW,
        changed_at: NOW,
        expires_at: NOW + 7 * DAY_MICROS,
    };
    assert_eq!(first, expected);
    assert_eq!(registry.drafts(NOW).unwrap(), [second.clone(), first.clone()]);
    assert_eq!(registry.draft(&first.id, NOW).unwrap().as_ref(), Some(&first));

    let answers = json!({ "kind": "cur", "name": "prod" });
    let none = BTreeMap::new();
    let changed = registry.change_draft(&first.id, "reach", &answers, &none, NOW + 5).unwrap();
    let expected = Draft {
        step: "reach".to_owned(),
        answers: answers.clone(),
        changed_at: NOW + 5,
        expires_at: NOW + 5 + 7 * DAY_MICROS,
        ..first.clone()
    };
    assert_eq!(changed, expected);
    assert_eq!(registry.drafts(NOW).unwrap(), [changed.clone(), second.clone()]);
    // Nothing was sealed, so no key was made.
    assert!(!home.path().join(KEY_FILE).exists());

    // A week after the last change it is gone.
    let week = second.expires_at;
    assert_eq!(registry.drafts(week).unwrap(), [changed]);
    assert_eq!(registry.draft(&second.id, week).unwrap(), None);
    assert!(registry.drop_draft(&first.id).unwrap());
    assert!(!registry.drop_draft(&first.id).unwrap());
    let errors = [
        registry.change_draft(&first.id, "reach", &answers, &none, NOW).unwrap_err(),
        registry.change_draft(&second.id, "reach", &answers, &none, week).unwrap_err(),
        registry.draft_secrets(&first.id, NOW).unwrap_err(),
    ];
    for error in errors {
        assert!(matches!(error, RegistryError::NoDraft { .. }), "{error:?}");
    }
    registry.tidy(week).unwrap();
    assert!(registry.drafts(NOW).unwrap().is_empty());
}

#[test]
fn inv_sec_secrets_of_a_draft_are_sealed_and_kept_for_a_day() {
    let home = TempDir::new().unwrap();
    let registry = open(home.path());
    let id = registry.new_draft("ann", &json!({}), "reach", NOW).unwrap().id;
    let change = |fields: &[(&str, &str)], now: i64| {
        registry.change_draft(&id, "reach", &json!({}), &typed(fields), now).unwrap()
    };
    change(&[("secret", "typed-too-early"), ("token", TOKEN)], NOW);
    let later = NOW + HOUR_MICROS;
    let draft = change(&[("secret", SECRET)], later);
    assert_eq!(draft.secret_fields, ["secret", "token"]);
    let secrets = registry.draft_secrets(&id, later).unwrap();
    assert_eq!(opened(&secrets), [("secret", SECRET), ("token", TOKEN)]);
    let shown = format!("{draft:?} {secrets:?} {}", serde_json::to_string(&draft).unwrap());
    assert!(!shown.contains(SECRET) && !shown.contains(TOKEN), "{shown}");
    nowhere(home.path(), &[SECRET, TOKEN, "typed-too-early"]);

    // Each for a day after it was typed, whatever else is changed meanwhile.
    let day = NOW + DAY_MICROS;
    assert_eq!(change(&[], day).secret_fields, ["secret"]);
    assert_eq!(opened(&registry.draft_secrets(&id, day).unwrap()), [("secret", SECRET)]);
    assert!(registry.draft_secrets(&id, later + DAY_MICROS).unwrap().is_empty());
    let count = || -> i64 {
        let sql = "SELECT count(*) FROM draft_secrets";
        direct(home.path()).query_row(sql, [], |row| row.get(0)).unwrap()
    };
    registry.tidy(day).unwrap();
    assert_eq!(count(), 1);
    assert!(registry.drop_draft(&id).unwrap());
    assert_eq!(count(), 0);
}

#[test]
fn inv_sec_a_secret_of_a_draft_opens_only_where_it_was_put() {
    let home = TempDir::new().unwrap();
    let registry = open(home.path());
    let begin = |text: &str| {
        let id = registry.new_draft("ann", &json!({}), "reach", NOW).unwrap().id;
        let secrets = typed(&[("secret", text)]);
        registry.change_draft(&id, "reach", &json!({}), &secrets, NOW).unwrap().id
    };
    let (first, second) = (begin(SECRET), begin(TOKEN));
    let sql = format!(
        "UPDATE draft_secrets SET sealed = (SELECT sealed FROM draft_secrets AS other \
         WHERE other.draft = '{first}') WHERE draft = '{second}'"
    );
    direct(home.path()).execute_batch(&sql).unwrap();
    let error = registry.draft_secrets(&second, NOW).unwrap_err();
    assert!(matches!(error, RegistryError::WrongKey { .. }), "{error:?}");
    let said = everything_said(&error);
    assert!(said.contains(&format!("draft {second}")) && !said.contains(SECRET), "{said}");
    assert_eq!(registry.forget_secrets().unwrap(), 2);
    assert!(registry.draft_secrets(&first, NOW).unwrap().is_empty());
}

#[test]
fn what_was_saved_is_changed_by_who_saw_it_as_it_is() {
    let home = TempDir::new().unwrap();
    let registry = open(home.path());
    let view = registry.save(SavedKind::View, "by team", "group=tag:team", "ann", NOW).unwrap();
    let query = registry.save(SavedKind::Query, "all", "SELECT 1", "bob", NOW).unwrap();
    let other = registry.save(SavedKind::View, "all", "", "bob", NOW).unwrap();
    assert_eq!(registry.saved(SavedKind::View).unwrap(), [other, view.clone()]);
    assert_eq!(registry.saved(SavedKind::Query).unwrap(), std::slice::from_ref(&query));
    assert_eq!(registry.saved_one(&query.id).unwrap(), Some(query));
    assert_eq!(serde_json::to_value(view.kind).unwrap(), json!("view"));

    let change =
        |text: &str, seen: i64| registry.change_saved(&view.id, "by service", text, seen, NOW);
    let changed = change("group=ServiceName", view.changed_at).unwrap();
    // Even within one microsecond, two changes are told apart.
    assert_eq!(changed.changed_at, NOW + 1);
    assert_eq!((changed.name.as_str(), changed.owner.as_str()), ("by service", "ann"));
    let error = change("group=Region", view.changed_at).unwrap_err();
    assert!(matches!(error, RegistryError::ChangedMeanwhile { .. }), "{error:?}");
    assert!(error.to_string().contains("by service"));
    assert_eq!(registry.saved_one(&view.id).unwrap().as_ref(), Some(&changed));
    assert!(registry.drop_saved(&view.id).unwrap());
    assert!(!registry.drop_saved(&view.id).unwrap());
    let error = change("group=Region", changed.changed_at).unwrap_err();
    assert!(matches!(error, RegistryError::NoSaved { .. }), "{error:?}");
}
