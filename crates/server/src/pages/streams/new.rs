//! Adding a sink: which kind, then everything else.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use billhook_stream::deliver::Place as Start;
use serde_json::json;

use super::fields::{self, Choice, Field, KINDS, Kind};
use crate::api::sinks;
use crate::app::App;
use crate::ask::{Ask, Posted};
use crate::fail::Fail;
use crate::format;
use crate::routes::{Need, Route, get, post};
use crate::shell::{Place, Shell, draw};

/// All pages and forms.
pub(super) fn routes() -> Vec<Route> {
    vec![get("/streams/new", Need::Admin, page), post("/streams/new", Need::Admin, create)]
}

#[derive(Template)]
#[template(path = "streams/new.html")]
struct NewPage {
    shell: Shell,
    kinds: Vec<&'static Kind>,
    /// The one that was chosen.
    kind: Option<&'static Kind>,
    name: String,
    name_error: String,
    fields: Vec<Field>,
    types: Vec<Choice>,
    connections: Vec<Choice>,
    filters: String,
    formats: Vec<Choice>,
    granularities: Vec<Choice>,
    starts: Vec<Choice>,
    is_unverified: bool,
    problem: String,
    /// What to do about it.
    fix: String,
}

/// The kinds as tiles, or the form of one.
async fn page(State(app): State<Arc<App>>, ask: Ask) -> Result<Response, Fail> {
    let kind = ask.parameter("kind").unwrap_or_default();
    draw(&drawn(&app, &ask, &kind, None, None).await?)
}

/// Sends a test event, and saves the sink when it is taken.
async fn create(State(app): State<Arc<App>>, ask: Ask, form: Posted) -> Result<Response, Fail> {
    let made = match fields::read(&form) {
        Ok(new) => Box::pin(sinks::create(&app, &ask, new)).await.map(|sink| sink.name),
        Err(fail) => Err(fail),
    };
    let fail = match made {
        Ok(name) => return Ok(Redirect::to(&format!("/streams/{name}")).into_response()),
        Err(fail) if fail.status == StatusCode::INTERNAL_SERVER_ERROR => return Err(fail),
        Err(fail) => fail,
    };
    let kind = form.get("kind").unwrap_or_default().to_owned();
    let page = drawn(&app, &ask, &kind, Some(&form), Some(&fail)).await?;
    Ok((StatusCode::UNPROCESSABLE_ENTITY, draw(&page)?).into_response())
}

async fn drawn(
    app: &App,
    ask: &Ask,
    kind: &str,
    form: Option<&Posted>,
    fail: Option<&Fail>,
) -> Result<NewPage, Fail> {
    let title = if fail.is_some() { "Error: Add a sink" } else { "Add a sink" };
    let shell = Shell::new(app, ask, Place::Streams, &[title, "Streams"]).await?;
    let why = fail.map_or("", |fail| fail.why.as_str());
    let setting = fail.map_or("", sinks::setting);
    let told = why.strip_prefix(setting).map_or(why, |rest| rest.trim_start_matches(": "));
    let is_about_name = why.contains("no name for a sink")
        || why.contains("there is a sink")
        || why.contains("cannot be called");
    let pulse = app.pulse().await?;
    let names = pulse.connections.iter().map(|felt| felt.connection.name.as_str());
    let [formats, granularities] = fields::shapes(form);
    let from_all = format!("from the beginning: {}", count(app).await);
    Ok(NewPage {
        shell: shell.under(&[("Streams", "/streams")]),
        kinds: KINDS.iter().collect(),
        kind: KINDS.iter().find(|known| known.name == kind),
        name: form.and_then(|form| form.get("name")).unwrap_or_default().to_owned(),
        name_error: if is_about_name { why.to_owned() } else { String::new() },
        fields: fields::fields(kind, form, (setting, told)),
        types: fields::types(form),
        connections: names.map(|name| fields::ticked(name, "connections", form)).collect(),
        filters: form.and_then(|form| form.raw("filters")).unwrap_or_default().to_owned(),
        formats,
        granularities,
        starts: fields::choices(
            "from",
            &[("now", "from now on"), ("history", from_all.as_str())],
            form,
        ),
        is_unverified: form.is_some_and(|form| form.has("unverified")),
        problem: why.to_owned(),
        fix: fail.map_or_else(String::new, |fail| fail.fix.clone()),
    })
}

/// How many events there are from the beginning on.
async fn count(app: &App) -> String {
    // Everything, whatever is chosen in the form: an upper bound.
    let everything = json!({ "target": { "kind": "stdout" } });
    let Ok(everything) = serde_json::from_value(everything) else { return String::new() };
    match app.lag("every event", everything, Start::default()).await {
        Some(lag) if lag.is_more => format!("more than {} events", format::grouped(lag.events)),
        Some(lag) => format!("up to {} events so far", format::grouped(lag.events)),
        None => "all events so far; they are being counted".to_owned(),
    }
}
