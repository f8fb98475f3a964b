//! Queries that somebody saved: everybody sees them, their owner and admins change them.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use billhook_registry::{RegistryError, Saved, SavedKind};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::{OpenApi, ToSchema};

use super::told;
use super::{Instant, Page};
use crate::app::App;
use crate::ask::Ask;
use crate::fail::Fail;
use crate::routes::{Need, Route, delete, get, post, put};

/// Characters of a name, and of a query, at most.
const LONGEST_NAME: usize = 120;
const LONGEST_QUERY: usize = 100_000;

/// All ways in.
pub(crate) fn routes() -> Vec<Route> {
    vec![
        get("/api/v1/queries", Need::Viewer, queries_call),
        post("/api/v1/queries", Need::Viewer, save_query_call),
        put("/api/v1/queries/{id}", Need::Viewer, change_query_call),
        delete("/api/v1/queries/{id}", Need::Viewer, remove_query_call),
    ]
}

/// A saved query.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct SavedQuery {
    /// Its id.
    pub(crate) id: String,
    /// Its name.
    pub(crate) name: String,
    /// The SQL.
    pub(crate) query: String,
    /// Who saved it.
    pub(crate) owner: String,
    /// When it was last changed.
    pub(crate) changed_at: Instant,
    /// The same as a number, to be sent along with a change.
    pub(crate) seen: i64,
    /// May the caller change it?
    pub(crate) is_mine: bool,
}

/// A query to be saved, or a change of one.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct QueryToSave {
    /// Its name.
    pub(crate) name: String,
    /// The SQL. It is not run.
    pub(crate) query: String,
    /// Of a change: `seen` of what was changed.
    pub(crate) seen: Option<i64>,
}

fn shown(saved: Saved, ask: &Ask) -> SavedQuery {
    SavedQuery {
        is_mine: may(ask, &saved),
        id: saved.id,
        name: saved.name,
        query: saved.text,
        owner: saved.owner,
        changed_at: Instant(saved.changed_at),
        seen: saved.changed_at,
    }
}

fn may(ask: &Ask, saved: &Saved) -> bool {
    ask.is_admin() || ask.name() == saved.owner
}

/// All saved queries by name.
///
/// # Errors
/// When the control database fails.
pub(crate) async fn all(app: &App, ask: &Ask) -> Result<Vec<SavedQuery>, Fail> {
    let saved = app.ask_registry(|registry| registry.saved(SavedKind::Query)).await?;
    Ok(saved.into_iter().map(|saved| shown(saved, ask)).collect())
}

/// One saved query.
///
/// # Errors
/// When it is not there.
pub(crate) async fn one(app: &App, ask: &Ask, id: &str) -> Result<SavedQuery, Fail> {
    Ok(shown(find(app, id).await?, ask))
}

async fn find(app: &App, id: &str) -> Result<Saved, Fail> {
    let wanted = id.to_owned();
    let found = app.ask_registry(move |registry| registry.saved_one(&wanted)).await?;
    found.filter(|saved| saved.kind == SavedKind::Query).ok_or_else(|| {
        let why = "There is no such saved query; somebody may have thrown it away.";
        Fail::missing(why, "Choose another one.").linked("SQL", "/sql")
    })
}

/// Saves a query.
///
/// # Errors
/// When it has no name, or the control database fails.
pub(crate) async fn save(app: &App, ask: &Ask, new: QueryToSave) -> Result<SavedQuery, Fail> {
    let QueryToSave { name, query, .. } = checked(new)?;
    let (owner, now) = (ask.name().to_owned(), app.now());
    let saved =
        app.ask_registry(move |own| own.save(SavedKind::Query, &name, &query, &owner, now)).await?;
    app.note(ask, "query.saved", &saved.name, None, Some(json!(saved.text))).await?;
    Ok(shown(saved, ask))
}

/// Changes a saved query.
///
/// # Errors
/// When it is somebody else's, was changed meanwhile, or is not there.
pub(crate) async fn change(
    app: &App,
    ask: &Ask,
    id: &str,
    new: QueryToSave,
) -> Result<SavedQuery, Fail> {
    let before = mine(app, ask, id).await?;
    let seen = new.seen.unwrap_or(before.changed_at);
    let QueryToSave { name, query, .. } = checked(new)?;
    let (wanted, now) = (id.to_owned(), app.now());
    let changed = app
        .ask_registry(move |own| match own.change_saved(&wanted, &name, &query, seen, now) {
            Err(RegistryError::ChangedMeanwhile { .. }) => Ok(None),
            done => done.map(Some),
        })
        .await?;
    let Some(saved) = changed else {
        let at = crate::format::instant(before.changed_at);
        let why = format!("{} was changed at {at}. It is now: {}", before.name, before.text);
        return Err(Fail::conflict(
            why,
            "Copy what you wrote, load the query again, and change it.",
        )
        .linked("The query as it is now", format!("/sql?saved={id}")));
    };
    let was = json!({ "name": before.name, "query": before.text });
    let is = json!({ "name": saved.name, "query": saved.text });
    app.note(ask, "query.changed", &saved.name, Some(was), Some(is)).await?;
    Ok(shown(saved, ask))
}

/// Throws a saved query away.
///
/// # Errors
/// When it is somebody else's, or is not there.
pub(crate) async fn remove(app: &App, ask: &Ask, id: &str) -> Result<(), Fail> {
    let before = mine(app, ask, id).await?;
    let wanted = id.to_owned();
    app.ask_registry(move |registry| registry.drop_saved(&wanted)).await?;
    app.note(ask, "query.removed", &before.name, Some(json!(before.text)), None).await
}

/// A saved query that the caller may change.
async fn mine(app: &App, ask: &Ask, id: &str) -> Result<Saved, Fail> {
    let saved = find(app, id).await?;
    if may(ask, &saved) {
        return Ok(saved);
    }
    let why =
        format!("{} was saved by {}: only they and admins change it", saved.name, saved.owner);
    let fix = "Save it under another name instead.";
    Err(Fail::new(StatusCode::FORBIDDEN, "This query is somebody else's", why, fix))
}

fn checked(new: QueryToSave) -> Result<QueryToSave, Fail> {
    let name = new.name.trim().to_owned();
    if name.is_empty() || name.chars().count() > LONGEST_NAME {
        return Err(Fail::unusable(format!("a name has 1 to {LONGEST_NAME} characters")));
    }
    if new.query.trim().is_empty() || new.query.len() > LONGEST_QUERY {
        return Err(Fail::unusable(format!("a query has 1 to {LONGEST_QUERY} characters")));
    }
    Ok(QueryToSave { name, ..new })
}

/// All saved queries.
#[utoipa::path(
    get,
    path = "/api/v1/queries",
    tag = "sql",
    responses((status = 200, description = "Saved queries by name", body = Page<SavedQuery>))
)]
async fn queries_call(
    State(app): State<Arc<App>>,
    ask: Ask,
) -> Result<Json<Page<SavedQuery>>, Fail> {
    Ok(Json(Page { items: all(&app, &ask).await?, next: None }))
}

/// Saves a query.
#[utoipa::path(
    post,
    path = "/api/v1/queries",
    tag = "sql",
    request_body = QueryToSave,
    responses((status = 201, description = "It was saved", body = SavedQuery))
)]
async fn save_query_call(
    State(app): State<Arc<App>>,
    ask: Ask,
    body: Bytes,
) -> Result<(StatusCode, Json<SavedQuery>), Fail> {
    let saved = save(&app, &ask, told::read(&body)?).await?;
    Ok((StatusCode::CREATED, Json(saved)))
}

/// Changes a saved query.
#[utoipa::path(
    put,
    path = "/api/v1/queries/{id}",
    tag = "sql",
    params(("id" = String, Path, description = "Its id")),
    request_body = QueryToSave,
    responses(
        (status = 200, description = "It was changed", body = SavedQuery),
        (status = 403, description = "It is somebody else's"),
        (status = 409, description = "Somebody changed it meanwhile")
    )
)]
async fn change_query_call(
    State(app): State<Arc<App>>,
    ask: Ask,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Json<SavedQuery>, Fail> {
    change(&app, &ask, &id, told::read(&body)?).await.map(Json)
}

/// Throws a saved query away.
#[utoipa::path(
    delete,
    path = "/api/v1/queries/{id}",
    tag = "sql",
    params(("id" = String, Path, description = "Its id")),
    responses(
        (status = 204, description = "It is gone"),
        (status = 403, description = "It is somebody else's")
    )
)]
async fn remove_query_call(
    State(app): State<Arc<App>>,
    ask: Ask,
    Path(id): Path<String>,
) -> Result<StatusCode, Fail> {
    remove(&app, &ask, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// This part of the description of the API.
#[derive(OpenApi)]
#[openapi(paths(queries_call, save_query_call, change_query_call, remove_query_call))]
pub(crate) struct Doc;
