//! How a mark gets its colour: as an attribute in a file that stands alone, as a class on a page,
//! whose style sheet knows light from dark.

use crate::theme::{Paint, Palette, Theme};

/// How a drawing says its colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Ink {
    /// By `fill` and `stroke` attributes: for files.
    #[default]
    Attributes,
    /// By classes that [`PALETTE_CSS`] gives colours: for pages. There is no `style` attribute,
    /// which a strict content security policy would refuse.
    Classes,
}

/// Rules for the classes of [`Ink::Classes`].
///
/// They expect these custom properties, which the page's own style sheet sets for light and dark:
/// `--s1` to `--s10` and `--so` (groups and "other"), `--surface`, `--page`, `--text`, `--muted`,
/// `--control`, `--grid`, `--more` and `--less`. All rules are for what lies in an `svg` of class
/// `bh`; a swatch of a legend is such a one with a `rect` of class `s1`.
pub const PALETTE_CSS: &str = "\
.bh .s1{--c:var(--s1);fill:var(--c)}
.bh .s2{--c:var(--s2);fill:var(--c)}
.bh .s3{--c:var(--s3);fill:var(--c)}
.bh .s4{--c:var(--s4);fill:var(--c)}
.bh .s5{--c:var(--s5);fill:var(--c)}
.bh .s6{--c:var(--s6);fill:var(--c)}
.bh .s7{--c:var(--s7);fill:var(--c)}
.bh .s8{--c:var(--s8);fill:var(--c)}
.bh .s9{--c:var(--s9);fill:var(--c)}
.bh .s10{--c:var(--s10);fill:var(--c)}
.bh .so{--c:var(--so);fill:var(--c)}
.bh .sn{--c:var(--so);stroke:var(--c)}
.bh .ln{fill:none;stroke:var(--c);stroke-width:2;stroke-linecap:round;stroke-linejoin:round}
.bh .sn.ln{stroke-dasharray:1 4}
.bh text{font-variant-numeric:tabular-nums}
.bh .tx,.bh .ze{fill:var(--text)}
.bh .tm{fill:var(--muted)}
.bh .su{fill:var(--surface)}
.bh .ax,.bh .gr,.bh .sm,.bh .ha,.bh .net,.bh .cmp,.bh .tot,.bh .edge,.bh .sp{fill:none}
.bh .ax{stroke:var(--control);shape-rendering:crispEdges}
.bh .gr{stroke:var(--grid);shape-rendering:crispEdges}
.bh .gf{fill:var(--grid)}
.bh .sm{stroke:var(--surface)}
.bh .ha{stroke:var(--surface);stroke-width:4}
.bh .net{stroke:var(--text);stroke-width:2}
.bh .cmp{stroke:var(--text);stroke-width:1.5;stroke-dasharray:5 3}
.bh .tot{stroke:var(--text);stroke-width:1.5}
.bh .late{fill:var(--page)}
.bh .edge{stroke:var(--control);stroke-dasharray:2 3}
.bh .none{shape-rendering:crispEdges}
.bh .up{fill:var(--more)}
.bh .dn{fill:var(--less)}
.bh .sum{fill:var(--muted)}
.bh .sp{stroke:var(--muted);stroke-width:1.5;stroke-linecap:round;stroke-linejoin:round}
.bh .neg{fill:none;stroke:var(--muted)}
.bh .hit{fill:var(--text);fill-opacity:0;pointer-events:all}
.bh a:hover>.hit,.bh .on>.hit{fill-opacity:.08}
@media (forced-colors:active){
.bh text,.bh .sum,.bh .ze{fill:CanvasText}
.bh .s1,.bh .s2,.bh .s3,.bh .s4,.bh .s5,.bh .s6,.bh .s7,.bh .s8,.bh .s9,.bh .s10,.bh .so,.bh .sn,
.bh .up,.bh .dn,.bh .neg,.bh .net,.bh .cmp,.bh .tot,.bh .edge,.bh .ax,.bh .sp{stroke:CanvasText}
.bh .sm,.bh .ha{stroke:Canvas}
.bh .su,.bh .late{fill:Canvas}
}
";

/// What a mark is for, apart from the groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// Text that carries names and figures.
    Text,
    /// Captions and units.
    Muted,
    /// Axis lines and ticks.
    Axis,
    /// Grid lines.
    Grid,
    /// Areas as pale as the grid.
    Pale,
    /// Areas in the colour of the ground.
    Ground,
    /// What parts two segments.
    Seam,
    /// What keeps a dark line apart from dark segments.
    Halo,
    /// The net of a bucket with credits.
    Net,
    /// The period that is compared.
    Compare,
    /// The total over lines of groups.
    Total,
    /// A bucket that cost nothing.
    Zero,
    /// Behind buckets that still change.
    Late,
    /// Where those begin.
    Edge,
    /// A step up of a waterfall.
    More,
    /// A step down.
    Less,
    /// What the steps come to.
    Sum,
    /// The line of a sparkline.
    Spark,
}

/// The ink and the colours that a drawing uses.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pen {
    pub(crate) ink: Ink,
    palette: &'static Palette,
}

impl Pen {
    pub(crate) fn new(ink: Ink, theme: Theme) -> Self {
        Self { ink, palette: theme.palette() }
    }

    /// Colour of the ground, which tells themes apart.
    pub(crate) fn surface(self) -> &'static str {
        self.palette.surface
    }

    /// Attributes of a mark.
    pub(crate) fn style(self, role: Role) -> String {
        match self.ink {
            Ink::Classes => format!("class=\"{}\"", role.class()),
            Ink::Attributes => role.attributes(self.palette),
        }
    }

    /// Attributes of an area of a group; `dots` is what "not specified" is filled with.
    pub(crate) fn fill(self, paint: Paint, dots: &str) -> String {
        let class = paint_class(paint);
        match (self.ink, paint) {
            (Ink::Classes, Paint::NotSpecified) => format!("class=\"{class}\" fill=\"{dots}\""),
            (Ink::Classes, _) => format!("class=\"{class}\""),
            (Ink::Attributes, Paint::NotSpecified) => {
                format!("fill=\"{dots}\" stroke=\"{}\"", self.palette.other)
            }
            (Ink::Attributes, _) => format!("fill=\"{}\"", self.palette.colour(paint)),
        }
    }

    /// Attributes of a line of a group.
    pub(crate) fn line(self, paint: Paint) -> String {
        if self.ink == Ink::Classes {
            return format!("class=\"{} ln\"", paint_class(paint));
        }
        let dashes = if paint == Paint::NotSpecified { " stroke-dasharray=\"1 4\"" } else { "" };
        format!(
            "fill=\"none\" stroke=\"{}\" stroke-width=\"2\" stroke-linecap=\"round\" \
             stroke-linejoin=\"round\"{dashes}",
            self.palette.colour(paint)
        )
    }
}

fn paint_class(paint: Paint) -> String {
    match paint {
        Paint::Slot(slot) => format!("s{}", slot % 10 + 1),
        Paint::Other => "so".to_owned(),
        Paint::NotSpecified => "sn".to_owned(),
    }
}

impl Role {
    fn class(self) -> &'static str {
        match self {
            Self::Text => "tx",
            Self::Muted => "tm",
            Self::Axis => "ax",
            Self::Grid => "gr",
            Self::Pale => "gf",
            Self::Ground => "su",
            Self::Seam => "sm",
            Self::Halo => "ha",
            Self::Net => "net",
            Self::Compare => "cmp",
            Self::Total => "tot",
            Self::Zero => "ze",
            Self::Late => "late",
            Self::Edge => "edge",
            Self::More => "up",
            Self::Less => "dn",
            Self::Sum => "sum",
            Self::Spark => "sp",
        }
    }

    fn attributes(self, palette: &Palette) -> String {
        let Palette { surface, page, text, muted, axis, grid, more, less, .. } = *palette;
        let fill = |colour: &str| format!("fill=\"{colour}\"");
        let stroke = |colour: &str, rest: &str| format!("fill=\"none\" stroke=\"{colour}\"{rest}");
        match self {
            Self::Text | Self::Zero => fill(text),
            Self::Muted | Self::Sum => fill(muted),
            Self::Pale => fill(grid),
            Self::Ground => fill(surface),
            Self::Late => fill(page),
            Self::More => fill(more),
            Self::Less => fill(less),
            Self::Axis => stroke(axis, " shape-rendering=\"crispEdges\""),
            Self::Grid => stroke(grid, " shape-rendering=\"crispEdges\""),
            Self::Seam => stroke(surface, ""),
            Self::Halo => stroke(surface, " stroke-width=\"4\""),
            Self::Net => stroke(text, " stroke-width=\"2\""),
            Self::Compare => stroke(text, " stroke-width=\"1.5\" stroke-dasharray=\"5 3\""),
            Self::Total => stroke(text, " stroke-width=\"1.5\""),
            Self::Edge => stroke(axis, " stroke-dasharray=\"2 3\""),
            Self::Spark => stroke(
                muted,
                " stroke-width=\"1.5\" stroke-linecap=\"round\" stroke-linejoin=\"round\"",
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Ink, PALETTE_CSS, Pen, Role};
    use crate::theme::{Paint, Theme};

    const ROLES: [Role; 18] = [
        Role::Text,
        Role::Muted,
        Role::Axis,
        Role::Grid,
        Role::Pale,
        Role::Ground,
        Role::Seam,
        Role::Halo,
        Role::Net,
        Role::Compare,
        Role::Total,
        Role::Zero,
        Role::Late,
        Role::Edge,
        Role::More,
        Role::Less,
        Role::Sum,
        Role::Spark,
    ];

    #[test]
    fn every_class_has_a_rule() {
        for role in ROLES {
            let class = role.class();
            let rule = [",", "{", " "].map(|end| format!(".bh .{class}{end}"));
            assert!(rule.iter().any(|rule| PALETTE_CSS.contains(rule)), "{class}");
        }
        for slot in 0..10 {
            let class = Pen::new(Ink::Classes, Theme::Light).fill(Paint::Slot(slot), "");
            assert_eq!(class, format!("class=\"s{}\"", slot + 1));
            assert!(PALETTE_CSS.contains(&format!(".bh .s{}{{", slot + 1)));
        }
        assert_eq!(PALETTE_CSS.matches('{').count(), PALETTE_CSS.matches('}').count());
    }

    #[test]
    fn the_two_inks_never_mix() {
        let (page, file) =
            (Pen::new(Ink::Classes, Theme::Light), Pen::new(Ink::Attributes, Theme::Dark));
        for role in ROLES {
            assert!(!page.style(role).contains('#'), "{role:?}");
            assert!(!file.style(role).contains("class"), "{role:?}");
        }
        for paint in [Paint::Slot(9), Paint::Other, Paint::NotSpecified] {
            assert!(!page.fill(paint, "").contains('#') && !page.line(paint).contains('#'));
            assert!(!file.fill(paint, "").contains("class") && !file.line(paint).contains("class"));
        }
    }
}
