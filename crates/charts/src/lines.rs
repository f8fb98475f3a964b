//! Lines over time: one per group, and the dashed one of the period that is compared.

use crate::canvas::{Canvas, Line, Px, point};
use crate::figures::{Bucket, Figures};
use crate::ink::Role;
use crate::picture::Picture;
use crate::plot::{Plot, runs};
use crate::text;

/// Most groups whose names stand at the ends of their lines.
pub(crate) const MOST_NAMED: usize = 4;
/// Least distance of two such names.
const STEP: Px = 1500;

/// Draws a line for each group, the first one last, so that it lies on top.
pub(crate) fn draw(plot: &Plot, canvas: &mut Canvas, picture: &Picture, figures: &Figures) {
    plot.draw_zero(canvas);
    let runs = runs(picture.buckets.len(), |index| !picture.is_void(index, figures));
    for band in picture.bands.iter().rev() {
        canvas.line(&path(plot, &band.values, &runs), band.paint);
    }
    // A dashed total beside lines of groups needs its counterpart.
    if picture.compare.is_some() && picture.bands.len() > 1 {
        let nets: Vec<i128> = figures.buckets.iter().map(Bucket::net).collect();
        canvas.mark(&path(plot, &nets, &runs), Role::Total);
    }
}

/// Draws the total of the period that is compared, bucket by bucket.
pub(crate) fn draw_compared(plot: &Plot, canvas: &mut Canvas, picture: &Picture) {
    let Some(values) = &picture.compare else {
        return;
    };
    let count = values.len().min(picture.buckets.len());
    let Some(last) = count.checked_sub(1) else {
        return;
    };
    let path = path(plot, values, &[(0, last)]);
    canvas.mark(&path, Role::Halo);
    canvas.mark(&path, Role::Compare);
}

/// One line per run. A run of one bucket is a dot, which is what round ends make of no length.
fn path(plot: &Plot, values: &[i128], runs: &[(usize, usize)]) -> String {
    let mut path = String::new();
    for &(first, last) in runs {
        for bucket in first..=last {
            if let Some(x) = plot.middle(bucket) {
                let y = plot.height_of(values.get(bucket).copied().unwrap_or(0));
                point(&mut path, bucket == first, x, y);
            }
        }
        if first == last {
            path.push_str("h0");
        }
    }
    path
}

/// Width of the names at the ends of the lines, or nothing where a legend names them.
pub(crate) fn names_width(picture: &Picture) -> Px {
    if picture.bands.is_empty() || picture.bands.len() > MOST_NAMED {
        return 0;
    }
    let width = |label: &str| text::width(&text::visible(label), 1200);
    let widest = picture.bands.iter().map(|band| width(&band.label)).max().unwrap_or(0);
    (widest + 1000).min(18_000)
}

/// Writes the names of the groups at the ends of their lines, apart from each other.
pub(crate) fn draw_names(plot: &Plot, canvas: &mut Canvas, picture: &Picture, room: Px) {
    let Some(last) = picture.buckets.len().checked_sub(1) else {
        return;
    };
    let mut names: Vec<(Px, &str)> = picture
        .bands
        .iter()
        .map(|band| {
            let value = band.values.get(last).copied().unwrap_or(0);
            (plot.height_of(value), band.label.as_str())
        })
        .collect();
    names.sort_by_key(|(y, _)| *y);
    let mut lowest = plot.area.y;
    for (y, _) in &mut names {
        *y = (*y).max(lowest);
        lowest = *y + STEP;
    }
    let mut most = plot.area.bottom();
    for (y, _) in names.iter_mut().rev() {
        *y = (*y).min(most);
        most = *y - STEP;
    }
    for (y, label) in names {
        let label = text::visible(label);
        let line = Line::at(plot.area.right() + 800, y + 420, Role::Text);
        canvas.text(line, &text::cut(&label, 1200, room - 800), Some(&label));
    }
}
