//! How AWS is reached on behalf of a connection.
//!
//! The types have a parameter for what stands in the place of a secret: a [`SecretString`] in
//! memory, or the mark [`Sealed`] in whatever is stored or shown. Only the latter can be
//! serialised, so that code which writes a secret out does not compile (INV-SEC).

use std::convert::Infallible;

use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use crate::{RegistryError, random};

/// Stands where a secret is sealed in the database; as text `sealed`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sealed {
    /// The only value.
    Sealed,
}

/// Credentials, and where they are used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Access<S = SecretString> {
    /// Who Billhook is towards AWS.
    pub credentials: Credentials<S>,
    /// AWS region; `None` for the environment's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// URL of another endpoint than AWS's own; `None` for the environment's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
}

/// Who Billhook is towards AWS.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Credentials<S = SecretString> {
    /// A key that was given.
    AccessKey(AccessKey<S>),
    /// A role that is assumed.
    Role(AssumedRole<S>),
    /// A profile of AWS's configuration files.
    Profile {
        /// Its name.
        name: String,
    },
    /// Whatever the environment, container or instance offers.
    Ambient,
    /// Nobody: requests to public buckets are not signed.
    Anonymous,
}

/// A role of AWS, and who assumes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AssumedRole<S = SecretString> {
    /// `arn:aws:iam::111122223333:role/NAME`.
    pub arn: String,
    /// What the role's trust policy asks for as `sts:ExternalId`; see [`new_external_id`].
    pub external_id: String,
    /// Name of the session in AWS's logs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_name: Option<String>,
    /// Who assumes the role.
    pub base: Base<S>,
}

/// Who assumes a role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Base<S = SecretString> {
    /// Whatever the environment, container or instance offers.
    Ambient,
    /// A profile of AWS's configuration files.
    Profile {
        /// Its name.
        name: String,
    },
    /// A key that was given.
    AccessKey(AccessKey<S>),
}

/// An access key of AWS.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessKey<S = SecretString> {
    /// `AKIA…` or `ASIA…`; not secret.
    pub key_id: String,
    /// The secret access key.
    pub secret: S,
    /// The session token of a temporary key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_token: Option<S>,
}

/// Takes a secret of a field, gives what stands in its place.
type Exchange<'a, S, T, E> = &'a mut dyn FnMut(&'static str, S) -> Result<T, E>;

/// Names of the secrets. A connection has at most one access key, so they are enough. Sealed values
/// are bound to them: they must never change.
const SECRET: &str = "secret access key";
const SESSION_TOKEN: &str = "session token";

impl<S> From<Credentials<S>> for Access<S> {
    fn from(credentials: Credentials<S>) -> Self {
        Self { credentials, region: None, endpoint: None }
    }
}

impl Access {
    /// What may be stored as it is, and each secret with the name of its field.
    pub(crate) fn apart(self) -> (Access<Sealed>, Vec<(&'static str, SecretString)>) {
        let mut secrets = Vec::new();
        let taken = self.exchange::<Sealed, Infallible>(&mut |field, secret| {
            secrets.push((field, secret));
            Ok(Sealed::Sealed)
        });
        let Ok(shown) = taken;
        (shown, secrets)
    }
}

impl<S> Access<S> {
    /// The same access, with something else in the place of every secret.
    pub(crate) fn exchange<T, E>(self, exchange: Exchange<'_, S, T, E>) -> Result<Access<T>, E> {
        let credentials = match self.credentials {
            Credentials::AccessKey(key) => Credentials::AccessKey(key.exchange(exchange)?),
            Credentials::Role(role) => Credentials::Role(role.exchange(exchange)?),
            Credentials::Profile { name } => Credentials::Profile { name },
            Credentials::Ambient => Credentials::Ambient,
            Credentials::Anonymous => Credentials::Anonymous,
        };
        Ok(Access { credentials, region: self.region, endpoint: self.endpoint })
    }
}

impl<S> AssumedRole<S> {
    fn exchange<T, E>(self, exchange: Exchange<'_, S, T, E>) -> Result<AssumedRole<T>, E> {
        let base = match self.base {
            Base::AccessKey(key) => Base::AccessKey(key.exchange(exchange)?),
            Base::Profile { name } => Base::Profile { name },
            Base::Ambient => Base::Ambient,
        };
        Ok(AssumedRole {
            arn: self.arn,
            external_id: self.external_id,
            session_name: self.session_name,
            base,
        })
    }
}

impl<S> AccessKey<S> {
    fn exchange<T, E>(self, exchange: Exchange<'_, S, T, E>) -> Result<AccessKey<T>, E> {
        let secret = exchange(SECRET, self.secret)?;
        let session_token = match self.session_token {
            Some(token) => Some(exchange(SESSION_TOKEN, token)?),
            None => None,
        };
        Ok(AccessKey { key_id: self.key_id, secret, session_token })
    }
}

/// A new external ID for a role's trust policy: `billhook-` and 160 random bits as hexadecimal
/// digits. AWS takes 2 to 1224 of `[\w+=,.@:/-]`.
///
/// Whoever shares a Billhook gives each role an ID of its own, so that nobody can have it assume
/// somebody else's role.
///
/// # Errors
/// When the operating system gives no random numbers.
pub fn new_external_id() -> Result<String, RegistryError> {
    Ok(format!("billhook-{}", hex::encode(random::bytes::<20>()?)))
}
