//! Where events can be sent to.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::SettingsError;

mod aws;

pub use aws::{AwsReach, EventbridgeTarget, SnsTarget, SqsTarget};

/// Where events are sent to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Target {
    /// A web address.
    Http(HttpTarget),
    /// NATS `JetStream`.
    Nats(NatsTarget),
    /// Apache Kafka, and what speaks its protocol.
    Kafka(KafkaTarget),
    /// Amazon `EventBridge`.
    Eventbridge(EventbridgeTarget),
    /// A queue of Amazon SQS.
    Sqs(SqsTarget),
    /// A topic of Amazon SNS.
    Sns(SnsTarget),
    /// A file, an event a line.
    File {
        /// Its path. It is made when it is not there.
        path: PathBuf,
    },
    /// Standard output, an event a line.
    Stdout,
}

/// How an event lies in a message or request.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// All of it as JSON.
    #[default]
    Structured,
    /// Attributes as headers, `data` as the body.
    Binary,
    /// Many events as a JSON array; HTTP only.
    Batched,
}

/// A web address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HttpTarget {
    /// `https://…` or `http://…`, without user and password.
    pub url: String,
    /// How events lie in requests.
    #[serde(default)]
    pub mode: Mode,
    /// More headers. Values that are secret are no settings: the secret `header:NAME` holds one.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// Sign requests as Standard Webhooks says, with the secret `webhook`.
    #[serde(default)]
    pub signs: bool,
    /// Allow link-local addresses and those of instance metadata.
    #[serde(default)]
    pub allow_private: bool,
    /// How long a request may take, seconds.
    #[serde(default = "thirty_seconds")]
    pub timeout_s: u64,
}

/// NATS `JetStream`. Secrets: `user` and `password`, or `token`, or `creds` (a credentials file).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NatsTarget {
    /// `nats://host:4222`, `tls://host:4222`; any of one cluster.
    pub servers: Vec<String>,
    /// The stream to make when it is not there; `None` when somebody else looks after it.
    #[serde(default)]
    pub stream: Option<String>,
    /// What subjects begin with.
    #[serde(default = "billhook")]
    pub subject: String,
    /// How events lie in messages.
    #[serde(default)]
    pub mode: Mode,
}

/// Apache Kafka. Secret: `password`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KafkaTarget {
    /// `host:9092`; any of one cluster.
    pub brokers: Vec<String>,
    /// The topic. It must exist, unless the brokers make it.
    pub topic: String,
    /// Speak TLS.
    #[serde(default)]
    pub tls: bool,
    /// How to sign in; `None` for not at all.
    #[serde(default)]
    pub sasl: Option<Sasl>,
    /// Who signs in.
    #[serde(default)]
    pub user: Option<String>,
    /// How events lie in messages.
    #[serde(default)]
    pub mode: Mode,
}

/// How to sign in at Kafka.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sasl {
    /// `PLAIN`.
    Plain,
    /// `SCRAM-SHA-256`.
    #[serde(rename = "scram_sha_256")]
    ScramSha256,
    /// `SCRAM-SHA-512`.
    #[serde(rename = "scram_sha_512")]
    ScramSha512,
}

/// Who Billhook is towards AWS when it sends. Nothing means whatever the environment offers.
/// Secrets: `secret_access_key`, and `session_token` of a temporary key.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AwsIdentity {
    /// A role to be assumed.
    #[serde(default)]
    pub role_arn: Option<String>,
    /// What the role's trust policy asks for.
    #[serde(default)]
    pub external_id: Option<String>,
    /// A profile of AWS's configuration files.
    #[serde(default)]
    pub profile: Option<String>,
    /// `AKIA…` or `ASIA…`.
    #[serde(default)]
    pub access_key_id: Option<String>,
}

fn thirty_seconds() -> u64 {
    30
}

fn billhook() -> String {
    "billhook".to_owned()
}

impl Target {
    /// `http`, `nats`, `kafka`, `eventbridge`, `sqs`, `sns`, `file` or `stdout`.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Http(_) => "http",
            Self::Nats(_) => "nats",
            Self::Kafka(_) => "kafka",
            Self::Eventbridge(_) => "eventbridge",
            Self::Sqs(_) => "sqs",
            Self::Sns(_) => "sns",
            Self::File { .. } => "file",
            Self::Stdout => "stdout",
        }
    }

    /// Where to, in a word.
    #[must_use]
    pub fn title(&self) -> String {
        match self {
            Self::Http(http) => http.url.clone(),
            Self::Nats(nats) => format!("{} at {}", nats.subject, nats.servers.join(",")),
            Self::Kafka(kafka) => format!("{} at {}", kafka.topic, kafka.brokers.join(",")),
            Self::Eventbridge(eventbridge) => eventbridge.bus.clone(),
            Self::Sqs(sqs) => sqs.queue_url.clone(),
            Self::Sns(sns) => sns.topic_arn.clone(),
            Self::File { path } => path.display().to_string(),
            Self::Stdout => "standard output".to_owned(),
        }
    }

    /// Is everything said that must be, and nothing that excludes something else?
    pub(super) fn check(&self) -> Result<(), SettingsError> {
        match self {
            Self::Http(http) => {
                is_given("url", &http.url)?;
                if http.timeout_s == 0 {
                    return Err(SettingsError::setting("timeout_s", "must be at least 1"));
                }
                Ok(())
            }
            Self::Nats(nats) => {
                are_given("servers", &nats.servers)?;
                is_given("subject", &nats.subject)?;
                one_a_message(nats.mode)
            }
            Self::Kafka(kafka) => {
                are_given("brokers", &kafka.brokers)?;
                is_given("topic", &kafka.topic)?;
                if kafka.sasl.is_some() && kafka.user.is_none() {
                    return Err(SettingsError::setting("user", "is needed to sign in"));
                }
                one_a_message(kafka.mode)
            }
            Self::Eventbridge(eventbridge) => {
                is_given("bus", &eventbridge.bus)?;
                eventbridge.reach.identity.check()
            }
            Self::Sqs(sqs) => {
                is_given("queue_url", &sqs.queue_url)?;
                sqs.reach.identity.check()
            }
            Self::Sns(sns) => {
                is_given("topic_arn", &sns.topic_arn)?;
                sns.reach.identity.check()
            }
            Self::File { path } => is_given("path", &path.to_string_lossy()),
            Self::Stdout => Ok(()),
        }
    }
}

impl AwsIdentity {
    fn check(&self) -> Result<(), SettingsError> {
        if self.profile.is_some() && self.access_key_id.is_some() {
            let reason = "give a profile or an access key, not both";
            return Err(SettingsError::setting("profile", reason));
        }
        if self.external_id.is_some() && self.role_arn.is_none() {
            let reason = "an external ID is for a role: give role_arn, too";
            return Err(SettingsError::setting("external_id", reason));
        }
        Ok(())
    }
}

fn is_given(setting: &'static str, text: &str) -> Result<(), SettingsError> {
    if text.trim().is_empty() {
        return Err(SettingsError::setting(setting, "is not given"));
    }
    Ok(())
}

fn are_given(setting: &'static str, texts: &[String]) -> Result<(), SettingsError> {
    if texts.is_empty() {
        return Err(SettingsError::setting(setting, "give at least one"));
    }
    texts.iter().try_for_each(|text| is_given(setting, text))
}

fn one_a_message(mode: Mode) -> Result<(), SettingsError> {
    match mode {
        Mode::Structured | Mode::Binary => Ok(()),
        Mode::Batched => Err(SettingsError::setting("mode", "batched is for http only")),
    }
}
