//! A query that runs: its batches come from a task of its own, under a deadline, and until
//! somebody cancels it.

use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::error::DataFusionError;
use datafusion::execution::SendableRecordBatchStream;
use futures::StreamExt;
use pgwire::api::results::{DataRowEncoder, FieldInfo};
use pgwire::messages::data::DataRow;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::fault::{Fault, fault, hinted, of_query};
use crate::rows;

/// Until when a statement may run, and whether somebody wants it to end.
pub(crate) struct Limit {
    /// When it is over.
    pub(crate) deadline: Instant,
    /// Changes when the client cancels.
    pub(crate) cancelled: watch::Receiver<u64>,
}

impl Limit {
    /// Waits for `work`, but no longer than may be.
    ///
    /// # Errors
    /// When it is cancelled or too late.
    pub(crate) async fn keep<T>(&mut self, work: impl Future<Output = T>) -> Result<T, Fault> {
        tokio::select! {
            biased;
            Ok(()) = self.cancelled.changed() => {
                Err(fault("57014", "canceling statement due to user request"))
            }
            () = tokio::time::sleep_until(self.deadline) => Err(hinted(
                "57014",
                "canceling statement due to statement timeout",
                "Ask for fewer days or columns. statement_timeout may be lowered, not raised.",
            )),
            done = work => Ok(done),
        }
    }
}

/// An answer, as far as it was not sent yet.
pub(crate) struct Running {
    /// Its columns.
    pub(crate) fields: Arc<Vec<FieldInfo>>,
    /// First word of what completes it, such as SELECT.
    pub(crate) tag: &'static str,
    source: Source,
    encoder: DataRowEncoder,
    /// The batch that is being sent, and its next row.
    batch: Option<(RecordBatch, usize)>,
    text: Arc<str>,
}

enum Source {
    /// A query.
    Query { batches: mpsc::Receiver<Result<RecordBatch, DataFusionError>>, task: JoinSet<()> },
    /// Rows that are at hand.
    Rows(std::vec::IntoIter<DataRow>),
}

impl Running {
    /// Begins to read a stream. `text` is the statement, for errors.
    pub(crate) fn query(
        mut stream: SendableRecordBatchStream,
        fields: Arc<Vec<FieldInfo>>,
        tag: &'static str,
        text: Arc<str>,
    ) -> Self {
        let (sender, batches) = mpsc::channel(1);
        let mut task = JoinSet::new();
        task.spawn(async move {
            while let Some(batch) = stream.next().await {
                if sender.send(batch).await.is_err() {
                    break;
                }
            }
        });
        let encoder = DataRowEncoder::new(Arc::clone(&fields));
        Self { fields, tag, source: Source::Query { batches, task }, encoder, batch: None, text }
    }

    /// Rows that are at hand.
    pub(crate) fn rows(fields: Arc<Vec<FieldInfo>>, tag: &'static str, rows: Vec<DataRow>) -> Self {
        let encoder = DataRowEncoder::new(Arc::clone(&fields));
        let source = Source::Rows(rows.into_iter());
        Self { fields, tag, source, encoder, batch: None, text: Arc::from("") }
    }

    /// The next row, or `None` at the end.
    ///
    /// # Errors
    /// When the query fails, is cancelled or takes too long.
    pub(crate) async fn next(&mut self, limit: &mut Limit) -> Result<Option<DataRow>, Fault> {
        loop {
            if let Some((batch, next)) = &mut self.batch
                && *next < batch.num_rows()
            {
                let row = rows::row(&mut self.encoder, batch, *next, &self.fields)?;
                *next += 1;
                return Ok(Some(row));
            }
            let (batches, task) = match &mut self.source {
                Source::Rows(rows) => return Ok(rows.next()),
                Source::Query { batches, task } => (batches, task),
            };
            match limit.keep(batches.recv()).await? {
                Some(Ok(batch)) => self.batch = Some((batch, 0)),
                Some(Err(error)) => return Err(of_query(&error, &self.text)),
                None => return ended(task).await,
            }
        }
    }
}

/// The end of the batches is that of the answer only when the task came to its end, too.
async fn ended(task: &mut JoinSet<()>) -> Result<Option<DataRow>, Fault> {
    match task.join_next().await {
        Some(Err(error)) if error.is_panic() => {
            Err(fault("XX000", "the query failed for a reason within Billhook"))
        }
        _ => Ok(None),
    }
}
