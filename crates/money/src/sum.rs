//! Sums that cannot overflow silently.

/// A sum left the range of `Decimal128(38, 18)`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a sum does not fit 20 digits before the decimal point")]
pub struct Overflow;

/// A running total in units of 10⁻¹⁸.
///
/// `i128` holds 1.7 times the largest 38-digit number, so a sum is checked on every addition
/// against 128-bit overflow and, when read, against 38 digits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sum {
    units: i128,
    overflowed: bool,
}

impl Sum {
    /// Adds an amount.
    #[inline]
    pub fn add(&mut self, units: i128) {
        let (units, overflowed) = self.units.overflowing_add(units);
        self.units = units;
        self.overflowed |= overflowed;
    }

    /// The total.
    ///
    /// # Errors
    /// [`Overflow`] when it never fitted or does not fit 38 digits.
    pub fn total(self) -> Result<i128, Overflow> {
        if self.overflowed || self.units.unsigned_abs() > crate::MAX.unsigned_abs() {
            return Err(Overflow);
        }
        Ok(self.units)
    }
}

impl std::ops::AddAssign for Sum {
    fn add_assign(&mut self, other: Self) {
        self.add(other.units);
        if other.overflowed {
            self.overflowed = true;
        }
    }
}
