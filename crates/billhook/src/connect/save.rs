//! The last steps: names, a schedule, a look at everything, saving, loading, a first report.

use std::collections::BTreeSet;

use billhook_engine::onboarding::place::free_name;
use billhook_engine::{EngineError, onboarding};
use billhook_registry::{Access, ConnectionName, Health, NewConnection, Registry, Schedule};
use serde_json::{Value, json};

use super::find::Target;
use super::reach::Reached;
use super::talk::{Question, Talk};
use crate::connections::{ConnectArgs, new_name, now};
use crate::context::{Context, say};
use crate::report;
use crate::sync::load_now;
use crate::verify::look;

const HELP_NAME: &str = "\
what the connection is called in commands and in the column x_Connection: lowercase letters, digits
and dashes";

const HELP_SCHEDULE: &str = "\
`every 4h`, `daily 06:00 Europe/Berlin` or `manual`: when to look for something new. Looking into a
bucket costs next to nothing; Cost Explorer charges 0.01 USD for each request";

const HELP_BROKEN: &str = "\
what fails stands above, with its mend; a connection that does not work yet can be looked at later
with `billhook verify NAME`";

const HELP_LOAD: &str = "\
loads every month that is there; it can be stopped with Ctrl-C at any time, and goes on with
`billhook sync`";

/// A connection that is worth saving.
pub(super) struct Kept {
    name: ConnectionName,
    target: Target,
    access: Access,
    schedule: Schedule,
    settings: Value,
    /// Is there something to load?
    is_ready: bool,
}

/// A connection that was saved.
pub(super) struct Saved {
    name: String,
    is_ready: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Broken {
    Again,
    Keep,
    Drop,
}

/// Asks for names and a schedule, and looks whether everything works.
pub(super) async fn ask(
    talk: &mut Talk<'_>,
    targets: Vec<Target>,
    reached: &Reached,
    args: &ConnectArgs,
    context: &Context,
) -> anyhow::Result<Vec<Kept>> {
    let names = names(talk, &targets, args.name.as_deref(), context)?;
    let schedule = schedule(talk, &targets, args.schedule.as_deref())?;
    let mut kept = Vec::new();
    for (name, target) in names.into_iter().zip(targets) {
        let mut access = reached.access.clone();
        let region = target.place.as_ref().and_then(|place| place.region.clone());
        access.region = access.region.or(region);
        // What fails already is known, and was told.
        let is_kept_as_it_is = !reached.is_working;
        let health = if is_kept_as_it_is {
            Some(Health::Broken)
        } else {
            talk.head(&format!("Looking at everything that {name} needs:"))?;
            verified(talk, &target, &access, args, context).await?
        };
        if let Some(health) = health {
            let is_ready = !matches!(health, Health::Broken | Health::Waiting);
            let schedule = schedule.clone();
            let settings = args.figures.figures().over(&json!({}));
            kept.push(Kept { name, target, access, schedule, settings, is_ready });
        }
    }
    Ok(kept)
}

fn names(
    talk: &mut Talk<'_>,
    targets: &[Target],
    given: Option<&str>,
    context: &Context,
) -> anyhow::Result<Vec<ConnectionName>> {
    let mut taken: BTreeSet<String> = BTreeSet::new();
    if let Some(registry) =
        Registry::open_existing(context.home_dir()).map_err(EngineError::from)?
    {
        let all = registry.connections().map_err(EngineError::from)?;
        taken.extend(all.into_iter().map(|connection| connection.name.to_string()));
    }
    let mut names = Vec::new();
    for (at, target) in targets.iter().enumerate() {
        let name = match given {
            Some(given) if at == 0 => new_name(given, context)?,
            _ => ask_name(talk, target, &taken)?,
        };
        taken.insert(name.to_string());
        names.push(name);
    }
    Ok(names)
}

fn ask_name(
    talk: &mut Talk<'_>,
    target: &Target,
    taken: &BTreeSet<String>,
) -> anyhow::Result<ConnectionName> {
    let place = target.place.as_ref().map_or(target.kind.title, |place| place.location.as_str());
    let text = format!("\nA name for {place}");
    let default = free_name(&target.name, taken);
    let question = Question { text: &text, default: Some(&default), help: HELP_NAME };
    talk.ask(&question, |answer| {
        if taken.contains(answer) {
            return Err(format!("there is a connection {answer} already"));
        }
        answer.parse().map_err(|error: billhook_registry::RegistryError| error.to_string())
    })
}

fn schedule(
    talk: &mut Talk<'_>,
    targets: &[Target],
    given: Option<&str>,
) -> anyhow::Result<Schedule> {
    if let Some(given) = given {
        return Ok(onboarding::schedule(given)?);
    }
    let usual = targets.first();
    let usual = usual.map_or_else(Schedule::default, |one| onboarding::usual_schedule(one.kind));
    let usual = usual.to_string();
    let question = Question { text: "Schedule", default: Some(&usual), help: HELP_SCHEDULE };
    talk.ask(&question, |answer| onboarding::schedule(answer).map_err(|error| error.to_string()))
}

/// Verifies until it works, or is to be saved all the same; `None` when it is left out.
async fn verified(
    talk: &mut Talk<'_>,
    target: &Target,
    access: &Access,
    args: &ConnectArgs,
    context: &Context,
) -> anyhow::Result<Option<Health>> {
    let location = target.place.as_ref().map(|place| place.location.as_str());
    loop {
        let of = (target.kind, location);
        let verdict = Box::pin(look(of, access, args.paid, context, talk.out())).await?;
        if verdict.is_usable() || args.force {
            return Ok(Some(verdict.health));
        }
        let options = [
            ("look again", Broken::Again),
            ("save it although it does not work yet", Broken::Keep),
            ("leave it out", Broken::Drop),
        ];
        match talk.choose("That does not work. What now?", &options, 1, HELP_BROKEN)? {
            Broken::Again => {}
            Broken::Keep => return Ok(Some(verdict.health)),
            Broken::Drop => return Ok(None),
        }
    }
}

/// Saves all of them, with their secrets sealed.
pub(super) fn save(
    talk: &mut Talk<'_>,
    kept: Vec<Kept>,
    context: &Context,
) -> anyhow::Result<Vec<Saved>> {
    let registry = Registry::open(context.home_dir()).map_err(EngineError::from)?;
    let mut saved = Vec::new();
    talk.say("")?;
    for Kept { name, target, access, schedule, settings, is_ready } in kept {
        let new = NewConnection {
            name: name.clone(),
            kind: target.kind.kind.to_owned(),
            location: target.place.map(|place| place.location),
            settings,
            access,
            schedule,
            payer: None,
        };
        registry.add(new, now()).map_err(EngineError::from)?;
        talk.say(&format!("{name} is saved."))?;
        saved.push(Saved { name: name.to_string(), is_ready });
    }
    Ok(saved)
}

/// Asks whether to load, and tells how it is done later; gives what is to be loaded.
pub(super) fn ask_to_load(talk: &mut Talk<'_>, saved: &[Saved]) -> anyhow::Result<Vec<String>> {
    let ready = saved.iter().filter(|one| one.is_ready);
    let ready: Vec<String> = ready.map(|one| one.name.clone()).collect();
    for one in saved.iter().filter(|one| !one.is_ready) {
        let name = &one.name;
        talk.say(&format!(
            "{name} has nothing to load yet. Later: billhook verify {name}, billhook sync {name}"
        ))?;
    }
    if ready.is_empty() || talk.confirm("Load it now?", true, HELP_LOAD)? {
        return Ok(ready);
    }
    talk.say(&format!("Load it with: billhook sync {}", ready.join(" ")))?;
    Ok(Vec::new())
}

/// Loads, shows what it cost last, and says what comes next.
pub(super) async fn load(
    talk: &mut Talk<'_>,
    names: Vec<String>,
    context: &Context,
) -> anyhow::Result<u8> {
    if names.is_empty() {
        return Ok(0);
    }
    let code = Box::pin(load_now(names, context)).await?;
    if code != 0 {
        say("what was loaded stays; `billhook sync` goes on when that is mended");
        return Ok(code);
    }
    let home = match context.existing_home().await {
        Ok(home) => home,
        // AWS is not done with the first delivery.
        Err(error) if matches!(error.downcast_ref(), Some(EngineError::Nothing(_))) => {
            return Ok(0);
        }
        Err(error) => return Err(error),
    };
    talk.say("")?;
    let width = Context::width();
    let month = report::first(&home, talk.out(), width, Context::is_terminal()).await?;
    let month = month.map_or_else(String::new, |month| format!(" --period {}", month.label()));
    talk.head("From here on:")?;
    talk.say("  billhook sync         loads what is new, whenever you like")?;
    talk.say("  billhook connections  how the connections are")?;
    talk.say("  billhook sql          questions of your own")?;
    talk.say(&format!("  billhook report --by account,service{month}"))?;
    Ok(0)
}
