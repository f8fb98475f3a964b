//! The calls of programs.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::Value;
use utoipa::{OpenApi, ToSchema};

use super::answers::{Answers, Product, Secrets};
use super::looking::{self, DraftCheck, begin_check, checked, settle};
use super::order::{self, Confirmed, ReportPlan};
use super::save::{self, Added, HowToSave, WantedConnection};
use super::{DraftAnswer, Step, all, begin, change, discard, load, setup, wrongs};
use crate::api::Page;
use crate::app::App;
use crate::ask::Ask;
use crate::fail::Fail;
use crate::routes::{Need, Route, delete, get, post, put};

/// The ways in.
pub(crate) fn routes() -> Vec<Route> {
    vec![
        post("/api/v1/connections", Need::Admin, add_connection),
        get("/api/v1/drafts", Need::Admin, drafts),
        post("/api/v1/drafts", Need::Admin, begin_draft),
        get("/api/v1/drafts/{id}", Need::Admin, draft),
        put("/api/v1/drafts/{id}", Need::Admin, change_draft),
        delete("/api/v1/drafts/{id}", Need::Admin, discard_draft),
        get("/api/v1/drafts/{id}/setup/{format}", Need::Admin, setup_text),
        get("/api/v1/drafts/{id}/reports", Need::Admin, reports),
        post("/api/v1/drafts/{id}/check", Need::Admin, check_draft),
        get("/api/v1/drafts/{id}/check", Need::Admin, draft_check),
        get("/api/v1/drafts/{id}/create-report", Need::Admin, report_plan),
        post("/api/v1/drafts/{id}/create-report", Need::Admin, create_report),
        post("/api/v1/drafts/{id}/save", Need::Admin, save_draft),
    ]
}

/// A new draft.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewDraft {
    /// What there is to connect.
    product: Product,
}

/// What is to be changed of a draft.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct DraftChange {
    /// The step that was answered; the draft is at the next one afterwards.
    step: String,
    /// All answers. Product and external ID stay as they are.
    answers: Answers,
    /// Secrets that were typed: `secret` and `session_token`.
    #[serde(default)]
    secrets: BTreeMap<String, String>,
}

/// How a draft is checked.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
struct HowToCheck {
    /// Make requests that AWS charges for, too: at most two, for 0.01 USD each.
    paid: bool,
}

/// Adds a connection in one call: everything is verified first, and nothing is saved when something
/// does not work, unless it is to be saved paused.
#[utoipa::path(
    post,
    path = "/api/v1/connections",
    tag = "connections",
    request_body = WantedConnection,
    responses(
        (status = 201, description = "It was added, and its history is being loaded", body = Added),
        (status = 422, description = "It does not work, or the answers cannot be used")
    )
)]
async fn add_connection(
    State(app): State<Arc<App>>,
    ask: Ask,
    Json(wanted): Json<WantedConnection>,
) -> Result<Response, Fail> {
    let added = Box::pin(save::create(&app, &ask, wanted)).await?;
    Ok((StatusCode::CREATED, Json(added)).into_response())
}

/// Connections that somebody is adding.
#[utoipa::path(
    get,
    path = "/api/v1/drafts",
    tag = "drafts",
    responses((status = 200, description = "All of them", body = Page<DraftAnswer>))
)]
async fn drafts(State(app): State<Arc<App>>) -> Result<Json<Page<DraftAnswer>>, Fail> {
    Ok(Json(Page { items: all(&app).await?, next: None }))
}

/// Begins a draft.
#[utoipa::path(
    post,
    path = "/api/v1/drafts",
    tag = "drafts",
    request_body = NewDraft,
    responses((status = 201, description = "It was begun", body = DraftAnswer))
)]
async fn begin_draft(
    State(app): State<Arc<App>>,
    ask: Ask,
    Json(new): Json<NewDraft>,
) -> Result<Response, Fail> {
    let kept = begin(&app, &ask, new.product).await?;
    Ok((StatusCode::CREATED, Json(DraftAnswer::from(kept))).into_response())
}

/// A draft.
#[utoipa::path(
    get,
    path = "/api/v1/drafts/{id}",
    tag = "drafts",
    params(("id" = String, Path, description = "Its id")),
    responses(
        (status = 200, description = "The draft", body = DraftAnswer),
        (status = 404, description = "It is not there any more")
    )
)]
async fn draft(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
) -> Result<Json<DraftAnswer>, Fail> {
    Ok(Json(load(&app, &id).await?.into()))
}

/// Changes the answers of a draft.
#[utoipa::path(
    put,
    path = "/api/v1/drafts/{id}",
    tag = "drafts",
    params(("id" = String, Path, description = "Its id")),
    request_body = DraftChange,
    responses(
        (status = 200, description = "The draft, changed", body = DraftAnswer),
        (status = 422, description = "Answers of the step cannot be used; nothing was changed")
    )
)]
async fn change_draft(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    Json(wanted): Json<DraftChange>,
) -> Result<Json<DraftAnswer>, Fail> {
    let kept = load(&app, &id).await?;
    let step = Step::named(&wanted.step).ok_or_else(|| {
        let names: Vec<&str> = Step::ALL.iter().map(|step| step.name()).collect();
        Fail::bad(format!("\"{}\" is no step; there are {}", wanted.step, names.join(", ")))
    })?;
    let secrets: Secrets =
        wanted.secrets.into_iter().map(|(field, text)| (field, text.into())).collect();
    let changed = change(&app, &kept, step, step.next(), wanted.answers, secrets).await?;
    Ok(Json(changed.map_err(|all| wrongs::fail(&all))?.into()))
}

/// Throws a draft away, with its secrets.
#[utoipa::path(
    delete,
    path = "/api/v1/drafts/{id}",
    tag = "drafts",
    params(("id" = String, Path, description = "Its id")),
    responses((status = 204, description = "It is gone"))
)]
async fn discard_draft(
    State(app): State<Arc<App>>,
    ask: Ask,
    Path(id): Path<String>,
) -> Result<StatusCode, Fail> {
    let kept = load(&app, &id).await?;
    discard(&app, &ask, &kept).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What is to be applied in AWS, as a file.
#[utoipa::path(
    get,
    path = "/api/v1/drafts/{id}/setup/{format}",
    tag = "drafts",
    params(
        ("id" = String, Path, description = "Its id"),
        ("format" = String, Path, description = "`cloudformation`, `terraform`, `cli`, `policy`, \
            `trust`, `bucket-policy`; of a new report `report-console`, `report-cli`, \
            `report-cloudformation`, `report-terraform`, `report-billhook`")
    ),
    responses(
        (status = 200, description = "The text", body = String, content_type = "text/plain"),
        (status = 422, description = "Something has to be answered first")
    )
)]
pub(crate) async fn setup_text(
    State(app): State<Arc<App>>,
    Path((id, format)): Path<(String, String)>,
) -> Result<Response, Fail> {
    let kept = load(&app, &id).await?;
    let set_up = setup::set_up(&kept.answers, &format)?;
    let text = set_up.text.map_err(Fail::unusable)?;
    let headers = [
        (CONTENT_TYPE, "text/plain; charset=utf-8".to_owned()),
        (CONTENT_DISPOSITION, format!("attachment; filename=\"{}\"", set_up.file)),
    ];
    Ok((headers, text).into_response())
}

/// The reports and files that there are; `null` while it is being looked.
#[utoipa::path(
    get,
    path = "/api/v1/drafts/{id}/reports",
    tag = "drafts",
    params(("id" = String, Path, description = "Its id")),
    responses((status = 200, description = "What there is", body = Value))
)]
async fn reports(
    State(app): State<Arc<App>>,
    ask: Ask,
    Path(id): Path<String>,
) -> Result<Json<Value>, Fail> {
    let kept = load(&app, &id).await?;
    let seen = looking::found(&app, &ask, &kept, false).await?;
    Ok(Json(serde_json::json!(seen)))
}

/// Begins to look whether everything works, and tells what is known after a few seconds.
#[utoipa::path(
    post,
    path = "/api/v1/drafts/{id}/check",
    tag = "drafts",
    params(("id" = String, Path, description = "Its id")),
    request_body = HowToCheck,
    responses((status = 202, description = "The checks so far", body = DraftCheck))
)]
async fn check_draft(
    State(app): State<Arc<App>>,
    ask: Ask,
    Path(id): Path<String>,
    Json(how): Json<HowToCheck>,
) -> Result<Response, Fail> {
    let kept = load(&app, &id).await?;
    let key = begin_check(&app, &ask, &kept, how.paid).await?;
    settle(&app, &key, &ask).await;
    Ok((StatusCode::ACCEPTED, Json(checked(&app, &kept))).into_response())
}

/// What the check has found so far.
#[utoipa::path(
    get,
    path = "/api/v1/drafts/{id}/check",
    tag = "drafts",
    params(("id" = String, Path, description = "Its id")),
    responses(
        (status = 200, description = "The checks so far", body = DraftCheck),
        (status = 404, description = "Nobody has looked since the draft was changed")
    )
)]
async fn draft_check(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
) -> Result<Json<DraftCheck>, Fail> {
    let kept = load(&app, &id).await?;
    checked(&app, &kept).map(Json).ok_or_else(|| {
        let why = "nobody has checked this draft since it was changed";
        Fail::missing(why, "Begin a check with POST.")
    })
}

/// What would be written to AWS to have a report made. Nothing is written.
#[utoipa::path(
    get,
    path = "/api/v1/drafts/{id}/create-report",
    tag = "drafts",
    params(("id" = String, Path, description = "Its id")),
    responses((status = 200, description = "The writes, in order", body = ReportPlan))
)]
async fn report_plan(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
) -> Result<Json<ReportPlan>, Fail> {
    let kept = load(&app, &id).await?;
    Ok(Json(Box::pin(order::plan(&app, &kept)).await?))
}

/// Has a report made: writes to AWS what the plan says, and nothing else.
#[utoipa::path(
    post,
    path = "/api/v1/drafts/{id}/create-report",
    tag = "drafts",
    params(("id" = String, Path, description = "Its id")),
    request_body = Confirmed,
    responses(
        (status = 204, description = "Done"),
        (status = 409, description = "What would be written has changed since")
    )
)]
async fn create_report(
    State(app): State<Arc<App>>,
    ask: Ask,
    Path(id): Path<String>,
    Json(confirmed): Json<Confirmed>,
) -> Result<StatusCode, Fail> {
    let kept = load(&app, &id).await?;
    Box::pin(order::carry_out(&app, &ask, &kept, &confirmed.plan)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Makes a draft a connection, and begins to load its history.
#[utoipa::path(
    post,
    path = "/api/v1/drafts/{id}/save",
    tag = "drafts",
    params(("id" = String, Path, description = "Its id")),
    request_body = HowToSave,
    responses(
        (status = 201, description = "It was added", body = Added),
        (status = 422, description = "It does not work, or was not checked")
    )
)]
async fn save_draft(
    State(app): State<Arc<App>>,
    ask: Ask,
    Path(id): Path<String>,
    Json(how): Json<HowToSave>,
) -> Result<Response, Fail> {
    let kept = load(&app, &id).await?;
    let added = save::save(&app, &ask, &kept, how.paused).await?;
    Ok((StatusCode::CREATED, Json(added)).into_response())
}

/// This part of the description of the API.
#[derive(OpenApi)]
#[openapi(paths(
    add_connection,
    drafts,
    begin_draft,
    draft,
    change_draft,
    discard_draft,
    setup_text,
    reports,
    check_draft,
    draft_check,
    report_plan,
    create_report,
    save_draft
))]
pub(crate) struct Doc;
