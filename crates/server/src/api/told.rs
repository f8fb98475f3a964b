//! The JSON that a program sends.

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use serde::de::DeserializeOwned;

use crate::fail::Fail;

/// The body of a call, read as JSON.
#[derive(Debug, Clone)]
pub(crate) struct Told<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Told<T> {
    type Rejection = Fail;

    async fn from_request(request: Request, state: &S) -> Result<Self, Fail> {
        let body = Bytes::from_request(request, state).await;
        let body = body.map_err(|error| Fail::bad(format!("the body cannot be read: {error}")))?;
        read(&body).map(Self)
    }
}

/// Reads the JSON of a call.
///
/// # Errors
/// When it is no JSON, or not what the call takes; the text says where.
pub(crate) fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Fail> {
    serde_json::from_slice(body).map_err(|error| Fail::bad(said(&error)))
}

/// What is wrong with a body, without what stands in it: that may be a secret.
fn said(error: &serde_json::Error) -> String {
    let text = error.to_string();
    if text.starts_with("missing field") || text.starts_with("unknown field") {
        return format!("the body is not what this call takes: {text}");
    }
    let (line, column) = (error.line(), error.column());
    format!("the body is not the JSON that this call takes, at line {line}, column {column}")
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::said;

    #[derive(Debug, Deserialize)]
    struct Sent {
        #[expect(dead_code, reason = "only whether it can be read is looked at")]
        password: String,
    }

    #[test]
    fn what_was_sent_is_not_told() {
        let error = serde_json::from_str::<Sent>(r#"{"password": 31415926}"#).unwrap_err();
        assert!(!said(&error).contains("31415926"));
        let error = serde_json::from_str::<Sent>("{}").unwrap_err();
        assert!(said(&error).contains("password"));
    }
}
