//! Tests of questions that take long.

use std::future::pending;
use std::path::Path;
use std::sync::atomic::AtomicUsize;

use axum::http::HeaderValue;
use billhook_aws::S3Options;
use billhook_engine::Home;
use billhook_lake::session::LakeSession;

use super::*;
use crate::kept::Kept;

async fn session(dir: &Path) -> Arc<LakeSession> {
    let home = Home::open(dir, None, &S3Options::default()).unwrap();
    Arc::new(LakeSession::open(&home.lake, None).await.unwrap())
}

fn question(text: &str) -> Question {
    Question { text: text.to_owned(), subject: "Costs".to_owned(), asked_at: 0 }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_ask_the_same_share_the_work_and_the_answer() {
    let home = tempfile::tempdir().unwrap();
    let session = session(home.path()).await;
    let kept = Kept::<u32>::default();
    let begun = Arc::new(AtomicUsize::new(0));
    let (open, gate) = watch::channel(false);
    let ask = |text: &str| {
        let (begun, mut gate) = (Arc::clone(&begun), gate.clone());
        kept.ask(&session, question(text), move |_| async move {
            begun.fetch_add(1, Ordering::SeqCst);
            gate.wait_for(|is_open| *is_open).await.unwrap();
            Ok(7)
        })
    };
    let (one, two, other) = (ask("a"), ask("a"), ask("b"));
    open.send(true).unwrap();
    assert_eq!((one.wait().await.unwrap(), two.wait().await.unwrap()), (7, 7));
    assert_eq!(other.wait().await.unwrap(), 7);
    assert_eq!(begun.load(Ordering::SeqCst), 2);
    assert!(matches!(ask("a"), Asked::Known(_)));
    let known = kept.ask(&session, question("a"), |_| async { Ok(8) }).wait().await;
    assert_eq!(known.unwrap(), 7);
    // Another state of the lake has answers of its own.
    let later = self::session(home.path()).await;
    let fresh = kept.ask(&later, question("a"), |_| async { Ok(8) }).wait().await;
    assert_eq!(fresh.unwrap(), 8);
}

/// Tells when it is dropped.
struct Dropped(Arc<AtomicBool>);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_work_ends_when_nobody_waits_or_it_is_stopped() {
    let home = tempfile::tempdir().unwrap();
    let session = session(home.path()).await;
    let kept = Kept::<u32>::default();
    for is_stopped in [false, true] {
        let is_over = Arc::new(AtomicBool::new(false));
        let dropped = Dropped(Arc::clone(&is_over));
        let asked = kept.ask(&session, question("endless"), move |_| async move {
            let _dropped = dropped;
            pending::<Result<u32, Fail>>().await
        });
        let Asked::UnderWay(work) = asked else { panic!("nobody has answered that") };
        if is_stopped {
            work.stop();
            let fail = work.outcome().await.unwrap_err();
            assert_eq!(fail.status, StatusCode::CONFLICT);
        } else {
            drop(work);
        }
        while !is_over.load(Ordering::SeqCst) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

#[test]
fn a_program_may_prefer_not_to_wait() {
    let usual = Duration::from_secs(3);
    let wait = |values: &[&'static str]| {
        let mut headers = HeaderMap::new();
        for value in values.iter().copied() {
            headers.append("prefer", HeaderValue::from_static(value));
        }
        preferred(&headers, usual)
    };
    assert_eq!(wait(&[]), None);
    assert_eq!(wait(&["wait=10"]), None);
    assert_eq!(wait(&["respond-async"]), Some(usual));
    assert_eq!(
        wait(&["return=minimal, Respond-Async; x=1, wait=10"]),
        Some(Duration::from_secs(10))
    );
    assert_eq!(wait(&["respond-async", "wait=\"0\""]), Some(Duration::ZERO));
    assert_eq!(wait(&["respond-async, wait=soon"]), Some(usual));
}
