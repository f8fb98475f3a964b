//! Questions that may take long. A page waits a few seconds for an answer; then the question
//! becomes a run, which goes on when the page is closed, tells how far it is, and can be cancelled.
//!
//! Start at [`Asked`]. `crate::kept` has the questions that are under way, `crate::jobs` the runs.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::Json;
use axum::http::header::LOCATION;
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use billhook_lake::session::Reads;
use serde::Serialize;
use serde_json::Value;
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio::time::timeout;

use crate::app::App;
use crate::ask::Ask;
use crate::fail::Fail;
use crate::jobs::{JobHandle, JobId, NewQuestion, TICK, Undone};
use crate::kept::Question;

/// Addresses up to so many characters are carried along to a run.
const CARRIED: usize = 4_200;

/// Why a question has no answer.
pub(crate) trait Refusal: Clone + From<Fail> + Into<Fail> + Send + Sync + 'static {}

impl<E: Clone + From<Fail> + Into<Fail> + Send + Sync + 'static> Refusal for E {}

/// A question that was asked.
pub(crate) enum Asked<T, E = Fail> {
    /// The answer was there.
    Known(Arc<T>),
    /// Somebody is at it.
    UnderWay(Arc<Work<T, E>>),
}

/// What comes of a question within the time that a page waits.
pub(crate) enum Soon<T> {
    /// The answer.
    There(T),
    /// It goes on as this run.
    Later(JobId),
}

/// What is done with an answer that comes without its page.
pub(crate) type Done<T> = Box<dyn FnOnce(&JobId, &Arc<T>) + Send>;

/// What becomes of a question that goes on without its page.
pub(crate) struct Onward<T> {
    /// Where the answer will be.
    pub(crate) href: Box<dyn FnOnce(&JobId) -> String + Send>,
    /// What is done with the answer.
    pub(crate) done: Done<T>,
}

impl<T: 'static> Onward<T> {
    /// The page at that address asks again, and finds the answer.
    pub(crate) fn to(href: String) -> Self {
        Self { href: Box::new(move |_| href), done: Box::new(|_, _| {}) }
    }
}

/// The work on a question. It ends when nobody waits for it any more.
pub(crate) struct Work<T, E> {
    subject: String,
    asked_at: i64,
    outcome: watch::Receiver<Option<Result<Arc<T>, E>>>,
    reads: Arc<Reads>,
    task: AbortHandle,
    is_stopped: AtomicBool,
    /// The run that it has become.
    run: Mutex<Option<JobId>>,
}

impl<T, E> Drop for Work<T, E> {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl<T: Send + Sync + 'static, E: Refusal> Work<T, E> {
    /// Begins to work.
    pub(crate) fn begin(
        question: Question,
        reads: Arc<Reads>,
        work: impl Future<Output = Result<Arc<T>, E>> + Send + 'static,
    ) -> Arc<Self> {
        let (tell, outcome) = watch::channel(None);
        let task = tokio::spawn(async move {
            let outcome = work.await;
            tell.send(Some(outcome)).ok();
        });
        Arc::new(Self {
            subject: question.subject,
            asked_at: question.asked_at,
            outcome,
            reads,
            task: task.abort_handle(),
            is_stopped: AtomicBool::new(false),
            run: Mutex::default(),
        })
    }

    /// What comes of it.
    async fn outcome(&self) -> Result<Arc<T>, E> {
        let mut outcome = self.outcome.clone();
        let told = match outcome.wait_for(Option::is_some).await {
            Ok(told) => Option::clone(&told),
            Err(_) => None,
        };
        told.unwrap_or_else(|| Err(self.cut_off().into()))
    }

    /// Why there will be no outcome.
    fn cut_off(&self) -> Fail {
        if self.is_stopped.load(Ordering::Relaxed) {
            let why = "the question was cancelled while it was being answered";
            return Fail::new(StatusCode::CONFLICT, "This was cancelled", why, "Ask again.");
        }
        Fail::internal("a question was cut off")
    }

    fn stop(&self) {
        self.is_stopped.store(true, Ordering::Relaxed);
        self.task.abort();
    }

    /// Has it go on as a run, unless it does; `None` when there are too many.
    fn run(self: &Arc<Self>, app: &App, who: &str, onward: Onward<T>) -> Option<JobId> {
        let mut run = self.run.lock().unwrap_or_else(PoisonError::into_inner);
        if run.is_none() {
            let (own, limit) = (Arc::clone(self), app.config.statement_timeout);
            let new = NewQuestion {
                subject: self.subject.clone(),
                who: who.to_owned(),
                asked_at: self.asked_at,
                href: onward.href,
            };
            let done = onward.done;
            let work = move |job: JobHandle| async move { own.follow(&job, limit, done).await };
            *run = app.jobs.start_question(new, work);
        }
        run.clone()
    }

    /// Waits for the outcome as a run does: it tells how far it is, and stops when it is told to.
    async fn follow(
        &self,
        job: &JobHandle,
        limit: Duration,
        done: Done<T>,
    ) -> Result<Value, Undone> {
        let begun = Instant::now();
        loop {
            if self.reads.files() > 0 {
                job.reading(self.reads.done(), self.reads.files());
            }
            if job.is_stopped() {
                self.stop();
                return Err(Undone::Stopped);
            }
            if begun.elapsed() > limit {
                self.stop();
                return Err(late(limit, &self.reads).into());
            }
            match timeout(TICK, self.outcome()).await {
                Ok(Ok(answer)) => {
                    done(job.id(), &answer);
                    return Ok(Value::Null);
                }
                Ok(Err(refused)) => {
                    let fail: Fail = refused.into();
                    return Err(fail.into());
                }
                Err(_) => {}
            }
        }
    }
}

fn late(limit: Duration, reads: &Reads) -> Fail {
    let (limit, done, files) = (limit.as_secs(), reads.done(), reads.files());
    let why = format!("after {limit} s, {done} of {files} files were read");
    let fix = "Ask for a shorter period or fewer groups.";
    Fail::new(StatusCode::GATEWAY_TIMEOUT, "This took too long", why, fix)
}

impl<T: Clone + Send + Sync + 'static, E: Refusal> Asked<T, E> {
    /// The answer, however long it takes.
    ///
    /// # Errors
    /// Why there is none.
    pub(crate) async fn wait(self) -> Result<T, E> {
        match self {
            Self::Known(answer) => Ok(Arc::unwrap_or_clone(answer)),
            Self::UnderWay(work) => work.outcome().await.map(Arc::unwrap_or_clone),
        }
    }

    /// The answer, when it comes within the time that a page waits.
    ///
    /// # Errors
    /// Why there is none.
    pub(crate) async fn soon(self, app: &App, ask: &Ask, onward: Onward<T>) -> Result<Soon<T>, E> {
        self.within(app, ask, app.config.page_wait, onward).await
    }

    async fn within(
        self,
        app: &App,
        ask: &Ask,
        wait: Duration,
        onward: Onward<T>,
    ) -> Result<Soon<T>, E> {
        let work = match self {
            Self::Known(answer) => return Ok(Soon::There(Arc::unwrap_or_clone(answer))),
            Self::UnderWay(work) => work,
        };
        let wait = wait.min(app.config.request_timeout / 2);
        let within = if wait.is_zero() { None } else { timeout(wait, work.outcome()).await.ok() };
        let outcome = match within {
            Some(outcome) => outcome,
            None => match work.run(app, ask.name(), onward) {
                Some(run) => return Ok(Soon::Later(run)),
                None => work.outcome().await,
            },
        };
        outcome.map(Arc::unwrap_or_clone).map(Soon::There)
    }

    /// The answer for a program, which waits for it unless it prefers not to (RFC 7240).
    ///
    /// # Errors
    /// Why there is none.
    pub(crate) async fn json(self, app: &App, ask: &Ask, headers: &HeaderMap) -> Result<Response, E>
    where
        T: Serialize,
    {
        let Some(wait) = preferred(headers, app.config.page_wait) else {
            return Ok(Json(self.wait().await?).into_response());
        };
        let onward = Onward::to(ask.here().to_owned());
        let run = match self.within(app, ask, wait, onward).await? {
            Soon::There(answer) => return Ok(Json(answer).into_response()),
            Soon::Later(run) => run,
        };
        let applied = HeaderName::from_static("preference-applied");
        let headers =
            [(LOCATION, format!("/api/v1/jobs/{run}")), (applied, "respond-async".to_owned())];
        let job = app.jobs.get(run.as_str());
        Ok((StatusCode::ACCEPTED, headers, Json(job)).into_response())
    }
}

/// How long a program waits that would rather not; `None` for one that does.
fn preferred(headers: &HeaderMap, usual: Duration) -> Option<Duration> {
    let values = headers.get_all("prefer").iter().filter_map(|value| value.to_str().ok());
    let words: Vec<&str> = values
        .flat_map(|value| value.split(','))
        .filter_map(|word| word.split(';').next())
        .map(str::trim)
        .collect();
    if !words.iter().any(|word| word.eq_ignore_ascii_case("respond-async")) {
        return None;
    }
    let wait = words.iter().find_map(|word| {
        let (name, value) = word.split_once('=')?;
        let is_wait = name.trim_end().eq_ignore_ascii_case("wait");
        is_wait.then(|| value.trim().trim_matches('"').parse::<u64>().ok())?
    });
    Some(wait.map_or(usual, Duration::from_secs))
}

/// Marks the answer to a form that may be sent again, changed or not: it only asks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Repeatable;

/// Leads to the page of a run, from where it goes on to `back` or, without, to where its answer is.
pub(crate) fn led(run: &JobId, back: Option<&str>) -> Response {
    let back = back.filter(|back| back.len() <= CARRIED);
    let to = back.map_or_else(
        || format!("/runs/{run}"),
        |back| {
            let back: String = url::form_urlencoded::byte_serialize(back.as_bytes()).collect();
            format!("/runs/{run}?back={back}")
        },
    );
    Redirect::to(&to).into_response()
}

#[cfg(test)]
mod tests;
