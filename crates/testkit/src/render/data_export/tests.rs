//! Exports as a reader finds them.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{DataType, TimeUnit};
use serde_json::Value;

use super::{Delivery, ExportReport, Layout, Packing, Table, column_names, write_delivery};
use crate::calendar::{Date, Month};
use crate::decimal::Decimal;
use crate::demo;
use crate::render::testing::{Folder, batches, decimal, rows, sum, texts, unpack};
use crate::synth::{Amount, Commitment, Kind, Line, Organisation, Scale};

/// The export of the `payer`th payer.
pub(super) fn report(payer: usize, table: Table) -> ExportReport {
    let organisation = organisation();
    let own = demo::report(Path::new(""), &organisation.payers()[payer]).report;
    ExportReport {
        prefix: "exports/all".to_owned(),
        chunk_rows: 700,
        ..ExportReport::like(own, "daily", table, Packing::CsvGz)
    }
}

fn organisation() -> Organisation {
    Organisation::ending(3, Date::new(2026, 8, 19), Scale::Small)
}

fn lines(payer: usize, month: usize) -> (Vec<Line>, Month) {
    let organisation = organisation();
    let month = organisation.months()[month];
    (organisation.ledger(&organisation.payers()[payer], month, 1), month)
}

const ID: &str = "3b1f6c58-2f66-4a3b-8d0f-0e3a52b6c1aa";
const TIME: &str = "2026-06-01T23:48:02.356Z";

fn deliver(name: &str, own: &ExportReport, lines: &[Line], month: Month) -> (Folder, Delivery) {
    let folder = Folder::new(name);
    let delivery = write_delivery(&folder.0, own, month, ID, TIME, lines).expect("written");
    (folder, delivery)
}

#[test]
fn keys_are_laid_out_like_aws() {
    let month = Month::new(2026, 6);
    let own = report(0, Table::Cur2);
    assert_eq!(own.layout, Layout::CreateNew);
    assert_eq!(
        own.data_key(month, "T-E", 2),
        "exports/all/daily/data/BILLING_PERIOD=2026-06/T-E/daily-00002.csv.gz"
    );
    assert_eq!(
        own.execution_manifest_key(month, "T-E"),
        "exports/all/daily/metadata/BILLING_PERIOD=2026-06/T-E/daily-Manifest.json"
    );
    let own = ExportReport { packing: Packing::Parquet, ..report(1, Table::Cur2) };
    assert_eq!(own.layout, Layout::Overwrite);
    assert_eq!(
        own.data_key(month, "T-E", 1),
        "exports/all/daily/data/BILLING_PERIOD=2026-06/daily-00001.snappy.parquet"
    );
    assert_eq!(
        own.manifest_key(month),
        "exports/all/daily/metadata/BILLING_PERIOD=2026-06/daily-Manifest.json"
    );
}

#[test]
fn manifests_name_files_that_exist() {
    for table in [Table::Cur2, Table::Focus10, Table::Focus12] {
        for (payer, packing) in [(0, Packing::CsvGz), (1, Packing::Parquet)] {
            let own = ExportReport { packing, ..report(payer, table) };
            let (lines, month) = lines(payer, 0);
            let name = format!("export-{table:?}-{packing:?}");
            let (folder, delivery) = deliver(&name, &own, &lines, month);
            assert_eq!(delivery.manifest_path, folder.0.join(own.manifest_key(month)));
            let text = fs::read(&delivery.manifest_path).expect("manifest");
            let manifest: Value = serde_json::from_slice(&text).expect("JSON");
            assert_eq!(manifest["executionId"], ID);
            assert_eq!(manifest["exportArn"], own.arn());
            assert_eq!(manifest["additionalOutputFiles"], Value::Array(Vec::new()));
            let uris = manifest["dataFiles"].as_array().expect("files");
            assert!(uris.len() > 1);
            let bucket = format!("s3://{}/", own.bucket);
            let path = |uri: &Value| {
                let key = uri.as_str().and_then(|uri| uri.strip_prefix(&bucket)).expect("URI");
                folder.0.join(key)
            };
            let paths: Vec<_> = uris.iter().map(path).collect();
            assert_eq!(paths, delivery.files);
            let columns = manifest["columns"].as_array().expect("columns");
            let named: Vec<&str> = columns.iter().filter_map(|own| own["name"].as_str()).collect();
            assert_eq!(named, column_names(&own).expect("names"));
            let execution = own.execution_manifest_key(month, &format!("{TIME}-{ID}"));
            let execution = folder.0.join(execution);
            assert_eq!(execution.is_file(), own.layout == Layout::CreateNew);
            if packing == Packing::Parquet {
                let batches = batches(&paths);
                let schema = batches[0].schema();
                let fields = schema.fields().iter().map(|field| field.name().as_str());
                assert_eq!(fields.collect::<Vec<_>>(), named);
                let rows: usize = batches.iter().map(RecordBatch::num_rows).sum();
                assert_eq!(rows as u64, delivery.rows);
            } else {
                assert!(paths[0].to_string_lossy().contains(&format!("/{TIME}-{ID}/")));
                let header = unpack(&paths[0]);
                assert_eq!(header.lines().next().expect("header"), named.join(","));
                assert_eq!(rows(&paths).len() as u64, delivery.rows);
            }
        }
    }
}

#[test]
fn cur2_has_the_ledgers_lines() {
    let own = report(1, Table::Cur2);
    let (lines, month) = lines(1, 0);
    let (_folder, delivery) = deliver("export-cells", &own, &lines, month);
    let rows = rows(&delivery.files);
    assert_eq!(rows.len(), lines.len());
    for (row, line) in rows.iter().zip(&lines) {
        assert_eq!(row["line_item_unblended_cost"], line.cost.java_text());
        assert_eq!(row["line_item_line_item_type"], line.kind.name());
        assert_eq!(row["bill_payer_account_name"], "Globex");
        assert_eq!(row["line_item_usage_account_name"], line.account.name);
        assert!(row["line_item_usage_start_date"].ends_with(":00:00.000Z"));
        for map in ["product", "resource_tags", "tags", "cost_category", "discount"] {
            let map: Value = serde_json::from_str(&row[map]).expect("JSON");
            assert!(map.is_object());
        }
        let product: Value = serde_json::from_str(&row["product"]).expect("JSON");
        assert_eq!(product["product_name"], line.sku.product.name);
        assert_eq!(product.get("region_code"), None);
        let code = line.sku.attributes.get("regionCode").map_or("", String::as_str);
        assert_eq!(row["product_region_code"], code);
    }
    let any = |column: &str, text: &str| rows.iter().any(|row| row[column].contains(text));
    assert!(any("resource_tags", r#""user_team":"storefront""#));
    assert!(any("resource_tags", r#""user_name":"web, \"blue\" canary""#));
    assert!(any("tags", r#""resourceTags/user:team":"storefront""#));
    assert!(any("product", r#""instance_type_family":"#));
    assert!(any("cost_category", r#""CostCentre":"CC-"#));
    assert!(any("discount", r#"{"edp_discount":-"#));
    assert!(any("savings_plan_used_commitment", "."));
    assert!(any("reservation_net_effective_cost", "."));
}

#[test]
fn parquet_means_the_same_numbers() {
    for (payer, net) in [(0, false), (1, true)] {
        let own = ExportReport { packing: Packing::Parquet, ..report(payer, Table::Cur2) };
        let (lines, month) = lines(payer, 0);
        let (_folder, delivery) = deliver(&format!("export-{payer}"), &own, &lines, month);
        let batches = batches(&delivery.files);
        let schema = batches[0].schema();
        let kind = |name: &str| schema.field_with_name(name).expect("field").data_type().clone();
        assert_eq!(kind("line_item_unblended_cost"), DataType::Float64);
        assert_eq!(kind("line_item_unblended_rate"), DataType::Utf8);
        let time = DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into()));
        assert_eq!(kind("line_item_usage_start_date"), time);
        assert!(matches!(kind("product"), DataType::Map(..)));
        let costs = texts(&batches, "line_item_unblended_cost");
        let nets = texts(&batches, "line_item_net_unblended_cost");
        let starts = texts(&batches, "line_item_usage_start_date");
        for (at, line) in lines.iter().enumerate() {
            assert_eq!(costs[at].as_deref().map(decimal), Some(line.cost));
            assert_eq!(nets[at].as_deref().map(decimal), line.net_cost().filter(|_| net));
            assert_eq!(starts[at].as_deref(), Some(line.usage.start.to_string().as_str()));
        }
        let filled = |name: &str| {
            let maps = batches.iter().filter_map(|batch| batch.column_by_name(name));
            maps.map(|map| map.as_map().entries().len()).sum::<usize>()
        };
        assert!(filled("resource_tags") > 100);
        assert_eq!(filled("discount") > 100, net);
    }
}

#[test]
fn a_query_selects_columns() {
    let columns = ["line_item_unblended_cost", "resource_tags"].map(str::to_owned).to_vec();
    let own = ExportReport { columns, ..report(0, Table::Cur2) };
    let (lines, month) = lines(0, 0);
    let (folder, delivery) = deliver("export-select", &own, &lines, month);
    let text = unpack(&delivery.files[0]);
    assert!(text.starts_with("line_item_unblended_cost,resource_tags\n"));
    let own = ExportReport {
        columns: vec!["line_item_resource_id".to_owned()],
        with_resources: false,
        ..own
    };
    let failed = write_delivery(&folder.0, &own, month, ID, TIME, &lines).expect_err("no column");
    assert_eq!(failed.kind(), std::io::ErrorKind::InvalidInput);
}

#[test]
fn a_shorter_delivery_empties_the_surplus() {
    let own = report(1, Table::Focus12);
    let (lines, month) = lines(1, 0);
    let (folder, long) = deliver("export-surplus", &own, &lines, month);
    let short = write_delivery(&folder.0, &own, month, "later", TIME, &[]).expect("written");
    assert_eq!((short.rows, short.files.len()), (0, 1));
    assert!(unpack(&short.files[0]).starts_with("AvailabilityZone,"));
    let size = |path: &std::path::PathBuf| fs::metadata(path).expect("file").len();
    assert!(long.files.len() > 1 && long.files[1..].iter().all(|path| size(path) == 0));
}

/// The columns of `FOCUS_1_2_AWS`, as AWS lists them.
const FOCUS_1_2: &str = "AvailabilityZone, BilledCost, BillingAccountId, BillingAccountName, \
    BillingAccountType, BillingCurrency, BillingPeriodEnd, BillingPeriodStart, \
    CapacityReservationId, CapacityReservationStatus, ChargeCategory, ChargeClass, \
    ChargeDescription, ChargeFrequency, ChargePeriodEnd, ChargePeriodStart, \
    CommitmentDiscountCategory, CommitmentDiscountId, CommitmentDiscountName, \
    CommitmentDiscountQuantity, CommitmentDiscountStatus, CommitmentDiscountType, \
    CommitmentDiscountUnit, ConsumedQuantity, ConsumedUnit, ContractedCost, ContractedUnitPrice, \
    EffectiveCost, InvoiceId, InvoiceIssuerName, ListCost, ListUnitPrice, PricingCategory, \
    PricingCurrency, PricingCurrencyContractedUnitPrice, PricingCurrencyEffectiveCost, \
    PricingCurrencyListUnitPrice, PricingQuantity, PricingUnit, ProviderName, PublisherName, \
    RegionId, RegionName, ResourceId, ResourceName, ResourceType, ServiceCategory, ServiceName, \
    ServiceSubcategory, SkuId, SkuMeter, SkuPriceDetails, SkuPriceId, SubAccountId, \
    SubAccountName, SubAccountType, Tags, x_Discounts, x_Operation, x_ServiceCode";

#[test]
fn focus_has_awss_columns() {
    let names = column_names(&report(0, Table::Focus12)).expect("names");
    assert_eq!(names.join(", "), FOCUS_1_2);
    let names = column_names(&report(0, Table::Focus10)).expect("names");
    assert_eq!(names.len(), 43 + 5);
    let own = ["x_CostCategories", "x_Discounts", "x_Operation", "x_ServiceCode", "x_UsageType"];
    assert_eq!(names[43..], own);
    assert!(!names.contains(&"InvoiceId") && !names.contains(&"ServiceSubcategory"));
}

/// What FOCUS says of a month as a whole, from the ledger.
#[test]
fn focus_sums_are_the_ledgers() {
    let mut unused = 0;
    for payer in [0, 1] {
        for month in 0..3 {
            let own = report(payer, Table::Focus12);
            let (lines, period) = lines(payer, month);
            let (_folder, delivery) =
                deliver(&format!("export-sums-{payer}-{month}"), &own, &lines, period);
            let rows = rows(&delivery.files);
            let pick = |amount: Amount| if own.with_net { amount.net } else { amount.gross };
            let cost = |line: &Line| line.net_cost().unwrap_or(line.cost);
            let billed: Decimal = lines.iter().map(cost).sum();
            assert_eq!(sum(&rows, "BilledCost"), billed);
            // Upfront payments move to the hours that they are for.
            let moved = lines.iter().map(|line| match &line.commitment {
                Commitment::ReservationPurchase(_) | Commitment::PlanPurchase(_) => -cost(line),
                Commitment::ReservationFee(_, month) => pick(month.upfront),
                Commitment::PlanFee { upfront, .. } => *upfront,
                _ => Decimal::ZERO,
            });
            assert_eq!(sum(&rows, "EffectiveCost"), billed + moved.sum());
            for row in &rows {
                let is_unused = row["CommitmentDiscountStatus"] == "Unused";
                unused += usize::from(is_unused);
                assert!(!is_unused || row["ResourceId"] == row["CommitmentDiscountId"]);
                assert!(row["ChargeCategory"] != "Purchase" || row["EffectiveCost"] == "0.0");
                let tags: BTreeMap<String, String> =
                    serde_json::from_str(&row["Tags"]).expect("JSON");
                assert!(tags.keys().all(|key| !key.starts_with("user:")));
                assert_eq!(row["ProviderName"], "AWS");
            }
            assert!(rows.iter().any(|row| row["Tags"].contains(r#""team":"#)));
            let taxes = lines.iter().filter(|line| line.kind == Kind::Tax).count();
            let tax = rows.iter().filter(|row| row["ChargeCategory"] == "Tax").count();
            assert_eq!(tax, taxes);
        }
    }
    assert!(unused > 50, "{unused}");
}
