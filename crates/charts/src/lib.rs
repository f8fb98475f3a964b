//! Drawings of cost figures: standalone SVG for slides and reports, bars and sparklines for a
//! terminal.
//!
//! The crate knows nothing of billing. It takes a [`Chart`] (labels and exact amounts) and returns
//! text; who computes the groups, folds the tail into "other" and writes the file is the caller's
//! affair. All geometry is whole hundredths of a pixel and all amounts are whole units of 10⁻¹⁸, so
//! equal input gives equal bytes on every machine.
//!
//! Start at [`svg`] for files and at [`Picture`] for pages; both draw their plot by `plot` and
//! `stack`, so that a file and a page have one geometry. `ranked` and [`waterfall()`] are drawings
//! of their own. `frame` holds what the files share, `axis` the scale, `calendar` the bucket
//! labels,
//! `theme` the colours and `ink` how a mark gets them, `amount` the figures, `words` the sentences.

mod amount;
mod axis;
mod calendar;
mod canvas;
mod figures;
mod frame;
mod ink;
mod legend;
mod lines;
mod multiples;
mod overlay;
mod picture;
mod plot;
mod ranked;
mod spark;
mod stack;
mod stacked;
mod terminal;
mod text;
mod theme;
mod waterfall;
mod words;

pub use amount::{compact_money, money2};
pub use ink::{Ink, PALETTE_CSS};
pub use picture::{Band, Bucket, Form, Picture, Size};
pub use ranked::svg_ranked_bars;
pub use spark::{share_bar, spark};
pub use stacked::svg_stacked_bars;
pub use terminal::{bar, sparkline};
pub use theme::{Paint, Theme};
pub use waterfall::{Step, waterfall};

/// Width in pixels of what [`svg`] draws: half of a full HD slide, so text of 12 px becomes 24 px
/// there.
const WIDTH_PX: u32 = 960;
/// Height in pixels of the stacked form of [`svg`]: 16:9 with [`WIDTH_PX`].
const HEIGHT_PX: u32 = 540;

/// What is to be drawn: amounts of one currency, by bucket of time and by group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chart {
    /// Heading, for example `Cost by service`. Shown as plain text, escaped.
    pub title: String,
    /// Second line, for example `BilledCost, 1–30 Sep 2026`. May be empty.
    pub subtitle: String,
    /// ISO 4217 code of all amounts. Decides how many decimals are shown; may be empty.
    pub currency: String,
    /// Labels of the buckets, oldest first, UTC. `2026`, `2026-09`, `2026-09-01` and
    /// `2026-09-01T05:00` are read as times and written with month names; anything else is shown as
    /// is.
    pub buckets: Vec<String>,
    /// Groups, largest first: the first stands on the axis. See [`Series::label`] for the two names
    /// with a meaning of their own.
    pub series: Vec<Series>,
    /// Colours to draw with.
    pub theme: Theme,
}

/// One group of a [`Chart`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Series {
    /// Name of the group. A last series called `other`, `others`, `other (19)` or `other, 19
    /// services` is drawn grey and `not specified` dotted, so that neither uses up a colour.
    pub label: String,
    /// Amounts in units of 10⁻¹⁸ of the currency, one per bucket; negative for credits. Missing
    /// ones at the end count as zero, surplus ones are ignored.
    pub values: Vec<i128>,
}

/// Draws the form that suits the data, in a size made for a slide: ranked bars for a single bucket
/// (as high as its rows need), stacked columns over time for more.
#[must_use]
pub fn svg(chart: &Chart) -> String {
    if chart.buckets.len() == 1 {
        svg_ranked_bars(chart, WIDTH_PX, ranked::natural_height_px(chart))
    } else {
        svg_stacked_bars(chart, WIDTH_PX, HEIGHT_PX)
    }
}

#[cfg(test)]
mod tests;
