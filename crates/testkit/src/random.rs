//! Repeatable chance: a hash of names and numbers, so that a value depends on what it is for and
//! never on the order in which values are asked for.

/// The 64-bit finaliser of `SplitMix64` (Steele, Lea and Flood 2014).
#[must_use]
pub const fn mix(value: u64) -> u64 {
    let mut z = value.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// A hash of `seed` and `text` (FNV-1a, mixed).
#[must_use]
pub fn hash(seed: u64, text: &str) -> u64 {
    let mut state = 0xCBF2_9CE4_8422_2325_u64 ^ mix(seed);
    for byte in text.bytes() {
        state = (state ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3);
    }
    mix(state)
}

/// A hash of `seed` and `number`.
#[must_use]
pub const fn hash_number(seed: u64, number: u64) -> u64 {
    mix(mix(seed) ^ number)
}

/// `bits` as a number from 0 up to, but without, `limit` (which is above 0).
#[must_use]
pub const fn below(bits: u64, limit: u64) -> u64 {
    bits % limit
}

/// A stream of bits for places where order is fixed anyway.
#[derive(Clone, Debug)]
pub struct Stream(u64);

impl Stream {
    /// The stream of `seed`.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(mix(seed))
    }

    /// The next 64 bits.
    pub const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        mix(self.0)
    }

    /// A number from 0 up to, but without, `limit` (which is above 0).
    pub const fn below(&mut self, limit: u64) -> u64 {
        below(self.next(), limit)
    }
}

/// `length` characters of `alphabet` (ASCII), drawn from the stream of `seed`.
#[must_use]
pub fn text(seed: u64, alphabet: &[u8], length: usize) -> String {
    let mut stream = Stream::new(seed);
    let count = alphabet.len() as u64;
    let pick = |_| {
        let at = usize::try_from(stream.below(count)).unwrap_or(0);
        alphabet.get(at).copied().map_or('0', char::from)
    };
    (0..length).map(pick).collect()
}

/// Letters of a line item id.
pub const BASE32: &[u8] = b"abcdefghijklmnopqrstuvwxyz234567";
/// Letters of SKUs and rate codes.
pub const UPPER: &[u8] = b"ABCDEFGHJKMNPQRSTUVWXYZ23456789";
/// Digits of EC2 ids and UUIDs.
pub const HEX: &[u8] = b"0123456789abcdef";
/// Decimal digits that make no leading nought.
pub const DIGITS: &[u8] = b"123456789";
