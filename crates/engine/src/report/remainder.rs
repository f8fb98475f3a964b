//! What the figures of a report leave out, and what to say when there are none.

use std::collections::BTreeMap;

use arrow::array::{Array, AsArray};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use billhook_lake::session::LakeSession;
use billhook_money::Sum;
use chrono::NaiveDate;

use crate::EngineError;
use crate::period::{self, DayRange};
use crate::report::fold::Ledger;
use crate::report::keys::{Key, NONE, nearest};
use crate::report::query::{Name, Plan, Sums};
use crate::report::{Scope, usual_range};

/// FOCUS rows of a slice that do not count, because another connection covers the same bill.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// The connection whose rows do not count.
    pub connection: String,
    /// Billing period, YYYY-MM.
    pub billing_period: String,
    /// ISO 4217 code.
    pub currency: String,
    /// How many rows.
    pub rows: u64,
    /// Their sum, units of 10⁻¹⁸, in the report's metric.
    pub amount: i128,
}

/// Rows that the FOCUS view leaves out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Excluded {
    /// Why (`x_FocusExclusion`).
    pub reason: String,
    /// ISO 4217 code.
    pub currency: String,
    /// How many rows.
    pub rows: u64,
    /// Their `x_UnblendedCost`, units of 10⁻¹⁸.
    pub unblended_cost: i128,
}

const SLICE: [&str; 2] = ["\"x_Connection\"", "\"x_BillingPeriod\""];

/// Rows in the period, under the same filters, that the figures leave out.
pub(super) async fn remainder(
    session: &LakeSession,
    plan: &Plan<'_>,
    range: DayRange,
) -> Result<(Vec<LeftOut>, Vec<Excluded>), EngineError> {
    if plan.request().scope == Scope::All {
        return Ok((Vec::new(), Vec::new()));
    }
    Ok((left_out(session, plan, range).await?, excluded(session, plan, range).await?))
}

/// Every FOCUS row less those that the view has, by slice.
async fn left_out(
    session: &LakeSession,
    plan: &Plan<'_>,
    range: DayRange,
) -> Result<Vec<LeftOut>, EngineError> {
    if session.left_out.is_empty() {
        return Ok(Vec::new());
    }
    let keys = SLICE.map(str::to_owned);
    let counting = Sums { keys: &keys, ..plan.of(range) };
    let focus = Some("\"x_FocusExclusion\" IS NULL");
    let all = Sums { scope: Scope::All, also: focus, ..counting };
    let mut slices: BTreeMap<Vec<String>, (i128, u64)> = BTreeMap::new();
    for (name, cell) in plan.sums(session, &all).await?.sums() {
        slices.insert(names(name), (cell.units, cell.lines));
    }
    for (name, cell) in plan.sums(session, &counting).await?.sums() {
        let slice = slices.entry(names(name)).or_default();
        slice.0 -= cell.units;
        slice.1 = slice.1.saturating_sub(cell.lines);
    }
    let rest = slices.into_iter().filter(|(_, (amount, rows))| *amount != 0 || *rows > 0);
    Ok(rest
        .filter_map(|(names, (amount, rows))| {
            let [connection, billing_period, currency] = names.try_into().ok()?;
            Some(LeftOut { connection, billing_period, currency, rows, amount })
        })
        .collect())
}

/// Connection, billing period (or whatever else was asked for) and currency of a sum.
fn names(name: &Name) -> Vec<String> {
    let names = name.keys.iter().map(|key| key.clone().unwrap_or_default());
    names.chain([name.currency.clone()]).collect()
}

/// Rows that are not FOCUS rows, of the connections that count.
async fn excluded(
    session: &LakeSession,
    plan: &Plan<'_>,
    range: DayRange,
) -> Result<Vec<Excluded>, EngineError> {
    let keys =
        ["\"x_FocusExclusion\"", "\"x_Connection\"", "\"x_BillingPeriod\"", "\"BillingAccountId\""];
    let keys = keys.map(str::to_owned);
    let excluded = Sums {
        scope: Scope::All,
        keys: &keys,
        metric: "x_UnblendedCost",
        also: Some("\"x_FocusExclusion\" IS NOT NULL"),
        ..plan.of(range)
    };
    let answer = plan.sums(session, &excluded).await?;
    let mut sums: BTreeMap<(String, String), (Sum, u64)> = BTreeMap::new();
    for (name, cell) in answer.sums() {
        let Ok([reason, connection, period, account, currency]) =
            <[String; 5]>::try_from(names(name))
        else {
            continue;
        };
        let authority = session.authorities.get(&(account, period));
        if authority.is_some_and(|authority| *authority != connection) {
            continue;
        }
        let sum = sums.entry((reason, currency)).or_default();
        sum.0.add(cell.units);
        sum.1 += cell.lines;
    }
    let mut excluded = Vec::new();
    for ((reason, currency), (sum, rows)) in sums {
        let unblended_cost = sum.total().map_err(|e| EngineError::Lake(e.into()))?;
        excluded.push(Excluded { reason, currency, rows, unblended_cost });
    }
    Ok(excluded)
}

/// The last 30 days; when the lake holds nothing of those, the last month of which it does (then
/// true).
pub(super) async fn default_range(
    session: &LakeSession,
    table: &str,
    today: NaiveDate,
) -> Result<(DayRange, bool), EngineError> {
    let usual = usual_range(today)?;
    let sql = format!(
        "SELECT MAX(\"ChargeDate\"), MAX(CASE WHEN \"ChargeDate\" >= CAST('{}' AS DATE) AND \
         \"ChargeDate\" < CAST('{}' AS DATE) THEN \"ChargeDate\" END) FROM \"{table}\"",
        usual.from, usual.to
    );
    let answer = texts(session, &sql).await?;
    let day = |at: usize| answer.first().and_then(|row| row.get(at)?.as_deref());
    match (day(0), day(1)) {
        (Some(last), None) => {
            let month = last.get(..7).unwrap_or(last);
            Ok((period::parse(month, today)?, true))
        }
        _ => Ok((usual, false)),
    }
}

/// The last month that a table has rows of.
pub(super) async fn last_month(
    session: &LakeSession,
    table: &str,
    today: NaiveDate,
) -> Result<Option<DayRange>, EngineError> {
    let answer = texts(session, &format!("SELECT MAX(\"ChargeDate\") FROM \"{table}\"")).await?;
    let last = answer.first().and_then(|row| row.first()?.as_deref());
    last.map(|last| period::parse(last.get(..7).unwrap_or(last), today)).transpose()
}

/// Why a tag or cost category that was asked for has no values, or a filter lets nothing through.
pub(super) async fn hints(
    session: &LakeSession,
    plan: &Plan<'_>,
    range: DayRange,
    ledger: &Ledger,
) -> Result<Vec<String>, EngineError> {
    let mut wanted: Vec<(&Key, &[String])> = Vec::new();
    if ledger.is_empty() {
        wanted.extend(plan.filters().iter().map(|(filter, key)| (key, filter.values.as_slice())));
    } else {
        let keys = plan.keys().iter().enumerate();
        let without = keys.filter(|(at, _)| !ledger.values(*at).iter().any(Option::is_some));
        wanted.extend(without.map(|(_, key)| (key, [].as_slice())));
    }
    let mut hints = Vec::new();
    for (key, values) in wanted {
        let entry = match key {
            Key::Entry { map, prefix, key, .. } => {
                let sql = format!("unnest(map_keys({map}))");
                hint(session, plan, range, &sql, prefix, std::slice::from_ref(key)).await?
            }
            _ => None,
        };
        let sql = plan.key_sql(key);
        let hint = match entry {
            None if !values.is_empty() && !key.has_many_values() => {
                let label = format!("{}=", key.label());
                hint(session, plan, range, &sql, &label, values).await?
            }
            entry => entry,
        };
        hints.extend(hint.filter(|hint| !hints.contains(hint)));
    }
    Ok(hints)
}

/// Values of a period that are near to those asked for, when it has none of these.
async fn hint(
    session: &LakeSession,
    plan: &Plan<'_>,
    range: DayRange,
    value: &str,
    prefix: &str,
    wanted: &[String],
) -> Result<Option<String>, EngineError> {
    let range = plan.range_sql(range);
    let table = plan.table();
    let sql = format!("SELECT DISTINCT {value} AS \"k\" FROM \"{table}\" WHERE {range}");
    let rows = texts(session, &sql).await?;
    let known: Vec<String> = rows.into_iter().filter_map(|row| row.into_iter().next()?).collect();
    let is_known = |name: &String| name.is_empty() || name == NONE || known.contains(name);
    let Some(first) = wanted.first().filter(|_| !wanted.iter().any(is_known)) else {
        return Ok(None);
    };
    let near = nearest(first, &known);
    let there_is: Vec<String> = near.iter().map(|name| format!("{prefix}{name}")).collect();
    let more = if known.len() > near.len() { ", …" } else { "" };
    Ok((!known.is_empty())
        .then(|| {
            format!(
                "no row of this period has {prefix}{first}; there are {}{more}",
                there_is.join(", ")
            )
        })
        .or_else(|| {
            (!prefix.ends_with('='))
                .then(|| format!("no row of this period has {prefix}{first}, or any of its kind"))
        }))
}

/// The error when no rows match: says what the lake does hold.
pub(super) async fn nothing(
    session: &LakeSession,
    plan: &Plan<'_>,
    range: DayRange,
    hints: &[String],
) -> Result<EngineError, EngineError> {
    let sql = format!(
        "SELECT \"BillingCurrency\", MIN(\"ChargeDate\"), MAX(\"ChargeDate\") FROM \"{}\" \
         GROUP BY 1 ORDER BY 1",
        plan.daily_table()
    );
    let held: Vec<String> = texts(session, &sql)
        .await?
        .into_iter()
        .map(|row| {
            let row: Vec<String> = row.into_iter().map(Option::unwrap_or_default).collect();
            format!("{} from {} to {}", row[0], row[1], row[2])
        })
        .collect();
    if held.is_empty() {
        let message = "the lake holds no costs yet: run `billhook import LOCATION` first";
        return Ok(EngineError::Nothing(message.to_owned()));
    }
    let request = plan.request();
    let mut conditions: Vec<String> = request.filters.iter().map(super::Filter::label).collect();
    conditions.extend(request.currency.iter().map(|c| c.to_ascii_uppercase()));
    let of = match conditions.as_slice() {
        [] => String::new(),
        some => format!(" with {}", some.join(", ")),
    };
    let mut message =
        format!("there are no costs in {}{of}; the lake holds {}", range.label(), held.join(", "));
    for hint in hints {
        message.push_str("; ");
        message.push_str(hint);
    }
    Ok(EngineError::Nothing(message))
}

/// The rows of an answer as text.
async fn texts(session: &LakeSession, sql: &str) -> Result<Vec<Vec<Option<String>>>, EngineError> {
    let mut rows = Vec::new();
    for batch in session.query(sql).await? {
        let columns: Vec<_> = batch
            .columns()
            .iter()
            .filter_map(|column| cast(column, &DataType::Utf8).ok())
            .collect();
        for row in 0..batch.num_rows() {
            let text = |column: &arrow::array::ArrayRef| {
                let column = column.as_string::<i32>();
                column.is_valid(row).then(|| column.value(row).to_owned())
            };
            rows.push(columns.iter().map(text).collect());
        }
    }
    Ok(rows)
}
