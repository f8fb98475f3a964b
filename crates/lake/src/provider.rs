//! Tables for SQL: the file list from the Delta log, then an ordinary Parquet scan.
//!
//! Such a plan can be sent to a distributed engine unchanged; delta-rs's own provider cannot
//! (`ecosystem.md` 1.3). Files are left out by their partition values and statistics.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, RecordBatch, UInt64Array};
use arrow::datatypes::{Field, Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::pruning::PruningStatistics;
use datafusion::common::stats::Precision;
use datafusion::common::{Column, DFSchema, Result, ScalarValue, Statistics};
use datafusion::datasource::TableType;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::datasource::table_schema::TableSchema;
use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::logical_expr::utils::conjunction;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown};
use datafusion::physical_optimizer::pruning::PruningPredicateBuilder;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::prelude::{SessionContext, lit};
use url::{Position, Url};

use crate::session::{Reads, Scan};
use crate::spec::TableSpec;
use crate::table::{FileEntry, Table};
use crate::{Lake, LakeError};

/// One version of a table, or part of its files, as a SQL table.
#[derive(Debug)]
pub struct LakeTable {
    files: Vec<FileEntry>,
    spec: &'static TableSpec,
    url: Url,
    /// File columns, then partition columns.
    schema: SchemaRef,
    partition_fields: Vec<Arc<Field>>,
}

impl LakeTable {
    /// All files of the loaded version.
    ///
    /// # Errors
    /// When the log cannot be read.
    pub fn new(lake: &Lake, table: &Table) -> Result<Self, LakeError> {
        Ok(Self::with_files(lake, table.spec, table.files()?))
    }

    /// A table that need not be there, as it is now, or as it was at a time (milliseconds since
    /// 1970 UTC): without rows when it is not, or was not then.
    ///
    /// # Errors
    /// When the lake cannot be read.
    pub(crate) async fn if_any(
        lake: &Lake,
        spec: &'static TableSpec,
        as_of: Option<i64>,
    ) -> Result<Self, LakeError> {
        if !lake.exists(spec).await? {
            return Ok(Self::with_files(lake, spec, Vec::new()));
        }
        let table = lake.table(spec).await?;
        match as_of {
            None => Self::new(lake, &table),
            Some(millis) => match table.as_of(millis).await {
                Ok(table) => Self::new(lake, &table),
                Err(LakeError::TooOld { .. }) => Ok(Self::with_files(lake, spec, Vec::new())),
                Err(error) => Err(error),
            },
        }
    }

    /// The given files.
    #[must_use]
    pub fn with_files(lake: &Lake, spec: &'static TableSpec, files: Vec<FileEntry>) -> Self {
        let all = (spec.schema)();
        let partition_fields: Vec<Arc<Field>> = spec
            .partition
            .iter()
            .filter_map(|name| all.field_with_name(name).ok())
            .map(|field| Arc::new(field.clone()))
            .collect();
        let file_schema = spec.file_schema();
        let fields = file_schema.fields().iter().chain(&partition_fields).cloned();
        let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        Self { files, spec, url: lake.url.clone(), schema, partition_fields }
    }

    /// Its files.
    pub(crate) fn files(&self) -> &[FileEntry] {
        &self.files
    }

    /// The names of its files. No two files ever have the same name.
    pub(crate) fn paths(&self) -> impl Iterator<Item = &str> {
        self.files.iter().map(|file| file.path.as_str())
    }

    /// Files that may hold rows for which all filters are true.
    pub(crate) fn chosen(&self, state: &dyn Session, filters: &[Expr]) -> Result<Vec<&FileEntry>> {
        let Some(filter) = conjunction(filters.to_vec()) else {
            return Ok(self.files.iter().collect());
        };
        let schema = DFSchema::try_from(Arc::clone(&self.schema))?;
        let predicate = state.create_physical_expr(filter, &schema)?;
        let pruning = PruningPredicateBuilder::new()
            .with_file_schema(Arc::clone(&self.schema))
            .try_build(predicate)?;
        let statistics = FileStatistics { table: self };
        let keep = pruning.prune(&statistics)?;
        Ok(self.files.iter().zip(keep).filter(|(_, keep)| *keep).map(|(file, _)| file).collect())
    }

    fn partitioned(&self, file: &FileEntry) -> PartitionedFile {
        let path = format!("{}{}/{}", self.url.path(), self.spec.name, file.path);
        let path = object_store::path::Path::from_url_path(&path).map_or(path, String::from);
        let mut statistics = Statistics::new_unknown(&self.schema);
        let rows = usize::try_from(file.rows()).unwrap_or(usize::MAX);
        statistics.num_rows = Precision::Exact(rows);
        let mut partitioned =
            PartitionedFile::new(path, file.size).with_statistics(Arc::new(statistics));
        partitioned.partition_values = self
            .spec
            .partition
            .iter()
            .map(|c| ScalarValue::from(file.partition_value(c)))
            .collect();
        partitioned
    }
}

#[async_trait]
impl TableProvider for LakeTable {
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
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let mut files: Vec<PartitionedFile> =
            self.chosen(state, filters)?.into_iter().map(|file| self.partitioned(file)).collect();
        files.sort_by_key(|file| std::cmp::Reverse(file.object_meta.size));
        let files = Files {
            store: ObjectStoreUrl::parse(&self.url[..Position::BeforePath])?,
            schema: self.spec.file_schema(),
            fixed: self.partition_fields.clone(),
            files,
        };
        scanned(state, files, projection, limit)
    }
}

/// Parquet files of one table.
pub(crate) struct Files {
    pub(crate) store: ObjectStoreUrl,
    /// Columns that are in the files.
    pub(crate) schema: SchemaRef,
    /// Columns that are the same for all of a file.
    pub(crate) fixed: Vec<Arc<Field>>,
    /// The largest first.
    pub(crate) files: Vec<PartitionedFile>,
}

/// A scan of files, shared out among the processors.
pub(crate) fn scanned(
    state: &dyn Session,
    files: Files,
    projection: Option<&Vec<usize>>,
    limit: Option<usize>,
) -> Result<Arc<dyn ExecutionPlan>> {
    let Files { store, schema, fixed, files } = files;
    let count = files.len();
    let groups = state.config().target_partitions().clamp(1, count.max(1));
    let mut parts: Vec<Vec<PartitionedFile>> = vec![Vec::new(); groups];
    for (index, file) in files.into_iter().enumerate() {
        parts[index % groups].push(file);
    }
    let groups: Vec<FileGroup> = parts.into_iter().map(FileGroup::new).collect();
    let schema = TableSchema::builder(schema).with_table_partition_cols(fixed).build();
    let options = state.config_options().execution.parquet.clone();
    let options = datafusion::config::TableParquetOptions { global: options, ..Default::default() };
    let mut source = ParquetSource::new(schema).with_table_parquet_options(options);
    if let Some(reads) = state.config().get_extension::<Reads>() {
        let files = state.runtime_env().object_store(&store)?;
        let scan = Scan::new(reads, files, count);
        source = source.with_parquet_file_reader_factory(Arc::new(scan));
    }
    let config = FileScanConfigBuilder::new(store, Arc::new(source))
        .with_file_groups(groups)
        .with_projection_indices(projection.cloned())?
        .with_limit(limit)
        .build();
    Ok(DataSourceExec::from_data_source(config))
}

/// What the Delta log says of each file.
struct FileStatistics<'a> {
    table: &'a LakeTable,
}

impl FileStatistics<'_> {
    fn values(&self, column: &Column, bound: &str) -> Option<ArrayRef> {
        let name = column.name();
        let field = self.table.schema.field_with_name(name).ok()?;
        let values = self.table.files.iter().map(|file| {
            if self.table.spec.is_partition(name) {
                return ScalarValue::from(file.partition_value(name));
            }
            let null = || ScalarValue::try_from(field.data_type()).unwrap_or(ScalarValue::Null);
            match file.stats[bound][name].as_str() {
                Some(text) => {
                    ScalarValue::from(text).cast_to(field.data_type()).unwrap_or_else(|_| null())
                }
                None => null(),
            }
        });
        ScalarValue::iter_to_array(values).ok()
    }
}

impl PruningStatistics for FileStatistics<'_> {
    fn min_values(&self, column: &Column) -> Option<ArrayRef> {
        self.values(column, "minValues")
    }

    fn max_values(&self, column: &Column) -> Option<ArrayRef> {
        self.values(column, "maxValues")
    }

    fn num_containers(&self) -> usize {
        self.table.files.len()
    }

    fn null_counts(&self, _column: &Column) -> Option<ArrayRef> {
        None
    }

    fn row_counts(&self) -> Option<ArrayRef> {
        let rows = self.table.files.iter().map(FileEntry::rows);
        Some(Arc::new(UInt64Array::from_iter_values(rows)))
    }

    fn contained(&self, _: &Column, _: &HashSet<ScalarValue>) -> Option<BooleanArray> {
        None
    }
}

/// A session that reaches the lake's store.
#[must_use]
pub fn bare_session(lake: &Lake) -> SessionContext {
    let context = SessionContext::new();
    register_store(&context, lake);
    context
}

/// Makes the lake's store known to a session.
pub fn register_store(context: &SessionContext, lake: &Lake) {
    if let Ok(root) = Url::parse(&lake.url[..Position::BeforePath]) {
        context.register_object_store(&root, Arc::clone(&lake.store));
    }
}

/// All rows of a partition of a table.
///
/// # Errors
/// When the table cannot be read.
pub async fn read_slice(
    lake: &Lake,
    spec: &'static TableSpec,
    partition: &[(&'static str, String)],
) -> Result<Vec<RecordBatch>, LakeError> {
    let table = lake.table(spec).await?;
    let provider = Arc::new(LakeTable::new(lake, &table)?);
    let mut frame = bare_session(lake).read_table(provider)?;
    for (column, value) in partition {
        let column = Expr::Column(Column::new_unqualified(*column));
        frame = frame.filter(column.eq(lit(value.as_str())))?;
    }
    Ok(frame.collect().await?)
}
