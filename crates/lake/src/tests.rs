//! The lake as a whole (INV-ATOM, INV-IDEM, INV-HIST): commits that race, and commits that were
//! cut short.

mod directory;
mod limited;
mod reads;

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, Decimal128Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use billhook_focus::columns;
use billhook_money::ONE;
use object_store::memory::InMemory;
use tokio::runtime::Handle;
use url::Url;

use super::*;
use crate::daily::Daily;
use crate::ledger::Origin;
use crate::session::{LakeSession, first_text};
use crate::slice::{DeliveryRecord, Loaded, SliceId};
use crate::spec::{ALL, CHANGES_HOURLY, COST_AND_USAGE};

fn memory() -> Lake {
    Lake::new(Arc::new(InMemory::new()), Url::parse("memory:///lake/").unwrap())
}

/// Lines of one day and account, each of `amount` units.
fn lines(rows: usize, amount: i128) -> RecordBatch {
    let schema = columns::file_schema();
    let text = |value: &str| -> ArrayRef { Arc::new(StringArray::from(vec![value; rows])) };
    let arrays = schema.fields().iter().map(|field| match field.name().as_str() {
        "BilledCost" | "EffectiveCost" | "ListCost" | "ContractedCost" | "x_UnblendedCost" => {
            let amounts = Decimal128Array::from(vec![amount; rows]);
            Arc::new(amounts.with_data_type(field.data_type().clone())) as ArrayRef
        }
        "ChargePeriodStart" | "ChargePeriodEnd" | "BillingPeriodStart" | "BillingPeriodEnd" => {
            let times = TimestampMicrosecondArray::from(vec![1_790_000_000_000_000; rows]);
            Arc::new(times.with_timezone("UTC"))
        }
        "BillingAccountId" => text("111122223333"),
        "SubAccountId" => text("444455556666"),
        "BillingCurrency" => text("USD"),
        "ServiceName" => text("Service"),
        "ChargeCategory" => text("Usage"),
        _ => arrow::array::new_null_array(field.data_type(), rows),
    });
    let arrays = arrays.collect();
    RecordBatch::try_new(schema, arrays).unwrap()
}

async fn load(lake: &Lake, slice: &SliceId, revision: &str, rows: usize) -> Loaded {
    let (lake, slice, revision) = (lake.clone(), slice.clone(), revision.to_owned());
    let handle = Handle::current();
    let work = move || {
        let batch = lines(rows, ONE);
        let mut writer = slice::line_writer(&lake, &slice, &revision, handle);
        writer.write(&batch).unwrap();
        let mut daily = Daily::default();
        daily.add(&batch, true).unwrap();
        let record = DeliveryRecord {
            revision,
            kind: "cur".to_owned(),
            granularity: "hourly".to_owned(),
            billing_accounts: vec!["111122223333".to_owned()],
            line_items: rows as u64,
            ..DeliveryRecord::default()
        };
        Loaded { files: writer.finish(true).unwrap(), daily, record, ..Loaded::default() }
    };
    tokio::task::spawn_blocking(work).await.unwrap()
}

fn slice_of(connection: &str) -> SliceId {
    SliceId { connection: connection.to_owned(), period: "2026-09".to_owned() }
}

#[tokio::test]
async fn a_lake_that_is_gone_is_not_one_that_has_not_changed() {
    let root = tempfile::tempdir().unwrap();
    let (here, there) = (root.path().join("lake"), root.path().join("elsewhere"));
    std::fs::create_dir(&here).unwrap();
    let store = Arc::new(object_store::local::LocalFileSystem::new());
    let lake = Lake::new(store, Url::from_directory_path(&here).unwrap());
    let first = lake.stamp(None).await.unwrap();
    LakeSession::open(&lake, None).await.unwrap();
    assert_eq!(lake.stamp(Some(&first)).await.unwrap(), first);
    std::fs::rename(&here, &there).unwrap();
    let error = lake.stamp(Some(&first)).await.unwrap_err();
    assert!(matches!(error, LakeError::Gone { .. }), "{error}");
    assert!(!here.exists(), "nothing is made where a lake was");
    std::fs::rename(&there, &here).unwrap();
    assert_eq!(lake.stamp(Some(&first)).await.unwrap(), first);
}

async fn ask(lake: &Lake, sql: &str) -> String {
    let session = LakeSession::open(lake, None).await.unwrap();
    first_text(&session.query(sql).await.unwrap()).unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn inv_hist_the_ledger_adds_up_to_the_roll_up() {
    let lake = memory();
    let slice = slice_of("a");
    for (revision, rows) in [("r1", 10), ("r2", 7), ("r3", 12)] {
        let loaded = load(&lake, &slice, revision, rows).await;
        slice::replace(&lake, &slice, loaded).await.unwrap();
    }
    let ledger = ask(&lake, "SELECT SUM(BilledCostDifference) FROM changes").await;
    let daily = ask(&lake, "SELECT SUM(BilledCost) FROM cost_daily").await;
    let lines = ask(&lake, "SELECT SUM(BilledCost) FROM cost_and_usage").await;
    assert_eq!((ledger.as_str(), lines.as_str()), (daily.as_str(), daily.as_str()));
    assert_eq!(ask(&lake, "SELECT COUNT(*) FROM cost_and_usage").await, "12");
    assert_eq!(ask(&lake, "SELECT COUNT(*) FROM deliveries").await, "3");
    assert_eq!(ask(&lake, "SELECT COUNT(*) FROM changes").await, "3");
}

/// Whichever deliveries the hourly ledger tells, it adds up to the lines of the last of them.
#[tokio::test(flavor = "multi_thread")]
async fn inv_hist_the_hourly_ledger_adds_up_to_the_lines() {
    const TOTAL: &str = "SELECT SUM(BilledCostDifference) FROM changes_hourly";
    let lake = memory();
    let slice = slice_of("a");
    let told = [("r1", 10, false), ("r2", 7, true), ("r3", 9, false), ("r4", 12, true)];
    for (revision, rows, keeps_hours) in told {
        let loaded = load(&lake, &slice, revision, rows).await;
        slice::replace(&lake, &slice, Loaded { keeps_hours, ..loaded }).await.unwrap();
        assert_eq!(lake.exists(&CHANGES_HOURLY).await.unwrap(), revision != "r1");
        if keeps_hours {
            let lines = ask(&lake, "SELECT SUM(BilledCost) FROM cost_and_usage").await;
            assert_eq!(ask(&lake, TOTAL).await, lines, "{revision}");
        }
    }
    let entries = "SELECT COUNT(*) FROM changes_hourly \
                   WHERE ChargeHour = TIMESTAMP '2026-09-21T14:00:00Z'";
    assert_eq!(ask(&lake, entries).await, "2");
    let r4 = "SELECT BilledCostOld = 7 AND BilledCostNew = 12 FROM changes_hourly \
              WHERE x_Revision = 'r4'";
    assert_eq!(ask(&lake, r4).await, "true");
    // The same again changes no hour; another connection's hours are its own.
    let loaded = load(&lake, &slice, "r5", 12).await;
    slice::replace(&lake, &slice, Loaded { keeps_hours: true, ..loaded }).await.unwrap();
    assert_eq!(ask(&lake, "SELECT COUNT(*) FROM changes_hourly").await, "2");
    let other = slice_of("b");
    let loaded = load(&lake, &other, "r1", 3).await;
    slice::replace(&lake, &other, Loaded { keeps_hours: true, ..loaded }).await.unwrap();
    assert_eq!(ask(&lake, "SELECT COUNT(*) FROM changes_hourly").await, "3");
    // Days have no hours: those that were told are taken back.
    let mut loaded = load(&lake, &slice, "r6", 12).await;
    loaded.record.granularity = "daily".to_owned();
    slice::replace(&lake, &slice, Loaded { keeps_hours: true, ..loaded }).await.unwrap();
    let nothing = "SELECT SUM(BilledCostDifference) = 0 FROM changes_hourly \
                   WHERE x_Connection = 'a'";
    assert_eq!(ask(&lake, nothing).await, "true");
}

#[tokio::test(flavor = "multi_thread")]
async fn inv_idem_hours_that_stand_are_told_once() {
    let lake = memory();
    let slice = slice_of("a");
    let loaded = load(&lake, &slice, "r1", 10).await;
    slice::replace(&lake, &slice, loaded).await.unwrap();
    let origin = |revision: &str| Origin {
        connection: "a".to_owned(),
        period: slice.period.clone(),
        revision: revision.to_owned(),
        previous: None,
        recorded_at: 0,
    };
    for (revision, is_told) in [("r0", false), ("r1", true), ("r1", false)] {
        let told = slice::keep_hours(&lake, &origin(revision)).await.unwrap();
        assert_eq!(told, is_told, "{revision}");
    }
    let loaded = load(&lake, &slice, "r2", 4).await;
    slice::replace(&lake, &slice, Loaded { keeps_hours: true, ..loaded }).await.unwrap();
    assert!(!slice::keep_hours(&lake, &origin("r2")).await.unwrap());
    let both = "SELECT COUNT(*) = 2 AND SUM(BilledCostDifference) = 4 FROM changes_hourly";
    assert_eq!(ask(&lake, both).await, "true");
}

/// Writers of the same and of other slices at once, with housekeeping among them, and no lock:
/// whatever the order, every slice holds the rows of exactly one delivery.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn inv_atom_racing_writers_and_compaction_neither_lose_nor_double_rows() {
    let lake = memory();
    for spec in ALL {
        lake.table(spec).await.unwrap();
    }
    let mut tasks = Vec::new();
    for writer in 0..6_usize {
        let lake = lake.clone();
        tasks.push(tokio::spawn(async move {
            for round in 0..4_usize {
                let slice = slice_of(["shared", "other"][writer % 2]);
                let rows = 100 + writer * 10 + round;
                loop {
                    let revision = format!("w{writer}r{round}");
                    let loaded = load(&lake, &slice, &revision, rows).await;
                    match slice::replace(&lake, &slice, loaded).await {
                        Ok(_) => break,
                        // Overtaken by another writer of the slice: begin again.
                        Err(LakeError::Contended { .. }) => {}
                        Err(error) => panic!("{error:?}"),
                    }
                }
            }
        }));
    }
    let keeper = {
        let lake = lake.clone();
        tokio::spawn(async move {
            for _ in 0..5 {
                let long_ago = chrono::DateTime::from_timestamp(0, 0).unwrap();
                maintain::maintain(&lake, long_ago, long_ago).await.unwrap();
            }
        })
    };
    for task in tasks {
        task.await.unwrap();
    }
    keeper.await.unwrap();
    let table = lake.table(&COST_AND_USAGE).await.unwrap();
    let mut revisions: BTreeMap<String, Vec<(String, u64)>> = BTreeMap::new();
    for file in table.files().unwrap() {
        let revision = (file.partition_value("x_Revision").to_owned(), file.rows());
        revisions
            .entry(file.partition_value("x_Connection").to_owned())
            .or_default()
            .push(revision);
    }
    assert_eq!(revisions.len(), 2);
    for (connection, files) in revisions {
        let [(revision, rows)] = &files[..] else { panic!("{connection}: {files:?}") };
        let digits: Vec<u64> =
            revision.split(['w', 'r']).filter_map(|text| text.parse().ok()).collect();
        assert_eq!(*rows, 100 + digits[0] * 10 + digits[1], "{connection} {revision}");
    }
}

/// A process that dies between the decisive commit and the others leaves a note; the next one
/// finishes from it, once.
#[tokio::test(flavor = "multi_thread")]
async fn inv_idem_what_was_cut_short_is_finished_once() {
    let lake = memory();
    let slice = slice_of("a");
    let loaded = load(&lake, &slice, "r1", 5).await;
    slice::replace(&lake, &slice, Loaded { keeps_hours: true, ..loaded }).await.unwrap();
    let loaded = load(&lake, &slice, "r2", 8).await;
    slice::replace_half(&lake, &slice, Loaded { keeps_hours: true, ..loaded }).await.unwrap();
    assert_eq!(ask(&lake, "SELECT COUNT(*) FROM changes_hourly").await, "1");
    assert_eq!(ask(&lake, "SELECT SUM(x_LineItems) FROM cost_daily").await, "5");
    assert_eq!(slice::recover(&lake).await.unwrap(), 1);
    assert_eq!(slice::recover(&lake).await.unwrap(), 0);
    assert_eq!(ask(&lake, "SELECT SUM(x_LineItems) FROM cost_daily").await, "8");
    assert_eq!(ask(&lake, "SELECT COUNT(*) FROM deliveries").await, "2");
    assert_eq!(ask(&lake, "SELECT COUNT(*) FROM changes").await, "2");
    assert_eq!(ask(&lake, "SELECT COUNT(*) FROM changes_hourly").await, "2");
}
