//! Connections: what the registry remembers, made into places and sessions of AWS.

use billhook_aws::session::{Assume, Place, Session, Source};
use billhook_aws::{Location, S3Options};
use billhook_registry::{Access, AccessKey, Base, Connection, Credentials, ExposeSecret};

use crate::EngineError;
use crate::access::Partition;

/// Who assumes the role, or is the one who reads.
#[must_use]
pub fn source(access: &Access) -> Option<Source> {
    match &access.credentials {
        Credentials::AccessKey(key) => Some(key_source(key)),
        Credentials::Profile { name } => Some(Source::Profile(name.clone())),
        Credentials::Ambient => Some(Source::Ambient),
        Credentials::Anonymous => None,
        Credentials::Role(role) => Some(match &role.base {
            Base::Ambient => Source::Ambient,
            Base::Profile { name } => Source::Profile(name.clone()),
            Base::AccessKey(key) => key_source(key),
        }),
    }
}

fn key_source(key: &AccessKey) -> Source {
    Source::Key {
        id: key.key_id.clone(),
        secret: key.secret.expose_secret().to_owned(),
        token: key.session_token.as_ref().map(|token| token.expose_secret().to_owned()),
    }
}

/// The role to assume, if there is one.
#[must_use]
pub fn role(access: &Access) -> Option<Assume> {
    let Credentials::Role(role) = &access.credentials else { return None };
    Some(Assume {
        arn: role.arn.clone(),
        external_id: Some(role.external_id.clone()),
        session_name: role.session_name.clone(),
    })
}

/// Region and endpoint.
#[must_use]
pub fn reach(access: &Access) -> Place {
    Place { region: access.region.clone(), endpoint: access.endpoint.clone() }
}

/// The partition, told by the role or the region.
#[must_use]
pub fn partition(access: &Access) -> Partition {
    let role = role(access).map(|role| role.arn).unwrap_or_default();
    let region = access.region.as_deref().unwrap_or_default();
    if role.starts_with("arn:aws-cn:") || region.starts_with("cn-") {
        Partition::China
    } else if role.starts_with("arn:aws-us-gov:") || region.starts_with("us-gov-") {
        Partition::GovCloud
    } else {
        Partition::Aws
    }
}

/// The session of a connection; `None` for nobody.
///
/// # Errors
/// When there are no credentials.
pub async fn session(access: &Access) -> Result<Option<Session>, EngineError> {
    let Some(source) = source(access) else { return Ok(None) };
    let session = Session::open(&source, &reach(access)).await?;
    Ok(Some(match role(access) {
        Some(role) => session.assuming(&role).await,
        None => session,
    }))
}

/// The place of a connection.
///
/// # Errors
/// When there is no such folder, or the URL names no bucket.
pub fn place(
    location: &str,
    s3: &S3Options,
    access: &Access,
    session: Option<&Session>,
) -> Result<Location, EngineError> {
    let own = S3Options {
        endpoint: access.endpoint.clone().or_else(|| s3.endpoint.clone()),
        region: access.region.clone().or_else(|| s3.region.clone()),
        virtual_hosted: s3.virtual_hosted,
        anonymous: matches!(access.credentials, Credentials::Anonymous),
        session: session.cloned(),
    };
    Ok(billhook_aws::open(location, &own)?)
}

/// Does it take a request to AWS to look at it? Not for a folder.
#[must_use]
pub fn is_remote(connection: &Connection) -> bool {
    let location = connection.location.as_deref();
    location.is_none_or(|location| bucket_of(location).is_some())
}

/// Bucket and prefix of an S3 URL.
#[must_use]
pub fn bucket_of(location: &str) -> Option<(&str, &str)> {
    let rest = location.strip_prefix("s3://")?;
    let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
    Some((bucket, prefix.trim_matches('/')))
}
