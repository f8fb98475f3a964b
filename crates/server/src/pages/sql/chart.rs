//! An answer as a chart, where it has the form of one.

use billhook_charts::{Band, Bucket, Form, Ink, Paint, Picture, Size, Theme};

use crate::api::sql::Answer;

/// Buckets and bands that a chart has at most.
const BUCKETS: usize = 92;
const BANDS: usize = 10;

/// A chart, drawn.
pub(super) struct Chart {
    pub(super) wide: String,
    pub(super) narrow: String,
    pub(super) caption: String,
    pub(super) bands: Vec<Legend>,
}

/// A line of the legend.
pub(super) struct Legend {
    pub(super) name: String,
    /// `s1` to `s10`, or `so` for all others.
    pub(super) swatch: String,
}

/// The chart of an answer: a column of names or times, and figures beside it; or two columns of
/// names and one of figures. `None` of any other answer.
pub(super) fn chart(answer: &Answer) -> Option<Chart> {
    let picture = picture(answer)?;
    let both = |size: Size| {
        let drawing = picture.draw(size, Ink::Classes, Theme::Light);
        format!("{drawing}{}", picture.overlay(size))
    };
    let legend = |band: &Band| Legend {
        name: band.label.clone(),
        swatch: match band.paint {
            Paint::Slot(slot) => format!("s{}", slot % 10 + 1),
            _ => "so".to_owned(),
        },
    };
    Some(Chart {
        wide: both(Size::WIDE),
        narrow: both(Size::NARROW),
        caption: picture.caption(),
        bands: picture.bands.iter().map(legend).collect(),
    })
}

fn picture(answer: &Answer) -> Option<Picture> {
    let is_cut = u64::try_from(answer.rows.len()).unwrap_or_default() < answer.total;
    if answer.rows.len() < 2 || is_cut || answer.is_late {
        return None;
    }
    let columns = answer.columns.iter().enumerate();
    let (figures, names): (Vec<_>, Vec<_>) = columns.partition(|(_, column)| column.is_number);
    let currency = currency(answer);
    // One currency is no group.
    let names: Vec<_> = names
        .into_iter()
        .filter(|(_, column)| currency.is_none() || column.name != "BillingCurrency")
        .collect();
    let (buckets, mut bands, unit) = match (names.as_slice(), figures.as_slice()) {
        ([(label, _)], [(_, first), ..]) => {
            let buckets = answer.rows.iter().map(|row| name(row, *label)).collect::<Vec<_>>();
            let bands = figures.iter().map(|(at, column)| {
                (column.name.clone(), answer.rows.iter().map(|row| units(row, *at)).collect())
            });
            let unit = if figures.len() == 1 { first.name.clone() } else { String::new() };
            (buckets, bands.collect::<Vec<(String, Vec<i128>)>>(), unit)
        }
        ([one, two], [(figure, column)]) => {
            let (label, group) =
                if two.1.is_time && !one.1.is_time { (two, one) } else { (one, two) };
            let (buckets, bands) = pivot(answer, label.0, group.0, *figure)?;
            (buckets, bands, column.name.clone())
        }
        _ => return None,
    };
    if buckets.len() > BUCKETS || bands.is_empty() {
        return None;
    }
    let others = bands.split_off(bands.len().min(BANDS));
    let slot = |(at, (label, values)): (usize, (String, Vec<i128>))| Band {
        label,
        paint: Paint::Slot(u8::try_from(at).unwrap_or_default()),
        values,
    };
    let mut bands: Vec<Band> = bands.into_iter().enumerate().map(slot).collect();
    if !others.is_empty() {
        bands.push(folded(&others, buckets.len())?);
    }
    let bucket =
        |label: String| Bucket { label, is_missing: false, is_settling: false, href: None };
    let currency = currency.unwrap_or_default();
    let unit = format!("{unit} {currency}").trim().to_owned();
    Some(Picture {
        title: "Result".to_owned(),
        unit,
        currency,
        buckets: buckets.into_iter().map(bucket).collect(),
        bands,
        compare: None,
        form: Form::Bars,
    })
}

/// All groups that have no colour of their own, as one.
fn folded(others: &[(String, Vec<i128>)], buckets: usize) -> Option<Band> {
    let mut values = vec![0_i128; buckets];
    for (_, amounts) in others {
        for (sum, amount) in values.iter_mut().zip(amounts) {
            *sum = sum.checked_add(*amount)?;
        }
    }
    Some(Band { label: format!("other ({})", others.len()), paint: Paint::Other, values })
}

type Pivoted = (Vec<String>, Vec<(String, Vec<i128>)>);

/// Rows of label, group and figure as bands; the largest first.
fn pivot(answer: &Answer, label: usize, group: usize, figure: usize) -> Option<Pivoted> {
    let mut buckets: Vec<String> = Vec::new();
    for row in &answer.rows {
        let name = name(row, label);
        if !buckets.contains(&name) {
            buckets.push(name);
        }
        if buckets.len() > BUCKETS {
            return None;
        }
    }
    if answer.columns.get(label).is_some_and(|column| column.is_time) {
        buckets.sort();
    }
    let mut bands: Vec<(String, Vec<i128>)> = Vec::new();
    for row in &answer.rows {
        let (bucket, band, amount) = (name(row, label), name(row, group), units(row, figure));
        let at = buckets.iter().position(|known| *known == bucket)?;
        let found = bands.iter().position(|(known, _)| *known == band);
        let found = found.unwrap_or(bands.len());
        if found == bands.len() {
            bands.push((band, vec![0; buckets.len()]));
        }
        let value = bands.get_mut(found)?.1.get_mut(at)?;
        *value = value.checked_add(amount)?;
    }
    let size = |values: &[i128]| values.iter().fold(0_i128, |sum, one| sum.saturating_add(*one));
    bands.sort_by_key(|(_, values)| std::cmp::Reverse(size(values).saturating_abs()));
    Some((buckets, bands))
}

/// The currency of an answer that has one.
fn currency(answer: &Answer) -> Option<String> {
    let at = answer.columns.iter().position(|column| column.name == "BillingCurrency")?;
    let first = answer.rows.first()?.get(at)?.clone()?;
    let is_only = answer.rows.iter().all(|row| row.get(at) == Some(&Some(first.clone())));
    is_only.then_some(first)
}

fn name(row: &[Option<String>], at: usize) -> String {
    match row.get(at) {
        Some(Some(text)) => text.clone(),
        _ => "(not specified)".to_owned(),
    }
}

fn units(row: &[Option<String>], at: usize) -> i128 {
    let text = row.get(at).and_then(Option::as_deref).unwrap_or_default();
    billhook_money::parse(text.as_bytes()).map_or(0, |parsed| parsed.units)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::sql::AnswerColumn;

    fn answer(columns: &[(&str, bool)], rows: &[&[&str]]) -> Answer {
        let column = |(name, is_number): &(&str, bool)| AnswerColumn {
            name: (*name).to_owned(),
            is_number: *is_number,
            is_time: *name == "ChargeDate",
        };
        let cells = |row: &&[&str]| row.iter().map(|text| Some((*text).to_owned())).collect();
        Answer {
            columns: columns.iter().map(column).collect(),
            rows: rows.iter().map(cells).collect(),
            total: u64::try_from(rows.len()).unwrap(),
            is_late: false,
            took: 1,
            files: 0,
            warning: None,
        }
    }

    #[test]
    fn two_names_and_a_figure_are_stacked() {
        let columns = [
            ("ServiceName", false),
            ("ChargeDate", false),
            ("BillingCurrency", false),
            ("c", true),
        ];
        let rows: [&[&str]; 3] = [
            &["S3", "2026-11-02", "USD", "1.5"],
            &["EC2", "2026-11-01", "USD", "4"],
            &["S3", "2026-11-01", "USD", "-0.5"],
        ];
        let picture = picture(&answer(&columns, &rows)).unwrap();
        let labels: Vec<&str> = picture.buckets.iter().map(|one| one.label.as_str()).collect();
        assert_eq!(labels, ["2026-11-01", "2026-11-02"]);
        assert_eq!(picture.currency, "USD");
        assert_eq!(picture.bands[0].label, "EC2");
        let half = 500_000_000_000_000_000;
        assert_eq!(picture.bands[1].values, [-half, 3 * half]);
    }

    #[test]
    fn what_is_no_chart_is_none() {
        assert!(picture(&answer(&[("a", false)], &[&["x"], &["y"]])).is_none());
        assert!(picture(&answer(&[("a", false), ("b", true)], &[&["x", "1"]])).is_none());
    }
}
