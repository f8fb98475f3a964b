//! What one delivery is doing: sending, waiting, burying.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::backoff::Backoff;
use super::chunk::Chunk;
use super::{
    DeliverError, Delivered, Ended, Heard, Journal, SinkState, insist, pause, unless_stopped,
};
use crate::sink::{Limits, Refused, Sink, Verdict};

/// What is broken is tried again after.
const BROKEN: Duration = Duration::from_mins(10);

/// After so many dead letters with nothing taken in between, the receiver is what is wrong.
const MOST_BURIED: usize = 100;

/// How a chunk ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Flow {
    /// All of it is acknowledged or buried.
    Through,
    /// The delivery is over.
    Ended,
}

/// One delivery.
pub(super) struct Run<'a> {
    pub(super) done: Delivered,
    sink: &'a dyn Sink,
    journal: &'a dyn Journal,
    stop: &'a AtomicBool,
    until_empty: bool,
    hear: &'a mut (dyn FnMut(&Heard) + Send),
    limits: Limits,
    /// Events of the next batch at most: fewer while the receiver finds them too large.
    most: usize,
    backoff: Backoff,
    /// Dead letters since something was taken.
    buried: usize,
    /// What was told last.
    state: Option<SinkState>,
}

impl<'a> Run<'a> {
    pub(super) fn new(
        sink: &'a dyn Sink,
        journal: &'a dyn Journal,
        stop: &'a AtomicBool,
        until_empty: bool,
        hear: &'a mut (dyn FnMut(&Heard) + Send),
    ) -> Self {
        let limits = sink.limits();
        Self {
            done: Delivered::default(),
            sink,
            journal,
            stop,
            until_empty,
            hear,
            limits,
            most: limits.events.max(1),
            backoff: Backoff::default(),
            buried: 0,
            state: None,
        }
    }

    /// Sends a chunk. The cursor follows every batch.
    pub(super) async fn drain(&mut self, chunk: &Chunk) -> Result<Flow, DeliverError> {
        let mut start = 0;
        while start < chunk.len() {
            if self.stop.load(Ordering::Relaxed) {
                return Ok(Flow::Ended);
            }
            let batch = chunk.batch(start, self.most, self.limits.bytes);
            let answer = unless_stopped(self.stop, self.sink.send(batch)).await;
            let through = match answer {
                None => return Ok(Flow::Ended),
                Some(Ok(())) => {
                    self.taken(batch.len()).await?;
                    Some(batch.len())
                }
                Some(Err(refused)) => self.refused(chunk, start, batch.len(), refused).await?,
            };
            let Some(through) = through else { return Ok(Flow::Ended) };
            start += through;
            if through > 0 && start < chunk.len() {
                self.advance(chunk, start).await?;
            }
        }
        self.advance(chunk, start).await?;
        Ok(Flow::Through)
    }

    /// Nothing is wrong, or any more.
    pub(super) async fn is_well(&mut self) -> Result<(), DeliverError> {
        self.tell(SinkState::Ok).await
    }

    async fn advance(&mut self, chunk: &Chunk, count: usize) -> Result<(), DeliverError> {
        let journal = self.journal;
        if let Some(place) = chunk.through(count) {
            insist(self.stop, || journal.advance(place)).await?;
        }
        Ok(())
    }

    async fn taken(&mut self, events: usize) -> Result<(), DeliverError> {
        self.done.sent += events;
        self.buried = 0;
        self.backoff.reset();
        self.most = self.most.saturating_mul(2).min(self.limits.events.max(1));
        (self.hear)(&Heard::Sent { events });
        self.is_well().await
    }

    /// Events of the batch that are done now; `None` when the delivery is over.
    async fn refused(
        &mut self,
        chunk: &Chunk,
        start: usize,
        count: usize,
        refused: Refused,
    ) -> Result<Option<usize>, DeliverError> {
        let Refused { reason, verdict } = refused;
        match verdict {
            Verdict::Later { after } => self.wait(reason, after).await,
            Verdict::Broken => self.broken(reason).await,
            Verdict::TooLarge if count > 1 => {
                self.most = count / 2;
                Ok(Some(0))
            }
            Verdict::TooLarge => self.bury(chunk, start, &[0], &reason).await,
            Verdict::Poison { mut events } => {
                events.retain(|index| *index < count);
                events.sort_unstable();
                events.dedup();
                if events.is_empty() {
                    // It names none of these: nothing can be concluded.
                    return self.wait(reason, None).await;
                }
                self.bury(chunk, start, &events, &reason).await
            }
        }
    }

    async fn wait(
        &mut self,
        reason: String,
        after: Option<Duration>,
    ) -> Result<Option<usize>, DeliverError> {
        let wait = self.backoff.next(after);
        let attempts = self.backoff.failures();
        (self.hear)(&Heard::Retrying { reason: reason.clone(), attempts, wait });
        self.tell(SinkState::Retrying { reason, attempts, wait_ms: millis(wait) }).await?;
        Ok(pause(self.stop, wait).await.then_some(0))
    }

    async fn broken(&mut self, reason: String) -> Result<Option<usize>, DeliverError> {
        let wait = (!self.until_empty).then_some(BROKEN);
        (self.hear)(&Heard::Broken { reason: reason.clone(), wait });
        let wait_ms = millis(wait.unwrap_or_default());
        self.tell(SinkState::Broken { reason: reason.clone(), wait_ms }).await?;
        if wait.is_none() {
            self.done.ended = Ended::Broken(reason);
            return Ok(None);
        }
        Ok(pause(self.stop, BROKEN).await.then_some(0))
    }

    /// Buries the events of these indices, in order, counted from `start`. Those between them were
    /// taken.
    async fn bury(
        &mut self,
        chunk: &Chunk,
        start: usize,
        indices: &[usize],
        reason: &str,
    ) -> Result<Option<usize>, DeliverError> {
        if self.buried >= MOST_BURIED {
            let last = std::mem::take(&mut self.buried);
            let reason = format!("none of the last {last} events was taken: {reason}");
            return self.broken(reason).await;
        }
        let journal = self.journal;
        for index in indices {
            let Some((place, event)) = chunk.get(start + index) else { continue };
            let kept = insist(self.stop, || journal.bury(place, event, reason)).await?;
            if kept.is_none() {
                return Ok(None);
            }
            self.done.buried += 1;
            let (id, reason) = (event.id.clone(), reason.to_owned());
            (self.hear)(&Heard::Buried { place, id, reason });
        }
        let through = indices.last().map_or(0, |last| last + 1);
        let taken = through.saturating_sub(indices.len());
        if taken > 0 {
            self.taken(taken).await?;
        } else {
            self.buried += indices.len();
        }
        self.backoff.reset();
        Ok(Some(through))
    }

    /// Keeps how the sink is, when that is something else than before.
    async fn tell(&mut self, state: SinkState) -> Result<(), DeliverError> {
        if self.state.as_ref() != Some(&state) {
            let journal = self.journal;
            insist(self.stop, || journal.state(state.clone())).await?;
            self.state = Some(state);
        }
        Ok(())
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
