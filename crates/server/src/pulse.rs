//! What every page tells at its top: how far the data go, and what needs somebody.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::http::StatusCode;
use billhook_engine::sync::{Standing, standings_in};
use billhook_registry::{Connection, Health, HealthRecord, SinkRecord};
use chrono::NaiveDate;
use serde::Serialize;
use tokio::sync::Mutex;
use utoipa::ToSchema;

use crate::app::App;
use crate::fail::Fail;

/// A pulse is felt anew after so long.
const FRESH: Duration = Duration::from_secs(2);

/// Without a delivery for so long a connection is late, and then stale; microseconds.
const LATE: i64 = 36 * 3_600_000_000;
const STALE: i64 = 72 * 3_600_000_000;

/// How well the data are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Freshness {
    /// Everything comes as it should.
    Fresh,
    /// Nothing came for 36 hours.
    Late,
    /// Nothing came for 72 hours, or a connection is broken.
    Stale,
}

/// A connection, with how it is and how far its data go.
#[derive(Debug, Clone)]
pub(crate) struct Felt {
    pub(crate) connection: Connection,
    pub(crate) health: Option<HealthRecord>,
    pub(crate) standing: Standing,
    pub(crate) freshness: Freshness,
}

impl Felt {
    /// How it is: paused whatever it was before; `None` when nobody has looked.
    pub(crate) fn word(&self) -> Option<Health> {
        if self.connection.paused_since.is_some() {
            return Some(Health::Paused);
        }
        self.health.as_ref().map(|record| record.health)
    }

    /// The first thing that is wrong: its code, what was seen, and what mends it.
    pub(crate) fn reason(&self) -> Option<(String, String, String)> {
        let findings = self.health.as_ref()?.findings.as_array()?;
        let text = |finding: &serde_json::Value, key: &str| {
            finding.get(key).and_then(|text| text.as_str()).unwrap_or_default().to_owned()
        };
        let rank = |finding: &serde_json::Value| match text(finding, "severity").as_str() {
            "error" => 0,
            "warning" => 1,
            _ => 2,
        };
        let first = findings.iter().min_by_key(|finding| rank(finding))?;
        Some((text(first, "code"), text(first, "seen"), text(first, "fix")))
    }
}

/// How everything is at one moment.
#[derive(Debug, Clone)]
pub(crate) struct Pulse {
    /// All connections by name.
    pub(crate) connections: Vec<Felt>,
    /// All sinks by name.
    pub(crate) sinks: Vec<SinkRecord>,
    /// The last day with usage in every connection that should have it.
    pub(crate) through: Option<NaiveDate>,
    /// The worst of all connections that are not paused.
    pub(crate) freshness: Freshness,
    /// Why the lake cannot be read, if it cannot. What it tells is as last known then.
    pub(crate) outage: Option<String>,
}

impl Pulse {
    /// Connections and sinks that need somebody.
    pub(crate) fn attention(&self) -> usize {
        let ill = |felt: &&Felt| matches!(felt.word(), Some(Health::Broken | Health::Degraded));
        let stuck = |sink: &&SinkRecord| sink.dead_letters > 0;
        self.connections.iter().filter(ill).count() + self.sinks.iter().filter(stuck).count()
    }
}

/// What the lake tells of connections, by name.
type Standings = BTreeMap<String, Standing>;

/// The last pulse, and when it was felt; `None` when it has to be felt anew.
#[derive(Default)]
pub(crate) struct Pulses(Mutex<Option<(Option<Instant>, Arc<Pulse>)>>);

impl App {
    /// How everything is, two seconds old at most.
    ///
    /// # Errors
    /// When the control database cannot be read.
    pub(crate) async fn pulse(&self) -> Result<Arc<Pulse>, Fail> {
        let mut last = self.pulses.0.lock().await;
        if let Some((Some(felt), pulse)) = last.as_ref()
            && felt.elapsed() < FRESH
        {
            return Ok(Arc::clone(pulse));
        }
        let before = last.as_ref().map(|(_, pulse)| Arc::clone(pulse));
        let pulse = Arc::new(self.feel(before.as_deref()).await?);
        *last = Some((Some(Instant::now()), Arc::clone(&pulse)));
        Ok(pulse)
    }

    /// What was changed is seen with the next pulse.
    pub(crate) async fn forget_pulse(&self) {
        if let Some((felt, _)) = self.pulses.0.lock().await.as_mut() {
            // What the lake told is still needed where it cannot be read.
            *felt = None;
        }
    }

    /// What the lake tells of connections; `None` with the reason when it cannot be read.
    async fn standings(&self) -> Result<(Option<Standings>, Option<String>), Fail> {
        let read = async {
            let session = self.session(None).await?;
            Ok::<Standings, Fail>(standings_in(&session).await?)
        };
        match read.await {
            Ok(standings) => Ok((Some(standings), None)),
            Err(fail) if fail.status == StatusCode::SERVICE_UNAVAILABLE => {
                Ok((None, Some(fail.why)))
            }
            Err(fail) => Err(fail),
        }
    }

    async fn feel(&self, before: Option<&Pulse>) -> Result<Pulse, Fail> {
        let (known, sinks) = self
            .ask_registry(|registry| {
                let mut known = Vec::new();
                for connection in registry.connections()? {
                    let health = registry.health(&connection.id)?;
                    known.push((connection, health));
                }
                Ok((known, registry.sinks()?))
            })
            .await?;
        let (told, outage) = self.standings().await?;
        let is_unknown = told.is_none() && before.is_none();
        let mut standings = told.unwrap_or_else(|| before.map(told_before).unwrap_or_default());
        let now = self.now();
        let mut connections: Vec<Felt> = known
            .into_iter()
            .map(|(connection, health)| {
                let standing = standings.remove(connection.name.as_str()).unwrap_or_default();
                let freshness = if is_unknown {
                    Freshness::Fresh
                } else {
                    freshness(&connection, health.as_ref(), standing, now)
                };
                Felt { connection, health, standing, freshness }
            })
            .collect();
        connections.sort_by(|a, b| a.connection.name.as_str().cmp(b.connection.name.as_str()));
        let running = || connections.iter().filter(|felt| felt.connection.paused_since.is_none());
        // Costs that were imported without a connection count as well.
        let loose = standings.values().filter_map(|standing| standing.through);
        let of_connections = running().filter_map(|felt| felt.standing.through).min();
        let through = of_connections.or_else(|| loose.max());
        let last = before.filter(|_| outage.is_some()).and_then(|before| before.through);
        let through = through.or(last);
        let freshness = running().map(|felt| felt.freshness).max().unwrap_or(Freshness::Fresh);
        Ok(Pulse { connections, sinks, through, freshness, outage })
    }
}

/// What was told of connections before.
fn told_before(before: &Pulse) -> Standings {
    let felt = before.connections.iter();
    felt.map(|felt| (felt.connection.name.as_str().to_owned(), felt.standing)).collect()
}

fn freshness(
    connection: &Connection,
    health: Option<&HealthRecord>,
    standing: Standing,
    now: i64,
) -> Freshness {
    if health.is_some_and(|record| record.health == Health::Broken) {
        return Freshness::Stale;
    }
    let since = standing.loaded_at.unwrap_or(connection.created_at);
    match now.saturating_sub(since) {
        silent if silent >= STALE => Freshness::Stale,
        silent if silent >= LATE => Freshness::Late,
        _ => Freshness::Fresh,
    }
}
