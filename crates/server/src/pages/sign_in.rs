//! The pages before sign-in: signing in, the set-up link, invitations; and what the menu of a
//! person does: signing out, colours.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::header::RETRY_AFTER;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Redirect, Response};
use billhook_registry::{ExposeSecret, RegistryError, SecretString};

use super::form::{self, Problems, own_path, sentence};
use crate::api::entry::{self, Entered, Tried};
use crate::api::users;
use crate::app::App;
use crate::ask::{Ask, Posted, Who};
use crate::fail::Fail;
use crate::guard::{KEYS_COOKIE, SESSION_COOKIE, THEME_COOKIE};
use crate::routes::{Need, Route, get, post};
use crate::shell::{Place, Shell, draw};

/// A browser keeps colours and the like for a year.
const YEAR: u64 = 31_536_000;

/// The pages and forms.
pub(crate) fn routes() -> Vec<Route> {
    vec![
        get("/sign-in", Need::Nobody, sign_in_page),
        post("/sign-in", Need::Nobody, sign_in),
        post("/sign-out", Need::Nobody, sign_out),
        post("/theme", Need::Nobody, theme),
        get("/setup", Need::Nobody, set_up_page),
        post("/setup", Need::Nobody, set_up),
        get("/invite", Need::Nobody, invite_page),
        post("/invite", Need::Nobody, accept),
    ]
}

#[derive(Template)]
#[template(path = "sign_in/sign_in.html")]
struct SignIn {
    shell: Shell,
    problems: Problems,
    user: String,
    next: String,
    has_ended: bool,
    is_set_up: bool,
    has_proxy: bool,
    /// Whom people can sign in by instead: name and address.
    provider: Option<(String, String)>,
}

#[derive(Template)]
#[template(path = "sign_in/set_up.html")]
struct SetUp {
    shell: Shell,
    problems: Problems,
    token: String,
    user: String,
}

#[derive(Template)]
#[template(path = "sign_in/invite.html")]
struct Invite {
    shell: Shell,
    problems: Problems,
    token: String,
    name: String,
    may: &'static str,
    role: &'static str,
}

fn shell(app: &App, ask: &Ask, name: &str, problems: &Problems) -> Shell {
    problems.told_by(Shell::bare(app, ask, Place::Elsewhere, &[name]))
}

/// Whoever is in already has nothing to do here.
pub(super) fn is_in(ask: &Ask) -> bool {
    !matches!(ask.who, Who::Nobody)
}

async fn sign_in_page(State(app): State<Arc<App>>, ask: Ask) -> Result<Response, Fail> {
    let next = ask.parameter("next");
    let next = own_path(next.as_deref());
    if is_in(&ask) {
        return Ok(Redirect::to(next).into_response());
    }
    sign_in_form(&app, &ask, Problems::default(), "", next).await
}

async fn sign_in_form(
    app: &App,
    ask: &Ask,
    problems: Problems,
    user: &str,
    next: &str,
) -> Result<Response, Fail> {
    let page = SignIn {
        shell: shell(app, ask, "Sign in", &problems),
        user: user.to_owned(),
        next: next.to_owned(),
        has_ended: problems.is_empty() && ask.parameter("ended").is_some(),
        is_set_up: entry::is_set_up(app).await?,
        has_proxy: app.config.proxy.is_some(),
        provider: provider(app, next),
        problems,
    };
    Ok(form::with(draw(&page)?, page.problems.status()))
}

/// The provider of OpenID Connect, and the link to it.
fn provider(app: &App, next: &str) -> Option<(String, String)> {
    let settings = app.config.openid.as_ref()?;
    let next: String = url::form_urlencoded::byte_serialize(next.as_bytes()).collect();
    Some((settings.issuer.host(), format!("/sign-in/oidc?next={next}")))
}

async fn sign_in(State(app): State<Arc<App>>, ask: Ask, posted: Posted) -> Result<Response, Fail> {
    let next = own_path(posted.get("next"));
    let user = posted.get("user").unwrap_or_default();
    let mut problems = Problems::default();
    if user.is_empty() {
        problems.add("user", "Enter your user name.");
    }
    let Some(password) = posted.secret("password") else {
        problems.add("password", "Enter your password.");
        return sign_in_form(&app, &ask, problems, user, next).await;
    };
    if !problems.is_empty() {
        return sign_in_form(&app, &ask, problems, user, next).await;
    }
    match entry::sign_in(&app, &ask, user, password).await? {
        Tried::Right(entered) => come_in(&app, &entered, next),
        Tried::Wrong => {
            let problems = Problems::one("user", "That user name and password do not match.");
            sign_in_form(&app, &ask, problems, user, next).await
        }
        Tried::Wait(until) => {
            let text = format!("Too many tries. Next try possible at {}.", users::second(until));
            let problems = Problems::one("user", text);
            let page = sign_in_form(&app, &ask, problems, user, next).await?;
            let mut page = form::with(page, StatusCode::TOO_MANY_REQUESTS);
            let seconds = users::wait(until, app.now()).as_secs().max(1);
            page.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
            Ok(page)
        }
    }
}

/// Goes on with a session.
pub(crate) fn come_in(app: &App, entered: &Entered, next: &str) -> Result<Response, Fail> {
    let mut response = Redirect::to(next).into_response();
    let cookie = (SESSION_COOKIE, entered.session.expose_secret());
    form::keep(app, &mut response, cookie, app.config.session.as_secs())?;
    Ok(response)
}

async fn sign_out(State(app): State<Arc<App>>, ask: Ask) -> Result<Response, Fail> {
    entry::sign_out(&app, &ask).await?;
    let mut response = Redirect::to("/sign-in").into_response();
    form::keep(&app, &mut response, (SESSION_COOKIE, ""), 0)?;
    Ok(response)
}

async fn theme(State(app): State<Arc<App>>, posted: Posted) -> Result<Response, Fail> {
    let mut response = Redirect::to(own_path(posted.get("next"))).into_response();
    let mut keep = |name: &str, value: &str, seconds: u64| {
        form::keep(&app, &mut response, (name, value), seconds)
    };
    match posted.get("theme") {
        Some("light") => keep(THEME_COOKIE, "light", YEAR)?,
        Some("dark") => keep(THEME_COOKIE, "dark", YEAR)?,
        Some(_) => keep(THEME_COOKIE, "", 0)?,
        None => {}
    }
    match posted.get("keys") {
        Some("off") => keep(KEYS_COOKIE, "off", YEAR)?,
        Some(_) => keep(KEYS_COOKIE, "", 0)?,
        None => {}
    }
    Ok(response)
}

async fn set_up_page(State(app): State<Arc<App>>, ask: Ask) -> Result<Response, Fail> {
    if is_in(&ask) {
        return Ok(Redirect::to("/").into_response());
    }
    let token = ask.parameter("token").unwrap_or_default();
    if token.is_empty() || entry::is_set_up(&app).await? {
        return Err(spent_setup());
    }
    set_up_form(&app, &ask, Problems::default(), token, "")
}

fn set_up_form(
    app: &App,
    ask: &Ask,
    problems: Problems,
    token: String,
    user: &str,
) -> Result<Response, Fail> {
    let shell = shell(app, ask, "Set up", &problems);
    let page = SetUp { shell, token, user: user.to_owned(), problems };
    Ok(form::with(draw(&page)?, page.problems.status()))
}

async fn set_up(State(app): State<Arc<App>>, ask: Ask, posted: Posted) -> Result<Response, Fail> {
    let token = posted.get("token").unwrap_or_default().to_owned();
    let user = posted.get("user").unwrap_or_default();
    let mut problems = Problems::default();
    if user.is_empty() {
        problems.add("user", "Enter a user name.");
    }
    let Some(password) = posted.secret("password") else {
        problems.add("password", "Enter a password.");
        return set_up_form(&app, &ask, problems, token, user);
    };
    if !problems.is_empty() {
        return set_up_form(&app, &ask, problems, token, user);
    }
    let link = SecretString::from(token.clone());
    match entry::set_up(&app, &ask, link, user, password).await? {
        Ok(entered) => come_in(&app, &entered, "/"),
        Err(RegistryError::LinkSpent) => Err(spent_setup()),
        Err(error) => set_up_form(&app, &ask, told(&error), token, user),
    }
}

async fn invite_page(State(app): State<Arc<App>>, ask: Ask) -> Result<Response, Fail> {
    let token = ask.parameter("token").unwrap_or_default();
    invite_form(&app, &ask, Problems::default(), token).await
}

async fn invite_form(
    app: &App,
    ask: &Ask,
    problems: Problems,
    token: String,
) -> Result<Response, Fail> {
    let link = SecretString::from(token.clone());
    let Some(invitation) = entry::invitation(app, link).await? else {
        return Err(spent_invitation());
    };
    let page = Invite {
        shell: shell(app, ask, "Invitation", &problems),
        token,
        name: invitation.name,
        may: entry::may(invitation.role),
        role: invitation.role.as_str(),
        problems,
    };
    Ok(form::with(draw(&page)?, page.problems.status()))
}

async fn accept(State(app): State<Arc<App>>, ask: Ask, posted: Posted) -> Result<Response, Fail> {
    let token = posted.get("token").unwrap_or_default().to_owned();
    let Some(password) = posted.secret("password") else {
        let problems = Problems::one("password", "Enter a password.");
        return invite_form(&app, &ask, problems, token).await;
    };
    let link = SecretString::from(token.clone());
    match entry::accept(&app, &ask, link, password).await? {
        Ok(entered) => come_in(&app, &entered, "/"),
        Err(RegistryError::LinkSpent) => Err(spent_invitation()),
        Err(error) => invite_form(&app, &ask, told(&error), token).await,
    }
}

/// An error of the control database, at the field that it is about.
fn told(error: &RegistryError) -> Problems {
    let field = match error {
        RegistryError::PasswordShort | RegistryError::PasswordLong => "password",
        _ => "user",
    };
    Problems::one(field, sentence(&error.to_string()))
}

fn spent_setup() -> Fail {
    let why = "A set-up link works once, for 30 minutes, and only until there is a user.";
    let fix = "If nobody can sign in yet, restart Billhook to print a new one.";
    Fail::new(StatusCode::GONE, "This link was used, or is too old", why, fix)
        .linked("Sign in", "/sign-in")
}

fn spent_invitation() -> Fail {
    let why = "An invitation works once, for 24 hours.";
    let fix = "Ask the admin who sent it to invite you again.";
    Fail::new(StatusCode::GONE, "This link was used, or is too old", why, fix)
        .linked("Sign in", "/sign-in")
}
