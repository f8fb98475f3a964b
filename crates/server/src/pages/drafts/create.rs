//! The confirmation of a new report: every write to AWS is listed, and nothing else is written.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;

use super::{Frame, address, drawn, framed, furthest, to_step};
use crate::api::Wrong;
use crate::api::drafts::answers::Secrets;
use crate::api::drafts::order::{ReportPlan, carry_out, plan};
use crate::api::drafts::{Kept, Step, keep, load};
use crate::app::App;
use crate::ask::{Ask, Posted};
use crate::fail::Fail;
use crate::shell::Shell;

#[derive(Template)]
#[template(path = "drafts/create.html")]
struct Page {
    shell: Shell,
    frame: Frame,
    plan: Option<ReportPlan>,
    /// Why there is no plan, and what to do.
    why: String,
    fix: String,
    here: String,
    report: String,
}

/// Shows what would be written.
pub(super) async fn page(
    State(app): State<Arc<App>>,
    ask: Ask,
    Path(id): Path<String>,
) -> Result<Response, Fail> {
    let kept = load(&app, &id).await?;
    Box::pin(shown(&app, &ask, &kept, Vec::new())).await
}

async fn shown(app: &App, ask: &Ask, kept: &Kept, wrongs: Vec<Wrong>) -> Result<Response, Fail> {
    let is_refused = !wrongs.is_empty();
    let (planned, why, fix) = match plan(app, kept).await {
        Ok(planned) => (Some(planned), String::new(), String::new()),
        Err(fail) if fail.status == StatusCode::INTERNAL_SERVER_ERROR => return Err(fail),
        Err(fail) => (None, fail.why, fail.fix),
    };
    let (shell, frame) = framed(app, ask, kept, Step::Report, wrongs).await?;
    let page = Page {
        shell,
        plan: planned,
        why,
        fix,
        here: format!("/connections/drafts/{}/create", frame.id),
        report: address(&frame.id, Step::Report),
        frame,
    };
    drawn(&page, is_refused)
}

/// Writes what was confirmed.
pub(super) async fn confirm(
    State(app): State<Arc<App>>,
    ask: Ask,
    Path(id): Path<String>,
    posted: Posted,
) -> Result<Response, Fail> {
    let kept = load(&app, &id).await?;
    let confirmed = posted.get("plan").unwrap_or_default();
    match Box::pin(carry_out(&app, &ask, &kept, confirmed)).await {
        Ok(_) => {
            let next = furthest(&kept, Step::Check);
            keep(&app, &kept, next, kept.answers.clone(), Secrets::new()).await?;
            Ok(to_step(&kept.draft.id, Step::Check))
        }
        Err(fail) if fail.status == StatusCode::INTERNAL_SERVER_ERROR => Err(fail),
        Err(fail) => {
            let text = format!("{}. {}", fail.why, fail.fix);
            Box::pin(shown(&app, &ask, &kept, vec![Wrong::new("plan", text)])).await
        }
    }
}
