//! Rows as comma-separated text.

use std::fmt::Write as _;
use std::io::{self, Write};

use super::{Cell, Heading, Style, json};
use crate::render::cur::push_cell;

/// Bytes after which a buffer of rows is handed on.
const BUFFER_BYTES: usize = 1 << 18;

/// Writes the header and all rows.
pub(super) fn write<'a>(
    out: &mut impl Write,
    style: Style,
    headings: &[Heading],
    rows: impl Iterator<Item = Vec<Cell<'a>>>,
) -> io::Result<()> {
    let names: Vec<&str> = headings.iter().map(|heading| heading.name).collect();
    let mut text = names.join(",");
    text.push('\n');
    for row in rows {
        for (at, (cell, heading)) in row.iter().zip(headings).enumerate() {
            if at > 0 {
                text.push(',');
            }
            push(&mut text, style, *heading, cell);
        }
        text.push('\n');
        if text.len() >= BUFFER_BYTES {
            out.write_all(text.as_bytes())?;
            text.clear();
        }
    }
    out.write_all(text.as_bytes())
}

fn push(out: &mut String, style: Style, heading: Heading, cell: &Cell<'_>) {
    match cell {
        Cell::Null => {}
        Cell::Text(text) => push_cell(out, text),
        Cell::Time(hour) => {
            // Writing to a `String` cannot fail, so the result says nothing.
            write!(out, "{hour}").unwrap_or_default();
            if style == Style::Aws {
                out.pop();
                out.push_str(".000Z");
            }
        }
        Cell::Map(entries) if entries.is_empty() && style == Style::Plain => {}
        Cell::Map(entries) => push_cell(out, &json(heading.kind, entries)),
    }
}
