//! Stacked columns over time as a drawing that stands alone, with heading, legend and footer.

use crate::Chart;
use crate::calendar::{Grain, long};
use crate::canvas::Area;
use crate::figures::Figures;
use crate::frame::{self, Frame};
use crate::legend::Legend;
use crate::picture::Picture;
use crate::plot::Plot;
use crate::{stack, words};

/// Draws stacked columns over time, `width` × `height` pixels.
///
/// The value axis contains zero and the highest stack; its ticks are 1, 2, 2.5 or 5 × 10ⁿ. The
/// legend names each series with its total, in the order of the stack, and stands right of the
/// plot, below it where the drawing is narrower than 560 pixels. Each bucket has a `<title>` with
/// the exact amounts in it. The result has no script, no style sheet and no reference to anything
/// outside. Made for up to about 400 buckets; more are drawn, as columns thinner than 2 pixels. The
/// plot is that of [`Picture::draw`].
#[must_use]
pub fn svg_stacked_bars(chart: &Chart, width: u32, height: u32) -> String {
    let picture = Picture::of(chart);
    let figures = picture.figures();
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
    let plot = Plot::within(room, figures.reach(), chart.buckets.len());
    plot.draw_ground(&mut frame.canvas, &picture.buckets);
    plot.draw_scale(&mut frame.canvas);
    plot.draw_unit(&mut frame.canvas, &picture.unit, room.x, &picture.buckets);
    stack::draw(&plot, &mut frame.canvas, &picture, &figures);
    plot.draw_time(&mut frame.canvas, &picture.buckets);
    for index in 0..picture.buckets.len() {
        if let Some(area) = plot.span((index, index)) {
            let hover = words::exact_readout(&picture, index, &figures);
            frame.canvas.hover(area, &hover);
        }
    }
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
        let net = figures.bucket(index).net();
        let word = if parts.is_empty() { "Highest" } else { "highest" };
        parts.push(format!("{word} {when}: {}", frame::money(net, currency)));
    }
    if let Some(noun) = Grain::of(&chart.buckets).noun() {
        parts.push(format!("mean per {noun} {}", frame::money(figures.mean(), currency)));
    }
    parts
}
