//! The dialogue of `billhook connect`: asks for what is not given, tries it, saves it, loads it.
//!
//! The steps follow each other in [`dialogue`], a file for each; [`talk`] is how they ask. Whoever
//! leaves before the end has saved nothing.

mod find;
mod reach;
mod role;
mod save;
mod talk;
mod what;

use std::io::{self, BufReader, IsTerminal};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use billhook_engine::{EngineError, onboarding};
use tokio::task::JoinHandle;

use crate::connections::{ConnectArgs, new_name};
use crate::context::{Context, say};
use talk::{Hidden, Left, Talk};

/// Exit code of whoever leaves.
const LEFT: u8 = 3;

const WELCOME: &str = "\
This connects Billhook with a bill, step by step. Enter takes what stands in
[brackets], ? explains, Ctrl-D leaves. Nothing is saved before the end, and
nothing is ever written to AWS.";

/// Asks for all that is not given.
///
/// # Errors
/// When nobody can be asked, when what is given makes no sense, and when saving or loading fails.
pub(crate) async fn run(args: &ConnectArgs, context: &Context) -> anyhow::Result<u8> {
    let is_typed = io::stdin().is_terminal();
    let is_possible = args.dialogue || (is_typed && io::stdout().is_terminal());
    if !is_possible {
        let text = "give a name and --kind, such as `billhook connect acme --kind cur --location \
                    s3://bucket/prefix`, or run this on a terminal to be asked";
        return Err(EngineError::Usage(text.to_owned()).into());
    }
    let typing = Arc::new(Typing::default());
    let listener = leave_on_signal(Arc::clone(&typing));
    let hidden = || typing.secret();
    let hidden: Option<Hidden<'_>> = if is_typed { Some(&hidden) } else { None };
    // Not locked: secrets are read from the same terminal by another way.
    let mut input = BufReader::new(io::stdin());
    let mut out = io::stdout();
    let mut talk = Talk::new(&mut input, &mut out, hidden);
    let outcome = dialogue(&mut talk, args, context, &typing, &listener).await;
    listener.abort();
    match outcome {
        Err(error) if error.is::<Left>() => {
            say(typing.farewell());
            Ok(LEFT)
        }
        outcome => outcome,
    }
}

async fn dialogue(
    talk: &mut Talk<'_>,
    args: &ConnectArgs,
    context: &Context,
    typing: &Typing,
    listener: &JoinHandle<()>,
) -> anyhow::Result<u8> {
    // What is given and wrong is told before anything is asked.
    if let Some(name) = &args.name {
        new_name(name, context)?;
    }
    if let Some(schedule) = &args.schedule {
        onboarding::schedule(schedule)?;
    }
    talk.say(WELCOME)?;
    let wish = what::ask(talk, args, context)?;
    let reached = reach::ask(talk, &wish, &args.identity, context).await?;
    let targets = find::ask(talk, &wish, &reached, context).await?;
    let kept = save::ask(talk, targets, &reached, args, context).await?;
    if kept.is_empty() {
        say("nothing is saved");
        return Ok(1);
    }
    let saved = save::save(talk, kept, context)?;
    typing.has_saved.store(true, Ordering::Relaxed);
    let loaded = match save::ask_to_load(talk, &saved) {
        // What is saved is saved.
        Err(error) if error.is::<Left>() => Vec::new(),
        answer => answer?,
    };
    // From here on loading itself listens to Ctrl-C.
    listener.abort();
    save::load(talk, loaded, context).await
}

/// What somebody at the terminal is doing, for when they press Ctrl-C.
#[derive(Debug, Default)]
struct Typing {
    /// Typing something that the terminal does not show.
    hides: AtomicBool,
    /// Leaving.
    leaves: AtomicBool,
    /// Done with the questions that matter.
    has_saved: AtomicBool,
}

impl Typing {
    /// Reads a line from the terminal without showing it.
    fn secret(&self) -> io::Result<Option<String>> {
        self.hides.store(true, Ordering::Relaxed);
        let line = console::Term::stderr().read_secure_line();
        self.hides.store(false, Ordering::Relaxed);
        if self.leaves.load(Ordering::Relaxed) { Ok(None) } else { line.map(Some) }
    }

    fn farewell(&self) -> &'static str {
        if self.has_saved.load(Ordering::Relaxed) {
            "left; what was saved stays: load it with `billhook sync`"
        } else {
            "left; nothing is saved"
        }
    }
}

/// Ends the program when the user presses Ctrl-C.
fn leave_on_signal(typing: Arc<Typing>) -> JoinHandle<()> {
    tokio::spawn(async move {
        while tokio::signal::ctrl_c().await.is_ok() {
            if typing.hides.load(Ordering::Relaxed) {
                // The terminal would go on hiding what is typed.
                typing.leaves.store(true, Ordering::Relaxed);
                say("\npress Enter to leave");
                continue;
            }
            say(&format!("\n{}", typing.farewell()));
            std::process::exit(i32::from(LEFT));
        }
    })
}
