//! INV-SUM end to end: totals per line item type, account and day against an independent oracle
//! (Python decimals over the raw files), to the last digit; and the FOCUS validator.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use billhook_testkit::demo::write_first_round;

use crate::support::{Home, organisation, python, samples};

/// Sums by (type, account, day, currency): the oracle's and ours have the same columns.
type Sums = BTreeMap<Vec<String>, Vec<String>>;

fn oracle(python: &Path, place: &Path) -> Sums {
    let script = billhook_testkit::own_crate().join("../testkit/oracle/cur_oracle.py");
    let output = Command::new(python).arg(script).arg(place).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let mut lines = text.lines();
    let header: Vec<&str> = lines.next().unwrap().split(',').collect();
    let at = |name: &str| header.iter().position(|column| *column == name).unwrap();
    let keys = ["LineItemType", "UsageAccountId", "Day", "CurrencyCode"].map(at);
    let sums = ["Rows", "UnblendedCost", "BlendedCost", "AmortizedCost"].map(at);
    lines
        .map(|line| {
            let cells: Vec<&str> = line.split(',').collect();
            let pick = |columns: &[usize]| columns.iter().map(|&c| cells[c].to_owned()).collect();
            (pick(&keys), pick(&sums))
        })
        .collect()
}

fn ours(home: &Home, connection: Option<&str>) -> Sums {
    let only = connection.map_or(String::new(), |name| format!("AND x_Connection = '{name}'"));
    let sql = format!(
        "SELECT x_LineItemType, SubAccountId, \
         CAST(CAST(ChargePeriodStart AS DATE) AS VARCHAR) AS d, \
         BillingCurrency, COUNT(DISTINCT concat(x_BillingPeriod, x_SourceFile, \
         CAST(x_SourceRow AS VARCHAR))) AS n, \
         SUM(x_UnblendedCost), COALESCE(SUM(x_BlendedCost), 0), SUM(x_AmortizedCost) \
         FROM cost_and_usage WHERE x_LineItemType <> 'x_Residual' {only} GROUP BY 1, 2, 3, 4"
    );
    let ran = home.run(&["sql", &sql, "--format", "csv"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let rows = ran.out.lines().skip(1).map(|line| {
        let cells: Vec<String> = line.split(',').map(str::to_owned).collect();
        (cells[..4].to_vec(), cells[4..].to_vec())
    });
    rows.collect()
}

fn assert_same(ours: &Sums, oracle: &Sums) {
    assert!(!oracle.is_empty(), "the oracle found nothing");
    for (key, sums) in oracle {
        assert_eq!(ours.get(key), Some(sums), "{key:?}");
    }
    assert_eq!(ours.len(), oracle.len());
}

#[test]
fn inv_sum_samples_equal_the_oracle() {
    let (Some(samples), Some(python)) = (samples(), python("BILLHOOK_TEST_PYTHON")) else { return };
    for name in [
        "cur-daily-2023-11-real.csv",
        "koku/test_cur.csv",
        "koku/test_cur.csv.gz",
        "koku/2023-06-01.csv",
        "koku/2023-06-01-not-final.csv",
        "koku/2022-07-01-alt-columns.csv",
    ] {
        let home = Home::new();
        let path = samples.join(name);
        let ran = home.import(&path);
        assert_eq!(ran.code, 0, "{name}: {}", ran.err);
        assert_same(&ours(&home, None), &oracle(&python, &path));
    }
}

#[test]
fn inv_sum_the_synthetic_organisation_equals_the_oracle() {
    let Some(python) = python("BILLHOOK_TEST_PYTHON") else { return };
    let home = Home::new();
    write_first_round(&home.path("buckets"), &organisation()).unwrap();
    for bucket in std::fs::read_dir(home.path("buckets")).unwrap() {
        let bucket = bucket.unwrap().path();
        assert_eq!(home.import(&bucket).code, 0);
        let name = bucket.file_name().unwrap().to_str().unwrap().replace("-billing", "-hourly");
        assert_same(&ours(&home, Some(&name)), &oracle(&python, &bucket));
    }
    // What FOCUS leaves out cancels: billed is unblended, to the last digit.
    let billed = home.ask("SELECT SUM(BilledCost) FROM costs");
    assert_eq!(billed, home.ask("SELECT SUM(x_UnblendedCost) FROM cost_and_usage"));
}

#[test]
fn inv_sum_a_nise_report_equals_the_oracle_and_conforms() {
    let Some(python) = python("BILLHOOK_TEST_PYTHON") else { return };
    let home = Home::new();
    let bucket = home.path("nise");
    std::fs::create_dir_all(&bucket).unwrap();
    let nise = python.with_file_name("nise");
    let output = Command::new(nise)
        .current_dir(&bucket)
        .args(["report", "aws", "--start-date", "2026-08-01", "--end-date", "2026-08-31"])
        .args(["--aws-s3-bucket-name", bucket.to_str().unwrap()])
        .args(["--aws-s3-report-name", "nise-hourly", "--aws-s3-report-prefix", "p"])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let ran = home.import(&bucket);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.err.contains("loaded"), "{}", ran.err);
    let names =
        home.run(&["sql", "SELECT DISTINCT x_Connection FROM deliveries", "--format", "csv"]);
    assert_eq!(names.out.lines().count(), 2, "{}", names.out);
    assert_same(&ours(&home, None), &oracle(&python, &bucket));
    assert_conformant(&home, "2026-08");
}

#[test]
fn an_export_of_a_closed_month_conforms_to_focus() {
    let home = Home::new();
    write_first_round(&home.path("buckets"), &organisation()).unwrap();
    let bucket = home.path("buckets/globex-billing");
    assert_eq!(home.import(&bucket).code, 0);
    assert_conformant(&home, "2026-08");
}

/// No rule of the validator fails that data can satisfy.
pub(crate) fn assert_conformant(home: &Home, period: &str) {
    if let Some((succeeds, text)) = validate(home, period) {
        assert!(succeeds, "{text}");
    }
}

/// What the validator says of an export; `None` where there is none.
pub(crate) fn validate(home: &Home, period: &str) -> Option<(bool, String)> {
    let python = python("BILLHOOK_TEST_VALIDATOR_PYTHON")?;
    let file: PathBuf = home.path("focus.parquet");
    let to = file.to_str().unwrap();
    let ran = home.run(&["export", "--to", to, "--focus-only", "--period", period]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let script = billhook_testkit::own_crate().join("../testkit/oracle/validate_focus.py");
    let output = Command::new(python).arg(script).arg(&file).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(!text.is_empty(), "{errors}");
    Some((output.status.success(), text))
}
