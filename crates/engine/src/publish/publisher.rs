//! Brings events to the sinks: a task for each, which holds the sink's lease.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use billhook_lake::Lake;
use billhook_registry::{LeaseOutcome, Registry, SinkId, SinkRecord};
use billhook_stream::deliver::{Delivered, Heard, Journal as _, SinkState, deliver};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::attempts::{Attempts, Watched};
use super::fresh::Fresh;
use super::noting::Noter;
use super::{LakeSource, RegistryJournal, blocking, open};
use crate::sync::lease::{self, Keeper, TTL};
use crate::{EngineError, error};

/// How often is looked whether there is something new, or something to be ended.
const TICK: Duration = Duration::from_secs(1);

/// The same, for somebody who waits.
const SHORT_TICK: Duration = Duration::from_millis(50);

/// A sink that cannot be sent to is not tried again before.
const AGAIN_AFTER: Duration = Duration::from_mins(1);

/// Brings events to the sinks of a home.
#[derive(Clone)]
pub struct Publisher {
    /// The control database.
    pub registry: Arc<Registry>,
    /// Where costs are read.
    pub lake: Lake,
    /// This process, as leases name it: [`holder::me`].
    pub holder: String,
    /// The time, microseconds since 1970 UTC.
    pub now: fn() -> i64,
    /// Set when everything is to end.
    pub stop: Arc<AtomicBool>,
    /// What was sent last; a clone shares it.
    pub attempts: Attempts,
}

/// What a publisher tells while it works.
#[derive(Debug)]
pub enum News {
    /// What a sink's task tells.
    Heard(Heard),
    /// A sink's task is over.
    Over(Outcome),
}

/// How a sink's task ended.
#[derive(Debug)]
pub enum Outcome {
    /// It delivered as much as this says.
    Delivered(Delivered),
    /// Somebody else sends to the sink: host, process, and a random part.
    Held(String),
    /// It could not.
    Failed(EngineError),
}

/// What came of one sink.
#[derive(Debug)]
pub struct Sent {
    /// Its name.
    pub sink: String,
    /// How its task ended.
    pub outcome: Outcome,
}

/// Hears what there is to tell, by the sink's name. What has none is about all of them.
pub type Tell = Arc<dyn Fn(&str, &News) + Send + Sync>;

/// How long somebody waits.
#[derive(Debug, Clone, Copy, Default)]
pub struct Patience {
    /// For everything.
    pub whole: Option<Duration>,
    /// For a sink of which nothing is acknowledged any more.
    pub idle: Option<Duration>,
}

/// Until when a sink that cannot be sent to is left alone.
struct NotBefore {
    time: Instant,
    /// Whoever changes the sink may have mended it.
    changed_at: i64,
}

impl NotBefore {
    fn is_over(&self, sink: &SinkRecord) -> bool {
        sink.changed_at != self.changed_at || Instant::now() >= self.time
    }
}

/// One sink's task.
struct Task {
    sink: SinkRecord,
    journal: Arc<RegistryJournal>,
    /// Set when it is to end.
    stop: Arc<AtomicBool>,
    handle: JoinHandle<Outcome>,
}

impl Publisher {
    /// Sends what is pending to the sinks that are not paused, or to one alone, and ends when all
    /// is sent, or the patience is over.
    ///
    /// # Errors
    /// When the lake or the control database cannot be read. What is wrong with a sink is what came
    /// of it.
    pub async fn send_pending(
        &self,
        only: Option<&SinkRecord>,
        patience: Patience,
        tell: &Tell,
    ) -> Result<Vec<Sent>, EngineError> {
        let sinks = match only {
            Some(sink) => vec![sink.clone()],
            None => blocking(&self.registry, |own| Ok(own.sinks()?)).await?,
        };
        let sinks: Vec<SinkRecord> =
            sinks.into_iter().filter(|sink| sink.paused_since.is_none()).collect();
        if sinks.is_empty() {
            return Ok(Vec::new());
        }
        Noter::default().note(&self.lake, &self.registry).await?;
        let begun = Instant::now();
        let mut tasks: Vec<Task> =
            sinks.into_iter().map(|sink| self.start(sink, true, tell)).collect();
        let mut sent = Vec::new();
        while !tasks.is_empty() {
            tokio::time::sleep(SHORT_TICK).await;
            let is_over = self.stop.load(Ordering::Relaxed)
                || patience.whole.is_some_and(|whole| begun.elapsed() >= whole);
            for task in &tasks {
                let idle = task.journal.moved().elapsed();
                if is_over || patience.idle.is_some_and(|patience| idle >= patience) {
                    task.stop.store(true, Ordering::Relaxed);
                }
            }
            let (over, rest): (Vec<Task>, Vec<Task>) =
                tasks.into_iter().partition(|task| task.handle.is_finished());
            tasks = rest;
            for task in over {
                sent.push(end(task).await);
            }
        }
        Ok(sent)
    }

    /// Sends whatever is new to whatever sinks there are, until `stop` is set. Sinks that are
    /// added, changed, paused, removed or rewound meanwhile count at once. Nothing that fails ends
    /// it.
    pub async fn stay(&self, tell: &Tell) {
        let mut noter = Noter::default();
        let mut told = String::new();
        let mut tasks: HashMap<SinkId, Task> = HashMap::new();
        let mut not_before: HashMap<SinkId, NotBefore> = HashMap::new();
        while !self.stop.load(Ordering::Relaxed) {
            let looked = self.look(&mut noter, &mut tasks, &mut not_before, tell).await;
            match looked {
                Ok(()) => told.clear(),
                Err(error) => {
                    // The same is not told again and again.
                    let text = error::causes(&error);
                    if text != told {
                        tell("", &News::Over(Outcome::Failed(error)));
                        told = text;
                    }
                }
            }
            tokio::time::sleep(TICK).await;
        }
        for task in tasks.values() {
            task.stop.store(true, Ordering::Relaxed);
        }
        for (_, task) in tasks {
            end(task).await;
        }
    }

    /// Ends and begins what is to be ended and begun.
    async fn look(
        &self,
        noter: &mut Noter,
        tasks: &mut HashMap<SinkId, Task>,
        not_before: &mut HashMap<SinkId, NotBefore>,
        tell: &Tell,
    ) -> Result<(), EngineError> {
        // Asked before the control database is, so that only who is rewound is behind.
        let cursors: HashMap<SinkId, (i64, i64)> =
            tasks.iter().filter_map(|(id, task)| Some((id.clone(), task.journal.at()?))).collect();
        let sinks = blocking(&self.registry, |own| Ok(own.sinks()?)).await?;
        let wanted: HashMap<SinkId, SinkRecord> = sinks
            .into_iter()
            .filter(|sink| sink.paused_since.is_none())
            .map(|sink| (sink.id.clone(), sink))
            .collect();
        for (id, task) in &*tasks {
            let is_behind = |sink: &SinkRecord| cursors.get(id).is_some_and(|at| sink.cursor < *at);
            let is_changed = |sink: &SinkRecord| sink.changed_at != task.sink.changed_at;
            if wanted.get(id).is_none_or(|sink| is_behind(sink) || is_changed(sink)) {
                task.stop.store(true, Ordering::Relaxed);
            }
        }
        let over: Vec<SinkId> = tasks
            .iter()
            .filter(|(_, task)| task.handle.is_finished())
            .map(|(id, _)| id.clone())
            .collect();
        for task in over.iter().filter_map(|id| tasks.remove(id)) {
            let (id, changed_at) = (task.sink.id.clone(), task.sink.changed_at);
            if !matches!(end(task).await.outcome, Outcome::Delivered(_)) {
                let time = Instant::now() + AGAIN_AFTER;
                not_before.insert(id, NotBefore { time, changed_at });
            }
        }
        if wanted.is_empty() {
            return Ok(());
        }
        noter.note(&self.lake, &self.registry).await?;
        for (id, sink) in wanted {
            let is_due = not_before.get(&id).is_none_or(|not| not.is_over(&sink));
            if is_due && !tasks.contains_key(&id) {
                tasks.insert(id, self.start(sink, false, tell));
            }
        }
        Ok(())
    }

    /// Begins a sink's task.
    fn start(&self, sink: SinkRecord, until_empty: bool, tell: &Tell) -> Task {
        let registry = Arc::clone(&self.registry);
        let attempts = self.attempts.clone();
        let journal = Arc::new(RegistryJournal::new(registry, sink.id.clone(), self.now, attempts));
        let stop = Arc::new(AtomicBool::new(false));
        let work = self.clone().serve(
            sink.clone(),
            Arc::clone(&journal),
            Arc::clone(&stop),
            until_empty,
            Arc::clone(tell),
        );
        Task { sink, journal, stop, handle: tokio::spawn(Box::pin(work)) }
    }

    /// Serves one sink.
    async fn serve(
        self,
        sink: SinkRecord,
        journal: Arc<RegistryJournal>,
        wish: Arc<AtomicBool>,
        until_empty: bool,
        tell: Tell,
    ) -> Outcome {
        let lease = match self.lease(&sink.name) {
            Ok(LeaseOutcome::Taken(lease)) => lease,
            Ok(LeaseOutcome::Held { holder, .. }) => {
                let outcome = Outcome::Held(holder);
                return told(&tell, &sink.name, outcome);
            }
            Err(error) => return told(&tell, &sink.name, Outcome::Failed(error)),
        };
        let keeper = Keeper::start(&self.registry, lease, &wish, self.now);
        let done = self.work(&sink, &journal, &keeper.stop, until_empty, &tell).await;
        // It is for people: whether it succeeds changes nothing for the events.
        journal.end().await.ok();
        let outcome = match (done, keeper.end()) {
            (Ok(delivered), Ok(())) => Outcome::Delivered(delivered),
            (Err(error), _) | (_, Err(error)) => Outcome::Failed(error),
        };
        told(&tell, &sink.name, outcome)
    }

    async fn work(
        &self,
        sink: &SinkRecord,
        journal: &RegistryJournal,
        stop: &AtomicBool,
        until_empty: bool,
        tell: &Tell,
    ) -> Result<Delivered, EngineError> {
        journal.begin().await?;
        let (settings, target) = match open(&self.registry, sink).await {
            Ok(open) => open,
            Err(error) => {
                let reason = error::causes(&error);
                journal.state(SinkState::Broken { reason, wait_ms: 0 }).await.ok();
                return Err(error);
            }
        };
        let source = LakeSource::new(self.lake.clone(), Arc::clone(&self.registry), settings);
        let mut hear = |heard: &Heard| tell(&sink.name, &News::Heard(heard.clone()));
        let (id, attempts, now) = (&sink.id, &self.attempts, self.now);
        let watched = Watched { sink: target.as_ref(), id, attempts, now };
        let source = Fresh { source: &source, registry: &self.registry, sink };
        let work = deliver(&watched, &source, journal, stop, until_empty, &mut hear);
        match Box::pin(work).await {
            Err(error) if is_rewound(&error) => Ok(Delivered::default()),
            done => Ok(done?),
        }
    }

    /// Takes the lease over a sink, also from a process of this machine that was killed.
    fn lease(&self, sink: &str) -> Result<LeaseOutcome, EngineError> {
        let (name, holder) = (format!("sink/{sink}"), self.holder.as_str());
        let take = || self.registry.try_lease(&name, holder, (self.now)(), TTL);
        lease::take(holder, take, |other| self.registry.break_lease_named(&name, other))
    }
}

/// Waits for a task that is over, or was told to end.
async fn end(task: Task) -> Sent {
    let outcome = match task.handle.await {
        Ok(outcome) => outcome,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => Outcome::Failed(EngineError::Interrupted),
        },
    };
    Sent { sink: task.sink.name, outcome }
}

fn told(tell: &Tell, sink: &str, outcome: Outcome) -> Outcome {
    let news = News::Over(outcome);
    tell(sink, &news);
    match news {
        News::Over(outcome) => outcome,
        News::Heard(_) => Outcome::Delivered(Delivered::default()),
    }
}

/// Did a delivery end because somebody had the cursor rewound, or changed the sink?
fn is_rewound(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if matches!(error.downcast_ref::<EngineError>(), Some(EngineError::Rewound)) {
            return true;
        }
        cause = error.source();
    }
    false
}
