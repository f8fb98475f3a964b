//! Summaries: the lines of a data file added up by day and by every text and tag that they have.
//!
//! The roll-up has a row per day, account and service; a question about resources, regions or tags
//! has to read every line. A server keeps, in a folder of its own machine, two small files beside
//! each data file: its *tuples*, which are the distinct combinations of its text columns and maps,
//! and its *figures*, which are sums by day and tuple. A question is then asked of the tuples, in
//! SQL, and its figures are added up by number (`ask.rs`). Bills by the hour have 24 lines where a
//! summary has one figure.
//!
//! Data files never change, so neither do their summaries. They can be deleted at any time: what
//! lacks one is read line by line, with the same answer.

mod add_up;
mod ask;
mod build;
mod tuples;
mod values;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, DirEntry, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use billhook_focus::columns::{self, ColumnType};
use parquet::errors::ParquetError;

use crate::spec::DAILY_SUMS;
use crate::table::FileEntry;
use crate::{Lake, LakeError};

pub use ask::{Cell, Cut, Question, Summed};
pub(crate) use tuples::Tuples;

/// Another number whenever summaries look or mean something else.
const VERSION: &str = "1";

/// Text columns with another value in nearly every line.
const PER_LINE: [&str; 2] = ["x_LineItemId", "x_SourceFile"];

/// Maps that are part of a tuple.
const MAPS: [&str; 2] = ["Tags", "x_CostCategories"];

/// The number of a tuple in its file.
const TUPLE: &str = "x_Tuple";

/// Of the columns of a data file, those that make a tuple.
static ATTRIBUTES: LazyLock<Vec<&'static str>> = LazyLock::new(|| {
    let own = columns::all().filter(|column| !column.is_partition());
    let kept = own.filter(|column| match column.column_type {
        ColumnType::Text => !PER_LINE.contains(&column.name),
        ColumnType::Map => MAPS.contains(&column.name),
        ColumnType::Decimal | ColumnType::Time | ColumnType::Integer => false,
    });
    kept.map(|column| column.name).collect()
});

/// Can a question about this column be asked of summaries?
#[must_use]
pub fn has_column(name: &str) -> bool {
    ATTRIBUTES.contains(&name) || columns::PARTITION.contains(&name)
}

/// Columns of the file of tuples: the tuple's number, then its texts and maps.
static TUPLES: LazyLock<SchemaRef> = LazyLock::new(|| {
    let number = Field::new(TUPLE, DataType::Int32, false);
    let attributes = ATTRIBUTES.iter().filter_map(|name| columns::find(name));
    let attributes = attributes.map(columns::Column::field);
    Arc::new(Schema::new([number].into_iter().chain(attributes).collect::<Vec<_>>()))
});

/// Columns of the file of figures: day (since 1970-01-01), tuple, lines, and for each of
/// [`DAILY_SUMS`] the sum and the largest absolute amount of a single line. Amounts are in two
/// halves: Parquet has no integers of 128 bits, and its decimals take four times as long to read.
static FIGURES: LazyLock<SchemaRef> = LazyLock::new(|| {
    let first = [("Day", DataType::Int32), (TUPLE, DataType::Int32), ("Lines", DataType::Int64)];
    let first = first.into_iter().map(|(name, kind)| Field::new(name, kind, false));
    let sums = DAILY_SUMS.into_iter().flat_map(halves);
    let largest = DAILY_SUMS.into_iter().map(largest).flat_map(|name| halves(&name));
    let amounts = sums.chain(largest).map(|name| Field::new(name, DataType::Int64, false));
    Arc::new(Schema::new(first.chain(amounts).collect::<Vec<_>>()))
});

/// The column with the largest absolute amount.
fn largest(metric: &str) -> String {
    format!("Largest{metric}")
}

/// The columns with the upper and the lower half of an amount.
fn halves(amount: &str) -> [String; 2] {
    ["High", "Low"].map(|half| format!("{amount}{half}"))
}

/// The halves of an amount.
fn split(units: i128) -> [i64; 2] {
    let bits = units.cast_unsigned();
    let half = |bits: u128| (u64::try_from(bits & u128::from(u64::MAX))).unwrap_or_default();
    [half(bits >> 64), half(bits)].map(u64::cast_signed)
}

/// The amount of two halves.
fn joined(high: i64, low: i64) -> i128 {
    let [high, low] = [high, low].map(|half| u128::from(half.cast_unsigned()));
    (high << 64 | low).cast_signed()
}

/// The summaries of one lake, in a folder of this machine.
#[derive(Debug)]
pub struct Summaries {
    folder: PathBuf,
    known: Mutex<BTreeMap<String, Known>>,
    trouble: Mutex<Option<LakeError>>,
}

/// What is known of a data file.
#[derive(Debug, Clone)]
enum Known {
    Summary(Summary),
    /// It has hardly fewer figures than lines.
    Worthless,
}

/// The summary of a data file.
#[derive(Debug, Clone)]
struct Summary {
    tuples: PathBuf,
    /// Bytes of `tuples`.
    size: u64,
    figures: PathBuf,
}

impl Summaries {
    /// Those in `folder`, which is made when it is not there.
    ///
    /// # Errors
    /// When the folder cannot be made or read.
    pub fn open(folder: &Path) -> Result<Self, LakeError> {
        let all = folder.to_owned();
        let folder = folder.join(VERSION);
        let wrong = |source: io::Error| failed(&folder, source.into());
        fs::create_dir_all(&folder).map_err(wrong)?;
        for entry in fs::read_dir(&all).map_err(wrong)?.flatten() {
            // Of another version of this program.
            if entry.path() != folder {
                fs::remove_dir_all(entry.path()).ok();
            }
        }
        let mut known = BTreeMap::new();
        for entry in fs::read_dir(&folder).map_err(wrong)? {
            let entry = entry.map_err(wrong)?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if let Some(name) = name.strip_suffix(".tuples") {
                let size = entry.metadata().map_err(wrong)?.len();
                known.insert(name.to_owned(), Known::Summary(Summary::at(&folder, name, size)));
            } else if let Some(name) = name.strip_suffix(".worthless") {
                known.insert(name.to_owned(), Known::Worthless);
            } else if name.ends_with(".part") && is_old(&entry) {
                fs::remove_file(entry.path()).ok();
            }
        }
        Ok(Self { folder, known: Mutex::new(known), trouble: Mutex::default() })
    }

    /// Is there nothing left to do for this file?
    #[must_use]
    pub fn has(&self, file: &FileEntry) -> bool {
        self.lock().contains_key(name(file))
    }

    /// Makes the summary of a data file of `cost_and_usage`.
    ///
    /// # Errors
    /// When the data file cannot be read or its summary not be written.
    pub async fn make(&self, lake: &Lake, file: &FileEntry) -> Result<(), LakeError> {
        let name = name(file);
        let made = build::summary(lake, file, &self.folder.join(name)).await;
        let known = match &made {
            Ok(Some(size)) => Known::Summary(Summary::at(&self.folder, name, *size)),
            // What failed is tried again by the next process, not again and again by this one.
            Ok(None) | Err(_) => Known::Worthless,
        };
        self.lock().insert(name.to_owned(), known);
        made.map(drop)
    }

    /// Deletes what belongs to none of these files.
    pub fn keep_only(&self, files: &[FileEntry]) {
        let kept: BTreeSet<&str> = files.iter().map(name).collect();
        let gone = |known: &mut BTreeMap<String, Known>| {
            let gone = known.keys().filter(|name| !kept.contains(name.as_str()));
            let gone: Vec<String> = gone.cloned().collect();
            known.retain(|name, _| kept.contains(name.as_str()));
            gone
        };
        let gone = gone(&mut self.lock());
        for name in gone {
            // The tuples first: without them there is no summary.
            for ending in ["tuples", "figures", "worthless"] {
                fs::remove_file(self.folder.join(format!("{name}.{ending}"))).ok();
            }
        }
    }

    /// What there is of a file; `None` when it has to be read line by line.
    fn of(&self, file: &FileEntry) -> Option<Summary> {
        match self.lock().get(name(file)) {
            Some(Known::Summary(summary)) => Some(summary.clone()),
            Some(Known::Worthless) | None => None,
        }
    }

    /// What went wrong last when a summary was read, told once.
    #[must_use]
    pub fn trouble(&self) -> Option<LakeError> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Notes that one could not be read, and forgets those whose files somebody has deleted, so
    /// that they are made again.
    fn note(&self, error: LakeError) {
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
        let is_there = |path: &Path| path.is_file();
        self.lock().retain(|_, known| match known {
            Known::Summary(of) => is_there(&of.tuples) && is_there(&of.figures),
            Known::Worthless => true,
        });
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Known>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Summary {
    fn at(folder: &Path, name: &str, size: u64) -> Self {
        let path = |ending| folder.join(format!("{name}.{ending}"));
        Self { tuples: path("tuples"), size, figures: path("figures") }
    }
}

/// Was it left behind by a process that was stopped? Another one may be at it right now.
fn is_old(part: &DirEntry) -> bool {
    let modified = part.metadata().and_then(|metadata| metadata.modified());
    modified.is_ok_and(|at| at.elapsed().is_ok_and(|age| age > Duration::from_hours(1)))
}

/// The name of a data file, which no other file ever has.
fn name(file: &FileEntry) -> &str {
    let name = file.path.rsplit('/').next().unwrap_or(&file.path);
    name.strip_suffix(".parquet").unwrap_or(name)
}

fn failed(path: &Path, source: ParquetError) -> LakeError {
    LakeError::Summary { path: path.display().to_string(), source }
}

fn opened(path: &Path) -> Result<File, LakeError> {
    File::open(path).map_err(|source| failed(path, source.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_what_their_halves_were_made_of() {
        for units in [0, 1, -1, i128::from(i64::MAX), 1 << 63, 1 << 64, -(1 << 64), i128::MIN] {
            let [high, low] = split(units);
            assert_eq!(joined(high, low), units);
        }
    }
}
