//! Amounts as text: exact, rounded to the currency's decimals, compact, and as a share.
//!
//! Units are 10⁻¹⁸ of the currency throughout. Rounding is half-even on integers.

/// Decimals of a unit: amounts are whole numbers of 10⁻¹⁸.
pub(crate) const SCALE: u32 = 18;
/// One whole currency unit.
pub(crate) const ONE: i128 = 10_i128.pow(SCALE);
/// Minus sign of the drawings: as wide as a digit and spoken by screen readers, unlike a hyphen.
pub(crate) const MINUS: char = '\u{2212}';
/// Suffixes of thousands, by power.
const SUFFIXES: [&str; 5] = ["", "k", "M", "B", "T"];

/// Writes an amount with two decimals, rounded half-even, with a comma between thousands:
/// `12,345.67`, `-412.07`. An amount that rounds to zero is `0.00`, never `-0.00`.
#[must_use]
pub fn money2(units: i128) -> String {
    rounded(units, 2, "-")
}

/// Writes an amount in about three significant digits with its currency code: `1.23M USD`, `12.3k
/// USD`, `812.40 USD`, `-1.50k USD`; without the code where `currency` is empty. `k`, `M`, `B` and
/// `T` are 10³, 10⁶, 10⁹ and 10¹². Below a thousand the decimals are the currency's own (JPY 0, KWD
/// 3), and an amount too small for them is `<0.01` or `>-0.01`, since it is not nothing.
#[must_use]
pub fn compact_money(units: i128, currency: &str) -> String {
    let text = compact(units, currency);
    if currency.is_empty() { text } else { format!("{text} {currency}") }
}

fn compact(units: i128, currency: &str) -> String {
    let size = units.unsigned_abs();
    let sign = if units < 0 { "-" } else { "" };
    let one = ONE.unsigned_abs();
    // Nothing is compact about an amount whose rounded form still has three digits or fewer.
    let places = minor_places(currency);
    if div_half_even(size, 10_u128.pow(SCALE - places)) < 1000 * 10_u128.pow(places) {
        return rounded_not_zero(units, places, "-");
    }
    let mut power = 1;
    let mut divisor = one * 1000;
    // 999.5 and above round to four digits, which is the next suffix.
    while power + 1 < SUFFIXES.len() && div_half_even(size, divisor) >= 1000 {
        power += 1;
        divisor *= 1000;
    }
    let suffix = SUFFIXES.get(power).copied().unwrap_or_default();
    for places in [2_u32, 1, 0] {
        let tens = 10_u128.pow(places);
        let digits = div_half_even(size, divisor / tens);
        if places == 0 || digits < 1000 {
            return format!("{sign}{}{suffix}", decimal(digits, places));
        }
    }
    String::new()
}

/// Writes an amount for a drawing: the currency's decimals, a true minus, and never a zero that is
/// not one.
pub(crate) fn shown(units: i128, currency: &str) -> String {
    rounded_not_zero(units, minor_places(currency), "\u{2212}")
}

/// Writes every stored digit: zeros are cut only beyond the currency's own decimals.
pub(crate) fn exact(units: i128, currency: &str) -> String {
    let size = units.unsigned_abs();
    let mut places = SCALE;
    let mut digits = size;
    while places > minor_places(currency) && digits.is_multiple_of(10) {
        digits /= 10;
        places -= 1;
    }
    let text = decimal(digits, places);
    if units < 0 { format!("{MINUS}{text}") } else { text }
}

/// Writes an axis tick exactly and as short as that allows: `500`, `1.2k`, `−2M`, `0.002`.
pub(crate) fn tick(units: i128) -> String {
    let size = units.unsigned_abs();
    let mut power = 0;
    let mut divisor = ONE.unsigned_abs();
    while power + 1 < SUFFIXES.len() && size / divisor >= 1000 {
        power += 1;
        divisor *= 1000;
    }
    let whole = grouped(size / divisor);
    let mut rest = size % divisor;
    let mut fraction = String::new();
    while rest > 0 {
        divisor /= 10;
        fraction.push_str(&(rest / divisor).to_string());
        rest %= divisor;
    }
    let sign = if units < 0 { "\u{2212}" } else { "" };
    let point = if fraction.is_empty() { "" } else { "." };
    let suffix = SUFFIXES.get(power).copied().unwrap_or_default();
    format!("{sign}{whole}{point}{fraction}{suffix}")
}

/// Writes `part` of `whole` in percent with one decimal, or nothing where that has no meaning: a
/// whole that is not positive, or a part of the other sign.
pub(crate) fn share(part: i128, whole: i128) -> Option<String> {
    if whole <= 0 || part < 0 {
        return None;
    }
    // A thousand times an amount must fit: ten bits fewer lose nothing that one decimal could show.
    let shift = 10_u32.saturating_sub(whole.max(part).leading_zeros().saturating_sub(1));
    let (part, whole) = (part.unsigned_abs() >> shift, whole.unsigned_abs() >> shift);
    let tenths = div_half_even(part * 1000, whole.max(1));
    if tenths == 0 && part > 0 {
        return Some("<0.1 %".to_owned());
    }
    Some(format!("{} %", decimal(tenths, 1)))
}

/// Divides and rounds to nearest, halves to even.
pub(crate) fn div_half_even(dividend: u128, divisor: u128) -> u128 {
    let (quotient, rest) = (dividend / divisor, dividend % divisor);
    let up = match rest.cmp(&(divisor - rest)) {
        std::cmp::Ordering::Less => 0,
        std::cmp::Ordering::Equal => quotient % 2,
        std::cmp::Ordering::Greater => 1,
    };
    quotient + up
}

/// Decimals of a currency's minor unit, for the currencies AWS bills in and those with other than
/// two (ISO 4217).
fn minor_places(currency: &str) -> u32 {
    match currency {
        "JPY" | "KRW" | "CLP" | "ISK" | "VND" | "PYG" | "UGX" | "XAF" | "XOF" => 0,
        "KWD" | "BHD" | "OMR" | "JOD" | "TND" | "IQD" | "LYD" => 3,
        _ => 2,
    }
}

fn rounded(units: i128, places: u32, minus: &str) -> String {
    let digits = div_half_even(units.unsigned_abs(), 10_u128.pow(SCALE - places));
    let sign = if units < 0 && digits > 0 { minus } else { "" };
    format!("{sign}{}", decimal(digits, places))
}

fn rounded_not_zero(units: i128, places: u32, minus: &str) -> String {
    let digits = div_half_even(units.unsigned_abs(), 10_u128.pow(SCALE - places));
    if digits > 0 || units == 0 {
        return rounded(units, places, minus);
    }
    let least = decimal(1, places);
    if units < 0 { format!(">{minus}{least}") } else { format!("<{least}") }
}

/// Sets the point into a whole number of 10⁻ᵖˡᵃᶜᵉˢ and commas into what is before it.
fn decimal(digits: u128, places: u32) -> String {
    let scale = 10_u128.pow(places);
    let whole = grouped(digits / scale);
    if places == 0 {
        return whole;
    }
    let width = usize::try_from(places).unwrap_or_default();
    format!("{whole}.{:0width$}", digits % scale)
}

fn grouped(number: u128) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{ONE, compact_money, exact, money2, share, shown, tick};

    const CENT: i128 = ONE / 100;

    #[test]
    fn two_decimals_round_half_even_and_zero_has_no_sign() {
        assert_eq!(money2(0), "0.00");
        assert_eq!(money2(1_234_567 * CENT), "12,345.67");
        assert_eq!(money2(-41_207 * CENT), "-412.07");
        assert_eq!(money2(CENT / 2), "0.00");
        assert_eq!(money2(CENT / 2 + 1), "0.01");
        assert_eq!(money2(CENT + CENT / 2), "0.02");
        assert_eq!(money2(-CENT / 2), "0.00");
        assert_eq!(money2(-1), "0.00");
        assert_eq!(money2(99_999_999 * CENT + CENT / 2), "1,000,000.00");
        assert_eq!(money2(i128::MAX), "170,141,183,460,469,231,731.69");
        assert_eq!(money2(i128::MIN), "-170,141,183,460,469,231,731.69");
    }

    #[test]
    fn compact_keeps_three_digits_and_carries_into_the_next_suffix() {
        assert_eq!(compact_money(1_234_567 * ONE, ""), "1.23M");
        assert_eq!(compact_money(1_234_567 * ONE, "USD"), "1.23M USD");
        assert_eq!(compact_money(12_345 * ONE, ""), "12.3k");
        assert_eq!(compact_money(123_500 * ONE, ""), "124k");
        assert_eq!(compact_money(122_500 * ONE, ""), "122k");
        assert_eq!(compact_money(999_499 * ONE, ""), "999k");
        assert_eq!(compact_money(999_500 * ONE, ""), "1.00M");
        assert_eq!(compact_money(9_995 * ONE, ""), "10.0k");
        assert_eq!(compact_money(81_240 * CENT, "EUR"), "812.40 EUR");
        assert_eq!(compact_money(99_999 * CENT, ""), "999.99");
        assert_eq!(compact_money(999 * ONE + ONE / 1000 * 997, ""), "1.00k");
        assert_eq!(compact_money(-1_500 * ONE, ""), "-1.50k");
        assert_eq!(compact_money(0, ""), "0.00");
        assert_eq!(compact_money(1, ""), "<0.01");
        assert_eq!(compact_money(-1, ""), ">-0.01");
        assert_eq!(compact_money(812 * ONE, "JPY"), "812 JPY");
        assert_eq!(compact_money(812 * ONE, "KWD"), "812.000 KWD");
        assert_eq!(compact_money(i128::MAX, ""), "170,141,183T");
        assert_eq!(compact_money(i128::MIN, ""), "-170,141,183T");
    }

    #[test]
    fn drawings_show_exact_and_honest_figures() {
        assert_eq!(exact(1, "USD"), "0.000000000000000001");
        assert_eq!(exact(-1_230 * CENT, "USD"), "\u{2212}12.30");
        assert_eq!(exact(1_234_567 * ONE, "JPY"), "1,234,567");
        assert_eq!(exact(0, "USD"), "0.00");
        assert_eq!(shown(1, "USD"), "<0.01");
        assert_eq!(shown(-1, "USD"), ">\u{2212}0.01");
        assert_eq!(shown(0, "USD"), "0.00");
    }

    #[test]
    fn ticks_are_exact_and_short() {
        let cases = [
            (0, "0"),
            (500 * ONE, "500"),
            (1_200 * ONE, "1.2k"),
            (-2_000_000 * ONE, "\u{2212}2M"),
            (ONE / 500, "0.002"),
            (ONE / 2, "0.5"),
            (2_500_000_000 * ONE, "2.5B"),
        ];
        for (units, text) in cases {
            assert_eq!(tick(units), text);
        }
    }

    #[test]
    fn shares_need_a_positive_whole() {
        assert_eq!(share(397, 1000).as_deref(), Some("39.7 %"));
        assert_eq!(share(1, 100_000).as_deref(), Some("<0.1 %"));
        assert_eq!(share(0, 10).as_deref(), Some("0.0 %"));
        assert_eq!(share(1, 0), None);
        assert_eq!(share(-1, 10), None);
        assert_eq!(share(i128::MAX, i128::MAX).as_deref(), Some("100.0 %"));
        assert_eq!(share(i128::MAX / 2, i128::MAX).as_deref(), Some("50.0 %"));
    }
}
