//! Step 4: which report, of those that there are; or how a new one is made.

use std::sync::Arc;

use askama::Template;
use axum::response::{IntoResponse, Redirect, Response};
use billhook_engine::access;
use billhook_engine::onboarding::allow;
use billhook_engine::onboarding::look::{Files, Fit, Report, Seen};

use super::{Frame, address, drawn, field, framed, furthest, to_step, with};
use crate::api::Wrong;
use crate::api::drafts::answers::{Answers, Product, Secrets};
use crate::api::drafts::looking::found;
use crate::api::drafts::setup::set_up;
use crate::api::drafts::{Kept, Step, change};
use crate::app::App;
use crate::ask::{Ask, Posted};
use crate::fail::Fail;
use crate::format;
use crate::shell::Shell;

/// The forms in which a new report is made by hand.
static FORMS: [(&str, &str); 5] = [
    ("console", "Console"),
    ("cli", "AWS CLI"),
    ("cloudformation", "CloudFormation"),
    ("terraform", "Terraform"),
    ("billhook", "billhook create-report"),
];

/// Says that a place is typed, where reports can be chosen.
const TYPED: &str = "typed";

/// A report to choose.
struct Choice {
    name: String,
    table: String,
    location: String,
    region: String,
    words: String,
    last: String,
    fits: String,
    mark: &'static str,
    is_chosen: bool,
}

/// What lies in the place.
struct Found {
    report: String,
    kind: String,
    months: usize,
    is_meant: bool,
}

/// A form in the list of them.
struct Tab {
    title: &'static str,
    href: String,
    is_here: bool,
}

#[expect(clippy::struct_excessive_bools, reason = "the template asks for each")]
#[derive(Template)]
#[template(path = "drafts/report.html")]
struct Page {
    shell: Shell,
    frame: Frame,
    a: Answers,
    has_files: bool,
    makes_report: bool,
    can_find: bool,
    is_dbr: bool,
    /// Is it still being looked?
    is_looking: bool,
    choices: Vec<Choice>,
    untold: Vec<(String, String)>,
    files: Vec<Found>,
    wrong_place: String,
    place: String,
    is_typed: bool,
    again: String,
    tabs: Vec<Tab>,
    label: String,
    text: String,
    why: String,
    download: String,
    to_create: String,
    create: String,
    report: String,
}

/// Draws it.
pub(super) async fn page(
    app: &Arc<App>,
    ask: &Ask,
    kept: &Kept,
    wrongs: Vec<Wrong>,
) -> Result<Response, Fail> {
    let is_refused = !wrongs.is_empty();
    let a = kept.answers.clone();
    let is_looked = a.has_files() && !a.makes_report();
    let seen = if is_looked {
        let again = ask.parameter("look").as_deref() == Some("again");
        found(app, ask, kept, again && ask.fragment().is_none()).await?
    } else {
        None
    };
    let (shell, frame) = framed(app, ask, kept, Step::Report, wrongs).await?;
    let (is_looking, seen) = (is_looked && seen.is_none(), seen.unwrap_or_default());
    let here = address(&frame.id, Step::Report);
    let chosen = ask.parameter("form").unwrap_or_default();
    let form = FORMS.iter().find(|(name, _)| *name == chosen).unwrap_or(&FORMS[0]);
    let tab = |own: &(&'static str, &'static str)| Tab {
        title: own.1,
        href: format!("{here}?form={}#yourself", own.0),
        is_here: own.0 == form.0,
    };
    let own = set_up(&a, &format!("report-{}", form.0))?;
    let (text, why) = match own.text {
        Ok(text) => (text, String::new()),
        Err(why) => (String::new(), why),
    };
    let download = format!("/connections/drafts/{}/setup/{}", frame.id, own.format);
    let wanted = a.wanted();
    let choices = choices(&a, &seen);
    let page = Page {
        shell,
        has_files: a.has_files(),
        makes_report: a.makes_report(),
        can_find: a.can_find() && !a.is_local(),
        is_dbr: a.product == Product::Dbr,
        is_looking,
        is_typed: !choices.iter().any(|choice| choice.is_chosen),
        choices,
        files: files(&a, &seen)?,
        untold: seen.untold,
        wrong_place: seen.wrong.unwrap_or_default(),
        place: a.typed().unwrap_or_default(),
        again: format!("{here}?look=again"),
        tabs: FORMS.iter().map(tab).collect(),
        label: own.label,
        text,
        why,
        download,
        to_create: allow::to_create(
            wanted.product,
            &wanted.bucket,
            wanted.create_bucket,
            a.partition(),
        ),
        create: format!("/connections/drafts/{}/create", frame.id),
        report: wanted.name,
        frame,
        a,
    };
    drawn(&page, is_refused)
}

fn choices(answers: &Answers, seen: &Seen) -> Vec<Choice> {
    let chosen = answers.location.as_deref();
    let is_only = seen.reports.len() == 1 && answers.typed().is_none();
    let choice = |own: &Report| Choice {
        is_chosen: chosen == Some(own.location.as_str()) || (chosen.is_none() && is_only),
        name: format::visible(&own.name),
        table: own.table.clone(),
        location: own.location.clone(),
        region: own.region.clone(),
        words: own.words.clone(),
        last: own.last.clone(),
        fits: own.fits.clone(),
        mark: match own.fit {
            Fit::Whole => "healthy",
            Fit::Partly => "degraded",
            Fit::Failing => "broken",
        },
    };
    seen.reports.iter().map(choice).collect()
}

fn files(answers: &Answers, seen: &Seen) -> Result<Vec<Found>, Fail> {
    let own = answers.kind()?.kind;
    let found = |files: &Files| Found {
        report: format::visible(&files.report),
        kind: access::kind(&files.kind)
            .map_or_else(|_| files.kind.clone(), |kind| kind.title.to_owned()),
        months: files.months,
        is_meant: files.kind == own,
    };
    Ok(seen.files.iter().map(found).collect())
}

/// Takes it.
pub(super) async fn form(
    app: &Arc<App>,
    ask: &Ask,
    kept: &Kept,
    posted: &Posted,
) -> Result<Response, Fail> {
    let mut answers = kept.answers.clone();
    if answers.makes_report() {
        answers.report = field(posted, "report");
        answers.is_parquet = posted.get("packing") == Some("parquet");
    } else if answers.has_files() && !answers.is_local() {
        choose(app, ask, kept, posted, &mut answers).await?;
    }
    let next = furthest(kept, Step::Check);
    let is_to_be_shown = posted.get("act") == Some("show");
    match change(app, kept, Step::Report, next, answers.clone(), Secrets::new()).await? {
        Ok(changed) if is_to_be_shown => {
            let to = format!("{}#yourself", address(&changed.draft.id, Step::Report));
            Ok(Redirect::to(&to).into_response())
        }
        Ok(changed) => Ok(to_step(&changed.draft.id, Step::Check)),
        Err(wrongs) => page(app, ask, &with(kept, answers), wrongs).await,
    }
}

/// Understands what was chosen: a report, or a place that was typed.
async fn choose(
    app: &Arc<App>,
    ask: &Ask,
    kept: &Kept,
    posted: &Posted,
    answers: &mut Answers,
) -> Result<(), Fail> {
    let seen = found(app, ask, kept, false).await?.unwrap_or_default();
    match posted.get("choice") {
        Some(choice) if choice != TYPED => {
            answers.location = Some(choice.to_owned());
            let own = seen.reports.iter().find(|own| own.location == choice);
            if let Some(own) = own {
                answers.region = Some(own.region.clone()).filter(|region| !region.is_empty());
            }
        }
        _ => {
            answers.location = None;
            if let Some(typed) = posted.get("location") {
                let typed = typed.trim_start_matches("s3://");
                let (bucket, prefix) = typed.split_once('/').unwrap_or((typed, ""));
                if answers.bucket.as_deref() != Some(bucket) {
                    answers.region = None;
                }
                answers.bucket = Some(bucket.to_owned());
                prefix.trim_matches('/').clone_into(&mut answers.prefix);
            }
            let is_same = answers.typed() == kept.answers.typed();
            if answers.region.is_none() && is_same {
                answers.region.clone_from(&seen.region);
            }
        }
    }
    Ok(())
}
