//! Answers to queries that went on without their page. They live as long as the process, the last
//! ones of them, and each is shown with its own query only.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use super::Answer;
use crate::jobs::JobId;

/// Answers that are remembered: each may hold ten thousand rows.
const KEPT: usize = 8;

/// Answers of runs.
#[derive(Default)]
pub(crate) struct RunAnswers(Mutex<VecDeque<RunAnswer>>);

struct RunAnswer {
    run: JobId,
    query: String,
    answer: Arc<Answer>,
}

impl RunAnswers {
    /// Keeps what a run has answered to a query.
    pub(crate) fn keep(&self, run: &JobId, query: String, answer: &Arc<Answer>) {
        let mut answers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if answers.len() >= KEPT {
            answers.pop_front();
        }
        answers.push_back(RunAnswer { run: run.clone(), query, answer: Arc::clone(answer) });
    }

    /// What a run has answered to a query, when that is still known.
    pub(crate) fn find(&self, run: &str, query: &str) -> Option<Arc<Answer>> {
        let answers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut own = answers.iter().filter(|one| one.run.as_str() == run && one.query == query);
        own.next().map(|one| Arc::clone(&one.answer))
    }
}
