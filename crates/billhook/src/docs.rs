//! Hidden subcommands: the generated pages, and files for benchmarks.

use std::fmt::Write as _;
use std::path::PathBuf;

use anyhow::{Context as _, bail};
use billhook_engine::verify::{CODES, Code, FAULTS, Severity};
use billhook_focus::columns::{self, Level};
use billhook_sources::data_export::cur2;
use billhook_sources::origin::Origins;
use billhook_sources::{cost_explorer, cur, dbr, focus_export, focus_files};
use billhook_testkit::calendar::{Date, Month};
use billhook_testkit::demo::{write_first_round, write_second_round};
use billhook_testkit::forms::Form;
use billhook_testkit::synth::{Organisation, Scale};
use chrono::{Datelike, NaiveDate};
use clap::Args;
use clap::builder::PossibleValuesParser;

use crate::config;
use crate::context::say;

/// Write the generated pages under docs/
#[derive(Debug, Args)]
pub(crate) struct DocsArgs {
    /// Write nothing; fail when a page is stale
    #[arg(long)]
    check: bool,
    /// The repository
    #[arg(long, default_value = ".")]
    repository: PathBuf,
}

/// Write a wide report for benchmarks
#[derive(Debug, Args)]
pub(crate) struct BenchDataArgs {
    /// Folder
    #[arg(long, value_name = "DIR")]
    to: PathBuf,
    /// Rows
    #[arg(long, default_value_t = 1_000_000)]
    rows: u64,
    /// Rows of a file
    #[arg(long, default_value_t = 50_000)]
    chunk_rows: u64,
    /// One file
    #[arg(long)]
    single_chunk: bool,
    /// Instead of the wide report a month of the synthetic organisation in this format
    #[arg(long, value_name = "NAME", value_parser = form_names())]
    form: Option<String>,
    /// So many times the resources that the demonstration has; with `--form` or `--today`
    #[arg(long, default_value_t = 8)]
    times: u32,
    /// Instead of the wide report all bills of the organisation up to this day
    #[arg(long, value_name = "YYYY-MM-DD", conflicts_with = "form")]
    today: Option<NaiveDate>,
    /// Only the bill that AWS delivers a second time, changed; with `--today`
    #[arg(long, requires = "today")]
    restated: bool,
}

fn form_names() -> PossibleValuesParser {
    Form::ALL.map(Form::name).into()
}

pub(crate) fn run(args: &DocsArgs) -> anyhow::Result<u8> {
    let mappings = PAGES.iter().map(|page| (format!("mapping-{}", page.name), mapping_page(page)));
    let findings = CODES.iter().map(|code| (format!("findings/{}", code.code), finding_page(code)));
    let index = ("findings/README".to_owned(), findings_page());
    let faults = ("faults".to_owned(), faults_page());
    let configuration = ("configuration".to_owned(), config::page());
    for (name, page) in mappings.chain(findings).chain([index, faults, configuration]) {
        let path = args.repository.join(format!("docs/{name}.md"));
        let now = std::fs::read_to_string(&path).unwrap_or_default();
        if now == page {
            continue;
        }
        if args.check {
            bail!("{} is stale: run `cargo xtask fixtures`", path.display());
        }
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder)?;
        }
        std::fs::write(&path, page).with_context(|| format!("cannot write {}", path.display()))?;
        say(&format!("wrote {}", path.display()));
    }
    Ok(0)
}

/// A page on a mapping.
struct Page {
    /// End of the page's name.
    name: &'static str,
    /// What is mapped.
    what: &'static str,
    /// Where the SQL stands.
    files: &'static str,
    /// What names in expressions are when no step has them.
    names: &'static str,
    sql: &'static str,
}

/// One for each kind: its name with dashes.
const PAGES: &[Page] = &[
    Page {
        name: "cur",
        what: "a legacy Cost and Usage Report",
        files: "`crates/sources/src/cur/source.sql` and `to_focus.sql`",
        names: "AWS's Parquet names",
        sql: cur::TO_FOCUS,
    },
    Page {
        name: "data-export",
        what: "a Data Export of CUR 2.0",
        files: "`crates/sources/src/data_export/cur2/source.sql` and \
                `crates/sources/src/cur/to_focus.sql`",
        names: "AWS's Parquet names",
        sql: cur2::TO_FOCUS,
    },
    Page {
        name: "focus-export",
        what: "a FOCUS export of AWS",
        files: "`crates/sources/src/focus_export/to_focus.sql`",
        names: "the export's columns; `extra` holds the ones that no other column carries",
        sql: focus_export::TO_FOCUS,
    },
    Page {
        name: "focus-files",
        what: "a FOCUS file of any provider",
        files: "`crates/sources/src/focus_files/to_focus.sql`",
        names: "the file's columns; `extra` holds the ones that no other column carries",
        sql: focus_files::TO_FOCUS,
    },
    Page {
        name: "dbr",
        what: "a Detailed Billing Report",
        files: "`crates/sources/src/dbr/to_focus.sql`",
        names: "the report's headers in small letters with underscores (`unblended_cost` is \
                `UnBlendedCost`)",
        sql: dbr::TO_FOCUS,
    },
    Page {
        name: "cost-explorer",
        what: "an answer of Cost Explorer",
        files: "`crates/sources/src/cost_explorer/to_focus.sql`",
        names: "AWS's metrics and dimensions in small letters with underscores (`unblended_cost` \
                is `UnblendedCost`)",
        sql: cost_explorer::TO_FOCUS,
    },
];

pub(crate) fn bench_data(args: &BenchDataArgs) -> anyhow::Result<u8> {
    if let Some(form) = Form::ALL.into_iter().find(|form| args.form.as_deref() == Some(form.name()))
    {
        return bench_form(args, form);
    }
    if let Some(today) = args.today {
        return bench_organisation(args, today);
    }
    let chunk = if args.single_chunk { args.rows } else { args.chunk_rows };
    let summary = billhook_testkit::wide::write_wide_cur(&args.to, args.rows, chunk, 1)?;
    say(&format!(
        "{} files, {} bytes of text, {} bytes packed",
        summary.files.len(),
        summary.raw_bytes,
        summary.gz_bytes
    ));
    Ok(0)
}

/// Writes the bills of both payers, four months up to a day.
fn bench_organisation(args: &BenchDataArgs, today: NaiveDate) -> anyhow::Result<u8> {
    let today = Date::new(today.year(), today.month(), today.day());
    let organisation = Organisation::ending(1, today, Scale::Times(args.times));
    let summary = if args.restated {
        write_second_round(&args.to, &organisation)?
    } else {
        write_first_round(&args.to, &organisation)?
    };
    say(&format!("{} lines in {} deliveries", summary.rows, summary.deliveries.len()));
    Ok(0)
}

/// Writes the first payer's third month, which is over, in a format.
fn bench_form(args: &BenchDataArgs, form: Form) -> anyhow::Result<u8> {
    let today = Date::new(2026, 10, 20);
    let organisation = Organisation::ending(1, today, Scale::Times(args.times));
    let payer = organisation.payers().first().context("the organisation has no payer")?;
    let month = Month::new(2026, 9);
    let lines = organisation.ledger(payer, month, 1);
    std::fs::create_dir_all(&args.to)?;
    let chunk_rows = usize::try_from(args.chunk_rows).unwrap_or(usize::MAX);
    form.write(&args.to, payer, month, &lines, chunk_rows)?;
    say(&format!("{} lines", lines.len()));
    Ok(0)
}

/// A page on a finding of `verify`.
fn finding_page(code: &Code) -> String {
    format!(
        "# {}\n\n`{}`, {}. Generated from `crates/engine/src/verify/codes.rs`.\n\n\
         **Expected:** {}.\n\n{}\n\n\
         `billhook verify` prints what it saw and what to do about it, ready to paste. \
         [All findings](README.md)\n",
        code.title,
        code.code,
        severity(code.severity),
        code.expected,
        code.about,
    )
}

fn findings_page() -> String {
    let mut page = "# What `billhook verify` can find\n\nGenerated from \
                    `crates/engine/src/verify/codes.rs`.\n\n| finding | what it is | how bad |\n\
                    |---|---|---|\n"
        .to_owned();
    for code in CODES {
        let how_bad = severity(code.severity);
        writeln!(page, "| [`{0}`]({0}.md) | {1} | {how_bad} |", code.code, code.title).ok();
    }
    page
}

/// What can be wrong, and the finding that tells it.
fn faults_page() -> String {
    let mut page = "# What can be wrong, and what `billhook verify` says then\n\nGenerated from \
                    `crates/engine/src/verify/faults.rs`. The tests bring each of these about \
                    against an emulator that enforces policies as AWS does \
                    (`crates/billhook/tests/cli/faults.rs`), and look that its finding, and no \
                    other error, is told.\n"
        .to_owned();
    let mut area = "";
    for fault in FAULTS {
        if fault.area != area {
            area = fault.area;
            writeln!(page, "\n## {area}\n\n| what is wrong | finding |\n|---|---|").ok();
        }
        writeln!(page, "| {} | [`{1}`](findings/{1}.md) |", fault.wrong, fault.code).ok();
    }
    page
}

fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "does not work",
        Severity::Warning => "works, with something missing or at risk",
        Severity::Waiting => "nothing is wrong, wait",
        Severity::Note => "good to know",
    }
}

/// A page with the expression of every column, taken from `to_focus.sql` itself.
fn mapping_page(Page { what, files, names, sql, .. }: &Page) -> String {
    let mut page = format!(
        "# How {what} becomes the cost table\n\n\
         Generated from {files} and the column catalogue by `cargo xtask fixtures`. The names in \
         expressions are those of the steps below, or else {names}. The head of the SQL explains \
         its functions and parameters.\n\n\
         | column | type | level | meaning | from |\n|---|---|---|---|---|\n",
    );
    let origins = Origins::read(sql);
    for column in columns::all() {
        let level = match column.level {
            Level::Mandatory => "FOCUS mandatory",
            Level::Conditional => "FOCUS conditional",
            Level::Recommended => "FOCUS recommended",
            Level::Own => "Billhook",
        };
        let from = match (origins.expression(column.name), column.name) {
            (Some(expression), _) => format!("`{expression}`"),
            (None, "x_Connection" | "x_BillingPeriod" | "x_Revision") => "the delivery".to_owned(),
            (None, "x_SourceFile" | "x_SourceRow") => "the file".to_owned(),
            (None, _) => "always empty".to_owned(),
        };
        let from = from.replace('|', "\\|");
        writeln!(
            page,
            "| `{}` | {} | {level} | {} | {from} |",
            column.name,
            column.column_type.label(),
            column.meaning.replace('|', "\\|"),
        )
        // Writing to a string cannot fail.
        .ok();
    }
    page.push_str("\n## Steps\n\n| step | is |\n|---|---|\n");
    for step in &origins.steps {
        let expression = step.expression.replace('|', "\\|");
        writeln!(page, "| `{}` | `{expression}` |", step.name).ok();
    }
    page
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use billhook_sources::kinds;
    use billhook_sources::origin::Origins;

    use super::{PAGES, mapping_page};

    #[test]
    fn every_kind_has_a_page_with_its_columns_and_steps() {
        let pages: BTreeSet<String> =
            PAGES.iter().map(|page| page.name.replace('-', "_")).collect();
        let kinds: BTreeSet<String> = kinds::names().into_iter().map(str::to_owned).collect();
        assert_eq!(pages, kinds);
        for page in PAGES {
            let (name, origins) = (page.name, Origins::read(page.sql));
            for column in ["BilledCost", "BillingAccountId", "x_UnblendedCost", "x_Extra"] {
                assert!(origins.expression(column).is_some(), "{name}: {column}");
            }
            assert!(!origins.steps.is_empty(), "{name}");
            // A row whose cells hold a pipe has more than the five.
            let text = mapping_page(page).replace("\\|", "");
            let rows = text.lines().filter(|line| line.starts_with("| `"));
            let cells: BTreeSet<usize> = rows.map(|row| row.matches('|').count()).collect();
            assert_eq!(cells, BTreeSet::from([3, 6]), "{name}");
        }
    }
}
