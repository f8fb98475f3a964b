//! Writes SVG elements. Positions are hundredths of a pixel ([`Px`]), so no rounding hides in
//! formatting.

use crate::text::escape;
use crate::theme::Palette;

/// Hundredths of a pixel.
pub(crate) type Px = i64;

/// Fonts of the system; names with spaces in single quotes, since the attribute has double ones.
const FONTS: &str = "system-ui, 'Segoe UI', Roboto, Helvetica, Arial, sans-serif";

/// A rectangle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Area {
    pub(crate) x: Px,
    pub(crate) y: Px,
    pub(crate) width: Px,
    pub(crate) height: Px,
}

/// Which end of a line of text its position is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Anchor {
    Start,
    Middle,
    End,
}

/// A line of text and how it is set.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Line<'a> {
    pub(crate) x: Px,
    /// Baseline.
    pub(crate) y: Px,
    pub(crate) size: Px,
    pub(crate) bold: bool,
    pub(crate) anchor: Anchor,
    pub(crate) fill: &'a str,
}

/// An SVG document in the making.
#[derive(Debug)]
pub(crate) struct Canvas {
    out: String,
    /// Prefix of all ids, so that several drawings can be put into one page.
    id: String,
}

impl Area {
    pub(crate) fn right(&self) -> Px {
        self.x + self.width
    }

    pub(crate) fn bottom(&self) -> Px {
        self.y + self.height
    }
}

impl Canvas {
    /// Opens a document with its accessible name and description, ground and patterns.
    pub(crate) fn open(size_px: (u32, u32), palette: &Palette, name: &str, about: &str) -> Self {
        let (width, height) = size_px;
        // Everything that is drawn follows from the description and the size, up to collisions that
        // do no harm: equal ids then name equal patterns.
        let id = format!("bh{:016x}", fnv1a(&[name, about, palette.surface]));
        let (name, about) = (escape(name), escape(about));
        let mut canvas = Self { out: String::with_capacity(1 << 14), id };
        let id = &canvas.id;
        let head = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
             viewBox=\"0 0 {width} {height}\" role=\"img\" aria-label=\"{name}\" aria-describedby=\"{id}-about\" \
             font-family=\"{FONTS}\" font-size=\"12\">\n<title>{name}</title>\n\
             <desc id=\"{id}-about\">{about}</desc>\n"
        );
        canvas.out.push_str(&head);
        canvas.patterns(palette);
        let ground =
            format!("<rect width=\"{width}\" height=\"{height}\" fill=\"{}\"/>\n", palette.surface);
        canvas.out.push_str(&ground);
        canvas
    }

    /// Hatch laid over credits, and the dots of "not specified".
    fn patterns(&mut self, palette: &Palette) {
        let Palette { surface, other, .. } = palette;
        let id = &self.id;
        let patterns = format!(
            "<defs>\n<pattern id=\"{id}-hatch\" width=\"5\" height=\"5\" patternUnits=\"userSpaceOnUse\" \
             patternTransform=\"rotate(45)\"><rect width=\"2\" height=\"5\" fill=\"{surface}\"/></pattern>\n\
             <pattern id=\"{id}-dots\" width=\"4\" height=\"4\" patternUnits=\"userSpaceOnUse\">\
             <rect width=\"4\" height=\"4\" fill=\"{surface}\"/>\
             <rect width=\"2\" height=\"2\" fill=\"{other}\"/></pattern>\n</defs>\n"
        );
        self.out.push_str(&patterns);
    }

    /// Reference to the hatch over credits.
    pub(crate) fn hatch(&self) -> String {
        format!("url(#{}-hatch)", self.id)
    }

    /// Reference to the dots of "not specified".
    pub(crate) fn dots(&self) -> String {
        format!("url(#{}-dots)", self.id)
    }

    /// Opens a group with attributes that are already safe.
    pub(crate) fn group(&mut self, attributes: &str) {
        self.put(&format!("<g {attributes}>\n"));
    }

    pub(crate) fn end_group(&mut self) {
        self.put("</g>\n");
    }

    /// A rectangle in the fill of its group, with a text shown on hover.
    pub(crate) fn bar(&mut self, area: Area, hover: &str) {
        self.put(&format!("<rect {}><title>{}</title></rect>\n", sides(area), escape(hover)));
    }

    /// A rectangle without hover text.
    pub(crate) fn block(&mut self, area: Area, fill: &str, rounded: bool) {
        let radius = if rounded { " rx=\"2\"" } else { "" };
        self.put(&format!("<rect {}{radius} fill=\"{fill}\"/>\n", sides(area)));
    }

    /// A path of strokes or areas, with attributes that are already safe. Nothing for an empty
    /// path.
    pub(crate) fn path(&mut self, data: &str, attributes: &str) {
        if !data.is_empty() {
            self.put(&format!("<path d=\"{data}\" {attributes}/>\n"));
        }
    }

    /// A line of text, with its full form on hover where it was cut.
    pub(crate) fn text(&mut self, line: Line<'_>, content: &str, full: Option<&str>) {
        let anchor = match line.anchor {
            Anchor::Start => "",
            Anchor::Middle => " text-anchor=\"middle\"",
            Anchor::End => " text-anchor=\"end\"",
        };
        let weight = if line.bold { " font-weight=\"600\"" } else { "" };
        let size = if line.size == 1200 {
            String::new()
        } else {
            format!(" font-size=\"{}\"", px(line.size))
        };
        let hover = full.filter(|full| *full != content);
        let hover =
            hover.map_or_else(String::new, |full| format!("<title>{}</title>", escape(full)));
        self.put(&format!(
            "<text x=\"{}\" y=\"{}\"{size}{weight}{anchor} fill=\"{}\">{hover}{}</text>\n",
            px(line.x),
            px(line.y),
            line.fill,
            escape(content)
        ));
    }

    /// Closes the document.
    pub(crate) fn close(mut self) -> String {
        self.put("</svg>\n");
        self.out
    }

    fn put(&mut self, text: &str) {
        self.out.push_str(text);
    }
}

/// Adds a horizontal stroke to path data.
pub(crate) fn stroke_across(path: &mut String, from: Px, to: Px, y: Px) {
    path.extend(["M", &px(from), " ", &px(y), "H", &px(to)]);
}

/// Adds a vertical stroke to path data.
pub(crate) fn stroke_down(path: &mut String, x: Px, from: Px, to: Px) {
    path.extend(["M", &px(x), " ", &px(from), "V", &px(to)]);
}

/// Adds a rectangle to path data.
pub(crate) fn outline(path: &mut String, area: Area) {
    let Area { x, y, width, height } = area;
    let (left, top, across, back) = (px(x), px(y), px(width), px(-width));
    path.extend(["M", &left, " ", &top, "h", &across, "v", &px(height), "h", &back, "z"]);
}

fn sides(area: Area) -> String {
    let Area { x, y, width, height } = area;
    format!("x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\"", px(x), px(y), px(width), px(height))
}

/// Writes hundredths of a pixel as pixels, without trailing zeros.
pub(crate) fn px(hundredths: Px) -> String {
    let sign = if hundredths < 0 { "-" } else { "" };
    let size = hundredths.unsigned_abs();
    let (whole, rest) = (size / 100, size % 100);
    match (rest, rest % 10) {
        (0, _) => format!("{sign}{whole}"),
        (_, 0) => format!("{sign}{whole}.{}", rest / 10),
        _ => format!("{sign}{whole}.{rest:02}"),
    }
}

/// 64 bit FNV-1a: a hash that is the same in every build, unlike those of the standard library.
fn fnv1a(parts: &[&str]) -> u64 {
    let bytes = parts.iter().flat_map(|part| part.bytes().chain([0]));
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::{Area, outline, px};

    #[test]
    fn pixels_are_written_short() {
        assert_eq!(px(0), "0");
        assert_eq!(px(1200), "12");
        assert_eq!(px(1250), "12.5");
        assert_eq!(px(1205), "12.05");
        assert_eq!(px(-5), "-0.05");
    }

    #[test]
    fn outlines_close() {
        let mut path = String::new();
        outline(&mut path, Area { x: 100, y: 200, width: 300, height: 50 });
        assert_eq!(path, "M1 2h3v0.5h-3z");
    }
}
