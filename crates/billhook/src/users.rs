//! `billhook users`: who may sign in to the server. Each change is a line of the audit log.

use std::io::Write as _;

use billhook_engine::EngineError;
use billhook_registry::{ExposeSecret as _, NewAudit, Registry, Role, User};
use clap::{Args, Subcommand};
use comfy_table::{Table, presets};
use serde_json::{Value, json};

use crate::connections::now;
use crate::connections::words::{ago, until};
use crate::context::{Context, say};
use crate::passwords::PasswordArgs;
use crate::serve::base;

/// Who changes something here, in the audit log.
const WHO: &str = "command line";

/// Who may sign in to the server
#[derive(Debug, Args)]
pub(crate) struct UsersArgs {
    /// Machine-readable: the list
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    action: Option<Action>,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// All users and open invitations
    List,
    /// Add a user with a password
    Add {
        /// The user's name
        name: String,
        /// What the user may do: `viewer` or `admin`
        #[arg(long, default_value = "viewer", value_parser = role)]
        role: Role,
        #[command(flatten)]
        password: PasswordArgs,
    },
    /// Remove a user, with the user's sessions and tokens; or withdraw an invitation
    Remove {
        /// The user's name
        name: String,
    },
    /// Give a user another role
    Role {
        /// The user's name
        name: String,
        /// `viewer` or `admin`
        #[arg(value_parser = role)]
        role: Role,
    },
    /// Print a link by which somebody makes a user of that name, once, within 24 hours
    Invite {
        /// The name
        name: String,
        /// What the user may do: `viewer` or `admin`
        #[arg(long, default_value = "viewer", value_parser = role)]
        role: Role,
    },
    /// Give a user another password, which ends the user's sessions
    Password {
        /// The user's name
        name: String,
        #[command(flatten)]
        password: PasswordArgs,
    },
}

/// Reads a role.
fn role(text: &str) -> Result<Role, String> {
    text.parse().map_err(|_| "write viewer or admin".to_owned())
}

pub(crate) fn run(args: UsersArgs, context: &Context) -> anyhow::Result<u8> {
    let Some(action) = args.action else { return list(args.json, context) };
    match action {
        Action::List => return list(args.json, context),
        Action::Add { name, role, password } => {
            let password = password.password(&name)?;
            let registry = Registry::open(context.home_dir()).map_err(EngineError::from)?;
            let user = registry.add_user(&name, role, &password, now());
            let user = user.map_err(EngineError::from)?;
            let after = json!({ "role": role.as_str() });
            note(&registry, "user.added", &user.name, None, Some(&after))?;
            say(&format!("{} is added, with the role {role}", user.name));
        }
        Action::Remove { name } => remove(&name, context)?,
        Action::Role { name, role } => {
            let (registry, user) = known(&name, context)?;
            registry.set_role(&user.id, role, now()).map_err(EngineError::from)?;
            let before = json!({ "role": user.role.as_str() });
            let after = json!({ "role": role.as_str() });
            note(&registry, "user.role_changed", &user.name, Some(&before), Some(&after))?;
            say(&format!("{} is {role} now", user.name));
        }
        Action::Invite { name, role } => invite(&name, role, context)?,
        Action::Password { name, password } => {
            let (registry, user) = known(&name, context)?;
            let password = password.password(&user.name)?;
            registry.set_password(&user.id, &password, now()).map_err(EngineError::from)?;
            let after = json!({ "password": "changed" });
            note(&registry, "user.password_changed", &user.name, None, Some(&after))?;
            say(&format!("{} has another password, and has to sign in anew", user.name));
        }
    }
    Ok(0)
}

/// Removes a user, or withdraws the invitation for that name.
fn remove(name: &str, context: &Context) -> anyhow::Result<()> {
    let found = Registry::open_existing(context.home_dir()).map_err(EngineError::from)?;
    if let Some(registry) = found {
        let open = registry.invitations(now()).map_err(EngineError::from)?;
        let invited = open.iter().find(|one| one.name.eq_ignore_ascii_case(name));
        if let Some(invited) = invited {
            registry.withdraw_invitation(&invited.name).map_err(EngineError::from)?;
            let before = json!({ "role": invited.role.as_str() });
            note(&registry, "invitation.withdrawn", &invited.name, Some(&before), None)?;
            say(&format!("the invitation of {} is withdrawn", invited.name));
            return Ok(());
        }
    }
    let (registry, user) = known(name, context)?;
    registry.remove_user(&user.id).map_err(EngineError::from)?;
    let before = json!({ "role": user.role.as_str() });
    note(&registry, "user.removed", &user.name, Some(&before), None)?;
    say(&format!("{} is removed, with sessions and tokens", user.name));
    Ok(())
}

fn invite(name: &str, role: Role, context: &Context) -> anyhow::Result<()> {
    let config = context.config.server(false)?;
    let registry = Registry::open(context.home_dir()).map_err(EngineError::from)?;
    let (invitation, link) = registry.invite(name, role, now()).map_err(EngineError::from)?;
    let after = json!({ "role": role.as_str() });
    note(&registry, "user.invited", &invitation.name, None, Some(&after))?;
    let base = base(&config, config.listen);
    writeln!(std::io::stdout(), "{base}/invite?token={}", link.expose_secret())?;
    say(&format!(
        "this link works once, and is open {} hours; send it to {} in private",
        invitation.expires_at.saturating_sub(invitation.made_at) / 3_600_000_000,
        invitation.name
    ));
    Ok(())
}

/// Lists users and open invitations.
fn list(is_json: bool, context: &Context) -> anyhow::Result<u8> {
    let found = Registry::open_existing(context.home_dir()).map_err(EngineError::from)?;
    let (users, invitations) = match &found {
        Some(registry) => (
            registry.users().map_err(EngineError::from)?,
            registry.invitations(now()).map_err(EngineError::from)?,
        ),
        None => (Vec::new(), Vec::new()),
    };
    if is_json {
        let text = serde_json::to_string_pretty(&users)?;
        writeln!(std::io::stdout(), "{text}")?;
        return Ok(0);
    }
    if users.is_empty() && invitations.is_empty() {
        say("no users yet: `billhook serve` prints a link that makes the first one, or run \
             `billhook users add NAME --role admin`");
        return Ok(0);
    }
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    table.set_header(["user", "role", "signs in by", "last seen"]);
    for user in &users {
        let seen = user.seen_at.map_or_else(|| "never".to_owned(), |at| ago(at, now()));
        table.add_row([user.name.as_str(), user.role.as_str(), user.sign_in.as_str(), &seen]);
    }
    for invitation in &invitations {
        let ends = format!("invited; ends {}", until(invitation.expires_at, now()));
        table.add_row([invitation.name.as_str(), invitation.role.as_str(), "", &ends]);
    }
    writeln!(std::io::stdout(), "{}", table.trim_fmt())?;
    Ok(0)
}

/// The control database, and the user of that name.
///
/// # Errors
/// [`EngineError::Usage`] when there is none.
pub(crate) fn known(name: &str, context: &Context) -> Result<(Registry, User), EngineError> {
    let found = Registry::open_existing(context.home_dir())?;
    if let Some(registry) = found
        && let Some(user) = registry.user(name)?
    {
        return Ok((registry, user));
    }
    Err(EngineError::Usage(format!("there is no user {name}; `billhook users` lists them")))
}

/// Writes a line into the audit log.
///
/// # Errors
/// When the control database fails.
pub(crate) fn note(
    registry: &Registry,
    action: &str,
    subject: &str,
    before: Option<&Value>,
    after: Option<&Value>,
) -> Result<(), EngineError> {
    let entry = NewAudit { at: now(), who: WHO, from: None, action, subject, before, after };
    Ok(registry.note_audit(&entry)?)
}
