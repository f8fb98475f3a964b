//! Happenings: the order of the things that events tell of. What happened is told by the lake and
//! by the health of connections; here each only gets a position, which it keeps.

use rusqlite::Row;
use serde::Serialize;

use crate::{Registry, RegistryError};

/// What sort of thing happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum HappeningKind {
    /// A delivery was loaded.
    Delivery,
    /// The health of a connection changed.
    Health,
}

impl HappeningKind {
    const ALL: [Self; 2] = [Self::Delivery, Self::Health];

    /// `delivery` or `health`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Delivery => "delivery",
            Self::Health => "health",
        }
    }

    fn of(text: &str) -> Result<Self, RegistryError> {
        let found = Self::ALL.into_iter().find(|kind| kind.as_str() == text);
        found.ok_or_else(|| RegistryError::damaged("what happened", format!("{text:?}")))
    }
}

/// Something that happened. Smaller ones are noted first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct Happening {
    /// When it was recorded (microseconds since 1970 UTC); for health, since when it is so.
    pub recorded_at: i64,
    /// Name of the connection.
    pub connection: String,
    /// Billing period of the delivery; empty for health.
    pub period: String,
    /// Revision of the delivery; empty for health.
    pub revision: String,
    /// What sort of thing it is.
    pub kind: HappeningKind,
}

impl Happening {
    /// What [`KNOWN`] and [`NOTE`] are given.
    fn values(&self) -> (&'static str, &str, &str, &str, i64) {
        let (connection, period) = (self.connection.as_str(), self.period.as_str());
        (self.kind.as_str(), connection, period, self.revision.as_str(), self.recorded_at)
    }
}

const KNOWN: &str = "SELECT 1 FROM happenings WHERE kind = ?1 AND connection = ?2 \
     AND period = ?3 AND revision = ?4 AND recorded_at = ?5";

const NOTE: &str = "INSERT INTO happenings (kind, connection, period, revision, recorded_at) \
     VALUES (?1, ?2, ?3, ?4, ?5)";

impl Registry {
    /// Notes those of `happenings` that are not noted yet, after all that are. Returns how many
    /// they were.
    ///
    /// # Errors
    /// When the database fails.
    pub fn note_happenings(&self, happenings: &[Happening]) -> Result<usize, RegistryError> {
        let mut ordered: Vec<&Happening> = happenings.iter().collect();
        ordered.sort_unstable();
        self.write("note what happened", |transaction| {
            // Asked first, because an insert that does nothing counts positions up all the same,
            // and that is written to the disk.
            let mut known = transaction.prepare(KNOWN)?;
            let mut note = transaction.prepare(NOTE)?;
            let mut noted = 0;
            for happening in ordered {
                if !known.exists(happening.values())? {
                    noted += note.execute(happening.values())?;
                }
            }
            Ok(noted)
        })
    }

    /// What happened after a position, in order, with the position of each: at most `limit`.
    ///
    /// # Errors
    /// When the database fails.
    pub fn happenings(
        &self,
        after_position: i64,
        limit: u32,
    ) -> Result<Vec<(i64, Happening)>, RegistryError> {
        self.read("list what happened", |transaction| {
            let mut statement = transaction.prepare(
                "SELECT position, kind, connection, period, revision, recorded_at \
                 FROM happenings WHERE position > ?1 ORDER BY position LIMIT ?2",
            )?;
            statement.query_and_then((after_position, limit), happening_of)?.collect()
        })
    }

    /// Position of what was noted last; 0 when nothing was. Positions begin at 1, and some may be
    /// left out.
    ///
    /// # Errors
    /// When the database fails.
    pub fn last_position(&self) -> Result<i64, RegistryError> {
        let sql = "SELECT coalesce(max(position), 0) FROM happenings";
        self.read("look for what happened last", |transaction| {
            Ok(transaction.query_one(sql, [], |row| row.get(0))?)
        })
    }

    /// The position after which everything stands that was recorded at `time` or later. What was
    /// recorded before may stand there too, because it can be noted late.
    ///
    /// # Errors
    /// When the database fails.
    pub fn position_at(&self, time: i64) -> Result<i64, RegistryError> {
        let sql = "SELECT coalesce( \
             (SELECT min(position) - 1 FROM happenings WHERE recorded_at >= ?1), \
             (SELECT max(position) FROM happenings), 0)";
        self.read("look for what happened at a time", |transaction| {
            Ok(transaction.query_one(sql, [time], |row| row.get(0))?)
        })
    }
}

fn happening_of(row: &Row<'_>) -> Result<(i64, Happening), RegistryError> {
    let kind: String = row.get(1)?;
    let happening = Happening {
        recorded_at: row.get(5)?,
        connection: row.get(2)?,
        period: row.get(3)?,
        revision: row.get(4)?,
        kind: HappeningKind::of(&kind)?,
    };
    Ok((row.get(0)?, happening))
}
