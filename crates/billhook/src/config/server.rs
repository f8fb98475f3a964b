//! What the server is told, and what may not be told together.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use billhook_engine::EngineError;
use billhook_server::config::{Config as ServerConfig, ProxySignIn};

use super::openid::openid;
use super::{Config, Settings};

const MIB: usize = 1_024 * 1_024;

impl Config {
    /// What the server is told.
    ///
    /// # Errors
    /// [`EngineError::Usage`] when settings contradict each other, or would let anybody in
    /// (INV-SEC).
    pub(crate) fn server(&self, is_demo: bool) -> Result<ServerConfig, EngineError> {
        let settings = &self.settings;
        if !settings.requires_sign_in {
            only_here("listen", Some(settings.listen))?;
            only_here("postgres.listen", settings.postgres)?;
        }
        Ok(ServerConfig {
            listen: settings.listen,
            postgres: settings.postgres,
            public_url: settings.public_url.clone(),
            requires_sign_in: settings.requires_sign_in,
            proxy: proxy(settings)?,
            openid: openid(settings, self.oidc_secret.as_ref())?,
            session: Duration::from_hours(settings.session_hours),
            clients: settings.clients,
            body_limit: settings.body_bytes,
            request_timeout: Duration::from_secs(settings.request_seconds),
            page_wait: Duration::from_secs(settings.page_seconds),
            statement_timeout: Duration::from_secs(settings.statement_seconds),
            query_memory: settings.query_memory_mib.saturating_mul(MIB),
            postgres_tls: tls(settings)?,
            is_demo,
            shown: self.shown(),
        })
    }
}

/// Refuses an address that others can reach (INV-SEC).
fn only_here(name: &str, address: Option<SocketAddr>) -> Result<(), EngineError> {
    match address {
        Some(address) if !is_loopback(address) => Err(EngineError::Usage(format!(
            "{name} is {address}, which other machines can reach: without sign-in a server listens \
             on this machine only, such as 127.0.0.1:{}; or leave sign-in on",
            address.port()
        ))),
        _ => Ok(()),
    }
}

/// Can only this machine reach it?
pub(crate) fn is_loopback(address: SocketAddr) -> bool {
    address.ip().to_canonical().is_loopback()
}

fn proxy(settings: &Settings) -> Result<Option<ProxySignIn>, EngineError> {
    let usage = |text: &str| Err(EngineError::Usage(text.to_owned()));
    match (&settings.proxy_header, settings.proxy_from.as_slice()) {
        (None, []) => Ok(None),
        (Some(_), []) => {
            usage("sign_in.proxy_header needs sign_in.proxy_from: from where is it believed?")
        }
        (None, _) => {
            usage("sign_in.proxy_from needs sign_in.proxy_header: which header names the user?")
        }
        (Some(header), from) => Ok(Some(ProxySignIn {
            header: header.clone(),
            from: from.to_vec(),
            role: settings.proxy_role,
        })),
    }
}

fn tls(settings: &Settings) -> Result<Option<(PathBuf, PathBuf)>, EngineError> {
    match (&settings.certificate, &settings.key) {
        (None, None) => Ok(None),
        (Some(certificate), Some(key)) => Ok(Some((certificate.clone(), key.clone()))),
        (Some(_), None) => Err(EngineError::Usage(
            "postgres.tls_certificate needs postgres.tls_key, the key of the certificate"
                .to_owned(),
        )),
        (None, Some(_)) => Err(EngineError::Usage(
            "postgres.tls_key needs postgres.tls_certificate, the certificate of the key"
                .to_owned(),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(said: &[(&'static str, &str)]) -> Result<ServerConfig, String> {
        let options: Vec<(&'static str, String)> =
            said.iter().map(|(name, text)| (*name, (*text).to_owned())).collect();
        let config = Config::read(None, &options, &[]).map_err(|error| error.to_string())?;
        config.server(false).map_err(|error| error.to_string())
    }

    #[test]
    fn inv_sec_without_sign_in_only_this_machine_is_listened_to() {
        let off = ("sign_in.required", "false");
        for here in ["127.0.0.1:80", "[::1]:80", "127.8.9.1:80", "[::ffff:127.0.0.1]:80"] {
            assert!(server(&[off, ("listen", here), ("postgres.listen", here)]).is_ok(), "{here}");
        }
        for there in ["0.0.0.0:80", "[::]:80", "10.0.0.1:80", "[::ffff:10.0.0.1]:80"] {
            let text = server(&[off, ("listen", there)]).unwrap_err();
            assert!(text.starts_with("listen is ") && text.contains("sign-in"), "{text}");
            let text = server(&[off, ("postgres.listen", there)]).unwrap_err();
            assert!(text.starts_with("postgres.listen is "), "{text}");
            assert!(server(&[("listen", there), ("postgres.listen", there)]).is_ok(), "{there}");
        }
    }

    #[test]
    fn what_belongs_together_is_told_together() {
        let header = ("sign_in.proxy_header", "X-Forwarded-User");
        let from = ("sign_in.proxy_from", "10.0.0.7");
        assert!(server(&[header]).unwrap_err().contains("needs sign_in.proxy_from"));
        assert!(server(&[from]).unwrap_err().contains("needs sign_in.proxy_header"));
        let proxy = server(&[header, from]).unwrap().proxy.unwrap();
        assert_eq!(proxy.header, "X-Forwarded-User");
        assert!(server(&[("postgres.tls_key", "k.pem")]).unwrap_err().contains("tls_certificate"));
        assert!(server(&[("postgres.tls_certificate", "c.pem")]).unwrap_err().contains("tls_key"));
    }

    #[test]
    fn the_server_is_told_what_was_said() {
        let told = server(&[("limits.query_memory_mib", "16"), ("sign_in.session_hours", "2")]);
        let told = told.unwrap();
        assert_eq!(told.query_memory, 16 * 1_024 * 1_024);
        assert_eq!(told.session, Duration::from_hours(2));
        assert!(told.requires_sign_in && told.postgres.is_none() && !told.is_demo);
        assert!(told.shown.iter().any(|one| one.key == "listen"));
    }
}
