//! The chart of a view, in two sizes, with what lies over it.

use billhook_charts::{Band, Bucket, Form, Ink, Paint, Picture, Size, Theme};
use billhook_engine::period::{self, DayRange};
use chrono::{Days, NaiveDate};

use crate::api::Amount;
use crate::api::costs::{CostBucket, CostRow, Costs};
use crate::format;
use crate::view::{Grain, Period, View};

/// More buckets than this are drawn as coarser ones.
const MOST_BUCKETS: usize = 92;

/// A chart, drawn.
#[derive(Debug, Clone)]
pub(crate) struct Chart {
    /// Drawings by `billhook_charts`, which escapes every name.
    pub(crate) wide: String,
    pub(crate) wide_over: String,
    pub(crate) narrow: String,
    pub(crate) narrow_over: String,
    pub(crate) caption: String,
}

impl Chart {
    /// The chart of an answer; nothing when none is wanted or there is nothing to draw.
    pub(crate) fn of(view: &View, costs: &Costs) -> Option<Self> {
        let form = view.form?;
        if costs.rows.is_empty() || costs.buckets.len() < 2 {
            return None;
        }
        let (picture, coarser) = picture(view, costs, form);
        let draw = |size: Size| picture.draw(size, Ink::Classes, Theme::Light);
        let mut caption = picture.caption();
        if let Some(unit) = coarser {
            caption.push_str(" Drawn by ");
            caption.push_str(unit);
            caption.push_str(", since there are too many bars to tell apart.");
        }
        let other = costs.rows.iter().filter(|row| row.folded.is_some());
        let rest = other.fold(0_i128, |sum, row| sum.saturating_add(row.amount.0));
        if view.top < 10 && rest.saturating_mul(10) > costs.total.0.saturating_mul(4) {
            caption.push_str(" Other is more than 40 %: show 10 groups to see what is in it.");
        }
        Some(Self {
            wide: draw(Size::WIDE),
            wide_over: picture.overlay(Size::WIDE),
            narrow: draw(Size::NARROW),
            narrow_over: picture.overlay(Size::NARROW),
            caption,
        })
    }
}

/// What is drawn, and the coarser unit if there is one.
fn picture(view: &View, costs: &Costs, form: Form) -> (Picture, Option<&'static str>) {
    let labels: Vec<&str> = costs.buckets.iter().map(|bucket| bucket.label.as_str()).collect();
    let (length, coarser) = coarse(&labels);
    let places = places(&labels, length);
    let buckets = merged(&costs.buckets, &places, length, view);
    let bands = bands(view, &costs.rows).into_iter().map(|(paint, label, rows)| {
        let values = summed(&rows, &places, buckets.len());
        Band { label, paint, values }
    });
    let bands = bands.collect();
    let compare = costs.before.map(|_| {
        let mut sums = vec![0_i128; buckets.len()];
        for (bucket, place) in costs.buckets.iter().zip(&places) {
            add(&mut sums, *place, bucket.before);
        }
        sums
    });
    let unit = match (coarser, costs.grain.as_str()) {
        (Some(unit), _) => unit,
        (None, "hourly") => "hour",
        (None, "monthly") => "month",
        (None, _) => "day",
    };
    let by = if costs.by.is_empty() { String::new() } else { costs.by.join(" and ") };
    let title =
        if by.is_empty() { costs.metric.clone() } else { format!("{} by {by}", costs.metric) };
    let unit_text = format!("{} per {unit}", costs.currency);
    let currency = costs.currency.clone();
    let picture = Picture { title, unit: unit_text, currency, buckets, bands, compare, form };
    (picture, coarser.map(|unit| if unit == "day" { "days" } else { "months" }))
}

/// How much of a label makes a bucket of the drawing, and what that is.
fn coarse(labels: &[&str]) -> (usize, Option<&'static str>) {
    if labels.len() <= MOST_BUCKETS {
        return (usize::MAX, None);
    }
    for (length, unit) in [(10, "day"), (7, "month")] {
        let mut starts: Vec<&str> = labels.iter().map(|label| start(label, length)).collect();
        starts.dedup();
        if starts.len() < labels.len() && starts.len() <= MOST_BUCKETS {
            return (length, Some(unit));
        }
    }
    (7, Some("month"))
}

fn start(label: &str, length: usize) -> &str {
    label.get(..length).unwrap_or(label)
}

/// The bucket of the drawing of each bucket.
fn places(labels: &[&str], length: usize) -> Vec<usize> {
    let mut places = Vec::with_capacity(labels.len());
    let (mut at, mut last) = (0, labels.first().map_or("", |label| start(label, length)));
    for label in labels {
        let start = start(label, length);
        if start != last {
            at += 1;
            last = start;
        }
        places.push(at);
    }
    places
}

fn merged(from: &[CostBucket], places: &[usize], length: usize, view: &View) -> Vec<Bucket> {
    let mut buckets: Vec<Bucket> = Vec::new();
    for (one, place) in from.iter().zip(places) {
        match buckets.get_mut(*place) {
            Some(bucket) => {
                bucket.is_missing &= one.is_missing;
                bucket.is_settling |= one.is_settling;
            }
            None => buckets.push(Bucket {
                label: start(&one.label, length).to_owned(),
                is_missing: one.is_missing,
                is_settling: one.is_settling,
                href: inside(view, start(&one.label, length)),
            }),
        }
    }
    buckets
}

/// The sums of rows in each bucket of the drawing.
fn summed(rows: &[&CostRow], places: &[usize], count: usize) -> Vec<i128> {
    let mut sums = vec![0_i128; count];
    for row in rows {
        for (value, place) in row.values.iter().zip(places) {
            add(&mut sums, *place, Some(*value));
        }
    }
    sums
}

fn add(sums: &mut [i128], place: usize, value: Option<Amount>) {
    if let (Some(sum), Some(value)) = (sums.get_mut(place), value) {
        *sum = sum.saturating_add(value.0);
    }
}

/// Groups from the axis outwards: the base, then the largest, what has no value, the rest.
pub(crate) fn bands<'a>(
    view: &View,
    rows: &'a [CostRow],
) -> Vec<(Paint, String, Vec<&'a CostRow>)> {
    let mut named: Vec<&CostRow> = rows.iter().filter(|row| row.slot.is_some()).collect();
    named.sort_by_key(|row| std::cmp::Reverse(row.amount.0.unsigned_abs()));
    if let Some(base) = &view.base
        && let Some(at) = named.iter().position(|row| row.label == *base)
    {
        let base = named.remove(at);
        named.insert(0, base);
    }
    let mut bands: Vec<(Paint, String, Vec<&CostRow>)> = Vec::new();
    for row in named {
        bands.push((Paint::Slot(row.slot.unwrap_or_default()), row.label.clone(), vec![row]));
    }
    bands.extend(
        rows.iter()
            .filter(|row| row.is_none())
            .map(|row| (Paint::NotSpecified, row.label.clone(), vec![row])),
    );
    let rest: Vec<&CostRow> =
        rows.iter().filter(|row| row.slot.is_none() && !row.is_none()).collect();
    if !rest.is_empty() {
        let count = rest.iter().fold(0, |sum, row| sum + row.folded.unwrap_or(1));
        bands.push((Paint::Other, format!("other ({count})"), rest));
    }
    bands
}

/// The view of one bucket: a month by days, a day by hours, the lines of an hour.
pub(crate) fn inside(view: &View, label: &str) -> Option<String> {
    let there = view.first_page();
    if let Some((day, _)) = label.split_once('T') {
        let day = NaiveDate::parse_from_str(day, "%Y-%m-%d").ok()?;
        let there = View { period: one_day(day)?, ..there };
        let hour = format!("{label}:00Z");
        return Some(there.only("ChargePeriodStart", Some(&hour)).url("/costs/lines"));
    }
    let epoch = chrono::DateTime::UNIX_EPOCH.date_naive();
    let range = period::parse(label, epoch).ok()?;
    let period =
        if range.days() == 1 { Period::Days(range) } else { Period::Named(label.to_owned()) };
    Some(View { period, grain: Grain::Auto, ..there }.url("/costs"))
}

fn one_day(day: NaiveDate) -> Option<Period> {
    let to = day.checked_add_days(Days::new(1))?;
    Some(Period::Days(DayRange { from: day, to }))
}

/// A drawing that stands alone, with light colours, title, total, period, metric and address.
pub(crate) fn file(view: &View, costs: &Costs, days: &str) -> String {
    let labels: Vec<&str> = costs.buckets.iter().map(|bucket| bucket.label.as_str()).collect();
    let (length, _) = coarse(&labels);
    let places = places(&labels, length);
    let buckets = merged(&costs.buckets, &places, length, view);
    let series = bands(view, &costs.rows).into_iter().map(|(paint, label, rows)| {
        let values = summed(&rows, &places, buckets.len());
        let label = match paint {
            Paint::NotSpecified => "not specified".to_owned(),
            Paint::Slot(_) | Paint::Other => format::visible(&label),
        };
        billhook_charts::Series { label, values }
    });
    let by =
        if costs.by.is_empty() { String::new() } else { format!(" by {}", costs.by.join(", ")) };
    let series = series.collect();
    billhook_charts::svg(&billhook_charts::Chart {
        title: format!("{}{by}", costs.metric),
        subtitle: format!("{}, {}, {days}, {}", costs.metric, costs.currency, view.url("/costs")),
        currency: costs.currency.clone(),
        buckets: buckets.into_iter().map(|bucket| bucket.label).collect(),
        series,
        theme: Theme::Light,
    })
}

#[cfg(test)]
mod tests {
    use super::{coarse, inside, places};
    use crate::view::View;

    #[test]
    fn too_many_bars_become_coarser_ones() {
        let days: Vec<String> = (1..=4)
            .flat_map(|month| (1..=28).map(move |day| format!("2026-{month:02}-{day:02}")))
            .collect();
        let labels: Vec<&str> = days.iter().map(String::as_str).collect();
        let (length, unit) = coarse(&labels);
        assert_eq!((length, unit), (7, Some("month")));
        assert_eq!(places(&labels, length)[27..29], [0, 1]);
        assert_eq!(coarse(&labels[..92]), (usize::MAX, None));
    }

    #[test]
    fn a_bucket_leads_into_itself() {
        let view = View::new();
        assert_eq!(inside(&view, "2026-11").unwrap(), "/costs?period=2026-11");
        assert_eq!(inside(&view, "2026-11-14").unwrap(), "/costs?from=2026-11-14&to=2026-11-15");
        assert_eq!(
            inside(&view, "2026-11-14T05:00").unwrap(),
            "/costs/lines?from=2026-11-14&to=2026-11-15\
             &is.ChargePeriodStart=2026-11-14T05%3A00%3A00Z"
        );
    }
}
