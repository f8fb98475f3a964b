//! The directory: what is replaced and what is left alone, and what the views make of it.

use super::*;
use crate::directory::{self, Account, Resource, VIEW_COLUMNS};
use crate::spec::{ACCOUNTS, RESOURCE_TAGS};

const ACCOUNT: &str = "444455556666";

fn account(name: &str, unit: &str) -> Account {
    Account {
        id: ACCOUNT.to_owned(),
        name: name.to_owned(),
        state: "ACTIVE".to_owned(),
        unit: unit.to_owned(),
        management_account: "111122223333".to_owned(),
        tags: [("team".to_owned(), "blue".to_owned())].into(),
        ..Account::default()
    }
}

fn other() -> Account {
    Account { id: "000000000001".to_owned(), name: "other".to_owned(), ..Account::default() }
}

async fn with_lines() -> Lake {
    let lake = memory();
    let slice = slice_of("a");
    let loaded = load(&lake, &slice, "r1", 3).await;
    slice::replace(&lake, &slice, loaded).await.unwrap();
    lake
}

async fn version(lake: &Lake, spec: &'static TableSpec) -> u64 {
    lake.table(spec).await.unwrap().version()
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_directory_the_views_have_its_columns() {
    let lake = with_lines().await;
    for view in ["costs", "costs_daily"] {
        let name = ask(&lake, &format!("SELECT DISTINCT x_AccountName FROM {view}")).await;
        assert_eq!(name, ACCOUNT);
        let sql = format!("SELECT x_OrganizationalUnit FROM {view} WHERE x_AccountTags IS NULL");
        assert_eq!(ask(&lake, &sql).await, "");
    }
    assert_eq!(ask(&lake, "SELECT COUNT(*) FROM costs WHERE x_ResourceTags IS NULL").await, "3");
    assert_eq!(ask(&lake, "SELECT COUNT(*) FROM accounts").await, "0");
    // Looking makes nothing.
    assert!(!lake.exists(&ACCOUNTS).await.unwrap());
    assert!(!lake.exists(&RESOURCE_TAGS).await.unwrap());
    let session = LakeSession::open(&lake, None).await.unwrap();
    let frame = session.frame("SELECT * FROM costs").await.unwrap();
    let fields = frame.schema().fields();
    let last: Vec<&str> = fields.iter().map(|field| field.name().as_str()).collect();
    assert_eq!(last[last.len() - VIEW_COLUMNS.len()..], VIEW_COLUMNS.map(|column| column.name));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_known_is_replaced_whole_and_only_when_it_differs() {
    let lake = memory();
    assert!(!directory::replace_accounts(&lake, "a", Vec::new(), 1).await.unwrap());
    assert!(!lake.exists(&ACCOUNTS).await.unwrap());
    let first = vec![account("shop", "Root/Web"), other()];
    assert!(directory::replace_accounts(&lake, "a", first.clone(), 1).await.unwrap());
    let before = version(&lake, &ACCOUNTS).await;
    let turned: Vec<Account> = first.iter().rev().cloned().collect();
    assert!(!directory::replace_accounts(&lake, "a", turned, 2).await.unwrap());
    assert_eq!(version(&lake, &ACCOUNTS).await, before);
    // Another connection's rows are its own.
    assert!(directory::replace_accounts(&lake, "b", first, 3).await.unwrap());
    assert_eq!(ask(&lake, "SELECT COUNT(*) FROM accounts").await, "4");
    let renamed = vec![account("store", "Root/Web")];
    assert!(directory::replace_accounts(&lake, "a", renamed, 4).await.unwrap());
    assert_eq!(ask(&lake, "SELECT COUNT(*) FROM accounts").await, "3");
    let sql = "SELECT \"Tags\"['team'] FROM accounts WHERE AccountName = 'store'";
    assert_eq!(ask(&lake, sql).await, "blue");
    assert!(directory::replace_accounts(&lake, "a", Vec::new(), 5).await.unwrap());
    assert!(!directory::replace_accounts(&lake, "a", Vec::new(), 6).await.unwrap());
    assert_eq!(ask(&lake, "SELECT MIN(x_Connection) FROM accounts").await, "b");
    assert_eq!(directory::looked_at(&lake, "a").await.unwrap(), None);
    directory::note_look(&lake, "a", 7).await.unwrap();
    assert_eq!(directory::looked_at(&lake, "a").await.unwrap(), Some(7));
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_are_looked_up_and_the_newest_record_counts() {
    let lake = with_lines().await;
    let then = chrono::Utc::now().timestamp_millis();
    // The log tells versions apart by the millisecond.
    tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    let old = vec![account("old", "Root")];
    directory::replace_accounts(&lake, "z", old, 1).await.unwrap();
    let new = vec![account("shop", "Root/Web"), other()];
    directory::replace_accounts(&lake, "a", new, 2).await.unwrap();
    for view in ["costs", "costs_daily"] {
        for (column, expected) in [
            ("x_AccountName", "shop"),
            ("x_OrganizationalUnit", "Root/Web"),
            ("x_AccountTags['team']", "blue"),
            ("account_name(SubAccountId)", "shop"),
            ("account_tags(SubAccountId)['team']", "blue"),
        ] {
            let sql = format!("SELECT DISTINCT {column} FROM {view}");
            assert_eq!(ask(&lake, &sql).await, expected, "{sql}");
        }
        let sql = format!("SELECT SUM(BilledCost) FROM {view} WHERE x_AccountName = 'shop'");
        assert_eq!(ask(&lake, &sql).await, "3.000000000000000000");
        let sql = format!("SELECT COUNT(*) FROM {view} WHERE x_OrganizationalUnit = 'Root'");
        assert_eq!(ask(&lake, &sql).await, "0");
    }
    let sql = "SELECT organizational_unit('444455556666')";
    assert_eq!(ask(&lake, sql).await, "Root/Web");
    let sql = "SELECT n FROM (SELECT x_AccountName AS n, * FROM costs) WHERE n = 'shop' LIMIT 1";
    assert_eq!(ask(&lake, sql).await, "shop");
    // What was not known then is not known of then.
    let session = LakeSession::open(&lake, Some(then)).await.unwrap();
    let answer = session.query("SELECT MIN(x_AccountName) FROM costs").await.unwrap();
    assert_eq!(first_text(&answer).as_deref(), Some(ACCOUNT));
}

#[tokio::test(flavor = "multi_thread")]
async fn resources_are_looked_up_by_arn_and_by_id() {
    let lake = memory();
    let resource = |arn: &str, id: &str, team: &str| Resource {
        arn: arn.to_owned(),
        id: id.to_owned(),
        region: "us-east-1".to_owned(),
        tags: [("team".to_owned(), team.to_owned())].into(),
    };
    let arn = "arn:aws:ec2:us-east-1:444455556666:instance/i-1";
    let known =
        vec![resource(arn, "i-1", "blue"), resource("arn:aws:s3:::bills", "bills", "green")];
    assert!(directory::replace_resources(&lake, "a", known.clone(), 1).await.unwrap());
    assert!(!directory::replace_resources(&lake, "a", known, 2).await.unwrap());
    for (id, team) in [(arn, "blue"), ("i-1", "blue"), ("bills", "green"), ("i-2", "")] {
        let sql = format!("SELECT resource_tags('{id}')['team']");
        assert_eq!(ask(&lake, &sql).await, team, "{id}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_ask_for_the_directory_gets_a_plain_scan() {
    let lake = with_lines().await;
    directory::replace_accounts(&lake, "a", vec![account("shop", "Root")], 1).await.unwrap();
    let session = LakeSession::open(&lake, None).await.unwrap();
    let sql = "SELECT SUM(BilledCost) FROM costs WHERE x_Connection = 'a'";
    let plan = session.frame(sql).await.unwrap().into_optimized_plan().unwrap();
    let plan = plan.display_indent().to_string();
    assert!(!plan.contains("x_AccountName") && !plan.contains("Join"), "{plan}");
    let scan = plan.lines().last().unwrap_or_default();
    assert!(scan.contains("TableScan") && scan.contains("Utf8(\"a\")"), "{plan}");
}
