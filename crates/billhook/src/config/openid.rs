//! What is told of a provider of OpenID Connect, and what may not be told together.

use std::path::Path;

use billhook_engine::EngineError;
use billhook_registry::SecretString;
use billhook_server::config::{OpenIdSignIn, RoleClaim};

use super::Settings;
use super::variables::OIDC_SECRET_VARIABLE;

/// Bytes of the longest file that can be one with a secret.
const LONGEST: usize = 4_096;

/// What the server is told; `None` when there is no provider.
///
/// # Errors
/// [`EngineError::Usage`] when something is missing, said twice, or the file cannot be read.
pub(super) fn openid(
    settings: &Settings,
    secret: Option<&SecretString>,
) -> Result<Option<OpenIdSignIn>, EngineError> {
    let Some(issuer) = &settings.oidc_issuer else {
        return match lonely(settings) {
            Some(name) => usage(&format!(
                "sign_in.{name} needs sign_in.oidc_issuer: which provider signs people in?"
            )),
            None => Ok(None),
        };
    };
    let Some(client_id) = &settings.oidc_client_id else {
        return usage(
            "sign_in.oidc_issuer needs sign_in.oidc_client_id, the client at the provider",
        );
    };
    let client_secret = match (secret, &settings.oidc_client_secret_file) {
        (Some(_), Some(_)) => {
            return usage(&format!(
                "{OIDC_SECRET_VARIABLE} and sign_in.oidc_client_secret_file both have the secret \
                 of the client: which one counts? Take one of them away"
            ));
        }
        (None, Some(file)) => Some(written(file)?),
        (secret, None) => secret.cloned(),
    };
    Ok(Some(OpenIdSignIn {
        issuer: issuer.clone(),
        client_id: client_id.clone(),
        client_secret,
        // It is always asked for.
        scopes: settings.oidc_scopes.iter().filter(|scope| *scope != "openid").cloned().collect(),
        redirect_url: settings.oidc_redirect_url.clone(),
        name_claim: settings.oidc_name_claim.clone(),
        role: settings.oidc_role,
        role_claim: role_claim(settings)?,
    }))
}

/// A setting that means nothing without a provider, if there is one.
fn lonely(settings: &Settings) -> Option<&'static str> {
    let said = [
        ("oidc_client_id", settings.oidc_client_id.is_some()),
        ("oidc_client_secret_file", settings.oidc_client_secret_file.is_some()),
        ("oidc_redirect_url", settings.oidc_redirect_url.is_some()),
        ("oidc_name_claim", settings.oidc_name_claim.is_some()),
        ("oidc_role_claim", settings.oidc_role_claim.is_some()),
        ("oidc_admin_values", !settings.oidc_admin_values.is_empty()),
    ];
    said.into_iter().find(|(_, is_said)| *is_said).map(|(name, _)| name)
}

fn role_claim(settings: &Settings) -> Result<Option<RoleClaim>, EngineError> {
    match (&settings.oidc_role_claim, settings.oidc_admin_values.as_slice()) {
        (None, []) => Ok(None),
        (Some(_), []) => usage(
            "sign_in.oidc_role_claim needs sign_in.oidc_admin_values: which of its values makes \
             an admin?",
        ),
        (None, _) => {
            usage("sign_in.oidc_admin_values needs sign_in.oidc_role_claim: which claim has them?")
        }
        (Some(name), values) => {
            Ok(Some(RoleClaim { name: name.clone(), admin_values: values.to_vec() }))
        }
    }
}

/// The secret in a file, without the end of its line.
fn written(file: &Path) -> Result<SecretString, EngineError> {
    let wrong = |why: &str| {
        let place = file.display();
        EngineError::Usage(format!("sign_in.oidc_client_secret_file: {place} {why}"))
    };
    let text = std::fs::read_to_string(file).map_err(|error| {
        wrong(&format!("cannot be read ({error}): is it there, and may this user read it?"))
    })?;
    let secret = text.trim();
    if secret.is_empty() || secret.len() > LONGEST {
        return Err(wrong("holds no secret: write the client's secret into it, and nothing else"));
    }
    Ok(SecretString::from(secret))
}

fn usage<T>(text: &str) -> Result<T, EngineError> {
    Err(EngineError::Usage(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use billhook_registry::{ExposeSecret, Role};

    use super::*;
    use crate::config::Config;

    const ISSUER: (&str, &str) = ("sign_in.oidc_issuer", "https://login.example/realms/acme");
    const CLIENT: (&str, &str) = ("sign_in.oidc_client_id", "billhook");
    const SECRET: &str = "hunter2hunter2";

    fn told(
        said: &[(&'static str, &str)],
        secret: Option<&str>,
    ) -> Result<Option<OpenIdSignIn>, String> {
        let options: Vec<(&'static str, String)> =
            said.iter().map(|(name, text)| (*name, (*text).to_owned())).collect();
        let variable = |text: &str| (OIDC_SECRET_VARIABLE.to_owned(), OsString::from(text));
        let variables: Vec<_> = secret.map(variable).into_iter().collect();
        let config = Config::read(None, &options, &variables).map_err(|error| error.to_string())?;
        let server = config.server(false).map_err(|error| error.to_string())?;
        Ok(server.openid)
    }

    #[test]
    fn a_provider_needs_a_client_and_nothing_else() {
        assert!(told(&[], None).unwrap().is_none());
        assert!(told(&[], Some(SECRET)).unwrap().is_none());
        let openid = told(&[ISSUER, CLIENT], None).unwrap().unwrap();
        assert_eq!(openid.issuer.as_str(), ISSUER.1);
        assert_eq!((openid.client_id.as_str(), openid.role), ("billhook", Role::Viewer));
        assert_eq!(openid.scopes, ["profile", "email"]);
        assert!(openid.client_secret.is_none() && openid.role_claim.is_none());
        let more = [
            ISSUER,
            CLIENT,
            ("sign_in.oidc_scopes", "openid, groups"),
            ("sign_in.oidc_role_claim", "groups"),
            ("sign_in.oidc_admin_values", "finops, root"),
        ];
        let openid = told(&more, None).unwrap().unwrap();
        assert_eq!(openid.scopes, ["groups"]);
        assert_eq!(openid.role_claim.unwrap().admin_values, ["finops", "root"]);
    }

    #[test]
    fn what_belongs_together_is_told_together() {
        let claim = ("sign_in.oidc_role_claim", "groups");
        let values = ("sign_in.oidc_admin_values", "finops");
        assert!(told(&[CLIENT], None).unwrap_err().contains("needs sign_in.oidc_issuer"));
        assert!(told(&[ISSUER], None).unwrap_err().contains("needs sign_in.oidc_client_id"));
        let text = told(&[ISSUER, CLIENT, claim], None).unwrap_err();
        assert!(text.contains("needs sign_in.oidc_admin_values"), "{text}");
        let text = told(&[ISSUER, CLIENT, values], None).unwrap_err();
        assert!(text.contains("needs sign_in.oidc_role_claim"), "{text}");
    }

    #[test]
    fn inv_sec_the_secret_is_in_a_variable_or_a_file_and_never_told() {
        let openid = told(&[ISSUER, CLIENT], Some(SECRET)).unwrap().unwrap();
        assert!(!format!("{openid:?}").contains(SECRET));
        assert_eq!(openid.client_secret.unwrap().expose_secret(), SECRET);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        std::fs::write(&path, format!("{SECRET}\n")).unwrap();
        let file = ("sign_in.oidc_client_secret_file", path.to_str().unwrap());
        let openid = told(&[ISSUER, CLIENT, file], None).unwrap().unwrap();
        assert_eq!(openid.client_secret.unwrap().expose_secret(), SECRET);
        let text = told(&[ISSUER, CLIENT, file], Some("another")).unwrap_err();
        assert!(text.contains("which one counts") && !text.contains(SECRET), "{text}");
        std::fs::write(&path, "\n").unwrap();
        let text = told(&[ISSUER, CLIENT, file], None).unwrap_err();
        assert!(text.contains("holds no secret"), "{text}");
        std::fs::remove_file(&path).unwrap();
        let text = told(&[ISSUER, CLIENT, file], None).unwrap_err();
        assert!(text.contains("cannot be read"), "{text}");
    }
}
