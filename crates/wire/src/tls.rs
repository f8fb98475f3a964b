//! TLS from PEM files, or no server at all: it never goes on without.

use std::path::Path;
use std::sync::Arc;

use pgwire::tokio::TlsAcceptor;
use pgwire::tokio::tokio_rustls::rustls::pki_types::pem::PemObject;
use pgwire::tokio::tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, pem};
use pgwire::tokio::tokio_rustls::rustls::{ServerConfig, crypto};

use crate::{Tls, WireError};

/// What the listener does with connections that want TLS.
#[derive(Clone)]
pub(crate) struct Ready {
    /// Takes them.
    pub(crate) acceptor: TlsAcceptor,
    /// The certificates as they stand in their file, to bind passwords to the connection.
    pub(crate) certificates: Arc<[u8]>,
}

/// Reads the files.
///
/// # Errors
/// When a file cannot be read, or the two do not fit together.
pub(crate) fn ready(tls: &Tls) -> Result<Ready, WireError> {
    let certificates = CertificateDer::pem_file_iter(&tls.certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|source| unreadable(&tls.certificate, "a certificate", source))?;
    let key = PrivateKeyDer::from_pem_file(&tls.key)
        .map_err(|source| unreadable(&tls.key, "a private key", source))?;
    let text = std::fs::read(&tls.certificate)
        .map_err(|source| unreadable(&tls.certificate, "a certificate", pem::Error::Io(source)))?;
    let unfit = |source| WireError::Tls {
        certificate: tls.certificate.clone(),
        key: tls.key.clone(),
        source,
    };
    let provider = Arc::new(crypto::aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(unfit)?
        .with_no_client_auth()
        .with_single_cert(certificates, key)
        .map_err(unfit)?;
    config.alpn_protocols = vec![b"postgresql".to_vec()];
    let acceptor = TlsAcceptor::from(Arc::new(config));
    Ok(Ready { acceptor, certificates: Arc::from(text) })
}

fn unreadable(path: &Path, what: &'static str, source: pem::Error) -> WireError {
    WireError::Pem { path: path.to_owned(), what, source }
}
