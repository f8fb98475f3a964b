//! What people type: places, roles, accounts and names.

use std::collections::BTreeSet;
use std::path::Path;

use billhook_sources::access::KindAccess;
use billhook_sources::delivery::connection_name;

use super::ROLE_NAME;
use crate::access::{self, Form, Partition, Reader, Setup};
use crate::connections;

/// Why something cannot be used, in words.
pub type Wrong = String;

/// Longest name of a connection.
const NAME_LENGTH: usize = 63;

/// A bucket and a prefix, as they are written: `s3://bucket/prefix`.
///
/// # Errors
/// What is wrong with it.
pub fn s3_location(text: &str) -> Result<String, Wrong> {
    let Some((bucket, prefix)) = connections::bucket_of(text) else {
        return Err(format!("{text}: write s3://bucket/prefix"));
    };
    rendered(&Setup { prefix: prefix.to_owned(), ..of_bucket(bucket)? })?;
    Ok(text.trim_end_matches('/').to_owned())
}

/// The ARN of the key with which a bucket is encrypted.
///
/// # Errors
/// What is wrong with it.
pub fn key_arn(text: &str, partition: Partition) -> Result<String, Wrong> {
    let setup = Setup { partition, key: Some(text.to_owned()), ..of_bucket("any-bucket")? };
    rendered(&setup)?;
    Ok(text.to_owned())
}

/// An account, 12 digits. Spaces and dashes between them are left out.
///
/// # Errors
/// What is wrong with it.
pub fn account(text: &str) -> Result<String, Wrong> {
    let digits: String = text.chars().filter(|char| !matches!(char, ' ' | '-')).collect();
    if access::is_account(&digits) {
        Ok(digits)
    } else {
        Err(format!("{text}: account ids have 12 digits"))
    }
}

/// A folder of this machine.
///
/// # Errors
/// When there is none.
pub fn folder(text: &str) -> Result<String, Wrong> {
    if Path::new(text).exists() {
        Ok(text.to_owned())
    } else {
        Err(format!("{text}: there is no such folder"))
    }
}

/// The ARN of a role.
///
/// # Errors
/// What is wrong with it.
pub fn role_arn(text: &str) -> Result<String, Wrong> {
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    match parts.as_slice() {
        ["arn", _, "iam", "", account, role]
            if access::is_account(account) && role.starts_with("role/") =>
        {
            Ok(text.to_owned())
        }
        _ => Err(format!("{text}: write it like arn:aws:iam::111122223333:role/{ROLE_NAME}")),
    }
}

/// A name for what lies in a place: its last folder, the bucket when there is none.
#[must_use]
pub fn suggested_name(location: &str, kind: &KindAccess) -> String {
    let mut parts = location.trim_start_matches("s3://").rsplit(['/', '\\']);
    let last = parts.find(|part| part.chars().any(|c| c.is_ascii_alphanumeric()));
    connection_name(last.unwrap_or(kind.kind))
}

/// A name like this one that is not taken.
#[must_use]
pub fn free_name(name: &str, taken: &BTreeSet<String>) -> String {
    let cut = |length: usize| {
        let cut: String = name.chars().take(length).collect();
        cut.trim_end_matches('-').to_owned()
    };
    let numbered = |number: u32| match number {
        1 => cut(NAME_LENGTH),
        number => {
            let end = format!("-{number}");
            format!("{}{end}", cut(NAME_LENGTH.saturating_sub(end.len())))
        }
    };
    (1..=u32::MAX).map(numbered).find(|name| !taken.contains(name)).unwrap_or_default()
}

/// A set-up for a bucket, only to see whether it can be written down.
fn of_bucket(bucket: &str) -> Result<Setup, Wrong> {
    Ok(Setup {
        kind: access::kind("cur").map_err(|error| error.to_string())?,
        partition: Partition::Aws,
        bucket: Some(bucket.to_owned()),
        prefix: String::new(),
        key: None,
        account: None,
        reader: Reader::User { name: ROLE_NAME.to_owned() },
        with: Vec::new(),
    })
}

fn rendered(setup: &Setup) -> Result<String, Wrong> {
    access::render(setup, Form::Policy).map_err(|error| super::words(&error))
}

#[cfg(test)]
mod tests {
    use billhook_registry::ConnectionName;

    use super::*;

    #[test]
    fn places_are_read_and_named() {
        let kind = access::kind("dbr").unwrap();
        for (text, location, name) in [
            ("s3://acme-billing/cur/Hourly_1/", "s3://acme-billing/cur/Hourly_1", "hourly-1"),
            ("s3://acme-billing", "s3://acme-billing", "acme-billing"),
        ] {
            let read = s3_location(text).unwrap();
            assert_eq!((read.as_str(), suggested_name(&read, kind).as_str()), (location, name));
        }
        assert_eq!(suggested_name("/data/old bills/", kind), "old-bills");
        assert_eq!(suggested_name("/", kind), "dbr");
        for (text, told) in [
            ("acme-billing/cur", "write s3://"),
            ("s3://Acme/cur", "lowercase"),
            ("s3://acme-billing/*", "cannot be used"),
        ] {
            let wrong = s3_location(text).unwrap_err();
            assert!(wrong.contains(told) && !wrong.starts_with('-'), "{wrong}");
        }
        assert!(folder("/no/such/folder").unwrap_err().contains("no such folder"));
    }

    #[test]
    fn roles_keys_and_accounts_are_known_by_their_shapes() {
        assert!(role_arn("arn:aws:iam::111122223333:role/billing/billhook").is_ok());
        assert!(role_arn("arn:aws-cn:iam::111122223333:role/billhook").is_ok());
        for wrong in [
            "billhook",
            "arn:aws:iam::1111:role/billhook",
            "arn:aws:iam::111122223333:user/billhook",
            "arn:aws:sts::111122223333:assumed-role/billhook/x",
        ] {
            assert!(role_arn(wrong).unwrap_err().contains("role/billhook"), "{wrong}");
        }
        let key = "arn:aws:kms:eu-central-1:111122223333:key/9c1e";
        assert!(key_arn(key, Partition::Aws).is_ok() && key_arn(key, Partition::China).is_err());
        assert_eq!(account("1111-2222-3333").unwrap(), "111122223333");
        assert!(account("1111").is_err());
    }

    #[test]
    fn a_name_is_free_and_a_name() {
        let taken: BTreeSet<String> = ["hourly", "hourly-2"].map(str::to_owned).into();
        assert_eq!(free_name("daily", &taken), "daily");
        assert_eq!(free_name("hourly", &taken), "hourly-3");
        let long = "a".repeat(80);
        let first = free_name(&long, &taken);
        let taken: BTreeSet<String> = [first.clone()].into();
        for name in [first, free_name(&long, &taken)] {
            assert_eq!(name.len(), NAME_LENGTH);
            assert!(name.parse::<ConnectionName>().is_ok(), "{name}");
        }
    }
}
