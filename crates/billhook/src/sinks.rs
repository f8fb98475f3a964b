//! `billhook sinks`: where events are sent to.

mod add;
mod attempts;
mod dead;
mod list;
mod options;
mod set;

use std::io::Write as _;
use std::sync::Arc;

use billhook_engine::{EngineError, publish};
use billhook_registry::{Registry, SinkRecord};
use clap::{Args, Subcommand};

use crate::connections::now;
use crate::context::{Context, say};

pub(crate) use options::{Granularity, field};

/// Where events are sent to, and how each is
#[derive(Debug, Args)]
pub(crate) struct SinksArgs {
    /// Machine-readable: the list, attempts, or dead letters
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    action: Option<Action>,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Send events somewhere from now on
    Add(Box<add::AddArgs>),
    /// Tell one something else from the next event on; what is not given stays
    Set(Box<set::SetArgs>),
    /// What was sent to one last, and what came of it
    Attempts(attempts::AttemptsArgs),
    /// Send one test event, and say what answered
    Test {
        /// Its name
        name: String,
    },
    /// Everything about one, without its secrets, as JSON
    Show {
        /// Its name
        name: String,
    },
    /// Send nothing to one until it is resumed; what happens meanwhile is sent then
    Pause {
        /// Its name
        name: String,
    },
    /// End a pause
    Resume {
        /// Its name
        name: String,
    },
    /// Forget one, its secrets, how far it was, and its dead letters
    Remove {
        /// Its name
        name: String,
    },
    /// Events that a sink would not take: look at them, send them again, or drop them
    Dead(dead::DeadArgs),
}

/// The control database of a home that has one.
pub(crate) fn registry(context: &Context) -> Result<Arc<Registry>, EngineError> {
    let found = Registry::open_existing(context.home_dir())?;
    found.map(Arc::new).ok_or_else(|| {
        EngineError::Nothing(format!(
            "{} has no sinks yet: add one with `billhook sinks add NAME --kind KIND`",
            context.home_dir().display()
        ))
    })
}

/// The sink of that name.
pub(crate) fn named(registry: &Registry, name: &str) -> Result<SinkRecord, EngineError> {
    registry.sink(name)?.ok_or_else(|| {
        EngineError::Usage(format!("there is no sink {name}; `billhook sinks` lists them"))
    })
}

pub(crate) async fn run(args: SinksArgs, context: &Context) -> anyhow::Result<u8> {
    let is_json = args.json;
    let action = match args.action {
        Some(Action::Add(new)) => return Box::pin(add::run(*new, context)).await,
        Some(Action::Set(change)) => return Box::pin(set::run(*change, context)).await,
        Some(action) => action,
        None => return Box::pin(list::run(is_json, context)).await,
    };
    let registry = registry(context)?;
    match action {
        Action::Add(_) | Action::Set(_) => {}
        Action::Attempts(args) => return attempts::run(&args, is_json, &registry),
        Action::Test { name } => {
            let sink = named(&registry, &name)?;
            let answer = Box::pin(publish::test(&registry, &sink)).await?;
            writeln!(std::io::stdout(), "{name}: {answer}")?;
        }
        Action::Show { name } => {
            let sink = named(&registry, &name)?;
            writeln!(std::io::stdout(), "{}", serde_json::to_string_pretty(&sink)?)?;
        }
        Action::Pause { name } => {
            let sink = named(&registry, &name)?;
            registry.pause_sink(&sink.id, now()).map_err(EngineError::from)?;
            say(&format!("{name} is paused; what happens meanwhile is sent when it goes on"));
        }
        Action::Resume { name } => {
            let sink = named(&registry, &name)?;
            registry.resume_sink(&sink.id).map_err(EngineError::from)?;
            say(&format!("{name} goes on"));
        }
        Action::Remove { name } => {
            let sink = named(&registry, &name)?;
            registry.remove_sink(&sink.id).map_err(EngineError::from)?;
            say(&format!("{name} is removed"));
        }
        Action::Dead(dead) => return Box::pin(dead::run(&dead, is_json, &registry)).await,
    }
    Ok(0)
}
