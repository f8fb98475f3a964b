//! A plot over time: where columns stand and how high an amount reaches, what lies behind the
//! marks, and the labels around them.

use crate::axis::Axis;
use crate::calendar::{axis_labels, is_monday};
use crate::canvas::{Anchor, Area, Canvas, Line, Px, outline, stroke_across, stroke_down};
use crate::ink::Role;
use crate::picture::Bucket;
use crate::text;

/// Above this many buckets columns are too narrow for whole pixels to be worth the room they waste.
const MOST_SNAPPED: i64 = 60;
/// Room above the plot, for the unit.
pub(crate) const HEAD: Px = 2200;
/// Room below it, for two lines of time.
pub(crate) const FOOT: Px = 4000;

/// Where things are drawn.
#[derive(Debug)]
pub(crate) struct Plot {
    pub(crate) area: Area,
    pub(crate) axis: Axis,
    /// Height of zero.
    pub(crate) zero: Px,
    /// Left edge and width of each column.
    pub(crate) columns: Vec<(Px, Px)>,
    /// Distance of two columns.
    pub(crate) band: Px,
}

impl Plot {
    /// Divides a room: tick labels on the left, unit above, two lines of time below.
    pub(crate) fn within(room: Area, (lowest, highest): (i128, i128), buckets: usize) -> Self {
        let axis = Axis::around(lowest, highest);
        let gutter = gutter(&axis);
        let area = Area {
            x: room.x + gutter,
            y: room.y + HEAD,
            width: (room.width - gutter).max(1000),
            height: (room.height - HEAD - FOOT).max(1000),
        };
        Self::over(area, axis, buckets)
    }

    /// A plot that fills an area.
    pub(crate) fn over(area: Area, axis: Axis, buckets: usize) -> Self {
        let (columns, band) = columns(area, buckets);
        let zero = area.y + axis.offset(axis.high, area.height);
        Self { area, axis, zero, columns, band }
    }

    pub(crate) fn height_of(&self, units: i128) -> Px {
        self.zero - self.axis.offset(units, self.area.height)
    }

    /// Middle of a column.
    pub(crate) fn middle(&self, bucket: usize) -> Option<Px> {
        self.columns.get(bucket).map(|(x, width)| x + width / 2)
    }

    /// All the room of a run of buckets, from its first to its last.
    pub(crate) fn span(&self, (first, last): (usize, usize)) -> Option<Area> {
        let left = (self.middle(first)? - self.band / 2).max(self.area.x);
        let right = (self.middle(last)? + self.band / 2).min(self.area.right());
        Some(Area { x: left, width: (right - left).max(0), ..self.area })
    }

    /// What lies behind the marks: where figures still change, where there are none yet, the grid.
    pub(crate) fn draw_ground(&self, canvas: &mut Canvas, buckets: &[Bucket]) {
        let (mut late, mut edge, mut missing) = (String::new(), String::new(), String::new());
        for area in self.spans(buckets, |bucket| bucket.is_settling) {
            outline(&mut late, area);
            stroke_down(&mut edge, area.x, area.y, area.bottom());
        }
        for area in self.spans(buckets, |bucket| bucket.is_missing) {
            outline(&mut missing, area);
        }
        canvas.mark(&late, Role::Late);
        let mut grid = String::new();
        for units in self.axis.ticks().into_iter().filter(|units| *units != 0) {
            stroke_across(&mut grid, self.area.x, self.area.right(), self.height_of(units));
        }
        canvas.mark(&grid, Role::Grid);
        canvas.mark(&edge, Role::Edge);
        let hatch = canvas.missing();
        canvas.path(&missing, &hatch);
    }

    fn spans(&self, buckets: &[Bucket], holds: fn(&Bucket) -> bool) -> Vec<Area> {
        let runs = runs(buckets.len(), |index| buckets.get(index).is_some_and(holds));
        runs.into_iter().filter_map(|run| self.span(run)).collect()
    }

    /// Amounts of the ticks, left of the plot.
    pub(crate) fn draw_scale(&self, canvas: &mut Canvas) {
        for (units, label) in self.axis.labels() {
            let y = self.height_of(units) + 420;
            let line = Line::at(self.area.x - 800, y, Role::Muted);
            canvas.text(Line { anchor: Anchor::End, ..line }, &label, None);
        }
    }

    /// The unit above the plot, and what the band behind the last columns means.
    pub(crate) fn draw_unit(&self, canvas: &mut Canvas, unit: &str, left: Px, buckets: &[Bucket]) {
        let line = Line::at(left, self.area.y - 1500, Role::Muted);
        canvas.text(line, unit, None);
        if let Some(area) = self.spans(buckets, |bucket| bucket.is_settling).last() {
            let words = "still arriving";
            let least = left + text::width(unit, 1200) + 1200 + text::width(words, 1200);
            let end = Line { x: area.right().max(least), anchor: Anchor::End, ..line };
            canvas.text(end, words, None);
        }
    }

    /// The zero line.
    pub(crate) fn draw_zero(&self, canvas: &mut Canvas) {
        let mut zero = String::new();
        stroke_across(&mut zero, self.area.x, self.area.right(), self.zero);
        canvas.mark(&zero, Role::Axis);
    }

    /// Ticks and labels of time under the plot: a tick for each bucket where there is room, longer
    /// ones on Mondays.
    pub(crate) fn draw_time(&self, canvas: &mut Canvas, buckets: &[Bucket]) {
        let names: Vec<String> = buckets.iter().map(|bucket| bucket.label.clone()).collect();
        let labels = axis_labels(&names, self.band, 1200);
        let bottom = self.area.bottom();
        let mut ticks = String::new();
        for (index, (&(x, width), name)) in self.columns.iter().zip(&names).enumerate() {
            let labelled = labels.iter().any(|label| label.index == index);
            if labelled || self.band >= 300 {
                let length = match (labelled, is_monday(name)) {
                    (true, _) => 600,
                    (false, true) => 450,
                    (false, false) => 250,
                };
                stroke_down(&mut ticks, x + width / 2, bottom, bottom + length);
            }
        }
        canvas.mark(&ticks, Role::Axis);
        for label in &labels {
            let Some(x) = self.middle(label.index) else {
                continue;
            };
            let line = Line::at(x, bottom + 1900, Role::Text);
            let line = Line { anchor: Anchor::Middle, ..line };
            canvas.text(line, &label.line, None);
            if let Some(below) = &label.below {
                let line = Line { y: line.y + 1600, role: Role::Muted, ..line };
                canvas.text(line, below, None);
            }
        }
    }
}

/// Room for the labels of the ticks.
pub(crate) fn gutter(axis: &Axis) -> Px {
    let widest = axis.labels().iter().map(|(_, label)| text::width(label, 1200)).max();
    widest.unwrap_or(0) + 1000
}

/// First and last of each run of buckets that something holds for.
pub(crate) fn runs(count: usize, holds: impl Fn(usize) -> bool) -> Vec<(usize, usize)> {
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for index in (0..count).filter(|index| holds(*index)) {
        match runs.last_mut() {
            Some((_, last)) if *last + 1 == index => *last = index,
            _ => runs.push((index, index)),
        }
    }
    runs
}

/// Places `count` columns: whole pixels where there are few, so that all edges are sharp and all
/// gaps equal; tenths where there are more, which are shorter to write.
fn columns(area: Area, count: usize) -> (Vec<(Px, Px)>, Px) {
    let count = i64::try_from(count).unwrap_or(i64::MAX).max(1);
    let exact = area.width / count;
    let grain = match exact {
        400.. if count <= MOST_SNAPPED => 100,
        100.. => 10,
        _ => 1,
    };
    let band = (exact / grain * grain).max(1);
    let left = area.x + (area.width - band * count) / 2;
    let (gap, left) = if band >= 400 {
        ((band / 4 / 100 * 100).max(100), left / 100 * 100)
    } else {
        // Gaps finer than a pixel would only shimmer.
        (if band >= 300 { 100 } else { 0 }, left / grain * grain)
    };
    let width = (band - gap).min(6400);
    let columns =
        (0..count).map(|index| (left + index * band + (band - width) / 2, width)).collect();
    (columns, band)
}

#[cfg(test)]
mod tests {
    use super::runs;

    #[test]
    fn runs_are_told_apart() {
        assert_eq!(runs(6, |index| index != 2 && index != 3), [(0, 1), (4, 5)]);
        assert_eq!(runs(3, |_| false), []);
        assert_eq!(runs(1, |_| true), [(0, 0)]);
    }
}
