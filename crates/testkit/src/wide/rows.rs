//! Rows of the wide report, appended to a text buffer.

use super::market::{HourText, Market, ResourceText, SkuText};
use crate::decimal::Decimal;
use crate::random::{self, Stream};

/// Covered rows that one negation row cancels.
const COVERED: u64 = 4;
/// Resources that rows near each other come back to: AWS's files are loosely grouped, and it is
/// this locality that lets gzip shrink them to a sixth.
const WINDOW: usize = 24;
/// Of 100 rows, so many are about a resource that was not in the window.
const NEW_PERCENT: u64 = 26;

/// Writes rows; the same stream gives the same rows.
pub(super) struct Rows<'a> {
    market: &'a Market,
    stream: Stream,
    /// Places of the resources that came last.
    window: [usize; WINDOW],
}

/// The cells of a row that differ between line item types; the default is plain usage.
#[derive(Clone, Copy)]
struct Row<'a> {
    kind: &'static str,
    bill_type: &'static str,
    hour: &'a HourText,
    /// Usage dates, where they differ from `hour`.
    usage: Option<&'a HourText>,
    resource: &'a ResourceText,
    sku: &'a SkuText,
    /// Is the row about `resource`, or only about its product?
    has_resource: bool,
    amount: Decimal,
    rate: Decimal,
    cost: Decimal,
    tax_type: &'static str,
    commitment: Commitment<'a>,
}

#[derive(Clone, Copy)]
enum Commitment<'a> {
    None,
    ReservationUsage(&'a str, Decimal),
    ReservationFee(&'a str, Decimal),
    PlanUsage(&'a str, Decimal, Decimal),
    PlanNegation(&'a str),
    PlanFee(&'a str, Decimal),
}

impl<'a> Rows<'a> {
    /// The rows of `seed`.
    pub(super) fn new(market: &'a Market, seed: u64) -> Self {
        Self { market, stream: Stream::new(seed), window: [0; WINDOW] }
    }

    /// Appends one row, or a group that belongs together, at most `limit`; gives their count.
    pub(super) fn push(&mut self, out: &mut String, limit: u64) -> u64 {
        let Some((resource, sku, hour)) = self.draw() else { return limit };
        let amount = self.amount();
        let usage = Row {
            kind: "Usage",
            bill_type: "Anniversary",
            hour,
            usage: None,
            resource,
            sku,
            has_resource: true,
            amount,
            rate: sku.rate,
            cost: sku.rate.times(amount, 10),
            tax_type: "",
            commitment: Commitment::None,
        };
        let share = self.stream.below(10_000);
        if share < 150 && limit > COVERED {
            return self.push_covered(out, &usage);
        }
        let row = if share < 950 { self.reserved(usage) } else { self.other(usage, share) };
        self.push_row(out, &row);
        1
    }

    /// A resource near the last ones, its SKU and an hour.
    fn draw(&mut self) -> Option<(&'a ResourceText, &'a SkuText, &'a HourText)> {
        let slot = self.index(WINDOW);
        if self.stream.below(100) < NEW_PERCENT {
            let new = self.index(self.market.resources.len());
            *self.window.get_mut(slot)? = new;
        }
        let resource = self.market.resources.get(*self.window.get(slot)?)?;
        let hour = self.index(self.market.hours.len());
        Some((resource, self.market.skus.get(resource.sku)?, self.market.hours.get(hour)?))
    }

    fn index(&mut self, count: usize) -> usize {
        usize::try_from(self.stream.below(count as u64)).unwrap_or(0)
    }

    /// Half of the time one hour, else anything up to a hundred.
    fn amount(&mut self) -> Decimal {
        let bits = self.stream.next();
        if bits.is_multiple_of(2) {
            return Decimal::ONE;
        }
        let digits = [4, 6, 8, 10][usize::try_from((bits >> 1) % 4).unwrap_or(0)];
        Decimal::new(1 + ((bits >> 8) % 1_000_000).cast_signed(), digits)
    }

    fn reserved(&mut self, usage: Row<'a>) -> Row<'a> {
        let at = self.index(self.market.reservations.len());
        let arn = self.market.reservations.get(at).map_or("", String::as_str);
        let effective = usage.cost.ratio(62, 100, 10);
        Row {
            kind: "DiscountedUsage",
            rate: Decimal::ZERO,
            cost: Decimal::ZERO,
            commitment: Commitment::ReservationUsage(arn, effective),
            ..usage
        }
    }

    /// Covered rows of one resource and hour and the row that cancels them.
    fn push_covered(&mut self, out: &mut String, usage: &Row<'a>) -> u64 {
        let at = self.index(self.market.plans.len());
        let arn = self.market.plans.get(at).map_or("", String::as_str);
        let rate = usage.rate.ratio(72, 100, 10);
        let (mut amounts, mut costs) = (Decimal::ZERO, Decimal::ZERO);
        for _ in 0..COVERED {
            let amount = self.amount();
            let cost = usage.rate.times(amount, 10);
            amounts += amount;
            costs += cost;
            let commitment = Commitment::PlanUsage(arn, rate, rate.times(amount, 10));
            let row = Row { kind: "SavingsPlanCoveredUsage", amount, cost, commitment, ..*usage };
            self.push_row(out, &row);
        }
        let negation = Row {
            kind: "SavingsPlanNegation",
            has_resource: false,
            amount: amounts,
            cost: -costs,
            commitment: Commitment::PlanNegation(arn),
            ..*usage
        };
        self.push_row(out, &negation);
        COVERED + 1
    }

    /// The rarer types by `share`, counted in ten-thousandths, and plain usage above them.
    fn other(&mut self, usage: Row<'a>, share: u64) -> Row<'a> {
        let one = Decimal::ONE;
        let cents = Decimal::new(1 + self.stream.below(10_000).cast_signed(), 2);
        let at = self.index(self.market.plans.len());
        let plan = self.market.plans.get(at).map_or("", String::as_str);
        let reservation = self.market.reservations.get(at).map_or("", String::as_str);
        let month = Some(&self.market.period);
        let bare = Row { has_resource: false, amount: one, cost: cents, usage: month, ..usage };
        match share {
            950..1_000 => Row { kind: "Tax", tax_type: "US Sales Tax", ..bare },
            1_000..1_040 => Row { kind: "Credit", cost: -cents, usage: None, ..bare },
            1_040..1_050 => Row { kind: "Refund", bill_type: "Refund", cost: -cents, ..bare },
            1_050..1_090 => Row { kind: "EdpDiscount", cost: -cents, usage: None, ..bare },
            1_090..1_105 => Row { kind: "Fee", bill_type: "Purchase", ..bare },
            1_105..1_125 => {
                let commitment = Commitment::ReservationFee(reservation, cents);
                Row { kind: "RIFee", commitment, ..bare }
            }
            1_125..1_190 => Row {
                kind: "SavingsPlanRecurringFee",
                usage: None,
                commitment: Commitment::PlanFee(plan, cents),
                ..bare
            },
            _ => usage,
        }
    }

    fn push_row(&mut self, out: &mut String, row: &Row<'_>) {
        let period = &self.market.period;
        self.push_id(out);
        push(out, &[",", &row.hour.start, "/", &row.hour.end]);
        let seller = "Amazon Web Services, Inc.";
        push(out, &[",1876543210,", "\"", seller, "\",AWS,", row.bill_type, ",111122223333,"]);
        push(out, &[&period.start, ",", &period.end, ","]);
        let account = self.market.accounts.get(row.resource.account);
        let account = account.map_or("", String::as_str);
        let dates = row.usage.unwrap_or(row.hour);
        push(out, &[account, ",", row.kind, ",", &dates.start, ",", &dates.end, ","]);
        let sku = row.sku;
        push(out, &[sku.product_code, ",", &sku.usage_type, ",", sku.operation, ","]);
        let is_zonal = row.has_resource || row.kind == "SavingsPlanNegation";
        push(out, &[if is_zonal { &row.resource.zone } else { "" }, ","]);
        push(out, &[if row.has_resource { &row.resource.id } else { "" }, ","]);
        row.amount.write_java(out);
        out.push_str(",,,USD,");
        row.rate.write_java(out);
        out.push(',');
        row.cost.write_java(out);
        out.push(',');
        row.rate.write_java(out);
        out.push(',');
        row.cost.write_java(out);
        push(out, &[",", &sku.description, ",", row.tax_type, ",\"", seller, "\","]);
        push_priced(out, row);
        push_reservation(out, row);
        push_plan(out, &row.commitment);
        let tags = self.market.tag_sets.get(row.resource.tags).filter(|_| row.has_resource);
        push(out, &[tags.unwrap_or(&self.market.no_tags), "\n"]);
    }

    /// 52 letters: five bits each of five draws.
    fn push_id(&mut self, out: &mut String) {
        let mut left = 52;
        while left > 0 {
            let mut bits = self.stream.next();
            for _ in 0..left.min(12) {
                let letter = random::BASE32.get(usize::try_from(bits % 32).unwrap_or(0));
                out.push(letter.copied().map_or('a', char::from));
                bits >>= 5;
            }
            left -= left.min(12);
        }
    }
}

fn push(out: &mut String, parts: &[&str]) {
    for part in parts {
        out.push_str(part);
    }
}

/// The product and pricing cells, each ending with a comma.
fn push_priced(out: &mut String, row: &Row<'_>) {
    let sku = row.sku;
    let is_listed = row.has_resource || row.kind == "SavingsPlanNegation";
    if !is_listed {
        push(out, &[&sku.product_name_only, ",,,,,,,0.0,,,,"]);
        return;
    }
    let terms = match row.commitment {
        Commitment::ReservationUsage(..) => "1yr,standard,No Upfront,",
        _ => ",,,",
    };
    push(out, &[&sku.product, ",", terms, &sku.price_ids, ","]);
    sku.rate.times(row.amount, 10).write_java(out);
    out.push(',');
    sku.rate.write_java(out);
    let term = if terms.len() > 3 { "Reserved" } else { "OnDemand" };
    push(out, &[",", term, ",", sku.unit, ","]);
}

/// The twenty reservation cells, each ending with a comma.
fn push_reservation(out: &mut String, row: &Row<'_>) {
    match &row.commitment {
        Commitment::ReservationUsage(arn, effective) => {
            out.push_str("0.0,,,");
            effective.write_java(out);
            out.push_str(",,,,,");
            effective.write_java(out);
            push(out, &[",", arn, ",,", &row.sku.subscription, ",,,,,,,,,"]);
        }
        Commitment::ReservationFee(arn, unused) => {
            out.push_str(",0.0,,,2026-12-01T00:00:00Z,Original,744.0,1,,");
            push(out, &[arn, ",2025-12-01T00:00:00Z,", &row.sku.subscription]);
            out.push_str(",744.0,744.0,744.0,0.0,1.0,1.0,");
            unused.ratio(1, 744, 10).write_java(out);
            out.push_str(",0.0,");
        }
        _ if row.has_resource => push(out, &[",,,,,,,,,,,", &row.sku.subscription, ",,,,,,,,,"]),
        _ => out.push_str(",,,,,,,,,,,,,,,,,,,,"),
    }
}

/// The fourteen Savings Plan cells, each ending with a comma.
fn push_plan(out: &mut String, commitment: &Commitment<'_>) {
    const TERMS: &str =
        ",1yr,No Upfront,2026-12-01T00:00:00Z,2025-12-01T00:00:00Z,,ComputeSavingsPlans,";
    match commitment {
        Commitment::PlanUsage(arn, rate, effective) => {
            push(out, &[",", arn, ","]);
            rate.write_java(out);
            out.push_str(",,");
            effective.write_java(out);
            push(out, &[",,,", TERMS]);
        }
        Commitment::PlanNegation(arn) => push(out, &[",", arn, ",,,,,,", TERMS]),
        Commitment::PlanFee(arn, total) => {
            total.write_java(out);
            push(out, &[",", arn, ",,"]);
            total.write_java(out);
            out.push_str(",,0.0,");
            total.write_java(out);
            push(out, &[",", TERMS]);
        }
        _ => out.push_str(",,,,,,,,,,,,,,"),
    }
}
