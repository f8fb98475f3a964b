//! AWS as the wizard meets it: a bucket with a report of every kind, Cost Explorer, a user whose
//! key may read them, and a role that may do less than is needed.

use std::path::Path;
use std::process::Command;

use billhook_testkit::cloud::policy::Policy;
use billhook_testkit::cloud::{Bucket, Cloud, CostExplorerState, Export, Role, User, World};
use billhook_testkit::emulator::Emulator;
use billhook_testkit::render::cost_explorer::CostExplorer;
use serde_json::{Value, json};

use crate::home::Home;

/// The account that is billed, and that Billhook runs in.
pub(crate) const ACCOUNT: &str = "111122223333";
pub(crate) const KEY_ID: &str = "AKIAIOSFODNN7EXAMPLE";
pub(crate) const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
/// The role that may list, and not read.
pub(crate) const NARROW: &str = "arn:aws:iam::111122223333:role/narrow";

/// Exports in the bucket: name, table, and the column of it that has the ids of resources.
const EXPORTS: [(&str, &str, &str); 2] = [
    ("cur2-csv", "COST_AND_USAGE_REPORT", "line_item_resource_id"),
    ("focus12-parquet", "FOCUS_1_2_AWS", "ResourceId"),
];

/// What the user's policies are printed for: a kind, and where its files are.
const READABLE: [(&str, Option<&str>); 5] = [
    ("cur", Some("s3://bills/bills")),
    ("data_export", Some("s3://bills/exports")),
    ("dbr", Some("s3://bills/dbr")),
    ("focus_files", Some("s3://bills/focus")),
    ("cost_explorer", None),
];

const UPLOAD: &str = "
import boto3, os, sys
endpoint, root = sys.argv[1], sys.argv[2]
s3 = boto3.client('s3', endpoint_url=endpoint, region_name='us-east-1',
                  aws_access_key_id='k', aws_secret_access_key='s')
s3.create_bucket(Bucket='bills')
for folder, _, names in os.walk(root):
    for name in names:
        path = os.path.join(folder, name)
        s3.upload_file(path, 'bills', os.path.relpath(path, root))
";

/// AWS. It ends when dropped.
pub(crate) struct Aws {
    pub(crate) cloud: Cloud,
    _emulator: Emulator,
}

impl Aws {
    /// Starts one with these files in the bucket `bills`, and these costs.
    pub(crate) fn start(home: &Home, python: &Path, files: &Path, costs: CostExplorer) -> Self {
        let emulator = Emulator::start(python, ACCOUNT).unwrap();
        let mut upload = Command::new(python);
        let uploaded = upload.args(["-c", UPLOAD, &emulator.endpoint]).arg(files).output().unwrap();
        assert!(uploaded.status.success(), "{}", String::from_utf8_lossy(&uploaded.stderr));
        let cloud = Cloud::start(&emulator.endpoint, World::new()).unwrap();
        let reading = READABLE.map(|(kind, place)| {
            let bucket: Vec<&str> = place.iter().flat_map(|place| ["--bucket", *place]).collect();
            let printed = home.works(&[&["access", kind][..], &bucket[..]].concat());
            Policy::identity(&printed).unwrap()
        });
        let user = format!("arn:aws:iam::{ACCOUNT}:user/us");
        cloud.world(|world| {
            let us = User::new(ACCOUNT, "us").with_key(KEY_ID, SECRET);
            let us = reading.into_iter().fold(us, User::with_policy);
            world.users = vec![us.with_policy(Policy::identity(&assuming()).unwrap())];
            let narrow = Role::new(ACCOUNT, "narrow", Policy::trust(&trust(&user)).unwrap());
            world.roles = vec![narrow.with_policy(Policy::identity(&listing()).unwrap())];
            let bucket = Bucket::new(ACCOUNT, "us-east-1");
            world.buckets = [("bills".to_owned(), bucket)].into_iter().collect();
            world.management_account = Some(ACCOUNT.to_owned());
            world.reports.insert(ACCOUNT.to_owned(), vec![report("hourly"), report("waiting")]);
            world.exports.insert(ACCOUNT.to_owned(), Vec::from(EXPORTS.map(export)));
            world.cost_explorer = CostExplorerState::Hourly;
            world.serve_costs(ACCOUNT, costs);
        });
        Self { cloud, _emulator: emulator }
    }

    /// What was let through that makes or changes something.
    pub(crate) fn writes(&self) -> Vec<String> {
        let verbs = ["Put", "Create", "Delete", "Modify", "Update", "Attach", "Copy", "Restore"];
        let is_write = |action: &String| {
            let (_, name) = action.split_once(':').unwrap_or(("", action));
            verbs.iter().any(|verb| name.starts_with(verb))
        };
        self.cloud.actions().into_iter().filter(is_write).collect()
    }
}

/// The definition of a report in the bucket.
fn report(name: &str) -> Value {
    let mut definition = json!({
        "ReportName": name,
        "TimeUnit": "HOURLY",
        "Format": "textORcsv",
        "Compression": "GZIP",
        "AdditionalSchemaElements": ["RESOURCES"],
        "S3Bucket": "bills",
        "S3Prefix": "bills",
        "S3Region": "us-east-1",
        "RefreshClosedReports": true,
        "ReportVersioning": "CREATE_NEW_REPORT",
    });
    if name == "hourly" {
        let status = json!({ "lastDelivery": "20260907T031500Z", "lastStatus": "SUCCESS" });
        definition["ReportStatus"] = status;
    }
    definition
}

/// An export in the bucket.
fn export((name, table, column): (&str, &str, &str)) -> Export {
    let definition = json!({
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
                "S3Prefix": "exports",
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
    });
    Export::new(ACCOUNT, definition, "2026-09-07T03:15:00Z")
}

fn policy(statement: &Value) -> String {
    json!({ "Version": "2012-10-17", "Statement": [statement] }).to_string()
}

fn assuming() -> String {
    policy(&json!({ "Effect": "Allow", "Action": "sts:AssumeRole", "Resource": NARROW }))
}

fn listing() -> String {
    policy(&json!({
        "Effect": "Allow",
        "Action": ["s3:ListBucket", "s3:GetBucketLocation", "cur:DescribeReportDefinitions"],
        "Resource": "*",
    }))
}

/// Trusts a user who names some external ID: each draft has its own.
fn trust(user: &str) -> String {
    policy(&json!({
        "Effect": "Allow",
        "Principal": { "AWS": user },
        "Action": "sts:AssumeRole",
        "Condition": { "StringLike": { "sts:ExternalId": "?*" } },
    }))
}
