//! Runs a `to_focus.sql` over chunks: what depends on repeating text is evaluated once per
//! distinct tuple, what depends on a row's money once per row.
//!
//! The SQL is an ordinary `SELECT` over the source's columns, planned by `DataFusion`. Each output
//! expression is looked at: one that reads only grouped columns is evaluated for the distinct
//! combinations of those groups' ids, and its rows are dictionary keys; in one that also reads
//! row-wise columns, the largest parts that read only grouped columns are evaluated that way and
//! gathered, and the rest is evaluated over the rows. The SQL's author need not know any of this.

mod combo;
pub mod functions;
mod plan;

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch, RecordBatchOptions, UInt32Array};
use arrow::datatypes::{Schema, SchemaRef};
use datafusion::common::ScalarValue;
use datafusion::physical_expr::PhysicalExpr;

use combo::Combo;
use plan::Planned;

use crate::decode::{Chunk, Decoder};
use crate::format::Binding;

/// Why a mapping cannot be used. These are faults of the program or its SQL, not of the data.
#[derive(Debug, thiserror::Error)]
pub enum ProjectError {
    /// `DataFusion` refuses the SQL or fails to evaluate it.
    #[error("the mapping cannot be evaluated")]
    Sql(#[from] datafusion::error::DataFusionError),
    /// An array cannot be made.
    #[error("a mapped column cannot be assembled")]
    Arrow(#[from] arrow::error::ArrowError),
    /// The SQL is not a plain `SELECT … FROM source`.
    #[error("the mapping must be a plain SELECT over the source: {0}")]
    Shape(String),
}

/// Where the values of an output come from.
#[derive(Debug)]
enum Output {
    /// Slot of a combination of groups.
    Combo(usize, usize),
    /// Expression over the rows.
    Row(Arc<dyn PhysicalExpr>),
    /// The same as another output.
    Same(usize),
}

/// Expressions over rows that can be evaluated at once.
#[derive(Debug)]
struct Round {
    /// Their outputs.
    outputs: Vec<usize>,
    /// The columns of the row stage that they and all before them read.
    inputs: SchemaRef,
}

/// A `SELECT` made ready for files with one header.
#[derive(Debug)]
pub struct Projection {
    names: Vec<String>,
    outputs: Vec<Output>,
    combos: Vec<Combo>,
    /// What the row stage reads.
    row_inputs: Vec<RowInput>,
    rounds: Vec<Round>,
}

/// A column of the row stage.
#[derive(Debug, Clone)]
enum RowInput {
    Money(&'static str),
    Text(usize),
    Gathered {
        combo: usize,
        slot: usize,
    },
    /// An output of an earlier round.
    Output(usize),
}

impl Projection {
    /// Plans `select` for a header. `parameters` are columns with one value for all rows.
    ///
    /// # Errors
    /// [`ProjectError`] when the SQL is wrong.
    pub fn new(
        binding: &Binding,
        select: &str,
        parameters: &[(&str, ScalarValue)],
    ) -> Result<Self, ProjectError> {
        let Planned { names, outputs, combos, row_inputs, rounds } =
            plan::plan(binding, select, parameters)?;
        Ok(Self { names, outputs, combos, row_inputs, rounds })
    }

    /// Names of the output columns.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Memory taken by what was evaluated, about.
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        self.combos.iter().map(Combo::size_bytes).sum()
    }

    /// Forgets what was evaluated for a group's tuples; needed when the decoder forgot them.
    pub fn forget(&mut self, group: usize) {
        self.combos.iter_mut().filter(|combo| combo.reads(group)).for_each(Combo::forget);
    }

    /// The output columns for a chunk. Text that depends on groups alone comes as
    /// `Dictionary(Int32, Utf8View)` whose keys stay the same until [`Self::forget`].
    ///
    /// # Errors
    /// [`ProjectError`] when an expression cannot be evaluated.
    pub fn apply(
        &mut self,
        decoder: &Decoder,
        chunk: &Chunk,
    ) -> Result<Vec<ArrayRef>, ProjectError> {
        for is_single in [true, false] {
            for index in 0..self.combos.len() {
                if self.combos[index].is_single() == is_single {
                    let mut combo = std::mem::take(&mut self.combos[index]);
                    let entered = combo.enter(decoder, chunk, &self.combos);
                    self.combos[index] = combo;
                    entered?;
                }
            }
        }
        let mut results = self.evaluate_rows(chunk)?;
        for (index, output) in self.outputs.iter().enumerate() {
            match output {
                Output::Combo(combo, slot) => {
                    results[index] = Some(self.combos[*combo].gather(*slot)?);
                }
                Output::Same(other) => {
                    let same = results[*other].clone();
                    results[index] = same;
                }
                Output::Row(_) => {}
            }
        }
        debug_assert!(results.iter().all(Option::is_some));
        Ok(results.into_iter().flatten().collect())
    }

    /// The outputs that are expressions over rows.
    fn evaluate_rows(&self, chunk: &Chunk) -> Result<Vec<Option<ArrayRef>>, ProjectError> {
        let mut results: Vec<Option<ArrayRef>> = vec![None; self.outputs.len()];
        let mut columns: Vec<ArrayRef> = Vec::with_capacity(self.row_inputs.len());
        for round in &self.rounds {
            self.add_inputs(chunk, &round.inputs, &results, &mut columns)?;
            let options = RecordBatchOptions::new().with_row_count(Some(chunk.len()));
            let schema = Arc::clone(&round.inputs);
            let rows = RecordBatch::try_new_with_options(schema, columns.clone(), &options)?;
            for &index in &round.outputs {
                if let Output::Row(expr) = &self.outputs[index] {
                    results[index] = Some(expr.evaluate(&rows)?.into_array(chunk.len())?);
                }
            }
        }
        Ok(results)
    }

    /// Adds to `columns` until there are all of `wanted`, the first ones of the row stage.
    fn add_inputs(
        &self,
        chunk: &Chunk,
        wanted: &Schema,
        results: &[Option<ArrayRef>],
        columns: &mut Vec<ArrayRef>,
    ) -> Result<(), ProjectError> {
        for index in columns.len()..wanted.fields().len() {
            let field = wanted.field(index);
            let found = match &self.row_inputs[index] {
                RowInput::Money(header) => {
                    chunk.money.iter().find(|(name, _)| name == header).map(|(_, a)| Arc::clone(a))
                }
                RowInput::Text(known) => {
                    chunk.texts.iter().find(|(index, _)| index == known).map(|(_, a)| Arc::clone(a))
                }
                RowInput::Gathered { combo, slot } => Some(self.combos[*combo].plain(*slot)?),
                RowInput::Output(index) => results[*index].clone(),
            };
            let null = || arrow::array::new_null_array(field.data_type(), chunk.len());
            columns.push(found.unwrap_or_else(null));
        }
        Ok(())
    }
}

/// `values` at `ids`, an array as long as `ids`.
fn take(values: &ArrayRef, ids: &UInt32Array) -> Result<ArrayRef, ProjectError> {
    debug_assert!(ids.null_count() == 0);
    Ok(arrow::compute::take(values, ids, None)?)
}
