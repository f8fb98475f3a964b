//! What an answer, or the lack of one, means for what was sent.

use std::error::Error;
use std::fmt::Write as _;
use std::io;
use std::time::Duration;

use chrono::{DateTime, Utc};
use reqwest::header::{HeaderMap, LOCATION, RETRY_AFTER};
use reqwest::{StatusCode, Url};

use super::address::Forbidden;
use crate::sink::{Refused, Verdict};

/// Characters of an answer's text that are told.
const TOLD_CHARACTERS: usize = 200;

/// The longest time that a receiver can make Billhook wait.
const LONGEST_WAIT: Duration = Duration::from_hours(24);

/// What a request carried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Load {
    /// One event, and its number in the batch.
    One(usize),
    /// The whole batch.
    Batch,
}

/// What a receiver answered.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    /// Its text, without what is secret.
    pub(super) text: String,
}

impl Answer {
    /// Judges the answer of `host`, which came at `now`, to a request with `load`.
    pub(super) fn judge(&self, host: &str, load: Load, now: DateTime<Utc>) -> Result<(), Refused> {
        let verdict = match self.status.as_u16() {
            200..=299 => return Ok(()),
            408 | 425 | 429 | 500..=599 => Verdict::Later { after: self.retry_after(now) },
            400 | 413 | 415 | 422 => match load {
                Load::One(event) => Verdict::Poison { events: vec![event] },
                // Halving finds the event that is meant, or the size that is taken.
                Load::Batch => Verdict::TooLarge,
            },
            _ => Verdict::Broken,
        };
        Err(Refused { reason: self.reason(host), verdict })
    }

    /// How long the receiver wants to be left alone: seconds, or a date.
    pub(super) fn retry_after(&self, now: DateTime<Utc>) -> Option<Duration> {
        let text = self.headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
        let wait = if let Ok(seconds) = text.parse() {
            Duration::from_secs(seconds)
        } else {
            let until = DateTime::parse_from_rfc2822(text).ok()?;
            // What is over needs no waiting.
            (until.to_utc() - now).to_std().unwrap_or_default()
        };
        Some(wait.min(LONGEST_WAIT))
    }

    fn reason(&self, host: &str) -> String {
        let mut reason = format!("{host} answered {}", self.status);
        if self.status.is_redirection() {
            let to = self.headers.get(LOCATION).and_then(|to| to.to_str().ok()).unwrap_or("");
            let to = to.split(['?', '#']).next().unwrap_or_default();
            let wrote = if to.is_empty() {
                write!(reason, " and no place; redirects are not followed")
            } else {
                write!(reason, " to {}; redirects are not followed: give that URL", told(to))
            };
            // Writing to text does not fail.
            wrote.unwrap_or_default();
        }
        let text = told(&self.text);
        if !text.is_empty() {
            reason.push_str(": ");
            reason.push_str(&text);
        }
        reason
    }
}

/// The beginning of a text in one line.
fn told(text: &str) -> String {
    let words: Vec<&str> =
        text.split(|letter: char| letter.is_whitespace() || letter.is_control()).collect();
    let line = words.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(TOLD_CHARACTERS) {
        Some((end, _)) => format!("{}…", line.get(..end).unwrap_or_default()),
        None => line,
    }
}

/// What it means that there is no whole answer.
pub(super) fn trouble(error: &reqwest::Error, host: &str, timeout: Duration) -> Refused {
    if let Some(forbidden) = cause::<Forbidden>(error) {
        let fix = "allow private addresses for this sink to send there";
        return Refused::broken(format!("{forbidden}; {fix}"));
    }
    if let Some(tls) = cause::<rustls::Error>(error) {
        return Refused::broken(format!(
            "{host} cannot be trusted, or does not speak TLS as it should: {tls}; certificates are \
             checked against those of this system (SSL_CERT_FILE names another file of them)"
        ));
    }
    let why = root(error);
    if error.is_builder() {
        return Refused::broken(format!("no request can be made to {host}: {why}"));
    }
    let reason = if error.is_timeout() && error.is_connect() {
        format!("{host} cannot be reached: no connection in time")
    } else if error.is_timeout() {
        format!("{host} did not answer within {} s", timeout.as_secs())
    } else if error.is_connect() {
        format!("{host} cannot be reached: {why}")
    } else if error.is_body() || error.is_decode() {
        format!("{host} broke off its answer: {why}")
    } else {
        format!("{host} broke off the connection: {why}")
    };
    Refused::later(reason, None)
}

/// Host and port of a URL. The rest of it may hold what nobody should see.
pub(super) fn host(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// The first cause of that type.
fn cause<'a, E: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a E> {
    let mut link = Some(error);
    while let Some(error) = link {
        if let Some(found) = error.downcast_ref::<E>() {
            return Some(found);
        }
        link = beneath(error);
    }
    None
}

/// What the last of the causes says.
pub(super) fn root(error: &reqwest::Error) -> String {
    let mut last: &(dyn Error + 'static) = error;
    while let Some(next) = beneath(last) {
        last = next;
    }
    // The first of them would tell the whole URL, and is never the last in practice.
    if last.is::<reqwest::Error>() { "no reason is known".to_owned() } else { last.to_string() }
}

/// The next cause. What an `io::Error` carries is not its source but it itself.
fn beneath<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        Some(carried) => {
            let carried: &(dyn Error + 'static) = carried;
            Some(carried)
        }
        None => error.source(),
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeZone as _;
    use reqwest::header::HeaderValue;

    use super::*;

    fn answer(status: u16) -> Answer {
        let status = StatusCode::from_u16(status).unwrap();
        Answer { status, headers: HeaderMap::new(), text: String::new() }
    }

    fn verdict(status: u16, load: Load) -> String {
        match answer(status).judge("hooks.example", load, Utc::now()) {
            Ok(()) => "taken".to_owned(),
            Err(refused) => match refused.verdict {
                Verdict::Later { .. } => "later".to_owned(),
                Verdict::Poison { events } => format!("poison {events:?}"),
                Verdict::TooLarge => "too large".to_owned(),
                Verdict::Broken => "broken".to_owned(),
            },
        }
    }

    #[test]
    fn every_status_has_its_verdict() {
        for status in [200, 201, 202, 204] {
            assert_eq!(verdict(status, Load::Batch), "taken", "{status}");
        }
        for status in [408, 425, 429, 500, 502, 503, 504, 507] {
            assert_eq!(verdict(status, Load::Batch), "later", "{status}");
        }
        for status in [400, 413, 415, 422] {
            assert_eq!(verdict(status, Load::One(3)), "poison [3]", "{status}");
            assert_eq!(verdict(status, Load::Batch), "too large", "{status}");
        }
        for status in [301, 302, 307, 308, 401, 403, 404, 405, 410, 418] {
            assert_eq!(verdict(status, Load::One(0)), "broken", "{status}");
        }
    }

    #[test]
    fn a_receiver_says_when_to_come_back() {
        let now = Utc.with_ymd_and_hms(2026, 11, 21, 8, 0, 0).unwrap();
        let wait = |text: &str| {
            let mut answer = answer(429);
            answer.headers.insert(RETRY_AFTER, HeaderValue::from_str(text).unwrap());
            answer.retry_after(now)
        };
        let seconds = |seconds| Some(Duration::from_secs(seconds));
        assert_eq!(wait("7"), seconds(7));
        assert_eq!(wait("Sat, 21 Nov 2026 08:01:30 GMT"), seconds(90));
        assert_eq!(wait("Sat, 21 Nov 2026 07:59:00 GMT"), seconds(0));
        assert_eq!(wait("99999999999999999"), Some(LONGEST_WAIT));
        assert_eq!(wait("soon"), None);
        assert_eq!(answer(429).retry_after(now), None);
    }

    #[test]
    fn the_reason_is_one_line_and_names_the_place_of_a_redirect() {
        let mut bad = answer(400);
        bad.text = format!("no such\r\n\tfield\u{1b}[31m{}", "x".repeat(300));
        let refused = bad.judge("hooks.example", Load::One(0), Utc::now()).unwrap_err();
        let start = "hooks.example answered 400 Bad Request: no such field [31mxxx";
        assert!(refused.reason.starts_with(start), "{}", refused.reason);
        assert!(refused.reason.ends_with('…') && refused.reason.len() < 300);

        let mut moved = answer(308);
        let place = HeaderValue::from_static("https://new.example/in?key=1234");
        moved.headers.insert(LOCATION, place);
        let refused = moved.judge("hooks.example", Load::Batch, Utc::now()).unwrap_err();
        assert_eq!(
            refused.reason,
            "hooks.example answered 308 Permanent Redirect to https://new.example/in; redirects \
             are not followed: give that URL"
        );
    }

    #[test]
    fn causes_are_found_through_what_hides_them() {
        let inner = io::Error::other(rustls::Error::DecryptError);
        let outer = io::Error::other(inner);
        assert!(cause::<rustls::Error>(&outer).is_some());
        assert!(cause::<Forbidden>(&outer).is_none());
    }

    #[test]
    fn only_host_and_port_of_a_url_are_told() {
        let url = Url::parse("https://hooks.example:8443/T0/secret?token=1").unwrap();
        assert_eq!(host(&url), "hooks.example:8443");
        assert_eq!(host(&Url::parse("http://[::1]/x").unwrap()), "[::1]");
    }
}
