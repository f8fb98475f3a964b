//! Distinct byte strings, numbered in order of first appearance.

use foldhash::fast::FixedState;
use hashbrown::HashTable;
use std::hash::BuildHasher;

/// A set of byte strings; each has a dense id, starting at 0.
///
/// The bytes lie one after another in one arena; two strings are the same only when their bytes
/// are, whatever their hashes say.
#[derive(Debug, Default)]
pub struct Interner {
    table: HashTable<u32>,
    hashes: Vec<u64>,
    arena: Vec<u8>,
    ends: Vec<usize>,
}

impl Interner {
    /// The id of `key`, a new one when it was not seen before.
    ///
    /// # Panics
    /// Never in practice: after 2³² distinct keys.
    #[inline]
    pub fn intern(&mut self, key: &[u8]) -> u32 {
        let hash = FixedState::with_seed(0).hash_one(key);
        let Self { table, hashes, arena, ends } = self;
        let same = |&id: &u32| hashes[id as usize] == hash && bytes_of(arena, ends, id) == key;
        if let Some(&id) = table.find(hash, same) {
            return id;
        }
        #[expect(clippy::cast_possible_truncation, reason = "the arena is cleared long before")]
        let id = ends.len() as u32;
        arena.extend_from_slice(key);
        ends.push(arena.len());
        hashes.push(hash);
        table.insert_unique(hash, id, |&id| hashes[id as usize]);
        id
    }

    /// The bytes of `id`.
    #[must_use]
    #[inline]
    pub fn get(&self, id: u32) -> &[u8] {
        bytes_of(&self.arena, &self.ends, id)
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
        self.arena.capacity() + self.ends.capacity() * 8 + self.hashes.capacity() * 14
    }

    /// Forgets everything but keeps the memory.
    pub fn clear(&mut self) {
        self.table.clear();
        self.hashes.clear();
        self.arena.clear();
        self.ends.clear();
    }
}

#[inline]
fn bytes_of<'a>(arena: &'a [u8], ends: &[usize], id: u32) -> &'a [u8] {
    let id = id as usize;
    let start = if id == 0 { 0 } else { ends[id - 1] };
    &arena[start..ends[id]]
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
