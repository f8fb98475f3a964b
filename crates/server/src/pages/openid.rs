//! The links of sign-in by OpenID Connect: to the provider, and back from it.

use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Redirect, Response};
use billhook_registry::{ExposeSecret, SecretString};

use super::form::{self, own_path};
use super::sign_in::{come_in, is_in};
use crate::api::openid::{self, BACK, Back};
use crate::app::App;
use crate::ask::Ask;
use crate::fail::Fail;
use crate::guard::cookie;
use crate::openid::begun::LASTS;
use crate::routes::{Need, Route, get};

/// The cookie of a browser that was sent to the provider.
const COOKIE: &str = "billhook_oidc";

/// The links.
pub(crate) fn routes() -> Vec<Route> {
    vec![get("/sign-in/oidc", Need::Nobody, there), get(BACK, Need::Nobody, back)]
}

async fn there(State(app): State<Arc<App>>, ask: Ask) -> Result<Response, Fail> {
    let next = ask.parameter("next");
    let next = own_path(next.as_deref());
    if is_in(&ask) {
        return Ok(Redirect::to(next).into_response());
    }
    let leaving = openid::begin(&app, &ask, next).await?;
    let mut response = Redirect::to(&leaving.to).into_response();
    let seconds = u64::try_from(LASTS / 1_000_000).unwrap_or_default();
    form::keep(&app, &mut response, (COOKIE, leaving.browser.expose_secret()), seconds)?;
    Ok(response)
}

async fn back(State(app): State<Arc<App>>, ask: Ask, headers: HeaderMap) -> Result<Response, Fail> {
    let [state, code, error, issuer] =
        ["state", "code", "error", "iss"].map(|name| ask.parameter(name));
    let browser = cookie(&headers, COOKIE);
    let back = Back {
        state: state.as_deref().unwrap_or_default(),
        code: code.map(SecretString::from),
        error: error.as_deref(),
        issuer: issuer.as_deref(),
        browser: browser.as_deref(),
    };
    let (entered, next) = Box::pin(openid::end(&app, &ask, back)).await?;
    let mut response = come_in(&app, &entered, own_path(Some(&next)))?;
    form::keep(&app, &mut response, (COOKIE, ""), 0)?;
    Ok(response)
}
