//! What `verify` tells of definitions and permissions, and `reports` of what exists.

use billhook_testkit::cloud::policy::Policy;
use billhook_testkit::cloud::{Export, World};
use serde_json::{Value, json};

use crate::connections::{Aws, BY_ROLE, PAYER, ROLE, codes, notes, verify};

const PLACE: &str = "s3://bills/bills/hourly";

/// AWS with the role as `billhook access` prints it for a prefix, by default.
fn start(kind: &str) -> Option<Aws> {
    let aws = Aws::start()?;
    allow(&aws, &["access", kind, "--bucket", "bills", "--prefix", "bills"]);
    Some(aws)
}

/// Gives the role the policy that a command prints.
fn allow(aws: &Aws, args: &[&str]) {
    let policy = Policy::identity(&aws.printed(args)).unwrap();
    aws.cloud.world(|world| world.role_mut(ROLE).unwrap().policies = vec![policy]);
}

/// The definition of the report that is in the bucket.
pub(crate) fn report() -> Value {
    json!({
        "ReportName": "hourly",
        "TimeUnit": "HOURLY",
        "Format": "textORcsv",
        "Compression": "GZIP",
        "AdditionalSchemaElements": ["RESOURCES"],
        "S3Bucket": "bills",
        "S3Prefix": "bills",
        "S3Region": "us-east-1",
        "RefreshClosedReports": true,
        "ReportVersioning": "CREATE_NEW_REPORT",
        "ReportStatus": { "lastDelivery": "20260907T031500Z", "lastStatus": "SUCCESS" },
    })
}

pub(crate) fn with(changes: &Value) -> Value {
    let mut report = report();
    for (key, value) in changes.as_object().unwrap() {
        report[key.as_str()] = value.clone();
    }
    report
}

pub(crate) fn define(aws: &Aws, reports: &[Value]) {
    aws.cloud.world(|world| {
        world.reports.insert(PAYER.to_owned(), reports.to_vec());
    });
}

/// The definition of an export that selects the ids of resources, with everything turned on.
pub(crate) fn export(name: &str, prefix: &str, column: &str, table: &str) -> Value {
    json!({
        "Name": name,
        "DataQuery": {
            "QueryStatement": format!("SELECT {column} FROM {table}"),
            "TableConfigurations": {
                table: { "TIME_GRANULARITY": "HOURLY", "INCLUDE_RESOURCES": "TRUE" },
            },
        },
        "DestinationConfigurations": {
            "S3Destination": {
                "S3Bucket": "bills",
                "S3Prefix": prefix,
                "S3Region": "us-east-1",
                "S3OutputConfigurations": {
                    "OutputType": "CUSTOM",
                    "Format": "PARQUET",
                    "Compression": "PARQUET",
                    "Overwrite": "OVERWRITE_REPORT",
                },
            },
        },
        "RefreshCadence": { "Frequency": "SYNCHRONOUS" },
    })
}

#[test]
fn a_report_that_is_well_has_no_findings() {
    let Some(aws) = start("cur") else { return };
    define(&aws, &[report(), with(&json!({ "ReportName": "other", "TimeUnit": "DAILY" }))]);
    let ran = aws.run(&verify("cur", PLACE, &BY_ROLE));
    assert_eq!((codes(&ran).len(), ran.code), (0, 0), "{}", ran.out);
    for note in ["permissions-wide", "organizations-denied"] {
        assert!(!notes(&ran).contains(&note.to_owned()), "{}", ran.out);
    }
    for words in ["hourly, with resource IDs", "belongs to none"] {
        assert!(ran.out.contains(words), "{words}: {}", ran.out);
    }
    // What is printed by default is asked for, and nothing that it does not hold.
    let refused = aws.cloud.log().into_iter().filter(|entry| !entry.allowed);
    let mut refused: Vec<String> = refused.map(|entry| entry.action).collect();
    refused.sort_unstable();
    refused.dedup();
    assert_eq!(refused, ["s3:GetBucketPolicy", "s3:ListBucket", "sts:AssumeRole"]);
}

#[test]
fn each_fault_of_a_definition_has_its_own_finding() {
    let Some(aws) = start("cur") else { return };
    let failing = json!({ "lastDelivery": "20260801T010101Z", "lastStatus": "ERROR_PERMISSIONS" });
    for (changes, code) in [
        (json!({ "S3Prefix": "elsewhere" }), "definition-missing"),
        (json!({ "TimeUnit": "DAILY" }), "report-daily"),
        (json!({ "TimeUnit": "MONTHLY" }), "report-monthly"),
        (json!({ "AdditionalSchemaElements": [] }), "no-resource-ids"),
        (json!({ "RefreshClosedReports": false }), "no-refresh"),
        (json!({ "ReportStatus": failing }), "report-failing"),
    ] {
        define(&aws, &[with(&changes)]);
        let ran = aws.run(&verify("cur", PLACE, &BY_ROLE));
        assert_eq!(codes(&ran), [code], "{}", ran.out);
        assert_eq!(ran.code, 1, "{code}");
        if code == "report-failing" {
            assert!(ran.out.contains("billingreports.amazonaws.com"), "{}", ran.out);
        }
    }
    define(&aws, &[with(&json!({ "Compression": "ZIP" }))]);
    let ran = aws.run(&verify("cur", PLACE, &BY_ROLE));
    assert!(notes(&ran).contains(&"zip-compression".to_owned()), "{}", ran.out);
    assert_eq!(ran.code, 0, "{}", ran.out);
    // Nothing was delivered yet.
    let new = json!({ "ReportName": "new", "ReportStatus": null });
    define(&aws, &[with(&new)]);
    let ran = aws.run(&verify("cur", "s3://bills/bills/new", &BY_ROLE));
    assert_eq!(codes(&ran), ["nothing-there", "first-delivery"], "{}", ran.out);
    assert_eq!(ran.code, 0, "{}", ran.out);
    // Whoever may not ask is told that, and no more.
    define(&aws, &[]);
    aws.cloud.world(|world| world.withdraw("cur:DescribeReportDefinitions"));
    let ran = aws.run(&verify("cur", PLACE, &BY_ROLE));
    assert_eq!((codes(&ran).len(), ran.code), (0, 0), "{}", ran.out);
    assert!(notes(&ran).contains(&"definition-denied".to_owned()), "{}", ran.out);
    assert!(ran.out.contains("bucket only"), "{}", ran.out);
    let ran = aws.run(&[&["reports", "--kind", "cur"][..], &BY_ROLE].concat());
    assert_eq!(ran.code, 3, "{}{}", ran.out, ran.err);
    assert!(ran.err.contains("cur:DescribeReportDefinitions"), "{}", ran.err);
}

#[test]
fn an_export_that_cannot_be_delivered_is_told() {
    let Some(aws) = start("data_export") else { return };
    let definition = export("cur2", "bills", "line_item_resource_id", "COST_AND_USAGE_REPORT");
    let set = |export: Export| {
        aws.cloud.world(|world| world.exports.insert(PAYER.to_owned(), vec![export]));
    };
    let place = "s3://bills/bills/cur2";
    set(Export::new(PAYER, definition.clone(), "2024-01-31T23:59:59Z"));
    let ran = aws.run(&verify("data_export", place, &BY_ROLE));
    assert_eq!(codes(&ran), ["nothing-there"], "{}", ran.out);
    let unhealthy = Export::new(PAYER, definition, "2024-01-31T23:59:59Z");
    set(unhealthy.unhealthy("INSUFFICIENT_PERMISSION"));
    let ran = aws.run(&verify("data_export", place, &BY_ROLE));
    assert_eq!(codes(&ran), ["nothing-there", "export-unhealthy"], "{}", ran.out);
    assert!(ran.out.contains("bcm-data-exports.amazonaws.com"), "{}", ran.out);
    assert_eq!(ran.code, 1);
}

#[test]
fn permissions_that_are_too_wide_or_missing_are_noted() {
    let Some(aws) = start("cur") else { return };
    define(&aws, &[report()]);
    let all = json!({ "Version": "2012-10-17", "Statement": [{
        "Effect": "Allow",
        "Action": ["s3:*", "cur:*"],
        "Resource": "*",
    }] });
    let wide = Policy::identity(&all.to_string()).unwrap();
    aws.cloud.world(|world| world.role_mut(ROLE).unwrap().policies = vec![wide]);
    let ran = aws.run(&verify("cur", PLACE, &BY_ROLE));
    let found = notes(&ran);
    for note in ["permissions-wide", "organizations-denied"] {
        assert!(found.contains(&note.to_owned()), "{note}: {}", ran.out);
    }
    for words in ["the whole of bills", "s3:GetBucketPolicy", "organizations:ListAccounts"] {
        assert!(ran.out.contains(words), "{words}: {}", ran.out);
    }
    // Notes change nothing in the health.
    assert_eq!((codes(&ran).len(), ran.code), (0, 0), "{}", ran.out);
    let text = aws.run(&[&["verify", "--kind", "cur", "--location", PLACE][..], &BY_ROLE].concat());
    assert!(text.out.contains("note ") && text.out.ends_with("healthy\n"), "{}", text.out);
    // Reading alone is enough to read.
    allow(&aws, &["access", "cur", "--minimal", "--bucket", "bills", "--prefix", "bills"]);
    let ran = aws.run(&verify("cur", PLACE, &BY_ROLE));
    assert_eq!((codes(&ran).len(), ran.code), (0, 0), "{}", ran.out);
    assert!(!notes(&ran).contains(&"permissions-wide".to_owned()), "{}", ran.out);
    assert!(notes(&ran).contains(&"organizations-denied".to_owned()), "{}", ran.out);
    // A report that is defined no more is missed by who may look.
    define(&aws, &[]);
    allow(&aws, &["access", "cur", "--bucket", "bills", "--prefix", "bills"]);
    let ran = aws.run(&verify("cur", PLACE, &BY_ROLE));
    assert_eq!(codes(&ran), ["definition-missing"], "{}", ran.out);
    aws.cloud.world(World::restore);
}

#[test]
fn access_gives_what_is_wanted_beside_reading() {
    let home = crate::support::Home::new();
    let printed = |args: &[&str]| {
        let place = ["--bucket", "bills"];
        let ran = home.run(&[&["access", "data_export"][..], &place, args].concat());
        assert_eq!(ran.code, 0, "{}", ran.err);
        ran.out
    };
    let [usual, minimal] = [printed(&[]), printed(&["--minimal"])];
    assert!(usual.contains("ListExports") && usual.contains("organizations:ListAccounts"));
    assert!(!usual.contains("tag:GetResources"), "{usual}");
    assert!(!minimal.contains("ListExports") && !minimal.contains("organizations"), "{minimal}");
    let some = printed(&["--minimal", "--with", "tags,definitions"]);
    assert!(some.contains("tag:GetResources") && some.contains("ListExports"), "{some}");
    assert!(!some.contains("organizations"), "{some}");
}

#[test]
fn whether_old_reports_may_still_come_is_told() {
    let Some(aws) = start("dbr") else { return };
    let told = || {
        let ran = aws.run(&verify("dbr", "s3://bills/bills", &BY_ROLE));
        let verdict: Value = serde_json::from_str(&ran.out).unwrap();
        let checks = verdict["checks"].as_array().unwrap().clone();
        let check = checks.into_iter().find(|check| check["title"] == "bucket policy").unwrap();
        check["seen"].as_str().unwrap().to_owned()
    };
    let seen = told();
    assert!(seen.contains("not told"), "{seen}");
    let more = "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\
                \"Action\":\"s3:GetBucketPolicy\",\"Resource\":\"*\"}]}";
    aws.cloud.world(|world| {
        world.role_mut(ROLE).unwrap().policies.push(Policy::identity(more).unwrap());
    });
    let seen = told();
    assert!(seen.contains("names neither billingreports.amazonaws.com nor"), "{seen}");
    let policy = aws.printed(&["access", "dbr", "--format", "bucket-policy", "--bucket", "bills"]);
    aws.cloud.world(|world| {
        world.buckets.get_mut("bills").unwrap().policy = Some(Policy::resource(&policy).unwrap());
    });
    let seen = told();
    assert!(seen.contains("lets AWS deliver"), "{seen}");
}
