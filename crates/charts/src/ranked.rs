//! Ranked horizontal bars: the parts of one bucket, or of a whole period, side by side.

use crate::Chart;
use crate::amount::{share, shown};
use crate::axis::scaled;
use crate::calendar::long;
use crate::canvas::{Anchor, Area, Line, Px, outline, stroke_down};
use crate::figures::Figures;
use crate::frame::{self, Frame};
use crate::ink::Role;
use crate::text;
use crate::theme::Paint;

/// Row height in pixels when there is a choice.
const ROW_PX: u32 = 36;
/// Most rows the natural height makes room for: a slide with more is not read.
const MOST_ROWS: u32 = 30;
/// Lowest row, for 12 px text with some air.
const LEAST_ROW: Px = 2000;

/// One bar.
#[derive(Debug)]
struct Row {
    label: String,
    total: i128,
    /// Index of the series, or none for those that had no room.
    series: Option<usize>,
}

/// Widths of the columns, and the scale of the bars.
#[derive(Debug)]
struct Columns {
    label: Px,
    /// Position of zero.
    zero: Px,
    /// Length of one bar is its share of this for `range`.
    length: Px,
    range: i128,
    size: Px,
}

/// Draws one horizontal bar per series, in their order, `width` × `height` pixels.
///
/// A chart with several buckets is summed over them. Each bar has its amount beside it, its share
/// at the right edge where all series are positive, and a `<title>` with the exact amount. Negative
/// totals reach left of zero, hatched. Where not all rows fit, the last one sums those left out.
#[must_use]
pub fn svg_ranked_bars(chart: &Chart, width: u32, height: u32) -> String {
    let figures = Figures::of(chart);
    let mut frame = Frame::open(chart, &figures, width, height, &footer(chart, &figures));
    if chart.buckets.is_empty() || chart.series.is_empty() {
        return frame.nothing();
    }
    let most = usize::try_from(frame.room.height / LEAST_ROW).unwrap_or(0).max(1);
    let rows = rows(chart, &figures, most);
    let count = i64::try_from(rows.len()).unwrap_or(1).max(1);
    let step = (frame.room.height / count).min(4400);
    let columns = Columns::of(&rows, chart, &figures, &frame);
    let mut hatch = String::new();
    let mut y = frame.room.y;
    for row in &rows {
        let area = Area { y, height: step, ..frame.room };
        columns.draw(&mut frame, chart, &figures, (row, area), &mut hatch);
        y += step;
    }
    let fill = frame.canvas.hatch();
    frame.canvas.path(&hatch, &fill);
    let mut zero = String::new();
    stroke_down(&mut zero, columns.zero, frame.room.y, y);
    frame.canvas.mark(&zero, Role::Axis);
    frame.canvas.close()
}

/// Height in pixels that gives every row its full height.
pub(crate) fn natural_height_px(chart: &Chart) -> u32 {
    let rows = u32::try_from(chart.series.len()).unwrap_or(MOST_ROWS).clamp(3, MOST_ROWS);
    frame::height_px() + rows * ROW_PX
}

/// The line under the bars: the period, and charges and credits where there are both.
fn footer(chart: &Chart, figures: &Figures) -> Vec<String> {
    let mut parts = Vec::new();
    match (chart.buckets.first(), chart.buckets.last()) {
        (Some(first), Some(last)) if first == last => parts.push(long(first)),
        (Some(first), Some(last)) => parts.push(format!("{} to {}", long(first), long(last))),
        _ => {}
    }
    if figures.has_credits() {
        parts.push(format!("charges {}", frame::money(figures.charges, &chart.currency)));
        parts.push(format!("credits {}", frame::money(figures.credits, &chart.currency)));
    }
    parts
}

/// The bars that fit, the last one standing for the rest.
fn rows(chart: &Chart, figures: &Figures, most: usize) -> Vec<Row> {
    let totals = chart.series.iter().zip(&figures.series).enumerate();
    let mut rows: Vec<Row> = totals
        .map(|(index, (series, total))| Row {
            label: text::visible(&series.label),
            total: *total,
            series: Some(index),
        })
        .collect();
    if rows.len() > most {
        let rest = rows.split_off(most - 1);
        let total = rest.iter().fold(0_i128, |sum, row| sum.saturating_add(row.total));
        rows.push(Row { label: format!("{} more", rest.len()), total, series: None });
    }
    rows
}

impl Columns {
    /// Names left, shares right, and the bars with their amounts between them.
    fn of(rows: &[Row], chart: &Chart, figures: &Figures, frame: &Frame) -> Self {
        let size = if frame.wide { 1400 } else { 1200 };
        let room = frame.room;
        let widest = |of: &dyn Fn(&Row) -> String| {
            rows.iter().map(|row| text::bold_width(&of(row), size)).max().unwrap_or(0)
        };
        let label = widest(&|row| row.label.clone()).min(room.width * 34 / 100);
        let amount = widest(&|row| shown(row.total, &chart.currency)) + 1600;
        let share = widest(&|row| share(row.total, figures.share_base()).unwrap_or_default());
        let left = room.x + label + 1600;
        let bars = (room.right() - share - amount - left).max(1000);
        // A quarter of the range of `i128` on each side keeps their sum inside it.
        let magnitude = |total: i128| total.unsigned_abs().min(i128::MAX.unsigned_abs() / 4);
        let above = rows
            .iter()
            .filter(|row| row.total > 0)
            .map(|row| magnitude(row.total))
            .max()
            .unwrap_or(0);
        let below = rows
            .iter()
            .filter(|row| row.total < 0)
            .map(|row| magnitude(row.total))
            .max()
            .unwrap_or(0);
        let range = i128::try_from(above + below).unwrap_or(1).max(1);
        let reach = scaled(i128::try_from(below).unwrap_or(0), range, bars);
        Self { label, zero: (left + reach) / 100 * 100, length: bars, range, size }
    }

    fn draw(
        &self,
        frame: &mut Frame,
        chart: &Chart,
        figures: &Figures,
        (row, area): (&Row, Area),
        hatch: &mut String,
    ) {
        let baseline = area.y + area.height / 2 + self.size * 35 / 100;
        let name = Line { size: self.size, ..Line::at(area.x, baseline, Role::Text) };
        frame.canvas.text(name, &text::cut(&row.label, self.size, self.label), Some(&row.label));
        let reach = scaled(row.total, self.range, self.length);
        let height = (area.height * 62 / 100).min(2400) / 100 * 100;
        let top = (area.y + (area.height - height) / 2) / 100 * 100;
        // The smallest amount still is half a pixel: something, as opposed to nothing.
        let width = if row.total == 0 { 0 } else { reach.abs().max(50) };
        let x = if reach < 0 { self.zero - width } else { self.zero };
        let bar = Area { x, y: top, width, height };
        if width > 0 {
            let fill = row.series.map(|series| frame.fill_attributes(series));
            let fill = fill.unwrap_or_else(|| frame.canvas.fill(Paint::Other));
            frame.canvas.group(&fill);
            frame.canvas.bar(bar, &hover(row, chart));
            frame.canvas.end_group();
        }
        if row.total < 0 {
            outline(hatch, bar);
        }
        // Beside a negative bar the amount stands right of zero, where its row is empty.
        let amount = Line { x: self.zero + reach.max(0) + 800, bold: true, ..name };
        frame.canvas.text(amount, &shown(row.total, &chart.currency), None);
        if let Some(share) = share(row.total, figures.share_base()) {
            let line = Line {
                x: area.right(),
                size: self.size - 100,
                anchor: Anchor::End,
                role: Role::Muted,
                ..name
            };
            frame.canvas.text(line, &share, None);
        }
    }
}

fn hover(row: &Row, chart: &Chart) -> String {
    format!("{}\n{}", row.label, frame::exact_money(row.total, &chart.currency))
}
