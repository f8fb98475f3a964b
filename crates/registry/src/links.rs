//! One-time links: the one that sets up the first admin, and invitations.

use rusqlite::{OptionalExtension, Row, Transaction};
use secrecy::SecretString;
use serde::Serialize;

use crate::passwords::NewPassword;
use crate::users::{require_free, require_name};
use crate::{Registry, RegistryError, Role, User, bearer};

/// How long a set-up link lasts: 30 minutes.
const SET_UP_LASTS: i64 = 30 * 60_000_000;

/// How long an invitation lasts: 24 hours.
const INVITATION_LASTS: i64 = 24 * 3_600_000_000;

/// Somebody who may become a user, by a link. Times are microseconds since 1970 UTC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Invitation {
    /// What the user will be called.
    pub name: String,
    /// What they will be allowed to do.
    pub role: Role,
    /// When the link ends.
    pub expires_at: i64,
    /// When it was made.
    pub made_at: i64,
}

/// What [`invitation_of`] reads, in its order.
const SELECT: &str = "SELECT name, role, expires_at, made_at FROM links WHERE name IS NOT NULL";

const INSERT: &str = "INSERT INTO links (digest, name, role, expires_at, made_at) \
     VALUES (?1, ?2, ?3, ?4, ?5)";

impl Registry {
    /// A new link that sets up the first admin, in place of the one before; `None` when there is a
    /// user. Its text is nowhere else.
    ///
    /// # Errors
    /// When the database fails.
    pub fn new_setup_link(&self, now: i64) -> Result<Option<SecretString>, RegistryError> {
        let text = bearer::new("")?;
        self.write("store a set-up link", |transaction| {
            if has_users(transaction)? {
                return Ok(None);
            }
            transaction.execute("DELETE FROM links WHERE name IS NULL", [])?;
            let until = now.saturating_add(SET_UP_LASTS);
            let nobody = None::<&str>;
            transaction.execute(INSERT, (bearer::digest(&text), nobody, nobody, until, now))?;
            Ok(Some(text))
        })
    }

    /// Adds the first admin, by a set-up link, which is spent then.
    ///
    /// # Errors
    /// [`RegistryError::LinkSpent`], also when there is a user; as [`Registry::add_user`].
    pub fn set_up(
        &self,
        link: &SecretString,
        name: &str,
        password: &SecretString,
        now: i64,
    ) -> Result<User, RegistryError> {
        let digest = bearer::digest(link);
        // Asked before the password is hashed too, which is much work for who has no link.
        self.read("look for a set-up link", |transaction| {
            require_setup_link(transaction, &digest, now)
        })?;
        require_name(name)?;
        let password = NewPassword::of(password)?;
        self.write("add the first user", |transaction| {
            require_setup_link(transaction, &digest, now)?;
            transaction.execute("DELETE FROM links WHERE name IS NULL", [])?;
            require_free(transaction, name, now)?;
            self.insert_user(transaction, name, Role::Admin, &password, now)
        })
    }

    /// Invites somebody: whoever has the link may choose a password for that name. Its text is
    /// nowhere else.
    ///
    /// # Errors
    /// [`RegistryError::UserName`], [`RegistryError::NameTaken`].
    pub fn invite(
        &self,
        name: &str,
        role: Role,
        now: i64,
    ) -> Result<(Invitation, SecretString), RegistryError> {
        require_name(name)?;
        let text = bearer::new("")?;
        let expires_at = now.saturating_add(INVITATION_LASTS);
        self.write("store an invitation", |transaction| {
            require_free(transaction, name, now)?;
            // One that has expired leaves its name free, but may still be there.
            transaction.execute("DELETE FROM links WHERE name = ?1", [name])?;
            let values = (bearer::digest(&text), name, role.as_str(), expires_at, now);
            transaction.execute(INSERT, values)?;
            Ok(())
        })?;
        Ok((Invitation { name: name.to_owned(), role, expires_at, made_at: now }, text))
    }

    /// The invitations that are open, by name.
    ///
    /// # Errors
    /// When the database fails.
    pub fn invitations(&self, now: i64) -> Result<Vec<Invitation>, RegistryError> {
        self.read("list the invitations", |transaction| {
            let sql = format!("{SELECT} AND expires_at > ?1 ORDER BY name");
            let mut statement = transaction.prepare(&sql)?;
            statement.query_and_then([now], invitation_of)?.collect()
        })
    }

    /// Withdraws an invitation. False when there is none for that name.
    ///
    /// # Errors
    /// When the database fails.
    pub fn withdraw_invitation(&self, name: &str) -> Result<bool, RegistryError> {
        self.write("withdraw an invitation", |transaction| {
            Ok(transaction.execute("DELETE FROM links WHERE name = ?1", [name])? == 1)
        })
    }

    /// The invitation that a link is for, while it is open.
    ///
    /// # Errors
    /// When the database fails.
    pub fn invitation(
        &self,
        link: &SecretString,
        now: i64,
    ) -> Result<Option<Invitation>, RegistryError> {
        let digest = bearer::digest(link);
        self.read("look for an invitation", |transaction| {
            open_invitation(transaction, &digest, now)
        })
    }

    /// Adds the user who was invited by a link, which is spent then.
    ///
    /// # Errors
    /// [`RegistryError::LinkSpent`]; as [`Registry::add_user`].
    pub fn accept(
        &self,
        link: &SecretString,
        password: &SecretString,
        now: i64,
    ) -> Result<User, RegistryError> {
        if self.invitation(link, now)?.is_none() {
            return Err(RegistryError::LinkSpent);
        }
        let password = NewPassword::of(password)?;
        let digest = bearer::digest(link);
        self.write("add a user who was invited", |transaction| {
            let found = open_invitation(transaction, &digest, now)?;
            let Invitation { name, role, .. } = found.ok_or(RegistryError::LinkSpent)?;
            transaction.execute("DELETE FROM links WHERE digest = ?1", [&digest])?;
            require_free(transaction, &name, now)?;
            self.insert_user(transaction, &name, role, &password, now)
        })
    }
}

fn has_users(transaction: &Transaction<'_>) -> Result<bool, RegistryError> {
    let sql = "SELECT EXISTS (SELECT 1 FROM users)";
    Ok(transaction.query_row(sql, [], |row| row.get(0))?)
}

fn require_setup_link(
    transaction: &Transaction<'_>,
    digest: &[u8],
    now: i64,
) -> Result<(), RegistryError> {
    let sql = "SELECT 1 FROM links WHERE digest = ?1 AND name IS NULL AND expires_at > ?2";
    let found = transaction.query_row(sql, (digest, now), |_| Ok(())).optional()?;
    if has_users(transaction)? {
        return Err(RegistryError::LinkSpent);
    }
    found.ok_or(RegistryError::LinkSpent)
}

fn open_invitation(
    transaction: &Transaction<'_>,
    digest: &[u8],
    now: i64,
) -> Result<Option<Invitation>, RegistryError> {
    let sql = format!("{SELECT} AND digest = ?1 AND expires_at > ?2");
    let mut statement = transaction.prepare(&sql)?;
    let mut found = statement.query_and_then((digest, now), invitation_of)?;
    found.next().transpose()
}

fn invitation_of(row: &Row<'_>) -> Result<Invitation, RegistryError> {
    let role: String = row.get(1)?;
    Ok(Invitation {
        name: row.get(0)?,
        role: Role::of(&role)?,
        expires_at: row.get(2)?,
        made_at: row.get(3)?,
    })
}
