//! Connections: named links to one report, dataset, or account's reports.

use std::fmt;

use rusqlite::{OptionalExtension, Row, ToSql, Transaction};
use serde::{Serialize, Serializer};
use serde_json::Value;

use crate::error::is_taken;
use crate::owner::Owner;
use crate::secrets::access_json;
use crate::{
    Access, ConnectionName, Registry, RegistryError, Schedule, Sealed, json, leases, random,
};

/// What a connection is known by to the database: a random UUID that outlives renaming.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ConnectionId(String);

impl ConnectionId {
    /// The UUID as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn from_database(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Display for ConnectionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for ConnectionId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

/// A connection as it is stored. No secret is in it; [`Registry::access`] opens them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Connection {
    /// Its id.
    pub id: ConnectionId,
    /// Its name, which may change.
    pub name: ConnectionName,
    /// Kind of source, such as `cur` or `cost_explorer`. The registry knows no kinds.
    pub kind: String,
    /// `s3://bucket/prefix` or a folder; `None` for kinds that have no place.
    pub location: Option<String>,
    /// What only this kind needs. No secrets: it is stored and shown as it is.
    pub settings: Value,
    /// How AWS is reached, with secrets replaced by a mark.
    pub access: Access<Sealed>,
    /// When it is synchronised.
    pub schedule: Schedule,
    /// Payer account, once known: 12 digits.
    pub payer: Option<String>,
    /// Since when it is paused (microseconds since 1970 UTC); `None` when it is not.
    pub paused_since: Option<i64>,
    /// When it was added (microseconds since 1970 UTC).
    pub created_at: i64,
}

/// A connection to be added; the fields are those of [`Connection`].
#[derive(Debug, Clone)]
pub struct NewConnection {
    /// Its name.
    pub name: ConnectionName,
    /// Kind of source; the caller knows which there are.
    pub kind: String,
    /// `s3://bucket/prefix` or a folder.
    pub location: Option<String>,
    /// What only this kind needs. No secrets.
    pub settings: Value,
    /// How AWS is reached; its secrets are sealed before they are stored.
    pub access: Access,
    /// When it is synchronised.
    pub schedule: Schedule,
    /// Payer account.
    pub payer: Option<String>,
}

/// What [`connection_of`] reads, in its order.
const SELECT: &str = "SELECT id, name, kind, location, settings, access, schedule, payer, \
     paused_since, created_at FROM connections";

const INSERT: &str = "INSERT INTO connections \
     (id, name, kind, location, settings, access, schedule, payer, created_at) \
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";

impl Registry {
    /// Adds a connection, and seals its secrets.
    ///
    /// # Errors
    /// [`RegistryError::NameTaken`], [`RegistryError::Schedule`], and whatever keeps secrets from
    /// being sealed. Nothing is stored after one.
    pub fn add(&self, new: NewConnection, now: i64) -> Result<Connection, RegistryError> {
        let NewConnection { name, kind, location, settings, access, schedule, payer } = new;
        let id = ConnectionId(random::uuid()?);
        let schedule = checked(schedule)?;
        let (access, secrets) = access.apart();
        let settings_json = settings_json(&settings)?;
        let access_json = access_json(&access)?;
        self.write("add a connection", |transaction| {
            let values = (
                id.as_str(),
                name.as_str(),
                &kind,
                &location,
                settings_json,
                access_json,
                schedule.to_string(),
                &payer,
                now,
            );
            transaction.execute(INSERT, values).map_err(taken_by(&name))?;
            self.store_secrets(transaction, Owner::connection(id.as_str()), &secrets)
        })?;
        Ok(Connection {
            id,
            name,
            kind,
            location,
            settings,
            access,
            schedule,
            payer,
            paused_since: None,
            created_at: now,
        })
    }

    /// The connection of that name, if there is one.
    ///
    /// # Errors
    /// When the database fails.
    pub fn connection(&self, name: &ConnectionName) -> Result<Option<Connection>, RegistryError> {
        self.read("look for a connection", |transaction| {
            let mut statement = transaction.prepare(&format!("{SELECT} WHERE name = ?1"))?;
            let mut found = statement.query_and_then([name.as_str()], connection_of)?;
            found.next().transpose()
        })
    }

    /// All connections, by name.
    ///
    /// # Errors
    /// When the database fails.
    pub fn connections(&self) -> Result<Vec<Connection>, RegistryError> {
        self.read("list the connections", |transaction| {
            let mut statement = transaction.prepare(&format!("{SELECT} ORDER BY name"))?;
            statement.query_and_then([], connection_of)?.collect()
        })
    }

    /// Gives a connection another name. Its id, runs and health stay, and so does the place of its
    /// health in the order of what happened. What it loaded has the old name.
    ///
    /// # Errors
    /// [`RegistryError::NameTaken`], [`RegistryError::NoConnection`].
    pub fn rename(&self, id: &ConnectionId, name: &ConnectionName) -> Result<(), RegistryError> {
        self.write("rename a connection", |transaction| {
            let sql = "UPDATE OR IGNORE happenings SET connection = ?2 WHERE kind = 'health' \
                 AND connection = (SELECT name FROM connections WHERE id = ?1)";
            transaction.execute(sql, [id.as_str(), name.as_str()])?;
            let sql = "UPDATE connections SET name = ?2 WHERE id = ?1";
            let renamed = transaction.execute(sql, [id.as_str(), name.as_str()]);
            one_of(id, renamed.map_err(taken_by(name))?)
        })
    }

    /// Pauses a connection. One that is paused already keeps its time.
    ///
    /// # Errors
    /// [`RegistryError::NoConnection`].
    pub fn pause(&self, id: &ConnectionId, now: i64) -> Result<(), RegistryError> {
        let sql = "UPDATE connections SET paused_since = coalesce(paused_since, ?2) WHERE id = ?1";
        self.update("pause a connection", id, sql, now)
    }

    /// Ends a pause.
    ///
    /// # Errors
    /// [`RegistryError::NoConnection`].
    pub fn resume(&self, id: &ConnectionId) -> Result<(), RegistryError> {
        let sql = "UPDATE connections SET paused_since = ?2 WHERE id = ?1";
        self.update("resume a connection", id, sql, None::<i64>)
    }

    /// Removes a connection with its secrets, runs and health. Its lease is lost to who holds it.
    /// What it loaded stays in the lake.
    ///
    /// # Errors
    /// [`RegistryError::NoConnection`].
    pub fn remove(&self, id: &ConnectionId) -> Result<(), RegistryError> {
        self.write("remove a connection", |transaction| {
            let sql = "DELETE FROM leases WHERE name = ?1";
            transaction.execute(sql, [leases::name_of(id)])?;
            // The rows of other tables go with it (ON DELETE CASCADE).
            let sql = "DELETE FROM connections WHERE id = ?1";
            one_of(id, transaction.execute(sql, [id.as_str()])?)
        })
    }

    /// Changes where a connection reads.
    ///
    /// # Errors
    /// [`RegistryError::NoConnection`].
    pub fn set_location(
        &self,
        id: &ConnectionId,
        location: Option<&str>,
    ) -> Result<(), RegistryError> {
        let sql = "UPDATE connections SET location = ?2 WHERE id = ?1";
        self.update("store where a connection reads", id, sql, location)
    }

    /// Changes the settings of a connection, whole.
    ///
    /// # Errors
    /// [`RegistryError::NoConnection`].
    pub fn set_settings(&self, id: &ConnectionId, settings: &Value) -> Result<(), RegistryError> {
        let sql = "UPDATE connections SET settings = ?2 WHERE id = ?1";
        self.update("store the settings of a connection", id, sql, settings_json(settings)?)
    }

    /// Changes when a connection is synchronised.
    ///
    /// # Errors
    /// [`RegistryError::NoConnection`], [`RegistryError::Schedule`].
    pub fn set_schedule(&self, id: &ConnectionId, schedule: Schedule) -> Result<(), RegistryError> {
        let sql = "UPDATE connections SET schedule = ?2 WHERE id = ?1";
        let text = checked(schedule)?.to_string();
        self.update("store the schedule of a connection", id, sql, text)
    }

    /// Changes the payer account of a connection.
    ///
    /// # Errors
    /// [`RegistryError::NoConnection`].
    pub fn set_payer(&self, id: &ConnectionId, payer: Option<&str>) -> Result<(), RegistryError> {
        let sql = "UPDATE connections SET payer = ?2 WHERE id = ?1";
        self.update("store the payer of a connection", id, sql, payer)
    }

    /// Runs a statement that sets one column (`?2`) of one connection (`?1`).
    fn update(
        &self,
        action: &'static str,
        id: &ConnectionId,
        sql: &str,
        value: impl ToSql,
    ) -> Result<(), RegistryError> {
        self.write(action, |transaction| {
            one_of(id, transaction.execute(sql, (id.as_str(), value))?)
        })
    }
}

/// The connection of that id.
pub(crate) fn by_id(
    transaction: &Transaction<'_>,
    id: &ConnectionId,
) -> Result<Connection, RegistryError> {
    let mut statement = transaction.prepare(&format!("{SELECT} WHERE id = ?1"))?;
    let mut found = statement.query_and_then([id.as_str()], connection_of)?;
    found.next().unwrap_or_else(|| Err(RegistryError::NoConnection { id: id.to_string() }))
}

/// An error when there is no connection of that id.
pub(crate) fn require(
    transaction: &Transaction<'_>,
    id: &ConnectionId,
) -> Result<(), RegistryError> {
    let sql = "SELECT 1 FROM connections WHERE id = ?1";
    let found = transaction.query_row(sql, [id.as_str()], |_| Ok(())).optional()?;
    found.ok_or_else(|| RegistryError::NoConnection { id: id.to_string() })
}

fn connection_of(row: &Row<'_>) -> Result<Connection, RegistryError> {
    let name: String = row.get(1)?;
    let what = |part: &str| format!("the {part} of connection {name}");
    let settings: String = row.get(4)?;
    let access: String = row.get(5)?;
    let schedule: String = row.get(6)?;
    let schedule = schedule
        .parse::<Schedule>()
        .map_err(|error| RegistryError::damaged(what("schedule"), error))?;
    Ok(Connection {
        id: ConnectionId::from_database(row.get(0)?),
        kind: row.get(2)?,
        location: row.get(3)?,
        settings: json::read(&settings, &what("settings"))?,
        access: json::read(&access, &what("credentials"))?,
        schedule,
        payer: row.get(7)?,
        paused_since: row.get(8)?,
        created_at: row.get(9)?,
        name: name.parse()?,
    })
}

fn settings_json(settings: &Value) -> Result<String, RegistryError> {
    json::write(settings, "the settings of a connection")
}

/// The schedule, when the registry would understand it again.
fn checked(schedule: Schedule) -> Result<Schedule, RegistryError> {
    if schedule.is_valid() {
        Ok(schedule)
    } else {
        Err(RegistryError::Schedule { text: schedule.to_string() })
    }
}

/// An error unless a statement changed its connection.
fn one_of(id: &ConnectionId, changed: usize) -> Result<(), RegistryError> {
    if changed == 1 { Ok(()) } else { Err(RegistryError::NoConnection { id: id.to_string() }) }
}

fn taken_by(name: &ConnectionName) -> impl FnOnce(rusqlite::Error) -> RegistryError {
    move |error| {
        if is_taken(&error) {
            RegistryError::NameTaken { what: "a connection".to_owned(), name: name.to_string() }
        } else {
            error.into()
        }
    }
}
