//! What clients ask the catalogue: written for this test after what such clients ask for.

use super::support::{Scene, one, rows};

/// Questions that have to be answered, whatever the answer.
const ASKED: [&str; 30] = [
    // Drivers.
    "SET extra_float_digits = 3",
    "SET application_name = 'PostgreSQL JDBC Driver'",
    "SHOW TRANSACTION ISOLATION LEVEL",
    "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL READ COMMITTED",
    "SELECT version()",
    "SELECT current_schema(), session_user",
    "SELECT current_database()",
    "SHOW search_path",
    "show timezone",
    "SHOW server_version",
    "SELECT t.oid, t.typname FROM pg_catalog.pg_type t WHERE t.typname = 'numeric'",
    // Grafana.
    "SELECT quote_ident(table_name) AS \"table\" FROM information_schema.tables \
     WHERE quote_ident(table_schema) NOT IN ('information_schema', 'pg_catalog') ORDER BY 1",
    "SELECT quote_ident(column_name) AS \"column\", data_type AS \"type\" \
     FROM information_schema.columns WHERE quote_ident(table_name) = 'costs'",
    // Metabase.
    "SELECT nspname AS \"TABLE_SCHEM\", current_database() AS \"TABLE_CATALOG\" \
     FROM pg_catalog.pg_namespace WHERE nspname <> 'pg_toast' AND (nspname !~ '^pg_temp_' \
     OR nspname = (pg_catalog.current_schemas(true))[1]) ORDER BY \"TABLE_SCHEM\"",
    "SELECT \"n\".\"nspname\" AS \"schema\", \"c\".\"relname\" AS \"name\", \
     CASE \"c\".\"relkind\" WHEN 'r' THEN 'TABLE' WHEN 'v' THEN 'VIEW' ELSE NULL END AS \"type\" \
     FROM \"pg_catalog\".\"pg_class\" AS \"c\" INNER JOIN \"pg_catalog\".\"pg_namespace\" AS \"n\" \
     ON \"c\".\"relnamespace\" = \"n\".\"oid\" WHERE \"n\".\"nspname\" !~ '^pg_' \
     AND \"n\".\"nspname\" <> 'information_schema' AND c.relkind IN ('r', 'v') ORDER BY 1, 2",
    "SELECT t.schemaname, t.tablename, pg_catalog.has_table_privilege(current_user, \
     '\"' || t.schemaname || '\".\"' || t.tablename || '\"', 'select') AS readable \
     FROM pg_catalog.pg_tables t WHERE t.schemaname !~ '^pg_'",
    // DBeaver.
    "SELECT db.oid, db.* FROM pg_catalog.pg_database db WHERE datname = 'billhook'",
    "SELECT n.oid, n.*, d.description FROM pg_catalog.pg_namespace n LEFT OUTER JOIN \
     pg_catalog.pg_description d ON d.objoid = n.oid AND d.objsubid = 0 \
     AND d.classoid = 'pg_namespace'::regclass ORDER BY nspname",
    "SELECT c.oid, c.*, d.description FROM pg_catalog.pg_class c LEFT OUTER JOIN \
     pg_catalog.pg_description d ON d.objoid = c.oid AND d.objsubid = 0 \
     AND d.classoid = 'pg_class'::regclass WHERE c.relkind NOT IN ('i', 'I', 'c')",
    "SELECT * FROM pg_catalog.pg_settings WHERE name = 'standard_conforming_strings'",
    "SELECT * FROM pg_catalog.pg_enum WHERE 1 <> 1 LIMIT 1",
    "SELECT reltype FROM pg_catalog.pg_class WHERE 1 <> 1 LIMIT 1",
    "SELECT t.oid, t.typname, format_type(nullif(t.typbasetype, 0), t.typtypmod) AS base \
     FROM pg_catalog.pg_type t WHERE t.typname IS NOT NULL",
    "SELECT rolname FROM pg_catalog.pg_roles",
    "SELECT extname FROM pg_catalog.pg_extension",
    "SELECT conname FROM pg_catalog.pg_constraint WHERE contype = 'p'",
    "SELECT indexrelid FROM pg_catalog.pg_index",
    // Pools.
    "DISCARD ALL",
    "UNLISTEN *",
    "RESET ALL",
];

#[tokio::test(flavor = "multi_thread")]
async fn what_clients_ask_is_answered() {
    let scene = Scene::new().await;
    let client = scene.client().await;
    let failed: Vec<String> = {
        let mut failed = Vec::new();
        for sql in ASKED {
            if let Err(error) = client.simple_query(sql).await {
                failed.push(format!("{sql}\n  {error:?}"));
            }
            if let Err(error) = client.query(sql, &[]).await {
                failed.push(format!("{sql} (extended)\n  {error:?}"));
            }
        }
        failed
    };
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_lake_is_in_the_catalogue() {
    let scene = Scene::new().await;
    let client = scene.client().await;
    assert_eq!(one(&client, "SELECT current_database()").await, "billhook");
    let sql = "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' \
               AND table_type = 'VIEW' ORDER BY 1";
    let views: Vec<String> = rows(&client, sql).await.into_iter().flatten().flatten().collect();
    assert_eq!(views, ["costs", "costs_daily", "focus_data_table"]);
    let sql = "SELECT a.attname, pg_catalog.format_type(a.atttypid, a.atttypmod) AS kind \
               FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_class c ON c.oid = a.attrelid \
               WHERE c.relname = 'costs' AND a.attname IN ('BilledCost', 'Tags') ORDER BY 1";
    let columns = rows(&client, sql).await;
    let named = |row: &[Option<String>]| row.iter().flatten().cloned().collect::<Vec<_>>();
    assert_eq!(columns.len(), 2);
    assert_eq!(named(&columns[0]), ["BilledCost", "numeric"]);
    assert_eq!(named(&columns[1]), ["Tags", "text"]);
    // The oid of a table is the same in every question of a client.
    let oid = "SELECT oid FROM pg_catalog.pg_class WHERE relname = 'costs'";
    assert_eq!(one(&client, oid).await, one(&client, oid).await);
}
