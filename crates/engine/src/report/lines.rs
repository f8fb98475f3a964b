//! The lines behind a figure, the largest first, and one line with where it came from.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Decimal128Type, Int64Type, TimestampMicrosecondType};
use billhook_focus::columns;
use billhook_lake::LakeError;
use billhook_lake::session::LakeSession;
use billhook_lake::summary::Cell;
use chrono::DateTime;
use sha2::{Digest, Sha256};

use crate::EngineError;
use crate::period::DayRange;
use crate::report::keys::Key;
use crate::report::origin::{CellRule, LineMapping, explain};
use crate::report::query::{Answer, Name, Plan, Sums};
use crate::report::{Granularity, ReportRequest};
use crate::sql_names::quoted;

/// What tells rows apart that were made of one source row.
const PART: [&str; 6] = [
    "ChargePeriodStart",
    "ChargeCategory",
    "SubAccountId",
    "ChargeDescription",
    "BilledCost",
    "EffectiveCost",
];

/// Where a line comes from, in the order of the SQL.
const SOURCE: [&str; 5] =
    ["x_Connection", "x_BillingPeriod", "x_Revision", "x_SourceFile", "x_SourceRow"];

const RESOURCE: &str = "\"ResourceId\"";

/// Lines of more resources than that are looked for among all.
const MOST_RESOURCES: usize = 200;

/// Which lines.
#[derive(Debug, Clone)]
pub struct LinesRequest {
    /// Metric, currency, filters and scope; what it groups by and how it cuts time do not matter.
    pub report: ReportRequest,
    /// Days, by `ChargePeriodStart`.
    pub range: DayRange,
    /// Columns, tags and cost categories that are shown.
    pub columns: Vec<String>,
    /// Lines that were shown before.
    pub skip: u64,
    /// Lines that are wanted.
    pub limit: u32,
}

/// The sum of one currency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinesSum {
    /// ISO 4217 code.
    pub currency: String,
    /// How many lines.
    pub rows: u64,
    /// Their exact sum, units of 10⁻¹⁸.
    pub total: i128,
}

/// Which line. It is one of a revision: the next delivery of its month has other lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineId {
    /// Connection.
    pub connection: String,
    /// Billing period, YYYY-MM.
    pub period: String,
    /// Revision of the delivery.
    pub revision: String,
    /// File of the delivery.
    pub file: String,
    /// Number of the record in it.
    pub row: i64,
    /// Which of the lines that were made of the record.
    pub part: String,
}

/// A line of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineItem {
    /// Which line.
    pub id: LineId,
    /// ISO 4217 code.
    pub currency: String,
    /// Its amount in the metric, units of 10⁻¹⁸.
    pub amount: i128,
    /// The columns asked for.
    pub cells: Vec<Option<String>>,
}

/// Lines, the largest absolute amounts first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lines {
    /// Count and sum of all lines, not only those listed, by currency.
    pub sums: Vec<LinesSum>,
    /// The columns of `lines`, as they are written.
    pub columns: Vec<String>,
    /// The lines.
    pub lines: Vec<LineItem>,
    /// Are there more?
    pub has_more: bool,
}

/// A column of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineCell {
    /// Its name.
    pub name: &'static str,
    /// What it says, in a sentence.
    pub meaning: &'static str,
    /// Its value with every digit; JSON of a map.
    pub value: Option<String>,
    /// The value of an amount, units of 10⁻¹⁸.
    pub units: Option<i128>,
    /// The entries of a map.
    pub entries: Vec<(String, String)>,
    /// How it was made of the source; `None` for what is of Billhook's own.
    pub rule: Option<CellRule>,
}

/// A delivery of a month.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provenance {
    /// Revision.
    pub revision: String,
    /// Where it was read from.
    pub location: String,
    /// Kind of product.
    pub kind: String,
    /// State of the month after it.
    pub state: String,
    /// When it was loaded, microseconds since 1970 UTC.
    pub recorded_at: i64,
}

/// A line with all that is known of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WholeLine {
    /// Which line.
    pub id: LineId,
    /// ISO 4217 code.
    pub currency: String,
    /// Every column of the cost table.
    pub cells: Vec<LineCell>,
    /// The mapping that made it; `None` when it was made of other lines.
    pub mapping: Option<LineMapping>,
    /// All deliveries of its month, the newest first.
    pub deliveries: Vec<Provenance>,
}

/// Looks lines up in a session that is open already.
///
/// # Errors
/// [`EngineError::Usage`] when something asked for does not exist, and when the lake cannot be
/// read.
pub async fn lines_in(session: &LakeSession, request: &LinesRequest) -> Result<Lines, EngineError> {
    // The roll-up has no lines: figures by the hour are never taken from it.
    let report = ReportRequest { granularity: Granularity::Hourly, ..request.report.clone() };
    let shown = request.columns.iter().map(|by| Key::resolve(by)).collect::<Result<Vec<_>, _>>()?;
    let plan = Plan::new(&report, Vec::new())?;
    let wanted = request.skip.saturating_add(u64::from(request.limit)).saturating_add(1);
    let answer = plan.answer(session, &plan.of(request.range), wanted).await?;
    let sum = |(name, cell): (&Arc<Name>, &Cell)| LinesSum {
        currency: name.currency.clone(),
        rows: cell.lines,
        total: cell.units,
    };
    let mut sums: Vec<LinesSum> = answer.sums().map(sum).collect();
    sums.sort_by(|a, b| b.rows.cmp(&a.rows).then_with(|| a.currency.cmp(&b.currency)));
    let mut lines = Vec::new();
    // Where nothing is counted, nothing has to be looked for.
    if !(answer.is_summed && sums.is_empty()) {
        let condition = narrowed(&plan, session, request.range, &answer).await?;
        let sql = list_sql(&plan, &shown, request, &condition);
        for batch in session.query(&sql).await? {
            read(&batch, &mut lines)?;
        }
    }
    let limit = usize::try_from(request.limit).unwrap_or(usize::MAX);
    let has_more = lines.len() > limit;
    lines.truncate(limit);
    Ok(Lines { sums, columns: shown.iter().map(Key::label).collect(), lines, has_more })
}

/// The condition of a list, with what summaries know of those that it shows: fewer lines are read
/// for the same answer.
async fn narrowed(
    plan: &Plan<'_>,
    session: &LakeSession,
    range: DayRange,
    answer: &Answer,
) -> Result<String, EngineError> {
    let condition = plan.condition(range)?;
    if let Some(least) = answer.reached {
        // None of those that are listed has a smaller amount.
        let (metric, least) = (plan.metric_sql(), billhook_money::format(least));
        let amount = |sign| format!("CAST('{sign}{least}' AS DECIMAL(38,18))");
        let (above, below) = (amount(""), amount("-"));
        return Ok(format!("{condition} AND ({metric} >= {above} OR {metric} <= {below})"));
    }
    if !answer.is_summed {
        return Ok(condition);
    }
    // There are few figures, so there are few resources.
    let keys = [RESOURCE.to_owned()];
    let resources = plan.sums(session, &Sums { keys: &keys, ..plan.of(range) }).await?;
    let mut known: BTreeSet<Option<&str>> = BTreeSet::new();
    for (name, _) in resources.sums() {
        known.extend(name.keys.first().map(Option::as_deref));
    }
    if known.len() > MOST_RESOURCES {
        return Ok(condition);
    }
    let names: Vec<String> = known.iter().flatten().map(|name| quoted(name)).collect();
    let mut either = Vec::new();
    if !names.is_empty() {
        either.push(format!("{RESOURCE} IN ({})", names.join(", ")));
    }
    if known.contains(&None) {
        either.push(format!("{RESOURCE} IS NULL"));
    }
    Ok(format!("{condition} AND ({})", either.join(" OR ")))
}

/// The SQL of a list: source, part, currency, amount, then the columns. It asks for one line more
/// than wanted, to know whether there is one.
fn list_sql(plan: &Plan<'_>, shown: &[Key], request: &LinesRequest, condition: &str) -> String {
    let fixed = SOURCE.into_iter().chain(PART).map(|name| format!("\"{name}\""));
    let fixed = fixed.chain(["\"BillingCurrency\"".to_owned(), plan.metric_sql()]);
    let chosen = shown.iter().map(|key| key.text_sql(false));
    let columns = fixed.chain(chosen).enumerate();
    let columns: Vec<String> = columns.map(|(at, sql)| format!("{sql} AS \"c{at}\"")).collect();
    let last = SOURCE.len() + PART.len();
    let order: Vec<String> = (0..last).map(|at| format!("\"c{at}\"")).collect();
    let amount = format!("\"c{}\"", last + 1);
    format!(
        "SELECT {} FROM \"{}\" WHERE {condition} ORDER BY \
         CASE WHEN {amount} < 0 THEN -{amount} ELSE {amount} END DESC NULLS LAST, {} \
         LIMIT {} OFFSET {}",
        columns.join(", "),
        plan.table(),
        order.join(", "),
        u64::from(request.limit) + 1,
        request.skip,
    )
}

fn read(batch: &RecordBatch, lines: &mut Vec<LineItem>) -> Result<(), EngineError> {
    let source = SOURCE.len();
    let first = source + PART.len() + 2;
    for row in 0..batch.num_rows() {
        let text = |column: usize| value(batch.column(column), row);
        let (amounts, mut cells) = (batch.column(first - 1), Vec::new());
        for column in first..batch.num_columns() {
            cells.push(text(column)?);
        }
        lines.push(LineItem {
            id: id(batch, row)?,
            currency: text(first - 2)?.unwrap_or_default(),
            amount: units(amounts, row).unwrap_or_default(),
            cells,
        });
    }
    Ok(())
}

/// Which line a row is whose first columns are those of [`SOURCE`] and [`PART`].
fn id(batch: &RecordBatch, row: usize) -> Result<LineId, EngineError> {
    let text = |column: usize| -> Result<String, EngineError> {
        Ok(value(batch.column(column), row)?.unwrap_or_default())
    };
    let mut hash = Sha256::new();
    for column in SOURCE.len()..SOURCE.len() + PART.len() {
        hash.update(text(column)?.as_bytes());
        hash.update([0]);
    }
    let digest = hash.finalize();
    let number = digest.iter().take(6).fold(0_u64, |sum, byte| (sum << 8) | u64::from(*byte));
    Ok(LineId {
        connection: text(0)?,
        period: text(1)?,
        revision: text(2)?,
        file: text(3)?,
        row: text(4)?.parse().unwrap_or_default(),
        part: format!("{number:012x}"),
    })
}

/// Looks one line up in a session that is open already.
///
/// # Errors
/// [`EngineError::Absent`] when the lake does not hold it (any more), and when the lake cannot be
/// read.
pub async fn line_in(session: &LakeSession, id: &LineId) -> Result<WholeLine, EngineError> {
    let columns: Vec<&columns::Column> = columns::all().collect();
    let fixed = SOURCE.into_iter().chain(PART);
    let all = fixed.chain(columns.iter().map(|column| column.name)).enumerate();
    let all: Vec<String> = all.map(|(at, name)| format!("\"{name}\" AS \"c{at}\"")).collect();
    let sql = format!(
        "SELECT {} FROM cost_and_usage WHERE \"x_Connection\" = {} AND \"x_BillingPeriod\" = {} \
         AND \"x_Revision\" = {} AND \"x_SourceFile\" = {} AND \"x_SourceRow\" = {}",
        all.join(", "),
        quoted(&id.connection),
        quoted(&id.period),
        quoted(&id.revision),
        quoted(&id.file),
        id.row,
    );
    let deliveries = deliveries(session, id).await?;
    for batch in session.query(&sql).await? {
        for row in 0..batch.num_rows() {
            let found = self::id(&batch, row)?;
            if !id.part.is_empty() && found.part != id.part {
                continue;
            }
            let mut cells = Vec::with_capacity(columns.len());
            for (at, column) in columns.iter().enumerate() {
                let array = batch.column(SOURCE.len() + PART.len() + at);
                cells.push(LineCell {
                    name: column.name,
                    meaning: column.meaning,
                    value: value(array, row)?,
                    units: units(array, row),
                    entries: entries(array, row),
                    rule: None,
                });
            }
            let of = deliveries.iter().find(|delivery| delivery.revision == found.revision);
            let mapping = of.and_then(|own| explain(&own.kind, &found.file, &mut cells));
            let currency = cells.iter().find(|cell| cell.name == "BillingCurrency");
            let currency = currency.and_then(|cell| cell.value.clone()).unwrap_or_default();
            return Ok(WholeLine { id: found, currency, cells, mapping, deliveries });
        }
    }
    let why = match deliveries.first() {
        Some(newest) if newest.revision != id.revision => {
            format!("a newer delivery of {} {} replaced it", id.connection, id.period)
        }
        Some(_) => format!("{} has no record {} of {}", id.connection, id.row, id.file),
        None => format!("nothing of {} {} is held", id.connection, id.period),
    };
    Err(EngineError::Absent(format!("this line is not in the lake: {why}")))
}

/// All deliveries of a line's month, the newest first.
async fn deliveries(session: &LakeSession, id: &LineId) -> Result<Vec<Provenance>, EngineError> {
    let sql = format!(
        "SELECT x_Revision, Location, Kind, State, x_RecordedAt FROM deliveries \
         WHERE x_Connection = {} AND x_BillingPeriod = {} ORDER BY x_RecordedAt DESC",
        quoted(&id.connection),
        quoted(&id.period),
    );
    let mut found = Vec::new();
    for batch in session.query(&sql).await? {
        let times = batch.column(4).as_primitive::<TimestampMicrosecondType>();
        for row in 0..batch.num_rows() {
            let text = |column: usize| -> Result<String, EngineError> {
                Ok(value(batch.column(column), row)?.unwrap_or_default())
            };
            found.push(Provenance {
                revision: text(0)?,
                location: text(1)?,
                kind: text(2)?,
                state: text(3)?,
                recorded_at: if times.is_valid(row) { times.value(row) } else { 0 },
            });
        }
    }
    Ok(found)
}

/// An amount.
fn units(array: &ArrayRef, row: usize) -> Option<i128> {
    let amounts = array.as_primitive_opt::<Decimal128Type>()?;
    amounts.is_valid(row).then(|| amounts.value(row))
}

/// A value as text, all its digits.
fn value(array: &ArrayRef, row: usize) -> Result<Option<String>, EngineError> {
    if array.is_null(row) {
        return Ok(None);
    }
    Ok(Some(match array.data_type() {
        DataType::Decimal128(..) => {
            billhook_money::format(array.as_primitive::<Decimal128Type>().value(row))
        }
        DataType::Timestamp(..) => {
            let micros = array.as_primitive::<TimestampMicrosecondType>().value(row);
            let time = DateTime::from_timestamp_micros(micros).unwrap_or_default();
            time.format("%Y-%m-%dT%H:%M:%SZ").to_string()
        }
        DataType::Int64 => array.as_primitive::<Int64Type>().value(row).to_string(),
        DataType::Map(..) => {
            let entries = entries(array, row).into_iter();
            let entries = entries.map(|(key, value)| (key, serde_json::Value::String(value)));
            serde_json::Value::Object(entries.collect()).to_string()
        }
        _ => {
            let text = cast(&array.slice(row, 1), &DataType::Utf8)
                .map_err(|source| EngineError::Lake(LakeError::Query(source.into())))?;
            text.as_string::<i32>().value(0).to_owned()
        }
    }))
}

/// The entries of a map.
fn entries(array: &ArrayRef, row: usize) -> Vec<(String, String)> {
    let Some(maps) = array.as_map_opt().filter(|maps| maps.is_valid(row)) else {
        return Vec::new();
    };
    let entries = maps.value(row);
    let (Some(keys), Some(values)) =
        (entries.column(0).as_string_opt::<i32>(), entries.column(1).as_string_opt::<i32>())
    else {
        return Vec::new();
    };
    let pairs = (0..keys.len()).map(|at| {
        let value = if values.is_valid(at) { values.value(at) } else { "" };
        (keys.value(at).to_owned(), value.to_owned())
    });
    pairs.collect()
}
