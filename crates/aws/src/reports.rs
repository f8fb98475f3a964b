//! Definitions of legacy Cost and Usage Reports: which there are, and making one.

use aws_sdk_costandusagereport::Client;
use aws_sdk_costandusagereport::config::Builder;
use aws_sdk_costandusagereport::error::BuildError;
use aws_sdk_costandusagereport::types::{
    self, AdditionalArtifact, CompressionFormat, ReportFormat, ReportVersioning, SchemaElement,
};
use serde::Serialize;

use crate::call::{CallError, trouble};
use crate::session::Session;

/// What AWS has been told to deliver.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ReportDefinition {
    /// Its name, unique in an account.
    pub name: String,
    /// `HOURLY`, `DAILY`, `MONTHLY`.
    pub time_unit: String,
    /// `textORcsv`, `Parquet`.
    pub format: String,
    /// `ZIP`, `GZIP`, `Parquet`.
    pub compression: String,
    /// `RESOURCES`, `SPLIT_COST_ALLOCATION_DATA`, `MANUAL_DISCOUNT_COMPATIBILITY`.
    pub schema_elements: Vec<String>,
    /// The bucket that it is delivered into.
    pub bucket: String,
    /// What stands before its name in keys; no slash at its begin.
    pub prefix: String,
    /// Where the bucket lies.
    pub region: String,
    /// `REDSHIFT`, `QUICKSIGHT`, `ATHENA`.
    pub artifacts: Vec<String>,
    /// Are months delivered anew when AWS changes them after they have been closed?
    pub refreshes_closed: Option<bool>,
    /// `CREATE_NEW_REPORT`, `OVERWRITE_REPORT`.
    pub versioning: Option<String>,
    /// When it was delivered last, as AWS writes it.
    pub last_delivery: Option<String>,
    /// `SUCCESS`, `ERROR_PERMISSIONS`, `ERROR_NO_BUCKET`.
    pub last_status: Option<String>,
}

/// A client.
#[derive(Debug, Clone)]
pub struct Reports {
    client: Client,
}

impl Reports {
    /// A client with the credentials of a session.
    #[must_use]
    pub fn new(session: &Session) -> Self {
        let config = Builder::from(session.config()).region(session.billing_region());
        Self { client: Client::from_conf(config.build()) }
    }

    /// All definitions of the account. Needs `cur:DescribeReportDefinitions`.
    ///
    /// # Errors
    /// When AWS does not tell them.
    pub async fn all(&self) -> Result<Vec<ReportDefinition>, CallError> {
        // Of sizes of pages AWS takes one only, which is also what it does unasked.
        let pages = self.client.describe_report_definitions().into_paginator().send();
        let pages = pages.try_collect().await.map_err(|error| trouble(&error))?;
        let definitions = pages.into_iter().filter_map(|page| page.report_definitions);
        Ok(definitions.flatten().map(read).collect())
    }

    /// Orders a report. What AWS alone knows, such as the last delivery, is left out.
    ///
    /// AWS looks whether the bucket's policy lets it deliver. Needs `cur:PutReportDefinition`.
    ///
    /// # Errors
    /// When AWS refuses it.
    pub async fn put(&self, definition: &ReportDefinition) -> Result<(), CallError> {
        let written = write(definition).map_err(|error| CallError::refused(error.to_string()))?;
        let answer = self.client.put_report_definition().report_definition(written).send().await;
        answer.map(|_| ()).map_err(|error| trouble(&error))
    }
}

fn read(definition: types::ReportDefinition) -> ReportDefinition {
    let status = definition.report_status;
    let (last_delivery, last_status) =
        status.map(|status| (status.last_delivery, status.last_status)).unwrap_or_default();
    let artifacts = definition.additional_artifacts.unwrap_or_default();
    ReportDefinition {
        name: definition.report_name,
        time_unit: definition.time_unit.to_string(),
        format: definition.format.to_string(),
        compression: definition.compression.to_string(),
        schema_elements: texts(&definition.additional_schema_elements),
        bucket: definition.s3_bucket,
        prefix: definition.s3_prefix,
        region: definition.s3_region.to_string(),
        artifacts: texts(&artifacts),
        refreshes_closed: definition.refresh_closed_reports,
        versioning: definition.report_versioning.map(|versioning| versioning.to_string()),
        last_delivery,
        last_status: last_status.map(|status| status.to_string()),
    }
}

fn texts<T: ToString>(values: &[T]) -> Vec<String> {
    values.iter().map(ToString::to_string).collect()
}

fn write(definition: &ReportDefinition) -> Result<types::ReportDefinition, BuildError> {
    let elements = definition.schema_elements.iter().map(|name| SchemaElement::from(name.as_str()));
    let artifacts = definition.artifacts.iter().map(|name| AdditionalArtifact::from(name.as_str()));
    let artifacts: Vec<AdditionalArtifact> = artifacts.collect();
    types::ReportDefinition::builder()
        .report_name(&definition.name)
        .time_unit(types::TimeUnit::from(definition.time_unit.as_str()))
        .format(ReportFormat::from(definition.format.as_str()))
        .compression(CompressionFormat::from(definition.compression.as_str()))
        .set_additional_schema_elements(Some(elements.collect()))
        .s3_bucket(&definition.bucket)
        .s3_prefix(&definition.prefix)
        .s3_region(types::AwsRegion::from(definition.region.as_str()))
        .set_additional_artifacts(Some(artifacts).filter(|all| !all.is_empty()))
        .set_refresh_closed_reports(definition.refreshes_closed)
        .set_report_versioning(definition.versioning.as_deref().map(ReportVersioning::from))
        .build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let definition = ReportDefinition {
            name: "bill".to_owned(),
            time_unit: "HOURLY".to_owned(),
            format: "Parquet".to_owned(),
            compression: "Parquet".to_owned(),
            schema_elements: vec!["RESOURCES".to_owned(), "SOMETHING_NEW".to_owned()],
            bucket: "bills".to_owned(),
            prefix: "reports".to_owned(),
            // One that the SDK has not heard of.
            region: "eu-north-9".to_owned(),
            artifacts: vec!["ATHENA".to_owned()],
            refreshes_closed: Some(true),
            versioning: Some("OVERWRITE_REPORT".to_owned()),
            ..ReportDefinition::default()
        };
        assert_eq!(read(write(&definition).unwrap()), definition);
    }
}
