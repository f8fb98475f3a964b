//! Definitions: the reports and exports that AWS is told to deliver, whatever API tells of them.
//!
//! Asking costs nothing and changes nothing.

use std::fmt;

use billhook_aws::call::{CallError, Trouble};
use billhook_aws::exports::{ExportDefinition, Exports};
use billhook_aws::reports::{ReportDefinition, Reports};
use billhook_aws::session::Session;
use serde::{Serialize, Serializer};

use crate::EngineError;
use crate::connections::bucket_of;

/// What is delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Table {
    /// The legacy Cost and Usage Report.
    LegacyCur,
    /// `COST_AND_USAGE_REPORT` of Data Exports.
    Cur2,
    /// `FOCUS_1_0_AWS`.
    Focus10,
    /// `FOCUS_1_2_AWS`.
    Focus12,
    /// Another table of Data Exports, by its name in AWS.
    Other(String),
}

impl Table {
    fn of(name: &str) -> Self {
        match name {
            "COST_AND_USAGE_REPORT" => Self::Cur2,
            "FOCUS_1_0_AWS" => Self::Focus10,
            "FOCUS_1_2_AWS" => Self::Focus12,
            other => Self::Other(other.to_owned()),
        }
    }

    /// Are its rows costs that are read?
    #[must_use]
    pub fn has_costs(&self) -> bool {
        !matches!(self, Self::Other(_))
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::LegacyCur => "CUR",
            Self::Cur2 => "CUR 2.0",
            Self::Focus10 => "FOCUS 1.0",
            Self::Focus12 => "FOCUS 1.2",
            Self::Other(name) => name,
        })
    }
}

impl Serialize for Table {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// What time a line is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TimeUnit {
    /// An hour.
    Hourly,
    /// A day.
    Daily,
    /// A month.
    Monthly,
}

impl TimeUnit {
    fn of(name: &str) -> Option<Self> {
        match name {
            "HOURLY" => Some(Self::Hourly),
            "DAILY" => Some(Self::Daily),
            "MONTHLY" => Some(Self::Monthly),
            _ => None,
        }
    }

    /// `hourly`, `daily` or `monthly`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hourly => "hourly",
            Self::Daily => "daily",
            Self::Monthly => "monthly",
        }
    }
}

/// A report or export, as far as it matters to whoever reads it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Definition {
    /// Its name.
    pub name: String,
    /// Kind of the connection that reads it: `cur` or `data_export`.
    pub kind: &'static str,
    /// What is delivered.
    pub table: Table,
    /// Where its files are: `s3://bucket/prefix/name`.
    pub location: String,
    /// Region of the bucket.
    pub region: String,
    /// What time a line is about; `None` when AWS does not say.
    pub time_unit: Option<TimeUnit>,
    /// Do lines name their resources?
    pub has_resources: bool,
    /// Are months that are closed delivered again when something changes? `None` for exports, which
    /// know no other way.
    pub refreshes_closed: Option<bool>,
    /// `textORcsv`, `Parquet`, `TEXT_OR_CSV` or `PARQUET`.
    pub format: String,
    /// `GZIP`, `ZIP`, `Parquet` or `PARQUET`.
    pub compression: String,
    /// `CREATE_NEW_REPORT` or `OVERWRITE_REPORT`, when AWS says so.
    pub versioning: Option<String>,
    /// What is delivered besides: `REDSHIFT`, `QUICKSIGHT`, `ATHENA`.
    pub artifacts: Vec<String>,
    /// Why AWS could not deliver last, such as `ERROR_PERMISSIONS`; `None` when nothing is wrong.
    pub failure: Option<String>,
    /// When AWS delivered last, as AWS writes it.
    pub last_delivery: Option<String>,
    /// When it was made, as AWS writes it; reports do not say.
    pub created_at: Option<String>,
}

/// What there is, as far as it may be known.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Found {
    /// The definitions, reports before exports.
    pub definitions: Vec<Definition>,
    /// What could not be asked.
    pub denied: Vec<Denied>,
}

/// A question that AWS does not answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Denied {
    /// What would have to be allowed.
    pub action: &'static str,
    /// In AWS's words.
    pub error: String,
    /// What kind of trouble it is.
    #[serde(skip)]
    pub trouble: Trouble,
}

/// Asks for all definitions of the account, or those of one kind of connection. That a question is
/// not allowed is part of what is found.
///
/// # Errors
/// When AWS does not know the caller, or cannot be reached.
pub async fn found(session: &Session, kind: Option<&str>) -> Result<Found, EngineError> {
    let mut found = Found::default();
    if kind.is_none_or(|kind| kind == "cur") {
        let answer = Reports::new(session).all().await;
        let answer = answer.map(|all| all.iter().map(Definition::of_report).collect());
        found.take("cur:DescribeReportDefinitions", answer)?;
    }
    if kind.is_none_or(|kind| kind == "data_export") {
        let answer = Exports::new(session).all().await;
        let answer = answer.map(|all| all.iter().map(Definition::of_export).collect());
        found.take("bcm-data-exports:ListExports and GetExport", answer)?;
    }
    Ok(found)
}

impl Found {
    fn take(
        &mut self,
        action: &'static str,
        answer: Result<Vec<Definition>, CallError>,
    ) -> Result<(), EngineError> {
        match answer {
            Ok(definitions) => self.definitions.extend(definitions),
            Err(error) => match error.trouble {
                Trouble::Denied | Trouble::Unavailable | Trouble::Refused => {
                    let (text, trouble) = (error.to_string(), error.trouble);
                    self.denied.push(Denied { action, error: text, trouble });
                }
                Trouble::Passing | Trouble::Stale | Trouble::Credentials => {
                    let message = format!("{} ({action})", error.message);
                    return Err(CallError { message, ..error }.into());
                }
            },
        }
        Ok(())
    }
}

impl Definition {
    /// What matters of a legacy report.
    #[must_use]
    pub fn of_report(report: &ReportDefinition) -> Self {
        let has = |element: &str| report.schema_elements.iter().any(|own| own == element);
        Self {
            name: report.name.clone(),
            kind: "cur",
            table: Table::LegacyCur,
            location: place(&report.bucket, &report.prefix, &report.name),
            region: report.region.clone(),
            time_unit: TimeUnit::of(&report.time_unit),
            has_resources: has("RESOURCES"),
            refreshes_closed: report.refreshes_closed,
            format: report.format.clone(),
            compression: report.compression.clone(),
            versioning: report.versioning.clone(),
            artifacts: report.artifacts.clone(),
            failure: report.last_status.clone().filter(|status| status.starts_with("ERROR")),
            last_delivery: report.last_delivery.clone(),
            created_at: None,
        }
    }

    /// What matters of an export.
    #[must_use]
    pub fn of_export(export: &ExportDefinition) -> Self {
        let name = table_of(&export.query);
        let table = Table::of(name);
        let set = |key: &str| export.properties.get(name)?.get(key).map(String::as_str);
        let time_unit = set("TIME_GRANULARITY").or((table == Table::Cur2).then_some("HOURLY"));
        let has_resources = match table {
            Table::Cur2 => {
                set("INCLUDE_RESOURCES") == Some("TRUE")
                    && selects(&export.query, "line_item_resource_id")
            }
            _ => selects(&export.query, "ResourceId"),
        };
        let failure = (export.status.as_deref() == Some("UNHEALTHY")).then(|| {
            let reason = export.status_reason.clone();
            reason.unwrap_or_else(|| "UNHEALTHY".to_owned())
        });
        Self {
            name: export.name.clone(),
            kind: "data_export",
            time_unit: time_unit.and_then(TimeUnit::of),
            table,
            location: place(&export.bucket, &export.prefix, &export.name),
            region: export.region.clone(),
            has_resources,
            refreshes_closed: None,
            format: export.format.clone(),
            compression: export.compression.clone(),
            versioning: Some(export.overwrite.clone()),
            artifacts: Vec::new(),
            failure,
            last_delivery: export.refreshed_at.clone(),
            created_at: export.created_at.clone(),
        }
    }

    /// Would a connection at `location` read what it delivers, or a part of it?
    #[must_use]
    pub fn covers(&self, location: &str) -> bool {
        let (Some((own_bucket, own)), Some((bucket, path))) =
            (bucket_of(&self.location), bucket_of(location))
        else {
            return false;
        };
        own_bucket == bucket && (is_below(own, path) || is_below(path, own))
    }

    /// What it delivers, in words.
    #[must_use]
    pub fn words(&self) -> String {
        let mut words = vec![self.time_unit.map_or("as AWS cuts time", TimeUnit::as_str)];
        words.push(if self.has_resources { "with resource IDs" } else { "without resource IDs" });
        if self.refreshes_closed == Some(false) {
            words.push("closed months stay as they are");
        }
        words.push(if self.is_parquet() { "Parquet" } else { self.compression.as_str() });
        match self.versioning.as_deref() {
            Some("CREATE_NEW_REPORT") => words.push("a new version with each delivery"),
            Some("OVERWRITE_REPORT") => words.push("each delivery replaces the one before"),
            _ => {}
        }
        let artifacts = format!("made for {}", self.artifacts.join(" and "));
        if !self.artifacts.is_empty() {
            words.push(&artifacts);
        }
        words.join(", ")
    }

    fn is_parquet(&self) -> bool {
        self.format.eq_ignore_ascii_case("parquet")
    }
}

/// Where the files of a report or export are. Both have a folder of their name below the prefix.
pub(crate) fn place(bucket: &str, prefix: &str, name: &str) -> String {
    let prefix = prefix.trim_matches('/');
    if prefix.is_empty() {
        format!("s3://{bucket}/{name}")
    } else {
        format!("s3://{bucket}/{prefix}/{name}")
    }
}

/// Is `path` the folder or below it? An empty folder is the whole bucket.
fn is_below(path: &str, folder: &str) -> bool {
    let rest = path.strip_prefix(folder);
    folder.is_empty() || rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The table that a query selects from; empty when it names none.
fn table_of(query: &str) -> &str {
    let mut words = query.split_whitespace().skip_while(|word| !word.eq_ignore_ascii_case("from"));
    words.nth(1).unwrap_or_default().trim_end_matches(';')
}

/// Does the query select the column?
fn selects(query: &str, column: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut words = query.split(|c: char| !is_part(c));
    words.any(|word| word.eq_ignore_ascii_case(column)) || query.contains('*')
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn export(query: &str, properties: &[(&str, &str)]) -> ExportDefinition {
        let set = properties.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        let set: BTreeMap<String, String> = set.collect();
        ExportDefinition {
            name: "cur2".to_owned(),
            query: query.to_owned(),
            properties: [(table_of(query).to_owned(), set)].into_iter().collect(),
            bucket: "bills".to_owned(),
            prefix: "exports/".to_owned(),
            ..ExportDefinition::default()
        }
    }

    #[test]
    fn both_apis_tell_the_same_things() {
        let report = ReportDefinition {
            name: "hourly".to_owned(),
            time_unit: "DAILY".to_owned(),
            schema_elements: vec!["RESOURCES".to_owned()],
            bucket: "bills".to_owned(),
            last_status: Some("ERROR_PERMISSIONS".to_owned()),
            ..ReportDefinition::default()
        };
        let told = Definition::of_report(&report);
        assert_eq!((told.location.as_str(), told.has_resources), ("s3://bills/hourly", true));
        assert_eq!(told.time_unit, Some(TimeUnit::Daily));
        assert_eq!(told.failure.as_deref(), Some("ERROR_PERMISSIONS"));

        let query = "SELECT a, line_item_resource_id FROM COST_AND_USAGE_REPORT";
        let told = Definition::of_export(&export(query, &[("INCLUDE_RESOURCES", "TRUE")]));
        assert_eq!((&told.table, told.time_unit), (&Table::Cur2, Some(TimeUnit::Hourly)));
        assert_eq!((told.location.as_str(), told.has_resources), ("s3://bills/exports/cur2", true));
        assert!(!Definition::of_export(&export(query, &[])).has_resources);

        let query = "select BilledCost, ResourceId\nfrom FOCUS_1_2_AWS;";
        let told = Definition::of_export(&export(query, &[("TIME_GRANULARITY", "MONTHLY")]));
        assert_eq!((&told.table, told.time_unit), (&Table::Focus12, Some(TimeUnit::Monthly)));
        assert!(told.has_resources && told.failure.is_none());
        let other = export("SELECT x FROM CARBON_EMISSIONS", &[]);
        assert!(!Definition::of_export(&other).table.has_costs());
    }

    #[test]
    fn places_are_compared_by_folders() {
        let query = "SELECT a FROM COST_AND_USAGE_REPORT";
        let told = Definition::of_export(&export(query, &[]));
        for (location, covered) in [
            ("s3://bills", true),
            ("s3://bills/exports/", true),
            ("s3://bills/exports/cur2", true),
            ("s3://bills/exports/cur2/data/BILLING_PERIOD=2026-08", true),
            ("s3://bills/exports/cur", false),
            ("s3://bills/exports/cur2-daily", false),
            ("s3://other/exports/cur2", false),
            ("/folder", false),
        ] {
            assert_eq!(told.covers(location), covered, "{location}");
        }
    }
}
