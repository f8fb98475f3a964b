//! What is ordered of AWS: the definition of a report or export, as somebody wants it.

use std::collections::BTreeMap;

use billhook_aws::exports::ExportDefinition;
use billhook_aws::reports::ReportDefinition;
use billhook_sources::data_export::cur2;
use billhook_sources::focus_export;

use super::{Packing, Product, Versioning, Wanted};
use crate::EngineError;

/// Longest prefix, in characters.
const PREFIX_LENGTH: usize = 256;

/// Longest names of reports and exports, in characters.
const NAME_LENGTHS: (usize, usize) = (256, 128);

/// Refuses what AWS would refuse, by the name of the option.
pub(super) fn check(wanted: &Wanted) -> Result<(), EngineError> {
    let usage = |text: String| Err(EngineError::Usage(text));
    let Wanted { name, prefix, region, product, .. } = wanted;
    let is_report = *product == Product::Cur;
    let (longest, also) = if is_report { (NAME_LENGTHS.0, "-_.") } else { (NAME_LENGTHS.1, "-_") };
    let is_fit = |c: char| c.is_ascii_alphanumeric() || also.contains(c);
    if name.is_empty() || name.len() > longest || !name.chars().all(is_fit) {
        return usage(format!("{name}: names have 1 to {longest} letters, digits and {also}"));
    }
    let is_fit = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if region.is_empty() || !region.chars().all(is_fit) {
        return usage(format!("--bucket-region {region}: give one such as eu-central-1"));
    }
    if prefix.len() > PREFIX_LENGTH {
        return usage(format!("--prefix has more than {PREFIX_LENGTH} characters"));
    }
    if prefix.is_empty() && !(is_report && wanted.packing == Packing::Csv) {
        return usage("--prefix is missing: AWS wants one here".to_owned());
    }
    let is_new = wanted.versioning == Versioning::CreateNew;
    if is_report && wanted.packing == Packing::Parquet && is_new {
        return usage(
            "--versioning create-new: AWS delivers a legacy report in Parquet only with overwrite"
                .to_owned(),
        );
    }
    if wanted.with_split && *product == Product::Focus {
        return usage("--split: FOCUS exports have no split cost allocation".to_owned());
    }
    Ok(())
}

/// An hourly legacy report. AWS ties its formats to what else it delivers: Parquet to Athena.
pub(super) fn report(wanted: &Wanted) -> ReportDefinition {
    let (format, compression, artifact) = match wanted.packing {
        Packing::Csv => ("textORcsv", "GZIP", "REDSHIFT"),
        Packing::Parquet => ("Parquet", "Parquet", "ATHENA"),
    };
    let mut elements = vec!["RESOURCES".to_owned()];
    if wanted.with_split {
        elements.push("SPLIT_COST_ALLOCATION_DATA".to_owned());
    }
    ReportDefinition {
        name: wanted.name.clone(),
        time_unit: "HOURLY".to_owned(),
        format: format.to_owned(),
        compression: compression.to_owned(),
        schema_elements: elements,
        bucket: wanted.bucket.clone(),
        prefix: wanted.prefix.clone(),
        region: wanted.region.clone(),
        artifacts: vec![artifact.to_owned()],
        refreshes_closed: Some(true),
        versioning: Some(wanted.versioning.name().to_owned()),
        last_delivery: None,
        last_status: None,
    }
}

/// An hourly export of all columns.
pub(super) fn export(wanted: &Wanted) -> ExportDefinition {
    let (table, columns, switches) = match wanted.product {
        Product::Focus => {
            (focus_export::table::NAME, focus_export::table::COLUMNS.to_vec(), vec![])
        }
        Product::Cur | Product::Cur2 => cur2_table(wanted.with_split),
    };
    let granularity = ("TIME_GRANULARITY", "HOURLY");
    let properties = switches.into_iter().chain([granularity]);
    let properties: BTreeMap<String, String> =
        properties.map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
    let (format, compression) = match wanted.packing {
        Packing::Csv => ("TEXT_OR_CSV", "GZIP"),
        Packing::Parquet => ("PARQUET", "PARQUET"),
    };
    ExportDefinition {
        name: wanted.name.clone(),
        description: "Made by billhook create-report".to_owned(),
        query: format!("SELECT {} FROM {table}", columns.join(", ")),
        properties: [(table.to_owned(), properties)].into_iter().collect(),
        bucket: wanted.bucket.clone(),
        prefix: wanted.prefix.clone(),
        region: wanted.region.clone(),
        format: format.to_owned(),
        compression: compression.to_owned(),
        overwrite: wanted.versioning.name().to_owned(),
        ..ExportDefinition::default()
    }
}

/// Name, columns and switches of a table.
type TableOf = (&'static str, Vec<&'static str>, Vec<(&'static str, &'static str)>);

fn cur2_table(with_split: bool) -> TableOf {
    let mut columns = [cur2::table::COLUMNS, cur2::table::CAPACITY].concat();
    let split = if with_split { "TRUE" } else { "FALSE" };
    if with_split {
        columns.extend(cur2::table::SPLIT);
    }
    let switches = vec![
        ("INCLUDE_RESOURCES", "TRUE"),
        ("INCLUDE_CAPACITY_RESERVATION_DATA", "TRUE"),
        ("INCLUDE_SPLIT_COST_ALLOCATION_DATA", split),
        // Otherwise the columns of discounts become rows.
        ("INCLUDE_MANUAL_DISCOUNT_COMPATIBILITY", "FALSE"),
    ];
    (cur2::table::NAME, columns, switches)
}

/// What a report is, by what it is called; always as many, in this order.
pub(super) fn facts_of_report(report: &ReportDefinition) -> Vec<(&'static str, String)> {
    let sorted = |texts: &[String]| {
        let mut texts = texts.to_vec();
        texts.sort_unstable();
        texts.join(", ")
    };
    let refresh = if report.refreshes_closed == Some(true) { "yes" } else { "no" };
    vec![
        ("bucket", report.bucket.clone()),
        ("prefix", report.prefix.trim_matches('/').to_owned()),
        ("region", report.region.clone()),
        ("time unit", report.time_unit.clone()),
        ("format", report.format.clone()),
        ("compression", report.compression.clone()),
        ("additional elements", sorted(&report.schema_elements)),
        ("additional artifacts", sorted(&report.artifacts)),
        ("refresh of closed months", refresh.to_owned()),
        ("versioning", report.versioning.clone().unwrap_or_default()),
    ]
}

/// What an export is, by what it is called; always as many, in this order.
pub(super) fn facts_of_export(export: &ExportDefinition) -> Vec<(&'static str, String)> {
    let set = |(table, set): (&String, &BTreeMap<String, String>)| {
        let set: Vec<String> = set.iter().map(|(key, value)| format!("{key}={value}")).collect();
        format!("{table} with {}", set.join(", "))
    };
    let tables: Vec<String> = export.properties.iter().map(set).collect();
    let query: Vec<&str> = export.query.split_whitespace().collect();
    vec![
        ("bucket", export.bucket.clone()),
        ("prefix", export.prefix.trim_matches('/').to_owned()),
        ("region", export.region.clone()),
        ("table", tables.join("; ")),
        ("format", export.format.clone()),
        ("compression", export.compression.clone()),
        ("versioning", export.overwrite.clone()),
        ("query", query.join(" ")),
    ]
}

/// An export with only those properties that another one sets: AWS may tell its defaults, too.
pub(super) fn as_set_in(own: &ExportDefinition, other: &ExportDefinition) -> ExportDefinition {
    let mut own = own.clone();
    own.properties.retain(|table, _| other.properties.contains_key(table));
    for (table, properties) in &mut own.properties {
        let set = other.properties.get(table);
        properties.retain(|key, _| set.is_some_and(|set| set.contains_key(key)));
    }
    own
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(product: Product, packing: Packing) -> Wanted {
        Wanted {
            name: "hourly".to_owned(),
            product,
            bucket: "acme-billing".to_owned(),
            prefix: "billhook".to_owned(),
            region: "eu-central-1".to_owned(),
            create_bucket: false,
            packing,
            versioning: Versioning::Overwrite,
            with_split: false,
        }
    }

    #[test]
    fn all_columns_are_asked_for() {
        let cur2 = export(&wanted(Product::Cur2, Packing::Parquet));
        let columns = cur2.query.split(',').count();
        assert_eq!(columns, cur2::table::COLUMNS.len() + cur2::table::CAPACITY.len());
        let split = Wanted { with_split: true, ..wanted(Product::Cur2, Packing::Csv) };
        let split = export(&split);
        assert_eq!(split.query.split(',').count(), columns + cur2::table::SPLIT.len());
        let set = &split.properties["COST_AND_USAGE_REPORT"];
        assert_eq!(set["INCLUDE_SPLIT_COST_ALLOCATION_DATA"], "TRUE");
        // AWS takes no longer ones.
        assert!(split.query.len() < 36_000);
        let focus = export(&wanted(Product::Focus, Packing::Csv));
        assert!(focus.query.ends_with(" FROM FOCUS_1_2_AWS"), "{}", focus.query);
        assert_eq!(focus.properties["FOCUS_1_2_AWS"].len(), 1);
    }

    #[test]
    fn parquet_is_tied_to_athena() {
        let parquet = report(&wanted(Product::Cur, Packing::Parquet));
        assert_eq!(
            (parquet.compression.as_str(), &parquet.artifacts[..]),
            ("Parquet", &["ATHENA".to_owned()][..])
        );
        let text = report(&wanted(Product::Cur, Packing::Csv));
        assert_eq!(text.artifacts, ["REDSHIFT"]);
        let new =
            |packing| Wanted { versioning: Versioning::CreateNew, ..wanted(Product::Cur, packing) };
        assert!(check(&new(Packing::Csv)).is_ok());
        assert!(check(&new(Packing::Parquet)).is_err());
    }

    #[test]
    fn what_aws_would_refuse_is_refused_by_name() {
        let good = wanted(Product::Cur2, Packing::Csv);
        assert!(check(&good).is_ok());
        for (bad, words) in [
            (Wanted { name: "a b".to_owned(), ..good.clone() }, "a b:"),
            (Wanted { name: "a.b".to_owned(), ..good.clone() }, "a.b:"),
            (Wanted { prefix: String::new(), ..good.clone() }, "--prefix"),
            (Wanted { region: "Frankfurt".to_owned(), ..good.clone() }, "--bucket-region"),
            (Wanted { product: Product::Focus, with_split: true, ..good }, "--split"),
        ] {
            let error = check(&bad).unwrap_err();
            assert!(error.to_string().contains(words), "{error}");
            assert_eq!(error.exit_code(), 2);
        }
        let root = Wanted { prefix: String::new(), ..wanted(Product::Cur, Packing::Csv) };
        assert!(check(&root).is_ok());
    }

    #[test]
    fn defaults_that_aws_tells_make_no_difference() {
        let ours = export(&wanted(Product::Focus, Packing::Csv));
        let mut told = ours.clone();
        let set = told.properties.get_mut("FOCUS_1_2_AWS").unwrap();
        set.insert("OTHER".to_owned(), "FALSE".to_owned());
        told.query = told.query.replace(", ", ",\n ");
        let told = as_set_in(&told, &ours);
        assert_eq!(facts_of_export(&told), facts_of_export(&ours));
    }
}
