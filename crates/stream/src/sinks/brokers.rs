//! What sinks for brokers share. Batches are cut so that no subject comes twice: then it does not
//! matter that a broker may take the later events of a run and not the earlier ones.

use std::collections::HashSet;

use crate::event::Event;

/// What an event in the JSON format is.
pub(super) const EVENT_CONTENT_TYPE: &str = "application/cloudevents+json";

/// Cuts a batch into runs of at most `most` events with distinct keys, each with the place of its
/// first event. An event follows another of its key only when that one was acknowledged.
pub(super) fn runs(events: &[Event], most: usize) -> Vec<(usize, &[Event])> {
    let mut runs = Vec::new();
    let (mut start, mut rest) = (0, events);
    while !rest.is_empty() {
        let mut seen = HashSet::new();
        let run = rest.iter().take(most.max(1)).take_while(|event| seen.insert(event.key()));
        let (run, after) = rest.split_at(run.count());
        runs.push((start, run));
        start += run.len();
        rest = after;
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lengths(subjects: &[&str], most: usize) -> Vec<(usize, usize)> {
        let events = subjects
            .iter()
            .map(|subject| Event { subject: Some((*subject).to_owned()), ..Event::test() });
        let events: Vec<Event> = events.collect();
        runs(&events, most).iter().map(|(start, run)| (*start, run.len())).collect()
    }

    #[test]
    fn no_subject_comes_twice_in_a_run() {
        assert_eq!(lengths(&["a", "b", "a", "c", "b"], 10), [(0, 2), (2, 3)]);
        assert_eq!(lengths(&["a", "a", "a"], 10), [(0, 1), (1, 1), (2, 1)]);
    }

    #[test]
    fn runs_have_a_length() {
        assert_eq!(lengths(&["a", "b", "c"], 2), [(0, 2), (2, 1)]);
        assert_eq!(lengths(&["a", "b"], 0), [(0, 1), (1, 1)]);
        assert_eq!(lengths(&[], 2), []);
    }
}
