//! SQS: each event is a message in the JSON format.

use std::collections::BTreeMap;

use async_trait::async_trait;
use billhook_aws::batch::{ENTRIES, Message};
use billhook_aws::sqs::Queue;
use secrecy::SecretString;
use tokio::sync::OnceCell;
use url::Url;

use super::{Caller, message, settle};
use crate::event::Event;
use crate::settings::{SettingsError, SqsTarget};
use crate::sink::{Limits, Refused, Sink};
use crate::sinks::brokers::runs;

/// A batch may have 1 MiB; attributes count, too.
const BYTES: usize = 1_000_000;

/// The sink.
pub struct Sqs {
    url: String,
    caller: Caller,
    client: OnceCell<Queue>,
}

impl Sqs {
    /// Looks at the settings; AWS is asked when events are sent.
    ///
    /// # Errors
    /// When they do not fit together.
    #[expect(clippy::unused_async, reason = "sinks are opened alike")]
    pub async fn open(
        target: &SqsTarget,
        secrets: &BTreeMap<String, SecretString>,
    ) -> Result<Self, SettingsError> {
        let url = Url::parse(&target.queue_url).map_err(|error| {
            SettingsError::setting("queue_url", format!("is not the URL of a queue: {error}"))
        })?;
        Ok(Self {
            url: target.queue_url.clone(),
            caller: Caller::new(&target.reach, region_of_url(&url), secrets)?,
            client: OnceCell::new(),
        })
    }
}

#[async_trait]
impl Sink for Sqs {
    fn limits(&self) -> Limits {
        Limits { events: ENTRIES, bytes: BYTES }
    }

    async fn send(&self, events: &[Event]) -> Result<(), Refused> {
        let client = self.client.get_or_try_init(|| async {
            Ok::<_, Refused>(Queue::new(&self.caller.session().await?, &self.url))
        });
        let client = Box::pin(client).await?;
        let is_fifo = self.url.ends_with(".fifo");
        for (start, run) in runs(events, ENTRIES) {
            let messages: Vec<Message> = run.iter().map(|event| message(event, is_fifo)).collect();
            settle(Box::pin(client.send(&messages)).await, start, run.len())?;
        }
        Ok(())
    }

    async fn test(&self) -> Result<String, Refused> {
        self.send(&[Event::test()]).await?;
        Ok(format!("queue {} took a test event", self.url))
    }
}

/// The region in `https://sqs.REGION.amazonaws.com/…`.
fn region_of_url(url: &Url) -> Option<String> {
    let mut labels = url.host_str()?.split('.');
    let region = labels.by_ref().skip_while(|label| *label != "sqs").nth(1)?;
    (labels.next() == Some("amazonaws")).then(|| region.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_name_regions() {
        let region = |url: &str| region_of_url(&Url::parse(url).unwrap());
        let known = region("https://sqs.eu-central-1.amazonaws.com/111122223333/costs");
        assert_eq!(known.as_deref(), Some("eu-central-1"));
        let known = region("https://sqs.cn-north-1.amazonaws.com.cn/111122223333/costs");
        assert_eq!(known.as_deref(), Some("cn-north-1"));
        assert_eq!(region("http://127.0.0.1:5000/111122223333/costs"), None);
        assert_eq!(region("https://queue.example.com/costs"), None);
    }
}
