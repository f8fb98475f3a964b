//! `billhook reconcile`.

use std::io::{self, Write};
use std::sync::Arc;

use billhook_aws::cost_explorer::CostExplorer;
use billhook_engine::cost_explorer::{Outcome as Spent, REQUEST_BUDGET};
use billhook_engine::reconcile::{
    self, Cell, Explanation, Match, Metric, Reconciled, Section, Settings, Subject, Verdict,
};
use billhook_engine::verify::Severity;
use billhook_engine::{EngineError, Home, connections as opening};
use billhook_money::{format, format_grouped};
use billhook_registry::{Access, ConnectionName, Credentials, Registry};
use clap::{Args, ValueEnum};
use comfy_table::{CellAlignment, ColumnConstraint, ContentArrangement, Table, presets};

use crate::context::{Context, causes, say};
use crate::cost_explorer::price;
use crate::identity::IdentityArgs;
use crate::import::{LoadArgs, options, stop_on_signal, tell_waiting};
use crate::verify::prose;

/// Compare a month with Cost Explorer, by account and service, and explain what differs
///
/// Cost Explorer is asked with the credentials of the connection, else with those of the
/// environment. That takes one or two requests, for 0.01 USD each, unless answers have many pages.
#[derive(Debug, Args)]
pub(crate) struct ReconcileArgs {
    /// Connection (default: what counts in `costs`, by billing account)
    #[arg(value_name = "NAME")]
    name: Option<String>,
    /// Billing period
    #[arg(long, value_name = "YYYY-MM")]
    period: String,
    /// What is compared
    #[arg(long, value_enum, default_value_t = By::Unblended)]
    metric: By,
    /// Show what agrees, too
    #[arg(long)]
    all: bool,
    /// Machine-readable, with exact amounts
    #[arg(long)]
    json: bool,
    /// Requests that may be made in a day (UTC), for 0.01 USD each
    #[arg(long, value_name = "N", default_value_t = REQUEST_BUDGET)]
    request_budget: u64,
    #[command(flatten)]
    identity: IdentityArgs,
}

/// The metrics.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum By {
    /// As charged
    Unblended,
    /// Commitments by the usage that they cover
    Amortized,
    /// As charged, after enterprise discounts
    NetUnblended,
    /// Amortized, after enterprise discounts
    NetAmortized,
}

impl From<By> for Metric {
    fn from(by: By) -> Self {
        match by {
            By::Unblended => Self::Unblended,
            By::Amortized => Self::Amortized,
            By::NetUnblended => Self::NetUnblended,
            By::NetAmortized => Self::NetAmortized,
        }
    }
}

pub(crate) async fn run(args: ReconcileArgs, context: &Context) -> anyhow::Result<u8> {
    let today = || chrono::Utc::now().date_naive();
    reconcile::first_day(&args.period, today())?;
    let home = context.existing_home().await?;
    let options = options(&home, &LoadArgs::default(), context);
    stop_on_signal(&options);
    let settings = Settings {
        period: args.period.clone(),
        metric: args.metric.into(),
        request_budget: args.request_budget,
        today,
        stop: Arc::clone(&options.stop),
    };
    let subjects = reconcile::subjects(&home, args.name.as_deref(), &args.period).await?;
    let registry = Registry::open_existing(context.home_dir()).map_err(EngineError::from)?;
    let _writer = home.writer(tell_waiting).await?;
    let mut code = 0;
    let mut all = Vec::new();
    let mut has_asked = false;
    for subject in &subjects {
        let is_only = subjects.len() == 1;
        let Some(access) = access(&args, is_only, registry.as_ref(), subject, context)? else {
            say(&format!(
                "{}: left out, for none of its connections has credentials ({}); name one, or give \
                 --profile",
                subject.account.as_deref().unwrap_or_default(),
                subject.asks.join(", ")
            ));
            continue;
        };
        has_asked = true;
        match one(&home, subject, &access, &settings).await {
            Ok(reconciled) => {
                code = code.max(u8::from(reconciled.verdict == Verdict::Gap));
                all.push(reconciled);
            }
            Err(error) => {
                say(&format!("error: {}: {}", subject.connection, causes(&error)));
                if let Some(fix) = error.fix() {
                    say(&format!("  mend: {fix}"));
                }
                code = code.max(error.exit_code());
            }
        }
    }
    if !has_asked {
        return Err(EngineError::Usage(
            "there is nobody to ask Cost Explorer as: name a connection, and give --profile, \
             --access-key-id or --role-arn when it has no credentials"
                .to_owned(),
        )
        .into());
    }
    write_all(&mut io::stdout().lock(), &mut all, &args)?;
    Ok(code)
}

fn write_all(
    out: &mut dyn Write,
    all: &mut [Reconciled],
    args: &ReconcileArgs,
) -> anyhow::Result<()> {
    for section in all.iter_mut().flat_map(|one| &mut one.sections) {
        section.cells.retain(|cell| args.all || cell.verdict == Match::Gap);
    }
    if args.json {
        writeln!(out, "{}", serde_json::to_string_pretty(&*all)?)?;
        return Ok(());
    }
    for reconciled in &*all {
        write_one(out, reconciled)?;
    }
    Ok(())
}

/// Who asks: whoever the options name, else the first connection with credentials, else the
/// environment when it is clear what for.
fn access(
    args: &ReconcileArgs,
    is_only: bool,
    registry: Option<&Registry>,
    subject: &Subject,
    context: &Context,
) -> Result<Option<Access>, EngineError> {
    if args.identity.is_given() {
        if !is_only {
            return Err(EngineError::Usage(
                "these credentials are one payer's, and the lake has the bills of several: name a \
                 connection"
                    .to_owned(),
            ));
        }
        return args.identity.access(context).map(Some);
    }
    for name in &subject.asks {
        // A connection that was imported by hand is in the lake, and need not be registered.
        let (Some(registry), Ok(name)) = (registry, name.parse::<ConnectionName>()) else {
            continue;
        };
        if let Some(connection) = registry.connection(&name)? {
            let access = registry.access(&connection.id)?;
            if !matches!(access.credentials, Credentials::Anonymous) {
                return Ok(Some(access));
            }
        }
    }
    if is_only { args.identity.access(context).map(Some) } else { Ok(None) }
}

/// Compares one, and tells what that cost.
async fn one(
    home: &Home,
    subject: &Subject,
    access: &Access,
    settings: &Settings,
) -> Result<Reconciled, EngineError> {
    let session = opening::session(access).await.map_err(|error| match error {
        EngineError::Aws(source) => {
            EngineError::CostExplorer { action: "costs".to_owned(), is_hourly: false, source }
        }
        other => other,
    })?;
    let session = session.ok_or_else(|| {
        EngineError::Usage(
            "Cost Explorer cannot be asked by nobody: leave out --anonymous".to_owned(),
        )
    })?;
    let client = CostExplorer::new(&session);
    let outcome = reconcile::reconcile(home, &client, subject, settings).await?;
    let spent = Spent {
        requests: outcome.requests,
        requests_today: outcome.requests_today,
        ..Spent::default()
    };
    say(&format!("{}: {}", subject.connection, price(&spent, settings.request_budget)));
    outcome.answer
}

fn write_one(out: &mut dyn Write, reconciled: &Reconciled) -> io::Result<()> {
    let Reconciled { connection, period, metric, state, loaded_at, .. } = reconciled;
    let account = match &reconciled.billing_account {
        Some(account) => format!(", billing account {account}"),
        None => String::new(),
    };
    let estimated = if reconciled.is_estimated { "estimated" } else { "closed" };
    writeln!(
        out,
        "{connection}{account}: {} of {period}\nlake: {state}, loaded {loaded_at} UTC; \
         Cost Explorer: {estimated}",
        metric.title()
    )?;
    for section in &reconciled.sections {
        writeln!(out)?;
        write_section(out, section)?;
    }
    let words = match reconciled.verdict {
        Verdict::Equal => "equal",
        Verdict::Explained => "different, and every difference is explained",
        Verdict::Gap => "not equal",
    };
    writeln!(out, "\n{words}")
}

fn write_section(out: &mut dyn Write, section: &Section) -> io::Result<()> {
    let width = u16::try_from(Context::width()).unwrap_or(80);
    let mut table = Table::new();
    table
        .load_preset(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(width)
        .set_header(["account", "service", "lake", "Cost Explorer", "difference"]);
    for cell in &section.cells {
        table.add_row(row(cell));
    }
    table.add_row([
        "total".to_owned(),
        section.currency.clone(),
        format_grouped(section.lake, 2),
        format_grouped(section.cost_explorer, 2),
        difference(section.difference),
    ]);
    for index in [0, 2, 3, 4] {
        if let Some(column) = table.column_mut(index) {
            // Only names of services are broken.
            column.set_constraint(ColumnConstraint::ContentWidth);
            if index > 0 {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
    }
    writeln!(out, "{}", table.trim_fmt())?;
    for explanation in &section.explanations {
        write_explanation(out, explanation, &section.currency)?;
    }
    Ok(())
}

fn row(cell: &Cell) -> [String; 5] {
    [
        cell.account.clone(),
        cell.service.clone(),
        format_grouped(cell.lake, 2),
        format_grouped(cell.cost_explorer, 2),
        difference(cell.difference),
    ]
}

/// A difference with two decimals; exactly where those would not show it.
fn difference(units: i128) -> String {
    match format_grouped(units, 2) {
        text if units != 0 && text.trim_start_matches('-') == "0.00" => format(units),
        text => text,
    }
}

fn write_explanation(
    out: &mut dyn Write,
    explanation: &Explanation,
    currency: &str,
) -> io::Result<()> {
    let finding = &explanation.finding;
    let mark = match finding.severity {
        Severity::Error => "FAIL",
        Severity::Warning => "warn",
        Severity::Waiting => "ok",
        Severity::Note => "note",
    };
    let amount = format(explanation.amount);
    let seen = format!("{amount} {currency}: {} ({})", finding.seen, finding.code);
    let mut lines = prose(&format!("{mark:<5}"), &seen);
    lines.extend(prose("       ", &format!("expected: {}", finding.expected)));
    lines.extend(prose("       ", &format!("mend: {}", finding.fix)));
    writeln!(out, "{}", lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_are_never_hidden() {
        assert_eq!(difference(0), "0.00");
        assert_eq!(difference(-100_000_000), "-0.0000000001");
        assert_eq!(difference(billhook_money::ONE * 1234), "1,234.00");
    }
}
