//! `history`: deliveries that were loaded, and what each one changed.
//!
//! [`history()`] has them as rows of the lake. For pages, `slices` has every month with its
//! deliveries, and `difference` says how any two states of a month differ.

mod difference;
mod slices;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::Decimal128Type;
use billhook_lake::Lake;
use billhook_lake::session::LakeSession;

use crate::EngineError;
use crate::sql_names::quoted;

pub use difference::{Between, Changed, ChangedBy, days_in, difference_csv_in, difference_in};
pub use slices::{Restated, Slice, Step, both, slices_in};

/// Which deliveries.
#[derive(Debug, Clone, Default)]
pub struct HistoryRequest {
    /// Of one connection only.
    pub connection: Option<String>,
    /// Of one month only; its changes are then looked up, too.
    pub period: Option<String>,
}

/// What one delivery changed.
#[derive(Debug, Clone)]
pub struct DeliveryChanges {
    /// Connection.
    pub connection: String,
    /// Billing period.
    pub period: String,
    /// Revision.
    pub revision: String,
    /// Currency, Σ `BilledCost` of the changed entries before and after.
    pub totals: Vec<(String, i128, i128)>,
    /// Rows of `changes`, the largest differences first.
    pub batches: Vec<RecordBatch>,
}

/// The answer.
#[derive(Debug, Clone, Default)]
pub struct History {
    /// Rows of `deliveries`, oldest first.
    pub deliveries: Vec<RecordBatch>,
    /// Per restatement or first load, newest last; only with a period.
    pub changes: Vec<DeliveryChanges>,
    /// Things worth telling.
    pub notes: Vec<String>,
}

/// Looks the history up.
///
/// # Errors
/// When the lake cannot be read.
pub async fn history(lake: &Lake, request: &HistoryRequest) -> Result<History, EngineError> {
    history_in(&LakeSession::open(lake, None).await?, request).await
}

/// The same, from a session that is open already.
///
/// # Errors
/// When the lake cannot be read.
pub async fn history_in(
    session: &LakeSession,
    request: &HistoryRequest,
) -> Result<History, EngineError> {
    let filter = filter(request);
    let sql = format!(
        "SELECT * FROM deliveries WHERE {filter} ORDER BY x_RecordedAt, x_Connection, \
         x_BillingPeriod"
    );
    let deliveries = session.query(&sql).await?;
    let mut changes = Vec::new();
    if request.period.is_some() {
        for (connection, period, revision, recorded_at) in slices(&deliveries) {
            let key = format!(
                "x_Connection = {} AND x_BillingPeriod = {} AND x_Revision = {} \
                 AND CAST(x_RecordedAt AS BIGINT) = {recorded_at}",
                quoted(&connection),
                quoted(&period),
                quoted(&revision),
            );
            let sql = format!(
                "SELECT * FROM changes WHERE {key} ORDER BY abs(BilledCostDifference) DESC, \
                 ChargeDate, ServiceName, SubAccountId, ChargeCategory"
            );
            let batches = session.query(&sql).await?;
            let sql = format!(
                "SELECT BillingCurrency, SUM(BilledCostOld), SUM(BilledCostNew) FROM changes \
                 WHERE {key} GROUP BY BillingCurrency ORDER BY BillingCurrency"
            );
            let totals = totals(&session.query(&sql).await?);
            changes.push(DeliveryChanges { connection, period, revision, totals, batches });
        }
    }
    let is_asked = |(connection, period): &&(String, String)| {
        request.connection.as_ref().is_none_or(|c| c == connection)
            && request.period.as_ref().is_none_or(|p| p == period)
    };
    let left_out: Vec<_> = session.left_out.iter().filter(is_asked).collect();
    let billed = if left_out.is_empty() { Billed::new() } else { billed(session).await? };
    let notes = left_out.into_iter().map(|slice| {
        let (connection, period) = slice;
        let would_add = billed.get(slice).map_or("nothing".to_owned(), |sums| sums.join(", "));
        format!(
            "note: {connection} {period} is left out of costs: another connection covers the \
             same billing account; it would add {would_add} and stays in cost_and_usage"
        )
    });
    let notes = notes.collect();
    Ok(History { deliveries, changes, notes })
}

/// Connection and period to their sums, one for each currency.
type Billed = BTreeMap<(String, String), Vec<String>>;

/// What each slice adds, or would add, to `costs`.
async fn billed(session: &LakeSession) -> Result<Billed, EngineError> {
    let sql = "SELECT x_Connection, x_BillingPeriod, BillingCurrency, SUM(BilledCost) \
               FROM cost_daily WHERE x_FocusExclusion IS NULL GROUP BY 1, 2, 3 ORDER BY 1, 2, 3";
    let mut billed = Billed::new();
    for batch in session.query(sql).await? {
        let text = |column: usize, row: usize| batch.column(column).as_string::<i32>().value(row);
        let sums = batch.column(3).as_primitive::<Decimal128Type>();
        for row in 0..batch.num_rows() {
            let sum = billhook_money::format_grouped(sums.value(row), 2);
            let slice = (text(0, row).to_owned(), text(1, row).to_owned());
            billed.entry(slice).or_default().push(format!("{sum} {}", text(2, row)));
        }
    }
    Ok(billed)
}

fn filter(request: &HistoryRequest) -> String {
    let mut parts = vec!["true".to_owned()];
    if let Some(connection) = &request.connection {
        parts.push(format!("x_Connection = {}", quoted(connection)));
    }
    if let Some(period) = &request.period {
        parts.push(format!("x_BillingPeriod = {}", quoted(period)));
    }
    parts.join(" AND ")
}

fn slices(batches: &[RecordBatch]) -> Vec<(String, String, String, i64)> {
    let mut slices = Vec::new();
    for batch in batches {
        let text = |name: &str, row: usize| {
            let column = batch.column_by_name(name).map(AsArray::as_string::<i32>);
            column.map_or_else(String::new, |column| column.value(row).to_owned())
        };
        let times = batch.column_by_name("x_RecordedAt");
        let times = times.map(AsArray::as_primitive::<arrow::datatypes::TimestampMicrosecondType>);
        for row in 0..batch.num_rows() {
            let at = times.map_or(0, |times| times.value(row));
            let names = ["x_Connection", "x_BillingPeriod", "x_Revision"].map(|n| text(n, row));
            let [connection, period, revision] = names;
            slices.push((connection, period, revision, at));
        }
    }
    slices
}

fn totals(batches: &[RecordBatch]) -> Vec<(String, i128, i128)> {
    let mut totals = Vec::new();
    for batch in batches {
        let currency = batch.column(0).as_string::<i32>();
        let money = |column: usize, row: usize| {
            let array = batch.column(column).as_primitive::<Decimal128Type>();
            if array.is_valid(row) { array.value(row) } else { 0 }
        };
        for row in 0..batch.num_rows() {
            totals.push((currency.value(row).to_owned(), money(1, row), money(2, row)));
        }
    }
    totals
}
