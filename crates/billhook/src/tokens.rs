//! `billhook tokens`: what programs sign in with. Each change is a line of the audit log.

use std::io::Write as _;

use billhook_engine::EngineError;
use billhook_registry::{ExposeSecret as _, Registry, Scopes, Token};
use clap::{Args, Subcommand};
use comfy_table::{Table, presets};
use serde_json::json;

use crate::connections::now;
use crate::connections::words::{ago, until};
use crate::context::{Context, say};
use crate::users::{known, note};

const DAY: i64 = 86_400_000_000;

/// What programs sign in with
#[derive(Debug, Args)]
pub(crate) struct TokensArgs {
    /// Machine-readable: the list
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    action: Option<Action>,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// All tokens
    List {
        /// Only those of this user
        #[arg(long, value_name = "NAME")]
        user: Option<String>,
    },
    /// Make a token and print it, this once
    Add {
        /// Its name, which says what it is for and is the user name of Postgres clients
        name: String,
        /// On whose behalf it acts
        #[arg(long, value_name = "NAME")]
        user: String,
        /// It is for the API
        #[arg(long, required_unless_present = "wire")]
        api: bool,
        /// It is for SQL over the Postgres protocol
        #[arg(long)]
        wire: bool,
        /// It ends after so many days
        #[arg(long, value_name = "N", default_value_t = 90,
              value_parser = clap::value_parser!(u16).range(1..=3650))]
        days: u16,
        /// It does not end by itself
        #[arg(long, conflicts_with = "days")]
        forever: bool,
    },
    /// Revoke a token, at once
    Revoke {
        /// Its name
        name: String,
    },
}

pub(crate) fn run(args: TokensArgs, context: &Context) -> anyhow::Result<u8> {
    match args.action {
        None => list(None, args.json, context),
        Some(Action::List { user }) => list(user.as_deref(), args.json, context),
        Some(Action::Add { name, user, api, wire, days, forever }) => {
            let ends = (!forever).then(|| now().saturating_add(i64::from(days) * DAY));
            add(&name, &user, Scopes { api, wire }, ends, context)
        }
        Some(Action::Revoke { name }) => revoke(&name, context),
    }
}

fn add(
    name: &str,
    owner: &str,
    scopes: Scopes,
    ends: Option<i64>,
    context: &Context,
) -> anyhow::Result<u8> {
    let (registry, owner) = known(owner, context)?;
    let made = registry.new_token(&owner.id, name, scopes, ends, now());
    let (token, text) = made.map_err(EngineError::from)?;
    let after = json!({
        "owner": owner.name, "api": scopes.api, "wire": scopes.wire, "expires_at": ends,
    });
    note(&registry, "token.made", &token.name, None, Some(&after))?;
    writeln!(std::io::stdout(), "{}", text.expose_secret())?;
    say(&format!(
        "this is the token {}, for {}; it is not shown again",
        token.name,
        purpose(scopes)
    ));
    Ok(0)
}

fn revoke(name: &str, context: &Context) -> anyhow::Result<u8> {
    let found = Registry::open_existing(context.home_dir()).map_err(EngineError::from)?;
    let unknown = || EngineError::Usage(format!("there is no token {name}; see `billhook tokens`"));
    let registry = found.ok_or_else(unknown)?;
    let tokens = registry.tokens(None).map_err(EngineError::from)?;
    let found = tokens.into_iter().find(|token| token.name.eq_ignore_ascii_case(name));
    let token = found.ok_or_else(unknown)?;
    registry.revoke_token(&token.id).map_err(EngineError::from)?;
    let before = json!({
        "owner": token.owner_name, "api": token.scopes.api, "wire": token.scopes.wire,
        "expires_at": token.expires_at,
    });
    note(&registry, "token.revoked", &token.name, Some(&before), None)?;
    say(&format!("{} is revoked", token.name));
    Ok(0)
}

fn list(user: Option<&str>, is_json: bool, context: &Context) -> anyhow::Result<u8> {
    let tokens = match user {
        Some(name) => {
            let (registry, user) = known(name, context)?;
            registry.tokens(Some(&user.id)).map_err(EngineError::from)?
        }
        None => match Registry::open_existing(context.home_dir()).map_err(EngineError::from)? {
            Some(registry) => registry.tokens(None).map_err(EngineError::from)?,
            None => Vec::new(),
        },
    };
    if is_json {
        writeln!(std::io::stdout(), "{}", serde_json::to_string_pretty(&tokens)?)?;
        return Ok(0);
    }
    if tokens.is_empty() {
        say("no tokens yet: make one with `billhook tokens add NAME --user USER --wire`");
        return Ok(0);
    }
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    table.set_header(["token", "of", "role", "for", "ends", "last used"]);
    for token in &tokens {
        table.add_row([
            token.name.as_str(),
            &token.owner_name,
            token.role.as_str(),
            purpose(token.scopes),
            &ends(token),
            &used(token),
        ]);
    }
    writeln!(std::io::stdout(), "{}", table.trim_fmt())?;
    Ok(0)
}

fn purpose(scopes: Scopes) -> &'static str {
    match (scopes.api, scopes.wire) {
        (true, true) => "API and SQL",
        (true, false) => "API",
        (false, true) => "SQL",
        (false, false) => "nothing",
    }
}

fn ends(token: &Token) -> String {
    match token.expires_at {
        Some(at) if at <= now() => format!("has ended, {}", ago(at, now())),
        Some(at) => until(at, now()),
        None => "never".to_owned(),
    }
}

fn used(token: &Token) -> String {
    let Some(at) = token.used_at else { return "never".to_owned() };
    let from = token.used_from.as_ref().map(|from| format!(" from {from}"));
    format!("{}{}", ago(at, now()), from.unwrap_or_default())
}
