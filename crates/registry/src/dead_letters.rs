//! Dead letters: events that a sink will never take as they are, kept to be looked at and sent
//! again.

use rusqlite::Row;
use serde::Serialize;
use serde_json::Value;

use crate::sinks::require;
use crate::{Registry, RegistryError, SinkId, json};

/// An event that a sink would not take. Times are microseconds since 1970 UTC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DeadLetter {
    /// Its number; no other dead letter ever has it.
    pub number: i64,
    /// Position and index of the event.
    pub place: (i64, i64),
    /// The event.
    pub event: Value,
    /// Why it was not taken, the last time.
    pub reason: String,
    /// How often it was tried in vain.
    pub attempts: i64,
    /// When it became a dead letter.
    pub buried_at: i64,
    /// When it was last tried.
    pub tried_at: i64,
}

/// What [`letter_of`] reads, in its order.
const SELECT: &str = "SELECT number, position, event_index, event, reason, attempts, buried_at, \
     tried_at FROM dead_letters WHERE sink = ?1";

const BURY: &str = "INSERT INTO dead_letters \
     (sink, position, event_index, event, reason, attempts, buried_at, tried_at) \
     VALUES (?1, ?2, ?3, ?4, ?5, 1, ?6, ?6) \
     ON CONFLICT (sink, position, event_index) DO UPDATE SET event = excluded.event, \
     reason = excluded.reason, attempts = dead_letters.attempts + 1, tried_at = excluded.tried_at";

impl Registry {
    /// Keeps an event that a sink will never take. One that is kept already, known by its place,
    /// has one attempt more and the new reason.
    ///
    /// # Errors
    /// [`RegistryError::NoSink`].
    pub fn bury(
        &self,
        sink: &SinkId,
        place: (i64, i64),
        event: &Value,
        reason: &str,
        now: i64,
    ) -> Result<(), RegistryError> {
        let event = json::write(event, "an event")?;
        self.write("keep a dead letter", |transaction| {
            require(transaction, sink)?;
            let values = (sink.as_str(), place.0, place.1, event, reason, now);
            transaction.execute(BURY, values)?;
            Ok(())
        })
    }

    /// The dead letters of a sink, the oldest first: at most `limit`.
    ///
    /// # Errors
    /// When the database fails.
    pub fn dead_letters(
        &self,
        sink: &SinkId,
        limit: u32,
    ) -> Result<Vec<DeadLetter>, RegistryError> {
        self.read("list the dead letters of a sink", |transaction| {
            let sql = format!("{SELECT} ORDER BY number LIMIT ?2");
            let mut statement = transaction.prepare(&sql)?;
            statement.query_and_then((sink.as_str(), limit), letter_of)?.collect()
        })
    }

    /// One dead letter of a sink, if it has one of that number.
    ///
    /// # Errors
    /// When the database fails.
    pub fn dead_letter(
        &self,
        sink: &SinkId,
        number: i64,
    ) -> Result<Option<DeadLetter>, RegistryError> {
        self.read("look for a dead letter", |transaction| {
            let mut statement = transaction.prepare(&format!("{SELECT} AND number = ?2"))?;
            let mut found = statement.query_and_then((sink.as_str(), number), letter_of)?;
            found.next().transpose()
        })
    }

    /// Throws a dead letter away, because it was taken after all or nobody wants it. False when the
    /// sink has none of that number.
    ///
    /// # Errors
    /// When the database fails.
    pub fn drop_dead_letter(&self, sink: &SinkId, number: i64) -> Result<bool, RegistryError> {
        self.write("throw a dead letter away", |transaction| {
            let sql = "DELETE FROM dead_letters WHERE sink = ?1 AND number = ?2";
            Ok(transaction.execute(sql, (sink.as_str(), number))? == 1)
        })
    }
}

fn letter_of(row: &Row<'_>) -> Result<DeadLetter, RegistryError> {
    let event: String = row.get(3)?;
    Ok(DeadLetter {
        number: row.get(0)?,
        place: (row.get(1)?, row.get(2)?),
        event: json::read(&event, "the event of a dead letter")?,
        reason: row.get(4)?,
        attempts: row.get(5)?,
        buried_at: row.get(6)?,
        tried_at: row.get(7)?,
    })
}
