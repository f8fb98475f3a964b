//! `billhook connections set`: where a connection reads, by whom, and what is said of its figures.

use billhook_engine::publish::{Figures, keeps_hours, settling_days};
use billhook_engine::{EngineError, access};
use billhook_registry::{Access, Connection, Credentials, Registry};
use clap::Args;
use serde_json::{Value, json};

use super::named;
use crate::context::{Context, say};
use crate::identity::IdentityArgs;
use crate::verify::look;

/// What is said of a connection's figures.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Figures")]
pub(crate) struct FiguresArgs {
    /// Days after which a day's costs are expected to stand (default: 3); events say `estimated`
    /// until then
    #[arg(long, value_name = "N")]
    settling_days: Option<u32>,
    /// Keep what changes by the hour from the next delivery on, also when no sink wants it
    #[arg(long, value_name = "true|false")]
    keep_hours: Option<bool>,
}

impl FiguresArgs {
    pub(crate) fn figures(&self) -> Figures {
        Figures { settling_days: self.settling_days, keep_hours: self.keep_hours }
    }
}

#[derive(Debug, Args)]
pub(super) struct SetArgs {
    /// Its name
    name: String,
    /// Another place: `s3://bucket/prefix` or a folder
    #[arg(long, value_name = "PLACE")]
    location: Option<String>,
    /// Change it although something does not work yet
    #[arg(long)]
    force: bool,
    /// Make requests that AWS charges for, too: at most two, for 0.01 USD each
    #[arg(long)]
    paid: bool,
    #[command(flatten)]
    figures: FiguresArgs,
    /// Read as whatever the environment, container or instance offers, no longer as it did
    #[arg(long, conflicts_with_all = ["access_key_id", "profile", "role_arn"])]
    ambient: bool,
    #[command(flatten)]
    identity: IdentityArgs,
}

pub(super) async fn run(
    args: SetArgs,
    registry: &Registry,
    context: &Context,
) -> anyhow::Result<u8> {
    let connection = named(registry, &args.name)?;
    let figures = args.figures.figures();
    let is_elsewhere = args.location.is_some();
    let is_somebody_else = args.ambient || args.identity.is_given();
    if !is_elsewhere && !is_somebody_else && figures == Figures::default() {
        let text = "there is nothing to change: give --location, --settling-days, --keep-hours, or \
                    other credentials";
        return Err(EngineError::Usage(text.to_owned()).into());
    }
    if is_elsewhere && connection.location.is_none() {
        let text = format!("{} has no place: connections of its kind read none", args.name);
        return Err(EngineError::Usage(text).into());
    }
    let location = args.location.as_deref().or(connection.location.as_deref());
    let access =
        if is_somebody_else { Some(other_access(&args, &connection, context)?) } else { None };
    if is_elsewhere || is_somebody_else {
        let current = match &access {
            Some(access) => access.clone(),
            None => registry.access(&connection.id).map_err(EngineError::from)?,
        };
        let kind = access::kind(&connection.kind)?;
        let mut out = std::io::stdout();
        let of = (kind, location);
        let verdict = Box::pin(look(of, &current, args.paid, context, &mut out)).await?;
        if !verdict.is_usable() && !args.force {
            say("nothing is changed: mend what fails and run the command again, or give --force");
            return Ok(1);
        }
    }
    let id = &connection.id;
    if is_elsewhere {
        registry.set_location(id, location).map_err(EngineError::from)?;
    }
    if let Some(access) = access {
        registry.set_access(id, access).map_err(EngineError::from)?;
    }
    if figures != Figures::default() {
        let settings = figures.over(&connection.settings);
        registry.set_settings(id, &settings).map_err(EngineError::from)?;
    }
    say(&format!("{} is changed; `billhook connections show {}` has it all", args.name, args.name));
    Ok(0)
}

/// The identity that was given, where the old one was used.
fn other_access(
    args: &SetArgs,
    connection: &Connection,
    context: &Context,
) -> Result<Access, EngineError> {
    let mut access = args.identity.access(context)?;
    if args.ambient {
        access.credentials = Credentials::Ambient;
    }
    let old = &connection.access;
    access.region = access.region.or_else(|| old.region.clone());
    access.endpoint = access.endpoint.or_else(|| old.endpoint.clone());
    Ok(access)
}

/// Everything about a connection, with what holds where its settings say nothing. No secrets.
pub(super) fn everything(connection: &Connection, context: &Context) -> anyhow::Result<Value> {
    let mut everything = serde_json::to_value(connection)?;
    everything["settling_days"] = json!(settling_days(&connection.settings));
    let hours = keeps_hours(context.home_dir(), connection.name.as_str())?;
    everything["keeps_hours"] = json!(hours);
    Ok(everything)
}
