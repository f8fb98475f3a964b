//! The files of `billhook demo`: both payers' reports in two rounds of deliveries.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::calendar::{Date, Month};
use crate::render::cur::{self, Compression, CurReport, Delivery, Layout};
use crate::render::data_export::{self, ExportReport, Packing, Table};
use crate::render::dbr::{self, DbrReport, ReportType};
use crate::synth::{Organisation, Payer, Scale};

/// One report of the demonstration.
#[derive(Clone, Debug)]
pub struct DemoReport {
    /// Management account.
    pub payer_id: &'static str,
    /// Company name.
    pub payer_name: &'static str,
    /// The folder that stands for the bucket.
    pub bucket_dir: PathBuf,
    /// The report's definition.
    pub report: CurReport,
}

/// What a round wrote.
#[derive(Clone, Debug)]
pub struct DemoSummary {
    /// The reports that got deliveries.
    pub reports: Vec<DemoReport>,
    /// Folders with other billing products of the same bills.
    pub others: Vec<PathBuf>,
    /// The deliveries, by report and month.
    pub deliveries: Vec<Delivery>,
    /// Rows of all of them.
    pub rows: u64,
}

/// Writes the first round below `dir`: every month of both payers, Acme's second month still in
/// its first version. A folder per bucket.
///
/// # Errors
/// What the file system reports.
pub fn write_demo(dir: &Path, today: Date, seed: u64) -> io::Result<DemoSummary> {
    let organisation = Organisation::ending(seed, today, Scale::Demo);
    let mut summary = write_first_round(dir, &organisation)?;
    summary.others = write_others(dir, &organisation)?;
    Ok(summary)
}

/// Writes the same bills as other products below `dir`: Acme's third month as a FOCUS 1.2 export,
/// and Globex's first month as Detailed Billing Reports in an archive. Returns their folders.
///
/// # Errors
/// What the file system reports.
pub fn write_others(dir: &Path, organisation: &Organisation) -> io::Result<Vec<PathBuf>> {
    let months = organisation.months();
    let (Some(acme), Some(globex)) = (organisation.payers().first(), organisation.payers().last())
    else {
        return Ok(Vec::new());
    };
    let exports = dir.join("acme-exports");
    if let Some(&month) = months.get(2) {
        let own = report(dir, acme).report;
        let export = ExportReport {
            bucket: "acme-exports".to_owned(),
            prefix: "focus".to_owned(),
            layout: Layout::Overwrite,
            chunk_rows: 50_000,
            ..ExportReport::like(own, "acme-focus", Table::Focus12, Packing::Parquet)
        };
        let lines = organisation.ledger(acme, month, 1);
        let (id, time) = ("3b1f6c58-2f66-4a3b-8d0f-0e3a52b6c1aa", "2026-01-07T03:15:00.000Z");
        data_export::write_delivery(&exports, &export, month, id, time, &lines)?;
    }
    let archive = dir.join("globex-archive");
    if let Some(&month) = months.first() {
        let reports = DbrReport {
            account: globex.id.to_owned(),
            prefix: String::new(),
            reports: vec![ReportType::Monthly, ReportType::DetailedWithResources],
            consolidated: true,
            tag_keys: globex.tag_keys.iter().map(|&key| key.to_owned()).collect(),
            disclaimer: false,
            china: None,
        };
        dbr::write_month(&archive, &reports, month, &organisation.ledger(globex, month, 1))?;
    }
    Ok(vec![exports, archive])
}

/// Writes the second round below `dir`: AWS restates Acme's second month, in a new assembly beside
/// the old one.
///
/// # Errors
/// What the file system reports.
pub fn write_demo_restatement(dir: &Path, today: Date, seed: u64) -> io::Result<DemoSummary> {
    write_second_round(dir, &Organisation::ending(seed, today, Scale::Demo))
}

/// [`write_demo`] for any organisation.
///
/// # Errors
/// What the file system reports.
pub fn write_first_round(dir: &Path, organisation: &Organisation) -> io::Result<DemoSummary> {
    let mut reports = Vec::new();
    let mut deliveries = Vec::new();
    for payer in organisation.payers() {
        let own = report(dir, payer);
        for month in organisation.months() {
            let assembly_id = first_assembly(organisation.today(), month);
            deliveries.push(deliver(organisation, &own, payer, month, 1, &assembly_id)?);
        }
        reports.push(own);
    }
    Ok(summary(reports, deliveries))
}

/// [`write_demo_restatement`] for any organisation.
///
/// # Errors
/// What the file system reports.
pub fn write_second_round(dir: &Path, organisation: &Organisation) -> io::Result<DemoSummary> {
    let Some((payer, month)) = organisation.restated() else {
        return Ok(summary(Vec::new(), Vec::new()));
    };
    let own = report(dir, payer);
    let assembly_id = assembly(organisation.today(), "094000");
    let delivery = deliver(organisation, &own, payer, month, 2, &assembly_id)?;
    Ok(summary(vec![own], vec![delivery]))
}

fn summary(reports: Vec<DemoReport>, deliveries: Vec<Delivery>) -> DemoSummary {
    let rows = deliveries.iter().map(|delivery| delivery.rows).sum();
    DemoSummary { reports, others: Vec::new(), deliveries, rows }
}

fn deliver(
    organisation: &Organisation,
    own: &DemoReport,
    payer: &Payer,
    month: Month,
    version: u32,
    assembly_id: &str,
) -> io::Result<Delivery> {
    fs::create_dir_all(&own.bucket_dir)?;
    let lines = organisation.ledger(payer, month, version);
    cur::write_delivery(&own.bucket_dir, &own.report, month, assembly_id, &lines)
}

/// The report of `payer`, its bucket being a folder in `dir`: Acme's creates new files with each
/// delivery, Globex's overwrites them.
#[must_use]
pub fn report(dir: &Path, payer: &Payer) -> DemoReport {
    let name = payer.name.to_lowercase();
    let bucket = format!("{name}-billing");
    let creates = payer.edp_percent.is_none();
    let report = CurReport {
        account: payer.id.to_owned(),
        bucket: bucket.clone(),
        prefix: if creates { "billing" } else { "cur/legacy" }.to_owned(),
        report_name: format!("{name}-hourly"),
        layout: if creates { Layout::CreateNew } else { Layout::Overwrite },
        compression: Compression::Gzip,
        chunk_rows: 25_000,
        chunk_digits: if creates { 5 } else { 1 },
        with_resources: true,
        with_net: payer.edp_percent.is_some(),
        tag_keys: payer.tag_keys.iter().map(|&key| key.to_owned()).collect(),
        category_names: payer.category_names.iter().map(|&name| name.to_owned()).collect(),
    };
    let bucket_dir = dir.join(bucket);
    DemoReport { payer_id: payer.id, payer_name: payer.name, bucket_dir, report }
}

/// The id of a month's first delivery: on the 7th after it when that has been, else this morning.
fn first_assembly(today: Date, month: Month) -> String {
    let final_day = month.plus(1).day(7);
    if final_day < today { assembly(final_day, "031500") } else { assembly(today, "071500") }
}

/// `20260807T031500Z`.
fn assembly(day: Date, time: &str) -> String {
    format!("{:04}{:02}{:02}T{time}Z", day.year, day.month, day.day)
}
