//! What kind of trouble an error is: does it pass by itself, or has somebody to mend it?

use std::error::Error;

use billhook_aws::call::{CallError, Trouble};
use billhook_lake::LakeError;

use crate::EngineError;

/// What S3 says when it is busy.
const BUSY: [&str; 4] = ["SlowDown", "Throttling", "RequestTimeout", "InternalError"];

/// May the same work tomorrow, or in five minutes, without anybody's doing?
pub(super) fn is_passing(error: &EngineError) -> bool {
    match error {
        EngineError::Aws(error) | EngineError::CostExplorer { source: error, .. } => {
            error.trouble == Trouble::Passing
        }
        EngineError::Store { source, .. } | EngineError::Lake(LakeError::Store { source, .. }) => {
            is_passing_in_store(source)
        }
        EngineError::Lake(LakeError::Contended { .. })
        | EngineError::Restless { .. }
        | EngineError::Disagree(_) => true,
        EngineError::Registry(error) => error.retry(),
        _ => false,
    }
}

/// Does AWS refuse credentials, or lack a permission?
pub(super) fn is_refusal(error: &EngineError) -> bool {
    match error {
        EngineError::Aws(error) | EngineError::CostExplorer { source: error, .. } => {
            is_denied(error)
        }
        EngineError::Store { source, .. } => {
            let answer = Answer::of(source);
            match answer.call {
                Some(error) => is_denied(error),
                // Objects that were archived are refused in the same way.
                None => [401, 403].contains(&answer.status) && !answer.says("InvalidObjectState"),
            }
        }
        _ => false,
    }
}

/// Is it about the place or about AWS, so that a look at everything can tell more?
pub(super) fn is_about_place(error: &EngineError) -> bool {
    matches!(
        error,
        EngineError::Location(_)
            | EngineError::Store { .. }
            | EngineError::Aws(_)
            | EngineError::CostExplorer { .. }
    )
}

fn is_denied(error: &CallError) -> bool {
    matches!(error.trouble, Trouble::Denied | Trouble::Credentials)
}

fn is_passing_in_store(error: &object_store::Error) -> bool {
    let answer = Answer::of(error);
    if let Some(error) = answer.call {
        return error.trouble == Trouble::Passing;
    }
    if answer.status > 0 {
        let is_busy = answer.status == 429 || answer.status >= 500;
        return is_busy || BUSY.iter().any(|code| answer.says(code));
    }
    // Without an answer it is the network, unless something on this machine is wrong.
    let is_mine = ["metadata", "169.254.169.254", "redirect without LOCATION", "No such file"];
    let is_local = answer.says("LocalFileSystem") || answer.says("Permission denied");
    !is_local && !is_mine.iter().any(|words| answer.says(words))
}

/// What a store was told.
struct Answer<'a> {
    /// The error and its causes.
    text: String,
    /// HTTP status; 0 when there was no answer.
    status: u16,
    /// What AWS said when the store asked it for credentials.
    call: Option<&'a CallError>,
}

impl<'a> Answer<'a> {
    fn of(error: &'a object_store::Error) -> Self {
        let mut text = error.to_string();
        let mut call = None;
        let mut cause: Option<&'a (dyn Error + 'static)> = error.source();
        while let Some(error) = cause {
            text.push_str(" | ");
            text.push_str(&error.to_string());
            call = call.or_else(|| error.downcast_ref::<CallError>());
            cause = error.source();
        }
        let digits = text.split("status code: ").nth(1).and_then(|rest| rest.get(..3));
        let status = digits.and_then(|digits| digits.parse().ok()).unwrap_or(0);
        Self { text, status, call }
    }

    fn says(&self, words: &str) -> bool {
        self.text.contains(words)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn store(text: &str) -> EngineError {
        let source = Box::new(std::io::Error::other(text.to_owned()));
        let source = object_store::Error::Generic { store: "S3", source };
        EngineError::Store { location: "s3://bills/cur".to_owned(), source }
    }

    fn call(trouble: Trouble) -> CallError {
        CallError { trouble, code: "Code".to_owned(), message: "words".to_owned() }
    }

    #[test]
    fn what_a_store_is_told_is_told_apart() {
        let status = |status: &str| {
            store(&format!("Server returned non-2xx status code: {status}: <Error/>"))
        };
        for (error, passing, refusal) in [
            (status("503 Service Unavailable"), true, false),
            (status("500 Internal Server Error"), true, false),
            (status("400 Bad Request: <Code>RequestTimeout</Code>"), true, false),
            (status("403 Forbidden: <Code>AccessDenied</Code>"), false, true),
            (status("403 Forbidden: <Code>InvalidObjectState</Code>"), false, false),
            (status("404 Not Found: <Code>NoSuchBucket</Code>"), false, false),
            (status("400 Bad Request: <Code>AuthorizationHeaderMalformed</Code>"), false, false),
            (store("error sending request: connection refused"), true, false),
            (store("http://169.254.169.254/latest: no answer"), false, false),
        ] {
            assert_eq!((is_passing(&error), is_refusal(&error)), (passing, refusal), "{error:?}");
            assert!(is_about_place(&error));
        }
    }

    #[test]
    fn calls_are_told_apart_wherever_they_are_made() {
        for (trouble, passing, refusal) in [
            (Trouble::Passing, true, false),
            (Trouble::Denied, false, true),
            (Trouble::Credentials, false, true),
            (Trouble::Unavailable, false, false),
        ] {
            let source = Box::new(call(trouble));
            let source = object_store::Error::Generic { store: "S3", source };
            let location = "s3://bills/cur".to_owned();
            let in_store = EngineError::Store { location, source };
            for error in [in_store, EngineError::Aws(call(trouble))] {
                assert_eq!(is_passing(&error), passing, "{error:?}");
                assert_eq!(is_refusal(&error), refusal, "{error:?}");
            }
        }
        let budget = EngineError::Budget { day: "2026-11-21".to_owned(), limit: 1, requests: 1 };
        assert!(!is_passing(&budget) && !is_refusal(&budget));
    }
}
