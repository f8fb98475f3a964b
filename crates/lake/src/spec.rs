//! The tables of the lake and their columns.

use std::sync::{Arc, LazyLock};

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use billhook_focus::columns::{self, ColumnType};

/// What a table looks like.
#[derive(Debug)]
pub struct TableSpec {
    /// Name, and folder below the lake.
    pub name: &'static str,
    /// What it holds, in a sentence.
    pub meaning: &'static str,
    /// Partition columns, all text.
    pub partition: &'static [&'static str],
    /// Does a delivery add to what is there, rather than replace its slice?
    pub is_append_only: bool,
    /// All columns, partition columns included.
    pub schema: fn() -> SchemaRef,
    /// Columns for which files carry minimum and maximum.
    pub stats: &'static [&'static str],
}

/// Every line of every connection.
pub static COST_AND_USAGE: TableSpec = TableSpec {
    name: "cost_and_usage",
    meaning: "Every line item of every connection: FOCUS 1.2 columns and x_ columns.",
    partition: &columns::PARTITION,
    is_append_only: false,
    schema: columns::table_schema,
    stats: &[
        "ChargePeriodStart",
        "ChargePeriodEnd",
        "BillingAccountId",
        "SubAccountId",
        "BillingCurrency",
    ],
};

/// Sums per day.
pub static COST_DAILY: TableSpec = TableSpec {
    name: "cost_daily",
    meaning: "Sums per day, account, service and charge category, per connection.",
    partition: &["x_Connection", "x_BillingPeriod"],
    is_append_only: false,
    schema: daily_schema,
    stats: &["ChargeDate", "BillingAccountId"],
};

/// What deliveries changed.
pub static CHANGES: TableSpec = TableSpec {
    name: "changes",
    meaning: "Append-only ledger: what each delivery changed per day, account and service.",
    partition: &[],
    is_append_only: true,
    schema: changes_schema,
    stats: &["x_Connection", "x_BillingPeriod", "ChargeDate"],
};

/// What deliveries changed, by the hour.
pub static CHANGES_HOURLY: TableSpec = TableSpec {
    name: "changes_hourly",
    meaning: "Append-only ledger: what hourly deliveries changed per hour, where that is wanted.",
    partition: &["x_Connection", "x_BillingPeriod"],
    is_append_only: true,
    schema: changes_hourly_schema,
    stats: &["ChargeHour"],
};

/// Deliveries that were loaded.
pub static DELIVERIES: TableSpec = TableSpec {
    name: "deliveries",
    meaning: "Append-only: every delivery that was loaded, with rows, sums and what was peculiar.",
    partition: &[],
    is_append_only: true,
    schema: deliveries_schema,
    stats: &["x_Connection", "x_BillingPeriod"],
};

/// Records that could not be read.
pub static QUARANTINE: TableSpec = TableSpec {
    name: "quarantine",
    meaning: "Records set aside because they cannot be read, with their text and the reason.",
    partition: &["x_Connection", "x_BillingPeriod"],
    is_append_only: false,
    schema: quarantine_schema,
    stats: &[],
};

/// Accounts of the organisations.
pub static ACCOUNTS: TableSpec = TableSpec {
    name: "accounts",
    meaning: "Names, organisational units and tags of accounts, as AWS Organizations has them.",
    partition: &["x_Connection"],
    is_append_only: false,
    schema: accounts_schema,
    stats: &[],
};

/// Tags of resources.
pub static RESOURCE_TAGS: TableSpec = TableSpec {
    name: "resource_tags",
    meaning: "Tags of resources as they are now, billed or not, from the tagging API.",
    partition: &["x_Connection"],
    is_append_only: false,
    schema: resource_tags_schema,
    stats: &[],
};

/// The tables that every delivery is committed to.
pub static OF_DELIVERIES: [&TableSpec; 5] =
    [&COST_AND_USAGE, &COST_DAILY, &CHANGES, &DELIVERIES, &QUARANTINE];

/// All tables. The hourly ledger and those of the directory a lake has once there is something for
/// them.
pub static ALL: [&TableSpec; 8] = [
    &COST_AND_USAGE,
    &COST_DAILY,
    &CHANGES,
    &CHANGES_HOURLY,
    &DELIVERIES,
    &QUARANTINE,
    &ACCOUNTS,
    &RESOURCE_TAGS,
];

impl TableSpec {
    /// The columns of a data file: those that are not partition columns.
    #[must_use]
    pub fn file_schema(&self) -> SchemaRef {
        let schema = (self.schema)();
        let kept = schema.fields().iter().filter(|f| !self.is_partition(f.name())).cloned();
        Arc::new(Schema::new(kept.collect::<Vec<_>>()))
    }

    /// Is `name` a partition column?
    #[must_use]
    pub fn is_partition(&self, name: &str) -> bool {
        self.partition.contains(&name)
    }
}

/// The money columns of the roll-up, named as in the cost table.
pub const DAILY_SUMS: [&str; 9] = [
    "BilledCost",
    "EffectiveCost",
    "ListCost",
    "ContractedCost",
    "x_UnblendedCost",
    "x_BlendedCost",
    "x_AmortizedCost",
    "x_NetUnblendedCost",
    "x_NetAmortizedCost",
];

/// The money column that counts where a net one has no amount.
pub(crate) fn gross(net: &str) -> Option<&'static str> {
    let rest = net.strip_prefix("x_Net")?;
    DAILY_SUMS.into_iter().find(|name| name.strip_prefix("x_") == Some(rest))
}

/// The text columns by which the roll-up groups, after the day.
pub const DAILY_KEYS: [&str; 7] = [
    "BillingAccountId",
    "BillingCurrency",
    "SubAccountId",
    "ServiceName",
    "ServiceCategory",
    "ChargeCategory",
    "x_FocusExclusion",
];

/// The text columns by which the ledger tells changes apart, after the day.
pub const CHANGE_KEYS: [&str; 5] =
    ["BillingAccountId", "BillingCurrency", "SubAccountId", "ServiceName", "ChargeCategory"];

/// The sums whose change the ledger records.
pub const CHANGE_SUMS: [&str; 3] = ["BilledCost", "EffectiveCost", "x_UnblendedCost"];

fn text(name: &str) -> Field {
    Field::new(name, DataType::Utf8, true)
}

fn decimal(name: &str) -> Field {
    Field::new(name, ColumnType::Decimal.arrow(), true)
}

fn integer(name: &str) -> Field {
    Field::new(name, DataType::Int64, true)
}

fn schema(fields: impl IntoIterator<Item = Field>) -> SchemaRef {
    Arc::new(Schema::new(fields.into_iter().collect::<Vec<_>>()))
}

fn daily_schema() -> SchemaRef {
    static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
        let first = [Field::new("ChargeDate", DataType::Date32, true)];
        let sums = DAILY_SUMS.into_iter().map(decimal);
        let last = [integer("x_LineItems"), text("x_Connection"), text("x_BillingPeriod")];
        schema(first.into_iter().chain(DAILY_KEYS.into_iter().map(text)).chain(sums).chain(last))
    });
    Arc::clone(&SCHEMA)
}

fn changes_schema() -> SchemaRef {
    static SCHEMA: LazyLock<SchemaRef> =
        LazyLock::new(|| ledger_schema(Field::new("ChargeDate", DataType::Date32, true)));
    Arc::clone(&SCHEMA)
}

fn changes_hourly_schema() -> SchemaRef {
    static SCHEMA: LazyLock<SchemaRef> =
        LazyLock::new(|| ledger_schema(Field::new("ChargeHour", ColumnType::Time.arrow(), true)));
    Arc::clone(&SCHEMA)
}

/// A ledger of changes for each `time`.
fn ledger_schema(time: Field) -> SchemaRef {
    let provenance = [
        text("x_Connection"),
        text("x_BillingPeriod"),
        text("x_Revision"),
        text("x_PreviousRevision"),
        Field::new("x_RecordedAt", ColumnType::Time.arrow(), true),
        time,
    ];
    let sums = CHANGE_SUMS.into_iter().flat_map(|name| {
        ["Old", "New", "Difference"].map(|suffix| decimal(&format!("{name}{suffix}")))
    });
    schema(provenance.into_iter().chain(CHANGE_KEYS.into_iter().map(text)).chain(sums))
}

fn deliveries_schema() -> SchemaRef {
    static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
        let texts = ["x_Connection", "x_BillingPeriod", "x_Revision", "x_PreviousRevision"];
        let more = ["Kind", "Location", "State", "Granularity", "BillingAccountIds"];
        let counts = [
            "LineItems",
            "StoredRows",
            "ExcludedRows",
            "QuarantinedRows",
            "RoundedNumbers",
            "Files",
            "TextBytes",
            "ResourceRows",
        ];
        let last = [
            "BilledCosts",
            "ExcludedCosts",
            "Sums",
            "UnknownColumns",
            "UnknownTypes",
            "ControlTotals",
        ];
        let fields = texts.into_iter().map(text);
        let fields = fields.chain([Field::new("x_RecordedAt", ColumnType::Time.arrow(), true)]);
        let fields = fields.chain(more.into_iter().map(text));
        schema(fields.chain(counts.into_iter().map(integer)).chain(last.into_iter().map(text)))
    });
    Arc::clone(&SCHEMA)
}

fn quarantine_schema() -> SchemaRef {
    static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
        schema([
            text("x_Revision"),
            text("x_SourceFile"),
            integer("x_SourceRow"),
            text("Column"),
            text("Value"),
            text("Reason"),
            text("Record"),
            text("x_Connection"),
            text("x_BillingPeriod"),
        ])
    });
    Arc::clone(&SCHEMA)
}

fn accounts_schema() -> SchemaRef {
    static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
        schema([
            text("AccountId"),
            text("AccountName"),
            text("Email"),
            text("State"),
            text("OrganizationalUnit"),
            text("ManagementAccountId"),
            Field::new("Tags", ColumnType::Map.arrow(), true),
            Field::new("x_RecordedAt", ColumnType::Time.arrow(), true),
            text("x_Connection"),
        ])
    });
    Arc::clone(&SCHEMA)
}

fn resource_tags_schema() -> SchemaRef {
    static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
        schema([
            text("ResourceArn"),
            text("ResourceId"),
            text("Region"),
            Field::new("Tags", ColumnType::Map.arrow(), true),
            Field::new("x_RecordedAt", ColumnType::Time.arrow(), true),
            text("x_Connection"),
        ])
    });
    Arc::clone(&SCHEMA)
}

/// What people call a type of a column.
#[must_use]
pub fn label(kind: &DataType) -> &'static str {
    match kind {
        DataType::Utf8 => "text",
        DataType::Decimal128(..) => "decimal(38,18)",
        DataType::Timestamp(..) => "timestamp",
        DataType::Date32 => "date",
        DataType::Int64 => "integer",
        DataType::Map(..) => "map",
        _ => "",
    }
}
