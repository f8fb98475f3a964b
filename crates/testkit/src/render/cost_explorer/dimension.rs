//! By what costs can be grouped and filtered, in Cost Explorer's words.

use std::borrow::Cow;

use super::api_error::ApiError;
use crate::synth::{Kind, Line};

/// A known value of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dimension {
    Az,
    BillingEntity,
    InstanceType,
    InvoicingEntity,
    LegalEntityName,
    LinkedAccount,
    LinkedAccountName,
    Operation,
    PayerAccount,
    RecordType,
    Region,
    Service,
    ServiceCode,
    UsageType,
}

impl Dimension {
    /// The dimension called `key`.
    pub(super) fn parse(key: &str) -> Result<Self, ApiError> {
        Ok(match key {
            "AZ" => Self::Az,
            "BILLING_ENTITY" => Self::BillingEntity,
            "INSTANCE_TYPE" => Self::InstanceType,
            "INVOICING_ENTITY" => Self::InvoicingEntity,
            "LEGAL_ENTITY_NAME" => Self::LegalEntityName,
            "LINKED_ACCOUNT" => Self::LinkedAccount,
            "LINKED_ACCOUNT_NAME" => Self::LinkedAccountName,
            "OPERATION" => Self::Operation,
            "PAYER_ACCOUNT" => Self::PayerAccount,
            "RECORD_TYPE" => Self::RecordType,
            "REGION" => Self::Region,
            "SERVICE" => Self::Service,
            "SERVICE_CODE" => Self::ServiceCode,
            "USAGE_TYPE" => Self::UsageType,
            other => {
                return Err(ApiError::validation(format!("{other} is not a valid dimension")));
            }
        })
    }

    /// Can it stand in `GroupBy`?
    pub(super) const fn can_group(self) -> bool {
        !matches!(
            self,
            Self::BillingEntity | Self::LinkedAccountName | Self::PayerAccount | Self::ServiceCode
        )
    }

    /// The line's value.
    pub(super) fn value(self, line: &Line) -> &str {
        let resource = line.resource.as_deref();
        match self {
            Self::Az => or(resource.map_or("", |own| &own.availability_zone), "NoAZ"),
            Self::BillingEntity if line.is_marketplace() => "AWS Marketplace",
            Self::BillingEntity => "AWS",
            Self::InstanceType => or(attribute(line, "instanceType"), "NoInstanceType"),
            Self::InvoicingEntity => line.invoicing_entity,
            Self::LegalEntityName => line.legal_entity,
            Self::LinkedAccount => line.account.id,
            Self::LinkedAccountName => line.account.name,
            Self::Operation => or(&line.sku.operation, "NoOperation"),
            Self::PayerAccount => line.payer_account_id,
            Self::RecordType => record_type(line.kind),
            Self::Region => region(line),
            Self::Service => service(line),
            Self::ServiceCode => line.sku.product.code,
            Self::UsageType => or(&line.sku.usage_type, "NoUsageType"),
        }
    }
}

/// What a request groups by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Grouping {
    Dimension(Dimension),
    /// A tag key as Cost Explorer writes it: `team`, `aws:createdBy`.
    Tag(String),
    /// The name of a cost category.
    Category(String),
}

impl Grouping {
    /// The line's group. Tags and categories have their name and `$` before the value, which is
    /// empty where there is none.
    pub(super) fn value<'a>(&self, line: &'a Line) -> Cow<'a, str> {
        match self {
            Self::Dimension(dimension) => Cow::Borrowed(dimension.value(line)),
            Self::Tag(key) => Cow::Owned(format!("{key}${}", tag(line, key).unwrap_or_default())),
            Self::Category(name) => {
                Cow::Owned(format!("{name}${}", category(line, name).unwrap_or_default()))
            }
        }
    }
}

/// `RECORD_TYPE` of a kind of line. Most are the words of the Cost and Usage Report; the
/// enterprise discount has Cost Explorer's own.
#[must_use]
pub const fn record_type(kind: Kind) -> &'static str {
    match kind {
        Kind::EdpDiscount => "Enterprise Discount Program Discount",
        other => other.name(),
    }
}

/// The value of the tag that Cost Explorer calls `key`; reports write `user:` before the keys that
/// are not AWS's.
pub(super) fn tag<'a>(line: &'a Line, key: &str) -> Option<&'a str> {
    let mut tags = line.resource.as_deref()?.tags.iter();
    let own = |name: &str| name.strip_prefix("user:").unwrap_or(name) == key;
    tags.find(|(name, _)| own(name)).map(|(_, value)| value.as_str())
}

/// The line's value of the cost category `name`.
pub(super) fn category<'a>(line: &'a Line, name: &str) -> Option<&'a str> {
    line.account.categories.iter().find(|(own, _)| *own == name).map(|&(_, value)| value)
}

fn or<'a>(text: &'a str, empty: &'static str) -> &'a str {
    if text.is_empty() { empty } else { text }
}

fn attribute<'a>(line: &'a Line, name: &str) -> &'a str {
    line.sku.attributes.get(name).map_or("", String::as_str)
}

fn region(line: &Line) -> &str {
    let known = ["regionCode", "region", "fromRegionCode"];
    let mut known = known.into_iter().map(|name| attribute(line, name));
    known.find(|region| !region.is_empty()).unwrap_or("NoRegion")
}

/// The product's name, but for those that Cost Explorer words its own way: EC2's instances and the
/// rest of EC2 are two services, and taxes are one of their own.
fn service(line: &Line) -> &str {
    /// Usage types of instances, after the region's prefix.
    const INSTANCES: [&str; 7] = [
        "BoxUsage",
        "DedicatedUsage",
        "HeavyUsage",
        "HostUsage",
        "Reservation",
        "SpotUsage",
        "UnusedBox",
    ];
    if line.kind == Kind::Tax {
        return "Tax";
    }
    match line.sku.product.code {
        "AWSELB" => "Amazon Elastic Load Balancing",
        "AmazonEC2" => {
            let usage = line.sku.usage_type.as_str();
            // Credits, refunds and discounts have no usage type.
            let is_instance = usage.is_empty() || INSTANCES.iter().any(|own| usage.contains(own));
            if is_instance { "Amazon Elastic Compute Cloud - Compute" } else { "EC2 - Other" }
        }
        _ => line.sku.product.name,
    }
}
