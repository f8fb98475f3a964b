//! The events of all happenings, in order, from any place on.
//!
//! A place is the position of a happening and the number of an event among those of it, from 1.
//! What a happening tells is read from the lake each time anew; of a large delivery only some days
//! at a time are kept (INV-MEM).

use std::sync::Arc;

use async_trait::async_trait;
use billhook_lake::Lake;
use billhook_lake::session::LakeSession;
use billhook_registry::{Happening, HappeningKind, Registry};
use billhook_stream::deliver::{Fetched, Place, Source, SourceError};
use billhook_stream::event::{COST_RECORDED, COST_RESTATED};
use billhook_stream::settings::{Format, SinkSettings};
use tokio::sync::Mutex;

use super::deliveries::Deliveries;
use super::told::{Told, View};
use super::{blocking, failed, figures};
use crate::EngineError;

/// The number of an event after all of a happening: nothing of it is left to be told.
pub const ALL: i64 = i64::MAX;

/// Happenings that are looked up at a time.
const HAPPENINGS: u32 = 64;

/// The events that are wanted, read from the lake.
pub struct LakeSource {
    lake: Lake,
    registry: Arc<Registry>,
    settings: SinkSettings,
    state: Mutex<State>,
}

/// What is kept from one look to the next.
#[derive(Default)]
struct State {
    view: Option<View>,
    told: Option<(i64, Told)>,
}

impl LakeSource {
    /// Events of a lake, as far as `settings` want them, and in the shape that they say.
    #[must_use]
    pub fn new(lake: Lake, registry: Arc<Registry>, settings: SinkSettings) -> Self {
        Self { lake, registry, settings, state: Mutex::default() }
    }

    /// As [`Source::after`].
    ///
    /// # Errors
    /// When the lake or the control database cannot be read.
    pub async fn look(&self, place: Place, limit: usize) -> Result<Fetched, EngineError> {
        let mut state = self.state.lock().await;
        let mut fetched = Fetched { events: Vec::new(), last: place };
        // The happening that the place is in comes again: something of it may be left.
        let mut after = place.position.saturating_sub(1);
        while fetched.events.len() < limit {
            let page = blocking(&self.registry, move |own| Ok(own.happenings(after, HAPPENINGS)?));
            let page = page.await?;
            let Some((newest, _)) = page.last() else { break };
            after = *newest;
            for (position, happening) in page {
                let told = if position == place.position { place.index } else { 0 };
                if told != ALL {
                    let from = Place { position, index: told };
                    self.tell(&mut state, from, &happening, limit, &mut fetched).await?;
                }
                if fetched.events.len() >= limit {
                    break;
                }
            }
        }
        Ok(fetched)
    }

    /// Adds what a happening tells after a place, until there are `limit` events.
    async fn tell(
        &self,
        state: &mut State,
        from: Place,
        happening: &Happening,
        limit: usize,
        fetched: &mut Fetched,
    ) -> Result<(), EngineError> {
        let Place { position, index } = from;
        if self.wants_connection(&happening.connection) {
            self.open(state, position, happening).await?;
            let State { view, told: Some((_, told)) } = state else { return Ok(()) };
            let events = told.count();
            for number in index..events {
                if fetched.events.len() >= limit {
                    return Ok(());
                }
                let place = Place { position, index: number.saturating_add(1) };
                if let Some(event) = told.event(view.as_ref(), number, place).await?
                    && self.settings.wants(&event)
                {
                    fetched.events.push((place, event));
                }
                fetched.last = place;
            }
        }
        fetched.last = Place { position, index: ALL };
        Ok(())
    }

    /// Can something of this connection be wanted?
    fn wants_connection(&self, name: &str) -> bool {
        let wanted = &self.settings.connections;
        wanted.is_empty() || wanted.iter().any(|one| one == name)
    }

    /// Can costs be wanted?
    fn wants_costs(&self) -> bool {
        let is_cost = |name: &String| {
            [COST_RECORDED, COST_RESTATED].iter().any(|kind| kind.contains(name.as_str()))
        };
        self.settings.types.is_empty() || self.settings.types.iter().any(is_cost)
    }

    /// Makes ready to tell a happening.
    async fn open(
        &self,
        state: &mut State,
        position: i64,
        happening: &Happening,
    ) -> Result<(), EngineError> {
        if state.told.as_ref().is_some_and(|(open, _)| *open == position) {
            return Ok(());
        }
        state.told = None;
        let told = match (happening.kind, self.settings.format) {
            (HappeningKind::Health, Format::Cloudevents) => {
                let happening = happening.clone();
                blocking(&self.registry, move |own| Told::health(own, &happening)).await?
            }
            (HappeningKind::Health, Format::Vanus) => Told::default(),
            (HappeningKind::Delivery, _) => {
                let view = match state.view.take() {
                    Some(view) if view.horizon >= position => view,
                    _ => self.view().await?,
                };
                let view = state.view.insert(view);
                let costs = self.wants_costs();
                Box::pin(Told::delivery(view, happening, &self.settings, costs)).await?
            }
        };
        state.told = Some((position, told));
        Ok(())
    }

    /// The lake as it is now. Whatever is noted before it is opened was committed before, so that
    /// all that belongs to it is seen.
    async fn view(&self) -> Result<View, EngineError> {
        let horizon = blocking(&self.registry, |own| Ok(own.last_position()?)).await?;
        let settling = blocking(&self.registry, figures::settling).await?;
        let session = Box::pin(LakeSession::open(&self.lake, None)).await?;
        let deliveries = Deliveries::read(&session).await?;
        Ok(View { session, deliveries, settling, horizon })
    }
}

#[async_trait]
impl Source for LakeSource {
    async fn after(&self, place: Place, limit: usize) -> Result<Fetched, SourceError> {
        let found = Box::pin(self.look(place, limit)).await;
        found.map_err(|error| failed("read what happened", error))
    }
}
