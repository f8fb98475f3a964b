//! The spelling of the reports: quotes, dates and the words by which charges are told apart.

use std::borrow::Cow;
use std::io::{self, Write};

use crate::calendar::{Date, Hour, Month};
use crate::synth::{Kind, Line};

/// Bytes after which rows are handed on.
const BUFFER_BYTES: usize = 1 << 18;

/// What `InvoiceID` says before there is an invoice.
pub(super) const ESTIMATED: &str = "Estimated";

/// A CSV file in the making: every field quoted.
pub(super) struct Table<'a, W: Write> {
    out: &'a mut W,
    rows: String,
}

impl<'a, W: Write> Table<'a, W> {
    pub(super) const fn new(out: &'a mut W) -> Self {
        Self { out, rows: String::new() }
    }

    /// Adds a row.
    pub(super) fn push<T: AsRef<str>>(&mut self, cells: &[T]) -> io::Result<()> {
        for (at, cell) in cells.iter().enumerate() {
            self.rows.push_str(if at == 0 { "\"" } else { ",\"" });
            self.rows.push_str(&cell.as_ref().replace('"', "\"\""));
            self.rows.push('"');
        }
        self.rows.push('\n');
        if self.rows.len() < BUFFER_BYTES {
            return Ok(());
        }
        self.out.write_all(self.rows.as_bytes())?;
        self.rows.clear();
        Ok(())
    }

    /// Hands the last rows on.
    pub(super) fn finish(self) -> io::Result<()> {
        self.out.write_all(self.rows.as_bytes())
    }
}

/// `2026-06-01 13:00:00`, as the detailed reports write it.
pub(super) fn hyphens(hour: Hour) -> String {
    let Date { year, month, day } = hour.date();
    format!("{year:04}-{month:02}-{day:02} {:02}:00:00", hour.of_day())
}

/// `2026/06/01 13:00:00`, as the monthly reports write it.
pub(super) fn slashes(hour: Hour) -> String {
    hyphens(hour).replace('-', "/")
}

/// The second before `end` in slashes: `2026/06/30 23:59:59`.
pub(super) fn last_second(end: Hour) -> String {
    let last = slashes(end.plus(-1));
    last.replace(":00:00", ":59:59")
}

/// The billing period's first and last second, in slashes.
pub(super) fn period_cells(month: Month) -> [String; 2] {
    let hours = month.interval();
    [slashes(hours.start), last_second(hours.end)]
}

/// `2026-06-01 00:00:00 - 2026-06-30 23:59:59`, in the description of the statement's total.
pub(super) fn period(month: Month) -> String {
    let [start, end] = period_cells(month);
    format!("{start} - {end}").replace('/', "-")
}

/// The line's invoice.
pub(super) fn invoice(line: &Line) -> &str {
    line.invoice_id.as_deref().unwrap_or(ESTIMATED)
}

/// The line's description. No column says what kind of charge a row is, so the text of taxes,
/// credits and refunds has AWS's word for it, put before where the ledger's own lacks it.
pub(super) fn description(line: &Line) -> Cow<'_, str> {
    let word = match line.kind {
        Kind::Tax => "Tax",
        Kind::Credit => "Credit",
        Kind::Refund => "Refund",
        _ => return Cow::Borrowed(&line.description),
    };
    if line.description.contains(word) {
        Cow::Borrowed(&line.description)
    } else {
        Cow::Owned(format!("{word}: {}", line.description))
    }
}

/// The value of a tag column; empty without one.
pub(super) fn tag<'a>(line: &'a Line, key: &str) -> &'a str {
    let tags = line.resource.as_ref().map(|own| own.tags.as_slice()).unwrap_or_default();
    tags.iter().find(|(name, _)| *name == key).map_or("", |(_, value)| value)
}

/// The zone of the line's resource; empty without one.
pub(super) fn zone(line: &Line) -> &str {
    line.resource.as_ref().map_or("", |own| &own.availability_zone)
}
