//! Wrong input: one clear message, the exit code of the contract, and a lake as before (INV-ONE).

use std::fs;

use billhook_testkit::calendar::Month;
use billhook_testkit::render::cur::{Compression, Layout};

use crate::support::{Home, deliver, report, row, tiny};

/// A lake with one good month; whatever comes after must leave it alone.
fn with_good_month() -> (Home, String) {
    let home = Home::new();
    fs::write(home.path("good.csv"), tiny(&[&row("Usage", "USD", "1.5", "a,")])).unwrap();
    assert_eq!(home.import(&home.path("good.csv")).code, 0);
    let digest = home.digest();
    (home, digest)
}

fn refused(name: &str, content: &[u8], code: i32, words: &[&str]) {
    let (home, before) = with_good_month();
    let path = home.path(name);
    fs::write(&path, content).unwrap();
    let ran = home.import(&path);
    assert_eq!(ran.code, code, "{name}: {}", ran.err);
    for word in words {
        assert!(ran.err.contains(word), "{name}: {word:?} is not in {:?}", ran.err);
    }
    assert_eq!(home.digest(), before, "{name}: the lake has changed");
}

#[test]
fn files_that_are_no_reports() {
    refused("bill.pdf", b"%PDF-1.7\n\x00\x01", 3, &["bill.pdf", "mend:"]);
    refused("other.csv", b"a,b\n1,2\n", 3, &["other.csv", "not a billing file"]);
    refused("empty.csv", b"", 3, &["empty.csv"]);
}

#[test]
fn records_that_cannot_be_read() {
    let with = |second: &str| tiny(&[&row("Usage", "USD", "1", "a,"), second]).into_bytes();
    let amount = with(&row("Usage", "USD", "1O.5", "a,"));
    refused("amount.csv", &amount, 4, &["record 3", "lineItem/UnblendedCost", "\"1O.5\"", "mend:"]);
    let many = with(&format!("{},surplus", row("Usage", "USD", "1", "a,")));
    refused("many.csv", &many, 4, &["record 3", "16 fields", "header has 15"]);
    let date = with(&row("Usage", "USD", "1", "a,").replacen("2026-09-01T00", "2026-09-99T00", 4));
    refused("date.csv", &date, 4, &["record 3", "not a point in time"]);
    let large = with(&row("Usage", "USD", "123456789012345678901", "a,"));
    refused("large.csv", &large, 4, &["record 3", "too large"]);
    let cut = with(&row("Usage", "USD", "1", "a,"));
    refused("cut.csv", &cut[..cut.len() - 10], 4, &["record 3", "fields"]);
}

#[test]
fn quoted_text_that_never_ends() {
    let text = tiny(&[&row("Usage", "USD", "1", "\"a,")]);
    refused("quote.csv", text.as_bytes(), 4, &["quote.csv", "quotation mark"]);
}

#[test]
fn damaged_and_missing_chunks() {
    let (home, before) = with_good_month();
    let bucket = home.path("bucket");
    let definition = report(Layout::CreateNew, Compression::Gzip);
    let files = deliver(&bucket, &definition, Month::new(2026, 8), "20260907T031500Z");
    assert!(files.len() > 1);
    let good = fs::read(&files[1]).unwrap();
    fs::write(&files[1], &good[..good.len() / 2]).unwrap();
    let ran = home.import(&bucket);
    assert_eq!(ran.code, 4, "{}", ran.err);
    assert!(ran.err.contains("hourly-00002.csv.gz") && ran.err.contains("mend:"), "{}", ran.err);
    assert_eq!(home.digest(), before);
    fs::remove_file(&files[1]).unwrap();
    let ran = home.import(&bucket);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.err.contains("waiting for AWS: 1 of"), "{}", ran.err);
    assert_eq!(home.digest(), before);
    fs::write(&files[1], good).unwrap();
    assert_eq!(home.import(&bucket).code, 0);
    assert_ne!(home.digest(), before);
}

#[test]
fn inv_one_bad_records_go_to_quarantine_when_asked() {
    let home = Home::new();
    let good = row("Usage", "USD", "1.25", "a,");
    let bad = row("Usage", "USD", "1.2.5", "a,");
    fs::write(home.path("r.csv"), tiny(&[&good, &bad, &good])).unwrap();
    let path = home.path("r.csv");
    let ran = home.run(&["import", path.to_str().unwrap(), "--quarantine"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert_eq!(home.ask("SELECT COUNT(*) FROM cost_and_usage"), "2");
    assert_eq!(home.ask("SELECT SUM(BilledCost) FROM costs"), "2.5");
    assert_eq!(home.ask("SELECT x_SourceRow FROM quarantine"), "3");
    assert_eq!(home.ask("SELECT \"Value\" FROM quarantine"), "1.2.5");
    assert_eq!(home.ask("SELECT LineItems FROM deliveries"), "3");
    assert_eq!(home.ask("SELECT QuarantinedRows FROM deliveries"), "1");
}

#[test]
fn wrong_usage_and_empty_places() {
    let home = Home::new();
    assert_eq!(home.run(&[]).code, 2);
    let ran = home.run(&["import", "/no/such/place"]);
    assert_eq!(ran.code, 3, "{}", ran.err);
    assert!(ran.err.contains("/no/such/place: no such file or folder"), "{}", ran.err);
    fs::create_dir_all(home.path("void")).unwrap();
    assert_eq!(home.import(&home.path("void")).code, 3);
    let ran = home.run(&["sql", "SELECT 1"]);
    assert_eq!(ran.code, 1, "{}", ran.err);
    assert!(ran.err.contains("billhook import"), "{}", ran.err);
    let home = Home::new();
    let ran = home.run(&["doctor"]);
    assert_eq!(ran.code, 0, "{}", ran.out);
    assert!(!home.path("home").exists(), "looking has made something");
}

#[test]
fn sql_is_read_only_and_says_what_is_wrong() {
    let (home, before) = with_good_month();
    for sql in [
        "DROP TABLE costs",
        "DELETE FROM cost_and_usage",
        "INSERT INTO changes SELECT * FROM changes",
        "COPY costs TO '/tmp/stolen.csv'",
        "CREATE EXTERNAL TABLE t STORED AS CSV LOCATION '/etc/passwd'",
        "SELECT NoSuchColumn FROM costs",
    ] {
        let ran = home.run(&["sql", sql]);
        assert_eq!(ran.code, 2, "{sql}: {}", ran.err);
        assert!(ran.err.len() < 300, "{}", ran.err);
    }
    assert_eq!(home.digest(), before);
}
