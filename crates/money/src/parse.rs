//! Decimal text to units of 10⁻¹⁸, straight from bytes.

use crate::MAX;

/// A parsed amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parsed {
    /// Units of 10⁻¹⁸.
    pub units: i128,
    /// True when the text had more than 18 fractional digits that mattered: it was rounded
    /// half-even.
    pub rounded: bool,
}

/// Why a text is no amount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// Not a decimal number in plain or E notation.
    #[error("not a decimal number")]
    Syntax,
    /// More digits before the decimal point than `Decimal128(38, 18)` can hold.
    #[error("too large: more than 20 digits before the decimal point")]
    TooLarge,
}

/// Parses a plain or E-notation decimal number: `0`, `-1.5`, `.5`, `5.2E-9`, `1e3`.
///
/// More than 18 fractional digits are rounded half-even and reported in [`Parsed::rounded`].
///
/// # Errors
/// [`ParseError`] when the text is empty, not a number, or does not fit 20 integer digits.
#[inline]
pub fn parse(text: &[u8]) -> Result<Parsed, ParseError> {
    match parse_short(text) {
        Some(units) => Ok(Parsed { units, rounded: false }),
        None => parse_any(text),
    }
}

const POW10: [u64; 20] = {
    let mut table = [1_u64; 20];
    let mut index = 1;
    while index < 20 {
        table[index] = table[index - 1] * 10;
        index += 1;
    }
    table
};

/// The common case: at most 18 digits in plain notation. `None` sends the text to [`parse_any`].
#[inline]
fn parse_short(text: &[u8]) -> Option<i128> {
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        rest => (false, rest),
    };
    if digits.is_empty() || digits.len() > 19 {
        return None;
    }
    let mut value = 0_u64;
    let mut point = None;
    for (index, &byte) in digits.iter().enumerate() {
        let digit = byte.wrapping_sub(b'0');
        if digit <= 9 {
            value = value * 10 + u64::from(digit);
        } else if byte == b'.' && point.is_none() {
            point = Some(index);
        } else {
            return None;
        }
    }
    let fraction = match point {
        Some(at) => digits.len() - 1 - at,
        None => 0,
    };
    // 19 bytes without a point could be a 19-digit integer: it still fits u64.
    if digits.len() - usize::from(point.is_some()) == 0 || fraction > 18 {
        return None;
    }
    let units = i128::from(value) * i128::from(POW10[18 - fraction]);
    if units > MAX {
        return None;
    }
    Some(if negative { -units } else { units })
}

/// The parts of a number as written.
struct Written<'a> {
    negative: bool,
    integer: &'a [u8],
    fraction: &'a [u8],
    exponent: i32,
}

fn split(text: &[u8]) -> Result<Written<'_>, ParseError> {
    let (negative, rest) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] | rest => (false, rest),
    };
    let (mantissa, exponent) = match rest.iter().position(|b| matches!(b, b'e' | b'E')) {
        Some(at) => (&rest[..at], parse_exponent(&rest[at + 1..])?),
        None => (rest, 0),
    };
    let (integer, fraction) = match mantissa.iter().position(|&b| b == b'.') {
        Some(at) => (&mantissa[..at], &mantissa[at + 1..]),
        None => (mantissa, &mantissa[..0]),
    };
    let digits_only = integer.iter().chain(fraction).all(u8::is_ascii_digit);
    if !digits_only || (integer.is_empty() && fraction.is_empty()) {
        return Err(ParseError::Syntax);
    }
    Ok(Written { negative, integer, fraction, exponent })
}

fn parse_exponent(text: &[u8]) -> Result<i32, ParseError> {
    let (negative, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] | rest => (false, rest),
    };
    // Four digits are far beyond any amount; the bound keeps the arithmetic below small.
    if digits.is_empty() || digits.len() > 4 || !digits.iter().all(u8::is_ascii_digit) {
        return Err(ParseError::Syntax);
    }
    let value = digits.iter().fold(0_i32, |sum, b| sum * 10 + i32::from(b - b'0'));
    Ok(if negative { -value } else { value })
}

fn parse_any(text: &[u8]) -> Result<Parsed, ParseError> {
    let written = split(text)?;
    let (integer, fraction) = (written.integer, written.fraction);
    let digits = || integer.iter().chain(fraction).map(|byte| byte - b'0');
    // Zeros that lead count for nothing.
    let zeros = digits().take_while(|&digit| digit == 0).count();
    // Position of the decimal point, counted from the end of the digits, moved so that the
    // result counts 10⁻¹⁸: keep `length + shift` digits.
    let fraction_len = i64::try_from(fraction.len()).map_err(|_| ParseError::TooLarge)?;
    let shift = 18 - fraction_len + i64::from(written.exponent);
    let length =
        i64::try_from(integer.len() + fraction.len() - zeros).map_err(|_| ParseError::TooLarge)?;
    if length == 0 {
        return Ok(Parsed { units: 0, rounded: false });
    }
    let keep = length + shift;
    if keep > 38 {
        return Err(ParseError::TooLarge);
    }
    let kept = usize::try_from(keep).unwrap_or(0);
    let mut units = 0_i128;
    for digit in digits().skip(zeros).chain(std::iter::repeat(0)).take(kept) {
        units = units * 10 + i128::from(digit);
    }
    let mut dropped = digits().skip(zeros + kept);
    let first = dropped.next().unwrap_or(0);
    let has_more = dropped.any(|digit| digit != 0);
    // With `keep` negative there are zeros between the last kept place and the first dropped digit.
    let rounded = first != 0 || has_more;
    if rounded && keep >= 0 && rounds_up(first, has_more, units) {
        units += 1;
    }
    if units > MAX {
        return Err(ParseError::TooLarge);
    }
    Ok(Parsed { units: if written.negative { -units } else { units }, rounded })
}

/// Does what is dropped, a digit and maybe more, count as one more?
fn rounds_up(first: u8, has_more: bool, units: i128) -> bool {
    match first {
        6.. => true,
        5 => has_more || units % 2 != 0,
        _ => false,
    }
}
