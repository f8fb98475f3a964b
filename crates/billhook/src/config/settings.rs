//! What the settings say, understood.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;

use billhook_registry::Role;
use billhook_server::config::Issuer;
use url::Url;

/// All settings, understood.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) home: PathBuf,
    pub(crate) lake: Option<String>,
    pub(crate) endpoint: Option<String>,
    pub(crate) region: Option<String>,
    pub(crate) virtual_hosted: bool,
    pub(crate) anonymous: bool,
    pub(crate) workers: Option<usize>,
    pub(crate) listen: SocketAddr,
    pub(crate) public_url: Option<Url>,
    pub(crate) postgres: Option<SocketAddr>,
    pub(crate) certificate: Option<PathBuf>,
    pub(crate) key: Option<PathBuf>,
    pub(crate) requires_sign_in: bool,
    pub(crate) session_hours: u64,
    pub(crate) proxy_header: Option<String>,
    pub(crate) proxy_from: Vec<IpAddr>,
    pub(crate) proxy_role: Role,
    pub(crate) oidc_issuer: Option<Issuer>,
    pub(crate) oidc_client_id: Option<String>,
    pub(crate) oidc_client_secret_file: Option<PathBuf>,
    pub(crate) oidc_scopes: Vec<String>,
    pub(crate) oidc_redirect_url: Option<Url>,
    pub(crate) oidc_name_claim: Option<String>,
    pub(crate) oidc_role: Role,
    pub(crate) oidc_role_claim: Option<String>,
    pub(crate) oidc_admin_values: Vec<String>,
    pub(crate) clients: usize,
    pub(crate) body_bytes: usize,
    pub(crate) request_seconds: u64,
    pub(crate) page_seconds: u64,
    pub(crate) statement_seconds: u64,
    pub(crate) query_memory_mib: usize,
    pub(crate) postgres_clients: usize,
    pub(crate) log_format: LogFormat,
    pub(crate) log_level: LogLevel,
}

/// How lines of the log are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// For programs: an object a line.
    Json,
}

/// What is logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LogLevel {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

impl Settings {
    /// What the defaults are set on.
    pub(super) fn blank() -> Self {
        Self {
            home: PathBuf::new(),
            lake: None,
            endpoint: None,
            region: None,
            virtual_hosted: false,
            anonymous: false,
            workers: None,
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            public_url: None,
            postgres: None,
            certificate: None,
            key: None,
            requires_sign_in: true,
            session_hours: 1,
            proxy_header: None,
            proxy_from: Vec::new(),
            proxy_role: Role::Viewer,
            oidc_issuer: None,
            oidc_client_id: None,
            oidc_client_secret_file: None,
            oidc_scopes: Vec::new(),
            oidc_redirect_url: None,
            oidc_name_claim: None,
            oidc_role: Role::Viewer,
            oidc_role_claim: None,
            oidc_admin_values: Vec::new(),
            clients: 1,
            body_bytes: 1,
            request_seconds: 1,
            page_seconds: 1,
            statement_seconds: 1,
            query_memory_mib: 1,
            postgres_clients: 1,
            log_format: LogFormat::Text,
            log_level: LogLevel::Info,
        }
    }
}

/// A text that is not empty.
pub(super) fn some(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

/// A whole number, from `least` to `most`.
pub(super) fn number<T: FromStr + PartialOrd + Copy>(text: &str, least: T, most: T) -> Option<T> {
    text.parse::<T>().ok().filter(|number| (least..=most).contains(number))
}

/// An address with its port; `localhost` is this machine's.
pub(super) fn address(text: &str) -> Option<SocketAddr> {
    if let Some(port) = text.strip_prefix("localhost:") {
        let port: u16 = port.parse().ok()?;
        return Some(SocketAddr::from(([127, 0, 0, 1], port)));
    }
    text.parse().ok()
}

/// Addresses without ports, with commas between them.
pub(super) fn addresses(text: &str) -> Option<Vec<IpAddr>> {
    let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
    let all: Option<Vec<IpAddr>> =
        parts.map(|part| part.parse().ok().map(|ip: IpAddr| ip.to_canonical())).collect();
    all.filter(|all| !all.is_empty())
}

/// Texts with commas between them, at least one.
pub(super) fn texts(text: &str) -> Option<Vec<String>> {
    let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
    let all: Vec<String> = parts.map(str::to_owned).collect();
    (!all.is_empty()).then_some(all)
}

/// Scopes of OAuth, with commas between them.
pub(super) fn scopes(text: &str) -> Option<Vec<String>> {
    let is_scope = |text: &String| {
        text.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\'))
    };
    texts(text).filter(|all| all.iter().all(is_scope))
}

/// The root of a server of the web.
pub(super) fn public_url(text: &str) -> Option<Url> {
    page_url(text, "/")
}

/// A page of a server of the web, by its path.
pub(super) fn page_url(text: &str, path: &str) -> Option<Url> {
    let url: Url = text.parse().ok()?;
    let is_plain = matches!(url.scheme(), "http" | "https")
        && url.host_str().is_some()
        && url.path() == path
        && url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none();
    is_plain.then_some(url)
}

/// The name of a header, of the characters that RFC 9110 calls a token.
pub(super) fn header(text: &str) -> Option<String> {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    (!text.is_empty() && text.bytes().all(is_token)).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_understood() {
        assert_eq!(address("localhost:80"), "127.0.0.1:80".parse().ok());
        assert_eq!(address("[::1]:80"), "[::1]:80".parse().ok());
        let two = addresses("10.0.0.7, ::ffff:10.0.0.8").unwrap();
        assert_eq!(two, ["10.0.0.7", "10.0.0.8"].map(|ip| ip.parse::<IpAddr>().unwrap()));
    }
}
