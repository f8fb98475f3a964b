//! What a large organisation buys, prepared as the pieces of text that its rows are made of.

use std::fmt::Write as _;

use crate::calendar::{Hour, Month};
use crate::decimal::Decimal;
use crate::random::{self, Stream};
use crate::render::cur;

/// Price list entries.
const SKUS: usize = 4_000;
/// Metered things.
const RESOURCES: usize = 40_000;
/// Distinct sets of tag values.
const TAG_SETS: usize = 400;
/// Accounts under the payer.
const ACCOUNTS: usize = 60;
/// Reservations, and plans.
const COMMITMENTS: usize = 24;

/// Tag keys of the report.
pub(super) const TAG_KEYS: [&str; 5] =
    ["aws:createdBy", "user:Name", "user:cost-center", "user:env", "user:team"];
/// Cost categories of the report.
pub(super) const CATEGORIES: [&str; 2] = ["BusinessUnit", "Stage"];

/// Product attributes of a report over many services, in AWS's order.
const ATTRIBUTES: &str = "alarmType architectureSupport attachmentType availability \
    availabilityZone bundle \
    cacheEngine capacitystatus clockSpeed computeFamily computeType contentSource \
    contentType cputype currentGeneration dataTransfer dataTransferQuota databaseEdition \
    databaseEngine dedicatedEbsThroughput deploymentOption description \
    directConnectLocation directorySize directoryType directoryTypeDescription durability \
    ecu edition endpoint endpointType engineCode enhancedNetworkingSupported entityType \
    eventType executionFrequency executionLocation feeCode feeDescription fileSystemType \
    freeQueryTypes freeTier freeTrial freeUsageIncluded frequencyMode fromLocation \
    fromLocationType fromRegionCode georegioncode gpu gpuMemory group groupDescription \
    instance instanceFamily instanceType instanceTypeFamily intelAvx2Available \
    intelAvxAvailable intelTurboAvailable io license licenseModel lineType location \
    locationType logsSource logsType maxIopsBurstPerformance maxIopsvolume \
    maxThroughputvolume maxVolumeSize maximumExtendedStorage maximumStorageVolume memory \
    memoryGib memorytype messageDeliveryFrequency messageDeliveryOrder minVolumeSize \
    minimumStorageVolume networkPerformance normalizationSizeFactor operatingSystem \
    operation origin parameterType physicalCpu physicalGpu physicalProcessor portSpeed \
    preInstalledSw processorArchitecture processorFeatures productFamily protocol \
    provisioned queueType recipient region regionCode requestDescription requestType \
    resourceEndpoint resourceType routingTarget routingType servicecode servicename sku \
    softwareType storage storageClass storageFamily storageMedia storageType supportedModes \
    tenancy throughput throughputClass tiertype toLocation toLocationType toRegionCode \
    trafficDirection transferType usageFamily usagetype vcpu version virtualInterfaceType \
    volumeApiName volumeType";

/// Of 100 further attributes, so many are filled in for a product family.
const FILLED_PERCENT: u64 = 40;

/// Code, name, usage type, operation and unit of a product family.
const FAMILIES: [(&str, &str, &str, &str, &str); 12] = [
    ("AmazonEC2", "Amazon Elastic Compute Cloud", "BoxUsage:m5", "RunInstances", "Hrs"),
    ("AmazonEC2", "Amazon Elastic Compute Cloud", "EBS:VolumeUsage", "CreateVolume", "GB-Mo"),
    ("AmazonEC2", "Amazon Elastic Compute Cloud", "DataTransfer-Out", "RunInstances", "GB"),
    ("AmazonS3", "Amazon Simple Storage Service", "TimedStorage", "StandardStorage", "GB-Mo"),
    ("AmazonS3", "Amazon Simple Storage Service", "Requests-Tier", "PutObject", "Requests"),
    ("AmazonRDS", "Amazon Relational Database Service", "InstanceUsage:db", "CreateDB", "Hrs"),
    ("AWSLambda", "AWS Lambda", "Lambda-GB-Second", "Invoke", "Second"),
    ("AmazonDynamoDB", "Amazon DynamoDB", "ReadRequestUnits", "PayPerRequest", "Units"),
    ("AmazonCloudWatch", "AmazonCloudWatch", "DataProcessing", "PutLogEvents", "GB"),
    ("AWSELB", "Elastic Load Balancing", "LoadBalancerUsage", "LoadBalancing", "Hrs"),
    ("AmazonElastiCache", "Amazon ElastiCache", "NodeUsage:cache", "CreateCache", "Hrs"),
    ("AWSQueueService", "Amazon Simple Queue Service", "Requests-RBP", "SendMessage", "Requests"),
];

const REGIONS: [(&str, &str, &str); 6] = [
    ("us-east-1", "US East (N. Virginia)", "USE1"),
    ("us-east-2", "US East (Ohio)", "USE2"),
    ("us-west-2", "US West (Oregon)", "USW2"),
    ("eu-west-1", "EU (Ireland)", "EU"),
    ("eu-central-1", "EU (Frankfurt)", "EUC1"),
    ("ap-southeast-2", "Asia Pacific (Sydney)", "APS2"),
];

/// A price list entry as text.
pub(super) struct SkuText {
    pub(super) product_code: &'static str,
    pub(super) usage_type: String,
    pub(super) operation: &'static str,
    pub(super) description: String,
    /// `product/*` cells from `ProductName` on, separated.
    pub(super) product: String,
    /// The same with only the name, for rows without a price list entry.
    pub(super) product_name_only: String,
    /// `RateCode`, `RateId` and `currency`, separated.
    pub(super) price_ids: String,
    pub(super) unit: &'static str,
    pub(super) subscription: String,
    pub(super) rate: Decimal,
    pub(super) region: &'static str,
}

/// A metered thing as text.
pub(super) struct ResourceText {
    pub(super) sku: usize,
    pub(super) account: usize,
    pub(super) zone: String,
    pub(super) id: String,
    pub(super) tags: usize,
}

/// An hour as text.
pub(super) struct HourText {
    pub(super) start: String,
    pub(super) end: String,
}

/// All of it.
pub(super) struct Market {
    pub(super) skus: Vec<SkuText>,
    pub(super) resources: Vec<ResourceText>,
    /// Tag and cost category cells, separated.
    pub(super) tag_sets: Vec<String>,
    /// The same, all empty.
    pub(super) no_tags: String,
    pub(super) accounts: Vec<String>,
    pub(super) plans: Vec<String>,
    pub(super) reservations: Vec<String>,
    pub(super) hours: Vec<HourText>,
    /// Beginning and end of the billing period.
    pub(super) period: HourText,
}

/// Names of the product attributes.
pub(super) fn attributes() -> impl Iterator<Item = &'static str> {
    ATTRIBUTES.split_whitespace()
}

/// Category, name and type of all columns.
pub(super) fn headings() -> Vec<(&'static str, &'static str, &'static str)> {
    let [mut all, after] = cur::frame();
    all.extend(attributes().map(|name| ("product", name, "String")));
    all.extend(after);
    all.extend(TAG_KEYS.map(|key| ("resourceTags", key, "String")));
    all.extend(CATEGORIES.map(|name| ("costCategory", name, "String")));
    all
}

impl Market {
    /// The market of `seed` in `month`.
    pub(super) fn new(seed: u64, month: Month) -> Self {
        let skus: Vec<SkuText> = (0..SKUS).map(|number| sku(seed, number)).collect();
        let mut stream = Stream::new(random::hash(seed, "resources"));
        let resources = (0..RESOURCES).map(|_| resource(&mut stream, &skus)).collect();
        let period = month.interval();
        let hours = period.steps(1).map(|hour| hour_text(hour.start, hour.end)).collect();
        let mut stream = Stream::new(random::hash(seed, "accounts"));
        let account = |_| random::text(stream.next(), random::DIGITS, 12);
        let accounts: Vec<String> = (0..ACCOUNTS).map(account).collect();
        let arn = |service: &str, number: usize| {
            let id =
                random::text(random::hash(seed, &format!("{service}{number}")), random::HEX, 32);
            format!("arn:aws:{service}{id}")
        };
        let plan = |number| arn("savingsplans::111122223333:savingsplan/", number);
        let reservation = |number| arn("ec2:us-east-1:111122223333:reserved-instances/", number);
        Self {
            skus,
            resources,
            tag_sets: (0..TAG_SETS).map(|number| tag_set(seed, number)).collect(),
            no_tags: ",".repeat(TAG_KEYS.len() + CATEGORIES.len() - 1),
            accounts,
            plans: (0..COMMITMENTS).map(plan).collect(),
            reservations: (0..COMMITMENTS).map(reservation).collect(),
            hours,
            period: hour_text(period.start, period.end),
        }
    }
}

fn hour_text(start: Hour, end: Hour) -> HourText {
    HourText { start: start.to_string(), end: end.to_string() }
}

/// `list` at chance `bits`; the lists here are not empty.
fn pick<T: Copy + Default>(list: &[T], bits: u64) -> T {
    let at = usize::try_from(bits % list.len() as u64).unwrap_or(0);
    list.get(at).copied().unwrap_or_default()
}

fn sku(seed: u64, number: usize) -> SkuText {
    let bits = random::hash(seed, &format!("sku {number}"));
    let (product_code, name, usage, operation, unit) = pick(&FAMILIES, bits);
    let (region, location, prefix) = pick(&REGIONS, bits >> 16);
    let code = random::text(bits, random::UPPER, 16);
    let usage_type = format!("{prefix}-{usage}.{}", number % 97);
    // From a millionth to about three currency units.
    let rate =
        Decimal::new(1 + (bits >> 40).cast_signed() % 30_000, pick(&[4, 5, 7, 9], bits >> 8));
    let value = |attribute: &str| match attribute {
        "location" => location.to_owned(),
        "operation" => operation.to_owned(),
        "productFamily" => "Compute Instance".to_owned(),
        "region" | "regionCode" => region.to_owned(),
        "servicecode" => product_code.to_owned(),
        "servicename" => name.to_owned(),
        "sku" => code.clone(),
        "usagetype" => usage_type.clone(),
        other => attribute_value(other, usage, bits),
    };
    let mut product = name.to_owned();
    for attribute in attributes() {
        product.push(',');
        product.push_str(&value(attribute));
    }
    SkuText {
        product_code,
        operation,
        description: format!("${rate} per {unit}"),
        product,
        product_name_only: format!("{name}{}", ",".repeat(attributes().count())),
        price_ids: format!("{code}.JRTCKXETXF.6YS6EN2CT7,{},USD", bits % 100_000_000_000),
        unit,
        subscription: (bits >> 30).to_string(),
        rate,
        region,
        usage_type,
    }
}

/// A short word of the attribute's few, or nothing where the family does not know the attribute.
fn attribute_value(attribute: &str, family: &str, bits: u64) -> String {
    let own = random::hash(random::hash(1, family), attribute);
    if own % 100 >= FILLED_PERCENT {
        return String::new();
    }
    let variant = random::hash_number(own, random::hash_number(bits, own) % 5);
    let length = usize::try_from(variant % 2).unwrap_or(0) + 1;
    random::text(variant, random::HEX, length)
}

fn resource(stream: &mut Stream, skus: &[SkuText]) -> ResourceText {
    let mut index = |count: usize| usize::try_from(stream.below(count as u64)).unwrap_or(0);
    let sku = index(SKUS);
    let account = index(ACCOUNTS);
    let tags = index(TAG_SETS);
    let region = skus.get(sku).map_or("", |sku| sku.region);
    let zone = format!("{region}{}", pick(&["a", "b", "c"], stream.next()));
    let id = format!("i-0{}", random::text(stream.next(), random::HEX, 16));
    ResourceText { sku, account, zone, id, tags }
}

fn tag_set(seed: u64, number: usize) -> String {
    let mut text = String::new();
    for (at, key) in TAG_KEYS.iter().chain(&CATEGORIES).enumerate() {
        if at > 0 {
            text.push(',');
        }
        let bits = random::hash(seed, &format!("{key}{number}"));
        // A third of the values was forgotten.
        if !bits.is_multiple_of(3) {
            let name = key.rsplit(':').next().unwrap_or(key);
            let short = name.get(..3).unwrap_or(name);
            write!(text, "{short}{}", (bits >> 8) % 40).unwrap_or_default();
        }
    }
    text
}
