//! Finds record and field ends in RFC 4180 text, 64 bytes at a time.
//!
//! For each 64-byte window three bit masks (comma, newline, quote) are made with SIMD compares.
//! A prefix XOR over the quote mask marks what lies inside quotes; separators outside are the
//! field ends. Doubled quotes need no special case: they leave and enter again at once.

use wide::u8x16;

/// Field ends of the complete records of one block. Positions are byte offsets into the block.
#[derive(Debug, Default)]
pub struct Fields {
    /// End (exclusive) of every field, record after record.
    ends: Vec<u32>,
    /// For each record, the index in `ends` just past its last field.
    records: Vec<u32>,
}

/// One record: its fields' raw bytes are `block[start(k)..end(k)]`.
#[derive(Debug, Clone, Copy)]
pub struct Record<'a> {
    start: u32,
    ends: &'a [u32],
    block: &'a [u8],
}

impl Fields {
    /// Number of complete records.
    #[must_use]
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// True when no record is complete.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Record `index` of the block that was indexed.
    ///
    /// # Panics
    /// When `index` is out of range or `block` is not the indexed one.
    #[must_use]
    #[inline]
    pub fn record<'a>(&'a self, block: &'a [u8], index: usize) -> Record<'a> {
        let first = if index == 0 { 0 } else { self.records[index - 1] as usize };
        let last = self.records[index] as usize;
        let start = if first == 0 { 0 } else { self.ends[first - 1] + 1 };
        Record { start, ends: &self.ends[first..last], block }
    }

    /// Indexes the complete records of `block`, replacing what was indexed before.
    ///
    /// Returns how many bytes those records take; the rest belongs to the next block. The block
    /// must start at a record's start and be shorter than 4 GiB.
    pub fn index(&mut self, block: &[u8]) -> usize {
        self.ends.clear();
        self.records.clear();
        let mut inside = 0_u64;
        let mut offset = 0_u32;
        let (windows, tail) = block.as_chunks::<64>();
        for window in windows {
            self.window(window, offset, &mut inside);
            offset += 64;
        }
        if !tail.is_empty() {
            let mut window = [0_u8; 64];
            window[..tail.len()].copy_from_slice(tail);
            self.window(&window, offset, &mut inside);
        }
        let used = self.records.last().map_or(0, |&last| self.ends[last as usize - 1] + 1);
        self.ends.truncate(self.records.last().map_or(0, |&last| last as usize));
        used as usize
    }

    #[inline]
    fn window(&mut self, window: &[u8; 64], offset: u32, inside: &mut u64) {
        let masks = Masks::of(window);
        let mut separators = masks.comma | masks.newline;
        let mut newlines = masks.newline;
        if masks.quote | *inside != 0 {
            let quoted = prefix_xor(masks.quote) ^ *inside;
            *inside = 0_u64.wrapping_sub(quoted >> 63);
            separators &= !quoted;
            newlines &= !quoted;
        }
        if newlines != 0 {
            self.note_records(separators, newlines);
        }
        while separators != 0 {
            self.ends.push(offset + separators.trailing_zeros());
            separators &= separators - 1;
        }
    }

    fn note_records(&mut self, separators: u64, mut newlines: u64) {
        // A block is under 4 GiB, so the count of its separators fits u32.
        #[expect(clippy::cast_possible_truncation, reason = "blocks are shorter than 4 GiB")]
        let before = self.ends.len() as u32;
        while newlines != 0 {
            let upto = newlines ^ (newlines - 1);
            self.records.push(before + (separators & upto).count_ones());
            newlines &= newlines - 1;
        }
    }
}

impl<'a> Record<'a> {
    /// Number of fields.
    #[must_use]
    #[inline]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// True for a blank line.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.len() == 1 && self.span(0, 0).is_empty()
    }

    /// Raw bytes of field `index`, quotes included, without a carriage return at the record's end.
    #[must_use]
    #[inline]
    pub fn field(&self, index: usize) -> &'a [u8] {
        self.span(index, index)
    }

    /// Raw bytes from field `first` to field `last` inclusive, with the commas between them.
    #[must_use]
    #[inline]
    pub fn span(&self, first: usize, last: usize) -> &'a [u8] {
        let start = if first == 0 { self.start } else { self.ends[first - 1] + 1 };
        let span = &self.block[start as usize..self.ends[last] as usize];
        if last + 1 == self.ends.len() { span.strip_suffix(b"\r").unwrap_or(span) } else { span }
    }

    /// Raw bytes of the whole record without its line end.
    #[must_use]
    pub fn bytes(&self) -> &'a [u8] {
        self.span(0, self.ends.len() - 1)
    }
}

struct Masks {
    comma: u64,
    newline: u64,
    quote: u64,
}

impl Masks {
    #[inline]
    fn of(window: &[u8; 64]) -> Self {
        let mut masks = Self { comma: 0, newline: 0, quote: 0 };
        for (part, bytes) in window.as_chunks::<16>().0.iter().enumerate() {
            let lanes = u8x16::new(*bytes);
            let shift = part * 16;
            let mask = |byte: u8| {
                u64::from(lanes.simd_eq(u8x16::splat(byte)).to_bitmask() & 0xffff) << shift
            };
            masks.comma |= mask(b',');
            masks.newline |= mask(b'\n');
            masks.quote |= mask(b'"');
        }
        masks
    }
}

/// Bit *i* of the result is the parity of bits 0 to *i*.
#[inline]
fn prefix_xor(mut bits: u64) -> u64 {
    for shift in [1, 2, 4, 8, 16, 32] {
        bits ^= bits << shift;
    }
    bits
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn split(text: &[u8]) -> (Vec<Vec<Vec<u8>>>, usize) {
        let mut fields = Fields::default();
        let used = fields.index(text);
        let records = (0..fields.len())
            .map(|r| {
                let record = fields.record(text, r);
                (0..record.len())
                    .map(|k| crate::text::unquote(record.field(k)).into_owned())
                    .collect()
            })
            .collect();
        (records, used)
    }

    #[test]
    fn splits_quotes_blank_lines_and_carriage_returns() {
        let text = b"a,b\r\n\"x,\"\"y\"\"\n\",2\n\n1,2\nrest";
        let (records, used) = split(text);
        assert_eq!(records[0], [b"a".to_vec(), b"b".to_vec()]);
        assert_eq!(records[1], [b"x,\"y\"\n".to_vec(), b"2".to_vec()]);
        assert_eq!(records[2], [b"".to_vec()]);
        assert_eq!(records[3], [b"1".to_vec(), b"2".to_vec()]);
        assert_eq!(&text[used..], b"rest");
    }

    proptest! {
        #[test]
        fn what_is_written_is_split_again(
            rows in prop::collection::vec(prop::collection::vec("[a,\"\n\r0 ]{0,9}", 1..9), 0..40)
        ) {
            let mut text = Vec::new();
            for row in &rows {
                for (index, field) in row.iter().enumerate() {
                    if index > 0 { text.push(b','); }
                    crate::text::push_field(&mut text, field.as_bytes());
                }
                text.push(b'\n');
            }
            let (records, used) = split(&text);
            prop_assert_eq!(used, text.len());
            let expected: Vec<Vec<Vec<u8>>> = rows
                .iter()
                .map(|row| row.iter().map(|f| f.clone().into_bytes()).collect())
                .collect();
            prop_assert_eq!(records, expected);
        }
    }
}
