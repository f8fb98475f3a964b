use std::collections::BTreeSet;

use billhook_registry::{Access, AssumedRole, Base, Credentials};
use serde_json::Value;

use super::*;
use crate::connections::partition;

fn setup(kind_name: &str) -> Setup {
    Setup {
        kind: kind(kind_name).unwrap(),
        partition: Partition::Aws,
        bucket: Some("acme-billing".to_owned()),
        prefix: "cur/hourly".to_owned(),
        key: Some("arn:aws:kms:eu-central-1:111122223333:key/0d8a0c1e".to_owned()),
        account: Some("111122223333".to_owned()),
        reader: Reader::Role {
            name: "billhook".to_owned(),
            trusted: "444455556666".to_owned(),
            external_id: "billhook-0123456789".to_owned(),
        },
        with: Vec::new(),
    }
}

fn document(setup: &Setup, form: Form) -> Value {
    serde_json::from_str(&render(setup, form).unwrap()).unwrap()
}

fn actions(policy: &Value) -> Vec<String> {
    let statements = policy["Statement"].as_array().unwrap();
    let actions = statements.iter().flat_map(|statement| match &statement["Action"] {
        Value::String(one) => vec![one.clone()],
        many => many.as_array().unwrap().iter().map(|a| a.as_str().unwrap().to_owned()).collect(),
    });
    actions.collect()
}

#[test]
fn the_policy_allows_reading_this_place_and_no_more() {
    let policy = document(&setup("cur"), Form::Policy);
    assert_eq!(actions(&policy), ["s3:ListBucket", "s3:GetObject", "kms:Decrypt"]);
    let text = policy.to_string();
    assert!(!text.contains(":*\"") && !text.contains("Put"), "{text}");
    assert!(text.contains("arn:aws:s3:::acme-billing/cur/hourly/*"), "{text}");
    assert!(text.contains("{\"StringLike\":{\"s3:prefix\":[\"cur/hourly\",\"cur/hourly/*\"]}}"));
    let whole = Setup { prefix: String::new(), key: None, ..setup("focus_files") };
    let policy = document(&whole, Form::Policy);
    assert_eq!(actions(&policy), ["s3:ListBucket", "s3:GetObject"]);
    assert!(!policy.to_string().contains("Condition"));
    let api = Setup { bucket: None, ..setup("cost_explorer") };
    assert_eq!(actions(&document(&api, Form::Policy)), ["ce:GetCostAndUsage"]);
}

#[test]
fn what_is_wanted_beside_reading_has_statements_of_its_own() {
    let with = |kind: &str, with: &[Purpose]| {
        let setup = Setup { with: with.to_vec(), key: None, ..setup(kind) };
        document(&setup, Form::Policy)
    };
    let usual = with("data_export", &Purpose::USUAL);
    let expected = [
        "s3:ListBucket",
        "s3:GetObject",
        "bcm-data-exports:ListExports",
        "bcm-data-exports:GetExport",
        "organizations:DescribeOrganization",
    ];
    assert_eq!(actions(&usual)[..5], expected);
    let statements = usual["Statement"].as_array().unwrap();
    assert_eq!(statements.len(), 4);
    assert!(statements[2..].iter().all(|statement| statement["Resource"] == "*"));
    let sids: BTreeSet<&str> =
        statements.iter().map(|statement| statement["Sid"].as_str().unwrap()).collect();
    assert_eq!(sids.len(), 4);
    // What a kind has no use for is left out.
    let tags = with("dbr", &[Purpose::Definitions, Purpose::Tags]);
    assert_eq!(actions(&tags), ["s3:ListBucket", "s3:GetObject", "tag:GetResources"]);
    let all = [Purpose::Definitions, Purpose::Organizations, Purpose::Tags];
    assert_eq!(actions(&with("focus_files", &all)), ["s3:ListBucket", "s3:GetObject"]);
    let alone: Value =
        serde_json::from_str(&statement(kind("cur").unwrap(), Purpose::Definitions)).unwrap();
    assert_eq!(alone["Action"], "cur:DescribeReportDefinitions");
    assert_eq!(alone, with("cur", &Purpose::USUAL)["Statement"][2]);
}

#[test]
fn a_role_is_assumed_only_with_the_external_id() {
    let trust = document(&setup("cur"), Form::Trust);
    let statement = &trust["Statement"][0];
    assert_eq!(statement["Principal"]["AWS"], "arn:aws:iam::444455556666:root");
    assert_eq!(statement["Condition"]["StringEquals"]["sts:ExternalId"], "billhook-0123456789");
    let user = Setup { reader: Reader::User { name: "reader".to_owned() }, ..setup("cur") };
    let error = render(&user, Form::Trust).unwrap_err();
    assert!(error.to_string().contains("--trust"), "{error}");
}

#[test]
fn aws_delivers_for_this_account_alone() {
    let policy = document(&setup("data_export"), Form::BucketPolicy);
    let condition = &policy["Statement"][1]["Condition"];
    assert_eq!(condition["StringEquals"]["aws:SourceAccount"], "111122223333");
    let sources = &condition["ArnLike"]["aws:SourceArn"];
    assert_eq!(sources[1], "arn:aws:bcm-data-exports:us-east-1:111122223333:export/*");
    let old = document(&setup("dbr"), Form::BucketPolicy);
    let principal = &old["Statement"][0]["Principal"];
    assert_eq!(principal["AWS"][0], "arn:aws:iam::386209384616:root");
    assert_eq!(principal["Service"], "billingreports.amazonaws.com");
    let error = render(&setup("focus_files"), Form::BucketPolicy).unwrap_err();
    assert!(error.to_string().contains("no bucket policy"), "{error}");
    let china = Setup { partition: Partition::China, key: None, ..setup("cur") };
    let text = render(&china, Form::BucketPolicy).unwrap();
    assert!(text.contains("arn:aws-cn:cur:cn-northwest-1:111122223333:definition/*"), "{text}");
}

#[test]
fn all_forms_hold_the_same_documents() {
    for kind in billhook_sources::access::KINDS {
        for reader in [setup("cur").reader, Reader::User { name: "reader".to_owned() }] {
            let setup = Setup { reader, ..setup(kind.kind) };
            let policy = document(&setup, Form::Policy);
            let template = document(&setup, Form::CloudFormation);
            let resource = &template["Resources"]["Billhook"]["Properties"];
            assert_eq!(resource["Policies"][0]["PolicyDocument"], policy, "{}", kind.kind);
            let shell = render(&setup, Form::Cli).unwrap();
            assert!(shell.contains(&format!("'{policy}'")), "{shell}");
            let terraform = render(&setup, Form::Terraform).unwrap();
            let encoded = terraform.split("policy = jsonencode(").nth(1).unwrap();
            let mut values = serde_json::Deserializer::from_str(encoded).into_iter::<Value>();
            assert_eq!(values.next().unwrap().unwrap()["Version"], policy["Version"]);
        }
    }
}

/// The set-up of a kind in a partition, for a role there.
fn setup_in(kind: &str, partition: Partition, region: &str) -> Setup {
    Setup {
        partition,
        key: Some(format!("arn:{partition}:kms:{region}:111122223333:key/0d8a0c1e")),
        with: Purpose::EXTRAS.map(|(_, purpose)| purpose).to_vec(),
        ..setup(kind)
    }
}

#[test]
fn other_partitions_have_their_own_names() {
    let others = [(Partition::China, "cn-north-1"), (Partition::GovCloud, "us-gov-west-1")];
    for (partition, region) in others {
        for kind in billhook_sources::access::KINDS {
            let setup = setup_in(kind.kind, partition, region);
            let forms = [Form::Policy, Form::Trust, Form::CloudFormation, Form::Terraform];
            for form in forms.into_iter().chain([Form::Cli]) {
                let text = render(&setup, form).unwrap();
                assert!(!text.contains("arn:aws:"), "{} in {partition}: {text}", kind.kind);
            }
            let trust = document(&setup, Form::Trust);
            let trusted = format!("arn:{partition}:iam::444455556666:root");
            assert_eq!(trust["Statement"][0]["Principal"]["AWS"], trusted);
            // Actions have the same names everywhere.
            let standard = setup_in(kind.kind, Partition::Aws, "eu-central-1");
            let [own, standard] = [&setup, &standard].map(|setup| document(setup, Form::Policy));
            assert_eq!(actions(&own), actions(&standard));
            if kind.reads_bucket {
                let text = own.to_string();
                assert!(text.contains(&format!("arn:{partition}:s3:::acme-billing")), "{text}");
                assert!(text.contains(&format!("arn:{partition}:kms:{region}:")), "{text}");
            }
        }
    }
    let foreign = Setup { partition: Partition::China, ..setup("cur") };
    let error = render(&foreign, Form::Policy).unwrap_err().to_string();
    assert!(error.contains("--key") && error.contains("arn:aws-cn:kms:"), "{error}");
}

#[test]
fn aws_delivers_in_china_and_not_in_govcloud() {
    for kind in billhook_sources::access::KINDS.iter().filter(|kind| kind.delivery.is_some()) {
        let china = setup_in(kind.kind, Partition::China, "cn-north-1");
        let policy = document(&china, Form::BucketPolicy);
        let principal = &policy["Statement"][0]["Principal"];
        let standard = document(&setup(kind.kind), Form::BucketPolicy);
        assert_eq!(principal["Service"], standard["Statement"][0]["Principal"]["Service"]);
        // No account of another partition can be named.
        assert!(principal["AWS"].is_null(), "{principal}");
        let text = policy.to_string();
        assert!(!text.contains("arn:aws:") && !text.contains("us-east-1"), "{text}");
        if kind.kind != "dbr" {
            assert!(text.contains("arn:aws-cn:cur:cn-northwest-1:111122223333:"), "{text}");
        }
        let gov = setup_in(kind.kind, Partition::GovCloud, "us-gov-west-1");
        let error = render(&gov, Form::BucketPolicy).unwrap_err();
        assert!(error.to_string().contains("aws-us-gov: AWS delivers no bills"), "{error}");
    }
}

#[test]
fn the_partition_is_told_by_role_or_region() {
    let access = |role: Option<&str>, region: Option<&str>| {
        let credentials = match role {
            None => Credentials::Ambient,
            Some(arn) => Credentials::Role(AssumedRole {
                arn: arn.to_owned(),
                external_id: "billhook-0123456789".to_owned(),
                session_name: None,
                base: Base::Ambient,
            }),
        };
        Access { credentials, region: region.map(str::to_owned), endpoint: None }
    };
    let cases = [
        (None, None, Partition::Aws),
        (None, Some("eu-central-1"), Partition::Aws),
        (None, Some("cn-north-1"), Partition::China),
        (None, Some("us-gov-east-1"), Partition::GovCloud),
        (Some("arn:aws-cn:iam::111122223333:role/billhook"), None, Partition::China),
        (Some("arn:aws-us-gov:iam::111122223333:role/billhook"), None, Partition::GovCloud),
        (Some("arn:aws:iam::111122223333:role/billhook"), None, Partition::Aws),
    ];
    for (role, region, expected) in cases {
        assert_eq!(partition(&access(role, region)), expected, "{role:?} {region:?}");
    }
}

#[test]
fn what_aws_would_refuse_is_refused_by_name() {
    let cases: [(Setup, &str); 7] = [
        (
            Setup { bucket: Some("Acme_Billing".to_owned()), ..setup("cur") },
            "--bucket Acme_Billing",
        ),
        (Setup { prefix: "a*".to_owned(), ..setup("cur") }, "--prefix a*"),
        (Setup { key: Some("alias/billing".to_owned()), ..setup("cur") }, "--key alias/billing"),
        (Setup { account: Some("1234".to_owned()), ..setup("cur") }, "--account 1234"),
        (Setup { bucket: None, ..setup("cur") }, "--bucket is missing"),
        (
            Setup {
                reader: Reader::Role {
                    name: "billhook".to_owned(),
                    trusted: "arn:aws-cn:iam::444455556666:root".to_owned(),
                    external_id: "ok".to_owned(),
                },
                ..setup("cur")
            },
            "--trust arn:aws-cn",
        ),
        (
            Setup {
                reader: Reader::Role {
                    name: "billhook".to_owned(),
                    trusted: "444455556666".to_owned(),
                    external_id: "it's".to_owned(),
                },
                ..setup("cur")
            },
            "--external-id it's",
        ),
    ];
    for (setup, words) in cases {
        let error = render(&setup, Form::Policy).unwrap_err();
        assert!(error.to_string().contains(words), "{error}");
        assert_eq!(error.exit_code(), 2);
    }
    let error = render(&Setup { account: None, ..setup("cur") }, Form::BucketPolicy).unwrap_err();
    assert!(error.to_string().contains("--account is missing"), "{error}");
}
