//! Tuples as a SQL table: a row per distinct combination of texts and maps of a data file.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::{Result, ScalarValue};
use datafusion::datasource::TableType;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown};
use datafusion::physical_plan::ExecutionPlan;

use super::{Summary, TUPLES};
use crate::provider::{Files, scanned};
use crate::spec::COST_AND_USAGE;
use crate::table::FileEntry;

/// The column with the place of a row's file among those of the table.
pub(super) const PLACE: &str = "x_Place";

/// The tuples of some data files.
#[derive(Debug)]
pub(crate) struct Tuples {
    files: Vec<PartitionedFile>,
    /// Columns of the files, then what is the same for all of a file.
    schema: SchemaRef,
    fixed: Vec<Arc<Field>>,
}

impl Tuples {
    /// Of data files with their summaries.
    pub(super) fn new(files: &[(&FileEntry, Summary)]) -> Self {
        let text = |name: &&str| Arc::new(Field::new(*name, DataType::Utf8, true));
        let place = Arc::new(Field::new(PLACE, DataType::UInt32, false));
        let fixed: Vec<_> = COST_AND_USAGE.partition.iter().map(text).chain([place]).collect();
        let fields = TUPLES.fields().iter().chain(&fixed).cloned();
        let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        let files = files.iter().enumerate().map(|(place, (file, summary))| {
            let path = object_store::path::Path::from_absolute_path(&summary.tuples);
            let path = path.map_or_else(|_| String::new(), String::from);
            let mut partitioned = PartitionedFile::new(path, summary.size);
            let values = COST_AND_USAGE.partition.iter();
            let values = values.map(|name| ScalarValue::from(file.partition_value(name)));
            let place = ScalarValue::UInt32(u32::try_from(place).ok());
            partitioned.partition_values = values.chain([place]).collect();
            partitioned
        });
        Self { files: files.collect(), schema, fixed }
    }
}

#[async_trait]
impl TableProvider for Tuples {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> Result<Vec<TableProviderFilterPushDown>> {
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        _: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let files = Files {
            store: ObjectStoreUrl::local_filesystem(),
            schema: Arc::clone(&TUPLES),
            fixed: self.fixed.clone(),
            files: self.files.clone(),
        };
        scanned(state, files, projection, limit)
    }
}
