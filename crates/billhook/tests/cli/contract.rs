//! What every file format has to keep, whatever it is: the contract of a source. One test for each
//! clause over all of [`Form::ALL`].

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use billhook_sources::text::inflate::{Input, Limits};
use billhook_sources::text::split::Fields;
use billhook_testkit::calendar::Month;
use billhook_testkit::forms::Form;
use billhook_testkit::render::data_export::{Packing, Table};

use crate::support::{Home, Ran, organisation, python};

const MONTH: Month = Month::new(2026, 8);

/// A home with a payer's month in a format, not imported yet.
struct Source {
    home: Home,
    place: PathBuf,
    form: Form,
}

impl Source {
    fn new(form: Form) -> Self {
        let home = Home::new();
        let place = home.path("bucket");
        fs::create_dir_all(&place).unwrap();
        let organisation = organisation();
        let payer = &organisation.payers()[0];
        let lines = organisation.ledger(payer, MONTH, 1);
        form.write(&place, payer, MONTH, &lines, 900).unwrap();
        Self { home, place, form }
    }

    fn import(&self) -> Ran {
        self.home.run(&["import", self.place.to_str().unwrap(), "--as", "one"])
    }

    /// Imports what must be fine.
    fn load(&self) -> Ran {
        let ran = self.import();
        assert_eq!(ran.code, 0, "{}: {}", self.form.name(), ran.err);
        ran
    }

    /// What the lake holds, in figures that do not depend on files.
    fn sums(&self) -> String {
        let sql = "SELECT SubAccountId, ServiceName, ChargeCategory, x_LineItemType, Tags, COUNT(*), \
                   SUM(BilledCost), SUM(EffectiveCost), SUM(ListCost), SUM(x_UnblendedCost) \
                   FROM cost_and_usage GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4, 5";
        let ran = self.home.run(&["sql", sql, "--format", "csv"]);
        assert_eq!(ran.code, 0, "{}", ran.err);
        assert!(ran.out.lines().count() > 20, "{}: {}", self.form.name(), ran.out);
        ran.out
    }

    /// The files with the lines of the bill.
    fn files(&self) -> Vec<PathBuf> {
        let mut files = Vec::new();
        find(&self.place, &mut files);
        let is_data = |path: &PathBuf| {
            let name = path.file_name().unwrap().to_str().unwrap();
            match self.form {
                Form::DetailedBilling => name.contains("with-resources"),
                _ => name.ends_with(".csv.gz") || name.ends_with(".parquet"),
            }
        };
        files.retain(is_data);
        files.sort();
        assert!(!files.is_empty(), "{}", self.form.name());
        files
    }

    /// Puts changed text in the place of each data file. The first two records that `change` gets
    /// are the remark before the header, empty if there is none, and the header.
    fn rewrite(&self, change: impl Fn(&mut Vec<Vec<String>>)) {
        for path in self.files() {
            let text = text_of(&path);
            let mut records = records(&text);
            let has_remark = records[0].len() == 1;
            if !has_remark {
                records.insert(0, Vec::new());
            }
            change(&mut records);
            let lines = records.iter().skip(usize::from(!has_remark));
            let lines: String = lines.map(|fields| fields.join(",") + "\n").collect();
            fs::write(&path, lines).unwrap();
        }
    }
}

fn find(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { find(&path, files) } else { files.push(path) }
    }
}

fn text_of(path: &Path) -> Vec<u8> {
    let input = Input::File(fs::File::open(path).unwrap());
    let mut blocks = input.open(Limits::default()).unwrap();
    let mut text = Vec::new();
    while let Some(block) = blocks.next_block().unwrap() {
        text.extend_from_slice(&block);
    }
    text
}

/// The raw fields of each record, quotes included.
fn records(text: &[u8]) -> Vec<Vec<String>> {
    let mut fields = Fields::default();
    assert_eq!(fields.index(text), text.len());
    let field = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (0..fields.len())
        .map(|index| {
            let record = fields.record(text, index);
            (0..record.len()).map(|at| field(record.field(at))).collect()
        })
        .collect()
}

fn is_text(form: Form) -> bool {
    !matches!(form, Form::Export(_, Packing::Parquet) | Form::FocusFile(_, Packing::Parquet))
}

/// Header of the billed amount.
fn cost(form: Form) -> &'static str {
    match form {
        Form::Cur => "lineItem/UnblendedCost",
        Form::Export(Table::Cur2, _) => "line_item_unblended_cost",
        Form::Export(..) | Form::FocusFile(..) => "BilledCost",
        Form::DetailedBilling => "UnBlendedCost",
    }
}

/// What the oracle calls the format, and our columns with what it prints: class, and the sums.
fn oracle(form: Form) -> (&'static str, &'static str, &'static [&'static str]) {
    let costs: &[&str] = &["x_UnblendedCost", "x_BlendedCost"];
    match form {
        Form::Cur => ("cur", "x_LineItemType", costs),
        Form::Export(Table::Cur2, _) => ("cur2", "x_LineItemType", costs),
        Form::Export(..) | Form::FocusFile(..) => {
            let costs = &["BilledCost", "EffectiveCost", "ListCost", "ContractedCost"];
            ("focus", "ChargeCategory", costs)
        }
        Form::DetailedBilling => ("dbr", "''", costs),
    }
}

#[test]
fn inv_sum_totals_are_those_of_an_oracle_over_the_raw_files() {
    let Some(python) = python("BILLHOOK_TEST_PYTHON") else { return };
    let script = billhook_testkit::own_crate().join("../testkit/oracle/totals.py");
    for form in Form::ALL {
        let source = Source::new(form);
        source.load();
        let (kind, class, costs) = oracle(form);
        let output = Command::new(&python).arg(&script).arg(kind).args(source.files()).output();
        let output = output.unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let sum = |cost: &&str| format!("SUM(coalesce({cost}, 0))");
        let sums = costs.iter().map(sum).collect::<Vec<_>>().join(", ");
        let sql = format!(
            "SELECT {class}, SubAccountId, CAST(CAST(ChargePeriodStart AS DATE) AS VARCHAR), \
             COUNT(DISTINCT x_SourceFile || ' ' || x_SourceRow), {sums} FROM cost_and_usage \
             WHERE x_SourceRow IS NOT NULL GROUP BY 1, 2, 3"
        );
        let ran = source.home.run(&["sql", &sql, "--format", "csv"]);
        assert_eq!(ran.code, 0, "{}", ran.err);
        let mut ours: Vec<&str> = ran.out.lines().skip(1).collect();
        ours.sort_unstable();
        let expected = String::from_utf8(output.stdout).unwrap();
        let mut expected: Vec<&str> = expected.lines().collect();
        expected.sort_unstable();
        assert!(expected.len() > 20, "{}: {expected:?}", form.name());
        for (own, other) in ours.iter().zip(&expected) {
            assert_eq!(own, other, "{}", form.name());
        }
        assert_eq!(ours.len(), expected.len(), "{}", form.name());
    }
}

#[test]
fn inv_idem_a_second_import_changes_nothing() {
    for form in Form::ALL {
        let source = Source::new(form);
        source.load();
        let digest = source.home.digest();
        let ran = source.load();
        assert!(ran.err.contains("unchanged"), "{}: {}", form.name(), ran.err);
        assert_eq!(source.home.digest(), digest, "{}", form.name());
    }
}

#[test]
fn inv_one_every_line_tells_where_it_came_from_and_comes_once() {
    for form in Form::ALL {
        let source = Source::new(form);
        source.load();
        let lines = source.home.ask("SELECT SUM(LineItems) FROM deliveries");
        let places =
            "SELECT COUNT(DISTINCT x_SourceFile || ' ' || x_SourceRow) FROM cost_and_usage";
        assert_eq!(source.home.ask(places), lines, "{}", form.name());
        for file in source.files() {
            let name = file.file_name().unwrap().to_str().unwrap();
            let sql = format!(
                "SELECT COUNT(*) > 0 FROM cost_and_usage WHERE x_SourceFile LIKE '%{name}'"
            );
            assert_eq!(source.home.ask(&sql), "true", "{}: {name}", form.name());
        }
    }
}

#[test]
fn inv_one_a_damaged_file_is_refused_whole_and_loads_when_it_is_mended() {
    for form in Form::ALL {
        let source = Source::new(form);
        let files = source.files();
        let path = files.last().unwrap();
        let good = fs::read(path).unwrap();
        fs::write(path, &good[..good.len() / 2]).unwrap();
        let ran = source.import();
        let name = path.file_name().unwrap().to_str().unwrap();
        assert!(matches!(ran.code, 3 | 4), "{}: {} {}", form.name(), ran.code, ran.err);
        assert!(ran.err.contains(name), "{}: {}", form.name(), ran.err);
        let rows = source.home.run(&["sql", "SELECT COUNT(*) FROM cost_and_usage"]);
        assert!(rows.code != 0 || rows.out.contains(" 0 "), "{}: {}", form.name(), rows.out);
        fs::write(path, good).unwrap();
        source.load();
        source.sums();
    }
}

#[test]
fn an_unreadable_amount_is_told_with_file_record_and_column() {
    for form in Form::ALL.into_iter().filter(|form| is_text(*form)) {
        let source = Source::new(form);
        source.rewrite(|records| {
            let at = records[1].iter().position(|name| name.trim_matches('"') == cost(form));
            records[3][at.unwrap()] = "1O.5".to_owned();
        });
        let ran = source.import();
        assert_eq!(ran.code, 4, "{}: {}", form.name(), ran.err);
        let file = source.files()[0].file_name().unwrap().to_str().unwrap().to_owned();
        for word in ["record 3", cost(form), "\"1O.5\"", file.as_str(), "mend:"] {
            assert!(ran.err.contains(word), "{}: {word}: {}", form.name(), ran.err);
        }
    }
}

#[test]
fn inv_col_columns_come_in_any_order() {
    for form in Form::ALL.into_iter().filter(|form| is_text(*form)) {
        let usual = Source::new(form);
        usual.load();
        let turned = Source::new(form);
        turned.rewrite(|records| records.iter_mut().for_each(|fields| fields.reverse()));
        turned.load();
        assert_eq!(turned.sums(), usual.sums(), "{}", form.name());
    }
}

#[test]
fn inv_col_a_column_that_nobody_knows_is_kept_and_told() {
    for form in Form::ALL.into_iter().filter(|form| is_text(*form)) {
        let source = Source::new(form);
        source.rewrite(|records| {
            records[1].push("made/up".to_owned());
            let own = records.iter_mut().skip(2).filter(|fields| fields.len() > 1);
            own.for_each(|fields| fields.push("kept".to_owned()));
        });
        let ran = source.load();
        assert!(ran.err.contains("made/up"), "{}: {}", form.name(), ran.err);
        let sql = "SELECT COUNT(*) = SUM(CASE WHEN x_Extra['made/up'] = 'kept' THEN 1 END) \
                   FROM cost_and_usage WHERE coalesce(x_LineItemType, '') <> 'Rounding'";
        assert_eq!(source.home.ask(sql), "true", "{}", form.name());
    }
}
