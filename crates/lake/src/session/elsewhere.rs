//! Queries on threads of their own. A join or a sum may compute for a long time without a pause: on
//! the threads that answer people it would hold up everybody.

use datafusion::error::{DataFusionError, Result};
use datafusion::execution::SendableRecordBatchStream;
use datafusion::physical_plan::stream::RecordBatchReceiverStreamBuilder;
use futures::StreamExt;
use tokio::runtime::Handle;
use tokio::task::JoinSet;

use super::LakeSession;

/// Batches that are made before somebody takes them.
const AHEAD: usize = 2;

impl LakeSession {
    /// Has queries run on the threads of another runtime, which must outlive the session.
    #[must_use]
    pub fn on(mut self, threads: Handle) -> Self {
        self.threads = Some(threads);
        self
    }
}

/// A stream that is begun and made on those threads, or here when none are named. It is given up
/// when it is dropped.
///
/// # Errors
/// What `begin` says, and when those threads come to their end.
pub(super) async fn begun(
    threads: Option<&Handle>,
    begin: impl Future<Output = Result<SendableRecordBatchStream>> + Send + 'static,
) -> Result<SendableRecordBatchStream> {
    match threads {
        Some(threads) => Ok(pumped(threads, done(threads, begin).await?)),
        None => begin.await,
    }
}

/// What comes of work on other threads. It is given up when nobody waits any more.
///
/// # Errors
/// What the work says, and when those threads come to their end.
async fn done<T: Send + 'static>(
    threads: &Handle,
    work: impl Future<Output = Result<T>> + Send + 'static,
) -> Result<T> {
    let mut tasks = JoinSet::new();
    tasks.spawn_on(work, threads);
    match tasks.join_next().await {
        Some(Ok(done)) => done,
        Some(Err(error)) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        _ => Err(DataFusionError::Execution("the query was cut off".to_owned())),
    }
}

/// A stream that is made on other threads. It is given up when what is returned is dropped.
fn pumped(threads: &Handle, mut stream: SendableRecordBatchStream) -> SendableRecordBatchStream {
    let mut builder = RecordBatchReceiverStreamBuilder::new(stream.schema(), AHEAD);
    let taker = builder.tx();
    let pump = async move {
        while let Some(batch) = stream.next().await {
            if taker.send(batch).await.is_err() {
                break;
            }
        }
        Ok(())
    };
    builder.spawn_on(pump, threads);
    builder.build()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::Duration;

    use super::*;

    /// Another runtime, which ends without waiting.
    struct Other(Option<tokio::runtime::Runtime>);

    impl Other {
        fn start() -> Self {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build();
            Self(Some(runtime.unwrap()))
        }

        fn threads(&self) -> &Handle {
            self.0.as_ref().unwrap().handle()
        }
    }

    impl Drop for Other {
        fn drop(&mut self) {
            self.0.take().unwrap().shutdown_background();
        }
    }

    #[tokio::test]
    async fn work_is_done_elsewhere_and_given_up_when_nobody_waits() {
        let other = Other::start();
        let here = std::thread::current().id();
        let there = done(other.threads(), async { Ok(std::thread::current().id()) }).await;
        assert_ne!(there.unwrap(), here);
        let is_over = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&is_over);
        let work = async move {
            let _guard = scopeguard(told);
            std::future::pending::<Result<()>>().await
        };
        tokio::time::timeout(Duration::from_millis(50), done(other.threads(), work)).await.ok();
        while !is_over.load(Ordering::Relaxed) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Tells when it is dropped.
    fn scopeguard(told: Arc<AtomicBool>) -> impl Drop {
        struct Guard(Arc<AtomicBool>);
        impl Drop for Guard {
            fn drop(&mut self) {
                self.0.store(true, Ordering::Relaxed);
            }
        }
        Guard(told)
    }
}
