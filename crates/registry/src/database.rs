//! The SQLite file: making, opening, migrating and copying it.

use std::fs::OpenOptions;
use std::io::ErrorKind;
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection as Database, OpenFlags, TransactionBehavior};

use crate::error::is_busy;
use crate::{RegistryError, private_file};

/// Schemas, each as the step from the one before it. `PRAGMA user_version` counts the steps taken.
const MIGRATIONS: [&str; 6] = [
    include_str!("migrations/0001_start.sql"),
    include_str!("migrations/0002_sinks.sql"),
    include_str!("migrations/0003_people.sql"),
    include_str!("migrations/0004_sinks_change.sql"),
    include_str!("migrations/0005_addresses.sql"),
    include_str!("migrations/0006_identities.sql"),
];

/// How long a call waits for other processes that write.
const PATIENCE: Duration = Duration::from_secs(10);

/// Opens the database, making it when it is not there.
pub(crate) fn open_or_create(path: &Path) -> Result<Database, RegistryError> {
    // Made here, not by SQLite, so that nobody else can read it from the first moment on. SQLite
    // gives the files that it puts beside the database the same mode.
    match private_file::create(path) {
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
        Err(source) => return Err(cannot("make", path)(source)),
    }
    open(path)
}

/// Opens a database that is there.
pub(crate) fn open(path: &Path) -> Result<Database, RegistryError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let opened = Database::open_with_flags(path, flags).map_err(RegistryError::from);
    let ready = opened.and_then(|mut database| {
        prepare(&mut database, path)?;
        Ok(database)
    });
    ready.map_err(|error| error.opening(path))
}

/// Writes a copy to a file that must not exist.
pub(crate) fn copy(database: &Database, to: &Path) -> Result<(), RegistryError> {
    let Some(name) = to.to_str() else {
        return Err(cannot("write", to)(ErrorKind::InvalidInput.into()));
    };
    // `VACUUM INTO` takes an empty file, which so is nobody else's from the first moment on.
    match private_file::create(to) {
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            return Err(RegistryError::BackupExists { path: to.display().to_string() });
        }
        Err(source) => return Err(cannot("write", to)(source)),
    }
    let copied = database.execute("VACUUM INTO ?1", [name]);
    if let Err(source) = copied {
        std::fs::remove_file(to).map_err(cannot("remove the unfinished", to))?;
        return Err(RegistryError::Database { action: "write a backup", source });
    }
    let flushed = OpenOptions::new().write(true).open(to).and_then(|file| file.sync_all());
    flushed.map_err(cannot("flush", to))
}

fn cannot(what: &'static str, path: &Path) -> impl FnOnce(std::io::Error) -> RegistryError {
    let action = format!("{what} {}", path.display());
    move |source| RegistryError::Disk { action, source }
}

fn prepare(database: &mut Database, path: &Path) -> Result<(), RegistryError> {
    database.busy_timeout(PATIENCE)?;
    // First of all, so that the database of a newer version is left as it is.
    pending(schema_version(database)?, path)?;
    use_wal(database)?;
    database.pragma_update(None, "foreign_keys", true)?;
    migrate(database, path)
}

/// Lets readers and a writer work at the same time. The database remembers it.
fn use_wal(database: &Database) -> rusqlite::Result<()> {
    // Two processes that make the same database at once can meet here, and SQLite does not wait for
    // the other one in this change as it does elsewhere.
    let pause = Duration::from_millis(50);
    let mut waited = Duration::ZERO;
    loop {
        let mode =
            database.query_row("PRAGMA journal_mode = WAL", [], |row| row.get::<_, String>(0));
        match mode {
            Err(error) if is_busy(&error) && waited < PATIENCE => {
                std::thread::sleep(pause);
                waited += pause;
            }
            mode => return mode.map(drop),
        }
    }
}

/// Takes the steps that are left, each in a transaction of its own.
fn migrate(database: &mut Database, path: &Path) -> Result<(), RegistryError> {
    while pending(schema_version(database)?, path)?.is_some() {
        let transaction = database.transaction_with_behavior(TransactionBehavior::Immediate)?;
        // Another process may have taken the step while this one waited.
        let version = schema_version(&transaction)?;
        if let Some(step) = pending(version, path)? {
            transaction.execute_batch(step)?;
            transaction.pragma_update(None, "user_version", version + 1)?;
        }
        transaction.commit()?;
    }
    Ok(())
}

fn schema_version(database: &Database) -> rusqlite::Result<i64> {
    database.query_row("PRAGMA user_version", [], |row| row.get(0))
}

/// The step after schema `version`; `None` when it is the newest.
fn pending(version: i64, path: &Path) -> Result<Option<&'static str>, RegistryError> {
    match usize::try_from(version) {
        Ok(taken) if taken <= MIGRATIONS.len() => Ok(MIGRATIONS.get(taken).copied()),
        _ => Err(RegistryError::Version {
            path: path.display().to_string(),
            found: version,
            known: MIGRATIONS.len(),
        }),
    }
}
