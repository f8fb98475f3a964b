//! Standard output, an event a line (NDJSON).

use std::io::{self, ErrorKind, Write as _};

use async_trait::async_trait;

use super::{blocking, lines};
use crate::event::Event;
use crate::sink::{Limits, Refused, Sink};

const LIMITS: Limits = Limits { events: 1000, bytes: 1 << 20 };

/// Standard output.
#[derive(Debug, Clone, Copy)]
pub struct Stdout;

#[async_trait]
impl Sink for Stdout {
    fn limits(&self) -> Limits {
        LIMITS
    }

    async fn send(&self, events: &[Event]) -> Result<(), Refused> {
        let lines = lines(events)?;
        let written = blocking(move || {
            let mut out = io::stdout().lock();
            out.write_all(&lines)?;
            out.flush()
        });
        written.await.map_err(|error| {
            let reason = format!("cannot write to standard output: {error}");
            match error.kind() {
                // Whoever read it is gone.
                ErrorKind::BrokenPipe => Refused::broken(reason),
                _ => Refused::later(reason, None),
            }
        })
    }

    async fn test(&self) -> Result<String, Refused> {
        self.send(&[Event::test()]).await?;
        Ok("a line was written to standard output".to_owned())
    }
}
