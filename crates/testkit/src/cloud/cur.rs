//! Definitions of legacy Cost and Usage Reports (`cur`, 2017-01-06).

use serde_json::{Value, json};

use super::call::Call;
use super::fault::Fault;
use super::json::{check_choice, check_name, page, text};
use super::world::{Need, World};

/// Definitions on a page: the only number that AWS takes as `MaxResults`.
const PAGE_SIZE: usize = 5;

/// Definitions that an account may have, AWS's default quota.
const MAX_REPORTS: usize = 10;

/// Who delivers.
const SERVICE: &str = "billingreports.amazonaws.com";

/// What policies are asked.
pub(super) fn needs(account: &str, call: &Call) -> Vec<Need> {
    let name = match call.operation.as_str() {
        "PutReportDefinition" => text(&call.body, "/ReportDefinition/ReportName"),
        "DescribeReportDefinitions" => return vec![Need::own(call.action(), "*")],
        _ => text(&call.body, "/ReportName"),
    };
    let resource = format!("arn:aws:cur:us-east-1:{account}:definition/{name}");
    vec![Need::own(call.action(), resource)]
}

/// Does what is asked.
pub(super) fn answer(
    world: &mut World,
    account: &str,
    operation: &str,
    body: &Value,
) -> Result<Value, Fault> {
    match operation {
        "DescribeReportDefinitions" => describe(world, account, body),
        "PutReportDefinition" => put(world, account, body),
        "ModifyReportDefinition" => modify(world, account, body),
        "DeleteReportDefinition" => delete(world, account, body),
        other => Err(Fault::of("UnknownOperationException", format!("no operation {other}"))),
    }
}

fn describe(world: &World, account: &str, body: &Value) -> Result<Value, Fault> {
    let size = body.get("MaxResults").filter(|size| !size.is_null());
    if let Some(size) = size.filter(|size| size.as_u64() != Some(PAGE_SIZE as u64)) {
        return Err(Fault::validation(format!(
            "1 validation error detected: Value '{size}' at 'maxResults' failed to satisfy \
             constraint: Member must have value equal to {PAGE_SIZE}"
        )));
    }
    let all = world.reports.get(account).map(Vec::as_slice).unwrap_or_default();
    let (definitions, next) = page(all, body, PAGE_SIZE)?;
    let mut answer = json!({"ReportDefinitions": definitions});
    if let Some(next) = next {
        answer["NextToken"] = Value::from(next);
    }
    Ok(answer)
}

fn put(world: &mut World, account: &str, body: &Value) -> Result<Value, Fault> {
    let definition = body.get("ReportDefinition").unwrap_or(&Value::Null);
    check(world, account, definition)?;
    let name = text(definition, "/ReportName");
    let all = world.reports.entry(account.to_owned()).or_default();
    if all.iter().any(|own| text(own, "/ReportName") == name) {
        let message = format!("A report with the name {name} already exists.");
        return Err(Fault::of("DuplicateReportNameException", message));
    }
    if all.len() >= MAX_REPORTS {
        let message = "The account already has the maximum number of reports.";
        return Err(Fault::of("ReportLimitReachedException", message));
    }
    all.push(definition.clone());
    Ok(json!({}))
}

fn modify(world: &mut World, account: &str, body: &Value) -> Result<Value, Fault> {
    let definition = body.get("ReportDefinition").unwrap_or(&Value::Null);
    check(world, account, definition)?;
    let name = text(body, "/ReportName");
    if text(definition, "/ReportName") != name {
        return Err(Fault::validation("The name of a report cannot be changed."));
    }
    let all = world.reports.entry(account.to_owned()).or_default();
    let Some(own) = all.iter_mut().find(|own| text(own, "/ReportName") == name) else {
        return Err(missing(name));
    };
    own.clone_from(definition);
    Ok(json!({}))
}

fn delete(world: &mut World, account: &str, body: &Value) -> Result<Value, Fault> {
    let name = text(body, "/ReportName");
    let all = world.reports.entry(account.to_owned()).or_default();
    let before = all.len();
    all.retain(|own| text(own, "/ReportName") != name);
    if all.len() == before {
        return Err(missing(name));
    }
    Ok(json!({"ResponseMessage": format!("Report {name} has been deleted.")}))
}

fn missing(name: &str) -> Fault {
    Fault::validation(format!("The report {name} does not exist."))
}

/// What AWS checks before it takes a definition.
fn check(world: &World, account: &str, definition: &Value) -> Result<(), Fault> {
    check_name(definition, "/ReportName", 256, "!-_.*'()")?;
    check_choice(definition, "/TimeUnit", &["HOURLY", "DAILY", "MONTHLY"])?;
    check_choice(definition, "/Format", &["textORcsv", "Parquet"])?;
    check_choice(definition, "/Compression", &["ZIP", "GZIP", "Parquet"])?;
    check_name(definition, "/S3Bucket", 256, "_.-")?;
    if text(definition, "/S3Prefix").starts_with('/') || definition.get("S3Prefix").is_none() {
        return Err(Fault::validation("The S3 prefix is missing or starts with a slash."));
    }
    if definition.get("ReportVersioning").is_some() {
        let choices = ["CREATE_NEW_REPORT", "OVERWRITE_REPORT"];
        check_choice(definition, "/ReportVersioning", &choices)?;
    }
    let elements = definition.get("AdditionalSchemaElements").and_then(Value::as_array);
    let known = ["RESOURCES", "SPLIT_COST_ALLOCATION_DATA", "MANUAL_DISCOUNT_COMPATIBILITY"];
    let is_known = |element: &Value| element.as_str().is_some_and(|name| known.contains(&name));
    if !elements.is_some_and(|elements| elements.iter().all(is_known)) {
        return Err(Fault::validation("AdditionalSchemaElements is missing or not valid."));
    }
    let parquet = (text(definition, "/Format"), text(definition, "/Compression"));
    if (parquet.0 == "Parquet") != (parquet.1 == "Parquet") {
        return Err(Fault::validation("Format and compression do not fit each other."));
    }
    let bucket = text(definition, "/S3Bucket");
    let region = world.buckets.get(bucket).map(|bucket| bucket.region.as_str());
    if region != Some(text(definition, "/S3Region")) || !may_deliver(world, account, bucket) {
        return Err(Fault::validation("Failed to verify customer bucket permission."));
    }
    Ok(())
}

/// Does the bucket's policy let AWS deliver reports of `account`? AWS names itself with a star for
/// the report, so that policies may compare with `StringEquals` as its pages do.
fn may_deliver(world: &World, account: &str, bucket: &str) -> bool {
    let source = format!("arn:aws:cur:us-east-1:{account}:definition/*");
    let arn = format!("arn:aws:s3:::{bucket}");
    let object = format!("{arn}/aws-programmatic-access-test-object");
    [("s3:GetBucketAcl", &arn), ("s3:GetBucketPolicy", &arn), ("s3:PutObject", &object)]
        .into_iter()
        .all(|(action, resource)| world.service_may(SERVICE, action, resource, account, &source))
}
