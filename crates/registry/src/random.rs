//! Random bytes of the operating system.

use crate::RegistryError;

/// Bytes that nobody can guess.
pub(crate) fn bytes<const N: usize>() -> Result<[u8; N], RegistryError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|source| RegistryError::Random { source })?;
    Ok(bytes)
}

/// A random UUID, as text.
pub(crate) fn uuid() -> Result<String, RegistryError> {
    Ok(uuid::Builder::from_random_bytes(bytes()?).into_uuid().to_string())
}
