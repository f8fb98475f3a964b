//! What both drawings share: heading, total, footer, accessible description, and the colour of a
//! series.

use crate::Chart;
use crate::amount::{self, shown};
use crate::calendar::{Grain, long};
use crate::canvas::{Anchor, Area, Canvas, Line, Px};
use crate::figures::Figures;
use crate::ink::{Ink, Pen, Role};
use crate::text;
use crate::theme::{Paint, paints};

/// Below this width the total moves under the heading and a legend under the plot.
const WIDE: Px = 56_000;

/// The parts of a drawing that are settled before its marks.
#[derive(Debug)]
pub(crate) struct Frame {
    pub(crate) canvas: Canvas,
    pub(crate) paints: Vec<Paint>,
    /// Room left for the drawing between heading and footer.
    pub(crate) room: Area,
    /// Whether there is room for two things side by side.
    pub(crate) wide: bool,
}

/// Margins and type sizes for a width.
#[derive(Debug, Clone, Copy)]
struct Measures {
    margin: Px,
    title: Px,
    head: Px,
    foot: Px,
}

impl Measures {
    fn of(wide: bool) -> Self {
        if wide {
            Self { margin: 2800, title: 2000, head: 8800, foot: 5200 }
        } else {
            Self { margin: 1600, title: 1600, head: 8400, foot: 3600 }
        }
    }
}

/// Height in pixels of heading and footer together, in the wide form.
pub(crate) fn height_px() -> u32 {
    let Measures { head, foot, .. } = Measures::of(true);
    u32::try_from((head + foot) / 100).unwrap_or(0)
}

impl Frame {
    /// Draws heading and footer and leaves the rest to the caller.
    pub(crate) fn open(
        chart: &Chart,
        figures: &Figures,
        width: u32,
        height: u32,
        foot: &[String],
    ) -> Self {
        let pen = Pen::new(Ink::Attributes, chart.theme);
        let title = text::visible(chart.title.trim());
        let mut canvas = Canvas::open((width, height), pen, &title, &describe(chart, figures));
        let (width, height) = (i64::from(width) * 100, i64::from(height) * 100);
        let wide = width >= WIDE;
        let measures = Measures::of(wide);
        heading(&mut canvas, chart, figures, (width, wide));
        let foot_line = Line::at(measures.margin, height - measures.margin * 6 / 10, Role::Muted);
        canvas.text(foot_line, &fitting(foot, width - 2 * measures.margin), None);
        let room = Area {
            x: measures.margin,
            y: measures.head,
            width: (width - 2 * measures.margin).max(0),
            height: (height - measures.head - measures.foot).max(0),
        };
        Self { canvas, paints: paints(&chart.series), room, wide }
    }

    /// Attributes of a group of bars of one series.
    pub(crate) fn fill_attributes(&self, series: usize) -> String {
        self.canvas.fill(self.paints.get(series).copied().unwrap_or(Paint::Other))
    }

    /// Says in the middle that there is nothing to draw.
    pub(crate) fn nothing(mut self) -> String {
        nothing(&mut self.canvas, self.room);
        self.canvas.close()
    }
}

/// Says in the middle of a room that there is nothing to draw.
pub(crate) fn nothing(canvas: &mut Canvas, room: Area) {
    let middle = Line::at(room.x + room.width / 2, room.y + room.height / 2, Role::Muted);
    let line = Line { size: 1400, anchor: Anchor::Middle, ..middle };
    canvas.text(line, "No data in this period", None);
}

/// Joins as many statements as fit, the first ones first; one cut short could be misread.
fn fitting(parts: &[String], room: Px) -> String {
    let mut line = String::new();
    for part in parts {
        let between = if line.is_empty() { "" } else { " \u{b7} " };
        let longer = format!("{line}{between}{part}");
        if text::width(&longer, 1200) > room {
            break;
        }
        line = longer;
    }
    line
}

/// Title and subtitle, and the total: on the right where there is room, else on a line of its own.
fn heading(canvas: &mut Canvas, chart: &Chart, figures: &Figures, (width, wide): (Px, bool)) {
    let Measures { margin, title: size, .. } = Measures::of(wide);
    let total = money(figures.total(), &chart.currency);
    let line = Line { size, bold: true, ..Line::at(margin, margin + size * 8 / 10, Role::Text) };
    let caption = Line { y: line.y + 2200, size: 1300, bold: false, role: Role::Muted, ..line };
    let full_room = width - 2 * margin;
    let side_room =
        if wide { full_room - text::bold_width(&total, size) - 2400 } else { full_room };
    let title = text::visible(chart.title.trim());
    // A heading somewhat too long is better set smaller than cut.
    let long_title = text::bold_width(&title, size) > side_room;
    let line = if long_title { Line { size: size * 8 / 10, ..line } } else { line };
    canvas.text(line, &text::cut(&title, line.size, side_room * 100 / 113), Some(&title));
    if !chart.subtitle.trim().is_empty() {
        let subtitle = text::visible(chart.subtitle.trim());
        canvas.text(caption, &text::cut(&subtitle, caption.size, side_room), Some(&subtitle));
    }
    let word = if figures.has_credits() { "net total" } else { "total" };
    if wide {
        let right = Line { x: width - margin, anchor: Anchor::End, size, ..line };
        canvas.text(right, &total, None);
        canvas.text(Line { x: width - margin, anchor: Anchor::End, ..caption }, word, None);
    } else {
        let below = Line { y: caption.y + 2000, bold: true, role: Role::Text, ..caption };
        canvas.text(below, &format!("{total} {word}"), None);
    }
}

/// What the drawing shows, in words, for those who do not see it.
fn describe(chart: &Chart, figures: &Figures) -> String {
    let currency = &chart.currency;
    let mut sentences = Vec::with_capacity(chart.series.len() + 4);
    if !chart.subtitle.trim().is_empty() {
        sentences.push(format!("{}.", text::visible(chart.subtitle.trim())));
    }
    match (chart.buckets.first(), chart.buckets.last()) {
        (Some(first), Some(last)) if first == last => sentences.push(format!("{}.", long(first))),
        (Some(first), Some(last)) => {
            sentences.push(format!("{}, {} to {}.", unit(chart), long(first), long(last)));
        }
        _ => sentences.push("No data.".to_owned()),
    }
    sentences.push(format!("Total {}.", money(figures.total(), currency)));
    if figures.has_credits() {
        let charges = money(figures.charges, currency);
        sentences.push(format!("Charges {charges}, credits {}.", money(figures.credits, currency)));
    }
    for (series, total) in chart.series.iter().zip(&figures.series) {
        let share = amount::share(*total, figures.share_base());
        let share = share.map_or_else(String::new, |share| format!(" ({share})"));
        let label = text::visible(&series.label);
        sentences.push(format!("{label} {}{share}.", shown(*total, currency)));
    }
    sentences.join(" ")
}

/// The unit of the value axis: `USD per day`.
pub(crate) fn unit(chart: &Chart) -> String {
    let currency = if chart.currency.is_empty() { "Amount" } else { chart.currency.as_str() };
    match Grain::of(&chart.buckets).noun() {
        Some(noun) => format!("{currency} per {noun}"),
        None => text::visible(currency),
    }
}

/// An amount at the currency's decimals, with its code.
pub(crate) fn money(units: i128, currency: &str) -> String {
    with_code(shown(units, currency), currency)
}

/// An amount with all its digits and its code.
pub(crate) fn exact_money(units: i128, currency: &str) -> String {
    with_code(amount::exact(units, currency), currency)
}

fn with_code(text: String, currency: &str) -> String {
    if currency.is_empty() { text } else { format!("{text} {}", text::visible(currency)) }
}
