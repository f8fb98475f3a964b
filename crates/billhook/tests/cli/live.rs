//! What `verify` looks at is told check by check: each is heard before the next one begins.

use std::path::Path;

use billhook_aws::S3Options;
use billhook_engine::access;
use billhook_engine::verify::{Check, Subject, titles, verify_heard};
use billhook_registry::{Access, AccessKey, AssumedRole, Base, Credentials};
use billhook_testkit::cloud::Entry;
use tokio::runtime::Runtime;

use crate::connections::{EXTERNAL_ID, KEY, ROLE, SECRET};
use crate::scene::{MONTH, PLACE, Scene, gzip_report};
use crate::support::{Home, deliver};

/// A check, the first thing that it asks AWS for, and how often that was asked for before it.
const BEGIN: [(&str, &str, usize); 8] = [
    ("who am I", "sts:GetCallerIdentity", 0),
    ("role", "sts:AssumeRole", 0),
    ("external ID", "sts:AssumeRole", 1),
    ("bucket", "s3:ListBucket", 0),
    ("deliveries", "s3:GetObject", 0),
    ("report definition", "cur:DescribeReportDefinitions", 0),
    ("permissions", "s3:GetBucketPolicy", 0),
    ("organisation", "organizations:DescribeOrganization", 0),
];

fn by_role(endpoint: &str) -> Access {
    let secret = SECRET.to_owned().into();
    let key = AccessKey { key_id: KEY.to_owned(), secret, session_token: None };
    let role = AssumedRole {
        arn: ROLE.to_owned(),
        external_id: EXTERNAL_ID.to_owned(),
        session_name: None,
        base: Base::AccessKey(key),
    };
    let access = Access::from(Credentials::Role(role));
    let (region, endpoint) = (Some("us-east-1".to_owned()), Some(endpoint.to_owned()));
    Access { region, endpoint, ..access }
}

fn asked(log: &[Entry], action: &str) -> usize {
    log.iter().filter(|entry| entry.action == action).count()
}

#[test]
fn each_check_is_heard_before_the_next_one_asks_aws() {
    let Some(scene) = Scene::start() else { return };
    scene.reset();
    let cloud = &scene.aws.cloud;
    let access = by_role(&cloud.endpoint());
    let s3 = S3Options {
        endpoint: access.endpoint.clone(),
        region: access.region.clone(),
        ..S3Options::default()
    };
    let kind = access::kind("cur").unwrap();
    let subject = Subject { kind, location: Some(PLACE), access: &access, s3, may_pay: false };
    let mut heard: Vec<(&str, Vec<Entry>)> = Vec::new();
    let mut hear = |check: &Check| heard.push((check.title, cloud.log()));
    let looked = Box::pin(verify_heard(&subject, &[], &mut hear));
    let verdict = Runtime::new().unwrap().block_on(looked).unwrap();
    let told: Vec<&str> = heard.iter().map(|(title, _)| *title).collect();
    let checks: Vec<&str> = verdict.checks.iter().map(|check| check.title).collect();
    assert_eq!(told, checks);
    assert_eq!(told, titles(&subject), "what was said to be looked at");
    for (title, action, before) in BEGIN {
        let at = told.iter().position(|own| *own == title).unwrap();
        let [(earlier, known), (_, now)] = &heard[at - 1..=at] else { unreachable!() };
        assert_eq!(asked(known, action), before, "{action} when {earlier} was heard");
        assert!(asked(now, action) > before, "{action} when {title} was heard");
    }
}

#[test]
fn what_is_said_of_a_folder_is_heard_in_order() {
    let home = Home::new();
    let folder = home.path("bills");
    deliver(&folder, &gzip_report(), MONTH, "20260907T031500Z");
    let access = Access::from(Credentials::Anonymous);
    let runtime = Runtime::new().unwrap();
    let look = |place: &Path| {
        let kind = access::kind("cur").unwrap();
        let (location, s3) = (place.to_str(), S3Options::default());
        let subject = Subject { kind, location, access: &access, s3, may_pay: false };
        let mut heard = Vec::new();
        let mut hear = |check: &Check| heard.push(check.clone());
        let looked = Box::pin(verify_heard(&subject, &[], &mut hear));
        let verdict = runtime.block_on(looked).unwrap();
        assert_eq!(heard, verdict.checks);
        let told: Vec<&str> = heard.iter().map(|check| check.title).collect();
        (told, titles(&subject))
    };
    let (told, expected) = look(&folder);
    assert_eq!(told, expected);
    // What depends on something that failed is left out or skipped; the rest keeps its order.
    let (told, expected) = look(&home.path("nothing"));
    assert_eq!(told, expected[..told.len()]);
}
