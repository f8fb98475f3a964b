//! What can be exported: CUR 2.0 and FOCUS.

use serde_json::{Value, json};

use super::super::fault::Fault;
use super::super::json::text;
use crate::render::data_export::{ExportReport, Layout, Packing, Table, column_names};

/// Names, what they hold, and whether switches besides the time granularity can be set.
const TABLES: [(&str, &str, bool, Table); 3] = [
    ("COST_AND_USAGE_REPORT", "Cost and usage, line by line", true, Table::Cur2),
    ("FOCUS_1_0_AWS", "Cost and usage in the form of FOCUS 1.0", false, Table::Focus10),
    ("FOCUS_1_2_AWS", "Cost and usage in the form of FOCUS 1.2", false, Table::Focus12),
];

/// What can be turned on for CUR 2.0.
const SWITCHES: [&str; 4] = [
    "INCLUDE_RESOURCES",
    "INCLUDE_CAPACITY_RESERVATION_DATA",
    "INCLUDE_SPLIT_COST_ALLOCATION_DATA",
    "INCLUDE_MANUAL_DISCOUNT_COMPATIBILITY",
];

/// Columns with `INCLUDE_CAPACITY_RESERVATION_DATA`, which nothing here delivers.
const CAPACITY: [&str; 3] = [
    "capacity_reservation_capacity_reservation_arn",
    "capacity_reservation_capacity_reservation_status",
    "capacity_reservation_capacity_reservation_type",
];

/// All tables.
pub(super) fn list_tables() -> Vec<Value> {
    let table = |&(name, description, with_switches, _): &(&str, &str, bool, Table)| {
        let mut properties = vec![json!({
            "Name": "TIME_GRANULARITY",
            "ValidValues": ["HOURLY", "DAILY", "MONTHLY"],
            "DefaultValue": "HOURLY",
            "Description": "What time a line is about",
        })];
        let switches = SWITCHES.iter().filter(|_| with_switches);
        properties.extend(switches.map(
            |name| json!({"Name": name, "ValidValues": ["TRUE", "FALSE"], "DefaultValue": "FALSE"}),
        ));
        json!({"TableName": name, "Description": description, "TableProperties": properties})
    };
    TABLES.iter().map(table).collect()
}

/// A table with its columns.
pub(super) fn get_table(body: &Value) -> Result<Value, Fault> {
    let wanted = text(body, "/TableName");
    let Some((name, description, _, table)) = TABLES.iter().find(|(name, ..)| *name == wanted)
    else {
        return Err(unknown(wanted));
    };
    let set = body.get("TableProperties").cloned().unwrap_or_else(|| json!({}));
    let column = |name: &str| json!({"Name": name, "Type": "string", "Description": ""});
    let schema: Vec<Value> = columns(*table, &set).into_iter().map(column).collect();
    Ok(json!({
        "TableName": name,
        "Description": description,
        "TableProperties": set,
        "Schema": schema,
    }))
}

/// The table that a statement selects from; empty when it selects from none.
pub(super) fn table_of(query: &str) -> &str {
    let mut words = query.split_whitespace().skip_while(|word| !word.eq_ignore_ascii_case("FROM"));
    words.nth(1).unwrap_or_default().trim_end_matches(';')
}

/// Does the definition select columns that its table has?
pub(super) fn check_query(definition: &Value) -> Result<(), Fault> {
    let query = text(definition, "/DataQuery/QueryStatement");
    let wanted = table_of(query);
    let Some((name, _, _, table)) = TABLES.iter().find(|(name, ..)| *name == wanted) else {
        return Err(unknown(wanted));
    };
    let configurations = definition.pointer("/DataQuery/TableConfigurations");
    let configurations = configurations.and_then(Value::as_object);
    if let Some(other) = configurations.and_then(|all| all.keys().find(|key| key.as_str() != *name))
    {
        let message = format!("TableConfigurations names {other}, the query selects from {name}");
        return Err(Fault::validation(message));
    }
    let set = configurations.and_then(|all| all.get(*name)).unwrap_or(&Value::Null);
    let known = columns(*table, set);
    let lower = query.split_whitespace().collect::<Vec<_>>().join(" ").to_ascii_lowercase();
    let between = lower.strip_prefix("select ").and_then(|rest| rest.split_once(" from "));
    let Some((selected, _)) = between else {
        return Err(Fault::validation("The query is not SELECT columns FROM table."));
    };
    for column in selected.split(',').map(str::trim) {
        // Keys of maps and other names are taken as they are.
        let is_name = column.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        if is_name && !known.iter().any(|known| known.eq_ignore_ascii_case(column)) {
            let message = format!("Column {column} is not in table {name}.");
            return Err(Fault::validation(message));
        }
    }
    Ok(())
}

fn unknown(table: &str) -> Fault {
    Fault::validation(format!("Table {table} is not supported."))
}

/// The columns of a table, as it is configured.
fn columns(table: Table, set: &Value) -> Vec<&'static str> {
    let is_on = |name: &str| set.get(name).and_then(Value::as_str) == Some("TRUE");
    let report = ExportReport {
        account: String::new(),
        bucket: String::new(),
        prefix: String::new(),
        export_name: String::new(),
        export_uuid: String::new(),
        table,
        layout: Layout::Overwrite,
        packing: Packing::Parquet,
        chunk_rows: 1,
        with_resources: is_on("INCLUDE_RESOURCES"),
        with_net: true,
        with_split: is_on("INCLUDE_SPLIT_COST_ALLOCATION_DATA"),
        tag_keys: Vec::new(),
        category_names: Vec::new(),
        columns: Vec::new(),
    };
    // Only a selection of columns can fail, and none is made.
    let mut columns = column_names(&report).unwrap_or_default();
    if table == Table::Cur2 && is_on("INCLUDE_CAPACITY_RESERVATION_DATA") {
        columns.extend(CAPACITY);
    }
    columns
}
