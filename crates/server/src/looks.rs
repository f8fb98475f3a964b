//! What was seen while a draft was looked at, check by check. It lives as long as the process: a
//! look costs nothing and can be had again.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use billhook_engine::onboarding::look::Seen;
use billhook_engine::verify::Check;
use billhook_registry::Health;

use crate::jobs::JobId;

/// Looks that are remembered.
const KEPT: usize = 64;

/// What was seen so far.
#[derive(Debug, Clone, Default)]
pub(crate) struct Look {
    /// The work that looks; nothing before it has begun.
    pub(crate) job: Option<JobId>,
    /// What is looked at, in its order.
    pub(crate) titles: Vec<&'static str>,
    /// What was looked at.
    pub(crate) checks: Vec<Check>,
    /// How it is, all in all; nothing before the end.
    pub(crate) health: Option<Health>,
    /// What there is to connect; nothing before the end.
    pub(crate) seen: Option<Seen>,
}

/// All looks of the process, by what was looked at.
#[derive(Debug, Default)]
pub(crate) struct Looks(Mutex<VecDeque<(String, Look)>>);

impl Looks {
    /// Begins a look; one of the same thing before is forgotten.
    pub(crate) fn begin(&self, key: &str, titles: Vec<&'static str>) {
        let mut looks = self.lock();
        looks.retain(|(own, _)| own != key);
        if looks.len() >= KEPT {
            looks.pop_front();
        }
        looks.push_back((key.to_owned(), Look { titles, ..Look::default() }));
    }

    /// Changes what was seen.
    pub(crate) fn note(&self, key: &str, change: impl FnOnce(&mut Look)) {
        if let Some((_, look)) = self.lock().iter_mut().find(|(own, _)| own == key) {
            change(look);
        }
    }

    /// What was seen so far; `None` when nobody has looked.
    pub(crate) fn get(&self, key: &str) -> Option<Look> {
        self.lock().iter().find(|(own, _)| own == key).map(|(_, look)| look.clone())
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<(String, Look)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_look_is_kept_until_there_are_too_many() {
        let looks = Looks::default();
        looks.begin("a", vec!["bucket"]);
        looks.note("a", |look| look.health = Some(Health::Healthy));
        assert_eq!(looks.get("a").unwrap().health, Some(Health::Healthy));
        looks.begin("a", Vec::new());
        assert!(looks.get("a").unwrap().health.is_none());
        for number in 0..KEPT {
            looks.begin(&number.to_string(), Vec::new());
        }
        assert!(looks.get("a").is_none() && looks.get("0").is_some());
    }
}
