//! The pages. Each draws an answer of the API.

mod addresses;
pub(crate) mod connections;
pub(crate) mod cost_values;
pub(crate) mod costs;
mod drafts;
pub(crate) mod failure;
pub(crate) mod form;
pub(crate) mod help;
pub(crate) mod history;
pub(crate) mod lines;
pub(crate) mod metrics;
mod openid;
pub(crate) mod overview;
pub(crate) mod runs;
pub(crate) mod saved;
mod settings;
mod sign_in;
pub(crate) mod sql;
pub(crate) mod streams;

use crate::routes::Route;

/// All pages and forms.
pub(crate) fn routes() -> Vec<Route> {
    let mut routes = Vec::new();
    routes.extend(sign_in::routes());
    routes.extend(openid::routes());
    routes.extend(settings::routes());
    routes.extend(connections::routes());
    routes.extend(help::routes());
    routes.extend(runs::routes());
    routes.extend(addresses::routes());
    routes.extend(costs::routes());
    routes.extend(cost_values::routes());
    routes.extend(lines::routes());
    routes.extend(saved::routes());
    routes.extend(history::routes());
    routes.extend(metrics::routes());
    routes.extend(overview::routes());
    routes.extend(drafts::routes());
    routes.extend(sql::routes());
    routes.extend(streams::routes());
    routes
}
