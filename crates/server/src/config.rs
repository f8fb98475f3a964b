//! What the server is told.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use billhook_registry::Role;
use url::Url;

/// What the server is told, checked.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where pages and API are.
    pub listen: SocketAddr,
    /// Where the Postgres protocol is; `None` for nowhere.
    pub postgres: Option<SocketAddr>,
    /// What people's browsers call the server; decides whether cookies are for https only.
    pub public_url: Option<Url>,
    /// Must people sign in? Never false beyond loopback (INV-SEC).
    pub requires_sign_in: bool,
    /// Sign-in by a proxy in front.
    pub proxy: Option<ProxySignIn>,
    /// How long a session of a browser lasts.
    pub session: Duration,
    /// Connections at once.
    pub clients: usize,
    /// The largest body that is taken, bytes.
    pub body_limit: usize,
    /// How long a request may take.
    pub request_timeout: Duration,
    /// How long a page waits for an answer before the question becomes a run.
    pub page_wait: Duration,
    /// How long a statement may run.
    pub statement_timeout: Duration,
    /// Memory of a query, bytes.
    pub query_memory: usize,
    /// Certificate and key of the Postgres protocol, PEM files.
    pub postgres_tls: Option<(PathBuf, PathBuf)>,
    /// Are the data those of the demo?
    pub is_demo: bool,
    /// Every setting, as it is shown to admins.
    pub shown: Vec<Shown>,
}

/// Sign-in by a header that a proxy sets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProxySignIn {
    /// The header with the user's name, such as `X-Forwarded-User`.
    pub header: String,
    /// Addresses from which it is believed.
    pub from: Vec<std::net::IpAddr>,
    /// Role of somebody who comes for the first time.
    pub role: Role,
}

/// A setting, as it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// Its name in `billhook.toml`.
    pub key: &'static str,
    /// Its value; of a secret only whether it is set.
    pub value: String,
    /// `default`, `file`, `environment` or `command line`.
    pub source: &'static str,
    /// What it does, in a sentence.
    pub meaning: &'static str,
}
