//! How two states of a month differ: what was believed after one delivery, and after a later one.
//!
//! Both follow from the ledger alone: the differences up to a moment add up to what was believed
//! then (INV-HIST). So any two deliveries can be compared.

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Date32Type, Decimal128Type};
use billhook_lake::LakeError;
use billhook_lake::session::LakeSession;
use billhook_lake::spec::{CHANGE_KEYS, CHANGE_SUMS};
use chrono::NaiveDate;
use futures::stream::{BoxStream, StreamExt};

use crate::EngineError;
use crate::export::{csv_cell, plain_cell};
use crate::sql_names::quoted;

/// Two states of a month.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Between {
    /// Connection.
    pub connection: String,
    /// Billing period, YYYY-MM.
    pub period: String,
    /// When the older delivery was loaded, microseconds since 1970 UTC; `None` for before the
    /// first.
    pub after: Option<i64>,
    /// When the newer one was loaded.
    pub until: i64,
}

/// What changes are told by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ChangedBy {
    /// Service, account and charge category together.
    #[default]
    Group,
    /// Day.
    Day,
    /// Service.
    Service,
    /// Account.
    Account,
    /// Charge category.
    Category,
}

/// A group that changed. What it is not told by is `None`, as is what its lines lack.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changed {
    /// ISO 4217 code.
    pub currency: String,
    /// Day of the charges.
    pub day: Option<NaiveDate>,
    /// `ServiceName`.
    pub service: Option<String>,
    /// `SubAccountId`.
    pub account: Option<String>,
    /// `ChargeCategory`.
    pub category: Option<String>,
    /// Σ `BilledCost` before, units of 10⁻¹⁸.
    pub old: i128,
    /// Σ `BilledCost` after.
    pub new: i128,
}

impl ChangedBy {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Group, Self::Day, Self::Service, Self::Account, Self::Category];

    /// `group`, `day`, `service`, `account` or `category`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Group => "group",
            Self::Day => "day",
            Self::Service => "service",
            Self::Account => "account",
            Self::Category => "category",
        }
    }

    fn columns(self) -> &'static [&'static str] {
        match self {
            Self::Group => &["ServiceName", "SubAccountId", "ChargeCategory"],
            Self::Day => &["ChargeDate"],
            Self::Service => &["ServiceName"],
            Self::Account => &["SubAccountId"],
            Self::Category => &["ChargeCategory"],
        }
    }
}

impl Changed {
    /// By how much, units of 10⁻¹⁸.
    #[must_use]
    pub fn change(&self) -> i128 {
        self.new.saturating_sub(self.old)
    }
}

impl Between {
    /// SQL: rows of the month up to the newer delivery.
    fn rows(&self) -> String {
        format!(
            "x_Connection = {} AND x_BillingPeriod = {} AND {AT} <= {}",
            quoted(&self.connection),
            quoted(&self.period),
            self.until
        )
    }

    /// SQL: rows that the older state knows. No delivery was loaded before 1970.
    fn is_old(&self) -> String {
        format!("{AT} <= {}", self.after.unwrap_or(-1))
    }
}

const AT: &str = "CAST(x_RecordedAt AS BIGINT)";

/// What differs, the largest differences first; days by date.
///
/// # Errors
/// When the lake cannot be read.
pub async fn difference_in(
    session: &LakeSession,
    between: &Between,
    by: ChangedBy,
) -> Result<Vec<Changed>, EngineError> {
    let columns = by.columns();
    let keys = columns.join(", ");
    let sql = format!(
        "SELECT BillingCurrency, {keys}, \
         SUM(CASE WHEN {} THEN BilledCostDifference END) AS old, SUM(BilledCostDifference) AS new \
         FROM changes WHERE {} GROUP BY BillingCurrency, {keys}",
        between.is_old(),
        between.rows(),
    );
    let mut found = Vec::new();
    for batch in session.query(&sql).await? {
        let sums = (money(&batch, columns.len() + 1), money(&batch, columns.len() + 2));
        for (row, (old, new)) in sums.0.into_iter().zip(sums.1).enumerate() {
            if old == new {
                continue;
            }
            let currency = text(&batch, 0, row).unwrap_or_default();
            let mut changed = Changed { currency, old, new, ..Changed::default() };
            for (at, column) in columns.iter().enumerate() {
                match *column {
                    "ChargeDate" => changed.day = day(&batch, at + 1, row),
                    "ServiceName" => changed.service = text(&batch, at + 1, row),
                    "SubAccountId" => changed.account = text(&batch, at + 1, row),
                    _ => changed.category = text(&batch, at + 1, row),
                }
            }
            found.push(changed);
        }
    }
    found.sort_by(|a, b| {
        let size = |one: &Changed| std::cmp::Reverse(one.change().unsigned_abs());
        let size = if by == ChangedBy::Day { a.day.cmp(&b.day) } else { size(a).cmp(&size(b)) };
        let names = |one: &Changed| {
            (one.currency.clone(), one.service.clone(), one.account.clone(), one.category.clone())
        };
        size.then_with(|| names(a).cmp(&names(b)))
    });
    Ok(found)
}

/// The first and the last day that differ in an amount; `None` when none does.
///
/// # Errors
/// When the lake cannot be read.
pub async fn days_in(
    session: &LakeSession,
    between: &Between,
) -> Result<Option<(NaiveDate, NaiveDate)>, EngineError> {
    let sql = format!(
        "SELECT MIN(ChargeDate), MAX(ChargeDate) FROM changes WHERE {} AND NOT ({}) \
         AND BilledCostOld <> BilledCostNew",
        between.rows(),
        between.is_old(),
    );
    let batches = session.query(&sql).await?;
    let found = batches.iter().filter(|batch| batch.num_rows() > 0).find_map(|batch| {
        let (first, last) = (day(batch, 0, 0)?, day(batch, 1, 0)?);
        Some((first, last))
    });
    Ok(found)
}

/// Everything that differs, by day and all keys of the ledger, as lines of CSV with all digits and
/// a header. With `is_safe` no name is a formula for a spreadsheet.
///
/// # Errors
/// When the lake cannot be read.
pub async fn difference_csv_in(
    session: &LakeSession,
    between: &Between,
    is_safe: bool,
) -> Result<BoxStream<'static, Result<String, EngineError>>, EngineError> {
    let keys = CHANGE_KEYS.join(", ");
    let sums = CHANGE_SUMS.map(|sum| {
        format!(
            "SUM(CASE WHEN {} THEN {sum}Difference END) AS {sum}Old, \
             SUM({sum}Difference) AS {sum}New",
            between.is_old()
        )
    });
    let sql = format!(
        "SELECT ChargeDate, {keys}, {} FROM changes WHERE {} GROUP BY ChargeDate, {keys} \
         HAVING COUNT(CASE WHEN NOT ({}) THEN 1 END) > 0 ORDER BY ChargeDate, {keys}",
        sums.join(", "),
        between.rows(),
        between.is_old(),
    );
    let batches = session.rows(&sql).await?;
    let lines = batches.map(move |batch| match batch {
        Ok(batch) => Ok(csv(&batch, is_safe)),
        Err(error) => Err(EngineError::Lake(LakeError::from(error))),
    });
    Ok(futures::stream::iter([Ok(header())]).chain(lines).boxed())
}

fn header() -> String {
    let sums = CHANGE_SUMS
        .iter()
        .flat_map(|sum| ["Old", "New", "Difference"].map(|which| format!("{sum}{which}")));
    let keys = CHANGE_KEYS.iter().map(|key| (*key).to_owned());
    let names = std::iter::once("ChargeDate".to_owned()).chain(keys).chain(sums);
    names.collect::<Vec<_>>().join(",") + "\r\n"
}

fn csv(batch: &RecordBatch, is_safe: bool) -> String {
    let first = 1 + CHANGE_KEYS.len();
    let sums: Vec<Vec<i128>> =
        (first..batch.num_columns()).map(|column| money(batch, column)).collect();
    let mut lines = String::new();
    for row in 0..batch.num_rows() {
        let day = day(batch, 0, row).map_or_else(String::new, |day| day.to_string());
        lines.push_str(&day);
        for column in 1..first {
            lines.push(',');
            lines.push_str(&cell(&text(batch, column, row).unwrap_or_default(), is_safe));
        }
        for pair in sums.chunks(2) {
            let of = |at: usize| {
                pair.get(at).and_then(|sums| sums.get(row)).copied().unwrap_or_default()
            };
            for units in [of(0), of(1), of(1).saturating_sub(of(0))] {
                lines.push(',');
                lines.push_str(&billhook_money::format(units));
            }
        }
        lines.push_str("\r\n");
    }
    lines
}

/// A text as a cell (RFC 4180).
fn cell(text: &str, is_safe: bool) -> String {
    if is_safe { csv_cell(text) } else { plain_cell(text) }
}

fn text(batch: &RecordBatch, column: usize, row: usize) -> Option<String> {
    let array = batch.column(column).as_string::<i32>();
    array.is_valid(row).then(|| array.value(row).to_owned())
}

fn day(batch: &RecordBatch, column: usize, row: usize) -> Option<NaiveDate> {
    let array = batch.column(column).as_primitive::<Date32Type>();
    array.is_valid(row).then(|| Date32Type::to_naive_date_opt(array.value(row))).flatten()
}

/// The amounts of a column; what is not there is 0.
fn money(batch: &RecordBatch, column: usize) -> Vec<i128> {
    let array = batch.column(column).as_primitive::<Decimal128Type>();
    array.iter().map(Option::unwrap_or_default).collect()
}

#[cfg(test)]
mod tests {
    use super::{cell, header};

    #[test]
    fn cells_are_quoted_and_formulas_disarmed() {
        assert_eq!(cell("a,b", false), "\"a,b\"");
        assert_eq!(cell("say \"hi\"", false), "\"say \"\"hi\"\"\"");
        assert_eq!(cell("=1+1", false), "=1+1");
        assert_eq!(cell("=1+1", true), "'=1+1");
        assert_eq!(header().matches(',').count() + 1, 1 + 5 + 9);
    }
}
