//! Whole answers, sent while they are read: never cut short without the receiver noticing.

use std::time::Duration;

use arrow::array::RecordBatch;
use axum::body::{Body, Bytes};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use billhook_engine::EngineError;
use billhook_engine::answers::{ParquetPieces, csv, csv_header, json_lines};
use futures::stream::try_unfold;
use tokio::time::{Instant, timeout};

use super::{Begun, Reading, Wrong, begin, session};
use crate::app::App;
use crate::fail::Fail;

/// So long before the end of a request the answer begins, with or without rows.
const MARGIN: Duration = Duration::from_secs(2);

/// How an answer is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// A JSON object a line.
    Ndjson,
    /// CSV; with `is_safe` no text is a formula for a spreadsheet.
    Csv { is_safe: bool },
    /// A Parquet file.
    Parquet,
}

/// What is being sent.
struct Sending {
    reading: Reading,
    /// A batch that was read before.
    first: Option<RecordBatch>,
    /// What comes before all rows.
    head: Option<Bytes>,
    /// `None` once the end was sent.
    encoder: Option<Encoder>,
    /// Rows that may still be sent.
    left: usize,
}

enum Encoder {
    Json,
    Csv { is_safe: bool },
    Parquet(Box<ParquetPieces>),
}

/// Answers a query with all its rows, or the first `most`.
///
/// # Errors
/// When the query is wrong, or fails before there are rows. Later the answer breaks off, which
/// every client of HTTP takes for a failure.
pub(crate) async fn send(
    app: &App,
    query: &str,
    as_of: Option<&str>,
    most: Option<usize>,
    format: Format,
) -> Result<Response, Fail> {
    let until = Instant::now() + app.config.statement_timeout;
    let session = session(app, as_of).await?;
    let Begun { mut reading, .. } = begin(app, &session, query, until).await?;
    let schema = reading.schema();
    let (encoder, head) = match format {
        Format::Ndjson => (Encoder::Json, None),
        Format::Csv { is_safe } => {
            (Encoder::Csv { is_safe }, Some(Bytes::from(csv_header(&schema))))
        }
        Format::Parquet => (Encoder::Parquet(Box::new(ParquetPieces::begin(&schema)?)), None),
    };
    let wait = app.config.request_timeout.saturating_sub(MARGIN);
    // What is wrong is mostly told by the first batch, as long as there can be another status.
    let first = match timeout(wait, reading.next()).await {
        Ok(first) => first?,
        Err(_) => None,
    };
    let left = most.unwrap_or(usize::MAX);
    let sending = Sending { reading, first, head, encoder: Some(encoder), left };
    let pieces = try_unfold(sending, |mut sending| async move {
        match sending.piece().await {
            Ok(Some(piece)) => Ok(Some((piece, sending))),
            Ok(None) => Ok(None),
            Err(wrong) => {
                tracing::warn!(why = %wrong.fail.why, "an answer to a query broke off");
                Err(std::io::Error::other(wrong.fail.why))
            }
        }
    });
    let (kind, name) = match format {
        Format::Ndjson => ("application/x-ndjson", "answer.ndjson"),
        Format::Csv { .. } => ("text/csv; charset=utf-8; header=present", "answer.csv"),
        Format::Parquet => ("application/vnd.apache.parquet", "answer.parquet"),
    };
    let disposition = format!("attachment; filename=\"{name}\"");
    let headers = [(CONTENT_TYPE, kind.to_owned()), (CONTENT_DISPOSITION, disposition)];
    Ok((headers, Body::from_stream(pieces)).into_response())
}

impl Sending {
    /// The next piece; `None` at the end.
    async fn piece(&mut self) -> Result<Option<Bytes>, Wrong> {
        if let Some(head) = self.head.take() {
            return Ok(Some(head));
        }
        loop {
            let batch = match self.first.take() {
                Some(batch) => Some(batch),
                None if self.left == 0 || self.encoder.is_none() => None,
                None => self.reading.next().await?,
            };
            let Some(batch) = batch else { return Ok(self.end()?) };
            let rows = batch.num_rows().min(self.left);
            self.left -= rows;
            let Some(encoder) = self.encoder.as_mut() else { return Ok(None) };
            let piece = encoder.add(&batch.slice(0, rows))?;
            if !piece.is_empty() {
                return Ok(Some(Bytes::from(piece)));
            }
        }
    }

    /// What comes after all rows.
    fn end(&mut self) -> Result<Option<Bytes>, Fail> {
        match self.encoder.take() {
            Some(Encoder::Parquet(pieces)) => Ok(Some(Bytes::from(pieces.end()?))),
            Some(Encoder::Json | Encoder::Csv { .. }) | None => Ok(None),
        }
    }
}

impl Encoder {
    fn add(&mut self, batch: &RecordBatch) -> Result<Vec<u8>, Fail> {
        let piece: Result<Vec<u8>, EngineError> = match self {
            Self::Json => json_lines(batch).map(String::into_bytes),
            Self::Csv { is_safe } => csv(batch, *is_safe).map(String::into_bytes),
            Self::Parquet(pieces) => pieces.add(batch),
        };
        Ok(piece?)
    }
}
