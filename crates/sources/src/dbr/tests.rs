//! The mapping over small reports.

use arrow::util::display::{ArrayFormatter, FormatOptions};

use super::totals::{Key, Scope};
use crate::kinds;
use crate::table::{Mapped, Summary, TableReader, peek};
use crate::text::inflate::{Input, Limits};

const DETAILED_HEADER: &str = "InvoiceID,PayerAccountId,LinkedAccountId,RecordType,RecordID,\
    ProductName,RateId,SubscriptionId,PricingPlanId,UsageType,Operation,AvailabilityZone,\
    ReservedInstance,ItemDescription,UsageStartDate,UsageEndDate,UsageQuantity,blendedrate,\
    BlendedCost,UnblendedRate,unBlendedCost,ResourceId,user:Name,aws:createdBy,user:name";

const MONTHLY_HEADER: &str = "InvoiceID,PayerAccountId,LinkedAccountId,RecordType,RecordID,\
    BillingPeriodStartDate,BillingPeriodEndDate,InvoiceDate,PayerAccountName,LinkedAccountName,\
    TaxationAddress,PayerPONumber,ProductCode,ProductName,SellerOfRecord,UsageType,Operation,\
    RateId,ItemDescription,UsageStartDate,UsageEndDate,UsageQuantity,BlendedRate,CurrencyCode,\
    CostBeforeTax,Credits,TaxAmount,TaxType,TotalCost";

fn read(text: &str) -> (Vec<Mapped>, Summary) {
    let input = || Input::Memory(text.as_bytes().to_vec().into());
    let peeked = peek(input(), Limits::default()).unwrap();
    let header: Vec<String> = peeked.into_iter().map(|(name, _)| name).collect();
    let mapping = kinds::recognise(kinds::ALL, &header).unwrap();
    let mut reader = TableReader::new(mapping, Limits::default(), Some("2018-06".to_owned()));
    let mut batches = Vec::new();
    reader
        .read(input(), "test.csv", &|_| (), &mut |mapped| {
            batches.push(mapped);
            Ok(())
        })
        .unwrap();
    (batches, reader.finish())
}

/// A detailed row: record type, product, usage type, description, cost, and (column, value) pairs.
fn detailed(
    kind: &str,
    usage_type: &str,
    words: &str,
    cost: &str,
    others: &[(&str, &str)],
) -> String {
    let cells = DETAILED_HEADER.split(',').map(|name| {
        let other = others.iter().find(|(column, _)| *column == name).map(|(_, value)| *value);
        other.unwrap_or(match name {
            "InvoiceID" => "Estimated",
            "PayerAccountId" => "111122223333",
            "LinkedAccountId" => "444455556666",
            "RecordType" => kind,
            "RecordID" => "12345678901234567890123456",
            "ProductName" => "Amazon Elastic Compute Cloud",
            "SubscriptionId" => "77",
            "UsageType" => usage_type,
            "ReservedInstance" => "N",
            "ItemDescription" => words,
            "UsageStartDate" => "2018-06-01 00:00:00",
            "UsageEndDate" => "2018-06-01 01:00:00",
            "UsageQuantity" => "2",
            "BlendedCost" | "unBlendedCost" => cost,
            _ => "",
        })
    });
    let cells: Vec<String> = cells.map(|cell| format!("\"{cell}\"")).collect();
    cells.join(",")
}

fn value(batches: &[Mapped], name: &str) -> String {
    let options = FormatOptions::new().with_null("-");
    let column = batches[0].batch.column_by_name(name).unwrap();
    let text = ArrayFormatter::try_new(column.as_ref(), &options).unwrap().value(0).to_string();
    if text.contains('.') && !text.contains('{') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

fn map(row: &str) -> Vec<Mapped> {
    read(&format!("{DETAILED_HEADER}\n{row}\n")).0
}

const EC2: &str = "Amazon Elastic Compute Cloud";

/// Record type, usage type, description and product, or `Y` for a reservation of EC2 and `N/A` for
/// one without subscription; then category, frequency and pricing category.
const ROWS: [([&str; 4], [&str; 3]); 21] = [
    (
        ["LineItem", "BoxUsage:m4.large", "$0.10 per hour", EC2],
        ["Usage", "Usage-Based", "Standard"],
    ),
    (["LineItem", "BoxUsage:m4.large", "RI applied", "Y"], ["Usage", "Usage-Based", "Committed"]),
    (["LineItem", "EU-SpotUsage:m4.large", "spot", EC2], ["Usage", "Usage-Based", "Dynamic"]),
    (["LineItem", "EU-HeavyUsage:m4.large", "x", "N/A"], ["Purchase", "One-Time", "Standard"]),
    (
        ["LineItem", "HeavyUsage:m4.large", "USD 0.10 hourly fee", "Y"],
        ["Purchase", "Recurring", "Standard"],
    ),
    (
        ["LineItem", "", "Sign up charge for subscription: 77", EC2],
        ["Purchase", "One-Time", "Standard"],
    ),
    (
        ["LineItem", "ComputeSP:1yrNoUpfront", "1 year", "Savings Plans for AWS Compute usage"],
        ["Purchase", "Recurring", "Standard"],
    ),
    (
        ["LineItem", "ComputeSP:1yrAllUpfront", "1 year", "Savings Plans for AWS Compute usage"],
        ["Purchase", "One-Time", "Standard"],
    ),
    (
        ["LineItem", "BoxUsage:m5.large", "SavingsPlanNegation used by AccountId : 1", EC2],
        ["Usage", "Usage-Based", "Standard"],
    ),
    (["LineItem", "", "Tax for product code AmazonEC2", EC2], ["Tax", "One-Time", "-"]),
    (["LineItem", "", "VAT to be collected", EC2], ["Tax", "One-Time", "-"]),
    (["LineItem", "", "AWS Activate promotional credit", EC2], ["Credit", "One-Time", "Other"]),
    (["LineItem", "", "Refund for service credit request", EC2], ["Usage", "One-Time", "Other"]),
    (["LineItem", "", "Refund of US Sales Tax", EC2], ["Tax", "One-Time", "-"]),
    (
        ["LineItem", "", "Refund for one-time fee", "Savings Plans for AWS Compute usage"],
        ["Purchase", "One-Time", "Other"],
    ),
    (
        ["LineItem", "CPUCredits:t3", "vCPU hours of CPU credits", EC2],
        ["Usage", "Usage-Based", "Standard"],
    ),
    (
        ["LineItem", "Sync", "$0.10 per 1000 tax credit records", EC2],
        ["Usage", "Usage-Based", "Standard"],
    ),
    (
        ["LineItem", "Dollar", "10% of monthly AWS usage", "AWS Support (Business)"],
        ["Usage", "Usage-Based", "Standard"],
    ),
    (["Discount", "", "Enterprise Program Discount", EC2], ["Usage", "Usage-Based", "Standard"]),
    (["Rounding", "", "Rounding due to blended rates", EC2], ["Adjustment", "One-Time", "Other"]),
    (["NeverSeen", "", "x", EC2], ["Adjustment", "One-Time", "Other"]),
];

#[test]
fn words_tell_what_a_row_is() {
    for ([kind, usage_type, words, product], expected) in ROWS {
        let is_reserved = matches!(product, "Y" | "N/A");
        let others = [
            ("ProductName", if is_reserved { EC2 } else { product }),
            ("ReservedInstance", if is_reserved { "Y" } else { "N" }),
            ("SubscriptionId", if product == "N/A" { "" } else { "77" }),
        ];
        let row = map(&detailed(kind, usage_type, words, "1.5", &others));
        let told = ["ChargeCategory", "ChargeFrequency", "PricingCategory"].map(|c| value(&row, c));
        assert_eq!(told, expected, "{kind} {usage_type} {words}");
        assert_eq!(value(&row, "x_LineItemType"), kind);
        assert_eq!(value(&row, "BilledCost"), "1.5");
    }
}

#[test]
fn columns_of_a_detailed_row() {
    let others = [
        ("UnblendedRate", "0.75"),
        ("ResourceId", "i-0abc"),
        ("user:Name", "web"),
        ("aws:createdBy", "Root"),
        ("RateId", "5"),
    ];
    let row = map(&detailed("LineItem", "EU-BoxUsage:m4.large", "$0.75", "1.5", &others));
    for (column, expected) in [
        ("BillingAccountId", "111122223333"),
        ("SubAccountId", "444455556666"),
        ("InvoiceId", "-"),
        ("BillingCurrency", "USD"),
        ("BillingPeriodStart", "2018-06-01T00:00:00Z"),
        ("BillingPeriodEnd", "2018-07-01T00:00:00Z"),
        ("ChargePeriodStart", "2018-06-01T00:00:00Z"),
        ("ChargePeriodEnd", "2018-06-01T01:00:00Z"),
        ("ServiceName", "Amazon Elastic Compute Cloud"),
        ("ServiceCategory", "Compute"),
        ("RegionId", "eu-west-1"),
        ("ListUnitPrice", "0.75"),
        ("PricingQuantity", "2"),
        ("ResourceName", "web"),
        ("Tags", "{Name: web, aws:createdBy: Root}"),
        ("x_Extra", "{RateId: 5, SubscriptionId: 77, ReservedInstance: N, UnBlendedRate: 0.75}"),
        ("x_LineItemId", "12345678901234567890123456"),
        ("x_BlendedCost", "1.5"),
    ] {
        assert_eq!(value(&row, column), expected, "{column}");
    }
}

/// A row of the monthly report: record type, invoice, linked account, description, and the
/// amounts before tax, of credits, of tax and in total.
fn monthly(kind: &str, linked: &str, words: &str, amounts: [&str; 4]) -> String {
    let [before, credits, tax, total] = amounts;
    format!(
        "123,111122223333,{linked},{kind},1,2018/06/01 00:00:00,2018/06/30 23:59:59,\
         2018/07/03 00:00:00,Payer,{},,,AmazonEC2,Amazon Elastic Compute Cloud,\"Amazon Web \
         Services, Inc.\",BoxUsage,RunInstances,5,{words},2018/06/02 00:00:00,2018/06/30 23:59:59,\
         None,,EUR,{before},{credits},{tax},None,{total}",
        if linked.is_empty() { "" } else { "Member" },
    )
}

#[test]
fn a_monthly_report_with_a_remark_before_its_header() {
    let remark = "\"Don't see your tags in the report? New tags are excluded, \"\"by\"\" default\"";
    let rows = [
        monthly("PayerLineItem", "", "$0.1 per hour", ["10", "0.0", "2", "12"]),
        monthly("StatementTotal", "", "Total", ["10", "0", "2", "12"]),
    ];
    let (batches, summary) = read(&format!("{remark}\n{MONTHLY_HEADER}\n{}\n", rows.join("\n")));
    for (column, expected) in [
        ("ChargePeriodStart", "2018-06-02T00:00:00Z"),
        ("ChargePeriodEnd", "2018-07-01T00:00:00Z"),
        ("BillingPeriodEnd", "2018-07-01T00:00:00Z"),
        ("BillingCurrency", "EUR"),
        ("BillingAccountName", "Payer"),
        ("SubAccountId", "111122223333"),
        ("SubAccountName", "Payer"),
        ("x_UnblendedCost", "12"),
        ("x_UsageAmount", "-"),
        ("x_TaxType", "-"),
        ("ChargeCategory", "Usage"),
    ] {
        assert_eq!(value(&batches, column), expected, "{column}");
    }
    assert!(value(&batches, "x_Extra").contains("TaxAmount: 2"));
    assert_eq!((value(&batches, "x_SourceRow").as_str(), summary.read.rows), ("3", 1));
    for (amounts, category) in [(["0", "-3", "0", "-3"], "Credit"), (["0", "0", "2", "2"], "Tax")] {
        let row = monthly("LinkedLineItem", "444455556666", "AWS", amounts);
        let batches = read(&format!("{MONTHLY_HEADER}\n{row}\n")).0;
        assert_eq!(value(&batches, "ChargeCategory"), category);
        assert_eq!(value(&batches, "SubAccountName"), "Member");
    }
}

#[test]
fn inv_one_totals_are_no_lines() {
    let total = |kind: &str, id: &str, cost: &str| {
        detailed(kind, "", "Total", cost, &[("RecordID", id), ("LinkedAccountId", "")])
    };
    let payer = [("LinkedAccountId", "")];
    let rows = [
        detailed("LineItem", "a", "$1", "1.25", &[]),
        detailed("LineItem", "a", "$1", "2", &payer),
        detailed("Rounding", "", "r", "-0.25", &payer),
        total("InvoiceTotal", "InvoiceTotal:Estimated", "3"),
        total("AccountTotal", "AccountTotal:444455556666", "1.25"),
        total("AccountTotal", "AccountTotal:111122223333", "9"),
        total("StatementTotal", "", "3"),
        total("StatementTotal", "", "much"),
    ];
    let (batches, summary) = read(&format!("{DETAILED_HEADER}\n{}\n", rows.join("\n")));
    assert_eq!((summary.read.rows, batches[0].batch.num_rows()), (3, 3));
    let key = |scope, id: &str| Key { scope, id: id.to_owned(), currency: String::new() };
    let lines = summary.totals.added_up();
    for (scope, id, stated, found) in [
        (Scope::Statement, "", "3", "3"),
        (Scope::Invoice, "Estimated", "3", "3"),
        (Scope::Account, "444455556666", "1.25", "1.25"),
        (Scope::Account, "111122223333", "9", "1.75"),
    ] {
        let key = key(scope, id);
        let text = |sum: billhook_money::Sum| billhook_money::format(sum.total().unwrap());
        assert_eq!(text(summary.totals.stated[&key].sum), stated, "{key:?}");
        assert_eq!(text(lines[&key].sum), found, "{key:?}");
    }
    let [unreadable] = &summary.totals.unreadable[..] else { panic!("{summary:?}") };
    assert!(unreadable.contains("test.csv record 9") && unreadable.contains("\"much\""));
}
