//! What a column of the cost table is, and the list of all of them.

use std::sync::{Arc, LazyLock};

use arrow::array::{MapBuilder, MapFieldNames, StringBuilder};
use arrow::datatypes::{DataType, Field, Fields, Schema, SchemaRef, TimeUnit};

pub use crate::focus12::FOCUS_1_2;
pub use crate::own::OWN;

/// The type of a column, as users see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnType {
    /// UTF-8 text.
    Text,
    /// Exact decimal: `Decimal128(38, 18)`.
    Decimal,
    /// Point in time, UTC, microseconds.
    Time,
    /// Keys and values, both text.
    Map,
    /// Whole number, 64 bits.
    Integer,
}

/// Whether a provider has to fill a column (FOCUS feature level), or whose column it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// FOCUS: must be present.
    Mandatory,
    /// FOCUS: must be present when the provider has the concept.
    Conditional,
    /// FOCUS: should be present.
    Recommended,
    /// Billhook's own, starting with `x_`.
    Own,
}

/// One column of the cost table.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    /// Name, as FOCUS writes it or starting with `x_`.
    pub name: &'static str,
    /// Type.
    pub column_type: ColumnType,
    /// Feature level.
    pub level: Level,
    /// May a FOCUS row be without a value?
    pub nullable: bool,
    /// The closed list of values, empty when any value is allowed.
    pub allowed: &'static [&'static str],
    /// What it says, in a sentence.
    pub meaning: &'static str,
}

/// Columns by which the table is partitioned: the slice and its revision. They stand in the Delta
/// log, not in the data files.
pub const PARTITION: [&str; 3] = ["x_Connection", "x_BillingPeriod", "x_Revision"];

/// Every column in table order: FOCUS 1.2 first, then Billhook's own.
pub fn all() -> impl Iterator<Item = &'static Column> {
    FOCUS_1_2.iter().chain(OWN)
}

/// The column called `name`, exactly.
#[must_use]
pub fn find(name: &str) -> Option<&'static Column> {
    all().find(|column| column.name == name)
}

impl Column {
    /// Its Arrow field. Every field is nullable in storage; the gate checks mandatory ones.
    #[must_use]
    pub fn field(&self) -> Field {
        Field::new(self.name, self.column_type.arrow(), true)
    }

    /// Is it one of the partition columns?
    #[must_use]
    pub fn is_partition(&self) -> bool {
        PARTITION.contains(&self.name)
    }
}

impl ColumnType {
    /// The Arrow type.
    #[must_use]
    pub fn arrow(self) -> DataType {
        match self {
            Self::Text => DataType::Utf8,
            Self::Decimal => {
                DataType::Decimal128(billhook_money::PRECISION, billhook_money::SCALE.cast_signed())
            }
            Self::Time => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            Self::Integer => DataType::Int64,
            Self::Map => map_type(),
        }
    }

    /// The name for people and documentation.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Decimal => "decimal(38,18)",
            Self::Time => "timestamp (UTC)",
            Self::Integer => "integer",
            Self::Map => "map of text to text",
        }
    }
}

/// `map<string, string>` with the field names that Delta readers expect.
#[must_use]
pub fn map_type() -> DataType {
    let entries = Fields::from(vec![
        Field::new("key", DataType::Utf8, false),
        Field::new("value", DataType::Utf8, true),
    ]);
    DataType::Map(Arc::new(Field::new("key_value", DataType::Struct(entries), false)), false)
}

/// A builder of maps of [`map_type`].
#[must_use]
pub fn map_builder() -> MapBuilder<StringBuilder, StringBuilder> {
    let names = MapFieldNames {
        entry: "key_value".to_owned(),
        key: "key".to_owned(),
        value: "value".to_owned(),
    };
    MapBuilder::new(Some(names), StringBuilder::new(), StringBuilder::new())
}

static TABLE: LazyLock<SchemaRef> =
    LazyLock::new(|| Arc::new(Schema::new(all().map(Column::field).collect::<Vec<_>>())));

static FILE: LazyLock<SchemaRef> = LazyLock::new(|| {
    let fields = all().filter(|column| !column.is_partition()).map(Column::field);
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
});

/// The table's schema, partition columns included.
#[must_use]
pub fn table_schema() -> SchemaRef {
    Arc::clone(&TABLE)
}

/// The schema of a data file: [`table_schema`] without the partition columns.
#[must_use]
pub fn file_schema() -> SchemaRef {
    Arc::clone(&FILE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn the_catalogue_is_focus_1_2_and_own_columns() {
        assert_eq!(FOCUS_1_2.len(), 57);
        let names: HashSet<_> = all().map(|c| c.name).collect();
        assert_eq!(names.len(), FOCUS_1_2.len() + OWN.len(), "a name twice");
        assert!(OWN.iter().all(|c| c.name.starts_with("x_") && c.level == Level::Own));
        assert!(PARTITION.iter().all(|name| names.contains(name)));
        assert!(all().all(|c| c.meaning.ends_with('.')), "a meaning is a sentence");
    }
}
