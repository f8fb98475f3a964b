//! `billhook authority`.

use std::io::Write as _;

use billhook_engine::authority::{self, Entry};
use clap::Args;

use crate::context::{Context, say};
use crate::import::tell_waiting;

/// Whose rows count in `costs`, when several connections bill the same account
///
/// For each billing account and month exactly one connection counts: by default a FOCUS export
/// before CUR 2.0, CUR, DBR, Cost Explorer and FOCUS files, then the finer one. Give an account and
/// a connection to choose another one for all months that it has.
#[derive(Debug, Args)]
pub(crate) struct AuthorityArgs {
    /// Billing account
    #[arg(value_name = "ACCOUNT", requires = "choice")]
    account: Option<String>,
    /// The connection that is to count for it
    #[arg(value_name = "CONNECTION", group = "choice")]
    connection: Option<String>,
    /// Leave the choice for the account to Billhook again
    #[arg(long, group = "choice", requires = "account")]
    default: bool,
}

pub(crate) async fn run(args: AuthorityArgs, context: &Context) -> anyhow::Result<u8> {
    let home = context.existing_home().await?;
    if let Some(account) = &args.account {
        let _writer = home.writer(tell_waiting).await?;
        authority::set(&home, account, args.connection.as_deref()).await?;
        match &args.connection {
            Some(name) => say(&format!("{account}: {name} counts in every month that it has")),
            None => say(&format!("{account}: chosen by kind and granularity again")),
        }
        return Ok(0);
    }
    let entries = authority::list(&home).await?;
    let mut table = comfy_table::Table::new();
    table.load_preset(comfy_table::presets::NOTHING);
    table.set_header(["account", "month", "counts", "kind", "left out"]);
    for entry in &entries {
        table.add_row(row(entry));
    }
    writeln!(std::io::stdout(), "{}", table.trim_fmt())?;
    Ok(0)
}

fn row(entry: &Entry) -> [String; 5] {
    let wish = if entry.is_wished { " (set)" } else { "" };
    [
        entry.account.clone(),
        entry.period.clone(),
        format!("{}{wish}", entry.authority),
        entry.kind.clone(),
        entry.others.join(", "),
    ]
}
