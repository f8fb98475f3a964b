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
    slots: [&'static str; 10],
}

const LIGHT: Palette = Palette {
    surface: "#FFFFFF",
    text: "#161B22",
    muted: "#515C69",
    axis: "#75808D",
    grid: "#E3E7EC",
    other: "#7F8895",
    slots: [
        "#0168C5", "#5C3C06", "#A68300", "#155746", "#3F2288", "#BB3E6B", "#7884F4", "#DA6E68",
        "#483853", "#556F34",
    ],
};

const DARK: Palette = Palette {
    surface: "#171C23",
    text: "#E6EAF0",
    muted: "#A3AEBB",
    axis: "#748292",
    grid: "#262E38",
    other: "#7F8A98",
    slots: [
        "#0A6DBE", "#CB8214", "#EAE073", "#89F2D0", "#C9BFFF", "#975465", "#649AF8", "#E7A59B",
        "#CBE2EF", "#2D9D66",
    ],
};

/// How the rectangles of a series are filled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fill {
    /// One colour.
    Solid(&'static str),
    /// Dots and an outline: no value, as opposed to a value called "other".
    Dotted,
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
    /// One fill per series, in their order. More than ten named groups start over at the first
    /// colour, which is why callers fold the tail.
    pub(crate) fn fills(&self, series: &[Series]) -> Vec<Fill> {
        let last = series.len().saturating_sub(1);
        let mut slots = self.slots.iter().cycle();
        let mut fills = Vec::with_capacity(series.len());
        for (index, one) in series.iter().enumerate() {
            let fill = if one.label.trim().eq_ignore_ascii_case("not specified") {
                Fill::Dotted
            } else if index == last && is_other(&one.label) {
                Fill::Solid(self.other)
            } else {
                Fill::Solid(slots.next().copied().unwrap_or(self.other))
            };
            fills.push(fill);
        }
        fills
    }
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
    use super::{Fill, Theme, is_other};
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
        let palette = Theme::Light.palette();
        let fills =
            palette.fills(&[named("a"), named("not specified"), named("b"), named("other")]);
        assert_eq!(
            fills,
            [Fill::Solid("#0168C5"), Fill::Dotted, Fill::Solid("#5C3C06"), Fill::Solid("#7F8895")]
        );
        // Only the last can be the rest: a value called "other" further up keeps a colour.
        assert_eq!(palette.fills(&[named("other"), named("b")])[0], Fill::Solid("#0168C5"));
    }
}
