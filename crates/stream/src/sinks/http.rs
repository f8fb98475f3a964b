//! Events to an HTTP receiver, as CloudEvents' HTTP binding 1.0.2 and HTTP webhooks 1.0.2 say:
//! one by one (structured or binary) or many at once (batched), signed if wanted.
//!
//! One request is under way at a time, so that events arrive in order. Redirects and proxies are
//! not followed: the receiver is the one that somebody named, at an address that was looked at.

mod address;
mod answer;
mod handshake;
mod message;
mod settings;
mod signature;

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use chrono::Utc;
use reqwest::header::{CONTENT_TYPE, HeaderMap};
use reqwest::redirect::Policy;
use reqwest::{Client, Method, RequestBuilder, StatusCode, Url};
use secrecy::{ExposeSecret as _, SecretString};
use tokio::sync::OnceCell;
use tokio::time::Instant;

use address::Guard;
use answer::{Answer, Load};
use handshake::{Grant, Pace};
use message::Message;
use signature::Signer;

use crate::event::Event;
use crate::settings::{HttpTarget, Mode, SettingsError};
use crate::sink::{Exchange, Limits, Refused, Sink, Verdict};

/// Events and bytes of a batch that is one request.
const BATCHED: Limits = Limits { events: 500, bytes: 512 * 1024 };

/// Events and bytes that are sent one after the other before the cursor moves.
const SINGLE: Limits = Limits { events: 64, bytes: 512 * 1024 };

/// After which a connection must stand, if the whole request may take twice as long.
const CONNECT: Duration = Duration::from_secs(10);

/// The longest pause that the sink makes itself to keep a receiver's rate.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Bytes of an answer that are read.
const ANSWER_BYTES: usize = 64 * 1024;

/// Bytes of a body that are kept for people.
const SHOWN_BYTES: usize = 2048;

/// Exchanges that are kept for people until they are asked for.
const SHOWN: usize = 128;

/// A receiver.
pub struct Http {
    client: Client,
    url: Url,
    /// Host and port, for people.
    host: String,
    mode: Mode,
    headers: HeaderMap,
    signer: Option<Signer>,
    timeout: Duration,
    /// What must not be told, should a receiver send it back.
    hushed: Vec<SecretString>,
    /// What the receiver agreed to; it is asked before the first event.
    grant: OnceCell<Grant>,
    pace: Pace,
    /// Ids at the beginning of a batch that were taken before one had to wait: they are not sent
    /// again when the same batch comes back.
    taken: Mutex<Vec<String>>,
    /// What was sent and answered, for people.
    seen: Mutex<Vec<Exchange>>,
}

impl Http {
    /// Makes ready what sends to `target`. Nothing is sent yet.
    ///
    /// # Errors
    /// A URL, a header or a secret that cannot be used, or an address that is refused.
    #[expect(clippy::unused_async, reason = "all sinks are opened alike")]
    pub async fn open(
        target: &HttpTarget,
        secrets: &BTreeMap<String, SecretString>,
    ) -> Result<Self, SettingsError> {
        let url = settings::url(target)?;
        let headers = settings::headers(target, secrets)?;
        let signer = settings::signer(target, secrets)?;
        let timeout = Duration::from_secs(target.timeout_s);
        if timeout.is_zero() {
            return Err(SettingsError::setting("timeout_s", "must be at least 1"));
        }
        let mut client = Client::builder()
            .user_agent(concat!("billhook/", env!("CARGO_PKG_VERSION")))
            .dns_resolver(Guard { allow_private: target.allow_private })
            .redirect(Policy::none())
            .no_proxy()
            .connect_timeout(CONNECT.min(timeout / 2))
            .timeout(timeout)
            .pool_max_idle_per_host(1);
        if url.scheme() == "http" {
            // A machine without certificates can still send where none are needed.
            client = client.tls_certs_only(std::iter::empty());
        }
        // A query is where some receivers want a token.
        let hushed = secrets.values().cloned().chain(url.query().map(SecretString::from));
        let hushed = hushed.collect();
        let client = client
            .build()
            .map_err(|error| SettingsError::unusable(answer::host(&url), answer::root(&error)))?;
        Ok(Self {
            client,
            host: answer::host(&url),
            url,
            mode: target.mode,
            headers,
            signer,
            timeout,
            hushed,
            grant: OnceCell::new(),
            pace: Pace::default(),
            taken: Mutex::default(),
            seen: Mutex::default(),
        })
    }

    /// Asks the receiver whether it wants events.
    async fn ask(&self) -> Result<Grant, Refused> {
        let request = self.client.request(Method::OPTIONS, self.url.clone());
        let answer = self.exchange(request.headers(self.headers.clone())).await?;
        let origin = self.headers.get(handshake::ORIGIN);
        let origin = origin.and_then(|value| value.to_str().ok()).unwrap_or_default();
        Grant::read(&answer, &self.host, origin, Utc::now())
    }

    /// Sends one request with events, at the pace that the receiver wants.
    async fn post(
        &self,
        message: Message,
        load: Load,
        grant: Grant,
    ) -> Result<StatusCode, Refused> {
        self.take_turn(grant).await?;
        let Message { id, content_type, attributes, body } = message;
        let mut own = vec![(CONTENT_TYPE.to_string(), content_type.to_owned())];
        own.extend(attributes);
        if let Some(signer) = &self.signer {
            let timestamp = Utc::now().timestamp();
            let signature = signer.sign(&id, timestamp, &body);
            own.push(("webhook-timestamp".to_owned(), timestamp.to_string()));
            own.push(("webhook-signature".to_owned(), signature));
            own.push(("webhook-id".to_owned(), id));
        }
        let request = self.client.post(self.url.clone()).headers(self.headers.clone());
        let request = own
            .iter()
            .fold(request, |request, (name, value)| request.header(name.as_str(), value.as_str()));
        let written = self.written(&own, &body);
        let begun = Instant::now();
        let answer = self.exchange(request.body(body)).await;
        let judged = match &answer {
            Ok(answer) => answer.judge(&self.host, load, Utc::now()),
            Err(refused) => Err(refused.clone()),
        };
        let answer = answer.ok();
        self.see(Exchange {
            event: match load {
                Load::One(index) => Some(index),
                Load::Batch => None,
            },
            request: written,
            status: answer.as_ref().map(|answer| answer.status.as_u16()),
            answer: answer.as_ref().map(|answer| beginning(&answer.text)).unwrap_or_default(),
            took: begun.elapsed(),
            refused: judged.as_ref().err().cloned(),
        });
        judged?;
        Ok(answer.map_or(StatusCode::OK, |answer| answer.status))
    }

    /// A request for people. Of the place only the host is told, and of secret headers the name.
    fn written(&self, own: &[(String, String)], body: &[u8]) -> String {
        let mut text = format!("POST … HTTP/1.1\nhost: {}\n", self.host);
        let given = self.headers.iter().map(|(name, value)| {
            let shown = if value.is_sensitive() { "***" } else { value.to_str().unwrap_or("…") };
            (name.as_str(), shown)
        });
        let own = own.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        for (name, value) in given.chain(own) {
            text.extend([name, ": ", value, "\n"]);
        }
        let shown = body.get(..SHOWN_BYTES).unwrap_or(body);
        text.push('\n');
        text.push_str(&String::from_utf8_lossy(shown));
        if shown.len() < body.len() {
            text.push('…');
        }
        text
    }

    /// Keeps an exchange until somebody asks for it.
    fn see(&self, exchange: Exchange) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.len() >= SHOWN {
            seen.remove(0);
        }
        seen.push(exchange);
    }

    /// A request and its whole answer.
    async fn exchange(&self, request: RequestBuilder) -> Result<Answer, Refused> {
        let trouble = |error: reqwest::Error| answer::trouble(&error, &self.host, self.timeout);
        let mut response = request.send().await.map_err(trouble)?;
        let mut body = Vec::new();
        while body.len() < ANSWER_BYTES {
            let Some(chunk) = response.chunk().await.map_err(trouble)? else { break };
            body.extend_from_slice(&chunk);
        }
        let text = self.hush(&String::from_utf8_lossy(&body));
        Ok(Answer { status: response.status(), headers: response.headers().clone(), text })
    }

    /// What a receiver says, without secrets that it may have sent back.
    fn hush(&self, text: &str) -> String {
        let secrets = self.hushed.iter().map(SecretString::expose_secret);
        // Of `Bearer`, a space and a token, the token is the secret.
        let words = secrets.flat_map(str::split_whitespace).filter(|word| word.len() > 7);
        words.fold(text.to_owned(), |text, word| text.replace(word, "***"))
    }

    /// Waits for the next turn; when that takes longer than a moment, others do the waiting.
    async fn take_turn(&self, grant: Grant) -> Result<(), Refused> {
        let Some(rate) = grant.per_minute() else { return Ok(()) };
        loop {
            let wait = self.pace.wait(rate, Instant::now());
            if wait.is_zero() {
                return Ok(());
            }
            if wait > LONGEST_PAUSE {
                let reason = format!("{} wants at most {rate} requests a minute", self.host);
                return Err(Refused::later(reason, Some(wait)));
            }
            tokio::time::sleep(wait).await;
        }
    }

    /// Sends events one by one.
    async fn send_each(&self, events: &[Event], grant: Grant) -> Result<(), Refused> {
        let before = self.recall(events);
        for (index, event) in events.iter().enumerate().skip(before) {
            let message = match self.mode {
                Mode::Binary => Message::binary(event),
                Mode::Structured | Mode::Batched => Message::structured(event),
            };
            if let Err(refused) = self.post(message, Load::One(index), grant).await {
                if matches!(refused.verdict, Verdict::Later { .. }) {
                    let taken = events.iter().take(index).map(|event| event.id.clone());
                    *self.taken() = taken.collect();
                }
                return Err(refused);
            }
        }
        Ok(())
    }

    /// How many events at the beginning of this batch were taken when it was sent before. That is
    /// forgotten with the asking: it holds for the very next batch only.
    fn recall(&self, events: &[Event]) -> usize {
        let taken = std::mem::take(&mut *self.taken());
        let is_same = events.len() > taken.len()
            && taken.iter().zip(events).all(|(id, event)| *id == event.id);
        if is_same { taken.len() } else { 0 }
    }

    /// A panic elsewhere does not make the list wrong.
    fn taken(&self) -> MutexGuard<'_, Vec<String>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The beginning of a text.
fn beginning(text: &str) -> String {
    let end = text.char_indices().map(|(at, _)| at).find(|at| *at >= SHOWN_BYTES);
    end.and_then(|end| text.get(..end)).unwrap_or(text).to_owned()
}

#[async_trait]
impl Sink for Http {
    fn limits(&self) -> Limits {
        match self.mode {
            Mode::Batched => BATCHED,
            Mode::Structured | Mode::Binary => SINGLE,
        }
    }

    async fn send(&self, events: &[Event]) -> Result<(), Refused> {
        if events.is_empty() {
            return Ok(());
        }
        let grant = *self.grant.get_or_try_init(|| self.ask()).await?;
        match self.mode {
            Mode::Batched => {
                self.post(Message::batched(events), Load::Batch, grant).await?;
                Ok(())
            }
            Mode::Structured | Mode::Binary => self.send_each(events, grant).await,
        }
    }

    async fn test(&self) -> Result<String, Refused> {
        let grant = self.ask().await?;
        let event = Event::test();
        let (message, load) = match self.mode {
            Mode::Structured => (Message::structured(&event), Load::One(0)),
            Mode::Binary => (Message::binary(&event), Load::One(0)),
            Mode::Batched => (Message::batched(std::slice::from_ref(&event)), Load::Batch),
        };
        let status = self.post(message, load, grant).await?;
        Ok(format!("{} answered {status}; {}", self.host, grant.told()))
    }

    fn exchanges(&self) -> Vec<Exchange> {
        std::mem::take(&mut *self.seen.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
