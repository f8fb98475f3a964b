//! Mappings: how each column of the cost table is made of a billing product's own columns.

use axum::Json;
use axum::extract::Path;
use billhook_engine::report::{self, CellRule, SourceCell};
use billhook_focus::columns;
use billhook_sources::kinds;
use billhook_sources::origin::{Item, Origins};
use serde::Serialize;
use utoipa::{OpenApi, ToSchema};

use crate::fail::Fail;
use crate::format;
use crate::routes::{Need, Route, get};

/// The ways in.
pub(crate) fn routes() -> Vec<Route> {
    vec![get("/api/v1/mappings/{kind}", Need::Viewer, mapping)]
}

/// How a column of a line was made.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct ColumnRule {
    /// In words, where it is simple or the mapping has some.
    pub(crate) words: Option<String>,
    /// The expression of the mapping; its names are steps, or columns of the source.
    pub(crate) expression: String,
    /// The columns of the source that it is made of.
    pub(crate) sources: Vec<SourceColumn>,
}

/// A column of the source, in a line.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct SourceColumn {
    /// As AWS writes it, such as `lineItem/UnblendedCost`.
    pub(crate) header: String,
    /// The column of the cost table that keeps it; nothing when none does.
    pub(crate) kept_in: Option<String>,
    /// Its value in the line; nothing where it was empty or is not kept.
    pub(crate) value: Option<String>,
}

/// An expression that is worked out before columns are.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct MappingStep {
    /// Its name.
    pub(crate) name: String,
    /// The expression.
    pub(crate) expression: String,
    /// What is said of it; may be empty.
    pub(crate) remark: String,
}

/// The mapping that made a line.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct LineMapping {
    /// The kind of product.
    pub(crate) kind: String,
    /// What rules name, in order.
    pub(crate) steps: Vec<MappingStep>,
}

/// A mapping.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct Mapping {
    /// The kind of product.
    pub(crate) kind: String,
    /// What is mapped.
    pub(crate) title: &'static str,
    /// The columns that it fills.
    pub(crate) columns: Vec<MappedColumn>,
    /// What their expressions name, in order.
    pub(crate) steps: Vec<MappingStep>,
}

/// A column that a mapping fills.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct MappedColumn {
    /// Its name.
    pub(crate) name: &'static str,
    /// What it says.
    pub(crate) meaning: &'static str,
    /// The rule in words, where it is simple or has some.
    pub(crate) words: Option<String>,
    /// The expression.
    pub(crate) expression: String,
}

impl From<CellRule> for ColumnRule {
    fn from(rule: CellRule) -> Self {
        let source = |source: SourceCell| SourceColumn {
            header: source.header,
            kept_in: source.kept_in,
            value: source.value,
        };
        Self {
            words: rule.words,
            expression: rule.expression,
            sources: rule.sources.into_iter().map(source).collect(),
        }
    }
}

impl From<Item> for MappingStep {
    fn from(item: Item) -> Self {
        Self { name: item.name, expression: item.expression, remark: item.remark }
    }
}

impl From<report::LineMapping> for LineMapping {
    fn from(mapping: report::LineMapping) -> Self {
        let steps = mapping.steps.into_iter().map(MappingStep::from);
        Self { kind: mapping.kind, steps: steps.collect() }
    }
}

/// The mapping of a kind of product.
///
/// # Errors
/// When there is no such kind: the failure names those that there are.
pub(crate) fn answer(kind: &str) -> Result<Mapping, Fail> {
    let origins = Origins::of(kind).ok_or_else(|| {
        let what = format!("There is no kind of report {}.", format::visible(kind));
        Fail::missing(what, format!("There are {}.", kinds::names().join(", ")))
    })?;
    let columns = columns::all().filter_map(|column| {
        let expression = origins.expression(column.name)?.to_owned();
        let words = origins.rule(column.name)?.words;
        Some(MappedColumn { name: column.name, meaning: column.meaning, words, expression })
    });
    Ok(Mapping {
        kind: kind.to_owned(),
        title: origins.title(),
        columns: columns.collect(),
        steps: origins.steps.iter().cloned().map(MappingStep::from).collect(),
    })
}

/// How columns are made
///
/// Of a kind of product: the expression of each column of the cost table, and the steps before it.
#[utoipa::path(
    get,
    path = "/api/v1/mappings/{kind}",
    tag = "costs",
    params(("kind" = String, Path, description = "Kind of product, such as `cur`")),
    responses((status = 200, description = "The mapping", body = Mapping))
)]
async fn mapping(Path(kind): Path<String>) -> Result<Json<Mapping>, Fail> {
    Ok(Json(answer(&kind)?))
}

#[derive(OpenApi)]
#[openapi(paths(mapping))]
pub(crate) struct Doc;

#[cfg(test)]
mod tests {
    use billhook_sources::kinds;

    use super::answer;

    #[test]
    fn every_kind_has_a_mapping() {
        for kind in kinds::names() {
            let mapping = answer(kind).unwrap();
            assert!(mapping.columns.iter().any(|column| column.name == "BilledCost"), "{kind}");
            assert!(!mapping.title.is_empty() && !mapping.steps.is_empty(), "{kind}");
        }
        assert!(answer("nothing").unwrap_err().fix.contains("data_export"));
    }
}
