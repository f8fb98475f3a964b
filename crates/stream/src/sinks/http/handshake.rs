//! Asking a receiver whether it wants events: the validation of CloudEvents' HTTP webhooks 1.0.2.
//!
//! `OPTIONS` with `WebHook-Request-Origin` is answered by `WebHook-Allowed-Origin`, and maybe by
//! `WebHook-Allowed-Rate`. Most receivers know nothing of it and answer 405, 404, or whatever they
//! answer to `OPTIONS`; the specification leaves it to the sender whether it sends to them. It does
//! here, as who adds a sink usually owns the receiver, and `sinks test` says that it was not asked.

use std::num::NonZeroU32;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use reqwest::StatusCode;
use reqwest::header::HeaderMap;
use tokio::time::Instant;

use super::answer::{Answer, Load};
use crate::sink::Refused;

/// Asks, and goes along with every event.
pub(super) const ORIGIN: &str = "webhook-request-origin";

/// Answers.
const ALLOWED_ORIGIN: &str = "webhook-allowed-origin";
const ALLOWED_RATE: &str = "webhook-allowed-rate";

const MINUTE: Duration = Duration::from_mins(1);

/// What a receiver agreed to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Grant {
    /// It wants events, at most so many requests a minute.
    Given { per_minute: Option<NonZeroU32> },
    /// It does not know the question.
    Unknown { status: StatusCode },
}

impl Grant {
    /// Reads the answer that `host` gave at `now` to somebody who calls himself `origin`.
    pub(super) fn read(
        answer: &Answer,
        host: &str,
        origin: &str,
        now: DateTime<Utc>,
    ) -> Result<Self, Refused> {
        let status = answer.status;
        if let Some(allowed) = text(&answer.headers, ALLOWED_ORIGIN).filter(|_| status.is_success())
        {
            if allowed != "*" && !allowed.eq_ignore_ascii_case(origin) {
                let reason = format!(
                    "{host} wants events of {allowed} only; give the sink the header \
                     WebHook-Request-Origin with that name"
                );
                return Err(Refused::broken(reason));
            }
            // An asterisk, or nothing that can be read, is no limit.
            let per_minute = text(&answer.headers, ALLOWED_RATE).and_then(|rate| rate.parse().ok());
            return Ok(Self::Given { per_minute });
        }
        let passing = matches!(status.as_u16(), 408 | 425 | 429)
            || (status.is_server_error() && status != StatusCode::NOT_IMPLEMENTED);
        if passing {
            // Nobody knows yet whether it wants any.
            answer.judge(host, Load::Batch, now)?;
        }
        Ok(Self::Unknown { status })
    }

    /// For people.
    pub(super) fn told(self) -> String {
        match self {
            Self::Given { per_minute: None } => "it agreed to be sent events".to_owned(),
            Self::Given { per_minute: Some(rate) } => {
                format!("it agreed to be sent events, at most {rate} requests a minute")
            }
            Self::Unknown { status } => {
                format!(
                    "it does not do the validation of CloudEvents webhooks (OPTIONS: {status}), so \
                     it was not asked whether it wants events"
                )
            }
        }
    }

    /// Requests a minute; none without a limit.
    pub(super) const fn per_minute(self) -> Option<NonZeroU32> {
        match self {
            Self::Given { per_minute } => per_minute,
            Self::Unknown { .. } => None,
        }
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim)
}

/// When the next request may go out.
#[derive(Default)]
pub(super) struct Pace {
    next: Mutex<Option<Instant>>,
}

impl Pace {
    /// How long to wait at `now`. When that is not at all, the turn is taken.
    pub(super) fn wait(&self, per_minute: NonZeroU32, now: Instant) -> Duration {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let wait = next.map_or(Duration::ZERO, |next| next.saturating_duration_since(now));
        if wait.is_zero() {
            *next = Some(now + MINUTE / per_minute.get());
        }
        wait
    }
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;
    use crate::sink::Verdict;

    fn answer(status: u16, headers: &[(&'static str, &str)]) -> Answer {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, HeaderValue::from_str(value).unwrap());
        }
        let status = StatusCode::from_u16(status).unwrap();
        Answer { status, headers: map, text: String::new() }
    }

    fn read(status: u16, headers: &[(&'static str, &str)]) -> Result<Grant, Refused> {
        Grant::read(&answer(status, headers), "hooks.example", "billhook", Utc::now())
    }

    #[test]
    fn a_receiver_agrees_with_or_without_a_rate() {
        let given = |per_minute| Grant::Given { per_minute: NonZeroU32::new(per_minute) };
        let all = [(ALLOWED_ORIGIN, "*"), (ALLOWED_RATE, "120")];
        assert_eq!(read(200, &all).unwrap(), given(120));
        let own = [(ALLOWED_ORIGIN, "Billhook"), (ALLOWED_RATE, "*")];
        assert_eq!(read(204, &own).unwrap(), given(0));
        assert_eq!(read(200, &[(ALLOWED_ORIGIN, "*")]).unwrap(), given(0));
        assert!(given(120).told().ends_with("at most 120 requests a minute"));
    }

    #[test]
    fn a_receiver_that_wants_others_is_believed() {
        let refused = read(200, &[(ALLOWED_ORIGIN, "events.example.com")]).unwrap_err();
        assert!(matches!(refused.verdict, Verdict::Broken));
        assert!(refused.reason.contains("events.example.com"), "{}", refused.reason);
    }

    #[test]
    fn a_receiver_that_does_not_know_the_question_is_sent_to() {
        for status in [200, 204, 400, 401, 404, 405, 501] {
            let grant = read(status, &[]).unwrap();
            assert_eq!(grant.per_minute(), None);
            assert!(grant.told().contains(&status.to_string()), "{status}");
        }
        for status in [429, 500, 503] {
            let refused = read(status, &[]).unwrap_err();
            assert!(matches!(refused.verdict, Verdict::Later { .. }), "{status}");
        }
    }

    #[test]
    fn turns_are_as_far_apart_as_the_receiver_wants() {
        let (pace, rate) = (Pace::default(), NonZeroU32::new(30).unwrap());
        let start = Instant::now();
        let after = |millis| start + Duration::from_millis(millis);
        assert_eq!(pace.wait(rate, start), Duration::ZERO);
        assert_eq!(pace.wait(rate, after(500)), Duration::from_millis(1500));
        assert_eq!(pace.wait(rate, after(2000)), Duration::ZERO);
        assert_eq!(pace.wait(rate, after(2500)), Duration::from_millis(1500));
    }
}
