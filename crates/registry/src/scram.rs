//! What lets users and tokens in over the Postgres protocol: SCRAM-SHA-256 (RFC 5802, RFC 7677).
//!
//! Its salted password is as good as the password to whoever speaks that protocol, so it is sealed.

use std::borrow::Cow;

use pbkdf2::pbkdf2_hmac_array;
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretBox, SecretString};
use sha2::Sha256;

use crate::owner::Owner;
use crate::{Registry, RegistryError, Token, User, random, tokens, users};

/// Name of the sealed field. Sealed values are bound to it: it must never change.
pub(crate) const FIELD: &str = "password for SQL";

/// What RFC 7677 asks for at least, and Postgres uses.
const ITERATIONS: u32 = 4096;

const SALT_BYTES: usize = 16;
const SALTED_BYTES: usize = 32;

/// Secret bytes in memory: wiped when dropped, never shown by `Debug`.
#[derive(Debug)]
pub struct SecretBytes(SecretBox<[u8]>);

impl SecretBytes {
    /// The bytes.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        self.0.expose_secret()
    }
}

impl From<Vec<u8>> for SecretBytes {
    fn from(bytes: Vec<u8>) -> Self {
        Self(SecretBox::from(bytes))
    }
}

/// What a server must know to let somebody in by SCRAM-SHA-256, and who that is then.
#[derive(Debug)]
pub struct Scram {
    /// The salt, which is told to the client.
    pub salt: Vec<u8>,
    /// How often the password was hashed, which is told to the client.
    pub iterations: u32,
    /// `SaltedPassword` of RFC 5802.
    pub salted_password: SecretBytes,
    /// Who it is; of a token, its owner.
    pub user: User,
    /// The token, when the name is that of a token.
    pub token: Option<Token>,
}

impl Registry {
    /// How somebody may prove over the Postgres protocol that they are who they say: `name` is that
    /// of a user, who has a password, or of a token that is for SQL, whose text is the password.
    /// `None` when nobody can sign in by that name, now or at all.
    ///
    /// # Errors
    /// As [`Registry::access`].
    pub fn scram(&self, name: &str, now: i64) -> Result<Option<Scram>, RegistryError> {
        self.read("look for who signs in", |transaction| {
            let (user, token) = if let Some(user) = users::by_name(transaction, name)? {
                (user, None)
            } else {
                let token = tokens::by_name(transaction, name)?;
                let token = token.filter(|token| token.scopes.wire && !token.is_expired(now));
                let Some(token) = token else { return Ok(None) };
                (users::by_id(transaction, token.owner.as_str())?, Some(token))
            };
            let owner = match &token {
                Some(token) => Owner::token(token.id.as_str()),
                None => Owner::user(user.id.as_str()),
            };
            let secrets = self.open_secrets(transaction, owner)?;
            let Some(verifier) = secrets.get(FIELD) else { return Ok(None) };
            let (iterations, salt, salted_password) =
                parse(verifier.expose_secret()).ok_or_else(|| {
                    RegistryError::damaged(format!("the {FIELD} of {name}"), "its form is unknown")
                })?;
            Ok(Some(Scram { salt, iterations, salted_password, user, token }))
        })
    }
}

/// What is sealed of a password: iterations, salt and salted password, as `4096:HEX:HEX`.
pub(crate) fn verifier(password: &SecretString) -> Result<SecretString, RegistryError> {
    let salt = random::bytes::<SALT_BYTES>()?;
    let salted = salted(password.expose_secret(), &salt, ITERATIONS);
    let salted = Zeroizing::new(hex::encode(salted.as_slice()));
    let (iterations, salt) = (ITERATIONS.to_string(), hex::encode(salt));
    let parts = [iterations.as_str(), salt.as_str(), salted.as_str()];
    Ok(SecretString::from(parts.join(":")))
}

fn parse(verifier: &str) -> Option<(u32, Vec<u8>, SecretBytes)> {
    let mut parts = verifier.split(':');
    let (iterations, salt, salted) = (parts.next()?, parts.next()?, parts.next()?);
    let salted = SecretBytes::from(hex::decode(salted).ok()?);
    Some((iterations.parse().ok()?, hex::decode(salt).ok()?, salted))
}

/// `SaltedPassword` of RFC 5802. A password that `SASLprep` refuses is taken as it is, as clients
/// of Postgres do.
fn salted(password: &str, salt: &[u8], iterations: u32) -> Zeroizing<[u8; SALTED_BYTES]> {
    let prepared = stringprep::saslprep(password).unwrap_or(Cow::Borrowed(password));
    let prepared = Zeroizing::new(prepared.into_owned());
    Zeroizing::new(pbkdf2_hmac_array::<Sha256, SALTED_BYTES>(prepared.as_bytes(), salt, iterations))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex_of(password: &str) -> String {
        let salt = hex::decode("5b6d99689d12358eeca04b141236fa81").unwrap();
        hex::encode(salted(password, &salt, ITERATIONS).as_slice())
    }

    #[test]
    fn the_example_of_rfc_7677() {
        // The client's proof in the RFC follows from this value.
        let expected = "c4a49510323ab4f952cac1fa99441939e78ea74d6be81ddf7096e87513dc615d";
        assert_eq!(hex_of("pencil"), expected);
    }

    #[test]
    fn passwords_are_prepared_when_that_is_possible() {
        // A soft hyphen is mapped to nothing, a full-width letter to the plain one.
        assert_eq!(hex_of("pen\u{ad}cil"), hex_of("pencil"));
        assert_eq!(hex_of("\u{ff50}encil"), hex_of("pencil"));
        // A control character is refused, and then everything stays as it is.
        assert_ne!(hex_of("pen\u{ad}cil\u{7}"), hex_of("pencil\u{7}"));
    }

    #[test]
    fn what_is_sealed_is_read_again() {
        let password = SecretString::from("pencil");
        let sealed = verifier(&password).unwrap();
        let (iterations, salt, salted_password) = parse(sealed.expose_secret()).unwrap();
        assert_eq!((iterations, salt.len()), (ITERATIONS, SALT_BYTES));
        assert_eq!(salted_password.expose(), salted("pencil", &salt, iterations).as_slice());
        assert_ne!(sealed.expose_secret(), verifier(&password).unwrap().expose_secret());
        assert!(parse("4096:00").is_none() && parse("x:00:00").is_none());
    }
}
