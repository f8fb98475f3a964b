//! One line of the bill, before any report format.

use std::sync::Arc;

use super::account::{Account, Resource};
use super::commitment::Commitment;
use super::sku::Sku;
use crate::calendar::{Interval, Month};
use crate::decimal::Decimal;

/// AWS's line item types.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// On-demand, spot, free and marketplace usage.
    Usage,
    /// Usage under a reservation.
    DiscountedUsage,
    /// Usage under a Savings Plan, shown at its on-demand price.
    SavingsPlanCoveredUsage,
    /// Takes the on-demand price of covered usage away again.
    SavingsPlanNegation,
    /// An hour of a Savings Plan.
    SavingsPlanRecurringFee,
    /// The upfront payment of a Savings Plan.
    SavingsPlanUpfrontFee,
    /// One-off and monthly fees, upfront payments of reservations among them.
    Fee,
    /// A month of a reservation.
    RiFee,
    /// Tax.
    Tax,
    /// Promotional credit.
    Credit,
    /// Money back.
    Refund,
    /// Enterprise discount.
    EdpDiscount,
}

impl Kind {
    /// `lineItem/LineItemType`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Usage => "Usage",
            Self::DiscountedUsage => "DiscountedUsage",
            Self::SavingsPlanCoveredUsage => "SavingsPlanCoveredUsage",
            Self::SavingsPlanNegation => "SavingsPlanNegation",
            Self::SavingsPlanRecurringFee => "SavingsPlanRecurringFee",
            Self::SavingsPlanUpfrontFee => "SavingsPlanUpfrontFee",
            Self::Fee => "Fee",
            Self::RiFee => "RIFee",
            Self::Tax => "Tax",
            Self::Credit => "Credit",
            Self::Refund => "Refund",
            Self::EdpDiscount => "EdpDiscount",
        }
    }
}

/// `bill/BillType`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BillType {
    /// The monthly bill.
    Anniversary,
    /// A one-off purchase, billed at once.
    Purchase,
    /// Money back after the invoice.
    Refund,
}

impl BillType {
    /// AWS's word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Anniversary => "Anniversary",
            Self::Purchase => "Purchase",
            Self::Refund => "Refund",
        }
    }
}

/// One line of the bill. Amounts are exact and in the payer's currency.
#[derive(Clone, Debug)]
pub struct Line {
    /// Together with `interval` unique within one version of a month; differs between versions.
    pub id: u64,
    /// Management account.
    pub payer_account_id: &'static str,
    /// AWS company on the invoice.
    pub invoicing_entity: &'static str,
    /// ISO 4217 code.
    pub currency: &'static str,
    /// Billing period.
    pub month: Month,
    /// Which bill it is on.
    pub bill_type: BillType,
    /// Invoice number once there is one.
    pub invoice_id: Option<Arc<str>>,
    /// Account that used it or is charged for it.
    pub account: Arc<Account>,
    /// Line item type.
    pub kind: Kind,
    /// The report's slot: an hour (or a day, in small ledgers).
    pub interval: Interval,
    /// When it was used; wider than `interval` for taxes and fees.
    pub usage: Interval,
    /// What was used.
    pub sku: Arc<Sku>,
    /// What used it.
    pub resource: Option<Arc<Resource>>,
    /// Quantity in the SKU's unit, at most 10 decimals.
    pub amount: Decimal,
    /// Normalization factor of size-flexible reservations.
    pub factor: Option<Decimal>,
    /// Charged price of a unit; none where AWS prints none (taxes, credits, fees).
    pub rate: Option<Decimal>,
    /// `rate × amount` at 10 decimals, or the charge itself where there is no rate.
    pub cost: Decimal,
    /// Public on-demand price of a unit; none for charges without a price list entry.
    pub list_rate: Option<Decimal>,
    /// `list_rate × amount` at 10 decimals.
    pub list_cost: Option<Decimal>,
    /// Enterprise discount on the line, 0 or negative; none for payers without an agreement.
    pub discount: Option<Decimal>,
    /// Invoice text.
    pub description: Arc<str>,
    /// Kind of tax, on tax lines.
    pub tax_type: Option<&'static str>,
    /// Seller of record.
    pub legal_entity: &'static str,
    /// The reservation or Savings Plan it belongs to.
    pub commitment: Commitment,
}

impl Line {
    /// Cost after enterprise discounts: an `EdpDiscount` line has 0, its money is in the others.
    /// None for payers without an agreement.
    #[must_use]
    pub fn net_cost(&self) -> Option<Decimal> {
        let discount = self.discount?;
        Some(if self.kind == Kind::EdpDiscount { Decimal::ZERO } else { self.cost + discount })
    }

    /// Cost at the organisation's average rate, which is not modelled: the cost itself, and none
    /// for discounts.
    #[must_use]
    pub fn blended_cost(&self) -> Option<Decimal> {
        (self.kind != Kind::EdpDiscount).then_some(self.cost)
    }

    /// Is it sold through AWS Marketplace?
    #[must_use]
    pub fn is_marketplace(&self) -> bool {
        self.sku.product.seller.is_some()
    }
}
