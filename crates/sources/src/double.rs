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

/// Powers of ten that an amount may be multiplied with.
const POWERS: [u64; 19] = {
    let mut powers = [1; 19];
    let mut at = 1;
    while at < powers.len() {
        powers[at] = powers[at - 1] * 10;
        at += 1;
    }
    powers
};

/// Bits of a double that are its fraction; the first bit of the number is not among them.
const FRACTION_BITS: u32 = 52;

/// The same amount as [`push_shortest`] and [`billhook_money::parse`] make of the double with
/// these bits, in units, and the length of that text. `None` for doubles that take the text's way:
/// those with more than 15 digits, more than 18 of them after the point, and what is no number.
///
/// No float is calculated with: a double is `mantissa / 2^shift`, and `number / 10^places` is the
/// decimal next to it of at most 15 digits. It reads back as the same double when it is nearer than
/// half of a step between doubles. Then it is the shortest such decimal, for no two decimals of at
/// most 15 digits are the same double.
#[must_use]
pub fn exact(bits: u64) -> Option<(i128, usize)> {
    let sign = usize::from(bits >> 63 == 1);
    if bits << 1 == 0 {
        return Some((0, sign + "0.0".len()));
    }
    let fraction = bits & ((1 << FRACTION_BITS) - 1);
    let exponent = u32::try_from((bits >> FRACTION_BITS) & 0x7ff).ok()?;
    // The bias of exponents is 1023. So what is left are doubles from 2^-60 to 2^52, all of them
    // with a first bit of one.
    let shift = (1023 + FRACTION_BITS).checked_sub(exponent).filter(|s| (1..=112).contains(s))?;
    let mantissa = fraction | (1 << FRACTION_BITS);
    let places = places(shift)?;
    let power = POWERS.get(places)?;
    // Less than 2^53 times 2^60.
    let scaled = u128::from(mantissa) * u128::from(*power);
    let number = (scaled + (1 << (shift - 1))) >> shift;
    let distance = (number << shift).abs_diff(scaled);
    // Below a power of two doubles lie twice as near to each other.
    let steps = if fraction == 0 { 4 } else { 2 };
    if distance * steps >= u128::from(*power) {
        return None;
    }
    let units = i128::try_from(number).ok()? * i128::from(*POWERS.get(18 - places)?);
    let length = sign + text_length(u64::try_from(number).ok()?, places)?;
    Some((if sign == 1 { -units } else { units }, length))
}

/// How many digits after the point a number below `2^(53 - shift)` may have without having more
/// than 15, and at most 18. 1233 / 4096 is a little less than the logarithm of two.
fn places(shift: u32) -> Option<usize> {
    let log = |bits: u32| usize::try_from((bits * 1233) >> 12).ok();
    match (FRACTION_BITS + 1).checked_sub(shift) {
        Some(whole) if whole > 0 => 15_usize.checked_sub(log(whole)? + 1),
        _ => Some((15 + log(shift - FRACTION_BITS - 1)?).min(18)),
    }
}

/// Bytes of the shortest text of `number / 10^places`, as [`push_shortest`] writes it.
fn text_length(mut number: u64, mut places: usize) -> Option<usize> {
    for zeros in [8, 4, 2, 1] {
        if places >= zeros && number.is_multiple_of(POWERS[zeros]) {
            number /= POWERS[zeros];
            places -= zeros;
        }
    }
    let digits = usize::try_from(number.checked_ilog10()? + 1).ok()?;
    Some(match (places + 1).checked_sub(digits) {
        _ if places == 0 => digits + ".0".len(),
        // Below 0.0001 with an exponent: `5e-9`, `1.25e-10`.
        Some(exponent) if exponent > 4 => {
            digits + usize::from(digits > 1) + "e-".len() + if exponent < 10 { 1 } else { 2 }
        }
        _ => digits.max(places + 1) + 1,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

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

    /// Is the double read without its text? If so, as its text says.
    fn is_exact(value: f64) -> bool {
        let text = shortest(value);
        let Some((units, length)) = exact(value.to_bits()) else { return false };
        let parsed = billhook_money::parse(&text).unwrap();
        let shown = String::from_utf8(text.clone()).unwrap();
        assert_eq!((units, false, length), (parsed.units, parsed.rounded, text.len()), "{shown}");
        true
    }

    #[test]
    fn inv_float_amounts_need_no_text() {
        for text in [
            "0",
            "-0",
            "0.1",
            "-12.34",
            "0.0116",
            "1",
            "100",
            "1024",
            "0.5",
            "0.0001",
            "0.00012",
            "0.00001",
            "0.0000000125",
            "0.000000000000000001",
            "-0.000000000000000123",
            "123456789012.25",
            "99999999999999",
        ] {
            assert!(is_exact(text.parse().unwrap()), "{text}");
        }
        for text in ["0.1234567890123456", "1e-19", "1e300", "5e-324", "NaN", "inf", "9e15"] {
            assert!(!is_exact(text.parse().unwrap()), "{text}");
        }
    }

    proptest! {
        #[test]
        fn inv_float_any_double_is_what_its_text_says(bits in any::<u64>()) {
            is_exact(f64::from_bits(bits));
        }

        #[test]
        fn inv_float_doubles_like_money(exponent in 960_u64..1080, fraction in any::<u64>()) {
            is_exact(f64::from_bits((exponent << 52) | (fraction >> 12)));
        }

        #[test]
        fn inv_float_fourteen_digits(number in 1_u64..99_999_999_999_999, places in 0_u32..15) {
            let text = format!("{number}e-{places}");
            prop_assert!(is_exact(text.parse().unwrap()), "{text}");
        }
    }
}
