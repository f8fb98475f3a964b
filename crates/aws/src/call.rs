//! Calls of AWS's APIs that fail: what kind of trouble it is, in one vocabulary for all services.

use aws_sdk_sts::error::{ProvideErrorMetadata, SdkError};

/// What kind of trouble it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// Too many calls, or AWS is at fault, or the connection broke: wait and ask again.
    Passing,
    /// There is no such data, or not any more.
    Unavailable,
    /// The page token is not good any more: begin again.
    Stale,
    /// Not allowed.
    Denied,
    /// No credentials, or none that are valid.
    Credentials,
    /// Anything else.
    Refused,
}

/// Why there is no answer.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{}{message}", if .code.is_empty() { String::new() } else { format!("{code}: ") })]
pub struct CallError {
    /// What kind of trouble it is.
    pub trouble: Trouble,
    /// AWS's code, empty when AWS did not answer.
    pub code: String,
    /// In AWS's words.
    pub message: String,
}

impl CallError {
    /// A call that cannot be made, or whose answer lacks what it must have.
    pub(crate) fn refused(message: impl Into<String>) -> Self {
        Self { trouble: Trouble::Refused, code: String::new(), message: message.into() }
    }
}

pub(crate) fn trouble<E>(error: &SdkError<E>) -> CallError
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    let SdkError::ServiceError(context) = error else {
        let trouble = match error {
            SdkError::ConstructionFailure(_) => Trouble::Refused,
            _ => Trouble::Passing,
        };
        let message = match error {
            SdkError::TimeoutError(_) => "no answer in time".to_owned(),
            _ => causes(error),
        };
        return CallError { trouble, code: String::new(), message };
    };
    let status = context.raw().status().as_u16();
    let error = context.err();
    let code = error.code().unwrap_or_default().to_owned();
    let message = error.message().map_or_else(|| format!("HTTP status {status}"), str::to_owned);
    CallError { trouble: kind(&code, &message, status), code, message }
}

/// The innermost causes say what happened.
pub(crate) fn causes(error: &(dyn std::error::Error + 'static)) -> String {
    let mut texts = vec![error.to_string()];
    let mut source = error.source();
    while let Some(cause) = source {
        texts.push(cause.to_string());
        source = cause.source();
    }
    texts.dedup();
    texts.join(": ")
}

pub(crate) fn kind(code: &str, message: &str, status: u16) -> Trouble {
    match code {
        "LimitExceededException"
        | "ThrottlingException"
        | "ThrottledException"
        | "Throttling"
        | "TooManyRequestsException"
        | "RequestLimitExceeded"
        | "RequestThrottled"
        | "RequestThrottledException"
        | "KmsThrottled"
        | "KMSThrottling"
        | "KMS.ThrottlingException"
        | "InternalError"
        | "InternalException"
        | "InternalFailure"
        | "ServiceUnavailable"
        | "ConcurrentModificationException"
        | "BillingViewHealthStatusException" => Trouble::Passing,
        "DataUnavailableException"
        | "BillExpirationException"
        | "AWSOrganizationsNotInUseException" => Trouble::Unavailable,
        // AWS has no code of its own for days before the history that it keeps.
        "ValidationException"
            if message.contains("historical data") || message.contains("14 months") =>
        {
            Trouble::Unavailable
        }
        "RequestChangedException"
        | "InvalidNextTokenException"
        | "PaginationTokenExpiredException" => Trouble::Stale,
        "AccessDeniedException"
        | "AccessDenied"
        | "AuthorizationError"
        | "NotAuthorizedForDetailTypeException"
        | "NotAuthorizedForSourceException"
        | "UnauthorizedOperation" => Trouble::Denied,
        "ExpiredTokenException"
        | "ExpiredToken"
        | "UnrecognizedClientException"
        | "InvalidClientTokenId"
        | "InvalidAccessKeyId"
        | "InvalidSignatureException"
        | "SignatureDoesNotMatch"
        | "MissingAuthenticationToken"
        | "IncompleteSignature" => Trouble::Credentials,
        _ if status == 429 || status >= 500 => Trouble::Passing,
        _ if status == 403 => Trouble::Denied,
        _ => Trouble::Refused,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn troubles_are_told_apart() {
        for (code, message, status, expected) in [
            ("LimitExceededException", "", 400, Trouble::Passing),
            ("InternalServerError", "", 500, Trouble::Passing),
            ("DataUnavailableException", "", 400, Trouble::Unavailable),
            (
                "ValidationException",
                "You haven't enabled historical data beyond 14 months",
                400,
                Trouble::Unavailable,
            ),
            ("ValidationException", "Start date cannot be after", 400, Trouble::Refused),
            ("InvalidNextTokenException", "", 400, Trouble::Stale),
            ("PaginationTokenExpiredException", "", 400, Trouble::Stale),
            ("AWSOrganizationsNotInUseException", "", 400, Trouble::Unavailable),
            ("TooManyRequestsException", "", 400, Trouble::Passing),
            ("DuplicateReportNameException", "", 400, Trouble::Refused),
            ("AccessDeniedException", "", 400, Trouble::Denied),
            ("", "", 403, Trouble::Denied),
            ("RequestThrottled", "", 403, Trouble::Passing),
            ("AuthorizationError", "", 403, Trouble::Denied),
            ("ExpiredTokenException", "", 400, Trouble::Credentials),
        ] {
            assert_eq!(kind(code, message, status), expected, "{code} {message}");
        }
    }

    #[test]
    fn errors_read_as_a_sentence() {
        let error = |code: &str| CallError {
            trouble: Trouble::Passing,
            code: code.to_owned(),
            message: "no answer".to_owned(),
        };
        assert_eq!(error("").to_string(), "no answer");
        assert_eq!(error("ThrottlingException").to_string(), "ThrottlingException: no answer");
    }
}
