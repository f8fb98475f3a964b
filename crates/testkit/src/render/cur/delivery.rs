//! The data files of a delivery.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use flate2::write::GzEncoder;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::columns::{Column, columns};
use super::manifest::{Manifest, write_manifest};
use super::{Compression, CurReport};
use crate::calendar::Month;
use crate::synth::Line;

/// Bytes after which a buffer of rows is handed to the packer.
const BUFFER_BYTES: usize = 1 << 18;

/// What was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// The period's top manifest.
    pub manifest_path: PathBuf,
    /// The data files in the manifest's order.
    pub files: Vec<PathBuf>,
    /// Rows of all data files, headers not counted.
    pub rows: u64,
}

/// Writes a delivery of `period` below `dir`, which stands for the bucket: data files first, the
/// top manifest last. A delivery without lines is one file with only a header.
///
/// # Errors
/// What the file system reports.
pub fn write_delivery(
    dir: &Path,
    report: &CurReport,
    period: Month,
    assembly_id: &str,
    lines: &[Line],
) -> io::Result<Delivery> {
    let columns = columns(report, lines);
    let chunks: Vec<&[Line]> = if lines.is_empty() {
        vec![lines]
    } else {
        lines.chunks(report.chunk_rows.max(1)).collect()
    };
    let mut report_keys = Vec::new();
    let mut files = Vec::new();
    for (at, chunk) in chunks.into_iter().enumerate() {
        let key = report.data_key(period, assembly_id, at + 1);
        let path = dir.join(&key);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        write_file(&path, report.compression, &columns, chunk)?;
        report_keys.push(key);
        files.push(path);
    }
    let own = columns.iter().map(|column| (column.category, column.name.as_str(), column.kind));
    let manifest =
        Manifest { period, assembly_id, columns: own.collect(), report_keys: &report_keys };
    let manifest_path = write_manifest(dir, report, &manifest)?;
    Ok(Delivery { manifest_path, files, rows: lines.len() as u64 })
}

fn write_file(
    path: &Path,
    compression: Compression,
    columns: &[Column],
    lines: &[Line],
) -> io::Result<()> {
    let file = BufWriter::new(File::create(path)?);
    match compression {
        Compression::Gzip => {
            let mut packer = GzEncoder::new(file, flate2::Compression::default());
            write_csv(&mut packer, columns, lines)?;
            packer.finish()?.flush()
        }
        Compression::Zip => {
            let mut packer = ZipWriter::new(file);
            let name = path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
            packer.start_file(name.unwrap_or_default(), SimpleFileOptions::default())?;
            write_csv(&mut packer, columns, lines)?;
            packer.finish()?.flush()
        }
        Compression::Plain => {
            let mut file = file;
            write_csv(&mut file, columns, lines)?;
            file.flush()
        }
    }
}

fn write_csv(out: &mut impl Write, columns: &[Column], lines: &[Line]) -> io::Result<()> {
    let headers: Vec<String> = columns.iter().map(Column::header).collect();
    let mut rows = headers.join(",");
    rows.push('\n');
    let mut cell = String::new();
    for line in lines {
        for (at, column) in columns.iter().enumerate() {
            if at > 0 {
                rows.push(',');
            }
            cell.clear();
            column.cell.write(line, &mut cell);
            push_cell(&mut rows, &cell);
        }
        rows.push('\n');
        if rows.len() >= BUFFER_BYTES {
            out.write_all(rows.as_bytes())?;
            rows.clear();
        }
    }
    out.write_all(rows.as_bytes())
}

/// Appends a cell, quoted (RFC 4180) only where it would not be read back otherwise.
pub(in crate::render) fn push_cell(out: &mut String, cell: &str) {
    if cell.bytes().any(|byte| matches!(byte, b',' | b'"' | b'\n' | b'\r')) {
        out.push('"');
        out.push_str(&cell.replace('"', "\"\""));
        out.push('"');
    } else {
        out.push_str(cell);
    }
}
