//! HTTP/1.1 as far as AWS's clients and the emulator speak it, one request per connection; and how
//! AWS writes names in URLs and XML.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;

/// Bytes of the longest body that is read.
const MAX_BODY_BYTES: u64 = 1 << 28;

/// Names in lower case, in the order in which they came.
pub(crate) type Headers = Vec<(String, String)>;

/// What a client asks.
#[derive(Clone, Debug, Default)]
pub(crate) struct Request {
    pub(crate) method: String,
    /// As sent, percent-encoded.
    pub(crate) path: String,
    /// As sent, without the question mark.
    pub(crate) query: String,
    pub(crate) headers: Headers,
    pub(crate) body: Vec<u8>,
}

/// What it is answered.
#[derive(Clone, Debug, Default)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) headers: Headers,
    pub(crate) body: Vec<u8>,
}

impl Request {
    /// The request on `stream`; none when nothing comes.
    pub(crate) fn read(stream: &mut TcpStream) -> io::Result<Option<Self>> {
        let mut reader = BufReader::new(stream.try_clone()?);
        let Some((start, headers)) = read_head(&mut reader)? else { return Ok(None) };
        let mut words = start.split(' ');
        let (Some(method), Some(target)) = (words.next(), words.next()) else {
            return Err(invalid("no request line"));
        };
        if header(&headers, "expect").is_some() {
            stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
        }
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let body = read_body(&mut reader, &headers, false)?;
        Ok(Some(Self {
            method: method.to_owned(),
            path: path.to_owned(),
            query: query.to_owned(),
            headers,
            body,
        }))
    }

    /// The first value of a header, named in lower case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        header(&self.headers, name)
    }

    /// The value of a parameter in the query; empty when it has none.
    pub(crate) fn parameter(&self, name: &str) -> Option<String> {
        pairs(&self.query).into_iter().find_map(|(own, value)| (own == name).then_some(value))
    }
}

impl Response {
    /// A body of the type `content_type`.
    pub(crate) fn new(status: u16, content_type: &str, body: String) -> Self {
        let headers = vec![("content-type".to_owned(), content_type.to_owned())];
        Self { status, headers, body: body.into_bytes() }
    }

    /// The same with one header more, which replaces others of that name.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.retain(|(own, _)| own != name);
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Reads the answer to a request of `method`.
    pub(crate) fn read(stream: TcpStream, method: &str) -> io::Result<Self> {
        let mut reader = BufReader::new(stream);
        let Some((start, mut headers)) = read_head(&mut reader)? else {
            return Err(invalid("the connection ended without an answer"));
        };
        let status = start.split(' ').nth(1).and_then(|status| status.parse().ok());
        let status = status.ok_or_else(|| invalid("no status line"))?;
        let bodiless = method == "HEAD" || matches!(status, 204 | 304);
        let body = if bodiless { Vec::new() } else { read_body(&mut reader, &headers, true)? };
        let dropped = ["connection", "keep-alive", "transfer-encoding"];
        // To HEAD the length is an answer of its own.
        headers.retain(|(name, _)| {
            !dropped.contains(&name.as_str()) && (method == "HEAD" || name != "content-length")
        });
        Ok(Self { status, headers, body })
    }

    /// Sends it as the answer to a request of `method`.
    pub(crate) fn write(&self, stream: &mut TcpStream, method: &str) -> io::Result<()> {
        let mut head = Vec::new();
        write!(head, "HTTP/1.1 {} {}\r\n", self.status, reason(self.status))?;
        for (name, value) in &self.headers {
            write!(head, "{name}: {value}\r\n")?;
        }
        let bodiless = method == "HEAD" || matches!(self.status, 204 | 304);
        if !bodiless {
            write!(head, "content-length: {}\r\n", self.body.len())?;
        }
        head.extend_from_slice(b"connection: close\r\n\r\n");
        stream.write_all(&head)?;
        if !bodiless {
            stream.write_all(&self.body)?;
        }
        stream.flush()
    }
}

pub(crate) const fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        204 => "No Content",
        206 => "Partial Content",
        301 => "Moved Permanently",
        302 => "Found",
        304 => "Not Modified",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        409 => "Conflict",
        412 => "Precondition Failed",
        416 => "Range Not Satisfiable",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        _ => "Status",
    }
}

/// First line and headers; none when nothing comes.
pub(crate) fn read_head(reader: &mut impl BufRead) -> io::Result<Option<(String, Headers)>> {
    let mut start = String::new();
    if reader.read_line(&mut start)? == 0 {
        return Ok(None);
    }
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.split_once(':') else { break };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    Ok(Some((start.trim_end().to_owned(), headers)))
}

/// The body; where no length is given, none, or all that comes.
pub(crate) fn read_body(
    reader: &mut impl BufRead,
    headers: &[(String, String)],
    until_end: bool,
) -> io::Result<Vec<u8>> {
    let coding = header(headers, "transfer-encoding");
    if coding.is_some_and(|coding| coding.eq_ignore_ascii_case("chunked")) {
        return read_chunks(reader);
    }
    let length: Option<u64> =
        header(headers, "content-length").and_then(|length| length.parse().ok());
    if length.is_some_and(|length| length > MAX_BODY_BYTES) {
        return Err(invalid("the body is too long"));
    }
    let limit = length.unwrap_or(if until_end { MAX_BODY_BYTES } else { 0 });
    let mut body = Vec::new();
    reader.take(limit).read_to_end(&mut body)?;
    if length.is_some_and(|length| length != body.len() as u64) {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(body)
}

fn read_chunks(reader: &mut impl BufRead) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    let mut line = String::new();
    loop {
        line.clear();
        reader.read_line(&mut line)?;
        let size = line.split(';').next().unwrap_or_default().trim();
        let size = u64::from_str_radix(size, 16).map_err(|_| invalid("a chunk without a size"))?;
        if size == 0 {
            break;
        }
        if size > MAX_BODY_BYTES - (body.len() as u64).min(MAX_BODY_BYTES) {
            return Err(invalid("the body is too long"));
        }
        reader.by_ref().take(size).read_to_end(&mut body)?;
        // The end of the line after the chunk.
        reader.read_line(&mut line)?;
    }
    // Headers may follow; an empty line, or the end, closes them.
    loop {
        line.clear();
        reader.read_line(&mut line)?;
        if line.trim_end().is_empty() {
            return Ok(body);
        }
    }
}

pub(crate) fn header<'a>(headers: &'a [(String, String)], name: &str) -> Option<&'a str> {
    headers.iter().find_map(|(own, value)| (own == name).then_some(value.as_str()))
}

fn invalid(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

/// The pairs of a query or a form, decoded.
pub(crate) fn pairs(text: &str) -> Vec<(String, String)> {
    let decoded = |text: &str| String::from_utf8_lossy(&decode(text, true)).into_owned();
    let parts = text.split('&').filter(|part| !part.is_empty());
    parts
        .map(|part| part.split_once('=').unwrap_or((part, "")))
        .map(|(name, value)| (decoded(name), decoded(value)))
        .collect()
}

/// The bytes that percent-encoded `text` stands for; `plus_is_space` as in queries and forms.
pub(crate) fn decode(text: &str, plus_is_space: bool) -> Vec<u8> {
    let source = text.as_bytes();
    let mut bytes = Vec::with_capacity(source.len());
    let mut at = 0;
    while let Some(&byte) = source.get(at) {
        at += 1;
        let digits = (byte == b'%').then(|| text.get(at..at + 2)).flatten();
        let escaped = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match escaped {
            Some(value) => {
                bytes.push(value);
                at += 2;
            }
            None if byte == b'+' && plus_is_space => bytes.push(b' '),
            None => bytes.push(byte),
        }
    }
    bytes
}

/// `bytes` with all percent-encoded but letters, digits, `-_.~`, and slashes where they are kept.
pub(crate) fn encode(bytes: &[u8], keep_slashes: bool) -> String {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let mut text = String::with_capacity(bytes.len());
    for &byte in bytes {
        let kept = byte.is_ascii_alphanumeric()
            || matches!(byte, b'-' | b'_' | b'.' | b'~')
            || (byte == b'/' && keep_slashes);
        if kept {
            text.push(char::from(byte));
        } else {
            text.push('%');
            text.push(char::from(DIGITS[usize::from(byte >> 4)]));
            text.push(char::from(DIGITS[usize::from(byte & 15)]));
        }
    }
    text
}

/// `text` as it stands in XML.
pub(crate) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
