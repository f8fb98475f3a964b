//! How far a sink is, and how it is, kept in the control database.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use billhook_registry::{Registry, SinkId};
use billhook_stream::deliver::{Journal, Place, SinkState, SourceError};
use billhook_stream::event::Event;
use serde_json::json;
use tokio::time::Instant;

use super::{Attempts, blocking, failed};
use crate::EngineError;

/// Keeps what is to be known of one sink.
pub struct RegistryJournal {
    registry: Arc<Registry>,
    sink: SinkId,
    now: fn() -> i64,
    known: Mutex<Known>,
    attempts: Attempts,
}

/// What this process knows of the cursor.
#[derive(Debug, Clone, Copy)]
struct Known {
    /// Where it is, once that was asked.
    at: Option<(i64, i64)>,
    /// When it last moved, or the work began.
    moved: Instant,
}

impl RegistryJournal {
    /// Keeps what is to be known of a sink.
    #[must_use]
    pub fn new(
        registry: Arc<Registry>,
        sink: SinkId,
        now: fn() -> i64,
        attempts: Attempts,
    ) -> Self {
        let known = Mutex::new(Known { at: None, moved: Instant::now() });
        Self { registry, sink, now, known, attempts }
    }

    /// Begins: what is sent is counted where others have left off.
    ///
    /// # Errors
    /// When the control database fails.
    pub(super) async fn begin(&self) -> Result<(), EngineError> {
        let sink = self.sink.clone();
        let last = blocking(&self.registry, move |own| Ok(own.last_attempt(&sink)?)).await?;
        self.attempts.go_on(&self.sink, last);
        Ok(())
    }

    /// Ends: what was sent since anything was kept is kept.
    ///
    /// # Errors
    /// When the control database fails.
    pub(super) async fn end(&self) -> Result<(), EngineError> {
        let (sink, (new, upto)) = (self.sink.clone(), self.attempts.unsaved(&self.sink));
        if !new.is_empty() {
            blocking(&self.registry, move |own| Ok(own.keep_attempts(&sink, &new)?)).await?;
            self.attempts.saved(&self.sink, upto);
        }
        Ok(())
    }

    /// Where the cursor is, as far as this process knows: never further than it really is, unless
    /// somebody had it rewound.
    #[must_use]
    pub fn at(&self) -> Option<(i64, i64)> {
        self.known().at
    }

    /// When the cursor last moved, or the work began.
    #[must_use]
    pub fn moved(&self) -> Instant {
        self.known().moved
    }

    fn known(&self) -> Known {
        *self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn learn(&self, at: (i64, i64)) {
        let known = Known { at: Some(at), moved: Instant::now() };
        *self.known.lock().unwrap_or_else(PoisonError::into_inner) = known;
    }

    async fn move_on(&self, to: (i64, i64)) -> Result<(), EngineError> {
        let (sink, now, from) = (self.sink.clone(), (self.now)(), self.at());
        let (new, upto) = self.attempts.unsaved(&self.sink);
        let moved = blocking(&self.registry, move |own| {
            let from = from.map_or_else(|| own.cursor(&sink), Ok)?;
            Ok(own.advance_cursor(&sink, from, to, &new, now)?)
        });
        let is_moved = moved.await?;
        self.attempts.saved(&self.sink, upto);
        if is_moved {
            self.learn(to);
            return Ok(());
        }
        Err(EngineError::Rewound)
    }
}

#[async_trait]
impl Journal for RegistryJournal {
    async fn cursor(&self) -> Result<Place, SourceError> {
        let sink = self.sink.clone();
        let read = blocking(&self.registry, move |own| Ok(own.cursor(&sink)?)).await;
        let (position, index) = read.map_err(|error| failed("read the cursor", error))?;
        self.learn((position, index));
        Ok(Place { position, index })
    }

    async fn advance(&self, to: Place) -> Result<(), SourceError> {
        let moved = self.move_on((to.position, to.index)).await;
        moved.map_err(|error| failed("keep the cursor", error))
    }

    async fn bury(&self, place: Place, event: &Event, reason: &str) -> Result<(), SourceError> {
        let (sink, now, reason) = (self.sink.clone(), (self.now)(), reason.to_owned());
        let (place, event) = ((place.position, place.index), event.structured());
        let buried =
            blocking(&self.registry, move |own| Ok(own.bury(&sink, place, &event, &reason, now)?));
        buried.await.map_err(|error| failed("keep a dead letter", error))
    }

    async fn state(&self, state: SinkState) -> Result<(), SourceError> {
        let (sink, now, state) = (self.sink.clone(), (self.now)(), json!(state));
        let (new, upto) = self.attempts.unsaved(&self.sink);
        let stored =
            blocking(&self.registry, move |own| Ok(own.set_sink_state(&sink, &state, &new, now)?));
        stored.await.map_err(|error| failed("keep how the sink is", error))?;
        self.attempts.saved(&self.sink, upto);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use billhook_registry::NewSink;

    use super::*;

    #[tokio::test]
    async fn a_cursor_that_was_rewound_is_not_moved_on() {
        let home = tempfile::tempdir().unwrap();
        let registry = Arc::new(Registry::open(home.path()).unwrap());
        let new = NewSink { name: "one".to_owned(), settings: json!({}), secrets: Vec::new() };
        let id = registry.add_sink(new, 0).unwrap().id;
        let journal =
            RegistryJournal::new(Arc::clone(&registry), id.clone(), || 5, Attempts::default());
        assert_eq!(journal.cursor().await.unwrap(), Place::default());
        journal.advance(Place { position: 3, index: 7 }).await.unwrap();
        assert_eq!(journal.at(), Some((3, 7)));
        assert_eq!(registry.cursor(&id).unwrap(), (3, 7));
        assert!(registry.rewind_cursor(&id, (1, 0), 6).unwrap());
        let error = journal.advance(Place { position: 3, index: 9 }).await.unwrap_err();
        assert!(!error.retry);
        assert_eq!(registry.cursor(&id).unwrap(), (1, 0));
        assert_eq!(journal.cursor().await.unwrap(), Place { position: 1, index: 0 });
    }
}
