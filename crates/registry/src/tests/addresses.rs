//! Addresses that are too long for a link.

use super::*;

const DAY: i64 = 24 * 3_600_000_000;

#[test]
fn an_address_is_kept_once_and_found_by_what_it_is() {
    let home = TempDir::new().unwrap();
    let registry = open(home.path());
    let long = format!("/costs?is.tag%3Ateam={}", "x".repeat(5_000));
    let hash = registry.keep_address(&long, "ann", NOW).unwrap();
    assert_eq!(hash.len(), 22);
    assert_eq!(registry.keep_address(&long, "bob", NOW + 1).unwrap(), hash);
    let found = registry.address(&hash, NOW + 2).unwrap().unwrap();
    assert_eq!((found.address.as_str(), found.owner.as_str()), (long.as_str(), "ann"));
    assert_eq!((found.made_at, found.used_at), (NOW, NOW));
    assert!(registry.address("AAAAAAAAAAAAAAAAAAAAAA", NOW).unwrap().is_none());
    let other = registry.keep_address("/sql?q=SELECT+1", "ann", NOW).unwrap();
    assert_ne!(other, hash);
}

#[test]
fn an_address_that_nobody_opens_is_thrown_away() {
    let home = TempDir::new().unwrap();
    let registry = open(home.path());
    let kept = registry.keep_address("/costs?by=", "ann", NOW).unwrap();
    let left = registry.keep_address("/costs?by=x_AccountName", "ann", NOW).unwrap();
    let opened = registry.address(&kept, NOW + 60 * DAY).unwrap().unwrap();
    assert_eq!(opened.used_at, NOW + 60 * DAY);
    registry.tidy(NOW + 91 * DAY).unwrap();
    assert!(registry.address(&left, NOW + 91 * DAY).unwrap().is_none());
    assert!(registry.address(&kept, NOW + 91 * DAY).unwrap().is_some());
}

#[test]
fn what_is_kept_has_a_bound() {
    let home = TempDir::new().unwrap();
    let registry = open(home.path());
    let error = registry.keep_address(&"x".repeat(65_537), "ann", NOW).unwrap_err();
    assert!(matches!(error, RegistryError::AddressLong { bytes: 65_537, .. }), "{error:?}");
    let fill = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000) \
                INSERT INTO addresses SELECT 'h' || i, '/costs', 'ann', i, i FROM n";
    direct(home.path()).execute_batch(fill).unwrap();
    let hash = registry.keep_address("/costs?by=", "ann", NOW).unwrap();
    assert!(registry.address(&hash, NOW).unwrap().is_some());
    assert!(registry.address("h1", NOW).unwrap().is_none());
    assert!(registry.address("h2", NOW).unwrap().is_some());
}
