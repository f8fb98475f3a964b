//! The audit log: who changed what. It is only ever added to.

use rusqlite::Row;
use serde::Serialize;
use serde_json::Value;

use crate::{Registry, RegistryError, json};

/// A change that somebody made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AuditEntry {
    /// Its number; later ones have greater ones.
    pub number: i64,
    /// When it was made (microseconds since 1970 UTC).
    pub at: i64,
    /// The name of who made it.
    pub who: String,
    /// The address from which they did.
    pub from: Option<String>,
    /// What they did, such as `connection.paused`.
    pub action: String,
    /// To what they did it.
    pub subject: String,
    /// How it was before; `None` when it was not there.
    pub before: Option<Value>,
    /// How it was afterwards; `None` when it was not there.
    pub after: Option<Value>,
}

/// A change to be noted; the fields are those of [`AuditEntry`]. No secrets: it is stored and shown
/// as it is.
#[derive(Debug, Clone, Copy)]
pub struct NewAudit<'a> {
    /// When it was made (microseconds since 1970 UTC).
    pub at: i64,
    /// The name of who made it.
    pub who: &'a str,
    /// The address from which they did.
    pub from: Option<&'a str>,
    /// What they did.
    pub action: &'a str,
    /// To what they did it.
    pub subject: &'a str,
    /// How it was before.
    pub before: Option<&'a Value>,
    /// How it was afterwards.
    pub after: Option<&'a Value>,
}

/// Which changes to look at: those that fit everything which is given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// Who made them.
    pub who: Option<String>,
    /// To what.
    pub subject: Option<String>,
    /// Not made before that time (microseconds since 1970 UTC).
    pub from: Option<i64>,
    /// Made before that time (microseconds since 1970 UTC).
    pub to: Option<i64>,
}

const SELECT: &str = "SELECT number, at, who, address, action, subject, state_before, state_after \
     FROM audit WHERE (?1 IS NULL OR who = ?1) AND (?2 IS NULL OR subject = ?2) \
     AND (?3 IS NULL OR at >= ?3) AND (?4 IS NULL OR at < ?4) AND (?5 IS NULL OR number < ?5) \
     ORDER BY number DESC LIMIT ?6";

const INSERT: &str = "INSERT INTO audit \
     (at, who, address, action, subject, state_before, state_after) \
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";

impl Registry {
    /// Notes a change.
    ///
    /// # Errors
    /// When the database fails.
    pub fn note_audit(&self, entry: &NewAudit<'_>) -> Result<(), RegistryError> {
        let NewAudit { at, who, from, action, subject, before, after } = *entry;
        let text = |state: Option<&Value>| {
            state.map(|state| json::write(state, "an entry of the audit log")).transpose()
        };
        let (before, after) = (text(before)?, text(after)?);
        self.write("add to the audit log", |transaction| {
            transaction.execute(INSERT, (at, who, from, action, subject, before, after))?;
            Ok(())
        })
    }

    /// The changes that fit, the newest first: at most `limit`, and only those with numbers below
    /// `before` when that is given.
    ///
    /// # Errors
    /// When the database fails.
    pub fn audit(
        &self,
        filter: &AuditFilter,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Vec<AuditEntry>, RegistryError> {
        let AuditFilter { who, subject, from, to } = filter;
        self.read("read the audit log", |transaction| {
            let mut statement = transaction.prepare(SELECT)?;
            let values = (who, subject, from, to, before, limit);
            statement.query_and_then(values, entry_of)?.collect()
        })
    }
}

fn entry_of(row: &Row<'_>) -> Result<AuditEntry, RegistryError> {
    let state = |text: Option<String>| {
        text.map(|text| json::read(&text, "an entry of the audit log")).transpose()
    };
    Ok(AuditEntry {
        number: row.get(0)?,
        at: row.get(1)?,
        who: row.get(2)?,
        from: row.get(3)?,
        action: row.get(4)?,
        subject: row.get(5)?,
        before: state(row.get(6)?)?,
        after: state(row.get(7)?)?,
    })
}
