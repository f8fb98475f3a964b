//! For those who watch the server: is it there, is it ready, what does it do.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use prometheus::{
    HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
    TextEncoder,
};

use crate::app::App;
use crate::fail::Fail;
use crate::routes::{Need, Route, get};

/// The ways in of programs that watch. Metrics have to be allowed: they name connections.
pub(crate) fn routes() -> Vec<Route> {
    vec![
        get("/healthz", Need::Nobody, alive),
        get("/readyz", Need::Nobody, ready),
        get("/metrics", Need::Viewer, metrics),
    ]
}

/// What is counted.
pub(crate) struct Metrics {
    registry: Registry,
    requests: IntCounterVec,
    seconds: HistogramVec,
    connections: IntGaugeVec,
    sinks: IntGaugeVec,
    renewed: IntCounter,
    unsummed: IntGauge,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let registry = Registry::new();
        let counter = |name: &str, help: &str, labels: &[&str]| {
            IntCounterVec::new(Opts::new(name, help), labels)
        };
        let gauge = |name: &str, help: &str, labels: &[&str]| {
            IntGaugeVec::new(Opts::new(name, help), labels)
        };
        let buckets = HistogramOpts::new("billhook_http_seconds", "Time that requests take.");
        let made = (|| -> Result<Self, prometheus::Error> {
            let requests = counter(
                "billhook_http_requests_total",
                "Requests, by method, route and status.",
                &["method", "route", "status"],
            )?;
            let seconds = HistogramVec::new(buckets, &["route"])?;
            let connections = gauge(
                "billhook_connection_health",
                "1 for the health that a connection has.",
                &["connection", "health"],
            )?;
            let sinks = gauge(
                "billhook_sink_behind_happenings",
                "Happenings that a sink has not been told of.",
                &["sink"],
            )?;
            let renewed = IntCounter::new(
                "billhook_answers_renewed_total",
                "Answers that were made anew before anybody asked, because the lake has changed.",
            )?;
            let unsummed = IntGauge::new(
                "billhook_files_without_summary",
                "Files of the lake whose lines are read for questions that a summary could answer.",
            )?;
            registry.register(Box::new(renewed.clone()))?;
            registry.register(Box::new(unsummed.clone()))?;
            registry.register(Box::new(requests.clone()))?;
            registry.register(Box::new(seconds.clone()))?;
            registry.register(Box::new(connections.clone()))?;
            registry.register(Box::new(sinks.clone()))?;
            Ok(Self { registry, requests, seconds, connections, sinks, renewed, unsummed })
        })();
        // The names above are valid, and each is there once.
        made.unwrap_or_else(|error| unreachable!("{error}"))
    }

    /// Counts an answer that was made before anybody asked.
    pub(crate) fn renewed(&self) {
        self.renewed.inc();
    }

    /// Notes how many files of the lake lack a summary.
    pub(crate) fn unsummed(&self, files: usize) {
        self.unsummed.set(i64::try_from(files).unwrap_or(i64::MAX));
    }

    /// Counts an answer.
    pub(crate) fn answered(
        &self,
        method: &Method,
        route: &str,
        status: StatusCode,
        took: Duration,
    ) {
        self.requests.with_label_values(&[method.as_str(), route, status.as_str()]).inc();
        self.seconds.with_label_values(&[route]).observe(took.as_secs_f64());
    }
}

async fn alive() -> &'static str {
    "ok\n"
}

/// Ready when the lake can be read and the control database answers.
async fn ready(State(app): State<Arc<App>>) -> Result<&'static str, Fail> {
    app.session(None).await?;
    app.ask_registry(billhook_registry::Registry::connections).await?;
    Ok("ready\n")
}

async fn metrics(State(app): State<Arc<App>>) -> Result<Response, Fail> {
    let (healths, sinks) = app
        .ask_registry(|registry| {
            let mut healths = Vec::new();
            for connection in registry.connections()? {
                let record = registry.health(&connection.id)?;
                let word = match (connection.paused_since, record) {
                    (Some(_), _) => "paused".to_owned(),
                    (None, Some(record)) => record.health.as_str().to_owned(),
                    (None, None) => "unknown".to_owned(),
                };
                healths.push((connection.name.to_string(), word));
            }
            let last = registry.last_position()?;
            let sinks = registry.sinks()?.into_iter();
            let sinks = sinks.map(|sink| (sink.name, last.saturating_sub(sink.cursor.0)));
            Ok((healths, sinks.collect::<Vec<_>>()))
        })
        .await?;
    let metrics = &app.metrics;
    metrics.connections.reset();
    for (connection, health) in &healths {
        metrics.connections.with_label_values(&[connection.as_str(), health.as_str()]).set(1);
    }
    metrics.sinks.reset();
    for (sink, behind) in &sinks {
        metrics.sinks.with_label_values(&[sink.as_str()]).set(*behind);
    }
    let text = TextEncoder::new().encode_to_string(&metrics.registry.gather());
    let text = text.map_err(|error| Fail::internal(error.to_string()))?;
    Ok(([(CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response())
}
