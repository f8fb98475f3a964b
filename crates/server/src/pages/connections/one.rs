//! `/connections/{name}`: what is wrong and how it is mended; what has arrived; what was done.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};

use super::{Moment, mark_of};
use crate::api::connections::changes::{begin_check, begin_sync, set_paused};
use crate::api::connections::one::{answer, checked, delivered, run};
use crate::api::connections::shapes::{
    CheckAnswer, ConnectionAnswer, DeliveryAnswer, HealthAnswer, RunAnswer,
};
use crate::api::connections::{admins, find, row};
use crate::api::findings::FindingAnswer;
use crate::app::App;
use crate::ask::{Ask, Posted};
use crate::fail::Fail;
use crate::format;
use crate::routes::{Need, Route, get, post};
use crate::shell::{Place, Shell, draw};

/// The ways in.
pub(super) fn routes() -> Vec<Route> {
    vec![
        get("/connections/{name}", Need::Viewer, health),
        get("/connections/{name}/deliveries", Need::Viewer, deliveries),
        get("/connections/{name}/runs", Need::Viewer, runs),
        get("/connections/{name}/checks/{run}", Need::Viewer, check_page),
        post("/connections/{name}/check", Need::Admin, check),
        post("/connections/{name}/sync", Need::Admin, sync),
        post("/connections/{name}/pause", Need::Admin, pause),
        post("/connections/{name}/resume", Need::Admin, resume),
    ]
}

/// What stands above every page of a connection.
pub(super) struct Top {
    pub(super) name: String,
    pub(super) kind: String,
    pub(super) payer: String,
    pub(super) payer_name: String,
    pub(super) mark: &'static str,
    pub(super) word: &'static str,
    pub(super) since: Option<Moment>,
    pub(super) reason: String,
    pub(super) is_paused: bool,
    pub(super) deliveries: usize,
    /// The work that is under way.
    pub(super) work: String,
    /// Which of the pages it is.
    pub(super) here: &'static str,
    /// Who may change something, for those who may not.
    pub(super) admins: String,
}

impl Top {
    /// Looks up what stands above a page.
    ///
    /// # Errors
    /// When there is no such connection; when the lake or the control database cannot be read.
    pub(super) async fn of(
        app: &App,
        ask: &Ask,
        name: &str,
        here: &'static str,
    ) -> Result<Self, Fail> {
        let row = row(app, name).await?;
        let session = app.session(None).await?;
        let delivered = billhook_engine::deliveries::delivered_in(&session, &row.name).await?;
        let (now, listed) = (app.now(), &row.listed);
        let since = listed.connection.paused_since;
        let since = since.or_else(|| listed.health.as_ref().map(|record| record.since));
        let admins = if ask.is_admin() { Vec::new() } else { admins(app).await? };
        Ok(Self {
            kind: row.kind_title.clone(),
            payer: row.payer.clone().unwrap_or_default(),
            payer_name: row.payer_name.as_deref().map(format::visible).unwrap_or_default(),
            mark: mark_of(row.health),
            word: row.health,
            since: since.map(|since| Moment::of(since, now)),
            reason: row.reason.as_deref().map(format::visible).unwrap_or_default(),
            is_paused: listed.connection.paused_since.is_some(),
            deliveries: delivered.len(),
            work: row.work.as_ref().map(ToString::to_string).unwrap_or_default(),
            here,
            admins: admins.join(", "),
            name: row.name,
        })
    }
}

/// What is round a page of a connection.
pub(super) async fn shell(app: &App, ask: &Ask, top: &Top, page: &str) -> Result<Shell, Fail> {
    let home = format!("/connections/{}", top.name);
    let name = top.name.as_str();
    let mut names = vec![name, "Connections"];
    let mut crumbs = vec![("Connections", "/connections")];
    if !page.is_empty() {
        names.insert(0, page);
        crumbs.push((name, home.as_str()));
    }
    Ok(Shell::new(app, ask, Place::Connections, &names).await?.under(&crumbs))
}

/// How it was over a time.
struct Was {
    mark: &'static str,
    health: &'static str,
    since: Moment,
    lasted: String,
    codes: Vec<String>,
}

impl Was {
    fn of(was: &HealthAnswer, now: i64) -> Self {
        let end = was.until.map_or(now, |until| until.0);
        Self {
            mark: mark_of(was.health),
            health: was.health,
            since: Moment::of(was.since.0, now),
            lasted: format::duration(end.saturating_sub(was.since.0)),
            codes: was.codes.clone(),
        }
    }
}

#[derive(Template)]
#[template(path = "connections/one.html")]
struct Health {
    shell: Shell,
    top: Top,
    one: ConnectionAnswer,
    findings: Vec<FindingAnswer>,
    /// What the last check found beside the reasons of the health.
    others: Vec<FindingAnswer>,
    checked: Option<Moment>,
    summary: String,
    next: Option<Moment>,
    loaded: Option<Moment>,
    through: String,
    counted_by: String,
    history: Vec<Was>,
    is_elsewhere: bool,
}

async fn health(
    State(app): State<Arc<App>>,
    ask: Ask,
    Path(name): Path<String>,
) -> Result<Response, Fail> {
    let top = Top::of(&app, &ask, &name, "health").await?;
    let shell = shell(&app, &ask, &top, "").await?;
    let one = answer(&app, &name).await?;
    let now = app.now();
    let findings = one.connection.reasons();
    let others = one.last_check.as_ref().map(CheckAnswer::findings).unwrap_or_default();
    let is_other = |finding: &FindingAnswer| {
        finding.severity != "error" && !findings.iter().any(|known| known.code == finding.code)
    };
    let others: Vec<FindingAnswer> = others.into_iter().filter(is_other).collect();
    let listed = &one.connection.listed;
    let checked_at = listed.health.as_ref().map(|record| record.checked_at);
    let is_running = one.connection.last_run.as_ref().is_some_and(|run| run.outcome == "running");
    draw(&Health {
        findings,
        others,
        checked: checked_at.map(|at| Moment::of(at, now)),
        summary: one.last_check.as_ref().map(CheckAnswer::summary).unwrap_or_default(),
        next: listed.next.map(|next| Moment::of(next, now)),
        loaded: listed.standing.loaded_at.map(|at| Moment::of(at, now)),
        through: listed.standing.through.map(format::day).unwrap_or_default(),
        counted_by: one.connection.counted_by.join(", "),
        history: one.health_history.iter().map(|was| Was::of(was, now)).collect(),
        is_elsewhere: is_running && one.work.is_none(),
        shell,
        top,
        one,
    })
}

/// A delivery as the page shows it.
struct Delivery {
    one: DeliveryAnswer,
    at: Moment,
    month: String,
    location: String,
    files: String,
    size: String,
    rows: String,
    stored: String,
    quarantined: String,
    excluded: String,
}

impl Delivery {
    fn of(one: DeliveryAnswer, now: i64) -> Self {
        Self {
            at: Moment::of(one.recorded_at.0, now),
            month: format::month(&one.period),
            location: format::visible(&one.location),
            files: format::grouped(one.files),
            size: format::bytes(one.text_bytes),
            rows: format::grouped(one.line_items),
            stored: format::grouped(one.stored_rows),
            quarantined: format::grouped(one.quarantined_rows),
            excluded: format::grouped(one.excluded_rows),
            one,
        }
    }
}

#[derive(Template)]
#[template(path = "connections/deliveries.html")]
struct Deliveries {
    shell: Shell,
    top: Top,
    deliveries: Vec<Delivery>,
    next: String,
    is_first: bool,
}

async fn deliveries(
    State(app): State<Arc<App>>,
    ask: Ask,
    Path(name): Path<String>,
) -> Result<Response, Fail> {
    let top = Top::of(&app, &ask, &name, "deliveries").await?;
    let shell = shell(&app, &ask, &top, "Deliveries").await?;
    let connection = find(&app, &name).await?;
    let after = ask.parameter("after");
    let page = delivered(&app, &connection, after.as_deref()).await?;
    let now = app.now();
    draw(&Deliveries {
        deliveries: page.items.into_iter().map(|one| Delivery::of(one, now)).collect(),
        next: page.next.map(|next| link(&name, "deliveries", &next)).unwrap_or_default(),
        is_first: after.is_none(),
        shell,
        top,
    })
}

/// The address of the next page.
fn link(name: &str, page: &str, after: &str) -> String {
    let after: String = url::form_urlencoded::byte_serialize(after.as_bytes()).collect();
    format!("/connections/{name}/{page}?after={after}")
}

/// A run as the page shows it.
struct Row {
    run: RunAnswer,
    at: Moment,
    took: String,
    what: String,
    result: String,
}

impl Row {
    fn of(run: RunAnswer, now: i64) -> Self {
        let took = run.finished_at.map(|end| end.0.saturating_sub(run.started_at.0));
        let what = match (run.what, &run.period) {
            ("check", _) => "Check".to_owned(),
            (_, Some(period)) => format!("Sync of {}", format::month(period)),
            _ => "Sync".to_owned(),
        };
        let result = match (run.deliveries, run.loaded) {
            (Some(looked), Some(loaded)) => {
                format!("{} looked at, {} loaded", format::grouped(looked), format::grouped(loaded))
            }
            _ => String::new(),
        };
        let at = Moment::of(run.started_at.0, now);
        Self { at, took: took.map(format::duration).unwrap_or_default(), what, result, run }
    }
}

#[derive(Template)]
#[template(path = "connections/runs.html")]
struct Runs {
    shell: Shell,
    top: Top,
    runs: Vec<Row>,
    next: String,
    is_first: bool,
}

async fn runs(
    State(app): State<Arc<App>>,
    ask: Ask,
    Path(name): Path<String>,
) -> Result<Response, Fail> {
    let top = Top::of(&app, &ask, &name, "runs").await?;
    let shell = shell(&app, &ask, &top, "Runs").await?;
    let connection = find(&app, &name).await?;
    let after = ask.parameter("after");
    let page = run(&app, &connection, after.as_deref()).await?;
    let now = app.now();
    draw(&Runs {
        runs: page.items.into_iter().map(|run| Row::of(run, now)).collect(),
        next: page.next.map(|next| link(&name, "runs", &next)).unwrap_or_default(),
        is_first: after.is_none(),
        shell,
        top,
    })
}

#[derive(Template)]
#[template(path = "connections/check.html")]
struct Check {
    shell: Shell,
    top: Top,
    check: CheckAnswer,
    at: Moment,
    took: String,
    summary: String,
}

async fn check_page(
    State(app): State<Arc<App>>,
    ask: Ask,
    Path((name, number)): Path<(String, String)>,
) -> Result<Response, Fail> {
    let top = Top::of(&app, &ask, &name, "health").await?;
    let shell = shell(&app, &ask, &top, "Check").await?;
    let connection = find(&app, &name).await?;
    // What is no number is no run either.
    let check = checked(&app, &connection, number.parse().unwrap_or(-1)).await?;
    draw(&Check {
        at: Moment::of(check.at.0, app.now()),
        took: format::duration(check.took_micros),
        summary: check.summary(),
        shell,
        top,
        check,
    })
}

async fn check(
    State(app): State<Arc<App>>,
    ask: Ask,
    Path(name): Path<String>,
    _: Posted,
) -> Result<Response, Fail> {
    let (Ok(job) | Err(job)) = begin_check(&app, &ask, &name).await?;
    Ok(Redirect::to(&format!("/runs/{job}")).into_response())
}

async fn sync(
    State(app): State<Arc<App>>,
    ask: Ask,
    Path(name): Path<String>,
    _: Posted,
) -> Result<Response, Fail> {
    let (Ok(job) | Err(job)) = begin_sync(&app, &ask, &name).await?;
    Ok(Redirect::to(&format!("/runs/{job}")).into_response())
}

async fn pause(
    State(app): State<Arc<App>>,
    ask: Ask,
    Path(name): Path<String>,
    _: Posted,
) -> Result<Response, Fail> {
    set_paused(&app, &ask, &name, true).await?;
    Ok(Redirect::to(&format!("/connections/{name}")).into_response())
}

async fn resume(
    State(app): State<Arc<App>>,
    ask: Ask,
    Path(name): Path<String>,
    _: Posted,
) -> Result<Response, Fail> {
    set_paused(&app, &ask, &name, false).await?;
    Ok(Redirect::to(&format!("/connections/{name}")).into_response())
}
