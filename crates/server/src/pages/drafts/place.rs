//! Step 2: what the connection is called, and where its files are.

use askama::Template;
use axum::response::Response;
use billhook_engine::onboarding::estimate::Estimate;

use super::{Frame, drawn, field, framed, furthest, to_step, with};
use crate::api::Wrong;
use crate::api::drafts::answers::{Answers, Product, Secrets, Table};
use crate::api::drafts::looking::trusted;
use crate::api::drafts::{Kept, Step, change};
use crate::app::App;
use crate::ask::{Ask, Posted};
use crate::fail::Fail;
use crate::shell::Shell;

#[expect(clippy::struct_excessive_bools, reason = "the template asks for each")]
#[derive(Template)]
#[template(path = "drafts/place.html")]
struct Page {
    shell: Shell,
    frame: Frame,
    a: Answers,
    has_files: bool,
    /// May a new export be made instead?
    offers_new: bool,
    makes_report: bool,
    /// May the files be in a folder?
    offers_folder: bool,
    can_find: bool,
    is_focus_files: bool,
    is_focus_table: bool,
    budget: String,
    price_daily: String,
    price_hourly: String,
}

/// Draws it.
pub(super) async fn page(
    app: &App,
    ask: &Ask,
    kept: &Kept,
    wrongs: Vec<Wrong>,
) -> Result<Response, Fail> {
    let is_refused = !wrongs.is_empty();
    let (shell, frame) = framed(app, ask, kept, Step::Place, wrongs).await?;
    let a = kept.answers.clone();
    let price =
        |is_hourly| Estimate::of(Answers { is_hourly, ..Answers::default() }.granularity()).words();
    let page = Page {
        shell,
        frame,
        has_files: a.has_files(),
        offers_new: a.product == Product::DataExport,
        makes_report: a.makes_report(),
        offers_folder: a.has_files() && a.product != Product::CurNew,
        can_find: matches!(a.product, Product::Cur | Product::DataExport),
        is_focus_files: a.product == Product::FocusFiles,
        is_focus_table: a.table == Table::Focus,
        budget: a.request_budget.map(|budget| budget.to_string()).unwrap_or_default(),
        price_daily: price(false),
        price_hourly: price(true),
        a,
    };
    drawn(&page, is_refused)
}

/// Takes it.
pub(super) async fn form(
    app: &App,
    ask: &Ask,
    kept: &Kept,
    posted: &Posted,
) -> Result<Response, Fail> {
    let (mut answers, wrongs) = read(kept, posted);
    if answers.typed() != kept.answers.typed() {
        // What was chosen was chosen there.
        answers.location = None;
    }
    if !wrongs.is_empty() {
        return page(app, ask, &with(kept, answers), wrongs).await;
    }
    if answers.trusted.is_none() && !answers.is_local() {
        let asked = with(kept, answers.clone());
        answers.trusted = trusted(app, &asked, &Secrets::new()).await?;
    }
    let next = furthest(kept, Step::Access);
    match change(app, kept, Step::Place, next, answers.clone(), Secrets::new()).await? {
        Ok(changed) => Ok(to_step(&changed.draft.id, Step::Access)),
        Err(wrongs) => page(app, ask, &with(kept, answers), wrongs).await,
    }
}

/// The answers of the form, and what makes no sense before it is looked at.
fn read(kept: &Kept, posted: &Posted) -> (Answers, Vec<Wrong>) {
    let mut wrongs = Vec::new();
    let mut answers = kept.answers.clone();
    answers.name = field(posted, "name").unwrap_or_default();
    answers.payer = field(posted, "payer");
    // An id may be written in groups, as the console shows it.
    if let Some(payer) = answers.payer.as_deref()
        && let Ok(digits) = billhook_engine::onboarding::place::account(payer)
    {
        answers.payer = Some(digits);
    }
    answers.partition = field(posted, "partition").unwrap_or_else(|| "aws".to_owned());
    answers.in_folder = posted.get("files") == Some("folder");
    answers.folder = field(posted, "folder");
    let bucket = field(posted, "bucket").unwrap_or_default();
    let bucket = bucket.trim_start_matches("s3://");
    let (bucket, below) = bucket.split_once('/').unwrap_or((bucket, ""));
    answers.bucket = (!bucket.is_empty()).then(|| bucket.to_owned());
    let prefix = field(posted, "prefix").unwrap_or_else(|| below.to_owned());
    prefix.trim_matches('/').clone_into(&mut answers.prefix);
    answers.region = field(posted, "region");
    answers.key = field(posted, "key");
    answers.provider = field(posted, "provider");
    answers.is_hourly = posted.get("granularity") == Some("hourly");
    answers.request_budget = None;
    if let Some(text) = posted.get("request_budget") {
        match text.parse() {
            Ok(budget) => answers.request_budget = Some(budget),
            Err(_) => wrongs.push(Wrong::new("request_budget", format!("{text}: give a number."))),
        }
    }
    if answers.product == Product::DataExport {
        answers.is_new = posted.get("report_is") == Some("new");
        answers.table =
            if posted.get("table") == Some("focus") { Table::Focus } else { Table::Cur2 };
    }
    if answers.makes_report() {
        answers.makes_bucket = posted.get("bucket_is") == Some("new");
    }
    (answers, wrongs)
}
