//! What AWS tells beside the bill: names, organisational units and tags of accounts, from
//! Organizations, and the tags that resources have now, from the Resource Groups Tagging API.
//!
//! Neither is needed to load a bill. What may not be read is told and left as it is; only trouble
//! that passes, or with the credentials themselves, is an error.

use billhook_aws::call::{CallError, Trouble};
use billhook_aws::organization::{Member, Organization, Organized};
use billhook_aws::session::Session;
use billhook_aws::tagging::{Tagged, Tagging};
use billhook_lake::directory::{self, Account, Resource};
use serde_json::{Value, json};

use crate::{EngineError, Home};

/// Setting of a connection: the regions whose resources' tags are asked for.
const RESOURCE_TAGS: &str = "resource_tags";

/// AWS is asked again after so long: once a day, also where each day's look comes a little earlier
/// than the one before. Microseconds.
const ASKED_AGAIN_AFTER: i64 = 20 * 3600 * 1_000_000;

/// What a look brought.
#[derive(Debug, Clone, Default)]
pub struct Refreshed {
    /// Accounts that Organizations told; `None` when it told nothing.
    pub accounts: Option<usize>,
    /// Tagged resources in all regions; `None` when none were asked for, or not all told.
    pub resources: Option<usize>,
    /// What could not be read.
    pub denied: Vec<Denied>,
}

/// Something that could not be read; what was known of it stays.
#[derive(Debug, Clone)]
pub struct Denied {
    /// What: `accounts`, `resource tags in eu-central-1`.
    pub what: String,
    /// In AWS's words.
    pub error: CallError,
    /// What helps, when something does.
    pub fix: Option<String>,
}

/// Is it time to ask AWS on behalf of a connection? `now` is in microseconds since 1970 UTC.
///
/// # Errors
/// When the lake cannot be read.
pub async fn is_due(home: &Home, connection: &str, now: i64) -> Result<bool, EngineError> {
    let looked_at = directory::looked_at(&home.lake, connection).await?;
    Ok(looked_at.is_none_or(|at| now.saturating_sub(at) >= ASKED_AGAIN_AFTER))
}

/// The regions that a connection's settings name for the tags of resources.
#[must_use]
pub fn regions(settings: &Value) -> Vec<String> {
    let regions = settings[RESOURCE_TAGS].as_array().map(Vec::as_slice).unwrap_or_default();
    regions.iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// A connection's settings with other regions for the tags of resources.
#[must_use]
pub fn with_regions(settings: &Value, regions: &[String]) -> Value {
    let mut settings = settings.as_object().cloned().unwrap_or_default();
    if regions.is_empty() {
        settings.remove(RESOURCE_TAGS);
    } else {
        settings.insert(RESOURCE_TAGS.to_owned(), json!(regions));
    }
    Value::Object(settings)
}

/// Asks AWS, and stores what it tells as what `connection` knows. The caller holds the writer
/// lock. `now` is in microseconds since 1970 UTC.
///
/// # Errors
/// When AWS does not answer, or the lake cannot be written. What was told before that is stored.
pub async fn refresh(
    home: &Home,
    session: &Session,
    connection: &str,
    regions: &[String],
    now: i64,
) -> Result<Refreshed, EngineError> {
    let mut refreshed = Refreshed::default();
    match Organization::new(session).all().await {
        Ok(organized) => {
            let accounts = accounts(organized);
            refreshed.accounts = Some(accounts.len());
            directory::replace_accounts(&home.lake, connection, accounts, now).await?;
        }
        Err(error) => refreshed.denied.push(denied("accounts".to_owned(), error)?),
    }
    let mut resources = Vec::new();
    let before = refreshed.denied.len();
    for region in regions {
        match Tagging::new(session, region).all().await {
            Ok(tagged) => resources.extend(tagged.into_iter().map(|one| resource(one, region))),
            Err(error) => {
                refreshed.denied.push(denied(format!("resource tags in {region}"), error)?);
            }
        }
    }
    // Rows are replaced whole: those of a region that tells nothing must not be lost.
    if refreshed.denied.len() == before && !regions.is_empty() {
        refreshed.resources = Some(resources.len());
        directory::replace_resources(&home.lake, connection, resources, now).await?;
    }
    directory::note_look(&home.lake, connection, now).await?;
    Ok(refreshed)
}

fn accounts(organized: Organized) -> Vec<Account> {
    let Organized { management_account, accounts } = organized;
    let account = |member: Member| Account {
        id: member.id,
        name: member.name,
        email: member.email.unwrap_or_default(),
        state: member.state,
        unit: member.unit,
        management_account: management_account.clone(),
        tags: member.tags,
    };
    accounts.into_iter().map(account).collect()
}

fn resource(tagged: Tagged, region: &str) -> Resource {
    let id = billed_id(&tagged.arn).to_owned();
    Resource { arn: tagged.arn, id, region: region.to_owned(), tags: tagged.tags }
}

/// A resource's id as bills write it: bare for instances, volumes and buckets, else the ARN.
fn billed_id(arn: &str) -> &str {
    let mut parts = arn.splitn(6, ':').skip(2);
    let (service, resource) = (parts.next(), parts.nth(2));
    let bare = match (service, resource) {
        (Some("s3"), Some(bucket)) => Some(bucket).filter(|name| !name.contains(['/', ':'])),
        (Some("ec2"), Some(resource)) => {
            resource.strip_prefix("instance/").or_else(|| resource.strip_prefix("volume/"))
        }
        _ => None,
    };
    bare.filter(|id| !id.is_empty()).unwrap_or(arn)
}

/// What may not be read; anything else that went wrong is an error.
fn denied(what: String, error: CallError) -> Result<Denied, EngineError> {
    let is_organization = what == "accounts";
    let is_alone = error.code == "AWSOrganizationsNotInUseException";
    let fix = match error.trouble {
        _ if is_alone => None,
        Trouble::Denied if is_organization => Some(
            "use credentials of the management account or of a delegated administrator, and allow \
             them organizations:DescribeOrganization, organizations:ListAccounts, \
             organizations:ListRoots, organizations:ListOrganizationalUnitsForParent, \
             organizations:ListAccountsForParent and organizations:ListTagsForResource"
                .to_owned(),
        ),
        Trouble::Denied => Some("allow tag:GetResources to these credentials".to_owned()),
        Trouble::Unavailable => None,
        _ => return Err(error.into()),
    };
    Ok(Denied { what, error, fix })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resources_are_named_as_bills_name_them() {
        for (arn, id) in [
            ("arn:aws:s3:::bills", "bills"),
            ("arn:aws:ec2:eu-central-1:111122223333:instance/i-0abc", "i-0abc"),
            ("arn:aws-cn:ec2:cn-north-1:111122223333:volume/vol-1", "vol-1"),
        ] {
            assert_eq!(billed_id(arn), id);
        }
        for arn in [
            "arn:aws:ec2:eu-central-1:111122223333:natgateway/nat-1",
            "arn:aws:lambda:eu-central-1:111122223333:function:f",
            "arn:aws:s3:eu-central-1:111122223333:accesspoint/a",
            "arn:aws:s3",
            "",
        ] {
            assert_eq!(billed_id(arn), arn);
        }
    }

    #[test]
    fn regions_are_kept_in_the_settings() {
        let some = ["eu-central-1".to_owned(), "us-east-1".to_owned()];
        let settings = with_regions(&json!({ "other": 1 }), &some);
        assert_eq!(settings, json!({ "other": 1, "resource_tags": some }));
        assert_eq!(regions(&settings), some);
        assert_eq!(with_regions(&settings, &[]), json!({ "other": 1 }));
        assert_eq!(regions(&json!({})), [""; 0]);
    }

    #[test]
    fn only_what_may_not_be_read_is_told() {
        let error = |trouble, code: &str| CallError {
            trouble,
            code: code.to_owned(),
            message: String::new(),
        };
        let alone = error(Trouble::Unavailable, "AWSOrganizationsNotInUseException");
        assert!(denied("accounts".to_owned(), alone).unwrap().fix.is_none());
        let refused = denied("accounts".to_owned(), error(Trouble::Denied, "AccessDenied"));
        assert!(refused.unwrap().fix.unwrap().contains("organizations:ListAccounts"));
        let refused = denied("resource tags in x".to_owned(), error(Trouble::Denied, ""));
        assert!(refused.unwrap().fix.unwrap().contains("tag:GetResources"));
        assert!(denied("accounts".to_owned(), error(Trouble::Passing, "Throttling")).is_err());
    }
}
