//! What is measured: five notions of cost, and two of usage.

use super::api_error::ApiError;
use crate::decimal::Decimal;
use crate::synth::{Commitment, Kind, Line};

/// One of the metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Metric {
    /// Commitments by the usage that they cover, what nothing used dated to the fee.
    AmortizedCost,
    /// At the organisation's average rate.
    BlendedCost,
    /// `AmortizedCost` after enterprise discounts.
    NetAmortizedCost,
    /// `UnblendedCost` after enterprise discounts.
    NetUnblendedCost,
    /// Amount times normalization factor, where there is one.
    NormalizedUsageAmount,
    /// As charged.
    UnblendedCost,
    /// Amount, whatever its unit.
    UsageQuantity,
}

impl Metric {
    /// AWS's word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::AmortizedCost => "AmortizedCost",
            Self::BlendedCost => "BlendedCost",
            Self::NetAmortizedCost => "NetAmortizedCost",
            Self::NetUnblendedCost => "NetUnblendedCost",
            Self::NormalizedUsageAmount => "NormalizedUsageAmount",
            Self::UnblendedCost => "UnblendedCost",
            Self::UsageQuantity => "UsageQuantity",
        }
    }

    /// All of them, by name.
    pub const ALL: [Self; 7] = [
        Self::AmortizedCost,
        Self::BlendedCost,
        Self::NetAmortizedCost,
        Self::NetUnblendedCost,
        Self::NormalizedUsageAmount,
        Self::UnblendedCost,
        Self::UsageQuantity,
    ];

    /// The metric called `name`.
    pub(super) fn parse(name: &str) -> Result<Self, ApiError> {
        let wrong = || ApiError::validation(format!("{name} is not a valid metric"));
        Self::ALL.into_iter().find(|metric| metric.name() == name).ok_or_else(wrong)
    }

    /// Is it money?
    #[must_use]
    pub const fn is_cost(self) -> bool {
        !matches!(self, Self::NormalizedUsageAmount | Self::UsageQuantity)
    }

    /// What `line` adds.
    #[must_use]
    pub fn of(self, line: &Line) -> Decimal {
        let net_cost = line.net_cost().unwrap_or(line.cost);
        match self {
            Self::AmortizedCost => amortized(line, |own| own.gross, line.cost),
            Self::BlendedCost => line.blended_cost().unwrap_or_default(),
            Self::NetAmortizedCost => amortized(line, |own| own.net, net_cost),
            Self::NetUnblendedCost => net_cost,
            Self::NormalizedUsageAmount => {
                line.factor.map_or(Decimal::ZERO, |factor| factor.times(line.amount, 10))
            }
            Self::UnblendedCost => line.cost,
            Self::UsageQuantity => line.amount,
        }
    }
}

/// `cost`, unless the line belongs to a commitment: usage then has its share of the fees, and fees
/// have what nothing used. `side` picks gross or net; Savings Plans have no discount of their own.
fn amortized(line: &Line, side: fn(&crate::synth::Amount) -> Decimal, cost: Decimal) -> Decimal {
    match &line.commitment {
        Commitment::None => cost,
        Commitment::ReservationPurchase(_)
        | Commitment::PlanPurchase(_)
        | Commitment::PlanNegation(_) => Decimal::ZERO,
        Commitment::ReservationFee(_, month) => {
            side(&month.unused_upfront) + side(&month.unused_recurring)
        }
        Commitment::ReservationUsage { upfront, recurring, .. } => side(upfront) + side(recurring),
        Commitment::PlanFee { total, used, .. } => *total - *used,
        Commitment::PlanUsage { effective, .. } => *effective,
    }
}

/// Does the line's unit count towards the unit of `UsageQuantity`?
pub(super) fn unit(line: &Line) -> Option<&str> {
    let used =
        matches!(line.kind, Kind::Usage | Kind::DiscountedUsage | Kind::SavingsPlanCoveredUsage);
    used.then_some(line.sku.unit.as_str())
}
