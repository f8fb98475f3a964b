//! Ways in: signing in and out, the set-up link, invitations. They are for browsers only, so they
//! have pages and no calls; programs send a token.

use billhook_registry::{Invitation, RegistryError, Role, SecretString, User};
use serde_json::json;

use crate::app::App;
use crate::ask::{Ask, Via, Who};
use crate::fail::Fail;

/// Somebody who has come in, with the text of the new session.
pub(crate) struct Entered {
    /// Who.
    pub(crate) user: User,
    /// For the cookie.
    pub(crate) session: SecretString,
}

/// What became of a try to sign in.
pub(crate) enum Tried {
    /// It was right.
    Right(Box<Entered>),
    /// Name and password do not match, whatever the cause.
    Wrong,
    /// The next try is possible at that time, microseconds since 1970 UTC.
    Wait(i64),
}

/// Signs somebody in.
///
/// # Errors
/// When the control database fails.
pub(crate) async fn sign_in(
    app: &App,
    ask: &Ask,
    name: &str,
    password: SecretString,
) -> Result<Tried, Fail> {
    let now = app.now();
    if let Err(until) = app.throttle.begin(name, ask.address, now) {
        return Ok(Tried::Wait(until));
    }
    let asked = name.to_owned();
    let found =
        app.ask_hashing(move |registry| registry.check_password(&asked, &password, now)).await?;
    let Some(user) = found else {
        tracing::warn!(id = %ask.id, from = %ask.address, "somebody could not sign in");
        return Ok(Tried::Wrong);
    };
    app.throttle.right(name, ask.address);
    Ok(Tried::Right(Box::new(begin(app, user).await?)))
}

/// Begins a session of a user.
///
/// # Errors
/// When the control database fails.
pub(crate) async fn begin(app: &App, user: User) -> Result<Entered, Fail> {
    let (id, now) = (user.id.clone(), app.now());
    let lasts = i64::try_from(app.config.session.as_micros()).unwrap_or(i64::MAX);
    let session = app.ask_registry(move |registry| registry.new_session(&id, now, lasts)).await?;
    Ok(Entered { user, session })
}

/// Ends the session that a request came with.
///
/// # Errors
/// When the control database fails.
pub(crate) async fn sign_out(app: &App, ask: &Ask) -> Result<(), Fail> {
    let Who::User(_, Via::Session(text)) = &ask.who else { return Ok(()) };
    let text = text.clone();
    app.ask_registry(move |registry| registry.end_session(&text)).await
}

/// Is there anybody who could sign in?
///
/// # Errors
/// When the control database fails.
pub(crate) async fn is_set_up(app: &App) -> Result<bool, Fail> {
    Ok(!app.ask_registry(billhook_registry::Registry::users).await?.is_empty())
}

/// Adds the first admin by a set-up link, and signs them in. What the inner error says is for them.
///
/// # Errors
/// When the control database fails.
pub(crate) async fn set_up(
    app: &App,
    ask: &Ask,
    link: SecretString,
    name: &str,
    password: SecretString,
) -> Result<Result<Entered, RegistryError>, Fail> {
    let (name, now) = (name.to_owned(), app.now());
    let made =
        app.ask_hashing(move |registry| Ok(registry.set_up(&link, &name, &password, now))).await?;
    welcome(app, ask, made, "user.set_up").await
}

/// The invitation that a link is for; `None` when it was used, withdrawn, or is too old.
///
/// # Errors
/// When the control database fails.
pub(crate) async fn invitation(app: &App, link: SecretString) -> Result<Option<Invitation>, Fail> {
    let now = app.now();
    app.ask_registry(move |registry| registry.invitation(&link, now)).await
}

/// Adds who was invited, and signs them in. What the inner error says is for them.
///
/// # Errors
/// When the control database fails.
pub(crate) async fn accept(
    app: &App,
    ask: &Ask,
    link: SecretString,
    password: SecretString,
) -> Result<Result<Entered, RegistryError>, Fail> {
    let now = app.now();
    let made = app.ask_hashing(move |registry| Ok(registry.accept(&link, &password, now))).await?;
    welcome(app, ask, made, "invitation.accepted").await
}

async fn welcome(
    app: &App,
    ask: &Ask,
    made: Result<User, RegistryError>,
    action: &'static str,
) -> Result<Result<Entered, RegistryError>, Fail> {
    let user = match made {
        Ok(user) => user,
        // What is no fault of theirs is not told as one.
        Err(error) if is_of_form(&error) => return Ok(Err(error)),
        Err(error) => return Err(error.into()),
    };
    let entered = begin(app, user).await?;
    let via = Via::Session(entered.session.clone());
    let ask = Ask { who: Who::User(entered.user.clone(), via), ..ask.clone() };
    let after = json!({ "role": entered.user.role });
    app.note(&ask, action, &entered.user.name, None, Some(after)).await?;
    Ok(Ok(entered))
}

fn is_of_form(error: &RegistryError) -> bool {
    matches!(
        error,
        RegistryError::LinkSpent
            | RegistryError::UserName { .. }
            | RegistryError::NameTaken { .. }
            | RegistryError::PasswordShort
            | RegistryError::PasswordLong
    )
}

/// What a role may do, as a sentence.
pub(crate) fn may(role: Role) -> &'static str {
    match role {
        Role::Viewer => "sees all figures, runs SQL, makes own tokens",
        Role::Admin => "the same, and changes connections, sinks and users",
    }
}
