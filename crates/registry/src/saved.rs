//! Views of costs and queries that somebody gave a name.

use rusqlite::{Row, Transaction};
use serde::{Deserialize, Serialize};

use crate::{Registry, RegistryError, random};

/// What was saved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SavedKind {
    /// A view of costs.
    View,
    /// A query in SQL.
    Query,
}

impl SavedKind {
    /// `view` or `query`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::View => "view",
            Self::Query => "query",
        }
    }

    fn of(text: &str) -> Result<Self, RegistryError> {
        let found = [Self::View, Self::Query].into_iter().find(|kind| kind.as_str() == text);
        found.ok_or_else(|| RegistryError::damaged("what was saved", format!("{text:?}")))
    }
}

/// A view or query with a name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Saved {
    /// Its id.
    pub id: String,
    /// What it is.
    pub kind: SavedKind,
    /// Its name.
    pub name: String,
    /// The query string of a view, or the SQL.
    pub text: String,
    /// The name of the user who saved it.
    pub owner: String,
    /// When it was last changed (microseconds since 1970 UTC); another time for each change.
    pub changed_at: i64,
}

/// What [`saved_of`] reads, in its order.
const SELECT: &str = "SELECT id, kind, name, text, owner, changed_at FROM saved";

const INSERT: &str = "INSERT INTO saved (id, kind, name, text, owner, changed_at) \
     VALUES (?1, ?2, ?3, ?4, ?5, ?6)";

impl Registry {
    /// All that was saved of a kind, by name.
    ///
    /// # Errors
    /// When the database fails.
    pub fn saved(&self, kind: SavedKind) -> Result<Vec<Saved>, RegistryError> {
        self.read("list what was saved", |transaction| {
            let sql = format!("{SELECT} WHERE kind = ?1 ORDER BY name, id");
            let mut statement = transaction.prepare(&sql)?;
            statement.query_and_then([kind.as_str()], saved_of)?.collect()
        })
    }

    /// Saves a view or a query. `owner` is the name of a user.
    ///
    /// # Errors
    /// When the database fails.
    pub fn save(
        &self,
        kind: SavedKind,
        name: &str,
        text: &str,
        owner: &str,
        now: i64,
    ) -> Result<Saved, RegistryError> {
        let id = random::uuid()?;
        self.write("save a view or query", |transaction| {
            transaction.execute(INSERT, (&id, kind.as_str(), name, text, owner, now))?;
            require(transaction, &id)
        })
    }

    /// What was saved with that id, if it is there.
    ///
    /// # Errors
    /// When the database fails.
    pub fn saved_one(&self, id: &str) -> Result<Option<Saved>, RegistryError> {
        self.read("look for what was saved", |transaction| by_id(transaction, id))
    }

    /// Changes name and text of what was saved, if it still is as the caller saw it: `seen` is its
    /// [`Saved::changed_at`] then.
    ///
    /// # Errors
    /// [`RegistryError::NoSaved`]; [`RegistryError::ChangedMeanwhile`].
    pub fn change_saved(
        &self,
        id: &str,
        name: &str,
        text: &str,
        seen: i64,
        now: i64,
    ) -> Result<Saved, RegistryError> {
        self.write("change a saved view or query", |transaction| {
            let Saved { name: before, changed_at, .. } = require(transaction, id)?;
            if changed_at != seen {
                return Err(RegistryError::ChangedMeanwhile { what: before });
            }
            // Clocks go back, and two changes may fall into one microsecond.
            let now = now.max(seen.saturating_add(1));
            let sql = "UPDATE saved SET name = ?2, text = ?3, changed_at = ?4 WHERE id = ?1";
            transaction.execute(sql, (id, name, text, now))?;
            require(transaction, id)
        })
    }

    /// Throws away what was saved. False when it is not there.
    ///
    /// # Errors
    /// When the database fails.
    pub fn drop_saved(&self, id: &str) -> Result<bool, RegistryError> {
        self.write("throw away what was saved", |transaction| {
            Ok(transaction.execute("DELETE FROM saved WHERE id = ?1", [id])? == 1)
        })
    }
}

fn by_id(transaction: &Transaction<'_>, id: &str) -> Result<Option<Saved>, RegistryError> {
    let mut statement = transaction.prepare(&format!("{SELECT} WHERE id = ?1"))?;
    let mut found = statement.query_and_then([id], saved_of)?;
    found.next().transpose()
}

fn require(transaction: &Transaction<'_>, id: &str) -> Result<Saved, RegistryError> {
    by_id(transaction, id)?.ok_or_else(|| RegistryError::NoSaved { id: id.to_owned() })
}

fn saved_of(row: &Row<'_>) -> Result<Saved, RegistryError> {
    let kind: String = row.get(1)?;
    Ok(Saved {
        id: row.get(0)?,
        kind: SavedKind::of(&kind)?,
        name: row.get(2)?,
        text: row.get(3)?,
        owner: row.get(4)?,
        changed_at: row.get(5)?,
    })
}
