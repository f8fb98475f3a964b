//! What a delivery changed, in words.

use std::collections::BTreeSet;

use billhook_engine::deliveries::Delivered;
use chrono::NaiveDate;

use crate::api::history::{ChangedGroup, ChangedTotal, SliceDelivery};
use crate::format;

/// Groups that a sentence names.
const NAMED: usize = 2;

/// What is told of.
pub(super) struct Told<'a> {
    pub(super) found: &'a SliceDelivery,
    /// Number of the delivery compared with.
    pub(super) against: usize,
    pub(super) before: Option<&'a Delivered>,
    pub(super) now: &'a Delivered,
    /// All groups that changed, the largest first.
    pub(super) steps: &'a [ChangedGroup],
    pub(super) days: Option<(NaiveDate, NaiveDate)>,
}

impl Told<'_> {
    /// The story, a sentence each.
    pub(super) fn sentences(&self) -> Vec<String> {
        let month = long_month(&self.now.period);
        if self.before.is_none() && self.found.number == 1 {
            let sums =
                self.found.totals.iter().map(|total| {
                    format!("{} {}", total.new.shown(&total.currency), total.currency)
                });
            let sums: Vec<String> = sums.collect();
            let rows = format::grouped(self.now.line_items);
            let sums = if sums.is_empty() { "nothing".to_owned() } else { sums.join(" and ") };
            return vec![format!(
                "This is the first delivery of {month}: {sums} in {rows} lines. When AWS changes \
                 the month, the difference will be here."
            )];
        }
        if self.steps.is_empty() {
            return vec![format!("Same figures: nothing of {month} changed.")];
        }
        let mut sentences: Vec<String> =
            self.found.totals.iter().filter_map(|total| self.of(total, &month)).collect();
        if let Some((first, last)) = self.days {
            sentences.push(format!("Days touched: {}.", days(first, last)));
        }
        sentences
    }

    /// What changed in one currency; nothing when nothing did.
    fn of(&self, total: &ChangedTotal, month: &str) -> Option<String> {
        let currency = &total.currency;
        let steps: Vec<&ChangedGroup> =
            self.steps.iter().filter(|step| step.currency == *currency).collect();
        if steps.is_empty() {
            return None;
        }
        let is_next = self.against + 1 == self.found.number;
        let change = total.change.0;
        let by = format!("{} {currency}", format::money(size(change), currency));
        let begin = match (is_next, change) {
            (true, 0) => format!("This delivery left {month} at the same sum of {currency}"),
            (true, 1..) => format!("This delivery raised {month} by {by}"),
            (true, _) => format!("This delivery lowered {month} by {by}"),
            (false, 0) => format!("{} left {month} at the same sum of {currency}", self.both()),
            (false, 1..) => format!("{} raised {month} by {by}", self.both()),
            (false, _) => format!("{} lowered {month} by {by}", self.both()),
        };
        let mut parts: Vec<String> =
            steps.iter().take(NAMED).map(|step| phrase(step, currency)).collect();
        let others = steps.get(NAMED..).unwrap_or_default();
        if !others.is_empty() {
            let sum = others.iter().fold(0_i128, |sum, step| sum.saturating_add(step.change.0));
            let changes = if others.len() == 1 { "smaller change" } else { "smaller changes" };
            parts.push(format!(
                "{} {changes} that come to {}",
                format::grouped(u64::try_from(others.len()).unwrap_or(u64::MAX)),
                format::change(sum, currency)
            ));
        }
        Some(format!("{begin}: {}.", listed(&parts)))
    }

    /// The deliveries after the older one, up to the newer one.
    fn both(&self) -> String {
        format!("Deliveries {} to {}", self.against + 1, self.found.number)
    }
}

/// A change of a group: `443.57 more credit on Amazon EC2`.
fn phrase(step: &ChangedGroup, currency: &str) -> String {
    let change = step.change.0;
    let amount = format::money(size(change), currency);
    let word = |more: bool| if more { "more" } else { "less" };
    let none = || "what names no service".to_owned();
    let service = step.service.as_deref().map_or_else(none, format::visible);
    match step.category.as_deref() {
        Some("Credit") => format!("{amount} {} credit on {service}", word(change < 0)),
        Some("Tax") => format!("{amount} {} tax", word(change > 0)),
        Some("Usage") => format!("{amount} {} for usage of {service}", word(change > 0)),
        Some("Purchase") => format!("{amount} {} for purchases of {service}", word(change > 0)),
        Some("Adjustment") => format!("{amount} {} by adjustments of {service}", word(change > 0)),
        _ => format!("{amount} {} on {service}", word(change > 0)),
    }
}

/// The amount without its sign.
fn size(units: i128) -> i128 {
    units.saturating_abs()
}

/// `a`, `a, and b`, `a, b, and c`.
fn listed(parts: &[String]) -> String {
    match parts {
        [] => String::new(),
        [only] => only.clone(),
        [first @ .., last] => format!("{}, and {last}", first.join(", ")),
    }
}

/// `1–31 Oct`, `30 Sep – 2 Oct`, `4 Oct`.
fn days(first: NaiveDate, last: NaiveDate) -> String {
    if first == last {
        return format::short_day(first);
    }
    let month = |day: NaiveDate| day.format("%b %Y").to_string();
    if month(first) == month(last) {
        format!("{}\u{2013}{}", first.format("%-d"), format::short_day(last))
    } else {
        format!("{} \u{2013} {}", format::short_day(first), format::short_day(last))
    }
}

/// `October 2026` of `2026-10`.
pub(crate) fn long_month(period: &str) -> String {
    let first = NaiveDate::parse_from_str(&format!("{period}-01"), "%Y-%m-%d");
    first.map_or_else(|_| period.to_owned(), |first| first.format("%B %Y").to_string())
}

/// What is different about a delivery itself: its kind, how fine it is, its accounts and columns.
pub(super) fn shape(before: Option<&Delivered>, now: &Delivered) -> Vec<String> {
    let Some(before) = before else { return Vec::new() };
    let mut told = Vec::new();
    for (what, old, new) in [
        ("Kind of report", &before.kind, &now.kind),
        ("Granularity", &before.granularity, &now.granularity),
        ("State of the month", &before.state, &now.state),
    ] {
        if old != new {
            told.push(format!(
                "{what}: {} before, now {}.",
                format::visible(old),
                format::visible(new)
            ));
        }
    }
    let sums = |one: &Delivered| one.sums.keys().cloned().collect::<Vec<_>>();
    for (what, old, new) in [
        ("Billing accounts", before.accounts.clone(), now.accounts.clone()),
        ("Cost columns", sums(before), sums(now)),
        ("Unknown columns", before.unknown_columns.clone(), now.unknown_columns.clone()),
    ] {
        let (old, new): (BTreeSet<String>, BTreeSet<String>) =
            (old.into_iter().collect(), new.into_iter().collect());
        for (word, names) in [("new", &new - &old), ("gone", &old - &new)] {
            let names: Vec<String> = names.iter().map(|name| format::visible(name)).collect();
            if !names.is_empty() {
                told.push(format!("{what}: {word} {}.", names.join(", ")));
            }
        }
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::{Amount, Instant};

    const UNIT: i128 = 1_000_000_000_000_000_000;

    fn step(service: &str, category: &str, change: i128) -> ChangedGroup {
        ChangedGroup {
            currency: "USD".to_owned(),
            day: None,
            service: Some(service.to_owned()),
            account: None,
            account_name: None,
            category: Some(category.to_owned()),
            old: Amount(0),
            new: Amount(change),
            change: Amount(change),
        }
    }

    fn found(number: usize, change: i128) -> SliceDelivery {
        SliceDelivery {
            number,
            revision: "r".to_owned(),
            loaded_at: Instant(0),
            state: "reopened".to_owned(),
            rows: 0,
            totals: vec![ChangedTotal {
                currency: "USD".to_owned(),
                old: Amount(0),
                new: Amount(change),
                change: Amount(change),
            }],
            href: String::new(),
        }
    }

    #[test]
    fn a_restatement_is_told_as_people_would() {
        let now = Delivered { period: "2026-10".to_owned(), ..Delivered::default() };
        let before = now.clone();
        let found = found(13, -412 * UNIT);
        let steps = [step("Amazon EC2", "Credit", -443 * UNIT), step("Tax", "Tax", 31 * UNIT)];
        let day = |day| NaiveDate::from_ymd_opt(2026, 10, day).unwrap();
        let told = Told {
            found: &found,
            against: 12,
            before: Some(&before),
            now: &now,
            steps: &steps,
            days: Some((day(1), day(31))),
        };
        assert_eq!(
            told.sentences(),
            [
                "This delivery lowered October 2026 by 412.00 USD: 443.00 more credit on \
                 Amazon EC2, and 31.00 more tax.",
                "Days touched: 1\u{2013}31 Oct.",
            ]
        );
        let nothing = Told { steps: &[], days: None, ..told };
        assert_eq!(nothing.sentences(), ["Same figures: nothing of October 2026 changed."]);
    }

    #[test]
    fn what_a_delivery_is_made_of_is_compared() {
        let before = Delivered { unknown_columns: vec!["a".to_owned()], ..Delivered::default() };
        let now = Delivered {
            unknown_columns: vec!["b".to_owned()],
            granularity: "hourly".to_owned(),
            ..Delivered::default()
        };
        assert_eq!(
            shape(Some(&before), &now),
            [
                "Granularity: (empty) before, now hourly.",
                "Unknown columns: new b.",
                "Unknown columns: gone a.",
            ]
        );
        assert!(shape(None, &now).is_empty());
    }
}
