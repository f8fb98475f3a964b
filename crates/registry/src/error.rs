//! What can go wrong with the control database. No secret is ever part of an error (INV-SEC).

use std::error::Error;
use std::path::Path;

use rusqlite::ErrorCode;

use crate::{KEY_FILE, KEY_VARIABLE};

/// An error of the control database. Nothing is half-done after one.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// A file or directory cannot be used.
    #[error("cannot {action}")]
    Disk {
        /// What was tried to which file.
        action: String,
        /// Why.
        source: std::io::Error,
    },
    /// The database cannot be opened.
    #[error("cannot open the control database {path}")]
    Open {
        /// The file.
        path: String,
        /// Why.
        source: rusqlite::Error,
    },
    /// Another version of Billhook wrote the database.
    #[error(
        "the control database {path} was written by another version of Billhook: its schema is \
         number {found}, and this version knows up to {known}"
    )]
    Version {
        /// The file.
        path: String,
        /// Its schema.
        found: i64,
        /// The newest schema that this version knows.
        known: usize,
    },
    /// The database failed.
    #[error("cannot {action}: the control database failed")]
    Database {
        /// What was tried.
        action: &'static str,
        /// Why.
        source: rusqlite::Error,
    },
    /// Something in the database cannot be understood.
    #[error("the control database is damaged: {what} cannot be understood")]
    Damaged {
        /// The thing.
        what: String,
        /// Why.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The file to write a backup to is there already.
    #[error("{path} exists: a backup overwrites nothing")]
    BackupExists {
        /// The file.
        path: String,
    },
    /// A text is no connection name.
    #[error(
        "{name:?} is no connection name: use 1 to 63 lowercase letters, digits and dashes, with a \
         letter or digit first"
    )]
    Name {
        /// The text.
        name: String,
    },
    /// Something else has that name.
    #[error("there is {what} {name} already")]
    NameTaken {
        /// `a connection`, `a user`, `an invitation for` or `a token`.
        what: String,
        /// The name.
        name: String,
    },
    /// There is no such connection (any more).
    #[error("there is no connection with the id {id}")]
    NoConnection {
        /// Its id.
        id: String,
    },
    /// A text is no name for a sink.
    #[error(
        "{name:?} is no name for a sink: use 1 to 63 lowercase letters, digits and dashes, with a \
         letter or digit first"
    )]
    SinkName {
        /// The text.
        name: String,
    },
    /// Another sink has that name.
    #[error("there is a sink {name} already")]
    SinkNameTaken {
        /// The name.
        name: String,
    },
    /// There is no such sink (any more).
    #[error("there is no sink with the id {id}")]
    NoSink {
        /// Its id.
        id: String,
    },
    /// A text is no schedule.
    #[error(
        "{text:?} is no schedule: use every Nh (N from 1 to 168), daily HH:00 TIME_ZONE (such as \
         Europe/Berlin), or manual"
    )]
    Schedule {
        /// The text.
        text: String,
    },
    /// A text is no name for a user or token.
    #[error("{name:?} is no user name: use 1 to 64 letters (a-z), digits and . _ @ + -")]
    UserName {
        /// The text.
        name: String,
    },
    /// A text is no role.
    #[error("{text:?} is no role: use viewer or admin")]
    Role {
        /// The text.
        text: String,
    },
    /// A new password is too short.
    #[error("the password is too short: use at least 12 characters, any characters")]
    PasswordShort,
    /// A new password is too long.
    #[error("the password is too long: use at most 1024 bytes")]
    PasswordLong,
    /// A password cannot be hashed.
    #[error("the password cannot be hashed")]
    Hash {
        /// Why.
        source: argon2::password_hash::Error,
    },
    /// A user has no password here.
    #[error("the user {name} signs in elsewhere and has no password here")]
    SignsInElsewhere {
        /// The user.
        name: String,
    },
    /// There is no such user (any more).
    #[error("there is no user with the id {id}")]
    NoUser {
        /// The id.
        id: String,
    },
    /// Without that user nobody could change anything.
    #[error("{name} is the last admin")]
    LastAdmin {
        /// The user.
        name: String,
    },
    /// A one-time link was used, replaced or withdrawn, or is too old.
    #[error("this link was used before, is too old, or was replaced")]
    LinkSpent,
    /// There is no such draft (any more).
    #[error("there is no draft with the id {id}: it was saved, discarded, or left for a week")]
    NoDraft {
        /// The id.
        id: String,
    },
    /// There is no such saved view or query (any more).
    #[error("there is no saved view or query with the id {id}")]
    NoSaved {
        /// The id.
        id: String,
    },
    /// The address of a view is too long to be kept.
    #[error("the address has {bytes} bytes, and at most {most} are kept")]
    AddressLong {
        /// Its length.
        bytes: usize,
        /// The longest that is kept.
        most: usize,
    },
    /// Somebody else changed a thing after the caller had seen it.
    #[error("{what} was changed by somebody else meanwhile")]
    ChangedMeanwhile {
        /// The thing.
        what: String,
    },
    /// Findings are not a list of objects with codes.
    #[error("findings must be a JSON array of objects, each with a text named code")]
    Findings,
    /// The key is unusable.
    #[error("{place} holds no key: a key is 32 bytes, as 64 hexadecimal digits or as base64")]
    Key {
        /// Where the key is.
        place: String,
    },
    /// Secrets are sealed, and the key that opens them is not there.
    #[error("{place} is missing: secrets in the control database are sealed with its key")]
    KeyMissing {
        /// Where the key should be.
        place: String,
    },
    /// Others on this machine may read the key file.
    #[error("{path} may be read by other users of this machine")]
    KeyExposed {
        /// The file.
        path: String,
    },
    /// A sealed secret does not open: the key is another one, or the value was altered or moved.
    #[error("{place} does not open the {field} of {owner}: another key sealed it")]
    WrongKey {
        /// Where the key is.
        place: String,
        /// `connection NAME`, `sink NAME`, `user NAME`, `token NAME` or `draft ID`.
        owner: String,
        /// Which of its secrets.
        field: String,
    },
    /// A connection has lost a secret, because all sealed secrets were forgotten.
    #[error("the {field} of connection {connection} is not in the control database")]
    SecretMissing {
        /// Name of the connection.
        connection: String,
        /// Which of its secrets.
        field: &'static str,
    },
    /// A sink has lost a secret, because all sealed secrets were forgotten.
    #[error("the {field} of sink {sink} is not in the control database")]
    SinkSecretMissing {
        /// Name of the sink.
        sink: String,
        /// Which of its secrets.
        field: String,
    },
    /// A secret cannot be sealed.
    #[error("the {field} is too long to be sealed")]
    TooLong {
        /// Which secret.
        field: String,
    },
    /// The operating system gives no random numbers.
    #[error("the operating system gives no random numbers")]
    Random {
        /// Why.
        source: getrandom::Error,
    },
}

impl RegistryError {
    /// How to mend it, when that can be said.
    #[must_use]
    pub fn fix(&self) -> Option<String> {
        Some(match self {
            Self::Version { .. } => {
                "use the version of Billhook that wrote it, or a newer one".to_owned()
            }
            Self::BackupExists { .. } => "name a file that does not exist yet".to_owned(),
            Self::NameTaken { what, .. } => match what.as_str() {
                "a connection" => "choose another name, or remove or rename the other connection",
                "an invitation for" => "choose another name, or withdraw the invitation",
                "a token" => "choose another name, or revoke the token",
                _ => "choose another name",
            }
            .to_owned(),
            Self::SignsInElsewhere { .. } => {
                "change the password where that user signs in".to_owned()
            }
            Self::LastAdmin { .. } => "make another user admin first".to_owned(),
            Self::LinkSpent => {
                "restart Billhook, which prints a new set-up link, or have an admin \
                 invite you again"
                    .to_owned()
            }
            Self::NoDraft { .. } => "begin anew".to_owned(),
            Self::AddressLong { .. } => "choose fewer values, or a shorter query".to_owned(),
            Self::ChangedMeanwhile { .. } => {
                "load it again, and make your change to what it is now".to_owned()
            }
            Self::SinkNameTaken { .. } => {
                "choose another name, or remove the other sink".to_owned()
            }
            Self::Key { .. } => format!(
                "set {KEY_VARIABLE} to a key (openssl rand -hex 32 makes one), or unset it and let \
                 Billhook keep its key in the file {KEY_FILE} of its home"
            ),
            Self::KeyMissing { .. } => format!(
                "bring the file back, or set {KEY_VARIABLE} to the key; when it is lost, run \
                 `billhook connections forget-secrets --all` and give the connections theirs again"
            ),
            Self::KeyExposed { path } => format!("run: chmod 600 '{path}'"),
            Self::WrongKey { .. } => format!(
                "use the key that was in use before ({KEY_VARIABLE}, or the file {KEY_FILE} in the \
                 home); when it is lost, run `billhook connections forget-secrets --all` and give \
                 the connections theirs again"
            ),
            Self::SecretMissing { connection, .. } => {
                format!(
                    "give the connection {connection} its credentials again: `billhook connections \
                     set {connection} --access-key-id ID`"
                )
            }
            Self::SinkSecretMissing { sink, .. } => {
                format!(
                    "give the sink {sink} its secrets again: `billhook sinks set {sink}` with the \
                     options that call for them"
                )
            }
            Self::Database { .. } | Self::Open { .. } if self.retry() => {
                "try again: another process is writing to the control database".to_owned()
            }
            _ => return None,
        })
    }

    /// Can trying again help?
    #[must_use]
    pub fn retry(&self) -> bool {
        match self {
            Self::Database { source, .. } | Self::Open { source, .. } => is_busy(source),
            _ => false,
        }
    }

    /// Is it about the key that seals secrets?
    pub(crate) fn is_about_key(&self) -> bool {
        matches!(
            self,
            Self::Key { .. }
                | Self::KeyMissing { .. }
                | Self::KeyExposed { .. }
                | Self::WrongKey { .. }
                | Self::Disk { .. }
        )
    }

    /// The same error, with what was being done when the database failed.
    pub(crate) fn during(self, action: &'static str) -> Self {
        match self {
            Self::Database { source, .. } => Self::Database { action, source },
            other => other,
        }
    }

    /// The same error, for a database that was being opened.
    pub(crate) fn opening(self, path: &Path) -> Self {
        match self {
            Self::Database { source, .. } => {
                Self::Open { path: path.display().to_string(), source }
            }
            other => other,
        }
    }

    pub(crate) fn damaged(
        what: impl Into<String>,
        source: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        Self::Damaged { what: what.into(), source: source.into() }
    }
}

impl From<rusqlite::Error> for RegistryError {
    fn from(source: rusqlite::Error) -> Self {
        Self::Database { action: "use the control database", source }
    }
}

/// Did another process hold the database for too long?
pub(crate) fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}

/// Is there a row with that value already?
pub(crate) fn is_taken(error: &rusqlite::Error) -> bool {
    error.sqlite_extended_error_code() == Some(rusqlite::ffi::SQLITE_CONSTRAINT_UNIQUE)
}
