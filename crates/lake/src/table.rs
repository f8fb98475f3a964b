//! One Delta table: its files, and commits that either hold or did not happen.
//!
//! Commits are made with no automatic retry: whenever another writer was faster, the table is
//! loaded anew and the commit planned again from what then stands there. So nothing depends on
//! delta-rs's conflict checker, whose gaps are known (`ecosystem.md` 2.3).

use std::collections::HashMap;
use std::sync::{Arc, Once};
use std::time::Duration;

use arrow::datatypes::SchemaRef;
use deltalake_core::kernel::engine::arrow_conversion::TryIntoKernel;
use deltalake_core::kernel::transaction::{CommitBuilder, CommitProperties, TransactionError};
use deltalake_core::kernel::{Action, Add, MetadataExt, StructType, Transaction};
use deltalake_core::logstore::{
    LogStore, LogStoreFactory, ObjectStoreRef, StorageConfig, default_logstore, logstore_factories,
};
use deltalake_core::operations::create::CreateBuilder;
use deltalake_core::protocol::{DeltaOperation, SaveMode};
use deltalake_core::table::builder::DeltaTableBuilder;
use deltalake_core::{DeltaResult, DeltaTable, DeltaTableError};
use serde_json::Value;
use url::Url;

use crate::spec::TableSpec;
use crate::{Lake, LakeError};

/// A loaded table.
#[derive(Debug, Clone)]
pub struct Table {
    /// What it is.
    pub spec: &'static TableSpec,
    delta: DeltaTable,
}

/// A data file of the current version.
#[derive(Debug, Clone)]
pub struct FileEntry {
    /// Path below the table.
    pub path: String,
    /// Size in bytes.
    pub size: u64,
    /// Values of the partition columns.
    pub partition: HashMap<String, Option<String>>,
    /// Statistics as in the Delta log.
    pub stats: Value,
}

impl FileEntry {
    /// A file that is written, and not part of the table yet.
    pub(crate) fn written(add: &Add) -> Self {
        let stats = add.stats.as_deref().and_then(|stats| serde_json::from_str(stats).ok());
        Self {
            path: add.path.clone(),
            size: add.size.unsigned_abs(),
            partition: add.partition_values.clone(),
            stats: stats.unwrap_or_default(),
        }
    }

    /// Value of a partition column, empty when absent.
    #[must_use]
    pub fn partition_value(&self, column: &str) -> &str {
        self.partition.get(column).and_then(Option::as_deref).unwrap_or_default()
    }

    /// Number of rows.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.stats["numRecords"].as_u64().unwrap_or(0)
    }
}

/// A change of a table that either holds whole or did not happen.
#[derive(Debug, Clone)]
pub struct Change {
    /// Partition values that all removed files have; empty removes nothing.
    pub replace: Vec<(&'static str, String)>,
    /// Removes all files, whatever `replace` says.
    pub replace_all: bool,
    /// The version on which the change depends; another one means that it does not happen.
    pub expects: Option<u64>,
    /// Files to add.
    pub adds: Vec<Add>,
    /// Application id and number of the change: one that is not newer than what the table has
    /// seen is skipped (INV-IDEM).
    pub application: String,
    /// See `application`.
    pub sequence: i64,
    /// Does it change rows, or only their layout?
    pub is_data_change: bool,
    /// For the log.
    pub note: HashMap<String, Value>,
}

/// How a commit ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Committed {
    /// It holds, at this version.
    At(u64),
    /// The table has seen this change, or a later one, before.
    Before,
}

const ATTEMPTS: u32 = 60;

impl Table {
    pub(crate) async fn open(lake: &Lake, spec: &'static TableSpec) -> Result<Self, LakeError> {
        register_log_store();
        let delta = if lake.exists(spec).await? {
            builder(lake, spec)?.load().await.map_err(LakeError::delta(spec.name, "open"))?
        } else {
            create(lake, spec).await?
        };
        let table = Self { spec, delta };
        table.check_schema()?;
        Ok(table)
    }

    /// The table as it was at a time (milliseconds since 1970 UTC).
    ///
    /// # Errors
    /// [`LakeError::TooOld`] when it did not exist then or the version is no longer kept.
    pub async fn as_of(&self, millis: i64) -> Result<Self, LakeError> {
        let time = chrono::DateTime::from_timestamp_millis(millis).unwrap_or_default();
        let too_old = || LakeError::TooOld { table: self.spec.name, time: time.to_rfc3339() };
        let mut delta = self.delta.clone();
        delta.load_with_datetime(time).await.map_err(|_| too_old())?;
        let version = delta.version().unwrap_or(0);
        let stamp = delta.snapshot().ok().and_then(|s| s.version_timestamp(version));
        if stamp.is_none_or(|stamp| stamp > millis) {
            return Err(too_old());
        }
        Ok(Self { spec: self.spec, delta })
    }

    fn check_schema(&self) -> Result<(), LakeError> {
        let found =
            self.delta.snapshot().map_err(LakeError::delta(self.spec.name, "read"))?.schema();
        let expected = kernel_schema(&(self.spec.schema)(), self.spec.name)?;
        for field in expected.fields() {
            // A column that came later is empty in older files; the next commit adds it.
            let same = found
                .field(field.name())
                .map_or(field.is_nullable(), |f| f.data_type() == field.data_type());
            if !same {
                let column = field.name().clone();
                return Err(LakeError::Schema { table: self.spec.name, column });
            }
        }
        Ok(())
    }

    /// Loads what others committed meanwhile.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub async fn refresh(&mut self) -> Result<(), LakeError> {
        self.delta.update_incremental(None).await.map_err(LakeError::delta(self.spec.name, "read"))
    }

    /// Version of the loaded state.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.delta.version().unwrap_or(0)
    }

    /// The data files of the loaded version, in a stable order.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn files(&self) -> Result<Vec<FileEntry>, LakeError> {
        let snapshot = self.delta.snapshot().map_err(LakeError::delta(self.spec.name, "read"))?;
        let mut files: Vec<FileEntry> = snapshot
            .log_data()
            .iter()
            .map(|file| FileEntry {
                path: file.path().into_owned(),
                size: file.size().unsigned_abs(),
                partition: file.partition_values_map(),
                stats: file
                    .stats()
                    .and_then(|stats| serde_json::from_str(&stats).ok())
                    .unwrap_or_default(),
            })
            .collect();
        files.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(files)
    }

    /// The newest change of an application that the table has seen.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub async fn sequence(&self, application: &str) -> Result<Option<i64>, LakeError> {
        let fail = LakeError::delta(self.spec.name, "read");
        let snapshot = match self.delta.snapshot() {
            Ok(snapshot) => snapshot,
            Err(error) => return Err(fail(error)),
        };
        snapshot
            .transaction_version(self.delta.log_store().as_ref(), application)
            .await
            .map_err(fail)
    }

    /// Commits a change; see [`Change`].
    ///
    /// # Errors
    /// [`LakeError::Contended`] when others were faster too often; else when the log cannot be
    /// written.
    pub async fn commit(&mut self, change: &Change) -> Result<Committed, LakeError> {
        let name = self.spec.name;
        for attempt in 0..ATTEMPTS {
            self.refresh().await?;
            if self.holds(change) {
                return Ok(Committed::At(self.version()));
            }
            if change.expects.is_some_and(|version| version != self.version()) {
                return Ok(Committed::Before);
            }
            if self.sequence(&change.application).await? >= Some(change.sequence) {
                return Ok(Committed::Before);
            }
            let snapshot = self.delta.snapshot().map_err(LakeError::delta(name, "read"))?;
            let mut actions = self.actions(change);
            actions.extend(self.widened()?);
            let transaction = Transaction::new(&change.application, change.sequence);
            let properties = CommitProperties::default()
                .with_application_transaction(transaction)
                .with_max_retries(0)
                .with_metadata(change.note.clone());
            let done = CommitBuilder::from(properties)
                .with_actions(actions)
                .build(Some(snapshot), self.delta.log_store(), operation(change))
                .await;
            match done {
                Ok(done) => {
                    let version = done.version();
                    self.delta.state = Some(done.snapshot());
                    return Ok(Committed::At(version));
                }
                Err(error) if was_overtaken(&error) => {
                    // Whoever comes later waits a little longer; no two wait alike.
                    let jitter = u64::from(uuid::Uuid::new_v4().as_bytes()[0]) / 8;
                    let pause = u64::from(attempt.min(10)) * 5 + jitter;
                    tokio::time::sleep(Duration::from_millis(pause)).await;
                }
                Err(error) => return Err(LakeError::delta(name, "commit")(error)),
            }
        }
        Err(LakeError::Contended { table: name, attempts: ATTEMPTS })
    }

    /// Commits a change of layout: `change.replace` names one whole partition whose files must be
    /// the ones that stood in the loaded version. When others changed it meanwhile, nothing
    /// happens and the new files are left for the next vacuum.
    ///
    /// # Errors
    /// When the log cannot be written.
    pub async fn replace_exactly(&mut self, change: &Change) -> Result<Committed, LakeError> {
        let mut change = change.clone();
        change.expects = Some(self.version());
        change.replace_all = change.replace.is_empty();
        self.commit(&change).await
    }

    /// Files that were part of the table once, with the time of their removal (milliseconds since
    /// 1970 UTC), as far as the log remembers.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub async fn removed(&self) -> Result<HashMap<String, i64>, LakeError> {
        use futures::StreamExt;
        let snapshot = self.delta.snapshot().map_err(LakeError::delta(self.spec.name, "read"))?;
        let log_store = self.delta.log_store();
        let mut tombstones = snapshot.all_tombstones(log_store.as_ref());
        let mut removed = HashMap::new();
        while let Some(tombstone) = tombstones.next().await {
            let tombstone = tombstone.map_err(LakeError::delta(self.spec.name, "read"))?;
            let at = tombstone.deletion_timestamp().unwrap_or(0);
            removed.insert(tombstone.path().to_string(), at);
        }
        Ok(removed)
    }

    /// Do the files of this very change stand in the table? Then an earlier attempt held although
    /// its acknowledgement was lost.
    fn holds(&self, change: &Change) -> bool {
        let Some(first) = change.adds.first() else { return false };
        self.files().is_ok_and(|files| files.iter().any(|file| file.path == first.path))
    }

    /// The table's description with the columns that it lacks, if it lacks any.
    fn widened(&self) -> Result<Option<Action>, LakeError> {
        let fail = LakeError::delta(self.spec.name, "widen");
        let snapshot = match self.delta.snapshot() {
            Ok(snapshot) => snapshot,
            Err(error) => return Err(fail(error)),
        };
        let expected = kernel_schema(&(self.spec.schema)(), self.spec.name)?;
        let found = snapshot.schema();
        let new = expected.fields().filter(|field| found.field(field.name()).is_none());
        let new: Vec<_> = new.cloned().collect();
        if new.is_empty() {
            return Ok(None);
        }
        let fields = found.fields().cloned().chain(new);
        let schema = StructType::try_new(fields).map_err(DeltaTableError::from);
        let widened = schema.and_then(|schema| {
            let metadata = snapshot.metadata().clone();
            metadata.with_schema(&schema).map_err(DeltaTableError::from)
        });
        widened.map(|metadata| Some(Action::Metadata(metadata))).map_err(fail)
    }

    fn actions(&self, change: &Change) -> Vec<Action> {
        let mut actions = Vec::new();
        let removes = change.replace_all || !change.replace.is_empty();
        if let (true, Ok(snapshot)) = (removes, self.delta.snapshot()) {
            for file in snapshot.log_data().iter() {
                let values = file.partition_values_map();
                let replaced = change.replace.iter().all(|(column, value)| {
                    values.get(*column).and_then(Option::as_deref) == Some(value.as_str())
                });
                if replaced {
                    actions.push(Action::Remove(file.remove_action(change.is_data_change)));
                }
            }
        }
        let adds = change.adds.iter().cloned().map(|mut add| {
            add.data_change = change.is_data_change;
            Action::Add(add)
        });
        actions.extend(adds);
        actions
    }
}

fn operation(change: &Change) -> DeltaOperation {
    let predicate: Vec<String> =
        change.replace.iter().map(|(column, value)| format!("{column} = '{value}'")).collect();
    DeltaOperation::Write {
        mode: if predicate.is_empty() { SaveMode::Append } else { SaveMode::Overwrite },
        partition_by: None,
        predicate: (!predicate.is_empty()).then(|| predicate.join(" AND ")),
    }
}

fn was_overtaken(error: &DeltaTableError) -> bool {
    matches!(error, DeltaTableError::VersionAlreadyExists(_))
        || matches!(
            error,
            DeltaTableError::Transaction { source }
                if matches!(
                    source,
                    TransactionError::VersionAlreadyExists(_)
                        | TransactionError::CommitConflict(_)
                        | TransactionError::MaxCommitAttempts(_)
                )
        )
}

fn table_url(lake: &Lake, spec: &TableSpec) -> Result<Url, LakeError> {
    lake.url
        .join(&format!("{}/", spec.name))
        .map_err(|_| LakeError::Location { location: lake.url.to_string() })
}

fn builder(lake: &Lake, spec: &'static TableSpec) -> Result<DeltaTableBuilder, LakeError> {
    let url = table_url(lake, spec)?;
    let builder =
        DeltaTableBuilder::from_url(url.clone()).map_err(LakeError::delta(spec.name, "locate"))?;
    Ok(builder.with_storage_backend(Arc::clone(&lake.store), url))
}

fn kernel_schema(schema: &SchemaRef, table: &'static str) -> Result<StructType, LakeError> {
    let converted: Result<StructType, _> = schema.as_ref().try_into_kernel();
    converted.map_err(|source| LakeError::Arrow { table, source })
}

async fn create(lake: &Lake, spec: &'static TableSpec) -> Result<DeltaTable, LakeError> {
    let fail = LakeError::delta(spec.name, "create");
    let log_store = match builder(lake, spec)?.build_storage() {
        Ok(log_store) => log_store,
        Err(error) => return Err(fail(error)),
    };
    let schema = kernel_schema(&(spec.schema)(), spec.name)?;
    let created = CreateBuilder::new()
        .with_log_store(log_store)
        .with_table_name(spec.name)
        .with_comment(spec.meaning)
        .with_columns(schema.fields().cloned())
        .with_partition_columns(spec.partition.iter().copied())
        .with_configuration([
            ("delta.checkpointInterval", Some("20")),
            ("delta.logRetentionDuration", Some("interval 3650 days")),
            ("delta.dataSkippingStatsColumns", Some(spec.stats.join(",").as_str())),
        ])
        .with_save_mode(SaveMode::ErrorIfExists)
        .await;
    match created {
        Ok(table) => Ok(table),
        // Somebody else made it in the same moment.
        Err(_) => builder(lake, spec)?.load().await.map_err(fail),
    }
}

/// Lets deltalake-core use an S3 store that we made: it only asks for a log store by scheme.
fn register_log_store() {
    struct Default;
    impl LogStoreFactory for Default {
        fn with_options(
            &self,
            prefixed_store: ObjectStoreRef,
            root_store: ObjectStoreRef,
            location: &Url,
            options: &StorageConfig,
        ) -> DeltaResult<Arc<dyn LogStore>> {
            Ok(default_logstore(prefixed_store, root_store, location, options))
        }
    }
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        if let Ok(scheme) = Url::parse("s3://") {
            logstore_factories().insert(scheme, Arc::new(Default));
        }
    });
}
