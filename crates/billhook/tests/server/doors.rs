//! SQL at its doors: the page, its download and the API. It reads the lake and nothing else, and
//! writes nothing. (The Postgres protocol has tests of its own, in the crate `wire`.)

use std::fs;

use serde_json::json;

use crate::bill::{self, TOTAL};
use crate::home::Home;
use crate::house::House;

/// What would write, change or leave something. `OUT` stands for a path outside of the lake.
const WRITES: [&str; 30] = [
    "COPY costs TO 'OUT/costs.csv'",
    "COPY (SELECT 1) TO 'OUT/one.parquet' STORED AS PARQUET",
    "COPY costs TO STDOUT",
    "EXPLAIN COPY costs TO 'OUT/plan.csv'",
    "EXPLAIN ANALYZE COPY costs TO 'OUT/plan.csv'",
    "CREATE EXTERNAL TABLE t STORED AS CSV LOCATION '/etc/passwd'",
    "CREATE EXTERNAL TABLE t (a INT) STORED AS CSV LOCATION 'OUT/t.csv'",
    "CREATE TABLE t AS SELECT * FROM costs",
    "CREATE TABLE t (a INT)",
    "CREATE VIEW v AS SELECT 1",
    "CREATE OR REPLACE VIEW costs AS SELECT 1",
    "CREATE SCHEMA s",
    "CREATE DATABASE d",
    "CREATE FUNCTION f(INT) RETURNS INT RETURN $1",
    "DROP TABLE costs",
    "DROP VIEW costs",
    "SELECT * INTO t FROM costs",
    "INSERT INTO costs SELECT * FROM costs",
    "INSERT INTO cost_and_usage SELECT * FROM cost_and_usage",
    "EXPLAIN ANALYZE INSERT INTO cost_and_usage SELECT * FROM cost_and_usage",
    "UPDATE costs SET BilledCost = 0",
    "DELETE FROM costs",
    "TRUNCATE TABLE costs",
    "ALTER TABLE costs RENAME TO other",
    "SET datafusion.execution.batch_size = 1",
    "SET datafusion.catalog.location = '/'",
    "RESET datafusion.execution.batch_size",
    "SELECT 1; DROP TABLE costs",
    "BEGIN",
    "PREPARE p AS SELECT 1",
];

/// What would read something else than the lake.
const ELSEWHERE: [&str; 10] = [
    "SELECT * FROM read_parquet('/etc/passwd')",
    "SELECT * FROM read_csv('/etc/passwd')",
    "SELECT * FROM parquet_scan('/etc/passwd')",
    "SELECT * FROM '/etc/passwd'",
    "SELECT * FROM \"/etc/passwd\"",
    "SELECT * FROM 'file:///etc/passwd'",
    "SELECT * FROM 'HOME/billhook.db'",
    "SELECT pg_read_file('/etc/passwd')",
    "SELECT * FROM parquet_metadata('HOME/lake')",
    "SELECT * FROM glob('/etc/*')",
];

#[test]
fn inv_read_sq_1_every_door_only_reads_the_lake() {
    let home = Home::new();
    bill::small(&home);
    fs::create_dir_all(home.path("out")).unwrap();
    let mut house = House::open(home);
    let (out, own) = (house.home.path("out"), house.home.path("home"));
    let before = (house.home.files("home/lake"), house.home.names("home"));
    let audit = house.admin.api("/api/v1/audit");
    for statement in WRITES.iter().chain(&ELSEWHERE) {
        let statement = statement.replace("OUT", out.to_str().unwrap());
        let statement = statement.replace("HOME", own.to_str().unwrap());
        let by_api = house.admin.call("POST", "/api/v1/sql", &json!({ "query": statement }));
        let by_page = house.admin.post("/sql", &[("q", statement.as_str())]);
        let by_file =
            house.admin.post("/sql/download", &[("q", statement.as_str()), ("format", "csv")]);
        let explained =
            house.admin.post("/sql", &[("q", statement.as_str()), ("action", "explain")]);
        for (door, answer) in
            [("API", by_api), ("page", by_page), ("download", by_file), ("plan", explained)]
        {
            let text = answer.text();
            assert_eq!(answer.status, 400, "{statement} at the {door}: {text}");
            assert!(!text.contains("root:"), "{statement} at the {door} reads: {text}");
        }
    }
    let after = (house.home.files("home/lake"), house.home.names("home"));
    assert_eq!(after.1, before.1, "files are left");
    assert!(after.0 == before.0, "the lake was changed");
    assert_eq!(fs::read_dir(&out).unwrap().count(), 0, "something was written");
    assert_eq!(house.admin.api("/api/v1/audit"), audit);
    let costs = house.viewer.api("/api/v1/costs?period=2026-09");
    assert_eq!(costs["total"], TOTAL);
    // Nothing of one question is left for the next one, of whomever.
    let settings = json!({ "query": "SELECT COUNT(*) AS n FROM costs" });
    let answer = house.viewer.call("POST", "/api/v1/sql", &settings);
    assert_eq!((answer.status, answer.text().trim()), (200, "{\"n\":3}"));
}

#[test]
fn sq_2_what_is_cut_says_so_and_a_download_is_whole() {
    let home = Home::new();
    bill::small(&home);
    let mut house = House::open(home);
    let query = "SELECT value FROM generate_series(1, 1001)";
    let page = house.viewer.post("/sql", &[("q", query), ("limit", "1000")]);
    let text = page.text();
    assert_eq!(page.status, 200, "{text}");
    assert!(text.contains("First 1,000 of 1,001"), "{text}");
    let file = house.viewer.post("/sql/download", &[("q", query), ("format", "csv")]);
    assert_eq!(file.text().lines().count(), 1_002, "{}", file.text());
    // A link shows the query and waits.
    let linked = house.viewer.page("/sql?q=SELECT+40%2B2+AS+answer");
    assert!(linked.contains("SELECT 40+2 AS answer") || linked.contains("SELECT 40&#43;2"));
    assert!(!linked.contains(">42<"), "{linked}");
}

#[test]
fn sq_4_queries_are_everybodys_to_see_and_their_owners_to_change() {
    let mut house = House::open(Home::new());
    let query = json!({ "name": "mine", "query": "SELECT 1" });
    let saved = house.admin.call("POST", "/api/v1/queries", &query);
    assert!(saved.status < 300, "{}", saved.text());
    let id = saved.json()["id"].as_str().unwrap().to_owned();
    assert!(house.viewer.page("/sql").contains("mine"));
    let path = format!("/api/v1/queries/{id}");
    let refused = house.viewer.call("DELETE", &path, &json!({}));
    assert_eq!(refused.status, 403, "{}", refused.text());
    let query = json!({ "name": "theirs", "query": "SELECT 2" });
    let theirs = house.viewer.call("POST", "/api/v1/queries", &query).json();
    let path = format!("/api/v1/queries/{}", theirs["id"].as_str().unwrap());
    assert!(house.admin.call("DELETE", &path, &json!({})).status < 300);
}

#[test]
fn a_query_has_an_end_and_so_has_its_memory() {
    let home = Home::new();
    bill::small(&home);
    let limits =
        [("BILLHOOK_LIMITS_STATEMENT_SECONDS", "2"), ("BILLHOOK_LIMITS_QUERY_MEMORY_MIB", "64")];
    let mut house = House::open_with(home, &[], &[], &limits);
    let endless = "SELECT COUNT(*) FROM generate_series(1, 100000) a, generate_series(1, 100000) b \
                   WHERE a.value % 7 = b.value % 11";
    let answer = house.viewer.post("/sql", &[("q", endless)]);
    assert!(matches!(answer.status, 400 | 504), "{} {}", answer.status, answer.text());
    let large = "SELECT a.value, COUNT(DISTINCT b.value || 'x') FROM generate_series(1, 2000) a, \
                 generate_series(1, 2000) b GROUP BY 1";
    let answer = house.viewer.call("POST", "/api/v1/sql", &json!({ "query": large }));
    assert!(answer.status >= 400 || answer.text().len() < 1_000_000, "{}", answer.status);
    assert_eq!(house.viewer.get("/connections").status, 200);
}
