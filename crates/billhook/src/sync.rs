//! `billhook sync`.

use billhook_aws::cost_explorer::{CostExplorer, Granularity};
use billhook_engine::cost_explorer::{self, REQUEST_BUDGET, Settings};
use billhook_engine::import::{Fate, Imported};
use billhook_engine::ingest::Options;
use billhook_engine::{EngineError, Home, access, connections as opening, import};
use billhook_registry::{Connection, Health, LeaseOutcome, Outcome, Registry, new_holder};
use clap::Args;
use serde_json::json;

use crate::connections::{named, now, registry};
use crate::context::{Context, causes, say};
use crate::import::{exit_code, options, tell, tell_waiting};

/// Who holds the lease of a connection loses it when nothing is heard for so long.
const LEASE: std::time::Duration = std::time::Duration::from_hours(1);

/// Bring saved connections up to date: all of them, or those that are named
#[derive(Debug, Args)]
pub(crate) struct SyncArgs {
    /// Connections (default: all that are not paused)
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    /// Load a delivery although some records cannot be read; those go to the table quarantine
    #[arg(long)]
    quarantine: bool,
    /// Files read at the same time (default: the number of processors, at most 4)
    #[arg(long, value_name = "N")]
    workers: Option<usize>,
}

pub(crate) async fn run(args: SyncArgs, context: &Context) -> anyhow::Result<u8> {
    let registry = registry(context)?;
    let wanted: Vec<Connection> = if args.names.is_empty() {
        let all = registry.connections().map_err(EngineError::from)?;
        all.into_iter().filter(|connection| connection.paused_since.is_none()).collect()
    } else {
        args.names.iter().map(|name| named(&registry, name)).collect::<Result<_, _>>()?
    };
    if wanted.is_empty() {
        say("there is nothing to do: no connection that is not paused");
        return Ok(0);
    }
    let home = context.home()?;
    let options = options(&home, args.workers, args.quarantine);
    crate::import::stop_on_signal(&options);
    let _writer = home.writer(tell_waiting).await?;
    let holder = new_holder("billhook").map_err(EngineError::from)?;
    let mut code = 0;
    for connection in &wanted {
        code = code.max(one(&registry, &home, connection, &options, &holder, context).await?);
        if options.stop.load(std::sync::atomic::Ordering::Relaxed) {
            break;
        }
    }
    Ok(code)
}

/// Brings a connection up to date, and writes down how it went.
async fn one(
    registry: &Registry,
    home: &Home,
    connection: &Connection,
    options: &Options,
    holder: &str,
    context: &Context,
) -> Result<u8, EngineError> {
    let lease = match registry.lease_connection(&connection.id, holder, now(), LEASE)? {
        LeaseOutcome::Taken(lease) => lease,
        LeaseOutcome::Held { holder, .. } => {
            say(&format!("{}: {holder} is at work on it already", connection.name));
            return Ok(0);
        }
    };
    let run = registry.start_run(&connection.id, "sync", now())?;
    let done = load(registry, home, connection, options, context).await;
    let (code, outcome, health, findings, summary) = match &done {
        Ok(imported) => judged(imported),
        Err(error) => {
            let text = causes(error);
            say(&format!("{}: {text}", connection.name));
            if let Some(fix) = error.fix() {
                say(&format!("  mend: {fix}"));
            }
            let findings = json!([{ "code": "sync-failed", "seen": text }]);
            (error.exit_code(), Outcome::Failed, Health::Broken, findings, json!({}))
        }
    };
    registry.finish_run(run, now(), outcome, &summary, &findings)?;
    registry.set_health(&connection.id, health, &findings, now())?;
    registry.release(&lease)?;
    Ok(code)
}

/// What a run came to.
fn judged(imported: &[Imported]) -> (u8, Outcome, Health, serde_json::Value, serde_json::Value) {
    let failed: Vec<_> = imported
        .iter()
        .filter_map(|one| match &one.fate {
            Fate::Failed(error) => {
                let seen = format!("{}: {}", one.period, causes(error));
                Some(json!({ "code": "delivery-refused", "seen": seen, "fix": error.fix() }))
            }
            _ => None,
        })
        .collect();
    let is_waiting = imported.iter().all(|one| matches!(one.fate, Fate::Waiting(_)));
    let loaded = imported.iter().filter(|one| matches!(one.fate, Fate::Loaded { .. })).count();
    let is_stopped =
        imported.iter().any(|one| matches!(one.fate, Fate::Failed(EngineError::Interrupted)));
    let summary = json!({ "deliveries": imported.len(), "loaded": loaded });
    let code = exit_code(imported);
    if is_stopped {
        (code, Outcome::Stopped, Health::Waiting, json!([]), summary)
    } else if !failed.is_empty() {
        let health = if failed.len() == imported.len() { Health::Broken } else { Health::Degraded };
        (code, Outcome::Failed, health, json!(failed), summary)
    } else if is_waiting {
        (code, Outcome::Waiting, Health::Waiting, json!([]), summary)
    } else {
        (code, Outcome::Ok, Health::Healthy, json!([]), summary)
    }
}

async fn load(
    registry: &Registry,
    home: &Home,
    connection: &Connection,
    options: &Options,
    context: &Context,
) -> Result<Vec<Imported>, EngineError> {
    let access = registry.access(&connection.id)?;
    let kind = access::kind(&connection.kind)?;
    let name = connection.name.as_str();
    let location = connection.location.as_deref().unwrap_or_default();
    // A folder needs nobody's credentials.
    let is_remote = !kind.reads_bucket || opening::bucket_of(location).is_some();
    let session = if is_remote { opening::session(&access).await? } else { None };
    if kind.reads_bucket {
        let place = opening::place(location, &context.s3, &access, session.as_ref())?;
        let options = Options { kinds: vec![connection.kind.clone()], ..options.clone() };
        let done = import::import(home, &place, Some(name), &options, tell).await?;
        return Ok(done.imported);
    }
    let session = session.ok_or_else(|| {
        EngineError::Usage(format!("{name}: Cost Explorer cannot be asked by nobody"))
    })?;
    let settings = Settings {
        connection: name.to_owned(),
        written: "cost-explorer:".to_owned(),
        granularity: Granularity::Daily,
        months: None,
        refetch_all: false,
        account: connection.payer.clone(),
        request_budget: REQUEST_BUDGET,
        today: || chrono::Utc::now().date_naive(),
    };
    let client = CostExplorer::new(&session);
    let outcome = cost_explorer::import(home, &client, &settings, options, tell).await?;
    Ok(outcome.imported)
}
