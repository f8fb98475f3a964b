//! The server as browsers, programs and attackers meet it, end to end through the real binary.
//!
//! One binary for all, so that it is linked once. What a module tests is in its first line.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(clippy::print_stderr, reason = "a skipped check is told loudly")]

mod aws;
mod bill;
mod browser;
mod client;
mod doors;
mod home;
mod hostile;
mod house;
mod line;
mod load;
mod local;
mod openid;
mod outage;
mod people;
mod routes;
mod runs;
mod secrets;
mod sinks;
