//! `billhook maintain`.

use billhook_lake::maintain::maintain;
use chrono::{Duration, Utc};
use clap::Args;

use crate::context::{Context, say};
use crate::history::thousands;
use crate::import::tell_waiting;

/// Join small files and delete what no version needs
#[derive(Debug, Args)]
pub(crate) struct MaintainArgs {
    /// Days for which replaced files are kept, for --as-of
    #[arg(long, default_value_t = 30, value_name = "DAYS")]
    keep: u32,
}

pub(crate) async fn run(args: MaintainArgs, context: &Context) -> anyhow::Result<u8> {
    let home = context.existing_home().await?;
    let _writer = home.writer(tell_waiting).await?;
    let now = Utc::now();
    // The lock keeps other writers on this machine away; on a shared store somebody else may be
    // writing a file that no commit names yet.
    let is_local = home.lake.url.scheme() == "file";
    let orphans_before = if is_local { now } else { now - Duration::days(1) };
    let keep_from = now - Duration::days(i64::from(args.keep));
    for done in maintain(&home.lake, keep_from, orphans_before).await? {
        say(&format!(
            "{:<15} {} → {} files, {} deleted ({} kB)",
            done.table,
            done.files_before,
            done.files_after,
            done.deleted,
            thousands(done.deleted_bytes / 1000),
        ));
    }
    Ok(0)
}
