//! How many requests a day may be made: AWS charges for each.

use std::fs;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::EngineError;

/// What is written down.
#[derive(Debug, Serialize, Deserialize)]
struct Spent {
    /// The day (UTC).
    day: NaiveDate,
    /// Its requests.
    requests: u64,
}

/// The budget of a home. The home's writer lock keeps others from spending at the same time.
#[derive(Debug)]
pub(super) struct Budget {
    path: PathBuf,
    limit: u64,
    today: fn() -> NaiveDate,
}

impl Budget {
    /// The budget that lies below `home`.
    pub(super) fn open(
        home: &Path,
        limit: u64,
        today: fn() -> NaiveDate,
    ) -> Result<Self, EngineError> {
        let folder = home.join("cost-explorer");
        fs::create_dir_all(&folder).map_err(|source| EngineError::Disk {
            action: format!("cannot make the directory {}", folder.display()),
            source,
        })?;
        Ok(Self { path: folder.join("requests.json"), limit, today })
    }

    /// The same, only to look at: nothing is made.
    pub(super) fn look(home: &Path, today: fn() -> NaiveDate) -> Self {
        Self { path: home.join("cost-explorer").join("requests.json"), limit: 0, today }
    }

    /// Requests made today.
    pub(super) fn spent(&self) -> Result<u64, EngineError> {
        self.spent_on((self.today)())
    }

    fn spent_on(&self, today: NaiveDate) -> Result<u64, EngineError> {
        let text = match fs::read(&self.path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(0),
            Err(source) => return Err(self.disk("read", source)),
        };
        // What cannot be understood is not taken for nothing: that could cost money.
        let spent: Spent = serde_json::from_slice(&text)
            .map_err(|error| self.disk("understand", std::io::Error::from(error)))?;
        Ok(if spent.day == today { spent.requests } else { 0 })
    }

    /// Counts a request that is about to be made.
    ///
    /// # Errors
    /// [`EngineError::Budget`] when it would be one too many: it must not be made then.
    pub(super) fn spend(&self) -> Result<(), EngineError> {
        let day = (self.today)();
        let requests = self.spent_on(day)?;
        if requests >= self.limit {
            return Err(EngineError::Budget { day: day.to_string(), limit: self.limit, requests });
        }
        self.write(&Spent { day, requests: requests + 1 })
            .map_err(|source| self.disk("write", source))
    }

    fn write(&self, spent: &Spent) -> std::io::Result<()> {
        let folder = self.path.parent().unwrap_or(Path::new("."));
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        file.write_all(&serde_json::to_vec(spent)?)?;
        file.persist(&self.path)?;
        Ok(())
    }

    fn disk(&self, verb: &str, source: std::io::Error) -> EngineError {
        EngineError::Disk {
            action: format!("cannot {verb} {}, which counts requests", self.path.display()),
            source,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn monday() -> NaiveDate {
        NaiveDate::from_ymd_opt(2026, 11, 16).unwrap()
    }

    #[test]
    fn a_budget_is_never_exceeded_and_new_every_day() {
        let home = tempfile::tempdir().unwrap();
        let budget = Budget::open(home.path(), 2, monday).unwrap();
        budget.spend().unwrap();
        budget.spend().unwrap();
        let error = Budget::open(home.path(), 2, monday).unwrap().spend().unwrap_err();
        assert!(error.to_string().contains("2026-11-16"), "{error}");
        assert_eq!((budget.spent().unwrap(), error.exit_code()), (2, 3));
        Budget::open(home.path(), 3, monday).unwrap().spend().unwrap();
        let tuesday = Budget::open(home.path(), 1, || monday().succ_opt().unwrap()).unwrap();
        assert_eq!(tuesday.spent().unwrap(), 0);
        tuesday.spend().unwrap();
        fs::write(home.path().join("cost-explorer/requests.json"), "{}").unwrap();
        assert!(tuesday.spend().is_err());
    }
}
