//! The sinks, a file each.
//!
//! Each has an `open` that takes its target and the secrets by name, and passes the contract in
//! `tests/contract.rs`.

pub mod aws;
mod brokers;
pub mod file;
pub mod http;
pub mod kafka;
pub mod nats;
pub mod stdout;

use std::io;

use crate::event::Event;
use crate::sink::Refused;

/// Events as NDJSON: the JSON of each in a line of its own.
fn lines(events: &[Event]) -> Result<Vec<u8>, Refused> {
    let mut lines = Vec::new();
    for event in events {
        if let Err(error) = serde_json::to_writer(&mut lines, event) {
            // Halving finds which.
            return Err(Refused::too_large(format!("cannot be written as JSON: {error}")));
        }
        lines.push(b'\n');
    }
    Ok(lines)
}

/// Does something that blocks on a thread for that.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(panicked) => Err(io::Error::other(panicked)),
    }
}
