//! The one file in which binary floats may become money (INV-FLOAT).
//!
//! Some of AWS's files are themselves double: Parquet reports write money as IEEE 754. The exact
//! decimal that was meant is the shortest one that reads back as the same double, which is what
//! Java and Rust both print. It is taken once, here; after that everything is exact.

#![expect(clippy::disallowed_types, reason = "sources that are themselves double (INV-FLOAT)")]

/// The shortest decimal text that denotes this double, e.g. `0.1`, `5.2e-9`. NaN and infinities
/// become words that are no amounts, so that their rows are set aside and not lost.
#[must_use]
pub fn shortest_text(value: f64) -> String {
    format!("{value:?}")
}

/// As [`shortest_text`], for single precision.
#[must_use]
pub fn shortest_text_single(value: f32) -> String {
    format!("{value:?}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inv_float_doubles_become_the_decimals_that_were_meant() {
        for text in ["0.1", "0.0010569617", "-12.34", "1234567.891", "0.0", "5.2e-9"] {
            let value: f64 = text.parse().unwrap();
            let units = billhook_money::parse(shortest_text(value).as_bytes()).unwrap().units;
            assert_eq!(units, billhook_money::parse(text.as_bytes()).unwrap().units, "{text}");
        }
        assert!(billhook_money::parse(shortest_text(f64::NAN).as_bytes()).is_err());
    }
}
