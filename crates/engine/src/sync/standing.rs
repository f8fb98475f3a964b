//! How far the costs of each connection go, as the lake tells.

use std::collections::BTreeMap;

use arrow::array::{Array, AsArray};
use arrow::datatypes::{Date32Type, TimestampMicrosecondType};
use billhook_lake::Lake;
use billhook_lake::session::LakeSession;
use chrono::NaiveDate;

use crate::EngineError;

/// How far the costs of a connection go.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Standing {
    /// When its last delivery was loaded, microseconds since 1970 UTC.
    pub loaded_at: Option<i64>,
    /// The last day with usage. Fees may be dated later than that.
    pub through: Option<NaiveDate>,
}

const LOADED: &str = "SELECT x_Connection, MAX(x_RecordedAt) FROM deliveries GROUP BY x_Connection";

const THROUGH: &str = "SELECT x_Connection, MAX(ChargeDate) FROM cost_daily \
                       WHERE ChargeCategory = 'Usage' GROUP BY x_Connection";

/// How far the costs of each connection go, by its name.
///
/// # Errors
/// When the lake cannot be read.
pub async fn standings(lake: &Lake) -> Result<BTreeMap<String, Standing>, EngineError> {
    standings_in(&LakeSession::open(lake, None).await?).await
}

/// The same, from a session that is open already.
///
/// # Errors
/// When the lake cannot be read.
pub async fn standings_in(
    session: &LakeSession,
) -> Result<BTreeMap<String, Standing>, EngineError> {
    let mut standings: BTreeMap<String, Standing> = BTreeMap::new();
    for batch in session.query(LOADED).await? {
        let names = batch.column(0).as_string::<i32>();
        let times = batch.column(1).as_primitive::<TimestampMicrosecondType>();
        for row in (0..batch.num_rows()).filter(|row| times.is_valid(*row)) {
            let standing = standings.entry(names.value(row).to_owned()).or_default();
            standing.loaded_at = Some(times.value(row));
        }
    }
    for batch in session.query(THROUGH).await? {
        let names = batch.column(0).as_string::<i32>();
        let days = batch.column(1).as_primitive::<Date32Type>();
        for row in (0..batch.num_rows()).filter(|row| days.is_valid(*row)) {
            let standing = standings.entry(names.value(row).to_owned()).or_default();
            standing.through = Date32Type::to_naive_date_opt(days.value(row));
        }
    }
    Ok(standings)
}
