//! The mapping over small exports.

use arrow::array::Array;
use arrow::util::display::{ArrayFormatter, FormatOptions};

use super::*;
use crate::table::{Mapped, Summary, TableReader};
use crate::text::inflate::{Input, Limits};

/// Header and value of each column.
const USUAL: &[(&str, &str)] = &[
    ("BilledCost", "2"),
    ("EffectiveCost", "3"),
    ("ListCost", "8"),
    ("ContractedCost", "6"),
    ("BillingAccountId", "000011112222"),
    ("BillingCurrency", "USD"),
    ("BillingPeriodStart", "2026-05-01T00:00:00.000Z"),
    ("BillingPeriodEnd", "2026-06-01T00:00:00.000Z"),
    ("ChargePeriodStart", "2026-05-02T00:00:00.000Z"),
    ("ChargePeriodEnd", "2026-05-03T00:00:00.000Z"),
    ("ChargeCategory", "Usage"),
    ("CommitmentDiscountCategory", ""),
    ("CommitmentDiscountId", ""),
    ("ConsumedQuantity", "4"),
    ("ConsumedUnit", ""),
    ("ContractedUnitPrice", ""),
    ("InvoiceIssuerName", ""),
    ("ListUnitPrice", "2"),
    ("PricingQuantity", "4"),
    ("PricingUnit", "Hrs"),
    ("ProviderName", "AWS"),
    ("PublisherName", ""),
    ("ServiceCategory", "Other"),
    ("ServiceName", "Amazon Elastic Compute Cloud"),
    ("SkuId", ""),
    ("SkuPriceId", "ABC.JRT.6YS"),
    ("Tags", "\"{\"\"user:team\"\": \"\"a\"\"}\""),
    ("x_ServiceCode", "AmazonEC2"),
    ("x_UsageType", "BoxUsage:m5.large"),
];

fn read(others: &[(&str, &str)]) -> (Vec<Mapped>, Summary) {
    let header: Vec<&str> = USUAL.iter().map(|(name, _)| *name).collect();
    let value = |(name, usual): &(&'static str, &'static str)| {
        let other = others.iter().find(|(other, _)| other == name);
        other.map_or(*usual, |(_, value)| *value).to_owned()
    };
    let values: Vec<String> = USUAL.iter().map(value).collect();
    let text = format!("{}\n{}\n", header.join(","), values.join(","));
    let mut reader = TableReader::new(&MAPPING, Limits::default(), None);
    let mut batches = Vec::new();
    let mut sink = |mapped| {
        batches.push(mapped);
        Ok(())
    };
    let input = Input::Memory(text.into_bytes().into());
    reader.read(input, "e.csv", &|_| (), &mut sink).unwrap();
    (batches, reader.finish())
}

fn value(batches: &[Mapped], name: &str) -> String {
    let options = FormatOptions::new().with_null("-");
    let column = batches[0].batch.column_by_name(name).unwrap();
    let text = ArrayFormatter::try_new(column.as_ref(), &options).unwrap().value(0).to_string();
    assert_eq!(column.len(), 1);
    if text.contains('.') && text.starts_with(|c: char| c.is_ascii_digit()) {
        return text.trim_end_matches('0').trim_end_matches('.').to_owned();
    }
    text
}

#[test]
fn what_aws_leaves_empty_is_derived_and_told() {
    let (row, summary) = read(&[]);
    for (column, expected) in [
        ("BilledCost", "2"),
        ("x_UnblendedCost", "2"),
        ("x_AmortizedCost", "3"),
        ("BillingAccountName", "000011112222"),
        ("ConsumedUnit", "Hours"),
        ("PricingUnit", "Hours"),
        ("x_PricingUnit", "Hrs"),
        ("ContractedUnitPrice", "1.5"),
        ("ListUnitPrice", "2"),
        ("InvoiceIssuerName", "Amazon Web Services, Inc."),
        ("ProviderName", "Amazon Web Services, Inc."),
        ("PublisherName", "Amazon Web Services, Inc."),
        ("SkuId", "ABC"),
        ("SkuMeter", "BoxUsage:m5.large"),
        ("ServiceCategory", "Compute"),
        ("x_SourceServiceCategory", "Other"),
        ("x_SourceServiceName", "-"),
        ("Tags", "{team: a}"),
    ] {
        assert_eq!(value(&row, column), expected, "{column}");
    }
    let gaps: Vec<_> = summary.gaps.iter().map(|(name, rows)| (name.as_str(), *rows)).collect();
    let expected = ["ContractedUnitPrice", "InvoiceIssuerName", "PublisherName", "SkuId"];
    assert_eq!(gaps, expected.map(|name| (name, 1)));
}

#[test]
fn commitments_of_focus_1_0_get_their_quantity() {
    let plan = [("CommitmentDiscountCategory", "Spend"), ("CommitmentDiscountId", "arn:sp")];
    let (row, _) = read(&plan);
    assert_eq!(value(&row, "CommitmentDiscountQuantity"), "3");
    assert_eq!(value(&row, "CommitmentDiscountUnit"), "USD");
    let reservation = [("CommitmentDiscountCategory", "Usage"), ("CommitmentDiscountId", "arn:ri")];
    let (row, _) = read(&reservation);
    assert_eq!(value(&row, "CommitmentDiscountQuantity"), "4");
    assert_eq!(value(&row, "CommitmentDiscountUnit"), "Hours");
}

#[test]
fn broken_maps_and_times_are_faults() {
    for (column, bad) in [("Tags", "none"), ("ChargePeriodStart", "2026-05-02T30:00:00Z")] {
        let (_, summary) = read(&[(column, bad)]);
        assert_eq!(summary.quarantined.rows, 1);
        assert_eq!((&*summary.faults[0].fault.column, summary.faults[0].fault.row), (column, 2));
    }
}
