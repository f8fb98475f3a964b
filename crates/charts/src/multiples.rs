//! Small multiples: the columns of each group in a plot of their own, all on one scale.

use crate::amount::shown;
use crate::axis::Axis;
use crate::canvas::{Anchor, Area, Canvas, Line, Px};
use crate::figures::Figures;
use crate::ink::Role;
use crate::picture::{Band, Picture, Size};
use crate::plot::{FOOT, Plot, gutter};
use crate::stack;
use crate::text;

/// Least height of a panel in pixels: a name, a plot and two lines of time.
const PANEL_PX: u32 = 140;
/// Room for the unit above all panels, in pixels.
const TOP_PX: u32 = 20;
/// Room for the name of a panel.
const NAME: Px = 2200;
/// Room between two panels.
const GAP: Px = 1600;

/// Panels side by side.
fn per_row(count: usize, size: Size) -> usize {
    match (size.is_wide(), count) {
        (false, _) | (true, 0..=2) => 2,
        (true, 3 | 5 | 6) => 3,
        (true, _) => 4,
    }
}

/// The size that gives every panel room to be read.
pub(crate) fn size(count: usize, size: Size) -> Size {
    let rows = u32::try_from(count.div_ceil(per_row(count, size))).unwrap_or(1).max(1);
    Size { height: size.height.max(rows.saturating_mul(PANEL_PX).saturating_add(TOP_PX)), ..size }
}

/// A plot for each group, in their order, row by row.
pub(crate) fn plots(picture: &Picture, room: Area, size: Size) -> Vec<Plot> {
    let (lowest, highest) = picture.extremes();
    let axis = Axis::around(lowest, highest);
    let count = picture.bands.len();
    let columns = per_row(count, size);
    let rows = count.div_ceil(columns);
    let whole = |number: usize| i64::try_from(number).unwrap_or(1).max(1);
    let top = i64::from(TOP_PX) * 100;
    let left = room.x + gutter(&axis);
    let width = (room.right() - left - GAP * (whole(columns) - 1)) / whole(columns);
    let height = (room.height - top) / whole(rows);
    let mut plots = Vec::with_capacity(count);
    let mut y = room.y + top;
    for row in 0..rows {
        let mut x = left;
        for _ in row * columns..count.min((row + 1) * columns) {
            let area = Area {
                x,
                y: y + NAME,
                width: width.max(1000),
                height: (height - NAME - FOOT).max(1000),
            };
            plots.push(Plot::over(area, axis, picture.buckets.len()));
            x += width + GAP;
        }
        y += height;
    }
    plots
}

/// Draws the panels.
pub(crate) fn draw(plots: &[Plot], canvas: &mut Canvas, picture: &Picture, room: Area) {
    let unit = text::visible(&picture.unit);
    canvas.text(Line::at(room.x, room.y + 700, Role::Muted), &unit, None);
    let first = plots.first().map_or(0, |plot| plot.area.x);
    for (plot, band) in plots.iter().zip(&picture.bands) {
        let part = picture.part(band);
        let figures = part.figures();
        plot.draw_ground(canvas, &part.buckets);
        if plot.area.x == first {
            plot.draw_scale(canvas);
        }
        draw_name(plot, canvas, picture, (band, &figures));
        stack::draw(plot, canvas, &part, &figures);
        plot.draw_time(canvas, &part.buckets);
    }
}

/// Name and total over a panel.
fn draw_name(plot: &Plot, canvas: &mut Canvas, picture: &Picture, of: (&Band, &Figures)) {
    let (band, figures) = of;
    let total = shown(figures.total(), &picture.currency);
    let label = text::visible(&band.label);
    let line = Line::at(plot.area.x, plot.area.y - 900, Role::Text);
    let room = plot.area.width - text::width(&total, 1200) - 800;
    canvas.text(line, &text::cut(&label, 1200, room), Some(&label));
    let right = Line { x: plot.area.right(), anchor: Anchor::End, role: Role::Muted, ..line };
    canvas.text(right, &total, None);
}
