//! Takes connections, one task each, and ends them in good order.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::ConnectInfo;
use axum::extract::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tower::ServiceExt as _;

use crate::app::App;
use crate::{routes, warm};

/// Whoever takes longer to say what is wanted is not waited for.
const HEADERS_WITHIN: Duration = Duration::from_secs(10);

/// What is under way may take so long to end when the server stops.
const LAST_CALL: Duration = Duration::from_secs(10);

/// The largest request line and headers, bytes.
const HEADERS: usize = 64 * 1_024;

/// Serves pages and the API until `stop` is ready; what is under way then has ten seconds to end.
///
/// # Errors
/// When the listener is lost.
pub async fn serve(
    app: Arc<App>,
    listener: TcpListener,
    stop: impl Future<Output = ()> + Send,
) -> std::io::Result<()> {
    let router = routes::router(&app);
    let clients = Arc::new(Semaphore::new(app.config.clients));
    let graceful = GracefulShutdown::new();
    let mut stop = std::pin::pin!(stop);
    let own = Arc::clone(&app);
    let retrying = tokio::spawn(async move { Box::pin(own.sessions.retry()).await });
    let warming = tokio::spawn(Box::pin(warm::keep(Arc::clone(&app))));
    loop {
        let Ok(seat) = Arc::clone(&clients).acquire_owned().await else { break };
        let (stream, peer) = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(error) if is_passing(&error) => continue,
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be taken");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                }
            },
            () = &mut stop => break,
        };
        let connection = connection(router.clone(), stream, peer);
        let watched = graceful.watch(connection);
        tokio::spawn(async move {
            // A client that goes away is no event.
            watched.await.ok();
            drop(seat);
        });
    }
    drop(listener);
    app.jobs.cancel_all();
    retrying.abort();
    warming.abort();
    tokio::time::timeout(LAST_CALL, graceful.shutdown()).await.ok();
    Ok(())
}

type Served = http1::Connection<TokioIo<TcpStream>, Router>;

/// The router as hyper calls it.
#[derive(Clone)]
struct Router {
    router: axum::Router,
    peer: SocketAddr,
}

impl hyper::service::Service<hyper::Request<Incoming>> for Router {
    type Response = axum::response::Response;
    type Error = std::convert::Infallible;
    type Future = tower::util::Oneshot<axum::Router, Request>;

    fn call(&self, request: hyper::Request<Incoming>) -> Self::Future {
        let mut request = request.map(axum::body::Body::new);
        request.extensions_mut().insert(ConnectInfo(self.peer));
        self.router.clone().oneshot(request)
    }
}

fn connection(router: axum::Router, stream: TcpStream, peer: SocketAddr) -> Served {
    // Small answers are not to wait for each other.
    stream.set_nodelay(true).ok();
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEADERS_WITHIN).max_buf_size(HEADERS);
    builder.serve_connection(TokioIo::new(stream), Router { router, peer })
}

/// The other side went away while it was being taken.
fn is_passing(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}
