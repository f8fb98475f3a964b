//! The mapping over a few answers.

use arrow::array::{Array, AsArray};
use arrow::datatypes::Decimal128Type;
use arrow::util::display::{ArrayFormatter, FormatOptions};

use super::*;
use crate::cur::residual::Residuals;
use crate::kinds;
use crate::table::{Mapped, Summary, TableReader};
use crate::text::inflate::{Input, Limits};

/// Unblended, net unblended, amortized and net amortized cost.
type Costs<'a> = [&'a str; 4];

fn row(record_type: &str, service: &str, costs: Costs<'_>, usage: &str) -> String {
    let [unblended, net, amortized, net_amortized] = costs;
    format!(
        "2026-06-01,2026-06-02,2026-06-03,{record_type},\"{service}\",444455556666,Web,\
         111122223333,Acme,USD,{unblended},{unblended},{amortized},{net},{net_amortized},{usage},\
         false,daily\n"
    )
}

fn read(rows: &[String]) -> (Vec<Mapped>, Summary) {
    let text = format!("{}\n{}", columns::HEADER.join(","), rows.concat());
    let mut reader = TableReader::new(&MAPPING, Limits::default(), Some("2026-06".to_owned()));
    let mut batches = Vec::new();
    let input = Input::Memory(text.into_bytes().into());
    reader
        .read(input, "answers.csv", &|_| (), &mut |mapped| {
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
        texts.extend((0..column.len()).map(|row| {
            let text = formatter.value(row).to_string();
            let is_number =
                text.contains('.') && text.chars().all(|c| c.is_ascii_digit() || "-.".contains(c));
            if is_number {
                text.trim_end_matches('0').trim_end_matches('.').to_owned()
            } else {
                text
            }
        }));
    }
    texts
}

fn sum(batch: &arrow::array::RecordBatch, name: &str) -> i128 {
    let column = batch.column_by_name(name).unwrap().as_primitive::<Decimal128Type>();
    column.iter().flatten().sum()
}

/// Billed cost of what FOCUS shows, adjustments included, and unblended cost of all, in 10⁻¹⁸.
fn billed_and_unblended(batches: &[Mapped]) -> (i128, i128) {
    let mut residuals = Residuals::default();
    let (mut billed, mut unblended) = (0, 0);
    for mapped in batches {
        if mapped.is_source_row {
            residuals.add(&mapped.batch);
        }
        billed += sum(&mapped.batch, "BilledCost");
        unblended += sum(&mapped.batch, "x_UnblendedCost");
    }
    if let Some(batch) = residuals.rows().unwrap() {
        billed += sum(&batch, "BilledCost");
    }
    (billed, unblended)
}

#[test]
fn record_types_become_categories() {
    for (record_type, costs, expected) in [
        ("Usage", ["2", "1.8", "2", "1.8"], ["Usage", "1.8", "1.8", "Usage", "-"]),
        ("Tax", ["2", "2", "2", "2"], ["Tax", "2", "2", "Tax", "-"]),
        ("Credit", ["-2", "-2", "-2", "-2"], ["Credit", "-2", "-2", "Credit", "-"]),
        ("Support", ["2", "2", "2", "2"], ["Usage", "2", "2", "Support", "-"]),
        ("Fee", ["2", "2", "2", "2"], ["Usage", "2", "2", "Fee", "-"]),
        // Amortized to nothing: it bought future coverage.
        ("Fee", ["2", "2", "0", "0"], ["Purchase", "2", "0", "Fee", "-"]),
        ("Upfront", ["2", "2", "0", "0"], ["Purchase", "2", "0", "Upfront", "-"]),
        ("Refund", ["-2", "-2", "-2", "-2"], ["Usage", "-2", "-2", "Refund", "-"]),
        ("DiscountedUsage", ["0", "0", "3", "3"], ["Usage", "0", "3", "DiscountedUsage", "-"]),
        (
            "Savings Plan Covered Usage",
            ["5", "5", "3", "3"],
            ["Usage", "0", "3", "SavingsPlanCoveredUsage", "-"],
        ),
        (
            "SavingsPlanNegation",
            ["-5", "-5", "0", "0"],
            ["Usage", "0", "0", "SavingsPlanNegation", "SavingsPlanNegation"],
        ),
        // A discount that is inside other rows, and one that is not.
        (
            "Enterprise Discount Program Discount",
            ["-1", "0", "-1", "0"],
            ["Usage", "0", "0", "EdpDiscount", "DiscountInNetColumns"],
        ),
        (
            "Solution Provider Program Discount",
            ["-1", "-1", "-1", "-1"],
            ["Usage", "-1", "-1", "SppDiscount", "-"],
        ),
        ("Brand New", ["2", "2", "2", "2"], ["Adjustment", "2", "2", "BrandNew", "-"]),
    ] {
        let (batches, summary) = read(&[row(record_type, "AWS Lambda", costs, "1,N/A")]);
        let columns =
            ["ChargeCategory", "BilledCost", "EffectiveCost", "x_LineItemType", "x_FocusExclusion"];
        let seen = columns.map(|name| values(&batches, name).remove(0));
        assert_eq!(seen, expected, "{record_type}");
        let description = format!("AWS Lambda: {record_type}");
        assert_eq!(values(&batches, "ChargeDescription"), [description]);
        let is_known = |name: &String| KNOWN_TYPES.contains(&name.as_str());
        assert_eq!(summary.types.keys().all(is_known), record_type != "Brand New");
        let (billed, unblended) = billed_and_unblended(&batches);
        assert_eq!(billed, unblended, "{record_type}");
    }
}

#[test]
fn the_unused_part_of_a_fee_is_a_row_of_its_own() {
    let fee = row("SavingsPlanRecurringFee", "Savings Plans", ["5", "5", "2", "1.5"], "1,N/A");
    let (batches, summary) = read(&[fee]);
    assert_eq!(summary.read.rows, 1);
    assert_eq!(values(&batches, "ChargeCategory"), ["Purchase", "Usage"]);
    assert_eq!(values(&batches, "BilledCost"), ["5", "0"]);
    assert_eq!(values(&batches, "EffectiveCost"), ["0", "1.5"]);
    assert_eq!(values(&batches, "x_UnblendedCost"), ["5", "0"]);
    assert_eq!(values(&batches, "x_AmortizedCost"), ["0", "2"]);
    assert_eq!(values(&batches, "x_NetAmortizedCost"), ["0", "1.5"]);
    assert_eq!(values(&batches, "x_UsageAmount"), ["1", "0"]);
    // What was used up has no second row.
    let fee = row("RIFee", "Amazon EC2", ["5", "5", "0", "0"], "1,N/A");
    assert_eq!(values(&read(&[fee]).0, "ChargeCategory"), ["Purchase"]);
}

#[test]
fn what_does_not_cancel_comes_back_as_an_adjustment() {
    let (batches, _) = read(&[
        row("SavingsPlanCoveredUsage", "AWS Lambda", ["5", "4", "3", "3"], "1,Hrs"),
        row("SavingsPlanNegation", "Savings Plans", ["-4.9", "-3.9", "0", "0"], "1,N/A"),
        row("Usage", "AWS Lambda", ["2", "1.7", "2", "1.7"], "1,Hrs"),
        row("Bundled Discount", "AWS Lambda", ["-0.2", "0", "-0.2", "0"], "1,N/A"),
    ]);
    let (billed, unblended) = billed_and_unblended(&batches);
    assert_eq!(billed, unblended);
    assert_eq!(unblended, 1_900_000_000_000_000_000);
}

#[test]
fn services_and_accounts_have_the_names_of_bills() {
    let costs = ["2", "2", "2", "2"];
    let (batches, summary) = read(&[
        row("Usage", "EC2 - Other", costs, "7,N/A"),
        row("Usage", "Amazon Elastic Compute Cloud - Compute", costs, "4,Hrs"),
    ]);
    let ec2 = "Amazon Elastic Compute Cloud";
    assert_eq!(values(&batches, "ServiceName"), [ec2, ec2]);
    assert_eq!(values(&batches, "ServiceCategory"), ["Compute", "Compute"]);
    assert_eq!(values(&batches, "SubAccountId")[0], "444455556666");
    assert_eq!(values(&batches, "SubAccountName")[0], "Web");
    assert_eq!(values(&batches, "BillingAccountId")[0], "111122223333");
    assert_eq!(values(&batches, "BillingAccountName")[0], "Acme");
    // A quantity of several units means nothing, but what AWS said is kept.
    assert_eq!(values(&batches, "ConsumedQuantity"), ["-", "4"]);
    assert_eq!(values(&batches, "ConsumedUnit"), ["-", "Hours"]);
    assert_eq!(values(&batches, "ListUnitPrice"), ["-", "0.5"]);
    assert_eq!(values(&batches, "x_UsageAmount"), ["7", "4"]);
    assert_eq!((summary.not_invoiced, summary.interval_seconds), (0, Some(86_400)));
    let estimated = row("Usage", "AWS Lambda", costs, "1,N/A").replace("false", "true");
    assert_eq!(read(&[estimated]).1.not_invoiced, 1);
}

#[test]
fn no_file_is_taken_for_it() {
    assert!(kinds::ALL.iter().all(|mapping| mapping.kind != MAPPING.kind));
    let header = columns::HEADER.map(str::to_owned).to_vec();
    assert!(kinds::recognise(kinds::ALL, &header).is_err());
    assert!(columns::FORMAT.bind(header).unwrap().unknown.is_empty());
}
