//! Users whom a provider of OpenID Connect signs in.

use super::people::{PASSWORD, admin, secret};
use super::*;

fn person<'a>(subject: &'a str, name: &'a str) -> OpenIdPerson<'a> {
    let issuer = "https://login.example";
    OpenIdPerson { issuer, subject, name, role: Role::Viewer, is_role_told: false }
}

#[test]
fn somebody_is_known_by_issuer_and_subject() {
    let home = TempDir::new().unwrap();
    let registry = open(home.path());
    let come = |person: &OpenIdPerson<'_>, now| registry.openid_user(person, now).unwrap();
    let first = come(&person("7", "ann"), NOW);
    assert!(first.is_new && first.role_before.is_none());
    let ann = first.user;
    assert_eq!((ann.role, ann.sign_in, ann.seen_at), (Role::Viewer, SignIn::Oidc, Some(NOW)));
    assert_eq!(registry.users().unwrap().as_slice(), std::slice::from_ref(&ann));
    // Another name is still the same person, with the name and the role that they have here.
    let renamed = OpenIdPerson { role: Role::Admin, ..person("7", "anna") };
    let again = come(&renamed, NOW + 1);
    assert_eq!(again.user, User { seen_at: Some(NOW + 1), ..ann.clone() });
    assert!(!again.is_new);
    // Another issuer is another person.
    let other = OpenIdPerson { issuer: "https://other.example", ..person("7", "anna") };
    assert_ne!(come(&other, NOW).user.id, ann.id);
    // They have no password here.
    assert_eq!(registry.check_password("ann", &secret(PASSWORD), NOW).unwrap(), None);
    let error = registry.set_password(&ann.id, &secret(PASSWORD), NOW).unwrap_err();
    assert!(matches!(error, RegistryError::SignsInElsewhere { .. }), "{error:?}");
    // Who is removed comes back as somebody new.
    registry.remove_user(&ann.id).unwrap();
    let back = come(&person("7", "ann"), NOW + 2);
    assert!(back.is_new && back.user.id != ann.id);
}

#[test]
fn inv_sec_a_user_of_the_same_name_is_not_taken_over() {
    let home = TempDir::new().unwrap();
    let registry = open(home.path());
    admin(&registry, "maria");
    registry.proxy_user("tom", Role::Viewer, NOW).unwrap();
    registry.invite("anna", Role::Admin, NOW).unwrap();
    let before = registry.users().unwrap();
    for name in ["maria", "MARIA", "tom", "anna"] {
        let error = registry.openid_user(&person("7", name), NOW).unwrap_err();
        assert!(matches!(error, RegistryError::NameTaken { .. }), "{error:?}");
    }
    let error = registry.openid_user(&person("7", "a b"), NOW).unwrap_err();
    assert!(matches!(error, RegistryError::UserName { .. }), "{error:?}");
    assert_eq!(registry.users().unwrap(), before);
    // Nor is one of a provider by a proxy.
    registry.openid_user(&person("7", "carl"), NOW).unwrap();
    let error = registry.proxy_user("Carl", Role::Viewer, NOW).unwrap_err();
    assert!(matches!(error, RegistryError::NameTaken { .. }), "{error:?}");
}

#[test]
fn a_role_that_is_told_counts_each_time() {
    let home = TempDir::new().unwrap();
    let registry = open(home.path());
    let told = |role| OpenIdPerson { role, is_role_told: true, ..person("7", "ann") };
    let come = |role, now| registry.openid_user(&told(role), now);
    assert_eq!(come(Role::Admin, NOW).unwrap().user.role, Role::Admin);
    // The last admin stays one.
    let error = come(Role::Viewer, NOW + 1).unwrap_err();
    assert!(matches!(error, RegistryError::LastAdmin { .. }), "{error:?}");
    admin(&registry, "maria");
    let changed = come(Role::Viewer, NOW + 2).unwrap();
    assert_eq!((changed.user.role, changed.role_before), (Role::Viewer, Some(Role::Admin)));
    assert_eq!(changed.user.changed_at, NOW + 2);
    assert_eq!(come(Role::Viewer, NOW + 3).unwrap().role_before, None);
}

#[test]
fn a_database_from_before_there_were_identities_keeps_its_users() {
    let home = TempDir::new().unwrap();
    let registry = open(home.path());
    let ann = admin(&registry, "ann");
    let session = registry.new_session(&ann.id, NOW, HOUR_MICROS).unwrap();
    let bob = registry.proxy_user("bob", Role::Viewer, NOW).unwrap();
    drop(registry);
    let sql = "DROP TABLE identities; PRAGMA user_version = 5;";
    direct(home.path()).execute_batch(sql).unwrap();
    let registry = open(home.path());
    assert_eq!(registry.users().unwrap(), [ann, bob]);
    assert!(registry.session(&session, NOW).unwrap().is_some());
    assert!(registry.openid_user(&person("7", "carl"), NOW).unwrap().is_new);
}
