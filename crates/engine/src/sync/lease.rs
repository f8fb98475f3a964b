//! Keeping a lease while there is work to do.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use billhook_registry::{Lease, LeaseOutcome, Registry, RegistryError};
use tokio::task::JoinHandle;

use super::holder::is_dead;
use crate::EngineError;

/// Who holds a connection loses it when nothing is heard for so long.
pub(crate) const TTL: Duration = Duration::from_mins(10);

/// It is held for another [`TTL`] every third of it, microseconds.
const RENEWED_AFTER: i64 = 200_000_000;

/// How soon the work hears that it must stop.
const TICK: Duration = Duration::from_millis(200);

/// Holds a lease until it is dropped.
#[derive(Debug)]
pub(crate) struct Keeper {
    /// Set when the work must stop: the user wants it, or somebody else has the lease.
    pub(crate) stop: Arc<AtomicBool>,
    registry: Arc<Registry>,
    lease: Lease,
    task: JoinHandle<()>,
}

impl Keeper {
    /// Holds `lease` in the background. `wish` is what the user stops everything with.
    pub(crate) fn start(
        registry: &Arc<Registry>,
        lease: Lease,
        wish: &Arc<AtomicBool>,
        now: fn() -> i64,
    ) -> Self {
        let stop = Arc::new(AtomicBool::new(wish.load(Ordering::Relaxed)));
        let registry = Arc::clone(registry);
        let hold =
            Hold { registry: Arc::clone(&registry), lease: lease.clone(), renewed_at: now(), now };
        let task = tokio::spawn(hold.on(Arc::clone(wish), Arc::clone(&stop)));
        Self { stop, registry, lease, task }
    }

    /// Gives the lease back. One that was lost is somebody else's, and stays theirs.
    pub(crate) fn end(self) -> Result<(), EngineError> {
        self.task.abort();
        self.registry.release(&self.lease)?;
        Ok(())
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Takes a lease as `me`, also from a process of this machine that was killed: `end` ends the lease
/// of whoever holds it, and says whether it was still theirs.
pub(crate) fn take(
    me: &str,
    take: impl Fn() -> Result<LeaseOutcome, RegistryError>,
    end: impl Fn(&str) -> Result<bool, RegistryError>,
) -> Result<LeaseOutcome, EngineError> {
    let outcome = take()?;
    if let LeaseOutcome::Held { holder, .. } = &outcome
        && is_dead(holder, me)
        && end(holder)?
    {
        return Ok(take()?);
    }
    Ok(outcome)
}

/// What the background needs to renew a lease.
struct Hold {
    registry: Arc<Registry>,
    lease: Lease,
    renewed_at: i64,
    now: fn() -> i64,
}

impl Hold {
    /// Renews the lease, for ever or until it is lost.
    async fn on(mut self, wish: Arc<AtomicBool>, stop: Arc<AtomicBool>) {
        loop {
            tokio::time::sleep(TICK).await;
            if wish.load(Ordering::Relaxed) {
                stop.store(true, Ordering::Relaxed);
            }
            let time = (self.now)();
            if time.saturating_sub(self.renewed_at) < RENEWED_AFTER {
                continue;
            }
            let (own, held) = (Arc::clone(&self.registry), self.lease.clone());
            let renewed = tokio::task::spawn_blocking(move || own.renew(&held, time, TTL)).await;
            match renewed {
                Ok(Ok(Some(renewed))) => (self.renewed_at, self.lease) = (time, renewed),
                // The database is busy, or fails: the next tick tries again as long as the lease
                // lasts.
                Ok(Err(_)) | Err(_) if time < self.lease.until => {}
                _ => break,
            }
        }
        stop.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicI64;

    use super::*;

    /// The time of these tests, which goes as they say.
    static TIME: AtomicI64 = AtomicI64::new(0);

    fn now() -> i64 {
        TIME.load(Ordering::SeqCst)
    }

    fn take(registry: &Registry, name: &str) -> Lease {
        match registry.try_lease(name, "me/1/00", now(), TTL).unwrap() {
            LeaseOutcome::Taken(lease) => lease,
            LeaseOutcome::Held { holder, .. } => panic!("{name} is held by {holder}"),
        }
    }

    async fn wait_until(is_so: impl Fn() -> bool) {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_lease_is_renewed_and_whoever_loses_it_stops() {
        let home = tempfile::tempdir().unwrap();
        let registry = Arc::new(Registry::open(home.path()).unwrap());
        let wish = Arc::new(AtomicBool::new(false));
        let lease = take(&registry, "one");
        let first = lease.until;
        let keeper = Keeper::start(&registry, lease, &wish, now);
        let held_until = || match registry.try_lease("one", "you/2/00", now(), TTL).unwrap() {
            LeaseOutcome::Held { until, .. } => until,
            LeaseOutcome::Taken(_) => 0,
        };
        // A third of the time later it is held for longer than it would have been.
        wait_until(|| held_until() == first).await;
        TIME.store(RENEWED_AFTER, Ordering::SeqCst);
        wait_until(|| held_until() == first + RENEWED_AFTER).await;
        assert!(!keeper.stop.load(Ordering::Relaxed));
        // When it has ended all the same, somebody else takes it.
        let late = first + RENEWED_AFTER;
        let taken = registry.try_lease("one", "you/2/00", late, TTL).unwrap();
        assert!(matches!(taken, LeaseOutcome::Taken(_)), "{taken:?}");
        TIME.store(late, Ordering::SeqCst);
        wait_until(|| keeper.stop.load(Ordering::Relaxed)).await;
        assert!(!wish.load(Ordering::Relaxed));
        // It is not theirs to give back.
        keeper.end().unwrap();
        assert_eq!(held_until(), late + first);
        // What the user wishes is heard, too.
        let keeper = Keeper::start(&registry, take(&registry, "two"), &wish, now);
        wish.store(true, Ordering::Relaxed);
        wait_until(|| keeper.stop.load(Ordering::Relaxed)).await;
        keeper.end().unwrap();
    }
}
