//! Reads whole files of a tabular product and hands out batches of the cost table.
//!
//! A [`TableReader`] belongs to one worker. It keeps the distinct tuples and what was evaluated
//! for them from file to file, as long as the header stays the same.

mod columnar;
mod parquet_text;
mod part;
mod peek;
mod row_groups;
mod summary;

use std::io;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, DictionaryArray, Int32Array, RecordBatch,
    StringViewArray,
};
use arrow::datatypes::{Field, Int32Type, Schema, TimestampMicrosecondType};
use billhook_focus::columns;
use datafusion::common::ScalarValue;

use part::Pick;
pub use part::{Months, Part};
pub use peek::peek;
pub use summary::Summary;

use crate::dbr::totals::Watch;
use crate::decode::{Chunk, Decoder, Fault};
use crate::format::{BindError, Binding, Format};
use crate::project::{ProjectError, Projection};
use crate::text::inflate::{Blocks, Input, Limits, Packing, Spare};
use crate::text::split::Fields;
use crate::text::unquote;

/// How a product's table becomes the cost table.
#[derive(Debug)]
pub struct Mapping {
    /// The kind of product, as `--kind` names it.
    pub kind: &'static str,
    /// The table.
    pub format: &'static Format,
    /// Is it this product's, though another one's files have the required columns, too?
    pub is_one: fn(&Binding) -> bool,
    /// Header of the column that says the billing period.
    pub period: &'static str,
    /// May a file that no manifest names hold lines of several billing periods?
    pub many_periods: bool,
    /// Line item types that the SQL knows; others are reported.
    pub known_types: &'static [&'static str],
    /// Are there rows that FOCUS leaves out because they cancel others
    /// ([`residual`](crate::cur::residual))?
    pub cancels: bool,
    /// Is it a bill with rows that sum up others ([`totals`](crate::dbr::totals)), and
    /// maybe with a remark before the header?
    pub is_statement: bool,
    /// `to_focus.sql`.
    pub select: &'static str,
    /// Parameters of the SQL for a header and a part (`line` or `unused`).
    pub parameters: fn(&Binding, &'static str) -> Vec<(&'static str, ScalarValue)>,
    /// Source money columns and the columns that carry them unchanged (INV-SUM).
    pub carried: &'static [(&'static str, &'static str)],
    /// What somebody should know of files with this header, in sentences without a full stop.
    pub notes: fn(&Binding) -> Vec<String>,
}

/// Why a file cannot be read. Nothing of the delivery is stored then.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The bytes cannot be had or inflated.
    #[error("{file}: the file is damaged or cannot be read")]
    Damaged {
        /// Name of the file.
        file: String,
        /// What the reader of the packing says.
        source: io::Error,
    },
    /// The header does not fit.
    #[error("{file}: {source}")]
    Header {
        /// Name of the file.
        file: String,
        /// What does not fit.
        source: BindError,
    },
    /// The file has no header at all, or a record that never ends.
    #[error("{file}: {reason}")]
    Shape {
        /// Name of the file.
        file: String,
        /// What is wrong.
        reason: String,
    },
    /// Lines of another month.
    #[error("{file}: holds lines of billing period {seen}, expected {expected}")]
    Period {
        /// Name of the file.
        file: String,
        /// Period seen, YYYY-MM.
        seen: String,
        /// Period of the delivery.
        expected: String,
    },
    /// The mapping is at fault.
    #[error("{file}: the lines cannot be mapped")]
    Mapping {
        /// Name of the file.
        file: String,
        /// Which step.
        source: ProjectError,
    },
    /// Whoever takes the batches does not want more.
    #[error("{file}: the mapped lines cannot be stored")]
    Sink {
        /// Name of the file.
        file: String,
        /// What it says.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// Lines of the cost table.
#[derive(Debug)]
pub struct Mapped {
    /// The columns of a data file; text may be `Dictionary(Int32, Utf8View)`.
    pub batch: RecordBatch,
    /// False for second rows, which carry no source money and count as no source row.
    pub is_source_row: bool,
}

/// A fault with its file.
#[derive(Debug, Clone)]
pub struct FileFault {
    /// Name of the file.
    pub file: String,
    /// The fault.
    pub fault: Fault,
}

/// Faults kept with their text; more are only counted.
pub const FAULTS_KEPT: usize = 100_000;

/// Rows of a chunk: enough to make per-chunk work cheap, few enough to stay small.
const CHUNK_ROWS: usize = 8_192;

/// Bytes of text indexed at once: the index then stays in the second-level cache.
const WINDOW_BYTES: usize = 1 << 20;

struct Bound {
    decoder: Decoder,
    line: Projection,
    unused: Projection,
    /// Where there are rows that sum up others.
    watch: Option<Watch>,
}

/// The memory that distinct tuples and what was evaluated for them may take (INV-MEM).
const KEPT_BYTES: usize = 56 << 20;

impl Bound {
    fn size_bytes(&self) -> usize {
        self.decoder.size_bytes() + self.line.size_bytes() + self.unused.size_bytes()
    }

    /// Forgets tuples when there are too many: those first that repeat the least.
    fn trim(&mut self) {
        if self.size_bytes() <= KEPT_BYTES {
            return;
        }
        // What is only a shorter way to the tuples goes first.
        self.decoder.forget_keys();
        while self.size_bytes() > KEPT_BYTES / 4 * 3
            && let Some(group) = self.decoder.largest_group()
            && !self.decoder.groups()[group].is_empty()
        {
            self.decoder.forget(group);
            self.line.forget(group);
            self.unused.forget(group);
        }
    }
}

/// Reads files one after another.
pub struct TableReader {
    mapping: &'static Mapping,
    limits: Limits,
    /// Billing period that every line must have, YYYY-MM; `None` accepts any.
    period: Option<String>,
    /// The lines of the files that are read; `None` for all.
    part: Option<Part>,
    pick: Option<Pick>,
    currency: Option<String>,
    totals_only: bool,
    bound: Option<Bound>,
    summary: Summary,
    spare: Spare,
}

/// Takes batches in.
pub type Sink<'a> =
    &'a mut dyn FnMut(Mapped) -> Result<(), Box<dyn std::error::Error + Send + Sync>>;

impl TableReader {
    /// A reader of files with lines of `period` (YYYY-MM).
    #[must_use]
    pub fn new(mapping: &'static Mapping, limits: Limits, period: Option<String>) -> Self {
        let summary = Summary::default();
        Self {
            mapping,
            limits,
            period,
            part: None,
            pick: None,
            currency: None,
            totals_only: false,
            bound: None,
            summary,
            spare: Spare::default(),
        }
    }

    /// Reads only the lines that belong to its period, when `part` is given; lines of other
    /// periods are neither read nor counted.
    #[must_use]
    pub fn only(self, part: Option<Part>) -> Self {
        Self { part, ..self }
    }

    /// With a currency for rows that name none.
    #[must_use]
    pub fn with_currency(self, currency: Option<String>) -> Self {
        Self { currency, ..self }
    }

    /// Hands out no lines; only what they and the files' totals add up to is of interest.
    #[must_use]
    pub fn totals_only(self) -> Self {
        Self { totals_only: true, ..self }
    }

    /// Reads one file to its end. `advanced` hears of every stretch of text, in bytes.
    ///
    /// # Errors
    /// [`ReadError`]; batches may have been handed out before and must then be thrown away.
    pub fn read(
        &mut self,
        mut input: Input,
        file: &str,
        advanced: &dyn Fn(u64),
        sink: Sink<'_>,
    ) -> Result<(), ReadError> {
        let damaged = |source| ReadError::Damaged { file: file.to_owned(), source };
        let head = input.head(4).map_err(damaged)?;
        let is_parquet = Packing::of(&head) == Packing::Parquet;
        // Totals of a statement are told by a row's text.
        let is_columnar = is_parquet && !self.mapping.is_statement && !self.totals_only;
        if is_columnar {
            let mut file = FileReader::new(self, file, is_parquet);
            file.read_columns(input, advanced, sink)?;
            return file.end_chunk(sink);
        }
        let blocks = if is_parquet {
            parquet_text::open(input).map_err(damaged)?
        } else {
            input.open_with(self.limits, &mut self.spare).map_err(damaged)?
        };
        let mut file = FileReader::new(self, file, is_parquet);
        file.read_blocks(blocks, advanced, sink)?;
        file.end_chunk(sink)
    }

    /// What was seen in all files.
    #[must_use]
    pub fn finish(mut self) -> Summary {
        self.settle();
        self.summary
    }

    /// Moves the current decoder's sums into the summary.
    fn settle(&mut self) {
        if let Some(bound) = &mut self.bound {
            self.summary.read.merge(&std::mem::take(&mut bound.decoder.read));
            self.summary.quarantined.merge(&std::mem::take(&mut bound.decoder.quarantined));
            self.summary.rounded += std::mem::take(&mut bound.decoder.rounded);
            self.summary.short += std::mem::take(&mut bound.decoder.short);
            if let Some(watch) = &mut bound.watch {
                self.summary.totals.merge(std::mem::take(&mut watch.totals));
            }
        }
    }

    fn bind(&mut self, header: Vec<String>, file: &str) -> Result<(), ReadError> {
        if self.bound.as_ref().is_some_and(|b| b.decoder.binding().header == header) {
            return Ok(());
        }
        self.settle();
        self.pick = None;
        let binding = self.mapping.format.bind(header);
        let mut binding =
            binding.map_err(|source| ReadError::Header { file: file.to_owned(), source })?;
        binding.period.clone_from(&self.period);
        binding.currency.clone_from(&self.currency);
        for column in &binding.unknown {
            let first = self.summary.unknown_columns.entry(column.clone());
            first.or_insert_with(|| file.to_owned());
        }
        self.summary.notes.extend((self.mapping.notes)(&binding));
        let project = |part| {
            let parameters = (self.mapping.parameters)(&binding, part);
            Projection::new(&binding, self.mapping.select, &parameters)
                .map_err(|source| ReadError::Mapping { file: file.to_owned(), source })
        };
        let (line, unused) = (project("line")?, project("unused")?);
        if let (Some(part), Some(period)) = (&self.part, &self.period) {
            self.pick = Pick::new(&binding, self.mapping.period, period, *part);
        }
        let watch = self.mapping.is_statement.then(|| Watch::new(&binding));
        let decoder = Decoder::new(Arc::new(binding));
        self.bound = Some(Bound { decoder, line, unused, watch });
        Ok(())
    }
}

/// One file being read.
struct FileReader<'a> {
    reader: &'a mut TableReader,
    file: &'a str,
    /// Records seen, the header included.
    row: u64,
    has_header: bool,
    is_parquet: bool,
    /// Does the text end without a line end?
    is_cut_off: bool,
}

impl<'a> FileReader<'a> {
    fn new(reader: &'a mut TableReader, file: &'a str, is_parquet: bool) -> Self {
        Self { reader, file, row: 0, has_header: false, is_parquet, is_cut_off: false }
    }

    fn shape(&self, reason: impl Into<String>) -> ReadError {
        ReadError::Shape { file: self.file.to_owned(), reason: reason.into() }
    }

    fn read_blocks(
        &mut self,
        mut blocks: Blocks,
        advanced: &dyn Fn(u64),
        sink: Sink<'_>,
    ) -> Result<(), ReadError> {
        let mut fields = Fields::default();
        let mut carry: Vec<u8> = Vec::new();
        loop {
            let block = blocks.next_block();
            let block = block
                .map_err(|source| ReadError::Damaged { file: self.file.to_owned(), source })?;
            let is_last = block.is_none();
            let mut text = std::mem::take(&mut carry);
            match block {
                Some(block) if text.is_empty() => text = block,
                Some(block) => text.extend_from_slice(&block),
                None if text.is_empty() => break,
                None => {}
            }
            if is_last && !text.ends_with(b"\n") {
                text.push(b'\n');
                self.is_cut_off = true;
            }
            let used = self.read_text(&text, &mut fields, advanced, sink)?;
            carry = text.split_off(used);
            if text.capacity() > self.reader.spare.text.capacity() {
                self.reader.spare.text = text;
            }
            if is_last {
                break;
            }
        }
        if !self.has_header {
            return Err(self.shape("the file is empty, not even a header"));
        }
        if !carry.iter().all(u8::is_ascii_whitespace) {
            return Err(self.shape(format!(
                "record {} never ends: a quotation mark is not closed",
                self.row + 1
            )));
        }
        Ok(())
    }

    /// Reads the complete records of `text`; returns how many bytes they take.
    fn read_text(
        &mut self,
        text: &[u8],
        fields: &mut Fields,
        advanced: &dyn Fn(u64),
        sink: Sink<'_>,
    ) -> Result<usize, ReadError> {
        let mut start = 0;
        let mut window = WINDOW_BYTES;
        while start < text.len() {
            let end = text.len().min(start + window);
            let part = &text[start..end];
            let used = fields.index(part);
            if used == 0 {
                if end == text.len() {
                    break;
                }
                window *= 2;
                continue;
            }
            for index in 0..fields.len() {
                let record = fields.record(part, index);
                self.row += 1;
                if !self.has_header {
                    self.header(&record)?;
                    continue;
                }
                if self.reader.pick.as_mut().is_some_and(|pick| !pick.takes(&record)) {
                    continue;
                }
                let Some(bound) = &mut self.reader.bound else { continue };
                let row = if self.is_parquet { self.row - 1 } else { self.row };
                let is_total =
                    bound.watch.as_mut().is_some_and(|w| w.takes(&record, self.file, row));
                if is_total || self.reader.totals_only {
                    continue;
                }
                // The last record of a file that ends in its middle is cut off, not short.
                let is_cut_off = self.is_cut_off && start + used == text.len();
                let may_be_short = !is_cut_off || index + 1 < fields.len();
                bound.decoder.push(&record, row, may_be_short);
                if bound.decoder.pending() >= CHUNK_ROWS {
                    self.end_chunk(sink)?;
                }
            }
            self.reader.summary.text_bytes += used as u64;
            advanced(used as u64);
            start += used;
            window = WINDOW_BYTES;
        }
        Ok(start)
    }

    fn header(&mut self, record: &crate::text::split::Record<'_>) -> Result<(), ReadError> {
        let bytes = record.bytes();
        if bytes.contains(&0) || std::str::from_utf8(bytes).is_err() {
            return Err(self.shape("not a billing file: its first line is not text"));
        }
        // A remark of AWS's before the header is one field.
        if self.reader.mapping.is_statement && self.row == 1 && record.len() == 1 {
            return Ok(());
        }
        self.has_header = true;
        let header: Vec<String> = (0..record.len())
            .map(|index| {
                let name = unquote(record.field(index));
                let name = String::from_utf8_lossy(&name);
                let name = if index == 0 { name.trim_start_matches('\u{feff}') } else { &name };
                name.to_owned()
            })
            .collect();
        self.reader.bind(header, self.file)
    }

    /// Maps what was read since the last chunk and hands it out.
    fn end_chunk(&mut self, sink: Sink<'_>) -> Result<(), ReadError> {
        let file = self.file.to_owned();
        let Some(bound) = &mut self.reader.bound else { return Ok(()) };
        let (chunk, faults) = bound.decoder.finish();
        let kept = FAULTS_KEPT.saturating_sub(self.reader.summary.faults.len());
        let faults = faults.into_iter().take(kept);
        self.reader
            .summary
            .faults
            .extend(faults.map(|fault| FileFault { file: file.clone(), fault }));
        if !chunk.is_empty() {
            let failed = |source| ReadError::Mapping { file: file.clone(), source };
            let columns = bound.line.apply(&bound.decoder, &chunk).map_err(failed)?;
            let outputs = Outputs { names: bound.line.names(), columns };
            self.reader.summary.note(&outputs);
            check_period(&outputs, self.reader.period.as_deref(), &file)?;
            let second = outputs.has_unused_part();
            let batch = outputs.assemble(&chunk, &file).map_err(|e| failed(e.into()))?;
            hand_out(Mapped { batch, is_source_row: true }, &file, sink)?;
            if !second.is_empty() {
                let chunk = chunk.take(&second);
                let columns = bound.unused.apply(&bound.decoder, &chunk).map_err(failed)?;
                let outputs = Outputs { names: bound.unused.names(), columns };
                let batch = outputs.assemble(&chunk, &file).map_err(|e| failed(e.into()))?;
                hand_out(Mapped { batch, is_source_row: false }, &file, sink)?;
            }
        }
        bound.trim();
        Ok(())
    }
}

fn hand_out(mapped: Mapped, file: &str, sink: Sink<'_>) -> Result<(), ReadError> {
    sink(mapped).map_err(|source| ReadError::Sink { file: file.to_owned(), source })
}

/// The mapped columns of one chunk.
struct Outputs<'a> {
    names: &'a [String],
    columns: Vec<ArrayRef>,
}

impl Outputs<'_> {
    fn get(&self, name: &str) -> Option<&ArrayRef> {
        self.names.iter().position(|n| n == name).map(|index| &self.columns[index])
    }

    /// Rows that are stored a second time.
    fn has_unused_part(&self) -> Vec<u32> {
        let Some(flags) = self.get("has_unused_part") else { return Vec::new() };
        let Some(flags) = flags.as_any().downcast_ref::<BooleanArray>() else { return Vec::new() };
        let rows = 0_u32..;
        rows.zip(flags).filter(|(_, flag)| *flag == Some(true)).map(|(row, _)| row).collect()
    }

    /// The columns in table order, with provenance; those that the mapping does not fill are
    /// null.
    fn assemble(&self, chunk: &Chunk, file: &str) -> Result<RecordBatch, arrow::error::ArrowError> {
        let schema = columns::file_schema();
        let mut fields = Vec::with_capacity(schema.fields().len());
        let mut arrays = Vec::with_capacity(schema.fields().len());
        for field in schema.fields() {
            let array = match field.name().as_str() {
                "x_SourceFile" => constant_text(file, chunk.len())?,
                "x_SourceRow" => chunk.row_numbers(),
                name => match self.get(name) {
                    Some(array) => Arc::clone(array),
                    None => arrow::array::new_null_array(field.data_type(), chunk.len()),
                },
            };
            fields.push(Field::new(field.name(), array.data_type().clone(), true));
            arrays.push(array);
        }
        RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays)
    }
}

/// A dictionary array of one text.
///
/// # Errors
/// Never for fewer than 2³¹ rows.
pub fn constant_text(text: &str, rows: usize) -> Result<ArrayRef, arrow::error::ArrowError> {
    let keys = Int32Array::from(vec![0; rows]);
    let values = Arc::new(StringViewArray::from(vec![text]));
    Ok(Arc::new(DictionaryArray::<Int32Type>::try_new(keys, values)?))
}

fn check_period(outputs: &Outputs<'_>, period: Option<&str>, file: &str) -> Result<(), ReadError> {
    let (Some(period), Some(starts)) = (period, outputs.get("BillingPeriodStart")) else {
        return Ok(());
    };
    let starts = starts.as_primitive::<TimestampMicrosecondType>();
    let (min, max) = (arrow::compute::min(starts), arrow::compute::max(starts));
    for moment in [min, max].into_iter().flatten() {
        let seen = month_of(moment);
        if seen != period {
            return Err(ReadError::Period {
                file: file.to_owned(),
                seen,
                expected: period.to_owned(),
            });
        }
    }
    Ok(())
}

/// The month of a point in time (microseconds), YYYY-MM.
#[must_use]
pub fn month_of(micros: i64) -> String {
    chrono::DateTime::from_timestamp_micros(micros)
        .map(|moment| moment.format("%Y-%m").to_string())
        .unwrap_or_default()
}
