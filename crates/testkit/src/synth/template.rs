//! How a kind of usage is described once and sold in every region and account that has it.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::account::Role;
use super::sku::{self, Product, Region, Sku};
use crate::decimal::Decimal;
use crate::random;

/// `product/*` attributes: column name and value.
pub(super) type Attributes = &'static [(&'static str, &'static str)];

/// How the amount of an hour comes about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// The same in each hour.
    Steady,
    /// Whole hours from 07:00 to 19:00 on weekdays, otherwise nothing.
    Working,
    /// Whole hours of a random part of the day, in percent.
    Chance(u64),
    /// Around the mean, more by day, less on weekends.
    Varying,
}

/// A kind of usage.
#[derive(Clone, Copy, Debug)]
pub(super) struct Template {
    pub(super) product: Product,
    pub(super) usage: &'static str,
    pub(super) operation: &'static str,
    pub(super) unit: &'static str,
    pub(super) rate: Decimal,
    pub(super) family: &'static str,
    /// What follows the price in the description, such as `per GB`.
    pub(super) text: &'static str,
    pub(super) attributes: &'static [Attributes],
    pub(super) global: bool,
    pub(super) mean: Decimal,
    pub(super) shape: Shape,
    /// A line only each so many hours, for so many hours' amount.
    pub(super) every: i64,
    /// Pattern of the resource id; `{region}`, `{account}`, `{name}` and `{hex}` are filled in.
    pub(super) resource: &'static str,
    pub(super) slug: &'static str,
    pub(super) zonal: bool,
    pub(super) spot: bool,
    /// Percent off under a Compute Savings Plan; 0 when no plan applies.
    pub(super) saving: i64,
    /// How many resources in accounts of a role.
    pub(super) fleet: &'static [(Role, u32)],
    /// First month (counted from 0) in which it is used.
    pub(super) since: u32,
}

impl Template {
    /// Usage of `product` that costs nothing yet and that nobody has.
    pub(super) const fn new(
        product: Product,
        usage: &'static str,
        operation: &'static str,
    ) -> Self {
        Self {
            product,
            usage,
            operation,
            unit: "",
            rate: Decimal::ZERO,
            family: "",
            text: "",
            attributes: &[],
            global: false,
            mean: Decimal::ONE,
            shape: Shape::Steady,
            every: 1,
            resource: "",
            slug: "",
            zonal: false,
            spot: false,
            saving: 0,
            fleet: &[],
            since: 0,
        }
    }

    /// Price of a unit in us-east-1 and the words after it.
    pub(super) const fn price(
        mut self,
        rate: Decimal,
        unit: &'static str,
        text: &'static str,
    ) -> Self {
        self.rate = rate;
        self.unit = unit;
        self.text = text;
        self
    }

    /// Product family and further attributes.
    pub(super) const fn about(
        mut self,
        family: &'static str,
        attributes: &'static [Attributes],
    ) -> Self {
        self.family = family;
        self.attributes = attributes;
        self
    }

    /// Amount per hour and its course, in lines `every` so many hours.
    pub(super) const fn load(mut self, mean: Decimal, shape: Shape, every: i64) -> Self {
        self.mean = mean;
        self.shape = shape;
        self.every = every;
        self
    }

    /// What its resources are called.
    pub(super) const fn on(mut self, slug: &'static str, resource: &'static str) -> Self {
        self.slug = slug;
        self.resource = resource;
        self
    }

    /// Where it runs.
    pub(super) const fn fleet(mut self, fleet: &'static [(Role, u32)]) -> Self {
        self.fleet = fleet;
        self
    }

    /// An instance in one zone, sold by the hour.
    pub(super) const fn zonal(mut self) -> Self {
        self.zonal = true;
        self
    }

    /// Sold at the spot market's price.
    pub(super) const fn spot(mut self) -> Self {
        self.spot = true;
        self.zonal = true;
        self
    }

    /// No region.
    pub(super) const fn global(mut self) -> Self {
        self.global = true;
        self
    }

    /// A Compute Savings Plan takes so many percent off.
    pub(super) const fn saving(mut self, percent: i64) -> Self {
        self.saving = percent;
        self
    }

    /// Used from the month `index` on.
    pub(super) const fn since(mut self, index: u32) -> Self {
        self.since = index;
        self
    }

    /// The SKU of this usage in `region`.
    pub(super) fn sku(&self, region: &'static Region) -> Arc<Sku> {
        let usage_type = self.usage_type(region);
        let rate =
            if self.global { self.rate } else { self.rate.ratio(region.price_percent, 100, 12) };
        let code = sku::code(&self.product, &usage_type, self.operation);
        let description = if self.text.starts_with("per ") {
            format!("${rate} {}", self.text)
        } else {
            self.text.to_owned()
        };
        let seed = random::hash(11, &code);
        let rate_id = random::text(seed, random::DIGITS, 11);
        let market = self.product.seller.is_some();
        let mut attributes = BTreeMap::new();
        if !market {
            self.describe(region, &usage_type, &code, &mut attributes);
        }
        Arc::new(Sku {
            product: self.product,
            operation: self.operation.to_owned(),
            code: if market { String::new() } else { code },
            rate_id: if market { String::new() } else { rate_id },
            unit: self.unit.to_owned(),
            usage_type,
            rate,
            description,
            attributes,
        })
    }

    /// Fills the `product/*` columns.
    fn describe(
        &self,
        region: &'static Region,
        usage_type: &str,
        code: &str,
        columns: &mut BTreeMap<&'static str, String>,
    ) {
        let transfer = self.family == "Data Transfer";
        let (service, name) = if transfer {
            ("AWSDataTransfer", "AWS Data Transfer")
        } else {
            (self.product.code, self.product.name)
        };
        let common = [
            ("servicecode", service),
            ("servicename", name),
            ("sku", code),
            ("usagetype", usage_type),
            ("operation", self.operation),
            ("productFamily", self.family),
        ];
        // A global service still has a region column; AWS writes the word there.
        let place = if self.global { "global" } else { region.code };
        let place = [("region", place)];
        let located = [
            ("regionCode", region.code),
            ("location", region.location),
            ("locationType", "AWS Region"),
        ];
        let origin = [
            ("fromLocation", region.location),
            ("fromLocationType", "AWS Region"),
            ("fromRegionCode", region.code),
        ];
        let where_ = match (transfer, self.global) {
            (true, _) => &origin[..],
            (false, true) => &[],
            (false, false) => &located[..],
        };
        let own = self.attributes.iter().copied().flatten();
        for &(key, value) in common.iter().chain(&place).chain(where_).chain(own) {
            if !value.is_empty() {
                columns.insert(key, value.to_owned());
            }
        }
    }

    /// The usage type with the region's prefix, as far as this service writes one.
    fn usage_type(&self, region: &Region) -> String {
        // EC2 and S3 in us-east-1 keep the spelling of the days with one region.
        let bare = region.code == "us-east-1" && matches!(self.product.code, "AmazonEC2");
        if self.global || bare {
            return self.usage.to_owned();
        }
        if self.product.code == "awskms" {
            return format!("{}-{}", region.code, self.usage);
        }
        format!("{}-{}", region.prefix, self.usage)
    }

    /// The attribute `key`; empty when it is not described.
    pub(super) fn attribute(&self, key: &str) -> &'static str {
        let mut all = self.attributes.iter().copied().flatten();
        all.find(|(name, _)| *name == key).map_or("", |(_, value)| value)
    }
}
