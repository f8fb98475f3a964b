//! The manifest that makes a set of data files a delivery.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::{CurReport, Layout};
use crate::calendar::{Date, Hour, Month};
use crate::random;

/// What a manifest says beside the report's definition.
pub(crate) struct Manifest<'a> {
    pub(crate) period: Month,
    pub(crate) assembly_id: &'a str,
    /// Category, name and type of each column, in order.
    pub(crate) columns: Vec<(&'a str, &'a str, &'a str)>,
    /// Keys of the data files, in order.
    pub(crate) report_keys: &'a [String],
}

/// Writes the manifest, last the top one, so that a reader of that one finds all it names. Gives
/// the top manifest's path.
pub(crate) fn write_manifest(
    dir: &Path,
    report: &CurReport,
    manifest: &Manifest<'_>,
) -> io::Result<PathBuf> {
    let text = serde_json::to_vec_pretty(&content(report, manifest))?;
    if report.layout == Layout::CreateNew {
        let file = format!("{}-Manifest.json", report.report_name);
        let key = report.key(manifest.period, manifest.assembly_id, &file);
        fs::write(dir.join(key), &text)?;
    }
    let path = dir.join(report.manifest_key(manifest.period));
    fs::write(&path, &text)?;
    Ok(path)
}

fn content(report: &CurReport, manifest: &Manifest<'_>) -> Value {
    let columns: Vec<Value> = manifest.columns.iter().map(column).collect();
    let own = format!("{}/{}", report.bucket, report.report_name);
    let report_id = random::text(random::hash(3, &own), random::HEX, 64);
    let period = manifest.period.interval();
    json!({
        "assemblyId": manifest.assembly_id,
        "account": report.account,
        "columns": columns,
        "charset": "UTF-8",
        "compression": report.compression.name(),
        "contentType": "text/csv",
        "reportId": report_id,
        "reportName": report.report_name,
        "billingPeriod": {"start": compact(period.start), "end": compact(period.end)},
        "bucket": report.bucket,
        "reportKeys": manifest.report_keys,
        "additionalArtifactKeys": [],
    })
}

fn column(&(category, name, kind): &(&str, &str, &str)) -> Value {
    json!({"category": category, "name": name, "type": kind})
}

/// `20260101T000000.000Z`.
fn compact(hour: Hour) -> String {
    let Date { year, month, day } = hour.date();
    format!("{year:04}{month:02}{day:02}T{:02}0000.000Z", hour.of_day())
}
