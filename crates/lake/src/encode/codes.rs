//! Distinct values of a column chunk and their codes: the dictionary page in the making.

use std::hash::{BuildHasher, Hash};

use foldhash::fast::FixedState;
use hashbrown::HashTable;

/// Distinct texts, already in the layout of a dictionary page (`PLAIN`).
#[derive(Clone, Default)]
pub(super) struct TextCodes {
    plain: Vec<u8>,
    starts: Vec<usize>,
    table: HashTable<u32>,
    state: FixedState,
}

impl TextCodes {
    pub(super) fn code(&mut self, text: &[u8]) -> u32 {
        let Self { plain, starts, table, state } = self;
        let same = |code: &u32| at(plain, starts, *code) == text;
        if let Some(code) = table.find(state.hash_one(text), same) {
            return *code;
        }
        let code = u32::try_from(starts.len()).unwrap_or(u32::MAX);
        starts.push(plain.len());
        append_text(text, plain);
        table.insert_unique(state.hash_one(text), code, |code| {
            state.hash_one(at(plain, starts, *code))
        });
        code
    }

    pub(super) fn len(&self) -> usize {
        self.starts.len()
    }

    pub(super) fn plain(&self) -> &[u8] {
        &self.plain
    }

    /// The smallest and the largest text, by bytes.
    pub(super) fn bounds(&self) -> Option<(&[u8], &[u8])> {
        let texts = || (0_u32..).take(self.len()).map(|code| at(&self.plain, &self.starts, code));
        Some((texts().min()?, texts().max()?))
    }

    pub(super) fn clear(&mut self) {
        self.plain.clear();
        self.starts.clear();
        self.table.clear();
    }
}

fn at<'a>(plain: &'a [u8], starts: &[usize], code: u32) -> &'a [u8] {
    let start = starts[code as usize] + 4;
    let end = starts.get(code as usize + 1).copied().unwrap_or(plain.len());
    &plain[start..end]
}

/// Appends a text as `PLAIN` holds it: its length and its bytes.
pub(super) fn append_text(text: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(&u32::try_from(text.len()).unwrap_or(u32::MAX).to_le_bytes());
    out.extend_from_slice(text);
}

/// A value of fixed size.
pub(super) trait Fixed: Copy + Ord + Hash {
    /// Appends it as `PLAIN` holds it.
    fn append(self, out: &mut Vec<u8>);
}

/// Decimals are 16 bytes, the highest first.
impl Fixed for i128 {
    fn append(self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.to_be_bytes());
    }
}

impl Fixed for i64 {
    fn append(self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.to_le_bytes());
    }
}

impl Fixed for i32 {
    fn append(self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.to_le_bytes());
    }
}

/// Distinct values of fixed size.
#[derive(Clone)]
pub(super) struct FixedCodes<T> {
    values: Vec<T>,
    table: HashTable<u32>,
    state: FixedState,
    last: Option<(T, u32)>,
}

impl<T> Default for FixedCodes<T> {
    fn default() -> Self {
        Self {
            values: Vec::new(),
            table: HashTable::new(),
            state: FixedState::default(),
            last: None,
        }
    }
}

impl<T: Fixed> FixedCodes<T> {
    #[inline]
    pub(super) fn code(&mut self, value: T) -> u32 {
        if let Some((last, code)) = self.last
            && last == value
        {
            return code;
        }
        let Self { values, table, state, .. } = self;
        let hash = state.hash_one(value);
        let found = table.find(hash, |&code| values[code as usize] == value).copied();
        let code = found.unwrap_or_else(|| {
            let code = u32::try_from(values.len()).unwrap_or(u32::MAX);
            values.push(value);
            table.insert_unique(hash, code, |&code| state.hash_one(values[code as usize]));
            code
        });
        self.last = Some((value, code));
        code
    }

    pub(super) fn len(&self) -> usize {
        self.values.len()
    }

    pub(super) fn plain(&self) -> Vec<u8> {
        let mut plain = Vec::with_capacity(self.values.len() * size_of::<T>());
        self.values.iter().for_each(|value| value.append(&mut plain));
        plain
    }

    pub(super) fn bounds(&self) -> Option<(T, T)> {
        Some((*self.values.iter().min()?, *self.values.iter().max()?))
    }

    pub(super) fn clear(&mut self) {
        self.values.clear();
        self.table.clear();
        self.last = None;
    }
}
