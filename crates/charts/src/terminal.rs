//! Figures as a few characters of text, for a terminal or a table cell.

use crate::axis::scaled;

const LEVELS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
const EIGHTHS: [char; 8] = [' ', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];

/// Draws one block character per value, from `▁` to `█`; empty for no values.
///
/// The scale always contains zero, so that a steady cost looks steady and not like noise. Without
/// negative values `▁` is zero alone and any charge is higher; with them `▁` is the lowest value.
#[must_use]
pub fn sparkline(values: &[i128]) -> String {
    let low = values.iter().copied().min().unwrap_or(0).min(0);
    let high = values.iter().copied().max().unwrap_or(0).max(0);
    // Amounts near both ends of `i128` are halved: their distance must fit, and the lost bit is
    // 10⁻¹⁸.
    let half = i128::from(high.checked_sub(low).is_none()) + 1;
    let (low, range) = (low / half, high / half - low / half);
    let mut text = String::with_capacity(values.len() * 3);
    for &value in values {
        let level = scaled(value / half - low, range, 7);
        let floor = usize::from(low == 0 && value > 0);
        let level = usize::try_from(level).unwrap_or(0).max(floor);
        text.push(LEVELS.get(level).copied().unwrap_or('█'));
    }
    text
}

/// Draws `value` as a horizontal bar in which `max` would be `width` characters, to an eighth of
/// one.
///
/// The bar is not padded (`{:<20}` does that) and not longer than `width`. Anything but zero has at
/// least `▏`. The length is that of the magnitude; a negative value is drawn in whole `▒`, so that
/// its sign needs no colour. Empty where `value`, `max` or `width` is zero.
#[must_use]
pub fn bar(value: i128, max: i128, width: usize) -> String {
    let max = max.saturating_abs();
    if value == 0 || max == 0 || width == 0 {
        return String::new();
    }
    let size = value.saturating_abs().min(max);
    let length = i64::try_from(width).unwrap_or(i64::MAX).min(1 << 16) * 8;
    let eighths = usize::try_from(scaled(size, max, length)).unwrap_or(0).max(1);
    if value < 0 {
        return "▒".repeat(eighths.div_ceil(8));
    }
    let mut text = "█".repeat(eighths / 8);
    if let Some(part) = EIGHTHS.get(eighths % 8).filter(|part| **part != ' ') {
        text.push(*part);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{bar, sparkline};

    #[test]
    fn sparklines_stand_on_zero() {
        assert_eq!(sparkline(&[]), "");
        assert_eq!(sparkline(&[0, 0, 0]), "▁▁▁");
        assert_eq!(sparkline(&[0, 1, 2, 3, 4, 5, 6, 7]), "▁▂▃▄▅▆▇█");
        assert_eq!(sparkline(&[5, 5, 5]), "███");
        assert_eq!(sparkline(&[0, 1, 1_000_000]), "▁▂█");
        assert_eq!(sparkline(&[-7, 0]), "▁█");
        assert_eq!(sparkline(&[-5, 0, 5]), "▁▅█");
        assert_eq!(sparkline(&[-1]), "▁");
        assert_eq!(sparkline(&[i128::MIN, 0, i128::MAX]), "▁▅█");
    }

    #[test]
    fn bars_resolve_eighths_and_never_overflow() {
        assert_eq!(bar(0, 10, 8), "");
        assert_eq!(bar(10, 10, 4), "████");
        assert_eq!(bar(5, 10, 4), "██");
        assert_eq!(bar(1, 8, 1), "▏");
        assert_eq!(bar(9, 16, 2), "█▏");
        assert_eq!(bar(1, 1_000_000, 10), "▏");
        assert_eq!(bar(20, 10, 3), "███");
        assert_eq!(bar(-5, 10, 4), "▒▒");
        assert_eq!(bar(-1, 100, 4), "▒");
        assert_eq!(bar(1, 0, 4), "");
        assert_eq!(bar(1, 1, 0), "");
        assert_eq!(bar(i128::MIN, i128::MAX, 3), "▒▒▒");
    }
}
