//! Tokens that say who somebody is, right or wrong.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::CLIENT;
use super::keys::Key;
use crate::cloud::signature::hmac;

/// What is wrong with a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// It is of another sign-in.
    Nonce,
    /// It is for another client.
    Audience,
    /// It is for this client, too, but was made for another one.
    AuthorizedParty,
    /// Another provider has made it.
    Issuer,
    /// Its time is over, for two minutes.
    Expired,
    /// Its time is over, for a second only.
    ExpiredNow,
    /// Its signature is one of other words.
    Signature,
    /// It has no signature.
    Unsigned,
    /// It is signed with the secret of the client, not with the provider's key.
    Secret,
    /// It is signed with a key that is not shown.
    Key,
    /// There is none.
    Missing,
}

/// What a token says.
pub(super) fn claims(
    person: &Value,
    issuer: &str,
    nonce: &str,
    now: i64,
    flaw: Option<Flaw>,
) -> Value {
    let mut all = json!({
        "iss": issuer, "aud": CLIENT.0, "iat": now, "exp": now + 3_600, "nonce": nonce,
    });
    match flaw {
        Some(Flaw::Nonce) => all["nonce"] = "of another".into(),
        Some(Flaw::Audience) => all["aud"] = "another".into(),
        Some(Flaw::AuthorizedParty) => {
            all["aud"] = json!([CLIENT.0, "another"]);
            all["azp"] = "another".into();
        }
        Some(Flaw::Issuer) => all["iss"] = "http://127.0.0.1/another".into(),
        Some(Flaw::Expired) => all["exp"] = (now - 120).into(),
        Some(Flaw::ExpiredNow) => all["exp"] = (now - 1).into(),
        _ => {}
    }
    if let (Some(all), Some(person)) = (all.as_object_mut(), person.as_object()) {
        all.extend(person.clone());
    }
    all
}

/// The token with its signature.
pub(super) fn signed(key: &Key, claims: &Value, flaw: Option<Flaw>) -> String {
    let (name, id) = match flaw {
        Some(Flaw::Unsigned) => ("none", key.id.as_str()),
        Some(Flaw::Secret) => ("HS256", key.id.as_str()),
        Some(Flaw::Key) => (key.algorithm.name(), "another"),
        _ => (key.algorithm.name(), key.id.as_str()),
    };
    let head = json!({ "alg": name, "kid": id, "typ": "JWT" });
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let text = format!("{}.{}", part(&head), part(claims));
    let signature = match flaw {
        Some(Flaw::Unsigned) => Vec::new(),
        Some(Flaw::Secret) => hmac(CLIENT.1.as_bytes(), text.as_bytes()).to_vec(),
        Some(Flaw::Signature) => key.sign("other words"),
        _ => key.sign(&text),
    };
    format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature))
}
