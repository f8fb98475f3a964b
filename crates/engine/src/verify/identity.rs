//! Who am I; may I assume the role; and may only who knows the external ID?

use billhook_aws::call::{CallError, Trouble};
use billhook_aws::session::{Assume, Session, Source};
use billhook_registry::Access;

use super::{Check, Finding, Heard};
use crate::access::{self, Form, Reader, Setup, is_account};
use crate::connections;

pub(super) const KEY: &str = "access key";
pub(super) const CALLER: &str = "who am I";
pub(super) const ROLE: &str = "role";
pub(super) const EXTERNAL_ID: &str = "external ID";

/// What AWS says of keys that it does not know.
const UNKNOWN: [&str; 3] =
    ["InvalidClientTokenId", "UnrecognizedClientException", "InvalidAccessKeyId"];

/// What it says when it is asked too often.
const THROTTLED: [&str; 6] = [
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "TooManyRequestsException",
    "RequestLimitExceeded",
    "LimitExceededException",
];

/// What is said of a host whose name nobody knows.
const NO_HOST: [&str; 2] = ["dns error", "failed to lookup address"];

/// Looks at the credentials; gives the session that reads, and its account.
pub(super) async fn check(
    access: &Access,
    checks: &mut Heard<'_>,
) -> (Option<Session>, Option<String>) {
    let Some(source) = connections::source(access) else {
        checks.push(Check::passed(CALLER, "nobody: requests are not signed"));
        return (None, None);
    };
    if let Source::Key { id, secret, .. } = &source {
        checks.push(shape(id, secret));
    }
    let base = match Session::open(&source, &connections::reach(access)).await {
        Ok(base) => base,
        Err(error) => {
            checks.push(Check::found(CALLER, vec![none(&error, &source)]));
            return (None, None);
        }
    };
    let caller = match base.identity().await {
        Ok(caller) => caller,
        Err(error) if error.trouble == Trouble::Credentials && checks.is_stopped() => {
            // Of a key that was copied wrongly AWS can only say that it does not know it.
            checks.push(Check::skipped(CALLER, error.to_string()));
            return (None, None);
        }
        Err(error) => {
            checks.push(Check::found(CALLER, vec![unknown(&error, &base).await]));
            return (None, None);
        }
    };
    checks.push(Check::passed(CALLER, format!("{} of account {}", caller.arn, caller.account)));
    let Some(role) = connections::role(access) else { return (Some(base), Some(caller.account)) };
    if let Some(finding) = apart(&caller.arn, &role) {
        checks.push(Check::found(ROLE, vec![finding]));
        return (None, None);
    }
    if let Err(error) = base.try_assume(&role).await {
        let finding = role_refused(&error, access, &role, &caller.arn);
        checks.push(Check::found(ROLE, vec![finding]));
        return (None, None);
    }
    checks.push(Check::passed(ROLE, format!("{} may be assumed", role.arn)));
    checks.push(guarded(&base, &role).await);
    let session = base.assuming(&role).await;
    let account = role.arn.split(':').nth(4).unwrap_or_default().to_owned();
    (Some(session), Some(account))
}

/// Are caller and role of two partitions? AWS would only deny it.
fn apart(caller: &str, role: &Assume) -> Option<Finding> {
    let partition = |arn: &str| Some(arn.strip_prefix("arn:")?.split(':').next()?.to_owned());
    let (ours, theirs) = (partition(caller)?, partition(&role.arn)?);
    if ours == theirs || !theirs.starts_with("aws") {
        return None;
    }
    let seen = format!("{caller} is of {ours}, and {} of {theirs}", role.arn);
    let fix = format!(
        "give an access key or profile of partition {theirs}, and --region of a region there; or \
         the ARN of a role of {ours}"
    );
    Some(Finding::new("partition-differs", seen, fix))
}

/// Does the key look like one?
fn shape(id: &str, secret: &str) -> Check {
    let is_id = (16..=128).contains(&id.len())
        && (id.starts_with("AKIA") || id.starts_with("ASIA"))
        && id.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
    let is_secret = secret.len() >= 30 && !secret.contains(char::is_whitespace);
    if is_id && is_secret {
        return Check::passed(KEY, format!("{id} has the shape of a key"));
    }
    let seen = if is_id {
        format!("the secret of {id} has {} characters", secret.chars().count())
    } else {
        format!("{id} as the id of an access key")
    };
    let fix = "copy both parts again from the CSV file that AWS gave when the key was made";
    Check::found(KEY, vec![Finding::new("key-shape", seen, fix)])
}

/// Can the role be assumed without its external ID? Then others could have us read this account.
async fn guarded(base: &Session, role: &Assume) -> Check {
    let open = Assume { external_id: None, ..role.clone() };
    match base.try_assume(&open).await {
        Ok(()) => {
            let seen = format!("{} can be assumed without its external ID", role.arn);
            let fix = format!(
                "add to the role's trust policy, beside \"Action\": \"sts:AssumeRole\",\n\
                 \"Condition\": {{ \"StringEquals\": {{ \"sts:ExternalId\": \"{}\" }} }}",
                role.external_id.as_deref().unwrap_or_default()
            );
            Check::found(EXTERNAL_ID, vec![Finding::new("external-id-not-enforced", seen, fix)])
        }
        Err(error) if error.trouble == Trouble::Denied => {
            Check::passed(EXTERNAL_ID, "the role is closed to who does not say it")
        }
        Err(error) => Check::skipped(EXTERNAL_ID, format!("cannot be told: {error}")),
    }
}

/// Why there are no credentials.
fn none(error: &CallError, source: &Source) -> Finding {
    let Source::Profile(name) = source else { return refused(error) };
    if error.trouble != Trouble::Credentials {
        return refused(error);
    }
    let fix = format!(
        "look whether ~/.aws/config or ~/.aws/credentials has a profile {name} with a key, a role \
         or a login; of single sign-on, log in again: aws sso login --profile {name}"
    );
    Finding::new("profile-empty", error.to_string(), fix)
}

/// Why AWS does not know the credentials, by what kind they are.
async fn unknown(error: &CallError, base: &Session) -> Finding {
    if !UNKNOWN.contains(&error.code.as_str()) {
        return refused(error);
    }
    let seen = error.to_string();
    match base.key().await {
        Some((id, false)) if id.starts_with("ASIA") => {
            let fix = "give the session token beside the key: AWS_SESSION_TOKEN, or \
                       BILLHOOK_SESSION_TOKEN with --access-key-id";
            Finding::new("token-missing", format!("{id} has no session token: {seen}"), fix)
        }
        Some((id, true)) => {
            let fix = "take key id, secret and session token from one and the same answer of AWS; \
                       with a lasting key (AKIA...), remove the token";
            Finding::new("token-wrong", format!("{id} with a session token: {seen}"), fix)
        }
        _ => refused(error),
    }
}

/// What AWS has against the credentials.
pub(super) fn refused(error: &CallError) -> Finding {
    let seen = error.to_string();
    let skewed = ["Signature expired", "RequestTimeTooSkewed", "Signature not yet current"];
    if skewed.iter().any(|words| seen.contains(words)) {
        let fix = "set the clock of this machine: AWS refuses requests that are five minutes off";
        return Finding::new("clock-skewed", seen, fix);
    }
    let (code, fix) = match error.code.as_str() {
        code if UNKNOWN.contains(&code) => (
            "key-unknown",
            "the key was deleted, switched off, or is of another partition: make a new access key, \
             or switch it on again under IAM, users, security credentials",
        ),
        "SignatureDoesNotMatch" | "InvalidSignatureException" => {
            ("secret-wrong", "copy the secret access key again: it does not belong to this key id")
        }
        "ExpiredToken" | "ExpiredTokenException" => {
            ("session-expired", "the session token has expired: give a new one, or a lasting key")
        }
        _ if error.trouble == Trouble::Credentials => (
            "no-credentials",
            "give --access-key-id, --profile or --role-arn, or set the environment of AWS's tools",
        ),
        code if THROTTLED.contains(&code) => ("throttled", "try again in a few minutes"),
        _ if NO_HOST.iter().any(|words| seen.contains(words)) => (
            "host-unknown",
            "look at --region and --endpoint for typing mistakes, and whether this machine can \
             resolve names",
        ),
        _ if error.trouble == Trouble::Passing => {
            ("aws-unreachable", "check the network, proxy and --endpoint, then try again")
        }
        "" => ("not-aws", "look at --endpoint and AWS_ENDPOINT_URL, and at proxies on the way"),
        _ => ("identity-refused", "ask whoever manages the account why the caller is denied"),
    };
    Finding::new(code, seen, fix)
}

fn role_refused(error: &CallError, access: &Access, role: &Assume, caller: &str) -> Finding {
    let seen = error.to_string();
    match error.code.as_str() {
        "RegionDisabledException" => {
            let fix = "turn AWS STS on for this region in the account of the role (IAM, account \
                       settings), or give --region of one where it is on";
            Finding::new("sts-region-off", seen, fix)
        }
        "ValidationError" | "ValidationException" | "MalformedPolicyDocument" => {
            role_arn(seen, access)
        }
        _ if error.trouble == Trouble::Denied && !is_role(&role.arn) => role_arn(seen, access),
        _ if error.trouble == Trouble::Denied => {
            Finding::new("role-denied", seen, trust(access, role, caller))
        }
        _ => refused(error),
    }
}

fn role_arn(seen: String, access: &Access) -> Finding {
    let fix = format!(
        "give --role-arn as it stands in the stack's output, such as \
         arn:{}:iam::111122223333:role/billhook",
        connections::partition(access)
    );
    Finding::new("role-arn", seen, fix)
}

/// Is it the ARN of a role?
fn is_role(arn: &str) -> bool {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    match parts[..] {
        ["arn", _, "iam", "", account, resource] => {
            is_account(account)
                && resource.strip_prefix("role/").is_some_and(|name| !name.is_empty())
        }
        _ => false,
    }
}

/// What to put into the role's trust policy.
fn trust(access: &Access, role: &Assume, caller: &str) -> String {
    let setup = Setup {
        // The trust policy is the same for all kinds.
        kind: &billhook_sources::access::KINDS[0],
        partition: connections::partition(access),
        bucket: None,
        prefix: String::new(),
        key: None,
        account: None,
        reader: Reader::Role {
            name: "billhook".to_owned(),
            trusted: principal(caller),
            external_id: role.external_id.clone().unwrap_or_default(),
        },
        with: Vec::new(),
    };
    let policy = access::render(&setup, Form::Trust).unwrap_or_default();
    format!(
        "make this the trust policy of {} (and allow {caller} sts:AssumeRole on it, when it is in \
         another account):\n{policy}",
        role.arn
    )
}

/// The ARN to trust: of a role's session, the role.
#[must_use]
pub fn principal(caller: &str) -> String {
    let parts: Vec<&str> = caller.splitn(6, ':').collect();
    match parts[..] {
        [arn, partition, "sts", region, account, session] => {
            let role =
                session.strip_prefix("assumed-role/").and_then(|rest| rest.split('/').next());
            match role {
                Some(role) => format!("{arn}:{partition}:iam:{region}:{account}:role/{role}"),
                None => caller.to_owned(),
            }
        }
        _ => caller.to_owned(),
    }
}
