//! Housekeeping: joining small files, and deleting what no version needs.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use arrow::array::RecordBatch;
use chrono::{DateTime, Utc};
use deltalake_core::kernel::Add;
use futures::StreamExt;
use object_store::{ObjectMeta, ObjectStoreExt};
use tokio::runtime::Handle;

use crate::provider::{LakeTable, bare_session};
use crate::spec::{ALL, TableSpec};
use crate::table::{Change, FileEntry, Table};
use crate::write::{FileWriter, write_stream};
use crate::{Lake, LakeError};

/// What housekeeping did to one table.
#[derive(Debug, Clone, Default)]
pub struct Maintained {
    /// Table.
    pub table: String,
    /// Files before.
    pub files_before: usize,
    /// Files after.
    pub files_after: usize,
    /// Objects deleted.
    pub deleted: usize,
    /// Their size, bytes.
    pub deleted_bytes: u64,
}

/// Files smaller than this are worth joining, bytes.
const SMALL_BYTES: u64 = 32 << 20;

/// Joins small files and deletes objects that neither the current version nor one younger than
/// `keep_from` refers to. Objects that no version ever referred to are deleted when they are older
/// than `orphans_before`. The caller holds the writer lock.
///
/// # Errors
/// When the lake cannot be read or written.
pub async fn maintain(
    lake: &Lake,
    keep_from: DateTime<Utc>,
    orphans_before: DateTime<Utc>,
) -> Result<Vec<Maintained>, LakeError> {
    if lake.url.scheme() == "file"
        && let Ok(folder) = lake.url.to_file_path()
    {
        delete_staged(&folder)
            .map_err(|source| LakeError::Lock { path: folder.display().to_string(), source })?;
    }
    let mut done = Vec::new();
    for spec in ALL {
        if !lake.exists(spec).await? {
            continue;
        }
        let mut table = lake.table(spec).await?;
        let files_before = table.files()?.len();
        compact(lake, &mut table).await?;
        let (deleted, deleted_bytes) = vacuum(lake, &table, keep_from, orphans_before).await?;
        let files_after = table.files()?.len();
        let table = spec.name.to_owned();
        done.push(Maintained { table, files_before, files_after, deleted, deleted_bytes });
    }
    Ok(done)
}

/// Deletes what a killed process left half-written on a local disk: the store stages files under
/// their name with `#` and a number, and hides them when listing.
fn delete_staged(folder: &std::path::Path) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            delete_staged(&entry.path())?;
            continue;
        }
        let name = entry.file_name();
        let is_staged = name.to_string_lossy().rsplit_once('#').is_some_and(|(_, number)| {
            !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
        });
        if is_staged {
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// Joins the small files of each partition that has several.
async fn compact(lake: &Lake, table: &mut Table) -> Result<(), LakeError> {
    let mut partitions: BTreeMap<Vec<(&'static str, String)>, Vec<FileEntry>> = BTreeMap::new();
    for file in table.files()? {
        let values = table.spec.partition.iter();
        let key = values.map(|name| (*name, file.partition_value(name).to_owned())).collect();
        partitions.entry(key).or_default().push(file);
    }
    for (partition, files) in partitions {
        let is_worth_it = files.len() > 1 && files.iter().all(|file| file.size < SMALL_BYTES);
        if !is_worth_it {
            continue;
        }
        let adds = rewrite(lake, table.spec, &partition, files).await?;
        let names: Vec<&str> = partition.iter().map(|(_, value)| value.as_str()).collect();
        let application = format!("billhook/compact/{}", names.join("/"));
        let sequence = table.sequence(&application).await?.unwrap_or(0) + 1;
        let change = Change {
            replace: partition.clone(),
            replace_all: false,
            expects: None,
            adds,
            application,
            sequence,
            is_data_change: false,
            note: HashMap::new(),
        };
        table.replace_exactly(&change).await?;
    }
    Ok(())
}

async fn rewrite(
    lake: &Lake,
    spec: &'static TableSpec,
    partition: &[(&'static str, String)],
    files: Vec<FileEntry>,
) -> Result<Vec<Add>, LakeError> {
    let provider = Arc::new(LakeTable::with_files(lake, spec, files));
    let stream = bare_session(lake).read_table(provider)?.execute_stream().await?;
    let values =
        partition.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    let writer = FileWriter::new(lake.clone(), spec, values, Handle::current());
    let columns: Vec<usize> = (0..spec.file_schema().fields().len()).collect();
    let own = |batch: RecordBatch| {
        batch.project(&columns).map_err(|source| LakeError::Arrow { table: spec.name, source })
    };
    write_stream(writer, stream, own, true).await
}

/// Deletes data objects that nobody needs.
async fn vacuum(
    lake: &Lake,
    table: &Table,
    keep_from: DateTime<Utc>,
    orphans_before: DateTime<Utc>,
) -> Result<(usize, u64), LakeError> {
    let needed: HashSet<String> = table.files()?.into_iter().map(|file| file.path).collect();
    let removed = table.removed().await?;
    let root = lake.path(table.spec.name)?;
    let mut objects = lake.store.list(Some(&root));
    let mut garbage: Vec<ObjectMeta> = Vec::new();
    while let Some(entry) = objects.next().await {
        let object = entry.map_err(|e| LakeError::store("list", &root, e))?;
        let below = object.location.as_ref()[root.as_ref().len()..].trim_start_matches('/');
        if below.starts_with("_delta_log/") || needed.contains(below) {
            continue;
        }
        let is_garbage = match removed.get(below) {
            Some(removed_at) => *removed_at < keep_from.timestamp_millis(),
            None => object.last_modified < orphans_before,
        };
        if is_garbage {
            garbage.push(object);
        }
    }
    let bytes = garbage.iter().map(|object| object.size).sum();
    for object in &garbage {
        let path = &object.location;
        lake.store.delete(path).await.map_err(|e| LakeError::store("delete", path, e))?;
    }
    Ok((garbage.len(), bytes))
}
