//! Hours of what was loaded before anybody wanted them.
//!
//! A sink that comes to want hours is to miss none: what stands in the lake is told by the hour
//! first, and nobody loads without hours until the sink is there.

use std::collections::BTreeMap;
use std::sync::Arc;

use billhook_lake::Lake;
use billhook_lake::ledger::Origin;
use billhook_lake::lock::WriterLock;
use billhook_lake::session::LakeSession;
use billhook_lake::slice;
use billhook_lake::spec::DELIVERIES;
use billhook_registry::{Registry, SinkRecord};
use billhook_stream::settings::{From as Start, Granularity, SinkSettings};

use super::deliveries::{Deliveries, Delivery};
use super::{Reader, settings_of};
use crate::EngineError;

/// The lake, held until a sink is added or changed that comes to want hours; of others nothing.
#[must_use = "others may load without hours once it is dropped"]
pub struct Held {
    _writer: Option<WriterLock>,
    /// Of how many months hours were told.
    pub months: usize,
}

impl Held {
    const NOTHING: Self = Self { _writer: None, months: 0 };

    /// For a new sink. `writer` takes the writer lock, and is asked only when it is needed.
    ///
    /// # Errors
    /// What `writer` says, and when the lake cannot be read or written.
    pub async fn for_new(
        lake: &Lake,
        settings: &SinkSettings,
        writer: impl Future<Output = Result<WriterLock, EngineError>>,
    ) -> Result<Self, EngineError> {
        if settings.granularity != Granularity::Hourly || settings.from != Start::History {
            return Ok(Self::NOTHING);
        }
        let writer = writer.await?;
        let months = keep_standing_hours(lake, &settings.connections).await?;
        Ok(Self { _writer: Some(writer), months })
    }

    /// For a sink that will have these settings: hours are told when it began with the history, or
    /// when something is pending that was loaded without them.
    ///
    /// # Errors
    /// As [`Self::for_new`]; when what the sink was told cannot be understood, and when the control
    /// database fails.
    pub async fn for_change(
        lake: &Lake,
        registry: &Arc<Registry>,
        sink: &SinkRecord,
        settings: &SinkSettings,
        writer: impl Future<Output = Result<WriterLock, EngineError>>,
    ) -> Result<Self, EngineError> {
        if !wants_more_hours(sink, settings)? {
            return Ok(Self::NOTHING);
        }
        let writer = writer.await?;
        let mut reader = Reader::new(lake.clone(), Arc::clone(registry), settings.clone());
        let end = reader.end().await?;
        let is_pending = sink.cursor < (end.position, end.index);
        let months = if settings.from == Start::History || is_pending {
            Box::pin(keep_standing_hours(lake, &settings.connections)).await?
        } else {
            0
        };
        Ok(Self { _writer: Some(writer), months })
    }
}

/// Does a sink come to want hours that it did not want?
fn wants_more_hours(sink: &SinkRecord, settings: &SinkSettings) -> Result<bool, EngineError> {
    let before = settings_of(sink)?;
    let wants_more =
        before.granularity != Granularity::Hourly || before.connections != settings.connections;
    Ok(settings.granularity == Granularity::Hourly && wants_more)
}

/// Has the hourly ledger tell what stands in the lake, of these connections or, when there are
/// none, of all. What stood there before is not known by the hour: the first figure that is told
/// is that of the last delivery. Returns of how many months hours were told.
///
/// The caller holds the writer lock, and lets nobody wait for hours before this is done.
///
/// # Errors
/// When the lake cannot be read or written. What was told before that stays.
async fn keep_standing_hours(lake: &Lake, connections: &[String]) -> Result<usize, EngineError> {
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

#[cfg(test)]
mod tests {
    use billhook_registry::NewSink;
    use serde_json::json;

    use super::*;

    #[test]
    fn hours_are_wanted_where_they_were_not() {
        let home = tempfile::tempdir().unwrap();
        let registry = Registry::open(home.path()).unwrap();
        let settings = json!({ "target": { "kind": "stdout" }, "granularity": "daily" });
        let new = NewSink { name: "out".to_owned(), settings, secrets: Vec::new() };
        let sink = registry.add_sink(new, 0).unwrap();
        let days = settings_of(&sink).unwrap();
        let hours = SinkSettings { granularity: Granularity::Hourly, ..days.clone() };
        assert!(!wants_more_hours(&sink, &days).unwrap());
        assert!(wants_more_hours(&sink, &hours).unwrap());
        // Who has hours wants no more, unless of other connections.
        let has = SinkRecord { settings: json!(hours), ..sink };
        assert!(!wants_more_hours(&has, &hours).unwrap());
        assert!(!wants_more_hours(&has, &days).unwrap());
        let one = SinkSettings { connections: vec!["a".to_owned()], ..hours };
        assert!(wants_more_hours(&has, &one).unwrap());
    }
}
