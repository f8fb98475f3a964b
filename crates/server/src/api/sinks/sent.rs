//! What was sent to a sink last, what was answered, and what is sent next.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use billhook_engine::publish::{self, Attempt, Came, Reader};
use billhook_stream::deliver::Place;
use serde::Serialize;
use utoipa::{OpenApi, ToSchema};

use super::{find, on_thread};
use crate::api::{Instant, Page};
use crate::app::App;
use crate::ask::Ask;
use crate::fail::Fail;
use crate::routes::{Need, Route, get};

/// Events of an attempt that are named, and events that wait.
const NAMED: usize = 20;
const WAITING: usize = 50;

/// All ways in.
pub(super) fn routes() -> Vec<Route> {
    vec![
        get("/api/v1/sinks/{name}/deliveries", Need::Viewer, attempts_call),
        get("/api/v1/sinks/{name}/pending", Need::Viewer, pending_call),
    ]
}

/// An event, by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct EventName {
    /// Its id.
    pub(crate) id: String,
    /// Its type.
    #[serde(rename = "type")]
    pub(crate) kind: String,
    /// What it is about.
    pub(crate) subject: String,
}

/// An attempt to bring events to a sink.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct AttemptView {
    /// Its number.
    pub(crate) number: u64,
    /// When it began.
    pub(crate) at: Instant,
    /// How long it took, milliseconds.
    pub(crate) took_ms: u64,
    /// `delivered`, `retrying` or `refused`.
    pub(crate) came: &'static str,
    /// Why the events were not taken.
    pub(crate) reason: Option<String>,
    /// Status of the answer, of a sink that has one.
    pub(crate) status: Option<u16>,
    /// The request, without secrets, of a sink that tells it, as long as the process runs that sent
    /// it.
    pub(crate) request: Option<String>,
    /// The beginning of the answer, as long as the request is known.
    pub(crate) answer: Option<String>,
    /// The first of its events.
    pub(crate) events: Vec<EventName>,
    /// How many more it carried.
    pub(crate) more: usize,
}

/// The last attempts of a sink, the newest first: all of them, or those that carried an event.
/// Those of other processes are among them.
///
/// # Errors
/// When there is no such sink.
pub(crate) async fn attempts(
    app: &App,
    name: &str,
    event: Option<&str>,
) -> Result<Vec<AttemptView>, Fail> {
    let attempts = known(app, name, u32::MAX).await?.into_iter();
    let carried = |attempt: &Attempt| {
        event.is_none_or(|id| attempt.events.iter().any(|event| event.id == id))
    };
    Ok(attempts.filter(carried).map(|attempt| shown(attempt, event)).collect())
}

/// The last attempt of a sink.
///
/// # Errors
/// When there is no such sink.
pub(crate) async fn last_attempt(app: &App, name: &str) -> Result<Option<AttemptView>, Fail> {
    let newest = known(app, name, 1).await?.into_iter().next();
    Ok(newest.map(|attempt| shown(attempt, None)))
}

/// Attempts of this process, and the last that the control database has.
async fn known(app: &App, name: &str, limit: u32) -> Result<Vec<Attempt>, Fail> {
    let sink = find(app, name).await?;
    let id = sink.id.clone();
    let saved = app.ask_registry(move |own| own.attempts(&id, limit)).await?;
    Ok(app.publisher.attempts.of(&sink.id, saved))
}

fn shown(attempt: Attempt, only: Option<&str>) -> AttemptView {
    let wanted = attempt.events.iter().filter(|event| only.is_none_or(|id| event.id == id));
    let events: Vec<EventName> = wanted
        .take(NAMED)
        .map(|event| EventName {
            id: event.id.clone(),
            kind: event.kind.to_string(),
            subject: event.subject.clone().unwrap_or_default(),
        })
        .collect();
    AttemptView {
        number: attempt.number,
        at: Instant(attempt.at),
        took_ms: u64::try_from(attempt.took.as_millis()).unwrap_or(u64::MAX),
        came: match attempt.came {
            Came::Taken => "delivered",
            Came::Again => "retrying",
            Came::Refused => "refused",
        },
        reason: attempt.reason,
        status: attempt.status,
        request: attempt.request,
        answer: attempt.answer,
        more: attempt.events.len().saturating_sub(events.len()),
        events,
    }
}

/// The next events that wait for a sink.
///
/// # Errors
/// When there is no such sink, or the lake cannot be read.
pub(crate) async fn pending(app: &App, name: &str) -> Result<Vec<EventName>, Fail> {
    let sink = find(app, name).await?;
    let settings = publish::settings_of(&sink)?;
    let (lake, registry) = (app.home.lake.clone(), Arc::clone(&app.registry));
    let (position, index) = sink.cursor;
    let fetched = on_thread(move || async move {
        let mut reader = Reader::new(lake, registry, settings);
        Box::pin(reader.after(Place { position, index }, WAITING)).await
    });
    let events = fetched.await?.events.into_iter().map(|(_, event)| EventName {
        id: event.id,
        kind: event.kind.to_owned(),
        subject: event.subject.unwrap_or_default(),
    });
    Ok(events.collect())
}

/// The last attempts to bring events to a sink.
#[utoipa::path(
    get,
    path = "/api/v1/sinks/{name}/deliveries",
    tag = "sinks",
    params(
        ("name" = String, Path, description = "The sink"),
        ("event" = Option<String>, Query, description = "Only those that carried this event")
    ),
    responses((status = 200, description = "The newest first", body = Page<AttemptView>))
)]
async fn attempts_call(
    State(app): State<Arc<App>>,
    ask: Ask,
    Path(name): Path<String>,
) -> Result<Json<Page<AttemptView>>, Fail> {
    let event = ask.parameter("event");
    Ok(Json(Page { items: attempts(&app, &name, event.as_deref()).await?, next: None }))
}

/// The next events that wait for a sink.
#[utoipa::path(
    get,
    path = "/api/v1/sinks/{name}/pending",
    tag = "sinks",
    params(("name" = String, Path, description = "The sink")),
    responses((status = 200, description = "In their order", body = Page<EventName>))
)]
async fn pending_call(
    State(app): State<Arc<App>>,
    Path(name): Path<String>,
) -> Result<Json<Page<EventName>>, Fail> {
    Ok(Json(Page { items: pending(&app, &name).await?, next: None }))
}

/// This part of the description of the API.
#[derive(OpenApi)]
#[openapi(paths(attempts_call, pending_call))]
pub(crate) struct Doc;
