//! What the server is told.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use billhook_registry::{Role, SecretString};
use url::{Host, Url};

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
    /// Sign-in by a provider of OpenID Connect.
    pub openid: Option<OpenIdSignIn>,
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

/// Sign-in by a provider of OpenID Connect.
#[derive(Debug, Clone)]
pub struct OpenIdSignIn {
    /// The provider.
    pub issuer: Issuer,
    /// What it calls this server.
    pub client_id: String,
    /// What this server shows that it is that client by; `None` where it has nothing.
    pub client_secret: Option<SecretString>,
    /// What is asked for besides `openid`.
    pub scopes: Vec<String>,
    /// Where the provider sends people back to; by default made from what the server is called.
    pub redirect_url: Option<Url>,
    /// What somebody's name is read from; by default whatever is there.
    pub name_claim: Option<String>,
    /// Role of somebody who comes for the first time.
    pub role: Role,
    /// What the role of everybody is read from, each time they come.
    pub role_claim: Option<RoleClaim>,
}

/// A claim that tells who is admin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleClaim {
    /// Its name; dots lead into objects, as in `realm_access.roles`.
    pub name: String,
    /// Whoever has one of these values in it is admin, everybody else a viewer.
    pub admin_values: Vec<String>,
}

/// A provider of OpenID Connect: its address, exactly as it writes itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issuer {
    text: String,
    url: Url,
}

impl Issuer {
    /// Understands an address; `None` when no provider may have it. Without https only this machine
    /// is asked.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let url: Url = text.parse().ok()?;
        let is_safe = url.scheme() == "https" || (url.scheme() == "http" && is_loopback(&url));
        let is_plain = url.host_str().is_some()
            && url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none();
        (is_safe && is_plain).then(|| Self { text: text.to_owned(), url })
    }

    /// The address, as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Host and, when it is not the usual one, port.
    #[must_use]
    pub fn host(&self) -> String {
        let host = self.url.host_str().unwrap_or_default();
        self.url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
    }

    /// Is it on this machine?
    #[must_use]
    pub fn is_here(&self) -> bool {
        is_loopback(&self.url)
    }

    /// May a place be asked, or people be sent there, for this provider? What is not encrypted only
    /// on this machine, and only when the provider is there itself.
    #[must_use]
    pub fn may_lead_to(&self, url: &Url) -> bool {
        url.scheme() == "https" || (url.scheme() == "http" && self.is_here() && is_loopback(url))
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
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

#[cfg(test)]
impl OpenIdSignIn {
    /// Nothing but what has to be told.
    pub(crate) fn least(issuer: &str) -> Self {
        Self {
            issuer: Issuer::parse(issuer).unwrap(),
            client_id: "billhook".to_owned(),
            client_secret: None,
            scopes: Vec::new(),
            redirect_url: None,
            name_claim: None,
            role: Role::Viewer,
            role_claim: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Issuer;

    #[test]
    fn inv_sec_providers_are_asked_in_secret() {
        for good in ["https://login.example", "https://login.example:8443/realms/acme"] {
            let issuer = Issuer::parse(good).unwrap();
            assert_eq!(issuer.as_str(), good);
            assert!(issuer.may_lead_to(&"https://other.example/token".parse().unwrap()));
            assert!(!issuer.may_lead_to(&"http://login.example/token".parse().unwrap()));
            assert!(!issuer.may_lead_to(&"http://127.0.0.1/token".parse().unwrap()));
        }
        for here in ["http://127.0.0.1:8080", "http://localhost/realms/acme", "http://[::1]:80"] {
            let issuer = Issuer::parse(here).unwrap();
            assert!(issuer.is_here() && issuer.may_lead_to(&here.parse().unwrap()));
            assert!(!issuer.may_lead_to(&"http://login.example/token".parse().unwrap()));
        }
        for bad in [
            "login.example",
            "http://login.example",
            "http://localhost.evil.example",
            "https://a:b@login.example",
            "https://login.example/?a=b",
            "https://login.example/#a",
            "ftp://login.example",
            "",
        ] {
            assert_eq!(Issuer::parse(bad), None, "{bad}");
        }
        let issuer = Issuer::parse("https://login.example:8443/realms/acme").unwrap();
        assert_eq!(issuer.host(), "login.example:8443");
    }
}
