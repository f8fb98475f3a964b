//! A gate that stands for AWS in tests: it knows callers by their signatures, evaluates policies
//! with their conditions, and answers as AWS does. An emulator behind it does what it lets through.
//!
//! [`World`] says what exists and what is allowed; [`Cloud`] serves it and lets tests change it and
//! read what was asked. The gate itself answers for STS, `cur`, `bcm-data-exports`, bucket policies
//! and locations, and, given a ledger, Cost Explorer; for all else the emulator (`moto_server`
//! without authentication of its own) must hold the content. Start reading at `cloud/gate.rs`.
//!
//! Nothing reads a clock or chance: the time is that at which a request is signed, and credentials
//! are hashes. Partitions other than `aws`, pre-signed URLs, and S3's virtual hosts are not known.

mod call;
mod caller;
mod cur;
mod data_exports;
mod fault;
mod gate;
pub(crate) mod http;
mod json;
pub mod policy;
mod s3;
pub(crate) mod signature;
mod sts;
mod time;
mod upstream;
mod world;

use std::collections::BTreeSet;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

pub use data_exports::Export;
pub use world::{AccessKey, Bucket, CostAnswers, CostExplorerState, Entry, Role, User, World};

use call::Call;
use gate::Passage;
use http::{Request, Response};
use upstream::Upstream;

/// After which silence a connection is given up.
const SILENCE: Duration = Duration::from_secs(30);

/// A running gate. It stops when dropped.
pub struct Cloud {
    address: SocketAddr,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    world: Mutex<World>,
    upstream: Upstream,
    stopped: AtomicBool,
}

impl Cloud {
    /// Serves `world` on a free port of this machine, with the emulator at `upstream`, such as
    /// `http://127.0.0.1:5000`, behind it.
    ///
    /// # Errors
    /// What the network reports, and an `upstream` that is no such address.
    pub fn start(upstream: &str, world: World) -> io::Result<Self> {
        let upstream = Upstream::at(upstream)?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let (world, stopped) = (Mutex::new(world), AtomicBool::new(false));
        let shared = Arc::new(Shared { world, upstream, stopped });
        let own = Arc::clone(&shared);
        let serve = move || serve(&listener, &own);
        let thread = thread::Builder::new().name("cloud".to_owned()).spawn(serve)?;
        Ok(Self { address, shared, thread: Some(thread) })
    }

    /// `http://127.0.0.1:port`, for all services.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Looks at the world, or changes it, between two requests.
    pub fn world<T>(&self, visit: impl FnOnce(&mut World) -> T) -> T {
        visit(&mut self.shared.lock())
    }

    /// What has been asked, in order.
    #[must_use]
    pub fn log(&self) -> Vec<Entry> {
        self.shared.lock().log.clone()
    }

    /// Tells what has been asked, and forgets it.
    #[must_use]
    pub fn take_log(&self) -> Vec<Entry> {
        std::mem::take(&mut self.shared.lock().log)
    }

    /// The actions that were let through.
    #[must_use]
    pub fn actions(&self) -> BTreeSet<String> {
        let world = self.shared.lock();
        let allowed = world.log.iter().filter(|entry| entry.allowed);
        allowed.map(|entry| entry.action.clone()).collect()
    }

    /// How often `action` was asked for, let through or not.
    #[must_use]
    pub fn count(&self, action: &str) -> usize {
        self.shared.lock().log.iter().filter(|entry| entry.action == action).count()
    }
}

impl Drop for Cloud {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::SeqCst);
        // A connection wakes the thread; if none can be made, it has ended.
        if TcpStream::connect(self.address).is_ok()
            && let Some(thread) = self.thread.take()
        {
            // A panic of the thread has been reported on its own.
            thread.join().unwrap_or_default();
        }
    }
}

impl Shared {
    /// A panic elsewhere does not make the world wrong.
    fn lock(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The answer to a request. While the emulator works, others may ask.
    fn respond(&self, request: &Request) -> Response {
        let call = Call::of(request);
        let passage = {
            let mut world = self.lock();
            let passage = gate::pass(&mut world, request, &call);
            passage.map_err(|fault| fault.response(call.protocol, world.log.len()))
        };
        match passage {
            Err(refusal) => refusal,
            Ok(Passage::Answer(response)) => response,
            Ok(Passage::Costs(answers)) => {
                gate::costs(answers.as_ref(), &call.operation, &call.body)
            }
            Ok(Passage::Forward(after)) => match self.upstream.forward(request) {
                Ok(response) => s3::finish(&mut self.lock(), after, request, response),
                Err(error) => {
                    let text = format!("the emulator does not answer: {error}");
                    Response::new(502, "text/plain", text)
                }
            },
        }
    }
}

/// Takes connections until stopped, each in a thread of its own.
fn serve(listener: &TcpListener, shared: &Arc<Shared>) {
    for stream in listener.incoming() {
        if shared.stopped.load(Ordering::SeqCst) {
            return;
        }
        let Ok(stream) = stream else { continue };
        let shared = Arc::clone(shared);
        // A client that goes away or talks nonsense is not the gate's concern.
        thread::spawn(move || converse(stream, &shared).unwrap_or_default());
    }
}

/// Reads a request and answers it.
fn converse(mut stream: TcpStream, shared: &Shared) -> io::Result<()> {
    stream.set_read_timeout(Some(SILENCE))?;
    let Some(request) = Request::read(&mut stream)? else { return Ok(()) };
    shared.respond(&request).write(&mut stream, &request.method)
}

#[cfg(test)]
mod tests;
