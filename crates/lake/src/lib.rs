//! The lake: Delta tables, the slice commit, the roll-up, the change ledger, and SQL over them.
//!
//! A slice is (connection, billing period). A delivery replaces its slice whole, in one Delta
//! commit, or not at all (INV-ATOM). The lake knows neither AWS nor any source: it is handed
//! batches of the cost table. Start at [`Lake`], then [`slice`].

pub mod authority;
pub mod daily;
pub mod directory;
mod encode;
pub mod error;
pub mod ledger;
pub mod lock;
pub mod maintain;
pub mod provider;
pub mod selftest;
pub mod session;
pub mod slice;
pub mod spec;
pub mod summary;
pub mod table;
pub mod write;

use std::sync::Arc;

use object_store::ObjectStore;
use object_store::path::Path;
use url::Url;

pub use error::LakeError;
use spec::TableSpec;
use table::Table;

/// Where the lake lies, and how to reach it.
#[derive(Debug, Clone)]
pub struct Lake {
    /// The store; its root is the root of `url`'s bucket or file system.
    pub store: Arc<dyn ObjectStore>,
    /// `file:///…/lake/` or `s3://bucket/prefix/`; ends with a slash.
    pub url: Url,
}

/// One state of the lake. Equal ones show the same costs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamp {
    /// The newest version of each table.
    versions: Vec<u64>,
    /// Whose rows count is in no table's log.
    wishes: authority::Wishes,
}

impl Lake {
    /// A lake at `url`. Nothing is read or written.
    #[must_use]
    pub fn new(store: Arc<dyn ObjectStore>, mut url: Url) -> Self {
        if !url.path().ends_with('/') {
            let path = format!("{}/", url.path());
            url.set_path(&path);
        }
        Self { store, url }
    }

    /// Path in the store of something in the lake.
    ///
    /// # Errors
    /// [`LakeError::Location`] when the URL's path is none.
    pub fn path(&self, below: &str) -> Result<Path, LakeError> {
        let joined = format!("{}{below}", self.url.path());
        Path::from_url_path(&joined)
            .map_err(|_| LakeError::Location { location: self.url.to_string() })
    }

    /// Is there a table yet?
    ///
    /// # Errors
    /// When the store cannot be reached.
    pub async fn exists(&self, spec: &TableSpec) -> Result<bool, LakeError> {
        use futures::StreamExt;
        let log = self.path(&format!("{}/_delta_log", spec.name))?;
        match self.store.list(Some(&log)).next().await {
            Some(entry) => entry.map(|_| true).map_err(|e| LakeError::store("list", &log, e)),
            None => Ok(false),
        }
    }

    /// Opens a table, making it when it is not there yet.
    ///
    /// # Errors
    /// When the store cannot be reached or the table is not one of ours.
    pub async fn table(&self, spec: &'static TableSpec) -> Result<Table, LakeError> {
        Table::open(self, spec).await
    }

    /// What tells whether the lake has changed, without reading what is in it. `known`: what this
    /// said before the lake was opened; only what came later is listed then.
    ///
    /// # Errors
    /// When the store cannot be reached; [`LakeError::Gone`] when nothing is left of what is known.
    pub async fn stamp(&self, known: Option<&Stamp>) -> Result<Stamp, LakeError> {
        let versions = self.versions(known.map_or(&[], |known| &known.versions)).await?;
        let is_as_before = known.is_some_and(|known| known.versions == versions);
        // Where there is no lake any more, nothing has come either.
        if is_as_before && !self.exists(&spec::COST_AND_USAGE).await? {
            return Err(LakeError::Gone { location: self.url.to_string() });
        }
        Ok(Stamp { versions, wishes: authority::wishes(self).await? })
    }

    /// The newest version of each table of [`spec::ALL`]. 0 for a table that is not there, or
    /// stands at its first version.
    async fn versions(&self, known: &[u64]) -> Result<Vec<u64>, LakeError> {
        use futures::TryStreamExt;
        let mut versions = Vec::with_capacity(spec::ALL.len());
        for (at, table) in spec::ALL.iter().enumerate() {
            let known = known.get(at).copied().unwrap_or_default();
            let log = self.path(&format!("{}/_delta_log", table.name))?;
            let after = log.clone().join(format!("{known:020}.json"));
            let found: Vec<_> = self
                .store
                .list_with_offset(Some(&log), &after)
                .try_collect()
                .await
                .map_err(|error| LakeError::store("list", &log, error))?;
            let numbers = found.iter().filter_map(|object| {
                let name = object.location.filename()?;
                name.strip_suffix(".json")?.parse::<u64>().ok()
            });
            versions.push(numbers.max().unwrap_or(known));
        }
        Ok(versions)
    }
}

#[cfg(test)]
mod tests;
