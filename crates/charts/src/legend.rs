//! The legend of stacked columns: one entry per series in the order of the stack, with its total.

use crate::Chart;
use crate::amount::{share, shown};
use crate::canvas::{Anchor, Area, Line, Px, outline, stroke_across};
use crate::figures::Figures;
use crate::frame::Frame;
use crate::ink::Role;
use crate::text;

/// Height of an entry with its figures on a second line.
const TALL: Px = 4000;
/// Height of an entry with its figures beside the name.
const SHORT: Px = 2000;
/// Room for the swatch before the name.
const INDENT: Px = 2000;

/// One entry.
#[derive(Debug)]
struct Entry {
    mark: Mark,
    label: String,
    figure: String,
    share: Option<String>,
}

#[derive(Debug, Clone, Copy)]
enum Mark {
    Series(usize),
    /// What hatching means.
    Credits,
    /// What the dark stroke means.
    Net,
    /// Entries for which there was no room.
    More,
}

/// The entries of a chart, ready to be measured and drawn.
#[derive(Debug)]
pub(crate) struct Legend {
    entries: Vec<Entry>,
}

impl Legend {
    /// Collects the entries: the top of the stack first, so that eye and legend go down together.
    pub(crate) fn of(chart: &Chart, figures: &Figures) -> Self {
        let mut entries = Vec::with_capacity(chart.series.len() + 2);
        let totals = chart.series.iter().zip(&figures.series).enumerate();
        for (index, (series, total)) in totals.rev() {
            entries.push(Entry {
                mark: Mark::Series(index),
                label: text::visible(&series.label),
                figure: shown(*total, &chart.currency),
                share: share(*total, figures.share_base()),
            });
        }
        if figures.has_credits() {
            let credits = shown(figures.credits, &chart.currency);
            entries.push(Entry::of(Mark::Credits, "credits, below zero", credits));
            entries.push(Entry::of(Mark::Net, "net", shown(figures.total(), &chart.currency)));
        }
        Self { entries }
    }

    /// Width at which nothing is cut, within the given bounds.
    pub(crate) fn width(&self, least: Px, most: Px) -> Px {
        let wider = |entry: &Entry| {
            text::width(&entry.label, 1300).max(text::width(&entry.figures(), 1200))
        };
        let widest = self.entries.iter().map(wider).max();
        (widest.unwrap_or(0) + INDENT).max(least).min(most)
    }

    /// Height with one line per entry, at most `most`.
    pub(crate) fn short_height(&self, most: Px) -> Px {
        let count = i64::try_from(self.entries.len()).unwrap_or(i64::MAX);
        count.saturating_mul(SHORT).min(most / SHORT * SHORT)
    }

    /// Draws as many entries as fit and says how many did not.
    pub(crate) fn draw(mut self, frame: &mut Frame, area: Area) {
        let count = i64::try_from(self.entries.len()).unwrap_or(i64::MAX);
        let tall = count.saturating_mul(TALL) <= area.height;
        let step = if tall { TALL } else { SHORT };
        let most = usize::try_from(area.height / step).unwrap_or(0);
        if self.entries.len() > most && most > 0 {
            // The top of the stack is its least part, so that end is the one to go.
            let hidden = self.entries.len() - (most - 1);
            let more = Entry::of(Mark::More, &format!("{hidden} more"), String::new());
            self.entries.splice(..hidden, [more]);
        }
        let mut y = area.y;
        for entry in self.entries.iter().take(most) {
            entry.draw(frame, Area { y, height: step, ..area }, tall);
            y += step;
        }
    }
}

impl Entry {
    fn of(mark: Mark, label: &str, figure: String) -> Self {
        Self { mark, label: label.to_owned(), figure, share: None }
    }

    /// Amount and share, as they stand under the name.
    fn figures(&self) -> String {
        let share = self.share.as_ref();
        self.figure.clone() + &share.map_or_else(String::new, |share| format!(" \u{b7} {share}"))
    }

    fn draw(&self, frame: &mut Frame, area: Area, tall: bool) {
        self.swatch(frame, area);
        let name = Line {
            size: if tall { 1300 } else { 1200 },
            ..Line::at(area.x + INDENT, area.y + 1250, Role::Text)
        };
        let room = area.width - INDENT;
        let figure = Line { size: 1200, role: Role::Muted, ..name };
        if tall {
            frame.canvas.text(name, &text::cut(&self.label, name.size, room), Some(&self.label));
            frame.canvas.text(Line { y: name.y + 1600, ..figure }, &self.figures(), None);
        } else {
            let room = room - text::width(&self.figure, 1200) - 800;
            frame.canvas.text(name, &text::cut(&self.label, name.size, room), Some(&self.label));
            let figure = Line { x: area.right(), anchor: Anchor::End, ..figure };
            frame.canvas.text(figure, &self.figure, None);
        }
    }

    /// The sample of the mark the entry explains.
    fn swatch(&self, frame: &mut Frame, area: Area) {
        let square = Area { x: area.x, y: area.y + 200, width: 1200, height: 1200 };
        match self.mark {
            Mark::Series(index) => {
                let mut path = String::new();
                outline(&mut path, square);
                let fill = frame.fill_attributes(index);
                frame.canvas.path(&path, &fill);
            }
            Mark::Credits => {
                let hatch = frame.canvas.hatch();
                let muted = frame.canvas.style(Role::Muted);
                frame.canvas.block(square, &muted);
                frame.canvas.block(square, &hatch);
            }
            Mark::Net => {
                let mut path = String::new();
                stroke_across(&mut path, square.x, square.right(), square.y + 600);
                frame.canvas.mark(&path, Role::Net);
            }
            Mark::More => {}
        }
    }
}
