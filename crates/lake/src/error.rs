//! What can go wrong with the lake.

use object_store::path::Path;

/// An error of the lake. Nothing is half-done after one.
#[derive(Debug, thiserror::Error)]
pub enum LakeError {
    /// The lake's URL is unusable.
    #[error("{location} is no place for a lake")]
    Location {
        /// The URL.
        location: String,
    },
    /// The object store failed.
    #[error("cannot {action} {path}")]
    Store {
        /// What was tried: read, write, list, delete.
        action: &'static str,
        /// The object.
        path: String,
        /// Why.
        source: object_store::Error,
    },
    /// A Delta table cannot be read or committed to.
    #[error("table {table}: cannot {action}")]
    Delta {
        /// The table.
        table: &'static str,
        /// What was tried.
        action: &'static str,
        /// Why.
        source: Box<deltalake_core::DeltaTableError>,
    },
    /// The table in the lake has other columns than this version of Billhook expects.
    #[error("table {table} was made by another version: its column {column} is missing or differs")]
    Schema {
        /// The table.
        table: &'static str,
        /// The column.
        column: String,
    },
    /// Too many others committed at the same time.
    #[error("table {table}: {attempts} commits in a row were overtaken by other writers")]
    Contended {
        /// The table.
        table: &'static str,
        /// How often it was tried.
        attempts: u32,
    },
    /// A data file cannot be encoded.
    #[error("cannot encode a data file of {table}")]
    Encode {
        /// The table.
        table: &'static str,
        /// Why.
        source: parquet::errors::ParquetError,
    },
    /// Arrays do not fit together.
    #[error("cannot assemble rows of {table}")]
    Arrow {
        /// The table.
        table: &'static str,
        /// Why.
        source: arrow::error::ArrowError,
    },
    /// The summary of a data file cannot be made or read.
    #[error("cannot summarise with {path}")]
    Summary {
        /// The file.
        path: String,
        /// Why.
        source: parquet::errors::ParquetError,
    },
    /// A sum does not fit.
    #[error("the roll-up overflows")]
    Overflow(#[from] billhook_money::Overflow),
    /// A query failed.
    #[error(transparent)]
    Query(#[from] datafusion::error::DataFusionError),
    /// A note in the lake cannot be read.
    #[error("{path} is damaged")]
    Note {
        /// The object.
        path: String,
        /// Why.
        source: serde_json::Error,
    },
    /// The store ignores conditions, so that commits could overwrite each other.
    #[error(
        "{location} does not honour conditional writes (If-None-Match: *), which Delta commits need"
    )]
    Unconditional {
        /// The lake.
        location: String,
    },
    /// The lock file cannot be used.
    #[error("cannot lock {path}")]
    Lock {
        /// The file.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// What was there is there no more: a folder was moved, a disk is not mounted, a bucket was
    /// emptied.
    #[error("there is no lake at {location} any more")]
    Gone {
        /// The lake.
        location: String,
    },
    /// There is no version of the table as old as that.
    #[error("the lake keeps no version of {table} as old as {time}")]
    TooOld {
        /// The table.
        table: &'static str,
        /// The time asked for.
        time: String,
    },
}

impl LakeError {
    /// Why nothing can be read, in a few words without a path; `None` when it is something else
    /// that is wrong.
    #[must_use]
    pub fn outage(&self) -> Option<&'static str> {
        match self {
            Self::Gone { .. } => return Some("nothing is there any more"),
            Self::Store { .. } | Self::Delta { .. } | Self::Query(_) => {}
            _ => return None,
        }
        let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(self);
        while let Some(error) = cause {
            if let Some(error) = error.downcast_ref::<object_store::Error>() {
                return Some(match error {
                    object_store::Error::NotFound { .. } => "it lacks a file",
                    object_store::Error::PermissionDenied { .. }
                    | object_store::Error::Unauthenticated { .. } => "access is denied",
                    object_store::Error::Generic { store: "S3", .. } => "no answer from S3",
                    _ => "its store fails",
                });
            }
            cause = error.source();
        }
        None
    }

    pub(crate) fn store(action: &'static str, path: &Path, source: object_store::Error) -> Self {
        Self::Store { action, path: format!("/{path}"), source }
    }

    pub(crate) fn delta(
        table: &'static str,
        action: &'static str,
    ) -> impl FnOnce(deltalake_core::DeltaTableError) -> Self {
        move |source| Self::Delta { table, action, source: Box::new(source) }
    }
}

#[cfg(test)]
mod tests {
    use datafusion::error::DataFusionError;
    use object_store::Error;

    use super::*;

    fn missing() -> Error {
        Error::NotFound { path: "secret/place".to_owned(), source: "gone".into() }
    }

    #[test]
    fn what_cannot_be_read_is_told_without_a_path() {
        let gone = LakeError::Gone { location: "file:///secret/lake/".to_owned() };
        assert_eq!(gone.outage(), Some("nothing is there any more"));
        let store = LakeError::store("list", &Path::from("secret"), missing());
        assert_eq!(store.outage(), Some("it lacks a file"));
        let silent = Error::Generic { store: "S3", source: "connection refused".into() };
        let silent = LakeError::store("list", &Path::from("secret"), silent);
        assert_eq!(silent.outage(), Some("no answer from S3"));
        let read = DataFusionError::ObjectStore(Box::new(missing()));
        let read = LakeError::Query(read.context("while a file was read"));
        assert_eq!(read.outage(), Some("it lacks a file"));
        let wrong = LakeError::Query(DataFusionError::Plan("no such column".to_owned()));
        assert_eq!(wrong.outage(), None);
    }
}
