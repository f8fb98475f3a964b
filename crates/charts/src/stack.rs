//! Stacked columns: charges up from zero and credits down from it.
//!
//! Credits have the colour of their group with a hatch over it; where a bucket has both, a dark
//! stroke marks the net, since neither end of the column is the total.

use crate::canvas::{Area, Canvas, Px, outline, point, stroke_across};
use crate::figures::Figures;
use crate::ink::Role;
use crate::picture::{Band, Picture};
use crate::plot::{Plot, runs};

/// Segments lower or narrower than this have no seam: it would hide them.
const LEAST_SEAMED: Px = 250;
/// A net nearer to the top of its column needs no mark: the top shows it as well.
const LEAST_NET: Px = 100;

/// The outer end of a growing stack.
#[derive(Debug, Clone, Copy, Default)]
struct Top {
    units: i128,
    /// Height of the segment there.
    height: Px,
}

/// Draws the columns of all groups, from the axis outwards, and what lies over them.
pub(crate) fn draw(plot: &Plot, canvas: &mut Canvas, picture: &Picture, figures: &Figures) {
    let count = plot.columns.len();
    let mut stacks = (vec![Top::default(); count], vec![Top::default(); count]);
    let (mut hatch, mut seams) = (String::new(), String::new());
    for band in &picture.bands {
        let path = column_path(plot, band, &mut stacks, &mut hatch, &mut seams);
        let fill = canvas.fill(band.paint);
        canvas.path(&path, &fill);
    }
    draw_zeros(plot, canvas, picture, figures);
    let fill = canvas.hatch();
    canvas.path(&hatch, &fill);
    canvas.mark(&seams, Role::Seam);
    plot.draw_zero(canvas);
    draw_nets(plot, canvas, figures);
}

/// One rectangle per bucket in their order, of no height where the group has no amount.
fn column_path(
    plot: &Plot,
    band: &Band,
    (above, below): &mut (Vec<Top>, Vec<Top>),
    hatch: &mut String,
    seams: &mut String,
) -> String {
    let mut path = String::new();
    for (bucket, &(x, width)) in plot.columns.iter().enumerate() {
        let value = band.values.get(bucket).copied().unwrap_or(0);
        let stack = if value < 0 { below.get_mut(bucket) } else { above.get_mut(bucket) };
        let Some(top) = stack else {
            continue;
        };
        let from = plot.height_of(top.units);
        top.units = top.units.saturating_add(value);
        let to = plot.height_of(top.units);
        let height = (from - to).abs();
        let area = Area { x, y: from.min(to), width, height };
        outline(&mut path, area);
        if height == 0 {
            continue;
        }
        if value < 0 {
            outline(hatch, area);
        }
        if top.height.min(height).min(width) >= LEAST_SEAMED {
            stroke_across(seams, x, x + width, from);
        }
        top.height = height;
    }
    path
}

/// A flat mark for each bucket that cost nothing, as opposed to one that is not there.
fn draw_zeros(plot: &Plot, canvas: &mut Canvas, picture: &Picture, figures: &Figures) {
    let mut path = String::new();
    for (index, &(x, width)) in plot.columns.iter().enumerate() {
        let is_there = picture.buckets.get(index).is_some_and(|bucket| !bucket.is_missing);
        if is_there && figures.bucket(index).is_empty() {
            outline(&mut path, Area { x, y: plot.zero - 150, width, height: 150 });
        }
    }
    canvas.mark(&path, Role::Zero);
}

/// The net of the buckets that have credits.
fn draw_nets(plot: &Plot, canvas: &mut Canvas, figures: &Figures) {
    let mut net = String::new();
    let overhang = (plot.band / 10).min(300);
    for (sum, &(x, width)) in figures.buckets.iter().zip(&plot.columns) {
        let at = plot.height_of(sum.net());
        if sum.below < 0 && at - plot.height_of(sum.above) >= LEAST_NET {
            stroke_across(&mut net, x - overhang, x + width + overhang, at);
        }
    }
    // A halo in the colour of the ground keeps the mark apart from dark segments.
    canvas.mark(&net, Role::Halo);
    canvas.mark(&net, Role::Net);
}

/// Draws the groups as areas stacked over each other, broken where there is nothing. For amounts
/// without credits.
pub(crate) fn draw_areas(plot: &Plot, canvas: &mut Canvas, picture: &Picture, figures: &Figures) {
    let runs = runs(picture.buckets.len(), |index| !picture.is_void(index, figures));
    let mut below = vec![0_i128; picture.buckets.len()];
    let mut seams = String::new();
    for band in &picture.bands {
        let above: Vec<i128> = below
            .iter()
            .enumerate()
            .map(|(index, units)| {
                units.saturating_add(band.values.get(index).copied().unwrap_or(0))
            })
            .collect();
        let mut path = String::new();
        for &run in &runs {
            let top = edge(plot, &above, run);
            for (index, &(x, y)) in top.iter().enumerate() {
                point(&mut path, index == 0, x, y);
                point(&mut seams, index == 0, x, y);
            }
            for (x, y) in edge(plot, &below, run).into_iter().rev() {
                point(&mut path, false, x, y);
            }
            path.push('z');
        }
        let fill = canvas.fill(band.paint);
        canvas.path(&path, &fill);
        below = above;
    }
    canvas.mark(&seams, Role::Seam);
    plot.draw_zero(canvas);
}

/// Points of an edge over a run of buckets, level out to the run's two ends.
fn edge(plot: &Plot, heights: &[i128], (first, last): (usize, usize)) -> Vec<(Px, Px)> {
    let mut points: Vec<(Px, Px)> = Vec::with_capacity(last - first + 3);
    let height = |index: usize| plot.height_of(heights.get(index).copied().unwrap_or(0));
    let Some(span) = plot.span((first, last)) else {
        return points;
    };
    points.push((span.x, height(first)));
    points.extend((first..=last).filter_map(|index| Some((plot.middle(index)?, height(index)))));
    points.push((span.right(), height(last)));
    points
}
