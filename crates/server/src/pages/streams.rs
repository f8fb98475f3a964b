//! Streams: where events go, how each receiver keeps up, and how to send again.
//!
//! `fields` is the form of a sink, `new` adds one with it and `change` changes one, `sink` has the
//! pages of one.

mod change;
mod fields;
mod new;
mod sink;

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::response::Response;

use crate::api::sinks::{self, SinkView};
use crate::app::App;
use crate::ask::Ask;
use crate::fail::Fail;
use crate::format;
use crate::routes::{Need, Route, get};
use crate::shell::{Place, Shell, draw};

/// All pages and forms.
pub(crate) fn routes() -> Vec<Route> {
    let mut routes = vec![get("/streams", Need::Viewer, list)];
    routes.extend(new::routes());
    routes.extend(sink::routes());
    routes.extend(change::routes());
    routes
}

#[derive(Template)]
#[template(path = "streams/list.html")]
struct ListPage {
    shell: Shell,
    sinks: Vec<Row>,
}

/// A sink as pages show it.
pub(super) struct Row {
    name: String,
    kind: &'static str,
    target: String,
    what: String,
    mark: &'static str,
    word: String,
    reason: String,
    /// `3,204 events`, or why that is not known.
    behind: String,
    oldest: String,
    dead: i64,
    /// When it is tried again, and how often it was.
    next: String,
    /// How long it has been so.
    since: String,
    position: i64,
    newest: i64,
    is_paused: bool,
}

impl Row {
    pub(super) fn of(sink: &SinkView, now: i64) -> Self {
        let events = |count: u64| {
            let more = if sink.behind_is_more { "more than " } else { "" };
            let noun = if count == 1 { "event" } else { "events" };
            format!("{more}{} {noun}", format::grouped(count))
        };
        let next = sink.next_try.map_or_else(String::new, |next| {
            let at = format::utc(next.0).format("%-d %b %H:%M:%S UTC");
            match sink.attempts {
                Some(tried) => format!("next try {at}, after {tried} in vain"),
                None => format!("next try {at}"),
            }
        });
        let since = sink.paused_since.or(sink.since);
        Self {
            name: sink.name.clone(),
            kind: sink.kind,
            target: format::visible(&sink.target),
            what: format::visible(&sink.what),
            mark: sink.mark(),
            word: sink.word().to_owned(),
            reason: sink.reason.as_deref().map_or_else(String::new, format::visible),
            behind: sink.behind.map_or_else(|| "being counted".to_owned(), events),
            oldest: sink
                .oldest
                .map_or_else(String::new, |at| format::duration(now.saturating_sub(at.0))),
            dead: sink.dead_letters,
            next,
            since: since.map_or_else(String::new, |at| format::instant(at.0)),
            position: sink.position.min(sink.newest),
            newest: sink.newest,
            is_paused: sink.paused_since.is_some(),
        }
    }
}

async fn list(State(app): State<Arc<App>>, ask: Ask) -> Result<Response, Fail> {
    let now = app.now();
    let sinks = sinks::all(&app, &ask).await?;
    draw(&ListPage {
        shell: Shell::new(&app, &ask, Place::Streams, &["Streams"]).await?,
        sinks: sinks.iter().map(|sink| Row::of(sink, now)).collect(),
    })
}
