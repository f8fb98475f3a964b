//! The mapping over small reports.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Float64Array, RecordBatch, StringArray};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use parquet::arrow::ArrowWriter;

use super::*;
use crate::table::{Mapped, Summary, TableReader};
use crate::text::inflate::{Input, Limits};

fn read_bytes(bytes: Vec<u8>) -> (Vec<Mapped>, Summary) {
    let mut reader = TableReader::new(&MAPPING, Limits::default(), None);
    let mut batches = Vec::new();
    let input = Input::Memory(bytes.into());
    reader
        .read(input, "test.csv", &|_| (), &mut |mapped| {
            batches.push(mapped);
            Ok(())
        })
        .unwrap();
    (batches, reader.finish())
}

/// Values of a column in all batches, as text.
fn values(batches: &[Mapped], name: &str) -> Vec<String> {
    let options = FormatOptions::new().with_null("-");
    let mut texts = Vec::new();
    for mapped in batches {
        let column = mapped.batch.column_by_name(name).unwrap();
        let formatter = ArrayFormatter::try_new(column.as_ref(), &options).unwrap();
        texts.extend((0..column.len()).map(|row| formatter.value(row).to_string()));
    }
    texts
}

fn value(batches: &[Mapped], name: &str) -> String {
    let text = values(batches, name).remove(0);
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

const COLUMNS: [&str; 26] = [
    "identity/LineItemId",
    "identity/TimeInterval",
    "bill/InvoiceId",
    "bill/BillType",
    "bill/PayerAccountId",
    "bill/BillingPeriodStartDate",
    "bill/BillingPeriodEndDate",
    "lineItem/UsageAccountId",
    "lineItem/LineItemType",
    "lineItem/UsageStartDate",
    "lineItem/UsageEndDate",
    "lineItem/ProductCode",
    "lineItem/UsageType",
    "lineItem/ResourceId",
    "lineItem/UsageAmount",
    "lineItem/CurrencyCode",
    "lineItem/UnblendedCost",
    "pricing/publicOnDemandCost",
    "pricing/unit",
    "reservation/ReservationARN",
    "reservation/EffectiveCost",
    "reservation/UnusedRecurringFee",
    "savingsPlan/SavingsPlanARN",
    "savingsPlan/SavingsPlanEffectiveCost",
    "savingsPlan/TotalCommitmentToDate",
    "savingsPlan/UsedCommitment",
];

/// A row with the usual values, and some others.
fn line(others: &[(&str, &str)]) -> Vec<String> {
    let usual = [
        ("identity/LineItemId", "id"),
        ("identity/TimeInterval", "2026-09-01T00:00:00Z/2026-09-01T01:00:00Z"),
        ("bill/BillType", "Anniversary"),
        ("bill/PayerAccountId", "000011112222"),
        ("bill/BillingPeriodStartDate", "2026-09-01T00:00:00Z"),
        ("bill/BillingPeriodEndDate", "2026-10-01T00:00:00Z"),
        ("lineItem/UsageAccountId", "000033334444"),
        ("lineItem/UsageStartDate", "2026-09-01T00:00:00Z"),
        ("lineItem/UsageEndDate", "2026-09-01T01:00:00Z"),
        ("lineItem/ProductCode", "AmazonEC2"),
        ("lineItem/UsageType", "BoxUsage:m5.large"),
        ("lineItem/UsageAmount", "1"),
        ("lineItem/CurrencyCode", "USD"),
        ("pricing/unit", "Hrs"),
    ];
    let find = |list: &[(&str, &str)], column: &str| {
        list.iter().find(|(name, _)| *name == column).map(|(_, value)| (*value).to_owned())
    };
    let of =
        |column: &&str| find(others, column).or_else(|| find(&usual, column)).unwrap_or_default();
    COLUMNS.iter().map(of).collect()
}

fn csv(order: &[usize], lines: &[Vec<String>]) -> Vec<u8> {
    let header: Vec<&str> = order.iter().map(|&column| COLUMNS[column]).collect();
    let mut text = header.join(",");
    for line in lines {
        let cells: Vec<&str> = order.iter().map(|&column| line[column].as_str()).collect();
        text.push('\n');
        text.push_str(&cells.join(","));
    }
    text.push('\n');
    text.into_bytes()
}

fn map(others: &[(&str, &str)]) -> Vec<Mapped> {
    let order: Vec<usize> = (0..COLUMNS.len()).collect();
    read_bytes(csv(&order, &[line(others)])).0
}

#[test]
fn covered_usage_is_billed_nothing_and_costs_its_share() {
    let row = map(&[
        ("lineItem/LineItemType", "DiscountedUsage"),
        ("lineItem/UnblendedCost", "0"),
        ("pricing/publicOnDemandCost", "0.096"),
        ("reservation/ReservationARN", "arn:aws:ec2:us-east-1:1:reserved-instances/r"),
        ("reservation/EffectiveCost", "0.0571"),
    ]);
    let expected = [
        ("ChargeCategory", "Usage"),
        ("PricingCategory", "Committed"),
        ("CommitmentDiscountStatus", "Used"),
        ("CommitmentDiscountType", "Reserved Instance"),
        ("BilledCost", "0"),
        ("EffectiveCost", "0.0571"),
        ("ListCost", "0.096"),
        ("ConsumedUnit", "Hours"),
    ];
    for (column, expected) in expected {
        assert_eq!(value(&row, column), expected, "{column}");
    }
}

#[test]
fn a_recurring_fee_is_a_purchase_and_its_unused_part() {
    let rows = map(&[
        ("lineItem/LineItemType", "SavingsPlanRecurringFee"),
        ("lineItem/ProductCode", "ComputeSavingsPlans"),
        ("lineItem/UnblendedCost", "1"),
        ("savingsPlan/SavingsPlanARN", "arn:aws:savingsplans::1:savingsplan/p"),
        ("savingsPlan/TotalCommitmentToDate", "1"),
        ("savingsPlan/UsedCommitment", "0.75"),
    ]);
    assert_eq!(values(&rows, "ChargeCategory"), ["Purchase", "Usage"]);
    assert_eq!(values(&rows, "CommitmentDiscountStatus"), ["-", "Unused"]);
    assert_eq!(values(&rows, "BilledCost"), ["1.000000000000000000", "0.000000000000000000"]);
    assert_eq!(values(&rows, "EffectiveCost"), ["0.000000000000000000", "0.250000000000000000"]);
    // The second row carries zero in the source's own columns (INV-ONE).
    assert_eq!(values(&rows, "x_UnblendedCost"), ["1.000000000000000000", "0.000000000000000000"]);
    assert_eq!(rows.iter().map(|m| m.is_source_row).collect::<Vec<_>>(), [true, false]);
}

#[test]
fn categories_follow_the_line_item_type() {
    let arn = ("reservation/ReservationARN", "arn:aws:ec2:us-east-1:1:reserved-instances/r");
    for (kind, with_arn, category, frequency) in [
        ("Usage", false, "Usage", "Usage-Based"),
        ("Tax", false, "Tax", "One-Time"),
        ("Credit", false, "Credit", "One-Time"),
        ("Fee", true, "Purchase", "One-Time"),
        ("Fee", false, "Usage", "Recurring"),
        ("RIFee", true, "Purchase", "Recurring"),
        ("SavingsPlanUpfrontFee", false, "Purchase", "One-Time"),
        ("Refund", true, "Purchase", "One-Time"),
        ("Refund", false, "Usage", "One-Time"),
        ("EdpDiscount", false, "Usage", "Usage-Based"),
        ("FlatRateSubscription", false, "Usage", "Recurring"),
        ("NeverSeenBefore", false, "Adjustment", "One-Time"),
    ] {
        let mut others = vec![("lineItem/LineItemType", kind), ("lineItem/UnblendedCost", "2")];
        if with_arn {
            others.push(arn);
        }
        let row = map(&others);
        assert_eq!(values(&row, "ChargeCategory")[0], category, "{kind}");
        assert_eq!(values(&row, "ChargeFrequency")[0], frequency, "{kind}");
        assert_eq!(values(&row, "x_LineItemType")[0], kind);
    }
}

/// Lines of many kinds, enough for several chunks.
fn mixture() -> Vec<Vec<String>> {
    let kinds = ["Usage", "Tax", "Credit", "RIFee", "DiscountedUsage", "SavingsPlanNegation"];
    (0..20_000_u32)
        .map(|n| {
            let cost = format!("{}.{:03}", n % 7, n % 1000);
            let resource = format!("i-{:05}", n % 977);
            line(&[
                ("lineItem/LineItemType", kinds[(n % 6) as usize]),
                ("lineItem/UnblendedCost", &cost),
                ("lineItem/ResourceId", &resource),
                ("reservation/UnusedRecurringFee", if n % 12 == 3 { "0.5" } else { "" }),
                ("bill/InvoiceId", if n % 2 == 0 { "inv" } else { "" }),
            ])
        })
        .collect()
}

#[test]
fn the_order_of_columns_does_not_matter() {
    let lines = mixture();
    let order: Vec<usize> = (0..COLUMNS.len()).collect();
    let shuffled: Vec<usize> = order.iter().map(|column| column * 7 % COLUMNS.len()).collect();
    let (one, _) = read_bytes(csv(&order, &lines));
    let (other, _) = read_bytes(csv(&shuffled, &lines));
    for column in billhook_focus::columns::file_schema().fields() {
        assert_eq!(values(&one, column.name()), values(&other, column.name()), "{}", column.name());
    }
}

#[test]
fn a_parquet_report_with_doubles_equals_the_csv() {
    let lines = mixture();
    let order: Vec<usize> = (0..COLUMNS.len()).collect();
    let columns: Vec<(String, ArrayRef)> = COLUMNS
        .iter()
        .enumerate()
        .map(|(index, name)| {
            let cells =
                lines.iter().map(|line| Some(line[index].as_str()).filter(|c| !c.is_empty()));
            let is_money = name.ends_with("Cost") || name.ends_with("Amount");
            let array: ArrayRef = if is_money {
                Arc::new(cells.map(|c| c.map(|c| c.parse().unwrap())).collect::<Float64Array>())
            } else {
                Arc::new(cells.collect::<StringArray>())
            };
            (snake(name), array)
        })
        .collect();
    let batch = RecordBatch::try_from_iter_with_nullable(
        columns.into_iter().map(|(name, array)| (name, array, true)),
    )
    .unwrap();
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    let (parquet, summary) = read_bytes(bytes);
    let (text, expected) = read_bytes(csv(&order, &lines));
    assert_eq!(summary.read.rows, expected.read.rows);
    for column in
        ["BilledCost", "EffectiveCost", "ChargePeriodStart", "ResourceId", "x_LineItemType"]
    {
        assert_eq!(values(&parquet, column), values(&text, column), "{column}");
    }
}

/// AWS's Parquet spelling: an underscore before each capital, all lower case.
fn snake(name: &str) -> String {
    let mut snake = String::new();
    for c in name.chars() {
        if c.is_ascii_uppercase() && !snake.ends_with('_') {
            snake.push('_');
        }
        snake.push(if c == '/' { '_' } else { c.to_ascii_lowercase() });
    }
    snake.replace("__", "_")
}
