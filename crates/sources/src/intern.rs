//! Distinct byte strings, numbered in order of first appearance.

use foldhash::fast::FixedState;
use hashbrown::HashTable;
use std::hash::BuildHasher;

/// A set of byte strings; each has a dense id, starting at 0.
///
/// The bytes lie one after another in one arena; two strings are the same only when their bytes
/// are, whatever their hashes say.
#[derive(Debug, Clone, Default)]
pub struct Interner {
    table: HashTable<Entry>,
    arena: Vec<u8>,
    ends: Vec<usize>,
    /// The string that was asked for last: rows of one resource often follow one another.
    last: u32,
}

/// What is needed to see whether a string is the one: in one place, for the rest is far away.
#[derive(Debug, Clone)]
struct Entry {
    /// The low bits of the hash.
    hash: u32,
    id: u32,
    start: usize,
    end: usize,
}

impl Interner {
    /// The id of `key`, a new one when it was not seen before.
    ///
    /// # Panics
    /// Never in practice: after 2³² distinct keys.
    #[inline]
    pub fn intern(&mut self, key: &[u8]) -> u32 {
        if !self.ends.is_empty() && self.get(self.last) == key {
            return self.last;
        }
        let hash_of = |key: &[u8]| FixedState::with_seed(0).hash_one(key);
        let hash = hash_of(key);
        #[expect(clippy::cast_possible_truncation, reason = "the low bits are meant")]
        let low = hash as u32;
        let Self { table, arena, ends, last } = self;
        let same = |entry: &Entry| entry.hash == low && arena[entry.start..entry.end] == *key;
        if let Some(entry) = table.find(hash, same) {
            *last = entry.id;
            return entry.id;
        }
        #[expect(clippy::cast_possible_truncation, reason = "the arena is cleared long before")]
        let id = ends.len() as u32;
        let start = arena.len();
        arena.extend_from_slice(key);
        let end = arena.len();
        ends.push(end);
        let entry = Entry { hash: low, id, start, end };
        *last = id;
        table.insert_unique(hash, entry, |entry| hash_of(&arena[entry.start..entry.end]));
        id
    }

    /// The id and bytes of the string that was asked for last.
    #[must_use]
    #[inline]
    pub fn last(&self) -> Option<(u32, &[u8])> {
        (!self.ends.is_empty()).then(|| (self.last, self.get(self.last)))
    }

    /// The bytes of `id`.
    #[must_use]
    #[inline]
    pub fn get(&self, id: u32) -> &[u8] {
        let id = id as usize;
        let start = if id == 0 { 0 } else { self.ends[id - 1] };
        &self.arena[start..self.ends[id]]
    }

    /// How many distinct strings there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// True when nothing was interned.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Memory taken by the strings and their table, about.
    #[must_use]
    pub fn size_bytes(&self) -> usize {
        let table = self.table.capacity() * size_of::<Entry>();
        self.arena.capacity() + self.ends.capacity() * size_of::<usize>() + table
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_dense_and_stable() {
        let mut interner = Interner::default();
        let ids: Vec<u32> =
            [&b"a"[..], b"", b"b", b"a", b""].iter().map(|key| interner.intern(key)).collect();
        assert_eq!(ids, [0, 1, 2, 0, 1]);
        assert_eq!(interner.get(2), b"b");
        for n in 0..100_000_u32 {
            interner.intern(&n.to_le_bytes());
        }
        assert_eq!(interner.len(), 100_003);
        assert_eq!(interner.intern(&99_999_u32.to_le_bytes()), 100_002);
    }
}
