//! The mapping over small reports.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use arrow::util::pretty::pretty_format_batches;

use super::*;
use crate::table::{Mapped, TableReader};
use crate::text::inflate::{Input, Limits};

pub(crate) fn read(text: &str) -> (Vec<Mapped>, crate::table::Summary) {
    let mut reader = TableReader::new(&MAPPING, Limits::default(), None);
    let mut batches = Vec::new();
    let input = Input::Memory(text.as_bytes().to_vec().into());
    reader
        .read(input, "test.csv", &|_| (), &mut |mapped| {
            batches.push(mapped);
            Ok(())
        })
        .unwrap();
    (batches, reader.finish())
}

#[test]
fn real_sample_is_read_whole() {
    let Some(shared) = std::env::var_os("BILLHOOK_SHARED") else { return };
    let path = std::path::Path::new(&shared).join("samples/cur-daily-2023-11-real.csv");
    let (batches, summary) = read(&std::fs::read_to_string(path).unwrap());
    assert_eq!(summary.read.rows, 1281);
    println!("{:?}", summary.unknown_columns);
    println!("{:?}", summary.read);
    println!("{}", pretty_format_batches(&[batches[0].batch.slice(0, 2)]).unwrap().to_string().len());
    let b = batches[0].batch.slice(700, 2);
    for (f, c) in b.schema().fields().iter().zip(b.columns()) {
        let o = arrow::util::display::FormatOptions::default();
        let f2 = arrow::util::display::ArrayFormatter::try_new(c.as_ref(), &o).unwrap();
        println!("{} = {} | {}", f.name(), f2.value(0), f2.value(1));
    }
}
