//! Does the store honour conditional writes? Delta commits on it depend on that.

use object_store::{ObjectStoreExt, PutMode, PutOptions, PutPayload};

use crate::{Lake, LakeError};

/// Writes a probe twice with "only if absent"; the second must be refused.
///
/// # Errors
/// [`LakeError::Unconditional`] when the store ignores the condition; [`LakeError::Store`] when
/// it cannot be written at all.
pub async fn conditional_put(lake: &Lake) -> Result<(), LakeError> {
    let path = lake.path(&format!("_billhook/probe-{}", uuid::Uuid::new_v4()))?;
    let put = || {
        let payload = PutPayload::from_static(b"probe");
        lake.store.put_opts(&path, payload, PutOptions::from(PutMode::Create))
    };
    put().await.map_err(|e| LakeError::store("write", &path, e))?;
    let second = put().await;
    lake.store.delete(&path).await.map_err(|e| LakeError::store("delete", &path, e))?;
    match second {
        Err(
            object_store::Error::AlreadyExists { .. } | object_store::Error::Precondition { .. },
        ) => Ok(()),
        Err(error) => Err(LakeError::store("write", &path, error)),
        Ok(_) => Err(LakeError::Unconditional { location: lake.url.to_string() }),
    }
}
