//! Makes the summary of a data file.
//!
//! Texts arrive with the numbers that they have in their row group's dictionary. Each gets a number
//! of the summary's own, those of a row are looked up as one key, and amounts are added up by day
//! and key. What is held is bounded: when there is too much of it, it is written and begun anew,
//! which only costs that some figures have several rows.

use std::fs::{self, File};
use std::hash::BuildHasher;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Decimal128Array, Int32Array, Int64Array, RecordBatch,
};
use arrow::datatypes::{
    DataType, Decimal128Type, Field, Schema, SchemaRef, TimestampMicrosecondType,
};
use billhook_money::Overflow;
use bytes::Bytes;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::ParquetFileReaderFactory;
use datafusion::datasource::physical_plan::parquet::DefaultParquetFileReaderFactory;
use datafusion::physical_plan::metrics::ExecutionPlanMetricsSet;
use foldhash::fast::FixedState;
use futures::TryStreamExt;
use futures::future::BoxFuture;
use hashbrown::{HashMap, HashTable};
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use parquet::arrow::arrow_writer::{ArrowWriter, ArrowWriterOptions};
use parquet::arrow::async_reader::AsyncFileReader;
use parquet::arrow::{ParquetRecordBatchStreamBuilder, ProjectionMask};
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::{ParquetError, Result as ParquetResult};
use parquet::file::metadata::ParquetMetaData;
use parquet::file::properties::WriterProperties;

use super::values::{NONE, Values};
use super::{ATTRIBUTES, FIGURES, MAPS, TUPLES, failed, split};
use crate::spec::{COST_AND_USAGE, DAILY_SUMS, gross};
use crate::table::FileEntry;
use crate::{Lake, LakeError};

/// What is held of a summary before it is written.
#[derive(Debug, Clone, Copy)]
struct Most {
    figures: usize,
    tuples: usize,
    /// A file of more lines than that is worth a summary only with half as many figures.
    lines: u64,
}

/// About 100 MiB.
const MOST: Most = Most { figures: 250_000, tuples: 100_000, lines: 100_000 };

/// Rows of a batch; the row groups of a data file have as many.
const BATCH: usize = 65_536;

/// Rows of a batch that is written.
const WRITTEN: usize = 16_384;

const MICROS_PER_DAY: i64 = 86_400_000_000;

/// Makes a summary beside `base` and returns how many bytes its tuples have; `None` when it would
/// have hardly fewer figures than there are lines.
pub(super) async fn summary(
    lake: &Lake,
    file: &FileEntry,
    base: &Path,
) -> Result<Option<u64>, LakeError> {
    let path = lake.path(&format!("{}/{}", COST_AND_USAGE.name, file.path))?;
    let wrong = |source: ParquetError| LakeError::Summary { path: format!("/{path}"), source };
    let mut reader = Data::at(lake, path.as_ref(), file.size)?;
    let options = ArrowReaderOptions::new();
    let metadata =
        ArrowReaderMetadata::load_async(&mut reader, options.clone()).await.map_err(wrong)?;
    let options = options.with_schema(numbered(metadata.schema()));
    let metadata =
        ArrowReaderMetadata::try_new(Arc::clone(metadata.metadata()), options).map_err(wrong)?;
    let needed = |name: &str| {
        ATTRIBUTES.contains(&name) || DAILY_SUMS.contains(&name) || name == "ChargePeriodStart"
    };
    let fields = metadata.schema().fields().iter().enumerate();
    let roots = fields.filter(|(_, field)| needed(field.name())).map(|(at, _)| at);
    let mask = ProjectionMask::roots(metadata.parquet_schema(), roots.collect::<Vec<_>>());
    let mut batches = ParquetRecordBatchStreamBuilder::new_with_metadata(reader, metadata)
        .with_projection(mask)
        .with_batch_size(BATCH)
        .build()
        .map_err(wrong)?;
    let mut builder = Builder::begin(base, MOST)?;
    while let Some(batch) = batches.try_next().await.map_err(wrong)? {
        builder.add(&batch)?;
    }
    builder.finish()
}

/// A data file of the lake.
struct Data(Box<dyn AsyncFileReader + Send>);

impl Data {
    fn at(lake: &Lake, path: &str, size: u64) -> Result<Self, LakeError> {
        let readers = DefaultParquetFileReaderFactory::new(Arc::clone(&lake.store));
        let file = PartitionedFile::new(path, size);
        Ok(Self(readers.create_reader(0, file, None, &ExecutionPlanMetricsSet::new())?))
    }
}

impl AsyncFileReader for Data {
    fn get_bytes(&mut self, range: Range<u64>) -> BoxFuture<'_, ParquetResult<Bytes>> {
        self.0.get_bytes(range)
    }

    fn get_byte_ranges(
        &mut self,
        ranges: Vec<Range<u64>>,
    ) -> BoxFuture<'_, ParquetResult<Vec<Bytes>>> {
        self.0.get_byte_ranges(ranges)
    }

    fn get_metadata<'a>(
        &'a mut self,
        options: Option<&'a ArrowReaderOptions>,
    ) -> BoxFuture<'a, ParquetResult<Arc<ParquetMetaData>>> {
        self.0.get_metadata(options)
    }
}

/// The same columns, with text that stays numbered.
fn numbered(schema: &Schema) -> SchemaRef {
    let fields = schema.fields().iter().map(|field| match field.data_type() {
        DataType::Utf8 => {
            let kind = DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8));
            Arc::new(Field::new(field.name(), kind, field.is_nullable()))
        }
        _ => Arc::clone(field),
    });
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

/// Figures of a day and a tuple.
#[derive(Default)]
struct Figure {
    lines: i64,
    sums: [i128; DAILY_SUMS.len()],
    largest: [i128; DAILY_SUMS.len()],
}

/// What is held of a summary while it is made.
struct Builder {
    base: PathBuf,
    most: Most,
    /// Values of each of [`ATTRIBUTES`].
    values: Vec<Values>,
    /// Numbers of the values of all tuples, one after the other.
    keys: Vec<u32>,
    tuples: HashTable<u32>,
    /// Place in `figures` by day and tuple.
    places: HashMap<(i32, i32), usize, FixedState>,
    figures: Vec<Figure>,
    /// Tuples that were written.
    written: u32,
    lines: u64,
    rows: u64,
    tuples_out: Out,
    figures_out: Out,
}

impl Builder {
    fn begin(base: &Path, most: Most) -> Result<Self, LakeError> {
        Ok(Self {
            base: base.to_owned(),
            most,
            values: ATTRIBUTES.iter().map(|_| Values::default()).collect(),
            keys: Vec::new(),
            tuples: HashTable::new(),
            places: HashMap::with_hasher(FixedState::default()),
            figures: Vec::new(),
            written: 0,
            lines: 0,
            rows: 0,
            tuples_out: Out::begin(base, "tuples", &TUPLES)?,
            figures_out: Out::begin(base, "figures", &FIGURES)?,
        })
    }

    fn add(&mut self, batch: &RecordBatch) -> Result<(), LakeError> {
        let width = ATTRIBUTES.len();
        let mut keys = vec![NONE; batch.num_rows() * width];
        for (at, (name, values)) in ATTRIBUTES.iter().zip(&mut self.values).enumerate() {
            if let Some(array) = batch.column_by_name(name) {
                values.fill(array, |row, number| keys[row * width + at] = number);
            }
        }
        let starts = column(batch, "ChargePeriodStart")?;
        let starts = starts.as_primitive::<TimestampMicrosecondType>();
        let amounts = Amounts::of(batch)?;
        let mut before = None;
        for (row, key) in keys.chunks_exact(width).enumerate() {
            let tuple = match before {
                Some((known, tuple)) if known == key => tuple,
                _ => self.tuple(key),
            };
            before = Some((key, tuple));
            let day = starts.value(row).div_euclid(MICROS_PER_DAY);
            let day = i32::try_from(day).unwrap_or_default();
            let next = self.figures.len();
            let place = *self.places.entry((day, tuple)).or_insert(next);
            if place == next {
                self.figures.push(Figure::default());
            }
            self.figures[place].add(&amounts, row)?;
        }
        self.lines += u64::try_from(batch.num_rows()).unwrap_or_default();
        if self.figures.len() >= self.most.figures || self.tuples.len() >= self.most.tuples {
            self.write()?;
        }
        Ok(())
    }

    /// The number of a tuple.
    fn tuple(&mut self, key: &[u32]) -> i32 {
        let width = key.len();
        let keys = &self.keys;
        let of = |number: &u32| {
            let start = *number as usize * width;
            &keys[start..start + width]
        };
        if let Some(number) = self.tuples.find(hash(key), |number| of(number) == key) {
            return self.number(*number);
        }
        let number = u32::try_from(self.tuples.len()).unwrap_or(NONE);
        self.tuples.insert_unique(hash(key), number, |number| hash(of(number)));
        self.keys.extend_from_slice(key);
        self.number(number)
    }

    /// The number that a tuple has in the file.
    fn number(&self, number: u32) -> i32 {
        i32::try_from(self.written + number).unwrap_or(i32::MAX)
    }

    /// Writes what is held, and holds nothing any more.
    fn write(&mut self) -> Result<(), LakeError> {
        let width = ATTRIBUTES.len();
        let mut number = self.written;
        for keys in self.keys.chunks(WRITTEN * width) {
            let rows = keys.len() / width;
            let numbers = (number..).take(rows).map(|n| i32::try_from(n).unwrap_or(i32::MAX));
            let mut arrays: Vec<ArrayRef> = vec![Arc::new(Int32Array::from_iter_values(numbers))];
            for (at, (name, values)) in ATTRIBUTES.iter().zip(&self.values).enumerate() {
                let numbers = keys.iter().skip(at).step_by(width).copied();
                let is_map = MAPS.contains(name);
                arrays.push(if is_map { values.maps(numbers)? } else { values.texts(numbers) });
            }
            self.tuples_out.write(&TUPLES, arrays)?;
            number += u32::try_from(rows).unwrap_or_default();
        }
        let mut places: Vec<_> = self.places.drain().collect();
        // What belongs together lies together.
        places.sort_unstable_by_key(|((day, tuple), _)| (*tuple, *day));
        for places in places.chunks(WRITTEN) {
            self.figures_out.write(&FIGURES, figures(places, &self.figures))?;
        }
        self.rows += u64::try_from(self.figures.len()).unwrap_or_default();
        self.written = number;
        self.values.iter_mut().for_each(|values| *values = Values::default());
        self.keys = Vec::new();
        self.tuples = HashTable::new();
        self.figures = Vec::new();
        Ok(())
    }

    fn finish(mut self) -> Result<Option<u64>, LakeError> {
        self.write()?;
        if self.lines > self.most.lines && self.rows > self.lines / 2 {
            self.tuples_out.drop_it();
            self.figures_out.drop_it();
            let path = self.base.with_added_extension("worthless");
            fs::write(&path, "").map_err(|source| failed(&path, source.into()))?;
            return Ok(None);
        }
        // The tuples last: where they are, the summary is whole.
        self.figures_out.finish()?;
        self.tuples_out.finish().map(Some)
    }
}

fn hash(key: &[u32]) -> u64 {
    FixedState::default().hash_one(key)
}

fn figures(places: &[((i32, i32), usize)], figures: &[Figure]) -> Vec<ArrayRef> {
    let days = places.iter().map(|((day, _), _)| *day);
    let tuples = places.iter().map(|((_, tuple), _)| *tuple);
    let of = || places.iter().map(|(_, place)| &figures[*place]);
    let mut arrays: Vec<ArrayRef> = vec![
        Arc::new(Int32Array::from_iter_values(days)),
        Arc::new(Int32Array::from_iter_values(tuples)),
        Arc::new(Int64Array::from_iter_values(of().map(|figure| figure.lines))),
    ];
    let mut amounts = |amount: &dyn Fn(&Figure) -> i128| {
        for half in [0, 1] {
            let halves = of().map(|figure| split(amount(figure))[half]);
            arrays.push(Arc::new(Int64Array::from_iter_values(halves)));
        }
    };
    (0..DAILY_SUMS.len()).for_each(|at| amounts(&|figure| figure.sums[at]));
    (0..DAILY_SUMS.len()).for_each(|at| amounts(&|figure| figure.largest[at]));
    arrays
}

/// The amounts of a batch, in the order of [`DAILY_SUMS`], with what counts where there is none.
struct Amounts<'a>(Vec<(&'a Decimal128Array, Option<&'a Decimal128Array>)>);

impl<'a> Amounts<'a> {
    fn of(batch: &'a RecordBatch) -> Result<Self, LakeError> {
        let amounts = |name: &str| -> Result<&'a Decimal128Array, LakeError> {
            Ok(column(batch, name)?.as_primitive::<Decimal128Type>())
        };
        let of = |name: &&str| Ok((amounts(name)?, gross(name).map(&amounts).transpose()?));
        Ok(Self(DAILY_SUMS.iter().map(of).collect::<Result<_, LakeError>>()?))
    }

    fn row(&self, row: usize) -> impl Iterator<Item = i128> {
        let value = move |array: &&Decimal128Array| array.is_valid(row).then(|| array.value(row));
        self.0.iter().map(move |(own, gross)| {
            value(own).or_else(|| gross.as_ref().and_then(value)).unwrap_or_default()
        })
    }
}

impl Figure {
    fn add(&mut self, amounts: &Amounts<'_>, row: usize) -> Result<(), Overflow> {
        self.lines += 1;
        for ((amount, sum), largest) in amounts.row(row).zip(&mut self.sums).zip(&mut self.largest)
        {
            *sum = sum.checked_add(amount).ok_or(Overflow)?;
            *largest = amount.abs().max(*largest);
            if sum.unsigned_abs() > billhook_money::MAX.unsigned_abs() {
                return Err(Overflow);
            }
        }
        Ok(())
    }
}

/// A file that is written under another name until it is whole.
struct Out {
    path: PathBuf,
    part: PathBuf,
    writer: ArrowWriter<File>,
}

impl Out {
    fn begin(base: &Path, ending: &str, schema: &SchemaRef) -> Result<Self, LakeError> {
        let path = base.with_added_extension(ending);
        // Two servers may be at the same file; both write the same.
        let part = path.with_added_extension(format!("{}.part", process::id()));
        let wrong = |source: ParquetError| failed(&part, source);
        let file = File::create(&part).map_err(|source| wrong(source.into()))?;
        let level = ZstdLevel::try_new(1).map_err(wrong)?;
        let properties =
            WriterProperties::builder().set_compression(Compression::ZSTD(level)).build();
        // Without, text is read back as text.
        let options =
            ArrowWriterOptions::new().with_properties(properties).with_skip_arrow_metadata(true);
        let writer = ArrowWriter::try_new_with_options(file, Arc::clone(schema), options);
        let writer = writer.map_err(wrong)?;
        Ok(Self { path, part, writer })
    }

    fn write(&mut self, schema: &SchemaRef, arrays: Vec<ArrayRef>) -> Result<(), LakeError> {
        let table = COST_AND_USAGE.name;
        let batch = RecordBatch::try_new(Arc::clone(schema), arrays)
            .map_err(|source| LakeError::Arrow { table, source })?;
        self.writer.write(&batch).map_err(|source| failed(&self.part, source))
    }

    /// Returns how many bytes it has.
    fn finish(self) -> Result<u64, LakeError> {
        let wrong = |source: ParquetError| failed(&self.part, source);
        let file = self.writer.into_inner().map_err(wrong)?;
        let size = file.metadata().map_err(|source| wrong(source.into()))?.len();
        fs::rename(&self.part, &self.path).map_err(|source| wrong(source.into()))?;
        Ok(size)
    }

    fn drop_it(self) {
        fs::remove_file(&self.part).ok();
    }
}

fn column<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a ArrayRef, LakeError> {
    batch.column_by_name(name).ok_or_else(|| LakeError::Arrow {
        table: COST_AND_USAGE.name,
        source: arrow::error::ArrowError::SchemaError(format!("column {name} is missing")),
    })
}

#[cfg(test)]
mod tests {
    use arrow::array::{DictionaryArray, TimestampMicrosecondArray};
    use arrow::datatypes::{Int32Type, Int64Type};
    use billhook_focus::columns::ColumnType;
    use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

    use super::super::{halves, joined};
    use super::*;

    /// A line each: service, day, amount.
    fn batch(lines: &[(&str, i64, i128)]) -> RecordBatch {
        let names: DictionaryArray<Int32Type> = lines.iter().map(|(name, ..)| *name).collect();
        let days = lines.iter().map(|(_, day, _)| day * MICROS_PER_DAY + 3_600_000_000);
        let days = TimestampMicrosecondArray::from_iter_values(days).with_timezone("UTC");
        let amounts = lines.iter().map(|(.., amount)| *amount);
        let amounts = Decimal128Array::from_iter_values(amounts);
        let amounts: ArrayRef = Arc::new(amounts.with_data_type(ColumnType::Decimal.arrow()));
        let mut columns: Vec<(&str, ArrayRef)> =
            vec![("ServiceName", Arc::new(names)), ("ChargePeriodStart", Arc::new(days))];
        columns.extend(DAILY_SUMS.iter().map(|name| (*name, Arc::clone(&amounts))));
        RecordBatch::try_from_iter(columns).unwrap()
    }

    /// Day, tuple, lines, sum and largest of a file's figures.
    fn read(base: &Path) -> Vec<(i32, i32, i64, i128, i128)> {
        let file = File::open(base.with_added_extension("figures")).unwrap();
        let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap();
        let mut rows = Vec::new();
        for batch in reader {
            let batch = batch.unwrap();
            let small = |name: &str, row: usize| {
                column(&batch, name).unwrap().as_primitive::<Int32Type>().value(row)
            };
            let number = |name: &str, row: usize| {
                column(&batch, name).unwrap().as_primitive::<Int64Type>().value(row)
            };
            for row in 0..batch.num_rows() {
                let amount = |name: &str| {
                    let [high, low] = halves(name).map(|half| number(&half, row));
                    joined(high, low)
                };
                let of = (amount("BilledCost"), amount("LargestBilledCost"));
                let (day, tuple) = (small("Day", row), small("x_Tuple", row));
                rows.push((day, tuple, number("Lines", row), of.0, of.1));
            }
        }
        rows
    }

    #[test]
    fn what_is_held_is_bounded_and_nothing_is_lost() {
        let folder = tempfile::tempdir().unwrap();
        let (one, two) = (batch(&[("a", 1, 5), ("b", 1, -7), ("a", 1, 2)]), batch(&[("a", 1, 1)]));
        let many = Most { figures: 100, tuples: 100, lines: 100 };
        for (most, expected) in [
            (many, vec![(1, 0, 3, 8, 5), (1, 1, 1, -7, 7)]),
            // Two figures are too many: the tuple comes again, with another number.
            (Most { figures: 2, ..many }, vec![(1, 0, 2, 7, 5), (1, 1, 1, -7, 7), (1, 2, 1, 1, 1)]),
            (Most { tuples: 2, ..many }, vec![(1, 0, 2, 7, 5), (1, 1, 1, -7, 7), (1, 2, 1, 1, 1)]),
        ] {
            let base = folder.path().join("part");
            let mut builder = Builder::begin(&base, most).unwrap();
            builder.add(&one).unwrap();
            builder.add(&two).unwrap();
            assert!(builder.finish().unwrap().is_some());
            assert_eq!(read(&base), expected);
        }
    }

    #[test]
    fn what_hardly_repeats_is_not_worth_it_and_what_does_not_fit_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let base = folder.path().join("part");
        let most = Most { figures: 100, tuples: 100, lines: 2 };
        let mut builder = Builder::begin(&base, most).unwrap();
        builder.add(&batch(&[("a", 1, 5), ("b", 1, 5), ("c", 1, 5)])).unwrap();
        assert_eq!(builder.finish().unwrap(), None);
        let left = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path());
        assert_eq!(left.collect::<Vec<_>>(), [base.with_added_extension("worthless")]);
        let mut builder = Builder::begin(&base, MOST).unwrap();
        let max = billhook_money::MAX;
        let wide = builder.add(&batch(&[("a", 1, max), ("a", 1, 1)]));
        assert!(matches!(wide, Err(LakeError::Overflow(_))), "{wide:?}");
    }
}
