//! AWS Data Exports: CUR 2.0 and AWS's own FOCUS tables, with keys and manifests as in S3.
//!
//! [`write_delivery`] writes one execution of an export for one billing period below a folder that
//! stands for the bucket. Unlike the legacy report an export has the same columns whatever the
//! lines are; only the definition changes them.

mod cur2;
mod delivery;
mod manifest;

use crate::calendar::Month;

use super::cur::CurReport;
pub use super::cur::{Delivery, Layout};
pub use super::table::Packing;
pub use delivery::{column_names, write_delivery};

/// What is exported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Table {
    /// `COST_AND_USAGE_REPORT`: CUR 2.0.
    Cur2,
    /// `FOCUS_1_0_AWS`: FOCUS 1.0 and five columns of AWS.
    Focus10,
    /// `FOCUS_1_2_AWS`: FOCUS 1.2 and three columns of AWS.
    Focus12,
}

/// The definition of an export.
#[derive(Clone, Debug)]
pub struct ExportReport {
    /// Account that owns the definition.
    pub account: String,
    /// Bucket name, for the manifest only.
    pub bucket: String,
    /// `S3Prefix`, without slashes at its ends.
    pub prefix: String,
    /// Name of the export.
    pub export_name: String,
    /// The UUID at the end of the export's ARN.
    pub export_uuid: String,
    /// What is exported.
    pub table: Table,
    /// Where deliveries go.
    pub layout: Layout,
    /// How data files are packed.
    pub packing: Packing,
    /// Rows of a data file before the next begins; at least 1.
    pub chunk_rows: usize,
    /// `INCLUDE_RESOURCES` of CUR 2.0: is there a `line_item_resource_id`? FOCUS always has it.
    pub with_resources: bool,
    /// Has the payer an enterprise agreement, so that net columns and discounts are filled in? The
    /// columns of CUR 2.0 are there in any case.
    pub with_net: bool,
    /// `INCLUDE_SPLIT_COST_ALLOCATION_DATA` of CUR 2.0: its columns, which stay empty.
    pub with_split: bool,
    /// Activated tag keys, such as `user:team`.
    pub tag_keys: Vec<String>,
    /// Cost category names.
    pub category_names: Vec<String>,
    /// The columns that the query selects, in its order; empty for all.
    pub columns: Vec<String>,
}

impl ExportReport {
    /// All that a legacy report of the payer shows, as an export of that name: same account,
    /// bucket, prefix, layout and chunks, every column, nothing split.
    #[must_use]
    pub fn like(own: CurReport, export_name: &str, table: Table, packing: Packing) -> Self {
        Self {
            account: own.account,
            bucket: own.bucket,
            prefix: own.prefix,
            export_name: export_name.to_owned(),
            export_uuid: "0d8a0c1e-1111-2222-3333-444455556666".to_owned(),
            table,
            layout: own.layout,
            packing,
            chunk_rows: own.chunk_rows,
            with_resources: own.with_resources,
            with_net: own.with_net,
            with_split: false,
            tag_keys: own.tag_keys,
            category_names: own.category_names,
            columns: Vec::new(),
        }
    }

    /// The folder of an execution's data or metadata: `area` is the one or the other word.
    fn folder(&self, area: &str, period: Month, execution: &str) -> String {
        let part = format!("BILLING_PERIOD={period}");
        let parts = [self.prefix.as_str(), &self.export_name, area, &part, execution];
        let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        parts.join("/")
    }

    /// The key of the period's top manifest, which tells of the newest execution.
    #[must_use]
    pub fn manifest_key(&self, period: Month) -> String {
        self.execution_manifest_key(period, "")
    }

    /// The key of the manifest in the folder of an execution (`<time>-<id>`).
    #[must_use]
    pub fn execution_manifest_key(&self, period: Month, execution: &str) -> String {
        format!("{}/{}-Manifest.json", self.folder("metadata", period, execution), self.export_name)
    }

    /// The key of data file `number`, counted from 1. The execution's folder (`<time>-<id>`) is
    /// part of it only where deliveries are kept.
    #[must_use]
    pub fn data_key(&self, period: Month, execution: &str, number: usize) -> String {
        let execution = match self.layout {
            Layout::CreateNew => execution,
            Layout::Overwrite => "",
        };
        let folder = self.folder("data", period, execution);
        format!("{folder}/{}-{number:05}.{}", self.export_name, self.packing.extension())
    }

    /// The ARN of the export.
    #[must_use]
    pub fn arn(&self) -> String {
        let Self { account, export_name, export_uuid, .. } = self;
        format!("arn:aws:bcm-data-exports:us-east-1:{account}:export/{export_name}-{export_uuid}")
    }
}

#[cfg(test)]
mod tests;
