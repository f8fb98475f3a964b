//! Events that were fetched together, and how they are cut into batches.

use super::{Fetched, Place};
use crate::event::Event;

/// Events in order.
pub(super) struct Chunk {
    /// The place up to which was looked.
    pub(super) last: Place,
    places: Vec<Place>,
    events: Vec<Event>,
    sizes: Vec<usize>,
}

impl Chunk {
    pub(super) fn new(fetched: Fetched) -> Self {
        let sizes = fetched.events.iter().map(|(_, event)| event.size_bytes()).collect();
        let (places, events): (Vec<Place>, Vec<Event>) = fetched.events.into_iter().unzip();
        let last = places.last().map_or(fetched.last, |place| fetched.last.max(*place));
        Self { last, places, events, sizes }
    }

    pub(super) fn len(&self) -> usize {
        self.events.len()
    }

    /// As many events from `start` on as fit, and at least one.
    pub(super) fn batch(&self, start: usize, events: usize, bytes: usize) -> &[Event] {
        let mut end = start;
        let mut total = 0_usize;
        for size in self.sizes.iter().skip(start).take(events.max(1)) {
            total = total.saturating_add(*size);
            if total > bytes && end > start {
                break;
            }
            end += 1;
        }
        self.events.get(start..end).unwrap_or_default()
    }

    /// One event and its place.
    pub(super) fn get(&self, index: usize) -> Option<(Place, &Event)> {
        Some((*self.places.get(index)?, self.events.get(index)?))
    }

    /// The place up to which everything is done when the first `count` events are.
    pub(super) fn through(&self, count: usize) -> Option<Place> {
        if count >= self.len() {
            return Some(self.last);
        }
        self.places.get(count.checked_sub(1)?).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::events;
    use super::*;

    #[test]
    fn batches_end_where_events_or_bytes_do() {
        let chunk =
            Chunk::new(Fetched { events: events(1, 0..5), last: Place { position: 2, index: 0 } });
        let size = chunk.events.first().unwrap().size_bytes();
        let cut = |start, events, bytes| {
            let ids = chunk.batch(start, events, bytes).iter().map(|event| event.id.as_str());
            ids.collect::<Vec<_>>().join(" ")
        };
        assert_eq!(cut(0, 10, usize::MAX), "1-0 1-1 1-2 1-3 1-4");
        assert_eq!(cut(3, 10, usize::MAX), "1-3 1-4");
        assert_eq!(cut(1, 2, usize::MAX), "1-1 1-2");
        assert_eq!(cut(1, 10, 3 * size), "1-1 1-2 1-3");
        assert_eq!(cut(1, 10, 3 * size - 1), "1-1 1-2");
        // One that is too large is tried alone.
        assert_eq!(cut(1, 10, 1), "1-1");
        assert_eq!(cut(5, 10, 1), "");
    }

    #[test]
    fn the_last_event_stands_for_all_that_was_looked_at() {
        let last = Place { position: 2, index: 0 };
        let chunk = Chunk::new(Fetched { events: events(1, 0..2), last });
        assert_eq!(chunk.through(0), None);
        assert_eq!(chunk.through(1), Some(Place { position: 1, index: 0 }));
        assert_eq!(chunk.through(2), Some(last));
        assert_eq!(Chunk::new(Fetched { events: Vec::new(), last }).through(0), Some(last));
    }
}
