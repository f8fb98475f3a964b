//! CUR 2.0 of Data Exports, end to end: the same table as the legacy report's to the last digit,
//! in every packing and layout; executions; columns that a query leaves out; `--kind`.

use std::fs;
use std::path::{Path, PathBuf};

use billhook_testkit::calendar::Month;
use billhook_testkit::demo;
use billhook_testkit::render::cur::{self, Layout};
use billhook_testkit::render::data_export::{ExportReport, Packing, Table, write_delivery};
use billhook_testkit::synth::Line;

use crate::support::{Home, Ran, organisation};

const FIRST: (&str, &str) = ("3b1f6c58-2f66-4a3b-8d0f-0e3a52b6c1aa", "2026-09-03T23:48:02.356Z");
const SECOND: (&str, &str) = ("0a7de1f2-9c1b-4a52-b1d5-8f4f4f0d9b11", "2026-09-07T03:15:00.001Z");

fn month() -> Month {
    Month::new(2026, 8)
}

fn lines(payer: usize, version: u32) -> Vec<Line> {
    let organisation = organisation();
    organisation.ledger(&organisation.payers()[payer], month(), version)
}

/// CUR 2.0 of a payer.
fn export(payer: usize, layout: Layout, packing: Packing) -> ExportReport {
    let organisation = organisation();
    let own = demo::report(Path::new(""), &organisation.payers()[payer]).report;
    ExportReport {
        prefix: "exports/all".to_owned(),
        layout,
        chunk_rows: 900,
        ..ExportReport::like(own, "cur2-hourly", Table::Cur2, packing)
    }
}

/// Writes an execution and returns its data files.
fn deliver(
    bucket: &Path,
    own: &ExportReport,
    (id, time): (&str, &str),
    lines: &[Line],
) -> Vec<PathBuf> {
    write_delivery(bucket, own, month(), id, time, lines).unwrap().files
}

/// Writes the legacy report of the same lines.
fn deliver_legacy(bucket: &Path, payer: usize) {
    let organisation = organisation();
    let own = demo::report(Path::new(""), &organisation.payers()[payer]).report;
    cur::write_delivery(bucket, &own, month(), "20260907T031500Z", &lines(payer, 1)).unwrap();
}

fn import_as(home: &Home, place: &Path, name: &str) -> Ran {
    let ran = home.run(&["import", place.to_str().unwrap(), "--as", name]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    ran
}

fn sums(home: &Home, connection: &str) -> String {
    let metrics = [
        "BilledCost",
        "EffectiveCost",
        "ListCost",
        "ContractedCost",
        "PricingQuantity",
        "ConsumedQuantity",
        "CommitmentDiscountQuantity",
        "x_AmortizedCost",
        "x_NetAmortizedCost",
        "x_UnblendedCost",
        "x_NetUnblendedCost",
        "x_BlendedCost",
        "x_UsageAmount",
        "x_PublicOnDemandCost",
        "x_ReservationEffectiveCost",
        "x_NetReservationEffectiveCost",
        "x_SavingsPlanEffectiveCost",
        "x_NetSavingsPlanEffectiveCost",
    ];
    let metrics = metrics.map(|name| format!("SUM({name})")).join(", ");
    let sql = format!(
        "SELECT CAST(ChargePeriodStart AS DATE), SubAccountId, ServiceName, ChargeCategory, \
         x_LineItemType, COUNT(*), {metrics} FROM cost_and_usage \
         WHERE x_Connection = '{connection}' GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4, 5"
    );
    let ran = home.run(&["sql", &sql, "--format", "csv"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    ran.out
}

/// Columns of text and time that must be the same row for row.
const TEXTS: &str = "x_LineItemId, x_LineItemType, AvailabilityZone, BillingAccountId, \
    BillingCurrency, BillingPeriodStart, BillingPeriodEnd, CapacityReservationId, ChargeCategory, \
    ChargeClass, ChargeDescription, ChargeFrequency, ChargePeriodStart, ChargePeriodEnd, \
    CommitmentDiscountId, CommitmentDiscountStatus, CommitmentDiscountType, ConsumedUnit, \
    InvoiceId, InvoiceIssuerName, ListUnitPrice, ContractedUnitPrice, PricingCategory, \
    PricingUnit, ProviderName, PublisherName, RegionId, RegionName, ResourceId, ResourceName, \
    ResourceType, ServiceCategory, ServiceName, ServiceSubcategory, SkuId, SkuMeter, \
    SkuPriceDetails, SkuPriceId, SubAccountId, x_BillType, x_BillingEntity, x_FocusExclusion, \
    x_Operation, x_PricingUnit, x_ServiceCode, x_TaxType, x_UsageType, Tags['team'], \
    Tags['Name'], x_CostCategories['CostCentre']";

#[test]
fn inv_sum_it_equals_the_legacy_report_to_the_last_digit() {
    for payer in [0, 1] {
        let home = Home::new();
        deliver_legacy(&home.path("legacy"), payer);
        import_as(&home, &home.path("legacy"), "legacy");
        let expected = sums(&home, "legacy");
        assert!(expected.lines().count() > 100, "{expected}");
        let lines = lines(payer, 1);
        let variants = if payer == 0 {
            [("a", Layout::CreateNew, Packing::CsvGz), ("b", Layout::Overwrite, Packing::Parquet)]
        } else {
            [("a", Layout::CreateNew, Packing::Parquet), ("b", Layout::Overwrite, Packing::CsvGz)]
        };
        for (name, layout, packing) in variants {
            let bucket = home.path(name);
            let files = deliver(&bucket, &export(payer, layout, packing), FIRST, &lines);
            assert!(files.len() > 1);
            let ran = import_as(&home, &bucket, name);
            assert!(!ran.err.contains("note:"), "{}", ran.err);
            assert_eq!(sums(&home, name), expected, "{name} of payer {payer}");
            let but = format!(
                "SELECT {TEXTS} FROM cost_and_usage WHERE x_Connection = 'legacy' AND \
                 x_LineItemType <> 'x_Residual' EXCEPT \
                 SELECT {TEXTS} FROM cost_and_usage WHERE x_Connection = '{name}' LIMIT 3"
            );
            let but = home.run(&["sql", &but, "--format", "csv"]);
            assert_eq!(but.out.lines().count(), 1, "{name}: {}{}", but.out, but.err);
        }
        let names = "SELECT DISTINCT BillingAccountName FROM cost_and_usage \
                     WHERE x_Connection = 'a'";
        assert_eq!(home.ask(names), organisation().payers()[payer].name);
        assert_eq!(home.ask("SELECT COUNT(DISTINCT x_Connection) FROM costs"), "1");
        assert_ne!(home.ask("SELECT DISTINCT x_Connection FROM costs"), "legacy");
    }
}

#[test]
fn inv_idem_a_later_execution_replaces_the_earlier() {
    for layout in [Layout::CreateNew, Layout::Overwrite] {
        let home = Home::new();
        let bucket = home.path("bucket");
        let own = export(1, layout, Packing::CsvGz);
        let all = lines(1, 1);
        deliver(&bucket, &own, FIRST, &all);
        assert_eq!(home.import(&bucket).code, 0);
        let before = home.digest();
        let ran = home.import(&bucket);
        assert!(ran.err.contains("unchanged"), "{}", ran.err);
        assert_eq!(home.digest(), before);
        // The new one is shorter, so that chunks are left over.
        let some = &all[..all.len() / 2];
        deliver(&bucket, &own, SECOND, some);
        let ran = home.run(&["import", bucket.to_str().unwrap(), "--verbose"]);
        assert_eq!(ran.code, 0, "{}", ran.err);
        assert!(ran.err.contains("cur2-hourly 2026-08: restated"), "{}", ran.err);
        let is_emptied = ran.err.contains("emptied by AWS");
        assert_eq!(is_emptied, layout == Layout::Overwrite, "{}", ran.err);
        // The older execution is accounted for, though not read.
        assert_eq!(ran.err.contains("left alone"), is_emptied, "{}", ran.err);

        let replaced =
            home.run(&["sql", "SELECT COUNT(*), SUM(x_UnblendedCost) FROM cost_and_usage"]);
        let fresh = Home::new();
        deliver(&fresh.path("bucket"), &own, SECOND, some);
        assert_eq!(fresh.import(&fresh.path("bucket")).code, 0);
        let alone =
            fresh.run(&["sql", "SELECT COUNT(*), SUM(x_UnblendedCost) FROM cost_and_usage"]);
        assert_eq!(replaced.out, alone.out);
    }
}

#[test]
fn without_manifests_the_newest_execution_counts() {
    let home = Home::new();
    let bucket = home.path("bucket");
    let own = export(1, Layout::CreateNew, Packing::CsvGz);
    let all = lines(1, 1);
    let total = |home: &Home| home.ask("SELECT SUM(x_UnblendedCost) FROM cost_and_usage");
    deliver(&bucket, &own, SECOND, &all[..200]);
    // Written later, as copies are, but an earlier execution; now the pointer is wrong, too.
    deliver(&bucket, &own, FIRST, &all[..100]);
    let folder = bucket.join("exports/all/cur2-hourly");
    let pointer = folder.join("metadata/BILLING_PERIOD=2026-08/cur2-hourly-Manifest.json");
    fs::remove_file(pointer).unwrap();
    let ran = home.import(&bucket);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.err.contains("loaded 200 lines"), "{}", ran.err);
    let expected = total(&home);
    fs::remove_dir_all(folder.join("metadata")).unwrap();
    let ran = home.run(&["import", bucket.to_str().unwrap(), "--as", "by-hand"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.err.contains("200 lines") && ran.err.contains("no manifest"), "{}", ran.err);
    let sql = "SELECT SUM(x_UnblendedCost) FROM cost_and_usage WHERE x_Connection = 'by-hand'";
    assert_eq!(home.ask(sql), expected);
}

#[test]
fn a_copy_is_found_by_the_end_of_its_keys() {
    let home = Home::new();
    let own = export(0, Layout::CreateNew, Packing::Parquet);
    deliver(&home.path("bucket"), &own, FIRST, &lines(0, 1)[..50]);
    fs::create_dir_all(home.path("copies")).unwrap();
    let copy = home.path("copies/mine");
    fs::rename(home.path("bucket/exports/all/cur2-hourly"), &copy).unwrap();
    // A disk that does not allow colons.
    let period = copy.join("data/BILLING_PERIOD=2026-08");
    let (id, time) = FIRST;
    let other = format!("{}-{id}", time.replace(':', "_"));
    fs::rename(period.join(format!("{time}-{id}")), period.join(other)).unwrap();
    let ran = home.import(&copy);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.err.contains("cur2-hourly 2026-08: loaded 50 lines"), "{}", ran.err);
    assert!(!ran.err.contains("no manifest"), "{}", ran.err);
}

#[test]
fn a_query_may_select_what_it_likes() {
    let home = Home::new();
    let all = lines(1, 1);
    let full = export(1, Layout::Overwrite, Packing::CsvGz);
    deliver(&home.path("full"), &full, FIRST, &all);
    import_as(&home, &home.path("full"), "full");
    let needed = [
        "line_item_unblended_cost",
        "bill_payer_account_id",
        "line_item_usage_start_date",
        "bill_billing_period_start_date",
        "line_item_line_item_type",
        "line_item_net_unblended_cost",
        "line_item_currency_code",
    ];
    for packing in [Packing::CsvGz, Packing::Parquet] {
        let columns: Vec<String> = needed.map(str::to_owned).to_vec();
        let own = ExportReport { columns, packing, ..full.clone() };
        let bucket = home.path(&format!("few-{}", packing.extension()));
        deliver(&bucket, &own, FIRST, &all);
        let name = if packing == Packing::CsvGz { "few-csv" } else { "few-parquet" };
        let ran = import_as(&home, &bucket, name);
        assert!(ran.err.contains("does not select pricing_public_on_demand_cost"), "{}", ran.err);
        let billed = |connection: &str| {
            home.ask(&format!(
                "SELECT SUM(BilledCost) FROM cost_and_usage WHERE x_FocusExclusion IS NULL \
                 AND x_Connection = '{connection}'"
            ))
        };
        assert_eq!(billed(name), billed("full"));
    }
    let columns: Vec<String> = needed[1..].iter().map(|name| (*name).to_owned()).collect();
    let own = ExportReport { columns, ..full };
    deliver(&home.path("less"), &own, FIRST, &all);
    let ran = home.import(&home.path("less"));
    assert_eq!(ran.code, 4, "{}", ran.err);
    assert!(ran.err.contains("no column line_item_unblended_cost"), "{}", ran.err);
    assert!(ran.err.contains("mend: select line_item_unblended_cost in the"), "{}", ran.err);
}

#[test]
fn damage_is_told_exactly() {
    let home = Home::new();
    let bucket = home.path("bucket");
    let own = export(1, Layout::CreateNew, Packing::CsvGz);
    let files = deliver(&bucket, &own, FIRST, &lines(1, 1));
    let good = fs::read(&files[1]).unwrap();
    fs::write(&files[1], &good[..good.len() / 2]).unwrap();
    let ran = home.import(&bucket);
    assert_eq!(ran.code, 4, "{}", ran.err);
    assert!(ran.err.contains("cur2-hourly-00002.csv.gz"), "{}", ran.err);
    fs::remove_file(&files[1]).unwrap();
    let ran = home.import(&bucket);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.err.contains("waiting for AWS: 1 of"), "{}", ran.err);
    fs::write(&files[1], good).unwrap();
    assert_eq!(home.import(&bucket).code, 0);
    let bucket = home.path("plain");
    let own = export(1, Layout::Overwrite, Packing::Csv);
    let own = ExportReport { export_name: "plain".to_owned(), ..own };
    let files = deliver(&bucket, &own, FIRST, &lines(1, 1)[..9]);
    let text = fs::read_to_string(&files[0]).unwrap();
    let mut records: Vec<String> = text.lines().map(str::to_owned).collect();
    let column = "line_item_unblended_cost";
    let at = records[0].split(',').position(|name| name == column).unwrap();
    let cost = lines(1, 1)[3].cost.java_text();
    // The header and three records come before it.
    records[4] = records[4].replace(&format!(",{cost},"), ",1O.5,");
    assert!(at > 0 && records[4].contains(",1O.5,"), "{}", records[4]);
    fs::write(&files[0], records.join("\n") + "\n").unwrap();
    let ran = home.import(&bucket);
    assert_eq!(ran.code, 4, "{}", ran.err);
    for word in ["plain-00001.csv", "record 5", "\"1O.5\"", "column "] {
        assert!(ran.err.contains(word), "{word}: {}", ran.err);
    }
}

/// A place with a legacy report, CUR 2.0, and exports that hold no costs.
fn mixed(home: &Home) -> PathBuf {
    let bucket = home.path("mixed");
    deliver_legacy(&bucket, 0);
    deliver(&bucket, &export(1, Layout::CreateNew, Packing::CsvGz), FIRST, &lines(1, 1)[..20]);
    for (name, column) in [("hub", "recommendation_id"), ("co2", "total_scope_1_emissions_value")] {
        let data = bucket.join(format!("p/{name}/data/date=2026-08-02/{name}-00001.csv"));
        fs::create_dir_all(data.parent().unwrap()).unwrap();
        fs::write(&data, format!("{column}\nx\n")).unwrap();
        let manifest = format!(
            r#"{{"executionId":"e","exportArn":"arn:aws:bcm-data-exports:us-east-1:1:export/{name}",
            "columns":[{{"name":"{column}","type":"string"}}],
            "dataFiles":["s3://b/p/{name}/data/date=2026-08-02/{name}-00001.csv"]}}"#
        );
        let folder = bucket.join(format!("p/{name}/metadata/date=2026-08-02"));
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(format!("{name}-Manifest.json")), manifest).unwrap();
    }
    // The same without a manifest.
    fs::create_dir_all(bucket.join("loose/date=2026-08-03")).unwrap();
    fs::write(bucket.join("loose/date=2026-08-03/hub.csv"), "recommendation_id\nx\n").unwrap();
    bucket
}

#[test]
fn a_mixed_place_is_told_apart() {
    let home = Home::new();
    let bucket = mixed(&home);
    let ran = home.import(&bucket);
    assert_eq!(ran.code, 0, "{}", ran.err);
    for words in [
        "found: 2 reports",
        "acme-hourly: legacy Cost and Usage Report, 1 month",
        "cur2-hourly: Data Export of CUR 2.0, 1 month",
        "3 files, such as hub-00001.csv: an export of Cost Optimization recommendations",
        "2 files, such as co2-00001.csv: an export of carbon emissions",
    ] {
        assert!(ran.err.contains(words), "{words}: {}", ran.err);
    }
}

#[test]
fn only_the_kinds_that_are_asked_for() {
    let home = Home::new();
    let bucket = mixed(&home);
    let place = bucket.to_str().unwrap();
    let connections = |home: &Home| {
        let sql = "SELECT DISTINCT x_Connection FROM deliveries ORDER BY 1";
        home.run(&["sql", sql, "--format", "csv"]).out.lines().skip(1).collect::<Vec<_>>().join(" ")
    };
    let ran = home.run(&["import", place, "--kind", "data_export"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert_eq!(connections(&home), "cur2-hourly");
    let reason = "not asked for by --kind data_export: legacy Cost and Usage Report";
    assert!(ran.err.contains(reason), "{}", ran.err);
    let home = Home::new();
    let ran = home.run(&["import", place, "--kind", "cur", "--kind", "data_export"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert_eq!(connections(&home), "acme-hourly cur2-hourly");
    let ran = home.run(&["import", place, "--kind", "invoice"]);
    assert_eq!(ran.code, 2, "{}", ran.err);
    assert!(ran.err.contains("data_export") && ran.err.contains("cost_explorer"), "{}", ran.err);
    // Cost Explorer is no file: its location names it.
    let ran = home.run(&["import", place, "--kind", "cost_explorer"]);
    assert_eq!(ran.code, 2, "{}", ran.err);
    assert!(ran.err.contains("give `cost-explorer:`"), "{}", ran.err);
}
