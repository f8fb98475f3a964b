//! `billhook events`: watch them, send what is pending, send again.

use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use billhook_engine::EngineError;
use billhook_engine::publish::{Attempts, News, Outcome, Patience, Publisher, Reader, Sent, Tell};
use billhook_engine::sync::holder;
use billhook_registry::{Registry, SinkRecord};
use billhook_stream::deliver::{Ended, Heard, Place};
use billhook_stream::event::Event;
use billhook_stream::settings::{Format, From as Start, SinkSettings, Target};
use clap::{Args, Subcommand};

use crate::connections::now;
use crate::context::{Context, causes, say};
use crate::import::stop_when_asked;
use crate::sinks::{Granularity, named, registry};

/// Events that are read at a time.
const EVENTS: usize = 500;

/// How often is looked for new ones.
const TICK: Duration = Duration::from_secs(1);

/// A sink that acknowledges nothing for so long is given up.
const IDLE: Duration = Duration::from_mins(1);

/// What changed, as events: watch them, send them, send them again
#[derive(Debug, Args)]
pub(crate) struct EventsArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Print events, one a line, as JSON
    ///
    /// All that the lake knows, the oldest first; with --follow what is new from now on. Nothing is
    /// sent anywhere, and no sink is moved.
    Tail(TailArgs),
    /// Send a sink everything from a time or version on again, with the same ids
    Replay {
        /// The sink
        sink: String,
        /// A time (UTC), or a version: the first part of an event's `sequence`
        #[arg(long, value_name = "TIME|VERSION")]
        from: String,
    },
    /// Send what is pending now, and end
    Send {
        /// The sink (default: all that are not paused)
        sink: Option<String>,
    },
}

#[derive(Debug, Args)]
struct TailArgs {
    /// Types, such as `cost.restated`
    #[arg(long = "type", value_name = "TYPE", value_delimiter = ',')]
    types: Vec<String>,
    /// Connections
    #[arg(long = "connection", value_name = "NAME", value_delimiter = ',')]
    connections: Vec<String>,
    /// Only events whose data have this value, such as `serviceName=Amazon S3`
    #[arg(long = "filter", value_name = "FIELD=VALUE", value_parser = crate::sinks::field)]
    filters: Vec<(String, String)>,
    /// How fine costs are told; hours are there where a sink or connection has them kept
    #[arg(long, value_enum, default_value_t = Granularity::Daily)]
    granularity: Granularity,
    /// Stay, and print what is new, until interrupted
    #[arg(long, short)]
    follow: bool,
    /// A time (UTC), or a version: the first part of an event's `sequence`
    #[arg(long, value_name = "TIME|VERSION")]
    from: Option<String>,
}

pub(crate) async fn run(args: EventsArgs, context: &Context) -> anyhow::Result<u8> {
    match args.action {
        Action::Tail(args) => Box::pin(tail(args, context)).await,
        Action::Send { sink } => {
            let registry = registry(context)?;
            let sink = sink.map(|name| running(&registry, &name)).transpose()?;
            Box::pin(send(registry, sink.as_ref(), context)).await
        }
        Action::Replay { sink, from } => {
            let registry = registry(context)?;
            let sink = running(&registry, &sink)?;
            let settings = billhook_engine::publish::settings_of(&sink)?;
            let lake = context.home()?.lake;
            let mut reader = Reader::new(lake, Arc::clone(&registry), settings);
            let Place { position, index } = Box::pin(reader.place_of(&from)).await?;
            let moved = registry.rewind_cursor(&sink.id, (position, index), now());
            if !moved.map_err(EngineError::from)? {
                say(&format!("{} is not beyond that; it gets all that is pending", sink.name));
            }
            Box::pin(send(registry, Some(&sink), context)).await
        }
    }
}

/// A sink that is not paused.
fn running(registry: &Registry, name: &str) -> Result<SinkRecord, EngineError> {
    let sink = named(registry, name)?;
    if sink.paused_since.is_some() {
        let text = format!("{name} is paused; `billhook sinks resume {name}` ends that");
        return Err(EngineError::Usage(text));
    }
    Ok(sink)
}

async fn tail(args: TailArgs, context: &Context) -> anyhow::Result<u8> {
    let settings = SinkSettings {
        target: Target::Stdout,
        format: Format::Cloudevents,
        granularity: args.granularity.setting(),
        types: args.types,
        connections: args.connections,
        filters: args.filters.into_iter().collect(),
        from: Start::Now,
    };
    settings.check().map_err(EngineError::from)?;
    let home = if args.follow { context.home()? } else { context.existing_home().await? };
    let registry = Arc::new(Registry::open(context.home_dir()).map_err(EngineError::from)?);
    let stop = Arc::new(AtomicBool::new(false));
    stop_when_asked(&stop);
    let mut reader = Reader::new(home.lake, registry, settings);
    let mut place = match &args.from {
        Some(from) => Box::pin(reader.place_of(from)).await?,
        None if args.follow => Box::pin(reader.end()).await?,
        None => Place::default(),
    };
    while !stop.load(Ordering::Relaxed) {
        let fetched = Box::pin(reader.after(place, EVENTS)).await?;
        let is_all = fetched.events.is_empty();
        print(fetched.events.iter().map(|(_, event)| event))?;
        place = fetched.last;
        if is_all {
            if !args.follow {
                break;
            }
            tokio::time::sleep(TICK).await;
        }
    }
    Ok(0)
}

/// Prints events, one a line.
fn print<'a>(events: impl Iterator<Item = &'a Event>) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    let mut text = Vec::new();
    for event in events {
        serde_json::to_writer(&mut text, event)?;
        text.push(b'\n');
    }
    out.write_all(&text)?;
    out.flush()?;
    Ok(())
}

async fn send(
    registry: Arc<Registry>,
    sink: Option<&SinkRecord>,
    context: &Context,
) -> anyhow::Result<u8> {
    let stop = Arc::new(AtomicBool::new(false));
    stop_when_asked(&stop);
    let (lake, holder, attempts) = (context.home()?.lake, holder::me()?, Attempts::default());
    let publisher = Publisher { registry, lake, holder, now, stop, attempts };
    let patience = Patience { whole: None, idle: Some(IDLE) };
    let tell: Tell = Arc::new(tell_trouble);
    let sent = Box::pin(publisher.send_pending(sink, patience, &tell)).await?;
    if sent.is_empty() {
        say("there is nothing to do: no sink that is not paused");
    }
    let mut code = 0;
    for sent in &sent {
        say(&format!("{}: {}", sent.sink, words(&sent.outcome)));
        code = code.max(code_of(sent));
    }
    Ok(code)
}

/// Sends what is pending after something was loaded, for a while. Nothing that fails is more than
/// told: the next time goes on from there.
pub(crate) async fn send_after_load(publisher: &Publisher, is_verbose: bool) {
    let patience = Patience { whole: Some(IDLE), idle: None };
    let tell: Tell = Arc::new(|_: &str, _: &News| {});
    match Box::pin(publisher.send_pending(None, patience, &tell)).await {
        Ok(sent) => {
            for Sent { sink, outcome } in sent {
                if is_verbose || is_news(&outcome) {
                    say(&format!("events to {sink}: {}", words(&outcome)));
                }
            }
        }
        Err(error) => say(&format!("events: {}", causes(&error))),
    }
}

/// Tells what goes wrong while events are sent.
fn tell_trouble(sink: &str, news: &News) {
    if let Some(trouble) = trouble(sink, news) {
        say(&trouble);
    }
}

/// What goes wrong while events are sent, in words.
pub(crate) fn trouble(sink: &str, news: &News) -> Option<String> {
    match news {
        News::Heard(Heard::Retrying { reason, attempts, wait }) if *attempts <= 1 => {
            Some(format!("{sink}: {reason}; tried again in {}s", wait.as_secs().max(1)))
        }
        News::Heard(Heard::Buried { id, reason, .. }) => {
            Some(format!("{sink}: event {id} is a dead letter: {reason}"))
        }
        News::Heard(_) | News::Over(_) => None,
    }
}

/// Is there something to be told of a sink's task that is over?
pub(crate) fn is_news(outcome: &Outcome) -> bool {
    match outcome {
        Outcome::Delivered(delivered) => {
            delivered.sent > 0 || delivered.buried > 0 || delivered.ended != Ended::Empty
        }
        Outcome::Held(_) => false,
        Outcome::Failed(_) => true,
    }
}

/// How a sink's task ended, in words.
pub(crate) fn words(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Delivered(delivered) => {
            let sent = match delivered.sent {
                1 => "1 event sent".to_owned(),
                sent => format!("{sent} events sent"),
            };
            let buried = match delivered.buried {
                0 => String::new(),
                1 => ", 1 dead letter".to_owned(),
                buried => format!(", {buried} dead letters"),
            };
            let ended = match &delivered.ended {
                Ended::Empty => String::new(),
                Ended::Stopped => "; more is pending".to_owned(),
                Ended::Broken(reason) => format!("; {reason}"),
            };
            format!("{sent}{buried}{ended}")
        }
        Outcome::Held(holder) => format!("{holder} is sending to it"),
        Outcome::Failed(error) => causes(error),
    }
}

/// Exit code by the command-line contract.
fn code_of(sent: &Sent) -> u8 {
    match &sent.outcome {
        Outcome::Delivered(delivered) => match (&delivered.ended, delivered.buried) {
            (Ended::Empty, 0) => 0,
            (Ended::Empty, _) => 1,
            (Ended::Stopped | Ended::Broken(_), _) => 3,
        },
        Outcome::Held(_) => 0,
        Outcome::Failed(error) => error.exit_code(),
    }
}
