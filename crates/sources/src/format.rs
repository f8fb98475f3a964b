//! What a tabular source looks like, and how one file's header fits it.
//!
//! A [`Format`] is static knowledge of one billing product: its columns, which of them come as
//! families (`product/*`, tags), and which columns repeat together. A [`Binding`] applies it to
//! the header of a file at hand: columns are found by name, in any order; what the format does
//! not know is kept as an extra and reported (INV-COL).

pub(crate) mod known;

use std::collections::{HashMap, HashSet};

/// The type of a source column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Text; empty means absent.
    Text,
    /// Text; empty, `null` and `NULL` mean absent.
    TextOrNull,
    /// Decimal number; empty means absent.
    Money,
    /// Point in time in UTC; empty means absent.
    Time,
    /// Point in time that says its zone; empty means absent.
    ZonedTime,
    /// Start of an interval `start/end`.
    IntervalStart,
    /// End of an interval `start/end`.
    IntervalEnd,
    /// A JSON object as a map; only in groups. Empty text and `{}` are empty maps.
    Map,
    /// Whether the column has a value: `1`, or absent. Only in groups, beside a column of another
    /// kind; it lets what depends on that alone be evaluated per tuple and not per row.
    Presence,
}

/// Where the values of a column are held while reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// With other columns of a group whose values repeat together: one id per row.
    Group(usize),
    /// Row by row.
    Row,
}

/// What a row must hold beyond being readable; else it is set aside. Columns are named by header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// The column has a value.
    Filled(&'static str),
    /// The column, where it has a value, holds one of these.
    OneOf(&'static str, &'static [&'static str]),
    /// The end comes after the start. Both are in one group.
    Ordered {
        /// Start of a period.
        start: &'static str,
        /// Its end.
        end: &'static str,
        /// A column of the same group; with any other value than this one the end may be the start.
        strict: (&'static str, &'static str),
    },
}

/// A column that the format knows.
#[derive(Debug, Clone, Copy)]
pub struct Known {
    /// Header as AWS writes it in CSV, e.g. `lineItem/UnblendedCost`.
    pub header: &'static str,
    /// Name in `to_focus.sql`, e.g. `line_item_unblended_cost`.
    pub name: &'static str,
    /// Type.
    pub kind: Kind,
    /// Where it is held.
    pub place: Place,
    /// Does a file without it not belong to this format?
    pub required: bool,
}

/// Columns that share a prefix and become one map column.
#[derive(Debug, Clone, Copy)]
pub struct Family {
    /// Prefix in CSV headers, e.g. `resourceTags/`.
    pub prefix: &'static str,
    /// Prefix in Parquet column names, e.g. `resource_tags_`.
    pub snake_prefix: &'static str,
    /// A further prefix removed from the key when present (CSV and Parquet spelling).
    pub strip: &'static [&'static str],
    /// Name of the map column in `to_focus.sql`.
    pub name: &'static str,
    /// Group that holds it.
    pub group: usize,
}

/// A billing product's table.
#[derive(Debug)]
pub struct Format {
    /// For messages: `legacy Cost and Usage Report`.
    pub title: &'static str,
    /// Columns.
    pub known: &'static [Known],
    /// Families.
    pub families: &'static [Family],
    /// Number of groups; the last one holds the extras.
    pub groups: usize,
    /// The column that says the currency of a row.
    pub currency: &'static str,
    /// The currency of rows that name none.
    pub default_currency: &'static str,
    /// Columns that AWS is known to deliver but that the mapping does not read; they are kept as
    /// extras without being reported as unknown. Prefixes, in CSV spelling.
    pub kept_prefixes: &'static [&'static str],
    /// Name of the map column of extras in `to_focus.sql`.
    pub extras: &'static str,
    /// What every row must hold.
    pub rules: &'static [Rule],
}

/// Where a map entry comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Position of the column in the file.
    pub position: usize,
    /// Key in the map.
    pub key: String,
}

/// How a header fits a format.
#[derive(Debug, Clone)]
pub struct Binding {
    /// The format.
    pub format: &'static Format,
    /// Header of the file, as written.
    pub header: Vec<String>,
    /// Position in the file of each column of `format.known`.
    pub known: Vec<Option<usize>>,
    /// Members of each family, in file order.
    pub families: Vec<Vec<Member>>,
    /// Columns of no family that the format's mapping does not read.
    pub extras: Vec<Member>,
    /// The extras that nobody knows.
    pub unknown: Vec<String>,
    /// Billing period of the delivery, YYYY-MM, for files that do not say it.
    pub period: Option<String>,
    /// Currency of the delivery's rows that name none, where it is not the format's usual one.
    pub currency: Option<String>,
}

/// Why a header does not fit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BindError {
    /// Required columns are missing.
    #[error("not a {format}: the header has no column {}{}", .missing.join(", "), strange(.unknown))]
    Missing {
        /// The format's title.
        format: &'static str,
        /// Headers that are missing.
        missing: Vec<&'static str>,
        /// How many columns of the format are there.
        found: usize,
        /// Headers that nobody knows.
        unknown: Vec<String>,
    },
    /// The same column twice.
    #[error("the header names the column {0:?} twice")]
    Twice(String),
    /// No format knows such a header.
    #[error(
        "not a billing file: the header has no column of a Cost and Usage Report, a Data Export, a \
         Detailed Billing Report or a FOCUS dataset"
    )]
    Foreign,
}

/// The part of a message that names unknown columns.
fn strange(unknown: &[String]) -> String {
    match unknown {
        [] => String::new(),
        [one] => format!("; nobody knows its column {one}"),
        [first, rest @ ..] => {
            format!("; nobody knows its column {first} and {} others", rest.len())
        }
    }
}

/// The form under which two spellings of a column name are the same: lower case, letters and
/// digits only. `lineItem/UnblendedCost` and `line_item_unblended_cost` agree.
#[must_use]
pub fn canonical(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

impl Format {
    /// Fits a header to the format.
    ///
    /// # Errors
    /// [`BindError`] when it does not fit.
    pub fn bind(&'static self, header: Vec<String>) -> Result<Binding, BindError> {
        let mut seen = HashSet::new();
        if let Some(twice) = header.iter().find(|name| !seen.insert(name.as_str())) {
            return Err(BindError::Twice(twice.clone()));
        }
        let by_name: HashMap<String, Vec<usize>> = self.known.iter().enumerate().fold(
            HashMap::new(),
            |mut map: HashMap<_, Vec<_>>, (index, known)| {
                map.entry(canonical(known.header)).or_default().push(index);
                map
            },
        );
        let mut binding = Binding {
            format: self,
            known: vec![None; self.known.len()],
            families: vec![Vec::new(); self.families.len()],
            extras: Vec::new(),
            unknown: Vec::new(),
            period: None,
            currency: None,
            header,
        };
        for position in 0..binding.header.len() {
            binding.place(position, &by_name);
        }
        // Equal sets of tags are equal maps, wherever their columns stand.
        for members in binding.families.iter_mut().chain([&mut binding.extras]) {
            members.sort_by(|one, other| one.key.cmp(&other.key));
        }
        let missing: Vec<_> = self
            .known
            .iter()
            .zip(&binding.known)
            .filter(|(known, position)| known.required && position.is_none())
            .map(|(known, _)| known.header)
            .collect();
        if missing.is_empty() {
            Ok(binding)
        } else {
            let found = binding.known.iter().flatten().count();
            let unknown = binding.unknown;
            Err(BindError::Missing { format: self.title, missing, found, unknown })
        }
    }
}

impl Binding {
    fn place(&mut self, position: usize, by_name: &HashMap<String, Vec<usize>>) {
        let name = self.header[position].clone();
        let family = self.format.families.iter().position(|family| family.owns(&name));
        if let Some(family) = family {
            let key = self.format.families[family].key(&name);
            self.families[family].push(Member { position, key });
        }
        let mut taken = family.is_some();
        for &known in by_name.get(&canonical(&name)).map_or(&[][..], Vec::as_slice) {
            // Of two spellings of one column (say `a/B` and `a_b`) the first wins; the other
            // is kept as an extra.
            if self.known[known].is_none() || self.known[known] == Some(position) {
                self.known[known] = Some(position);
                taken = true;
            }
        }
        if !taken {
            let kept = self.format.kept_prefixes.iter().any(|prefix| {
                canonical(&name).starts_with(&canonical(prefix))
                    || name == prefix.trim_end_matches('/')
            });
            if !kept {
                self.unknown.push(name.clone());
            }
            self.extras.push(Member { position, key: name });
        }
    }

    /// Position in the file of the column called `name` in SQL.
    #[must_use]
    pub fn position(&self, name: &str) -> Option<usize> {
        let index = self.format.known.iter().position(|known| known.name == name)?;
        self.known[index]
    }

    /// The currency of rows that name none.
    #[must_use]
    pub fn default_currency(&self) -> &str {
        self.currency.as_deref().unwrap_or(self.format.default_currency)
    }

    /// Is the column called `name` in SQL in the file?
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.position(name).is_some()
    }
}

impl Family {
    fn owns(&self, header: &str) -> bool {
        self.rest(header).is_some_and(|rest| !rest.is_empty())
    }

    fn rest<'a>(&self, header: &'a str) -> Option<&'a str> {
        header.strip_prefix(self.prefix).or_else(|| header.strip_prefix(self.snake_prefix))
    }

    fn key(&self, header: &str) -> String {
        let rest = self.rest(header).unwrap_or(header);
        let stripped = self.strip.iter().find_map(|prefix| rest.strip_prefix(prefix));
        stripped.filter(|key| !key.is_empty()).unwrap_or(rest).to_owned()
    }
}
