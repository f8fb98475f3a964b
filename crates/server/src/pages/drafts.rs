//! Adding a connection: the choice of a product, then a page for each step of a draft.

mod access;
mod check;
mod create;
mod place;
mod report;
mod save;

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};

use crate::api::Wrong;
use crate::api::connections::admins;
use crate::api::drafts::answers::{Answers, Product};
use crate::api::drafts::{Kept, Step, begin, discard, load, setup_text};
use crate::app::App;
use crate::ask::{Ask, Posted};
use crate::fail::Fail;
use crate::format;
use crate::routes::{Need, Route, get, post};
use crate::shell::{Place, Shell, draw};

/// The ways in.
pub(crate) fn routes() -> Vec<Route> {
    vec![
        get("/connections/new", Need::Viewer, products),
        post("/connections/new", Need::Admin, choose),
        get("/connections/drafts/{id}/setup/{format}", Need::Admin, setup_text),
        get("/connections/drafts/{id}/create", Need::Admin, create::page),
        post("/connections/drafts/{id}/create", Need::Admin, create::confirm),
        post("/connections/drafts/{id}/discard", Need::Admin, throw_away),
        get("/connections/drafts/{id}/{step}", Need::Admin, step_page),
        post("/connections/drafts/{id}/{step}", Need::Admin, step_form),
    ]
}

/// A product on a tile.
struct Tile {
    product: &'static str,
    title: &'static str,
    about: &'static str,
    is_meant: bool,
}

#[derive(Template)]
#[template(path = "drafts/new.html")]
struct New {
    shell: Shell,
    tiles: Vec<Tile>,
    /// Who may add connections, for those who may not.
    admins: String,
}

async fn products(State(app): State<Arc<App>>, ask: Ask) -> Result<Response, Fail> {
    let shell = Shell::new(&app, &ask, Place::Connections, &["New connection", "Connections"]);
    let shell = shell.await?.under(&[("Connections", "/connections")]);
    let meant = ask.parameter("product").unwrap_or_default();
    let tile = |product: Product| {
        let (title, about) = product.words();
        let name = product.name();
        Tile { product: name, title, about, is_meant: name == meant }
    };
    let admins = if ask.is_admin() { Vec::new() } else { admins(&app).await? };
    let tiles = Product::ALL.into_iter().map(tile).collect();
    draw(&New { shell, tiles, admins: admins.join(", ") })
}

async fn choose(State(app): State<Arc<App>>, ask: Ask, posted: Posted) -> Result<Response, Fail> {
    let name = posted.get("product").unwrap_or_default();
    let product = Product::ALL.into_iter().find(|product| product.name() == name);
    let product = product.ok_or_else(|| Fail::bad("choose one of the six products"))?;
    let kept = begin(&app, &ask, product).await?;
    Ok(to_step(&kept.draft.id, Step::Place))
}

async fn throw_away(
    State(app): State<Arc<App>>,
    ask: Ask,
    Path(id): Path<String>,
) -> Result<Response, Fail> {
    let kept = load(&app, &id).await?;
    discard(&app, &ask, &kept).await?;
    Ok(Redirect::to("/connections").into_response())
}

async fn step_page(
    State(app): State<Arc<App>>,
    ask: Ask,
    Path((id, step)): Path<(String, String)>,
) -> Result<Response, Fail> {
    let kept = load(&app, &id).await?;
    match named(&step)? {
        Step::Place => place::page(&app, &ask, &kept, Vec::new()).await,
        Step::Access => access::page(&app, &ask, &kept, Vec::new()).await,
        Step::Report => Box::pin(report::page(&app, &ask, &kept, Vec::new())).await,
        Step::Check => Box::pin(check::page(&app, &ask, &kept)).await,
        Step::Save => save::page(&app, &ask, &kept, Vec::new()).await,
    }
}

async fn step_form(
    State(app): State<Arc<App>>,
    ask: Ask,
    Path((id, step)): Path<(String, String)>,
    posted: Posted,
) -> Result<Response, Fail> {
    let kept = load(&app, &id).await?;
    match named(&step)? {
        Step::Place => place::form(&app, &ask, &kept, &posted).await,
        Step::Access => access::form(&app, &ask, &kept, &posted).await,
        Step::Report => Box::pin(report::form(&app, &ask, &kept, &posted)).await,
        Step::Check => Box::pin(check::form(&app, &ask, &kept, &posted)).await,
        Step::Save => Box::pin(save::form(&app, &ask, &kept, &posted)).await,
    }
}

fn named(step: &str) -> Result<Step, Fail> {
    Step::named(step).ok_or_else(|| {
        let names: Vec<&str> = Step::ALL.iter().map(|step| step.name()).collect();
        let what = format!("There is no step {}.", format::visible(step));
        Fail::missing(what, format!("There are {}.", names.join(", ")))
    })
}

/// Goes to a step.
fn to_step(id: &str, step: Step) -> Response {
    Redirect::to(&address(id, step)).into_response()
}

fn address(id: &str, step: Step) -> String {
    format!("/connections/drafts/{id}/{}", step.name())
}

/// A step in the list of them.
struct Stop {
    title: &'static str,
    href: String,
    is_here: bool,
    is_done: bool,
}

/// What is round every step.
struct Frame {
    id: String,
    /// What somebody has.
    product: &'static str,
    title: &'static str,
    number: usize,
    /// Where the form goes.
    action: String,
    /// The step before; nothing at the first one.
    back: String,
    stops: Vec<Stop>,
    wrongs: Vec<Wrong>,
    /// Until when the draft is kept.
    kept_until: String,
}

impl Frame {
    /// Is there something wrong with a field?
    fn is_wrong(&self, field: &str) -> bool {
        self.wrongs.iter().any(|wrong| wrong.field == field)
    }

    /// What is wrong with a field.
    fn wrong(&self, field: &str) -> &str {
        let wrong = self.wrongs.iter().find(|wrong| wrong.field == field);
        wrong.map_or("", |wrong| wrong.text.as_str())
    }
}

/// What is round a step, with what is wrong in it.
async fn framed(
    app: &App,
    ask: &Ask,
    kept: &Kept,
    step: Step,
    wrongs: Vec<Wrong>,
) -> Result<(Shell, Frame), Fail> {
    let title = if wrongs.is_empty() {
        step.title().to_owned()
    } else {
        format!("Error: {}", step.title())
    };
    let names = [title.as_str(), "New connection", "Connections"];
    let shell = Shell::new(app, ask, Place::Connections, &names).await?;
    let shell =
        shell.under(&[("Connections", "/connections"), ("New connection", "/connections/new")]);
    let id = kept.draft.id.clone();
    let reached = Step::named(&kept.draft.step).unwrap_or(Step::Place);
    let halt = |own: Step| Stop {
        title: own.title(),
        // What was not reached yet is no link.
        href: if own <= reached { address(&id, own) } else { String::new() },
        is_here: own == step,
        is_done: own < reached && own != step,
    };
    let mut back = Step::ALL.into_iter().rev().filter(|own| *own < step);
    let frame = Frame {
        product: kept.answers.product.words().0,
        title: step.title(),
        number: step.number(),
        action: address(&id, step),
        back: back.next().map(|own| address(&id, own)).unwrap_or_default(),
        stops: Step::ALL.into_iter().map(halt).collect(),
        wrongs,
        kept_until: format::instant(kept.draft.expires_at),
        id,
    };
    Ok((shell, frame))
}

/// A page of a form: refused when something is wrong in it.
fn drawn(template: &impl Template, is_refused: bool) -> Result<Response, Fail> {
    let mut response = draw(template)?;
    if is_refused {
        *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
    }
    Ok(response)
}

/// The furthest step that was reached: going back loses nothing.
fn furthest(kept: &Kept, step: Step) -> Step {
    Step::named(&kept.draft.step).unwrap_or(Step::Place).max(step)
}

/// The same draft with answers that were refused, to be drawn again.
fn with(kept: &Kept, answers: Answers) -> Kept {
    Kept { draft: kept.draft.clone(), answers }
}

/// A field that may be empty.
fn field(posted: &Posted, name: &str) -> Option<String> {
    posted.get(name).map(str::to_owned)
}
