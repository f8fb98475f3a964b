//! Looks at what a draft would connect: what there is, and whether everything works. Both are work
//! of their own, so that a page need not wait for AWS; nothing is written.

use std::sync::Arc;
use std::time::Duration;

use billhook_engine::onboarding::look::{self, Seen};
use billhook_engine::verify::{self, Check, DATA, Severity, Subject};
use billhook_engine::{EngineError, onboarding};
use billhook_registry::{Access, Health};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use super::{Kept, answers::Secrets, secrets};
use crate::api::findings::FindingAnswer;
use crate::app::App;
use crate::ask::Ask;
use crate::fail::Fail;
use crate::jobs::{JobHandle, JobView};
use crate::looks::Look;

/// A page waits so long for what is quick.
const PATIENCE: Duration = Duration::from_secs(5);

/// How often it looks meanwhile.
const TICK: Duration = Duration::from_millis(50);

/// Everything that is looked at of a draft, as far as it is known.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct DraftCheck {
    /// `healthy`, `waiting`, `degraded` or `broken`; nothing before the end.
    pub(crate) health: Option<&'static str>,
    /// Is it over?
    pub(crate) is_over: bool,
    /// Why it ended before its end.
    pub(crate) why: Option<String>,
    /// Microseconds that it took so far.
    pub(crate) took: i64,
    /// The checks in their order, all of them.
    pub(crate) rows: Vec<DraftCheckRow>,
}

/// A check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct DraftCheckRow {
    /// What is looked at.
    pub(crate) title: String,
    /// `passed`, `note`, `warning`, `waiting`, `error`, `skipped`, `pending` or `not_run`.
    pub(crate) state: &'static str,
    /// What was found out, or what it waits for.
    pub(crate) seen: String,
    /// What is not well.
    pub(crate) findings: Vec<FindingAnswer>,
}

impl DraftCheckRow {
    /// The state as one of pages.
    pub(crate) fn mark(&self) -> &'static str {
        match self.state {
            "passed" => "healthy",
            "warning" => "degraded",
            "error" => "broken",
            "waiting" | "pending" => "waiting",
            _ => "paused",
        }
    }

    /// The state in words.
    pub(crate) fn word(&self) -> &'static str {
        match self.state {
            "not_run" => "not run",
            "pending" => "under way",
            state => state,
        }
    }
}

impl DraftCheck {
    /// How many rows are so.
    pub(crate) fn count(&self, state: &str) -> usize {
        self.rows.iter().filter(|row| row.state == state).count()
    }

    /// May it be saved as it is? Waiting is no error.
    pub(crate) fn is_usable(&self) -> bool {
        self.health.is_some_and(|health| health != Health::Broken.as_str())
    }
}

/// Names the check of a draft, as long as place and credentials stay.
pub(crate) fn check_key(kept: &Kept) -> String {
    format!("check of draft {} {}", kept.draft.id, kept.answers.fingerprint())
}

fn look_key(kept: &Kept) -> String {
    format!("look of draft {} {}", kept.draft.id, kept.answers.fingerprint())
}

/// Begins to look at everything that the connection will need.
///
/// # Errors
/// When the control database fails.
pub(crate) async fn begin_check(
    app: &Arc<App>,
    ask: &Ask,
    kept: &Kept,
    may_pay: bool,
) -> Result<String, Fail> {
    let key = check_key(kept);
    if is_at_work(app, &key) {
        return Ok(key);
    }
    let access = access(app, kept).await?;
    let (kind, place) = (kept.answers.kind()?, kept.answers.place());
    let titles = {
        let s3 = app.runner.s3.clone();
        let location = place.as_deref();
        verify::titles(&Subject { kind, location, access: &access, s3, may_pay })
    };
    app.looks.begin(&key, titles);
    let (own, name) = (Arc::clone(app), key.clone());
    let begun =
        app.jobs.start("verify", key.clone(), ask.name().to_owned(), move |job| async move {
            let s3 = own.runner.s3.clone();
            let location = place.as_deref();
            let subject = Subject { kind, location, access: &access, s3, may_pay };
            let health = checking(&own, &name, &subject, &job).await?;
            Ok(json!({ "health": health.as_str() }))
        });
    app.looks.note(&key, |look| look.job = Some(begun));
    Ok(key)
}

/// Does somebody look?
fn is_at_work(app: &App, key: &str) -> bool {
    app.looks.get(key).is_some_and(|look| match &look.job {
        Some(id) => app.jobs.get(id.as_str()).is_some_and(|job| !job.is_over()),
        None => true,
    })
}

async fn checking(
    app: &App,
    key: &str,
    subject: &Subject<'_>,
    job: &JobHandle,
) -> Result<Health, EngineError> {
    let of = u64::try_from(verify::titles(subject).len()).ok();
    let mut done = 0;
    let mut hear = |check: &Check| {
        done += 1;
        job.total(done, of, "checks");
        job.progress(format!("{}: {}", check.title, state_of(check)));
        app.looks.note(key, |look| look.checks.push(check.clone()));
    };
    let verdict = tokio::select! {
        verdict = verify::verify_heard(subject, &[], &mut hear) => verdict?,
        () = job.stopped() => return Err(EngineError::Interrupted),
    };
    app.looks.note(key, |look| look.health = Some(verdict.health));
    Ok(verdict.health)
}

/// The check of a draft, as far as it is; `None` when nobody has looked since place or credentials
/// were changed.
pub(crate) fn checked(app: &App, kept: &Kept) -> Option<DraftCheck> {
    let key = check_key(kept);
    let look = app.looks.get(&key)?;
    let job = look.job.as_ref().and_then(|id| app.jobs.get(id.as_str()));
    let is_over = !is_at_work(app, &key);
    Some(told(&look, job.as_ref(), is_over, app.now()))
}

/// What was found so far, for people.
fn told(look: &Look, job: Option<&JobView>, is_over: bool, now: i64) -> DraftCheck {
    let mut rows = Vec::new();
    let stopped = look.checks.iter().find(|check| is_stopped(check));
    for title in &look.titles {
        let mut own = look.checks.iter().filter(|check| check.title == *title).peekable();
        if own.peek().is_none() {
            let (state, seen) = match (is_over, stopped) {
                (false, _) => ("pending", String::new()),
                (true, Some(first)) => ("not_run", format!("needs \"{}\"", first.title)),
                (true, None) => ("not_run", "nothing to look at".to_owned()),
            };
            let title = (*title).to_owned();
            rows.push(DraftCheckRow { title, state, seen, findings: Vec::new() });
        }
        rows.extend(own.map(row));
    }
    let others = look
        .checks
        .iter()
        .filter(|check| !look.titles.contains(&check.title) && check.title != DATA);
    rows.extend(others.map(row));
    let took = job.map(|job| {
        let end = job.finished_at.map_or(now, |at| at.0);
        end.saturating_sub(job.started_at.0)
    });
    DraftCheck {
        health: look.health.map(Health::as_str),
        is_over,
        why: job.and_then(|job| job.why.clone()),
        took: took.unwrap_or_default(),
        rows,
    }
}

fn row(check: &Check) -> DraftCheckRow {
    DraftCheckRow {
        title: check.title.to_owned(),
        state: state_of(check),
        seen: check.seen.clone(),
        findings: FindingAnswer::all(&json!(check.findings)),
    }
}

fn state_of(check: &Check) -> &'static str {
    let worst = check.findings.iter().map(|finding| finding.severity).max();
    match worst {
        Some(Severity::Error) => "error",
        Some(Severity::Waiting) => "waiting",
        Some(Severity::Warning) => "warning",
        Some(Severity::Note) => "note",
        None if check.is_skipped => "skipped",
        None => "passed",
    }
}

fn is_stopped(check: &Check) -> bool {
    check.findings.iter().any(|finding| finding.severity >= Severity::Waiting)
}

/// What there is to connect; begins to look when nobody has since place or credentials were
/// changed. `None` while it goes on.
///
/// # Errors
/// When the control database fails.
pub(crate) async fn found(
    app: &Arc<App>,
    ask: &Ask,
    kept: &Kept,
    again: bool,
) -> Result<Option<Seen>, Fail> {
    let key = look_key(kept);
    let is_known = || app.looks.get(&key).is_some_and(|look| look.seen.is_some());
    if !is_at_work(app, &key) && (again || !is_known()) {
        let access = access(app, kept).await?;
        let (kind, place) = (kept.answers.kind()?, kept.answers.typed());
        app.looks.begin(&key, Vec::new());
        let (own, name) = (Arc::clone(app), key.clone());
        let begun =
            app.jobs.start("look", key.clone(), ask.name().to_owned(), move |job| async move {
                let s3 = own.runner.s3.clone();
                let seen = tokio::select! {
                    seen = look::look(kind, place.as_deref(), &access, &s3) => seen,
                    () = job.stopped() => return Err(EngineError::Interrupted),
                };
                own.looks.note(&name, |look| look.seen = Some(seen));
                Ok(json!(null))
            });
        app.looks.note(&key, |look| look.job = Some(begun));
    }
    settle(app, &key, ask).await;
    Ok(app.looks.get(&key).and_then(|look| look.seen))
}

/// Waits a little for work that may be quick; not for a part of a page, which is asked for again.
pub(crate) async fn settle(app: &App, key: &str, ask: &Ask) {
    if ask.fragment().is_some() {
        return;
    }
    let over = async {
        while is_at_work(app, key) {
            tokio::time::sleep(TICK).await;
        }
    };
    // What takes longer is told as far as it is.
    tokio::time::timeout(PATIENCE, over).await.ok();
}

/// Looks up who a role would have to trust, when nobody has said it.
///
/// # Errors
/// When the control database fails.
pub(crate) async fn trusted(
    app: &App,
    kept: &Kept,
    typed: &Secrets,
) -> Result<Option<String>, Fail> {
    let mut all = secrets(app, kept).await?;
    all.extend(typed.iter().map(|(field, secret)| (field.clone(), secret.clone())));
    let access = kept.answers.base_access(&all, &app.runner.s3);
    let identity = Box::pin(onboarding::who(&access)).await;
    Ok(identity.as_ref().map(onboarding::trusted))
}

/// Credentials of a draft, opened.
///
/// # Errors
/// When the control database fails, or secrets do not open.
pub(crate) async fn access(app: &App, kept: &Kept) -> Result<Access, Fail> {
    let secrets = secrets(app, kept).await?;
    Ok(kept.answers.access(&secrets, &app.runner.s3))
}
