//! Sending again from a time or version on, with the same ids.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use billhook_engine::EngineError;
use billhook_engine::publish::{self, Attempts, Reader};
use billhook_registry::{Registry, SinkRecord};
use billhook_stream::deliver::Place;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::{OpenApi, ToSchema};

use super::lag::count;
use super::{find, on_thread, subject};
use crate::api::told;
use crate::app::App;
use crate::ask::Ask;
use crate::fail::Fail;
use crate::jobs::{JobHandle, JobId};
use crate::routes::{Need, Route, post};

/// How often is looked how far it is.
const TICK: Duration = Duration::from_secs(1);

/// All ways in.
pub(super) fn routes() -> Vec<Route> {
    vec![post("/api/v1/sinks/{name}/replay", Need::Admin, replay_call)]
}

/// What is to be sent again.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ReplayWish {
    /// A time (UTC), or a version: the first part of an event's `sequence`.
    from: String,
    /// Only say what it would be.
    #[serde(default)]
    dry_run: bool,
}

/// What would be sent again.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct ReplayPreview {
    /// Events that would be sent, those among them that wait anyway.
    pub(crate) events: u64,
    /// Are there more than that?
    pub(crate) is_more: bool,
    /// The version after which it begins.
    pub(crate) position: i64,
    /// Is the sink not beyond that, so that nothing is sent a second time?
    pub(crate) is_ahead: bool,
}

/// What came of a wish.
#[derive(Debug, Clone, Serialize, ToSchema)]
struct Replayed {
    /// What is sent.
    preview: ReplayPreview,
    /// The work that tells how far it is; nothing of a dry run.
    job: Option<String>,
}

/// Counts what would be sent again; nothing is done.
///
/// # Errors
/// When there is no such sink, or the text is neither time nor version.
pub(crate) async fn preview(app: &App, name: &str, from: &str) -> Result<ReplayPreview, Fail> {
    let sink = find(app, name).await?;
    Ok(looked(app, &sink, from).await?.1)
}

async fn looked(app: &App, sink: &SinkRecord, from: &str) -> Result<(Place, ReplayPreview), Fail> {
    let settings = publish::settings_of(sink)?;
    let (lake, registry) = (app.home.lake.clone(), Arc::clone(&app.registry));
    let from = from.trim().to_owned();
    if from.is_empty() {
        return Err(Fail::unusable("from: give a time (UTC) or a version"));
    }
    let (place, lag) = on_thread(move || async move {
        let mut reader = Reader::new(lake.clone(), Arc::clone(&registry), settings.clone());
        let place = Box::pin(reader.place_of(&from)).await?;
        let lag = Box::pin(count(lake, registry, settings, place)).await?;
        Ok((place, lag))
    })
    .await?;
    let preview = ReplayPreview {
        events: lag.events,
        is_more: lag.is_more,
        position: place.position,
        is_ahead: sink.cursor <= (place.position, place.index),
    };
    Ok((place, preview))
}

/// Moves a sink back, so that all after a time or version is sent again. The work that is named
/// tells how far that is.
///
/// # Errors
/// When there is no such sink, it is paused, or it is not beyond that.
pub(crate) async fn replay(
    app: &App,
    ask: &Ask,
    name: &str,
    from: &str,
) -> Result<(ReplayPreview, JobId), Fail> {
    let sink = find(app, name).await?;
    if sink.paused_since.is_some() {
        let why = format!("{name} is paused: nothing is sent to it");
        return Err(Fail::unusable(format!("from: {why}; resume it first")));
    }
    let (place, preview) = looked(app, &sink, from).await?;
    let (id, now, to) = (sink.id.clone(), app.now(), (place.position, place.index));
    let taken = app.publisher.attempts.taken(&sink.id);
    let is_moved = app.ask_registry(move |own| own.rewind_cursor(&id, to, now)).await?;
    if !is_moved {
        let why = format!(
            "from: {name} is at version {} and not beyond that: everything after it is sent anyway",
            sink.cursor.0
        );
        return Err(Fail::unusable(why));
    }
    let (before, after) = (json!(sink.cursor.0), json!({ "from": from, "version": to.0 }));
    app.note(ask, "sink.replayed", name, Some(before), Some(after)).await?;
    app.forget_pulse().await;
    let (registry, attempts) = (Arc::clone(&app.registry), app.publisher.attempts.clone());
    let events = (!preview.is_more).then_some(preview.events);
    let job = app.jobs.start("replay", subject(name), ask.name().to_owned(), move |job| {
        watch(job, registry, attempts, sink, taken, events)
    });
    Ok((preview, job))
}

/// Tells how far a sink is, until it is where it was before. The sending is the publisher's; to end
/// this ends no more than the telling.
async fn watch(
    job: JobHandle,
    registry: Arc<Registry>,
    attempts: Attempts,
    sink: SinkRecord,
    before: u64,
    events: Option<u64>,
) -> Result<Value, EngineError> {
    let stop = job.stop_flag();
    loop {
        let sent = attempts.taken(&sink.id).saturating_sub(before);
        job.total(events.map_or(sent, |events| sent.min(events)), events, "events");
        let name = &sink.name;
        let now = registry.sink(name)?.filter(|now| now.id == sink.id);
        let Some(now) = now else {
            return Err(EngineError::Nothing(format!("{name} was removed meanwhile")));
        };
        if now.cursor >= sink.cursor {
            return Ok(json!({ "events": sent }));
        }
        if now.paused_since.is_some() {
            let text = format!("{name} was paused meanwhile; the rest is sent when it goes on");
            return Err(EngineError::Nothing(text));
        }
        if stop.load(Ordering::Relaxed) {
            return Err(EngineError::Interrupted);
        }
        tokio::time::sleep(TICK).await;
    }
}

/// Sends a sink everything from a time or version on again, with the same ids.
#[utoipa::path(
    post,
    path = "/api/v1/sinks/{name}/replay",
    tag = "sinks",
    params(("name" = String, Path, description = "The sink")),
    request_body = ReplayWish,
    responses(
        (status = 200, description = "What would be sent", body = Replayed),
        (status = 202, description = "What is sent", body = Replayed),
        (status = 422, description = "It is paused, or not beyond that")
    )
)]
async fn replay_call(
    State(app): State<Arc<App>>,
    ask: Ask,
    Path(name): Path<String>,
    body: Bytes,
) -> Result<(StatusCode, Json<Replayed>), Fail> {
    let wish: ReplayWish = told::read(&body)?;
    if wish.dry_run {
        let preview = preview(&app, &name, &wish.from).await?;
        return Ok((StatusCode::OK, Json(Replayed { preview, job: None })));
    }
    let (preview, job) = replay(&app, &ask, &name, &wish.from).await?;
    let job = Some(job.to_string());
    Ok((StatusCode::ACCEPTED, Json(Replayed { preview, job })))
}

/// This part of the description of the API.
#[derive(OpenApi)]
#[openapi(paths(replay_call))]
pub(crate) struct Doc;
