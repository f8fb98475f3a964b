//! `billhook connect` and `billhook connections`.

mod history;
mod list;
mod set;
pub(crate) mod words;

use std::io::Write as _;

use billhook_engine::onboarding::{schedule, usual_schedule};
use billhook_engine::{EngineError, access};
use billhook_registry::{Connection, ConnectionName, NewConnection, Registry};
use clap::{Args, Subcommand};
use serde_json::json;

use crate::context::{Context, say};
use crate::identity::IdentityArgs;
use crate::verify::{kind_names, look};

use set::FiguresArgs;

/// Register a connection, after checking that it works
///
/// Everything is verified first; nothing is saved when something does not work, unless --force is
/// given. Secrets are sealed before they are stored. On a terminal, without a name or a kind, a
/// dialogue asks for all that is not given.
#[derive(Debug, Args)]
pub(crate) struct ConnectArgs {
    /// Its name: lowercase letters, digits and dashes
    pub(crate) name: Option<String>,
    /// Kind of billing data
    #[arg(long, value_name = "KIND", value_parser = kind_names())]
    pub(crate) kind: Option<String>,
    /// Its place: `s3://bucket/prefix` or a folder
    #[arg(long, value_name = "PLACE")]
    pub(crate) location: Option<String>,
    /// When to look: `every 4h`, `daily 06:00 Europe/Berlin`, `manual`
    #[arg(long)]
    pub(crate) schedule: Option<String>,
    /// Save it although something does not work yet
    #[arg(long)]
    pub(crate) force: bool,
    /// Make requests that AWS charges for, too: at most two, for 0.01 USD each
    #[arg(long)]
    pub(crate) paid: bool,
    /// Ask for all that is not given, also where there is no terminal
    #[arg(long, hide = true)]
    pub(crate) dialogue: bool,
    #[command(flatten)]
    pub(crate) figures: FiguresArgs,
    #[command(flatten)]
    pub(crate) identity: IdentityArgs,
}

/// The saved connections
#[derive(Debug, Args)]
pub(crate) struct ConnectionsArgs {
    /// Machine-readable: the list, or a history
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    action: Option<Action>,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Everything about one, without its secrets, as JSON
    Show {
        /// Its name
        name: String,
    },
    /// How one has been, and its last runs
    History {
        /// Its name
        name: String,
        /// Lines of each
        #[arg(long, default_value_t = 10, value_name = "N")]
        top: u32,
    },
    /// Change when one is looked at by `sync --watch`
    Schedule {
        /// Its name
        name: String,
        /// `every 4h`, `daily 06:00 Europe/Berlin`, `manual`
        schedule: String,
    },
    /// Change where one reads, who it is towards AWS, and what is said of its figures
    ///
    /// Another place or identity is looked at first, as `connect` does; nothing is changed when
    /// something does not work, unless --force is given.
    Set(Box<set::SetArgs>),
    /// Leave one out of `sync` until it is resumed
    Pause {
        /// Its name
        name: String,
    },
    /// End a pause
    Resume {
        /// Its name
        name: String,
    },
    /// Give one another name; what it loaded keeps the old one
    Rename {
        /// Its name
        name: String,
        /// The new name
        to: String,
    },
    /// Forget one, and its secrets. What it loaded stays in the lake
    Remove {
        /// Its name
        name: String,
    },
    /// Forget all sealed secrets of connections and sinks, when the key that sealed them is lost
    ///
    /// Connections and sinks stay. `connections set` gives a connection its secrets again; a sink
    /// is removed and added again.
    ForgetSecrets {
        /// Yes, all of them
        #[arg(long)]
        all: bool,
    },
    /// Copy the control database to a new file. The key that seals secrets is not in it
    Backup {
        /// The file
        file: std::path::PathBuf,
    },
}

/// The control database of a home that has one.
pub(crate) fn registry(context: &Context) -> Result<Registry, EngineError> {
    let found = Registry::open_existing(context.home_dir())?;
    found.ok_or_else(|| {
        EngineError::Nothing(format!(
            "{} has no connections yet: add one with `billhook connect NAME --kind KIND`",
            context.home_dir().display()
        ))
    })
}

/// The connection of that name.
pub(crate) fn named(registry: &Registry, name: &str) -> Result<Connection, EngineError> {
    let wanted: ConnectionName = name.parse()?;
    registry.connection(&wanted)?.ok_or_else(|| {
        EngineError::Usage(format!(
            "there is no connection {name}; `billhook connections` lists them"
        ))
    })
}

pub(crate) async fn connect(args: ConnectArgs, context: &Context) -> anyhow::Result<u8> {
    let (Some(name), Some(kind), false) = (&args.name, &args.kind, args.dialogue) else {
        return Box::pin(crate::connect::run(&args, context)).await;
    };
    let name = new_name(name, context)?;
    let kind = access::kind(kind)?;
    let schedule = match &args.schedule {
        Some(text) => schedule(text)?,
        None => usual_schedule(kind),
    };
    let access = args.identity.access(context)?;
    let of = (kind, args.location.as_deref());
    let mut out = std::io::stdout();
    let verdict = Box::pin(look(of, &access, args.paid, context, &mut out)).await?;
    if !verdict.is_usable() && !args.force {
        say("nothing is saved: mend what fails and run the command again, or give --force");
        return Ok(1);
    }
    let registry = Registry::open(context.home_dir()).map_err(EngineError::from)?;
    let new = NewConnection {
        name: name.clone(),
        kind: kind.kind.to_owned(),
        location: args.location,
        settings: args.figures.figures().over(&json!({})),
        access,
        schedule,
        payer: None,
    };
    registry.add(new, now()).map_err(EngineError::from)?;
    say(&format!("{name} is saved; load it with: billhook sync {name}"));
    Ok(0)
}

/// Reads a name that no connection has yet.
///
/// # Errors
/// [`EngineError::Usage`] when one has it, and when it is no name.
pub(crate) fn new_name(text: &str, context: &Context) -> Result<ConnectionName, EngineError> {
    let name: ConnectionName = text.parse()?;
    if let Some(registry) = Registry::open_existing(context.home_dir())?
        && registry.connection(&name)?.is_some()
    {
        return Err(EngineError::Usage(format!(
            "there is a connection {name} already; `billhook connections remove` it"
        )));
    }
    Ok(name)
}

pub(crate) async fn run(args: ConnectionsArgs, context: &Context) -> anyhow::Result<u8> {
    let registry = registry(context)?;
    let Some(action) = args.action else { return list::run(&registry, args.json, context).await };
    match action {
        Action::History { name, top } => {
            let connection = named(&registry, &name)?;
            history::run(&registry, &connection, top, args.json)?;
        }
        Action::Schedule { name, schedule: text } => {
            let connection = named(&registry, &name)?;
            let schedule = schedule(&text)?;
            let text = schedule.to_string();
            registry.set_schedule(&connection.id, schedule).map_err(EngineError::from)?;
            say(&format!("{name}: {text}"));
        }
        Action::Show { name } => {
            let connection = named(&registry, &name)?;
            let text = serde_json::to_string_pretty(&set::everything(&connection, context)?)?;
            writeln!(std::io::stdout(), "{text}")?;
        }
        Action::Set(args) => return Box::pin(set::run(*args, &registry, context)).await,
        Action::Pause { name } => {
            let connection = named(&registry, &name)?;
            registry.pause(&connection.id, now()).map_err(EngineError::from)?;
            say(&format!("{name} is paused"));
        }
        Action::Resume { name } => {
            let connection = named(&registry, &name)?;
            registry.resume(&connection.id).map_err(EngineError::from)?;
            say(&format!("{name} goes on"));
        }
        Action::Rename { name, to } => {
            let connection = named(&registry, &name)?;
            let to: ConnectionName = to.parse().map_err(EngineError::from)?;
            registry.rename(&connection.id, &to).map_err(EngineError::from)?;
            say(&format!("{name} is now {to}; what it loaded before keeps the name {name}"));
        }
        Action::Remove { name } => {
            let connection = named(&registry, &name)?;
            registry.remove(&connection.id).map_err(EngineError::from)?;
            say(&format!("{name} is removed; what it loaded stays in the lake"));
        }
        Action::ForgetSecrets { all } => {
            if !all {
                let text = "this forgets every secret of every connection and sink: give --all";
                return Err(EngineError::Usage(text.to_owned()).into());
            }
            let secrets = registry.forget_secrets().map_err(EngineError::from)?;
            say(&format!("sealed secrets that are forgotten: {secrets}"));
        }
        Action::Backup { file } => {
            registry.backup(&file).map_err(EngineError::from)?;
            say(&format!(
                "{} holds the connections; keep the key ({}) in another place",
                file.display(),
                billhook_registry::KEY_FILE
            ));
        }
    }
    Ok(0)
}

/// Now, microseconds since 1970 UTC.
pub(crate) fn now() -> i64 {
    chrono::Utc::now().timestamp_micros()
}
