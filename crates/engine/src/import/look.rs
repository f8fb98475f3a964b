//! Looking into files: what a place holds, and what files are that no manifest describes.

use std::collections::BTreeMap;

use billhook_aws::Location;
use billhook_sources::delivery::{Delivery, Found, Readiness};
use billhook_sources::format::canonical;
use billhook_sources::kinds;
use billhook_sources::manifest::period_of_digits;
use billhook_sources::table::{Mapping, peek};
use billhook_sources::text::inflate::{Input, Limits};
use bytes::Bytes;
use object_store::{GetOptions, ObjectMeta, ObjectStore, ObjectStoreExt};

use super::kept::{Kept, What};
use crate::EngineError;

/// What objects of a place hold, looked into where no manifest describes them.
///
/// # Errors
/// When something cannot be read.
pub(crate) async fn discover(
    location: &Location,
    objects: &[ObjectMeta],
) -> Result<Found, EngineError> {
    discover_with(location, objects, None).await
}

/// As [`discover`], without reading again what was kept of an earlier look.
///
/// # Errors
/// When something cannot be read.
pub(super) async fn discover_with(
    location: &Location,
    objects: &[ObjectMeta],
    kept: Option<&Kept>,
) -> Result<Found, EngineError> {
    let mut found = found(location, objects, kept).await?;
    for delivery in &mut found.deliveries {
        identify(&*location.store, delivery, kept).await?;
    }
    Ok(found)
}

/// What objects of a place hold, by names and manifests alone.
///
/// # Errors
/// When a manifest cannot be read.
pub(super) async fn found(
    location: &Location,
    objects: &[ObjectMeta],
    kept: Option<&Kept>,
) -> Result<Found, EngineError> {
    let fail = |source| EngineError::Store { location: location.written.clone(), source };
    let mut texts = BTreeMap::new();
    for meta in billhook_sources::discover::manifests(objects) {
        let text = manifest(&*location.store, meta, kept).await.map_err(fail)?;
        texts.insert(meta.location.to_string(), text);
    }
    Ok(billhook_sources::discover::discover(objects, &texts))
}

/// The text of a manifest.
async fn manifest(
    store: &dyn ObjectStore,
    meta: &ObjectMeta,
    kept: Option<&Kept>,
) -> Result<Bytes, object_store::Error> {
    if let Some(text) = kept.and_then(|kept| kept.find(What::Manifest, meta)) {
        return Ok(text.into());
    }
    let result = store.get(&meta.location).await?;
    let is_listed = result.meta.e_tag == meta.e_tag;
    let text = result.bytes().await?;
    if let Some(kept) = kept.filter(|_| is_listed) {
        kept.keep(What::Manifest, meta, &text);
    }
    Ok(text)
}

/// The header of a file.
///
/// # Errors
/// When it cannot be fetched.
pub(crate) async fn header(
    location: &Location,
    meta: &ObjectMeta,
) -> Result<std::io::Result<Vec<String>>, EngineError> {
    let peeked = peek_at(&*location.store, meta, None).await?;
    Ok(peeked.map(|record| record.into_iter().map(|(name, _)| name).collect()))
}

/// Looks into files that no manifest describes: are they reports, and of which month?
async fn identify(
    store: &dyn ObjectStore,
    delivery: &mut Delivery,
    kept: Option<&Kept>,
) -> Result<(), EngineError> {
    let Some(first) = delivery.files.first() else { return Ok(()) };
    if delivery.manifest.is_some() {
        return Ok(());
    }
    let record = match peek_at(store, &first.meta, kept).await? {
        Ok(record) => record,
        // Reading it will say what is wrong with it.
        Err(_) if !delivery.period.is_empty() => return Ok(()),
        Err(error) => {
            let why = format!("{}: the file is damaged: {error}", first.name);
            delivery.readiness = Readiness::Damaged(why);
            return Ok(());
        }
    };
    let value = |header: &str| {
        let found = record.iter().find(|(name, _)| canonical(name) == canonical(header));
        found.map(|(_, value)| value.as_str())
    };
    let header: Vec<String> = record.iter().map(|(name, _)| name.clone()).collect();
    let mapping = match kinds::recognise(delivery.mappings, &header) {
        Ok(mapping) => mapping,
        Err(error) => {
            delivery.report.clear();
            let why = kinds::no_costs(&header).map_or_else(|| error.to_string(), str::to_owned);
            delivery.readiness = Readiness::Empty(why);
            return Ok(());
        }
    };
    delivery.mapping = Some(mapping);
    if delivery.period.is_empty() && !mapping.many_periods {
        if let Some(period) = value(mapping.period).and_then(period_of_digits) {
            delivery.period = period;
        } else {
            let why = if value(mapping.period).is_some() {
                "the report has no lines, and without a manifest its month is unknown"
            } else {
                "neither a manifest nor the file's name nor a column tells its month; give the \
                 file back the name that AWS gave it"
            };
            delivery.readiness = Readiness::Empty(why.to_owned());
        }
    }
    Ok(())
}

/// What the files of a delivery are. A manifest leaves a few possibilities; the header of the
/// first file decides.
///
/// # Errors
/// When that header cannot be read, or is of none of them.
pub(super) async fn mapping_of(
    store: &dyn ObjectStore,
    delivery: &Delivery,
    kept: Option<&Kept>,
) -> Result<&'static Mapping, EngineError> {
    if let Some(mapping) = delivery.mapping {
        return Ok(mapping);
    }
    if let [only] = delivery.mappings {
        return Ok(only);
    }
    let Some(first) = delivery.files.first() else {
        return Err(EngineError::Absent(format!("{}: no files", delivery.report)));
    };
    let damaged = |why: String| EngineError::Damaged(format!("{}: {why}", first.name));
    let peeked = peek_at(store, &first.meta, kept).await?;
    let record = peeked.map_err(|error| damaged(error.to_string()))?;
    let header: Vec<String> = record.into_iter().map(|(name, _)| name).collect();
    kinds::recognise(delivery.mappings, &header).map_err(|error| damaged(error.to_string()))
}

/// The header and first record of a file.
async fn peek_at(
    store: &dyn ObjectStore,
    meta: &ObjectMeta,
    kept: Option<&Kept>,
) -> Result<std::io::Result<Vec<(String, String)>>, EngineError> {
    let earlier = kept.and_then(|kept| kept.find(What::Record, meta));
    if let Some(record) = earlier.and_then(|text| serde_json::from_slice(&text).ok()) {
        return Ok(Ok(record));
    }
    let fail = |source| EngineError::Store { location: format!("/{}", meta.location), source };
    let (input, is_listed) = look_into(store, meta).await.map_err(fail)?;
    let peeked = tokio::task::spawn_blocking(move || peek(input, Limits::default())).await;
    let peeked = match peeked {
        Ok(peeked) => peeked,
        Err(panic) => std::panic::resume_unwind(panic.into_panic()),
    };
    if let Some(kept) = kept.filter(|_| is_listed)
        && let Ok(record) = &peeked
        && let Ok(text) = serde_json::to_vec(record)
    {
        kept.keep(What::Record, meta, &text);
    }
    Ok(peeked)
}

/// Largest remote file without a manifest that is looked into whole, bytes. Of larger ones only
/// the beginning is fetched, which is enough for all packings whose index is not at their end.
const LOOK_BYTES: u64 = 16 << 20;

/// The file, or its beginning, and whether it still is the one that was listed.
async fn look_into(
    store: &dyn ObjectStore,
    meta: &ObjectMeta,
) -> Result<(Input, bool), object_store::Error> {
    let options = if meta.size > LOOK_BYTES {
        let name = meta.location.as_ref();
        let needs_end = name.ends_with(".parquet") || name.ends_with(".zip");
        let range = (!needs_end).then(|| (0..LOOK_BYTES).into());
        GetOptions { range, ..GetOptions::default() }
    } else {
        GetOptions::default()
    };
    let result = store.get_opts(&meta.location, options).await?;
    let is_listed = result.meta.e_tag == meta.e_tag;
    let input = match result.payload {
        object_store::GetResultPayload::File(file, _) => Input::File(file),
        object_store::GetResultPayload::Stream(_) => Input::Memory(result.bytes().await?),
    };
    Ok((input, is_listed))
}
