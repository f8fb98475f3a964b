//! The bucket or folder: can it be listed, what is in it, can it be read, and what can be done with
//! it?

use std::collections::BTreeSet;

use billhook_aws::Location;
use billhook_aws::session::Session;
use billhook_registry::Access;
use billhook_sources::delivery::{Delivery, Readiness};
use billhook_sources::{dbr, kinds};

use super::s3_error::Refusal;
use super::{Check, Finding, Heard, Subject, columns, open, refused};
use crate::{connections, import};

pub(super) const BUCKET: &str = "bucket";
pub(super) const DELIVERIES: &str = "deliveries";
pub(super) const FILE: &str = "data file";
pub(super) const REPORTS: &str = "reports of the month";
pub(super) const COLUMNS: &str = "columns";

/// A delivery older than this is late: AWS delivers at least once a day, in microseconds.
const LATE_MICROS: i64 = 3 * 86_400_000_000;

/// Kinds whose deliveries AWS describes by a manifest.
const MANIFESTED: [&str; 3] = ["cur", "data_export", "focus_export"];

/// What others want to know of the place.
#[derive(Debug, Default)]
pub(super) struct Looked {
    /// Could it be listed?
    pub(super) is_listed: bool,
    /// Is nothing there?
    pub(super) is_empty: bool,
    /// The accounts whose reports are there, as far as manifests tell.
    pub(super) accounts: BTreeSet<String>,
}

/// A place that can be listed, and who reads it.
struct Place<'a> {
    subject: &'a Subject<'a>,
    location: &'a Location,
    /// Account of who reads.
    account: Option<&'a str>,
}

pub(super) async fn check(
    subject: &Subject<'_>,
    session: Option<&Session>,
    account: Option<&str>,
    checks: &mut Heard<'_>,
) -> Looked {
    let mut looked = Looked::default();
    let written = subject.location.unwrap_or_default();
    let location = match open(subject, session) {
        Ok(location) => location,
        Err(error) => {
            let fix = "give an existing folder, or s3://bucket/prefix";
            let finding = Finding::new("location", error.to_string(), fix);
            checks.push(Check::found(BUCKET, vec![finding]));
            return looked;
        }
    };
    let objects = match import::list(&location).await {
        Ok(objects) => objects,
        Err(error) => {
            let mut refusal = Refusal::of(&error);
            if refusal.is_elsewhere() && refusal.region.is_none() {
                refusal.region = region(subject, session).await;
            }
            let finding = refused::listing(subject, &refusal, account);
            checks.push(Check::found(BUCKET, vec![finding]));
            checks.push(Check::skipped(DELIVERIES, "the bucket cannot be listed"));
            return looked;
        }
    };
    (looked.is_listed, looked.is_empty) = (true, objects.is_empty());
    if looked.is_empty {
        let seen = format!("{written}: nothing is there");
        let fix = format!(
            "if the report is new, wait: AWS delivers within 24 hours. Else compare the prefix \
             with that of the report: {}",
            subject.kind.title
        );
        checks.push(Check::found(BUCKET, vec![Finding::new("nothing-there", seen, fix)]));
        return looked;
    }
    checks.push(Check::passed(BUCKET, format!("{written}: {} objects", objects.len())));
    match import::discover(&location, &objects).await {
        Ok(found) => {
            let owners = found.deliveries.iter().map(|delivery| delivery.account.clone());
            looked.accounts = owners.filter(|account| !account.is_empty()).collect();
            let place = Place { subject, location: &location, account };
            files(&place, &found.deliveries, checks).await;
        }
        Err(error) => {
            let finding = refused::reading(subject, &error, account);
            checks.push(Check::found(DELIVERIES, vec![finding]));
        }
    }
    looked
}

/// The region of a bucket. Asked in the first region, S3 says which one it is, or answers.
async fn region(subject: &Subject<'_>, session: Option<&Session>) -> Option<String> {
    let first = "us-east-1".to_owned();
    let access = Access { region: Some(first.clone()), ..subject.access.clone() };
    let location = subject.location.unwrap_or_default();
    let place = connections::place(location, &subject.s3, &access, session).ok()?;
    match import::list(&place).await {
        Ok(_) => Some(first),
        Err(error) => Refusal::of(&error).region,
    }
}

/// Looks at what was found.
async fn files(place: &Place<'_>, deliveries: &[Delivery], checks: &mut Heard<'_>) {
    let subject = place.subject;
    let is_ready = |delivery: &&Delivery| delivery.readiness == Readiness::Ready;
    let reports: Vec<&Delivery> =
        deliveries.iter().filter(|delivery| !delivery.report.is_empty()).collect();
    let mut findings = Vec::new();
    let is_meant = |delivery: &&&Delivery| {
        let kinds = delivery.mappings.iter().map(|mapping| mapping.kind);
        let kinds = delivery.mapping.map_or_else(|| kinds.collect(), |one| vec![one.kind]);
        kinds.iter().any(|kind| kinds::is_meant(kind, subject.kind.kind))
    };
    let meant: Vec<&Delivery> = reports.iter().filter(is_meant).copied().collect();
    if meant.is_empty() {
        let (code, seen) = if reports.is_empty() {
            ("no-report", "there are files, but none belongs to a billing report".to_owned())
        } else {
            let mut names: Vec<&str> = reports.iter().map(|d| d.report.as_str()).collect();
            names.sort_unstable();
            names.dedup();
            ("other-kind", format!("reports of other kinds: {}", names.join(", ")))
        };
        let fix = format!("point at the folder of {}, or give another --kind", subject.kind.title);
        checks.push(Check::found(DELIVERIES, vec![Finding::new(code, seen, fix)]));
        return;
    }
    for delivery in &meant {
        let title = format!("{} {}", delivery.report, delivery.period);
        match &delivery.readiness {
            Readiness::Waiting(why) => {
                let fix = "nothing to do: AWS writes the manifest before all files are there";
                findings.push(Finding::new("delivery-waiting", format!("{title}: {why}"), fix));
            }
            Readiness::Damaged(why) => {
                let fix = "have it delivered again";
                findings.push(Finding::new("file-unreadable", format!("{title}: {why}"), fix));
            }
            Readiness::Ready | Readiness::Empty(_) => {}
        }
    }
    let newest =
        meant.iter().copied().filter(is_ready).max_by_key(|delivery| delivery.written_at());
    if let Some(newest) = newest {
        findings.extend(doubts(&meant, newest));
    }
    if findings.is_empty() {
        let mut months: Vec<&str> = meant.iter().map(|d| d.period.as_str()).collect();
        months.sort_unstable();
        months.dedup();
        let seen = match (months.first(), months.last()) {
            (Some(first), Some(last)) if first != last => {
                format!("{} months, {first} to {last}", months.len())
            }
            (Some(only), _) => format!("one month, {only}"),
            _ => "none".to_owned(),
        };
        checks.push(Check::passed(DELIVERIES, seen));
    } else {
        checks.push(Check::found(DELIVERIES, findings));
    }
    if let Some(newest) = newest {
        if subject.kind.kind == "dbr" {
            checks.push(reports_of(newest));
        }
        read(place, newest, checks).await;
    }
}

/// Which of the four Detailed Billing Reports a month has.
fn reports_of(newest: &Delivery) -> Check {
    let files = newest.files.iter().chain(&newest.checks);
    let missing = dbr::files::missing(files.map(|file| file.name.as_str()));
    if missing.is_empty() {
        return Check::passed(REPORTS, format!("{}: all that are of use", newest.period));
    }
    let lost = missing.iter().map(|(report, lost)| format!("{report} ({lost})"));
    let lost: Vec<String> = lost.collect();
    let seen = format!("{} lacks {}", newest.period, lost.join(", "));
    let fix = "copy them beside the others, as far as they were kept; what is there is loaded";
    Check::found(REPORTS, vec![Finding::new("dbr-incomplete", seen, fix)])
}

/// What is odd about deliveries, though they can be read.
fn doubts(meant: &[&Delivery], newest: &Delivery) -> Vec<Finding> {
    let now = chrono::Utc::now().timestamp_micros();
    let late = late(&newest.period, newest.written_at(), now);
    let mut findings: Vec<Finding> = late.into_iter().collect();
    let month = billhook_sources::table::month_of(now);
    if let Some(future) = meant.iter().find(|delivery| delivery.period > month) {
        let seen = format!(
            "{} is of {}, and by the clock of this machine it is {month} (UTC)",
            future.report, future.period
        );
        let fix = "set the clock of this machine, if it is slow; nothing, if AWS bills ahead";
        findings.push(Finding::new("delivery-future", seen, fix));
    }
    let mapping = newest.mapping.or(newest.mappings.first().copied());
    if newest.manifest.is_none() && mapping.is_some_and(|own| MANIFESTED.contains(&own.kind)) {
        let seen = format!("{} {} has no manifest that can be read", newest.report, newest.period);
        let fix = "copy the files that end in Manifest.json, too, whole; in AWS's own bucket have \
                   the report delivered again";
        findings.push(Finding::new("manifest-missing", seen, fix));
    }
    findings
}

/// Is the newest delivery, of `period` and `written_at` a time, late? Times are microseconds since
/// 1970 UTC.
pub(crate) fn late(period: &str, written_at: i64, now: i64) -> Option<Finding> {
    let age = now.saturating_sub(written_at);
    (age > LATE_MICROS).then(|| {
        let days = age / 86_400_000_000;
        let seen = format!("the newest delivery ({period}) is {days} days old");
        let is_current = period >= billhook_sources::table::month_of(now).as_str();
        let fix = if is_current {
            "look whether the report still exists, and whether its bucket policy still lets AWS \
             deliver: `billhook access KIND --format bucket-policy` prints it"
        } else {
            "look whether the report still exists: AWS delivers the current month every day"
        };
        Finding::new("delivery-late", seen, fix)
    })
}

/// Reads the beginning of a data file.
async fn read(place: &Place<'_>, delivery: &Delivery, checks: &mut Heard<'_>) {
    let Some(file) = delivery.files.first() else { return };
    let header = match import::header(place.location, &file.meta).await {
        Ok(Ok(header)) if header.iter().all(String::is_empty) => {
            let seen = format!("{} is empty", file.name);
            let fix = "have the file delivered or copied again";
            checks.push(Check::found(FILE, vec![Finding::new("file-unreadable", seen, fix)]));
            return;
        }
        Ok(Ok(header)) => header,
        Ok(Err(error)) => {
            let seen = format!("{}: {error}", file.name);
            let fix = "have the file delivered or copied again";
            checks.push(Check::found(FILE, vec![Finding::new("file-unreadable", seen, fix)]));
            return;
        }
        Err(error) => {
            let finding = refused::reading(place.subject, &error, place.account);
            checks.push(Check::found(FILE, vec![finding]));
            return;
        }
    };
    checks.push(Check::passed(FILE, format!("{} can be read", file.name)));
    let mapping = match kinds::recognise(delivery.mappings, &header) {
        Ok(mapping) => mapping,
        Err(error) => {
            let fix = "select the columns that are missing in the report's definition";
            let finding = Finding::new("columns-missing", error.to_string(), fix);
            checks.push(Check::found(COLUMNS, vec![finding]));
            return;
        }
    };
    let findings = columns::findings(mapping, &header, &file.name);
    if findings.is_empty() {
        checks.push(Check::passed(COLUMNS, format!("{} columns", header.len())));
    } else {
        checks.push(Check::found(COLUMNS, findings));
    }
}
