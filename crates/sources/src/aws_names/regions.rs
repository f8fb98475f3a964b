//! Regions: which one a charge belongs to, and what it is called.
//!
//! A region is found from a code, a name, an availability zone or the prefix of a usage type.
//! Prefix numbers are not region numbers (`APS3` is ap-south-1), so they are looked up in
//! `data/regions.csv`, never derived. Local and Wavelength zones belong to their parent region.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::LazyLock;

use super::table::rows;

const REGIONS: &str = include_str!("data/regions.csv");
const LOCAL_ZONES: &str = include_str!("data/local_zones.csv");

/// The second-last word of every region's code.
const DIRECTIONS: [&str; 9] = [
    "central",
    "east",
    "north",
    "northeast",
    "northwest",
    "south",
    "southeast",
    "southwest",
    "west",
];

/// How usage types of regional services start. In us-east-1 they may stand without a prefix.
const REGIONAL_USAGE: [&str; 43] = [
    "BoxUsage",
    "CPUCredits",
    "CW",
    "CloudFront-In-Bytes",
    "CloudFront-Out-Bytes",
    "DataProcessing-Bytes",
    "DataTransfer",
    "DedicatedRes",
    "DedicatedUsage",
    "EBS",
    "EBSOptimized",
    "EGpuUsage",
    "ESInstance",
    "ElasticIP",
    "Fargate",
    "HeavyUsage",
    "HighUsage",
    "HostBoxUsage",
    "HostUsage",
    "IdleProvisionedLBCapacity",
    "InstanceUsage",
    "LCUUsage",
    "Lambda-GB-Second",
    "Lambda-Provisioned",
    "LightUsage",
    "LoadBalancerUsage",
    "MediumUsage",
    "MirrorUsage",
    "Multi-AZUsage",
    "NatGateway",
    "Node",
    "NodeUsage",
    "PublicIPv4",
    "Requests",
    "Reservation",
    "ReservedHostUsage",
    "ReservedLCUUsage",
    "SpotUsage",
    "TimedStorage",
    "TransitGateway",
    "UnusedBox",
    "UnusedDed",
    "VpcEndpoint",
];

struct Tables {
    /// Region code → name.
    names: HashMap<&'static str, &'static str>,
    /// Name of a region or local zone → region code.
    locations: HashMap<&'static str, &'static str>,
    /// Usage type prefix → region code.
    prefixes: HashMap<&'static str, &'static str>,
}

static TABLES: LazyLock<Tables> = LazyLock::new(|| {
    let mut tables =
        Tables { names: HashMap::new(), locations: HashMap::new(), prefixes: HashMap::new() };
    for [code, name, prefixes, other_names] in rows(REGIONS) {
        tables.names.insert(code, name);
        tables.locations.insert(name, code);
        tables.locations.extend(listed(other_names).map(|other| (other, code)));
        tables.prefixes.extend(listed(prefixes).map(|prefix| (prefix, code)));
    }
    for [prefix, parent, location] in rows(LOCAL_ZONES) {
        tables.prefixes.insert(prefix, parent);
        tables.locations.extend(listed(location).map(|location| (location, parent)));
    }
    tables
});

fn listed(field: &'static str) -> impl Iterator<Item = &'static str> {
    field.split('|').filter(|item| !item.is_empty())
}

/// FOCUS `RegionName` of a region code, in the spelling of `product/location`.
///
/// `None` for a region that the table does not know; FOCUS wants a name wherever there is an id,
/// so the caller then uses the id.
#[must_use]
pub fn region_name(region_id: &str) -> Option<&'static str> {
    TABLES.names.get(region_id).copied()
}

/// The region of a location name, in any spelling met (`EU (Ireland)`, `Europe (Ireland)`).
#[must_use]
pub fn region_by_location(location: &str) -> Option<&'static str> {
    TABLES.locations.get(location).copied()
}

/// FOCUS `RegionId` of a charge: the first of these that names a region.
///
/// `product/regionCode`, `product/region` (a code, or a name in old reports),
/// `product/location`, `product/fromRegionCode` (data transfer), the availability zone, the
/// prefix of the usage type. `None` for what is global or unknown: a stated `global` ends the
/// search. A prefix of `AmazonCloudFront` is a geography, not a region.
#[must_use]
pub fn region_id<'a>(
    region_code: &'a str,
    region: &'a str,
    from_region_code: &'a str,
    availability_zone: &'a str,
    usage_type: &'a str,
    product_code: &str,
    location: &'a str,
) -> Option<Cow<'a, str>> {
    for stated in [region_code, region, location, from_region_code, availability_zone] {
        let stated = stated.trim();
        if stated.eq_ignore_ascii_case("global") {
            return None;
        }
        if let Some(found) = stated_region(stated) {
            return Some(Cow::Borrowed(found));
        }
    }
    usage_type_region(usage_type, product_code).map(Cow::Borrowed)
}

/// The region that a code, a zone or a location name belongs to.
fn stated_region(stated: &str) -> Option<&str> {
    leading_region(stated).map(|(region, _)| region).or_else(|| region_by_location(stated))
}

fn usage_type_region<'a>(usage_type: &'a str, product_code: &str) -> Option<&'a str> {
    if product_code == "AmazonCloudFront" {
        return None;
    }
    let (region, rest) = split_region_prefix(usage_type);
    region.or_else(|| is_regional_usage(rest).then_some("us-east-1"))
}

/// Splits a usage type into the region of its prefix and what follows the prefix.
///
/// Of two prefixes (`USE1-EUC1-AWS-Out-Bytes`) the first is the charged region; the second stays.
pub(super) fn split_region_prefix(usage_type: &str) -> (Option<&str>, &str) {
    // KMS writes the region's code itself: `us-east-1-KMS-Requests`.
    if let Some((region, rest)) = leading_region(usage_type) {
        return (Some(region), rest.strip_prefix('-').unwrap_or(rest));
    }
    let Some((prefix, rest)) = usage_type.split_once('-') else {
        return (None, usage_type);
    };
    match TABLES.prefixes.get(prefix).copied().or_else(|| wavelength_region(prefix)) {
        Some(region) => (Some(region), rest),
        None => (None, usage_type),
    }
}

/// Wavelength prefixes are the region's prefix, `WL` and a number: `USE1WL1`, `EUW2WL1LON1`.
fn wavelength_region(prefix: &str) -> Option<&'static str> {
    let (region, zone) = prefix.split_once("WL")?;
    zone.starts_with(|c: char| c.is_ascii_digit())
        .then(|| TABLES.prefixes.get(region).copied())
        .flatten()
}

fn is_regional_usage(usage_type: &str) -> bool {
    REGIONAL_USAGE.iter().any(|head| {
        usage_type
            .strip_prefix(head)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(['-', ':', '.']))
    })
}

/// Splits text that starts with a region's code, known or not, after that code.
///
/// What follows must be nothing, a zone's letter (`us-east-1a`), or a hyphen (a local zone
/// `us-west-2-lax-1a`, a usage type). A code is two to four letters, at most one more word, a
/// direction, and a number.
fn leading_region(text: &str) -> Option<(&str, &str)> {
    let mut direction = "";
    let mut start = 0;
    for (index, word) in text.split('-').take(4).enumerate() {
        let digits = word.bytes().take_while(u8::is_ascii_digit).count();
        if index >= 2 && (1..=2).contains(&digits) && DIRECTIONS.contains(&direction) {
            let (region, rest) = text.split_at_checked(start + digits)?;
            let zone = rest.len() == 1 && rest.bytes().all(|b| b.is_ascii_lowercase());
            return (rest.is_empty() || zone || rest.starts_with('-')).then_some((region, rest));
        }
        let is_word = !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase());
        if !is_word || (index == 0 && !(2..=4).contains(&word.len())) {
            return None;
        }
        direction = word;
        start += word.len() + 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn by_usage_type(usage_type: &'static str, product_code: &str) -> Option<Cow<'static, str>> {
        region_id("", "", "", "", usage_type, product_code, "")
    }

    #[test]
    fn every_row_loads_and_no_key_is_taken_twice() {
        let regions: Vec<[&str; 4]> = rows(REGIONS).collect();
        let zones: Vec<[&str; 3]> = rows(LOCAL_ZONES).collect();
        assert_eq!(regions.len(), REGIONS.lines().count() - 1);
        assert_eq!(zones.len(), LOCAL_ZONES.lines().count() - 1);
        assert_eq!(TABLES.names.len(), regions.len());
        let prefixes = regions.iter().flat_map(|row| listed(row[2])).count() + zones.len();
        assert_eq!(TABLES.prefixes.len(), prefixes);
        let others = regions.iter().flat_map(|row| listed(row[3])).count();
        let places = zones.iter().flat_map(|row| listed(row[2])).count();
        assert_eq!(TABLES.locations.len(), regions.len() + others + places);
    }

    #[test]
    fn every_region_is_found_by_code_name_zone_and_prefix() {
        for [code, name, prefixes, other_names] in rows(REGIONS) {
            assert_eq!(region_name(code), Some(name));
            assert_eq!(region_by_location(name), Some(code));
            assert_eq!(region_id(code, "", "", "", "", "", "").as_deref(), Some(code));
            assert_eq!(region_id("", name, "", "", "", "", "").as_deref(), Some(code));
            let zone = format!("{code}b");
            assert_eq!(region_id("", "", "", &zone, "", "", "").as_deref(), Some(code));
            let usage_type = format!("{code}-KMS-Requests");
            assert_eq!(region_id("", "", "", "", &usage_type, "", "").as_deref(), Some(code));
            for other in listed(other_names) {
                assert_eq!(region_by_location(other), Some(code), "{other}");
            }
            for prefix in listed(prefixes) {
                let usage_type = format!("{prefix}-BoxUsage:m5.large");
                assert_eq!(region_id("", "", "", "", &usage_type, "", "").as_deref(), Some(code));
            }
        }
        for [_, parent, _] in rows(LOCAL_ZONES) {
            assert!(region_name(parent).is_some(), "{parent}");
        }
    }

    #[test]
    fn prefix_numbers_are_not_region_numbers() {
        let of = |usage_type| by_usage_type(usage_type, "AmazonEC2");
        assert_eq!(of("APS3-BoxUsage:m5.large").as_deref(), Some("ap-south-1"));
        assert_eq!(of("APS1-BoxUsage:m5.large").as_deref(), Some("ap-southeast-1"));
        assert_eq!(of("APS4-EBS:VolumeUsage.gp3").as_deref(), Some("ap-southeast-3"));
        assert_eq!(of("EU-BoxUsage:m5.large").as_deref(), Some("eu-west-1"));
        assert_eq!(of("CAN1-USE1-AWS-In-Bytes").as_deref(), Some("ca-central-1"));
        assert_eq!(of("USE1-EBS-USW2-EBS-AWS-In-Bytes").as_deref(), Some("us-east-1"));
        assert_eq!(of("CAW1-BoxUsage:m5.large"), None);
    }

    #[test]
    fn the_first_that_names_a_region_wins() {
        let all = |region_code, region, location, from, zone| {
            region_id(region_code, region, from, zone, "EUC1-X", "AmazonEC2", location)
        };
        let usw2 = "US West (Oregon)";
        let first = all("us-east-2", "us-west-1", usw2, "eu-west-2", "sa-east-1a");
        assert_eq!(first.as_deref(), Some("us-east-2"));
        let second = all("", "us-west-1", usw2, "eu-west-2", "sa-east-1a");
        assert_eq!(second.as_deref(), Some("us-west-1"));
        let third = all("", "External", usw2, "eu-west-2", "sa-east-1a");
        assert_eq!(third.as_deref(), Some("us-west-2"));
        let fourth = all("", "", "External", "eu-west-2", "sa-east-1a");
        assert_eq!(fourth.as_deref(), Some("eu-west-2"));
        assert_eq!(all("", "", "", "", "sa-east-1a").as_deref(), Some("sa-east-1"));
        assert_eq!(all("", "", "", "", "").as_deref(), Some("eu-central-1"));
        assert_eq!(all("", "global", "Any", "", ""), None);
    }

    #[test]
    fn zones_belong_to_their_parent_region() {
        for zone in ["us-east-1-bos-1a", "us-east-1-wl1-bos-wlz-1", "us-east-1f", "us-east-1"] {
            let region = region_id("", "", "", zone, "", "", "");
            assert_eq!(region.as_deref(), Some("us-east-1"), "{zone}");
        }
        assert_eq!(
            region_id("us-west-2-lax-1", "", "", "", "", "", "").as_deref(),
            Some("us-west-2")
        );
        assert_eq!(region_by_location("US East (Boston)"), Some("us-east-1"));
        let of = |usage_type| by_usage_type(usage_type, "AmazonEC2");
        assert_eq!(of("LAX1-BoxUsage:c5d.large").as_deref(), Some("us-west-2"));
        assert_eq!(of("TPE1-BoxUsage:c5d.large").as_deref(), Some("ap-northeast-1"));
        assert_eq!(of("USE1WL1-BoxUsage:t3.medium").as_deref(), Some("us-east-1"));
        assert_eq!(of("EUW2WL1LON1-BoxUsage:t3.medium").as_deref(), Some("eu-west-2"));
        assert_eq!(of("APNE2WL1CJJ1-BoxUsage:t3.medium").as_deref(), Some("ap-northeast-2"));
    }

    #[test]
    fn unknown_regions_keep_their_code() {
        for code in ["xx-west-9", "us-iso-east-1", "us-isob-east-1", "eu-isoe-west-1"] {
            assert_eq!(region_id(code, "", "", "", "", "", "").as_deref(), Some(code));
            assert_eq!(region_name(code), None);
        }
        for text in
            ["Europe", "Any", "us-east", "use1-az1", "us-east-1A", "us-east-123", "-", "é-east-1"]
        {
            assert_eq!(region_id(text, "", "", "", "", "", ""), None, "{text}");
        }
    }

    #[test]
    fn no_prefix_is_us_east_1_for_regional_usage_only() {
        for usage_type in [
            "BoxUsage:m5.large",
            "EBS:VolumeUsage.gp2",
            "DataTransfer-Out-Bytes",
            "LCUUsage",
            "BoxUsage",
        ] {
            let region = by_usage_type(usage_type, "AmazonEC2");
            assert_eq!(region.as_deref(), Some("us-east-1"), "{usage_type}");
        }
        for usage_type in ["DNS-Queries", "HostedZone", "Dollar", "ComputeSP:1yrAllUpfront", ""] {
            assert_eq!(by_usage_type(usage_type, "AmazonRoute53"), None, "{usage_type}");
        }
        assert_eq!(by_usage_type("Global-CloudFrontPlan-Free", "CloudFrontPlans"), None);
        assert_eq!(by_usage_type("KIX1-BoxUsage:m5.large", "AmazonEC2"), None);
    }

    #[test]
    fn a_cloudfront_prefix_is_a_geography() {
        for usage_type in
            ["EU-Requests-Tier1", "US-DataTransfer-Out-Bytes", "DataTransfer-Out-Bytes"]
        {
            assert_eq!(by_usage_type(usage_type, "AmazonCloudFront"), None, "{usage_type}");
        }
    }
}
