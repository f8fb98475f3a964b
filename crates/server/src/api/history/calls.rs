//! The calls about history.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::response::Response;
use utoipa::OpenApi;

use crate::api::history::{
    DifferenceAnswer, HistoryAnswer, SliceAnswer, Wanted, answer, as_of, csv, delivery, slice,
};
use crate::app::App;
use crate::ask::Ask;
use crate::fail::Fail;
use crate::routes::{Need, Route, get};

/// The ways in.
pub(crate) fn routes() -> Vec<Route> {
    vec![
        get("/api/v1/history", Need::Viewer, get_history),
        get("/api/v1/history/{connection}/{period}", Need::Viewer, get_slice),
        get("/api/v1/history/{connection}/{period}/{revision}", Need::Viewer, get_delivery),
        get("/api/v1/history/{connection}/{period}/{revision}/csv", Need::Viewer, get_csv),
    ]
}

/// Months and their states
///
/// Every month of every connection: how final it is, what it comes to, and how often it was
/// delivered.
#[utoipa::path(
    get,
    path = "/api/v1/history",
    tag = "history",
    params(("asof" = Option<String>, Query, description = "The lake as it was at an instant")),
    responses((status = 200, description = "The months, the newest first", body = HistoryAnswer))
)]
async fn get_history(State(app): State<Arc<App>>, ask: Ask) -> Result<Json<HistoryAnswer>, Fail> {
    Ok(Json(answer(&app, as_of(&ask)?).await?))
}

/// Deliveries of a month
#[utoipa::path(
    get,
    path = "/api/v1/history/{connection}/{period}",
    tag = "history",
    params(
        ("connection" = String, Path, description = "Name of a connection"),
        ("period" = String, Path, description = "Billing period, YYYY-MM"),
        ("asof" = Option<String>, Query, description = "The lake as it was at an instant"),
    ),
    responses(
        (status = 200, description = "The deliveries, the newest first", body = SliceAnswer),
        (status = 404, description = "There is no such connection or month")
    )
)]
async fn get_slice(
    State(app): State<Arc<App>>,
    ask: Ask,
    Path((connection, period)): Path<(String, String)>,
) -> Result<Json<SliceAnswer>, Fail> {
    Ok(Json(slice(&app, &connection, &period, as_of(&ask)?).await?))
}

/// What a delivery changed
///
/// Against the delivery before it, or against any other one of the month.
#[utoipa::path(
    get,
    path = "/api/v1/history/{connection}/{period}/{revision}",
    tag = "history",
    params(
        ("connection" = String, Path, description = "Name of a connection"),
        ("period" = String, Path, description = "Billing period, YYYY-MM"),
        ("revision" = String, Path, description = "Revision of the delivery"),
        ("by" = Option<String>, Query, description = "group, day, service, account or category"),
        ("against" = Option<usize>, Query, description = "Number of the other delivery; 0 for before the first"),
        ("at" = Option<i64>, Query, description = "When it was loaded, microseconds since 1970 UTC, where a revision came back"),
        ("asof" = Option<String>, Query, description = "The lake as it was at an instant"),
    ),
    responses(
        (status = 200, description = "What changed", body = DifferenceAnswer),
        (status = 404, description = "There is no such delivery")
    )
)]
async fn get_delivery(
    State(app): State<Arc<App>>,
    ask: Ask,
    Path((connection, period, revision)): Path<(String, String, String)>,
) -> Result<Json<DifferenceAnswer>, Fail> {
    let wanted = Wanted::of(&ask, Some(revision))?;
    Ok(Json(delivery(&app, &connection, &period, &wanted).await?))
}

/// What a delivery changed, as CSV
///
/// Everything that differs, by day and by all that the ledger tells apart, with all digits.
#[utoipa::path(
    get,
    path = "/api/v1/history/{connection}/{period}/{revision}/csv",
    tag = "history",
    params(
        ("connection" = String, Path, description = "Name of a connection"),
        ("period" = String, Path, description = "Billing period, YYYY-MM"),
        ("revision" = String, Path, description = "Revision of the delivery"),
        ("against" = Option<usize>, Query, description = "Number of the other delivery; 0 for before the first"),
        ("at" = Option<i64>, Query, description = "When it was loaded, microseconds since 1970 UTC, where a revision came back"),
        ("safe" = Option<String>, Query, description = "1: no name is a formula for a spreadsheet"),
    ),
    responses(
        (status = 200, description = "One line per day and group", content_type = "text/csv", body = String),
        (status = 404, description = "There is no such delivery")
    )
)]
async fn get_csv(
    State(app): State<Arc<App>>,
    ask: Ask,
    Path((connection, period, revision)): Path<(String, String, String)>,
) -> Result<Response, Fail> {
    let wanted = Wanted::of(&ask, Some(revision))?;
    let is_safe = ask.parameter("safe").as_deref() == Some("1");
    csv(&app, &connection, &period, &wanted, is_safe).await
}

/// This part of the description of the API.
#[derive(OpenApi)]
#[openapi(paths(get_history, get_slice, get_delivery, get_csv))]
pub(crate) struct Doc;
