//! What all requests share.

use std::sync::Arc;

use billhook_engine::Home;
use billhook_engine::publish::Publisher;
use billhook_engine::sync::Runner;
use billhook_lake::session::LakeSession;
use billhook_lake::summary::Summaries;
use billhook_registry::{NewAudit, Registry, RegistryError};
use chrono::NaiveDate;
use serde_json::Value;
use tokio::runtime::Handle;
use tokio::sync::{Mutex, Semaphore};
use tokio::task::spawn_blocking;

use crate::api::cost_values::Values;
use crate::api::costs::{Costs, Slots};
use crate::api::lines::{LinesPage, Pins};
use crate::api::sinks::Lags;
use crate::api::sql::{Answer, RunAnswers, Wrong};
use crate::ask::Ask;
use crate::config::Config;
use crate::fail::Fail;
use crate::health::Metrics;
use crate::jobs::Jobs;
use crate::kept::Kept;
use crate::looks::Looks;
use crate::nonces::Nonces;
use crate::openid::OpenId;
use crate::pulse::Pulses;
use crate::sessions::Sessions;
use crate::throttle::Throttle;
use crate::warm::Wishes;

/// Passwords that are hashed at once: each takes 19 MiB and a processor.
const HASHED: usize = 2;

/// What the server is made of.
pub struct Parts {
    /// Where the lake is.
    pub home: Home,
    /// The control database.
    pub registry: Arc<Registry>,
    /// What brings connections up to date.
    pub runner: Runner,
    /// What brings events to sinks.
    pub publisher: Publisher,
    /// What the server is told.
    pub config: Config,
    /// Where queries run. Not where pages are made: a query may compute for long without a pause.
    pub queries: Handle,
    /// What is asked instead of lines.
    pub summaries: Arc<Summaries>,
}

/// What all requests share.
pub struct App {
    pub(crate) home: Home,
    pub(crate) registry: Arc<Registry>,
    pub(crate) runner: Runner,
    pub(crate) publisher: Publisher,
    pub(crate) config: Config,
    pub(crate) sessions: Sessions,
    pub(crate) pulses: Pulses,
    pub(crate) looks: Looks,
    pub(crate) nonces: Nonces,
    pub(crate) openid: OpenId,
    pub(crate) metrics: Metrics,
    pub(crate) throttle: Throttle,
    hashing: Semaphore,
    /// Held by what looks whether a thing is as its editor saw it, and then changes it.
    pub(crate) turns: Mutex<()>,
    pub(crate) jobs: Jobs,
    /// Which values have which colour.
    pub(crate) slots: Slots,
    /// Figures of views, and pages of lines and values.
    pub(crate) kept_costs: Kept<Costs>,
    pub(crate) kept_lines: Kept<LinesPage>,
    pub(crate) kept_values: Kept<Values>,
    /// Queries that are under way. An answer is kept only when it came late.
    pub(crate) kept_sql: Kept<Answer, Wrong>,
    pub(crate) sql_answers: RunAnswers,
    /// Questions that are asked again when the lake has changed.
    pub(crate) wishes: Wishes,
    /// States of the lake that lists of lines go on with.
    pub(crate) pins: Pins,
    /// What waits for each sink.
    pub(crate) lags: Lags,
    /// Makes tokens of forms where nobody signs in; another one in each process.
    pub(crate) secret: [u8; 32],
}

impl App {
    /// Puts the server together. Nothing is opened yet.
    ///
    /// # Errors
    /// When the operating system gives no random bytes.
    pub fn new(parts: Parts) -> Result<Self, getrandom::Error> {
        let mut secret = [0; 32];
        getrandom::fill(&mut secret)?;
        let Parts { home, registry, runner, publisher, config, queries, summaries } = parts;
        Ok(Self {
            sessions: Sessions::new(home.lake.clone(), queries, summaries, runner.now),
            pulses: Pulses::default(),
            looks: Looks::default(),
            nonces: Nonces::default(),
            openid: OpenId::default(),
            metrics: Metrics::new(),
            throttle: Throttle::default(),
            hashing: Semaphore::new(HASHED),
            turns: Mutex::default(),
            jobs: Jobs::new(runner.now),
            slots: Slots::default(),
            kept_costs: Kept::default(),
            kept_lines: Kept::default(),
            kept_values: Kept::default(),
            kept_sql: Kept::new(0),
            sql_answers: RunAnswers::default(),
            wishes: Wishes::default(),
            pins: Pins::default(),
            lags: Lags::default(),
            home,
            registry,
            runner,
            publisher,
            config,
            secret,
        })
    }

    /// The time, microseconds since 1970 UTC.
    pub(crate) fn now(&self) -> i64 {
        (self.runner.now)()
    }

    /// The day (UTC).
    pub(crate) fn today(&self) -> NaiveDate {
        (self.runner.today)()
    }

    /// SQL over the lake as it is now, or as it was (milliseconds since 1970 UTC).
    ///
    /// # Errors
    /// When the lake cannot be read.
    pub(crate) async fn session(&self, as_of: Option<i64>) -> Result<Arc<LakeSession>, Fail> {
        self.sessions.open(as_of).await
    }

    /// Asks the control database, which blocks.
    ///
    /// # Errors
    /// What `work` says.
    pub(crate) async fn ask_registry<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Registry) -> Result<T, RegistryError> + Send + 'static,
    ) -> Result<T, Fail> {
        let registry = Arc::clone(&self.registry);
        let asked = spawn_blocking(move || work(&registry)).await;
        Ok(asked
            .map_err(|_| Fail::internal("a question to the control database was cut off"))??)
    }

    /// The same, for what hashes a password: few at once.
    ///
    /// # Errors
    /// What `work` says.
    pub(crate) async fn ask_hashing<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Registry) -> Result<T, RegistryError> + Send + 'static,
    ) -> Result<T, Fail> {
        let seat = self.hashing.acquire().await;
        let _seat = seat.map_err(|_| Fail::internal("no more passwords are hashed"))?;
        self.ask_registry(work).await
    }

    /// Writes into the audit log what somebody did.
    ///
    /// # Errors
    /// When the control database fails.
    pub(crate) async fn note(
        &self,
        ask: &Ask,
        action: &'static str,
        subject: &str,
        before: Option<Value>,
        after: Option<Value>,
    ) -> Result<(), Fail> {
        let (at, who, from) = (self.now(), ask.name().to_owned(), ask.address.to_string());
        let subject = subject.to_owned();
        self.ask_registry(move |registry| {
            registry.note_audit(&NewAudit {
                at,
                who: &who,
                from: Some(&from),
                action,
                subject: &subject,
                before: before.as_ref(),
                after: after.as_ref(),
            })
        })
        .await
    }
}
