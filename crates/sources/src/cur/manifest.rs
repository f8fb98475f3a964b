//! The manifest of a legacy report.

use serde::Deserialize;

use crate::data_export;
use crate::manifest::{Manifest, period_of_digits};
use crate::table::Mapping;

/// The parts that are read. Unknown keys are allowed.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Written {
    assembly_id: String,
    #[serde(default)]
    account: String,
    report_name: String,
    billing_period: BillingPeriod,
    /// Full keys of all chunks, in order.
    report_keys: Vec<String>,
    #[serde(default)]
    charset: String,
    #[serde(default)]
    columns: Vec<Column>,
}

#[derive(Deserialize)]
struct Column {
    #[serde(default)]
    name: String,
}

/// A month as the manifest writes it.
#[derive(Deserialize)]
struct BillingPeriod {
    /// `20240101T000000.000Z`.
    start: String,
}

static MAPPINGS: &[&Mapping] = &[&super::MAPPING];

/// Tools that imitate AWS describe CUR 2.0 files by a manifest of the legacy form.
static EXPORT: &[&Mapping] = &[&data_export::cur2::MAPPING, &super::MAPPING];

impl Written {
    /// Are the columns those of CUR 2.0? A legacy manifest has the category apart.
    fn is_export(&self) -> bool {
        self.columns.iter().any(|column| data_export::cur2::owns(&column.name))
    }
}

/// Reads a legacy report's manifest; `None` when the text is something else.
pub(crate) fn parse(text: &[u8], _key: &str) -> Option<Manifest> {
    let written: Written = serde_json::from_slice(text).ok()?;
    Some(Manifest {
        left_alone: None,
        mappings: if written.is_export() { EXPORT } else { MAPPINGS },
        report: written.report_name,
        account: written.account,
        period: period_of_digits(&written.billing_period.start)?,
        revision: written.assembly_id,
        keys: written.report_keys,
        charset: written.charset,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_of_cur_2_in_a_legacy_manifest_leave_it_to_the_header() {
        let manifest = |column: &str| {
            let text = format!(
                r#"{{"assemblyId":"a","reportName":"r","reportKeys":["k"],"columns":[{column}],
                "billingPeriod":{{"start":"20240101T000000.000Z","end":"x"}}}}"#
            );
            parse(text.as_bytes(), "r-Manifest.json").unwrap().mappings.len()
        };
        assert_eq!(manifest(r#"{"category":"lineItem","name":"UnblendedCost","type":"x"}"#), 1);
        assert_eq!(manifest(r#"{"name":"line_item_unblended_cost"}"#), 2);
    }
}
