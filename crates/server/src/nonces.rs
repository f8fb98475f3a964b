//! Forms that are sent twice do something once.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

/// Forms that are remembered.
const KEPT: usize = 4_096;

/// Forms that were sent, with where each led. Each form has a random text of its own.
#[derive(Debug, Default)]
pub(crate) struct Nonces {
    sent: Mutex<VecDeque<(String, Option<String>)>>,
}

/// What is known of a form.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Sent {
    /// It comes for the first time.
    First,
    /// It was sent before, and led there.
    Again(String),
    /// It was sent before and is at work still, or it failed.
    Unfinished,
}

impl Nonces {
    /// Notes that a form was sent.
    pub(crate) fn send(&self, nonce: &str) -> Sent {
        let mut sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, led)) = sent.iter().find(|(known, _)| known == nonce) {
            return led.clone().map_or(Sent::Unfinished, Sent::Again);
        }
        if sent.len() >= KEPT {
            sent.pop_front();
        }
        sent.push_back((nonce.to_owned(), None));
        Sent::First
    }

    /// Notes that nothing more comes of a form: if it led nowhere, it may be sent again.
    pub(crate) fn cut_off(&self, nonce: &str) {
        let mut sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
        sent.retain(|(known, led)| known != nonce || led.is_some());
    }

    /// Notes where a form led; `None` when it did nothing and may be sent again.
    pub(crate) fn done(&self, nonce: &str, led: Option<&str>) {
        let mut sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
        match led {
            Some(led) => {
                if let Some(entry) = sent.iter_mut().find(|(known, _)| known == nonce) {
                    entry.1 = Some(led.to_owned());
                }
            }
            None => sent.retain(|(known, _)| known != nonce),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Nonces, Sent};

    #[test]
    fn a_form_does_something_once() {
        let nonces = Nonces::default();
        assert_eq!(nonces.send("a"), Sent::First);
        assert_eq!(nonces.send("a"), Sent::Unfinished);
        nonces.done("a", Some("/connections/acme"));
        assert_eq!(nonces.send("a"), Sent::Again("/connections/acme".to_owned()));
        assert_eq!(nonces.send("b"), Sent::First);
        nonces.done("b", None);
        assert_eq!(nonces.send("b"), Sent::First);
    }
}
