//! Keys that tokens are signed with, and how they are shown.

use std::io;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair as RsaKeys, KeySize};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, RSA_PKCS1_SHA256,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

/// How tokens are signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// ECDSA on P-256.
    Es256,
    /// RSA of 2048 bits.
    Rs256,
}

impl Algorithm {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::Rs256 => "RS256",
        }
    }
}

/// A key with its name.
pub(super) struct Key {
    pub(super) id: String,
    pub(super) algorithm: Algorithm,
    pair: Pair,
}

enum Pair {
    Ecdsa(EcdsaKeyPair),
    Rsa(RsaKeys),
}

impl Key {
    /// Makes a new one.
    pub(super) fn new(id: &str, algorithm: Algorithm) -> io::Result<Self> {
        let pair = match algorithm {
            Algorithm::Es256 => {
                EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map(Pair::Ecdsa)
            }
            Algorithm::Rs256 => RsaKeys::generate(KeySize::Rsa2048).map(Pair::Rsa),
        };
        let pair = pair.map_err(|_| io::Error::other("no key can be made"))?;
        Ok(Self { id: id.to_owned(), algorithm, pair })
    }

    /// As a JSON Web Key, without what is secret.
    pub(super) fn shown(&self) -> Value {
        let alg = self.algorithm.name();
        match &self.pair {
            Pair::Ecdsa(pair) => {
                // A byte that says uncompressed, then both numbers.
                let point = pair.public_key().as_ref().get(1..).unwrap_or_default();
                let (x, y) = point.split_at(point.len() / 2);
                let (x, y) = (URL_SAFE_NO_PAD.encode(x), URL_SAFE_NO_PAD.encode(y));
                json!({
                    "kty": "EC", "use": "sig", "alg": alg, "kid": self.id, "crv": "P-256",
                    "x": x, "y": y,
                })
            }
            Pair::Rsa(pair) => {
                let key = pair.public_key();
                let modulus = key.modulus().big_endian_without_leading_zero();
                let exponent = key.exponent().big_endian_without_leading_zero();
                json!({
                    "kty": "RSA", "use": "sig", "alg": alg, "kid": self.id,
                    "n": URL_SAFE_NO_PAD.encode(modulus), "e": URL_SAFE_NO_PAD.encode(exponent),
                })
            }
        }
    }

    /// The signature of a text; empty when none can be made.
    pub(super) fn sign(&self, text: &str) -> Vec<u8> {
        let random = SystemRandom::new();
        match &self.pair {
            Pair::Ecdsa(pair) => {
                let signed = pair.sign(&random, text.as_bytes());
                signed.map(|signature| signature.as_ref().to_vec()).unwrap_or_default()
            }
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                let signed = pair.sign(&RSA_PKCS1_SHA256, &random, text.as_bytes(), &mut signature);
                signed.map(|()| signature).unwrap_or_default()
            }
        }
    }
}
