//! Where a form comes from: one of our pages, or another site.

use axum::http::header::{HOST, REFERER};
use axum::http::{HeaderMap, StatusCode};
use url::{Position, Url};

use crate::fail::Fail;

/// An error when a browser says that another site has sent the form. The token of the form would
/// tell as well, but not before sign-in, where everybody has the same.
///
/// # Errors
/// [`Fail`] when it is from another one.
pub(crate) fn require_own(public: Option<&Url>, headers: &HeaderMap) -> Result<(), Fail> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let is_here = match (text("sec-fetch-site"), text("origin")) {
        (Some(site), _) => matches!(site, "same-origin" | "none"),
        // Browsers tell the site only over https and to localhost, but always the origin.
        (None, Some(origin)) => {
            let origin = Url::parse(origin).ok().and_then(|origin| host_of(&origin));
            let public = public.and_then(host_of);
            origin.is_some() && (origin.as_deref() == host(headers) || origin == public)
        }
        // No browser.
        (None, None) => true,
    };
    if is_here {
        return Ok(());
    }
    let why = "the form was sent from another site";
    let fix = "Open the page here and send the form from it. If this is the right site, behind a \
               proxy, have `public_url` in billhook.toml say what browsers call it.";
    Err(Fail::new(StatusCode::FORBIDDEN, "This form is not from here", why, fix))
}

/// Host and, when it is not the usual one, port of an address, as browsers write them.
fn host_of(url: &Url) -> Option<String> {
    let host = url.host_str()?;
    Some(url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}")))
}

fn host(headers: &HeaderMap) -> Option<&str> {
    headers.get(HOST).and_then(|host| host.to_str().ok())
}

/// What browsers call this server, without a slash at the end: what it is told, or else what the
/// request calls it. Empty when neither says it.
pub(crate) fn site(public: Option<&Url>, headers: &HeaderMap) -> String {
    match (public, host(headers)) {
        (Some(url), _) => url.as_str().trim_end_matches('/').to_owned(),
        (None, Some(host)) => format!("http://{host}"),
        (None, None) => String::new(),
    }
}

/// Path and query of the page that a form was on; the overview when that is not told.
pub(crate) fn came_from(headers: &HeaderMap) -> String {
    let told = headers.get(REFERER).and_then(|page| page.to_str().ok());
    let page = told.and_then(|page| Url::parse(page).ok());
    let own = page.filter(|page| host_of(page).as_deref() == host(headers));
    own.map_or_else(|| "/".to_owned(), |page| page[Position::BeforePath..].to_owned())
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderMap, HeaderName, HeaderValue};
    use url::Url;

    use super::{came_from, require_own, site};

    fn headers(of: &[(&'static str, &'static str)]) -> HeaderMap {
        let header = |(name, value): &(&'static str, &'static str)| {
            (HeaderName::from_static(name), HeaderValue::from_static(value))
        };
        of.iter().map(header).collect()
    }

    #[test]
    fn forms_of_other_sites_are_refused() {
        let is_own = |of: &[(&'static str, &'static str)]| {
            let public = Url::parse("https://bills.example/").unwrap();
            require_own(Some(&public), &headers(of)).is_ok()
        };
        assert!(is_own(&[]));
        assert!(is_own(&[("sec-fetch-site", "same-origin")]));
        assert!(is_own(&[("sec-fetch-site", "none")]));
        assert!(!is_own(&[("sec-fetch-site", "cross-site")]));
        assert!(!is_own(&[("sec-fetch-site", "same-site")]));
        assert!(is_own(&[("origin", "http://10.0.0.7:8080"), ("host", "10.0.0.7:8080")]));
        assert!(is_own(&[("origin", "http://[::1]:8080"), ("host", "[::1]:8080")]));
        assert!(is_own(&[("origin", "https://bills.example"), ("host", "127.0.0.1:8080")]));
        assert!(!is_own(&[("origin", "https://evil.example"), ("host", "10.0.0.7:8080")]));
        assert!(!is_own(&[("origin", "null"), ("host", "10.0.0.7:8080")]));
    }

    #[test]
    fn who_has_to_sign_in_comes_back_to_the_page_of_the_form() {
        let from = |page| came_from(&headers(&[("referer", page), ("host", "10.0.0.7:8080")]));
        assert_eq!(from("http://10.0.0.7:8080/settings/users?a=b"), "/settings/users?a=b");
        assert_eq!(from("http://evil.example/settings"), "/");
        assert_eq!(came_from(&headers(&[])), "/");
    }

    #[test]
    fn an_address_on_paper_is_one_that_can_be_opened() {
        let here = headers(&[("host", "10.0.0.7:8080")]);
        let public = Url::parse("https://bills.example/").unwrap();
        assert_eq!(site(Some(&public), &here), "https://bills.example");
        assert_eq!(site(None, &here), "http://10.0.0.7:8080");
        assert_eq!(site(None, &headers(&[])), "");
    }
}
