//! Drawings that fit a table cell.

use crate::amount::shown;
use crate::axis::scaled;
use crate::canvas::{Area, Px, point, px, sides};
use crate::ink::{Ink, Pen, Role};
use crate::theme::Theme;

/// Width of both drawings.
const WIDTH: Px = 9600;
/// Height of a sparkline.
const HEIGHT: Px = 2000;
/// Height of a share bar.
const BAR: Px = 800;
/// Room around a sparkline for its last point.
const MARGIN: Px = 300;

/// Draws amounts as a line of 96 × 20 pixels, with its last point marked and its lowest, highest
/// and last amount as its name; empty for no values. The scale contains zero, so that a steady cost
/// looks steady. Attributes are those of the light theme.
#[must_use]
pub fn spark(values: &[i128], ink: Ink) -> String {
    let (Some(lowest), Some(highest), Some(last)) =
        (values.iter().min(), values.iter().max(), values.last())
    else {
        return String::new();
    };
    let pen = Pen::new(ink, Theme::Light);
    let axis = Scale::of(*lowest, *highest);
    let steps = i64::try_from(values.len() - 1).unwrap_or(i64::MAX).max(1);
    let mut line = String::new();
    let (mut x, mut y) = (MARGIN, 0);
    for (index, value) in values.iter().enumerate() {
        let at = i64::try_from(index).unwrap_or(i64::MAX);
        x = MARGIN + (WIDTH - 2 * MARGIN) * at / steps;
        y = axis.height_of(*value);
        point(&mut line, index == 0, x, y);
    }
    let text = format!(
        "lowest {}, highest {}, last {}",
        shown(*lowest, ""),
        shown(*highest, ""),
        shown(*last, "")
    );
    let class = if ink == Ink::Classes { " class=\"bh\"" } else { "" };
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\"{class} width=\"96\" height=\"20\" \
         viewBox=\"0 0 96 20\" role=\"img\" aria-label=\"{text}\"><title>{text}</title>\
         <path d=\"{line}\" {}/><circle cx=\"{}\" cy=\"{}\" r=\"2\" {}/></svg>",
        pen.style(Role::Spark),
        px(x),
        px(y),
        pen.style(Role::Text)
    )
}

/// The scale of a sparkline: no ticks, only its ends.
struct Scale {
    low: i128,
    range: i128,
}

impl Scale {
    fn of(lowest: i128, highest: i128) -> Self {
        // A quarter of the range of `i128` on each side keeps their distance inside it.
        let low = lowest.clamp(-(i128::MAX / 4), 0);
        let high = highest.clamp(0, i128::MAX / 4);
        Self { low, range: high - low }
    }

    fn height_of(&self, value: i128) -> Px {
        let above = value.clamp(self.low, self.low + self.range) - self.low;
        HEIGHT - MARGIN - scaled(above, self.range, HEIGHT - 2 * MARGIN)
    }
}

/// Draws the share of a part as a bar of 96 × 8 pixels by classes, hidden from assistive tools: the
/// cell has the figure. A negative part is an outline as long as its size. Empty where the whole is
/// not positive, and no longer than the whole.
#[must_use]
pub fn share_bar(part: i128, whole: i128) -> String {
    if whole <= 0 {
        return String::new();
    }
    let size = part.saturating_abs().min(whole);
    let length = scaled(size, whole, WIDTH);
    let class = if part < 0 { "neg" } else { "s1" };
    // The smallest amount still is half a pixel: something, as opposed to nothing.
    let width = if part == 0 { 0 } else { length.max(50) };
    let track = sides(Area { x: 0, y: 0, width: WIDTH, height: BAR });
    let bar = sides(Area { x: 0, y: 0, width, height: BAR });
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"bh\" width=\"96\" height=\"8\" \
         viewBox=\"0 0 96 8\" aria-hidden=\"true\"><rect class=\"gf\" {track}/>\
         <rect class=\"{class}\" {bar}/></svg>"
    )
}

#[cfg(test)]
mod tests {
    use super::{share_bar, spark};
    use crate::Ink;
    use crate::amount::ONE;

    #[test]
    fn sparklines_stand_on_zero_and_end_in_a_point() {
        let drawing = spark(&[0, 10 * ONE, 5 * ONE], Ink::Classes);
        assert!(drawing.contains("d=\"M3 17L48 3L93 10\""), "{drawing}");
        assert!(drawing.contains("cx=\"93\" cy=\"10\""), "{drawing}");
        assert!(drawing.contains("<title>lowest 0.00, highest 10.00, last 5.00</title>"));
        assert_eq!(spark(&[], Ink::Classes), "");
        // A steady cost is level at the top, and any amount has a line.
        assert!(spark(&[ONE, ONE], Ink::Attributes).contains("d=\"M3 3L93 3\""));
        assert!(spark(&[i128::MIN, i128::MAX], Ink::Attributes).contains("d=\"M3 17L93 3\""));
        assert!(spark(&[0], Ink::Attributes).contains("d=\"M3 17\""));
    }

    #[test]
    fn share_bars_are_as_long_as_the_share() {
        let bar = |part, whole| share_bar(part, whole).rsplit_once("<rect").unwrap().1.to_owned();
        assert!(bar(1, 4).contains("width=\"24\""));
        assert!(bar(9, 4).contains("width=\"96\""));
        assert!(bar(0, 4).contains("width=\"0\""));
        assert!(bar(1, 1_000_000).contains("width=\"0.5\""));
        assert!(bar(-1, 4).contains("class=\"neg\"") && bar(-1, 4).contains("width=\"24\""));
        assert_eq!(share_bar(1, 0), "");
    }
}
