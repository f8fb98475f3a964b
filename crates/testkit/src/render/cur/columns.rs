//! Which columns a delivery has, and in which order.

use std::collections::BTreeSet;

use super::CurReport;
use super::cells::{self, Cell};
use crate::render::names::snake;
use crate::synth::{Commitment, Line};

/// A column of the report. Its header is `category/name`.
#[derive(Clone, Debug)]
pub struct Column {
    /// Such as `lineItem`.
    pub category: &'static str,
    /// Such as `UnblendedCost`.
    pub name: String,
    /// The manifest's type, such as `OptionalBigDecimal`.
    pub kind: &'static str,
    pub(super) cell: Cell,
}

impl Column {
    /// The text of the header line.
    #[must_use]
    pub fn header(&self) -> String {
        format!("{}/{}", self.category, self.name)
    }
}

/// When a fixed column is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum When {
    Always,
    Resources,
    Net,
    Reservations,
    NetReservations,
    Plans,
    NetPlans,
}

/// Category, name, type, condition, content.
type Fixed = (&'static str, &'static str, &'static str, When, fn(&Line, &mut String));

const STRING: &str = "String";
const OPTIONAL: &str = "OptionalString";
const MONEY: &str = "OptionalBigDecimal";

/// Columns before the product attributes, in AWS's order.
const BEFORE_PRODUCT: &[Fixed] = &[
    ("identity", "LineItemId", STRING, When::Always, cells::line_item_id),
    ("identity", "TimeInterval", "Interval", When::Always, cells::time_interval),
    ("bill", "InvoiceId", OPTIONAL, When::Always, cells::invoice_id),
    ("bill", "InvoicingEntity", OPTIONAL, When::Always, cells::invoicing_entity),
    ("bill", "BillingEntity", STRING, When::Always, cells::billing_entity),
    ("bill", "BillType", STRING, When::Always, cells::bill_type),
    ("bill", "PayerAccountId", STRING, When::Always, cells::payer_account_id),
    ("bill", "BillingPeriodStartDate", "DateTime", When::Always, cells::period_start),
    ("bill", "BillingPeriodEndDate", "DateTime", When::Always, cells::period_end),
    ("lineItem", "UsageAccountId", STRING, When::Always, cells::usage_account_id),
    ("lineItem", "LineItemType", STRING, When::Always, cells::line_item_type),
    ("lineItem", "UsageStartDate", "DateTime", When::Always, cells::usage_start),
    ("lineItem", "UsageEndDate", "DateTime", When::Always, cells::usage_end),
    ("lineItem", "ProductCode", STRING, When::Always, cells::product_code),
    ("lineItem", "UsageType", STRING, When::Always, cells::usage_type),
    ("lineItem", "Operation", STRING, When::Always, cells::operation),
    ("lineItem", "AvailabilityZone", STRING, When::Always, cells::availability_zone),
    ("lineItem", "ResourceId", STRING, When::Resources, cells::resource_id),
    ("lineItem", "UsageAmount", "BigDecimal", When::Always, cells::usage_amount),
    ("lineItem", "NormalizationFactor", MONEY, When::Always, cells::normalization_factor),
    ("lineItem", "NormalizedUsageAmount", MONEY, When::Always, cells::normalized_amount),
    ("lineItem", "CurrencyCode", STRING, When::Always, cells::currency),
    ("lineItem", "UnblendedRate", STRING, When::Always, cells::unblended_rate),
    ("lineItem", "UnblendedCost", "BigDecimal", When::Always, cells::unblended_cost),
    ("lineItem", "BlendedRate", STRING, When::Always, cells::unblended_rate),
    ("lineItem", "BlendedCost", "BigDecimal", When::Always, cells::blended_cost),
    ("lineItem", "LineItemDescription", STRING, When::Always, cells::description),
    ("lineItem", "TaxType", STRING, When::Always, cells::tax_type),
    ("lineItem", "NetUnblendedRate", OPTIONAL, When::Net, cells::net_rate),
    ("lineItem", "NetUnblendedCost", MONEY, When::Net, cells::net_cost),
    ("lineItem", "LegalEntity", STRING, When::Always, cells::legal_entity),
    ("product", "ProductName", STRING, When::Always, cells::product_name),
];

/// Columns between the product attributes and the tags, in AWS's order.
const AFTER_PRODUCT: &[Fixed] = &[
    ("pricing", "LeaseContractLength", STRING, When::Reservations, cells::lease_length),
    ("pricing", "OfferingClass", STRING, When::Reservations, cells::offering_class),
    ("pricing", "PurchaseOption", STRING, When::Reservations, cells::purchase_option),
    ("pricing", "RateCode", STRING, When::Always, cells::rate_code),
    ("pricing", "RateId", STRING, When::Always, cells::rate_id),
    ("pricing", "currency", STRING, When::Always, cells::pricing_currency),
    ("pricing", "publicOnDemandCost", "BigDecimal", When::Always, cells::list_cost),
    ("pricing", "publicOnDemandRate", STRING, When::Always, cells::list_rate),
    ("pricing", "term", STRING, When::Always, cells::term),
    ("pricing", "unit", STRING, When::Always, cells::unit),
    (
        "reservation",
        "AmortizedUpfrontCostForUsage",
        MONEY,
        When::Reservations,
        cells::ri_usage_upfront,
    ),
    (
        "reservation",
        "AmortizedUpfrontFeeForBillingPeriod",
        MONEY,
        When::Reservations,
        cells::ri_month_upfront,
    ),
    ("reservation", "AvailabilityZone", STRING, When::Reservations, cells::nothing),
    ("reservation", "EffectiveCost", MONEY, When::Reservations, cells::ri_effective),
    ("reservation", "EndTime", OPTIONAL, When::Reservations, cells::ri_end),
    ("reservation", "ModificationStatus", OPTIONAL, When::Reservations, cells::ri_modification),
    (
        "reservation",
        "NetAmortizedUpfrontCostForUsage",
        MONEY,
        When::NetReservations,
        cells::ri_net_usage_upfront,
    ),
    (
        "reservation",
        "NetAmortizedUpfrontFeeForBillingPeriod",
        MONEY,
        When::NetReservations,
        cells::ri_net_month_upfront,
    ),
    ("reservation", "NetEffectiveCost", MONEY, When::NetReservations, cells::ri_net_effective),
    (
        "reservation",
        "NetRecurringFeeForUsage",
        MONEY,
        When::NetReservations,
        cells::ri_net_usage_recurring,
    ),
    (
        "reservation",
        "NetUnusedAmortizedUpfrontFeeForBillingPeriod",
        MONEY,
        When::NetReservations,
        cells::ri_net_unused_upfront,
    ),
    (
        "reservation",
        "NetUnusedRecurringFee",
        MONEY,
        When::NetReservations,
        cells::ri_net_unused_recurring,
    ),
    ("reservation", "NetUpfrontValue", MONEY, When::NetReservations, cells::ri_net_upfront_value),
    (
        "reservation",
        "NormalizedUnitsPerReservation",
        STRING,
        When::Reservations,
        cells::ri_normalized_each,
    ),
    ("reservation", "NumberOfReservations", STRING, When::Reservations, cells::ri_count),
    ("reservation", "RecurringFeeForUsage", MONEY, When::Reservations, cells::ri_usage_recurring),
    ("reservation", "ReservationARN", STRING, When::Reservations, cells::ri_arn),
    ("reservation", "StartTime", OPTIONAL, When::Reservations, cells::ri_start),
    ("reservation", "SubscriptionId", STRING, When::Always, cells::subscription_id),
    (
        "reservation",
        "TotalReservedNormalizedUnits",
        STRING,
        When::Reservations,
        cells::ri_normalized_total,
    ),
    ("reservation", "TotalReservedUnits", STRING, When::Reservations, cells::ri_total),
    ("reservation", "UnitsPerReservation", STRING, When::Reservations, cells::ri_each),
    (
        "reservation",
        "UnusedAmortizedUpfrontFeeForBillingPeriod",
        MONEY,
        When::Reservations,
        cells::ri_unused_upfront,
    ),
    (
        "reservation",
        "UnusedNormalizedUnitQuantity",
        MONEY,
        When::Reservations,
        cells::ri_unused_normalized,
    ),
    ("reservation", "UnusedQuantity", MONEY, When::Reservations, cells::ri_unused),
    ("reservation", "UnusedRecurringFee", MONEY, When::Reservations, cells::ri_unused_recurring),
    ("reservation", "UpfrontValue", MONEY, When::Reservations, cells::ri_upfront_value),
    ("discount", "EdpDiscount", MONEY, When::Net, cells::discount),
    ("discount", "TotalDiscount", MONEY, When::Net, cells::discount),
    ("savingsPlan", "TotalCommitmentToDate", MONEY, When::Plans, cells::sp_total),
    ("savingsPlan", "SavingsPlanARN", OPTIONAL, When::Plans, cells::sp_arn),
    ("savingsPlan", "SavingsPlanRate", MONEY, When::Plans, cells::sp_rate),
    ("savingsPlan", "UsedCommitment", MONEY, When::Plans, cells::sp_used),
    ("savingsPlan", "SavingsPlanEffectiveCost", MONEY, When::Plans, cells::sp_effective),
    (
        "savingsPlan",
        "AmortizedUpfrontCommitmentForBillingPeriod",
        MONEY,
        When::Plans,
        cells::sp_upfront,
    ),
    ("savingsPlan", "RecurringCommitmentForBillingPeriod", MONEY, When::Plans, cells::sp_recurring),
    ("savingsPlan", "NetSavingsPlanEffectiveCost", MONEY, When::NetPlans, cells::sp_effective),
    (
        "savingsPlan",
        "NetAmortizedUpfrontCommitmentForBillingPeriod",
        MONEY,
        When::NetPlans,
        cells::sp_upfront,
    ),
    (
        "savingsPlan",
        "NetRecurringCommitmentForBillingPeriod",
        MONEY,
        When::NetPlans,
        cells::sp_recurring,
    ),
    ("savingsPlan", "Region", STRING, When::Plans, cells::sp_region),
    ("savingsPlan", "PurchaseTerm", STRING, When::Plans, cells::sp_purchase_term),
    ("savingsPlan", "PaymentOption", STRING, When::Plans, cells::sp_payment),
    ("savingsPlan", "EndTime", STRING, When::Plans, cells::sp_end),
    ("savingsPlan", "StartTime", STRING, When::Plans, cells::sp_start),
    ("savingsPlan", "InstanceTypeFamily", STRING, When::Plans, cells::sp_family),
    ("savingsPlan", "OfferingType", STRING, When::Plans, cells::sp_offering),
];

/// What fills the column that AWS's Parquet files call `name` (`line_item_unblended_cost`); none
/// for product attributes, tags and what the legacy report does not have.
pub(in crate::render) fn writer(name: &str) -> Option<fn(&Line, &mut String)> {
    let mut all = BEFORE_PRODUCT.iter().chain(AFTER_PRODUCT);
    let column = all.find(|(category, own, ..)| snake(category) + "_" + &snake(own) == name)?;
    Some(column.4)
}

/// Category, name and type of a column.
pub(crate) type Heading = (&'static str, &'static str, &'static str);

/// The columns before and after the product attributes of a report with resources, reservations
/// and Savings Plans but without Net columns.
pub(crate) fn frame() -> [Vec<Heading>; 2] {
    let net = [When::Net, When::NetReservations, When::NetPlans];
    [BEFORE_PRODUCT, AFTER_PRODUCT].map(|columns| {
        let there = columns.iter().filter(|column| !net.contains(&column.3));
        there.map(|&(category, name, kind, ..)| (category, name, kind)).collect()
    })
}

/// The columns of a delivery of `lines`.
#[must_use]
pub fn columns(report: &CurReport, lines: &[Line]) -> Vec<Column> {
    let is_plan = |line: &Line| line.commitment.plan().is_some();
    let is_other = |line: &Line| !matches!(line.commitment, Commitment::None) && !is_plan(line);
    let has_plans = lines.iter().any(is_plan);
    let has_reservations = lines.iter().any(is_other);
    let is_there = |when: When| match when {
        When::Always => true,
        When::Resources => report.with_resources,
        When::Net => report.with_net,
        When::Reservations => has_reservations,
        When::NetReservations => has_reservations && report.with_net,
        When::Plans => has_plans,
        When::NetPlans => has_plans && report.with_net,
    };
    let fixed = |&(category, name, kind, _, text): &Fixed| Column {
        category,
        name: name.to_owned(),
        kind,
        cell: Cell::Fixed(text),
    };
    let named = |category: &'static str, names: &[String], cell: fn(String) -> Cell| {
        let column = |name: &String| Column {
            category,
            name: name.clone(),
            kind: STRING,
            cell: cell(name.clone()),
        };
        names.iter().map(column).collect::<Vec<_>>()
    };
    let mut all: Vec<Column> = Vec::new();
    all.extend(BEFORE_PRODUCT.iter().filter(|column| is_there(column.3)).map(fixed));
    all.extend(product_columns(lines));
    all.extend(AFTER_PRODUCT.iter().filter(|column| is_there(column.3)).map(fixed));
    all.extend(named("resourceTags", &report.tag_keys, Cell::Tag));
    all.extend(named("costCategory", &report.category_names, Cell::Category));
    all
}

/// The product attributes that occur, in order of their bytes.
fn product_columns(lines: &[Line]) -> impl Iterator<Item = Column> {
    let mut names = BTreeSet::new();
    let mut last = std::ptr::null();
    for line in lines {
        // Runs of lines share their SKU.
        let own = std::sync::Arc::as_ptr(&line.sku);
        if own != last {
            names.extend(line.sku.attributes.keys().copied());
            last = own;
        }
    }
    names.into_iter().map(|name| Column {
        category: "product",
        name: name.to_owned(),
        kind: STRING,
        cell: Cell::Product(name),
    })
}
