//! NATS `JetStream`: each event is a message, its subject `PREFIX.cost.restated.v1.CONNECTION`, its
//! `Nats-Msg-Id` the event's id.
//!
//! A connection that gave trouble is dropped with whatever it still holds, and the next attempt
//! makes a new one: then it tells why it fails, and nothing old is sent late.

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::{Arc, Mutex as Shared};
use std::time::Duration;

use async_nats::jetstream::context::{
    Context, ContextBuilder, CreateStreamErrorKind, PublishAckFuture, PublishError,
    PublishErrorKind,
};
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::stream::Config;
use async_nats::jetstream::{self, ErrorCode};
use async_nats::{ConnectErrorKind, ConnectOptions, HeaderMap, ServerAddr};
use async_trait::async_trait;
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Mutex;

use crate::event::{CONNECTION, DATA_CONTENT_TYPE, Event, Extension};
use crate::settings::{Mode, NatsTarget, SettingsError};
use crate::sink::{Limits, Refused, Sink, Verdict};
use crate::sinks::brokers::{EVENT_CONTENT_TYPE, runs};

/// Messages that wait for their acknowledgement at once.
const EVENTS: usize = 500;

/// The same, in bytes.
const BYTES: usize = 4 << 20;

/// So long a stream that we make remembers ids: longer than the longest pause between attempts.
const REMEMBERED: Duration = Duration::from_mins(20);

/// How long a server may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// What servers say when a user may not publish or ask; the call itself is left without an answer.
const NOT_ALLOWED: &str = "permissions violation";

/// The sink.
pub struct Nats {
    servers: Vec<ServerAddr>,
    stream: Option<String>,
    prefix: String,
    mode: Mode,
    secrets: BTreeMap<String, SecretString>,
    connection: Mutex<Option<Connection>>,
}

#[derive(Clone)]
struct Connection {
    context: Context,
    /// The last thing that the server complained about.
    complaint: Arc<Shared<Option<String>>>,
}

impl Nats {
    /// Looks at the settings; the connection is made when events are sent.
    ///
    /// # Errors
    /// When they do not fit together.
    #[expect(clippy::unused_async, reason = "sinks are opened alike")]
    pub async fn open(
        target: &NatsTarget,
        secrets: &BTreeMap<String, SecretString>,
    ) -> Result<Self, SettingsError> {
        let servers = target.servers.iter().map(|server| address(server));
        let servers = servers.collect::<Result<Vec<_>, _>>()?;
        let is_token = |token: &str| !token.is_empty() && token == safe(token);
        if !target.subject.split('.').all(is_token) {
            let reason = "may have letters, digits, - and _, in parts separated by dots";
            return Err(SettingsError::setting("subject", reason));
        }
        let sink = Self {
            servers,
            stream: target.stream.clone(),
            prefix: target.subject.clone(),
            mode: target.mode,
            secrets: secrets.clone(),
            connection: Mutex::new(None),
        };
        sink.options()?;
        Ok(sink)
    }

    fn secret(&self, name: &str) -> Option<&str> {
        self.secrets.get(name).map(ExposeSecret::expose_secret)
    }

    /// How to connect. What is wrong with the credentials is told without them.
    fn options(&self) -> Result<ConnectOptions, SettingsError> {
        // Each server is tried once, at first and after a break.
        let mut options = ConnectOptions::new()
            .name("billhook")
            .connection_timeout(PATIENCE)
            .request_timeout(Some(PATIENCE))
            .max_reconnects(self.servers.len());
        match (self.secret("user"), self.secret("password")) {
            (Some(user), Some(password)) => {
                options = options.user_and_password(user.to_owned(), password.to_owned());
            }
            (Some(_), None) => return Err(SettingsError::no_secret("password")),
            (None, Some(_)) => return Err(SettingsError::no_secret("user")),
            (None, None) => {}
        }
        if let Some(token) = self.secret("token") {
            options = options.token(token.to_owned());
        }
        if let Some(credentials) = self.secret("creds") {
            // The cause may repeat the text.
            options = options.credentials(credentials).map_err(|_| {
                let reason = "the secret holds no credentials file with a JWT and a seed";
                SettingsError::setting("creds", reason)
            })?;
        }
        Ok(options)
    }

    async fn connection(&self) -> Result<Connection, Refused> {
        let mut kept = self.connection.lock().await;
        if let Some(connection) = &*kept {
            return Ok(connection.clone());
        }
        // More than one TLS library may be built in; rustls wants to be told.
        if async_nats::rustls::crypto::CryptoProvider::get_default().is_none() {
            let provider = async_nats::rustls::crypto::aws_lc_rs::default_provider();
            provider.install_default().ok();
        }
        let connection = Box::pin(self.connect()).await?;
        *kept = Some(connection.clone());
        Ok(connection)
    }

    async fn connect(&self) -> Result<Connection, Refused> {
        let broken =
            |error: SettingsError| Refused { reason: error.to_string(), verdict: Verdict::Broken };
        let complaint = Arc::new(Shared::new(None));
        let heard = Arc::clone(&complaint);
        let options = self.options().map_err(broken)?.event_callback(move |event| {
            let heard = Arc::clone(&heard);
            async move {
                if let async_nats::Event::ServerError(error) = event
                    && let Ok(mut heard) = heard.lock()
                {
                    *heard = Some(error.to_string());
                }
            }
        });
        let client = Box::pin(options.connect(self.servers.clone())).await.map_err(|error| {
            let verdict = match error.kind() {
                ConnectErrorKind::Authentication
                | ConnectErrorKind::AuthorizationViolation
                | ConnectErrorKind::ServerParse
                | ConnectErrorKind::Tls => Verdict::Broken,
                _ => Verdict::Later { after: None },
            };
            Refused { reason: format!("no connection to NATS: {error}"), verdict }
        })?;
        let context = ContextBuilder::new().timeout(PATIENCE).ack_timeout(PATIENCE).build(client);
        let connection = Connection { context, complaint };
        if let Some(name) = &self.stream {
            self.find_stream(&connection, name).await?;
        }
        Ok(connection)
    }

    /// Makes the stream when there is none of that name.
    async fn find_stream(&self, connection: &Connection, name: &str) -> Result<(), Refused> {
        let config = Config {
            name: name.to_owned(),
            subjects: vec![format!("{}.>", self.prefix)],
            duplicate_window: REMEMBERED,
            description: Some("events of Billhook".to_owned()),
            ..Config::default()
        };
        let found = Box::pin(connection.context.get_or_create_stream(config)).await;
        found.map(|_| ()).map_err(|error| {
            if let Some(words) = connection.not_allowed() {
                return Refused { reason: words, verdict: Verdict::Broken };
            }
            let verdict = match error.kind() {
                CreateStreamErrorKind::TimedOut => Verdict::Later { after: None },
                CreateStreamErrorKind::JetStream(error) => answered(&error),
                _ => Verdict::Broken,
            };
            Refused { reason: format!("NATS stream {name}: {error}"), verdict }
        })
    }

    fn message(&self, event: &Event) -> (String, PublishMessage) {
        let (text, kind, more) = match self.mode {
            Mode::Binary => (event.data.to_string(), DATA_CONTENT_TYPE, event.headers("ce-")),
            _ => (event.structured().to_string(), EVENT_CONTENT_TYPE, Vec::new()),
        };
        let mut headers = HeaderMap::new();
        headers.insert("content-type", kind);
        for (name, value) in more {
            headers.insert(name, value);
        }
        let message =
            PublishMessage::build().payload(text.into()).headers(headers).message_id(&event.id);
        (subject(&self.prefix, event), message)
    }

    /// Sends events with distinct keys: all are on their way before the first acknowledgement.
    async fn publish(
        &self,
        connection: &Connection,
        start: usize,
        run: &[Event],
    ) -> Result<(), Refused> {
        let mut acknowledgements: Vec<PublishAckFuture> = Vec::with_capacity(run.len());
        let mut halt = None;
        for event in run {
            let (subject, message) = self.message(event);
            match connection.context.send_publish(subject, message).await {
                Ok(acknowledgement) => acknowledgements.push(acknowledgement),
                Err(error) => {
                    halt = Some(error);
                    break;
                }
            }
        }
        let mut poison = Vec::new();
        let mut reason = String::new();
        let sent = acknowledgements.len();
        for (number, acknowledgement) in acknowledgements.into_iter().enumerate() {
            let Err(error) = acknowledgement.await else { continue };
            note(connection.judge(&error, start + number), &mut poison, &mut reason)?;
        }
        if let Some(error) = halt {
            note(connection.judge(&error, start + sent), &mut poison, &mut reason)?;
        }
        if poison.is_empty() {
            return Ok(());
        }
        Err(Refused::poison(reason, poison))
    }
}

/// Keeps what is said of one event; any other verdict ends the run.
fn note(refused: Refused, poison: &mut Vec<usize>, reason: &mut String) -> Result<(), Refused> {
    match refused.verdict {
        Verdict::Poison { events } => {
            poison.extend(events);
            if reason.is_empty() {
                *reason = refused.reason;
            }
            Ok(())
        }
        _ => Err(refused),
    }
}

impl Connection {
    /// The server's complaint when it does not allow something.
    fn not_allowed(&self) -> Option<String> {
        let complaint = self.complaint.lock().ok()?.clone()?;
        complaint.to_lowercase().contains(NOT_ALLOWED).then_some(complaint)
    }

    /// What it means that the event at `index` was not acknowledged.
    fn judge(&self, error: &PublishError, index: usize) -> Refused {
        if let Some(words) = self.not_allowed() {
            return Refused { reason: words, verdict: Verdict::Broken };
        }
        let source = error.source().and_then(|source| source.downcast_ref::<jetstream::Error>());
        let verdict = match (error.kind(), source) {
            (PublishErrorKind::StreamNotFound, _) => Verdict::Broken,
            (PublishErrorKind::MaxPayloadExceeded, _) => Verdict::Poison { events: vec![index] },
            (_, Some(source)) if is_too_large(source) => Verdict::Poison { events: vec![index] },
            (_, Some(source)) => answered(source),
            _ => Verdict::Later { after: None },
        };
        Refused { reason: format!("NATS: {error}"), verdict }
    }
}

#[async_trait]
impl Sink for Nats {
    fn limits(&self) -> Limits {
        Limits { events: EVENTS, bytes: BYTES }
    }

    async fn send(&self, events: &[Event]) -> Result<(), Refused> {
        let connection = self.connection().await?;
        for (start, run) in runs(events, EVENTS) {
            let sent = Box::pin(self.publish(&connection, start, run)).await;
            if let Err(refused) = sent {
                if !matches!(refused.verdict, Verdict::Poison { .. }) {
                    *self.connection.lock().await = None;
                }
                return Err(refused);
            }
        }
        Ok(())
    }

    async fn test(&self) -> Result<String, Refused> {
        let event = Event::test();
        self.send(std::slice::from_ref(&event)).await?;
        Ok(format!("NATS acknowledged a test event on {}", subject(&self.prefix, &event)))
    }
}

/// What an answer that is no acknowledgement means: 5xx are passing, such as a stream without a
/// leader, or a disk that is full.
fn answered(error: &jetstream::Error) -> Verdict {
    let code = error.error_code();
    let is_off = code == ErrorCode::JETSTREAM_NOT_ENABLED
        || code == ErrorCode::JETSTREAM_NOT_ENABLED_FOR_ACCOUNT;
    if error.code() >= 500 && !is_off { Verdict::Later { after: None } } else { Verdict::Broken }
}

fn is_too_large(error: &jetstream::Error) -> bool {
    let code = error.error_code();
    code == ErrorCode::STREAM_MESSAGE_EXCEEDS_MAXIMUM
        || code == ErrorCode::STREAM_HEADER_EXCEEDS_MAXIMUM
}

fn address(server: &str) -> Result<ServerAddr, SettingsError> {
    let refused = |reason: &str| SettingsError::setting("servers", reason);
    let address = server.parse::<ServerAddr>();
    // The text may hold a password.
    let address = address.map_err(|_| refused("one is not nats://HOST:PORT or tls://HOST:PORT"))?;
    if address.has_user_pass() {
        return Err(refused("one holds a user: give it as the secrets user and password"));
    }
    if address.is_websocket() {
        return Err(refused("WebSocket is not supported: give nats:// or tls://"));
    }
    Ok(address)
}

fn subject(prefix: &str, event: &Event) -> String {
    let kind = event.kind.strip_prefix("com.billhook.").unwrap_or(event.kind);
    let connection = match event.extensions.get(CONNECTION) {
        Some(Extension::Text(name)) => safe(name),
        _ => "none".to_owned(),
    };
    format!("{prefix}.{kind}.{connection}")
}

/// A token of a subject.
fn safe(text: &str) -> String {
    let is_safe = |letter: char| letter.is_ascii_alphanumeric() || "-_".contains(letter);
    text.chars().map(|letter| if is_safe(letter) { letter } else { '_' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subjects_have_tokens() {
        let mut event = Event::test();
        assert_eq!(subject("billhook", &event), "billhook.test.v1.none");
        event.kind = "com.billhook.cost.restated.v1";
        event.extensions.insert(CONNECTION, Extension::Text("a b.*".to_owned()));
        assert_eq!(subject("acme.costs", &event), "acme.costs.cost.restated.v1.a_b__");
    }

    #[test]
    fn addresses_hold_no_secrets() {
        assert!(address("nats://127.0.0.1:4222").is_ok());
        assert!(address("nats.example.com").is_ok());
        assert!(address("nats://user:secret@127.0.0.1").is_err());
        assert!(address("wss://nats.example.com").is_err());
    }
}
