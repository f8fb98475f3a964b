//! Answers that stay the same as long as the lake does, and questions that are being answered.
//!
//! Pages are reloaded, shared and come back to, and a question that reads every line takes a
//! second. Each answer is kept by its canonical question and the state of the lake that it is
//! about. A question that several ask at the same time is asked of the lake once.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use billhook_lake::session::{LakeSession, Reads};

use crate::fail::Fail;
use crate::heavy::{Asked, Refusal, Work};

/// Answers that are kept of one sort.
const MOST: usize = 64;

/// Answers of one sort, and the questions that are under way.
pub(crate) struct Kept<T, E = Fail>(Arc<Mutex<Answers<T, E>>>);

struct Answers<T, E> {
    most: usize,
    all: VecDeque<(Key, Arc<T>)>,
    under_way: Vec<(Key, Weak<Work<T, E>>)>,
}

/// A question, and the state of the lake that it was asked of.
struct Key {
    of: Weak<LakeSession>,
    text: String,
}

/// A question.
pub(crate) struct Question {
    /// Its one way of being asked.
    pub(crate) text: String,
    /// What is asked, for people: `Costs by ServiceName`.
    pub(crate) subject: String,
    /// When, microseconds since 1970 UTC.
    pub(crate) asked_at: i64,
}

impl Key {
    fn is(&self, session: &Arc<LakeSession>, text: &str) -> bool {
        // A pointer that is kept weakly is not given to another session.
        std::ptr::eq(self.of.as_ptr(), Arc::as_ptr(session)) && self.text == text
    }
}

impl<T, E> Answers<T, E> {
    /// The answer that is kept, or the work that is under way.
    fn there(&self, session: &Arc<LakeSession>, text: &str) -> Option<Asked<T, E>> {
        let known = self.all.iter().find(|(key, _)| key.is(session, text));
        if let Some((_, answer)) = known {
            return Some(Asked::Known(Arc::clone(answer)));
        }
        let mut same = self.under_way.iter().filter(|(key, _)| key.is(session, text));
        same.find_map(|(_, work)| work.upgrade()).map(Asked::UnderWay)
    }
}

impl<T, E> Clone for Kept<T, E> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T, E> Default for Kept<T, E> {
    fn default() -> Self {
        Self::new(MOST)
    }
}

impl<T, E> Kept<T, E> {
    /// Nothing yet. At most so many answers will be kept.
    pub(crate) fn new(most: usize) -> Self {
        let (all, under_way) = (VecDeque::new(), Vec::new());
        Self(Arc::new(Mutex::new(Answers { most, all, under_way })))
    }

    /// Keeps an answer, and forgets those about states of the lake that are gone.
    fn keep(&self, key: Key, answer: &Arc<T>) {
        let mut answers = self.lock();
        if answers.most == 0 {
            return;
        }
        answers.all.retain(|(key, _)| key.of.strong_count() > 0);
        if answers.all.len() >= answers.most {
            answers.all.pop_front();
        }
        answers.all.push_back((key, Arc::clone(answer)));
    }

    fn lock(&self) -> MutexGuard<'_, Answers<T, E>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: Clone + Send + Sync + 'static, E: Refusal> Kept<T, E> {
    /// Asks a question, or joins those who ask it already. The work goes on while anybody waits for
    /// it, a run among them. `fresh` counts the files that it reads.
    pub(crate) fn ask<F>(
        &self,
        session: &Arc<LakeSession>,
        question: Question,
        fresh: impl FnOnce(Arc<Reads>) -> F,
    ) -> Asked<T, E>
    where
        F: Future<Output = Result<T, E>> + Send + 'static,
    {
        let mut answers = self.lock();
        if let Some(there) = answers.there(session, &question.text) {
            return there;
        }
        let key = || Key { of: Arc::downgrade(session), text: question.text.clone() };
        let (own, asked, under_way) = (self.clone(), key(), key());
        let reads = Arc::<Reads>::default();
        let fresh = fresh(Arc::clone(&reads));
        let work = Work::begin(question, reads, async move {
            let answer = Arc::new(fresh.await?);
            own.keep(asked, &answer);
            Ok::<_, E>(answer)
        });
        answers.under_way.retain(|(_, work)| work.strong_count() > 0);
        answers.under_way.push((under_way, Arc::downgrade(&work)));
        Asked::UnderWay(work)
    }
}
