//! Manifests: what belongs to a delivery, as AWS says it.

use chrono::NaiveDate;

use crate::kinds;
use crate::table::Mapping;

/// What a manifest says, whichever product wrote it.
#[derive(Debug, Clone)]
pub struct Manifest {
    /// Why its files are none to load, when they hold no costs.
    pub left_alone: Option<String>,
    /// What its files may be; their header decides.
    pub mappings: &'static [&'static Mapping],
    /// Name of the report or export.
    pub report: String,
    /// Owner of its definition, empty when the manifest does not tell.
    pub account: String,
    /// The month, YYYY-MM.
    pub period: String,
    /// Identifies the delivery; opaque.
    pub revision: String,
    /// Keys of all files in the bucket, in order.
    pub keys: Vec<String>,
    /// Charset of the files, empty for UTF-8.
    pub charset: String,
}

impl Manifest {
    /// Reads the manifest that lies at `key`. `None` when the text is JSON of another kind, or no
    /// JSON.
    #[must_use]
    pub fn parse(text: &[u8], key: &str) -> Option<Self> {
        let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
        kinds::MANIFESTS.iter().find_map(|parse| parse(text, key))
    }
}

/// YYYY-MM of a text that starts with YYYYMMDD or YYYY-MM-DD, when that is a date.
#[must_use]
pub fn period_of_digits(text: &str) -> Option<String> {
    let digits: String = text.chars().filter(char::is_ascii_digit).take(8).collect();
    let date = NaiveDate::parse_from_str(&digits, "%Y%m%d").ok()?;
    Some(date.format("%Y-%m").to_string())
}

/// YYYY-MM of a period folder: `20231101-20231201`, or `BILLING_PERIOD=2023-11` in any case.
#[must_use]
pub fn period_of_folder(name: &str) -> Option<String> {
    if let Some((key, value)) = name.split_once('=') {
        let is_period = key.eq_ignore_ascii_case("billing_period");
        let is_month = value.len() == 7 && value.is_char_boundary(4);
        return (is_period && is_month).then(|| period_of_digits(&format!("{value}-01"))).flatten();
    }
    let (start, end) = name.split_once('-')?;
    let is_date = |text: &str| text.len() == 8 && text.bytes().all(|b| b.is_ascii_digit());
    (is_date(start) && is_date(end)).then(|| period_of_digits(start)).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_json_is_no_manifest() {
        assert!(Manifest::parse(br#"{"entries":[{"url":"s3://b/k"}]}"#, "m.json").is_none());
        assert!(Manifest::parse(b"not json", "m.json").is_none());
        let text = br#"{"assemblyId":"a","account":"1","reportName":"r","reportKeys":["k"],
            "billingPeriod":{"start":"20240101T000000.000Z","end":"x"},"new":1}"#;
        assert_eq!(Manifest::parse(text, "r-Manifest.json").unwrap().period, "2024-01");
    }

    #[test]
    fn period_folders_have_two_forms() {
        assert_eq!(period_of_folder("20231101-20231201").unwrap(), "2023-11");
        assert_eq!(period_of_folder("billing_period=2026-05").unwrap(), "2026-05");
        assert_eq!(period_of_folder("BILLING_PERIOD=2026-13"), None);
        assert_eq!(period_of_folder("year=2026"), None);
    }
}
