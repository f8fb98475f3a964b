//! Health of connections, and since when. A history of changes, not of checks.

use std::collections::BTreeSet;

use rusqlite::{OptionalExtension, Row, Transaction};
use serde::Serialize;
use serde_json::Value;

use crate::connections::require;
use crate::{ConnectionId, Registry, RegistryError, json};

/// How a connection is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// Nothing is wrong.
    Healthy,
    /// Nothing is wrong; AWS has not delivered yet.
    Waiting,
    /// It works, and something should be mended.
    Degraded,
    /// It does not work.
    Broken,
    /// The user paused it.
    Paused,
}

impl Health {
    const ALL: [Self; 5] =
        [Self::Healthy, Self::Waiting, Self::Degraded, Self::Broken, Self::Paused];

    /// `healthy`, `waiting`, `degraded`, `broken` or `paused`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Waiting => "waiting",
            Self::Degraded => "degraded",
            Self::Broken => "broken",
            Self::Paused => "paused",
        }
    }

    fn of(text: &str) -> Result<Self, RegistryError> {
        let found = Self::ALL.into_iter().find(|health| health.as_str() == text);
        found.ok_or_else(|| {
            RegistryError::damaged("the health of a connection", format!("{text:?}"))
        })
    }
}

/// Health and findings over a time in which neither health nor the set of finding codes changed.
/// Times are microseconds since 1970 UTC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HealthRecord {
    /// How the connection is.
    pub health: Health,
    /// The findings, as the last check worded them.
    pub findings: Value,
    /// Since when it is so.
    pub since: i64,
    /// When it was last found to be so.
    pub checked_at: i64,
}

impl Registry {
    /// Stores what a check found: a new record when health or the set of finding codes changed,
    /// else only wording and time of the newest one. `findings` is an array of objects that each
    /// have a text `code`. True when there is a new record.
    ///
    /// # Errors
    /// [`RegistryError::NoConnection`], [`RegistryError::Findings`].
    pub fn set_health(
        &self,
        connection: &ConnectionId,
        health: Health,
        findings: &Value,
        now: i64,
    ) -> Result<bool, RegistryError> {
        let codes = codes_json(findings)?;
        let findings = json::write(findings, "the findings of a check")?;
        self.write("store the health of a connection", |transaction| {
            require(transaction, connection)?;
            if let Some(row) = unchanged(transaction, connection, health, &codes)? {
                let sql = "UPDATE health SET findings = ?2, checked_at = ?3 WHERE id = ?1";
                transaction.execute(sql, (row, findings, now))?;
                return Ok(false);
            }
            let sql = "INSERT INTO health \
                 (connection, health, codes, findings, since, checked_at) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?5)";
            let values = (connection.as_str(), health.as_str(), codes, findings, now);
            transaction.execute(sql, values)?;
            Ok(true)
        })
    }

    /// The newest record, with `since` set to when the connection took this health, whatever the
    /// findings were since then. `None` when it was never checked.
    ///
    /// # Errors
    /// When the database fails.
    pub fn health(&self, connection: &ConnectionId) -> Result<Option<HealthRecord>, RegistryError> {
        self.read("read the health of a connection", |transaction| {
            let Some(mut newest) = records(transaction, connection, 1)?.pop() else {
                return Ok(None);
            };
            let sql = "SELECT since FROM health WHERE connection = ?1 AND id > coalesce( \
                 (SELECT max(id) FROM health WHERE connection = ?1 AND health <> ?2), 0) \
                 ORDER BY id LIMIT 1";
            let values = [connection.as_str(), newest.health.as_str()];
            newest.since = transaction.query_row(sql, values, |row| row.get(0))?;
            Ok(Some(newest))
        })
    }

    /// The latest records, the newest first.
    ///
    /// # Errors
    /// When the database fails.
    pub fn health_history(
        &self,
        connection: &ConnectionId,
        limit: u32,
    ) -> Result<Vec<HealthRecord>, RegistryError> {
        self.read("read the health history of a connection", |transaction| {
            records(transaction, connection, limit)
        })
    }
}

/// Id of the newest record, when it says the same.
fn unchanged(
    transaction: &Transaction<'_>,
    connection: &ConnectionId,
    health: Health,
    codes: &str,
) -> Result<Option<i64>, RegistryError> {
    let sql = "SELECT id, health = ?2 AND codes = ?3 FROM health WHERE connection = ?1 \
         ORDER BY id DESC LIMIT 1";
    let values = (connection.as_str(), health.as_str(), codes);
    let newest: Option<(i64, bool)> =
        transaction.query_row(sql, values, |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    Ok(newest.filter(|(_, is_same)| *is_same).map(|(id, _)| id))
}

fn records(
    transaction: &Transaction<'_>,
    connection: &ConnectionId,
    limit: u32,
) -> Result<Vec<HealthRecord>, RegistryError> {
    let mut statement = transaction.prepare(
        "SELECT health, findings, since, checked_at FROM health WHERE connection = ?1 \
         ORDER BY id DESC LIMIT ?2",
    )?;
    statement.query_and_then((connection.as_str(), limit), record_of)?.collect()
}

fn record_of(row: &Row<'_>) -> Result<HealthRecord, RegistryError> {
    let health: String = row.get(0)?;
    let findings: String = row.get(1)?;
    Ok(HealthRecord {
        health: Health::of(&health)?,
        findings: json::read(&findings, "the findings of a check")?,
        since: row.get(2)?,
        checked_at: row.get(3)?,
    })
}

/// The distinct codes of findings in order, as a JSON text that is equal when the codes are.
fn codes_json(findings: &Value) -> Result<String, RegistryError> {
    let findings = findings.as_array().ok_or(RegistryError::Findings)?;
    let codes: Option<BTreeSet<&str>> =
        findings.iter().map(|finding| finding["code"].as_str()).collect();
    json::write(&codes.ok_or(RegistryError::Findings)?, "the codes of findings")
}
