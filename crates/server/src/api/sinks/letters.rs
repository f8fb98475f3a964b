//! Dead letters: events that a sink would not take.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use billhook_engine::publish;
use billhook_registry::{DeadLetter, SinkRecord};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::{OpenApi, ToSchema};

use super::{find, on_thread};
use crate::api::{Instant, Page};
use crate::app::App;
use crate::ask::Ask;
use crate::fail::Fail;
use crate::routes::{Need, Route, delete, get, post};

/// Dead letters that are shown at a time.
const LETTERS: u32 = 200;

/// Characters of a reason at most.
const LONGEST_REASON: usize = 500;

/// All ways in.
pub(super) fn routes() -> Vec<Route> {
    vec![
        get("/api/v1/sinks/{name}/dead", Need::Viewer, letters_call),
        post("/api/v1/sinks/{name}/dead/{number}/send", Need::Admin, send_letter_call),
        delete("/api/v1/sinks/{name}/dead/{number}", Need::Admin, drop_letter_call),
    ]
}

/// An event that a sink would not take.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct DeadEvent {
    /// Its number.
    pub(crate) number: i64,
    /// The event's id.
    pub(crate) id: String,
    /// The event's type.
    #[serde(rename = "type")]
    pub(crate) kind: String,
    /// What it is about.
    pub(crate) subject: String,
    /// Why it was not taken, the last time.
    pub(crate) reason: String,
    /// How often it was tried.
    pub(crate) attempts: i64,
    /// When it became a dead letter.
    pub(crate) buried_at: Instant,
    /// When it was last tried.
    pub(crate) tried_at: Instant,
    /// The event.
    pub(crate) event: Value,
}

/// What came of a dead letter that was sent again.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct SentAgain {
    /// Was it taken? It is no dead letter any more then.
    pub(crate) is_taken: bool,
    /// Why not.
    pub(crate) reason: Option<String>,
}

fn shown(letter: DeadLetter) -> DeadEvent {
    let text =
        |name: &str| letter.event.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    DeadEvent {
        number: letter.number,
        id: text("id"),
        kind: text("type"),
        subject: text("subject"),
        attempts: letter.attempts,
        buried_at: Instant(letter.buried_at),
        tried_at: Instant(letter.tried_at),
        reason: letter.reason,
        event: letter.event,
    }
}

/// The dead letters of a sink, the oldest first.
///
/// # Errors
/// When there is no such sink.
pub(crate) async fn letters(app: &App, name: &str) -> Result<Vec<DeadEvent>, Fail> {
    let sink = find(app, name).await?;
    let letters = app.ask_registry(move |own| own.dead_letters(&sink.id, LETTERS)).await?;
    Ok(letters.into_iter().map(shown).collect())
}

async fn letter(app: &App, sink: &SinkRecord, number: i64) -> Result<DeadLetter, Fail> {
    let id = sink.id.clone();
    let found = app.ask_registry(move |own| own.dead_letter(&id, number)).await?;
    found.ok_or_else(|| {
        let why = format!(
            "{} has no dead letter {number}: somebody has sent it again or dropped it.",
            sink.name
        );
        let to = format!("/streams/{}/dead", sink.name);
        Fail::missing(why, "Look at those that are left.").linked("Dead letters", to)
    })
}

/// Sends a dead letter again.
///
/// # Errors
/// When it is not there, or the sink cannot be used.
pub(crate) async fn send_again(
    app: &App,
    ask: &Ask,
    name: &str,
    number: i64,
) -> Result<SentAgain, Fail> {
    let sink = find(app, name).await?;
    let letter = letter(app, &sink, number).await?;
    let id = letter.event.get("id").cloned().unwrap_or_default();
    let (registry, now) = (Arc::clone(&app.registry), app.now());
    let again = on_thread(move || async move {
        Box::pin(publish::send_again(&registry, &sink, vec![letter], now)).await
    });
    let reason = again.await?.into_iter().find_map(|again| again.reason);
    let after = json!({ "number": number, "event": id, "is_taken": reason.is_none() });
    app.note(ask, "dead_letter.sent", name, None, Some(after)).await?;
    app.forget_pulse().await;
    Ok(SentAgain { is_taken: reason.is_none(), reason })
}

/// Drops a dead letter, for a reason that the audit log keeps.
///
/// # Errors
/// When no reason is given, or it is not there.
pub(crate) async fn drop_letter(
    app: &App,
    ask: &Ask,
    name: &str,
    number: i64,
    reason: &str,
) -> Result<(), Fail> {
    let reason = reason.trim();
    if reason.is_empty() || reason.chars().count() > LONGEST_REASON {
        let why = format!("say in 1 to {LONGEST_REASON} characters why the event is dropped");
        return Err(Fail::unusable(why));
    }
    let sink = find(app, name).await?;
    let letter = letter(app, &sink, number).await?;
    app.ask_registry(move |own| own.drop_dead_letter(&sink.id, number)).await?;
    let after = json!({ "dropped_because": reason });
    app.note(ask, "dead_letter.dropped", name, Some(letter.event), Some(after)).await?;
    app.forget_pulse().await;
    Ok(())
}

/// The dead letters of a sink, the oldest first.
#[utoipa::path(
    get,
    path = "/api/v1/sinks/{name}/dead",
    tag = "sinks",
    params(("name" = String, Path, description = "The sink")),
    responses(
        (status = 200, description = "Events that it would not take", body = Page<DeadEvent>),
        (status = 404, description = "There is no such sink")
    )
)]
async fn letters_call(
    State(app): State<Arc<App>>,
    Path(name): Path<String>,
) -> Result<Json<Page<DeadEvent>>, Fail> {
    Ok(Json(Page { items: letters(&app, &name).await?, next: None }))
}

/// Sends a dead letter again, with the same id.
#[utoipa::path(
    post,
    path = "/api/v1/sinks/{name}/dead/{number}/send",
    tag = "sinks",
    params(
        ("name" = String, Path, description = "The sink"),
        ("number" = i64, Path, description = "The dead letter")
    ),
    responses(
        (status = 200, description = "What came of it", body = SentAgain),
        (status = 404, description = "It is not there")
    )
)]
async fn send_letter_call(
    State(app): State<Arc<App>>,
    ask: Ask,
    Path((name, number)): Path<(String, i64)>,
) -> Result<Json<SentAgain>, Fail> {
    send_again(&app, &ask, &name, number).await.map(Json)
}

/// Drops a dead letter.
#[utoipa::path(
    delete,
    path = "/api/v1/sinks/{name}/dead/{number}",
    tag = "sinks",
    params(
        ("name" = String, Path, description = "The sink"),
        ("number" = i64, Path, description = "The dead letter"),
        ("reason" = String, Query, description = "Why; the audit log keeps it")
    ),
    responses(
        (status = 204, description = "It is gone"),
        (status = 404, description = "It is not there"),
        (status = 422, description = "There is no reason")
    )
)]
async fn drop_letter_call(
    State(app): State<Arc<App>>,
    ask: Ask,
    Path((name, number)): Path<(String, i64)>,
) -> Result<StatusCode, Fail> {
    let reason = ask.parameter("reason").unwrap_or_default();
    drop_letter(&app, &ask, &name, number, &reason).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// This part of the description of the API.
#[derive(OpenApi)]
#[openapi(paths(letters_call, send_letter_call, drop_letter_call))]
pub(crate) struct Doc;
