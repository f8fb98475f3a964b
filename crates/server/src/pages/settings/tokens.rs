//! The tab of tokens.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Redirect, Response};

use super::form::{self, Problems};
use super::users::Moment;
use super::{Tab, base, shell, tabs};
use crate::api::tokens::{self, DAYS, MadeToken, NewToken, TokenLine};
use crate::app::App;
use crate::ask::{Ask, Posted};
use crate::fail::Fail;
use crate::routes::{Need, Route, get, post};
use crate::shell::{Shell, draw};

/// How long a token may last: days, and what that is called.
const LASTS: [(u32, &str); 5] =
    [(7, "a week"), (30, "30 days"), (90, "90 days"), (365, "a year"), (0, "for ever")];

/// The pages and forms.
pub(crate) fn routes() -> Vec<Route> {
    vec![
        get("/settings/tokens", Need::Viewer, list),
        get("/settings/tokens/new", Need::Viewer, new),
        post("/settings/tokens/new", Need::Viewer, make),
        get("/settings/tokens/{id}/revoke", Need::Viewer, revoke_page),
        post("/settings/tokens/{id}/revoke", Need::Viewer, revoke),
    ]
}

/// A token, as the table has it.
struct TokenRow {
    id: String,
    name: String,
    owner: String,
    role: &'static str,
    scope: &'static str,
    made: Moment,
    expires: Option<Moment>,
    is_expired: bool,
    used: Option<Moment>,
    used_from: String,
}

impl TokenRow {
    fn of(token: TokenLine, now: i64) -> Self {
        Self {
            id: token.id,
            name: token.name,
            owner: token.owner,
            role: token.role.as_str(),
            scope: scope(token.api, token.wire),
            made: Moment::of(token.made_at, now),
            expires: token.expires_at.map(|at| Moment::of(at, now)),
            is_expired: token.is_expired,
            used: token.used_at.map(|at| Moment::of(at, now)),
            used_from: token.used_from.unwrap_or_default(),
        }
    }
}

fn scope(api: bool, wire: bool) -> &'static str {
    match (api, wire) {
        (true, true) => "API, SQL",
        (true, false) => "API",
        (false, true) => "SQL",
        (false, false) => "nothing",
    }
}

#[derive(Template)]
#[template(path = "settings/tokens.html")]
struct List {
    shell: Shell,
    tabs: Vec<Tab>,
    tokens: Vec<TokenRow>,
    can_make: bool,
}

/// How long a token lasts, to choose.
struct Lasts {
    days: u32,
    name: &'static str,
    is_chosen: bool,
}

#[derive(Template)]
#[template(path = "settings/token_new.html")]
struct New {
    shell: Shell,
    tabs: Vec<Tab>,
    problems: Problems,
    name: String,
    api: bool,
    wire: bool,
    lasts: Vec<Lasts>,
}

#[derive(Template)]
#[template(path = "settings/token_made.html")]
struct Made {
    shell: Shell,
    tabs: Vec<Tab>,
    token: TokenRow,
    text: String,
    /// Ready to be run; empty when the token does not open it.
    curl: String,
    psql: String,
    /// The token is for SQL, and SQL over the Postgres protocol is off.
    is_wire_off: bool,
}

#[derive(Template)]
#[template(path = "settings/token_revoke.html")]
struct Revoke {
    shell: Shell,
    tabs: Vec<Tab>,
    problems: Problems,
    token: TokenRow,
}

async fn list(State(app): State<Arc<App>>, ask: Ask) -> Result<Response, Fail> {
    let now = app.now();
    let tokens = tokens::answer(&app, &ask).await?.into_iter();
    draw(&List {
        shell: shell(&app, &ask, &["Tokens"]).await?,
        tabs: tabs(&ask, "Tokens"),
        tokens: tokens.map(|token| TokenRow::of(token, now)).collect(),
        can_make: ask.user().is_some(),
    })
}

async fn new(State(app): State<Arc<App>>, ask: Ask) -> Result<Response, Fail> {
    let new = NewToken { name: String::new(), api: true, wire: false, days: Some(DAYS) };
    new_form(&app, &ask, Problems::default(), &new).await
}

async fn new_form(
    app: &App,
    ask: &Ask,
    problems: Problems,
    new: &NewToken,
) -> Result<Response, Fail> {
    let shell = shell(app, ask, &["Make a token", "Tokens"]).await?;
    let shell = shell.under(&[("Settings", "/settings"), ("Tokens", "/settings/tokens")]);
    let lasts = LASTS.into_iter().map(|(days, name)| Lasts {
        days,
        name,
        is_chosen: days == new.days.unwrap_or(DAYS),
    });
    let page = New {
        shell: problems.told_by(shell),
        tabs: tabs(ask, "Tokens"),
        name: new.name.clone(),
        api: new.api,
        wire: new.wire,
        lasts: lasts.collect(),
        problems,
    };
    Ok(form::with(draw(&page)?, page.problems.status()))
}

async fn make(
    State(app): State<Arc<App>>,
    ask: Ask,
    headers: HeaderMap,
    posted: Posted,
) -> Result<Response, Fail> {
    let new = NewToken {
        name: posted.get("name").unwrap_or_default().to_owned(),
        api: posted.has("api"),
        wire: posted.has("wire"),
        days: posted.get("days").and_then(|days| days.parse().ok()),
    };
    let mut problems = Problems::default();
    if new.name.is_empty() {
        problems.add("name", "Enter what the token is for.");
    }
    if !new.api && !new.wire {
        problems.add("api", "Choose what the token opens.");
    }
    if !problems.is_empty() {
        return new_form(&app, &ask, problems, &new).await;
    }
    let made = match tokens::make(&app, &ask, &new).await {
        Ok(made) => made,
        Err(fail) => {
            let problems = form::unless_of_form("name", fail)?;
            return new_form(&app, &ask, problems, &new).await;
        }
    };
    let MadeToken { token, text } = made;
    let base = base(&app, &headers);
    let shell = shell(&app, &ask, &["A new token", "Tokens"]).await?;
    draw(&Made {
        shell: shell.under(&[("Settings", "/settings"), ("Tokens", "/settings/tokens")]),
        tabs: tabs(&ask, "Tokens"),
        curl: if token.api { curl(&base, &text) } else { String::new() },
        psql: if token.wire { psql(&app, &base, &token.name, &text) } else { String::new() },
        is_wire_off: token.wire && app.config.postgres.is_none(),
        token: TokenRow::of(token, app.now()),
        text,
    })
}

fn curl(base: &str, text: &str) -> String {
    format!("curl -H 'Authorization: Bearer {text}' {base}/api/v1/me")
}

/// How `psql` connects; empty when the Postgres protocol is off.
fn psql(app: &App, base: &str, user: &str, text: &str) -> String {
    let Some(address) = app.config.postgres else { return String::new() };
    let url = url::Url::parse(base).ok();
    let host = url.as_ref().and_then(url::Url::host_str).unwrap_or("localhost");
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let mode = if app.config.postgres_tls.is_some() { "require" } else { "prefer" };
    let port = address.port();
    format!(
        "PGPASSWORD='{text}' psql 'host={host} port={port} user={user} dbname=billhook \
         sslmode={mode}'"
    )
}

async fn revoke_page(
    State(app): State<Arc<App>>,
    ask: Ask,
    Path(id): Path<String>,
) -> Result<Response, Fail> {
    revoke_form(&app, &ask, &id, Problems::default()).await
}

async fn revoke_form(app: &App, ask: &Ask, id: &str, problems: Problems) -> Result<Response, Fail> {
    let token = tokens::one(app, ask, id).await?;
    let shell = shell(app, ask, &["Revoke", &token.name, "Tokens"]).await?;
    let shell = shell.under(&[("Settings", "/settings"), ("Tokens", "/settings/tokens")]);
    let page = Revoke {
        shell: problems.told_by(shell),
        tabs: tabs(ask, "Tokens"),
        token: TokenRow::of(token, app.now()),
        problems,
    };
    Ok(form::with(draw(&page)?, page.problems.status()))
}

async fn revoke(
    State(app): State<Arc<App>>,
    ask: Ask,
    Path(id): Path<String>,
    posted: Posted,
) -> Result<Response, Fail> {
    let token = tokens::one(&app, &ask, &id).await?;
    if posted.get("typed") != Some(token.name.as_str()) {
        let text = format!("Type {} to revoke that token.", token.name);
        return revoke_form(&app, &ask, &id, Problems::one("typed", text)).await;
    }
    tokens::revoke(&app, &ask, &id).await?;
    Ok(Redirect::to("/settings/tokens").into_response())
}
