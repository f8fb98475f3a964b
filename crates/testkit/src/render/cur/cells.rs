//! What stands in the cells: a function per column, each appending its text to a buffer.

use std::fmt::Write as _;

use crate::calendar::Hour;
use crate::decimal::Decimal;
use crate::random;
use crate::synth::{Amount, Commitment, Line, ReservationMonth};

/// The content of a column.
#[derive(Clone, Debug)]
pub(super) enum Cell {
    /// A column of every report.
    Fixed(fn(&Line, &mut String)),
    /// A `product/*` attribute.
    Product(&'static str),
    /// A tag key.
    Tag(String),
    /// A cost category.
    Category(String),
}

impl Cell {
    /// Appends the text of `line`'s cell.
    pub(super) fn write(&self, line: &Line, out: &mut String) {
        let text = match self {
            Self::Fixed(write) => return write(line, out),
            Self::Product(name) => line.sku.attributes.get(name).map(String::as_str),
            Self::Tag(key) => {
                let tags = line.resource.as_ref().map(|own| own.tags.as_slice());
                let mut tags = tags.unwrap_or_default().iter();
                tags.find(|(name, _)| name == key).map(|(_, value)| value.as_str())
            }
            Self::Category(name) => {
                let mut all = line.account.categories.iter();
                all.find(|(own, _)| own == name).map(|&(_, value)| value)
            }
        };
        out.push_str(text.unwrap_or_default());
    }
}

/// Writing to a `String` cannot fail, so the result says nothing.
fn push(out: &mut String, text: std::fmt::Arguments<'_>) {
    out.write_fmt(text).unwrap_or_default();
}

fn push_hour(out: &mut String, hour: Hour) {
    push(out, format_args!("{hour}"));
}

fn push_some(out: &mut String, number: Option<Decimal>) {
    if let Some(number) = number {
        number.write_java(out);
    }
}

pub(super) const fn nothing(_: &Line, _: &mut String) {}

pub(super) fn line_item_id(line: &Line, out: &mut String) {
    out.push_str(&random::text(line.id, random::BASE32, 52));
}

pub(super) fn time_interval(line: &Line, out: &mut String) {
    push(out, format_args!("{}/{}", line.interval.start, line.interval.end));
}

pub(super) fn invoice_id(line: &Line, out: &mut String) {
    out.push_str(line.invoice_id.as_deref().unwrap_or_default());
}

pub(super) fn invoicing_entity(line: &Line, out: &mut String) {
    out.push_str(line.invoicing_entity);
}

pub(super) fn billing_entity(line: &Line, out: &mut String) {
    out.push_str(if line.is_marketplace() { "AWS Marketplace" } else { "AWS" });
}

pub(super) fn bill_type(line: &Line, out: &mut String) {
    out.push_str(line.bill_type.name());
}

pub(super) fn payer_account_id(line: &Line, out: &mut String) {
    out.push_str(line.payer_account_id);
}

pub(super) fn period_start(line: &Line, out: &mut String) {
    push_hour(out, line.month.interval().start);
}

pub(super) fn period_end(line: &Line, out: &mut String) {
    push_hour(out, line.month.interval().end);
}

pub(super) fn usage_account_id(line: &Line, out: &mut String) {
    out.push_str(line.account.id);
}

pub(super) fn line_item_type(line: &Line, out: &mut String) {
    out.push_str(line.kind.name());
}

pub(super) fn usage_start(line: &Line, out: &mut String) {
    push_hour(out, line.usage.start);
}

pub(super) fn usage_end(line: &Line, out: &mut String) {
    push_hour(out, line.usage.end);
}

pub(super) fn product_code(line: &Line, out: &mut String) {
    out.push_str(line.sku.product.code);
}

pub(super) fn usage_type(line: &Line, out: &mut String) {
    out.push_str(&line.sku.usage_type);
}

pub(super) fn operation(line: &Line, out: &mut String) {
    out.push_str(&line.sku.operation);
}

pub(super) fn availability_zone(line: &Line, out: &mut String) {
    out.push_str(line.resource.as_ref().map_or("", |own| &own.availability_zone));
}

pub(super) fn resource_id(line: &Line, out: &mut String) {
    out.push_str(line.resource.as_ref().map_or("", |own| &own.id));
}

pub(super) fn usage_amount(line: &Line, out: &mut String) {
    line.amount.write_java(out);
}

pub(super) fn normalization_factor(line: &Line, out: &mut String) {
    push_some(out, line.factor);
}

pub(super) fn normalized_amount(line: &Line, out: &mut String) {
    push_some(out, line.factor.map(|factor| factor.times(line.amount, 10)));
}

pub(super) fn currency(line: &Line, out: &mut String) {
    out.push_str(line.currency);
}

pub(super) fn unblended_rate(line: &Line, out: &mut String) {
    push_some(out, line.rate);
}

pub(super) fn unblended_cost(line: &Line, out: &mut String) {
    line.cost.write_java(out);
}

pub(super) fn blended_cost(line: &Line, out: &mut String) {
    push_some(out, line.blended_cost());
}

pub(super) fn description(line: &Line, out: &mut String) {
    out.push_str(&line.description);
}

pub(super) fn tax_type(line: &Line, out: &mut String) {
    out.push_str(line.tax_type.unwrap_or_default());
}

pub(super) fn net_rate(line: &Line, out: &mut String) {
    let discounted = line.discount.is_some_and(|discount| !discount.is_zero());
    let rate = line.rate.map(|rate| match line.net_cost() {
        Some(net) if discounted && !line.amount.is_zero() => net.per(line.amount, 10),
        _ => rate,
    });
    push_some(out, rate);
}

pub(super) fn net_cost(line: &Line, out: &mut String) {
    push_some(out, line.net_cost());
}

pub(super) fn discount(line: &Line, out: &mut String) {
    push_some(out, line.discount);
}

pub(super) fn legal_entity(line: &Line, out: &mut String) {
    out.push_str(line.legal_entity);
}

pub(super) fn product_name(line: &Line, out: &mut String) {
    out.push_str(line.sku.product.name);
}

pub(super) fn lease_length(line: &Line, out: &mut String) {
    out.push_str(if line.commitment.reservation().is_some() { "1yr" } else { "" });
}

pub(super) fn offering_class(line: &Line, out: &mut String) {
    out.push_str(if line.commitment.reservation().is_some() { "standard" } else { "" });
}

pub(super) fn purchase_option(line: &Line, out: &mut String) {
    out.push_str(line.commitment.reservation().map_or("", |own| own.payment.name()));
}

pub(super) fn rate_code(line: &Line, out: &mut String) {
    out.push_str(&line.sku.rate_code(line.commitment.reservation().is_some()));
}

pub(super) fn rate_id(line: &Line, out: &mut String) {
    out.push_str(&line.sku.rate_id);
}

pub(super) fn pricing_currency(line: &Line, out: &mut String) {
    out.push_str(if line.sku.code.is_empty() { "" } else { line.currency });
}

/// A row without a price list entry has a public cost of 0, not none, in AWS's reports.
pub(super) fn list_cost(line: &Line, out: &mut String) {
    let priceless = line.sku.code.is_empty().then_some(Decimal::ZERO);
    push_some(out, line.list_cost.or(priceless));
}

pub(super) fn list_rate(line: &Line, out: &mut String) {
    push_some(out, line.list_rate);
}

pub(super) fn term(line: &Line, out: &mut String) {
    out.push_str(match (&line.commitment, line.list_rate) {
        _ if line.commitment.reservation().is_some() => "Reserved",
        (_, Some(_)) => "OnDemand",
        (_, None) => "",
    });
}

pub(super) fn unit(line: &Line, out: &mut String) {
    out.push_str(&line.sku.unit);
}

/// A number for every line that the price list knows, reserved or not.
pub(in crate::render) fn subscription_id(line: &Line, out: &mut String) {
    if let Some(own) = line.commitment.reservation() {
        out.push_str(&own.subscription_id);
    } else if !line.sku.code.is_empty() {
        out.push_str(&random::text(random::hash(5, &line.sku.code), random::DIGITS, 9));
    }
}

fn usage_of(line: &Line) -> Option<(Amount, Amount)> {
    match &line.commitment {
        Commitment::ReservationUsage { upfront, recurring, .. } => Some((*upfront, *recurring)),
        _ => None,
    }
}

fn month_of(line: &Line) -> Option<&ReservationMonth> {
    match &line.commitment {
        Commitment::ReservationFee(_, month) => Some(month),
        _ => None,
    }
}

/// Instance units that the line speaks of: hours of the month, or instances when they are bought.
fn units_of(line: &Line) -> Option<Decimal> {
    match &line.commitment {
        Commitment::ReservationFee(..) | Commitment::ReservationPurchase(_) => Some(line.amount),
        _ => None,
    }
}

fn units_each(line: &Line) -> Option<Decimal> {
    let count = line.commitment.reservation()?.count;
    units_of(line).map(|units| units.ratio(1, count, 10))
}

fn normalized(line: &Line, units: Option<Decimal>) -> Option<Decimal> {
    let factor = line.commitment.reservation()?.factor;
    units.map(|units| units.times(factor, 10))
}

pub(super) fn ri_arn(line: &Line, out: &mut String) {
    out.push_str(line.commitment.reservation().map_or("", |own| &own.arn));
}

pub(super) fn ri_usage_upfront(line: &Line, out: &mut String) {
    push_some(out, usage_of(line).map(|(upfront, _)| upfront.gross));
}

pub(super) fn ri_net_usage_upfront(line: &Line, out: &mut String) {
    push_some(out, usage_of(line).map(|(upfront, _)| upfront.net));
}

pub(super) fn ri_usage_recurring(line: &Line, out: &mut String) {
    push_some(out, usage_of(line).map(|(_, recurring)| recurring.gross));
}

pub(super) fn ri_net_usage_recurring(line: &Line, out: &mut String) {
    push_some(out, usage_of(line).map(|(_, recurring)| recurring.net));
}

pub(super) fn ri_effective(line: &Line, out: &mut String) {
    push_some(out, usage_of(line).map(|(upfront, recurring)| upfront.gross + recurring.gross));
}

pub(super) fn ri_net_effective(line: &Line, out: &mut String) {
    push_some(out, usage_of(line).map(|(upfront, recurring)| upfront.net + recurring.net));
}

pub(super) fn ri_month_upfront(line: &Line, out: &mut String) {
    push_some(out, month_of(line).map(|month| month.upfront.gross));
}

pub(super) fn ri_net_month_upfront(line: &Line, out: &mut String) {
    push_some(out, month_of(line).map(|month| month.upfront.net));
}

pub(super) fn ri_unused_upfront(line: &Line, out: &mut String) {
    push_some(out, month_of(line).map(|month| month.unused_upfront.gross));
}

pub(super) fn ri_net_unused_upfront(line: &Line, out: &mut String) {
    push_some(out, month_of(line).map(|month| month.unused_upfront.net));
}

pub(super) fn ri_unused_recurring(line: &Line, out: &mut String) {
    push_some(out, month_of(line).map(|month| month.unused_recurring.gross));
}

pub(super) fn ri_net_unused_recurring(line: &Line, out: &mut String) {
    push_some(out, month_of(line).map(|month| month.unused_recurring.net));
}

pub(super) fn ri_unused(line: &Line, out: &mut String) {
    push_some(out, month_of(line).map(|month| month.unused_hours));
}

pub(super) fn ri_unused_normalized(line: &Line, out: &mut String) {
    push_some(out, normalized(line, month_of(line).map(|month| month.unused_hours)));
}

pub(super) fn ri_total(line: &Line, out: &mut String) {
    push_some(out, units_of(line));
}

pub(super) fn ri_normalized_total(line: &Line, out: &mut String) {
    push_some(out, normalized(line, units_of(line)));
}

pub(super) fn ri_each(line: &Line, out: &mut String) {
    push_some(out, units_each(line));
}

pub(super) fn ri_normalized_each(line: &Line, out: &mut String) {
    push_some(out, normalized(line, units_each(line)));
}

pub(super) fn ri_count(line: &Line, out: &mut String) {
    if units_of(line).is_some()
        && let Some(own) = line.commitment.reservation()
    {
        push(out, format_args!("{}", own.count));
    }
}

pub(super) fn ri_upfront_value(line: &Line, out: &mut String) {
    let value = line.commitment.reservation().map(|own| own.upfront_value().gross);
    push_some(out, value.filter(|_| month_of(line).is_some()));
}

pub(super) fn ri_net_upfront_value(line: &Line, out: &mut String) {
    let value = line.commitment.reservation().map(|own| own.upfront_value().net);
    push_some(out, value.filter(|_| month_of(line).is_some()));
}

pub(super) fn ri_start(line: &Line, out: &mut String) {
    if let (Some(own), Some(_)) = (line.commitment.reservation(), month_of(line)) {
        push_hour(out, own.term.start);
    }
}

pub(super) fn ri_end(line: &Line, out: &mut String) {
    if let (Some(own), Some(_)) = (line.commitment.reservation(), month_of(line)) {
        push_hour(out, own.term.end);
    }
}

pub(super) fn ri_modification(line: &Line, out: &mut String) {
    out.push_str(if month_of(line).is_some() { "Original" } else { "" });
}

/// A plan's hour: total, used, upfront.
fn plan_hour(line: &Line) -> Option<(Decimal, Decimal, Decimal)> {
    match &line.commitment {
        Commitment::PlanFee { total, used, upfront, .. } => Some((*total, *used, *upfront)),
        _ => None,
    }
}

pub(super) fn sp_total(line: &Line, out: &mut String) {
    push_some(out, plan_hour(line).map(|(total, ..)| total));
}

pub(super) fn sp_used(line: &Line, out: &mut String) {
    push_some(out, plan_hour(line).map(|(_, used, _)| used));
}

pub(super) fn sp_upfront(line: &Line, out: &mut String) {
    push_some(out, plan_hour(line).map(|(.., upfront)| upfront));
}

pub(super) fn sp_recurring(line: &Line, out: &mut String) {
    push_some(out, plan_hour(line).map(|(total, _, upfront)| total - upfront));
}

pub(super) fn sp_rate(line: &Line, out: &mut String) {
    if let Commitment::PlanUsage { rate, .. } = &line.commitment {
        rate.write_java(out);
    }
}

pub(super) fn sp_effective(line: &Line, out: &mut String) {
    if let Commitment::PlanUsage { effective, .. } = &line.commitment {
        effective.write_java(out);
    }
}

pub(super) fn sp_arn(line: &Line, out: &mut String) {
    out.push_str(line.commitment.plan().map_or("", |plan| &plan.arn));
}

pub(super) fn sp_region(line: &Line, out: &mut String) {
    out.push_str(line.commitment.plan().map_or("", |plan| plan.region));
}

pub(super) fn sp_family(line: &Line, out: &mut String) {
    out.push_str(line.commitment.plan().map_or("", |plan| plan.family));
}

pub(super) fn sp_purchase_term(line: &Line, out: &mut String) {
    out.push_str(if line.commitment.plan().is_some() { "1yr" } else { "" });
}

pub(super) fn sp_payment(line: &Line, out: &mut String) {
    out.push_str(line.commitment.plan().map_or("", |plan| plan.payment.name()));
}

pub(super) fn sp_start(line: &Line, out: &mut String) {
    if let Some(plan) = line.commitment.plan() {
        push_hour(out, plan.term.start);
    }
}

pub(super) fn sp_end(line: &Line, out: &mut String) {
    if let Some(plan) = line.commitment.plan() {
        push_hour(out, plan.term.end);
    }
}

pub(super) fn sp_offering(line: &Line, out: &mut String) {
    out.push_str(line.commitment.plan().map_or("", |plan| plan.offering));
}
