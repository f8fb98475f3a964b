//! `cargo xtask bench`: how fast files become the table.
//!
//! `bench events` sends events (see [`mod@events`]), `bench sources` compares the file formats with
//! each other (see [`sources`]), `bench server` measures the pages (see [`mod@server`]). `bench
//! ingest` compares with two yardsticks:
//!
//! One synthetic report (about 200 columns, many chunks, realistic repetition) is written once per
//! size and kept in the cache. Three rounds then measure, in turn, so that a slow spell of the
//! machine touches all of them: the import into a fresh home, `gzip -dc` of the same files, and
//! DuckDB with two threads computing the same FOCUS columns into zstd Parquet (`focus_duckdb.sql`).
//! Printed are medians. Figures are integers (micro-seconds, KiB): the workspace knows no floats.

mod events;
mod measure;
mod options;
mod server;
mod sources;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail, ensure};

pub(crate) use self::events::events;
use self::measure::{Measurement, Meter};
pub(crate) use self::options::Options;
pub(crate) use self::server::{ServerOptions, server};
pub(crate) use self::sources::sources;
use crate::python::{self, Outcome};
use crate::{Verdict, workspace};

const ROUNDS: usize = 3;

/// What one round measured.
struct Round {
    import: Measurement,
    gzip: Measurement,
    duckdb: Measurement,
}

/// Runs the benchmark and prints its table; measuring is the whole verdict.
pub(crate) fn ingest(options: &Options) -> Verdict {
    let python = match python::provide(&python::TESTS)? {
        Outcome::Ready(python) => python,
        Outcome::Skipped(line) => bail!("{line} (the measuring and DuckDB need it)"),
    };
    let billhook = workspace::build_release()?;
    let data = report(options, &billhook)?;
    let chunks = chunks(&data)?;
    let meter = Meter::new(&python)?;
    let scratch = workspace::cache()?.join("bench").join("scratch");
    let mut rounds = Vec::new();
    for number in 1..=ROUNDS {
        eprintln!("round {number} of {ROUNDS}");
        rounds.push(round(&meter, &billhook, &data, &chunks, &scratch)?);
    }
    print_size(options, &chunks)?;
    print_rounds(options.rows, &rounds);
    remove(&scratch)?;
    Ok(true)
}

/// The folder with the report of this size, written when it is not in the cache.
fn report(options: &Options, billhook: &Path) -> anyhow::Result<PathBuf> {
    let folder = workspace::cache()?.join("bench").join(options.name());
    let data = folder.join("data");
    let complete = folder.join("complete");
    if complete.is_file() && !options.fresh {
        return Ok(data);
    }
    remove(&folder)?;
    fs::create_dir_all(&data).with_context(|| format!("could not make {}", data.display()))?;
    eprintln!("writing {} rows to {}", options.rows, data.display());
    let mut writer = Command::new(billhook);
    writer.arg("bench-data").arg("--to").arg(&data);
    writer.args(["--rows", &options.rows.to_string()]);
    writer.args(["--chunk-rows", &options.chunk_rows.to_string()]);
    if options.single_chunk {
        writer.arg("--single-chunk");
    }
    workspace::succeed(&mut writer)?;
    fs::write(&complete, "").with_context(|| format!("could not write {}", complete.display()))?;
    Ok(data)
}

/// Every `.csv.gz` under the folder, in order.
fn chunks(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_path_buf()];
    while let Some(folder) = open.pop() {
        let entries = fs::read_dir(&folder)
            .with_context(|| format!("could not list {}", folder.display()))?;
        for entry in entries {
            let path = entry.with_context(|| format!("in {}", folder.display()))?.path();
            if path.is_dir() {
                open.push(path);
            } else if path.to_string_lossy().ends_with(".csv.gz") {
                found.push(path);
            }
        }
    }
    ensure!(!found.is_empty(), "no .csv.gz under {}", folder.display());
    found.sort();
    Ok(found)
}

fn round(
    meter: &Meter,
    billhook: &Path,
    data: &Path,
    chunks: &[PathBuf],
    scratch: &Path,
) -> anyhow::Result<Round> {
    remove(scratch)?;
    fs::create_dir_all(scratch).with_context(|| format!("could not make {}", scratch.display()))?;
    let home = scratch.join("home");
    let import =
        meter.run(Command::new(billhook).arg("import").arg(data).arg("--home").arg(home))?;
    let gzip = meter.run(Command::new("gzip").arg("-dc").args(chunks))?;
    let bench = workspace::root()?.join("xtask/src/bench");
    let mut duckdb = Command::new(meter.python());
    duckdb.arg(bench.join("focus_duckdb.py")).arg(bench.join("focus_duckdb.sql"));
    let duckdb = meter.run(duckdb.arg(scratch.join("focus.parquet")).args(chunks))?;
    Ok(Round { import, gzip, duckdb })
}

fn print_size(options: &Options, chunks: &[PathBuf]) -> anyhow::Result<()> {
    let mut bytes = 0;
    for chunk in chunks {
        let metadata = fs::metadata(chunk);
        bytes += metadata.with_context(|| format!("could not read {}", chunk.display()))?.len();
    }
    let (rows, files, mib) = (options.rows, chunks.len(), bytes / (1024 * 1024));
    println!("{rows} rows, {files} chunks, {mib} MiB of gzip; medians of {ROUNDS} rounds");
    Ok(())
}

fn print_rounds(rows: u64, rounds: &[Round]) {
    let median = |which: fn(&Round) -> &Measurement| {
        measure::median(&rounds.iter().map(which).collect::<Vec<_>>())
    };
    let import = median(|round| &round.import);
    let gzip = median(|round| &round.gzip);
    let duckdb = median(|round| &round.duckdb);
    println!("                   wall s     CPU s  peak MiB       rows/s");
    for (name, figures) in [("billhook", &import), ("gzip -dc", &gzip), ("duckdb", &duckdb)] {
        println!(
            "{name:<15} {:>9} {:>9} {:>9} {:>12}",
            measure::decimal(figures.wall_us, 1_000_000),
            measure::decimal(figures.cpu_us, 1_000_000),
            figures.peak_kib / 1024,
            rows.saturating_mul(1_000_000) / figures.wall_us.max(1),
        );
    }
    println!("CPU against gzip -dc: {}", measure::decimal(import.cpu_us, gzip.cpu_us));
    println!("wall against DuckDB:  {}", measure::decimal(import.wall_us, duckdb.wall_us));
}

/// Removes a folder of ours, if it is there.
fn remove(folder: &Path) -> anyhow::Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder)
            .with_context(|| format!("could not remove {}", folder.display()))?;
    }
    Ok(())
}
