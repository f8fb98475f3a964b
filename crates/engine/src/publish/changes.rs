//! What one delivery wrote into a ledger, some days or hours at a time.

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Decimal128Type, Int64Type};
use billhook_lake::LakeError;
use billhook_lake::session::LakeSession;
use billhook_lake::spec::{CHANGE_KEYS, CHANGE_SUMS};
use billhook_stream::facts::ChargeTime;
use billhook_stream::settings::Granularity;

use super::deliveries::Delivery;
use super::times;
use crate::sql_names::quoted;

/// Rows that are read at a time; a day or hour is never cut, so it may be more.
const ROWS: usize = 20_000;

/// Some days or hours of a delivery's rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    /// The number of its first row among those of the delivery, from 0.
    pub(super) start: usize,
    /// How many rows it has.
    pub(super) rows: usize,
    /// First day or hour, as [`times::number`] has it.
    first: i64,
    /// Last day or hour.
    last: i64,
}

/// The rows of a span, in order.
#[derive(Debug)]
pub(super) struct Rows {
    pub(super) span: Span,
    granularity: Granularity,
    batches: Vec<RecordBatch>,
}

/// The sums of a change, units of 10⁻¹⁸.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Sums {
    pub(super) old: i128,
    pub(super) new: i128,
    pub(super) difference: i128,
}

/// A row: what a delivery changed for one day or hour, account, service and so on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) time: ChargeTime,
    /// In the order of [`CHANGE_KEYS`].
    pub(super) keys: [Option<String>; CHANGE_KEYS.len()],
    /// In the order of [`CHANGE_SUMS`].
    pub(super) sums: [Sums; CHANGE_SUMS.len()],
    /// Is it the first figure for these keys?
    pub(super) is_first: bool,
    /// Did the delivery that was replaced move it, too?
    pub(super) moved_before: bool,
}

/// The days or hours of a delivery's rows, put together to spans.
///
/// # Errors
/// When the lake cannot be read.
pub(super) async fn spans(
    session: &LakeSession,
    delivery: &Delivery,
    granularity: Granularity,
) -> Result<Vec<Span>, LakeError> {
    let (table, time) = times::ledger(granularity);
    let sql = format!(
        "SELECT {time}, COUNT(*) FROM {table} WHERE {} AND {} GROUP BY 1 ORDER BY 1",
        of_slice(delivery),
        by(delivery)
    );
    let mut found = Vec::new();
    for batch in session.query(&sql).await? {
        let counts = batch.column(1).as_primitive::<Int64Type>();
        for row in 0..batch.num_rows() {
            let rows = usize::try_from(counts.value(row)).unwrap_or_default();
            found.push((times::number(batch.column(0), row), rows));
        }
    }
    Ok(together(&found))
}

/// Days or hours with so many rows each, put together.
fn together(times: &[(i64, usize)]) -> Vec<Span> {
    let mut spans: Vec<Span> = Vec::new();
    for &(time, rows) in times {
        match spans.last_mut() {
            Some(span) if span.rows + rows <= ROWS => {
                span.rows += rows;
                span.last = time;
            }
            last => {
                let start = last.map_or(0, |span| span.start + span.rows);
                spans.push(Span { start, rows, first: time, last: time });
            }
        }
    }
    spans
}

/// Reads the rows of a span. Whether a row is the first of its keys, and was moved before, is what
/// the ledger tells of earlier deliveries: whoever reads it, and whenever, finds the same.
///
/// # Errors
/// When the lake cannot be read.
pub(super) async fn read(
    session: &LakeSession,
    delivery: &Delivery,
    replaced: Option<&Delivery>,
    granularity: Granularity,
    span: Span,
) -> Result<Rows, LakeError> {
    let (table, time) = times::ledger(granularity);
    let keys = CHANGE_KEYS.join(", ");
    let mine = by(delivery);
    let before = replaced.map_or_else(|| "false".to_owned(), by);
    let sums: Vec<String> = CHANGE_SUMS
        .iter()
        .flat_map(|sum| ["Old", "New", "Difference"].map(|which| format!("{sum}{which}")))
        .map(|column| format!("MAX(CASE WHEN {mine} THEN {column} END) AS {column}"))
        .collect();
    let order: Vec<String> = CHANGE_KEYS.iter().map(|key| format!("{key} NULLS FIRST")).collect();
    let sql = format!(
        "SELECT {time}, {keys}, {}, \
         COUNT(CASE WHEN CAST(x_RecordedAt AS BIGINT) < {at} THEN 1 END) AS earlier, \
         COUNT(CASE WHEN {before} THEN 1 END) AS moved \
         FROM {table} WHERE {} AND CAST(x_RecordedAt AS BIGINT) <= {at} \
         AND {time} >= {} AND {time} <= {} \
         GROUP BY {time}, {keys} HAVING COUNT(CASE WHEN {mine} THEN 1 END) > 0 \
         ORDER BY {time}, {}",
        sums.join(", "),
        of_slice(delivery),
        times::literal(granularity, span.first),
        times::literal(granularity, span.last),
        order.join(", "),
        at = delivery.recorded_at,
    );
    Ok(Rows { span, granularity, batches: session.query(&sql).await? })
}

/// SQL: rows of the delivery's slice.
pub(super) fn of_slice(delivery: &Delivery) -> String {
    let (connection, period) = (quoted(&delivery.connection), quoted(&delivery.period));
    format!("x_Connection = {connection} AND x_BillingPeriod = {period}")
}

/// SQL: rows that the delivery wrote, among those of its slice.
pub(super) fn by(delivery: &Delivery) -> String {
    let (revision, at) = (quoted(&delivery.revision), delivery.recorded_at);
    format!("(x_Revision = {revision} AND CAST(x_RecordedAt AS BIGINT) = {at})")
}

impl Rows {
    /// A row by its number in the span.
    pub(super) fn get(&self, number: usize) -> Option<Change> {
        let mut row = number;
        for batch in &self.batches {
            if row < batch.num_rows() {
                return Some(change(batch, row, self.granularity));
            }
            row -= batch.num_rows();
        }
        None
    }
}

fn change(batch: &RecordBatch, row: usize, granularity: Granularity) -> Change {
    let text = |column: usize| {
        let array = batch.column(column).as_string::<i32>();
        array.is_valid(row).then(|| array.value(row).to_owned())
    };
    let money = |column: usize| {
        let array = batch.column(column).as_primitive::<Decimal128Type>();
        if array.is_valid(row) { array.value(row) } else { 0 }
    };
    let count = |column: usize| batch.column(column).as_primitive::<Int64Type>().value(row);
    let after_keys = 1 + CHANGE_KEYS.len();
    let after_sums = after_keys + 3 * CHANGE_SUMS.len();
    let sums = std::array::from_fn(|sum| {
        let column = after_keys + 3 * sum;
        Sums { old: money(column), new: money(column + 1), difference: money(column + 2) }
    });
    Change {
        time: times::charge_time(granularity, times::number(batch.column(0), row)),
        keys: std::array::from_fn(|key| text(1 + key)),
        sums,
        is_first: count(after_sums) == 0,
        moved_before: count(after_sums + 1) > 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_put_together_and_never_cut() {
        assert!(together(&[]).is_empty());
        let days = [(10, ROWS - 5), (11, 5), (12, 1), (13, ROWS + 7), (14, 2)];
        let spans = together(&days);
        let shown: Vec<_> = spans.iter().map(|s| (s.start, s.rows, s.first, s.last)).collect();
        let expected = [
            (0, ROWS, 10, 11),
            (ROWS, 1, 12, 12),
            (ROWS + 1, ROWS + 7, 13, 13),
            (2 * ROWS + 8, 2, 14, 14),
        ];
        assert_eq!(shown, expected);
    }
}
