//! Credentials that are wanted for a connection. Secrets go in and never come out (INV-SEC).

use billhook_registry::{
    Access, AccessKey, AssumedRole, Base, Credentials, Sealed, SecretString, new_external_id,
};
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::api::Wrong;
use crate::fail::Fail;

/// Who Billhook is to be towards AWS. Nothing of it is shown by `Debug`.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WantedAccess {
    /// `access_key`, `role`, `profile`, `ambient` or `anonymous`.
    pub(crate) way: String,
    /// Access key, for `access_key`; for a role, who assumes it.
    pub(crate) key_id: Option<String>,
    /// Its secret.
    #[schema(write_only)]
    pub(crate) secret: Option<String>,
    /// The session token of a temporary key.
    #[schema(write_only)]
    pub(crate) session_token: Option<String>,
    /// ARN of the role. Its external ID stays as it is.
    pub(crate) role_arn: Option<String>,
    /// Profile of AWS's configuration files on the server.
    pub(crate) profile: Option<String>,
    /// Region; as before when nothing is given.
    pub(crate) region: Option<String>,
    /// Endpoint; as before when nothing is given.
    pub(crate) endpoint: Option<String>,
}

/// The access that is wanted, in place of `before`; or what cannot be used.
///
/// # Errors
/// When the operating system gives no random numbers for an external ID.
pub(crate) fn understood(
    wanted: WantedAccess,
    before: &Access<Sealed>,
) -> Result<Result<Access, Vec<Wrong>>, Fail> {
    let WantedAccess { way, role_arn, profile, region, endpoint, .. } = &wanted;
    let (region, endpoint) = (
        given(region.as_ref()).or_else(|| before.region.clone()),
        given(endpoint.as_ref()).or_else(|| before.endpoint.clone()),
    );
    let mut wrong = Vec::new();
    let (arn, profile) = (given(role_arn.as_ref()), given(profile.as_ref()));
    if way == "role" && !arn.as_deref().is_some_and(is_role) {
        let text = "Give the ARN of the role, such as arn:aws:iam::111122223333:role/billhook.";
        wrong.push(Wrong::new("role_arn", text));
    }
    if way == "profile" && profile.is_none() {
        wrong.push(Wrong::new("profile", "Give the name of the profile."));
    }
    if !["access_key", "role", "profile", "ambient", "anonymous"].contains(&way.as_str()) {
        wrong.push(Wrong::new("way", "Choose who Billhook is towards AWS."));
    }
    let way = way.clone();
    let key = key_of(wanted, way == "access_key", &mut wrong);
    if !wrong.is_empty() {
        return Ok(Err(wrong));
    }
    let credentials = match (way.as_str(), key, profile) {
        ("access_key", Some(key), _) => Credentials::AccessKey(key),
        ("profile", _, Some(name)) => Credentials::Profile { name },
        ("anonymous", ..) => Credentials::Anonymous,
        ("role", key, profile) => Credentials::Role(AssumedRole {
            arn: arn.unwrap_or_default(),
            external_id: external_id(before)?,
            session_name: None,
            base: match (key, profile) {
                (Some(key), _) => Base::AccessKey(key),
                (None, Some(name)) => Base::Profile { name },
                (None, None) => Base::Ambient,
            },
        }),
        _ => Credentials::Ambient,
    };
    Ok(Ok(Access { credentials, region, endpoint }))
}

/// The access key that is wanted, if any.
fn key_of(wanted: WantedAccess, is_needed: bool, wrong: &mut Vec<Wrong>) -> Option<AccessKey> {
    let WantedAccess { key_id, secret, session_token, .. } = wanted;
    let key_id = given(key_id.as_ref());
    let secret = secret.filter(|secret| !secret.trim().is_empty());
    let wants_key = is_needed || key_id.is_some() || secret.is_some();
    if !wants_key {
        return None;
    }
    if key_id.is_none() {
        wrong.push(Wrong::new("key_id", "Give the id of the access key: AKIA or ASIA and more."));
    }
    if secret.is_none() {
        wrong.push(Wrong::new("secret", "Type the secret of the access key again."));
    }
    let sealed = |text: String| SecretString::from(text.trim().to_owned());
    Some(AccessKey {
        key_id: key_id?,
        secret: sealed(secret?),
        session_token: session_token.filter(|text| !text.trim().is_empty()).map(sealed),
    })
}

/// The external ID of the role before, which its trust policy asks for; else a new one.
fn external_id(before: &Access<Sealed>) -> Result<String, Fail> {
    match &before.credentials {
        Credentials::Role(role) => Ok(role.external_id.clone()),
        _ => Ok(new_external_id()?),
    }
}

/// What was given, without outer spaces.
fn given(text: Option<&String>) -> Option<String> {
    text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
}

/// Does it look like the ARN of a role?
fn is_role(arn: &str) -> bool {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    match parts[..] {
        ["arn", _, "iam", "", account, name] => {
            let is_account = account.len() == 12 && account.bytes().all(|b| b.is_ascii_digit());
            is_account && name.strip_prefix("role/").is_some_and(|name| !name.is_empty())
        }
        _ => false,
    }
}

/// Credentials for the audit log: what was sealed anew is `changed`.
pub(crate) fn changed(mut access: Value) -> Value {
    fn mark(value: &mut Value) {
        match value {
            Value::Object(fields) => fields.values_mut().for_each(mark),
            Value::String(text) if text == "sealed" => "changed".clone_into(text),
            _ => {}
        }
    }
    mark(&mut access);
    access
}

#[cfg(test)]
mod tests {
    use billhook_registry::ExposeSecret;
    use serde_json::json;

    use super::*;

    fn sealed() -> Access<Sealed> {
        Access {
            credentials: Credentials::Role(AssumedRole {
                arn: "arn:aws:iam::111122223333:role/old".to_owned(),
                external_id: "billhook-1".to_owned(),
                session_name: None,
                base: Base::Ambient,
            }),
            region: Some("eu-central-1".to_owned()),
            endpoint: None,
        }
    }

    fn wanted(way: &str) -> WantedAccess {
        WantedAccess { way: way.to_owned(), ..WantedAccess::default() }
    }

    fn fields(wanted: WantedAccess) -> Vec<&'static str> {
        let wrong = understood(wanted, &sealed()).unwrap().unwrap_err();
        wrong.into_iter().map(|wrong| wrong.field).collect()
    }

    #[test]
    fn a_role_keeps_its_external_id_and_the_region() {
        let arn = Some(" arn:aws:iam::111122223333:role/new ".to_owned());
        let wanted = WantedAccess { role_arn: arn, ..wanted("role") };
        let access = understood(wanted, &sealed()).unwrap().unwrap();
        let Credentials::Role(role) = access.credentials else { panic!("no role") };
        assert_eq!(role.arn, "arn:aws:iam::111122223333:role/new");
        assert_eq!(role.external_id, "billhook-1");
        assert_eq!(access.region.as_deref(), Some("eu-central-1"));
    }

    #[test]
    fn what_is_missing_is_named_by_its_field() {
        assert_eq!(fields(wanted("access_key")), ["key_id", "secret"]);
        assert_eq!(fields(wanted("role")), ["role_arn"]);
        assert_eq!(fields(wanted("profile")), ["profile"]);
        assert_eq!(fields(wanted("magic")), ["way"]);
        let half = WantedAccess { key_id: Some("AKIA1".to_owned()), ..wanted("access_key") };
        assert_eq!(fields(half), ["secret"]);
    }

    #[test]
    fn inv_sec_secrets_are_told_as_changed() {
        let key = WantedAccess {
            key_id: Some("AKIAIOSFODNN7QX2".to_owned()),
            secret: Some("very secret".to_owned()),
            ..wanted("access_key")
        };
        let access = understood(key, &sealed()).unwrap().unwrap();
        let Credentials::AccessKey(key) = access.credentials else { panic!("no key") };
        assert_eq!(key.secret.expose_secret(), "very secret");
        let shown = changed(json!({ "credentials": { "key_id": "AKIA", "secret": "sealed" } }));
        assert_eq!(shown["credentials"]["secret"], "changed");
    }
}
