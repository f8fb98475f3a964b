//! Connections, against a gate that enforces policies as AWS does: what `billhook access` prints is
//! enough and no more, and no secret is ever shown (INV-SEC).

use std::fs;
use std::path::Path;
use std::process::Command;

use billhook_testkit::calendar::Month;
use billhook_testkit::cloud::policy::Policy;
use billhook_testkit::cloud::{Bucket, Cloud, CostExplorerState, Role, User, World};
use billhook_testkit::render::cost_explorer::CostExplorer;
use billhook_testkit::render::cur::{Compression, Layout};
use serde_json::Value;

use crate::s3::Moto;
use crate::support::{Home, Ran, deliver, python, report, today};

/// The account that is billed.
pub(crate) const PAYER: &str = "111122223333";
/// The account that Billhook runs in.
pub(crate) const OURS: &str = "444455556666";
pub(crate) const KEY: &str = "AKIAIOSFODNN7EXAMPLE";
pub(crate) const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
pub(crate) const ROLE: &str = "arn:aws:iam::111122223333:role/billhook";
pub(crate) const EXTERNAL_ID: &str = "billhook-0123456789abcdef";
pub(crate) const KMS: &str = "arn:aws:kms:us-east-1:111122223333:key/0d8a0c1e";

/// AWS, a bucket with a report in it, and somebody who may read it by the set-up that we print.
pub(crate) struct Aws {
    pub(crate) home: Home,
    pub(crate) cloud: Cloud,
    pub(crate) moto: Moto,
}

impl Aws {
    pub(crate) fn start() -> Option<Self> {
        Self::start_with(|_| {})
    }

    /// With more files in the bucket.
    pub(crate) fn start_with(fill: impl FnOnce(&Path)) -> Option<Self> {
        let python = python("BILLHOOK_TEST_PYTHON")?;
        let home = Home::new();
        let files = home.path("files");
        let definition = report(Layout::CreateNew, Compression::Gzip);
        deliver(&files, &definition, Month::new(2026, 8), "20260907T031500Z");
        fs::create_dir_all(files.join("other")).unwrap();
        fs::write(files.join("other/notes.txt"), "nothing").unwrap();
        broken_report(&files, &definition);
        fill(&files);
        let moto = Moto::start_for(&python, &files, PAYER);
        let cloud = Cloud::start(&moto.endpoint, World::new()).unwrap();
        let aws = Self { home, cloud, moto };
        aws.set_up();
        Some(aws)
    }

    /// Makes users, role and bucket by what `billhook access` prints.
    fn set_up(&self) {
        let place = ["--minimal", "--bucket", "bills", "--key", KMS];
        let reading = self.printed(&[&["access", "cur"], &place[..]].concat());
        let trusted = format!("arn:aws:iam::{OURS}:user/us");
        let trust = self.printed(&[
            "access",
            "cur",
            "--format",
            "trust",
            "--trust",
            &trusted,
            "--external-id",
            EXTERNAL_ID,
        ]);
        let asking = self.printed(&["access", "cost_explorer", "--minimal"]);
        let assume = format!(
            "{{\"Version\":\"2012-10-17\",\"Statement\":[{{\"Effect\":\"Allow\",\
             \"Action\":\"sts:AssumeRole\",\"Resource\":\"{ROLE}\"}}]}}"
        );
        self.cloud.world(|world| {
            world.users = vec![
                User::new(OURS, "us")
                    .with_key(KEY, SECRET)
                    .with_policy(Policy::identity(&assume).unwrap()),
                User::new(PAYER, "payer")
                    .with_key("AKIAPAYER0000EXAMPLE", SECRET)
                    .with_policy(Policy::identity(&asking).unwrap()),
            ];
            let role = Role::new(PAYER, "billhook", Policy::trust(&trust).unwrap());
            world.roles = vec![role.with_policy(Policy::identity(&reading).unwrap())];
            let bucket = Bucket::new(PAYER, "us-east-1");
            world.buckets = [("bills".to_owned(), bucket)].into_iter().collect();
        });
    }

    pub(crate) fn printed(&self, args: &[&str]) -> String {
        let ran = self.home.run(args);
        assert_eq!(ran.code, 0, "{args:?}: {}", ran.err);
        ran.out
    }

    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        self.run_with(args, "us-east-1", SECRET)
    }

    pub(crate) fn run_with(&self, args: &[&str], region: &str, secret: &str) -> Ran {
        let mut command = self.command(region);
        command.args(args).env("AWS_ACCESS_KEY_ID", KEY).env("AWS_SECRET_ACCESS_KEY", secret);
        Ran::of(command.output().unwrap())
    }

    pub(crate) fn command(&self, region: &str) -> Command {
        let mut command = self.home.command();
        command.args(["--endpoint", &self.cloud.endpoint(), "--region", region]);
        for variable in ["AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"] {
            command.env(variable, "/dev/null");
        }
        command
    }
}

/// Codes of the findings of a verification, but for notes.
pub(crate) fn codes(ran: &Ran) -> Vec<String> {
    codes_if(ran, |severity| severity != "note")
}

/// Codes of the notes of a verification.
pub(crate) fn notes(ran: &Ran) -> Vec<String> {
    codes_if(ran, |severity| severity == "note")
}

fn codes_if(ran: &Ran, is_meant: impl Fn(&str) -> bool) -> Vec<String> {
    assert!(ran.out.starts_with('{'), "{}{}", ran.out, ran.err);
    let verdict: Value = serde_json::from_str(&ran.out).unwrap();
    let checks = verdict["checks"].as_array().unwrap();
    let findings = checks.iter().flat_map(|check| check["findings"].as_array().unwrap());
    let findings = findings.filter(|finding| is_meant(finding["severity"].as_str().unwrap()));
    findings.map(|finding| finding["code"].as_str().unwrap().to_owned()).collect()
}

/// A second report, of which a data file is missing.
fn broken_report(files: &Path, definition: &billhook_testkit::render::cur::CurReport) {
    let mut definition = definition.clone();
    "partly".clone_into(&mut definition.prefix);
    let data = deliver(files, &definition, Month::new(2026, 8), "20260907T031500Z");
    fs::remove_file(data.last().unwrap()).unwrap();
}

pub(crate) const BY_ROLE: [&str; 4] = ["--role-arn", ROLE, "--external-id", EXTERNAL_ID];

pub(crate) fn verify<'a>(kind: &'a str, location: &'a str, rest: &[&'a str]) -> Vec<&'a str> {
    let start = ["verify", "--json", "--kind", kind, "--location", location];
    [&start[..], rest].concat()
}

#[test]
fn what_is_printed_is_enough_and_no_more() {
    let Some(aws) = Aws::start() else { return };
    let ran = aws.run(&verify("cur", "s3://bills/bills", &BY_ROLE));
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    assert_eq!(codes(&ran), [""; 0]);
    let connect =
        [&["connect", "acme", "--kind", "cur", "--location", "s3://bills/bills"], &BY_ROLE[..]];
    let ran = aws.run(&connect.concat());
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    assert!(!aws.cloud.take_log().is_empty());
    let ran = aws.run(&["sync"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let used: Vec<String> = aws.cloud.actions().into_iter().collect();
    assert_eq!(used, ["s3:GetObject", "s3:ListBucket", "sts:AssumeRole"]);
    assert_ne!(aws.home.ask("SELECT COUNT(*) FROM costs"), "0");
    let ran = aws.run(&["connections"]);
    assert!(ran.out.contains("acme") && ran.out.contains("healthy"), "{}", ran.out);
    // Each action is needed: without it there is exactly its own finding.
    aws.cloud.world(|world| {
        let bucket = Bucket::new(PAYER, "us-east-1").with_kms_key(KMS);
        world.buckets.insert("bills".to_owned(), bucket);
        let account = format!(
            "{{\"Version\":\"2012-10-17\",\"Statement\":[{{\"Effect\":\"Allow\",\"Principal\":\
             {{\"AWS\":\"arn:aws:iam::{PAYER}:root\"}},\"Action\":\"kms:*\",\"Resource\":\"*\"}}]}}"
        );
        world.key_policies.insert(KMS.to_owned(), Policy::resource(&account).unwrap());
    });
    let ran = aws.run(&verify("cur", "s3://bills/bills", &BY_ROLE));
    assert_eq!(codes(&ran), [""; 0], "{}", ran.out);
    for (action, code) in [
        ("sts:AssumeRole", "role-denied"),
        ("s3:ListBucket", "list-denied"),
        ("s3:GetObject", "get-denied"),
        ("kms:Decrypt", "kms-denied"),
    ] {
        aws.cloud.world(|world| world.withdraw(action));
        let ran = aws.run(&verify("cur", "s3://bills/bills", &BY_ROLE));
        assert_eq!(codes(&ran), [code], "{action}: {}", ran.out);
        assert!(ran.out.contains(action), "{action}: {}", ran.out);
        assert_eq!(ran.code, 1);
        aws.cloud.world(World::restore);
    }
}

#[test]
fn cost_explorer_says_whether_it_may_be_asked() {
    let Some(aws) = Aws::start() else { return };
    let run = |paid: &[&str]| {
        let mut command = aws.command("us-east-1");
        command.args(["verify", "--json", "--kind", "cost_explorer"]).args(paid);
        command.env("AWS_ACCESS_KEY_ID", "AKIAPAYER0000EXAMPLE");
        Ran::of(command.env("AWS_SECRET_ACCESS_KEY", SECRET).output().unwrap())
    };
    let ran = run(&[]);
    assert_eq!((codes(&ran).len(), ran.code), (0, 0), "{}", ran.out);
    assert!(ran.out.contains("0.01 USD"), "{}", ran.out);
    assert_eq!(aws.cloud.count("ce:GetCostAndUsage"), 0);
    aws.cloud.world(|world| world.cost_explorer = CostExplorerState::NotEnabled);
    let ran = run(&["--paid"]);
    assert_eq!(codes(&ran), ["ce-not-enabled"], "{}", ran.out);
    aws.cloud.world(|world| {
        world.cost_explorer = CostExplorerState::Daily;
        world.withdraw("ce:GetCostAndUsage");
    });
    let ran = run(&["--paid"]);
    assert_eq!(codes(&ran), ["ce-denied"], "{}", ran.out);
    assert!(ran.out.contains("ce:GetCostAndUsage"), "{}", ran.out);
    // Days and hours are two requests, and hours are turned on apart.
    aws.cloud.world(|world| {
        world.restore();
        world.serve_costs(PAYER, CostExplorer::new(Vec::new(), &[], today()));
    });
    let asked = aws.cloud.count("ce:GetCostAndUsage");
    let ran = run(&["--paid"]);
    assert_eq!((codes(&ran).len(), ran.code), (0, 0), "{}", ran.out);
    assert!(notes(&ran).contains(&"ce-hourly-off".to_owned()), "{}", ran.out);
    assert_eq!(aws.cloud.count("ce:GetCostAndUsage") - asked, 2);
    assert!(ran.out.contains("0.02 USD"), "{}", ran.out);
    aws.cloud.world(|world| world.cost_explorer = CostExplorerState::Hourly);
    let ran = run(&["--paid"]);
    assert!(!notes(&ran).contains(&"ce-hourly-off".to_owned()), "{}", ran.out);
}

#[test]
fn inv_sec_no_secret_is_shown_or_stored_in_clear() {
    let Some(aws) = Aws::start() else { return };
    let mut shown = String::new();
    let connect = ["connect", "acme", "--kind", "cur", "--location", "s3://bills/bills"];
    let key = ["--access-key-id", KEY];
    for args in [
        [&connect[..], &key, &BY_ROLE].concat(),
        vec!["connections"],
        vec!["connections", "show", "acme"],
        vec!["verify", "acme"],
        vec!["sync", "acme"],
        vec!["connections", "rename", "acme", "acme-2"],
        vec!["connections", "pause", "acme-2"],
        vec!["sync"],
    ] {
        let mut command = aws.command("us-east-1");
        command.args(&args).env("BILLHOOK_SECRET_ACCESS_KEY", SECRET).env("RUST_LOG", "trace");
        let ran = Ran::of(command.output().unwrap());
        assert_eq!(ran.code, 0, "{args:?}: {}{}", ran.out, ran.err);
        shown.push_str(&ran.out);
        shown.push_str(&ran.err);
    }
    assert!(shown.contains(KEY) && !shown.contains(SECRET), "{shown}");
    let mut files = vec![aws.home.path("home")];
    let mut looked = 0;
    while let Some(path) = files.pop() {
        if path.is_dir() {
            files.extend(fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
            continue;
        }
        let bytes = fs::read(&path).unwrap();
        let is_there = bytes.windows(SECRET.len()).any(|window| window == SECRET.as_bytes());
        assert!(!is_there, "{}", path.display());
        looked += 1;
    }
    assert!(looked > 5);
    // A broken connection is not saved, and says so.
    let ran = aws.run(&["connect", "other", "--kind", "cur", "--location", "s3://bills/nope-x"]);
    assert_ne!(ran.out, "");
    let ran = aws.run(&["connect", "bad", "--kind", "cur", "--location", "s3://no-such-bucket"]);
    assert_eq!(ran.code, 1, "{}{}", ran.out, ran.err);
    assert!(ran.err.contains("nothing is saved"), "{}", ran.err);
}

/// Applies a template to the emulator, and prints what came of it.
const STACK: &str = "
import ast, boto3, json, sys
endpoint, path = sys.argv[1], sys.argv[2]
def client(name):
    return boto3.client(name, endpoint_url=endpoint, region_name='us-east-1',
                        aws_access_key_id='k', aws_secret_access_key='s')
cloudformation = client('cloudformation')
cloudformation.create_stack(StackName='billhook', TemplateBody=open(path).read(),
                            Capabilities=['CAPABILITY_NAMED_IAM'])
stack = cloudformation.describe_stacks(StackName='billhook')['Stacks'][0]
role = client('iam').get_role(RoleName='billhook')['Role']
policy = client('iam').get_role_policy(RoleName='billhook', PolicyName='billhook-read-billing')
# The emulator keeps the document of an inline policy as Python writes it.
document = policy['PolicyDocument']
document = ast.literal_eval(document) if isinstance(document, str) else document
print(json.dumps([stack['Outputs'][0]['OutputValue'] == role['Arn'],
                  role['AssumeRolePolicyDocument'], document]))
";

#[test]
fn templates_are_clean_and_make_the_role() {
    let Some(python) = python("BILLHOOK_TEST_PYTHON") else { return };
    let home = Home::new();
    let role = ["--trust", "444455556666", "--external-id", EXTERNAL_ID];
    let kinds = ["cur", "data_export", "dbr", "cost_explorer", "focus_files"];
    let mut files = Vec::new();
    for kind in kinds {
        for (reader, who) in [("role", &role[..]), ("user", &[])] {
            let place = ["--bucket", "s3://bills/cur/hourly", "--key", KMS];
            let form = ["access", kind, "--format", "cloudformation"];
            let ran = home.run(&[&form, &place[..], who].concat());
            assert_eq!(ran.code, 0, "{kind} {reader}: {}", ran.err);
            let path = home.path(&format!("{kind}-{reader}.json"));
            fs::write(&path, ran.out).unwrap();
            files.push(path);
        }
    }
    let lint = python.with_file_name("cfn-lint");
    let output = Command::new(lint).args(&files).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    fs::create_dir_all(home.path("nothing")).unwrap();
    let moto = Moto::start(&python, &home.path("nothing"));
    let output =
        Command::new(&python).args(["-c", STACK, &moto.endpoint]).arg(&files[0]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let made: Value = serde_json::from_slice(&output.stdout).unwrap();
    let printed = |form: &str| -> Value {
        let place = ["--bucket", "s3://bills/cur/hourly", "--key", KMS];
        let ran = home.run(&[&["access", "cur", "--format", form], &place[..], &role].concat());
        serde_json::from_str(&ran.out).unwrap()
    };
    assert_eq!(made[0], true);
    assert_eq!((&made[1], &made[2]), (&printed("trust"), &printed("policy")));
}

#[test]
fn terraform_finds_nothing_to_format() {
    if Command::new("terraform").arg("-version").output().is_err() {
        eprintln!("SKIPPED: there is no terraform on this machine");
        return;
    }
    let home = Home::new();
    let role = ["--trust", "444455556666", "--external-id", EXTERNAL_ID];
    for kind in ["cur", "data_export", "dbr", "cost_explorer", "focus_files"] {
        for who in [&role[..], &[]] {
            let place = ["--bucket", "s3://bills/cur/hourly", "--key", KMS];
            let form = ["access", kind, "--format", "terraform"];
            let ran = home.run(&[&form, &place[..], who].concat());
            assert_eq!(ran.code, 0, "{kind}: {}", ran.err);
            let path = home.path("main.tf");
            fs::write(&path, ran.out).unwrap();
            let output = Command::new("terraform")
                .args(["fmt", "-check", "-diff"])
                .arg(&path)
                .env_remove("TF_CLI_CONFIG_FILE")
                .output()
                .unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
        }
    }
}

#[test]
fn a_folder_is_a_connection_that_needs_nobody() {
    let home = Home::new();
    let files = home.path("files");
    let definition = report(Layout::CreateNew, Compression::Gzip);
    let data = deliver(&files, &definition, Month::new(2026, 8), "20260907T031500Z");
    let place = files.to_str().unwrap();
    let connect = |name: &str| home.run(&["connect", name, "--kind", "cur", "--location", place]);
    assert_eq!(connect("Wrong Name").code, 2);
    assert_eq!(connect("archive").code, 0);
    assert_eq!(connect("archive").code, 2);
    let ran = home.run(&["sync"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert_ne!(home.ask("SELECT COUNT(*) FROM costs"), "0");
    // What is wrong is told where the connections are listed.
    fs::write(&data[0], "damaged").unwrap();
    let definition = report(Layout::CreateNew, Compression::Gzip);
    let data = deliver(&files, &definition, Month::new(2026, 8), "20260908T031500Z");
    fs::write(&data[0], "damaged").unwrap();
    let ran = home.run(&["sync", "archive"]);
    assert_eq!(ran.code, 4, "{}", ran.err);
    let ran = home.run(&["connections"]);
    let name = data[0].file_name().unwrap().to_str().unwrap();
    assert!(ran.out.contains("broken") && ran.out.contains(name), "{}", ran.out);
    assert_eq!(home.run(&["connections", "remove", "archive"]).code, 0);
    assert_eq!(home.run(&["sync", "archive"]).code, 2);
}
