//! What the renderers' tests share: folders of their own and readers of what was written.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use crate::calendar::Hour;
use crate::decimal::Decimal;

/// A folder of its own for one test, removed at the end.
pub(super) struct Folder(pub(super) PathBuf);

impl Folder {
    pub(super) fn new(name: &str) -> Self {
        let path =
            std::env::temp_dir().join(format!("billhook-testkit-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).expect("temporary folder");
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).unwrap_or_default();
    }
}

/// The text of a file, unpacked by its ending.
pub(super) fn unpack(path: &Path) -> String {
    let bytes = fs::read(path).expect("data file");
    let mut text = String::new();
    match path.extension().and_then(|end| end.to_str()) {
        Some("gz") => flate2::read::GzDecoder::new(&bytes[..]).read_to_string(&mut text).map(drop),
        Some("zip") => {
            let mut archive = zip::ZipArchive::new(std::io::Cursor::new(bytes)).expect("archive");
            assert_eq!(archive.len(), 1);
            archive.by_index(0).expect("entry").read_to_string(&mut text).map(drop)
        }
        _ => String::from_utf8(bytes).map(|own| text = own).map_err(std::io::Error::other),
    }
    .expect("readable");
    text
}

/// Splits one line, quotes understood; no cell has a line break.
fn split(row: &str) -> Vec<String> {
    let mut cells = vec![String::new()];
    let mut quoted = false;
    let mut letters = row.chars().peekable();
    while let Some(letter) = letters.next() {
        let last = cells.last_mut().expect("a cell");
        match letter {
            '"' if quoted && letters.peek() == Some(&'"') => last.extend(letters.next()),
            '"' => quoted = !quoted,
            ',' if !quoted => cells.push(String::new()),
            other => last.push(other),
        }
    }
    cells
}

/// The rows of a delivery by header, all data files after one another.
pub(super) fn rows(files: &[PathBuf]) -> Vec<BTreeMap<String, String>> {
    let mut all = Vec::new();
    for file in files {
        let text = unpack(file);
        let mut lines = text.lines();
        let header = split(lines.next().expect("header"));
        for line in lines {
            let cells = split(line);
            assert_eq!(cells.len(), header.len(), "{line}");
            all.push(header.iter().cloned().zip(cells).collect());
        }
    }
    all
}

/// The number that a text tells, with or without a power of ten.
pub(super) fn decimal(text: &str) -> Decimal {
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits: i128 = format!("{whole}{fraction}").parse().expect("digits");
    let exponent: i32 = exponent.parse().expect("exponent");
    let shift = 18 + exponent - i32::try_from(fraction.len()).expect("short");
    let power = 10_i128.pow(shift.unsigned_abs());
    if shift < 0 {
        assert_eq!(digits % power, 0, "{text}");
        return Decimal::from_units(digits / power);
    }
    Decimal::from_units(digits * power)
}

/// Σ of a column of numbers.
pub(super) fn sum(rows: &[BTreeMap<String, String>], column: &str) -> Decimal {
    rows.iter().map(|row| decimal(&row[column])).sum()
}

/// The batches of Parquet files.
pub(super) fn batches(files: &[PathBuf]) -> Vec<RecordBatch> {
    let open = |path: &PathBuf| fs::File::open(path).expect("data file");
    let read = |file| ParquetRecordBatchReaderBuilder::try_new(file).expect("Parquet");
    let readers = files.iter().map(open).map(read).map(|own| own.build().expect("reader"));
    readers.flatten().map(|batch| batch.expect("batch")).collect()
}

/// A column as texts: of doubles the shortest that mean them, of times (whole hours) FOCUS's form.
pub(super) fn texts(batches: &[RecordBatch], column: &str) -> Vec<Option<String>> {
    let mut all = Vec::new();
    for batch in batches {
        let column = batch.column_by_name(column).expect("column");
        if matches!(column.data_type(), DataType::Timestamp(..)) {
            let millis = cast(column, &DataType::Int64).expect("number");
            let hour = |millis: i64| Hour(millis / 3_600_000).to_string();
            all.extend(millis.as_primitive::<Int64Type>().iter().map(|own| own.map(hour)));
            continue;
        }
        let column = cast(column, &DataType::Utf8).expect("text");
        all.extend(column.as_string::<i32>().iter().map(|text| text.map(str::to_owned)));
    }
    all
}
