//! Every file format in which one and the same ledger can be delivered. A new one joins by a
//! variant, and is then part of the test that all agree and of the benchmark of all readers.

use std::io;
use std::path::Path;

use crate::calendar::Month;
use crate::demo;
use crate::render::cur::{self, CurReport, Layout};
use crate::render::data_export::{self, ExportReport, Packing, Table};
use crate::render::dbr::{self, DbrReport, ReportType};
use crate::render::focus_file::{self, FocusFile, Version};
use crate::synth::{Line, Payer};

/// A file format, in a packing that changes how numbers are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A legacy Cost and Usage Report, `.csv.gz`.
    Cur,
    /// A table of AWS Data Exports.
    Export(Table, Packing),
    /// A plain FOCUS file without manifest.
    FocusFile(Version, Packing),
    /// All four Detailed Billing Reports, of which the richest has the lines.
    DetailedBilling,
}

impl Form {
    /// All of them, the one that others are compared with first.
    pub const ALL: [Self; 8] = [
        Self::Cur,
        Self::Export(Table::Cur2, Packing::CsvGz),
        Self::Export(Table::Cur2, Packing::Parquet),
        Self::Export(Table::Focus10, Packing::CsvGz),
        Self::Export(Table::Focus12, Packing::Parquet),
        Self::FocusFile(Version::V1_3, Packing::CsvGz),
        Self::FocusFile(Version::V1_1, Packing::Parquet),
        Self::DetailedBilling,
    ];

    /// A name, fit for a connection.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cur => "cur-csv",
            Self::Export(Table::Cur2, Packing::Parquet) => "cur2-parquet",
            Self::Export(Table::Cur2, _) => "cur2-csv",
            Self::Export(Table::Focus10, Packing::Parquet) => "focus10-parquet",
            Self::Export(Table::Focus10, _) => "focus10-csv",
            Self::Export(Table::Focus12, Packing::Parquet) => "focus12-parquet",
            Self::Export(Table::Focus12, _) => "focus12-csv",
            Self::FocusFile(_, Packing::Parquet) => "focus-file-parquet",
            Self::FocusFile(..) => "focus-file",
            Self::DetailedBilling => "dbr",
        }
    }

    /// Writes a payer's lines of a month below `dir`, which stands for the bucket, in files of at
    /// most `chunk_rows` rows where the format has several.
    ///
    /// # Errors
    /// What the file system reports.
    pub fn write(
        self,
        dir: &Path,
        payer: &Payer,
        month: Month,
        lines: &[Line],
        chunk_rows: usize,
    ) -> io::Result<()> {
        let own = demo::report(Path::new(""), payer).report;
        match self {
            Self::Cur => {
                let report = CurReport { layout: Layout::CreateNew, chunk_rows, ..own };
                cur::write_delivery(dir, &report, month, "20260907T031500Z", lines)?;
            }
            Self::Export(table, packing) => {
                let report = ExportReport {
                    bucket: "bucket".to_owned(),
                    prefix: "exports".to_owned(),
                    chunk_rows,
                    ..ExportReport::like(own, self.name(), table, packing)
                };
                let (id, time) =
                    ("3b1f6c58-2f66-4a3b-8d0f-0e3a52b6c1aa", "2026-09-07T03:15:00.000Z");
                data_export::write_delivery(dir, &report, month, id, time, lines)?;
            }
            Self::FocusFile(version, packing) => {
                let file =
                    FocusFile { version, packing, with_net: own.with_net, tag_keys: own.tag_keys };
                let name = format!("focus.{}", packing.extension());
                focus_file::write(&dir.join(name), &file, lines)?;
            }
            Self::DetailedBilling => {
                let report = DbrReport {
                    account: own.account,
                    prefix: String::new(),
                    reports: ReportType::ALL.to_vec(),
                    consolidated: true,
                    tag_keys: own.tag_keys,
                    disclaimer: true,
                    china: None,
                };
                dbr::write_month(dir, &report, month, lines)?;
            }
        }
        Ok(())
    }
}
