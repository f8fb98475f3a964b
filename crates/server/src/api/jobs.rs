//! Work that goes on behind the pages.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use utoipa::OpenApi;

use crate::app::App;
use crate::ask::Ask;
use crate::fail::Fail;
use crate::jobs::JobView;
use crate::routes::{Need, Route, get, post};

/// The ways in.
pub(crate) fn routes() -> Vec<Route> {
    vec![
        get("/api/v1/jobs/{id}", Need::Viewer, job),
        post("/api/v1/jobs/{id}/cancel", Need::Viewer, cancel),
    ]
}

/// A job, as it is now.
///
/// # Errors
/// When it is not known any more.
pub(crate) fn answer(app: &App, id: &str) -> Result<JobView, Fail> {
    app.jobs.get(id).ok_or_else(|| {
        let why = "There is no such work, or it was done before Billhook was started again.";
        Fail::missing(why, "What became of it is among the runs of its connection.")
            .linked("Connections", "/connections")
    })
}

/// May the caller stop a job? Whoever asked a question may cancel it; the rest is for admins.
pub(crate) fn may_stop(ask: &Ask, job: &JobView) -> bool {
    ask.is_admin() || (job.is_question() && job.who == ask.name())
}

/// Tells a job to stop.
///
/// # Errors
/// When it is not known any more, is not the caller's to stop, or the audit log cannot be written.
pub(crate) async fn stop(app: &App, ask: &Ask, id: &str) -> Result<(), Fail> {
    let view = answer(app, id)?;
    if !may_stop(ask, &view) {
        let what = format!("{} did not begin this work, and has the viewer role.", ask.name());
        return Err(Fail::forbidden(what));
    }
    // A question changes nothing, and neither does its end.
    if app.jobs.cancel(id) && !view.is_question() {
        app.note(ask, "job.cancelled", &view.subject, None, Some(view.kind.into())).await?;
    }
    Ok(())
}

/// How far some work is.
#[utoipa::path(
    get,
    path = "/api/v1/jobs/{id}",
    tag = "connections",
    params(("id" = String, Path, description = "Its id")),
    responses(
        (status = 200, description = "The job", body = JobView),
        (status = 404, description = "It is not known any more")
    )
)]
async fn job(State(app): State<Arc<App>>, Path(id): Path<String>) -> Result<Json<JobView>, Fail> {
    answer(&app, &id).map(Json)
}

/// Stops some work. What it has finished so far stays.
#[utoipa::path(
    post,
    path = "/api/v1/jobs/{id}/cancel",
    tag = "connections",
    params(("id" = String, Path, description = "Its id")),
    responses(
        (status = 204, description = "It was told to stop, or is over"),
        (status = 403, description = "Only admins, and whoever asked a question, may stop it"),
        (status = 404, description = "It is not known any more")
    )
)]
async fn cancel(
    State(app): State<Arc<App>>,
    ask: Ask,
    Path(id): Path<String>,
) -> Result<StatusCode, Fail> {
    stop(&app, &ask, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// This part of the description of the API.
#[derive(OpenApi)]
#[openapi(paths(job, cancel))]
pub(crate) struct Doc;
