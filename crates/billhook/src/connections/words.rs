//! Times and reasons in words.

const MINUTE: i64 = 60_000_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// Up to here hours still matter.
const DAYS: i64 = 2 * DAY;

/// `2026-11-21 15:30` (UTC) of microseconds since 1970 UTC.
pub(crate) fn moment(micros: i64) -> String {
    let time = chrono::DateTime::from_timestamp_micros(micros);
    time.map(|time| time.format("%Y-%m-%d %H:%M").to_string()).unwrap_or_default()
}

/// How long ago it was: `3h ago`.
pub(crate) fn ago(then: i64, now: i64) -> String {
    match now.saturating_sub(then) {
        ..MINUTE => "just now".to_owned(),
        span => format!("{} ago", length(span)),
    }
}

/// How long it is until then: `in 3h`.
pub(crate) fn until(then: i64, now: i64) -> String {
    match then.saturating_sub(now) {
        ..=0 => "now".to_owned(),
        span => format!("in {}", length(span)),
    }
}

/// A span in the unit that leaves a small number of it.
pub(super) fn length(span: i64) -> String {
    match span {
        ..MINUTE => "1m".to_owned(),
        MINUTE..HOUR => format!("{}m", span / MINUTE),
        HOUR..DAYS => format!("{}h", span / HOUR),
        _ => format!("{}d", span / DAY),
    }
}

/// The first line of a mend; `verify` prints the others.
pub(crate) fn first_line(fix: &str) -> &str {
    fix.lines().next().unwrap_or_default().trim_end_matches(':')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_short() {
        let now = 1_790_000_000_000_000;
        for (span, text) in [
            (0, "just now"),
            (MINUTE - 1, "just now"),
            (MINUTE, "1m ago"),
            (59 * MINUTE, "59m ago"),
            (HOUR, "1h ago"),
            (47 * HOUR, "47h ago"),
            (72 * HOUR, "3d ago"),
        ] {
            assert_eq!(ago(now - span, now), text);
        }
        for (span, text) in [(-5, "now"), (0, "now"), (1, "in 1m"), (4 * HOUR + 7, "in 4h")] {
            assert_eq!(until(now + span, now), text);
        }
        assert_eq!(moment(now), "2026-09-21 14:13");
    }
}
