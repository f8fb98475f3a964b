//! How long to wait before something is tried again.

use std::time::Duration;

/// After the first failure; twice that after each further one.
const FIRST: Duration = Duration::from_millis(500);

/// At most.
const MOST: Duration = Duration::from_mins(5);

/// Whoever asks for more than that gets that.
const MOST_ASKED_FOR: Duration = Duration::from_hours(24);

/// Counts failures in a row.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// How long to wait after another failure, and not less than `after`. Between half and all of
    /// what is due, by chance: many that fail together do not come back together.
    pub(super) fn next(&mut self, after: Option<Duration>) -> Duration {
        let due = FIRST.saturating_mul(2_u32.saturating_pow(self.failures)).min(MOST);
        self.failures = self.failures.saturating_add(1);
        let half = due / 2;
        let wait = half.saturating_add(part_of(half, chance()));
        wait.max(after.unwrap_or_default().min(MOST_ASKED_FOR))
    }

    /// Failures in a row.
    pub(super) fn failures(&self) -> u32 {
        self.failures
    }

    /// It has worked.
    pub(super) fn reset(&mut self) {
        self.failures = 0;
    }
}

/// As much of a time as `chance` is of all that it can be.
fn part_of(time: Duration, chance: u32) -> Duration {
    let micros = time.as_micros().saturating_mul(u128::from(chance)) / u128::from(u32::MAX);
    Duration::from_micros(u64::try_from(micros).unwrap_or(u64::MAX))
}

/// Half of it when the operating system has no chance to give.
fn chance() -> u32 {
    getrandom::u32().unwrap_or(u32::MAX / 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_between_half_and_all_and_end_at_five_minutes() {
        let mut backoff = Backoff::default();
        for due in [500, 1000, 2000, 4000, 8000, 16_000, 32_000, 64_000, 128_000, 256_000] {
            let due = Duration::from_millis(due);
            let wait = backoff.next(None);
            assert!(wait >= due / 2 && wait <= due, "{wait:?} of {due:?}");
        }
        for _ in 0..100 {
            let wait = backoff.next(None);
            assert!(wait >= MOST / 2 && wait <= MOST, "{wait:?}");
        }
        backoff.reset();
        assert!(backoff.next(None) <= FIRST);
        assert_eq!(backoff.failures(), 1);
    }

    #[test]
    fn a_receiver_can_ask_for_more_but_not_for_ever() {
        let minute = Duration::from_mins(1);
        assert_eq!(Backoff::default().next(Some(minute)), minute);
        assert_eq!(Backoff::default().next(Some(Duration::MAX)), MOST_ASKED_FOR);
        assert!(Backoff::default().next(Some(Duration::ZERO)) >= FIRST / 2);
    }

    #[test]
    fn chance_is_a_part() {
        assert_eq!(part_of(FIRST, 0), Duration::ZERO);
        assert_eq!(part_of(FIRST, u32::MAX), FIRST);
    }
}
