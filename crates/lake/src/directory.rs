//! The directory: what accounts are called, where they stand in the organisation, and which tags
//! they and resources have now, as AWS tells it beside the bill.
//!
//! Two small tables, `accounts` and `resource_tags`. What a connection is told replaces what it was
//! told before, whole, in one commit; where several know the same account, the newest record
//! counts. `lookup` makes columns of the views and SQL functions of them.

mod lookup;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::compute::{concat_batches, sort_to_indices, take_record_batch};
use arrow::error::ArrowError;
use billhook_focus::columns::map_builder;
use deltalake_core::kernel::Add;
use object_store::path::Path;
use object_store::{Error, ObjectStoreExt, PutPayload};
use tokio::runtime::Handle;

use crate::provider::read_slice;
use crate::spec::{ACCOUNTS, RESOURCE_TAGS, TableSpec};
use crate::table::{Change, Committed};
use crate::write::FileWriter;
use crate::{Lake, LakeError};

pub(crate) use lookup::Directory;

/// A column that the views have beside those of their table.
#[derive(Debug, Clone, Copy)]
pub struct ViewColumn {
    /// Name.
    pub name: &'static str,
    /// Its type for people.
    pub label: &'static str,
    /// Has `costs_daily` it, too?
    pub is_daily: bool,
    /// What it says, in a sentence.
    pub meaning: &'static str,
}

/// What the directory adds to `costs`, in this order, and to `costs_daily`.
pub const VIEW_COLUMNS: [ViewColumn; 5] = [
    ViewColumn {
        name: "x_AccountName",
        label: "text",
        is_daily: true,
        meaning: "Name of SubAccountId: Organizations' own, else the bill's, else the id.",
    },
    ViewColumn {
        name: "x_OrganizationalUnit",
        label: "text",
        is_daily: true,
        meaning: "Organisational unit of SubAccountId, by names from the root down.",
    },
    ViewColumn {
        name: "x_AccountTags",
        label: "map",
        is_daily: true,
        meaning: "Tags of SubAccountId in Organizations.",
    },
    ViewColumn {
        name: "x_ResourceTags",
        label: "map",
        is_daily: false,
        meaning: "Tags that ResourceId has now, whatever was billed; Tags are the billed ones.",
    },
    ViewColumn {
        name: "x_ResourceTagsRecordedAt",
        label: "timestamp",
        is_daily: false,
        meaning: "When x_ResourceTags were recorded.",
    },
];

/// An account, as Organizations has it. Empty text is stored as NULL, and so is no tag.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Account {
    /// 12 digits.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Address of its owner.
    pub email: String,
    /// Such as `ACTIVE`, `SUSPENDED`.
    pub state: String,
    /// Names from the root down, `Root/Engineering/Data`.
    pub unit: String,
    /// The organisation's management account.
    pub management_account: String,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
}

/// A resource and its tags. Empty text is stored as NULL, and so is no tag.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Resource {
    /// Its ARN.
    pub arn: String,
    /// As bills write it: the ARN, or a bare id.
    pub id: String,
    /// Where it was found.
    pub region: String,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
}

/// Replaces the accounts that a connection knows. Returns whether that changes anything.
/// `recorded_at` is in microseconds since 1970 UTC.
///
/// # Errors
/// When the lake cannot be read or written.
pub async fn replace_accounts(
    lake: &Lake,
    connection: &str,
    mut accounts: Vec<Account>,
    recorded_at: i64,
) -> Result<bool, LakeError> {
    accounts.sort_by(|a, b| a.id.cmp(&b.id));
    accounts.dedup_by(|a, b| a.id == b.id);
    let texts = |f: &dyn Fn(&Account) -> &str| texts(accounts.iter().map(f));
    let tags = tags(accounts.iter().map(|account| &account.tags));
    let columns = vec![
        texts(&|account| &account.id),
        texts(&|account| &account.name),
        texts(&|account| &account.email),
        texts(&|account| &account.state),
        texts(&|account| &account.unit),
        texts(&|account| &account.management_account),
        tags.map_err(unfit(&ACCOUNTS))?,
        times(recorded_at, accounts.len()),
    ];
    replace(lake, &ACCOUNTS, connection, columns).await
}

/// Replaces the resources that a connection knows. Returns whether that changes anything.
/// `recorded_at` is in microseconds since 1970 UTC.
///
/// # Errors
/// When the lake cannot be read or written.
pub async fn replace_resources(
    lake: &Lake,
    connection: &str,
    mut resources: Vec<Resource>,
    recorded_at: i64,
) -> Result<bool, LakeError> {
    resources.sort_by(|a, b| a.arn.cmp(&b.arn));
    resources.dedup_by(|a, b| a.arn == b.arn);
    let texts = |f: &dyn Fn(&Resource) -> &str| texts(resources.iter().map(f));
    let tags = tags(resources.iter().map(|resource| &resource.tags));
    let columns = vec![
        texts(&|resource| &resource.arn),
        texts(&|resource| &resource.id),
        texts(&|resource| &resource.region),
        tags.map_err(unfit(&RESOURCE_TAGS))?,
        times(recorded_at, resources.len()),
    ];
    replace(lake, &RESOURCE_TAGS, connection, columns).await
}

/// When AWS was last asked on behalf of a connection, microseconds since 1970 UTC. Records that
/// did not change keep the time at which they were first seen, so they do not tell.
///
/// # Errors
/// When the lake cannot be read.
pub async fn looked_at(lake: &Lake, connection: &str) -> Result<Option<i64>, LakeError> {
    let path = note(lake, connection)?;
    let read = match lake.store.get(&path).await {
        Ok(result) => result.bytes().await,
        Err(Error::NotFound { .. }) => return Ok(None),
        Err(error) => Err(error),
    };
    let text = read.map_err(|e| LakeError::store("read", &path, e))?;
    // A note that was cut short costs no more than another look.
    Ok(serde_json::from_slice(&text).ok())
}

/// Notes that AWS was asked; see [`looked_at`].
///
/// # Errors
/// When the lake cannot be written.
pub async fn note_look(lake: &Lake, connection: &str, now: i64) -> Result<(), LakeError> {
    let path = note(lake, connection)?;
    let put = lake.store.put(&path, PutPayload::from(now.to_string())).await;
    put.map(drop).map_err(|e| LakeError::store("write", &path, e))
}

fn note(lake: &Lake, connection: &str) -> Result<Path, LakeError> {
    lake.path(&format!("_billhook/directory/{connection}.json"))
}

fn unfit(spec: &'static TableSpec) -> impl Fn(ArrowError) -> LakeError {
    move |source| LakeError::Arrow { table: spec.name, source }
}

fn texts<'a>(values: impl Iterator<Item = &'a str>) -> ArrayRef {
    Arc::new(values.map(|text| (!text.is_empty()).then_some(text)).collect::<StringArray>())
}

fn times(time: i64, rows: usize) -> ArrayRef {
    Arc::new(TimestampMicrosecondArray::from(vec![time; rows]).with_timezone("UTC"))
}

fn tags<'a>(
    maps: impl Iterator<Item = &'a BTreeMap<String, String>>,
) -> Result<ArrayRef, ArrowError> {
    let mut builder = map_builder();
    for map in maps {
        for (key, value) in map {
            builder.keys().append_value(key);
            builder.values().append_value(value);
        }
        builder.append(!map.is_empty())?;
    }
    Ok(Arc::new(builder.finish()))
}

/// Replaces a connection's rows with others, which are in the order of their first column, and
/// each has another value there.
async fn replace(
    lake: &Lake,
    spec: &'static TableSpec,
    connection: &str,
    columns: Vec<ArrayRef>,
) -> Result<bool, LakeError> {
    let batch = RecordBatch::try_new(spec.file_schema(), columns).map_err(unfit(spec))?;
    if batch.num_rows() == 0 && !lake.exists(spec).await? {
        return Ok(false);
    }
    let partition = vec![("x_Connection", connection.to_owned())];
    if is_known(lake, spec, &partition, &batch).await? {
        return Ok(false);
    }
    let adds = write(lake, spec, connection, batch).await?;
    let mut table = lake.table(spec).await?;
    let application = format!("billhook/directory/{connection}");
    let sequence = table.sequence(&application).await?.unwrap_or(0) + 1;
    let change = Change {
        replace: partition,
        replace_all: false,
        expects: None,
        adds,
        application,
        sequence,
        is_data_change: true,
        note: HashMap::new(),
    };
    // Who was faster asked at the same time, and was told the same.
    Ok(table.commit(&change).await? != Committed::Before)
}

/// Do the rows stand there already, but for the time of their record?
async fn is_known(
    lake: &Lake,
    spec: &'static TableSpec,
    partition: &[(&'static str, String)],
    batch: &RecordBatch,
) -> Result<bool, LakeError> {
    let old = read_slice(lake, spec, partition).await?;
    let Some(first) = old.first() else { return Ok(batch.num_rows() == 0) };
    let sorted = concat_batches(&first.schema(), &old).and_then(|old| {
        let order = sort_to_indices(old.column(0), None, None)?;
        take_record_batch(&old, &order)
    });
    let old = sorted.map_err(unfit(spec))?;
    let schema = batch.schema();
    let mut names = schema.fields().iter().map(|field| field.name().as_str());
    let same = |name: &str| old.column_by_name(name) == batch.column_by_name(name);
    Ok(names.all(|name| name == "x_RecordedAt" || same(name)))
}

async fn write(
    lake: &Lake,
    spec: &'static TableSpec,
    connection: &str,
    batch: RecordBatch,
) -> Result<Vec<Add>, LakeError> {
    if batch.num_rows() == 0 {
        return Ok(Vec::new());
    }
    let partition = vec![("x_Connection".to_owned(), connection.to_owned())];
    let mut writer = FileWriter::new(lake.clone(), spec, partition, Handle::current());
    let work = move || {
        writer.write(&batch)?;
        writer.finish(false)
    };
    match tokio::task::spawn_blocking(work).await {
        Ok(adds) => adds,
        Err(panic) => std::panic::resume_unwind(panic.into_panic()),
    }
}
