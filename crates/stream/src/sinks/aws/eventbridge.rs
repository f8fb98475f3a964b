//! `EventBridge`: each event is the detail of one of the bus, its type the detail type.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use billhook_aws::batch::ENTRIES;
use billhook_aws::eventbridge::{BusEvent, EventBus};
use secrecy::SecretString;
use tokio::sync::OnceCell;

use super::{Caller, region_of_arn, settle};
use crate::event::Event;
use crate::settings::{EventbridgeTarget, SettingsError};
use crate::sink::{Limits, Refused, Sink, Verdict};
use crate::sinks::brokers::runs;

/// A request must be smaller than 1 MB; source, type and time count, too.
const BYTES: usize = 900_000;

/// The sink.
pub struct Eventbridge {
    bus: String,
    caller: Caller,
    client: OnceCell<EventBus>,
    is_there: AtomicBool,
}

impl Eventbridge {
    /// Looks at the settings; AWS is asked when events are sent.
    ///
    /// # Errors
    /// When they do not fit together.
    #[expect(clippy::unused_async, reason = "sinks are opened alike")]
    pub async fn open(
        target: &EventbridgeTarget,
        secrets: &BTreeMap<String, SecretString>,
    ) -> Result<Self, SettingsError> {
        Ok(Self {
            bus: target.bus.clone(),
            caller: Caller::new(&target.reach, region_of_arn(&target.bus), secrets)?,
            client: OnceCell::new(),
            is_there: AtomicBool::new(false),
        })
    }

    /// The client. The first time, the bus is looked for: AWS takes events for one that is not
    /// there without a word.
    async fn client(&self) -> Result<&EventBus, Refused> {
        let client = self.client.get_or_try_init(|| async {
            Ok::<_, Refused>(EventBus::new(&self.caller.session().await?, &self.bus))
        });
        let client = client.await?;
        if !self.is_there.load(Ordering::Relaxed) {
            // Who may not look may still send.
            if let Ok(false) = Box::pin(client.is_there()).await {
                let reason = format!("there is no event bus {}", self.bus);
                return Err(Refused { reason, verdict: Verdict::Broken });
            }
            self.is_there.store(true, Ordering::Relaxed);
        }
        Ok(client)
    }
}

#[async_trait]
impl Sink for Eventbridge {
    fn limits(&self) -> Limits {
        Limits { events: ENTRIES, bytes: BYTES }
    }

    async fn send(&self, events: &[Event]) -> Result<(), Refused> {
        let client = Box::pin(self.client()).await?;
        for (start, run) in runs(events, ENTRIES) {
            let entries: Vec<BusEvent> = run.iter().map(entry).collect();
            settle(Box::pin(client.put(&entries)).await, start, run.len())?;
        }
        Ok(())
    }

    async fn test(&self) -> Result<String, Refused> {
        self.send(&[Event::test()]).await?;
        Ok(format!("event bus {} took a test event", self.bus))
    }
}

fn entry(event: &Event) -> BusEvent {
    BusEvent {
        source: event.source.clone(),
        detail_type: event.kind.to_owned(),
        detail: event.structured().to_string(),
        time: event.time.clone(),
    }
}
