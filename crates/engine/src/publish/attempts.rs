//! What was sent to each sink last, and what was answered, for people.
//!
//! It is kept in memory, with requests and answers, as far as this process has sent. What came of
//! each attempt is written into the control database too, together with how far the sink is: other
//! processes see that, and whoever comes later. No secret is in either.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use billhook_registry::{AttemptRecord, EventRecord, KEPT_ATTEMPTS, KEPT_EVENTS, SinkId};
use billhook_stream::event::Event;
use billhook_stream::sink::{Exchange, Limits, Refused, Sink, Verdict};
use tokio::time::Instant;

/// What came of an attempt.
pub use billhook_registry::Came;

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
    pub kind: Cow<'static, str>,
    /// What it is about.
    pub subject: Option<String>,
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
    /// Number of the last attempt.
    count: u64,
    /// Number of the last one that the control database has.
    saved: u64,
    /// Events that were taken.
    taken: u64,
}

impl Attempt {
    /// As the control database has it.
    fn of(record: AttemptRecord) -> Self {
        let AttemptRecord { number, at, took, came, reason, status, events } = record;
        let event = |event: EventRecord| Tried {
            id: event.id,
            kind: Cow::Owned(event.kind),
            subject: event.subject,
        };
        Self {
            number: u64::try_from(number).unwrap_or_default(),
            at,
            took: Duration::from_micros(u64::try_from(took).unwrap_or_default()),
            events: events.into_iter().map(event).collect(),
            came,
            reason,
            status,
            request: None,
            answer: None,
        }
    }

    /// What the control database is to have.
    fn record(&self) -> AttemptRecord {
        let event = |event: &Tried| EventRecord {
            id: event.id.clone(),
            kind: event.kind.clone().into_owned(),
            subject: event.subject.clone(),
        };
        AttemptRecord {
            number: i64::try_from(self.number).unwrap_or(i64::MAX),
            at: self.at,
            took: i64::try_from(self.took.as_micros()).unwrap_or(i64::MAX),
            came: self.came,
            reason: self.reason.clone(),
            status: self.status,
            events: self.events.iter().map(event).collect(),
        }
    }
}

impl Attempts {
    /// The attempts of a sink that are still known, the newest first: those that the control
    /// database has, as [`billhook_registry::Registry::attempts`] gives them, and those of this
    /// process, which tell more.
    #[must_use]
    pub fn of(&self, sink: &SinkId, saved: Vec<AttemptRecord>) -> Vec<Attempt> {
        let key = |attempt: &Attempt| (attempt.number, attempt.at);
        let mut known: BTreeMap<(u64, i64), Attempt> =
            saved.into_iter().map(Attempt::of).map(|attempt| (key(&attempt), attempt)).collect();
        if let Some(ring) = self.lock().get(sink.as_str()) {
            let own = ring.attempts.iter().cloned();
            known.extend(own.map(|attempt| (key(&attempt), attempt)));
        }
        known.into_values().rev().take(KEPT_ATTEMPTS).collect()
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

    /// Goes on counting where the control database is.
    pub(super) fn go_on(&self, sink: &SinkId, last: i64) {
        let last = u64::try_from(last).unwrap_or_default();
        let mut rings = self.lock();
        let ring = rings.entry(sink.as_str().to_owned()).or_default();
        ring.count = ring.count.max(last);
    }

    /// The attempts that the control database does not have yet, in order, and the number to tell
    /// [`Self::saved`] when it does.
    pub(super) fn unsaved(&self, sink: &SinkId) -> (Vec<AttemptRecord>, u64) {
        let rings = self.lock();
        let Some(ring) = rings.get(sink.as_str()) else { return (Vec::new(), 0) };
        let new = ring.attempts.iter().filter(|attempt| attempt.number > ring.saved);
        (new.map(Attempt::record).collect(), ring.count)
    }

    /// The control database has all attempts up to a number.
    pub(super) fn saved(&self, sink: &SinkId, upto: u64) {
        if let Some(ring) = self.lock().get_mut(sink.as_str()) {
            ring.saved = ring.saved.max(upto);
        }
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
        while self.attempts.len() > KEPT_ATTEMPTS
            || (self.events > KEPT_EVENTS && self.attempts.len() > 1)
        {
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
        kind: Cow::Borrowed(event.kind),
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
    use billhook_registry::{NewSink, Registry};

    use super::*;

    fn of(count: usize, came: Came) -> Attempt {
        let events: Vec<Event> = (0..count).map(|_| Event::test()).collect();
        Attempt { came, ..attempt(&events, 1, Duration::ZERO, None) }
    }

    #[test]
    fn what_is_kept_is_bounded_and_the_newest_comes_first() {
        let mut ring = Ring::default();
        for _ in 0..=KEPT_ATTEMPTS {
            ring.push(of(1, Came::Taken));
        }
        assert_eq!((ring.attempts.len(), ring.taken), (KEPT_ATTEMPTS, 201));
        assert_eq!(ring.attempts.back().map(|last| last.number), Some(201));
        ring.push(of(KEPT_EVENTS, Came::Again));
        assert_eq!((ring.attempts.len(), ring.events, ring.taken), (1, KEPT_EVENTS, 201));
    }

    #[test]
    fn what_others_have_sent_is_known_and_own_attempts_tell_more() {
        let home = tempfile::tempdir().unwrap();
        let registry = Registry::open(home.path()).unwrap();
        let new = NewSink {
            name: "one".to_owned(),
            settings: serde_json::json!({}),
            secrets: Vec::new(),
        };
        let id = registry.add_sink(new, 0).unwrap().id;
        let told = |attempts: &Attempts| -> Vec<(u64, bool)> {
            let saved = registry.attempts(&id, 500).unwrap();
            let all = attempts.of(&id, saved).into_iter();
            all.map(|attempt| (attempt.number, attempt.request.is_some())).collect()
        };
        let first = Attempts::default();
        first.note(&id, Attempt { request: Some("POST".to_owned()), ..of(2, Came::Again) });
        let (records, upto) = first.unsaved(&id);
        assert_eq!((records.len(), upto), (1, 1));
        registry.keep_attempts(&id, &records).unwrap();
        first.saved(&id, upto);
        assert!(first.unsaved(&id).0.is_empty());
        assert_eq!(told(&first), [(1, true)]);
        // Another process goes on counting, and knows no request.
        let second = Attempts::default();
        assert_eq!(told(&second), [(1, false)]);
        second.go_on(&id, registry.last_attempt(&id).unwrap());
        second.note(&id, of(1, Came::Taken));
        assert_eq!(told(&second), [(2, false), (1, false)]);
        registry.keep_attempts(&id, &second.unsaved(&id).0).unwrap();
        assert_eq!(told(&first), [(2, false), (1, true)]);
    }
}
