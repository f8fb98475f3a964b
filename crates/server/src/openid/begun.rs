//! Sign-ins that have begun: who was sent to the provider, and has not come back yet.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use billhook_registry::{ExposeSecret, SecretString};
use openidconnect::{Nonce, PkceCodeVerifier, RedirectUrl};
use subtle::ConstantTimeEq;

use super::trouble::Trouble;

/// How long somebody may take at the provider; microseconds.
pub(crate) const LASTS: i64 = 600_000_000;

/// Sign-ins that are remembered; then the oldest is forgotten.
const KEPT: usize = 8_192;

/// A sign-in that has begun.
pub(crate) struct Errand {
    /// What the provider gives back with whoever comes back.
    pub(crate) state: SecretString,
    /// The cookie of the browser that was sent there.
    pub(crate) browser: SecretString,
    /// What has to stand in the token.
    pub(crate) nonce: Nonce,
    /// What shows that the code was asked for here.
    pub(crate) verifier: PkceCodeVerifier,
    /// Where people are sent back to.
    pub(crate) redirect: RedirectUrl,
    /// The page that follows.
    pub(crate) next: String,
    /// When it began, microseconds since 1970 UTC.
    pub(crate) at: i64,
}

/// Those who have not come back yet, oldest first.
#[derive(Default)]
pub(crate) struct Begun {
    errands: Mutex<VecDeque<Errand>>,
}

impl Begun {
    /// Remembers one.
    pub(crate) fn keep(&self, errand: Errand) {
        let mut errands = self.lock();
        forget(&mut errands, errand.at);
        if errands.len() >= KEPT {
            errands.pop_front();
        }
        errands.push_back(errand);
    }

    /// That of a state, which is good for once and for the browser in which it began.
    ///
    /// # Errors
    /// [`Trouble::Lost`], [`Trouble::Elsewhere`].
    pub(crate) fn take(
        &self,
        state: &str,
        browser: Option<&str>,
        now: i64,
    ) -> Result<Errand, Trouble> {
        let mut errands = self.lock();
        forget(&mut errands, now);
        let place = errands.iter().position(|errand| is_same(&errand.state, state));
        let place = place.ok_or(Trouble::Lost)?;
        // Whoever has only seen the address does not spend it for others.
        let own = errands.get(place).map(|errand| &errand.browser);
        let is_own = own.zip(browser).is_some_and(|(own, browser)| is_same(own, browser));
        if !is_own {
            return Err(Trouble::Elsewhere);
        }
        errands.remove(place).ok_or(Trouble::Lost)
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Errand>> {
        self.errands.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_same(secret: &SecretString, text: &str) -> bool {
    bool::from(secret.expose_secret().as_bytes().ct_eq(text.as_bytes()))
}

/// Forgets those who took too long.
fn forget(errands: &mut VecDeque<Errand>, now: i64) {
    while errands.front().is_some_and(|oldest| now.saturating_sub(oldest.at) > LASTS) {
        errands.pop_front();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn errand(state: &str, at: i64) -> Errand {
        Errand {
            state: SecretString::from(state),
            browser: SecretString::from("browser"),
            nonce: Nonce::new("nonce".to_owned()),
            verifier: PkceCodeVerifier::new("verifier".to_owned()),
            redirect: RedirectUrl::new("http://localhost/back".to_owned()).unwrap(),
            next: "/costs".to_owned(),
            at,
        }
    }

    #[test]
    fn a_state_is_good_once_and_for_its_browser() {
        let begun = Begun::default();
        begun.keep(errand("a", 0));
        let trouble = begun.take("b", Some("browser"), 0).err();
        assert!(matches!(trouble, Some(Trouble::Lost)), "{trouble:?}");
        for browser in [None, Some(""), Some("another")] {
            let trouble = begun.take("a", browser, 0).err();
            assert!(matches!(trouble, Some(Trouble::Elsewhere)), "{trouble:?}");
        }
        assert_eq!(begun.take("a", Some("browser"), LASTS).unwrap().next, "/costs");
        let trouble = begun.take("a", Some("browser"), LASTS).err();
        assert!(matches!(trouble, Some(Trouble::Lost)), "{trouble:?}");
    }

    #[test]
    fn a_state_ends_after_ten_minutes_and_when_there_are_too_many() {
        let begun = Begun::default();
        begun.keep(errand("a", 0));
        assert!(begun.take("a", Some("browser"), LASTS + 1).is_err());
        begun.keep(errand("first", 0));
        for number in 0..KEPT {
            begun.keep(errand(&number.to_string(), 0));
        }
        assert!(begun.take("first", Some("browser"), 0).is_err());
        assert!(begun.take("0", Some("browser"), 0).is_ok());
    }
}
