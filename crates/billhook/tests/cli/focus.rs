//! FOCUS data: AWS's own exports and files of any provider, of all versions, whole and exactly once
//! (INV-SUM, INV-ONE, INV-IDEM).

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use billhook_testkit::calendar::Month;
use billhook_testkit::render::cur::{Compression, CurReport, Layout, write_delivery};
use billhook_testkit::render::data_export::{self, ExportReport, Packing, Table};
use billhook_testkit::render::focus_file::{self, FocusFile, Version};
use billhook_testkit::synth::{Line, Payer};

use crate::exact::assert_conformant;
use crate::support::{Home, organisation, report, samples};

const MONTH: Month = Month::new(2026, 8);

/// Costs per day, account, service and category: the same whichever product they came by.
const COSTS: &str = "SELECT CAST(ChargePeriodStart AS DATE) AS d, SubAccountId, ServiceName, \
                     ServiceCategory, ServiceSubcategory, ChargeCategory, BillingCurrency, \
                     SUM(BilledCost), SUM(EffectiveCost), SUM(ListCost), SUM(ContractedCost) \
                     FROM costs GROUP BY 1, 2, 3, 4, 5, 6, 7 ORDER BY 1, 2, 3, 4, 5, 6, 7";

/// The same without what early versions and files do not tell of services that nobody knows.
const PLAIN_COSTS: &str = "SELECT CAST(ChargePeriodStart AS DATE) AS d, SubAccountId, \
                           ServiceName, ServiceCategory, ChargeCategory, BillingCurrency, \
                           SUM(BilledCost), SUM(EffectiveCost), SUM(ListCost), \
                           SUM(ContractedCost) FROM costs GROUP BY 1, 2, 3, 4, 5, 6 \
                           ORDER BY 1, 2, 3, 4, 5, 6";

fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn import(home: &Home, place: &Path) -> String {
    let ran = home.import(place);
    assert_eq!(ran.code, 0, "{}", ran.err);
    ran.err
}

fn rows(home: &Home, sql: &str) -> Vec<String> {
    let ran = home.run(&["sql", sql, "--format", "csv"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    ran.out.lines().skip(1).map(str::to_owned).collect()
}

/// A payer's month as a legacy report.
fn legacy(payer: &Payer, lines: &[Line]) -> Home {
    let home = Home::new();
    let definition = CurReport {
        account: payer.id.to_owned(),
        with_net: payer.edp_percent.is_some(),
        tag_keys: owned(payer.tag_keys),
        category_names: owned(payer.category_names),
        ..report(Layout::Overwrite, Compression::Gzip)
    };
    write_delivery(&home.path("cur"), &definition, MONTH, "20260907T031500Z", lines).unwrap();
    import(&home, &home.path("cur"));
    home
}

/// The same as AWS's FOCUS export, its data files alone.
fn export(home: &Home, payer: &Payer, lines: &[Line], table: Table, packing: Packing) -> PathBuf {
    let definition = ExportReport {
        account: payer.id.to_owned(),
        bucket: "bucket".to_owned(),
        prefix: "exports".to_owned(),
        export_name: "focus".to_owned(),
        export_uuid: "0d8a0c1e-1111-2222-3333-444455556666".to_owned(),
        table,
        layout: Layout::Overwrite,
        packing,
        chunk_rows: 900,
        with_resources: true,
        with_net: payer.edp_percent.is_some(),
        with_split: false,
        tag_keys: owned(payer.tag_keys),
        category_names: owned(payer.category_names),
        columns: Vec::new(),
    };
    let (id, time) = ("3b1f6c58-2f66-4a3b-8d0f-0e3a52b6c1aa", "2026-09-07T03:15:00.000Z");
    let delivery =
        data_export::write_delivery(&home.path("bucket"), &definition, MONTH, id, time, lines)
            .unwrap();
    fs::remove_dir_all(home.path("bucket/exports/focus/metadata")).unwrap();
    assert!(delivery.files.len() > 1);
    home.path("bucket")
}

fn plain(payer: &Payer, version: Version, packing: Packing) -> FocusFile {
    let with_net = payer.edp_percent.is_some();
    FocusFile { version, packing, with_net, tag_keys: owned(payer.tag_keys) }
}

#[test]
fn inv_sum_an_export_says_what_the_legacy_report_says() {
    let organisation = organisation();
    for payer in organisation.payers() {
        let lines = organisation.ledger(payer, MONTH, 1);
        let expected = rows(&legacy(payer, &lines), COSTS);
        assert!(expected.len() > 100);
        for table in [Table::Focus10, Table::Focus12] {
            for packing in [Packing::CsvGz, Packing::Parquet] {
                let home = Home::new();
                let place = export(&home, payer, &lines, table, packing);
                import(&home, &place);
                let title = format!("{} {table:?} {packing:?}", payer.name);
                assert_same(&title, &rows(&home, COSTS), &expected);
                assert_eq!(home.ask("SELECT DISTINCT Kind FROM deliveries"), "focus_export");
            }
        }
    }
}

#[test]
fn inv_sum_a_file_says_what_the_legacy_report_says() {
    let organisation = organisation();
    for payer in organisation.payers() {
        let lines = organisation.ledger(payer, MONTH, 1);
        let expected = rows(&legacy(payer, &lines), PLAIN_COSTS);
        for version in [Version::V1_0, Version::V1_1, Version::V1_2, Version::V1_3] {
            for packing in [Packing::Csv, Packing::Parquet] {
                let home = Home::new();
                let name = format!("focus.{}", packing.extension());
                let path = home.path(&name);
                focus_file::write(&path, &plain(payer, version, packing), &lines).unwrap();
                import(&home, &path);
                let title = format!("{} {version:?} {packing:?}", payer.name);
                assert_same(&title, &rows(&home, PLAIN_COSTS), &expected);
                assert_eq!(home.ask("SELECT DISTINCT Kind FROM deliveries"), "focus_files");
            }
        }
    }
}

fn assert_same(title: &str, ours: &[String], expected: &[String]) {
    let strange = ours.iter().find(|row| !expected.contains(row));
    let missing = expected.iter().find(|row| !ours.contains(row));
    assert_eq!((strange, missing), (None, None), "{title}");
    assert_eq!(ours.len(), expected.len(), "{title}");
}

#[test]
fn exports_of_focus_slices_conform() {
    let organisation = organisation();
    let payer = &organisation.payers()[1];
    let lines = organisation.ledger(payer, MONTH, 1);
    for table in [Table::Focus10, Table::Focus12] {
        let home = Home::new();
        let place = export(&home, payer, &lines, table, Packing::Parquet);
        import(&home, &place);
        assert_conformant(&home, "2026-08");
    }
    let home = Home::new();
    let path = home.path("focus.parquet");
    focus_file::write(&path, &plain(payer, Version::V1_3, Packing::Parquet), &lines).unwrap();
    import(&home, &path);
    assert_conformant(&home, "2026-08");
}

#[test]
fn inv_one_several_periods_of_a_file_are_slices_of_their_own() {
    let home = Home::new();
    let organisation = organisation();
    let payer = &organisation.payers()[0];
    let mut all = String::new();
    let mut counts = Vec::new();
    for month in [MONTH, Month::new(2026, 9)] {
        let path = home.path("one.csv");
        let lines = organisation.ledger(payer, month, 1);
        focus_file::write(&path, &plain(payer, Version::V1_2, Packing::Csv), &lines).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        let (header, body) = text.split_once('\n').unwrap();
        if all.is_empty() {
            all = format!("{header}\n");
        }
        all.push_str(body);
        counts.push(lines.len());
        fs::create_dir_all(home.path("months")).unwrap();
        fs::write(home.path(&format!("months/bill-{month}.csv")), &text).unwrap();
        fs::remove_file(&path).unwrap();
    }
    fs::write(home.path("bill.csv"), &all).unwrap();
    let told = import(&home, &home.path("bill.csv"));
    assert!(
        told.contains("bill 2026-08: loaded") && told.contains("bill 2026-09: loaded"),
        "{told}"
    );
    let sums = "SELECT x_BillingPeriod, COUNT(*), SUM(BilledCost), SUM(EffectiveCost) \
                FROM cost_and_usage GROUP BY 1 ORDER BY 1";
    let expected = rows(&home, sums);
    assert_eq!(expected.len(), 2);
    // A file for each month is the same dataset.
    let other = Home::new();
    let told = import(&other, &home.path("months"));
    assert!(told.contains("bill 2026-08") && told.contains("bill 2026-09"), "{told}");
    assert_eq!(rows(&other, sums), expected);
    // Again: nothing happens. With other content: the slices are replaced.
    let told = import(&home, &home.path("bill.csv"));
    assert_eq!(told.matches("unchanged").count(), 2, "{told}");
    let cut: Vec<&str> = all.lines().collect();
    fs::write(home.path("bill.csv"), cut[..cut.len() - 1].join("\n")).unwrap();
    let told = import(&home, &home.path("bill.csv"));
    assert_eq!(told.matches("restated").count(), 2, "{told}");
    let total = home.ask("SELECT COUNT(*) FROM cost_and_usage");
    assert_eq!(total, (cut.len() - 2).to_string());
}

/// A file of FOCUS 1.2 with what every version wants, and `x_Note`.
fn tiny(rows: &[[&str; 6]]) -> String {
    let mut text = String::from(
        "BilledCost,EffectiveCost,ListCost,ContractedCost,BillingCurrency,BillingAccountId,\
         BillingAccountName,BillingPeriodStart,BillingPeriodEnd,ChargePeriodStart,\
         ChargePeriodEnd,ChargeCategory,ChargeClass,ChargeDescription,ProviderName,\
         PublisherName,InvoiceIssuerName,ServiceName,ServiceCategory,PricingQuantity,PricingUnit,\
         InvoiceDetailId,x_Note\n",
    );
    for [cost, currency, month, day, description, note] in rows {
        let next = if *month == "2026-05" { "2026-06" } else { "2026-07" };
        writeln!(
            text,
            "{cost},{cost},{cost},{cost},{currency},a-1,null,{month}-01T00:00:00Z,\
             {next}-01T00:00:00Z,{day}T00:00:00Z,2026-08-01T00:00:00Z,Usage,NULL,{description},\
             Contoso,Contoso,Contoso,Widgets,Compute,null,,d-7,{note}"
        )
        .unwrap();
    }
    text
}

#[test]
fn currencies_null_literals_and_newer_columns() {
    let home = Home::new();
    let usd = ["1.5", "USD", "2026-05", "2026-05-02", "a", "kept"];
    let eur = ["2.5", "EUR", "2026-05", "2026-05-02", "b", ""];
    fs::write(home.path("b.csv"), format!("\u{feff}{}", tiny(&[usd, eur]))).unwrap();
    let told = import(&home, &home.path("b.csv"));
    assert!(told.contains("2.50 EUR + 1.50 USD"), "{told}");
    assert!(!told.contains("unknown columns"), "{told}");
    assert_eq!(home.ask("SELECT x_Extra['x_Note'] FROM costs WHERE BilledCost = 1.5"), "kept");
    assert_eq!(home.ask("SELECT DISTINCT x_Extra['InvoiceDetailId'] FROM costs"), "d-7");
    let nulls = "SELECT COUNT(*) FROM costs WHERE ChargeClass IS NULL AND PricingQuantity IS NULL \
                 AND BillingAccountName IS NULL AND x_UnblendedCost = BilledCost";
    assert_eq!(home.ask(nulls), "2");
    assert_eq!(home.ask("SELECT DISTINCT ServiceName FROM costs"), "Widgets");
}

#[test]
fn inv_one_lines_without_a_period_are_refused_or_set_aside_once() {
    let home = Home::new();
    let good = ["1", "USD", "2026-05", "2026-05-02", "a", ""];
    let later = ["2", "USD", "2026-06", "2026-06-02", "b", ""];
    let mut text = tiny(&[good, later]);
    let bad = tiny(&[["4", "USD", "2026-06", "2026-06-02", "c", ""]]);
    let bad = bad.lines().nth(1).unwrap().replace("2026-06-01T00:00:00Z", "soon");
    text.push_str(&bad);
    text.push_str("\ntoo,short\n");
    fs::write(home.path("b.csv"), &text).unwrap();
    let ran = home.import(&home.path("b.csv"));
    assert_eq!(ran.code, 4, "{}", ran.err);
    let why = "b.csv record 4, column BillingPeriodStart: \"soon\" is not a point in time";
    assert!(ran.err.contains(why), "{}", ran.err);
    assert!(ran.err.contains("b 2026-06: loaded 1 lines, 2.00 USD"), "{}", ran.err);
    let place = home.path("b.csv");
    let ran = home.run(&["import", place.to_str().unwrap(), "--quarantine"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert_eq!(home.ask("SELECT COUNT(*) FROM quarantine"), "2");
    assert_eq!(home.ask("SELECT COUNT(*) FROM cost_and_usage"), "2");
    assert_eq!(home.ask("SELECT SUM(LineItems) FROM deliveries"), "4");
}

/// Azure's layout: a folder a month, in it a folder a run, in it parts.
#[test]
fn of_several_runs_of_a_month_the_last_one_counts() {
    let home = Home::new();
    let part = |run: &str, name: &str, cost: &str, month: &str, at: u64| {
        let day = format!("{month}-02");
        let path = home.path(&format!("azure/{run}/{name}"));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, tiny(&[[cost, "USD", month, &day, "a", ""]])).unwrap();
        let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_780_000_000 + at);
        fs::File::options().append(true).open(&path).unwrap().set_modified(time).unwrap();
    };
    part("20260501-20260531/run-1", "part_0_0001.csv", "1", "2026-05", 1);
    part("20260501-20260531/run-1", "part_1_0001.csv", "2", "2026-05", 2);
    part("20260501-20260531/run-2", "part_0_0001.csv", "4", "2026-05", 3);
    part("20260601-20260630/run-1", "part_0_0001.csv", "8", "2026-06", 1);
    part("20260601-20260630/run-1", "part_1_0001.csv", "16", "2026-06", 2);
    let told = import(&home, &home.path("azure"));
    let sums = "SELECT x_BillingPeriod, SUM(BilledCost) FROM costs GROUP BY 1 ORDER BY 1";
    assert_eq!(rows(&home, sums), ["2026-05,4", "2026-06,24"], "{told}");
    assert_eq!(home.ask("SELECT COUNT(DISTINCT x_Connection) FROM costs"), "1");
    assert!(told.contains("left alone"), "{told}");
}

#[test]
fn values_that_focus_forbids_are_refused_by_name() {
    let row = ["1", "USD", "2026-05", "2026-05-02", "a", ""];
    let plain = tiny(&[row]);
    for (from, to, why) in [
        ("\n1,1,", "\nnull,1,", "column BilledCost: \"null\" is empty"),
        ("\n1,1,", "\n1,,", "column EffectiveCost: \"\" is empty"),
        ("\n1,1,", "\n\"1,5\",1,", "column BilledCost: \"1,5\" is not a decimal number"),
        (",USD,", ",NULL,", "column BillingCurrency: \"NULL\" is empty"),
        (",a-1,", ",,", "column BillingAccountId: \"\" is empty"),
        (",Usage,", ",Consumption,", "column ChargeCategory: \"Consumption\" is none of Usage"),
        ("05-02T00:00:00Z", "08-01T00:00:00Z", "is not after the ChargePeriodStart"),
        ("05-02T00:00:00Z", "05-02 00:00:00", "column ChargePeriodStart"),
        ("2026-05-02T00:00:00Z", "null", "column ChargePeriodStart: \"null\" is empty"),
    ] {
        let home = Home::new();
        assert!(plain.contains(from), "{from}");
        fs::write(home.path("b.csv"), plain.replacen(from, to, 1)).unwrap();
        let ran = home.import(&home.path("b.csv"));
        assert_eq!(ran.code, 4, "{why}: {}", ran.err);
        let all = ran.err.contains("b.csv record 2") && ran.err.contains(why);
        assert!(all, "{why}: {}", ran.err);
    }
}

#[test]
fn formulas_are_neutral_in_every_csv() {
    let home = Home::new();
    let formulas = ["=1+1", "+1", "-1", "@A1"];
    let lines = formulas.map(|text| ["1", "USD", "2026-05", "2026-05-02", text, text]);
    fs::write(home.path("b.csv"), tiny(&lines).replace(",Widgets,", ",=Widgets,")).unwrap();
    import(&home, &home.path("b.csv"));
    let to = home.path("out.csv");
    assert_eq!(home.run(&["export", "--to", to.to_str().unwrap()]).code, 0);
    let exported = fs::read_to_string(&to).unwrap();
    let queried =
        home.run(&["sql", "SELECT ChargeDescription, ServiceName FROM costs", "--format", "csv"]);
    for formula in formulas {
        assert!(exported.contains(&format!(",'{formula},")), "{exported}");
        assert!(queried.out.contains(&format!("'{formula},")), "{}", queried.out);
    }
    let reported =
        home.run(&["report", "--period", "2026-05", "--by", "service", "--format", "csv"]);
    for text in [&exported, &queried.out, &reported.out] {
        assert!(text.contains("'=Widgets"), "{text}");
        let cells = text.lines().flat_map(|line| line.split(','));
        let wild = cells.filter(|cell| cell.starts_with(['=', '@']));
        assert_eq!(wild.count(), 0, "{text}");
    }
}

/// What becomes of each sample: lines and billed cost by period, or the words of the refusal.
const SAMPLES: &[(&str, &[&str])] = &[
    ("focus-aws/sample-export.csv.gz", &["2026-05,42"]),
    ("focus-aws/bom-export.csv.gz", &["2026-05,42"]),
    ("focus-versions/focus-1.0.csv", &["2026-05,2,3", "2026-06,2,7"]),
    ("focus-versions/focus-1.1.csv", &["2026-05,2,10", "2026-06,2,10"]),
    ("focus-versions/focus-1.2.csv", &["2026-05,2,4", "2026-06,2,7"]),
    ("focus-versions/focus-1.3.csv", &["2026-05,2,15", "2026-06,2,19"]),
    ("focus-versions/focus-1.4.csv", &["2026-05,2,15", "2026-06,2,10"]),
    ("focus-versions/focus-1.4-restated.csv", &["2026-05,2,13", "2026-06,2,10"]),
    ("focus-versions/hazard.csv.gz", &["2026-05,1,12.3", "2026-06,1,2.5"]),
    ("focus-versions/lenient/lenient-1.4.csv", &["2026-05,1,1", "2026-06,2,5"]),
];

const REFUSED: &[(&str, &str)] = &[
    ("focus-aws/invalid-export.csv.gz", "column ChargeCategory: \"Consumption\" is none of"),
    ("focus-versions/negative/duplicate-header.csv", "names the column \"BilledCost\" twice"),
    ("focus-versions/negative/focus-1.4-minimal.csv", "has no column BillingAccountName"),
    ("focus-versions/negative/literal-null.csv", "has no column BillingAccountName"),
    ("focus-versions/negative/null-chargeperiodstart.csv", "has no column BillingAccountName"),
    ("focus-versions/negative/nonrfc3339-1.0.csv", "column ChargePeriodStart: \"2026-05-01 00:00"),
    ("focus-versions/negative/unknown-header.csv", "nobody knows its column MadeUpColumn"),
];

#[test]
fn samples_are_loaded_or_refused_for_their_reason() {
    let Some(samples) = samples() else {
        eprintln!("SKIPPED: {} FOCUS samples", SAMPLES.len() + REFUSED.len() + 26);
        return;
    };
    for (name, expected) in SAMPLES {
        let home = Home::new();
        import(&home, &samples.join(name));
        let sums = "SELECT x_BillingPeriod, COUNT(*), SUM(BilledCost) FROM cost_and_usage \
                    GROUP BY 1 ORDER BY 1";
        let found = rows(&home, sums);
        assert_eq!(found.len(), expected.len(), "{name}: {found:?}");
        for (found, expected) in found.iter().zip(*expected) {
            assert!(found.starts_with(expected), "{name}: {found}");
        }
    }
    for (name, why) in REFUSED {
        refused(&samples.join(name), why);
    }
    // Examples of the specification: parts of datasets, and dates as spreadsheets write them.
    let examples = samples.join("focus-spec-examples");
    let mut folders = vec![examples];
    let mut count = 0;
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                refused(
                    &path,
                    if path.to_string_lossy().contains("agreements") {
                        "is no point in time"
                    } else {
                        "the header has no column"
                    },
                );
                count += 1;
            }
        }
    }
    assert_eq!(count, 26);
}

fn refused(path: &Path, why: &str) {
    let home = Home::new();
    let ran = home.import(path);
    assert_ne!(ran.code, 0, "{}", path.display());
    let name = path.file_name().unwrap().to_str().unwrap();
    assert!(ran.err.contains(name) && ran.err.contains(why), "{why}: {}", ran.err);
}

#[test]
fn a_restated_sample_replaces_its_slices() {
    let Some(samples) = samples() else { return };
    let home = Home::new();
    fs::create_dir_all(home.path("in")).unwrap();
    for (name, billed) in [("focus-1.4.csv", "25"), ("focus-1.4-restated.csv", "23")] {
        let text = fs::read(samples.join("focus-versions").join(name)).unwrap();
        fs::write(home.path("in/azure.csv"), text).unwrap();
        import(&home, &home.path("in"));
        assert_eq!(home.ask("SELECT SUM(BilledCost) FROM costs"), billed);
    }
    assert_eq!(
        home.ask("SELECT SUM(BilledCostDifference) FROM changes WHERE BilledCostOld <> 0"),
        "-2"
    );
    // 1.4 has neither provider nor publisher.
    assert_eq!(home.ask("SELECT DISTINCT ProviderName FROM costs"), "Microsoft");
    assert_eq!(home.ask("SELECT DISTINCT x_HostProviderName FROM costs"), "Microsoft");
}
