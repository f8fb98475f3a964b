//! `history`: deliveries that were loaded, and what each one changed.

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::Decimal128Type;
use billhook_lake::Lake;
use billhook_lake::session::LakeSession;

use crate::EngineError;
use crate::sql_names::quoted;

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
    let session = LakeSession::open(lake, None).await?;
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
    let mut notes = Vec::new();
    for (connection, period) in &session.left_out {
        let is_asked = request.connection.as_ref().is_none_or(|c| c == connection)
            && request.period.as_ref().is_none_or(|p| p == period);
        if is_asked {
            let would_add = would_add(&session, connection, period).await?;
            notes.push(format!(
                "note: {connection} {period} is left out of costs: another connection covers the \
                 same billing account; it would add {would_add} and stays in cost_and_usage"
            ));
        }
    }
    Ok(History { deliveries, changes, notes })
}

/// What a slice that is left out would add to `costs`, per currency.
async fn would_add(
    session: &LakeSession,
    connection: &str,
    period: &str,
) -> Result<String, EngineError> {
    let sql = format!(
        "SELECT BillingCurrency, SUM(BilledCost), SUM(BilledCost) AS again FROM cost_daily \
         WHERE x_Connection = {} AND x_BillingPeriod = {} AND x_FocusExclusion IS NULL \
         GROUP BY BillingCurrency ORDER BY BillingCurrency",
        quoted(connection),
        quoted(period),
    );
    let totals = totals(&session.query(&sql).await?);
    let amounts: Vec<String> = totals
        .into_iter()
        .map(|(currency, amount, _)| {
            format!("{} {currency}", billhook_money::format_grouped(amount, 2))
        })
        .collect();
    Ok(if amounts.is_empty() { "nothing".to_owned() } else { amounts.join(", ") })
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
