//! The wide report is well formed, repeatable, and about as heavy as a real one.

use std::collections::HashMap;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use super::{WideSummary, write_wide_cur};

const ROWS: u64 = 8_000;

/// Writes a report of [`ROWS`] rows to a folder of its own and shows it to `check`.
fn with_report(name: &str, chunk_rows: u64, check: impl FnOnce(&Path, &WideSummary)) {
    let folder: PathBuf =
        std::env::temp_dir().join(format!("billhook-wide-{name}-{}", std::process::id()));
    let summary = write_wide_cur(&folder, ROWS, chunk_rows, 7).expect("written");
    check(&folder, &summary);
    fs::remove_dir_all(&folder).expect("removed");
}

fn unpack(path: &Path) -> String {
    let mut text = String::new();
    let bytes = fs::read(path).expect("data file");
    flate2::read::GzDecoder::new(&bytes[..]).read_to_string(&mut text).expect("text");
    text
}

/// Splits a row whose quoted cells have no quotes inside.
fn split(row: &str) -> Vec<String> {
    let mut cells = vec![String::new()];
    let mut quoted = false;
    for letter in row.chars() {
        match letter {
            '"' => quoted = !quoted,
            ',' if !quoted => cells.push(String::new()),
            other => cells.last_mut().expect("a cell").push(other),
        }
    }
    cells
}

#[test]
fn rows_fit_their_header() {
    with_report("rows", 3_000, |folder, summary| {
        assert_eq!(summary.files.len(), 3);
        let manifest = fs::read_to_string(&summary.manifest_path).expect("manifest");
        let manifest: serde_json::Value = serde_json::from_str(&manifest).expect("JSON");
        let keys = manifest["reportKeys"].as_array().expect("keys");
        let mut count = 0;
        let mut kinds: HashMap<String, usize> = HashMap::new();
        for key in keys {
            let text = unpack(&folder.join(key.as_str().expect("a key")));
            let mut lines = text.lines();
            let header = split(lines.next().expect("header"));
            assert!((195..=230).contains(&header.len()), "{}", header.len());
            assert_eq!(header.len(), manifest["columns"].as_array().expect("columns").len());
            for line in lines {
                let cells = split(line);
                assert_eq!(cells.len(), header.len(), "{line}");
                // A row in three is enough for the closer look, which takes its time.
                if count % 3 == 0 {
                    check_row(&header, &cells);
                }
                let kind = header.iter().position(|own| own == "lineItem/LineItemType");
                *kinds.entry(cells[kind.expect("column")].clone()).or_default() += 1;
                count += 1;
            }
        }
        assert_eq!(count, ROWS);
        assert_eq!(kinds.len(), 11, "{kinds:?}");
        assert!(kinds["Usage"] > 6_000);
        assert_eq!(kinds["SavingsPlanCoveredUsage"], 4 * kinds["SavingsPlanNegation"]);
    });
}

/// Cells of known shape stand under their headers.
fn check_row(header: &[String], cells: &[String]) {
    let row: HashMap<&str, &str> =
        header.iter().map(String::as_str).zip(cells.iter().map(String::as_str)).collect();
    let kind = row["lineItem/LineItemType"];
    let is_number = |text: &str| text.chars().all(|letter| "0123456789.E-".contains(letter));
    let money = ["lineItem/UnblendedCost", "pricing/publicOnDemandCost", "lineItem/UsageAmount"];
    assert!(money.iter().all(|name| !row[name].is_empty() && is_number(row[name])), "{row:?}");
    assert_eq!(row["lineItem/LegalEntity"], "Amazon Web Services, Inc.");
    assert_eq!(row["lineItem/CurrencyCode"], "USD");
    let is_plan = kind.starts_with("SavingsPlan");
    assert_eq!(row["savingsPlan/SavingsPlanARN"].starts_with("arn:aws:savingsplans"), is_plan);
    assert_eq!(row["savingsPlan/OfferingType"], if is_plan { "ComputeSavingsPlans" } else { "" });
    assert_eq!(row["savingsPlan/StartTime"].is_empty(), !is_plan);
    assert_eq!(row["savingsPlan/UsedCommitment"].is_empty(), kind != "SavingsPlanRecurringFee");
    assert_eq!(
        row["savingsPlan/SavingsPlanEffectiveCost"].is_empty(),
        kind != "SavingsPlanCoveredUsage"
    );
    let is_reserved = matches!(kind, "DiscountedUsage" | "RIFee");
    assert_eq!(row["reservation/ReservationARN"].starts_with("arn:aws:ec2"), is_reserved);
    assert_eq!(row["reservation/EffectiveCost"].is_empty(), kind != "DiscountedUsage");
    assert_eq!(row["reservation/UpfrontValue"].is_empty(), kind != "RIFee");
    assert!(is_number(row["reservation/SubscriptionId"]));
    if kind == "Usage" {
        let filled =
            row.iter().filter(|(name, text)| name.starts_with("product/") && !text.is_empty());
        assert!(filled.count() > 40);
        assert_eq!(row["pricing/term"], "OnDemand");
        assert_eq!(row["product/servicecode"], row["lineItem/ProductCode"]);
    }
}

#[test]
fn one_file_or_many_and_always_the_same() {
    let read = |summary: &WideSummary| {
        summary.files.iter().map(|file| fs::read(file).expect("data file")).collect::<Vec<_>>()
    };
    let mut first = Vec::new();
    with_report("a", 3_000, |_, summary| first = read(summary));
    with_report("b", 3_000, |_, summary| assert!(first == read(summary)));
    with_report("one", 0, |_, summary| {
        assert_eq!(summary.files.len(), 1);
        assert_eq!(unpack(&summary.files[0]).lines().count(), 8_001);
    });
}

#[test]
fn weight_is_that_of_a_real_report() {
    with_report("weight", ROWS, |_, summary| {
        let row = summary.raw_bytes / summary.rows;
        assert!((900..1_080).contains(&row), "{row} bytes per row");
        let tenths = summary.raw_bytes * 10 / summary.gz_bytes;
        assert!((50..66).contains(&tenths), "packed to 10/{tenths}");
    });
}
