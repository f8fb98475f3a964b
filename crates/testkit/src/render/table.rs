//! A file of typed columns, as text or as Parquet.
//!
//! A renderer gives [`Heading`]s and, row by row, [`Cell`]s. Numbers arrive as decimal text; what
//! becomes of them in Parquet (the nearest double) is decided here alone.

mod csv;
mod parquet;

use std::borrow::Cow;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write as _};
use std::path::Path;

use flate2::write::GzEncoder;

use crate::calendar::Hour;

/// How a file is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packing {
    /// `.csv`; AWS does not offer it, people's copies have it.
    Csv,
    /// `.csv.gz`
    CsvGz,
    /// `.snappy.parquet`
    Parquet,
}

impl Packing {
    /// How AWS's file names end.
    #[must_use]
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::CsvGz => "csv.gz",
            Self::Parquet => "snappy.parquet",
        }
    }
}

/// Whose habits a file follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Style {
    /// AWS Data Exports: times with milliseconds, numbers as Java prints them, maps as `{}` when
    /// they are empty and of Parquet's own type.
    Aws,
    /// FOCUS to the letter: times by the second, plain numbers, maps as JSON text, none when empty.
    Plain,
}

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Number,
    Time,
    TextMap,
    NumberMap,
}

impl Kind {
    /// The word of a Data Exports manifest.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Text => "string",
            Self::Number => "double",
            Self::Time => "timestamp",
            Self::TextMap => "map<string,string>",
            Self::NumberMap => "map<string,double>",
        }
    }
}

/// A column's name and type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Heading {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
}

/// Keys and values of a map, in the order in which they are written.
pub(super) type Entries<'a> = Vec<(Cow<'a, str>, Cow<'a, str>)>;

/// The content of one field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Cell<'a> {
    Null,
    /// Text, or the decimal text of a number.
    Text(Cow<'a, str>),
    Time(Hour),
    Map(Entries<'a>),
}

impl<'a> Cell<'a> {
    /// The text, or nothing when it is empty.
    pub(super) fn text(text: impl Into<Cow<'a, str>>) -> Self {
        let text = text.into();
        if text.is_empty() { Self::Null } else { Self::Text(text) }
    }
}

/// Writes the rows below their headings into a new file, with the folders that it needs.
pub(super) fn write_file<'a>(
    path: &Path,
    (packing, style): (Packing, Style),
    headings: &[Heading],
    rows: impl Iterator<Item = Vec<Cell<'a>>>,
) -> io::Result<()> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    let mut file = BufWriter::new(File::create(path)?);
    match packing {
        Packing::Csv => {
            csv::write(&mut file, style, headings, rows)?;
            file.flush()
        }
        Packing::CsvGz => {
            let mut packer = GzEncoder::new(file, flate2::Compression::default());
            csv::write(&mut packer, style, headings, rows)?;
            packer.finish()?.flush()
        }
        Packing::Parquet => parquet::write(file, style, headings, rows),
    }
}

/// The map as a JSON object; the values of a [`Kind::NumberMap`] as JSON numbers.
fn json(kind: Kind, entries: &Entries<'_>) -> String {
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    let entry = |(key, value): &(Cow<'_, str>, Cow<'_, str>)| {
        let value = if kind == Kind::NumberMap { value.to_string() } else { quoted(value) };
        format!("{}:{value}", quoted(key))
    };
    format!("{{{}}}", entries.iter().map(entry).collect::<Vec<_>>().join(","))
}
