//! Sinks: where events are sent, how each is, and what is done to it.
//!
//! `lag` counts what waits, `letters` has what would not be taken, `make` adds a sink, `change`
//! changes one.

mod change;
mod lag;
mod letters;
mod make;
mod replay;
mod sent;

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use billhook_engine::sql_names::near;
use billhook_engine::{EngineError, publish};
use billhook_registry::SinkRecord;
use billhook_stream::deliver::Place;
use billhook_stream::settings::{Granularity, SinkSettings, Target};
use serde::Serialize;
use serde_json::{Value, json};
use tokio::runtime::Handle;
use tokio::task::spawn_blocking;
use utoipa::{OpenApi, ToSchema};

use super::told;
use super::{Instant, Page};
use crate::app::App;
use crate::ask::Ask;
use crate::fail::Fail;
use crate::jobs::JobId;
use crate::routes::{Need, Route, delete, get, post};

#[cfg(test)]
pub(crate) use change::merged;
pub(crate) use change::{SinkToChange, change};
pub(crate) use lag::Lags;
pub(crate) use letters::{DeadEvent, drop_letter, letters, send_again};
pub(crate) use make::{SinkToAdd, create, setting, unreadable};
pub(crate) use replay::{preview, replay};
pub(crate) use sent::{AttemptView, EventName, attempts, last_attempt, pending};

/// All ways in.
pub(crate) fn routes() -> Vec<Route> {
    let mut routes = vec![
        get("/api/v1/sinks", Need::Viewer, sinks_call),
        post("/api/v1/sinks", Need::Admin, add_sink_call),
        get("/api/v1/sinks/{name}", Need::Viewer, sink_call),
        delete("/api/v1/sinks/{name}", Need::Admin, remove_sink_call),
        post("/api/v1/sinks/{name}/pause", Need::Admin, pause_sink_call),
        post("/api/v1/sinks/{name}/resume", Need::Admin, resume_sink_call),
        post("/api/v1/sinks/{name}/test", Need::Admin, test_sink_call),
    ];
    routes.extend(change::routes());
    routes.extend(letters::routes());
    routes.extend(replay::routes());
    routes.extend(sent::routes());
    routes
}

/// A sink, as it is now.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct SinkView {
    /// Its name.
    pub(crate) name: String,
    /// `http`, `nats`, `kafka`, `eventbridge`, `sqs`, `sns`, `file` or `stdout`.
    pub(crate) kind: &'static str,
    /// Where it sends to; of a web address viewers see the host alone.
    pub(crate) target: String,
    /// What it is told, in words.
    pub(crate) what: String,
    /// `new`, `ok`, `retrying`, `broken` or `paused`.
    pub(crate) state: String,
    /// Why it is not well.
    pub(crate) reason: Option<String>,
    /// How often it was tried in a row.
    pub(crate) attempts: Option<i64>,
    /// Since when it is in this state.
    pub(crate) since: Option<Instant>,
    /// When it is tried again.
    pub(crate) next_try: Option<Instant>,
    /// Events that wait; nothing while that is not known.
    pub(crate) behind: Option<u64>,
    /// Are there more than that?
    pub(crate) behind_is_more: bool,
    /// When the oldest of them happened.
    pub(crate) oldest: Option<Instant>,
    /// Events that it would not take.
    pub(crate) dead_letters: i64,
    /// The version of the lake up to which it was told everything.
    pub(crate) position: i64,
    /// The newest version.
    pub(crate) newest: i64,
    /// When its position last moved.
    pub(crate) moved_at: Option<Instant>,
    /// Since when it is paused.
    pub(crate) paused_since: Option<Instant>,
    /// When it was added.
    pub(crate) created_at: Instant,
    /// When it was last changed, or was added.
    pub(crate) changed_at: Instant,
    /// The same as a number, to be sent along with a change.
    pub(crate) seen: i64,
    /// Its settings, without secrets; for admins.
    pub(crate) settings: Option<Value>,
    /// Names of its secrets.
    pub(crate) secrets: Vec<String>,
}

impl SinkView {
    /// The state as pages mark it.
    pub(crate) fn mark(&self) -> &'static str {
        match self.state.as_str() {
            "ok" => "healthy",
            "retrying" => "degraded",
            "broken" => "broken",
            "paused" => "paused",
            _ => "waiting",
        }
    }

    /// The state in a word.
    pub(crate) fn word(&self) -> &str {
        match self.state.as_str() {
            "ok" => "delivering",
            "new" => "nothing sent yet",
            other => other,
        }
    }
}

/// All sinks by name.
///
/// # Errors
/// When the control database fails.
pub(crate) async fn all(app: &App, ask: &Ask) -> Result<Vec<SinkView>, Fail> {
    let (sinks, newest) = app.ask_registry(|own| Ok((own.sinks()?, own.last_position()?))).await?;
    let mut views = Vec::with_capacity(sinks.len());
    for sink in sinks {
        views.push(view(app, ask, sink, newest).await);
    }
    Ok(views)
}

/// One sink.
///
/// # Errors
/// When there is none of that name.
pub(crate) async fn one(app: &App, ask: &Ask, name: &str) -> Result<SinkView, Fail> {
    let sink = find(app, name).await?;
    let newest = app.ask_registry(billhook_registry::Registry::last_position).await?;
    Ok(view(app, ask, sink, newest).await)
}

async fn view(app: &App, ask: &Ask, sink: SinkRecord, newest: i64) -> SinkView {
    let (position, index) = sink.cursor;
    let settings = publish::settings_of(&sink).ok();
    let lag = match settings.clone() {
        Some(settings) => app.lag(sink.id.as_str(), settings, Place { position, index }).await,
        None => None,
    };
    let state = match (sink.paused_since, sink.state["state"].as_str()) {
        (Some(_), _) => "paused",
        (None, Some(state)) => state,
        (None, None) => "new",
    };
    let unknown = "its settings are those of another version of Billhook".to_owned();
    let said = sink.state["reason"].as_str().map(str::to_owned);
    SinkView {
        kind: settings.as_ref().map_or("", |settings| settings.target.kind()),
        target: settings.as_ref().map_or_else(String::new, |own| target(own, ask.is_admin())),
        what: settings.as_ref().map_or_else(String::new, what),
        state: state.to_owned(),
        reason: if settings.is_none() { Some(unknown) } else { said },
        attempts: sink.state["attempts"].as_i64(),
        since: sink.state_at.map(Instant),
        next_try: next_try(&sink).map(Instant),
        behind: lag.map(|lag| lag.events),
        behind_is_more: lag.is_some_and(|lag| lag.is_more),
        oldest: lag.and_then(|lag| lag.oldest).map(Instant),
        dead_letters: sink.dead_letters,
        position,
        newest,
        moved_at: sink.moved_at.map(Instant),
        paused_since: sink.paused_since.map(Instant),
        created_at: Instant(sink.created_at),
        changed_at: Instant(sink.changed_at),
        seen: sink.changed_at,
        settings: ask.is_admin().then_some(sink.settings),
        name: sink.name,
        secrets: sink.secrets,
    }
}

/// When a sink is tried again, if somebody is at it.
fn next_try(sink: &SinkRecord) -> Option<i64> {
    if sink.paused_since.is_some() {
        return None;
    }
    let wait = sink.state["wait_ms"].as_i64().filter(|wait| *wait > 0)?;
    Some(sink.state_at?.saturating_add(wait.saturating_mul(1_000)))
}

/// Where a sink sends to. The path of a web address is often the only secret of a receiver.
fn target(settings: &SinkSettings, is_whole: bool) -> String {
    let Target::Http(http) = &settings.target else { return settings.target.title() };
    if is_whole {
        return http.url.clone();
    }
    match url::Url::parse(&http.url) {
        Ok(url) => {
            let host = url.host_str().unwrap_or_default();
            let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
            format!("{}://{host}{port}/…", url.scheme())
        }
        Err(_) => String::new(),
    }
}

/// What a sink is told, in words: `daily · cost.restated · 2 connections`.
fn what(settings: &SinkSettings) -> String {
    let granularity = match settings.granularity {
        Granularity::Daily => "daily",
        Granularity::Hourly => "hourly",
    };
    let types =
        if settings.types.is_empty() { "all events".to_owned() } else { settings.types.join(", ") };
    let connections = match settings.connections.as_slice() {
        [] => "all connections".to_owned(),
        [one] => one.clone(),
        more => format!("{} connections", more.len()),
    };
    let mut words = vec![granularity.to_owned(), types, connections];
    words.extend(settings.filters.iter().map(|(field, value)| format!("{field} = {value}")));
    words.join(" · ")
}

/// The sink of that name.
///
/// # Errors
/// When there is none.
pub(crate) async fn find(app: &App, name: &str) -> Result<SinkRecord, Fail> {
    let wanted = name.to_owned();
    let found = app.ask_registry(move |own| own.sink(&wanted)).await?;
    if let Some(sink) = found {
        return Ok(sink);
    }
    let known = app.ask_registry(billhook_registry::Registry::sinks).await?;
    let known: Vec<String> = known.into_iter().map(|sink| sink.name).collect();
    let fail = Fail::missing(format!("There is no sink {name}."), "Look at all of them.");
    Err(match near(name, &known) {
        Some(near) => {
            let href = format!("/streams/{near}");
            fail.linked(near, href)
        }
        None => fail.linked("Streams", "/streams"),
    })
}

/// Sends nothing to a sink until it is resumed.
///
/// # Errors
/// When there is no such sink.
pub(crate) async fn pause(app: &App, ask: &Ask, name: &str) -> Result<(), Fail> {
    let (sink, now) = (find(app, name).await?, app.now());
    if sink.paused_since.is_some() {
        return Ok(());
    }
    app.ask_registry(move |own| own.pause_sink(&sink.id, now)).await?;
    app.note(ask, "sink.paused", name, None, None).await?;
    app.forget_pulse().await;
    Ok(())
}

/// Ends a pause. What happened meanwhile is sent.
///
/// # Errors
/// When there is no such sink.
pub(crate) async fn resume(app: &App, ask: &Ask, name: &str) -> Result<(), Fail> {
    let sink = find(app, name).await?;
    if sink.paused_since.is_none() {
        return Ok(());
    }
    app.ask_registry(move |own| own.resume_sink(&sink.id)).await?;
    app.note(ask, "sink.resumed", name, None, None).await?;
    app.forget_pulse().await;
    Ok(())
}

/// Removes a sink with its secrets, position and dead letters.
///
/// # Errors
/// When there is no such sink.
pub(crate) async fn remove(app: &App, ask: &Ask, name: &str) -> Result<(), Fail> {
    let sink = find(app, name).await?;
    let (id, before) = (sink.id.clone(), sink.settings.clone());
    app.ask_registry(move |own| own.remove_sink(&id)).await?;
    app.publisher.attempts.forget(&sink.id);
    let before = json!({ "settings": before, "dead_letters": sink.dead_letters });
    app.note(ask, "sink.removed", name, Some(before), None).await?;
    app.forget_pulse().await;
    Ok(())
}

/// Sends one test event, and says what answered.
///
/// # Errors
/// When there is no such sink, or it does not take the event.
pub(crate) async fn test(app: &App, ask: &Ask, name: &str) -> Result<String, Fail> {
    let sink = find(app, name).await?;
    let registry = Arc::clone(&app.registry);
    app.note(ask, "sink.tested", name, None, None).await?;
    on_thread(move || async move { Box::pin(publish::test(&registry, &sink)).await }).await
}

/// The same, without waiting for the answer.
///
/// # Errors
/// When there is no such sink.
pub(crate) async fn begin_test(app: &App, ask: &Ask, name: &str) -> Result<JobId, Fail> {
    let sink = find(app, name).await?;
    let registry = Arc::clone(&app.registry);
    app.note(ask, "sink.tested", name, None, None).await?;
    let who = ask.name().to_owned();
    Ok(app.jobs.start("test", subject(name), who, move |_| async move {
        Box::pin(publish::test(&registry, &sink)).await.map(Value::String)
    }))
}

/// What jobs call a sink.
pub(crate) fn subject(name: &str) -> String {
    format!("sink {name}")
}

/// Does something of the engine on a thread where it may block; it goes on when the caller leaves.
///
/// # Errors
/// What `work` says.
async fn on_thread<T, F>(work: impl FnOnce() -> F + Send + 'static) -> Result<T, Fail>
where
    T: Send + 'static,
    F: Future<Output = Result<T, EngineError>>,
{
    let runtime = Handle::current();
    let done = spawn_blocking(move || runtime.block_on(async { Box::pin(work()).await })).await;
    Ok(done.map_err(|_| Fail::internal("work with a sink was cut off"))??)
}

/// All sinks.
#[utoipa::path(
    get,
    path = "/api/v1/sinks",
    tag = "sinks",
    responses((status = 200, description = "Sinks by name", body = Page<SinkView>))
)]
async fn sinks_call(State(app): State<Arc<App>>, ask: Ask) -> Result<Json<Page<SinkView>>, Fail> {
    Ok(Json(Page { items: all(&app, &ask).await?, next: None }))
}

/// Adds a sink. One test event is sent first.
#[utoipa::path(
    post,
    path = "/api/v1/sinks",
    tag = "sinks",
    request_body = SinkToAdd,
    responses(
        (status = 201, description = "It was added", body = SinkView),
        (status = 422, description = "It cannot be used, or does not take events")
    )
)]
async fn add_sink_call(
    State(app): State<Arc<App>>,
    ask: Ask,
    body: Bytes,
) -> Result<(StatusCode, Json<SinkView>), Fail> {
    let sink = create(&app, &ask, told::read(&body)?).await?;
    Ok((StatusCode::CREATED, Json(one(&app, &ask, &sink.name).await?)))
}

/// A sink, as it is now.
#[utoipa::path(
    get,
    path = "/api/v1/sinks/{name}",
    tag = "sinks",
    params(("name" = String, Path, description = "The sink")),
    responses(
        (status = 200, description = "The sink", body = SinkView),
        (status = 404, description = "There is no such sink")
    )
)]
async fn sink_call(
    State(app): State<Arc<App>>,
    ask: Ask,
    Path(name): Path<String>,
) -> Result<Json<SinkView>, Fail> {
    one(&app, &ask, &name).await.map(Json)
}

/// Removes a sink with its secrets, position and dead letters.
#[utoipa::path(
    delete,
    path = "/api/v1/sinks/{name}",
    tag = "sinks",
    params(("name" = String, Path, description = "The sink")),
    responses(
        (status = 204, description = "It is gone"),
        (status = 404, description = "There is no such sink")
    )
)]
async fn remove_sink_call(
    State(app): State<Arc<App>>,
    ask: Ask,
    Path(name): Path<String>,
) -> Result<StatusCode, Fail> {
    remove(&app, &ask, &name).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Sends nothing to a sink until it is resumed. Its position is kept.
#[utoipa::path(
    post,
    path = "/api/v1/sinks/{name}/pause",
    tag = "sinks",
    params(("name" = String, Path, description = "The sink")),
    responses((status = 204, description = "It is paused"))
)]
async fn pause_sink_call(
    State(app): State<Arc<App>>,
    ask: Ask,
    Path(name): Path<String>,
) -> Result<StatusCode, Fail> {
    pause(&app, &ask, &name).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Ends a pause. What happened meanwhile is sent.
#[utoipa::path(
    post,
    path = "/api/v1/sinks/{name}/resume",
    tag = "sinks",
    params(("name" = String, Path, description = "The sink")),
    responses((status = 204, description = "It goes on"))
)]
async fn resume_sink_call(
    State(app): State<Arc<App>>,
    ask: Ask,
    Path(name): Path<String>,
) -> Result<StatusCode, Fail> {
    resume(&app, &ask, &name).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What a receiver answered to a test event.
#[derive(Debug, Clone, Serialize, ToSchema)]
struct Tested {
    /// In words.
    answer: String,
}

/// Sends one event of the type `com.billhook.test.v1`.
#[utoipa::path(
    post,
    path = "/api/v1/sinks/{name}/test",
    tag = "sinks",
    params(("name" = String, Path, description = "The sink")),
    responses(
        (status = 200, description = "It was taken", body = Tested),
        (status = 502, description = "It was not taken, and why")
    )
)]
async fn test_sink_call(
    State(app): State<Arc<App>>,
    ask: Ask,
    Path(name): Path<String>,
) -> Result<Json<Tested>, Fail> {
    Ok(Json(Tested { answer: test(&app, &ask, &name).await? }))
}

/// This part of the description of the API.
pub(crate) struct Doc;

impl OpenApi for Doc {
    fn openapi() -> utoipa::openapi::OpenApi {
        let mut whole = Own::openapi();
        whole.merge(change::Doc::openapi());
        for part in [letters::Doc::openapi(), replay::Doc::openapi(), sent::Doc::openapi()] {
            whole.merge(part);
        }
        whole
    }
}

/// What is described here.
#[derive(OpenApi)]
#[openapi(paths(
    sinks_call,
    add_sink_call,
    sink_call,
    remove_sink_call,
    pause_sink_call,
    resume_sink_call,
    test_sink_call
))]
struct Own;
