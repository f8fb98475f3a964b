//! Data Exports: which there are, how they are, and making one.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_bcmdataexports::Client;
use aws_sdk_bcmdataexports::config::Builder;
use aws_sdk_bcmdataexports::error::BuildError;
use aws_sdk_bcmdataexports::types::{
    CompressionOption, DataQuery, DestinationConfigurations, Export, ExportStatus, FormatOption,
    FrequencyOption, OverwriteOption, RefreshCadence, S3Destination, S3OutputConfigurations,
    S3OutputType,
};
use serde::Serialize;

use crate::call::{CallError, trouble};
use crate::session::Session;

/// What AWS has been told to export.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ExportDefinition {
    /// Its ARN, once it exists.
    pub arn: Option<String>,
    /// Its name.
    pub name: String,
    /// What its owner says about it; empty for nothing.
    pub description: String,
    /// The columns and the table, as SQL.
    pub query: String,
    /// What is set of tables: table, property, value.
    pub properties: BTreeMap<String, BTreeMap<String, String>>,
    /// The bucket that it is delivered into.
    pub bucket: String,
    /// What stands before its name in keys.
    pub prefix: String,
    /// Where the bucket lies.
    pub region: String,
    /// `TEXT_OR_CSV`, `PARQUET`.
    pub format: String,
    /// `GZIP`, `PARQUET`.
    pub compression: String,
    /// `OVERWRITE_REPORT`, `CREATE_NEW_REPORT`.
    pub overwrite: String,
    /// `HEALTHY`, `UNHEALTHY`.
    pub status: Option<String>,
    /// Why it is not healthy, such as `INSUFFICIENT_PERMISSION`.
    pub status_reason: Option<String>,
    /// When it was made, `2026-01-31T23:59:59Z`.
    pub created_at: Option<String>,
    /// When it was delivered last.
    pub refreshed_at: Option<String>,
}

/// A client.
#[derive(Debug, Clone)]
pub struct Exports {
    client: Client,
}

impl Exports {
    /// A client with the credentials of a session.
    #[must_use]
    pub fn new(session: &Session) -> Self {
        let config = Builder::from(session.config()).region(session.billing_region());
        Self { client: Client::from_conf(config.build()) }
    }

    /// All exports of the account. Needs `bcm-data-exports:ListExports`, and
    /// `bcm-data-exports:GetExport` for each.
    ///
    /// # Errors
    /// When AWS does not tell them.
    pub async fn all(&self) -> Result<Vec<ExportDefinition>, CallError> {
        let listed = self.client.list_exports().into_paginator().items().send();
        let listed = listed.try_collect().await.map_err(|error| trouble(&error))?;
        let mut all = Vec::with_capacity(listed.len());
        for reference in listed {
            all.extend(self.get(&reference.export_arn).await?);
        }
        Ok(all)
    }

    /// An export; none when it has been deleted since it was listed.
    async fn get(&self, arn: &str) -> Result<Option<ExportDefinition>, CallError> {
        let answer = self.client.get_export().export_arn(arn).send().await;
        match answer.map_err(|error| trouble(&error)) {
            Ok(answer) => {
                let Some(export) = answer.export else {
                    return Err(CallError::refused(format!("the answer holds no export {arn}")));
                };
                Ok(Some(read(export, answer.export_status)))
            }
            Err(error) if error.code == "ResourceNotFoundException" => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Orders an export, refreshed whenever AWS has new data, and tells its ARN. What AWS alone
    /// knows, such as its status, is left out.
    ///
    /// AWS looks whether the bucket's policy lets it deliver. Needs
    /// `bcm-data-exports:CreateExport` for the export and its table, and
    /// `cur:PutReportDefinition`.
    ///
    /// # Errors
    /// When AWS refuses it.
    pub async fn create(&self, definition: &ExportDefinition) -> Result<String, CallError> {
        let written = write(definition).map_err(|error| CallError::refused(error.to_string()))?;
        let answer = self.client.create_export().export(written).send().await;
        let arn = answer.map_err(|error| trouble(&error))?.export_arn;
        arn.ok_or_else(|| CallError::refused("the answer names no export"))
    }
}

fn read(export: Export, status: Option<ExportStatus>) -> ExportDefinition {
    let mut definition = ExportDefinition {
        arn: export.export_arn,
        name: export.name,
        description: export.description.unwrap_or_default(),
        ..ExportDefinition::default()
    };
    if let Some(query) = export.data_query {
        definition.query = query.query_statement;
        let tables = query.table_configurations.unwrap_or_default().into_iter();
        definition.properties =
            tables.map(|(name, set)| (name, set.into_iter().collect())).collect();
    }
    let destination = export.destination_configurations.and_then(|all| all.s3_destination);
    if let Some(destination) = destination {
        definition.bucket = destination.s3_bucket;
        definition.prefix = destination.s3_prefix;
        definition.region = destination.s3_region;
        if let Some(output) = destination.s3_output_configurations {
            definition.format = output.format.to_string();
            definition.compression = output.compression.to_string();
            definition.overwrite = output.overwrite.to_string();
        }
    }
    if let Some(status) = status {
        definition.status = status.status_code.map(|code| code.to_string());
        definition.status_reason = status.status_reason.map(|reason| reason.to_string());
        definition.created_at = status.created_at.map(|time| time.to_string());
        definition.refreshed_at = status.last_refreshed_at.map(|time| time.to_string());
    }
    definition
}

fn write(definition: &ExportDefinition) -> Result<Export, BuildError> {
    let properties = definition.properties.iter().map(|(table, set)| {
        let set = set.iter().map(|(name, value)| (name.clone(), value.clone()));
        (table.clone(), set.collect::<HashMap<_, _>>())
    });
    let properties: HashMap<_, _> = properties.collect();
    let query = DataQuery::builder()
        .query_statement(&definition.query)
        .set_table_configurations(Some(properties).filter(|all| !all.is_empty()));
    let output = S3OutputConfigurations::builder()
        .output_type(S3OutputType::Custom)
        .format(FormatOption::from(definition.format.as_str()))
        .compression(CompressionOption::from(definition.compression.as_str()))
        .overwrite(OverwriteOption::from(definition.overwrite.as_str()));
    let destination = S3Destination::builder()
        .s3_bucket(&definition.bucket)
        .s3_prefix(&definition.prefix)
        .s3_region(&definition.region)
        .s3_output_configurations(output.build()?);
    let destination =
        DestinationConfigurations::builder().s3_destination(destination.build()?).build();
    let cadence = RefreshCadence::builder().frequency(FrequencyOption::Synchronous);
    let description = Some(definition.description.clone()).filter(|text| !text.is_empty());
    Export::builder()
        .name(&definition.name)
        .set_description(description)
        .data_query(query.build()?)
        .destination_configurations(destination)
        .refresh_cadence(cadence.build()?)
        .build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let set = [("TIME_GRANULARITY", "HOURLY"), ("INCLUDE_RESOURCES", "TRUE")];
        let set = set.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let definition = ExportDefinition {
            name: "bill".to_owned(),
            description: "for Billhook".to_owned(),
            query: "SELECT bill_payer_account_id FROM COST_AND_USAGE_REPORT".to_owned(),
            properties: BTreeMap::from([("COST_AND_USAGE_REPORT".to_owned(), set.into())]),
            bucket: "bills".to_owned(),
            prefix: "exports".to_owned(),
            region: "eu-central-1".to_owned(),
            format: "PARQUET".to_owned(),
            compression: "PARQUET".to_owned(),
            overwrite: "OVERWRITE_REPORT".to_owned(),
            ..ExportDefinition::default()
        };
        assert_eq!(read(write(&definition).unwrap(), None), definition);
        let plain = ExportDefinition::default();
        assert_eq!(read(write(&plain).unwrap(), None), plain);
    }
}
