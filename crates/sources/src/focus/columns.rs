//! The columns of FOCUS 1.0 to 1.4 that a mapping reads, and what every row must hold.
//!
//! Source: FOCUS specification, versions 1.0 to 1.4. Columns have the same names in SQL. Columns of
//! newer versions that the cost table does not have are extras ([`KEPT`]).

use crate::format::known::required;
use crate::format::{self, Kind, Known, Place, Rule};

/// Accounts and invoice.
const BILL: usize = 0;
/// What is sold: service, SKU, units, region. Repeats per SKU.
pub(crate) const SKU: usize = 1;
/// When, and the category of the charge.
const TIME: usize = 2;
/// The resource.
const RESOURCE: usize = 3;
/// Tags. Repeats per tag set.
pub(crate) const TAGS: usize = 4;
/// What kind of charge it is: entities, currency, commitment. A few hundred.
const LINE: usize = 5;
/// Prices, and amounts that a mapping may fill in. They are not carried: the gate compares what
/// stays as it is.
pub(crate) const PRICES: usize = 6;
/// Columns that the mapping does not read.
const EXTRAS: usize = 7;

/// Number of groups.
pub(crate) const GROUPS: usize = EXTRAS + 1;

/// Number of [`known`] columns.
const COUNT: usize = 59;

pub(crate) const fn column(name: &'static str, kind: Kind, place: Place) -> Known {
    format::known::column(name, name, kind, place)
}

pub(crate) const fn text(name: &'static str, group: usize) -> Known {
    column(name, Kind::TextOrNull, Place::Group(group))
}

const fn money(name: &'static str) -> Known {
    column(name, Kind::Money, Place::Row)
}

const fn price(name: &'static str) -> Known {
    column(name, Kind::Money, Place::Group(PRICES))
}

const fn required_if(is_required: bool, known: Known) -> Known {
    Known { required: is_required, ..known }
}

/// The columns. `time` is the kind of points in time. Required is what no row can be counted
/// without; of a `whole` dataset everything that FOCUS calls mandatory in all its versions.
pub(crate) const fn known(time: Kind, whole: bool) -> [Known; COUNT] {
    [
        text("AvailabilityZone", RESOURCE),
        required(money("BilledCost")),
        required(text("BillingAccountId", BILL)),
        required_if(whole, text("BillingAccountName", BILL)),
        text("BillingAccountType", BILL),
        required(text("BillingCurrency", LINE)),
        required(column("BillingPeriodEnd", time, Place::Group(TIME))),
        required(column("BillingPeriodStart", time, Place::Group(TIME))),
        text("CapacityReservationId", LINE),
        text("CapacityReservationStatus", LINE),
        required(text("ChargeCategory", TIME)),
        required_if(whole, text("ChargeClass", LINE)),
        required_if(whole, text("ChargeDescription", SKU)),
        text("ChargeFrequency", LINE),
        required(column("ChargePeriodEnd", time, Place::Group(TIME))),
        required(column("ChargePeriodStart", time, Place::Group(TIME))),
        text("CommitmentDiscountCategory", LINE),
        text("CommitmentDiscountId", LINE),
        text("CommitmentDiscountName", LINE),
        price("CommitmentDiscountQuantity"),
        text("CommitmentDiscountStatus", LINE),
        text("CommitmentDiscountType", LINE),
        text("CommitmentDiscountUnit", LINE),
        money("ConsumedQuantity"),
        text("ConsumedUnit", SKU),
        required(money("ContractedCost")),
        price("ContractedUnitPrice"),
        required(money("EffectiveCost")),
        text("HostProviderName", LINE),
        text("InvoiceId", BILL),
        required_if(whole, text("InvoiceIssuerName", LINE)),
        required(money("ListCost")),
        price("ListUnitPrice"),
        text("PricingCategory", LINE),
        text("PricingCurrency", LINE),
        price("PricingCurrencyContractedUnitPrice"),
        price("PricingCurrencyEffectiveCost"),
        price("PricingCurrencyListUnitPrice"),
        required_if(whole, money("PricingQuantity")),
        required_if(whole, text("PricingUnit", SKU)),
        text("ProviderName", LINE),
        text("PublisherName", LINE),
        text("RegionId", SKU),
        text("RegionName", SKU),
        text("ResourceId", RESOURCE),
        text("ResourceName", RESOURCE),
        text("ResourceType", RESOURCE),
        required_if(whole, text("ServiceCategory", SKU)),
        required(text("ServiceName", SKU)),
        text("ServiceProviderName", LINE),
        text("ServiceSubcategory", SKU),
        text("SkuId", SKU),
        text("SkuMeter", SKU),
        text("SkuPriceDetails", SKU),
        text("SkuPriceId", SKU),
        text("SubAccountId", BILL),
        text("SubAccountName", BILL),
        text("SubAccountType", BILL),
        column("Tags", Kind::Map, Place::Group(TAGS)),
    ]
}

/// Two lists in one.
pub(crate) const fn join<const A: usize, const B: usize, const C: usize>(
    first: [Known; A],
    second: [Known; B],
) -> [Known; C] {
    let mut all = [first[0]; C];
    let mut index = 0;
    while index < C {
        all[index] = if index < A { first[index] } else { second[index - A] };
        index += 1;
    }
    all
}

/// Columns of newer versions, and those that anybody may add: kept as extras, and nobody has to
/// hear of them.
pub(crate) const KEPT: &[&str] = &[
    "Allocated",
    "ContractApplied",
    "InvoiceDetailId",
    "CommitmentProgramEligibilityDetails",
    "x_",
];

/// What every row must hold: without it a row cannot be counted, or would be counted wrongly.
pub(crate) const RULES: &[Rule] = &[
    Rule::Filled("BilledCost"),
    Rule::Filled("EffectiveCost"),
    Rule::Filled("ListCost"),
    Rule::Filled("ContractedCost"),
    Rule::Filled("BillingAccountId"),
    Rule::Filled("BillingCurrency"),
    Rule::Filled("BillingPeriodStart"),
    Rule::Filled("BillingPeriodEnd"),
    Rule::Filled("ChargePeriodStart"),
    Rule::Filled("ChargePeriodEnd"),
    Rule::Filled("ChargeCategory"),
    Rule::Filled("ServiceName"),
    Rule::OneOf("ChargeCategory", &["Usage", "Purchase", "Tax", "Credit", "Adjustment"]),
    // What is bought at a moment has no length.
    Rule::Ordered {
        start: "ChargePeriodStart",
        end: "ChargePeriodEnd",
        strict: ("ChargeCategory", "Usage"),
    },
    Rule::Ordered {
        start: "BillingPeriodStart",
        end: "BillingPeriodEnd",
        strict: ("ChargeCategory", "Usage"),
    },
];

/// Source money columns and the columns that carry them unchanged: what the gate compares
/// (INV-SUM).
pub(crate) const CARRIED: &[(&str, &str)] = &[
    ("BilledCost", "BilledCost"),
    ("EffectiveCost", "EffectiveCost"),
    ("ListCost", "ListCost"),
    ("ContractedCost", "ContractedCost"),
    ("PricingQuantity", "PricingQuantity"),
    ("ConsumedQuantity", "ConsumedQuantity"),
];
