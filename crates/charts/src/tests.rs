//! Whole drawings: geometry against the figures, inertness, and what the two forms promise.

use crate::{Chart, Series, Theme, svg, svg_ranked_bars, svg_stacked_bars};

const ONE: i128 = 1_000_000_000_000_000_000;

fn chart(buckets: &[&str], series: &[(&str, &[i128])]) -> Chart {
    Chart {
        title: "Cost by service".to_owned(),
        subtitle: "BilledCost".to_owned(),
        currency: "USD".to_owned(),
        buckets: buckets.iter().map(|bucket| (*bucket).to_owned()).collect(),
        series: series
            .iter()
            .map(|(label, values)| Series { label: (*label).to_owned(), values: values.to_vec() })
            .collect(),
        theme: Theme::Light,
    }
}

/// Reads an attribute in pixels as hundredths.
fn hundredths(element: &str, name: &str) -> i64 {
    let (_, rest) = element.split_once(&format!(" {name}=\"")).unwrap();
    let (value, _) = rest.split_once('"').unwrap();
    let (whole, part) = value.split_once('.').unwrap_or((value, "0"));
    whole.parse::<i64>().unwrap() * 100 + format!("{part:0<2}").parse::<i64>().unwrap()
}

/// The bars of a drawing, as (y, height, hover text).
fn bars(drawing: &str) -> Vec<(i64, i64, &str)> {
    let lines = drawing.split("<rect").skip(1).filter(|part| part.contains("<title>"));
    lines
        .map(|part| {
            let (_, rest) = part.split_once("<title>").unwrap();
            (
                hundredths(part, "y"),
                hundredths(part, "height"),
                rest.split_once("</title>").unwrap().0,
            )
        })
        .collect()
}

/// Tags open and close in order: enough of well-formedness for text this crate writes itself.
fn assert_nested(drawing: &str) {
    let mut open = Vec::new();
    for part in drawing.split('<').skip(1) {
        let (tag, text) = part.split_once('>').unwrap();
        assert!(!text.contains('>') && tag.matches('"').count() % 2 == 0, "{part}");
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop(), Some(name), "{part}");
        } else if !tag.ends_with('/') {
            open.push(tag.split(' ').next().unwrap());
        }
    }
    assert!(open.is_empty(), "{open:?}");
}

#[test]
fn heights_are_those_of_the_figures() {
    let chart = chart(
        &["2026-09-01", "2026-09-02"],
        &[("a", &[300 * ONE, 100 * ONE]), ("b", &[100 * ONE, 50 * ONE]), ("c", &[-50 * ONE, 0])],
    );
    let drawing = svg_stacked_bars(&chart, 960, 540);
    assert_nested(&drawing);
    let bars = bars(&drawing);
    assert_eq!(bars.len(), 5);
    let (zero, tallest) = (bars[0].0 + bars[0].1, bars[0].1);
    assert!((bars[1].1 * 3 - tallest).abs() <= 3, "{bars:?}");
    assert!((bars[2].1 * 3 - tallest).abs() <= 3, "{bars:?}");
    assert_eq!(bars[2].0 + bars[2].1, bars[0].0, "b stands on a");
    assert_eq!(bars[4].0, zero, "credits hang from zero");
    assert!(bars.iter().all(|(y, height, _)| *y >= 8800 && y + height <= 54_000));
    assert_eq!(bars[4].2, "c\nTue 1 Sep 2026: \u{2212}50.00 USD\nall series: 350.00 USD");
}

#[test]
fn hover_texts_have_every_digit() {
    let drawing = svg(&chart(&["2026-08", "2026-09"], &[("a", &[1_234 * ONE + 5_678, ONE])]));
    assert!(drawing.contains("Aug 2026: 1,234.000000000000005678 USD"), "{drawing}");
}

#[test]
fn names_from_outside_are_inert() {
    let long = "x".repeat(1024);
    let mut chart = chart(
        &["\"><script>", "2"],
        &[
            ("<img src=x onerror=alert(1)>", &[ONE, ONE]),
            ("\u{202e}evil\u{1}", &[ONE]),
            (&long, &[ONE]),
        ],
    );
    chart.title = "</svg><script>alert(1)</script>".to_owned();
    chart.currency = "<b>".to_owned();
    for drawing in [svg_stacked_bars(&chart, 960, 540), svg_ranked_bars(&chart, 960, 540)] {
        assert_nested(&drawing);
        for needle in ["<script", "<img", "<b>", "\u{202e}", "\u{1}", "style=", "href"] {
            assert!(!drawing.contains(needle), "{needle}");
        }
    }
}

#[test]
fn any_size_and_any_amount_gives_a_drawing() {
    let extremes: &[i128] = &[i128::MAX, i128::MIN, 0, 1, -1];
    let buckets = ["a", "b", "c", "d", "e"];
    let cases = [
        chart(&[], &[]),
        chart(&["2026-09"], &[]),
        chart(&[], &[("a", &[1])]),
        chart(&buckets, &[("a", extremes), ("b", extremes), ("c", &[0; 9])]),
        chart(&buckets, &[("a", &[0; 5])]),
        chart(&["2026-09"], &[("a", &[i128::MIN]), ("b", &[i128::MAX]), ("not specified", &[0])]),
    ];
    for case in &cases {
        assert_nested(&svg(case));
        for (width, height) in [(0, 0), (1, 1), (358, 220), (960, 320), (4000, 40)] {
            for drawing in
                [svg_stacked_bars(case, width, height), svg_ranked_bars(case, width, height)]
            {
                assert_nested(&drawing);
                assert!(
                    !drawing.contains("width=\"-") && !drawing.contains("height=\"-"),
                    "{drawing}"
                );
            }
        }
    }
}

#[test]
fn a_single_bucket_is_ranked_and_rows_without_room_are_summed() {
    let values = [[5 * ONE], [4 * ONE], [3 * ONE], [2 * ONE], [ONE]];
    let series: Vec<(&str, &[i128])> = ["a", "b", "c", "d", "e"]
        .into_iter()
        .zip(values.iter().map(<[i128; 1]>::as_slice))
        .collect();
    let chart = chart(&["2026-09"], &series);
    let drawing = svg(&chart);
    assert_eq!(bars(&drawing).len(), 5);
    assert!(drawing.contains(">33.3 %<") && drawing.contains(">Sep 2026<"), "{drawing}");
    let small = svg_ranked_bars(&chart, 960, 220);
    assert_eq!(bars(&small).last().map(|bar| bar.2), Some("2 more\n3.00 USD"), "{small}");
}

#[test]
fn the_legend_goes_down_the_stack_with_totals() {
    let drawing =
        svg(&chart(&["2026-08", "2026-09"], &[("big", &[9 * ONE, 1]), ("other (3)", &[ONE])]));
    let other = drawing.find(">other (3)</text>").unwrap();
    let big = drawing.find(">big</text>").unwrap();
    assert!(other < big);
    assert!(drawing.contains(">9.00 \u{b7} 90.0 %<"), "{drawing}");
    assert_eq!(
        drawing,
        svg(&chart(&["2026-08", "2026-09"], &[("big", &[9 * ONE, 1]), ("other (3)", &[ONE])]))
    );
}

#[test]
fn shares_are_left_out_where_a_series_is_negative() {
    let drawing = svg(&chart(&["2026-09"], &[("a", &[9 * ONE]), ("credits", &[-ONE])]));
    assert!(!drawing.contains(" %<"), "{drawing}");
    assert!(drawing.contains("net total") && drawing.contains("credits \u{2212}1.00 USD"));
}
