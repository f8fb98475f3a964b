//! What is encoded is read back by `parquet` itself.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, AsArray, Date32Array, Decimal128Array, DictionaryArray, Int32Array, Int64Array,
    RecordBatch, StringArray, StringViewArray, TimestampMicrosecondArray, UInt32Array,
};
use arrow::compute::{concat_batches, take};
use arrow::datatypes::{DataType, Field, Int32Type, Int64Type, Schema};
use billhook_focus::columns::{ColumnType, map_builder, map_type};
use bytes::Bytes;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::*;

fn schema() -> Arc<Schema> {
    let field = |name, data_type| Field::new(name, data_type, true);
    Arc::new(Schema::new(vec![
        field("text", DataType::Utf8),
        field("keyed", DataType::Utf8),
        field("amount", ColumnType::Decimal.arrow()),
        field("when", ColumnType::Time.arrow()),
        field("day", DataType::Date32),
        field("number", DataType::Int64),
        field("map", map_type()),
        field("nothing", DataType::Utf8),
    ]))
}

/// Numbers without pattern, the same in every run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

/// Maps of 0 to 3 entries; some maps and some values are null.
fn maps(count: usize, dice: &mut Dice) -> ArrayRef {
    let mut builder = map_builder();
    for _ in 0..count {
        let is_valid = dice.below(7) > 0;
        for entry in 0..if is_valid { dice.below(4) } else { 0 } {
            builder.keys().append_value(format!("key {entry}"));
            let value = (dice.below(5) > 0).then(|| format!("value {}", dice.below(90)));
            builder.values().append_option(value);
        }
        builder.append(is_valid).unwrap();
    }
    Arc::new(builder.finish())
}

/// `repeats`: do values repeat? `nulls`: one of how many is null, 0 for none.
fn batch(rows: usize, repeats: bool, nulls: u64, dice: &mut Dice) -> RecordBatch {
    let mut some = |bound: u64| -> Vec<Option<i64>> {
        let bound = if repeats { bound } else { u64::from(u32::MAX) };
        let mut one = || {
            let value = dice.below(bound).cast_signed();
            (nulls == 0 || dice.below(nulls) > 0).then_some(value)
        };
        (0..rows).map(|_| one()).collect()
    };
    let texts: StringArray = some(300).iter().map(|v| v.map(|v| format!("text {v}"))).collect();
    let keys = some(40).into_iter().map(|v| v.map(|v| i32::try_from(v % 40).unwrap()));
    let words = StringViewArray::from_iter_values((0..40).map(|n| format!("word {n}")));
    let keys: Int32Array = keys.collect();
    let keyed = DictionaryArray::<Int32Type>::try_new(keys, Arc::new(words)).unwrap();
    let wide = |v: i64| i128::from(v) * -1_000_000_000_000_000_000_007;
    let amounts: Decimal128Array = some(50).into_iter().map(|v| v.map(wide)).collect();
    let times: TimestampMicrosecondArray = some(744).into_iter().collect();
    let days = some(31).into_iter().map(|v| v.map(|v| i32::try_from(v % 9_000).unwrap()));
    let days: Date32Array = days.collect();
    let numbers: Int64Array = some(9).into_iter().collect();
    let distinct = maps(20, dice);
    let picks: UInt32Array =
        (0..rows).map(|_| u32::try_from(dice.below(20)).unwrap()).collect::<Vec<_>>().into();
    let columns: Vec<ArrayRef> = vec![
        Arc::new(texts),
        Arc::new(keyed),
        Arc::new(amounts.with_data_type(ColumnType::Decimal.arrow())),
        Arc::new(times.with_timezone("UTC")),
        Arc::new(days),
        Arc::new(numbers),
        take(&distinct, &picks, None).unwrap(),
        arrow::array::new_null_array(&DataType::Utf8, rows),
    ];
    let names = schema();
    let names = names.fields().iter().map(|field| field.name().clone());
    RecordBatch::try_from_iter_with_nullable(names.zip(columns).map(|(n, c)| (n, c, true))).unwrap()
}

fn encode(batches: &[RecordBatch]) -> (Bytes, Vec<(String, Range)>) {
    let mut bytes = Vec::new();
    let mut encoder = FileEncoder::new(&mut bytes, &schema(), &["keyed", "when", "day"]).unwrap();
    for batch in batches {
        encoder.write(batch, &mut || Ok(())).unwrap();
    }
    let ranges = encoder.finish(&mut || Ok(())).unwrap();
    drop(encoder);
    (bytes.into(), ranges)
}

fn decode(bytes: Bytes) -> RecordBatch {
    let reader = ParquetRecordBatchReaderBuilder::try_new(bytes).unwrap().build().unwrap();
    let batches: Vec<RecordBatch> = reader.map(Result::unwrap).collect();
    let schema = batches.first().map_or_else(schema, RecordBatch::schema);
    concat_batches(&schema, &batches).unwrap()
}

/// The columns without dictionaries.
fn plain(batches: &[RecordBatch]) -> Vec<ArrayRef> {
    let schema = schema();
    let cast = |batch: &RecordBatch| {
        let columns = batch.columns().iter().zip(schema.fields());
        let columns = columns.map(|(c, f)| arrow::compute::cast(c, f.data_type()).unwrap());
        RecordBatch::try_new(Arc::clone(&schema), columns.collect()).unwrap()
    };
    let batches: Vec<RecordBatch> = batches.iter().map(cast).collect();
    concat_batches(&schema, &batches).unwrap().columns().to_vec()
}

#[test]
fn everything_comes_back_as_it_was() {
    let mut dice = Dice(7);
    for (repeats, nulls, sizes) in [
        (true, 0, vec![1]),
        (true, 3, vec![9, 1, 700]),
        (false, 0, vec![20_000, 300]),
        (false, 2, vec![16_384, 16_385]),
        (true, 50, vec![100_000, 50_000, 3]),
    ] {
        let batches: Vec<_> =
            sizes.iter().map(|&rows| batch(rows, repeats, nulls, &mut dice)).collect();
        let (bytes, _) = encode(&batches);
        let read = decode(bytes);
        for (index, (was, is)) in plain(&batches).iter().zip(read.columns()).enumerate() {
            let is = arrow::compute::cast(is, was.data_type()).unwrap();
            assert_eq!(was, &is, "column {index} of {sizes:?}");
        }
    }
}

#[test]
fn a_dictionary_may_grow_or_change_between_batches() {
    let keyed = |words: &[&str], keys: &[i32]| {
        let values = Arc::new(StringViewArray::from(words.to_vec()));
        let keys = Int32Array::from(keys.to_vec());
        let array = DictionaryArray::<Int32Type>::try_new(keys, values).unwrap();
        let mut columns = batch(array.len(), true, 0, &mut Dice(1)).columns().to_vec();
        columns[1] = Arc::new(array);
        let schema = schema();
        let names = schema.fields().iter().map(|field| field.name().clone());
        RecordBatch::try_from_iter(names.zip(columns)).unwrap()
    };
    let batches = [
        keyed(&["a", "b"], &[0, 1, 0]),
        keyed(&["a", "b", "c"], &[2, 0]),
        keyed(&["b", "a", "c", ""], &[0, 3, 2]),
    ];
    let (bytes, ranges) = encode(&batches);
    let read = decode(bytes);
    let texts: Vec<_> = read.column(1).as_string::<i32>().iter().flatten().collect();
    assert_eq!(texts, ["a", "b", "a", "c", "a", "b", "", "c"]);
    let range = &ranges.iter().find(|(name, _)| name == "keyed").unwrap().1;
    assert_eq!(range.bounds, Some((String::new(), "c".to_owned())));
}

#[test]
fn maps_may_come_as_a_dictionary() {
    let mut dice = Dice(3);
    let distinct = maps(5, &mut dice);
    let keys = Int32Array::from(vec![Some(4), Some(0), None, Some(4), Some(1), Some(2), Some(3)]);
    let plain_maps = take(&distinct, &keys, None).unwrap();
    let array = DictionaryArray::<Int32Type>::try_new(keys, distinct).unwrap();
    let mut columns = batch(7, true, 0, &mut dice).columns().to_vec();
    columns[6] = Arc::new(array);
    let schema = schema();
    let names = schema.fields().iter().map(|field| field.name().clone());
    let given = RecordBatch::try_from_iter(names.zip(columns)).unwrap();
    let (bytes, _) = encode(&[given.clone(), given]);
    let read = decode(bytes);
    assert_eq!(&read.column(6).slice(7, 7), &plain_maps);
}

#[test]
fn equal_columns_may_part() {
    let schema: Arc<Schema> = Arc::new(Schema::new(vec![
        Field::new("one", DataType::Int64, true),
        Field::new("other", DataType::Int64, true),
    ]));
    let array = |values: &[i64]| Arc::new(Int64Array::from(values.to_vec())) as ArrayRef;
    let (a, b) = (array(&[1, 2, 1]), array(&[3, 1, 3]));
    let pages = [(&a, &a), (&b, &b), (&a, &b), (&b, &b)];
    let mut bytes = Vec::new();
    let mut encoder = FileEncoder::new(&mut bytes, &schema, &[]).unwrap();
    for (one, other) in pages {
        let columns = vec![Arc::clone(one), Arc::clone(other)];
        let batch = RecordBatch::try_new(Arc::clone(&schema), columns).unwrap();
        encoder.write(&batch, &mut || Ok(())).unwrap();
    }
    encoder.finish(&mut || Ok(())).unwrap();
    drop(encoder);
    let read = decode(bytes.into());
    let column = |index: usize| read.column(index).as_primitive::<Int64Type>().values().to_vec();
    assert_eq!(column(0), [1, 2, 1, 3, 1, 3, 1, 2, 1, 3, 1, 3]);
    assert_eq!(column(1), [1, 2, 1, 3, 1, 3, 3, 1, 3, 3, 1, 3]);
}

#[test]
fn ranges_are_of_the_whole_file() {
    let mut dice = Dice(11);
    let batches: Vec<_> = (0..3).map(|_| batch(60_000, true, 4, &mut dice)).collect();
    let (bytes, ranges) = encode(&batches);
    let range = |name: &str| ranges.iter().find(|(n, _)| n == name).unwrap().1.clone();
    let nulls: usize = batches.iter().map(|b| b.column(3).null_count()).sum();
    assert_eq!(range("when").nulls, nulls);
    let bounds = range("day").bounds.unwrap();
    assert_eq!(bounds, ("1970-01-01".to_owned(), "1970-01-31".to_owned()));
    let reader = ParquetRecordBatchReaderBuilder::try_new(bytes).unwrap();
    assert_eq!(reader.metadata().num_row_groups(), 3);
    assert!(reader.metadata().row_group(0).column(3).statistics().is_some());
}

#[test]
fn numbers_of_any_width_are_packed() {
    let mut dice = Dice(5);
    for width in 1..=24_u8 {
        // Every second number is 0, so that there are no runs.
        let values: Vec<u32> = (0..77_u64)
            .map(|index| if index % 2 == 0 { 0 } else { 1 + dice.below((1 << width) - 1) })
            .map(|value| u32::try_from(value).unwrap())
            .collect();
        let mut bytes = Vec::new();
        hybrid::append(&values, width, &mut bytes);
        // Ten groups of literals after a head of one byte.
        assert_eq!(bytes.len(), 1 + 10 * usize::from(width), "width {width}");
        let bit = |index: usize| u32::from(bytes[1 + index / 8] >> (index % 8) & 1);
        for (index, &value) in values.iter().enumerate() {
            let start = index * usize::from(width);
            let read = (0..usize::from(width)).fold(0, |sum, b| sum | bit(start + b) << b);
            assert_eq!(read, value, "width {width}, value {index}");
        }
    }
}
