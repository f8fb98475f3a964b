//! What lets somebody in over the Postgres protocol, and the key that it is sealed with.

use super::people::{OTHER_PASSWORD, PASSWORD, admin, secret};
use super::sinks::nowhere;
use super::*;

const WIRE: Scopes = Scopes { api: false, wire: true };

/// What a server computes from a password and must find.
fn salted(scram: &Scram, password: &str) -> Vec<u8> {
    let iterations = scram.iterations;
    let bytes = password.as_bytes();
    pbkdf2::pbkdf2_hmac_array::<sha2::Sha256, 32>(bytes, &scram.salt, iterations).to_vec()
}

fn scram(registry: &Registry, name: &str) -> Scram {
    registry.scram(name, NOW).unwrap().unwrap()
}

#[test]
fn inv_sec_scram_knows_the_passwords_of_users_and_tokens() {
    let home = TempDir::new().unwrap();
    let registry = open(home.path());
    let ann = admin(&registry, "ann");
    let (token, text) = registry.new_token(&ann.id, "grafana", WIRE, None, NOW).unwrap();
    let of_ann = scram(&registry, "ANN");
    assert_eq!((of_ann.iterations, of_ann.salt.len()), (4096, 16));
    assert_eq!(of_ann.salted_password.expose(), salted(&of_ann, PASSWORD));
    assert_eq!((&of_ann.user, &of_ann.token), (&ann, &None));
    let of_token = scram(&registry, "grafana");
    assert_eq!(of_token.salted_password.expose(), salted(&of_token, text.expose_secret()));
    assert_eq!((&of_token.user, &of_token.token), (&ann, &Some(token)));
    assert!(registry.scram("nobody", NOW).unwrap().is_none());

    registry.set_password(&ann.id, &secret(OTHER_PASSWORD), NOW).unwrap();
    let again = scram(&registry, "ann");
    assert_eq!(again.salted_password.expose(), salted(&again, OTHER_PASSWORD));
    // Nothing of it is shown, or to be found in the files.
    let hexadecimal = hex::encode(again.salted_password.expose());
    let shown = format!("{again:?}");
    assert!(shown.contains("REDACTED") && !shown.contains(&hexadecimal), "{shown}");
    nowhere(home.path(), &[hexadecimal.as_str(), PASSWORD, OTHER_PASSWORD, text.expose_secret()]);
}

#[test]
fn inv_sec_what_is_sealed_for_a_user_opens_for_nobody_else() {
    let home = TempDir::new().unwrap();
    let registry = open(home.path());
    let (ann, bob) = (admin(&registry, "ann"), admin(&registry, "bob"));
    registry.new_token(&ann.id, "grafana", WIRE, None, NOW).unwrap();
    let put = |sql: &str| direct(home.path()).execute_batch(sql).unwrap();
    let refused = |name: &str, owner: &str| {
        let error = registry.scram(name, NOW).unwrap_err();
        assert!(matches!(error, RegistryError::WrongKey { .. }), "{error:?}");
        let said = everything_said(&error);
        assert!(said.contains(owner) && !said.contains(PASSWORD), "{said}");
    };
    put(&format!(
        "UPDATE user_secrets SET sealed = (SELECT sealed FROM user_secrets AS other \
         WHERE other.user = '{}') WHERE user = '{}'",
        ann.id, bob.id
    ));
    refused("bob", "user bob");
    put("UPDATE token_secrets SET sealed = \
         (SELECT sealed FROM user_secrets ORDER BY user LIMIT 1)");
    refused("grafana", "token grafana");
    assert_eq!(scram(&registry, "ann").user, ann);
}

#[test]
fn inv_sec_people_and_connections_have_one_key() {
    let home = TempDir::new().unwrap();
    let registry = Registry::open_with(home.path(), key('1')).unwrap();
    let ann = admin(&registry, "ann");
    registry.new_token(&ann.id, "grafana", WIRE, None, NOW).unwrap();
    drop(registry);
    let wrong = Registry::open_with(home.path(), key('2')).unwrap();
    let errors = [
        wrong.scram("ann", NOW).unwrap_err(),
        wrong.add_user("bob", Role::Viewer, &secret(PASSWORD), NOW).unwrap_err(),
        wrong.new_token(&ann.id, "excel", WIRE, None, NOW).unwrap_err(),
        wrong.add(new("c", Credentials::AccessKey(access_key())), NOW).unwrap_err(),
    ];
    for error in errors {
        assert!(matches!(error, RegistryError::WrongKey { .. }), "{error:?}");
        let said = everything_said(&error);
        assert!(said.contains(KEY_VARIABLE) && said.contains("user ann"), "{said}");
        assert!([PASSWORD, SECRET].iter().all(|text| !said.contains(text)), "{said}");
    }
    // What needs no key works: signing in, and tokens for the API alone.
    assert!(wrong.check_password("ann", &secret(PASSWORD), NOW).unwrap().is_some());
    let scopes = Scopes { api: true, wire: false };
    wrong.new_token(&ann.id, "ci", scopes, None, NOW).unwrap();
    assert_eq!(wrong.users().unwrap().len(), 1);

    assert_eq!(wrong.forget_secrets().unwrap(), 2);
    assert!(wrong.scram("ann", NOW).unwrap().is_none());
    assert!(wrong.scram("grafana", NOW).unwrap().is_none());
    // Who signs in with a password can use SQL again.
    assert!(wrong.check_password("ann", &secret(OTHER_PASSWORD), NOW).unwrap().is_none());
    assert!(wrong.scram("ann", NOW).unwrap().is_none());
    assert!(wrong.check_password("ann", &secret(PASSWORD), NOW).unwrap().is_some());
    let again = scram(&wrong, "ann");
    assert_eq!(again.salted_password.expose(), salted(&again, PASSWORD));
}

#[test]
fn a_key_that_is_lost_keeps_nobody_from_signing_in() {
    let home = TempDir::new().unwrap();
    let registry = open(home.path());
    admin(&registry, "ann");
    keyed(&registry, "a");
    direct(home.path()).execute_batch("DELETE FROM user_secrets").unwrap();
    fs::remove_file(home.path().join(KEY_FILE)).unwrap();
    assert!(registry.check_password("ann", &secret(PASSWORD), NOW).unwrap().is_some());
    assert!(registry.scram("ann", NOW).unwrap().is_none());
    assert!(!home.path().join(KEY_FILE).exists(), "no second key for the same database");
}
