//! Promises for a cheaper price: Reserved Instances and Savings Plans, and what their lines carry.

use std::sync::Arc;

use super::account::Account;
use super::sku::Sku;
use crate::calendar::{Hour, Interval};
use crate::decimal::Decimal;

/// Hours of the one-year terms: 365 days.
pub(super) const TERM_HOURS: i64 = 8_760;

/// How a commitment is paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PaymentOption {
    /// All on the day of purchase.
    AllUpfront,
    /// Half on the day of purchase, the rest hour by hour.
    PartialUpfront,
    /// Hour by hour.
    NoUpfront,
}

impl PaymentOption {
    /// AWS's words.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::AllUpfront => "All Upfront",
            Self::PartialUpfront => "Partial Upfront",
            Self::NoUpfront => "No Upfront",
        }
    }
}

/// An amount before and after enterprise discounts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Amount {
    /// Before discounts.
    pub gross: Decimal,
    /// After them; equal to `gross` for payers without an agreement.
    pub net: Decimal,
}

impl Amount {
    /// `by` times as much.
    pub(super) fn times(self, by: Decimal) -> Self {
        Self { gross: self.gross.times(by, 10), net: self.net.times(by, 10) }
    }

    /// What is left after `other`.
    pub(super) fn less(self, other: Self) -> Self {
        Self { gross: self.gross - other.gross, net: self.net - other.net }
    }

    /// Both together.
    pub(super) fn and(self, other: Self) -> Self {
        Self { gross: self.gross + other.gross, net: self.net + other.net }
    }
}

/// A bought reservation of instances.
#[derive(Clone, Debug)]
pub struct Reservation {
    /// `reservation/ReservationARN`.
    pub arn: String,
    /// `reservation/SubscriptionId`.
    pub subscription_id: String,
    /// The account that bought it and is billed for it.
    pub account: Arc<Account>,
    /// The on-demand SKU that it covers.
    pub sku: Arc<Sku>,
    /// The SKU of its fee rows (`HeavyUsage:…`).
    pub fee_sku: Arc<Sku>,
    /// How many instances.
    pub count: i64,
    /// Normalization factor of one instance.
    pub factor: Decimal,
    /// How it is paid.
    pub payment: PaymentOption,
    /// The term.
    pub term: Interval,
    /// Upfront fee spread over the term, per instance and hour.
    pub upfront_hourly: Amount,
    /// Recurring fee, per instance and hour.
    pub recurring_hourly: Amount,
}

impl Reservation {
    /// Upfront fee of all instances for the whole term.
    #[must_use]
    pub fn upfront_value(&self) -> Amount {
        self.upfront_hourly.times(Decimal::ONE.times_whole(self.count * TERM_HOURS))
    }
}

/// One month of a reservation, as its `RIFee` row tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReservationMonth {
    /// Instance hours that the month offered so far.
    pub hours: Decimal,
    /// Instance hours that nothing used.
    pub unused_hours: Decimal,
    /// Upfront fee that falls on `hours`.
    pub upfront: Amount,
    /// Upfront fee that falls on `unused_hours`.
    pub unused_upfront: Amount,
    /// Recurring fee that falls on `unused_hours`.
    pub unused_recurring: Amount,
}

/// A bought Savings Plan.
#[derive(Clone, Debug)]
pub struct Plan {
    /// `savingsPlan/SavingsPlanARN`.
    pub arn: String,
    /// The account that bought it and is billed for it.
    pub account: Arc<Account>,
    /// `ComputeSavingsPlans` or `EC2InstanceSavingsPlans`.
    pub offering: &'static str,
    /// Region (AWS's long name) of an EC2 Instance plan; empty for a Compute plan.
    pub region: &'static str,
    /// Instance family of an EC2 Instance plan; empty for a Compute plan.
    pub family: &'static str,
    /// How it is paid.
    pub payment: PaymentOption,
    /// The term.
    pub term: Interval,
    /// Committed spend of one hour.
    pub hourly: Decimal,
    /// The SKU of its fee rows.
    pub fee_sku: Arc<Sku>,
    /// Percentage points off the on-demand price beyond what the usage itself is eligible for.
    pub(super) extra_saving: i64,
}

impl Plan {
    /// Upfront payment of the whole term.
    #[must_use]
    pub fn upfront(&self) -> Decimal {
        self.upfront_of(TERM_HOURS)
    }

    /// The part of `hours` hours' commitment that was paid upfront.
    #[must_use]
    pub fn upfront_of(&self, hours: i64) -> Decimal {
        match self.payment {
            PaymentOption::AllUpfront => self.hourly.times_whole(hours),
            PaymentOption::PartialUpfront => self.hourly.times_whole(hours).ratio(1, 2, 10),
            PaymentOption::NoUpfront => Decimal::ZERO,
        }
    }

    /// Does the plan pay for `region` (long name) and `family`?
    pub(super) fn covers(&self, region: &str, family: &str) -> bool {
        self.family.is_empty() || (self.family == family && self.region == region)
    }
}

/// What a line says about the commitment that it belongs to.
#[derive(Clone, Debug, Default)]
pub enum Commitment {
    /// Nothing.
    #[default]
    None,
    /// `Fee`: the upfront payment of a reservation.
    ReservationPurchase(Arc<Reservation>),
    /// `RIFee`: a month of a reservation.
    ReservationFee(Arc<Reservation>, ReservationMonth),
    /// `DiscountedUsage`: upfront and recurring fee that fall on this usage.
    ReservationUsage {
        /// The reservation that covers the usage.
        reservation: Arc<Reservation>,
        /// `AmortizedUpfrontCostForUsage`.
        upfront: Amount,
        /// `RecurringFeeForUsage`.
        recurring: Amount,
    },
    /// `SavingsPlanUpfrontFee`: the upfront payment of a plan.
    PlanPurchase(Arc<Plan>),
    /// `SavingsPlanRecurringFee`: a stretch of a plan's commitment.
    PlanFee {
        /// The plan.
        plan: Arc<Plan>,
        /// `TotalCommitmentToDate`.
        total: Decimal,
        /// `UsedCommitment`.
        used: Decimal,
        /// `AmortizedUpfrontCommitmentForBillingPeriod`; the rest of `total` is recurring.
        upfront: Decimal,
    },
    /// `SavingsPlanCoveredUsage`.
    PlanUsage {
        /// The plan that pays.
        plan: Arc<Plan>,
        /// `SavingsPlanRate`.
        rate: Decimal,
        /// `SavingsPlanEffectiveCost`.
        effective: Decimal,
    },
    /// `SavingsPlanNegation`.
    PlanNegation(Arc<Plan>),
}

impl Commitment {
    /// The reservation, if the line belongs to one.
    #[must_use]
    pub fn reservation(&self) -> Option<&Arc<Reservation>> {
        match self {
            Self::ReservationPurchase(reservation)
            | Self::ReservationFee(reservation, _)
            | Self::ReservationUsage { reservation, .. } => Some(reservation),
            _ => None,
        }
    }

    /// The Savings Plan, if the line belongs to one.
    #[must_use]
    pub fn plan(&self) -> Option<&Arc<Plan>> {
        match self {
            Self::PlanPurchase(plan)
            | Self::PlanFee { plan, .. }
            | Self::PlanUsage { plan, .. }
            | Self::PlanNegation(plan) => Some(plan),
            _ => None,
        }
    }

    /// The ARN of the commitment; empty without one.
    #[must_use]
    pub fn arn(&self) -> &str {
        let reservation = self.reservation().map(|reservation| reservation.arn.as_str());
        reservation.or_else(|| self.plan().map(|plan| plan.arn.as_str())).unwrap_or_default()
    }
}

/// A year from `start`.
pub(super) const fn year_from(start: Hour) -> Interval {
    Interval::of(start, TERM_HOURS)
}
