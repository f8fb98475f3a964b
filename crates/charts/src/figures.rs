//! What a chart's numbers add up to: totals by series and bucket, and the extremes.

use crate::Chart;
use crate::amount::div_half_even;

/// The sums of one bucket, credits apart from charges.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Bucket {
    /// Sum of the positive amounts.
    pub(crate) above: i128,
    /// Sum of the negative amounts, zero or less.
    pub(crate) below: i128,
}

/// Sums over a chart. Amounts have at most 38 digits and sums saturate at the ends of `i128`,
/// 1.7 × 10²⁰ currency units, which no bill reaches.
#[derive(Debug)]
pub(crate) struct Figures {
    /// Net per series, in their order.
    pub(crate) series: Vec<i128>,
    /// Sums per bucket.
    pub(crate) buckets: Vec<Bucket>,
    /// Sum of the positive amounts.
    pub(crate) charges: i128,
    /// Sum of the negative amounts, zero or less.
    pub(crate) credits: i128,
}

impl Bucket {
    pub(crate) fn net(&self) -> i128 {
        self.above.saturating_add(self.below)
    }

    /// Whether there is nothing to draw, as opposed to charges and credits that cancel.
    pub(crate) fn is_empty(&self) -> bool {
        self.above == 0 && self.below == 0
    }
}

impl Figures {
    pub(crate) fn of(chart: &Chart) -> Self {
        Self::sum(chart.buckets.len(), chart.series.iter().map(|one| one.values.as_slice()))
    }

    /// Sums the values of several groups over `count` buckets.
    pub(crate) fn sum<'a>(count: usize, groups: impl Iterator<Item = &'a [i128]>) -> Self {
        let mut series = Vec::new();
        let mut buckets = vec![Bucket::default(); count];
        for values in groups {
            let mut total = 0_i128;
            for (bucket, &value) in buckets.iter_mut().zip(values) {
                total = total.saturating_add(value);
                bucket.above = bucket.above.saturating_add(value.max(0));
                bucket.below = bucket.below.saturating_add(value.min(0));
            }
            series.push(total);
        }
        let sum = |part: fn(&Bucket) -> i128| {
            buckets.iter().fold(0_i128, |sum, bucket| sum.saturating_add(part(bucket)))
        };
        let (charges, credits) = (sum(|bucket| bucket.above), sum(|bucket| bucket.below));
        Self { series, buckets, charges, credits }
    }

    /// Net of everything.
    pub(crate) fn total(&self) -> i128 {
        self.charges.saturating_add(self.credits)
    }

    /// Sums of a bucket, zero for one that is not there.
    pub(crate) fn bucket(&self, index: usize) -> Bucket {
        self.buckets.get(index).copied().unwrap_or_default()
    }

    /// Lower and upper end of what the stacks reach.
    pub(crate) fn reach(&self) -> (i128, i128) {
        let lowest = self.buckets.iter().map(|bucket| bucket.below).min().unwrap_or(0);
        let highest = self.buckets.iter().map(|bucket| bucket.above).max().unwrap_or(0);
        (lowest, highest)
    }

    /// Whether anything is drawn below zero.
    pub(crate) fn has_credits(&self) -> bool {
        self.credits < 0
    }

    /// The total shares are taken of, or zero where shares would mislead because a series is
    /// negative.
    pub(crate) fn share_base(&self) -> i128 {
        if self.series.iter().any(|total| *total < 0) { 0 } else { self.total() }
    }

    /// The bucket with the highest net, the earliest of several.
    pub(crate) fn highest(&self) -> Option<usize> {
        let mut best: Option<(usize, i128)> = None;
        for (index, bucket) in self.buckets.iter().enumerate() {
            if best.is_none_or(|(_, net)| bucket.net() > net) {
                best = Some((index, bucket.net()));
            }
        }
        best.map(|(index, _)| index)
    }

    /// Mean net per bucket, half-even to a unit of 10⁻¹⁸.
    pub(crate) fn mean(&self) -> i128 {
        let count = u128::try_from(self.buckets.len()).unwrap_or(1).max(1);
        let size = div_half_even(self.total().unsigned_abs(), count);
        let size = i128::try_from(size).unwrap_or(i128::MAX);
        if self.total() < 0 { -size } else { size }
    }
}
