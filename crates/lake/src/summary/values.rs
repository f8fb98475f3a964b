//! Values of a column by number, and back.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, MapArray, StringArray};
use arrow::datatypes::Int32Type;
use billhook_focus::columns::map_builder;
use foldhash::fast::FixedState;
use hashbrown::HashMap;

use crate::LakeError;
use crate::spec::COST_AND_USAGE;

/// The number of a value that is not there, and of one that was not looked up yet.
pub(super) const NONE: u32 = u32::MAX;
const UNMET: u32 = u32::MAX - 1;

/// Values of a column by number. A map is its entries one after the other, each text behind its
/// length.
#[derive(Default)]
pub(super) struct Values {
    all: Vec<Arc<[u8]>>,
    numbers: HashMap<Arc<[u8]>, u32, FixedState>,
}

impl Values {
    fn number(&mut self, value: &[u8]) -> u32 {
        if let Some(&number) = self.numbers.get(value) {
            return number;
        }
        let number = u32::try_from(self.all.len()).unwrap_or(UNMET - 1);
        let value: Arc<[u8]> = Arc::from(value);
        self.all.push(Arc::clone(&value));
        self.numbers.insert(value, number);
        number
    }

    /// Calls `each` with every row that has a value, and the value's number.
    pub(super) fn fill(&mut self, array: &ArrayRef, mut each: impl FnMut(usize, u32)) {
        if let Some(map) = array.as_map_opt() {
            let mut value = Vec::new();
            for row in (0..map.len()).filter(|row| map.is_valid(*row)) {
                packed(map, row, &mut value);
                each(row, self.number(&value));
            }
            return;
        }
        let dictionary = array.as_dictionary::<Int32Type>();
        let texts = dictionary.values().as_string::<i32>();
        let mut numbers = vec![UNMET; texts.len()];
        for (row, key) in dictionary.keys().iter().enumerate() {
            let Some(key) = key.and_then(|key| usize::try_from(key).ok()) else { continue };
            if numbers[key] == UNMET {
                numbers[key] = self.number(texts.value(key).as_bytes());
            }
            each(row, numbers[key]);
        }
    }

    fn value(&self, number: u32) -> Option<&[u8]> {
        self.all.get(number as usize).map(|value| &**value)
    }

    pub(super) fn texts(&self, numbers: impl Iterator<Item = u32>) -> ArrayRef {
        let text = |number| self.value(number).and_then(|value| std::str::from_utf8(value).ok());
        Arc::new(numbers.map(text).collect::<StringArray>())
    }

    pub(super) fn maps(&self, numbers: impl Iterator<Item = u32>) -> Result<ArrayRef, LakeError> {
        let mut maps = map_builder();
        for number in numbers {
            let value = self.value(number);
            let mut rest = value.unwrap_or_default();
            while let Some((key, value)) = entry(&mut rest) {
                maps.keys().append_value(key);
                maps.values().append_option(value);
            }
            let table = COST_AND_USAGE.name;
            maps.append(value.is_some()).map_err(|source| LakeError::Arrow { table, source })?;
        }
        Ok(Arc::new(maps.finish()))
    }
}

/// Packs the entries of a row's map: lengths and texts; the length of no value is [`NONE`].
fn packed(map: &MapArray, row: usize, value: &mut Vec<u8>) {
    value.clear();
    let (keys, values) = (map.keys().as_string::<i32>(), map.values().as_string::<i32>());
    let offsets = map.value_offsets();
    let place = |row: usize| usize::try_from(offsets[row]).unwrap_or_default();
    for entry in place(row)..place(row + 1) {
        for texts in [keys, values] {
            if texts.is_null(entry) {
                value.extend_from_slice(&NONE.to_le_bytes());
                continue;
            }
            let text = texts.value(entry).as_bytes();
            let length = u32::try_from(text.len()).unwrap_or_default();
            value.extend_from_slice(&length.to_le_bytes());
            value.extend_from_slice(text);
        }
    }
}

/// Takes an entry from the front of what was packed.
fn entry<'a>(rest: &mut &'a [u8]) -> Option<(&'a str, Option<&'a str>)> {
    let key = text(rest)?;
    let is_null = rest.starts_with(&NONE.to_le_bytes());
    if is_null {
        *rest = rest.get(4..)?;
    }
    Some((key, if is_null { None } else { text(rest) }))
}

fn text<'a>(rest: &mut &'a [u8]) -> Option<&'a str> {
    let (length, behind) = rest.split_first_chunk::<4>()?;
    let (text, behind) = behind.split_at_checked(u32::from_le_bytes(*length) as usize)?;
    *rest = behind;
    std::str::from_utf8(text).ok()
}
