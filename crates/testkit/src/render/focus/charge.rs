//! One row of FOCUS: which lines make one, and what it costs by FOCUS's four measures.

use super::{Terms, names};
use crate::decimal::Decimal;
use crate::synth::{Amount, BillType, Commitment, Kind, Line};

/// Digits of a price that is a quotient: enough that it makes the cost again, for any quantity.
const UNIT_PRICE_PLACES: u32 = 16;

/// A row.
#[derive(Clone, Copy, Debug)]
pub(in crate::render) struct Charge<'a> {
    pub(super) line: &'a Line,
    pub(super) terms: &'a Terms<'a>,
    /// Is it what was not used of the line's commitment?
    pub(super) is_unused: bool,
    /// `ChargeCategory`
    pub(in crate::render) category: &'static str,
    /// `BilledCost`
    pub(in crate::render) billed: Decimal,
    /// `EffectiveCost`
    pub(in crate::render) effective: Decimal,
    /// `ListCost`
    pub(in crate::render) list: Decimal,
    /// `ContractedCost`
    pub(in crate::render) contracted: Decimal,
}

/// The rows of `lines`, in their order; unused parts follow their fees.
pub(in crate::render) fn charges<'a>(terms: &'a Terms<'a>, lines: &'a [Line]) -> Vec<Charge<'a>> {
    let mut rows = Vec::with_capacity(lines.len());
    for line in lines {
        // Covered usage has no cost of its own to be taken away; discounts are in the net costs.
        let is_folded = line.kind == Kind::EdpDiscount && is_net(terms, line);
        if is_folded || line.kind == Kind::SavingsPlanNegation {
            continue;
        }
        rows.push(Charge::of(terms, line));
        rows.extend(Charge::unused_part(terms, line));
    }
    rows
}

fn is_net(terms: &Terms<'_>, line: &Line) -> bool {
    terms.with_net && line.discount.is_some()
}

/// Is the usage paid by a commitment?
pub(super) const fn is_covered(line: &Line) -> bool {
    matches!(line.kind, Kind::DiscountedUsage | Kind::SavingsPlanCoveredUsage)
}

/// Does the line pay, or give back, the price of a commitment?
pub(super) fn is_commitment_fee(line: &Line) -> bool {
    match line.kind {
        Kind::SavingsPlanUpfrontFee | Kind::SavingsPlanRecurringFee | Kind::RiFee => true,
        Kind::Fee => line.commitment.reservation().is_some(),
        Kind::Refund => line.tax_type.is_none() && !line.commitment.arn().is_empty(),
        _ => false,
    }
}

fn category(line: &Line) -> &'static str {
    match line.kind {
        Kind::Tax => "Tax",
        Kind::Refund if line.tax_type.is_some() => "Tax",
        Kind::Credit => "Credit",
        _ if is_commitment_fee(line) => "Purchase",
        _ => "Usage",
    }
}

impl<'a> Charge<'a> {
    fn of(terms: &'a Terms<'a>, line: &'a Line) -> Self {
        let is_net = is_net(terms, line);
        let pick = |amount: Amount| if is_net { amount.net } else { amount.gross };
        let cost = line.net_cost().filter(|_| is_net).unwrap_or(line.cost);
        let list = line.list_cost.filter(|cost| !cost.is_zero()).unwrap_or(line.cost);
        let effective = match &line.commitment {
            Commitment::ReservationUsage { upfront, recurring, .. } => {
                pick(*upfront) + pick(*recurring)
            }
            Commitment::PlanUsage { effective, .. } => *effective,
            _ if is_commitment_fee(line) => Decimal::ZERO,
            _ => cost,
        };
        let is_usage = is_covered(line) || line.kind == Kind::Usage;
        Self {
            line,
            terms,
            is_unused: false,
            category: category(line),
            billed: if line.kind == Kind::SavingsPlanCoveredUsage { Decimal::ZERO } else { cost },
            effective,
            list: if is_usage { list } else { cost },
            contracted: if is_covered(line) { list } else { cost },
        }
    }

    /// What was left of the commitment that the line pays for; none when all was used.
    fn unused_part(terms: &'a Terms<'a>, line: &'a Line) -> Option<Self> {
        let pick = |amount: Amount| if is_net(terms, line) { amount.net } else { amount.gross };
        let effective = match &line.commitment {
            Commitment::ReservationFee(_, month) => {
                let cost = pick(month.unused_upfront) + pick(month.unused_recurring);
                (!cost.is_zero() || !month.unused_hours.is_zero()).then_some(cost)?
            }
            Commitment::PlanFee { total, used, .. } if total != used => *total - *used,
            _ => return None,
        };
        Some(Self {
            line,
            terms,
            is_unused: true,
            category: "Usage",
            billed: Decimal::ZERO,
            effective,
            list: Decimal::ZERO,
            contracted: Decimal::ZERO,
        })
    }

    /// Has the row a quantity and a price? Taxes, credits and refunds have not.
    pub(super) const fn is_priced(&self) -> bool {
        !matches!(self.line.kind, Kind::Tax | Kind::Credit | Kind::Refund)
    }

    /// Is it usage that was consumed?
    pub(super) fn is_consumed(&self) -> bool {
        !self.is_unused && (is_covered(self.line) || self.line.kind == Kind::Usage)
    }

    /// `PricingUnit`
    pub(super) fn unit(&self) -> Option<&'a str> {
        if !self.is_priced() {
            return None;
        }
        let is_plan = self.line.kind == Kind::SavingsPlanRecurringFee;
        let line = self.line;
        Some(if self.is_unused && is_plan {
            line.currency
        } else {
            names::unit(&line.sku.unit, line.currency)
        })
    }

    /// `PricingQuantity`
    pub(super) fn quantity(&self) -> Option<Decimal> {
        self.unit()?;
        Some(match &self.line.commitment {
            Commitment::ReservationFee(_, month) if self.is_unused => {
                if month.unused_hours.is_zero() { Decimal::ONE } else { month.unused_hours }
            }
            _ if self.is_unused => self.effective,
            _ => self.line.amount,
        })
    }

    /// The price of a unit that makes `cost`: `rate` when it does, else the quotient; none where
    /// that is no price.
    pub(super) fn unit_price(&self, rate: Option<Decimal>, cost: Decimal) -> Option<Decimal> {
        let quantity = self.quantity()?;
        if let Some(rate) = rate.filter(|rate| rate.times(quantity, 10) == cost) {
            return Some(rate);
        }
        let is_price = quantity > Decimal::ZERO && cost >= Decimal::ZERO;
        is_price.then(|| cost.per(quantity, UNIT_PRICE_PLACES))
    }

    /// `CommitmentDiscountType`
    pub(super) fn commitment_type(&self) -> Option<&'static str> {
        let commitment = &self.line.commitment;
        let plan = commitment.plan().map(|_| "Savings Plan");
        plan.or_else(|| commitment.reservation().map(|_| "Reserved Instance"))
    }

    /// `CommitmentDiscountQuantity`: money of a Savings Plan, hours of a reservation.
    pub(super) fn commitment_quantity(&self) -> Option<Decimal> {
        self.commitment_type().filter(|_| self.line.kind != Kind::Refund)?;
        Some(match &self.line.commitment {
            Commitment::ReservationFee(_, month) if self.is_unused => month.unused_hours,
            _ if self.is_unused => self.effective,
            Commitment::PlanUsage { effective, .. } => *effective,
            Commitment::PlanFee { total, .. } => *total,
            Commitment::PlanPurchase(_) => self.line.cost,
            _ => self.line.amount,
        })
    }

    /// `ChargeFrequency`
    pub(super) fn frequency(&self) -> &'static str {
        let is_support = |line: &Line| {
            line.kind == Kind::Fee
                && !is_commitment_fee(line)
                && line.bill_type != BillType::Purchase
        };
        match self.line.kind {
            _ if self.is_unused => "Usage-Based",
            Kind::RiFee | Kind::SavingsPlanRecurringFee => "Recurring",
            Kind::Usage
            | Kind::DiscountedUsage
            | Kind::SavingsPlanCoveredUsage
            | Kind::EdpDiscount => "Usage-Based",
            _ if is_support(self.line) => "Recurring",
            _ => "One-Time",
        }
    }

    /// `ChargeClass`: a refund that is on an invoice corrects one from before.
    pub(super) fn class(&self) -> &'static str {
        let line = self.line;
        let is_refund = line.kind == Kind::Refund && line.bill_type == BillType::Refund;
        if is_refund && line.invoice_id.is_some() { "Correction" } else { "" }
    }

    /// `PricingCategory`
    pub(super) fn pricing_category(&self) -> &'static str {
        match self.line.kind {
            _ if self.category == "Tax" => "",
            _ if self.is_unused || is_covered(self.line) => "Committed",
            Kind::Credit | Kind::Refund => "Other",
            _ if self.line.sku.usage_type.contains("Spot") => "Dynamic",
            _ => "Standard",
        }
    }

    /// `ResourceId`: of fees the commitment itself.
    pub(super) fn resource(&self) -> &'a str {
        let arn = self.line.commitment.arn();
        let is_fee = self.is_unused || is_commitment_fee(self.line);
        if is_fee && !arn.is_empty() {
            return arn;
        }
        self.line.resource.as_ref().map_or("", |own| &own.id)
    }

    /// A product attribute; empty when there is none.
    pub(super) fn attribute(&self, name: &str) -> &'a str {
        self.line.sku.attributes.get(name).map_or("", String::as_str)
    }
}
