//! The clients against a gate that checks signatures and policies as AWS does: all pages are read,
//! what is ordered is there, and who may not is told so.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

use billhook_aws::bucket::BucketAdmin;
use billhook_aws::call::Trouble;
use billhook_aws::exports::{ExportDefinition, Exports};
use billhook_aws::organization::Organization;
use billhook_aws::reports::{ReportDefinition, Reports};
use billhook_aws::session::{Place, Session, Source};
use billhook_aws::tagging::Tagging;
use billhook_testkit::cloud::policy::Policy;
use billhook_testkit::cloud::{Bucket, Cloud, Export, User, World};
use serde_json::{Value, json};

const PAYER: &str = "111122223333";
const DATA: &str = "222233334444";
const SALES: &str = "333344445555";
const KEY: [&str; 2] = ["AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"];
const REGION: &str = "eu-central-1";
const NOW: &str = "2026-01-31T23:59:59Z";

/// A payer whose administrator may do all that the clients do.
fn world() -> World {
    let mut world = World::new();
    let actions = ["cur:*", "bcm-data-exports:*", "organizations:*", "tag:*", "s3:*"];
    let statement = json!({"Effect": "Allow", "Action": actions, "Resource": "*"});
    let policy = json!({"Version": "2012-10-17", "Statement": statement}).to_string();
    let user = User::new(PAYER, "admin").with_key(KEY[0], KEY[1]);
    world.users.push(user.with_policy(Policy::identity(&policy).unwrap()));
    world.management_account = Some(PAYER.to_owned());
    world
}

/// The policy of the bucket `bills` that lets AWS deliver.
fn delivery() -> String {
    let services = ["billingreports.amazonaws.com", "bcm-data-exports.amazonaws.com"];
    let statement = json!({
        "Effect": "Allow",
        "Principal": {"Service": services},
        "Action": ["s3:GetBucketAcl", "s3:GetBucketPolicy", "s3:PutObject"],
        "Resource": ["arn:aws:s3:::bills", "arn:aws:s3:::bills/*"],
    });
    json!({"Version": "2012-10-17", "Statement": statement}).to_string()
}

/// The administrator, in a region that is not that of the billing services.
async fn session(cloud: &Cloud) -> Session {
    let source = Source::Key { id: KEY[0].to_owned(), secret: KEY[1].to_owned(), token: None };
    let place = Place { region: Some(REGION.to_owned()), endpoint: Some(cloud.endpoint()) };
    Session::open(&source, &place).await.unwrap()
}

/// What the gate leaves to others: an organisation, tags, and whatever is done to buckets.
fn upstream() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for stream in listener.incoming() {
            reply(stream.unwrap());
        }
    });
    url
}

fn reply(mut stream: TcpStream) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let (mut operation, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        if line.trim_end().is_empty() {
            break;
        }
        let (name, value) = line.trim_end().split_once(": ").unwrap_or_default();
        if name.eq_ignore_ascii_case("x-amz-target") {
            value.rsplit('.').next().unwrap().clone_into(&mut operation);
        } else if name.eq_ignore_ascii_case("content-length") {
            length = value.parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let asked: Value = serde_json::from_slice(&body).unwrap_or_default();
    let body = answer(&operation, &asked).to_string();
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/x-amz-json-1.1";
    let text = format!("{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    stream.write_all(text.as_bytes()).unwrap();
}

fn answer(operation: &str, asked: &Value) -> Value {
    let parent = asked["ParentId"].as_str().unwrap_or_default();
    let is_first = asked["NextToken"].is_null() && asked["PaginationToken"].is_null();
    match (operation, parent, is_first) {
        ("DescribeOrganization", ..) => json!({"Organization": {"MasterAccountId": PAYER}}),
        // A page may be empty and not be the last.
        ("ListAccounts", _, true) => json!({"Accounts": [], "NextToken": "more"}),
        ("ListAccounts", ..) => {
            let all = [(SALES, "sales"), (PAYER, "payer"), (DATA, "data")];
            json!({"Accounts": all.map(|(id, name)| account(id, name))})
        }
        ("ListRoots", ..) => json!({"Roots": [{"Id": "r-1", "Name": "Root"}]}),
        ("ListOrganizationalUnitsForParent", "r-1", true) => {
            let unit = json!({"Id": "ou-1-eng", "Name": "Engineering"});
            json!({"OrganizationalUnits": [unit], "NextToken": "more"})
        }
        ("ListOrganizationalUnitsForParent", "r-1", false) => {
            json!({"OrganizationalUnits": [{"Id": "ou-1-sales", "Name": "Sales"}]})
        }
        ("ListOrganizationalUnitsForParent", "ou-1-eng", _) => {
            json!({"OrganizationalUnits": [{"Id": "ou-1-data", "Name": "Data"}]})
        }
        ("ListOrganizationalUnitsForParent", ..) => json!({"OrganizationalUnits": []}),
        ("ListAccountsForParent", "r-1", _) => json!({"Accounts": [account(PAYER, "payer")]}),
        ("ListAccountsForParent", "ou-1-data", true) => {
            json!({"Accounts": [], "NextToken": "more"})
        }
        ("ListAccountsForParent", "ou-1-data", false) => json!({"Accounts": [{"Id": DATA}]}),
        ("ListAccountsForParent", "ou-1-sales", _) => json!({"Accounts": [{"Id": SALES}]}),
        ("ListAccountsForParent", ..) => json!({"Accounts": []}),
        ("ListTagsForResource", _, true) => {
            let tag = json!({"Key": "account", "Value": asked["ResourceId"]});
            json!({"Tags": [tag], "NextToken": "more"})
        }
        ("ListTagsForResource", ..) => json!({"Tags": [{"Key": "stage", "Value": "test"}]}),
        ("GetResources", _, true) => {
            let tags = json!([{"Key": "team", "Value": "a"}, {"Key": "empty", "Value": ""}]);
            let resource = json!({"ResourceARN": "arn:aws:s3:::a", "Tags": tags});
            json!({"PaginationToken": "more", "ResourceTagMappingList": [resource]})
        }
        ("GetResources", ..) => {
            let resource = json!({"ResourceARN": "arn:aws:s3:::b", "Tags": []});
            json!({"PaginationToken": "", "ResourceTagMappingList": [resource]})
        }
        _ => Value::Null,
    }
}

fn account(id: &str, name: &str) -> Value {
    json!({
        "Id": id,
        "Arn": format!("arn:aws:organizations::{PAYER}:account/o-1/{id}"),
        "Email": format!("{name}@example.com"),
        "Name": name,
        "Status": "ACTIVE",
        "JoinedTimestamp": 1_577_836_800,
    })
}

fn report(name: &str) -> ReportDefinition {
    ReportDefinition {
        name: name.to_owned(),
        time_unit: "HOURLY".to_owned(),
        format: "textORcsv".to_owned(),
        compression: "GZIP".to_owned(),
        schema_elements: vec!["RESOURCES".to_owned()],
        bucket: "bills".to_owned(),
        prefix: "reports".to_owned(),
        region: REGION.to_owned(),
        refreshes_closed: Some(true),
        versioning: Some("CREATE_NEW_REPORT".to_owned()),
        ..ReportDefinition::default()
    }
}

fn export(name: &str) -> ExportDefinition {
    let set = BTreeMap::from([("TIME_GRANULARITY".to_owned(), "HOURLY".to_owned())]);
    ExportDefinition {
        name: name.to_owned(),
        query: "SELECT bill_payer_account_id FROM COST_AND_USAGE_REPORT".to_owned(),
        properties: BTreeMap::from([("COST_AND_USAGE_REPORT".to_owned(), set)]),
        bucket: "bills".to_owned(),
        prefix: "exports".to_owned(),
        region: REGION.to_owned(),
        format: "PARQUET".to_owned(),
        compression: "PARQUET".to_owned(),
        overwrite: "OVERWRITE_REPORT".to_owned(),
        ..ExportDefinition::default()
    }
}

#[tokio::test]
async fn a_bucket_is_made_and_a_report_ordered_into_it() {
    let cloud = Cloud::start(&upstream(), world()).unwrap();
    let session = session(&cloud).await;
    let endpoint = cloud.endpoint();
    let bucket = BucketAdmin::new(&session, "bills", REGION, Some(&endpoint));
    assert_eq!(bucket.region().await.unwrap(), None);
    assert_eq!(bucket.policy().await.unwrap_err().code, "NoSuchBucket");
    bucket.create().await.unwrap();
    assert_eq!(bucket.create().await.unwrap_err().code, "BucketAlreadyOwnedByYou");
    assert_eq!(bucket.region().await.unwrap().as_deref(), Some(REGION));
    for (wrong, code) in
        [("us-east-1", "AuthorizationHeaderMalformed"), ("us-west-2", "PermanentRedirect")]
    {
        let elsewhere = BucketAdmin::new(&session, "bills", wrong, Some(&endpoint));
        assert_eq!(elsewhere.region().await.unwrap().as_deref(), Some(REGION));
        assert_eq!(elsewhere.policy().await.unwrap_err().code, code);
    }
    assert_eq!(bucket.policy().await.unwrap(), None);
    let reports = Reports::new(&session);
    let error = reports.put(&report("hourly")).await.unwrap_err();
    assert_eq!((error.trouble, error.code.as_str()), (Trouble::Refused, "ValidationException"));
    bucket.put_policy(&delivery()).await.unwrap();
    assert_eq!(bucket.policy().await.unwrap(), Some(delivery()));
    reports.put(&report("hourly")).await.unwrap();
    assert_eq!(reports.all().await.unwrap(), [report("hourly")]);
    let error = reports.put(&report("hourly")).await.unwrap_err();
    assert_eq!(error.code, "DuplicateReportNameException");
}

#[tokio::test]
async fn a_bucket_in_the_first_region_is_made_without_saying_where() {
    let cloud = Cloud::start(&upstream(), world()).unwrap();
    let session = session(&cloud).await;
    let bucket = BucketAdmin::new(&session, "bills", "us-east-1", Some(&cloud.endpoint()));
    bucket.create().await.unwrap();
    assert_eq!(bucket.region().await.unwrap().as_deref(), Some("us-east-1"));
}

#[tokio::test]
async fn all_pages_of_reports_are_read() {
    let cloud = Cloud::start(&upstream(), world()).unwrap();
    let written = |number: usize| {
        json!({
            "ReportName": format!("r{number}"), "TimeUnit": "DAILY", "Format": "Parquet",
            "Compression": "Parquet", "AdditionalSchemaElements": [], "S3Bucket": "bills",
            "S3Prefix": "p", "S3Region": "ap-south-2", "AdditionalArtifacts": ["ATHENA"],
            "ReportStatus": {"lastDelivery": "20260801T000000Z", "lastStatus": "ERROR_NO_BUCKET"},
        })
    };
    let all: Vec<Value> = (0..12).map(written).collect();
    cloud.world(|world| world.reports.insert(PAYER.to_owned(), all));
    let read = Reports::new(&session(&cloud).await).all().await.unwrap();
    let expected = |number: usize| ReportDefinition {
        name: format!("r{number}"),
        time_unit: "DAILY".to_owned(),
        format: "Parquet".to_owned(),
        compression: "Parquet".to_owned(),
        bucket: "bills".to_owned(),
        prefix: "p".to_owned(),
        region: "ap-south-2".to_owned(),
        artifacts: vec!["ATHENA".to_owned()],
        last_delivery: Some("20260801T000000Z".to_owned()),
        last_status: Some("ERROR_NO_BUCKET".to_owned()),
        ..ReportDefinition::default()
    };
    assert_eq!(read, (0..12).map(expected).collect::<Vec<_>>());
    assert_eq!(cloud.count("cur:DescribeReportDefinitions"), 3);
}

#[tokio::test]
async fn exports_are_listed_and_made() {
    let cloud = Cloud::start(&upstream(), world()).unwrap();
    let old = |number: usize| Export::new(PAYER, json!({"Name": format!("e{number}")}), NOW);
    cloud.world(|world| {
        let mut all: Vec<Export> = (0..100).map(old).collect();
        all.push(old(100).unhealthy("INSUFFICIENT_PERMISSION").with_execution(
            "x",
            "DELIVERY_FAILURE",
            NOW,
        ));
        world.exports.insert(PAYER.to_owned(), all);
        world.buckets.insert("bills".to_owned(), Bucket::new(PAYER, REGION));
    });
    let exports = Exports::new(&session(&cloud).await);
    let listed = exports.all().await.unwrap();
    assert_eq!(listed.len(), 101);
    assert_eq!(cloud.count("bcm-data-exports:ListExports"), 2);
    assert_eq!(cloud.count("bcm-data-exports:GetExport"), 101);
    let last = listed.last().unwrap();
    assert_eq!((last.name.as_str(), last.status.as_deref()), ("e100", Some("UNHEALTHY")));
    assert_eq!(last.status_reason.as_deref(), Some("INSUFFICIENT_PERMISSION"));
    assert_eq!((last.created_at.as_deref(), last.refreshed_at.as_deref()), (Some(NOW), Some(NOW)));
    let error = exports.create(&export("new")).await.unwrap_err();
    assert_eq!((error.trouble, error.code.as_str()), (Trouble::Refused, "ValidationException"));
    cloud.world(|world| world.set_bucket_policy("bills", &delivery())).unwrap();
    let arn = exports.create(&export("new")).await.unwrap();
    let made = exports.all().await.unwrap().pop().unwrap();
    assert_eq!(made.status.as_deref(), Some("HEALTHY"));
    let known = ExportDefinition { status: None, created_at: None, ..made };
    assert_eq!(known, ExportDefinition { arn: Some(arn), ..export("new") });
}

#[tokio::test]
async fn who_may_not_is_told_so() {
    let cloud = Cloud::start(&upstream(), world()).unwrap();
    cloud.world(|world| {
        world.buckets.insert("bills".to_owned(), Bucket::new(PAYER, REGION));
        world.set_bucket_policy("bills", &delivery()).unwrap();
        let export = Export::new(PAYER, json!({"Name": "e"}), NOW);
        world.exports.insert(PAYER.to_owned(), vec![export]);
    });
    let session = session(&cloud).await;
    let (reports, exports) = (Reports::new(&session), Exports::new(&session));
    let without = |action: &str| {
        cloud.world(|world| {
            world.restore();
            world.withdraw(action);
        });
    };
    let mut errors = Vec::new();
    without("cur:DescribeReportDefinitions");
    errors.push(reports.all().await.unwrap_err());
    without("cur:PutReportDefinition");
    errors.push(reports.put(&report("r")).await.unwrap_err());
    errors.push(exports.create(&export("n")).await.unwrap_err());
    without("bcm-data-exports:CreateExport");
    errors.push(exports.create(&export("n")).await.unwrap_err());
    without("bcm-data-exports:ListExports");
    errors.push(exports.all().await.unwrap_err());
    without("bcm-data-exports:GetExport");
    errors.push(exports.all().await.unwrap_err());
    without("tag:GetResources");
    errors.push(Tagging::new(&session, REGION).all().await.unwrap_err());
    for error in errors {
        let found = (error.trouble, error.code.as_str());
        assert_eq!(found, (Trouble::Denied, "AccessDeniedException"), "{error}");
    }
    let bucket = BucketAdmin::new(&session, "bills", REGION, Some(&cloud.endpoint()));
    without("s3:PutBucketPolicy");
    let error = bucket.put_policy(&delivery()).await.unwrap_err();
    assert_eq!((error.status, error.code.as_str()), (403, "AccessDenied"));
    assert!(error.message.contains("s3:PutBucketPolicy"), "{error}");
    without("s3:GetBucketPolicy");
    assert_eq!(bucket.policy().await.unwrap_err().status, 403);
    without("s3:CreateBucket");
    let other = BucketAdmin::new(&session, "other", REGION, Some(&cloud.endpoint()));
    assert_eq!(other.create().await.unwrap_err().status, 403);
    // Where a bucket lies is told all the same.
    without("s3:ListBucket");
    assert_eq!(bucket.region().await.unwrap().as_deref(), Some(REGION));
}

#[tokio::test]
async fn accounts_come_with_unit_and_tags_as_far_as_allowed() {
    let cloud = Cloud::start(&upstream(), world()).unwrap();
    let organization = Organization::new(&session(&cloud).await);
    assert_eq!(organization.describe().await.unwrap(), PAYER);
    let full = organization.all().await.unwrap();
    assert_eq!(full.management_account, PAYER);
    let found: Vec<_> =
        full.accounts.iter().map(|own| [own.id.as_str(), &own.name, &own.unit]).collect();
    let expected = [
        [PAYER, "payer", "Root"],
        [DATA, "data", "Root/Engineering/Data"],
        [SALES, "sales", "Root/Sales"],
    ];
    assert_eq!(found, expected);
    let payer = full.accounts.first().unwrap();
    assert_eq!(payer.email.as_deref(), Some("payer@example.com"));
    assert_eq!(payer.joined_at.as_deref(), Some("2020-01-01T00:00:00Z"));
    assert_eq!(payer.state, "ACTIVE");
    let tags = [("account", PAYER), ("stage", "test")];
    let tags = tags.map(|(key, value)| (key.to_owned(), value.to_owned()));
    assert_eq!(payer.tags, BTreeMap::from(tags));
    cloud.world(|world| {
        world.withdraw("organizations:DescribeOrganization");
        world.withdraw("organizations:ListAccountsForParent");
        world.withdraw("organizations:ListTagsForResource");
        world.log.clear();
    });
    let plain = organization.all().await.unwrap();
    // An account's ARN names the management account, too.
    assert_eq!(plain.management_account, PAYER);
    assert_eq!(plain.accounts.len(), 3);
    for (own, known) in plain.accounts.iter().zip(&full.accounts) {
        assert_eq!((&own.id, &own.name), (&known.id, &known.name));
        assert!(own.unit.is_empty() && own.tags.is_empty(), "{own:?}");
    }
    assert_eq!(cloud.count("organizations:ListTagsForResource"), 1);
    cloud.world(|world| world.withdraw("organizations:ListAccounts"));
    assert_eq!(organization.all().await.unwrap_err().trouble, Trouble::Denied);
    cloud.world(|world| {
        world.restore();
        world.management_account = None;
    });
    assert_eq!(organization.all().await.unwrap_err().trouble, Trouble::Unavailable);
}

#[tokio::test]
async fn all_pages_of_tagged_resources_are_read() {
    let cloud = Cloud::start(&upstream(), world()).unwrap();
    let tagging = Tagging::new(&session(&cloud).await, "eu-west-1");
    let tagged = tagging.all().await.unwrap();
    let arns: Vec<_> = tagged.iter().map(|own| own.arn.as_str()).collect();
    assert_eq!(arns, ["arn:aws:s3:::a", "arn:aws:s3:::b"]);
    let tags = [("empty", ""), ("team", "a")];
    let tags = tags.map(|(key, value)| (key.to_owned(), value.to_owned()));
    assert_eq!(tagged.first().unwrap().tags, BTreeMap::from(tags));
    assert!(tagged.last().unwrap().tags.is_empty());
}
