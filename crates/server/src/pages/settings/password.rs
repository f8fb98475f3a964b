//! The tab of the own password.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;

use super::form::{self, Problems};
use super::sign_in::come_in;
use super::{Tab, shell, tabs};
use crate::api::{entry, users};
use crate::app::App;
use crate::ask::{Ask, Posted};
use crate::fail::Fail;
use crate::routes::{Need, Route, get, post};
use crate::shell::{Shell, draw};

/// The page and its form.
pub(crate) fn routes() -> Vec<Route> {
    vec![
        get("/settings/password", Need::Viewer, page),
        post("/settings/password", Need::Viewer, change),
    ]
}

#[derive(Template)]
#[template(path = "settings/password.html")]
struct Password {
    shell: Shell,
    tabs: Vec<Tab>,
    problems: Problems,
    name: String,
    is_done: bool,
}

async fn page(State(app): State<Arc<App>>, ask: Ask) -> Result<Response, Fail> {
    drawn(&app, &ask, Problems::default()).await
}

async fn drawn(app: &App, ask: &Ask, problems: Problems) -> Result<Response, Fail> {
    let page = Password {
        shell: problems.told_by(shell(app, ask, &["Password"]).await?),
        tabs: tabs(ask, "Password"),
        name: ask.name().to_owned(),
        is_done: problems.is_empty() && ask.parameter("done").is_some(),
        problems,
    };
    Ok(form::with(draw(&page)?, page.problems.status()))
}

async fn change(State(app): State<Arc<App>>, ask: Ask, posted: Posted) -> Result<Response, Fail> {
    let mut problems = Problems::default();
    if posted.secret("old").is_none() {
        problems.add("old", "Enter your present password.");
    }
    let length = posted.raw("new").unwrap_or_default().chars().count();
    if length < 12 {
        problems.add("new", "Use at least 12 characters, any characters.");
    } else if posted.raw("new").unwrap_or_default().len() > 1_024 {
        problems.add("new", "Use at most 1024 bytes.");
    }
    let (Some(old), Some(new), true) =
        (posted.secret("old"), posted.secret("new"), problems.is_empty())
    else {
        return drawn(&app, &ask, problems).await;
    };
    match users::change_password(&app, &ask, old, new).await {
        // All sessions have ended, this one with them.
        Ok(user) => {
            let entered = entry::begin(&app, user).await?;
            come_in(&app, &entered, "/settings/password?done=1")
        }
        Err(fail) => drawn(&app, &ask, form::unless_of_form("old", fail)?).await,
    }
}
