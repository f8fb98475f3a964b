//! Work that takes longer than a request: it goes on when the page is closed, tells how far it is,
//! and can be stopped.
//!
//! Jobs live as long as the process. What they do to connections is in the control database.

use std::collections::VecDeque;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use billhook_engine::EngineError;
use billhook_engine::error::causes;
use billhook_engine::ingest::Progress;
use serde::Serialize;
use serde_json::Value;
use tokio::runtime::Handle;
use tokio::task::spawn_blocking;
use utoipa::ToSchema;

use crate::api::Instant;
use crate::format;

/// Jobs that are over and still remembered.
const KEPT: usize = 200;

/// Lines that a job keeps; of more, the last ones.
const LINES: usize = 500;

/// How soon a job hears that it is to stop.
const TICK: Duration = Duration::from_millis(200);

/// Names a job.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, ToSchema)]
pub(crate) struct JobId(String);

impl JobId {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum JobState {
    /// It is at work.
    Running,
    /// It was told to stop and has not ended yet.
    Stopping,
    /// It did what it was to do.
    Done,
    /// It failed.
    Failed,
    /// It was stopped.
    Stopped,
}

/// A line that a job told.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct JobLine {
    /// When.
    pub(crate) at: Instant,
    /// What.
    pub(crate) text: String,
}

/// How far a job is with what it does now.
#[derive(Debug, Clone, Default, Serialize, ToSchema)]
pub(crate) struct JobStep {
    /// What it does now: a delivery, say.
    pub(crate) title: String,
    /// So much is done.
    pub(crate) done: u64,
    /// Of so much, when that is known.
    pub(crate) of: Option<u64>,
    /// What is counted: `bytes`, `files`, `months`.
    pub(crate) unit: String,
    /// Rows that were read meanwhile.
    pub(crate) rows: u64,
    /// Seconds since it began.
    pub(crate) seconds: u64,
    /// Seconds that it may still take, when that can be told.
    pub(crate) seconds_left: Option<u64>,
}

/// A job, as it is at one moment.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct JobView {
    /// Its id.
    pub(crate) id: JobId,
    /// What it does: `check`, `sync`, `verify`.
    pub(crate) kind: &'static str,
    /// To what.
    pub(crate) subject: String,
    /// Who started it.
    pub(crate) who: String,
    /// When it began.
    pub(crate) started_at: Instant,
    /// When it ended.
    pub(crate) finished_at: Option<Instant>,
    /// How it is.
    pub(crate) state: JobState,
    /// How far it is with what it does now.
    pub(crate) step: Option<JobStep>,
    /// What it told so far.
    pub(crate) lines: Vec<JobLine>,
    /// So many earlier lines are not kept.
    pub(crate) lines_dropped: usize,
    /// What came of it.
    pub(crate) answer: Option<Value>,
    /// Why it failed.
    pub(crate) why: Option<String>,
    /// What to do about it.
    pub(crate) fix: Option<String>,
}

impl JobView {
    /// Is it over?
    pub(crate) fn is_over(&self) -> bool {
        self.finished_at.is_some()
    }

    /// The state as one of pages.
    pub(crate) fn mark(&self) -> &'static str {
        match self.state {
            JobState::Running | JobState::Stopping => "waiting",
            JobState::Done => "healthy",
            JobState::Failed => "broken",
            JobState::Stopped => "paused",
        }
    }

    /// The state in a word.
    pub(crate) fn word(&self) -> &'static str {
        match self.state {
            JobState::Running => "running",
            JobState::Stopping => "stopping",
            JobState::Done => "done",
            JobState::Failed => "failed",
            JobState::Stopped => "stopped",
        }
    }

    /// How far it is, in a line: `acme 2026-10 · 12.3 MiB of 40.0 MiB · 412,000 rows · 38 s · about
    /// 1 min 0 s left`; empty when it does nothing that can be counted.
    pub(crate) fn progress(&self) -> String {
        let Some(step) = &self.step else { return String::new() };
        let mut parts = Vec::new();
        if !step.title.is_empty() {
            parts.push(step.title.clone());
        }
        let amount = |number: u64| {
            if step.unit == "bytes" {
                format::bytes(number)
            } else {
                format!("{} {}", format::grouped(number), step.unit)
            }
        };
        parts.push(match step.of {
            Some(of) => format!("{} of {}", amount(step.done), amount(of)),
            None => amount(step.done),
        });
        if step.rows > 0 {
            parts.push(format!("{} rows", format::grouped(step.rows)));
        }
        parts.push(seconds(step.seconds));
        parts.push(match step.seconds_left {
            Some(left) => format!("about {} left", seconds(left)),
            None => "time left unknown".to_owned(),
        });
        parts.join(" · ")
    }
}

fn seconds(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3_600, seconds / 60 % 60),
    }
}

/// All jobs of the process.
pub(crate) struct Jobs {
    all: Mutex<VecDeque<Arc<Job>>>,
    next: AtomicU64,
    now: fn() -> i64,
}

/// A job.
struct Job {
    id: JobId,
    kind: &'static str,
    subject: String,
    who: String,
    started_at: i64,
    stop: Arc<AtomicBool>,
    now: fn() -> i64,
    told: Mutex<Told>,
}

/// What a job has told.
#[derive(Default)]
struct Told {
    lines: VecDeque<(i64, String)>,
    dropped: usize,
    step: Option<Step>,
    ended: Option<Ended>,
}

struct Step {
    title: String,
    done: u64,
    of: Option<u64>,
    unit: String,
    rows: u64,
    began_at: i64,
}

struct Ended {
    at: i64,
    state: JobState,
    answer: Option<Value>,
    why: Option<String>,
    fix: Option<String>,
}

impl Jobs {
    /// No jobs yet. `now` gives the time, microseconds since 1970 UTC.
    pub(crate) fn new(now: fn() -> i64) -> Self {
        Self { all: Mutex::default(), next: AtomicU64::new(1), now }
    }

    /// Starts a job on a thread of its own, unless one of that kind is at work on that subject:
    /// then that one is meant.
    pub(crate) fn start<W, F>(
        &self,
        kind: &'static str,
        subject: String,
        who: String,
        work: W,
    ) -> JobId
    where
        W: FnOnce(JobHandle) -> F + Send + 'static,
        F: Future<Output = Result<Value, EngineError>>,
    {
        let mut all = self.lock();
        let is_same = |job: &&Arc<Job>| job.is_at_work(&subject) && job.kind == kind;
        if let Some(job) = all.iter().find(is_same) {
            return job.id.clone();
        }
        self.begin(&mut all, kind, subject, who, work)
    }

    /// Starts a job, unless any job is at work on that subject.
    ///
    /// # Errors
    /// The job that is at work.
    pub(crate) fn start_alone<W, F>(
        &self,
        kind: &'static str,
        subject: String,
        who: String,
        work: W,
    ) -> Result<JobId, JobId>
    where
        W: FnOnce(JobHandle) -> F + Send + 'static,
        F: Future<Output = Result<Value, EngineError>>,
    {
        let mut all = self.lock();
        if let Some(job) = all.iter().find(|job| job.is_at_work(&subject)) {
            return Err(job.id.clone());
        }
        Ok(self.begin(&mut all, kind, subject, who, work))
    }

    fn begin<W, F>(
        &self,
        all: &mut VecDeque<Arc<Job>>,
        kind: &'static str,
        subject: String,
        who: String,
        work: W,
    ) -> JobId
    where
        W: FnOnce(JobHandle) -> F + Send + 'static,
        F: Future<Output = Result<Value, EngineError>>,
    {
        let started_at = (self.now)();
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let job = Arc::new(Job {
            // Not that of another job, nor of an earlier process.
            id: JobId(format!("{started_at:x}-{number}")),
            kind,
            subject,
            who,
            started_at,
            stop: Arc::default(),
            now: self.now,
            told: Mutex::default(),
        });
        let over = all.iter().filter(|job| job.told().ended.is_some()).count();
        if over >= KEPT
            && let Some(oldest) = all.iter().position(|job| job.told().ended.is_some())
        {
            all.remove(oldest);
        }
        all.push_back(Arc::clone(&job));
        let id = job.id.clone();
        // On a thread, since not all that the engine waits for can change threads.
        let runtime = Handle::current();
        drop(spawn_blocking(move || {
            let ending = Ending(Arc::clone(&job));
            let outcome = runtime.block_on(async { work(JobHandle(Arc::clone(&job))).await });
            ending.0.end(outcome);
        }));
        id
    }

    /// The job of an id, as it is now; `None` when it is not known any more.
    pub(crate) fn get(&self, id: &str) -> Option<JobView> {
        self.lock().iter().find(|job| job.id.as_str() == id).map(|job| job.view())
    }

    /// The job that is at work on a subject.
    pub(crate) fn at_work(&self, subject: &str) -> Option<JobView> {
        self.lock().iter().find(|job| job.is_at_work(subject)).map(|job| job.view())
    }

    /// The job of a subject that began last.
    pub(crate) fn last(&self, subject: &str) -> Option<JobView> {
        self.lock().iter().rev().find(|job| job.subject == subject).map(|job| job.view())
    }

    /// Tells a job to stop; false when there is none, or it is over.
    pub(crate) fn cancel(&self, id: &str) -> bool {
        let all = self.lock();
        let job = all.iter().find(|job| job.id.as_str() == id);
        let job = job.filter(|job| job.told().ended.is_none());
        if let Some(job) = job {
            job.stop.store(true, Ordering::Relaxed);
        }
        job.is_some()
    }

    /// Tells all jobs to stop, because the server does.
    pub(crate) fn cancel_all(&self) {
        for job in self.lock().iter() {
            job.stop.store(true, Ordering::Relaxed);
        }
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Arc<Job>>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Job {
    fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_at_work(&self, subject: &str) -> bool {
        self.subject == subject && self.told().ended.is_none()
    }

    /// Notes how it ended.
    fn end(&self, outcome: Result<Value, EngineError>) {
        let at = (self.now)();
        let ended = match outcome {
            Ok(answer) => {
                // What a run found to be wrong is its answer, not an error of the job.
                let has_failed = answer.get("outcome").and_then(Value::as_str) == Some("failed");
                let state = if has_failed { JobState::Failed } else { JobState::Done };
                Ended { at, state, answer: Some(answer), why: None, fix: None }
            }
            Err(EngineError::Interrupted) => {
                Ended { at, state: JobState::Stopped, answer: None, why: None, fix: None }
            }
            Err(error) => Ended {
                at,
                state: JobState::Failed,
                answer: None,
                why: Some(causes(&error)),
                fix: error.fix(),
            },
        };
        let mut told = self.told();
        told.step = None;
        told.ended = Some(ended);
    }

    fn view(&self) -> JobView {
        let now = (self.now)();
        let told = self.told();
        let ended = told.ended.as_ref();
        let running =
            if self.stop.load(Ordering::Relaxed) { JobState::Stopping } else { JobState::Running };
        let line = |(at, text): &(i64, String)| JobLine { at: Instant(*at), text: text.clone() };
        JobView {
            id: self.id.clone(),
            kind: self.kind,
            subject: self.subject.clone(),
            who: self.who.clone(),
            started_at: Instant(self.started_at),
            finished_at: ended.map(|ended| Instant(ended.at)),
            state: ended.map_or(running, |ended| ended.state),
            step: told.step.as_ref().map(|step| step.view(now)),
            lines: told.lines.iter().map(line).collect(),
            lines_dropped: told.dropped,
            answer: ended.and_then(|ended| ended.answer.clone()),
            why: ended.and_then(|ended| ended.why.clone()),
            fix: ended.and_then(|ended| ended.fix.clone()),
        }
    }
}

impl Step {
    fn view(&self, now: i64) -> JobStep {
        let took = u64::try_from(now.saturating_sub(self.began_at)).unwrap_or_default();
        JobStep {
            title: self.title.clone(),
            done: self.done,
            of: self.of,
            unit: self.unit.clone(),
            rows: self.rows,
            seconds: took / 1_000_000,
            seconds_left: self.of.and_then(|of| left(self.done, of, took)),
        }
    }
}

/// Seconds that the rest takes when it goes on as it did, `took` microseconds.
fn left(done: u64, of: u64, took: u64) -> Option<u64> {
    // Of the first two seconds nothing can be told.
    if done == 0 || took < 2_000_000 {
        return None;
    }
    let rest = u128::from(of.saturating_sub(done)) * u128::from(took) / u128::from(done);
    u64::try_from(rest / 1_000_000).ok()
}

/// Notes that a job was cut off, should it end without a word.
struct Ending(Arc<Job>);

impl Drop for Ending {
    fn drop(&mut self) {
        if self.0.told().ended.is_none() {
            let why = Some("it was cut off by an error of Billhook itself".to_owned());
            let fix = Some("try again; the log has more".to_owned());
            let at = (self.0.now)();
            let ended = Ended { at, state: JobState::Failed, answer: None, why, fix };
            self.0.told().ended = Some(ended);
        }
    }
}

/// What a job tells by, and hears that it is to stop.
#[derive(Clone)]
pub(crate) struct JobHandle(Arc<Job>);

impl JobHandle {
    /// Tells a line.
    pub(crate) fn progress(&self, text: impl Into<String>) {
        let at = (self.0.now)();
        let mut told = self.0.told();
        if told.lines.len() >= LINES {
            told.lines.pop_front();
            told.dropped += 1;
        }
        told.lines.push_back((at, text.into()));
    }

    /// Tells how far it is: so much of so much.
    pub(crate) fn total(&self, done: u64, of: Option<u64>, unit: &str) {
        let now = (self.0.now)();
        let mut told = self.0.told();
        if let Some(step) = told.step.as_mut().filter(|step| step.unit == unit) {
            (step.done, step.of) = (done, of);
            return;
        }
        let (title, unit) = (String::new(), unit.to_owned());
        told.step = Some(Step { title, done, of, unit, rows: 0, began_at: now });
    }

    /// Set when it is to stop.
    pub(crate) fn stop_flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.0.stop)
    }

    /// Is ready when it is to stop.
    pub(crate) async fn stopped(&self) {
        while !self.0.stop.load(Ordering::Relaxed) {
            tokio::time::sleep(TICK).await;
        }
    }

    /// What an import tells its progress to.
    pub(crate) fn counter(&self) -> Arc<dyn Progress> {
        Arc::new(Counter(self.clone()))
    }
}

/// The progress of an import as that of a job.
struct Counter(JobHandle);

impl Progress for Counter {
    fn begin(&self, title: &str, bytes: u64) {
        let began_at = (self.0.0.now)();
        self.0.0.told().step = Some(Step {
            title: title.to_owned(),
            done: 0,
            of: Some(bytes),
            unit: "bytes".to_owned(),
            rows: 0,
            began_at,
        });
    }

    fn advance(&self, bytes: u64, rows: u64) {
        if let Some(step) = self.0.0.told().step.as_mut() {
            step.done = step.done.saturating_add(bytes);
            step.rows = step.rows.saturating_add(rows);
        }
    }

    fn end(&self) {
        self.0.0.told().step = None;
    }
}

#[cfg(test)]
mod tests;
