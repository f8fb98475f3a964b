//! `create-report` against the gate: it prints before it writes, writes once, and refuses what is
//! in the way (INV-READ).

use billhook_testkit::cloud::policy::Policy;
use billhook_testkit::cloud::{User, World};
use serde_json::{Value, json};

use crate::connections::{Aws, PAYER, SECRET};
use crate::support::Ran;

const ADMIN: &str = "AKIAADMIN0000EXAMPLE";

/// Somebody who may do everything in the payer's account.
fn start() -> Option<Aws> {
    let aws = Aws::start()?;
    let all = json!({ "Version": "2012-10-17", "Statement": [{
        "Effect": "Allow",
        "Action": ["s3:*", "cur:*", "bcm-data-exports:*"],
        "Resource": "*",
    }] });
    let admin = User::new(PAYER, "admin").with_key(ADMIN, SECRET);
    let admin = admin.with_policy(Policy::identity(&all.to_string()).unwrap());
    aws.cloud.world(|world| world.users.push(admin));
    Some(aws)
}

fn run(aws: &Aws, args: &[&str]) -> Ran {
    let mut command = aws.command("us-east-1");
    command.args(args).env("AWS_ACCESS_KEY_ID", ADMIN).env("AWS_SECRET_ACCESS_KEY", SECRET);
    Ran::of(command.output().unwrap())
}

fn create<'a>(name: &'a str, kind: &'a str, rest: &[&'a str]) -> Vec<&'a str> {
    let place = ["--bucket", "bills", "--prefix", "new", "--bucket-region", "us-east-1"];
    [&["create-report", name, "--kind", kind][..], &place, rest].concat()
}

/// What was written, let through or not.
fn writes(aws: &Aws) -> Vec<String> {
    let is_write = |action: &String| {
        ["s3:Put", "s3:Create", "s3:Delete", "cur:Put", "bcm-data-exports:Create"]
            .iter()
            .any(|start| action.starts_with(start))
    };
    aws.cloud.take_log().into_iter().map(|entry| entry.action).filter(is_write).collect()
}

/// May AWS deliver into the bucket?
fn may_deliver(world: &World, service: &str, source: &str) -> bool {
    let source = format!("arn:aws:{source}");
    world.service_may(service, "s3:PutObject", "arn:aws:s3:::bills/new/x", PAYER, &source)
}

#[test]
fn inv_read_nothing_is_created_unasked() {
    let Some(aws) = start() else { return };
    for kind in ["cur", "cur2", "focus"] {
        let ran = run(&aws, &create("hourly", kind, &[]));
        assert_eq!(ran.code, 2, "{}{}", ran.out, ran.err);
        assert!(ran.err.contains("--yes"), "{}", ran.err);
        for words in ["s3:PutBucketPolicy", "cur:PutReportDefinition", "AwsBillingDelivers"] {
            assert!(ran.out.contains(words), "{words}: {}", ran.out);
        }
        assert_eq!(writes(&aws), [""; 0], "{kind}");
    }
    let other = ["--bucket", "acme-new", "--bucket-region", "us-east-1"];
    let args = [&["create-report", "hourly", "--kind", "cur"][..], &other].concat();
    let ran = run(&aws, &args);
    assert_eq!(ran.code, 2, "{}", ran.err);
    assert!(ran.err.contains("--create-bucket"), "{}", ran.err);
    let ran = run(&aws, &[&args[..], &["--create-bucket"]].concat());
    assert!(ran.out.contains("s3:CreateBucket"), "{}", ran.out);
    // Looking at what there is writes nothing either.
    assert_eq!(run(&aws, &["reports"]).code, 0);
    assert_eq!(writes(&aws), [""; 0]);
}

#[test]
fn a_legacy_report_is_created_once() {
    let Some(aws) = start() else { return };
    let ran = run(&aws, &create("hourly", "cur", &["--yes"]));
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("--location s3://bills/new/hourly"), "{}", ran.out);
    assert_eq!(writes(&aws), ["s3:PutBucketPolicy", "cur:PutReportDefinition"]);
    aws.cloud.world(|world| {
        let report = &world.reports[PAYER][0];
        assert_eq!(report["TimeUnit"], "HOURLY");
        assert_eq!(report["AdditionalSchemaElements"], json!(["RESOURCES"]));
        assert_eq!(report["RefreshClosedReports"], true);
        assert_eq!(
            (&report["Format"], &report["Compression"]),
            (&json!("textORcsv"), &json!("GZIP"))
        );
        let source = format!("cur:us-east-1:{PAYER}:definition/hourly");
        assert!(may_deliver(world, "billingreports.amazonaws.com", &source));
    });
    let ran = run(&aws, &create("hourly", "cur", &["--yes"]));
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("nothing to do"), "{}", ran.out);
    assert_eq!(writes(&aws), [""; 0]);
    let ran = run(&aws, &create("hourly", "cur", &["--format", "parquet", "--yes"]));
    assert_eq!(ran.code, 2, "{}{}", ran.out, ran.err);
    assert!(ran.err.contains("differs in format"), "{}", ran.err);
    let elsewhere = ["--bucket", "bills", "--bucket-region", "eu-west-1", "--yes"];
    let args = [&["create-report", "more", "--kind", "cur"][..], &elsewhere].concat();
    let ran = run(&aws, &args);
    assert_eq!(ran.code, 2, "{}{}", ran.out, ran.err);
    assert!(ran.err.contains("--bucket-region us-east-1"), "{}", ran.err);
    assert_eq!(writes(&aws), [""; 0]);
}

#[test]
fn exports_share_a_bucket_with_a_report() {
    let Some(aws) = start() else { return };
    for (name, kind) in [("hourly", "cur"), ("cur2", "cur2"), ("focus", "focus")] {
        let args = create(name, kind, &["--format", "parquet", "--yes"]);
        let ran = run(&aws, &args);
        assert_eq!(ran.code, 0, "{kind}: {}{}", ran.out, ran.err);
        let written = writes(&aws);
        assert!(written.iter().any(|action| action == "cur:PutReportDefinition"), "{written:?}");
        let ran = run(&aws, &args);
        assert_eq!(ran.code, 0, "{kind}: {}{}", ran.out, ran.err);
        assert_eq!(writes(&aws), [""; 0], "{kind}");
    }
    aws.cloud.world(|world| {
        assert_eq!(world.exports[PAYER].len(), 2);
        let cur = format!("cur:us-east-1:{PAYER}:definition/hourly");
        let export = format!("bcm-data-exports:us-east-1:{PAYER}:export/cur2-1");
        assert!(may_deliver(world, "billingreports.amazonaws.com", &cur));
        assert!(may_deliver(world, "bcm-data-exports.amazonaws.com", &export));
        let other = "cur:us-east-1:999999999999:definition/hourly";
        assert!(!may_deliver(world, "billingreports.amazonaws.com", other));
    });
    let ran = run(&aws, &["reports", "--json"]);
    let found: Value = serde_json::from_str(&ran.out).unwrap();
    let told: Vec<[&str; 3]> = found["definitions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|own| ["kind", "table", "location"].map(|key| own[key].as_str().unwrap()))
        .collect();
    let expected = [
        ["cur", "CUR", "s3://bills/new/hourly"],
        ["data_export", "CUR 2.0", "s3://bills/new/cur2"],
        ["data_export", "FOCUS 1.2", "s3://bills/new/focus"],
    ];
    assert_eq!(told, expected);
    let ran = run(&aws, &["reports"]);
    assert!(ran.out.lines().all(|line| line.chars().count() <= 80), "{}", ran.out);
    assert!(ran.out.contains("--location s3://bills/new/focus"), "{}", ran.out);
    let ran = run(&aws, &["reports", "--kind", "cur"]);
    assert!(ran.out.contains("hourly") && !ran.out.contains("focus"), "{}", ran.out);
}

#[test]
fn a_bucket_is_made_when_that_is_wanted() {
    let Some(aws) = start() else { return };
    let place = ["--bucket", "acme-new", "--bucket-region", "us-east-1", "--create-bucket"];
    let args = [&["create-report", "hourly", "--kind", "cur", "--yes"][..], &place].concat();
    let ran = run(&aws, &args);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("s3://acme-new/billhook/hourly"), "{}", ran.out);
    let expected = ["s3:CreateBucket", "s3:PutBucketPolicy", "cur:PutReportDefinition"];
    assert_eq!(writes(&aws), expected);
    assert_eq!(run(&aws, &args).code, 0);
    assert_eq!(writes(&aws), [""; 0]);
}

#[test]
fn what_others_have_said_of_a_bucket_stays() {
    let Some(aws) = start() else { return };
    let set = |statement: &Value| {
        let policy = json!({ "Version": "2012-10-17", "Statement": [statement] }).to_string();
        aws.cloud.world(|world| world.set_bucket_policy("bills", &policy).unwrap());
    };
    let mut statement = json!({
        "Sid": "AwsBillingDelivers",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:PutObject",
        "Resource": "arn:aws:s3:::bills/*",
    });
    set(&statement);
    let ran = run(&aws, &create("hourly", "cur", &["--yes"]));
    assert_eq!(ran.code, 2, "{}{}", ran.out, ran.err);
    assert!(ran.err.contains("AwsBillingDelivers"), "{}", ran.err);
    assert_eq!(writes(&aws), [""; 0]);
    statement["Sid"] = json!("Others");
    statement["Action"] = json!("s3:DeleteObject");
    set(&statement);
    let ran = run(&aws, &create("hourly", "cur", &["--yes"]));
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    let policy = aws.cloud.world(|world| world.buckets["bills"].policy.clone().unwrap());
    let policy: Value = serde_json::from_str(policy.text()).unwrap();
    assert_eq!(policy["Statement"][0], statement);
    assert_eq!(policy["Statement"].as_array().unwrap().len(), 3);
}

#[test]
fn a_failure_in_the_middle_says_what_was_done() {
    let Some(aws) = start() else { return };
    aws.cloud.world(|world| world.withdraw("cur:PutReportDefinition"));
    let ran = run(&aws, &create("hourly", "cur", &["--yes"]));
    assert_eq!(ran.code, 3, "{}{}", ran.out, ran.err);
    assert!(ran.err.contains("done: set the policy"), "{}", ran.err);
    assert!(ran.err.contains("not done: define the report"), "{}", ran.err);
    assert!(ran.err.contains("cur:PutReportDefinition"), "{}", ran.err);
    aws.cloud.world(World::restore);
    assert_eq!(writes(&aws), ["s3:PutBucketPolicy", "cur:PutReportDefinition"]);
    let ran = run(&aws, &create("hourly", "cur", &["--yes"]));
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    assert_eq!(writes(&aws), ["cur:PutReportDefinition"]);
}
