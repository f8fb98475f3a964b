//! The SQL of a report, and its answer read exactly.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Decimal128Type, Int32Type, Int64Type};
use billhook_lake::LakeError;
use billhook_lake::session::LakeSession;
use billhook_lake::spec::{COST_AND_USAGE, COST_DAILY};
use billhook_lake::summary::{Cell, Cut, Question};
use billhook_money::Overflow;
use chrono::NaiveTime;

use crate::EngineError;
use crate::period::DayRange;
use crate::report::grid::Grid;
use crate::report::keys::{Filter, Key, instant};
use crate::report::{Granularity, ReportRequest, Scope};
use crate::sql_names::quoted;

/// Up to here a trend has a mark per day, beyond one per month.
const MOST_TREND_DAYS: i64 = 100;

/// What is asked of which table.
#[derive(Debug)]
pub(super) struct Plan<'a> {
    request: &'a ReportRequest,
    keys: Vec<Key>,
    filters: Vec<(&'a Filter, Key)>,
    is_daily: bool,
}

/// The SQL that asks for the groups of a report and their sums, for people to go on with.
///
/// # Errors
/// [`EngineError::Usage`] when something asked for does not exist.
pub fn sql(request: &ReportRequest, range: DayRange) -> Result<String, EngineError> {
    let keys = request.by.iter().map(|by| Key::resolve(by)).collect::<Result<Vec<_>, _>>()?;
    let plan = Plan::new(request, keys)?;
    let mut chosen = Vec::new();
    for key in plan.keys() {
        let label = key.label().replace('"', "\"\"");
        chosen.push(format!("{} AS \"{label}\"", plan.key_sql(key)));
    }
    chosen.push("\"BillingCurrency\"".to_owned());
    let numbers: Vec<String> = (1..=chosen.len()).map(|number| number.to_string()).collect();
    let metric = request.metric.column;
    Ok(format!(
        "SELECT {}, SUM({}) AS \"{metric}\"\nFROM {}\nWHERE {}\nGROUP BY {}\nORDER BY {} DESC",
        chosen.join(", "),
        plan.metric_sql(),
        plan.table(),
        plan.condition(range)?,
        numbers.join(", "),
        chosen.len() + 1,
    ))
}

/// Sums under a plan's filters.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sums<'a> {
    /// Of the lines that count, or of all.
    pub(super) scope: Scope,
    /// SQL of what is grouped by, beside the currency and time.
    pub(super) keys: &'a [String],
    pub(super) granularity: Granularity,
    /// The column that is summed.
    pub(super) metric: &'static str,
    /// What must hold, too.
    pub(super) also: Option<&'a str>,
    pub(super) range: DayRange,
}

/// What a sum is of.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Name {
    pub(super) keys: Vec<Option<String>>,
    pub(super) currency: String,
}

impl Name {
    /// Of values of which the currency is the last.
    fn new(mut keys: Vec<Option<String>>) -> Arc<Self> {
        let currency = keys.pop().flatten().unwrap_or_default();
        Arc::new(Self { keys, currency })
    }
}

/// Sums as the lake answers them.
#[derive(Debug, Default)]
pub(super) struct Answer {
    names: Vec<Arc<Name>>,
    /// By place of their names. Of time see [`Grid`].
    cells: Vec<Cell>,
    /// An absolute amount that as many lines reach as were looked for.
    pub(super) reached: Option<i128>,
    /// Is it known without reading lines?
    pub(super) is_summed: bool,
}

impl Answer {
    /// The sums with what each is of.
    pub(super) fn sums(&self) -> impl Iterator<Item = (&Arc<Name>, &Cell)> {
        self.cells.iter().filter_map(|cell| Some((self.names.get(cell.group as usize)?, cell)))
    }
}

impl<'a> Plan<'a> {
    pub(super) fn new(request: &'a ReportRequest, keys: Vec<Key>) -> Result<Self, EngineError> {
        let mut filters = Vec::new();
        for filter in &request.filters {
            filters.push((filter, Key::resolve(&filter.by)?));
        }
        let is_daily = request.granularity != Granularity::Hourly
            && keys.iter().chain(filters.iter().map(|(_, key)| key)).all(Key::is_daily);
        let plan = Self { request, keys, filters, is_daily };
        // Wrong values are refused before anything is read.
        plan.filter_sql()?;
        Ok(plan)
    }

    pub(super) fn keys(&self) -> &[Key] {
        &self.keys
    }

    pub(super) fn filters(&self) -> &[(&'a Filter, Key)] {
        &self.filters
    }

    pub(super) fn request(&self) -> &ReportRequest {
        self.request
    }

    /// A key as text.
    pub(super) fn key_sql(&self, key: &Key) -> String {
        key.text_sql(self.is_daily)
    }

    /// The table or view that answers.
    pub(super) fn table(&self) -> &'static str {
        self.table_of(self.request.scope)
    }

    fn table_of(&self, scope: Scope) -> &'static str {
        match (self.is_daily, scope) {
            (true, Scope::Consolidated) => "costs_daily",
            (true, Scope::All) => COST_DAILY.name,
            (false, Scope::Consolidated) => "costs",
            (false, Scope::All) => COST_AND_USAGE.name,
        }
    }

    /// The roll-up of the same scope.
    pub(super) fn daily_table(&self) -> &'static str {
        match self.request.scope {
            Scope::Consolidated => "costs_daily",
            Scope::All => COST_DAILY.name,
        }
    }

    /// The buckets that are asked for; finer than what is shown where a trend costs little.
    pub(super) fn grid(&self, range: DayRange) -> Result<Grid, EngineError> {
        let is_total = self.request.granularity == Granularity::Total;
        let granularity = match self.request.granularity {
            Granularity::Total if self.keys.iter().any(Key::has_many_values) => Granularity::Total,
            Granularity::Total if range.days() > MOST_TREND_DAYS => Granularity::Monthly,
            Granularity::Total => Granularity::Daily,
            other => other,
        };
        match Grid::new(range, granularity) {
            // No trend over a period that is too long for one.
            Err(_) if is_total => Grid::new(range, Granularity::Total),
            grid => grid,
        }
    }

    /// Asks for the sums of all groups and buckets of a range.
    pub(super) async fn ask(
        &self,
        session: &LakeSession,
        range: DayRange,
        granularity: Granularity,
    ) -> Result<Answer, EngineError> {
        let keys: Vec<String> = self.keys.iter().map(|k| k.text_sql(self.is_daily)).collect();
        let of = Sums { keys: &keys, granularity, ..self.of(range) };
        self.sums(session, &of).await
    }

    /// The sum of everything in a range.
    pub(super) fn of(&self, range: DayRange) -> Sums<'static> {
        let (scope, metric) = (self.request.scope, self.request.metric.column);
        Sums { scope, keys: &[], granularity: Granularity::Total, metric, also: None, range }
    }

    /// Asks for sums.
    pub(super) async fn sums(
        &self,
        session: &LakeSession,
        of: &Sums<'_>,
    ) -> Result<Answer, EngineError> {
        self.answer(session, of, 0).await
    }

    /// Asks for sums, and for an absolute amount that so many lines reach, if that can be told
    /// without reading lines.
    pub(super) async fn answer(
        &self,
        session: &LakeSession,
        of: &Sums<'_>,
        largest: u64,
    ) -> Result<Answer, EngineError> {
        let mut keys = of.keys.to_vec();
        keys.push("\"BillingCurrency\"".to_owned());
        let mut conditions = self.filter_sql()?;
        conditions.extend(of.also.map(str::to_owned));
        let condition = conditions.join(" AND ");
        if let Some(question) = self.question(of, &keys, &condition) {
            let largest = usize::try_from(largest).unwrap_or(usize::MAX);
            if let Some(summed) = session.summed(&Question { largest, ..question }).await? {
                let names = summed.groups.into_iter().map(Name::new).collect();
                let (cells, reached) = (summed.cells, summed.reached);
                return Ok(Answer { names, cells, reached, is_summed: true });
            }
        }
        conditions.insert(0, self.range_sql(of.range));
        keys.push(self.bucket_sql(of.granularity));
        let rows = if self.is_daily { "SUM(\"x_LineItems\")" } else { "COUNT(*)" };
        let numbers: Vec<String> = (1..=keys.len()).map(|number| number.to_string()).collect();
        let named: Vec<String> =
            keys.iter().enumerate().map(|(at, key)| format!("{key} AS \"k{at}\"")).collect();
        let value = self.amount_sql(of.metric);
        let sql = format!(
            "SELECT {}, SUM({value}) AS \"sum\", {rows} AS \"rows\", COUNT(*) AS \"count\", \
             MIN({value}) AS \"min\", MAX({value}) AS \"max\" FROM \"{}\" WHERE {} GROUP BY {}",
            named.join(", "),
            self.table_of(of.scope),
            conditions.join(" AND "),
            numbers.join(", "),
        );
        let mut answer = Answer::default();
        for batch in session.query(&sql).await? {
            read(&batch, keys.len(), &mut answer)?;
        }
        Ok(answer)
    }

    /// What is asked of summaries; `None` when they do not know everything in it.
    fn question<'q>(
        &self,
        of: &Sums<'_>,
        keys: &'q [String],
        condition: &'q str,
    ) -> Option<Question<'q>> {
        let cut = match of.granularity {
            Granularity::Hourly => return None,
            Granularity::Total => Cut::Whole,
            Granularity::Daily => Cut::Daily,
            Granularity::Monthly => Cut::Monthly,
        };
        let is_known = |key: &Key| key.is_summed();
        let mut known = self.keys.iter().chain(self.filters.iter().map(|(_, key)| key));
        (!self.is_daily && known.all(is_known)).then_some(Question {
            is_consolidated: of.scope == Scope::Consolidated,
            keys,
            condition: if condition.is_empty() { "true" } else { condition },
            from: of.range.from,
            to: of.range.to,
            cut,
            metric: of.metric,
            largest: 0,
        })
    }

    /// The amount of a row.
    pub(super) fn metric_sql(&self) -> String {
        self.amount_sql(self.request.metric.column)
    }

    fn amount_sql(&self, column: &str) -> String {
        // The roll-up has the gross amount already where a source has no net column.
        match column.strip_prefix("x_Net") {
            Some(gross) if !self.is_daily => format!("coalesce(\"{column}\", \"x_{gross}\")"),
            _ => format!("\"{column}\""),
        }
    }

    fn bucket_sql(&self, granularity: Granularity) -> String {
        let column = if self.is_daily { "\"ChargeDate\"" } else { "\"ChargePeriodStart\"" };
        let day = |sql: &str| format!("CAST(CAST({sql} AS DATE) AS INT)");
        match granularity {
            Granularity::Total => "0".to_owned(),
            // Times are whole microseconds.
            Granularity::Hourly => format!("CAST({column} AS BIGINT) / 3600000000"),
            Granularity::Daily => day(column),
            Granularity::Monthly => day(&format!("date_trunc('month', {column})")),
        }
    }

    /// Which rows of a range count, apart from the view's own choice.
    pub(super) fn condition(&self, range: DayRange) -> Result<String, EngineError> {
        let mut parts = vec![self.range_sql(range)];
        parts.extend(self.filter_sql()?);
        Ok(parts.join(" AND "))
    }

    /// Rows of a range.
    pub(super) fn range_sql(&self, range: DayRange) -> String {
        if self.is_daily {
            let (from, to) = (range.from, range.to);
            return format!(
                "\"ChargeDate\" >= CAST('{from}' AS DATE) AND \"ChargeDate\" < CAST('{to}' AS DATE)"
            );
        }
        let (from, to) = (range.from.and_time(NaiveTime::MIN), range.to.and_time(NaiveTime::MIN));
        format!(
            "\"ChargePeriodStart\" >= {} AND \"ChargePeriodStart\" < {}",
            instant(from),
            instant(to)
        )
    }

    fn filter_sql(&self) -> Result<Vec<String>, EngineError> {
        let mut parts = Vec::new();
        for (filter, key) in &self.filters {
            parts.push(filter.sql(key, self.is_daily)?);
        }
        if let Some(currency) = &self.request.currency {
            let currency = currency.to_ascii_uppercase();
            if !billhook_money::is_currency(&currency) {
                return Err(EngineError::Usage(format!(
                    "{currency:?} is no currency: use three letters like USD"
                )));
            }
            parts.push(format!("\"BillingCurrency\" = {}", quoted(&currency)));
        }
        Ok(parts)
    }
}

fn read(batch: &RecordBatch, keys: usize, answer: &mut Answer) -> Result<(), EngineError> {
    let as_type = |column: usize, data_type: &DataType| -> Result<ArrayRef, EngineError> {
        cast(batch.column(column), data_type).map_err(|source| {
            EngineError::Lake(LakeError::Query(datafusion::error::DataFusionError::from(source)))
        })
    };
    let texts = (0..keys - 1)
        .map(|column| as_type(column, &DataType::Utf8))
        .collect::<Result<Vec<_>, _>>()?;
    let bucket = as_type(keys - 1, &DataType::Int32)?;
    let rows = as_type(keys + 1, &DataType::Int64)?;
    let count = as_type(keys + 2, &DataType::Int64)?;
    let (bucket, rows, count) = (
        bucket.as_primitive::<Int32Type>(),
        rows.as_primitive::<Int64Type>(),
        count.as_primitive::<Int64Type>(),
    );
    let amount = |column: usize, row: usize| {
        let array = batch.column(column).as_primitive::<Decimal128Type>();
        if array.is_valid(row) { array.value(row) } else { 0 }
    };
    for row in 0..batch.num_rows() {
        let text = |array: &ArrayRef| {
            let array = array.as_string::<i32>();
            array.is_valid(row).then(|| array.value(row).to_owned())
        };
        let name = Name::new(texts.iter().map(text).collect());
        // DataFusion adds decimals without looking for overflow. No partial sum can have left the
        // range when even the largest amount as many times as there are rows does not.
        let largest =
            amount(keys + 3, row).unsigned_abs().max(amount(keys + 4, row).unsigned_abs());
        let times = u128::from(count.value(row).unsigned_abs());
        let most = largest.checked_mul(times).filter(|m| *m <= billhook_money::MAX.unsigned_abs());
        if most.is_none() {
            return Err(EngineError::Lake(Overflow.into()));
        }
        answer.cells.push(Cell {
            group: u32::try_from(answer.names.len()).unwrap_or(u32::MAX),
            bucket: bucket.value(row),
            units: amount(keys, row),
            lines: rows.value(row).unsigned_abs(),
        });
        answer.names.push(name);
    }
    Ok(())
}
