//! Detailed Billing Reports: the four CSV files that AWS kept in a bucket before the Cost and
//! Usage Report.
//!
//! [`write_month`] writes a payer's month below a folder that stands for the bucket. There is no
//! manifest, and a later write replaces the files, as AWS does. The detailed files have a row per
//! line of the bill, the monthly ones add up what repeats.
//!
//! Not modelled: the form before June 2019, in which covered usage took over the words of its
//! reservation's fee.

mod detailed;
mod monthly;
mod text;
mod totals;

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use crate::calendar::Month;
use crate::decimal::Decimal;
use crate::synth::Line;

/// One of the four reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ReportType {
    /// `…-aws-billing-csv-…`: a row per account and thing used.
    Monthly,
    /// `…-aws-cost-allocation-…`: the same, by tags as well.
    CostAllocation,
    /// `…-aws-billing-detailed-line-items-…`: a row per line of the bill.
    Detailed,
    /// `…-aws-billing-detailed-line-items-with-resources-and-tags-…`.
    DetailedWithResources,
}

impl ReportType {
    /// All four, the short ones first.
    pub const ALL: [Self; 4] =
        [Self::Monthly, Self::CostAllocation, Self::Detailed, Self::DetailedWithResources];

    /// The part of the file name between account and month.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Monthly => "aws-billing-csv",
            Self::CostAllocation => "aws-cost-allocation",
            Self::Detailed => "aws-billing-detailed-line-items",
            Self::DetailedWithResources => {
                "aws-billing-detailed-line-items-with-resources-and-tags"
            }
        }
    }

    /// Is there a row per line of the bill, in a ZIP archive?
    #[must_use]
    pub const fn is_detailed(self) -> bool {
        matches!(self, Self::Detailed | Self::DetailedWithResources)
    }
}

/// The Chinese regions put a word of their own into file names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum China {
    /// `ACTS-`
    Beijing,
    /// `ACTS-Ningxia-`
    Ningxia,
}

impl China {
    /// The word, with the hyphen after it.
    #[must_use]
    pub const fn token(self) -> &'static str {
        match self {
            Self::Beijing => "ACTS-",
            Self::Ningxia => "ACTS-Ningxia-",
        }
    }
}

/// Which reports an account gets, and how they look.
#[derive(Clone, Debug)]
pub struct DbrReport {
    /// Payer account, twelve digits.
    pub account: String,
    /// Folder in the bucket, without slashes at its ends; empty for AWS's own place, the root.
    pub prefix: String,
    /// The files to write.
    pub reports: Vec<ReportType>,
    /// Does the account pay for others? If not, detailed files have `Rate` and `Cost` in place of
    /// the two blended and two unblended columns, and no report has totals by account.
    pub consolidated: bool,
    /// Activated tag keys, such as `user:team`.
    pub tag_keys: Vec<String>,
    /// Does the cost allocation report begin with AWS's remark on missing tags?
    pub disclaimer: bool,
    /// Written by a Chinese region?
    pub china: Option<China>,
}

impl DbrReport {
    /// The key of a report in the bucket.
    #[must_use]
    pub fn key(&self, report: ReportType, month: Month) -> String {
        let end = if report.is_detailed() { ".zip" } else { "" };
        let china = self.china.map_or("", China::token);
        let file = format!("{}-{}-{china}{month}.csv{end}", self.account, report.name());
        if self.prefix.is_empty() { file } else { format!("{}/{file}", self.prefix) }
    }
}

/// A file that was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrittenFile {
    /// Which report it is.
    pub report: ReportType,
    /// Where it is.
    pub path: PathBuf,
    /// Rows with charges: no header, no disclaimer, no totals, no `Rounding`.
    pub rows: u64,
}

/// A month's reports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// The files in the order of [`DbrReport::reports`].
    pub files: Vec<WrittenFile>,
    /// What each file's `StatementTotal` says: Σ [`Line::cost`].
    pub total: Decimal,
}

/// Writes the reports of `month`, whose `lines` are all one payer's, below `bucket_dir`.
///
/// # Errors
/// What the file system reports.
pub fn write_month(
    bucket_dir: &Path,
    report: &DbrReport,
    month: Month,
    lines: &[Line],
) -> io::Result<Written> {
    let mut files = Vec::new();
    for &kind in &report.reports {
        let path = bucket_dir.join(report.key(kind, month));
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        let rows = write_file(&path, report, kind, month, lines)?;
        files.push(WrittenFile { report: kind, path, rows });
    }
    Ok(Written { files, total: lines.iter().map(|line| line.cost).sum() })
}

/// Gives the number of rows with charges.
fn write_file(
    path: &Path,
    report: &DbrReport,
    kind: ReportType,
    month: Month,
    lines: &[Line],
) -> io::Result<u64> {
    let mut file = BufWriter::new(File::create(path)?);
    if !kind.is_detailed() {
        let rows = monthly::write(&mut file, report, kind, month, lines)?;
        file.flush()?;
        return Ok(rows);
    }
    let mut packer = ZipWriter::new(file);
    let name = path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
    packer.start_file(name.unwrap_or_default(), SimpleFileOptions::default())?;
    let rows = detailed::write(&mut packer, report, kind, month, lines)?;
    packer.finish()?.flush()?;
    Ok(rows)
}

#[cfg(test)]
mod tests;
