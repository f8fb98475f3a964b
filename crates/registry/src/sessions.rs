//! Sessions: browsers that somebody signed in with.

use rusqlite::{Row, Transaction};
use secrecy::SecretString;
use serde::Serialize;

use crate::users::{self, COLUMNS, is_long_ago, user_of};
use crate::{Registry, RegistryError, User, UserId, bearer};

/// A session. Times are microseconds since 1970 UTC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SessionRecord {
    /// Who signed in, as they are now.
    pub user: User,
    /// When they did.
    pub started_at: i64,
    /// When they must do so again.
    pub expires_at: i64,
    /// When the session was last used, give or take a minute.
    pub seen_at: i64,
}

impl Registry {
    /// Begins a session that lasts that many microseconds. Its text, for a cookie, is nowhere else.
    ///
    /// # Errors
    /// [`RegistryError::NoUser`].
    pub fn new_session(
        &self,
        user: &UserId,
        now: i64,
        lasts: i64,
    ) -> Result<SecretString, RegistryError> {
        let text = bearer::new("")?;
        self.write("begin a session", |transaction| {
            users::by_id(transaction, user.as_str())?;
            let sql = "INSERT INTO sessions (digest, user, started_at, expires_at, seen_at) \
                 VALUES (?1, ?2, ?3, ?4, ?3)";
            let until = now.saturating_add(lasts);
            transaction.execute(sql, (bearer::digest(&text), user.as_str(), now, until))?;
            Ok(())
        })?;
        Ok(text)
    }

    /// The session with that text, while it lasts, and notes that it and its user were seen.
    ///
    /// # Errors
    /// When the database fails.
    pub fn session(
        &self,
        text: &SecretString,
        now: i64,
    ) -> Result<Option<SessionRecord>, RegistryError> {
        let digest = bearer::digest(text);
        let found =
            self.read("look for a session", |transaction| by_digest(transaction, &digest, now))?;
        let Some(mut session) = found else { return Ok(None) };
        if is_long_ago(session.seen_at, now) {
            self.write("note that a session was used", |transaction| {
                let sql = "UPDATE sessions SET seen_at = ?2 WHERE digest = ?1";
                transaction.execute(sql, (&digest, now))?;
                let sql = "UPDATE users SET seen_at = ?2 WHERE id = ?1";
                transaction.execute(sql, (session.user.id.as_str(), now))?;
                Ok(())
            })?;
            session.seen_at = now;
            session.user.seen_at = Some(now);
        }
        Ok(Some(session))
    }

    /// Ends a session, if it is there.
    ///
    /// # Errors
    /// When the database fails.
    pub fn end_session(&self, text: &SecretString) -> Result<(), RegistryError> {
        self.write("end a session", |transaction| {
            let sql = "DELETE FROM sessions WHERE digest = ?1";
            transaction.execute(sql, [bearer::digest(text)])?;
            Ok(())
        })
    }

    /// Ends all sessions of a user.
    ///
    /// # Errors
    /// When the database fails.
    pub fn end_sessions_of(&self, id: &UserId) -> Result<(), RegistryError> {
        self.write("end the sessions of a user", |transaction| {
            transaction.execute("DELETE FROM sessions WHERE user = ?1", [id.as_str()])?;
            Ok(())
        })
    }
}

fn by_digest(
    transaction: &Transaction<'_>,
    digest: &[u8],
    now: i64,
) -> Result<Option<SessionRecord>, RegistryError> {
    let sql = format!(
        "SELECT {COLUMNS}, sessions.started_at, sessions.expires_at, sessions.seen_at \
         FROM sessions JOIN users ON users.id = sessions.user \
         WHERE sessions.digest = ?1 AND sessions.expires_at > ?2"
    );
    let mut statement = transaction.prepare(&sql)?;
    let mut found = statement.query_and_then((digest, now), session_of)?;
    found.next().transpose()
}

fn session_of(row: &Row<'_>) -> Result<SessionRecord, RegistryError> {
    Ok(SessionRecord {
        user: user_of(row)?,
        started_at: row.get(7)?,
        expires_at: row.get(8)?,
        seen_at: row.get(9)?,
    })
}
