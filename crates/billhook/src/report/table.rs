//! A report as tables for a terminal.

use std::io::{self, Write};

use billhook_charts::{bar, sparkline};
use billhook_engine::report::{Bucket, Figures, NONE, Report, ReportRequest, Row, Scope, Section};
use chrono::DateTime;

use crate::history::thousands;
use crate::report::layout::{self, Column, Laid, Side, lay_out, total_width};
use crate::report::words::{self, change, money, share, signed, thinned, visible};

/// How it is to look.
#[derive(Debug, Clone, Copy)]
pub(super) struct Look {
    /// Characters in a line.
    pub(super) width: usize,
    /// May headings be bold and notes dim?
    pub(super) is_bold: bool,
}

/// What names keep before anything optional is shown beside them.
const NAMES_WIDTH: usize = 34;
/// Marks of a bar.
const BAR_WIDTH: usize = 12;
/// Characters of a column that is one group over time.
const GROUP_WIDTH: usize = 12;

const BOLD: &str = "\u{1b}[1m";
const DIM: &str = "\u{1b}[2m";
const PLAIN: &str = "\u{1b}[0m";

impl Look {
    fn styled(self, style: &str, text: &str) -> String {
        if self.is_bold && !text.is_empty() {
            format!("{style}{text}{PLAIN}")
        } else {
            text.to_owned()
        }
    }
}

/// Writes the tables: one per currency, or two when time is cut too finely for one.
pub(super) fn write(
    out: &mut dyn Write,
    report: &Report,
    request: &ReportRequest,
    look: &Look,
) -> io::Result<()> {
    heading(out, report, request, look)?;
    for section in &report.sections {
        writeln!(out)?;
        let is_cut = report.buckets.len() > 1;
        let pivot =
            (is_cut && report.compare.is_none()).then(|| pivot(report, section, look)).flatten();
        if let Some(laid) = pivot {
            print(out, &laid, look)?;
        } else {
            print(out, &groups(report, section, look), look)?;
            if is_cut {
                writeln!(out)?;
                print(out, &over_time(report, section, look), look)?;
            }
        }
    }
    let notes = words::notes(report);
    if !notes.is_empty() {
        writeln!(out)?;
    }
    for note in notes {
        for line in layout::wrapped(&format!("note: {}", visible(&note)), look.width, "      ") {
            writeln!(out, "{}", look.styled(DIM, &line))?;
        }
    }
    Ok(())
}

fn heading(
    out: &mut dyn Write,
    report: &Report,
    request: &ReportRequest,
    look: &Look,
) -> io::Result<()> {
    let by = report.by.join(", ");
    let title = if by.is_empty() {
        report.metric.column.to_owned()
    } else {
        format!("{} by {by}", report.metric.column)
    };
    writeln!(out, "{}", look.styled(BOLD, &layout::cut(&visible(&title), look.width)))?;
    let mut about = format!("{} {}, UTC", report.metric.meaning, report.range.label());
    if let Some((range, _)) = &report.compare {
        about.push_str(" · compared with ");
        about.push_str(&range.label());
    }
    for filter in &request.filters {
        about.push_str(" · ");
        about.push_str(&visible(&filter.label()));
    }
    if report.scope == Scope::All {
        about.push_str(" · scope all");
    }
    if let Some(time) = request.as_of.and_then(DateTime::from_timestamp_millis) {
        about.push_str(&time.format(" · as of %Y-%m-%d %H:%M:%S UTC").to_string());
    }
    for line in layout::wrapped(&about, look.width, "") {
        writeln!(out, "{line}")?;
    }
    if report.is_fallback {
        for line in layout::wrapped(&words::fallback(report), look.width, "") {
            writeln!(out, "{line}")?;
        }
    }
    Ok(())
}

fn print(out: &mut dyn Write, laid: &Laid, look: &Look) -> io::Result<()> {
    writeln!(out, "{}", look.styled(BOLD, &laid.header))?;
    for line in &laid.lines {
        writeln!(out, "{line}")?;
    }
    if !laid.footer.is_empty() {
        writeln!(out, "{}", "─".repeat(laid.width))?;
        writeln!(out, "{}", look.styled(BOLD, &laid.footer))?;
    }
    Ok(())
}

/// A column per thing that is grouped by.
fn names(report: &Report, section: &Section) -> Vec<Column> {
    let mut columns: Vec<Column> = Vec::new();
    for (at, by) in report.by.iter().enumerate() {
        let name = |row: &Row| match row.folded {
            Some(_) if at == 0 => row.label(),
            Some(_) => String::new(),
            None => visible(row.keys.get(at).and_then(Option::as_deref).unwrap_or(NONE)),
        };
        let cells = section.rows.iter().map(name).collect();
        let footer = if at == 0 { "total" } else { "" };
        columns.push(Column::new(&visible(by), Side::Left, cells, footer.to_owned()));
    }
    if columns.is_empty() {
        let cells = vec![String::new(); section.rows.len()];
        columns.push(Column::new("", Side::Left, cells, "total".to_owned()));
    }
    columns
}

fn figures(header: &str, section: &Section, text: impl Fn(&Row) -> String) -> Column {
    let cells = section.rows.iter().map(&text).collect();
    Column::new(header, Side::Right, cells, text(&section.total))
}

fn before(row: &Row) -> i128 {
    row.before.as_ref().map_or(0, |before| before.total)
}

/// A line per group, with as much beside it as fits.
fn groups(report: &Report, section: &Section, look: &Look) -> Laid {
    let names = names(report, section);
    let amount = figures(&section.currency, section, |row| money(row.now.total));
    let (fixed, optional) = if report.compare.is_some() {
        let fixed = vec![
            figures("before", section, |row| money(before(row))),
            amount,
            figures("difference", section, |row| signed(row.now.total - before(row))),
            figures("change", section, |row| change(row.now.total, before(row))),
        ];
        (fixed, vec![(0, trend(section, look)), (1, rows(section))])
    } else {
        let largest = section.rows.iter().map(|row| row.now.total.saturating_abs()).max();
        let picture = |row: &Row| bar(row.now.total, largest.unwrap_or(0), BAR_WIDTH);
        let cells = section.rows.iter().map(picture).collect();
        let bars = Column::new("", Side::Left, cells, String::new());
        let shares = figures("share", section, |row| share(row.now.total, section.total.now.total));
        let optional = vec![(3, shares), (0, trend(section, look)), (1, bars), (2, rows(section))];
        (vec![amount], optional)
    };
    let natural = total_width(&names);
    let mut used = natural.min(NAMES_WIDTH) + 2 + total_width(&fixed);
    let mut beside: Vec<(usize, Column)> = Vec::new();
    for (place, column) in optional {
        let needed = used + 2 + column.width();
        if column.width() > 0 && needed <= look.width {
            used = needed;
            beside.push((place, column));
        }
    }
    beside.sort_by_key(|(place, _)| *place);
    let elastic = names.len();
    let mut columns = names;
    columns.extend(beside.into_iter().map(|(_, column)| column));
    columns.extend(fixed);
    lay_out(&columns, elastic, look.width)
}

/// Small pictures of amounts over time; without any, a column without width.
fn trend(section: &Section, look: &Look) -> Column {
    let marks = if look.width < 110 { 15 } else { 31 };
    let picture = |row: &Row| {
        let values = thinned(row.trend(), marks);
        if values.len() > 1 { sparkline(&values) } else { String::new() }
    };
    let cells: Vec<String> = section.rows.iter().map(picture).collect();
    let has_any = cells.iter().any(|cell| !cell.is_empty());
    let header = if has_any { "trend" } else { "" };
    Column::new(header, Side::Left, cells, picture(&section.total))
}

fn rows(section: &Section) -> Column {
    figures("rows", section, |row| thousands(row.now.rows))
}

/// A line per group and a column per bucket, when that fits.
fn pivot(report: &Report, section: &Section, look: &Look) -> Option<Laid> {
    let mut columns = names(report, section);
    let elastic = columns.len();
    let natural = total_width(&columns);
    // No need to look at hundreds of hours.
    if report.buckets.len() * 6 > look.width {
        return None;
    }
    let mut amounts: Vec<Column> = Vec::new();
    for (at, bucket) in report.buckets.iter().enumerate() {
        amounts.push(figures(&bucket.label, section, |row| cell(&row.now, at)));
    }
    let total = format!("total {}", section.currency);
    amounts.push(figures(&total, section, |row| money(row.now.total)));
    let shares = figures("share", section, |row| share(row.now.total, section.total.now.total));
    let needed = natural.min(NAMES_WIDTH) + 2 + total_width(&amounts);
    if needed > look.width {
        return None;
    }
    if needed + 2 + shares.width() <= look.width {
        amounts.push(shares);
    }
    columns.extend(amounts);
    Some(lay_out(&columns, elastic, look.width))
}

fn value(figures: &Figures, at: usize) -> i128 {
    figures.values.get(at).copied().unwrap_or(0)
}

/// The amount of a bucket; a dash where there are no rows, which is not the same as nothing.
fn cell(figures: &Figures, at: usize) -> String {
    match (figures.values.get(at), figures.counts.get(at)) {
        (Some(0), Some(0)) => "–".to_owned(),
        (Some(units), _) => money(*units),
        _ => String::new(),
    }
}

/// A line per bucket: the groups that fit, the rest in one column, and the total.
fn over_time(report: &Report, section: &Section, look: &Look) -> Laid {
    let mut columns = if let Some((_, buckets)) = &report.compare {
        compared(report, section, buckets)
    } else {
        let label = |bucket: &Bucket| bucket.label.replace('T', " ");
        let labels = report.buckets.iter().map(label).collect();
        vec![Column::new("", Side::Left, labels, "total".to_owned())]
    };
    let all = |text: &dyn Fn(usize) -> String| (0..report.buckets.len()).map(text).collect();
    let totals = &section.total.now;
    let total = Column::new(
        &format!("total {}", section.currency),
        Side::Right,
        all(&|at| cell(totals, at)),
        money(totals.total),
    );
    if report.compare.is_none() {
        let group = |row: &Row| {
            let cells: Vec<String> = all(&|at| cell(&row.now, at));
            let mut column = Column::new("", Side::Right, cells, money(row.now.total));
            let width = column.width().max(GROUP_WIDTH);
            column.header = layout::cut(&visible(&row.label()), width);
            column
        };
        let rest_of = |shown: usize| {
            let rest = &section.rows[shown..];
            let text = |at: usize| {
                let values = vec![rest.iter().map(|row| value(&row.now, at)).sum()];
                let counts = rest.iter().filter_map(|row| row.now.counts.get(at)).sum();
                cell(&Figures { values, counts: vec![counts], ..Figures::default() }, 0)
            };
            let sum = rest.iter().map(|row| row.now.total).sum();
            let header = format!("other ({})", groups_in(rest));
            Column::new(&header, Side::Right, all(&text), money(sum))
        };
        let shown = fitting(section, look.width, &columns[0], &total, &group, &rest_of);
        columns.extend(section.rows.iter().take(shown).map(group));
        if shown > 0 && shown < section.rows.len() {
            columns.push(rest_of(shown));
        }
        columns.push(total);
    }
    let left = look.width.saturating_sub(total_width(&columns) + 2);
    if left >= 6 {
        let largest = totals.values.iter().map(|value| value.saturating_abs()).max().unwrap_or(0);
        let cells = totals.values.iter().map(|value| bar(*value, largest, left.min(24))).collect();
        columns.push(Column::new("", Side::Left, cells, String::new()));
    }
    lay_out(&columns, 0, look.width)
}

/// How many groups fit beside the time and the total.
fn fitting(
    section: &Section,
    width: usize,
    time: &Column,
    total: &Column,
    group: &dyn Fn(&Row) -> Column,
    rest_of: &dyn Fn(usize) -> Column,
) -> usize {
    if section.rows.len() < 2 {
        return 0;
    }
    let mut used = time.width() + 2 + total.width();
    let mut shown = 0;
    for (at, row) in section.rows.iter().enumerate() {
        used += 2 + group(row).width();
        let is_last = at + 1 == section.rows.len();
        let rest = if is_last { 0 } else { 2 + rest_of(at + 1).width() };
        if used + rest <= width {
            shown = at + 1;
        } else if used > width {
            break;
        }
    }
    shown
}

fn groups_in(rows: &[Row]) -> usize {
    rows.iter().map(|row| row.folded.unwrap_or(1)).sum()
}

/// Times and totals of both periods side by side.
fn compared(report: &Report, section: &Section, others: &[Bucket]) -> Vec<Column> {
    let lines = report.buckets.len().max(others.len());
    let label = |buckets: &[Bucket], at: usize| {
        buckets.get(at).map(|bucket| bucket.label.replace('T', " ")).unwrap_or_default()
    };
    let now = &section.total.now;
    let none = Figures::default();
    let before = section.total.before.as_ref().unwrap_or(&none);
    let cells = |text: &dyn Fn(usize) -> String| (0..lines).map(text).collect::<Vec<_>>();
    let difference = |at: usize| match (now.values.get(at), before.values.get(at)) {
        (Some(now), Some(before)) => signed(now - before),
        _ => String::new(),
    };
    vec![
        Column::new("before", Side::Left, cells(&|at| label(others, at)), String::new()),
        Column::new("", Side::Right, cells(&|at| cell(before, at)), money(before.total)),
        Column::new("now", Side::Left, cells(&|at| label(&report.buckets, at)), String::new()),
        Column::new(&section.currency, Side::Right, cells(&|at| cell(now, at)), money(now.total)),
        Column::new(
            "difference",
            Side::Right,
            cells(&difference),
            signed(now.total - before.total),
        ),
    ]
}
