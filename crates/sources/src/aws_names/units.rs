//! `pricing/unit` → FOCUS `PricingUnit` and `ConsumedUnit` (FOCUS Unit Format).
//!
//! A unit is renamed, never rescaled: `GB` stays `GB` although storage means GiB by it. The
//! caller keeps the raw text beside the result.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::table::rows;

const UNITS: &str = include_str!("data/units.csv");

/// Keyed by [`key`] of the raw unit.
static BY_RAW: LazyLock<HashMap<String, &'static str>> =
    LazyLock::new(|| rows(UNITS).map(|[raw, unit]| (key(raw), unit)).collect());

/// The FOCUS unit of AWS's unit; `None` when it is empty.
///
/// `Dollar` becomes `currency` (support fees bill a share of the spend). A unit that the table
/// lacks gets its time word spelled out (`Foo-Hrs` → `Foo-Hours`) and its block written as a
/// number (`1K chars` → `1000 Chars`); anything else stays as it is, as in AWS's own export.
#[must_use]
pub fn pricing_unit(raw: &str, currency: &str) -> Option<String> {
    let raw = raw.trim();
    if raw.is_empty() {
        return None;
    }
    if raw.eq_ignore_ascii_case("dollar") || raw.eq_ignore_ascii_case("dollars") {
        return Some(if currency.is_empty() { "Dollars" } else { currency }.to_owned());
    }
    if let Some(unit) = BY_RAW.get(&key(raw)) {
        return Some((*unit).to_owned());
    }
    // Met as units: `USE1-AmazonApiGateway-Request` and the form without the second hyphen.
    if raw.ends_with("AmazonApiGateway-Request") || raw.ends_with("AmazonApiGatewayRequest") {
        return Some("Requests".to_owned());
    }
    let unit = spelled_out_time(raw).or_else(|| block(raw)).unwrap_or_else(|| raw.to_owned());
    Some(conforming(&unit))
}

/// The unit with at most one `-`, before a time: FOCUS Unit Format has no place for others.
fn conforming(unit: &str) -> String {
    const TIMES: [&str; 6] = ["Years", "Months", "Days", "Hours", "Minutes", "Seconds"];
    let (head, time) = match unit.rsplit_once('-') {
        Some((head, tail)) if TIMES.contains(&tail) => (head, Some(tail)),
        _ => (unit, None),
    };
    let words = head.replace('-', " ");
    time.map_or_else(|| words.clone(), |time| format!("{words}-{time}"))
}

/// AWS varies the case of the word after the last hyphen only. The rest keeps its case, because
/// `GB` and `Gb` are different units.
fn key(raw: &str) -> String {
    match raw.rsplit_once('-') {
        Some((head, tail)) => format!("{head}-{}", tail.to_ascii_lowercase()),
        None => raw.to_owned(),
    }
}

fn spelled_out_time(raw: &str) -> Option<String> {
    let (head, tail) = match raw.rsplit_once('-') {
        Some((head, tail)) => (Some(head).filter(|head| !head.is_empty()), tail),
        None => (None, raw),
    };
    let time = match tail.to_ascii_lowercase().as_str() {
        "hr" | "hrs" | "hour" | "hours" => "Hours",
        "mo" | "month" | "months" => "Months",
        "second" | "seconds" => "Seconds",
        "minute" | "minutes" => "Minutes",
        "day" | "days" => "Days",
        "year" | "years" => "Years",
        _ => return None,
    };
    Some(head.map_or_else(|| time.to_owned(), |head| format!("{head}-{time}")))
}

/// `1K tokens` → `1000 Tokens`, `10M events` → `10000000 Events`.
fn block(raw: &str) -> Option<String> {
    let (size, noun) = raw.split_once(' ')?;
    let zeros = match size.bytes().last()? {
        b'K' | b'k' => "000",
        b'M' => "000000",
        _ => return None,
    };
    let count = &size[..size.len() - 1];
    let is_count = !count.starts_with('0') && count.bytes().all(|b| b.is_ascii_digit());
    let mut letters = noun.trim_start().chars();
    let first = letters.next().filter(char::is_ascii_alphabetic)?.to_ascii_uppercase();
    (is_count && !count.is_empty()).then(|| format!("{count}{zeros} {first}{}", letters.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unit(raw: &str) -> String {
        pricing_unit(raw, "USD").unwrap()
    }

    #[test]
    fn every_row_maps_as_written() {
        let mut count = 0;
        for [raw, expected] in rows(UNITS) {
            assert_eq!(unit(raw), expected, "{raw}");
            assert_eq!(unit(expected), expected, "{expected} must stay what it is");
            count += 1;
        }
        assert_eq!(count, UNITS.lines().count() - 1);
    }

    #[test]
    fn the_last_words_case_does_not_matter_the_heads_does() {
        assert_eq!(unit("LCU-HRS"), "LCU-Hours");
        assert_eq!(unit("GiBps-Mo"), "GiB/Second-Months");
        assert_eq!(unit(" GB-mo "), "GB-Months");
        assert_eq!(unit("Gb"), "Gb");
    }

    #[test]
    fn unknown_units_get_their_time_spelled_out() {
        assert_eq!(unit("Widget-hrs"), "Widget-Hours");
        assert_eq!(unit("vCPU-Second"), "vCPU-Seconds");
        assert_eq!(unit("Big-Widget-YEAR"), "Big Widget-Years");
        assert_eq!(unit("Days"), "Days");
        assert_eq!(unit("day"), "Days");
        assert_eq!(unit("-hrs"), "Hours");
        assert_eq!(unit("Widgets"), "Widgets");
        assert_eq!(unit("USE1-AmazonApiGateway-Request"), "Requests");
        assert_eq!(unit("EU-AmazonApiGatewayRequest"), "Requests");
    }

    #[test]
    fn blocks_are_numbers() {
        assert_eq!(unit("1K characters"), "1000 Characters");
        assert_eq!(unit("10M Events"), "10000000 Events");
        for raw in ["K events", "1.5M events", "4K video", "100 Pages", "1K é", "é x", "0K x"] {
            let expected = if raw == "4K video" { "4000 Video" } else { raw };
            assert_eq!(unit(raw), expected);
        }
    }

    #[test]
    fn dollars_are_the_rows_currency() {
        assert_eq!(pricing_unit("Dollar", "EUR").as_deref(), Some("EUR"));
        assert_eq!(pricing_unit("dollars", "USD").as_deref(), Some("USD"));
        assert_eq!(pricing_unit("Dollar", "").as_deref(), Some("Dollars"));
        assert_eq!(pricing_unit("  ", "USD"), None);
    }
}
