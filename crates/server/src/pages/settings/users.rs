//! The tab of users.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Redirect, Response};
use billhook_registry::Role;

use super::form::{self, Problems};
use super::{Tab, base, shell, tabs};
use crate::api::users::{self, People, Person};
use crate::api::{Instant, entry};
use crate::app::App;
use crate::ask::{Ask, Posted};
use crate::fail::Fail;
use crate::format;
use crate::routes::{Need, Route, get, post};
use crate::shell::{Shell, draw};

/// The pages and forms.
pub(crate) fn routes() -> Vec<Route> {
    vec![
        get("/settings/users", Need::Admin, list),
        post("/settings/users", Need::Admin, invite),
        get("/settings/users/{name}", Need::Admin, page),
        post("/settings/users/{name}", Need::Admin, set_role),
        get("/settings/users/{name}/remove", Need::Admin, remove_page),
        post("/settings/users/{name}/remove", Need::Admin, remove),
        post("/settings/users/{name}/withdraw", Need::Admin, withdraw),
    ]
}

/// A user, as the table has them.
struct UserRow {
    name: String,
    role: &'static str,
    sign_in: &'static str,
    seen: Option<Moment>,
    tokens: usize,
    /// Why role and being there stay as they are; empty when they need not.
    locked: String,
}

/// An invitation, as the table has it.
struct InvitedRow {
    name: String,
    role: &'static str,
    expires: Moment,
}

/// An instant for people, for machines, and how long ago.
pub(super) struct Moment {
    pub(super) shown: String,
    pub(super) iso: String,
    pub(super) ago: String,
}

impl Moment {
    pub(super) fn of(at: Instant, now: i64) -> Self {
        let Instant(at) = at;
        Self { shown: format::instant(at), iso: format::iso(at), ago: format::ago(at, now) }
    }
}

/// A role to choose.
struct RoleChoice {
    role: &'static str,
    may: &'static str,
    is_chosen: bool,
}

#[derive(Template)]
#[template(path = "settings/users.html")]
struct List {
    shell: Shell,
    tabs: Vec<Tab>,
    problems: Problems,
    users: Vec<UserRow>,
    invitations: Vec<InvitedRow>,
    name: String,
    roles: Vec<RoleChoice>,
}

#[derive(Template)]
#[template(path = "settings/invited.html")]
struct Invited {
    shell: Shell,
    tabs: Vec<Tab>,
    name: String,
    role: &'static str,
    may: &'static str,
    expires: Moment,
    link: String,
}

#[derive(Template)]
#[template(path = "settings/user.html")]
struct One {
    shell: Shell,
    tabs: Vec<Tab>,
    user: UserRow,
    roles: Vec<RoleChoice>,
    changed_at: i64,
    is_self: bool,
}

#[derive(Template)]
#[template(path = "settings/user_remove.html")]
struct Remove {
    shell: Shell,
    tabs: Vec<Tab>,
    problems: Problems,
    user: UserRow,
    is_self: bool,
}

fn roles(chosen: Role) -> Vec<RoleChoice> {
    let choice = |role: Role| RoleChoice {
        role: role.as_str(),
        may: entry::may(role),
        is_chosen: role == chosen,
    };
    vec![choice(Role::Viewer), choice(Role::Admin)]
}

fn row(person: &Person, people: &People, now: i64) -> UserRow {
    let admins = people.users.iter().filter(|other| other.role == Role::Admin).count();
    let is_last = person.role == Role::Admin && admins < 2;
    let locked = if is_last {
        format!(
            "{} is the last admin, and stays one: without an admin nobody could change anything.",
            person.name
        )
    } else {
        String::new()
    };
    UserRow {
        name: person.name.clone(),
        role: person.role.as_str(),
        sign_in: person.sign_in.as_str(),
        seen: person.seen_at.map(|at| Moment::of(at, now)),
        tokens: person.tokens,
        locked,
    }
}

async fn list(State(app): State<Arc<App>>, ask: Ask) -> Result<Response, Fail> {
    drawn(&app, &ask, Problems::default(), "", Role::Viewer).await
}

async fn drawn(
    app: &App,
    ask: &Ask,
    problems: Problems,
    name: &str,
    role: Role,
) -> Result<Response, Fail> {
    let people = users::answer(app).await?;
    let now = app.now();
    let invited = |invited: &users::Invited| InvitedRow {
        name: invited.name.clone(),
        role: invited.role.as_str(),
        expires: Moment::of(invited.expires_at, now),
    };
    let page = List {
        shell: problems.told_by(shell(app, ask, &["Users"]).await?),
        tabs: tabs(ask, "Users"),
        users: people.users.iter().map(|person| row(person, &people, now)).collect(),
        invitations: people.invitations.iter().map(invited).collect(),
        name: name.to_owned(),
        roles: roles(role),
        problems,
    };
    Ok(form::with(draw(&page)?, page.problems.status()))
}

async fn invite(
    State(app): State<Arc<App>>,
    ask: Ask,
    headers: HeaderMap,
    posted: Posted,
) -> Result<Response, Fail> {
    let name = posted.get("name").unwrap_or_default();
    let role = chosen(&posted)?;
    if name.is_empty() {
        let problems = Problems::one("name", "Enter a user name.");
        return drawn(&app, &ask, problems, name, role).await;
    }
    let made = match users::invite(&app, &ask, name, role).await {
        Ok(made) => made,
        Err(fail) => {
            let problems = form::unless_of_form("name", fail)?;
            return drawn(&app, &ask, problems, name, role).await;
        }
    };
    let shell = shell(&app, &ask, &["Invitation", "Users"]).await?;
    let page = Invited {
        shell: shell.under(&[("Settings", "/settings"), ("Users", "/settings/users")]),
        tabs: tabs(&ask, "Users"),
        role: made.invitation.role.as_str(),
        may: entry::may(made.invitation.role),
        expires: Moment::of(made.invitation.expires_at, app.now()),
        name: made.invitation.name,
        link: format!("{}{}", base(&app, &headers), made.link),
    };
    draw(&page)
}

fn chosen(posted: &Posted) -> Result<Role, Fail> {
    match posted.get("role") {
        None | Some("viewer") => Ok(Role::Viewer),
        Some("admin") => Ok(Role::Admin),
        Some(other) => Err(Fail::bad(format!("{other:?} is no role: there are viewer and admin"))),
    }
}

/// A user with what the pages about one show.
async fn one(app: &App, name: &str) -> Result<(Person, UserRow), Fail> {
    let name = users::find(app, name).await?.name;
    let people = users::answer(app).await?;
    let found = people.users.iter().find(|person| person.name == name);
    let Some(person) = found else {
        return Err(Fail::missing("This user was removed.", "Choose another one."));
    };
    Ok((person.clone(), row(person, &people, app.now())))
}

async fn page(
    State(app): State<Arc<App>>,
    ask: Ask,
    Path(name): Path<String>,
) -> Result<Response, Fail> {
    let (person, user) = one(&app, &name).await?;
    let shell = shell(&app, &ask, &[&person.name, "Users"]).await?;
    let Instant(changed_at) = person.changed_at;
    draw(&One {
        shell: shell.under(&[("Settings", "/settings"), ("Users", "/settings/users")]),
        tabs: tabs(&ask, "Users"),
        roles: roles(person.role),
        is_self: person.name == ask.name(),
        changed_at,
        user,
    })
}

async fn set_role(
    State(app): State<Arc<App>>,
    ask: Ask,
    Path(name): Path<String>,
    posted: Posted,
) -> Result<Response, Fail> {
    let seen = posted.get("seen").and_then(|seen| seen.parse().ok());
    users::set_role(&app, &ask, &name, chosen(&posted)?, seen).await?;
    Ok(Redirect::to("/settings/users").into_response())
}

async fn remove_page(
    State(app): State<Arc<App>>,
    ask: Ask,
    Path(name): Path<String>,
) -> Result<Response, Fail> {
    remove_form(&app, &ask, &name, Problems::default()).await
}

async fn remove_form(
    app: &App,
    ask: &Ask,
    name: &str,
    problems: Problems,
) -> Result<Response, Fail> {
    let (person, user) = one(app, name).await?;
    let shell = shell(app, ask, &["Remove", &person.name, "Users"]).await?;
    let back = format!("/settings/users/{}", person.name);
    let crumbs = [
        ("Settings", "/settings"),
        ("Users", "/settings/users"),
        (person.name.as_str(), back.as_str()),
    ];
    let page = Remove {
        shell: problems.told_by(shell.under(&crumbs)),
        tabs: tabs(ask, "Users"),
        is_self: person.name == ask.name(),
        user,
        problems,
    };
    Ok(form::with(draw(&page)?, page.problems.status()))
}

async fn remove(
    State(app): State<Arc<App>>,
    ask: Ask,
    Path(name): Path<String>,
    posted: Posted,
) -> Result<Response, Fail> {
    let name = users::find(&app, &name).await?.name;
    if posted.get("typed") != Some(name.as_str()) {
        let problems = Problems::one("typed", format!("Type {name} to remove that user."));
        return remove_form(&app, &ask, &name, problems).await;
    }
    users::remove(&app, &ask, &name).await?;
    Ok(Redirect::to("/settings/users").into_response())
}

async fn withdraw(
    State(app): State<Arc<App>>,
    ask: Ask,
    Path(name): Path<String>,
) -> Result<Response, Fail> {
    users::withdraw(&app, &ask, &name).await?;
    Ok(Redirect::to("/settings/users").into_response())
}
