//! Bills that are served.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use billhook_testkit::calendar::{Date, Month};
use billhook_testkit::demo::write_first_round;
use billhook_testkit::render::focus_file::{self, FocusFile, Packing, Version};
use billhook_testkit::synth::{Organisation, Scale};
use chrono::{Datelike as _, Utc};

use crate::home::Home;

/// The month of [`small`] and [`hostile`], and a period of all of it.
pub(crate) const MONTH: &str = "2026-09";

/// The total of [`small`].
pub(crate) const TOTAL: &str = "12.75";

/// The heads of a bill with a tag.
pub(crate) const HEADER: &str = "identity/LineItemId,identity/TimeInterval,bill/PayerAccountId,\
                      bill/BillingPeriodStartDate,bill/BillingPeriodEndDate,\
                      lineItem/UsageAccountId,lineItem/LineItemType,lineItem/UsageStartDate,\
                      lineItem/UsageEndDate,lineItem/ProductCode,lineItem/UsageAmount,\
                      lineItem/CurrencyCode,lineItem/UnblendedCost,resourceTags/user:team";

/// Markup as a value of a bill.
pub(crate) const MARKUP: &str = "<img src=x onerror=alert(1)>";

/// What turns the direction of text round.
pub(crate) const TURNED: &str = "a\u{202E}gnp.exe";

/// What a spreadsheet would run.
pub(crate) const FORMULA: &str = "=1+1|cmd";

/// A very long name.
pub(crate) fn long() -> String {
    "longname".repeat(128)
}

/// The day, as testkit has it.
pub(crate) fn today() -> Date {
    let today = Utc::now().date_naive();
    Date::new(today.year(), today.month(), today.day())
}

/// A connection `acme` with a few lines of one month, loaded.
pub(crate) fn small(home: &Home) {
    let mut text = format!("{HEADER}\n");
    for (day, product, cost, team) in [
        (1, "AmazonEC2", "10.5", "web"),
        (2, "AmazonS3", "3", "data"),
        (3, "AmazonEC2", "-0.75", ""),
    ] {
        let (start, end) =
            (format!("2026-09-{day:02}T00:00:00Z"), format!("2026-09-{day:02}T01:00:00Z"));
        let kind = if cost.starts_with('-') { "Credit" } else { "Usage" };
        writeln!(
            text,
            "id{day},{start}/{end},111122223333,2026-09-01T00:00:00Z,2026-10-01T00:00:00Z,\
             444455556666,{kind},{start},{end},{product},1,USD,{cost},{team}"
        )
        .unwrap();
    }
    let folder = home.path("bucket");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("bill.csv"), text).unwrap();
    connect(home, "acme", "cur", &folder);
    home.works(&["sync", "acme"]);
}

/// Saves a connection that is only looked at when somebody says so.
pub(crate) fn connect(home: &Home, name: &str, kind: &str, folder: &Path) {
    let place = folder.to_str().unwrap();
    let connect = ["connect", name, "--kind", kind, "--location", place];
    home.works(&[&connect[..], &["--schedule", "manual"]].concat());
}

/// A FOCUS file in which names of accounts, tags and ids of resources are what an attacker would
/// call them, loaded as the connection `hostile`.
pub(crate) fn hostile(home: &Home) {
    let month = Month::new(2026, 9);
    let organisation =
        Organisation::new(7, Month::new(2026, 8), 2, Date::new(2026, 10, 20), Scale::Small);
    let payer = &organisation.payers()[0];
    let lines = organisation.ledger(payer, month, 1);
    let folder = home.path("hostile");
    fs::create_dir_all(&folder).unwrap();
    let path = folder.join("focus.csv");
    let tag_keys = payer.tag_keys.iter().map(|key| (*key).to_owned()).collect();
    let file =
        FocusFile { version: Version::V1_2, packing: Packing::Csv, with_net: false, tag_keys };
    focus_file::write(&path, &file, &lines).unwrap();
    let mut text = fs::read_to_string(&path).unwrap();
    let (long, arn) = (long(), format!("{MARKUP}arn:aws:"));
    // None of them has a quote or a comma, so the file stays well formed.
    for (from, to) in [
        ("Acme Shop Production", MARKUP),
        ("Acme Shop Staging", TURNED),
        ("Acme Data Platform", long.as_str()),
        ("Acme Sandbox", FORMULA),
        ("storefront", MARKUP),
        ("checkout", TURNED),
        ("data-platform", long.as_str()),
        ("arn:aws:", arn.as_str()),
    ] {
        assert!(text.contains(from), "the file has no {from}");
        text = text.replace(from, to);
    }
    fs::write(&path, text).unwrap();
    connect(home, "hostile", "focus_files", &folder);
    home.works(&["sync", "hostile"]);
}

/// Both payers of the synthetic organisation up to today, delivered below `buckets`.
pub(crate) fn organisation() -> Organisation {
    Organisation::ending(7, today(), Scale::Small)
}

/// Writes its first round.
pub(crate) fn deliver(home: &Home, organisation: &Organisation) {
    write_first_round(&home.path("buckets"), organisation).unwrap();
}
