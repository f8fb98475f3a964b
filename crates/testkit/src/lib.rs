//! Synthetic billing data: an organisation with its ledger, and AWS's report files made from it.
//!
//! It is what `billhook demo` imports and what the tests and benches feed on. Three rooms:
//!
//! - [`synth`] invents the organisation and its bill, line by line, independent of report formats;
//! - [`render`] writes lines as AWS delivers them (legacy Cost and Usage Reports, CUR 2.0 and FOCUS
//!   exports, Detailed Billing Reports, answers of Cost Explorer) and as plain FOCUS files;
//! - [`demo`] and [`forms`] put both together; [`wide`] is a separate, fast writer of very large
//!   reports.
//!
//! For tests only there are [`emulator`]: AWS as a process of this machine, [`cloud`]: its
//! permissions in front of that, [`receiver`]: somebody whom events are sent to, [`kafka`]: a
//! broker that they are sent to, and [`identity`]: somebody who signs people in.
//!
//! Nothing that writes bills reads a clock, the environment or chance: the same arguments give the
//! same bytes.

use std::path::PathBuf;

pub mod calendar;
pub mod cloud;
pub mod decimal;
pub mod demo;
pub mod emulator;
pub mod forms;
pub mod identity;
pub mod kafka;
pub mod random;
pub mod receiver;
pub mod render;
pub mod synth;
pub mod wide;

/// The crate whose test runs, as whoever starts the test names it. A path that is compiled in would
/// lead to another checkout where several share a build folder.
#[must_use]
pub fn own_crate() -> PathBuf {
    std::env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| PathBuf::from("."), PathBuf::from)
}
