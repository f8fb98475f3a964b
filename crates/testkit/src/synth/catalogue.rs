//! Everything that the synthetic organisation uses, by the shelves of the AWS console.

mod compute;
mod data;
mod platform;
mod storage;

use super::account::Role;
use super::sku::Product;
use super::template::Template;
use crate::decimal::Decimal;

pub(super) use compute::{EC2, M5_XLARGE, R5_LARGE};
pub(super) use data::{DB_R5_LARGE, RDS};

/// All usage, cheapest to read: a static list per shelf.
pub(super) fn templates() -> impl Iterator<Item = &'static Template> {
    [compute::ALL, storage::ALL, data::ALL, platform::ALL].into_iter().flatten()
}

/// Support plans, by payer.
pub(super) const SUPPORT: [Product; 2] = [
    Product::aws("AWSSupportBusiness", "AWS Support (Business)"),
    Product::aws("AWSSupportEnterprise", "AWS Support (Enterprise)"),
];

/// Fee rows of Savings Plans.
pub(super) const SAVINGS_PLANS: Product =
    Product::aws("ComputeSavingsPlans", "Savings Plans for AWS Compute usage");

/// Domain registrations.
pub(super) const REGISTRAR: Product = Product::aws("AmazonRegistrar", "Amazon Registrar");

/// A yearly contract bought on AWS Marketplace.
pub(super) const CONTRACT: Product = Product::market(
    "7f2k9qv0xw3mz1t8ln5cb4dy6",
    "Harbourlight Data Catalogue (Annual)",
    "Harbourlight Software Ltd",
);

const PRODUCTION: Role = Role::Production;
const STAGING: Role = Role::Staging;
const DATA: Role = Role::Data;
const LEARNING: Role = Role::Learning;
const SHARED: Role = Role::Shared;
const SECURITY: Role = Role::Security;
const SANDBOX: Role = Role::Sandbox;
const MANAGEMENT: Role = Role::Management;

/// `mantissa × 10^-places`.
const fn d(mantissa: i64, places: u32) -> Decimal {
    Decimal::new(mantissa, places)
}
