//! `billhook authority`.

use std::io::Write as _;

use billhook_engine::authority::{self, Choice, Entry};
use clap::Args;

use crate::context::{Context, say};
use crate::import::tell_waiting;

/// Whose rows count in `costs`, when several connections bill the same account
///
/// For each billing account and month exactly one connection counts: by default a FOCUS export
/// before CUR 2.0, CUR, DBR, Cost Explorer and FOCUS files, then the finer one. Give an account and
/// a connection to choose another one for all months that it has, or for those from one on.
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
    /// Only from this month on, YYYY-MM; what was chosen for later months goes
    #[arg(long, value_name = "MONTH", requires = "account")]
    from: Option<String>,
}

pub(crate) async fn run(args: AuthorityArgs, context: &Context) -> anyhow::Result<u8> {
    let home = context.existing_home().await?;
    if let Some(account) = &args.account {
        let _writer = home.writer(tell_waiting).await?;
        let (connection, from) = (args.connection.as_deref(), args.from.as_deref());
        authority::set(&home, Choice { account, connection, from }).await?;
        let since = from.map(|month| format!(" from {month} on")).unwrap_or_default();
        match connection {
            Some(name) => {
                say(&format!("{account}: {name} counts in every month that it has{since}"));
            }
            None => say(&format!("{account}: chosen by kind and granularity again{since}")),
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
