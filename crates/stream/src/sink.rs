//! What every sink does.

use std::time::Duration;

use async_trait::async_trait;

use crate::event::Event;

/// Somewhere that events are sent to.
#[async_trait]
pub trait Sink: Send + Sync {
    /// How much one call of [`Sink::send`] takes.
    fn limits(&self) -> Limits;

    /// Sends events, in order. `Ok` means that the receiver has acknowledged all of them. It may be
    /// dropped before it is done; the same events are then sent again some time.
    ///
    /// # Errors
    /// When they are not taken: why, and what to do now.
    async fn send(&self, events: &[Event]) -> Result<(), Refused>;

    /// Sends one event of the type `com.billhook.test.v1`, and says in words what answered.
    ///
    /// # Errors
    /// As [`Sink::send`].
    async fn test(&self) -> Result<String, Refused>;

    /// Requests of [`Sink::send`] and what was answered, since this was asked the last time; the
    /// oldest first. None of a sink that does not know.
    fn exchanges(&self) -> Vec<Exchange> {
        Vec::new()
    }
}

/// A request and what was answered, for people: no secret is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exchange {
    /// Index in the batch of the event that it carried; `None` when it carried all of them.
    pub event: Option<usize>,
    /// The request: its headers, an empty line, and the beginning of its body.
    pub request: String,
    /// Status of the answer; `None` when there was none.
    pub status: Option<u16>,
    /// The beginning of the answer.
    pub answer: String,
    /// How long it took.
    pub took: Duration,
    /// Why the events were not taken; `None` when they were.
    pub refused: Option<Refused>,
}

/// How much a batch holds at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Events.
    pub events: usize,
    /// Bytes of their JSON. One event that is larger makes a batch of its own.
    pub bytes: usize,
}

/// Why events were not taken. The reason is shown to people, so there is no secret in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Refused {
    /// In words.
    pub reason: String,
    /// What to do now.
    pub verdict: Verdict,
}

/// What to do with events that were not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Wait, and send the same again.
    Later {
        /// Not before.
        after: Option<Duration>,
    },
    /// Some will never be taken. Those before the last of them that are not named were taken;
    /// those after it were not, and are sent again.
    Poison {
        /// Which, by their index in the batch.
        events: Vec<usize>,
    },
    /// The batch is too large: halve it. A single event that is too large is poison.
    TooLarge,
    /// Nothing will be taken until somebody mends something.
    Broken,
}

impl Refused {
    /// It may be taken later.
    #[must_use]
    pub fn later(reason: impl Into<String>, after: Option<Duration>) -> Self {
        Self { reason: reason.into(), verdict: Verdict::Later { after } }
    }

    /// Some will never be taken.
    #[must_use]
    pub fn poison(reason: impl Into<String>, events: Vec<usize>) -> Self {
        Self { reason: reason.into(), verdict: Verdict::Poison { events } }
    }

    /// The batch is too large.
    #[must_use]
    pub fn too_large(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), verdict: Verdict::TooLarge }
    }

    /// Nothing will be taken.
    #[must_use]
    pub fn broken(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), verdict: Verdict::Broken }
    }
}
