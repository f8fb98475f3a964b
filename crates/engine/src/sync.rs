//! `sync`: brings a saved connection up to date, and writes down how it went.
//!
//! A run takes the connection's lease, looks at everything that the connection has, however old,
//! loads what is new, the newest month first, and judges the connection's health. The writer lock
//! of the home is taken only while there is work. [`due`] says when the next run is, [`watch()`]
//! runs what is due for as long as the process lives. [`Runner::check`] looks at everything and
//! loads nothing.

mod check;
mod codes;
pub mod due;
mod health;
pub mod holder;
pub(crate) mod lease;
mod listing;
mod standing;
mod trouble;
mod watch;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use billhook_aws::S3Options;
use billhook_aws::cost_explorer::CostExplorer;
use billhook_aws::session::Session;
use billhook_registry::{Access, Connection, Health, LeaseOutcome, Outcome, Registry, Run};
use chrono::NaiveDate;
use serde_json::{Value, json};

use crate::access::{self, is_account};
use crate::cost_explorer::{self, Settings};
use crate::import::{self, Fate, Imported, Newest};
use crate::ingest::Options;
use crate::verify::{self, Finding, Severity, Subject};
use crate::{EngineError, Home, connections, directory};

use health::{Judgement, Past};
use lease::Keeper;

pub use check::Checked;
pub use codes::CODES;
pub use listing::{Facts, Listed, RunFacts};
pub use standing::{Standing, standings, standings_in};
pub use watch::{Told, watch};

/// Runs that are looked back at. Even hour by hour they go back for days.
pub(crate) const RUNS: u32 = 200;

/// A connection that works is looked at as closely as `verify` does once in so long, microseconds.
const LOOKED_AFTER: i64 = 86_400_000_000;

/// Kinds that AWS delivers every day. What else lies in buckets may be an archive.
const DAILY: [&str; 2] = ["cur", "data_export"];

/// What all runs of a process share.
#[derive(Clone)]
pub struct Runner {
    /// The control database.
    pub registry: Arc<Registry>,
    /// Where to load to.
    pub home: Home,
    /// How to address S3, without credentials.
    pub s3: S3Options,
    /// How to load. Its `stop` ends the run under way, and a watch. What depends on the connection
    /// or on the time is set for each run.
    pub options: Options,
    /// This process, as leases name it: [`holder::me`].
    pub holder: String,
    /// The time, microseconds since 1970 UTC.
    pub now: fn() -> i64,
    /// The day (UTC).
    pub today: fn() -> NaiveDate,
}

/// What a run tells while it works.
#[derive(Debug)]
pub enum Heard<'a> {
    /// It has the lease and begins.
    Begins,
    /// It waits for somebody who is writing to the home: who.
    Waits(&'a str),
    /// The fate of a delivery is known.
    Delivery(&'a Imported),
}

/// What came of the wish to run.
#[derive(Debug)]
pub enum Done {
    /// It ran.
    Ran(Box<Ran>),
    /// Somebody else is at work on the connection.
    Held {
        /// Who: host, process, and a random part.
        holder: String,
        /// Since when, microseconds since 1970 UTC.
        since: Option<i64>,
    },
}

/// A run that is over.
#[derive(Debug)]
pub struct Ran {
    /// Exit code by the command-line contract.
    pub code: u8,
    /// How it ended.
    pub outcome: Outcome,
    /// How the connection is now; `None` when the run does not tell.
    pub health: Option<Health>,
    /// Why.
    pub findings: Vec<Finding>,
    /// Has the health, or the reasons for it, changed?
    pub is_news: bool,
    /// The deliveries that were looked at.
    pub imported: Vec<Imported>,
}

/// What there was to load, and what came of it.
#[derive(Debug)]
struct Loaded {
    imported: Vec<Imported>,
    newest: Option<Newest>,
    /// What AWS told of accounts and resources beside the bill, when it was asked.
    beside: Option<Value>,
}

impl Ran {
    /// The billing periods that were loaded, in the order in which they were.
    pub fn loaded(&self) -> impl Iterator<Item = &str> {
        let loaded = self.imported.iter().filter(|one| matches!(one.fate, Fate::Loaded { .. }));
        loaded.map(|one| one.period.as_str())
    }
}

impl Runner {
    /// Brings a connection up to date, unless somebody else does. `trigger` says who wants it.
    ///
    /// # Errors
    /// When the control database fails, or the connection is gone. What is wrong with the
    /// connection itself is what the run tells.
    pub async fn run(
        &self,
        connection: &Connection,
        trigger: &str,
        hear: &mut dyn FnMut(&Heard<'_>),
    ) -> Result<Done, EngineError> {
        let lease = match self.lease(connection)? {
            LeaseOutcome::Taken(lease) => lease,
            LeaseOutcome::Held { holder, .. } => {
                let run = self.registry.last_run(&connection.id)?;
                let open = run.filter(|run| run.outcome.is_none());
                return Ok(Done::Held { holder, since: open.map(|run| run.started_at) });
            }
        };
        let keeper = Keeper::start(&self.registry, lease, &self.options.stop, self.now);
        let ran = self.work(connection, trigger, &keeper.stop, hear).await;
        let given_back = keeper.end();
        let ran = ran?;
        given_back?;
        Ok(Done::Ran(Box::new(ran)))
    }

    /// Is everything to stop?
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.options.stop.load(Ordering::Relaxed)
    }

    /// Takes the lease, also from a process of this machine that was killed.
    fn lease(&self, connection: &Connection) -> Result<LeaseOutcome, EngineError> {
        let (id, holder) = (&connection.id, self.holder.as_str());
        let take = || self.registry.lease_connection(id, holder, (self.now)(), lease::TTL);
        lease::take(holder, take, |other| self.registry.break_lease(id, other))
    }

    async fn work(
        &self,
        connection: &Connection,
        trigger: &str,
        stop: &Arc<AtomicBool>,
        hear: &mut dyn FnMut(&Heard<'_>),
    ) -> Result<Ran, EngineError> {
        let runs = self.registry.runs(&connection.id, RUNS)?;
        let run = self.registry.start_run(&connection.id, trigger, (self.now)())?;
        hear(&Heard::Begins);
        let loaded = self.load(connection, stop, hear).await;
        let past = self.past(connection, &runs, &loaded).await?;
        let mut judged = health::judge(&loaded, &past);
        if self.options.period.is_some() {
            // A single month tells nothing about the others.
            judged.health = None;
        }
        let looked_at = self.look_closely(connection, &runs, &past, &mut judged).await;
        let (imported, newest, beside) = match loaded {
            Ok(loaded) => (loaded.imported, loaded.newest, loaded.beside),
            Err(_) => (Vec::new(), None, None),
        };
        if let (Some(Health::Healthy), Some(newest)) = (judged.health, &newest)
            && DAILY.contains(&connection.kind.as_str())
            && let Some(late) =
                health::late(newest, connections::is_remote(connection), (self.now)())
        {
            judged.health = Some(Health::Degraded);
            judged.findings.push(late);
        }
        let Judgement { code, outcome, health, findings, is_passing, .. } = judged;
        let mut ran = Ran { code, outcome, health, findings, is_news: false, imported };
        let loads = ran.loaded().count();
        let mut summary = json!({ "deliveries": ran.imported.len(), "loaded": loads });
        if is_passing {
            summary["passing"] = Value::Bool(true);
        }
        if looked_at {
            summary["looked"] = Value::Bool(true);
        }
        if let Some(beside) = beside {
            summary["beside"] = beside;
        }
        if let Some(period) = &self.options.period {
            summary["period"] = Value::String(period.clone());
        }
        let (now, findings) = ((self.now)(), json!(ran.findings));
        // Who has lost the lease leaves the word to who has it now.
        let is_ours = self.registry.finish_run(run, now, outcome, &summary, &findings)?;
        if let Some(health) = health.filter(|_| is_ours) {
            ran.is_news = self.registry.set_health(&connection.id, health, &findings, now)?;
        }
        if loads > 0 && is_ours && connection.payer.is_none() {
            self.learn_payer(connection).await?;
        }
        Ok(ran)
    }

    /// What went before a run.
    async fn past(
        &self,
        connection: &Connection,
        runs: &[Run],
        loaded: &Result<Loaded, EngineError>,
    ) -> Result<Past, EngineError> {
        let record = self.registry.health(&connection.id)?;
        let whole = runs.iter().filter(|run| due::is_whole(run));
        let is_nothing = match loaded {
            Ok(loaded) => loaded.imported.is_empty(),
            Err(error) => matches!(error, EngineError::Absent(_)),
        };
        // Only of a place where nothing is it matters whether there ever was something.
        let has_costs = is_nothing
            && import::accounts(&self.home, connection.name.as_str())
                .await
                .is_ok_and(|accounts| !accounts.is_empty());
        Ok(Past {
            health: record.map(|record| record.health),
            passing: whole.take_while(|run| due::is_passing(run)).count(),
            has_costs,
        })
    }

    /// Looks at everything that the connection needs, without requests that AWS charges for: when
    /// AWS refuses something, when the last word was that it is broken, and else once a day. What
    /// does not work is the reason for the health then. Was it looked at?
    async fn look_closely(
        &self,
        connection: &Connection,
        runs: &[Run],
        past: &Past,
        judged: &mut Judgement,
    ) -> bool {
        if judged.health.is_none() {
            return false;
        }
        let looked = runs.iter().find(|run| run.summary["looked"].as_bool() == Some(true));
        let looked_at = looked.map_or(connection.created_at, |run| run.started_at);
        let is_time = past.health == Some(Health::Broken)
            || (self.now)().saturating_sub(looked_at) >= LOOKED_AFTER;
        let is_well = judged.outcome != Outcome::Failed && connections::is_remote(connection);
        let is_wanted = judged.wants_look || (is_well && is_time);
        if !is_wanted {
            return false;
        }
        let Ok(access) = self.registry.access(&connection.id) else { return false };
        let Ok(kind) = access::kind(&connection.kind) else { return false };
        let (location, s3) = (connection.location.as_deref(), self.s3.clone());
        let subject = Subject { kind, location, access: &access, s3, may_pay: false };
        let Ok(verdict) = verify::verify(&subject).await else { return false };
        let errors = verdict.findings().filter(|finding| finding.severity == Severity::Error);
        let errors: Vec<Finding> = errors.cloned().collect();
        judged.explain(errors, past);
        true
    }

    /// Loads what is new.
    async fn load(
        &self,
        connection: &Connection,
        stop: &Arc<AtomicBool>,
        hear: &mut dyn FnMut(&Heard<'_>),
    ) -> Result<Loaded, EngineError> {
        let access = self.registry.access(&connection.id)?;
        let options = Options {
            stop: Arc::clone(stop),
            kinds: vec![connection.kind.clone()],
            newest_first: true,
            kept: Some(self.home.dir.join("cache").join("manifests")),
            ..self.options.clone()
        };
        if access::kind(&connection.kind)?.reads_bucket {
            self.load_files(connection, &access, &options, hear).await
        } else {
            self.load_costs(connection, &access, &options, hear).await
        }
    }

    /// Loads from a folder or bucket.
    async fn load_files(
        &self,
        connection: &Connection,
        access: &Access,
        options: &Options,
        hear: &mut dyn FnMut(&Heard<'_>),
    ) -> Result<Loaded, EngineError> {
        let location = connection.location.as_deref().unwrap_or_default();
        // A folder needs nobody's credentials.
        let session = if connections::is_remote(connection) {
            connections::session(access).await?
        } else {
            None
        };
        let place = connections::place(location, &self.s3, access, session.as_ref())?;
        let _writer = self.home.writer_until(&options.stop, |who| hear(&Heard::Waits(who))).await?;
        // Who had to wait is later than whoever was waited for.
        let options = &Options { now: (self.now)(), ..options.clone() };
        let name = Some(connection.name.as_str());
        let heard = |one: &Imported| hear(&Heard::Delivery(one));
        let done = import::import(&self.home, &place, name, options, heard).await?;
        match &options.period {
            Some(period) if done.imported.is_empty() => {
                Err(EngineError::Nothing(format!("{location} has no delivery of {period}")))
            }
            _ => {
                let beside = match &session {
                    Some(session) => self.look_beside(connection, session, options.now).await,
                    None => None,
                };
                Ok(Loaded { imported: done.imported, newest: done.newest, beside })
            }
        }
    }

    /// Asks Cost Explorer.
    async fn load_costs(
        &self,
        connection: &Connection,
        access: &Access,
        options: &Options,
        hear: &mut dyn FnMut(&Heard<'_>),
    ) -> Result<Loaded, EngineError> {
        let name = connection.name.as_str();
        let session = connections::session(access).await?.ok_or_else(|| {
            EngineError::Usage(format!("{name}: Cost Explorer cannot be asked by nobody"))
        })?;
        let (granularity, request_budget) = cost_explorer::wishes(&connection.settings);
        let settings = Settings {
            connection: name.to_owned(),
            written: "cost-explorer:".to_owned(),
            granularity,
            months: None,
            refetch_all: false,
            account: connection.payer.clone(),
            request_budget,
            today: self.today,
        };
        let client = CostExplorer::new(&session);
        let _writer = self.home.writer_until(&options.stop, |who| hear(&Heard::Waits(who))).await?;
        // Who had to wait is later than whoever was waited for.
        let options = &Options { now: (self.now)(), ..options.clone() };
        let heard = |one: &Imported| hear(&Heard::Delivery(one));
        let done = cost_explorer::import(&self.home, &client, &settings, options, heard).await?;
        let beside = self.look_beside(connection, &session, options.now).await;
        Ok(Loaded { imported: done.imported, newest: None, beside })
    }

    /// Asks once a day what AWS tells beside the bill. The bill is loaded whatever comes of it.
    async fn look_beside(
        &self,
        connection: &Connection,
        session: &Session,
        now: i64,
    ) -> Option<Value> {
        let name = connection.name.as_str();
        match directory::is_due(&self.home, name, now).await {
            Ok(true) if !self.is_stopped() => {}
            _ => return None,
        }
        let regions = directory::regions(&connection.settings);
        let told = directory::refresh(&self.home, session, name, &regions, now).await;
        Some(match told {
            Ok(told) => {
                let denied: Vec<&str> = told.denied.iter().map(|one| one.what.as_str()).collect();
                json!({
                    "accounts": told.accounts,
                    "resources": told.resources,
                    "denied": denied,
                })
            }
            Err(error) => json!({ "error": crate::error::causes(&error) }),
        })
    }

    /// Notes the payer account of a connection whose costs are those of a single one.
    async fn learn_payer(&self, connection: &Connection) -> Result<(), EngineError> {
        let accounts = import::accounts(&self.home, connection.name.as_str()).await?;
        let mut accounts = accounts.iter().filter(|id| is_account(id));
        if let (Some(only), None) = (accounts.next(), accounts.next()) {
            self.registry.set_payer(&connection.id, Some(only.as_str()))?;
        }
        Ok(())
    }
}
