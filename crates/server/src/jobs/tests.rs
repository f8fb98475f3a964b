//! Tests of jobs.

use std::sync::atomic::AtomicI64;

use serde_json::json;

use super::*;

static TIME: AtomicI64 = AtomicI64::new(1_000_000);

fn now() -> i64 {
    TIME.load(Ordering::SeqCst)
}

async fn over(jobs: &Jobs, id: &JobId) -> JobView {
    loop {
        let view = jobs.get(id.as_str()).unwrap();
        if view.is_over() {
            return view;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_tells_how_far_it_is_and_what_came_of_it() {
    let jobs = Jobs::new(now);
    let id = jobs.start("sync", "acme".to_owned(), "maria".to_owned(), |job| async move {
        job.progress("2026-10: loaded");
        job.total(3, Some(8), "files");
        job.stopped().await;
        Ok(json!({ "loaded": 1 }))
    });
    let same =
        jobs.start("sync", "acme".to_owned(), "tom".to_owned(), |_| async { Ok(Value::Null) });
    assert_eq!(same, id);
    let other = jobs
        .start_alone("check", "acme".to_owned(), "tom".to_owned(), |_| async { Ok(Value::Null) });
    assert_eq!(other, Err(id.clone()));
    let view = loop {
        let view = jobs.get(id.as_str()).unwrap();
        if view.step.is_some() {
            break view;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    };
    assert_eq!((view.state, view.who.as_str()), (JobState::Running, "maria"));
    assert!(view.progress().starts_with("3 files of 8 files"), "{}", view.progress());
    assert!(jobs.cancel(id.as_str()));
    let view = over(&jobs, &id).await;
    assert_eq!((view.state, view.answer), (JobState::Done, Some(json!({ "loaded": 1 }))));
    assert_eq!(view.lines[0].text, "2026-10: loaded");
    assert!(!jobs.cancel(id.as_str()) && jobs.at_work("acme").is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_fails_is_told_with_its_mend_and_what_was_stopped_is_no_failure() {
    let jobs = Jobs::new(now);
    let fails = jobs.start("sync", "a".to_owned(), "maria".to_owned(), |_| async {
        Err(EngineError::Damaged("a.csv.gz: cut off".to_owned()))
    });
    let stops = jobs.start("sync", "b".to_owned(), "maria".to_owned(), |_| async {
        Err(EngineError::Interrupted)
    });
    let view = over(&jobs, &fails).await;
    assert_eq!(view.state, JobState::Failed);
    assert_eq!(view.why.as_deref(), Some("a.csv.gz: cut off"));
    assert!(view.fix.is_some());
    assert_eq!(over(&jobs, &stops).await.state, JobState::Stopped);
}

#[test]
fn the_time_left_is_told_once_something_is_known() {
    assert_eq!(left(0, 10, 60_000_000), None);
    assert_eq!(left(5, 10, 1_000_000), None);
    assert_eq!(left(5, 10, 60_000_000), Some(60));
    assert_eq!(left(u64::MAX, u64::MAX, u64::MAX), Some(0));
}
