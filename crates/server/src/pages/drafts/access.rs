//! Step 3: who reads, and what is to be set up in AWS for it.

use askama::Template;
use axum::response::{IntoResponse, Redirect, Response};
use billhook_engine::onboarding::ROLE_NAME;
use billhook_engine::onboarding::allow::{self, Allowed};
use billhook_sources::access::Purpose;

use super::{Frame, address, drawn, field, framed, furthest, to_step, with};
use crate::api::Wrong;
use crate::api::drafts::answers::{Answers, Product, SECRET, SESSION_TOKEN, Secrets, Way};
use crate::api::drafts::looking::trusted;
use crate::api::drafts::setup::{SetUp, set_up};
use crate::api::drafts::{Kept, Step, change, keep};
use crate::app::App;
use crate::ask::{Ask, Posted};
use crate::fail::Fail;
use crate::shell::Shell;

/// A form of a set-up: name in addresses, title, and the texts that belong to it.
type Form = (&'static str, &'static str, &'static [&'static str]);

/// The forms.
static FORMS: [Form; 5] = [
    ("cloudformation", "CloudFormation", &["cloudformation"]),
    ("terraform", "Terraform", &["terraform"]),
    ("cli", "AWS CLI", &["cli"]),
    ("policies", "JSON policies", &["trust", "policy"]),
    ("console", "Console, step by step", &["trust", "policy"]),
];

/// A form of the set-up in the list of them.
struct Tab {
    title: &'static str,
    href: String,
    is_here: bool,
}

/// A text to be pasted.
struct Paste {
    label: String,
    text: String,
    why: String,
    download: String,
}

#[expect(clippy::struct_excessive_bools, reason = "the template asks for each")]
#[derive(Template)]
#[template(path = "drafts/access.html")]
struct Page {
    shell: Shell,
    frame: Frame,
    a: Answers,
    is_local: bool,
    is_focus_files: bool,
    way: &'static str,
    base: &'static str,
    has_secret: bool,
    tabs: Vec<Tab>,
    form: &'static str,
    pastes: Vec<Paste>,
    allowed: Vec<Allowed>,
    serves_names: bool,
    likely_arn: String,
}

const fn name_of(way: Way) -> &'static str {
    match way {
        Way::Role => "role",
        Way::Key => "key",
        Way::Profile => "profile",
        Way::Server => "server",
    }
}

fn way_of(name: Option<&str>, usual: Way) -> Way {
    match name {
        Some("role") => Way::Role,
        Some("key") => Way::Key,
        Some("profile") => Way::Profile,
        Some("server") => Way::Server,
        _ => usual,
    }
}

/// Draws it.
pub(super) async fn page(
    app: &App,
    ask: &Ask,
    kept: &Kept,
    wrongs: Vec<Wrong>,
) -> Result<Response, Fail> {
    let is_refused = !wrongs.is_empty();
    let (shell, frame) = framed(app, ask, kept, Step::Access, wrongs).await?;
    let a = kept.answers.clone();
    let chosen = ask.parameter("form").unwrap_or_default();
    let form = FORMS.iter().find(|(name, ..)| *name == chosen).unwrap_or(&FORMS[0]);
    let here = address(&frame.id, Step::Access);
    let tab = |own: &Form| Tab {
        title: own.1,
        href: format!("{here}?form={}#setup", own.0),
        is_here: own.0 == form.0,
    };
    let kind = a.kind()?;
    let page = Page {
        shell,
        is_local: a.is_local(),
        is_focus_files: a.product == Product::FocusFiles,
        way: name_of(a.way),
        base: name_of(a.base),
        has_secret: kept.draft.secret_fields.iter().any(|field| field == SECRET),
        tabs: FORMS.iter().map(tab).collect(),
        form: form.0,
        pastes: pastes(&a, &frame.id, form.2)?,
        allowed: allow::actions(kind, &a.with(), a.key.is_some()),
        serves_names: kind.serves(Purpose::Organizations),
        likely_arn: likely(&a),
        frame,
        a,
    };
    drawn(&page, is_refused)
}

/// The texts of a form. Whoever is no role has no trust policy; where nobody new is made, only the
/// policy matters.
fn pastes(answers: &Answers, id: &str, formats: &[&str]) -> Result<Vec<Paste>, Fail> {
    if answers.is_local() {
        return Ok(Vec::new());
    }
    let mut formats: Vec<&str> = match answers.way {
        Way::Role => formats.to_vec(),
        Way::Key => formats.iter().copied().filter(|format| *format != "trust").collect(),
        Way::Profile | Way::Server => vec!["policy"],
    };
    if answers.product == Product::Dbr {
        // Wanted where AWS is still to write.
        formats.push("bucket-policy");
    }
    formats.into_iter().map(|format| Ok(paste(set_up(answers, format)?, id))).collect()
}

fn paste(set_up: SetUp, id: &str) -> Paste {
    let SetUp { label, text, format, .. } = set_up;
    match text {
        Ok(text) => {
            let download = format!("/connections/drafts/{id}/setup/{format}");
            Paste { label, text, why: String::new(), download }
        }
        Err(why) => Paste { label, text: String::new(), why, download: String::new() },
    }
}

/// The ARN that the role of the set-up will have.
fn likely(answers: &Answers) -> String {
    let account = answers.payer.as_deref().unwrap_or("111122223333");
    format!("arn:{}:iam::{account}:role/{ROLE_NAME}", answers.partition())
}

/// Takes it: keeps what is typed and shows the set-up for it, or goes on.
pub(super) async fn form(
    app: &App,
    ask: &Ask,
    kept: &Kept,
    posted: &Posted,
) -> Result<Response, Fail> {
    if kept.answers.is_local() {
        let next = furthest(kept, Step::Report);
        keep(app, kept, next, kept.answers.clone(), Secrets::new()).await?;
        return Ok(to_step(&kept.draft.id, Step::Report));
    }
    let (mut answers, secrets) = read(kept, posted);
    let before = &kept.answers;
    let is_other = (answers.base, &answers.key_id, &answers.profile)
        != (before.base, &before.key_id, &before.profile);
    if is_other && answers.trusted == before.trusted {
        answers.trusted = None;
    }
    if answers.way == Way::Role && answers.trusted.is_none() {
        let asked = with(kept, answers.clone());
        answers.trusted = trusted(app, &asked, &secrets).await?;
    }
    if posted.get("act") == Some("show") {
        let step = furthest(kept, Step::Access);
        keep(app, kept, step, answers, secrets).await?;
        let form = ask.parameter("form").unwrap_or_default();
        let form = FORMS.iter().find(|(name, ..)| *name == form).unwrap_or(&FORMS[0]).0;
        let to = format!("{}?form={form}#setup", address(&kept.draft.id, Step::Access));
        return Ok(Redirect::to(&to).into_response());
    }
    let next = furthest(kept, Step::Report);
    match change(app, kept, Step::Access, next, answers.clone(), secrets).await? {
        Ok(changed) => Ok(to_step(&changed.draft.id, Step::Report)),
        Err(wrongs) => page(app, ask, &with(kept, answers), wrongs).await,
    }
}

fn read(kept: &Kept, posted: &Posted) -> (Answers, Secrets) {
    let mut answers = kept.answers.clone();
    answers.way = way_of(posted.get("way"), Way::Role);
    answers.base = match way_of(posted.get("base"), Way::Server) {
        Way::Role => Way::Server,
        base => base,
    };
    answers.role_arn = field(posted, "role_arn");
    answers.trusted = field(posted, "trusted");
    answers.key_id = field(posted, "key_id");
    answers.profile = field(posted, "profile");
    answers.with_names = posted.has("with_names");
    let mut secrets = Secrets::new();
    if let Some(secret) = posted.get(SECRET) {
        secrets.insert(SECRET.to_owned(), secret.to_owned().into());
        // A token belongs to the key that it was typed with.
        let token = posted.get(SESSION_TOKEN).unwrap_or_default();
        secrets.insert(SESSION_TOKEN.to_owned(), token.to_owned().into());
    }
    (answers, secrets)
}
