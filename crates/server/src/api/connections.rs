//! Connections: every one with how it is, how far its costs go, and when it is looked at next.
//!
//! [`one`] has everything about a single one, in [`shapes`]; [`changes`] what can be done to it.

pub(crate) mod changes;
pub(crate) mod credentials;
pub(crate) mod one;
pub(crate) mod shapes;

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use billhook_engine::deliveries::{account_names_in, counted_by};
use billhook_engine::sync::{Facts, Listed, RunFacts};
use billhook_engine::{EngineError, access};
use billhook_registry::{AuditFilter, Connection, ConnectionName, Role};
use serde::Serialize;
use serde_json::Value;
use utoipa::{OpenApi, ToSchema};

use crate::api::Page;
use crate::api::findings::FindingAnswer;
use crate::app::App;
use crate::fail::Fail;
use crate::format;
use crate::jobs::JobId;
use crate::pulse::{Felt, Freshness};
use crate::routes::{Need, Route, get};

/// AWS makes the first delivery of a report within so long, microseconds.
const FIRST_WITHIN: i64 = 86_400_000_000;

/// Entries of the audit log that are looked through for who did something to a connection.
const ENTRIES: u32 = 200;

/// The ways in.
pub(crate) fn routes() -> Vec<Route> {
    let mut routes = vec![get("/api/v1/connections", Need::Viewer, connections)];
    routes.extend(one::routes());
    routes.extend(changes::routes());
    routes
}

/// A connection: what `billhook connections --json` tells, and what only the server knows.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct ConnectionRow {
    /// Its name.
    pub(crate) name: String,
    /// Kind of billing data.
    pub(crate) kind: String,
    /// The kind in words.
    pub(crate) kind_title: String,
    /// `s3://bucket/prefix` or a folder.
    pub(crate) location: Option<String>,
    /// Payer account, once known.
    pub(crate) payer: Option<String>,
    /// What Organizations calls it.
    pub(crate) payer_name: Option<String>,
    /// When it is looked at.
    pub(crate) schedule: String,
    /// `healthy`, `waiting`, `degraded`, `broken`, `paused` or `new`.
    pub(crate) health: &'static str,
    /// Since when it has been so.
    pub(crate) since: Option<String>,
    /// Why; nothing when nobody has looked yet.
    pub(crate) findings: Value,
    /// Why, in a sentence; nothing when it is healthy.
    pub(crate) reason: Option<String>,
    /// Its last run.
    pub(crate) last_run: Option<LastRun>,
    /// When its last delivery was loaded.
    pub(crate) loaded_at: Option<String>,
    /// The last day with usage.
    pub(crate) costs_through: Option<String>,
    /// When it is looked at next.
    pub(crate) next_run: Option<String>,
    /// How well it delivers.
    pub(crate) freshness: Freshness,
    /// The connections whose rows count in place of its own.
    pub(crate) counted_by: Vec<String>,
    /// What is at work on it in this process.
    pub(crate) work: Option<JobId>,
    /// The same, as the engine has it.
    #[serde(skip)]
    pub(crate) listed: Listed,
}

/// A run of a connection, in short.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct LastRun {
    /// When it began.
    pub(crate) started_at: Option<String>,
    /// When it ended.
    pub(crate) finished_at: Option<String>,
    /// What or who started it.
    pub(crate) started_by: String,
    /// `ok`, `waiting`, `failed`, `stopped` or `running`.
    pub(crate) outcome: &'static str,
}

impl From<RunFacts> for LastRun {
    fn from(facts: RunFacts) -> Self {
        let RunFacts { started_at, finished_at, started_by, outcome } = facts;
        Self { started_at, finished_at, started_by, outcome }
    }
}

impl ConnectionRow {
    /// What is wrong first: its place among others.
    pub(crate) fn rank(&self) -> u8 {
        match self.health {
            "broken" => 0,
            "degraded" => 1,
            "waiting" => 2,
            "new" => 3,
            "healthy" => 4,
            _ => 5,
        }
    }

    /// Does it need somebody?
    pub(crate) fn needs_attention(&self) -> bool {
        self.rank() < 2
    }

    /// Why it is as it is.
    pub(crate) fn reasons(&self) -> Vec<FindingAnswer> {
        FindingAnswer::all(&self.findings)
    }
}

/// What is looked up for all rows together.
struct Known {
    payers: BTreeMap<String, String>,
    paused_by: BTreeMap<String, String>,
    now: i64,
}

/// All connections, what is wrong first.
///
/// # Errors
/// When the lake or the control database cannot be read.
pub(crate) async fn answer(app: &App) -> Result<Vec<ConnectionRow>, Fail> {
    let felt = app.pulse().await?.connections.clone();
    rows(app, felt).await
}

/// One connection.
///
/// # Errors
/// When there is none of that name; when the lake or the control database cannot be read.
pub(crate) async fn row(app: &App, name: &str) -> Result<ConnectionRow, Fail> {
    // What was just added is not in the last pulse.
    let connection = find(app, name).await?;
    let pulse = app.pulse().await?;
    let felt = pulse.connections.iter().find(|felt| felt.connection.id == connection.id);
    let felt = felt.cloned().map_or_else(
        || Felt {
            connection: connection.clone(),
            health: None,
            standing: billhook_engine::sync::Standing::default(),
            freshness: Freshness::Fresh,
        },
        |felt| Felt { connection: connection.clone(), ..felt },
    );
    let row = rows(app, vec![felt]).await?.pop();
    row.ok_or_else(|| Fail::internal("a connection without a row"))
}

/// The connection of a name.
///
/// # Errors
/// When there is none: the failure names those that there are.
pub(crate) async fn find(app: &App, name: &str) -> Result<Connection, Fail> {
    let parsed = name.parse::<ConnectionName>().ok();
    let (found, names) = app
        .ask_registry(move |registry| {
            let all = registry.connections()?;
            let names: Vec<String> = all.iter().map(|one| one.name.to_string()).collect();
            Ok((all.into_iter().find(|one| Some(&one.name) == parsed.as_ref()), names))
        })
        .await?;
    found.ok_or_else(|| {
        let instead = match names.len() {
            0 => "There are no connections yet.".to_owned(),
            _ => format!("There are {}.", names.join(", ")),
        };
        Fail::missing(format!("There is no connection {}.", format::visible(name)), instead)
            .linked("All connections", "/connections")
    })
}

/// The names of who may change something.
///
/// # Errors
/// When the control database fails.
pub(crate) async fn admins(app: &App) -> Result<Vec<String>, Fail> {
    let users = app.ask_registry(billhook_registry::Registry::users).await?;
    let admins = users.into_iter().filter(|user| user.role == Role::Admin);
    Ok(admins.map(|user| user.name).collect())
}

async fn rows(app: &App, felt: Vec<Felt>) -> Result<Vec<ConnectionRow>, Fail> {
    let now = app.now();
    let payers: Vec<String> =
        felt.iter().filter_map(|felt| felt.connection.payer.clone()).collect();
    let session = match app.session(None).await {
        Ok(session) => Some(session),
        // What connections are is known without it.
        Err(fail) if fail.status == StatusCode::SERVICE_UNAVAILABLE => None,
        Err(fail) => return Err(fail),
    };
    let payers = match &session {
        Some(session) => account_names_in(session, &payers).await?,
        None => BTreeMap::new(),
    };
    let (listed, paused_by) = app
        .ask_registry(move |registry| {
            let (mut listed, mut paused_by) = (Vec::new(), BTreeMap::new());
            for Felt { connection, standing, freshness, .. } in felt {
                if connection.paused_since.is_some() {
                    let name = connection.name.to_string();
                    let subject = Some(name.clone());
                    let filter = AuditFilter { subject, ..AuditFilter::default() };
                    let entries = registry.audit(&filter, None, ENTRIES)?.into_iter();
                    let mut paused = entries.filter(|entry| entry.action == "connection.paused");
                    if let Some(entry) = paused.next() {
                        paused_by.insert(name, entry.who);
                    }
                }
                let read = Listed::read(registry, connection, standing, now);
                listed.push((read, freshness));
            }
            Ok((listed, paused_by))
        })
        .await?;
    let known = Known { payers, paused_by, now };
    let row = |(read, freshness): (Result<Listed, EngineError>, Freshness)| {
        let mut row = row_of(read?, freshness, &known);
        let session = session.as_deref();
        row.counted_by = session.map(|session| counted_by(session, &row.name)).unwrap_or_default();
        row.work = app.jobs.at_work(&row.name).map(|job| job.id);
        Ok::<ConnectionRow, EngineError>(row)
    };
    let mut rows = listed.into_iter().map(row).collect::<Result<Vec<_>, _>>()?;
    rows.sort_by(|a, b| (a.rank(), &a.name).cmp(&(b.rank(), &b.name)));
    Ok(rows)
}

fn row_of(listed: Listed, freshness: Freshness, known: &Known) -> ConnectionRow {
    let facts = listed.facts();
    let reason = reason(&listed, &facts, known);
    let Facts { name, kind, location, payer, schedule, health, since, findings, .. } = facts;
    ConnectionRow {
        kind_title: access::kind(&kind).map_or_else(|_| kind.clone(), |kind| kind.title.to_owned()),
        payer_name: payer.as_ref().and_then(|payer| known.payers.get(payer)).cloned(),
        name,
        kind,
        location,
        payer,
        schedule,
        health,
        since,
        findings,
        reason,
        last_run: facts.last_run.map(LastRun::from),
        loaded_at: facts.loaded_at,
        costs_through: facts.costs_through,
        next_run: facts.next_run,
        freshness,
        counted_by: Vec::new(),
        work: None,
        listed,
    }
}

/// Why a connection is as it is, in a sentence.
fn reason(listed: &Listed, facts: &Facts, known: &Known) -> Option<String> {
    let connection = &listed.connection;
    if let Some(since) = connection.paused_since {
        let by = known.paused_by.get(&facts.name);
        let by = by.map(|who| format!(" by {who}")).unwrap_or_default();
        return Some(format!("Paused{by} since {}", format::instant(since)));
    }
    let findings = FindingAnswer::all(&facts.findings);
    let first = findings.iter().min_by_key(|finding| match finding.severity.as_str() {
        "error" => 0,
        "warning" => 1,
        _ => 2,
    });
    match facts.health {
        "healthy" => None,
        "new" => Some("Nobody has looked at it yet.".to_owned()),
        "waiting" => Some(waits(listed, first, known.now)),
        _ => first.map(|finding| format!("{} ({})", finding.seen, finding.code)),
    }
}

/// What a connection waits for, and until when.
fn waits(listed: &Listed, finding: Option<&FindingAnswer>, now: i64) -> String {
    let seen = finding.map(|finding| finding.seen.clone()).unwrap_or_default();
    let expected = listed.connection.created_at.saturating_add(FIRST_WITHIN);
    let until = if listed.standing.loaded_at.is_none() && expected > now {
        format!("First delivery expected by {}; nothing to do", format::instant(expected))
    } else if let Some(next) = listed.next {
        format!("The next look is at {}", format::instant(next))
    } else {
        "It is looked at again when somebody does".to_owned()
    };
    if seen.is_empty() { until } else { format!("{until}. Seen: {seen}") }
}

/// All connections, what is wrong first.
#[utoipa::path(
    get,
    path = "/api/v1/connections",
    tag = "connections",
    responses((status = 200, description = "All of them", body = Page<ConnectionRow>))
)]
async fn connections(State(app): State<Arc<App>>) -> Result<Json<Page<ConnectionRow>>, Fail> {
    Ok(Json(Page { items: answer(&app).await?, next: None }))
}

/// This part of the description of the API.
#[derive(OpenApi)]
#[openapi(paths(
    connections,
    one::connection,
    one::deliveries,
    one::runs,
    changes::check,
    changes::sync,
    changes::pause,
    changes::resume,
    changes::rename,
    changes::schedule,
    changes::credentials,
    changes::remove
))]
pub(crate) struct Doc;

#[cfg(test)]
mod tests {
    use billhook_engine::sync::Standing;
    use billhook_registry::{Credentials, Health, NewConnection, Registry};
    use serde_json::json;

    use super::*;

    fn listed(health: Health, findings: &Value) -> Listed {
        let home = tempfile::tempdir().unwrap();
        let registry = Registry::open(home.path()).unwrap();
        let new = NewConnection {
            name: "acme".parse().unwrap(),
            kind: "cur".to_owned(),
            location: Some("s3://bills/cur".to_owned()),
            settings: json!({}),
            access: Credentials::Ambient.into(),
            schedule: "every 4h".parse().unwrap(),
            payer: Some("111122223333".to_owned()),
        };
        let connection = registry.add(new, 0).unwrap();
        registry.start_run(&connection.id, "schedule", 1).unwrap();
        registry.set_health(&connection.id, health, findings, 2).unwrap();
        Listed::read(&registry, connection, Standing::default(), 3).unwrap()
    }

    fn known() -> Known {
        Known { payers: BTreeMap::new(), paused_by: BTreeMap::new(), now: 3 }
    }

    #[test]
    fn the_api_tells_of_a_connection_what_the_command_line_does() {
        let findings = json!([{ "code": "kms-denied", "severity": "error", "seen": "403" }]);
        let listed = listed(Health::Broken, &findings);
        let facts = json!(listed.facts());
        let row = row_of(listed, Freshness::Stale, &known());
        assert_eq!(row.reason.as_deref(), Some("403 (kms-denied)"));
        assert!(row.needs_attention());
        let told = json!(row);
        for (key, value) in facts.as_object().unwrap() {
            assert_eq!(&told[key], value, "{key}");
        }
    }

    #[test]
    fn who_waits_says_until_when() {
        let findings =
            json!([{ "code": "nothing-there", "severity": "waiting", "seen": "no files" }]);
        let row = row_of(listed(Health::Waiting, &findings), Freshness::Fresh, &known());
        let reason = row.reason.unwrap();
        assert!(reason.starts_with("First delivery expected by 2 Jan 1970 00:00 UTC"), "{reason}");
        assert!(reason.ends_with("no files"), "{reason}");
    }
}
