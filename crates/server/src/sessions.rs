//! Open sessions over the lake, kept until the lake changes.

use std::sync::Arc;
use std::time::{Duration, Instant};

use billhook_lake::session::LakeSession;
use billhook_lake::{Lake, LakeError, Stamp};
use tokio::sync::Mutex;

/// The lake is not looked at again before.
const FRESH: Duration = Duration::from_secs(1);

/// Sessions of earlier states that are kept.
const KEPT: usize = 4;

/// Sessions over one lake. Opening one reads the logs of all tables, which takes longer than many
/// a query.
pub(crate) struct Sessions {
    lake: Lake,
    newest: Mutex<Option<Newest>>,
    earlier: Mutex<Vec<(i64, Arc<LakeSession>)>>,
}

struct Newest {
    session: Arc<LakeSession>,
    stamp: Stamp,
    looked_at: Instant,
}

impl Sessions {
    pub(crate) fn new(lake: Lake) -> Self {
        Self { lake, newest: Mutex::default(), earlier: Mutex::default() }
    }

    /// The lake as it is now (or was a second ago), or as it was at a time, milliseconds since 1970
    /// UTC.
    ///
    /// # Errors
    /// When the lake cannot be read.
    pub(crate) async fn open(&self, as_of: Option<i64>) -> Result<Arc<LakeSession>, LakeError> {
        let Some(millis) = as_of else { return self.newest().await };
        let mut earlier = self.earlier.lock().await;
        if let Some((_, session)) = earlier.iter().find(|(at, _)| *at == millis) {
            return Ok(Arc::clone(session));
        }
        let session = Arc::new(LakeSession::open(&self.lake, as_of).await?);
        if earlier.len() >= KEPT {
            earlier.remove(0);
        }
        earlier.push((millis, Arc::clone(&session)));
        Ok(session)
    }

    /// What is asked for next is opened anew: somebody has chosen whose rows count.
    pub(crate) async fn forget(&self) {
        *self.newest.lock().await = None;
        self.earlier.lock().await.clear();
    }

    async fn newest(&self) -> Result<Arc<LakeSession>, LakeError> {
        let mut newest = self.newest.lock().await;
        if let Some(newest) = newest.as_mut() {
            if newest.looked_at.elapsed() < FRESH {
                return Ok(Arc::clone(&newest.session));
            }
            if self.lake.stamp(Some(&newest.stamp)).await? == newest.stamp {
                newest.looked_at = Instant::now();
                return Ok(Arc::clone(&newest.session));
            }
        }
        // Looked at before opening: what is committed in between is seen the next time.
        let stamp = self.lake.stamp(None).await?;
        let session = Arc::new(LakeSession::open(&self.lake, None).await?);
        let looked_at = Instant::now();
        *newest = Some(Newest { session: Arc::clone(&session), stamp, looked_at });
        Ok(session)
    }
}
