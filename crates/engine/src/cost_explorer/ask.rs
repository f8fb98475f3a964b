//! All pages of an answer: counted, kept, and asked for again when AWS is busy.

use std::hash::{BuildHasher, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use billhook_aws::cost_explorer::{CostExplorer, Granularity, Page, Question, Trouble};

use super::answers::Answers;
use super::budget::Budget;
use crate::EngineError;

/// How often a request is made before it is given up.
const ATTEMPTS: u32 = 7;

/// How long to wait after the first attempt, milliseconds; twice as long after each other one.
const FIRST_WAIT: u64 = 500;

/// Longest wait, milliseconds.
const LONGEST_WAIT: u64 = 20_000;

/// How often an answer is begun anew because its page tokens ran out.
const BEGINNINGS: u32 = 3;

/// Asks.
pub(super) struct Asker<'a> {
    client: &'a CostExplorer,
    budget: Budget,
    answers: Answers,
    stop: Arc<AtomicBool>,
    may_reuse: bool,
    /// Requests made.
    pub(super) requests: u64,
    /// Pages taken from what is kept.
    pub(super) from_cache: u64,
}

/// How an answer is to be had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Manner {
    /// From AWS, not kept.
    Live,
    /// From what is kept if it is there, else from AWS and kept.
    Kept,
    /// From AWS, and kept instead of what is there.
    Renewed,
}

impl<'a> Asker<'a> {
    /// Somebody who asks `client`, and takes what is kept in `answers` when it `may_reuse` it.
    pub(super) fn new(
        client: &'a CostExplorer,
        budget: Budget,
        answers: Answers,
        stop: Arc<AtomicBool>,
        may_reuse: bool,
    ) -> Self {
        Self { client, budget, answers, stop, may_reuse, requests: 0, from_cache: 0 }
    }

    /// Requests made today by all imports of this home.
    pub(super) fn requests_today(&self) -> Result<u64, EngineError> {
        self.budget.spent()
    }

    /// Deletes answers when there are too many.
    pub(super) fn prune(&self) {
        self.answers.prune();
    }

    /// All pages of the answer to `question`.
    ///
    /// # Errors
    /// When a page cannot be had; `question` has no answer then.
    pub(super) async fn pages(
        &mut self,
        question: &Question,
        manner: Manner,
    ) -> Result<Vec<Page>, EngineError> {
        let mut manner = match manner {
            Manner::Kept if !self.may_reuse => Manner::Renewed,
            other => other,
        };
        let mut beginnings = 1;
        loop {
            match self.pages_once(question, manner).await {
                Err(EngineError::CostExplorer { source, .. })
                    if source.trouble == Trouble::Stale && beginnings < BEGINNINGS =>
                {
                    beginnings += 1;
                    // The tokens of kept pages are old.
                    if manner == Manner::Kept {
                        manner = Manner::Renewed;
                    }
                }
                other => return other,
            }
        }
    }

    async fn pages_once(
        &mut self,
        question: &Question,
        manner: Manner,
    ) -> Result<Vec<Page>, EngineError> {
        let mut pages = Vec::new();
        let mut token: Option<String> = None;
        loop {
            let kept = match manner {
                Manner::Kept => self.answers.find(question, token.as_deref()),
                Manner::Live | Manner::Renewed => None,
            };
            let page = if let Some(page) = kept {
                self.from_cache += 1;
                page
            } else {
                let page = self.page(question, token.as_deref()).await?;
                if manner != Manner::Live {
                    self.answers.keep(question, token.as_deref(), &page);
                }
                page
            };
            token.clone_from(&page.next);
            pages.push(page);
            if token.is_none() {
                return Ok(pages);
            }
        }
    }

    /// One page from AWS.
    async fn page(
        &mut self,
        question: &Question,
        token: Option<&str>,
    ) -> Result<Page, EngineError> {
        let mut attempt = 1;
        loop {
            if self.stop.load(Ordering::Relaxed) {
                return Err(EngineError::Interrupted);
            }
            self.budget.spend()?;
            self.requests += 1;
            let source = match self.client.page(question, token).await {
                Ok(page) => return Ok(page),
                Err(source) => source,
            };
            if source.trouble != Trouble::Passing || attempt >= ATTEMPTS {
                return Err(EngineError::CostExplorer {
                    action: describe(question),
                    is_hourly: question.granularity == Granularity::Hourly,
                    source,
                });
            }
            self.pause(wait(attempt, chance())).await;
            attempt += 1;
        }
    }

    /// Waits, but not when told to stop.
    async fn pause(&self, milliseconds: u64) {
        const STEP: u64 = 100;
        let mut left = milliseconds;
        while left > 0 && !self.stop.load(Ordering::Relaxed) {
            tokio::time::sleep(Duration::from_millis(left.min(STEP))).await;
            left = left.saturating_sub(STEP);
        }
    }
}

/// Milliseconds to wait after an attempt: twice as long each time, of which chance takes up to a
/// half, so that those who were refused together do not come back together.
fn wait(attempt: u32, chance: u64) -> u64 {
    let longest = FIRST_WAIT.saturating_mul(1 << (attempt - 1).min(16)).min(LONGEST_WAIT);
    longest - chance % (longest / 2 + 1)
}

/// A number that nobody can tell.
fn chance() -> u64 {
    std::collections::hash_map::RandomState::new().build_hasher().finish()
}

/// A question in words.
fn describe(question: &Question) -> String {
    let Question { start, end, record_type, .. } = question;
    let kind = record_type.as_ref().map(|kind| format!(" ({kind})")).unwrap_or_default();
    format!("costs{kind} from {start} to {end}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_and_are_bounded() {
        for attempt in 1..=20 {
            let (least, most) = (wait(attempt, u64::MAX), wait(attempt, 0));
            assert!(least <= most && most <= LONGEST_WAIT);
            for _ in 0..20 {
                assert!((most / 2..=most).contains(&wait(attempt, chance())), "{attempt}");
            }
        }
        assert_eq!((wait(1, 0), wait(3, 0), wait(9, 0)), (500, 2000, 20_000));
    }
}
