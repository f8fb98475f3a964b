//! This Billhook: its version, its lake, its settings, and whether it is well.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use billhook_engine::doctor;
use serde::Serialize;
use utoipa::{OpenApi, ToSchema};

use super::Instant;
use crate::app::App;
use crate::fail::Fail;
use crate::routes::{Need, Route, get, post};

/// The version that runs.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The calls.
pub(crate) fn routes() -> Vec<Route> {
    vec![
        get("/api/v1/instance", Need::Admin, instance_call),
        post("/api/v1/instance/doctor", Need::Admin, doctor_call),
    ]
}

/// This Billhook.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct Instance {
    /// Its version.
    pub(crate) version: String,
    /// The directory with the control database.
    pub(crate) home: String,
    /// Where the lake lies.
    pub(crate) lake: String,
    /// Its time.
    pub(crate) now: Instant,
    /// Every setting.
    pub(crate) settings: Vec<Setting>,
}

/// A setting.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct Setting {
    /// Its name in `billhook.toml`.
    pub(crate) key: String,
    /// Its value; of a secret only whether it is set.
    pub(crate) value: String,
    /// `default`, `file`, `environment` or `command line`.
    pub(crate) source: String,
    /// What it does.
    pub(crate) meaning: String,
}

/// What was found of one thing.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct Checkup {
    /// The thing.
    pub(crate) name: String,
    /// Is it as it should be?
    pub(crate) is_well: bool,
    /// What was seen.
    pub(crate) text: String,
}

/// This Billhook.
pub(crate) fn answer(app: &App) -> Instance {
    let setting = |shown: &crate::config::Shown| Setting {
        key: shown.key.to_owned(),
        value: shown.value.clone(),
        source: shown.source.to_owned(),
        meaning: shown.meaning.to_owned(),
    };
    Instance {
        version: VERSION.to_owned(),
        home: app.home.dir.display().to_string(),
        lake: app.home.lake.url.to_string(),
        now: Instant(app.now()),
        settings: app.config.shown.iter().map(setting).collect(),
    }
}

/// Looks whether everything is well: what `billhook doctor` does.
pub(crate) async fn look(app: &App) -> Vec<Checkup> {
    let found = doctor::look(&app.home).await.into_iter();
    let checkup = |found: doctor::Found| Checkup {
        name: found.name,
        is_well: found.is_well,
        text: found.text,
    };
    found.map(checkup).collect()
}

/// Version, lake and settings
#[utoipa::path(
    get, path = "/api/v1/instance", tag = "instance",
    responses((status = 200, description = "This Billhook.", body = Instance))
)]
async fn instance_call(State(app): State<Arc<App>>) -> Json<Instance> {
    Json(answer(&app))
}

/// Look whether everything is well
///
/// Writes and removes a file of the lake, and reads all of its lines.
#[utoipa::path(
    post, path = "/api/v1/instance/doctor", tag = "instance",
    responses((status = 200, description = "What was found.", body = Vec<Checkup>))
)]
async fn doctor_call(State(app): State<Arc<App>>) -> Result<Json<Vec<Checkup>>, Fail> {
    Ok(Json(look(&app).await))
}

#[derive(OpenApi)]
#[openapi(paths(instance_call, doctor_call))]
pub(crate) struct Doc;
