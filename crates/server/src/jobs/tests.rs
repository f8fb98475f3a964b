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
    assert!(view.progress().starts_with("3 of 8 files"), "{}", view.progress());
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn questions_stand_beside_each_other_up_to_a_bound() {
    let jobs = Jobs::new(now);
    let new = || NewQuestion {
        subject: "Costs by ServiceName".to_owned(),
        who: "tom".to_owned(),
        asked_at: 500_000,
        href: Box::new(|id| format!("/sql?answer={id}")),
    };
    let ask = || {
        jobs.start_question(new(), |job| async move {
            job.reading(214, 480);
            job.stopped().await;
            Err(Undone::Stopped)
        })
    };
    let ids: Vec<JobId> = (0..QUESTIONS).map(|_| ask().unwrap()).collect();
    assert!(ask().is_none());
    let id = ids.first().unwrap();
    let view = loop {
        let view = jobs.get(id.as_str()).unwrap();
        if view.step.is_some() {
            break view;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    };
    assert!(view.progress().starts_with("Reading 214 of 480 files"), "{}", view.progress());
    assert_eq!(view.href, Some(format!("/sql?answer={id}")));
    assert_eq!(view.started_at.0, 500_000);
    jobs.cancel_all();
    for id in &ids {
        assert_eq!(over(&jobs, id).await.state, JobState::Stopped);
    }
    assert!(ask().is_some());
    jobs.cancel_all();
}
