//! Bucket labels as times: how fine they are, how they read in full, and which of them the axis
//! names.

use crate::text;

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const WEEKDAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
/// Least space between two labels of the axis, in hundredths of a pixel.
const GAP: i64 = 900;
/// Most labels of an axis of times: the months of a year.
const MOST_LABELS: usize = 12;

/// How much time a bucket covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Grain {
    Year,
    Month,
    Week,
    Day,
    Hour,
    /// Not a time, or unevenly spaced.
    Unknown,
}

/// A label of the axis: a line, and one below it where the larger unit begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Label {
    /// Bucket it belongs to.
    pub(crate) index: usize,
    pub(crate) line: String,
    pub(crate) below: Option<String>,
}

/// Start of a bucket in UTC. Parts finer than the label are those of the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Moment {
    year: i64,
    month: i64,
    day: i64,
    hour: i64,
    minute: i64,
    /// Parts the label has: 1 is the year alone, 4 reaches the hour.
    parts: u8,
}

impl Grain {
    /// The unit in "USD per day".
    pub(crate) fn noun(self) -> Option<&'static str> {
        match self {
            Self::Year => Some("year"),
            Self::Month => Some("month"),
            Self::Week => Some("week"),
            Self::Day => Some("day"),
            Self::Hour => Some("hour"),
            Self::Unknown => None,
        }
    }

    /// Reads the grain off the labels and their distance.
    pub(crate) fn of(buckets: &[String]) -> Self {
        let Some(moments) = parse_all(buckets) else {
            return Self::Unknown;
        };
        let apart =
            |hours: i64| moments.windows(2).all(|pair| pair[1].hours() - pair[0].hours() == hours);
        match moments.first().map(|moment| moment.parts) {
            Some(1) => Self::Year,
            Some(2) => Self::Month,
            Some(3) if moments.len() > 1 && apart(7 * 24) => Self::Week,
            Some(3) => Self::Day,
            Some(4) if apart(1) => Self::Hour,
            _ => Self::Unknown,
        }
    }
}

/// Writes a bucket in full: `Mon 7 Sep 2026`, `Sep 2026`, `7 Sep 2026 05:00 UTC`, or the label
/// itself.
pub(crate) fn long(label: &str) -> String {
    let Some(moment) = parse(label) else {
        return text::visible(label);
    };
    match moment.parts {
        1 => moment.year.to_string(),
        2 => format!("{} {}", moment.month_name(), moment.year),
        3 => format!("{} {} {}", moment.weekday_name(), moment.day_month(), moment.year),
        _ => format!("{} {} {} UTC", moment.day_month(), moment.year, moment.time()),
    }
}

/// Writes a bucket without what its neighbours share: `7 Sep`, `Sep 2026`, `7 Sep 05:00`.
pub(crate) fn short(label: &str) -> String {
    let Some(moment) = parse(label) else {
        return text::visible(label);
    };
    match moment.parts {
        3 => moment.day_month(),
        4 => format!("{} {}", moment.day_month(), moment.time()),
        _ => long(label),
    }
}

/// Writes the time from one bucket to another, both included: `1–18 Nov 2026`, `28 Oct – 3 Nov
/// 2026`, `Jan–Nov 2026`, `7 Sep 2026 00:00–23:00 UTC`, or both labels.
pub(crate) fn span(first: &str, last: &str) -> String {
    let (Some(from), Some(to)) = (parse(first), parse(last)) else {
        let labels = [text::visible(first), text::visible(last)];
        return if first == last { text::visible(first) } else { labels.join(" to ") };
    };
    let is_same_year = from.year == to.year;
    let is_same_month = is_same_year && from.month == to.month;
    let date = |moment: &Moment| format!("{} {}", moment.day_month(), moment.year);
    match (from.parts, to.parts) {
        (3, 3) if from == to => date(&to),
        (3, 3) if is_same_month => format!("{}\u{2013}{}", from.day, date(&to)),
        (3, 3) if is_same_year => format!("{} \u{2013} {}", from.day_month(), date(&to)),
        (3, 3) => format!("{} \u{2013} {}", date(&from), date(&to)),
        (2, 2) if is_same_year && from != to => {
            format!("{}\u{2013}{} {}", from.month_name(), to.month_name(), to.year)
        }
        (4, 4) if from.days() == to.days() && from != to => {
            format!("{} {}\u{2013}{} UTC", date(&to), from.time(), to.time())
        }
        _ if from == to => long(first),
        _ => format!("{} \u{2013} {}", long(first), long(last)),
    }
}

/// Whether a bucket is a Monday.
pub(crate) fn is_monday(label: &str) -> bool {
    parse(label).is_some_and(|moment| moment.parts == 3 && (moment.days() - 4).rem_euclid(7) == 0)
}

/// Chooses the labels of an axis whose buckets are `band` apart, at a type size of `size` (both in
/// hundredths of a pixel): as many as have room, at places a reader expects (Mondays, first of a
/// month, January, full quarters of a day).
pub(crate) fn axis_labels(buckets: &[String], band: i64, size: i64) -> Vec<Label> {
    let Some(moments) = parse_all(buckets) else {
        return plain_labels(buckets, band, size);
    };
    let mut best = Vec::new();
    for rule in rules(Grain::of(buckets), moments.first().map_or(0, |moment| moment.parts)) {
        let labels = pick(&moments, *rule);
        if (2..=MOST_LABELS).contains(&labels.len()) && fits(&labels, band, size) {
            return labels;
        }
        if best.is_empty() || (!labels.is_empty() && labels.len() < best.len()) {
            best = labels;
        }
    }
    // Nothing fits side by side: the beginning alone still says where the axis starts.
    best.truncate(1);
    best
}

/// Which buckets get a label.
#[derive(Debug, Clone, Copy)]
enum Rule {
    /// Every nth from the first.
    Every(usize),
    /// Full hours divisible by n.
    Hours(i64),
    /// Midnight of every nth day.
    Midnights(i64),
    /// Every nth Monday.
    Mondays(i64),
    /// The first of months whose number less one is divisible by n.
    Months(i64),
    /// The first of years divisible by n.
    Years(i64),
}

fn rules(grain: Grain, parts: u8) -> &'static [Rule] {
    use Rule::{Every, Hours, Midnights, Mondays, Months, Years};
    match (grain, parts) {
        (Grain::Hour, _) | (_, 4) => &[
            Hours(1),
            Hours(2),
            Hours(3),
            Hours(6),
            Hours(12),
            Midnights(1),
            Midnights(2),
            Mondays(1),
            Mondays(2),
            Months(1),
            Months(3),
            Every(1000),
        ],
        (Grain::Week, _) => &[
            Every(1),
            Every(2),
            Every(3),
            Every(4),
            Every(8),
            Every(13),
            Every(26),
            Every(52),
            Every(104),
        ],
        (Grain::Day, _) | (_, 3) => &[
            Every(1),
            Every(2),
            Every(3),
            Mondays(1),
            Mondays(2),
            Months(1),
            Months(2),
            Months(3),
            Months(6),
            Months(12),
            Years(2),
            Years(5),
        ],
        (Grain::Month, _) | (_, 2) => {
            &[Months(1), Months(2), Months(3), Months(6), Months(12), Years(2), Years(5), Years(10)]
        }
        _ => &[Years(1), Years(2), Years(5), Years(10), Years(20), Years(50)],
    }
}

impl Rule {
    fn takes(self, index: usize, moment: &Moment) -> bool {
        let midnight = moment.hour == 0 && moment.minute == 0;
        match self {
            Self::Every(n) => index.is_multiple_of(n),
            Self::Hours(n) => moment.minute == 0 && moment.hour % n == 0,
            Self::Midnights(n) => midnight && moment.days() % n == 0,
            // Day 0 (1 Jan 1970) was a Thursday, so Mondays are the days 4, 11, 18, …
            Self::Mondays(n) => midnight && (moment.days() - 4).rem_euclid(7 * n) == 0,
            Self::Months(n) => midnight && moment.day == 1 && (moment.month - 1) % n == 0,
            Self::Years(n) => {
                midnight && moment.day == 1 && moment.month == 1 && moment.year % n == 0
            }
        }
    }
}

fn pick(moments: &[Moment], rule: Rule) -> Vec<Label> {
    let mut labels = Vec::new();
    let mut last_below = String::new();
    for (index, moment) in
        moments.iter().enumerate().filter(|(index, moment)| rule.takes(*index, moment))
    {
        let (line, below) = moment.axis_lines(rule);
        let changed = below != last_below && !below.is_empty();
        if changed {
            last_below.clone_from(&below);
        }
        labels.push(Label { index, line, below: changed.then_some(below) });
    }
    labels
}

/// Whether neighbours keep their distance, each as wide as its wider line.
fn fits(labels: &[Label], band: i64, size: i64) -> bool {
    let width = |label: &Label| {
        let below = label.below.as_deref().map_or(0, |below| text::width(below, size));
        text::width(&label.line, size).max(below)
    };
    labels.windows(2).all(|pair| {
        let apart = i64::try_from(pair[1].index - pair[0].index).unwrap_or(i64::MAX);
        apart.saturating_mul(band) >= width(&pair[0]).midpoint(width(&pair[1])) + GAP
    })
}

/// Labels that are not times: every nth in full, where n leaves room for the widest.
fn plain_labels(buckets: &[String], band: i64, size: i64) -> Vec<Label> {
    // A long name among short ones must not thin out the whole axis: 12 ems are cut.
    let cut: Vec<String> =
        buckets.iter().map(|bucket| text::cut(&text::visible(bucket), size, size * 12)).collect();
    let widest = cut.iter().map(|label| text::width(label, size)).max().unwrap_or(0) + GAP;
    let every = usize::try_from(widest.div_euclid(band.max(1)) + 1).unwrap_or(1);
    let lines = cut.into_iter().enumerate().step_by(every.max(1));
    lines.map(|(index, line)| Label { index, line, below: None }).collect()
}

impl Moment {
    fn month_name(&self) -> &'static str {
        usize::try_from(self.month - 1)
            .ok()
            .and_then(|index| MONTHS.get(index))
            .copied()
            .unwrap_or("")
    }

    fn weekday_name(&self) -> &'static str {
        let index = (self.days() + 3).rem_euclid(7);
        usize::try_from(index).ok().and_then(|index| WEEKDAYS.get(index)).copied().unwrap_or("")
    }

    fn day_month(&self) -> String {
        format!("{} {}", self.day, self.month_name())
    }

    fn time(&self) -> String {
        format!("{:02}:{:02}", self.hour, self.minute)
    }

    /// The two lines of an axis label: the moment as coarse as the rule, and what contains it.
    fn axis_lines(&self, rule: Rule) -> (String, String) {
        let year = self.year.to_string();
        match rule {
            Rule::Years(_) => (year, String::new()),
            Rule::Months(_) => (self.month_name().to_owned(), year),
            Rule::Hours(_) => (self.time(), self.day_month()),
            _ => (self.day_month(), year),
        }
    }

    /// Days since 1 January 1970 in the proleptic Gregorian calendar.
    ///
    /// Years are counted from March, so that the leap day is the last of its year; an era is the
    /// 400 years (146,097 days) after which the calendar repeats, and 719,468 days lie between 1
    /// March 0000 and 1970.
    fn days(&self) -> i64 {
        let year = if self.month <= 2 { self.year - 1 } else { self.year };
        let era = year.div_euclid(400);
        let year_of_era = year.rem_euclid(400);
        let month_from_march = (self.month + 9) % 12;
        let day_of_year = (153 * month_from_march + 2) / 5 + self.day - 1;
        let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        era * 146_097 + day_of_era - 719_468
    }

    fn hours(&self) -> i64 {
        self.days() * 24 + self.hour
    }
}

/// Parses all labels, or none where they are not times of one precision.
fn parse_all(buckets: &[String]) -> Option<Vec<Moment>> {
    let moments: Option<Vec<Moment>> = buckets.iter().map(|bucket| parse(bucket)).collect();
    let moments = moments?;
    let parts = moments.first()?.parts;
    moments.iter().all(|moment| moment.parts == parts).then_some(moments)
}

/// Parses `2026`, `2026-09`, `2026-09-01` and `2026-09-01T05`, the last also with a space for the
/// `T`, and with minutes, seconds (which must be zero) and `Z`.
fn parse(label: &str) -> Option<Moment> {
    let (date, time) = match label.split_once(['T', ' ']) {
        Some((date, time)) => (date, Some(time)),
        None => (label, None),
    };
    let mut fields = date.split('-');
    let year = number(fields.next()?, 4)?;
    let month = fields.next().map(|text| number(text, 2));
    let day = fields.next().map(|text| number(text, 2));
    if fields.next().is_some() || (time.is_some() && day.is_none()) {
        return None;
    }
    let parts = 1 + u8::from(month.is_some()) + u8::from(day.is_some()) + u8::from(time.is_some());
    let (month, day) = (month.unwrap_or(Some(1))?, day.unwrap_or(Some(1))?);
    let (hour, minute) = time.map_or(Some((0, 0)), parse_time)?;
    let valid = (1..=12).contains(&month) && (1..=31).contains(&day) && hour < 24 && minute < 60;
    valid.then_some(Moment { year, month, day, hour, minute, parts })
}

fn parse_time(time: &str) -> Option<(i64, i64)> {
    let time = time.strip_suffix('Z').unwrap_or(time);
    let mut fields = time.split(':');
    let hour = number(fields.next()?, 2)?;
    let minute = fields.next().map_or(Some(0), |text| number(text, 2))?;
    let whole = fields.next().is_none_or(|seconds| seconds == "00") && fields.next().is_none();
    whole.then_some((hour, minute))
}

fn number(text: &str, digits: usize) -> Option<i64> {
    let plain = text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit());
    if plain { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::{Grain, axis_labels, is_monday, long, parse, short, span};

    fn owned(labels: &[&str]) -> Vec<String> {
        labels.iter().map(|label| (*label).to_owned()).collect()
    }

    fn days(month: &str, count: usize) -> Vec<String> {
        (1..=count).map(|day| format!("{month}-{day:02}")).collect()
    }

    #[test]
    fn labels_read_in_full() {
        assert_eq!(long("2026"), "2026");
        assert_eq!(long("2026-09"), "Sep 2026");
        assert_eq!(long("2026-09-07"), "Mon 7 Sep 2026");
        assert_eq!(long("2024-02-29"), "Thu 29 Feb 2024");
        assert_eq!(long("1970-01-01"), "Thu 1 Jan 1970");
        assert_eq!(long("2026-09-07T05"), "7 Sep 2026 05:00 UTC");
        assert_eq!(long("2026-09-07 05:00:00"), "7 Sep 2026 05:00 UTC");
        assert_eq!(long("2026-09-07T05:00:00Z"), "7 Sep 2026 05:00 UTC");
        for label in
            ["2026-13", "2026-09-00", "26-09", "2026-09T05", "2026-09-07T05:00:01", "week 3", ""]
        {
            assert_eq!(parse(label), None, "{label}");
        }
    }

    #[test]
    fn spans_say_what_is_shared_once() {
        for (first, last, words) in [
            ("2026-11-01", "2026-11-18", "1\u{2013}18 Nov 2026"),
            ("2026-10-28", "2026-11-03", "28 Oct \u{2013} 3 Nov 2026"),
            ("2025-12-28", "2026-01-03", "28 Dec 2025 \u{2013} 3 Jan 2026"),
            ("2026-11-14", "2026-11-14", "14 Nov 2026"),
            ("2026-01", "2026-11", "Jan\u{2013}Nov 2026"),
            ("2025-11", "2026-01", "Nov 2025 \u{2013} Jan 2026"),
            ("2026-11", "2026-11", "Nov 2026"),
            ("2026-11-14T00:00", "2026-11-14T23:00", "14 Nov 2026 00:00\u{2013}23:00 UTC"),
            ("a", "b", "a to b"),
        ] {
            assert_eq!(span(first, last), words);
        }
        assert_eq!(short("2026-11-14"), "14 Nov");
        assert_eq!(short("2026-11-14T05:00"), "14 Nov 05:00");
        assert_eq!(short("2026-11"), "Nov 2026");
        assert!(is_monday("2026-11-16") && !is_monday("2026-11-17") && !is_monday("2026-11"));
    }

    #[test]
    fn the_grain_follows_from_labels_and_distance() {
        assert_eq!(Grain::of(&days("2026-09", 30)), Grain::Day);
        assert_eq!(Grain::of(&owned(&["2026-08-31", "2026-09-07"])), Grain::Week);
        assert_eq!(Grain::of(&owned(&["2026-08", "2026-09"])), Grain::Month);
        assert_eq!(Grain::of(&owned(&["2026-08-31T23", "2026-09-01T00"])), Grain::Hour);
        assert_eq!(Grain::of(&owned(&["2026-08", "total"])), Grain::Unknown);
        assert_eq!(Grain::of(&[]), Grain::Unknown);
    }

    #[test]
    fn crowded_axes_keep_the_labels_a_reader_expects() {
        let text = |labels: Vec<super::Label>| -> Vec<String> {
            labels.into_iter().map(|label| label.line + label.below.map_or("", |_| "|")).collect()
        };
        assert_eq!(
            text(axis_labels(&days("2026-09", 3), 10_000, 1200)),
            ["1 Sep|", "2 Sep", "3 Sep"]
        );
        assert_eq!(
            text(axis_labels(&days("2026-09", 30), 1200, 1200)),
            ["7 Sep|", "14 Sep", "21 Sep", "28 Sep"]
        );
        let months = owned(&["2025-11", "2025-12", "2026-01", "2026-02", "2026-03", "2026-04"]);
        assert_eq!(
            text(axis_labels(&months, 6000, 1200)),
            ["Nov|", "Dec", "Jan|", "Feb", "Mar", "Apr"]
        );
        assert_eq!(text(axis_labels(&months, 1500, 1200)), ["Jan|", "Apr"]);
        assert_eq!(text(axis_labels(&days("2026-09", 5), 10, 1200)), ["Sep|"]);
        assert_eq!(text(axis_labels(&owned(&["a", "b", "c"]), 10_000, 1200)), ["a", "b", "c"]);
    }
}
