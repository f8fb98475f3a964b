//! The manifest of a Data Export, whatever its table.

use serde::Deserialize;
use serde_json::Value;

use super::{MAPPINGS, TABLES, no_costs};
use crate::manifest::{Manifest, period_of_digits, period_of_folder};
use crate::table::Mapping;

/// The parts that are read. Unknown keys are allowed.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Written {
    execution_id: String,
    #[serde(default)]
    export_arn: String,
    /// Names, or objects with a `name`.
    #[serde(default)]
    columns: Vec<Value>,
    /// `s3://bucket/key`, or objects that hold it.
    data_files: Vec<Value>,
    /// AWS says that the manifest tells its period, though none seen does.
    #[serde(default)]
    billing_period: Value,
}

/// The text itself, or what an object has under the first of `names` that is there.
fn text_of<'a>(value: &'a Value, names: &[&str]) -> Option<&'a str> {
    value.as_str().or_else(|| names.iter().find_map(|name| value.get(name)?.as_str()))
}

/// The key in the bucket that a data file has.
fn key_of(file: &Value) -> Option<String> {
    let text = text_of(file, &["s3Uri", "key", "filePath", "path"])?;
    let key = match text.split_once("://") {
        Some((_, rest)) => rest.split_once('/')?.1,
        None => text,
    };
    Some(key.to_owned())
}

/// `2026-06`, or a date in it.
fn month_of(period: &Value) -> Option<String> {
    let text = text_of(period, &["start", "startDate"])?;
    period_of_digits(text).or_else(|| period_of_digits(&format!("{text}-01")))
}

/// Reads the manifest that lies at `key`; `None` when the text is something else.
pub(crate) fn parse(text: &[u8], key: &str) -> Option<Manifest> {
    let written: Written = serde_json::from_slice(text).ok()?;
    let columns = || written.columns.iter().filter_map(|column| text_of(column, &["name"]));
    // A file whose place cannot be told must not go missing silently: then it is no manifest.
    let keys: Option<Vec<String>> = written.data_files.iter().map(key_of).collect();
    let keys = keys?;
    let (mappings, left_alone) = table(columns);
    let folders = || key.split('/').chain(keys.first().into_iter().flat_map(|key| key.split('/')));
    let period = month_of(&written.billing_period).or_else(|| folders().find_map(period_of_folder));
    // Tables without costs may be cut by day; nobody asks for their month.
    let period = period.or_else(|| left_alone.is_some().then(String::new))?;
    let (account, name) = owner(&written.export_arn);
    Some(Manifest {
        mappings,
        left_alone,
        report: name
            .or_else(|| name_of_file(key))
            .or_else(|| name_of_folder(key))
            .unwrap_or_default(),
        account,
        period,
        revision: written.execution_id,
        keys,
        charset: String::new(),
    })
}

/// What may read a table with these columns; or why nothing does.
fn table<'a, I: Iterator<Item = &'a str>>(
    columns: impl Fn() -> I,
) -> (&'static [&'static Mapping], Option<String>) {
    if let Some(what) = no_costs(columns()) {
        return (&[], Some(what.to_owned()));
    }
    let mut tables = TABLES.iter().filter(|table| columns().any(table.owns));
    match (tables.next(), tables.next()) {
        (Some(table), None) => (table.mappings, None),
        (None, _) if columns().next().is_some() => {
            let names: Vec<&str> = columns().take(5).collect();
            let why = format!("an export of a table that is not known ({}, …)", names.join(", "));
            (&[], Some(why))
        }
        _ => (MAPPINGS, None),
    }
}

/// Account and export name of `arn:aws:bcm-data-exports:us-east-1:ACCOUNT:export/NAME-UUID`.
fn owner(arn: &str) -> (String, Option<String>) {
    let account = arn.split(':').nth(4).unwrap_or_default().to_owned();
    let name = arn.split_once(":export/").map(|(_, name)| without_uuid(name).to_owned());
    (account, name.filter(|name| !name.is_empty()))
}

/// `NAME-UUID` without the UUID.
fn without_uuid(text: &str) -> &str {
    let lengths = [8, 4, 4, 4, 12];
    let mut rest = text;
    for length in lengths.into_iter().rev() {
        let is_part =
            |part: &str| part.len() == length && part.bytes().all(|b| b.is_ascii_hexdigit());
        match rest.rsplit_once('-') {
            Some((head, part)) if is_part(part) => rest = head,
            _ => return text,
        }
    }
    rest
}

/// `NAME-Manifest.json` without its end.
fn name_of_file(key: &str) -> Option<String> {
    let file = key.rsplit('/').next()?;
    let end = file.len().checked_sub("-Manifest.json".len())?;
    let (name, rest) = file.split_at_checked(end)?;
    (rest.eq_ignore_ascii_case("-Manifest.json") && !name.is_empty()).then(|| name.to_owned())
}

/// The folder above `metadata`.
fn name_of_folder(key: &str) -> Option<String> {
    let folders: Vec<&str> = key.split('/').collect();
    let metadata = folders.iter().rposition(|folder| *folder == "metadata")?;
    Some((*folders.get(metadata.checked_sub(1)?)?).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "exports/daily/metadata/BILLING_PERIOD=2026-06/daily-Manifest.json";

    fn manifest(columns: &str, files: &str, more: &str) -> String {
        format!(
            r#"{{"executionId":"3b1f6c58-2f66-4a3b-8d0f-0e3a52b6c1aa",
            "exportArn":"arn:aws:bcm-data-exports:us-east-1:111122223333:export/cur2-daily-0d8a0c1e-1111-2222-3333-444455556666",
            "columns":[{columns}],"dataFiles":[{files}],"additionalOutputFiles":[],"new":1{more}}}"#
        )
    }

    fn column(name: &str) -> String {
        format!(r#"{{"name":"{name}","type":"string"}}"#)
    }

    #[test]
    fn what_a_manifest_says() {
        let key =
            "exports/daily/data/BILLING_PERIOD=2026-06/2026-06-01T23:48:02.356Z-e/a-00001.csv.gz";
        let uri = format!("\"s3://bucket/{key}\"");
        let text = manifest(&column("line_item_unblended_cost"), &uri, "");
        let read = parse(text.as_bytes(), KEY).unwrap();
        assert_eq!((read.report.as_str(), read.account.as_str()), ("cur2-daily", "111122223333"));
        assert_eq!(read.period, "2026-06");
        assert_eq!(read.revision, "3b1f6c58-2f66-4a3b-8d0f-0e3a52b6c1aa");
        assert_eq!(read.keys, [key]);
        assert_eq!(read.mappings.len(), 1);
        assert_eq!(read.left_alone, None);
        for name in ["s3Uri", "key", "filePath", "path"] {
            let file = format!("{{\"{name}\":\"{key}\",\"size\":7}}");
            let text = manifest("", &file, "");
            assert_eq!(parse(text.as_bytes(), KEY).unwrap().keys, [key], "{name}");
        }
    }

    #[test]
    fn the_month_is_that_of_a_folder_or_of_a_key() {
        let file = r#""s3://b/p/e/data/billing_period=2026-05/e-00001.csv.gz""#;
        let text = manifest("", file, "");
        assert_eq!(parse(text.as_bytes(), "e-Manifest.json").unwrap().period, "2026-05");
        assert_eq!(parse(text.as_bytes(), KEY).unwrap().period, "2026-06");
        for period in [r#""2026-04""#, r#"{"start":"2026-04-01T00:00:00Z"}"#] {
            let text = manifest("", file, &format!(",\"billingPeriod\":{period}"));
            assert_eq!(parse(text.as_bytes(), KEY).unwrap().period, "2026-04");
        }
        assert!(parse(manifest("", "", "").as_bytes(), "Manifest.json").is_none());
    }

    #[test]
    fn the_columns_tell_the_table() {
        for (name, word) in [
            ("recommendation_id", "recommendations"),
            ("total_scope_1_emissions_value", "carbon"),
            ("something_else", "something_else"),
        ] {
            let text = manifest(&column(name), "", "");
            let read =
                parse(text.as_bytes(), "p/e/metadata/date=2026-06-01/Manifest.json").unwrap();
            assert!(read.left_alone.unwrap().contains(word));
        }
    }

    #[test]
    fn names_come_from_the_arn_the_file_or_the_folder() {
        assert_eq!(without_uuid("a-b-0d8a0c1e-1111-2222-3333-444455556666"), "a-b");
        assert_eq!(without_uuid("a-b"), "a-b");
        let text = manifest("", "", "").replace("exportArn", "other");
        assert_eq!(parse(text.as_bytes(), KEY).unwrap().report, "daily");
        let key = "p/e/metadata/BILLING_PERIOD=2026-06/Manifest.json";
        assert_eq!(parse(text.as_bytes(), key).unwrap().report, "e");
    }
}
