//! The API under `/api/v1`. Each file has the answers of one theme, their JSON, and the calls that
//! change something; pages ask the same functions.

pub(crate) mod addresses;
pub(crate) mod audit;
pub(crate) mod authority;
pub(crate) mod connections;
pub(crate) mod cost_values;
pub(crate) mod costs;
pub(crate) mod drafts;
pub(crate) mod entry;
pub(crate) mod findings;
pub(crate) mod history;
pub(crate) mod instance;
pub(crate) mod jobs;
pub(crate) mod lines;
pub(crate) mod mappings;
mod openapi;
pub(crate) mod openid;
pub(crate) mod overview;
pub(crate) mod queries;
pub(crate) mod saved;
pub(crate) mod sinks;
pub(crate) mod sql;
pub(crate) mod tables;
pub(crate) mod tokens;
mod told;
pub(crate) mod users;
mod values;

use crate::routes::Route;

pub(crate) use told::Told;
pub(crate) use values::{Amount, Instant, Page, Wrong};

/// All calls.
pub(crate) fn routes() -> Vec<Route> {
    let mut routes = Vec::new();
    routes.extend(openapi::routes());
    routes.extend(users::routes());
    routes.extend(tokens::routes());
    routes.extend(authority::routes());
    routes.extend(audit::routes());
    routes.extend(instance::routes());
    routes.extend(connections::routes());
    routes.extend(findings::routes());
    routes.extend(jobs::routes());
    routes.extend(costs::routes());
    routes.extend(cost_values::routes());
    routes.extend(lines::routes());
    routes.extend(mappings::routes());
    routes.extend(saved::routes());
    routes.extend(history::routes());
    routes.extend(overview::routes());
    routes.extend(drafts::routes());
    routes.extend(queries::routes());
    routes.extend(sinks::routes());
    routes.extend(sql::routes());
    routes.extend(tables::routes());
    routes
}
