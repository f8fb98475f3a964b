//! The emulator behind the gate, which does whatever it is told.

use std::io::{self, Write};
use std::net::TcpStream;
use std::time::Duration;

use super::http::{Request, Response};

/// After which silence the emulator is given up.
const SILENCE: Duration = Duration::from_secs(90);

/// Headers that belong to a connection, or that are written anew.
const DROPPED: [&str; 6] =
    ["connection", "content-length", "expect", "host", "keep-alive", "transfer-encoding"];

/// The emulator takes unsigned requests for somebody else's business.
const ANYBODY: &str = "AWS4-HMAC-SHA256 Credential=ANYBODY/20260101/us-east-1/s3/aws4_request, \
                       SignedHeaders=host, Signature=0";

/// Where it listens.
#[derive(Clone, Debug)]
pub(super) struct Upstream {
    /// `127.0.0.1:5000`
    authority: String,
}

impl Upstream {
    /// The emulator at `url`, such as `http://127.0.0.1:5000`.
    pub(super) fn at(url: &str) -> io::Result<Self> {
        let authority = url.strip_prefix("http://").map(|rest| rest.trim_end_matches('/'));
        match authority {
            Some(authority) if !authority.is_empty() && !authority.contains('/') => {
                Ok(Self { authority: authority.to_owned() })
            }
            _ => Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                format!("{url} is not http://host:port"),
            )),
        }
    }

    /// Asks it, and brings the answer.
    pub(super) fn forward(&self, request: &Request) -> io::Result<Response> {
        let mut stream = TcpStream::connect(&self.authority)?;
        stream.set_read_timeout(Some(SILENCE))?;
        let Request { method, path, query, .. } = request;
        let mark = if query.is_empty() { "" } else { "?" };
        let mut head = Vec::new();
        write!(head, "{method} {path}{mark}{query} HTTP/1.1\r\nhost: {}\r\n", self.authority)?;
        for (name, value) in &request.headers {
            if !DROPPED.contains(&name.as_str()) {
                write!(head, "{name}: {value}\r\n")?;
            }
        }
        if request.header("authorization").is_none() {
            write!(head, "authorization: {ANYBODY}\r\n")?;
        }
        write!(head, "content-length: {}\r\nconnection: close\r\n\r\n", request.body.len())?;
        stream.write_all(&head)?;
        stream.write_all(&request.body)?;
        Response::read(stream, method)
    }
}
