//! Periods of files, and recognition.

use crate::kinds;
use crate::table::Months;
use crate::text::inflate::{Input, Limits};

use super::MAPPING;

fn months(text: &str) -> Months {
    let input = Input::Memory(text.as_bytes().to_vec().into());
    Months::of(&MAPPING, Limits::default(), input, "f.csv").unwrap()
}

#[test]
fn periods_are_found_wherever_they_stand() {
    let found = months(
        "\u{feff}Note,BillingPeriodStart\n\"a\nb\",2026-05-01T00:00Z\n,2026-05-31T20:00-05:00\n\n\
         x,2026-05-01T00:00Z",
    );
    assert_eq!(found.months.into_iter().collect::<Vec<_>>(), ["2026-05", "2026-06"]);
    assert_eq!(found.undated, None);
    let found = months("Note,BillingPeriodStart\na,soon\nb,null\n");
    assert!(found.months.is_empty());
    let why = "f.csv record 2, column BillingPeriodStart: \"soon\" is no point in time";
    assert_eq!(found.undated.as_deref(), Some(why));
    assert_eq!(months("Note,BillingPeriodStart\n"), Months::default());
}

#[test]
fn headers_tell_whose_file_it_is() {
    let names = |format: &crate::format::Format| -> Vec<String> {
        let required = format.known.iter().filter(|known| known.required);
        required.map(|known| known.header.to_owned()).collect()
    };
    let mut header = names(&super::columns::FORMAT);
    assert_eq!(kinds::recognise(kinds::ALL, &header).unwrap().kind, "focus_files");
    header.push("x_Operation".to_owned());
    assert_eq!(kinds::recognise(kinds::ALL, &header).unwrap().kind, "focus_export");
    let cur = names(&crate::cur::columns::FORMAT);
    assert_eq!(kinds::recognise(kinds::ALL, &cur).unwrap().kind, "cur");
}
