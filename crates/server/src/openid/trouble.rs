//! What goes wrong when somebody signs in by OpenID Connect, and how it is told: to people what to
//! do, to the log the cause. No code, token or secret is in either.

use axum::http::StatusCode;
use thiserror::Error;

use crate::fail::Fail;
use crate::format::visible;

/// What goes wrong.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum Trouble {
    /// The provider does not answer.
    #[error("{0}")]
    Unreachable(String),
    /// What the provider answers cannot be used.
    #[error("{0}")]
    Unusable(String),
    /// The provider does not take this server for its client.
    #[error("the token endpoint answers {0}: is sign_in.oidc_client_id with its secret right?")]
    Client(String),
    /// The provider does not take the code.
    #[error("the token endpoint answers {0}")]
    Code(String),
    /// The person, or the provider for them, said no.
    #[error("the provider answers access_denied")]
    Denied,
    /// The provider sent somebody back without signing them in.
    #[error("the provider answers {0}")]
    SentBack(String),
    /// Nobody was sent there with that state, or it is used up.
    #[error("the state is not known: it was used, is older than ten minutes, or was made up")]
    Lost,
    /// Another browser was sent there.
    #[error("the state belongs to another browser")]
    Elsewhere,
    /// Where people are to come back to is not known.
    #[error("the request names no host, and neither public_url nor oidc_redirect_url is set")]
    Nowhere,
    /// The token is too old.
    #[error("{0}")]
    Expired(String),
    /// The token is signed with a key that the provider does not have.
    #[error("the id token is signed with a key that the provider does not show")]
    Key,
    /// The token is not for this sign-in.
    #[error("{0}")]
    Token(String),
    /// The token has no name.
    #[error("the id token has no {0} that can be used")]
    Nameless(String),
    /// The name cannot be one here.
    #[error("the claim {claim} cannot be a user name")]
    Name {
        /// Where it was read.
        claim: String,
        /// What it says.
        name: String,
    },
    /// Somebody else has that name.
    #[error("there is {what} {name} already")]
    Taken {
        /// Who or what has it.
        what: String,
        /// The name.
        name: String,
    },
    /// Nobody would be admin any more.
    #[error("{name} is the last admin, and the role claim says viewer")]
    LastAdmin {
        /// Who.
        name: String,
    },
}

impl Trouble {
    /// A page about it. `host` is the provider's.
    pub(crate) fn fail(&self, host: &str) -> Fail {
        let (status, title, why, fix) = self.told(host);
        Fail::new(status, title, why, fix).linked("Sign in", "/sign-in")
    }

    fn told(&self, host: &str) -> (StatusCode, String, String, String) {
        let again =
            "Sign in again. If it stays, tell an admin: the log of this server has the cause.";
        let (status, title, why, fix) = match self {
            Self::Unreachable(_) => (
                StatusCode::BAD_GATEWAY,
                format!("{host} does not answer"),
                format!("Billhook has to ask {host} to sign people in, and gets no answer."),
                "Try again in a moment. If it stays, an admin looks at the log of this server, \
                 which has the cause, and at sign_in.oidc_issuer.",
            ),
            Self::Unusable(_) => (
                StatusCode::BAD_GATEWAY,
                format!("Sign-in by {host} is not set up right"),
                format!("What {host} answers cannot be used to sign people in."),
                "An admin looks at the log of this server, which has the cause, and at \
                 sign_in.oidc_issuer, which has to be exactly what the provider calls itself.",
            ),
            Self::Client(code) => (
                StatusCode::BAD_GATEWAY,
                format!("{host} does not know Billhook"),
                format!("{host} refuses this server as a client ({code})."),
                "An admin compares sign_in.oidc_client_id and its secret with the client at the \
                 provider.",
            ),
            _ => return self.told_more(host, again),
        };
        (status, title, why, fix.to_owned())
    }

    /// The rest: what the provider said of this one sign-in.
    fn told_more(&self, host: &str, again: &str) -> (StatusCode, String, String, String) {
        let refused = StatusCode::FORBIDDEN;
        let (status, title, why, fix) = match self {
            Self::Denied => (
                refused,
                "You were not signed in",
                format!("You, or {host} for you, said no to signing in here."),
                "Sign in again and agree, or ask who runs the provider to let you in.".to_owned(),
            ),
            Self::Lost | Self::Elsewhere => (
                StatusCode::BAD_REQUEST,
                "This sign-in is over",
                "It was begun more than ten minutes ago or in another browser, or is done already."
                    .to_owned(),
                "Sign in again, in one browser, with cookies allowed.".to_owned(),
            ),
            Self::Nowhere => (
                StatusCode::BAD_REQUEST,
                "Billhook does not know its own address",
                format!("{host} has to be told where to send you back to."),
                "An admin sets public_url to what browsers call this server.".to_owned(),
            ),
            Self::Expired(_) => (
                refused,
                "You were not signed in",
                format!("What {host} says of you is out of date."),
                "Sign in again. If it stays, the clock of this server or of the provider is wrong."
                    .to_owned(),
            ),
            Self::SentBack(code) | Self::Code(code) => (
                refused,
                "You were not signed in",
                format!("{host} did not sign you in ({code})."),
                again.to_owned(),
            ),
            Self::Key | Self::Token(_) => (
                refused,
                "You were not signed in",
                format!("What {host} says of you is not for this sign-in, or not signed by it."),
                again.to_owned(),
            ),
            _ => return self.told_of_name(host, again),
        };
        (status, title.to_owned(), why, fix)
    }

    /// What is about the person's name or role here.
    fn told_of_name(&self, host: &str, again: &str) -> (StatusCode, String, String, String) {
        let title = "You cannot come in like this";
        let (why, fix) = match self {
            Self::Nameless(claims) => (
                format!("{host} does not tell a name of yours in {claims}."),
                "An admin has the provider tell one, or sets sign_in.oidc_name_claim.".to_owned(),
            ),
            Self::Name { claim, name } => (
                format!("{host} calls you {} ({claim}).", visible(name)),
                "User names have 1 to 64 letters (a-z), digits and . _ @ + -. An admin sets \
                 sign_in.oidc_name_claim to a claim that has such names."
                    .to_owned(),
            ),
            Self::Taken { what, name } => {
                let name = visible(name);
                (
                    format!("{host} calls you {name}, and there is {what} {name} already."),
                    "If that is you, sign in as before, or have an admin remove it, so that you \
                     can come in by the provider. If it is somebody else, an admin sets \
                     sign_in.oidc_name_claim to a claim that tells you apart."
                        .to_owned(),
                )
            }
            Self::LastAdmin { name } => (
                format!("{} is the last admin here, and is no admin at {host}.", visible(name)),
                "Make somebody else admin first, at the provider, or on the server with \
                 `billhook users role NAME admin`."
                    .to_owned(),
            ),
            _ => (format!("{host} did not sign you in."), again.to_owned()),
        };
        (StatusCode::CONFLICT, title.to_owned(), why, fix)
    }
}

/// What a provider says went wrong, as far as it is a code: others have made it up.
pub(crate) fn code(text: &str) -> String {
    let is_code = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    let is_one = (1..=64).contains(&text.len()) && text.bytes().all(is_code);
    if is_one { text.to_owned() } else { "an error without a code".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inv_sec_only_codes_are_told() {
        assert_eq!(code("invalid_grant"), "invalid_grant");
        for bad in ["", "eyJhbGciOi", "a b", "<script>", &"a".repeat(65)] {
            assert_eq!(code(bad), "an error without a code");
        }
    }

    #[test]
    fn every_page_says_what_to_do() {
        let text = || "cause".to_owned();
        for trouble in [
            Trouble::Unreachable(text()),
            Trouble::Unusable(text()),
            Trouble::Client(text()),
            Trouble::Code(text()),
            Trouble::Denied,
            Trouble::SentBack(text()),
            Trouble::Lost,
            Trouble::Elsewhere,
            Trouble::Nowhere,
            Trouble::Expired(text()),
            Trouble::Key,
            Trouble::Token(text()),
            Trouble::Nameless(text()),
            Trouble::Name { claim: text(), name: text() },
            Trouble::Taken { what: text(), name: text() },
            Trouble::LastAdmin { name: text() },
        ] {
            let fail = trouble.fail("login.example");
            assert!(!fail.fix.is_empty() && fail.why.ends_with('.'), "{trouble:?}: {fail:?}");
            assert!(fail.link.is_some(), "{trouble:?}");
        }
    }
}
