//! What can be done to a connection: look at it, load from it, pause it, change it, remove it.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::response::{IntoResponse, Response};
use billhook_engine::EngineError;
use billhook_engine::error::causes;
use billhook_engine::import::{Fate, Imported};
use billhook_engine::sync::{Done, Heard, Ran, Runner, due};
use billhook_engine::verify::Check;
use billhook_registry::{Connection, ConnectionName, Outcome, Schedule};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::credentials::{self, WantedAccess};
use super::find;
use crate::api::{jobs, told};
use crate::app::App;
use crate::ask::Ask;
use crate::fail::Fail;
use crate::format;
use crate::jobs::{JobHandle, JobId, JobView};
use crate::routes::{Need, Route, delete, post, put};

/// The ways in.
pub(super) fn routes() -> Vec<Route> {
    vec![
        post("/api/v1/connections/{name}/check", Need::Admin, check),
        post("/api/v1/connections/{name}/sync", Need::Admin, sync),
        post("/api/v1/connections/{name}/pause", Need::Admin, pause),
        post("/api/v1/connections/{name}/resume", Need::Admin, resume),
        put("/api/v1/connections/{name}/name", Need::Admin, rename),
        put("/api/v1/connections/{name}/schedule", Need::Admin, schedule),
        put("/api/v1/connections/{name}/credentials", Need::Admin, credentials),
        delete("/api/v1/connections/{name}", Need::Admin, remove),
    ]
}

/// The other name that is wanted.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WantedName {
    /// Lowercase letters, digits and dashes.
    pub(crate) name: String,
}

/// The other schedule that is wanted.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WantedSchedule {
    /// `every 4h`, `daily 06:00 Europe/Berlin`, `manual`.
    pub(crate) schedule: String,
}

/// Begins to look at everything that a connection needs.
///
/// # Errors
/// When there is no such connection. The inner one is the work that keeps it from being done.
pub(crate) async fn begin_check(
    app: &Arc<App>,
    ask: &Ask,
    name: &str,
) -> Result<Result<JobId, JobId>, Fail> {
    let connection = find(app, name).await?;
    let (name, who) = (connection.name.to_string(), ask.name().to_owned());
    let (own, by) = (Arc::clone(app), who.clone());
    let begun = app
        .jobs
        .start_alone("check", name.clone(), who, move |job| checking(own, connection, by, job));
    if begun.is_ok() {
        app.note(ask, "connection.check_started", &name, None, None).await?;
    }
    Ok(begun)
}

/// Begins to bring a connection up to date.
///
/// # Errors
/// As [`begin_check`].
pub(crate) async fn begin_sync(
    app: &Arc<App>,
    ask: &Ask,
    name: &str,
) -> Result<Result<JobId, JobId>, Fail> {
    let connection = find(app, name).await?;
    let (name, who) = (connection.name.to_string(), ask.name().to_owned());
    let (own, by) = (Arc::clone(app), who.clone());
    let begun = app
        .jobs
        .start_alone("sync", name.clone(), who, move |job| syncing(own, connection, by, job));
    if begun.is_ok() {
        app.note(ask, "connection.sync_started", &name, None, None).await?;
    }
    Ok(begun)
}

/// The runner of a job: it stops when the job is to, and tells the job how far it is.
fn runner_of(app: &App, job: &JobHandle) -> Runner {
    let mut runner = app.runner.clone();
    runner.options.stop = job.stop_flag();
    runner.options.progress = job.counter();
    runner
}

async fn checking(
    app: Arc<App>,
    connection: Connection,
    who: String,
    job: JobHandle,
) -> Result<Value, EngineError> {
    let mut done = 0;
    job.total(done, None, "checks");
    let runner = runner_of(&app, &job);
    let mut hear = |check: &Check| {
        done += 1;
        job.total(done, None, "checks");
        tell(&job, check);
    };
    let check = Box::pin(runner.check(&connection, &who, false, &mut hear));
    let checked = tokio::select! {
        checked = check => checked?,
        () = job.stopped() => return Err(EngineError::Interrupted),
    };
    app.forget_pulse().await;
    let name = &connection.name;
    Ok(json!({
        "health": checked.verdict.health,
        "findings": checked.verdict.findings().collect::<Vec<_>>(),
        "run": checked.run.number(),
        "href": format!("/connections/{name}/checks/{}", checked.run.number()),
    }))
}

/// Tells what was found out.
fn tell(job: &JobHandle, check: &Check) {
    if check.findings.is_empty() {
        let word = if check.is_skipped { "not run" } else { "ok" };
        job.progress(format!("{word}: {}: {}", check.title, check.seen));
    }
    for finding in &check.findings {
        job.progress(format!("{}: {} ({})", check.title, finding.seen, finding.code));
    }
}

/// Brings a connection up to date; the work of a job.
///
/// # Errors
/// When somebody else is at work on it, when it was stopped, or the control database fails.
pub(crate) async fn syncing(
    app: Arc<App>,
    connection: Connection,
    who: String,
    job: JobHandle,
) -> Result<Value, EngineError> {
    let runner = runner_of(&app, &job);
    let mut hear = |heard: &Heard<'_>| match heard {
        Heard::Begins => job.progress("Looking for deliveries"),
        Heard::Waits(who) => {
            let who = if who.is_empty() { "another process" } else { *who };
            job.progress(format!("Waiting for {who}, which is writing to the lake"));
        }
        Heard::Delivery(one) => job.progress(line_of(one)),
    };
    let done = Box::pin(runner.run(&connection, &who, &mut hear)).await;
    app.forget_pulse().await;
    match done? {
        Done::Ran(ran) if ran.outcome == Outcome::Stopped => Err(EngineError::Interrupted),
        Done::Ran(ran) => Ok(outcome_of(&connection, &ran)),
        Done::Held { holder, since } => {
            let since = since.map(|since| format!(" since {}", format::instant(since)));
            Err(EngineError::Nothing(format!(
                "{holder} is at work on {}{}; what it loads is seen here, too",
                connection.name,
                since.unwrap_or_default()
            )))
        }
    }
}

/// What came of a run.
fn outcome_of(connection: &Connection, ran: &Ran) -> Value {
    json!({
        "outcome": ran.outcome,
        "health": ran.health,
        "findings": ran.findings,
        "deliveries": ran.imported.len(),
        "loaded": ran.loaded().collect::<Vec<_>>(),
        "href": format!("/connections/{}", connection.name),
    })
}

/// The fate of a delivery, in a line.
fn line_of(one: &Imported) -> String {
    let month = format::month(&one.period);
    match &one.fate {
        Fate::Loaded { record, changes } => {
            let verb = if record.previous.is_some() { "restated" } else { "loaded" };
            let lines = format::grouped(record.line_items);
            let changes = u64::try_from(*changes).unwrap_or(u64::MAX);
            format!("{month}: {verb}, {lines} lines, {} changes", format::grouped(changes))
        }
        Fate::Unchanged => format!("{month}: same figures as before"),
        Fate::Waiting(why) => format!("{month}: AWS is not done yet: {why}"),
        Fate::Empty(why) => format!("{month}: empty: {why}"),
        Fate::Failed(EngineError::Interrupted) => {
            format!("{month}: stopped; nothing of it is stored")
        }
        Fate::Failed(error) => {
            format!("{month}: refused, the lake still holds what was there: {}", causes(error))
        }
    }
}

/// Pauses a connection, or ends its pause.
///
/// # Errors
/// When there is no such connection; when the control database fails.
pub(crate) async fn set_paused(
    app: &App,
    ask: &Ask,
    name: &str,
    is_paused: bool,
) -> Result<(), Fail> {
    let connection = find(app, name).await?;
    if connection.paused_since.is_some() == is_paused {
        return Ok(());
    }
    let (id, now) = (connection.id, app.now());
    app.ask_registry(
        move |registry| {
            if is_paused { registry.pause(&id, now) } else { registry.resume(&id) }
        },
    )
    .await?;
    let action = if is_paused { "connection.paused" } else { "connection.resumed" };
    let states = (json!({ "paused": !is_paused }), json!({ "paused": is_paused }));
    app.note(ask, action, connection.name.as_str(), Some(states.0), Some(states.1)).await?;
    app.forget_pulse().await;
    Ok(())
}

/// Gives a connection another name. What it loaded keeps the old one.
///
/// # Errors
/// When it is no name, or taken; when something is at work on the connection.
pub(crate) async fn set_name(app: &App, ask: &Ask, name: &str, to: &str) -> Result<(), Fail> {
    let connection = find(app, name).await?;
    let to: ConnectionName = to.trim().parse()?;
    if to == connection.name {
        return Ok(());
    }
    if ["new", "drafts"].contains(&to.as_str()) {
        return Err(Fail::unusable(format!("{to} is the name of a page: choose another one")));
    }
    is_idle(app, connection.name.as_str())?;
    let (id, new) = (connection.id, to.clone());
    app.ask_registry(move |registry| registry.rename(&id, &new)).await?;
    let (before, after) = (json!({ "name": connection.name }), json!({ "name": to }));
    let subject = connection.name.as_str();
    app.note(ask, "connection.renamed", subject, Some(before), Some(after)).await?;
    app.forget_pulse().await;
    Ok(())
}

/// Changes when a connection is looked at.
///
/// # Errors
/// When the text is no schedule, or names a time zone that there is not.
pub(crate) async fn set_schedule(app: &App, ask: &Ask, name: &str, text: &str) -> Result<(), Fail> {
    let connection = find(app, name).await?;
    let schedule: Schedule = text.trim().parse()?;
    due::check(&schedule).map_err(|error| Fail::unusable(error.to_string()))?;
    let (id, new) = (connection.id, schedule.clone());
    app.ask_registry(move |registry| registry.set_schedule(&id, new)).await?;
    let before = json!({ "schedule": connection.schedule });
    let after = json!({ "schedule": schedule });
    let subject = connection.name.as_str();
    app.note(ask, "connection.scheduled", subject, Some(before), Some(after)).await?;
    app.forget_pulse().await;
    Ok(())
}

/// Replaces the credentials of a connection.
///
/// # Errors
/// When something is missing or not well formed; when they cannot be sealed.
pub(crate) async fn set_credentials(
    app: &App,
    ask: &Ask,
    name: &str,
    wanted: WantedAccess,
) -> Result<(), Fail> {
    let connection = find(app, name).await?;
    let access = credentials::understood(wanted, &connection.access)?.map_err(|wrong| {
        let texts: Vec<String> = wrong.into_iter().map(|wrong| wrong.text).collect();
        Fail::unusable(texts.join("; "))
    })?;
    let id = connection.id;
    app.ask_registry(move |registry| registry.set_access(&id, access)).await?;
    let after = find(app, name).await?;
    let before = json!(connection.access);
    let after = credentials::changed(json!(after.access));
    let (subject, action) = (connection.name.as_str(), "connection.credentials_replaced");
    app.note(ask, action, subject, Some(before), Some(after)).await?;
    app.forget_pulse().await;
    Ok(())
}

/// Removes a connection with its secrets, runs and health. What it loaded stays in the lake.
///
/// # Errors
/// When there is no such connection; when the control database fails.
pub(crate) async fn take_away(app: &App, ask: &Ask, name: &str) -> Result<(), Fail> {
    let connection = find(app, name).await?;
    let subject = connection.name.to_string();
    if let Some(job) = app.jobs.at_work(&subject) {
        app.jobs.cancel(job.id.as_str());
    }
    let before = json!({
        "kind": connection.kind,
        "location": connection.location,
        "payer": connection.payer,
        "schedule": connection.schedule,
    });
    let id = connection.id;
    app.ask_registry(move |registry| registry.remove(&id)).await?;
    app.note(ask, "connection.removed", &subject, Some(before), None).await?;
    app.forget_pulse().await;
    Ok(())
}

/// Refuses while something is at work on a connection.
fn is_idle(app: &App, name: &str) -> Result<(), Fail> {
    app.jobs.at_work(name).map_or(Ok(()), |job| Err(busy(name, &job.id)))
}

fn busy(name: &str, job: &JobId) -> Fail {
    let why = format!("something is at work on {name} already");
    let fix = "Wait until it is done, or cancel it.";
    let fail = Fail::conflict(why, fix).linked("See how far it is", format!("/runs/{job}"));
    Fail { title: "This connection is busy".to_owned(), ..fail }
}

/// Work that was begun: where it is, and how it is.
fn begun(app: &App, name: &str, begun: Result<JobId, JobId>) -> Result<Response, Fail> {
    let id = begun.map_err(|busy_with| busy(name, &busy_with))?;
    let view: JobView = jobs::answer(app, id.as_str())?;
    let headers = [(LOCATION, format!("/api/v1/jobs/{id}"))];
    Ok((StatusCode::ACCEPTED, headers, Json(view)).into_response())
}

/// Looks at everything that a connection needs. Nothing is loaded.
#[utoipa::path(
    post,
    path = "/api/v1/connections/{name}/check",
    tag = "connections",
    params(("name" = String, Path, description = "Its name")),
    responses(
        (status = 202, description = "It has begun", body = JobView),
        (status = 404, description = "There is no such connection"),
        (status = 409, description = "Something is at work on it")
    )
)]
pub(super) async fn check(
    State(app): State<Arc<App>>,
    ask: Ask,
    Path(name): Path<String>,
) -> Result<Response, Fail> {
    let job = begin_check(&app, &ask, &name).await?;
    begun(&app, &name, job)
}

/// Brings a connection up to date.
#[utoipa::path(
    post,
    path = "/api/v1/connections/{name}/sync",
    tag = "connections",
    params(("name" = String, Path, description = "Its name")),
    responses(
        (status = 202, description = "It has begun", body = JobView),
        (status = 404, description = "There is no such connection"),
        (status = 409, description = "Something is at work on it")
    )
)]
pub(super) async fn sync(
    State(app): State<Arc<App>>,
    ask: Ask,
    Path(name): Path<String>,
) -> Result<Response, Fail> {
    let job = begin_sync(&app, &ask, &name).await?;
    begun(&app, &name, job)
}

/// Leaves a connection out until it is resumed.
#[utoipa::path(
    post,
    path = "/api/v1/connections/{name}/pause",
    tag = "connections",
    params(("name" = String, Path, description = "Its name")),
    responses(
        (status = 204, description = "It is paused"),
        (status = 404, description = "There is no such connection")
    )
)]
pub(super) async fn pause(
    State(app): State<Arc<App>>,
    ask: Ask,
    Path(name): Path<String>,
) -> Result<StatusCode, Fail> {
    set_paused(&app, &ask, &name, true).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Ends the pause of a connection.
#[utoipa::path(
    post,
    path = "/api/v1/connections/{name}/resume",
    tag = "connections",
    params(("name" = String, Path, description = "Its name")),
    responses(
        (status = 204, description = "It goes on"),
        (status = 404, description = "There is no such connection")
    )
)]
pub(super) async fn resume(
    State(app): State<Arc<App>>,
    ask: Ask,
    Path(name): Path<String>,
) -> Result<StatusCode, Fail> {
    set_paused(&app, &ask, &name, false).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Gives a connection another name. What it loaded keeps the old one.
#[utoipa::path(
    put,
    path = "/api/v1/connections/{name}/name",
    tag = "connections",
    params(("name" = String, Path, description = "Its name")),
    request_body = WantedName,
    responses(
        (status = 204, description = "It has the new name"),
        (status = 404, description = "There is no such connection"),
        (status = 409, description = "Something is at work on it"),
        (status = 422, description = "It is no name, or another connection has it")
    )
)]
pub(super) async fn rename(
    State(app): State<Arc<App>>,
    ask: Ask,
    Path(name): Path<String>,
    bytes: Bytes,
) -> Result<StatusCode, Fail> {
    let wanted: WantedName = told::read(&bytes)?;
    set_name(&app, &ask, &name, &wanted.name).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Changes when a connection is looked at.
#[utoipa::path(
    put,
    path = "/api/v1/connections/{name}/schedule",
    tag = "connections",
    params(("name" = String, Path, description = "Its name")),
    request_body = WantedSchedule,
    responses(
        (status = 204, description = "It has the new schedule"),
        (status = 404, description = "There is no such connection"),
        (status = 422, description = "It is no schedule")
    )
)]
pub(super) async fn schedule(
    State(app): State<Arc<App>>,
    ask: Ask,
    Path(name): Path<String>,
    bytes: Bytes,
) -> Result<StatusCode, Fail> {
    let wanted: WantedSchedule = told::read(&bytes)?;
    set_schedule(&app, &ask, &name, &wanted.schedule).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Replaces the credentials of a connection. They are never told.
#[utoipa::path(
    put,
    path = "/api/v1/connections/{name}/credentials",
    tag = "connections",
    params(("name" = String, Path, description = "Its name")),
    request_body = WantedAccess,
    responses(
        (status = 204, description = "It has the new credentials"),
        (status = 404, description = "There is no such connection"),
        (status = 422, description = "Something is missing or not well formed")
    )
)]
pub(super) async fn credentials(
    State(app): State<Arc<App>>,
    ask: Ask,
    Path(name): Path<String>,
    bytes: Bytes,
) -> Result<StatusCode, Fail> {
    let wanted: WantedAccess = told::read(&bytes)?;
    set_credentials(&app, &ask, &name, wanted).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Removes a connection. What it loaded stays in the lake.
#[utoipa::path(
    delete,
    path = "/api/v1/connections/{name}",
    tag = "connections",
    params(("name" = String, Path, description = "Its name")),
    responses(
        (status = 204, description = "It is removed"),
        (status = 404, description = "There is no such connection")
    )
)]
pub(super) async fn remove(
    State(app): State<Arc<App>>,
    ask: Ask,
    Path(name): Path<String>,
) -> Result<StatusCode, Fail> {
    take_away(&app, &ask, &name).await?;
    Ok(StatusCode::NO_CONTENT)
}
