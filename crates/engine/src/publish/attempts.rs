//! What was sent to each sink last, and what was answered: kept in memory, for people.
//!
//! How far a sink is stands in the control database; this is what a page shows beside it, as far as
//! this process has sent. No secret is in it.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use billhook_registry::SinkId;
use billhook_stream::event::Event;
use billhook_stream::sink::{Exchange, Limits, Refused, Sink, Verdict};
use tokio::time::Instant;

/// Attempts of a sink that are kept.
const ATTEMPTS: usize = 200;

/// Events that the attempts of a sink name, in sum.
const EVENTS: usize = 4_000;

/// An attempt to bring events to a sink.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// Its number among those of the sink, from 1.
    pub number: u64,
    /// When it began, microseconds since 1970 UTC.
    pub at: i64,
    /// How long it took.
    pub took: Duration,
    /// The events.
    pub events: Arc<[Tried]>,
    /// What came of it.
    pub came: Came,
    /// Why they were not taken.
    pub reason: Option<String>,
    /// Status of the answer, of a sink that has one.
    pub status: Option<u16>,
    /// The request, without secrets, of a sink that tells it.
    pub request: Option<String>,
    /// The beginning of the answer.
    pub answer: Option<String>,
}

/// An event that was tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tried {
    /// Its id.
    pub id: String,
    /// Its type.
    pub kind: &'static str,
    /// What it is about.
    pub subject: Option<String>,
}

/// What came of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Came {
    /// The events were taken.
    Taken,
    /// They are sent again.
    Again,
    /// Some will never be taken.
    Refused,
}

/// The last attempts of all sinks. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct Attempts(Arc<Mutex<HashMap<String, Ring>>>);

/// The last attempts of one sink.
#[derive(Debug, Default)]
struct Ring {
    attempts: VecDeque<Attempt>,
    /// Events that they name.
    events: usize,
    /// Attempts that there were.
    count: u64,
    /// Events that were taken.
    taken: u64,
}

impl Attempts {
    /// The attempts of a sink that are still known, the newest first.
    #[must_use]
    pub fn of(&self, sink: &SinkId) -> Vec<Attempt> {
        let rings = self.lock();
        let ring = rings.get(sink.as_str());
        ring.map(|ring| ring.attempts.iter().rev().cloned().collect()).unwrap_or_default()
    }

    /// How many events a sink has taken since the process began.
    #[must_use]
    pub fn taken(&self, sink: &SinkId) -> u64 {
        self.lock().get(sink.as_str()).map_or(0, |ring| ring.taken)
    }

    /// Forgets a sink that is gone.
    pub fn forget(&self, sink: &SinkId) {
        self.lock().remove(sink.as_str());
    }

    fn note(&self, sink: &SinkId, attempt: Attempt) {
        let mut rings = self.lock();
        rings.entry(sink.as_str().to_owned()).or_default().push(attempt);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Ring>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ring {
    fn push(&mut self, mut attempt: Attempt) {
        self.count += 1;
        attempt.number = self.count;
        if attempt.came == Came::Taken {
            self.taken += u64::try_from(attempt.events.len()).unwrap_or_default();
        }
        // A batch that is sent again has the same events.
        if let Some(last) = self.attempts.back()
            && last.events == attempt.events
        {
            attempt.events = Arc::clone(&last.events);
        }
        self.events += attempt.events.len();
        self.attempts.push_back(attempt);
        while self.attempts.len() > ATTEMPTS || (self.events > EVENTS && self.attempts.len() > 1) {
            let Some(oldest) = self.attempts.pop_front() else { break };
            self.events = self.events.saturating_sub(oldest.events.len());
        }
    }
}

/// A sink whose attempts are noted.
pub(super) struct Watched<'a> {
    pub(super) sink: &'a dyn Sink,
    pub(super) id: &'a SinkId,
    pub(super) attempts: &'a Attempts,
    pub(super) now: fn() -> i64,
}

impl Watched<'_> {
    /// Notes what was sent, request by request where the sink knows them.
    fn note(&self, events: &[Event], at: i64, took: Duration, sent: &Result<(), Refused>) {
        let exchanges = self.sink.exchanges();
        if exchanges.is_empty() {
            let refused = sent.as_ref().err();
            let attempt = attempt(events, at, took, refused);
            self.attempts.note(self.id, attempt);
            return;
        }
        let mut at = at;
        for exchange in exchanges {
            let Exchange { event, request, status, answer, took, refused } = exchange;
            let carried = match event {
                Some(index) => events.get(index..=index).unwrap_or_default(),
                None => events,
            };
            let attempt = Attempt {
                status,
                request: Some(request),
                answer: Some(answer),
                ..attempt(carried, at, took, refused.as_ref())
            };
            self.attempts.note(self.id, attempt);
            at = at.saturating_add(i64::try_from(took.as_micros()).unwrap_or(i64::MAX));
        }
    }
}

fn attempt(events: &[Event], at: i64, took: Duration, refused: Option<&Refused>) -> Attempt {
    let tried = events.iter().map(|event| Tried {
        id: event.id.clone(),
        kind: event.kind,
        subject: event.subject.clone(),
    });
    let came = match refused.map(|refused| &refused.verdict) {
        None => Came::Taken,
        Some(Verdict::Poison { .. }) => Came::Refused,
        Some(Verdict::TooLarge) if events.len() <= 1 => Came::Refused,
        Some(_) => Came::Again,
    };
    Attempt {
        number: 0,
        at,
        took,
        events: tried.collect(),
        came,
        reason: refused.map(|refused| refused.reason.clone()),
        status: None,
        request: None,
        answer: None,
    }
}

#[async_trait]
impl Sink for Watched<'_> {
    fn limits(&self) -> Limits {
        self.sink.limits()
    }

    async fn send(&self, events: &[Event]) -> Result<(), Refused> {
        // What was left of a batch that was cut off is not of this one.
        drop(self.sink.exchanges());
        let (at, begun) = ((self.now)(), Instant::now());
        let sent = self.sink.send(events).await;
        self.note(events, at, begun.elapsed(), &sent);
        sent
    }

    async fn test(&self) -> Result<String, Refused> {
        self.sink.test().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(count: usize, came: Came) -> Attempt {
        let events: Vec<Event> = (0..count).map(|_| Event::test()).collect();
        Attempt { came, ..attempt(&events, 1, Duration::ZERO, None) }
    }

    #[test]
    fn what_is_kept_is_bounded_and_the_newest_comes_first() {
        let mut ring = Ring::default();
        for _ in 0..=ATTEMPTS {
            ring.push(of(1, Came::Taken));
        }
        assert_eq!((ring.attempts.len(), ring.taken), (ATTEMPTS, 201));
        assert_eq!(ring.attempts.back().map(|last| last.number), Some(201));
        ring.push(of(EVENTS, Came::Again));
        assert_eq!((ring.attempts.len(), ring.events, ring.taken), (1, EVENTS, 201));
    }
}
