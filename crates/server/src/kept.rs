//! Answers that stay the same as long as the lake does.
//!
//! Pages are reloaded, shared and come back to, and a question that reads every line takes a
//! second. Only answers about the lake as it is now are kept, each by its canonical question.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use billhook_lake::session::LakeSession;

use crate::fail::Fail;

/// Answers that are kept of one sort.
const MOST: usize = 64;

/// Answers to questions about one state of the lake.
pub(crate) struct Kept<T>(Mutex<Answers<T>>);

struct Answers<T> {
    of: Weak<LakeSession>,
    all: VecDeque<(String, Arc<T>)>,
}

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Self(Mutex::new(Answers { of: Weak::new(), all: VecDeque::new() }))
    }
}

impl<T: Clone> Kept<T> {
    /// The answer to a question: the one that was given before, or a fresh one, which is kept then.
    /// `session` is that of the lake as it is now.
    ///
    /// # Errors
    /// What `fresh` says.
    pub(crate) async fn answer(
        &self,
        session: &Arc<LakeSession>,
        question: String,
        fresh: impl Future<Output = Result<T, Fail>>,
    ) -> Result<T, Fail> {
        if let Some(known) = self.find(session, &question) {
            return Ok(T::clone(&known));
        }
        let answer = Arc::new(fresh.await?);
        self.keep(session, question, &answer);
        Ok(T::clone(&answer))
    }

    /// The answer that was given to a question before, unless the lake has changed.
    fn find(&self, session: &Arc<LakeSession>, question: &str) -> Option<Arc<T>> {
        let answers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !std::ptr::eq(answers.of.as_ptr(), Arc::as_ptr(session)) {
            return None;
        }
        let found = answers.all.iter().find(|(asked, _)| asked == question);
        found.map(|(_, answer)| Arc::clone(answer))
    }

    /// Keeps an answer, and forgets those about another state of the lake.
    fn keep(&self, session: &Arc<LakeSession>, question: String, answer: &Arc<T>) {
        let mut answers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !std::ptr::eq(answers.of.as_ptr(), Arc::as_ptr(session)) {
            // A pointer that is kept weakly is not given to another session.
            answers.of = Arc::downgrade(session);
            answers.all.clear();
        }
        if answers.all.len() >= MOST {
            answers.all.pop_front();
        }
        answers.all.push_back((question, Arc::clone(answer)));
    }
}
