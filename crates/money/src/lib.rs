//! Exact money: decimal text ⇄ `Decimal128(38, 18)` units, checked sums, exact quotients.
//!
//! Every amount in Billhook is a whole number of 10⁻¹⁸ currency units in an `i128` (Arrow and Delta
//! know it as `Decimal128(38, 18)`). Nothing here rounds without saying so and nothing here is a
//! binary float. No I/O. Start at [`parse`] and [`format`](fn@format).

mod format;
mod parse;
mod quotient;
mod sum;

pub use format::{format, format_grouped, format_places};
pub use parse::{ParseError, Parsed, parse};
pub use quotient::{divide, multiply};
pub use sum::{Overflow, Sum};

/// Digits after the decimal point of every stored amount.
pub const SCALE: u8 = 18;

/// Significant digits of every stored amount.
pub const PRECISION: u8 = 38;

/// Units of one whole currency unit: 10¹⁸.
pub const ONE: i128 = 1_000_000_000_000_000_000;

/// The largest magnitude that fits 38 digits.
pub const MAX: i128 = 10_i128.pow(38) - 1;

/// Is `code` shaped like an ISO 4217 currency code (three capital letters)?
///
/// Only the shape is checked: AWS may bill in a currency that a fixed list does not know yet.
#[must_use]
pub fn is_currency(code: &str) -> bool {
    code.len() == 3 && code.bytes().all(|b| b.is_ascii_uppercase())
}

#[cfg(test)]
mod tests;
