//! `billhook sync`.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use billhook_engine::ingest::Options;
use billhook_engine::publish::{Attempts, News, Publisher, Tell};
use billhook_engine::sync::{self, Done, Heard, Ran, Runner, Told, holder};
use billhook_engine::{EngineError, Home};
use billhook_registry::{Connection, ConnectionId, ConnectionName, Outcome, Registry};
use billhook_sources::manifest::period_of_digits;
use clap::Args;

use crate::connections::words::{ago, first_line, moment, until};
use crate::connections::{named, now, registry};
use crate::context::{Context, causes, say};
use crate::events;
use crate::import::{LoadArgs, options, stop_on_signal, tell, tell_waiting};

/// Billing periods that a line names; the others are counted.
const PERIODS: usize = 3;

/// Bring saved connections up to date: all of them, or those that are named
#[derive(Debug, Args)]
pub(crate) struct SyncArgs {
    /// Connections (default: all that are not paused)
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    /// Stay, and run each connection whenever its schedule says so, until interrupted
    #[arg(long)]
    watch: bool,
    /// Only deliveries of this billing period
    #[arg(long, value_name = "YYYY-MM", value_parser = month, conflicts_with = "watch")]
    period: Option<String>,
    #[command(flatten)]
    load: LoadArgs,
    /// Tell of every run and every delivery, also when nothing is new
    #[arg(long, short)]
    verbose: bool,
}

/// Does what `billhook sync NAME...` does; gives its exit code.
///
/// # Errors
/// As `billhook sync`.
pub(crate) async fn load_now(names: Vec<String>, context: &Context) -> anyhow::Result<u8> {
    let args =
        SyncArgs { names, watch: false, period: None, load: LoadArgs::default(), verbose: false };
    Box::pin(run(args, context)).await
}

/// Reads a month.
fn month(text: &str) -> Result<String, String> {
    let is_month =
        text.len() == 7 && period_of_digits(&format!("{text}-01")).as_deref() == Some(text);
    if is_month { Ok(text.to_owned()) } else { Err("write a month as YYYY-MM".to_owned()) }
}

pub(crate) async fn run(args: SyncArgs, context: &Context) -> anyhow::Result<u8> {
    let registry = if args.watch {
        // Connections may be added later.
        Registry::open(context.home_dir()).map_err(EngineError::from)?
    } else {
        registry(context)?
    };
    let wanted: Vec<Connection> =
        args.names.iter().map(|name| named(&registry, name)).collect::<Result<_, _>>()?;
    let home = context.home()?;
    let mut options = options(&home, &args.load, context);
    options.period.clone_from(&args.period);
    let runner = runner(Arc::new(registry), home, options, context)?;
    stop_on_signal(&runner.options);
    if args.watch {
        let names: Vec<ConnectionName> = wanted.into_iter().map(|one| one.name).collect();
        let publisher = publisher(&runner);
        Box::pin(stay(&runner, publisher, &names, args.verbose, Voice::LINES)).await?;
        return Ok(0);
    }
    let wanted: Vec<Connection> = if args.names.is_empty() {
        let all = runner.registry.connections().map_err(EngineError::from)?;
        all.into_iter().filter(|connection| connection.paused_since.is_none()).collect()
    } else {
        wanted
    };
    if wanted.is_empty() {
        say("there is nothing to do: no connection that is not paused");
        return Ok(0);
    }
    let mut code = 0;
    for connection in &wanted {
        code = code.max(once(&runner, connection, args.verbose).await?);
        if runner.is_stopped() {
            break;
        }
    }
    if !runner.is_stopped() {
        events::send_after_load(&publisher(&runner), args.verbose).await;
    }
    Ok(code)
}

/// How it is told what is done.
#[derive(Clone, Copy)]
pub(crate) struct Voice {
    /// Tells what is new.
    pub(crate) news: fn(&str),
    /// Tells more of the same.
    pub(crate) more: fn(&str),
}

impl Voice {
    /// Lines on standard error, of which the news have the time before them.
    const LINES: Self = Self { news: line, more: say };
}

/// Runs what is due and sends what is new, until the runner is told to stop: all connections, or
/// those that are named.
///
/// # Errors
/// When the control database cannot be read. The runner is told to stop then.
pub(crate) async fn stay(
    runner: &Runner,
    publisher: Publisher,
    names: &[ConnectionName],
    is_verbose: bool,
    voice: Voice,
) -> Result<(), EngineError> {
    let mut log = Log { is_verbose, held: HashMap::new(), voice };
    let tell: Tell = Arc::new(move |sink: &str, news: &News| tell_news(sink, news, voice));
    let sending = tokio::spawn(async move { Box::pin(publisher.stay(&tell)).await });
    let watched = sync::watch(runner, names, &mut |told| log.tell(told)).await;
    runner.options.stop.store(true, Ordering::Relaxed);
    // Nothing is lost when it does not end well: what was not acknowledged is sent again.
    sending.await.ok();
    watched
}

/// Sends events of what the runner loads.
pub(crate) fn publisher(runner: &Runner) -> Publisher {
    Publisher {
        registry: Arc::clone(&runner.registry),
        lake: runner.home.lake.clone(),
        holder: runner.holder.clone(),
        now,
        stop: Arc::clone(&runner.options.stop),
        attempts: Attempts::default(),
    }
}

/// Tells what is news about a sink.
fn tell_news(sink: &str, news: &News, voice: Voice) {
    match news {
        News::Over(outcome) if events::is_news(outcome) => {
            let to = if sink.is_empty() { String::new() } else { format!(" to {sink}") };
            (voice.news)(&format!("events{to}: {}", events::words(outcome)));
        }
        News::Heard(_) => {
            if let Some(trouble) = events::trouble(sink, news) {
                (voice.more)(&trouble);
            }
        }
        News::Over(_) => {}
    }
}

/// What runs of this process share.
///
/// # Errors
/// When the operating system gives no random numbers.
pub(crate) fn runner(
    registry: Arc<Registry>,
    home: Home,
    options: Options,
    context: &Context,
) -> Result<Runner, EngineError> {
    Ok(Runner {
        registry,
        home,
        s3: context.s3.clone(),
        options,
        holder: holder::me()?,
        now,
        today: || chrono::Utc::now().date_naive(),
    })
}

/// Brings one connection up to date, and gives the exit code.
async fn once(
    runner: &Runner,
    connection: &Connection,
    is_verbose: bool,
) -> Result<u8, EngineError> {
    let name = &connection.name;
    let mut hear = |heard: &Heard<'_>| match heard {
        Heard::Begins if is_verbose => say(&format!("{name}: begins")),
        Heard::Begins => {}
        Heard::Waits(who) => tell_waiting(who),
        Heard::Delivery(one) => tell(one),
    };
    let done = runner.run(connection, "user", &mut hear).await?;
    Ok(match done {
        Done::Ran(ran) => {
            tell_findings(name, &ran);
            ran.code
        }
        Done::Held { holder, since } => {
            say(&held(connection, &holder, since));
            0
        }
    })
}

/// `acme: host/12/0a0b is at work on it since 2026-11-21 15:30 (2m ago)`.
fn held(connection: &Connection, holder: &str, since: Option<i64>) -> String {
    let since = since.map(|since| format!(" since {} ({})", moment(since), ago(since, now())));
    format!("{}: {holder} is at work on it{}", connection.name, since.unwrap_or_default())
}

/// Tells what a run found. Deliveries that were refused or wait have been told of already.
fn tell_findings(name: &ConnectionName, ran: &Ran) {
    let told = ["delivery-refused", "delivery-waiting"];
    for finding in ran.findings.iter().filter(|finding| !told.contains(&finding.code)) {
        say(&format!("{name}: {} ({})", finding.seen, finding.code));
        if !finding.fix.is_empty() {
            say(&format!("  mend: {}", finding.fix.trim_end().replace('\n', "\n    ")));
        }
    }
}

/// What a watch writes: a line for what is news, and no line for what is not.
struct Log {
    is_verbose: bool,
    /// Whom others were last seen to be held by.
    held: HashMap<ConnectionId, String>,
    voice: Voice,
}

impl Log {
    fn tell(&mut self, told: &Told<'_>) {
        let Voice { news, more } = self.voice;
        match told {
            Told::Begins { connections, next } => {
                let plural = if *connections == 1 { "" } else { "s" };
                news(&format!("watching {connections} connection{plural}; next {}", at(*next)));
            }
            Told::Heard(connection, heard) => self.hear(connection, heard),
            Told::Ran { connection, ran, next } => {
                self.held.remove(&connection.id);
                let is_news = ran.is_news || ran.loaded().next().is_some();
                if is_news || self.is_verbose {
                    let name = &connection.name;
                    let health = ran.health.map(|health| format!("; {}", health.as_str()));
                    let health = health.unwrap_or_default();
                    news(&format!("{name}: {}{health}; next {}", outcome(ran), at(*next)));
                }
                if ran.is_news || self.is_verbose {
                    for finding in &ran.findings {
                        more(&format!("  {} ({})", finding.seen, finding.code));
                        if !finding.fix.is_empty() {
                            more(&format!("  mend: {}", first_line(&finding.fix)));
                        }
                    }
                }
            }
            Told::Held { connection, holder, since } => {
                let before = self.held.insert(connection.id.clone(), (*holder).to_owned());
                if self.is_verbose || before.as_deref() != Some(*holder) {
                    news(&held(connection, holder, *since));
                }
            }
            Told::Failed { connection, error } => {
                news(&format!("{}: {}", connection.name, causes(*error)));
            }
        }
    }

    fn hear(&self, connection: &Connection, heard: &Heard<'_>) {
        match heard {
            Heard::Begins if self.is_verbose => {
                (self.voice.news)(&format!("{}: begins", connection.name));
            }
            Heard::Waits(who) if self.is_verbose => tell_waiting(who),
            Heard::Delivery(one) if self.is_verbose => tell(one),
            _ => {}
        }
    }
}

/// What came of a run, in words.
fn outcome(ran: &Ran) -> String {
    let loaded: Vec<&str> = ran.loaded().collect();
    let failed = match ran.outcome {
        Outcome::Failed => "failed",
        Outcome::Stopped => "stopped",
        Outcome::Waiting => "nothing yet",
        Outcome::Ok => "",
    };
    if loaded.is_empty() {
        return if failed.is_empty() { "nothing new".to_owned() } else { failed.to_owned() };
    }
    let mut text = format!("loaded {}", loaded[..loaded.len().min(PERIODS)].join(", "));
    if loaded.len() > PERIODS {
        text = format!("{text} and {} more", loaded.len() - PERIODS);
    }
    if failed.is_empty() { text } else { format!("{text}, then {failed}") }
}

/// When something is due, in words.
fn at(next: Option<i64>) -> String {
    next.map_or_else(|| "when somebody runs it".to_owned(), |next| until(next, now()))
}

/// Writes a line with the time before it.
fn line(text: &str) {
    say(&format!("{} {text}", moment(now())));
}

#[cfg(test)]
mod tests {
    use billhook_engine::import::{Fate, Imported};

    use super::*;

    #[test]
    fn months_are_months() {
        assert_eq!(month("2026-08"), Ok("2026-08".to_owned()));
        for text in ["2026-13", "2026-8", "202608", "2026-08-01", "august!"] {
            assert!(month(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_run_is_told_in_a_few_words() {
        let one = |period: &str| Imported {
            connection: "acme".to_owned(),
            period: period.to_owned(),
            revision: String::new(),
            title: None,
            warnings: Vec::new(),
            fate: Fate::Unchanged,
        };
        let ran = |outcome, imported| Ran {
            code: 0,
            outcome,
            health: None,
            findings: Vec::new(),
            is_news: false,
            imported,
        };
        assert_eq!(outcome(&ran(Outcome::Ok, vec![one("2026-08")])), "nothing new");
        assert_eq!(outcome(&ran(Outcome::Waiting, Vec::new())), "nothing yet");
        assert_eq!(outcome(&ran(Outcome::Failed, Vec::new())), "failed");
    }
}
