//! Tokens: what programs sign in with.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use billhook_registry::{ExposeSecret, Role, Scopes, SecretString, Token};
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::{OpenApi, ToSchema};

use super::{Instant, Page, Told};
use crate::app::App;
use crate::ask::Ask;
use crate::fail::Fail;
use crate::routes::{Need, Route, delete, get, post};

/// A token lasts so long when nothing is said.
pub(crate) const DAYS: u32 = 90;

/// No token lasts longer, but for those that last for ever.
const MOST_DAYS: u32 = 3_650;

const DAY: i64 = 86_400_000_000;

/// The calls.
pub(crate) fn routes() -> Vec<Route> {
    vec![
        get("/api/v1/tokens", Need::Viewer, list_call),
        post("/api/v1/tokens", Need::Viewer, make_call),
        delete("/api/v1/tokens/{id}", Need::Viewer, revoke_call),
    ]
}

/// A token, without its text.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct TokenLine {
    /// What it is known by.
    pub(crate) id: String,
    /// What it is for; as a user of the Postgres protocol it is called so.
    pub(crate) name: String,
    /// On whose behalf it acts.
    pub(crate) owner: String,
    /// What its owner may do: `viewer` or `admin`.
    #[schema(value_type = String)]
    pub(crate) role: Role,
    /// Does it open the API?
    pub(crate) api: bool,
    /// Does it open SQL over the Postgres protocol?
    pub(crate) wire: bool,
    /// When it was made.
    pub(crate) made_at: Instant,
    /// When it ends; nothing when it does not.
    pub(crate) expires_at: Option<Instant>,
    /// Has it ended?
    pub(crate) is_expired: bool,
    /// When it was last used, give or take a minute.
    pub(crate) used_at: Option<Instant>,
    /// The address from which it was then.
    pub(crate) used_from: Option<String>,
}

impl TokenLine {
    fn of(token: Token, now: i64) -> Self {
        Self {
            id: token.id.to_string(),
            name: token.name,
            owner: token.owner_name,
            role: token.role,
            api: token.scopes.api,
            wire: token.scopes.wire,
            made_at: Instant(token.made_at),
            expires_at: token.expires_at.map(Instant),
            is_expired: token.expires_at.is_some_and(|at| at <= now),
            used_at: token.used_at.map(Instant),
            used_from: token.used_from,
        }
    }
}

/// A token to be made.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewToken {
    /// What it is for: 1 to 64 letters (a-z), digits and . _ @ + -; no user or other token is
    /// called so.
    pub(crate) name: String,
    /// Is it to open the API?
    #[serde(default)]
    pub(crate) api: bool,
    /// Is it to open SQL over the Postgres protocol?
    #[serde(default)]
    pub(crate) wire: bool,
    /// After how many days it ends: 90 when this is left out, never when it is 0.
    pub(crate) days: Option<u32>,
}

/// A token that was made.
#[derive(Serialize, ToSchema)]
pub(crate) struct MadeToken {
    /// The token.
    pub(crate) token: TokenLine,
    /// Its text. It is told only here: Billhook keeps a fingerprint.
    pub(crate) text: String,
}

/// The tokens that the caller may see: admins see all, others their own.
///
/// # Errors
/// When the control database fails.
pub(crate) async fn answer(app: &App, ask: &Ask) -> Result<Vec<TokenLine>, Fail> {
    let now = app.now();
    let tokens = seen(app, ask).await?.into_iter();
    Ok(tokens.map(|token| TokenLine::of(token, now)).collect())
}

/// One of the tokens that the caller may see.
///
/// # Errors
/// [`Fail`] when there is none.
pub(crate) async fn one(app: &App, ask: &Ask, id: &str) -> Result<TokenLine, Fail> {
    let now = app.now();
    found(app, ask, id).await.map(|token| TokenLine::of(token, now))
}

/// Makes a token of the caller.
///
/// # Errors
/// [`Fail`] when the name cannot be used, it would open nothing, or nobody is signed in.
pub(crate) async fn make(app: &App, ask: &Ask, new: &NewToken) -> Result<MadeToken, Fail> {
    let Some(owner) = ask.user() else {
        let why = "nobody has to sign in here, so a token would be nobody's";
        let fix = "Ask the API without one, or have `billhook serve` require sign-in.";
        return Err(Fail { fix: fix.to_owned(), ..Fail::unusable(why) });
    };
    let scopes = Scopes { api: new.api, wire: new.wire };
    if !scopes.api && !scopes.wire {
        return Err(Fail::unusable("a token has to be for the API, for SQL, or for both"));
    }
    let now = app.now();
    let expires_at = match new.days.unwrap_or(DAYS) {
        0 => None,
        days @ 1..=MOST_DAYS => Some(now.saturating_add(DAY.saturating_mul(i64::from(days)))),
        _ => return Err(Fail::unusable(format!("a token lasts {MOST_DAYS} days at most"))),
    };
    let (id, name) = (owner.id.clone(), new.name.clone());
    let (token, text): (Token, SecretString) = app
        .ask_registry(move |registry| registry.new_token(&id, &name, scopes, expires_at, now))
        .await?;
    let after = told(&token);
    app.note(ask, "token.made", &token.name, None, Some(after)).await?;
    let text = text.expose_secret().to_owned();
    Ok(MadeToken { token: TokenLine::of(token, now), text })
}

/// Revokes a token, at once.
///
/// # Errors
/// [`Fail`] when the caller sees no such token.
pub(crate) async fn revoke(app: &App, ask: &Ask, id: &str) -> Result<(), Fail> {
    let token = found(app, ask, id).await?;
    let id = token.id.clone();
    if !app.ask_registry(move |registry| registry.revoke_token(&id)).await? {
        return Err(missing());
    }
    app.note(ask, "token.revoked", &token.name, Some(told(&token)), None).await
}

async fn seen(app: &App, ask: &Ask) -> Result<Vec<Token>, Fail> {
    let owner = ask.user().filter(|_| !ask.is_admin()).map(|user| user.id.clone());
    app.ask_registry(move |registry| registry.tokens(owner.as_ref())).await
}

async fn found(app: &App, ask: &Ask, id: &str) -> Result<Token, Fail> {
    let found = seen(app, ask).await?.into_iter().find(|token| token.id.as_str() == id);
    found.ok_or_else(missing)
}

fn missing() -> Fail {
    Fail::missing("There is no such token, or it is not yours.", "Choose one of those there are.")
        .linked("Tokens", "/settings/tokens")
}

/// A token as the audit log has it.
fn told(token: &Token) -> serde_json::Value {
    json!({
        "owner": token.owner_name,
        "api": token.scopes.api,
        "wire": token.scopes.wire,
        "expires_at": token.expires_at.map(Instant),
    })
}

/// Tokens: all for admins, the own ones for others
#[utoipa::path(
    get, path = "/api/v1/tokens", tag = "people",
    responses((status = 200, description = "Tokens by name, on one page.", body = Page<TokenLine>))
)]
async fn list_call(State(app): State<Arc<App>>, ask: Ask) -> Result<Json<Page<TokenLine>>, Fail> {
    let items = answer(&app, &ask).await?;
    Ok(Json(Page { items, next: None }))
}

/// Make a token of the caller
#[utoipa::path(
    post, path = "/api/v1/tokens", tag = "people", request_body = NewToken,
    responses((status = 201, description = "The token with its text.", body = MadeToken))
)]
async fn make_call(
    State(app): State<Arc<App>>,
    ask: Ask,
    Told(new): Told<NewToken>,
) -> Result<Response, Fail> {
    let made = make(&app, &ask, &new).await?;
    Ok((StatusCode::CREATED, Json(made)).into_response())
}

/// Revoke a token, at once
#[utoipa::path(
    delete, path = "/api/v1/tokens/{id}", tag = "people",
    params(("id" = String, Path, description = "What the token is known by")),
    responses((status = 204, description = "Revoked."))
)]
async fn revoke_call(
    State(app): State<Arc<App>>,
    ask: Ask,
    Path(id): Path<String>,
) -> Result<StatusCode, Fail> {
    revoke(&app, &ask, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(OpenApi)]
#[openapi(paths(list_call, make_call, revoke_call))]
pub(crate) struct Doc;
