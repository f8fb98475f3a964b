//! `/connections/{name}/settings`: when it is looked at, who Billhook is, its name, its end.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};

use super::Moment;
use super::one::{Top, shell};
use crate::api::Wrong;
use crate::api::connections::changes::{
    begin_check, set_credentials, set_name, set_schedule, take_away,
};
use crate::api::connections::credentials::{WantedAccess, understood};
use crate::api::connections::find;
use crate::api::connections::one::answer;
use crate::api::connections::shapes::ConnectionAnswer;
use crate::app::App;
use crate::ask::{Ask, Posted};
use crate::fail::Fail;
use crate::format;
use crate::routes::{Need, Route, get, post};
use crate::shell::{Shell, draw};

/// The ways in.
pub(super) fn routes() -> Vec<Route> {
    vec![
        get("/connections/{name}/settings", Need::Viewer, settings),
        get("/connections/{name}/remove", Need::Admin, removal),
        post("/connections/{name}/schedule", Need::Admin, schedule),
        post("/connections/{name}/rename", Need::Admin, rename),
        post("/connections/{name}/credentials", Need::Admin, credentials),
        post("/connections/{name}/remove", Need::Admin, remove),
    ]
}

/// What was typed, without secrets; and what cannot be used.
#[derive(Default)]
struct Typed {
    schedule: String,
    name: String,
    way: String,
    key_id: String,
    role_arn: String,
    profile: String,
    region: String,
    endpoint: String,
    wrong: Vec<Wrong>,
}

impl Typed {
    /// What the forms show before anything is typed.
    fn of(one: &ConnectionAnswer) -> Self {
        let access = &one.access;
        Self {
            schedule: one.connection.schedule.clone(),
            name: one.connection.name.clone(),
            way: access.way.to_owned(),
            role_arn: access.role_arn.clone().unwrap_or_default(),
            profile: access.profile.clone().unwrap_or_default(),
            region: access.region.clone().unwrap_or_default(),
            endpoint: access.endpoint.clone().unwrap_or_default(),
            ..Self::default()
        }
    }

    /// What is wrong with a field; nothing when it can be used.
    fn error(&self, field: &str) -> &str {
        let found = self.wrong.iter().find(|wrong| wrong.field == field);
        found.map_or("", |wrong| wrong.text.as_str())
    }

    fn is_way(&self, way: &str) -> bool {
        self.way == way
    }
}

#[derive(Template)]
#[template(path = "connections/settings.html")]
struct Settings {
    shell: Shell,
    top: Top,
    one: ConnectionAnswer,
    access: String,
    set_at: Option<Moment>,
    set_by: String,
    created: Moment,
    next: Option<Moment>,
    typed: Typed,
}

/// The page, after something was typed that cannot be used if `typed` says so.
async fn drawn(app: &App, ask: &Ask, name: &str, typed: Option<Typed>) -> Result<Response, Fail> {
    let top = Top::of(app, ask, name, "settings").await?;
    let one = answer(app, name).await?;
    let is_refused = typed.is_some();
    let page = if is_refused { "Error: Settings" } else { "Settings" };
    let shell = shell(app, ask, &top, page).await?;
    let now = app.now();
    let response = draw(&Settings {
        access: one.access.words(),
        set_at: one.access.set_at.map(|at| Moment::of(at.0, now)),
        set_by: one.access.set_by.as_deref().map(format::visible).unwrap_or_default(),
        created: Moment::of(one.created_at.0, now),
        next: one.connection.listed.next.map(|next| Moment::of(next, now)),
        typed: typed.unwrap_or_else(|| Typed::of(&one)),
        shell,
        top,
        one,
    })?;
    let status = if is_refused { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    Ok((status, response).into_response())
}

async fn settings(
    State(app): State<Arc<App>>,
    ask: Ask,
    Path(name): Path<String>,
) -> Result<Response, Fail> {
    drawn(&app, &ask, &name, None).await
}

/// Draws the page again for a form that was refused; other failures stay failures.
async fn refused(
    app: &App,
    ask: &Ask,
    name: &str,
    fail: Fail,
    field: &'static str,
    fill: impl FnOnce(&mut Typed),
) -> Result<Response, Fail> {
    if fail.status != StatusCode::UNPROCESSABLE_ENTITY {
        return Err(fail);
    }
    let mut typed = Typed::of(&answer(app, name).await?);
    fill(&mut typed);
    typed.wrong = vec![Wrong::new(field, fail.why)];
    drawn(app, ask, name, Some(typed)).await
}

fn to_settings(name: &str) -> Response {
    Redirect::to(&format!("/connections/{name}/settings")).into_response()
}

async fn schedule(
    State(app): State<Arc<App>>,
    ask: Ask,
    Path(name): Path<String>,
    posted: Posted,
) -> Result<Response, Fail> {
    let text = posted.get("schedule").unwrap_or_default();
    match set_schedule(&app, &ask, &name, text).await {
        Ok(()) => Ok(to_settings(&name)),
        Err(fail) => {
            let fill = |typed: &mut Typed| text.clone_into(&mut typed.schedule);
            refused(&app, &ask, &name, fail, "schedule", fill).await
        }
    }
}

async fn rename(
    State(app): State<Arc<App>>,
    ask: Ask,
    Path(name): Path<String>,
    posted: Posted,
) -> Result<Response, Fail> {
    let to = posted.get("name").unwrap_or_default();
    match set_name(&app, &ask, &name, to).await {
        Ok(()) => Ok(to_settings(to)),
        Err(fail) => {
            let fill = |typed: &mut Typed| to.clone_into(&mut typed.name);
            refused(&app, &ask, &name, fail, "name", fill).await
        }
    }
}

/// The access that a form wants.
fn wanted(posted: &Posted) -> WantedAccess {
    let text = |field: &str| posted.get(field).map(str::to_owned);
    let way = posted.get("way").unwrap_or_default().to_owned();
    // Fields of another way are there too, and not meant.
    let key = ["access_key", "role"].contains(&way.as_str());
    WantedAccess {
        key_id: text("key_id").filter(|_| key),
        secret: text("secret").filter(|_| key),
        session_token: text("session_token").filter(|_| key),
        role_arn: text("role_arn").filter(|_| way == "role"),
        profile: text("profile").filter(|_| ["profile", "role"].contains(&way.as_str())),
        region: text("region"),
        endpoint: text("endpoint"),
        way,
    }
}

async fn credentials(
    State(app): State<Arc<App>>,
    ask: Ask,
    Path(name): Path<String>,
    posted: Posted,
) -> Result<Response, Fail> {
    let connection = find(&app, &name).await?;
    if let Err(wrong) = understood(wanted(&posted), &connection.access)? {
        let text = |field: &str| posted.get(field).unwrap_or_default().to_owned();
        let one = answer(&app, &name).await?;
        let typed = Typed {
            way: text("way"),
            key_id: text("key_id"),
            role_arn: text("role_arn"),
            profile: text("profile"),
            region: text("region"),
            endpoint: text("endpoint"),
            wrong,
            ..Typed::of(&one)
        };
        return drawn(&app, &ask, &name, Some(typed)).await;
    }
    set_credentials(&app, &ask, &name, wanted(&posted)).await?;
    // Whether they work is what one wants to know next.
    let (Ok(job) | Err(job)) = begin_check(&app, &ask, &name).await?;
    Ok(Redirect::to(&format!("/runs/{job}")).into_response())
}

#[derive(Template)]
#[template(path = "connections/remove.html")]
struct Removal {
    shell: Shell,
    top: Top,
    months: Vec<String>,
    typed: String,
    error: &'static str,
}

async fn ending(app: &App, ask: &Ask, name: &str, typed: Option<&str>) -> Result<Response, Fail> {
    let top = Top::of(app, ask, name, "settings").await?;
    let one = answer(app, name).await?;
    let page = if typed.is_some() { "Error: Remove" } else { "Remove" };
    let shell = shell(app, ask, &top, page).await?;
    // Months that another connection counts for lose nothing.
    let months = one.months.iter().filter(|month| month.counts);
    let response = draw(&Removal {
        shell,
        top,
        months: months.map(|month| format::month(&month.period)).collect(),
        typed: typed.unwrap_or_default().to_owned(),
        error: if typed.is_some() { "This is not the name of the connection." } else { "" },
    })?;
    let status = if typed.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    Ok((status, response).into_response())
}

async fn removal(
    State(app): State<Arc<App>>,
    ask: Ask,
    Path(name): Path<String>,
) -> Result<Response, Fail> {
    ending(&app, &ask, &name, None).await
}

async fn remove(
    State(app): State<Arc<App>>,
    ask: Ask,
    Path(name): Path<String>,
    posted: Posted,
) -> Result<Response, Fail> {
    let typed = posted.get("name").unwrap_or_default();
    if typed != name {
        return ending(&app, &ask, &name, Some(typed)).await;
    }
    take_away(&app, &ask, &name).await?;
    Ok(Redirect::to("/connections").into_response())
}
