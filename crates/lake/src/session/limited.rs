//! Queries that somebody typed: planned with places for errors, run with so much memory and no
//! more.

use std::sync::Arc;

use datafusion::error::DataFusionError;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::execution::context::SQLOptions;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::GreedyMemoryPool;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::execution::session_state::SessionStateBuilder;
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::execute_stream;
use datafusion::prelude::SessionContext;
use tokio::runtime::Handle;

use super::{LakeSession, elsewhere};
use crate::LakeError;

impl LakeSession {
    /// Plans a statement that only reads. Errors know where in the text they are.
    ///
    /// # Errors
    /// When the SQL is wrong, or would change anything.
    pub async fn plan(&self, sql: &str) -> Result<LogicalPlan, LakeError> {
        let mut state = self.context.state();
        state.config_mut().options_mut().sql_parser.collect_spans = true;
        let plan = Box::pin(state.create_logical_plan(sql)).await?;
        reads_only().verify_plan(&plan)?;
        Ok(plan)
    }

    /// Begins to run a plan of [`Self::plan`] with so much memory, bytes, and without a disk. It
    /// ends when the stream is dropped.
    ///
    /// # Errors
    /// When it cannot be planned further or begun. That there is too little memory is told by the
    /// stream.
    pub async fn stream(
        &self,
        plan: &LogicalPlan,
        memory: usize,
    ) -> Result<SendableRecordBatchStream, LakeError> {
        reads_only().verify_plan(plan)?;
        self.directory.prepare(plan, &self.context).await?;
        Ok(bounded(self.threads.as_ref(), &self.context, plan, memory).await?)
    }
}

/// Begins to run a plan with so much memory, bytes, and without a disk, on those threads if any are
/// named. It ends when the stream is dropped.
///
/// # Errors
/// When it cannot be planned further or begun.
pub async fn bounded(
    threads: Option<&Handle>,
    context: &SessionContext,
    plan: &LogicalPlan,
    memory: usize,
) -> Result<SendableRecordBatchStream, DataFusionError> {
    let no_disk = DiskManagerBuilder::default().with_mode(DiskManagerMode::Disabled);
    let runtime = RuntimeEnvBuilder::from_runtime_env(&context.runtime_env())
        .with_memory_pool(Arc::new(GreedyMemoryPool::new(memory)))
        .with_disk_manager_builder(no_disk)
        .build_arc()?;
    let state =
        SessionStateBuilder::new_from_existing(context.state()).with_runtime_env(runtime).build();
    let physical = Box::pin(state.create_physical_plan(plan)).await?;
    let task = state.task_ctx();
    elsewhere::begun(threads, async move { execute_stream(physical, task) }).await
}

/// No statement that makes, changes or sets anything.
#[must_use]
pub fn reads_only() -> SQLOptions {
    SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false)
}
