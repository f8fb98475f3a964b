//! Names of connections and sinks, and of users and tokens.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::RegistryError;

/// The name of a connection: 1 to 63 lowercase letters, digits and dashes, with a letter or digit
/// first. It is part of paths in the lake.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ConnectionName(String);

const MAX_LENGTH: usize = 63;
const MAX_USER_LENGTH: usize = 64;

impl ConnectionName {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// May a connection or a sink have that name?
pub(crate) fn is_name(text: &str) -> bool {
    let fits = (1..=MAX_LENGTH).contains(&text.len()) && !text.starts_with('-');
    let may_stand = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
    fits && text.bytes().all(may_stand)
}

/// May a user or a token have that name? Letters are those of ASCII, so that no two names look
/// alike and each has one spelling in either case.
pub(crate) fn is_user_name(text: &str) -> bool {
    let may_stand = |byte: u8| byte.is_ascii_alphanumeric() || b"._@+-".contains(&byte);
    (1..=MAX_USER_LENGTH).contains(&text.len()) && text.bytes().all(may_stand)
}

impl TryFrom<String> for ConnectionName {
    type Error = RegistryError;

    fn try_from(name: String) -> Result<Self, RegistryError> {
        if is_name(&name) { Ok(Self(name)) } else { Err(RegistryError::Name { name }) }
    }
}

impl FromStr for ConnectionName {
    type Err = RegistryError;

    fn from_str(name: &str) -> Result<Self, RegistryError> {
        Self::try_from(name.to_owned())
    }
}

impl From<ConnectionName> for String {
    fn from(name: ConnectionName) -> Self {
        name.0
    }
}

impl fmt::Display for ConnectionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
