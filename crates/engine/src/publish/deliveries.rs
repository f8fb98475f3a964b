//! The deliveries that the lake knows, and what came before each.

use std::collections::{BTreeMap, HashMap};

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Int64Type, TimestampMicrosecondType};
use billhook_lake::LakeError;
use billhook_lake::session::LakeSession;
use billhook_registry::Happening;

/// In the order in which they are told.
const DELIVERIES: &str = "SELECT x_Connection, x_BillingPeriod, x_Revision, x_PreviousRevision, \
     x_RecordedAt, Kind, State, Granularity, BillingAccountIds, LineItems, StoredRows, \
     ExcludedRows, QuarantinedRows, Files, BilledCosts, Sums, UnknownColumns FROM deliveries \
     ORDER BY x_RecordedAt, x_Connection, x_BillingPeriod, x_Revision";

/// A row of `deliveries`, as far as events tell it.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Delivery {
    pub(super) connection: String,
    pub(super) period: String,
    pub(super) revision: String,
    /// The revision that it replaced.
    pub(super) previous: Option<String>,
    /// Microseconds since 1970 UTC.
    pub(super) recorded_at: i64,
    pub(super) kind: String,
    pub(super) state: String,
    pub(super) granularity: String,
    pub(super) accounts: Vec<String>,
    pub(super) line_items: i64,
    pub(super) stored_rows: i64,
    pub(super) excluded_rows: i64,
    pub(super) quarantined_rows: i64,
    pub(super) files: i64,
    /// Σ `BilledCost` by currency, decimal texts.
    pub(super) billed: BTreeMap<String, String>,
    /// Sums of the source's columns by column and currency, decimal texts.
    pub(super) sums: BTreeMap<String, BTreeMap<String, String>>,
    pub(super) unknown_columns: Vec<String>,
}

/// Connection, period, revision, time.
type Key = (String, String, String, i64);

/// All deliveries of a lake.
#[derive(Debug, Default)]
pub(super) struct Deliveries {
    all: Vec<Delivery>,
    places: HashMap<Key, usize>,
}

impl Deliveries {
    /// Reads them.
    ///
    /// # Errors
    /// When the lake cannot be read.
    pub(super) async fn read(session: &LakeSession) -> Result<Self, LakeError> {
        let batches = session.query(DELIVERIES).await?;
        Ok(Self::of(batches.iter().flat_map(rows).collect()))
    }

    fn of(all: Vec<Delivery>) -> Self {
        let places = all.iter().enumerate().map(|(place, one)| (key(one), place)).collect();
        Self { all, places }
    }

    /// All of them, the oldest first.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Delivery> {
        self.all.iter()
    }

    /// The delivery that a happening is about.
    pub(super) fn find(&self, happening: &Happening) -> Option<&Delivery> {
        let Happening { connection, period, revision, recorded_at, .. } = happening;
        let key = (connection.clone(), period.clone(), revision.clone(), *recorded_at);
        self.places.get(&key).and_then(|place| self.all.get(*place))
    }

    /// The delivery of the same slice that it replaced.
    pub(super) fn replaced_by(&self, delivery: &Delivery) -> Option<&Delivery> {
        let previous = delivery.previous.as_deref()?;
        self.before(delivery).find(|one| {
            one.connection == delivery.connection
                && one.period == delivery.period
                && one.revision == previous
        })
    }

    /// The delivery of the same connection before it, of whatever month.
    pub(super) fn preceding(&self, delivery: &Delivery) -> Option<&Delivery> {
        self.before(delivery).find(|one| one.connection == delivery.connection)
    }

    /// Those before it, the newest first.
    fn before(&self, delivery: &Delivery) -> impl Iterator<Item = &Delivery> {
        let end = self.places.get(&key(delivery)).copied().unwrap_or_default();
        self.all.iter().take(end).rev()
    }
}

fn key(delivery: &Delivery) -> Key {
    let Delivery { connection, period, revision, recorded_at, .. } = delivery;
    (connection.clone(), period.clone(), revision.clone(), *recorded_at)
}

fn rows(batch: &RecordBatch) -> Vec<Delivery> {
    let text = |column: usize, row: usize| {
        let array = batch.column(column).as_string::<i32>();
        array.is_valid(row).then(|| array.value(row).to_owned())
    };
    let known = |column: usize, row: usize| text(column, row).unwrap_or_default();
    let number = |column: usize, row: usize| {
        let array = batch.column(column).as_primitive::<Int64Type>();
        if array.is_valid(row) { array.value(row) } else { 0 }
    };
    let list = |column: usize, row: usize| {
        serde_json::from_str::<Vec<String>>(&known(column, row)).unwrap_or_default()
    };
    let times = batch.column(4).as_primitive::<TimestampMicrosecondType>();
    let row = |row: usize| Delivery {
        connection: known(0, row),
        period: known(1, row),
        revision: known(2, row),
        previous: text(3, row),
        recorded_at: if times.is_valid(row) { times.value(row) } else { 0 },
        kind: known(5, row),
        state: known(6, row),
        granularity: known(7, row),
        accounts: list(8, row),
        line_items: number(9, row),
        stored_rows: number(10, row),
        excluded_rows: number(11, row),
        quarantined_rows: number(12, row),
        files: number(13, row),
        billed: serde_json::from_str(&known(14, row)).unwrap_or_default(),
        sums: serde_json::from_str(&known(15, row)).unwrap_or_default(),
        unknown_columns: list(16, row),
    };
    (0..batch.num_rows()).map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delivery(period: &str, revision: &str, previous: Option<&str>, at: i64) -> Delivery {
        Delivery {
            connection: "acme".to_owned(),
            period: period.to_owned(),
            revision: revision.to_owned(),
            previous: previous.map(str::to_owned),
            recorded_at: at,
            ..Delivery::default()
        }
    }

    #[test]
    fn what_came_before_is_found_also_when_a_revision_comes_back() {
        let all = vec![
            delivery("2026-08", "a", None, 1),
            delivery("2026-09", "x", None, 1),
            delivery("2026-08", "b", Some("a"), 2),
            delivery("2026-08", "a", Some("b"), 3),
            delivery("2026-08", "c", Some("a"), 4),
        ];
        let deliveries = Deliveries::of(all.clone());
        assert_eq!(deliveries.replaced_by(&all[0]), None);
        assert_eq!(deliveries.replaced_by(&all[3]), Some(&all[2]));
        assert_eq!(deliveries.replaced_by(&all[4]), Some(&all[3]));
        assert_eq!(deliveries.preceding(&all[0]), None);
        assert_eq!(deliveries.preceding(&all[1]), Some(&all[0]));
        assert_eq!(deliveries.preceding(&all[2]), Some(&all[1]));
    }
}
