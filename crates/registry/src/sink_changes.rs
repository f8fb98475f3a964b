//! What is changed of a sink that is there: its settings and secrets. Its name, its place in the
//! order of what happened, its attempts and its dead letters stay.

use rusqlite::OptionalExtension;
use secrecy::SecretString;
use serde_json::Value;

use crate::owner::Owner;
use crate::sinks::by_id;
use crate::{Registry, RegistryError, SinkId, SinkRecord, json};

/// What a sink is from now on.
#[derive(Debug, Clone)]
pub struct SinkChange {
    /// Where it sends what, and how: all of it. No secrets.
    pub settings: Value,
    /// The fields of all its secrets, with the values of those that are new; the others stay as
    /// they are sealed. A secret whose field is missing here is forgotten.
    pub secrets: Vec<(String, Option<SecretString>)>,
    /// Are events told so differently that a happening of which some were sent begins anew? Their
    /// numbers mean nothing any more.
    pub begins_anew: bool,
}

impl Registry {
    /// When a sink was last changed, or was added; `None` when it is gone.
    ///
    /// # Errors
    /// When the database fails.
    pub fn sink_changed_at(&self, id: &SinkId) -> Result<Option<i64>, RegistryError> {
        let sql = "SELECT coalesce(changed_at, created_at) FROM sinks WHERE id = ?1";
        self.read("look when a sink was changed", |transaction| {
            Ok(transaction.query_row(sql, [id.as_str()], |row| row.get(0)).optional()?)
        })
    }

    /// Changes a sink, if it still is as the caller saw it: `seen` is its
    /// [`SinkRecord::changed_at`] then. New secrets are sealed.
    ///
    /// # Errors
    /// [`RegistryError::NoSink`]; [`RegistryError::ChangedMeanwhile`];
    /// [`RegistryError::SinkSecretMissing`] when it has no secret that is to stay; whatever keeps
    /// secrets from being sealed. Nothing is changed after one.
    pub fn set_sink(
        &self,
        id: &SinkId,
        change: SinkChange,
        seen: i64,
        now: i64,
    ) -> Result<SinkRecord, RegistryError> {
        let SinkChange { settings, secrets, begins_anew } = change;
        let settings = json::write(&settings, "the settings of a sink")?;
        let fields: Vec<String> = secrets.iter().map(|(field, _)| field.clone()).collect();
        let fields_json = json::write(&fields, "the fields of a sink's secrets")?;
        self.write("change a sink", |transaction| {
            let before = by_id(transaction, id)?;
            let SinkRecord { name, secrets: had, changed_at, .. } = before;
            if changed_at != seen {
                return Err(RegistryError::ChangedMeanwhile { what: format!("the sink {name}") });
            }
            let is_missing = |(field, new): &&(String, Option<SecretString>)| {
                new.is_none() && !had.contains(field)
            };
            if let Some((field, _)) = secrets.iter().find(is_missing) {
                let field = field.clone();
                return Err(RegistryError::SinkSecretMissing { sink: name, field });
            }
            let mut new = Vec::new();
            for (field, secret) in secrets {
                if let Some(secret) = secret {
                    new.push((field, secret));
                }
            }
            let goes = had.iter().filter(|field| {
                !fields.contains(field) || new.iter().any(|(own, _)| own == *field)
            });
            for field in goes {
                let sql = "DELETE FROM sink_secrets WHERE sink = ?1 AND field = ?2";
                transaction.execute(sql, (id.as_str(), field))?;
            }
            self.store_secrets(transaction, Owner::sink(id.as_str()), &new)?;
            // Clocks go back, and two changes may fall into one microsecond.
            let now = now.max(seen.saturating_add(1));
            let sql = "UPDATE sinks SET settings = ?2, secret_fields = ?3, changed_at = ?4 \
                 WHERE id = ?1";
            transaction.execute(sql, (id.as_str(), settings, fields_json, now))?;
            if begins_anew {
                let sql = "UPDATE sinks SET cursor_index = 0 WHERE id = ?1 AND cursor_index < ?2";
                transaction.execute(sql, (id.as_str(), i64::MAX))?;
            }
            by_id(transaction, id)
        })
    }
}
