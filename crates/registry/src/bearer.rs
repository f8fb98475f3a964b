//! Texts that let in whoever has them: one-time links, sessions, tokens. The database keeps only
//! their SHA-256, by which they are found. They are random enough for that: 256 bits.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

use crate::{RegistryError, random};

const BYTES: usize = 32;

/// A new text: `prefix` and 43 characters of base64url.
pub(crate) fn new(prefix: &str) -> Result<SecretString, RegistryError> {
    let bytes = Zeroizing::new(random::bytes::<BYTES>()?);
    let encoded = Zeroizing::new(URL_SAFE_NO_PAD.encode(bytes.as_slice()));
    Ok(SecretString::from([prefix, encoded.as_str()].concat()))
}

/// What the database keeps of a text.
pub(crate) fn digest(text: &SecretString) -> Vec<u8> {
    Sha256::digest(text.expose_secret().as_bytes()).to_vec()
}
