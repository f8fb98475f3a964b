//! Running the binary, and small reports to feed it.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use billhook_testkit::calendar::{Date, Month};
use billhook_testkit::render::cur::{Compression, CurReport, Layout, write_delivery};
use billhook_testkit::synth::{Organisation, Scale};
use tempfile::TempDir;

/// A home that goes with the test.
pub(crate) struct Home {
    pub(crate) dir: TempDir,
}

impl Home {
    pub(crate) fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self, below: &str) -> PathBuf {
        self.dir.path().join(below)
    }

    /// The binary with this home.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_billhook"));
        command.arg("--home").arg(self.path("home"));
        // Nothing of the machine's own AWS set-up may leak in.
        for name in ["AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_REGION"] {
            command.env_remove(name);
        }
        for name in ["BILLHOOK_HOME", "BILLHOOK_LAKE", "BILLHOOK_CONFIG"] {
            command.env_remove(name);
        }
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        Ran::of(self.command().args(args).output().unwrap())
    }

    pub(crate) fn import(&self, place: &Path) -> Ran {
        self.run(&["import", place.to_str().unwrap()])
    }

    /// The answer of a query with one value.
    pub(crate) fn ask(&self, sql: &str) -> String {
        let ran = self.run(&["sql", sql, "--format", "csv"]);
        assert_eq!(ran.code, 0, "{}\n{}", sql, ran.err);
        ran.out.lines().nth(1).unwrap_or_default().to_owned()
    }

    /// The tables' contents, in an order of their own: equal for equal lakes.
    pub(crate) fn digest(&self) -> String {
        let queries = [
            "SELECT x_Connection, x_BillingPeriod, x_Revision, x_LineItemType, COUNT(*) AS n, \
             SUM(BilledCost) AS b, SUM(EffectiveCost) AS e, SUM(x_UnblendedCost) AS u, \
             SUM(x_SourceRow) AS r FROM cost_and_usage GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4",
            "SELECT x_Connection, x_BillingPeriod, COUNT(*) AS n, SUM(BilledCost) AS b, \
             SUM(x_LineItems) AS l FROM cost_daily GROUP BY 1, 2 ORDER BY 1, 2",
            "SELECT x_Connection, x_BillingPeriod, x_Revision, COUNT(*) AS n, \
             SUM(BilledCostDifference) AS d FROM changes GROUP BY 1, 2, 3 ORDER BY 1, 2, 3",
            "SELECT x_Connection, x_BillingPeriod, x_Revision, LineItems, State FROM deliveries \
             ORDER BY 1, 2, 3",
        ];
        queries.map(|sql| self.run(&["sql", sql, "--format", "csv"]).out).join("\n")
    }
}

/// How a run ended.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    pub(crate) fn of(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

/// The day on which the binary runs.
pub(crate) fn today() -> Date {
    let output = Command::new("date").args(["-u", "+%Y %-m %-d"]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let parts: Vec<u32> = text.split_whitespace().map(|part| part.parse().unwrap()).collect();
    Date::new(i32::try_from(parts[0]).unwrap(), parts[1], parts[2])
}

/// A small organisation of two months.
pub(crate) fn organisation() -> Organisation {
    Organisation::new(7, Month::new(2026, 8), 2, Date::new(2026, 10, 20), Scale::Small)
}

/// A report definition.
pub(crate) fn report(layout: Layout, compression: Compression) -> CurReport {
    let organisation = organisation();
    let payer = &organisation.payers()[0];
    CurReport {
        account: payer.id.to_owned(),
        bucket: "bucket".to_owned(),
        prefix: "bills".to_owned(),
        report_name: "hourly".to_owned(),
        layout,
        compression,
        chunk_rows: 1500,
        chunk_digits: 5,
        with_resources: true,
        with_net: payer.edp_percent.is_some(),
        tag_keys: payer.tag_keys.iter().map(|key| (*key).to_owned()).collect(),
        category_names: payer.category_names.iter().map(|name| (*name).to_owned()).collect(),
    }
}

/// Writes a month of the first payer below `dir` and returns its data files.
pub(crate) fn deliver(
    dir: &Path,
    report: &CurReport,
    month: Month,
    assembly: &str,
) -> Vec<PathBuf> {
    let organisation = organisation();
    let lines = organisation.ledger(&organisation.payers()[0], month, 1);
    write_delivery(dir, report, month, assembly, &lines).unwrap().files
}

/// A report of three columns' worth of meaning, to be damaged at will.
pub(crate) fn tiny(rows: &[&str]) -> String {
    let header = "identity/LineItemId,identity/TimeInterval,bill/PayerAccountId,\
                  bill/BillingPeriodStartDate,bill/BillingPeriodEndDate,lineItem/UsageAccountId,\
                  lineItem/LineItemType,lineItem/UsageStartDate,lineItem/UsageEndDate,\
                  lineItem/ProductCode,lineItem/UsageAmount,lineItem/CurrencyCode,\
                  lineItem/UnblendedCost,resourceTags/user:team,resourceTags/user:Team";
    let mut text = header.to_owned();
    for row in rows {
        text.push('\n');
        text.push_str(row);
    }
    text.push('\n');
    text
}

/// A row of [`tiny`] with a type, a currency, a cost and a rest (tags).
pub(crate) fn row(kind: &str, currency: &str, cost: &str, rest: &str) -> String {
    format!(
        "id1,2026-09-01T00:00:00Z/2026-09-01T01:00:00Z,111122223333,2026-09-01T00:00:00Z,\
         2026-10-01T00:00:00Z,444455556666,{kind},2026-09-01T00:00:00Z,2026-09-01T01:00:00Z,\
         AmazonEC2,1,{currency},{cost},{rest}"
    )
}

/// A Python of the test environment that `cargo xtask test` sets up.
pub(crate) fn python(variable: &str) -> Option<PathBuf> {
    let python = std::env::var_os(variable).map(PathBuf::from).filter(|path| path.exists());
    if python.is_none() {
        eprintln!("SKIPPED: {variable} is not set; run the tests by `cargo xtask test`");
    }
    python
}

/// The folder of samples, which is not part of the repository.
pub(crate) fn samples() -> Option<PathBuf> {
    let shared = std::env::var_os("BILLHOOK_SHARED").map(PathBuf::from);
    let samples = shared.map(|shared| shared.join("samples")).filter(|path| path.is_dir());
    if samples.is_none() {
        eprintln!("SKIPPED: 6 sample reports: there is no folder shared/samples");
    }
    samples
}
