//! How final the months of a report are, and what of them could not be read.

use arrow::array::{Array, AsArray};
use arrow::datatypes::{Int64Type, TimestampMicrosecondType};
use billhook_lake::session::LakeSession;

use crate::EngineError;
use crate::sql_names::quoted;

/// A month of a connection, as its last delivery left it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Month {
    /// Connection.
    pub connection: String,
    /// Billing period, YYYY-MM.
    pub period: String,
    /// `open`, `estimated`, `final` or `reopened`.
    pub state: String,
    /// When it was loaded, microseconds since 1970 UTC.
    pub recorded_at: i64,
    /// Does it count in `costs`, for no other connection covers the same bill?
    pub counts: bool,
}

/// Records of a month that could not be read and were set aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quarantined {
    /// Connection.
    pub connection: String,
    /// Billing period, YYYY-MM.
    pub period: String,
    /// How many.
    pub records: u64,
}

/// A record that was set aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetAside {
    /// Revision of the delivery.
    pub revision: String,
    /// File of the delivery.
    pub file: String,
    /// Number of the record in it.
    pub row: i64,
    /// The column that cannot be read.
    pub column: String,
    /// What stands there.
    pub value: String,
    /// Why it cannot be read.
    pub reason: String,
    /// The record as it was delivered.
    pub record: String,
}

const MONTHS: &str = "SELECT x_Connection, x_BillingPeriod, State, x_RecordedAt FROM deliveries \
                      ORDER BY x_BillingPeriod, x_Connection, x_RecordedAt";

const QUARANTINED: &str = "SELECT x_Connection, x_BillingPeriod, COUNT(*) FROM quarantine \
                           GROUP BY 1, 2 ORDER BY 1, 2";

/// All months that were delivered, by period and connection.
///
/// # Errors
/// When the lake cannot be read.
pub async fn months_in(session: &LakeSession) -> Result<Vec<Month>, EngineError> {
    let mut months: Vec<Month> = Vec::new();
    for batch in session.query(MONTHS).await? {
        let text = |column: usize| batch.column(column).as_string::<i32>();
        let (connections, periods, states) = (text(0), text(1), text(2));
        let times = batch.column(3).as_primitive::<TimestampMicrosecondType>();
        for row in 0..batch.num_rows() {
            let (connection, period) = (connections.value(row), periods.value(row));
            let slice = (connection.to_owned(), period.to_owned());
            let month = Month {
                connection: slice.0.clone(),
                period: slice.1.clone(),
                state: states.value(row).to_owned(),
                recorded_at: if times.is_valid(row) { times.value(row) } else { 0 },
                counts: !session.left_out.contains(&slice),
            };
            match months.last_mut() {
                Some(last) if last.connection == connection && last.period == period => {
                    *last = month;
                }
                _ => months.push(month),
            }
        }
    }
    Ok(months)
}

/// What was set aside, by connection and period.
///
/// # Errors
/// When the lake cannot be read.
pub async fn quarantined_in(session: &LakeSession) -> Result<Vec<Quarantined>, EngineError> {
    let mut found = Vec::new();
    for batch in session.query(QUARANTINED).await? {
        let text = |column: usize| batch.column(column).as_string::<i32>();
        let (connections, periods) = (text(0), text(1));
        let counts = batch.column(2).as_primitive::<Int64Type>();
        for row in 0..batch.num_rows() {
            found.push(Quarantined {
                connection: connections.value(row).to_owned(),
                period: periods.value(row).to_owned(),
                records: counts.value(row).unsigned_abs(),
            });
        }
    }
    Ok(found)
}

/// The first records of a month that were set aside, in the order of the file.
///
/// # Errors
/// When the lake cannot be read.
pub async fn set_aside_in(
    session: &LakeSession,
    connection: &str,
    period: &str,
    limit: u32,
) -> Result<Vec<SetAside>, EngineError> {
    let sql = format!(
        "SELECT x_Revision, x_SourceFile, \"Column\", \"Value\", \"Reason\", \"Record\", \
         x_SourceRow FROM quarantine WHERE x_Connection = {} AND x_BillingPeriod = {} \
         ORDER BY x_SourceFile, x_SourceRow LIMIT {limit}",
        quoted(connection),
        quoted(period),
    );
    let mut found = Vec::new();
    for batch in session.query(&sql).await? {
        let rows = batch.column(6).as_primitive::<Int64Type>();
        for row in 0..batch.num_rows() {
            let text = |column: usize| {
                let texts = batch.column(column).as_string::<i32>();
                if texts.is_valid(row) { texts.value(row).to_owned() } else { String::new() }
            };
            found.push(SetAside {
                revision: text(0),
                file: text(1),
                row: if rows.is_valid(row) { rows.value(row) } else { 0 },
                column: text(2),
                value: text(3),
                reason: text(4),
                record: text(5),
            });
        }
    }
    Ok(found)
}
