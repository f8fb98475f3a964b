//! The table of a view, its legend, the table by time, and what the view leaves out.

use billhook_charts::{Ink, Paint, share_bar, spark};
use chrono::NaiveDate;

use crate::api::costs::{CostRow, Costs, NOT_SPECIFIED, NotInView, Without};
use crate::format;
use crate::pages::costs::chart::{bands, inside};
use crate::pages::costs::figure::{Change, Money, Shown};
use crate::view::{MOST, Sort, SortBy, View};

/// Groupings that go on from one that was opened.
const NEXT: [(&str, &str); 9] = [
    ("ServiceCategory", "ServiceName"),
    ("ServiceName", "x_UsageType"),
    ("x_UsageType", "ResourceId"),
    ("SubAccountId", "ServiceName"),
    ("x_AccountName", "ServiceName"),
    ("x_OrganizationalUnit", "x_AccountName"),
    ("x_Connection", "SubAccountId"),
    ("BillingAccountId", "SubAccountId"),
    ("ResourceId", "x_UsageType"),
];

/// More pieces of time than this are listed with their totals alone.
const MOST_CELLS: usize = 240;

/// The same beside the days compared with, which have cells of their own.
const MOST_COMPARED: usize = 150;

/// The table of a view.
#[derive(Debug, Clone)]
pub(crate) struct Table {
    /// What is grouped by, as a heading.
    pub(crate) by: String,
    pub(crate) heads: Vec<Head>,
    pub(crate) rows: Vec<RowView>,
    pub(crate) before: Option<(Money, Change)>,
    /// The days compared with.
    pub(crate) before_days: String,
    /// Are there small lines of the amounts over time?
    pub(crate) has_sparks: bool,
    /// Do the rounded rows add up to another sum than the rounded total?
    pub(crate) is_rounded: bool,
    pub(crate) next: Option<String>,
    pub(crate) previous: Option<String>,
}

/// A heading that sorts.
#[derive(Debug, Clone)]
pub(crate) struct Head {
    pub(crate) name: String,
    pub(crate) href: String,
    /// `ascending`, `descending` or `none`.
    pub(crate) sorted: &'static str,
    pub(crate) is_number: bool,
}

/// A row.
#[derive(Debug, Clone)]
pub(crate) struct RowView {
    /// The name, with what cannot be seen made visible.
    pub(crate) label: String,
    /// The view of this group alone, by the next grouping.
    pub(crate) href: Option<String>,
    /// `s1` to `s10`, `so` or `sn`.
    pub(crate) swatch: String,
    /// The view with this group on the axis.
    pub(crate) base: Option<String>,
    pub(crate) amount: Money,
    /// Its lines.
    pub(crate) lines: Option<String>,
    pub(crate) share: String,
    /// A drawing by `billhook_charts`.
    pub(crate) share_bar: String,
    pub(crate) before: Option<(Money, Change)>,
    /// A drawing by `billhook_charts`.
    pub(crate) spark: String,
    /// Something to do with the row: its text and address.
    pub(crate) more: Option<(&'static str, String)>,
}

impl Table {
    /// The table of an answer.
    pub(crate) fn of(view: &View, costs: &Costs, shown: Shown<'_>) -> Self {
        let has_sparks = costs.rows.len() <= MOST + 2;
        let rows: Vec<RowView> =
            costs.rows.iter().map(|row| row_view(view, costs, row, shown)).collect();
        let days = costs.before_from.as_deref().zip(costs.before_to.as_deref());
        let page = |after: &String| {
            let after = (!after.is_empty()).then(|| after.clone());
            View { after, ..view.clone() }.url("/costs")
        };
        Self {
            by: if costs.by.is_empty() { "All".to_owned() } else { costs.by.join(" \u{b7} ") },
            heads: heads(view, costs),
            before: costs
                .before
                .map(|before| (shown.money(before), shown.change(costs.total, before))),
            before_days: days.map_or_else(String::new, |(from, to)| short_days(from, to)),
            has_sparks,
            is_rounded: !view.is_exact && is_rounded(costs),
            next: costs.next.as_ref().map(page),
            previous: costs.previous.as_ref().map(page),
            rows,
        }
    }
}

fn heads(view: &View, costs: &Costs) -> Vec<Head> {
    let by = if costs.by.is_empty() { "All".to_owned() } else { costs.by.join(" \u{b7} ") };
    let amount = format!("{}, {}", costs.metric, costs.currency);
    let mut wanted = vec![(SortBy::Name, by, false), (SortBy::Cost, amount, true)];
    if costs.before.is_some() {
        wanted.push((SortBy::Change, "change".to_owned(), true));
    }
    let head = |(by, name, is_number): (SortBy, String, bool)| {
        let is_here = view.sort.by == by;
        let is_reversed = is_here && !view.sort.is_reversed;
        let sort = Sort { by, is_reversed };
        // Names go up, amounts go down, until they are turned round.
        let goes_up = (by == SortBy::Name) != view.sort.is_reversed;
        let sorted = match (is_here, goes_up) {
            (false, _) => "none",
            (true, true) => "ascending",
            (true, false) => "descending",
        };
        Head { name, href: View { sort, ..view.first_page() }.url("/costs"), sorted, is_number }
    };
    wanted.into_iter().map(head).collect()
}

fn row_view(view: &View, costs: &Costs, row: &CostRow, shown: Shown<'_>) -> RowView {
    let is_group = row.folded.is_none();
    let is_named = is_group && !row.is_none();
    let alone = is_group.then(|| alone(view, costs, row));
    let href = alone
        .as_ref()
        .filter(|_| !row.keys.is_empty())
        .map(|there| View { by: next(view), base: None, ..there.clone() }.url("/costs"));
    let more = if row.folded.is_some() && view.top <= MOST {
        let all = View { top: usize::MAX, ..view.first_page() };
        Some(("show all", all.url("/costs")))
    } else if row.is_none() {
        let by = vec!["x_AccountName".to_owned()];
        alone.as_ref().map(|there| {
            let there = View { by, base: None, ..there.clone() };
            ("who owns these?", there.url("/costs"))
        })
    } else {
        None
    };
    let base = (is_named && row.slot.is_some() && costs.rows.len() > 1).then(|| {
        let base = (view.base.as_ref() != Some(&row.label)).then(|| row.label.clone());
        View { base, ..view.clone() }.url("/costs")
    });
    let trend = if row.values.len() > 1 { &row.values } else { &row.trend };
    let trend: Vec<i128> = trend.iter().map(|value| value.0).collect();
    let has_spark = trend.len() > 1 && costs.rows.len() <= MOST + 2;
    RowView {
        label: format::visible(&row.label),
        href,
        swatch: swatch(paint(row)),
        base,
        amount: shown.money(row.amount),
        lines: alone.map(|there| there.of_lines(&costs.currency).url("/costs/lines")),
        share: format::share(row.amount.0, costs.total.0),
        share_bar: share_bar(row.amount.0, costs.total.0),
        before: row.before.map(|before| (shown.money(before), shown.change(row.amount, before))),
        spark: if has_spark { spark(&trend, Ink::Classes) } else { String::new() },
        more,
    }
}

/// The view of one group.
fn alone(view: &View, costs: &Costs, row: &CostRow) -> View {
    let keys = costs.by.iter().zip(&row.keys);
    keys.fold(view.first_page(), |view, (by, key)| view.only(by, key.as_deref()))
}

/// The next useful grouping.
fn next(view: &View) -> Vec<String> {
    let last = view.by.last().map_or("", String::as_str);
    let found = NEXT.iter().find(|(from, _)| *from == last).map_or("ServiceName", |(_, to)| *to);
    let is_fixed = |column: &str| {
        view.by.iter().any(|by| by == column)
            || view.filters.iter().any(|filter| {
                filter.how == crate::view::How::Is
                    && filter.column == column
                    && filter.values.len() == 1
            })
    };
    let ways = [found, "ServiceName", "x_UsageType", "ResourceId"];
    let next = ways.into_iter().find(|column| !is_fixed(column)).unwrap_or("ChargeDescription");
    vec![next.to_owned()]
}

fn paint(row: &CostRow) -> Paint {
    match row.slot {
        Some(slot) => Paint::Slot(slot),
        None if row.is_none() => Paint::NotSpecified,
        None => Paint::Other,
    }
}

fn swatch(paint: Paint) -> String {
    match paint {
        Paint::Slot(slot) => format!("s{}", u16::from(slot) + 1),
        Paint::Other => "so".to_owned(),
        Paint::NotSpecified => "sn".to_owned(),
    }
}

/// Do the rows, rounded each for itself, add up to something else than the rounded total?
fn is_rounded(costs: &Costs) -> bool {
    let places = format::places(&costs.currency);
    let step = 10_i128.pow(18_u32.saturating_sub(places));
    let rounded = |units: i128| {
        let text = billhook_money::format_places(units, places);
        billhook_money::parse(text.as_bytes()).map_or(units, |parsed| parsed.units) / step
    };
    let sum = costs.rows.iter().fold(0_i128, |sum, row| sum.saturating_add(rounded(row.amount.0)));
    sum != rounded(costs.total.0)
}

/// An entry of the legend.
#[derive(Debug, Clone)]
pub(crate) struct Legend {
    pub(crate) label: String,
    pub(crate) swatch: String,
    pub(crate) amount: Money,
    pub(crate) share: String,
}

/// The legend, from the top of the stack down.
pub(crate) fn legend(view: &View, costs: &Costs, shown: Shown<'_>) -> Vec<Legend> {
    let entry = |(paint, label, rows): (Paint, String, Vec<&CostRow>)| {
        let sum = rows.iter().fold(0_i128, |sum, row| sum.saturating_add(row.amount.0));
        Legend {
            label: format::visible(&label),
            swatch: swatch(paint),
            amount: shown.money(crate::api::Amount(sum)),
            share: format::share(sum, costs.total.0),
        }
    };
    bands(view, &costs.rows).into_iter().rev().map(entry).collect()
}

/// The figures by time: the same as the chart, in a table.
#[derive(Debug, Clone)]
pub(crate) struct Days {
    /// Names of the groups; none when they would be too many cells.
    pub(crate) groups: Vec<String>,
    pub(crate) rows: Vec<DayRow>,
}

/// A piece of time.
#[derive(Debug, Clone)]
pub(crate) struct DayRow {
    pub(crate) label: String,
    pub(crate) href: Option<String>,
    pub(crate) cells: Vec<Money>,
    pub(crate) total: Money,
    /// `no data yet`, `still arriving`, or nothing.
    pub(crate) note: &'static str,
    pub(crate) is_missing: bool,
}

impl Days {
    /// The figures of an answer by time.
    pub(crate) fn of(view: &View, costs: &Costs, shown: Shown<'_>) -> Self {
        let most = if costs.before.is_some() { MOST_COMPARED } else { MOST_CELLS };
        let is_small = costs.buckets.len().saturating_mul(costs.rows.len()) <= most;
        let groups: &[CostRow] = if is_small { &costs.rows } else { &[] };
        let rows = costs.buckets.iter().enumerate().map(|(at, bucket)| DayRow {
            label: bucket_name(&bucket.label),
            href: inside(view, &bucket.label),
            cells: groups
                .iter()
                .map(|row| shown.money(row.values.get(at).copied().unwrap_or_default()))
                .collect(),
            total: shown.money(bucket.total),
            note: match (bucket.is_missing, bucket.is_settling) {
                (true, _) => "no data yet",
                (false, true) => "still arriving",
                (false, false) => "",
            },
            is_missing: bucket.is_missing,
        });
        let names = groups.iter().map(|row| format::visible(&row.label));
        Self { groups: names.collect(), rows: rows.collect() }
    }
}

/// `14 Nov 2026`, `Nov 2026` or `14 Nov 2026 05:00` of a bucket.
fn bucket_name(label: &str) -> String {
    let (day, hour) = label.split_once('T').unwrap_or((label, ""));
    match (NaiveDate::parse_from_str(day, "%Y-%m-%d"), hour) {
        (Ok(day), "") => format::day(day),
        (Ok(day), hour) => format!("{} {hour}", format::day(day)),
        (Err(_), _) => format::month(label),
    }
}

/// Something that is not in the figures.
#[derive(Debug, Clone)]
pub(crate) struct Missing {
    pub(crate) what: String,
    pub(crate) count: String,
    pub(crate) amount: Option<Money>,
    pub(crate) currency: String,
    pub(crate) href: String,
}

impl Missing {
    pub(crate) fn left_out(one: &NotInView) -> Self {
        let shown = Shown { currency: &one.currency, is_exact: false };
        Self {
            what: format::visible(&one.what),
            count: format::grouped(one.count),
            amount: one.amount.map(|amount| shown.money(amount)),
            currency: one.currency.clone(),
            href: one.href.clone(),
        }
    }

    pub(crate) fn without(one: &Without) -> Self {
        let shown = Shown { currency: &one.currency, is_exact: false };
        Self {
            what: one.condition.clone(),
            count: format::grouped(one.lines),
            amount: Some(shown.money(one.amount)),
            currency: one.currency.clone(),
            href: one.href.clone(),
        }
    }
}

/// `data through 18 Nov 2026`.
pub(crate) fn through(day: Option<&str>) -> String {
    let day = day.and_then(|day| NaiveDate::parse_from_str(day, "%Y-%m-%d").ok());
    day.map_or_else(String::new, |day| format!("data through {}", format::day(day)))
}

/// `1–18 Oct 2026` of a first day and the day after the last one.
pub(crate) fn short_days(from: &str, to: &str) -> String {
    let day = |text: &str| NaiveDate::parse_from_str(text, "%Y-%m-%d").ok();
    let (Some(from), Some(to)) = (day(from), day(to)) else { return String::new() };
    let days = super::picker::days(billhook_engine::period::DayRange { from, to });
    days.split(" (").next().unwrap_or_default().to_owned()
}

/// What a group without a value is called.
pub(crate) fn shown_value(value: Option<&str>) -> String {
    value.map_or_else(|| NOT_SPECIFIED.to_owned(), format::visible)
}

#[cfg(test)]
mod tests {
    use super::{bucket_name, next, short_days};
    use crate::ask::pairs;
    use crate::view::View;

    #[test]
    fn the_next_grouping_is_one_that_is_not_settled() {
        let view = |query: &str| View::parse(&pairs(query.as_bytes())).unwrap();
        for (query, expected) in [
            ("", "x_UsageType"),
            ("by=tag:team", "ServiceName"),
            ("by=x_UsageType", "ResourceId"),
            ("by=tag:team&is.ServiceName=a", "x_UsageType"),
        ] {
            assert_eq!(next(&view(query)), [expected], "{query}");
        }
    }

    #[test]
    fn times_are_named_for_people() {
        assert_eq!(bucket_name("2026-11-14"), "14 Nov 2026");
        assert_eq!(bucket_name("2026-11"), "Nov 2026");
        assert_eq!(bucket_name("2026-11-14T05:00"), "14 Nov 2026 05:00");
        assert_eq!(short_days("2026-10-01", "2026-10-19"), "1\u{2013}18 Oct 2026");
    }
}
