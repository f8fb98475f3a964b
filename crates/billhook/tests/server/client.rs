//! A client of HTTP/1.1 that keeps cookies, and sends also what no browser would.

use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;

/// The cookie of a session.
pub(crate) const SESSION: &str = "billhook_session";

/// So long nobody is waited for: a server that says nothing at all fails the test.
const PATIENCE: Duration = Duration::from_mins(3);

/// An answer.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// Names in small letters.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// Understands what a server sent; nothing when it sent no whole head.
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
        let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
        let mut lines = head.split("\r\n");
        let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
        let headers = lines.filter_map(|line| line.split_once(':'));
        let headers: Vec<(String, String)> = headers
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        let rest = &bytes[end + 4..];
        let is_chunked = headers
            .iter()
            .any(|(name, value)| name == "transfer-encoding" && value.contains("chunked"));
        let body = if is_chunked { unchunked(rest) } else { rest.to_vec() };
        Some(Self { status, headers, body })
    }

    /// The first value of a header, named in small letters.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }

    /// All values of a header.
    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        let own = self.headers.iter().filter(|(own, _)| own == name);
        own.map(|(_, value)| value.as_str()).collect()
    }

    /// Where it leads.
    pub(crate) fn location(&self) -> &str {
        self.header("location").unwrap_or_default()
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> Value {
        let read = serde_json::from_slice(&self.body);
        assert!(read.is_ok(), "{} {}", self.status, self.text());
        read.unwrap()
    }

    /// Everything that was sent, head and body.
    pub(crate) fn whole(&self) -> String {
        let heads = self.headers.iter().map(|(name, value)| format!("{name}: {value}\n"));
        heads.collect::<String>() + &self.text()
    }

    /// The value of a hidden field of the page.
    pub(crate) fn field(&self, name: &str) -> Option<String> {
        let (text, start) = (self.text(), format!("name=\"{name}\" value=\""));
        let (_, rest) = text.split_once(&start)?;
        rest.split('"').next().map(str::to_owned)
    }
}

/// A body that came in chunks, as a whole.
fn unchunked(mut rest: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    while let Some(end) = rest.windows(2).position(|two| two == b"\r\n") {
        let size = String::from_utf8_lossy(&rest[..end]).into_owned();
        let size = size.split(';').next().unwrap_or_default().trim();
        let size = usize::from_str_radix(size, 16).unwrap_or_default();
        let from = end + 2;
        if size == 0 || rest.len() < from + size {
            break;
        }
        body.extend_from_slice(&rest[from..from + size]);
        rest = rest.get(from + size + 2..).unwrap_or_default();
    }
    body
}

/// Sends bytes as they are, and gives what came until the other side closed.
pub(crate) fn raw(address: &str, bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    // A server may refuse a body before all of it was sent.
    stream.write_all(bytes).ok();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).ok();
    answer
}

/// Somebody who asks the server.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    address: String,
    pub(crate) cookies: BTreeMap<String, String>,
    /// A token of the API.
    token: Option<String>,
    /// What forms carry, and the session for which they do.
    forms: Option<(Option<String>, String)>,
}

impl Client {
    pub(crate) fn new(address: &str) -> Self {
        Self { address: address.to_owned(), cookies: BTreeMap::new(), token: None, forms: None }
    }

    pub(crate) fn with_token(address: &str, token: &str) -> Self {
        Self { token: Some(token.to_owned()), ..Self::new(address) }
    }

    /// Sends a request. A header that is given takes the place of the usual one.
    pub(crate) fn send(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        let is_given = |name: &str| headers.iter().any(|(own, _)| own.eq_ignore_ascii_case(name));
        let mut lines = vec![format!("{method} {path} HTTP/1.1"), "Connection: close".to_owned()];
        if !is_given("host") {
            lines.push(format!("Host: {}", self.address));
        }
        if !self.cookies.is_empty() && !is_given("cookie") {
            let pairs = self.cookies.iter().map(|(name, value)| format!("{name}={value}"));
            lines.push(format!("Cookie: {}", pairs.collect::<Vec<_>>().join("; ")));
        }
        if let Some(token) = &self.token {
            lines.push(format!("Authorization: Bearer {token}"));
        }
        if method != "GET" {
            lines.push(format!("Content-Length: {}", body.len()));
        }
        lines.extend(headers.iter().map(|(name, value)| format!("{name}: {value}")));
        let text = format!("{}\r\n\r\n{body}", lines.join("\r\n"));
        let bytes = raw(&self.address, text.as_bytes());
        let answer = Answer::read(&bytes);
        let answered = String::from_utf8_lossy(&bytes);
        assert!(answer.is_some(), "{method} {path}: no answer but {answered:?}");
        let answer = answer.unwrap();
        self.keep(&answer);
        answer
    }

    fn keep(&mut self, answer: &Answer) {
        for cookie in answer.all("set-cookie") {
            let (pair, rest) = cookie.split_once(';').unwrap_or((cookie, ""));
            let Some((name, value)) = pair.split_once('=') else { continue };
            if value.is_empty() || rest.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
    }

    pub(crate) fn get(&mut self, path: &str) -> Answer {
        self.send("GET", path, &[], "")
    }

    /// The same, as far as redirects lead: a view has one address.
    pub(crate) fn follow(&mut self, path: &str) -> Answer {
        let mut answer = self.get(path);
        for _ in 0..3 {
            if answer.status != 303 {
                break;
            }
            let to = answer.location().to_owned();
            answer = self.get(&to);
        }
        answer
    }

    /// A page that has to be there.
    pub(crate) fn page(&mut self, path: &str) -> String {
        let answer = self.follow(path);
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        answer.text()
    }

    /// The JSON of the API.
    pub(crate) fn api(&mut self, path: &str) -> Value {
        let answer = self.get(path);
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        answer.json()
    }

    /// What forms of this client carry.
    pub(crate) fn csrf(&mut self) -> String {
        let session = self.cookies.get(SESSION).cloned();
        if let Some((of, csrf)) = &self.forms
            && *of == session
        {
            return csrf.clone();
        }
        let page = self.get("/sign-in");
        let page = if page.status == 303 { self.get("/connections") } else { page };
        let csrf = page.field("csrf");
        assert!(csrf.is_some(), "{} {}", page.status, page.text());
        let csrf = csrf.unwrap();
        self.forms = Some((session, csrf.clone()));
        csrf
    }

    /// Sends a form as a browser does.
    pub(crate) fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let csrf = self.csrf();
        let fields = [fields, &[("csrf", csrf.as_str())][..]].concat();
        self.send("POST", path, &[FORM], &encoded(&fields))
    }

    /// Calls the API with a body of JSON.
    pub(crate) fn call(&mut self, method: &str, path: &str, body: &Value) -> Answer {
        let json = ("Content-Type", "application/json");
        if self.token.is_some() {
            return self.send(method, path, &[json], &body.to_string());
        }
        let csrf = self.csrf();
        self.send(method, path, &[json, ("X-CSRF-Token", csrf.as_str())], &body.to_string())
    }
}

/// The header of a form.
pub(crate) const FORM: (&str, &str) = ("Content-Type", "application/x-www-form-urlencoded");

/// Fields as a form sends them.
pub(crate) fn encoded(fields: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}
