//! `billhook history`: deliveries, and what each one changed.

use std::io::Write;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Date32Type, Decimal128Type, Int64Type, TimestampMicrosecondType};
use billhook_engine::EngineError;
use billhook_engine::history::{self, HistoryRequest};
use billhook_money::format_grouped;
use clap::{Args, ValueEnum};
use comfy_table::{CellAlignment, Table, presets};

use crate::connections::words::moment;
use crate::context::Context;
use crate::import::amounts;

/// Deliveries, and what each one changed
#[derive(Debug, Args)]
pub(crate) struct HistoryArgs {
    /// Connection
    name: Option<String>,
    /// Billing period, YYYY-MM: also shows what each delivery changed
    #[arg(long, value_name = "YYYY-MM")]
    period: Option<String>,
    /// Changes shown per delivery
    #[arg(long, default_value_t = 20, value_name = "N")]
    top: usize,
    /// Format
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Table,
    Csv,
    Json,
}

/// A number with a comma between thousands.
pub(crate) fn thousands(number: u64) -> String {
    format_grouped(i128::from(number) * billhook_money::ONE, 0)
}

pub(crate) async fn run(args: HistoryArgs, context: &Context) -> anyhow::Result<u8> {
    let home = context.existing_home().await?;
    let request = HistoryRequest { connection: args.name.clone(), period: args.period.clone() };
    let history = history::history(&home.lake, &request).await?;
    let rows: usize = history.deliveries.iter().map(RecordBatch::num_rows).sum();
    if rows == 0 {
        let what = args.name.or(args.period).unwrap_or_else(|| "this lake".to_owned());
        return Err(EngineError::Nothing(format!("there are no deliveries for {what}")).into());
    }
    let mut out = std::io::stdout().lock();
    match args.format {
        Format::Table => {
            table(&mut out, &history.deliveries)?;
            for changes in &history.changes {
                changed(&mut out, changes, args.top)?;
            }
            for note in &history.notes {
                writeln!(out, "{note}")?;
            }
        }
        Format::Csv | Format::Json => {
            let batches = if args.period.is_some() {
                history.changes.iter().flat_map(|changes| changes.batches.clone()).collect()
            } else {
                history.deliveries
            };
            let format = if args.format == Format::Csv {
                crate::sql::Format::Csv
            } else {
                crate::sql::Format::Json
            };
            crate::sql::write_batches(&mut out, &batches, format, Context::width())?;
        }
    }
    Ok(0)
}

fn text(batch: &RecordBatch, column: &str, row: usize) -> String {
    let array = batch.column_by_name(column).map(AsArray::as_string::<i32>);
    array.filter(|a| a.is_valid(row)).map_or_else(String::new, |a| a.value(row).to_owned())
}

fn time(batch: &RecordBatch, column: &str, row: usize) -> String {
    let array = batch.column_by_name(column);
    let array = array.map(AsArray::as_primitive::<TimestampMicrosecondType>);
    let micros = array.map_or(0, |array| array.value(row));
    moment(micros)
}

fn new_table(context_width: u16) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_width(context_width);
    table
}

fn table(out: &mut dyn Write, batches: &[RecordBatch]) -> anyhow::Result<()> {
    let mut table = new_table(100);
    table.set_header([
        "connection",
        "month",
        "loaded (UTC)",
        "state",
        "lines",
        "billed",
        "revision",
    ]);
    for batch in batches {
        let lines = batch.column_by_name("LineItems").map(AsArray::as_primitive::<Int64Type>);
        for row in 0..batch.num_rows() {
            let billed = serde_json::from_str(&text(batch, "BilledCosts", row)).unwrap_or_default();
            table.add_row([
                text(batch, "x_Connection", row),
                text(batch, "x_BillingPeriod", row),
                time(batch, "x_RecordedAt", row),
                text(batch, "State", row),
                thousands(lines.map_or(0, |lines| lines.value(row).unsigned_abs())),
                amounts(&billed),
                text(batch, "x_Revision", row),
            ]);
        }
    }
    for column in [4, 5] {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    writeln!(out, "{table}")?;
    Ok(())
}

fn changed(
    out: &mut dyn Write,
    changes: &history::DeliveryChanges,
    top: usize,
) -> anyhow::Result<()> {
    let total: usize = changes.batches.iter().map(RecordBatch::num_rows).sum();
    writeln!(out, "\n{} {} {}", changes.connection, changes.period, changes.revision)?;
    for (currency, old, new) in &changes.totals {
        let money = |units: i128| format_grouped(units, 2);
        writeln!(
            out,
            "  {} changes: billed {} → {} {currency}, difference {}",
            thousands(total as u64),
            money(*old),
            money(*new),
            billhook_money::format(new - old),
        )?;
    }
    let mut table = new_table(100);
    table.set_header(["day", "service", "account", "category", "old", "new", "difference", ""]);
    for batch in &changes.batches {
        let day = batch.column_by_name("ChargeDate").map(AsArray::as_primitive::<Date32Type>);
        let money = |column: &str, row: usize| {
            let array = batch.column_by_name(column);
            let units = array.map_or(0, |a| a.as_primitive::<Decimal128Type>().value(row));
            format_grouped(units, 2)
        };
        let left = top.saturating_sub(table.row_iter().count());
        for row in 0..batch.num_rows().min(left) {
            let day = day.and_then(|day| Date32Type::to_naive_date_opt(day.value(row)));
            table.add_row([
                day.map(|day| day.to_string()).unwrap_or_default(),
                text(batch, "ServiceName", row),
                text(batch, "SubAccountId", row),
                text(batch, "ChargeCategory", row),
                money("BilledCostOld", row),
                money("BilledCostNew", row),
                money("BilledCostDifference", row),
                text(batch, "BillingCurrency", row),
            ]);
        }
    }
    for column in [4, 5, 6] {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    writeln!(out, "{table}")?;
    if total > top {
        writeln!(out, "  … and {} more (--top)", thousands((total - top) as u64))?;
    }
    Ok(())
}
