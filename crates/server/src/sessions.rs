//! Open sessions over the lake, kept until the lake changes; and since when it cannot be read.
//!
//! A lake that cannot be read is not asked anew by every request: it is tried every ten seconds,
//! and until then everybody is told the same.

use std::sync::{Arc, Mutex as Lock, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use axum::http::StatusCode;
use billhook_engine::error::causes;
use billhook_lake::session::LakeSession;
use billhook_lake::summary::Summaries;
use billhook_lake::{Lake, LakeError, Stamp};
use tokio::runtime::Handle;
use tokio::sync::{Mutex, Notify};

use crate::fail::Fail;
use crate::format;

/// The lake is not looked at again before.
const FRESH: Duration = Duration::from_secs(1);

/// A lake that cannot be read is tried again after so long.
const AGAIN: Duration = Duration::from_secs(10);

/// A lake that says nothing for so long cannot be read.
const PATIENCE: Duration = Duration::from_secs(10);

/// Sessions of earlier states that are kept.
const KEPT: usize = 4;

/// Sessions over one lake. Opening one reads the logs of all tables, which takes longer than many
/// a query.
pub(crate) struct Sessions {
    lake: Lake,
    /// Where queries run.
    pub(crate) queries: Handle,
    pub(crate) summaries: Arc<Summaries>,
    /// The time, microseconds since 1970 UTC.
    now: fn() -> i64,
    newest: Mutex<Option<Newest>>,
    earlier: Mutex<Vec<(i64, Arc<LakeSession>)>>,
    outage: Lock<Option<Outage>>,
    /// An outage has begun.
    begun: Notify,
}

struct Newest {
    session: Arc<LakeSession>,
    stamp: Stamp,
    /// When somebody asked last; `None` when it has to be looked at again.
    looked_at: Option<Instant>,
}

/// The lake cannot be read.
#[derive(Debug, Clone, Copy)]
struct Outage {
    /// Since when, microseconds since 1970 UTC.
    since: i64,
    why: &'static str,
    /// How often it was tried.
    tries: u32,
}

/// Why there is no session.
enum Trouble {
    Lake(LakeError),
    /// It says nothing.
    Silent,
}

impl From<LakeError> for Trouble {
    fn from(error: LakeError) -> Self {
        Self::Lake(error)
    }
}

impl Sessions {
    pub(crate) fn new(
        lake: Lake,
        queries: Handle,
        summaries: Arc<Summaries>,
        now: fn() -> i64,
    ) -> Self {
        Self {
            lake,
            queries,
            summaries,
            now,
            newest: Mutex::default(),
            earlier: Mutex::default(),
            outage: Lock::default(),
            begun: Notify::new(),
        }
    }

    /// The lake as it is now (or was a second ago), or as it was at a time, milliseconds since 1970
    /// UTC.
    ///
    /// # Errors
    /// When the lake cannot be read.
    pub(crate) async fn open(&self, as_of: Option<i64>) -> Result<Arc<LakeSession>, Fail> {
        // To open an earlier state would make tables where there is no lake any more.
        let newest = self.newest().await?;
        let Some(millis) = as_of else { return Ok(newest) };
        let mut earlier = self.earlier.lock().await;
        if let Some((_, session)) = earlier.iter().find(|(at, _)| *at == millis) {
            return Ok(Arc::clone(session));
        }
        let session = self.opened(as_of).await?;
        if earlier.len() >= KEPT {
            earlier.remove(0);
        }
        earlier.push((millis, Arc::clone(&session)));
        Ok(session)
    }

    /// The lake as it is now, for nobody in particular: whoever asks next looks at it again.
    ///
    /// # Errors
    /// When the lake cannot be read.
    pub(crate) async fn peek(&self) -> Result<Arc<LakeSession>, Fail> {
        let session = self.newest().await?;
        if let Some(newest) = self.newest.lock().await.as_mut() {
            newest.looked_at = None;
        }
        Ok(session)
    }

    /// What is asked for next is opened anew: somebody has chosen whose rows count.
    pub(crate) async fn forget(&self) {
        *self.newest.lock().await = None;
        self.earlier.lock().await.clear();
    }

    /// Tries again and again while the lake cannot be read. Does not end.
    pub(crate) async fn retry(&self) {
        loop {
            self.begun.notified().await;
            while self.refused().is_some() {
                tokio::time::sleep(AGAIN).await;
                let mut newest = self.newest.lock().await;
                // What comes of it is told to whoever asks.
                self.refresh(&mut newest).await.ok();
            }
        }
    }

    async fn newest(&self) -> Result<Arc<LakeSession>, Fail> {
        let mut newest = self.newest.lock().await;
        // Whoever held the lock may have found out just now.
        if let Some(fail) = self.refused() {
            return Err(fail);
        }
        self.refresh(&mut newest).await
    }

    /// Looks at the lake, whether or not it could be read before.
    async fn refresh(&self, newest: &mut Option<Newest>) -> Result<Arc<LakeSession>, Fail> {
        match self.look(newest).await {
            Ok(session) => {
                if self.lock().take().is_some() {
                    tracing::info!("the lake can be read again");
                }
                Ok(session)
            }
            Err(trouble) => Err(self.failed(trouble)),
        }
    }

    async fn look(&self, newest: &mut Option<Newest>) -> Result<Arc<LakeSession>, Trouble> {
        if let Some(newest) = newest.as_mut() {
            if newest.looked_at.is_some_and(|at| at.elapsed() < FRESH) {
                return Ok(Arc::clone(&newest.session));
            }
            if self.stamp(Some(&newest.stamp)).await? == newest.stamp {
                newest.looked_at = Some(Instant::now());
                return Ok(Arc::clone(&newest.session));
            }
        }
        // Looked at before opening: what is committed in between is seen the next time.
        let stamp = self.stamp(None).await?;
        let session = self.opened(None).await?;
        let looked_at = Some(Instant::now());
        *newest = Some(Newest { session: Arc::clone(&session), stamp, looked_at });
        Ok(session)
    }

    async fn opened(&self, as_of: Option<i64>) -> Result<Arc<LakeSession>, LakeError> {
        let session = LakeSession::open(&self.lake, as_of).await?;
        Ok(Arc::new(session.on(self.queries.clone()).summed_by(&self.summaries)))
    }

    async fn stamp(&self, known: Option<&Stamp>) -> Result<Stamp, Trouble> {
        let asked = tokio::time::timeout(PATIENCE, self.lake.stamp(known)).await;
        Ok(asked.map_err(|_| Trouble::Silent)??)
    }

    fn lock(&self) -> MutexGuard<'_, Option<Outage>> {
        self.outage.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What everybody is told while the lake cannot be read.
    fn refused(&self) -> Option<Fail> {
        let outage = *self.lock();
        outage.map(|outage| self.told(outage))
    }

    /// Notes that the lake could not be read, if that is what is wrong.
    fn failed(&self, trouble: Trouble) -> Fail {
        let (why, detail) = match trouble {
            Trouble::Silent => ("no answer in time", String::new()),
            Trouble::Lake(error) => {
                let Some(why) = error.outage() else {
                    // It answers again.
                    self.lock().take();
                    return error.into();
                };
                (why, causes(&error))
            }
        };
        let (since, tries) = match *self.lock() {
            Some(outage) => (outage.since, outage.tries.saturating_add(1)),
            None => ((self.now)(), 1),
        };
        let outage = Outage { since, why, tries };
        *self.lock() = Some(outage);
        if tries == 1 {
            tracing::error!(lake = %self.lake.url, why, detail, "the lake cannot be read");
            self.begun.notify_one();
        }
        self.told(outage)
    }

    fn told(&self, outage: Outage) -> Fail {
        // Where a folder lies is nobody's concern but of who runs the server.
        let lake = match self.lake.url.scheme() {
            "file" => "the lake",
            _ => self.lake.url.as_str().trim_end_matches('/'),
        };
        let Outage { since, why, tries } = outage;
        let why = format!(
            "Billhook cannot read {lake} since {} ({why}). Retrying every {} s, try {tries}.",
            format::instant(since),
            AGAIN.as_secs()
        );
        let fix = "Look whether its folder or bucket is there and may be read. Connections and \
                   Settings work meanwhile; everything else does as soon as it can be read again.";
        Fail::unread(why, fix).linked("Connections", "/connections")
    }
}

impl Fail {
    /// The lake cannot be read.
    pub(crate) fn unread(why: impl Into<String>, fix: impl Into<String>) -> Self {
        let title = "The lake cannot be read";
        let fail = Self::new(StatusCode::SERVICE_UNAVAILABLE, title, why, fix);
        Self { retry_after: Some(AGAIN), ..fail }
    }
}
