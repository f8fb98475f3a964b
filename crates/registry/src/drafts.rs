//! Drafts: connections that somebody is adding, step by step.

use std::collections::BTreeMap;

use rusqlite::{Row, Transaction};
use secrecy::SecretString;
use serde::Serialize;
use serde_json::Value;

use crate::addresses::ADDRESS_LASTS;
use crate::owner::Owner;
use crate::{Registry, RegistryError, json, random};

const DAY: i64 = 24 * 3_600_000_000;

/// How long a draft is kept after its last change.
const LASTS: i64 = 7 * DAY;

/// How long a secret is kept after it was typed.
const SECRET_LASTS: i64 = DAY;

/// A connection that is being added. Times are microseconds since 1970 UTC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Draft {
    /// Its id.
    pub id: String,
    /// The name of the user who began it.
    pub owner: String,
    /// The step that it is at.
    pub step: String,
    /// What was answered so far. No secrets: it is stored and shown as it is.
    pub answers: Value,
    /// Which secrets are kept, by their fields; [`Registry::draft_secrets`] opens them.
    pub secret_fields: Vec<String>,
    /// When it was begun.
    pub made_at: i64,
    /// When it was last changed.
    pub changed_at: i64,
    /// When it is gone unless it is changed.
    pub expires_at: i64,
}

/// What [`draft_of`] reads, in its order.
const SELECT: &str = "SELECT id, owner, step, answers, made_at, changed_at FROM drafts \
     WHERE changed_at > ?1";

const INSERT: &str = "INSERT INTO drafts (id, owner, step, answers, made_at, changed_at) \
     VALUES (?1, ?2, ?3, ?4, ?5, ?5)";

impl Registry {
    /// Begins a draft. `owner` is the name of a user.
    ///
    /// # Errors
    /// When the database fails.
    pub fn new_draft(
        &self,
        owner: &str,
        answers: &Value,
        step: &str,
        now: i64,
    ) -> Result<Draft, RegistryError> {
        let id = random::uuid()?;
        let text = json::write(answers, "the answers of a draft")?;
        self.write("begin a draft", |transaction| {
            transaction.execute(INSERT, (&id, owner, step, text, now))?;
            require(transaction, &id, now)
        })
    }

    /// All drafts, the last changed first.
    ///
    /// # Errors
    /// When the database fails.
    pub fn drafts(&self, now: i64) -> Result<Vec<Draft>, RegistryError> {
        self.read("list the drafts", |transaction| {
            let sql = format!("{SELECT} ORDER BY changed_at DESC, id");
            let mut statement = transaction.prepare(&sql)?;
            let drafts = statement.query_and_then([now.saturating_sub(LASTS)], draft_of)?;
            drafts.map(|draft| with_fields(transaction, draft?, now)).collect()
        })
    }

    /// The draft of that id, if there is one.
    ///
    /// # Errors
    /// When the database fails.
    pub fn draft(&self, id: &str, now: i64) -> Result<Option<Draft>, RegistryError> {
        self.read("look for a draft", |transaction| by_id(transaction, id, now))
    }

    /// Changes a draft. Secrets are added to those that are kept, or replace them.
    ///
    /// # Errors
    /// [`RegistryError::NoDraft`], and whatever keeps secrets from being sealed.
    pub fn change_draft(
        &self,
        id: &str,
        step: &str,
        answers: &Value,
        secrets: &BTreeMap<String, SecretString>,
        now: i64,
    ) -> Result<Draft, RegistryError> {
        let text = json::write(answers, "the answers of a draft")?;
        let secrets: Vec<(&str, SecretString)> =
            secrets.iter().map(|(field, secret)| (field.as_str(), secret.clone())).collect();
        self.write("change a draft", |transaction| {
            require(transaction, id, now)?;
            let sql = "UPDATE drafts SET step = ?2, answers = ?3, changed_at = ?4 WHERE id = ?1";
            transaction.execute(sql, (id, step, text, now))?;
            for (field, _) in &secrets {
                let sql = "DELETE FROM draft_secrets WHERE draft = ?1 AND field = ?2";
                transaction.execute(sql, (id, field))?;
            }
            self.store_secrets(transaction, Owner::draft(id), &secrets)?;
            let sql = "UPDATE draft_secrets SET typed_at = ?3 WHERE draft = ?1 AND field = ?2";
            for (field, _) in &secrets {
                transaction.execute(sql, (id, field, now))?;
            }
            require(transaction, id, now)
        })
    }

    /// The secrets of a draft that are still kept, opened, by their fields.
    ///
    /// # Errors
    /// [`RegistryError::NoDraft`]; as [`Registry::access`].
    pub fn draft_secrets(
        &self,
        id: &str,
        now: i64,
    ) -> Result<BTreeMap<String, SecretString>, RegistryError> {
        self.read("read the secrets of a draft", |transaction| {
            let kept = require(transaction, id, now)?.secret_fields;
            if kept.is_empty() {
                return Ok(BTreeMap::new());
            }
            let mut secrets = self.open_secrets(transaction, Owner::draft(id))?;
            secrets.retain(|field, _| kept.contains(field));
            Ok(secrets)
        })
    }

    /// Throws a draft away, with its secrets. False when it is not there.
    ///
    /// # Errors
    /// When the database fails.
    pub fn drop_draft(&self, id: &str) -> Result<bool, RegistryError> {
        self.write("throw a draft away", |transaction| {
            Ok(transaction.execute("DELETE FROM drafts WHERE id = ?1", [id])? == 1)
        })
    }

    /// Throws away what has expired: drafts, their secrets, sessions, one-time links, addresses
    /// that nobody opens.
    ///
    /// # Errors
    /// When the database fails.
    pub fn tidy(&self, now: i64) -> Result<(), RegistryError> {
        self.write("throw away what has expired", |transaction| {
            for (sql, until) in [
                ("DELETE FROM drafts WHERE changed_at <= ?1", now.saturating_sub(LASTS)),
                (
                    "DELETE FROM draft_secrets WHERE typed_at <= ?1",
                    now.saturating_sub(SECRET_LASTS),
                ),
                ("DELETE FROM sessions WHERE expires_at <= ?1", now),
                ("DELETE FROM links WHERE expires_at <= ?1", now),
                ("DELETE FROM addresses WHERE used_at <= ?1", now.saturating_sub(ADDRESS_LASTS)),
            ] {
                transaction.execute(sql, [until])?;
            }
            Ok(())
        })
    }
}

fn by_id(
    transaction: &Transaction<'_>,
    id: &str,
    now: i64,
) -> Result<Option<Draft>, RegistryError> {
    let mut statement = transaction.prepare(&format!("{SELECT} AND id = ?2"))?;
    let mut found = statement.query_and_then((now.saturating_sub(LASTS), id), draft_of)?;
    match found.next() {
        Some(draft) => with_fields(transaction, draft?, now).map(Some),
        None => Ok(None),
    }
}

/// The draft of that id; an error when there is none.
fn require(transaction: &Transaction<'_>, id: &str, now: i64) -> Result<Draft, RegistryError> {
    by_id(transaction, id, now)?.ok_or_else(|| RegistryError::NoDraft { id: id.to_owned() })
}

fn with_fields(
    transaction: &Transaction<'_>,
    draft: Draft,
    now: i64,
) -> Result<Draft, RegistryError> {
    let sql = "SELECT field FROM draft_secrets WHERE draft = ?1 AND typed_at > ?2 ORDER BY field";
    let mut statement = transaction.prepare(sql)?;
    let since = now.saturating_sub(SECRET_LASTS);
    let fields = statement.query_map((&draft.id, since), |row| row.get(0))?;
    let secret_fields = fields.collect::<rusqlite::Result<Vec<String>>>()?;
    Ok(Draft { secret_fields, ..draft })
}

/// A draft without its secret fields.
fn draft_of(row: &Row<'_>) -> Result<Draft, RegistryError> {
    let answers: String = row.get(3)?;
    let changed_at: i64 = row.get(5)?;
    Ok(Draft {
        id: row.get(0)?,
        owner: row.get(1)?,
        step: row.get(2)?,
        answers: json::read(&answers, "the answers of a draft")?,
        secret_fields: Vec::new(),
        made_at: row.get(4)?,
        changed_at,
        expires_at: changed_at.saturating_add(LASTS),
    })
}
