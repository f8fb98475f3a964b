//! What is sold: products and their priced units.

use std::collections::BTreeMap;

use crate::decimal::Decimal;
use crate::random;

/// One AWS service or marketplace product.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Product {
    /// `lineItem/ProductCode`; opaque for the marketplace.
    pub code: &'static str,
    /// `product/ProductName`.
    pub name: &'static str,
    /// Third party that sells it through AWS Marketplace; none for AWS's own services.
    pub seller: Option<&'static str>,
}

impl Product {
    /// A service of AWS.
    pub(super) const fn aws(code: &'static str, name: &'static str) -> Self {
        Self { code, name, seller: None }
    }

    /// A product of AWS Marketplace.
    pub(super) const fn market(
        code: &'static str,
        name: &'static str,
        seller: &'static str,
    ) -> Self {
        Self { code, name, seller: Some(seller) }
    }
}

/// A product's unit of sale in one region at one price.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sku {
    /// What it belongs to.
    pub product: Product,
    /// `lineItem/UsageType`, with the region's prefix.
    pub usage_type: String,
    /// `lineItem/Operation`.
    pub operation: String,
    /// `product/sku`: 16 letters and digits; empty for charges without a price list entry.
    pub code: String,
    /// `pricing/RateId`; empty like `code`.
    pub rate_id: String,
    /// `pricing/unit`; empty like `code`.
    pub unit: String,
    /// On-demand price of a unit in the payer's currency.
    pub rate: Decimal,
    /// `lineItem/LineItemDescription` of usage at `rate`.
    pub description: String,
    /// `product/*` columns by name, all but `ProductName`.
    pub attributes: BTreeMap<&'static str, String>,
}

impl Sku {
    /// A charge that no price list entry stands behind: taxes, credits, refunds, fees.
    pub(super) fn bare(product: Product, usage_type: &str, operation: &str) -> Self {
        Self {
            product,
            usage_type: usage_type.to_owned(),
            operation: operation.to_owned(),
            code: String::new(),
            rate_id: String::new(),
            unit: String::new(),
            rate: Decimal::ZERO,
            description: String::new(),
            attributes: BTreeMap::new(),
        }
    }

    /// `pricing/RateCode` of the on-demand offer, or of the reserved one; empty without a SKU.
    #[must_use]
    pub fn rate_code(&self, reserved: bool) -> String {
        if self.code.is_empty() {
            return String::new();
        }
        // The offer term codes of the public price list: on-demand, and one year no upfront.
        let offer = if reserved { "4NA7Y494T4" } else { "JRTCKXETXF" };
        format!("{}.{offer}.6YS6EN2CT7", self.code)
    }
}

/// The 16 letters of the SKU of a usage type.
pub(super) fn code(product: &Product, usage_type: &str, operation: &str) -> String {
    let seed = random::hash(7, &format!("{}/{usage_type}/{operation}", product.code));
    random::text(seed, random::UPPER, 16)
}

/// A region as the price list spells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Region {
    /// `us-east-1`.
    pub(super) code: &'static str,
    /// `US East (N. Virginia)`.
    pub(super) location: &'static str,
    /// `USE1`.
    pub(super) prefix: &'static str,
    /// Price level, in percent of us-east-1.
    pub(super) price_percent: i64,
}

/// The regions in use, the fallback first.
const REGIONS: [Region; 5] = [
    Region {
        code: "us-east-1",
        location: "US East (N. Virginia)",
        prefix: "USE1",
        price_percent: 100,
    },
    Region { code: "us-east-2", location: "US East (Ohio)", prefix: "USE2", price_percent: 100 },
    Region { code: "us-west-2", location: "US West (Oregon)", prefix: "USW2", price_percent: 100 },
    Region { code: "eu-west-1", location: "EU (Ireland)", prefix: "EU", price_percent: 111 },
    Region { code: "eu-central-1", location: "EU (Frankfurt)", prefix: "EUC1", price_percent: 120 },
];

/// The region called `code`; us-east-1 for an unknown one.
pub(super) fn region(code: &str) -> &'static Region {
    const FALLBACK: &Region = &REGIONS[0];
    REGIONS.iter().find(|region| region.code == code).unwrap_or(FALLBACK)
}
