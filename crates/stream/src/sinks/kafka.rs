//! Kafka: each event is a record, its key the partition key, so that the events of a subject keep
//! their order. The producer is idempotent and waits for all replicas.
//!
//! A producer that gave trouble is closed, and the next attempt makes a new one.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use krafka::auth::{AuthConfig, TlsConfig};
use krafka::error::ErrorCode;
use krafka::producer::{Acks, DeliveryHandle, Producer};
use krafka::{CloseOptions, Compression, Kafka as Cluster, KrafkaError, Record};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Mutex;

use crate::event::{DATA_CONTENT_TYPE, Event};
use crate::settings::{KafkaTarget, Mode, Sasl, SettingsError};
use crate::sink::{Limits, Refused, Sink, Verdict};
use crate::sinks::brokers::{EVENT_CONTENT_TYPE, runs};

/// Records on their way at once.
const EVENTS: usize = 1000;

/// The same, in bytes.
const BYTES: usize = 4 << 20;

/// A batch of a partition, well below what brokers take (`message.max.bytes`).
const BATCH_BYTES: usize = 256 << 10;

/// How long a connection may take, and a request.
const PATIENCE: Duration = Duration::from_secs(10);

/// So long the producer tries by itself, until every record has an outcome.
const DELIVERED_WITHIN: Duration = Duration::from_secs(20);

/// The sink.
pub struct Kafka {
    brokers: String,
    topic: String,
    security: AuthConfig,
    mode: Mode,
    producer: Mutex<Option<Arc<Producer>>>,
}

impl Kafka {
    /// Looks at the settings; the connection is made when events are sent.
    ///
    /// # Errors
    /// When they do not fit together.
    #[expect(clippy::unused_async, reason = "sinks are opened alike")]
    pub async fn open(
        target: &KafkaTarget,
        secrets: &BTreeMap<String, SecretString>,
    ) -> Result<Self, SettingsError> {
        Ok(Self {
            brokers: target.brokers.join(","),
            topic: target.topic.clone(),
            security: security(target, secrets)?,
            mode: target.mode,
            producer: Mutex::new(None),
        })
    }

    async fn producer(&self) -> Result<Arc<Producer>, Refused> {
        let mut kept = self.producer.lock().await;
        if let Some(producer) = &*kept {
            return Ok(Arc::clone(producer));
        }
        let connected = Box::pin(self.connect()).await;
        let producer = Arc::new(connected.map_err(|error| judge(&error, None))?);
        *kept = Some(Arc::clone(&producer));
        Ok(producer)
    }

    async fn connect(&self) -> krafka::Result<Producer> {
        let cluster = Cluster::builder(&self.brokers)
            .client_id("billhook")
            .security(self.security.clone())
            .connect_timeout(PATIENCE)
            .request_timeout(PATIENCE)
            .connect();
        let cluster = cluster.await?;
        let producer = cluster
            .producer()
            .acks(Acks::All)
            .idempotent(true)
            .compression(Compression::Lz4)
            .batch_size(BATCH_BYTES)
            .delivery_timeout(DELIVERED_WITHIN)
            .max_block(PATIENCE)
            .metrics_push(false);
        producer.build().await
    }

    fn record(&self, event: &Event) -> Record {
        let (value, kind, headers) = match self.mode {
            Mode::Binary => (event.data.to_string(), DATA_CONTENT_TYPE, event.headers("ce_")),
            _ => (event.structured().to_string(), EVENT_CONTENT_TYPE, Vec::new()),
        };
        let record = Record::new(&self.topic, value).key(event.key().to_owned());
        let record = record.header("content-type", kind);
        headers.into_iter().fold(record, |record, (name, value)| record.header(name, value))
    }

    /// Sends events with distinct keys, and waits until each has an outcome: none may still be on
    /// its way when it is sent again.
    async fn produce(
        &self,
        producer: &Producer,
        start: usize,
        run: &[Event],
        is_alone: bool,
    ) -> Result<(), Refused> {
        let mut handles: Vec<DeliveryHandle> = Vec::with_capacity(run.len());
        let mut failed = None;
        for event in run {
            match producer.enqueue(self.record(event)).await {
                Ok(handle) => handles.push(handle),
                Err(error) => {
                    failed = Some(error);
                    break;
                }
            }
        }
        for handle in handles {
            if let Err(error) = handle.await {
                failed.get_or_insert(error);
            }
        }
        match failed {
            None => Ok(()),
            Some(error) => Err(judge(&error, is_alone.then_some(start))),
        }
    }
}

#[async_trait]
impl Sink for Kafka {
    fn limits(&self) -> Limits {
        Limits { events: EVENTS, bytes: BYTES }
    }

    async fn send(&self, events: &[Event]) -> Result<(), Refused> {
        let producer = self.producer().await?;
        for (start, run) in runs(events, EVENTS) {
            let sent = Box::pin(self.produce(&producer, start, run, events.len() == 1)).await;
            if let Err(refused) = sent {
                *self.producer.lock().await = None;
                producer.close_with(CloseOptions::new().timeout(PATIENCE)).await.ok();
                return Err(refused);
            }
        }
        Ok(())
    }

    async fn test(&self) -> Result<String, Refused> {
        self.send(&[Event::test()]).await?;
        Ok(format!("topic {} acknowledged a test event", self.topic))
    }
}

fn security(
    target: &KafkaTarget,
    secrets: &BTreeMap<String, SecretString>,
) -> Result<AuthConfig, SettingsError> {
    let password: Option<&str> = secrets.get("password").map(ExposeSecret::expose_secret);
    let security = match (target.sasl, &target.user, password) {
        (None, None, None) => AuthConfig::plaintext(),
        (Some(Sasl::Plain), Some(user), Some(password)) => AuthConfig::sasl_plain(user, password),
        (Some(Sasl::ScramSha256), Some(user), Some(password)) => {
            AuthConfig::sasl_scram_sha256(user, password)
        }
        (Some(Sasl::ScramSha512), Some(user), Some(password)) => {
            AuthConfig::sasl_scram_sha512(user, password)
        }
        (None, _, _) => {
            return Err(SettingsError::setting("sasl", "a user signs in with plain or scram"));
        }
        (Some(_), None, _) => return Err(SettingsError::setting("user", "is needed to sign in")),
        (Some(_), _, None) => return Err(SettingsError::no_secret("password")),
    };
    if target.tls {
        return Ok(security.with_tls(TlsConfig::new().with_native_roots()));
    }
    Ok(security)
}

/// What an error means; `alone` is the place of the event that was sent alone, if it was.
fn judge(error: &KrafkaError, alone: Option<usize>) -> Refused {
    let verdict = match error {
        KrafkaError::Auth { .. }
        | KrafkaError::Compression { .. }
        | KrafkaError::Config { .. }
        | KrafkaError::UnknownTopic { .. } => Verdict::Broken,
        KrafkaError::Broker { code, .. } => answered(*code, alone),
        KrafkaError::Protocol { kind, .. } if !kind.is_retriable() => Verdict::Broken,
        _ => Verdict::Later { after: None },
    };
    Refused { reason: format!("Kafka: {error}"), verdict }
}

fn answered(code: ErrorCode, alone: Option<usize>) -> Verdict {
    match (code, alone) {
        (
            ErrorCode::MessageTooLarge | ErrorCode::RecordListTooLarge | ErrorCode::InvalidRecord,
            Some(index),
        ) => Verdict::Poison { events: vec![index] },
        // Smaller batches find the culprit.
        (
            ErrorCode::MessageTooLarge | ErrorCode::RecordListTooLarge | ErrorCode::InvalidRecord,
            None,
        ) => Verdict::TooLarge,
        (
            ErrorCode::ClusterAuthorizationFailed
            | ErrorCode::IllegalSaslState
            | ErrorCode::InvalidTopic
            | ErrorCode::PolicyViolation
            | ErrorCode::SaslAuthenticationFailed
            | ErrorCode::TopicAuthorizationFailed
            | ErrorCode::UnknownTopicOrPartition
            | ErrorCode::UnsupportedSaslMechanism
            | ErrorCode::UnsupportedVersion,
            _,
        ) => Verdict::Broken,
        _ => Verdict::Later { after: None },
    }
}
