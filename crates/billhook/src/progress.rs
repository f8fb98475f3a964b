//! A progress bar on standard error, when that is a terminal.

use std::io::IsTerminal;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use billhook_engine::ingest::Progress;
use indicatif::{ProgressBar, ProgressStyle};

/// Bytes done, rows, speed and time left of the delivery at hand.
#[derive(Debug, Default)]
pub(crate) struct Bar {
    bar: Mutex<Option<ProgressBar>>,
    rows: AtomicU64,
}

const TEMPLATE: &str = "{prefix} {wide_bar:.cyan/dim} {bytes}/{total_bytes} {msg} {eta} left";

impl Bar {
    fn with(&self, f: impl FnOnce(&ProgressBar)) {
        if let Ok(guard) = self.bar.lock()
            && let Some(bar) = guard.as_ref()
        {
            f(bar);
        }
    }
}

impl Progress for Bar {
    fn begin(&self, title: &str, bytes: u64) {
        if !std::io::stderr().is_terminal() {
            return;
        }
        let bar = ProgressBar::new(bytes);
        if let Ok(style) = ProgressStyle::with_template(TEMPLATE) {
            bar.set_style(style);
        }
        bar.set_prefix(title.to_owned());
        bar.enable_steady_tick(Duration::from_millis(200));
        self.rows.store(0, Ordering::Relaxed);
        if let Ok(mut guard) = self.bar.lock() {
            *guard = Some(bar);
        }
    }

    fn advance(&self, bytes: u64, rows: u64) {
        let total = self.rows.fetch_add(rows, Ordering::Relaxed) + rows;
        self.with(|bar| {
            bar.inc(bytes);
            bar.set_message(format!("{} rows", crate::history::thousands(total)));
        });
    }

    fn end(&self) {
        self.with(ProgressBar::finish_and_clear);
        if let Ok(mut guard) = self.bar.lock() {
            *guard = None;
        }
    }
}
