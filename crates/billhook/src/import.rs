//! `billhook import`.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use billhook_aws::Location;
pub(crate) use billhook_engine::import::exit_code;
use billhook_engine::import::{Fate, Import, Imported};
use billhook_engine::ingest::Options;
use billhook_engine::{EngineError, Home, import};
use billhook_lake::slice::DeliveryRecord;
use billhook_sources::kinds;
use billhook_sources::text::inflate::Limits;
use clap::Args;
use clap::builder::PossibleValuesParser;
use serde_json::Value;

use crate::context::{Context, causes, say};
use crate::cost_explorer::{self, Explorer, ExplorerArgs};
use crate::history::thousands;
use crate::progress::Bar;

/// Lines of a list at the end; the rest is counted.
const LINES: usize = 8;

/// Import billing files from a folder, a file or `s3://bucket/prefix`, or Cost Explorer's costs
#[derive(Debug, Args)]
pub(crate) struct ImportArgs {
    /// Folder, file, `s3://bucket/prefix`, or `cost-explorer:[PROFILE]`
    #[arg(required = true, value_name = "LOCATION")]
    locations: Vec<String>,
    /// Name of the connection, when the location holds one report (default: the report's name)
    #[arg(long = "as", value_name = "NAME")]
    name: Option<String>,
    /// Import only what is of this kind; may be given several times (default: all kinds)
    #[arg(long = "kind", value_name = "KIND", value_parser = kind_names())]
    kinds: Vec<String>,
    #[command(flatten)]
    load: LoadArgs,
    /// List what was left alone, and why
    #[arg(long, short)]
    verbose: bool,
    #[command(flatten)]
    explorer: ExplorerArgs,
}

/// How to load, for all who load.
#[derive(Debug, Default, Args)]
pub(crate) struct LoadArgs {
    /// Load a delivery although some records cannot be read; those go to the table quarantine
    #[arg(long)]
    quarantine: bool,
    /// Files read at the same time (default: the number of processors, at most 4)
    #[arg(long, value_name = "N")]
    workers: Option<usize>,
}

/// Read what an import would read, and keep nothing, for benchmarks
#[derive(Debug, Args)]
pub(crate) struct BenchReadArgs {
    /// Folder, file, or `s3://bucket/prefix`
    #[arg(value_name = "LOCATION")]
    location: String,
}

/// Reads a place and tells the rows and bytes of text that it has.
pub(crate) async fn bench_read(args: BenchReadArgs, context: &Context) -> anyhow::Result<u8> {
    let place = billhook_aws::open(&args.location, &context.s3).map_err(EngineError::from)?;
    let home = context.home()?;
    let options = options(&home, &LoadArgs::default(), context);
    let skimmed = import::skim(&place, &options).await?;
    writeln!(std::io::stdout(), "{},{}", skimmed.rows, skimmed.text_bytes)?;
    Ok(0)
}

/// Where costs come from.
enum Place {
    Files(Location),
    Explorer(Box<Explorer>),
}

pub(crate) async fn run(args: ImportArgs, context: &Context) -> anyhow::Result<u8> {
    cost_explorer::check_kinds(&args.kinds, &args.locations)?;
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
    let mut options = options(&home, &args.load, context);
    options.kinds.clone_from(&args.kinds);
    stop_on_signal(&options);
    let _writer = home.writer(tell_waiting).await?;
    // Who had to wait is later than whoever was waited for.
    options.now = chrono::Utc::now().timestamp_micros();
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

/// Ends the work after the file at hand when the user, or the system, asks for it.
pub(crate) fn stop_on_signal(options: &Options) {
    stop_when_asked(&options.stop);
}

/// Sets `stop` when the user, or the system, asks for the end.
pub(crate) fn stop_when_asked(stop: &Arc<AtomicBool>) {
    stop_telling(stop, say);
}

/// As [`stop_when_asked`], and tells it in a way of its own.
pub(crate) fn stop_telling(stop: &Arc<AtomicBool>, tell: fn(&str)) {
    let stop = Arc::clone(stop);
    // Heard from now on, and not only once the task has begun.
    let Ok(mut signals) = Signals::listen() else { return };
    tokio::spawn(async move {
        if signals.heard().await {
            tell("stopping …");
            stop.store(true, Ordering::Relaxed);
            // Whoever asks twice does not want to wait.
            if signals.heard().await {
                std::process::exit(3);
            }
        }
    });
}

/// An interrupt (Ctrl-C), and the system's request to end.
#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn listen() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let interrupt = signal(SignalKind::interrupt())?;
        Ok(Self { interrupt, terminate: signal(SignalKind::terminate())? })
    }

    /// Waits for one; false when none can come any more.
    async fn heard(&mut self) -> bool {
        tokio::select! {
            heard = self.interrupt.recv() => heard.is_some(),
            heard = self.terminate.recv() => heard.is_some(),
        }
    }
}

/// An interrupt (Ctrl-C).
#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn listen() -> std::io::Result<Self> {
        Ok(Self)
    }

    /// Waits for one; false when none can come.
    async fn heard(&mut self) -> bool {
        tokio::signal::ctrl_c().await.is_ok()
    }
}

/// What `--kind` takes. `data_export` is any table of Data Exports; `cost_explorer` is implied by
/// its location.
fn kind_names() -> PossibleValuesParser {
    kinds::names().into()
}

/// The usual options.
pub(crate) fn options(home: &Home, args: &LoadArgs, context: &Context) -> Options {
    let processors = || std::thread::available_parallelism().map_or(2, usize::from);
    let workers = args.workers.or(context.config.settings.workers);
    Options {
        workers: workers.unwrap_or_else(|| processors().min(4)).max(1),
        limits: Limits::default(),
        allow_quarantine: args.quarantine,
        spool: home.spool(),
        now: chrono::Utc::now().timestamp_micros(),
        stop: Arc::new(AtomicBool::new(false)),
        progress: Arc::new(Bar::default()),
        kinds: Vec::new(),
        period: None,
        newest_first: false,
        kept: None,
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
        Fate::Failed(EngineError::Interrupted) => {
            say(&format!("{title}: stopped; nothing of it is stored, run the command again"));
        }
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
        say(&format!("error: {place}: no billing files here that can be imported"));
        for (name, reason) in import.left_alone.iter().take(5) {
            say(&format!("  {}: {reason}", last_part(name)));
        }
        say("  mend: point at a folder, file or s3://bucket/prefix that holds a report");
        return 3;
    }
    tell_found(&import.imported);
    tell_left_alone(&import.left_alone, verbose);
    exit_code(&import.imported)
}

/// Tells what each report of a mixed place is. Of a single one the lines before have told.
fn tell_found(imported: &[Imported]) {
    let mut reports: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for one in imported {
        *reports.entry((&one.connection, one.title.unwrap_or("unknown"))).or_default() += 1;
    }
    if reports.len() < 2 {
        return;
    }
    say(&format!("found: {} reports", reports.len()));
    for ((connection, title), months) in reports.iter().take(LINES) {
        let months = if *months == 1 { "1 month".to_owned() } else { format!("{months} months") };
        say(&format!("  {connection}: {title}, {months}"));
    }
    if reports.len() > LINES {
        say(&format!("  and {} more", reports.len() - LINES));
    }
}

/// Tells what was left alone, by the reason.
fn tell_left_alone(left_alone: &[(String, String)], verbose: bool) {
    if verbose {
        for (name, reason) in left_alone {
            say(&format!("left alone: /{name}: {reason}"));
        }
        return;
    }
    let mut reasons: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (name, reason) in left_alone {
        reasons.entry(reason).or_default().push(name);
    }
    let mut reasons: Vec<_> = reasons.into_iter().collect();
    reasons.sort_by_key(|(_, names)| std::cmp::Reverse(names.len()));
    if left_alone.is_empty() {
        return;
    }
    say(&format!("left alone: {} (--verbose lists them)", files(left_alone.len())));
    for (reason, names) in reasons.iter().take(LINES) {
        let first = names.first().copied().unwrap_or_default();
        match names.len() {
            1 => say(&format!("  {}: {reason}", last_part(first))),
            n => say(&format!("  {}, such as {}: {reason}", files(n), last_part(first))),
        }
    }
    let others: usize = reasons.iter().skip(LINES).map(|(_, names)| names.len()).sum();
    if others > 0 {
        say(&format!("  and {} for other reasons", files(others)));
    }
}

fn files(count: usize) -> String {
    if count == 1 { "1 file".to_owned() } else { format!("{} files", thousands(count as u64)) }
}

fn last_part(key: &str) -> &str {
    key.rsplit('/').next().unwrap_or(key)
}
