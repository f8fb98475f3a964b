//! What was seen while reading the files of a delivery.

use std::collections::{BTreeMap, BTreeSet};

use arrow::array::{Array, AsArray};
use arrow::datatypes::{Int32Type, TimestampMicrosecondType};
use billhook_focus::gate::Tally;

use super::{FileFault, Outputs};
use crate::dbr::totals::Totals;

/// What was seen while reading.
#[derive(Debug, Clone, Default)]
pub struct Summary {
    /// Rows and sums as read.
    pub read: Tally,
    /// Rows and sums set aside.
    pub quarantined: Tally,
    /// The records set aside, at most [`FAULTS_KEPT`] of them.
    pub faults: Vec<FileFault>,
    /// Numbers with more than 18 fractional digits.
    pub rounded: u64,
    /// Records with fewer fields than the header; what lacks is taken as empty.
    pub short: u64,
    /// Columns that nobody knows.
    pub unknown_columns: BTreeMap<String, String>,
    /// Line item types by number of rows.
    pub types: BTreeMap<String, u64>,
    /// Rows without an invoice id, or said to be estimated.
    pub not_invoiced: u64,
    /// Rows with a resource id.
    pub with_resource: u64,
    /// Shortest time interval of a line, seconds; 3600 in an hourly report.
    pub interval_seconds: Option<i64>,
    /// Bytes of text read.
    pub text_bytes: u64,
    /// What somebody should know of the files.
    pub notes: BTreeSet<String>,
    /// Columns that the standard wants filled and the source left empty, by number of rows.
    pub gaps: BTreeMap<String, u64>,
    /// Rows that sum up others, which are no lines.
    pub totals: Totals,
}

impl Summary {
    pub(super) fn note(&mut self, outputs: &Outputs<'_>) {
        let nulls = |name: &str| outputs.get(name).map_or(0, Array::logical_null_count) as u64;
        let rows = outputs.columns.first().map_or(0, Array::len) as u64;
        // Where there are no invoice ids, the mapping itself says what is not final.
        self.not_invoiced += match outputs.get("is_estimated") {
            Some(flags) => flags.as_boolean().true_count() as u64,
            None => nulls("InvoiceId"),
        };
        self.with_resource += rows - nulls("ResourceId").min(rows);
        if let Some(types) = outputs.get("x_LineItemType") {
            let types = types.as_dictionary::<Int32Type>();
            let names = types.values().as_string_view();
            let mut counts = vec![0_u64; names.len()];
            for key in types.keys().iter().flatten() {
                counts[usize::try_from(key).unwrap_or(0)] += 1;
            }
            for (name, count) in names.iter().flatten().zip(counts).filter(|(_, c)| *c > 0) {
                *self.types.entry(name.to_owned()).or_default() += count;
            }
        }
        self.note_gaps(outputs);
        if let (Some(start), Some(end)) =
            (outputs.get("interval_start"), outputs.get("interval_end"))
        {
            let start = start.as_primitive::<TimestampMicrosecondType>();
            let end = end.as_primitive::<TimestampMicrosecondType>();
            let lengths = start.iter().zip(end).filter_map(|(start, end)| Some(end? - start?));
            let shortest = lengths.filter(|l| *l > 0).min().map(|micros| micros / 1_000_000);
            self.interval_seconds = self.interval_seconds.into_iter().chain(shortest).min();
        }
    }

    /// Counts the columns that the mapping's `gaps` names, row by row.
    fn note_gaps(&mut self, outputs: &Outputs<'_>) {
        let Some(gaps) = outputs.get("gaps").and_then(|a| a.as_dictionary_opt::<Int32Type>())
        else {
            return;
        };
        let names = gaps.values().as_string_view();
        let mut counts = vec![0_u64; names.len()];
        for key in gaps.keys().iter().flatten() {
            counts[usize::try_from(key).unwrap_or(0)] += 1;
        }
        for (names, count) in names.iter().flatten().zip(counts).filter(|(_, c)| *c > 0) {
            for name in names.split_whitespace() {
                *self.gaps.entry(name.to_owned()).or_default() += count;
            }
        }
    }

    /// Adds what another worker saw.
    pub fn merge(&mut self, other: Self) {
        self.read.merge(&other.read);
        self.quarantined.merge(&other.quarantined);
        self.faults.extend(other.faults);
        self.rounded += other.rounded;
        self.short += other.short;
        self.unknown_columns.extend(other.unknown_columns);
        for (name, count) in other.types {
            *self.types.entry(name).or_default() += count;
        }
        for (name, count) in other.gaps {
            *self.gaps.entry(name).or_default() += count;
        }
        self.not_invoiced += other.not_invoiced;
        self.with_resource += other.with_resource;
        self.interval_seconds =
            self.interval_seconds.into_iter().chain(other.interval_seconds).min();
        self.text_bytes += other.text_bytes;
        self.notes.extend(other.notes);
        self.totals.merge(other.totals);
    }
}
