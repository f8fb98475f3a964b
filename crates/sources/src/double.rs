//! The one file in which binary floats may become money (INV-FLOAT).
//!
//! Some of AWS's files are themselves double: Parquet reports write money as IEEE 754. The exact
//! decimal that was meant is the shortest one that reads back as the same double, which is what
//! Java and Rust both print. It is taken once, here; after that everything is exact.

#![expect(clippy::disallowed_types, reason = "sources that are themselves double (INV-FLOAT)")]

use std::io::Write;

/// Appends the shortest decimal text that denotes this double, e.g. `0.1`, `5.2e-9`. NaN and
/// infinities become words that are no amounts, so that their rows are set aside and not lost.
pub fn push_shortest(value: f64, text: &mut Vec<u8>) {
    // Writing to a vector cannot fail.
    write!(text, "{value:?}").ok();
}

/// As [`push_shortest`], for single precision.
pub fn push_shortest_single(value: f32, text: &mut Vec<u8>) {
    write!(text, "{value:?}").ok();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shortest(value: f64) -> Vec<u8> {
        let mut text = Vec::new();
        push_shortest(value, &mut text);
        text
    }

    #[test]
    fn inv_float_doubles_become_the_decimals_that_were_meant() {
        for text in ["0.1", "0.0010569617", "-12.34", "1234567.891", "0.0", "5.2e-9"] {
            let units = billhook_money::parse(&shortest(text.parse().unwrap())).unwrap().units;
            assert_eq!(units, billhook_money::parse(text.as_bytes()).unwrap().units, "{text}");
        }
        assert!(billhook_money::parse(&shortest(f64::NAN)).is_err());
    }
}
