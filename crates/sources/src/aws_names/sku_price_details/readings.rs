//! How the phrases in product attributes are read: sizes, speeds, disks, series.
//!
//! Each returns `None` for what it does not understand for certain; that then keeps its text.

use super::decimal::Decimal;
use super::json::Value;

/// First words of instance types that are a service's mark and not the series.
const SERVICE_MARKS: [&str; 6] = ["cache", "dax", "db", "kafka", "ml", "mq"];

pub(super) fn number(text: &str) -> Option<Value<'_>> {
    Decimal::parse(text).map(Value::Number)
}

pub(super) fn whole_number(text: &str) -> Option<Value<'_>> {
    Decimal::parse(text).filter(|count| count.is_whole()).map(Value::Number)
}

/// `16 GiB`, `1,952 GiB` or the plain number, in GiB.
pub(super) fn gibibytes(text: &str) -> Option<Value<'_>> {
    number(text.strip_suffix("GiB").unwrap_or(text).trim_end())
}

/// `10 Gigabit`, `500 Megabit`, in Mbps. `Up to 10 Gigabit` is a burst, not a throughput.
pub(super) fn megabits(text: &str) -> Option<Value<'_>> {
    let (speed, unit) = text.split_once(' ')?;
    let factor = match unit {
        "Gigabit" => 1000,
        "Megabit" => 1,
        _ => return None,
    };
    Decimal::parse(speed)?.times(Decimal::from(factor)).map(Value::Number)
}

/// Words such as `Multi-AZ`. A percentage or a number of nines is no redundancy.
pub(super) fn redundancy(text: &str) -> Option<Value<'_>> {
    (!text.contains(|c: char| c.is_ascii_digit())).then_some(Value::Text(text))
}

/// `db.r5.large` → `db.r5`, `m5.large` → `m5`: the type up to its size.
pub(super) fn series(instance_type: &str) -> Option<&str> {
    let (first, rest) = instance_type.split_once('.')?;
    let end = if SERVICE_MARKS.contains(&first) {
        first.len() + 1 + rest.find('.')?
    } else {
        first.len()
    };
    instance_type.get(..end).filter(|series| !series.is_empty())
}

/// Total space in GiB and the disks' type, of `2 x 1900 NVMe SSD`, `900 GB NVMe SSD` or `60GB`.
/// AWS writes GB for what FOCUS calls GiB; terabytes are left alone.
pub(super) fn storage(text: &str) -> Option<(Decimal, Option<&str>)> {
    let (count, size) = match text.split_once(" x ") {
        Some((count, size)) => (Decimal::parse(count.trim())?, size.trim_start()),
        None => (Decimal::from(1), text),
    };
    let end = size.find(|c: char| !matches!(c, '0'..='9' | '.' | ',')).unwrap_or(size.len());
    let (space, rest) = size.split_at_checked(end)?;
    let total = Decimal::parse(space)?.times(count)?;
    let (has_unit, kind) = match rest.trim_start().strip_prefix("GB") {
        Some(kind) => (true, kind),
        None => (false, rest),
    };
    // A plain number without disks is in no known unit, and `1 x 2 TB` is in another.
    let is_separated = kind.is_empty() || kind.starts_with(' ');
    let kind = kind.trim();
    let is_kind = kind.starts_with(|c: char| c.is_ascii_alphabetic()) && !kind.starts_with("TB");
    if !is_separated || !(is_kind || (kind.is_empty() && has_unit)) {
        return None;
    }
    Some((total, Some(kind).filter(|kind| !kind.is_empty())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number_of(value: Option<Value<'_>>) -> Option<String> {
        value.map(|value| match value {
            Value::Number(number) => number.to_string(),
            Value::Text(text) => panic!("{text} is text"),
        })
    }

    #[test]
    fn memory_is_in_gib() {
        for (text, expected) in [
            ("16 GiB", Some("16")),
            ("1,952 GiB", Some("1952")),
            ("0.5 GiB", Some("0.5")),
            ("16.0", Some("16")),
            ("3.75GiB", Some("3.75")),
            ("512 MiB", None),
            ("GiB", None),
        ] {
            assert_eq!(number_of(gibibytes(text)).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn network_speed_is_in_mbps() {
        for (text, expected) in [
            ("10 Gigabit", Some("10000")),
            ("12.5 Gigabit", Some("12500")),
            ("500 Megabit", Some("500")),
            ("Up to 10 Gigabit", None),
            ("4x 100 Gigabit", None),
            ("Moderate", None),
            ("High", None),
        ] {
            assert_eq!(number_of(megabits(text)).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn counts_are_whole() {
        assert_eq!(number_of(whole_number("96")).as_deref(), Some("96"));
        assert_eq!(number_of(whole_number("0.25")), None);
        assert_eq!(number_of(number("0.25")).as_deref(), Some("0.25"));
    }

    #[test]
    fn storage_is_space_and_type() {
        for (text, expected) in [
            ("1 x 900 NVMe SSD", Some(("900", Some("NVMe SSD")))),
            ("2 x 1900 NVMe SSD", Some(("3800", Some("NVMe SSD")))),
            ("24 x 2000 HDD", Some(("48000", Some("HDD")))),
            ("8 x 7,500 GB AWS Nitro SSD", Some(("60000", Some("AWS Nitro SSD")))),
            ("900 GB NVMe SSD", Some(("900", Some("NVMe SSD")))),
            ("60GB", Some(("60", None))),
            ("60 GB", Some(("60", None))),
            ("237.5 GB", Some(("237.5", None))),
            ("60", None),
            ("1 x 2 TB", None),
            ("1 x 2 TB SSD", None),
            ("60GBs", None),
            ("EBS only", None),
            ("x x SSD", None),
            ("", None),
        ] {
            let read = storage(text);
            let read = read.as_ref().map(|(space, kind)| (space.to_string(), *kind));
            let read = read.as_ref().map(|(space, kind)| (space.as_str(), *kind));
            assert_eq!(read, expected, "{text}");
        }
    }

    #[test]
    fn the_series_keeps_the_services_mark() {
        for (kind, expected) in [
            ("m5.large", Some("m5")),
            ("db.r5.large", Some("db.r5")),
            ("cache.t3.micro", Some("cache.t3")),
            ("ml.m5.xlarge-Training", Some("ml.m5")),
            ("m5.large.search", Some("m5")),
            ("m5", None),
            ("db.r5", None),
            (".large", None),
        ] {
            assert_eq!(series(kind), expected, "{kind}");
        }
    }

    #[test]
    fn nines_are_no_redundancy() {
        assert_eq!(redundancy("Multi-AZ"), Some(Value::Text("Multi-AZ")));
        assert_eq!(redundancy("99.99%"), None);
    }
}
