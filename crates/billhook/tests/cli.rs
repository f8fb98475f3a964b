//! The command line as a user meets it, end to end through the real binary.
//!
//! One binary for all, so that it is linked once. What a module tests is in its first line.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(clippy::print_stderr, reason = "a skipped check is told loudly")]

#[path = "cli/cost_explorer.rs"]
mod cost_explorer;
#[path = "cli/damage.rs"]
mod damage;
#[path = "cli/exact.rs"]
mod exact;
#[path = "cli/idempotent.rs"]
mod idempotent;
#[path = "cli/layouts.rs"]
mod layouts;
#[path = "cli/s3.rs"]
mod s3;
#[path = "cli/support.rs"]
mod support;
