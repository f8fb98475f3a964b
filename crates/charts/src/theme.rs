//! Colours of the drawings, with the contrast each was chosen for.
//!
//! The ten slots were found by search: at least 3:1 on both grounds of their theme, and a smallest
//! CIEDE2000 difference of 11.5 (15.4 among the first six) under normal, protan, deutan and tritan
//! vision, "other" included.

use crate::Series;

/// Light or dark ground.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Theme {
    /// Dark text on white; for print and most slides.
    #[default]
    Light,
    /// Light text on near black.
    Dark,
}

/// The colours of one theme.
#[derive(Debug)]
pub(crate) struct Palette {
    /// Ground of the drawing.
    pub(crate) surface: &'static str,
    /// What lies around it: behind buckets that still change, since each slot has 3:1 on it too.
    pub(crate) page: &'static str,
    /// Headings and names; 17.3:1 light, 14.2:1 dark.
    pub(crate) text: &'static str,
    /// Captions and figures; 6.8:1 light, 7.6:1 dark.
    pub(crate) muted: &'static str,
    /// Axis lines; 4.0:1 light, 4.4:1 dark.
    pub(crate) axis: &'static str,
    /// Grid lines: decoration, the ticks carry the figures.
    pub(crate) grid: &'static str,
    /// The rest of a cut list; 3.6:1 light, 4.9:1 dark.
    pub(crate) other: &'static str,
    /// Steps up of a waterfall; 6.3:1 light, 8.5:1 dark.
    pub(crate) more: &'static str,
    /// Steps down; 6.7:1 light, 8.1:1 dark.
    pub(crate) less: &'static str,
    slots: [&'static str; 10],
}

const LIGHT: Palette = Palette {
    surface: "#FFFFFF",
    page: "#F6F7F9",
    text: "#161B22",
    muted: "#515C69",
    axis: "#75808D",
    grid: "#E3E7EC",
    other: "#7F8895",
    more: "#9A4A00",
    less: "#0B5CAD",
    slots: [
        "#0168C5", "#5C3C06", "#A68300", "#155746", "#3F2288", "#BB3E6B", "#7884F4", "#DA6E68",
        "#483853", "#556F34",
    ],
};

const DARK: Palette = Palette {
    surface: "#171C23",
    page: "#0F1318",
    text: "#E6EAF0",
    muted: "#A3AEBB",
    axis: "#748292",
    grid: "#262E38",
    other: "#7F8A98",
    more: "#F2A65A",
    less: "#7DB5FF",
    slots: [
        "#0A6DBE", "#CB8214", "#EAE073", "#89F2D0", "#C9BFFF", "#975465", "#649AF8", "#E7A59B",
        "#CBE2EF", "#2D9D66",
    ],
};

/// How the marks of a group look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Paint {
    /// One of ten colours, 0 to 9; a higher number starts over.
    Slot(u8),
    /// Grey: the rest of a cut list.
    Other,
    /// Dots and an outline: no value, as opposed to a value called "other".
    NotSpecified,
}

impl Theme {
    /// The colours of the theme.
    pub(crate) fn palette(self) -> &'static Palette {
        match self {
            Self::Light => &LIGHT,
            Self::Dark => &DARK,
        }
    }
}

impl Palette {
    /// The colour of a group; that of "not specified" is the one of its dots.
    pub(crate) fn colour(&self, paint: Paint) -> &'static str {
        match paint {
            Paint::Slot(slot) => {
                self.slots.get(usize::from(slot % 10)).copied().unwrap_or(self.other)
            }
            Paint::Other | Paint::NotSpecified => self.other,
        }
    }
}

/// One paint per series, in their order. More than ten named groups start over at the first colour,
/// which is why callers fold the tail.
pub(crate) fn paints(series: &[Series]) -> Vec<Paint> {
    let last = series.len().saturating_sub(1);
    let mut slots = (0..10).cycle();
    let mut paints = Vec::with_capacity(series.len());
    for (index, one) in series.iter().enumerate() {
        let paint = if one.label.trim().eq_ignore_ascii_case("not specified") {
            Paint::NotSpecified
        } else if index == last && is_other(&one.label) {
            Paint::Other
        } else {
            slots.next().map_or(Paint::Other, Paint::Slot)
        };
        paints.push(paint);
    }
    paints
}

/// Whether a label names the rest of a cut list rather than a value. `Other-Team` is a value.
fn is_other(label: &str) -> bool {
    let label = label.trim().to_ascii_lowercase();
    let Some(rest) = label.strip_prefix("other") else {
        return false;
    };
    let rest = rest.strip_prefix('s').unwrap_or(rest).trim_start();
    rest.is_empty() || rest.starts_with('(') || rest.starts_with(',')
}

#[cfg(test)]
mod tests {
    use super::{Paint, Theme, is_other, paints};
    use crate::Series;

    fn named(label: &str) -> Series {
        Series { label: label.to_owned(), values: Vec::new() }
    }

    #[test]
    fn the_rest_is_told_from_values_that_begin_alike() {
        for label in ["other", "Other", "others", "other (19)", "other, 19 services", "other(2)"] {
            assert!(is_other(label), "{label}");
        }
        for label in ["Other-Team", "otherwise", "another", "other stuff", ""] {
            assert!(!is_other(label), "{label}");
        }
    }

    #[test]
    fn grey_and_dots_use_up_no_slot() {
        let paints_of = |labels: &[&str]| {
            paints(&labels.iter().map(|label| named(label)).collect::<Vec<Series>>())
        };
        assert_eq!(
            paints_of(&["a", "not specified", "b", "other"]),
            [Paint::Slot(0), Paint::NotSpecified, Paint::Slot(1), Paint::Other]
        );
        // Only the last can be the rest: a value called "other" further up keeps a colour.
        assert_eq!(paints_of(&["other", "b"]), [Paint::Slot(0), Paint::Slot(1)]);
        let palette = Theme::Light.palette();
        assert_eq!(palette.colour(Paint::Slot(11)), palette.colour(Paint::Slot(1)));
    }
}
