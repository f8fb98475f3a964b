//! The list of connections, as `billhook connections --json` and the API tell it.

use billhook_registry::{Connection, HealthRecord, Registry, Run};
use chrono::{DateTime, SecondsFormat};
use serde::Serialize;
use serde_json::Value;

use super::{RUNS, Standing, due};
use crate::EngineError;

/// A connection and what is known of it.
#[derive(Debug, Clone)]
pub struct Listed {
    /// The connection.
    pub connection: Connection,
    /// How it is; `None` when nobody has looked yet.
    pub health: Option<HealthRecord>,
    /// Its last run, also one that is under way.
    pub last_run: Option<Run>,
    /// When it is due next (microseconds since 1970 UTC); `None` when it waits for somebody.
    pub next: Option<i64>,
    /// How far its costs go.
    pub standing: Standing,
}

/// A connection for machines. Times are RFC 3339, UTC, to the second.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Facts {
    /// Its name.
    pub name: String,
    /// Kind of billing data.
    pub kind: String,
    /// `s3://bucket/prefix` or a folder.
    pub location: Option<String>,
    /// Payer account, once known.
    pub payer: Option<String>,
    /// When it is looked at.
    pub schedule: String,
    /// `healthy`, `waiting`, `degraded`, `broken`, `paused` or `new`.
    pub health: &'static str,
    /// Since when it has been so.
    pub since: Option<String>,
    /// Why; nothing when nobody has looked yet.
    pub findings: Value,
    /// Its last run.
    pub last_run: Option<RunFacts>,
    /// When its last delivery was loaded.
    pub loaded_at: Option<String>,
    /// The last day with usage.
    pub costs_through: Option<String>,
    /// When it is looked at next.
    pub next_run: Option<String>,
}

/// A run for machines. Times are RFC 3339, UTC, to the second.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RunFacts {
    /// When it began.
    pub started_at: Option<String>,
    /// When it ended.
    pub finished_at: Option<String>,
    /// What or who started it.
    pub started_by: String,
    /// `ok`, `waiting`, `failed`, `stopped` or `running`.
    pub outcome: &'static str,
}

impl Listed {
    /// Reads what the control database knows of a connection.
    ///
    /// # Errors
    /// When the database fails.
    pub fn read(
        registry: &Registry,
        connection: Connection,
        standing: Standing,
        now: i64,
    ) -> Result<Self, EngineError> {
        let runs = registry.runs(&connection.id, RUNS)?;
        Ok(Self {
            health: registry.health(&connection.id)?,
            next: due::next(&connection, &runs, now),
            last_run: runs.into_iter().next(),
            standing,
            connection,
        })
    }

    /// The health in a word; `new` when nobody has looked yet.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match (&self.connection.paused_since, &self.health) {
            (Some(_), _) => "paused",
            (None, Some(record)) => record.health.as_str(),
            (None, None) => "new",
        }
    }

    /// The same for machines.
    #[must_use]
    pub fn facts(&self) -> Facts {
        let connection = &self.connection;
        let run = self.last_run.as_ref().map(|run| RunFacts {
            started_at: time(Some(run.started_at)),
            finished_at: time(run.finished_at),
            started_by: run.trigger.clone(),
            outcome: run.outcome.map_or("running", |outcome| outcome.as_str()),
        });
        let health = self.health.as_ref();
        Facts {
            name: connection.name.to_string(),
            kind: connection.kind.clone(),
            location: connection.location.clone(),
            payer: connection.payer.clone(),
            schedule: connection.schedule.to_string(),
            health: self.word(),
            since: time(health.map(|record| record.since)),
            findings: health.map_or(Value::Null, |record| record.findings.clone()),
            last_run: run,
            loaded_at: time(self.standing.loaded_at),
            costs_through: self.standing.through.map(|day| day.to_string()),
            next_run: time(self.next),
        }
    }
}

fn time(micros: Option<i64>) -> Option<String> {
    let time = micros.and_then(DateTime::from_timestamp_micros);
    time.map(|time| time.to_rfc3339_opts(SecondsFormat::Secs, true))
}
