//! What a connection has delivered, row by row of `deliveries`, with what each one changed.

use std::collections::BTreeMap;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Decimal128Type, Int64Type, TimestampMicrosecondType};
use billhook_lake::session::LakeSession;

use crate::EngineError;
use crate::sql_names::quoted;

/// Amounts by currency, units of 10⁻¹⁸.
pub type Sums = BTreeMap<String, i128>;

/// A delivery that was loaded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Delivered {
    /// Billing period, YYYY-MM.
    pub period: String,
    /// Revision.
    pub revision: String,
    /// The revision that it replaced.
    pub previous: Option<String>,
    /// When it was loaded, microseconds since 1970 UTC.
    pub recorded_at: i64,
    /// Kind of report.
    pub kind: String,
    /// Where its first file lay.
    pub location: String,
    /// State of the month then: open, estimated, final, reopened.
    pub state: String,
    /// hourly, daily, monthly or unknown.
    pub granularity: String,
    /// Billing accounts in it.
    pub accounts: Vec<String>,
    /// Rows as read.
    pub line_items: u64,
    /// Rows stored, second rows and adjustments included.
    pub stored_rows: u64,
    /// Of these, rows that FOCUS leaves out.
    pub excluded_rows: u64,
    /// Rows set aside because they cannot be read.
    pub quarantined_rows: u64,
    /// Rows that name a resource.
    pub resource_rows: u64,
    /// Files.
    pub files: u64,
    /// Bytes of text in them.
    pub text_bytes: u64,
    /// Σ `BilledCost`.
    pub billed: Sums,
    /// Sums of the source's own columns, by column.
    pub sums: BTreeMap<String, Sums>,
    /// Columns that nobody knows.
    pub unknown_columns: Vec<String>,
}

/// What identifies a delivery of a connection: period, revision, time.
pub type Place = (String, String, i64);

impl Delivered {
    /// What identifies it.
    #[must_use]
    pub fn place(&self) -> Place {
        (self.period.clone(), self.revision.clone(), self.recorded_at)
    }
}

const COLUMNS: &str = "x_BillingPeriod, x_Revision, x_PreviousRevision, x_RecordedAt, Kind, \
     Location, State, Granularity, BillingAccountIds, LineItems, StoredRows, ExcludedRows, \
     QuarantinedRows, ResourceRows, Files, TextBytes, BilledCosts, Sums, UnknownColumns";

/// Everything that a connection has delivered, the newest first.
///
/// # Errors
/// When the lake cannot be read.
pub async fn delivered_in(
    session: &LakeSession,
    connection: &str,
) -> Result<Vec<Delivered>, EngineError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM deliveries WHERE x_Connection = {} \
         ORDER BY x_RecordedAt DESC, x_BillingPeriod DESC, x_Revision",
        quoted(connection)
    );
    Ok(session.query(&sql).await?.iter().flat_map(rows).collect())
}

/// Of the deliveries the last one of each month, the newest month first.
#[must_use]
pub fn months(delivered: &[Delivered]) -> Vec<&Delivered> {
    let mut last: BTreeMap<&str, &Delivered> = BTreeMap::new();
    for one in delivered {
        let kept = last.entry(one.period.as_str()).or_insert(one);
        if one.recorded_at > kept.recorded_at {
            *kept = one;
        }
    }
    last.into_values().rev().collect()
}

/// By how much each delivery of a connection since a time changed Σ `BilledCost`. Those that
/// changed nothing are not in it.
///
/// # Errors
/// When the lake cannot be read.
pub async fn changed_in(
    session: &LakeSession,
    connection: &str,
    since: i64,
) -> Result<BTreeMap<Place, Sums>, EngineError> {
    let sql = format!(
        "SELECT x_BillingPeriod, x_Revision, CAST(x_RecordedAt AS BIGINT), BillingCurrency, \
         SUM(BilledCostDifference) FROM changes WHERE x_Connection = {} \
         AND CAST(x_RecordedAt AS BIGINT) >= {since} GROUP BY 1, 2, 3, 4",
        quoted(connection)
    );
    let mut changed: BTreeMap<Place, Sums> = BTreeMap::new();
    for batch in session.query(&sql).await? {
        let times = batch.column(2).as_primitive::<Int64Type>();
        let sums = batch.column(4).as_primitive::<Decimal128Type>();
        for row in (0..batch.num_rows()).filter(|row| sums.is_valid(*row)) {
            let place = (text(&batch, 0, row), text(&batch, 1, row), times.value(row));
            let sum = sums.value(row);
            if sum != 0 {
                changed.entry(place).or_default().insert(text(&batch, 3, row), sum);
            }
        }
    }
    Ok(changed)
}

/// What accounts are called, as Organizations has it; those without a name are not in it.
///
/// # Errors
/// When the lake cannot be read.
pub async fn account_names_in(
    session: &LakeSession,
    accounts: &[String],
) -> Result<BTreeMap<String, String>, EngineError> {
    let mut names = BTreeMap::new();
    if accounts.is_empty() {
        return Ok(names);
    }
    let ids: Vec<String> = accounts.iter().map(|id| format!("({})", quoted(id))).collect();
    let sql = format!("SELECT id, account_name(id) FROM (VALUES {}) AS known(id)", ids.join(", "));
    for batch in session.query(&sql).await? {
        for row in 0..batch.num_rows() {
            let name = text(&batch, 1, row);
            if !name.is_empty() {
                names.insert(text(&batch, 0, row), name);
            }
        }
    }
    Ok(names)
}

/// The connections whose rows count in place of this one's, in the newest month that it has.
#[must_use]
pub fn counted_by(session: &LakeSession, connection: &str) -> Vec<String> {
    let own = || session.claims.iter().filter(|claim| claim.connection == connection);
    let Some(newest) = own().map(|claim| claim.period.as_str()).max() else {
        return Vec::new();
    };
    let of_newest = own().filter(|claim| claim.period == newest);
    let mut others: Vec<String> = of_newest
        .filter_map(|claim| session.authorities.get(&(claim.account.clone(), claim.period.clone())))
        .filter(|authority| authority.as_str() != connection)
        .cloned()
        .collect();
    others.sort();
    others.dedup();
    others
}

fn text(batch: &RecordBatch, column: usize, row: usize) -> String {
    let array = batch.column(column).as_string::<i32>();
    if array.is_valid(row) { array.value(row).to_owned() } else { String::new() }
}

fn rows(batch: &RecordBatch) -> Vec<Delivered> {
    let text = |column: usize, row: usize| text(batch, column, row);
    let number = |column: usize, row: usize| {
        let array = batch.column(column).as_primitive::<Int64Type>();
        let value = if array.is_valid(row) { array.value(row) } else { 0 };
        u64::try_from(value).unwrap_or_default()
    };
    let list = |column: usize, row: usize| {
        serde_json::from_str::<Vec<String>>(&text(column, row)).unwrap_or_default()
    };
    let times = batch.column(3).as_primitive::<TimestampMicrosecondType>();
    let row = |row: usize| Delivered {
        period: text(0, row),
        revision: text(1, row),
        previous: Some(text(2, row)).filter(|previous| !previous.is_empty()),
        recorded_at: if times.is_valid(row) { times.value(row) } else { 0 },
        kind: text(4, row),
        location: text(5, row),
        state: text(6, row),
        granularity: text(7, row),
        accounts: list(8, row),
        line_items: number(9, row),
        stored_rows: number(10, row),
        excluded_rows: number(11, row),
        quarantined_rows: number(12, row),
        resource_rows: number(13, row),
        files: number(14, row),
        text_bytes: number(15, row),
        billed: amounts(serde_json::from_str(&text(16, row)).unwrap_or_default()),
        sums: serde_json::from_str::<BTreeMap<String, BTreeMap<String, String>>>(&text(17, row))
            .unwrap_or_default()
            .into_iter()
            .map(|(column, sums)| (column, amounts(sums)))
            .collect(),
        unknown_columns: list(18, row),
    };
    (0..batch.num_rows()).map(row).collect()
}

/// Decimal texts by currency as amounts.
pub(crate) fn amounts(texts: BTreeMap<String, String>) -> Sums {
    let amount = |(currency, text): (String, String)| {
        let parsed = billhook_money::parse(text.as_bytes()).ok()?;
        Some((currency, parsed.units))
    };
    texts.into_iter().filter_map(amount).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(period: &str, revision: &str, recorded_at: i64) -> Delivered {
        Delivered {
            period: period.to_owned(),
            revision: revision.to_owned(),
            recorded_at,
            ..Delivered::default()
        }
    }

    #[test]
    fn the_last_delivery_of_a_month_says_how_it_is() {
        let all = [one("2026-10", "b", 9), one("2026-11", "c", 8), one("2026-10", "a", 7)];
        let revisions: Vec<&str> = months(&all).iter().map(|one| one.revision.as_str()).collect();
        assert_eq!(revisions, ["c", "b"]);
    }

    #[test]
    fn amounts_keep_their_digits() {
        let texts = BTreeMap::from([("USD".to_owned(), "-412.07".to_owned())]);
        assert_eq!(amounts(texts)["USD"], -412_070_000_000_000_000_000);
    }
}
