//! Work that takes longer than a request: it goes on when the page is closed, tells how far it is,
//! and can be stopped.
//!
//! Jobs live as long as the process. What they do to connections is in the control database.

mod view;

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use billhook_engine::EngineError;
use billhook_engine::error::causes;
use billhook_engine::ingest::Progress;
use serde_json::Value;
use tokio::runtime::Handle;
use tokio::task::spawn_blocking;

use crate::api::Instant;
use crate::fail::Fail;
use crate::guard;

pub(crate) use view::{JobId, JobLine, JobState, JobStep, JobView};

/// Jobs that are over and still remembered.
const KEPT: usize = 200;

/// Lines that a job keeps; of more, the last ones.
const LINES: usize = 500;

/// Questions that are at work as jobs, at most.
const QUESTIONS: usize = 16;

/// How soon a job hears that it is to stop.
pub(crate) const TICK: Duration = Duration::from_millis(200);

/// What questions are called among jobs.
pub(crate) const QUESTION: &str = "question";

/// Why some work has no outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Undone {
    /// It was stopped.
    Stopped,
    /// It failed.
    Failed {
        /// Why.
        why: String,
        /// What to do about it.
        fix: Option<String>,
    },
}

impl From<EngineError> for Undone {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::Interrupted => Self::Stopped,
            error => Self::Failed { why: causes(&error), fix: error.fix() },
        }
    }
}

impl From<Fail> for Undone {
    fn from(fail: Fail) -> Self {
        let why = guard::public(&fail).to_owned();
        Self::Failed { why, fix: Some(fail.fix).filter(|fix| !fix.is_empty()) }
    }
}

/// A question that is to go on as a job.
pub(crate) struct NewQuestion {
    /// What is asked, for people: `Costs by ServiceName`.
    pub(crate) subject: String,
    /// Who asked first.
    pub(crate) who: String,
    /// When, microseconds since 1970 UTC.
    pub(crate) asked_at: i64,
    /// Where the answer will be.
    pub(crate) href: Box<dyn FnOnce(&JobId) -> String + Send>,
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
    href: Option<String>,
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
        begin(&mut all, self.job(kind, subject, who), work)
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
        Ok(begin(&mut all, self.job(kind, subject, who), work))
    }

    /// Starts a job that goes on with a question; `None` when enough of them are at work.
    pub(crate) fn start_question<W, F>(&self, new: NewQuestion, work: W) -> Option<JobId>
    where
        W: FnOnce(JobHandle) -> F + Send + 'static,
        F: Future<Output = Result<Value, Undone>>,
    {
        let mut all = self.lock();
        let is_at_work = |job: &&Arc<Job>| job.kind == QUESTION && job.told().ended.is_none();
        if all.iter().filter(is_at_work).count() >= QUESTIONS {
            return None;
        }
        let NewQuestion { subject, who, asked_at, href } = new;
        let mut job = self.job(QUESTION, subject, who);
        job.started_at = asked_at;
        job.href = Some(href(&job.id));
        Some(begin(&mut all, job, work))
    }

    /// A job that has not begun.
    fn job(&self, kind: &'static str, subject: String, who: String) -> Job {
        let started_at = (self.now)();
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        Job {
            // Not that of another job, nor of an earlier process.
            id: JobId(format!("{started_at:x}-{number}")),
            kind,
            subject,
            who,
            started_at,
            href: None,
            stop: Arc::default(),
            now: self.now,
            told: Mutex::default(),
        }
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

/// Puts a job beside the others, and has it done.
fn begin<W, F, E>(all: &mut VecDeque<Arc<Job>>, job: Job, work: W) -> JobId
where
    W: FnOnce(JobHandle) -> F + Send + 'static,
    F: Future<Output = Result<Value, E>>,
    E: Into<Undone>,
{
    let job = Arc::new(job);
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
        ending.0.end(outcome.map_err(E::into));
    }));
    id
}

impl Job {
    fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_at_work(&self, subject: &str) -> bool {
        self.subject == subject && self.told().ended.is_none()
    }

    /// Notes how it ended.
    fn end(&self, outcome: Result<Value, Undone>) {
        let at = (self.now)();
        let ended = match outcome {
            Ok(answer) => {
                // What a run found to be wrong is its answer, not an error of the job.
                let has_failed = answer.get("outcome").and_then(Value::as_str) == Some("failed");
                let state = if has_failed { JobState::Failed } else { JobState::Done };
                Ended { at, state, answer: Some(answer), why: None, fix: None }
            }
            Err(Undone::Stopped) => {
                Ended { at, state: JobState::Stopped, answer: None, why: None, fix: None }
            }
            Err(Undone::Failed { why, fix }) => {
                Ended { at, state: JobState::Failed, answer: None, why: Some(why), fix }
            }
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
            href: self.href.clone(),
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

    /// Tells how many files a question has read, of how many that are known to be read.
    pub(crate) fn reading(&self, done: u64, of: u64) {
        let mut told = self.0.told();
        let began_at = self.0.started_at;
        let (title, unit, rows) = (String::new(), "files".to_owned(), 0);
        told.step = Some(Step { title, done, of: Some(of), unit, rows, began_at });
    }

    /// Its id.
    pub(crate) fn id(&self) -> &JobId {
        &self.0.id
    }

    /// Was it told to stop?
    pub(crate) fn is_stopped(&self) -> bool {
        self.0.stop.load(Ordering::Relaxed)
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
