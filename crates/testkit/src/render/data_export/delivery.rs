//! The files of an execution, whatever its table.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::manifest::{self, Manifest};
use super::{Delivery, ExportReport, Layout, Table, cur2};
use crate::calendar::Month;
use crate::render::focus::{self, Version};
use crate::render::table::{Cell, Heading, Style, write_file};
use crate::synth::Line;

/// Which columns a delivery has, and what fills each from a row of type `R`.
trait Columns<R> {
    /// Name and type of column `at` of the table.
    fn headings(&self) -> Vec<Heading>;
    /// The field of column `at` of the table.
    fn cell<'a>(&'a self, at: usize, row: &'a R) -> Cell<'a>;
}

impl Columns<Line> for [cur2::Column] {
    fn headings(&self) -> Vec<Heading> {
        self.iter().map(|column| column.heading).collect()
    }

    fn cell<'a>(&'a self, at: usize, row: &'a Line) -> Cell<'a> {
        self.get(at).map_or(Cell::Null, |column| column.cell(row))
    }
}

impl<'l> Columns<focus::Charge<'l>> for [&focus::Column] {
    fn headings(&self) -> Vec<Heading> {
        self.iter().map(|column| column.heading).collect()
    }

    fn cell<'a>(&'a self, at: usize, row: &'a focus::Charge<'l>) -> Cell<'a> {
        self.get(at).map_or(Cell::Null, |column| (column.cell)(row))
    }
}

/// Writes an execution's delivery of `period` below `dir`, which stands for the bucket: data files
/// first, the top manifest last. `time` (`2026-06-01T23:48:02.356Z`) and `execution_id` (a UUID)
/// name its folder. A delivery without rows is one file with only a header.
///
/// # Errors
/// What the file system reports, and [`io::ErrorKind::InvalidInput`] when the definition selects a
/// column that its table does not have.
pub fn write_delivery(
    dir: &Path,
    report: &ExportReport,
    period: Month,
    execution_id: &str,
    time: &str,
    lines: &[Line],
) -> io::Result<Delivery> {
    let folder = format!("{time}-{execution_id}");
    let execution = Execution { dir, report, period, id: execution_id, folder };
    let Some(version) = focus_version(report.table) else {
        let columns = cur2::columns(report, lines);
        return execution.write(&columns[..], lines);
    };
    let terms = focus_terms(report, lines);
    let charges = focus::charges(&terms, lines);
    execution.write(&focus::columns(version, true)[..], &charges)
}

/// The names of the columns that a delivery of `report` has, in order.
///
/// # Errors
/// [`io::ErrorKind::InvalidInput`] when the definition selects a column that its table lacks.
pub fn column_names(report: &ExportReport) -> io::Result<Vec<&'static str>> {
    let headings = match focus_version(report.table) {
        None => cur2::columns(report, &[])[..].headings(),
        Some(version) => focus::columns(version, true)[..].headings(),
    };
    let selected = select(report, &headings)?;
    Ok(selected.into_iter().map(|(_, heading)| heading.name).collect())
}

fn focus_version(table: Table) -> Option<Version> {
    match table {
        Table::Cur2 => None,
        Table::Focus10 => Some(Version::V1_0),
        Table::Focus12 => Some(Version::V1_2),
    }
}

fn focus_terms<'a>(report: &'a ExportReport, lines: &'a [Line]) -> focus::Terms<'a> {
    focus::Terms {
        style: Style::Aws,
        with_net: report.with_net,
        payer_name: focus::payer_name(lines),
        tag_keys: &report.tag_keys,
        category_names: &report.category_names,
    }
}

/// The columns that the definition keeps: their places in the table and their headings.
fn select(report: &ExportReport, headings: &[Heading]) -> io::Result<Vec<(usize, Heading)>> {
    let find = |name: &String| {
        let at = headings.iter().position(|heading| heading.name == name);
        let found = at.and_then(|at| Some((at, *headings.get(at)?)));
        found.ok_or_else(|| {
            let why = format!("{} has no column {name}", report.export_name);
            io::Error::new(io::ErrorKind::InvalidInput, why)
        })
    };
    if report.columns.is_empty() {
        return Ok(headings.iter().copied().enumerate().collect());
    }
    report.columns.iter().map(find).collect()
}

/// An execution of an export.
struct Execution<'a> {
    dir: &'a Path,
    report: &'a ExportReport,
    period: Month,
    id: &'a str,
    /// The folder of its own, if deliveries are kept.
    folder: String,
}

impl Execution<'_> {
    fn write<R, C: Columns<R> + ?Sized>(&self, columns: &C, rows: &[R]) -> io::Result<Delivery> {
        let selected = select(self.report, &columns.headings())?;
        let headings: Vec<Heading> = selected.iter().map(|(_, heading)| *heading).collect();
        let chunks: Vec<&[R]> = if rows.is_empty() {
            vec![rows]
        } else {
            rows.chunks(self.report.chunk_rows.max(1)).collect()
        };
        let (mut data_keys, mut files) = (Vec::new(), Vec::new());
        for (at, chunk) in chunks.into_iter().enumerate() {
            let key = self.report.data_key(self.period, &self.folder, at + 1);
            let path = self.dir.join(&key);
            let cells = |row| selected.iter().map(|(at, _)| columns.cell(*at, row)).collect();
            let form = (self.report.packing, Style::Aws);
            write_file(&path, form, &headings, chunk.iter().map(cells))?;
            data_keys.push(key);
            files.push(path);
        }
        if self.report.layout == Layout::Overwrite {
            self.empty_surplus(files.len() + 1)?;
        }
        let manifest = Manifest {
            period: self.period,
            execution_id: self.id,
            execution: &self.folder,
            headings: &headings,
            data_keys: &data_keys,
        };
        let manifest_path = manifest::write(self.dir, self.report, &manifest)?;
        Ok(Delivery { manifest_path, files, rows: rows.len() as u64 })
    }

    /// AWS does not delete what a longer delivery left behind, it empties the objects.
    fn empty_surplus(&self, first: usize) -> io::Result<()> {
        let path = |number| -> PathBuf {
            self.dir.join(self.report.data_key(self.period, &self.folder, number))
        };
        let mut surplus = (first..).map(path).take_while(|path| path.exists());
        surplus.try_for_each(|path| fs::write(path, ""))
    }
}
