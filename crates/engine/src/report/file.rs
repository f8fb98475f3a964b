//! A report as a file: a row per group, a column per bucket, one currency. Amounts are exact.

use std::sync::Arc;

use arrow::array::{ArrayRef, Decimal128Array, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;

use crate::EngineError;
use crate::export::{csv_cell, plain_cell};
use crate::report::{NONE, Report, Row, Section};

/// The figures of a section as CSV (RFC 4180, one header row). With `is_safe` no text is a formula
/// for a spreadsheet.
#[must_use]
pub fn csv(report: &Report, section: &Section, is_safe: bool) -> String {
    let cell = |text: &str| if is_safe { csv_cell(text) } else { plain_cell(text) };
    let mut header: Vec<String> = report.by.iter().map(|by| cell(by)).collect();
    header.extend(["Currency", "From", "To"].map(str::to_owned));
    header.push(report.metric.column.to_owned());
    if report.compare.is_some() {
        header.push(format!("{} before", report.metric.column));
    }
    header.push("Lines".to_owned());
    header.extend(cuts(report).map(cell));
    let mut text = line(&header);
    for row in &section.rows {
        let names = (0..report.by.len()).map(|at| cell(&name(row, at)));
        let mut cells: Vec<String> = names.collect();
        cells.push(cell(&section.currency));
        cells.extend([report.range.from.to_string(), report.range.to.to_string()]);
        cells.push(billhook_money::format(row.now.total));
        cells.extend(row.before.iter().map(|before| billhook_money::format(before.total)));
        cells.push(row.now.rows.to_string());
        let values = row.now.values.iter().filter(|_| is_cut(report));
        cells.extend(values.map(|value| billhook_money::format(*value)));
        text.push_str(&line(&cells));
    }
    text
}

/// The same as Parquet (zstd).
///
/// # Errors
/// When it cannot be encoded.
pub fn parquet(report: &Report, section: &Section) -> Result<Vec<u8>, EngineError> {
    let batch = batch(report, section).map_err(damaged)?;
    let level = ZstdLevel::try_new(3).unwrap_or_default();
    let properties = WriterProperties::builder().set_compression(Compression::ZSTD(level)).build();
    let mut file = Vec::new();
    let mut writer =
        ArrowWriter::try_new(&mut file, batch.schema(), Some(properties)).map_err(damaged)?;
    writer.write(&batch).map_err(damaged)?;
    writer.close().map_err(damaged)?;
    Ok(file)
}

fn batch(report: &Report, section: &Section) -> Result<RecordBatch, arrow::error::ArrowError> {
    let rows = &section.rows;
    let mut fields = Vec::new();
    let mut arrays: Vec<ArrayRef> = Vec::new();
    for (at, by) in report.by.iter().enumerate() {
        fields.push(Field::new(by, DataType::Utf8, true));
        let names = rows.iter().map(|row| match row.folded {
            Some(_) => Some(name(row, at)),
            None => row.keys.get(at).cloned().flatten(),
        });
        arrays.push(Arc::new(names.collect::<StringArray>()));
    }
    let (from, to) = (report.range.from.to_string(), report.range.to.to_string());
    for (name, value) in [("Currency", &section.currency), ("From", &from), ("To", &to)] {
        fields.push(Field::new(name, DataType::Utf8, true));
        let values = rows.iter().map(|_| value.as_str());
        arrays.push(Arc::new(StringArray::from_iter_values(values)));
    }
    let mut amounts = vec![(
        report.metric.column.to_owned(),
        rows.iter().map(|row| Some(row.now.total)).collect::<Vec<_>>(),
    )];
    if report.compare.is_some() {
        let before = rows.iter().map(|row| row.before.as_ref().map(|before| before.total));
        amounts.push((format!("{} before", report.metric.column), before.collect()));
    }
    for (at, bucket) in cuts(report).enumerate() {
        let values = rows.iter().map(|row| row.now.values.get(at).copied());
        amounts.push((bucket.to_owned(), values.collect()));
    }
    for (name, values) in amounts {
        let values = Decimal128Array::from(values)
            .with_precision_and_scale(billhook_money::PRECISION, 18)?;
        fields.push(Field::new(name, DataType::Decimal128(billhook_money::PRECISION, 18), true));
        arrays.push(Arc::new(values));
    }
    fields.push(Field::new("Lines", DataType::Int64, true));
    let lines = rows.iter().map(|row| i64::try_from(row.now.rows).unwrap_or(i64::MAX));
    arrays.push(Arc::new(Int64Array::from_iter_values(lines)));
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays)
}

/// Is time cut?
fn is_cut(report: &Report) -> bool {
    report.buckets.len() > 1
}

/// The names of the buckets, if time is cut.
fn cuts(report: &Report) -> impl Iterator<Item = &str> {
    let is_cut = is_cut(report);
    report.buckets.iter().filter(move |_| is_cut).map(|bucket| bucket.label.as_str())
}

fn name(row: &Row, at: usize) -> String {
    match row.folded {
        Some(_) if at == 0 => row.label(),
        Some(_) => String::new(),
        None => row.keys.get(at).and_then(Option::as_deref).unwrap_or(NONE).to_owned(),
    }
}

fn line(cells: &[String]) -> String {
    format!("{}\r\n", cells.join(","))
}

fn damaged(error: impl std::error::Error + Send + Sync + 'static) -> EngineError {
    EngineError::Disk {
        action: "cannot write the report as Parquet".to_owned(),
        source: std::io::Error::other(error),
    }
}

#[cfg(test)]
mod tests {
    use chrono::NaiveDate;

    use super::{csv, parquet};
    use crate::period::DayRange;
    use crate::report::{Bucket, Figures, Granularity, Report, Row, Scope, Section};

    fn report() -> (Report, Section) {
        let day = |day| NaiveDate::from_ymd_opt(2026, 9, day).unwrap();
        let range = DayRange { from: day(1), to: day(2) };
        let figures =
            |units| Figures { values: vec![units], counts: vec![2], total: units, rows: 2 };
        let row = |key: Option<&str>, units| Row {
            keys: vec![key.map(str::to_owned)],
            now: figures(units),
            ..Row::default()
        };
        let section = Section {
            currency: "USD".to_owned(),
            rows: vec![row(Some("=a,b"), -5), row(None, billhook_money::ONE)],
            total: Row::default(),
        };
        let report = Report {
            by: vec!["tag:team".to_owned()],
            metric: &billhook_focus::metric::ALL[0],
            range,
            is_fallback: false,
            granularity: Granularity::Total,
            scope: Scope::Consolidated,
            table: "costs",
            buckets: vec![Bucket::whole(range)],
            compare: None,
            sections: Vec::new(),
            left_out: Vec::new(),
            excluded: Vec::new(),
            hints: Vec::new(),
        };
        (report, section)
    }

    #[test]
    fn every_digit_and_every_group_is_in_the_file() {
        let (report, section) = report();
        assert_eq!(
            csv(&report, &section, false),
            "tag:team,Currency,From,To,BilledCost,Lines\r\n\
             \"=a,b\",USD,2026-09-01,2026-09-02,-0.000000000000000005,2\r\n\
             (none),USD,2026-09-01,2026-09-02,1,2\r\n"
        );
        assert!(csv(&report, &section, true).contains("\"'=a,b\""));
        assert!(parquet(&report, &section).unwrap().starts_with(b"PAR1"));
    }
}
