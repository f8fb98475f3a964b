//! Sinks: where events are sent, how far each is, and how it is.
//!
//! A place is a pair: the position of a happening, and the index of an event among those of that
//! happening. A sink's cursor is the place up to which everything is acknowledged or a dead letter.
//! Only who holds the lease `sink/NAME` should send to a sink.

use std::fmt;

use rusqlite::{OptionalExtension, Params, Row, Transaction};
use secrecy::SecretString;
use serde::{Serialize, Serializer};
use serde_json::Value;

use crate::attempts::{AttemptRecord, keep};
use crate::error::is_taken;
use crate::name::is_name;
use crate::owner::Owner;
use crate::{Registry, RegistryError, json, random};

/// What a sink is known by to the database: a random UUID.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SinkId(String);

impl SinkId {
    /// The UUID as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SinkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for SinkId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

/// A sink as it is stored. No secret is in it; [`Registry::sink_secrets`] opens them. Times are
/// microseconds since 1970 UTC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SinkRecord {
    /// Its id.
    pub id: SinkId,
    /// Its name.
    pub name: String,
    /// Where it sends what, and how. No secrets: it is stored and shown as it is.
    pub settings: Value,
    /// Which secrets it has, by their fields.
    pub secrets: Vec<String>,
    /// Position and index up to which everything is acknowledged or a dead letter.
    pub cursor: (i64, i64),
    /// When the cursor last moved; `None` while it stands where it began.
    pub moved_at: Option<i64>,
    /// What was last said about how it is; null when nothing was.
    pub state: Value,
    /// When that was said.
    pub state_at: Option<i64>,
    /// How many dead letters it has.
    pub dead_letters: i64,
    /// Since when it is paused; `None` when it is not.
    pub paused_since: Option<i64>,
    /// When it was added.
    pub created_at: i64,
    /// When it was last changed, or was added; another time for each change.
    pub changed_at: i64,
}

/// A sink to be added.
#[derive(Debug, Clone)]
pub struct NewSink {
    /// Its name, of the same letters as that of a connection.
    pub name: String,
    /// Where it sends what, and how. No secrets.
    pub settings: Value,
    /// Field and value of each secret; they are sealed before they are stored.
    pub secrets: Vec<(String, SecretString)>,
}

/// What [`sink_of`] reads, in its order.
const SELECT: &str = "SELECT id, name, settings, secret_fields, cursor_position, cursor_index, \
     moved_at, state, state_at, paused_since, created_at, \
     (SELECT count(*) FROM dead_letters WHERE sink = sinks.id), \
     coalesce(changed_at, created_at) FROM sinks";

const INSERT: &str = "INSERT INTO sinks (id, name, settings, secret_fields, cursor_position, \
     cursor_index, created_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";

impl Registry {
    /// Adds a sink that begins with the first event there ever was, and seals its secrets.
    ///
    /// # Errors
    /// As [`Registry::add_sink_at`].
    pub fn add_sink(&self, new: NewSink, now: i64) -> Result<SinkRecord, RegistryError> {
        self.add_sink_at(new, (0, 0), now)
    }

    /// Adds a sink that begins after a place, and seals its secrets. For one that begins now, the
    /// place is the last position with the greatest index.
    ///
    /// # Errors
    /// [`RegistryError::SinkName`], [`RegistryError::SinkNameTaken`], and whatever keeps secrets
    /// from being sealed. Nothing is stored after one.
    pub fn add_sink_at(
        &self,
        new: NewSink,
        cursor: (i64, i64),
        now: i64,
    ) -> Result<SinkRecord, RegistryError> {
        let NewSink { name, settings, secrets } = new;
        if !is_name(&name) {
            return Err(RegistryError::SinkName { name });
        }
        let id = SinkId(random::uuid()?);
        let fields: Vec<String> = secrets.iter().map(|(field, _)| field.clone()).collect();
        let settings_json = json::write(&settings, "the settings of a sink")?;
        let fields_json = json::write(&fields, "the fields of a sink's secrets")?;
        self.write("add a sink", |transaction| {
            let (position, index) = cursor;
            let values =
                (id.as_str(), name.as_str(), settings_json, fields_json, position, index, now);
            transaction.execute(INSERT, values).map_err(|error| {
                if is_taken(&error) {
                    RegistryError::SinkNameTaken { name: name.clone() }
                } else {
                    error.into()
                }
            })?;
            self.store_secrets(transaction, Owner::sink(id.as_str()), &secrets)
        })?;
        Ok(SinkRecord {
            id,
            name,
            settings,
            secrets: fields,
            cursor,
            moved_at: None,
            state: Value::Null,
            state_at: None,
            dead_letters: 0,
            paused_since: None,
            created_at: now,
            changed_at: now,
        })
    }

    /// The sink of that name, if there is one.
    ///
    /// # Errors
    /// When the database fails.
    pub fn sink(&self, name: &str) -> Result<Option<SinkRecord>, RegistryError> {
        self.read("look for a sink", |transaction| {
            let mut statement = transaction.prepare(&format!("{SELECT} WHERE name = ?1"))?;
            let mut found = statement.query_and_then([name], sink_of)?;
            found.next().transpose()
        })
    }

    /// All sinks, by name.
    ///
    /// # Errors
    /// When the database fails.
    pub fn sinks(&self) -> Result<Vec<SinkRecord>, RegistryError> {
        self.read("list the sinks", |transaction| {
            let mut statement = transaction.prepare(&format!("{SELECT} ORDER BY name"))?;
            statement.query_and_then([], sink_of)?.collect()
        })
    }

    /// Pauses a sink. One that is paused already keeps its time.
    ///
    /// # Errors
    /// [`RegistryError::NoSink`].
    pub fn pause_sink(&self, id: &SinkId, now: i64) -> Result<(), RegistryError> {
        let sql = "UPDATE sinks SET paused_since = coalesce(paused_since, ?2) WHERE id = ?1";
        self.change_sink("pause a sink", id, sql, (id.as_str(), now))
    }

    /// Ends a pause.
    ///
    /// # Errors
    /// [`RegistryError::NoSink`].
    pub fn resume_sink(&self, id: &SinkId) -> Result<(), RegistryError> {
        let sql = "UPDATE sinks SET paused_since = NULL WHERE id = ?1";
        self.change_sink("resume a sink", id, sql, [id.as_str()])
    }

    /// Removes a sink with its secrets, cursor, attempts and dead letters. Its lease is lost to who
    /// holds it.
    ///
    /// # Errors
    /// [`RegistryError::NoSink`].
    pub fn remove_sink(&self, id: &SinkId) -> Result<(), RegistryError> {
        self.write("remove a sink", |transaction| {
            let sql = "DELETE FROM leases \
                 WHERE name = (SELECT 'sink/' || name FROM sinks WHERE id = ?1)";
            transaction.execute(sql, [id.as_str()])?;
            // The rows of other tables go with it (ON DELETE CASCADE).
            let sql = "DELETE FROM sinks WHERE id = ?1";
            one_of(id, transaction.execute(sql, [id.as_str()])?)
        })
    }

    /// Position and index up to which everything is acknowledged or a dead letter.
    ///
    /// # Errors
    /// [`RegistryError::NoSink`].
    pub fn cursor(&self, id: &SinkId) -> Result<(i64, i64), RegistryError> {
        let sql = "SELECT cursor_position, cursor_index FROM sinks WHERE id = ?1";
        self.read("read how far a sink is", |transaction| {
            let place =
                transaction.query_row(sql, [id.as_str()], |row| Ok((row.get(0)?, row.get(1)?)));
            place.optional()?.ok_or_else(|| no(id))
        })
    }

    /// Moves the cursor on. It never goes back: a place before it changes nothing.
    ///
    /// # Errors
    /// [`RegistryError::NoSink`].
    pub fn set_cursor(&self, id: &SinkId, to: (i64, i64), now: i64) -> Result<(), RegistryError> {
        self.write("store how far a sink is", |transaction| {
            require(transaction, id)?;
            let sql = "UPDATE sinks SET cursor_position = ?2, cursor_index = ?3, moved_at = ?4 \
                 WHERE id = ?1 AND (cursor_position, cursor_index) < (?2, ?3)";
            transaction.execute(sql, (id.as_str(), to.0, to.1, now))?;
            Ok(())
        })
    }

    /// Moves the cursor on, as [`Registry::set_cursor`], if it still is where the caller left it.
    /// False when it is not: somebody had it rewound meanwhile, and moving it on would undo that.
    /// The caller then begins anew from [`Registry::cursor`]. Either way `attempts`, made since the
    /// last time, are kept in the same step.
    ///
    /// # Errors
    /// [`RegistryError::NoSink`].
    pub fn advance_cursor(
        &self,
        id: &SinkId,
        from: (i64, i64),
        to: (i64, i64),
        attempts: &[AttemptRecord],
        now: i64,
    ) -> Result<bool, RegistryError> {
        self.write("store how far a sink is", |transaction| {
            require(transaction, id)?;
            keep(transaction, id, attempts)?;
            let sql = "UPDATE sinks SET cursor_position = ?4, cursor_index = ?5, moved_at = ?6 \
                 WHERE id = ?1 AND cursor_position = ?2 AND cursor_index = ?3 \
                 AND (cursor_position, cursor_index) <= (?4, ?5)";
            let values = (id.as_str(), from.0, from.1, to.0, to.1, now);
            Ok(transaction.execute(sql, values)? == 1)
        })
    }

    /// Moves the cursor back, so that everything after that place is sent again. False when it is
    /// not beyond that place, so that all this is still to be sent anyway.
    ///
    /// # Errors
    /// [`RegistryError::NoSink`].
    pub fn rewind_cursor(
        &self,
        id: &SinkId,
        to: (i64, i64),
        now: i64,
    ) -> Result<bool, RegistryError> {
        self.write("move a sink back", |transaction| {
            require(transaction, id)?;
            let sql = "UPDATE sinks SET cursor_position = ?2, cursor_index = ?3, moved_at = ?4 \
                 WHERE id = ?1 AND (cursor_position, cursor_index) > (?2, ?3)";
            Ok(transaction.execute(sql, (id.as_str(), to.0, to.1, now))? == 1)
        })
    }

    /// Stores what is to be said about how a sink is, with `attempts`, as
    /// [`Registry::advance_cursor`].
    ///
    /// # Errors
    /// [`RegistryError::NoSink`].
    pub fn set_sink_state(
        &self,
        id: &SinkId,
        state: &Value,
        attempts: &[AttemptRecord],
        now: i64,
    ) -> Result<(), RegistryError> {
        let state = json::write(state, "the state of a sink")?;
        let sql = "UPDATE sinks SET state = ?2, state_at = ?3 WHERE id = ?1";
        self.write("store how a sink is", |transaction| {
            one_of(id, transaction.execute(sql, (id.as_str(), state, now))?)?;
            keep(transaction, id, attempts)
        })
    }

    /// Runs a statement that changes one sink.
    fn change_sink(
        &self,
        action: &'static str,
        id: &SinkId,
        sql: &str,
        values: impl Params,
    ) -> Result<(), RegistryError> {
        self.write(action, |transaction| one_of(id, transaction.execute(sql, values)?))
    }
}

/// The sink of that id.
pub(crate) fn by_id(
    transaction: &Transaction<'_>,
    id: &SinkId,
) -> Result<SinkRecord, RegistryError> {
    let mut statement = transaction.prepare(&format!("{SELECT} WHERE id = ?1"))?;
    let mut found = statement.query_and_then([id.as_str()], sink_of)?;
    found.next().unwrap_or_else(|| Err(no(id)))
}

/// An error when there is no sink of that id.
pub(crate) fn require(transaction: &Transaction<'_>, id: &SinkId) -> Result<(), RegistryError> {
    let sql = "SELECT 1 FROM sinks WHERE id = ?1";
    let found = transaction.query_row(sql, [id.as_str()], |_| Ok(())).optional()?;
    found.ok_or_else(|| no(id))
}

fn sink_of(row: &Row<'_>) -> Result<SinkRecord, RegistryError> {
    let name: String = row.get(1)?;
    let what = |part: &str| format!("the {part} of sink {name}");
    let settings: String = row.get(2)?;
    let fields: String = row.get(3)?;
    let state: Option<String> = row.get(7)?;
    let state = state.map_or(Ok(Value::Null), |state| json::read(&state, &what("state")))?;
    Ok(SinkRecord {
        id: SinkId(row.get(0)?),
        settings: json::read(&settings, &what("settings"))?,
        secrets: json::read(&fields, &what("secrets"))?,
        cursor: (row.get(4)?, row.get(5)?),
        moved_at: row.get(6)?,
        state,
        state_at: row.get(8)?,
        paused_since: row.get(9)?,
        created_at: row.get(10)?,
        dead_letters: row.get(11)?,
        changed_at: row.get(12)?,
        name,
    })
}

/// An error unless a statement changed its sink.
fn one_of(id: &SinkId, changed: usize) -> Result<(), RegistryError> {
    if changed == 1 { Ok(()) } else { Err(no(id)) }
}

fn no(id: &SinkId) -> RegistryError {
    RegistryError::NoSink { id: id.to_string() }
}
