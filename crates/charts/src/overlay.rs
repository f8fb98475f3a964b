//! What lies over a drawing on a page: a link and a title per bucket.

use crate::canvas::{Area, sides};
use crate::picture::{Picture, Size};
use crate::plot::{FOOT, Plot};
use crate::text::escape;
use crate::words;

/// Draws the columns that take the pointer.
pub(crate) fn draw(picture: &Picture, size: Size, plots: &[Plot]) -> String {
    let Size { width, height } = size;
    let figures = picture.figures();
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"bh over\" width=\"{width}\" \
         height=\"{height}\" viewBox=\"0 0 {width} {height}\" aria-hidden=\"true\">\n"
    );
    for (index, bucket) in picture.buckets.iter().enumerate() {
        let title = escape(&words::readout(picture, index, &figures));
        let (name, link) = match &bucket.href {
            Some(href) => ("a", format!(" tabindex=\"-1\" href=\"{}\"", escape(href))),
            None => ("g", String::new()),
        };
        let number = index.to_string();
        out.extend(["<", name, &link, " data-bucket=\"", &number, "\"><title>", &title]);
        out.push_str("</title>");
        for area in plots.iter().filter_map(|plot| plot.span((index, index))) {
            let area = Area { height: area.height + FOOT, ..area };
            out.extend(["<rect class=\"hit\" ", &sides(area), "/>"]);
        }
        out.extend(["</", name, ">\n"]);
    }
    out.push_str("</svg>\n");
    out
}
