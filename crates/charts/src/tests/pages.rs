//! Pictures of pages: CH-1 to CH-3 and CH-5 to CH-8 of their design, read off the drawings.

use super::{ONE, assert_nested, chart, rectangles};
use crate::{Band, Bucket, Form, Ink, Paint, Picture, Size, Theme, svg_stacked_bars};

const BOTH: [Size; 2] = [Size::WIDE, Size::NARROW];

fn days(count: usize) -> Vec<Bucket> {
    (1..=count)
        .map(|day| Bucket {
            label: format!("2026-11-{day:02}"),
            is_missing: false,
            is_settling: false,
            href: Some(format!("/costs?day={day}&x=\"")),
        })
        .collect()
}

fn band(label: &str, paint: Paint, values: &[i128]) -> Band {
    let values = values.iter().map(|value| value * ONE / 100).collect();
    Band { label: label.to_owned(), paint, values }
}

fn picture() -> Picture {
    Picture {
        title: "BilledCost by service".to_owned(),
        unit: "USD per day".to_owned(),
        currency: "USD".to_owned(),
        buckets: days(3),
        bands: vec![
            band("Amazon EC2", Paint::Slot(0), &[101_134, 54_834, 0]),
            band("Amazon RDS", Paint::Slot(3), &[50_000, -20_000, 0]),
            band("not specified", Paint::NotSpecified, &[10_000, 0, 0]),
            band("other, 19 services", Paint::Other, &[1, 5_000, 0]),
        ],
        compare: None,
        form: Form::Bars,
    }
}

fn page(picture: &Picture, size: Size) -> String {
    let drawing = picture.draw(size, Ink::Classes, Theme::Light);
    assert_nested(&drawing);
    drawing
}

/// The rectangles of all bands, from the axis outwards.
fn bands(drawing: &str) -> Vec<Vec<(i64, i64, i64, i64)>> {
    ["s1", "s4", "sn", "so"]
        .map(|class| rectangles(drawing, &format!("z\" class=\"{class}\"")))
        .into_iter()
        .collect()
}

#[test]
fn ch_1_heights_are_those_of_the_values() {
    let picture = picture();
    for size in BOTH {
        let bands = bands(&page(&picture, size));
        // Hundredths of a pixel per cent of the currency, from the tallest bar.
        let unit = (bands[0][0].3, picture.bands[0].values[0]);
        for (rectangles, band) in bands.iter().zip(&picture.bands) {
            assert_eq!(rectangles.len(), picture.buckets.len());
            for (rectangle, value) in rectangles.iter().zip(&band.values) {
                let height = value.abs() * i128::from(unit.0) / unit.1;
                assert!((height - i128::from(rectangle.3)).abs() <= 50, "{} {value}", band.label);
            }
        }
    }
}

#[test]
fn ch_2_the_tallest_stack_is_inside_the_plot() {
    for size in BOTH {
        let all = bands(&page(&picture(), size));
        let bottom = i64::from(size.height) * 100 - 4000;
        let right = i64::from(size.width) * 100;
        for (x, y, width, height) in all.into_iter().flatten() {
            assert!(y >= 2200 && y + height <= bottom && x > 0 && x + width <= right);
        }
    }
}

#[test]
fn ch_3_credits_hang_from_zero_with_a_net_mark() {
    for size in BOTH {
        let drawing = page(&picture(), size);
        let bands = bands(&drawing);
        let zero = bands[0][0].1 + bands[0][0].3;
        assert_eq!(bands[1][1].1, zero);
        assert!(bands[1][1].3 > 500);
        assert_eq!(bands[3][1].1 + bands[3][1].3, bands[0][1].1, "charges stay above each other");
        assert!(drawing.contains("class=\"net\"") && drawing.contains("-hatch)\""));
        assert_eq!(drawing.matches("class=\"ze\"").count(), 1, "a day of nothing is a flat mark");
    }
    let mut credits = picture();
    credits.bands.truncate(1);
    credits.bands[0].values = vec![-5 * ONE, -5 * ONE, -5 * ONE];
    let drawing = page(&credits, Size::WIDE);
    let bars = rectangles(&drawing, "class=\"s1\"");
    assert!(bars.iter().all(|bar| bar.3 > 1000) && drawing.contains("class=\"net\""));
}

#[test]
fn ch_5_bands_are_drawn_from_the_axis_outwards() {
    let drawing = page(&picture(), Size::WIDE);
    let bands = bands(&drawing);
    for pair in bands.windows(2) {
        assert!(pair[0][0].1 >= pair[1][0].1 + pair[1][0].3, "{bands:?}");
    }
    let places = ["z\" class=\"s1\"", "z\" class=\"s4\"", "z\" class=\"sn\"", "z\" class=\"so\""];
    let places = places.map(|class| drawing.find(class).unwrap());
    assert!(places.is_sorted());
}

#[test]
fn ch_6_there_is_no_style_and_no_colour_on_a_page() {
    let mut one = picture();
    one.buckets[1].is_missing = true;
    one.buckets[2].is_settling = true;
    one.compare = Some(vec![ONE, 2 * ONE, 3 * ONE, 4 * ONE]);
    for form in [Form::Bars, Form::Lines, Form::Area, Form::Multiples] {
        one.form = form;
        for size in BOTH {
            let drawing = page(&one, size);
            let overlay = one.overlay(size);
            assert_nested(&overlay);
            for text in [&drawing, &overlay] {
                assert!(!text.contains("style=") && !text.contains("=\"#"), "{text}");
            }
            let file = one.draw(size, Ink::Attributes, Theme::Dark);
            assert_nested(&file);
            assert!(!file.contains("class=") && file.contains("#0A6DBE"), "{file}");
        }
    }
}

#[test]
fn ch_7_titles_are_the_readouts() {
    let mut one = picture();
    one.buckets[1].is_settling = true;
    one.buckets[2].is_missing = true;
    one.compare = Some(vec![100 * ONE]);
    let readouts: Vec<String> = (0..3).map(|index| one.readout(index)).collect();
    assert_eq!(
        readouts,
        [
            "Sun 1 Nov 2026: Amazon EC2 1,011.34 \u{b7} Amazon RDS 500.00 \u{b7} not specified \
             100.00 \u{b7} other, 19 services 0.01 \u{b7} total 1,611.35 USD \u{b7} compared 100.00",
            "Mon 2 Nov 2026: Amazon EC2 548.34 \u{b7} Amazon RDS \u{2212}200.00 \u{b7} other, 19 \
             services 50.00 \u{b7} net 398.34 USD \u{b7} still arriving",
            "Tue 3 Nov 2026: no data yet",
        ]
    );
    assert_eq!(one.readout(3), "");
    for size in BOTH {
        let overlay = one.overlay(size);
        for (index, readout) in readouts.iter().enumerate() {
            let link = format!(
                "<a tabindex=\"-1\" href=\"/costs?day={}&amp;x=&quot;\" \
                 data-bucket=\"{index}\"><title>{readout}</title><rect class=\"hit\"",
                index + 1
            );
            assert!(overlay.contains(&link), "{overlay}");
        }
        assert!(overlay.contains("aria-hidden=\"true\""));
    }
}

#[test]
fn ch_8_pages_and_files_have_one_geometry() {
    let picture = picture();
    for size in BOTH {
        let page = bands(&page(&picture, size));
        let file = picture.draw(size, Ink::Attributes, Theme::Light);
        for (index, colour) in ["#0168C5", "#155746"].into_iter().enumerate() {
            let bar = if index == 0 { &page[0] } else { &page[1] };
            assert_eq!(&rectangles(&file, &format!("z\" fill=\"{colour}\"")), bar);
        }
    }
    // The report's plot is smaller, and its heights stand in the same proportion.
    let labels: Vec<&str> = picture.buckets.iter().map(|bucket| bucket.label.as_str()).collect();
    let series: Vec<(&str, &[i128])> =
        picture.bands.iter().map(|band| (band.label.as_str(), band.values.as_slice())).collect();
    let report = svg_stacked_bars(&chart(&labels, &series), 960, 540);
    let report = rectangles(&report, "z\" fill=\"#0168C5\"");
    let page = bands(&page(&picture, Size::WIDE));
    let (of_report, of_page) = (report[0].3 * page[0][1].3, report[1].3 * page[0][0].3);
    assert!((of_report - of_page).abs() <= report[0].3 + page[0][0].3, "{report:?} {page:?}");
}

#[test]
fn captions_say_what_is_seen() {
    let mut one = picture();
    one.bands.remove(1);
    assert_eq!(
        one.caption(),
        "BilledCost by service, 1\u{2013}3 Nov 2026, USD per day. Total 1,709.69. Largest Amazon \
         EC2 1,559.68 (91.2 %). Highest 1 Nov 1,111.35."
    );
    one.buckets[2].is_missing = true;
    one.buckets[1].is_settling = true;
    one.compare = Some(vec![ONE, ONE]);
    one.form = Form::Area;
    assert!(one.caption().ends_with(
        "Dashed: the compared period, 2.00. No data yet for 1 day. Still arriving from 2 Nov. \
         Drawn as bars, since there are few days."
    ));
    let drawing = page(&one, Size::WIDE);
    assert!(drawing.contains(&format!(">{}</desc>", one.caption())));
    for class in ["late", "none", "edge", "cmp"] {
        assert!(drawing.contains(&format!("class=\"{class}\"")), "{class}");
    }
    assert!(drawing.contains(">still arriving</text>"));
    assert!(picture().caption().contains("credits \u{2212}200.00."));
}

#[test]
fn lines_break_where_nothing_was_delivered() {
    let mut one = picture();
    one.form = Form::Lines;
    one.buckets = days(5);
    one.bands = vec![band("a", Paint::Slot(0), &[100, 200, 0, 400, 500])];
    let strokes = |drawing: &str| {
        let line = drawing.lines().find(|line| line.contains("class=\"s1 ln\"")).unwrap();
        line.matches('M').count()
    };
    assert_eq!(strokes(&page(&one, Size::WIDE)), 1);
    one.buckets[2].is_missing = true;
    assert_eq!(strokes(&page(&one, Size::WIDE)), 2);
    assert!(page(&one, Size::WIDE).contains(">a</text>"), "few lines have their names");
    assert!(!page(&one, Size::NARROW).contains(">a</text>"));
}

#[test]
fn areas_need_many_buckets_and_no_credits() {
    let mut one = picture();
    one.form = Form::Area;
    let label = |index: usize| format!("2026-{:02}-{:02}", index / 28 + 1, index % 28 + 1);
    one.buckets = days(1).into_iter().cycle().take(60).collect();
    for (index, bucket) in one.buckets.iter_mut().enumerate() {
        bucket.label = label(index);
    }
    one.bands = vec![band("a", Paint::Slot(0), &[100; 60]), band("b", Paint::Slot(1), &[300; 60])];
    let drawing = page(&one, Size::WIDE);
    assert!(!one.caption().contains("Drawn as bars"));
    let path = drawing.lines().find(|line| line.contains("class=\"s2\"")).unwrap();
    assert_eq!((path.matches('M').count(), path.matches('L').count()), (1, 123), "{path}");
    one.bands[1].values[7] = -ONE;
    assert!(one.caption().ends_with("Drawn as bars, since some amounts are negative."));
    assert_eq!(rectangles(&page(&one, Size::WIDE), "class=\"s2\"").len(), 60);
}

#[test]
fn multiples_have_one_scale_and_room_to_be_read() {
    let mut one = picture();
    one.form = Form::Multiples;
    assert_eq!(one.drawn_size(Size::WIDE), Size::WIDE);
    assert_eq!(one.drawn_size(Size::NARROW), Size { width: 358, height: 300 });
    for size in BOTH {
        let drawing = page(&one, size);
        let bands = bands(&drawing);
        let (ec2, rds) = (bands[0][0].3, bands[1][0].3);
        assert!((ec2 * 50_000 - rds * 101_134).abs() <= 101_134, "{bands:?}");
        assert_eq!(one.overlay(size).matches("<rect").count(), 4 * 3);
        assert!(drawing.contains(&format!("height=\"{}\"", one.drawn_size(size).height)));
    }
}

#[test]
fn a_quarter_of_days_stays_small() {
    let mut one = picture();
    one.buckets = days(92);
    one.bands = (0..11_u8)
        .map(|index| {
            let paint = if index < 10 { Paint::Slot(index) } else { Paint::Other };
            let values: Vec<i128> =
                (0..92).map(|day| i128::from(index + 1) * 1234 + day * 77).collect();
            band(&format!("service {index}"), paint, &values)
        })
        .collect();
    let bytes: usize = BOTH.map(|size| page(&one, size).len()).iter().sum();
    assert!(bytes < 90_000, "{bytes}");
}

#[test]
fn any_amounts_and_sizes_give_a_drawing() {
    let extremes = vec![i128::MAX, i128::MIN, 0, 1, -1];
    let mut cases = [picture(), picture(), picture(), picture()];
    cases[0].buckets.clear();
    cases[1].bands.clear();
    cases[2].bands.clear();
    cases[2].buckets[0].is_missing = true;
    cases[3].buckets = days(5);
    for band in &mut cases[3].bands {
        band.values.clone_from(&extremes);
        "\"><script>\u{202e}".clone_into(&mut band.label);
    }
    cases[3].compare = Some(extremes);
    for case in &mut cases {
        for form in [Form::Bars, Form::Lines, Form::Area, Form::Multiples] {
            case.form = form;
            for (width, height) in [(0, 0), (1, 1), (358, 220), (4000, 40)] {
                let size = Size { width, height };
                let (drawing, overlay) = (page(case, size), case.overlay(size));
                assert_nested(&overlay);
                for text in [&drawing, &overlay] {
                    assert!(!text.contains("<script") && !text.contains('\u{202e}'), "{text}");
                    assert!(!text.contains("width=\"-") && !text.contains("height=\"-"), "{text}");
                }
            }
        }
    }
}
