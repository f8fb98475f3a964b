//! Plain files as a reader finds them.

use std::path::Path;

use arrow::datatypes::DataType;

use super::{FocusFile, Packing, Version, write};
use crate::calendar::Date;
use crate::decimal::Decimal;
use crate::render::testing::{Folder, batches, decimal, rows, sum, texts, unpack};
use crate::synth::{Line, Organisation, Scale};

/// The second payer's first month.
fn lines() -> Vec<Line> {
    let organisation = Organisation::ending(3, Date::new(2026, 8, 19), Scale::Small);
    organisation.ledger(&organisation.payers()[1], organisation.months()[0], 1)
}

fn file(version: Version, packing: Packing) -> FocusFile {
    let tag_keys = ["user:Name", "user:team"].map(str::to_owned).to_vec();
    FocusFile { version, packing, with_net: true, tag_keys }
}

#[test]
fn versions_have_their_columns() {
    let folder = Folder::new("focus-versions");
    let all = [(Version::V1_0, 43), (Version::V1_1, 50), (Version::V1_2, 57), (Version::V1_3, 65)];
    for (version, count) in all {
        let path = folder.0.join(format!("other/{version:?}.csv"));
        write(&path, &file(version, Packing::Csv), &[]).expect("written");
        let header = unpack(&path);
        let names: Vec<&str> = header.trim_end().split(',').collect();
        assert_eq!(names.len(), count);
        assert!(names.is_sorted() && !names.iter().any(|name| name.starts_with("x_")));
        assert_eq!(names.contains(&"ServiceProviderName"), version == Version::V1_3);
    }
}

#[test]
fn text_and_parquet_mean_the_same() {
    let folder = Folder::new("focus-same");
    let lines = lines();
    let text = folder.0.join("focus.csv.gz");
    let count = write(&text, &file(Version::V1_2, Packing::CsvGz), &lines).expect("written");
    let parquet = folder.0.join("focus.parquet");
    write(&parquet, &file(Version::V1_2, Packing::Parquet), &lines).expect("written");
    let rows = rows(&[text]);
    assert_eq!(rows.len() as u64, count);
    let batches = batches(&[parquet]);
    let schema = batches[0].schema();
    for (field, kind) in [("BilledCost", DataType::Float64), ("Tags", DataType::Utf8)] {
        assert_eq!(schema.field_with_name(field).expect("field").data_type(), &kind);
    }
    for column in ["BilledCost", "EffectiveCost", "ListCost", "PricingQuantity"] {
        for (row, text) in rows.iter().zip(texts(&batches, column)) {
            assert_eq!(row[column].is_empty(), text.is_none());
            assert_eq!(text.map(|text| decimal(&text)), known(&row[column]));
        }
    }
    for column in ["ChargePeriodStart", "ChargeCategory", "Tags", "SkuPriceDetails"] {
        for (row, text) in rows.iter().zip(texts(&batches, column)) {
            assert_eq!(row[column], text.unwrap_or_default());
        }
    }
}

fn known(text: &str) -> Option<Decimal> {
    (!text.is_empty()).then(|| decimal(text))
}

#[test]
fn rows_keep_focuss_rules() {
    let folder = Folder::new("focus-rules");
    let path = folder.0.join("focus.csv");
    let lines = lines();
    write(&path, &file(Version::V1_3, Packing::Csv), &lines).expect("written");
    let rows = rows(&[path]);
    let billed: Decimal = lines.iter().filter_map(Line::net_cost).sum();
    assert_eq!(sum(&rows, "BilledCost"), billed);
    for row in &rows {
        let is_empty = |column: &str| row[column].is_empty();
        assert!(row["ChargePeriodStart"].len() == 20 && row["ChargePeriodStart"].ends_with('Z'));
        assert!(!row["BilledCost"].contains('E'));
        assert_eq!(row["ProviderName"], row["InvoiceIssuerName"]);
        assert_eq!(is_empty("ResourceId"), is_empty("ResourceType"));
        assert_eq!(is_empty("PricingQuantity"), is_empty("PricingUnit"));
        assert_eq!(is_empty("ConsumedQuantity"), is_empty("ConsumedUnit"));
        assert_eq!(is_empty("RegionId"), is_empty("RegionName"));
        let category = row["ChargeCategory"].as_str();
        let is_corrected =
            row["ChargeFrequency"] == "One-Time" && row["PricingCategory"] == "Other";
        if ["Usage", "Purchase"].contains(&category) && !is_corrected {
            for column in ["SkuId", "SkuPriceId", "SkuMeter", "ListUnitPrice", "PricingUnit"] {
                assert!(!is_empty(column), "{column} of {row:?}");
            }
        }
        if category == "Usage" && !is_empty("CommitmentDiscountId") {
            assert!(!is_empty("CommitmentDiscountStatus"));
        }
        let quantity = known(&row["PricingQuantity"]);
        for (price, cost) in
            [("ListUnitPrice", "ListCost"), ("ContractedUnitPrice", "ContractedCost")]
        {
            if let (Some(price), Some(quantity)) = (known(&row[price]), quantity) {
                let off = price.times(quantity, 10) - decimal(&row[cost]);
                let cent = Decimal::new(1, 2);
                assert!(off < cent && -off < cent, "{price} {row:?}");
            }
        }
        assert_ne!(row["Tags"], "{}");
    }
}

#[test]
fn without_net_costs_discounts_are_rows() {
    let folder = Folder::new("focus-gross");
    let path: &Path = &folder.0.join("focus.csv");
    let lines = lines();
    let own = FocusFile { with_net: false, ..file(Version::V1_2, Packing::Csv) };
    write(path, &own, &lines).expect("written");
    let rows = rows(&[path.to_owned()]);
    let gross: Decimal = lines.iter().map(|line| line.cost).sum();
    assert_eq!(sum(&rows, "BilledCost"), gross);
    assert!(rows.iter().any(|row| row["ChargeDescription"] == "Enterprise Program Discount"));
}
