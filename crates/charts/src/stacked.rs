//! Stacked columns over time.
//!
//! Charges stack up from zero and credits down from it, in the colour of their series with a hatch
//! over it; where a bucket has both, a dark stroke marks the net, since neither end of the column
//! is the total.

use crate::Chart;
use crate::axis::Axis;
use crate::calendar::{Grain, axis_labels, long};
use crate::canvas::{Anchor, Area, Line, Px, outline, stroke_across, stroke_down};
use crate::figures::Figures;
use crate::frame::{self, Frame};
use crate::legend::Legend;
use crate::text;

/// Above this many buckets columns are too narrow for whole pixels to be worth the room they waste.
const MOST_SNAPPED: i64 = 60;
/// Segments lower or narrower than this have no seam: it would hide them.
const LEAST_SEAMED: Px = 250;
/// A net nearer to the top of its column needs no mark: the top shows it as well.
const LEAST_NET: Px = 300;

/// Where things are drawn.
#[derive(Debug)]
struct Plot {
    area: Area,
    axis: Axis,
    /// Height of zero.
    zero: Px,
    /// Left edge and width of each column.
    columns: Vec<(Px, Px)>,
    /// Distance of two columns.
    band: Px,
}

/// Draws stacked columns over time, `width` × `height` pixels.
///
/// The value axis contains zero and the highest stack; its ticks are 1, 2 or 5 × 10ⁿ. The legend
/// names each series with its total, in the order of the stack, and stands right of the plot, below
/// it where the drawing is narrower than 560 pixels. Each segment has a `<title>` with its exact
/// amount. The result has no script, no style sheet and no reference to anything outside. Made for
/// up to about 400 buckets; more are drawn, as columns thinner than 2 pixels.
#[must_use]
pub fn svg_stacked_bars(chart: &Chart, width: u32, height: u32) -> String {
    let figures = Figures::of(chart);
    let mut frame = Frame::open(chart, &figures, width, height, &footer(chart, &figures));
    if chart.buckets.is_empty() || chart.series.is_empty() {
        return frame.nothing();
    }
    let legend = Legend::of(chart, &figures);
    let (room, beside) = if frame.wide {
        let side = legend.width(15_000, (frame.room.width * 32 / 100).min(29_000));
        let plot = Area { width: frame.room.width - side - 3200, ..frame.room };
        let beside = Area { x: frame.room.right() - side, width: side, ..frame.room };
        (plot, beside)
    } else {
        let below = legend.short_height(frame.room.height * 45 / 100);
        let plot = Area { height: frame.room.height - below - 800, ..frame.room };
        (plot, Area { y: frame.room.bottom() - below, height: below, ..frame.room })
    };
    let plot = Plot::within(room, chart, &figures);
    plot.draw_grid(&mut frame, &frame::unit(chart), room.x);
    plot.draw_columns(&mut frame, chart, &figures);
    plot.draw_time(&mut frame, &chart.buckets);
    // Beside the plot the first name stands at the height of the topmost tick.
    let beside = if frame.wide {
        Area { y: plot.area.y - 700, height: beside.bottom() - plot.area.y + 700, ..beside }
    } else {
        beside
    };
    legend.draw(&mut frame, beside);
    frame.canvas.close()
}

/// The line under the plot: charges and credits, the highest bucket, the mean.
fn footer(chart: &Chart, figures: &Figures) -> Vec<String> {
    let currency = &chart.currency;
    let mut parts = Vec::new();
    if figures.has_credits() {
        parts.push(format!("Charges {}", frame::money(figures.charges, currency)));
        parts.push(format!("credits {}", frame::money(figures.credits, currency)));
    }
    if let Some(index) = figures.highest() {
        let when = chart.buckets.get(index).map_or_else(String::new, |bucket| long(bucket));
        let net = figures.buckets.get(index).map_or(0, crate::figures::Bucket::net);
        let word = if parts.is_empty() { "Highest" } else { "highest" };
        parts.push(format!("{word} {when}: {}", frame::money(net, currency)));
    }
    if let Some(noun) = Grain::of(&chart.buckets).noun() {
        parts.push(format!("mean per {noun} {}", frame::money(figures.mean(), currency)));
    }
    parts
}

impl Plot {
    /// Divides the room: tick labels on the left, unit above, two lines of time below.
    fn within(room: Area, chart: &Chart, figures: &Figures) -> Self {
        let lowest = figures.buckets.iter().map(|bucket| bucket.below).min().unwrap_or(0);
        let highest = figures.buckets.iter().map(|bucket| bucket.above).max().unwrap_or(0);
        let axis = Axis::around(lowest, highest);
        let gutter = axis.labels().iter().map(|(_, label)| text::width(label, 1200)).max();
        let gutter = gutter.unwrap_or(0) + 1000;
        let area = Area {
            x: room.x + gutter,
            y: room.y + 2200,
            width: (room.width - gutter).max(1000),
            height: (room.height - 2200 - 4000).max(1000),
        };
        let (columns, band) = columns(area, chart.buckets.len());
        let zero = area.y + axis.offset(axis.high, area.height);
        Self { area, axis, zero, columns, band }
    }

    fn height_of(&self, units: i128) -> Px {
        self.zero - self.axis.offset(units, self.area.height)
    }

    /// Grid lines with their amounts, and the unit above them.
    fn draw_grid(&self, frame: &mut Frame, unit: &str, left: Px) {
        let palette = frame.palette;
        let mut grid = String::new();
        for (units, label) in self.axis.labels() {
            let y = self.height_of(units);
            if units != 0 {
                stroke_across(&mut grid, self.area.x, self.area.right(), y);
            }
            let line = Line {
                x: self.area.x - 800,
                y: y + 420,
                size: 1200,
                bold: false,
                anchor: Anchor::End,
                fill: palette.muted,
            };
            frame.canvas.text(line, &label, None);
        }
        let attributes = format!("stroke=\"{}\" shape-rendering=\"crispEdges\"", palette.grid);
        frame.canvas.path(&grid, &attributes);
        let caption = Line {
            x: left,
            y: self.area.y - 1500,
            size: 1200,
            bold: false,
            anchor: Anchor::Start,
            fill: palette.muted,
        };
        frame.canvas.text(caption, unit, None);
    }

    /// All segments, series by series from the axis outwards, then what lies over them.
    fn draw_columns(&self, frame: &mut Frame, chart: &Chart, figures: &Figures) {
        let buckets = chart.buckets.len();
        let times: Vec<String> = chart.buckets.iter().map(|bucket| long(bucket)).collect();
        let sums: Vec<String> = figures
            .buckets
            .iter()
            .map(|sum| frame::exact_money(sum.net(), &chart.currency))
            .collect();
        let mut above = vec![Top::default(); buckets];
        let mut below = vec![Top::default(); buckets];
        let (mut hatch, mut seams) = (String::new(), String::new());
        for (index, series) in chart.series.iter().enumerate() {
            let label = text::visible(&series.label);
            frame.canvas.group(&frame.fill_attributes(index));
            for (bucket, &value) in series.values.iter().enumerate().take(buckets) {
                let stack = if value < 0 { &mut below } else { &mut above };
                let (Some(top), Some(&(x, width))) =
                    (stack.get_mut(bucket), self.columns.get(bucket))
                else {
                    continue;
                };
                let Some((y, height)) = self.segment(top, value, (x, width), &mut seams) else {
                    continue;
                };
                let area = Area { x, y, width, height };
                let amount = frame::exact_money(value, &chart.currency);
                let hover =
                    format!("{label}\n{}: {amount}\nall series: {}", times[bucket], sums[bucket]);
                frame.canvas.bar(area, &hover);
                if value < 0 {
                    outline(&mut hatch, area);
                }
            }
            frame.canvas.end_group();
        }
        self.draw_zeros(frame, chart, figures, &times);
        let fill = frame.canvas.hatch();
        frame.canvas.path(&hatch, &format!("fill=\"{fill}\" pointer-events=\"none\""));
        let seam = format!("stroke=\"{}\" pointer-events=\"none\"", frame.palette.surface);
        frame.canvas.path(&seams, &seam);
        self.draw_marks(frame, figures);
    }

    /// A flat mark for each bucket that cost nothing, as opposed to one that is not there.
    fn draw_zeros(&self, frame: &mut Frame, chart: &Chart, figures: &Figures, times: &[String]) {
        frame.canvas.group(&format!("fill=\"{}\"", frame.palette.muted));
        let nothing = frame::exact_money(0, &chart.currency);
        for ((sum, &(x, width)), time) in figures.buckets.iter().zip(&self.columns).zip(times) {
            if sum.above == 0 && sum.below == 0 {
                let area = Area { x, y: self.zero - 150, width, height: 150 };
                frame.canvas.bar(area, &format!("{time}: {nothing}"));
            }
        }
        frame.canvas.end_group();
    }

    /// Puts a segment on its stack. Nothing for an amount of no height; a seam to a neighbour where
    /// both are high enough to spare it.
    fn segment(
        &self,
        top: &mut Top,
        value: i128,
        (x, width): (Px, Px),
        seams: &mut String,
    ) -> Option<(Px, Px)> {
        let from = self.height_of(top.units);
        top.units = top.units.saturating_add(value);
        let to = self.height_of(top.units);
        let height = (from - to).abs();
        if height == 0 {
            return None;
        }
        if top.height.min(height).min(width) >= LEAST_SEAMED {
            stroke_across(seams, x, x + width, from);
        }
        top.height = height;
        Some((from.min(to), height))
    }

    /// The zero line, and the net of the buckets that have credits.
    fn draw_marks(&self, frame: &mut Frame, figures: &Figures) {
        let palette = frame.palette;
        let mut zero = String::new();
        stroke_across(&mut zero, self.area.x, self.area.right(), self.zero);
        let attributes = format!("stroke=\"{}\" shape-rendering=\"crispEdges\"", palette.axis);
        frame.canvas.path(&zero, &attributes);
        let mut net = String::new();
        let overhang = (self.band / 10).min(300);
        for (sum, &(x, width)) in figures.buckets.iter().zip(&self.columns) {
            let at = self.height_of(sum.net());
            if sum.below < 0 && at - self.height_of(sum.above) >= LEAST_NET {
                stroke_across(&mut net, x - overhang, x + width + overhang, at);
            }
        }
        // A halo in the colour of the ground keeps the mark apart from dark segments.
        let halo =
            format!("stroke=\"{}\" stroke-width=\"4\" pointer-events=\"none\"", palette.surface);
        frame.canvas.path(&net, &halo);
        let mark =
            format!("stroke=\"{}\" stroke-width=\"2\" pointer-events=\"none\"", palette.text);
        frame.canvas.path(&net, &mark);
    }

    /// Ticks and labels of time under the plot.
    fn draw_time(&self, frame: &mut Frame, buckets: &[String]) {
        let palette = frame.palette;
        let labels = axis_labels(buckets, self.band, 1200);
        let bottom = self.area.bottom();
        let mut ticks = String::new();
        for (index, &(x, width)) in self.columns.iter().enumerate() {
            let labelled = labels.iter().any(|label| label.index == index);
            if labelled || self.band >= 600 {
                let end = bottom + if labelled { 600 } else { 300 };
                stroke_down(&mut ticks, x + width / 2, bottom, end);
            }
        }
        frame.canvas.path(&ticks, &format!("stroke=\"{}\"", palette.axis));
        for label in &labels {
            let Some(&(x, width)) = self.columns.get(label.index) else {
                continue;
            };
            let line = Line {
                x: x + width / 2,
                y: bottom + 1900,
                size: 1200,
                bold: false,
                anchor: Anchor::Middle,
                fill: palette.text,
            };
            frame.canvas.text(line, &label.line, None);
            if let Some(below) = &label.below {
                frame.canvas.text(
                    Line { y: line.y + 1600, fill: palette.muted, ..line },
                    below,
                    None,
                );
            }
        }
    }
}

/// The outer end of a growing stack.
#[derive(Debug, Clone, Copy, Default)]
struct Top {
    units: i128,
    /// Height of the segment there.
    height: Px,
}

/// Places `count` columns: whole pixels where there are few, so that all edges are sharp and all
/// gaps equal.
fn columns(area: Area, count: usize) -> (Vec<(Px, Px)>, Px) {
    let count = i64::try_from(count).unwrap_or(i64::MAX).max(1);
    let exact = area.width / count;
    let band = if count <= MOST_SNAPPED && exact >= 400 { exact / 100 * 100 } else { exact };
    let band = band.max(1);
    let left = area.x + (area.width - band * count) / 2;
    let (gap, left) = if band >= 400 {
        ((band / 4 / 100 * 100).max(100), left / 100 * 100)
    } else {
        // Gaps finer than a pixel would only shimmer.
        (if band >= 300 { 100 } else { 0 }, left)
    };
    let width = (band - gap).min(6400);
    let columns =
        (0..count).map(|index| (left + index * band + (band - width) / 2, width)).collect();
    (columns, band)
}
