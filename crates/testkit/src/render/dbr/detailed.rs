//! The detailed reports: a row per line of the bill.

use std::io::{self, Write};

use super::text::{Table, description, hyphens, invoice, tag, zone};
use super::totals::{Total, totals};
use super::{DbrReport, ReportType};
use crate::calendar::Month;
use crate::decimal::Decimal;
use crate::random;
use crate::render::cur;
use crate::synth::{Commitment, Kind, Line};

/// What the `Rounding` row adds, and the line that it puts right has too little.
const ROUNDING: Decimal = Decimal::new(37, 8);

/// The columns of both reports.
const HEADER: [&str; 17] = [
    "InvoiceID",
    "PayerAccountId",
    "LinkedAccountId",
    "RecordType",
    "RecordId",
    "ProductName",
    "RateId",
    "SubscriptionId",
    "PricingPlanId",
    "UsageType",
    "Operation",
    "AvailabilityZone",
    "ReservedInstance",
    "ItemDescription",
    "UsageStartDate",
    "UsageEndDate",
    "UsageQuantity",
];

/// The columns of money of an account that pays for others.
const CONSOLIDATED: [&str; 4] = ["BlendedRate", "BlendedCost", "UnBlendedRate", "UnBlendedCost"];

/// The columns of money of any other account.
const SINGLE: [&str; 2] = ["Rate", "Cost"];

/// What a row charges.
struct Charge {
    rate: Option<Decimal>,
    cost: Decimal,
    blended: Option<Decimal>,
}

/// Writes the report and gives the number of rows with charges.
pub(super) fn write(
    out: &mut impl Write,
    report: &DbrReport,
    kind: ReportType,
    month: Month,
    lines: &[Line],
) -> io::Result<u64> {
    let writer = Writer { report, with_resources: kind == ReportType::DetailedWithResources };
    let mut table = Table::new(out);
    table.push(&writer.header())?;
    // The dearest usage is the line that is rounded.
    let usage = lines.iter().enumerate().filter(|(_, line)| line.kind == Kind::Usage);
    let rounded = usage.max_by_key(|(_, line)| line.cost).map(|(at, _)| at);
    for (at, line) in lines.iter().enumerate() {
        let missing = if Some(at) == rounded { ROUNDING } else { Decimal::ZERO };
        table.push(&writer.line(line, missing))?;
    }
    if let Some(line) = rounded.and_then(|at| lines.get(at)) {
        table.push(&writer.rounding(line))?;
    }
    for total in totals(report, month, lines) {
        table.push(&writer.total(&total))?;
    }
    table.finish()?;
    Ok(lines.len() as u64)
}

struct Writer<'a> {
    report: &'a DbrReport,
    with_resources: bool,
}

impl Writer<'_> {
    fn header(&self) -> Vec<&str> {
        let mut names = HEADER.to_vec();
        names.extend(if self.report.consolidated { &CONSOLIDATED[..] } else { &SINGLE });
        if self.with_resources {
            names.push("ResourceId");
            names.extend(self.report.tag_keys.iter().map(String::as_str));
        }
        names
    }

    /// The row of `line`, whose cost is written `missing` too low.
    fn line(&self, line: &Line, missing: Decimal) -> Vec<String> {
        let mut subscription_id = String::new();
        // Old reports have none for the upfront fee of a reservation.
        if !matches!(line.commitment, Commitment::ReservationPurchase(_)) {
            cur::subscription_id(line, &mut subscription_id);
        }
        let reserved = if line.commitment.reservation().is_some() { "Y" } else { "N" };
        let discount = line.kind == Kind::EdpDiscount;
        let mut cells: Vec<String> = vec![
            invoice(line).to_owned(),
            self.report.account.clone(),
            self.linked(line.account.id),
            if discount { "Discount" } else { "LineItem" }.to_owned(),
            record_id(line, 1),
            line.sku.product.name.to_owned(),
            line.sku.rate_id.clone(),
            subscription_id,
            plan_id(line),
            line.sku.usage_type.clone(),
            line.sku.operation.clone(),
            zone(line).to_owned(),
            reserved.to_owned(),
            description(line).into_owned(),
            hyphens(line.usage.start),
            hyphens(line.usage.end),
            line.amount.to_string(),
        ];
        let blended = line.blended_cost().map(|cost| cost - missing);
        self.push_charge(
            &mut cells,
            &Charge { rate: line.rate, cost: line.cost - missing, blended },
        );
        if self.with_resources {
            cells.push(line.resource.as_ref().map_or_else(String::new, |own| own.id.clone()));
            cells.extend(self.report.tag_keys.iter().map(|key| tag(line, key).to_owned()));
        }
        cells
    }

    /// The row that puts `line` right. It stands for the line's account, invoice and product, so
    /// that their sums close as well.
    fn rounding(&self, line: &Line) -> Vec<String> {
        let named = [
            (0, invoice(line).to_owned()),
            (2, self.linked(line.account.id)),
            (3, "Rounding".to_owned()),
            (4, record_id(line, 2)),
            (5, line.sku.product.name.to_owned()),
            (13, "Rounding due to blended rates and consolidated billing".to_owned()),
            (14, hyphens(line.month.interval().start)),
            (15, hyphens(line.month.interval().end)),
        ];
        self.summary(named, &Charge { rate: None, cost: ROUNDING, blended: Some(ROUNDING) })
    }

    fn total(&self, total: &Total) -> Vec<String> {
        let named = [
            (0, total.invoice_id.clone()),
            (2, total.account_id.clone()),
            (3, total.record_type.to_owned()),
            (4, total.record_id.clone()),
            (13, total.description.clone()),
        ];
        let cost = total.sums.total();
        self.summary(named, &Charge { rate: None, cost, blended: Some(total.sums.blended) })
    }

    /// A row of few cells: their places in [`HEADER`] and texts.
    fn summary(
        &self,
        named: impl IntoIterator<Item = (usize, String)>,
        charge: &Charge,
    ) -> Vec<String> {
        let mut cells = vec![String::new(); HEADER.len()];
        let payer = (1, self.report.account.clone());
        for (at, text) in named.into_iter().chain([payer]) {
            if let Some(cell) = cells.get_mut(at) {
                *cell = text;
            }
        }
        self.push_charge(&mut cells, charge);
        if self.with_resources {
            cells.resize(cells.len() + 1 + self.report.tag_keys.len(), String::new());
        }
        cells
    }

    fn push_charge(&self, cells: &mut Vec<String>, charge: &Charge) {
        let text = |number: Option<Decimal>| number.map_or_else(String::new, |own| own.to_string());
        if self.report.consolidated {
            cells.push(text(charge.rate));
            cells.push(text(charge.blended));
        }
        cells.push(text(charge.rate));
        cells.push(text(Some(charge.cost)));
    }

    /// An account that pays for itself alone is not linked to a payer.
    fn linked(&self, account_id: &str) -> String {
        let own = !self.report.consolidated && account_id == self.report.account;
        if own { String::new() } else { account_id.to_owned() }
    }
}

/// 26 digits, other ones for each row of a line.
fn record_id(line: &Line, row: u64) -> String {
    let hour = line.interval.start.0.cast_unsigned();
    random::text(random::hash_number(line.id ^ row, hour), random::DIGITS, 26)
}

/// Digits for each entry of the price list; empty for charges without one.
fn plan_id(line: &Line) -> String {
    if line.sku.code.is_empty() {
        return String::new();
    }
    random::text(random::hash(13, &line.sku.code), random::DIGITS, 7)
}
