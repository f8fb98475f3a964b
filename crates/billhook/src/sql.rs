//! `billhook sql`: one query, or a prompt with line editing, history and help.

use std::io::{IsTerminal, Write};

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use arrow::datatypes::{DataType, Decimal128Type};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use billhook_engine::sql_names::mended;
use billhook_engine::{Home, instant};
use billhook_focus::columns;
use billhook_lake::LakeError;
use billhook_lake::directory::VIEW_COLUMNS;
use billhook_lake::session::LakeSession;
use billhook_lake::spec;
use clap::{Args, ValueEnum};
use comfy_table::{CellAlignment, Table, presets};
use rustyline::error::ReadlineError;
use serde_json::{Map, Value, json};

use crate::context::{Context, causes};

/// Query the lake with SQL; without a query, an interactive prompt
#[derive(Debug, Args)]
pub(crate) struct SqlArgs {
    /// The query
    query: Option<String>,
    /// Format
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    /// The lake as it was at a time, e.g. 2026-09-30 or 2026-09-30T12:00:00Z
    #[arg(long, value_name = "TIME")]
    as_of: Option<String>,
}

/// How answers are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    Table,
    Csv,
    Json,
}

const HELP: &str = "\
Tables: costs (FOCUS rows, one connection per account and month), cost_and_usage (every row),
        costs_daily, cost_daily, changes, changes_hourly, deliveries, quarantine, accounts,
        resource_tags.
Names are case-sensitive, as FOCUS writes them: SELECT SUM(BilledCost) FROM costs
Tags:   SELECT Tags['team'], SUM(BilledCost) FROM costs GROUP BY 1
Names:  x_AccountName and x_OrganizationalUnit in costs; elsewhere account_name(SubAccountId),
        organizational_unit(SubAccountId), account_tags(SubAccountId), resource_tags(ResourceId).
  \\d          tables            \\d TABLE     columns and what they mean
  \\timing     on or off         \\q           leave (or Ctrl-D)
A statement ends with a semicolon.";

pub(crate) async fn run(args: SqlArgs, context: &Context) -> anyhow::Result<u8> {
    let home = context.existing_home().await?;
    let as_of = args.as_of.as_deref().map(instant::parse_millis).transpose()?;
    let session = LakeSession::open(&home.lake, as_of).await?;
    let mut out = std::io::stdout();
    if let Some(query) = args.query {
        answer(&session, &query, args.format, Context::width(), &mut out).await?;
        return Ok(0);
    }
    if !std::io::stdin().is_terminal() {
        let query = std::io::read_to_string(std::io::stdin())?;
        for statement in query.split(';').filter(|text| !text.trim().is_empty()) {
            answer(&session, statement, args.format, Context::width(), &mut out).await?;
        }
        return Ok(0);
    }
    prompt(&session, &home, args.format).await
}

async fn answer(
    session: &LakeSession,
    query: &str,
    format: Format,
    width: usize,
    out: &mut dyn Write,
) -> anyhow::Result<()> {
    let query = query.trim();
    if let Some(rest) = query.strip_prefix("\\d") {
        return Ok(describe(rest.trim(), out)?);
    }
    let frame = match (session.frame(query).await, mended(query)) {
        (Err(_), Some(mended)) => session.frame(&mended).await?,
        (frame, _) => frame?,
    };
    let schema = std::sync::Arc::new(frame.schema().as_arrow().clone());
    let mut batches = frame.collect().await.map_err(LakeError::from)?;
    if batches.is_empty() {
        batches.push(RecordBatch::new_empty(schema));
    }
    write_batches(out, &batches, format, width)
}

async fn prompt(session: &LakeSession, home: &Home, format: Format) -> anyhow::Result<u8> {
    let mut out = std::io::stdout();
    writeln!(out, "Billhook SQL. \\? for help, \\q to leave.")?;
    let mut editor = rustyline::DefaultEditor::new()?;
    let history = home.dir.join("sql_history");
    // The first time there is no history yet.
    editor.load_history(&history).ok();
    let mut statement = String::new();
    let mut is_timed = false;
    loop {
        let sign = if statement.is_empty() { "billhook> " } else { "      ... " };
        let line = match editor.readline(sign) {
            Ok(line) => line,
            Err(ReadlineError::Interrupted) => {
                statement.clear();
                continue;
            }
            Err(ReadlineError::Eof) => break,
            Err(error) => return Err(error.into()),
        };
        let word = line.trim();
        if statement.is_empty() {
            match word {
                "" => continue,
                "\\q" | "exit" | "quit" => break,
                "\\?" | "help" | "\\h" => {
                    writeln!(out, "{HELP}")?;
                    continue;
                }
                "\\timing" => {
                    is_timed = !is_timed;
                    writeln!(out, "timing is {}", if is_timed { "on" } else { "off" })?;
                    continue;
                }
                _ => {}
            }
        }
        statement.push_str(&line);
        statement.push('\n');
        if !(word.ends_with(';') || statement.starts_with('\\')) {
            continue;
        }
        let query = std::mem::take(&mut statement);
        let query = query.trim().trim_end_matches(';');
        editor.add_history_entry(query)?;
        let begun = std::time::Instant::now();
        // A wrong query must not end the prompt.
        if let Err(error) = answer(session, query, format, Context::width(), &mut out).await {
            writeln!(out, "error: {}", causes(error.as_ref()))?;
        } else if is_timed {
            writeln!(out, "{} ms", begun.elapsed().as_millis())?;
        }
    }
    editor.save_history(&history)?;
    Ok(0)
}

/// `\d` and `\d TABLE`.
fn describe(table: &str, out: &mut dyn Write) -> std::io::Result<()> {
    if table.is_empty() {
        writeln!(out, "costs           FOCUS rows, one connection per billing account and month.")?;
        writeln!(out, "costs_daily     The same, summed per day.")?;
        for spec in spec::ALL {
            writeln!(out, "{:<15} {}", spec.name, spec.meaning)?;
        }
        return Ok(());
    }
    let name = match table {
        "costs" => "cost_and_usage",
        "costs_daily" => "cost_daily",
        other => other,
    };
    let Some(spec) = spec::ALL.into_iter().find(|spec| spec.name == name) else {
        return writeln!(out, "there is no table {table}; \\d lists them");
    };
    for field in (spec.schema)().fields() {
        let known = columns::find(field.name());
        let kind = spec::label(field.data_type());
        let meaning = known.map_or("", |column| column.meaning);
        writeln!(out, "{:<36}{kind:<16}{meaning}", field.name())?;
    }
    let is_daily = table == "costs_daily";
    let is_view = is_daily || table == "costs";
    for column in VIEW_COLUMNS.iter().filter(|c| is_view && (c.is_daily || !is_daily)) {
        writeln!(out, "{:<36}{:<16}{}", column.name, column.label, column.meaning)?;
    }
    Ok(())
}

/// Writes an answer.
pub(crate) fn write_batches(
    out: &mut dyn Write,
    batches: &[RecordBatch],
    format: Format,
    width: usize,
) -> anyhow::Result<()> {
    match format {
        Format::Table => table(out, batches, width),
        Format::Csv => csv(out, batches),
        Format::Json => json_rows(out, batches),
    }
}

/// The text of a value; decimals without trailing zeros.
fn value(array: &ArrayRef, formatter: &ArrayFormatter<'_>, row: usize) -> String {
    match array.data_type() {
        DataType::Decimal128(_, scale) if array.is_valid(row) => {
            decimal(array.as_primitive::<Decimal128Type>().value(row), *scale)
        }
        _ => formatter.value(row).to_string(),
    }
}

fn decimal(units: i128, scale: i8) -> String {
    let text = arrow::datatypes::Decimal128Type::format_decimal_text(units, scale);
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

/// Formats a decimal of any scale.
trait DecimalText {
    fn format_decimal_text(units: i128, scale: i8) -> String;
}

impl DecimalText for Decimal128Type {
    fn format_decimal_text(units: i128, scale: i8) -> String {
        use arrow::datatypes::DecimalType;
        Self::format_decimal(units, Self::MAX_PRECISION, scale)
    }
}

fn options() -> FormatOptions<'static> {
    FormatOptions::new().with_timestamp_tz_format(Some("%Y-%m-%dT%H:%M:%S%.fZ"))
}

fn table(out: &mut dyn Write, batches: &[RecordBatch], width: usize) -> anyhow::Result<()> {
    let Some(first) = batches.first() else { return Ok(()) };
    let rows: usize = batches.iter().map(RecordBatch::num_rows).sum();
    let options = options();
    let schema = first.schema();
    if schema.fields().len() > 12 && rows <= 20 {
        return records(out, batches);
    }
    let mut table = Table::new();
    table.load_preset(presets::UTF8_HORIZONTAL_ONLY);
    if rows > 0 && schema.fields().len() <= 12 {
        table.set_content_arrangement(comfy_table::ContentArrangement::Dynamic);
        table.set_width(u16::try_from(width).unwrap_or(80));
    }
    table.set_header(schema.fields().iter().map(|field| field.name().clone()));
    for batch in batches {
        let formatters: Vec<ArrayFormatter<'_>> = batch
            .columns()
            .iter()
            .map(|array| ArrayFormatter::try_new(array, &options))
            .collect::<Result<_, _>>()?;
        for row in 0..batch.num_rows() {
            let cells = batch.columns().iter().zip(&formatters);
            table.add_row(cells.map(|(array, f)| value(array, f, row)));
        }
    }
    for (index, field) in schema.fields().iter().enumerate() {
        let is_number = field.data_type().is_numeric();
        if let (true, Some(column)) = (is_number, table.column_mut(index)) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    writeln!(out, "{table}")?;
    writeln!(out, "{rows} row{}", if rows == 1 { "" } else { "s" })?;
    Ok(())
}

/// Wide answers, a line per value.
fn records(out: &mut dyn Write, batches: &[RecordBatch]) -> anyhow::Result<()> {
    let options = options();
    let mut number = 0;
    for batch in batches {
        for row in 0..batch.num_rows() {
            number += 1;
            writeln!(out, "─ row {number} ─")?;
            for (field, array) in batch.schema().fields().iter().zip(batch.columns()) {
                if array.is_valid(row) {
                    let formatter = ArrayFormatter::try_new(array, &options)?;
                    writeln!(out, "{:<36}{}", field.name(), value(array, &formatter, row))?;
                }
            }
        }
    }
    writeln!(out, "{number} row{}", if number == 1 { "" } else { "s" })?;
    Ok(())
}

fn csv(out: &mut dyn Write, batches: &[RecordBatch]) -> anyhow::Result<()> {
    let options = options();
    let Some(first) = batches.first() else { return Ok(()) };
    let names: Vec<String> = first
        .schema()
        .fields()
        .iter()
        .map(|field| billhook_engine::export::csv_cell(field.name()))
        .collect();
    writeln!(out, "{}", names.join(","))?;
    for batch in batches {
        for row in 0..batch.num_rows() {
            let mut cells = Vec::with_capacity(batch.num_columns());
            for array in batch.columns() {
                let formatter = ArrayFormatter::try_new(array, &options)?;
                let text = value(array, &formatter, row);
                let is_text = !array.data_type().is_numeric();
                cells.push(if is_text { billhook_engine::export::csv_cell(&text) } else { text });
            }
            writeln!(out, "{}", cells.join(","))?;
        }
    }
    Ok(())
}

/// A JSON array of objects; decimals as text, exact.
fn json_rows(out: &mut dyn Write, batches: &[RecordBatch]) -> anyhow::Result<()> {
    let options = options();
    let mut is_first = true;
    write!(out, "[")?;
    for batch in batches {
        for row in 0..batch.num_rows() {
            let mut object = Map::new();
            for (field, array) in batch.schema().fields().iter().zip(batch.columns()) {
                object.insert(field.name().clone(), json_value(array, row, &options)?);
            }
            write!(out, "{}\n{}", if is_first { "" } else { "," }, Value::Object(object))?;
            is_first = false;
        }
    }
    writeln!(out, "{}]", if is_first { "" } else { "\n" })?;
    Ok(())
}

fn json_value(array: &ArrayRef, row: usize, options: &FormatOptions<'_>) -> anyhow::Result<Value> {
    if array.is_null(row) {
        return Ok(Value::Null);
    }
    let formatter = ArrayFormatter::try_new(array, options)?;
    let text = value(array, &formatter, row);
    Ok(match array.data_type() {
        DataType::Boolean => json!(text == "true"),
        data_type if data_type.is_integer() => {
            text.parse::<i64>().map_or_else(|_| json!(text), |number| json!(number))
        }
        DataType::Map(..) => {
            let entries = array.as_map().value(row);
            let (keys, values) = (entries.column(0), entries.column(1));
            let (keys, values) = (keys.as_string::<i32>(), values.as_string::<i32>());
            (0..keys.len()).map(|i| (keys.value(i).to_owned(), json!(values.value(i)))).collect()
        }
        _ => json!(text),
    })
}
