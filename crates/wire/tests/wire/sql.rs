//! Queries: types, parameters, cursors, COPY, limits.

use std::time::Duration;

use chrono::{DateTime, Utc};
use futures::TryStreamExt;
use tokio_postgres::NoTls;
use tokio_postgres::types::Type;

use super::support::{Cell, Scene, code, config, one, rows};

#[tokio::test(flavor = "multi_thread")]
async fn names_work_with_and_without_quotes_and_in_any_case() {
    let scene = Scene::new().await;
    let client = scene.client().await;
    let quoted = one(&client, r#"SELECT SUM("BilledCost") FROM "costs""#).await;
    assert_eq!(one(&client, "select sum(BilledCost) from costs").await, quoted);
    assert_eq!(one(&client, "select sum(billedcost) from COSTS").await, quoted);
    assert_eq!(one(&client, "select sum(c.billedcost) from public.costs c").await, quoted);
    assert_eq!(one(&client, "select sum(BilledCost) from billhook.public.costs").await, quoted);
    assert_eq!(one(&client, "select sum(BilledCost) from focus_data_table").await, quoted);
    assert_eq!(one(&client, "select sum(BilledCost) from costs_daily").await, quoted);
    let error = client.simple_query("SELECT sum(\"billedcost\") FROM costs").await.unwrap_err();
    assert_eq!(code(&error), "42703");
    let hint = error.as_db_error().and_then(|error| error.hint()).unwrap_or_default().to_owned();
    assert!(hint.contains("BilledCost"), "{hint}");
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_have_codes_and_places() {
    let scene = Scene::new().await;
    let client = scene.client().await;
    for (sql, expected) in [
        ("SELECT nothing FROM costs", "42703"),
        ("SELECT 1 FROM nothing", "42P01"),
        ("SELECT 1 FROM", "42601"),
        ("selec 1", "42601"),
        ("SELECT nofunction(1)", "42883"),
        ("SELECT CAST('x' AS INT)", "22P02"),
        ("SET nonsense = 1", "42704"),
        ("EXECUTE nothing", "26000"),
        ("FETCH 1 FROM nothing", "34000"),
    ] {
        let error = client.simple_query(sql).await.unwrap_err();
        assert_eq!(code(&error), expected, "{sql}: {error:?}");
    }
    let error = client.simple_query("SELECT 1 +\n  ) FROM costs").await.unwrap_err();
    let place = error.as_db_error().and_then(|error| error.position());
    assert!(place.is_some(), "{error:?}");
    // The connection is as before.
    assert_eq!(one(&client, "SELECT 1").await, "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn decimals_keep_every_digit_at_any_width() {
    let scene = Scene::new().await;
    let client = scene.client().await;
    let wide = "12345678901234567890.123456789012345678";
    let sql = format!("SELECT CAST('{wide}' AS DECIMAL(38,18)) AS a");
    assert_eq!(one(&client, &sql).await, wide);
    let row = client.query_one(sql.as_str(), &[]).await.unwrap();
    assert_eq!(row.columns()[0].type_(), &Type::NUMERIC);
    assert_eq!(row.get::<_, Cell>(0).0, wide);
    let wider = "123456789012345678901234567890123456789012345678901234567890.0000000001";
    let sql = format!("SELECT CAST('{wider}' AS DECIMAL(76,10)) AS a");
    assert_eq!(one(&client, &sql).await, wider);
    assert_eq!(client.query_one(sql.as_str(), &[]).await.unwrap().get::<_, Cell>(0).0, wider);
    let list = "SELECT array_agg(BilledCost) FROM (SELECT BilledCost FROM costs LIMIT 2)";
    assert!(one(&client, list).await.starts_with('['));
}

#[tokio::test(flavor = "multi_thread")]
async fn types_are_told_as_they_are_sent() {
    let scene = Scene::new().await;
    let client = scene.client().await;
    // The first branch is an integer.
    let sql = "SELECT SUM(CASE WHEN BilledCost < 0 THEN 0 ELSE BilledCost END) AS billed, \
               SUM(BilledCost) / SUM(ListCost) AS rate FROM costs";
    let statement = client.prepare(sql).await.unwrap();
    let told: Vec<&Type> = statement.columns().iter().map(tokio_postgres::Column::type_).collect();
    assert_eq!(told, [&Type::NUMERIC, &Type::NUMERIC]);
    let row = client.query_one(&statement, &[]).await.unwrap();
    let sent: Vec<String> = (0..2).map(|column| row.get::<_, Cell>(column).0).collect();
    let texts = rows(&client, sql).await.remove(0);
    assert_eq!(sent, texts.into_iter().flatten().collect::<Vec<_>>());
    assert!(sent[1].starts_with("0.") || sent[1].starts_with("1."), "{sent:?}");
    let nothing = "SELECT SUM(BilledCost) / SUM(BilledCost - BilledCost) FROM costs";
    assert_eq!(code(&client.simple_query(nothing).await.unwrap_err()), "22012");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_may_end_with_a_comma() {
    let scene = Scene::new().await;
    let client = scene.client().await;
    let all = one(&client, "SELECT COUNT(*) FROM costs").await;
    assert_eq!(one(&client, "SELECT COUNT(*), FROM costs").await, all);
    let row = client.query_one("SELECT COUNT(*), FROM costs", &[]).await.unwrap();
    assert_eq!(row.get::<_, i64>(0).to_string(), all);
    let error = client.simple_query("SELECT 1,, 2 FROM costs").await.unwrap_err();
    assert_eq!(code(&error), "42601");
}

#[tokio::test(flavor = "multi_thread")]
async fn maps_are_json_and_times_are_utc() {
    let scene = Scene::new().await;
    let client = scene.client().await;
    let tags = rows(&client, "SELECT Tags FROM costs WHERE Tags IS NOT NULL LIMIT 1").await;
    let tags: serde_json::Value = serde_json::from_str(tags[0][0].as_deref().unwrap()).unwrap();
    assert!(tags.is_object());
    let sql = "SELECT ChargePeriodStart FROM costs ORDER BY 1 LIMIT 1";
    let row = client.query_one(sql, &[]).await.unwrap();
    let start: DateTime<Utc> = row.get(0);
    assert_eq!(start.to_rfc3339(), "2026-08-01T00:00:00+00:00");
    assert!(one(&client, sql).await.starts_with("2026-08-01 00:00:00"));
}

#[tokio::test(flavor = "multi_thread")]
async fn parameters_are_bound_whatever_their_type() {
    let scene = Scene::new().await;
    let client = scene.client().await;
    let all = one(&client, "SELECT COUNT(*) FROM costs").await;
    let start: DateTime<Utc> = "2026-08-01T00:00:00Z".parse().unwrap();
    let sql = "SELECT COUNT(*) FROM costs WHERE ChargePeriodStart >= $1 AND BillingCurrency = $2";
    let statement = client.prepare(sql).await.unwrap();
    assert_eq!(statement.params(), &[Type::TIMESTAMPTZ, Type::TEXT]);
    let row = client.query_one(&statement, &[&start, &"USD"]).await.unwrap();
    assert_eq!(row.get::<_, i64>(0).to_string(), all);
    // A text where a time is wanted is read as one.
    let statement = client.prepare_typed(sql, &[Type::TEXT, Type::TEXT]).await.unwrap();
    let row = client.query_one(&statement, &[&"2026-08-01", &"USD"]).await.unwrap();
    assert_eq!(row.get::<_, i64>(0).to_string(), all);
    let wrong = client.query_one(&statement, &[&"never", &"USD"]).await.unwrap_err();
    assert_eq!(code(&wrong), "22P02");
    let row = client.query_one("SELECT $1::bigint + 1 AS n", &[&41_i64]).await.unwrap();
    assert_eq!(row.get::<_, i64>(0), 42);
}

#[tokio::test(flavor = "multi_thread")]
async fn prepared_statements_and_cursors_of_sql() {
    let scene = Scene::new().await;
    let client = scene.client().await;
    client
        .simple_query("PREPARE p (text) AS SELECT COUNT(*) FROM costs WHERE BillingCurrency = $1")
        .await
        .unwrap();
    let all = one(&client, "SELECT COUNT(*) FROM costs").await;
    assert_eq!(one(&client, "EXECUTE p('USD')").await, all);
    client.simple_query("DEALLOCATE p").await.unwrap();
    let setup = "BEGIN; DECLARE c CURSOR FOR SELECT BilledCost FROM costs";
    client.simple_query(setup).await.unwrap();
    assert_eq!(rows(&client, "FETCH 3 FROM c").await.len(), 3);
    assert_eq!(rows(&client, "FETCH 2 FROM c").await.len(), 2);
    let rest = rows(&client, "FETCH ALL FROM c").await.len();
    assert_eq!((rest + 5).to_string(), all);
    assert!(rows(&client, "FETCH 1 FROM c").await.is_empty());
    client.simple_query("COMMIT").await.unwrap();
    let gone = client.simple_query("FETCH 1 FROM c").await.unwrap_err();
    assert_eq!(code(&gone), "34000");
}

#[tokio::test(flavor = "multi_thread")]
async fn portals_give_rows_in_parts() {
    let scene = Scene::new().await;
    let mut client = scene.client().await;
    let all = one(&client, "SELECT COUNT(*) FROM costs").await;
    let transaction = client.transaction().await.unwrap();
    let portal = transaction.bind("SELECT BilledCost FROM costs", &[]).await.unwrap();
    let mut sent = 0;
    loop {
        let part = transaction.query_portal(&portal, 500).await.unwrap();
        sent += part.len();
        if part.is_empty() {
            break;
        }
    }
    transaction.commit().await.unwrap();
    assert_eq!(sent.to_string(), all);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_transaction_hears_only_its_end() {
    let scene = Scene::new().await;
    let client = scene.client().await;
    client.simple_query("BEGIN").await.unwrap();
    assert_eq!(code(&client.simple_query("SELECT nothing FROM costs").await.unwrap_err()), "42703");
    assert_eq!(code(&client.simple_query("SELECT 1").await.unwrap_err()), "25P02");
    client.simple_query("ROLLBACK").await.unwrap();
    assert_eq!(one(&client, "SELECT 1").await, "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn copy_gives_lines() {
    let scene = Scene::new().await;
    let client = scene.client().await;
    let sql = "COPY (SELECT 1 AS a, 'x,\"y\"' AS b, NULL AS c) TO STDOUT WITH (FORMAT csv, HEADER)";
    let lines = client.copy_out(sql).await.unwrap();
    let lines: Vec<_> = lines.try_collect().await.unwrap();
    assert_eq!(lines.concat(), b"a,b,c\n1,\"x,\"\"y\"\"\",\n");
    let lines = client.copy_out("COPY (SELECT 'a\tb' AS a) TO STDOUT").await.unwrap();
    let lines: Vec<_> = lines.try_collect().await.unwrap();
    assert_eq!(lines.concat(), b"a\\tb\n");
}

/// Queries that take far longer than any test.
const ENDLESS: &str =
    "SELECT COUNT(*) FROM generate_series(1, 1000000000000) AS t(n) WHERE n % 7 = 3";
const ROWS_WITHOUT_END: &str = "SELECT n FROM generate_series(1, 1000000000000) AS t(n)";

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_has_a_deadline() {
    let mut limits = config();
    limits.statement_timeout = Duration::from_secs(2);
    let scene = Scene::with(limits, None).await;
    let client = scene.client().await;
    assert_eq!(code(&client.simple_query(ENDLESS).await.unwrap_err()), "57014");
    client.simple_query("SET statement_timeout = '300ms'").await.unwrap();
    assert_eq!(code(&client.simple_query(ENDLESS).await.unwrap_err()), "57014");
    // Rows that come one by one have it, too.
    assert_eq!(code(&client.query(ROWS_WITHOUT_END, &[]).await.unwrap_err()), "57014");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_has_so_much_memory_and_no_disk() {
    let mut limits = config();
    limits.memory_per_query = 1 << 20;
    let scene = Scene::with(limits, None).await;
    let client = scene.client().await;
    let sql = "SELECT * FROM costs ORDER BY ChargeDescription, ResourceId, BilledCost";
    assert_eq!(code(&client.simple_query(sql).await.unwrap_err()), "53200");
    assert_eq!(one(&client, "SELECT 1").await, "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_ends_when_its_client_cancels_it() {
    let scene = Scene::new().await;
    let client = scene.client().await;
    let token = client.cancel_token();
    let canceller = tokio::spawn(async move {
        loop {
            tokio::time::sleep(Duration::from_millis(100)).await;
            if token.cancel_query(NoTls).await.is_err() {
                break;
            }
        }
    });
    assert_eq!(code(&client.simple_query(ENDLESS).await.unwrap_err()), "57014");
    canceller.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn there_are_so_many_clients_at_once() {
    let mut limits = config();
    limits.clients = 2;
    let scene = Scene::with(limits, None).await;
    let first = scene.client().await;
    let _second = scene.client().await;
    let third = super::support::connect(&scene.config("x", None)).await;
    assert_eq!(code(&third.err().unwrap()), "53300");
    drop(first);
    // Its place is free once the server has seen it go.
    let mut client = super::support::connect(&scene.config("x", None)).await;
    while client.is_err() {
        tokio::time::sleep(Duration::from_millis(50)).await;
        client = super::support::connect(&scene.config("x", None)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_stops_when_nobody_runs_anything() {
    let scene = Scene::new().await;
    let client = scene.client().await;
    assert_eq!(one(&client, "SELECT 1").await, "1");
    scene.stop().await;
    assert!(client.simple_query("SELECT 1").await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_client_sets_is_its_own() {
    let scene = Scene::new().await;
    let (one_client, other) = (scene.client().await, scene.client().await);
    one_client.simple_query("SET application_name = 'mine'").await.unwrap();
    assert_eq!(one(&one_client, "SHOW application_name").await, "mine");
    assert_eq!(one(&other, "SHOW application_name").await, "");
    one_client.simple_query("DISCARD ALL").await.unwrap();
    assert_eq!(one(&one_client, "SHOW application_name").await, "");
    assert_eq!(one(&other, "SHOW timezone").await, "UTC");
    assert!(rows(&other, "SHOW ALL").await.len() > 20);
}
