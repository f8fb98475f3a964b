//! The listener: so many clients at once, each in a task of its own, and a graceful end.

use std::sync::Arc;
use std::time::Duration;

use pgwire::api::ClientInfo;
use pgwire::messages::PgWireFrontendMessage;
use pgwire::messages::startup::Startup;
use pgwire::tokio::server::negotiate_tls;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use crate::cancel::Cancels;
use crate::client::Client;
use crate::fault::{Fault, fatal};
use crate::protocol::{SMALL, Socket, next, tell};
use crate::session::{Reader, Session};
use crate::sign_in::SignIn;
use crate::tls::{self, Ready};
use crate::{Wire, WireError};

/// By then a client must have signed in.
const START_UP: Duration = Duration::from_secs(10);

/// How long running queries have when the server stops.
const GRACE: Duration = Duration::from_secs(10);

/// Connections beyond the clients: those that sign in, and those that only cancel.
const BESIDE: usize = 64;

/// What clients share.
pub(crate) struct Host {
    /// Lake, registry, limits.
    pub(crate) wire: Arc<Wire>,
    /// Reads SQL.
    pub(crate) reader: Reader,
    /// Who there is, to cancel.
    pub(crate) cancels: Arc<Cancels>,
    /// Changes to true when the server stops.
    pub(crate) stop: watch::Receiver<bool>,
    tls: Option<Ready>,
    places: Arc<Semaphore>,
}

/// Serves clients until `stop`; then takes no new ones, gives running queries ten seconds, and
/// cuts what is left.
///
/// # Errors
/// When TLS cannot be set up, sign-in is required and there are no users, or the listener fails
/// for good.
pub async fn serve(
    wire: Arc<Wire>,
    listener: TcpListener,
    stop: impl Future<Output = ()> + Send,
) -> Result<(), WireError> {
    if wire.config.requires_sign_in && wire.registry.is_none() {
        return Err(WireError::NoRegistry);
    }
    let (stopping, stopped) = watch::channel(false);
    let host = Arc::new(Host {
        tls: wire.config.tls.as_ref().map(tls::ready).transpose()?,
        places: Arc::new(Semaphore::new(wire.config.clients)),
        wire,
        reader: Reader::new(),
        cancels: Arc::default(),
        stop: stopped,
    });
    let mut clients = JoinSet::new();
    let accepted = accept(&host, &listener, &mut clients);
    let failed = tokio::select! {
        error = accepted => Some(error),
        () = stop => None,
    };
    drop(listener);
    stopping.send_replace(true);
    let rest = async { while clients.join_next().await.is_some() {} };
    // Dropping the set cuts those that are still there.
    tokio::time::timeout(GRACE, rest).await.ok();
    failed.map_or(Ok(()), |source| Err(WireError::Listener { source }))
}

/// Takes connections until the listener fails for good.
async fn accept(
    host: &Arc<Host>,
    listener: &TcpListener,
    clients: &mut JoinSet<()>,
) -> std::io::Error {
    let most = host.wire.config.clients.saturating_add(BESIDE).min(Semaphore::MAX_PERMITS);
    let doors = Arc::new(Semaphore::new(most));
    loop {
        let door = Arc::clone(&doors).acquire_owned().await;
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) if is_passing(&error) => {
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
            Err(error) => return error,
        };
        let host = Arc::clone(host);
        clients.spawn(async move {
            // A connection that breaks ends here; whoever was there knows.
            drop(Box::pin(connection(&host, stream)).await);
            drop(door);
        });
        while clients.try_join_next().is_some() {}
    }
}

/// Will the listener take the next connection?
fn is_passing(error: &std::io::Error) -> bool {
    use std::io::ErrorKind;
    // Too many open files, in the words of Linux and macOS.
    let is_full = matches!(error.raw_os_error(), Some(23 | 24));
    is_full
        || matches!(
            error.kind(),
            ErrorKind::ConnectionAborted
                | ErrorKind::ConnectionReset
                | ErrorKind::Interrupted
                | ErrorKind::OutOfMemory
        )
}

/// A connection, from its first byte to its last.
async fn connection(host: &Arc<Host>, stream: TcpStream) -> std::io::Result<()> {
    let begun = tokio::time::timeout(START_UP, Box::pin(begin(host, stream))).await;
    // Who is too slow is cut without a word.
    let Ok(begun) = begun else { return Ok(()) };
    match begun? {
        Some(client) => Box::pin(client.run()).await,
        None => Ok(()),
    }
}

/// TLS, the first message, the sign-in.
async fn begin(host: &Arc<Host>, stream: TcpStream) -> std::io::Result<Option<Client>> {
    let acceptor = host.tls.as_ref().map(|tls| tls.acceptor.clone());
    let Some(mut socket) = negotiate_tls::<()>(stream, acceptor).await? else { return Ok(None) };
    // Bytes from before TLS are those of somebody in between.
    if socket.is_secure() && !socket.read_buffer().is_empty() {
        return Ok(None);
    }
    let startup = match next(&mut socket, SMALL).await {
        Some(Ok(PgWireFrontendMessage::CancelRequest(request))) => {
            host.cancels.cancel(&request);
            return Ok(None);
        }
        Some(Ok(PgWireFrontendMessage::Startup(startup))) => startup,
        Some(Err(fault)) => {
            tell(&mut socket, fault).await?;
            return Ok(None);
        }
        Some(Ok(_)) | None => return Ok(None),
    };
    match entered(host, &mut socket, startup).await {
        Ok((session, entered, place)) => {
            Ok(Some(Client::new(Arc::clone(host), socket, session, entered, place)))
        }
        Err(fault) => {
            tell(&mut socket, fault).await?;
            Ok(None)
        }
    }
}

/// Finds a place for a client and lets it sign in.
async fn entered(
    host: &Arc<Host>,
    socket: &mut Socket,
    startup: Startup,
) -> Result<(Session, crate::cancel::Entered, tokio::sync::OwnedSemaphorePermit), Fault> {
    let config = &host.wire.config;
    if config.tls.is_some() && config.requires_sign_in && !socket.is_secure() {
        return Err(fatal("28000", "this server takes connections with TLS only: sslmode=require"));
    }
    if *host.stop.borrow() {
        return Err(fatal("57P03", "the server is shutting down"));
    }
    let place = Arc::clone(&host.places).try_acquire_owned().map_err(|_| {
        fatal("53300", format!("sorry, too many clients already: {} at once", config.clients))
    })?;
    let entered = host
        .cancels
        .enter(startup.protocol_number_minor)
        .map_err(|_| fatal("58000", "the system has no random bytes"))?;
    let sign_in = SignIn {
        registry: host.wire.registry.clone().filter(|_| config.requires_sign_in),
        certificates: host.tls.as_ref().map(|tls| Arc::clone(&tls.certificates)),
    };
    sign_in.run(socket, startup, entered.key()).await?;
    let session = Box::pin(Session::open(&host.wire.lake, host.wire.queries.clone()))
        .await
        .map_err(|mut fault| {
            "FATAL".clone_into(&mut fault.severity);
            fault
        })?;
    Ok((session, entered, place))
}
