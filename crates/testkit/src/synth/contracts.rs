//! Which reservations and Savings Plans the payers have.

use std::sync::Arc;

use super::account::{Payer, Role};
use super::catalogue;
use super::commitment::{Amount, PaymentOption, Plan, Reservation, year_from};
use super::sku::{self, Product, Sku};
use super::template::Template;
use crate::calendar::{Hour, Interval};
use crate::decimal::Decimal;
use crate::random;

/// A payer's commitments.
#[derive(Clone, Debug, Default)]
pub(super) struct Contracts {
    pub(super) reservations: Vec<Arc<Reservation>>,
    pub(super) plans: Vec<Arc<Plan>>,
}

/// The parts of a reservation that differ.
struct Deal {
    product: Product,
    usage: &'static str,
    role: Role,
    count: i64,
    factor: i64,
    payment: PaymentOption,
    upfront_hourly: Decimal,
    recurring_hourly: Decimal,
    start: Hour,
}

/// The commitments of `payer`: some were bought before `first`, the upfront ones of Acme during
/// it, so that their payment is on the bill.
pub(super) fn contracts(seed: u64, payer: &Payer, first: Interval) -> Contracts {
    let bought = first.start;
    if payer.index == 0 {
        let instances = Deal {
            product: catalogue::EC2,
            usage: catalogue::M5_XLARGE,
            role: Role::Production,
            count: 4,
            factor: 8,
            payment: PaymentOption::AllUpfront,
            upfront_hourly: Decimal::new(113, 3),
            recurring_hourly: Decimal::ZERO,
            start: bought.plus(24 * 2),
        };
        let databases = Deal {
            product: catalogue::RDS,
            usage: catalogue::DB_R5_LARGE,
            role: Role::Production,
            count: 2,
            factor: 4,
            payment: PaymentOption::NoUpfront,
            upfront_hourly: Decimal::ZERO,
            recurring_hourly: Decimal::new(1_725, 4),
            start: bought.plus(-24 * 100),
        };
        let compute = plan(seed, payer, ("", ""), PaymentOption::AllUpfront, bought.plus(24), 130);
        let family = ("US East (N. Virginia)", "m5");
        let start = bought.plus(-24 * 61);
        let family = plan(seed, payer, family, PaymentOption::NoUpfront, start, 45);
        return Contracts {
            reservations: reservations(seed, payer, &[instances, databases]),
            plans: [family, compute].into_iter().flatten().collect(),
        };
    }
    let search = Deal {
        product: catalogue::EC2,
        usage: catalogue::R5_LARGE,
        role: Role::Data,
        count: 2,
        factor: 4,
        payment: PaymentOption::PartialUpfront,
        upfront_hourly: Decimal::new(41, 3),
        recurring_hourly: Decimal::new(43, 3),
        start: bought.plus(-24 * 33),
    };
    let start = bought.plus(-24 * 20);
    let compute = plan(seed, payer, ("", ""), PaymentOption::NoUpfront, start, 170);
    Contracts {
        reservations: reservations(seed, payer, &[search]),
        plans: compute.into_iter().collect(),
    }
}

fn reservations(seed: u64, payer: &Payer, deals: &[Deal]) -> Vec<Arc<Reservation>> {
    deals.iter().filter_map(|deal| reservation(seed, payer, deal)).map(Arc::new).collect()
}

/// None only if the catalogue no longer sells what the deal is about.
fn reservation(seed: u64, payer: &Payer, deal: &Deal) -> Option<Reservation> {
    let account = payer.account(deal.role)?;
    let template = |known: &&Template| {
        known.usage == deal.usage
            && known.product == deal.product
            && !known.operation.contains(":0002")
    };
    let template = catalogue::templates().find(template)?;
    let region = sku::region(account.region);
    let usage = template.sku(region);
    let bits = random::hash(seed, &format!("{}/{}", payer.id, deal.usage));
    let service = if deal.product == catalogue::RDS { "rds" } else { "ec2" };
    let (kind, name) = if service == "rds" {
        ("ri:ri-2024-01-02-03-04-05-006", random::text(bits, random::DIGITS, 3))
    } else {
        ("reserved-instances/", uuid(bits))
    };
    let arn = format!("arn:aws:{service}:{}:{}:{kind}{name}", account.region, account.id);
    let size = deal.usage.split_once(':').map_or(deal.usage, |(_, size)| size);
    let mut fee = Sku::bare(deal.product, &usage.usage_type, template.operation);
    fee.usage_type = usage.usage_type.replace("BoxUsage:", "HeavyUsage:");
    fee.usage_type = fee.usage_type.replace("InstanceUsage:", "HeavyUsage:");
    fee.code.clone_from(&usage.code);
    "Hrs".clone_into(&mut fee.unit);
    fee.attributes.clone_from(&usage.attributes);
    fee.attributes.insert("usagetype", fee.usage_type.clone());
    fee.description = format!("USD {} hourly fee per {size} instance", deal.recurring_hourly);
    let net = |gross: Decimal| {
        let off = gross.ratio(payer.edp_percent.unwrap_or(0), 100, 10);
        Amount { gross, net: gross - off }
    };
    Some(Reservation {
        arn,
        subscription_id: random::text(bits, random::DIGITS, 10),
        account: Arc::clone(account),
        sku: usage,
        fee_sku: Arc::new(fee),
        count: deal.count,
        factor: Decimal::new(deal.factor, 0),
        payment: deal.payment,
        term: year_from(deal.start),
        upfront_hourly: net(deal.upfront_hourly),
        recurring_hourly: net(deal.recurring_hourly),
    })
}

/// A plan with `cents` per hour for the (region, family), both empty for a Compute plan.
fn plan(
    seed: u64,
    payer: &Payer,
    (region, family): (&'static str, &'static str),
    payment: PaymentOption,
    start: Hour,
    cents: i64,
) -> Option<Arc<Plan>> {
    let account = Arc::clone(payer.accounts.first()?);
    let bits = random::hash(seed, &format!("{}/plan/{cents}", payer.id));
    let option = payment.name().replace(' ', "");
    let (usage, offering, name, extra_saving) = if family.is_empty() {
        (format!("ComputeSP:1yr{option}"), "ComputeSavingsPlans", "Compute", 0)
    } else {
        let usage = format!("USE1-EC2SP:{family}.1yr{option}");
        (usage, "EC2InstanceSavingsPlans", "EC2 Instance", 9)
    };
    let mut fee = Sku::bare(catalogue::SAVINGS_PLANS, &usage, "");
    fee.description = format!("1 year {} {name} Savings Plan", payment.name());
    "Hrs".clone_into(&mut fee.unit);
    fee.code = sku::code(&fee.product, &usage, "");
    fee.attributes = [
        ("productFamily", format!("{name} Savings Plans").replace(' ', "")),
        ("servicecode", catalogue::SAVINGS_PLANS.code.to_owned()),
        ("servicename", catalogue::SAVINGS_PLANS.name.to_owned()),
        ("sku", fee.code.clone()),
        ("usagetype", usage.clone()),
    ]
    .into();
    Some(Arc::new(Plan {
        arn: format!("arn:aws:savingsplans::{}:savingsplan/{}", account.id, uuid(bits)),
        account,
        offering,
        region,
        family,
        payment,
        term: year_from(start),
        hourly: Decimal::new(cents, 2),
        fee_sku: Arc::new(fee),
        extra_saving,
    }))
}

/// The text of a version 4 UUID made from `bits`.
fn uuid(bits: u64) -> String {
    let hex = random::text(bits, random::HEX, 30);
    format!("{}-{}-4{}-8{}-{}", &hex[..8], &hex[8..12], &hex[12..15], &hex[15..18], &hex[18..])
}
