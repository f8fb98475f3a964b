//! `import`: finds the deliveries in a place and brings each slice up to date.

mod kept;
mod look;
mod skim;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use arrow::array::{Array, AsArray};
use billhook_aws::Location;
use billhook_lake::LakeError;
use billhook_lake::session::LakeSession;
use billhook_lake::slice::{self, DeliveryRecord, SliceId};
use billhook_lake::spec::COST_AND_USAGE;
use billhook_sources::delivery::{Delivery, Readiness, connection_name};
use billhook_sources::kinds;
use billhook_sources::manifest::Manifest;
use billhook_sources::table::{Mapping, ReadError};
use futures::StreamExt;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt};

use crate::ingest::{self, Options};
use crate::{EngineError, Home, publish, spread};

use kept::Kept;
use look::mapping_of;
use spread::Spread;

pub(crate) use look::{discover, header};
pub use skim::{Skimmed, skim};

/// What became of one delivery.
#[derive(Debug)]
pub enum Fate {
    /// It replaced its slice.
    Loaded {
        /// What is known of it.
        record: Box<DeliveryRecord>,
        /// Number of ledger entries.
        changes: usize,
    },
    /// The slice holds this very revision already.
    Unchanged,
    /// AWS is not done yet.
    Waiting(String),
    /// Nothing to store.
    Empty(String),
    /// It was refused or could not be read; the slice is as before.
    Failed(EngineError),
}

/// One delivery and its fate.
#[derive(Debug)]
pub struct Imported {
    /// Connection.
    pub connection: String,
    /// Billing period, empty when unknown.
    pub period: String,
    /// Revision.
    pub revision: String,
    /// What its files are, when that is known: the title of a table.
    pub title: Option<&'static str>,
    /// Things worth telling.
    pub warnings: Vec<String>,
    /// What became of it.
    pub fate: Fate,
}

/// Everything about one place.
#[derive(Debug)]
pub struct Import {
    /// The deliveries, in order.
    pub imported: Vec<Imported>,
    /// Objects that are no billing data, with the reason.
    pub left_alone: Vec<(String, String)>,
    /// The complete delivery that was written last.
    pub newest: Option<Newest>,
}

/// The delivery that was written last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Newest {
    /// Its billing period.
    pub period: String,
    /// When, microseconds since 1970 UTC.
    pub written_at: i64,
}

/// What the lake knows of a slice.
#[derive(Debug, Clone)]
pub(crate) struct Known {
    state: String,
    accounts: String,
}

/// How often a report that changes while it is read is read again.
const ATTEMPTS: u32 = 3;

/// Imports a place. `heard` is told of each delivery as soon as its fate is known.
///
/// # Errors
/// When the place cannot be listed or the lake cannot be opened; what happens to a single delivery
/// is told in its fate.
pub async fn import(
    home: &Home,
    location: &Location,
    name: Option<&str>,
    options: &Options,
    mut heard: impl FnMut(&Imported),
) -> Result<Import, EngineError> {
    let objects = list(location).await?;
    let kept = Kept::of(location, options.kept.as_deref());
    let mut found = look::discover_with(location, &objects, kept.as_ref()).await?;
    if found.deliveries.is_empty() && found.left_alone.is_empty() {
        return Err(EngineError::Absent(format!("{}: there is nothing here", location.written)));
    }
    let (files, deliveries): (Vec<_>, Vec<_>) =
        found.deliveries.into_iter().partition(is_no_report);
    found.left_alone.extend(files.into_iter().flat_map(|delivery| {
        let reason = match delivery.readiness {
            Readiness::Empty(reason) | Readiness::Waiting(reason) | Readiness::Damaged(reason) => {
                reason
            }
            Readiness::Ready => String::new(),
        };
        delivery.files.into_iter().map(move |f| (f.meta.location.to_string(), reason.clone()))
    }));
    let store = &*location.store;
    let left_alone = &mut found.left_alone;
    let deliveries = meant(store, deliveries, &options.kinds, left_alone, kept.as_ref()).await?;
    let Spread { mut deliveries, mut guessed, superseded } =
        spread::spread(&location.store, deliveries, options).await?;
    let reason = || "belongs to no current delivery".to_owned();
    found.left_alone.extend(superseded.into_iter().map(|file| (file, reason())));
    let names = names(&deliveries, name)?;
    let newest = newest(&deliveries);
    if let Some(period) = &options.period {
        deliveries.retain(|delivery| delivery.period == *period);
    }
    if options.newest_first {
        deliveries.sort_by(|a, b| b.period.cmp(&a.period));
    }
    let known = known(home).await?;
    let mut imported = Vec::new();
    let mut waiting = VecDeque::from(deliveries);
    while let Some(delivery) = waiting.pop_front() {
        let connection = names.get(&delivery.identity).cloned().unwrap_or_default();
        let guess = guessed.remove(&delivery.identity).then(|| delivery.clone());
        let one = import_one(home, location, connection, delivery, options, &known).await;
        if let Some(guess) = guess.filter(|_| may_hold_more(&one.fate)) {
            let mut divided = spread::divided(&location.store, &guess, options).await?;
            if options.newest_first {
                divided.reverse();
            }
            divided.into_iter().rev().for_each(|delivery| waiting.push_front(delivery));
            continue;
        }
        heard(&one);
        let is_interrupted = matches!(one.fate, Fate::Failed(EngineError::Interrupted));
        imported.push(one);
        if is_interrupted {
            break;
        }
    }
    Ok(Import { imported, left_alone: found.left_alone, newest })
}

/// Can the file of a guessed delivery hold other months? That nothing is new of the guessed one
/// does not tell whether the others were loaded.
fn may_hold_more(fate: &Fate) -> bool {
    match fate {
        Fate::Unchanged => true,
        Fate::Failed(EngineError::Read(error)) => matches!(**error, ReadError::Period { .. }),
        _ => false,
    }
}

/// The exit code for some deliveries.
#[must_use]
pub fn exit_code(imported: &[Imported]) -> u8 {
    let codes = imported.iter().map(|one| match &one.fate {
        Fate::Failed(error) => error.exit_code(),
        _ => 0,
    });
    codes.max().unwrap_or(0)
}

/// The objects of a place, by their keys.
pub(crate) async fn list(location: &Location) -> Result<Vec<ObjectMeta>, EngineError> {
    let prefix = object_store::path::Path::from(location.prefix.as_str());
    let is_whole = location.prefix.is_empty();
    let mut listed = list_below(location, (!is_whole).then_some(&prefix)).await;
    // One object is a place, too. Most places are none, so that is asked only when the listing,
    // a request for each 1000 objects, tells nothing.
    if !is_whole
        && listed.as_ref().map_or(true, Vec::is_empty)
        && let Ok(meta) = location.store.head(&prefix).await
    {
        listed = Ok(vec![meta]);
    }
    listed.map_err(|source| EngineError::Store { location: location.written.clone(), source })
}

async fn list_below(
    location: &Location,
    prefix: Option<&object_store::path::Path>,
) -> Result<Vec<ObjectMeta>, object_store::Error> {
    let mut objects = Vec::new();
    let mut listing = location.store.list(prefix);
    while let Some(meta) = listing.next().await {
        objects.push(meta?);
    }
    objects.sort_by(|a, b| a.location.cmp(&b.location));
    Ok(objects)
}

/// Of the complete deliveries the one that was written last.
fn newest(deliveries: &[Delivery]) -> Option<Newest> {
    let ready = deliveries.iter().filter(|delivery| delivery.readiness == Readiness::Ready);
    let newest = ready.max_by_key(|delivery| delivery.written_at())?;
    Some(Newest { period: newest.period.clone(), written_at: newest.written_at() })
}

/// The deliveries whose kind was asked for; the files of others are left alone.
async fn meant(
    store: &dyn ObjectStore,
    deliveries: Vec<Delivery>,
    wanted: &[String],
    left_alone: &mut Vec<(String, String)>,
    kept: Option<&Kept>,
) -> Result<Vec<Delivery>, EngineError> {
    if wanted.is_empty() {
        return Ok(deliveries);
    }
    let is_wanted =
        |mapping: &Mapping| wanted.iter().any(|wanted| kinds::is_meant(mapping.kind, wanted));
    let mut meant = Vec::new();
    for mut delivery in deliveries {
        let some = delivery.mappings.iter().any(|mapping| is_wanted(mapping));
        let all = delivery.mappings.iter().all(|mapping| is_wanted(mapping));
        // Only where the manifest leaves it open, and there are files, the header has to tell.
        if some && !all && delivery.mapping.is_none() {
            delivery.mapping = mapping_of(store, &delivery, kept).await.ok();
        }
        let is_meant = delivery.mapping.map_or(some, is_wanted);
        if is_meant {
            meant.push(delivery);
            continue;
        }
        let what = title(&delivery).unwrap_or("of another kind");
        let reason = format!("not asked for by --kind {}: {what}", wanted.join(" --kind "));
        let files = delivery.files.iter().map(|file| &file.meta).chain(&delivery.manifest);
        left_alone.extend(files.map(|meta| (meta.location.to_string(), reason.clone())));
    }
    Ok(meant)
}

/// What the files of a delivery are called, as far as that is known.
fn title(delivery: &Delivery) -> Option<&'static str> {
    let mapping = match delivery.mappings {
        [only] => Some(*only),
        _ => delivery.mapping,
    };
    mapping.map(|mapping| mapping.format.title)
}

/// Files that are no report at all are left alone.
fn is_no_report(delivery: &Delivery) -> bool {
    delivery.report.is_empty()
}

/// A connection name for each report.
fn names(
    deliveries: &[Delivery],
    wanted: Option<&str>,
) -> Result<BTreeMap<String, String>, EngineError> {
    let reports: BTreeMap<&str, &Delivery> =
        deliveries.iter().map(|delivery| (delivery.identity.as_str(), delivery)).collect();
    if let Some(wanted) = wanted {
        if connection_name(wanted) != wanted {
            return Err(EngineError::Usage(format!(
                "{wanted:?} is no connection name: use lowercase letters, digits and dashes"
            )));
        }
        if reports.len() > 1 {
            let list: BTreeSet<&str> = reports.values().map(|d| d.report.as_str()).collect();
            let list: Vec<&str> = list.into_iter().collect();
            return Err(EngineError::Usage(format!(
                "--as names one report, but here are {}: {}. Give the folder of one of them",
                reports.len(),
                list.join(", ")
            )));
        }
        return Ok(reports.into_keys().map(|id| (id.to_owned(), wanted.to_owned())).collect());
    }
    let mut taken: BTreeSet<String> = BTreeSet::new();
    let mut names = BTreeMap::new();
    for (identity, delivery) in &reports {
        let plain = connection_name(&delivery.report);
        let is_shared =
            reports.values().filter(|other| connection_name(&other.report) == plain).count() > 1;
        let mut name = plain.clone();
        if is_shared && !delivery.account.is_empty() {
            name = connection_name(&format!("{plain}-{}", delivery.account));
        }
        let base = name.clone();
        let mut number = 2;
        while !taken.insert(name.clone()) {
            name = format!("{base}-{number}");
            number += 1;
        }
        names.insert((*identity).to_owned(), name);
    }
    Ok(names)
}

/// The last delivery of each slice, by connection and period.
pub(crate) async fn known(home: &Home) -> Result<BTreeMap<(String, String), Known>, EngineError> {
    let session = LakeSession::open(&home.lake, None).await?;
    let sql = "SELECT x_Connection, x_BillingPeriod, State, BillingAccountIds FROM deliveries \
               ORDER BY x_RecordedAt";
    let mut known = BTreeMap::new();
    for batch in session.query(sql).await? {
        let text = |column: usize, row: usize| {
            let column = batch.column(column).as_string::<i32>();
            if column.is_valid(row) { column.value(row).to_owned() } else { String::new() }
        };
        for row in 0..batch.num_rows() {
            let entry = Known { state: text(2, row), accounts: text(3, row) };
            known.insert((text(0, row), text(1, row)), entry);
        }
    }
    Ok(known)
}

/// The billing accounts of which a connection holds bills.
pub(crate) async fn accounts(
    home: &Home,
    connection: &str,
) -> Result<BTreeSet<String>, EngineError> {
    Ok(accounts_of(&known(home).await?, connection))
}

fn accounts_of(known: &BTreeMap<(String, String), Known>, connection: &str) -> BTreeSet<String> {
    let of_connection = known.iter().filter(|((name, _), _)| name == connection);
    let accounts = of_connection.flat_map(|(_, known)| {
        serde_json::from_str::<Vec<String>>(&known.accounts).unwrap_or_default()
    });
    accounts.collect()
}

pub(crate) async fn import_one(
    home: &Home,
    location: &Location,
    connection: String,
    mut delivery: Delivery,
    options: &Options,
    known: &BTreeMap<(String, String), Known>,
) -> Imported {
    let mut fate = Fate::Waiting(String::new());
    for attempt in 1..=ATTEMPTS {
        let slice = SliceId { connection: connection.clone(), period: delivery.period.clone() };
        let result = load(home, location, &slice, &mut delivery, options, known).await;
        fate = match result {
            Ok(Some(fate)) => fate,
            Ok(None) if attempt == ATTEMPTS => Fate::Failed(EngineError::Restless {
                report: delivery.report.clone(),
                attempts: ATTEMPTS,
            }),
            // It was rewritten: look again at what is there now, and read that.
            Ok(None) => {
                let now = async { look::found(location, &list(location).await?, None).await };
                if let Ok(found) = now.await {
                    let same = |d: &Delivery| {
                        d.identity == delivery.identity && d.period == delivery.period
                    };
                    if let Some(newer) = found.deliveries.into_iter().find(same) {
                        delivery = newer;
                    }
                }
                continue;
            }
            Err(error) => Fate::Failed(error),
        };
        break;
    }
    Imported {
        connection,
        title: title(&delivery),
        period: delivery.period,
        revision: delivery.revision,
        warnings: delivery.warnings,
        fate,
    }
}

/// Brings one slice up to date; `None` when the report was rewritten meanwhile.
async fn load(
    home: &Home,
    location: &Location,
    slice: &SliceId,
    delivery: &mut Delivery,
    options: &Options,
    known: &BTreeMap<(String, String), Known>,
) -> Result<Option<Fate>, EngineError> {
    match &delivery.readiness {
        Readiness::Damaged(why) => return Err(EngineError::Damaged(why.clone())),
        Readiness::Waiting(why) => return Ok(Some(Fate::Waiting(why.clone()))),
        Readiness::Empty(why) => return Ok(Some(Fate::Empty(why.clone()))),
        Readiness::Ready => {}
    }
    let lines = home.lake.table(&COST_AND_USAGE).await?;
    if slice::current_revision(&lines, slice)?.as_deref() == Some(delivery.revision.as_str()) {
        return Ok(Some(Fate::Unchanged));
    }
    let store = Arc::clone(&location.store);
    let mapping = mapping_of(&*store, delivery, None).await?;
    delivery.mapping = Some(mapping);
    let loaded = ingest::ingest(&home.lake, &store, slice, delivery, mapping, options).await;
    let mut loaded = match loaded {
        Ok(loaded) => loaded,
        Err(error) if was_rewritten(&*store, delivery, Some(&error)).await => {
            drop(error);
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    if was_rewritten(&*store, delivery, None).await {
        return Ok(None);
    }
    let earlier = known.get(&(slice.connection.clone(), slice.period.clone()));
    check_accounts(slice, &loaded.record, known)?;
    loaded.record.state = state(slice, &loaded.record, earlier, options.now).to_owned();
    loaded.keeps_hours = publish::keeps_hours(&home.dir, &slice.connection)?;
    let mut record = Box::new(loaded.record.clone());
    if record.short_records > 0 {
        delivery.warnings.push(format!(
            "{} records have fewer fields than the header; what lacks was taken as empty",
            record.short_records
        ));
    }
    delivery.warnings.append(&mut record.notes);
    let outcome = match slice::replace(&home.lake, slice, loaded).await {
        Err(LakeError::Contended { attempts: 1, .. }) => return Ok(None),
        other => other?,
    };
    record.previous = outcome.previous;
    Ok(Some(Fate::Loaded { record, changes: outcome.changes }))
}

/// Is the manifest another one than when the delivery was found (overwrite mode)?
async fn was_rewritten(
    store: &dyn ObjectStore,
    delivery: &Delivery,
    error: Option<&EngineError>,
) -> bool {
    if let Some(EngineError::Store { source, .. }) = error
        && matches!(source, object_store::Error::Precondition { .. })
    {
        return true;
    }
    let Some(manifest) = &delivery.manifest else { return was_overwritten(store, delivery).await };
    let Ok(result) = store.get(&manifest.location).await else { return false };
    let Ok(text) = result.bytes().await else { return false };
    let key = manifest.location.as_ref();
    Manifest::parse(&text, key).is_none_or(|now| now.revision != delivery.revision)
}

/// Is a file another one than when the delivery was found? Asked of bills in a few files that AWS
/// overwrites in place.
async fn was_overwritten(store: &dyn ObjectStore, delivery: &Delivery) -> bool {
    if !delivery.mappings.iter().all(|mapping| mapping.is_statement) {
        return false;
    }
    for file in delivery.files.iter().chain(&delivery.checks) {
        let now = store.head(&file.meta.location).await;
        if now.is_ok_and(|now| now.e_tag != file.meta.e_tag || now.size != file.meta.size) {
            return true;
        }
    }
    false
}

/// A connection bills one set of accounts; a report of somebody else must not replace its months.
fn check_accounts(
    slice: &SliceId,
    record: &DeliveryRecord,
    known: &BTreeMap<(String, String), Known>,
) -> Result<(), EngineError> {
    let earlier = accounts_of(known, &slice.connection);
    let ours = &record.billing_accounts;
    if earlier.is_empty() || ours.is_empty() || ours.iter().any(|id| earlier.contains(id)) {
        return Ok(());
    }
    let theirs: Vec<String> = earlier.into_iter().collect();
    Err(EngineError::Usage(format!(
        "connection {} holds the bills of {}, and this report bills {}: import it with --as and \
         another name",
        slice.connection,
        theirs.join(", "),
        ours.join(", "),
    )))
}

/// The period state after a delivery.
fn state(
    slice: &SliceId,
    record: &DeliveryRecord,
    earlier: Option<&Known>,
    now: i64,
) -> &'static str {
    if earlier.is_some_and(|known| matches!(known.state.as_str(), "final" | "reopened")) {
        return "reopened";
    }
    if record.is_invoiced {
        return "final";
    }
    if billhook_sources::table::month_of(now) > slice.period { "estimated" } else { "open" }
}

#[cfg(test)]
mod tests;
