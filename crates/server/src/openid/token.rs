//! The token that says who somebody is: is it signed by the provider, for this server, for this
//! sign-in, and still good?

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use openidconnect::core::{
    CoreIdToken, CoreIdTokenVerifier, CoreJwsSigningAlgorithm, CoreProviderMetadata,
};
use openidconnect::{
    ClaimsVerificationError, ClientId, Nonce, SignatureVerificationError as Signature,
};
use serde_json::{Map, Value};

use super::trouble::Trouble;

/// So far the clocks of provider and server may be apart, seconds.
const LEEWAY: i64 = 60;

/// Signatures that only the provider can make.
const ALGORITHMS: [CoreJwsSigningAlgorithm; 9] = [
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha384,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha512,
    CoreJwsSigningAlgorithm::RsaSsaPssSha256,
    CoreJwsSigningAlgorithm::RsaSsaPssSha384,
    CoreJwsSigningAlgorithm::RsaSsaPssSha512,
    CoreJwsSigningAlgorithm::EcdsaP256Sha256,
    CoreJwsSigningAlgorithm::EcdsaP384Sha384,
    CoreJwsSigningAlgorithm::EdDsa,
];

/// Everything that a token says.
pub(crate) type Claims = Map<String, Value>;

/// What a token says, when all of it can be believed.
///
/// # Errors
/// [`Trouble::Key`], [`Trouble::Expired`], [`Trouble::Token`].
pub(crate) fn claims(
    token: &CoreIdToken,
    known: &CoreProviderMetadata,
    client_id: &str,
    nonce: &Nonce,
    now: DateTime<Utc>,
) -> Result<Claims, Trouble> {
    let client = ClientId::new(client_id.to_owned());
    let at = now.checked_sub_signed(TimeDelta::seconds(LEEWAY)).unwrap_or(now);
    // As a client without a secret: what is signed with the secret is not signed by the provider.
    let verifier = CoreIdTokenVerifier::new_public_client(
        client.clone(),
        known.issuer().clone(),
        known.jwks().clone(),
    );
    // Others may be told of, too, if it was made for this client: that is looked at below.
    let verifier = verifier
        .set_allowed_algs(ALGORITHMS)
        .set_time_fn(move || at)
        .set_other_audience_verifier_fn(|_| true);
    let claims = token.claims(&verifier, nonce).map_err(wrong)?;
    match claims.authorized_party() {
        Some(party) if *party != client => {
            return Err(Trouble::Token("the id token was made for another client".to_owned()));
        }
        None if claims.audiences().len() > 1 => {
            let why = "the id token is for several clients, and does not say for which it was made";
            return Err(Trouble::Token(why.to_owned()));
        }
        _ => {}
    }
    let text = token.to_string();
    let body = text.split('.').nth(1).unwrap_or_default();
    let body = URL_SAFE_NO_PAD.decode(body).ok();
    let said = body.and_then(|body| serde_json::from_slice(&body).ok());
    said.ok_or_else(|| Trouble::Token("the id token cannot be read".to_owned()))
}

fn wrong(error: ClaimsVerificationError) -> Trouble {
    match error {
        ClaimsVerificationError::Expired(_) => Trouble::Expired(error.to_string()),
        ClaimsVerificationError::SignatureVerification(Signature::NoMatchingKey) => Trouble::Key,
        ClaimsVerificationError::SignatureVerification(why) => {
            Trouble::Token(format!("the signature of the id token is not good: {why}"))
        }
        error => Trouble::Token(format!("the id token is not for this sign-in: {error}")),
    }
}
