//! `billhook export`.

use std::path::PathBuf;

use billhook_engine::export::{self, ExportRequest};
use clap::{Args, ValueEnum};

use crate::context::{Context, say};
use crate::history::thousands;

/// Write the cost table as Parquet or CSV
#[derive(Debug, Args)]
pub(crate) struct ExportArgs {
    /// A file, or a folder (one file per month)
    #[arg(long, value_name = "FILE|DIR")]
    to: PathBuf,
    /// Format (default: told from the file's name, else parquet)
    #[arg(long, value_enum)]
    format: Option<Format>,
    /// Only FOCUS 1.2 columns
    #[arg(long)]
    focus_only: bool,
    /// One month
    #[arg(long, value_name = "YYYY-MM")]
    period: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Parquet,
    Csv,
}

pub(crate) async fn run(args: ExportArgs, context: &Context) -> anyhow::Result<u8> {
    let home = context.existing_home().await?;
    let is_csv = match args.format {
        Some(format) => format == Format::Csv,
        None => args.to.extension().is_some_and(|end| end.eq_ignore_ascii_case("csv")),
    };
    let format = if is_csv { export::Format::Csv } else { export::Format::Parquet };
    let request =
        ExportRequest { to: args.to, format, focus_only: args.focus_only, period: args.period };
    for file in export::export(&home.lake, &request).await? {
        say(&format!("{}: {} rows", file.path.display(), thousands(file.rows)));
    }
    Ok(0)
}
