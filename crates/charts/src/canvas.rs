//! Writes SVG elements. Positions are hundredths of a pixel ([`Px`]), so no rounding hides in
//! formatting.

use crate::ink::{Ink, Pen, Role};
use crate::text::escape;
use crate::theme::Paint;

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
pub(crate) struct Line {
    pub(crate) x: Px,
    /// Baseline.
    pub(crate) y: Px,
    pub(crate) size: Px,
    pub(crate) bold: bool,
    pub(crate) anchor: Anchor,
    pub(crate) role: Role,
}

/// An SVG document in the making.
#[derive(Debug)]
pub(crate) struct Canvas {
    out: String,
    /// Prefix of all ids, so that several drawings can be put into one page.
    id: String,
    pen: Pen,
}

impl Area {
    pub(crate) fn right(&self) -> Px {
        self.x + self.width
    }

    pub(crate) fn bottom(&self) -> Px {
        self.y + self.height
    }
}

impl Line {
    /// A line of the usual size that starts at a place.
    pub(crate) fn at(x: Px, y: Px, role: Role) -> Self {
        Self { x, y, size: 1200, bold: false, anchor: Anchor::Start, role }
    }
}

impl Canvas {
    /// Opens a document with its accessible name and description, ground and patterns.
    pub(crate) fn open(size_px: (u32, u32), pen: Pen, name: &str, about: &str) -> Self {
        let (width, height) = size_px;
        // Everything that is drawn follows from the description and the size, up to collisions that
        // do no harm: equal ids then name equal patterns. A page holds two sizes, one of them
        // hidden, and what is hidden lends no patterns.
        let size = format!("{width}x{height}");
        let id = format!("bh{:016x}", fnv1a(&[name, about, pen.surface(), &size]));
        let (name, about) = (escape(name), escape(about));
        let look = match pen.ink {
            Ink::Attributes => format!("font-family=\"{FONTS}\""),
            Ink::Classes => "class=\"bh\"".to_owned(),
        };
        let mut canvas = Self { out: String::with_capacity(1 << 14), id, pen };
        let id = &canvas.id;
        let head = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
             viewBox=\"0 0 {width} {height}\" role=\"img\" aria-label=\"{name}\" aria-describedby=\"{id}-about\" \
             {look} font-size=\"12\">\n<title>{name}</title>\n\
             <desc id=\"{id}-about\">{about}</desc>\n"
        );
        canvas.out.push_str(&head);
        canvas.patterns();
        if pen.ink == Ink::Attributes {
            let ground = pen.style(Role::Ground);
            let ground = format!("<rect width=\"{width}\" height=\"{height}\" {ground}/>\n");
            canvas.out.push_str(&ground);
        }
        canvas
    }

    /// Hatch laid over credits, the dots of "not specified", and the pale hatch of what is missing.
    fn patterns(&mut self) {
        let id = &self.id;
        let [ground, pale] = [Role::Ground, Role::Pale].map(|role| self.pen.style(role));
        let other = self.pen.fill(Paint::Other, "");
        let patterns = format!(
            "<defs>\n<pattern id=\"{id}-hatch\" width=\"5\" height=\"5\" patternUnits=\"userSpaceOnUse\" \
             patternTransform=\"rotate(45)\"><rect width=\"2\" height=\"5\" {ground}/></pattern>\n\
             <pattern id=\"{id}-dots\" width=\"4\" height=\"4\" patternUnits=\"userSpaceOnUse\">\
             <rect width=\"4\" height=\"4\" {ground}/>\
             <rect width=\"2\" height=\"2\" {other}/></pattern>\n\
             <pattern id=\"{id}-none\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\" \
             patternTransform=\"rotate(45)\"><rect width=\"2\" height=\"6\" {pale}/></pattern>\n</defs>\n"
        );
        self.out.push_str(&patterns);
    }

    /// Attributes of the hatch over credits.
    pub(crate) fn hatch(&self) -> String {
        format!("fill=\"url(#{}-hatch)\" pointer-events=\"none\"", self.id)
    }

    /// Attributes of the pale hatch where nothing was delivered.
    pub(crate) fn missing(&self) -> String {
        let class = if self.pen.ink == Ink::Classes { " class=\"none\"" } else { "" };
        format!("fill=\"url(#{}-none)\"{class}", self.id)
    }

    /// Attributes of an area of a group.
    pub(crate) fn fill(&self, paint: Paint) -> String {
        self.pen.fill(paint, &format!("url(#{}-dots)", self.id))
    }

    /// Attributes of a mark.
    pub(crate) fn style(&self, role: Role) -> String {
        self.pen.style(role)
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

    /// A rectangle without hover text, with attributes that are already safe.
    pub(crate) fn block(&mut self, area: Area, attributes: &str) {
        self.put(&format!("<rect {} {attributes}/>\n", sides(area)));
    }

    /// A rectangle that is not seen and has a text shown on hover.
    pub(crate) fn hover(&mut self, area: Area, text: &str) {
        self.put(&format!(
            "<rect {} fill=\"none\" pointer-events=\"all\"><title>{}</title></rect>\n",
            sides(area),
            escape(text)
        ));
    }

    /// A path of strokes or areas of one role.
    pub(crate) fn mark(&mut self, data: &str, role: Role) {
        let style = self.pen.style(role);
        self.path(data, &style);
    }

    /// A line of a group.
    pub(crate) fn line(&mut self, data: &str, paint: Paint) {
        let style = self.pen.line(paint);
        self.path(data, &style);
    }

    /// A path of strokes or areas, with attributes that are already safe. Nothing for an empty
    /// path.
    pub(crate) fn path(&mut self, data: &str, attributes: &str) {
        if !data.is_empty() {
            self.put(&format!("<path d=\"{data}\" {attributes}/>\n"));
        }
    }

    /// A line of text, with its full form on hover where it was cut.
    pub(crate) fn text(&mut self, line: Line, content: &str, full: Option<&str>) {
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
            "<text x=\"{}\" y=\"{}\"{size}{weight}{anchor} {}>{hover}{}</text>\n",
            px(line.x),
            px(line.y),
            self.pen.style(line.role),
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
    path.extend(["M", &px(from), " ", &px(y), "h", &px(to - from)]);
}

/// Adds a vertical stroke to path data.
pub(crate) fn stroke_down(path: &mut String, x: Px, from: Px, to: Px) {
    path.extend(["M", &px(x), " ", &px(from), "v", &px(to - from)]);
}

/// Adds a rectangle to path data.
pub(crate) fn outline(path: &mut String, area: Area) {
    let Area { x, y, width, height } = area;
    let (left, top, across, back) = (px(x), px(y), px(width), px(-width));
    path.extend(["M", &left, " ", &top, "h", &across, "v", &px(height), "h", &back, "z"]);
}

/// Adds a point to path data: the first of a line, or the next.
pub(crate) fn point(path: &mut String, is_first: bool, x: Px, y: Px) {
    path.extend([if is_first { "M" } else { "L" }, &px(x), " ", &px(y)]);
}

/// Writes the sides of a rectangle as attributes.
pub(crate) fn sides(area: Area) -> String {
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
