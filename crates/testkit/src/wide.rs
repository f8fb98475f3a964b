//! A very large legacy report for benchmarks: written fast, flat in memory, with the shape of a
//! real one (about 220 columns, thousands of SKUs, tens of thousands of resources, a month of
//! hours). Its sums mean nothing, except that each negation row cancels the covered rows before it.
//!
//! [`synth`](crate::synth) is the place for bills that make sense.

mod market;
mod rows;

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::thread;

use flate2::write::GzEncoder;

use crate::calendar::Month;
use crate::random;
use crate::render::cur::{self, Compression, CurReport, Layout, Manifest};
use market::Market;
use rows::Rows;

/// The month of the report: 744 hours.
const MONTH: Month = Month::new(2026, 1);
/// Threads that fill and pack chunks.
const THREADS: usize = 2;
/// Text that a thread gathers before packing it.
const BUFFER_BYTES: usize = 1 << 18;

/// What was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WideSummary {
    /// The period's top manifest.
    pub manifest_path: PathBuf,
    /// The data files, in the manifest's order.
    pub files: Vec<PathBuf>,
    /// Rows of all data files, headers not counted.
    pub rows: u64,
    /// Bytes before packing.
    pub raw_bytes: u64,
    /// Bytes on disk, without manifests.
    pub gz_bytes: u64,
}

/// Writes a report of `rows` rows below `dir`, which stands for the bucket, in files of
/// `chunk_rows` rows (at least as many as `rows`, or 0, for a single file). Files are made side by
/// side, each from its own seed: their bytes do not depend on the machine.
///
/// # Errors
/// What the file system reports.
pub fn write_wide_cur(
    dir: &Path,
    rows: u64,
    chunk_rows: u64,
    seed: u64,
) -> io::Result<WideSummary> {
    let report = report();
    let assembly_id = "20260207T031500Z";
    let chunk_rows = if chunk_rows == 0 { rows.max(1) } else { chunk_rows };
    let count = usize::try_from(rows.div_ceil(chunk_rows).max(1)).map_err(io::Error::other)?;
    let keys: Vec<String> =
        (1..=count).map(|number| report.data_key(MONTH, assembly_id, number)).collect();
    let files: Vec<PathBuf> = keys.iter().map(|key| dir.join(key)).collect();
    if let Some(parent) = files.first().and_then(|file| file.parent()) {
        fs::create_dir_all(parent)?;
    }
    let headings = market::headings();
    let market = Market::new(seed, MONTH);
    let mut left = rows;
    let jobs = files.iter().enumerate().map(|(at, path)| {
        let own = left.min(chunk_rows);
        left -= own;
        Job { path, rows: own, seed: random::hash_number(seed, at as u64) }
    });
    let header: Vec<String> =
        headings.iter().map(|(group, name, _)| format!("{group}/{name}")).collect();
    let header = header.join(",") + "\n";
    let (raw_bytes, gz_bytes) = run(&market, &header, jobs)?;
    let manifest = Manifest { period: MONTH, assembly_id, columns: headings, report_keys: &keys };
    let manifest_path = cur::write_manifest(dir, &report, &manifest)?;
    Ok(WideSummary { manifest_path, files, rows, raw_bytes, gz_bytes })
}

/// The report's definition.
fn report() -> CurReport {
    CurReport {
        account: "111122223333".to_owned(),
        bucket: "wide-billing".to_owned(),
        prefix: "bench".to_owned(),
        report_name: "wide".to_owned(),
        layout: Layout::CreateNew,
        compression: Compression::Gzip,
        chunk_rows: usize::MAX,
        chunk_digits: 5,
        with_resources: true,
        with_net: false,
        tag_keys: market::TAG_KEYS.map(str::to_owned).to_vec(),
        category_names: market::CATEGORIES.map(str::to_owned).to_vec(),
    }
}

/// A file to write.
struct Job<'a> {
    path: &'a Path,
    rows: u64,
    seed: u64,
}

/// Does the jobs on all threads; gives the raw and the packed bytes.
fn run<'a>(
    market: &Market,
    header: &str,
    jobs: impl Iterator<Item = Job<'a>> + Send,
) -> io::Result<(u64, u64)> {
    let jobs = Mutex::new(jobs);
    let work = || -> io::Result<(u64, u64)> {
        let (mut raw, mut packed) = (0, 0);
        loop {
            // A poisoned lock only means that the other thread died; its own result tells.
            let job = jobs.lock().ok().and_then(|mut jobs| jobs.next());
            let Some(job) = job else { return Ok((raw, packed)) };
            raw += write_chunk(market, header, &job)?;
            packed += fs::metadata(job.path)?.len();
        }
    };
    thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(work)).collect();
        let mut sums = (0, 0);
        for thread in threads {
            let dead = |_| io::Error::other("a thread of the wide report died");
            let (raw, packed) = thread.join().map_err(dead)??;
            sums = (sums.0 + raw, sums.1 + packed);
        }
        Ok(sums)
    })
}

/// Writes one file; gives its raw bytes.
fn write_chunk(market: &Market, header: &str, job: &Job<'_>) -> io::Result<u64> {
    let file = BufWriter::new(File::create(job.path)?);
    let mut packer = GzEncoder::new(file, flate2::Compression::default());
    let mut rows = Rows::new(market, job.seed);
    let mut text = String::with_capacity(BUFFER_BYTES + (1 << 14));
    text.push_str(header);
    let (mut left, mut raw) = (job.rows, 0);
    while left > 0 {
        left -= rows.push(&mut text, left);
        if text.len() >= BUFFER_BYTES || left == 0 {
            raw += text.len() as u64;
            packer.write_all(text.as_bytes())?;
            text.clear();
        }
    }
    raw += text.len() as u64;
    packer.write_all(text.as_bytes())?;
    packer.finish()?.flush()?;
    Ok(raw)
}

#[cfg(test)]
mod tests;
