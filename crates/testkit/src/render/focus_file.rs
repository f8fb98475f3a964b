//! A plain FOCUS file, as another provider's export or a converter would write it.
//!
//! The rows are those of AWS's FOCUS export ([`data_export`](super::data_export)), spelled by the
//! specification: no columns of AWS, no gaps where FOCUS allows none, maps as JSON text.

use std::io;
use std::path::Path;

use super::focus;
use super::table::{Cell, Heading, Style, write_file};
use crate::synth::Line;

pub use super::focus::Version;
pub use super::table::Packing;

/// What the file is like.
#[derive(Clone, Debug)]
pub struct FocusFile {
    /// Whose columns it has.
    pub version: Version,
    /// How it is packed; the ending of its name is the caller's affair.
    pub packing: Packing,
    /// Are costs after enterprise discounts? Otherwise discounts are rows of their own.
    pub with_net: bool,
    /// Tag keys, such as `user:team`.
    pub tag_keys: Vec<String>,
}

/// Writes `lines` (of a payer's month) to `path`, with the folders that it needs. Gives the number
/// of rows.
///
/// # Errors
/// What the file system reports.
pub fn write(path: &Path, file: &FocusFile, lines: &[Line]) -> io::Result<u64> {
    let terms = focus::Terms {
        style: Style::Plain,
        with_net: file.with_net,
        payer_name: focus::payer_name(lines),
        tag_keys: &file.tag_keys,
        category_names: &[],
    };
    let charges = focus::charges(&terms, lines);
    let columns = focus::columns(file.version, false);
    let headings: Vec<Heading> = columns.iter().map(|column| column.heading).collect();
    let rows = charges.iter().map(|charge| -> Vec<Cell<'_>> {
        columns.iter().map(|column| (column.cell)(charge)).collect()
    });
    write_file(path, (file.packing, Style::Plain), &headings, rows)?;
    Ok(charges.len() as u64)
}

#[cfg(test)]
mod tests;
