//! Parquet's hybrid of run-length and bit-packed numbers, for levels and dictionary codes.
//!
//! Source: Apache Parquet, Encodings.md, "Run Length Encoding / Bit-Packing Hybrid".

use arrow::buffer::BooleanBuffer;

/// Shortest run that is worth an entry of its own.
const MIN_RUN: usize = 8;

/// Bits that hold every number up to `max`, at least 1.
pub(super) fn width_for(max: u32) -> u8 {
    u8::try_from((u32::BITS - max.leading_zeros()).max(1)).unwrap_or(32)
}

/// Appends `values`, each below `2^width`.
pub(super) fn append(values: &[u32], width: u8, out: &mut Vec<u8>) {
    let mut literal = 0;
    let mut index = 0;
    while index < values.len() {
        let value = values[index];
        let length = values[index..].iter().take_while(|&&other| other == value).count();
        // Literals come in groups of eight: the run fills up the last group before it begins.
        let pad = (index - literal).wrapping_neg() % 8;
        if length >= pad + MIN_RUN {
            append_packed(&values[literal..index + pad], width, out);
            append_run(value, length - pad, width, out);
            index += length;
            literal = index;
        } else {
            index += length;
        }
    }
    append_packed(&values[literal..], width, out);
}

/// Appends bits, which are numbers of width 1 as they stand.
pub(super) fn append_bits(bits: &BooleanBuffer, out: &mut Vec<u8>) {
    append_varint(((bits.len().div_ceil(8) as u64) << 1) | 1, out);
    let start = out.len();
    out.extend_from_slice(&bits.sliced());
    out.truncate(start + bits.len().div_ceil(8));
    // What lies behind the last bit is nobody's.
    if let Some(last) = out.last_mut().filter(|_| !bits.len().is_multiple_of(8)) {
        *last &= (1 << (bits.len() % 8)) - 1;
    }
}

/// Appends `length` times the same value.
pub(super) fn append_run(value: u32, length: usize, width: u8, out: &mut Vec<u8>) {
    append_varint((length as u64) << 1, out);
    out.extend_from_slice(&value.to_le_bytes()[..usize::from(width.div_ceil(8))]);
}

fn append_packed(values: &[u32], width: u8, out: &mut Vec<u8>) {
    if values.is_empty() {
        return;
    }
    let groups = values.len().div_ceil(8);
    append_varint(((groups as u64) << 1) | 1, out);
    let width = usize::from(width);
    out.reserve(groups * width + 16);
    let (whole, rest) = values.as_chunks::<8>();
    for eight in whole {
        pack(eight, width, out);
    }
    if !rest.is_empty() {
        let mut eight = [0; 8];
        eight[..rest.len()].copy_from_slice(rest);
        pack(&eight, width, out);
    }
}

/// Eight values take `width` bytes.
fn pack(values: &[u32; 8], width: usize, out: &mut Vec<u8>) {
    if width <= 8 {
        let bits = values.iter().rev().fold(0_u64, |bits, &v| (bits << width) | u64::from(v));
        out.extend_from_slice(&bits.to_le_bytes()[..width]);
    } else if width <= 16 {
        let bits = values.iter().rev().fold(0_u128, |bits, &v| (bits << width) | u128::from(v));
        out.extend_from_slice(&bits.to_le_bytes()[..width]);
    } else {
        let (mut bits, mut held) = (0_u64, 0);
        for &value in values {
            bits |= u64::from(value) << held;
            held += width;
            while held >= 8 {
                out.push(bits.to_le_bytes()[0]);
                bits >>= 8;
                held -= 8;
            }
        }
    }
}

fn append_varint(mut number: u64, out: &mut Vec<u8>) {
    loop {
        let [low, ..] = number.to_le_bytes();
        number >>= 7;
        if number == 0 {
            out.push(low & 0x7f);
            return;
        }
        out.push(low | 0x80);
    }
}
