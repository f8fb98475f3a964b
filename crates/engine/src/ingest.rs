//! One delivery from its files to uncommitted lines in the lake.
//!
//! Files are independent: workers take them one after another, each with its own reader and its
//! own data file. Nothing of it is part of the lake until the slice is committed.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use billhook_focus::gate::{self, Tally};
use billhook_lake::Lake;
use billhook_lake::daily::Daily;
use billhook_lake::slice::{self, DeliveryRecord, Loaded, QuarantinedRecord, SliceId};
use billhook_lake::spec::{DAILY_KEYS, DAILY_SUMS};
use billhook_money::Sum;
use billhook_sources::cur::residual::Residuals;
use billhook_sources::delivery::{Delivery, SourceFile};
use billhook_sources::table::{Mapping, Summary, TableReader};
use billhook_sources::text::inflate::{Input, Limits};
use futures::StreamExt;
use object_store::{GetOptions, GetResultPayload, ObjectStore};
use serde_json::{Value, json};
use tokio::runtime::Handle;

use crate::control::Beside;
use crate::{EngineError, stored};

/// Hears how far an ingest has come. Called from worker threads.
pub trait Progress: Send + Sync {
    /// A delivery begins: its name and the bytes of its files.
    fn begin(&self, title: &str, bytes: u64);
    /// So much of its files is done, bytes, and so many rows.
    fn advance(&self, bytes: u64, rows: u64);
    /// The delivery is read.
    fn end(&self);
}

/// No progress shown.
#[derive(Debug, Default)]
pub struct Silent;

impl Progress for Silent {
    fn begin(&self, _title: &str, _bytes: u64) {}
    fn advance(&self, _bytes: u64, _rows: u64) {}
    fn end(&self) {}
}

/// How to ingest.
#[derive(Clone)]
pub struct Options {
    /// Files read at the same time.
    pub workers: usize,
    /// Memory of each.
    pub limits: Limits,
    /// Load the other records when some cannot be read?
    pub allow_quarantine: bool,
    /// Where large remote objects are kept while they are read.
    pub spool: PathBuf,
    /// Time of the delivery's record, microseconds since 1970 UTC.
    pub now: i64,
    /// Set to stop.
    pub stop: Arc<AtomicBool>,
    /// Who hears of progress.
    pub progress: Arc<dyn Progress>,
    /// Names of the kinds to import, all when empty.
    pub kinds: Vec<String>,
    /// Only deliveries of this billing period, YYYY-MM.
    pub period: Option<String>,
    /// Newest billing periods first? Else in the order in which they are found.
    pub newest_first: bool,
    /// Where manifests of buckets are kept, so as to read each only once; `None` to read them
    /// every time.
    pub kept: Option<PathBuf>,
}

/// Objects up to this size are held in memory, larger remote ones are spooled to disk.
const MEMORY_BYTES: u64 = 32 << 20;

/// What all workers share.
struct Job {
    lake: Lake,
    store: Arc<dyn ObjectStore>,
    slice: SliceId,
    delivery: Delivery,
    mapping: &'static Mapping,
    beside: Beside,
    options: Options,
    handle: Handle,
    next: AtomicUsize,
    failed: AtomicBool,
}

/// What one worker did.
#[derive(Default)]
struct Done {
    files: Vec<slice::File>,
    daily: Daily,
    summary: Summary,
    stored: Tally,
    stored_rows: u64,
    residuals: Residuals,
}

/// Reads a delivery and writes its lines, uncommitted.
///
/// # Errors
/// When a file is damaged, records cannot be read, or the gate finds a difference (INV-SUM).
pub async fn ingest(
    lake: &Lake,
    store: &Arc<dyn ObjectStore>,
    slice: &SliceId,
    delivery: &Delivery,
    mapping: &'static Mapping,
    options: &Options,
) -> Result<Loaded, EngineError> {
    let bytes = delivery.files.iter().map(|file| file.meta.size).sum();
    let title = format!("{} {}", slice.connection, slice.period);
    let beside = Beside::read(&**store, delivery, options).await?;
    options.progress.begin(&title, bytes);
    let job = Arc::new(Job {
        lake: lake.clone(),
        store: Arc::clone(store),
        slice: slice.clone(),
        delivery: delivery.clone(),
        mapping,
        beside,
        options: options.clone(),
        handle: Handle::current(),
        next: AtomicUsize::new(0),
        failed: AtomicBool::new(false),
    });
    let workers = options.workers.clamp(1, delivery.files.len().max(1));
    let tasks: Vec<_> = (0..workers)
        .map(|_| {
            let job = Arc::clone(&job);
            tokio::task::spawn_blocking(move || job.work())
        })
        .collect();
    let mut all = Done::default();
    let mut error = None;
    for task in tasks {
        match task.await {
            Ok(Ok(done)) => all.merge(done),
            Ok(Err(failure)) => error = Some(prefer(error, failure)),
            Err(panic) => std::panic::resume_unwind(panic.into_panic()),
        }
    }
    options.progress.end();
    match error {
        Some(error) => Err(error),
        None => finish(&job, all).await,
    }
}

/// Of several workers' errors the one that says most: not that it was told to stop.
fn prefer(earlier: Option<EngineError>, later: EngineError) -> EngineError {
    match earlier {
        Some(earlier) if !matches!(earlier, EngineError::Interrupted) => earlier,
        _ => later,
    }
}

impl Job {
    fn work(&self) -> Result<Done, EngineError> {
        let result = self.work_through();
        if result.is_err() {
            self.failed.store(true, Ordering::Relaxed);
        }
        result
    }

    fn is_stopped(&self) -> bool {
        self.failed.load(Ordering::Relaxed) || self.options.stop.load(Ordering::Relaxed)
    }

    fn work_through(&self) -> Result<Done, EngineError> {
        let period = Some(self.slice.period.clone());
        let reader = TableReader::new(self.mapping, self.options.limits, period);
        let reader = reader.with_currency(self.beside.currency.clone());
        let mut reader = reader.only(self.delivery.part);
        let revision = &self.delivery.revision;
        let mut writer = slice::line_writer(&self.lake, &self.slice, revision, self.handle.clone());
        let mut done = Done::default();
        loop {
            let index = self.next.fetch_add(1, Ordering::Relaxed);
            let Some(file) = self.delivery.files.get(index) else { break };
            if self.is_stopped() {
                return Err(EngineError::Interrupted);
            }
            let input = self.handle.block_on(fetch(&*self.store, file, &self.options.spool))?;
            let progress = FileProgress::new(&*self.options.progress, file);
            reader.read(input, &file.name, &|text| progress.text(text), &mut |mapped| {
                if self.is_stopped() {
                    return Err(Box::new(EngineError::Interrupted));
                }
                let batch = &mapped.batch;
                stored::add(&mut done.stored, batch, self.mapping.carried, mapped.is_source_row);
                done.stored_rows += batch.num_rows() as u64;
                done.daily.add(batch, mapped.is_source_row)?;
                if mapped.is_source_row {
                    if self.mapping.cancels {
                        done.residuals.add(batch);
                    }
                    progress.rows(batch.num_rows() as u64);
                }
                writer.write(batch)?;
                Ok(())
            })?;
            progress.finish();
        }
        done.files = writer.finish(false)?;
        done.summary = reader.finish();
        Ok(done)
    }
}

/// Opens a file of a delivery: in place, in memory, or by way of the folder `spool`.
///
/// # Errors
/// When it cannot be had, or is not what was listed.
pub(crate) async fn fetch(
    store: &dyn ObjectStore,
    file: &SourceFile,
    spool: &Path,
) -> Result<Input, EngineError> {
    let location = || path_of(file);
    let fail = |source| EngineError::Store { location: location(), source };
    // A file that was rewritten since it was listed is not what the manifest meant.
    let options = GetOptions { if_match: file.meta.e_tag.clone(), ..GetOptions::default() };
    let result = store.get_opts(&file.meta.location, options).await.map_err(fail)?;
    let size = result.meta.size;
    match result.payload {
        GetResultPayload::File(open, _) => Ok(Input::File(open)),
        GetResultPayload::Stream(_) if size <= MEMORY_BYTES => {
            Ok(Input::Memory(result.bytes().await.map_err(fail)?))
        }
        GetResultPayload::Stream(mut stream) => {
            let disk = |source| EngineError::Disk {
                action: format!("cannot keep {} in {}", location(), spool.display()),
                source,
            };
            std::fs::create_dir_all(spool).map_err(disk)?;
            let mut open = tempfile::tempfile_in(spool).map_err(disk)?;
            while let Some(part) = stream.next().await {
                open.write_all(&part.map_err(fail)?).map_err(disk)?;
            }
            std::io::Seek::rewind(&mut open).map_err(disk)?;
            Ok(Input::File(open))
        }
    }
}

fn path_of(file: &SourceFile) -> String {
    format!("/{}", file.meta.location)
}

/// Turns text that was read into a share of the file's size.
struct FileProgress<'a> {
    progress: &'a dyn Progress,
    size: u64,
    ratio: u64,
    told: std::cell::Cell<u64>,
}

impl<'a> FileProgress<'a> {
    fn new(progress: &'a dyn Progress, file: &SourceFile) -> Self {
        // How much text a packed byte stands for is only known at the end; this is usual.
        let ratio = if file.name.ends_with(".csv") { 1 } else { 7 };
        Self { progress, size: file.meta.size, ratio, told: std::cell::Cell::new(0) }
    }

    fn text(&self, bytes: u64) {
        let share = (bytes / self.ratio).min(self.size - self.told.get());
        self.told.set(self.told.get() + share);
        self.progress.advance(share, 0);
    }

    fn rows(&self, rows: u64) {
        self.progress.advance(0, rows);
    }

    fn finish(&self) {
        self.progress.advance(self.size - self.told.get(), 0);
    }
}

impl Done {
    fn merge(&mut self, other: Self) {
        self.files.extend(other.files);
        self.daily.merge(&other.daily);
        self.summary.merge(other.summary);
        self.stored.merge(&other.stored);
        self.stored_rows += other.stored_rows;
        self.residuals.merge(other.residuals);
    }
}

/// Adds derived rows, checks the gate, and describes the delivery.
async fn finish(job: &Arc<Job>, mut all: Done) -> Result<Loaded, EngineError> {
    // Workers end in any order; what is told is the first in the files' own.
    let at = |name: &str| job.delivery.files.iter().position(|file| file.name == name);
    all.summary.faults.sort_by_cached_key(|found| (at(&found.file), found.fault.row));
    if let (Some(first), false) = (all.summary.faults.first(), job.options.allow_quarantine) {
        return Err(EngineError::Unreadable {
            count: all.summary.quarantined.rows,
            first: describe(first),
        });
    }
    let kept = all.summary.faults.len() as u64;
    if let (Some(first), true) = (all.summary.faults.first(), kept < all.summary.quarantined.rows) {
        // Not all of them could be kept with their text, and none may be dropped (INV-ONE).
        return Err(EngineError::Unreadable {
            count: all.summary.quarantined.rows,
            first: describe(first),
        });
    }
    let worker = Arc::clone(job);
    let residuals = std::mem::take(&mut all.residuals);
    let needs_file = all.files.is_empty();
    let derived = tokio::task::spawn_blocking(move || worker.write_derived(&residuals, needs_file));
    let (files, daily, rows) = match derived.await {
        Ok(result) => result?,
        Err(panic) => std::panic::resume_unwind(panic.into_panic()),
    };
    all.files.extend(files);
    all.daily.merge(&daily);
    all.stored_rows += rows;
    let summary = &all.summary;
    let carried: BTreeSet<&str> = job.mapping.carried.iter().map(|(source, _)| *source).collect();
    debug_assert!(summary.read.sums().all(|(_, column, _)| carried.contains(column)));
    gate::check(&summary.read, &all.stored, &summary.quarantined)?;
    let mut record = describe_delivery(job, &all);
    job.beside.check(&job.delivery, job.mapping, &all.summary.totals, &mut record);
    let quarantine = all
        .summary
        .faults
        .iter()
        .map(|found| QuarantinedRecord {
            file: found.file.clone(),
            row: found.fault.row,
            column: found.fault.column.clone(),
            value: found.fault.value.clone(),
            reason: found.fault.reason.clone(),
            record: found.fault.record.clone(),
        })
        .collect();
    record.notes.extend(gaps(&all.summary));
    Ok(Loaded { files: all.files, daily: all.daily, quarantine, record, keeps_hours: false })
}

impl Job {
    /// Adjustment rows, and for a delivery without lines an empty file that holds its place.
    fn write_derived(
        &self,
        residuals: &Residuals,
        needs_file: bool,
    ) -> Result<(Vec<slice::File>, Daily, u64), EngineError> {
        let revision = &self.delivery.revision;
        let mut writer = slice::line_writer(&self.lake, &self.slice, revision, self.handle.clone());
        let mut daily = Daily::default();
        let mut rows = 0;
        let overflow = |_| EngineError::Lake(billhook_money::Overflow.into());
        if let Some(batch) = residuals.rows().map_err(overflow)? {
            daily.add(&batch, false)?;
            rows = batch.num_rows() as u64;
            writer.write(&batch)?;
        }
        Ok((writer.finish(needs_file)?, daily, rows))
    }
}

/// The columns that the source left empty although the standard wants them filled, in words.
fn gaps(summary: &Summary) -> Option<String> {
    let count = |(column, rows): (&String, &u64)| match rows {
        1 => format!("{column} (1 line)"),
        _ => format!("{column} ({rows} lines)"),
    };
    let columns: Vec<String> = summary.gaps.iter().map(count).collect();
    (!columns.is_empty()).then(|| {
        format!(
            "the source leaves columns empty that FOCUS wants filled: {}; what can be derived was \
             filled in",
            columns.join(", ")
        )
    })
}

/// A fault in words: file, record, column, value and reason.
#[must_use]
pub fn describe(found: &billhook_sources::table::FileFault) -> String {
    let fault = &found.fault;
    if fault.column.is_empty() {
        format!("{} record {}: {}", found.file, fault.row, fault.reason)
    } else {
        format!(
            "{} record {}, column {}: {:?} is {}",
            found.file, fault.row, fault.column, fault.value, fault.reason
        )
    }
}

fn describe_delivery(job: &Job, all: &Done) -> DeliveryRecord {
    let summary = &all.summary;
    let position = |name: &str| DAILY_KEYS.iter().position(|key| *key == name).unwrap_or(0);
    let (account, currency, exclusion) =
        (position("BillingAccountId"), position("BillingCurrency"), position("x_FocusExclusion"));
    let sum_of = |name: &str| DAILY_SUMS.iter().position(|sum| *sum == name).unwrap_or(0);
    let (billed, unblended) = (sum_of("BilledCost"), sum_of("x_UnblendedCost"));
    let mut billed_costs: BTreeMap<String, Sum> = BTreeMap::new();
    let mut excluded: BTreeMap<String, BTreeMap<String, Sum>> = BTreeMap::new();
    let mut excluded_rows = 0;
    let mut accounts = BTreeSet::new();
    for ((_, texts), sums) in all.daily.sums() {
        let text = |index: usize| texts[index].as_deref().unwrap_or_default().to_owned();
        accounts.insert(text(account));
        match texts[exclusion].as_deref() {
            None => *billed_costs.entry(text(currency)).or_default() += sums.sums[billed],
            Some(reason) => {
                excluded_rows += sums.lines.unsigned_abs();
                let reason = excluded.entry(reason.to_owned()).or_default();
                *reason.entry(text(currency)).or_default() += sums.sums[unblended];
            }
        }
    }
    let mut sums: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
    for (currency, column, sum) in summary.read.sums() {
        sums.entry(column.to_owned()).or_default().insert(currency.to_owned(), exact(sum));
    }
    let texts = |sums: &BTreeMap<String, Sum>| -> Value {
        sums.iter().map(|(name, sum)| (name.clone(), json!(exact(*sum)))).collect()
    };
    let known = |name: &str| job.mapping.known_types.contains(&name);
    DeliveryRecord {
        revision: job.delivery.revision.clone(),
        previous: None,
        recorded_at: job.options.now,
        kind: job.mapping.kind.to_owned(),
        location: job.delivery.files.first().map(path_of).unwrap_or_default(),
        state: String::new(),
        granularity: granularity(summary.interval_seconds).to_owned(),
        billing_accounts: accounts.into_iter().collect(),
        line_items: summary.read.rows,
        stored_rows: all.stored_rows,
        excluded_rows,
        quarantined_rows: summary.quarantined.rows,
        rounded_numbers: summary.rounded,
        files: job.delivery.files.len() as u64,
        text_bytes: summary.text_bytes,
        resource_rows: summary.with_resource,
        billed_costs: texts(&billed_costs),
        excluded_costs: excluded.iter().map(|(k, v)| (k.clone(), texts(v))).collect(),
        sums: json!(sums),
        unknown_columns: summary.unknown_columns.keys().cloned().collect(),
        unknown_types: summary.types.keys().filter(|name| !known(name)).cloned().collect(),
        is_invoiced: summary.read.rows > 0 && summary.not_invoiced == 0,
        short_records: summary.short,
        control_totals: Value::Null,
        notes: summary.notes.iter().cloned().collect(),
    }
}

fn exact(sum: Sum) -> String {
    sum.total().map_or_else(|overflow| overflow.to_string(), billhook_money::format)
}

fn granularity(seconds: Option<i64>) -> &'static str {
    match seconds {
        Some(..=3600) => "hourly",
        Some(..=90_000) => "daily",
        Some(_) => "monthly",
        None => "unknown",
    }
}
