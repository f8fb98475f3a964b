//! The extended protocol: statements with parameters, prepared, bound and run step by step.

use std::sync::Arc;

use datafusion::common::{DFSchema, ParamValues, ScalarValue};
use datafusion::logical_expr::LogicalPlan;
use pgwire::api::Type;
use pgwire::api::portal::Format;
use pgwire::api::results::{FieldFormat, FieldInfo};
use pgwire::messages::PgWireBackendMessage;
use pgwire::messages::data::{NoData, ParameterDescription};
use pgwire::messages::extendedquery::{
    Bind, BindComplete, Close, CloseComplete, Describe, Execute, Parse, ParseComplete,
    PortalSuspended, TARGET_TYPE_BYTE_STATEMENT,
};
use pgwire::messages::response::{CommandComplete, EmptyQueryResponse};

use super::perform::{Outcome, too_many};
use super::{Client, OPEN, PREPARED, described};
use crate::bind::{Wanted, wanted};
use crate::command::Command;
use crate::fault::{Fault, Trouble, fault, of_query};
use crate::rows;
use crate::running::Running;
use crate::session::Parsed;

/// A prepared statement.
pub(super) struct Prepared {
    /// The statement, unless it is empty.
    parsed: Option<Parsed>,
    wanted: Wanted,
    /// Columns of its answer.
    columns: Option<Vec<(String, Type)>>,
    /// A query's plan, and for which opening of the lake it holds.
    plan: Option<(u64, LogicalPlan)>,
}

/// A statement with its parameters.
pub(super) struct Portal {
    prepared: Arc<Prepared>,
    values: Vec<ScalarValue>,
    format: Format,
    /// What is still to be sent of its answer.
    running: Option<Running>,
    is_done: bool,
}

impl Client {
    pub(super) async fn parse(&mut self, parse: Parse) -> Result<(), Trouble> {
        let name = parse.name.unwrap_or_default();
        if !name.is_empty() && self.statements.contains_key(&name) {
            let message = format!("prepared statement \"{name}\" already exists");
            return Err(fault("42P05", message).into());
        }
        if self.statements.len() >= PREPARED {
            return Err(too_many("prepared statements").into());
        }
        let mut statements = self.host.reader.parse(&parse.query)?;
        if statements.len() > 1 {
            let message = "cannot insert multiple commands into a prepared statement";
            return Err(fault("42601", message).into());
        }
        let declared: Vec<Option<Type>> =
            parse.type_oids.iter().map(|oid| Type::from_oid(*oid)).collect();
        let prepared = match statements.pop() {
            Some(parsed) => Box::pin(self.prepared(parsed, &declared)).await?,
            None => Prepared { parsed: None, wanted: Wanted::default(), columns: None, plan: None },
        };
        self.statements.insert(name, Arc::new(prepared));
        self.feed(PgWireBackendMessage::ParseComplete(ParseComplete::new())).await
    }

    async fn prepared(
        &mut self,
        parsed: Parsed,
        declared: &[Option<Type>],
    ) -> Result<Prepared, Fault> {
        self.check_transaction(&parsed.command)?;
        let text = Type::TEXT;
        let (mut plan, mut asked) = (None, Wanted::default());
        let columns = match &parsed.command {
            Command::Query => {
                let made = self.planned(&parsed).await?;
                asked = wanted(&made, declared, &parsed.text)?;
                let columns = columns(&self.session.columns(&made))?;
                plan = Some((self.session.generation, made));
                Some(columns)
            }
            Command::Execute(name, arguments) => {
                let inner = self.written(name, arguments, &parsed.text)?;
                let made = self.planned(&inner).await?;
                Some(columns(&self.session.columns(&made))?)
            }
            Command::Show(name) if name == "all" => {
                let names = ["name", "setting", "description"];
                Some(names.map(|name| (name.to_owned(), text.clone())).to_vec())
            }
            Command::Show(name) => Some(vec![(name.clone(), text)]),
            Command::Fetch(name, _) => self.cursors.get(name).map(|open| {
                let fields = open.running.fields.iter();
                fields.map(|field| (field.name().to_owned(), field.datatype().clone())).collect()
            }),
            _ => None,
        };
        Ok(Prepared { parsed: Some(parsed), wanted: asked, columns, plan })
    }

    async fn planned(&mut self, parsed: &Parsed) -> Result<LogicalPlan, Fault> {
        let mut limit = self.limit();
        let work = Box::pin(async {
            self.refresh().await?;
            self.session.plan(parsed).await
        });
        limit.keep(work).await?
    }

    pub(super) async fn bind(&mut self, bind: Bind) -> Result<(), Trouble> {
        let prepared = self.statement(bind.statement_name.as_deref())?;
        let name = bind.portal_name.unwrap_or_default();
        if self.portals.len() >= OPEN && !self.portals.contains_key(&name) {
            return Err(too_many("open portals").into());
        }
        let codes = bind.parameter_format_codes;
        let is_binary = |index: usize| match codes.as_slice() {
            [] => false,
            [one] => *one == 1,
            many => many.get(index) == Some(&1),
        };
        let values = prepared.wanted.values(&bind.parameters, is_binary)?;
        let format = match bind.result_column_format_codes.as_slice() {
            [] => Format::UnifiedText,
            [one] => Format::from(*one),
            many => Format::Individual(many.to_vec()),
        };
        let portal = Portal { prepared, values, format, running: None, is_done: false };
        self.portals.insert(name, portal);
        self.feed(PgWireBackendMessage::BindComplete(BindComplete::new())).await
    }

    pub(super) async fn describe(&mut self, describe: &Describe) -> Result<(), Trouble> {
        let name = describe.name.as_deref();
        let (columns, told) = if describe.target_type == TARGET_TYPE_BYTE_STATEMENT {
            let prepared = self.statement(name)?;
            let kinds = prepared.wanted.wire.iter().map(Type::oid).collect();
            let told = ParameterDescription::new(kinds);
            (fields(&prepared, &Format::UnifiedText), Some(told))
        } else {
            let name = name.unwrap_or_default();
            let portal = self.portals.get(name).ok_or_else(|| no_portal(name))?;
            (fields(&portal.prepared, &portal.format), None)
        };
        if let Some(told) = told {
            self.feed(PgWireBackendMessage::ParameterDescription(told)).await?;
        }
        let message = match columns {
            Some(columns) => described(&columns),
            None => PgWireBackendMessage::NoData(NoData::new()),
        };
        self.feed(message).await
    }

    pub(super) async fn execute(&mut self, execute: &Execute) -> Result<(), Trouble> {
        let name = execute.name.clone().unwrap_or_default();
        let most = usize::try_from(execute.max_rows).ok().filter(|most| *most > 0);
        let mut portal = self.portals.remove(&name).ok_or_else(|| no_portal(&name))?;
        let (mut running, mut limit) = match portal.running.take() {
            Some(running) => (running, self.limit()),
            None => match Box::pin(self.begun(&mut portal)).await? {
                Some(Outcome::Rows(running, limit)) => (running, limit),
                Some(other) => {
                    self.deliver(other).await?;
                    portal.is_done = true;
                    self.portals.insert(name, portal);
                    return Ok(());
                }
                None => {
                    self.portals.insert(name, portal);
                    return Ok(());
                }
            },
        };
        let rows = self.send_rows(&mut running, &mut limit, most).await?;
        if rows.is_end {
            self.complete(&running, rows.sent).await?;
            portal.is_done = true;
        } else {
            let suspended = PgWireBackendMessage::PortalSuspended(PortalSuspended::new());
            self.feed(suspended).await?;
            portal.running = Some(running);
        }
        self.portals.insert(name, portal);
        Ok(())
    }

    /// Begins what a portal holds; nothing when it is empty or at its end.
    async fn begun(&mut self, portal: &mut Portal) -> Result<Option<Outcome>, Trouble> {
        let prepared = Arc::clone(&portal.prepared);
        let Some(parsed) = &prepared.parsed else {
            self.feed(PgWireBackendMessage::EmptyQueryResponse(EmptyQueryResponse::new())).await?;
            return Ok(None);
        };
        if portal.is_done {
            let complete = CommandComplete::new("SELECT 0".to_owned());
            self.feed(PgWireBackendMessage::CommandComplete(complete)).await?;
            return Ok(None);
        }
        let plan = match &prepared.plan {
            Some((generation, plan)) => Some(self.filled(parsed, *generation, plan, portal).await?),
            None => None,
        };
        self.perform(parsed, plan, &portal.format).await.map(Some)
    }

    /// A query's plan with the parameters, made anew when the lake was opened anew.
    async fn filled(
        &mut self,
        parsed: &Parsed,
        generation: u64,
        plan: &LogicalPlan,
        portal: &Portal,
    ) -> Result<LogicalPlan, Fault> {
        self.check_transaction(&parsed.command)?;
        let mut limit = self.limit();
        limit.keep(Box::pin(self.refresh())).await??;
        let plan = if self.session.generation == generation {
            plan.clone()
        } else {
            self.planned(parsed).await?
        };
        if portal.values.is_empty() {
            return Ok(plan);
        }
        let values = ParamValues::from(portal.values.clone());
        plan.replace_params_with_values(&values).map_err(|error| of_query(&error, &parsed.text))
    }

    pub(super) async fn close(&mut self, close: &Close) -> Result<(), Trouble> {
        let name = close.name.as_deref().unwrap_or_default();
        if close.target_type == TARGET_TYPE_BYTE_STATEMENT {
            self.statements.remove(name);
        } else {
            self.portals.remove(name);
        }
        self.feed(PgWireBackendMessage::CloseComplete(CloseComplete::new())).await
    }

    fn statement(&self, name: Option<&str>) -> Result<Arc<Prepared>, Fault> {
        let name = name.unwrap_or_default();
        self.statements
            .get(name)
            .cloned()
            .ok_or_else(|| fault("26000", format!("prepared statement \"{name}\" does not exist")))
    }
}

fn columns(schema: &DFSchema) -> Result<Vec<(String, Type)>, Fault> {
    let columns = schema.as_arrow().fields().iter();
    columns.map(|field| Ok((field.name().clone(), rows::kind(field)?))).collect()
}

fn fields(prepared: &Prepared, format: &Format) -> Option<Vec<FieldInfo>> {
    let columns = prepared.columns.as_ref()?.iter().enumerate();
    let field = |(index, (name, kind)): (usize, &(String, Type))| {
        let format: FieldFormat = rows::format_of(format, index);
        rows::column(name, kind.clone(), format)
    };
    Some(columns.map(field).collect())
}

fn no_portal(name: &str) -> Fault {
    fault("34000", format!("portal \"{name}\" does not exist"))
}
