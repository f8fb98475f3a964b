//! What S3 says when it refuses, out of the text of a store's error.

/// The parts of S3's answer.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    /// Such as `AccessDenied`; empty when S3 gave none.
    pub(super) code: String,
    /// In S3's words.
    pub(super) message: String,
    /// The region that the bucket is in, when S3 says so.
    pub(super) region: Option<String>,
    /// HTTP status; 0 when there was no answer.
    pub(super) status: u16,
}

impl Refusal {
    /// Reads an error and its causes.
    pub(super) fn of(error: &(dyn std::error::Error + 'static)) -> Self {
        let mut text = error.to_string();
        let mut cause = error.source();
        while let Some(error) = cause {
            let more = error.to_string();
            if !text.contains(&more) {
                text = format!("{text}: {more}");
            }
            cause = error.source();
        }
        let status = text
            .split("status code: ")
            .nth(1)
            .and_then(|rest| rest.get(..3))
            .and_then(|digits| digits.parse().ok())
            .unwrap_or(0);
        let message = element(&text, "Message").unwrap_or_else(|| first_sentence(&text));
        Self {
            code: element(&text, "Code").unwrap_or_default(),
            message,
            region: element(&text, "Region"),
            status,
        }
    }

    /// Is the bucket in another region?
    pub(super) fn is_elsewhere(&self) -> bool {
        let codes = [
            "PermanentRedirect",
            "AuthorizationHeaderMalformed",
            "IllegalLocationConstraintException",
        ];
        codes.contains(&self.code.as_str())
            || self.status == 301
            || self.message.contains("redirect without LOCATION")
    }

    /// Does S3 refuse without saying what is in the way? It gives a reason to callers of the
    /// bucket's own account only.
    pub(super) fn gives_no_reason(&self) -> bool {
        self.message.trim_end_matches('.').eq_ignore_ascii_case("access denied")
    }

    /// As it is shown.
    pub(super) fn text(&self) -> String {
        if self.code.is_empty() {
            self.message.clone()
        } else {
            format!("{}: {}", self.code, self.message)
        }
    }
}

fn element(text: &str, name: &str) -> Option<String> {
    let rest = text.split(&format!("<{name}>")).nth(1)?;
    let value = rest.split(&format!("</{name}>")).next()?;
    Some(
        value
            .replace("&quot;", "\"")
            .replace("&lt;", "<")
            .replace("&gt;", ">")
            .replace("&amp;", "&"),
    )
}

/// Without the answer's body, which is no text for people.
fn first_sentence(text: &str) -> String {
    let text = text.split("<?xml").next().unwrap_or(text);
    text.trim().trim_end_matches(':').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_taken_apart() {
        let text = "Generic S3 error: Server returned non-2xx status code: 400 Bad Request: <?xml \
                    version=\"1.0\"?><Error><Code>AuthorizationHeaderMalformed</Code><Message>the \
                    region &quot;us-east-1&quot; is wrong</Message><Region>eu-west-1</Region></Error>";
        let refusal = Refusal::of(&std::io::Error::other(text));
        assert_eq!(refusal.code, "AuthorizationHeaderMalformed");
        assert_eq!(refusal.message, "the region \"us-east-1\" is wrong");
        assert_eq!((refusal.region.as_deref(), refusal.status), (Some("eu-west-1"), 400));
        assert!(!refusal.gives_no_reason());
        let bare = "status code: 403: <Code>AccessDenied</Code><Message>Access Denied.</Message>";
        assert!(Refusal::of(&std::io::Error::other(bare)).gives_no_reason());
        let none = Refusal::of(&std::io::Error::other("connection refused"));
        assert_eq!((none.text().as_str(), none.status), ("connection refused", 0));
    }
}
