//! `sync --watch`: runs what is due, for as long as the process lives.
//!
//! The control database is read anew each time, so that connections which are added, paused or
//! removed meanwhile count at once. One that cannot be run never keeps the others from it.

use std::collections::HashMap;
use std::time::Duration;

use billhook_registry::{Connection, ConnectionId, ConnectionName};

use super::{Done, Heard, RUNS, Ran, Runner, due};
use crate::EngineError;

/// How often is looked whether something is due, at most.
const TICK: Duration = Duration::from_secs(1);

/// What could not be run is not tried again before, microseconds.
const AGAIN_AFTER: i64 = 60_000_000;

/// What a watch tells.
#[derive(Debug)]
pub enum Told<'a> {
    /// It begins. When something is due next, microseconds since 1970 UTC.
    Begins {
        /// Connections that are looked after.
        connections: usize,
        /// When the first of them is due; `None` when all wait for somebody.
        next: Option<i64>,
    },
    /// What a run tells.
    Heard(&'a Connection, &'a Heard<'a>),
    /// A run is over.
    Ran {
        /// Whose.
        connection: &'a Connection,
        /// How it went.
        ran: &'a Ran,
        /// When the next one is due.
        next: Option<i64>,
    },
    /// Somebody else is at work on a connection.
    Held {
        /// The connection.
        connection: &'a Connection,
        /// Who.
        holder: &'a str,
        /// Since when, microseconds since 1970 UTC.
        since: Option<i64>,
    },
    /// A connection could not even be tried.
    Failed {
        /// The connection.
        connection: &'a Connection,
        /// Why.
        error: &'a EngineError,
    },
}

/// Runs what is due, until the runner's `stop` is set: all connections, or those that are named.
///
/// # Errors
/// When the control database cannot be read.
pub async fn watch(
    runner: &Runner,
    names: &[ConnectionName],
    tell: &mut dyn FnMut(&Told<'_>),
) -> Result<(), EngineError> {
    let mut not_before: HashMap<ConnectionId, i64> = HashMap::new();
    let mut has_begun = false;
    while !runner.is_stopped() {
        let now = (runner.now)();
        let queue = match queue(runner, names, &not_before, now) {
            Ok(queue) => queue,
            // Another process was writing for long.
            Err(EngineError::Registry(error)) if error.retry() => {
                tokio::time::sleep(TICK).await;
                continue;
            }
            Err(error) => return Err(error),
        };
        let first =
            queue.iter().filter_map(|(at, one)| Some(((*at)?, one))).min_by_key(|one| one.0);
        if !has_begun {
            let next = first.map(|(at, _)| at);
            tell(&Told::Begins { connections: queue.len(), next });
            has_begun = true;
        }
        match first {
            Some((at, connection)) if at <= now => {
                // However it goes: not at once again.
                not_before.insert(connection.id.clone(), now.saturating_add(AGAIN_AFTER));
                turn(runner, connection, tell).await;
            }
            Some((at, _)) => {
                let wait = u64::try_from(at.saturating_sub(now)).unwrap_or_default();
                tokio::time::sleep(TICK.min(Duration::from_micros(wait))).await;
            }
            None => tokio::time::sleep(TICK).await,
        }
    }
    Ok(())
}

/// The connections to look after, and when each is due.
fn queue(
    runner: &Runner,
    names: &[ConnectionName],
    not_before: &HashMap<ConnectionId, i64>,
    now: i64,
) -> Result<Vec<(Option<i64>, Connection)>, EngineError> {
    let mut queue = Vec::new();
    for connection in runner.registry.connections()? {
        let is_wanted = names.is_empty() || names.contains(&connection.name);
        if !is_wanted || connection.paused_since.is_some() {
            continue;
        }
        let runs = runner.registry.runs(&connection.id, RUNS)?;
        let earliest = not_before.get(&connection.id).copied().unwrap_or(now);
        let at = due::next(&connection, &runs, now).map(|at| at.max(earliest));
        queue.push((at, connection));
    }
    Ok(queue)
}

/// Runs one connection, and tells what came of it.
async fn turn(runner: &Runner, connection: &Connection, tell: &mut dyn FnMut(&Told<'_>)) {
    let mut hear = |heard: &Heard<'_>| tell(&Told::Heard(connection, heard));
    let done = runner.run(connection, "schedule", &mut hear).await;
    match done {
        Ok(Done::Ran(ran)) => {
            let runs = runner.registry.runs(&connection.id, RUNS);
            let now = (runner.now)();
            let next = runs.ok().and_then(|runs| due::next(connection, &runs, now));
            tell(&Told::Ran { connection, ran: &ran, next });
        }
        Ok(Done::Held { holder, since }) => {
            tell(&Told::Held { connection, holder: &holder, since });
        }
        Err(error) => tell(&Told::Failed { connection, error: &error }),
    }
}
