//! Expressions over one combination of groups, evaluated once per distinct combination of ids.

use std::hash::BuildHasher;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, DictionaryArray, Int32Array, RecordBatch, RecordBatchOptions,
    StringArray, StringViewBuilder, UInt32Array,
};
use arrow::buffer::{BooleanBuffer, NullBuffer, ScalarBuffer};
use arrow::datatypes::{DataType, Int32Type, Schema, SchemaRef};
use datafusion::physical_expr::PhysicalExpr;
use foldhash::fast::FixedState;
use hashbrown::{HashMap, HashTable};

use super::{ProjectError, take};
use crate::decode::{Chunk, Decoder, Item};

/// The values of one expression for all combinations seen.
#[derive(Debug)]
enum Values {
    /// Text: per combination the number of a distinct value, -1 for null.
    Text { codes: Vec<i32>, dictionary: Box<Dictionary> },
    /// Anything else, a value per combination, in pieces of falling size: joining equals keeps
    /// the copying down.
    Plain(Vec<ArrayRef>),
}

/// Distinct texts as an array that only ever grows: old blocks are shared, not copied.
#[derive(Debug)]
struct Dictionary {
    builder: StringViewBuilder,
    table: HashTable<u32>,
    state: FixedState,
    values: ArrayRef,
}

/// Texts of a block, bytes.
const BLOCK_BYTES: u32 = 1 << 17;

impl Default for Dictionary {
    fn default() -> Self {
        let mut builder = StringViewBuilder::new().with_fixed_block_size(BLOCK_BYTES);
        let values = Arc::new(builder.finish());
        Self { values, builder, table: HashTable::new(), state: FixedState::default() }
    }
}

impl Dictionary {
    /// The place of a text, a new one when it was not seen before.
    fn code(&mut self, text: &str) -> u32 {
        let Self { builder, table, state, .. } = self;
        let hash = state.hash_one(text.as_bytes());
        let same = |&code: &u32| builder.get_value(code as usize) == text.as_bytes();
        if let Some(&code) = table.find(hash, same) {
            return code;
        }
        let code = u32::try_from(table.len()).unwrap_or(u32::MAX);
        builder.append_value(text);
        let hash_of = |&code: &u32| state.hash_one(builder.get_value(code as usize));
        table.insert_unique(hash, code, hash_of);
        code
    }

    fn size_bytes(&self) -> usize {
        // The texts are shared with the builder, where they stand with their views once more.
        let entry = size_of::<u128>() + 2 * size_of::<u32>();
        self.values.get_array_memory_size() + self.table.capacity() * entry
    }

    /// Brings the array up to date.
    fn settle(&mut self) {
        if self.values.len() < self.table.len() {
            self.values = Arc::new(self.builder.finish_cloned());
        }
    }
}

/// What an expression reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Input {
    /// A column of a group.
    Item(usize, Item),
    /// What another combination, of this group alone, evaluated in a slot.
    Slot {
        /// The group.
        group: usize,
        /// The other combination.
        combo: usize,
        /// Its slot.
        slot: usize,
    },
}

/// A combination of groups with the expressions that read just these.
#[derive(Debug)]
pub(super) struct Combo {
    groups: Vec<usize>,
    inputs: Vec<Input>,
    schema: SchemaRef,
    expressions: Vec<Arc<dyn PhysicalExpr>>,
    values: Vec<Values>,
    /// One group: group id to local number plus one.
    single: Vec<u32>,
    /// Several groups: per group, ids that stand for each other.
    alike: Vec<Alike>,
    /// Several groups: numbers of the values read from each to local number.
    several: HashMap<u128, u32, FixedState>,
    count: u32,
    /// Local number of each row of the current chunk.
    rows: UInt32Array,
}

/// Groups that one expression may read.
pub(super) const MAX_GROUPS: usize = 4;

/// Ids of a group for which the parts that a combination reads have the same values: a resource
/// type depends on the product's code, not on its hundred attributes.
#[derive(Debug, Default)]
struct Alike {
    /// Per id, one more than the number of its values; 0 when it was not looked at.
    numbers: Vec<u32>,
    /// Codes of the values to their number.
    known: HashMap<Vec<u32>, u32, FixedState>,
}

impl Default for Combo {
    /// One that reads nothing, to hold a place.
    fn default() -> Self {
        Self::new(Vec::new(), Vec::new(), Schema::empty(), Vec::new())
    }
}

impl Combo {
    pub(super) fn new(
        groups: Vec<usize>,
        inputs: Vec<Input>,
        schema: Schema,
        expressions: Vec<Arc<dyn PhysicalExpr>>,
    ) -> Self {
        let schema = Arc::new(schema);
        let values = expressions
            .iter()
            .map(|expr| match expr.data_type(&schema) {
                Ok(DataType::Utf8 | DataType::Utf8View | DataType::LargeUtf8) => {
                    Values::Text { codes: Vec::new(), dictionary: Box::default() }
                }
                _ => Values::Plain(Vec::new()),
            })
            .collect();
        Self {
            groups,
            inputs,
            schema,
            expressions,
            values,
            single: Vec::new(),
            alike: Vec::new(),
            several: HashMap::default(),
            count: 0,
            rows: UInt32Array::from(Vec::<u32>::new()),
        }
    }

    /// Does it read this group?
    pub(super) fn reads(&self, group: usize) -> bool {
        self.groups.contains(&group)
    }

    /// Memory taken by what was evaluated, about.
    pub(super) fn size_bytes(&self) -> usize {
        let alike = self.alike.iter().map(Alike::size_bytes).sum::<usize>();
        let values = self.values.iter().map(Values::size_bytes).sum::<usize>();
        let numbers = self.single.capacity() * size_of::<u32>()
            + self.several.capacity() * size_of::<(u128, u32)>();
        numbers + alike + values
    }

    pub(super) fn forget(&mut self) {
        let expressions = std::mem::take(&mut self.expressions);
        let schema = self.schema.as_ref().clone();
        let (groups, inputs) = (std::mem::take(&mut self.groups), std::mem::take(&mut self.inputs));
        *self = Self::new(groups, inputs, schema, expressions);
    }

    /// Does it read one group alone? Those are entered before the others, which may read them.
    pub(super) fn is_single(&self) -> bool {
        self.groups.len() == 1
    }

    /// Numbers the chunk's rows and evaluates what is new.
    pub(super) fn enter(
        &mut self,
        decoder: &Decoder,
        chunk: &Chunk,
        others: &[Self],
    ) -> Result<(), ProjectError> {
        let first = self.count;
        let (rows, fresh) = match self.groups[..] {
            [group] => self.number_single(&chunk.ids[group], decoder.groups()[group].len()),
            _ => self.number_several(decoder, chunk, others),
        };
        self.rows = UInt32Array::from(rows);
        if self.count > first {
            self.evaluate(decoder, &fresh, others)?;
        }
        Ok(())
    }

    fn number_single(&mut self, ids: &[u32], distinct: usize) -> (Vec<u32>, Vec<Vec<u32>>) {
        self.single.resize(distinct, 0);
        let mut fresh = Vec::new();
        let mut rows = Vec::with_capacity(ids.len());
        for &id in ids {
            let local = &mut self.single[id as usize];
            if *local == 0 {
                self.count += 1;
                *local = self.count;
                fresh.push(id);
            }
            rows.push(*local - 1);
        }
        (rows, vec![fresh])
    }

    fn number_several(
        &mut self,
        decoder: &Decoder,
        chunk: &Chunk,
        others: &[Self],
    ) -> (Vec<u32>, Vec<Vec<u32>>) {
        self.alike.resize_with(self.groups.len(), Alike::default);
        for (&group, alike) in self.groups.iter().zip(&mut self.alike) {
            alike.numbers.resize(decoder.groups()[group].len(), 0);
            for &id in &chunk.ids[group] {
                if alike.numbers[id as usize] == 0 {
                    alike.number(id, group, &self.inputs, others);
                }
            }
        }
        let mut fresh = vec![Vec::new(); self.groups.len()];
        let mut rows = Vec::with_capacity(chunk.len());
        for row in 0..chunk.len() {
            let parts = self.groups.iter().zip(&self.alike);
            let key = parts.fold(0_u128, |key, (&group, alike)| {
                key << 32 | u128::from(alike.numbers[chunk.ids[group][row] as usize])
            });
            let next = self.count;
            let local = *self.several.entry(key).or_insert(next);
            if local == next {
                self.count += 1;
                for (ids, &group) in fresh.iter_mut().zip(&self.groups) {
                    ids.push(chunk.ids[group][row]);
                }
            }
            rows.push(local);
        }
        (rows, fresh)
    }

    /// A number for the value of a slot for an id of this combination's only group: equal numbers
    /// mean equal values.
    fn code_of(&self, slot: usize, id: u32) -> u32 {
        let local = self.single[id as usize] - 1;
        match &self.values[slot] {
            Values::Text { codes, .. } => codes[local as usize].cast_unsigned(),
            Values::Plain(pieces) => flag_of(pieces, local).unwrap_or(local),
        }
    }

    fn evaluate(
        &mut self,
        decoder: &Decoder,
        fresh: &[Vec<u32>],
        others: &[Self],
    ) -> Result<(), ProjectError> {
        let count = fresh.first().map_or(0, Vec::len);
        let mut columns: Vec<Option<ArrayRef>> = vec![None; self.inputs.len()];
        for (group, ids) in self.groups.iter().zip(fresh) {
            let mut wanted = Vec::new();
            for (index, input) in self.inputs.iter().enumerate() {
                match input {
                    Input::Item(of, item) if of == group => wanted.push((index, *item)),
                    Input::Slot { group: of, combo, slot } if of == group => {
                        columns[index] = Some(others[*combo].of_ids(*slot, ids)?);
                    }
                    _ => {}
                }
            }
            let items: Vec<Item> = wanted.iter().map(|(_, item)| *item).collect();
            let arrays = decoder.groups()[*group].decode(decoder.binding(), ids, &items);
            for ((index, _), array) in wanted.into_iter().zip(arrays) {
                columns[index] = Some(array);
            }
        }
        let columns = columns.into_iter().flatten().collect();
        let options = RecordBatchOptions::new().with_row_count(Some(count));
        let batch = RecordBatch::try_new_with_options(Arc::clone(&self.schema), columns, &options)?;
        for (expression, values) in self.expressions.iter().zip(&mut self.values) {
            values.append(&expression.evaluate(&batch)?.into_array(count)?)?;
        }
        Ok(())
    }

    /// The values of a slot for ids of this combination's only group, all seen before.
    fn of_ids(&self, slot: usize, ids: &[u32]) -> Result<ArrayRef, ProjectError> {
        let rows: Vec<u32> = ids.iter().map(|&id| self.single[id as usize] - 1).collect();
        self.plain_of(slot, &UInt32Array::from(rows))
    }

    /// The values of a slot for the current chunk's rows; text and maps as a dictionary.
    pub(super) fn gather(&self, slot: usize) -> Result<ArrayRef, ProjectError> {
        match &self.values[slot] {
            Values::Plain(pieces)
                if pieces.first().is_some_and(|p| matches!(p.data_type(), DataType::Map(..))) =>
            {
                self.keyed_maps(pieces)
            }
            _ => self.gather_of(slot, &self.rows),
        }
    }

    /// Maps as a dictionary: of all that were seen when they lie together, else of those that
    /// this chunk has.
    fn keyed_maps(&self, pieces: &[ArrayRef]) -> Result<ArrayRef, ProjectError> {
        let locals = self.rows.values();
        let (keys, values): (Vec<i32>, ArrayRef) = if let [only] = pieces {
            (locals.iter().map(|local| local.cast_signed()).collect(), Arc::clone(only))
        } else {
            let mut places = vec![-1; self.count as usize];
            let mut distinct = Vec::new();
            let keys = locals.iter().map(|&local| {
                let place = &mut places[local as usize];
                if *place < 0 {
                    *place = i32::try_from(distinct.len()).unwrap_or(i32::MAX);
                    distinct.push(local);
                }
                *place
            });
            let keys = keys.collect();
            (keys, interleave(pieces, &UInt32Array::from(distinct))?)
        };
        Ok(Arc::new(DictionaryArray::<Int32Type>::try_new(Int32Array::from(keys), values)?))
    }

    fn gather_of(&self, slot: usize, rows: &UInt32Array) -> Result<ArrayRef, ProjectError> {
        match &self.values[slot] {
            Values::Plain(_) => self.plain_of(slot, rows),
            Values::Text { codes, dictionary, .. } => {
                let locals = rows.values();
                let mut lowest = 0;
                let keys = locals.iter().map(|&local| {
                    let code = codes[local as usize];
                    lowest = lowest.min(code);
                    code.max(0)
                });
                let keys: ScalarBuffer<i32> = keys.collect();
                let valid = |row: usize| codes[locals[row] as usize] >= 0;
                let nulls = (lowest < 0)
                    .then(|| NullBuffer::new(BooleanBuffer::collect_bool(rows.len(), valid)));
                let keys = Int32Array::new(keys, nulls);
                let values = Arc::clone(&dictionary.values);
                Ok(Arc::new(DictionaryArray::<Int32Type>::try_new(keys, values)?))
            }
        }
    }

    /// The values of a slot for the current chunk's rows, without a dictionary.
    pub(super) fn plain(&self, slot: usize) -> Result<ArrayRef, ProjectError> {
        self.plain_of(slot, &self.rows)
    }

    fn plain_of(&self, slot: usize, rows: &UInt32Array) -> Result<ArrayRef, ProjectError> {
        match &self.values[slot] {
            Values::Plain(pieces) => match &pieces[..] {
                [] => {
                    let data_type = self.expressions[slot].data_type(&self.schema)?;
                    Ok(arrow::array::new_null_array(&data_type, rows.len()))
                }
                [only] => take(only, rows),
                pieces => interleave(pieces, rows),
            },
            Values::Text { codes, dictionary, .. } => {
                let texts = dictionary.values.as_string_view();
                let code = |&local: &u32| usize::try_from(codes[local as usize]).ok();
                let texts = rows.values().iter().map(|row| code(row).map(|code| texts.value(code)));
                Ok(Arc::new(texts.collect::<StringArray>()))
            }
        }
    }
}

impl Alike {
    fn size_bytes(&self) -> usize {
        // The keys are mostly of a few numbers.
        let known = size_of::<(Vec<u32>, u32)>() + 4 * size_of::<u32>();
        self.numbers.capacity() * size_of::<u32>() + self.known.capacity() * known
    }

    /// Finds out which values an id of `group` has, in terms of what others evaluated.
    fn number(&mut self, id: u32, group: usize, inputs: &[Input], others: &[Combo]) {
        let codes = inputs.iter().filter_map(|input| match *input {
            Input::Slot { group: of, combo, slot } if of == group => {
                Some(others[combo].code_of(slot, id))
            }
            // What is read from the group itself may be anything.
            Input::Item(of, _) if of == group => Some(id),
            _ => None,
        });
        let next = u32::try_from(self.known.len() + 1).unwrap_or(u32::MAX);
        self.numbers[id as usize] = *self.known.entry(codes.collect()).or_insert(next);
    }
}

/// The truth value at `local` as a number, when the pieces are of truth values.
fn flag_of(pieces: &[ArrayRef], local: u32) -> Option<u32> {
    let mut local = local as usize;
    for piece in pieces {
        let flags = piece.as_boolean_opt()?;
        if local < flags.len() {
            return Some(if flags.is_null(local) { 2 } else { u32::from(flags.value(local)) });
        }
        local -= flags.len();
    }
    None
}

/// The rows' values out of several pieces.
fn interleave(pieces: &[ArrayRef], rows: &UInt32Array) -> Result<ArrayRef, ProjectError> {
    let mut starts = Vec::with_capacity(pieces.len());
    let mut total = 0;
    for piece in pieces {
        starts.push(total);
        total += piece.len();
    }
    let places: Vec<(usize, usize)> = rows
        .values()
        .iter()
        .map(|&local| {
            let local = local as usize;
            let piece = starts.partition_point(|&start| start <= local) - 1;
            (piece, local - starts[piece])
        })
        .collect();
    let arrays: Vec<&dyn Array> = pieces.iter().map(AsRef::as_ref).collect();
    Ok(arrow::compute::interleave(&arrays, &places)?)
}

impl Values {
    fn size_bytes(&self) -> usize {
        match self {
            Self::Plain(pieces) => pieces.iter().map(Array::get_array_memory_size).sum(),
            Self::Text { codes, dictionary } => {
                codes.capacity() * size_of::<i32>() + dictionary.size_bytes()
            }
        }
    }

    fn append(&mut self, new: &ArrayRef) -> Result<(), ProjectError> {
        match self {
            Self::Plain(pieces) => {
                let mut last = Arc::clone(new);
                while pieces.last().is_some_and(|piece| piece.len() <= 2 * last.len()) {
                    if let Some(piece) = pieces.pop() {
                        last = arrow::compute::concat(&[&piece, &last])?;
                    }
                }
                pieces.push(last);
            }
            Self::Text { codes, dictionary } => {
                let text = arrow::compute::cast(new, &DataType::Utf8)?;
                for value in text.as_string::<i32>() {
                    codes.push(value.map_or(-1, |value| dictionary.code(value).cast_signed()));
                }
                dictionary.settle();
            }
        }
        Ok(())
    }
}
