//! `cargo xtask bench sources`: how fast each file format is read.
//!
//! One month of the synthetic organisation is written in every format, and each is imported into a
//! fresh home, in turn. What counts is text per CPU second: for Parquet the text that a row would
//! be as CSV. A smaller organisation's import is measured beside each and taken off: starting and
//! planning cost the same however long the file is.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail};

use super::measure::{self, Meter};
use super::remove;
use crate::python::{self, Outcome};
use crate::{Verdict, workspace};

const ROUNDS: usize = 3;

/// `import` is the whole way into the lake, `read` the reader with its mapping alone: both are CPU
/// seconds. Speeds are MiB of text per CPU second, `times` those of the first line.
const TITLE: &str = "format                rows  text MiB  disk MiB  import  peak MiB    \
                     speed   times    read    speed   times";

/// As `billhook bench-data --form` names them; the first is what others are compared with.
const FORMS: [&str; 8] = [
    "cur-csv",
    "cur2-csv",
    "cur2-parquet",
    "focus10-csv",
    "focus12-parquet",
    "focus-file",
    "focus-file-parquet",
    "dbr",
];

/// Runs the benchmark and prints its table; measuring is the whole verdict.
pub(crate) fn sources() -> Verdict {
    let python = match python::provide(&python::TESTS)? {
        Outcome::Ready(python) => python,
        Outcome::Skipped(line) => bail!("{line} (the measuring needs it)"),
    };
    let billhook = workspace::build_release()?;
    let meter = Meter::new(&python)?;
    let bench = workspace::cache()?.join("bench");
    let scratch = bench.join("scratch");
    println!("{TITLE}");
    let (mut first, mut first_read) = (None, None);
    for form in FORMS {
        let data = data(&bench, form, "8", &billhook)?;
        let small = self::data(&bench, form, "1", &billhook)?;
        let (mut all, mut starts) = (Vec::new(), Vec::new());
        let mut reads = Vec::new();
        for _ in 0..ROUNDS {
            reads.push(
                read(&meter, &billhook, &data)?.saturating_sub(read(&meter, &billhook, &small)?),
            );
            starts.push(import(&meter, &billhook, &small, &scratch)?);
            let few = figures(&billhook, &scratch)?;
            all.push((import(&meter, &billhook, &data, &scratch)?, few));
        }
        let (rows, text) = figures(&billhook, &scratch)?;
        let took = measure::median(&all.iter().map(|(one, _)| one).collect::<Vec<_>>());
        let start = measure::median(&starts.iter().collect::<Vec<_>>());
        let (few_rows, few_text) = all.first().map_or((0, 0), |(_, few)| *few);
        let cpu = took.cpu_us.saturating_sub(start.cpu_us).max(1);
        let speed = (text - few_text) * 1_000_000 / cpu;
        let first = *first.get_or_insert(speed);
        reads.sort_unstable();
        let read_us = reads.get(ROUNDS / 2).copied().unwrap_or_default().max(1);
        let read_text = text_read(&billhook, &data)? - text_read(&billhook, &small)?;
        let read_speed = read_text * 1_000_000 / read_us;
        let first_read = *first_read.get_or_insert(read_speed);
        println!(
            "{form:<18} {:>7} {:>9} {:>9} {:>7} {:>9} {:>8} {:>7} {:>7} {:>8} {:>7}",
            rows - few_rows,
            mib(text - few_text),
            mib(size(&data)?),
            measure::decimal(cpu, 1_000_000),
            took.peak_kib / 1024,
            mib(speed),
            measure::decimal(speed, first),
            measure::decimal(read_us, 1_000_000),
            mib(read_speed),
            measure::decimal(read_speed, first_read),
        );
    }
    remove(&scratch)?;
    Ok(true)
}

/// The folder with the month in a format, written when it is not in the cache.
fn data(bench: &Path, form: &str, times: &str, billhook: &Path) -> anyhow::Result<PathBuf> {
    let folder = bench.join(format!("{form}-{times}"));
    let (data, complete) = (folder.join("data"), folder.join("complete"));
    if complete.is_file() {
        return Ok(data);
    }
    remove(&folder)?;
    fs::create_dir_all(&data).with_context(|| format!("could not make {}", data.display()))?;
    eprintln!("writing {form}, {times} times the demonstration's resources");
    let mut writer = Command::new(billhook);
    writer.arg("bench-data").arg("--to").arg(&data).args(["--form", form, "--times", times]);
    workspace::succeed(&mut writer)?;
    fs::write(&complete, "").with_context(|| format!("could not write {}", complete.display()))?;
    Ok(data)
}

/// Imports into a fresh home.
fn import(
    meter: &Meter,
    billhook: &Path,
    data: &Path,
    scratch: &Path,
) -> anyhow::Result<measure::Measurement> {
    remove(scratch)?;
    fs::create_dir_all(scratch).with_context(|| format!("could not make {}", scratch.display()))?;
    let mut command = Command::new(billhook);
    meter.run(command.arg("import").arg(data).arg("--home").arg(scratch.join("home")))
}

/// CPU microseconds of reading alone.
fn read(meter: &Meter, billhook: &Path, data: &Path) -> anyhow::Result<u64> {
    let mut command = Command::new(billhook);
    Ok(meter.run(command.arg("bench-read").arg(data))?.cpu_us)
}

/// Bytes of text that reading alone sees.
fn text_read(billhook: &Path, data: &Path) -> anyhow::Result<u64> {
    let output = Command::new(billhook).arg("bench-read").arg(data).output();
    let output = output.context("could not read")?;
    let text = String::from_utf8_lossy(&output.stdout);
    let (_, bytes) = text.trim().split_once(',').with_context(|| format!("no figures: {text}"))?;
    Ok(bytes.parse()?)
}

/// Rows and bytes of text that the last import read.
fn figures(billhook: &Path, scratch: &Path) -> anyhow::Result<(u64, u64)> {
    let sql = "SELECT SUM(LineItems), SUM(TextBytes) FROM deliveries";
    let mut command = Command::new(billhook);
    command.args(["sql", sql, "--format", "csv", "--home"]).arg(scratch.join("home"));
    let output = command.output().context("could not ask for the figures")?;
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text.lines().last().unwrap_or_default();
    let (rows, bytes) = line.split_once(',').with_context(|| format!("no figures: {text}"))?;
    Ok((rows.parse()?, bytes.parse()?))
}

/// Bytes of all files below.
fn size(folder: &Path) -> anyhow::Result<u64> {
    let mut total = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        total += if metadata.is_dir() { size(&entry.path())? } else { metadata.len() };
    }
    Ok(total)
}

fn mib(bytes: u64) -> u64 {
    bytes / (1024 * 1024)
}
