//! All groups of a view as a file, with every digit.

use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use billhook_engine::report;

use crate::api::costs::{chosen, whole};
use crate::app::App;
use crate::fail::Fail;
use crate::view::View;

/// The figures as CSV; with `is_safe` no name is a formula for a spreadsheet.
///
/// # Errors
/// When nothing matches, or the lake cannot be read.
pub(crate) async fn csv(app: &App, view: &View, is_safe: bool) -> Result<Response, Fail> {
    let report = whole(app, view).await?;
    let section = chosen(&report, view).ok_or_else(nothing)?;
    let text = report::csv(&report, section, is_safe);
    Ok(sent("text/csv; charset=utf-8; header=present", "csv", view, app, text.into_bytes()))
}

/// The figures as Parquet.
///
/// # Errors
/// When nothing matches, or the lake cannot be read.
pub(crate) async fn parquet(app: &App, view: &View) -> Result<Response, Fail> {
    let report = whole(app, view).await?;
    let section = chosen(&report, view).ok_or_else(nothing)?;
    let file = report::parquet(&report, section)?;
    Ok(sent("application/vnd.apache.parquet", "parquet", view, app, file))
}

/// A file to be saved.
pub(crate) fn sent(
    kind: &'static str,
    ending: &str,
    view: &View,
    app: &App,
    body: Vec<u8>,
) -> Response {
    let range = view.period.range(app.today()).ok();
    let days = range.map_or_else(String::new, |range| format!("-{}-{}", range.from, range.last()));
    let name = format!("attachment; filename=\"costs{days}.{ending}\"");
    ([(CONTENT_TYPE, kind.to_owned()), (CONTENT_DISPOSITION, name)], body).into_response()
}

fn nothing() -> Fail {
    Fail::missing("There are no costs in this currency.", "Choose another one.")
}
