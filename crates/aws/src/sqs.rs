//! SQS: messages for a queue.
//!
//! Nothing is tried twice here: whoever sends decides when to send again.

use aws_config::retry::RetryConfig;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::config::Builder;
use aws_sdk_sqs::types::{MessageAttributeValue, SendMessageBatchRequestEntry};

use crate::batch::{Fault, Message, faults};
use crate::call::{CallError, trouble};
use crate::session::Session;

/// A client for one queue.
#[derive(Debug, Clone)]
pub struct Queue {
    client: Client,
    url: String,
}

impl Queue {
    /// A client with the credentials and the region of a session.
    #[must_use]
    pub fn new(session: &Session, url: &str) -> Self {
        let config = Builder::from(session.config()).retry_config(RetryConfig::disabled());
        Self { client: Client::from_conf(config.build()), url: url.to_owned() }
    }

    /// Sends at most [`ENTRIES`](crate::batch::ENTRIES) messages. Needs `sqs:SendMessage`.
    ///
    /// # Errors
    /// When AWS does not take the batch. What it does not take of a batch is told as faults.
    pub async fn send(&self, messages: &[Message]) -> Result<Vec<Fault>, CallError> {
        let entries = messages.iter().enumerate().map(|(number, message)| entry(number, message));
        let entries = entries.collect::<Result<Vec<_>, _>>()?;
        let request = self.client.send_message_batch().queue_url(&self.url);
        let answer = request.set_entries(Some(entries)).send().await;
        let answer = answer.map_err(|error| trouble(&error))?;
        let failed = answer
            .failed()
            .iter()
            .map(|failed| (failed.id(), failed.sender_fault(), failed.code(), failed.message()));
        faults(failed, answer.successful().len(), messages.len())
    }
}

fn entry(number: usize, message: &Message) -> Result<SendMessageBatchRequestEntry, CallError> {
    let refused = |error: aws_sdk_sqs::error::BuildError| CallError::refused(error.to_string());
    let mut entry = SendMessageBatchRequestEntry::builder()
        .id(number.to_string())
        .message_body(&message.body)
        .set_message_group_id(message.group.clone())
        .set_message_deduplication_id(message.deduplication.clone());
    for (name, value) in &message.attributes {
        let value = MessageAttributeValue::builder().data_type("String").string_value(value);
        entry = entry.message_attributes(name, value.build().map_err(refused)?);
    }
    entry.build().map_err(refused)
}
