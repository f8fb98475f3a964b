//! Sealing: the key, and what it does to a secret.
//!
//! A secret is encrypted and authenticated with XChaCha20-Poly1305 under a random nonce of 24
//! bytes, together with the sort and id of its owner and the name of the field. So a sealed
//! value opens only where it was put: moved to another row or table it is refused like one that was
//! altered (INV-SEC).

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_PAD_INDIFFERENT, URL_SAFE_PAD_INDIFFERENT};
use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretString};

use crate::owner::Owner;
use crate::{RegistryError, private_file, random};

/// Environment variable that may hold the key.
pub const KEY_VARIABLE: &str = "BILLHOOK_KEY";

/// Name of the file in the home that holds the key otherwise.
pub const KEY_FILE: &str = "billhook.key";

const KEY_BYTES: usize = 32;
const NONCE_BYTES: usize = 24;

/// First byte of a sealed value; another way to seal would take another one.
const FORMAT: u8 = 1;

/// Where the key is that seals secrets: 32 bytes, as 64 hexadecimal digits or as base64.
#[derive(Debug, Clone)]
pub enum KeySource {
    /// The key itself, as somebody wrote it.
    Text(SecretString),
    /// A file. It is made, with a random key and mode 0600, when the first secret is sealed, and
    /// refused when group or others may read it.
    File(PathBuf),
}

impl KeySource {
    /// The environment variable `BILLHOOK_KEY` if it is set and not empty, else `billhook.key` in
    /// the home. Reads nothing else.
    #[must_use]
    pub fn ambient(home: &Path) -> Self {
        let text = std::env::var_os(KEY_VARIABLE).unwrap_or_default();
        // What is not UTF-8 is no key either, and is refused as such when the key is used.
        let text = Zeroizing::new(text.to_string_lossy().into_owned());
        if text.trim().is_empty() {
            Self::File(home.join(KEY_FILE))
        } else {
            Self::Text(SecretString::from(text.as_str()))
        }
    }

    /// Where the key is, for people.
    pub(crate) fn place(&self) -> String {
        match self {
            Self::Text(_) => KEY_VARIABLE.to_owned(),
            Self::File(path) => path.display().to_string(),
        }
    }

    /// The key; an error when it is not there.
    pub(crate) fn key(&self) -> Result<Key, RegistryError> {
        self.find()?.ok_or_else(|| RegistryError::KeyMissing { place: self.place() })
    }

    /// The key; a new one when it is not there. The caller keeps others from doing the same.
    pub(crate) fn key_or_new(&self) -> Result<Key, RegistryError> {
        match (self.find()?, self) {
            (Some(key), _) => Ok(key),
            (None, Self::File(path)) => self.parse(&new_key_file(path)?),
            (None, Self::Text(_)) => Err(RegistryError::KeyMissing { place: self.place() }),
        }
    }

    fn find(&self) -> Result<Option<Key>, RegistryError> {
        match self {
            Self::Text(text) => self.parse(text.expose_secret()).map(Some),
            Self::File(path) => read_key_file(path)?.map(|text| self.parse(&text)).transpose(),
        }
    }

    fn parse(&self, text: &str) -> Result<Key, RegistryError> {
        let text = text.trim();
        let bytes = if text.len() == 2 * KEY_BYTES {
            hex::decode(text).ok()
        } else {
            let url_safe = || URL_SAFE_PAD_INDIFFERENT.decode(text).ok();
            STANDARD_PAD_INDIFFERENT.decode(text).ok().or_else(url_safe)
        };
        let bytes = Zeroizing::new(bytes.unwrap_or_default());
        match XChaCha20Poly1305::new_from_slice(&bytes) {
            Ok(cipher) => Ok(Key { cipher }),
            Err(_) => Err(RegistryError::Key { place: self.place() }),
        }
    }
}

/// Text of the key file; `None` when there is none.
fn read_key_file(path: &Path) -> Result<Option<Zeroizing<String>>, RegistryError> {
    let mut file = match File::open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        opened => opened.map_err(cannot("open", path))?,
    };
    let metadata = file.metadata().map_err(cannot("look at", path))?;
    if private_file::is_exposed(&metadata) {
        return Err(RegistryError::KeyExposed { path: path.display().to_string() });
    }
    let mut text = Zeroizing::new(String::new());
    file.read_to_string(&mut text).map_err(cannot("read", path))?;
    Ok(Some(text))
}

/// Makes a key file, whole or not at all, and returns its text.
fn new_key_file(path: &Path) -> Result<Zeroizing<String>, RegistryError> {
    let key = Zeroizing::new(random::bytes::<KEY_BYTES>()?);
    let text = Zeroizing::new(hex::encode(key.as_slice()));
    let unfinished = path.with_extension("key.new");
    // One may have been left by a process that was killed right here.
    match fs::remove_file(&unfinished) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            return Err(cannot("remove", &unfinished)(error));
        }
        _ => {}
    }
    let written = private_file::create(&unfinished).and_then(|mut file| {
        writeln!(file, "{}", text.as_str())?;
        file.sync_all()
    });
    // On the disk before any secret is: without it none would ever open again.
    let named = written.and_then(|()| fs::rename(&unfinished, path));
    named.and_then(|()| private_file::sync_name(path)).map_err(cannot("write", path))?;
    Ok(text)
}

fn cannot(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> RegistryError {
    let action = format!("{what} {}", path.display());
    move |source| RegistryError::Disk { action, source }
}

/// A key that is ready to be used; wiped when dropped.
pub(crate) struct Key {
    cipher: XChaCha20Poly1305,
}

/// The only place where a sealed value opens.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    /// Whose secret it is.
    pub(crate) owner: Owner<'a>,
    /// Name of the field.
    pub(crate) field: &'a str,
}

impl Place<'_> {
    /// Sealed values are bound to it: it must never change.
    fn associated_data(self) -> String {
        format!("billhook/{}/{}", self.owner.path(), self.field)
    }
}

impl Key {
    /// Format, nonce, ciphertext and tag; `None` when the secret is too long (256 GiB).
    pub(crate) fn seal(
        &self,
        place: Place<'_>,
        secret: &SecretString,
    ) -> Result<Option<Vec<u8>>, RegistryError> {
        let nonce = random::bytes::<NONCE_BYTES>()?;
        let data = place.associated_data();
        let message = Payload { msg: secret.expose_secret().as_bytes(), aad: data.as_bytes() };
        let encrypted = self.cipher.encrypt(&XNonce::from(nonce), message).ok();
        Ok(encrypted.map(|text| [[FORMAT].as_slice(), nonce.as_slice(), text.as_slice()].concat()))
    }

    /// The secret; `None` when this key did not seal it for this place.
    pub(crate) fn open(&self, place: Place<'_>, sealed: &[u8]) -> Option<SecretString> {
        let (format, rest) = sealed.split_first()?;
        let (nonce, encrypted) = rest.split_first_chunk::<NONCE_BYTES>()?;
        if *format != FORMAT {
            return None;
        }
        let data = place.associated_data();
        let message = Payload { msg: encrypted, aad: data.as_bytes() };
        let text = Zeroizing::new(self.cipher.decrypt(&XNonce::from(*nonce), message).ok()?);
        std::str::from_utf8(&text).ok().map(SecretString::from)
    }
}
