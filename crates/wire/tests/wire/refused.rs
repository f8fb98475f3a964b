//! Whatever would write, or read something else than the lake.

use super::support::{Scene, code, one};

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_written_and_nothing_else_is_read() {
    let scene = Scene::new().await;
    let client = scene.client().await;
    let before = one(&client, "SELECT COUNT(*) FROM cost_and_usage").await;
    let file = scene.root.path().join("out.csv");
    let secret = scene.root.path().join("secret.csv");
    std::fs::write(&secret, "a\n1\n").unwrap();
    let (file, secret) = (file.display(), secret.display());
    let statements = [
        format!("COPY (SELECT 1) TO '{file}'"),
        format!("COPY costs TO '{file}' STORED AS CSV"),
        format!("COPY (SELECT 1) TO '{file}' (FORMAT csv)"),
        "COPY (SELECT 1) TO PROGRAM 'id'".to_owned(),
        format!("CREATE EXTERNAL TABLE t STORED AS CSV LOCATION '{secret}'"),
        format!("CREATE EXTERNAL TABLE t (a int) STORED AS CSV LOCATION '{secret}'"),
        "CREATE TABLE t AS SELECT 1 AS a".to_owned(),
        "CREATE VIEW v AS SELECT 1 AS a".to_owned(),
        "CREATE SCHEMA s".to_owned(),
        "CREATE DATABASE d".to_owned(),
        "CREATE FUNCTION f() RETURNS INT LANGUAGE SQL RETURN 1".to_owned(),
        "SELECT BilledCost INTO t FROM costs".to_owned(),
        "INSERT INTO costs (BilledCost) VALUES (1)".to_owned(),
        "INSERT INTO cost_and_usage SELECT * FROM cost_and_usage".to_owned(),
        "UPDATE cost_and_usage SET BilledCost = 0".to_owned(),
        "DELETE FROM cost_and_usage".to_owned(),
        "TRUNCATE cost_and_usage".to_owned(),
        "DROP TABLE cost_and_usage".to_owned(),
        "DROP VIEW costs".to_owned(),
        "ALTER TABLE cost_and_usage ADD COLUMN a INT".to_owned(),
        "SET datafusion.execution.target_partitions = 1".to_owned(),
        "SET datafusion.catalog.location = '/'".to_owned(),
        "RESET datafusion.execution.target_partitions".to_owned(),
        "EXPLAIN ANALYZE DELETE FROM cost_and_usage".to_owned(),
        "PREPARE p AS DELETE FROM cost_and_usage".to_owned(),
        "WITH gone AS (DELETE FROM cost_and_usage RETURNING *) SELECT * FROM gone".to_owned(),
        "DO $$ BEGIN END $$".to_owned(),
        "CALL p()".to_owned(),
        "VACUUM".to_owned(),
        "BEGIN READ WRITE".to_owned(),
        "SET default_transaction_read_only = off".to_owned(),
        "LOAD 'library'".to_owned(),
        "LISTEN channel".to_owned(),
        format!("SELECT * FROM read_csv('{secret}')"),
        format!("SELECT * FROM read_parquet('{secret}')"),
        format!("SELECT * FROM parquet_metadata('{secret}')"),
        format!("SELECT * FROM '{secret}'"),
        format!("SELECT * FROM \"{secret}\""),
        format!("SELECT * FROM pg_read_file('{secret}')"),
        format!("SELECT pg_read_file('{secret}')"),
        format!("SELECT lo_import('{secret}')"),
    ];
    for sql in &statements {
        let simple = client.simple_query(sql).await;
        assert!(simple.is_err(), "{sql} was not refused");
        let refused = simple.err().unwrap();
        let code = code(&refused);
        let known = ["25006", "42501", "42P01", "42883", "42601", "42704", "0A000", "42000"];
        assert!(known.contains(&code.as_str()), "{sql}: {refused:?}");
        assert!(client.query(sql.as_str(), &[]).await.is_err(), "{sql} with parameters");
    }
    assert!(!scene.root.path().join("out.csv").exists());
    assert_eq!(one(&client, "SELECT COUNT(*) FROM cost_and_usage").await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_names_the_rule_and_the_way() {
    let scene = Scene::new().await;
    let client = scene.client().await;
    for (sql, expected) in [
        ("COPY (SELECT 1) TO '/tmp/x'", "42501"),
        ("CREATE TABLE t (a int)", "25006"),
        ("SELECT 1 AS a INTO t", "25006"),
        ("SET datafusion.execution.batch_size = 1", "42501"),
        ("SELECT * FROM read_parquet('x')", "42501"),
    ] {
        let error = client.simple_query(sql).await.unwrap_err();
        assert_eq!(code(&error), expected, "{sql}: {error:?}");
        assert!(error.as_db_error().unwrap().hint().is_some(), "{sql}");
    }
}
