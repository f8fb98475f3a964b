//! Reading without loading: what the reader alone takes, for benchmarks.

use std::sync::Arc;

use billhook_aws::Location;
use billhook_sources::delivery::Readiness;
use billhook_sources::table::{Summary, TableReader};

use super::look::{discover, mapping_of};
use super::{list, spread};
use crate::EngineError;
use crate::ingest::{self, Options};

/// What was read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Skimmed {
    /// Lines of bills.
    pub rows: u64,
    /// Bytes of text: of Parquet files those that the rows would be as CSV.
    pub text_bytes: u64,
}

/// Reads every line of the deliveries of a place as an import does, one file after another, maps
/// it, and keeps nothing. What is beside a delivery is not read.
///
/// # Errors
/// When the place cannot be listed, or a file cannot be read.
pub async fn skim(location: &Location, options: &Options) -> Result<Skimmed, EngineError> {
    let found = discover(location, &list(location).await?).await?;
    let spread = spread::spread(&location.store, found.deliveries, options).await?;
    let mut skimmed = Skimmed::default();
    for delivery in spread.deliveries {
        if delivery.readiness != Readiness::Ready {
            continue;
        }
        let mapping = mapping_of(&*location.store, &delivery, None).await?;
        let reader = TableReader::new(mapping, options.limits, Some(delivery.period.clone()));
        let mut reader = reader.only(delivery.part);
        let (store, spool) = (Arc::clone(&location.store), options.spool.clone());
        let handle = tokio::runtime::Handle::current();
        let work = move || -> Result<Summary, EngineError> {
            for file in &delivery.files {
                let input = handle.block_on(ingest::fetch(&*store, file, &spool))?;
                reader.read(input, &file.name, &|_| {}, &mut |_| Ok(()))?;
            }
            Ok(reader.finish())
        };
        let summary = match tokio::task::spawn_blocking(work).await {
            Ok(summary) => summary?,
            Err(panic) => std::panic::resume_unwind(panic.into_panic()),
        };
        skimmed.rows += summary.read.rows;
        skimmed.text_bytes += summary.text_bytes;
    }
    Ok(skimmed)
}
