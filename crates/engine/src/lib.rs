//! The use cases, a file per verb. No HTML, no argument parsing.
//!
//! Start at [`import`].

pub mod access;
pub mod answers;
pub mod authority;
pub mod connections;
pub mod contents;
mod control;
pub mod cost_explorer;
pub mod create_report;
pub mod definitions;
pub mod deliveries;
pub mod directory;
pub mod doctor;
pub mod error;
pub mod export;
pub mod history;
pub mod home;
pub mod import;
pub mod ingest;
pub mod instant;
pub mod onboarding;
pub mod period;
pub mod publish;
pub mod reconcile;
pub mod report;
mod spread;
pub mod sql_names;
mod stored;
pub mod sync;
pub mod verify;

pub use error::EngineError;
pub use home::Home;
