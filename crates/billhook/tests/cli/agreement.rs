//! One ledger in every format: whatever two formats can both carry is the same to the last digit
//! (INV-SUM). All are imported into one lake, and no dollar counts twice there (INV-ONE). A new
//! kind joins by a line in [`forms`].

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use billhook_testkit::calendar::Month;
use billhook_testkit::render::cost_explorer::{CostExplorer, Server};
use billhook_testkit::render::cur;
use billhook_testkit::render::data_export::{self, ExportReport, Packing, Table};
use billhook_testkit::render::dbr::{self, DbrReport, ReportType};
use billhook_testkit::render::focus_file::{self, FocusFile, Version};
use billhook_testkit::synth::{Line, Organisation, Payer, Scale};
use billhook_testkit::{demo, render};

use crate::support::{Home, Ran, today};

/// Day, account, service and charge category to a sum.
type Sums = BTreeMap<Vec<String>, String>;

/// FOCUS's costs, over the rows that FOCUS counts.
const FOCUS: &[&str] = &["BilledCost", "EffectiveCost", "ListCost", "ContractedCost"];

/// AWS's metrics, over all rows.
const AWS: &[&str] = &[
    "x_UnblendedCost",
    "x_BlendedCost",
    "x_AmortizedCost",
    "x_NetUnblendedCost",
    "x_NetAmortizedCost",
];

/// A way to deliver the ledger.
struct Form {
    /// Name of the connection.
    name: &'static str,
    /// The kind that it is recorded as.
    kind: &'static str,
    /// Columns that it carries by day, account, service and charge category.
    carries: Vec<&'static str>,
    /// Imports the lines as the connection.
    import: Box<Import>,
}

/// Imports a payer's lines of a month into a lake.
type Import = dyn Fn(&Home, &Payer, Month, &[Line]);

fn import_as(home: &Home, place: &Path, name: &str) {
    let ran = home.run(&["import", place.to_str().unwrap(), "--as", name]);
    assert_eq!(ran.code, 0, "{name}: {}", ran.err);
}

fn legacy(name: &'static str, layout: render::cur::Layout) -> Form {
    let import = move |home: &Home, payer: &Payer, month: Month, lines: &[Line]| {
        let own = cur::CurReport { layout, ..demo::report(Path::new(""), payer).report };
        let place = home.path(name);
        cur::write_delivery(&place, &own, month, "20260907T031500Z", lines).unwrap();
        import_as(home, &place, name);
    };
    Form { name, kind: "cur", carries: [FOCUS, AWS].concat(), import: Box::new(import) }
}

fn export(name: &'static str, table: Table, packing: Packing) -> Form {
    let import = move |home: &Home, payer: &Payer, month: Month, lines: &[Line]| {
        let own = demo::report(Path::new(""), payer).report;
        let report = ExportReport {
            account: own.account,
            bucket: "bucket".to_owned(),
            prefix: "exports".to_owned(),
            export_name: name.to_owned(),
            export_uuid: "0d8a0c1e-1111-2222-3333-444455556666".to_owned(),
            table,
            layout: own.layout,
            packing,
            chunk_rows: 900,
            with_resources: true,
            with_net: own.with_net,
            with_split: false,
            tag_keys: own.tag_keys,
            category_names: own.category_names,
            columns: Vec::new(),
        };
        let place = home.path(name);
        let (id, time) = ("3b1f6c58-2f66-4a3b-8d0f-0e3a52b6c1aa", "2026-09-07T03:15:00.000Z");
        data_export::write_delivery(&place, &report, month, id, time, lines).unwrap();
        import_as(home, &place, name);
    };
    let (kind, carries) = match table {
        Table::Cur2 => ("data_export", [FOCUS, AWS].concat()),
        Table::Focus10 | Table::Focus12 => ("focus_export", FOCUS.to_vec()),
    };
    Form { name, kind, carries, import: Box::new(import) }
}

fn file(name: &'static str, version: Version, packing: Packing) -> Form {
    let import = move |home: &Home, payer: &Payer, _: Month, lines: &[Line]| {
        let own = demo::report(Path::new(""), payer).report;
        let file = FocusFile { version, packing, with_net: own.with_net, tag_keys: own.tag_keys };
        let place = home.path(&format!("{name}/focus.{}", packing.extension()));
        focus_file::write(&place, &file, lines).unwrap();
        import_as(home, &place, name);
    };
    Form { name, kind: "focus_files", carries: FOCUS.to_vec(), import: Box::new(import) }
}

fn detailed(name: &'static str) -> Form {
    let import = move |home: &Home, payer: &Payer, month: Month, lines: &[Line]| {
        let report = DbrReport {
            account: payer.id.to_owned(),
            prefix: String::new(),
            reports: ReportType::ALL.to_vec(),
            consolidated: true,
            tag_keys: payer.tag_keys.iter().map(|&key| key.to_owned()).collect(),
            disclaimer: true,
            china: None,
        };
        let place = home.path(name);
        dbr::write_month(&place, &report, month, lines).unwrap();
        import_as(home, &place, name);
    };
    // It has a rounding line of its own and nothing that tells covered usage from other.
    let carries = vec!["x_UnblendedCost", "x_BlendedCost"];
    Form { name, kind: "dbr", carries, import: Box::new(import) }
}

fn explorer(name: &'static str) -> Form {
    let import = move |home: &Home, payer: &Payer, _: Month, lines: &[Line]| {
        let server = Server::start(CostExplorer::new(lines.to_vec(), &[], today())).unwrap();
        let mut command = home.command();
        command.args(["import", "cost-explorer:", "--as", name, "--account", payer.id]);
        command.args(["--months", "3"]);
        command.env("AWS_ACCESS_KEY_ID", "k").env("AWS_SECRET_ACCESS_KEY", "s");
        command.env("AWS_ENDPOINT_URL_COST_EXPLORER", server.endpoint());
        for variable in ["AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"] {
            command.env(variable, "/dev/null");
        }
        let ran = Ran::of(command.output().unwrap());
        assert_eq!(ran.code, 0, "{}", ran.err);
    };
    Form { name, kind: "cost_explorer", carries: AWS.to_vec(), import: Box::new(import) }
}

/// Every kind, in every packing that changes how numbers are written.
fn forms() -> Vec<Form> {
    vec![
        legacy("cur-csv", render::cur::Layout::CreateNew),
        export("cur2-csv", Table::Cur2, Packing::CsvGz),
        export("cur2-parquet", Table::Cur2, Packing::Parquet),
        export("focus10-csv", Table::Focus10, Packing::CsvGz),
        export("focus12-parquet", Table::Focus12, Packing::Parquet),
        file("focus-file", Version::V1_3, Packing::CsvGz),
        file("focus-file-parquet", Version::V1_1, Packing::Parquet),
        detailed("dbr"),
        explorer("explorer"),
    ]
}

/// The sums of a column; what is zero is left out, for not every format has rows for it.
fn sums(home: &Home, connection: &str, month: Month, column: &str) -> Sums {
    let filter = if FOCUS.contains(&column) { "AND x_FocusExclusion IS NULL" } else { "" };
    // Cost Explorer does not tell the service of a tax.
    let service = if AWS.contains(&column) {
        "CASE WHEN ChargeCategory = 'Tax' THEN 'Tax' ELSE ServiceName END"
    } else {
        "ServiceName"
    };
    // Net metrics of a payer without an agreement are the plain ones.
    let value = match column.strip_prefix("x_Net") {
        Some(rest) => format!("coalesce({column}, x_{rest})"),
        None => column.to_owned(),
    };
    let sql = format!(
        "SELECT CAST(ChargePeriodStart AS DATE) AS d, SubAccountId, {service} AS n, ChargeCategory, \
         SUM({value}) AS s FROM cost_and_usage WHERE x_Connection = '{connection}' \
         AND x_BillingPeriod = '{month}' AND coalesce(x_LineItemType, '') <> 'Rounding' \
         {filter} GROUP BY 1, 2, 3, 4"
    );
    let ran = home.run(&["sql", &sql, "--format", "csv"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let rows = ran.out.lines().skip(1).map(|line| {
        let (keys, sum) = line.rsplit_once(',').unwrap();
        (keys.split(',').map(str::to_owned).collect::<Vec<_>>(), sum.to_owned())
    });
    rows.filter(|(_, sum)| !sum.is_empty() && sum != "0").collect()
}

#[test]
fn inv_sum_one_ledger_is_one_bill_in_every_format() {
    let organisation = Organisation::ending(3, today(), Scale::Small);
    let month = organisation.months()[2];
    for payer in organisation.payers() {
        let lines = organisation.ledger(payer, month, 1);
        let home = Home::new();
        let forms = forms();
        for form in &forms {
            (form.import)(&home, payer, month, &lines);
            let sql = format!(
                "SELECT DISTINCT Kind FROM deliveries WHERE x_Connection = '{}'",
                form.name
            );
            assert_eq!(home.ask(&sql), form.kind);
        }
        let columns: BTreeSet<&str> = forms.iter().flat_map(|f| f.carries.clone()).collect();
        for column in columns {
            let carriers: Vec<&Form> =
                forms.iter().filter(|f| f.carries.contains(&column)).collect();
            let all: Vec<Sums> =
                carriers.iter().map(|form| sums(&home, form.name, month, column)).collect();
            assert!(all[0].len() > 50, "{column}: {}", all[0].len());
            // Equality is transitive: what agrees with the first agrees with each other.
            for (form, own) in carriers.iter().zip(&all) {
                let is_other =
                    |(key, sum): &(&Vec<String>, &String)| all[0].get(*key) != Some(*sum);
                let strange: Vec<_> = own.iter().filter(is_other).take(3).collect();
                let missing: Vec<_> =
                    all[0].keys().filter(|key| !own.contains_key(*key)).take(3).collect();
                // What the rounding line of a DBR adds is taken off its dearest line.
                let is_rounding = form.kind == "dbr" && strange.len() == 1 && missing.is_empty();
                let title = format!("{} {column}: {}", payer.name, form.name);
                assert!(is_rounding || strange.is_empty(), "{title}: {strange:?}");
                assert!(missing.is_empty(), "{title} lacks {missing:?}");
            }
        }
        inv_one_one_connection_counts(&home, month);
    }
}

/// The best kind counts, unless the user wants another one; and only it.
fn inv_one_one_connection_counts(home: &Home, month: Month) {
    let counting = |home: &Home| {
        home.ask(&format!(
            "SELECT DISTINCT x_Connection FROM costs WHERE x_BillingPeriod = '{month}'"
        ))
    };
    assert_eq!(counting(home), "focus10-csv");
    let account = home.ask("SELECT MAX(BillingAccountId) FROM cost_and_usage");
    let ran = home.run(&["authority", &account, "dbr"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert_eq!(counting(home), "dbr");
    let ran = home.run(&["history", "cur-csv"]);
    assert!(ran.err.contains("it would add") || ran.out.contains("it would add"), "{}", ran.err);
    let ran = home.run(&["authority", &account, "nobody"]);
    assert_eq!(ran.code, 2, "{}", ran.err);
    let ran = home.run(&["authority", &account, "--default"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert_eq!(counting(home), "focus10-csv");
}
