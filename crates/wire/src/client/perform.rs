//! Statements, one by one: what each does, and what it answers.

use std::sync::Arc;

use datafusion::logical_expr::LogicalPlan;
use datafusion::sql::sqlparser::ast::{DataType, Expr, Statement};
use pgwire::api::portal::Format;
use pgwire::api::results::FieldFormat;
use pgwire::api::{ClientInfo, Type};
use pgwire::messages::response::TransactionStatus;

use super::{Client, OPEN, Open, PREPARED};
use crate::bind::filled;
use crate::command::{Command, CopyOptions, Cursor};
use crate::fault::{Fault, Trouble, fault};
use crate::rows;
use crate::running::{Limit, Running};
use crate::session::Parsed;

/// What a statement answers.
pub(super) enum Outcome {
    /// Rows.
    Rows(Running, Limit),
    /// Rows as lines.
    Copy(Running, Limit, CopyOptions),
    /// That it is done.
    Done(&'static str),
}

impl Client {
    /// Runs a statement. `plan` is that of a query, when there is one already.
    pub(super) async fn perform(
        &mut self,
        parsed: &Parsed,
        plan: Option<LogicalPlan>,
        format: &Format,
    ) -> Result<Outcome, Trouble> {
        self.check_transaction(&parsed.command)?;
        match &parsed.command {
            Command::Query => {
                let (running, limit) = Box::pin(self.query(parsed, plan, format, "SELECT")).await?;
                Ok(Outcome::Rows(running, limit))
            }
            Command::Copy(query, options) => {
                let parsed = self.host.reader.inner_query(query, &parsed.text);
                let text = Format::UnifiedText;
                let (running, limit) = Box::pin(self.query(&parsed, None, &text, "COPY")).await?;
                Ok(Outcome::Copy(running, limit, options.clone()))
            }
            Command::Execute(name, arguments) => {
                let parsed = self.written(name, arguments, &parsed.text)?;
                let (running, limit) =
                    Box::pin(self.query(&parsed, None, format, "SELECT")).await?;
                Ok(Outcome::Rows(running, limit))
            }
            Command::Show(name) => {
                let running = self.show(name)?;
                Ok(Outcome::Rows(running, self.limit()))
            }
            Command::Fetch(name, most) => Ok(self.fetch(name, *most).await?),
            Command::Declare(cursor) => {
                self.declare(cursor, &parsed.text).await?;
                Ok(Outcome::Done("DECLARE CURSOR"))
            }
            Command::Set(set) => {
                if let Some(kept) = self.parameters.set(set)? {
                    self.tell_parameter(kept.name, &kept.value).await?;
                    if let Some(notice) = kept.notice {
                        self.notice(notice).await?;
                    }
                }
                Ok(Outcome::Done("SET"))
            }
            other => Ok(Outcome::Done(self.note(other, parsed)?)),
        }
    }

    /// In a transaction that failed, only its end is heard.
    pub(super) fn check_transaction(&self, command: &Command) -> Result<(), Fault> {
        let ends = matches!(command, Command::Commit | Command::Rollback | Command::RollbackTo);
        if self.status() == TransactionStatus::Error && !ends {
            return Err(fault(
                "25P02",
                "current transaction is aborted, commands ignored until end of transaction block",
            ));
        }
        Ok(())
    }

    /// Statements that only change what is noted of the client.
    fn note(&mut self, command: &Command, parsed: &Parsed) -> Result<&'static str, Fault> {
        Ok(match command {
            Command::Begin => {
                self.socket.set_transaction_status(TransactionStatus::Transaction);
                "BEGIN"
            }
            Command::Commit => {
                let has_failed = self.status() == TransactionStatus::Error;
                self.end_transaction();
                if has_failed { "ROLLBACK" } else { "COMMIT" }
            }
            Command::Rollback => {
                self.end_transaction();
                "ROLLBACK"
            }
            Command::RollbackTo => {
                if self.status() == TransactionStatus::Idle {
                    return Err(fault("25P01", "ROLLBACK TO SAVEPOINT needs a transaction"));
                }
                self.socket.set_transaction_status(TransactionStatus::Transaction);
                "ROLLBACK"
            }
            Command::Savepoint(tag) => *tag,
            Command::Close(name) => {
                match name {
                    None => self.cursors.clear(),
                    Some(name) => drop(self.cursors.remove(name).ok_or_else(|| no_cursor(name))?),
                }
                "CLOSE CURSOR"
            }
            Command::Prepare(name, kinds, statement) => {
                self.keep_statement(name, (kinds.clone(), Statement::clone(statement)))?;
                "PREPARE"
            }
            Command::Deallocate(None) => {
                self.written.clear();
                self.statements.clear();
                "DEALLOCATE ALL"
            }
            Command::Deallocate(Some(name)) => {
                let was_written = self.written.remove(name).is_some();
                if !was_written && self.statements.remove(name).is_none() {
                    return Err(no_statement(name));
                }
                "DEALLOCATE"
            }
            Command::Discard(is_all) => {
                if *is_all {
                    self.written.clear();
                    self.statements.clear();
                    self.portals.clear();
                    self.cursors.clear();
                    self.parameters.reset(None)?;
                }
                if *is_all { "DISCARD ALL" } else { "DISCARD" }
            }
            Command::Reset(name) => {
                self.parameters.reset(name.as_deref())?;
                "RESET"
            }
            Command::Unlisten => "UNLISTEN",
            _ => return Err(fault("0A000", format!("{} cannot run here", parsed.text))),
        })
    }

    /// Keeps what PREPARE prepares.
    fn keep_statement(
        &mut self,
        name: &str,
        statement: (Vec<DataType>, Statement),
    ) -> Result<(), Fault> {
        if self.written.contains_key(name) {
            return Err(fault("42P05", format!("prepared statement \"{name}\" already exists")));
        }
        if self.written.len() >= PREPARED {
            return Err(too_many("prepared statements"));
        }
        self.written.insert(name.to_owned(), statement);
        Ok(())
    }

    fn end_transaction(&mut self) {
        self.socket.set_transaction_status(TransactionStatus::Idle);
        self.cursors.retain(|_, cursor| cursor.is_held);
        self.portals.clear();
    }

    /// Begins a query.
    pub(super) async fn query(
        &mut self,
        parsed: &Parsed,
        plan: Option<LogicalPlan>,
        format: &Format,
        tag: &'static str,
    ) -> Result<(Running, Limit), Fault> {
        let mut limit = self.limit();
        let memory = self.host.wire.config.memory_per_query;
        let begun = limit.keep(Box::pin(async {
            let plan = if let Some(plan) = plan {
                plan
            } else {
                self.refresh().await?;
                self.session.plan(parsed).await?
            };
            let fields = rows::fields(self.session.columns(&plan).as_arrow(), format)?;
            let stream = self.session.start(&plan, memory, &parsed.text).await?;
            let is_explained = matches!(plan, LogicalPlan::Explain(_) | LogicalPlan::Analyze(_));
            let tag = if is_explained { "EXPLAIN" } else { tag };
            Ok::<_, Fault>(Running::query(stream, fields, tag, Arc::clone(&parsed.text)))
        }));
        let running = begun.await??;
        Ok((running, limit))
    }

    /// Outside of a transaction the lake is seen as it is now.
    pub(super) async fn refresh(&mut self) -> Result<(), Fault> {
        if self.status() == TransactionStatus::Idle {
            self.session.refresh(&self.host.wire.lake).await?;
        }
        Ok(())
    }

    /// What a PREPARE prepared, with its parameters.
    pub(super) fn written(
        &self,
        name: &str,
        arguments: &[Expr],
        text: &Arc<str>,
    ) -> Result<Parsed, Fault> {
        let (kinds, statement) = self.written.get(name).ok_or_else(|| no_statement(name))?;
        let statement = filled(statement, kinds, arguments)?;
        Ok(self.host.reader.inner(statement, text))
    }

    fn show(&self, name: &str) -> Result<Running, Fault> {
        let column = |name: &str| rows::column(name, Type::TEXT, FieldFormat::Text);
        if name == "all" {
            let fields = Arc::new(vec![column("name"), column("setting"), column("description")]);
            let told = self.parameters.all();
            let told = told.map(|(name, value)| rows::texts(&fields, &[name, value, ""]));
            let told = told.collect::<Result<Vec<_>, _>>()?;
            return Ok(Running::rows(fields, "SHOW", told));
        }
        let value = if name == "session_authorization" {
            self.socket.metadata().get("user").cloned().unwrap_or_default()
        } else {
            self.parameters.show(name)?
        };
        let fields = Arc::new(vec![column(name)]);
        let row = rows::texts(&fields, &[&value])?;
        Ok(Running::rows(fields, "SHOW", vec![row]))
    }

    async fn declare(&mut self, cursor: &Cursor, text: &Arc<str>) -> Result<(), Fault> {
        if self.cursors.contains_key(&cursor.name) {
            return Err(fault("42P03", format!("cursor \"{}\" already exists", cursor.name)));
        }
        if self.cursors.len() >= OPEN {
            return Err(too_many("open cursors"));
        }
        let parsed = self.host.reader.inner_query(&cursor.query, text);
        let format = Format::UnifiedText;
        let (running, _) = Box::pin(self.query(&parsed, None, &format, "FETCH")).await?;
        let is_outside = self.status() == TransactionStatus::Idle;
        let open = Open { running, is_held: cursor.is_held || is_outside };
        self.cursors.insert(cursor.name.clone(), open);
        Ok(())
    }

    /// The next rows of a cursor.
    async fn fetch(&mut self, name: &str, most: Option<usize>) -> Result<Outcome, Fault> {
        let mut limit = self.limit();
        let open = self.cursors.get_mut(name).ok_or_else(|| no_cursor(name))?;
        let Some(most) = most else {
            // What is left is sent as it comes; the cursor stands at its end then.
            let fields = Arc::clone(&open.running.fields);
            let rest = std::mem::replace(&mut open.running, Running::rows(fields, "FETCH", vec![]));
            return Ok(Outcome::Rows(rest, limit));
        };
        let mut fetched = Vec::new();
        while fetched.len() < most {
            match open.running.next(&mut limit).await? {
                Some(row) => fetched.push(row),
                None => break,
            }
        }
        let fields = Arc::clone(&open.running.fields);
        Ok(Outcome::Rows(Running::rows(fields, "FETCH", fetched), limit))
    }
}

fn no_cursor(name: &str) -> Fault {
    fault("34000", format!("cursor \"{name}\" does not exist"))
}

fn no_statement(name: &str) -> Fault {
    fault("26000", format!("prepared statement \"{name}\" does not exist"))
}

/// A client that has more of something than it may.
pub(super) fn too_many(what: &str) -> Fault {
    fault("54000", format!("this client has too many {what}: close some"))
}
