//! SQL over the lake: one statement that reads, with bounds on its time and memory.
//!
//! `wrong` says what is wrong with a query, `currencies` whether it adds what must not be added,
//! `send` gives whole answers, `late` has those that came after their page.

mod currencies;
mod late;
mod send;
mod wrong;

use std::sync::Arc;
use std::time::Duration;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, SchemaRef};
use axum::body::Bytes;
use axum::extract::State;
use axum::response::Response;
use billhook_engine::answers::cells;
use billhook_engine::instant;
use billhook_engine::sql_names::mended;
use billhook_lake::LakeError;
use billhook_lake::session::LakeSession;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::logical_expr::LogicalPlan;
use futures::StreamExt;
use serde::Deserialize;
use tokio::time::{Instant, timeout_at};
use utoipa::{OpenApi, ToSchema};

use crate::api::told;
use crate::app::App;
use crate::fail::Fail;
use crate::heavy::Asked;
use crate::kept::Question;
use crate::routes::{Need, Route, post};

pub(crate) use late::RunAnswers;
pub(crate) use send::{Format, send};
pub(crate) use wrong::Wrong;

/// Rows that a page shows, unless it is told otherwise.
pub(crate) const ROWS: usize = 1_000;

/// Rows that a page shows at most.
pub(crate) const MOST_ROWS: usize = 10_000;

/// All ways in.
pub(crate) fn routes() -> Vec<Route> {
    vec![post("/api/v1/sql", Need::Viewer, sql_call)]
}

/// A query.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SqlQuestion {
    /// One statement that reads: SELECT or EXPLAIN.
    query: String,
    /// Rows at most; all when left out.
    limit: Option<usize>,
    /// The lake as it was at a time: `2026-09-30` or `2026-09-30T12:00:00Z`.
    as_of: Option<String>,
    /// `ndjson` (the default), `csv` or `parquet`.
    format: Option<String>,
    /// In CSV, make texts that a spreadsheet would run harmless.
    #[serde(default)]
    safe: bool,
}

/// A query that was begun.
pub(crate) struct Begun {
    pub(crate) reading: Reading,
    /// What a reader should know of it.
    pub(crate) warning: Option<String>,
}

/// The rows of a query, while they are read. Dropping it ends the query.
pub(crate) struct Reading {
    stream: SendableRecordBatchStream,
    until: Instant,
    /// How long it may take in all.
    limit: Duration,
}

/// The first rows of an answer, as texts.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) columns: Vec<AnswerColumn>,
    pub(crate) rows: Vec<Vec<Option<String>>>,
    /// How many rows there are; more than `rows` has when it was cut.
    pub(crate) total: u64,
    /// Was the time over before all were counted?
    pub(crate) is_late: bool,
    /// How long it took, microseconds.
    pub(crate) took: i64,
    /// Files of the lake that were read.
    pub(crate) files: u64,
    pub(crate) warning: Option<String>,
}

/// A column of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AnswerColumn {
    pub(crate) name: String,
    pub(crate) is_number: bool,
    /// Is it a day or an instant?
    pub(crate) is_time: bool,
}

impl Reading {
    pub(crate) fn schema(&self) -> SchemaRef {
        self.stream.schema()
    }

    /// The next batch; `None` at the end.
    ///
    /// # Errors
    /// When the query fails or takes too long.
    pub(crate) async fn next(&mut self) -> Result<Option<RecordBatch>, Wrong> {
        match timeout_at(self.until, self.stream.next()).await {
            Err(_) => Err(Wrong::late(self.limit)),
            Ok(None) => Ok(None),
            Ok(Some(Ok(batch))) => Ok(Some(batch)),
            Ok(Some(Err(error))) => Err(Wrong::of(LakeError::from(error))),
        }
    }
}

/// The lake that a query asks.
///
/// # Errors
/// When the time is none, or the lake cannot be opened.
pub(crate) async fn session(app: &App, as_of: Option<&str>) -> Result<Arc<LakeSession>, Wrong> {
    let as_of = as_of.map(instant::parse_millis).transpose().map_err(Fail::from)?;
    Ok(app.session(as_of).await?)
}

/// Begins a query, which is over at `until` in any case.
///
/// # Errors
/// When the query is wrong or would change anything.
pub(crate) async fn begin(
    app: &App,
    session: &LakeSession,
    query: &str,
    until: Instant,
) -> Result<Begun, Wrong> {
    let limit = until.saturating_duration_since(Instant::now());
    let query = query.trim_end().trim_end_matches(';');
    if query.trim().is_empty() {
        return Err(Wrong::new("there is no query", "Type one, or take one of the examples."));
    }
    let work = async {
        let plan = match (session.plan(query).await, mended(query)) {
            (Err(_), Some(mended)) => session.plan(&mended).await?,
            (plan, _) => plan?,
        };
        let stream = session.stream(&plan, app.config.query_memory).await?;
        let is_plan = matches!(plan, LogicalPlan::Explain(_) | LogicalPlan::Analyze(_));
        let warning = if is_plan { None } else { currencies::warning(session, &plan).await? };
        Ok::<_, LakeError>((stream, warning))
    };
    match timeout_at(until, Box::pin(work)).await {
        Err(_) => Err(Wrong::late(limit)),
        Ok(Err(error)) => Err(Wrong::of(error)),
        Ok(Ok((stream, warning))) => {
            Ok(Begun { reading: Reading { stream, until, limit }, warning })
        }
    }
}

/// Asks for the first `most` rows of an answer; the others are counted.
///
/// # Errors
/// When the lake cannot be opened.
pub(crate) async fn ask(
    app: &Arc<App>,
    query: &str,
    as_of: Option<&str>,
    most: usize,
) -> Result<Asked<Answer, Wrong>, Wrong> {
    let session = session(app, as_of).await?;
    let text = format!("{most} {query}");
    let question = Question { text, subject: "SQL".to_owned(), asked_at: app.now() };
    let (own, query, of) = (Arc::clone(app), query.to_owned(), Arc::clone(&session));
    Ok(app.kept_sql.ask(&session, question, move |reads| async move {
        let answered = Box::pin(table(&own, &of.watched(&reads), &query, most)).await;
        match answered {
            Ok(answer) => Ok(Answer { files: reads.done(), ..answer }),
            Err(wrong) => Err(wrong.having_read(&reads)),
        }
    }))
}

/// The first `most` rows of an answer; the others are counted.
async fn table(
    app: &App,
    session: &LakeSession,
    query: &str,
    most: usize,
) -> Result<Answer, Wrong> {
    let begun_at = Instant::now();
    let until = begun_at + app.config.statement_timeout;
    let Begun { mut reading, warning } = begin(app, session, query, until).await?;
    let column = |field: &Arc<arrow::datatypes::Field>| AnswerColumn {
        name: field.name().clone(),
        is_number: field.data_type().is_numeric(),
        is_time: matches!(
            field.data_type(),
            DataType::Date32 | DataType::Date64 | DataType::Timestamp(..)
        ),
    };
    let columns = reading.schema().fields().iter().map(column).collect();
    let (mut rows, mut total, mut is_late) = (Vec::new(), 0_u64, false);
    loop {
        let batch = match reading.next().await {
            Ok(Some(batch)) => batch,
            Ok(None) => break,
            Err(wrong) if wrong.is_late && total > 0 => {
                is_late = true;
                break;
            }
            Err(wrong) => return Err(wrong),
        };
        let wanted = most.saturating_sub(rows.len()).min(batch.num_rows());
        if wanted > 0 {
            rows.extend(cells(&batch.slice(0, wanted)).map_err(Fail::from)?);
        }
        total = total.saturating_add(u64::try_from(batch.num_rows()).unwrap_or_default());
    }
    let took = i64::try_from(begun_at.elapsed().as_micros()).unwrap_or(i64::MAX);
    Ok(Answer { columns, rows, total, is_late, took, files: 0, warning })
}

/// Runs a query and sends its whole answer. Amounts are decimals with all their digits. An answer
/// that fails on its way breaks off.
#[utoipa::path(
    post,
    path = "/api/v1/sql",
    tag = "sql",
    request_body = SqlQuestion,
    responses(
        (status = 200, description = "The rows: a JSON object a line, CSV, or a Parquet file",
         content_type = "application/x-ndjson", body = String),
        (status = 400, description = "The query is wrong, or would change something"),
        (status = 504, description = "It takes too long")
    )
)]
async fn sql_call(State(app): State<Arc<App>>, body: Bytes) -> Result<Response, Fail> {
    let question: SqlQuestion = told::read(&body)?;
    let format = match question.format.as_deref() {
        None | Some("ndjson") => Format::Ndjson,
        Some("csv") => Format::Csv { is_safe: question.safe },
        Some("parquet") => Format::Parquet,
        Some(other) => {
            let why = format!("there is no format {other:?}: use ndjson, csv or parquet");
            return Err(Fail::bad(why));
        }
    };
    let as_of = question.as_of.as_deref();
    send(&app, &question.query, as_of, question.limit, format).await
}

/// This part of the description of the API.
#[derive(OpenApi)]
#[openapi(paths(sql_call))]
pub(crate) struct Doc;
