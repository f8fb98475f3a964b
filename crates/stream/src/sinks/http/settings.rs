//! What an HTTP sink is told, looked at before anything is sent.

use std::collections::BTreeMap;

use reqwest::Url;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use secrecy::{ExposeSecret as _, SecretString};

use super::address;
use super::handshake::ORIGIN;
use super::signature::Signer;
use crate::settings::{HttpTarget, SettingsError};

/// Secrets with this before their name are values of headers.
const HEADER: &str = "header:";

/// The secret that signs.
const WEBHOOK: &str = "webhook";

/// What Billhook calls itself when it asks a receiver whether it wants events.
const NAME: &str = "billhook";

/// Headers that the sink sets itself, beside those of events.
const OWN: [&str; 9] = [
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "host",
    "transfer-encoding",
    "webhook-id",
    "webhook-signature",
    "webhook-timestamp",
];

/// The URL: `http` or `https`, without a user in it, not at an address that is refused.
pub(super) fn url(target: &HttpTarget) -> Result<Url, SettingsError> {
    let url = Url::parse(target.url.trim()).map_err(|error| {
        SettingsError::setting("url", format!("the URL cannot be read: {error}"))
    })?;
    if !matches!(url.scheme(), "http" | "https") {
        let text = format!("events are sent to http and https URLs, not to {}", url.scheme());
        return Err(SettingsError::setting("url", text));
    }
    if !url.username().is_empty() || url.password().is_some() {
        let text = "the URL holds a user or password: give them as the secret header Authorization";
        return Err(SettingsError::setting("url", text));
    }
    address::check(&url, target.allow_private).map_err(|error| {
        SettingsError::setting(
            "url",
            format!("{error}; allow private addresses for this sink to send there"),
        )
    })?;
    Ok(url)
}

/// The headers of every request: those that the settings hold, those that are secret, and the name
/// that Billhook gives itself unless one is among them.
pub(super) fn headers(
    target: &HttpTarget,
    secrets: &BTreeMap<String, SecretString>,
) -> Result<HeaderMap, SettingsError> {
    let mut headers = HeaderMap::new();
    headers.insert(ORIGIN, HeaderValue::from_static(NAME));
    for (name, text) in &target.headers {
        let value = HeaderValue::from_str(text);
        headers.insert(header_name(name)?, value.map_err(|_| not_a_value(name))?);
    }
    for (name, text) in secrets {
        let Some(name) = name.strip_prefix(HEADER) else { continue };
        let value = HeaderValue::from_str(text.expose_secret());
        let mut value = value.map_err(|_| not_a_value(name))?;
        value.set_sensitive(true);
        headers.insert(header_name(name)?, value);
    }
    Ok(headers)
}

/// What signs, if anything does.
pub(super) fn signer(
    target: &HttpTarget,
    secrets: &BTreeMap<String, SecretString>,
) -> Result<Option<Signer>, SettingsError> {
    if !target.signs {
        return Ok(None);
    }
    let secret = secrets.get(WEBHOOK).ok_or_else(|| SettingsError::no_secret(WEBHOOK))?;
    let signer = Signer::new(secret).ok_or_else(|| {
        let text = "the secret that signs must be 24 to 64 bytes in base64, after `whsec_`";
        SettingsError::setting(WEBHOOK, text)
    })?;
    Ok(Some(signer))
}

fn header_name(name: &str) -> Result<HeaderName, SettingsError> {
    let name: HeaderName = name.trim().parse().map_err(|_| {
        SettingsError::setting("headers", format!("{name:?} is no name of a header"))
    })?;
    if OWN.contains(&name.as_str()) || name.as_str().starts_with("ce-") {
        return Err(SettingsError::setting(
            "headers",
            format!("the header {name} is set by Billhook itself"),
        ));
    }
    Ok(name)
}

/// The value may be a secret, so it is not told.
fn not_a_value(name: &str) -> SettingsError {
    SettingsError::setting(
        "headers",
        format!("the value of the header {name} has signs that no header may have"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Mode;

    fn target(url: &str) -> HttpTarget {
        HttpTarget {
            url: url.to_owned(),
            mode: Mode::Structured,
            headers: BTreeMap::new(),
            signs: false,
            allow_private: false,
            timeout_s: 5,
        }
    }

    fn secret(name: &str, value: &str) -> BTreeMap<String, SecretString> {
        BTreeMap::from([(name.to_owned(), SecretString::from(value))])
    }

    #[test]
    fn only_web_addresses_without_a_user_are_sent_to() {
        for good in ["https://hooks.example/in?key=1", " http://localhost:8080 ", "http://10.0.0.1"]
        {
            assert!(url(&target(good)).is_ok(), "{good}");
        }
        let bad = [
            "hooks.example",
            "ftp://hooks.example/",
            "https://me:hunter2@hooks.example/",
            "https://me@hooks.example/",
            "http://169.254.169.254/",
        ];
        for bad in bad {
            let error = url(&target(bad)).unwrap_err().to_string();
            assert!(error.starts_with("url: ") && !error.contains("hunter2"), "{error}");
        }
        let allowed = HttpTarget { allow_private: true, ..target("http://169.254.1.1/") };
        assert!(url(&allowed).is_ok());
    }

    #[test]
    fn inv_sec_secret_headers_are_sent_and_not_shown() {
        let mut plain = target("https://hooks.example/");
        plain.headers.insert("X-Team".to_owned(), "finance".to_owned());
        let sent = headers(&plain, &secret("header:Authorization", "Bearer hunter2")).unwrap();
        assert_eq!(sent.get("x-team").unwrap(), "finance");
        assert_eq!(sent.get("authorization").unwrap(), "Bearer hunter2");
        assert_eq!(sent.get(ORIGIN).unwrap(), NAME);
        assert!(!format!("{sent:?}").contains("hunter2"));

        let broken = headers(&plain, &secret("header:Authorization", "hunter2\n")).unwrap_err();
        assert!(!broken.to_string().contains("hunter2"), "{broken}");
    }

    #[test]
    fn headers_that_the_sink_sets_are_not_taken_from_settings() {
        for name in ["Content-Type", "ce-id", "webhook-signature", "Host", "no name", ""] {
            let mut own = target("https://hooks.example/");
            own.headers.insert(name.to_owned(), "x".to_owned());
            assert!(headers(&own, &BTreeMap::new()).is_err(), "{name}");
        }
        let mut own = target("https://hooks.example/");
        own.headers.insert("WebHook-Request-Origin".to_owned(), "costs.example".to_owned());
        let sent = headers(&own, &BTreeMap::new()).unwrap();
        assert_eq!(sent.get(ORIGIN).unwrap(), "costs.example");
    }

    #[test]
    fn who_signs_needs_a_secret() {
        let signs = HttpTarget { signs: true, ..target("https://hooks.example/") };
        assert!(signer(&target("https://hooks.example/"), &BTreeMap::new()).unwrap().is_none());
        let none = signer(&signs, &BTreeMap::new()).err().unwrap();
        assert_eq!(none, SettingsError::no_secret(WEBHOOK));
        let short = signer(&signs, &secret(WEBHOOK, "whsec_c2hvcnQ=")).err().unwrap();
        assert!(!short.to_string().contains("c2hvcnQ"), "{short}");
        let good = secret(WEBHOOK, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        assert!(signer(&signs, &good).unwrap().is_some());
    }
}
