//! SNS: each event is a message in the JSON format.

use std::collections::BTreeMap;

use async_trait::async_trait;
use billhook_aws::batch::{ENTRIES, Message};
use billhook_aws::sns::Topic;
use secrecy::SecretString;
use tokio::sync::OnceCell;

use super::{Caller, message, region_of_arn, settle};
use crate::event::Event;
use crate::settings::{SettingsError, SnsTarget};
use crate::sink::{Limits, Refused, Sink};
use crate::sinks::brokers::runs;

/// A batch may have 256 KiB unless the topic allows more; attributes count, too.
const BYTES: usize = 250_000;

/// The sink.
pub struct Sns {
    arn: String,
    caller: Caller,
    client: OnceCell<Topic>,
}

impl Sns {
    /// Looks at the settings; AWS is asked when events are sent.
    ///
    /// # Errors
    /// When they do not fit together.
    #[expect(clippy::unused_async, reason = "sinks are opened alike")]
    pub async fn open(
        target: &SnsTarget,
        secrets: &BTreeMap<String, SecretString>,
    ) -> Result<Self, SettingsError> {
        let Some(region) = region_of_arn(&target.topic_arn) else {
            let reason = "is not the ARN of a topic, arn:aws:sns:REGION:ACCOUNT:NAME";
            return Err(SettingsError::setting("topic_arn", reason));
        };
        Ok(Self {
            arn: target.topic_arn.clone(),
            caller: Caller::new(&target.reach, Some(region), secrets)?,
            client: OnceCell::new(),
        })
    }
}

#[async_trait]
impl Sink for Sns {
    fn limits(&self) -> Limits {
        Limits { events: ENTRIES, bytes: BYTES }
    }

    async fn send(&self, events: &[Event]) -> Result<(), Refused> {
        let client = self.client.get_or_try_init(|| async {
            Ok::<_, Refused>(Topic::new(&self.caller.session().await?, &self.arn))
        });
        let client = Box::pin(client).await?;
        let is_fifo = self.arn.ends_with(".fifo");
        for (start, run) in runs(events, ENTRIES) {
            let messages: Vec<Message> = run.iter().map(|event| message(event, is_fifo)).collect();
            settle(Box::pin(client.send(&messages)).await, start, run.len())?;
        }
        Ok(())
    }

    async fn test(&self) -> Result<String, Refused> {
        self.send(&[Event::test()]).await?;
        Ok(format!("topic {} took a test event", self.arn))
    }
}
