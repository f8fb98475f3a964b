//! Makes a draft a connection, and begins to load it.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::http::StatusCode;
use billhook_engine::onboarding;
use billhook_engine::verify::{self, Subject};
use billhook_registry::{Access, Connection, Health, NewConnection};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::answers::{Answers, Secrets};
use super::looking::{DraftCheck, access, check_key, checked};
use super::{Kept, Step, names, wrongs};
use crate::api::Wrong;
use crate::api::connections::changes::begin_sync;
use crate::app::App;
use crate::ask::Ask;
use crate::fail::Fail;
use crate::jobs::JobId;

/// How a draft is saved.
#[derive(Debug, Clone, Default, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct HowToSave {
    /// Save it although it does not work, and pause it.
    pub(crate) paused: bool,
}

/// A connection that was added.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct Added {
    /// Its name.
    pub(crate) name: String,
    /// Is it paused, since it does not work yet?
    pub(crate) is_paused: bool,
    /// What loads its history.
    pub(crate) work: Option<JobId>,
}

/// A connection in one call: answers and secrets, as a draft has them.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WantedConnection {
    /// The answers; `external_id` is that of the role.
    pub(crate) answers: Answers,
    /// `secret` and `session_token`.
    #[serde(default)]
    pub(crate) secrets: BTreeMap<String, String>,
    /// Save it although it does not work, and pause it.
    #[serde(default)]
    pub(crate) paused: bool,
}

/// Makes a draft a connection. One that does not work, or was not looked at, is only saved paused.
///
/// # Errors
/// When answers are missing, the name is taken, or it does not work and is not to be paused.
pub(crate) async fn save(
    app: &Arc<App>,
    ask: &Ask,
    kept: &Kept,
    paused: bool,
) -> Result<Added, Fail> {
    let secret_fields = &kept.draft.secret_fields;
    all_steps(app, &kept.answers, secret_fields).await?;
    let seen = checked(app, kept).filter(|check| check.is_over);
    let is_usable = seen.as_ref().is_some_and(DraftCheck::is_usable);
    if !is_usable && !paused {
        let why = if seen.is_some() {
            "the last check found something that does not work"
        } else {
            "nobody has checked it since it was changed"
        };
        let fix = "Check it again, mend what fails, or save it paused.";
        let status = StatusCode::UNPROCESSABLE_ENTITY;
        return Err(Fail::new(status, "It does not work yet", why, fix));
    }
    let look = app.looks.get(&check_key(kept));
    let findings: Vec<verify::Finding> = look
        .iter()
        .flat_map(|look| &look.checks)
        .flat_map(|check| check.findings.iter().cloned())
        .collect();
    let health = look.and_then(|look| look.health);
    let access = access(app, kept).await?;
    let added = add(app, ask, &kept.answers, access, paused && !is_usable).await?;
    if let Some(health) = health {
        let (id, findings, now) = (added.id.clone(), json!(findings), app.now());
        app.ask_registry(move |registry| registry.set_health(&id, health, &findings, now)).await?;
    }
    let draft = kept.draft.id.clone();
    app.ask_registry(move |registry| registry.drop_draft(&draft)).await?;
    begun(app, ask, &added, paused && !is_usable).await
}

/// Makes a connection of one call, after looking at everything.
///
/// # Errors
/// As [`save`].
pub(crate) async fn create(
    app: &Arc<App>,
    ask: &Ask,
    wanted: WantedConnection,
) -> Result<Added, Fail> {
    let WantedConnection { answers, secrets, paused } = wanted;
    let secrets: Secrets = secrets.into_iter().map(|(field, text)| (field, text.into())).collect();
    let fields: Vec<String> = secrets.keys().cloned().collect();
    all_steps(app, &answers, &fields).await?;
    let access = answers.access(&secrets, &app.runner.s3);
    let place = answers.place();
    let s3 = app.runner.s3.clone();
    let (kind, location) = (answers.kind()?, place.as_deref());
    let subject = Subject { kind, location, access: &access, s3, may_pay: false };
    let verdict = verify::verify(&subject).await?;
    if !verdict.is_usable() && !paused {
        let errors = verdict.findings().filter(|own| own.severity == verify::Severity::Error);
        let why: Vec<String> =
            errors.map(|own| format!("{} ({}): {}", own.seen, own.code, own.fix)).collect();
        return Err(Fail::unusable(why.join("; ")));
    }
    let is_paused = !verdict.is_usable();
    let added = add(app, ask, &answers, access, is_paused).await?;
    let findings: Vec<&verify::Finding> = verdict.findings().collect();
    let (id, findings, now) = (added.id.clone(), json!(findings), app.now());
    let health: Health = verdict.health;
    app.ask_registry(move |registry| registry.set_health(&id, health, &findings, now)).await?;
    begun(app, ask, &added, is_paused).await
}

/// Refuses answers of which any step has something wrong.
async fn all_steps(app: &App, answers: &Answers, secrets: &[String]) -> Result<(), Fail> {
    let taken = names(app).await?;
    let all = Step::ALL.iter().flat_map(|step| wrongs::of(*step, answers, secrets, &taken));
    let all: Vec<Wrong> = all.collect();
    if all.is_empty() { Ok(()) } else { Err(wrongs::fail(&all)) }
}

async fn add(
    app: &App,
    ask: &Ask,
    answers: &Answers,
    access: Access,
    is_paused: bool,
) -> Result<Connection, Fail> {
    let kind = answers.kind()?;
    let schedule = match &answers.schedule {
        Some(text) => onboarding::schedule(text)?,
        None => onboarding::usual_schedule(kind),
    };
    let new = NewConnection {
        name: answers.name.parse()?,
        kind: kind.kind.to_owned(),
        location: answers.place(),
        settings: answers.settings(),
        access,
        schedule,
        payer: answers.payer.clone(),
    };
    let now = app.now();
    let added = app
        .ask_registry(move |registry| {
            let added = registry.add(new, now)?;
            if is_paused {
                registry.pause(&added.id, now)?;
            }
            Ok(added)
        })
        .await?;
    let after: Value = json!({
        "kind": added.kind,
        "location": added.location,
        "schedule": added.schedule,
        "settings": added.settings,
        "paused": is_paused,
    });
    app.note(ask, "connection.added", added.name.as_str(), None, Some(after)).await?;
    app.forget_pulse().await;
    Ok(added)
}

/// Begins the first load, the newest month first, unless the connection is paused.
async fn begun(
    app: &Arc<App>,
    ask: &Ask,
    added: &Connection,
    is_paused: bool,
) -> Result<Added, Fail> {
    let name = added.name.to_string();
    let work = if is_paused {
        None
    } else {
        // Whatever is at work on it already loads it.
        Some(match begin_sync(app, ask, &name).await? {
            Ok(id) | Err(id) => id,
        })
    };
    Ok(Added { name, is_paused, work })
}
