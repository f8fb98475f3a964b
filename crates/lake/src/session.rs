//! SQL over the lake: one session for the command line, reports and exports.

mod arithmetic;
mod elsewhere;
mod limited;
mod reads;

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::Int64Type;
use datafusion::catalog::TableProvider;
use datafusion::datasource::{ViewTable, provider_as_source};
use datafusion::execution::SendableRecordBatchStream;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, ScalarUDF};
use datafusion::prelude::{DataFrame, SessionConfig, SessionContext, lit};
use futures::TryStreamExt;
use serde_json::Value;
use tokio::runtime::Handle;

use crate::authority::{self, Authorities, Claim, Standing, Wishes};
use crate::directory::Directory;
use crate::provider::{LakeTable, register_store};
use crate::spec::{CHANGES_HOURLY, COST_AND_USAGE, COST_DAILY, DELIVERIES, OF_DELIVERIES};
use crate::summary::Summaries;
use crate::table::{FileEntry, Table};
use crate::{Lake, LakeError};

pub use arithmetic::calculates_amounts;
pub use limited::{bounded, reads_only};
pub use reads::Reads;
pub(crate) use reads::Scan;

/// The table of lines and the view of it.
#[derive(Clone)]
pub(crate) struct Lines {
    pub(crate) all: Arc<LakeTable>,
    /// The files of which rows count in `costs`.
    pub(crate) costs: Arc<LakeTable>,
    /// Which of their rows do.
    pub(crate) counts: Expr,
}

/// A read-only SQL session over one state of the lake.
pub struct LakeSession {
    pub(crate) context: SessionContext,
    pub(crate) directory: Directory,
    /// Where queries run; `None` for where they are asked.
    pub(crate) threads: Option<Handle>,
    pub(crate) lines: Option<Lines>,
    /// Asked instead of lines where they can tell.
    pub(crate) summaries: Option<Arc<Summaries>>,
    /// Who could have authority.
    pub claims: Vec<Claim>,
    /// Whose rows count.
    pub authorities: Authorities,
    /// What users set about that.
    pub wishes: Wishes,
    /// (connection, period) of slices whose rows do not count in `costs`.
    pub left_out: BTreeSet<(String, String)>,
}

impl LakeSession {
    /// Opens the lake as it is now, or as it was at a time (milliseconds since 1970 UTC).
    ///
    /// Tables: all of [`crate::spec::ALL`], and the views `costs` (FOCUS rows, one authority per
    /// billing account and month) and `costs_daily` (the same per day), with the columns of
    /// [`crate::directory::VIEW_COLUMNS`] after those of their tables. Functions: `account_name`,
    /// `organizational_unit` and `account_tags` of an account's id, `resource_tags` of that of a
    /// resource. Identifiers are case-sensitive, as FOCUS writes them.
    ///
    /// # Errors
    /// When the lake cannot be read, or keeps no version as old as asked for.
    pub async fn open(lake: &Lake, as_of: Option<i64>) -> Result<Self, LakeError> {
        let context = SessionContext::new_with_config(Self::config());
        register_store(&context, lake);
        calculates_amounts(&context)?;
        let mut tables = Vec::new();
        for spec in OF_DELIVERIES {
            let mut table = lake.table(spec).await?;
            if let Some(millis) = as_of {
                table = table.as_of(millis).await?;
            }
            let provider = Arc::new(LakeTable::new(lake, &table)?);
            context.register_table(spec.name, Arc::clone(&provider) as Arc<dyn TableProvider>)?;
            tables.push((table, provider));
        }
        let hours = LakeTable::if_any(lake, &CHANGES_HOURLY, as_of).await?;
        context.register_table(CHANGES_HOURLY.name, Arc::new(hours))?;
        let directory = Directory::open(lake, as_of, &context).await?;
        let (claims, authorities) = (Vec::new(), Authorities::new());
        let (wishes, left_out) = (authority::wishes(lake).await?, BTreeSet::new());
        let (threads, lines, summaries) = (None, None, None);
        let mut session = Self {
            context,
            directory,
            threads,
            lines,
            summaries,
            claims,
            authorities,
            wishes,
            left_out,
        };
        session.claims = session.read_claims(&tables).await?;
        session.authorities = authority::choose(&session.claims, &session.wishes);
        for (table, all) in tables {
            match table.spec.name {
                name if name == COST_AND_USAGE.name => {
                    let (costs, counts) = session.register_view(lake, &table, "costs")?;
                    session.lines = Some(Lines { all, costs, counts });
                }
                name if name == COST_DAILY.name => {
                    session.register_view(lake, &table, "costs_daily")?;
                }
                _ => {}
            }
        }
        Ok(session)
    }

    pub(crate) fn config() -> SessionConfig {
        let mut config = SessionConfig::new().with_information_schema(true);
        let options = config.options_mut();
        options.sql_parser.enable_ident_normalization = false;
        options.sql_parser.parse_float_as_decimal = true;
        options.execution.parquet.pushdown_filters = true;
        options.execution.parquet.schema_force_view_types = false;
        options.execution.time_zone = Some("+00:00".to_owned());
        config
    }

    /// Has questions asked of summaries where there are any.
    #[must_use]
    pub fn summed_by(mut self, summaries: &Arc<Summaries>) -> Self {
        self.summaries = Some(Arc::clone(summaries));
        self
    }

    /// The data files of all lines.
    #[must_use]
    pub fn line_files(&self) -> &[FileEntry] {
        self.lines.as_ref().map(|lines| lines.all.files()).unwrap_or_default()
    }

    /// Slices that stand in the lake, with what the last delivery of each says of them.
    async fn read_claims(
        &self,
        tables: &[(Table, Arc<LakeTable>)],
    ) -> Result<Vec<Claim>, LakeError> {
        let lines = tables.iter().find(|(table, _)| table.spec.name == COST_AND_USAGE.name);
        let files = lines.map(|(_, lines)| lines.files()).unwrap_or_default();
        let slices: BTreeSet<(String, String, String)> = files
            .iter()
            .map(|file| {
                let value = |column| file.partition_value(column).to_owned();
                (value("x_Connection"), value("x_BillingPeriod"), value("x_Revision"))
            })
            .collect();
        let sql = format!(
            "SELECT x_Connection, x_BillingPeriod, x_Revision, Kind, Granularity, \
             BillingAccountIds, ResourceRows FROM {} ORDER BY x_RecordedAt",
            DELIVERIES.name
        );
        let mut claims: Vec<Claim> = Vec::new();
        for batch in self.context.sql(&sql).await?.collect().await? {
            let text =
                |column: usize, row: usize| batch.column(column).as_string::<i32>().value(row);
            for row in 0..batch.num_rows() {
                let slice = (text(0, row), text(1, row), text(2, row));
                let owned = (slice.0.to_owned(), slice.1.to_owned(), slice.2.to_owned());
                if !slices.contains(&owned) {
                    continue;
                }
                claims.retain(|claim| claim.connection != slice.0 || claim.period != slice.1);
                let accounts: Value = serde_json::from_str(text(5, row)).unwrap_or_default();
                let resources = batch.column(6).as_primitive::<Int64Type>().value(row);
                for account in accounts.as_array().into_iter().flatten().filter_map(Value::as_str) {
                    claims.push(Claim {
                        connection: owned.0.clone(),
                        period: owned.1.clone(),
                        account: account.to_owned(),
                        kind: text(3, row).to_owned(),
                        granularity: text(4, row).to_owned(),
                        has_resources: resources > 0,
                    });
                }
            }
        }
        Ok(claims)
    }

    /// Returns the files that count, and which of their rows do.
    fn register_view(
        &mut self,
        lake: &Lake,
        table: &Table,
        view: &str,
    ) -> Result<(Arc<LakeTable>, Expr), LakeError> {
        let files = table.files()?;
        let mut counting: Vec<FileEntry> = Vec::new();
        for file in files {
            match self.standing(&file) {
                Standing::LeftOut => {
                    let value = |column| file.partition_value(column).to_owned();
                    self.left_out.insert((value("x_Connection"), value("x_BillingPeriod")));
                }
                Standing::Counts | Standing::Mixed => counting.push(file),
            }
        }
        let is_mixed = counting.iter().any(|file| self.standing(file) == Standing::Mixed);
        let provider = Arc::new(LakeTable::with_files(lake, table.spec, counting));
        let mut counts = named("x_FocusExclusion").is_null();
        if is_mixed {
            counts = counts.and(self.has_authority());
        }
        let schema = provider.schema();
        let own = schema.fields().iter().map(|field| named(field.name()));
        let is_daily = table.spec.name == COST_DAILY.name;
        let columns: Vec<Expr> = own.chain(self.directory.columns(is_daily)).collect();
        let source: Arc<dyn TableProvider> = Arc::clone(&provider) as _;
        let plan = LogicalPlanBuilder::scan(view, provider_as_source(source), None)?
            .filter(counts.clone())?
            .project(columns)?
            .build()?;
        self.context.register_table(view, Arc::new(ViewTable::new(plan, None)))?;
        Ok((provider, counts))
    }

    /// Row by row, where a file holds several billing accounts: no other connection has authority.
    fn has_authority(&self) -> Expr {
        let others = self.authorities.iter().map(|((account, period), connection)| {
            named("BillingAccountId")
                .eq(lit(account.as_str()))
                .and(named("x_BillingPeriod").eq(lit(period.as_str())))
                .and(named("x_Connection").not_eq(lit(connection.as_str())))
        });
        others.reduce(Expr::or).map_or_else(|| lit(true), Expr::is_not_true)
    }

    fn standing(&self, file: &FileEntry) -> Standing {
        authority::standing(file, &self.authorities)
    }

    /// Runs a query. Statements that would change anything are refused.
    ///
    /// # Errors
    /// When the SQL is wrong or fails.
    pub async fn query(&self, sql: &str) -> Result<Vec<RecordBatch>, LakeError> {
        Ok(self.rows(sql).await?.try_collect().await?)
    }

    /// Begins to run a query; see [`Self::query`]. It ends when the stream is dropped.
    ///
    /// # Errors
    /// When the SQL is wrong or fails at once.
    pub async fn rows(&self, sql: &str) -> Result<SendableRecordBatchStream, LakeError> {
        let frame = self.frame(sql).await?;
        Ok(self.begun(frame).await?)
    }

    /// Begins to run what was planned.
    ///
    /// # Errors
    /// When it fails at once.
    pub(crate) async fn begun(
        &self,
        frame: DataFrame,
    ) -> datafusion::error::Result<SendableRecordBatchStream> {
        let begin = async move { frame.execute_stream().await };
        elsewhere::begun(self.threads.as_ref(), begin).await
    }

    /// The files that names, units and tags of accounts and resources come from: while these are
    /// the same, so are those.
    #[must_use]
    pub fn directory_files(&self) -> Vec<&str> {
        self.directory.files()
    }

    /// Plans a query; see [`Self::query`].
    ///
    /// # Errors
    /// When the SQL is wrong.
    pub async fn frame(&self, sql: &str) -> Result<DataFrame, LakeError> {
        let frame = self.context.sql_with_options(sql, reads_only()).await?;
        self.directory.prepare(frame.logical_plan(), &self.context).await?;
        Ok(frame)
    }

    /// Reads what a plan looks up that another session made over the tables of this one.
    ///
    /// # Errors
    /// When the lake cannot be read.
    pub async fn prepare(&self, plan: &LogicalPlan) -> Result<(), LakeError> {
        self.directory.prepare(plan, &self.context).await
    }

    /// The functions that this session has beside those of SQL.
    #[must_use]
    pub fn functions(&self) -> Vec<Arc<ScalarUDF>> {
        self.directory.functions().into_iter().map(Arc::new).collect()
    }

    /// The session underneath.
    #[must_use]
    pub fn context(&self) -> &SessionContext {
        &self.context
    }
}

/// The column of that name, exactly.
pub(crate) fn named(column: &str) -> Expr {
    Expr::Column(datafusion::common::Column::new_unqualified(column))
}

/// First text of a one-column answer.
#[must_use]
pub fn first_text(batches: &[RecordBatch]) -> Option<String> {
    let batch = batches.iter().find(|batch| batch.num_rows() > 0)?;
    let column = arrow::compute::cast(batch.column(0), &arrow::datatypes::DataType::Utf8).ok()?;
    let column = column.as_string::<i32>();
    column.is_valid(0).then(|| column.value(0).to_owned())
}
