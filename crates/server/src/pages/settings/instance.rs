//! The tab of this instance. It is only looked at: settings are changed in `billhook.toml`.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;

use super::{Tab, shell, tabs};
use crate::api::instance::{self, Checkup, Instance};
use crate::app::App;
use crate::ask::Ask;
use crate::fail::Fail;
use crate::routes::{Need, Route, get, post};
use crate::shell::{Shell, draw};

/// The page, and what has it look closer.
pub(crate) fn routes() -> Vec<Route> {
    vec![
        get("/settings/instance", Need::Admin, page),
        post("/settings/instance", Need::Admin, look),
    ]
}

#[derive(Template)]
#[template(path = "settings/instance.html")]
struct Drawn {
    shell: Shell,
    tabs: Vec<Tab>,
    instance: Instance,
    found: Vec<Checkup>,
}

async fn page(State(app): State<Arc<App>>, ask: Ask) -> Result<Response, Fail> {
    drawn(&app, &ask, Vec::new()).await
}

/// It writes a file for a moment and reads all lines, so it is done when it is asked for.
async fn look(State(app): State<Arc<App>>, ask: Ask) -> Result<Response, Fail> {
    let found = instance::look(&app).await;
    drawn(&app, &ask, found).await
}

async fn drawn(app: &App, ask: &Ask, found: Vec<Checkup>) -> Result<Response, Fail> {
    draw(&Drawn {
        shell: shell(app, ask, &["Instance"]).await?,
        tabs: tabs(ask, "Instance"),
        instance: instance::answer(app),
        found,
    })
}
