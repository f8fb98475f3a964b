//! What AWS's words are in FOCUS: services, units, types of resources, attributes of SKUs.

use std::borrow::Cow;

use crate::render::names::capital;
use crate::render::table::Entries;
use crate::synth::{Product, Sku};

/// Product code, `ServiceCategory`, `ServiceSubcategory`.
const SERVICES: &[(&str, &str, &str)] = &[
    ("AWSBackup", "Storage", "Backup Storage"),
    ("AWSCloudTrail", "Management and Governance", "Observability"),
    ("AWSConfig", "Management and Governance", "Compliance"),
    ("AWSCostExplorer", "Management and Governance", "Cost Management"),
    ("AWSDataTransfer", "Networking", "Network Connectivity"),
    ("AWSELB", "Networking", "Application Networking"),
    ("AWSGlue", "Analytics", "Data Processing"),
    ("AWSLambda", "Compute", "Serverless Compute"),
    ("AWSQueueService", "Integration", "Messaging"),
    ("AWSSecretsManager", "Security", "Secret Management"),
    ("AWSSupportBusiness", "Management and Governance", "Support"),
    ("AWSSupportEnterprise", "Management and Governance", "Support"),
    ("AmazonApiGateway", "Integration", "API Management"),
    ("AmazonAthena", "Analytics", "Data Processing"),
    ("AmazonBedrock", "AI and Machine Learning", "Generative AI"),
    ("AmazonCloudFront", "Networking", "Content Delivery"),
    ("AmazonCloudWatch", "Management and Governance", "Observability"),
    ("AmazonDynamoDB", "Databases", "NoSQL Databases"),
    ("AmazonEC2", "Compute", "Virtual Machines"),
    ("AmazonECR", "Compute", "Containers"),
    ("AmazonECS", "Compute", "Containers"),
    ("AmazonEFS", "Storage", "File Storage"),
    ("AmazonEKS", "Compute", "Containers"),
    ("AmazonES", "Analytics", "Search"),
    ("AmazonElastiCache", "Databases", "Caching"),
    ("AmazonGlacier", "Storage", "Object Storage"),
    ("AmazonGuardDuty", "Security", "Threat Detection and Response"),
    ("AmazonKinesis", "Analytics", "Streaming Analytics"),
    ("AmazonRDS", "Databases", "Relational Databases"),
    ("AmazonRedshift", "Databases", "Data Warehouses"),
    ("AmazonRegistrar", "Networking", "Other (Networking)"),
    ("AmazonRoute53", "Networking", "Network Routing"),
    ("AmazonS3", "Storage", "Object Storage"),
    ("AmazonSNS", "Integration", "Messaging"),
    ("AmazonSageMaker", "AI and Machine Learning", "Machine Learning"),
    ("AmazonVPC", "Networking", "Network Connectivity"),
    ("ComputeSavingsPlans", "Compute", "Other (Compute)"),
    ("awskms", "Security", "Secret Management"),
    ("awswaf", "Networking", "Network Security"),
];

/// AWS's unit and FOCUS's; a unit that is not here is the same in both.
const UNITS: &[(&str, &str)] = &[
    ("1K tokens", "1000 Tokens"),
    ("ConfigurationItemRecorded", "ConfigurationItems"),
    ("DPU-Hour", "DPU-Hours"),
    ("GB-Mo", "GB-Months"),
    ("Hrs", "Hours"),
    ("hours", "Hours"),
    ("IOPS-Mo", "IOPS-Months"),
    ("LCU-Hrs", "LCU-Hours"),
    ("Lambda-GB-Second", "GB-Seconds"),
    ("Month", "Months"),
    ("ShardHour", "Shard-Hours"),
    ("Terabytes", "TB"),
    ("WriteCapacityUnit-Hrs", "WriteCapacityUnit-Hours"),
];

/// Attributes that FOCUS names, as far as their values are text; others get an `x_` key.
const DETAILS: &[(&str, &str)] = &[
    ("instanceType", "InstanceType"),
    ("instanceTypeFamily", "InstanceSeries"),
    ("operatingSystem", "OperatingSystem"),
    ("storageClass", "StorageClass"),
    ("volumeApiName", "DiskType"),
];

/// Attributes with columns of their own.
const ELSEWHERE: &[&str] = &["region", "regionCode", "servicecode", "servicename", "sku"];

/// `ServiceCategory` and `ServiceSubcategory`.
pub(super) fn service(product: &Product) -> (&'static str, &'static str) {
    let known = SERVICES.iter().find(|(code, ..)| *code == product.code);
    match known {
        Some(&(_, category, subcategory)) => (category, subcategory),
        None if product.name.contains("Bedrock") => ("AI and Machine Learning", "Generative AI"),
        None => ("Other", "Other (Other)"),
    }
}

/// `PricingUnit` of AWS's `raw` unit; of a share of the spend the currency.
pub(super) fn unit<'a>(raw: &'a str, currency: &'static str) -> &'a str {
    match raw {
        "" => "Units",
        "Dollar" => currency,
        _ => UNITS.iter().find(|(own, _)| *own == raw).map_or(raw, |&(_, unit)| unit),
    }
}

/// `ResourceType` of a resource; empty without one.
pub(super) fn resource_type<'a>(id: &'a str, product_code: &str) -> &'a str {
    let mut parts = id.splitn(6, ':');
    if parts.next() == Some("arn") {
        let own = parts.nth(4).unwrap_or_default();
        let mut words = own.trim_start_matches('/').split(['/', ':']);
        let first = words.next().unwrap_or_default();
        let first = if first == "regional" { words.next().unwrap_or_default() } else { first };
        // Queues and topics go by their bare names.
        let is_bare = words.next().is_none();
        return match product_code {
            "AWSQueueService" if is_bare => "queue",
            "AmazonSNS" if is_bare => "topic",
            _ if is_bare => "resource",
            _ => first,
        };
    }
    match (id, product_code) {
        ("", _) => "",
        (id, _) if id.starts_with("i-") => "instance",
        (id, _) if id.starts_with("vol-") => "volume",
        (_, "AmazonS3") => "bucket",
        _ => "resource",
    }
}

/// `SkuPriceDetails`: the product attributes by FOCUS's keys.
pub(super) fn price_details(sku: &Sku) -> Entries<'_> {
    let key = |name: &'static str| -> Cow<'static, str> {
        let known = DETAILS.iter().find(|(own, _)| *own == name);
        known.map_or_else(|| format!("x_{}", capital(name)).into(), |&(_, key)| key.into())
    };
    let all = sku.attributes.iter().filter(|(name, _)| !ELSEWHERE.contains(name));
    all.map(|(name, value)| (key(name), value.as_str().into())).collect()
}

#[cfg(test)]
mod tests {
    use super::{resource_type, service};
    use crate::calendar::Date;
    use crate::synth::{Organisation, Scale};

    #[test]
    fn resources_have_types() {
        let cases = [
            ("arn:aws:rds:eu-west-1:1:db:orders", "AmazonRDS", "db"),
            (
                "arn:aws:apigateway:eu-west-1::/restapis/a/stages/prod",
                "AmazonApiGateway",
                "restapis",
            ),
            ("arn:aws:wafv2:eu-west-1:1:regional/webacl/a/b", "awswaf", "webacl"),
            ("arn:aws:sqs:eu-west-1:1:jobs-01", "AWSQueueService", "queue"),
            ("i-0123", "AmazonEC2", "instance"),
            ("uploads-1", "AmazonS3", "bucket"),
            ("", "AmazonS3", ""),
        ];
        for (id, code, expected) in cases {
            assert_eq!(resource_type(id, code), expected, "{id}");
        }
    }

    #[test]
    fn every_service_of_aws_has_a_category() {
        let organisation = Organisation::ending(1, Date::new(2026, 8, 19), Scale::Small);
        for payer in organisation.payers() {
            for month in organisation.months() {
                for line in organisation.ledger(payer, month, 1) {
                    let product = line.sku.product;
                    let (category, _) = service(&product);
                    assert!(category != "Other" || product.seller.is_some(), "{}", product.code);
                }
            }
        }
    }
}
