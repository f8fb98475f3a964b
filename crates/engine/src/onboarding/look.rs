//! What there is to connect: reports that AWS tells of, and what lies in a place.

use billhook_aws::S3Options;
use billhook_aws::bucket::BucketAdmin;
use billhook_aws::session::Session;
use billhook_registry::Access;
use billhook_sources::access::{KindAccess, Purpose};
use serde::Serialize;

use crate::definitions::{self, Definition, TimeUnit};
use crate::error::causes;
use crate::{EngineError, connections, contents};

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Seen {
    /// Reports and exports with costs that AWS is told to deliver.
    pub reports: Vec<Report>,
    /// What AWS does not tell: what would have to be allowed, and AWS's words.
    pub untold: Vec<(String, String)>,
    /// Region of the bucket of the place, when it was found out.
    pub region: Option<String>,
    /// What lies in the place.
    pub files: Vec<Files>,
    /// Why nothing is known of the place.
    pub wrong: Option<String>,
}

/// A report or export.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Its name.
    pub name: String,
    /// Kind of the connection that reads it.
    pub kind: String,
    /// `CUR`, `CUR 2.0`, `FOCUS 1.0` or `FOCUS 1.2`.
    pub table: String,
    /// `s3://bucket/prefix/name`.
    pub location: String,
    /// Region of the bucket.
    pub region: String,
    /// What it delivers, in words.
    pub words: String,
    /// When AWS delivered last, or why it could not.
    pub last: String,
    /// How well it fits.
    pub fit: Fit,
    /// The same in words: `fits`, `fits, without resource IDs`.
    pub fits: String,
}

/// How well a report fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fit {
    /// It has all that is of use.
    Whole,
    /// It lacks something.
    Partly,
    /// AWS cannot deliver it.
    Failing,
}

/// A report's files in a place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Files {
    /// Kind of the connection that reads them.
    pub kind: String,
    /// Name of the report.
    pub report: String,
    /// How many months of it are there.
    pub months: usize,
}

impl Report {
    /// What matters of a definition to who chooses one.
    #[must_use]
    pub fn of(own: &Definition) -> Self {
        let (fit, fits) = fits(own);
        let last = match (&own.failure, &own.last_delivery) {
            (Some(failure), _) => format!("not delivered: {failure}"),
            (None, Some(time)) => format!("last delivery {time}"),
            (None, None) => "no delivery yet".to_owned(),
        };
        Self {
            name: own.name.clone(),
            kind: own.kind.to_owned(),
            table: own.table.to_string(),
            location: own.location.clone(),
            region: own.region.clone(),
            words: own.words(),
            last,
            fit,
            fits,
        }
    }
}

/// How well a report fits, in words.
fn fits(own: &Definition) -> (Fit, String) {
    if let Some(failure) = &own.failure {
        return (Fit::Failing, format!("AWS cannot deliver it: {failure}"));
    }
    let mut lacks = Vec::new();
    match own.time_unit {
        Some(TimeUnit::Daily) => lacks.push("hours"),
        Some(TimeUnit::Monthly) => lacks.push("hours and days"),
        Some(TimeUnit::Hourly) | None => {}
    }
    if !own.has_resources {
        lacks.push("resource IDs");
    }
    if own.refreshes_closed == Some(false) {
        lacks.push("corrections of closed months");
    }
    if lacks.is_empty() {
        (Fit::Whole, "fits".to_owned())
    } else {
        (Fit::Partly, format!("fits, without {}", lacks.join(", ")))
    }
}

/// Looks what there is. What AWS refuses is part of what is found.
pub async fn look(
    kind: &KindAccess,
    location: Option<&str>,
    access: &Access,
    s3: &S3Options,
) -> Seen {
    let mut seen = Seen::default();
    let is_local = location.is_some_and(|location| connections::bucket_of(location).is_none());
    let session = if is_local {
        None
    } else {
        match connections::session(access).await {
            Ok(session) => session,
            Err(error) => {
                seen.wrong = Some(causes(&error));
                return seen;
            }
        }
    };
    if let Some(session) = &session
        && kind.serves(Purpose::Definitions)
    {
        match definitions::found(session, Some(kind.kind)).await {
            Ok(found) => {
                let costs = found.definitions.iter().filter(|own| own.table.has_costs());
                seen.reports = costs.map(Report::of).collect();
                let untold = found.denied.into_iter();
                seen.untold =
                    untold.map(|denied| (denied.action.to_owned(), denied.error)).collect();
            }
            Err(error) => seen.untold.push(("reports and exports".to_owned(), causes(&error))),
        }
    }
    let Some(location) = location else { return seen };
    let mut access = access.clone();
    match region(location, &access, s3, session.as_ref()).await {
        Ok(region) => seen.region = region,
        Err(wrong) => {
            seen.wrong = Some(wrong);
            return seen;
        }
    }
    access.region = access.region.or_else(|| seen.region.clone());
    match files(location, &access, s3, session.as_ref()).await {
        Ok(files) => seen.files = files,
        Err(error) => seen.wrong = Some(causes(&error)),
    }
    seen
}

/// Asks S3 for the region of a bucket, unless somebody says it.
///
/// # Errors
/// When there is no such bucket, in words.
pub async fn region(
    location: &str,
    access: &Access,
    s3: &S3Options,
    session: Option<&Session>,
) -> Result<Option<String>, String> {
    let (Some(session), Some((bucket, _))) = (session, connections::bucket_of(location)) else {
        return Ok(None);
    };
    if access.region.is_some() || s3.region.is_some() {
        return Ok(None);
    }
    let region = session.region().unwrap_or("us-east-1");
    let endpoint = access.endpoint.as_deref().or(s3.endpoint.as_deref());
    match BucketAdmin::new(session, bucket, region, endpoint).region().await {
        Ok(Some(region)) => Ok(Some(region)),
        Ok(None) => Err(format!("there is no bucket {bucket}")),
        // Verifying says what is wrong with it.
        Err(_) => Ok(None),
    }
}

async fn files(
    location: &str,
    access: &Access,
    s3: &S3Options,
    session: Option<&Session>,
) -> Result<Vec<Files>, EngineError> {
    let place = connections::place(location, s3, access, session)?;
    let found = contents::contents(&place).await?;
    let files = found.into_iter().map(|content| Files {
        kind: content.kind.to_owned(),
        report: content.report,
        months: content.months,
    });
    Ok(files.collect())
}

#[cfg(test)]
mod tests {
    use billhook_aws::reports::ReportDefinition;

    use super::*;

    #[test]
    fn a_report_says_how_well_it_fits() {
        let report = ReportDefinition {
            name: "hourly".to_owned(),
            time_unit: "HOURLY".to_owned(),
            schema_elements: vec!["RESOURCES".to_owned()],
            bucket: "bills".to_owned(),
            refreshes_closed: Some(true),
            ..ReportDefinition::default()
        };
        let told = |report: &ReportDefinition| Report::of(&Definition::of_report(report));
        assert_eq!((told(&report).fit, told(&report).fits.as_str()), (Fit::Whole, "fits"));
        let daily = ReportDefinition {
            time_unit: "DAILY".to_owned(),
            schema_elements: Vec::new(),
            ..report.clone()
        };
        assert_eq!(told(&daily).fits, "fits, without hours, resource IDs");
        let status = Some("ERROR_PERMISSIONS".to_owned());
        let failing = told(&ReportDefinition { last_status: status, ..report });
        assert_eq!(failing.fit, Fit::Failing);
        assert!(failing.last.contains("ERROR_PERMISSIONS"));
    }

    #[tokio::test]
    async fn a_folder_is_looked_into_without_aws() {
        let folder = tempfile::tempdir().unwrap();
        let kind = crate::access::kind("focus_files").unwrap();
        let access = Access::from(billhook_registry::Credentials::Ambient);
        let location = folder.path().to_string_lossy().into_owned();
        let seen = look(kind, Some(&location), &access, &S3Options::default()).await;
        assert!(seen.files.is_empty() && seen.reports.is_empty());
        let seen = look(kind, Some("/no/such/folder"), &access, &S3Options::default()).await;
        assert!(seen.wrong.is_some());
    }
}
