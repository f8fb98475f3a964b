//! One sink: how it is, what was sent, what it would not take, sending again, its settings.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use serde_json::Value;

use super::Row;
use crate::api::sinks::{self, AttemptView, EventName};
use crate::app::App;
use crate::ask::{Ask, Posted};
use crate::fail::Fail;
use crate::format;
use crate::jobs::JobView;
use crate::routes::{Need, Route, get, post};
use crate::shell::{Place, Shell, draw};

/// All pages and forms.
pub(super) fn routes() -> Vec<Route> {
    vec![
        get("/streams/{sink}", Need::Viewer, deliveries),
        get("/streams/{sink}/dead", Need::Viewer, dead),
        get("/streams/{sink}/replay", Need::Admin, replay_page),
        get("/streams/{sink}/settings", Need::Viewer, settings),
        post("/streams/{sink}/pause", Need::Admin, pause),
        post("/streams/{sink}/resume", Need::Admin, resume),
        post("/streams/{sink}/test", Need::Admin, test),
        post("/streams/{sink}/replay", Need::Admin, replay),
        post("/streams/{sink}/remove", Need::Admin, remove),
        post("/streams/{sink}/dead/{number}/send", Need::Admin, send_letter),
        post("/streams/{sink}/dead/{number}/drop", Need::Admin, drop_letter),
    ]
}

/// What a page of a sink is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tab {
    Deliveries,
    Dead,
    Replay,
    Settings,
}

impl Tab {
    fn name(self) -> &'static str {
        match self {
            Self::Deliveries => "deliveries",
            Self::Dead => "dead",
            Self::Replay => "replay",
            Self::Settings => "settings",
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::Deliveries => "Deliveries",
            Self::Dead => "Dead letters",
            Self::Replay => "Replay",
            Self::Settings => "Settings",
        }
    }
}

#[derive(Template)]
#[template(path = "streams/sink.html")]
struct SinkPage {
    shell: Shell,
    sink: Row,
    tabs: Vec<TabLink>,
    job: Option<Work>,
    last: Option<Attempt>,
    problem: String,
    /// Which part is drawn: `deliveries`, `dead`, `replay` or `settings`.
    part: &'static str,
    /// `all`, `delivered`, `retrying`, `refused` or `pending`.
    shows: Vec<TabLink>,
    is_pending: bool,
    event: String,
    attempts: Vec<Attempt>,
    pending: Vec<EventName>,
    letters: Vec<LetterRow>,
    from: String,
    preview: String,
    can_replay: bool,
    settings: String,
    secrets: Vec<String>,
    added: String,
    changed: String,
}

struct TabLink {
    name: String,
    href: String,
    is_here: bool,
}

/// Work that is under way, or was done last.
struct Work {
    name: &'static str,
    mark: &'static str,
    word: &'static str,
    told: String,
    at: String,
    href: String,
}

/// An attempt as it is drawn.
struct Attempt {
    at: String,
    took: String,
    mark: &'static str,
    word: &'static str,
    status: String,
    reason: String,
    events: Vec<EventLink>,
    more: usize,
    request: String,
    answer: String,
}

/// An event, and the page with its attempts.
struct EventLink {
    id: String,
    kind: String,
    subject: String,
    href: String,
}

struct LetterRow {
    number: i64,
    id: String,
    kind: String,
    subject: String,
    reason: String,
    attempts: i64,
    buried: String,
    tried: String,
    event: String,
    /// What was wrong with the form that drops it.
    error: String,
}

/// A text with what cannot be seen made visible, if there is one.
fn seen(text: &str) -> String {
    if text.is_empty() { String::new() } else { format::visible(text) }
}

fn attempt(sink: &str, view: AttemptView) -> Attempt {
    let link = |event: EventName| {
        let id: String = url::form_urlencoded::byte_serialize(event.id.as_bytes()).collect();
        let href = format!("/streams/{sink}?event={id}");
        EventLink { id: event.id, kind: event.kind, subject: seen(&event.subject), href }
    };
    let micros = i64::try_from(view.took_ms).unwrap_or(i64::MAX).saturating_mul(1_000);
    Attempt {
        at: format::utc(view.at.0).format("%-d %b %Y %H:%M:%S UTC").to_string(),
        took: format::duration(micros),
        mark: match view.came {
            "delivered" => "healthy",
            "retrying" => "degraded",
            _ => "broken",
        },
        word: view.came,
        status: view.status.map(|status| status.to_string()).unwrap_or_default(),
        reason: view.reason.as_deref().map_or_else(String::new, format::visible),
        events: view.events.into_iter().map(link).collect(),
        more: view.more,
        request: view.request.unwrap_or_default(),
        answer: view.answer.unwrap_or_default(),
    }
}

fn work(job: &JobView) -> Work {
    let answer = match &job.answer {
        Some(Value::String(text)) => text.clone(),
        Some(answer) => answer["events"].as_u64().map_or_else(String::new, |events| {
            format!("{} events were sent again", format::grouped(events))
        }),
        None => String::new(),
    };
    let told = [job.progress(), answer, job.why.clone().unwrap_or_default()];
    let told: Vec<String> = told.into_iter().filter(|text| !text.is_empty()).collect();
    Work {
        name: if job.kind == "test" { "Test event" } else { "Replay" },
        mark: job.mark(),
        word: job.word(),
        told: seen(&told.join(" · ")),
        at: format::instant(job.started_at.0),
        href: format!("/runs/{}", job.id),
    }
}

/// A page of a sink without what only one of its parts has.
async fn bare(app: &App, ask: &Ask, name: &str, tab: Tab, problem: &str) -> Result<SinkPage, Fail> {
    let view = sinks::one(app, ask, name).await?;
    let title =
        if problem.is_empty() { tab.title().to_owned() } else { format!("Error: {}", tab.title()) };
    let names: &[&str] = match (tab, problem) {
        (Tab::Deliveries, "") => &[name, "Streams"],
        _ => &[title.as_str(), name, "Streams"],
    };
    let shell = Shell::new(app, ask, Place::Streams, names).await?;
    let here = format!("/streams/{name}");
    let mut crumbs = vec![("Streams", "/streams")];
    if tab != Tab::Deliveries {
        crumbs.push((name, here.as_str()));
    }
    let last = sinks::last_attempt(app, name).await?;
    let settings = view.settings.as_ref().map(serde_json::to_string_pretty);
    Ok(SinkPage {
        shell: shell.under(&crumbs),
        sink: Row::of(&view, app.now()),
        tabs: tabs(&here, tab, view.dead_letters, ask.is_admin()),
        job: app.jobs.last(&sinks::subject(name)).as_ref().map(work),
        last: last.map(|view| attempt(name, view)),
        problem: problem.to_owned(),
        part: tab.name(),
        shows: Vec::new(),
        is_pending: false,
        event: String::new(),
        attempts: Vec::new(),
        pending: Vec::new(),
        letters: Vec::new(),
        from: String::new(),
        preview: String::new(),
        can_replay: false,
        settings: settings.and_then(Result::ok).unwrap_or_default(),
        secrets: view.secrets.clone(),
        added: format::instant(view.created_at.0),
        changed: format::instant(view.changed_at.0),
    })
}

/// The parts of a sink's pages.
fn tabs(here: &str, tab: Tab, dead: i64, is_admin: bool) -> Vec<TabLink> {
    let mut all = vec![
        (Tab::Deliveries, String::new(), Tab::Deliveries.title().to_owned()),
        (Tab::Dead, "/dead".to_owned(), format!("Dead letters {dead}")),
    ];
    if is_admin {
        all.push((Tab::Replay, "/replay".to_owned(), Tab::Replay.title().to_owned()));
    }
    all.push((Tab::Settings, "/settings".to_owned(), Tab::Settings.title().to_owned()));
    let link = |(at, below, name): (Tab, String, String)| TabLink {
        name,
        href: format!("{here}{below}"),
        is_here: at == tab,
    };
    all.into_iter().map(link).collect()
}

async fn deliveries(
    State(app): State<Arc<App>>,
    ask: Ask,
    Path(name): Path<String>,
) -> Result<Response, Fail> {
    let mut page = bare(&app, &ask, &name, Tab::Deliveries, "").await?;
    let show = ask.parameter("show").unwrap_or_else(|| "all".to_owned());
    let event = ask.parameter("event").filter(|event| !event.trim().is_empty());
    let known = ["all", "delivered", "retrying", "refused", "pending"];
    if !known.contains(&show.as_str()) {
        let why = format!("show={show} is nothing that can be shown: use {}", known.join(", "));
        return Err(Fail::bad(why).linked("All deliveries", format!("/streams/{name}")));
    }
    page.shows = known
        .iter()
        .map(|word| TabLink {
            name: (*word).to_owned(),
            href: format!("/streams/{name}?show={word}"),
            is_here: *word == show,
        })
        .collect();
    page.is_pending = show == "pending";
    if page.is_pending {
        page.pending = sinks::pending(&app, &name).await?;
    } else {
        let attempts = sinks::attempts(&app, &name, event.as_deref()).await?;
        let wanted = attempts.into_iter().filter(|one| show == "all" || one.came == show);
        page.attempts = wanted.map(|view| attempt(&name, view)).collect();
    }
    page.event = event.unwrap_or_default();
    draw(&page)
}

async fn dead(
    State(app): State<Arc<App>>,
    ask: Ask,
    Path(name): Path<String>,
) -> Result<Response, Fail> {
    draw(&dead_page(&app, &ask, &name, None).await?)
}

/// The dead letters; with what was wrong with the form of one.
async fn dead_page(
    app: &App,
    ask: &Ask,
    name: &str,
    wrong: Option<(i64, &str)>,
) -> Result<SinkPage, Fail> {
    let problem = wrong.map_or("", |(_, why)| why);
    let mut page = bare(app, ask, name, Tab::Dead, problem).await?;
    let row = |letter: sinks::DeadEvent| LetterRow {
        number: letter.number,
        id: letter.id,
        kind: letter.kind,
        subject: seen(&letter.subject),
        reason: format::visible(&letter.reason),
        attempts: letter.attempts,
        buried: format::instant(letter.buried_at.0),
        tried: format::instant(letter.tried_at.0),
        event: serde_json::to_string_pretty(&letter.event).unwrap_or_default(),
        error: match wrong {
            Some((number, why)) if number == letter.number => why.to_owned(),
            _ => String::new(),
        },
    };
    page.letters = sinks::letters(app, name).await?.into_iter().map(row).collect();
    Ok(page)
}

/// The form, and with `from` how much it would be.
async fn replay_page(
    State(app): State<Arc<App>>,
    ask: Ask,
    Path(name): Path<String>,
) -> Result<Response, Fail> {
    let from = ask.parameter("from").unwrap_or_default();
    if from.trim().is_empty() {
        return draw(&bare(&app, &ask, &name, Tab::Replay, "").await?);
    }
    match sinks::preview(&app, &name, &from).await {
        Ok(preview) => {
            let mut page = bare(&app, &ask, &name, Tab::Replay, "").await?;
            let about = if preview.is_more { "more than" } else { "about" };
            let events = format::grouped(preview.events);
            page.preview = if preview.is_ahead {
                format!(
                    "{name} is not beyond that: {about} {events} events wait for it anyway, and \
                     nothing is sent a second time."
                )
            } else {
                format!(
                    "{about} {events} events from {} on; ids are the same as before, so a receiver \
                     that remembers ids is safe.",
                    format::visible(&from)
                )
            };
            page.can_replay = !preview.is_ahead && !page.sink.is_paused;
            page.from = from;
            draw(&page)
        }
        Err(fail) => refused(&app, &ask, &name, from, fail).await,
    }
}

/// The form of a replay again, with what is wrong with it.
async fn refused(
    app: &App,
    ask: &Ask,
    name: &str,
    from: String,
    fail: Fail,
) -> Result<Response, Fail> {
    if !matches!(fail.status, StatusCode::UNPROCESSABLE_ENTITY | StatusCode::BAD_REQUEST) {
        return Err(fail);
    }
    let why = fail.why.strip_prefix("from: ").unwrap_or(&fail.why);
    let mut page = bare(app, ask, name, Tab::Replay, why).await?;
    page.from = from;
    Ok((StatusCode::UNPROCESSABLE_ENTITY, draw(&page)?).into_response())
}

async fn settings(
    State(app): State<Arc<App>>,
    ask: Ask,
    Path(name): Path<String>,
) -> Result<Response, Fail> {
    draw(&bare(&app, &ask, &name, Tab::Settings, "").await?)
}

/// Back to the page of a sink.
fn back(name: &str, below: &str) -> Response {
    Redirect::to(&format!("/streams/{name}{below}")).into_response()
}

async fn pause(
    State(app): State<Arc<App>>,
    ask: Ask,
    Path(name): Path<String>,
) -> Result<Response, Fail> {
    sinks::pause(&app, &ask, &name).await?;
    Ok(back(&name, ""))
}

async fn resume(
    State(app): State<Arc<App>>,
    ask: Ask,
    Path(name): Path<String>,
) -> Result<Response, Fail> {
    sinks::resume(&app, &ask, &name).await?;
    Ok(back(&name, ""))
}

async fn test(
    State(app): State<Arc<App>>,
    ask: Ask,
    Path(name): Path<String>,
) -> Result<Response, Fail> {
    sinks::begin_test(&app, &ask, &name).await?;
    Ok(back(&name, ""))
}

async fn replay(
    State(app): State<Arc<App>>,
    ask: Ask,
    Path(name): Path<String>,
    form: Posted,
) -> Result<Response, Fail> {
    let from = form.get("from").unwrap_or_default().to_owned();
    match sinks::replay(&app, &ask, &name, &from).await {
        Ok(_) => Ok(back(&name, "")),
        Err(fail) => refused(&app, &ask, &name, from, fail).await,
    }
}

/// Removes a sink whose name was typed.
async fn remove(
    State(app): State<Arc<App>>,
    ask: Ask,
    Path(name): Path<String>,
    form: Posted,
) -> Result<Response, Fail> {
    if form.get("name") != Some(name.as_str()) {
        let why = format!("type the name of the sink, {name}, to remove it");
        let page = bare(&app, &ask, &name, Tab::Settings, &why).await?;
        return Ok((StatusCode::UNPROCESSABLE_ENTITY, draw(&page)?).into_response());
    }
    sinks::remove(&app, &ask, &name).await?;
    Ok(Redirect::to("/streams").into_response())
}

async fn send_letter(
    State(app): State<Arc<App>>,
    ask: Ask,
    Path((name, number)): Path<(String, i64)>,
) -> Result<Response, Fail> {
    sinks::send_again(&app, &ask, &name, number).await?;
    // What was not taken stands there still, with the new reason.
    Ok(back(&name, "/dead"))
}

async fn drop_letter(
    State(app): State<Arc<App>>,
    ask: Ask,
    Path((name, number)): Path<(String, i64)>,
    form: Posted,
) -> Result<Response, Fail> {
    let reason = form.get("reason").unwrap_or_default();
    match sinks::drop_letter(&app, &ask, &name, number, reason).await {
        Ok(()) => Ok(back(&name, "/dead")),
        Err(fail) if fail.status == StatusCode::UNPROCESSABLE_ENTITY => {
            let page = dead_page(&app, &ask, &name, Some((number, &fail.why))).await?;
            Ok((StatusCode::UNPROCESSABLE_ENTITY, draw(&page)?).into_response())
        }
        Err(fail) => Err(fail),
    }
}
