//! The command line as a user meets it, end to end through the real binary.
//!
//! One binary for all, so that it is linked once. What a module tests is in its first line.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(clippy::print_stderr, reason = "a skipped check is told loudly")]

#[path = "cli/accounts.rs"]
mod accounts;
#[path = "cli/agreement.rs"]
mod agreement;
#[path = "cli/applied.rs"]
mod applied;
#[path = "cli/chart.rs"]
mod chart;
#[path = "cli/connections.rs"]
mod connections;
#[path = "cli/contract.rs"]
mod contract;
#[path = "cli/cost_explorer.rs"]
mod cost_explorer;
#[path = "cli/create_report.rs"]
mod create_report;
#[path = "cli/damage.rs"]
mod damage;
#[path = "cli/data_export.rs"]
mod data_export;
#[path = "cli/dbr.rs"]
mod dbr;
#[path = "cli/definitions.rs"]
mod definitions;
#[path = "cli/dialogue.rs"]
mod dialogue;
#[path = "cli/events.rs"]
mod events;
#[path = "cli/exact.rs"]
mod exact;
#[path = "cli/faults.rs"]
mod faults;
#[path = "cli/focus.rs"]
mod focus;
#[path = "cli/hours.rs"]
mod hours;
#[path = "cli/idempotent.rs"]
mod idempotent;
#[path = "cli/kafka.rs"]
mod kafka;
#[path = "cli/layouts.rs"]
mod layouts;
#[path = "cli/live.rs"]
mod live;
#[path = "cli/reconcile.rs"]
mod reconcile;
#[path = "cli/s3.rs"]
mod s3;
#[path = "cli/scene.rs"]
mod scene;
#[path = "cli/serve.rs"]
mod serve;
#[path = "cli/set.rs"]
mod set;
// Shared with `cargo xtask soak`, which does the same for long.
#[path = "../../../xtask/src/soak/events.rs"]
mod soak_events;
#[path = "cli/support.rs"]
mod support;
#[path = "cli/walk.rs"]
mod walk;
#[path = "cli/watch.rs"]
mod watch;
