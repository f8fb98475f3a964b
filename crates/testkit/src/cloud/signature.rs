//! AWS's signature, version 4: reading the `Authorization` header and computing what must be in it.
//!
//! Signatures in the query (pre-signed URLs) are not read, those of single chunks of a streamed
//! body not checked.

use sha2::{Digest as _, Sha256};

use super::http::{Request, decode, encode};

/// The content of an `Authorization` header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Authorization {
    pub(super) key: String,
    /// `20260131`
    pub(super) date: String,
    pub(super) region: String,
    pub(super) service: String,
    /// Names of headers, in lower case, sorted.
    pub(super) headers: Vec<String>,
    pub(super) signature: String,
}

impl Authorization {
    /// Reads the header; none when it is not of this kind.
    pub(super) fn parse(header: &str) -> Option<Self> {
        let fields = header.strip_prefix("AWS4-HMAC-SHA256 ")?;
        let mut scope = field(fields, "Credential")?.rsplitn(5, '/');
        let (end, service, region) = (scope.next()?, scope.next()?, scope.next()?);
        let (date, key) = (scope.next()?, scope.next()?);
        if end != "aws4_request" {
            return None;
        }
        Some(Self {
            key: key.to_owned(),
            date: date.to_owned(),
            region: region.to_owned(),
            service: service.to_owned(),
            headers: field(fields, "SignedHeaders")?.split(';').map(str::to_owned).collect(),
            signature: field(fields, "Signature")?.to_owned(),
        })
    }

    /// The signature that `request`, made at `time` (`20260131T235959Z`), must have when it is
    /// signed with `secret`.
    pub(super) fn expected(&self, request: &Request, time: &str, secret: &str) -> String {
        let Self { date, region, service, .. } = self;
        let canonical = hex(&sha256(self.canonical(request).as_bytes()));
        let text = format!(
            "AWS4-HMAC-SHA256\n{time}\n{date}/{region}/{service}/aws4_request\n{canonical}"
        );
        let mut key = hmac(format!("AWS4{secret}").as_bytes(), date.as_bytes());
        for part in [region.as_str(), service, "aws4_request", &text] {
            key = hmac(&key, part.as_bytes());
        }
        hex(&key)
    }

    /// The request as it is signed.
    fn canonical(&self, request: &Request) -> String {
        let s3 = self.service == "s3";
        // S3's paths are encoded once, all others a second time.
        let path =
            if s3 { decode(&request.path, false) } else { request.path.clone().into_bytes() };
        let path = encode(&path, true);
        let given = request.header("x-amz-content-sha256").filter(|_| s3);
        let payload = given.map_or_else(|| hex(&sha256(&request.body)), str::to_owned);
        let mut text = format!("{}\n{path}\n{}\n", request.method, canonical_query(&request.query));
        for name in &self.headers {
            text.push_str(name);
            text.push(':');
            text.push_str(&canonical_header(request, name));
            text.push('\n');
        }
        text.push('\n');
        text.push_str(&self.headers.join(";"));
        text.push('\n');
        text.push_str(&payload);
        text
    }
}

/// Is the body the one that the header tells the hash of? It need not tell any.
pub(super) fn is_own_body(request: &Request) -> bool {
    request.header("x-amz-content-sha256").is_none_or(|given| {
        let is_hash = given.len() == 64 && given.bytes().all(|byte| byte.is_ascii_hexdigit());
        !is_hash || given == hex(&sha256(&request.body))
    })
}

/// The field `name` of `Name=value, Name=value`.
fn field<'a>(fields: &'a str, name: &str) -> Option<&'a str> {
    fields.split(',').find_map(|part| part.trim().strip_prefix(name)?.strip_prefix('='))
}

fn canonical_query(query: &str) -> String {
    let parts = query.split('&').filter(|part| !part.is_empty());
    let mut pairs: Vec<(String, String)> = parts
        .map(|part| part.split_once('=').unwrap_or((part, "")))
        .map(|(name, value)| {
            (encode(&decode(name, true), false), encode(&decode(value, true), false))
        })
        .collect();
    pairs.sort_unstable();
    let pairs: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
    pairs.join("&")
}

/// All values of a header, each with single spaces.
fn canonical_header(request: &Request, name: &str) -> String {
    let own = request.headers.iter().filter(|(own, _)| own == name);
    let words = |value: &String| value.split_whitespace().collect::<Vec<_>>().join(" ");
    own.map(|(_, value)| words(value)).collect::<Vec<_>>().join(",")
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// HMAC-SHA256, after RFC 2104.
pub(crate) fn hmac(key: &[u8], text: &[u8]) -> [u8; 32] {
    let mut block = [0_u8; 64];
    if key.len() > block.len() {
        block[..32].copy_from_slice(&sha256(key));
    } else {
        block[..key.len()].copy_from_slice(key);
    }
    let inner = [&block.map(|byte| byte ^ 0x36)[..], text].concat();
    sha256(&[&block.map(|byte| byte ^ 0x5c)[..], &sha256(&inner)].concat())
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |value: u8| char::from(DIGITS[usize::from(value)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// Signs `request` with a key, for the headers that it has; `time` as in `X-Amz-Date`.
#[cfg(test)]
pub(super) fn sign(request: &mut Request, time: &str, scope: [&str; 2], key: [&str; 2]) {
    let ([region, service], [id, secret]) = (scope, key);
    request.headers.push(("x-amz-date".to_owned(), time.to_owned()));
    let mut headers: Vec<String> = request.headers.iter().map(|(name, _)| name.clone()).collect();
    headers.sort_unstable();
    headers.dedup();
    let mut authorization = Authorization {
        key: id.to_owned(),
        date: time.get(..8).unwrap_or_default().to_owned(),
        region: region.to_owned(),
        service: service.to_owned(),
        headers,
        signature: String::new(),
    };
    authorization.signature = authorization.expected(request, time, secret);
    let Authorization { key, date, headers, signature, .. } = authorization;
    let value = format!(
        "AWS4-HMAC-SHA256 Credential={key}/{date}/{region}/{service}/aws4_request, \
         SignedHeaders={}, Signature={signature}",
        headers.join(";")
    );
    request.headers.push(("authorization".to_owned(), value));
}

#[cfg(test)]
mod tests {
    use super::super::http::Request;
    use super::{Authorization, canonical_query, hex, hmac, is_own_body, sign};

    #[test]
    fn the_hash_of_rfc_4231() {
        let hash = hmac(b"Jefe", b"what do ya want for nothing?");
        let expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert_eq!(hex(&hash), expected);
        let long = hmac(&[0xaa; 131], b"Test Using Larger Than Block-Size Key - Hash Key First");
        let expected = "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54";
        assert_eq!(hex(&long), expected);
    }

    /// The example of AWS's page on signing.
    #[test]
    fn the_example_of_aws() {
        let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let mut request = Request {
            method: "GET".to_owned(),
            path: "/".to_owned(),
            query: "Action=ListUsers&Version=2010-05-08".to_owned(),
            headers: vec![
                header("host", "iam.amazonaws.com"),
                header("content-type", "application/x-www-form-urlencoded;  charset=utf-8"),
            ],
            body: Vec::new(),
        };
        let key = ["AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"];
        sign(&mut request, "20150830T123600Z", ["us-east-1", "iam"], key);
        let authorization = Authorization::parse(request.header("authorization").expect("signed"));
        let authorization = authorization.expect("an authorization");
        assert_eq!(authorization.headers, ["content-type", "host", "x-amz-date"]);
        let expected = "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7";
        assert_eq!(authorization.signature, expected);
    }

    #[test]
    fn queries_are_sorted_and_encoded_alike() {
        assert_eq!(canonical_query("b=2&a=x%2fy&a=+&c"), "a=%20&a=x%2Fy&b=2&c=");
    }

    #[test]
    fn a_hash_in_the_header_is_the_bodys() {
        let with = |value: &str| Request {
            headers: vec![("x-amz-content-sha256".to_owned(), value.to_owned())],
            ..Request::default()
        };
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert!(is_own_body(&with(empty)) && is_own_body(&with("UNSIGNED-PAYLOAD")));
        assert!(!is_own_body(&Request { body: vec![1], ..with(empty) }));
    }
}
