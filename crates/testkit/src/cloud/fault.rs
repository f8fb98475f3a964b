//! What goes wrong, and how each protocol says it.

use serde_json::json;

use super::call::Protocol;
use super::http::{Response, escape};
use super::time::Time;

/// Why there is no result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// No signature where there must be one.
    Unsigned,
    /// An `Authorization` that cannot be read, or no date.
    Incomplete,
    /// No such key, or one that has been disabled.
    UnknownKey,
    /// Not the session token of the key.
    WrongToken,
    /// The session is over.
    Expired,
    /// The signature is another. Says why, where AWS would.
    WrongSignature(Option<&'static str>),
    /// S3: the body is not the one that was signed.
    WrongBody,
    /// The caller's clock differs from AWS's.
    Skewed {
        /// The caller's time.
        asked: Time,
        /// AWS's.
        now: Time,
    },
    /// Too many requests. To `organizations` that is an error of its own.
    Throttled { organizations: bool },
    /// A policy is in the way.
    Denied(String),
    /// The bucket lies in another region.
    WrongRegion { bucket: String, signed: String, expected: String },
    /// An error of the service.
    Service { status: u16, code: &'static str, message: String },
}

/// How far clocks may differ, in seconds: for S3, for all others.
pub(super) const TOLERANCE: (i64, i64) = (900, 300);

impl Fault {
    /// An error of the service with status 400.
    pub(super) fn of(code: &'static str, message: impl Into<String>) -> Self {
        Self::Service { status: 400, code, message: message.into() }
    }

    /// An error of the service with another status.
    pub(super) fn with_status(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self::Service { status, code, message: message.into() }
    }

    /// A parameter that is not valid, in the JSON protocol.
    pub(super) fn validation(message: impl Into<String>) -> Self {
        Self::of("ValidationException", message)
    }

    /// The answer; `number` becomes the request id.
    pub(super) fn response(&self, protocol: Protocol, number: usize) -> Response {
        let id = format!("{number:08x}-0000-4000-8000-000000000000");
        match protocol {
            Protocol::S3 => self.s3(&id),
            Protocol::Query => self.query(&id),
            Protocol::Json => self.json(&id),
        }
    }

    /// Status, code and sentence of S3.
    fn in_s3(&self) -> (u16, &'static str, String) {
        let (status, code, message) = match self {
            Self::Denied(message) => return (403, "AccessDenied", message.clone()),
            Self::Service { status, code, message } => return (*status, *code, message.clone()),
            Self::WrongRegion { signed, expected, .. } if is_global(signed) => {
                let message = format!(
                    "The authorization header is malformed; the region '{signed}' is wrong; \
                     expecting '{expected}'"
                );
                return (400, "AuthorizationHeaderMalformed", message);
            }
            Self::Unsigned => (403, "AccessDenied", "Access Denied"),
            Self::Incomplete => (
                400,
                "AuthorizationHeaderMalformed",
                "The authorization header that you provided is not valid.",
            ),
            Self::UnknownKey => (
                403,
                "InvalidAccessKeyId",
                "The AWS Access Key Id you provided does not exist in our records.",
            ),
            Self::WrongToken => {
                (400, "InvalidToken", "The provided token is malformed or otherwise invalid.")
            }
            Self::Expired => (400, "ExpiredToken", "The provided token has expired."),
            Self::WrongSignature(_) => (
                403,
                "SignatureDoesNotMatch",
                "The request signature we calculated does not match the signature you provided. \
                 Check your key and signing method.",
            ),
            Self::WrongBody => (
                400,
                "XAmzContentSHA256Mismatch",
                "The provided 'x-amz-content-sha256' header does not match what was computed.",
            ),
            Self::Skewed { .. } => (
                403,
                "RequestTimeTooSkewed",
                "The difference between the request time and the current time is too large.",
            ),
            Self::Throttled { .. } => (503, "SlowDown", "Please reduce your request rate."),
            Self::WrongRegion { .. } => (
                301,
                "PermanentRedirect",
                "The bucket you are attempting to access must be addressed using the specified \
                 endpoint. Please send all future requests to this endpoint.",
            ),
        };
        (status, code, message.to_owned())
    }

    fn s3(&self, id: &str) -> Response {
        let (status, code, message) = self.in_s3();
        let body = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code>\
             <Message>{}</Message>{}<RequestId>{id}</RequestId><HostId>{id}</HostId></Error>",
            escape(&message),
            self.details()
        );
        let response = Response::new(status, "application/xml", body).with("x-amz-request-id", id);
        match self {
            Self::WrongRegion { expected, .. } => response.with("x-amz-bucket-region", expected),
            _ => response,
        }
    }

    /// What S3 tells besides.
    fn details(&self) -> String {
        match self {
            Self::WrongRegion { signed, expected, .. } if is_global(signed) => {
                format!("<Region>{expected}</Region>")
            }
            Self::WrongRegion { bucket, expected, .. } => format!(
                "<Bucket>{bucket}</Bucket>\
                 <Endpoint>{bucket}.s3.{expected}.amazonaws.com</Endpoint>"
            ),
            Self::Skewed { asked, now } => format!(
                "<RequestTime>{}</RequestTime><ServerTime>{now}</ServerTime>\
                 <MaxAllowedSkewMilliseconds>900000</MaxAllowedSkewMilliseconds>",
                asked.compact()
            ),
            _ => String::new(),
        }
    }

    fn query(&self, id: &str) -> Response {
        let (status, code) = match self {
            Self::Unsigned => (403, "MissingAuthenticationToken"),
            Self::Incomplete => (400, "IncompleteSignature"),
            Self::UnknownKey | Self::WrongToken => (403, "InvalidClientTokenId"),
            Self::Expired => (403, "ExpiredToken"),
            Self::WrongSignature(_) | Self::WrongBody | Self::Skewed { .. } => {
                (403, "SignatureDoesNotMatch")
            }
            Self::Throttled { .. } => (400, "Throttling"),
            Self::Denied(_) | Self::WrongRegion { .. } => (403, "AccessDenied"),
            Self::Service { status, code, .. } => (*status, *code),
        };
        let message = escape(&self.message());
        let body = format!(
            "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\n  <Error>\n    \
             <Type>Sender</Type>\n    <Code>{code}</Code>\n    <Message>{message}</Message>\n  \
             </Error>\n  <RequestId>{id}</RequestId>\n</ErrorResponse>\n"
        );
        Response::new(status, "text/xml", body).with("x-amzn-requestid", id)
    }

    fn json(&self, id: &str) -> Response {
        let (status, code) = match self {
            Self::Unsigned => (400, "MissingAuthenticationTokenException"),
            Self::Incomplete => (400, "IncompleteSignatureException"),
            Self::UnknownKey | Self::WrongToken => (400, "UnrecognizedClientException"),
            Self::Expired => (400, "ExpiredTokenException"),
            Self::WrongSignature(_) | Self::WrongBody | Self::Skewed { .. } => {
                (400, "InvalidSignatureException")
            }
            Self::Throttled { organizations: true } => (400, "TooManyRequestsException"),
            Self::Throttled { organizations: false } => (400, "ThrottlingException"),
            Self::Denied(_) | Self::WrongRegion { .. } => (400, "AccessDeniedException"),
            Self::Service { status, code, .. } => (*status, *code),
        };
        // What stands before a service writes its messages small, services write them as here.
        let own = matches!(self, Self::Denied(_) | Self::Service { .. });
        let field = if own { "Message" } else { "message" };
        let body = json!({"__type": code, field: self.message()}).to_string();
        Response::new(status, "application/x-amz-json-1.1", body).with("x-amzn-requestid", id)
    }

    /// AWS's sentence in the query and JSON protocols.
    fn message(&self) -> String {
        match self {
            Self::Unsigned => "Request is missing Authentication Token".to_owned(),
            Self::Incomplete => "Authorization header is not complete".to_owned(),
            Self::UnknownKey | Self::WrongToken => {
                "The security token included in the request is invalid.".to_owned()
            }
            Self::Expired => "The security token included in the request is expired".to_owned(),
            Self::WrongSignature(Some(why)) => (*why).to_owned(),
            Self::WrongSignature(None) | Self::WrongBody => {
                "The request signature we calculated does not match the signature you provided. \
                 Check your AWS Secret Access Key and signing method. Consult the service \
                 documentation for details."
                    .to_owned()
            }
            Self::Skewed { asked, now } if asked < now => {
                let (asked, oldest) = (asked.compact(), now.plus(-TOLERANCE.1).compact());
                let now = now.compact();
                format!("Signature expired: {asked} is now earlier than {oldest} ({now} - 5 min.)")
            }
            Self::Skewed { asked, now } => {
                let (asked, latest) = (asked.compact(), now.plus(TOLERANCE.1).compact());
                let now = now.compact();
                format!(
                    "Signature not yet current: {asked} is still later than {latest} ({now} + 5 min.)"
                )
            }
            Self::Throttled { .. } => "Rate exceeded".to_owned(),
            Self::Denied(message) | Self::Service { message, .. } => message.clone(),
            Self::WrongRegion { .. } => "Access denied".to_owned(),
        }
    }
}

/// Is it the region of S3's global endpoint? That leads to the bucket's region, which takes no
/// signature for another; regional endpoints redirect.
fn is_global(region: &str) -> bool {
    region == "us-east-1"
}
