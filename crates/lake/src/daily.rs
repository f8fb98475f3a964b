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
use hashbrown::HashMap;

use crate::LakeError;
use crate::spec::{COST_DAILY, DAILY_KEYS, DAILY_SUMS};

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
    /// By day and texts, in order.
    pub sums: BTreeMap<DailyKey, DailySums>,
}

const MICROS_PER_DAY: i64 = 86_400_000_000;

impl Daily {
    /// Takes a batch of the cost table in.
    ///
    /// # Errors
    /// [`LakeError::Arrow`] when a column of the roll-up is missing.
    pub fn add(&mut self, batch: &RecordBatch, is_source_row: bool) -> Result<(), LakeError> {
        let texts: Vec<Texts> = DAILY_KEYS
            .iter()
            .map(|name| column(batch, name).map(Texts::of))
            .collect::<Result<_, _>>()?;
        let sums =
            DAILY_SUMS.iter().map(|name| column(batch, name)).collect::<Result<Vec<_>, _>>()?;
        let sums: Vec<&Decimal128Array> =
            sums.into_iter().map(AsArray::as_primitive::<Decimal128Type>).collect();
        let starts = column(batch, "ChargePeriodStart")?;
        let starts = starts.as_primitive::<TimestampMicrosecondType>();
        let mut groups: HashMap<[i32; DAILY_KEYS.len() + 1], u32, foldhash::fast::FixedState> =
            HashMap::default();
        let mut slots = Vec::with_capacity(batch.num_rows());
        for row in 0..batch.num_rows() {
            let day = i32::try_from(starts.value(row).div_euclid(MICROS_PER_DAY)).unwrap_or(0);
            let mut key = [day; DAILY_KEYS.len() + 1];
            for (part, texts) in key[1..].iter_mut().zip(&texts) {
                *part = texts.key(row);
            }
            let next = u32::try_from(groups.len()).unwrap_or(u32::MAX);
            slots.push(*groups.entry(key).or_insert(next));
        }
        let mut totals = vec![DailySums::default(); groups.len()];
        add_columns(&mut totals, &slots, &sums);
        if is_source_row {
            for slot in &slots {
                totals[*slot as usize].lines += 1;
            }
        }
        for (key, slot) in groups {
            let names = std::array::from_fn(|index| texts[index].name(key[index + 1]));
            let entry = self.sums.entry((key[0], names)).or_default();
            entry.merge(&totals[slot as usize]);
        }
        Ok(())
    }

    /// Adds what another worker summed.
    pub fn merge(&mut self, other: Self) {
        for (key, sums) in other.sums {
            self.sums.entry(key).or_default().merge(&sums);
        }
    }

    /// The rows of `cost_daily`, without partition columns.
    ///
    /// # Errors
    /// [`LakeError::Overflow`] when a sum does not fit.
    pub fn batch(&self) -> Result<RecordBatch, LakeError> {
        let schema = COST_DAILY.file_schema();
        let mut arrays: Vec<ArrayRef> = Vec::with_capacity(schema.fields().len());
        for field in schema.fields() {
            let name = field.name().as_str();
            let key = DAILY_KEYS.iter().position(|key| *key == name);
            let sum = DAILY_SUMS.iter().position(|sum| *sum == name);
            arrays.push(match (key, sum) {
                (Some(key), _) => {
                    let texts = self.sums.keys().map(|(_, texts)| texts[key].as_deref());
                    Arc::new(texts.collect::<StringArray>())
                }
                (_, Some(sum)) => {
                    let totals: Result<Vec<i128>, Overflow> =
                        self.sums.values().map(|sums| sums.sums[sum].total()).collect();
                    let array = Decimal128Array::from(totals?);
                    Arc::new(array.with_data_type(field.data_type().clone()))
                }
                _ if name == "ChargeDate" => {
                    Arc::new(Date32Array::from_iter_values(self.sums.keys().map(|(day, _)| *day)))
                }
                _ => Arc::new(Int64Array::from_iter_values(self.sums.values().map(|s| s.lines))),
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
        let keys =
            DAILY_KEYS.iter().map(|name| column(batch, name)).collect::<Result<Vec<_>, _>>()?;
        let keys: Vec<Texts> = keys.into_iter().map(Texts::of).collect();
        let sums =
            DAILY_SUMS.iter().map(|name| column(batch, name)).collect::<Result<Vec<_>, _>>()?;
        let days = column(batch, "ChargeDate")?.as_primitive::<Date32Type>();
        let lines = column(batch, "x_LineItems")?.as_primitive::<Int64Type>();
        for row in 0..batch.num_rows() {
            let texts = std::array::from_fn(|index| keys[index].name(keys[index].key(row)));
            let entry = self.sums.entry((days.value(row), texts)).or_default();
            entry.lines += lines.value(row);
            for (sum, array) in entry.sums.iter_mut().zip(&sums) {
                sum.add(array.as_primitive::<Decimal128Type>().value(row));
            }
        }
        Ok(())
    }
}

/// Adds each row's amounts to the totals of its slot.
fn add_columns(totals: &mut [DailySums], slots: &[u32], sums: &[&Decimal128Array]) {
    for (index, array) in sums.iter().enumerate() {
        // A report without net columns counts as if net were the same as gross.
        let fallback = DAILY_SUMS[index].strip_prefix("x_Net").and_then(|rest| {
            let gross = DAILY_SUMS.iter().position(|name| name.strip_prefix("x_") == Some(rest));
            gross.map(|gross| sums[gross])
        });
        for (row, slot) in slots.iter().enumerate() {
            let value = if array.is_valid(row) {
                array.value(row)
            } else {
                match fallback {
                    Some(gross) if gross.is_valid(row) => gross.value(row),
                    _ => continue,
                }
            };
            totals[*slot as usize].sums[index].add(value);
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

/// A text column by numbers.
enum Texts {
    Dictionary(arrow::array::Int32Array, Vec<Arc<str>>),
    Plain(Vec<i32>, Vec<Arc<str>>),
}

impl Texts {
    fn of(array: &ArrayRef) -> Self {
        if let DataType::Dictionary(..) = array.data_type() {
            let dictionary = array.as_dictionary::<Int32Type>();
            let values = dictionary.values().as_string::<i32>();
            let values = values.iter().map(|value| Arc::from(value.unwrap_or_default())).collect();
            return Self::Dictionary(dictionary.keys().clone(), values);
        }
        let mut numbers: HashMap<&str, i32> = HashMap::new();
        let mut values: Vec<Arc<str>> = Vec::new();
        let keys = array.as_string::<i32>().iter().map(|value| {
            let Some(value) = value else { return -1 };
            *numbers.entry(value).or_insert_with(|| {
                values.push(Arc::from(value));
                i32::try_from(values.len() - 1).unwrap_or(i32::MAX)
            })
        });
        let keys = keys.collect();
        Self::Plain(keys, values)
    }

    #[inline]
    fn key(&self, row: usize) -> i32 {
        match self {
            Self::Dictionary(keys, _) if keys.is_valid(row) => keys.value(row),
            Self::Dictionary(..) => -1,
            Self::Plain(keys, _) => keys[row],
        }
    }

    fn name(&self, key: i32) -> Option<Arc<str>> {
        let (Self::Dictionary(_, values) | Self::Plain(_, values)) = self;
        usize::try_from(key).ok().map(|key| Arc::clone(&values[key]))
    }
}
