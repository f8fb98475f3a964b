//! What goes wrong, and how it is told: a page to people, `problem+json` to programs.
//!
//! A handler returns a [`Fail`]; the guard draws it, because only it knows who asked.

use std::time::Duration;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use billhook_engine::EngineError;
use billhook_engine::error::causes;
use billhook_lake::LakeError;
use billhook_registry::RegistryError;

/// What went wrong.
#[derive(Debug, Clone)]
pub(crate) struct Fail {
    pub(crate) status: StatusCode,
    /// What happened, in a few words.
    pub(crate) title: String,
    /// Why.
    pub(crate) why: String,
    /// What to do.
    pub(crate) fix: String,
    /// A link that goes on: its text and address. Boxed, so that errors stay small.
    pub(crate) link: Option<Box<(String, String)>>,
    /// When it may be tried again.
    pub(crate) retry_after: Option<Duration>,
}

impl Fail {
    /// A failure with words of its own.
    pub(crate) fn new(
        status: StatusCode,
        title: impl Into<String>,
        why: impl Into<String>,
        fix: impl Into<String>,
    ) -> Self {
        let (title, why, fix) = (title.into(), why.into(), fix.into());
        Self { status, title, why, fix, link: None, retry_after: None }
    }

    /// Something in the request makes no sense; `why` names it and what would.
    pub(crate) fn bad(why: impl Into<String>) -> Self {
        let fix = "Change what was asked for, or go back.";
        Self::new(StatusCode::BAD_REQUEST, "This request makes no sense", why, fix)
    }

    /// There is no such thing; `what` names it, `instead` what there is.
    pub(crate) fn missing(what: impl Into<String>, instead: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "There is no such page", what, instead)
    }

    /// Only admins may.
    pub(crate) fn forbidden(what: impl Into<String>) -> Self {
        let fix = "Ask somebody with the admin role.";
        Self::new(StatusCode::FORBIDDEN, "This needs the admin role", what, fix)
    }

    /// Somebody has changed the same thing meanwhile.
    pub(crate) fn conflict(why: impl Into<String>, fix: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, "This was changed meanwhile", why, fix)
    }

    /// What was filled in cannot be used.
    pub(crate) fn unusable(why: impl Into<String>) -> Self {
        let fix = "Mend the field and send the form again.";
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "The form cannot be used as it is", why, fix)
    }

    /// Billhook failed. The text is for the log.
    pub(crate) fn internal(why: impl Into<String>) -> Self {
        let fix = "Try again. If it stays, look for the number below in the log.";
        let title = "Billhook failed to draw this page";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, title, why, fix)
    }

    /// The same, with a link that goes on.
    pub(crate) fn linked(mut self, text: impl Into<String>, to: impl Into<String>) -> Self {
        self.link = Some(Box::new((text.into(), to.into())));
        self
    }
}

impl IntoResponse for Fail {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

impl From<EngineError> for Fail {
    fn from(error: EngineError) -> Self {
        let fix = error.fix().unwrap_or_default();
        match error {
            EngineError::Usage(why) => {
                Self { fix: kept(fix, &Self::bad("").fix), ..Self::bad(why) }
            }
            EngineError::Nothing(why) | EngineError::Absent(why) => {
                let title = "There is nothing to show";
                let fix = kept(fix, "Choose another period or fewer filters.");
                Self::new(StatusCode::NOT_FOUND, title, why, fix)
            }
            EngineError::Lake(error) => error.into(),
            EngineError::Registry(error) => error.into(),
            error @ EngineError::Settings(_) => Self::unusable(causes(&error)),
            error if error.retry() => {
                let (title, why) = ("This cannot be reached at the moment", causes(&error));
                Self::new(StatusCode::SERVICE_UNAVAILABLE, title, why, kept(fix, "Try again."))
            }
            error => {
                let (title, why) = ("This does not work", causes(&error));
                Self::new(StatusCode::BAD_GATEWAY, title, why, fix)
            }
        }
    }
}

impl From<LakeError> for Fail {
    fn from(error: LakeError) -> Self {
        if let Some(why) = error.outage() {
            let fix = "Try again: a delivery may just have taken the place of what was read.";
            return Self::unread(format!("Billhook cannot read the lake ({why})."), fix);
        }
        match error {
            LakeError::Query(_) => Self::bad(causes(&error)),
            LakeError::TooOld { .. } => {
                let fix = "Choose a later time.";
                let title = "Nothing is kept from as long ago";
                Self::new(StatusCode::NOT_FOUND, title, causes(&error), fix)
            }
            error => {
                let fix = "Billhook tries again with the next request.";
                let title = "The lake cannot be read";
                Self::new(StatusCode::SERVICE_UNAVAILABLE, title, causes(&error), fix)
            }
        }
    }
}

impl From<RegistryError> for Fail {
    fn from(error: RegistryError) -> Self {
        use RegistryError as E;
        let status = match &error {
            _ if error.retry() => StatusCode::SERVICE_UNAVAILABLE,
            E::NoConnection { .. }
            | E::NoSink { .. }
            | E::NoUser { .. }
            | E::NoDraft { .. }
            | E::NoSaved { .. } => StatusCode::NOT_FOUND,
            E::ChangedMeanwhile { .. } => StatusCode::CONFLICT,
            E::LinkSpent => StatusCode::GONE,
            E::Disk { .. }
            | E::Open { .. }
            | E::Version { .. }
            | E::Database { .. }
            | E::Damaged { .. }
            | E::Hash { .. }
            | E::Key { .. }
            | E::KeyMissing { .. }
            | E::KeyExposed { .. }
            | E::WrongKey { .. }
            | E::SecretMissing { .. }
            | E::Random { .. } => StatusCode::INTERNAL_SERVER_ERROR,
            _ => StatusCode::UNPROCESSABLE_ENTITY,
        };
        let title = match status {
            StatusCode::SERVICE_UNAVAILABLE => "The control database is busy",
            StatusCode::NOT_FOUND => "There is no such thing",
            StatusCode::CONFLICT => "This was changed meanwhile",
            StatusCode::GONE => "This link is spent",
            StatusCode::INTERNAL_SERVER_ERROR => "The control database cannot be used",
            _ => "The form cannot be used as it is",
        };
        let error = EngineError::from(error);
        let fix = error.fix().unwrap_or_default();
        Self::new(status, title, causes(&error), kept(fix, "Mend it and try again."))
    }
}

/// A fix, or another one when there is none.
fn kept(fix: String, other: &str) -> String {
    if fix.is_empty() { other.to_owned() } else { fix }
}
