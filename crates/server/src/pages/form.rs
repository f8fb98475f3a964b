//! Forms that are refused, and cookies.

use axum::http::header::SET_COOKIE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;

use crate::app::App;
use crate::fail::Fail;
use crate::shell::Shell;

/// What is wrong with a form: the field, and why.
#[derive(Debug, Clone, Default)]
pub(crate) struct Problems(Vec<(&'static str, String)>);

impl Problems {
    /// One problem.
    pub(crate) fn one(field: &'static str, text: impl Into<String>) -> Self {
        Self(vec![(field, text.into())])
    }

    pub(crate) fn add(&mut self, field: &'static str, text: impl Into<String>) {
        self.0.push((field, text.into()));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All of them, in the order of the fields.
    pub(crate) fn all(&self) -> &[(&'static str, String)] {
        &self.0
    }

    /// That of a field.
    pub(crate) fn at(&self, field: &str) -> Option<&str> {
        self.0.iter().find(|(at, _)| *at == field).map(|(_, text)| text.as_str())
    }

    /// `There is 1 problem`, `There are 2 problems`.
    pub(crate) fn title(&self) -> String {
        match self.0.len() {
            1 => "There is 1 problem".to_owned(),
            count => format!("There are {count} problems"),
        }
    }

    /// The page of a form with problems says so in its title.
    pub(crate) fn told_by(&self, mut shell: Shell) -> Shell {
        if !self.is_empty() {
            shell.title.insert_str(0, "Error: ");
        }
        shell
    }

    /// What a form answers: 422 with problems.
    pub(crate) fn status(&self) -> StatusCode {
        if self.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY }
    }
}

/// What is wrong with a form, when the fault is in it; other failures go on.
///
/// # Errors
/// The failure, when the form is not the cause.
pub(crate) fn unless_of_form(field: &'static str, fail: Fail) -> Result<Problems, Fail> {
    if fail.status != StatusCode::UNPROCESSABLE_ENTITY {
        return Err(fail);
    }
    Ok(Problems::one(field, sentence(&fail.why)))
}

/// A text as a sentence: with a capital letter and a full stop.
pub(crate) fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    let first = chars.next().map(|first| first.to_uppercase().collect::<String>());
    let stop = if text.ends_with(['.', '!', '?']) { "" } else { "." };
    format!("{}{}{stop}", first.unwrap_or_default(), chars.as_str())
}

/// A page with another status than 200.
pub(crate) fn with(mut response: Response, status: StatusCode) -> Response {
    *response.status_mut() = status;
    response
}

/// Has the browser keep a cookie for some seconds; 0 makes it forget. Scripts do not see it.
///
/// # Errors
/// When the value cannot stand in a header.
pub(crate) fn keep(
    app: &App,
    response: &mut Response,
    (name, value): (&str, &str),
    seconds: u64,
) -> Result<(), Fail> {
    let is_https = app.config.public_url.as_ref().is_some_and(|url| url.scheme() == "https");
    let secure = if is_https { "; Secure" } else { "" };
    let text = format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax; Max-Age={seconds}{secure}");
    let value = HeaderValue::from_str(&text);
    let mut value = value.map_err(|_| Fail::internal("a cookie cannot be written"))?;
    value.set_sensitive(true);
    response.headers_mut().append(SET_COOKIE, value);
    Ok(())
}

/// A path of this server that a form or link asks to go to; the overview for everything else.
pub(crate) fn own_path(next: Option<&str>) -> &str {
    let is_own = |next: &&str| {
        next.starts_with('/')
            && !next.starts_with("//")
            && !next.contains('\\')
            && next.bytes().all(|byte| byte.is_ascii_graphic())
            // Line ends and their like, also where they are written in numbers.
            && !["%0", "%1"].iter().any(|control| next.contains(control))
            && !next.starts_with("/sign-in/")
            && !["/sign-in", "/sign-out", "/setup", "/invite", "/theme"]
                .iter()
                .any(|page| next.split(['?', '#']).next() == Some(*page))
    };
    next.filter(is_own).unwrap_or("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_own_paths_are_gone_to() {
        for good in ["/", "/costs?by=ServiceName&period=mtd", "/connections/acme#runs"] {
            assert_eq!(own_path(Some(good)), good);
        }
        let bad = [
            "//evil.example",
            "/\\evil.example",
            "\\\\evil.example",
            "https://evil.example/",
            "javascript:alert(1)",
            "/\t/evil.example",
            "/a b",
            "/é",
            "evil",
            "",
            "/sign-in?next=/",
            "/sign-in/oidc?next=/",
        ];
        for bad in bad {
            assert_eq!(own_path(Some(bad)), "/", "{bad:?}");
        }
        assert_eq!(own_path(None), "/");
    }

    #[test]
    fn reasons_are_sentences() {
        assert_eq!(sentence("the name is taken"), "The name is taken.");
        assert_eq!(sentence("Why?"), "Why?");
        assert_eq!(sentence(""), ".");
    }
}
