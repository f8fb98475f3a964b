//! The control database: what people configure, and what Billhook must remember about the outside.
//!
//! Connections and sinks with their sealed secrets, runs, health, leases, what was sent last, dead
//! letters, and the order of what events tell of; users with their sessions and tokens, the audit
//! log, drafts, what was saved, and addresses that are too long for a link; in the SQLite file
//! `<home>/billhook.db`. Never billing rows, and nothing that can be derived from the lake: losing
//! this file loses no billing data. Calls block (use `spawn_blocking` in async code) and read no
//! clock: times are microseconds since 1970 UTC, given by the caller. Start at [`Registry`]; how
//! secrets are kept is in [`KeySource`].

mod access;
mod addresses;
mod attempts;
mod audit;
mod bearer;
mod connections;
mod database;
mod dead_letters;
mod drafts;
mod error;
mod happenings;
mod health;
mod json;
mod leases;
mod links;
mod name;
mod openid;
mod owner;
mod passwords;
mod private_file;
mod random;
mod runs;
mod saved;
mod schedule;
mod scram;
mod seal;
mod secrets;
mod sessions;
mod sink_changes;
mod sinks;
mod tokens;
mod users;

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rusqlite::{Connection as Database, Transaction, TransactionBehavior};

pub use access::{Access, AccessKey, AssumedRole, Base, Credentials, Sealed, new_external_id};
pub use addresses::{Address, LONGEST_ADDRESS};
pub use attempts::{AttemptRecord, Came, EventRecord, KEPT_ATTEMPTS, KEPT_EVENTS};
pub use audit::{AuditEntry, AuditFilter, NewAudit};
pub use connections::{Connection, ConnectionId, NewConnection};
pub use dead_letters::DeadLetter;
pub use drafts::Draft;
pub use error::RegistryError;
pub use happenings::{Happening, HappeningKind};
pub use health::{Health, HealthRecord};
pub use leases::{Lease, LeaseOutcome, new_holder};
pub use links::Invitation;
pub use name::ConnectionName;
pub use openid::{OpenIdPerson, OpenIdUser};
pub use runs::{Outcome, Run, RunId};
pub use saved::{Saved, SavedKind};
pub use schedule::Schedule;
pub use scram::{Scram, SecretBytes};
pub use seal::{KEY_FILE, KEY_VARIABLE, KeySource};
/// Secrets in memory: wiped when dropped, never shown by `Debug`.
pub use secrecy::{ExposeSecret, SecretString};
pub use sessions::SessionRecord;
pub use sink_changes::SinkChange;
pub use sinks::{NewSink, SinkId, SinkRecord};
pub use tokens::{Scopes, Token, TokenId};
pub use users::{Role, SignIn, User, UserId};

/// Name of the control database in the home.
pub const DATABASE_FILE: &str = "billhook.db";

/// The control database of a home. It may be shared by threads; each call is one transaction.
#[derive(Debug)]
pub struct Registry {
    database: Mutex<Database>,
    key: KeySource,
}

impl Registry {
    /// Opens the control database of a home, with the key that [`KeySource::ambient`] names.
    ///
    /// Makes home and database when they are not there, and brings an older database up to date.
    ///
    /// # Errors
    /// When it cannot be made or read, or a newer version of Billhook wrote it.
    pub fn open(home: &Path) -> Result<Self, RegistryError> {
        Self::open_with(home, KeySource::ambient(home))
    }

    /// As [`Registry::open`], with a given key. No environment variable is read.
    ///
    /// # Errors
    /// As [`Registry::open`].
    pub fn open_with(home: &Path, key: KeySource) -> Result<Self, RegistryError> {
        std::fs::create_dir_all(home).map_err(|source| RegistryError::Disk {
            action: format!("make the directory {}", home.display()),
            source,
        })?;
        let database = database::open_or_create(&path(home))?;
        Ok(Self { database: Mutex::new(database), key })
    }

    /// Opens the control database of a home that has one; `None` when there is none. For commands
    /// that only look: it makes neither home nor database. An older database is brought up to date.
    ///
    /// # Errors
    /// As [`Registry::open`].
    pub fn open_existing(home: &Path) -> Result<Option<Self>, RegistryError> {
        Self::open_existing_with(home, KeySource::ambient(home))
    }

    /// As [`Registry::open_existing`], with a given key. No environment variable is read.
    ///
    /// # Errors
    /// As [`Registry::open`].
    pub fn open_existing_with(home: &Path, key: KeySource) -> Result<Option<Self>, RegistryError> {
        let path = path(home);
        let is_there = path.try_exists().map_err(|source| RegistryError::Disk {
            action: format!("look for {}", path.display()),
            source,
        })?;
        if !is_there {
            return Ok(None);
        }
        let database = database::open(&path)?;
        Ok(Some(Self { database: Mutex::new(database), key }))
    }

    /// Writes a copy of the database, as it is now, to a file that must not exist.
    ///
    /// The key is not in it. Secrets of a restored copy open only with the key that sealed them, so
    /// keep `<home>/billhook.key` too (or `BILLHOOK_KEY`), and in another place than the copy.
    ///
    /// # Errors
    /// [`RegistryError::BackupExists`], or when it cannot be written.
    pub fn backup(&self, to: &Path) -> Result<(), RegistryError> {
        database::copy(&self.lock(), to)
    }

    fn lock(&self) -> MutexGuard<'_, Database> {
        // A thread that panicked has rolled its transaction back while unwinding.
        self.database.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs `work` in a transaction that waits for other writers first. An error undoes it.
    fn write<T>(
        &self,
        action: &'static str,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, RegistryError>,
    ) -> Result<T, RegistryError> {
        transact(&mut self.lock(), TransactionBehavior::Immediate, work)
            .map_err(|error| error.during(action))
    }

    /// Runs `work`, which only reads, on one state of the database.
    fn read<T>(
        &self,
        action: &'static str,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, RegistryError>,
    ) -> Result<T, RegistryError> {
        transact(&mut self.lock(), TransactionBehavior::Deferred, work)
            .map_err(|error| error.during(action))
    }
}

fn path(home: &Path) -> PathBuf {
    home.join(DATABASE_FILE)
}

fn transact<T>(
    database: &mut Database,
    behavior: TransactionBehavior,
    work: impl FnOnce(&Transaction<'_>) -> Result<T, RegistryError>,
) -> Result<T, RegistryError> {
    let transaction = database.transaction_with_behavior(behavior)?;
    let answer = work(&transaction)?;
    transaction.commit()?;
    Ok(answer)
}

#[cfg(test)]
mod tests;
