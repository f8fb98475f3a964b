//! `billhook reports`.

use std::io::Write as _;

use billhook_engine::definitions::{self, Definition, Found, TimeUnit};
use billhook_engine::{EngineError, connections as opening};
use billhook_sources::delivery::connection_name;
use clap::Args;

use crate::context::{Context, say};
use crate::identity::IdentityArgs;

/// The reports and exports that exist, and how to connect them
///
/// Asks AWS for the definitions of legacy Cost and Usage Reports and of Data Exports. That is free,
/// and nothing is changed. What may not be asked is said; a report can be connected without.
#[derive(Debug, Args)]
pub(crate) struct ReportsArgs {
    /// Only those that a connection of this kind reads
    #[arg(long, value_name = "KIND", value_parser = ["cur", "data_export"])]
    kind: Option<String>,
    /// Machine-readable
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    identity: IdentityArgs,
}

pub(crate) async fn run(args: ReportsArgs, context: &Context) -> anyhow::Result<u8> {
    let access = args.identity.access(context)?;
    let session = opening::session(&access).await?.ok_or_else(|| {
        EngineError::Usage("nobody is told without credentials: leave --anonymous out".to_owned())
    })?;
    let found = definitions::found(&session, args.kind.as_deref()).await?;
    if args.json {
        let text = serde_json::to_string_pretty(&found)?;
        writeln!(std::io::stdout(), "{text}")?;
    } else {
        write!(std::io::stdout(), "{}", shown(&found))?;
        for denied in &found.denied {
            say(&format!("{} may not be asked: {}", denied.action, denied.error));
            say("  give the bucket and prefix to `billhook connect` as --location yourself");
        }
    }
    Ok(if found.definitions.is_empty() && !found.denied.is_empty() { 3 } else { 0 })
}

/// A row for each, then what to connect each with.
fn shown(found: &Found) -> String {
    if found.definitions.is_empty() {
        return "no reports or exports\n".to_owned();
    }
    let mut table = comfy_table::Table::new();
    table.load_preset(comfy_table::presets::NOTHING);
    table.set_content_arrangement(comfy_table::ContentArrangement::Dynamic);
    table.set_width(u16::try_from(Context::width()).unwrap_or(80));
    table.set_header(["name", "what", "by", "resources", "last delivery", "state"]);
    for definition in &found.definitions {
        table.add_row(row(definition));
    }
    let mut lines = vec![table.trim_fmt(), String::new()];
    for own in found.definitions.iter().filter(|own| own.table.has_costs()) {
        let (name, kind) = (connection_name(&own.name), own.kind);
        lines.push(format!("billhook connect {name} --kind {kind} --region {} \\", own.region));
        lines.push(format!("    --location {}", own.location));
    }
    lines.join("\n") + "\n"
}

fn row(own: &Definition) -> [String; 6] {
    [
        own.name.clone(),
        own.table.to_string(),
        own.time_unit.map_or("", TimeUnit::as_str).to_owned(),
        if own.has_resources { "yes" } else { "no" }.to_owned(),
        own.last_delivery.clone().unwrap_or_else(|| "none yet".to_owned()),
        own.failure.clone().unwrap_or_else(|| "well".to_owned()),
    ]
}
