//! Signing what is sent, after Standard Webhooks 1.0.0: HMAC-SHA256 over `id.timestamp.body`.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_PAD_INDIFFERENT};
use hmac::{Hmac, KeyInit as _, Mac as _};
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret as _, SecretString};
use sha2::Sha256;

/// What stands before a secret, so that people know it for one.
const PREFIX: &str = "whsec_";

/// How many bytes a secret may have.
const BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// Signs with one key, or with the new one and the old one while a receiver changes from one to
/// the other.
pub(super) struct Signer {
    keys: Vec<Hmac<Sha256>>,
}

impl Signer {
    /// From `whsec_` and base64, or several of these with spaces between them. None when one of
    /// them is not 24 to 64 bytes in base64, or there is none.
    pub(super) fn new(secrets: &SecretString) -> Option<Self> {
        let words = secrets.expose_secret().split_whitespace();
        let keys: Option<Vec<_>> = words.map(key).collect();
        keys.filter(|keys| !keys.is_empty()).map(|keys| Self { keys })
    }

    /// The value of `webhook-signature`.
    pub(super) fn sign(&self, id: &str, timestamp: i64, body: &[u8]) -> String {
        let head = format!("{id}.{timestamp}.");
        let signed = self.keys.iter().map(|key| {
            let code = key.clone().chain_update(head.as_bytes()).chain_update(body).finalize();
            format!("v1,{}", STANDARD.encode(code.as_bytes()))
        });
        signed.collect::<Vec<_>>().join(" ")
    }
}

fn key(word: &str) -> Option<Hmac<Sha256>> {
    let text = word.strip_prefix(PREFIX).unwrap_or(word);
    let bytes = Zeroizing::new(STANDARD_PAD_INDIFFERENT.decode(text).ok()?);
    if !BYTES.contains(&bytes.len()) {
        return None;
    }
    Hmac::new_from_slice(&bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    fn signer(text: &str) -> Option<Signer> {
        Signer::new(&SecretString::from(text))
    }

    /// The numbers come from `openssl dgst -sha256 -mac HMAC`.
    #[test]
    fn the_signature_is_over_id_time_and_body() {
        let signer = signer(SECRET).unwrap();
        let body = br#"{"test": 2432232314}"#;
        let sent = signer.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, body);
        assert_eq!(sent, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        assert_ne!(signer.sign("other", 1_614_265_330, body), sent);
        assert_ne!(signer.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_331, body), sent);
    }

    #[test]
    fn two_keys_sign_while_one_replaces_the_other() {
        let old = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
        let both = signer(&format!("{SECRET} {old}")).unwrap().sign("a", 1, b"{}");
        let parts: Vec<&str> = both.split(' ').collect();
        assert_eq!(
            parts,
            [signer(SECRET).unwrap().sign("a", 1, b"{}"), signer(old).unwrap().sign("a", 1, b"{}")]
        );
    }

    #[test]
    fn a_secret_that_is_none_is_refused() {
        for text in ["", "whsec_", "whsec_c2hvcnQ=", "not base64 at all", "whsec_%%%"] {
            assert!(signer(text).is_none(), "{text}");
        }
        let bare = SECRET.trim_start_matches(PREFIX);
        let signed = signer(bare).unwrap().sign("a", 1, b"");
        assert_eq!(signed, signer(SECRET).unwrap().sign("a", 1, b""));
    }
}
