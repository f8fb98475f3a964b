//! What a sink is told: where to send what. Stored as JSON, so there is no secret in it; secrets
//! come by name beside it.

use std::collections::BTreeMap;

use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::{Number, Value};

use crate::event::{CONNECTION, Event, Extension, TYPES};
use crate::sink::Sink;
use crate::sinks::aws::eventbridge::Eventbridge;
use crate::sinks::aws::sns::Sns;
use crate::sinks::aws::sqs::Sqs;
use crate::sinks::file::File;
use crate::sinks::http::Http;
use crate::sinks::kafka::Kafka;
use crate::sinks::nats::Nats;
use crate::sinks::stdout::Stdout;

mod targets;

pub use targets::{
    AwsIdentity, AwsReach, EventbridgeTarget, HttpTarget, KafkaTarget, Mode, NatsTarget, Sasl,
    SnsTarget, SqsTarget, Target,
};

/// Everything that a sink is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SinkSettings {
    /// Where to send to.
    pub target: Target,
    /// In which shape.
    #[serde(default)]
    pub format: Format,
    /// How fine costs are told.
    #[serde(default)]
    pub granularity: Granularity,
    /// Types of events, whole or as `cost.restated`; none means all.
    #[serde(default)]
    pub types: Vec<String>,
    /// Connections; none means all.
    #[serde(default)]
    pub connections: Vec<String>,
    /// Fields of `data` and the value that each must have. An event without the field is left out.
    #[serde(default)]
    pub filters: BTreeMap<String, String>,
    /// Where to start.
    #[serde(default)]
    pub from: From,
}

/// The shape of events.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// Billhook's own events.
    #[default]
    Cloudevents,
    /// What Vanus's source for Amazon Billing sends; see [`crate::vanus`].
    Vanus,
}

/// How fine costs are told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Granularity {
    /// By day.
    #[default]
    Daily,
    /// By hour, of deliveries whose lines are hourly. Costs of others are not told.
    Hourly,
}

/// Where a new sink starts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum From {
    /// With what happens from now on.
    #[default]
    Now,
    /// With the first delivery that the lake knows.
    History,
}

/// Why settings cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// A setting is missing, or not usable.
    #[error("{setting}: {reason}")]
    Setting {
        /// Which, as it is called in the settings.
        setting: &'static str,
        /// What is wrong, and what is expected.
        reason: String,
    },
    /// A secret is not there.
    #[error("the secret {name:?} is not given")]
    NoSecret {
        /// Its name.
        name: String,
    },
    /// The settings look well, and the target cannot be used.
    #[error("cannot use {target}: {reason}")]
    Unusable {
        /// What was tried, without secrets.
        target: String,
        /// Why.
        reason: String,
    },
}

impl SettingsError {
    /// A setting is missing, or not usable.
    #[must_use]
    pub fn setting(setting: &'static str, reason: impl Into<String>) -> Self {
        Self::Setting { setting, reason: reason.into() }
    }

    /// A secret is not there.
    #[must_use]
    pub fn no_secret(name: impl Into<String>) -> Self {
        Self::NoSecret { name: name.into() }
    }

    /// The target cannot be used.
    #[must_use]
    pub fn unusable(target: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Unusable { target: target.into(), reason: reason.into() }
    }
}

impl SinkSettings {
    /// Are the settings consistent? Nothing is reached for.
    ///
    /// # Errors
    /// [`SettingsError::Setting`] for the first that is not usable.
    pub fn check(&self) -> Result<(), SettingsError> {
        if let Some(unknown) = self.types.iter().find(|name| !TYPES.iter().any(|t| names(name, t)))
        {
            let known: Vec<String> = TYPES.iter().map(|kind| short(kind)).collect();
            let reason = format!("there are no events {unknown:?}, only {}", known.join(", "));
            return Err(SettingsError::setting("types", reason));
        }
        if self.format == Format::Vanus && !(self.types.is_empty() && self.filters.is_empty()) {
            let reason = "the format vanus has one type of events, and cannot be filtered";
            return Err(SettingsError::setting("format", reason));
        }
        self.target.check()
    }

    /// Does the sink want an event?
    #[must_use]
    pub fn wants(&self, event: &Event) -> bool {
        let is_of_type =
            self.types.is_empty() || self.types.iter().any(|name| names(name, event.kind));
        is_of_type && self.wants_connection(event) && self.filters.iter().all(|f| fits(event, f))
    }

    /// An event without a connection is of all of them.
    fn wants_connection(&self, event: &Event) -> bool {
        match event.extensions.get(CONNECTION) {
            Some(Extension::Text(name)) => {
                self.connections.is_empty() || self.connections.contains(name)
            }
            _ => true,
        }
    }
}

fn fits(event: &Event, (field, wanted): (&String, &String)) -> bool {
    match event.data.get(field) {
        Some(Value::String(text)) => text == wanted,
        Some(Value::Bool(is_so)) => wanted.parse() == Ok(*is_so),
        Some(Value::Number(number)) => wanted.parse().is_ok_and(|other: Number| other == *number),
        _ => false,
    }
}

/// Does a user's name of a type mean `kind`?
fn names(name: &str, kind: &str) -> bool {
    name == kind || name == short(kind)
}

/// `cost.restated` of `com.billhook.cost.restated.v1`.
fn short(kind: &str) -> String {
    let kind = kind.strip_prefix("com.billhook.").unwrap_or(kind);
    kind.strip_suffix(".v1").unwrap_or(kind).to_owned()
}

/// Makes a sink ready. What it holds open is closed when it is dropped.
///
/// # Errors
/// When the settings cannot be used. What may pass, such as a receiver that does not answer, is
/// told when something is sent.
pub async fn open(
    settings: &SinkSettings,
    secrets: &BTreeMap<String, SecretString>,
) -> Result<Box<dyn Sink>, SettingsError> {
    settings.check()?;
    let sink: Box<dyn Sink> = match &settings.target {
        Target::Http(http) => Box::new(Box::pin(Http::open(http, secrets)).await?),
        Target::Nats(nats) => Box::new(Box::pin(Nats::open(nats, secrets)).await?),
        Target::Kafka(kafka) => Box::new(Box::pin(Kafka::open(kafka, secrets)).await?),
        Target::Eventbridge(bus) => Box::new(Box::pin(Eventbridge::open(bus, secrets)).await?),
        Target::Sqs(queue) => Box::new(Box::pin(Sqs::open(queue, secrets)).await?),
        Target::Sns(topic) => Box::new(Box::pin(Sns::open(topic, secrets)).await?),
        Target::File { path } => Box::new(File::open(path).await?),
        Target::Stdout => Box::new(Stdout),
    };
    Ok(sink)
}

#[cfg(test)]
mod tests;
