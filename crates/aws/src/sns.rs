//! SNS: messages for a topic.
//!
//! Nothing is tried twice here: whoever sends decides when to send again.

use aws_config::retry::RetryConfig;
use aws_sdk_sns::Client;
use aws_sdk_sns::config::Builder;
use aws_sdk_sns::types::{MessageAttributeValue, PublishBatchRequestEntry};

use crate::batch::{Fault, Message, faults};
use crate::call::{CallError, trouble};
use crate::session::Session;

/// A client for one topic.
#[derive(Debug, Clone)]
pub struct Topic {
    client: Client,
    arn: String,
}

impl Topic {
    /// A client with the credentials and the region of a session.
    #[must_use]
    pub fn new(session: &Session, arn: &str) -> Self {
        let config = Builder::from(session.config()).retry_config(RetryConfig::disabled());
        Self { client: Client::from_conf(config.build()), arn: arn.to_owned() }
    }

    /// Sends at most [`ENTRIES`](crate::batch::ENTRIES) messages. Needs `sns:Publish`.
    ///
    /// # Errors
    /// When AWS does not take the batch. What it does not take of a batch is told as faults.
    pub async fn send(&self, messages: &[Message]) -> Result<Vec<Fault>, CallError> {
        let entries = messages.iter().enumerate().map(|(number, message)| entry(number, message));
        let entries = entries.collect::<Result<Vec<_>, _>>()?;
        let request = self.client.publish_batch().topic_arn(&self.arn);
        let answer = request.set_publish_batch_request_entries(Some(entries)).send().await;
        let answer = answer.map_err(|error| trouble(&error))?;
        let failed = answer
            .failed()
            .iter()
            .map(|failed| (failed.id(), failed.sender_fault(), failed.code(), failed.message()));
        faults(failed, answer.successful().len(), messages.len())
    }
}

fn entry(number: usize, message: &Message) -> Result<PublishBatchRequestEntry, CallError> {
    let refused = |error: aws_sdk_sns::error::BuildError| CallError::refused(error.to_string());
    let mut entry = PublishBatchRequestEntry::builder()
        .id(number.to_string())
        .message(&message.body)
        .set_message_group_id(message.group.clone())
        .set_message_deduplication_id(message.deduplication.clone());
    for (name, value) in &message.attributes {
        let value = MessageAttributeValue::builder().data_type("String").string_value(value);
        entry = entry.message_attributes(name, value.build().map_err(refused)?);
    }
    entry.build().map_err(refused)
}
