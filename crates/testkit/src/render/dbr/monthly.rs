//! The monthly report and the cost allocation report: what an account used of a thing in a month.

use std::collections::BTreeMap;
use std::io::{self, Write};

use super::text::{
    ESTIMATED, Table, description, invoice, last_second, period_cells, slashes, tag, zone,
};
use super::totals::{Sums, Total, totals};
use super::{DbrReport, ReportType};
use crate::calendar::{Interval, Month};
use crate::decimal::Decimal;
use crate::random;
use crate::synth::Line;

/// AWS's remark before the header of the cost allocation report.
const DISCLAIMER: &str = "Don't see your tags in the report? New tags are excluded by default - go \
    to https://console.aws.amazon.com/billing/home#/preferences/tags to update your cost \
    allocation keys.";

/// The columns of the monthly report. The cost allocation report has `AvailabilityZone` after
/// `Operation`, and tags at the end.
const HEADER: [&str; 29] = [
    "InvoiceID",
    "PayerAccountId",
    "LinkedAccountId",
    "RecordType",
    "RecordID",
    "BillingPeriodStartDate",
    "BillingPeriodEndDate",
    "InvoiceDate",
    "PayerAccountName",
    "LinkedAccountName",
    "TaxationAddress",
    "PayerPONumber",
    "ProductCode",
    "ProductName",
    "SellerOfRecord",
    "UsageType",
    "Operation",
    "RateId",
    "ItemDescription",
    "UsageStartDate",
    "UsageEndDate",
    "UsageQuantity",
    "BlendedRate",
    "CurrencyCode",
    "CostBeforeTax",
    "Credits",
    "TaxAmount",
    "TaxType",
    "TotalCost",
];

/// Where `AvailabilityZone` is put in.
const ZONE_AT: usize = 17;

/// What makes two lines one row.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key<'a> {
    account_id: &'a str,
    product_code: &'a str,
    usage_type: &'a str,
    operation: &'a str,
    description: String,
    invoice_id: &'a str,
    seller: &'a str,
    tax_type: Option<&'a str>,
    /// Empty in the monthly report.
    zone: &'a str,
    /// The values of the tag columns.
    tags: Vec<&'a str>,
}

/// What became one row.
struct Group<'a> {
    /// The first of its lines.
    line: &'a Line,
    usage: Interval,
    amount: Decimal,
    /// None when its lines differ.
    rate: Option<Decimal>,
    sums: Sums,
}

/// Writes the report and gives the number of rows with charges.
pub(super) fn write(
    out: &mut impl Write,
    report: &DbrReport,
    kind: ReportType,
    month: Month,
    lines: &[Line],
) -> io::Result<u64> {
    let with_tags = kind == ReportType::CostAllocation;
    let payer = lines.iter().find(|line| line.account.id == report.account);
    let writer = Writer {
        report,
        month,
        with_tags,
        payer_name: payer.map_or("", |line| line.account.name),
        currency: lines.first().map_or("USD", |line| line.currency),
    };
    let groups = writer.groups(lines);
    let mut table = Table::new(out);
    if with_tags && report.disclaimer {
        table.push(&[DISCLAIMER])?;
    }
    table.push(&writer.header())?;
    for (key, group) in &groups {
        table.push(&writer.group(key, group))?;
    }
    for total in totals(report, month, lines) {
        table.push(&writer.total(&total))?;
    }
    table.finish()?;
    Ok(groups.len() as u64)
}

struct Writer<'a> {
    report: &'a DbrReport,
    month: Month,
    with_tags: bool,
    payer_name: &'a str,
    currency: &'a str,
}

impl Writer<'_> {
    fn header(&self) -> Vec<&str> {
        let mut names = HEADER.to_vec();
        if self.with_tags {
            names.insert(ZONE_AT, "AvailabilityZone");
            names.extend(self.report.tag_keys.iter().map(String::as_str));
        }
        names
    }

    fn groups<'b>(&'b self, lines: &'b [Line]) -> BTreeMap<Key<'b>, Group<'b>> {
        let mut groups: BTreeMap<Key<'b>, Group<'b>> = BTreeMap::new();
        for line in lines {
            let new = || Group {
                line,
                usage: line.usage,
                amount: Decimal::ZERO,
                rate: line.rate,
                sums: Sums::default(),
            };
            let group = groups.entry(self.key(line)).or_insert_with(new);
            group.usage.start = group.usage.start.min(line.usage.start);
            group.usage.end = group.usage.end.max(line.usage.end);
            group.amount += line.amount;
            group.rate = group.rate.filter(|&rate| Some(rate) == line.rate);
            group.sums.add(Sums::of(line));
        }
        groups
    }

    fn key<'b>(&'b self, line: &'b Line) -> Key<'b> {
        let keys = if self.with_tags { self.report.tag_keys.as_slice() } else { &[] };
        Key {
            account_id: line.account.id,
            product_code: line.sku.product.code,
            usage_type: &line.sku.usage_type,
            operation: &line.sku.operation,
            description: description(line).into_owned(),
            invoice_id: invoice(line),
            seller: line.legal_entity,
            tax_type: line.tax_type,
            zone: if self.with_tags { zone(line) } else { "" },
            tags: keys.iter().map(|key| tag(line, key)).collect(),
        }
    }

    fn group(&self, key: &Key<'_>, group: &Group<'_>) -> Vec<String> {
        // The payer's own usage is not linked.
        let own = key.account_id == self.report.account;
        let linked = |text: &str| if own { String::new() } else { text.to_owned() };
        let text = |number: Option<Decimal>| number.map_or_else(String::new, |own| own.to_string());
        let record_type = if own { "PayerLineItem" } else { "LinkedLineItem" };
        let line = group.line;
        let named = vec![
            ("LinkedAccountId", linked(key.account_id)),
            ("RecordType", record_type.to_owned()),
            ("RecordID", random::text(random::hash(17, &format!("{key:?}")), random::DIGITS, 26)),
            ("LinkedAccountName", linked(line.account.name)),
            ("ProductCode", key.product_code.to_owned()),
            ("ProductName", line.sku.product.name.to_owned()),
            ("SellerOfRecord", key.seller.to_owned()),
            ("UsageType", key.usage_type.to_owned()),
            ("Operation", key.operation.to_owned()),
            ("RateId", line.sku.rate_id.clone()),
            ("ItemDescription", key.description.clone()),
            ("UsageStartDate", slashes(group.usage.start)),
            ("UsageEndDate", last_second(group.usage.end)),
            ("UsageQuantity", group.amount.to_string()),
            ("BlendedRate", text(group.rate)),
            ("TaxType", key.tax_type.unwrap_or("None").to_owned()),
        ];
        self.row(key.invoice_id, named, group.sums, key.zone, &key.tags)
    }

    fn total(&self, total: &Total) -> Vec<String> {
        let named = vec![
            ("LinkedAccountId", total.account_id.clone()),
            ("RecordType", total.record_type.to_owned()),
            ("RecordID", total.record_id.clone()),
            ("LinkedAccountName", total.account_name.clone()),
            ("ItemDescription", total.description.clone()),
        ];
        self.row(&total.invoice_id, named, total.sums, "", &[])
    }

    /// A row of the `named` cells and of what every row says.
    fn row(
        &self,
        invoice_id: &str,
        named: Vec<(&str, String)>,
        sums: Sums,
        zone: &str,
        tags: &[&str],
    ) -> Vec<String> {
        let [start, end] = period_cells(self.month);
        let invoiced = !invoice_id.is_empty() && invoice_id != ESTIMATED;
        let invoice_day = self.month.plus(1).day(3).start();
        let mut cells: BTreeMap<&str, String> = named.into_iter().collect();
        cells.extend([
            ("InvoiceID", invoice_id.to_owned()),
            ("PayerAccountId", self.report.account.clone()),
            ("BillingPeriodStartDate", start),
            ("BillingPeriodEndDate", end),
            ("InvoiceDate", if invoiced { slashes(invoice_day) } else { String::new() }),
            ("PayerAccountName", self.payer_name.to_owned()),
            ("TaxationAddress", "1 Example Street, Springfield, 12345".to_owned()),
            ("CurrencyCode", self.currency.to_owned()),
            ("CostBeforeTax", sums.before_tax.to_string()),
            ("Credits", sums.credits.to_string()),
            ("TaxAmount", sums.tax.to_string()),
            ("TotalCost", sums.total().to_string()),
        ]);
        let mut row: Vec<String> =
            HEADER.iter().map(|&name| cells.remove(name).unwrap_or_default()).collect();
        if self.with_tags {
            row.insert(ZONE_AT, zone.to_owned());
            let count = row.len() + self.report.tag_keys.len();
            row.extend(tags.iter().map(|&value| value.to_owned()));
            row.resize(count, String::new());
        }
        row
    }
}
