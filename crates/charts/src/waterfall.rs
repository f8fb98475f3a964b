//! What a change is made of: one bar per step, each beginning where the one before ended.
//!
//! The axis is the change and starts at zero, so that a small correction of a large month is seen.

use crate::amount::shown;
use crate::axis::{Axis, scaled};
use crate::canvas::{Anchor, Area, Canvas, Line, Px, outline, stroke_across, stroke_down};
use crate::frame;
use crate::ink::{Ink, Pen, Role};
use crate::picture::Size;
use crate::plot::{FOOT, Plot};
use crate::text;
use crate::theme::Theme;

/// Most steps with a bar of their own.
const MOST_STEPS: usize = 8;
/// Height of a lying step in pixels.
const ROW_PX: u32 = 24;
/// Where the first of them begins.
const TOP: Px = 800;

/// A part of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// What changed, as it came: it is escaped here. A name that begins with `all others` stays
    /// last.
    pub label: String,
    /// By how much, in units of 10⁻¹⁸ of the currency.
    pub change: i128,
}

/// A bar of the drawing.
#[derive(Debug)]
struct Bar {
    label: String,
    change: i128,
    /// Where it begins and ends on the axis.
    from: i128,
    to: i128,
    role: Role,
}

/// Draws the steps of a change: the eight largest, the others as one, and the net change.
///
/// Steps up and steps down differ in colour and in the sign of their amount. With `lies` the bars
/// lie, for narrow pages, and the height grows with their number. Old and new total belong beside
/// the drawing, as text.
#[must_use]
pub fn waterfall(
    steps: &[Step],
    currency: &str,
    size: Size,
    ink: Ink,
    theme: Theme,
    lies: bool,
) -> String {
    let bars = bars(steps);
    let rows = u32::try_from(bars.len()).unwrap_or(1);
    let height = if lies { size.height.max(rows * ROW_PX + 16) } else { size.height };
    let size = Size { height, ..size };
    let pen = Pen::new(ink, theme);
    let about = describe(&bars, currency);
    let mut canvas = Canvas::open((size.width, size.height), pen, "What changed", &about);
    if steps.is_empty() {
        frame::nothing(&mut canvas, size.room());
    } else if lies {
        draw_lying(&bars, currency, &mut canvas, size);
    } else {
        draw_standing(&bars, currency, &mut canvas, size);
    }
    canvas.close()
}

/// The steps by size, the rest as one, and the net.
fn bars(steps: &[Step]) -> Vec<Bar> {
    let is_rest = |step: &&Step| step.label.starts_with("all others");
    let (mut rest, mut named): (Vec<&Step>, Vec<&Step>) = steps.iter().partition(is_rest);
    named.sort_by_key(|step| std::cmp::Reverse(step.change.unsigned_abs()));
    let folded = named.split_off(MOST_STEPS.min(named.len()));
    let label = match (rest.first(), folded.len()) {
        (Some(step), 0) => text::visible(&step.label),
        (Some(_), _) => "all others".to_owned(),
        (None, count) => format!("all others ({count})"),
    };
    rest.extend(folded);
    let mut at = 0_i128;
    let mut bars = Vec::with_capacity(named.len() + 2);
    let mut add = |label: String, change: i128| {
        let from = at;
        at = at.saturating_add(change);
        let role = if change < 0 { Role::Less } else { Role::More };
        bars.push(Bar { label, change, from, to: at, role });
    };
    for step in named {
        add(text::visible(&step.label), step.change);
    }
    if !rest.is_empty() {
        add(label, rest.iter().fold(0_i128, |sum, step| sum.saturating_add(step.change)));
    }
    bars.push(Bar { label: "net change".to_owned(), change: at, from: 0, to: at, role: Role::Sum });
    bars
}

/// The steps and what they come to, in words.
fn describe(bars: &[Bar], currency: &str) -> String {
    let words = bars.iter().map(|bar| format!("{} {}", bar.label, signed(bar.change, currency)));
    let words: Vec<String> = words.collect();
    let unit = if currency.is_empty() { "amount".to_owned() } else { text::visible(currency) };
    format!("The largest changes first, {unit}: {}.", words.join("; "))
}

/// An amount with its sign.
fn signed(units: i128, currency: &str) -> String {
    let text = shown(units, currency);
    if units > 0 && !text.starts_with('<') { format!("+{text}") } else { text }
}

/// Lowest and highest place of all bars.
fn reach(bars: &[Bar]) -> (i128, i128) {
    let ends = || bars.iter().flat_map(|bar| [bar.from, bar.to]);
    (ends().min().unwrap_or(0), ends().max().unwrap_or(0))
}

fn draw_standing(bars: &[Bar], currency: &str, canvas: &mut Canvas, size: Size) {
    let room = size.room();
    let room = Area { y: room.y + 800, height: room.height - 800, ..room };
    let plot = Plot::within(room, reach(bars), bars.len());
    plot.draw_ground(canvas, &[]);
    plot.draw_scale(canvas);
    let unit = text::visible(currency);
    let unit = if currency.is_empty() { "change".to_owned() } else { format!("change, {unit}") };
    // Higher than the amount over the first bar.
    canvas.text(Line::at(room.x, plot.area.y - 2300, Role::Muted), &unit, None);
    let mut connectors = String::new();
    for (index, (bar, &(x, width))) in bars.iter().zip(&plot.columns).enumerate() {
        let (from, to) = (plot.height_of(bar.from), plot.height_of(bar.to));
        let top = from.min(to);
        // A step of no height still is a line.
        let area = Area { x, y: top, width, height: (from - to).abs().max(100) };
        draw_bar(canvas, area, bar.role);
        if let Some((next, _)) = plot.columns.get(index + 1) {
            stroke_across(&mut connectors, x + width, *next, to);
        }
        let middle = Line::at(x + width / 2, top - 500, Role::Text);
        let middle = Line { anchor: Anchor::Middle, ..middle };
        canvas.text(middle, &signed(bar.change, currency), None);
        let name = Line { y: plot.area.bottom() + 1700, ..middle };
        draw_name(canvas, name, &bar.label, plot.band - 800);
    }
    canvas.mark(&connectors, Role::Axis);
    plot.draw_zero(canvas);
}

fn draw_bar(canvas: &mut Canvas, area: Area, role: Role) {
    let mut path = String::new();
    outline(&mut path, area);
    canvas.mark(&path, role);
}

/// Writes a name on one line or two.
fn draw_name(canvas: &mut Canvas, line: Line, label: &str, room: Px) {
    let mut first = String::new();
    let mut rest = label;
    for word in label.split_inclusive(' ') {
        if !first.is_empty() && text::width(&format!("{first}{word}"), line.size) > room {
            break;
        }
        first.push_str(word);
        rest = label.get(first.len()..).unwrap_or_default();
    }
    let second = Line { y: line.y + FOOT * 4 / 10, ..line };
    canvas.text(line, &text::cut(first.trim_end(), line.size, room), Some(label));
    if !rest.is_empty() {
        canvas.text(second, &text::cut(rest, line.size, room), Some(label));
    }
}

fn draw_lying(bars: &[Bar], currency: &str, canvas: &mut Canvas, size: Size) {
    let right = i64::from(size.width) * 100;
    let amounts = bars.iter().map(|bar| text::width(&signed(bar.change, currency), 1200));
    let amount = amounts.max().unwrap_or(0) + 800;
    let label = right * 36 / 100;
    let length = (right - label - 1000 - amount).max(1000);
    let (lowest, highest) = reach(bars);
    let axis = Axis::around(lowest, highest);
    // The ends are those of the bars: there are no ticks to end at.
    let (low, high) = (lowest.max(axis.low), highest.min(axis.high));
    let place =
        |units: i128| label + 1000 + scaled(units.clamp(low, high) - low, high - low, length);
    let step = i64::from(ROW_PX) * 100;
    let (mut connectors, mut y) = (String::new(), TOP);
    for (index, bar) in bars.iter().enumerate() {
        let (from, to) = (place(bar.from), place(bar.to));
        let width = (from - to).abs().max(100);
        draw_bar(canvas, Area { x: from.min(to), y: y + 500, width, height: 1400 }, bar.role);
        if index + 1 < bars.len() {
            stroke_down(&mut connectors, to, y + 1900, y + step + 500);
        }
        let line = Line::at(0, y + 1620, Role::Text);
        canvas.text(line, &text::cut(&bar.label, 1200, label), Some(&bar.label));
        let amount = Line { x: right, anchor: Anchor::End, ..line };
        canvas.text(amount, &signed(bar.change, currency), None);
        y += step;
    }
    stroke_down(&mut connectors, place(0), TOP, y);
    canvas.mark(&connectors, Role::Axis);
}

#[cfg(test)]
mod tests {
    use super::{Step, bars, signed, waterfall};
    use crate::amount::ONE;
    use crate::{Ink, Size, Theme};

    fn step(label: &str, change: i128) -> Step {
        Step { label: label.to_owned(), change: change * ONE }
    }

    #[test]
    fn steps_go_by_size_and_end_at_the_net() {
        let steps: Vec<Step> =
            (1..=11).map(|number| step(&format!("group {number}"), number - 4)).collect();
        let bars = bars(&steps);
        assert_eq!(bars.len(), 10);
        assert_eq!((bars[0].label.as_str(), bars[0].change), ("group 11", 7 * ONE));
        assert_eq!(bars[8].label, "all others (3)");
        assert!(bars[..9].windows(2).all(|pair| pair[0].to == pair[1].from));
        let total: i128 = steps.iter().map(|step| step.change).sum();
        assert_eq!((bars[8].to, bars[9].from, bars[9].to), (total, 0, total));
    }

    #[test]
    fn a_rest_that_is_given_stays_last() {
        let given = bars(&[step("all others (412 groups)", 9), step("a", -1)]);
        let labels: Vec<&str> = given.iter().map(|bar| bar.label.as_str()).collect();
        assert_eq!(labels, ["a", "all others (412 groups)", "net change"]);
    }

    #[test]
    fn both_ways_say_every_amount_with_its_sign() {
        let steps = [step("Amazon EC2 · Credit", -443), step("Tax", 31), step("</svg>", 0)];
        for (size, lies) in [(Size::WIDE, false), (Size::NARROW, true)] {
            for ink in [Ink::Attributes, Ink::Classes] {
                let drawing = waterfall(&steps, "USD", size, ink, Theme::Dark, lies);
                for text in [">\u{2212}443.00<", ">+31.00<", ">\u{2212}412.00<", ">net change<"] {
                    assert!(drawing.contains(text), "{text} in {drawing}");
                }
                assert!(!drawing.contains("style=") && drawing.matches("</svg>").count() == 1);
                assert!(!drawing.contains("=\"-") && !drawing.contains("v-"), "{drawing}");
            }
        }
        let ends = [Step { label: "a".to_owned(), change: i128::MAX }, step("b", i128::MIN / ONE)];
        for lies in [false, true] {
            let size = Size { width: 1, height: 1 };
            assert!(
                waterfall(&ends, "", size, Ink::Classes, Theme::Light, lies).contains("</svg>")
            );
        }
        assert!(
            waterfall(&[], "", Size::WIDE, Ink::Classes, Theme::Light, false).contains("No data")
        );
    }

    #[test]
    fn signs_are_true() {
        assert_eq!(signed(0, "USD"), "0.00");
        assert_eq!(signed(1, "USD"), "<0.01");
        assert_eq!(signed(ONE, "JPY"), "+1");
        assert_eq!(signed(-ONE, "JPY"), "\u{2212}1");
    }
}
