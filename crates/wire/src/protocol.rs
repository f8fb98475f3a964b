//! A client's connection: messages in and out, none too large and none that takes for ever.

use std::future::poll_fn;
use std::io;
use std::task::Poll;
use std::time::Duration;

use futures::{SinkExt, StreamExt};
use pgwire::error::{ErrorInfo, PgWireError};
use pgwire::messages::{PgWireBackendMessage, PgWireFrontendMessage};
use pgwire::tokio::server::{MaybeTls, PgWireMessageServerCodec};
use tokio_util::codec::Framed;

use crate::fault::{Fault, fatal};

/// Before a client has signed in, a message may be this large.
pub(crate) const SMALL: usize = 64 * 1024;

/// After.
pub(crate) const LARGE: usize = 16 * 1024 * 1024;

/// A client that takes nothing for so long is gone.
const STALLED: Duration = Duration::from_mins(1);

/// A connection.
pub(crate) type Socket = Framed<MaybeTls, PgWireMessageServerCodec<()>>;

/// The next message, `None` at the end.
///
/// # Errors
/// When it is none of the protocol, or larger than `limit` (about: what arrives at once is read).
pub(crate) async fn next(
    socket: &mut Socket,
    limit: usize,
) -> Option<Result<PgWireFrontendMessage, Fault>> {
    let message = poll_fn(|context| {
        let poll = socket.poll_next_unpin(context);
        let length = socket.read_buffer().len();
        if poll.is_pending() && length > limit {
            return Poll::Ready(Some(Err(PgWireError::MessageTooLarge(limit, length))));
        }
        poll
    });
    let message = message.await?;
    Some(message.map_err(|error| fatal("08P01", ErrorInfo::from(error).message)))
}

/// Puts a message into the buffer, and sends it when that is full.
///
/// # Errors
/// When the client is gone, or takes nothing.
pub(crate) async fn feed(socket: &mut Socket, message: PgWireBackendMessage) -> io::Result<()> {
    in_time(socket.feed(message)).await
}

/// Sends what is in the buffer.
///
/// # Errors
/// See [`feed`].
pub(crate) async fn flush(socket: &mut Socket) -> io::Result<()> {
    in_time(SinkExt::<PgWireBackendMessage>::flush(socket)).await
}

async fn in_time(work: impl Future<Output = io::Result<()>>) -> io::Result<()> {
    let done = tokio::time::timeout(STALLED, work).await;
    done.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

/// Tells a client something that is wrong.
///
/// # Errors
/// See [`feed`].
pub(crate) async fn tell(socket: &mut Socket, fault: Fault) -> io::Result<()> {
    feed(socket, PgWireBackendMessage::ErrorResponse((*fault).into())).await?;
    flush(socket).await
}
