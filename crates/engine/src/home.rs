//! The data directory, and the lake in it or elsewhere.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use billhook_aws::{Location, S3Options};
use billhook_lake::lock::{self, Attempt, WriterLock};
use billhook_lake::{Lake, selftest, slice};

use crate::EngineError;

/// How often is looked whether the lock is free.
const LOCK_TICK: Duration = Duration::from_millis(100);

/// Where Billhook keeps its things.
#[derive(Debug, Clone)]
pub struct Home {
    /// The directory.
    pub dir: PathBuf,
    /// The lake.
    pub lake: Lake,
}

impl Home {
    /// Opens a home, making the directory when needed. The lake is `<dir>/lake`, or `lake` when
    /// given (a path or `s3://bucket/prefix`).
    ///
    /// # Errors
    /// When the directory cannot be made or the lake's place is unusable.
    pub fn open(dir: &Path, lake: Option<&str>, s3: &S3Options) -> Result<Self, EngineError> {
        std::fs::create_dir_all(dir).map_err(|source| EngineError::Disk {
            action: format!("cannot make the directory {}", dir.display()),
            source,
        })?;
        let Location { store, url, .. } = match lake {
            Some(place) if place.contains("://") => billhook_aws::open(place, s3)?,
            Some(path) => billhook_aws::open_folder(Path::new(path))?,
            None => billhook_aws::open_folder(&dir.join("lake"))?,
        };
        Ok(Self { dir: dir.to_path_buf(), lake: Lake::new(store, url) })
    }

    /// Makes ready to write: one writer at a time on this machine, a store that honours
    /// conditional writes, and nothing left under way by a process that was killed.
    ///
    /// `waiting` hears once who holds the lock.
    ///
    /// # Errors
    /// When the lake cannot be written.
    pub async fn writer(&self, waiting: impl FnOnce(&str)) -> Result<WriterLock, EngineError> {
        let guard = lock::acquire(&self.lock_path(), waiting)?;
        self.ready(guard).await
    }

    /// As [`Self::writer`], and gives up waiting when `stop` is set.
    ///
    /// # Errors
    /// [`EngineError::Interrupted`] when it gave up; when the lake cannot be written.
    pub async fn writer_until(
        &self,
        stop: &AtomicBool,
        waiting: impl FnOnce(&str),
    ) -> Result<WriterLock, EngineError> {
        let mut waiting = Some(waiting);
        let guard = loop {
            match lock::try_acquire(&self.lock_path())? {
                Attempt::Taken(guard) => break guard,
                Attempt::Held(holder) => {
                    if let Some(waiting) = waiting.take() {
                        waiting(&holder);
                    }
                }
            }
            if stop.load(Ordering::Relaxed) {
                return Err(EngineError::Interrupted);
            }
            tokio::time::sleep(LOCK_TICK).await;
        };
        self.ready(guard).await
    }

    fn lock_path(&self) -> PathBuf {
        self.dir.join("writer.lock")
    }

    /// Checks the store and finishes what a killed process has left.
    async fn ready(&self, guard: WriterLock) -> Result<WriterLock, EngineError> {
        if self.lake.url.scheme() != "file" {
            selftest::conditional_put(&self.lake).await?;
        }
        slice::recover(&self.lake).await?;
        self.clean_spool()?;
        Ok(guard)
    }

    /// Where large objects are kept while they are read.
    #[must_use]
    pub fn spool(&self) -> PathBuf {
        self.dir.join("spool")
    }

    fn clean_spool(&self) -> Result<(), EngineError> {
        match std::fs::remove_dir_all(self.spool()) {
            Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
                Err(EngineError::Disk {
                    action: format!("cannot clear {}", self.spool().display()),
                    source,
                })
            }
            _ => Ok(()),
        }
    }
}
