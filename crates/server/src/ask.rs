//! Who asks, and with what.

use std::net::IpAddr;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::Uri;
use axum::http::request::Parts;
use billhook_registry::{Role, SecretString, Token, User};

use crate::fail::Fail;

/// A request, as far as every page wants to know it. It is put together by [`crate::guard`].
#[derive(Debug, Clone)]
pub(crate) struct Ask {
    /// Who asks.
    pub(crate) who: Who,
    /// Path and query.
    pub(crate) uri: Uri,
    /// Of a page below `/v/`: path and query of what it shows, which are too long for a link.
    pub(crate) shows: Option<Arc<str>>,
    /// What the caller's browser calls this server, such as `https://billhook.example`.
    pub(crate) site: String,
    /// The caller's address.
    pub(crate) address: IpAddr,
    /// What the colours are chosen by: `light`, `dark`, or nothing for the system's.
    pub(crate) theme: &'static str,
    /// Are shortcuts of the keyboard turned off?
    pub(crate) has_no_keys: bool,
    /// What forms of this caller carry.
    pub(crate) csrf: String,
    /// Number of the request, for logs and error pages.
    pub(crate) id: String,
}

/// Who asks.
#[derive(Debug, Clone)]
pub(crate) enum Who {
    /// Somebody who has not signed in.
    Nobody,
    /// Anybody on this machine, where nobody has to sign in.
    Local,
    /// A user.
    User(User, Via),
}

/// How a user is known.
#[derive(Debug, Clone)]
pub(crate) enum Via {
    /// By the cookie of a session: its text.
    Session(SecretString),
    /// By a token of the API.
    Token(Box<Token>),
    /// By a proxy in front.
    Proxy,
}

impl Ask {
    /// What the caller may do; `None` for nothing.
    pub(crate) fn role(&self) -> Option<Role> {
        match &self.who {
            Who::Nobody => None,
            Who::Local => Some(Role::Admin),
            Who::User(user, _) => Some(user.role),
        }
    }

    /// May the caller change connections, sinks and users?
    pub(crate) fn is_admin(&self) -> bool {
        self.role() == Some(Role::Admin)
    }

    /// The caller's name, as the audit log has it.
    pub(crate) fn name(&self) -> &str {
        match &self.who {
            Who::Nobody => "nobody",
            Who::Local => "local",
            Who::User(user, _) => &user.name,
        }
    }

    /// The user who asks, when it is one.
    pub(crate) fn user(&self) -> Option<&User> {
        match &self.who {
            Who::User(user, _) => Some(user),
            Who::Nobody | Who::Local => None,
        }
    }

    /// Is it for a program, which wants JSON?
    pub(crate) fn is_api(&self) -> bool {
        self.uri.path().starts_with("/api/")
    }

    /// The parameters of the query, decoded, in their order.
    pub(crate) fn query(&self) -> Vec<(String, String)> {
        let shown = self.shows.as_deref().and_then(|shows| shows.split_once('?'));
        let mut all = shown.map_or_else(Vec::new, |(_, query)| pairs(query.as_bytes()));
        all.extend(pairs(self.uri.query().unwrap_or_default().as_bytes()));
        all
    }

    /// Path and query, as they were asked for.
    pub(crate) fn here(&self) -> &str {
        self.uri.path_and_query().map_or("/", |path| path.as_str())
    }

    /// The path of the page.
    pub(crate) fn path(&self) -> &str {
        let shown = self.shows.as_deref().and_then(|shows| shows.split('?').next());
        shown.unwrap_or(self.uri.path())
    }

    /// The same, for a page that shows what is at another address.
    pub(crate) fn showing(self, address: &str) -> Self {
        Self { shows: Some(address.into()), ..self }
    }

    /// The last value of a parameter of the query.
    pub(crate) fn parameter(&self, name: &str) -> Option<String> {
        self.query().into_iter().rev().find(|(key, _)| key == name).map(|(_, value)| value)
    }

    /// Is only the block of this id of the page wanted?
    pub(crate) fn fragment(&self) -> Option<String> {
        self.parameter("fragment")
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Ask {
    type Rejection = Fail;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Fail> {
        let ask = parts.extensions.get::<Arc<Self>>();
        ask.map(|ask| Self::clone(ask)).ok_or_else(|| Fail::internal("a request without a caller"))
    }
}

/// The fields of a form. The guard has looked at its CSRF token.
#[derive(Debug, Clone, Default)]
pub(crate) struct Posted(pub(crate) Vec<(String, String)>);

impl Posted {
    /// The last value of a field, without outer spaces; `None` when it is missing or empty.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.raw(name).map(str::trim).filter(|value| !value.is_empty())
    }

    /// The last value of a field, as it was typed.
    pub(crate) fn raw(&self, name: &str) -> Option<&str> {
        self.0.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// All values of a field.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// Is a box ticked?
    pub(crate) fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// A secret that was typed.
    pub(crate) fn secret(&self, name: &str) -> Option<SecretString> {
        self.raw(name).filter(|value| !value.is_empty()).map(|value| value.to_owned().into())
    }
}

impl<S: Send + Sync> FromRequest<S> for Posted {
    type Rejection = Fail;

    async fn from_request(request: Request, state: &S) -> Result<Self, Fail> {
        let body = Bytes::from_request(request, state).await;
        let body = body.map_err(|error| Fail::bad(format!("the form cannot be read: {error}")))?;
        Ok(Self(pairs(&body)))
    }
}

/// Names and values of a query or a form.
pub(crate) fn pairs(text: &[u8]) -> Vec<(String, String)> {
    url::form_urlencoded::parse(text).into_owned().collect()
}
