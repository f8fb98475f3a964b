//! Expressions over one combination of groups, evaluated once per distinct combination of ids.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, DictionaryArray, Int32Array, RecordBatch, RecordBatchOptions,
    StringArray, UInt32Array,
};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{DataType, Int32Type, Schema, SchemaRef};
use datafusion::physical_expr::PhysicalExpr;

use super::{ProjectError, take};
use crate::decode::{Chunk, Decoder, Item};
use crate::intern::Interner;

/// The values of one expression for all combinations seen.
#[derive(Debug)]
enum Values {
    /// Text: per combination the number of a distinct value, -1 for null.
    Text { codes: Vec<i32>, interner: Interner, dictionary: Option<ArrayRef> },
    /// Anything else, a value per combination, in pieces of falling size: joining equals keeps
    /// the copying down.
    Plain(Vec<ArrayRef>),
}

/// A combination of groups with the expressions that read just these.
#[derive(Debug)]
pub(super) struct Combo {
    groups: Vec<usize>,
    items: Vec<(usize, Item)>,
    schema: SchemaRef,
    expressions: Vec<Arc<dyn PhysicalExpr>>,
    values: Vec<Values>,
    /// One group: group id to local number plus one.
    single: Vec<u32>,
    /// Several groups: ids to local number.
    several: HashMap<[u32; 4], u32, foldhash::fast::FixedState>,
    count: u32,
    /// Local number of each row of the current chunk.
    rows: UInt32Array,
}

impl Combo {
    pub(super) fn new(
        groups: Vec<usize>,
        items: Vec<(usize, Item)>,
        schema: Schema,
        expressions: Vec<Arc<dyn PhysicalExpr>>,
    ) -> Self {
        let schema = Arc::new(schema);
        let values = expressions
            .iter()
            .map(|expr| match expr.data_type(&schema) {
                Ok(DataType::Utf8 | DataType::Utf8View | DataType::LargeUtf8) => Values::Text {
                    codes: Vec::new(),
                    interner: Interner::default(),
                    dictionary: None,
                },
                _ => Values::Plain(Vec::new()),
            })
            .collect();
        Self {
            groups,
            items,
            schema,
            expressions,
            values,
            single: Vec::new(),
            several: HashMap::default(),
            count: 0,
            rows: UInt32Array::from(Vec::<u32>::new()),
        }
    }

    pub(super) fn forget(&mut self) {
        let expressions = std::mem::take(&mut self.expressions);
        let schema = self.schema.as_ref().clone();
        let (groups, items) = (std::mem::take(&mut self.groups), std::mem::take(&mut self.items));
        *self = Self::new(groups, items, schema, expressions);
    }

    /// Numbers the chunk's rows and evaluates what is new.
    pub(super) fn enter(&mut self, decoder: &Decoder, chunk: &Chunk) -> Result<(), ProjectError> {
        let first = self.count;
        let (rows, fresh) = match self.groups[..] {
            [group] => self.number_single(&chunk.ids[group], decoder.groups()[group].len()),
            _ => self.number_several(chunk),
        };
        self.rows = UInt32Array::from(rows);
        if self.count > first {
            self.evaluate(decoder, &fresh)?;
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

    fn number_several(&mut self, chunk: &Chunk) -> (Vec<u32>, Vec<Vec<u32>>) {
        let mut fresh = vec![Vec::new(); self.groups.len()];
        let mut rows = Vec::with_capacity(chunk.len());
        for row in 0..chunk.len() {
            let mut key = [0; 4];
            for (part, &group) in key.iter_mut().zip(&self.groups) {
                *part = chunk.ids[group][row];
            }
            let next = self.count;
            let local = *self.several.entry(key).or_insert(next);
            if local == next {
                self.count += 1;
                for (ids, part) in fresh.iter_mut().zip(key) {
                    ids.push(part);
                }
            }
            rows.push(local);
        }
        (rows, fresh)
    }

    fn evaluate(&mut self, decoder: &Decoder, fresh: &[Vec<u32>]) -> Result<(), ProjectError> {
        let count = fresh.first().map_or(0, Vec::len);
        let mut columns: Vec<Option<ArrayRef>> = vec![None; self.items.len()];
        for (group, ids) in self.groups.iter().zip(fresh) {
            let wanted: Vec<(usize, Item)> = (self.items.iter().enumerate())
                .filter(|(_, (of, _))| of == group)
                .map(|(index, (_, item))| (index, *item))
                .collect();
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

    /// The values of a slot for the current chunk's rows; text as a dictionary.
    pub(super) fn gather(&self, slot: usize) -> Result<ArrayRef, ProjectError> {
        match &self.values[slot] {
            Values::Plain(_) => self.plain(slot),
            Values::Text { codes, dictionary, .. } => {
                let keys = self.rows.values().iter().map(|&local| codes[local as usize]);
                let keys: Int32Array = if codes.contains(&-1) {
                    keys.map(|code| (code >= 0).then_some(code)).collect()
                } else {
                    Int32Array::from_iter_values(keys)
                };
                let empty = || Arc::new(StringArray::from(Vec::<&str>::new())) as ArrayRef;
                let values = dictionary.as_ref().map_or_else(empty, Arc::clone);
                Ok(Arc::new(DictionaryArray::<Int32Type>::try_new(keys, values)?))
            }
        }
    }

    /// The rows' values out of several pieces.
    fn interleave(&self, pieces: &[ArrayRef]) -> Result<ArrayRef, ProjectError> {
        let mut starts = Vec::with_capacity(pieces.len());
        let mut total = 0;
        for piece in pieces {
            starts.push(total);
            total += piece.len();
        }
        let places: Vec<(usize, usize)> = self
            .rows
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

    /// The values of a slot for the current chunk's rows, without a dictionary.
    pub(super) fn plain(&self, slot: usize) -> Result<ArrayRef, ProjectError> {
        match &self.values[slot] {
            Values::Plain(pieces) => match &pieces[..] {
                [] => {
                    let data_type = self.expressions[slot].data_type(&self.schema)?;
                    Ok(arrow::array::new_null_array(&data_type, self.rows.len()))
                }
                [only] => take(only, &self.rows),
                pieces => self.interleave(pieces),
            },
            Values::Text { .. } => {
                let gathered = self.gather(slot)?;
                Ok(arrow::compute::cast(&gathered, &DataType::Utf8)?)
            }
        }
    }
}

impl Values {
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
            Self::Text { codes, interner, dictionary } => {
                let text = arrow::compute::cast(new, &DataType::Utf8)?;
                for value in text.as_string::<i32>() {
                    let code = value.map(|value| interner.intern(value.as_bytes()));
                    codes.push(code.map_or(-1, u32::cast_signed));
                }
                if dictionary.as_ref().is_none_or(|d| d.len() != interner.len()) {
                    let (arena, ends) = interner.arena();
                    let lengths = std::iter::once(0).chain(ends.iter().copied());
                    let lengths = lengths.zip(ends).map(|(start, end)| end - start);
                    let offsets = OffsetBuffer::from_lengths(lengths);
                    let values = StringArray::try_new(offsets, arena.to_vec().into(), None)?;
                    *dictionary = Some(Arc::new(values));
                }
            }
        }
        Ok(())
    }
}
