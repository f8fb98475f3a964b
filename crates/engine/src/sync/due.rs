//! When a connection is to be synchronised. Nothing here reads a clock: times are microseconds
//! since 1970 UTC, given by the caller.
//!
//! Connections whose schedules read the same do not all begin at the same moment: each has a delay
//! of its own, made of its id and always the same.

use billhook_registry::{Connection, Outcome, Run, Schedule};
use chrono::{DateTime, Days, NaiveDate, TimeDelta, TimeZone};
use chrono_tz::{TZ_VARIANTS, Tz};
use sha2::{Digest, Sha256};

use crate::EngineError;
use crate::report::nearest;

const MINUTE: i64 = 60_000_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;

/// Of a period of hours a tenth is the longest delay, and never more than this.
const LONGEST_DELAY: i64 = 15 * MINUTE;

/// The longest delay after the hour of a day.
const LONGEST_DAILY_DELAY: i64 = 5 * MINUTE;

/// How long after a failure that may pass the next run is; twice as long after each other one.
const FIRST_WAIT: i64 = 5 * MINUTE;

/// Days around today among which there is one that has the hour. A country that moved across the
/// date line has left out one.
const DAYS: u64 = 4;

/// Refuses a schedule whose time zone there is not.
///
/// # Errors
/// [`EngineError::Usage`], with names that are near.
pub fn check(schedule: &Schedule) -> Result<(), EngineError> {
    let Schedule::Daily { time_zone, .. } = schedule else { return Ok(()) };
    if time_zone.parse::<Tz>().is_ok() {
        return Ok(());
    }
    let names: Vec<String> = TZ_VARIANTS.iter().map(|zone| zone.name().to_owned()).collect();
    let mut near = nearest(time_zone, &names);
    near.truncate(3);
    Err(EngineError::Usage(format!(
        "there is no time zone {time_zone}; near are {}",
        near.join(", ")
    )))
}

/// When a connection is due next, given its runs, the newest first: `now` when it is due, `None`
/// when only somebody can start it.
///
/// Runs that were cut short do not count: what they left is due at once. Nor do those of a single
/// month. After a run that failed for a trouble that may pass, the next one does not wait for the
/// schedule.
#[must_use]
pub fn next(connection: &Connection, runs: &[Run], now: i64) -> Option<i64> {
    if connection.paused_since.is_some() {
        return None;
    }
    let mut ended = runs.iter().filter(|run| is_whole(run));
    let last = ended.next();
    let last_started = last.map(|run| run.started_at);
    let regular = next_run(&connection.schedule, connection.id.as_str(), last_started, now)?;
    let Some(last) = last.filter(|run| is_passing(run)) else { return Some(regular) };
    let earlier = ended.take_while(|run| is_passing(run));
    let longest = period(&connection.schedule);
    let wait = earlier.fold(FIRST_WAIT, |wait, _| wait.saturating_mul(2).min(longest));
    let again = last.finished_at.unwrap_or(last.started_at).saturating_add(wait.min(longest));
    Some(again.min(regular).max(now))
}

/// When a schedule begins the next run: `now` when it is due, `None` when only somebody can start
/// it. `seed` is what the delay is made of. What never ran is due.
#[must_use]
pub fn next_run(
    schedule: &Schedule,
    seed: &str,
    last_started: Option<i64>,
    now: i64,
) -> Option<i64> {
    let at = match (schedule, last_started) {
        (Schedule::Manual, _) => return None,
        (_, None) => now,
        (Schedule::Hourly { every_hours }, Some(last)) => {
            let hours = i64::from(*every_hours) * HOUR;
            last.saturating_add(hours).saturating_add(delay(seed, LONGEST_DELAY.min(hours / 10)))
        }
        (Schedule::Daily { hour, time_zone }, Some(last)) => {
            let zone = time_zone.parse().unwrap_or(Tz::UTC);
            daily(zone, *hour, delay(seed, LONGEST_DAILY_DELAY), last, now)
        }
    };
    Some(at.max(now))
}

/// Was everything there to be loaded, whatever came of it? Not of a single month, nor of a check.
pub(super) fn is_whole(run: &Run) -> bool {
    let is_ended = matches!(run.outcome, Some(Outcome::Ok | Outcome::Waiting | Outcome::Failed));
    is_ended && run.summary["period"].is_null() && run.summary["check"].is_null()
}

/// Did it fail for a trouble that may pass?
pub(super) fn is_passing(run: &Run) -> bool {
    run.outcome == Some(Outcome::Failed) && run.summary["passing"].as_bool() == Some(true)
}

/// The time between two runs.
fn period(schedule: &Schedule) -> i64 {
    match schedule {
        Schedule::Hourly { every_hours } => i64::from(*every_hours) * HOUR,
        Schedule::Daily { .. } => DAY,
        Schedule::Manual => i64::MAX,
    }
}

/// The next run after one that began at `last`: at once when a day's moment has passed since then,
/// however many of them; else the next day's.
fn daily(zone: Tz, hour: u8, delay: i64, last: i64, now: i64) -> i64 {
    let Some(time) = DateTime::from_timestamp_micros(now) else { return now };
    let today = time.with_timezone(&zone).date_naive();
    let moment = |date: Option<NaiveDate>| Some(moment(zone, date?, hour)?.saturating_add(delay));
    let mut past = (0..DAYS).filter_map(|back| moment(today.checked_sub_days(Days::new(back))));
    if past.find(|at| *at <= now).is_some_and(|at| last < at) {
        return now;
    }
    let mut coming = (0..DAYS).filter_map(|on| moment(today.checked_add_days(Days::new(on))));
    coming.find(|at| *at > now).unwrap_or_else(|| now.saturating_add(DAY))
}

/// The moment of a day at which it is that hour; the first of two when the clock is set back. When
/// the clock jumps over it, the next hour that there is; `None` when there is none.
fn moment(zone: Tz, date: NaiveDate, hour: u8) -> Option<i64> {
    let wanted = date.and_hms_opt(u32::from(hour), 0, 0)?;
    let found = (0..=2).find_map(|later| {
        let local = wanted.checked_add_signed(TimeDelta::hours(later))?;
        zone.from_local_datetime(&local).earliest()
    });
    Some(found?.timestamp_micros())
}

/// A part of `longest` that is always the same for a seed.
fn delay(seed: &str, longest: i64) -> i64 {
    let digest = Sha256::digest(seed.as_bytes());
    let number = digest.iter().take(4).fold(0_i64, |sum, byte| (sum << 8) | i64::from(*byte));
    number % (longest / 1_000_000 + 1) * 1_000_000
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use billhook_registry::{Credentials, NewConnection, Registry};
    use serde_json::json;

    use super::*;

    const NOW: i64 = 1_790_000_000_000_000;

    fn at(text: &str) -> i64 {
        DateTime::parse_from_rfc3339(text).unwrap().timestamp_micros()
    }

    fn schedule(text: &str) -> Schedule {
        text.parse().unwrap()
    }

    /// The delay of the seed of most tests.
    const SEED: &str = "seed";

    #[test]
    fn time_zones_are_told_apart_from_words() {
        for text in ["every 4h", "manual", "daily 06:00", "daily 06:00 Europe/Berlin"] {
            check(&schedule(text)).unwrap();
        }
        for (text, near) in [
            ("daily 06:00 Berlin", "Europe/Berlin"),
            ("daily 06:00 Europe/Berln", "Europe/Berlin"),
            ("daily 06:00 america/new_york", "America/New_York"),
        ] {
            let error = check(&schedule(text)).unwrap_err();
            assert_eq!(error.exit_code(), 2);
            assert!(error.to_string().contains(near), "{error}");
        }
    }

    #[test]
    fn what_never_ran_is_due_and_manual_never_is() {
        for text in ["every 4h", "daily 06:00"] {
            assert_eq!(next_run(&schedule(text), SEED, None, NOW), Some(NOW), "{text}");
        }
        for last in [None, Some(NOW - 1000 * DAY)] {
            assert_eq!(next_run(&Schedule::Manual, SEED, last, NOW), None);
        }
    }

    #[test]
    fn hours_are_counted_from_the_last_start_and_delays_are_short_and_differ() {
        let mut delays = BTreeSet::new();
        for number in 0..200 {
            let seed = format!("connection {number}");
            for (hours, longest) in [(1, 6 * MINUTE), (4, 15 * MINUTE), (168, 15 * MINUTE)] {
                let schedule = Schedule::Hourly { every_hours: hours };
                let next = next_run(&schedule, &seed, Some(NOW), NOW).unwrap();
                let delay = next - NOW - i64::from(hours) * HOUR;
                assert!((0..=longest).contains(&delay), "{seed} {hours}: {delay}");
                assert_eq!(next_run(&schedule, &seed, Some(NOW), NOW + HOUR / 2), Some(next));
                assert_eq!(next_run(&schedule, &seed, Some(NOW), next + 7), Some(next + 7));
                delays.insert(delay);
            }
        }
        assert!(delays.len() > 150, "{}", delays.len());
    }

    #[test]
    fn a_missed_day_is_caught_up_at_once_and_only_once() {
        let schedule = schedule("daily 06:00 Europe/Berlin");
        let last = at("2026-11-01T05:10:00Z");
        let now = at("2026-11-09T13:00:00Z");
        assert_eq!(next_run(&schedule, SEED, Some(last), now), Some(now));
        let next = next_run(&schedule, SEED, Some(now), now).unwrap();
        let tomorrow = at("2026-11-10T05:00:00Z");
        assert!((tomorrow..=tomorrow + LONGEST_DAILY_DELAY).contains(&next), "{next}");
    }

    #[test]
    fn every_day_of_a_year_has_its_run_and_none_has_two() {
        // Where clocks never change, change at night, and change at midnight.
        let zones = ["UTC", "Asia/Kolkata", "Europe/Berlin", "America/New_York", "Africa/Cairo"];
        let (begin, end) = (at("2026-01-01T12:00:00Z"), at("2027-01-01T12:00:00Z"));
        for zone in zones {
            for hour in [0_u8, 2, 23] {
                let schedule = Schedule::Daily { hour, time_zone: zone.to_owned() };
                let tz: Tz = zone.parse().unwrap();
                let (mut now, mut last) = (begin, begin);
                let mut days = BTreeSet::new();
                while now < end {
                    let next = next_run(&schedule, SEED, Some(last), now).unwrap();
                    assert!(next >= now, "{zone} {hour}: {next} is before {now}");
                    if next == now {
                        let local = DateTime::from_timestamp_micros(now).unwrap();
                        let local = local.with_timezone(&tz);
                        let day = local.date_naive();
                        assert!(days.insert(day), "{zone} {hour}: {day} has two runs");
                        let late = local.time() - chrono::NaiveTime::MIN;
                        let late = late - TimeDelta::hours(i64::from(hour));
                        // An hour more where the clock has jumped.
                        assert!(late >= TimeDelta::zero(), "{zone} {hour}: {local}");
                        assert!(late <= TimeDelta::minutes(85), "{zone} {hour}: {local}");
                        last = now;
                    }
                    now += 20 * MINUTE;
                }
                assert_eq!(days.len(), 365, "{zone} {hour}");
            }
        }
    }

    #[test]
    fn hours_that_the_clock_skips_or_repeats_are_met_once() {
        let berlin = Tz::Europe__Berlin;
        let moment = |date: &str, hour| moment(berlin, date.parse().unwrap(), hour).unwrap();
        assert_eq!(moment("2026-03-29", 2), at("2026-03-29T01:00:00Z"));
        assert_eq!(moment("2026-03-29", 3), at("2026-03-29T01:00:00Z"));
        assert_eq!(moment("2026-10-25", 2), at("2026-10-25T00:00:00Z"));
        assert_eq!(moment("2026-10-25", 3), at("2026-10-25T02:00:00Z"));
        // A day that Samoa left out.
        let apia = Tz::Pacific__Apia;
        assert_eq!(super::moment(apia, "2011-12-30".parse().unwrap(), 6), None);
    }

    /// A connection as the registry gives it.
    fn connection(text: &str) -> (tempfile::TempDir, Registry, Connection) {
        let home = tempfile::tempdir().unwrap();
        let registry = Registry::open(home.path()).unwrap();
        let new = NewConnection {
            name: "acme".parse().unwrap(),
            kind: "cur".to_owned(),
            location: None,
            settings: json!({}),
            access: Credentials::Ambient.into(),
            schedule: schedule(text),
            payer: None,
        };
        let connection = registry.add(new, NOW).unwrap();
        (home, registry, connection)
    }

    #[test]
    fn failures_that_may_pass_are_tried_again_sooner_and_less_and_less_often() {
        let (_home, registry, connection) = connection("every 1h");
        let id = &connection.id;
        let next = |now: i64| next(&connection, &registry.runs(id, 50).unwrap(), now).unwrap();
        let run = |from: i64, outcome: Outcome, summary: serde_json::Value| {
            let run = registry.start_run(id, "schedule", from).unwrap();
            registry.finish_run(run, from + MINUTE, outcome, &summary, &json!([])).unwrap();
        };
        assert_eq!(next(NOW), NOW);
        let mut now = NOW;
        for wait in [5, 10, 20, 40] {
            run(now, Outcome::Failed, json!({ "passing": true }));
            assert_eq!(next(now + MINUTE), now + MINUTE + wait * MINUTE);
            now = next(now + MINUTE);
        }
        // Never later than the schedule would have it.
        run(now, Outcome::Failed, json!({ "passing": true }));
        let latest = next_run(&connection.schedule, id.as_str(), Some(now), now).unwrap();
        assert_eq!(next(now + MINUTE), latest.min(now + 61 * MINUTE));
        // Neither what was cut short nor a single month nor a check counts as a run.
        run(now, Outcome::Ok, json!({ "period": "2026-08" }));
        run(now, Outcome::Ok, json!({ "check": true }));
        assert_eq!(next(now + MINUTE), latest.min(now + 61 * MINUTE));
        run(now, Outcome::Failed, json!({ "passing": false }));
        assert_eq!(next(now + MINUTE), latest);
        run(now + 2 * MINUTE, Outcome::Stopped, json!({}));
        assert_eq!(next(now + 3 * MINUTE), latest);
        // What is paused waits for somebody.
        registry.pause(id, now).unwrap();
        let paused = registry.connections().unwrap();
        assert_eq!(super::next(&paused[0], &[], now), None);
    }
}
