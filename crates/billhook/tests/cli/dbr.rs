//! Detailed Billing Reports: exact against the ledger and against a legacy Cost and Usage Report of
//! the same ledger; the files of a month check each other (INV-SUM, INV-ONE).

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use billhook_sources::text::inflate::{Input, Limits};
use billhook_testkit::calendar::Month;
use billhook_testkit::decimal::Decimal;
use billhook_testkit::render::cur::{Compression, CurReport, Layout, write_delivery};
use billhook_testkit::render::dbr::{China, DbrReport, ReportType, Written, write_month};
use billhook_testkit::synth::Line;

use crate::support::{Home, Ran, organisation, report};

const AUGUST: Month = Month::new(2026, 8);

/// Reports of a payer, all four unless told otherwise.
fn definition(payer: usize) -> DbrReport {
    let organisation = organisation();
    let payer = &organisation.payers()[payer];
    DbrReport {
        account: payer.id.to_owned(),
        prefix: String::new(),
        reports: ReportType::ALL.to_vec(),
        consolidated: true,
        tag_keys: payer.tag_keys.iter().map(|key| (*key).to_owned()).collect(),
        disclaimer: true,
        china: None,
    }
}

fn lines(payer: usize, month: Month) -> Vec<Line> {
    let organisation = organisation();
    organisation.ledger(&organisation.payers()[payer], month, 1)
}

fn write(home: &Home, report: &DbrReport, payer: usize, month: Month) -> Written {
    write_month(&home.path("bucket"), report, month, &lines(payer, month)).unwrap()
}

fn import(home: &Home) -> Ran {
    let ran = home.import(&home.path("bucket"));
    assert_eq!(ran.code, 0, "{}", ran.err);
    ran
}

fn table(home: &Home, sql: &str) -> Vec<Vec<String>> {
    let ran = home.run(&["sql", sql, "--format", "csv"]);
    assert_eq!(ran.code, 0, "{sql}\n{}", ran.err);
    ran.out.lines().skip(1).map(|l| l.split(',').map(str::to_owned).collect()).collect()
}

/// Unpacks a report, changes its text, and puts it in the place of the archive.
fn tamper(path: &Path, change: impl FnOnce(String) -> String) -> PathBuf {
    let input = Input::File(fs::File::open(path).unwrap());
    let mut blocks = input.open(Limits::default()).unwrap();
    let mut text = Vec::new();
    while let Some(block) = blocks.next_block().unwrap() {
        text.extend_from_slice(&block);
    }
    let text = change(String::from_utf8(text).unwrap());
    fs::remove_file(path).unwrap();
    let plain = path.to_str().unwrap().trim_end_matches(".zip").to_owned();
    fs::write(&plain, text).unwrap();
    plain.into()
}

/// The line of a report that has `word`, with `new` in place of `old` (the last one in it).
fn replace_last(text: &str, word: &str, old: &str, new: &str) -> String {
    let line = text.lines().find(|line| line.contains(word)).unwrap();
    let at = line.rfind(old).unwrap();
    let changed = format!("{}{new}{}", &line[..at], &line[at + old.len()..]);
    text.replace(line, &changed)
}

#[test]
fn inv_sum_four_files_are_one_bill_of_each_payer_and_month() {
    let home = Home::new();
    let months = organisation().months();
    let mut written: BTreeMap<(String, String), (Decimal, usize)> = BTreeMap::new();
    for payer in [0, 1] {
        let report = definition(payer);
        for &month in &months {
            let total = write(&home, &report, payer, month).total;
            let key = (format!("dbr-{}", report.account), month.to_string());
            written.insert(key, (total, lines(payer, month).len()));
        }
    }
    let ran = import(&home);
    // The reports agree, and the monthly ones say the currency: nothing to tell.
    assert!(!ran.err.contains("note:"), "{}", ran.err);
    let summed = table(
        &home,
        "SELECT x_Connection, x_BillingPeriod, SUM(x_UnblendedCost), SUM(BilledCost), \
         SUM(EffectiveCost) FROM cost_and_usage GROUP BY 1, 2",
    );
    let told = table(
        &home,
        "SELECT x_Connection, x_BillingPeriod, LineItems, StoredRows, Files, Kind FROM deliveries",
    );
    assert_eq!((summed.len(), told.len()), (4, 4));
    for row in summed {
        let total = written[&(row[0].clone(), row[1].clone())].0.to_string();
        assert_eq!(row[2..], [total.clone(), total.clone(), total], "{row:?}");
    }
    for row in told {
        // The rounding row is a line, totals are none.
        let (total, count) = &written[&(row[0].clone(), row[1].clone())];
        let count = (count + 1).to_string();
        assert_eq!([&row[2], &row[4], &row[5]], [&count, "4", "dbr"], "{row:?}");
        let of = format!("x_Connection = '{}' AND x_BillingPeriod = '{}'", row[0], row[1]);
        // What the fee of a commitment buys is a row of its own.
        let fees = "ChargeCategory = 'Purchase' AND BilledCost <> 0";
        let fees = home.ask(&format!("SELECT COUNT(*) FROM cost_and_usage WHERE {of} AND {fees}"));
        let number = |text: &str| text.parse::<u64>().unwrap();
        assert_eq!(number(&row[3]), number(&row[2]) + number(&fees), "{row:?}: {fees} fees");
        assert_ne!(fees, "0");
        let totals = home.ask(&format!("SELECT \"ControlTotals\" FROM deliveries WHERE {of}"));
        let totals: serde_json::Value = serde_json::from_str(&unquoted(&totals)).unwrap();
        let totals = totals.as_array().unwrap();
        let statements = totals.iter().filter(|one| one["Total"] == "StatementTotal");
        assert!(statements.clone().all(|one| one["Lines"] == total.to_string()));
        assert_eq!(statements.count(), 4);
        assert!(totals.iter().any(|one| one["Total"] == "AccountTotal"));
        assert!(totals.iter().any(|one| one["Total"] == "InvoiceTotal"));
        assert!(totals.iter().all(|one| one["Difference"] == "0"), "{totals:?}");
    }
    let names = table(&home, "SELECT DISTINCT x_SourceFile FROM cost_and_usage");
    assert!(names.iter().all(|n| n[0].contains("resources-and-tags")), "{names:?}");
    let before = home.digest();
    assert_eq!(import(&home).err.matches("unchanged").count(), 4);
    assert_eq!(home.digest(), before);
}

/// A cell of CSV without its quotes.
fn unquoted(cell: &str) -> String {
    let inner = cell.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(cell);
    inner.replace("\"\"", "\"")
}

#[test]
fn each_report_alone_adds_up_to_the_bill() {
    for kind in ReportType::ALL {
        let home = Home::new();
        let report = DbrReport { reports: vec![kind], prefix: "p/q".to_owned(), ..definition(1) };
        let written = write(&home, &report, 1, AUGUST);
        let ran = import(&home);
        let total = home.ask("SELECT SUM(x_UnblendedCost) FROM cost_and_usage");
        assert_eq!(total, written.total.to_string(), "{kind:?}");
        assert_eq!(ran.err.contains("USD is assumed"), kind.is_detailed(), "{}", ran.err);
        assert!(!ran.err.contains("difference"), "{}", ran.err);
        let monthly = home.ask("SELECT Granularity FROM deliveries") == "monthly";
        assert_eq!(monthly, !kind.is_detailed());
        let rounding = u64::from(kind.is_detailed());
        let rows = home.ask("SELECT LineItems FROM deliveries");
        assert_eq!(rows, (written.files[0].rows + rounding).to_string());
        let ends = table(&home, "SELECT DISTINCT BillingPeriodEnd FROM cost_and_usage");
        assert_eq!(ends.len(), 1);
        assert!(ends[0][0].starts_with("2026-09-01"), "{ends:?}");
        // A record id on every row, an invoice number as the month is over.
        assert_eq!(home.ask("SELECT COUNT(*) FROM cost_and_usage WHERE x_LineItemId IS NULL"), "0");
        let tagged = "SELECT COUNT(*) > 0 FROM cost_and_usage WHERE \"Tags\"['team'] IS NOT NULL";
        let has_tags =
            matches!(kind, ReportType::CostAllocation | ReportType::DetailedWithResources);
        assert_eq!(home.ask(tagged), has_tags.to_string(), "{kind:?}");
        let named = "SELECT COUNT(*) > 0 FROM cost_and_usage WHERE SubAccountName <> SubAccountId";
        assert_eq!(home.ask(named), (!kind.is_detailed()).to_string(), "{kind:?}");
    }
}

/// Sums of columns by a few others.
fn sums(
    home: &Home,
    connection: &str,
    keys: &str,
    columns: &[&str],
) -> BTreeMap<String, Vec<String>> {
    let list: Vec<String> = columns.iter().map(|c| format!("COALESCE(SUM({c}), 0)")).collect();
    let ordinals: Vec<String> = (1..=keys.split(',').count()).map(|n| n.to_string()).collect();
    let sql = format!(
        "SELECT {keys}, {} FROM cost_and_usage WHERE x_Connection = '{connection}' \
         AND x_LineItemType NOT IN ('Rounding', 'x_Residual') GROUP BY {}",
        list.join(", "),
        ordinals.join(", "),
    );
    let rows = table(home, &sql).into_iter().map(|mut row| {
        let sums = row.split_off(row.len() - columns.len());
        (row.join(","), sums)
    });
    // Second rows of a Cost and Usage Report carry 0.
    rows.filter(|(_, sums)| sums.iter().any(|sum| units(sum) != 0)).collect()
}

#[test]
fn the_same_ledger_gives_the_same_sums_as_a_cost_and_usage_report() {
    let months = organisation().months();
    for (payer, month) in [(0, months[0]), (1, months[0]), (1, months[1])] {
        let home = Home::new();
        let own = organisation().payers()[payer].clone();
        let cur = CurReport {
            account: own.id.to_owned(),
            with_net: own.edp_percent.is_some(),
            ..report(Layout::CreateNew, Compression::Gzip)
        };
        let ledger = lines(payer, month);
        write_delivery(&home.path("cur"), &cur, month, "20260907T031500Z", &ledger).unwrap();
        assert_eq!(home.import(&home.path("cur")).code, 0);
        write(&home, &definition(payer), payer, month);
        import(&home);
        let dbr = format!("dbr-{}", own.id);
        let day = "CAST(CAST(ChargePeriodStart AS DATE) AS VARCHAR), SubAccountId, ServiceName, \
                   ServiceCategory";
        let category = format!("{day}, ChargeCategory");
        let columns = ["x_UnblendedCost", "x_BlendedCost"];
        let theirs = sums(&home, "hourly", &category, &columns);
        assert_same(&sums(&home, &dbr, &category, &columns), &theirs, 2);
        // What covered usage is billed is taken away again on the same day: no matter where a
        // report does that, and on which rows discounts stand.
        let theirs = sums(&home, "hourly", day, &["BilledCost"]);
        assert_same(&sums(&home, &dbr, day, &["BilledCost"]), &theirs, 1);
        let rounding = "SELECT SUM(BilledCost), MIN(ChargeCategory) FROM cost_and_usage WHERE \
                        x_LineItemType = 'Rounding'";
        assert_eq!(table(&home, rounding), [["0.00000037", "Adjustment"]]);
        // The report with the more authority counts.
        assert_eq!(home.ask("SELECT COUNT(DISTINCT x_Connection) FROM costs"), "1");
        assert_eq!(home.ask("SELECT MIN(x_Connection) FROM costs"), "hourly");
    }
}

fn units(text: &str) -> i128 {
    billhook_money::parse(text.as_bytes()).unwrap().units
}

/// The same but for one line, from which the reports take what their rounding row adds.
fn assert_same(
    ours: &BTreeMap<String, Vec<String>>,
    theirs: &BTreeMap<String, Vec<String>>,
    columns: usize,
) {
    let keys = |sums: &BTreeMap<String, Vec<String>>| sums.keys().cloned().collect::<Vec<_>>();
    assert_eq!(keys(ours), keys(theirs));
    let mut rounded = 0;
    for (key, sums) in ours {
        for (our, their) in sums.iter().zip(&theirs[key]) {
            let missing = units(their) - units(our);
            assert!([0, 370_000_000_000].contains(&missing), "{key}: {our} is not {their}");
            rounded += usize::from(missing != 0);
        }
    }
    assert_eq!(rounded, columns);
}

#[test]
fn a_total_that_lies_is_told_with_both_figures() {
    let home = Home::new();
    let report = DbrReport { reports: vec![ReportType::DetailedWithResources], ..definition(0) };
    let written = write(&home, &report, 0, AUGUST);
    let total = written.total.to_string();
    let path = tamper(&written.files[0].path, |text| {
        replace_last(&text, "\"StatementTotal\"", &format!("\"{total}\""), "\"12345.5\"")
    });
    let ran = import(&home);
    for word in ["StatementTotal is 12345.5 USD", &format!("add up to {total} USD"), "difference"] {
        assert!(ran.err.contains(word), "{word}: {}", ran.err);
    }
    let name = path.file_name().unwrap().to_str().unwrap();
    assert!(ran.err.contains(name), "{}", ran.err);
    assert_eq!(home.ask("SELECT SUM(BilledCost) FROM costs"), total);
    assert!(home.ask("SELECT \"ControlTotals\" FROM deliveries").contains("12345.5"));
}

#[test]
fn a_report_beside_that_lies_or_is_damaged_is_told() {
    let home = Home::new();
    let report = DbrReport {
        reports: vec![ReportType::Monthly, ReportType::CostAllocation, ReportType::Detailed],
        ..definition(0)
    };
    let written = write(&home, &report, 0, AUGUST);
    let monthly = tamper(&written.files[0].path, |text| {
        replace_last(&text, "\"AccountTotal\"", &format!("\"{}\"", last_cell(&text)), "\"0.25\"")
    });
    let allocation = &written.files[1].path;
    let text = fs::read_to_string(allocation).unwrap();
    let half: Vec<&str> = text.lines().take(60).collect();
    fs::write(allocation, half.join("\n")).unwrap();
    let ran = import(&home);
    let name = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
    let told =
        |words: [&str; 2]| ran.err.lines().any(|line| words.iter().all(|word| line.contains(word)));
    assert!(told([&name(&monthly), "is 0.25 USD"]), "{}", ran.err);
    assert!(told([&name(allocation), "the sum of its lines"]), "{}", ran.err);
    let total = home.ask("SELECT SUM(BilledCost) FROM costs");
    assert_eq!(total, written.total.to_string());
    fs::write(allocation, b"\"Don't\"\n\"InvoiceID\",\"Payer").unwrap();
    let ran = import(&home);
    assert!(ran.err.contains("cannot be checked by a file beside it"), "{}", ran.err);
    assert!(ran.err.contains(&name(allocation)), "{}", ran.err);
}

/// The last cell of the first total of an account.
fn last_cell(text: &str) -> String {
    let line = text.lines().find(|line| line.contains("\"AccountTotal\"")).unwrap();
    line.rsplit('"').nth(1).unwrap().to_owned()
}

#[test]
fn a_file_overwritten_in_place_is_a_restatement() {
    let home = Home::new();
    let report = definition(0);
    let old = write(&home, &report, 0, AUGUST).total;
    import(&home);
    let organisation = organisation();
    let mut newer = organisation.ledger(&organisation.payers()[0], AUGUST, 1);
    newer.truncate(newer.len() / 2);
    let new = write_month(&home.path("bucket"), &report, AUGUST, &newer).unwrap().total;
    let ran = import(&home);
    assert!(ran.err.contains("restated"), "{}", ran.err);
    assert_eq!(home.ask("SELECT SUM(BilledCost) FROM costs"), new.to_string());
    let difference = home.ask("SELECT SUM(BilledCostDifference) FROM changes");
    assert_eq!(difference, new.to_string(), "the ledger adds up");
    let step = "SELECT SUM(BilledCostDifference) FROM changes WHERE x_PreviousRevision IS NOT NULL";
    assert_eq!(home.ask(step), (new - old).to_string());
}

#[test]
fn a_stand_alone_account_has_rate_and_cost() {
    let home = Home::new();
    let report = DbrReport { consolidated: false, disclaimer: false, ..definition(0) };
    let mut own = lines(0, AUGUST);
    own.retain(|line| line.account.id == report.account);
    let written = write_month(&home.path("bucket"), &report, AUGUST, &own).unwrap();
    let ran = import(&home);
    assert!(!ran.err.contains("note:"), "{}", ran.err);
    let total = home.ask("SELECT SUM(x_UnblendedCost) FROM cost_and_usage");
    assert_eq!(total, written.total.to_string());
    assert_eq!(home.ask("SELECT COUNT(x_BlendedCost) FROM cost_and_usage"), "0");
    assert_eq!(home.ask("SELECT DISTINCT SubAccountId FROM costs"), report.account);
}

#[test]
fn chinese_reports_are_in_yuan() {
    let home = Home::new();
    let reports = vec![ReportType::Detailed];
    let report = DbrReport { reports, china: Some(China::Ningxia), ..definition(0) };
    write(&home, &report, 0, AUGUST);
    let ran = import(&home);
    assert!(ran.err.contains("CNY is assumed"), "{}", ran.err);
    assert_eq!(home.ask("SELECT DISTINCT BillingCurrency FROM cost_and_usage"), "CNY");
}

#[test]
fn inv_one_damaged_reports_are_refused_and_name_the_place() {
    let damage = |name: &str, words: &[&str], change: &dyn Fn(&str) -> String| {
        let home = Home::new();
        let report = DbrReport { reports: vec![ReportType::Detailed], ..definition(0) };
        let written = write(&home, &report, 0, AUGUST);
        let path = tamper(&written.files[0].path, |text| change(&text));
        let ran = home.import(&home.path("bucket"));
        assert_eq!(ran.code, 4, "{name}: {}", ran.err);
        let file = path.file_name().unwrap().to_str().unwrap().to_owned();
        for word in words.iter().chain([&file.as_str()]) {
            assert!(ran.err.contains(word), "{name}: {word}: {}", ran.err);
        }
        assert_eq!(home.ask("SELECT COUNT(*) FROM cost_and_usage"), "0", "{name}");
    };
    // The header is record 1.
    let third = |text: &str, change: &dyn Fn(&str) -> String| {
        let line = text.lines().nth(2).unwrap();
        text.replace(line, &change(line))
    };
    damage("amount", &["record 3", "UnBlendedCost", "\"1O.5\""], &|text| {
        third(text, &|line| {
            let (head, _) = line.rsplit_once(',').unwrap();
            format!("{head},\"1O.5\"")
        })
    });
    damage("many", &["record 3", "22 fields", "header has 21"], &|text| {
        third(text, &|line| format!("{line},\"surplus\""))
    });
    damage("quote", &["quotation mark"], &|text| format!("{text}\"never ends"));
    let home = Home::new();
    let report = DbrReport { reports: vec![ReportType::Detailed], ..definition(0) };
    let path = write(&home, &report, 0, AUGUST).files[0].path.clone();
    let good = fs::read(&path).unwrap();
    fs::write(&path, &good[..good.len() / 2]).unwrap();
    let ran = home.import(&home.path("bucket"));
    assert_eq!(ran.code, 4, "{}", ran.err);
    let name = path.file_name().unwrap().to_str().unwrap();
    assert!(ran.err.contains(name) && ran.err.contains("mend:"), "{}", ran.err);
    fs::write(&path, good).unwrap();
    import(&home);
}

#[test]
fn a_lake_of_an_earlier_version_gets_the_new_column() {
    let home = Home::new();
    let report = DbrReport { reports: vec![ReportType::Monthly], ..definition(0) };
    write(&home, &report, 0, AUGUST);
    import(&home);
    // As it was before there were control totals.
    let log = home.path("home/lake/deliveries/_delta_log");
    let first = log.join("00000000000000000000.json");
    let text = fs::read_to_string(&first).unwrap();
    let column =
        r#",{\"name\":\"ControlTotals\",\"type\":\"string\",\"nullable\":true,\"metadata\":{}}"#;
    assert!(text.contains(column), "{text}");
    fs::write(&first, text.replace(column, "")).unwrap();
    assert_eq!(home.ask("SELECT COUNT(*) FROM deliveries"), "1");
    write(&home, &report, 0, Month::new(2026, 9));
    import(&home);
    assert_eq!(home.ask("SELECT COUNT(*) FROM deliveries"), "2");
    let widened = fs::read_to_string(log.join("00000000000000000002.json")).unwrap();
    assert!(widened.contains("metaData") && widened.contains("ControlTotals"), "{widened}");
    assert_eq!(import(&home).err.matches("unchanged").count(), 2);
}

#[test]
fn an_export_conforms_to_focus() {
    let home = Home::new();
    write(&home, &definition(0), 0, AUGUST);
    import(&home);
    let Some((_, text)) = crate::exact::validate(&home, "2026-08") else { return };
    let told: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(told["unexpected"], serde_json::json!([]), "{text}");
}
