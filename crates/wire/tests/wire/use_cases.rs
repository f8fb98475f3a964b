//! The published use cases give the answers that another database computes from an export.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use billhook_engine::export::{ExportRequest, Format, export};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use tokio_postgres::types::{ToSql, Type};

use super::published::{SKU_PRICE, SUB_ACCOUNT, USE_CASES, UseCase};
use super::support::{Cell, Scene, one};

/// Answers of `DuckDB` over the file, as texts.
const ORACLE: &str = r#"
import duckdb, json, sys
asked = json.load(sys.stdin)
db = duckdb.connect()
try:
    db.execute("SET TimeZone = 'UTC'")
except duckdb.Error:
    pass
db.execute(f"CREATE VIEW focus_data_table AS SELECT * FROM read_parquet('{asked['file']}')")
answers = []
for query in asked["queries"]:
    sql = query["sql"]
    for number in range(len(query["parameters"]), 0, -1):
        sql = sql.replace(f"${number}", "'" + query["parameters"][number - 1] + "'")
    found = db.execute(sql)
    names = [f"c{n}" for n in range(len(found.description))]
    listed = ", ".join(names)
    texts = ", ".join(f"CAST({name} AS VARCHAR)" for name in names)
    answers.append(db.execute(f"SELECT {texts} FROM ({sql}) AS t({listed})").fetchall())
json.dump(answers, sys.stdout)
"#;

#[tokio::test(flavor = "multi_thread")]
async fn the_published_use_cases_give_the_oracles_answers() {
    let Some(python) = python() else { return };
    let scene = Scene::new().await;
    let client = scene.client().await;
    let file = scene.root.path().join("focus.parquet");
    let request =
        ExportRequest { to: file.clone(), format: Format::Parquet, focus_only: true, period: None };
    Box::pin(export(&scene.lake, &request)).await.unwrap();
    let found = |column: &str| format!("SELECT MIN({column}) FROM costs");
    let sub_account = one(&client, &found(SUB_ACCOUNT)).await;
    let sku_price = one(&client, &found(SKU_PRICE)).await;
    let parameters = |case: &UseCase| -> Vec<String> {
        let value = |name: &&str| match *name {
            SUB_ACCOUNT => sub_account.clone(),
            SKU_PRICE => sku_price.clone(),
            value => value.to_owned(),
        };
        case.parameters.iter().map(value).collect()
    };
    let queries: Vec<Value> = USE_CASES
        .iter()
        .map(|case| json!({ "sql": case.sql, "parameters": parameters(case) }))
        .collect();
    let asked = json!({ "file": file, "queries": queries });
    let answers = tokio::task::spawn_blocking(move || oracle(&python, &asked)).await.unwrap();
    assert_eq!(answers.len(), USE_CASES.len());
    let mut with_rows = 0;
    for (case, answer) in USE_CASES.iter().zip(answers) {
        let statement = client.prepare(case.sql).await.unwrap();
        let values: Vec<Box<dyn ToSql + Sync>> = statement
            .params()
            .iter()
            .zip(parameters(case))
            .map(|(kind, text)| value(kind, text))
            .collect();
        let values: Vec<&(dyn ToSql + Sync)> = values.iter().map(|value| &**value).collect();
        let rows = client.query(&statement, &values).await.unwrap();
        let mut ours: Vec<Vec<String>> = rows
            .iter()
            .map(|row| (0..row.len()).map(|i| plain(&row.get::<_, Cell>(i).0)).collect())
            .collect();
        let mut theirs: Vec<Vec<String>> = answer
            .into_iter()
            .map(|row| row.iter().map(|cell| plain(cell.as_deref().unwrap_or(""))).collect())
            .collect();
        ours.sort();
        theirs.sort();
        with_rows += usize::from(!ours.is_empty());
        assert_eq!(ours, theirs, "{} (mended: {:?})\n{}", case.page, case.mended, case.sql);
    }
    assert!(with_rows > USE_CASES.len() / 2, "only {with_rows} of them found something");
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
    let is_number = text.contains('.')
        && text.trim_start_matches('-').chars().all(|c| c.is_ascii_digit() || c == '.');
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
