//! A client that has signed in: its messages, one after the other.

mod extended;
mod perform;

use std::collections::HashMap;
use std::io;
use std::sync::Arc;

use datafusion::sql::sqlparser::ast::{DataType, Statement};
use pgwire::api::ClientInfo;
use pgwire::api::portal::Format;
use pgwire::api::results::FieldInfo;
use pgwire::error::ErrorInfo;
use pgwire::messages::copy::{CopyData, CopyDone, CopyOutResponse};
use pgwire::messages::data::RowDescription;
use pgwire::messages::response::{
    CommandComplete, EmptyQueryResponse, NoticeResponse, ReadyForQuery, TransactionStatus,
};
use pgwire::messages::startup::ParameterStatus;
use pgwire::messages::{PgWireBackendMessage, PgWireFrontendMessage};
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::Instant;

use crate::cancel::Entered;
use crate::copy;
use crate::fault::{Fault, Trouble, fatal, fault};
use crate::parameters::Parameters;
use crate::protocol::{LARGE, Socket, feed, flush, next, tell};
use crate::running::{Limit, Running};
use crate::serve::Host;
use crate::session::Session;
use extended::{Portal, Prepared};
use perform::Outcome;

/// Cursors and portals that a client may have open, each with a query that may be running.
const OPEN: usize = 100;

/// Statements that a client may have prepared.
const PREPARED: usize = 1000;

/// A client.
pub(crate) struct Client {
    host: Arc<Host>,
    socket: Socket,
    session: Session,
    parameters: Parameters,
    /// Prepared by messages.
    statements: HashMap<String, Arc<Prepared>>,
    portals: HashMap<String, Portal>,
    /// Prepared by PREPARE.
    written: HashMap<String, (Vec<DataType>, Statement)>,
    cursors: HashMap<String, Open>,
    stop: watch::Receiver<bool>,
    entered: Entered,
    _place: OwnedSemaphorePermit,
}

/// A cursor that is open.
struct Open {
    running: Running,
    is_held: bool,
}

impl Client {
    /// A client with a session and a place.
    pub(crate) fn new(
        host: Arc<Host>,
        socket: Socket,
        session: Session,
        entered: Entered,
        place: OwnedSemaphorePermit,
    ) -> Self {
        let mut parameters = Parameters::default();
        if let Some(name) = socket.metadata().get("application_name") {
            drop(parameters.keep("application_name", name));
        }
        let stop = host.stop.clone();
        Self {
            host,
            socket,
            session,
            parameters,
            statements: HashMap::new(),
            portals: HashMap::new(),
            written: HashMap::new(),
            cursors: HashMap::new(),
            stop,
            entered,
            _place: place,
        }
    }

    /// Serves the client until it goes, or the server stops.
    ///
    /// # Errors
    /// When the connection breaks.
    pub(crate) async fn run(mut self) -> io::Result<()> {
        // After an error of the extended protocol all is skipped up to the next Sync.
        let mut skips = false;
        loop {
            let message = tokio::select! {
                biased;
                () = stopped(&mut self.stop) => {
                    let over = fatal("57P01", "the server is shutting down");
                    return tell(&mut self.socket, over).await;
                }
                message = next(&mut self.socket, LARGE) => message,
            };
            let message = match message {
                None | Some(Ok(PgWireFrontendMessage::Terminate(_))) => return Ok(()),
                Some(Err(fault)) => return tell(&mut self.socket, fault).await,
                Some(Ok(message)) => message,
            };
            let is_sync = matches!(message, PgWireFrontendMessage::Sync(_));
            if skips && !is_sync {
                continue;
            }
            skips = false;
            let is_extended = message.is_extended_query();
            match Box::pin(self.handle(message)).await {
                Ok(()) => {}
                Err(Trouble::Connection(error)) => return Err(error),
                Err(Trouble::Statement(fault)) => {
                    skips = is_extended && !is_sync;
                    self.fail(fault, skips).await?;
                }
            }
        }
    }

    async fn handle(&mut self, message: PgWireFrontendMessage) -> Result<(), Trouble> {
        match message {
            PgWireFrontendMessage::Query(query) => self.simple(&query.query).await,
            PgWireFrontendMessage::Parse(parse) => self.parse(parse).await,
            PgWireFrontendMessage::Bind(bind) => self.bind(bind).await,
            PgWireFrontendMessage::Describe(describe) => self.describe(&describe).await,
            PgWireFrontendMessage::Execute(execute) => self.execute(&execute).await,
            PgWireFrontendMessage::Close(close) => self.close(&close).await,
            PgWireFrontendMessage::Flush(_) => Ok(flush(&mut self.socket).await?),
            PgWireFrontendMessage::Sync(_) => {
                if self.status() == TransactionStatus::Idle {
                    self.portals.clear();
                }
                self.ready().await
            }
            // What is left of a COPY that was refused.
            PgWireFrontendMessage::CopyData(_)
            | PgWireFrontendMessage::CopyDone(_)
            | PgWireFrontendMessage::CopyFail(_) => Ok(()),
            _ => Err(fault("08P01", "this message was not expected").into()),
        }
    }

    /// Tells of an error, and what state that leaves.
    async fn fail(&mut self, fault: Fault, skips: bool) -> io::Result<()> {
        feed(&mut self.socket, PgWireBackendMessage::ErrorResponse((*fault).into())).await?;
        self.socket.set_transaction_status(self.status().to_error_state());
        if !skips {
            let ready = ReadyForQuery::new(self.status());
            feed(&mut self.socket, PgWireBackendMessage::ReadyForQuery(ready)).await?;
        }
        flush(&mut self.socket).await
    }

    /// A text of statements, without parameters.
    async fn simple(&mut self, text: &str) -> Result<(), Trouble> {
        self.portals.remove("");
        self.statements.remove("");
        let statements = self.host.reader.parse(text)?;
        if statements.is_empty() {
            self.feed(PgWireBackendMessage::EmptyQueryResponse(EmptyQueryResponse::new())).await?;
        }
        for parsed in statements {
            match Box::pin(self.perform(&parsed, None, &Format::UnifiedText)).await? {
                Outcome::Rows(mut running, mut limit) => {
                    self.feed(described(&running.fields)).await?;
                    let rows = self.send_rows(&mut running, &mut limit, None).await?;
                    self.complete(&running, rows.sent).await?;
                }
                other => self.deliver(other).await?,
            }
        }
        self.ready().await
    }

    /// Sends what is no rows.
    async fn deliver(&mut self, outcome: Outcome) -> Result<(), Trouble> {
        match outcome {
            Outcome::Done(tag) => {
                let complete = CommandComplete::new(tag.to_owned());
                self.feed(PgWireBackendMessage::CommandComplete(complete)).await
            }
            Outcome::Rows(mut running, mut limit) => {
                let rows = self.send_rows(&mut running, &mut limit, None).await?;
                self.complete(&running, rows.sent).await
            }
            Outcome::Copy(mut running, mut limit, options) => {
                let columns = running.fields.len();
                let count = i16::try_from(columns).unwrap_or(i16::MAX);
                let response = CopyOutResponse::new(0, count, vec![0; columns]);
                self.feed(PgWireBackendMessage::CopyOutResponse(response)).await?;
                if options.has_header {
                    let names = running.fields.iter().map(FieldInfo::name);
                    let line = CopyData::new(copy::header(&options, names));
                    self.feed(PgWireBackendMessage::CopyData(line)).await?;
                }
                let mut rows = 0_u64;
                while let Some(row) = running.next(&mut limit).await? {
                    rows += 1;
                    let line = CopyData::new(copy::row(&options, row));
                    self.feed(PgWireBackendMessage::CopyData(line)).await?;
                }
                self.feed(PgWireBackendMessage::CopyDone(CopyDone::new())).await?;
                let complete = CommandComplete::new(format!("COPY {rows}"));
                self.feed(PgWireBackendMessage::CommandComplete(complete)).await
            }
        }
    }

    /// Sends rows: all, or so many.
    async fn send_rows(
        &mut self,
        running: &mut Running,
        limit: &mut Limit,
        most: Option<usize>,
    ) -> Result<Sent, Trouble> {
        let mut sent = 0;
        while most.is_none_or(|most| sent < most) {
            let Some(row) = running.next(limit).await? else {
                return Ok(Sent { sent, is_end: true });
            };
            self.feed(PgWireBackendMessage::DataRow(row)).await?;
            sent += 1;
        }
        Ok(Sent { sent, is_end: false })
    }

    async fn complete(&mut self, running: &Running, rows: usize) -> Result<(), Trouble> {
        let tag = match running.tag {
            tag @ ("SHOW" | "EXPLAIN") => tag.to_owned(),
            tag => format!("{tag} {rows}"),
        };
        self.feed(PgWireBackendMessage::CommandComplete(CommandComplete::new(tag))).await
    }

    async fn ready(&mut self) -> Result<(), Trouble> {
        let ready = ReadyForQuery::new(self.status());
        self.feed(PgWireBackendMessage::ReadyForQuery(ready)).await?;
        Ok(flush(&mut self.socket).await?)
    }

    async fn feed(&mut self, message: PgWireBackendMessage) -> Result<(), Trouble> {
        Ok(feed(&mut self.socket, message).await?)
    }

    /// Tells what holds for a parameter, where clients follow that.
    async fn tell_parameter(&mut self, name: &str, value: &str) -> Result<(), Trouble> {
        let name = match name {
            "application_name" | "client_encoding" | "standard_conforming_strings" => name,
            "datestyle" => "DateStyle",
            "intervalstyle" => "IntervalStyle",
            "timezone" => "TimeZone",
            _ => return Ok(()),
        };
        let status = ParameterStatus::new(name.to_owned(), value.to_owned());
        self.feed(PgWireBackendMessage::ParameterStatus(status)).await
    }

    async fn notice(&mut self, message: &str) -> Result<(), Trouble> {
        let (severity, code) = ("WARNING".to_owned(), "01000".to_owned());
        let notice: NoticeResponse = ErrorInfo::new(severity, code, message.to_owned()).into();
        self.feed(PgWireBackendMessage::NoticeResponse(notice)).await
    }

    fn status(&self) -> TransactionStatus {
        self.socket.transaction_status()
    }

    /// How long a statement that begins now may run.
    fn limit(&mut self) -> Limit {
        let timeout = self.parameters.timeout(self.host.wire.config.statement_timeout);
        let mut cancelled = self.entered.cancelled.clone();
        cancelled.mark_unchanged();
        Limit { deadline: Instant::now() + timeout, cancelled }
    }
}

/// Waits until the server stops.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    drop(stop.wait_for(|stops| *stops).await);
}

/// How far an answer was sent.
struct Sent {
    sent: usize,
    is_end: bool,
}

fn described(fields: &[FieldInfo]) -> PgWireBackendMessage {
    let fields = fields.iter().map(Into::into).collect();
    PgWireBackendMessage::RowDescription(RowDescription::new(fields))
}
