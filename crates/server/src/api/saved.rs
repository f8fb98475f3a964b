//! Views of costs and SQL queries that somebody gave a name. Everybody sees them; who saved one,
//! and admins, may change it.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use billhook_registry::{Saved, SavedKind};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::{OpenApi, ToSchema};

use crate::api::{Instant, told};
use crate::app::App;
use crate::ask::{Ask, pairs};
use crate::fail::Fail;
use crate::routes::{Need, Route, delete, get, post, put};
use crate::view::View;

/// The longest name, characters.
const LONGEST_NAME: usize = 120;

/// All ways in.
pub(crate) fn routes() -> Vec<Route> {
    vec![
        get("/api/v1/saved", Need::Viewer, get_saved),
        post("/api/v1/saved", Need::Viewer, post_saved),
        put("/api/v1/saved/{id}", Need::Viewer, put_saved),
        delete("/api/v1/saved/{id}", Need::Viewer, delete_saved),
    ]
}

/// A view or a query with a name.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct SavedOne {
    /// What it is changed by.
    pub(crate) id: String,
    /// `view` or `query`.
    pub(crate) kind: String,
    /// Its name.
    pub(crate) name: String,
    /// The query string of a view, or the SQL.
    pub(crate) text: String,
    /// Who saved it.
    pub(crate) owner: String,
    /// When it was last changed.
    pub(crate) changed_at: Instant,
    /// What to send as `seen` with a change, so that nobody's change is lost.
    pub(crate) seen: i64,
    /// May the caller change it?
    pub(crate) is_mine: bool,
}

/// What is saved.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewSaved {
    /// `view` or `query`.
    pub(crate) kind: String,
    /// A name, at most 120 characters.
    pub(crate) name: String,
    /// The query string of a view, or the SQL.
    pub(crate) text: String,
}

/// A change.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChangeSaved {
    /// The name.
    pub(crate) name: String,
    /// The query string of a view, or the SQL.
    pub(crate) text: String,
    /// `seen` of what was read.
    pub(crate) seen: i64,
}

/// All that was saved of a kind, by name.
///
/// # Errors
/// When the control database fails.
pub(crate) async fn list(app: &App, ask: &Ask, kind: SavedKind) -> Result<Vec<SavedOne>, Fail> {
    let saved = app.ask_registry(move |registry| registry.saved(kind)).await?;
    Ok(saved.into_iter().map(|saved| shown(ask, saved)).collect())
}

/// Saves a view or a query.
///
/// # Errors
/// When name or text cannot be used, or the control database fails.
pub(crate) async fn make(app: &App, ask: &Ask, new: &NewSaved) -> Result<SavedOne, Fail> {
    let kind = kind(&new.kind)?;
    let (name, text) = (checked_name(&new.name)?, checked_text(kind, &new.text)?);
    let (owner, now) = (ask.name().to_owned(), app.now());
    let saved =
        app.ask_registry(move |registry| registry.save(kind, &name, &text, &owner, now)).await?;
    let after = json!({"name": saved.name, "text": saved.text});
    app.note(ask, "saved.made", &saved.name, None, Some(after)).await?;
    Ok(shown(ask, saved))
}

/// Changes what was saved.
///
/// # Errors
/// When it is not the caller's, was changed meanwhile, or cannot be used.
pub(crate) async fn change(
    app: &App,
    ask: &Ask,
    id: &str,
    change: &ChangeSaved,
) -> Result<SavedOne, Fail> {
    let before = mine(app, ask, id).await?;
    let name = checked_name(&change.name)?;
    let text = checked_text(before.kind, &change.text)?;
    let (id, seen, now) = (id.to_owned(), change.seen, app.now());
    let changed = app
        .ask_registry(move |registry| {
            let there = registry.saved_one(&id)?.filter(|there| there.changed_at != seen);
            if let Some(there) = there {
                return Ok(Err(there));
            }
            registry.change_saved(&id, &name, &text, seen, now).map(Ok)
        })
        .await?;
    let saved = changed.map_err(|there: Saved| {
        let why = format!(
            "{:?} was changed at {}. It is now called {:?} and says: {}",
            before.name,
            crate::format::instant(there.changed_at),
            there.name,
            there.text
        );
        Fail::conflict(why, "Load it again, then change it.")
    })?;
    let (was, is) = (
        json!({"name": before.name, "text": before.text}),
        json!({"name": saved.name, "text": saved.text}),
    );
    app.note(ask, "saved.changed", &saved.name, Some(was), Some(is)).await?;
    Ok(shown(ask, saved))
}

/// Throws away what was saved.
///
/// # Errors
/// When it is not the caller's, or the control database fails.
pub(crate) async fn remove(app: &App, ask: &Ask, id: &str) -> Result<(), Fail> {
    let before = mine(app, ask, id).await?;
    let id = id.to_owned();
    app.ask_registry(move |registry| registry.drop_saved(&id)).await?;
    let was = json!({"name": before.name, "text": before.text});
    app.note(ask, "saved.removed", &before.name, Some(was), None).await
}

/// What was saved, if the caller may change it.
async fn mine(app: &App, ask: &Ask, id: &str) -> Result<Saved, Fail> {
    let wanted = id.to_owned();
    let saved = app.ask_registry(move |registry| registry.saved_one(&wanted)).await?;
    let saved = saved.ok_or_else(|| {
        Fail::missing("This view or query is not there (any more).", "Look at those that are.")
    })?;
    if is_mine(ask, &saved) {
        return Ok(saved);
    }
    Err(Fail::forbidden(format!(
        "{:?} was saved by {}: only they and admins may change it.",
        saved.name, saved.owner
    )))
}

fn is_mine(ask: &Ask, saved: &Saved) -> bool {
    ask.is_admin() || saved.owner == ask.name()
}

fn shown(ask: &Ask, saved: Saved) -> SavedOne {
    SavedOne {
        is_mine: is_mine(ask, &saved),
        id: saved.id,
        kind: saved.kind.as_str().to_owned(),
        name: saved.name,
        text: saved.text,
        owner: saved.owner,
        changed_at: Instant(saved.changed_at),
        seen: saved.changed_at,
    }
}

fn kind(text: &str) -> Result<SavedKind, Fail> {
    let found = [SavedKind::View, SavedKind::Query].into_iter().find(|kind| kind.as_str() == text);
    found.ok_or_else(|| Fail::unusable(format!("{text:?} cannot be saved: use view or query")))
}

fn checked_name(name: &str) -> Result<String, Fail> {
    let name = name.trim();
    if name.is_empty() || name.chars().count() > LONGEST_NAME || name.chars().any(char::is_control)
    {
        return Err(Fail::unusable(format!(
            "the name {name:?} cannot be used: write 1 to {LONGEST_NAME} characters on one line"
        )));
    }
    Ok(name.to_owned())
}

/// Views are saved with their one address, so that a wrong one is refused here and not when it is
/// opened.
fn checked_text(kind: SavedKind, text: &str) -> Result<String, Fail> {
    match kind {
        SavedKind::View => {
            let query = text.trim().trim_start_matches('?');
            let view = View::parse(&pairs(query.as_bytes()));
            Ok(view.map_err(|fail| Fail::unusable(fail.why))?.query())
        }
        SavedKind::Query if text.trim().is_empty() => {
            Err(Fail::unusable("an empty query cannot be saved"))
        }
        SavedKind::Query => Ok(text.to_owned()),
    }
}

/// Saved views and queries
///
/// All of one kind, by name.
#[utoipa::path(
    get,
    path = "/api/v1/saved",
    tag = "saved",
    params(("kind" = Option<String>, Query, description = "view (the default) or query")),
    responses((status = 200, description = "What was saved", body = Vec<SavedOne>))
)]
pub(crate) async fn get_saved(
    State(app): State<Arc<App>>,
    ask: Ask,
) -> Result<Json<Vec<SavedOne>>, Fail> {
    let kind = kind(ask.parameter("kind").as_deref().unwrap_or("view"))?;
    Ok(Json(list(&app, &ask, kind).await?))
}

/// Save a view or a query
///
/// Everybody can see it.
#[utoipa::path(
    post,
    path = "/api/v1/saved",
    tag = "saved",
    request_body = NewSaved,
    responses((status = 201, description = "What was saved", body = SavedOne))
)]
pub(crate) async fn post_saved(
    State(app): State<Arc<App>>,
    ask: Ask,
    bytes: Bytes,
) -> Result<(StatusCode, Json<SavedOne>), Fail> {
    let saved = make(&app, &ask, &told::read(&bytes)?).await?;
    Ok((StatusCode::CREATED, Json(saved)))
}

/// Change a saved view or query
///
/// Who saved it and admins may. 409 when somebody has changed it meanwhile.
#[utoipa::path(
    put,
    path = "/api/v1/saved/{id}",
    tag = "saved",
    params(("id" = String, Path, description = "Its id")),
    request_body = ChangeSaved,
    responses((status = 200, description = "As it is now", body = SavedOne))
)]
pub(crate) async fn put_saved(
    State(app): State<Arc<App>>,
    ask: Ask,
    Path(id): Path<String>,
    bytes: Bytes,
) -> Result<Json<SavedOne>, Fail> {
    Ok(Json(change(&app, &ask, &id, &told::read(&bytes)?).await?))
}

/// Throw away a saved view or query
///
/// Who saved it and admins may.
#[utoipa::path(
    delete,
    path = "/api/v1/saved/{id}",
    tag = "saved",
    params(("id" = String, Path, description = "Its id")),
    responses((status = 204, description = "It is gone"))
)]
pub(crate) async fn delete_saved(
    State(app): State<Arc<App>>,
    ask: Ask,
    Path(id): Path<String>,
) -> Result<StatusCode, Fail> {
    remove(&app, &ask, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(OpenApi)]
#[openapi(paths(get_saved, post_saved, put_saved, delete_saved))]
pub(crate) struct Doc;

#[cfg(test)]
mod tests {
    use billhook_registry::SavedKind;

    use super::{checked_name, checked_text};

    #[test]
    fn views_are_saved_with_their_one_address() {
        let text = checked_text(SavedKind::View, "?by=account&metric=billed").unwrap();
        assert_eq!(text, "by=SubAccountId");
        assert!(checked_text(SavedKind::View, "metric=x").is_err());
        assert!(checked_text(SavedKind::Query, " ").is_err());
        assert!(checked_name(" ").is_err() && checked_name("a\nb").is_err());
        assert_eq!(checked_name(" a ").unwrap(), "a");
    }
}
