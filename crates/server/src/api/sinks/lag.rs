//! How much waits for a sink. Counting reads the lake, so a page is never kept waiting for it: it
//! shows what was counted last, and has it counted anew.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use billhook_engine::EngineError;
use billhook_engine::publish::Reader;
use billhook_lake::Lake;
use billhook_registry::Registry;
use billhook_stream::deliver::Place;
use billhook_stream::settings::SinkSettings;
use chrono::DateTime;

use crate::app::App;

/// Events that are counted at a time, and at most.
const STEP: usize = 1_000;
const MOST: u64 = 100_000;

/// How long is counted at most.
const LONGEST: Duration = Duration::from_secs(20);

/// What was counted is counted anew after so long: something may have been loaded.
const FRESH: Duration = Duration::from_secs(5);

/// So long a page waits for a count.
const WAIT: Duration = Duration::from_millis(120);

/// What waits for a sink.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Lag {
    /// How many events.
    pub(crate) events: u64,
    /// Are there more than that?
    pub(crate) is_more: bool,
    /// When the oldest of them happened, microseconds since 1970 UTC.
    pub(crate) oldest: Option<i64>,
}

/// What was counted last.
#[derive(Debug, Clone, Default)]
pub(crate) struct Lags(Arc<Mutex<HashMap<String, Kept>>>);

#[derive(Debug)]
struct Kept {
    /// The place from which on was counted.
    place: Place,
    lag: Option<Lag>,
    counted: Instant,
    is_counting: bool,
}

impl Lags {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Kept>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins to count, unless that is under way or was done just now.
    fn begin(&self, key: &str, place: Place) -> bool {
        let mut all = self.lock();
        let kept = all.entry(key.to_owned()).or_insert_with(|| Kept {
            place,
            lag: None,
            counted: Instant::now(),
            is_counting: false,
        });
        let is_known = kept.lag.is_some() && kept.place == place;
        if kept.is_counting || is_known && kept.counted.elapsed() < FRESH {
            return false;
        }
        kept.is_counting = true;
        true
    }

    fn end(&self, key: &str, place: Place, lag: Option<Lag>) {
        if let Some(kept) = self.lock().get_mut(key) {
            *kept = Kept { place, lag, counted: Instant::now(), is_counting: false };
        }
    }

    fn known(&self, key: &str) -> Option<Lag> {
        self.lock().get(key)?.lag
    }
}

impl App {
    /// What of `settings` comes after a place, as far as it is known; `key` names the sink.
    pub(crate) async fn lag(&self, key: &str, settings: SinkSettings, place: Place) -> Option<Lag> {
        if self.lags.begin(key, place) {
            let (lags, key) = (self.lags.clone(), key.to_owned());
            let (lake, registry) = (self.home.lake.clone(), Arc::clone(&self.registry));
            let counting = tokio::spawn(async move {
                let counted = Box::pin(count(lake, registry, settings, place)).await;
                if let Err(error) = &counted {
                    tracing::warn!(%error, "what waits for a sink cannot be counted");
                }
                lags.end(&key, place, counted.ok());
            });
            // It goes on when nobody waits any more.
            tokio::time::timeout(WAIT, counting).await.ok();
        }
        self.lags.known(key)
    }
}

/// Counts what comes after a place, for a while.
///
/// # Errors
/// When the lake or the control database cannot be read.
pub(super) async fn count(
    lake: Lake,
    registry: Arc<Registry>,
    settings: SinkSettings,
    mut place: Place,
) -> Result<Lag, EngineError> {
    let begun = Instant::now();
    let mut reader = Reader::new(lake, registry, settings);
    let mut lag = Lag { events: 0, is_more: false, oldest: None };
    loop {
        let fetched = Box::pin(reader.after(place, STEP)).await?;
        if lag.oldest.is_none() {
            let first = fetched.events.first().map(|(_, event)| event.time.as_str());
            let first = first.and_then(|time| DateTime::parse_from_rfc3339(time).ok());
            lag.oldest = first.map(|time| time.timestamp_micros());
        }
        let found = fetched.events.len();
        lag.events = lag.events.saturating_add(u64::try_from(found).unwrap_or_default());
        if found < STEP {
            return Ok(lag);
        }
        place = fetched.last;
        if lag.events >= MOST || begun.elapsed() > LONGEST {
            lag.is_more = true;
            return Ok(lag);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_is_not_counted_twice_at_once() {
        let lags = Lags::default();
        let place = Place { position: 3, index: 1 };
        assert!(lags.begin("a", place));
        assert!(!lags.begin("a", place));
        let lag = Lag { events: 7, is_more: false, oldest: None };
        lags.end("a", place, Some(lag));
        assert_eq!(lags.known("a"), Some(lag));
        assert!(!lags.begin("a", place));
        assert!(lags.begin("a", Place { position: 4, index: 0 }));
        assert_eq!(lags.known("a"), Some(lag));
    }
}
