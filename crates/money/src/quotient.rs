//! Exact products and quotients of amounts, rounded half-even once, at 10⁻¹⁸.
//!
//! The intermediate product of two 38-digit numbers has up to 76 digits: 256 bits carry it.

use crate::{MAX, ONE};

/// `amount / quantity` at 10⁻¹⁸, rounded half-even.
///
/// `None` when `quantity` is zero or the result does not fit.
#[must_use]
pub fn divide(amount: i128, quantity: i128) -> Option<i128> {
    if quantity == 0 {
        return None;
    }
    let negative = (amount < 0) != (quantity < 0);
    let numerator = wide_product(amount.unsigned_abs(), ONE.unsigned_abs());
    let magnitude = wide_divide(numerator, quantity.unsigned_abs())?;
    signed(magnitude, negative)
}

/// `a × b` at 10⁻¹⁸, rounded half-even. `None` when the result does not fit.
#[must_use]
pub fn multiply(a: i128, b: i128) -> Option<i128> {
    let negative = (a < 0) != (b < 0);
    let product = wide_product(a.unsigned_abs(), b.unsigned_abs());
    let magnitude = wide_divide(product, ONE.unsigned_abs())?;
    signed(magnitude, negative)
}

/// `units / step`, rounded half-even. `step` must be positive.
pub(crate) fn round_half_even(units: i128, step: i128) -> i128 {
    let quotient = units.div_euclid(step);
    let remainder = units.rem_euclid(step);
    let half = step - remainder;
    match remainder.cmp(&half) {
        std::cmp::Ordering::Greater => quotient + 1,
        std::cmp::Ordering::Equal if remainder != 0 && quotient % 2 != 0 => quotient + 1,
        _ => quotient,
    }
}

fn signed(magnitude: u128, negative: bool) -> Option<i128> {
    let value = i128::try_from(magnitude).ok().filter(|&v| v <= MAX)?;
    Some(if negative { -value } else { value })
}

/// A 256-bit number: `high × 2¹²⁸ + low`.
#[derive(Clone, Copy)]
struct Wide {
    high: u128,
    low: u128,
}

fn wide_product(a: u128, b: u128) -> Wide {
    const MASK: u128 = u64::MAX as u128;
    let (a1, a0) = (a >> 64, a & MASK);
    let (b1, b0) = (b >> 64, b & MASK);
    let low = a0 * b0;
    let cross = a1 * b0 + (low >> 64);
    let cross_low = (cross & MASK) + a0 * b1;
    Wide {
        high: a1 * b1 + (cross >> 64) + (cross_low >> 64),
        low: (cross_low << 64) | (low & MASK),
    }
}

/// `n / d` rounded half-even; `None` when it does not fit 128 bits.
fn wide_divide(n: Wide, d: u128) -> Option<u128> {
    if n.high == 0 {
        let (quotient, remainder) = (n.low / d, n.low % d);
        return quotient.checked_add(u128::from(round_up(quotient, remainder, d)));
    }
    if n.high >= d {
        return None;
    }
    // Schoolbook long division, a bit at a time: `d` is below 2¹²⁷ for every amount, so the
    // shifted remainder cannot lose its top bit.
    let (mut quotient, mut remainder) = (0_u128, n.high);
    for bit in (0..128).rev() {
        remainder = (remainder << 1) | ((n.low >> bit) & 1);
        quotient <<= 1;
        if remainder >= d {
            remainder -= d;
            quotient |= 1;
        }
    }
    quotient.checked_add(u128::from(round_up(quotient, remainder, d)))
}

fn round_up(quotient: u128, remainder: u128, divisor: u128) -> bool {
    let rest = divisor - remainder;
    remainder > rest || (remainder == rest && quotient % 2 == 1)
}
