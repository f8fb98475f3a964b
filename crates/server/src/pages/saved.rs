//! Views of costs that somebody gave a name.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use billhook_registry::SavedKind;

use crate::api::saved::{ChangeSaved, NewSaved, SavedOne, change, list, make, remove};
use crate::app::App;
use crate::ask::{Ask, Posted};
use crate::fail::Fail;
use crate::format;
use crate::routes::{Need, Route, get, post};
use crate::shell::{Place, Shell, draw};

/// All ways in.
pub(crate) fn routes() -> Vec<Route> {
    vec![
        get("/costs/saved", Need::Viewer, page),
        post("/costs/saved", Need::Viewer, save),
        post("/costs/saved/{id}", Need::Viewer, rename),
        post("/costs/saved/{id}/remove", Need::Viewer, drop_one),
    ]
}

#[derive(Template)]
#[template(path = "costs/saved.html")]
struct SavedPage {
    shell: Shell,
    views: Vec<SavedRow>,
    /// What is wrong with a form that was refused, and what was typed.
    problem: String,
    typed: String,
    text: String,
}

/// A saved view.
#[derive(Debug, Clone)]
struct SavedRow {
    id: String,
    name: String,
    text: String,
    href: String,
    owner: String,
    changed: String,
    seen: i64,
    is_mine: bool,
}

async fn page(State(app): State<Arc<App>>, ask: Ask) -> Result<Response, Fail> {
    drawn(&app, &ask, None, &Posted::default()).await
}

async fn save(State(app): State<Arc<App>>, ask: Ask, posted: Posted) -> Result<Response, Fail> {
    let new = NewSaved {
        kind: SavedKind::View.as_str().to_owned(),
        name: posted.raw("name").unwrap_or_default().to_owned(),
        text: posted.raw("text").unwrap_or_default().to_owned(),
    };
    match make(&app, &ask, &new).await {
        Ok(saved) => Ok(Redirect::to(&href(&saved.text)).into_response()),
        Err(fail) if fail.status == StatusCode::UNPROCESSABLE_ENTITY => {
            drawn(&app, &ask, Some(fail), &posted).await
        }
        Err(fail) => Err(fail),
    }
}

async fn rename(
    State(app): State<Arc<App>>,
    ask: Ask,
    Path(id): Path<String>,
    posted: Posted,
) -> Result<Response, Fail> {
    let seen = posted.get("seen").and_then(|seen| seen.parse().ok());
    let changed = ChangeSaved {
        name: posted.raw("name").unwrap_or_default().to_owned(),
        text: posted.raw("text").unwrap_or_default().to_owned(),
        seen: seen.ok_or_else(|| Fail::bad("the form lacks what it was made of"))?,
    };
    match change(&app, &ask, &id, &changed).await {
        Ok(_) => Ok(Redirect::to("/costs/saved").into_response()),
        Err(fail) if fail.status == StatusCode::UNPROCESSABLE_ENTITY => {
            drawn(&app, &ask, Some(fail), &Posted::default()).await
        }
        Err(fail) => Err(fail),
    }
}

async fn drop_one(
    State(app): State<Arc<App>>,
    ask: Ask,
    Path(id): Path<String>,
    _: Posted,
) -> Result<Response, Fail> {
    remove(&app, &ask, &id).await?;
    Ok(Redirect::to("/costs/saved").into_response())
}

async fn drawn(
    app: &App,
    ask: &Ask,
    fail: Option<Fail>,
    posted: &Posted,
) -> Result<Response, Fail> {
    let views = list(app, ask, SavedKind::View).await?;
    let title = if fail.is_some() { "Error: Saved views" } else { "Saved views" };
    let shell = Shell::new(app, ask, Place::Costs, &[title, "Costs"]).await?;
    let status = fail.as_ref().map_or(StatusCode::OK, |fail| fail.status);
    let page = SavedPage {
        shell: shell.under(&[("Costs", "/costs")]),
        views: views.into_iter().map(row).collect(),
        problem: fail.map_or_else(String::new, |fail| fail.why),
        typed: posted.raw("name").unwrap_or_default().to_owned(),
        text: posted.raw("text").unwrap_or_default().to_owned(),
    };
    let mut response = draw(&page)?;
    *response.status_mut() = status;
    Ok(response)
}

fn row(saved: SavedOne) -> SavedRow {
    SavedRow {
        href: href(&saved.text),
        changed: format::instant(saved.changed_at.0),
        id: saved.id,
        name: saved.name,
        text: saved.text,
        owner: saved.owner,
        seen: saved.seen,
        is_mine: saved.is_mine,
    }
}

fn href(text: &str) -> String {
    if text.is_empty() { "/costs".to_owned() } else { format!("/costs?{text}") }
}
