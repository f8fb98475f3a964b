//! The manifests that make a set of data files a delivery.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::{ExportReport, Layout};
use crate::calendar::Month;
use crate::render::table::Heading;

/// What a manifest says beside the export's definition.
pub(super) struct Manifest<'a> {
    pub(super) period: Month,
    pub(super) execution_id: &'a str,
    /// The folder of the execution.
    pub(super) execution: &'a str,
    pub(super) headings: &'a [Heading],
    /// Keys of the data files, in order.
    pub(super) data_keys: &'a [String],
}

/// Writes the manifest, last the top one, so that a reader of that one finds all it names. Gives
/// the top manifest's path.
pub(super) fn write(
    dir: &Path,
    report: &ExportReport,
    manifest: &Manifest<'_>,
) -> io::Result<PathBuf> {
    let text = serde_json::to_vec_pretty(&content(report, manifest))?;
    if report.layout == Layout::CreateNew {
        let key = report.execution_manifest_key(manifest.period, manifest.execution);
        put(&dir.join(key), &text)?;
    }
    let path = dir.join(report.manifest_key(manifest.period));
    put(&path, &text)?;
    Ok(path)
}

fn put(path: &Path, text: &[u8]) -> io::Result<()> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    fs::write(path, text)
}

fn content(report: &ExportReport, manifest: &Manifest<'_>) -> Value {
    let column = |own: &Heading| json!({"name": own.name, "type": own.kind.name()});
    let uri = |key: &String| format!("s3://{}/{key}", report.bucket);
    json!({
        "executionId": manifest.execution_id,
        "exportArn": report.arn(),
        "columns": manifest.headings.iter().map(column).collect::<Vec<_>>(),
        "dataFiles": manifest.data_keys.iter().map(uri).collect::<Vec<_>>(),
        "additionalOutputFiles": [],
    })
}
