//! The columns of a legacy Cost and Usage Report that the mapping reads.
//!
//! Source: AWS Cost and Usage Reports User Guide, "Data dictionary".

use crate::format::known::{column, money, required, text};
use crate::format::{Family, Format, Kind, Known, Place};

/// Accounts and invoice.
pub(crate) const BILL: usize = 0;
/// What is sold at which price: product, usage type, rate. Repeats per SKU.
pub(crate) const SKU: usize = 1;
/// When. Repeats per hour.
pub(crate) const TIME: usize = 2;
/// The resource.
pub(crate) const RESOURCE: usize = 3;
/// Tags and cost categories. Repeats per tag set.
pub(crate) const TAGS: usize = 4;
/// Amounts that only commitment fees carry; nearly always all empty.
pub(crate) const FEE: usize = 5;
/// What kind of line it is: type, tax, entities, commitment. A few hundred.
pub(crate) const LINE: usize = 6;
/// The zone.
pub(crate) const ZONE: usize = 7;
/// Columns that the mapping does not read.
pub(crate) const EXTRAS: usize = 8;

const fn fee(header: &'static str, name: &'static str) -> Known {
    column(header, name, Kind::Money, Place::Group(FEE))
}

pub(crate) const KNOWN: &[Known] = &[
    column("identity/LineItemId", "identity_line_item_id", Kind::Text, Place::Row),
    column(
        "identity/TimeInterval",
        "identity_time_interval_start",
        Kind::IntervalStart,
        Place::Group(TIME),
    ),
    column(
        "identity/TimeInterval",
        "identity_time_interval_end",
        Kind::IntervalEnd,
        Place::Group(TIME),
    ),
    text("bill/InvoiceId", "bill_invoice_id", BILL),
    text("bill/InvoicingEntity", "bill_invoicing_entity", LINE),
    text("bill/BillingEntity", "bill_billing_entity", LINE),
    text("bill/BillType", "bill_bill_type", LINE),
    required(text("bill/PayerAccountId", "bill_payer_account_id", BILL)),
    required(column(
        "bill/BillingPeriodStartDate",
        "bill_billing_period_start_date",
        Kind::Time,
        Place::Group(TIME),
    )),
    column(
        "bill/BillingPeriodEndDate",
        "bill_billing_period_end_date",
        Kind::Time,
        Place::Group(TIME),
    ),
    text("lineItem/UsageAccountId", "line_item_usage_account_id", BILL),
    required(text("lineItem/LineItemType", "line_item_line_item_type", LINE)),
    required(column(
        "lineItem/UsageStartDate",
        "line_item_usage_start_date",
        Kind::Time,
        Place::Group(TIME),
    )),
    column("lineItem/UsageEndDate", "line_item_usage_end_date", Kind::Time, Place::Group(TIME)),
    text("lineItem/ProductCode", "line_item_product_code", SKU),
    text("lineItem/UsageType", "line_item_usage_type", SKU),
    text("lineItem/Operation", "line_item_operation", SKU),
    text("lineItem/AvailabilityZone", "line_item_availability_zone", ZONE),
    text("lineItem/ResourceId", "line_item_resource_id", RESOURCE),
    money("lineItem/UsageAmount", "line_item_usage_amount"),
    text("lineItem/CurrencyCode", "line_item_currency_code", LINE),
    required(money("lineItem/UnblendedCost", "line_item_unblended_cost")),
    money("lineItem/BlendedCost", "line_item_blended_cost"),
    money("lineItem/NetUnblendedCost", "line_item_net_unblended_cost"),
    text("lineItem/LineItemDescription", "line_item_line_item_description", SKU),
    text("lineItem/TaxType", "line_item_tax_type", LINE),
    text("lineItem/LegalEntity", "line_item_legal_entity", LINE),
    text("product/ProductName", "product_product_name", SKU),
    text("product/sku", "product_sku", SKU),
    text("product/regionCode", "product_region_code", SKU),
    text("product/region", "product_region", SKU),
    text("product/location", "product_location", SKU),
    text("product/fromRegionCode", "product_from_region_code", SKU),
    text("product/capacitystatus", "product_capacitystatus", SKU),
    text("pricing/RateCode", "pricing_rate_code", SKU),
    text("pricing/RateId", "pricing_rate_id", SKU),
    text("pricing/unit", "pricing_unit", SKU),
    money("pricing/publicOnDemandCost", "pricing_public_on_demand_cost"),
    column(
        "pricing/publicOnDemandRate",
        "pricing_public_on_demand_rate",
        Kind::Money,
        Place::Group(SKU),
    ),
    text("pricing/LeaseContractLength", "pricing_lease_contract_length", SKU),
    text("pricing/OfferingClass", "pricing_offering_class", SKU),
    text("pricing/PurchaseOption", "pricing_purchase_option", SKU),
    text("reservation/ReservationARN", "reservation_reservation_a_r_n", LINE),
    money("reservation/EffectiveCost", "reservation_effective_cost"),
    money("reservation/NetEffectiveCost", "reservation_net_effective_cost"),
    fee(
        "reservation/UnusedAmortizedUpfrontFeeForBillingPeriod",
        "reservation_unused_amortized_upfront_fee_for_billing_period",
    ),
    fee(
        "reservation/NetUnusedAmortizedUpfrontFeeForBillingPeriod",
        "reservation_net_unused_amortized_upfront_fee_for_billing_period",
    ),
    fee("reservation/UnusedRecurringFee", "reservation_unused_recurring_fee"),
    fee("reservation/NetUnusedRecurringFee", "reservation_net_unused_recurring_fee"),
    fee("reservation/UnusedQuantity", "reservation_unused_quantity"),
    fee("reservation/TotalReservedUnits", "reservation_total_reserved_units"),
    text("savingsPlan/SavingsPlanARN", "savings_plan_savings_plan_a_r_n", LINE),
    money("savingsPlan/SavingsPlanEffectiveCost", "savings_plan_savings_plan_effective_cost"),
    money(
        "savingsPlan/NetSavingsPlanEffectiveCost",
        "savings_plan_net_savings_plan_effective_cost",
    ),
    fee("savingsPlan/TotalCommitmentToDate", "savings_plan_total_commitment_to_date"),
    fee("savingsPlan/UsedCommitment", "savings_plan_used_commitment"),
    fee(
        "savingsPlan/AmortizedUpfrontCommitmentForBillingPeriod",
        "savings_plan_amortized_upfront_commitment_for_billing_period",
    ),
    fee(
        "savingsPlan/NetAmortizedUpfrontCommitmentForBillingPeriod",
        "savings_plan_net_amortized_upfront_commitment_for_billing_period",
    ),
    fee(
        "savingsPlan/RecurringCommitmentForBillingPeriod",
        "savings_plan_recurring_commitment_for_billing_period",
    ),
    fee(
        "savingsPlan/NetRecurringCommitmentForBillingPeriod",
        "savings_plan_net_recurring_commitment_for_billing_period",
    ),
];

const FAMILIES: &[Family] = &[
    Family {
        prefix: "product/",
        snake_prefix: "product_",
        strip: &[],
        name: "product",
        group: SKU,
    },
    Family {
        prefix: "resourceTags/",
        snake_prefix: "resource_tags_",
        // FOCUS wants the keys of users without a prefix and AWS's own with one.
        strip: &["user:", "user_"],
        name: "resource_tags",
        group: TAGS,
    },
    Family {
        prefix: "costCategory/",
        snake_prefix: "cost_category_",
        strip: &[],
        name: "cost_category",
        group: TAGS,
    },
    Family {
        prefix: "discount/",
        snake_prefix: "discount_",
        strip: &[],
        name: "discount",
        group: EXTRAS,
    },
];

/// The legacy Cost and Usage Report.
pub static FORMAT: Format = Format {
    title: "legacy Cost and Usage Report",
    known: KNOWN,
    families: FAMILIES,
    groups: EXTRAS + 1,
    currency: "line_item_currency_code",
    default_currency: "USD",
    // These name things that AWS documents; they are kept, but nobody has to hear of them.
    kept_prefixes: &[
        "lineItem/",
        "pricing/",
        "reservation/",
        "savingsPlan/",
        "splitLineItem/",
        "identity/",
        "bill/",
        "year",
        "month",
    ],
    extras: "extra",
    rules: &[],
};

/// Source money columns and the columns of the cost table that carry them unchanged: what the
/// gate compares (INV-SUM).
pub const CARRIED: &[(&str, &str)] = &[
    ("lineItem/UnblendedCost", "x_UnblendedCost"),
    ("lineItem/BlendedCost", "x_BlendedCost"),
    ("lineItem/NetUnblendedCost", "x_NetUnblendedCost"),
    ("lineItem/UsageAmount", "x_UsageAmount"),
    ("pricing/publicOnDemandCost", "x_PublicOnDemandCost"),
    ("reservation/EffectiveCost", "x_ReservationEffectiveCost"),
    ("reservation/NetEffectiveCost", "x_NetReservationEffectiveCost"),
    ("savingsPlan/SavingsPlanEffectiveCost", "x_SavingsPlanEffectiveCost"),
    ("savingsPlan/NetSavingsPlanEffectiveCost", "x_NetSavingsPlanEffectiveCost"),
];
