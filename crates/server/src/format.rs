//! Amounts, times and names, as pages show them.

use billhook_money::{format, format_grouped};
use chrono::{DateTime, NaiveDate, Utc};

/// The sign of negative figures, which screen readers speak.
const MINUS: char = '\u{2212}';

/// Decimals that a currency is shown with (ISO 4217).
pub(crate) fn places(currency: &str) -> u32 {
    match currency {
        "BIF" | "CLP" | "DJF" | "GNF" | "ISK" | "JPY" | "KMF" | "KRW" | "PYG" | "RWF" | "UGX"
        | "VND" | "VUV" | "XAF" | "XOF" | "XPF" => 0,
        "BHD" | "IQD" | "JOD" | "KWD" | "LYD" | "OMR" | "TND" => 3,
        _ => 2,
    }
}

/// An amount for people, `−1,250.00`; `<0.01` when it is not zero but rounds to it.
pub(crate) fn money(units: i128, currency: &str) -> String {
    let places = places(currency);
    let shown = format_grouped(units, places);
    let rounds_to_zero = units != 0 && shown.bytes().all(|byte| !(b'1'..=b'9').contains(&byte));
    if rounds_to_zero {
        let least = if places == 0 {
            "1".to_owned()
        } else {
            let zeros = usize::try_from(places.saturating_sub(1)).unwrap_or_default();
            format!("0.{}1", "0".repeat(zeros))
        };
        return if units < 0 { format!(">{MINUS}{least}") } else { format!("<{least}") };
    }
    signed(&shown)
}

/// All digits of an amount, for machines: `-1250.000000000000000001`, without trailing zeros.
pub(crate) fn exact(units: i128) -> String {
    format(units)
}

/// An amount with its sign, `+1,229.62`.
pub(crate) fn change(units: i128, currency: &str) -> String {
    let text = money(units, currency);
    if units > 0 && !text.starts_with('<') { format!("+{text}") } else { text }
}

/// A share in per cent with one decimal, `39.7 %`; nothing when the whole is 0.
pub(crate) fn share(part: i128, whole: i128) -> String {
    tenths(part, whole).map_or_else(String::new, |tenths| format!("{} %", decimal(tenths)))
}

/// A difference in per cent, `+2.8 %`, or `new`, `gone`, `>999 %`; nothing when signs differ.
pub(crate) fn percent(now: i128, before: i128) -> String {
    if before == 0 {
        return if now == 0 { String::new() } else { "new".to_owned() };
    }
    if now == 0 {
        return "gone".to_owned();
    }
    if (now < 0) != (before < 0) {
        return String::new();
    }
    let Some(tenths) = now.checked_sub(before).and_then(|by| tenths(by, before.abs())) else {
        return String::new();
    };
    match tenths {
        tenths if tenths > 9_990 => ">999 %".to_owned(),
        tenths if tenths > 0 => format!("+{} %", decimal(tenths)),
        tenths => format!("{} %", decimal(tenths)),
    }
}

/// Tenths of a per cent, rounded half away from zero.
fn tenths(part: i128, whole: i128) -> Option<i128> {
    if whole == 0 {
        return None;
    }
    let sign = part.signum() * whole.signum();
    let (mut part, mut whole) = (part.unsigned_abs(), whole.unsigned_abs());
    // Amounts that large lose nothing that a tenth of a per cent could show.
    while part > u128::MAX / 4_000 || whole > u128::MAX / 4 {
        part /= 10;
        whole /= 10;
    }
    let rounded = (part * 2_000 + whole) / (whole * 2).max(1);
    i128::try_from(rounded).ok().map(|tenths| tenths * sign)
}

fn decimal(tenths: i128) -> String {
    let sign = if tenths < 0 { MINUS.to_string() } else { String::new() };
    format!("{sign}{}.{}", tenths.abs() / 10, tenths.abs() % 10)
}

fn signed(text: &str) -> String {
    text.strip_prefix('-').map_or_else(|| text.to_owned(), |rest| format!("{MINUS}{rest}"))
}

/// `48,211`; from ten thousand on `1.2M`.
pub(crate) fn count(number: u64) -> String {
    let scaled = |by: u64, unit: &str| {
        let tenths = number / (by / 10);
        format!("{}.{}{unit}", tenths / 10, tenths % 10)
    };
    match number {
        0..10_000 => grouped(number),
        10_000..1_000_000 => format!("{}k", grouped(number / 1_000)),
        1_000_000..1_000_000_000 => scaled(1_000_000, "M"),
        _ => scaled(1_000_000_000, "G"),
    }
}

/// `1,204,118`.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() * 4 / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `18 Nov 2026`.
pub(crate) fn day(day: NaiveDate) -> String {
    day.format("%-d %b %Y").to_string()
}

/// `18 Nov`.
pub(crate) fn short_day(day: NaiveDate) -> String {
    day.format("%-d %b").to_string()
}

/// `Nov 2026` of `2026-11` or of its first day; what is no month stays as it is.
pub(crate) fn month(period: &str) -> String {
    let first = period.get(..7).map(|month| format!("{month}-01"));
    let first = first.and_then(|first| NaiveDate::parse_from_str(&first, "%Y-%m-%d").ok());
    first.map_or_else(|| period.to_owned(), |first| first.format("%b %Y").to_string())
}

/// An instant of microseconds since 1970.
pub(crate) fn utc(micros: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_micros(micros).unwrap_or_default()
}

/// `19 Nov 2026 10:20 UTC`.
pub(crate) fn instant(micros: i64) -> String {
    utc(micros).format("%-d %b %Y %H:%M UTC").to_string()
}

/// `2026-11-19T10:20:00Z`, for machines.
pub(crate) fn iso(micros: i64) -> String {
    utc(micros).format("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// `3 h ago`, `in 2 d`, `now`.
pub(crate) fn ago(micros: i64, now: i64) -> String {
    let apart = now.abs_diff(micros) / 1_000_000;
    let text = match apart {
        0..60 => return "now".to_owned(),
        60..3_600 => format!("{} min", apart / 60),
        3_600..172_800 => format!("{} h", apart / 3_600),
        _ => format!("{} d", apart / 86_400),
    };
    if micros <= now { format!("{text} ago") } else { format!("in {text}") }
}

/// `2 h 10 min`, `38 s`, `210 ms` of microseconds.
pub(crate) fn duration(micros: i64) -> String {
    let micros = u64::try_from(micros).unwrap_or_default();
    let (seconds, minutes, hours) =
        (micros / 1_000_000, micros / 60_000_000, micros / 3_600_000_000);
    if hours > 0 {
        format!("{hours} h {} min", minutes % 60)
    } else if minutes > 0 {
        format!("{minutes} min {} s", seconds % 60)
    } else if seconds > 0 {
        format!("{seconds}.{} s", micros / 100_000 % 10)
    } else {
        format!("{} ms", micros / 1_000)
    }
}

/// `12.3 MiB`.
pub(crate) fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    let mut tenths = bytes.saturating_mul(10);
    let mut unit = "bytes";
    for next in UNITS {
        if tenths < 10_240 {
            break;
        }
        tenths /= 1_024;
        unit = next;
    }
    if unit == "bytes" {
        format!("{bytes} bytes")
    } else {
        format!("{}.{} {unit}", tenths / 10, tenths % 10)
    }
}

/// A name from a bill, with what cannot be seen made visible. It still has to be escaped.
pub(crate) fn visible(name: &str) -> String {
    if name.is_empty() {
        return "(empty)".to_owned();
    }
    let last = name.chars().count().saturating_sub(1);
    let seen = |(at, char): (usize, char)| match char {
        ' ' if at == 0 || at == last => '\u{2420}',
        '\t' => '\u{2409}',
        '\n' => '\u{240A}',
        '\r' => '\u{240D}',
        // What changes the direction of text, or has no width.
        '\u{200B}'..='\u{200F}'
        | '\u{202A}'..='\u{202E}'
        | '\u{2060}'..='\u{2069}'
        | '\u{FEFF}' => '\u{FFFD}',
        char if char.is_control() => '\u{FFFD}',
        char => char,
    };
    name.chars().enumerate().map(seen).collect()
}

#[cfg(test)]
mod tests {
    use super::{
        ago, bytes, change, count, duration, grouped, money, month, percent, share, visible,
    };

    const UNIT: i128 = 1_000_000_000_000_000_000;

    #[test]
    fn amounts_are_shown_at_the_minor_unit() {
        assert_eq!(money(1_250 * UNIT, "USD"), "1,250.00");
        assert_eq!(money(-1_250 * UNIT, "USD"), "\u{2212}1,250.00");
        assert_eq!(money(1_250 * UNIT, "JPY"), "1,250");
        assert_eq!(money(1_250 * UNIT, "KWD"), "1,250.000");
        assert_eq!(money(0, "USD"), "0.00");
        assert_eq!(money(UNIT / 1_000, "USD"), "<0.01");
        assert_eq!(money(-UNIT / 1_000, "USD"), ">\u{2212}0.01");
        assert_eq!(money(UNIT / 10, "JPY"), "<1");
        assert_eq!(change(UNIT, "USD"), "+1.00");
        assert_eq!(change(-UNIT, "USD"), "\u{2212}1.00");
    }

    #[test]
    fn per_cents_are_told_only_where_they_mean_something() {
        assert_eq!(share(397, 1_000), "39.7 %");
        assert_eq!(share(1, 0), "");
        assert_eq!(percent(1_028, 1_000), "+2.8 %");
        assert_eq!(percent(-900, -1_000), "+10.0 %");
        assert_eq!(percent(900, 1_000), "\u{2212}10.0 %");
        assert_eq!(percent(1, 0), "new");
        assert_eq!(percent(0, 1), "gone");
        assert_eq!(percent(-1, 1), "");
        assert_eq!(percent(1_000, 1), ">999 %");
        assert_eq!(share(i128::MAX / 3, i128::MAX), "33.3 %");
    }

    #[test]
    fn counts_times_and_sizes_are_short() {
        assert_eq!(grouped(1_204_118), "1,204,118");
        assert_eq!(grouped(12), "12");
        assert_eq!(count(9_999), "9,999");
        assert_eq!(count(48_211), "48k");
        assert_eq!(count(1_249_999), "1.2M");
        assert_eq!(month("2026-11"), "Nov 2026");
        assert_eq!(month("2026-11-01"), "Nov 2026");
        assert_eq!(duration(7_800_000_000), "2 h 10 min");
        assert_eq!(duration(4_200_000), "4.2 s");
        assert_eq!(bytes(512), "512 bytes");
        assert_eq!(bytes(12_900_000), "12.3 MiB");
        assert_eq!(ago(0, 7_200_000_000), "2 h ago");
        assert_eq!(ago(7_200_000_000, 0), "in 2 h");
    }

    #[test]
    fn what_cannot_be_seen_is_made_visible() {
        assert_eq!(visible(" prod"), "\u{2420}prod");
        assert_eq!(visible("a\u{202E}b"), "a\u{FFFD}b");
        assert_eq!(visible(""), "(empty)");
    }
}
