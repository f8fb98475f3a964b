//! What the caller may do beyond what is needed, and what would be good to be allowed. All of it is
//! asked by reading.

use billhook_aws::bucket::BucketAdmin;
use billhook_aws::call::Trouble;
use billhook_aws::organization::Organization;
use billhook_aws::session::Session;
use billhook_sources::access::Purpose;
use futures::StreamExt;
use object_store::ObjectStore;

use super::{Check, Finding, Subject, statements};
use crate::{access, connections};

const EXTENT: &str = "permissions";
const ORGANIZATION: &str = "organisation";

/// May more be read than is needed? Each read here is one that the smallest policy refuses.
pub(super) async fn extent(subject: &Subject<'_>, session: &Session) -> Check {
    let Some((bucket, prefix)) = subject.location.and_then(connections::bucket_of) else {
        return Check::skipped(EXTENT, "there is no bucket");
    };
    let mut wide = Vec::new();
    if !prefix.is_empty() && lists_all(subject, session, bucket).await {
        wide.push(format!("the whole of {bucket} can be listed, not only {prefix}"));
    }
    let given = subject.access.region.as_deref().or(subject.s3.region.as_deref());
    let region = given.or(session.region()).unwrap_or("us-east-1");
    let endpoint = subject.access.endpoint.as_deref().or(subject.s3.endpoint.as_deref());
    let admin = BucketAdmin::new(session, bucket, region, endpoint);
    if admin.policy().await.is_ok() {
        wide.push(format!("the policy of {bucket} can be read (s3:GetBucketPolicy)"));
    }
    if wide.is_empty() {
        return Check::passed(EXTENT, "none were found beyond those that are needed");
    }
    let fix = format!("these permissions are enough:\n{}", statements(subject));
    Check::found(EXTENT, vec![Finding::new("permissions-wide", wide.join("; "), fix)])
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
) -> Option<Check> {
    if !subject.kind.serves(Purpose::Organizations) {
        return None;
    }
    let error = match Organization::new(session).describe().await {
        Ok(management) if account == Some(management.as_str()) => {
            let seen = format!("{management} is the management account");
            return Some(Check::passed(ORGANIZATION, seen));
        }
        Ok(management) => {
            let seen = format!(
                "the management account is {management}; it alone is told the names of accounts"
            );
            return Some(Check::passed(ORGANIZATION, seen));
        }
        Err(error) => error,
    };
    if error.code.starts_with("AWSOrganizationsNotInUse") {
        return Some(Check::passed(ORGANIZATION, "the account belongs to none"));
    }
    if error.trouble != Trouble::Denied {
        return Some(Check::skipped(ORGANIZATION, format!("cannot be told: {error}")));
    }
    let statement = access::statement(subject.kind, Purpose::Organizations);
    let fix = format!("add this statement to the permissions:\n{statement}");
    let finding = Finding::new("organizations-denied", error.to_string(), fix);
    Some(Check::found(ORGANIZATION, vec![finding]))
}
