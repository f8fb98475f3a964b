//! The value axis: nice ticks, and amounts to lengths without floating point.

use crate::amount::{ONE, tick};

/// Most intervals between ticks; with steps of 1, 2, 2.5 and 5 × 10ⁿ at least three are left.
const MAX_INTERVALS: i128 = 5;

/// A value axis that contains zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Axis {
    /// Lower end in units, zero or less.
    pub(crate) low: i128,
    /// Upper end in units, zero or more; above `low`.
    pub(crate) high: i128,
    /// Distance of two ticks in units.
    step: i128,
}

impl Axis {
    /// The axis for data between `min` and `max`, both widened to zero. It ends at the tick beyond
    /// the data, except below zero where little hangs down: a whole interval for a small credit
    /// would squeeze the rest.
    pub(crate) fn around(min: i128, max: i128) -> Self {
        // Half of the range keeps every later sum of the two sides inside `i128`.
        let max = max.clamp(0, i128::MAX / 4);
        let depth = min.clamp(-(i128::MAX / 4), 0).saturating_neg();
        if max == 0 && depth == 0 {
            return Self { low: 0, high: ONE, step: ONE };
        }
        let step = nice_step(depth, max);
        let low = if is_little(depth, step) {
            depth + (max + depth) / 40
        } else {
            ceil_div(depth, step).saturating_mul(step)
        };
        let high = (max / step).saturating_add(i128::from(max % step > 0)).saturating_mul(step);
        Self { low: -low, high, step }
    }

    /// Ticks from the lowest to the highest.
    pub(crate) fn ticks(&self) -> Vec<i128> {
        let first = self.low / self.step;
        let last = self.high / self.step;
        (first..=last).map(|index| index * self.step).collect()
    }

    /// Ticks with their labels; fractions have equally many decimals.
    pub(crate) fn labels(&self) -> Vec<(i128, String)> {
        let mut labels: Vec<(i128, String)> =
            self.ticks().into_iter().map(|units| (units, tick(units))).collect();
        let decimals =
            |label: &str| label.split_once('.').map_or(0, |(_, decimals)| decimals.len());
        let most = labels.iter().map(|(_, label)| decimals(label)).max().unwrap_or(0);
        // Thousands have a suffix and stay short: 500, 1k, 1.5k.
        let plain = labels.iter().all(|(_, label)| !label.ends_with(char::is_alphabetic));
        for (_, label) in labels.iter_mut().filter(|(units, _)| plain && most > 0 && *units != 0) {
            let missing = most - decimals(label);
            if missing == most {
                label.push('.');
            }
            label.push_str(&"0".repeat(missing));
        }
        labels
    }

    /// Distance of `units` from zero on an axis `length` long; negative below zero.
    pub(crate) fn offset(&self, units: i128, length: i64) -> i64 {
        scaled(units, self.high - self.low, length)
    }
}

/// Whether what hangs down beyond the last tick below zero is too little for an interval.
fn is_little(depth: i128, step: i128) -> bool {
    let beyond = depth % step;
    beyond > 0 && beyond < step / 2
}

/// The smallest of 1, 2, 2.5, 5 × 10ⁿ that covers both sides of zero in [`MAX_INTERVALS`].
fn nice_step(depth: i128, max: i128) -> i128 {
    let mut power = 1_i128;
    loop {
        for (factor, divisor) in [(1, 1), (2, 1), (5, 2), (5, 1)] {
            let step = power.saturating_mul(factor) / divisor;
            let below = ceil_div(depth, step) - i128::from(is_little(depth, step));
            if below + ceil_div(max, step) <= MAX_INTERVALS {
                return step;
            }
        }
        // `around` clamps to a quarter of the range, so the loop ends before the power overflows.
        power = power.saturating_mul(10);
    }
}

fn ceil_div(dividend: i128, divisor: i128) -> i128 {
    dividend / divisor + i128::from(dividend % divisor > 0)
}

/// Computes `value × length ÷ range`, rounded to nearest with halves away from zero; 0 for an empty
/// range.
pub(crate) fn scaled(value: i128, range: i128, length: i64) -> i64 {
    let range = range.unsigned_abs();
    let magnitude = value.unsigned_abs();
    let bits = 128 - range.max(magnitude).leading_zeros();
    // 2⁹⁴ units leave 33 bits for a length, and far more precision than a hundredth of a pixel
    // needs.
    let shift = bits.saturating_sub(94);
    let (magnitude, range) = (magnitude >> shift, range >> shift);
    if range == 0 {
        return 0;
    }
    let length = u128::from(length.unsigned_abs()).min(1 << 32);
    let size = i64::try_from((magnitude * length + range / 2) / range).unwrap_or(i64::MAX);
    if value < 0 { -size } else { size }
}

#[cfg(test)]
mod tests {
    use super::{Axis, scaled};
    use crate::amount::ONE;

    fn labels(min: i128, max: i128) -> Vec<String> {
        Axis::around(min, max).labels().into_iter().map(|(_, label)| label).collect()
    }

    #[test]
    fn ticks_are_nice_and_cover_the_data() {
        assert_eq!(labels(0, 0), ["0", "1"]);
        assert_eq!(labels(0, 4_988 * ONE), ["0", "1k", "2k", "3k", "4k", "5k"]);
        assert_eq!(labels(0, 10_100 * ONE), ["0", "2.5k", "5k", "7.5k", "10k", "12.5k"]);
        assert_eq!(labels(0, ONE / 1000 * 3), ["0", "0.001", "0.002", "0.003"]);
        assert_eq!(labels(-900 * ONE, 2_100 * ONE), ["\u{2212}1k", "0", "1k", "2k", "3k"]);
        assert_eq!(
            labels(-900 * ONE, 0),
            ["\u{2212}1k", "\u{2212}800", "\u{2212}600", "\u{2212}400", "\u{2212}200", "0"]
        );
        // Little below zero: no tick there, but room for it.
        assert_eq!(labels(-3 * ONE, 5_000 * ONE)[0], "0");
        assert!(Axis::around(-3 * ONE, 5_000 * ONE).low < -3 * ONE);
    }

    #[test]
    fn any_amounts_have_an_axis() {
        let mut size = 1_i128;
        while size < i128::MAX / 4 {
            for (min, max) in [(0, size), (-size, size), (-size, 0), (-size / 7, size)] {
                let axis = Axis::around(min, max);
                assert!(axis.low <= min && axis.high >= max, "{min} {max} {axis:?}");
                assert!((2..=7).contains(&axis.ticks().len()), "{min} {max} {axis:?}");
            }
            size = size * 3 + 1;
        }
        assert!(!Axis::around(i128::MIN, i128::MAX).ticks().is_empty());
    }

    #[test]
    fn scaling_rounds_and_survives_the_ends() {
        assert_eq!(scaled(1, 2, 5), 3);
        assert_eq!(scaled(-1, 2, 5), -3);
        assert_eq!(scaled(7, 0, 5), 0);
        assert_eq!(scaled(i128::MAX, i128::MAX, 40_000), 40_000);
        assert_eq!(scaled(i128::MIN, i128::MAX, 100), -100);
    }
}
