//! Events that a sink would not take, sent to it again.

use std::sync::Arc;

use billhook_registry::{DeadLetter, Registry, SinkRecord};
use billhook_stream::event::Event;

use super::{blocking, open};
use crate::EngineError;

/// What came of a dead letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Again {
    /// Its number.
    pub number: i64,
    /// Why it was not taken this time either; `None` when it was, and is no dead letter any more.
    pub reason: Option<String>,
}

/// Sends dead letters again, each by itself. Those that are taken are dead letters no more.
///
/// # Errors
/// When the sink cannot be used, or the control database fails.
pub async fn send_again(
    registry: &Arc<Registry>,
    sink: &SinkRecord,
    letters: Vec<DeadLetter>,
    now: i64,
) -> Result<Vec<Again>, EngineError> {
    let (_, target) = open(registry, sink).await?;
    let mut again = Vec::new();
    for letter in letters {
        let refused = match Event::read(&letter.event) {
            Some(event) => target.send(&[event]).await.err().map(|refused| refused.reason),
            None => Some("it is no event that this version of Billhook knows".to_owned()),
        };
        let (id, number, reason) = (sink.id.clone(), letter.number, refused.clone());
        blocking(registry, move |own| {
            match reason {
                None => own.drop_dead_letter(&id, letter.number).map(|_| ())?,
                Some(reason) => own.bury(&id, letter.place, &letter.event, &reason, now)?,
            }
            Ok(())
        })
        .await?;
        again.push(Again { number, reason: refused });
    }
    Ok(again)
}
