//! The reports as a reader finds them, and their sums against the ledger.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use super::{China, DbrReport, ReportType, Written, write_month};
use crate::calendar::{Date, Month};
use crate::decimal::Decimal;
use crate::synth::{Kind, Line, Organisation, Scale};

/// A folder of its own for one test, removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir()
            .join(format!("billhook-testkit-dbr-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).expect("temporary folder");
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).unwrap_or_default();
    }
}

type Row = BTreeMap<String, String>;

fn bill(payer: usize, month: usize) -> (DbrReport, Month, Vec<Line>) {
    let organisation = Organisation::ending(3, Date::new(2026, 8, 19), Scale::Small);
    let payer = &organisation.payers()[payer];
    let month = organisation.months()[month];
    let report = DbrReport {
        account: payer.id.to_owned(),
        prefix: String::new(),
        reports: ReportType::ALL.to_vec(),
        consolidated: true,
        tag_keys: payer.tag_keys.iter().map(|&key| key.to_owned()).collect(),
        disclaimer: true,
        china: None,
    };
    (report, month, organisation.ledger(payer, month, 1))
}

fn unpack(path: &Path) -> String {
    let bytes = fs::read(path).expect("report");
    if path.extension().is_some_and(|end| end == "csv") {
        return String::from_utf8(bytes).expect("UTF-8");
    }
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(bytes)).expect("archive");
    assert_eq!(archive.len(), 1);
    let mut entry = archive.by_index(0).expect("entry");
    assert_eq!(Some(entry.name()), path.file_stem().and_then(|stem| stem.to_str()));
    let mut text = String::new();
    entry.read_to_string(&mut text).expect("readable");
    text
}

/// Splits one line, in which every field is quoted and none has a line break.
fn split(row: &str) -> Vec<String> {
    let inner = row.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).expect("quotes");
    inner.split("\",\"").map(|cell| cell.replace("\"\"", "\"")).collect()
}

/// The rows of a report by header.
fn rows(written: &Written, kind: ReportType) -> Vec<Row> {
    let file = written.files.iter().find(|file| file.report == kind).expect("written");
    let text = unpack(&file.path);
    let text = text.lines().skip_while(|line| !line.starts_with("\"InvoiceID\""));
    let mut lines = text.map(split);
    let header = lines.next().expect("header");
    let row = |cells: Vec<String>| {
        assert_eq!(cells.len(), header.len(), "{cells:?}");
        header.iter().cloned().zip(cells).collect()
    };
    lines.map(row).collect()
}

/// Reads what `Display` wrote.
fn number(text: &str) -> Decimal {
    let (sign, digits) = text.strip_prefix('-').map_or((1, text), |rest| (-1, rest));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let units: i128 = format!("{whole}{fraction:0<18}").parse().expect("digits");
    Decimal::from_units(sign * units)
}

fn sum<'a>(rows: impl IntoIterator<Item = &'a Row>, column: &str) -> Decimal {
    let cells = rows.into_iter().map(|row| row[column].as_str());
    cells.filter(|cell| !cell.is_empty()).map(number).sum()
}

fn of<'a>(rows: &'a [Row], types: &'a [&str]) -> impl Iterator<Item = &'a Row> {
    rows.iter().filter(move |row| types.contains(&row["RecordType"].as_str()))
}

#[test]
fn files_are_named_like_aws() {
    let (own, _, _) = bill(0, 0);
    let month = Month::new(2019, 5);
    assert_eq!(own.key(ReportType::Monthly, month), "111122223333-aws-billing-csv-2019-05.csv");
    assert_eq!(
        own.key(ReportType::CostAllocation, month),
        "111122223333-aws-cost-allocation-2019-05.csv"
    );
    assert_eq!(
        own.key(ReportType::Detailed, month),
        "111122223333-aws-billing-detailed-line-items-2019-05.csv.zip"
    );
    let china = DbrReport { prefix: "old/bills".to_owned(), china: Some(China::Ningxia), ..own };
    assert_eq!(
        china.key(ReportType::DetailedWithResources, month),
        "old/bills/111122223333-aws-billing-detailed-line-items-with-resources-and-tags-\
         ACTS-Ningxia-2019-05.csv.zip"
    );
}

#[test]
fn headers_are_those_of_aws() {
    let folder = Folder::new("headers");
    let (own, month, lines) = bill(0, 0);
    for consolidated in [true, false] {
        let own = DbrReport { consolidated, ..own.clone() };
        let written = write_month(&folder.0, &own, month, &lines[..5]).expect("written");
        let header = |at: usize, line: usize| {
            let text = unpack(&written.files[at].path);
            split(text.lines().nth(line).expect("a line"))
        };
        let monthly = header(0, 0);
        assert_eq!(monthly.len(), 29);
        assert!(header(1, 0)[0].starts_with("Don't see your tags in the report?"));
        let allocation = header(1, 1);
        assert_eq!((allocation.len(), allocation[17].as_str()), (34, "AvailabilityZone"));
        assert_eq!(allocation[30..], own.tag_keys[..]);
        let detailed = header(2, 0);
        assert_eq!(detailed.len(), if consolidated { 21 } else { 19 });
        let last = if consolidated { "UnBlendedCost" } else { "Cost" };
        assert_eq!(detailed.last().map(String::as_str), Some(last));
        let with_tags = header(3, 0);
        assert_eq!(with_tags[..detailed.len()], detailed[..]);
        assert_eq!(with_tags[detailed.len()], "ResourceId");
        assert_eq!(with_tags[detailed.len() + 1..], own.tag_keys[..]);
    }
}

#[test]
fn detailed_sums_close() {
    let folder = Folder::new("detailed");
    for (payer, month) in [(0, 0), (0, 3), (1, 0), (1, 1)] {
        let (own, month, lines) = bill(payer, month);
        let written = write_month(&folder.0, &own, month, &lines).expect("written");
        let total: Decimal = lines.iter().map(|line| line.cost).sum();
        assert_eq!(written.total, total);
        for kind in [ReportType::Detailed, ReportType::DetailedWithResources] {
            let rows = rows(&written, kind);
            let charges = ["LineItem", "Discount", "Rounding"];
            assert_eq!(of(&rows, &charges).count(), lines.len() + 1);
            assert_eq!(of(&rows, &["Rounding"]).count(), 1);
            for part in [&charges[..], &["InvoiceTotal"], &["AccountTotal"], &["StatementTotal"]] {
                assert_eq!(sum(of(&rows, part), "UnBlendedCost"), total, "{part:?}");
            }
            let blended: Decimal = lines.iter().filter_map(Line::blended_cost).sum();
            assert_eq!(sum(of(&rows, &charges), "BlendedCost"), blended);
            assert_eq!(sum(of(&rows, &["StatementTotal"]), "BlendedCost"), blended);
            for account in of(&rows, &["AccountTotal"]) {
                let id = &account["LinkedAccountId"];
                let own = of(&rows, &charges).filter(|row| row["LinkedAccountId"] == *id);
                assert_eq!(sum(own, "UnBlendedCost"), number(&account["UnBlendedCost"]));
            }
            let last = rows.last().expect("rows");
            assert_eq!(last["RecordType"], "StatementTotal");
        }
    }
}

#[test]
fn monthly_sums_close() {
    let folder = Folder::new("monthly");
    for (payer, month) in [(0, 0), (0, 3), (1, 0), (1, 1)] {
        let (own, month, lines) = bill(payer, month);
        let written = write_month(&folder.0, &own, month, &lines).expect("written");
        let cost = |keep: fn(&Line) -> bool| -> Decimal {
            lines.iter().filter(|line| keep(line)).map(|line| line.cost).sum()
        };
        let tax = cost(|line| line.kind == Kind::Tax);
        let credits = cost(|line| line.kind == Kind::Credit);
        for (at, kind) in [(0, ReportType::Monthly), (1, ReportType::CostAllocation)] {
            let rows = rows(&written, kind);
            let charges = ["PayerLineItem", "LinkedLineItem"];
            let count = of(&rows, &charges).count();
            assert_eq!(count as u64, written.files[at].rows);
            assert!(count < lines.len() && of(&rows, &charges[..1]).count() > 0);
            for part in [&charges[..], &["InvoiceTotal"], &["AccountTotal"], &["StatementTotal"]] {
                assert_eq!(sum(of(&rows, part), "TotalCost"), written.total);
                assert_eq!(sum(of(&rows, part), "TaxAmount"), tax);
                assert_eq!(sum(of(&rows, part), "Credits"), credits);
                let before = sum(of(&rows, part), "CostBeforeTax");
                assert_eq!(before + credits + tax, written.total);
            }
            assert!(rows.iter().all(|row| row["BillingPeriodEndDate"].ends_with(" 23:59:59")));
            assert!(rows.iter().all(|row| row["CurrencyCode"] == "USD"));
        }
    }
}

#[test]
fn words_tell_the_kind() {
    let folder = Folder::new("words");
    let mut seen = Vec::new();
    for (payer, month) in [(0, 0), (0, 2), (1, 0)] {
        let (own, month, lines) = bill(payer, month);
        let written = write_month(&folder.0, &own, month, &lines).expect("written");
        let rows = rows(&written, ReportType::DetailedWithResources);
        for (row, line) in rows.iter().zip(&lines) {
            let word = match line.kind {
                Kind::Tax => "Tax",
                Kind::Credit => "Credit",
                Kind::Refund => "Refund",
                Kind::SavingsPlanNegation => "SavingsPlanNegation used by AccountId : ",
                Kind::Fee if line.commitment.reservation().is_some() => {
                    assert_eq!(row["SubscriptionId"], "");
                    "Sign up charge for subscription"
                }
                _ => "",
            };
            assert!(row["ItemDescription"].contains(word), "{row:?}");
            assert_eq!(row["RecordType"] == "Discount", line.kind == Kind::EdpDiscount);
            let reserved = line.commitment.reservation().is_some();
            assert_eq!(row["ReservedInstance"], if reserved { "Y" } else { "N" });
            assert_eq!(row["RecordId"].len(), 26);
            if !seen.contains(&word) {
                seen.push(word);
            }
        }
        assert!(rows.iter().any(|row| row["user:Name"] == "web, \"blue\" canary"));
    }
    assert_eq!(seen.len(), 6, "{seen:?}");
}

#[test]
fn open_months_are_estimated() {
    let folder = Folder::new("open");
    let (own, month, lines) = bill(0, 3);
    let written = write_month(&folder.0, &own, month, &lines).expect("written");
    for kind in ReportType::ALL {
        let rows = rows(&written, kind);
        let estimated = rows.iter().filter(|row| row["InvoiceID"] == "Estimated").count();
        // All rows but the totals of accounts and of the statement.
        let others = of(&rows, &["AccountTotal", "StatementTotal"]).count();
        assert_eq!(estimated + others, rows.len());
        assert!(rows.iter().any(|row| row.values().any(|cell| cell == "InvoiceTotal:Estimated")));
    }
}

#[test]
fn a_single_account_pays_for_itself() {
    let folder = Folder::new("single");
    let (own, month, mut lines) = bill(0, 0);
    let own = DbrReport { consolidated: false, disclaimer: false, ..own };
    lines.retain(|line| line.account.id == own.account);
    let written = write_month(&folder.0, &own, month, &lines).expect("written");
    let detailed = rows(&written, ReportType::Detailed);
    assert_eq!(of(&detailed, &["AccountTotal"]).count(), 0);
    assert!(detailed.iter().all(|row| row["LinkedAccountId"].is_empty()));
    assert_eq!(sum(of(&detailed, &["StatementTotal"]), "Cost"), written.total);
    assert_eq!(sum(of(&detailed, &["LineItem", "Rounding"]), "Cost"), written.total);
    let allocation = unpack(&written.files[1].path);
    assert!(allocation.starts_with("\"InvoiceID\","));
    let empty = write_month(&folder.0, &own, month, &[]).expect("written");
    assert_eq!(rows(&empty, ReportType::Detailed).len(), 1);
}
