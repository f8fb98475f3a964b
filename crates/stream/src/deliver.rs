//! One sink's loop: what is new goes out, and the cursor follows what was acknowledged.
//!
//! Every event is sent at least once, in order. The cursor moves only past what the receiver has
//! acknowledged or what is in the dead letters, so that dying anywhere loses nothing; a receiver
//! recognises what it has by the ids. At most two batches are in memory: the one that is being
//! sent, and the next. Where events come from and where cursors are kept is the caller's.

use std::error::Error;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::event::Event;
use crate::sink::Sink;

mod backoff;
mod chunk;
mod run;

use backoff::Backoff;
use chunk::Chunk;
use run::{Flow, Run};

/// How soon a stop is heard.
const TICK: Duration = Duration::from_millis(100);

/// How often is looked for new events when all are delivered.
const POLL: Duration = Duration::from_secs(1);

/// Where an event stands among all.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
pub struct Place {
    /// Position of the happening.
    pub position: i64,
    /// Number of the event among those of the happening.
    pub index: i64,
}

/// Where events come from.
#[async_trait]
pub trait Source: Send + Sync {
    /// Events after a place, at most `limit`, in order; none when there are none yet.
    ///
    /// # Errors
    /// When they cannot be looked up.
    async fn after(&self, place: Place, limit: usize) -> Result<Fetched, SourceError>;
}

/// Events, and how far was looked.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Fetched {
    /// In order, each with its place.
    pub events: Vec<(Place, Event)>,
    /// The place up to which was looked: that of the last event, or further when filters left
    /// nothing behind it. The place that was asked for when there is nothing new at all.
    pub last: Place,
}

/// Where is kept how far a sink has come.
#[async_trait]
pub trait Journal: Send + Sync {
    /// The place up to which everything is acknowledged or in the dead letters.
    ///
    /// # Errors
    /// When it cannot be read.
    async fn cursor(&self) -> Result<Place, SourceError>;

    /// Moves the cursor.
    ///
    /// # Errors
    /// When it cannot be kept.
    async fn advance(&self, to: Place) -> Result<(), SourceError>;

    /// Puts an event into the dead letters. The same may come twice, when the process dies before
    /// the cursor has moved: the latter then replaces the former.
    ///
    /// # Errors
    /// When it cannot be kept.
    async fn bury(&self, place: Place, event: &Event, reason: &str) -> Result<(), SourceError>;

    /// Keeps how the sink is.
    ///
    /// # Errors
    /// When it cannot be kept.
    async fn state(&self, state: SinkState) -> Result<(), SourceError>;
}

/// How a sink is. Times are counted from when it is told; there is no clock here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum SinkState {
    /// What was sent last was taken.
    Ok,
    /// Nothing is taken at the moment.
    Retrying {
        /// Why.
        reason: String,
        /// How often it was tried in a row.
        attempts: u32,
        /// The next try is in so many milliseconds.
        wait_ms: u64,
    },
    /// Nothing will be taken until somebody mends something.
    Broken {
        /// What.
        reason: String,
        /// It is tried again in so many milliseconds all the same.
        wait_ms: u64,
    },
}

/// Why events cannot be looked up, or their place not kept.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action}")]
pub struct SourceError {
    /// What was tried.
    pub action: &'static str,
    /// Can it pass by itself? It is then tried again.
    pub retry: bool,
    /// Why.
    pub source: Box<dyn Error + Send + Sync>,
}

impl SourceError {
    /// An error of something that was tried: `read the changes`. `retry` says whether it can pass
    /// by itself.
    #[must_use]
    pub fn new(
        action: &'static str,
        retry: bool,
        source: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        Self { action, retry, source: source.into() }
    }
}

/// Why a delivery ended.
#[derive(Debug, thiserror::Error)]
pub enum DeliverError {
    /// Events cannot be looked up, or their place not kept.
    #[error(transparent)]
    Source(#[from] SourceError),
}

/// What a delivery tells while it is at work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// Events were acknowledged.
    Sent {
        /// How many.
        events: usize,
    },
    /// They were not; the same are sent again.
    Retrying {
        /// Why.
        reason: String,
        /// How often it was tried in a row.
        attempts: u32,
        /// In how long.
        wait: Duration,
    },
    /// An event will never be taken.
    Buried {
        /// Its place.
        place: Place,
        /// Its id.
        id: String,
        /// Why.
        reason: String,
    },
    /// Nothing will be taken until somebody mends something.
    Broken {
        /// What.
        reason: String,
        /// It is tried again in so long; `None` when it is not.
        wait: Option<Duration>,
    },
}

/// What a delivery did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Delivered {
    /// Events that were acknowledged.
    pub sent: usize,
    /// Events that went to the dead letters.
    pub buried: usize,
    /// Why it ended.
    pub ended: Ended,
}

/// Why a delivery ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Ended {
    /// It was told to stop.
    #[default]
    Stopped,
    /// Everything is delivered.
    Empty,
    /// Nothing will be taken until somebody mends what this says.
    Broken(String),
}

/// Delivers to a sink what comes after its cursor, until `stop` is set, which is heard within a
/// tenth of a second. With `until_empty` also until everything is delivered, or nothing will be
/// taken; receivers that may come back are waited for all the same.
///
/// # Errors
/// When events cannot be looked up or their place not kept, and trying again does not help.
pub async fn deliver(
    sink: &dyn Sink,
    source: &dyn Source,
    journal: &dyn Journal,
    stop: &AtomicBool,
    until_empty: bool,
    hear: &mut (dyn FnMut(&Heard) + Send),
) -> Result<Delivered, DeliverError> {
    let mut run = Run::new(sink, journal, stop, until_empty, hear);
    let limit = sink.limits().events.max(1);
    let Some(mut place) = insist(stop, || journal.cursor()).await? else {
        return Ok(run.done);
    };
    let mut next = None;
    while !stop.load(Ordering::Relaxed) {
        let fetched = match next.take() {
            Some(fetched) => fetched,
            None => match fetch(stop, source, place, limit).await? {
                Some(fetched) => fetched,
                None => break,
            },
        };
        if fetched.events.is_empty() && fetched.last <= place {
            run.is_well().await?;
            if until_empty {
                run.done.ended = Ended::Empty;
                break;
            }
            pause(stop, POLL).await;
            continue;
        }
        let chunk = Chunk::new(fetched);
        let ahead = unless_stopped(stop, source.after(chunk.last, limit));
        let (drained, ahead) = tokio::join!(run.drain(&chunk), ahead);
        match drained? {
            Flow::Through => place = chunk.last,
            Flow::Ended => break,
        }
        // What was not there or could not be had while the chunk was sent is asked for again.
        next = ahead.and_then(Result::ok).filter(|fetched| fetched.last > place);
    }
    Ok(run.done)
}

/// Events after a place; `None` when told to stop.
async fn fetch(
    stop: &AtomicBool,
    source: &dyn Source,
    place: Place,
    limit: usize,
) -> Result<Option<Fetched>, DeliverError> {
    let fetched = unless_stopped(stop, insist(stop, || source.after(place, limit))).await;
    fetched.unwrap_or(Ok(None))
}

/// Does something of the source or journal, again while it can pass; `None` when told to stop.
async fn insist<T, F>(stop: &AtomicBool, work: impl Fn() -> F) -> Result<Option<T>, DeliverError>
where
    F: Future<Output = Result<T, SourceError>>,
{
    let mut backoff = Backoff::default();
    loop {
        match work().await {
            Ok(done) => return Ok(Some(done)),
            Err(error) if !error.retry => return Err(error.into()),
            Err(_) => {}
        }
        if !pause(stop, backoff.next(None)).await {
            return Ok(None);
        }
    }
}

/// Waits. False when told to stop.
async fn pause(stop: &AtomicBool, wait: Duration) -> bool {
    unless_stopped(stop, tokio::time::sleep(wait)).await.is_some()
}

/// Does something; `None` when told to stop before it is done.
async fn unless_stopped<T>(stop: &AtomicBool, work: impl Future<Output = T>) -> Option<T> {
    let mut work = pin!(work);
    loop {
        if let Ok(done) = tokio::time::timeout(TICK, work.as_mut()).await {
            return Some(done);
        }
        if stop.load(Ordering::Relaxed) {
            return None;
        }
    }
}

#[cfg(test)]
mod tests;
