//! Every packing and layout gives the same table; columns may change; nothing is dropped
//! (INV-COL, INV-CUR, INV-READ).

use std::fs;

use billhook_testkit::calendar::Month;
use billhook_testkit::render::cur::{Compression, Layout};

use crate::support::{Home, deliver, report, row, tiny};

const SUMS: &str = "SELECT x_LineItemType, COUNT(*), SUM(BilledCost), SUM(EffectiveCost), \
                    SUM(ListCost), SUM(x_BlendedCost) FROM cost_and_usage GROUP BY 1 ORDER BY 1";

#[test]
fn packings_and_layouts_agree() {
    let month = Month::new(2026, 8);
    let mut answers = Vec::new();
    for layout in [Layout::CreateNew, Layout::Overwrite] {
        for compression in [Compression::Gzip, Compression::Zip, Compression::Plain] {
            for (prefix, digits) in [("bills", 5), ("", 1)] {
                let home = Home::new();
                let mut definition = report(layout, compression);
                definition.prefix = prefix.to_owned();
                definition.chunk_digits = digits;
                deliver(&home.path("bucket"), &definition, month, "20260907T031500Z");
                fs::write(home.path("bucket/aws-programmatic-access-test-object"), "x").unwrap();
                let ran = home.import(&home.path("bucket"));
                assert_eq!(ran.code, 0, "{}", ran.err);
                answers.push(home.run(&["sql", SUMS, "--format", "csv"]).out);
            }
        }
    }
    assert!(answers[0].lines().count() > 8, "{}", answers[0]);
    assert!(answers.iter().all(|answer| *answer == answers[0]));
}

#[test]
fn a_folder_without_a_manifest_is_read_with_a_warning() {
    let home = Home::new();
    let definition = report(Layout::CreateNew, Compression::Gzip);
    let month = Month::new(2026, 8);
    let files = deliver(&home.path("bucket"), &definition, month, "20260907T031500Z");
    fs::create_dir_all(home.path("downloads")).unwrap();
    for file in &files {
        fs::copy(file, home.path("downloads").join(file.file_name().unwrap())).unwrap();
    }
    let ran = home.import(&home.path("downloads"));
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.err.contains("there is no manifest"), "{}", ran.err);
    let by_hand = home.run(&["sql", SUMS, "--format", "csv"]).out;
    let other = Home::new();
    assert_eq!(other.import(&home.path("bucket")).code, 0);
    assert_eq!(other.run(&["sql", SUMS, "--format", "csv"]).out, by_hand);
}

#[test]
fn inv_col_unknown_columns_and_types_are_kept_and_reported() {
    let home = Home::new();
    let text = tiny(&[&row("BrandNewType", "USD", "2", "a,b")]);
    let text = text.replacen("resourceTags/user:Team", "resourceTags/user:Team,novel/Thing", 1);
    let text = text.replacen(",a,b\n", ",a,b,kept\n", 1);
    fs::write(home.path("r.csv"), text).unwrap();
    let ran = home.import(&home.path("r.csv"));
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.err.contains("unknown columns kept in x_Extra: novel/Thing"), "{}", ran.err);
    assert!(ran.err.contains("unknown line item types"), "{}", ran.err);
    assert_eq!(home.ask("SELECT x_Extra['novel/Thing'] FROM cost_and_usage"), "kept");
    assert_eq!(home.ask("SELECT ChargeCategory FROM costs"), "Adjustment");
    // Two tag keys that differ in case stay two.
    assert_eq!(home.ask("SELECT concat(Tags['team'], Tags['Team']) FROM costs"), "ab");
}

#[test]
fn two_reports_over_the_same_payer_are_never_added_up() {
    let home = Home::new();
    let hourly = tiny(&[&row("Usage", "USD", "3", "a,")]);
    let daily = hourly.replacen("T01:00:00Z,1111", "T23:59:59Z,1111", 1);
    fs::write(home.path("hourly.csv"), hourly).unwrap();
    fs::write(home.path("a-daily.csv"), daily).unwrap();
    assert_eq!(home.import(&home.path("hourly.csv")).code, 0);
    assert_eq!(home.import(&home.path("a-daily.csv")).code, 0);
    assert_eq!(home.ask("SELECT SUM(BilledCost) FROM costs"), "3");
    assert_eq!(home.ask("SELECT SUM(BilledCost) FROM cost_and_usage"), "6");
    assert_eq!(home.ask("SELECT DISTINCT x_Connection FROM costs"), "hourly");
    assert!(home.run(&["history"]).out.contains("a-daily 2026-09 is left out"));
}

#[test]
fn inv_cur_currencies_are_told_apart() {
    let home = Home::new();
    let rows = [row("Usage", "USD", "3", ","), row("Usage", "EUR", "4", ",")];
    fs::write(home.path("r.csv"), tiny(&[&rows[0], &rows[1]])).unwrap();
    let ran = home.import(&home.path("r.csv"));
    assert!(ran.err.contains("4.00 EUR + 3.00 USD"), "{}", ran.err);
    let report = home.run(&["report", "--period", "2026-09", "--format", "csv"]).out;
    assert!(report.contains("EUR") && report.contains("USD") && !report.contains(",7"), "{report}");
}

#[test]
fn another_payers_report_does_not_replace_a_connection() {
    let home = Home::new();
    let text = tiny(&[&row("Usage", "USD", "3", ",")]);
    fs::create_dir_all(home.path("a")).unwrap();
    fs::create_dir_all(home.path("b")).unwrap();
    fs::write(home.path("a/hourly.csv"), &text).unwrap();
    fs::write(home.path("b/hourly.csv"), text.replace("111122223333", "999988887777")).unwrap();
    assert_eq!(home.import(&home.path("a")).code, 0);
    let ran = home.import(&home.path("b"));
    assert_eq!(ran.code, 2, "{}", ran.err);
    assert!(ran.err.contains("--as"), "{}", ran.err);
    let b = home.path("b");
    assert_eq!(home.run(&["import", b.to_str().unwrap(), "--as", "globex"]).code, 0);
    assert_eq!(home.ask("SELECT SUM(BilledCost) FROM costs"), "6");
}

#[test]
fn inv_read_the_source_is_only_read() {
    use std::os::unix::fs::PermissionsExt;
    let home = Home::new();
    let definition = report(Layout::Overwrite, Compression::Gzip);
    deliver(&home.path("bucket"), &definition, Month::new(2026, 8), "20260907T031500Z");
    let listing = || {
        let find = std::process::Command::new("find");
        let mut find = find;
        let output = find.arg(home.path("bucket")).args(["-printf", "%p %s %T@\n"]).output();
        String::from_utf8(output.unwrap().stdout).unwrap()
    };
    let before = listing();
    fs::set_permissions(home.path("bucket"), fs::Permissions::from_mode(0o555)).unwrap();
    assert_eq!(home.import(&home.path("bucket")).code, 0);
    fs::set_permissions(home.path("bucket"), fs::Permissions::from_mode(0o755)).unwrap();
    assert_eq!(listing(), before);
}
