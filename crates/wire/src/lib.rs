//! The lake over the Postgres protocol, for whatever speaks it: psql, Grafana, Metabase, `DBeaver`.
//!
//! [`serve`] takes clients from a listener. Each signs in with SCRAM-SHA-256, as a user of the
//! registry or with a token of one (`sign_in`), and gets a session of its own over the lake
//! (`session`), which only reads: what may be asked for is a list of statements (`command`), and
//! what was planned is looked through for anything that writes. A statement has a deadline, a
//! limit of memory and no disk, and ends when its client cancels it (`running`, `cancel`).
//!
//! The protocol's messages, TLS and SCRAM are those of `pgwire`, the catalogue of Postgres that of
//! `datafusion-pg-catalog`, plain values are encoded by `arrow-pg`. The loop over messages is our
//! own (`client`). `datafusion-postgres` has one, but shares a session among its clients, which
//! can change it and the host by COPY and SET, checks a timeout while planning only, and goes on
//! without TLS when the certificate cannot be read; and the loop of `pgwire` holds the whole answer
//! of an extended query in memory, and looks for cancellation before its first row only.

mod bind;
mod cancel;
mod client;
mod command;
mod copy;
mod fault;
mod focus_view;
mod json;
mod numeric;
mod parameters;
mod protocol;
mod rows;
mod running;
mod serve;
mod session;
mod sign_in;
mod tls;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use billhook_lake::Lake;
use billhook_registry::Registry;
use pgwire::tokio::tokio_rustls::rustls;
use tokio::runtime::Handle;

pub use serve::serve;

/// What the server allows.
#[derive(Debug, Clone)]
pub struct WireConfig {
    /// How long a statement may run, with all its rows.
    pub statement_timeout: Duration,
    /// Bytes that a query may use.
    pub memory_per_query: usize,
    /// Clients at once.
    pub clients: usize,
    /// TLS; without, connections are plain.
    pub tls: Option<Tls>,
    /// Must clients sign in? With TLS, they then must use it.
    pub requires_sign_in: bool,
}

/// PEM files for TLS.
#[derive(Debug, Clone)]
pub struct Tls {
    /// The certificate, and those that lead to its root.
    pub certificate: PathBuf,
    /// Its private key: PKCS#8, SEC1 or PKCS#1.
    pub key: PathBuf,
}

/// A server to be.
pub struct Wire {
    /// What is read.
    pub lake: Lake,
    /// Who may sign in. None is for loopback only, which the caller makes sure of.
    pub registry: Option<Arc<Registry>>,
    /// What is allowed.
    pub config: WireConfig,
    /// Where queries run. Not where clients are listened to: a query may compute for long without
    /// a pause.
    pub queries: Handle,
}

/// Why there is no server.
#[derive(Debug, thiserror::Error)]
pub enum WireError {
    /// A PEM file cannot be read.
    #[error("{path} holds no readable {what} in PEM format")]
    Pem {
        /// The file.
        path: PathBuf,
        /// What was looked for.
        what: &'static str,
        /// Why.
        source: rustls::pki_types::pem::Error,
    },
    /// Certificate and key do not fit.
    #[error("certificate {certificate} and key {key} do not make a TLS server")]
    Tls {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
        /// Why.
        source: rustls::Error,
    },
    /// Sign-in is wanted, and nobody is known.
    #[error("sign-in is required, but there is no control database with users")]
    NoRegistry,
    /// The listener does not take connections.
    #[error("cannot take connections")]
    Listener {
        /// Why.
        source: std::io::Error,
    },
}
