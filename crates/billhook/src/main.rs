//! The `billhook` command: one file per subcommand. Nothing here is worth testing on its own; the
//! use cases live in `billhook_engine`.

mod access;
mod accounts;
mod authority;
mod bench_receiver;
mod config;
mod connect;
mod connections;
mod context;
mod cost_explorer;
mod create_report;
mod demo;
mod docs;
mod doctor;
mod events;
mod export;
mod history;
mod identity;
mod import;
mod log;
mod maintain;
mod passwords;
mod progress;
mod ready;
mod reconcile;
mod report;
mod reports;
mod routes;
mod serve;
mod sinks;
mod sql;
mod sync;
mod tokens;
mod users;
mod verify;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use context::{Context, Globals};

/// Gives freed memory back soon, which keeps the peak of an import down (INV-MEM). Its settings
/// are in `.cargo/config.toml`.
#[cfg(not(target_env = "msvc"))]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Billhook: any AWS Cost and Usage Report becomes an exact, open FOCUS table.
#[derive(Debug, Parser)]
#[command(name = "billhook", version, about, propagate_version = true, max_term_width = 100)]
#[command(arg_required_else_help = true, disable_help_subcommand = true)]
struct Cli {
    #[command(flatten)]
    globals: Globals,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Offline tour on a synthetic organisation: generate, import, restate, report
    Demo(demo::DemoArgs),
    /// Import billing files from a folder, a file or `s3://bucket/prefix`, or Cost Explorer's costs
    Import(import::ImportArgs),
    /// Report costs by any column, tag or cost category
    Report(report::ReportArgs),
    /// Query the lake with SQL; without a query, an interactive prompt
    Sql(sql::SqlArgs),
    /// Write the cost table as Parquet or CSV
    Export(export::ExportArgs),
    /// Deliveries, and what each one changed
    History(history::HistoryArgs),
    /// Whose rows count in `costs`, when several connections bill the same account
    Authority(authority::AuthorityArgs),
    /// Register a connection, after checking that it works
    Connect(connections::ConnectArgs),
    /// The saved connections
    Connections(connections::ConnectionsArgs),
    /// Bring saved connections up to date
    Sync(sync::SyncArgs),
    /// Serve the pages, the API and SQL over the Postgres protocol, and keep to the schedules
    Serve(serve::ServeArgs),
    /// Is the server of this configuration ready? For health checks
    Ready,
    /// Who may sign in to the server
    Users(users::UsersArgs),
    /// What programs sign in with
    Tokens(tokens::TokensArgs),
    /// Where events are sent to, and how each is
    Sinks(sinks::SinksArgs),
    /// What changed, as events: watch them, send them, send them again
    Events(events::EventsArgs),
    /// Names, organisational units and states of accounts, as AWS Organizations has them
    Accounts(accounts::AccountsArgs),
    /// Compare a month with Cost Explorer, by account and service, and explain what differs
    Reconcile(reconcile::ReconcileArgs),
    /// Check everything that a connection needs, without saving anything
    Verify(verify::VerifyArgs),
    /// The exact set-up to apply in AWS, ready to paste
    Access(access::AccessArgs),
    /// The reports and exports that exist, and how to connect them
    Reports(reports::ReportsArgs),
    /// Have AWS deliver a new report or export
    CreateReport(create_report::CreateReportArgs),
    /// Join small files and delete what no version needs
    Maintain(maintain::MaintainArgs),
    /// Check that this machine and lake are fit for use
    Doctor,
    /// Every way into the server, with who may take it
    #[command(hide = true)]
    Routes,
    /// Write the generated pages under docs/
    #[command(hide = true)]
    Docs(docs::DocsArgs),
    /// Write a wide report for benchmarks
    #[command(hide = true)]
    BenchData(docs::BenchDataArgs),
    /// Read what an import would read, and keep nothing, for benchmarks
    #[command(hide = true)]
    BenchRead(import::BenchReadArgs),
    /// Take every event, for benchmarks
    #[command(hide = true)]
    BenchReceiver(bench_receiver::BenchReceiverArgs),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let result = match runtime {
        Ok(runtime) => {
            let result = runtime.block_on(run(cli));
            // A prompt or a reader thread must not hold up the end.
            runtime.shutdown_background();
            result
        }
        Err(error) => Err(error.into()),
    };
    match result {
        Ok(code) => ExitCode::from(code),
        Err(error) => context::complain(&error),
    }
}

async fn run(cli: Cli) -> anyhow::Result<u8> {
    let context = Context::new(&cli.globals)?;
    match cli.command {
        Command::Demo(args) => demo::run(args, &context).await,
        Command::Import(args) => import::run(args, &context).await,
        Command::Report(args) => {
            let home = context.existing_home().await?;
            let width = Context::width();
            let mut out = std::io::stdout().lock();
            report::run(args, &home, &mut out, width, Context::is_terminal()).await
        }
        Command::Sql(args) => sql::run(args, &context).await,
        Command::Export(args) => export::run(args, &context).await,
        Command::History(args) => history::run(args, &context).await,
        Command::Authority(args) => authority::run(args, &context).await,
        Command::Connect(args) => connections::connect(args, &context).await,
        Command::Connections(args) => connections::run(args, &context).await,
        Command::Sync(args) => Box::pin(sync::run(args, &context)).await,
        Command::Serve(args) => Box::pin(serve::run(args, &context)).await,
        Command::Ready => ready::run(&context),
        Command::Users(args) => users::run(args, &context),
        Command::Tokens(args) => tokens::run(args, &context),
        Command::Sinks(args) => Box::pin(sinks::run(args, &context)).await,
        Command::Events(args) => Box::pin(events::run(args, &context)).await,
        Command::Accounts(args) => accounts::run(args, &context).await,
        Command::Reconcile(args) => reconcile::run(args, &context).await,
        Command::Verify(args) => verify::run(args, &context).await,
        Command::Access(args) => access::run(args),
        Command::Reports(args) => reports::run(args, &context).await,
        Command::CreateReport(args) => create_report::run(args, &context).await,
        Command::Maintain(args) => maintain::run(args, &context).await,
        Command::Doctor => doctor::run(&context).await,
        Command::Routes => routes::run(),
        Command::Docs(args) => docs::run(&args),
        Command::BenchData(args) => docs::bench_data(&args),
        Command::BenchRead(args) => import::bench_read(args, &context).await,
        Command::BenchReceiver(args) => bench_receiver::run(&args),
    }
}
