//! `billhook accounts`: what AWS Organizations and the tagging API tell beside the bill.

use billhook_engine::directory::{self, Refreshed};
use billhook_engine::{EngineError, Home, connections as opening};
use billhook_lake::session::LakeSession;
use billhook_registry::{Connection, Registry};
use clap::{Args, Subcommand};

use crate::connections::{named, now, registry};
use crate::context::{Context, causes, say};
use crate::import::tell_waiting;
use crate::sql::{Format, write_batches};

/// Names, organisational units and states of accounts, as AWS Organizations has them
///
/// They stand in `costs` as `x_AccountName`, `x_OrganizationalUnit` and `x_AccountTags`.
#[derive(Debug, Args)]
pub(crate) struct AccountsArgs {
    #[command(subcommand)]
    action: Option<Action>,
    /// Everything known of them, as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Ask AWS now: for all connections that are not paused, or for one
    Refresh {
        /// Its name
        name: Option<String>,
    },
    /// Ask for the tags of resources, too, in these regions; without regions, no more
    ResourceTags {
        /// Name of the connection
        name: String,
        /// Such as eu-central-1
        #[arg(value_name = "REGION")]
        regions: Vec<String>,
    },
}

pub(crate) async fn run(args: AccountsArgs, context: &Context) -> anyhow::Result<u8> {
    match args.action {
        None => list(args.json, context).await,
        Some(Action::Refresh { name }) => Ok(refresh(name.as_deref(), context).await?),
        Some(Action::ResourceTags { name, regions }) => {
            let registry = registry(context)?;
            let connection = named(&registry, &name)?;
            let settings = directory::with_regions(&connection.settings, &regions);
            registry.set_settings(&connection.id, &settings).map_err(EngineError::from)?;
            say(&match regions.as_slice() {
                [] => format!("{name}: tags of resources are not asked for"),
                some => format!("{name}: tags of resources are asked for in {}", some.join(", ")),
            });
            Ok(0)
        }
    }
}

async fn list(is_json: bool, context: &Context) -> anyhow::Result<u8> {
    let home = context.existing_home().await?;
    let session = LakeSession::open(&home.lake, None).await?;
    let columns = if is_json {
        "AccountId, AccountName, Email, State, OrganizationalUnit, ManagementAccountId, \"Tags\", \
         x_Connection, x_RecordedAt"
    } else {
        "AccountId AS id, AccountName AS name, OrganizationalUnit AS unit, State AS state, \
         ManagementAccountId AS management"
    };
    // As the views do: of several records of an account the newest counts.
    let sql = format!(
        "SELECT {columns} FROM (SELECT *, row_number() OVER (PARTITION BY AccountId ORDER BY \
         x_RecordedAt DESC, x_Connection DESC) AS place FROM accounts) WHERE place = 1 \
         ORDER BY 1"
    );
    let batches = session.query(&sql).await?;
    let format = if is_json { Format::Json } else { Format::Table };
    let is_empty = batches.iter().all(|batch| batch.num_rows() == 0);
    if is_empty {
        say("no accounts are known yet: ask AWS with `billhook accounts refresh`");
    }
    if is_json || !is_empty {
        write_batches(&mut std::io::stdout(), &batches, format, Context::width())?;
    }
    Ok(0)
}

async fn refresh(name: Option<&str>, context: &Context) -> Result<u8, EngineError> {
    let registry = registry(context)?;
    let wanted: Vec<Connection> = if let Some(name) = name {
        vec![named(&registry, name)?]
    } else {
        let all = registry.connections()?.into_iter();
        all.filter(|connection| connection.paused_since.is_none()).collect()
    };
    let home = context.home()?;
    let _writer = home.writer(tell_waiting).await?;
    let mut code = 0;
    for connection in &wanted {
        if name.is_none() && !opening::is_remote(connection) {
            continue;
        }
        match ask(&registry, &home, connection).await {
            Ok(refreshed) => tell(connection, &refreshed),
            Err(error) => {
                say(&format!("{}: {}", connection.name, causes(&error)));
                if let Some(fix) = error.fix() {
                    say(&format!("  mend: {fix}"));
                }
                code = code.max(error.exit_code());
            }
        }
    }
    Ok(code)
}

async fn ask(
    registry: &Registry,
    home: &Home,
    connection: &Connection,
) -> Result<Refreshed, EngineError> {
    let access = registry.access(&connection.id)?;
    let session = opening::session(&access).await?.ok_or_else(|| {
        let name = &connection.name;
        EngineError::Usage(format!("{name} has no credentials, so AWS tells it no accounts"))
    })?;
    let regions = directory::regions(&connection.settings);
    directory::refresh(home, &session, connection.name.as_str(), &regions, now()).await
}

fn tell(connection: &Connection, refreshed: &Refreshed) {
    let name = &connection.name;
    if let Some(count) = refreshed.accounts {
        say(&format!("{name}: {count} accounts"));
    }
    if let Some(count) = refreshed.resources {
        say(&format!("{name}: {count} resources with tags"));
    }
    for denied in &refreshed.denied {
        say(&format!("{name}: {} cannot be read: {}", denied.what, denied.error));
        if let Some(fix) = &denied.fix {
            say(&format!("  mend: {fix}"));
        }
    }
}
