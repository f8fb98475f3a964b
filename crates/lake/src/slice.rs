//! The slice commit: a delivery replaces (connection, billing period) in all tables.
//!
//! ```text
//! 1. files of every table are written under new names          nothing refers to them yet
//! 2. an intent is noted: which files go into which table
//! 3. cost_and_usage is committed                                ← the delivery holds from here on
//! 4. changes_hourly where it is kept, cost_daily, changes, deliveries, quarantine are committed
//! 5. the intent is deleted
//! ```
//! Every commit carries the slice's name and number as Delta application transaction. After a kill
//! anywhere, [`recover`] finds the intent: when 3 did not happen it is dropped, else 4 is finished
//! from the very same files. So each step happens once (INV-IDEM), and no table ever shows part
//! of a delivery (INV-ATOM).

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray, new_null_array,
};
use deltalake_core::kernel::Add;
use futures::StreamExt;
use object_store::path::Path;
use object_store::{ObjectStoreExt, PutPayload};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::runtime::Handle;

use crate::daily::Daily;
use crate::ledger::{self, Origin, hourly};
use crate::provider::read_slice;
use crate::spec::{
    CHANGES, CHANGES_HOURLY, COST_AND_USAGE, COST_DAILY, DELIVERIES, OF_DELIVERIES, QUARANTINE,
    TableSpec,
};
use crate::table::{Change, Committed, FileEntry, Table};
use crate::write::FileWriter;
use crate::{Lake, LakeError};

/// (connection, billing period).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SliceId {
    /// Name of the connection.
    pub connection: String,
    /// Billing period, YYYY-MM.
    pub period: String,
}

impl SliceId {
    fn application(&self) -> String {
        format!("billhook/{}/{}", self.connection, self.period)
    }

    fn replace(&self) -> Vec<(&'static str, String)> {
        vec![("x_Connection", self.connection.clone()), ("x_BillingPeriod", self.period.clone())]
    }
}

/// A delivery that is about to be, or was, loaded: the row of `deliveries`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct DeliveryRecord {
    /// Revision.
    pub revision: String,
    /// Revision that it replaces.
    pub previous: Option<String>,
    /// When, microseconds since 1970 UTC.
    pub recorded_at: i64,
    /// Kind of connection.
    pub kind: String,
    /// Where it was read.
    pub location: String,
    /// Period state: open, estimated, final, reopened.
    pub state: String,
    /// hourly, daily or monthly.
    pub granularity: String,
    /// Billing accounts in it.
    pub billing_accounts: Vec<String>,
    /// Source rows.
    pub line_items: u64,
    /// Rows stored, second rows and adjustments included.
    pub stored_rows: u64,
    /// Rows left out of the FOCUS view.
    pub excluded_rows: u64,
    /// Source rows set aside.
    pub quarantined_rows: u64,
    /// Numbers with more than 18 fractional digits.
    pub rounded_numbers: u64,
    /// Files read.
    pub files: u64,
    /// Bytes of text read.
    pub text_bytes: u64,
    /// Rows with a resource id.
    pub resource_rows: u64,
    /// Σ `BilledCost` per currency, exact decimal text.
    pub billed_costs: Value,
    /// Σ unblended cost of the rows left out of the FOCUS view, per reason and currency.
    pub excluded_costs: Value,
    /// Source sums per column and currency.
    pub sums: Value,
    /// Columns that nobody knows.
    pub unknown_columns: Vec<String>,
    /// Line item types that the mapping does not know.
    pub unknown_types: Vec<String>,
    /// Do all rows carry an invoice id? Not stored; it decides the period state.
    #[serde(skip)]
    pub is_invoiced: bool,
    /// Records with fewer fields than the header. Not stored.
    #[serde(skip)]
    pub short_records: u64,
    /// Comparisons of totals that the source states with what its lines add up to; null when it
    /// states none.
    pub control_totals: Value,
    /// Things worth telling. Not stored.
    #[serde(skip)]
    pub notes: Vec<String>,
}

/// A data file that is written but not part of a table yet: its Delta `Add` action.
pub type File = Add;

/// A record set aside.
#[derive(Debug, Clone, Default)]
pub struct QuarantinedRecord {
    /// File.
    pub file: String,
    /// Record number.
    pub row: u64,
    /// Column, empty when the record as a whole is wrong.
    pub column: String,
    /// Value seen.
    pub value: String,
    /// Reason.
    pub reason: String,
    /// The record's text.
    pub record: String,
}

/// A delivery whose lines are written but not committed.
#[derive(Debug, Default)]
pub struct Loaded {
    /// Files of `cost_and_usage`.
    pub files: Vec<Add>,
    /// Roll-up of all lines.
    pub daily: Daily,
    /// Records set aside.
    pub quarantine: Vec<QuarantinedRecord>,
    /// What is known of it.
    pub record: DeliveryRecord,
    /// Is what it changes to be told by the hour, too?
    pub keeps_hours: bool,
}

/// What a commit did.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// Revision that was replaced.
    pub previous: Option<String>,
    /// Number of ledger entries.
    pub changes: usize,
    /// Version of `cost_and_usage`.
    pub version: u64,
}

/// What is to be committed where; a note in the lake while it is under way.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Intent {
    slice: SliceId,
    sequence: i64,
    /// Table name to files.
    adds: HashMap<String, Vec<Add>>,
}

/// A writer for the lines of a slice.
#[must_use]
pub fn line_writer(lake: &Lake, slice: &SliceId, revision: &str, handle: Handle) -> FileWriter {
    let partition = vec![
        ("x_Connection".to_owned(), slice.connection.clone()),
        ("x_BillingPeriod".to_owned(), slice.period.clone()),
        ("x_Revision".to_owned(), revision.to_owned()),
    ];
    FileWriter::new(lake.clone(), &COST_AND_USAGE, partition, handle)
}

/// The revision that a slice holds now, if any.
///
/// # Errors
/// When the table's log cannot be read.
pub fn current_revision(table: &Table, slice: &SliceId) -> Result<Option<String>, LakeError> {
    let files = table.files()?;
    let file = files.into_iter().find(|file| {
        file.partition_value("x_Connection") == slice.connection
            && file.partition_value("x_BillingPeriod") == slice.period
    });
    Ok(file.map(|file| file.partition_value("x_Revision").to_owned()))
}

/// Replaces a slice with a loaded delivery.
///
/// # Errors
/// When the lake cannot be written; the slice is then as before, or [`recover`] finishes the work.
pub async fn replace(lake: &Lake, slice: &SliceId, loaded: Loaded) -> Result<Outcome, LakeError> {
    let (intent, note, outcome) = prepare(lake, slice, loaded).await?;
    let version = match decide(lake, &intent, &note).await? {
        Committed::At(version) => version,
        // Another machine replaced this slice meanwhile: begin again from what it left.
        Committed::Before => {
            return Err(LakeError::Contended { table: COST_AND_USAGE.name, attempts: 1 });
        }
    };
    follow(lake, &intent).await?;
    lake.store.delete(&note).await.map_err(|e| LakeError::store("delete", &note, e))?;
    Ok(Outcome { version, ..outcome })
}

/// Tells the hourly ledger what a slice holds, as if hours had been kept when that was loaded.
/// Nothing happens when it holds another delivery than `origin`, or hours were kept. Returns
/// whether something was told. The caller holds the writer lock.
///
/// # Errors
/// When the lake cannot be read or written.
pub async fn keep_hours(lake: &Lake, origin: &Origin) -> Result<bool, LakeError> {
    let slice = SliceId { connection: origin.connection.clone(), period: origin.period.clone() };
    let table = lake.table(&COST_AND_USAGE).await?;
    let Some(sequence) = table.sequence(&slice.application()).await? else { return Ok(false) };
    let mut lines = table.files()?;
    lines.retain(|file| {
        file.partition_value("x_Connection") == slice.connection
            && file.partition_value("x_BillingPeriod") == slice.period
            && file.partition_value("x_Revision") == origin.revision
    });
    if lines.is_empty() {
        return Ok(false);
    }
    let hours = Box::pin(hourly::write(lake, origin, lines, true)).await?;
    if hours.is_empty() {
        return Ok(false);
    }
    let adds = HashMap::from([(CHANGES_HOURLY.name.to_owned(), hours)]);
    let intent = Intent { slice, sequence, adds };
    let committed =
        lake.table(&CHANGES_HOURLY).await?.commit(&intent.change(&CHANGES_HOURLY)).await?;
    Ok(committed != Committed::Before)
}

/// As [`replace`], but dies after the decisive commit: for tests of [`recover`].
#[cfg(test)]
pub(crate) async fn replace_half(
    lake: &Lake,
    slice: &SliceId,
    loaded: Loaded,
) -> Result<(), LakeError> {
    let (intent, note, _) = prepare(lake, slice, loaded).await?;
    decide(lake, &intent, &note).await.map(|_| ())
}

/// Steps 1 and 2: writes the files of all tables and the note.
async fn prepare(
    lake: &Lake,
    slice: &SliceId,
    loaded: Loaded,
) -> Result<(Intent, Path, Outcome), LakeError> {
    let lines = lake.table(&COST_AND_USAGE).await?;
    let sequence = lines.sequence(&slice.application()).await?.unwrap_or(0) + 1;
    let mut record = loaded.record;
    record.previous = current_revision(&lines, slice)?;
    let mut old = Daily::default();
    for batch in read_slice(lake, &COST_DAILY, &slice.replace()).await? {
        old.read(&batch)?;
    }
    let changes = ledger::changes(&old, &loaded.daily)?;
    let origin = Origin {
        connection: slice.connection.clone(),
        period: slice.period.clone(),
        revision: record.revision.clone(),
        previous: record.previous.clone(),
        recorded_at: record.recorded_at,
    };
    let batches = vec![
        (&COST_DAILY, loaded.daily.batch()?),
        (&CHANGES, ledger::batch(&CHANGES, &changes, &origin)?),
        (&DELIVERIES, delivery_batch(slice, &record)?),
        (&QUARANTINE, quarantine_batch(&loaded.quarantine, &record.revision)?),
    ];
    let mut adds: HashMap<String, Vec<Add>> = HashMap::new();
    if loaded.keeps_hours {
        let is_hourly = record.granularity == "hourly";
        let lines = loaded.files.iter().map(FileEntry::written).collect();
        let hours = Box::pin(hourly::write(lake, &origin, lines, is_hourly)).await?;
        adds.extend((!hours.is_empty()).then(|| (CHANGES_HOURLY.name.to_owned(), hours)));
    }
    adds.insert(COST_AND_USAGE.name.to_owned(), loaded.files);
    adds.extend(write_batches(lake, slice, batches).await?);
    let intent = Intent { slice: slice.clone(), sequence, adds };
    let note = lake.path(&format!("_billhook/pending/{}.json", uuid::Uuid::new_v4()))?;
    let text = serde_json::to_vec(&intent)
        .map_err(|source| LakeError::Note { path: note.to_string(), source })?;
    lake.store
        .put(&note, PutPayload::from(text))
        .await
        .map_err(|e| LakeError::store("write", &note, e))?;
    let outcome = Outcome { previous: origin.previous, changes: changes.len(), version: 0 };
    Ok((intent, note, outcome))
}

/// Step 3: the commit from which on the delivery holds.
async fn decide(lake: &Lake, intent: &Intent, note: &Path) -> Result<Committed, LakeError> {
    let mut lines = lake.table(&COST_AND_USAGE).await?;
    let committed = lines.commit(&intent.change(&COST_AND_USAGE)).await?;
    if committed == Committed::Before {
        lake.store.delete(note).await.map_err(|e| LakeError::store("delete", note, e))?;
    }
    Ok(committed)
}

/// Finishes or drops what an earlier process left under way. Returns how many slices it finished.
///
/// # Errors
/// When the lake cannot be read or written.
pub async fn recover(lake: &Lake) -> Result<usize, LakeError> {
    let folder = lake.path("_billhook/pending")?;
    let mut notes = lake.store.list(Some(&folder));
    let mut paths = Vec::new();
    while let Some(entry) = notes.next().await {
        paths.push(entry.map_err(|e| LakeError::store("list", &folder, e))?.location);
    }
    let mut finished = 0;
    for path in paths {
        let read = |e| LakeError::store("read", &path, e);
        let bytes = lake.store.get(&path).await.map_err(read)?.bytes().await.map_err(read)?;
        // A note that was cut short was never acted upon.
        if let Ok(intent) = serde_json::from_slice::<Intent>(&bytes)
            && intent.holds(&lake.table(&COST_AND_USAGE).await?)?
        {
            follow(lake, &intent).await?;
            finished += 1;
        }
        lake.store.delete(&path).await.map_err(|e| LakeError::store("delete", &path, e))?;
    }
    Ok(finished)
}

async fn follow(lake: &Lake, intent: &Intent) -> Result<(), LakeError> {
    // Where nobody wants hours there is no such table. Who sees the delivery must see its hours.
    if intent.adds.contains_key(CHANGES_HOURLY.name) {
        let spec = &CHANGES_HOURLY;
        lake.table(spec).await?.commit(&intent.change(spec)).await?;
    }
    for spec in OF_DELIVERIES.into_iter().filter(|spec| spec.name != COST_AND_USAGE.name) {
        lake.table(spec).await?.commit(&intent.change(spec)).await?;
    }
    Ok(())
}

impl Intent {
    /// Did the decisive commit happen?
    fn holds(&self, lines: &Table) -> Result<bool, LakeError> {
        let ours = self.adds.get(COST_AND_USAGE.name).and_then(|adds| adds.first());
        let Some(ours) = ours else { return Ok(false) };
        Ok(lines.files()?.iter().any(|file| file.path == ours.path))
    }

    fn change(&self, spec: &'static TableSpec) -> Change {
        let replace = if spec.is_append_only { Vec::new() } else { self.slice.replace() };
        Change {
            replace,
            replace_all: false,
            expects: None,
            adds: self.adds.get(spec.name).cloned().unwrap_or_default(),
            application: self.slice.application(),
            sequence: self.sequence,
            is_data_change: true,
            note: HashMap::from([("billhook".to_owned(), json!({"slice": self.slice}))]),
        }
    }
}

/// Writes one file per table; tables without rows get none.
async fn write_batches(
    lake: &Lake,
    slice: &SliceId,
    batches: Vec<(&'static TableSpec, RecordBatch)>,
) -> Result<HashMap<String, Vec<Add>>, LakeError> {
    let (lake, slice) = (lake.clone(), slice.clone());
    let handle = Handle::current();
    let work = move || {
        let mut adds = HashMap::new();
        for (spec, batch) in batches {
            if batch.num_rows() == 0 {
                continue;
            }
            let values = slice.replace();
            let values = values.into_iter().filter(|(column, _)| spec.is_partition(column));
            let partition = values.map(|(column, value)| (column.to_owned(), value)).collect();
            let mut writer = FileWriter::new(lake.clone(), spec, partition, handle.clone());
            writer.write(&batch)?;
            adds.insert(spec.name.to_owned(), writer.finish(false)?);
        }
        Ok(adds)
    };
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(panic) => std::panic::resume_unwind(panic.into_panic()),
    }
}

fn delivery_batch(slice: &SliceId, record: &DeliveryRecord) -> Result<RecordBatch, LakeError> {
    let schema = DELIVERIES.file_schema();
    let list = |items: &[String]| json!(items).to_string();
    let text = |text: String| -> ArrayRef { Arc::new(StringArray::from(vec![text])) };
    let count = |count: u64| -> ArrayRef { Arc::new(Int64Array::from(vec![count.cast_signed()])) };
    let mut arrays = Vec::with_capacity(schema.fields().len());
    for field in schema.fields() {
        arrays.push(match field.name().as_str() {
            "x_Connection" => text(slice.connection.clone()),
            "x_BillingPeriod" => text(slice.period.clone()),
            "x_Revision" => text(record.revision.clone()),
            "x_PreviousRevision" => {
                Arc::new(StringArray::from(vec![record.previous.clone()])) as ArrayRef
            }
            "x_RecordedAt" => {
                let times = TimestampMicrosecondArray::from(vec![record.recorded_at]);
                Arc::new(times.with_timezone("UTC")) as ArrayRef
            }
            "Kind" => text(record.kind.clone()),
            "Location" => text(record.location.clone()),
            "State" => text(record.state.clone()),
            "Granularity" => text(record.granularity.clone()),
            "BillingAccountIds" => text(list(&record.billing_accounts)),
            "LineItems" => count(record.line_items),
            "StoredRows" => count(record.stored_rows),
            "ExcludedRows" => count(record.excluded_rows),
            "QuarantinedRows" => count(record.quarantined_rows),
            "RoundedNumbers" => count(record.rounded_numbers),
            "Files" => count(record.files),
            "TextBytes" => count(record.text_bytes),
            "ResourceRows" => count(record.resource_rows),
            "BilledCosts" => text(record.billed_costs.to_string()),
            "ExcludedCosts" => text(record.excluded_costs.to_string()),
            "Sums" => text(record.sums.to_string()),
            "UnknownColumns" => text(list(&record.unknown_columns)),
            "UnknownTypes" => text(list(&record.unknown_types)),
            "ControlTotals" if !record.control_totals.is_null() => {
                text(record.control_totals.to_string())
            }
            _ => new_null_array(field.data_type(), 1),
        });
    }
    RecordBatch::try_new(schema, arrays)
        .map_err(|source| LakeError::Arrow { table: DELIVERIES.name, source })
}

fn quarantine_batch(
    records: &[QuarantinedRecord],
    revision: &str,
) -> Result<RecordBatch, LakeError> {
    let texts = |f: &dyn Fn(&QuarantinedRecord) -> &str| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(records.iter().map(f)))
    };
    let rows = records.iter().map(|record| record.row.cast_signed());
    let arrays: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from(vec![revision; records.len()])),
        texts(&|record| &record.file),
        Arc::new(Int64Array::from_iter_values(rows)),
        texts(&|record| &record.column),
        texts(&|record| &record.value),
        texts(&|record| &record.reason),
        texts(&|record| &record.record),
    ];
    RecordBatch::try_new(QUARANTINE.file_schema(), arrays)
        .map_err(|source| LakeError::Arrow { table: QUARANTINE.name, source })
}
