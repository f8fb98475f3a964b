//! The change ledger: what a delivery changed against what the lake believed before (INV-HIST).
//!
//! Adding up all differences up to a moment gives what was believed at that moment.

pub(crate) mod hourly;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{
    ArrayRef, Date32Array, Decimal128Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use arrow::datatypes::DataType;
use billhook_money::Sum;

use crate::LakeError;
use crate::daily::Daily;
use crate::spec::{CHANGE_KEYS, CHANGE_SUMS, DAILY_KEYS, DAILY_SUMS, TableSpec};

const MICROS_PER_HOUR: i64 = 3_600_000_000;

/// Which delivery a change comes from.
#[derive(Debug, Clone)]
pub struct Origin {
    /// Connection.
    pub connection: String,
    /// Billing period, YYYY-MM.
    pub period: String,
    /// Revision of the delivery.
    pub revision: String,
    /// Revision that it replaces, if any.
    pub previous: Option<String>,
    /// When, microseconds since 1970 UTC.
    pub recorded_at: i64,
}

/// Day or hour since 1970, and the texts of [`CHANGE_KEYS`].
type Key = (i32, [Option<Arc<str>>; CHANGE_KEYS.len()]);
type Sums = [Sum; CHANGE_SUMS.len()];

/// One change: the sums before and after.
#[derive(Debug, Clone)]
pub struct Changed {
    key: Key,
    old: [i128; CHANGE_SUMS.len()],
    new: [i128; CHANGE_SUMS.len()],
}

/// What differs between two states of a slice, in order.
///
/// # Errors
/// [`LakeError::Overflow`] when a sum does not fit.
pub fn changes(old: &Daily, new: &Daily) -> Result<Vec<Changed>, LakeError> {
    let (old, new) = (coarse(old), coarse(new));
    let keys: BTreeSet<&Key> = old.keys().chain(new.keys()).collect();
    let mut changes = Vec::new();
    for key in keys {
        let (before, after) = (totals(old.get(key))?, totals(new.get(key))?);
        // A key that is new is recorded even at zero, so that its first figure is on record.
        if before != after || !old.contains_key(key) {
            changes.push(Changed { key: key.clone(), old: before, new: after });
        }
    }
    Ok(changes)
}

fn totals(sums: Option<&Sums>) -> Result<[i128; CHANGE_SUMS.len()], LakeError> {
    let mut totals = [0; CHANGE_SUMS.len()];
    if let Some(sums) = sums {
        for (total, sum) in totals.iter_mut().zip(sums) {
            *total = sum.total()?;
        }
    }
    Ok(totals)
}

/// The roll-up by the ledger's fewer keys.
fn coarse(daily: &Daily) -> BTreeMap<Key, Sums> {
    let keys = CHANGE_KEYS.map(|name| DAILY_KEYS.iter().position(|key| *key == name).unwrap_or(0));
    let sums = CHANGE_SUMS.map(|name| DAILY_SUMS.iter().position(|sum| *sum == name).unwrap_or(0));
    let mut coarse: BTreeMap<Key, Sums> = BTreeMap::new();
    for ((day, texts), values) in daily.sums() {
        let entry = coarse.entry((day, keys.map(|index| texts[index].clone()))).or_default();
        for (sum, index) in entry.iter_mut().zip(sums) {
            *sum += values.sums[index];
        }
    }
    coarse
}

/// Rows of a ledger, `changes` or `changes_hourly`.
///
/// # Errors
/// [`LakeError::Arrow`] when they do not fit the table.
pub fn batch(
    spec: &TableSpec,
    changes: &[Changed],
    origin: &Origin,
) -> Result<RecordBatch, LakeError> {
    let schema = spec.file_schema();
    let constant =
        |text: Option<&str>| -> ArrayRef { Arc::new(StringArray::from(vec![text; changes.len()])) };
    let mut arrays: Vec<ArrayRef> = Vec::with_capacity(schema.fields().len());
    for field in schema.fields() {
        arrays.push(match field.name().as_str() {
            "x_Connection" => constant(Some(&origin.connection)),
            "x_BillingPeriod" => constant(Some(&origin.period)),
            "x_Revision" => constant(Some(&origin.revision)),
            "x_PreviousRevision" => constant(origin.previous.as_deref()),
            "x_RecordedAt" => {
                let times = vec![origin.recorded_at; changes.len()];
                Arc::new(TimestampMicrosecondArray::from(times).with_timezone("UTC"))
            }
            "ChargeDate" => {
                Arc::new(Date32Array::from_iter_values(changes.iter().map(|c| c.key.0)))
            }
            "ChargeHour" => {
                let hours = changes.iter().map(|change| i64::from(change.key.0));
                let times = hours.map(|hour| hour * MICROS_PER_HOUR);
                let times = TimestampMicrosecondArray::from_iter_values(times);
                Arc::new(times.with_timezone("UTC"))
            }
            name => match CHANGE_KEYS.iter().position(|key| *key == name) {
                Some(key) => {
                    let texts = changes.iter().map(|change| change.key.1[key].as_deref());
                    Arc::new(texts.collect::<StringArray>())
                }
                None => money(changes, name, field.data_type()),
            },
        });
    }
    RecordBatch::try_new(schema, arrays)
        .map_err(|source| LakeError::Arrow { table: spec.name, source })
}

fn money(changes: &[Changed], name: &str, data_type: &DataType) -> ArrayRef {
    let sum = CHANGE_SUMS.iter().position(|sum| name.starts_with(sum)).unwrap_or(0);
    let values = changes.iter().map(|change| {
        let (old, new) = (change.old[sum], change.new[sum]);
        if name.ends_with("Old") {
            old
        } else if name.ends_with("New") {
            new
        } else {
            new - old
        }
    });
    let array = Decimal128Array::from_iter_values(values);
    Arc::new(array.with_data_type(data_type.clone()))
}
