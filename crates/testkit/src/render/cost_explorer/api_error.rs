//! What AWS answers instead of a result.

use std::error::Error;
use std::fmt;

use serde_json::{Value, json};

/// An error of the API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiError {
    /// Such as `ValidationException`.
    pub code: &'static str,
    /// AWS's sentence, as far as it is known.
    pub message: String,
    /// HTTP status.
    pub status: u16,
}

impl ApiError {
    /// An error of the caller's making.
    #[must_use]
    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), status: 400 }
    }

    /// A request that is not valid.
    #[must_use]
    pub fn validation(message: impl Into<String>) -> Self {
        Self::new("ValidationException", message)
    }

    /// The body of the HTTP answer.
    #[must_use]
    pub fn body(&self) -> Value {
        json!({"__type": format!("com.amazonaws.ce#{}", self.code), "message": self.message})
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

impl Error for ApiError {}
