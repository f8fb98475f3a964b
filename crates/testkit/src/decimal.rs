//! Exact decimals of the synthetic ledger: whole numbers of 10⁻¹⁸ in an `i128`.
//!
//! The crate stays free of the engine's own money type on purpose: a fault there must not cancel
//! itself out in the data that tests it. Texts come in two spellings, plain (`Display`) and the
//! one AWS prints ([`Decimal::java_text`]).

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Neg, Sub, SubAssign};

/// Digits after the point.
const SCALE: u32 = 18;

/// Places that a factor of [`Decimal::times`] keeps: two factors of 10²⁰ (12 places) and 10¹⁷
/// multiply within an `i128`.
const FACTOR_PLACES: u32 = 12;

/// A number of 10⁻¹⁸ units, no unit of measure: money, rates and amounts alike.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Decimal(i128);

impl Decimal {
    /// Nought.
    pub const ZERO: Self = Self(0);
    /// One whole.
    pub const ONE: Self = Self::new(1, 0);

    /// `mantissa × 10^-places`; `places` is at most 18.
    #[must_use]
    pub const fn new(mantissa: i64, places: u32) -> Self {
        Self(mantissa as i128 * 10_i128.pow(SCALE - places))
    }

    /// The number that counts `units` of 10⁻¹⁸.
    #[must_use]
    pub const fn from_units(units: i128) -> Self {
        Self(units)
    }

    /// How many units of 10⁻¹⁸ this is.
    #[must_use]
    pub const fn units(self) -> i128 {
        self.0
    }

    /// Is this nought?
    #[must_use]
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// Rounded half to even at `places` digits after the point.
    #[must_use]
    pub const fn round(self, places: u32) -> Self {
        let step = 10_i128.pow(SCALE - places);
        Self(divide(self.0, step) * step)
    }

    /// Cut off, towards nought, at `places` digits after the point.
    #[must_use]
    pub const fn truncate(self, places: u32) -> Self {
        let step = 10_i128.pow(SCALE - places);
        Self(self.0 / step * step)
    }

    /// The product, rounded half to even at `places` (at most 12). Factors are taken at 12 places.
    #[must_use]
    pub const fn times(self, other: Self, places: u32) -> Self {
        let factor_step = 10_i128.pow(SCALE - FACTOR_PLACES);
        let product = divide(self.0, factor_step) * divide(other.0, factor_step);
        let rounded = divide(product, 10_i128.pow(2 * FACTOR_PLACES - places));
        Self(rounded * 10_i128.pow(SCALE - places))
    }

    /// The product with a whole number, exact.
    #[must_use]
    pub const fn times_whole(self, factor: i64) -> Self {
        Self(self.0 * factor as i128)
    }

    /// `self × numerator ÷ denominator`, rounded half to even at `places`.
    #[must_use]
    pub const fn ratio(self, numerator: i64, denominator: i64, places: u32) -> Self {
        let step = 10_i128.pow(SCALE - places);
        Self(divide(self.0 * numerator as i128, denominator as i128 * step) * step)
    }

    /// The largest number of `places` digits that, taken `divisor` times, is not above `self`.
    /// Both must be positive.
    #[must_use]
    pub const fn quotient_floor(self, divisor: Self, places: u32) -> Self {
        // 10^places first keeps the wanted digits; the division by the divisor's units drops 10^18.
        let step = 10_i128.pow(SCALE - places);
        Self(self.0 * 10_i128.pow(places) / divisor.0 * step)
    }

    /// `self ÷ divisor` (positive), rounded half to even at `places`. `self` is below 10⁸.
    #[must_use]
    pub const fn per(self, divisor: Self, places: u32) -> Self {
        let step = 10_i128.pow(SCALE - places);
        // Both at 12 places: their quotient, times 10^places, stays within an i128.
        let own = divide(self.0, 1_000_000) * 10_i128.pow(places);
        Self(divide(own, divide(divisor.0, 1_000_000)) * step)
    }

    /// The smaller of the two.
    #[must_use]
    pub fn at_most(self, limit: Self) -> Self {
        self.min(limit)
    }

    /// The text AWS's report writer gives, which is Java's: at least one digit on both sides of
    /// the point, and a power of ten below 0.001 and from 10,000,000 (`0.0`, `1.5`, `5.2E-9`).
    #[must_use]
    pub fn java_text(self) -> String {
        let mut text = String::with_capacity(24);
        self.write_java(&mut text);
        text
    }

    /// Appends [`java_text`](Self::java_text) to `out`.
    pub fn write_java(self, out: &mut String) {
        if self.0 == 0 {
            out.push_str("0.0");
            return;
        }
        if self.0 < 0 {
            out.push('-');
        }
        let all = self.0.unsigned_abs().to_string();
        let significant = all.trim_end_matches('0');
        // The point stands after the first digit at this power of ten.
        let exponent = all.len().cast_signed() - 1 - 18;
        if (-3..7).contains(&exponent) {
            write_plain(out, &all);
            return;
        }
        let (first, rest) = significant.split_at(1);
        out.push_str(first);
        out.push('.');
        out.push_str(if rest.is_empty() { "0" } else { rest });
        out.push('E');
        out.push_str(&exponent.to_string());
    }
}

/// `units`, the digits of a count of 10⁻¹⁸, as a plain decimal with at least one digit each side.
fn write_plain(out: &mut String, units: &str) {
    let padded = format!("{units:0>19}");
    let (whole, fraction) = padded.split_at(padded.len() - 18);
    out.push_str(whole);
    out.push('.');
    let fraction = fraction.trim_end_matches('0');
    out.push_str(if fraction.is_empty() { "0" } else { fraction });
}

/// `dividend ÷ divisor` (positive), rounded half to even.
const fn divide(dividend: i128, divisor: i128) -> i128 {
    let quotient = dividend.div_euclid(divisor);
    let twice = dividend.rem_euclid(divisor) * 2;
    if twice > divisor || (twice == divisor && quotient % 2 != 0) { quotient + 1 } else { quotient }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut digits = String::new();
        write_plain(&mut digits, &self.0.unsigned_abs().to_string());
        f.pad_integral(self.0 >= 0, "", digits.strip_suffix(".0").unwrap_or(&digits))
    }
}

impl Add for Decimal {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}

impl Sub for Decimal {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0 - other.0)
    }
}

impl Neg for Decimal {
    type Output = Self;
    fn neg(self) -> Self {
        Self(-self.0)
    }
}

impl AddAssign for Decimal {
    fn add_assign(&mut self, other: Self) {
        self.0 += other.0;
    }
}

impl SubAssign for Decimal {
    fn sub_assign(&mut self, other: Self) {
        self.0 -= other.0;
    }
}

impl Sum for Decimal {
    fn sum<I: Iterator<Item = Self>>(numbers: I) -> Self {
        numbers.fold(Self::ZERO, Add::add)
    }
}

#[cfg(test)]
mod tests {
    use super::Decimal;

    #[test]
    fn aws_spelling() {
        let cases = [
            (Decimal::ZERO, "0.0"),
            (Decimal::ONE, "1.0"),
            (Decimal::new(10_569_617, 10), "0.0010569617"),
            (Decimal::new(52, 10), "5.2E-9"),
            (Decimal::new(4, 7), "4.0E-7"),
            (Decimal::new(9_999, 7), "9.999E-4"),
            (Decimal::new(1, 3), "0.001"),
            (Decimal::new(-15, 1), "-1.5"),
            (Decimal::new(12_345_678, 0), "1.2345678E7"),
            (Decimal::new(9_999_999, 0), "9999999.0"),
        ];
        for (number, text) in cases {
            assert_eq!(number.java_text(), text);
        }
    }

    #[test]
    fn rounding_is_half_to_even() {
        assert_eq!(Decimal::new(25, 1).round(0), Decimal::new(2, 0));
        assert_eq!(Decimal::new(35, 1).round(0), Decimal::new(4, 0));
        assert_eq!(Decimal::new(-25, 1).round(0), Decimal::new(-2, 0));
        assert_eq!(Decimal::new(-26, 1).round(0), Decimal::new(-3, 0));
        assert_eq!(Decimal::new(15, 1).times(Decimal::new(25, 2), 3).to_string(), "0.375");
        assert_eq!(Decimal::new(1, 0).ratio(1, 3, 4).to_string(), "0.3333");
        assert_eq!(
            Decimal::new(1, 0).quotient_floor(Decimal::new(3, 0), 10).to_string(),
            "0.3333333333"
        );
    }
}
