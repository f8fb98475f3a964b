//! Every way into the server, with who may take it.

use std::any::Any;
use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::Extension;
use axum::handler::Handler;
use axum::http::Method;
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{MethodFilter, MethodRouter, on};
use axum::{Router, middleware};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;

use crate::app::App;
use crate::fail::Fail;
use crate::{api, assets, guard, health, pages};

/// Who may take a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Need {
    /// Anybody, also who has not signed in.
    Nobody,
    /// Whoever has signed in.
    Viewer,
    /// Only admins.
    Admin,
}

impl Need {
    const fn name(self) -> &'static str {
        match self {
            Self::Nobody => "nobody",
            Self::Viewer => "viewer",
            Self::Admin => "admin",
        }
    }
}

/// A way into the server.
pub(crate) struct Route {
    pub(crate) method: Method,
    pub(crate) path: &'static str,
    pub(crate) need: Need,
    handler: MethodRouter<Arc<App>>,
}

/// A page or an answer that changes nothing.
pub(crate) fn get<H, T>(path: &'static str, need: Need, handler: H) -> Route
where
    H: Handler<T, Arc<App>>,
    T: 'static,
{
    Route { method: Method::GET, path, need, handler: on(MethodFilter::GET, handler) }
}

/// A form or a call that changes something.
pub(crate) fn post<H, T>(path: &'static str, need: Need, handler: H) -> Route
where
    H: Handler<T, Arc<App>>,
    T: 'static,
{
    Route { method: Method::POST, path, need, handler: on(MethodFilter::POST, handler) }
}

/// A call that changes a thing that is there.
pub(crate) fn put<H, T>(path: &'static str, need: Need, handler: H) -> Route
where
    H: Handler<T, Arc<App>>,
    T: 'static,
{
    Route { method: Method::PUT, path, need, handler: on(MethodFilter::PUT, handler) }
}

/// A call that changes what it names of a thing that is there.
pub(crate) fn patch<H, T>(path: &'static str, need: Need, handler: H) -> Route
where
    H: Handler<T, Arc<App>>,
    T: 'static,
{
    Route { method: Method::PATCH, path, need, handler: on(MethodFilter::PATCH, handler) }
}

/// A call that removes a thing.
pub(crate) fn delete<H, T>(path: &'static str, need: Need, handler: H) -> Route
where
    H: Handler<T, Arc<App>>,
    T: 'static,
{
    Route { method: Method::DELETE, path, need, handler: on(MethodFilter::DELETE, handler) }
}

/// All ways in.
pub(crate) fn all() -> Vec<Route> {
    let mut routes = Vec::new();
    routes.extend(assets::routes());
    routes.extend(health::routes());
    routes.extend(api::routes());
    routes.extend(pages::routes());
    routes
}

/// All ways in, for tests: method, path, and who may take it (`nobody` for anybody, `viewer`,
/// `admin`).
#[must_use]
pub fn route_list() -> Vec<(String, &'static str, &'static str)> {
    let routes = all().into_iter();
    routes.map(|route| (route.method.to_string(), route.path, route.need.name())).collect()
}

/// The ways in, with everything that stands before them.
pub(crate) fn router(app: &Arc<App>) -> Router {
    let mut router = Router::new();
    for route in all() {
        let admit = from_fn_with_state(Arc::clone(app), guard::admit);
        // The last layer is the first to be passed: what is needed has to be known to `admit`.
        let handler: MethodRouter<Arc<App>> =
            route.handler.layer::<_, Infallible>(admit).layer(Extension(route.need));
        router = router.route(route.path, handler);
    }
    router
        .layer(CatchPanicLayer::custom(broken))
        .layer(middleware::from_fn_with_state(Arc::clone(app), guard::around))
        .layer(CompressionLayer::new())
        .with_state(Arc::clone(app))
}

/// What is answered when a handler panics.
fn broken(_: Box<dyn Any + Send + 'static>) -> Response {
    Fail::internal("a handler panicked").into_response()
}
