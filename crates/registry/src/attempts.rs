//! Attempts: what was sent to sinks last, and what came of it, so that also another process can
//! show it. They are written together with what moves a sink on, never each by itself.

use rusqlite::{Row, Transaction};
use serde::{Deserialize, Serialize};

use crate::{Registry, RegistryError, SinkId, json};

/// Attempts of a sink that are kept.
pub const KEPT_ATTEMPTS: usize = 200;

/// Events that the attempts of a sink name, in sum. The newest attempt is kept all the same.
pub const KEPT_EVENTS: usize = 4_000;

/// What came of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Came {
    /// The events were taken.
    Taken,
    /// They are sent again.
    Again,
    /// Some will never be taken.
    Refused,
}

impl Came {
    const ALL: [Self; 3] = [Self::Taken, Self::Again, Self::Refused];

    /// `taken`, `again` or `refused`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Taken => "taken",
            Self::Again => "again",
            Self::Refused => "refused",
        }
    }

    fn of(text: &str) -> Result<Self, RegistryError> {
        let found = Self::ALL.into_iter().find(|came| came.as_str() == text);
        found.ok_or_else(|| RegistryError::damaged("what came of an attempt", format!("{text:?}")))
    }
}

/// An event that was tried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventRecord {
    /// Its id.
    pub id: String,
    /// Its type.
    pub kind: String,
    /// What it is about.
    pub subject: Option<String>,
}

/// An attempt to bring events to a sink. Neither request nor answer is in it: headers may stand
/// in them. Times are microseconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AttemptRecord {
    /// Its number among those of the sink, from 1.
    pub number: i64,
    /// When it began, since 1970 UTC.
    pub at: i64,
    /// How long it took.
    pub took: i64,
    /// What came of it.
    pub came: Came,
    /// Why the events were not taken.
    pub reason: Option<String>,
    /// Status of the answer, of a sink that has one.
    pub status: Option<u16>,
    /// The events.
    pub events: Vec<EventRecord>,
}

/// What [`attempt_of`] reads, in its order.
const SELECT: &str = "SELECT number, at, took, came, reason, status, events FROM attempts \
     WHERE sink = ?1 ORDER BY number DESC LIMIT ?2";

const KEEP: &str = "INSERT INTO attempts \
     (sink, number, at, took, came, reason, status, event_count, events) \
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) \
     ON CONFLICT (sink, number) DO UPDATE SET at = excluded.at, took = excluded.took, \
     came = excluded.came, reason = excluded.reason, status = excluded.status, \
     event_count = excluded.event_count, events = excluded.events";

/// Of those after the newest, whatever is one too many, or names one event too many.
const FORGET: &str = "DELETE FROM attempts WHERE sink = ?1 AND number IN ( \
     SELECT number FROM (SELECT number, row_number() OVER newest AS place, \
     sum(event_count) OVER newest AS events FROM attempts WHERE sink = ?1 \
     WINDOW newest AS (ORDER BY number DESC)) \
     WHERE place > ?2 OR (place > 1 AND events > ?3))";

impl Registry {
    /// The last attempts of a sink, the newest first: at most `limit`.
    ///
    /// # Errors
    /// When the database fails.
    pub fn attempts(&self, sink: &SinkId, limit: u32) -> Result<Vec<AttemptRecord>, RegistryError> {
        self.read("list the attempts of a sink", |transaction| {
            let mut statement = transaction.prepare(SELECT)?;
            statement.query_and_then((sink.as_str(), limit), attempt_of)?.collect()
        })
    }

    /// Number of the last attempt of a sink that is kept; 0 when none is.
    ///
    /// # Errors
    /// When the database fails.
    pub fn last_attempt(&self, sink: &SinkId) -> Result<i64, RegistryError> {
        let sql = "SELECT coalesce(max(number), 0) FROM attempts WHERE sink = ?1";
        self.read("look for the last attempt of a sink", |transaction| {
            Ok(transaction.query_one(sql, [sink.as_str()], |row| row.get(0))?)
        })
    }

    /// Keeps attempts of a sink that nothing else is to be stored with; none of one that is gone.
    ///
    /// # Errors
    /// When the database fails.
    pub fn keep_attempts(
        &self,
        sink: &SinkId,
        attempts: &[AttemptRecord],
    ) -> Result<(), RegistryError> {
        if attempts.is_empty() {
            return Ok(());
        }
        self.write("keep the attempts of a sink", |transaction| {
            let sql = "SELECT 1 FROM sinks WHERE id = ?1";
            if transaction.prepare(sql)?.exists([sink.as_str()])? {
                keep(transaction, sink, attempts)?;
            }
            Ok(())
        })
    }
}

/// Keeps attempts of a sink that there is, and forgets its oldest.
pub(crate) fn keep(
    transaction: &Transaction<'_>,
    sink: &SinkId,
    attempts: &[AttemptRecord],
) -> Result<(), RegistryError> {
    if attempts.is_empty() {
        return Ok(());
    }
    let mut statement = transaction.prepare(KEEP)?;
    for attempt in attempts {
        let events = json::write(&attempt.events, "the events of an attempt")?;
        statement.execute((
            sink.as_str(),
            attempt.number,
            attempt.at,
            attempt.took,
            attempt.came.as_str(),
            &attempt.reason,
            attempt.status,
            number(attempt.events.len()),
            events,
        ))?;
    }
    let bounds = (sink.as_str(), number(KEPT_ATTEMPTS), number(KEPT_EVENTS));
    transaction.execute(FORGET, bounds)?;
    Ok(())
}

fn number(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

fn attempt_of(row: &Row<'_>) -> Result<AttemptRecord, RegistryError> {
    let came: String = row.get(3)?;
    let events: String = row.get(6)?;
    Ok(AttemptRecord {
        number: row.get(0)?,
        at: row.get(1)?,
        took: row.get(2)?,
        came: Came::of(&came)?,
        reason: row.get(4)?,
        status: row.get(5)?,
        events: json::read(&events, "the events of an attempt")?,
    })
}
