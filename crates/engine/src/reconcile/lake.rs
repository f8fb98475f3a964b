//! The lake's side: whose rows are compared, their sums, and what is known of their delivery.

use std::collections::BTreeMap;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Decimal128Type, Int64Type, TimestampMicrosecondType};
use billhook_lake::LakeError;
use billhook_lake::session::LakeSession;
use billhook_lake::spec::{COST_AND_USAGE, DELIVERIES};
use billhook_money::Overflow;
use billhook_sources::{cost_explorer, kinds};
use serde_json::Value;

use super::metric::{Amounts, Metric};
use crate::sql_names::quoted;
use crate::{EngineError, Home};

/// The kind whose bills may be any provider's.
const ANY_PROVIDER: &str = "focus_files";

/// Whose rows are compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// The connection that the rows are of.
    pub connection: String,
    /// Only rows of this billing account.
    pub account: Option<String>,
    /// Connections whose credentials may ask Cost Explorer, the best first.
    pub asks: Vec<String>,
}

/// Rows that are alike.
#[derive(Debug, Clone)]
pub(super) struct Rows {
    pub(super) account: String,
    pub(super) service: String,
    pub(super) currency: String,
    /// Line item type, else charge category.
    pub(super) record_type: String,
    /// Does FOCUS leave them out?
    pub(super) is_excluded: bool,
    pub(super) lines: i128,
    pub(super) amounts: Amounts,
}

/// What is known of the delivery that stands in the lake.
#[derive(Debug, Clone, Default)]
pub(super) struct Loaded {
    /// open, estimated, final or reopened.
    pub(super) state: String,
    /// When, microseconds since 1970 UTC.
    pub(super) at: i64,
    /// Records set aside.
    pub(super) quarantined_rows: i64,
    /// Unblended cost as read, those records among it, by currency.
    pub(super) read: BTreeMap<String, i128>,
}

/// All of it.
#[derive(Debug)]
pub(super) struct Books {
    pub(super) rows: Vec<Rows>,
    pub(super) loaded: Loaded,
}

/// The subjects of a month (YYYY-MM): the connection called `name`; or what counts in `costs`, by
/// billing account, but for FOCUS files, which may be any provider's.
///
/// # Errors
/// [`EngineError::Nothing`] when there are none, or when the lake cannot be read.
pub async fn subjects(
    home: &Home,
    name: Option<&str>,
    period: &str,
) -> Result<Vec<Subject>, EngineError> {
    let session = LakeSession::open(&home.lake, None).await?;
    let of_month: Vec<_> = session.claims.iter().filter(|claim| claim.period == period).collect();
    if let Some(name) = name {
        if !of_month.iter().any(|claim| claim.connection == name) {
            return Err(EngineError::Nothing(format!(
                "{name} has nothing of {period} in the lake: load it with `billhook sync {name}` \
                 or `billhook import`, then compare"
            )));
        }
        let asks = vec![name.to_owned()];
        return Ok(vec![Subject { connection: name.to_owned(), account: None, asks }]);
    }
    let mut subjects = Vec::new();
    for ((account, own_period), connection) in &session.authorities {
        let rivals = of_month.iter().filter(|claim| claim.account == *account);
        let is_other_provider = |name: &str| {
            let mut own = rivals.clone().filter(|claim| claim.connection == name);
            own.any(|claim| claim.kind == ANY_PROVIDER)
        };
        if own_period != period || is_other_provider(connection) {
            continue;
        }
        let mut asks = vec![connection.clone()];
        for claim in rivals.clone() {
            if !asks.contains(&claim.connection) && !is_other_provider(&claim.connection) {
                asks.push(claim.connection.clone());
            }
        }
        let (connection, account) = (connection.clone(), Some(account.clone()));
        subjects.push(Subject { connection, account, asks });
    }
    if subjects.is_empty() {
        return Err(EngineError::Nothing(format!("the lake has no AWS costs of {period}")));
    }
    Ok(subjects)
}

/// Reads a subject's month.
///
/// # Errors
/// When the lake cannot be read, or a sum does not fit.
pub(super) async fn read(
    home: &Home,
    subject: &Subject,
    period: &str,
) -> Result<Books, EngineError> {
    let session = LakeSession::open(&home.lake, None).await?;
    let mut rows = Vec::new();
    for batch in session.query(&rows_sql(subject, period)).await? {
        read_rows(&batch, &mut rows)?;
    }
    let sql = format!(
        "SELECT State, Kind, Sums, QuarantinedRows, x_RecordedAt FROM {} \
         WHERE x_Connection = {} AND x_BillingPeriod = {} ORDER BY x_RecordedAt DESC LIMIT 1",
        DELIVERIES.name,
        quoted(&subject.connection),
        quoted(period),
    );
    let loaded = session.query(&sql).await?.iter().find_map(loaded).unwrap_or_default();
    Ok(Books { rows, loaded })
}

/// Every row counts, those that FOCUS leaves out too: Cost Explorer adds all of them up. Like it,
/// all taxes are one service.
fn rows_sql(subject: &Subject, period: &str) -> String {
    let sums = Metric::ALL.map(|metric| {
        let value = metric.sql();
        format!("SUM({value}), MIN({value}), MAX({value})")
    });
    let mut condition = format!(
        "x_Connection = {} AND x_BillingPeriod = {}",
        quoted(&subject.connection),
        quoted(period)
    );
    if let Some(account) = &subject.account {
        condition.push_str(" AND BillingAccountId = ");
        condition.push_str(&quoted(account));
    }
    format!(
        "SELECT coalesce(SubAccountId, BillingAccountId) AS account, \
         CASE WHEN ChargeCategory = 'Tax' THEN 'Tax' ELSE ServiceName END AS service, \
         BillingCurrency AS currency, coalesce(x_LineItemType, ChargeCategory) AS record_type, \
         coalesce(x_FocusExclusion, '') AS exclusion, COUNT(*) AS row_count, {} \
         FROM {} WHERE {condition} GROUP BY 1, 2, 3, 4, 5",
        sums.join(", "),
        COST_AND_USAGE.name,
    )
}

/// Columns before the sums.
const KEYS: usize = 5;

fn read_rows(batch: &RecordBatch, rows: &mut Vec<Rows>) -> Result<(), EngineError> {
    let as_type = |column: usize, data_type: &DataType| -> Result<ArrayRef, EngineError> {
        cast(batch.column(column), data_type).map_err(|source| {
            EngineError::Lake(LakeError::Query(datafusion::error::DataFusionError::from(source)))
        })
    };
    let texts =
        (0..KEYS).map(|at| as_type(at, &DataType::Utf8)).collect::<Result<Vec<ArrayRef>, _>>()?;
    let counts = as_type(KEYS, &DataType::Int64)?;
    let counts = counts.as_primitive::<Int64Type>();
    let amount = |column: usize, row: usize| {
        let array = batch.column(column).as_primitive::<Decimal128Type>();
        if array.is_valid(row) { array.value(row) } else { 0 }
    };
    for row in 0..batch.num_rows() {
        let lines = i128::from(counts.value(row));
        let mut amounts = Amounts::default();
        for (index, sum) in amounts.0.iter_mut().enumerate() {
            let first = KEYS + 1 + 3 * index;
            // DataFusion adds decimals without looking for overflow. No partial sum can have left
            // the range when even the largest amount as many times as there are rows does not.
            let largest = amount(first + 1, row).abs().max(amount(first + 2, row).abs());
            let most = largest.checked_mul(lines).filter(|most| *most <= billhook_money::MAX);
            if most.is_none() {
                return Err(EngineError::Lake(Overflow.into()));
            }
            *sum = amount(first, row);
        }
        let text = |at: usize| {
            let array = texts[at].as_string::<i32>();
            if array.is_valid(row) { array.value(row).to_owned() } else { String::new() }
        };
        rows.push(Rows {
            account: text(0),
            service: text(1),
            currency: text(2),
            record_type: text(3),
            is_excluded: !text(4).is_empty(),
            lines,
            amounts,
        });
    }
    Ok(())
}

fn loaded(batch: &RecordBatch) -> Option<Loaded> {
    if batch.num_rows() == 0 {
        return None;
    }
    let text = |name: &str| {
        let array = batch.column_by_name(name).map(AsArray::as_string::<i32>);
        let array = array.filter(|array| array.is_valid(0));
        array.map_or_else(String::new, |array| array.value(0).to_owned())
    };
    let sums: Value = serde_json::from_str(&text("Sums")).unwrap_or_default();
    let quarantined = batch.column_by_name("QuarantinedRows")?.as_primitive::<Int64Type>();
    let at = batch.column_by_name("x_RecordedAt")?.as_primitive::<TimestampMicrosecondType>();
    Some(Loaded {
        state: text("State"),
        at: at.value(0),
        quarantined_rows: quarantined.value(0),
        read: unblended_read(&text("Kind"), &sums),
    })
}

/// The source's unblended cost, by currency; nothing when the kind does not carry it.
fn unblended_read(kind: &str, sums: &Value) -> BTreeMap<String, i128> {
    let mappings = kinds::ALL.iter().copied().chain([&cost_explorer::MAPPING]);
    let carried = mappings.filter(|mapping| mapping.kind == kind).flat_map(|own| own.carried);
    let mut sources = carried.filter(|(_, column)| *column == Metric::Unblended.sql());
    let sums = sources.find_map(|(source, _)| sums[*source].as_object());
    let parsed = sums.into_iter().flatten().filter_map(|(currency, text)| {
        let parsed = billhook_money::parse(text.as_str()?.as_bytes()).ok()?;
        Some((currency.clone(), parsed.units))
    });
    parsed.collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_kind_with_unblended_costs_says_what_was_read() {
        let sums = json!({
            "lineItem/UnblendedCost": { "USD": "1.5", "CNY": "2" },
            "lineItem/BlendedCost": { "USD": "9" },
        });
        let read = unblended_read("cur", &sums);
        let one = billhook_money::ONE;
        let expected = [("CNY".to_owned(), 2 * one), ("USD".to_owned(), 3 * one / 2)];
        assert_eq!(read, BTreeMap::from(expected));
        assert!(unblended_read("focus_files", &sums).is_empty());
        assert!(unblended_read("cur", &Value::Null).is_empty());
    }

    #[test]
    fn texts_are_quoted() {
        let subject = Subject {
            connection: "o'neill".to_owned(),
            account: Some("1'2".to_owned()),
            asks: Vec::new(),
        };
        let sql = rows_sql(&subject, "2026-06");
        assert!(sql.contains("x_Connection = 'o''neill' AND x_BillingPeriod = '2026-06'"), "{sql}");
        assert!(sql.contains("BillingAccountId = '1''2'"), "{sql}");
    }
}
