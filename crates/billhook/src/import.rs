//! `billhook import`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use billhook_aws::Location;
use billhook_engine::import::{Fate, Import, Imported};
use billhook_engine::ingest::Options;
use billhook_engine::{EngineError, Home, import};
use billhook_lake::slice::DeliveryRecord;
use billhook_sources::text::inflate::Limits;
use clap::Args;
use serde_json::Value;

use crate::context::{Context, causes, say};
use crate::cost_explorer::{Explorer, ExplorerArgs};
use crate::history::thousands;
use crate::progress::Bar;

/// Import billing reports from a folder, a file or `s3://bucket/prefix`, or Cost Explorer's costs
#[derive(Debug, Args)]
pub(crate) struct ImportArgs {
    /// Folder, file, `s3://bucket/prefix`, or `cost-explorer:[PROFILE]`
    #[arg(required = true, value_name = "LOCATION")]
    locations: Vec<String>,
    /// Name of the connection, when the location holds one report (default: the report's name)
    #[arg(long = "as", value_name = "NAME")]
    name: Option<String>,
    /// Load a delivery although some records cannot be read; those go to the table quarantine
    #[arg(long)]
    quarantine: bool,
    /// Files read at the same time (default: the number of processors, at most 4)
    #[arg(long, value_name = "N")]
    workers: Option<usize>,
    /// List what was left alone, and why
    #[arg(long, short)]
    verbose: bool,
    #[command(flatten)]
    explorer: ExplorerArgs,
}

/// Where costs come from.
enum Place {
    Files(Location),
    Explorer(Box<Explorer>),
}

pub(crate) async fn run(args: ImportArgs, context: &Context) -> anyhow::Result<u8> {
    let mut places = Vec::new();
    for location in &args.locations {
        let explorer = args.explorer.open(location, args.name.as_deref(), context).await?;
        places.push(if let Some(explorer) = explorer {
            Place::Explorer(Box::new(explorer))
        } else {
            Place::Files(billhook_aws::open(location, &context.s3).map_err(EngineError::from)?)
        });
    }
    args.explorer.check(places.iter().any(|place| matches!(place, Place::Explorer(_))))?;
    let home = context.home()?;
    let options = options(&home, args.workers, args.quarantine);
    let stop = Arc::clone(&options.stop);
    tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            say("stopping …");
            stop.store(true, Ordering::Relaxed);
            // Whoever asks twice does not want to wait.
            if tokio::signal::ctrl_c().await.is_ok() {
                std::process::exit(3);
            }
        }
    });
    let _writer = home.writer(tell_waiting).await?;
    let mut code = 0;
    for place in &places {
        let name = args.name.as_deref();
        code = code.max(match place {
            Place::Files(place) => {
                let import = import::import(&home, place, name, &options, tell).await?;
                summarise(&import, args.verbose, &place.written)
            }
            Place::Explorer(explorer) => explorer.import(&home, &options).await?,
        });
        if options.stop.load(Ordering::Relaxed) {
            break;
        }
    }
    Ok(code)
}

/// The usual options.
pub(crate) fn options(home: &Home, workers: Option<usize>, allow_quarantine: bool) -> Options {
    let processors = std::thread::available_parallelism().map_or(2, usize::from);
    Options {
        workers: workers.unwrap_or(processors.min(4)).max(1),
        limits: Limits::default(),
        allow_quarantine,
        spool: home.spool(),
        now: chrono::Utc::now().timestamp_micros(),
        stop: Arc::new(AtomicBool::new(false)),
        progress: Arc::new(Bar::default()),
    }
}

pub(crate) fn tell_waiting(holder: &str) {
    let holder = if holder.is_empty() { "another billhook" } else { holder };
    say(&format!("waiting for {holder}, which is writing to this home …"));
}

/// Tells the fate of one delivery.
pub(crate) fn tell(one: &Imported) {
    let title = format!("{} {}", one.connection, one.period);
    match &one.fate {
        Fate::Loaded { record, changes } => tell_loaded(&title, record, *changes),
        Fate::Unchanged => say(&format!("{title}: unchanged ({})", one.revision)),
        Fate::Waiting(why) => say(&format!("{title}: waiting for AWS: {why}")),
        Fate::Empty(why) => say(&format!("{title}: empty: {why}")),
        Fate::Failed(error) => {
            say(&format!("{title}: refused: {}", causes(error)));
            if let Some(fix) = error.fix() {
                say(&format!("  mend: {fix}"));
            }
        }
    }
    for warning in &one.warnings {
        say(&format!("  note: {warning}"));
    }
}

fn tell_loaded(title: &str, record: &DeliveryRecord, changes: usize) {
    let verb = if record.previous.is_some() { "restated" } else { "loaded" };
    let costs = amounts(&record.billed_costs);
    say(&format!(
        "{title}: {verb} {} lines, {} billed, {} {}, {}",
        thousands(record.line_items),
        if costs.is_empty() { "nothing".to_owned() } else { costs },
        record.granularity,
        record.state,
        match changes {
            0 => "no changes".to_owned(),
            1 => "1 change".to_owned(),
            n => format!("{} changes", thousands(n as u64)),
        },
    ));
    if record.line_items == 0 {
        say("  note: the delivery holds no lines");
    }
    if record.quarantined_rows > 0 {
        say(&format!(
            "  note: {} records are in quarantine (SELECT * FROM quarantine)",
            thousands(record.quarantined_rows)
        ));
    }
    if record.rounded_numbers > 0 {
        say(&format!(
            "  note: {} numbers had more than 18 decimal places and were rounded half-even",
            thousands(record.rounded_numbers)
        ));
    }
    if !record.unknown_columns.is_empty() {
        say(&format!(
            "  note: unknown columns kept in x_Extra: {}",
            record.unknown_columns.join(", ")
        ));
    }
    if !record.unknown_types.is_empty() {
        say(&format!(
            "  note: unknown line item types, stored as adjustments: {}",
            record.unknown_types.join(", ")
        ));
    }
}

/// `{"USD": "1.5"}` as `1.50 USD`.
pub(crate) fn amounts(sums: &Value) -> String {
    let sums = sums.as_object().into_iter().flatten();
    let texts: Vec<String> = sums
        .filter_map(|(currency, text)| {
            let units = billhook_money::parse(text.as_str()?.as_bytes()).ok()?.units;
            Some(format!("{} {currency}", billhook_money::format_grouped(units, 2)))
        })
        .collect();
    texts.join(" + ")
}

/// Tells what was left alone; gives the exit code.
fn summarise(import: &Import, verbose: bool, place: &str) -> u8 {
    if import.imported.is_empty() {
        say(&format!("error: {place}: no Cost and Usage Report here"));
        for (name, reason) in import.left_alone.iter().take(5) {
            say(&format!("  {}: {reason}", name.rsplit('/').next().unwrap_or(name)));
        }
        say("  mend: point at a folder, file or s3://bucket/prefix that holds a report");
        return 3;
    }
    if verbose {
        for (name, reason) in &import.left_alone {
            say(&format!("left alone: /{name}: {reason}"));
        }
    } else if !import.left_alone.is_empty() {
        say(&format!("left alone: {} other files (--verbose lists them)", import.left_alone.len()));
    }
    exit_code(&import.imported)
}

/// The exit code for some deliveries.
pub(crate) fn exit_code(imported: &[Imported]) -> u8 {
    let codes = imported.iter().map(|one| match &one.fate {
        Fate::Failed(error) => error.exit_code(),
        _ => 0,
    });
    codes.max().unwrap_or(0)
}
