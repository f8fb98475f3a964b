//! Why S3 refuses something: which of its sentences means what, and what to do then.

use billhook_registry::Credentials;

use super::s3_error::Refusal;
use super::{Finding, Subject, setup, statements};
use crate::{EngineError, access, connections};

/// Why a bucket cannot be listed; `account` is the reader's.
pub(super) fn listing(subject: &Subject<'_>, refusal: &Refusal, account: Option<&str>) -> Finding {
    if let Some(finding) = passing(refusal) {
        return finding;
    }
    let seen = refusal.text();
    match (refusal.code.as_str(), refusal.status) {
        ("NoSuchBucket" | "InvalidBucketName", _) => missing(subject, seen, account),
        _ if refusal.is_elsewhere() => {
            let fix = match &refusal.region {
                Some(region) => format!("give --region {region}: that is where the bucket is"),
                None => {
                    "give --region of the bucket, as its properties in the console say".to_owned()
                }
            };
            Finding::new("bucket-region", seen, fix)
        }
        ("AccessDenied" | "AllAccessDisabled", _) | (_, 401 | 403) => {
            denied(subject, refusal, account, "list-denied", "s3:ListBucket")
        }
        _ => Finding::new("aws-unreachable", seen, "check the network, proxy and --endpoint"),
    }
}

/// Why an object cannot be read; `account` is the reader's.
pub(super) fn reading(
    subject: &Subject<'_>,
    error: &EngineError,
    account: Option<&str>,
) -> Finding {
    let refusal = Refusal::of(error);
    if let Some(finding) = passing(&refusal) {
        return finding;
    }
    match (refusal.code.as_str(), refusal.status) {
        ("InvalidObjectState", _) => {
            let fix = "restore the objects from Glacier, or leave old months out of the location";
            Finding::new("archived", refusal.text(), fix)
        }
        ("AccessDenied", _) | (_, 403) => {
            denied(subject, &refusal, account, "get-denied", "s3:GetObject")
        }
        (code, _) if code.starts_with("KMS") => undecrypted(subject, &refusal),
        _ => {
            let fix = "have the file delivered or copied again";
            Finding::new("file-unreadable", refusal.text(), fix)
        }
    }
}

/// What passes by itself, or has nothing to do with the bucket.
fn passing(refusal: &Refusal) -> Option<Finding> {
    match (refusal.code.as_str(), refusal.status) {
        ("RequestTimeTooSkewed", _) => {
            Some(Finding::new("clock-skewed", refusal.text(), "set the clock of this machine"))
        }
        ("SlowDown" | "Throttling", _) | (_, 503) => {
            Some(Finding::new("throttled", refusal.text(), "try again in a few minutes"))
        }
        _ => None,
    }
}

fn missing(subject: &Subject<'_>, seen: String, account: Option<&str>) -> Finding {
    let bucket = subject.location.and_then(connections::bucket_of).unwrap_or_default().0;
    if bucket.chars().any(|c| c.is_ascii_uppercase()) {
        let fix = format!("write s3://{}: names of buckets are lowercase", bucket.to_lowercase());
        return Finding::new("bucket-name-case", seen, fix);
    }
    let fix = format!(
        "look the name up under S3 in the console{}; names are exact, letter by letter",
        account.map(|id| format!(" of account {id}")).unwrap_or_default()
    );
    Finding::new("bucket-missing", seen, fix)
}

/// Which policy is in the way, as far as S3 says so.
fn denied(
    subject: &Subject<'_>,
    refusal: &Refusal,
    account: Option<&str>,
    code: &'static str,
    action: &str,
) -> Finding {
    let seen = refusal.text();
    if matches!(subject.access.credentials, Credentials::Anonymous) {
        let fix = "leave --anonymous out, and give --access-key-id, --profile or --role-arn";
        return Finding::new("not-public", seen, fix);
    }
    if seen.contains("with an explicit deny") {
        let whose = if seen.contains("resource-based") { "the bucket's or key's" } else { "the" };
        let fix = format!(
            "more permissions do not help: change the Deny statement of {whose} policy that AWS \
             names, so that it leaves out who reads; {action} is what it denies here"
        );
        return Finding::new("explicit-deny", seen, fix);
    }
    if seen.contains("kms:") {
        return undecrypted(subject, refusal);
    }
    let policy = statements(subject, None);
    let needed =
        format!("the permissions that are needed; {action} is the one that is missing here");
    if refusal.gives_no_reason()
        && let Some(account) = account
    {
        let shared = access::sharing(&setup(subject, None), account);
        let fix = format!(
            "put this into the policy of the bucket:\n{shared}\nand give who reads {needed}:\n\
             {policy}"
        );
        return Finding::new("bucket-of-others", seen, fix);
    }
    Finding::new(code, seen, format!("{needed}:\n{policy}"))
}

/// The objects are encrypted with a key that may not be used.
fn undecrypted(subject: &Subject<'_>, refusal: &Refusal) -> Finding {
    let seen = refusal.text();
    let mut words = seen.split_whitespace().filter(|word| word.starts_with("arn:"));
    let key = words.find(|word| word.contains(":kms:")).map(str::to_owned);
    if seen.contains("resource-based polic") {
        let fix = format!(
            "let the account of who reads use the key: in the key's policy, allow kms:Decrypt to \
             its root ({})",
            key.as_deref().unwrap_or("KMS, customer managed keys, in the console")
        );
        return Finding::new("key-policy-denied", seen, fix);
    }
    let fix = match &key {
        Some(key) => format!(
            "the permissions that are needed; kms:Decrypt is the one that is missing here:\n{}",
            statements(subject, Some(key))
        ),
        None => "allow kms:Decrypt on the bucket's key: `billhook access KIND --bucket BUCKET \
                 --key ARN` prints the statement; the key's own policy must allow it, too"
            .to_owned(),
    };
    Finding::new("kms-denied", seen, fix)
}
