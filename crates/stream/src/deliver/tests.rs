use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;
use std::sync::Mutex;

use serde_json::json;
use tokio::time::Instant;

use super::*;
use crate::event::COST_RESTATED;
use crate::sink::{Limits, Refused};

/// Events of one happening, with ids `POSITION-INDEX`.
pub(super) fn events(position: i64, indices: Range<i64>) -> Vec<(Place, Event)> {
    let event = |index: i64| Event {
        id: format!("{position}-{index}"),
        source: "/billhook/connections/main".to_owned(),
        kind: COST_RESTATED,
        subject: None,
        time: "2026-01-31T00:00:00Z".to_owned(),
        extensions: BTreeMap::new(),
        data: json!({}),
    };
    indices.map(|index| (Place { position, index }, event(index))).collect()
}

/// What a sink answers.
enum Answer {
    Take,
    Refuse(Refused),
    Hang,
}

/// A sink that answers by a script, and takes everything once that is over.
struct Scripted {
    limits: Limits,
    script: Mutex<VecDeque<Answer>>,
    /// Ids of each batch that came.
    batches: Mutex<Vec<String>>,
}

impl Scripted {
    fn new(events: usize, script: Vec<Answer>) -> Self {
        Self {
            limits: Limits { events, bytes: usize::MAX },
            script: Mutex::new(script.into()),
            batches: Mutex::default(),
        }
    }

    fn batches(&self) -> Vec<String> {
        self.batches.lock().unwrap().clone()
    }
}

#[async_trait]
impl Sink for Scripted {
    fn limits(&self) -> Limits {
        self.limits
    }

    async fn send(&self, events: &[Event]) -> Result<(), Refused> {
        let ids: Vec<&str> = events.iter().map(|event| event.id.as_str()).collect();
        self.batches.lock().unwrap().push(ids.join(" "));
        let answer = self.script.lock().unwrap().pop_front();
        match answer {
            None | Some(Answer::Take) => Ok(()),
            Some(Answer::Refuse(refused)) => Err(refused),
            Some(Answer::Hang) => std::future::pending().await,
        }
    }

    async fn test(&self) -> Result<String, Refused> {
        Ok("scripted".to_owned())
    }
}

/// A source and a journal in memory.
#[derive(Default)]
struct Memory {
    events: Vec<(Place, Event)>,
    /// How far can be looked.
    end: Place,
    /// What looking fails with first.
    failures: Mutex<VecDeque<SourceError>>,
    fetches: Mutex<usize>,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    cursors: Vec<Place>,
    buried: Vec<String>,
    states: Vec<SinkState>,
    /// How often was looked when the cursor first moved.
    fetches: Option<usize>,
}

impl Memory {
    fn of(events: Vec<(Place, Event)>) -> Self {
        let end = events.last().map(|(place, _)| *place).unwrap_or_default();
        Self { events, end, ..Self::default() }
    }

    fn cursors(&self) -> Vec<String> {
        let kept = self.kept.lock().unwrap();
        kept.cursors.iter().map(|place| format!("{}-{}", place.position, place.index)).collect()
    }

    fn buried(&self) -> Vec<String> {
        self.kept.lock().unwrap().buried.clone()
    }

    /// Names of the states, in order.
    fn states(&self) -> String {
        let kept = self.kept.lock().unwrap();
        let names = kept.states.iter().map(|state| match state {
            SinkState::Ok => "ok",
            SinkState::Retrying { .. } => "retrying",
            SinkState::Broken { .. } => "broken",
        });
        names.collect::<Vec<_>>().join(" ")
    }
}

#[async_trait]
impl Source for Memory {
    async fn after(&self, place: Place, limit: usize) -> Result<Fetched, SourceError> {
        if let Some(failure) = self.failures.lock().unwrap().pop_front() {
            return Err(failure);
        }
        *self.fetches.lock().unwrap() += 1;
        let behind = self.events.iter().filter(|(own, _)| *own > place);
        let events: Vec<_> = behind.take(limit).cloned().collect();
        let last = match events.last() {
            Some((own, _)) if events.len() == limit => *own,
            _ => self.end.max(place),
        };
        Ok(Fetched { events, last })
    }
}

#[async_trait]
impl Journal for Memory {
    async fn cursor(&self) -> Result<Place, SourceError> {
        Ok(self.kept.lock().unwrap().cursors.last().copied().unwrap_or_default())
    }

    async fn advance(&self, to: Place) -> Result<(), SourceError> {
        let fetches = *self.fetches.lock().unwrap();
        let mut kept = self.kept.lock().unwrap();
        kept.cursors.push(to);
        kept.fetches.get_or_insert(fetches);
        Ok(())
    }

    async fn bury(&self, place: Place, event: &Event, reason: &str) -> Result<(), SourceError> {
        let text = format!("{}-{} {} {reason}", place.position, place.index, event.id);
        self.kept.lock().unwrap().buried.push(text);
        Ok(())
    }

    async fn state(&self, state: SinkState) -> Result<(), SourceError> {
        self.kept.lock().unwrap().states.push(state);
        Ok(())
    }
}

/// Delivers until everything is delivered, and says what was told.
async fn run(sink: &Scripted, memory: &Memory) -> (Delivered, Vec<Heard>) {
    let mut heard = Vec::new();
    let stop = AtomicBool::new(false);
    let mut hear = |one: &Heard| heard.push(one.clone());
    let done = deliver(sink, memory, memory, &stop, true, &mut hear).await.unwrap();
    (done, heard)
}

#[tokio::test(start_paused = true)]
async fn the_cursor_follows_what_was_acknowledged() {
    let sink = Scripted::new(4, Vec::new());
    let memory = Memory::of([events(1, 0..6), events(3, 0..4)].concat());
    let (done, heard) = run(&sink, &memory).await;
    assert_eq!(done, Delivered { sent: 10, buried: 0, ended: Ended::Empty });
    assert_eq!(sink.batches(), ["1-0 1-1 1-2 1-3", "1-4 1-5 3-0 3-1", "3-2 3-3"]);
    assert_eq!(memory.cursors(), ["1-3", "3-1", "3-3"]);
    assert_eq!(memory.states(), "ok");
    let sent = [4, 4, 2].map(|events| Heard::Sent { events });
    assert_eq!(heard, sent);
    // Nothing more is there, and nothing is sent again.
    let (done, _) = run(&sink, &memory).await;
    assert_eq!((done.sent, memory.cursors().len()), (0, 3));
}

#[tokio::test(start_paused = true)]
async fn only_the_next_batch_is_fetched_ahead() {
    let sink = Scripted::new(2, vec![Answer::Refuse(Refused::later("busy", None))]);
    let memory = Memory::of(events(1, 0..20));
    let (done, _) = run(&sink, &memory).await;
    assert_eq!(done.sent, 20);
    assert_eq!(memory.kept.lock().unwrap().fetches, Some(2));
}

#[tokio::test(start_paused = true)]
async fn what_filters_left_out_is_not_looked_at_again() {
    let sink = Scripted::new(4, Vec::new());
    let mut memory = Memory::of(Vec::new());
    memory.end = Place { position: 9, index: 3 };
    let (done, _) = run(&sink, &memory).await;
    assert_eq!((done.sent, done.ended), (0, Ended::Empty));
    assert_eq!(memory.cursors(), ["9-3"]);
    assert!(sink.batches().is_empty());
}

#[tokio::test(start_paused = true)]
async fn whoever_asks_to_wait_gets_the_same_again_and_not_before() {
    let minute = Duration::from_mins(1);
    let script = vec![
        Answer::Refuse(Refused::later("429", Some(minute))),
        Answer::Refuse(Refused::later("connection refused", None)),
    ];
    let sink = Scripted::new(10, script);
    let memory = Memory::of(events(1, 0..2));
    let begun = Instant::now();
    let (done, heard) = run(&sink, &memory).await;
    assert!(begun.elapsed() >= minute + Duration::from_millis(500), "{:?}", begun.elapsed());
    assert_eq!((done.sent, done.buried), (2, 0));
    assert_eq!(sink.batches(), ["1-0 1-1"; 3]);
    assert_eq!(memory.cursors(), ["1-1"]);
    assert_eq!(memory.states(), "retrying retrying ok");
    let is_second = |one: &Heard| {
        matches!(one, Heard::Retrying { reason, attempts: 2, .. }
            if reason == "connection refused")
    };
    assert!(heard.iter().any(is_second), "{heard:?}");
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_is_too_large_is_halved_until_the_culprit_is_alone() {
    let large = || Answer::Refuse(Refused::too_large("413"));
    // 8, 4, 2, then the first alone is too large; the others are not.
    let sink = Scripted::new(8, vec![large(), large(), large(), large()]);
    let memory = Memory::of(events(1, 0..8));
    let (done, _) = run(&sink, &memory).await;
    assert_eq!((done.sent, done.buried), (7, 1));
    assert_eq!(memory.buried(), ["1-0 1-0 413"]);
    let sizes: Vec<usize> = sink.batches().iter().map(|ids| ids.split(' ').count()).collect();
    assert_eq!(sizes, [8, 4, 2, 1, 1, 2, 4]);
    assert_eq!(memory.cursors(), ["1-0", "1-1", "1-3", "1-7"]);
}

#[tokio::test(start_paused = true)]
async fn poison_is_buried_and_what_follows_it_is_sent_again() {
    // An index beyond the batch names nothing.
    let poison = Refused::poison("not understood", vec![3, 1, 3, 77]);
    let sink = Scripted::new(6, vec![Answer::Refuse(poison)]);
    let memory = Memory::of(events(1, 0..6));
    let (done, heard) = run(&sink, &memory).await;
    assert_eq!((done.sent, done.buried), (4, 2));
    assert_eq!(memory.buried(), ["1-1 1-1 not understood", "1-3 1-3 not understood"]);
    assert_eq!(sink.batches(), ["1-0 1-1 1-2 1-3 1-4 1-5", "1-4 1-5"]);
    assert_eq!(memory.cursors(), ["1-3", "1-5"]);
    let buried = heard.iter().filter(|one| matches!(one, Heard::Buried { .. })).count();
    assert_eq!(buried, 2);
}

#[tokio::test(start_paused = true)]
async fn poison_that_names_nothing_is_tried_again() {
    let poison = Refused::poison("?", Vec::new());
    let sink = Scripted::new(6, vec![Answer::Refuse(poison)]);
    let memory = Memory::of(events(1, 0..2));
    let (done, _) = run(&sink, &memory).await;
    assert_eq!((done.sent, done.buried), (2, 0));
    assert_eq!(memory.states(), "retrying ok");
}

#[tokio::test(start_paused = true)]
async fn what_is_broken_ends_a_delivery_that_has_an_end() {
    let sink = Scripted::new(2, vec![Answer::Take, Answer::Refuse(Refused::broken("401"))]);
    let memory = Memory::of(events(1, 0..4));
    let (done, heard) = run(&sink, &memory).await;
    assert_eq!(done, Delivered { sent: 2, buried: 0, ended: Ended::Broken("401".to_owned()) });
    assert_eq!(memory.cursors(), ["1-1"]);
    assert_eq!(memory.states(), "ok broken");
    assert_eq!(heard.last(), Some(&Heard::Broken { reason: "401".to_owned(), wait: None }));
}

#[tokio::test(start_paused = true)]
async fn what_is_broken_waits_long_in_a_delivery_that_has_none() {
    let sink = Scripted::new(2, vec![Answer::Refuse(Refused::broken("401"))]);
    let memory = Memory::of(events(1, 0..2));
    let stop = AtomicBool::new(false);
    let begun = Instant::now();
    let mut hear = |one: &Heard| {
        if matches!(one, Heard::Sent { .. }) {
            stop.store(true, Ordering::Relaxed);
        }
    };
    let done = deliver(&sink, &memory, &memory, &stop, false, &mut hear).await.unwrap();
    assert_eq!(done, Delivered { sent: 2, buried: 0, ended: Ended::Stopped });
    assert!(begun.elapsed() >= Duration::from_mins(10), "{:?}", begun.elapsed());
    assert_eq!(memory.states(), "broken ok");
    assert_eq!(memory.cursors(), ["1-1"]);
}

#[tokio::test(start_paused = true)]
async fn a_receiver_that_takes_nothing_does_not_bury_everything() {
    let large = || Answer::Refuse(Refused::too_large("400"));
    let sink = Scripted::new(1, (0..150).map(|_| large()).collect());
    let memory = Memory::of(events(1, 0..150));
    let (done, _) = run(&sink, &memory).await;
    assert_eq!((done.sent, done.buried), (0, 100));
    let Ended::Broken(reason) = &done.ended else { panic!("{done:?}") };
    assert_eq!(reason, "none of the last 100 events was taken: 400");
    assert_eq!(memory.cursors().last().map(String::as_str), Some("1-99"));
}

#[tokio::test(start_paused = true)]
async fn a_stop_is_heard_while_a_receiver_hangs() {
    let sink = Scripted::new(2, vec![Answer::Take, Answer::Hang]);
    let memory = Memory::of(events(1, 0..6));
    let stop = AtomicBool::new(false);
    let begun = Instant::now();
    let mut hear = |_: &Heard| {};
    let later = async {
        tokio::time::sleep(Duration::from_secs(3)).await;
        stop.store(true, Ordering::Relaxed);
    };
    let delivery = deliver(&sink, &memory, &memory, &stop, false, &mut hear);
    let (done, ()) = tokio::join!(delivery, later);
    assert_eq!(done.unwrap(), Delivered { sent: 2, buried: 0, ended: Ended::Stopped });
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
    // What may have arrived and what has not are sent again: the cursor is before both.
    assert_eq!(memory.cursors(), ["1-1"]);
    let (done, _) = run(&sink, &memory).await;
    assert_eq!(done.sent, 4);
    assert_eq!(sink.batches(), ["1-0 1-1", "1-2 1-3", "1-2 1-3", "1-4 1-5"]);
}

#[tokio::test(start_paused = true)]
async fn errors_of_the_source_that_can_pass_do_not_end_it() {
    let sink = Scripted::new(2, Vec::new());
    let memory = Memory::of(events(1, 0..2));
    let passing = || SourceError::new("read the changes", true, "busy");
    memory.failures.lock().unwrap().extend([passing(), passing()]);
    let (done, _) = run(&sink, &memory).await;
    assert_eq!(done.sent, 2);
    let lasting = SourceError::new("read the changes", false, "no such table");
    memory.failures.lock().unwrap().push_back(lasting);
    let stop = AtomicBool::new(false);
    let mut hear = |_: &Heard| {};
    let failed = deliver(&sink, &memory, &memory, &stop, true, &mut hear).await.unwrap_err();
    assert_eq!(failed.to_string(), "cannot read the changes");
}

#[test]
fn states_are_stored_as_text() {
    let state = SinkState::Retrying { reason: "busy".to_owned(), attempts: 2, wait_ms: 1500 };
    let stored = serde_json::to_value(&state).unwrap();
    assert_eq!(
        stored,
        json!({ "state": "retrying", "reason": "busy", "attempts": 2, "wait_ms": 1500 })
    );
    assert_eq!(serde_json::from_value::<SinkState>(stored).unwrap(), state);
    assert_eq!(serde_json::to_value(SinkState::Ok).unwrap(), json!({ "state": "ok" }));
}
