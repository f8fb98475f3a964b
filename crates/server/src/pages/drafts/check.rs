//! Step 5: does everything work? The checks fill in as they are done.

use std::sync::Arc;

use askama::Template;
use axum::response::Response;

use super::{Frame, draw, framed, furthest, to_step};
use crate::api::drafts::answers::{Product, Secrets};
use crate::api::drafts::looking::{DraftCheck, begin_check, check_key, checked, settle};
use crate::api::drafts::{Kept, Step, keep, wrongs};
use crate::app::App;
use crate::ask::{Ask, Posted};
use crate::fail::Fail;
use crate::format;
use crate::shell::Shell;

#[derive(Template)]
#[template(path = "drafts/check.html")]
struct Page {
    shell: Shell,
    frame: Frame,
    check: DraftCheck,
    took: String,
    passed: usize,
    warnings: usize,
    errors: usize,
    others: usize,
    is_waiting: bool,
    may_pay: bool,
    price: String,
    access: String,
}

/// Draws it; begins to look when nobody has since the draft was changed. What AWS charges for is
/// not asked.
pub(super) async fn page(app: &Arc<App>, ask: &Ask, kept: &Kept) -> Result<Response, Fail> {
    let wrong = wrongs::of(Step::Report, &kept.answers, &[], &[]);
    if !wrong.is_empty() {
        // There is no place yet to look at.
        return Ok(to_step(&kept.draft.id, Step::Report));
    }
    if checked(app, kept).is_none() {
        begin_check(app, ask, kept, false).await?;
    }
    settle(app, &check_key(kept), ask).await;
    let check = checked(app, kept).ok_or_else(|| Fail::internal("a check that was forgotten"))?;
    let (shell, frame) = framed(app, ask, kept, Step::Check, Vec::new()).await?;
    let page = Page {
        shell,
        took: format::duration(check.took),
        passed: check.count("passed"),
        warnings: check.count("warning"),
        errors: check.count("error"),
        others: check.count("not_run") + check.count("skipped") + check.count("pending"),
        is_waiting: check.health == Some("waiting"),
        may_pay: kept.answers.product == Product::CostExplorer,
        price: "two requests, 0.02 USD".to_owned(),
        access: super::address(&frame.id, Step::Access),
        check,
        frame,
    };
    draw(&page)
}

/// Looks again, or goes on.
pub(super) async fn form(
    app: &Arc<App>,
    ask: &Ask,
    kept: &Kept,
    posted: &Posted,
) -> Result<Response, Fail> {
    if posted.get("act") == Some("again") {
        begin_check(app, ask, kept, posted.has("paid")).await?;
        return Ok(to_step(&kept.draft.id, Step::Check));
    }
    let next = furthest(kept, Step::Save);
    keep(app, kept, next, kept.answers.clone(), Secrets::new()).await?;
    Ok(to_step(&kept.draft.id, Step::Save))
}
