//! `billhook demo`: the whole way on a synthetic organisation, without AWS.

use std::path::Path;
use std::time::Instant;

use anyhow::Context as _;
use billhook_engine::{EngineError, import};
use billhook_testkit::calendar::Date;
use billhook_testkit::demo::{DemoSummary, write_demo, write_demo_restatement};
use chrono::{Datelike, Months, NaiveDate};
use clap::{Args, Parser};

use crate::context::{Context, say};
use crate::history::thousands;
use crate::import::{LoadArgs, options, tell, tell_waiting};
use crate::report::ReportArgs;
use crate::serve;

/// Offline tour on a synthetic organisation: generate, import, restate, report
#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// Seed of the organisation
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The day on which the tour takes place (default: today)
    #[arg(long, value_name = "YYYY-MM-DD")]
    today: Option<NaiveDate>,
    /// Then serve the pages of what was made, to this machine only and without sign-in
    #[arg(long, value_name = "ADDR")]
    listen: Option<String>,
}

/// A file that says that a directory is the demo's own and may be cleared.
const MARK: &str = "billhook-demo";

pub(crate) async fn run(args: DemoArgs, context: &Context) -> anyhow::Result<u8> {
    let begun = Instant::now();
    let dir = if context.is_default_home() {
        context.home_dir().join("demo")
    } else {
        context.home_dir().to_path_buf()
    };
    let context = context.with_own_home(&dir);
    let served = args.listen.as_ref().map(|listen| served(&context, listen)).transpose()?;
    clear(&dir)?;
    let today = args.today.unwrap_or_else(|| chrono::Utc::now().date_naive());
    let day = Date { year: today.year(), month: today.month(), day: today.day() };
    let buckets = dir.join("buckets");
    say("Two companies, their AWS bills of four months, written as AWS delivers them …");
    let seed = args.seed;
    let summary = generate(buckets.clone(), move |dir| write_demo(dir, day, seed)).await?;
    say(&format!(
        "  {} lines in {} deliveries under {}",
        thousands(summary.rows),
        summary.deliveries.len(),
        buckets.display()
    ));
    let home = context.home()?;
    let writer = home.writer(tell_waiting).await?;
    let places = || -> anyhow::Result<Vec<_>> {
        let reports = summary.reports.iter();
        let opened = reports.map(|report| {
            let path = report.bucket_dir.display().to_string();
            Ok(billhook_aws::open(&path, &context.s3).map_err(EngineError::from)?)
        });
        opened.collect()
    };
    say("\nImporting, as `billhook import` does:");
    for place in places()? {
        import::import(&home, &place, None, &options(&home, &LoadArgs::default(), &context), tell)
            .await?;
    }
    say("\nOther products of the same bills: a FOCUS export, and Detailed Billing Reports:");
    for path in &summary.others {
        let path = path.display().to_string();
        let place = billhook_aws::open(&path, &context.s3).map_err(EngineError::from)?;
        import::import(&home, &place, None, &options(&home, &LoadArgs::default(), &context), tell)
            .await?;
    }
    say("  `billhook authority` shows which of them counts in each month; none counts twice.");
    say("\nAWS restates a month, and the same import runs again:");
    generate(buckets.clone(), move |dir| write_demo_restatement(dir, day, seed)).await?;
    for place in places()? {
        import::import(&home, &place, None, &options(&home, &LoadArgs::default(), &context), tell)
            .await?;
    }
    drop(writer);
    say("");
    show(&home, today).await?;
    next(&dir, &summary, begun);
    if let Some(served) = served {
        return Box::pin(serve::stay(&served, true)).await;
    }
    Ok(0)
}

async fn generate(
    dir: std::path::PathBuf,
    write: impl FnOnce(&Path) -> std::io::Result<DemoSummary> + Send + 'static,
) -> anyhow::Result<DemoSummary> {
    let shown = dir.display().to_string();
    let done = tokio::task::spawn_blocking(move || {
        std::fs::create_dir_all(&dir)?;
        write(&dir)
    });
    let result = done.await?;
    Ok(result.map_err(|source| EngineError::Disk {
        action: format!("cannot write the demo's files below {shown}"),
        source,
    })?)
}

/// The options with which the demo is served: to this machine, where nobody has to sign in.
fn served(context: &Context, listen: &str) -> Result<Context, EngineError> {
    let open = ("sign_in.required", "false".to_owned());
    let context = context.with(&[("listen", listen.to_owned()), open])?;
    // Whatever is wrong is said before the tour.
    context.config.server(true)?;
    Ok(context)
}

/// Begins anew, but only in a directory that an earlier demo made.
fn clear(dir: &Path) -> anyhow::Result<()> {
    let mark = dir.join(MARK);
    let is_empty = std::fs::read_dir(dir).map_or(true, |mut entries| entries.next().is_none());
    if mark.exists() {
        std::fs::remove_dir_all(dir).with_context(|| format!("cannot clear {}", dir.display()))?;
    } else if !is_empty {
        return Err(EngineError::Usage(format!(
            "{} holds something else than a demo: give --home with another directory",
            dir.display()
        ))
        .into());
    }
    std::fs::create_dir_all(dir)
        .and_then(|()| std::fs::write(&mark, "This directory is remade by `billhook demo`.\n"))
        .map_err(|source| EngineError::Disk {
            action: format!("cannot make {}", dir.display()),
            source,
        })?;
    Ok(())
}

/// The first report.
async fn show(home: &billhook_engine::Home, today: NaiveDate) -> anyhow::Result<()> {
    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        report: ReportArgs,
    }
    let first = today.with_day(1).and_then(|d| d.checked_sub_months(Months::new(3)));
    let from = first.unwrap_or(today).to_string();
    let to = today.succ_opt().unwrap_or(today).to_string();
    let words = ["report", "--by", "service", "--granularity", "monthly", "--top", "10"];
    let line = words.into_iter().chain(["--from", from.as_str(), "--to", to.as_str()]);
    let line = Line::try_parse_from(line)?;
    let mut out = std::io::stdout().lock();
    crate::report::run(line.report, home, &mut out, Context::width(), Context::is_terminal())
        .await?;
    Ok(())
}

fn next(dir: &Path, summary: &DemoSummary, begun: Instant) {
    let home = dir.display();
    // Acme's second month; its folder is called by its first day, 20260901-20261001.
    let folder = summary.deliveries.get(1).and_then(|delivery| {
        let folder = delivery.manifest_path.parent()?.file_name()?.to_str()?;
        Some(format!("{}-{}", folder.get(..4)?, folder.get(4..6)?))
    });
    let month = folder.unwrap_or_default();
    say(&format!("\nDone in {} s. Try next:", begun.elapsed().as_secs()));
    for (command, why) in [
        ("report --by tag:team --by service --top 15", "by tag and service"),
        ("report --by account --compare previous", "what changed"),
        ("report --by service --format svg > costs.svg", "a chart for a slide"),
        (&format!("history --period {month}"), "what AWS restated"),
        ("authority", "which product counts in which month"),
        ("sql", "a prompt; \\? for help"),
        ("export --to focus.parquet", "FOCUS 1.2 for other tools"),
    ] {
        say(&format!("  billhook --home {home} {command:<46} # {why}"));
    }
    say("Your own bills: billhook import FOLDER or s3://BUCKET/PREFIX");
}
