//! A picture of a page: what it shows, and how it is put together.
//!
//! The legend and the table beside it are the page's affair, since they have links. Drawing and
//! overlay of one size lie exactly over each other.

use crate::Chart;
use crate::canvas::{Area, Canvas};
use crate::figures::Figures;
use crate::frame;
use crate::ink::{Ink, Pen};
use crate::plot::Plot;
use crate::text;
use crate::theme::{Paint, Theme, paints};
use crate::{lines, multiples, overlay, stack, words};

/// Areas need more buckets than this, since fewer read better as columns.
const MOST_COLUMNS: usize = 45;

/// Width and height in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels. [`Form::Multiples`] and a lying [`crate::waterfall()`] take more where
    /// their rows need it.
    pub height: u32,
}

/// A bucket of time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bucket {
    /// Start of the bucket in UTC: `2026-11`, `2026-11-14` or `2026-11-14T05:00`. Anything else is
    /// shown as is.
    pub label: String,
    /// Whether nothing was delivered for it yet. Amounts that are there all the same are drawn.
    pub is_missing: bool,
    /// Whether its amounts are still expected to change.
    pub is_settling: bool,
    /// Where [`Picture::overlay`] leads from here.
    pub href: Option<String>,
}

/// A group of a [`Picture`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Band {
    /// Name of the group, as it came: it is escaped here.
    pub label: String,
    /// How it looks.
    pub paint: Paint,
    /// Amounts in units of 10⁻¹⁸ of the currency, one per bucket; negative for credits. Missing
    /// ones at the end count as zero, surplus ones are ignored.
    pub values: Vec<i128>,
}

/// How the amounts are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Form {
    /// Stacked columns.
    #[default]
    Bars,
    /// A line per group.
    Lines,
    /// Stacked areas. Drawn as columns where an amount is negative or there are 45 buckets or
    /// fewer, which the caption says.
    Area,
    /// Columns of each group in a plot of its own.
    Multiples,
}

/// Amounts of one currency, by bucket of time and by group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// Name, for example `BilledCost by service`.
    pub title: String,
    /// Unit of the value axis, for example `USD per day`.
    pub unit: String,
    /// ISO 4217 code of all amounts. Decides how many decimals are shown; may be empty.
    pub currency: String,
    /// Buckets, oldest first. Made for up to 92; the caller coarsens more.
    pub buckets: Vec<Bucket>,
    /// Groups from the axis outwards: the largest first, "not specified" and "other" last.
    pub bands: Vec<Band>,
    /// Totals of the period that is compared, bucket by bucket. [`Form::Multiples`] does not draw
    /// them.
    pub compare: Option<Vec<i128>>,
    /// How to draw.
    pub form: Form,
}

impl Size {
    /// For a page of two columns or more.
    pub const WIDE: Self = Self { width: 960, height: 320 };
    /// For a telephone.
    pub const NARROW: Self = Self { width: 358, height: 220 };

    pub(crate) fn is_wide(self) -> bool {
        self.width >= 560
    }

    /// What is left inside the margins.
    pub(crate) fn room(self) -> Area {
        let (width, height) = (i64::from(self.width) * 100, i64::from(self.height) * 100);
        Area { x: 200, y: 800, width: (width - 1800).max(0), height: (height - 800).max(0) }
    }
}

impl Picture {
    /// Draws everything but legend and table. `theme` counts for [`Ink::Attributes`] only.
    #[must_use]
    pub fn draw(&self, size: Size, ink: Ink, theme: Theme) -> String {
        let size = self.drawn_size(size);
        let figures = self.figures();
        let title = text::visible(self.title.trim());
        let pen = Pen::new(ink, theme);
        let about = self.caption();
        let mut canvas = Canvas::open((size.width, size.height), pen, &title, &about);
        let plots = self.plots(size, &figures);
        match plots.first() {
            None => frame::nothing(&mut canvas, size.room()),
            Some(_) if self.form == Form::Multiples => {
                multiples::draw(&plots, &mut canvas, self, size.room());
            }
            Some(plot) => self.draw_plot(plot, &mut canvas, &figures, size),
        }
        canvas.close()
    }

    /// The drawing that lies over the one of [`Picture::draw`]: a link per bucket, whose title is
    /// [`Picture::readout`]. It is hidden from assistive tools and from the Tab key; the table
    /// beside it has the same links. Each `a` (or `g`, without a link) has its number as
    /// `data-bucket`; the
    /// `rect`s in it show which bucket is meant when it has the class `on`.
    #[must_use]
    pub fn overlay(&self, size: Size) -> String {
        let size = self.drawn_size(size);
        overlay::draw(self, size, &self.plots(size, &self.figures()))
    }

    /// What the drawing shows, in a few sentences.
    #[must_use]
    pub fn caption(&self) -> String {
        words::caption(self, &self.figures())
    }

    /// A bucket in one line: when, all groups by size, the total. Empty for one that is not there.
    #[must_use]
    pub fn readout(&self, bucket: usize) -> String {
        words::readout(self, bucket, &self.figures())
    }

    /// The size that a drawing really takes: the one asked for, or more where
    /// [`Form::Multiples`] needs it.
    #[must_use]
    pub fn drawn_size(&self, size: Size) -> Size {
        if self.form == Form::Multiples { multiples::size(self.bands.len(), size) } else { size }
    }

    /// The picture of a chart, whose series say by their names how they look.
    pub(crate) fn of(chart: &Chart) -> Self {
        let bucket = |label: &String| Bucket {
            label: label.clone(),
            is_missing: false,
            is_settling: false,
            href: None,
        };
        let bands = chart.series.iter().zip(paints(&chart.series)).map(|(series, paint)| Band {
            label: series.label.clone(),
            paint,
            values: series.values.clone(),
        });
        Self {
            title: chart.title.clone(),
            unit: frame::unit(chart),
            currency: chart.currency.clone(),
            buckets: chart.buckets.iter().map(bucket).collect(),
            bands: bands.collect(),
            compare: None,
            form: Form::Bars,
        }
    }

    /// The picture of one group alone.
    pub(crate) fn part(&self, band: &Band) -> Self {
        Self {
            title: self.title.clone(),
            unit: self.unit.clone(),
            currency: self.currency.clone(),
            buckets: self.buckets.clone(),
            bands: vec![band.clone()],
            compare: None,
            form: Form::Bars,
        }
    }

    pub(crate) fn figures(&self) -> Figures {
        Figures::sum(self.buckets.len(), self.bands.iter().map(|band| band.values.as_slice()))
    }

    /// Whether there is nothing at a bucket because nothing was delivered.
    pub(crate) fn is_void(&self, bucket: usize, figures: &Figures) -> bool {
        let is_missing = self.buckets.get(bucket).is_none_or(|bucket| bucket.is_missing);
        is_missing && figures.bucket(bucket).is_empty()
    }

    /// The form that is drawn: the one asked for, where it suits the amounts.
    pub(crate) fn shape(&self, figures: &Figures) -> Form {
        let suits = !figures.has_credits() && self.buckets.len() > MOST_COLUMNS;
        if self.form == Form::Area && !suits { Form::Bars } else { self.form }
    }

    /// The plots of the drawing: one, or one per group. None where there is nothing to draw.
    fn plots(&self, size: Size, figures: &Figures) -> Vec<Plot> {
        let is_bare = self.bands.is_empty() && self.buckets.iter().all(|one| !one.is_missing);
        if self.buckets.is_empty() || is_bare {
            return Vec::new();
        }
        let room = size.room();
        if self.form == Form::Multiples {
            return multiples::plots(self, room, size);
        }
        let names = self.names_width(size);
        let room = Area { width: room.width - names, ..room };
        vec![Plot::within(room, self.reach(figures), self.buckets.len())]
    }

    /// Lower and upper end of all that is drawn in one plot.
    fn reach(&self, figures: &Figures) -> (i128, i128) {
        let (mut lowest, mut highest) =
            if self.form == Form::Lines { self.extremes() } else { figures.reach() };
        if let Some(compare) = &self.compare {
            let nets = figures.buckets.iter().map(crate::figures::Bucket::net);
            for value in compare.iter().take(self.buckets.len()).copied().chain(nets) {
                lowest = lowest.min(value);
                highest = highest.max(value);
            }
        }
        (lowest, highest)
    }

    /// Lowest and highest single amount.
    pub(crate) fn extremes(&self) -> (i128, i128) {
        let count = self.buckets.len();
        let values =
            || self.bands.iter().flat_map(move |band| band.values.iter().take(count).copied());
        (values().min().unwrap_or(0), values().max().unwrap_or(0))
    }

    /// Room at the right for the names of lines.
    fn names_width(&self, size: Size) -> i64 {
        let named = self.form == Form::Lines && size.is_wide();
        if named { lines::names_width(self) } else { 0 }
    }

    fn draw_plot(&self, plot: &Plot, canvas: &mut Canvas, figures: &Figures, size: Size) {
        plot.draw_ground(canvas, &self.buckets);
        plot.draw_scale(canvas);
        plot.draw_unit(canvas, &text::visible(&self.unit), size.room().x, &self.buckets);
        match self.shape(figures) {
            Form::Lines => lines::draw(plot, canvas, self, figures),
            Form::Area => stack::draw_areas(plot, canvas, self, figures),
            Form::Bars | Form::Multiples => stack::draw(plot, canvas, self, figures),
        }
        lines::draw_compared(plot, canvas, self);
        let names = self.names_width(size);
        if names > 0 {
            lines::draw_names(plot, canvas, self, names);
        }
        plot.draw_time(canvas, &self.buckets);
    }
}
