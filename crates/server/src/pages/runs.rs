//! `/runs/{id}`: work that goes on behind the pages.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use serde_json::Value;

use crate::api::findings::FindingAnswer;
use crate::api::jobs::{answer, may_stop, stop};
use crate::app::App;
use crate::ask::{Ask, Posted};
use crate::fail::Fail;
use crate::format;
use crate::jobs::{JobState, JobView, QUESTION};
use crate::pages::connections::Moment;
use crate::pages::form::own_path;
use crate::routes::{Need, Route, get, post};
use crate::shell::{Place, Shell, draw};

/// The ways in.
pub(crate) fn routes() -> Vec<Route> {
    vec![get("/runs/{id}", Need::Viewer, page), post("/runs/{id}/cancel", Need::Viewer, cancel)]
}

/// A line that a job told.
struct Line {
    at: Moment,
    text: String,
}

#[derive(Template)]
#[template(path = "connections/run.html")]
struct Run {
    shell: Shell,
    title: String,
    job: JobView,
    progress: String,
    started: Moment,
    took: String,
    lines: Vec<Line>,
    findings: Vec<FindingAnswer>,
    /// Where to go on: the text and address of a link.
    onward: (String, String),
    done: Option<u64>,
    of: Option<u64>,
    may_cancel: bool,
    /// Where the page goes by itself.
    led: Option<String>,
}

async fn page(
    State(app): State<Arc<App>>,
    ask: Ask,
    Path(id): Path<String>,
) -> Result<Response, Fail> {
    let job = answer(&app, &id)?;
    let view = view_of(&ask, &job);
    let led = view.clone().filter(|_| job.state == JobState::Done);
    if let Some(to) = &led
        && ask.fragment().is_none()
    {
        return Ok(Redirect::to(to).into_response());
    }
    let now = app.now();
    let title = match job.kind {
        QUESTION => job.subject.clone(),
        "check" => format!("Check of {}", job.subject),
        "sync" => format!("Sync of {}", job.subject),
        "verify" => "Check of a new connection".to_owned(),
        other => format!("{other} of {}", job.subject),
    };
    let (place, parent, above) = match job.kind {
        QUESTION if job.subject == "SQL" => (Place::Sql, "SQL", "/sql"),
        QUESTION => (Place::Costs, "Costs", "/costs"),
        _ => (Place::Connections, "Connections", "/connections"),
    };
    let shell = Shell::new(&app, &ask, place, &[title.as_str(), parent]).await?;
    let end = job.finished_at.map_or(now, |at| at.0);
    let href = job.answer.as_ref().and_then(|answer| answer.get("href")).and_then(Value::as_str);
    let onward = href.map(|href| ("What came of it".to_owned(), href.to_owned()));
    let onward = onward.or(view.map(|view| ("Back to the question".to_owned(), view)));
    let onward = onward.unwrap_or_else(|| match job.kind {
        "check" | "sync" => {
            (format!("Back to {}", job.subject), format!("/connections/{}", job.subject))
        }
        _ => ("Connections".to_owned(), "/connections".to_owned()),
    });
    let findings = job.answer.as_ref().and_then(|answer| answer.get("findings"));
    let line = |line: &crate::jobs::JobLine| Line {
        at: Moment::of(line.at.0, now),
        text: format::visible(&line.text),
    };
    draw(&Run {
        shell: shell.under(&[(parent, above)]),
        progress: job.progress(),
        started: Moment::of(job.started_at.0, now),
        took: format::duration(end.saturating_sub(job.started_at.0)),
        lines: job.lines.iter().map(line).collect(),
        findings: findings.map(FindingAnswer::all).unwrap_or_default(),
        onward,
        done: job.step.as_ref().filter(|step| step.of.is_some()).map(|step| step.done),
        of: job.step.as_ref().and_then(|step| step.of),
        may_cancel: !job.is_over() && may_stop(&ask, &job),
        led,
        title,
        job,
    })
}

/// Where a question was asked, and its answer is found: the page that led here, else that of who
/// asked first.
fn view_of(ask: &Ask, job: &JobView) -> Option<String> {
    let href = job.href.clone().filter(|_| job.is_question())?;
    let back = ask.parameter("back");
    let back = Some(own_path(back.as_deref())).filter(|back| *back != "/");
    Some(back.map_or(href, str::to_owned))
}

async fn cancel(
    State(app): State<Arc<App>>,
    ask: Ask,
    Path(id): Path<String>,
    _: Posted,
) -> Result<Response, Fail> {
    stop(&app, &ask, &id).await?;
    Ok(Redirect::to(&format!("/runs/{id}")).into_response())
}
