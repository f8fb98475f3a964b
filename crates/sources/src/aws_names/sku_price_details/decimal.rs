//! Exact non-negative decimals of product attributes: parsed, multiplied, printed.
//!
//! Sizes and speeds, not money: small numbers whose text is printed back in JSON's plain form.

use std::fmt;

/// More digits than any attribute has, and few enough that ten-to-the-digits fits `u128`.
const MAX_DIGITS: usize = 30;

/// A number `digits / 10^scale`, without trailing zeros in the fraction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Decimal {
    digits: u128,
    scale: u32,
}

impl Decimal {
    /// Reads `16`, `0.5` or `1,952`: no sign, no exponent, commas only between thousands.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
        if !is_grouped(whole) || fraction.is_empty() {
            return None;
        }
        let mut digits = 0_u128;
        let numerals = whole.bytes().filter(|b| *b != b',').chain(fraction.bytes());
        for (count, byte) in numerals.enumerate() {
            if !byte.is_ascii_digit() || count >= MAX_DIGITS {
                return None;
            }
            digits = digits * 10 + u128::from(byte - b'0');
        }
        Some(Self { digits, scale: u32::try_from(fraction.len()).ok()? }.reduced())
    }

    /// The exact product; `None` when it is too large.
    pub(super) fn times(self, other: Self) -> Option<Self> {
        let digits = self.digits.checked_mul(other.digits)?;
        Some(Self { digits, scale: self.scale + other.scale }.reduced())
    }

    /// Is there no fraction?
    pub(super) fn is_whole(self) -> bool {
        self.scale == 0
    }

    fn reduced(mut self) -> Self {
        while self.scale > 0 && self.digits.is_multiple_of(10) {
            self.digits /= 10;
            self.scale -= 1;
        }
        self
    }
}

impl From<u32> for Decimal {
    fn from(whole: u32) -> Self {
        Self { digits: whole.into(), scale: 0 }
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scale = self.scale as usize;
        let digits = format!("{:0>width$}", self.digits, width = scale + 1);
        let (whole, fraction) = digits.split_at(digits.len() - scale);
        f.write_str(whole)?;
        if fraction.is_empty() { Ok(()) } else { write!(f, ".{fraction}") }
    }
}

/// Digits without commas, or groups of three after a first group of one to three.
fn is_grouped(whole: &str) -> bool {
    match whole.split_once(',') {
        None => !whole.is_empty(),
        Some((first, rest)) => {
            (1..=3).contains(&first.len()) && rest.split(',').all(|group| group.len() == 3)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn printed(text: &str) -> Option<String> {
        Decimal::parse(text).map(|decimal| decimal.to_string())
    }

    #[test]
    fn prints_plain_numbers() {
        for (text, expected) in [
            ("16", "16"),
            ("1,952", "1952"),
            ("12,345,678.90", "12345678.9"),
            ("0.5", "0.5"),
            ("007", "7"),
            ("16.00", "16"),
            ("0.050", "0.05"),
            ("0", "0"),
            ("100", "100"),
        ] {
            assert_eq!(printed(text).as_deref(), Some(expected), "{text}");
        }
        for text in
            ["", ".", "1.", ".5", "-1", "+1", "1e3", "1,5", "1,9522", ",123", "1.2.3", "1.9,5", "٣"]
        {
            assert_eq!(printed(text), None, "{text}");
        }
        assert_eq!(printed(&"9".repeat(31)), None);
        assert_eq!(printed(&"9".repeat(29)), Some("9".repeat(29)));
    }

    #[test]
    fn multiplies_exactly() {
        let product = |a, b| Some(Decimal::parse(a)?.times(Decimal::parse(b)?)?.to_string());
        assert_eq!(product("12.5", "1000").as_deref(), Some("12500"));
        assert_eq!(product("0.1", "0.2").as_deref(), Some("0.02"));
        assert_eq!(product("2", "1,900").as_deref(), Some("3800"));
        assert_eq!(product(&"9".repeat(29), &"9".repeat(29)), None);
        assert!(Decimal::from(7).is_whole());
        assert!(!Decimal::parse("0.5").unwrap().is_whole());
    }
}
