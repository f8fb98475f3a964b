//! `billhook report`: costs by any column, tag or cost category, as a table, CSV, JSON or drawing.

mod layout;
mod machine;
mod table;
mod words;

use std::io::Write;
use std::num::NonZeroUsize;

use billhook_engine::period::DayRange;
use billhook_engine::report::{Filter, Granularity, How, Report, ReportRequest, Scope};
use billhook_engine::{EngineError, Home, instant, period, report};
use billhook_focus::metric::{self, Metric};
use chrono::{NaiveDate, Utc};
use clap::{Args, ValueEnum};

use crate::context::say;

pub(crate) use layout::wrapped;

/// Report costs by any column, tag or cost category
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ReportArgs {
    /// Group by: service (when nothing is given), account, account-name, ou, region, category,
    /// type, resource, connection, any column, tag:KEY, category:NAME, account-tag:KEY or
    /// resource-tag:KEY; several with commas or repeated
    #[arg(long, value_name = "COLUMN", value_delimiter = ',')]
    by: Vec<String>,
    /// Period: last-30d, last-3m, mtd, this-month, last-month, ytd, 2026, 2026-Q3, 2026-09,
    /// 2026-09-15 (default: the last 30 days, or the last month with data)
    #[arg(long, value_name = "P", conflicts_with_all = ["from", "to"])]
    period: Option<String>,
    /// First day, YYYY-MM-DD
    #[arg(long, value_name = "D")]
    from: Option<String>,
    /// The day after the last one, YYYY-MM-DD
    #[arg(long, value_name = "D", requires = "from")]
    to: Option<String>,
    /// Cut time into hours, days or months
    #[arg(long, value_enum)]
    granularity: Option<Cut>,
    /// billed, effective, list, contracted, unblended, blended, amortized, net-unblended or
    /// net-amortized
    #[arg(long, value_name = "M", default_value = "billed")]
    metric: String,
    /// Only this currency, e.g. USD
    #[arg(long, value_name = "C")]
    currency: Option<String>,
    /// Only rows with this value: COL=VALUE, COL=V1,V2 or COL!=VALUE, with (none) for no value
    #[arg(long, value_name = "COL=VALUE")]
    filter: Vec<String>,
    /// Only rows without this value: COL=VALUE or COL=V1,V2, with (none) for no value
    #[arg(long, value_name = "COL=VALUE")]
    not: Vec<String>,
    /// Only rows whose value contains this text, in upper or lower case: COL=TEXT or COL=T1,T2
    #[arg(long, value_name = "COL=TEXT")]
    like: Vec<String>,
    /// Compare with the previous period, the same days a month or a year ago, or a period D..D
    #[arg(long, value_name = "previous|month|year|D..D")]
    compare: Option<String>,
    /// Rows of one connection per bill, or every row of every connection
    #[arg(long, value_enum, default_value_t = ScopeName::Consolidated)]
    scope: ScopeName,
    /// The lake as it was at a time, e.g. 2026-09-30 or 2026-09-30T12:00:00Z
    #[arg(long, value_name = "TIME")]
    as_of: Option<String>,
    /// Groups shown; the rest becomes one row (default: 20 in a table, 10 in a drawing, else all)
    #[arg(long, value_name = "N")]
    top: Option<NonZeroUsize>,
    /// Format
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

const EXAMPLES: &str = "\
Examples:
  billhook report --period last-month --compare previous
  billhook report --by account,service --metric effective --period 2026-Q3 --granularity monthly
  billhook report --by tag:team --filter 'service=Amazon Elastic Compute Cloud' --period mtd
  billhook report --granularity daily --period 2026-09 --format svg > september.svg";

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Cut {
    Hourly,
    Daily,
    Monthly,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ScopeName {
    Consolidated,
    All,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Table,
    Csv,
    Json,
    Svg,
}

/// Groups in a table.
const TABLE_TOP: usize = 20;
/// Groups in a drawing: as many as there are colours.
const SVG_TOP: usize = 10;
/// Groups in the first report of a connection.
const FIRST_TOP: usize = 5;

/// Makes a report and writes it; gives the exit code.
pub(crate) async fn run(
    args: ReportArgs,
    home: &Home,
    out: &mut dyn Write,
    width: usize,
    is_terminal: bool,
) -> anyhow::Result<u8> {
    let request = request(&args, Utc::now().date_naive())?;
    let report = report::report(&home.lake, &request).await?;
    match args.format {
        Format::Table => {
            table::write(out, &report, &request, &look(width, is_terminal))?;
        }
        Format::Csv => {
            aside(&report);
            machine::csv(out, &report)?;
        }
        Format::Json => machine::json(out, &report, &request)?,
        Format::Svg => {
            aside(&report);
            writeln!(out, "{}", machine::svg(&report, &request)?.trim_end())?;
        }
    }
    out.flush()?;
    Ok(0)
}

/// Writes the last month with costs, by service, in a few lines; gives the month.
///
/// # Errors
/// When the lake cannot be read.
pub(crate) async fn first(
    home: &Home,
    out: &mut dyn Write,
    width: usize,
    is_terminal: bool,
) -> anyhow::Result<Option<DayRange>> {
    let today = Utc::now().date_naive();
    let range = report::last_month(&home.lake, today).await?;
    if range.is_none() {
        return Ok(None);
    }
    let by = vec!["service".to_owned()];
    let request = ReportRequest { by, range, top: Some(FIRST_TOP), ..ReportRequest::new(today) };
    let report = report::report(&home.lake, &request).await?;
    table::write(out, &report, &request, &look(width, is_terminal))?;
    Ok(range)
}

fn look(width: usize, is_terminal: bool) -> table::Look {
    table::Look { width, is_bold: is_terminal && std::env::var_os("NO_COLOR").is_none() }
}

/// What a reader of figures alone would miss.
fn aside(report: &Report) {
    if report.is_fallback {
        say(&words::fallback(report));
    }
    for note in words::notes(report) {
        say(&format!("note: {note}"));
    }
}

fn request(args: &ReportArgs, today: NaiveDate) -> Result<ReportRequest, EngineError> {
    let by = if args.by.is_empty() { vec!["service".to_owned()] } else { args.by.clone() };
    let range = match (&args.period, &args.from) {
        (Some(period), _) => Some(period::parse(period, today)?),
        (None, Some(from)) => Some(period::between(from, args.to.as_deref(), today)?),
        (None, None) => None,
    };
    let top = match args.format {
        Format::Table => Some(TABLE_TOP),
        Format::Svg => Some(SVG_TOP),
        Format::Csv | Format::Json => None,
    };
    Ok(ReportRequest {
        by,
        range,
        today,
        granularity: match args.granularity {
            None => Granularity::Total,
            Some(Cut::Hourly) => Granularity::Hourly,
            Some(Cut::Daily) => Granularity::Daily,
            Some(Cut::Monthly) => Granularity::Monthly,
        },
        metric: find_metric(&args.metric)?,
        currency: args.currency.clone(),
        filters: filters(args)?,
        compare: args.compare.as_deref().map(|c| period::compare(c, today)).transpose()?,
        scope: match args.scope {
            ScopeName::Consolidated => Scope::Consolidated,
            ScopeName::All => Scope::All,
        },
        as_of: args.as_of.as_deref().map(instant::parse_millis).transpose()?,
        top: args.top.map(NonZeroUsize::get).or(top),
        is_none_apart: false,
    })
}

fn filters(args: &ReportArgs) -> Result<Vec<Filter>, EngineError> {
    let mut filters =
        args.filter.iter().map(|text| Filter::parse(text)).collect::<Result<Vec<_>, _>>()?;
    for (texts, how) in [(&args.not, How::Not), (&args.like, How::Like)] {
        for text in texts {
            filters.push(Filter { how, ..Filter::parse(text)? });
        }
    }
    Ok(filters)
}

fn find_metric(name: &str) -> Result<&'static Metric, EngineError> {
    metric::find(name).ok_or_else(|| {
        let names: Vec<&str> = metric::ALL.iter().map(|metric| metric.name).collect();
        EngineError::Usage(format!("{name:?} is no metric: use {}", names.join(", ")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Debug, Parser)]
    struct Command {
        #[command(flatten)]
        report: ReportArgs,
    }

    fn parsed(line: &str) -> Result<ReportRequest, String> {
        let words = line.split_whitespace();
        let command = Command::try_parse_from(words).map_err(|error| error.to_string())?;
        let today = NaiveDate::from_ymd_opt(2026, 9, 15).unwrap();
        request(&command.report, today).map_err(|error| error.to_string())
    }

    #[test]
    fn arguments_become_a_request() {
        let request =
            parsed("report --by service,tag:team --by region --metric Effective").unwrap();
        assert_eq!(request.by, ["service", "tag:team", "region"]);
        assert_eq!((request.metric.column, request.top), ("EffectiveCost", Some(20)));
        assert_eq!(parsed("report").unwrap().by, ["service"]);
        assert_eq!(parsed("report --format csv").unwrap().top, None);
        let request = parsed("report --from 2026-09-01 --top 3 --granularity daily").unwrap();
        assert_eq!(request.range.unwrap().days(), 15);
        assert_eq!((request.top, request.granularity), (Some(3), Granularity::Daily));
        let request = parsed("report --not service=a,b --like region=EU").unwrap();
        let found: Vec<_> = request.filters.iter().map(|f| (f.how, f.values.len())).collect();
        assert_eq!(found, [(How::Not, 2), (How::Like, 1)]);
    }

    #[test]
    fn wrong_arguments_are_told() {
        for (line, told) in [
            ("report --metric x", "use billed, effective"),
            ("report --period soon", "last-30d"),
            ("report --period mtd --from 2026-09-01", "cannot be used with"),
            ("report --to 2026-09-01", "--from"),
            ("report --top 0", "--top"),
            ("report --filter service", "COLUMN=VALUE"),
            ("report --compare never", "previous, month, year"),
            ("report --as-of never", "2026-09-30"),
        ] {
            assert!(parsed(line).unwrap_err().contains(told), "{line}: {:?}", parsed(line));
        }
    }
}
