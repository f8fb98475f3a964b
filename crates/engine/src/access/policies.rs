//! Policy documents: what the reader may do, who may assume the role, who may deliver.

use std::collections::BTreeMap;

use billhook_sources::access::{KindAccess, On, Purpose};
use serde_json::{Map, Value, json};

use super::{Partition, Reader, Setup, is_account};
use crate::EngineError;

/// Version of the policy language.
const VERSION: &str = "2012-10-17";

/// What whoever reads is allowed: the smallest policy with which everything works that is wanted.
pub(super) fn reading(setup: &Setup) -> Result<Value, EngineError> {
    let is_wanted = |purpose: Purpose| purpose == Purpose::Reading || setup.with.contains(&purpose);
    let mut by_place: BTreeMap<(On, Purpose), Vec<&str>> = BTreeMap::new();
    for need in setup.kind.all().filter(|need| is_wanted(need.purpose)) {
        by_place.entry((need.on, need.purpose)).or_default().extend(need.actions);
    }
    let mut statements = Vec::new();
    for ((on, purpose), actions) in by_place {
        let Some((sid, resource)) = place(setup, on, purpose)? else { continue };
        let mut statement = json!({
            "Sid": sid,
            "Effect": "Allow",
            "Action": one_or_many(&actions),
            "Resource": resource,
        });
        if on == On::Listing && !setup.prefix.is_empty() {
            // The prefix itself, and everything below it.
            let prefixes = [setup.prefix.clone(), format!("{}/*", setup.prefix)];
            statement["Condition"] = json!({ "StringLike": { "s3:prefix": prefixes } });
        }
        statements.push(statement);
    }
    Ok(document(&statements))
}

/// The statement that a purpose needs, to be added to a policy.
pub(super) fn extra(kind: &KindAccess, purpose: Purpose) -> Value {
    let needs = kind.all().filter(|need| need.purpose == purpose && need.on == On::Account);
    let actions: Vec<&str> = needs.flat_map(|need| need.actions).copied().collect();
    json!({
        "Sid": account_sid(purpose),
        "Effect": "Allow",
        "Action": one_or_many(&actions),
        "Resource": "*",
    })
}

/// What the policy of a bucket must allow to another account.
pub(super) fn sharing(setup: &Setup, account: &str) -> Result<Value, EngineError> {
    let mut policy = reading(&Setup { key: None, with: Vec::new(), ..setup.clone() })?;
    let principal = json!({ "AWS": format!("arn:{}:iam::{account}:root", setup.partition) });
    let statements = policy["Statement"].as_array_mut().into_iter().flatten();
    for statement in statements {
        statement["Principal"] = principal.clone();
    }
    Ok(policy)
}

const fn account_sid(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Reading => "BillhookAskBilling",
        Purpose::Definitions => "BillhookFindReports",
        Purpose::Organizations => "BillhookNameAccounts",
        Purpose::Tags => "BillhookReadTags",
    }
}

/// Name of the statement and ARN for a place; `None` where there is no such place.
fn place(
    setup: &Setup,
    on: On,
    purpose: Purpose,
) -> Result<Option<(&'static str, String)>, EngineError> {
    Ok(Some(match on {
        On::Listing => ("BillhookListFiles", bucket_arn(setup)?),
        On::Objects if setup.prefix.is_empty() => {
            ("BillhookReadFiles", format!("{}/*", bucket_arn(setup)?))
        }
        On::Objects => ("BillhookReadFiles", format!("{}/{}/*", bucket_arn(setup)?, setup.prefix)),
        On::Key => match &setup.key {
            Some(key) => ("BillhookDecryptFiles", key.clone()),
            None => return Ok(None),
        },
        On::Account => (account_sid(purpose), "*".to_owned()),
    }))
}

/// Who may assume the role, and only by saying the external ID.
pub(super) fn trust(setup: &Setup) -> Result<Value, EngineError> {
    let Reader::Role { trusted, external_id, .. } = &setup.reader else {
        return Err(EngineError::Usage(
            "a trust policy is for a role: give --trust, who assumes it".to_owned(),
        ));
    };
    let principal = if is_account(trusted) {
        format!("arn:{}:iam::{trusted}:root", setup.partition)
    } else {
        trusted.clone()
    };
    Ok(document(&[json!({
        "Sid": "BillhookAssume",
        "Effect": "Allow",
        "Principal": { "AWS": principal },
        "Action": "sts:AssumeRole",
        "Condition": { "StringEquals": { "sts:ExternalId": external_id } },
    })]))
}

/// What lets AWS deliver into the bucket, and nobody else through AWS.
pub(super) fn delivering(setup: &Setup) -> Result<Value, EngineError> {
    let Some(delivery) = setup.kind.delivery else {
        return Err(EngineError::Usage(format!(
            "{} needs no bucket policy: AWS delivers nothing for it",
            setup.kind.kind
        )));
    };
    let bucket = bucket_arn(setup)?;
    let partition = setup.partition;
    if partition == Partition::GovCloud {
        return Err(EngineError::Usage(format!(
            "--partition {partition}: AWS delivers no bills there; they are delivered to the \
             standard account that the GovCloud account is linked to"
        )));
    }
    let mut principal = Map::new();
    principal.insert("Service".to_owned(), one_or_many(delivery.services));
    // Accounts of one partition are unknown in the others.
    if !delivery.accounts.is_empty() && partition == Partition::Aws {
        let arn = |account: &&str| format!("arn:{partition}:iam::{account}:root");
        let arns: Vec<String> = delivery.accounts.iter().map(arn).collect();
        principal.insert("AWS".to_owned(), json!(arns));
    }
    let condition = if delivery.sources.is_empty() {
        None
    } else {
        let Some(account) = &setup.account else {
            return Err(missing("--account", "the account that the bill is of"));
        };
        let region = if partition == Partition::China { "cn-northwest-1" } else { "us-east-1" };
        let arn = |source: &&str| {
            let source = source.replace("{account}", account).replace("us-east-1", region);
            format!("arn:{partition}:{source}")
        };
        let arns: Vec<String> = delivery.sources.iter().map(arn).collect();
        let arns: Vec<&str> = arns.iter().map(String::as_str).collect();
        Some(json!({
            "StringEquals": { "aws:SourceAccount": account },
            "ArnLike": { "aws:SourceArn": one_or_many(&arns) },
        }))
    };
    let statement = |sid: &str, actions: &[&str], resource: String| {
        let mut statement = json!({
            "Sid": sid,
            "Effect": "Allow",
            "Principal": principal,
            "Action": one_or_many(actions),
            "Resource": resource,
        });
        if let Some(condition) = &condition {
            statement["Condition"] = condition.clone();
        }
        statement
    };
    Ok(document(&[
        statement("AwsBillingChecksBucket", delivery.on_bucket, bucket.clone()),
        statement("AwsBillingDelivers", delivery.on_objects, format!("{bucket}/*")),
    ]))
}

fn bucket_arn(setup: &Setup) -> Result<String, EngineError> {
    let bucket = setup.bucket.as_ref();
    let bucket = bucket.ok_or_else(|| missing("--bucket", "the bucket with the files"))?;
    Ok(format!("arn:{}:s3:::{bucket}", setup.partition))
}

fn missing(option: &str, what: &str) -> EngineError {
    EngineError::Usage(format!("{option} is missing: {what}"))
}

fn document(statements: &[Value]) -> Value {
    json!({ "Version": VERSION, "Statement": statements })
}

fn one_or_many(texts: &[&str]) -> Value {
    match texts {
        [one] => json!(one),
        many => json!(many),
    }
}
