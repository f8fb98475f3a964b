//! What reports a place holds, for whoever does not know. Nothing is loaded.

use std::collections::BTreeMap;

use billhook_aws::Location;
use billhook_sources::access::KINDS;
use billhook_sources::delivery::Delivery;
use billhook_sources::kinds;
use billhook_sources::table::Mapping;

use crate::{EngineError, import};

/// A report in a place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    /// Kind of the connection that reads it, as `--kind` takes it.
    pub kind: &'static str,
    /// Its name.
    pub report: String,
    /// How many months of it are there.
    pub months: usize,
}

/// Looks at what is in a place, by manifests, names and headers; by kind and name.
///
/// # Errors
/// When the place cannot be listed or looked into.
pub async fn contents(location: &Location) -> Result<Vec<Content>, EngineError> {
    let objects = import::list(location).await?;
    let found = import::discover(location, &objects).await?;
    let mut months: BTreeMap<(&'static str, &str), usize> = BTreeMap::new();
    for delivery in found.deliveries.iter().filter(|delivery| !delivery.report.is_empty()) {
        if let Some(kind) = kind_of(delivery) {
            *months.entry((kind, delivery.report.as_str())).or_default() += 1;
        }
    }
    let content = |((kind, report), months): ((&'static str, &str), usize)| Content {
        kind,
        report: report.to_owned(),
        months,
    };
    Ok(months.into_iter().map(content).collect())
}

/// The kind of connection that reads a delivery, when all that it may be is of one kind.
fn kind_of(delivery: &Delivery) -> Option<&'static str> {
    let mappings: &[&'static Mapping] = match &delivery.mapping {
        Some(one) => std::slice::from_ref(one),
        None => delivery.mappings,
    };
    let reads_all =
        |kind: &&'static str| mappings.iter().all(|mapping| kinds::is_meant(mapping.kind, kind));
    KINDS.iter().map(|access| access.kind).find(reads_all).filter(|_| !mappings.is_empty())
}
