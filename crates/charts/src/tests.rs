//! Whole drawings: geometry against the figures, inertness, and what the two forms promise.

use crate::{Chart, Series, Theme, svg, svg_ranked_bars, svg_stacked_bars};

mod pages;

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
    number(rest.split_once('"').unwrap().0)
}

/// The bars of a ranking, as (y, height, hover text).
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

/// Reads pixels as hundredths.
fn number(text: &str) -> i64 {
    let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
    whole.parse::<i64>().unwrap() * 100 + format!("{part:0<2}").parse::<i64>().unwrap()
}

/// The rectangles of the path with an attribute, as (x, y, width, height), bucket by bucket.
fn rectangles(drawing: &str, attribute: &str) -> Vec<(i64, i64, i64, i64)> {
    let path = drawing.lines().find(|line| line.starts_with("<path") && line.contains(attribute));
    let path = path.unwrap_or_else(|| panic!("no {attribute} in {drawing}"));
    let data = path.split_once("d=\"").unwrap().1.split_once('"').unwrap().0;
    let one = |part: &str| {
        let (place, sides) = part.split_once('h').unwrap();
        let (x, y) = place.split_once(' ').unwrap();
        let (width, rest) = sides.split_once('v').unwrap();
        (number(x), number(y), number(width), number(rest.split_once('h').unwrap().0))
    };
    data.split('M').skip(1).map(one).collect()
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
    let [a, b, c] = ["#0168C5", "#5C3C06", "#A68300"]
        .map(|colour| rectangles(&drawing, &format!("\"{colour}\"/")));
    let (zero, tallest) = (a[0].1 + a[0].3, a[0].3);
    assert!((a[1].3 * 3 - tallest).abs() <= 3, "{a:?}");
    assert!((b[0].3 * 3 - tallest).abs() <= 3, "{b:?}");
    assert_eq!(b[0].1 + b[0].3, a[0].1, "b stands on a");
    assert_eq!((c[0].1, c[1].3), (zero, 0), "credits hang from zero");
    let is_inside = |(_, y, _, height): &(i64, i64, i64, i64)| *y >= 8800 && y + height <= 54_000;
    assert!(a.iter().chain(&b).chain(&c).all(is_inside));
    let hovers: Vec<&str> = bars(&drawing).into_iter().map(|(_, _, text)| text).collect();
    assert_eq!(hovers.len(), 2);
    assert_eq!(hovers[0], "Tue 1 Sep 2026\na 300.00\nb 100.00\nc \u{2212}50.00\nnet 350.00 USD");
}

#[test]
fn hover_texts_have_every_digit() {
    let drawing = svg(&chart(&["2026-08", "2026-09"], &[("a", &[1_234 * ONE + 5_678, ONE])]));
    assert!(drawing.contains("Aug 2026\na 1,234.000000000000005678\ntotal"), "{drawing}");
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
