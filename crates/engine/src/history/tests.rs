//! A month that AWS restates.

use std::path::Path;
use std::sync::Arc;

use billhook_aws::S3Options;
use billhook_lake::session::LakeSession;
use billhook_sources::text::inflate::Limits;
use billhook_testkit::calendar::{Date, Month};
use billhook_testkit::render::cur::{Compression, CurReport, Layout, write_delivery};
use billhook_testkit::synth::{Organisation, Scale};
use futures::TryStreamExt;

use super::{
    Between, Changed, ChangedBy, Step, days_in, difference_csv_in, difference_in, slices_in,
};
use crate::Home;
use crate::import::import;
use crate::ingest::{Options, Silent};

/// Writes a delivery of August over the one before, and imports it.
async fn deliver(root: &Path, revision: u32, home: &Home) {
    let first = Month::new(2026, 7);
    let organisation = Organisation::new(7, first, 2, Date::new(2026, 9, 20), Scale::Small);
    let (payer, month) = organisation.restated().unwrap();
    let report = CurReport {
        account: payer.id.to_owned(),
        bucket: "bucket".to_owned(),
        prefix: "bills".to_owned(),
        report_name: "hourly".to_owned(),
        layout: Layout::Overwrite,
        compression: Compression::Gzip,
        chunk_rows: 100_000,
        chunk_digits: 5,
        with_resources: true,
        with_net: payer.edp_percent.is_some(),
        tag_keys: payer.tag_keys.iter().map(|key| (*key).to_owned()).collect(),
        category_names: payer.category_names.iter().map(|name| (*name).to_owned()).collect(),
    };
    let folder = root.join("bills");
    let lines = organisation.ledger(payer, month, revision);
    let assembly = format!("2026090{revision}T031500Z");
    write_delivery(&folder, &report, month, &assembly, &lines).unwrap();
    let location = billhook_aws::open(folder.to_str().unwrap(), &S3Options::default()).unwrap();
    let options = Options {
        workers: 1,
        limits: Limits::default(),
        allow_quarantine: false,
        spool: home.spool(),
        now: 1_790_000_000_000_000 + i64::from(revision) * 3_600_000_000,
        stop: Arc::default(),
        progress: Arc::new(Silent),
        kinds: Vec::new(),
        period: None,
        newest_first: false,
        kept: None,
    };
    import(home, &location, None, &options, |_| {}).await.unwrap();
}

fn sum(step: &Step) -> i128 {
    step.billed.values().sum()
}

/// Σ of the differences of `BilledCost` in a CSV.
async fn told(session: &LakeSession, between: &Between) -> i128 {
    let csv = difference_csv_in(session, between, false).await.unwrap();
    let text: Vec<String> = csv.try_collect().await.unwrap();
    let text = text.concat();
    let mut lines = text.lines();
    let header = lines.next().unwrap();
    assert_eq!(header.rsplit(',').nth(6), Some("BilledCostDifference"));
    let difference = |line: &str| {
        let cell = line.rsplit(',').nth(6).unwrap();
        billhook_money::parse(cell.as_bytes()).unwrap().units
    };
    lines.map(difference).sum()
}

#[tokio::test]
async fn what_was_before_and_what_changed_make_what_is_now() {
    let root = tempfile::tempdir().unwrap();
    let home = Home::open(&root.path().join("home"), None, &S3Options::default()).unwrap();
    for revision in 1..=2 {
        deliver(root.path(), revision, &home).await;
    }
    let session = LakeSession::open(&home.lake, None).await.unwrap();
    let slices = slices_in(&session).await.unwrap();
    assert_eq!(slices.len(), 1);
    let slice = &slices[0];
    assert_eq!((slice.period.as_str(), slice.steps.len(), slice.counts), ("2026-08", 2, true));
    let (first, second) = (&slice.steps[0], &slice.steps[1]);
    assert_ne!(sum(first), sum(second));
    for (after, until, old, new) in [
        (None, first.recorded_at, 0, sum(first)),
        (Some(first.recorded_at), second.recorded_at, sum(first), sum(second)),
        (None, second.recorded_at, 0, sum(second)),
        (Some(second.recorded_at), second.recorded_at, sum(second), sum(second)),
    ] {
        let between = Between {
            connection: slice.connection.clone(),
            period: slice.period.clone(),
            after,
            until,
        };
        for by in ChangedBy::ALL {
            let changes = difference_in(&session, &between, by).await.unwrap();
            let sum: i128 = changes.iter().map(Changed::change).sum();
            assert_eq!(old + sum, new, "{by:?} {between:?}");
            assert_eq!(changes.is_empty(), old == new, "{by:?}");
        }
        assert_eq!(old + told(&session, &between).await, new, "{between:?}");
        let days = days_in(&session, &between).await.unwrap();
        assert_eq!(days.is_none(), old == new);
        assert!(days.is_none_or(|(first, last)| first <= last));
    }
}
