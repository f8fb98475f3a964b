//! `product/*` attributes → FOCUS `SkuPriceDetails` (FOCUS 1.2), as JSON text.
//!
//! Attribute names differ between services, years and file formats (`instanceType`,
//! `instance_type`, `instancetype`), so they are compared without case and `_`. The keys that
//! FOCUS defines are filled first; what they do not take keeps its text under an `x_` key.
//! [`decimal`] has the exact numbers, [`readings`] reads AWS's phrases, [`json`] writes.

mod decimal;
mod json;
mod readings;

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::sync::LazyLock;

use foldhash::fast::FixedState;

use self::decimal::Decimal;
use self::json::Value;
use super::table::rows;

const ATTRIBUTES: &str = include_str!("data/sku_attributes.csv");

/// Attributes with a column of their own in the cost table.
const ELSEWHERE: [&str; 6] =
    ["sku", "productname", "servicecode", "servicename", "region", "regioncode"];

/// Folded attribute name → `x_` key, and whether its value is a number. An attribute that is not
/// here gets the `PascalCase` of its name, which loses the words of `clockspeed`.
static KEYS: LazyLock<HashMap<String, (&'static str, bool)>> = LazyLock::new(|| {
    rows(ATTRIBUTES).map(|[name, key, value]| (folded(name), (key, value == "number"))).collect()
});

/// What the names of attributes mean, remembered from charge to charge: a file has a hundred
/// names and thousands of charges.
#[derive(Debug, Default)]
pub struct AttributeNames(HashMap<String, Option<Attribute>, FixedState>);

/// What a name means.
#[derive(Debug)]
struct Attribute {
    folded: String,
    /// Key of what no FOCUS key takes.
    key: Cow<'static, str>,
    is_number: bool,
}

impl AttributeNames {
    /// FOCUS `SkuPriceDetails` of a charge, as a JSON object with sorted keys; `None` when nothing
    /// is known.
    ///
    /// `attributes` are the names and values of the `product/*` columns; where two names fold to
    /// the same, the first with a value counts. `lease`, `offering_class` and `purchase_option`
    /// are the `pricing/*` columns of reservations. Empty values and `NA` are left out.
    pub fn sku_price_details(
        &mut self,
        attributes: &[(&str, &str)],
        lease: &str,
        offering_class: &str,
        purchase_option: &str,
    ) -> Option<String> {
        for (name, _) in attributes {
            if !self.0.contains_key(*name) {
                self.0.insert((*name).to_owned(), attribute(name));
            }
        }
        let mut details = Details::new(self, attributes);
        details.fill_focus_keys();
        details.fill_custom_keys();
        for (key, value) in [
            ("x_LeaseContractLength", lease),
            ("x_OfferingClass", offering_class),
            ("x_PurchaseOption", purchase_option),
        ] {
            if let Some(value) = stated(value) {
                details.keys.insert(key, Value::Text(value));
            }
        }
        (!details.keys.is_empty()).then(|| json::object(&details.keys))
    }
}

/// What a name means; `None` when the cost table has a column of its own for it.
fn attribute(name: &str) -> Option<Attribute> {
    let folded = folded(name);
    if ELSEWHERE.contains(&folded.as_str()) {
        return None;
    }
    let (key, is_number) = match KEYS.get(&folded) {
        Some((key, is_number)) => (Cow::Borrowed(*key), *is_number),
        None => (Cow::Owned(format!("x_{}", pascal_case(name))), false),
    };
    Some(Attribute { folded, key, is_number })
}

/// The attributes still to be placed, and the keys already filled.
struct Details<'a> {
    /// What each is and its value as given, in the order of folded names.
    attributes: Vec<(&'a Attribute, &'a str)>,
    keys: BTreeMap<&'a str, Value<'a>>,
}

impl<'a> Details<'a> {
    fn new(names: &'a AttributeNames, given: &[(&'a str, &'a str)]) -> Self {
        let mut attributes: Vec<(&Attribute, &str)> = Vec::with_capacity(given.len());
        for (name, value) in given {
            if let Some(value) = stated(value)
                && let Some(attribute) = names.0.get(*name).and_then(Option::as_ref)
                && let Err(place) = place(&attributes, &attribute.folded)
            {
                attributes.insert(place, (attribute, value));
            }
        }
        Self { attributes, keys: BTreeMap::new() }
    }

    fn get(&self, folded: &str) -> Option<&'a str> {
        place(&self.attributes, folded).ok().map(|place| self.attributes[place].1)
    }

    fn remove(&mut self, folded: &str) {
        if let Ok(place) = place(&self.attributes, folded) {
            self.attributes.remove(place);
        }
    }

    fn fill_focus_keys(&mut self) {
        self.claim("CoreCount", &["vcpu"], readings::whole_number);
        self.claim("GpuCount", &["gpu"], readings::number);
        self.claim("MemorySize", &["memory", "memorygib"], readings::gibibytes);
        self.claim_text("OperatingSystem", &["operatingsystem"]);
        self.claim_text("StorageClass", &["storageclass"]);
        self.claim_text("DiskType", &["volumeapiname", "volumetype", "storagemedia"]);
        self.claim("DiskMaxIops", &["maxiopsvolume"], readings::number);
        self.claim("NetworkMaxThroughput", &["networkperformance"], readings::megabits);
        let redundant = ["deploymentoption", "availability", "durability"];
        self.claim("Redundancy", &redundant, readings::redundancy);
        self.claim_storage();
        // Before the type is claimed and gone.
        let series = self.get("instancetype").and_then(readings::series);
        self.claim_text("InstanceType", &["instancetype"]);
        self.claim_text("InstanceSeries", &["instancetypefamily"]);
        if let Some(series) = series {
            self.keys.entry("InstanceSeries").or_insert(Value::Text(series));
        }
    }

    /// Gives `key` to the first source whose value can be read so. A later source that says the
    /// same is dropped, one that says something else is left for its own `x_` key.
    fn claim(
        &mut self,
        key: &'static str,
        sources: &[&str],
        read: impl Fn(&'a str) -> Option<Value<'a>>,
    ) {
        for source in sources {
            let Some(value) = self.get(source).and_then(&read) else { continue };
            let claimed = self.keys.entry(key).or_insert_with(|| value.clone());
            if *claimed == value {
                self.remove(source);
            }
        }
    }

    fn claim_text(&mut self, key: &'static str, sources: &[&str]) {
        self.claim(key, sources, |text| Some(Value::Text(text)));
    }

    /// `2 x 1900 NVMe SSD` is two keys; unless both can be told so, it stays text.
    fn claim_storage(&mut self) {
        let storage = self.get("storage").and_then(readings::storage);
        let Some((space, kind)) = storage else { return };
        if let Some(kind) = kind {
            if self.keys.contains_key("DiskType") {
                return;
            }
            self.keys.insert("DiskType", Value::Text(kind));
        }
        self.keys.insert("DiskSpace", Value::Number(space));
        self.remove("storage");
    }

    fn fill_custom_keys(&mut self) {
        for (attribute, text) in std::mem::take(&mut self.attributes) {
            if attribute.key != "x_" {
                let number = if attribute.is_number { Decimal::parse(text) } else { None };
                let value = number.map_or(Value::Text(text), Value::Number);
                self.keys.entry(&attribute.key).or_insert(value);
            }
        }
    }
}

/// Where a folded name is, or would be.
fn place(attributes: &[(&Attribute, &str)], folded: &str) -> Result<usize, usize> {
    attributes.binary_search_by(|(attribute, _)| attribute.folded.as_str().cmp(folded))
}

/// The value without surrounding blanks, unless it says that there is none.
fn stated(value: &str) -> Option<&str> {
    Some(value.trim()).filter(|value| !value.is_empty() && *value != "NA")
}

fn folded(name: &str) -> String {
    name.chars().filter(|c| *c != '_').flat_map(char::to_lowercase).collect()
}

/// `maxIopsBurstPerformance`, `max_iops_burst_performance` → `MaxIopsBurstPerformance`.
fn pascal_case(name: &str) -> String {
    let words = name.split(|c: char| !c.is_alphanumeric());
    let mut pascal = String::with_capacity(name.len());
    for word in words {
        let mut letters = word.chars();
        pascal.extend(letters.next().into_iter().flat_map(char::to_uppercase));
        pascal.push_str(letters.as_str());
    }
    pascal
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sku_price_details(
        attributes: &[(&str, &str)],
        lease: &str,
        class: &str,
        option: &str,
    ) -> Option<String> {
        AttributeNames::default().sku_price_details(attributes, lease, class, option)
    }

    fn details(attributes: &[(&str, &str)]) -> String {
        sku_price_details(attributes, "", "", "").unwrap_or_default()
    }

    #[test]
    fn every_row_loads() {
        assert_eq!(KEYS.len(), ATTRIBUTES.lines().count() - 1);
        for (folded, (key, _)) in KEYS.iter() {
            let pascal = key.strip_prefix("x_").expect("a custom key");
            assert!(pascal.starts_with(|c: char| c.is_ascii_uppercase()), "{key}");
            if folded != "preinstalledsw" {
                assert_eq!(pascal.to_lowercase(), *folded);
            }
        }
    }

    #[test]
    fn an_instance_in_any_spelling() {
        let expected = "{\"CoreCount\":96,\"DiskSpace\":3600,\"DiskType\":\"NVMe SSD\",\
            \"InstanceSeries\":\"m5d\",\"InstanceType\":\"m5d.24xlarge\",\"MemorySize\":1952,\
            \"NetworkMaxThroughput\":25000,\"OperatingSystem\":\"Linux\",\"x_CapacityStatus\":\"Used\",\
            \"x_ClockSpeed\":\"3.1 GHz\",\"x_NormalizationSizeFactor\":192,\
            \"x_PhysicalCores\":48,\"x_PreInstalledSoftware\":\"SQL Std\"}";
        let camel = [
            ("vcpu", "96"),
            ("instanceType", "m5d.24xlarge"),
            ("memory", "1,952 GiB"),
            ("memoryGib", "1952.0"),
            ("storage", "4 x 900 NVMe SSD"),
            ("operatingSystem", "Linux"),
            ("networkPerformance", "25 Gigabit"),
            ("capacitystatus", "Used"),
            ("clockSpeed", "3.1 GHz"),
            ("normalizationSizeFactor", "192"),
            ("physicalCores", "48"),
            ("preInstalledSw", "SQL Std"),
            ("sku", "ABC"),
            ("regionCode", "us-east-1"),
            ("region", "us-east-1"),
            ("servicecode", "AmazonEC2"),
            ("servicename", "Amazon Elastic Compute Cloud"),
            ("ProductName", "Amazon Elastic Compute Cloud"),
            ("gpu", ""),
            ("licenseModel", "NA"),
        ];
        assert_eq!(details(&camel), expected);
        let snake: Vec<(String, &str)> = camel
            .iter()
            .map(|(name, value)| {
                let snake = name.chars().flat_map(|c| {
                    let mark = c.is_ascii_uppercase().then_some('_');
                    mark.into_iter().chain([c.to_ascii_lowercase()])
                });
                (snake.collect(), *value)
            })
            .collect();
        let snake: Vec<(&str, &str)> = snake.iter().map(|(n, v)| (n.as_str(), *v)).collect();
        assert_eq!(details(&snake), expected);
        let lower: Vec<(String, &str)> =
            camel.iter().map(|(name, value)| (name.to_lowercase(), *value)).collect();
        let lower: Vec<(&str, &str)> = lower.iter().map(|(n, v)| (n.as_str(), *v)).collect();
        assert_eq!(details(&lower), expected);
    }

    #[test]
    fn what_cannot_be_read_keeps_its_text() {
        assert_eq!(
            details(&[
                ("vcpu", "varies"),
                ("memory", "lots"),
                ("storage", "EBS only"),
                ("maxIopsvolume", "40 - 200"),
                ("networkPerformance", "Up to 10 Gigabit"),
                ("physicalCores", "n/a"),
                ("availability", "99.99%"),
                ("durability", "99.999999999%"),
            ]),
            "{\"x_Availability\":\"99.99%\",\"x_Durability\":\"99.999999999%\",\
             \"x_MaxIopsVolume\":\"40 - 200\",\"x_Memory\":\"lots\",\
             \"x_NetworkPerformance\":\"Up to 10 Gigabit\",\"x_PhysicalCores\":\"n/a\",\
             \"x_Storage\":\"EBS only\",\"x_Vcpu\":\"varies\"}"
        );
    }

    #[test]
    fn a_volume() {
        assert_eq!(
            details(&[
                ("volumeType", "General Purpose"),
                ("volumeApiName", "gp3"),
                ("storageMedia", "SSD-backed"),
                ("maxIopsvolume", "16000"),
            ]),
            "{\"DiskMaxIops\":16000,\"DiskType\":\"gp3\",\"x_StorageMedia\":\"SSD-backed\",\
             \"x_VolumeType\":\"General Purpose\"}"
        );
        assert_eq!(details(&[("storageMedia", "HDD-backed")]), "{\"DiskType\":\"HDD-backed\"}");
    }

    #[test]
    fn a_database() {
        assert_eq!(
            details(&[
                ("instanceType", "db.r5.large"),
                ("deploymentOption", "Multi-AZ"),
                ("databaseEngine", "PostgreSQL"),
                ("instanceTypeFamily", "R5"),
            ]),
            "{\"InstanceSeries\":\"R5\",\"InstanceType\":\"db.r5.large\",\
             \"Redundancy\":\"Multi-AZ\",\"x_DatabaseEngine\":\"PostgreSQL\"}"
        );
        let derived = details(&[("instance_type", "db.r5.large")]);
        assert_eq!(derived, "{\"InstanceSeries\":\"db.r5\",\"InstanceType\":\"db.r5.large\"}");
    }

    #[test]
    fn unknown_attributes_become_pascal_case() {
        assert_eq!(
            details(&[
                ("queue_type", "FIFO"),
                ("messageDeliveryOrder", "Guaranteed \"strict\"\n"),
                ("max_iopsvolume", "x"),
                ("_", "nameless"),
            ]),
            "{\"x_MaxIopsVolume\":\"x\",\
             \"x_MessageDeliveryOrder\":\"Guaranteed \\\"strict\\\"\",\"x_QueueType\":\"FIFO\"}"
        );
        let first = details(&[("queueType", ""), ("queue_type", "a"), ("QueueType", "b")]);
        assert_eq!(first, "{\"x_QueueType\":\"a\"}");
    }

    #[test]
    fn reservations_add_their_terms() {
        let terms = sku_price_details(&[], "1yr", "standard", "No Upfront");
        let expected = "{\"x_LeaseContractLength\":\"1yr\",\"x_OfferingClass\":\"standard\",\
            \"x_PurchaseOption\":\"No Upfront\"}";
        assert_eq!(terms.as_deref(), Some(expected));
        assert_eq!(sku_price_details(&[], "", "", ""), None);
        assert_eq!(sku_price_details(&[("sku", "A"), ("vcpu", "NA")], "NA", " ", ""), None);
    }
}
