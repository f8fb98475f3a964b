//! The report's definition: does one deliver to this place, what does it deliver, and how is it?

use billhook_aws::call::Trouble;
use billhook_aws::session::Session;
use billhook_sources::access::Purpose;
use chrono::{DateTime, TimeDelta, Utc};

use super::bucket::Looked;
use super::columns::RESOURCE_FIX;
use super::{Check, Finding, Heard, Subject, to_add};
use crate::access::{self, Form, Reader, Setup};
use crate::connections;
use crate::definitions::{self, Definition, Denied, Found, TimeUnit};

pub(super) const TITLE: &str = "report definition";

/// AWS makes the first delivery within this time.
const FIRST_DELIVERY: TimeDelta = TimeDelta::hours(24);

/// Looks at the definitions that deliver to the place; nothing for kinds without such.
pub(super) async fn check(
    subject: &Subject<'_>,
    session: &Session,
    account: Option<&str>,
    looked: &Looked,
    checks: &mut Heard<'_>,
) {
    if subject.kind.serves(Purpose::Definitions) {
        let known = checks.codes();
        checks.push(look(subject, session, account, looked, &known).await);
    }
}

/// What the definitions say. `known` are the codes that were found before.
async fn look(
    subject: &Subject<'_>,
    session: &Session,
    account: Option<&str>,
    looked: &Looked,
    known: &[&str],
) -> Check {
    let found = match definitions::found(session, Some(subject.kind.kind)).await {
        Ok(found) => found,
        Err(error) => return Check::skipped(TITLE, format!("cannot be told: {error}")),
    };
    if let Some(denied) = found.denied.first() {
        return unknown(subject, denied);
    }
    let location = subject.location.unwrap_or_default();
    let covering: Vec<&Definition> = found
        .definitions
        .iter()
        .filter(|definition| definition.table.has_costs() && definition.covers(location))
        .collect();
    if covering.is_empty() {
        return missing(subject, account, looked, &found);
    }
    let now = Utc::now();
    let mut findings = Vec::new();
    for definition in &covering {
        findings.extend(content(definition, known));
        findings.extend(delivery(subject, account, definition));
        if looked.is_listed && looked.is_empty {
            findings.extend(first(definition, now));
        }
    }
    if findings.is_empty() {
        let told =
            covering.iter().map(|own| format!("{} ({}): {}", own.name, own.table, own.words()));
        let told: Vec<String> = told.collect();
        return Check::passed(TITLE, told.join("; "));
    }
    Check::found(TITLE, findings)
}

/// Nothing is told of definitions.
fn unknown(subject: &Subject<'_>, denied: &Denied) -> Check {
    let seen = format!(
        "bucket only: {} may not be asked, so nothing is known of the report ({})",
        denied.action, denied.error
    );
    if denied.trouble != Trouble::Denied {
        return Check::skipped(TITLE, seen);
    }
    let fix = to_add(subject, Purpose::Definitions);
    Check::found(TITLE, vec![Finding::new("definition-denied", seen, fix)])
}

/// No definition delivers to the place.
fn missing(subject: &Subject<'_>, account: Option<&str>, looked: &Looked, found: &Found) -> Check {
    let location = subject.location.unwrap_or_default();
    let account = account.unwrap_or("the caller");
    // Whoever reads a bucket may belong to another account than the bill.
    if !looked.accounts.is_empty() && !looked.accounts.contains(account) {
        let owners: Vec<&str> = looked.accounts.iter().map(String::as_str).collect();
        let why = format!(
            "the files are of account {}, whose definitions account {account} does not see",
            owners.join(", ")
        );
        return Check::skipped(TITLE, why);
    }
    let (bucket, prefix) = connections::bucket_of(location).unwrap_or_default();
    let others = found.definitions.iter().filter(|own| own.table.has_costs());
    let others: Vec<&str> = others.map(|own| own.location.as_str()).collect();
    let seen = format!("account {account} has {} reports, none to {location}", others.len());
    let kind = if subject.kind.kind == "cur" { "cur" } else { "cur2" };
    let mut fix = format!(
        "create one: `billhook create-report NAME --kind {kind} --bucket {bucket} --prefix {} \
         --bucket-region REGION`; nothing, when the files are an archive that nobody adds to",
        if prefix.is_empty() { "PREFIX" } else { prefix }
    );
    if !others.is_empty() {
        fix = format!("give --location of one that exists: {}; or {fix}", others.join(", "));
    }
    Check::found(TITLE, vec![Finding::new("definition-missing", seen, fix)])
}

/// What the report does not tell.
fn content(definition: &Definition, known: &[&str]) -> Vec<Finding> {
    let name = &definition.name;
    let mut findings = Vec::new();
    let code = match definition.time_unit {
        Some(TimeUnit::Daily) => Some("report-daily"),
        Some(TimeUnit::Monthly) => Some("report-monthly"),
        Some(TimeUnit::Hourly) | None => None,
    };
    if let (Some(code), Some(unit)) = (code, definition.time_unit) {
        let seen = format!("{name} is {}", unit.as_str());
        let fix = "make an hourly one beside it with `billhook create-report`, and connect that";
        findings.push(Finding::new(code, seen, fix));
    }
    if !definition.has_resources && !known.contains(&"no-resource-ids") {
        let seen = format!("{name} is defined without resource IDs");
        findings.push(Finding::new("no-resource-ids", seen, RESOURCE_FIX));
    }
    if definition.refreshes_closed == Some(false) {
        let seen = format!("{name} leaves closed months as they are");
        let fix = "turn on the automatic refresh of closed months in the report's definition \
                   (RefreshClosedReports)";
        findings.push(Finding::new("no-refresh", seen, fix));
    }
    if definition.compression == "ZIP" {
        let seen = format!("{name} is packed with ZIP");
        let fix = "nothing has to be done; GZIP or Parquet is read by several processors at a time";
        findings.push(Finding::new("zip-compression", seen, fix));
    }
    findings
}

/// Why AWS does not deliver.
fn delivery(
    subject: &Subject<'_>,
    account: Option<&str>,
    definition: &Definition,
) -> Option<Finding> {
    let failure = definition.failure.as_deref()?;
    let last = definition.last_delivery.as_deref();
    let last = last.map_or_else(String::new, |time| format!(", last delivery {time}"));
    let seen = format!("{}: {failure}{last}", definition.name);
    let (code, fix) = match failure {
        "ERROR_NO_BUCKET" => (
            "report-bucket-gone",
            "make the bucket again, or define the report anew for another bucket: `billhook \
             create-report` does either"
                .to_owned(),
        ),
        "BILL_OWNER_CHANGED" => (
            "bill-owner-changed",
            "make the export again in the account that owns the bill now".to_owned(),
        ),
        "INTERNAL_FAILURE" => (
            "export-failing",
            "wait: AWS tries again by itself. Ask AWS Support when it stays so for a day"
                .to_owned(),
        ),
        _ if definition.kind == "cur" => ("report-failing", policy(subject, account)),
        _ => ("export-unhealthy", policy(subject, account)),
    };
    Some(Finding::new(code, seen, fix))
}

/// The bucket policy that lets AWS deliver.
fn policy(subject: &Subject<'_>, account: Option<&str>) -> String {
    let bucket = subject.location.and_then(connections::bucket_of).map(|(bucket, _)| bucket);
    let setup = Setup {
        kind: subject.kind,
        partition: connections::partition(subject.access),
        bucket: bucket.map(str::to_owned),
        prefix: String::new(),
        key: None,
        account: account.map(str::to_owned),
        reader: Reader::User { name: "billhook".to_owned() },
        with: Vec::new(),
    };
    let policy = access::render(&setup, Form::BucketPolicy).unwrap_or_default();
    format!(
        "put this into the policy of the bucket, and look whether its key lets AWS in:\n{policy}"
    )
}

/// Is the first delivery still to come?
fn first(definition: &Definition, now: DateTime<Utc>) -> Option<Finding> {
    let name = &definition.name;
    if definition.last_delivery.is_some() || definition.failure.is_some() {
        return None;
    }
    let Some(created) = &definition.created_at else {
        let seen = format!("{name} has not been delivered yet");
        let fix = "wait: AWS delivers within 24 hours after a report was made";
        return Some(Finding::new("first-delivery", seen, fix));
    };
    let due = DateTime::parse_from_rfc3339(created).ok()?.to_utc() + FIRST_DELIVERY;
    (now < due).then(|| {
        let seen = format!("{name} was made at {created} and has not been delivered yet");
        let fix = format!("wait until {} UTC", due.format("%Y-%m-%d %H:%M"));
        Finding::new("first-delivery", seen, fix)
    })
}

#[cfg(test)]
mod tests {
    use billhook_aws::reports::ReportDefinition;

    use super::*;

    fn report() -> ReportDefinition {
        ReportDefinition {
            name: "hourly".to_owned(),
            time_unit: "HOURLY".to_owned(),
            compression: "GZIP".to_owned(),
            schema_elements: vec!["RESOURCES".to_owned()],
            refreshes_closed: Some(true),
            ..ReportDefinition::default()
        }
    }

    fn codes(report: &ReportDefinition) -> Vec<&'static str> {
        let found = content(&Definition::of_report(report), &[]);
        found.into_iter().map(|finding| finding.code).collect()
    }

    #[test]
    fn each_weakness_has_its_own_code() {
        assert_eq!(codes(&report()), [""; 0]);
        let weak = ReportDefinition {
            time_unit: "DAILY".to_owned(),
            compression: "ZIP".to_owned(),
            schema_elements: Vec::new(),
            refreshes_closed: Some(false),
            ..report()
        };
        let expected = ["report-daily", "no-resource-ids", "no-refresh", "zip-compression"];
        assert_eq!(codes(&weak), expected);
        let monthly = ReportDefinition { time_unit: "MONTHLY".to_owned(), ..report() };
        assert_eq!(codes(&monthly), ["report-monthly"]);
        let known = content(&Definition::of_report(&weak), &["no-resource-ids"]);
        assert!(known.iter().all(|finding| finding.code != "no-resource-ids"));
    }

    #[test]
    fn the_first_delivery_is_waited_for_a_day() {
        let now = DateTime::parse_from_rfc3339("2026-08-19T12:00:00Z").unwrap().to_utc();
        let definition = Definition::of_report(&report());
        assert!(first(&definition, now).is_some());
        let made =
            |time: &str| Definition { created_at: Some(time.to_owned()), ..definition.clone() };
        let waiting = first(&made("2026-08-19T11:00:00Z"), now).unwrap();
        assert!(waiting.fix.contains("2026-08-20 11:00"), "{}", waiting.fix);
        assert!(first(&made("2026-08-18T11:00:00Z"), now).is_none());
        let delivered =
            Definition { last_delivery: Some("20260819T010101Z".to_owned()), ..definition };
        assert!(first(&delivered, now).is_none());
    }
}
