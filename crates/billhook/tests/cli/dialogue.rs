//! The dialogue of `billhook connect`, answered through a pipe: from an empty home to a report, and
//! what becomes of wrong answers and of leaving.

use std::fs;
use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use billhook_testkit::calendar::Month;
use billhook_testkit::cloud::User;
use billhook_testkit::cloud::policy::Policy;
use billhook_testkit::render::cur::{Compression, Layout};
use serde_json::{Value, json};

use crate::connections::{Aws, KEY, PAYER, ROLE, SECRET};
use crate::support::{Home, Ran, deliver, report};

const READER: &str = "AKIAREADER0000EXAMPLE";

/// A command that finds nothing of this machine's own AWS set-up.
fn alone(mut command: Command) -> Command {
    for name in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "BILLHOOK_SECRET_ACCESS_KEY"] {
        command.env_remove(name);
    }
    for name in ["AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"] {
        command.env(name, "/dev/null");
    }
    command.env("AWS_EC2_METADATA_DISABLED", "true");
    command
}

/// Somebody who answers.
struct Answering {
    child: Child,
    answers: Option<ChildStdin>,
    out: ChildStdout,
    told: String,
}

impl Answering {
    fn start(mut command: Command) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (answers, out) = (child.stdin.take(), child.stdout.take().unwrap());
        Self { child, answers, out, told: String::new() }
    }

    /// Answers, a line each. Whoever does not listen any more says why.
    fn say(&mut self, answers: &[&str]) {
        let text = answers.join("\n") + "\n";
        self.answers.as_mut().unwrap().write_all(text.as_bytes()).ok();
    }

    /// Reads until it says that.
    fn until(&mut self, words: &str) {
        let mut byte = [0];
        while !self.told.contains(words) {
            assert_eq!(self.out.read(&mut byte).unwrap(), 1, "no {words:?}: {}", self.told);
            self.told.push(if byte[0].is_ascii() { char::from(byte[0]) } else { '?' });
        }
    }

    /// Leaves, and tells how it ended.
    fn end(mut self) -> Ran {
        drop(self.answers.take());
        let mut rest = Vec::new();
        self.out.read_to_end(&mut rest).unwrap();
        let mut ran = Ran::of(self.child.wait_with_output().unwrap());
        ran.out = self.told + &String::from_utf8_lossy(&rest);
        ran
    }
}

fn answered(command: Command, answers: &[&str]) -> Ran {
    let mut answering = Answering::start(command);
    answering.say(answers);
    answering.end()
}

/// A folder with a month of a report.
fn folder(home: &Home) -> PathBuf {
    let files = home.path("files");
    let definition = report(Layout::CreateNew, Compression::Gzip);
    deliver(&files, &definition, Month::new(2026, 8), "20260907T031500Z");
    files
}

/// The dialogue in a home, with more arguments.
fn dialogue(home: &Home, args: &[&str]) -> Command {
    let mut command = alone(home.command());
    command.args(["connect", "--dialogue"]).args(args);
    command
}

/// The definition of a report.
fn defined(name: &str, prefix: &str) -> Value {
    json!({
        "ReportName": name,
        "TimeUnit": "HOURLY",
        "Format": "textORcsv",
        "Compression": "GZIP",
        "AdditionalSchemaElements": ["RESOURCES"],
        "S3Bucket": "bills",
        "S3Prefix": prefix,
        "S3Region": "us-east-1",
        "RefreshClosedReports": true,
        "ReportVersioning": "CREATE_NEW_REPORT",
        "ReportStatus": { "lastDelivery": "20260907T031500Z", "lastStatus": "SUCCESS" },
    })
}

#[test]
fn inv_sec_an_access_key_leads_from_an_empty_home_to_a_report() {
    let Some(aws) = Aws::start() else { return };
    let printed = aws.printed(&["access", "cur", "--bucket", "bills", "--prefix", "bills"]);
    let reader = User::new(PAYER, "reader").with_key(READER, SECRET);
    let reader = reader.with_policy(Policy::identity(&printed).unwrap());
    aws.cloud.world(|world| {
        world.users.push(reader);
        world.reports.insert(PAYER.to_owned(), vec![defined("hourly", "bills")]);
    });
    fs::remove_dir_all(aws.home.path("home")).ok();
    let mut command = alone(aws.command("us-east-1"));
    command.args(["connect", "--dialogue"]);
    // Legacy CUR; an access key; the first report; its name; the schedule; load it.
    let ran = answered(command, &["1", "3", READER, SECRET, "", "", "", ""]);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    for words in [
        "which has no credentials",
        "user/reader",
        "hourly (CUR): hourly, with resource IDs",
        "s3://bills/bills/hourly in us-east-1",
        "hourly is saved.",
        "2026-08",
        "Amazon",
        "billhook report --by",
    ] {
        assert!(ran.out.contains(words), "{words}: {}", ran.out);
    }
    assert!(ran.err.contains("hourly 2026-08: loaded"), "{}", ran.err);
    assert!(!ran.out.contains(SECRET) && !ran.err.contains(SECRET), "{}{}", ran.out, ran.err);
    assert_ne!(aws.home.ask("SELECT COUNT(*) FROM costs WHERE x_Connection = 'hourly'"), "0");
    let ran = aws.run(&["connections", "show", "hourly"]);
    assert!(ran.out.contains("every 4h") && ran.out.contains(READER), "{}", ran.out);
}

#[test]
fn a_role_is_made_as_printed_and_one_of_two_reports_is_picked() {
    let Some(aws) = Aws::start() else { return };
    let reports = vec![defined("daily", "elsewhere"), defined("hourly", "bills")];
    aws.cloud.world(|world| world.reports.insert(PAYER.to_owned(), reports));
    let mine = aws.home.path("billhook-role.json");
    fs::write(&mine, "mine").unwrap();
    let mut command = alone(aws.command("us-east-1"));
    command.args(["connect", "--dialogue"]).current_dir(aws.home.dir.path());
    command.env("AWS_ACCESS_KEY_ID", KEY).env("AWS_SECRET_ACCESS_KEY", SECRET);
    let mut answering = Answering::start(command);
    // Legacy CUR; a role; CloudFormation; its place; no key of its own; the file.
    answering.say(&["1", "", "", "bills/bills", "s3://bills/bills", "", ""]);
    answering.until("Press Enter when the role is there");
    assert!(answering.told.contains("user/us"), "{}", answering.told);
    assert!(answering.told.contains("write s3://bucket/prefix"), "{}", answering.told);
    assert_eq!(fs::read_to_string(&mine).unwrap(), "mine");
    // Before the role is made as it is printed, it does not let us in.
    answering.say(&["", "billhook", ROLE]);
    answering.until("That does not work. What now?");
    assert!(answering.told.contains("billhook: write it like"), "{}", answering.told);
    assert!(answering.told.contains("(role-denied)"), "{}", answering.told);
    let text = fs::read_to_string(aws.home.path("billhook-role-2.json")).unwrap();
    let template: Value = serde_json::from_str(&text).unwrap();
    let role = &template["Resources"]["Billhook"]["Properties"];
    let trust = Policy::trust(&role["AssumeRolePolicyDocument"].to_string()).unwrap();
    let policy = Policy::identity(&role["Policies"][0]["PolicyDocument"].to_string()).unwrap();
    aws.cloud.world(|world| {
        let own = world.role_mut(ROLE).unwrap();
        (own.trust, own.policies) = (trust, vec![policy]);
    });
    // Try again; the second report; its name; the schedule; not now.
    answering.say(&["1", "3", "2", "acme", "daily 06:00 UTC", "no"]);
    let ran = answering.end();
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    for words in [
        "daily (CUR)",
        "hourly (CUR)",
        "3: give numbers from 1 to 2",
        "the role is closed",
        "acme is saved.",
        "billhook sync acme",
    ] {
        assert!(ran.out.contains(words), "{words}: {}", ran.out);
    }
    let shown = aws.run(&["connections", "show", "acme"]).out;
    for words in [ROLE, "s3://bills/bills/hourly", "daily 06:00 UTC"] {
        assert!(shown.contains(words), "{words}: {shown}");
    }
    assert!(!ran.out.contains("daily is saved"), "{}", ran.out);
    let ran = aws.run(&["sync", "acme"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    // Nothing was written to AWS.
    let actions = aws.cloud.actions();
    assert!(actions.iter().all(|action| !action.contains(":Put")), "{actions:?}");
}

#[test]
fn a_role_that_does_not_work_yet_is_saved_for_later() {
    let Some(aws) = Aws::start() else { return };
    let mut command = alone(aws.command("us-east-1"));
    command.args(["connect", "acme", "--dialogue", "--kind", "cur", "--schedule", "manual"]);
    command.env("AWS_ACCESS_KEY_ID", KEY).env("AWS_SECRET_ACCESS_KEY", SECRET);
    // A role that is there already, but not its external ID; save it; its place.
    let answers = ["2", "5", ROLE, "billhook-another", "3", "s3://bills/bills"];
    let ran = answered(command, &answers);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("acme has nothing to load yet"), "{}", ran.out);
    let ran = aws.run(&["verify", "acme"]);
    assert_eq!(ran.code, 1, "{}", ran.out);
    assert!(ran.out.contains("role-denied"), "{}", ran.out);
}

#[test]
fn wrong_answers_are_told_and_asked_again() {
    let home = Home::new();
    let files = folder(&home);
    let files = files.to_str().unwrap();
    let answers = [
        &["9", "cur", "?", "1"][..],
        &["6", "5"],
        &["/no/such/folder", files],
        &["Wrong Name", "archive"],
        &["sometimes", "manual"],
        &["perhaps", "no"],
    ];
    let ran = answered(dialogue(&home, &[]), &answers.concat());
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    for words in [
        "9: give a number from 1 to 7",
        "cur: give a number",
        "legacy CUR export",
        "6: give a number from 1 to 5",
        "there is no such folder",
        "no connection name",
        "no schedule",
        "perhaps: answer yes or no",
        "archive is saved.",
        "Load it with: billhook sync archive",
    ] {
        assert!(ran.out.contains(words), "{words}: {}", ran.out);
    }
    assert_eq!(home.run(&["sync", "archive"]).code, 0);
    // A name that is taken is not proposed, and not taken.
    let answers = ["6", "5", files, "archive", "", "", "no"];
    let ran = answered(dialogue(&home, &[]), &answers);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    for words in ["hourly: a legacy Cost", "archive already", "files is saved."] {
        assert!(ran.out.contains(words), "{words}: {}", ran.out);
    }
}

#[test]
fn what_is_given_is_not_asked() {
    let home = Home::new();
    let files = folder(&home);
    let given = ["archive", "--kind", "cur", "--location", files.to_str().unwrap()];
    let ran = answered(dialogue(&home, &given), &["", ""]);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    assert!(!ran.out.contains("Number ["), "{}", ran.out);
    assert!(ran.out.contains("Schedule [every 4h]:") && ran.out.contains("--period 2026-08"));
    assert_ne!(home.ask("SELECT COUNT(*) FROM costs"), "0");
    // What is given and wrong is told at once.
    let ran = answered(dialogue(&home, &given), &[]);
    assert_eq!(ran.code, 2, "{}{}", ran.out, ran.err);
    assert!(ran.err.contains("archive already"), "{}", ran.err);
    let ran = answered(dialogue(&home, &["--schedule", "sometimes"]), &[]);
    assert_eq!(ran.code, 2, "{}{}", ran.out, ran.err);
}

#[test]
fn a_report_that_is_to_be_made_is_explained() {
    let home = Home::new();
    let mut answering = Answering::start(dialogue(&home, &[]));
    answering.say(&["7", "3", "my report", "cur", "Acme", "acme-bills", "no", "eu-central-1"]);
    answering.until("Press Enter when that is done");
    for words in [
        "letters, digits, - and _",
        "lowercase",
        "billhook create-report cur --kind cur",
        "--bucket acme-bills --bucket-region eu-central-1 --create-bucket",
    ] {
        assert!(answering.told.contains(words), "{words}: {}", answering.told);
    }
    answering.say(&[""]);
    answering.until("How is AWS reached?");
    assert_eq!(answering.end().code, 3);
}

#[test]
fn who_leaves_has_saved_nothing() {
    let home = Home::new();
    let files = folder(&home);
    let answers = ["1", "5", files.to_str().unwrap(), "archive", "manual"];
    for count in 0..answers.len() {
        let mut answering = Answering::start(dialogue(&home, &[]));
        answering.say(&answers[..count]);
        let ran = answering.end();
        assert_eq!(ran.code, 3, "{count}: {}{}", ran.out, ran.err);
        assert!(ran.err.contains("nothing is saved"), "{count}: {}", ran.err);
        assert!(!home.path("home").exists(), "{count}");
    }
    // After the last question that matters, it is saved.
    let ran = answered(dialogue(&home, &[]), &answers);
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.err);
    assert_eq!(home.run(&["connections", "show", "archive"]).code, 0);
}

#[test]
fn nobody_is_asked_where_nobody_is() {
    let home = Home::new();
    for args in [&["connect"][..], &["connect", "acme"], &["connect", "--kind", "cur"]] {
        let ran = home.run(args);
        assert_eq!(ran.code, 2, "{}{}", ran.out, ran.err);
        assert!(ran.err.contains("--kind cur --location"), "{}", ran.err);
        assert_eq!(ran.out, "");
    }
}
