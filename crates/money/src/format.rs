//! Units of 10⁻¹⁸ to decimal text.

use crate::ONE;
use crate::quotient::round_half_even;

/// The exact amount in plain notation without trailing zeros: `0`, `-1.5`, `0.0000000052`.
#[must_use]
pub fn format(units: i128) -> String {
    let magnitude = units.unsigned_abs();
    let one = ONE.unsigned_abs();
    let (whole, fraction) = (magnitude / one, magnitude % one);
    let sign = if units < 0 { "-" } else { "" };
    if fraction == 0 {
        return format!("{sign}{whole}");
    }
    let text = format!("{sign}{whole}.{fraction:018}");
    text.trim_end_matches('0').to_owned()
}

/// The amount rounded half-even to `places` (0 to 18) decimal places: `1234.50`.
#[must_use]
pub fn format_places(units: i128, places: u32) -> String {
    let places = places.min(18);
    let rounded = round_half_even(units, 10_i128.pow(18 - places));
    let unit = 10_u128.pow(places);
    let magnitude = rounded.unsigned_abs();
    let sign = if rounded < 0 { "-" } else { "" };
    let whole = magnitude / unit;
    if places == 0 {
        return format!("{sign}{whole}");
    }
    let width = usize::try_from(places).unwrap_or(18);
    format!("{sign}{whole}.{:0width$}", magnitude % unit)
}

/// As [`format_places`], with a comma between thousands: `12,345.67`.
#[must_use]
pub fn format_grouped(units: i128, places: u32) -> String {
    let plain = format_places(units, places);
    let (sign, digits) = match plain.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", plain.as_str()),
    };
    let (whole, fraction) = match digits.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (digits, None),
    };
    let mut grouped = String::with_capacity(plain.len() + whole.len() / 3);
    grouped.push_str(sign);
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index) % 3 == 0 {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    if let Some(fraction) = fraction {
        grouped.push('.');
        grouped.push_str(fraction);
    }
    grouped
}
