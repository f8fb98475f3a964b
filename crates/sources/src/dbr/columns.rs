//! The columns of the four reports that the mapping reads. Spelling and order differ between
//! reports and years, so columns are found by name, whatever the case.
//!
//! Source: AWS Billing User Guide until 2019, the pages of the four reports.

use crate::format::known::{column, money, required, text, time};
use crate::format::{Family, Format, Kind, Known, Place};

/// Accounts and invoice.
const BILL: usize = 0;
/// What is sold: product, usage type, description. Repeats per price.
const SKU: usize = 1;
/// When. Repeats per hour.
const TIME: usize = 2;
/// The resource.
const RESOURCE: usize = 3;
/// Tags. Repeats per tag set.
const TAGS: usize = 4;
/// What kind of row it is.
const LINE: usize = 5;
/// The zone.
const ZONE: usize = 6;
/// Subscription and rates, and columns that the mapping does not read.
const EXTRAS: usize = 7;

const fn number(header: &'static str, name: &'static str) -> Known {
    column(header, name, Kind::Money, Place::Group(EXTRAS))
}

const KNOWN: &[Known] = &[
    required(text("InvoiceID", "invoice_id", BILL)),
    required(text("PayerAccountId", "payer_account_id", BILL)),
    required(text("LinkedAccountId", "linked_account_id", BILL)),
    required(text("RecordType", "record_type", LINE)),
    column("RecordID", "record_id", Kind::Text, Place::Row),
    time("BillingPeriodStartDate", "billing_period_start_date", TIME),
    time("BillingPeriodEndDate", "billing_period_end_date", TIME),
    text("PayerAccountName", "payer_account_name", BILL),
    text("LinkedAccountName", "linked_account_name", BILL),
    text("ProductCode", "product_code", SKU),
    required(text("ProductName", "product_name", SKU)),
    text("SellerOfRecord", "seller_of_record", BILL),
    required(text("UsageType", "usage_type", SKU)),
    text("Operation", "operation", SKU),
    text("AvailabilityZone", "availability_zone", ZONE),
    required(text("ItemDescription", "item_description", SKU)),
    time("UsageStartDate", "usage_start_date", TIME),
    time("UsageEndDate", "usage_end_date", TIME),
    money("UsageQuantity", "usage_quantity"),
    text("CurrencyCode", "currency_code", LINE),
    text("TaxType", "tax_type", LINE),
    text("ResourceId", "resource_id", RESOURCE),
    money("BlendedCost", "blended_cost"),
    money("UnBlendedCost", "unblended_cost"),
    money("Cost", "cost"),
    money("TotalCost", "total_cost"),
    // Read, and kept in x_Extra as they stand: no column of the cost table carries them.
    text("SubscriptionId", "subscription_id", EXTRAS),
    text("ReservedInstance", "reserved_instance", EXTRAS),
    number("UnBlendedRate", "unblended_rate"),
    text("UnBlendedRate", "unblended_rate_text", EXTRAS),
    number("Rate", "rate"),
    text("Rate", "rate_text", EXTRAS),
    number("CostBeforeTax", "cost_before_tax"),
    text("CostBeforeTax", "cost_before_tax_text", EXTRAS),
    number("Credits", "credits"),
    text("Credits", "credits_text", EXTRAS),
    number("TaxAmount", "tax_amount"),
    text("TaxAmount", "tax_amount_text", EXTRAS),
];

const fn tags(prefix: &'static str, name: &'static str) -> Family {
    Family { prefix, snake_prefix: prefix, strip: &[], name, group: TAGS }
}

/// Any of the four reports.
pub static FORMAT: Format = Format {
    title: "detailed billing report",
    known: KNOWN,
    families: &[tags("user:", "user_tags"), tags("aws:", "aws_tags")],
    groups: EXTRAS + 1,
    currency: "currency_code",
    default_currency: "USD",
    kept_prefixes: &[
        "RateId",
        "PricingPlanId",
        "BlendedRate",
        "InvoiceDate",
        "TaxationAddress",
        "PayerPONumber",
    ],
    extras: "extra",
    rules: &[],
};

/// Record types of lines. Those of totals are in [`super::totals`].
pub const LINE_TYPES: &[&str] =
    &["LineItem", "Discount", "Rounding", "PayerLineItem", "LinkedLineItem"];

/// Source money columns and the columns of the cost table that carry them unchanged: what the
/// gate compares (INV-SUM).
pub const CARRIED_DETAILED: &[(&str, &str)] = &[
    ("UnBlendedCost", "x_UnblendedCost"),
    ("BlendedCost", "x_BlendedCost"),
    ("UsageQuantity", "x_UsageAmount"),
];

/// As [`CARRIED_DETAILED`], for an account that pays for itself alone.
pub const CARRIED_STAND_ALONE: &[(&str, &str)] =
    &[("Cost", "x_UnblendedCost"), ("UsageQuantity", "x_UsageAmount")];

/// As [`CARRIED_DETAILED`], for the monthly and the cost allocation report.
pub const CARRIED_MONTHLY: &[(&str, &str)] =
    &[("TotalCost", "x_UnblendedCost"), ("UsageQuantity", "x_UsageAmount")];
