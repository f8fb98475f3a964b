//! Asks summaries: SQL says which tuples count and to which group each belongs, then figures are
//! added up by those numbers.

use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int32Type, Int64Type, UInt32Type};
use chrono::NaiveDate;
use datafusion::catalog::TableProvider;
use datafusion::common::ScalarValue;
use datafusion::datasource::{ViewTable, provider_as_source};
use datafusion::logical_expr::{Expr, LogicalPlanBuilder};
use datafusion::prelude::{SessionContext, lit};
use foldhash::fast::FixedState;
use futures::TryStreamExt;
use hashbrown::HashMap;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::errors::ParquetError;
use tokio::runtime::Handle;
use tokio::task::JoinSet;

use super::add_up::{Figure, Shape, Totals};
use super::tuples::PLACE;
use super::{Summary, TUPLE, Tuples, failed, halves, joined, largest, opened};
use crate::LakeError;
use crate::session::{LakeSession, named};
use crate::spec::COST_AND_USAGE;
use crate::table::FileEntry;

/// Rows of figures that are read at once.
const BATCH: usize = 65_536;

const MICROS_PER_DAY: i64 = 86_400_000_000;

/// The group of a tuple that does not count.
const NONE: u32 = u32::MAX;

/// How time is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// Not at all.
    Whole,
    /// By day.
    Daily,
    /// By calendar month.
    Monthly,
}

/// What is asked: sums of a metric over lines.
#[derive(Debug, Clone)]
pub struct Question<'a> {
    /// Of the view `costs`, else of the table `cost_and_usage`.
    pub is_consolidated: bool,
    /// SQL of what is grouped by, over columns for which [`super::has_column`] holds.
    pub keys: &'a [String],
    /// SQL of what must hold, over the same columns.
    pub condition: &'a str,
    /// The first day of `ChargePeriodStart`.
    pub from: NaiveDate,
    /// The day after the last.
    pub to: NaiveDate,
    /// How time is cut.
    pub cut: Cut,
    /// One of [`crate::spec::DAILY_SUMS`].
    pub metric: &'static str,
    /// So many of the largest lines are looked for; see [`Summed::reached`].
    pub largest: usize,
}

/// Sums by group and time.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Summed {
    /// The values of what is grouped by. There may be groups without a sum.
    pub groups: Vec<Vec<Option<String>>>,
    /// The sums, those of a group one after the other.
    pub cells: Vec<Cell>,
    /// An absolute amount that as many lines reach as were looked for. `None` when there are not
    /// so many figures.
    pub reached: Option<i128>,
}

/// A sum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cell {
    /// Place of its group.
    pub group: u32,
    /// The first day of the time, since 1970-01-01; 0 where time is not cut.
    pub bucket: i32,
    /// Units of 10⁻¹⁸.
    pub units: i128,
    /// How many lines.
    pub lines: u64,
}

impl LakeSession {
    /// Asks summaries; `None` when they cannot tell and lines have to be read.
    ///
    /// # Errors
    /// [`LakeError::Overflow`] when a sum does not fit.
    pub async fn summed(&self, question: &Question<'_>) -> Result<Option<Summed>, LakeError> {
        match self.sums(question).await {
            Ok(sums) => Ok(sums),
            Err(LakeError::Overflow(overflow)) => Err(overflow.into()),
            Err(error) => {
                self.note(error);
                Ok(None)
            }
        }
    }

    /// Lines tell the same when a summary cannot be read.
    fn note(&self, error: LakeError) {
        if let Some(summaries) = &self.summaries {
            summaries.note(error);
        }
    }

    async fn sums(&self, question: &Question<'_>) -> Result<Option<Summed>, LakeError> {
        let Some(Groups { names, files }) = self.groups(question).await? else {
            return Ok(None);
        };
        let shape = Shape::of(question, names.len());
        let (metric, has_largest) = (question.metric, question.largest > 0);
        let threads = self.threads.clone().unwrap_or_else(Handle::current);
        let mut tasks = JoinSet::new();
        for files in shares(files) {
            let add = move || -> Result<Totals, LakeError> {
                let mut totals = Totals::new(shape);
                for file in files {
                    file.figures(metric, has_largest, |figure| totals.add(&figure))?;
                }
                Ok(totals)
            };
            tasks.spawn_blocking_on(add, &threads);
        }
        let mut all = Totals::new(shape);
        while let Some(task) = tasks.join_next().await {
            match task {
                Ok(totals) => all.merge(totals?),
                Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
                // The server ends.
                Err(_) => return Ok(None),
            }
        }
        let reached = all.reached();
        Ok(Some(Summed { groups: names, cells: all.cells()?, reached }))
    }

    /// Which tuples count, and the group of each.
    async fn groups(&self, question: &Question<'_>) -> Result<Option<Groups>, LakeError> {
        let (Some(summaries), Some(lines)) = (&self.summaries, &self.lines) else {
            return Ok(None);
        };
        let state = self.context.state();
        let counts = question.is_consolidated.then_some(&lines.counts);
        let table = if question.is_consolidated { &lines.costs } else { &lines.all };
        let start = named("ChargePeriodStart");
        let days = [start.clone().gt_eq(instant(question.from)), start.lt(instant(question.to))];
        let mut files: Vec<(&FileEntry, Summary)> = Vec::new();
        for file in table.chosen(&state, &days)? {
            let Some(summary) = summaries.of(file) else { return Ok(None) };
            files.push((file, summary));
        }
        let context = SessionContext::new_with_config(Self::config());
        for function in self.directory.functions() {
            context.register_udf(function);
        }
        let provider: Arc<dyn TableProvider> = Arc::new(Tuples::new(&files));
        if let Some(counts) = counts {
            let plan = LogicalPlanBuilder::scan("costs", provider_as_source(provider), None)?
                .filter(counts.clone())?
                .build()?;
            context.register_table("costs", Arc::new(ViewTable::new(plan, None)))?;
        } else {
            context.register_table(COST_AND_USAGE.name, provider)?;
        }
        let numbers = [PLACE, TUPLE].map(|name| format!("\"{name}\""));
        let keys = question.keys.iter().enumerate();
        let keys = keys.map(|(at, key)| format!("{key} AS \"k{at}\""));
        let sql = format!(
            "SELECT {} FROM \"{}\" WHERE {}",
            numbers.into_iter().chain(keys).collect::<Vec<_>>().join(", "),
            if counts.is_some() { "costs" } else { COST_AND_USAGE.name },
            question.condition,
        );
        let frame = context.sql(&sql).await?;
        self.prepare(frame.logical_plan()).await?;
        let mut batches = self.begun(frame).await?;
        let mut groups = Numbering::new(&files);
        while let Some(batch) = batches.try_next().await? {
            groups.add(&batch)?;
        }
        Ok(Some(groups.done(files)))
    }
}

/// Files by who reads them: as many shares as there are processors.
fn shares(files: Vec<Grouped>) -> Vec<Vec<Grouped>> {
    let at_once = std::thread::available_parallelism().map_or(1, usize::from);
    let mut shares: Vec<Vec<Grouped>> = Vec::new();
    shares.resize_with(at_once.min(files.len()), Vec::new);
    for (at, file) in files.into_iter().enumerate() {
        let at = at % shares.len();
        shares[at].push(file);
    }
    shares
}

/// Tuples by group.
struct Groups {
    names: Vec<Vec<Option<String>>>,
    files: Vec<Grouped>,
}

/// The figures of a file, and the group of each of its tuples.
struct Grouped {
    path: PathBuf,
    groups: Vec<u32>,
}

impl Grouped {
    /// Calls `each` with the figures of all tuples that count.
    fn figures(
        &self,
        metric: &str,
        has_largest: bool,
        mut each: impl FnMut(Figure),
    ) -> Result<(), LakeError> {
        if self.groups.iter().all(|group| *group == NONE) {
            return Ok(());
        }
        let wrong = |source: ParquetError| failed(&self.path, source);
        let builder = ParquetRecordBatchReaderBuilder::try_new(opened(&self.path)?);
        let builder = builder.map_err(wrong)?;
        let amounts = [metric.to_owned(), largest(metric)];
        let halves =
            amounts.iter().take(1 + usize::from(has_largest)).flat_map(|name| halves(name));
        let names = ["Day", TUPLE, "Lines"].into_iter().map(str::to_owned);
        let names: Vec<String> = names.chain(halves).collect();
        let mask =
            ProjectionMask::columns(builder.parquet_schema(), names.iter().map(String::as_str));
        let reader = builder.with_projection(mask).with_batch_size(BATCH).build();
        let differs = || wrong(ParquetError::General("columns differ".to_owned()));
        for batch in reader.map_err(wrong)? {
            let batch = batch.map_err(|error| wrong(error.into()))?;
            let days = batch.column(0).as_primitive_opt::<Int32Type>().ok_or_else(differs)?;
            let tuples = batch.column(1).as_primitive_opt::<Int32Type>().ok_or_else(differs)?;
            let numbers = batch.columns().iter().skip(2);
            let numbers = numbers.map(|column| column.as_primitive_opt::<Int64Type>());
            let numbers = numbers.collect::<Option<Vec<_>>>().ok_or_else(differs)?;
            let amount = |at: usize, row: usize| match (numbers.get(at), numbers.get(at + 1)) {
                (Some(high), Some(low)) => joined(high.value(row), low.value(row)),
                _ => 0,
            };
            for (row, (day, tuple)) in days.values().iter().zip(tuples.values()).enumerate() {
                let group = usize::try_from(*tuple).ok().and_then(|at| self.groups.get(at));
                let group = group.copied().unwrap_or(NONE);
                if group != NONE {
                    let lines = numbers.first().map_or(0, |lines| lines.value(row));
                    let (amount, largest) = (amount(1, row), amount(3, row));
                    each(Figure { day: *day, group, lines, amount, largest });
                }
            }
        }
        Ok(())
    }
}

/// Gives groups their numbers.
struct Numbering {
    names: Vec<Vec<Option<String>>>,
    numbers: HashMap<Vec<u8>, u32, FixedState>,
    /// By place of the file, then by tuple.
    groups: Vec<Vec<u32>>,
}

impl Numbering {
    fn new(files: &[(&FileEntry, Summary)]) -> Self {
        let groups = files.iter().map(|_| Vec::new()).collect();
        Self { names: Vec::new(), numbers: HashMap::default(), groups }
    }

    fn add(&mut self, batch: &RecordBatch) -> Result<(), LakeError> {
        let wrong = |source| LakeError::Arrow { table: COST_AND_USAGE.name, source };
        let typed = |at: usize, kind: DataType| cast(batch.column(at), &kind).map_err(wrong);
        let (places, tuples) = (typed(0, DataType::UInt32)?, typed(1, DataType::UInt32)?);
        let (places, tuples) =
            (places.as_primitive::<UInt32Type>(), tuples.as_primitive::<UInt32Type>());
        let keys = (2..batch.num_columns()).map(|at| typed(at, DataType::Utf8));
        let keys = keys.collect::<Result<Vec<_>, _>>()?;
        let keys: Vec<&StringArray> = keys.iter().map(AsArray::as_string).collect();
        let mut packed = Vec::new();
        for (row, (place, tuple)) in places.values().iter().zip(tuples.values()).enumerate() {
            let group = self.number(&keys, row, &mut packed);
            let (place, tuple) = (*place as usize, *tuple as usize);
            let Some(groups) = self.groups.get_mut(place) else { continue };
            if groups.len() <= tuple {
                groups.resize(tuple + 1, NONE);
            }
            groups[tuple] = group;
        }
        Ok(())
    }

    /// The number of a row's group.
    fn number(&mut self, keys: &[&StringArray], row: usize, packed: &mut Vec<u8>) -> u32 {
        let values = || keys.iter().map(|key| key.is_valid(row).then(|| key.value(row)));
        packed.clear();
        for value in values() {
            let length = value.map_or(NONE, |value| u32::try_from(value.len()).unwrap_or(NONE));
            packed.extend_from_slice(&length.to_le_bytes());
            packed.extend_from_slice(value.unwrap_or_default().as_bytes());
        }
        if let Some(&number) = self.numbers.get(packed.as_slice()) {
            return number;
        }
        let number = u32::try_from(self.names.len()).unwrap_or(NONE);
        self.numbers.insert(packed.clone(), number);
        self.names.push(values().map(|value| value.map(str::to_owned)).collect());
        number
    }

    fn done(self, files: Vec<(&FileEntry, Summary)>) -> Groups {
        let files = files.into_iter().zip(self.groups);
        let files = files.map(|((_, summary), groups)| Grouped { path: summary.figures, groups });
        Groups { names: self.names, files: files.collect() }
    }
}

pub(super) fn day(date: NaiveDate) -> i32 {
    date.to_epoch_days()
}

/// The beginning of a day, as columns of time have it.
fn instant(date: NaiveDate) -> Expr {
    let micros = i64::from(day(date)).saturating_mul(MICROS_PER_DAY);
    lit(ScalarValue::TimestampMicrosecond(Some(micros), Some("UTC".into())))
}
