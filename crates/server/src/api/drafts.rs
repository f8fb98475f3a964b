//! Drafts: connections that somebody is adding, step by step. No connection exists before a draft
//! is saved, and nothing is written to AWS but by [`order`].

pub(crate) mod answers;
mod calls;
pub(crate) mod looking;
pub(crate) mod order;
pub(crate) mod save;
pub(crate) mod setup;
pub(crate) mod wrongs;

use billhook_registry::{Draft, new_external_id};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use crate::api::{Instant, Wrong};
use crate::app::App;
use crate::ask::Ask;
use crate::fail::Fail;
use answers::{Answers, Product, Secrets};

pub(crate) use calls::{Doc, routes, setup_text};

/// A step after the choice of a product.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Step {
    /// Name and place.
    Place,
    /// Who reads.
    Access,
    /// What there is.
    Report,
    /// Does everything work?
    Check,
    /// When it is looked at.
    Save,
}

impl Step {
    /// All, in their order.
    pub(crate) const ALL: [Self; 5] =
        [Self::Place, Self::Access, Self::Report, Self::Check, Self::Save];

    /// Its name in addresses.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Place => "place",
            Self::Access => "access",
            Self::Report => "report",
            Self::Check => "check",
            Self::Save => "save",
        }
    }

    /// What it is called.
    pub(crate) const fn title(self) -> &'static str {
        match self {
            Self::Place => "Name and place",
            Self::Access => "Access",
            Self::Report => "Report",
            Self::Check => "Check",
            Self::Save => "Save",
        }
    }

    /// Its number; the choice of a product is the first one.
    pub(crate) const fn number(self) -> usize {
        match self {
            Self::Place => 2,
            Self::Access => 3,
            Self::Report => 4,
            Self::Check => 5,
            Self::Save => 6,
        }
    }

    /// The step of a name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|step| step.name() == name)
    }

    /// The one after it; the last one itself.
    pub(crate) const fn next(self) -> Self {
        match self {
            Self::Place => Self::Access,
            Self::Access => Self::Report,
            Self::Report => Self::Check,
            Self::Check | Self::Save => Self::Save,
        }
    }
}

/// A draft, and its answers understood.
#[derive(Debug, Clone)]
pub(crate) struct Kept {
    pub(crate) draft: Draft,
    pub(crate) answers: Answers,
}

/// A draft, without its secrets.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct DraftAnswer {
    /// Its id.
    pub(crate) id: String,
    /// Who began it.
    pub(crate) owner: String,
    /// The step that it is at: `place`, `access`, `report`, `check` or `save`.
    pub(crate) step: String,
    /// What was answered so far.
    pub(crate) answers: Answers,
    /// The fields whose secrets are kept; for 24 hours after they were typed.
    pub(crate) secret_fields: Vec<String>,
    /// When it was begun.
    pub(crate) made_at: Instant,
    /// When it is gone unless it is changed.
    pub(crate) expires_at: Instant,
}

impl From<Kept> for DraftAnswer {
    fn from(Kept { draft, answers }: Kept) -> Self {
        Self {
            id: draft.id,
            owner: draft.owner,
            step: draft.step,
            answers,
            secret_fields: draft.secret_fields,
            made_at: Instant(draft.made_at),
            expires_at: Instant(draft.expires_at),
        }
    }
}

/// Understands a draft of the control database.
fn understood(draft: Draft) -> Result<Kept, Fail> {
    let answers = serde_json::from_value(draft.answers.clone());
    let answers = answers.map_err(|error| Fail::internal(format!("a draft: {error}")))?;
    Ok(Kept { draft, answers })
}

/// All drafts, the last changed first.
///
/// # Errors
/// When the control database fails.
pub(crate) async fn all(app: &App) -> Result<Vec<DraftAnswer>, Fail> {
    let now = app.now();
    let drafts = app.ask_registry(move |registry| registry.drafts(now)).await?;
    drafts.into_iter().map(|draft| understood(draft).map(DraftAnswer::from)).collect()
}

/// The draft of an id.
///
/// # Errors
/// When there is none (any more).
pub(crate) async fn load(app: &App, id: &str) -> Result<Kept, Fail> {
    let (id, now) = (id.to_owned(), app.now());
    let draft = app.ask_registry(move |registry| registry.draft(&id, now)).await?;
    let draft = draft.ok_or_else(|| {
        let why = "This draft is not there any more: it was saved, discarded, or left for a week.";
        Fail::missing(why, "Look among the connections, or begin anew.")
            .linked("Connections", "/connections")
    })?;
    understood(draft)
}

/// Begins a draft, with an external ID that it keeps.
///
/// # Errors
/// When the control database fails.
pub(crate) async fn begin(app: &App, ask: &Ask, product: Product) -> Result<Kept, Fail> {
    let answers = Answers::new(product, new_external_id()?);
    let (owner, value, now) = (ask.name().to_owned(), json!(answers), app.now());
    let step = Step::Place.name();
    let draft =
        app.ask_registry(move |registry| registry.new_draft(&owner, &value, step, now)).await?;
    app.note(ask, "draft.begun", &draft.id, None, Some(json!({ "product": product }))).await?;
    Ok(Kept { draft, answers })
}

/// Changes the answers of a step, and goes on to `next`. Secrets that were typed are sealed. The
/// inner failure says what cannot be used; nothing is changed then.
///
/// # Errors
/// When the draft is gone, or secrets cannot be sealed.
pub(crate) async fn change(
    app: &App,
    kept: &Kept,
    step: Step,
    next: Step,
    answers: Answers,
    secrets: Secrets,
) -> Result<Result<Kept, Vec<Wrong>>, Fail> {
    let mut fields = kept.draft.secret_fields.clone();
    fields.extend(secrets.keys().cloned());
    let wrongs = wrongs::of(step, &answers, &fields, &names(app).await?);
    if !wrongs.is_empty() {
        return Ok(Err(wrongs));
    }
    keep(app, kept, next, answers, secrets).await.map(Ok)
}

/// Keeps answers and secrets as they are, right or wrong.
///
/// # Errors
/// As [`change`].
pub(crate) async fn keep(
    app: &App,
    kept: &Kept,
    step: Step,
    answers: Answers,
    secrets: Secrets,
) -> Result<Kept, Fail> {
    let typed = u64::from(!secrets.is_empty());
    let answers = Answers {
        // What was begun stays.
        product: kept.answers.product,
        external_id: kept.answers.external_id.clone(),
        secrets_typed: kept.answers.secrets_typed.saturating_add(typed),
        ..answers
    };
    let (id, value, now) = (kept.draft.id.clone(), json!(answers), app.now());
    let draft = app
        .ask_registry(move |registry| {
            registry.change_draft(&id, step.name(), &value, &secrets, now)
        })
        .await?;
    Ok(Kept { draft, answers })
}

/// Throws a draft away, with its secrets.
///
/// # Errors
/// When there is none.
pub(crate) async fn discard(app: &App, ask: &Ask, kept: &Kept) -> Result<(), Fail> {
    let id = kept.draft.id.clone();
    if app.ask_registry(move |registry| registry.drop_draft(&id)).await? {
        app.note(ask, "draft.discarded", &kept.draft.id, None, None).await?;
    }
    Ok(())
}

/// The secrets of a draft, opened.
///
/// # Errors
/// When they do not open.
async fn secrets(app: &App, kept: &Kept) -> Result<Secrets, Fail> {
    let (id, now) = (kept.draft.id.clone(), app.now());
    app.ask_registry(move |registry| registry.draft_secrets(&id, now)).await
}

/// The names of all connections.
///
/// # Errors
/// When the control database fails.
async fn names(app: &App) -> Result<Vec<String>, Fail> {
    let all = app.ask_registry(billhook_registry::Registry::connections).await?;
    Ok(all.into_iter().map(|connection| connection.name.to_string()).collect())
}
