//! The published use cases give the answers that another database computes from an export.

use std::collections::{HashMap, HashSet};
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use billhook_engine::export::{ExportRequest, Format, export};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Row};

use super::published::{PROVIDER, SKU_PRICE, SUB_ACCOUNT, UseCase, use_cases};
use super::support::{Cell, Scene, one};

/// A bill of FOCUS 1.3 beside that of AWS: with split costs, providers told apart, and models.
const NEWER: &str = include_str!("focus_1_3.csv");

/// Answers of `DuckDB` over the files, as texts. Those of doubles have nine places, and a mark.
const ORACLE: &str = r#"
import duckdb, json, sys
asked = json.load(sys.stdin)
db = duckdb.connect()
try:
    db.execute("SET TimeZone = 'UTC'")
except duckdb.Error:
    pass
kinds = {f"{name}Cost": "DECIMAL(38,18)" for name in ["Billed", "Contracted", "Effective", "List"]}
for name in ["CommitmentDiscount", "Consumed", "Pricing"]:
    kinds[f"{name}Quantity"] = "DECIMAL(38,18)"
for name in ["Billing", "Charge"]:
    kinds[f"{name}PeriodStart"] = kinds[f"{name}PeriodEnd"] = "TIMESTAMPTZ"
db.execute(f"""
CREATE VIEW focus_data_table AS
SELECT *, PublisherName AS ServiceProviderName, PublisherName AS HostProviderName
FROM read_parquet('{asked['file']}')
WHERE BillingAccountId <> 'contoso-1'
UNION ALL BY NAME
SELECT * REPLACE (coalesce(HostProviderName, ServiceProviderName) AS HostProviderName)
FROM read_csv('{asked['newer']}', header = true, types = {kinds})
""")
answers = []
for query in asked["queries"]:
    sql = query["sql"]
    for number in range(len(query["parameters"]), 0, -1):
        sql = sql.replace(f"${number}", "'" + query["parameters"][number - 1] + "'")
    found = db.execute(sql)
    names, texts = [], []
    for n, column in enumerate(found.description):
        text = f"CAST(c{n} AS VARCHAR)"
        if str(column[1]) == "DOUBLE":
            text = f"'~' || CAST(CAST(c{n} AS DECIMAL(38,9)) AS VARCHAR)"
        names.append(f"c{n}")
        texts.append(text)
    sql = f"SELECT {', '.join(texts)} FROM ({sql}) AS t({', '.join(names)})"
    answers.append(db.execute(sql).fetchall())
json.dump(answers, sys.stdout)
"#;

#[tokio::test(flavor = "multi_thread")]
async fn the_published_use_cases_give_the_oracles_answers() {
    let Some(python) = python() else { return };
    let scene = Scene::new().await;
    let newer = scene.root.path().join("bill.csv");
    std::fs::write(&newer, NEWER).unwrap();
    scene.add(&newer).await;
    let client = scene.client().await;
    let file = scene.root.path().join("focus.parquet");
    let request =
        ExportRequest { to: file.clone(), format: Format::Parquet, focus_only: true, period: None };
    Box::pin(export(&scene.lake, &request)).await.unwrap();
    let mut found = HashMap::new();
    for column in [PROVIDER, SKU_PRICE, SUB_ACCOUNT] {
        let sql = format!("SELECT MIN({column}) FROM costs WHERE BillingAccountId <> 'contoso-1'");
        found.insert(column, one(&client, &sql).await);
    }
    let cases = use_cases();
    let queries: Vec<Value> = cases
        .iter()
        .map(|case| json!({ "sql": case.sql, "parameters": parameters(case, &found) }))
        .collect();
    let asked = json!({ "file": file, "newer": newer, "queries": queries });
    let answers = tokio::task::spawn_blocking(move || oracle(&python, &asked)).await.unwrap();
    assert_eq!(answers.len(), cases.len());
    let mut without_rows = Vec::new();
    for (case, theirs) in cases.iter().zip(answers) {
        let quotients: HashSet<usize> = theirs
            .iter()
            .flat_map(|row| row.iter().enumerate())
            .filter(|(_, cell)| cell.as_deref().is_some_and(|text| text.starts_with('~')))
            .map(|(column, _)| column)
            .collect();
        let mut theirs: Vec<Vec<String>> = theirs
            .into_iter()
            .map(|row| row.iter().map(|cell| plain(cell.as_deref().unwrap_or(""))).collect())
            .collect();
        let mut ours = ours(&client, case.sql, parameters(case, &found), &quotients).await;
        ours.sort();
        theirs.sort();
        assert_eq!(ours, theirs, "{} (mended: {:?})\n{}", case.page, case.mended, case.sql);
        if ours.is_empty() {
            without_rows.push(case.page);
        }
    }
    // It compares `ChargeClass`, which is empty unless a charge is a correction.
    assert_eq!(without_rows, ["compare_billed_and_effective_costs"]);
    let as_published: HashSet<&str> =
        cases.iter().filter(|case| case.mended.is_none()).map(|case| case.sql).collect();
    assert!(as_published.len() >= 25, "only {}", as_published.len());
}

fn parameters(case: &UseCase, found: &HashMap<&str, String>) -> Vec<String> {
    let value = |name: &&str| found.get(name).cloned().unwrap_or_else(|| (*name).to_owned());
    case.parameters.iter().map(value).collect()
}

/// The answer over the wire, as texts.
async fn ours(
    client: &Client,
    sql: &str,
    parameters: Vec<String>,
    quotients: &HashSet<usize>,
) -> Vec<Vec<String>> {
    let statement = client.prepare(sql).await.unwrap();
    let values: Vec<Box<dyn ToSql + Sync>> =
        statement.params().iter().zip(parameters).map(|(kind, text)| value(kind, text)).collect();
    let values: Vec<&(dyn ToSql + Sync)> = values.iter().map(|value| &**value).collect();
    let rows = client.query(&statement, &values).await.unwrap();
    let cell = |row: &Row, column: usize| {
        let text = row.get::<_, Cell>(column).0;
        let is_quotient = quotients.contains(&column) && !text.is_empty();
        if is_quotient { plain(&format!("~{}", rounded(&text))) } else { plain(&text) }
    };
    rows.iter().map(|row| (0..row.len()).map(|column| cell(row, column)).collect()).collect()
}

/// A decimal with nine places, half away from zero.
fn rounded(text: &str) -> String {
    let (sign, digits) = text.strip_prefix('-').map_or(("", text), |digits| ("-", digits));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let fraction: String = fraction.chars().chain("0000000000".chars()).take(10).collect();
    let units: i128 = format!("{whole}{fraction}").parse().unwrap();
    let units = (units + 5) / 10;
    format!("{sign}{}.{:09}", units / 1_000_000_000, units % 1_000_000_000)
}

fn value(kind: &Type, text: String) -> Box<dyn ToSql + Sync> {
    match *kind {
        Type::TIMESTAMPTZ => Box::new(text.parse::<DateTime<Utc>>().unwrap()),
        _ => Box::new(text),
    }
}

/// The same text for the same value: decimals without needless zeros, times without a zone, maps
/// in the order of their keys.
fn plain(text: &str) -> String {
    if text.starts_with('{') {
        let map: Value = serde_json::from_str(text).unwrap();
        return map.to_string();
    }
    if let Some(time) = text.strip_suffix("+00") {
        return time.to_owned();
    }
    let digits = text.trim_start_matches('~').trim_start_matches('-');
    let is_number = text.contains('.') && digits.chars().all(|c| c.is_ascii_digit() || c == '.');
    if is_number {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text.to_owned()
    }
}

/// The Python of the test environment that `cargo xtask test` sets up.
fn python() -> Option<PathBuf> {
    let path = std::env::var_os("BILLHOOK_TEST_PYTHON").map(PathBuf::from);
    let path = path.filter(|path| path.exists());
    if path.is_none() {
        eprintln!("SKIPPED: BILLHOOK_TEST_PYTHON is not set; run the tests by `cargo xtask test`");
    }
    path
}

fn oracle(python: &std::path::Path, asked: &Value) -> Vec<Vec<Vec<Option<String>>>> {
    let mut child = Command::new(python)
        .args(["-c", ORACLE])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(asked.to_string().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    serde_json::from_slice(&output.stdout).unwrap()
}
