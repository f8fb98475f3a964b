//! One ledger in every format: whatever two formats can both carry is the same to the last digit
//! (INV-SUM). All are imported into one lake, and no dollar counts twice there (INV-ONE). A new
//! kind joins by being listed in [`Form::ALL`].

use std::collections::{BTreeMap, BTreeSet};

use billhook_testkit::calendar::Month;
use billhook_testkit::forms::Form;
use billhook_testkit::render::cost_explorer::{CostExplorer, Server};
use billhook_testkit::render::data_export::Table;
use billhook_testkit::synth::{Line, Organisation, Payer, Scale};

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
struct Delivered {
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

/// One of the file formats.
fn files(form: Form) -> Delivered {
    let (kind, carries) = match form {
        Form::Cur => ("cur", [FOCUS, AWS].concat()),
        Form::Export(Table::Cur2, _) => ("data_export", [FOCUS, AWS].concat()),
        Form::Export(..) => ("focus_export", FOCUS.to_vec()),
        Form::FocusFile(..) => ("focus_files", FOCUS.to_vec()),
        // It has nothing that tells covered usage from other.
        Form::DetailedBilling => ("dbr", vec!["x_UnblendedCost", "x_BlendedCost"]),
    };
    let name = form.name();
    let import = move |home: &Home, payer: &Payer, month: Month, lines: &[Line]| {
        let place = home.path(name);
        std::fs::create_dir_all(&place).unwrap();
        form.write(&place, payer, month, lines, 900).unwrap();
        let ran = home.run(&["import", place.to_str().unwrap(), "--as", name]);
        assert_eq!(ran.code, 0, "{name}: {}", ran.err);
    };
    Delivered { name, kind, carries, import: Box::new(import) }
}

fn explorer(name: &'static str) -> Delivered {
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
    Delivered { name, kind: "cost_explorer", carries: AWS.to_vec(), import: Box::new(import) }
}

/// Every kind, in every packing that changes how numbers are written.
fn forms() -> Vec<Delivered> {
    let files = Form::ALL.into_iter().map(files);
    files.chain([explorer("explorer")]).collect()
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
            let carriers: Vec<&Delivered> =
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
