//! Product code → FOCUS `ServiceName`, `ServiceCategory` and `ServiceSubcategory` (FOCUS 1.2).
//!
//! `data/services.csv` holds one row per exact product code, and four rules whose code starts
//! with `*`. The name in it is a fallback: AWS renames services, and the row's own product name
//! is what the bill said at the time.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::LazyLock;

use super::table::rows;

const SERVICES: &str = include_str!("data/services.csv");
const FORMER_NAMES: &str = include_str!("data/former_names.csv");
const COST_EXPLORER_NAMES: &str = include_str!("data/cost_explorer_names.csv");

/// What a charge's service is called and where FOCUS files it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service<'a> {
    /// `ServiceName`; never empty.
    pub name: Cow<'a, str>,
    /// `ServiceCategory`, one of FOCUS's 19 values.
    pub category: &'static str,
    /// `ServiceSubcategory`, one whose parent is `category`.
    pub subcategory: &'static str,
    /// False when the category is only the catch-all: an unknown product code, or a marketplace
    /// product whose nature its code does not tell.
    pub known: bool,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    name: &'static str,
    category: &'static str,
    subcategory: &'static str,
}

/// Stands in for a rule that the table lacks, which the tests rule out.
const UNFILED: Entry = Entry { name: "", category: "Other", subcategory: "Other (Other)" };

static BY_CODE: LazyLock<HashMap<&'static str, Entry>> = LazyLock::new(|| {
    rows(SERVICES)
        .map(|[code, name, category, subcategory]| (code, Entry { name, category, subcategory }))
        .collect()
});

/// By today's name and by names that AWS used before: detailed billing reports have no codes.
static BY_NAME: LazyLock<HashMap<&'static str, Entry>> = LazyLock::new(|| {
    let current = BY_CODE.values().filter(|entry| !entry.name.is_empty());
    let mut by_name: HashMap<&str, Entry> = current.map(|entry| (entry.name, *entry)).collect();
    for [name, code] in rows(FORMER_NAMES) {
        if let Some(entry) = BY_CODE.get(code) {
            by_name.entry(name).or_insert(*entry);
        }
    }
    by_name
});

/// The service of a charge, from its product code (`lineItem/ProductCode`), product name
/// (`product/ProductName`), usage type and billing entity.
///
/// Looked up in this order: EBS usage of Amazon EC2, the exact code, a code of out-of-cycle
/// billing (`OCB…`) without its mark, AWS Marketplace, the exact product name, nothing known.
#[must_use]
pub fn service<'a>(
    product_code: &'a str,
    product_name: &'a str,
    usage_type: &str,
    billing_entity: &str,
) -> Service<'a> {
    let (entry, known) = find(product_code, product_name, billing_entity);
    let (category, subcategory) = if is_block_storage(product_code, usage_type) {
        ("Storage", "Block Storage")
    } else {
        (entry.category, entry.subcategory)
    };
    let name = [product_name, entry.name, product_code].into_iter().find(|name| !name.is_empty());
    Service { name: Cow::Borrowed(name.unwrap_or("Unknown")), category, subcategory, known }
}

/// Cost Explorer's words for services that bills word otherwise.
static BY_COST_EXPLORER: LazyLock<HashMap<&'static str, Entry>> = LazyLock::new(|| {
    let entries = rows(COST_EXPLORER_NAMES);
    entries.filter_map(|[name, code]| Some((name, *BY_CODE.get(code)?))).collect()
});

/// What bills call the service that Cost Explorer calls `name`. It cuts EC2 into instances and
/// the rest; most other names are the same.
#[must_use]
pub fn service_of_cost_explorer(name: &str) -> &str {
    let name = name.trim();
    BY_COST_EXPLORER.get(name).map_or(name, |entry| entry.name)
}

/// AWS's own FOCUS export files EBS under Storage although the service's name stays EC2.
fn is_block_storage(product_code: &str, usage_type: &str) -> bool {
    product_code == "AmazonEC2"
        && (usage_type.contains("EBS:") || usage_type.contains("EBSOptimized:"))
}

fn find(product_code: &str, product_name: &str, billing_entity: &str) -> (Entry, bool) {
    if let Some(entry) = BY_CODE.get(product_code) {
        return (*entry, true);
    }
    if let Some(rest) = product_code.strip_prefix("OCB") {
        let spellings = [rest.to_owned(), format!("AWS{rest}"), format!("Amazon{rest}")];
        let entry = spellings.iter().find_map(|code| BY_CODE.get(code.as_str()).copied());
        return (entry.unwrap_or_else(|| rule("*ocb")), true);
    }
    if billing_entity.ends_with("Marketplace") || is_opaque(product_code) {
        return if product_name.contains("Bedrock") {
            (rule("*marketplace-bedrock"), true)
        } else {
            (rule("*marketplace"), false)
        };
    }
    match BY_NAME.get(product_name) {
        Some(entry) => (*entry, true),
        None => (rule("*default"), false),
    }
}

fn rule(code: &str) -> Entry {
    BY_CODE.get(code).copied().unwrap_or(UNFILED)
}

/// Is this a marketplace product's generated code? Today's are 20 to 26 lower-case letters and
/// digits; those of old paid AMIs are 8 upper-case hexadecimal digits.
fn is_opaque(product_code: &str) -> bool {
    let bytes = product_code.as_bytes();
    match bytes.len() {
        20..=26 => bytes.iter().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()),
        8 => bytes.iter().all(|b| b.is_ascii_digit() || (b'A'..=b'F').contains(b)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// FOCUS 1.2: each category with its subcategories, all but its own `Other (…)`.
    const CATEGORIES: [(&str, &[&str]); 19] = [
        (
            "AI and Machine Learning",
            &[
                "AI Platforms",
                "Bots",
                "Generative AI",
                "Machine Learning",
                "Natural Language Processing",
            ],
        ),
        (
            "Analytics",
            &[
                "Analytics Platforms",
                "Business Intelligence",
                "Data Processing",
                "Search",
                "Streaming Analytics",
            ],
        ),
        ("Business Applications", &["Productivity and Collaboration"]),
        (
            "Compute",
            &[
                "Containers",
                "End User Computing",
                "Quantum Compute",
                "Serverless Compute",
                "Virtual Machines",
            ],
        ),
        (
            "Databases",
            &[
                "Caching",
                "Data Warehouses",
                "Ledger Databases",
                "NoSQL Databases",
                "Relational Databases",
                "Time Series Databases",
            ],
        ),
        (
            "Developer Tools",
            &[
                "Developer Platforms",
                "Continuous Integration and Deployment",
                "Development Environments",
                "Source Code Management",
                "Quality Assurance",
            ],
        ),
        ("Identity", &["Identity and Access Management"]),
        ("Integration", &["API Management", "Messaging", "Workflow Orchestration"]),
        ("Internet of Things", &["IoT Analytics", "IoT Platforms"]),
        (
            "Management and Governance",
            &[
                "Architecture",
                "Compliance",
                "Cost Management",
                "Data Governance",
                "Disaster Recovery",
                "Endpoint Management",
                "Observability",
                "Support",
            ],
        ),
        ("Media", &["Content Creation", "Gaming", "Media Streaming", "Mixed Reality"]),
        ("Migration", &["Data Migration", "Resource Migration"]),
        ("Mobile", &[]),
        ("Multicloud", &["Multicloud Integration"]),
        (
            "Networking",
            &[
                "Application Networking",
                "Content Delivery",
                "Network Connectivity",
                "Network Infrastructure",
                "Network Routing",
                "Network Security",
            ],
        ),
        (
            "Security",
            &["Secret Management", "Security Posture Management", "Threat Detection and Response"],
        ),
        (
            "Storage",
            &[
                "Backup Storage",
                "Block Storage",
                "File Storage",
                "Object Storage",
                "Storage Platforms",
            ],
        ),
        ("Web", &["Application Platforms"]),
        ("Other", &[]),
    ];

    fn pair(service: &Service<'_>) -> (&'static str, &'static str) {
        (service.category, service.subcategory)
    }

    #[test]
    fn every_row_loads_once() {
        let lines = SERVICES.lines().count() - 1;
        assert_eq!((lines, BY_CODE.len()), (302, 302));
        assert!(!SERVICES.contains("\"\""), "doubled quotes are not supported");
        for [name, code] in rows(FORMER_NAMES) {
            assert!(BY_CODE.contains_key(code), "{name}: no code {code}");
        }
        assert_eq!(rows::<2>(FORMER_NAMES).count(), FORMER_NAMES.lines().count() - 1);
    }

    #[test]
    fn every_pair_is_one_of_focus() {
        let subcategories: usize = CATEGORIES.iter().map(|(_, names)| names.len() + 1).sum();
        assert_eq!(subcategories, 82);
        for (code, entry) in BY_CODE.iter() {
            let (_, children) = CATEGORIES
                .iter()
                .find(|(category, _)| *category == entry.category)
                .unwrap_or_else(|| panic!("{code}: no category {}", entry.category));
            let other = format!("Other ({})", entry.category);
            assert!(
                children.contains(&entry.subcategory) || entry.subcategory == other,
                "{code}: {} is not of {}",
                entry.subcategory,
                entry.category
            );
            assert_eq!(entry.name.is_empty(), code.starts_with('*'), "{code}");
        }
    }

    #[test]
    fn a_name_has_one_category() {
        for (code, entry) in BY_CODE.iter().filter(|(code, _)| !code.starts_with('*')) {
            let named = BY_NAME[entry.name];
            assert_eq!(
                (named.category, named.subcategory),
                (entry.category, entry.subcategory),
                "{code}"
            );
        }
    }

    #[test]
    fn codes_are_exact_and_the_bills_name_wins() {
        let elastic = service("AmazonES", "Amazon Elasticsearch Service", "", "AWS");
        assert_eq!(elastic.name, "Amazon Elasticsearch Service");
        assert_eq!(pair(&elastic), ("Analytics", "Search"));
        assert_eq!(service("AmazonES", "", "", "").name, "Amazon OpenSearch Service");
        let telecom = service("ContactCenterTelecomm", "", "", "");
        assert_eq!(telecom.name, "Contact Center Telecommunications (service sold by AMCS, LLC)");
        assert!(!service("amazones", "", "", "").known);
        // A known code goes before the billing entity.
        assert!(service("AmazonBedrock", "", "", "AWS Marketplace").known);
    }

    #[test]
    fn ebs_usage_of_ec2_is_storage() {
        for usage_type in ["EBS:VolumeUsage.gp3", "EUW2-EBS:SnapshotUsage", "EBSOptimized:c3.large"]
        {
            let ebs = service("AmazonEC2", "", usage_type, "AWS");
            assert_eq!(ebs.name, "Amazon Elastic Compute Cloud");
            assert_eq!(pair(&ebs), ("Storage", "Block Storage"));
        }
        for usage_type in
            ["BoxUsage:m5.large", "NatGateway-Hours", "USE1-EBS-USE1-EBS-AWS-Out-Bytes"]
        {
            let other = service("AmazonEC2", "", usage_type, "AWS");
            assert_eq!(pair(&other), ("Compute", "Virtual Machines"));
        }
        assert_eq!(service("AmazonRDS", "", "EBS:x", "").category, "Databases");
    }

    #[test]
    fn out_of_cycle_billing_is_looked_up_without_its_mark() {
        assert_eq!(service("OCBPremiumSupport", "", "", "").name, "AWS Premium Support");
        assert_eq!(service("OCBElasticMapReduce", "", "", "").category, "Analytics");
        assert_eq!(service("OCBDataTransfer", "", "", "").name, "AWS Data Transfer");
        assert_eq!(service("OCBRDS", "", "", "").category, "Databases");
        let unknown = service("OCBSomething", "", "", "");
        assert_eq!(
            (&*unknown.name, pair(&unknown), unknown.known),
            ("OCBSomething", ("Management and Governance", "Support"), true)
        );
    }

    #[test]
    fn marketplace_products_are_other_but_for_bedrock_models() {
        let model = "Claude Haiku 4.5 (Amazon Bedrock Edition)";
        let bedrock = service("5hnnev4d0v7mapf09j0v8of0o2", model, "", "AWS");
        assert_eq!(bedrock.name, model);
        assert_eq!(pair(&bedrock), ("AI and Machine Learning", "Generative AI"));
        for code in ["p9xyzn6irhdi4789la2cu09n", "016C6FED"] {
            let opaque = service(code, "Some Firewall", "", "");
            assert_eq!((opaque.category, opaque.known), ("Other", false));
        }
        let by_entity = service("Odd-Code", "", "", "AISPL Marketplace");
        assert_eq!((&*by_entity.name, by_entity.known), ("Odd-Code", false));
    }

    #[test]
    fn cost_explorer_has_words_of_its_own() {
        let table = rows::<2>(COST_EXPLORER_NAMES);
        assert_eq!(table.clone().count(), COST_EXPLORER_NAMES.lines().count() - 1);
        for [name, code] in table {
            assert!(BY_CODE.contains_key(code), "{code}");
            assert!(service("", service_of_cost_explorer(name), "", "").known, "{name}");
        }
        for name in ["EC2 - Other", "Amazon Elastic Compute Cloud - Compute"] {
            assert_eq!(service_of_cost_explorer(name), "Amazon Elastic Compute Cloud");
        }
        assert_eq!(service_of_cost_explorer("AWS Lambda"), "AWS Lambda");
    }

    #[test]
    fn without_a_code_the_name_decides() {
        let ec2 = service("", "Amazon Elastic Compute Cloud", "", "");
        assert_eq!((pair(&ec2), ec2.known), (("Compute", "Virtual Machines"), true));
        assert_eq!(service("", "Amazon EventBridge", "", "").category, "Integration");
        let nothing = service("", "", "", "");
        assert_eq!((&*nothing.name, nothing.category, nothing.known), ("Unknown", "Other", false));
        assert_eq!(nothing.subcategory, "Other (Other)");
    }
}
