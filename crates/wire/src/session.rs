//! What one client sees of the lake: the tables and views of [`LakeSession`] as schema `public`,
//! and the catalogue of Postgres beside them.

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use billhook_lake::session::{LakeSession, bounded, calculates_amounts, reads_only};
use billhook_lake::{Lake, LakeError, Stamp};
use datafusion::common::{DFSchemaRef, TableReference};
use datafusion::error::DataFusionError;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::logical_expr::{LogicalPlan, ScalarUDF};
use datafusion::prelude::SessionContext;
use datafusion::sql::parser::Statement as Planned;
use datafusion::sql::sqlparser::ast::{
    self, Ident, ObjectNamePart, Query, Statement, visit_expressions_mut, visit_relations,
    visit_relations_mut,
};
use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use datafusion::sql::sqlparser::parser::{Parser, ParserError, ParserOptions};
use datafusion_pg_catalog::pg_catalog::context::EmptyContextProvider;
use datafusion_pg_catalog::setup_pg_catalog;
use datafusion_pg_catalog::sql::PostgresCompatibilityParser;
use tokio::runtime::Handle;
use tokio::time::Instant;

use crate::command::{Command, command, writes};
use crate::fault::{Fault, fault, of_parser, of_query};
use crate::focus_view;
use crate::parameters::read_only;

/// Name of the only database.
const DATABASE: &str = "billhook";

/// Schema of the lake's tables.
const SCHEMA: &str = "public";

/// For how long a session shows the same state of the lake, outside of transactions.
const FRESH: Duration = Duration::from_secs(2);

/// Reads statements.
#[derive(Debug)]
pub(crate) struct Reader {
    rewriter: PostgresCompatibilityParser,
}

/// A statement that is allowed.
#[derive(Debug, Clone)]
pub(crate) struct Parsed {
    /// What it asks for.
    pub(crate) command: Command,
    /// The text that it stands in.
    pub(crate) text: Arc<str>,
    statement: Statement,
    /// As rewritten by those who know how clients ask the catalogue.
    rewritten: Option<Statement>,
    asks_catalogue: bool,
}

impl Reader {
    /// Reads with the dialect of Postgres.
    pub(crate) fn new() -> Self {
        Self { rewriter: PostgresCompatibilityParser::new() }
    }

    /// The statements of a text.
    ///
    /// # Errors
    /// When it is no SQL, or one of them is not allowed.
    pub(crate) fn parse(&self, text: &str) -> Result<Vec<Parsed>, Fault> {
        let written: Arc<str> = Arc::from(text);
        let statements = match Parser::parse_sql(&PostgreSqlDialect {}, text) {
            Ok(statements) => statements,
            // Some questions of clients to the catalogue are SQL only after they were replaced.
            Err(error) => self.rewriter.parse(text).or_else(|_| lenient(text)).map_err(|_| {
                let refusal = writes(text).map(read_only);
                refusal.unwrap_or_else(|| of_parser(&error, text))
            })?,
        };
        let is_only = statements.len() == 1;
        let parsed = statements.into_iter().map(|statement| {
            let command = command(&statement)?;
            let rewritten = matches!(command, Command::Query).then(|| {
                let own = if is_only { text.to_owned() } else { statement.to_string() };
                self.rewriter.parse(&own).ok().and_then(|mut all| all.pop())
            });
            let asks_catalogue = asks_catalogue(&statement);
            let text = Arc::clone(&written);
            Ok(Parsed { command, text, statement, rewritten: rewritten.flatten(), asks_catalogue })
        });
        parsed.collect()
    }

    /// A query that stands within another statement.
    pub(crate) fn inner(&self, statement: Statement, text: &Arc<str>) -> Parsed {
        Parsed {
            command: Command::Query,
            text: Arc::clone(text),
            rewritten: Some(self.rewriter.rewrite(statement.clone())),
            asks_catalogue: asks_catalogue(&statement),
            statement,
        }
    }

    /// See [`Self::inner`].
    pub(crate) fn inner_query(&self, query: &Query, text: &Arc<str>) -> Parsed {
        self.inner(Statement::Query(Box::new(query.clone())), text)
    }
}

/// Reads a text whose lists may end with a comma, as most analytical databases do; FOCUS publishes
/// such queries.
fn lenient(text: &str) -> Result<Vec<Statement>, ParserError> {
    let options = ParserOptions::new().with_trailing_commas(true);
    let parser = Parser::new(&PostgreSqlDialect {}).with_options(options);
    parser.try_with_sql(text)?.parse_statements()
}

/// Does a statement read the catalogue, or nothing at all? Clients write such questions for
/// Postgres; they are tried as rewritten first.
fn asks_catalogue(statement: &Statement) -> bool {
    let mut reads = false;
    let found = visit_relations(statement, |name| {
        reads = true;
        let name = name.to_string().to_lowercase().replace('"', "");
        let is_ours = ["pg_", "information_schema"].iter().any(|start| name.starts_with(start));
        if is_ours { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    !reads || found.is_break()
}

impl Parsed {
    /// How the statement can be understood, the likeliest first; the second says whether names
    /// without quotes are lower case, as in Postgres.
    fn readings(&self) -> Vec<(&Statement, bool)> {
        let written = [(&self.statement, false)];
        let rewritten = self.rewritten.iter().flat_map(|other| [(other, false), (other, true)]);
        if self.asks_catalogue {
            rewritten.chain(written).collect()
        } else {
            written.into_iter().chain(rewritten).collect()
        }
    }
}

/// Names of the lake, by how they read in lower case.
#[derive(Debug, Default)]
struct Names {
    tables: HashMap<String, String>,
    columns: HashMap<String, String>,
}

impl Names {
    async fn of(context: &SessionContext) -> Result<Self, DataFusionError> {
        let mut names = Self::default();
        let options = context.copied_config().options().catalog.clone();
        let catalog = context.catalog(&options.default_catalog);
        let schema = catalog.and_then(|catalog| catalog.schema(&options.default_schema));
        for name in schema.map(|schema| schema.table_names()).unwrap_or_default() {
            let table = context.table_provider(TableReference::bare(name.as_str()));
            for field in table.await?.schema().fields() {
                names.columns.insert(field.name().to_lowercase(), field.name().clone());
            }
            names.tables.insert(name.to_lowercase(), name);
        }
        Ok(names)
    }

    /// A statement whose names without quotes are written as the lake writes them; nothing when
    /// they are already. In Postgres such names may be written in any case.
    fn cased(&self, statement: &Statement) -> Option<Statement> {
        let mut cased = statement.clone();
        let mut is_other = false;
        let mut write = |names: &HashMap<String, String>, name: &mut Ident| {
            if name.quote_style.is_none()
                && let Some(known) = names.get(&name.value.to_lowercase())
                && *known != name.value
            {
                name.value.clone_from(known);
                is_other = true;
            }
        };
        let _tables: ControlFlow<()> = visit_relations_mut(&mut cased, |name| {
            for part in &mut name.0 {
                if let ObjectNamePart::Identifier(name) = part {
                    write(&self.tables, name);
                }
            }
            ControlFlow::Continue(())
        });
        let _columns: ControlFlow<()> = visit_expressions_mut(&mut cased, |expression| {
            let name = match expression {
                ast::Expr::Identifier(name) => Some(name),
                ast::Expr::CompoundIdentifier(names) => names.last_mut(),
                _ => None,
            };
            if let Some(name) = name {
                write(&self.columns, name);
            }
            ControlFlow::Continue(())
        });
        is_other.then_some(cased)
    }
}

/// A client's view of the lake.
pub(crate) struct Session {
    context: SessionContext,
    /// Where queries run.
    queries: Handle,
    lake: LakeSession,
    names: Names,
    stamp: Stamp,
    looked_at: Instant,
    /// Counts how often the lake was opened.
    pub(crate) generation: u64,
}

impl Session {
    /// Opens the lake for a client.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(crate) async fn open(lake: &Lake, queries: Handle) -> Result<Self, Fault> {
        let (lake, names, stamp) = opened(lake).await?;
        let config = lake.context().copied_config();
        let config = config.with_create_default_catalog_and_schema(true);
        let mut config = config.with_default_catalog_and_schema(DATABASE, SCHEMA);
        config.options_mut().sql_parser.collect_spans = true;
        let context = SessionContext::new_with_config_rt(config, lake.context().runtime_env());
        calculates_amounts(&context).map_err(|error| of_query(&error, ""))?;
        setup_pg_catalog(&context, DATABASE, EmptyContextProvider)
            .map_err(|error| of_query(&error, ""))?;
        let looked_at = Instant::now();
        let session = Self { context, queries, lake, names, stamp, looked_at, generation: 0 };
        session.adopt()?;
        Ok(session)
    }

    /// Opens the lake again when it has changed; it is looked at once in a while.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(crate) async fn refresh(&mut self, lake: &Lake) -> Result<(), Fault> {
        if self.looked_at.elapsed() < FRESH {
            return Ok(());
        }
        let stamp = lake.stamp(Some(&self.stamp)).await.map_err(|error| of_lake(&error))?;
        self.looked_at = Instant::now();
        if stamp == self.stamp {
            return Ok(());
        }
        (self.lake, self.names, self.stamp) = opened(lake).await?;
        self.generation += 1;
        self.adopt()
    }

    /// Takes over tables, views and functions of the lake's session.
    fn adopt(&self) -> Result<(), Fault> {
        let theirs = self.lake.context().copied_config();
        let default = &theirs.options().catalog;
        let schema = self
            .lake
            .context()
            .catalog(&default.default_catalog)
            .and_then(|catalog| catalog.schema(&default.default_schema));
        let (Some(schema), Some(ours)) = (schema, self.context.catalog(DATABASE)) else {
            return Err(fault("XX000", "the session of the lake has no tables"));
        };
        ours.register_schema(SCHEMA, schema).map_err(|error| of_query(&error, ""))?;
        for function in self.lake.functions() {
            self.context.register_udf(ScalarUDF::clone(&function));
        }
        Ok(())
    }

    /// Plans a query, and makes sure that it only reads.
    ///
    /// # Errors
    /// When it is wrong, or would write.
    pub(crate) async fn plan(&self, parsed: &Parsed) -> Result<LogicalPlan, Fault> {
        let mut first = None;
        let cased = self.names.cased(&parsed.statement);
        let last = cased.iter().map(|statement| (statement, false));
        for (statement, folds) in parsed.readings().into_iter().chain(last) {
            let mut state = self.context.state();
            if folds {
                state.config_mut().options_mut().sql_parser.enable_ident_normalization = true;
            }
            let statement = Planned::Statement(Box::new(statement.clone()));
            match Box::pin(state.statement_to_plan(statement)).await {
                Ok(plan) => return reading(plan),
                Err(error) => {
                    first.get_or_insert_with(|| of_query(&error, &parsed.text));
                }
            }
        }
        Err(first.unwrap_or_else(|| fault("42601", "there is no statement")))
    }

    /// The columns of a plan's answer. Until its types are coerced, a plan does not know them: a
    /// `CASE` has that of its first branch.
    pub(crate) fn columns(&self, plan: &LogicalPlan) -> DFSchemaRef {
        let state = self.context.state();
        let options = state.config_options();
        let coerced = state.analyzer().execute_and_check(plan.clone(), options, |_, _| {});
        // What cannot be coerced before its parameters are known is told as far as it is.
        Arc::clone(coerced.as_ref().unwrap_or(plan).schema())
    }

    /// Begins to run a plan with so much memory, and without a disk.
    ///
    /// # Errors
    /// When it cannot be planned further, or not begun.
    pub(crate) async fn start(
        &self,
        plan: &LogicalPlan,
        memory: usize,
        text: &str,
    ) -> Result<SendableRecordBatchStream, Fault> {
        let failed = |error: DataFusionError| of_query(&error, text);
        reading(plan.clone())?;
        self.lake.prepare(plan).await.map_err(|error| of_lake(&error))?;
        bounded(Some(&self.queries), &self.context, plan, memory).await.map_err(failed)
    }
}

/// A plan that only reads.
fn reading(plan: LogicalPlan) -> Result<LogicalPlan, Fault> {
    let is_reading = reads_only().verify_plan(&plan).is_ok();
    if is_reading { Ok(plan) } else { Err(read_only("what makes or changes a table")) }
}

async fn opened(lake: &Lake) -> Result<(LakeSession, Names, Stamp), Fault> {
    // Before it is opened: what is committed in between is seen the next time.
    let stamp = lake.stamp(None).await.map_err(|error| of_lake(&error))?;
    let session = Box::pin(LakeSession::open(lake, None)).await.map_err(|error| of_lake(&error))?;
    let failed = |error: DataFusionError| of_query(&error, "");
    focus_view::register(session.context()).await.map_err(failed)?;
    let names = Names::of(session.context()).await.map_err(failed)?;
    Ok((session, names, stamp))
}

fn of_lake(error: &LakeError) -> Fault {
    fault("58030", format!("the lake cannot be read: {error}"))
}
