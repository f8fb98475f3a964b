//! `/v/{hash}`: a view or a query that is too long for a link, drawn in place.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Response;

use crate::api::addresses::find;
use crate::app::App;
use crate::ask::Ask;
use crate::fail::Fail;
use crate::pages::{costs, lines, sql};
use crate::routes::{Need, Route, get};

/// The way in.
pub(crate) fn routes() -> Vec<Route> {
    vec![get("/v/{hash}", Need::Viewer, page)]
}

async fn page(
    State(app): State<Arc<App>>,
    ask: Ask,
    Path(hash): Path<String>,
) -> Result<Response, Fail> {
    let address = find(&app, &hash).await?;
    let ask = ask.showing(&address);
    let app = State(app);
    match ask.path() {
        "/costs" => Box::pin(costs::page(app, ask)).await,
        "/costs/lines" => Box::pin(lines::page(app, ask)).await,
        // It shows the text. Nothing is run.
        "/sql" => Box::pin(sql::page(app, ask)).await,
        other => Err(Fail::internal(format!("{other} is kept under /v/{hash}"))),
    }
}
