//! Settings: users, tokens, authority, the audit log, this instance, and the own password. A file
//! for each tab.

mod audit;
mod authority;
mod instance;
mod password;
mod tokens;
mod users;

use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::header::HOST;
use axum::response::{IntoResponse, Redirect, Response};
use billhook_registry::SignIn;

use super::{form, sign_in};
use crate::app::App;
use crate::ask::Ask;
use crate::fail::Fail;
use crate::routes::{Need, Route, get};
use crate::shell::{Place, Shell};

/// The pages and forms.
pub(crate) fn routes() -> Vec<Route> {
    let mut routes = vec![get("/settings", Need::Viewer, first)];
    routes.extend(users::routes());
    routes.extend(tokens::routes());
    routes.extend(authority::routes());
    routes.extend(audit::routes());
    routes.extend(instance::routes());
    routes.extend(password::routes());
    routes
}

/// A tab.
struct Tab {
    name: &'static str,
    href: &'static str,
    is_here: bool,
}

/// The tabs. Those of admins are shown to everybody: they tell others who can help.
fn tabs(ask: &Ask, here: &str) -> Vec<Tab> {
    let mut all = vec![
        ("Users", "/settings/users"),
        ("Tokens", "/settings/tokens"),
        ("Authority", "/settings/authority"),
        ("Audit", "/settings/audit"),
        ("Instance", "/settings/instance"),
    ];
    if ask.user().is_some_and(|user| user.sign_in == SignIn::Password) {
        all.push(("Password", "/settings/password"));
    }
    all.into_iter().map(|(name, href)| Tab { name, href, is_here: name == here }).collect()
}

/// What is round a page of the settings called `names`, the page itself first.
async fn shell(app: &App, ask: &Ask, names: &[&str]) -> Result<Shell, Fail> {
    let mut all = names.to_vec();
    all.push("Settings");
    Shell::new(app, ask, Place::Settings, &all).await
}

async fn first(_: State<Arc<App>>, ask: Ask) -> Response {
    let to = if ask.is_admin() { "/settings/users" } else { "/settings/tokens" };
    Redirect::to(to).into_response()
}

/// What browsers call this server: `https://billhook.example.com`.
fn base(app: &App, headers: &HeaderMap) -> String {
    if let Some(url) = &app.config.public_url {
        return url.as_str().trim_end_matches('/').to_owned();
    }
    let told = headers.get(HOST).and_then(|host| host.to_str().ok());
    // It stands in lines that are copied into a shell.
    let is_plain = |host: &&str| {
        !host.is_empty() && host.chars().all(|c| c.is_ascii_alphanumeric() || ".-:[]".contains(c))
    };
    let host = told.filter(is_plain).map(str::to_owned);
    format!("http://{}", host.unwrap_or_else(|| app.config.listen.to_string()))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use crate::routes::{Need, all};

    /// What anybody may take is known by heart: another one is a decision.
    #[test]
    fn inv_sec_only_ways_in_are_open_to_nobody() {
        let open: BTreeSet<&str> = all()
            .into_iter()
            .filter(|route| route.need == Need::Nobody)
            .map(|route| route.path)
            .collect();
        let known = BTreeSet::from([
            "/assets/{name}",
            "/favicon.ico",
            "/healthz",
            "/invite",
            "/readyz",
            "/setup",
            "/sign-in",
            "/sign-in/oidc",
            "/sign-in/oidc/callback",
            "/sign-out",
            "/theme",
        ]);
        assert_eq!(open, known);
    }
}
