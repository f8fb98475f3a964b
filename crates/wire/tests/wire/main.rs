//! The lake over the Postgres protocol, as clients meet it.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(clippy::print_stderr, reason = "a skipped check is told loudly")]

mod catalogue;
mod people;
mod psql;
mod published;
mod refused;
mod sql;
mod support;
mod use_cases;
