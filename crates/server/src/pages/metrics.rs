//! What each metric means: `/help/metrics`.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use billhook_focus::metric::{self, Metric};

use crate::app::App;
use crate::ask::Ask;
use crate::fail::Fail;
use crate::routes::{Need, Route, get};
use crate::shell::{Place, Shell, draw};

/// The ways in.
pub(crate) fn routes() -> Vec<Route> {
    vec![get("/help/metrics", Need::Viewer, page)]
}

#[derive(Template)]
#[template(path = "overview/metrics.html")]
struct MetricsPage {
    shell: Shell,
    metrics: &'static [Metric],
}

async fn page(State(app): State<Arc<App>>, ask: Ask) -> Result<Response, Fail> {
    let shell = Shell::new(&app, &ask, Place::Elsewhere, &["Metrics", "Help"]).await?;
    draw(&MetricsPage { shell, metrics: metric::ALL })
}
