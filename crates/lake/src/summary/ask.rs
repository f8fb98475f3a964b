//! Asks summaries: SQL says which tuples count and to which group each belongs, then figures are
//! added up by those numbers.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int32Type, Int64Type, UInt32Type};
use billhook_money::Sum;
use chrono::{Datelike, NaiveDate};
use datafusion::catalog::TableProvider;
use datafusion::common::ScalarValue;
use datafusion::datasource::{ViewTable, provider_as_source};
use datafusion::logical_expr::{Expr, LogicalPlanBuilder};
use datafusion::prelude::{SessionContext, lit};
use foldhash::fast::FixedState;
use futures::{StreamExt, TryStreamExt};
use hashbrown::HashMap;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::errors::ParquetError;
use tokio::runtime::Handle;

use super::tuples::PLACE;
use super::{Summary, TUPLE, Tuples, failed, halves, joined, largest, opened};
use crate::LakeError;
use crate::session::{LakeSession, named};
use crate::spec::COST_AND_USAGE;
use crate::table::FileEntry;

/// Rows of figures that are read at once.
const BATCH: usize = 65_536;

const MICROS_PER_DAY: i64 = 86_400_000_000;

/// Sums that are held by place, beside which empty ones do not matter; 48 MB.
const MOST_PLACES: usize = 1_000_000;

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
    pub group: usize,
    /// The first day of the time, since 1970-01-01; 0 where time is not cut.
    pub bucket: i64,
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
        let (metric, largest) = (question.metric, question.largest);
        let begin = move || (shape.begin(), Top::new(largest));
        let each = move |file: Grouped| {
            let (mut sums, mut top) = begin();
            file.figures(metric, largest > 0, |figure| {
                if shape.takes(figure.day) {
                    shape.add(&mut sums, &figure);
                    // Every figure is of at least one line with its largest amount.
                    top.add(figure.largest);
                }
            })?;
            Ok((sums, top))
        };
        let mut all = begin();
        let add = |(sums, top): (Sums, Top)| {
            all.0.merge(sums);
            top.heap.into_iter().for_each(|Reverse(amount)| all.1.add(amount));
        };
        if !self.each(files, each, add).await? {
            return Ok(None);
        }
        let (sums, top) = all;
        Ok(Some(Summed { groups: names, cells: shape.cells(sums)?, reached: top.least() }))
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

    /// Does something with each file, several at once. False when the server ends meanwhile.
    async fn each<T: Send + 'static>(
        &self,
        files: Vec<Grouped>,
        work: impl Fn(Grouped) -> Result<T, LakeError> + Clone + Send + 'static,
        mut add: impl FnMut(T),
    ) -> Result<bool, LakeError> {
        let threads = self.threads.clone().unwrap_or_else(Handle::current);
        let at_once = std::thread::available_parallelism().map_or(1, usize::from);
        let tasks = futures::stream::iter(files).map(|file| {
            let work = work.clone();
            threads.spawn_blocking(move || work(file))
        });
        let mut tasks = tasks.buffer_unordered(at_once);
        while let Some(task) = tasks.next().await {
            match task {
                Ok(result) => add(result?),
                Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
                Err(_) => return Ok(false),
            }
        }
        Ok(true)
    }
}

/// How sums lie: by group, then by time.
#[derive(Debug, Clone, Copy)]
struct Shape {
    from: i32,
    to: i32,
    cut: Cut,
    groups: usize,
}

/// Sums of figures.
enum Sums {
    /// By place.
    Dense(Vec<(Sum, i64)>),
    /// Too many places, most of which are empty.
    Sparse(HashMap<usize, (Sum, i64), FixedState>),
}

impl Shape {
    fn of(question: &Question<'_>, groups: usize) -> Self {
        Self { from: day(question.from), to: day(question.to), cut: question.cut, groups }
    }

    /// How many times there are.
    fn width(&self) -> usize {
        let days = usize::try_from(self.to.saturating_sub(self.from)).unwrap_or_default();
        if self.cut == Cut::Whole { 1 } else { days }
    }

    fn begin(&self) -> Sums {
        match self.groups.saturating_mul(self.width()) {
            places @ ..=MOST_PLACES => Sums::Dense(vec![Default::default(); places]),
            _ => Sums::Sparse(HashMap::default()),
        }
    }

    fn takes(&self, day: i32) -> bool {
        (self.from..self.to).contains(&day)
    }

    fn add(&self, sums: &mut Sums, figure: &Figure) {
        let bucket = match self.cut {
            Cut::Whole => 0,
            Cut::Daily => figure.day - self.from,
            Cut::Monthly => first_of_month(figure.day).max(self.from) - self.from,
        };
        let bucket = usize::try_from(bucket).unwrap_or_default();
        if let Some((sum, lines)) = sums.at(figure.group as usize * self.width() + bucket) {
            sum.add(figure.amount);
            *lines += figure.lines;
        }
    }

    fn cells(&self, sums: Sums) -> Result<Vec<Cell>, LakeError> {
        let mut all: Vec<(usize, (Sum, i64))> = match sums {
            Sums::Dense(sums) => {
                sums.into_iter().enumerate().filter(|(_, (_, lines))| *lines > 0).collect()
            }
            Sums::Sparse(sums) => sums.into_iter().collect(),
        };
        all.sort_unstable_by_key(|(place, _)| *place);
        let width = self.width().max(1);
        let cell = |(place, (sum, lines)): (usize, (Sum, i64))| {
            let day = self.from.saturating_add(i32::try_from(place % width).unwrap_or(i32::MAX));
            let bucket = match self.cut {
                Cut::Whole => 0,
                Cut::Daily => day,
                Cut::Monthly => first_of_month(day),
            };
            let (group, bucket, lines) = (place / width, i64::from(bucket), lines.unsigned_abs());
            Ok(Cell { group, bucket, units: sum.total()?, lines })
        };
        all.into_iter().map(cell).collect()
    }
}

impl Sums {
    fn at(&mut self, place: usize) -> Option<&mut (Sum, i64)> {
        match self {
            Self::Dense(sums) => sums.get_mut(place),
            Self::Sparse(sums) => Some(sums.entry(place).or_default()),
        }
    }

    fn merge(&mut self, other: Self) {
        let others: Box<dyn Iterator<Item = _>> = match other {
            Self::Dense(sums) => {
                Box::new(sums.into_iter().enumerate().filter(|(_, (_, lines))| *lines > 0))
            }
            Self::Sparse(sums) => Box::new(sums.into_iter()),
        };
        for (place, (sum, lines)) in others {
            if let Some(known) = self.at(place) {
                known.0 += sum;
                known.1 += lines;
            }
        }
    }
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

/// A row of figures.
struct Figure {
    day: i32,
    group: u32,
    lines: i64,
    amount: i128,
    largest: i128,
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

/// The largest of many amounts.
struct Top {
    most: usize,
    heap: BinaryHeap<Reverse<i128>>,
}

impl Top {
    fn new(most: usize) -> Self {
        Self { most, heap: BinaryHeap::new() }
    }

    fn add(&mut self, amount: i128) {
        if self.heap.len() < self.most {
            self.heap.push(Reverse(amount));
        } else if self.heap.peek().is_some_and(|least| amount > least.0) {
            self.heap.pop();
            self.heap.push(Reverse(amount));
        }
    }

    /// The smallest of them, when there are as many as were asked for.
    fn least(&self) -> Option<i128> {
        self.heap.peek().filter(|_| self.heap.len() == self.most).map(|least| least.0)
    }
}

fn first_of_month(day: i32) -> i32 {
    let date = NaiveDate::from_epoch_days(day);
    date.map_or(day, |date| day - i32::try_from(date.day0()).unwrap_or_default())
}

fn day(date: NaiveDate) -> i32 {
    date.to_epoch_days()
}

/// The beginning of a day, as columns of time have it.
fn instant(date: NaiveDate) -> Expr {
    let micros = i64::from(day(date)).saturating_mul(MICROS_PER_DAY);
    lit(ScalarValue::TimestampMicrosecond(Some(micros), Some("UTC".into())))
}
