//! The roll-up: sums per day and a few texts, taken while lines are written.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, Date32Array, Decimal128Array, Int64Array, RecordBatch, StringArray,
};
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Int32Type, Int64Type, TimestampMicrosecondType,
};
use billhook_money::{Overflow, Sum};
use foldhash::fast::FixedState;
use hashbrown::HashMap;

use crate::LakeError;
use crate::spec::{COST_DAILY, DAILY_KEYS, DAILY_SUMS, gross};

/// Day (since 1970-01-01) and the texts of [`DAILY_KEYS`]; `None` where a line has no value.
pub type DailyKey = (i32, [Option<Arc<str>>; DAILY_KEYS.len()]);

/// Sums of one key.
#[derive(Debug, Clone, Default)]
pub struct DailySums {
    /// Source lines.
    pub lines: i64,
    /// In the order of [`DAILY_SUMS`].
    pub sums: [Sum; DAILY_SUMS.len()],
}

/// Sums of a slice.
#[derive(Debug, Clone, Default)]
pub struct Daily {
    names: Names,
    /// By day and the numbers of the texts: place in `totals`.
    places: HashMap<Numbers, u32, FixedState>,
    totals: Vec<DailySums>,
}

/// Day and the numbers of [`DAILY_KEYS`]' texts.
type Numbers = (i32, [u32; DAILY_KEYS.len()]);

/// The number of a text that is not there.
const NONE: u32 = u32::MAX;

/// A number not looked up yet.
const UNMET: u32 = u32::MAX - 1;

/// Texts by number.
#[derive(Debug, Clone, Default)]
struct Names {
    texts: Vec<Arc<str>>,
    numbers: HashMap<Arc<str>, u32, FixedState>,
}

const MICROS_PER_DAY: i64 = 86_400_000_000;

impl Daily {
    /// Takes a batch of the cost table in.
    ///
    /// # Errors
    /// [`LakeError::Arrow`] when a column of the roll-up is missing.
    pub fn add(&mut self, batch: &RecordBatch, is_source_row: bool) -> Result<(), LakeError> {
        let starts = column(batch, "ChargePeriodStart")?;
        let starts = starts.as_primitive::<TimestampMicrosecondType>();
        let days = starts.values().iter().map(|micros| micros.div_euclid(MICROS_PER_DAY));
        let days = days.map(|day| i32::try_from(day).unwrap_or(0));
        let places = self.places(batch, days)?;
        let sums =
            DAILY_SUMS.iter().map(|name| column(batch, name)).collect::<Result<Vec<_>, _>>()?;
        let sums: Vec<&Decimal128Array> =
            sums.into_iter().map(AsArray::as_primitive::<Decimal128Type>).collect();
        add_columns(&mut self.totals, &places, &sums);
        if is_source_row {
            for place in &places {
                self.totals[*place as usize].lines += 1;
            }
        }
        Ok(())
    }

    /// The place in `totals` of each row.
    fn places(
        &mut self,
        batch: &RecordBatch,
        days: impl Iterator<Item = i32>,
    ) -> Result<Vec<u32>, LakeError> {
        let mut keys: Vec<Numbers> = days.map(|day| (day, [NONE; DAILY_KEYS.len()])).collect();
        for (index, name) in DAILY_KEYS.iter().enumerate() {
            self.names.fill(column(batch, name)?, |row, number| keys[row].1[index] = number);
        }
        let place = |key| {
            *self.places.entry(key).or_insert_with(|| {
                self.totals.push(DailySums::default());
                u32::try_from(self.totals.len() - 1).unwrap_or(u32::MAX)
            })
        };
        Ok(keys.into_iter().map(place).collect())
    }

    /// Adds what another worker summed.
    pub fn merge(&mut self, other: &Self) {
        for ((day, numbers), place) in &other.places {
            let own = |number: &u32| match other.names.texts.get(*number as usize) {
                Some(text) => self.names.number(text),
                None => NONE,
            };
            let key = (*day, numbers.each_ref().map(own));
            let next = u32::try_from(self.totals.len()).unwrap_or(u32::MAX);
            let at = *self.places.entry(key).or_insert(next);
            if at == next {
                self.totals.push(DailySums::default());
            }
            self.totals[at as usize].merge(&other.totals[*place as usize]);
        }
    }

    /// The sums by day and texts, in order.
    #[must_use]
    pub fn sums(&self) -> BTreeMap<DailyKey, &DailySums> {
        let text = |number: &u32| self.names.texts.get(*number as usize).map(Arc::clone);
        let entry = |((day, numbers), place): (&Numbers, &u32)| {
            ((*day, numbers.each_ref().map(text)), &self.totals[*place as usize])
        };
        self.places.iter().map(entry).collect()
    }

    /// The rows of `cost_daily`, without partition columns.
    ///
    /// # Errors
    /// [`LakeError::Overflow`] when a sum does not fit.
    pub fn batch(&self) -> Result<RecordBatch, LakeError> {
        let schema = COST_DAILY.file_schema();
        let sums = self.sums();
        let mut arrays: Vec<ArrayRef> = Vec::with_capacity(schema.fields().len());
        for field in schema.fields() {
            let name = field.name().as_str();
            let key = DAILY_KEYS.iter().position(|key| *key == name);
            let sum = DAILY_SUMS.iter().position(|sum| *sum == name);
            arrays.push(match (key, sum) {
                (Some(key), _) => {
                    let texts = sums.keys().map(|(_, texts)| texts[key].as_deref());
                    Arc::new(texts.collect::<StringArray>())
                }
                (_, Some(sum)) => {
                    let totals: Result<Vec<i128>, Overflow> =
                        sums.values().map(|sums| sums.sums[sum].total()).collect();
                    let array = Decimal128Array::from(totals?);
                    Arc::new(array.with_data_type(field.data_type().clone()))
                }
                _ if name == "ChargeDate" => {
                    Arc::new(Date32Array::from_iter_values(sums.keys().map(|(day, _)| *day)))
                }
                _ => Arc::new(Int64Array::from_iter_values(sums.values().map(|s| s.lines))),
            });
        }
        RecordBatch::try_new(schema, arrays)
            .map_err(|source| LakeError::Arrow { table: COST_DAILY.name, source })
    }

    /// Reads rows of `cost_daily` back.
    ///
    /// # Errors
    /// [`LakeError::Arrow`] when a column is missing.
    pub fn read(&mut self, batch: &RecordBatch) -> Result<(), LakeError> {
        let days = column(batch, "ChargeDate")?.as_primitive::<Date32Type>();
        let places = self.places(batch, days.values().iter().copied())?;
        let lines = column(batch, "x_LineItems")?.as_primitive::<Int64Type>();
        for (place, lines) in places.iter().zip(lines.values()) {
            self.totals[*place as usize].lines += lines;
        }
        for (index, name) in DAILY_SUMS.iter().enumerate() {
            let amounts = column(batch, name)?.as_primitive::<Decimal128Type>();
            for (place, amount) in places.iter().zip(amounts.values()) {
                self.totals[*place as usize].sums[index].add(*amount);
            }
        }
        Ok(())
    }
}

/// Adds each row's amounts to the totals at its place.
fn add_columns(totals: &mut [DailySums], places: &[u32], sums: &[&Decimal128Array]) {
    // A report without net columns counts as if net were the same as gross.
    let fallback = |index: usize| {
        let gross = gross(DAILY_SUMS[index])?;
        DAILY_SUMS.iter().position(|name| *name == gross)
    };
    let columns: Vec<(&Decimal128Array, Option<&Decimal128Array>)> =
        (0..sums.len()).map(|index| (sums[index], fallback(index).map(|at| sums[at]))).collect();
    // Row by row: the totals of a place lie together.
    for (row, place) in places.iter().enumerate() {
        for ((array, gross), sum) in columns.iter().zip(&mut totals[*place as usize].sums) {
            if array.is_valid(row) {
                sum.add(array.value(row));
            } else if let Some(gross) = gross.filter(|gross| gross.is_valid(row)) {
                sum.add(gross.value(row));
            }
        }
    }
}

impl DailySums {
    fn merge(&mut self, other: &Self) {
        self.lines += other.lines;
        for (sum, other) in self.sums.iter_mut().zip(&other.sums) {
            *sum += *other;
        }
    }
}

fn column<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a ArrayRef, LakeError> {
    batch.column_by_name(name).ok_or_else(|| LakeError::Arrow {
        table: COST_DAILY.name,
        source: arrow::error::ArrowError::SchemaError(format!("column {name} is missing")),
    })
}

impl Names {
    fn number(&mut self, text: &str) -> u32 {
        if let Some(&number) = self.numbers.get(text) {
            return number;
        }
        let number = u32::try_from(self.texts.len()).unwrap_or(UNMET - 1);
        let text: Arc<str> = Arc::from(text);
        self.texts.push(Arc::clone(&text));
        self.numbers.insert(text, number);
        number
    }

    /// Calls `each` with every row and its text's number; rows without text are left out.
    fn fill(&mut self, array: &ArrayRef, mut each: impl FnMut(usize, u32)) {
        if let DataType::Dictionary(..) = array.data_type() {
            let dictionary = array.as_dictionary::<Int32Type>();
            let values = dictionary.values().as_string_view();
            let mut numbers = vec![UNMET; values.len()];
            for (row, key) in dictionary.keys().iter().enumerate() {
                let Some(key) = key.and_then(|key| usize::try_from(key).ok()) else { continue };
                if numbers[key] == UNMET {
                    numbers[key] = self.number(values.value(key));
                }
                each(row, numbers[key]);
            }
        } else {
            for (row, text) in array.as_string::<i32>().iter().enumerate() {
                if let Some(text) = text {
                    each(row, self.number(text));
                }
            }
        }
    }
}
