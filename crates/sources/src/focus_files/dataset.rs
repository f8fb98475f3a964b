//! Which files without a manifest belong together: those of one folder whose names differ in a
//! month or in a chunk number only.

use crate::delivery::Delivery;
use crate::discover::{base, natural};

/// Separators between the parts of a file name.
const SEPARATORS: [char; 4] = ['-', '_', '.', ' '];

/// The name of the dataset that a file belongs to: its own name without endings, month and chunk
/// number. `focus-2026-05-00001.csv.gz` and `focus_202606.csv.gz` are both of `focus`. A whole date
/// stays: of two days' files nobody knows whether the later one replaces the earlier one.
#[must_use]
pub fn name(file: &str) -> String {
    let mut name = without_month(base(file));
    loop {
        let head = without_number(&name);
        if head.len() == name.len() {
            break;
        }
        name.truncate(head.len());
    }
    // Spark: part-00000-<uuid>-c000; BigQuery: name000000000000.
    if let Some(rest) = name.strip_prefix("part-")
        && rest.len() > 6
        && rest.as_bytes()[..5].iter().all(u8::is_ascii_digit)
    {
        return "part".to_owned();
    }
    let head = name.trim_end_matches(|c: char| c.is_ascii_digit());
    if name.len() - head.len() == 12 && !head.is_empty() {
        name.truncate(head.len());
    }
    name.trim_matches(SEPARATORS).to_owned()
}

/// Joins deliveries whose files are parts of one dataset. Deliveries of other products stay.
#[must_use]
pub fn join(deliveries: Vec<Delivery>) -> Vec<Delivery> {
    let mut joined: Vec<Delivery> = Vec::new();
    for mut delivery in deliveries {
        let (Some(mapping), Some(first)) = (delivery.mapping, delivery.files.first()) else {
            joined.push(delivery);
            continue;
        };
        let report = name(&first.name);
        // Discovery's identity starts with the report between bars, then folder and packing.
        let place = delivery.identity.get(delivery.report.len() + 2..).unwrap_or_default();
        let folder = place.split('|').next().unwrap_or_default().rsplit('/').next();
        let named = [report.as_str(), folder.unwrap_or_default(), "focus"];
        let identity = format!("{}|{report}|{place}", mapping.kind);
        let named = named.into_iter().find(|name| !name.is_empty()).unwrap_or("focus").to_owned();
        delivery.report = named;
        delivery.identity = identity;
        match joined.iter_mut().find(|other| other.identity == delivery.identity) {
            Some(other) => other.files.extend(delivery.files),
            None => joined.push(delivery),
        }
    }
    for delivery in &mut joined {
        delivery.files.sort_by_key(|file| natural(file.meta.location.as_ref()));
    }
    joined
}

/// The name without the months in it.
fn without_month(name: &str) -> String {
    let bytes = name.as_bytes();
    let digits = |from: usize, count: usize| {
        bytes.get(from..from + count).is_some_and(|part| part.iter().all(u8::is_ascii_digit))
    };
    let is_separator = |at: usize| bytes.get(at).is_some_and(|b| b"-_.".contains(b));
    let number = |from: usize| name.get(from..from + 2).and_then(|n| n.parse::<u8>().ok());
    let mut kept = String::new();
    let mut at = 0;
    while at < name.len() {
        let starts = at == 0 || !bytes[at - 1].is_ascii_digit();
        if starts && digits(at, 4) && bytes[at..].starts_with(b"20") {
            let month = at + 4 + usize::from(is_separator(at + 4));
            let is_month = digits(month, 2) && number(month).is_some_and(|m| (1..=12).contains(&m));
            let day = month + 2 + usize::from(is_separator(month + 2));
            let is_whole_date = digits(day, 2) && !digits(day, 3);
            let is_bounded = !digits(month + 2, 1);
            if is_month && is_bounded && !is_whole_date {
                at = month + 2;
                continue;
            }
            let end = if is_month && is_whole_date { day + 2 } else { at + 4 };
            kept.push_str(&name[at..end]);
            at = end;
            continue;
        }
        let width = name[at..].chars().next().map_or(1, char::len_utf8);
        kept.push_str(&name[at..at + width]);
        at += width;
    }
    kept.trim_end_matches(SEPARATORS).to_owned()
}

/// The name without a number behind `-` or `_` at its end, unless it is the day of a date.
fn without_number(name: &str) -> &str {
    let Some((head, number)) = name.rsplit_once(['-', '_']) else { return name };
    let is_number = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
    let tail: String = name.chars().rev().take(10).collect::<String>().chars().rev().collect();
    let dashed = tail.replace('_', "-");
    let is_date = chrono::NaiveDate::parse_from_str(&dashed, "%Y-%m-%d").is_ok()
        || (number.len() == 8 && chrono::NaiveDate::parse_from_str(number, "%Y%m%d").is_ok());
    if is_number && !is_date && !head.is_empty() { head } else { name }
}

#[cfg(test)]
mod tests {
    use super::name;

    #[test]
    fn months_and_chunks_are_no_part_of_the_name() {
        for (file, expected) in [
            ("focus-2026-05.csv", "focus"),
            ("focus_202606.csv.gz", "focus"),
            ("focus-2026-05-00001.csv.gz", "focus"),
            ("2026-05-focus.csv", "focus"),
            ("focus-00001.snappy.parquet", "focus"),
            ("part_0_0001.csv.gz", "part"),
            ("part-00000-2f8a-4c-c000.snappy.parquet", "part"),
            ("export000000000003.parquet", "export"),
            ("2026-05.csv", ""),
            ("focus-1.4-restated.csv", "focus-1.4-restated"),
            ("focus-1.4.csv", "focus-1.4"),
            ("focus-2026-05-01.csv", "focus-2026-05-01"),
            ("focus_20260501.csv", "focus_20260501"),
            ("größe-2026-05.csv", "größe"),
        ] {
            assert_eq!(name(file), expected, "{file}");
        }
    }
}
