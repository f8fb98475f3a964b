//! The log of the server: lines on standard error, as text or JSON.
//!
//! No secret is logged (INV-SEC): Billhook's own lines hold none, and of the libraries, which at
//! lower levels write down requests with their headers, only warnings are let through.

use std::io::stderr;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::layer;
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::registry;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::config::{LogFormat, LogLevel, Settings};

/// What the targets of Billhook's own lines begin with.
const OWN: &str = "billhook";

/// Begins to log.
pub(crate) fn begin(settings: &Settings) {
    let targets = targets(settings.log_level);
    let begun = match settings.log_format {
        LogFormat::Text => {
            let lines = layer().with_writer(stderr).with_ansi(false);
            registry().with(lines.with_filter(targets)).try_init()
        }
        LogFormat::Json => {
            let lines = layer().with_writer(stderr).json().flatten_event(true);
            let lines = lines.with_current_span(false).with_span_list(false);
            registry().with(lines.with_filter(targets)).try_init()
        }
    };
    // It fails when there is a log already, which is as good.
    begun.ok();
}

fn targets(level: LogLevel) -> Targets {
    let (own, others) = match level {
        LogLevel::Error => (LevelFilter::ERROR, LevelFilter::ERROR),
        LogLevel::Warn => (LevelFilter::WARN, LevelFilter::WARN),
        LogLevel::Info => (LevelFilter::INFO, LevelFilter::WARN),
        LogLevel::Debug => (LevelFilter::DEBUG, LevelFilter::WARN),
        LogLevel::Trace => (LevelFilter::TRACE, LevelFilter::WARN),
    };
    Targets::new().with_default(others).with_target(OWN, own)
}

#[cfg(test)]
mod tests {
    use tracing::Level;

    use super::*;

    #[test]
    fn inv_sec_libraries_do_not_tell_what_they_send() {
        let targets = targets(LogLevel::Trace);
        assert!(targets.would_enable("billhook_server::guard", &Level::TRACE));
        assert!(targets.would_enable("aws_smithy_runtime", &Level::WARN));
        for level in [Level::INFO, Level::DEBUG, Level::TRACE] {
            assert!(!targets.would_enable("aws_smithy_runtime", &level), "{level}");
        }
        assert!(!super::targets(LogLevel::Error).would_enable("billhook", &Level::WARN));
    }
}
