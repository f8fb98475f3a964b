//! The tables that SQL reads, with their columns and what each says.

use axum::Json;
use billhook_focus::columns;
use billhook_lake::directory::VIEW_COLUMNS;
use billhook_lake::spec::{self, COST_AND_USAGE, COST_DAILY, TableSpec};
use serde::Serialize;
use utoipa::{OpenApi, ToSchema};

use crate::routes::{Need, Route, get};

/// All ways in.
pub(crate) fn routes() -> Vec<Route> {
    vec![get("/api/v1/tables", Need::Viewer, tables_call)]
}

/// All tables and views.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct Tables {
    /// The views that most questions need first.
    pub(crate) items: Vec<SqlTable>,
}

/// A table or view.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct SqlTable {
    /// Its name.
    pub(crate) name: &'static str,
    /// What it holds, in a sentence.
    pub(crate) meaning: &'static str,
    /// Its columns, in order.
    pub(crate) columns: Vec<SqlColumn>,
}

/// A column.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct SqlColumn {
    /// Its name, as SQL has to write it.
    pub(crate) name: String,
    /// `text`, `decimal(38,18)`, `timestamp`, `date`, `integer` or `map`.
    #[serde(rename = "type")]
    pub(crate) kind: &'static str,
    /// What it says, in a sentence; empty where the name says it.
    pub(crate) meaning: &'static str,
}

/// All tables and views.
pub(crate) fn answer() -> Tables {
    let mut items = vec![
        view("costs", "FOCUS rows, one connection per billing account and month.", &COST_AND_USAGE),
        view("costs_daily", "The same, summed per day.", &COST_DAILY),
    ];
    let own = spec::ALL.into_iter().map(|spec| SqlTable {
        name: spec.name,
        meaning: spec.meaning,
        columns: own_columns(spec),
    });
    items.extend(own);
    Tables { items }
}

fn view(name: &'static str, meaning: &'static str, spec: &'static TableSpec) -> SqlTable {
    let is_daily = spec.name == COST_DAILY.name;
    let mut columns = own_columns(spec);
    let more = VIEW_COLUMNS.iter().filter(|column| column.is_daily || !is_daily);
    columns.extend(more.map(|column| SqlColumn {
        name: column.name.to_owned(),
        kind: column.label,
        meaning: column.meaning,
    }));
    SqlTable { name, meaning, columns }
}

fn own_columns(spec: &TableSpec) -> Vec<SqlColumn> {
    let schema = (spec.schema)();
    let column = |field: &std::sync::Arc<arrow::datatypes::Field>| SqlColumn {
        name: field.name().clone(),
        kind: spec::label(field.data_type()),
        meaning: columns::find(field.name()).map_or("", |column| column.meaning),
    };
    schema.fields().iter().map(column).collect()
}

/// The tables that SQL reads.
#[utoipa::path(
    get,
    path = "/api/v1/tables",
    tag = "sql",
    responses((status = 200, description = "Tables and views with their columns", body = Tables))
)]
async fn tables_call() -> Json<Tables> {
    Json(answer())
}

/// This part of the description of the API.
#[derive(OpenApi)]
#[openapi(paths(tables_call))]
pub(crate) struct Doc;

#[cfg(test)]
mod tests {
    use super::answer;

    #[test]
    fn every_column_has_a_type() {
        for table in answer().items {
            for column in &table.columns {
                assert!(!column.kind.is_empty(), "{}.{}", table.name, column.name);
            }
        }
    }
}
