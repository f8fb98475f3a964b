//! JSON in columns of the database.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::RegistryError;

/// The JSON text of a value. `what` names it in an error.
pub(crate) fn write<T: Serialize>(value: &T, what: &str) -> Result<String, RegistryError> {
    serde_json::to_string(value).map_err(|error| RegistryError::damaged(what, error))
}

/// The value of a JSON text. `what` names it in an error.
pub(crate) fn read<T: DeserializeOwned>(text: &str, what: &str) -> Result<T, RegistryError> {
    serde_json::from_str(text).map_err(|error| RegistryError::damaged(what, error))
}
