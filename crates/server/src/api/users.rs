//! Who may come in: users, invitations, and whoever asks.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use billhook_registry::{
    AuditFilter, ExposeSecret, Invitation, RegistryError, Role, SecretString, SignIn, User,
};
use chrono::DateTime;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::{OpenApi, ToSchema};

use super::{Instant, Told};
use crate::app::App;
use crate::ask::{Ask, Via, Who};
use crate::fail::Fail;
use crate::format;
use crate::routes::{Need, Route, delete, get, post, put};

/// The calls.
pub(crate) fn routes() -> Vec<Route> {
    vec![
        get("/api/v1/users", Need::Admin, list_call),
        post("/api/v1/users", Need::Admin, invite_call),
        put("/api/v1/users/{name}", Need::Admin, role_call),
        delete("/api/v1/users/{name}", Need::Admin, remove_call),
        get("/api/v1/me", Need::Viewer, me_call),
        put("/api/v1/me", Need::Viewer, password_call),
    ]
}

/// A user.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct Person {
    /// Their name.
    pub(crate) name: String,
    /// `viewer` or `admin`.
    #[schema(value_type = String)]
    pub(crate) role: Role,
    /// `password`, `proxy` or `oidc`.
    #[schema(value_type = String)]
    pub(crate) sign_in: SignIn,
    /// When they were added.
    pub(crate) made_at: Instant,
    /// When they were last seen.
    pub(crate) seen_at: Option<Instant>,
    /// When role or password were last changed.
    pub(crate) changed_at: Instant,
    /// How many tokens they have.
    pub(crate) tokens: usize,
}

impl Person {
    fn of(user: User, tokens: usize) -> Self {
        Self {
            name: user.name,
            role: user.role,
            sign_in: user.sign_in,
            made_at: Instant(user.created_at),
            seen_at: user.seen_at.map(Instant),
            changed_at: Instant(user.changed_at),
            tokens,
        }
    }
}

/// Somebody who was invited and has not come yet.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct Invited {
    /// What they will be called.
    pub(crate) name: String,
    /// `viewer` or `admin`.
    #[schema(value_type = String)]
    pub(crate) role: Role,
    /// When the invitation was made.
    pub(crate) made_at: Instant,
    /// When its link ends.
    pub(crate) expires_at: Instant,
}

impl From<Invitation> for Invited {
    fn from(invitation: Invitation) -> Self {
        let Invitation { name, role, expires_at, made_at } = invitation;
        Self { name, role, made_at: Instant(made_at), expires_at: Instant(expires_at) }
    }
}

/// All users and open invitations, by name.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct People {
    /// Users.
    pub(crate) users: Vec<Person>,
    /// Invitations.
    pub(crate) invitations: Vec<Invited>,
}

/// An invitation to be made.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewInvitation {
    /// What they will be called: 1 to 64 letters (a-z), digits and . _ @ + -
    name: String,
    /// `viewer` or `admin`.
    #[schema(value_type = String)]
    role: Role,
}

/// An invitation that was made.
#[derive(Serialize, ToSchema)]
pub(crate) struct MadeInvitation {
    /// The invitation.
    pub(crate) invitation: Invited,
    /// Path and query of its link, which works once. It is told only here.
    pub(crate) link: String,
}

/// Another role.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewRole {
    /// `viewer` or `admin`.
    #[schema(value_type = String)]
    role: Role,
    /// `changed_at` of the user as the caller has seen them; when it is given and they were changed
    /// since, nothing is done.
    changed_at: Option<String>,
}

/// Another password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewPassword {
    /// The present one.
    old: String,
    /// The one to be: at least 12 characters.
    new: String,
}

/// Who asks.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct Me {
    /// The name.
    pub(crate) name: String,
    /// `viewer` or `admin`.
    #[schema(value_type = Option<String>)]
    pub(crate) role: Option<Role>,
    /// How they are known: `session`, `token`, `proxy`, or `local` where nobody signs in.
    pub(crate) by: String,
    /// Name of the token, when it is one.
    pub(crate) token: Option<String>,
}

/// All users and invitations.
///
/// # Errors
/// When the control database fails.
pub(crate) async fn answer(app: &App) -> Result<People, Fail> {
    let now = app.now();
    app.ask_registry(move |registry| {
        let tokens = registry.tokens(None)?;
        let person = |user: User| {
            let count = tokens.iter().filter(|token| token.owner == user.id).count();
            Person::of(user, count)
        };
        let users = registry.users()?.into_iter().map(person).collect();
        let invitations = registry.invitations(now)?.into_iter().map(Invited::from).collect();
        Ok(People { users, invitations })
    })
    .await
}

/// The user of a name.
///
/// # Errors
/// [`Fail`] when there is none.
pub(crate) async fn find(app: &App, name: &str) -> Result<User, Fail> {
    let wanted = name.to_owned();
    let found = app.ask_registry(move |registry| registry.user(&wanted)).await?;
    found.ok_or_else(|| {
        let what = format!("There is no user {}.", format::visible(name));
        Fail::missing(what, "Choose one of those there are.").linked("Users", "/settings/users")
    })
}

/// Invites somebody.
///
/// # Errors
/// [`Fail`] when the name cannot be used.
pub(crate) async fn invite(
    app: &App,
    ask: &Ask,
    name: &str,
    role: Role,
) -> Result<MadeInvitation, Fail> {
    let (wanted, now) = (name.to_owned(), app.now());
    let (invitation, link) =
        app.ask_registry(move |registry| registry.invite(&wanted, role, now)).await?;
    app.note(ask, "user.invited", name, None, Some(json!({ "role": role }))).await?;
    let link = format!("/invite?token={}", link.expose_secret());
    Ok(MadeInvitation { invitation: invitation.into(), link })
}

/// Gives a user another role. `seen` is when the caller last saw them changed.
///
/// # Errors
/// [`Fail`] when there is no such user, it was changed meanwhile, or nobody would be admin then.
pub(crate) async fn set_role(
    app: &App,
    ask: &Ask,
    name: &str,
    role: Role,
    seen: Option<i64>,
) -> Result<User, Fail> {
    let _turn = app.turns.lock().await;
    let user = find(app, name).await?;
    if user.role == role {
        return Ok(user);
    }
    if seen.is_some_and(|seen| seen != user.changed_at) {
        let now = format!("{} is {} now; you chose {role}", user.name, user.role);
        let page = format!("/settings/users/{}", user.name);
        return Err(conflict(app, &user.name, &now).await.linked("Look at it again", page));
    }
    let (id, now) = (user.id.clone(), app.now());
    let set = app.ask_registry(move |registry| Ok(registry.set_role(&id, role, now))).await?;
    let changed = set.map_err(last_admin)?;
    let (before, after) = (json!({ "role": user.role }), json!({ "role": role }));
    app.note(ask, "user.role_changed", &user.name, Some(before), Some(after)).await?;
    Ok(changed)
}

/// Withdraws an invitation.
///
/// # Errors
/// [`Fail`] when there is none.
pub(crate) async fn withdraw(app: &App, ask: &Ask, name: &str) -> Result<(), Fail> {
    if withdrawn(app, ask, name).await? {
        return Ok(());
    }
    let what = format!("There is no invitation for {}.", format::visible(name));
    let fail = Fail::missing(what, "It was used, withdrawn, or is too old.");
    Err(fail.linked("Users", "/settings/users"))
}

/// Removes a user, or withdraws an invitation.
///
/// # Errors
/// [`Fail`] when there is neither, or nobody would be admin then.
pub(crate) async fn remove(app: &App, ask: &Ask, name: &str) -> Result<(), Fail> {
    let _turn = app.turns.lock().await;
    if withdrawn(app, ask, name).await? {
        return Ok(());
    }
    let user = find(app, name).await?;
    let id = user.id.clone();
    let removed = app.ask_registry(move |registry| Ok(registry.remove_user(&id))).await?;
    removed.map_err(last_admin)?;
    let before = json!({ "role": user.role, "sign_in": user.sign_in });
    app.note(ask, "user.removed", &user.name, Some(before), None).await
}

/// Withdraws an invitation, if there is one.
async fn withdrawn(app: &App, ask: &Ask, name: &str) -> Result<bool, Fail> {
    let (wanted, now) = (name.to_owned(), app.now());
    let withdrawn = app
        .ask_registry(move |registry| {
            let mut open = registry.invitations(now)?.into_iter();
            let found = open.find(|open| open.name.eq_ignore_ascii_case(&wanted));
            Ok(if registry.withdraw_invitation(&wanted)? { found } else { None })
        })
        .await?;
    let Some(invitation) = withdrawn else { return Ok(false) };
    let before = json!({ "role": invitation.role });
    app.note(ask, "invitation.withdrawn", &invitation.name, Some(before), None).await?;
    Ok(true)
}

/// Gives the caller another password, and ends all their sessions.
///
/// # Errors
/// [`Fail`] when the present one is wrong, the new one cannot be used, or the caller has none.
pub(crate) async fn change_password(
    app: &App,
    ask: &Ask,
    old: SecretString,
    new: SecretString,
) -> Result<User, Fail> {
    let Some(user) = ask.user().filter(|user| user.sign_in == SignIn::Password).cloned() else {
        let why = format!("{} has no password here", ask.name());
        return Err(Fail::unusable(why));
    };
    let (name, now) = (user.name.clone(), app.now());
    app.throttle.begin(&name, ask.address, now).map_err(|until| too_many(until, now))?;
    let id = user.id.clone();
    let changed = app
        .ask_hashing(move |registry| {
            if registry.check_password(&name, &old, now)?.is_none() {
                return Ok(false);
            }
            registry.set_password(&id, &new, now)?;
            Ok(true)
        })
        .await?;
    if !changed {
        return Err(Fail::unusable("that is not the present password"));
    }
    app.throttle.right(&user.name, ask.address);
    let word = json!({ "password": "changed" });
    app.note(ask, "user.password_changed", &user.name, None, Some(word)).await?;
    Ok(user)
}

/// Who asks.
pub(crate) fn me(ask: &Ask) -> Me {
    let (by, token) = match &ask.who {
        Who::Nobody => ("nobody", None),
        Who::Local => ("local", None),
        Who::User(_, Via::Session(_)) => ("session", None),
        Who::User(_, Via::Token(token)) => ("token", Some(token.name.clone())),
        Who::User(_, Via::Proxy) => ("proxy", None),
    };
    Me { name: ask.name().to_owned(), role: ask.role(), by: by.to_owned(), token }
}

/// Too many tries: the next one is possible at a time.
pub(crate) fn too_many(until: i64, now: i64) -> Fail {
    let why = format!("the next try is possible at {}", second(until));
    let title = "Too many tries";
    let fail = Fail::new(StatusCode::TOO_MANY_REQUESTS, title, why, "Wait until then.");
    Fail { retry_after: Some(wait(until, now)), ..fail }
}

/// How long it is until a time, in whole seconds.
pub(crate) fn wait(until: i64, now: i64) -> std::time::Duration {
    let micros = u64::try_from(until.saturating_sub(now)).unwrap_or_default();
    std::time::Duration::from_secs(micros.div_ceil(1_000_000))
}

/// `10:24:30 UTC`, rounded up.
pub(crate) fn second(micros: i64) -> String {
    format::utc(micros.saturating_add(999_999)).format("%H:%M:%S UTC").to_string()
}

/// Somebody has changed a thing since the caller saw it: who, when, and how it is now.
pub(crate) async fn conflict(app: &App, subject: &str, now: &str) -> Fail {
    let filter = AuditFilter { subject: Some(subject.to_owned()), ..AuditFilter::default() };
    let last = app.ask_registry(move |registry| registry.audit(&filter, None, 1)).await;
    let who = last.ok().and_then(|entries| entries.into_iter().next()).map_or_else(
        || "somebody changed this meanwhile".to_owned(),
        |entry| {
            let at = format::utc(entry.at).format("%H:%M");
            format!("{} changed this at {at} UTC", entry.who)
        },
    );
    Fail::conflict(format!("{who}: {now}"), "Look at how it is, and change it then.")
}

fn last_admin(error: RegistryError) -> Fail {
    match error {
        RegistryError::LastAdmin { name } => {
            let why = format!("{name} is the last admin: without one nobody could change anything");
            let fix = "Make somebody else admin first.";
            Fail::new(StatusCode::CONFLICT, "The last admin has to stay", why, fix)
        }
        error => error.into(),
    }
}

/// All users and open invitations
#[utoipa::path(
    get, path = "/api/v1/users", tag = "people",
    responses((status = 200, description = "Users and invitations, by name.", body = People))
)]
async fn list_call(State(app): State<Arc<App>>) -> Result<Json<People>, Fail> {
    answer(&app).await.map(Json)
}

/// Invite somebody
///
/// The answer has a link that works once, within 24 hours.
#[utoipa::path(
    post, path = "/api/v1/users", tag = "people", request_body = NewInvitation,
    responses((status = 201, description = "The invitation with its link.", body = MadeInvitation))
)]
async fn invite_call(
    State(app): State<Arc<App>>,
    ask: Ask,
    Told(new): Told<NewInvitation>,
) -> Result<Response, Fail> {
    let made = invite(&app, &ask, &new.name, new.role).await?;
    Ok((StatusCode::CREATED, Json(made)).into_response())
}

/// Give a user another role
#[utoipa::path(
    put, path = "/api/v1/users/{name}", tag = "people", request_body = NewRole,
    params(("name" = String, Path, description = "Name of the user")),
    responses(
        (status = 200, description = "The user as they are now.", body = Person),
        (status = 409, description = "Changed meanwhile, or the last admin."),
    )
)]
async fn role_call(
    State(app): State<Arc<App>>,
    ask: Ask,
    Path(name): Path<String>,
    Told(new): Told<NewRole>,
) -> Result<Json<Person>, Fail> {
    let seen = new.changed_at.as_deref().map(|text| {
        let time = DateTime::parse_from_rfc3339(text);
        let time = time.map(|time| time.timestamp_micros());
        time.map_err(|_| Fail::bad("changed_at is no time as RFC 3339 writes it"))
    });
    let user = set_role(&app, &ask, &name, new.role, seen.transpose()?).await?;
    let id = user.id.clone();
    let tokens = app.ask_registry(move |registry| registry.tokens(Some(&id))).await?;
    Ok(Json(Person::of(user, tokens.len())))
}

/// Remove a user with their tokens, or withdraw an invitation
#[utoipa::path(
    delete, path = "/api/v1/users/{name}", tag = "people",
    params(("name" = String, Path, description = "Name of the user, or of who was invited")),
    responses(
        (status = 204, description = "Removed."),
        (status = 409, description = "The last admin has to stay."),
    )
)]
async fn remove_call(
    State(app): State<Arc<App>>,
    ask: Ask,
    Path(name): Path<String>,
) -> Result<StatusCode, Fail> {
    remove(&app, &ask, &name).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Who asks
#[utoipa::path(
    get, path = "/api/v1/me", tag = "people",
    responses((status = 200, description = "Name, role, and how the caller is known.", body = Me))
)]
async fn me_call(ask: Ask) -> Json<Me> {
    Json(me(&ask))
}

/// Change the own password
///
/// All sessions of browsers end; tokens stay as they are.
#[utoipa::path(
    put, path = "/api/v1/me", tag = "people", request_body = NewPassword,
    responses(
        (status = 204, description = "Changed."),
        (status = 422, description = "The present password is wrong, or the new one too short."),
        (status = 429, description = "Too many tries."),
    )
)]
async fn password_call(
    State(app): State<Arc<App>>,
    ask: Ask,
    Told(new): Told<NewPassword>,
) -> Result<StatusCode, Fail> {
    change_password(&app, &ask, new.old.into(), new.new.into()).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(OpenApi)]
#[openapi(paths(list_call, invite_call, role_call, remove_call, me_call, password_call))]
pub(crate) struct Doc;
