//! Points in time as AWS and re-exports of its files write them.

use chrono::{DateTime, NaiveDate, NaiveDateTime};

use crate::format::Kind;

/// Microseconds since 1970-01-01 UTC of a column of the given kind.
#[must_use]
pub(crate) fn parse(kind: Kind, text: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(text).ok()?;
    match kind {
        Kind::IntervalStart => instant(text.split_once('/')?.0),
        Kind::IntervalEnd => instant(text.split_once('/')?.1),
        Kind::ZonedTime => zoned(text),
        _ => instant(text),
    }
}

/// RFC 3339 and what providers write in its place: `2026-06-01T00:00Z`, `2026-06-01 00:00:00 UTC`,
/// `2026-05-31T20:00-05:00`, `…+0000`. A time without a zone is none: nobody knows when it is.
fn zoned(text: &str) -> Option<i64> {
    let text = text.trim();
    let text = text.strip_suffix(" UTC").map_or_else(|| text.to_owned(), |t| format!("{t}Z"));
    let formats = [
        "%Y-%m-%dT%H:%M:%S%.f%#z",
        "%Y-%m-%d %H:%M:%S%.f%#z",
        "%Y-%m-%dT%H:%M%#z",
        "%Y-%m-%d %H:%M%#z",
    ];
    let moment = formats.iter().find_map(|f| DateTime::parse_from_str(&text, f).ok());
    Some(moment?.timestamp_micros())
}

/// `2023-11-01T00:00:00Z`, `…T00:00:00.000Z`, `2023-11-01 00:00:00[.000]`, `2023-11-01`, and the
/// manifest's `20231101T000000.000Z`; with `+00:00` in place of `Z`. Monthly billing reports write
/// `2023/11/01 00:00:00`. All UTC.
#[must_use]
pub(crate) fn instant(text: &str) -> Option<i64> {
    let text = text.trim();
    let text = text.strip_suffix('Z').or_else(|| text.strip_suffix("+00:00")).unwrap_or(text);
    let text = text.strip_suffix(" UTC").unwrap_or(text);
    let formats =
        ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f", "%Y%m%dT%H%M%S%.f", "%Y/%m/%d %H:%M:%S"];
    let moment = formats.iter().find_map(|f| NaiveDateTime::parse_from_str(text, f).ok());
    let moment = moment.or_else(|| {
        let dates = ["%Y-%m-%d", "%Y%m%d"];
        let date = dates.iter().find_map(|f| NaiveDate::parse_from_str(text, f).ok())?;
        date.and_hms_opt(0, 0, 0)
    });
    Some(moment?.and_utc().timestamp_micros())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_with_a_zone() {
        let expected = Some(1_698_800_400_000_000);
        for text in [
            "2023-11-01T01:00:00Z",
            "2023-11-01T01:00:00.000Z",
            "2023-11-01T01:00Z",
            "2023-11-01 01:00:00 UTC",
            "2023-11-01 01:00 UTC",
            "2023-10-31T20:00-05:00",
            "2023-11-01T01:00:00+0000",
        ] {
            assert_eq!(parse(Kind::ZonedTime, text.as_bytes()), expected, "{text}");
        }
        for text in ["2023-11-01T01:00:00", "2023-11-01 01:00:00", "2023-11-01", "11/1/25", "null"]
        {
            assert_eq!(parse(Kind::ZonedTime, text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn every_form_of_the_format_page() {
        let expected = Some(1_698_800_400_000_000);
        for text in [
            "2023-11-01T01:00:00Z",
            "2023-11-01T01:00:00.000Z",
            "2023-11-01 01:00:00",
            "2023-11-01 01:00:00.000",
            "2023-11-01T01:00:00+00:00",
            "2023/11/01 01:00:00",
            "20231101T010000Z",
            "20231101T010000.000Z",
        ] {
            assert_eq!(instant(text), expected, "{text}");
        }
        assert_eq!(instant("2023-11-01"), Some(1_698_796_800_000_000));
        let interval = b"2023-11-01T00:00:00Z/2023-11-01T01:00:00Z";
        assert_eq!(parse(Kind::IntervalEnd, interval), expected);
        for text in ["", "yesterday", "2023-13-01", "2023-11-01T25:00:00Z", "01/11/2023"] {
            assert_eq!(instant(text), None, "{text}");
        }
    }
}
