//! Events for a sink, as long as it is told what it was told when its task began.

use std::sync::Arc;

use async_trait::async_trait;
use billhook_registry::{Registry, SinkRecord};
use billhook_stream::deliver::{Fetched, Place, Source, SourceError};

use super::source::LakeSource;
use super::{blocking, failed};
use crate::EngineError;

/// Gives no more events once the sink was changed, so that what it is told now holds from the very
/// next one on. Only what is being sent at that moment goes out as it was.
pub(super) struct Fresh<'a> {
    pub(super) source: &'a LakeSource,
    pub(super) registry: &'a Arc<Registry>,
    pub(super) sink: &'a SinkRecord,
}

#[async_trait]
impl Source for Fresh<'_> {
    async fn after(&self, place: Place, limit: usize) -> Result<Fetched, SourceError> {
        let fetched = self.source.after(place, limit).await?;
        if fetched.events.is_empty() {
            return Ok(fetched);
        }
        let id = self.sink.id.clone();
        let changed_at = blocking(self.registry, move |own| Ok(own.sink_changed_at(&id)?)).await;
        let is_fresh = changed_at.and_then(|changed_at| {
            // One that is gone is left to whoever looks after its task.
            let is_changed = changed_at.is_some_and(|at| at != self.sink.changed_at);
            if is_changed { Err(EngineError::Rewound) } else { Ok(()) }
        });
        is_fresh.map_err(|error| failed("look whether the sink was changed", error))?;
        Ok(fetched)
    }
}
