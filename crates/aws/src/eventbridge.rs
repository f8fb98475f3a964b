//! `EventBridge`: events for a bus.
//!
//! Nothing is tried twice here: whoever sends decides when to send again.

use aws_config::retry::RetryConfig;
use aws_sdk_eventbridge::Client;
use aws_sdk_eventbridge::config::Builder;
use aws_sdk_eventbridge::primitives::{DateTime, DateTimeFormat};
use aws_sdk_eventbridge::types::{PutEventsRequestEntry, PutEventsResultEntry};

use crate::batch::{Fault, fault};
use crate::call::{CallError, trouble};
use crate::session::Session;

/// An event.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BusEvent {
    /// Where it comes from.
    pub source: String,
    /// What it is, at most 128 characters.
    pub detail_type: String,
    /// A JSON object.
    pub detail: String,
    /// When, `2026-01-31T00:00:00Z`; AWS takes now when this is no time.
    pub time: String,
}

/// A client for one bus.
#[derive(Debug, Clone)]
pub struct EventBus {
    client: Client,
    bus: String,
}

impl EventBus {
    /// A client with the credentials and the region of a session, for a bus by name or ARN.
    #[must_use]
    pub fn new(session: &Session, bus: &str) -> Self {
        let config = Builder::from(session.config()).retry_config(RetryConfig::disabled());
        Self { client: Client::from_conf(config.build()), bus: bus.to_owned() }
    }

    /// Is there such a bus? AWS says that it takes events for a bus that is not there, and drops
    /// them. Needs `events:DescribeEventBus`.
    ///
    /// # Errors
    /// When AWS does not say.
    pub async fn is_there(&self) -> Result<bool, CallError> {
        let answer = self.client.describe_event_bus().name(&self.bus).send().await;
        match answer.map_err(|error| trouble(&error)) {
            Ok(_) => Ok(true),
            Err(error) if error.code == "ResourceNotFoundException" => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Sends at most [`ENTRIES`](crate::batch::ENTRIES) events. Needs `events:PutEvents`.
    ///
    /// # Errors
    /// When AWS does not take the batch. What it does not take of a batch is told as faults.
    pub async fn put(&self, events: &[BusEvent]) -> Result<Vec<Fault>, CallError> {
        let entries = events.iter().map(|event| self.entry(event)).collect();
        let answer = self.client.put_events().set_entries(Some(entries)).send().await;
        let answer = answer.map_err(|error| trouble(&error))?;
        let told = answer.entries();
        if told.len() != events.len() {
            return Err(CallError::refused("the answer does not tell of every event"));
        }
        told.iter().enumerate().filter_map(|(number, entry)| refusal(number, entry)).collect()
    }

    fn entry(&self, event: &BusEvent) -> PutEventsRequestEntry {
        PutEventsRequestEntry::builder()
            .event_bus_name(&self.bus)
            .source(&event.source)
            .detail_type(&event.detail_type)
            .detail(&event.detail)
            .set_time(DateTime::from_str(&event.time, DateTimeFormat::DateTime).ok())
            .build()
    }
}

/// What is wrong with an entry; an event that was taken has an id.
fn refusal(number: usize, entry: &PutEventsResultEntry) -> Option<Result<Fault, CallError>> {
    match (entry.error_code(), entry.event_id()) {
        (None, Some(_)) => None,
        (code, _) => Some(fault(number, true, code.unwrap_or_default(), entry.error_message())),
    }
}
