//! What the caller may do beyond what is needed, and what would be good to be allowed. All of it is
//! asked by reading.

use billhook_aws::bucket::{BucketAdmin, BucketError};
use billhook_aws::call::{CallError, Trouble};
use billhook_aws::organization::Organization;
use billhook_aws::session::Session;
use billhook_aws::tagging::Tagging;
use billhook_sources::access::Purpose;
use futures::StreamExt;
use object_store::ObjectStore;

use super::{Check, Finding, Heard, Subject, statements, to_add};
use crate::connections;

pub(super) const EXTENT: &str = "permissions";
pub(super) const ORGANIZATION: &str = "organisation";
pub(super) const DELIVERY: &str = "bucket policy";
const TAGS: &str = "tags of resources";

/// A bucket's policy, if it has one, or why it is not told.
pub(super) type Policy = Result<Option<String>, BucketError>;

/// May more be read than is needed? Each read here is one that the smallest policy refuses.
pub(super) async fn extent(
    subject: &Subject<'_>,
    session: &Session,
    policy: &Policy,
    checks: &mut Heard<'_>,
) {
    checks.push(beyond(subject, session, policy).await);
}

async fn beyond(subject: &Subject<'_>, session: &Session, policy: &Policy) -> Check {
    let Some((bucket, prefix)) = subject.location.and_then(connections::bucket_of) else {
        return Check::skipped(EXTENT, "there is no bucket");
    };
    let mut wide = Vec::new();
    if !prefix.is_empty() && lists_all(subject, session, bucket).await {
        wide.push(format!("the whole of {bucket} can be listed, not only {prefix}"));
    }
    if policy.is_ok() {
        wide.push(format!("the policy of {bucket} can be read (s3:GetBucketPolicy)"));
    }
    if wide.is_empty() {
        return Check::passed(EXTENT, "none were found beyond those that are needed");
    }
    let fix = format!("these permissions are enough:\n{}", statements(subject, None));
    Check::found(EXTENT, vec![Finding::new("permissions-wide", wide.join("; "), fix)])
}

/// Does the policy of a bucket of Detailed Billing Reports let AWS deliver? There is no API that
/// tells of these reports, and an archive needs none: it is told, and no fault.
pub(super) fn delivery(subject: &Subject<'_>, policy: &Policy, checks: &mut Heard<'_>) {
    if let Some(check) = delivered(subject, policy) {
        checks.push(check);
    }
}

fn delivered(subject: &Subject<'_>, policy: &Policy) -> Option<Check> {
    if subject.kind.kind != "dbr" {
        return None;
    }
    let (bucket, _) = subject.location.and_then(connections::bucket_of)?;
    let named = subject.kind.delivery.map(|own| [own.services, own.accounts].concat());
    let named = named.unwrap_or_default();
    Some(match policy {
        Ok(Some(policy)) if named.iter().any(|name| policy.contains(name)) => {
            Check::passed(DELIVERY, format!("that of {bucket} lets AWS deliver"))
        }
        Ok(_) => Check::skipped(
            DELIVERY,
            format!(
                "that of {bucket} names neither {}: no new reports come; `billhook access dbr \
                 --format bucket-policy` prints one with which they do",
                named.join(" nor ")
            ),
        ),
        Err(error) => Check::skipped(
            DELIVERY,
            format!("that of {bucket} is not told, which reading does not need: {error}"),
        ),
    })
}

/// The policy of the bucket, which only somebody with more than the smallest permissions is told.
pub(super) async fn policy(subject: &Subject<'_>, session: &Session) -> Policy {
    let (bucket, _) = subject.location.and_then(connections::bucket_of).unwrap_or_default();
    let given = subject.access.region.as_deref().or(subject.s3.region.as_deref());
    let region = given.or(session.region()).unwrap_or("us-east-1");
    let endpoint = subject.access.endpoint.as_deref().or(subject.s3.endpoint.as_deref());
    BucketAdmin::new(session, bucket, region, endpoint).policy().await
}

/// Is the bucket listed without a prefix?
async fn lists_all(subject: &Subject<'_>, session: &Session, bucket: &str) -> bool {
    let location = format!("s3://{bucket}");
    let place = connections::place(&location, &subject.s3, subject.access, Some(session));
    let Ok(place) = place else { return false };
    // The first object is on the first page, so this is one request.
    let first = place.store.list(None).next().await;
    first.is_none_or(|first| first.is_ok())
}

/// Are the names of accounts told? Nothing for kinds that have no use for them.
pub(super) async fn organization(
    subject: &Subject<'_>,
    session: &Session,
    account: Option<&str>,
    checks: &mut Heard<'_>,
) {
    if subject.kind.serves(Purpose::Organizations) {
        checks.push(organized(subject, session, account).await);
    }
}

async fn organized(subject: &Subject<'_>, session: &Session, account: Option<&str>) -> Check {
    let client = Organization::new(session);
    let error = match client.describe().await {
        Ok(management) if account == Some(management.as_str()) => {
            return managed(subject, &client, &management).await;
        }
        Ok(management) => {
            let seen = format!(
                "the management account is {management}; it alone is told the names of accounts"
            );
            return Check::passed(ORGANIZATION, seen);
        }
        Err(error) => error,
    };
    if error.code.starts_with("AWSOrganizationsNotInUse") {
        return Check::passed(ORGANIZATION, "the account belongs to none");
    }
    if error.trouble != Trouble::Denied {
        return Check::skipped(ORGANIZATION, format!("cannot be told: {error}"));
    }
    let finding = untold(subject, "organizations:DescribeOrganization", &error);
    Check::found(ORGANIZATION, vec![finding])
}

/// What the management account is told of its organisation.
async fn managed(subject: &Subject<'_>, client: &Organization, management: &str) -> Check {
    let gaps = client.gaps().await;
    let denied = gaps.iter().filter(|gap| gap.error.trouble == Trouble::Denied);
    let findings: Vec<Finding> =
        denied.map(|gap| untold(subject, gap.action, &gap.error)).collect();
    if !findings.is_empty() {
        return Check::found(ORGANIZATION, findings);
    }
    if let Some(gap) = gaps.first() {
        let why = format!("{} cannot be told: {}", lost(gap.action), gap.error);
        return Check::skipped(ORGANIZATION, why);
    }
    Check::passed(ORGANIZATION, format!("{management} is the management account"))
}

/// Something about the organisation may not be read.
fn untold(subject: &Subject<'_>, action: &'static str, error: &CallError) -> Finding {
    let seen = format!("{action} is denied, so these stay unknown: {} ({error})", lost(action));
    Finding::new("organizations-denied", seen, to_add(subject, Purpose::Organizations))
}

/// What is not known without an action.
fn lost(action: &str) -> &'static str {
    match action {
        "organizations:DescribeOrganization" => "names, units and tags of accounts",
        "organizations:ListAccounts" => "names and e-mail addresses of accounts",
        "organizations:ListTagsForResource" => "tags of accounts",
        _ => "organisational units",
    }
}

/// May the tags of resources be read in the regions that they are asked for in? Nothing when they
/// are not asked for.
pub(super) async fn tags(
    subject: &Subject<'_>,
    session: &Session,
    regions: &[String],
    checks: &mut Heard<'_>,
) {
    if !regions.is_empty() && subject.kind.serves(Purpose::Tags) {
        checks.push(readable(subject, session, regions).await);
    }
}

async fn readable(subject: &Subject<'_>, session: &Session, regions: &[String]) -> Check {
    for region in regions {
        let Err(error) = Tagging::new(session, region).check().await else { continue };
        let seen = format!("{region}: {error}");
        if error.trouble != Trouble::Denied {
            return Check::skipped(TAGS, format!("cannot be told: {seen}"));
        }
        let finding = Finding::new("tags-denied", seen, to_add(subject, Purpose::Tags));
        return Check::found(TAGS, vec![finding]);
    }
    Check::passed(TAGS, format!("can be read in {}", regions.join(", ")))
}
