//! Options that say who Billhook is towards AWS.

use std::io::{IsTerminal, Write};

use billhook_engine::EngineError;
use billhook_registry::{Access, AccessKey, AssumedRole, Base, Credentials, SecretString};
use clap::Args;

use crate::context::Context;

/// Environment variable with the secret of `--access-key-id`.
const SECRET_VARIABLE: &str = "BILLHOOK_SECRET_ACCESS_KEY";

/// Environment variable with the session token of `--access-key-id`.
const TOKEN_VARIABLE: &str = "BILLHOOK_SESSION_TOKEN";

/// Who reads. Without any of these, whatever the environment, container or instance offers.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Credentials")]
pub(crate) struct IdentityArgs {
    /// Access key; its secret is asked for, or taken from `BILLHOOK_SECRET_ACCESS_KEY`
    #[arg(long, value_name = "ID", conflicts_with = "profile")]
    access_key_id: Option<String>,
    /// Profile of AWS's configuration files
    #[arg(long, value_name = "NAME")]
    profile: Option<String>,
    /// Role to assume, by one of the above or the environment
    #[arg(long, value_name = "ARN", requires = "external_id")]
    role_arn: Option<String>,
    /// External ID of the role, as `billhook access` gave it
    #[arg(long, value_name = "TEXT", requires = "role_arn")]
    external_id: Option<String>,
}

impl IdentityArgs {
    /// Is anything given?
    pub(crate) fn is_given(&self) -> bool {
        self.access_key_id.is_some() || self.profile.is_some() || self.role_arn.is_some()
    }

    /// Access key, profile, role and its external ID, as they were given.
    pub(crate) fn named(&self) -> [Option<String>; 4] {
        [&self.access_key_id, &self.profile, &self.role_arn, &self.external_id].map(Clone::clone)
    }

    /// Understands the options; asks for the secret of a key when nothing gives it.
    ///
    /// # Errors
    /// [`EngineError::Usage`] when there is nobody to ask.
    pub(crate) fn access(&self, context: &Context) -> Result<Access, EngineError> {
        let key = self.access_key_id.as_deref().map(key).transpose()?;
        let credentials = match (&self.role_arn, key, &self.profile) {
            (Some(arn), key, profile) => Credentials::Role(AssumedRole {
                arn: arn.trim().to_owned(),
                external_id: self.external_id.clone().unwrap_or_default(),
                session_name: None,
                base: match (key, profile) {
                    (Some(key), _) => Base::AccessKey(key),
                    (None, Some(name)) => Base::Profile { name: name.clone() },
                    (None, None) => Base::Ambient,
                },
            }),
            (None, Some(key), _) => Credentials::AccessKey(key),
            (None, None, Some(name)) => Credentials::Profile { name: name.clone() },
            (None, None, None) if context.s3.anonymous => Credentials::Anonymous,
            (None, None, None) => Credentials::Ambient,
        };
        let (region, endpoint) = (context.s3.region.clone(), context.s3.endpoint.clone());
        Ok(Access { credentials, region, endpoint })
    }
}

fn key(id: &str) -> Result<AccessKey, EngineError> {
    key_with(id, || ask(id))
}

/// An access key, whose secret is what the environment gives, or else what is asked for.
///
/// # Errors
/// What asking comes to.
pub(crate) fn key_with<E>(
    id: &str,
    ask: impl FnOnce() -> Result<String, E>,
) -> Result<AccessKey, E> {
    let given = |name: &str| std::env::var(name).ok().filter(|value| !value.trim().is_empty());
    let text = match given(SECRET_VARIABLE) {
        Some(text) => text,
        None => ask()?,
    };
    let sealed = |text: String| SecretString::from(text.trim().to_owned());
    Ok(AccessKey {
        key_id: id.trim().to_owned(),
        secret: sealed(text),
        session_token: given(TOKEN_VARIABLE).map(sealed),
    })
}

/// Asks on the terminal, without showing what is typed.
fn ask(id: &str) -> Result<String, EngineError> {
    let nobody = || {
        EngineError::Usage(format!(
            "the secret of {id} is missing: set {SECRET_VARIABLE}, or run this on a terminal"
        ))
    };
    if !std::io::stdin().is_terminal() {
        return Err(nobody());
    }
    let term = console::Term::stderr();
    write!(&term, "secret access key of {id}: ").map_err(|_| nobody())?;
    term.read_secure_line().map_err(|_| nobody())
}
