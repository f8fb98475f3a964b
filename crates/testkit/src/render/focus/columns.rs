//! The columns of FOCUS and of AWS's additions, and what stands in them.

use std::borrow::Cow;

use super::charge::{Charge, is_covered};
use super::{DISCOUNT_KEY, Version, categories, names, tag};
use crate::decimal::Decimal;
use crate::render::table::{Cell, Entries, Heading, Kind, Style};
use crate::synth::Kind as LineKind;

/// What fills a column.
type CellOf = for<'a> fn(&'a Charge<'a>) -> Cell<'a>;

/// A column.
#[derive(Clone, Copy, Debug)]
pub(in crate::render) struct Column {
    pub(in crate::render) heading: Heading,
    since: Version,
    pub(in crate::render) cell: CellOf,
}

/// The columns of `version`, in order of their names; with AWS's own ones behind them, as far as
/// the export of that version has them.
pub(in crate::render) fn columns(version: Version, with_own: bool) -> Vec<&'static Column> {
    // AWS dropped two of its columns after 1.0.
    let gone =
        |name| version > Version::V1_0 && ["x_CostCategories", "x_UsageType"].contains(&name);
    let own = OWN.iter().filter(|column| with_own && !gone(column.heading.name));
    FOCUS.iter().filter(|column| column.since <= version).chain(own).collect()
}

const fn column(name: &'static str, kind: Kind, since: Version, cell: CellOf) -> Column {
    Column { heading: Heading { name, kind }, since, cell }
}

const fn text(name: &'static str, since: Version, cell: CellOf) -> Column {
    column(name, Kind::Text, since, cell)
}

const fn number(name: &'static str, since: Version, cell: CellOf) -> Column {
    column(name, Kind::Number, since, cell)
}

const fn time(name: &'static str, cell: CellOf) -> Column {
    column(name, Kind::Time, V1_0, cell)
}

const V1_0: Version = Version::V1_0;
const V1_1: Version = Version::V1_1;
const V1_2: Version = Version::V1_2;
const V1_3: Version = Version::V1_3;

/// All columns of FOCUS, by name.
const FOCUS: &[Column] = &[
    // The ledger has no allocations and no contracts.
    text("AllocatedMethodDetails", V1_3, nothing),
    text("AllocatedMethodId", V1_3, nothing),
    text("AllocatedResourceId", V1_3, nothing),
    text("AllocatedResourceName", V1_3, nothing),
    text("AllocatedTags", V1_3, nothing),
    text("AvailabilityZone", V1_0, |own| {
        Cell::text(own.line.resource.as_ref().map_or("", |own| &own.availability_zone))
    }),
    number("BilledCost", V1_0, |own| own.number(own.billed)),
    text("BillingAccountId", V1_0, |own| Cell::text(own.line.payer_account_id)),
    text("BillingAccountName", V1_0, |own| {
        Cell::text(own.terms.payer_name.unwrap_or(own.line.payer_account_id))
    }),
    text("BillingAccountType", V1_2, |_| Cell::text("Management Account")),
    text("BillingCurrency", V1_0, currency),
    time("BillingPeriodEnd", |own| Cell::Time(own.line.month.interval().end)),
    time("BillingPeriodStart", |own| Cell::Time(own.line.month.interval().start)),
    // No capacity reservations either.
    text("CapacityReservationId", V1_1, nothing),
    text("CapacityReservationStatus", V1_1, nothing),
    text("ChargeCategory", V1_0, |own| Cell::text(own.category)),
    text("ChargeClass", V1_0, |own| Cell::text(own.class())),
    text("ChargeDescription", V1_0, description),
    text("ChargeFrequency", V1_0, |own| Cell::text(own.frequency())),
    time("ChargePeriodEnd", |own| Cell::Time(own.line.usage.end)),
    time("ChargePeriodStart", |own| Cell::Time(own.line.usage.start)),
    text("CommitmentDiscountCategory", V1_0, |own| match own.commitment_type() {
        Some("Savings Plan") => Cell::text("Spend"),
        Some(_) => Cell::text("Usage"),
        None => Cell::Null,
    }),
    text("CommitmentDiscountId", V1_0, |own| Cell::text(own.line.commitment.arn())),
    text("CommitmentDiscountName", V1_0, nothing),
    number("CommitmentDiscountQuantity", V1_1, |own| own.some(own.commitment_quantity())),
    text("CommitmentDiscountStatus", V1_0, |own| match own.commitment_type() {
        Some(_) if own.is_unused => Cell::text("Unused"),
        Some(_) if is_covered(own.line) => Cell::text("Used"),
        _ => Cell::Null,
    }),
    text("CommitmentDiscountType", V1_0, |own| Cell::text(own.commitment_type().unwrap_or(""))),
    text("CommitmentDiscountUnit", V1_1, |own| match own.commitment_type() {
        Some("Savings Plan") if own.commitment_quantity().is_some() => currency(own),
        Some(_) if own.commitment_quantity().is_some() => Cell::text("Hours"),
        _ => Cell::Null,
    }),
    number("ConsumedQuantity", V1_0, |own| own.some(own.quantity().filter(|_| own.is_consumed()))),
    text("ConsumedUnit", V1_0, |own| {
        Cell::text(own.unit().filter(|_| own.is_consumed()).unwrap_or(""))
    }),
    text("ContractApplied", V1_3, nothing),
    number("ContractedCost", V1_0, |own| own.number(own.contracted)),
    number("ContractedUnitPrice", V1_0, contracted_price),
    number("EffectiveCost", V1_0, |own| own.number(own.effective)),
    text("HostProviderName", V1_3, provider),
    text("InvoiceId", V1_2, |own| Cell::text(own.line.invoice_id.as_deref().unwrap_or(""))),
    text("InvoiceIssuerName", V1_0, issuer),
    number("ListCost", V1_0, |own| own.number(own.list)),
    number("ListUnitPrice", V1_0, list_price),
    text("PricingCategory", V1_0, |own| Cell::text(own.pricing_category())),
    text("PricingCurrency", V1_2, currency),
    number("PricingCurrencyContractedUnitPrice", V1_2, contracted_price),
    number("PricingCurrencyEffectiveCost", V1_2, |own| own.number(own.effective)),
    number("PricingCurrencyListUnitPrice", V1_2, list_price),
    number("PricingQuantity", V1_0, |own| own.some(own.quantity())),
    text("PricingUnit", V1_0, |own| Cell::text(own.unit().unwrap_or(""))),
    text("ProviderName", V1_0, provider),
    text("PublisherName", V1_0, |own| Cell::text(own.line.legal_entity)),
    text("RegionId", V1_0, |own| Cell::text(region(own))),
    text("RegionName", V1_0, |own| {
        let names = ["location", "fromLocation"].map(|name| own.attribute(name));
        let name = names.into_iter().find(|name| !name.is_empty());
        Cell::text(name.filter(|_| !region(own).is_empty()).unwrap_or(""))
    }),
    text("ResourceId", V1_0, |own| Cell::text(own.resource())),
    text("ResourceName", V1_0, resource_name),
    text("ResourceType", V1_0, |own| {
        Cell::text(names::resource_type(own.resource(), own.line.sku.product.code))
    }),
    text("ServiceCategory", V1_0, |own| Cell::text(names::service(&own.line.sku.product).0)),
    text("ServiceName", V1_0, |own| Cell::text(own.line.sku.product.name)),
    text("ServiceProviderName", V1_3, provider),
    text("ServiceSubcategory", V1_1, |own| Cell::text(names::service(&own.line.sku.product).1)),
    text("SkuId", V1_0, |own| Cell::text(sku_id(own))),
    text("SkuMeter", V1_1, sku_meter),
    column("SkuPriceDetails", Kind::TextMap, V1_1, |own| {
        Cell::Map(if sku_id(own).is_empty() {
            Entries::new()
        } else {
            names::price_details(&own.line.sku)
        })
    }),
    text("SkuPriceId", V1_0, sku_price_id),
    text("SubAccountId", V1_0, |own| Cell::text(own.line.account.id)),
    text("SubAccountName", V1_0, |own| Cell::text(own.line.account.name)),
    text("SubAccountType", V1_2, |_| Cell::text("Membership Account")),
    column("Tags", Kind::TextMap, V1_0, |own| Cell::Map(tags(own))),
];

/// AWS's own columns.
const OWN: &[Column] = &[
    column("x_CostCategories", Kind::TextMap, V1_0, |own| {
        Cell::Map(categories(own.terms.category_names, own.line))
    }),
    column("x_Discounts", Kind::NumberMap, V1_0, |own| Cell::Map(discounts(own))),
    text("x_Operation", V1_0, |own| Cell::text(own.line.sku.operation.as_str())),
    text("x_ServiceCode", V1_0, |own| Cell::text(own.line.sku.product.code)),
    text("x_UsageType", V1_0, |own| Cell::text(own.line.sku.usage_type.as_str())),
];

impl Charge<'_> {
    fn number(&self, number: Decimal) -> Cell<'static> {
        Cell::Text(Cow::Owned(match self.terms.style {
            Style::Aws => number.java_text(),
            Style::Plain => number.to_string(),
        }))
    }

    fn some(&self, number: Option<Decimal>) -> Cell<'static> {
        number.map_or(Cell::Null, |number| self.number(number))
    }

    fn is_aws(&self) -> bool {
        self.terms.style == Style::Aws
    }
}

fn nothing<'a>(_: &'a Charge<'a>) -> Cell<'a> {
    Cell::Null
}

fn currency<'a>(own: &'a Charge<'a>) -> Cell<'a> {
    Cell::text(own.line.currency)
}

fn description<'a>(own: &'a Charge<'a>) -> Cell<'a> {
    let sku = &own.line.sku;
    let all = [&*own.line.description, &sku.usage_type, sku.product.code];
    Cell::text(all.into_iter().find(|text| !text.is_empty()).unwrap_or_default())
}

/// AWS's export names one company whoever sends the invoice.
fn issuer<'a>(own: &'a Charge<'a>) -> Cell<'a> {
    Cell::text(if own.is_aws() { "Amazon Web Services, Inc." } else { own.line.invoicing_entity })
}

/// FOCUS checks that provider and issuer agree where no third party collects the money.
fn provider<'a>(own: &'a Charge<'a>) -> Cell<'a> {
    Cell::text(if own.is_aws() { "AWS" } else { own.line.invoicing_entity })
}

fn contracted_price<'a>(own: &'a Charge<'a>) -> Cell<'a> {
    own.some(own.unit_price(None, own.contracted))
}

fn list_price<'a>(own: &'a Charge<'a>) -> Cell<'a> {
    own.some(own.unit_price(own.line.list_rate, own.list))
}

fn region<'a>(own: &Charge<'a>) -> &'a str {
    let codes = ["regionCode", "fromRegionCode"].map(|name| own.attribute(name));
    let is_global = own.attribute("region") == "global";
    let code = codes.into_iter().find(|code| !code.is_empty());
    code.filter(|_| !is_global).unwrap_or_default()
}

/// AWS's export has none; elsewhere it is what people call the resource.
fn resource_name<'a>(own: &'a Charge<'a>) -> Cell<'a> {
    let is_named = !own.is_aws() && !own.is_unused && !own.resource().is_empty();
    Cell::text(tag(own.line, "user:Name").filter(|_| is_named).unwrap_or_default())
}

/// Only usage and purchases have SKUs. FOCUS allows no gap there, AWS's export has them: the
/// product itself stands in.
fn sku_id<'a>(own: &Charge<'a>) -> &'a str {
    let sku = &own.line.sku;
    if !["Usage", "Purchase"].contains(&own.category) || own.line.kind == LineKind::Refund {
        ""
    } else if sku.code.is_empty() && !own.is_aws() {
        sku.product.code
    } else {
        &sku.code
    }
}

fn sku_meter<'a>(own: &'a Charge<'a>) -> Cell<'a> {
    let sku = &own.line.sku;
    let all = [sku.usage_type.as_str(), &sku.operation, sku.product.code];
    let meter = all.into_iter().find(|text| !text.is_empty());
    Cell::text(meter.filter(|_| !sku_id(own).is_empty()).unwrap_or_default())
}

fn sku_price_id<'a>(own: &'a Charge<'a>) -> Cell<'a> {
    let id = sku_id(own);
    if id.is_empty() {
        return Cell::Null;
    }
    let code = own.line.sku.rate_code(own.line.commitment.reservation().is_some());
    Cell::text(if code.is_empty() { id.to_owned() } else { code })
}

/// What people tag has no prefix, what AWS tags keeps its own.
fn tags<'a>(own: &'a Charge<'a>) -> Entries<'a> {
    let value = |key: &'a String| {
        let name = key.strip_prefix("user:").unwrap_or(key);
        Some((name.into(), tag(own.line, key)?.into()))
    };
    own.terms.tag_keys.iter().filter_map(value).collect()
}

fn discounts(own: &Charge<'_>) -> Entries<'static> {
    let discount = own
        .line
        .discount
        .filter(|discount| own.terms.with_net && !own.is_unused && !discount.is_zero());
    discount.map(|own| (DISCOUNT_KEY.into(), own.java_text().into())).into_iter().collect()
}
