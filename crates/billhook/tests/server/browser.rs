//! The pages in a real browser: the numbered checks of the pages' design, by
//! `tests/browser/checks.py`. This makes what they look at: a home with an organisation, corrected
//! bills, connections of every health, AWS for the wizard, an empty home and a hostile one.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::sleep;
use std::time::Duration;

use billhook_testkit::calendar::Month;
use billhook_testkit::demo::write_second_round;
use billhook_testkit::forms::Form;
use billhook_testkit::render::cost_explorer::CostExplorer;
use billhook_testkit::render::cur::{Compression, CurReport, Layout, write_delivery};
use billhook_testkit::render::data_export::{Packing, Table};
use billhook_testkit::render::focus_file::Version;
use billhook_testkit::synth::{Organisation, Scale};
use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};

use crate::aws::{ACCOUNT, Aws, KEY_ID, NARROW, SECRET};
use crate::bill::{self, connect};
use crate::home::Home;
use crate::house::{House, PASSWORD, Serving};

/// The connection whose bill is corrected three times.
const CORRECTED: &str = "labs-eur";

/// What its first line costs, one delivery after the other.
const FIRST_LINE: [&str; 4] = ["1.5", "3.25", "2.000000000000000001", "2.5"];

/// What the month comes to then.
const TOTALS: [&str; 4] = ["6.25", "8", "6.750000000000000001", "7.25"];

/// The month of reports that the wizard finds.
const MONTH: Month = Month::new(2026, 8);

const ASSEMBLY: &str = "20260907T031500Z";

/// A Python with the checks' needs, and a browser; says loudly what is missing.
fn tools() -> Option<(PathBuf, PathBuf)> {
    let python = std::env::var_os("BILLHOOK_TEST_PYTHON").map(PathBuf::from);
    let Some(python) = python.filter(|path| path.exists()) else {
        eprintln!("SKIPPED: BILLHOOK_TEST_PYTHON is not set; run the tests by `cargo xtask test`");
        return None;
    };
    let has_playwright = Command::new(&python).args(["-c", "import playwright"]).output();
    if !has_playwright.is_ok_and(|output| output.status.success()) {
        eprintln!("SKIPPED: pages in a browser: {} has no playwright", python.display());
        return None;
    }
    let Some(chromium) = chromium() else {
        eprintln!(
            "SKIPPED: pages in a browser: no chromium on PATH, and no BILLHOOK_TEST_CHROMIUM"
        );
        return None;
    };
    Some((python, chromium))
}

/// Chromium of the system: none is downloaded.
fn chromium() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os("BILLHOOK_TEST_CHROMIUM") {
        return Some(PathBuf::from(named)).filter(|path| path.exists());
    }
    let path = std::env::var_os("PATH")?;
    let names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let mut all = names.iter().flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
    all.find(|path| path.is_file())
}

/// The bill of [`CORRECTED`] for this month: a day with charges, one with a credit alone, and one
/// with both; tags that differ in case.
fn write_bill(home: &Home, first: &str) {
    let today = bill::today();
    let month = Month::new(today.year, today.month);
    let next = month.plus(1);
    let period = format!("{:04}-{:02}", month.year, month.month);
    let end = format!("{:04}-{:02}", next.year, next.month);
    let mut text = format!("{}\n", bill::HEADER);
    for (number, (day, kind, product, cost, team)) in [
        (1, "Usage", "AmazonEC2", first, "Prod"),
        (1, "Usage", "AmazonS3", "0.25", "prod"),
        (1, "Usage", "AmazonRDS", "7", ""),
        (2, "Credit", "AmazonEC2", "-4", ""),
        (3, "Usage", "AmazonS3", "2", "prod"),
        (3, "Credit", "AmazonS3", "-0.5", ""),
    ]
    .into_iter()
    .enumerate()
    {
        let start = format!("{period}-{day:02}T00:00:00Z");
        let stop = format!("{period}-{day:02}T01:00:00Z");
        writeln!(
            text,
            "id{number},{start}/{stop},999900001111,{period}-01T00:00:00Z,{end}-01T00:00:00Z,\
             999900002222,{kind},{start},{stop},{product},1,EUR,{cost},{team}"
        )
        .unwrap();
    }
    fs::create_dir_all(home.path("corrected")).unwrap();
    fs::write(home.path("corrected/bill.csv"), text).unwrap();
}

/// Waits for the next full second, so that what was loaded before is before it.
fn next_second() -> String {
    let now = Utc::now().timestamp() + 1;
    let at: DateTime<Utc> = DateTime::from_timestamp(now, 0).unwrap();
    while Utc::now() <= at + Duration::from_millis(10) {
        sleep(Duration::from_millis(50));
    }
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// Loads everything but what AWS has; gives a time after the first bill of [`CORRECTED`].
fn load(home: &Home) -> String {
    let organisation = bill::organisation();
    bill::deliver(home, &organisation);
    for name in ["acme", "globex"] {
        let folder = home.path(&format!("buckets/{name}-billing"));
        connect(home, &format!("{name}-payer"), "cur", &folder);
    }
    write_bill(home, FIRST_LINE[0]);
    connect(home, CORRECTED, "cur", &home.path("corrected"));
    home.works(&["sync"]);
    let at = next_second();
    for first in &FIRST_LINE[1..] {
        write_bill(home, first);
        home.works(&["sync", CORRECTED]);
    }
    write_second_round(&home.path("buckets"), &organisation).unwrap();
    home.works(&["sync", "acme-payer"]);
    // The same bill of one payer by another way: which of the two counts can be chosen. One line is
    // missing in it.
    let (payer, month) = (&organisation.payers()[0], organisation.months()[0]);
    let mut lines = organisation.ledger(payer, month, 1);
    lines.pop();
    let form = Form::FocusFile(Version::V1_2, Packing::Csv);
    fs::create_dir_all(home.path("second")).unwrap();
    form.write(&home.path("second"), payer, month, &lines, 10_000).unwrap();
    connect(home, "acme-files", "focus_files", &home.path("second"));
    home.works(&["sync", "acme-files"]);
    at
}

/// A legacy report of the first payer.
fn small() -> Organisation {
    Organisation::new(7, Month::new(2026, 8), 2, bill::today(), Scale::Small)
}

fn hourly(organisation: &Organisation) -> CurReport {
    let payer = &organisation.payers()[0];
    CurReport {
        account: payer.id.to_owned(),
        bucket: "bills".to_owned(),
        prefix: "bills".to_owned(),
        report_name: "hourly".to_owned(),
        layout: Layout::CreateNew,
        compression: Compression::Gzip,
        chunk_rows: 1500,
        chunk_digits: 5,
        with_resources: true,
        with_net: payer.edp_percent.is_some(),
        tag_keys: payer.tag_keys.iter().map(|key| (*key).to_owned()).collect(),
        category_names: payer.category_names.iter().map(|name| (*name).to_owned()).collect(),
    }
}

/// Files of each product for the wizard: in the bucket, and in a folder of the server.
fn write_products(home: &Home) {
    let organisation = small();
    let payer = &organisation.payers()[0];
    let lines = organisation.ledger(payer, MONTH, 1);
    write_delivery(&home.path("bucket"), &hourly(&organisation), MONTH, ASSEMBLY, &lines).unwrap();
    let files = Form::FocusFile(Version::V1_2, Packing::Csv);
    for (folder, form) in [
        ("bucket", Form::Export(Table::Cur2, Packing::CsvGz)),
        ("bucket", Form::Export(Table::Focus12, Packing::Parquet)),
        ("bucket/dbr", Form::DetailedBilling),
        ("bucket/focus", files),
        ("folder", files),
    ] {
        fs::create_dir_all(home.path(folder)).unwrap();
        form.write(&home.path(folder), payer, MONTH, &lines, 900).unwrap();
    }
}

/// What Cost Explorer says of the first payer: this month, which is not closed.
fn costs() -> CostExplorer {
    let organisation = bill::organisation();
    let today = bill::today();
    let month = Month::new(today.year, today.month);
    let lines = organisation.ledger(&organisation.payers()[0], month, 1);
    CostExplorer::new(lines, &[month], today)
}

/// Connections that are not well: one whose folder goes, one that may list alone, and one that
/// waits for its first delivery.
fn trouble(home: &Home, globals: &[&str], variables: &[(&str, &str)]) {
    let organisation = small();
    let lines = organisation.ledger(&organisation.payers()[1], MONTH, 1);
    let report = CurReport {
        account: organisation.payers()[1].id.to_owned(),
        with_net: true,
        ..hourly(&organisation)
    };
    write_delivery(&home.path("gone"), &report, MONTH, ASSEMBLY, &lines).unwrap();
    connect(home, "gone", "cur", &home.path("gone"));
    home.works(&["sync", "gone"]);
    fs::rename(home.path("gone"), home.path("away")).unwrap();
    let run = |args: &[&str]| {
        let mut command = home.command();
        command.args(globals).args(args).envs(variables.iter().copied());
        command.env("BILLHOOK_SECRET_ACCESS_KEY", SECRET);
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        // It does not work, and is to be told so.
        assert!(output.status.code().is_some_and(|code| code < 4), "{args:?}: {said}");
    };
    let narrow = ["--role-arn", NARROW, "--external-id", "billhook-0123456789abcdef"];
    for (name, location, by) in [
        ("narrow", "s3://bills/bills/hourly", &narrow[..]),
        ("labs-cur", "s3://bills/bills/waiting", &["--access-key-id", KEY_ID][..]),
    ] {
        let connect = ["connect", name, "--kind", "cur", "--location", location, "--force"];
        run(&[&connect[..], &["--schedule", "manual"], by].concat());
        run(&["sync", name]);
    }
}

/// What the checks are told.
struct Told<'a> {
    chromium: &'a Path,
    past: &'a str,
    endpoint: &'a str,
    hostile: &'a Path,
    shots: &'a str,
    urls: Value,
}

fn scene(house: &mut House, told: &Told<'_>) -> Value {
    let made = json!({ "name": "checks", "api": true });
    let token = house.admin.call("POST", "/api/v1/tokens", &made).json()["text"].clone();
    let month = Utc::now().format("%Y-%m").to_string();
    let (home, own) = (&house.home, house.home.path("home"));
    let binary = env!("CARGO_BIN_EXE_billhook");
    let endpoint = told.endpoint;
    json!({
        "chromium": told.chromium,
        "axe": std::env::var("BILLHOOK_TEST_AXE").ok(),
        "shots": told.shots,
        "urls": told.urls,
        "password": PASSWORD,
        "token": token,
        "month": month,
        "corrected": CORRECTED,
        "totals": TOTALS,
        "past": { "month": month, "at": told.past, "total": TOTALS[0] },
        "bill": home.path("corrected/bill.csv"),
        "buckets": home.path("buckets"),
        "gone": { "folder": home.path("gone"), "away": home.path("away") },
        "folder": home.path("folder"),
        "hostile": told.hostile,
        "aws": {
            "account": ACCOUNT,
            "bucket": "bills",
            "places": {
                "cur": "s3://bills/bills/hourly",
                "cur2": "s3://bills/exports/cur2-csv",
                "focus": "s3://bills/exports/focus12-parquet",
                "dbr": "s3://bills/dbr",
                "files": "s3://bills/focus",
            },
            "key_id": KEY_ID,
            "secret": SECRET,
            "narrow": NARROW,
        },
        "command": [binary, "--home", own, "--endpoint", endpoint, "--region", "us-east-1"],
        "environment": {
            "AWS_ACCESS_KEY_ID": KEY_ID,
            "AWS_SECRET_ACCESS_KEY": SECRET,
            "AWS_CONFIG_FILE": "/dev/null",
            "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        },
    })
}

#[test]
fn pages_pass_their_numbered_checks() {
    let Some((python, chromium)) = tools() else { return };
    let home = Home::new();
    let past = load(&home);
    write_products(&home);
    let aws = Aws::start(&home, &python, &home.path("bucket"), costs());
    let endpoint = aws.cloud.endpoint();
    let globals = ["--endpoint", endpoint.as_str(), "--region", "us-east-1"];
    let variables = [("AWS_ACCESS_KEY_ID", KEY_ID), ("AWS_SECRET_ACCESS_KEY", SECRET)];
    trouble(&home, &globals, &variables);
    let (empty, hostile) = (Home::new(), Home::new());
    bill::hostile(&hostile);
    let empty_serving = Serving::start(&empty, &[], &["--no-sign-in"], &[]);
    let hostile_serving = Serving::start(&hostile, &[], &["--no-sign-in"], &[]);
    let mut house = House::open_with(home, &globals, &[], &variables);
    let urls = json!({
        "main": house.serving.url(),
        "empty": empty_serving.url(),
        "hostile": hostile_serving.url(),
    });
    let shots = std::env::var("BILLHOOK_TEST_SHOTS");
    let shots = shots.unwrap_or_else(|_| concat!(env!("CARGO_TARGET_TMPDIR"), "/shots").to_owned());
    let own = hostile.path("home");
    let told = Told {
        chromium: &chromium,
        past: &past,
        endpoint: &endpoint,
        hostile: &own,
        shots: &shots,
        urls,
    };
    let scene = scene(&mut house, &told);
    let file = house.home.path("scene.json");
    fs::write(&file, scene.to_string()).unwrap();
    let script = billhook_testkit::own_crate().join("tests/browser/checks.py");
    // Without a folder of compiled modules beside the sources.
    let output = Command::new(python).arg("-B").arg(script).arg(&file).output().unwrap();
    let said = format!("\n{}", String::from_utf8_lossy(&output.stdout));
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    eprintln!("{said}\nscreenshots are in {shots}");
    let failed: Vec<&str> = said.split("\nFAIL ").skip(1).collect();
    assert!(failed.is_empty() && output.status.success(), "{failed:#?}\n{errors}");
    // WZ-6: nothing was written to AWS, since nobody confirmed it.
    assert_eq!(aws.writes(), [""; 0]);
}
