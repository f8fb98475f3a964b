//! `publish`: what the lake and the health of connections tell goes to the sinks, as events.
//!
//! The lake's tables `deliveries`, `changes` and `changes_hourly` are the only truth about costs.
//! The control database keeps an order of what happened, which `noting` adds to, and how far each
//! sink is in it. [`LakeSource`] makes the events of a place from the lake, with ids that are
//! always the same (INV-IDEM); [`Publisher`] brings them to the sinks, each by itself, so that one
//! which is slow or dead holds up nobody. Start there.

mod attempts;
mod changes;
mod deliveries;
mod figures;
mod fresh;
mod hours;
mod journal;
mod letters;
mod noting;
mod publisher;
mod setting;
mod source;
mod times;
mod told;
mod vanus;

use std::collections::BTreeMap;
use std::sync::Arc;

use billhook_lake::Lake;
use billhook_registry::{NewSink, Registry, SecretString, SinkRecord};
use billhook_stream::deliver::{Fetched, Place, SourceError};
use billhook_stream::settings::{self, From as Start, SinkSettings};
use billhook_stream::sink::Sink;
use chrono::{NaiveDate, NaiveTime};

use crate::{EngineError, instant};

use noting::Noter;

pub use attempts::{Attempt, Attempts, Came, Tried};
pub use figures::{Figures, keeps_hours, settling_days};
pub use hours::Held;
pub use journal::RegistryJournal;
pub use letters::{Again, send_again};
pub use publisher::{News, Outcome, Patience, Publisher, Sent, Tell};
pub use setting::{Change, check, set};
pub use source::{ALL, LakeSource};

/// Events that are counted at a time.
const COUNTED: usize = 1_000;

/// Reads events without sending them anywhere.
pub struct Reader {
    lake: Lake,
    registry: Arc<Registry>,
    noter: Noter,
    source: LakeSource,
}

impl Reader {
    /// Reads what `settings` want; their target and start mean nothing here.
    #[must_use]
    pub fn new(lake: Lake, registry: Arc<Registry>, settings: SinkSettings) -> Self {
        let source = LakeSource::new(lake.clone(), Arc::clone(&registry), settings);
        Self { lake, registry, noter: Noter::default(), source }
    }

    /// Events after a place, at most `limit`; none when there are none yet.
    ///
    /// # Errors
    /// When the lake or the control database cannot be read.
    pub async fn after(&mut self, place: Place, limit: usize) -> Result<Fetched, EngineError> {
        self.noter.note(&self.lake, &self.registry).await?;
        Box::pin(self.source.look(place, limit)).await
    }

    /// How many events there are after a place; whoever counts gives up at `most`.
    ///
    /// # Errors
    /// As [`Self::after`].
    pub async fn count(&mut self, mut place: Place, most: usize) -> Result<usize, EngineError> {
        let mut count = 0_usize;
        while count < most {
            let fetched = self.after(place, COUNTED).await?;
            count = count.saturating_add(fetched.events.len());
            if fetched.events.len() < COUNTED {
                break;
            }
            place = fetched.last;
        }
        Ok(count.min(most))
    }

    /// The place from which on everything is new.
    ///
    /// # Errors
    /// As [`Self::after`].
    pub async fn end(&mut self) -> Result<Place, EngineError> {
        self.noter.note(&self.lake, &self.registry).await?;
        Ok(Place { position: self.registry.last_position()?, index: ALL })
    }

    /// The place before everything that was recorded at a time or later, or that a version, which
    /// is the first part of an event's `sequence`, or a later one tells.
    ///
    /// # Errors
    /// [`EngineError::Usage`] when the text is neither; as [`Self::after`].
    pub async fn place_of(&mut self, text: &str) -> Result<Place, EngineError> {
        self.noter.note(&self.lake, &self.registry).await?;
        if text.bytes().all(|byte| byte.is_ascii_digit())
            && let Ok(version) = text.parse::<i64>()
        {
            return Ok(Place { position: version.saturating_sub(1).max(0), index: ALL });
        }
        let micros = match text.parse::<NaiveDate>() {
            Ok(day) => day.and_time(NaiveTime::MIN).and_utc().timestamp_micros(),
            Err(_) => instant::parse_millis(text)?.saturating_mul(1000),
        };
        Ok(Place { position: self.registry.position_at(micros)?, index: ALL })
    }
}

/// Adds a sink, once it was made ready as far as that goes without sending anything.
///
/// # Errors
/// When its settings cannot be used, its name is taken, or the control database fails. Nothing is
/// stored after one.
pub async fn add(
    lake: &Lake,
    registry: &Arc<Registry>,
    settings: &SinkSettings,
    secrets: &BTreeMap<String, SecretString>,
    new: NewSink,
    now: i64,
) -> Result<SinkRecord, EngineError> {
    check(settings, secrets).await?;
    let mut reader = Reader::new(lake.clone(), Arc::clone(registry), settings.clone());
    let start = match settings.from {
        Start::Now => reader.end().await?,
        Start::History => Place::default(),
    };
    Ok(registry.add_sink_at(new, (start.position, start.index), now)?)
}

/// Sends one test event, and says in words what answered.
///
/// # Errors
/// When the sink's settings cannot be used, or it does not take the event.
pub async fn test(registry: &Arc<Registry>, sink: &SinkRecord) -> Result<String, EngineError> {
    let (_, open) = open(registry, sink).await?;
    open.test()
        .await
        .map_err(|refused| EngineError::Sink { sink: sink.name.clone(), reason: refused.reason })
}

/// As [`test`], of a sink that is not saved.
///
/// # Errors
/// As [`test`].
pub async fn try_out(
    name: &str,
    settings: &SinkSettings,
    secrets: &BTreeMap<String, SecretString>,
) -> Result<String, EngineError> {
    let open = Box::pin(settings::open(settings, secrets)).await?;
    open.test()
        .await
        .map_err(|refused| EngineError::Sink { sink: name.to_owned(), reason: refused.reason })
}

/// What a sink was told.
///
/// # Errors
/// When that cannot be understood: a later version may have stored it.
pub fn settings_of(sink: &SinkRecord) -> Result<SinkSettings, EngineError> {
    serde_json::from_value(sink.settings.clone()).map_err(|error| EngineError::Sink {
        sink: sink.name.clone(),
        reason: format!("its settings cannot be understood: {error}"),
    })
}

/// Makes a sink ready to be sent to.
async fn open(
    registry: &Arc<Registry>,
    sink: &SinkRecord,
) -> Result<(SinkSettings, Box<dyn Sink>), EngineError> {
    let settings = settings_of(sink)?;
    let id = sink.id.clone();
    let secrets = blocking(registry, move |own| Ok(own.sink_secrets(&id)?)).await?;
    let open = Box::pin(settings::open(&settings, &secrets)).await?;
    Ok((settings, open))
}

/// Does something with the control database on a thread where it may block.
async fn blocking<T: Send + 'static>(
    registry: &Arc<Registry>,
    work: impl FnOnce(&Registry) -> Result<T, EngineError> + Send + 'static,
) -> Result<T, EngineError> {
    let registry = Arc::clone(registry);
    match tokio::task::spawn_blocking(move || work(&registry)).await {
        Ok(done) => done,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // The process is about to end.
            Err(_) => Err(EngineError::Interrupted),
        },
    }
}

/// An error as the loop of a sink takes it.
fn failed(action: &'static str, error: EngineError) -> SourceError {
    let is_passing = match &error {
        EngineError::Registry(error) => error.retry(),
        error => error.retry(),
    };
    SourceError::new(action, is_passing, error)
}
