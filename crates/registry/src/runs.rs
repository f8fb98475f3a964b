//! Runs: what was done for a connection, when, and how it ended.

use rusqlite::{Row, Transaction};
use serde::Serialize;
use serde_json::Value;

use crate::connections::require;
use crate::{ConnectionId, Registry, RegistryError, json};

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Everything there was is in the lake.
    Ok,
    /// Nothing is wrong; AWS has not delivered yet.
    Waiting,
    /// It did not do what it should have done.
    Failed,
    /// It was cut short: by the user, or because its process ended.
    Stopped,
}

impl Outcome {
    const ALL: [Self; 4] = [Self::Ok, Self::Waiting, Self::Failed, Self::Stopped];

    /// `ok`, `waiting`, `failed` or `stopped`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Waiting => "waiting",
            Self::Failed => "failed",
            Self::Stopped => "stopped",
        }
    }

    fn of(text: &str) -> Result<Self, RegistryError> {
        let found = Self::ALL.into_iter().find(|outcome| outcome.as_str() == text);
        found.ok_or_else(|| RegistryError::damaged("the outcome of a run", format!("{text:?}")))
    }
}

/// Number of a run; later runs have greater ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct RunId(i64);

impl RunId {
    /// The number.
    #[must_use]
    pub fn number(self) -> i64 {
        self.0
    }
}

/// A run. Times are microseconds since 1970 UTC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Run {
    /// Its number.
    pub id: RunId,
    /// Whose run it is.
    pub connection: ConnectionId,
    /// What started it, such as `schedule` or `user`.
    pub trigger: String,
    /// When it began.
    pub started_at: i64,
    /// When it ended; `None` while it is under way.
    pub finished_at: Option<i64>,
    /// How it ended; `None` while it is under way.
    pub outcome: Option<Outcome>,
    /// What it did; null while it is under way and for one that a killed process left.
    pub summary: Value,
    /// What it found; null as `summary`.
    pub findings: Value,
}

impl Registry {
    /// Notes that a run begins. `trigger` says what started it.
    ///
    /// # Errors
    /// [`RegistryError::NoConnection`].
    pub fn start_run(
        &self,
        connection: &ConnectionId,
        trigger: &str,
        now: i64,
    ) -> Result<RunId, RegistryError> {
        self.write("note the start of a run", |transaction| {
            require(transaction, connection)?;
            let sql = "INSERT INTO runs (connection, started_by, started_at) VALUES (?1, ?2, ?3)";
            transaction.execute(sql, (connection.as_str(), trigger, now))?;
            Ok(RunId(transaction.last_insert_rowid()))
        })
    }

    /// Notes how a run ended. False when it had ended before: somebody took its connection over and
    /// noted it as stopped, or the connection is gone. That note is left as it is.
    ///
    /// # Errors
    /// When the database fails.
    pub fn finish_run(
        &self,
        run: RunId,
        now: i64,
        outcome: Outcome,
        summary: &Value,
        findings: &Value,
    ) -> Result<bool, RegistryError> {
        let summary = json::write(summary, "the summary of a run")?;
        let findings = json::write(findings, "the findings of a run")?;
        self.write("note the end of a run", |transaction| {
            let sql = "UPDATE runs SET finished_at = ?2, outcome = ?3, summary = ?4, \
                 findings = ?5 WHERE id = ?1 AND outcome IS NULL";
            let values = (run.0, now, outcome.as_str(), summary, findings);
            Ok(transaction.execute(sql, values)? == 1)
        })
    }

    /// The latest run of a connection.
    ///
    /// # Errors
    /// When the database fails.
    pub fn last_run(&self, connection: &ConnectionId) -> Result<Option<Run>, RegistryError> {
        Ok(self.runs(connection, 1)?.pop())
    }

    /// The latest runs of a connection, the newest first.
    ///
    /// # Errors
    /// When the database fails.
    pub fn runs(&self, connection: &ConnectionId, limit: u32) -> Result<Vec<Run>, RegistryError> {
        self.read("list the runs of a connection", |transaction| {
            let mut statement = transaction.prepare(
                "SELECT id, connection, started_by, started_at, finished_at, outcome, summary, \
                 findings FROM runs WHERE connection = ?1 ORDER BY id DESC LIMIT ?2",
            )?;
            statement.query_and_then((connection.as_str(), limit), run_of)?.collect()
        })
    }

    /// The last runs of a connection before the one of a number, newest first.
    ///
    /// # Errors
    /// When the database fails.
    pub fn runs_before(
        &self,
        connection: &ConnectionId,
        before: i64,
        limit: u32,
    ) -> Result<Vec<Run>, RegistryError> {
        self.read("list earlier runs of a connection", |transaction| {
            let mut statement = transaction.prepare(
                "SELECT id, connection, started_by, started_at, finished_at, outcome, summary, \
                 findings FROM runs WHERE connection = ?1 AND id < ?2 ORDER BY id DESC LIMIT ?3",
            )?;
            statement.query_and_then((connection.as_str(), before, limit), run_of)?.collect()
        })
    }
}

/// Notes as stopped whatever a killed process left under way. Only who holds the connection's lease
/// knows that nothing is.
pub(crate) fn close_left_open(
    transaction: &Transaction<'_>,
    connection: &ConnectionId,
    now: i64,
) -> Result<(), RegistryError> {
    let sql = "UPDATE runs SET finished_at = ?2, outcome = 'stopped' \
         WHERE connection = ?1 AND outcome IS NULL";
    transaction.execute(sql, (connection.as_str(), now))?;
    Ok(())
}

fn run_of(row: &Row<'_>) -> Result<Run, RegistryError> {
    let outcome: Option<String> = row.get(5)?;
    Ok(Run {
        id: RunId(row.get(0)?),
        connection: ConnectionId::from_database(row.get(1)?),
        trigger: row.get(2)?,
        started_at: row.get(3)?,
        finished_at: row.get(4)?,
        outcome: outcome.as_deref().map(Outcome::of).transpose()?,
        summary: json_or_null(row.get(6)?, "the summary of a run")?,
        findings: json_or_null(row.get(7)?, "the findings of a run")?,
    })
}

fn json_or_null(text: Option<String>, what: &str) -> Result<Value, RegistryError> {
    text.map_or(Ok(Value::Null), |text| json::read(&text, what))
}
