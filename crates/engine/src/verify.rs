//! `verify`: looks at everything that a connection needs, in order, and never stops at the first
//! problem. Nothing is saved, and nothing is written to AWS.
//!
//! A check passes or has findings: what was seen, what is expected, and the exact text to mend it
//! with. What depends on something that failed is skipped, and said so.

mod bucket;
mod codes;
mod columns;
mod definition;
mod explorer;
mod faults;
mod heard;
mod identity;
mod permissions;
mod refused;
mod s3_error;

use serde::Serialize;

use billhook_aws::session::{Session, Source};
use billhook_aws::{Location, S3Options};
use billhook_registry::{Access, Health};
use billhook_sources::access::{KindAccess, Purpose};

use crate::EngineError;
use crate::access::{self, Setup};
use crate::connections;

use heard::Heard;

pub(crate) use bucket::late;
pub use codes::{CODES, Code};
pub use faults::{FAULTS, Fault};
pub use identity::principal;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Good to know; changes nothing in the health.
    Note,
    /// Works, with something missing or at risk.
    Warning,
    /// Nothing is wrong; AWS has not delivered yet.
    Waiting,
    /// Does not work.
    Error,
}

/// What a check reports.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Names the page under `docs/findings/`.
    pub code: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// What was seen.
    pub seen: String,
    /// What is expected.
    pub expected: String,
    /// The exact mend, ready to paste where that is possible.
    pub fix: String,
}

/// Something that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What is looked at.
    pub title: &'static str,
    /// What was found out when it is well, or why it was skipped.
    pub seen: String,
    /// Was it skipped, for want of something before it?
    pub is_skipped: bool,
    /// What is not well; nothing when it passed.
    pub findings: Vec<Finding>,
}

/// Everything that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// How it is, all in all.
    pub health: Health,
    /// The account that the credentials belong to, when AWS tells.
    pub account: Option<String>,
    /// In order.
    pub checks: Vec<Check>,
}

/// What is to be verified.
#[derive(Debug)]
pub struct Subject<'a> {
    /// The kind of product.
    pub kind: &'static KindAccess,
    /// `s3://bucket/prefix` or a folder, for kinds that have a place.
    pub location: Option<&'a str>,
    /// Who Billhook is.
    pub access: &'a Access,
    /// How to address S3, without credentials.
    pub s3: S3Options,
    /// May requests be made that AWS charges 0.01 USD each for?
    pub may_pay: bool,
}

impl Check {
    fn passed(title: &'static str, seen: impl Into<String>) -> Self {
        Self { title, seen: seen.into(), is_skipped: false, findings: Vec::new() }
    }

    fn skipped(title: &'static str, why: impl Into<String>) -> Self {
        Self { title, seen: why.into(), is_skipped: true, findings: Vec::new() }
    }

    fn found(title: &'static str, findings: Vec<Finding>) -> Self {
        Self { title, seen: String::new(), is_skipped: false, findings }
    }

    /// Does nothing work for the time being?
    fn is_stopped(&self) -> bool {
        self.findings.iter().any(|finding| finding.severity >= Severity::Waiting)
    }
}

impl Finding {
    /// A finding of the catalogue, with its severity and what it expects.
    pub(crate) fn new(code: &'static str, seen: impl Into<String>, fix: impl Into<String>) -> Self {
        let known = CODES.iter().chain(crate::reconcile::CODES).find(|known| known.code == code);
        debug_assert!(known.is_some(), "{code} is not in the catalogue");
        Self {
            code,
            severity: known.map_or(Severity::Error, |known| known.severity),
            seen: seen.into(),
            expected: known.map_or_else(String::new, |known| known.expected.to_owned()),
            fix: fix.into(),
        }
    }
}

impl Verdict {
    fn of(account: Option<String>, checks: Vec<Check>) -> Self {
        let findings = || checks.iter().flat_map(|check| &check.findings);
        let has = |severity| findings().any(|finding| finding.severity == severity);
        let health = if has(Severity::Error) {
            Health::Broken
        } else if has(Severity::Waiting) {
            Health::Waiting
        } else if has(Severity::Warning) {
            Health::Degraded
        } else {
            Health::Healthy
        };
        Self { health, account, checks }
    }

    /// Does it work, now or as soon as AWS delivers?
    #[must_use]
    pub fn is_usable(&self) -> bool {
        self.health != Health::Broken
    }

    /// All findings, in order.
    pub fn findings(&self) -> impl Iterator<Item = &Finding> {
        self.checks.iter().flat_map(|check| &check.findings)
    }
}

/// Looks at everything.
///
/// # Errors
/// [`EngineError::Usage`] when the subject makes no sense. Whatever AWS says is a finding.
pub async fn verify(subject: &Subject<'_>) -> Result<Verdict, EngineError> {
    verify_with_tags(subject, &[]).await
}

/// Looks at everything, and whether the tags of resources may be read in these regions.
///
/// # Errors
/// As [`verify`].
pub async fn verify_with_tags(
    subject: &Subject<'_>,
    regions: &[String],
) -> Result<Verdict, EngineError> {
    verify_heard(subject, regions, &mut |_| {}).await
}

/// The same; `hear` is told of each check, in their order, before the next one begins.
///
/// # Errors
/// As [`verify`].
pub async fn verify_heard(
    subject: &Subject<'_>,
    regions: &[String],
    hear: &mut (dyn FnMut(&Check) + Send),
) -> Result<Verdict, EngineError> {
    let mut checks = Heard::by(hear);
    if subject.kind.reads_bucket && subject.location.is_none() {
        return Err(EngineError::Usage(format!(
            "{} needs a location: s3://bucket/prefix or a folder",
            subject.kind.kind
        )));
    }
    let is_local = subject.location.is_some_and(|location| !location.starts_with("s3://"));
    if is_local {
        bucket::check(subject, None, None, &mut checks).await;
        return Ok(Verdict::of(None, checks.into_checks()));
    }
    let (session, account) = identity::check(subject.access, &mut checks).await;
    if checks.is_stopped() {
        checks.push(Check::skipped(DATA, "there is nobody yet to read it"));
        return Ok(Verdict::of(account, checks.into_checks()));
    }
    let reader = account.as_deref();
    if subject.kind.reads_bucket {
        let looked = bucket::check(subject, session.as_ref(), reader, &mut checks).await;
        if let Some(session) = &session {
            beside(subject, session, reader, &looked, &mut checks).await;
        }
    } else if let Some(session) = &session {
        explorer::check(subject, session, &mut checks).await;
        permissions::organization(subject, session, reader, &mut checks).await;
    }
    if let Some(session) = &session {
        permissions::tags(subject, session, regions, &mut checks).await;
    }
    Ok(Verdict::of(account, checks.into_checks()))
}

/// Stands for all that is not looked at without somebody to read it.
pub const DATA: &str = "billing data";

/// What is looked at of a subject, in its order, as far as that is known before.
#[must_use]
pub fn titles(subject: &Subject<'_>) -> Vec<&'static str> {
    let files = || {
        let reports = (subject.kind.kind == "dbr").then_some(bucket::REPORTS);
        let first = [bucket::BUCKET, bucket::DELIVERIES].into_iter().chain(reports);
        first.chain([bucket::FILE, bucket::COLUMNS])
    };
    if subject.location.is_some_and(|location| !location.starts_with("s3://")) {
        return files().collect();
    }
    let mut titles = Vec::new();
    match connections::source(subject.access) {
        Some(Source::Key { .. }) => titles.extend([identity::KEY, identity::CALLER]),
        Some(_) => titles.push(identity::CALLER),
        None => {
            // Nobody is told anything but what lies in a public bucket.
            titles.push(identity::CALLER);
            if subject.kind.reads_bucket {
                titles.extend(files());
            }
            return titles;
        }
    }
    if connections::role(subject.access).is_some() {
        titles.extend([identity::ROLE, identity::EXTERNAL_ID]);
    }
    if subject.kind.reads_bucket {
        titles.extend(files());
        if subject.kind.serves(Purpose::Definitions) {
            titles.push(definition::TITLE);
        }
        titles.push(permissions::EXTENT);
        if subject.kind.kind == "dbr" {
            titles.push(permissions::DELIVERY);
        }
    } else {
        titles.push(explorer::TITLE);
        if subject.may_pay {
            titles.push(explorer::HOURS);
        }
    }
    if subject.kind.serves(Purpose::Organizations) {
        titles.push(permissions::ORGANIZATION);
    }
    titles
}

/// Looks at credentials alone: who is it, and may the role be assumed?
pub async fn credentials(access: &Access) -> Verdict {
    let mut hear = |_: &Check| {};
    let mut checks = Heard::by(&mut hear);
    let (_, account) = identity::check(access, &mut checks).await;
    Verdict::of(account, checks.into_checks())
}

/// What is not about the files, but about those who put them there and those who read them.
async fn beside(
    subject: &Subject<'_>,
    session: &Session,
    account: Option<&str>,
    looked: &bucket::Looked,
    checks: &mut Heard<'_>,
) {
    definition::check(subject, session, account, looked, checks).await;
    if looked.is_listed {
        let policy = permissions::policy(subject, session).await;
        permissions::extent(subject, session, &policy, checks).await;
        permissions::delivery(subject, &policy, checks);
    }
    permissions::organization(subject, session, account, checks).await;
}

/// The set-up for the place of a subject, with the key that its bucket is encrypted with.
fn setup(subject: &Subject<'_>, key: Option<&str>) -> Setup {
    let place = subject.location.and_then(connections::bucket_of);
    let (bucket, prefix) = place.map_or((None, ""), |(bucket, prefix)| (Some(bucket), prefix));
    Setup {
        kind: subject.kind,
        partition: connections::partition(subject.access),
        bucket: bucket.map(str::to_owned),
        prefix: prefix.to_owned(),
        key: key.map(str::to_owned),
        account: None,
        reader: access::Reader::User { name: "billhook".to_owned() },
        with: Purpose::USUAL.to_vec(),
    }
}

/// The statements to add, for a finding on a missing permission.
fn statements(subject: &Subject<'_>, key: Option<&str>) -> String {
    access::render(&setup(subject, key), access::Form::Policy).unwrap_or_default()
}

/// What to do to be allowed something beside reading.
fn to_add(subject: &Subject<'_>, purpose: Purpose) -> String {
    let statement = access::statement(subject.kind, purpose);
    format!("add this statement to the permissions:\n{statement}")
}

/// The place of a subject with a session's credentials.
fn open(subject: &Subject<'_>, session: Option<&Session>) -> Result<Location, EngineError> {
    connections::place(subject.location.unwrap_or_default(), &subject.s3, subject.access, session)
}
