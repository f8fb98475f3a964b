//! Queries that somebody typed: read-only, without files, with bounds on their memory.

use datafusion::error::DataFusionError;
use futures::StreamExt;

use super::{load, memory, slice_of};
use crate::session::LakeSession;
use crate::{Lake, LakeError, slice};

/// Enough for everything here.
const PLENTY: usize = 64 * 1024 * 1024;

async fn lake() -> Lake {
    let lake = memory();
    let slice = slice_of("a");
    let loaded = load(&lake, &slice, "r1", 10).await;
    slice::replace(&lake, &slice, loaded).await.unwrap();
    lake
}

async fn count(session: &LakeSession, sql: &str, bytes: usize) -> Result<usize, LakeError> {
    let plan = session.plan(sql).await?;
    let mut stream = session.stream(&plan, bytes).await?;
    let mut rows = 0;
    while let Some(batch) = stream.next().await {
        rows += batch?.num_rows();
    }
    Ok(rows)
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_reads_the_lake_is_planned() {
    let session = LakeSession::open(&lake().await, None).await.unwrap();
    for sql in [
        "COPY (SELECT 1) TO '/tmp/billhook-out.csv'",
        "COPY costs TO '/tmp/billhook-out.parquet' STORED AS PARQUET",
        "CREATE EXTERNAL TABLE t STORED AS CSV LOCATION '/etc/passwd'",
        "CREATE TABLE t AS SELECT 1",
        "CREATE VIEW v AS SELECT 1",
        "CREATE SCHEMA s",
        "DROP TABLE costs",
        "INSERT INTO costs SELECT * FROM costs",
        "UPDATE costs SET BilledCost = 0",
        "DELETE FROM costs",
        "SELECT * INTO t FROM costs",
        "SET datafusion.execution.target_partitions = 1",
        "SET TIME ZONE = '+02:00'",
        "BEGIN",
        "PREPARE p AS SELECT 1",
        "EXPLAIN CREATE TABLE t AS SELECT 1",
        "EXPLAIN ANALYZE INSERT INTO costs SELECT * FROM costs",
        "SELECT * FROM '/etc/passwd'",
        "SELECT * FROM \"file:///etc/passwd\"",
        "SELECT * FROM read_parquet('/tmp/x.parquet')",
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT 1; SELECT 2",
    ] {
        assert!(session.plan(sql).await.is_err(), "{sql}");
    }
    assert_eq!(count(&session, "SELECT * FROM costs", PLENTY).await.unwrap(), 10);
    assert!(count(&session, "EXPLAIN SELECT * FROM costs", PLENTY).await.unwrap() > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_gets_no_more_memory_than_it_may_have() {
    let session = LakeSession::open(&lake().await, None).await.unwrap();
    let sql = "SELECT a.value, count(*) FROM generate_series(1, 200000) AS a \
               GROUP BY a.value ORDER BY 2, 1";
    let error = count(&session, sql, 64 * 1024).await.unwrap_err();
    let LakeError::Query(error) = error else { panic!("{error}") };
    assert!(matches!(error.find_root(), DataFusionError::ResourcesExhausted(_)), "{error}");
    assert_eq!(count(&session, sql, PLENTY).await.unwrap(), 200_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mistake_has_a_place() {
    let session = LakeSession::open(&lake().await, None).await.unwrap();
    let error = session.plan("SELECT\n  billed_cost FROM costs").await.unwrap_err();
    let LakeError::Query(error) = error else { panic!("{error}") };
    let span = error.diagnostic().and_then(|diagnostic| diagnostic.span).unwrap();
    assert_eq!((span.start.line, span.start.column), (2, 3));
}
