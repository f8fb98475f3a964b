//! A report's manifest: what belongs to a delivery.

use serde::Deserialize;

/// The parts of a manifest that are read. Unknown keys are allowed.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    /// Identifies the delivery; opaque.
    pub assembly_id: String,
    /// Owner of the report definition.
    #[serde(default)]
    pub account: String,
    /// Name of the report.
    pub report_name: String,
    /// The month.
    pub billing_period: BillingPeriod,
    /// Full keys of all chunks, in order.
    pub report_keys: Vec<String>,
    /// `GZIP`, `ZIP`, `Parquet`.
    #[serde(default)]
    pub compression: String,
    /// Charset of the files.
    #[serde(default)]
    pub charset: String,
}

/// A month as the manifest writes it.
#[derive(Debug, Clone, Deserialize)]
pub struct BillingPeriod {
    /// `20240101T000000.000Z`.
    pub start: String,
}

impl Manifest {
    /// Reads a manifest. `None` when the text is JSON of another kind, or no JSON.
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<Self> {
        let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
        let manifest: Self = serde_json::from_slice(text).ok()?;
        manifest.period().map(|_| manifest)
    }

    /// The billing period, YYYY-MM.
    #[must_use]
    pub fn period(&self) -> Option<String> {
        period_of_digits(&self.billing_period.start)
    }
}

/// YYYY-MM of a text that starts with YYYYMMDD or YYYY-MM-DD, when that is a date.
#[must_use]
pub fn period_of_digits(text: &str) -> Option<String> {
    let digits: String = text.chars().filter(char::is_ascii_digit).take(8).collect();
    let date = chrono::NaiveDate::parse_from_str(&digits, "%Y%m%d").ok()?;
    Some(date.format("%Y-%m").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_json_is_no_manifest() {
        assert!(Manifest::parse(br#"{"entries":[{"url":"s3://b/k"}]}"#).is_none());
        assert!(Manifest::parse(b"not json").is_none());
        let text = br#"{"assemblyId":"a","account":"1","reportName":"r","reportKeys":["k"],
            "billingPeriod":{"start":"20240101T000000.000Z","end":"x"},"new":1}"#;
        assert_eq!(Manifest::parse(text).unwrap().period().unwrap(), "2024-01");
    }
}
