//! The legacy Cost and Usage Report (CSV): files, keys and manifests as AWS lays them out in S3.
//!
//! [`write_delivery`] writes one delivery of one billing period below a folder that stands for the
//! bucket. The columns follow the lines: attributes, commitments and discounts that do not occur
//! have no column, as in AWS's reports.

mod cells;
mod columns;
mod delivery;
mod manifest;

use crate::calendar::Month;

pub(in crate::render) use cells::subscription_id;
pub(crate) use columns::frame;
pub(super) use columns::writer;
pub use columns::{Column, columns};
pub(super) use delivery::push_cell;
pub use delivery::{Delivery, write_delivery};
pub(crate) use manifest::{Manifest, write_manifest};

/// `ReportVersioning` of the report definition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// `CREATE_NEW_REPORT`: each delivery in a folder of its own, named by its assembly id.
    CreateNew,
    /// `OVERWRITE_REPORT`: each delivery replaces the files of the one before.
    Overwrite,
}

/// How the data files are packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// `.csv.gz`
    Gzip,
    /// `.csv.zip` with one entry.
    Zip,
    /// `.csv`; AWS does not offer it, people's copies have it.
    Plain,
}

impl Compression {
    /// How file names end.
    #[must_use]
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Gzip => "csv.gz",
            Self::Zip => "csv.zip",
            Self::Plain => "csv",
        }
    }

    /// The manifest's word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gzip => "GZIP",
            Self::Zip => "ZIP",
            Self::Plain => "NONE",
        }
    }
}

/// The definition of a report.
#[derive(Clone, Debug)]
pub struct CurReport {
    /// Account that owns the definition.
    pub account: String,
    /// Bucket name, for the manifest only.
    pub bucket: String,
    /// `S3Prefix`, without slashes at its ends; may be empty.
    pub prefix: String,
    /// `ReportName`.
    pub report_name: String,
    /// Where deliveries go.
    pub layout: Layout,
    /// How data files are packed.
    pub compression: Compression,
    /// Rows of a data file before the next begins; at least 1.
    pub chunk_rows: usize,
    /// Digits of the number in a file name: 1 gives `-1`, 5 gives `-00001`.
    pub chunk_digits: usize,
    /// `RESOURCES` schema element: is there a `lineItem/ResourceId`?
    pub with_resources: bool,
    /// Are there Net and discount columns?
    pub with_net: bool,
    /// Activated tag keys, such as `user:team`.
    pub tag_keys: Vec<String>,
    /// Cost category names.
    pub category_names: Vec<String>,
}

impl CurReport {
    /// The key of a file of the period, `folder` being empty or an assembly id.
    #[must_use]
    pub fn key(&self, period: Month, folder: &str, file: &str) -> String {
        let period = period.folder();
        let parts = [self.prefix.as_str(), &self.report_name, &period, folder, file];
        let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        parts.join("/")
    }

    /// The key of the period's top manifest.
    #[must_use]
    pub fn manifest_key(&self, period: Month) -> String {
        self.key(period, "", &format!("{}-Manifest.json", self.report_name))
    }

    /// The key of data file `number`, counted from 1.
    #[must_use]
    pub fn data_key(&self, period: Month, assembly_id: &str, number: usize) -> String {
        let folder = match self.layout {
            Layout::CreateNew => assembly_id,
            Layout::Overwrite => "",
        };
        let digits = self.chunk_digits;
        let extension = self.compression.extension();
        let file = format!("{}-{number:0digits$}.{extension}", self.report_name);
        self.key(period, folder, &file)
    }
}

#[cfg(test)]
mod tests;
