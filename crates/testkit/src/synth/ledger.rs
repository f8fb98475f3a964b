//! A month of a payer's bill, from usage to invoice.
//!
//! The order matters: coverage needs usage, unused commitments need coverage, discounts need all
//! charges, taxes need discounts. Each stage adds lines to a [`Draft`].

use std::collections::BTreeMap;
use std::sync::Arc;

use super::account::{Account, Payer, Role};
use super::commitment::{Commitment, Plan, Reservation};
use super::contracts::Contracts;
use super::line::{BillType, Kind, Line};
use super::series::Series;
use super::sku::Sku;
use super::{Anomaly, Organisation};
use crate::calendar::{Interval, Month};
use crate::decimal::Decimal;
use crate::random;

/// Plans leave remainders below this amount to on-demand, as nobody would see them.
const SLIVER: Decimal = Decimal::new(1, 6);

/// A bill in the making.
pub(super) struct Draft<'a> {
    pub(super) payer: &'a Payer,
    pub(super) month: Month,
    /// Months since the organisation's first.
    pub(super) index: u32,
    /// Is it invoiced (and are the charges in that come after the month's end)?
    pub(super) settled: bool,
    /// Is it the changed second delivery?
    pub(super) restated: bool,
    /// The part of the month that is known.
    pub(super) span: Interval,
    pub(super) step_hours: i64,
    pub(super) seed: u64,
    pub(super) contracts: &'a Contracts,
    pub(super) lines: Vec<Line>,
    anomaly: Anomaly,
}

/// The bill's lines; see [`Organisation::ledger`].
pub(super) fn lines(
    organisation: &Organisation,
    payer: &Payer,
    month: Month,
    version: u32,
) -> Vec<Line> {
    let (Some(series), Some(contracts)) =
        (organisation.series.get(payer.index), organisation.contracts.get(payer.index))
    else {
        return Vec::new();
    };
    let versions = organisation.versions(payer, month);
    let known = Interval { start: month.interval().start, end: organisation.cutoff() };
    let mut draft = Draft {
        payer,
        month,
        index: organisation.index_of(month),
        settled: !organisation.is_open(month) && version >= versions,
        restated: versions > 1 && version > 1,
        span: month.interval().within(known),
        step_hours: organisation.scale.step_hours(),
        seed: organisation.seed,
        contracts,
        lines: Vec::new(),
        anomaly: organisation.anomaly(),
    };
    if draft.span.hours() == 0 {
        return Vec::new();
    }
    draft.add_usage(series);
    draft.add_reservation_fees();
    draft.add_fees();
    draft.add_discounts();
    draft.add_taxes();
    draft.add_credits();
    draft.add_invoices();
    draft.add_ids(version);
    draft.lines
}

/// What a plan still has to give in a step.
struct PlanStep<'a> {
    plan: &'a Arc<Plan>,
    hours: i64,
    total: Decimal,
    left: Decimal,
}

/// Covered lines that one negation line cancels: plan, account, operation, usage type, zone.
type NegationKey = (String, &'static str, String, String, String);

/// Their sums.
struct Negation {
    plan: Arc<Plan>,
    account: Arc<Account>,
    sku: Arc<Sku>,
    amount: Decimal,
    cost: Decimal,
}

impl Draft<'_> {
    /// A line of `amount` units that costs nothing yet.
    pub(super) fn line(
        &self,
        kind: Kind,
        account: &Arc<Account>,
        sku: &Arc<Sku>,
        interval: Interval,
        amount: Decimal,
    ) -> Line {
        let legal_entity = sku.product.seller.unwrap_or(self.payer.invoicing_entity);
        Line {
            id: 0,
            payer_account_id: self.payer.id,
            invoicing_entity: self.payer.invoicing_entity,
            currency: self.payer.currency,
            month: self.month,
            bill_type: BillType::Anniversary,
            invoice_id: None,
            account: Arc::clone(account),
            kind,
            interval,
            usage: interval,
            sku: Arc::clone(sku),
            resource: None,
            amount,
            factor: None,
            rate: None,
            cost: Decimal::ZERO,
            list_rate: None,
            list_cost: None,
            discount: None,
            description: sku.description.as_str().into(),
            tax_type: None,
            legal_entity,
            commitment: Commitment::None,
        }
    }

    /// The report slot in which `interval` begins.
    pub(super) fn slot(&self, interval: Interval) -> Interval {
        Interval::of(interval.start, self.step_hours)
    }

    /// All usage with what covers it, negations and the hours of the plans.
    fn add_usage(&mut self, series: &[Series]) {
        let series: Vec<&Series> =
            series.iter().filter(|series| series.template.since <= self.index).collect();
        for step in self.span.steps(self.step_hours) {
            self.add_step(&series, step);
        }
    }

    fn add_step(&mut self, series: &[&Series], step: Interval) {
        let contracts = self.contracts;
        let mut plans: Vec<PlanStep<'_>> = Vec::new();
        for plan in &contracts.plans {
            let hours = step.within(plan.term).hours();
            let total = plan.hourly.times_whole(hours);
            plans.push(PlanStep { plan, hours, total, left: total });
        }
        let instance_hours = |reservation: &Arc<Reservation>| {
            let hours = step.within(reservation.term).hours() * reservation.count;
            Decimal::ONE.times_whole(hours)
        };
        let mut reserved: Vec<Decimal> =
            contracts.reservations.iter().map(instance_hours).collect();
        let mut negations = BTreeMap::new();
        for series in series {
            let Some(amount) = series.amount(step, self.index) else { continue };
            let mut rest = series.raised(&self.anomaly, step, amount);
            if self.restated && is_corrected(series) {
                // The correction of the second delivery: 3 % more requests were counted.
                rest = rest.ratio(103, 100, 10);
            }
            for (reservation, left) in contracts.reservations.iter().zip(&mut reserved) {
                if reservation.sku == series.sku {
                    rest = self.reserve(series, reservation, step, rest, left);
                }
            }
            for plan in &mut plans {
                rest = self.cover(series, plan, step, rest, &mut negations);
            }
            if !rest.is_zero() {
                let line = self.on_demand(series, Kind::Usage, step, rest);
                self.lines.push(line);
            }
        }
        self.add_negations(negations, step);
        self.add_plan_fees(&plans, step);
    }

    /// Usage at the charged price.
    fn on_demand(&self, series: &Series, kind: Kind, step: Interval, amount: Decimal) -> Line {
        let rate = series.rate(step.start);
        let market = series.sku.product.seller.is_some();
        // The price list knows neither spot prices nor the marketplace.
        let list_rate = (!market && !series.template.spot).then_some(series.sku.rate);
        let factor = series.template.attribute("normalizationSizeFactor").parse().ok();
        Line {
            resource: series.resource.clone(),
            factor: factor.map(|factor| Decimal::new(factor, 0)),
            rate: Some(rate),
            cost: rate.times(amount, 10),
            list_rate,
            list_cost: list_rate.map(|rate| rate.times(amount, 10)),
            ..self.line(kind, &series.account, &series.sku, step, amount)
        }
    }

    /// Takes what the reservation has `left`; gives the uncovered rest back.
    fn reserve(
        &mut self,
        series: &Series,
        reservation: &Arc<Reservation>,
        step: Interval,
        amount: Decimal,
        left: &mut Decimal,
    ) -> Decimal {
        let covered = amount.at_most(*left);
        if covered.is_zero() {
            return amount;
        }
        *left -= covered;
        let line = self.on_demand(series, Kind::DiscountedUsage, step, covered);
        let size = series.template.attribute("instanceType");
        let description = format!("{}, {size} reserved instance applied", series.sku.product.name);
        self.lines.push(Line {
            rate: Some(Decimal::ZERO),
            cost: Decimal::ZERO,
            description: description.into(),
            commitment: Commitment::ReservationUsage {
                reservation: Arc::clone(reservation),
                upfront: reservation.upfront_hourly.times(covered),
                recurring: reservation.recurring_hourly.times(covered),
            },
            ..line
        });
        amount - covered
    }

    /// Takes what the plan has left; gives the uncovered rest back.
    fn cover(
        &mut self,
        series: &Series,
        step_plan: &mut PlanStep<'_>,
        step: Interval,
        amount: Decimal,
        negations: &mut BTreeMap<NegationKey, Negation>,
    ) -> Decimal {
        let plan = step_plan.plan;
        let family = series.template.attribute("instanceTypeFamily");
        let eligible = series.template.saving > 0 && plan.covers(series.location, family);
        if !eligible || amount < SLIVER {
            return amount;
        }
        let percent = 100 - series.template.saving - plan.extra_saving;
        let rate = series.sku.rate.ratio(percent, 100, 10);
        let covered = amount.at_most(step_plan.left.quotient_floor(rate, 10));
        if covered < SLIVER {
            return amount;
        }
        let effective = rate.times(covered, 10);
        step_plan.left -= effective;
        let line = self.on_demand(series, Kind::SavingsPlanCoveredUsage, step, covered);
        let zone = line.resource.as_ref().map(|own| own.availability_zone.clone());
        let key = (
            plan.arn.clone(),
            line.account.id,
            line.sku.operation.clone(),
            line.sku.usage_type.clone(),
            zone.unwrap_or_default(),
        );
        let negation = negations.entry(key).or_insert_with(|| Negation {
            plan: Arc::clone(plan),
            account: Arc::clone(&line.account),
            sku: Arc::clone(&line.sku),
            amount: Decimal::ZERO,
            cost: Decimal::ZERO,
        });
        negation.amount += covered;
        negation.cost += line.cost;
        let plan = Arc::clone(plan);
        self.lines
            .push(Line { commitment: Commitment::PlanUsage { plan, rate, effective }, ..line });
        amount - covered
    }

    fn add_negations(&mut self, negations: BTreeMap<NegationKey, Negation>, step: Interval) {
        for ((.., zone), sum) in negations {
            let description = format!(
                "SavingsPlanNegation used by AccountId : {} and UsageSku : {}",
                sum.account.id, sum.sku.code
            );
            let resource = super::Resource { availability_zone: zone, ..Default::default() };
            let line =
                self.line(Kind::SavingsPlanNegation, &sum.account, &sum.sku, step, sum.amount);
            self.lines.push(Line {
                rate: Some(sum.sku.rate),
                cost: -sum.cost,
                resource: Some(Arc::new(resource)),
                description: description.into(),
                commitment: Commitment::PlanNegation(sum.plan),
                ..line
            });
        }
    }

    /// A line per plan: what the step committed and what of it was used.
    fn add_plan_fees(&mut self, plans: &[PlanStep<'_>], step: Interval) {
        for own in plans.iter().filter(|own| own.hours > 0) {
            let plan = own.plan;
            let upfront = plan.upfront_of(own.hours);
            let amount = Decimal::ONE.times_whole(own.hours);
            let line = self.line(
                Kind::SavingsPlanRecurringFee,
                &plan.account,
                &plan.fee_sku,
                step,
                amount,
            );
            self.lines.push(Line {
                usage: step.within(plan.term),
                rate: Some(plan.hourly - plan.upfront_of(1)),
                cost: own.total - upfront,
                commitment: Commitment::PlanFee {
                    plan: Arc::clone(plan),
                    total: own.total,
                    used: own.total - own.left,
                    upfront,
                },
                ..line
            });
        }
    }

    /// One invoice per bill type and seller, once the month is settled.
    fn add_invoices(&mut self) {
        if !self.settled {
            return;
        }
        let mut invoices: BTreeMap<(BillType, &str), Arc<str>> = BTreeMap::new();
        for line in &mut self.lines {
            let key = (line.bill_type, line.legal_entity);
            let invoice = invoices.entry(key).or_insert_with(|| {
                let own = format!("{}/{}/{key:?}", self.payer.id, self.month);
                random::text(random::hash(self.seed, &own), random::DIGITS, 10).into()
            });
            line.invoice_id = Some(Arc::clone(invoice));
        }
    }

    /// Ids that stay the same from hour to hour and change from version to version.
    fn add_ids(&mut self, version: u32) {
        let seed = random::hash_number(self.seed, u64::from(version));
        let seed = random::hash(seed, &format!("{}/{}", self.payer.id, self.month));
        let mut known: BTreeMap<(Kind, BillType, usize, usize, usize), u64> = BTreeMap::new();
        for line in &mut self.lines {
            // The address tells shared values apart and saves hashing their text on each line; it
            // never reaches the id.
            let resource = line.resource.as_ref().map_or(0, |own| Arc::as_ptr(own).addr());
            let has_own = line.kind == Kind::Usage || line.kind == Kind::DiscountedUsage;
            let key = (
                line.kind,
                line.bill_type,
                Arc::as_ptr(&line.account).addr(),
                Arc::as_ptr(&line.sku).addr(),
                resource,
            );
            line.id = if has_own {
                *known.entry(key).or_insert_with(|| identity(seed, line))
            } else {
                identity(seed, line)
            };
        }
    }
}

/// A hash of all that makes a line different from the others of its hour.
fn identity(seed: u64, line: &Line) -> u64 {
    let resource = line.resource.as_deref();
    let text = format!(
        "{:?}/{:?}/{}/{}/{}/{}/{}/{}/{}",
        line.kind,
        line.bill_type,
        line.account.id,
        line.sku.product.code,
        line.sku.usage_type,
        line.sku.operation,
        resource.map_or("", |own| own.id.as_str()),
        resource.map_or("", |own| own.availability_zone.as_str()),
        line.commitment.arn(),
    );
    random::hash(seed, &text)
}

/// Is the series among those that the restated delivery counts anew?
fn is_corrected(series: &Series) -> bool {
    series.account.role == Role::Data && series.sku.product.code == "AmazonS3"
}
