//! Rows read column by column are what their text is.

use std::sync::Arc;

use arrow::array::{
    Date32Array, Decimal128Array, Float64Array, Float64Builder, Int64Array, MapBuilder,
    StringArray, StringBuilder, TimestampMillisecondArray,
};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use parquet::arrow::ArrowWriter;
use parquet::file::properties::WriterProperties;

use super::*;
use crate::data_export::cur2;
use crate::decode::{Decoder, Fault};
use crate::focus_files;
use crate::table::{Mapped, Mapping, Part, Summary, TableReader, parquet_text};
use crate::text::inflate::Limits;

const MAY: i64 = 1_777_593_600_000;
const JUNE: i64 = 1_780_272_000_000;
const JULY: i64 = 1_782_864_000_000;
const HOUR: i64 = 3_600_000;

fn any(array: impl Array + 'static) -> ArrayRef {
    Arc::new(array)
}

fn texts(rows: usize, text: impl Fn(usize) -> Option<String>) -> ArrayRef {
    Arc::new((0..rows).map(text).collect::<StringArray>())
}

fn doubles(rows: usize, text: impl Fn(usize) -> Option<String>) -> ArrayRef {
    let texts = (0..rows).map(text);
    Arc::new(texts.map(|text| text.map(|text| text.parse().unwrap())).collect::<Float64Array>())
}

fn times(rows: usize, time: impl Fn(usize) -> Option<i64>) -> ArrayRef {
    let times = (0..rows).map(time).collect::<TimestampMillisecondArray>();
    Arc::new(times.with_timezone("UTC"))
}

fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    let columns = columns.into_iter().map(|(name, array)| (name, array, true));
    RecordBatch::try_from_iter_with_nullable(columns).unwrap()
}

/// Maps with none to two entries, some of them null, and some that are null.
fn tags(rows: usize) -> ArrayRef {
    let mut maps = MapBuilder::new(None, StringBuilder::new(), StringBuilder::new());
    for row in 0..rows {
        let is_there = row % 5 != 4;
        let entries = if is_there { row % 3 } else { 0 };
        for entry in 0..entries {
            maps.keys().append_value(format!("user_key{entry}"));
            if row % 7 == 5 {
                maps.values().append_null();
            } else {
                maps.values().append_value(format!("v,\"{}\"", row % 4));
            }
        }
        maps.append(is_there).unwrap();
    }
    Arc::new(maps.finish())
}

fn discounts(rows: usize) -> ArrayRef {
    let mut maps = MapBuilder::new(None, StringBuilder::new(), Float64Builder::new());
    for row in 0..rows {
        if row.is_multiple_of(3) {
            maps.keys().append_value("edp");
            maps.values().append_value(format!("-0.{}1", row % 9).parse().unwrap());
        }
        maps.append(true).unwrap();
    }
    Arc::new(maps.finish())
}

/// An export with all types of columns, amounts that cannot be read among them.
fn export(rows: usize) -> RecordBatch {
    let some = |text: &str| Some(text.to_owned());
    let time = |row: usize| Some(MAY + i64::try_from(row % 24).unwrap() * HOUR);
    batch(vec![
        ("identity_line_item_id", texts(rows, |row| Some(format!("line{row}")))),
        ("bill_payer_account_id", texts(rows, |_| some("000011112222"))),
        ("bill_billing_period_start_date", times(rows, |_| Some(MAY))),
        ("line_item_line_item_type", texts(rows, |row| some(["Usage", "Tax"][row % 2]))),
        ("line_item_usage_start_date", times(rows, time)),
        ("line_item_currency_code", texts(rows, |row| some(["USD", "EUR", ""][row % 3]))),
        (
            "line_item_resource_id",
            texts(rows, |row| match row % 4 {
                0 => None,
                1 => some("i-1"),
                2 => Some(format!("arn,\"{}\"\n", row % 50)),
                _ => Some(format!("vol-{row}")),
            }),
        ),
        (
            "line_item_unblended_cost",
            doubles(rows, |row| match row % 500 {
                7 => some("NaN"),
                8 => some("1e300"),
                9 => some("1.2345678901234567e-9"),
                10 => None,
                _ => Some(format!("{row}e-{}", row % 12)),
            }),
        ),
        (
            "line_item_net_unblended_cost",
            doubles(rows, |row| (row % 3 == 1).then(|| format!("-0.{row}"))),
        ),
        (
            "line_item_usage_amount",
            any(Decimal128Array::from_iter_values((0..).take(rows))
                .with_precision_and_scale(20, 6)
                .unwrap()),
        ),
        (
            "line_item_blended_cost",
            texts(rows, |row| some(if row % 600 == 3 { "1O" } else { "1.50" })),
        ),
        (
            "pricing_public_on_demand_rate",
            texts(rows, |row| some(if row % 700 == 9 { "much" } else { "0.25" })),
        ),
        ("product", tags(rows)),
        ("resource_tags", tags(rows)),
        ("discount", discounts(rows)),
        ("my_count", any(Int64Array::from_iter_values((0..).map(|n| n % 3).take(rows)))),
        (
            "my_flag",
            any((0..rows).map(|row| Some(row.is_multiple_of(2))).collect::<BooleanArray>()),
        ),
        ("my_day", any(Date32Array::from_iter_values((0..).map(|n| n % 2).take(rows)))),
        ("my_nothing", texts(rows, |_| None)),
    ])
}

/// Files of the same rows: text numbered throughout, not at all, at first, and by row groups.
fn writers() -> Vec<(&'static str, WriterProperties)> {
    let builder = WriterProperties::builder;
    let fallback = builder()
        .set_dictionary_page_size_limit(200)
        .set_write_batch_size(64)
        .set_data_page_row_count_limit(128);
    vec![
        ("numbered", builder().build()),
        ("plain", builder().set_dictionary_enabled(false).build()),
        ("both", fallback.build()),
        ("groups", builder().set_max_row_group_row_count(Some(700)).build()),
    ]
}

fn written(batch: &RecordBatch, properties: WriterProperties) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut writer = ArrowWriter::try_new(&mut bytes, batch.schema(), Some(properties)).unwrap();
    writer.write(batch).unwrap();
    writer.close().unwrap();
    bytes
}

fn read(mapping: &'static Mapping, bytes: Vec<u8>, month: Option<&str>) -> (Vec<Mapped>, Summary) {
    let reader = TableReader::new(mapping, Limits::default(), month.map(str::to_owned));
    let mut reader = reader.only(month.map(|_| Part { undated: true }));
    let mut batches = Vec::new();
    let mut sink = |mapped| {
        batches.push(mapped);
        Ok(())
    };
    reader.read(Input::Memory(bytes.into()), "report", &|_| (), &mut sink).unwrap();
    (batches, reader.finish())
}

fn values(batches: &[Mapped], name: &str) -> Vec<String> {
    let options = FormatOptions::new().with_null("-");
    let mut texts = Vec::new();
    for mapped in batches {
        let column = mapped.batch.column_by_name(name).unwrap();
        let formatter = ArrayFormatter::try_new(column.as_ref(), &options).unwrap();
        texts.extend((0..column.len()).map(|row| formatter.value(row).to_string()));
    }
    texts
}

/// What the gate compares, as text.
fn sums(summary: &Summary) -> String {
    let read: Vec<_> = summary.read.sums().collect();
    let quarantined: Vec<_> = summary.quarantined.sums().collect();
    let rows = (summary.read.rows, summary.quarantined.rows, summary.rounded);
    format!("{rows:?} {read:?} {quarantined:?}")
}

/// Reads the rows as text and from Parquet files of all kinds, and compares what comes of them.
fn assert_same(
    mapping: &'static Mapping,
    batch: &RecordBatch,
    month: Option<&str>,
) -> (Vec<Mapped>, Summary) {
    let text = parquet_text::text(batch, true, 0).unwrap();
    let (expected, told) = read(mapping, text, month);
    // The header is record 1 of a text; rows are counted without it.
    let row = |row: &String| (row.parse::<u64>().unwrap() - 1).to_string();
    let expected_rows: Vec<String> = values(&expected, "x_SourceRow").iter().map(row).collect();
    let fault = |fault: &Fault| Fault { row: fault.row - 1, ..fault.clone() };
    let faults: Vec<Fault> = told.faults.iter().map(|file| fault(&file.fault)).collect();
    for (name, properties) in writers() {
        let (found, summary) = read(mapping, written(batch, properties), month);
        assert_eq!(values(&found, "x_SourceRow"), expected_rows, "{name}");
        for field in billhook_focus::columns::file_schema().fields() {
            if field.name() != "x_SourceRow" {
                let column = field.name();
                assert_eq!(values(&found, column), values(&expected, column), "{name} {column}");
            }
        }
        assert_eq!(sums(&summary), sums(&told), "{name}");
        let found: Vec<Fault> = summary.faults.into_iter().map(|file| file.fault).collect();
        assert_eq!(found, faults, "{name}");
        assert_eq!(summary.unknown_columns, told.unknown_columns, "{name}");
        if month.is_none() {
            assert_eq!(summary.text_bytes, told.text_bytes, "{name}");
        }
    }
    (expected, told)
}

#[test]
fn inv_sum_an_export_is_what_its_text_is() {
    let (rows, summary) = assert_same(&cur2::MAPPING, &export(5_000), None);
    assert!(summary.rounded > 0);
    let columns: HashSet<&str> =
        summary.faults.iter().map(|file| file.fault.column.as_str()).collect();
    for column in
        ["line_item_unblended_cost", "line_item_blended_cost", "pricing_public_on_demand_rate"]
    {
        assert!(columns.contains(column), "{column} is not in {columns:?}");
    }
    let stored = values(&rows, "BilledCost").len();
    assert_eq!(stored + summary.faults.len(), 5_000);
}

#[test]
fn a_file_without_rows() {
    let (rows, summary) = assert_same(&cur2::MAPPING, &export(0), None);
    assert!(rows.is_empty());
    assert_eq!(summary.read.rows, 0);
}

/// A dataset of two months, and rows that lack what they must have.
fn dataset(rows: usize) -> RecordBatch {
    let some = |text: &str| Some(text.to_owned());
    let is_may = |row: usize| row.is_multiple_of(3);
    let starts = |row: usize| if is_may(row) { MAY } else { JUNE };
    let ends = |row: usize| if is_may(row) { JUNE } else { JULY };
    let cost = |row: usize| (row % 40 != 11).then(|| format!("0.{row}"));
    batch(vec![
        ("BilledCost", doubles(rows, cost)),
        ("EffectiveCost", doubles(rows, |row| Some(format!("1.{row}")))),
        ("ListCost", doubles(rows, |_| some("3"))),
        ("ContractedCost", doubles(rows, |_| some("2"))),
        ("PricingQuantity", doubles(rows, |row| row.is_multiple_of(2).then(|| row.to_string()))),
        ("ListUnitPrice", doubles(rows, |row| Some(format!("0.0{}", row % 5)))),
        ("BillingAccountId", texts(rows, |row| (row % 50 != 12).then(|| "a,1".to_owned()))),
        ("BillingAccountName", texts(rows, |_| some("Acme"))),
        ("BillingCurrency", texts(rows, |_| some("USD"))),
        ("BillingPeriodStart", times(rows, |row| (row % 60 != 13).then(|| starts(row)))),
        ("BillingPeriodEnd", times(rows, |row| Some(ends(row)))),
        ("ChargePeriodStart", times(rows, |row| Some(starts(row)))),
        ("ChargePeriodEnd", times(rows, |row| Some(starts(row) + HOUR))),
        ("ChargeCategory", texts(rows, |row| some(["Usage", "Tax", "Gift"][row % 35 / 17]))),
        ("ChargeClass", texts(rows, |_| None)),
        ("ChargeDescription", texts(rows, |row| Some(format!("what {}", row % 9)))),
        ("InvoiceIssuerName", texts(rows, |_| some("Cloud"))),
        ("PricingUnit", texts(rows, |_| some("Hrs"))),
        ("ServiceCategory", texts(rows, |_| some("Other"))),
        ("ServiceName", texts(rows, |_| some("null"))),
        ("Tags", texts(rows, |row| Some(format!("{{\"k\":\"{}\"}}", row % 3)))),
    ])
}

#[test]
fn inv_one_a_month_of_a_dataset_is_what_its_text_is() {
    let mut data = dataset(900);
    let at = data.schema().index_of("ServiceName").unwrap();
    for month in ["2026-05", "2026-06"] {
        let (_, summary) = assert_same(&focus_files::MAPPING, &data, Some(month));
        // A service that is called null is none: all rows are set aside.
        assert_eq!(summary.quarantined.rows, summary.read.rows);
    }
    let mut columns = data.columns().to_vec();
    columns[at] = texts(data.num_rows(), |row| Some(format!("Service {}", row % 7)));
    data = RecordBatch::try_new(data.schema(), columns).unwrap();
    for month in ["2026-05", "2026-06"] {
        let (_, summary) = assert_same(&focus_files::MAPPING, &data, Some(month));
        assert!(summary.quarantined.rows > 0 && summary.quarantined.rows < summary.read.rows);
    }
}

#[test]
fn inv_mem_keys_are_forgotten_with_their_tuples() {
    let data = export(300);
    let header = data.schema().fields().iter().map(|field| field.name().clone()).collect();
    let binding = cur2::MAPPING.format.bind(header).unwrap();
    let mut decoder = Decoder::new(Arc::new(binding));
    let rows: Vec<u64> = (1..=300).collect();
    let columns = Batch::new(&data, &rows).unwrap();
    decoder.push_batch(&columns);
    let (first, _) = decoder.finish();
    let size = decoder.size_bytes();
    decoder.forget_keys();
    assert!(decoder.size_bytes() < size);
    decoder.push_batch(&columns);
    assert_eq!(decoder.finish().0.ids, first.ids);
    for group in 0..decoder.groups().len() {
        decoder.forget(group);
        assert!(decoder.groups()[group].is_empty());
    }
    decoder.push_batch(&columns);
    let (again, _) = decoder.finish();
    assert_eq!(again.ids, first.ids);
    for (group, ids) in decoder.groups().iter().zip(&again.ids) {
        assert!(ids.iter().all(|id| (*id as usize) < group.len()));
    }
}

#[test]
fn a_file_that_is_cut_off_is_damaged() {
    let bytes = written(&export(100), WriterProperties::builder().build());
    let mut reader = TableReader::new(&cur2::MAPPING, Limits::default(), None);
    let input = Input::Memory(bytes[..bytes.len() / 2].to_vec().into());
    let error = reader.read(input, "report", &|_| (), &mut |_| Ok(())).unwrap_err();
    assert!(matches!(error, ReadError::Damaged { .. }), "{error}");
}
