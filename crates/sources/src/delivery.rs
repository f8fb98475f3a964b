//! What a place holds: deliveries of reports, and what is none.

use object_store::ObjectMeta;

use crate::table::{Mapping, Part};

/// A file that belongs to a delivery.
#[derive(Debug, Clone)]
pub struct SourceFile {
    /// The object.
    pub meta: ObjectMeta,
    /// Name for people and for `x_SourceFile`: the last part of its key.
    pub name: String,
}

/// Whether a delivery can be loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Readiness {
    /// All files are there.
    Ready,
    /// Nothing is wrong, AWS is not done yet: what is missing.
    Waiting(String),
    /// Its first file cannot be read: why.
    Damaged(String),
    /// It holds no lines and does not say which month it is for.
    Empty(String),
}

/// What AWS handed over for one billing period at one moment.
#[derive(Debug, Clone)]
pub struct Delivery {
    /// Name of the report.
    pub report: String,
    /// What tells two reports of the same name apart: account and place.
    pub identity: String,
    /// Account that owns the report, empty when unknown.
    pub account: String,
    /// Billing period, YYYY-MM; empty when only the lines can tell.
    pub period: String,
    /// Revision.
    pub revision: String,
    /// What its files may be; their header decides.
    pub mappings: &'static [&'static Mapping],
    /// What they are, once looked into.
    pub mapping: Option<&'static Mapping>,
    /// Which lines of its files it is; `None` for all.
    pub part: Option<Part>,
    /// Files, in order.
    pub files: Vec<SourceFile>,
    /// Files that tell the same bill; their totals check it.
    pub checks: Vec<SourceFile>,
    /// Currency of lines that name none, where the files' names tell.
    pub currency: Option<String>,
    /// Can it be loaded?
    pub readiness: Readiness,
    /// The manifest, to see whether it changed meanwhile.
    pub manifest: Option<ObjectMeta>,
    /// Things worth telling.
    pub warnings: Vec<String>,
}

impl Delivery {
    /// When the last of its files was written, microseconds since 1970 UTC; 0 when it has none.
    #[must_use]
    pub fn written_at(&self) -> i64 {
        let metas = self.files.iter().map(|file| &file.meta).chain(&self.manifest);
        metas.map(|meta| meta.last_modified.timestamp_micros()).max().unwrap_or(0)
    }
}

/// Everything found in a place.
#[derive(Debug, Default)]
pub struct Found {
    /// Deliveries: of each report and month the newest.
    pub deliveries: Vec<Delivery>,
    /// Objects that are no billing data, with the reason.
    pub left_alone: Vec<(String, String)>,
}

/// A connection name made of any text: lowercase letters, digits and dashes.
#[must_use]
pub fn connection_name(text: &str) -> String {
    let mut name = String::new();
    for c in text.chars() {
        if c.is_ascii_alphanumeric() {
            name.push(c.to_ascii_lowercase());
        } else if !name.ends_with('-') && !name.is_empty() {
            name.push('-');
        }
    }
    let name = name.trim_end_matches('-');
    if name.is_empty() { "report".to_owned() } else { name.chars().take(64).collect() }
}

#[cfg(test)]
mod tests {
    use super::connection_name;

    #[test]
    fn names_are_plain() {
        assert_eq!(connection_name("My_Report (2)"), "my-report-2");
        assert_eq!(connection_name("---"), "report");
    }
}
