//! Step 6: when it is looked at, and the end: the draft becomes a connection.

use std::sync::Arc;

use askama::Template;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use billhook_engine::onboarding;
use billhook_engine::onboarding::estimate::Estimate;

use super::{Frame, address, drawn, field, framed, with};
use crate::api::Wrong;
use crate::api::drafts::answers::{Answers, Product, Secrets, Way};
use crate::api::drafts::looking::{DraftCheck, checked};
use crate::api::drafts::{Kept, Step, change, save};
use crate::app::App;
use crate::ask::{Ask, Posted};
use crate::fail::Fail;
use crate::shell::Shell;

#[derive(Template)]
#[template(path = "drafts/save.html")]
struct Page {
    shell: Shell,
    frame: Frame,
    a: Answers,
    kind: &'static str,
    place: String,
    who: String,
    schedule: String,
    settling: String,
    /// What the last check said: `healthy`, `waiting`, `degraded`, `broken`, or nothing.
    health: &'static str,
    is_usable: bool,
    is_explorer: bool,
    price: String,
    check: String,
}

/// Draws it.
pub(super) async fn page(
    app: &Arc<App>,
    ask: &Ask,
    kept: &Kept,
    wrongs: Vec<Wrong>,
) -> Result<Response, Fail> {
    let is_refused = !wrongs.is_empty();
    let (shell, frame) = framed(app, ask, kept, Step::Save, wrongs).await?;
    let a = kept.answers.clone();
    let kind = a.kind()?;
    let check = checked(app, kept).filter(|check| check.is_over);
    let usual = onboarding::usual_schedule(kind).to_string();
    let page = Page {
        shell,
        kind: kind.title,
        place: a.place().unwrap_or_default(),
        who: who(&a),
        schedule: a.schedule.clone().unwrap_or(usual),
        settling: a.settling_days.map(|days| days.to_string()).unwrap_or_default(),
        health: check.as_ref().and_then(|check| check.health).unwrap_or_default(),
        is_usable: check.as_ref().is_some_and(DraftCheck::is_usable),
        is_explorer: a.product == Product::CostExplorer,
        price: Estimate::of(a.granularity()).words(),
        check: address(&frame.id, Step::Check),
        frame,
        a,
    };
    drawn(&page, is_refused)
}

/// Who reads, in words.
fn who(answers: &Answers) -> String {
    if answers.is_local() {
        return "the server, from a folder of its own".to_owned();
    }
    match answers.way {
        Way::Role => format!("the role {}", answers.role_arn.as_deref().unwrap_or_default()),
        Way::Key => format!("the access key {}", answers.key_id.as_deref().unwrap_or_default()),
        Way::Profile => {
            format!("the profile {}", answers.profile.as_deref().unwrap_or("default"))
        }
        Way::Server => "whatever the server has".to_owned(),
    }
}

/// Saves, and goes to the connection.
pub(super) async fn form(
    app: &Arc<App>,
    ask: &Ask,
    kept: &Kept,
    posted: &Posted,
) -> Result<Response, Fail> {
    let mut answers = kept.answers.clone();
    let mut wrongs = Vec::new();
    answers.schedule = field(posted, "schedule");
    answers.settling_days = None;
    if let Some(text) = posted.get("settling_days") {
        match text.parse() {
            Ok(days) => answers.settling_days = Some(days),
            Err(_) => wrongs.push(Wrong::new("settling_days", format!("{text}: give a number."))),
        }
    }
    if !wrongs.is_empty() {
        return page(app, ask, &with(kept, answers), wrongs).await;
    }
    let none = Secrets::new();
    let changed = change(app, kept, Step::Save, Step::Save, answers.clone(), none).await?;
    let changed = match changed {
        Ok(changed) => changed,
        Err(wrongs) => return page(app, ask, &with(kept, answers), wrongs).await,
    };
    let paused = posted.get("act") == Some("paused");
    match save::save(app, ask, &changed, paused).await {
        Ok(added) => Ok(Redirect::to(&format!("/connections/{}", added.name)).into_response()),
        Err(fail) if fail.status == StatusCode::UNPROCESSABLE_ENTITY => {
            let text = format!("{}: {} {}", fail.title, fail.why, fail.fix);
            page(app, ask, &changed, vec![Wrong::new("schedule", text)]).await
        }
        Err(fail) => Err(fail),
    }
}
