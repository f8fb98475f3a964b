//! Hours of what was loaded before anybody wanted them.

use std::collections::BTreeMap;

use billhook_lake::Lake;
use billhook_lake::ledger::Origin;
use billhook_lake::session::LakeSession;
use billhook_lake::slice;
use billhook_lake::spec::DELIVERIES;

use super::deliveries::{Deliveries, Delivery};
use crate::EngineError;

/// Has the hourly ledger tell what stands in the lake, of these connections or, when there are
/// none, of all. What stood there before is not known by the hour: the first figure that is told
/// is that of the last delivery. Returns of how many months hours were told.
///
/// The caller holds the writer lock, and lets nobody wait for hours before this is done.
///
/// # Errors
/// When the lake cannot be read or written. What was told before that stays.
pub async fn keep_standing_hours(
    lake: &Lake,
    connections: &[String],
) -> Result<usize, EngineError> {
    if !lake.exists(&DELIVERIES).await? {
        return Ok(0);
    }
    let session = LakeSession::open(lake, None).await?;
    let deliveries = Deliveries::read(&session).await?;
    let mut standing: BTreeMap<(&str, &str), &Delivery> = BTreeMap::new();
    for delivery in deliveries.iter() {
        if connections.is_empty() || connections.contains(&delivery.connection) {
            standing.insert((delivery.connection.as_str(), delivery.period.as_str()), delivery);
        }
    }
    let mut told = 0;
    for delivery in standing.values().filter(|delivery| delivery.granularity == "hourly") {
        let origin = Origin {
            connection: delivery.connection.clone(),
            period: delivery.period.clone(),
            revision: delivery.revision.clone(),
            previous: delivery.previous.clone(),
            recorded_at: delivery.recorded_at,
        };
        told += usize::from(slice::keep_hours(lake, &origin).await?);
    }
    Ok(told)
}
