//! The set-up that `billhook access` prints, for every kind: with it everything works, and nothing
//! of it can be left out. Without any one of its actions or resources there is exactly one finding
//! more, the one that is meant, with the statement to add.

use std::collections::BTreeSet;
use std::path::Path;

use billhook_testkit::cloud::policy::Policy;
use billhook_testkit::cloud::{Bucket, CostExplorerState, Export, World};
use billhook_testkit::forms::Form;
use billhook_testkit::render::cost_explorer::CostExplorer;
use billhook_testkit::render::data_export::{Packing, Table};
use billhook_testkit::render::focus_file::Version;
use billhook_testkit::synth::{Organisation, Scale};
use serde_json::{Value, json};

use crate::accounts::organise;
use crate::connections::{Aws, BY_ROLE, EXTERNAL_ID, KMS, OURS, PAYER, ROLE};
use crate::definitions;
use crate::faults::findings;
use crate::scene::write;
use crate::support::{python, today};

/// What is found when an action is taken away. An action that is printed has a row here.
const FINDINGS: [(&str, &str); 14] = [
    ("sts:AssumeRole", "role-denied"),
    ("s3:ListBucket", "list-denied"),
    ("s3:GetObject", "get-denied"),
    ("kms:Decrypt", "kms-denied"),
    ("ce:GetCostAndUsage", "ce-denied"),
    ("cur:DescribeReportDefinitions", "definition-denied"),
    ("bcm-data-exports:ListExports", "definition-denied"),
    ("bcm-data-exports:GetExport", "definition-denied"),
    ("organizations:DescribeOrganization", "organizations-denied"),
    ("organizations:ListAccounts", "organizations-denied"),
    ("organizations:ListRoots", "organizations-denied"),
    ("organizations:ListOrganizationalUnitsForParent", "organizations-denied"),
    ("organizations:ListAccountsForParent", "organizations-denied"),
    ("organizations:ListTagsForResource", "organizations-denied"),
];

/// The action that is asked for by the connection itself, and not by everybody.
const TAGS: (&str, &str) = ("tag:GetResources", "tags-denied");

/// A connection of a kind, or of a table of one.
struct Case {
    name: &'static str,
    kind: &'static str,
    location: Option<&'static str>,
}

const CASES: [Case; 6] = [
    Case { name: "cur", kind: "cur", location: Some("s3://bills/billing/acme-hourly") },
    Case { name: "cur2", kind: "data_export", location: Some("s3://bills/exports/cur2-csv") },
    Case {
        name: "focus-table",
        kind: "data_export",
        location: Some("s3://bills/exports/focus12-parquet"),
    },
    Case { name: "dbr", kind: "dbr", location: Some("s3://bills/dbr") },
    Case { name: "explorer", kind: "cost_explorer", location: None },
    Case { name: "files", kind: "focus_files", location: Some("s3://bills/focus") },
];

/// What is printed for a case.
struct Printed {
    policy: Value,
    trust: Value,
}

impl Case {
    /// The set-up, with all that is optional.
    fn printed(&self, aws: &Aws) -> Printed {
        let printed = |form: &[&str]| -> Value {
            let mut args = vec!["access", self.kind, "--with", "tags"];
            if let Some(location) = self.location {
                args.extend(["--bucket", location, "--key", KMS]);
            }
            args.extend(form);
            serde_json::from_str(&aws.printed(&args)).unwrap()
        };
        let user = format!("arn:aws:iam::{OURS}:user/us");
        let trust = ["--format", "trust", "--trust", &user, "--external-id", EXTERNAL_ID];
        Printed { policy: printed(&[]), trust: printed(&trust) }
    }

    /// Saves the connection, loads it, and asks for the tags of resources.
    fn connect(&self, aws: &Aws) {
        let mut connect = vec!["connect", self.name, "--kind", self.kind, "--paid"];
        connect.extend(self.location.iter().flat_map(|location| ["--location", *location]));
        connect.extend(BY_ROLE);
        for args in [
            &connect[..],
            &["sync", self.name],
            &["accounts", "resource-tags", self.name, "us-east-1"],
        ] {
            let ran = aws.run(args);
            assert_eq!(ran.code, 0, "{args:?}: {}{}", ran.out, ran.err);
        }
        let sql = "SELECT COUNT(*) FROM cost_and_usage WHERE x_Connection = ";
        assert_ne!(aws.home.ask(&format!("{sql}'{}'", self.name)), "0", "{}", self.name);
        let listed = aws.run(&["connections"]).out;
        let row = listed.lines().find(|line| line.contains(self.name) && line.contains("healthy"));
        assert!(row.is_some(), "{}: {listed}", self.name);
    }

    /// Looks at the saved connection: what is found, and the exit code.
    fn verify(&self, aws: &Aws) -> (Vec<Value>, i32) {
        let ran = aws.run(&["verify", self.name, "--json", "--paid"]);
        (findings(&ran), ran.code)
    }
}

/// AWS with a report of each kind in the bucket, and an organisation.
fn start() -> Option<Aws> {
    let python = python("BILLHOOK_TEST_PYTHON")?;
    let aws = Aws::start_with(|files: &Path| {
        write(files, Form::Cur);
        write(files, Form::Export(Table::Cur2, Packing::CsvGz));
        write(files, Form::Export(Table::Focus12, Packing::Parquet));
        write(&files.join("dbr"), Form::DetailedBilling);
        write(&files.join("focus"), Form::FocusFile(Version::V1_3, Packing::CsvGz));
    })?;
    organise(&python, &aws.moto.endpoint);
    let organisation = Organisation::ending(3, today(), Scale::Small);
    let payer = &organisation.payers()[0];
    let months = organisation.months().into_iter();
    let costs = months.flat_map(|month| organisation.ledger(payer, month, 1)).collect();
    let export = |name: &str, column: &str, table: &str| {
        let definition = definitions::export(name, "exports", column, table);
        Export::new(PAYER, definition, "2026-09-07T03:15:00Z")
    };
    let report = definitions::with(&json!({ "ReportName": "acme-hourly", "S3Prefix": "billing" }));
    aws.cloud.world(|world| {
        let bucket = Bucket::new(PAYER, "us-east-1").with_kms_key(KMS);
        world.buckets.insert("bills".to_owned(), bucket);
        world.management_account = Some(PAYER.to_owned());
        world.reports.insert(PAYER.to_owned(), vec![report]);
        let exports = vec![
            export("cur2-csv", "line_item_resource_id", "COST_AND_USAGE_REPORT"),
            export("focus12-parquet", "ResourceId", "FOCUS_1_2_AWS"),
        ];
        world.exports.insert(PAYER.to_owned(), exports);
        world.cost_explorer = CostExplorerState::Hourly;
        world.serve_costs(PAYER, CostExplorer::new(costs, &[today().month()], today()));
    });
    Some(aws)
}

/// The role is as the documents say.
fn apply(aws: &Aws, policy: &Value, trust: &Value) {
    let policy = Policy::identity(&policy.to_string()).unwrap();
    let trust = Policy::trust(&trust.to_string()).unwrap();
    aws.cloud.world(|world| {
        let role = world.role_mut(ROLE).unwrap();
        (role.policies, role.trust) = (vec![policy], trust);
    });
}

/// The actions of a statement.
fn actions(statement: &Value) -> Vec<String> {
    let action = &statement["Action"];
    let many = action.as_array().cloned().unwrap_or_else(|| vec![action.clone()]);
    many.iter().map(|one| one.as_str().unwrap().to_owned()).collect()
}

/// The code that is found without an action.
fn code_of(action: &str) -> &'static str {
    let row = FINDINGS.iter().chain([&TAGS]).find(|(own, _)| *own == action);
    assert!(row.is_some(), "{action} is printed, and has no row in FINDINGS");
    row.unwrap().1
}

/// The same statement on something else, in each way that there is.
fn elsewhere(statement: &Value) -> Vec<Value> {
    let with = |key: &str, value: Value| {
        let mut other = statement.clone();
        other[key] = value;
        other
    };
    let mut others = Vec::new();
    match statement["Resource"].as_str().unwrap_or("*") {
        "*" => {}
        key if key.contains(":kms:") => {
            others.push(with("Resource", json!(format!("{key}-of-others"))));
        }
        place => {
            others.push(with("Resource", json!(place.replacen(":bills", ":other-bills", 1))));
            if place.contains('/') {
                others.push(with("Resource", json!("arn:aws:s3:::bills/elsewhere/*")));
            }
        }
    }
    if statement["Condition"]["StringLike"]["s3:prefix"].is_array() {
        let prefixes = json!({ "StringLike": { "s3:prefix": ["elsewhere", "elsewhere/*"] } });
        others.push(with("Condition", prefixes));
    }
    if statement["Principal"]["AWS"].is_string() {
        let them = format!("arn:aws:iam::{OURS}:user/them");
        others.push(with("Principal", json!({ "AWS": them })));
        let other = json!({ "StringEquals": { "sts:ExternalId": "billhook-another" } });
        others.push(with("Condition", other));
    }
    others
}

/// Both documents, with another statement in the place of one.
fn replaced(printed: &Printed, own: &Value, other: &Value) -> (Value, Value) {
    let replace = |document: &Value| {
        let mut document = document.clone();
        for statement in document["Statement"].as_array_mut().unwrap() {
            if statement == own {
                statement.clone_from(other);
            }
        }
        document
    };
    (replace(&printed.policy), replace(&printed.trust))
}

/// What is missing leads to its finding and to no other, with the action to add.
fn judge(case: &Case, aws: &Aws, well: &[Value], action: &str, what: &str) -> Option<String> {
    let (found, exit) = case.verify(aws);
    let code = code_of(action);
    let is_new = |own: &&Value| !well.iter().any(|other| other["code"] == own["code"]);
    let fresh: Vec<&Value> = found.iter().filter(is_new).collect();
    let is_meant = |own: &Value| {
        let is_note = own["severity"] == "note";
        let fix = own["fix"].as_str().unwrap();
        own["code"] == code && fix.contains(&format!("\"{action}\"")) && exit == i32::from(!is_note)
    };
    let is_well = matches!(fresh[..], [own] if is_meant(own));
    (!is_well).then(|| format!("{}, {what}: {code} is meant, exit {exit}: {fresh:#?}", case.name))
}

#[test]
fn every_action_and_resource_of_every_kind_is_needed() {
    let Some(aws) = start() else { return };
    let mut wrong = Vec::new();
    let mut walked = BTreeSet::new();
    for case in &CASES {
        let printed = case.printed(&aws);
        apply(&aws, &printed.policy, &printed.trust);
        case.connect(&aws);
        let (well, exit) = case.verify(&aws);
        // A bill has not all columns that some bill has.
        let is_well = well.iter().all(|own| own["code"] == "columns-absent");
        assert!(is_well && exit == 0, "{}: {well:#?}", case.name);
        let documents = [&printed.policy, &printed.trust];
        for statement in documents.iter().flat_map(|own| own["Statement"].as_array().unwrap()) {
            for action in actions(statement) {
                aws.cloud.world(|world| world.withdraw(&action));
                wrong.extend(judge(case, &aws, &well, &action, &format!("no {action}")));
                aws.cloud.world(World::restore);
                walked.insert(action);
            }
            for other in elsewhere(statement) {
                let (policy, trust) = replaced(&printed, statement, &other);
                apply(&aws, &policy, &trust);
                let action = &actions(statement)[0];
                wrong.extend(judge(case, &aws, &well, action, &other.to_string()));
            }
            apply(&aws, &printed.policy, &printed.trust);
        }
    }
    assert!(wrong.is_empty(), "{} times:\n{}", wrong.len(), wrong.join("\n"));
    let rows: BTreeSet<String> =
        FINDINGS.iter().chain([&TAGS]).map(|(action, _)| (*action).to_owned()).collect();
    assert_eq!(walked, rows);
}
